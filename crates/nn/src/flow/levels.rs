use super::{Flow, item_sums, zeros_like_items};
use crate::{Activation, activation};
use burn::module::Module;
use burn::tensor::Tensor;

/// Number of levels of an 8-bit image.
const LEVELS: f64 = 256.0;

/// From an 8-bit image with noise below a level, v in [0, 256), to numbers of the size that networks like.
///
/// Without a margin: y = v / 256 - 1/2. With the margin a: y = logit(a + (1 - 2 a) v / 256), which takes the borders of the
/// range away, where a density would have to end abruptly (Dinh et al. 2017, section 4.1, with a = 0.05; the factor of two
/// keeps white as far from the border as black).
#[derive(Module, Debug)]
pub struct Levels {
    margin: f64,
}

impl Levels {
    /// `margin` 0 is for no logit; else it lies below 1/2.
    pub fn new(margin: f64) -> Self {
        Levels { margin }
    }

    /// ln |dy/dv|, summed, of the logit at y. With p = sigmoid(y): dy/dv = (1 - 2 a) / 256 / (p (1 - p)), and
    /// -ln p (1 - p) = softplus(y) + softplus(-y).
    fn log_det(&self, y: &Tensor<4>) -> Tensor<1> {
        let numbers: usize = y.dims()[1..].iter().product();
        let constant = ((1.0 - 2.0 * self.margin).ln() - LEVELS.ln()) * numbers as f64;
        if self.margin == 0.0 {
            return zeros_like_items(y) + constant;
        }
        item_sums(activation(y.clone(), Activation::Softplus) + activation(-y.clone(), Activation::Softplus))
            + constant
    }
}

impl Flow for Levels {
    fn forward(&self, x: Tensor<4>) -> (Tensor<4>, Tensor<1>) {
        let y = match self.margin {
            0.0 => x / LEVELS - 0.5,
            a => {
                // Noise may reach the upper end in f32; the margin keeps both logarithms finite there.
                let p = x * ((1.0 - 2.0 * a) / LEVELS) + a;
                let p = p.clamp(0.5 * a, 1.0 - 0.5 * a);
                p.clone().log() - (-p + 1.0).log()
            }
        };
        let log_det = self.log_det(&y);
        (y, log_det)
    }

    fn inverse(&self, y: Tensor<4>) -> (Tensor<4>, Tensor<1>) {
        let log_det = -self.log_det(&y);
        let x = match self.margin {
            0.0 => (y + 0.5) * LEVELS,
            a => (activation(y, Activation::Sigmoid) - a) * (LEVELS / (1.0 - 2.0 * a)),
        };
        (x, log_det)
    }
}
