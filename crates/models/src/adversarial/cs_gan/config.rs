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
    /// numbers of a word, and numbers that the translator carries from word to word
    pub width: usize,
    /// numbers that the discriminator has of a word, and of a sentence
    pub discriminator: usize,
    /// decay of the translator's moving average; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            width: 64,
            discriminator: 32,
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
    /// steps after these in which the discriminator learns, and the translator goes on as before
    pub warm: u64,
    /// weight of the rewards in the translator's loss; 0 for teacher forcing alone
    pub adversarial: f64,
    /// weight of teacher forcing in it
    pub teacher: f64,
    /// lambda: share of the discriminator in a reward; the rest is the sentence's BLEU
    pub share: f64,
    /// continuations by which a word is judged; 0 for the reward of the whole sentence at each of its words
    pub rollouts: usize,
    /// updates of the discriminator a step
    pub discriminator_steps: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            pretrain: 500,
            warm: 100,
            adversarial: 1.0,
            teacher: 1.0,
            share: 0.7,
            rollouts: 4,
            discriminator_steps: 1,
        }
    }
}

/// `[optimizer]`: of each network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Optimizers {
    /// of what translates
    pub generator: OptimizerConfig,
    /// of what tells given translations from its own
    pub discriminator: OptimizerConfig,
}

impl Default for Optimizers {
    fn default() -> Self {
        let of = OptimizerConfig::adam(1e-3).betas(0.9, 0.999);
        Optimizers {
            generator: of,
            discriminator: of,
        }
    }
}

impl Registered for Config {
    type Config = Config;
    fn defaults() -> Config {
        Config::default()
    }
    fn check(config: &Config) -> Result<()> {
        let (s, m) = (&config.game, &config.model);
        check_weights([("game.adversarial", s.adversarial), ("game.teacher", s.teacher)])?;
        if !(0.0..=1.0).contains(&s.share) {
            let problem = format!("{} is no share", s.share);
            return Err(Error::recipe("game.share", problem, "give 0 to 1"));
        }
        let counts = [
            ("model.width", m.width, 1, 65536),
            ("model.discriminator", m.discriminator, 1, 65536),
            ("game.rollouts", s.rollouts, 0, 256),
            ("game.discriminator_steps", s.discriminator_steps, 1, 256),
        ];
        match counts
            .into_iter()
            .find(|(_, n, least, most)| !(least..=most).contains(&n))
        {
            None => Ok(()),
            Some((key, n, least, most)) => {
                let problem = format!("{n} is out of range");
                Err(Error::recipe(key, problem, format!("give {least} to {most}")))
            }
        }
    }
    fn build(config: Config, info: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.build(info, device, key)?))
    }
}
