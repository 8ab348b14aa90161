//! What a model says becomes of shapes that are pressed, beside what one could say without it.
use super::by_capability::mean_and_error;
use super::metric::{Judge, Metric, Tell, Verdict, members};
use super::subject::each_item;
use crate::data::{Batch, DataInfo, Dataset, Kind, Press};
use crate::error::{Error, Result};
use crate::metrics::shapes::Solid;
use crate::models::Capability;

/// A shape at rest and pressed, and what is told of the press.
struct Pressed {
    rest: Solid,
    then: Solid,
    press: [f32; Press::NUMBERS],
}

/// Whether items are shapes at rest and pressed, that say by what.
pub(super) fn are(info: &DataInfo) -> bool {
    info.kind == Kind::Voxels
        && info.shape.last() == Some(&2)
        && info.attributes.iter().eq(Press::NAMES.iter())
}

/// One channel of an item of two.
fn channel(item: &[f32], which: usize) -> Solid {
    let values: Vec<f32> = item.iter().skip(which).step_by(2).copied().collect();
    Solid::of(&values)
}

fn pressed(batch: &Batch, numbers: usize) -> Vec<Pressed> {
    let (presses, _) = batch.attributes.as_chunks::<{ Press::NUMBERS }>();
    let items = batch.values.chunks_exact(numbers).zip(presses);
    let one = |(item, press): (&[f32], &[f32; Press::NUMBERS])| Pressed {
        rest: channel(item, 0),
        then: channel(item, 1),
        press: Press::of(press).told(),
    };
    items.map(one).collect()
}

/// How unlike two items are, of which only the shapes at rest and the presses are known: the part that does not overlap, and the mean
/// squared difference of what is told of the presses, each number in [-1, 1].
fn unlike(a: &Pressed, b: &Pressed) -> f64 {
    let off = a
        .press
        .iter()
        .zip(&b.press)
        .map(|(x, y)| f64::from(x - y).powi(2));
    1.0 - a.rest.iou(&b.rest) + off.sum::<f64>() / Press::NUMBERS as f64
}

/// The figures of `deformation`.
///
/// # Errors
/// [`Error::Usage`] of a model that predicts nothing, and of data that are no pressed shapes of its size.
pub(super) fn work_out(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let (model, name) = judge.subject.model(metric.name)?;
    let predict = model
        .as_predict()
        .ok_or_else(|| Capability::Predict.missing(name))?;
    let (data, own) = (judge.data(metric.name)?, judge.subject.info());
    let info = data.set.info();
    if !are(info) || info.shape != own.shape {
        let problem = format!(
            "`{}` judges what is said of pressed shapes, and {name} on {} says nothing of such",
            metric.name, info.source
        );
        let fix = format!("choose other metrics, or phys_net on {}", Press::SOURCE);
        return Err(Error::usage(problem, fix));
    }
    let numbers = info.numbers();
    let training = match data.training {
        Some(set) => all(set, numbers)?,
        None => vec![],
    };
    let (mut said, mut rest, mut nearest) = (vec![], vec![], vec![]);
    let total = judge.count.min(info.count);
    each_item(data.set, total, &mut |batch| {
        let answers = predict.predict(&batch, 0, judge.key.stream(metric.name))?;
        let answers = answers.values.chunks_exact(numbers / 2).map(Solid::of);
        for (item, answer) in pressed(&batch, numbers).iter().zip(answers) {
            said.push(answer.iou(&item.then));
            rest.push(item.rest.iou(&item.then));
            let like = training
                .iter()
                .min_by(|a, b| unlike(a, item).total_cmp(&unlike(b, item)));
            nearest.extend(like.map(|l| l.then.iou(&item.then)));
        }
        tell(metric.name, said.len(), total);
        Ok(())
    })?;
    let mut told = vec![("", mean_and_error(&said)), ("/rest", mean_and_error(&rest))];
    if !nearest.is_empty() {
        told.push(("/nearest", mean_and_error(&nearest)));
    }
    members(metric.name, &judge.definition(metric.name)?, told)
}

fn all(set: &dyn Dataset, numbers: usize) -> Result<Vec<Pressed>> {
    let mut out = vec![];
    each_item(set, set.info().count, &mut |batch| {
        out.extend(pressed(&batch, numbers));
        Ok(())
    })?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: half of what either holds is shared, and one of nine numbers differs by 0.6.
    #[test]
    fn likeness_by_hand() {
        let of = |solid: [f32; 4], number: f32| {
            let mut press = [0.0; Press::NUMBERS];
            press[3] = number;
            Pressed {
                rest: Solid::of(&solid),
                then: Solid::of(&solid),
                press,
            }
        };
        let (a, b) = (of([1.0, 1.0, -1.0, -1.0], 0.1), of([1.0, -1.0, -1.0, -1.0], 0.7));
        assert!((unlike(&a, &b) - (0.5 + 0.36 / 9.0)).abs() < 1e-6);
        assert_eq!(unlike(&a, &a), 0.0);
        let both = [1.0, -1.0, -1.0, 1.0];
        assert_eq!(
            [channel(&both, 0), channel(&both, 1)],
            [Solid::of(&[1.0, -1.0]), Solid::of(&[-1.0, 1.0])]
        );
    }
}
