//! C-RNN-GAN: music as notes of continuous numbers, by recurrent networks.
//!
//! Mogren (2016), C-RNN-GAN: Continuous recurrent neural networks with adversarial training, arXiv:1611.09904. A note is four real
//! numbers: its length, its pitch, how loud it is, and the time since the note before. The cells of the generator are given a random
//! vector and what they have just made; those of the discriminator read the piece in both directions, and what is said of each note is
//! averaged.
//!
//! L_D = 1/m sum_i [-log D(x_i) - log(1 - D(G(z_i)))]                                                        (section 3)
//! L_G = || 1/m sum_i R(x_i) - 1/m sum_i R(G(z_i)) ||^2       feature matching: R is what D's last layer has   (section 3.1)
//!
//! A player whose loss falls below 0.7 of the other's stands still (freezing, section 3.1). The paper takes the difference of features
//! example by example; here it is that of their means, as Salimans et al. 2016 have it, since a sample belongs to no example. The
//! generator is not trained on the next note first.
use super::config::{Config, Optimizers};
use super::game::objective::Rule;
use super::networks::{Sizes, recurrent};
use super::plays::duel::Freeze;
use super::{GameConfig, OfTwo, Variant};
use crate::Entry;
use menagerie_nn::OptimizerConfig;

/// See the module.
pub struct CRnnGan;

impl Variant for CRnnGan {
    const NAME: &'static str = "c_rnn_gan";
    fn config() -> Config {
        Config {
            game: GameConfig {
                feature_matching: true,
                freeze: Some(Freeze::default()),
                ..GameConfig::default()
            },
            objective: Rule::NonSaturating,
            optimizer: Optimizers::both(OptimizerConfig::adam(1e-3).betas(0.5, 0.999)),
            ..Config::of(Sizes::Recurrent(recurrent::Sizes::default()))
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: CRnnGan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_A_DUEL,
    paper: "Mogren 2016, C-RNN-GAN: Continuous recurrent neural networks with adversarial training, arXiv:1611.09904",
    recipe: CRnnGan::NAME,
    data: &["melodies"],
    tiny: super::TINY_NOTES,
    ..Entry::of::<OfTwo<CRnnGan>>()
};
