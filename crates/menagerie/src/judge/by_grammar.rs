//! The metric of sequences of a grammar that is known: which of them it can draw.
use super::by_capability::mean_and_error;
use super::metric::{Judge, Metric, Tell, Verdict, members};
use super::subject::each_item;
use crate::data::Dataset;
use crate::error::{Error, Result};
use std::collections::HashSet;

/// Whether a set tells how likely an item is.
pub(super) fn knows(set: &dyn Dataset) -> bool {
    set.log_probability(&vec![0.0; set.info().numbers()]).is_some()
}

/// The share of samples that the grammar can draw, and of these the share that differ; the entropy of the grammar by held-out items, which
/// no likelihood can be better than.
///
/// # Errors
/// [`Error::Usage`] of data without a grammar, and of samples of another shape.
pub(super) fn work_out(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let (name, data) = (metric.name, judge.data(metric.name)?);
    if !knows(data.set) || judge.subject.info().shape != data.set.info().shape {
        let problem = format!("`{name}`: no grammar of these data is known");
        return Err(Error::usage(problem, "compare with brackets"));
    }
    let item = data.set.info().numbers();
    let (mut grammatical, mut different) = (vec![], HashSet::new());
    let total = judge.subject.available(judge.count);
    judge.subject.each(total, None, judge.key, &mut |batch| {
        for values in batch.values.chunks_exact(item) {
            let drawn = data.set.log_probability(values).is_some_and(f64::is_finite);
            grammatical.push(f64::from(u8::from(drawn)));
            if drawn {
                different.extend(data.set.info().letters(values));
            }
        }
        tell(name, grammatical.len(), total);
        Ok(())
    })?;
    let mut surprise = vec![];
    each_item(data.set, judge.count.min(data.set.info().count), &mut |batch| {
        surprise.extend(
            batch
                .values
                .chunks_exact(item)
                .filter_map(|v| Some(-data.set.log_probability(v)?)),
        );
        Ok(())
    })?;
    let of_grammar = grammatical.iter().sum::<f64>();
    let mut told = vec![
        ("", mean_and_error(&grammatical)),
        ("/entropy", mean_and_error(&surprise)),
    ];
    if of_grammar > 0.0 {
        told.push(("/different", (different.len() as f64 / of_grammar, None)));
    }
    members(name, &judge.definition(name)?, told)
}
