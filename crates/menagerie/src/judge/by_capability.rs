//! Metrics that ask the model itself: likelihoods, bounds, reconstructions, classes, attributes.
use super::metric::{Judge, Metric, Tell, Verdict, forgotten, members};
use super::subject::each_item;
use crate::data::{Batch, Kind};
use crate::error::{Error, Result};
use crate::metrics::attributes;
use crate::metrics::calibration::{BINS, calibration_error};
use crate::metrics::shapes::Solid;
use crate::metrics::ssim;
use crate::models::{Capability, Model};
use rayon::prelude::*;
use serde_json::{Map, Value, json};

/// Figures of a metric with `Needs::Capability`.
///
/// # Errors
/// [`Error::Usage`] when the model lacks the capability.
pub(super) fn work_out(
    judge: &mut Judge,
    name: &str,
    metric: &Metric,
    number: Option<usize>,
    tell: Tell,
) -> Result<Vec<Verdict>> {
    let (model, model_name) = judge.subject.model(metric.name)?;
    let data = judge.data(metric.name)?;
    let count = judge.count.min(data.set.info().count);
    let key = judge.key.stream("by capability");
    let mut definition = Map::new();
    definition.insert("data".into(), data.definition.clone().into());
    definition.insert("items".into(), count.into());
    let mut per_item = Vec::with_capacity(count);
    let mut items = |f: &mut dyn FnMut(&Batch) -> Result<Vec<f64>>| -> Result<()> {
        each_item(data.set, count, &mut |batch| {
            per_item.extend(f(&batch)?);
            tell(metric.name, per_item.len(), count);
            Ok(())
        })
    };
    match metric.name {
        "nll" | "bpd" => {
            let l = able(model.as_log_likelihood(), Capability::LogLikelihood, model_name)?;
            let scale = if metric.name == "nll" {
                1.0
            } else {
                1.0 / (l.dimensions() as f64 * std::f64::consts::LN_2)
            };
            definition.insert("dimensions".into(), l.dimensions().into());
            items(&mut |b| {
                Ok(l.log_likelihood(b, key)?
                    .into_iter()
                    .map(|v| -v * scale)
                    .collect())
            })?;
        }
        "elbo" | "iwae" => {
            let e = able(model.as_evidence_bound(), Capability::EvidenceBound, model_name)?;
            let samples = if metric.name == "elbo" {
                1
            } else {
                number.unwrap_or(50)
            };
            definition.insert("importance_samples".into(), samples.into());
            items(&mut |b| e.evidence_bound(b, samples, key))?;
        }
        "mse" | "psnr" => {
            let r = able(model.as_reconstruct(), Capability::Reconstruct, model_name)?;
            definition.insert("pixels".into(), json!("[0, 1]"));
            items(&mut |b| {
                let back = r.reconstruct(b, key)?.output;
                let errors = squared_errors(b, &back.values);
                Ok(errors
                    .into_iter()
                    .map(|e| {
                        if metric.name == "mse" {
                            e
                        } else {
                            -10.0 * e.max(1e-10).log10()
                        }
                    })
                    .collect())
            })?;
        }
        "iou" => return overlap(model, model_name, judge, definition, tell),
        "ssim" => {
            let r = able(model.as_reconstruct(), Capability::Reconstruct, model_name)?;
            let &[h, w, c] = &data.set.info().shape[..] else {
                return Err(Error::usage("`ssim` compares images", "leave it out"));
            };
            if data.set.info().kind != Kind::Image {
                return Err(Error::usage("`ssim` compares images", "leave it out"));
            }
            definition.insert("pixels".into(), json!("[0, 1]"));
            definition.insert("window".into(), ssim::window([h, w, c]).into());
            items(&mut |b| {
                let back = r.reconstruct(b, key)?.output.values;
                let unit = |x: &[f32]| x.iter().map(|v| (v + 1.0) / 2.0).collect::<Vec<f32>>();
                let n = h * w * c;
                let pairs = b.values.par_chunks_exact(n).zip(back.par_chunks_exact(n));
                Ok(pairs
                    .map(|(x, y)| ssim::ssim(&unit(x), &unit(y), [h, w, c]))
                    .collect())
            })?;
        }
        "accuracy" | "test-errors" => {
            let c = able(model.as_classify(), Capability::Classify, model_name)?;
            let known = known_classes(c.classes(), &data.set.info().labels, model_name)?;
            let classes = c.classes().len();
            items(&mut |b| {
                let labels = b
                    .labels
                    .as_ref()
                    .ok_or_else(|| no_labels(&data.set.info().source))?;
                let found = c.log_probabilities(b)?;
                let right = found
                    .chunks_exact(classes)
                    .zip(labels)
                    .map(|(row, &l)| argmax(row) == known[l as usize]);
                let counted = |right| f64::from(right == (metric.name == "accuracy"));
                Ok(right.map(counted).collect())
            })?;
        }
        "calibration" => return calibration(model, model_name, judge, definition, tell),
        "attributes" => return read_attributes(model, model_name, judge, definition, tell),
        name => return Err(forgotten(name)),
    }
    let (mut value, mut error) = mean_and_error(&per_item);
    if metric.name == "test-errors" {
        // A number of items, not a share of them.
        let scale = per_item.len() as f64;
        (value, error) = (per_item.iter().sum(), error.map(|e| e * scale));
    }
    Ok(vec![Verdict {
        metric: name.to_string(),
        value,
        error,
        warning: None,
        definition,
    }])
}

