//! Metrics of models that fill in what is hidden.
use super::by_capability::mean_and_error;
use super::metric::{Judge, Metric, Tell, Verdict, forgotten};
use super::subject::each_item;
use crate::data::Kind;
use crate::error::{Error, Result};
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
    let (Kind::Image, &[h, w, c]) = (data.set.info().kind, &data.set.info().shape[..]) else {
        let problem = format!(
            "`{NAME}` hides the middle of images, and {} holds {}",
            data.set.info().source,
            data.set.info().kind.plural()
        );
        return Err(Error::usage(problem, "give images, or leave it out"));
    };
    let hidden = |i: usize| {
        let (y, x) = (i / w, i % w);
        (h / 4..h - h / 4).contains(&y) && (w / 4..w - w / 4).contains(&x)
    };
    let known: Vec<bool> = (0..h * w).map(|i| !hidden(i)).collect();
    let count = judge.count.min(data.set.info().count);
    let (mut made, mut mean) = (Vec::with_capacity(count), Vec::with_capacity(count));
    each_item(data.set, count, &mut |batch| {
        let filled = filler.complete(&batch, &known, judge.key.stream(NAME))?.values;
        let n = h * w * c;
        for (image, filled) in batch.values.chunks_exact(n).zip(filled.chunks_exact(n)) {
            made.push(error(image, &known, c, |i| filled[i]));
            let means = means(image, &known, c);
            mean.push(error(image, &known, c, |i| means[i % c]));
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
    Ok(vec![verdict(NAME, &made), verdict("completion/mean-fill", &mean)])
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
