//! The networks of CTGAN (section 4.4).
use burn::module::Module;
use burn::tensor::Tensor;
use menagerie_data::random::Key;
use menagerie_kernels::noise;
use menagerie_nn::{Activation, BatchNorm, Dual, Init, Linear};

/// Hidden layers of either network.
const HIDDEN: usize = 2;

/// h <- ReLU(BN(FC(h))) beside h, twice; then the answer.
#[derive(Module, Debug)]
pub struct Generator {
    hidden: Vec<Linear>,
    norms: Vec<BatchNorm>,
    answer: Linear,
}

impl Generator {
    pub(super) fn new(inputs: usize, width: usize, outputs: usize, init: &Init) -> Generator {
        let layer = |i: usize| {
            let of = Linear::of([inputs + i * width, width]).no_bias();
            of.init(&init.at("hidden").nth(i))
        };
        let norm = |i: usize| BatchNorm::of(width).init(&init.at("norm").nth(i));
        Generator {
            hidden: (0..HIDDEN).map(layer).collect(),
            norms: (0..HIDDEN).map(norm).collect(),
            answer: Linear::of([inputs + HIDDEN * width, outputs]).init(&init.at("answer")),
        }
    }

    /// Latents with conditions `[rows, inputs]` -> `[rows, outputs]`, of which rows are drawn.
    pub(super) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let h = self.hidden.iter().zip(&self.norms).fold(x, |h, (layer, norm)| {
            let new = norm.forward(layer.forward(h.clone(), Activation::Identity), Activation::Relu);
            Tensor::cat(vec![new, h], 1)
        });
        self.answer.forward(h, Activation::Identity)
    }
}

/// Fully connected, with dropout.
#[derive(Module, Debug)]
pub struct Critic {
    hidden: Vec<Linear>,
    /// without a bias, which no difference of scores would see
    score: Linear,
    silent: f64,
}

impl Critic {
    pub(super) fn new(inputs: usize, width: usize, silent: f64, init: &Init) -> Critic {
        let layer = |i: usize| {
            let of = Linear::of([if i == 0 { inputs } else { width }, width]);
            of.init(&init.at("hidden").nth(i))
        };
        Critic {
            hidden: (0..HIDDEN).map(layer).collect(),
            score: Linear::of([width, 1]).no_bias().init(&init.at("score")),
            silent,
        }
    }

    #[cfg(test)]
    pub(super) fn score(&self) -> &burn::module::Param<Tensor<2>> {
        &self.score.weight
    }

    /// Scores `[packs, 1]` of packs of rows `[packs, inputs]`; with a key a share of the hidden units is silent.
    pub(super) fn judge(&self, x: Dual<2>, key: Option<Key>) -> Dual<2> {
        let key = key.filter(|_| self.silent > 0.0);
        let h = self.hidden.iter().enumerate().fold(x, |h, (i, layer)| {
            let h = layer.dual(h, Activation::LeakyRelu(0.2));
            let Some(key) = key else { return h };
            let (dims, device) = (h.value.dims(), h.value.device());
            let u: Tensor<2> = noise::uniform(key.step(i as u64).words(), dims, &device);
            let heard = u.greater_equal_elem(self.silent).float() / (1.0 - self.silent);
            h.linear(|t| t * heard.clone())
        });
        self.score.dual(h, Activation::Identity)
    }
}
