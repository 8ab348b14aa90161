//! Self-attention GAN: pixels far from each other agree.
//!
//! Zhang, Goodfellow, Metaxas, Odena (2019), Self-Attention Generative Adversarial Networks, arXiv:1805.08318.
//!
//! Residual networks with spectral norm in both, self-attention at one grid of each, the class projected in D and told to G by
//! its norms, the hinge, and D four times as fast as G instead of more often (section 4).
use super::config::{Config, Optimizers};
use super::game::condition::{Condition, IntoDiscriminator, IntoGenerator};
use super::game::objective::Rule;
use super::networks::{Sizes, resnet};
use super::{OfTwo, Variant};
use crate::Entry;
use menagerie_nn::OptimizerConfig;

/// See the module.
pub struct Sagan;

impl Variant for Sagan {
    const NAME: &'static str = "sagan";
    fn config() -> Config {
        let sizes = resnet::Sizes {
            attention: 16,
            generator_spectral_norm: true,
            ..resnet::Sizes::default()
        };
        let adam = |rate| OptimizerConfig::adam(rate).betas(0.0, 0.9);
        Config {
            objective: Rule::Hinge,
            condition: Some(Condition {
                generator: IntoGenerator::BatchNorm,
                discriminator: IntoDiscriminator::Projection,
                ..Condition::default()
            }),
            optimizer: Optimizers {
                generator: adam(1e-4),
                discriminator: adam(4e-4),
            },
            ..Config::of(Sizes::Resnet(sizes))
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: Sagan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_CLASSES,
    paper: "Zhang et al. 2019, Self-Attention Generative Adversarial Networks, arXiv:1805.08318",
    recipe: Sagan::NAME,
    data: &["digits"],
    tiny: &[
        ("model.width", "8"),
        ("model.latent", "8"),
        ("data.size", "8"),
        ("model.attention", "4"),
    ],
    ..Entry::of::<OfTwo<Sagan>>()
};
