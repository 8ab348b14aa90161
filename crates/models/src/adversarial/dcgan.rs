//! Deep convolutional GAN.
//!
//! Radford, Metz, Chintala (2015), Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
//! Networks, arXiv:1511.06434.
//!
//! The networks of the paper's guidelines (`networks/dcgan.rs`); the original game, the generator maximizing log D(G(z));
//! Adam with a learning rate of 2e-4 and beta1 of 0.5.
use super::config::Config;
use super::networks::{Sizes, dcgan};
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct Dcgan;

impl Variant for Dcgan {
    const NAME: &'static str = "dcgan";
    fn config() -> Config {
        Config::of(Sizes::Dcgan(dcgan::Sizes::default()))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: Dcgan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_A_DUEL,
    paper: "Radford et al. 2015, Unsupervised Representation Learning with Deep Convolutional GANs, arXiv:1511.06434",
    recipe: Dcgan::NAME,
    data: &["digits"],
    tiny: super::TINY_DCGAN,
    ..Entry::of::<OfTwo<Dcgan>>()
};
