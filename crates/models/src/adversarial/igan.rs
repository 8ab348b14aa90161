//! iGAN: a generator to edit photos by, and a network that finds their latents.
//!
//! Zhu, Kraehenbuehl, Shechtman, Efros (2016), Generative Visual Manipulation on the Natural Image Manifold, arXiv:1609.03552.
//!
//! theta_P* = argmin_theta sum_n L(G(P(x_n; theta)), x_n)                                                     (equation 4)
//!
//! The game is DCGAN's, and the play the one of [`super::aegan`], whose encoder learns of photos here and not of samples. What is done with both, `menagerie edit`, is
//! `explore::edit` of the library: it takes any model with a latent space.
use super::OVER_PAIRS;
use super::aegan::{Aegan, Config, TINY};
use super::plays::inverse::InverseSettings;
use crate::{Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;

/// See the module.
pub struct Igan;

impl Registered for Igan {
    type Config = Config;
    fn defaults() -> Config {
        Config {
            inverse: InverseSettings {
                image: 0.0,
                data: 1.0,
                ..InverseSettings::default()
            },
            ..Aegan::defaults()
        }
    }
    fn check(config: &Config) -> Result<()> {
        Aegan::check(config)
    }
    fn build(config: Config, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        config.build("igan", data, device, key)
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "igan",
    family: super::FAMILY,
    capabilities: OVER_PAIRS,
    paper: "Zhu et al. 2016, Generative Visual Manipulation on the Natural Image Manifold, arXiv:1609.03552",
    recipe: "igan",
    data: &["portraits", "digits"],
    tiny: TINY,
    ..Entry::of::<Igan>()
};
