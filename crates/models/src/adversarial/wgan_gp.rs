//! Wasserstein GAN with a gradient penalty.
//!
//! Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville (2017), Improved Training of Wasserstein GANs, arXiv:1704.00028.
//!
//! L_D = E D(G(z)) - E D(x) + lambda E (||grad D(x^)|| - 1)^2,  x^ between data and samples            (equation 3)
//!
//! Layer norm in the critic, five of its updates for one of the generator, Adam with 1e-4, beta1 of 0 and beta2 of 0.9
//! (algorithm 1). `penalty.gradient.sided = "one"` makes it WGAN-LP.
use super::config::{Config, GameConfig, Optimizers};
use super::game::objective::Rule;
use super::game::penalty::{Gradient, Penalties};
use super::networks::{Sizes, dcgan};
use super::{OfTwo, Variant};
use crate::Entry;
use menagerie_nn::OptimizerConfig;

/// See the module.
pub struct WganGp;

impl Variant for WganGp {
    const NAME: &'static str = "wgan_gp";
    fn config() -> Config {
        let sizes = dcgan::Sizes {
            norm: dcgan::Norm::Layer,
            ..dcgan::Sizes::default()
        };
        Config {
            objective: Rule::Wasserstein,
            penalty: Penalties {
                gradient: Some(Gradient::default()),
                ..Penalties::default()
            },
            game: GameConfig {
                discriminator_steps: 5,
                ..GameConfig::default()
            },
            optimizer: Optimizers::both(OptimizerConfig::adam(1e-4).betas(0.0, 0.9)),
            ..Config::of(Sizes::Dcgan(sizes))
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: WganGp::NAME,
    family: super::FAMILY,
    capabilities: super::OF_A_DUEL,
    paper: "Gulrajani et al. 2017, Improved Training of Wasserstein GANs, arXiv:1704.00028",
    recipe: WganGp::NAME,
    data: &["digits"],
    tiny: super::TINY_DCGAN,
    ..Entry::of::<OfTwo<WganGp>>()
};
