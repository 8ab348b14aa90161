//! b-GAN: density ratios by Bregman divergences.
//!
//! Uehara, Sato, Suzuki, Nakayama, Matsuo (2016), Generative Adversarial Nets from a Density Ratio Estimation Perspective,
//! arXiv:1610.02920.
//!
//! The discriminator's score is the logarithm of the ratio p / q of data to samples, estimated by a Bregman divergence; the
//! generator descends a divergence of the estimated ratio.
use super::config::Config;
use super::game::objective::{DensityRatio, Rule};
use super::gan::Gan;
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct BGan;

impl Variant for BGan {
    const NAME: &'static str = "b_gan";
    fn config() -> Config {
        Config {
            objective: Rule::DensityRatio(DensityRatio::default()),
            ..Gan::config()
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: BGan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_A_DUEL,
    paper: "Uehara et al. 2016, Generative Adversarial Nets from a Density Ratio Estimation Perspective, arXiv:1610.02920",
    recipe: BGan::NAME,
    data: &["digits", "ring8"],
    tiny: super::TINY_MLP,
    ..Entry::of::<OfTwo<BGan>>()
};
