//! The metric that walks through a latent space: perceptual path length.
use super::metric::{Judge, Metric, Tell, Verdict};
use super::subject::AT_ONCE;
use crate::data::{Batch, Kind};
use crate::error::{Error, Result};
use crate::metrics::path_length::{EPSILON, TRIM, path_length, slerp};
use crate::models::{Capability, Samples};
use burn::tensor::{Tensor, TensorData};
use serde_json::json;

/// Figures of a metric with `Needs::Path`.
///
/// # Errors
/// [`Error::Usage`] when the model has no latent space or makes no images, or there is no extractor.
pub(super) fn work_out(judge: &Judge, metric: &Metric, tell: Tell) -> Result<Vec<Verdict>> {
    let (model, name) = judge.subject.model(metric.name)?;
    let space = model
        .as_latent_space()
        .ok_or_else(|| Capability::LatentSpace.missing(name))?;
    let extractor = judge.features(metric.name)?;
    if judge.subject.info().kind != Kind::Image {
        return Err(Error::usage("`ppl` judges images", "choose other metrics"));
    }
    let key = judge.key.stream("path length");
    let (mut ends, mut width) = ([Vec::new(), Vec::new()], 0);
    for (chunk, from) in (0..judge.count).step_by(AT_ONCE).enumerate() {
        let (n, key) = (AT_ONCE.min(judge.count - from), key.step(chunk as u64));
        let first = space.prior(n, key.stream("from"));
        let (latent, device) = (space.latent(), first.device());
        let [first, last] = [first, space.prior(n, key.stream("to"))].map(numbers);
        let mut draw = key.stream("place").rng();
        let places: Vec<f64> = (0..n).map(|_| draw.uniform()).collect();
        for (end, step) in ends.iter_mut().zip([0.0, EPSILON]) {
            let rows = first
                .chunks_exact(latent)
                .zip(last.chunks_exact(latent))
                .zip(&places);
            let z: Vec<f32> = rows
                .flat_map(|((a, b), t)| slerp(a, b, t + step))
                .map(|v| v as f32)
                .collect();
            let made = space.decode(Tensor::from_data(TensorData::new(z, [n, latent]), &device))?;
            let found = extractor.extract_unrounded(&batch(made))?;
            width = found.width;
            end.extend(found.features);
        }
        tell(metric.name, from + n, judge.count);
    }
    let figure = path_length(&ends[0], &ends[1], width, EPSILON)?;
    let mut definition = extractor.definition();
    definition.insert("pairs".into(), judge.count.into());
    definition.insert("space".into(), json!("z"));
    definition.insert("epsilon".into(), EPSILON.into());
    definition.insert("left_out_at_either_end".into(), TRIM.into());
    definition.insert("distance".into(), json!("squared difference of features"));
    Ok(vec![Verdict {
        metric: metric.name.into(),
        value: figure.value,
        error: figure.error,
        warning: figure.warning,
        definition,
    }])
}

fn numbers(t: Tensor<2>) -> Vec<f64> {
    crate::nn::numbers(t).into_iter().map(f64::from).collect()
}

fn batch(made: Samples) -> Batch {
    let indices = (0..made.shape[0] as u32).collect();
    Batch {
        kind: made.kind,
        shape: made.shape,
        values: made.values,
        labels: None,
        attributes: vec![],
        captions: None,
        indices,
    }
}
