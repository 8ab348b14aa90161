//! ArtGAN: a discriminator of K classes and one of samples, whose class error reaches the generator.
//!
//! Tan, Chan, Aguirre, Tanaka (2017), ArtGAN: Artwork Synthesis with Conditional Categorical GANs, arXiv:1702.03410.
//!
//! L_D = CE(D(x), y) + CE(D(G(z, y)), K + 1),  L_G = CE(D(G(z, y)), y)                        (equations 3 and 4)
//!
//! `penalty.reconstruction = {}` is the improved ArtGAN's autoencoder inside the discriminator (Tan, Chan, Aguirre, Tanaka 2018,
//! arXiv:1708.09533): a decoder on its features must give data back, and the generator makes what can be given back.
use super::config::Config;
use super::dcgan::Dcgan;
use super::game::condition::{Condition, IntoDiscriminator};
use super::game::objective::Rule;
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct ArtGan;

impl Variant for ArtGan {
    const NAME: &'static str = "art_gan";
    fn config() -> Config {
        let condition = Condition {
            discriminator: IntoDiscriminator::ClassesAndSamples,
            ..Condition::default()
        };
        Config {
            objective: Rule::Classes,
            condition: Some(condition),
            ..Dcgan::config()
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: ArtGan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_CLASSES,
    paper: "Tan et al. 2017, ArtGAN: Artwork Synthesis with Conditional Categorical GANs, arXiv:1702.03410",
    recipe: ArtGan::NAME,
    data: &["digits"],
    tiny: super::TINY_DCGAN,
    ..Entry::of::<OfTwo<ArtGan>>()
};
