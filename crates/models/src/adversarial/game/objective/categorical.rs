//! CatGAN (Springenberg 2015, arXiv:1511.06390): a discriminator of K classes that should be sure of data, unsure of samples,
//! and use all classes alike.
//!
//! L_D = -H(E p(y | x)) + E H(p(y | x)) - E H(p(y | G(z))),  L_G = -H(E p(y | G(z))) + E H(p(y | G(z)))  (equation 9)
use super::{Apart, Losses, Objective};
use burn::tensor::Tensor;
use burn::tensor::activation::{log_softmax, softmax};
use serde::{Deserialize, Serialize};

/// Scores are `[batch, classes]`, the logits of classes that nobody has named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Categorical {
    /// how many
    pub classes: usize,
}

impl Default for Categorical {
    fn default() -> Self {
        Categorical { classes: 10 }
    }
}

/// E H(p), the mean entropy of single items in nats, `[1]`.
fn of_items(logits: Tensor<2>) -> Tensor<1> {
    -(softmax(logits.clone(), 1) * log_softmax(logits, 1))
        .sum_dim(1)
        .mean()
}

/// H(E p), the entropy of the batch's mean, `[1]`.
fn of_mean(logits: Tensor<2>) -> Tensor<1> {
    let p = softmax(logits, 1).mean_dim(0);
    -((p.clone() + 1e-12).log() * p).sum()
}

impl Objective for Categorical {
    fn losses(&self) -> Losses<'_> {
        Losses::Apart(self)
    }
}

impl Apart for Categorical {
    fn data(&self, scores: Tensor<2>) -> Tensor<1> {
        of_items(scores.clone()) - of_mean(scores)
    }
    fn samples(&self, scores: Tensor<2>) -> Tensor<1> {
        -of_items(scores)
    }
    fn generator(&self, scores: Tensor<2>) -> Tensor<1> {
        of_items(scores.clone()) - of_mean(scores)
    }
}
