//! Least squares instead of logarithms (Mao et al. 2017, arXiv:1611.04076): errors that are right but far from the boundary
//! still have a gradient.
//!
//! min_D 1/2 E (D(x) - b)^2 + 1/2 E (D(G(z)) - a)^2,  min_G 1/2 E (D(G(z)) - c)^2                  (equation 2)
use super::{Apart, Losses, Objective};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// The three targets. With b - c = 1 and b - a = 2 the generator minimizes Pearson's chi-squared divergence (equation 8);
/// the usual ones are those of equation 9.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LeastSquares {
    /// what the discriminator says of samples
    pub a: f64,
    /// what it says of data
    pub b: f64,
    /// what the generator wants it to say of samples
    pub c: f64,
}

impl Default for LeastSquares {
    fn default() -> Self {
        LeastSquares {
            a: 0.0,
            b: 1.0,
            c: 1.0,
        }
    }
}

fn half_square(scores: Tensor<2>, target: f64) -> Tensor<1> {
    let error = scores - target;
    (error.clone() * error).mean() * 0.5
}

impl Objective for LeastSquares {
    fn losses(&self) -> Losses<'_> {
        Losses::Apart(self)
    }
}

impl Apart for LeastSquares {
    fn data(&self, scores: Tensor<2>) -> Tensor<1> {
        half_square(scores, self.b)
    }
    fn samples(&self, scores: Tensor<2>) -> Tensor<1> {
        half_square(scores, self.a)
    }
    fn generator(&self, scores: Tensor<2>) -> Tensor<1> {
        half_square(scores, self.c)
    }
    fn slopes(&self, scores: Tensor<2>, are_data: bool) -> Option<Tensor<2>> {
        Some(scores - if are_data { self.b } else { self.a })
    }
}
