//! Metrics of models that fill in what is hidden.
use super::by_capability::mean_and_error;
use super::metric::{Judge, Metric, Tell, Verdict, forgotten};
use super::subject::each_item;
use crate::data::Kind;
use crate::error::{Error, Result};
use crate::metrics::shapes::Solid;

use crate::models::Capability;
use serde_json::{Map, json};

/// Figures of a metric with the capability to complete.
///
/// # Errors
/// [`Error::Usage`] when the model does not complete, or the data are no images.
pub(super) fn work_out(judge: &mut Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    match metric.name {
        "completion" => middle(judge, tell),
        name => Err(forgotten(name)),
    }
}

/// The middle of each image, half as wide and half as high as it, is hidden and filled in.
fn middle(judge: &Judge, tell: Tell) -> Result<Vec<Verdict>> {
    const NAME: &str = "completion";
    let (model, model_name) = judge.subject.model(NAME)?;
    let filler = model
        .as_complete()
        .ok_or_else(|| Capability::Complete.missing(model_name))?;
    let data = judge.data(NAME)?;
    let info = data.set.info();
    // An image is one slice.
    let (Kind::Image | Kind::Voxels, &[.., c]) = (info.kind, &info.shape[..]) else {
        let problem = format!(
            "`{NAME}` hides the middle of images or shapes, and {} holds {}",
            info.source,
            info.kind.plural()
        );
        return Err(Error::usage(problem, "give such, or leave it out"));
    };
    let known = around_the_middle(&info.shape);
    let (count, shapes) = (judge.count.min(info.count), info.kind == Kind::Voxels);
    let (mut made, mut mean) = (Vec::with_capacity(count), Vec::with_capacity(count));
    let (mut whole, mut damaged) = (vec![], vec![]);

    each_item(data.set, count, &mut |batch| {
        let filled = filler.complete(&batch, &known, judge.key.stream(NAME))?.values;
        let n = known.len() * c;
        for (image, filled) in batch.values.chunks_exact(n).zip(filled.chunks_exact(n)) {
            made.push(error(image, &known, c, |i| filled[i]));
            let means = means(image, &known, c);
            mean.push(error(image, &known, c, |i| means[i % c]));
            if shapes {
                let truth = Solid::of(image);
                whole.push(truth.iou(&Solid::of(filled)));
                let left = image.iter().zip(&known).map(|(v, k)| if *k { *v } else { -1.0 });
                damaged.push(truth.iou(&Solid::of(&left.collect::<Vec<f32>>())));
            }
        }

        tell(NAME, made.len(), count);
        Ok(())
    })?;
    let mut definition = Map::new();
    definition.insert("data".into(), data.definition.clone().into());
    definition.insert("items".into(), count.into());
    definition.insert("pixels".into(), json!("[0, 1]"));
    definition.insert("hidden".into(), json!("the middle half of each side"));
    let verdict = |name: &str, values: &[f64]| {
        let (value, error) = mean_and_error(values);
        Verdict {
            metric: name.into(),
            value,
            error,
            warning: None,
            definition: definition.clone(),
        }
    };
    let mut all = vec![verdict(NAME, &made), verdict("completion/mean-fill", &mean)];
    if shapes {
        all.extend([
            verdict("completion/iou", &whole),
            verdict("completion/iou-damaged", &damaged),
        ]);
    }
    Ok(all)
}

/// Which positions of items of that shape, channels last, lie around the middle, which is half of each axis.
pub fn around_the_middle(shape: &[usize]) -> Vec<bool> {
    let axes = &shape[..shape.len().saturating_sub(1)];
    let inner = |mut i: usize| {
        axes.iter().rev().all(|n| {
            let at = i % n;
            i /= n;
            (n / 4..n - n / 4).contains(&at)
        })
    };
    (0..axes.iter().product()).map(|i| !inner(i)).collect()
}

/// Mean absolute error of what is hidden of an image, pixels in [0, 1].
fn error(image: &[f32], known: &[bool], channels: usize, filled: impl Fn(usize) -> f32) -> f64 {
    let hidden = (0..image.len()).filter(|i| !known[i / channels]);
    let (sum, count) = hidden.fold((0.0, 0usize), |(sum, count), i| {
        (sum + ((image[i] - filled(i)) as f64).abs() / 2.0, count + 1)
    });
    sum / count.max(1) as f64
}

/// The mean of what is known of each channel.
fn means(image: &[f32], known: &[bool], channels: usize) -> Vec<f32> {
    let of = |c: usize| {
        let values = known.iter().enumerate().filter(|(_, known)| **known);
        let (sum, count) = values.fold((0.0, 0usize), |(sum, count), (i, _)| {
            (sum + image[i * channels + c] as f64, count + 1)
        });
        (sum / count.max(1) as f64) as f32
    };
    (0..channels).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: two pixels of two channels are known, one is hidden.
    #[test]
    fn only_what_was_hidden_counts() {
        let (image, known) = ([0.0, 1.0, -0.5, 0.5, 0.5, 1.0], [true, false, true]);
        assert_eq!(means(&image, &known, 2), [0.25, 1.0]);
        let off = error(&image, &known, 2, |i| [0.25, 1.0][i % 2]);
        assert!((off - (0.75 + 0.5) / 4.0).abs() < 1e-9, "{off}");
        assert_eq!(error(&image, &known, 2, |i| image[i]), 0.0);
    }
}
