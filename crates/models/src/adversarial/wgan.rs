//! Wasserstein GAN with clipped weights.
//!
//! Arjovsky, Chintala, Bottou (2017), Wasserstein GAN, arXiv:1701.07875.
//!
//! min_G max_(|w| <= c) E f_w(x) - E f_w(G(z))                                          (equation 3, algorithm 1)
//!
//! Five updates of the critic for one of the generator, RMSprop with a rate of 5e-5, weights cut to 0.01.
use super::config::{Config, GameConfig, Optimizers};
use super::dcgan::Dcgan;
use super::game::objective::Rule;
use super::game::penalty::{Clip, Penalties};
use super::{OfTwo, Variant};
use crate::Entry;
use menagerie_nn::OptimizerConfig;

/// See the module.
pub struct Wgan;

impl Variant for Wgan {
    const NAME: &'static str = "wgan";
    fn config() -> Config {
        Config {
            objective: Rule::Wasserstein,
            penalty: Penalties {
                clip: Some(Clip::default()),
                ..Penalties::default()
            },
            game: GameConfig {
                discriminator_steps: 5,
                ..GameConfig::default()
            },
            optimizer: Optimizers::both(OptimizerConfig::rms_prop(5e-5)),
            ..Dcgan::config()
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: Wgan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_A_DUEL,
    paper: "Arjovsky et al. 2017, Wasserstein GAN, arXiv:1701.07875",
    recipe: Wgan::NAME,
    data: &["digits"],
    tiny: super::TINY_DCGAN,
    ..Entry::of::<OfTwo<Wgan>>()
};
