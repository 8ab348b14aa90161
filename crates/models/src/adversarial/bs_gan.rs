//! Boundary-seeking GAN, for continuous data and for bits.
//!
//! Hjelm, Jacob, Che, Trischler, Cho, Bengio (2017), Boundary-Seeking Generative Adversarial Networks, arXiv:1702.08431.
//!
//! min_G 1/2 E (log D(G(z)) - log(1 - D(G(z))))^2                                                (equation 10)
//!
//! With `game.bits`, samples are black and white, and G descends -sum w~ log g(x | z) over draws x of a latent, weighed by what D
//! says of them (equations 8 and 9).
//!
//! Samples move to where D = 1/2 and stop there. The discriminator and the networks are DCGAN's.
use super::config::Config;
use super::dcgan::Dcgan;
use super::game::objective::Rule;
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct BsGan;

impl Variant for BsGan {
    const NAME: &'static str = "bs_gan";
    fn config() -> Config {
        Config {
            objective: Rule::BoundarySeeking,
            ..Dcgan::config()
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: BsGan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_A_DUEL,
    paper: "Hjelm et al. 2017, Boundary-Seeking Generative Adversarial Networks, arXiv:1702.08431",
    recipe: BsGan::NAME,
    data: &["digits"],
    tiny: super::TINY_DCGAN,
    ..Entry::of::<OfTwo<BsGan>>()
};
