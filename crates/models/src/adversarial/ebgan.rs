//! Energy-based GAN: the discriminator is an autoencoder, an item's energy its error.
//!
//! Zhao, Mathieu, LeCun (2016), Energy-based Generative Adversarial Network, arXiv:1609.03126.
//!
//! L_D = E e(x) + E max(0, m - e(G(z))),  L_G = E e(G(z)) + 0.1 PT,  e(x) = mean (Dec(Enc(x)) - x)^2 (equations 1 to 4)
//!
//! PT pulls the codes of different samples apart. The paper's error is the root of the sum; a mean square, with a margin to
//! match, does not depend on the image's size.
use super::config::{Config, GameConfig};
use super::dcgan::Dcgan;
use super::game::objective::{Energy, Rule};
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct Ebgan;

impl Variant for Ebgan {
    const NAME: &'static str = "ebgan";
    fn config() -> Config {
        Config {
            objective: Rule::Energy(Energy::default()),
            game: GameConfig {
                pulling_away: 0.1,
                ..GameConfig::default()
            },
            ..Dcgan::config()
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: Ebgan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_A_DUEL,
    paper: "Zhao et al. 2016, Energy-based Generative Adversarial Network, arXiv:1609.03126",
    recipe: Ebgan::NAME,
    data: &["digits"],
    tiny: super::TINY_DCGAN,
    ..Entry::of::<OfTwo<Ebgan>>()
};
