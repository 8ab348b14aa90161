//! AnoGAN: what is unusual is what a generator of usual items cannot draw.
//!
//! Schlegl, Seeböck, Waldstein, Schmidt-Erfurth, Langs (2017), Unsupervised Anomaly Detection with Generative Adversarial
//! Networks to Guide Marker Discovery, arXiv:1703.05921.
//!
//! A(x) = (1 - lambda) |x - G(z)| + lambda |f(x) - f(G(z))|,  z = argmin of the same               (equations 3 to 6)
//!
//! f is the discriminator's last layer of convolutions. With `anomaly.encoder`, an encoder in the place of the search: Schlegl,
//! Seeböck, Waldstein, Langs, Schmidt-Erfurth (2019), f-AnoGAN: Fast Unsupervised Anomaly Detection with Generative Adversarial
//! Networks, Medical Image Analysis 54. There it learns when the game is over, of a Wasserstein game; here beside any game.
use super::Variant;
use super::config::{Config, GameConfig, Optimizers};
use super::dcgan::Dcgan;
use super::game::augment::Augment;
use super::game::objective::Rule;
use super::game::penalty::Penalties;
use super::networks::Sizes;
use super::plays::anomaly::Settings;
use crate::{Capability, Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own: the game of two, and `[anomaly]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnomalyConfig {
    /// `[model]`: which networks, and their sizes
    pub model: Sizes,
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
    /// `[anomaly]`: how the closest usual item is found
    #[serde(default)]
    pub anomaly: Settings,
    /// `[optimizer]`
    #[serde(default)]
    pub optimizer: Optimizers,
}

impl AnomalyConfig {
    /// The game alone.
    fn game(&self) -> Config {
        Config {
            game: self.game,
            objective: self.objective,
            penalty: self.penalty.clone(),
            augment: self.augment.clone(),
            optimizer: self.optimizer,
            ..Config::of(self.model.clone())
        }
    }
}

/// See the module.
pub struct AnoGan;

impl Registered for AnoGan {
    type Config = AnomalyConfig;
    fn defaults() -> AnomalyConfig {
        let game = Dcgan::config();
        AnomalyConfig {
            model: game.model,
            game: game.game,
            objective: game.objective,
            penalty: game.penalty,
            augment: game.augment,
            anomaly: Settings::default(),
            optimizer: game.optimizer,
        }
    }
    fn check(config: &AnomalyConfig) -> Result<()> {
        config.game().check()?;
        config.anomaly.check()
    }
    fn build(config: AnomalyConfig, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        let game = config
            .game()
            .detector(config.anomaly, "ano_gan", data, device, key)?;
        Ok(Box::new(game))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "ano_gan",
    family: super::FAMILY,
    capabilities: &[
        Capability::Sample,
        Capability::LatentSpace,
        Capability::Anomaly,
        Capability::Features,
    ],
    paper: "Schlegl et al. 2017, Unsupervised Anomaly Detection with Generative Adversarial Networks, arXiv:1703.05921",
    recipe: "ano_gan",
    data: &["digits"],
    tiny: TINY,
    ..Entry::of::<AnoGan>()
};

/// Settings that make a test of a second.
const TINY: &[(&str, &str)] = &[
    ("model.width", "4"),
    ("model.latent", "8"),
    ("data.size", "8"),
    ("model.average", "0.9"),
    ("anomaly.search", "3"),
];
