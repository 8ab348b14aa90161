//! StyleGAN2: styles steer every layer of the generator, and how far an image moves with its style is the same everywhere.
//!
//! Karras, Laine, Aittala, Hellsten, Lehtinen, Aila (2020), Analyzing and Improving the Image Quality of StyleGAN,
//! arXiv:1912.04958.
//!
//! L_D = E softplus(-s(x)) + E softplus(s(G(z))) + gamma / 2 E ||grad s(x)||^2, the last every 16 updates,
//! L_G = E softplus(-s(G(z))) + 2 E (||J_w^T y|| - a)^2, the last every 4.
//!
//! With so lazy penalties Adam takes rates and betas to the power c = every / (every + 1) (appendix B).
use super::config::{Config, Optimizers};
use super::game::penalty::{PathLength, Penalties, ZeroCentred};
use super::networks::{Sizes, stylegan2};
use super::{OfTwo, Variant};
use crate::Entry;
use menagerie_nn::OptimizerConfig;

/// See the module.
pub struct Stylegan2;

/// Updates from one penalty to the next, of the discriminator and of the generator.
const LAZY: [u64; 2] = [16, 4];
/// The paper's learning rate.
const RATE: f64 = 0.002;

fn adam(every: u64) -> OptimizerConfig {
    let c = every as f64 / (every + 1) as f64;
    OptimizerConfig::adam(RATE * c).betas(0.0, 0.99f64.powf(c))
}

impl Variant for Stylegan2 {
    const NAME: &'static str = "stylegan2";
    fn config() -> Config {
        Config {
            penalty: Penalties {
                r1: Some(ZeroCentred {
                    weight: 1.0,
                    every: LAZY[0],
                    ..ZeroCentred::default()
                }),
                path_length: Some(PathLength {
                    every: LAZY[1],
                    ..PathLength::default()
                }),
                ..Penalties::default()
            },
            optimizer: Optimizers {
                discriminator: adam(LAZY[0]),
                generator: adam(LAZY[1]),
            },
            ..Config::of(Sizes::Stylegan2(stylegan2::Sizes::default()))
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: Stylegan2::NAME,
    family: super::FAMILY,
    capabilities: super::OF_A_DUEL,
    paper: "Karras et al. 2020, Analyzing and Improving the Image Quality of StyleGAN, arXiv:1912.04958",
    recipe: Stylegan2::NAME,
    data: &["digits"],
    tiny: &[
        ("model.width", "2"),
        ("model.latent", "8"),
        ("model.mapping", "2"),
        ("data.size", "8"),
        ("model.average", "0.9"),
        ("penalty.r1.every", "2"),
        ("penalty.path_length.every", "2"),
    ],
    ..Entry::of::<OfTwo<Stylegan2>>()
};
