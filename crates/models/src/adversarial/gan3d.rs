//! 3D-GAN: shapes of voxels.
//!
//! Wu, Zhang, Xue, Freeman, Tenenbaum (2016), Learning a Probabilistic Latent Space of Object Shapes via 3D Generative-Adversarial
//! Modeling, arXiv:1610.07584.
//!
//! The original game (equation 1) between convolutions over depth, height and width. The discriminator learns more easily than the
//! generator in so many dimensions, and is held back: in the paper by a learning rate of 1e-5 beside 2.5e-3 and by updates only where it
//! errs on a fifth of a batch, here by a learning rate of a quarter of the generator's. What it has learned tells classes of shapes
//! without having seen any (section 4.3): `linear-probe`.
use super::config::Config;
use super::networks::{Sizes, voxel};
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct Gan3d;

impl Variant for Gan3d {
    const NAME: &'static str = "gan3d";
    fn config() -> Config {
        let mut config = Config::of(Sizes::Voxel(voxel::Sizes::default()));
        config.optimizer.generator.learning_rate = 4e-4;
        config.optimizer.discriminator.learning_rate = 1e-4;
        config
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: Gan3d::NAME,
    family: super::FAMILY,
    capabilities: super::OF_A_DUEL,
    paper: "Wu et al. 2016, Learning a Probabilistic Latent Space of Object Shapes via 3D GANs, arXiv:1610.07584",
    recipe: Gan3d::NAME,
    data: &["shapes"],
    tiny: super::TINY_DCGAN,
    ..Entry::of::<OfTwo<Gan3d>>()
};
