//! CVAE-GAN: a conditional VAE whose decoder is a conditional GAN's generator, beside a classifier; features are matched.
//!
//! Bao, Chen, Wen, Li, Hua (2017), CVAE-GAN: Fine-Grained Image Generation through Asymmetric Training, arXiv:1703.10155.
//!
//! L = L_D + L_C + 3 L_KL + L_G + 0.001 L_GD + 0.001 L_GC                                           (equation 8)
//!
//! The play is `plays/matching.rs`.
use super::Optimizers;
use super::Variant;
use super::config::Config as Axes;
use super::dcgan::Dcgan;
use super::game::objective::Rule;
use super::game::penalty::Penalties;
use super::networks::Sizes;
use super::plays::matching::MatchingSettings;
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
    /// `[model]`: the networks; encoder and classifier have the discriminator's layers
    pub model: Sizes,
    /// `[matching]`: weights of the losses
    pub matching: MatchingSettings,
    /// `[objective]`: what the discriminator minimizes
    pub objective: Rule,
    /// `[penalty]`: what keeps it in bounds
    #[serde(default)]
    pub penalty: Penalties,
    /// `[optimizer]`
    #[serde(default)]
    pub optimizer: Optimizers,
}

/// See the module.
pub struct CvaeGan;

impl Config {
    fn axes(&self) -> Axes {
        Axes {
            objective: self.objective,
            penalty: self.penalty.clone(),
            optimizer: self.optimizer,
            ..Axes::of(self.model.clone())
        }
    }
}

impl Registered for CvaeGan {
    type Config = Config;
    fn defaults() -> Config {
        let axes = Dcgan::config();
        Config {
            model: axes.model,
            matching: MatchingSettings::default(),
            objective: axes.objective,
            penalty: axes.penalty,
            optimizer: axes.optimizer,
        }
    }
    fn check(config: &Config) -> Result<()> {
        config.matching.check()?;
        config.axes().check()
    }
    fn build(config: Config, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.axes().matching(
            "cvae_gan",
            config.matching,
            data,
            device,
            key,
        )?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "cvae_gan",
    family: super::FAMILY,
    capabilities: &[Capability::Sample, Capability::Classify],
    paper: "Bao et al. 2017, CVAE-GAN: Fine-Grained Image Generation through Asymmetric Training, arXiv:1703.10155",
    recipe: "cvae_gan",
    data: &["digits"],
    tiny: super::TINY_DCGAN,
    ..Entry::of::<CvaeGan>()
};