/// How far shapes overlap with what comes back of them, and with what the model was shown.
fn overlap(
    model: &dyn Model,
    model_name: &str,
    judge: &Judge,
    definition: Map<String, Value>,
    tell: Tell,
) -> Result<Vec<Verdict>> {
    const NAME: &str = "iou";
    let r = able(model.as_reconstruct(), Capability::Reconstruct, model_name)?;
    let set = judge.data(NAME)?.set;
    if set.info().kind != Kind::Voxels {
        let problem = format!(
            "`{NAME}` compares shapes, and {} holds {}",
            set.info().source,
            set.info().kind.plural()
        );
        return Err(Error::usage(problem, "give shapes, or leave it out"));
    }
    let (n, count) = (set.info().numbers(), judge.count.min(set.info().count));
    let (mut whole, mut shown) = (vec![], vec![]);
    each_item(set, count, &mut |batch| {
        let back = r.reconstruct(&batch, judge.key.stream(NAME))?;
        let of = |values: &[f32]| -> Vec<f64> {
            let pairs = batch.values.chunks_exact(n).zip(values.chunks_exact(n));
            pairs.map(|(a, b)| Solid::of(a).iou(&Solid::of(b))).collect()
        };
        whole.extend(of(&back.output.values));
        shown.extend(back.shown.iter().flat_map(|s| of(&s.values)));
        tell(NAME, whole.len(), count);
        Ok(())
    })?;
    let mut told = vec![("", mean_and_error(&whole))];
    if !shown.is_empty() {
        told.push(("/shown", mean_and_error(&shown)));
    }
    members(NAME, &definition, told)
}

/// The place of the largest.
pub(super) fn argmax(row: &[f32]) -> usize {
    (0..row.len()).fold(0, |best, i| if row[i] > row[best] { i } else { best })
}

/// The figure of `epsilon`.
///
/// # Errors
/// [`Error::Usage`] of a model that bounds nothing.
pub(super) fn privacy(judge: &Judge, metric: &Metric) -> Result<Vec<Verdict>> {
    let (model, name) = judge.subject.model(metric.name)?;
    let Some(p) = model.privacy() else {
        let problem = format!("`{name}` does not bound what it tells of an item");
        return Err(Error::usage(problem, "train dp_gan"));
    };
    let definition = serde_json::json!({"delta": p.delta, "noise": p.noise, "share": p.share, "uses": p.uses,
        "accountant": "Renyi, sampled Gaussian mechanism; data that differ in an item more or less"});
    Ok(vec![Verdict {
        metric: metric.name.into(),
        value: p.epsilon,
        error: None,
        warning: None,
        definition: definition.as_object().cloned().unwrap_or_default(),
    }])
}

/// The mean, and its standard error.
pub(super) fn mean_and_error(values: &[f64]) -> (f64, Option<f64>) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (n > 1.0).then(|| (variance / n).sqrt()))
}

fn able<T>(can: Option<T>, capability: Capability, model: &str) -> Result<T> {
    can.ok_or_else(|| capability.missing(model))
}

/// Where each of the data's classes stands among those that the model tells apart: labels are names.
fn known_classes(own: &[String], data: &[String], model: &str) -> Result<Vec<usize>> {
    let place = |name: &String| {
        own.iter().position(|o| o == name).ok_or_else(|| {
            let problem = format!("`{model}` does not know the class `{name}` of the data");
            Error::usage(problem, format!("give data of its classes: {}", own.join(", ")))
        })
    };
    data.iter().map(place).collect()
}

