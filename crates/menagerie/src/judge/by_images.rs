//! Metrics of the samples' own numbers: pixels, and points of the plane.
use super::by_capability::mean_and_error;
use super::metric::{Judge, Metric, Tell, Verdict, forgotten};
use super::needs::Needs;
use super::subject::{chosen, each_item};
use crate::data::{Batch, Kind, point_sets};
use crate::error::{Error, Result};
use crate::metrics::features::Features;
use crate::metrics::frequency::{self, Spectrum};
use crate::metrics::{points, ssim, transport};
use crate::random::Key;
use rayon::prelude::*;
use serde_json::{Map, Value, json};

/// Samples that `nearest` looks for in the training data.
const LOOKED_FOR: usize = 250;

/// Pairs of images whose similarity is averaged.
const PAIRS: usize = 1000;

/// Figures of a metric with `Needs::Images`, `Needs::Points` or `Needs::Density`.
///
/// # Errors
/// [`Error::Usage`] when the samples are not of that kind.
pub(super) fn work_out(judge: &mut Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    match (metric.needs, metric.name) {
        (Needs::Density, _) => of_points(judge, metric, tell),
        (Needs::Points, _) => transported(judge, metric, tell),
        (_, "frequency") => spectra(judge, metric, tell),
        (_, "ms-ssim") => likeness(judge, metric, tell),
        (_, "nearest") => nearest_ratio(judge, metric, tell),
        (_, name) => Err(forgotten(name)),
    }
}

/// All samples' numbers, row by row.
fn sample_values(judge: &Judge, count: usize, what: &str, tell: Tell) -> Result<Vec<f32>> {
    let mut values = Vec::new();
    let mut done = 0;
    judge
        .subject
        .each(judge.subject.available(count), None, judge.key, &mut |b| {
            done += b.shape[0];
            values.extend_from_slice(&b.values);
            tell(what, done, count);
            Ok(())
        })?;
    Ok(values)
}

fn of_points(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let data = judge.data(metric.name)?;
    let lacking = |problem: &str| {
        Error::usage(
            format!("`{}`: {problem}", metric.name),
            format!(
                "give --data with one of {}",
                point_sets().collect::<Vec<_>>().join(", ")
            ),
        )
    };
    let density = data
        .set
        .density()
        .ok_or_else(|| lacking("the data's density is not known"))?;
    if judge.subject.info().shape != [2] {
        return Err(lacking("the samples are not points of the plane"));
    }
    let values = sample_values(judge, judge.count, metric.name, tell)?;
    let mut definition = judge.definition(metric.name)?;
    definition.remove("reference_samples");
    let of = |name: &str, value: f64, error, definition: &Map<String, Value>| Verdict {
        metric: name.into(),
        value,
        error,
        warning: None,
        definition: definition.clone(),
    };
    if metric.name == "true-nll" {
        let points = values.as_chunks::<2>().0.iter();
        let each: Vec<f64> = points
            .map(|p| -density.log_density([p[0] as f64, p[1] as f64]))
            .collect();
        let (value, error) = mean_and_error(&each);
        definition.insert("entropy".into(), json!(density.entropy()));
        return Ok(vec![of(metric.name, value, error, &definition)]);
    }
    let q = points::quality(&values, density).ok_or_else(|| lacking("the density has no modes"))?;
    Ok(match metric.name {
        "modes" => {
            let any = of("modes/any", q.any as f64, None, &definition);
            definition.insert(
                "counted_from".into(),
                format!("{} of its share", points::FAIR).into(),
            );
            vec![of("modes", q.modes as f64, None, &definition), any]
        }
        "mode-kl" => vec![of(metric.name, q.divergence, None, &definition)],
        "high-quality" => vec![of(metric.name, q.high_quality, None, &definition)],
        name => return Err(forgotten(name)),
    })
}

/// Distance of as many samples as data, and of other data from these.
fn transported(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let data = judge.data(metric.name)?;
    if judge.subject.info().kind != Kind::Points || data.set.info().shape != judge.subject.info().shape {
        return Err(Error::usage(
            "`wasserstein-2d` compares points with points of as many numbers",
            "choose other metrics",
        ));
    }
    let items = data.set.info().count;
    // Half of the data at most, so that the other half can be compared with it.
    let n = transport::POINTS
        .min(judge.subject.available(judge.count))
        .min(items / 2);
    let width = judge.subject.info().numbers();
    let samples = sample_values(judge, n, metric.name, tell)?;
    let pick = Batch::of(data.set, &chosen(2 * n, items))?.values;
    // In turn, whatever order the data have.
    let half = |odd: usize| {
        pick.chunks_exact(width)
            .skip(odd)
            .step_by(2)
            .flatten()
            .copied()
            .collect::<Vec<f32>>()
    };
    let (real, other) = (half(0), half(1));
    let real = Features::new(&real, width, "the data")?;
    let own = transport::wasserstein(&Features::new(&samples, width, "the samples")?, &real)?;
    let floor = transport::wasserstein(&Features::new(&other, width, "the data")?, &real)?;
    let mut definition = judge.definition(metric.name)?;
    definition.insert("samples".into(), n.into());
    definition.insert("reference_samples".into(), n.into());
    definition.insert("plan".into(), json!("exact, point to point"));
    Ok(beside(metric.name, (own, None), (floor, None), definition))
}

