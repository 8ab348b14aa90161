//! DRAGAN: the original game with a gradient penalty around the data.
//!
//! Kodali, Abernethy, Hays, Kira (2017), On Convergence and Stability of GANs, arXiv:1705.07215.
//!
//! lambda E (||grad D(x + delta)|| - 1)^2,  delta uniform noise of half the data's deviation          (equation 1)
//!
//! Sharp peaks of D at the data are where modes collapse; the penalty flattens them.
use super::config::Config;
use super::game::penalty::{At, Gradient, Penalties};
use super::networks::{Sizes, dcgan};
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct Dragan;

impl Variant for Dragan {
    const NAME: &'static str = "dragan";
    fn config() -> Config {
        let sizes = dcgan::Sizes {
            norm: dcgan::Norm::Layer,
            ..dcgan::Sizes::default()
        };
        let around = Gradient {
            at: At::Around,
            ..Gradient::default()
        };
        let penalty = Penalties {
            gradient: Some(around),
            ..Penalties::default()
        };
        Config {
            penalty,
            ..Config::of(Sizes::Dcgan(sizes))
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: Dragan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_A_DUEL,
    paper: "Kodali et al. 2017, On Convergence and Stability of GANs, arXiv:1705.07215",
    recipe: Dragan::NAME,
    data: &["digits"],
    tiny: super::TINY_DCGAN,
    ..Entry::of::<OfTwo<Dragan>>()
};
