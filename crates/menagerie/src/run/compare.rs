//! Runs side by side: what each is, what it cost, and the figures that may be compared.
//!
//! Two figures may be compared only where their definitions are the same: the data, the number of samples, the extractor and
//! its weights. Where they are not, nothing is ranked, and the difference is named.
use super::curves::{Panel, draw_panels};
use super::history::{self, Evaluated, Figure};
use super::{Checkpoint, Run, steps};
use crate::error::{Error, Result};
use crate::judge::{METRICS, metric};
use crate::models;
use crate::random::Key;
use burn::tensor::Device;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// A run in the table.
#[derive(Clone, Debug)]
pub struct Row {
    /// its folder, as it was given
    pub run: String,
    /// its model
    pub model: String,
    /// the model's family
    pub family: &'static str,
    /// trainable numbers of each network; none where there is no checkpoint yet
    pub networks: Vec<(&'static str, usize)>,
    /// every checkpoint that was evaluated, oldest first
    pub history: Vec<Evaluated>,
    /// the checkpoint that was evaluated last; of a run without evaluations the newest, without figures
    pub latest: Option<Evaluated>,
}

/// A metric in the table.
#[derive(Clone, Debug)]
pub struct Column {
    /// its name
    pub metric: String,
    /// whether more is better; None where neither is
    pub higher_is_better: Option<bool>,
    /// rows with the best figure, where there is a ranking
    pub best: Vec<usize>,
    /// keys in which definitions differ, each with its value in every row that has the metric
    pub differences: Vec<(String, Vec<(usize, Value)>)>,
}

/// The table.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// a row a run
    pub rows: Vec<Row>,
    /// a column a metric, in the order of [`METRICS`]
    pub columns: Vec<Column>,
}

/// Whether more of a metric (or of a `metric/member`) is better; None where neither is or nothing is known.
pub fn higher_is_better(name: &str) -> Option<bool> {
    metric(name.split('/').next().unwrap_or(name))
        .ok()?
        .0
        .higher_is_better
}

/// Keys in dotted form, so that a difference deep in a definition is named as closely as can be.
fn flat(definition: &Map<String, Value>, prefix: &str, out: &mut BTreeMap<String, Value>) {
    for (key, value) in definition {
        let key = format!("{prefix}{key}");
        match value {
            Value::Object(inner) => flat(inner, &format!("{key}."), out),
            _ => drop(out.insert(key, value.clone())),
        }
    }
}

impl Row {
    /// Reads a run.
    ///
    /// # Errors
    /// Those of the run folder and its recipe.
    pub fn of(path: &Path) -> Result<Row> {
        let run = Run::open(path)?;
        let recipe = run.recipe()?;
        let entry = models::entry(recipe.model_name())?;
        let folder = run.file("checkpoints");
        let newest = steps(&folder)?
            .iter()
            .rev()
            .find_map(|s| Checkpoint::open(&folder.join(format!("{s:06}"))).ok());
        let networks = match &newest {
            // Only where something can be learned are parameters counted as such.
            Some(c) => recipe
                .build(&c.state.data, &Device::flex().autodiff(), Key::new(0))?
                .networks(),
            None => vec![],
        };
        let all = history::read(&run)?;
        let history = history::by_checkpoint(&all);
        let latest = match all.last() {
            Some(last) => history.iter().find(|e| e.step == last.step).cloned(),
            None => newest.map(|c| Evaluated::new(c.state.step, c.state.images, c.state.seconds, None, &[])),
        };
        Ok(Row {
            run: path.display().to_string(),
            model: entry.name.into(),
            family: entry.family,
            networks: networks.iter().map(|n| (n.name, n.parameters)).collect(),
            history,
            latest,
        })
    }

    /// Trainable numbers in all, where they are known.
    pub fn parameters(&self) -> Option<usize> {
        (!self.networks.is_empty()).then(|| self.networks.iter().map(|n| n.1).sum())
    }

    /// A figure of the checkpoint that was evaluated last.
    pub fn figure(&self, metric: &str) -> Option<&Figure> {
        self.latest.as_ref()?.figures.get(metric)
    }

    /// Whether anything was evaluated.
    pub fn is_evaluated(&self) -> bool {
        !self.history.is_empty()
    }
}

