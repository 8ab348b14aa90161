//! `evaluation.jsonl`: a line an evaluation, with the checkpoint that was judged and each metric with its definition.
use super::{Run, lines, read_metrics, step_of, steps};
use crate::error::{Error, Result};
use crate::judge::{Verdict, label};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Keys of a definition that tell of what was judged, and do not keep two figures from being compared.
const OF_THE_SUBJECT: [&str; 5] = ["checkpoint", "model", "run", "step", "median_of_samples"];

/// A figure as it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// the number; None where it was not finite
    pub value: Option<f64>,
    /// its standard error, where one is known
    pub error: Option<f64>,
    /// what makes it doubtful
    pub warning: Option<String>,
    /// everything it depends on but the model that was judged
    pub definition: Map<String, Value>,
}

/// A checkpoint that was judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluated {
    /// its step
    pub step: u64,
    /// items it had seen
    pub images: u64,
    /// seconds it had been trained
    pub seconds: f64,
    /// the metric that chooses the best of a series of checkpoints, where this was one of a series
    pub best_by: Option<String>,
    /// the figures by their metric
    pub figures: BTreeMap<String, Figure>,
}

impl Figure {
    fn read(value: &Value) -> Figure {
        let mut definition = value["definition"].as_object().cloned().unwrap_or_default();
        definition.retain(|k, _| !OF_THE_SUBJECT.contains(&k.as_str()));
        Figure {
            value: value["value"].as_f64(),
            error: value["error"].as_f64(),
            warning: value["warning"].as_str().map(String::from),
            definition,
        }
    }
}

impl Evaluated {
    /// What was found for a checkpoint.
    pub fn new(
        step: u64,
        images: u64,
        seconds: f64,
        best_by: Option<String>,
        verdicts: &[Verdict],
    ) -> Evaluated {
        let figures = verdicts
            .iter()
            .map(|v| (v.metric.clone(), Figure::read(&v.to_json())))
            .collect();
        Evaluated {
            step,
            images,
            seconds,
            best_by,
            figures,
        }
    }

    fn read(line: &Map<String, Value>) -> Evaluated {
        let figures = line
            .get("metrics")
            .and_then(Value::as_object)
            .into_iter()
            .flatten();
        Evaluated {
            step: step_of(line),
            images: line.get("images").and_then(Value::as_u64).unwrap_or(0),
            seconds: line.get("seconds").and_then(Value::as_f64).unwrap_or(0.0),
            best_by: line.get("best_by").and_then(Value::as_str).map(String::from),
            figures: figures.map(|(name, v)| (name.clone(), Figure::read(v))).collect(),
        }
    }
}

/// Adds a line to `RUN/evaluation.jsonl`.
///
/// # Errors
/// [`Error::Io`] when it cannot be written.
pub fn append(run: &Run, judged: &Evaluated, verdicts: &[Verdict]) -> Result<()> {
    let metrics: Map<String, Value> = verdicts.iter().map(|v| (v.metric.clone(), v.to_json())).collect();
    let mut line =
        json!({"step": judged.step, "images": judged.images, "seconds": judged.seconds, "metrics": metrics});
    if let Some(metric) = &judged.best_by {
        line["best_by"] = metric.as_str().into();
    }
    lines::append(&run.file("evaluation.jsonl"), &line.to_string())
}

/// Every evaluation of a run in the order they were made; none where there was none yet.
///
/// # Errors
/// [`Error::Io`] when the file cannot be read.
pub fn read(run: &Run) -> Result<Vec<Evaluated>> {
    let lines = read_metrics(&run.file("evaluation.jsonl"))?;
    Ok(lines.iter().map(Evaluated::read).collect())
}

/// What is to be said of lines of `evaluation.jsonl` that are damaged, and passed over.
///
/// # Errors
/// [`Error::Io`] when the file cannot be read.
pub fn damage(run: &Run) -> Result<Option<String>> {
    let damaged = lines::read(&run.file("evaluation.jsonl"))?.damaged;
    Ok((damaged > 0).then(|| {
        let path = run.file("evaluation.jsonl");
        format!("{}: damaged lines are skipped: {damaged}", path.display())
    }))
}

