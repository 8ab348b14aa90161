//! BigGAN: large batches, a latent that reaches every block, orthogonal weights that take a truncated latent.
//!
//! Brock, Donahue, Simonyan (2019), Large Scale GAN Training for High Fidelity Natural Image Synthesis, arXiv:1809.11096.
//!
//! The hinge with the class projected, two updates of D for each of G, D four times as fast (section 3), and
//! beta || W^T W (1 - I) ||^2 on the generator's weights (equation 3), so that `sample --truncation` trades variety for quality.
use super::config::{Config, GameConfig, Optimizers};
use super::game::condition::{Condition, IntoDiscriminator, IntoGenerator};
use super::game::objective::Rule;
use super::game::penalty::{Orthogonal, Penalties};
use super::networks::{Sizes, biggan};
use super::{OfTwo, Variant};
use crate::Entry;
use menagerie_nn::OptimizerConfig;

/// See the module.
pub struct Biggan;

impl Variant for Biggan {
    const NAME: &'static str = "biggan";
    fn config() -> Config {
        let adam = |rate| OptimizerConfig::adam(rate).betas(0.0, 0.999);
        Config {
            objective: Rule::Hinge,
            game: GameConfig {
                discriminator_steps: 2,
                ..GameConfig::default()
            },
            penalty: Penalties {
                orthogonal: Some(Orthogonal::default()),
                ..Penalties::default()
            },
            condition: Some(Condition {
                generator: IntoGenerator::BatchNorm,
                discriminator: IntoDiscriminator::Projection,
                ..Condition::default()
            }),
            optimizer: Optimizers {
                generator: adam(5e-5),
                discriminator: adam(2e-4),
            },
            ..Config::of(Sizes::Biggan(biggan::Sizes::default()))
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: Biggan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_CLASSES,
    paper: "Brock et al. 2019, Large Scale GAN Training for High Fidelity Natural Image Synthesis, arXiv:1809.11096",
    recipe: Biggan::NAME,
    data: &["digits"],
    tiny: &[
        ("model.width", "2"),
        ("model.latent", "8"),
        ("model.embedding", "4"),
        ("model.attention", "4"),
        ("data.size", "8"),
        ("model.average", "0.9"),
    ],
    ..Entry::of::<OfTwo<Biggan>>()
};
