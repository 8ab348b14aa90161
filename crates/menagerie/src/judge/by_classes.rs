//! Metrics that ask for the classes of samples: those they were drawn from, or those that a classifier sees.
use super::by_capability::{argmax, mean_and_error};
use super::by_features::features_definition;
use super::cas;
use super::extractor::Extractor;
use super::gather::Gathered;
use super::metric::{Judge, Metric, Tell, Verdict, forgotten, members};
use super::subject::{Subject, chosen, each_item};
use crate::data::{Batch, Kind};
use crate::error::{Error, Result};
use crate::metrics::inception_score::{SPLITS, inception_score};
use crate::metrics::moments::Moments;
use crate::metrics::{fid, stacked};
use crate::models::Capability;
use serde_json::{Map, Value, json};
use std::ops::Range;

/// Numbers of covariances that are gathered at once (1 GB of them).
const AT_ONCE: usize = 1 << 27;

/// Figures of a metric with `Needs::Classes`, `Needs::LabelledFeatures` or `Needs::LabelledImages`.
///
/// # Errors
/// [`Error::Usage`] when there is no extractor, or one that tells no classes where they are needed; when samples or data
/// have no classes.
pub(super) fn work_out(judge: &mut Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    match metric.name {
        "is" => score(judge, metric, tell),
        "class-accuracy" => class_accuracy(judge, metric, tell),
        "drawn-attack" => drawn_attack(judge, metric, tell),
        "stacked-mnist" => stacked_modes(judge, metric, tell),
        "pair-agreement" => agreement(judge, metric, tell),
        "intra-fid" => intra_fid(judge, metric, tell),
        "cas" => accuracy_score(judge, metric, tell),
        name => Err(forgotten(name)),
    }
}

/// The score of all samples, in an order of the judge's key.
fn score(judge: &mut Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let (extractor, key) = (judge.features(metric.name)?, judge.key.stream("inception score"));
    if !extractor.classifies() {
        return Err(tells_no_classes(metric.name, extractor));
    }
    let samples: &Gathered = judge.sample_features(metric.name, tell)?;
    let figure = inception_score(&samples.log_probabilities, samples.classes, SPLITS, Some(key))?;
    let mut definition = extractor.definition();
    definition.insert(
        "samples".into(),
        (samples.log_probabilities.len() / samples.classes.max(1)).into(),
    );
    definition.insert("splits".into(), SPLITS.into());
    Ok(vec![Verdict {
        metric: metric.name.into(),
        value: figure.value,
        error: figure.error,
        warning: figure.warning,
        definition,
    }])
}

fn tells_no_classes(metric: &str, extractor: &Extractor) -> Error {
    let problem = format!(
        "`{metric}` needs classes, and the extractor `{}` gives none",
        extractor.name()
    );
    Error::usage(problem, "give --extractor classifier:RUN or inception:FILE")
}

/// The extractor, where it tells the classes that samples are drawn from.
fn teller<'a>(judge: &Judge<'a>, metric: &str) -> Result<&'a Extractor> {
    let extractor = judge.features(metric)?;
    if extractor.classes().is_empty() {
        return Err(tells_no_classes(metric, extractor));
    }
    judge.subject.classes(metric)?;
    if extractor.classes() != judge.subject.info().labels {
        let fix = "give --extractor classifier:RUN with a classifier of the same classes";
        return Err(Error::usage(
            format!(
                "the classes of `{}` are not those of the samples",
                extractor.name()
            ),
            fix,
        ));
    }
    Ok(extractor)
}

/// The shares of samples that the extractor takes for the class they were drawn from, that the model's own target does not, and of both at
/// once; classes take equal parts.
fn drawn_attack(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let extractor = teller(judge, metric.name)?;
    let (model, name) = judge.subject.model(metric.name)?;
    let target = model
        .as_attack()
        .and(model.as_classify())
        .ok_or_else(|| Capability::Attack.missing(name))?;
    let classes = extractor.classes().len();
    let (mut both, mut confirmed, mut misled) = (Vec::new(), Vec::new(), Vec::new());
    judge
        .subject
        .each_of_classes(metric.name, judge.count, 0..classes, judge.key, &mut |batch| {
            let read = extractor.extract(&batch)?.log_probabilities;
            let said = target.log_probabilities(&batch)?;
            let labels = labels_of(&batch, metric.name)?;
            let rows = read.chunks_exact(classes).zip(said.chunks_exact(classes));
            for ((read, said), &l) in rows.zip(labels) {
                let of = (argmax(read) == l as usize, argmax(said) != l as usize);
                confirmed.push(f64::from(of.0));
                misled.push(f64::from(of.1));
                both.push(f64::from(of.0 && of.1));
            }
            tell(metric.name, both.len(), judge.count);
            Ok(())
        })?;
    let mut definition = extractor.definition();
    definition.insert("samples".into(), both.len().into());
    let figures = vec![
        ("", mean_and_error(&both)),
        ("/confirmed", mean_and_error(&confirmed)),
        ("/misled", mean_and_error(&misled)),
    ];
    members(metric.name, &definition, figures)
}

