//! Metrics of shapes of voxels: how well samples and held-out shapes match.
use super::by_capability::mean_and_error;
use super::metric::{Judge, Metric, Tell, Verdict, forgotten, members};
use super::subject::each_item;
use crate::data::{Dataset, Kind};
use crate::error::{Error, Result};
use crate::metrics::shapes::{Solid, best, coverage};

/// Figures of a metric with `Needs::Shapes`, and those of training shapes beside them.
///
/// # Errors
/// [`Error::Usage`] when samples and data are no shapes of one size, or there are none.
pub(super) fn work_out(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let name = metric.name;
    let (info, data) = (judge.subject.info(), judge.data(name)?);
    let theirs = data.set.info();
    if info.kind != Kind::Voxels || theirs.kind != Kind::Voxels {
        let problem = format!("`{name}` judges shapes, but these are {}", info.kind.plural());
        return Err(Error::usage(problem, "choose other metrics"));
    }
    if info.shape != theirs.shape {
        let problem = format!(
            "`{name}`: samples are of {:?} voxels, the data of {:?}",
            &info.shape[..3],
            &theirs.shape[..3]
        );
        let fix = format!("give the data the samples' size: --size {}", info.shape[0]);
        return Err(Error::usage(problem, fix));
    }
    let item = info.numbers();
    let (mut samples, total) = (vec![], judge.subject.available(judge.count));
    judge.subject.each(total, None, judge.key, &mut |batch| {
        samples.extend(batch.values.chunks_exact(item).map(Solid::of));
        tell("samples", samples.len(), total);
        Ok(())
    })?;
    let held = of_set(data.set, judge.count)?;
    let training = match data.training {
        Some(set) => of_set(set, samples.len())?,
        None => vec![],
    };
    if samples.is_empty() || held.is_empty() {
        let problem = format!("`{name}`: there are no shapes");
        return Err(Error::usage(problem, "give more with -n"));
    }
    let definition = judge.definition(name)?;
    let of = |set: &[Solid]| match name {
        "shape-match" => Ok(mean_and_error(&best(&held, set))),
        "shape-coverage" => Ok((coverage(set, &held), None)),
        name => Err(forgotten(name)),
    };
    let mut told = vec![("", of(&samples)?)];
    if !training.is_empty() {
        told.push(("/data", of(&training)?));
    }
    members(name, &definition, told)
}

/// The first shapes of a set.
fn of_set(set: &dyn Dataset, count: usize) -> Result<Vec<Solid>> {
    let (mut out, item) = (vec![], set.info().numbers());
    each_item(set, count.min(set.info().count), &mut |batch| {
        out.extend(batch.values.chunks_exact(item).map(Solid::of));
        Ok(())
    })?;
    Ok(out)
}
