//! Metrics of music: what notes a piece has.
use super::by_capability::mean_and_error;
use super::metric::{Judge, Metric, Tell, Verdict, forgotten, members};
use super::subject::{Subject, each_item};
use crate::data::{Batch, Dataset, Kind, tones};
use crate::error::{Error, Result};
use crate::metrics::music;
use crate::models::SampleRequest;

/// Pieces as the pitches of their notes.
type Pieces = Vec<Vec<u8>>;

/// Figures of a metric with `Needs::Notes`; beside them those of the data, of notes that are drawn from the data each for itself, and
/// of the model before it learned, where that is known.
///
/// # Errors
/// [`Error::Usage`] when samples and data are no music, or there are none.
pub(super) fn work_out(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let name = metric.name;
    let (info, data) = (judge.subject.info(), judge.data(name)?);
    if info.kind != Kind::Notes || data.set.info().kind != Kind::Notes {
        let problem = format!("`{name}` judges music, but these are {}", info.kind.plural());
        return Err(Error::usage(problem, "choose other metrics"));
    }
    let (mut samples, total) = (Pieces::new(), judge.subject.available(judge.count));
    judge.subject.each(total, None, judge.key, &mut |batch| {
        samples.extend(pieces(&batch));
        tell("samples", samples.len(), total);
        Ok(())
    })?;
    let held = of_set(data.set, judge.count)?;
    if samples.is_empty() || held.is_empty() {
        return Err(Error::usage(
            format!("`{name}`: there is no music"),
            "give more with -n",
        ));
    }
    let mut told = vec![
        ("", of(name, &samples)?),
        ("/data", of(name, &held)?),
        ("/independent", of(name, &independent(&held, judge))?),
    ];
    let untrained = match (judge.untrained, judge.subject) {
        (Some(model), Subject::Model { .. }) => model.as_sample(),
        _ => None,
    };
    if let Some(sampler) = untrained {
        let request = SampleRequest::new(total, judge.key.stream("untrained"));
        let made = sampler.sample(&request)?;
        let item = info.numbers().max(1);
        let made: Pieces = made.values.chunks_exact(item).map(pitches).collect();
        told.push(("/untrained", of(name, &made)?));
    }
    members(name, &judge.definition(name)?, told)
}

fn pitches(values: &[f32]) -> Vec<u8> {
    tones(values).iter().map(|t| t.pitch).collect()
}

fn pieces(batch: &Batch) -> Pieces {
    let item = batch.values.len() / batch.shape[0].max(1);
    batch.values.chunks_exact(item.max(1)).map(pitches).collect()
}

/// The first pieces of a set.
fn of_set(set: &dyn Dataset, count: usize) -> Result<Pieces> {
    let mut out = Pieces::new();
    each_item(set, count.min(set.info().count), &mut |batch| {
        out.extend(pieces(&batch));
        Ok(())
    })?;
    Ok(out)
}

/// As many pieces of as many notes, each note any of all.
fn independent(held: &Pieces, judge: &Judge) -> Pieces {
    let all: Vec<u8> = held.iter().flatten().copied().collect();
    let mut rng = judge.key.stream("independent notes").rng();
    let mut drawn = |piece: &Vec<u8>| piece.iter().map(|_| all[rng.below(all.len())]).collect();
    held.iter().map(&mut drawn).collect()
}

fn of(name: &str, pieces: &Pieces) -> Result<(f64, Option<f64>)> {
    let one: fn(&[u8]) -> Option<f64> = match name {
        "scale-consistency" => music::scale_consistency,
        "repetitions" => music::repetitions,
        "tone-span" => music::tone_span,
        name => return Err(forgotten(name)),
    };
    let all: Option<Vec<f64>> = pieces.iter().map(|p| one(p)).collect();
    let fix = "take pieces of three notes or more";
    let none = || Error::usage(format!("`{name}`: a piece has too few notes"), fix);
    Ok(mean_and_error(&all.ok_or_else(none)?))
}
