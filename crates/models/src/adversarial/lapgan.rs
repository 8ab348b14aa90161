//! LAPGAN: a conditional GAN at every level of a Laplacian pyramid.
//!
//! Denton, Chintala, Szlam, Fergus (2015), Deep Generative Image Models using a Laplacian Pyramid of Adversarial Networks,
//! arXiv:1506.05751.
//!
//! The play is `plays/pyramid.rs`. As in the paper (section 4.1.1) the coarsest image comes of fully connected networks and the
//! levels above of small convolutional ones; batch norm is not the paper's.
use super::Optimizers;
use super::config::{Config as Axes, GameConfig};
use super::game::objective::Rule;
use super::game::penalty::Penalties;
use super::networks::{Sizes, mlp};
use super::plays::pyramid::PyramidSettings;
use crate::{Capability, Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `[model]`: the networks of the coarsest image
    pub model: Sizes,
    /// `[pyramid]`: the levels above it
    pub pyramid: PyramidSettings,
    /// `[objective]`: what the two of each level minimize
    pub objective: Rule,
    /// `[penalty]`: what keeps discriminators in bounds
    #[serde(default)]
    pub penalty: Penalties,
    /// `[optimizer]`
    #[serde(default)]
    pub optimizer: Optimizers,
}

/// See the module.
pub struct Lapgan;

impl Lapgan {
    /// The axes of its games, with a coarsest latent of that size.
    #[cfg(test)]
    pub(super) fn defaults_of(latent: usize) -> Axes {
        let mut config = Lapgan::defaults();
        config.model = config.model.with_latent(latent);
        config.axes()
    }
}

impl Config {
    fn axes(&self) -> Axes {
        Axes {
            objective: self.objective,
            penalty: self.penalty.clone(),
            optimizer: self.optimizer,
            game: GameConfig::default(),
            ..Axes::of(self.model.clone())
        }
    }
}

impl Registered for Lapgan {
    type Config = Config;
    fn defaults() -> Config {
        Config {
            model: Sizes::Mlp(mlp::Sizes {
                depth: 2,
                ..mlp::Sizes::default()
            }),
            pyramid: PyramidSettings::default(),
            objective: Rule::NonSaturating,
            penalty: Penalties::default(),
            optimizer: Optimizers::default(),
        }
    }
    fn check(config: &Config) -> Result<()> {
        config.axes().check()
    }
    fn build(config: Config, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.axes().pyramid(
            "lapgan",
            config.pyramid,
            data,
            device,
            key,
        )?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "lapgan",
    family: super::FAMILY,
    capabilities: &[Capability::Sample, Capability::LatentSpace],
    paper: "Denton et al. 2015, Deep Generative Image Models using a Laplacian Pyramid of Adversarial Networks, arXiv:1506.05751",
    recipe: "lapgan",
    data: &["digits"],
    tiny: &[
        ("model.width", "16"),
        ("model.latent", "4"),
        ("pyramid.width", "4"),
        ("pyramid.levels", "1"),
        ("data.size", "16"),
        ("model.average", "0.9"),
    ],
    ..Entry::of::<Lapgan>()
};
