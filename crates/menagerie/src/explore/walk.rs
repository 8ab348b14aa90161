use crate::nn::numbers;
use burn::tensor::{Tensor, TensorData};

/// The shape of a walk between two latents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walk {
    /// a straight line
    Linear,
    /// a great circle (White 2016, arXiv:1609.04468): a Gaussian of many dimensions lives near a sphere, whose inside a
    /// straight line would cross
    Spherical,
}

/// Walks from each row of `from` to the same row of `to` (both `[rows, latent]`): `[rows * steps, latent]`, row after
/// row, both ends included. `steps` is 2 or more.
pub fn walk(from: Tensor<2>, to: Tensor<2>, steps: usize, mode: Walk) -> Tensor<2> {
    let device = from.device();
    let [rows, latent] = from.dims();
    let (a, b) = (numbers(from), numbers(to));
    let mut out = Vec::with_capacity(rows * steps * latent);
    for (a, b) in a.chunks_exact(latent).zip(b.chunks_exact(latent)) {
        for i in 0..steps {
            let [wa, wb] = weights(a, b, i as f64 / (steps - 1) as f64, mode);
            out.extend(
                a.iter()
                    .zip(b)
                    .map(|(a, b)| (wa * *a as f64 + wb * *b as f64) as f32),
            );
        }
    }
    Tensor::from_data(TensorData::new(out, [rows * steps, latent]), &device)
}

/// A walk through keyframes `[keys, latent]`, one after the other, `steps` from each to the next, the next's own place left to the
/// walk that begins there: `[(keys - 1) steps + 1, latent]`. `steps` is 1 or more, `keys` 2 or more.
pub fn through(keys: Tensor<2>, steps: usize, mode: Walk) -> Tensor<2> {
    let [count, latent] = keys.dims();
    let (from, to) = (
        keys.clone().narrow(0, 0, count - 1),
        keys.clone().narrow(0, 1, count - 1),
    );
    let all = walk(from, to, steps + 1, mode).reshape([count - 1, steps + 1, latent]);
    let begun = all.narrow(1, 0, steps).reshape([(count - 1) * steps, latent]);
    Tensor::cat(vec![begun, keys.narrow(0, count - 1, 1)], 0)
}

/// What each end counts at `t` in [0, 1].
fn weights(a: &[f32], b: &[f32], t: f64, mode: Walk) -> [f64; 2] {
    let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| *x as f64 * *y as f64).sum::<f64>();
    let cosine = dot(a, b) / (dot(a, a) * dot(b, b)).sqrt();
    let angle = cosine.clamp(-1.0, 1.0).acos();
    // Ends that (almost) point the same way or opposite ways span no circle.
    if mode == Walk::Linear || !angle.is_finite() || angle.sin() < 1e-6 {
        return [1.0 - t, t];
    }
    [
        ((1.0 - t) * angle).sin() / angle.sin(),
        (t * angle).sin() / angle.sin(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn between(a: [f32; 2], b: [f32; 2], steps: usize, mode: Walk) -> Vec<f32> {
        let row = |v: [f32; 2]| Tensor::<2>::from_data([v], &Device::flex());
        walk(row(a), row(b), steps, mode)
            .into_data()
            .as_slice::<f32>()
            .unwrap()
            .to_vec()
    }

    #[test]
    fn keyframes_are_met() {
        let keys = Tensor::<2>::from_data([[0.0, 0.0], [2.0, 0.0], [2.0, 4.0]], &Device::flex());
        let way = numbers(through(keys, 2, Walk::Linear));
        assert_eq!(way, [0.0, 0.0, 1.0, 0.0, 2.0, 0.0, 2.0, 2.0, 2.0, 4.0]);
    }

    #[test]
    fn lines_and_circles() {
        assert_eq!(
            between([0.0, 0.0], [2.0, 4.0], 3, Walk::Linear),
            [0.0, 0.0, 1.0, 2.0, 2.0, 4.0]
        );
        let circle = between([1.0, 0.0], [0.0, 1.0], 5, Walk::Spherical);
        for (i, p) in circle.chunks(2).enumerate() {
            let angle = i as f32 * std::f32::consts::FRAC_PI_8;
            assert!(
                (p[0] - angle.cos()).abs() < 1e-6 && (p[1] - angle.sin()).abs() < 1e-6,
                "{p:?}"
            );
        }
        // No circle: a line, and never NaN.
        for (a, b) in [
            ([1.0, 1.0], [1.0, 1.0]),
            ([1.0, 0.0], [-1.0, 0.0]),
            ([0.0, 0.0], [1.0, 0.0]),
        ] {
            let p = between(a, b, 3, Walk::Spherical);
            assert!(
                (p[2] - (a[0] + b[0]) / 2.0).abs() < 1e-6 && p.iter().all(|v| v.is_finite()),
                "{p:?}"
            );
        }
    }
}
