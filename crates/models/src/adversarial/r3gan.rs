//! R3GAN: a relativistic game of pairs with zero-centred penalties at data and at samples, on networks without norms.
//!
//! Huang, Gokaslan, Kuleshov, Tompkin (2024), The GAN is dead; long live the GAN! A Modern GAN Baseline, arXiv:2501.05441.
//!
//! L_D = E softplus(s(G(z)) - s(x)) + gamma / 2 (E ||grad D(x)||^2 + E ||grad D(G(z))||^2)  (equations 2, 5 and 6)
//!
//! Each sample is compared with an item of the data, which leaves no bad local minimum, and the two penalties make the game
//! converge locally (section 2). The networks are the paper's, of inverted bottlenecks without norms (section 4), or by
//! `model.architecture` any other's.
use super::config::{Config, Optimizers};
use super::game::objective::{Relativistic, Rule};
use super::game::penalty::{Penalties, ZeroCentred};
use super::networks::{Sizes, r3gan};
use super::{OfTwo, Variant};
use crate::Entry;
use menagerie_nn::OptimizerConfig;

/// See the module.
pub struct R3gan;

impl Variant for R3gan {
    const NAME: &'static str = "r3gan";
    fn config() -> Config {
        let centred = Some(ZeroCentred {
            weight: 1.0,
            ..ZeroCentred::default()
        });
        Config {
            objective: Rule::Relativistic(Relativistic::default()),
            penalty: Penalties {
                r1: centred,
                r2: centred,
                ..Penalties::default()
            },
            optimizer: Optimizers::both(OptimizerConfig::adam(2e-4).betas(0.0, 0.99)),
            ..Config::of(Sizes::R3gan(r3gan::Sizes::default()))
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: R3gan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_A_DUEL,
    paper: "Huang et al. 2024, The GAN is dead; long live the GAN! A Modern GAN Baseline, arXiv:2501.05441",
    recipe: R3gan::NAME,
    data: &["digits"],
    tiny: &[
        ("model.latent", "4"),
        ("model.width", "2"),
        ("model.average", "0.9"),
    ],
    ..Entry::of::<OfTwo<R3gan>>()
};
