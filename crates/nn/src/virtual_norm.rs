use crate::{Activation, Init, activations, init};
use burn::module::{Module, Param};
use burn::tensor::Tensor;

/// Batch normalization by a batch that is always the same (Salimans et al. 2016, arXiv:1606.03498, section 3.5): an item is
/// normalized by the statistics of the reference batch with the item itself as one more of it, so that what it becomes does not
/// depend on the others of its batch, in training or after it.
#[derive(Module, Debug)]
pub struct VirtualNorm {
    /// scale, `[channels]`
    pub gamma: Param<Tensor<1>>,
    /// shift, `[channels]`
    pub beta: Param<Tensor<1>>,
}

/// What a layer knows of the reference batch: the mean and the variance of each channel, `[1, 1, 1, channels]`, and how many
/// items there are. Gradients go through both.
#[derive(Clone, Debug)]
pub struct Reference {
    mean: Tensor<4>,
    variance: Tensor<4>,
    items: usize,
}

const EPSILON: f64 = 1e-5;

impl VirtualNorm {
    /// Of so many channels; the first scales are normal around 1 with that deviation, shifts are 0.
    pub fn new(channels: usize, spread: f64, at: &Init) -> Self {
        VirtualNorm {
            gamma: init::normal(at.key(), [channels], 1.0, spread, at.device()),
            beta: init::zeros([channels], at.device()),
        }
    }

    /// The reference batch `[items, height, width, channel]` by its own statistics, then the activation; and what items need of it.
    pub fn reference(&self, x: Tensor<4>, activation: Activation) -> (Tensor<4>, Reference) {
        let mean = |t: Tensor<4>| t.mean_dim(0).mean_dim(1).mean_dim(2);
        let items = x.dims()[0];
        let centre = mean(x.clone());
        let centred = x.clone() - centre.clone();
        let reference = Reference {
            mean: centre,
            variance: mean(centred.clone() * centred),
            items,
        };
        let y = self.scaled(x, reference.mean.clone(), reference.variance.clone(), activation);
        (y, reference)
    }

    /// Items `[batch, height, width, channel]`, each by the statistics of the reference batch and its own: with n items of
    /// reference, mu = (n mu_reference + mu_x) / (n + 1), and the variance is that of all of them around mu.
    pub fn forward(&self, x: Tensor<4>, reference: &Reference, activation: Activation) -> Tensor<4> {
        let own = 1.0 / (reference.items + 1) as f64;
        let mean = |t: Tensor<4>| t.mean_dim(1).mean_dim(2) * own;
        let centre = mean(x.clone()) + reference.mean.clone() * (1.0 - own);
        let centred = x.clone() - centre.clone();
        let moved = reference.mean.clone() - centre.clone();
        let of_reference = (reference.variance.clone() + moved.clone() * moved) * (1.0 - own);
        let variance = mean(centred.clone() * centred) + of_reference;
        self.scaled(x, centre, variance, activation)
    }

    fn scaled(
        &self,
        x: Tensor<4>,
        mean: Tensor<4>,
        variance: Tensor<4>,
        activation: Activation,
    ) -> Tensor<4> {
        let channels = self.gamma.dims()[0];
        let [gamma, beta] = [&self.gamma, &self.beta].map(|p| p.val().reshape([1, 1, 1, channels]));
        let scale = gamma / (variance + EPSILON).sqrt();
        let y = activations::keep(x * scale.clone()) + (beta - mean * scale);
        activations::activation(y, activation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers;
    use burn::tensor::{Device, TensorData};
    use menagerie_data::Key;

    const DIMS: [usize; 3] = [2, 3, 2];
    const NUMBERS: usize = DIMS[0] * DIMS[1] * DIMS[2];

    fn wave(items: usize, phase: f32) -> Vec<f32> {
        (0..items * NUMBERS)
            .map(|i| (1.3 * i as f32 + phase).sin() * 2.0 + 0.5)
            .collect()
    }

    fn tensor(values: &[f32]) -> Tensor<4> {
        let [h, w, c] = DIMS;
        let shape = [values.len() / NUMBERS, h, w, c];
        Tensor::from_data(TensorData::new(values.to_vec(), shape), &Device::flex())
    }

    fn norm() -> VirtualNorm {
        let mut norm = VirtualNorm::new(DIMS[2], 0.3, &Init::new(Key::new(1), &Device::flex()));
        norm.beta = norm.beta.map(|b| b + 0.2);
        norm
    }

    /// Each item is normalized as plain batch norm would normalize it in a batch of the reference and itself.
    #[test]
    fn an_item_is_one_more_of_the_reference() {
        let norm = norm();
        let (reference, items) = (wave(4, 0.0), wave(3, 5.0));
        let (_, known) = norm.reference(tensor(&reference), Activation::Identity);
        let got = numbers(norm.forward(tensor(&items), &known, Activation::Relu));
        let (gamma, beta) = (numbers(norm.gamma.val()), numbers(norm.beta.val()));
        for (item, got) in items.chunks(NUMBERS).zip(got.chunks(NUMBERS)) {
            for c in 0..DIMS[2] {
                let all = reference.iter().chain(item).skip(c).step_by(DIMS[2]);
                let all: Vec<f64> = all.map(|v| *v as f64).collect();
                let mean = all.iter().sum::<f64>() / all.len() as f64;
                let variance = all.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / all.len() as f64;
                for i in (c..NUMBERS).step_by(DIMS[2]) {
                    let h = (item[i] as f64 - mean) / (variance + EPSILON).sqrt();
                    let want = (h * gamma[c] as f64 + beta[c] as f64).max(0.0);
                    assert!((got[i] as f64 - want).abs() < 1e-5, "{} {want}", got[i]);
                }
            }
        }
    }

    /// What an item becomes does not depend on the others.
    #[test]
    fn items_are_apart() {
        let norm = norm();
        let (_, known) = norm.reference(tensor(&wave(4, 0.0)), Activation::Tanh);
        let (a, b) = (wave(1, 3.0), wave(1, 9.0));
        let alone = numbers(norm.forward(tensor(&a), &known, Activation::Tanh));
        let both = numbers(norm.forward(tensor(&[a, b].concat()), &known, Activation::Tanh));
        assert_eq!(alone, both[..NUMBERS]);
    }
}
