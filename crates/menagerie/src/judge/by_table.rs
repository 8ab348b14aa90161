//! The metric of values that are filled in: some that are there are hidden, and compared with what comes in their place.
use super::metric::{Judge, Metric, Tell, Verdict};
use super::subject::each_item;
use crate::data::Batch;
use crate::error::{Error, Result};
use crate::metrics::imputation::{ROUNDS, by_mean, by_regression, rmse};
use crate::models::Capability;
use serde_json::{Map, json};

/// Share of the values that are hidden.
const HIDDEN: f64 = 0.2;

/// The error of `imputation`, and beside it those of the columns' means and of chained regressions, on the same table.
///
/// # Errors
/// [`Error::Usage`] of a model that fills in no tables, and of a table without enough values.
pub(super) fn work_out(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let (model, name) = judge.subject.model(metric.name)?;
    let complete = model
        .as_complete()
        .ok_or_else(|| Capability::Complete.missing(name))?;
    if !complete.takes_missing() {
        let problem = format!("`{}` is of tables, and `{name}` fills in none", metric.name);
        return Err(Error::usage(problem, "train gain"));
    }
    let data = judge.data(metric.name)?;
    let (count, columns) = (judge.count.min(data.set.info().count), data.set.info().numbers());
    let key = judge.key.stream("imputation");
    let (mut truth, mut given, mut filled) = (vec![], vec![], vec![]);
    each_item(data.set, count, &mut |batch| {
        let hide = |(row, index): (&[f32], &u32)| {
            let mut rng = key.stream("hidden").step(*index as u64).rng();
            let kept = |v: &f32| if rng.uniform() < HIDDEN { f32::NAN } else { *v };
            row.iter().map(kept).collect::<Vec<f32>>()
        };
        let rows = batch.values.chunks_exact(columns).zip(&batch.indices);
        let gaps = Batch {
            values: rows.flat_map(hide).collect(),
            ..batch.clone()
        };
        filled.extend(complete.complete(&gaps, &vec![true; columns], key)?.values);
        truth.extend(batch.values);
        given.extend(gaps.values);
        tell(metric.name, truth.len() / columns, count);
        Ok(())
    })?;
    let hidden: Vec<bool> = (0..truth.len())
        .map(|i| given[i].is_nan() && !truth[i].is_nan())
        .collect();
    // What is missing in truth, too, says nothing of a column.
    let known = by_mean(&truth, columns);
    let mut definition = Map::new();
    definition.insert("data".into(), data.definition.clone().into());
    definition.insert("items".into(), count.into());
    definition.insert("hidden".into(), json!(HIDDEN));
    definition.insert("regression_rounds".into(), ROUNDS.into());
    let verdict = |of: &str, filled: &[f32]| {
        let value = rmse(&known, filled, &hidden, columns).ok_or_else(|| {
            let problem = format!("of {count} rows too few values are there to hide some");
            Error::usage(problem, "give a larger table, without columns of one value")
        })?;
        Ok(Verdict {
            metric: format!("{}{of}", metric.name),
            value,
            error: None,
            warning: None,
            definition: definition.clone(),
        })
    };
    Ok(vec![
        verdict("", &filled)?,
        verdict("/mean", &by_mean(&given, columns))?,
        verdict("/regression", &by_regression(&given, columns))?,
    ])
}