/// One for each checkpoint, oldest first: of a metric that was worked out more than once, the last figure counts.
pub fn by_checkpoint(all: &[Evaluated]) -> Vec<Evaluated> {
    let mut found: BTreeMap<u64, Evaluated> = BTreeMap::new();
    for e in all {
        let of = found.entry(e.step).or_insert_with(|| Evaluated {
            figures: BTreeMap::new(),
            ..e.clone()
        });
        of.figures.extend(e.figures.clone());
    }
    found.into_values().collect()
}

/// The best checkpoint of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Best {
    /// its step
    pub step: u64,
    /// the metric that says so
    pub metric: String,
    /// the metric as people are told it, with its extractor
    pub label: String,
    /// its figure
    pub value: f64,
}

/// The best of the checkpoints that were judged in a series, that is while training or by `evaluate --every`, and that are
/// still there: by the metric of the latest series, among figures of the latest definition. Of equals it is the first.
///
/// # Errors
/// [`Error::Io`] when evaluation.jsonl cannot be read.
pub fn best(run: &Run) -> Result<Option<Best>> {
    Ok(best_of(&read(run)?, &steps(&run.file("checkpoints"))?))
}

/// The best with one more that was judged just now, whose checkpoint may yet have to be written.
///
/// # Errors
/// As [`best`].
pub(super) fn best_with(run: &Run, judged: &Evaluated) -> Result<Option<Best>> {
    let mut all = read(run)?;
    all.push(judged.clone());
    let mut there = steps(&run.file("checkpoints"))?;
    there.push(judged.step);
    Ok(best_of(&all, &there))
}

fn best_of(all: &[Evaluated], there: &[u64]) -> Option<Best> {
    let series: Vec<Evaluated> = all.iter().filter(|e| e.best_by.is_some()).cloned().collect();
    let metric = series.last()?.best_by.clone()?;
    let more = super::compare::higher_is_better(&metric)?;
    let definition = &series
        .iter()
        .rev()
        .find_map(|e| e.figures.get(&metric))?
        .definition;
    let mut best: Option<Best> = None;
    for e in by_checkpoint(&series) {
        let figure = e
            .figures
            .get(&metric)
            .filter(|f| f.definition == *definition && there.contains(&e.step));
        let Some((value, definition)) = figure.and_then(|f| Some((f.value?, &f.definition))) else {
            continue;
        };
        if best
            .as_ref()
            .is_none_or(|b| if more { value > b.value } else { value < b.value })
        {
            best = Some(Best {
                step: e.step,
                metric: metric.clone(),
                label: label(&metric, definition),
                value,
            });
        }
    }
    best
}

/// The metric that is to choose the best of checkpoints: the one that is wished, or the first that knows better from worse.
///
/// # Errors
/// [`Error::Recipe`] for one that is not worked out, or that does not know better from worse.
pub fn chooser(wished: &str, names: &[String]) -> Result<Option<String>> {
    use super::compare::higher_is_better;
    if wished.is_empty() {
        return Ok(names.iter().find(|n| higher_is_better(n).is_some()).cloned());
    }
    let known = names
        .iter()
        .any(|n| n == wished || wished.split('/').next() == Some(n));
    let problem = match higher_is_better(wished) {
        _ if !known => format!("`{wished}` is not among the metrics that are worked out"),
        None => {
            format!("`{wished}` does not say which checkpoint is best: neither more nor less of it is better")
        }
        Some(_) => return Ok(Some(wished.into())),
    };
    Err(Error::recipe(
        "evaluate.best",
        problem,
        format!("choose of {}", names.join(", ")),
    ))
}

