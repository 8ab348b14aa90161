//! Runs side by side: what each is, what it cost, and the figures that may be compared.
//!
//! Two figures may be compared only where their definitions are the same: the data, the number of samples, the extractor and
//! its weights. Where they are not, nothing is ranked, and the difference is named.
use super::curves::{Panel, draw_panels};
use super::history::{self, Evaluated, Figure};
use super::{Checkpoint, Run, steps};
use crate::data::Kind;
use crate::error::{Error, Result};
use crate::judge::{METRICS, label, metric};
use crate::models::{self, Capability};
use crate::random::Key;
use burn::tensor::Device;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
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
    /// what the model can do
    pub capabilities: &'static [Capability],
    /// what its data are; None where there is no checkpoint yet
    pub kind: Option<Kind>,
    /// trainable numbers of each network; none where there is no checkpoint yet
    pub networks: Vec<(&'static str, usize)>,
    /// every evaluation in the order they were made
    pub evaluations: Vec<Evaluated>,
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
    /// the figure of every row that has one, of the newest definition that all of these rows share; where they share none,
    /// the newest of each
    pub figures: BTreeMap<usize, Figure>,
    /// rows with the best figure, where there is a ranking
    pub best: Vec<usize>,
    /// keys in which definitions differ, each with its value in every row that has the metric
    pub differences: Vec<Difference>,
    /// keys in which a row has a newer definition that not all share, each with its value there
    pub passed_over: Vec<Difference>,
}

/// A key of definitions, and its value in some rows.
pub type Difference = (String, Vec<(usize, Value)>);

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
    metric(base(name)).ok()?.0.higher_is_better
}

/// The metric of a `metric/member`.
fn base(name: &str) -> &str {
    name.split('/').next().unwrap_or(name)
}

/// A definition's keys in dotted form, so that a difference deep in it is named as closely as can be.
fn flat(definition: &Map<String, Value>) -> BTreeMap<String, Value> {
    fn add(definition: &Map<String, Value>, prefix: &str, out: &mut BTreeMap<String, Value>) {
        for (key, value) in definition {
            let key = format!("{prefix}{key}");
            match value {
                Value::Object(inner) => add(inner, &format!("{key}."), out),
                _ => drop(out.insert(key, value.clone())),
            }
        }
    }
    let mut out = BTreeMap::new();
    add(definition, "", &mut out);
    out
}

/// Keys in which some definitions differ, with their values.
fn differences(definitions: &[(usize, &Map<String, Value>)]) -> Vec<Difference> {
    let flat: Vec<_> = definitions.iter().map(|(row, d)| (*row, flat(d))).collect();
    let names: BTreeSet<&String> = flat.iter().flat_map(|(_, d)| d.keys()).collect();
    let values = |name: &String| -> Vec<(usize, Value)> {
        flat.iter()
            .map(|(row, d)| (*row, d.get(name).cloned().unwrap_or(Value::Null)))
            .collect()
    };
    names
        .into_iter()
        .map(|n| (n.clone(), values(n)))
        .filter(|(_, values)| values.iter().any(|v| v.1 != values[0].1))
        .collect()
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
        let kind = newest.as_ref().map(|c| c.state.data.kind);
        let evaluations = history::read(&run)?;
        let latest = match evaluations.last() {
            Some(last) => history::by_checkpoint(&evaluations)
                .into_iter()
                .find(|e| e.step == last.step),
            None => newest.map(|c| Evaluated::new(c.state.step, c.state.images, c.state.seconds, None, &[])),
        };
        Ok(Row {
            run: path.display().to_string(),
            model: entry.name.into(),
            family: entry.family,
            capabilities: entry.capabilities,
            kind,
            networks: networks.iter().map(|n| (n.name, n.parameters)).collect(),
            evaluations,
            latest,
        })
    }

    /// Trainable numbers in all, where they are known.
    pub fn parameters(&self) -> Option<usize> {
        (!self.networks.is_empty()).then(|| self.networks.iter().map(|n| n.1).sum())
    }

    /// Whether anything was evaluated.
    pub fn is_evaluated(&self) -> bool {
        !self.evaluations.is_empty()
    }

    /// Figures of the checkpoint that was evaluated last, the newest first, one a definition.
    fn figures(&self, metric: &str) -> Vec<&Figure> {
        let step = self.latest.as_ref().map(|e| e.step);
        let mut out: Vec<&Figure> = Vec::new();
        for e in self.evaluations.iter().rev().filter(|e| Some(e.step) == step) {
            let figure = e.figures.get(metric);
            out.extend(figure.filter(|f| out.iter().all(|o| o.definition != f.definition)));
        }
        out
    }

    /// Seconds of training and figure of every checkpoint that was judged by that definition.
    fn over_time(&self, metric: &str, definition: &Map<String, Value>) -> Vec<(f64, f64)> {
        let mut found = BTreeMap::new();
        for e in &self.evaluations {
            let figure = e.figures.get(metric).filter(|f| f.definition == *definition);
            if let Some(value) = figure.and_then(|f| f.value) {
                found.insert(e.step, (e.seconds, value));
            }
        }
        let mut points: Vec<(f64, f64)> = found.into_values().collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points
    }
}

