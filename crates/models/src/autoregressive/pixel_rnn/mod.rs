//! PixelRNN: images, pixel by pixel, by LSTMs that run over rows or diagonals.
//!
//! Van den Oord, Kalchbrenner, Kavukcuoglu (2016), Pixel Recurrent Neural Networks, arXiv:1601.06759.
//!
//! p(x) = prod_i p(x_i | x_1, ..., x_{i-1}) row by row, and within a pixel R, then G given R, then B given both (equations
//! 1 and 2). A 7x7 convolution with mask A, residual LSTM layers, and 1x1 convolutions with mask B. A layer's gates
//! [o, f, i, g] = [s, s, s, tanh](K_ss * h_{i-1} + K_is * x_i) (equation 3) see, of the Row LSTM, the pixel, its left
//! neighbour and three pixels of the row above; of the Diagonal BiLSTM, the pixel and the states of its neighbours above
//! and to the left, and, one row further up, to the right, so that every earlier pixel is seen.
mod network;
mod sampler;

use super::conditionals::{Autoregressive, Grid};
use super::discrete::Discrete;
use crate::{Capability, Entry, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_nn::levels::Binarization;
use menagerie_nn::{Init, OptimizerConfig};
use network::PixelRnnNetwork;
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`
    pub model: Sizes,
    /// `[optimizer]`
    pub optimizer: OptimizerConfig,
}

/// Which way the LSTMs run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// from row to row; sees a triangle above the pixel (section 3.1)
    RowLstm,
    /// from diagonal to diagonal, from the left and from the right; sees all earlier pixels (section 3.2)
    DiagonalBilstm,
}

/// `[model]`: sizes, as the paper has them for MNIST.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// `row-lstm` or `diagonal-bilstm`
    pub kind: Direction,
    /// features of a state; the residual path has twice as many (paper: 16 for MNIST, 128 for CIFAR-10)
    pub width: usize,
    /// LSTM layers (paper: 7 for MNIST, 12 for CIFAR-10)
    pub depth: usize,
    /// features between the head's two 1x1 convolutions (paper: 32 for MNIST, 1024 for CIFAR-10)
    pub hidden: usize,
    /// values of a number: 2 for black and white, up to 256
    pub levels: usize,
    /// with two levels: how grey becomes black or white
    pub binarization: Binarization,
    /// decay of the moving average of the weights; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        let (kind, binarization) = (Direction::DiagonalBilstm, Binarization::Dynamic);
        Sizes {
            kind,
            width: 16,
            depth: 7,
            hidden: 32,
            levels: 2,
            binarization,
            average: 0.0,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            model: Sizes::default(),
            optimizer: OptimizerConfig::adam(1e-3),
        }
    }
}

impl Sizes {
    fn check(&self) -> Result<Discrete> {
        for (key, value, most) in [
            ("width", self.width, 4096),
            ("depth", self.depth, 100),
            ("hidden", self.hidden, 16_384),
        ] {
            if value == 0 || value > most {
                return Err(Error::recipe(
                    format!("model.{key}"),
                    format!("{value} cannot be used"),
                    format!("give 1 to {most}"),
                ));
            }
        }
        Discrete::new(self.levels, self.binarization)
    }
}

impl Config {
    /// A fresh network for images of that description.
    ///
    /// # Errors
    /// For data that are not images, and for widths that do not fall into as many groups as there are channels.
    pub fn build(
        &self,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Autoregressive<PixelRnnNetwork>> {
        let m = &self.model;
        let grid = Grid::new("pixel_rnn", info, m.check()?, false)?;
        for (name, value) in [("width", m.width), ("hidden", m.hidden)] {
            if !value.is_multiple_of(grid.channels) {
                let problem = format!(
                    "{value} features do not fall into {} groups, one a channel",
                    grid.channels
                );
                return Err(Error::recipe(
                    format!("model.{name}"),
                    problem,
                    format!("use a multiple of {}", grid.channels),
                ));
            }
        }
        Autoregressive::new(
            "pixel_rnn",
            PixelRnnNetwork::new(m, grid, &Init::new(key.stream("network"), device)),
            info,
            self.optimizer,
            m.average,
            device,
        )
    }
}

/// Weights with a mask laid over them.
fn over(weights: &[f32], mask: &[f32]) -> Vec<f32> {
    weights.iter().zip(mask).map(|(w, m)| w * m).collect()
}

impl Registered for Config {
    type Config = Config;
    fn defaults() -> Config {
        Config::default()
    }
    fn check(config: &Config) -> Result<()> {
        config.model.check().map(drop)
    }
    fn build(config: Config, info: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.build(info, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "pixel_rnn",
    family: super::FAMILY,
    capabilities: &[
        Capability::Sample,
        Capability::LogLikelihood,
        Capability::Factors,
        Capability::Complete,
    ],
    paper: "van den Oord et al. 2016, Pixel Recurrent Neural Networks, arXiv:1601.06759",
    recipe: "pixel_rnn",
    data: &["digits"],
    tiny: &[
        ("data.size", "6"),
        ("model.width", "3"),
        ("model.depth", "2"),
        ("model.hidden", "6"),
        ("model.average", "0.9"),
    ],
    ..Entry::of::<Config>()
};

#[cfg(test)]
mod tests;