/// Drops what was found for checkpoints after `step`, through which training goes again, a line that was cut off, and
/// damaged lines, whose number is given.
///
/// # Errors
/// [`Error::Io`] when the file cannot be read or written.
pub fn forget_after(run: &Run, step: u64) -> Result<usize> {
    lines::keep(&run.file("evaluation.jsonl"), |line| step_of(line) <= step)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A line as the file has it.
    pub(crate) fn evaluated(line: &Map<String, Value>) -> Evaluated {
        Evaluated::read(line)
    }

    fn line(step: u64, metrics: Value) -> Evaluated {
        let text =
            json!({"step": step, "images": 2 * step, "seconds": 0.5, "best_by": "nll", "metrics": metrics});
        evaluated(text.as_object().unwrap())
    }

    #[test]
    fn the_last_figure_of_a_checkpoint_counts() {
        let one = |v: f64| json!({"value": v, "error": null, "definition": {"samples": 3, "run": "r", "median_of_samples": v}});
        let all = [
            line(5, json!({"nll": one(3.0), "kid": one(1.0)})),
            line(2, json!({"nll": one(9.0)})),
            line(5, json!({"nll": one(2.0)})),
        ];
        let found = by_checkpoint(&all);
        assert_eq!(found.iter().map(|e| e.step).collect::<Vec<_>>(), [2, 5]);
        assert_eq!(
            (found[1].figures["nll"].value, found[1].figures["kid"].value),
            (Some(2.0), Some(1.0))
        );
        assert_eq!(
            found[0].figures["nll"].definition, found[1].figures["nll"].definition,
            "the subject is no part of it"
        );
        assert_eq!(found[1].best_by.as_deref(), Some("nll"));
        // What cannot be a number is none.
        assert_eq!(
            line(1, json!({"nll": {"value": null}})).figures["nll"].value,
            None
        );
    }

    #[test]
    fn the_best_is_there_and_was_judged_in_the_same_way() {
        let nll = |v: f64, samples: u64| json!({"nll": {"value": v, "error": null, "definition": {"samples": samples}}});
        let mut all: Vec<Evaluated> = [(2, 5.0), (4, 3.0), (6, 3.0), (8, 1.0)]
            .map(|(step, v)| line(step, nll(v, 9)))
            .into();
        let step = |all: &[Evaluated], there: &[u64]| best_of(all, there).map(|b| b.step);
        assert_eq!(step(&all, &[2, 4, 6, 8]), Some(8));
        assert_eq!(
            step(&all, &[2, 4, 6]),
            Some(4),
            "of equals the first, and one that is gone is none"
        );
        assert_eq!(step(&all, &[]), None);
        // A single evaluation does not choose, whatever it says.
        all.push(Evaluated {
            best_by: None,
            ..line(2, nll(0.1, 50))
        });
        assert_eq!(step(&all, &[2, 4, 6, 8]), Some(8));
        // A series of another definition begins anew.
        all.push(line(6, nll(7.0, 50)));
        assert_eq!(
            best_of(&all, &[2, 4, 6, 8]),
            Some(Best {
                step: 6,
                metric: "nll".into(),
                label: "nll".into(),
                value: 7.0
            })
        );
    }

    #[test]
    fn a_metric_chooses_if_it_can() {
        let names = ["modes".to_string(), "nll".into(), "attributes".into()];
        assert_eq!(chooser("", &names).unwrap().as_deref(), Some("modes"));
        assert_eq!(
            chooser("attributes/smile", &names).unwrap().as_deref(),
            Some("attributes/smile")
        );
        assert!(
            chooser("kid", &names)
                .unwrap_err()
                .to_string()
                .contains("evaluate.best")
        );
    }

    #[test]
    fn what_comes_again_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let (run, _lock) = Run::create(
            &dir.path().join("r"),
            &crate::recipe::Recipe::named("dcgan").unwrap(),
        )
        .unwrap();
        forget_after(&run, 3).unwrap();
        let path = run.file("evaluation.jsonl");
        std::fs::write(
            &path,
            "{\"step\": 3, \"metrics\": {}}\n{\"step\":4,\"metrics\":{}}\n{\"step\":2",
        )
        .unwrap();
        forget_after(&run, 3).unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "{\"step\": 3, \"metrics\": {}}\n"
        );
    }
}