/// A figure of the samples, and that of the data themselves.
fn beside(
    name: &str,
    own: (f64, Option<f64>),
    data: (f64, Option<f64>),
    definition: Map<String, Value>,
) -> Vec<Verdict> {
    let one = |metric: String, (value, error): (f64, Option<f64>)| Verdict {
        metric,
        value,
        error,
        warning: None,
        definition: definition.clone(),
    };
    vec![one(name.into(), own), one(format!("{name}/data"), data)]
}

/// The shape of the images that are compared.
fn image_shape(judge: &Judge, name: &str) -> Result<[usize; 3]> {
    let (info, data) = (judge.subject.info(), judge.data(name)?.set.info());
    let &[h, w, c] = &info.shape[..] else {
        return Err(Error::usage(
            format!("`{name}` compares images"),
            "choose other metrics",
        ));
    };
    if info.kind != Kind::Image || data.kind != Kind::Image {
        return Err(Error::usage(
            format!("`{name}` compares images"),
            "choose other metrics",
        ));
    }
    if data.shape != info.shape {
        return Err(Error::usage(
            "samples and data differ in shape",
            "bring them together with --size and --channels",
        ));
    }
    Ok([h, w, c])
}

/// Refuses pixels that are not finite.
fn finite(batch: &Batch) -> Result<()> {
    let n: usize = batch.shape[1..].iter().product();
    match batch.values.iter().position(|v| !v.is_finite()) {
        Some(at) => Err(Error::data(
            "the images",
            format!("item {} has pixels that are not finite", batch.indices[at / n]),
            "leave such images out",
        )),
        None => Ok(()),
    }
}

fn spectra(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let (shape, data) = (image_shape(judge, metric.name)?, judge.data(metric.name)?);
    let (total, real) = (
        judge.subject.available(judge.count),
        judge.count.min(data.set.info().count),
    );
    let (mut samples, mut reference, mut done) = (Spectrum::new(shape), Spectrum::new(shape), 0);
    let mut take = |spectrum: &mut Spectrum, b: Batch| {
        finite(&b)?;
        done += b.shape[0];
        spectrum.add(&b.values);
        tell("power spectra", done, total + real);
        Ok(())
    };
    judge
        .subject
        .each(total, None, judge.key, &mut |b| take(&mut samples, b))?;
    each_item(data.set, real, &mut |b| take(&mut reference, b))?;
    let lacking = || {
        Error::usage(
            "`frequency`: there are no images, or they are too small to have frequencies",
            "give larger ones",
        )
    };
    if total == 0 || real == 0 {
        return Err(lacking());
    }
    let value = frequency::distance(&samples.decibels(), &reference.decibels()).ok_or_else(lacking)?;
    let mut definition = judge.definition(metric.name)?;
    definition.insert("reference_samples".into(), real.into());
    definition.insert(
        "spectrum".into(),
        json!("radial mean power of grey pixels in [0, 1], dB"),
    );
    Ok(vec![Verdict {
        metric: metric.name.into(),
        value,
        error: None,
        warning: None,
        definition,
    }])
}

/// Mean similarity of pairs of samples, and of pairs of the data.
fn likeness(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let (shape, data) = (image_shape(judge, metric.name)?, judge.data(metric.name)?);
    let width: usize = shape.iter().product();
    let mut mean = |values: Vec<f32>, key: Key, what: &str| -> Result<(f64, Option<f64>, usize)> {
        let images = Features::new(&values, width, what)?;
        // A pair is drawn without its order; no image is in two of them.
        let order = key.permutation(images.count());
        let unit = |i: u32| {
            images
                .row(i as usize)
                .iter()
                .map(|v| ((v + 1.0) / 2.0).clamp(0.0, 1.0))
                .collect::<Vec<f32>>()
        };
        let mut each = Vec::new();
        let pairs = order.as_chunks::<2>().0;
        for part in pairs.chunks(64) {
            each.par_extend(
                part.par_iter()
                    .map(|&[a, b]| ssim::ms_ssim(&unit(a), &unit(b), shape)),
            );
            tell("similarity of pairs", each.len(), pairs.len());
        }
        let (value, error) = mean_and_error(&each);
        Ok((value, error, each.len()))
    };
    let mut silent = |_: &str, _: usize, _: usize| ();
    let samples = sample_values(judge, judge.count.min(2 * PAIRS), metric.name, &mut silent)?;
    let own = mean(samples, judge.key.stream("pairs"), "the samples")?;
    let mut values = Vec::new();
    each_item(data.set, judge.count.min(2 * PAIRS), &mut |b| {
        values.extend(b.values);
        Ok(())
    })?;
    let theirs = mean(values, judge.key.stream("pairs of data"), "the data")?;
    let mut definition = judge.definition(metric.name)?;
    definition.remove("samples");
    definition.remove("reference_samples");
    definition.insert("pairs".into(), own.2.into());
    definition.insert("reference_pairs".into(), theirs.2.into());
    definition.insert("scales".into(), ssim::scales(shape).into());
    definition.insert("window".into(), ssim::window(shape).into());
    Ok(beside(
        metric.name,
        (own.0, own.1),
        (theirs.0, theirs.1),
        definition,
    ))
}

