//! What a recipe says of a deep energy model.
use super::super::annealing::AnnealingConfig;
use super::super::binary::in_bounds;
use crate::variational::networks::Architecture;
use menagerie_data::error::{Error, Result};
use menagerie_nn::OptimizerConfig;
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`
    pub model: Sizes,
    /// `[langevin]`
    pub langevin: Langevin,
    /// `[annealing]`, of images
    pub annealing: AnnealingConfig,
    /// `[optimizer]`
    pub optimizer: OptimizerConfig,
}

/// `[model]`: the network, and what it learns of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// `mlp` (fully connected) or `conv` (convolutions halve the image first)
    pub network: Architecture,
    /// units of the fully connected hidden layers
    pub hidden: Vec<usize>,
    /// `conv`: channels at half the image's size; they double with every halving, up to eight times as many
    pub width: usize,
    /// deviation of the noise that data are seen through, where they span [-1, 1]; 0 for none
    pub noise: f64,
    /// s, the deviation of the Gaussian under the energy
    pub deviation: f64,
    /// a, what large energies cost
    pub cost: f64,
    /// decay of the weights' moving average; 0 for none
    pub average: f64,
}

/// `[langevin]`: the chains.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Langevin {
    /// chains that are kept (2019: 10,000)
    pub buffer: usize,
    /// how many of these walk in an update
    pub chains: usize,
    /// steps that they walk (2019: 60)
    pub steps: usize,
    /// steps from a kept chain to a sample
    pub sample_steps: usize,
    /// length of a step, e: the deviation of its noise; the gradient is taken e^2 / 2 times
    pub size: f64,
    /// the longest way of a number down the gradient in a step
    pub longest: f64,
    /// the probability with which a chain begins anew from noise (2019: 0.05)
    pub restart: f64,
    /// refuse steps so that chains draw from exp(-E) exactly, however long the steps are
    pub adjusted: bool,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            network: Architecture::Conv,
            hidden: vec![128],
            width: 32,
            noise: 0.1,
            deviation: 1.0,
            cost: 0.01,
            average: 0.0,
        }
    }
}

impl Default for Langevin {
    fn default() -> Self {
        Langevin {
            buffer: 2000,
            chains: 100,
            steps: 40,
            sample_steps: 100,
            size: 0.05,
            longest: 0.1,
            restart: 0.05,
            adjusted: false,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let (model, langevin) = (Sizes::default(), Langevin::default());
        let optimizer = OptimizerConfig::adam(2e-4).betas(0.5, 0.999).clipped(10.0);
        Config {
            model,
            langevin,
            annealing: AnnealingConfig::default(),
            optimizer,
        }
    }
}

impl Config {
    /// Refuses what is out of range.
    ///
    /// # Errors
    /// [`Error::Recipe`] with the key.
    pub(super) fn check(&self) -> Result<()> {
        let l = &self.langevin;
        in_bounds(&[
            ("langevin.buffer", l.buffer, 1),
            ("langevin.chains", l.chains, 1),
            ("langevin.steps", l.steps, 1),
            ("langevin.sample_steps", l.sample_steps, 1),
        ])?;
        self.annealing.check()?;
        let m = &self.model;
        for (key, v, within) in [
            ("model.noise", m.noise, 0.0..=1.0),
            ("model.deviation", m.deviation, 0.5..=4.0),
            ("model.cost", m.cost, 0.0..=1e3),
            ("langevin.size", l.size, 1e-6..=1.0),
            ("langevin.longest", l.longest, 1e-6..=10.0),
            ("langevin.restart", l.restart, 0.0..=1.0),
        ] {
            if !within.contains(&v) {
                let fix = format!("give {} to {}", within.start(), within.end());
                return Err(Error::recipe(key, format!("{v} is out of range"), fix));
            }
        }
        Ok(())
    }
}
