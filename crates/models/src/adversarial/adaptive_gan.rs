//! A class-conditional generator customised into an attacker: it draws images of a class that a classifier takes for another.
//!
//! Tsai (2018), Customizing an Adversarial Example Generator with Class-Conditional GANs, arXiv:1806.10496.
//!
//! The game is AC-GAN's, the play `plays/customised.rs`. After `attack.from` steps of that game alone the classifier joins it, of a run
//! (`--target RUN`) or one that learns beside.
use super::Variant;
use super::acgan::Acgan;
use super::config::{Config, GameConfig, Optimizers};
use super::game::condition::Condition;
use super::game::objective::Rule;
use super::game::penalty::Penalties;
use super::networks::Sizes;
use super::plays::customised::Customising;
use super::plays::target::TargetSettings;
use crate::{Capability, Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own: the game of two with classes, the attack and the target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaptiveConfig {
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
    /// `[condition]`: classes
    #[serde(default)]
    pub condition: Condition,
    /// `[attack]`: how the target is misled
    #[serde(default)]
    pub attack: Customising,
    /// `[target]`: the classifier that is misled
    #[serde(default)]
    pub target: TargetSettings,
    /// `[optimizer]`
    #[serde(default)]
    pub optimizer: Optimizers,
}

impl AdaptiveConfig {
    /// The game alone.
    fn game(&self) -> Config {
        Config {
            game: self.game,
            objective: self.objective,
            penalty: self.penalty.clone(),
            condition: Some(self.condition),
            optimizer: self.optimizer,
            ..Config::of(self.model.clone())
        }
    }
}

/// See the module.
pub struct AdaptiveGan;

impl Registered for AdaptiveGan {
    type Config = AdaptiveConfig;
    fn defaults() -> AdaptiveConfig {
        let game = Acgan::config();
        AdaptiveConfig {
            model: game.model,
            game: game.game,
            objective: game.objective,
            penalty: game.penalty,
            condition: game.condition.unwrap_or_default(),
            attack: Customising::default(),
            target: TargetSettings::default(),
            optimizer: game.optimizer,
        }
    }
    fn check(config: &AdaptiveConfig) -> Result<()> {
        config.attack.check()?;
        config.game().check()
    }
    fn build(config: AdaptiveConfig, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        let game = config.game();
        let model = game.customised(config.attack, &config.target, "adaptive_gan", data, device, key)?;
        Ok(Box::new(model))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "adaptive_gan",
    family: super::FAMILY,
    capabilities: &[
        Capability::Sample,
        Capability::Classify,
        Capability::Attack,
        Capability::Features,
    ],
    paper: "Tsai 2018, Customizing an Adversarial Example Generator with Class-Conditional GANs, arXiv:1806.10496",
    recipe: "adaptive_gan",
    data: &["digits"],
    tiny: &[
        ("model.width", "4"),
        ("model.latent", "8"),
        ("data.size", "8"),
        ("model.average", "0.9"),
        ("target.model.width", "4"),
        ("target.model.average", "0.9"),
        ("attack.from", "1"),
    ],
    ..Entry::of::<AdaptiveGan>()
};
