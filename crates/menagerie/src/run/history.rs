//! `evaluation.jsonl`: a line an evaluation, with the checkpoint that was judged and each metric with its definition.
use super::{Run, read_metrics, step_of};
use crate::error::{Error, Result};
use crate::evaluate::judge::Verdict;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::Write;

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
    pub fn new(step: u64, images: u64, seconds: f64, best_by: Option<String>, verdicts: &[Verdict]) -> Evaluated {
        let figures = verdicts.iter().map(|v| (v.metric.clone(), Figure::read(&v.to_json()))).collect();
        Evaluated { step, images, seconds, best_by, figures }
    }

    fn read(line: &Map<String, Value>) -> Evaluated {
        let figures = line.get("metrics").and_then(Value::as_object).into_iter().flatten();
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
    let mut line = json!({"step": judged.step, "images": judged.images, "seconds": judged.seconds, "metrics": metrics});
    if let Some(metric) = &judged.best_by {
        line["best_by"] = metric.as_str().into();
    }
    let path = run.file("evaluation.jsonl");
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&path).map_err(Error::io("write", &path))?;
    writeln!(file, "{line}").map_err(Error::io("write", &path))
}

/// Every evaluation of a run in the order they were made; none where there was none yet.
///
/// # Errors
/// [`Error::Io`] when the file cannot be read.
pub fn read(run: &Run) -> Result<Vec<Evaluated>> {
    let path = run.file("evaluation.jsonl");
    if !path.exists() {
        return Ok(vec![]);
    }
    Ok(read_metrics(&path)?.iter().map(Evaluated::read).collect())
}

/// One for each checkpoint, oldest first: of a metric that was worked out more than once, the last figure counts.
pub fn by_checkpoint(all: &[Evaluated]) -> Vec<Evaluated> {
    let mut found: BTreeMap<u64, Evaluated> = BTreeMap::new();
    for e in all {
        let of = found.entry(e.step).or_insert_with(|| Evaluated { figures: BTreeMap::new(), ..e.clone() });
        of.figures.extend(e.figures.clone());
    }
    found.into_values().collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A line as the file has it.
    pub fn evaluated(line: &Map<String, Value>) -> Evaluated {
        Evaluated::read(line)
    }

    fn line(step: u64, metrics: Value) -> Evaluated {
        let text = json!({"step": step, "images": 2 * step, "seconds": 0.5, "best_by": "fid", "metrics": metrics});
        evaluated(text.as_object().unwrap())
    }

    #[test]
    fn the_last_figure_of_a_checkpoint_counts() {
        let one = |v: f64| json!({"value": v, "error": null, "definition": {"samples": 3, "run": "r", "median_of_samples": v}});
        let all =
            [line(5, json!({"fid": one(3.0), "kid": one(1.0)})), line(2, json!({"fid": one(9.0)})), line(5, json!({"fid": one(2.0)}))];
        let found = by_checkpoint(&all);
        assert_eq!(found.iter().map(|e| e.step).collect::<Vec<_>>(), [2, 5]);
        assert_eq!((found[1].figures["fid"].value, found[1].figures["kid"].value), (Some(2.0), Some(1.0)));
        assert_eq!(found[0].figures["fid"].definition, found[1].figures["fid"].definition, "the subject is no part of it");
        assert_eq!(found[1].best_by.as_deref(), Some("fid"));
        // What cannot be a number is none.
        assert_eq!(line(1, json!({"fid": {"value": null}})).figures["fid"].value, None);
    }
}
