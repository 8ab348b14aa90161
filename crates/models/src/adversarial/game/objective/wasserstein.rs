//! The Wasserstein distance by its dual (Arjovsky et al. 2017, arXiv:1701.07875, equation 2): the critic ascends
//! E f(x) - E f(G(z)) among functions of bounded slope, which a clip, a penalty or a norm sees to.
use super::{Apart, Losses, Objective};
use burn::tensor::Tensor;

/// Scores are heights of a function, no probabilities; their gap estimates the distance.
pub struct Wasserstein;

impl Objective for Wasserstein {
    fn losses(&self) -> Losses<'_> {
        Losses::Apart(self)
    }
}

impl Apart for Wasserstein {
    fn data(&self, scores: Tensor<2>) -> Tensor<1> {
        -scores.mean()
    }
    fn samples(&self, scores: Tensor<2>) -> Tensor<1> {
        scores.mean()
    }
    fn generator(&self, scores: Tensor<2>) -> Tensor<1> {
        -scores.mean()
    }
}
