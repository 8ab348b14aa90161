//! beta-VAE: a heavier KL term asks for latents whose dimensions stand for one factor each.
//!
//! Higgins, Matthey, Pal, Burgess, Glorot, Botvinick, Mohamed, Lerchner (2017), beta-VAE: Learning Basic Visual Concepts
//! with a Constrained Variational Framework, ICLR 2017.
//!
//! ```text
//! F(x) = E_q log p(x | z) - beta KL(q(z | x) || p(z))                         (equation 4)
//! ```
//!
//! Both terms are in nats an item, so `loss.beta` is the paper's beta, not divided by the number of pixels. With beta
//! above 1, F is still below log p(x), but the less tight the larger beta is.
use super::elbo::Loss;
use super::networks::Architecture;
use super::{Sizes, vae};
use crate::{Capability, Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;

/// The paper's network: 4x4 convolutions of stride 2, a fully connected layer of 256, 32 latents, beta of 4; pixels as
/// Gaussians rather than Bernoullis, for colours.
fn config() -> vae::Config {
    let model = Sizes {
        network: Architecture::Conv,
        hidden: vec![256],
        latent: 32,
        observation: super::likelihood::Observation::Gaussian,
        deviation: 0.25,
        ..Default::default()
    };
    vae::Config {
        model,
        loss: Loss {
            beta: 4.0,
            ..Default::default()
        },
        ..Default::default()
    }
}

/// beta-VAE: settings of the [`vae`].
pub struct BetaVae;

impl Registered for BetaVae {
    type Config = vae::Config;
    fn defaults() -> vae::Config {
        config()
    }
    fn check(config: &vae::Config) -> Result<()> {
        config.loss.check()
    }
    fn build(config: vae::Config, info: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.build("beta_vae", info, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "beta_vae",
    family: super::FAMILY,
    capabilities: &[
        Capability::Sample,
        Capability::LatentSpace,
        Capability::EvidenceBound,
        Capability::Encode,
        Capability::Reconstruct,
        Capability::Features,
    ],
    paper: "Higgins et al. 2017, beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework, ICLR 2017",
    recipe: "beta_vae",
    data: &["digits"],
    tiny: &[
        ("model.hidden", "[16]"),
        ("model.latent", "4"),
        ("model.width", "4"),
        ("model.batch_norm", "true"),
        ("model.deviation", "0"),
        ("data.size", "9"),
    ],
    ..Entry::of::<BetaVae>()
};

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Tensor;

    /// The weight multiplies the KL term alone, and warm-up leads to it.
    #[test]
    fn the_weight_is_the_papers() {
        let device = Device::flex();
        let loss = |beta, warm_up, updates| {
            let weights = Loss {
                beta,
                warm_up,
                free_bits: 0.0,
            };
            let divergence = Tensor::from_floats([[1.0, 0.5], [0.0, 2.5]], &device);
            vae::value(
                &weights
                    .negative_bound(Tensor::from_floats([-3.0, -5.0], &device), divergence, updates)
                    .loss,
            )
        };
        assert_eq!(
            (loss(0.0, 0, 0), loss(1.0, 0, 0), loss(4.0, 0, 9)),
            (4.0, 6.0, 12.0)
        );
        assert_eq!(
            (loss(4.0, 3, 0), loss(4.0, 3, 3), loss(4.0, 3, 99)),
            (6.0, 12.0, 12.0)
        );
    }

    /// Free bits: a dimension below its allowance costs the allowance.
    #[test]
    fn free_bits_by_dimension() {
        let device = Device::flex();
        let weights = Loss {
            beta: 1.0,
            warm_up: 0,
            free_bits: 0.75,
        };
        let divergence = Tensor::from_floats([[1.0, 0.5], [0.0, 2.5]], &device);
        let bound = weights.negative_bound(Tensor::from_floats([0.0, 0.0], &device), divergence, 0);
        assert_eq!(
            (vae::value(&bound.loss), vae::value(&bound.divergence)),
            (0.75 + 1.5, 2.0)
        );
    }
}