/// The share of samples of each class that the extractor takes for that class; classes take equal parts.
fn class_accuracy(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let extractor = teller(judge, metric.name)?;
    let classes = extractor.classes();
    let mut right = Vec::new();
    judge.subject.each_of_classes(
        metric.name,
        judge.count,
        0..classes.len(),
        judge.key,
        &mut |batch| {
            let found = extractor.extract(&batch)?;
            let labels = labels_of(&batch, metric.name)?;
            right.extend(
                found
                    .log_probabilities
                    .chunks_exact(classes.len())
                    .zip(labels)
                    .map(|(row, &l)| f64::from(argmax(row) == l as usize)),
            );
            tell(metric.name, right.len(), judge.count);
            Ok(())
        },
    )?;
    let (value, error) = mean_and_error(&right);
    let mut definition = extractor.definition();
    definition.insert("samples".into(), right.len().into());
    Ok(vec![Verdict {
        metric: metric.name.into(),
        value,
        error,
        warning: None,
        definition,
    }])
}

fn labels_of<'b>(batch: &'b Batch, metric: &str) -> Result<&'b [u32]> {
    let missing = || {
        Error::usage(
            format!("`{metric}` needs classes, but an item has none"),
            "give items that all have labels",
        )
    };
    batch.labels.as_deref().ok_or_else(missing)
}

/// Modes of digits in three channels; the classifier sees one channel at a time.
fn stacked_modes(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let extractor = judge.features(metric.name)?;
    let classes = extractor.classes().len();
    if classes == 0 {
        return Err(tells_no_classes(metric.name, extractor));
    }
    let info = judge.subject.info();
    let &[h, w, channels @ 2..=4] = &info.shape[..] else {
        return Err(Error::usage(
            "`stacked-mnist` looks at images with a digit in each of their channels",
            "leave it out",
        ));
    };
    extractor.takes(&[h, w, 1])?;
    let (mut shown, total) = (Vec::new(), judge.subject.available(judge.count));
    judge.subject.each(total, None, judge.key, &mut |batch| {
        let n = batch.shape[0];
        let found = (0..channels).map(|c| {
            let values = batch.values[c..].iter().step_by(channels).copied().collect();
            extractor.extract(&Batch {
                shape: vec![n, h, w, 1],
                values,
                labels: None,
                captions: None,
                ..batch.clone()
            })
        });
        let found = found.collect::<Result<Vec<_>>>()?;
        for i in 0..n {
            shown.extend(
                found
                    .iter()
                    .map(|f| argmax(&f.log_probabilities[i * classes..(i + 1) * classes]) as u32),
            );
        }
        tell(metric.name, shown.len() / channels, total);
        Ok(())
    })?;
    let lacking = || Error::usage("no samples to look for modes in", "give more with -n");
    let modes = stacked::modes(&shown, channels, classes).ok_or_else(lacking)?;
    let mut definition = extractor.definition();
    definition.insert("samples".into(), total.into());
    definition.insert("modes".into(), (classes as u64).pow(channels as u32).into());
    definition.insert("divergence_from".into(), json!("even shares"));
    let one = |member: &str, value: f64| Verdict {
        metric: format!("{}/{member}", metric.name),
        value,
        error: None,
        warning: None,
        definition: definition.clone(),
    };
    Ok(vec![
        one("modes", modes.found as f64),
        one("kl", modes.divergence),
    ])
}

