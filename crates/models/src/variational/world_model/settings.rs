//! What a recipe says of a world model.
use super::Planning;
use crate::adversarial::game::check_weights;
use menagerie_data::error::{Error, Result};
use menagerie_nn::OptimizerConfig;
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`
    pub model: Sizes,
    /// `[world]`
    pub world: Settings,
    /// `[planning]`
    pub planning: Planning,
    /// `[optimizer]`
    pub optimizer: Optimizers,
}

/// `[optimizer]`: one for what comes, one for what it is worth.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Optimizers {
    /// of V and of M, each by itself
    pub world: OptimizerConfig,
    /// of the network that tells rewards, ends and values
    pub outcome: OptimizerConfig,
}

impl Default for Optimizers {
    fn default() -> Self {
        let adam = |rate: f64| OptimizerConfig::adam(rate).betas(0.9, 0.999);
        Optimizers {
            world: OptimizerConfig {
                clip_norm: 1.0,
                ..adam(2e-3)
            },
            outcome: adam(1e-3),
        }
    }
}

/// `[model]`: the networks' sizes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// dimensions of a latent
    pub latent: usize,
    /// units of each of the two hidden layers of V's encoder and decoder, and of what tells rewards, ends and values
    pub width: usize,
    /// units of M's memory (paper: 256)
    pub units: usize,
    /// normal distributions in M's mixture (paper: 5)
    pub components: usize,
    /// decay of the networks' moving averages; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            latent: 6,
            width: 64,
            units: 64,
            components: 3,
            average: 0.0,
        }
    }
}

/// `[world]`: what is tried, and what is learned of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `auto`: the one whose steps the data are; or its name
    pub environment: String,
    /// steps of a sequence
    pub length: usize,
    /// share of the sequences in which M goes on from what it has foretold itself, and not from what was so
    pub foretold: f64,
    /// gamma: what a reward counts a step later, in values
    pub discount: f64,
    /// standard deviation of what V decodes, in extents of a state
    pub deviation: f64,
    /// steps of training between two rounds of own episodes; 0 for none: chance alone
    pub every: u64,
    /// episodes of a round
    pub episodes: usize,
    /// states of own episodes that are kept
    pub memory: usize,
    /// share of the sequences that begin in one of these, and not in a state of the data
    pub remembered: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            environment: "auto".into(),
            length: 15,
            foretold: 0.5,
            discount: 0.97,
            deviation: 0.02,
            every: 100,
            episodes: 2,
            memory: 4000,
            remembered: 0.5,
        }
    }
}

impl Config {
    /// Refuses what is out of range.
    ///
    /// # Errors
    /// [`Error::Recipe`] with the key.
    pub(super) fn checked(&self) -> Result<()> {
        let (m, s) = (self.model, &self.world);
        self.planning.check()?;
        check_weights([("world.deviation", s.deviation)])?;
        if s.deviation == 0.0 {
            let problem = "what is decoded without any deviation has no likelihood";
            return Err(Error::recipe("world.deviation", problem, "give one such as 0.02"));
        }
        let shares = [("world.foretold", s.foretold), ("world.remembered", s.remembered)];
        if let Some((key, v)) = shares.into_iter().find(|(_, v)| !(0.0..=1.0).contains(v)) {
            return Err(Error::recipe(key, format!("{v} is no share"), "give 0 to 1"));
        }
        if !(0.0..1.0).contains(&s.discount) {
            let problem = format!("{} would make values endless, or is no share", s.discount);
            return Err(Error::recipe("world.discount", problem, "give one such as 0.97"));
        }
        let counts = [
            ("model.latent", m.latent),
            ("model.width", m.width),
            ("model.units", m.units),
            ("model.components", m.components),
            ("world.length", s.length),
            ("world.episodes", s.episodes),
            ("world.memory", s.memory),
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
}
