//! A discriminator that must also give items back, beside what it says of them.
use super::super::super::networks::{CriticNetwork, Verdict};
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// `[penalty.reconstruction]`: weight E ||Dec(Enc(x)) - x||^2, mean over the numbers of an item, through a decoder on the
/// discriminator's features (Tan et al. 2018, arXiv:1708.09533: an autoencoder inside the categorical discriminator). The
/// discriminator learns to give data back; the generator, to make what it can give back.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reconstruction {
    /// how much it counts beside the objective
    pub weight: f64,
}

impl Default for Reconstruction {
    fn default() -> Self {
        Reconstruction { weight: 1.0 }
    }
}

impl Reconstruction {
    /// Of items `[batch, height, width, channel]` of which the network has said this.
    pub fn loss(&self, network: &CriticNetwork, items: Tensor<4>, verdict: &Verdict) -> Option<Tensor<1>> {
        let error = network.error(items, verdict.features.value.clone())?;
        Some(error.mean() * self.weight)
    }
}
