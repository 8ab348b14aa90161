//! Progressive growing: both networks begin with small grids, and larger ones are faded in.
//!
//! Karras, Aila, Laine, Lehtinen (2018), Progressive Growing of GANs for Improved Quality, Stability, and Variation,
//! arXiv:1710.10196.
//!
//! L_D = E s(G(z)) - E s(x) + 10 E (||grad s|| - 1)^2 + 0.001 E s(x)^2, L_G = -E s(G(z)), with equalized learning rates, pixel norm in
//! G, and the deviation over a group in D.
use super::config::{Config, Optimizers};
use super::game::objective::Rule;
use super::game::penalty::{Drift, Gradient, Penalties};
use super::networks::{Sizes, progan};
use super::{OfTwo, Variant};
use crate::Entry;
use menagerie_nn::OptimizerConfig;

/// See the module.
pub struct Progan;

impl Variant for Progan {
    const NAME: &'static str = "progan";
    fn config() -> Config {
        Config {
            objective: Rule::Wasserstein,
            penalty: Penalties {
                gradient: Some(Gradient::default()),
                drift: Some(Drift::default()),
                ..Penalties::default()
            },
            optimizer: Optimizers::both(OptimizerConfig::adam(1e-3).betas(0.0, 0.99)),
            ..Config::of(Sizes::Progan(progan::Sizes::default()))
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: Progan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_A_DUEL,
    paper: "Karras et al. 2018, Progressive Growing of GANs for Improved Quality, Stability, and Variation, arXiv:1710.10196",
    recipe: Progan::NAME,
    data: &["digits"],
    tiny: &[
        ("model.width", "2"),
        ("model.latent", "8"),
        ("model.phase", "1"),
        ("data.size", "8"),
        ("model.average", "0.9"),
    ],
    ..Entry::of::<OfTwo<Progan>>()
};
