//! Bad GAN: a generator beside the data, not on them, for a discriminator that learns from few labels.
//!
//! Dai, Yang, Yang, Cohen, Salakhutdinov (2017), Good Semi-supervised Learning that Requires a Bad GAN, arXiv:1705.09783.
//!
//! D tells K classes and samples, and is sure of what it says of data (equation 5). G matches the mean features of data
//! (Salimans et al. 2016), pulls the features of its samples apart (section 5.2), and descends log p(x) where p is above a
//! threshold (section 5.1), so that its samples fill the gaps between classes, where boundaries belong.
use super::config::{Config, GameConfig};
use super::game::density::LowDensity;
use super::game::semi_supervised::SemiSupervised;
use super::networks::{Sizes, mlp};
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct BadGan;

impl Variant for BadGan {
    const NAME: &'static str = "bad_gan";
    fn config() -> Config {
        let sizes = mlp::Sizes {
            generator: vec![500, 500],
            discriminator: vec![1000, 500, 250, 250, 250],
            batch_norm: true,
            noise: 0.5,
            ..mlp::Sizes::default()
        };
        Config {
            semi_supervised: Some(SemiSupervised {
                weight: 2.0,
                entropy: 0.1,
            }),
            game: GameConfig {
                feature_matching: true,
                pulling_away: 0.1,
                low_density: Some(LowDensity::default()),
                ..GameConfig::default()
            },
            ..Config::of(Sizes::Mlp(sizes))
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: BadGan::NAME,
    family: super::FAMILY,
    capabilities: super::SEMI_SUPERVISED,
    paper: "Dai et al. 2017, Good Semi-supervised Learning that Requires a Bad GAN, arXiv:1705.09783",
    recipe: BadGan::NAME,
    data: &["digits"],
    tiny: &[
        ("model.generator", "[8]"),
        ("model.discriminator", "[8, 8]"),
        ("model.latent", "4"),
        ("game.low_density.units", "8"),
    ],
    ..Entry::of::<OfTwo<BadGan>>()
};
