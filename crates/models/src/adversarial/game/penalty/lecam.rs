//! LeCam regularization (Tseng et al. 2021, arXiv:2104.03310, equation 8): scores on data stay near the average of those on
//! samples, and the other way round, which keeps a discriminator from learning few data by heart.
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// `[penalty.lecam]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LeCam {
    /// the paper's lambda
    pub weight: f64,
    /// decay of the averages of scores
    pub decay: f64,
}

impl Default for LeCam {
    fn default() -> Self {
        LeCam {
            weight: 0.3,
            decay: 0.99,
        }
    }
}

/// The averages so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LeCamState {
    /// of scores on data
    pub data: f64,
    /// of scores on samples
    pub samples: f64,
}

impl LeCam {
    /// weight E (score - average)^2, with the average of the other kind.
    pub fn loss(&self, scores: Tensor<2>, other: f64) -> Tensor<1> {
        let off = scores - other;
        (off.clone() * off).mean() * self.weight
    }

    /// The averages with an update's mean scores taken in.
    pub fn follow(&self, state: LeCamState, data: f64, samples: f64) -> LeCamState {
        let mix = |old: f64, new: f64| self.decay * old + (1.0 - self.decay) * new;
        LeCamState {
            data: mix(state.data, data),
            samples: mix(state.samples, samples),
        }
    }
}
