//! Boundary-seeking GAN for continuous data (Hjelm et al. 2017, arXiv:1702.08431, section 3.2, equation 10): the generator
//! moves samples to where D = 1/2, not beyond it.
//!
//! L_G = 1/2 E (log D(G(z)) - log(1 - D(G(z))))^2 = 1/2 E score^2
use super::{Apart, Losses, Minimax, Objective};
use burn::tensor::Tensor;

/// The discriminator is that of the original game.
pub struct BoundarySeeking;

impl Objective for BoundarySeeking {
    fn losses(&self) -> Losses<'_> {
        Losses::Apart(self)
    }
    fn probability(&self, score: f64) -> Option<f64> {
        Minimax.probability(score)
    }
}

impl Apart for BoundarySeeking {
    fn data(&self, scores: Tensor<2>) -> Tensor<1> {
        Minimax.data(scores)
    }
    fn samples(&self, scores: Tensor<2>) -> Tensor<1> {
        Minimax.samples(scores)
    }
    fn generator(&self, scores: Tensor<2>) -> Tensor<1> {
        (scores.clone() * scores).mean() * 0.5
    }
    fn slopes(&self, scores: Tensor<2>, are_data: bool) -> Option<Tensor<2>> {
        Minimax.slopes(scores, are_data)
    }
}
