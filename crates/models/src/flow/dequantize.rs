//! From levels to real numbers: an 8-bit image has a probability, a flow a density. Noise within a level makes the one a
//! bound of the other: log P(x) >= E log p(x + u) - log q(u | x) (Theis et al. 2016; Ho et al. 2019, equation 13).
use crate::as_image_shape;
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_kernels::noise;
use menagerie_nn::flow::{Checkerboard, Conditioner, Hidden, ResNet};
use menagerie_nn::{Activation, Init, activation, levels};
use serde::{Deserialize, Serialize};

/// What the noise within a level is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dequantization {
    /// uniform in [0, 1)
    Uniform,
    /// drawn from a small flow that sees the image and is trained with the rest (Ho et al. 2019, Flow++, arXiv:1902.00275)
    Variational,
}

/// The levels, 0 to 255, of a batch in [-1, 1].
pub(super) fn levels_of(batch: &Batch) -> Vec<f32> {
    batch
        .values
        .iter()
        .map(|&v| levels::level(v, 256) as f32)
        .collect()
}

/// Numbers that belong to items: those of item `i` of the data set are drawn from `key.step(i)`.
pub(crate) fn item_noise(batch: &Batch, key: Key, fill: impl Fn([u32; 8], &mut [f32])) -> Vec<f32> {
    let mut out = vec![0f32; batch.values.len()];
    let n = (out.len() / batch.indices.len().max(1)).max(1);
    for (item, &i) in out.chunks_exact_mut(n).zip(&batch.indices) {
        fill(key.step(i as u64).words(), item);
    }
    out
}

/// q(u | x): u = sigmoid(f(e; x)) with e standard normal and f a chain of checkerboard couplings.
#[derive(Module, Debug)]
pub struct NoiseFlow {
    couplings: Vec<Checkerboard>,
}

impl NoiseFlow {
    /// For images of that many channels: `depth` couplings, each with a residual block of `width` channels.
    pub fn new(channels: usize, Hidden { width, depth }: Hidden, init: &Init) -> Self {
        let coupling = |i: usize| {
            let block = Hidden { width, depth: 1 };
            let network = ResNet::new([2 * channels; 2], block, &init.nth(i));
            Checkerboard::new(Conditioner::ResNet(network), i % 2 == 1)
        };
        NoiseFlow {
            couplings: (0..depth).map(coupling).collect(),
        }
    }

    /// The noise's own flow where a recipe asks for one and the data are images.
    pub(super) fn for_data(which: Dequantization, info: &DataInfo, init: &Init) -> Option<Self> {
        let channels = as_image_shape(info)[2];
        let wanted = which == Dequantization::Variational && info.kind == Kind::Image;
        let couplings = Hidden { width: 32, depth: 4 };
        wanted.then(|| NoiseFlow::new(channels, couplings, &init.at("noise")))
    }

    /// Noise u in [0, 1) for images of levels x, and ln q(u | x) of every item. `normal` is e.
    pub fn draw(&self, x: Tensor<4>, normal: Tensor<4>) -> (Tensor<4>, Tensor<1>) {
        let [b, h, w, c] = x.dims();
        let image = x / 256.0 - 0.5;
        // ln N(e; 0, 1), less every map's ln |det|.
        let density = (normal.clone().square() * -0.5)
            .reshape([b, h * w * c])
            .sum_dim(1)
            .reshape([b]);
        let density = density - 0.5 * (std::f64::consts::TAU).ln() * (h * w * c) as f64;
        let (v, density) = self
            .couplings
            .iter()
            .fold((normal, density), |(v, density), coupling| {
                let (v, log_det) = coupling.forward_with(v, Some(image.clone()));
                (v, density - log_det)
            });
        // -ln sigmoid'(v) = softplus(v) + softplus(-v)
        let slope =
            activation(v.clone(), Activation::Softplus) + activation(-v.clone(), Activation::Softplus);
        let density = density + slope.reshape([b, h * w * c]).sum_dim(1).reshape([b]);
        (activation(v, Activation::Sigmoid), density)
    }
}

/// Numbers as a tensor of images.
pub(super) fn tensor(values: Vec<f32>, [h, w, c]: [usize; 3], device: &Device) -> Tensor<4> {
    let n = values.len() / (h * w * c).max(1);
    Tensor::from_data(TensorData::new(values, [n, h, w, c]), device)
}

/// Uniform noise of a batch's items.
pub(super) fn uniform(batch: &Batch, key: Key) -> Vec<f32> {
    item_noise(batch, key, noise::fill_uniform)
}

/// Normal noise of a batch's items.
pub(super) fn normal(batch: &Batch, key: Key) -> Vec<f32> {
    item_noise(batch, key, noise::fill_normal)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// q is a density: its mass over u in (0, 1) is one, here for one pixel that is drawn by the coupling and one that
    /// passes, estimated by a fine grid over e, the variable that is transformed.
    #[test]
    fn the_reported_density_is_that_of_the_noise() {
        let d = Device::flex();
        let flow = NoiseFlow::new(1, Hidden { width: 3, depth: 2 }, &Init::new(Key::new(4), &d));
        let x = Tensor::<4>::ones([1, 1, 2, 1], &d) * 90.0;
        // ln q(u) by the change of variables with a numerical Jacobian.
        let at = |a: f64, b: f64| {
            let (u, q) = flow.draw(
                x.clone(),
                Tensor::from_data(TensorData::new(vec![a as f32, b as f32], [1, 1, 2, 1]), &d),
            );
            let u = u.into_data().as_slice::<f32>().unwrap().to_vec();
            (
                u[0] as f64,
                u[1] as f64,
                q.into_data().as_slice::<f32>().unwrap()[0] as f64,
            )
        };
        for (a, b) in [(0.3, -0.7), (-1.2, 0.4), (0.0, 0.0)] {
            let h = 1e-2;
            let (right, left, up, down) = (at(a + h, b), at(a - h, b), at(a, b + h), at(a, b - h));
            let j =
                |p: (f64, f64, f64), m: (f64, f64, f64)| [(p.0 - m.0) / (2.0 * h), (p.1 - m.1) / (2.0 * h)];
            let (by_a, by_b) = (j(right, left), j(up, down));
            let det = (by_a[0] * by_b[1] - by_a[1] * by_b[0]).abs();
            let normal = -(a * a + b * b) / 2.0 - std::f64::consts::TAU.ln();
            assert!((at(a, b).2 - (normal - det.ln())).abs() < 2e-3);
        }
    }
}
