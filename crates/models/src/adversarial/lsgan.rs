//! Least squares GAN.
//!
//! Mao, Li, Xie, Lau, Wang, Smolley (2017), Least Squares Generative Adversarial Networks, arXiv:1611.04076.
//!
//! min_D 1/2 E (D(x) - b)^2 + 1/2 E (D(G(z)) - a)^2,  min_G 1/2 E (D(G(z)) - c)^2                  (equation 2)
//!
//! Where the logarithm is flat, at samples far on the right side, the square still pulls. The networks are DCGAN's.
use super::config::Config;
use super::dcgan::Dcgan;
use super::game::objective::{LeastSquares, Rule};
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct Lsgan;

impl Variant for Lsgan {
    const NAME: &'static str = "lsgan";
    fn config() -> Config {
        Config {
            objective: Rule::LeastSquares(LeastSquares::default()),
            ..Dcgan::config()
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: Lsgan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_A_DUEL,
    paper: "Mao et al. 2017, Least Squares Generative Adversarial Networks, arXiv:1611.04076",
    recipe: Lsgan::NAME,
    data: &["digits"],
    tiny: super::TINY_DCGAN,
    ..Entry::of::<OfTwo<Lsgan>>()
};