/// The share of drawn pairs whose two images are of one class by a classifier of both sides, and how often that would be if
/// pairs were put together at random.
fn agreement(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let extractor = judge.features(metric.name)?;
    let classes = extractor.classes().len();
    if classes == 0 {
        return Err(tells_no_classes(metric.name, extractor));
    }
    let info = judge.subject.info();
    if !info.kind.has_sides() {
        return Err(Error::usage(
            format!(
                "`{}` looks at pairs of images, and these are {}",
                metric.name,
                info.kind.plural()
            ),
            "leave it out, or take a model that draws pairs, such as cogan",
        ));
    }
    let (mut same, mut shares) = (Vec::new(), [vec![0.0; classes], vec![0.0; classes]]);
    let total = judge.subject.available(judge.count);
    judge.subject.each(total, None, judge.key, &mut |batch| {
        let mut found = |side: usize| -> Result<Vec<usize>> {
            let of_side = extractor.extract(&batch.side(side))?;
            let rows = of_side.log_probabilities.chunks_exact(classes);
            let classes: Vec<usize> = rows.map(argmax).collect();
            classes
                .iter()
                .for_each(|c| shares[side][*c] += 1.0 / total as f64);
            Ok(classes)
        };
        let (a, b) = (found(0)?, found(1)?);
        same.extend(a.iter().zip(&b).map(|(a, b)| f64::from(a == b)));
        tell(metric.name, same.len(), total);
        Ok(())
    })?;
    let (value, error) = mean_and_error(&same);
    let mut definition = extractor.definition();
    definition.insert("samples".into(), total.into());
    let one = |metric: String, value, error| Verdict {
        metric,
        value,
        error,
        warning: None,
        definition: definition.clone(),
    };
    let chance = shares[0].iter().zip(&shares[1]).map(|(a, b)| a * b).sum();
    Ok(vec![
        one(metric.name.into(), value, error),
        one(format!("{}/chance", metric.name), chance, None),
    ])
}

/// Refuses samples whose classes are not the data's.
fn same_classes(judge: &Judge, metric: &str) -> Result<usize> {
    let (theirs, own) = (
        &judge.data(metric)?.set.info().labels,
        &judge.subject.info().labels,
    );
    if judge.subject.info().kind != Kind::Image {
        return Err(Error::usage(
            format!("`{metric}` judges images"),
            "choose other metrics",
        ));
    }
    judge.subject.classes(metric)?;
    if theirs != own {
        let say = |l: &[String]| {
            if l.is_empty() {
                "none".into()
            } else {
                l.iter().take(4).cloned().collect::<Vec<_>>().join(", ")
            }
        };
        let problem = format!(
            "`{metric}` needs the same classes of samples ({}) and data ({})",
            say(own),
            say(theirs)
        );
        return Err(Error::usage(
            problem,
            "give --data with the classes that the samples were drawn from",
        ));
    }
    Ok(theirs.len())
}

/// Moments of the features of each of some classes, from batches with labels.
fn by_class(
    extractor: &Extractor,
    classes: &Range<usize>,
    metric: &str,
    each: impl FnOnce(&mut dyn FnMut(Batch) -> Result<()>) -> Result<()>,
) -> Result<Vec<Moments>> {
    let mut out = vec![Moments::default(); classes.len()];
    each(&mut |batch| {
        let labels = labels_of(&batch, metric)?.to_vec();
        let found = extractor.extract(&batch)?;
        for (m, class) in out.iter_mut().zip(classes.clone()) {
            let rows = found
                .features
                .chunks_exact(found.width)
                .zip(&labels)
                .filter(|(_, l)| **l as usize == class);
            let rows: Vec<f32> = rows.flat_map(|(r, _)| r).copied().collect();
            m.add(&rows, found.width)?;
        }
        Ok(())
    })?;
    Ok(out)
}

