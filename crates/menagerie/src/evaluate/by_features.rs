//! Metrics that compare samples with data by the features of an extractor.
use super::by_capability::{argmax, mean_and_error};
use super::judge::{Judge, Metric, Tell, Verdict};
use crate::error::{Error, Result};

/// Figures of a metric with `Needs::Features` or `Needs::Classes`.
///
/// # Errors
/// [`Error::Usage`] when there is no extractor, or one that tells no classes where they are needed.
pub fn work_out(judge: &mut Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    class_accuracy(judge, metric, tell)
}

/// The share of samples of each class that the extractor takes for that class; classes take equal parts.
fn class_accuracy(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let extractor = judge.features(metric.name)?;
    let classes = extractor.classes();
    let (model, name) = judge.subject.model(metric.name)?;
    if !judge.subject.is_conditional() {
        return Err(Error::usage(format!("`{name}` does not draw from a class"), "leave class-accuracy out"));
    }
    if classes != judge.subject.info().labels {
        let fix = "give --extractor classifier:RUN with a classifier of the same classes";
        return Err(Error::usage(format!("`{}` does not tell the classes of `{name}`", extractor.name()), fix));
    }
    let _ = model;
    let each = (judge.count / classes.len()).max(1);
    let mut right = Vec::new();
    for label in 0..classes.len() {
        judge.subject.each(each, Some(label as u32), judge.key.stream("class").step(label as u64), &mut |batch| {
            let found = extractor.extract(&batch)?;
            right.extend(found.log_probabilities.chunks_exact(classes.len()).map(|row| f64::from(argmax(row) == label)));
            tell(metric.name, right.len(), each * classes.len());
            Ok(())
        })?;
    }
    let (value, error) = mean_and_error(&right);
    let mut definition = extractor.definition();
    definition.insert("samples".into(), right.len().into());
    Ok(vec![Verdict { metric: metric.name.into(), value, error, warning: None, definition }])
}
