//! Improved GAN: feature matching, minibatch discrimination, one-sided label smoothing, historical averaging.
//!
//! Salimans, Goodfellow, Zaremba, Cheung, Radford, Chen (2016), Improved Techniques for Training GANs, arXiv:1606.03498.
//!
//! By default a discriminator that looks at a whole batch (section 3.2), data softened to 0.9 (section 3.4), and weights held
//! near their average (section 3.3). `game.feature_matching = true` has the generator match E f(x) instead (section 3.1), and
//! `model.virtual_batch = 64` gives it virtual batch norm (section 3.5).
use super::config::{Config, GameConfig};
use super::game::penalty::{Historical, Penalties};
use super::networks::{Sizes, dcgan};
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct ImprovedGan;

impl Variant for ImprovedGan {
    const NAME: &'static str = "improved_gan";
    fn config() -> Config {
        let sizes = dcgan::Sizes {
            minibatch: 50,
            ..dcgan::Sizes::default()
        };
        Config {
            penalty: Penalties {
                historical: Some(Historical::default()),
                ..Penalties::default()
            },
            game: GameConfig {
                smoothing: 0.1,
                ..GameConfig::default()
            },
            ..Config::of(Sizes::Dcgan(sizes))
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: ImprovedGan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_A_DUEL,
    paper: "Salimans et al. 2016, Improved Techniques for Training GANs, arXiv:1606.03498",
    recipe: ImprovedGan::NAME,
    data: &["digits"],
    tiny: super::TINY_DCGAN,
    ..Entry::of::<OfTwo<ImprovedGan>>()
};