/// The mean over classes of the distance of samples drawn from a class to the data of that class (Miyato & Koyama 2018,
/// arXiv:1802.05637, section 5).
fn intra_fid(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let extractor = judge.features(metric.name)?;
    let (all, data) = (same_classes(judge, metric.name)?, judge.data(metric.name)?);
    let width = extractor.width(&judge.subject.info().shape)?;
    // All of the data: a class has but a part of them.
    let total = data.set.info().count;
    let together = (AT_ONCE / (2 * width * width)).max(1);
    let (mut distances, mut fewest, mut seen) = (Vec::new(), usize::MAX, [0, 0]);
    for from in (0..all).step_by(together) {
        let classes = from..(from + together).min(all);
        let samples = by_class(extractor, &classes, metric.name, |f| {
            judge
                .subject
                .each_of_classes(metric.name, judge.count, classes.clone(), judge.key, &mut |b| {
                    tell(
                        "features of samples by class",
                        from + b
                            .labels
                            .as_ref()
                            .and_then(|l| l.first())
                            .map_or(0, |&l| l as usize),
                        all,
                    );
                    f(b)
                })
        })?;
        let mut done = 0;
        let real = by_class(extractor, &classes, metric.name, |f| {
            each_item(data.set, total, &mut |b| {
                done += b.shape[0];
                tell("features of the data by class", done, total);
                f(b)
            })
        })?;
        for ((s, r), class) in samples.iter().zip(&real).zip(classes.clone()) {
            let name = &data.set.info().labels[class];
            let few = |m: &Moments, what: &str| {
                let problem = format!(
                    "class `{name}` has {} of {what}: a covariance takes two at least",
                    m.count()
                );
                if m.count() < 2 {
                    Err(Error::usage(problem, "give more with -n"))
                } else {
                    m.finish()
                }
            };
            distances.push(fid::fid(&few(s, "the samples")?, &few(r, "the data")?)?.value);
            fewest = fewest.min(s.count()).min(r.count());
            seen = [seen[0] + s.count(), seen[1] + r.count()];
        }
    }
    let value = distances.iter().sum::<f64>() / distances.len() as f64;
    let warning = (fewest <= width)
        .then(|| format!("a class has only {fewest} items for the covariance of {width} features"));
    let mut definition = features_definition(judge, metric.name)?;
    definition.insert("samples".into(), seen[0].into());
    definition.insert("reference_samples".into(), seen[1].into());
    definition.insert("classes".into(), all.into());
    Ok(vec![Verdict {
        metric: metric.name.into(),
        value,
        error: None,
        warning,
        definition,
    }])
}

/// Items with their classes in memory, as 8-bit images.
fn labelled(
    shape: &[usize],
    metric: &str,
    each: impl FnOnce(&mut dyn FnMut(Batch) -> Result<()>) -> Result<()>,
) -> Result<cas::Labelled> {
    let mut out = cas::Labelled {
        shape: shape.to_vec(),
        bytes: vec![],
        labels: vec![],
    };
    each(&mut |batch| {
        out.labels.extend_from_slice(labels_of(&batch, metric)?);
        out.bytes
            .extend(batch.values.iter().map(|&v| crate::picture::byte(v)));
        Ok(())
    })?;
    Ok(out)
}

/// Accuracy on the data of a classifier that learned from samples, and of one that learned from as many training items.
fn accuracy_score(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let (classes, data) = (same_classes(judge, metric.name)?, judge.data(metric.name)?);
    let info = judge.subject.info();
    let samples = labelled(&info.shape, metric.name, |f| {
        judge
            .subject
            .each_of_classes(metric.name, judge.count, 0..classes, judge.key, &mut |b| f(b))
    })?;
    let total = judge.count.max(1000).min(data.set.info().count);
    let test = labelled(&info.shape, metric.name, |f| {
        each_item(data.set, total, &mut |b| f(b))
    })?;
    let key = judge.key.stream("classifier");
    let names = &data.set.info().labels;
    let mut definition = judge.definition(metric.name)?;
    definition.extend(cas::definition(samples.labels.len()));
    definition.insert("samples".into(), samples.labels.len().into());
    definition.insert("reference_samples".into(), test.labels.len().into());
    let verdict = |name: String, right: Vec<f64>, definition: &Map<String, Value>| {
        let (value, error) = mean_and_error(&right);
        Verdict {
            metric: name,
            value,
            error,
            warning: None,
            definition: definition.clone(),
        }
    };
    let mut out = vec![verdict(
        metric.name.into(),
        cas::right(&samples, &test, names, key, "samples", tell)?,
        &definition,
    )];
    // What it is compared with in the paper: the same classifier, learning from data.
    if let Some(training) = data
        .training
        .filter(|t| t.info().labels == *names && t.info().shape == info.shape)
    {
        let count = samples.labels.len().min(training.info().count);
        let real = labelled(&info.shape, metric.name, |f| {
            Subject::Items(training).each(count, None, judge.key, &mut |b| f(b))
        })?;
        definition.insert(
            "samples".into(),
            chosen(count, training.info().count).len().into(),
        );
        out.push(verdict(
            format!("{}/data", metric.name),
            cas::right(&real, &test, names, key, "data", tell)?,
            &definition,
        ));
    }
    Ok(out)
}