/// How often answers are right, beside how sure they are.
fn calibration(
    model: &dyn Model,
    name: &str,
    judge: &Judge,
    mut definition: Map<String, Value>,
    tell: Tell,
) -> Result<Vec<Verdict>> {
    const NAME: &str = "calibration";
    let c = able(model.as_classify(), Capability::Classify, name)?;
    let data = judge.data(NAME)?;
    let known = known_classes(c.classes(), &data.set.info().labels, name)?;
    let count = judge.count.min(data.set.info().count);
    let (mut sure, mut right, mut surprise) = (Vec::new(), Vec::new(), Vec::new());
    each_item(data.set, count, &mut |batch| {
        let labels = batch
            .labels
            .as_ref()
            .ok_or_else(|| no_labels(&data.set.info().source))?;
        let found = c.log_probabilities(&batch)?;
        for (row, &label) in found.chunks_exact(c.classes().len()).zip(labels) {
            let (said, label) = (argmax(row), known[label as usize]);
            sure.push(f64::from(row[said]).exp());
            right.push(said == label);
            surprise.push(-f64::from(row[label]));
        }
        tell(NAME, sure.len(), count);
        Ok(())
    })?;
    definition.insert("bins".into(), BINS.into());
    let Some(error) = calibration_error(&sure, &right, BINS) else {
        return Err(Error::usage(
            format!("`{NAME}` needs items"),
            "give data that hold some",
        ));
    };
    let figures = vec![("", (error, None)), ("/nll", mean_and_error(&surprise))];
    members(NAME, &definition, figures)
}

fn no_labels(source: &str) -> Error {
    Error::data(source, "has items without a class", "give data with labels")
}

/// Mean squared error of each item; of images and video with pixels in [0, 1].
pub(super) fn squared_errors(batch: &Batch, back: &[f32]) -> Vec<f64> {
    let n: usize = batch.shape[1..].iter().product();
    let scale = if matches!(batch.kind, Kind::Image | Kind::Video) {
        0.25
    } else {
        1.0
    };
    let item = |(a, b): (&[f32], &[f32])| {
        a.iter()
            .zip(b)
            .map(|(x, y)| ((x - y) as f64).powi(2))
            .sum::<f64>()
            * scale
            / n as f64
    };
    batch
        .values
        .chunks_exact(n)
        .zip(back.chunks_exact(n))
        .map(item)
        .collect()
}

fn read_attributes(
    model: &dyn Model,
    name: &str,
    judge: &Judge,
    definition: Map<String, Value>,
    tell: Tell,
) -> Result<Vec<Verdict>> {
    let r = able(model.as_read_attributes(), Capability::ReadAttributes, name)?;
    let data = judge.data("attributes")?;
    if data.set.info().attributes != r.names() {
        return Err(Error::data(
            &data.set.info().source,
            "does not have the attributes that are read",
            "give data with them, such as the run's own",
        ));
    }
    let count = judge.count.min(data.set.info().count);
    let (mut truth, mut read) = (Vec::new(), Vec::new());
    each_item(data.set, count, &mut |b| {
        read.extend(r.attributes(&b)?);
        truth.extend(b.attributes);
        tell("attributes", truth.len() / r.names().len(), count);
        Ok(())
    })?;
    if r.names() != crate::data::portraits::Attributes::NAMES {
        return Ok(correlations(r.names(), &truth, &read, &definition));
    }
    let figures = attributes::figures(&truth, &read);
    let verdict = |f: attributes::Figure| {
        let mut definition = definition.clone();
        definition.insert("measure".into(), f.measure.into());
        definition.insert("visible_items".into(), f.items.into());
        Verdict {
            metric: format!("attributes/{}", f.name),
            value: f.value,
            error: None,
            warning: None,
            definition,
        }
    };
    Ok(figures.into_iter().map(verdict).collect())
}

/// Pearson's correlation of every number with what is read.
fn correlations(
    names: &[String],
    truth: &[f32],
    read: &[f32],
    definition: &Map<String, Value>,
) -> Vec<Verdict> {
    let one = |(i, name): (usize, &String)| {
        let column =
            |v: &[f32]| -> Vec<f64> { v.iter().skip(i).step_by(names.len()).map(|v| *v as f64).collect() };
        let (a, b) = (column(truth), column(read));
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len().max(1) as f64;
        let (ma, mb) = (mean(&a), mean(&b));
        let of = |f: &dyn Fn(f64, f64) -> f64| a.iter().zip(&b).map(|(x, y)| f(x - ma, y - mb)).sum::<f64>();
        let r = of(&|x, y| x * y) / (of(&|x, _| x * x) * of(&|_, y| y * y)).sqrt();
        let mut definition = definition.clone();
        definition.insert("measure".into(), "correlation".into());
        Verdict {
            metric: format!("attributes/{name}"),
            value: if r.is_finite() { r } else { 0.0 },
            error: None,
            warning: None,
            definition,
        }
    };
    names.iter().enumerate().map(one).collect()
}
