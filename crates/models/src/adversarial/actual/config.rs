//! The settings of a recipe.
use crate::adversarial::game::check_weights;
use crate::{Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_nn::OptimizerConfig;
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`
    pub model: Sizes,
    /// `[game]`
    pub game: Settings,
    /// `[optimizer]`
    pub optimizer: Optimizers,
}

/// `[model]`: the networks' sizes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// numbers that each network carries from letter to letter
    pub width: usize,
    /// decay of the generator's moving average; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            width: 64,
            average: 0.0,
        }
    }
}

/// `[game]`: how the game is played.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// steps of teacher forcing alone, before the game
    pub pretrain: u64,
    /// steps after these in which discriminator and critic learn, and the generator goes on as before
    pub warm: u64,
    /// weight of the discriminator's reward in the generator's loss; 0 for teacher forcing alone
    pub adversarial: f64,
    /// weight of teacher forcing in it
    pub teacher: f64,
    /// gamma: what a reward counts a letter later
    pub discount: f64,
    /// lambda of the generalized advantage estimate: 0 trusts the critic alone, 1 what has followed alone
    pub trace: f64,
    /// logits of the discriminator count no further than this
    pub limit: f64,
    /// updates of discriminator and critic a step
    pub discriminator_steps: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            pretrain: 500,
            warm: 100,
            adversarial: 1.0,
            teacher: 1.0,
            discount: 1.0,
            trace: 0.95,
            limit: 6.0,
            discriminator_steps: 1,
        }
    }
}

/// `[optimizer]`: of each network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Optimizers {
    /// of what writes
    pub generator: OptimizerConfig,
    /// of what tells data from samples
    pub discriminator: OptimizerConfig,
    /// of what foretells its rewards
    pub critic: OptimizerConfig,
}

impl Default for Optimizers {
    fn default() -> Self {
        let of = OptimizerConfig::adam(1e-3).betas(0.9, 0.999);
        Optimizers {
            generator: of,
            discriminator: of,
            critic: of,
        }
    }
}

impl Registered for Config {
    type Config = Config;
    fn defaults() -> Config {
        Config::default()
    }
    fn check(config: &Config) -> Result<()> {
        let s = &config.game;
        check_weights([
            ("game.adversarial", s.adversarial),
            ("game.teacher", s.teacher),
            ("game.limit", s.limit),
        ])?;
        let shares = [("game.discount", s.discount), ("game.trace", s.trace)];
        if let Some((key, v)) = shares.into_iter().find(|(_, v)| !(0.0..=1.0).contains(v)) {
            return Err(Error::recipe(key, format!("{v} is no share"), "give 0 to 1"));
        }
        let counts = [
            ("model.width", config.model.width),
            ("game.discriminator_steps", s.discriminator_steps),
        ];
        match counts.into_iter().find(|(_, n)| !(1..=65536).contains(n)) {
            None => Ok(()),
            Some((key, n)) => Err(Error::recipe(
                key,
                format!("{n} is out of range"),
                "give 1 to 65536",
            )),
        }
    }
    fn build(config: Config, info: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.build(info, device, key)?))
    }
}
