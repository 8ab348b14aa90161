//! Conditional GAN: both networks hear the class.
//!
//! Mirza, Osindero (2014), Conditional Generative Adversarial Nets, arXiv:1411.1784.
//!
//! min_G max_D E log D(x | y) + E log(1 - D(G(z | y)))                                             (equation 2)
//!
//! The class is joined to the latent, and to the item as planes beside its channels. `sample --label` draws of one class.
use super::config::Config;
use super::dcgan::Dcgan;
use super::game::condition::Condition;
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct Cgan;

impl Variant for Cgan {
    const NAME: &'static str = "cgan";
    fn config() -> Config {
        Config {
            condition: Some(Condition::default()),
            ..Dcgan::config()
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: Cgan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_CLASSES,
    paper: "Mirza & Osindero 2014, Conditional Generative Adversarial Nets, arXiv:1411.1784",
    recipe: Cgan::NAME,
    data: &["digits"],
    tiny: super::TINY_DCGAN,
    ..Entry::of::<OfTwo<Cgan>>()
};
