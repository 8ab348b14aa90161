//! A GAN of aligned proteins: WGAN-GP on letters as ones among zeros.
//!
//! Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville (2017), Improved Training of Wasserstein GANs, arXiv:1704.00028, section 5.4: a
//! generator that ends in a softmax at every place can be told from ones among zeros by a Wasserstein critic, whose gradient does not
//! vanish for it. Killoran, Lee, Delong, Duvenaud, Frey (2017), Generating and designing DNA with deep generative models,
//! arXiv:1712.06148, have it for biological sequences.
//!
//! What a family of proteins is has two parts: the frequencies of every column, and which columns hang together. The figures of
//! `evaluate` tell both (`profile`, `entropy`; `pairs`), and whether samples are copies (`identity`).
use super::config::Config;
use super::networks::{Sizes, sequence};
use super::wgan_gp::WganGp;
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct ProteinGan;

impl Variant for ProteinGan {
    const NAME: &'static str = "protein_gan";
    fn config() -> Config {
        Config {
            model: Sizes::Sequence(sequence::Sizes::default()),
            ..WganGp::config()
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: ProteinGan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_A_DUEL,
    paper: "Gulrajani et al. 2017, Improved Training of Wasserstein GANs, arXiv:1704.00028, on aligned proteins",
    recipe: ProteinGan::NAME,
    data: &["proteins"],
    tiny: super::TINY_SEQUENCE,
    ..Entry::of::<OfTwo<ProteinGan>>()
};
