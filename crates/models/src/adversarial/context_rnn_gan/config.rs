//! The settings of a recipe.
use crate::adversarial::Optimizers;
use crate::adversarial::game::check_weights;
use crate::{Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_nn::OptimizerConfig;
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`
    pub model: Sizes,
    /// `[game]`
    pub game: Settings,
    /// `[optimizer]`
    pub optimizer: Optimizers,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            model: Sizes::default(),
            game: Settings::default(),
            optimizer: Optimizers::both(OptimizerConfig::adam(1e-3).betas(0.5, 0.999)),
        }
    }
}

/// `[model]`: the networks' sizes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// numbers that a diagram is read as, and that are carried from diagram to diagram
    pub width: usize,
    /// dimensions of the latent beside each diagram
    pub latent: usize,
    /// decay of the generator's moving average; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            width: 128,
            latent: 8,
            average: 0.99,
        }
    }
}

/// `[game]`: what the generator learns by.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// weight of the game beside the pictures' own error; 0 for no game
    pub adversarial: f64,
    /// p of that error: 1, or 2 for its square
    pub power: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            adversarial: 0.05,
            power: 2,
        }
    }
}

impl Registered for Config {
    type Config = Config;
    fn defaults() -> Config {
        Config::default()
    }
    fn check(config: &Config) -> Result<()> {
        check_weights([("game.adversarial", config.game.adversarial)])?;
        if ![1, 2].contains(&config.game.power) {
            let problem = format!("{} is not taken for a power", config.game.power);
            return Err(Error::recipe("game.power", problem, "give 1 or 2"));
        }
        let sizes = [
            ("model.width", config.model.width),
            ("model.latent", config.model.latent),
        ];
        match sizes.into_iter().find(|(_, n)| !(1..=65536).contains(n)) {
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
