//! Metrics of videos by the classes of their frames.
use super::extractor::Extractor;
use super::metric::{Judge, Metric, Tell, Verdict, forgotten};
use super::subject::each_item;
use crate::data::{Batch, Kind};
use crate::error::{Error, Result};
use crate::metrics::video::{Consistency, consistency};
use serde_json::{Map, Value};

/// What the three metrics share: of the samples with their number, and of the data where there are some.
#[derive(Clone)]
pub(super) struct Found {
    samples: (Consistency, usize),
    data: Option<(Consistency, usize)>,
    frames: usize,
    classes: usize,
}

/// Figures of a metric with `Needs::Frames`, and those of the data beside them.
///
/// # Errors
/// [`Error::Usage`] when these are no videos, or when the extractor tells no classes of their frames.
pub(super) fn work_out(judge: &mut Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let found = match &judge.consistency {
        Some(found) => found.clone(),
        None => judge.consistency.insert(find(judge, metric.name, tell)?).clone(),
    };
    let figure = |c: &Consistency| match metric.name {
        "intra-e" => Ok(c.intra_entropy),
        "inter-e" => Ok(c.inter_entropy),
        "i-score" => Ok(c.score),
        name => Err(forgotten(name)),
    };
    let mut definition = judge.features(metric.name)?.definition();
    definition.insert("samples".into(), found.samples.1.into());
    definition.insert("frames".into(), found.frames.into());
    definition.insert("classes".into(), found.classes.into());
    let verdict = |metric: String, value: f64, definition: Map<String, Value>| Verdict {
        metric,
        value,
        error: None,
        warning: None,
        definition,
    };
    let mut out = vec![verdict(
        metric.name.into(),
        figure(&found.samples.0)?,
        definition.clone(),
    )];
    if let (Some((theirs, count)), Some(data)) = (&found.data, judge.reference) {
        definition.remove("samples");
        definition.insert("reference".into(), data.definition.clone().into());
        definition.insert("reference_samples".into(), (*count).into());
        out.push(verdict(
            format!("{}/data", metric.name),
            figure(theirs)?,
            definition,
        ));
    }
    Ok(out)
}

fn find(judge: &Judge, metric: &str, tell: Tell) -> Result<Found> {
    let (extractor, info) = (judge.features(metric)?, judge.subject.info());
    if info.kind != Kind::Video || info.shape.len() != 4 {
        let problem = format!("`{metric}` judges videos, but these are {}", info.kind.plural());
        return Err(Error::usage(problem, "choose other metrics"));
    }
    if !extractor.classifies() {
        let problem = format!(
            "`{metric}` needs classes of frames, and the extractor `{}` gives none",
            extractor.name()
        );
        return Err(Error::usage(
            problem,
            "give --extractor classifier:RUN of a classifier of such frames",
        ));
    }
    extractor.takes(&info.shape[1..])?;
    let frames = info.shape[0];
    let total = judge.subject.available(judge.count);
    let (mut own, mut theirs, mut classes) = (Vec::new(), Vec::new(), 0);
    judge.subject.each(total, None, judge.key, &mut |videos| {
        classes = add(extractor, &videos, &mut own)?;
        tell("classes of frames", own.len() / (frames * classes).max(1), total);
        Ok(())
    })?;
    let data = judge
        .reference
        .filter(|r| r.set.info().shape == info.shape && r.set.info().count > 0);
    if let Some(data) = data {
        let total = judge.count.min(data.set.info().count);
        each_item(data.set, total, &mut |videos| {
            let classes = add(extractor, &videos, &mut theirs)?;
            tell(
                "classes of the data's frames",
                theirs.len() / (frames * classes).max(1),
                total,
            );
            Ok(())
        })?;
    }
    let judged = |p: &[f64]| Some((consistency(p, frames, classes)?, p.len() / (frames * classes)));
    let samples = judged(&own).ok_or_else(|| {
        Error::usage(
            format!("`{metric}`: there is no video, or a frame whose classes have no probability"),
            "give more with -n, or another --extractor",
        )
    })?;
    Ok(Found {
        samples,
        data: judged(&theirs),
        frames,
        classes,
    })
}

/// Adds the class probabilities of the frames of some videos `[count, time, height, width, channel]`; gives how many classes
/// there are.
fn add(extractor: &Extractor, videos: &Batch, probabilities: &mut Vec<f64>) -> Result<usize> {
    let &[count, time, ref frame @ ..] = &videos.shape[..] else {
        return Ok(0);
    };
    let size: usize = frame.iter().product();
    let mut classes = 0;
    for (video, values) in (0..count).zip(videos.values.chunks_exact(time * size)) {
        let batch = Batch {
            kind: Kind::Image,
            shape: [&[time], frame].concat(),
            values: values.to_vec(),
            labels: None,
            attributes: vec![],
            captions: None,
            indices: vec![videos.indices[video]; time],
        };
        let found = extractor.extract(&batch)?;
        classes = found.classes;
        probabilities.extend(found.log_probabilities.iter().map(|&l| f64::from(l).exp()));
    }
    Ok(classes)
}
