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
use super::conditionals::{Autoregressive, Conditionals, Grid, Items};
use super::discrete::Discrete;
use super::draw::{Walk, Walker};
use super::pixels::{Kept, Layer, rectify, relu};
use crate::{Capability, Entry, Model, Registered};
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::DataInfo;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_nn::OptimizerConfig;
use menagerie_nn::levels::Binarization;
use menagerie_nn::{Activation, Init, Mask, MaskedConv2d, activation};
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`
    pub model: Settings,
    /// `[optimizer]`
    pub optimizer: OptimizerConfig,
}

/// `[model]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
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

impl Default for Settings {
    fn default() -> Self {
        Settings {
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
            model: Settings::default(),
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
pub struct Network {
    input: MaskedConv2d,
    blocks: Vec<Block>,
    head: MaskedConv2d,
    logits: MaskedConv2d,
    #[module(skip)]
    grid: Grid,
}

impl Network {
    /// With the settings of a recipe.
    pub fn new(m: &Settings, grid: Grid, init: &Init) -> Network {
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
        Network {
            input: layer([c, 2 * w], Mask::A).kernel(7).init(&init.at("input")),
            blocks: (0..m.depth).map(block).collect(),
            head: last([2 * w, m.head], "head"),
            logits: last([m.head, c * grid.discrete.outputs()], "logits"),
            grid,
        }
    }
}

impl Conditionals for Network {
    fn grid(&self) -> &Grid {
        &self.grid
    }

    fn logits(&self, items: &Items, _order: usize) -> Tensor<3> {
        let g = &self.grid;
        let device = self.input.bias.device();
        let x = TensorData::new(
            items.inputs(g.discrete),
            [items.count, g.height, g.width, g.channels],
        );
        let h = self
            .input
            .forward(Tensor::from_data(x, &device), Activation::Identity);
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
            .reshape([items.count, g.numbers(), g.discrete.outputs()])
    }

    fn walker(&self) -> Box<dyn Walker> {
        Box::new(Weights {
            input: Layer::new(&self.input),
            blocks: self
                .blocks
                .iter()
                .map(|b| [&b.down, &b.spatial, &b.up].map(Layer::new))
                .collect(),
            head: Layer::new(&self.head),
            logits: Layer::new(&self.logits),
            grid: self.grid,
        })
    }

    fn activations(&self) -> usize {
        let width = self.input.bias.dims()[0];
        // Of a block: its input's positive part, the two layers inside (the second also before its activation), the sum.
        let pixel = width
            + self.blocks.len() * (2 * width + 3 * width / 2)
            + 2 * self.head.bias.dims()[0]
            + self.logits.bias.dims()[0];
        self.grid.height * self.grid.width * pixel
    }
}

/// The weights, pixel by pixel.
struct Weights {
    input: Layer,
    blocks: Vec<[Layer; 3]>,
    head: Layer,
    logits: Layer,
    grid: Grid,
}

/// What is kept: the image and the features inside each block for every pixel, all else for the present one.
struct Running<'a> {
    weights: &'a Weights,
    at: usize,
    image: Kept,
    inside: Vec<Kept>,
    h: Vec<f32>,
    positive: Vec<Vec<f32>>,
    spatial: Vec<Vec<f32>>,
    head: Vec<f32>,
    logits: Vec<f32>,
    scratch: Vec<f32>,
}

impl Walker for Weights {
    fn start<'a>(&'a self, items: usize, _: usize, _: &'a [u32], _: &[u32]) -> Box<dyn Walk + 'a> {
        let zeros = |layer: &Layer| vec![0.0; items * layer.outputs()];
        Box::new(Running {
            weights: self,
            at: 0,
            image: Kept::new(&self.grid, items, self.grid.channels),
            inside: self
                .blocks
                .iter()
                .map(|b| Kept::new(&self.grid, items, b[0].outputs()))
                .collect(),
            h: zeros(&self.input),
            positive: (0..self.blocks.len() + 1).map(|_| zeros(&self.input)).collect(),
            spatial: self.blocks.iter().map(|b| zeros(&b[1])).collect(),
            head: zeros(&self.head),
            logits: zeros(&self.logits),
            scratch: Vec::new(),
        })
    }
}

impl Walk for Running<'_> {
    fn logits(&mut self, out: &mut [f32]) {
        let (w, g) = (self.weights, &self.weights.grid);
        // Features of a colour wait for the colours before it; those of earlier groups are there already.
        let (pixel, group) = (self.at / g.channels, self.at % g.channels);
        let (width, k) = (w.input.outputs(), g.discrete.outputs());
        w.input
            .around(group, &self.image, pixel, &mut self.scratch, &mut self.h);
        let own = w.input.columns(group);
        for (l, [down, spatial, up]) in w.blocks.iter().enumerate() {
            relu(&self.h, &mut self.positive[l], width, own.clone());
            let inside = self.inside[l].pixel(pixel);
            down.at(group, &self.positive[l], inside, false);
            rectify(inside, down.outputs(), down.columns(group));
            let middle = &mut self.spatial[l];
            spatial.around(group, &self.inside[l], pixel, &mut self.scratch, middle);
            rectify(middle, spatial.outputs(), spatial.columns(group));
            up.at(group, middle, &mut self.h, true);
        }
        let positive = &mut self.positive[w.blocks.len()];
        relu(&self.h, positive, width, own);
        w.head.at(group, positive, &mut self.head, false);
        rectify(&mut self.head, w.head.outputs(), w.head.columns(group));
        w.logits.at(group, &self.head, &mut self.logits, false);
        for (out, logits) in out
            .chunks_exact_mut(k)
            .zip(self.logits.chunks_exact(w.logits.outputs()))
        {
            out.copy_from_slice(&logits[group * k..(group + 1) * k]);
        }
    }

    fn put(&mut self, levels: &[u32]) {
        let g = &self.weights.grid;
        let (pixel, channel) = (self.at / g.channels, self.at % g.channels);
        for (row, &level) in self.image.pixel(pixel).chunks_exact_mut(g.channels).zip(levels) {
            row[channel] = g.discrete.input(level);
        }
        self.at += 1;
    }
}

impl Settings {
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
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<Autoregressive<Network>> {
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
            Network::new(m, grid, &Init::new(key.stream("network"), device)),
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
