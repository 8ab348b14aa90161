//! CoGAN: two GANs, tied where meaning is, that draw pairs though no pair was ever seen.
//!
//! Liu, Tuzel (2016), Coupled Generative Adversarial Networks, arXiv:1606.07536.
//!
//! min_(G1,G2) max_(D1,D2) E log D1(x1) + E log(1 - D1(G1(z))) + E log D2(x2) + E log(1 - D2(G2(z)))   (equation 3)
//!
//! with the first layers of G1 and G2 the same, and the last layers of D1 and D2 (`networks/coupled.rs`). The losses are means
//! over both domains, half of the equation's sums.
use super::config::Config;
use super::networks::{Sizes, coupled};
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct Cogan;

impl Variant for Cogan {
    const NAME: &'static str = "cogan";
    fn config() -> Config {
        Config::of(Sizes::Coupled(coupled::Sizes::default()))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: Cogan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_A_DUEL,
    paper: "Liu & Tuzel 2016, Coupled Generative Adversarial Networks, arXiv:1606.07536",
    recipe: Cogan::NAME,
    data: &["digits::negative:digits", "portraits:edges"],
    tiny: &[
        ("model.width", "4"),
        ("model.latent", "8"),
        ("data.size", "16"),
        ("data.limit", "40"),
        ("model.average", "0.9"),
    ],
    ..Entry::of::<OfTwo<Cogan>>()
};