impl Column {
    fn of(metric: &str, rows: &[Row]) -> Column {
        let having: Vec<(usize, &Figure)> = rows
            .iter()
            .enumerate()
            .filter_map(|(i, r)| Some((i, r.figure(metric)?)))
            .collect();
        let mut definitions = Vec::new();
        for (_, figure) in &having {
            let mut keys = BTreeMap::new();
            flat(&figure.definition, "", &mut keys);
            definitions.push(keys);
        }
        let mut names: Vec<&String> = definitions.iter().flat_map(BTreeMap::keys).collect();
        names.sort();
        names.dedup();
        let of = |name: &str| -> Vec<(usize, Value)> {
            having
                .iter()
                .zip(&definitions)
                .map(|((i, _), d)| (*i, d.get(name).cloned().unwrap_or(Value::Null)))
                .collect()
        };
        let differences: Vec<_> = names
            .iter()
            .map(|n| (n.to_string(), of(n)))
            .filter(|(_, values)| values.iter().any(|v| v.1 != values[0].1))
            .collect();
        let higher_is_better = higher_is_better(metric);
        let values: Vec<(usize, f64)> = having.iter().filter_map(|(i, f)| Some((*i, f.value?))).collect();
        let best = match higher_is_better {
            Some(more) if differences.is_empty() && values.len() > 1 => {
                let best = values.iter().map(|v| v.1).fold(
                    if more { f64::MIN } else { f64::MAX },
                    if more { f64::max } else { f64::min },
                );
                values.iter().filter(|v| v.1 == best).map(|v| v.0).collect()
            }
            _ => vec![],
        };
        Column {
            metric: metric.into(),
            higher_is_better,
            best,
            differences,
        }
    }
}

/// A value of a definition in a few letters: of a hash the first eight.
fn short(value: &Value) -> String {
    match value {
        Value::Null => "not said".into(),
        Value::String(s) if s.len() > 40 && s.bytes().all(|b| b.is_ascii_hexdigit()) => {
            format!("{}...", &s[..8])
        }
        Value::String(s) => s.clone(),
        other => other.to_string(),
    }
}

impl Comparison {
    /// Reads the runs. Only the named metrics are looked at, or all that any run has.
    ///
    /// # Errors
    /// Those of the run folders.
    pub fn of(runs: &[impl AsRef<Path>], metrics: &[String]) -> Result<Comparison> {
        let rows: Vec<Row> = runs.iter().map(|r| Row::of(r.as_ref())).collect::<Result<_>>()?;
        let wanted = |name: &&String| {
            metrics.is_empty()
                || metrics
                    .iter()
                    .any(|m| m == *name || name.split('/').next() == Some(m))
        };
        let mut names: Vec<&String> = rows
            .iter()
            .flat_map(|r| &r.latest)
            .flat_map(|e| e.figures.keys())
            .filter(wanted)
            .collect();
        let place = |name: &str| {
            let base = name.split('/').next().and_then(|n| metric(n).ok());
            base.and_then(|(m, _)| METRICS.iter().position(|k| k.name == m.name))
                .unwrap_or(METRICS.len())
        };
        names.sort_by(|a, b| place(a).cmp(&place(b)).then_with(|| a.cmp(b)));
        names.dedup();
        let columns = names.iter().map(|n| Column::of(n, &rows)).collect();
        Ok(Comparison { rows, columns })
    }

    /// A line for every metric that is not ranked because definitions differ: which keys, and who says what.
    pub fn warnings(&self) -> Vec<String> {
        let of_key = |(key, values): &(String, Vec<(usize, Value)>)| {
            let mut groups: Vec<(&Value, Vec<&str>)> = Vec::new();
            for (row, value) in values {
                let name = self.rows[*row].run.as_str();
                match groups.iter_mut().find(|g| g.0 == value) {
                    Some(g) => g.1.push(name),
                    None => groups.push((value, vec![name])),
                }
            }
            let said: Vec<String> = groups
                .iter()
                .map(|(v, runs)| format!("{} ({})", short(v), runs.join(", ")))
                .collect();
            format!("{key}: {}", said.join(", "))
        };
        let differing = self.columns.iter().filter(|c| !c.differences.is_empty());
        differing
            .map(|c| {
                let keys: Vec<String> = c.differences.iter().map(of_key).collect();
                format!(
                    "{} is not ranked, its definitions differ: {}",
                    c.metric,
                    keys.join("; ")
                )
            })
            .collect()
    }

