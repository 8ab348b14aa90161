//! What two domains have in common stays common: of one latent the generator's first layer gives much the same whichever domain it is
//! told (Mao, Li 2018, Unpaired Multi-Domain Image Generation via Regularized Conditional GANs, arXiv:1805.02456, section 3.2).
use serde::{Deserialize, Serialize};

/// `[penalty.alignment]`: E |h(z, d_1) - h(z, d_2)|^2, h being the first hidden layer, the mean over its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Alignment {
    /// its weight
    pub weight: f64,
}

impl Default for Alignment {
    fn default() -> Self {
        Alignment { weight: 1.0 }
    }
}
