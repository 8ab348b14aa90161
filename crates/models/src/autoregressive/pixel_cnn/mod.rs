//! PixelCNN: a stack of masked convolutions that gives all conditionals of an image in one pass.
//!
//! van den Oord, Kalchbrenner, Kavukcuoglu (2016), Pixel Recurrent Neural Networks, arXiv:1601.06759.
//!
//! A 7x7 convolution with mask A reads the image; residual blocks with mask B follow, each h + W3 relu(conv3x3(relu(W1
//! relu(h)))) with half as many features inside (figure 5, left); two 1x1 convolutions make the logits: one of a Bernoulli,
//! or a softmax over all levels (256 in the paper) of every channel. Pixels come row by row, the channels of a pixel in the
//! order R, G, B (equation 2 and figure 2).
//!
//! A 3x3 kernel under a mask sees less than all that is above: pixels to the upper right stay in a blind spot, which
//! `gated_pixel_cnn` has not.
mod sampler;

use super::conditionals::{Autoregressive, Conditionals, Grid};
use super::discrete::Discrete;
use super::draw::Walker;
use crate::{Capability, Entry, Model, Registered};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use menagerie_data::DataInfo;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_nn::levels::Binarization;
use menagerie_nn::{Activation, Init, Mask, MaskedConv2d, OptimizerConfig, activation};
use sampler::Sampler;
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

/// `[model]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// features inside a block (h; between blocks there are twice as many; paper: 128 for colour, 16 for MNIST)
    pub width: usize,
    /// residual blocks (paper: 15)
    pub depth: usize,
    /// features of the layer before the logits (paper: 1024 for colour, 32 for MNIST)
    pub head: usize,
    /// values of a number: 256 for 8-bit images, 2 for black and white
    pub levels: usize,
    /// with two levels: how grey becomes black or white
    pub binarization: Binarization,
    /// decay of the moving average of the weights; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            width: 128,
            depth: 15,
            head: 32,
            levels: 256,
            binarization: Binarization::Dynamic,
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

/// A residual block.
#[derive(Module, Debug)]
struct Block {
    down: MaskedConv2d,
    spatial: MaskedConv2d,
    up: MaskedConv2d,
}

/// The whole network.
#[derive(Module, Debug)]
pub struct PixelCnnNetwork {
    input: MaskedConv2d,
    blocks: Vec<Block>,
    head: MaskedConv2d,
    logits: MaskedConv2d,
    #[module(skip)]
    grid: Grid,
}

impl PixelCnnNetwork {
    /// With the settings of a recipe.
    pub fn new(m: &Sizes, grid: Grid, init: &Init) -> PixelCnnNetwork {
        let (c, w) = (grid.channels, m.width);
        let layer = |channels, mask| MaskedConv2d::of(channels, mask).groups(c);
        let block = |i: usize| {
            let init = init.at("block").nth(i);
            Block {
                down: layer([2 * w, w], Mask::B).kernel(1).init(&init.at("down")),
                spatial: layer([w, w], Mask::B).kernel(3).init(&init.at("spatial")),
                up: layer([w, 2 * w], Mask::B).kernel(1).init(&init.at("up")),
            }
        };
        let last = |channels, name: &str| layer(channels, Mask::B).kernel(1).init(&init.at(name));
        PixelCnnNetwork {
            input: layer([c, 2 * w], Mask::A).kernel(7).init(&init.at("input")),
            blocks: (0..m.depth).map(block).collect(),
            head: last([2 * w, m.head], "head"),
            logits: last([m.head, c * grid.discrete.outputs()], "logits"),
            grid,
        }
    }
}

impl Conditionals for PixelCnnNetwork {
    fn grid(&self) -> &Grid {
        &self.grid
    }

    fn device(&self) -> Device {
        self.input.bias.device()
    }

    fn pass(&self, x: Tensor<2>, _: Option<Tensor<2>>, _order: usize) -> Tensor<3> {
        let (g, [count, _]) = (&self.grid, x.dims());
        let x = x.reshape([count, g.height, g.width, g.channels]);
        let h = self.input.forward(x, Activation::Identity);
        let h = self.blocks.iter().fold(h, |h, b| {
            let x = activation(h.clone(), Activation::Relu);
            h + b.up.forward(
                b.spatial
                    .forward(b.down.forward(x, Activation::Relu), Activation::Relu),
                Activation::Identity,
            )
        });
        let h = self
            .head
            .forward(activation(h, Activation::Relu), Activation::Relu);
        self.logits
            .forward(h, Activation::Identity)
            .reshape([count, g.numbers(), g.discrete.outputs()])
    }

    fn walker(&self) -> Box<dyn Walker> {
        Box::new(Sampler::of(self))
    }
}

impl Sizes {
    fn check(&self) -> Result<Discrete> {
        if self.width == 0 || self.head == 0 || self.depth > 200 {
            let problem = "width and head must be 1 or more, depth at most 200";
            return Err(Error::recipe(
                "model",
                problem,
                "see the defaults: `menagerie train pixel_cnn --dry-run`",
            ));
        }
        Discrete::new(self.levels, self.binarization)
    }
}

impl Config {
    /// A fresh model for images of that description.
    ///
    /// # Errors
    /// For data that are not images, and for fewer features than channels.
    pub fn build(
        &self,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Autoregressive<PixelCnnNetwork>> {
        let m = &self.model;
        let grid = Grid::new("pixel_cnn", info, m.check()?, false)?;
        grid.groups("pixel_cnn", [m.width, m.head])?;
        let w = m.width as u128;
        grid.affords(
            "pixel_cnn",
            m.depth as u128 * 9 * w * w + m.head as u128 * grid.channels as u128 * 256,
        )?;
        Autoregressive::new(
            "pixel_cnn",
            PixelCnnNetwork::new(m, grid, &Init::new(key.stream("network"), device)),
            info,
            self.optimizer,
            m.average,
            device,
        )
    }
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
    name: "pixel_cnn",
    family: super::FAMILY,
    capabilities: &[
        Capability::Sample,
        Capability::LogLikelihood,
        Capability::Factors,
        Capability::Complete,
    ],
    paper: "van den Oord et al. 2016, Pixel Recurrent Neural Networks, arXiv:1601.06759",
    recipe: "pixel_cnn",
    data: &["digits", "portraits"],
    tiny: &[
        ("data.size", "6"),
        ("model.width", "8"),
        ("model.depth", "2"),
        ("model.head", "8"),
        ("model.levels", "5"),
        ("model.average", "0.9"),
    ],
    ..Entry::of::<Config>()
};
