//! 3D-IWGAN: shapes of voxels of many classes at once, by a Wasserstein critic.
//!
//! Smith, Meger (2017), Improved Adversarial Systems for 3D Object Generation and Reconstruction, arXiv:1707.09557.
//!
//! max_D  E D(x) - E D(G(z)) - 10 E (||grad D|| - 1)^2                                               (section 3, after WGAN-GP)
//!
//! The critic has no batch norm, and its distance does not saturate, so that one network learns distributions of several classes and
//! poses, where 3D-GAN needs one for each.
use super::config::Config;
use super::networks::{Sizes, voxel};
use super::wgan_gp::WganGp;
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct Iwgan3d;

impl Variant for Iwgan3d {
    const NAME: &'static str = "iwgan3d";
    fn config() -> Config {
        Config {
            model: Sizes::Voxel(voxel::Sizes {
                batch_norm: false,
                ..voxel::Sizes::default()
            }),
            ..WganGp::config()
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: Iwgan3d::NAME,
    family: super::FAMILY,
    capabilities: super::OF_A_DUEL,
    paper: "Smith & Meger 2017, Improved Adversarial Systems for 3D Object Generation and Reconstruction, arXiv:1707.09557",
    recipe: Iwgan3d::NAME,
    data: &["shapes"],
    tiny: super::TINY_DCGAN,
    ..Entry::of::<OfTwo<Iwgan3d>>()
};
