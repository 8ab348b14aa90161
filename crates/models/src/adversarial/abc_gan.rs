//! ABC-GAN: blur that fades, so that data and samples overlap from the start, and a controller that says whose turn it is.
//!
//! Susmelj, Agustsson, Timofte (2017), ABC-GAN: Adaptive Blur and Control for Improved Training Stability of Generative
//! Adversarial Networks, ICML Workshop on Implicit Models.
//!
//! Everything that the discriminator sees is blurred by a Gaussian whose width falls to nothing; fine detail, by which it
//! would win at once, comes later. A step updates one of the two, the discriminator more often the more samples it believes.
use super::config::{Config, GameConfig};
use super::dcgan::Dcgan;
use super::game::augment::{Augment, Blur};
use super::plays::duel::Balance;
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct AbcGan;

impl Variant for AbcGan {
    const NAME: &'static str = "abc_gan";
    fn config() -> Config {
        Config {
            augment: Augment {
                blur: Some(Blur::default()),
                ..Augment::default()
            },
            game: GameConfig {
                balance: Some(Balance::default()),
                ..GameConfig::default()
            },
            ..Dcgan::config()
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: AbcGan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_A_DUEL,
    paper: "Susmelj et al. 2017, ABC-GAN: Adaptive Blur and Control for Improved Training Stability",
    recipe: AbcGan::NAME,
    data: &["digits"],
    tiny: super::TINY_DCGAN,
    ..Entry::of::<OfTwo<AbcGan>>()
};
