//! R3GAN's objective: a relativistic game of pairs with zero-centred penalties at data and at samples.
//!
//! Huang, Gokaslan, Kuleshov, Tompkin (2024), The GAN is dead; long live the GAN! A Modern GAN Baseline, arXiv:2501.05441.
//!
//! L_D = E softplus(s(G(z)) - s(x)) + gamma / 2 (E ||grad D(x)||^2 + E ||grad D(G(z))||^2)  (equations 2, 5 and 6)
//!
//! Each sample is compared with an item of the data, which leaves no bad local minimum, and the two penalties make the game
//! converge locally (section 2). The networks are DCGAN's without norms in the discriminator, or fully connected ones; the
//! paper's own backbone is larger.
use super::config::{Config, Optimizers};
use super::game::objective::{Relativistic, Rule};
use super::game::penalty::{Penalties, ZeroCentred};
use super::networks::{Sizes, dcgan};
use super::{OfTwo, Variant};
use crate::Entry;
use menagerie_nn::OptimizerConfig;

/// See the module.
pub struct R3gan;

impl Variant for R3gan {
    const NAME: &'static str = "r3gan";
    fn config() -> Config {
        let sizes = dcgan::Sizes {
            norm: dcgan::Norm::None,
            ..dcgan::Sizes::default()
        };
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
            ..Config::of(Sizes::Dcgan(sizes))
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
    tiny: super::TINY_DCGAN,
    ..Entry::of::<OfTwo<R3gan>>()
};
