//! The game of Goodfellow et al. 2014 (arXiv:1406.2661), with D(x) = sigmoid(score):
//! min_G max_D E log D(x) + E log(1 - D(G(z)))                                                     (equation 1)
use super::{Apart, Losses, Objective, sigmoid};
use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid as probability;
use menagerie_kernels::softplus_mean;

/// The game as the theory has it. The generator's gradient vanishes where D is sure of itself.
pub struct Minimax;

/// The generator maximizes E log D(G(z)) instead (section 3): the same fixed point, stronger gradients early on.
pub struct NonSaturating;

impl Objective for Minimax {
    fn losses(&self) -> Losses<'_> {
        Losses::Apart(self)
    }
    fn probability(&self, score: f64) -> Option<f64> {
        Some(sigmoid(score))
    }
}

impl Apart for Minimax {
    /// -log D(x) = softplus(-score)
    fn data(&self, scores: Tensor<2>) -> Tensor<1> {
        softplus_mean(scores, -1.0)
    }
    /// -log(1 - D(G(z))) = softplus(score)
    fn samples(&self, scores: Tensor<2>) -> Tensor<1> {
        softplus_mean(scores, 1.0)
    }
    /// log(1 - D(G(z))) = -softplus(score)
    fn generator(&self, scores: Tensor<2>) -> Tensor<1> {
        -softplus_mean(scores, 1.0)
    }
    /// D(x) - 1 and D(G(z))
    fn slopes(&self, scores: Tensor<2>, are_data: bool) -> Option<Tensor<2>> {
        let d = probability(scores);
        Some(if are_data { d - 1.0 } else { d })
    }
}

impl Objective for NonSaturating {
    fn losses(&self) -> Losses<'_> {
        Losses::Apart(self)
    }
    fn probability(&self, score: f64) -> Option<f64> {
        Some(sigmoid(score))
    }
}

impl Apart for NonSaturating {
    fn data(&self, scores: Tensor<2>) -> Tensor<1> {
        Minimax.data(scores)
    }
    fn samples(&self, scores: Tensor<2>) -> Tensor<1> {
        Minimax.samples(scores)
    }
    /// -log D(G(z)) = softplus(-score)
    fn generator(&self, scores: Tensor<2>) -> Tensor<1> {
        softplus_mean(scores, -1.0)
    }
    fn slopes(&self, scores: Tensor<2>, are_data: bool) -> Option<Tensor<2>> {
        Minimax.slopes(scores, are_data)
    }
}

/// The generator minimizes E log (1 - D(G(z))) / D(G(z)), which for the best D is the divergence KL(samples || data): of several
/// answers it takes one that is probable instead of their mean (Sonderby et al. 2017, arXiv:1610.04490, section 3.2).
pub struct LogRatio;

impl Objective for LogRatio {
    fn losses(&self) -> Losses<'_> {
        Losses::Apart(self)
    }
    fn probability(&self, score: f64) -> Option<f64> {
        Some(sigmoid(score))
    }
}

impl Apart for LogRatio {
    fn data(&self, scores: Tensor<2>) -> Tensor<1> {
        Minimax.data(scores)
    }
    fn samples(&self, scores: Tensor<2>) -> Tensor<1> {
        Minimax.samples(scores)
    }
    /// log (1 - D) / D = -score
    fn generator(&self, scores: Tensor<2>) -> Tensor<1> {
        -scores.mean()
    }
    fn slopes(&self, scores: Tensor<2>, are_data: bool) -> Option<Tensor<2>> {
        Minimax.slopes(scores, are_data)
    }
}
