//! No score at all: what the players minimize is the classes' losses (see [`super::super::condition`]).
use super::{Apart, Losses, Objective};
use burn::tensor::Tensor;

/// Every loss is zero.
pub struct Unscored;

impl Objective for Unscored {
    fn losses(&self) -> Losses<'_> {
        Losses::Apart(self)
    }
}

impl Apart for Unscored {
    fn data(&self, scores: Tensor<2>) -> Tensor<1> {
        scores.sum() * 0.0
    }
    fn samples(&self, scores: Tensor<2>) -> Tensor<1> {
        scores.sum() * 0.0
    }
    fn generator(&self, scores: Tensor<2>) -> Tensor<1> {
        scores.sum() * 0.0
    }
}
