//! Spectrally normalized GAN.
//!
//! Miyato, Kataoka, Koyama, Yoshida (2018), Spectral Normalization for Generative Adversarial Networks, arXiv:1802.05957.
//!
//! Every weight of the discriminator is divided by its largest singular value (equation 8), so the score's slope is bounded;
//! residual networks, the hinge, Adam with 2e-4, beta1 of 0 and beta2 of 0.9, five updates of the discriminator for one of
//! the generator (appendix B.3).
use super::config::{Config, GameConfig, Optimizers};
use super::game::objective::Rule;
use super::networks::{Sizes, resnet};
use super::{OfTwo, Variant};
use crate::Entry;
use menagerie_nn::OptimizerConfig;

/// See the module.
pub struct Sngan;

impl Variant for Sngan {
    const NAME: &'static str = "sngan";
    fn config() -> Config {
        Config {
            objective: Rule::Hinge,
            game: GameConfig {
                discriminator_steps: 5,
                ..GameConfig::default()
            },
            optimizer: Optimizers::both(OptimizerConfig::adam(2e-4).betas(0.0, 0.9)),
            ..Config::of(Sizes::Resnet(resnet::Sizes::default()))
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: Sngan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_A_DUEL,
    paper: "Miyato et al. 2018, Spectral Normalization for Generative Adversarial Networks, arXiv:1802.05957",
    recipe: Sngan::NAME,
    data: &["digits"],
    tiny: super::TINY_RESNET,
    ..Entry::of::<OfTwo<Sngan>>()
};