/// The newest definition that all rows have: of those in every list, that which stands nearest to the front of all.
fn shared<'a>(having: &[(usize, Vec<&'a Figure>)]) -> Option<&'a Map<String, Value>> {
    let place = |d: &Map<String, Value>| -> Option<usize> {
        having
            .iter()
            .map(|(_, figures)| figures.iter().position(|f| f.definition == *d))
            .sum()
    };
    let candidates = having.first()?.1.iter().map(|f| &f.definition);
    candidates
        .filter_map(|d| Some((place(d)?, d)))
        .min_by_key(|c| c.0)
        .map(|c| c.1)
}

impl Column {
    fn of(metric: &str, rows: &[Row]) -> Column {
        let having: Vec<(usize, Vec<&Figure>)> = rows
            .iter()
            .enumerate()
            .map(|(i, r)| (i, r.figures(metric)))
            .filter(|(_, figures)| !figures.is_empty())
            .collect();
        let common = shared(&having);
        let chosen = |figures: &[&Figure]| -> Figure {
            let found = figures.iter().find(|f| Some(&f.definition) == common);
            (*found.unwrap_or(&figures[0])).clone()
        };
        let figures: BTreeMap<usize, Figure> = having.iter().map(|(i, f)| (*i, chosen(f))).collect();
        let taken: Vec<_> = figures.iter().map(|(i, f)| (*i, &f.definition)).collect();
        let differences = differences(&taken);
        let mut passed_over: Vec<Difference> = Vec::new();
        for (row, newest) in &having {
            let two = [(0, &figures[row].definition), (1, &newest[0].definition)];
            for (key, values) in self::differences(&two) {
                let newer = (*row, values[1].1.clone());
                match passed_over.iter_mut().find(|p| p.0 == key) {
                    Some(known) => known.1.push(newer),
                    None => passed_over.push((key, vec![newer])),
                }
            }
        }
        let higher_is_better = higher_is_better(metric);
        let values: Vec<(usize, f64)> = figures.iter().filter_map(|(i, f)| Some((*i, f.value?))).collect();
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
            figures,
            best,
            differences,
            passed_over,
        }
    }

    /// The metric as people are told it, with its extractor where all figures have the same: `fid(random:0)`.
    pub fn label(&self) -> String {
        let mut labels = self.figures.values().map(|f| label(&self.metric, &f.definition));
        match labels.next() {
            Some(first) if labels.all(|l| l == first) => first,
            _ => self.metric.clone(),
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
        let wanted =
            |name: &&String| metrics.is_empty() || metrics.iter().any(|m| m == *name || base(name) == m);
        let mut names: Vec<&String> = rows
            .iter()
            .flat_map(|r| &r.latest)
            .flat_map(|e| e.figures.keys())
            .filter(wanted)
            .collect();
        let place = |name: &str| {
            let known = metric(base(name)).ok();
            known
                .and_then(|(m, _)| METRICS.iter().position(|k| k.name == m.name))
                .unwrap_or(METRICS.len())
        };
        names.sort_by(|a, b| place(a).cmp(&place(b)).then_with(|| a.cmp(b)));
        names.dedup();
        let columns = names.iter().map(|n| Column::of(n, &rows)).collect();
        Ok(Comparison { rows, columns })
    }

    /// A key, its values, and who has them.
    fn said(&self, (key, values): &Difference) -> String {
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
    }

    fn all_said(&self, differences: &[Difference]) -> String {
        differences
            .iter()
            .map(|d| self.said(d))
            .collect::<Vec<_>>()
            .join("; ")
    }

    /// A line for every metric that is not ranked because definitions differ: which keys, and who says what.
    pub fn warnings(&self) -> Vec<String> {
        let differing = self.columns.iter().filter(|c| !c.differences.is_empty());
        differing
            .map(|c| {
                let said = self.all_said(&c.differences);
                format!(
                    "{} is not ranked because its definitions differ: {said}",
                    c.label()
                )
            })
            .collect()
    }

    /// A line for every metric of which a run has a newer figure whose definition the others do not share: which definition
    /// was taken, and what the newer one says.
    pub fn notes(&self) -> Vec<String> {
        let older = self.columns.iter().filter(|c| !c.passed_over.is_empty());
        older
            .filter_map(|c| {
                let taken = flat(&c.figures.values().next()?.definition);
                let value = |key: &String| short(taken.get(key).unwrap_or(&Value::Null));
                let said: Vec<String> = c
                    .passed_over
                    .iter()
                    .map(|(k, _)| format!("{k}: {}", value(k)))
                    .collect();
                Some(format!(
                    "{} is compared by the newest definition that all runs share ({}); not by the newer {}",
                    c.label(),
                    said.join(", "),
                    self.all_said(&c.passed_over)
                ))
            })
            .collect()
    }

    /// Of the table's metrics those that a run's model can have.
    pub fn metrics_for(&self, row: &Row) -> Vec<&str> {
        let mut names: Vec<&str> = self.columns.iter().map(|c| base(&c.metric)).collect();
        names.dedup();
        names.retain(|n| metric(n).is_ok_and(|(m, _)| m.needs.suits(row.capabilities, row.kind)));
        names
    }

    /// For programs: every run with its figures, every metric with its ranking.
    pub fn to_json(&self) -> Value {
        let figure = |row: usize, c: &Column| {
            let f = c.figures.get(&row)?;
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
            let of_keys = |all: &[Difference]| -> Map<String, Value> {
                all.iter().map(|(k, v)| (k.clone(), named(v).into())).collect()
            };
            let differences = of_keys(&c.differences);
            let best: Vec<&str> = c.best.iter().map(|i| self.rows[*i].run.as_str()).collect();
            let said = json!({"higher_is_better": c.higher_is_better, "comparable": c.differences.is_empty(), "best": best,
                "differences": differences, "newer_definitions": of_keys(&c.passed_over)});
            (c.metric.clone(), said)
        };
        let metrics: Map<String, Value> = self.columns.iter().map(column).collect();
        json!({"runs": self.rows.iter().enumerate().map(run).collect::<Vec<_>>(), "metrics": metrics, "warnings": self.warnings(), "notes": self.notes()})
    }

    /// Draws every metric that may be compared against training seconds, a panel a metric, a line a run; gives the metrics
    /// that are drawn. Figures of older checkpoints count where they have the definition by which the metric is compared.
    ///
    /// # Errors
    /// [`Error::Usage`] when no run has two checkpoints with a metric, or the runs' definitions differ; [`Error::Io`] when the picture cannot be written.
    pub fn draw(&self, path: &Path) -> Result<Vec<String>> {
        let line = |(row, figure): (&usize, &Figure), metric: &str| {
            let row = &self.rows[*row];
            let points = row.over_time(metric, &figure.definition);
            (!points.is_empty()).then(|| (row.run.clone(), points))
        };
        let panel = |c: &Column| Panel {
            title: c.label(),
            across: "seconds of training",
            lines: c.figures.iter().filter_map(|f| line(f, &c.metric)).collect(),
            dots: true,
            bounds: None,
            level: None,
        };
        let drawn = |p: &Panel| p.lines.iter().any(|l| l.1.len() > 1);
        let (alike, others): (Vec<&Column>, Vec<&Column>) =
            self.columns.iter().partition(|c| c.differences.is_empty());
        let panels: Vec<Panel> = alike.into_iter().map(panel).filter(drawn).collect();
        if let (true, Some(c)) = (panels.is_empty(), others.iter().find(|c| drawn(&panel(c)))) {
            return Err(Error::usage(
                format!(
                    "there is nothing to draw: the definitions of {} differ between the runs ({})",
                    c.label(),
                    c.differences
                        .iter()
                        .map(|(key, _)| key.as_str())
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
                "evaluate all of them in the same way, with `menagerie evaluate RUN --every N`",
            ));
        }
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
mod tests;