    /// For programs: every run with its figures, every metric with its ranking.
    pub fn to_json(&self) -> Value {
        let figure = |row: usize, c: &Column| {
            let f = self.rows[row].figure(&c.metric)?;
            let mut out = json!({"value": f.value, "error": f.error, "definition": f.definition, "best": c.best.contains(&row)});
            if let Some(w) = &f.warning {
                out["warning"] = w.as_str().into();
            }
            Some((c.metric.clone(), out))
        };
        let run = |(i, r): (usize, &Row)| {
            let metrics: Map<String, Value> = self.columns.iter().filter_map(|c| figure(i, c)).collect();
            let networks: Map<String, Value> = r
                .networks
                .iter()
                .map(|(n, p)| (n.to_string(), (*p).into()))
                .collect();
            let at = r.latest.as_ref();
            json!({"run": r.run, "model": r.model, "family": r.family, "parameters": r.parameters(), "networks": networks,
                "step": at.map(|e| e.step), "images": at.map(|e| e.images), "seconds": at.map(|e| e.seconds), "metrics": metrics})
        };
        let column = |c: &Column| {
            let named = |values: &Vec<(usize, Value)>| -> Map<String, Value> {
                values
                    .iter()
                    .map(|(i, v)| (self.rows[*i].run.clone(), v.clone()))
                    .collect()
            };
            let differences: Map<String, Value> = c
                .differences
                .iter()
                .map(|(k, v)| (k.clone(), named(v).into()))
                .collect();
            let best: Vec<&str> = c.best.iter().map(|i| self.rows[*i].run.as_str()).collect();
            let said = json!({"higher_is_better": c.higher_is_better, "comparable": c.differences.is_empty(), "best": best,
                "differences": differences});
            (c.metric.clone(), said)
        };
        let metrics: Map<String, Value> = self.columns.iter().map(column).collect();
        json!({"runs": self.rows.iter().enumerate().map(run).collect::<Vec<_>>(), "metrics": metrics, "warnings": self.warnings()})
    }

