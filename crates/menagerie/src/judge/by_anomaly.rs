//! Metrics of how well a model tells items of classes that it has not learned from.
use super::by_capability::squared_errors;
use super::metric::{Judge, Metric, Tell, Verdict, forgotten};
use super::subject::each_item;
use crate::data::{Batch, DataInfo};
use crate::error::{Error, Result};
use crate::metrics::ranking::{auroc, average_precision};
use crate::models::{Capability, Model};
use crate::random::Key;
use serde_json::json;

/// What says how unusual an item is, the first that a model has: a score of its own, the squared error of what it gives back, its
/// negative log-likelihood or that's bound.
pub(super) const WAYS: [Capability; 4] = [
    Capability::Anomaly,
    Capability::Reconstruct,
    Capability::LogLikelihood,
    Capability::EvidenceBound,
];

/// Scores of items, and whether each is of a class that was not learned from.
pub(super) struct Found {
    scores: Vec<f64>,
    unusual: Vec<bool>,
}

/// Classes of which the training data had no item.
pub(super) fn unseen(info: &DataInfo) -> Vec<u32> {
    let shares = info.shares.iter().enumerate();
    shares
        .filter(|(_, s)| **s == 0.0)
        .map(|(class, _)| class as u32)
        .collect()
}

/// How unusual the items of a batch are to a model.
fn scores(model: &dyn Model, batch: &Batch, key: Key) -> Result<Vec<f64>> {
    let negative = |all: Vec<f64>| all.into_iter().map(|v| -v).collect();
    if let Some(a) = model.as_anomaly() {
        return a.anomaly(batch, key);
    }
    if let Some(r) = model.as_reconstruct() {
        return Ok(squared_errors(batch, &r.reconstruct(batch, key)?.output.values));
    }
    match (model.as_log_likelihood(), model.as_evidence_bound()) {
        (Some(l), _) => l.log_likelihood(batch, key).map(negative),
        (None, Some(e)) => e.evidence_bound(batch, 1, key).map(negative),
        (None, None) => Ok(vec![]),
    }
}

/// Figures of a metric with `Needs::Unusual`.
///
/// # Errors
/// [`Error::Usage`] when the model says of no item how unusual it is, or has learned from every class.
pub(super) fn work_out(judge: &mut Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let (model, name) = judge.subject.model(metric.name)?;
    if let Some(capability) = metric.needs.missing(model) {
        return Err(capability.missing(name));
    }
    let data = judge.data(metric.name)?;
    let info = judge.subject.info();
    let classes = unseen(info);
    if classes.is_empty() {
        let problem = format!(
            "`{}` needs a class that `{name}` has not learned from",
            metric.name
        );
        let fix = "leave one out of training with `menagerie train MODEL --without NAME`";
        return Err(Error::usage(problem, fix));
    }
    let count = judge.count.min(data.set.info().count);
    if judge.unusual.is_none() {
        let key = judge.key.stream("unusual");
        let mut found = Found {
            scores: Vec::with_capacity(count),
            unusual: Vec::with_capacity(count),
        };
        each_item(data.set, count, &mut |batch| {
            let labels = batch.labels.as_ref().ok_or_else(|| {
                let source = &data.set.info().source;
                Error::data(source, "has items without a class", "give data with labels")
            })?;
            found.unusual.extend(labels.iter().map(|l| classes.contains(l)));
            found.scores.extend(scores(model, &batch, key)?);
            tell("scores", found.scores.len(), count);
            Ok(())
        })?;
        judge.unusual = Some(found);
    }
    let names: Vec<&str> = classes
        .iter()
        .filter_map(|c| info.labels.get(*c as usize))
        .map(String::as_str)
        .collect();
    let Some(Found { scores, unusual }) = &judge.unusual else {
        return Err(forgotten(metric.name));
    };
    let figure = match metric.name {
        "auroc" => auroc(scores, unusual),
        "average-precision" => average_precision(scores, unusual),
        other => return Err(forgotten(other)),
    };
    let figure = figure.ok_or_else(|| {
        let problem = format!(
            "of {count} items {} are of {}, and `{}` needs some of these and some others",
            unusual.iter().filter(|u| **u).count(),
            names.join(", "),
            metric.name
        );
        Error::usage(
            problem,
            "give data of all classes with --data SOURCE, and a larger -n",
        )
    })?;
    let mut definition = serde_json::Map::new();
    definition.insert("data".into(), data.definition.clone().into());
    definition.insert("items".into(), count.into());
    definition.insert("unusual".into(), json!(names));
    Ok(vec![Verdict {
        metric: metric.name.into(),
        value: figure.value,
        error: figure.error,
        warning: figure.warning,
        definition,
    }])
}
