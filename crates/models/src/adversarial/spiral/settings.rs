//! What a recipe says of it.
use super::super::Optimizers;
use super::super::game::check_weights;
use menagerie_data::error::{Error, Result};
use menagerie_nn::OptimizerConfig;
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`
    pub model: Sizes,
    /// `[strokes]`
    pub strokes: Settings,
    /// `[optimizer]`: the generator's is that of what draws, and of what foretells its rewards
    pub optimizer: Optimizers,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            model: Sizes::default(),
            strokes: Settings::default(),
            optimizer: Optimizers {
                generator: OptimizerConfig::adam(7e-4).betas(0.9, 0.999),
                discriminator: OptimizerConfig::adam(3e-4).betas(0.5, 0.9),
            },
        }
    }
}

/// `[model]`: the networks' sizes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// units of each hidden layer of every network
    pub width: usize,
    /// numbers of noise by which free drawings differ from their first stroke on
    pub noise: usize,
    /// decay of the moving average of what draws; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            width: 128,
            noise: 8,
            average: 0.0,
        }
    }
}

/// `[strokes]`: how the game is played.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// strokes of a drawing (paper: 20)
    pub count: usize,
    /// places that a stroke can lead to, in a row and in a column (paper: 32)
    pub grid: usize,
    /// share of the drawings that are of a target; the others are free
    pub redrawn: f64,
    /// weight of the squared distance to the target, beside the critic's score
    pub distance: f64,
    /// updates of the critic a step
    pub critic_steps: usize,
    /// weight of the critic's gradient penalty
    pub penalty: f64,
    /// updates of what draws on the same drawings; with 1 it is the paper's actor-critic
    pub epochs: usize,
    /// how far from 1 the ratio of new to old probabilities is followed
    pub clip: f64,
    /// lambda of the generalized advantage estimate
    pub trace: f64,
    /// weight of the entropy of what is chosen
    pub entropy: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            count: 8,
            grid: 8,
            redrawn: 0.5,
            distance: 1.0,
            critic_steps: 2,
            penalty: 10.0,
            epochs: 3,
            clip: 0.2,
            trace: 0.95,
            entropy: 0.01,
        }
    }
}

impl Config {
    /// Refuses what is out of range.
    ///
    /// # Errors
    /// [`Error::Recipe`] with the key.
    pub(super) fn checked(&self) -> Result<()> {
        let s = &self.strokes;
        check_weights([
            ("strokes.distance", s.distance),
            ("strokes.penalty", s.penalty),
            ("strokes.entropy", s.entropy),
            ("strokes.clip", s.clip),
        ])?;
        let shares = [("strokes.redrawn", s.redrawn), ("strokes.trace", s.trace)];
        if let Some((key, v)) = shares.into_iter().find(|(_, v)| !(0.0..=1.0).contains(v)) {
            return Err(Error::recipe(key, format!("{v} is no share"), "give 0 to 1"));
        }
        let counts = [
            ("model.width", self.model.width, 65536),
            ("model.noise", self.model.noise, 65536),
            ("strokes.count", s.count, 1024),
            ("strokes.grid", s.grid, 64),
            ("strokes.critic_steps", s.critic_steps, 1024),
            ("strokes.epochs", s.epochs, 1024),
        ];
        match counts.into_iter().find(|(_, n, most)| !(1..=*most).contains(n)) {
            None => Ok(()),
            Some((key, n, most)) => Err(Error::recipe(
                key,
                format!("{n} is out of range"),
                format!("give 1 to {most}"),
            )),
        }
    }
}