    /// Draws every metric that may be compared against training seconds, a panel a metric, a line a run; gives the metrics
    /// that are drawn. Figures of older checkpoints count where their definition is that of the latest.
    ///
    /// # Errors
    /// [`Error::Usage`] when no run has two checkpoints with a metric; [`Error::Io`] when the picture cannot be written.
    pub fn draw(&self, path: &Path) -> Result<Vec<String>> {
        let line = |row: &Row, metric: &str| {
            let latest = row.figure(metric)?;
            let same = |e: &Evaluated| {
                e.figures
                    .get(metric)
                    .filter(|f| f.definition == latest.definition)
                    .and_then(|f| f.value)
            };
            let mut points: Vec<(f64, f64)> = row
                .history
                .iter()
                .filter_map(|e| Some((e.seconds, same(e)?)))
                .collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0));
            (!points.is_empty()).then(|| (row.run.clone(), points))
        };
        let panel = |c: &Column| Panel {
            title: c.metric.clone(),
            across: "seconds of training",
            lines: self.rows.iter().filter_map(|r| line(r, &c.metric)).collect(),
            dots: true,
        };
        let comparable = self.columns.iter().filter(|c| c.differences.is_empty());
        let panels: Vec<Panel> = comparable
            .map(panel)
            .filter(|p| p.lines.iter().any(|l| l.1.len() > 1))
            .collect();
        if panels.is_empty() {
            return Err(Error::usage(
                "there is nothing to draw: no run has two checkpoints that were evaluated by one metric in the same way",
                "evaluate more with `menagerie evaluate RUN --every N`, or train with --evaluate-every N",
            ));
        }
        draw_panels(&panels, path)?;
        Ok(panels.into_iter().map(|p| p.title).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(run: &str, at: &[(u64, f64, usize)]) -> Row {
        let one = |&(step, value, samples): &(u64, f64, usize)| {
            let text = json!({"step": step, "images": 8 * step, "seconds": step as f64 / 2.0, "metrics": {
                "psnr": {"value": value, "error": 0.5, "definition": {"samples": samples, "step": step, "reference": {"split": "test"}}},
                "nll": {"value": value, "error": null, "definition": {"items": 3}},
                "attributes/smile": {"value": 0.5, "error": null, "definition": {}}}});
            serde_json::from_value::<Map<String, Value>>(text).unwrap()
        };
        let history: Vec<Evaluated> = at
            .iter()
            .map(|a| super::super::history::tests::evaluated(&one(a)))
            .collect();
        let latest = history.last().cloned();
        Row {
            run: run.into(),
            model: "vae".into(),
            family: "variational",
            networks: vec![("encoder", 7), ("decoder", 5)],
            history,
            latest,
        }
    }

    fn compared(rows: Vec<Row>) -> Comparison {
        let columns = ["nll", "psnr", "attributes/smile"]
            .map(|m| Column::of(m, &rows))
            .into();
        Comparison { rows, columns }
    }

    #[test]
    fn the_best_follows_the_metrics_direction_and_ties_are_all_best() {
        let c = compared(vec![
            row("a", &[(10, 3.0, 5)]),
            row("b", &[(20, 4.0, 5)]),
            row("c", &[(30, 4.0, 5)]),
        ]);
        assert_eq!(c.columns[0].best, [0], "less nll is better");
        assert_eq!(
            c.columns[1].best,
            [1, 2],
            "more psnr is better; the step is no part of the definition"
        );
        assert_eq!(c.columns[2].best, [0, 1, 2]);
        assert!(c.warnings().is_empty());
        let json = c.to_json();
        assert_eq!(json["runs"][0]["parameters"], 12);
        assert_eq!(json["runs"][1]["metrics"]["psnr"]["best"], true);
        assert_eq!(json["runs"][0]["metrics"]["psnr"]["best"], false);
        assert_eq!(
            json["metrics"]["psnr"],
            json!({"higher_is_better": true, "comparable": true, "best": ["b", "c"], "differences": {}})
        );
    }

    #[test]
    fn differing_definitions_are_named_and_not_ranked() {
        let c = compared(vec![
            row("a", &[(10, 3.0, 5)]),
            row("b", &[(20, 4.0, 6)]),
            row("c", &[(30, 9.0, 5)]),
        ]);
        assert!(c.columns[1].best.is_empty());
        assert_eq!(c.columns[0].best, [0], "the others are ranked all the same");
        assert_eq!(
            c.warnings(),
            ["psnr is not ranked, its definitions differ: samples: 5 (a, c), 6 (b)"]
        );
        assert_eq!(
            c.to_json()["metrics"]["psnr"]["differences"],
            json!({"samples": {"a": 5, "b": 6, "c": 5}})
        );
        // One run alone has no rank.
        assert!(
            compared(vec![row("a", &[(10, 3.0, 5)])])
                .columns
                .iter()
                .all(|c| c.best.is_empty())
        );
    }

    #[test]
    fn figures_over_time_are_drawn_where_there_are_two() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("figure.png");
        let e = compared(vec![row("a", &[(10, 3.0, 5)]), row("b", &[(20, 4.0, 5)])])
            .draw(&path)
            .unwrap_err();
        assert!(e.is_usage() && e.to_string().contains("--every N"), "{e}");
        // The older figure of b was worked out otherwise, so that psnr has no second point.
        let e = compared(vec![row("b", &[(10, 4.0, 6), (20, 4.0, 5)])]);
        assert_eq!(e.draw(&path).unwrap(), ["nll", "attributes/smile"]);
        let drawn = compared(vec![
            row("a", &[(10, 3.0, 5), (20, 5.0, 5)]),
            row("b", &[(20, 4.0, 5)]),
        ])
        .draw(&path)
        .unwrap();
        assert_eq!(drawn, ["nll", "psnr", "attributes/smile"]);
        let picture = image::open(&path).unwrap().to_rgb8();
        assert_eq!(picture.dimensions(), (960, 600));
        // Both runs are seen in the first panel.
        for colour in [[31, 119, 180], [214, 88, 39]] {
            assert!(
                (0..480).any(|x| (0..300).any(|y| picture.get_pixel(x, y).0 == colour)),
                "{colour:?}"
            );
        }
    }
}
