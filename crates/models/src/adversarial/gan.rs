//! The original GAN, of fully connected networks, for images and for points of the plane.
//!
//! Goodfellow, Pouget-Abadie, Mirza, Xu, Warde-Farley, Ozair, Courville, Bengio (2014), Generative Adversarial
//! Networks, arXiv:1406.2661.
//!
//! min_G max_D E_x log D(x) + E_z log(1 - D(G(z)))                                    (equation 1)
use super::config::Config;
use super::networks::{Sizes, mlp};
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct Gan;

impl Variant for Gan {
    const NAME: &'static str = "gan";
    fn config() -> Config {
        Config::of(Sizes::Mlp(mlp::Sizes::default()))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: Gan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_A_DUEL,
    paper: "Goodfellow et al. 2014, Generative Adversarial Networks, arXiv:1406.2661",
    recipe: Gan::NAME,
    data: &["digits", "ring8"],
    tiny: super::TINY_MLP,
    ..Entry::of::<OfTwo<Gan>>()
};
