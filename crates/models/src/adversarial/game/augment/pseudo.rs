//! Adaptive pseudo augmentation (Jiang et al. 2021, arXiv:2111.06849): a share of the data that the discriminator is shown are
//! samples, the larger the more it overfits, so that it cannot learn its data by heart.
use super::adaptive::follow;
use burn::tensor::{Tensor, TensorData};
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use serde::{Deserialize, Serialize};

/// `[augment.pseudo]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pseudo {
    /// the mean sign of data's scores that is aimed at (paper: 0.6)
    pub target: f64,
    /// items of data over which the share may rise from 0 to 1 (paper: 500,000)
    pub items: u64,
}

impl Default for Pseudo {
    fn default() -> Self {
        Pseudo {
            target: 0.6,
            items: 100_000,
        }
    }
}

impl Pseudo {
    pub(super) fn check(&self) -> Result<()> {
        super::adaptive::check("augment.pseudo", self.target, self.items)
    }

    /// The share after an update that gave these scores to data.
    pub fn follow(&self, share: f64, scores: &[f32]) -> f64 {
        follow(share, scores, self.target, self.items)
    }

    /// Data, each with that probability replaced by the sample of its place.
    pub fn mixed(&self, data: Tensor<4>, samples: Tensor<4>, share: f64, key: Key) -> Tensor<4> {
        if share == 0.0 {
            return data;
        }
        let n = data.dims()[0];
        let is_sample = |i: usize| f32::from(key.step(i as u64).rng().chance(share));
        let mask: Vec<f32> = (0..n).map(is_sample).collect();
        let mask = Tensor::<4>::from_data(TensorData::new(mask, [n, 1, 1, 1]), &data.device());
        data.clone() + (samples - data) * mask
    }
}
