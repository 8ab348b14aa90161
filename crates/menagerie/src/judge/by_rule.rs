//! The metric of attributes that follow from an item: how they are distributed among samples and among data.
use super::metric::{Judge, Metric, Tell, Verdict};
use super::subject::each_item;
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::metrics::transport::wasserstein_of_numbers;

/// Whether a set tells what attributes any item truly has.
pub(super) fn knows(set: &dyn Dataset) -> bool {
    set.attributes_of(&vec![0.0; set.info().numbers()]).is_some()
}

/// The distance of every attribute's distribution among samples from that among held-out items, and (`/data`) that of training items.
///
/// # Errors
/// [`Error::Usage`] of data that do not know, and of samples of another shape.
pub(super) fn work_out(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let (name, data) = (metric.name, judge.data(metric.name)?);
    if !knows(data.set) || judge.subject.info().shape != data.set.info().shape {
        let problem = format!("`{name}`: what attributes a sample truly has is not known of these data");
        return Err(Error::usage(
            problem,
            "compare with dna, jets or showers, at their own size",
        ));
    }
    let names = &data.set.info().attributes;
    // Attributes of items one after the other.
    let of = |values: &[f32]| -> Vec<f32> {
        let items = values.chunks_exact(data.set.info().numbers());
        items
            .filter_map(|v| data.set.attributes_of(v))
            .flatten()
            .collect()
    };
    let of_set = |set: &dyn Dataset, count: usize| -> Result<Vec<f32>> {
        let mut out = vec![];
        each_item(set, count.min(set.info().count), &mut |batch| {
            out.extend(of(&batch.values));
            Ok(())
        })?;
        Ok(out)
    };
    let (mut own, total) = (vec![], judge.subject.available(judge.count));
    judge.subject.each(total, None, judge.key, &mut |batch| {
        own.extend(of(&batch.values));
        tell(name, own.len() / names.len(), total);
        Ok(())
    })?;
    let held = of_set(data.set, judge.count)?;
    let training = data.training.map(|set| of_set(set, judge.count)).transpose()?;
    let definition = judge.definition(name)?;
    let column = |all: &[f32], i: usize| -> Vec<f64> {
        all.iter()
            .skip(i)
            .step_by(names.len())
            .map(|v| *v as f64)
            .collect()
    };
    let mut out = vec![];
    for (i, attribute) in names.iter().enumerate() {
        let truth = column(&held, i);
        let mean = truth.iter().sum::<f64>() / truth.len().max(1) as f64;
        let spread =
            (truth.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / truth.len().max(1) as f64).sqrt();
        let mut add = |what: &str, numbers: &[f64]| -> Result<()> {
            let far = wasserstein_of_numbers(numbers, &truth).map(|d| d / spread);
            let value = far.filter(|d| d.is_finite()).ok_or_else(|| {
                let problem = format!("`{name}`: `{attribute}` has one value alone, or there are no items");
                Error::usage(problem, "give more with -n")
            })?;
            out.push(Verdict {
                metric: format!("{name}/{attribute}{what}"),
                value,
                error: None,
                warning: None,
                definition: definition.clone(),
            });
            Ok(())
        };
        add("", &column(&own, i))?;
        if let Some(training) = &training {
            add("/data", &column(training, i))?;
        }
    }
    Ok(out)
}