/// A sample and the training items nearest to it.
pub struct Neighbours {
    /// root mean squared difference of pixels in [0, 1] to each, nearest first
    pub distances: Vec<f64>,
    /// which items they are
    pub indices: Vec<u32>,
}

/// The `k` items of the training data nearest to each of some images, by the mean squared difference of their pixels.
///
/// # Errors
/// Those of the data.
pub fn neighbours(
    images: &[f32],
    width: usize,
    training: &dyn crate::data::Dataset,
    k: usize,
    tell: Tell,
) -> Result<Vec<Neighbours>> {
    let n = images.len() / width;
    let mut best: Vec<Vec<(f64, u32)>> = vec![Vec::new(); n];
    let total = training.info().count;
    each_item(training, total, &mut |batch: Batch| {
        crate::interrupt::check()?;
        best.par_iter_mut()
            .zip(images.par_chunks_exact(width))
            .for_each(|(best, image)| {
                for (item, &index) in batch.values.chunks_exact(width).zip(&batch.indices) {
                    let distance = item
                        .iter()
                        .zip(image)
                        .map(|(a, b)| (a - b) * (a - b))
                        .sum::<f32>() as f64;
                    if best.len() < k || best.last().is_some_and(|b| distance < b.0) {
                        best.push((distance, index));
                        best.sort_by(|a, b| a.0.total_cmp(&b.0));
                        best.truncate(k);
                    }
                }
            });
        tell(
            "nearest training items",
            batch.indices.last().map_or(0, |i| *i as usize + 1),
            total,
        );
        Ok(())
    })?;
    // Values run over [-1, 1]: a quarter of their squared difference is that of pixels in [0, 1].
    let rms = |d: f64| (d * 0.25 / width as f64).sqrt();
    let found = best.into_iter().map(|b| Neighbours {
        distances: b.iter().map(|x| rms(x.0)).collect(),
        indices: b.iter().map(|x| x.1).collect(),
    });
    Ok(found.collect())
}

/// The median distance of samples to their nearest training item, divided by that of held-out items: 1 where samples keep
/// from the training data as far as new data do, near 0 where they are copies.
fn nearest_ratio(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let data = judge.data(metric.name)?;
    if judge.subject.info().kind != Kind::Image {
        return Err(Error::usage(
            format!("`{}` compares images", metric.name),
            "choose other metrics",
        ));
    }
    let training = data.training.ok_or_else(|| {
        Error::usage(
            "`nearest` needs training and held-out items",
            "give data with a test split",
        )
    })?;
    let width: usize = judge.subject.info().shape.iter().product();
    if training.info().shape != judge.subject.info().shape {
        return Err(Error::usage(
            "samples and training items differ in shape",
            "bring them together with --size and --channels",
        ));
    }
    let samples = sample_values(judge, LOOKED_FOR, metric.name, tell)?;
    let mut held_out = Vec::new();
    each_item(data.set, LOOKED_FOR, &mut |b| {
        held_out.extend(b.values);
        Ok(())
    })?;
    let mut median = |images: &[f32]| -> Result<f64> {
        let mut d: Vec<f64> = neighbours(images, width, training, 1, tell)?
            .iter()
            .map(|n| n.distances[0])
            .collect();
        d.sort_by(f64::total_cmp);
        Ok(d[d.len() / 2])
    };
    let (of_samples, of_held_out) = (median(&samples)?, median(&held_out)?);
    let mut definition = judge.definition(metric.name)?;
    definition.insert("samples".into(), (samples.len() / width).into());
    definition.insert("reference_samples".into(), (held_out.len() / width).into());
    definition.insert("training_items".into(), training.info().count.into());
    definition.insert(
        "distance".into(),
        json!("root mean squared difference of pixels in [0, 1]"),
    );
    definition.insert("median_of_samples".into(), of_samples.into());
    definition.insert("median_of_held_out".into(), of_held_out.into());
    let value = of_samples / of_held_out;
    let warning = (value < 0.5).then(|| {
        "samples lie much nearer to training items than new data do: the model may have memorized".to_string()
    });
    Ok(vec![Verdict {
        metric: metric.name.into(),
        value,
        error: None,
        warning,
        definition,
    }])
}
