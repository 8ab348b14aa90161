//! AEGAN: a GAN, and then an encoder that inverts its generator.
//!
//! Luo, Xu, Tang, Deng (2017), Learning Inverse Mapping by AutoEncoder based Generative Adversarial Nets, arXiv:1703.10094.
//!
//! The play is `plays/inverse.rs`; the games before are DCGAN's.
use super::config::{Config as Axes, GameConfig};
use super::dcgan::Dcgan;
use super::game::augment::Augment;
use super::game::objective::Rule;
use super::game::penalty::Penalties;
use super::networks::Sizes;
use super::plays::inverse::InverseSettings;
use super::{OVER_PAIRS, Optimizers, Variant};
use crate::{Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `[model]`: the networks; the encoder has the discriminator's layers
    pub model: Sizes,
    /// `[inverse]`: how the encoder learns
    pub inverse: InverseSettings,
    /// `[game]`: how the two play
    #[serde(default)]
    pub game: GameConfig,
    /// `[objective]`: what they minimize
    pub objective: Rule,
    /// `[penalty]`: what keeps the discriminator in bounds
    #[serde(default)]
    pub penalty: Penalties,
    /// `[augment]`: what everything that the discriminator sees goes through
    #[serde(default)]
    pub augment: Augment,
    /// `[optimizer]`
    #[serde(default)]
    pub optimizer: Optimizers,
}

impl Config {
    /// Networks of a model of that name.
    pub(super) fn build(
        self,
        name: &'static str,
        data: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Box<dyn Model>> {
        Ok(Box::new(self.axes().inverse(
            name,
            self.inverse,
            data,
            device,
            key,
        )?))
    }

    fn axes(&self) -> Axes {
        Axes {
            game: self.game,
            objective: self.objective,
            penalty: self.penalty.clone(),
            augment: self.augment.clone(),
            optimizer: self.optimizer,
            ..Axes::of(self.model.clone())
        }
    }
}

/// See the module.
pub struct Aegan;

impl Registered for Aegan {
    type Config = Config;
    fn defaults() -> Config {
        let axes = Dcgan::config();
        Config {
            model: axes.model,
            inverse: InverseSettings::default(),
            game: axes.game,
            objective: axes.objective,
            penalty: axes.penalty,
            augment: axes.augment,
            optimizer: axes.optimizer,
        }
    }
    fn check(config: &Config) -> Result<()> {
        config.inverse.check()?;
        config.axes().check()
    }
    fn build(config: Config, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        config.build("aegan", data, device, key)
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "aegan",
    family: super::FAMILY,
    capabilities: OVER_PAIRS,
    paper: "Luo et al. 2017, Learning Inverse Mapping by AutoEncoder based Generative Adversarial Nets, arXiv:1703.10094",
    recipe: "aegan",
    data: &["digits"],
    tiny: TINY,
    ..Entry::of::<Aegan>()
};

/// Settings that make a test of a second.
pub(super) const TINY: &[(&str, &str)] = &[
    ("model.width", "4"),
    ("model.latent", "8"),
    ("data.size", "8"),
    ("model.average", "0.9"),
    ("inverse.from", "2"),
];
