//! What says how good a drawing is: a critic of the Wasserstein distance.
use super::super::rows::Layers;
use burn::module::Module;
use burn::tensor::Tensor;
use menagerie_nn::{Activation, Init, Linear, activation};

/// What leaky rectifiers multiply negative numbers by.
const LEAK: f64 = 0.2;

/// Hidden layers, and a score.
#[derive(Module, Debug)]
pub(super) struct Critic {
    hidden: Layers,
    score: Linear,
}

impl Critic {
    /// Of so many numbers, with two hidden layers.
    pub(super) fn new(numbers: usize, width: usize, init: &Init) -> Critic {
        Critic {
            hidden: Layers::new(&[numbers, width, width], init),
            score: Linear::of([width, 1]).init(&init.at("layer").nth(2)),
        }
    }

    /// `[rows, numbers]` -> `[rows, 1]`
    pub(super) fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let h = activation(self.hidden.forward(x), Activation::LeakyRelu(LEAK as f32));
        self.score.forward(h, Activation::Identity)
    }

    /// The gradient of the score by each row, `[rows, numbers]`. Between the bends of its rectifiers the network is linear, so that its
    /// gradient is the product of its weights and slopes, and only one pass back is needed to learn by it:
    ///
    /// grad D(x) = W_1 (s_1 * W_2 (s_2 * W_3))
    pub(super) fn gradients(&self, x: Tensor<2>) -> Tensor<2> {
        let (rows, layers) = (x.dims()[0], self.hidden.all());
        let (mut x, mut slopes) = (x, vec![]);
        for layer in layers {
            x = layer.forward(x, Activation::Identity).detach();
            let slope = x.clone().greater_elem(0.0).float() * (1.0 - LEAK) + LEAK;
            x = x * slope.clone();
            slopes.push(slope);
        }
        let last = self.score.weight.val().transpose();
        let units = last.dims()[1];
        let mut back = last.expand([rows, units]);
        for (layer, slope) in layers.iter().zip(slopes).rev() {
            back = (back * slope).matmul(layer.weight.val().transpose());
        }
        back
    }

    /// (||grad D|| - 1)^2, the mean over rows (Gulrajani et al. 2017, arXiv:1704.00028, equation 3).
    pub(super) fn penalty(&self, x: Tensor<2>) -> Tensor<1> {
        let square = self.gradients(x).powi_scalar(2).sum_dim(1);
        ((square + 1e-12).sqrt() - 1.0).powi_scalar(2).mean()
    }
}
