//! Scores that have no place of their own, such as Wasserstein's, kept near zero.
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// `[penalty.drift]`: weight E s(x)^2 on data (Karras et al. 2018, arXiv:1710.10196, appendix A.1).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Drift {
    /// the paper's epsilon_drift
    pub weight: f64,
}

impl Default for Drift {
    fn default() -> Self {
        Drift { weight: 1e-3 }
    }
}

impl Drift {
    /// Of scores of data `[batch, 1]`.
    pub fn loss(&self, scores: Tensor<2>) -> Tensor<1> {
        (scores.clone() * scores).mean() * self.weight
    }
}
