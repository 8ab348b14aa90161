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
    /// `[generators]`
    pub generators: Generators,
    /// `[optimizer]`
    pub optimizer: Optimizers,
}

/// `[model]`: the networks' sizes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// units of each of the classifier's two hidden layers, and numbers that the writer carries from word to word
    pub width: usize,
    /// decay of the classifier's moving average; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            width: 64,
            average: 0.99,
        }
    }
}

/// `[generators]`: what examples are made of the given ones.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Generators {
    /// weight of examples that rules make; 0 for none
    pub rules: f64,
    /// weight of examples that a network writes; 0 for none, and no such network learns
    pub sequences: f64,
    /// weight of how hard its examples are in the writing network's loss
    pub adversarial: f64,
    /// rules that are applied one after the other at most
    pub hops: usize,
    /// examples by rules of which the hardest is taken
    pub tries: usize,
    /// steps before the first
    pub start: u64,
}

impl Default for Generators {
    fn default() -> Self {
        Generators {
            rules: 1.0,
            sequences: 0.1,
            adversarial: 0.1,
            hops: 2,
            tries: 4,
            start: 100,
        }
    }
}

/// `[optimizer]`: of each network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Optimizers {
    /// of the classifier
    pub classifier: OptimizerConfig,
    /// of the network that writes
    pub writer: OptimizerConfig,
}

impl Default for Optimizers {
    fn default() -> Self {
        let of = OptimizerConfig::adam(1e-3).betas(0.9, 0.999);
        Optimizers {
            classifier: of,
            writer: of,
        }
    }
}

impl Registered for Config {
    type Config = Config;
    fn defaults() -> Config {
        Config::default()
    }
    fn check(config: &Config) -> Result<()> {
        let g = &config.generators;
        check_weights([
            ("generators.rules", g.rules),
            ("generators.sequences", g.sequences),
            ("generators.adversarial", g.adversarial),
        ])?;
        let counts = [
            ("model.width", config.model.width, 65536),
            ("generators.hops", g.hops, 16),
            ("generators.tries", g.tries, 256),
        ];
        match counts.into_iter().find(|(_, n, most)| !(1..=*most).contains(n)) {
            None => Ok(()),
            Some((key, n, most)) => {
                let problem = format!("{n} is out of range");
                Err(Error::recipe(key, problem, format!("give 1 to {most}")))
            }
        }
    }
    fn build(config: Config, info: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.build(info, device, key)?))
    }
}
