//! Consistency in the latent (Zhao et al. 2020, arXiv:2002.04724, algorithm 2: zCR; with `penalty.consistency` it is ICR): latents
//! nearby keep their score, but make different samples.
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// `[penalty.latent_consistency]`: for the discriminator E (D(G(z)) - D(G(z + e)))^2, for the generator minus
/// E (G(z) - G(z + e))^2, e from N(0, std^2).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LatentConsistency {
    /// the discriminator's weight
    pub discriminator: f64,
    /// the generator's
    pub generator: f64,
    /// of the change of a latent
    pub std: f64,
}

impl Default for LatentConsistency {
    /// The paper's.
    fn default() -> Self {
        LatentConsistency {
            discriminator: 5.0,
            generator: 0.5,
            std: 0.03,
        }
    }
}

impl LatentConsistency {
    /// What the generator adds to its loss, of samples and those nearby.
    pub fn loss(&self, samples: Tensor<4>, near: Tensor<4>) -> Tensor<1> {
        let off = samples - near;
        (off.clone() * off).mean() * -self.generator
    }
}
