//! Gated PixelCNN: two stacks without a blind spot, gated units, and classes.
//!
//! van den Oord, Kalchbrenner, Vinyals, Espeholt, Graves, Kavukcuoglu (2016), Conditional Image Generation with PixelCNN
//! Decoders, arXiv:1606.05328.
//!
//! A vertical stack sees all rows above; a horizontal stack sees the present row up to the pixel, and the vertical stack
//! through a 1x1 convolution (figure 2). Layers are y = tanh(W_f * x + V_f c) sigmoid(W_g * x + V_g c) (equations 2 and 4),
//! where c is the class. The horizontal stack has residual connections; its layers are summed, by 1x1 convolutions, into
//! the input of the last two layers (skip connections, as the same authors' WaveNet has them).
mod sampler;

use super::conditionals::{Autoregressive, Conditionals, Grid};
use super::discrete::Discrete;
use super::draw::Walker;
use crate::{Capability, Entry, Model, Registered};
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use menagerie_data::DataInfo;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_kernels::{conv2d_reaching, gate};
use menagerie_nn::levels::Binarization;
use menagerie_nn::{
    Activation, Init, Linear, Mask, MaskedConv2d, OptimizerConfig, Weights, activation, activations,
};
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
    /// features of each stack (p)
    pub width: usize,
    /// layers after the first
    pub depth: usize,
    /// features of the layer before the logits
    pub head: usize,
    /// tell the network the class
    pub conditional: bool,
    /// values of a number: 256 for 8-bit images, 2 for black and white
    pub levels: usize,
    /// numbers, learned, that a level is shown to the network as; 0 for its brightness alone. Levels that are names rather than
    /// amounts (colours of a palette, codes) need some
    pub embedding: usize,
    /// with two levels: how grey becomes black or white
    pub binarization: Binarization,
    /// decay of the moving average of the weights; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            width: 128,
            depth: 10,
            head: 32,
            conditional: false,
            levels: 256,
            embedding: 0,
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

/// One layer of both stacks (figure 2).
#[derive(Module, Debug)]
struct Gated {
    /// vertical, `[rows, kernel, in, 2 p]`
    vertical: Param<Tensor<4>>,
    vertical_bias: Param<Tensor<1>>,
    /// from the vertical stack to the horizontal, `[2 p, 2 p]`
    link: Linear,
    /// horizontal, to 2 p; of each group of colours the filter's features, then the gate's
    row: MaskedConv2d,
    /// none in the last layer, whose features go to the last convolutions alone
    residual: Option<MaskedConv2d>,
    skip: MaskedConv2d,
    /// V of both stacks, `[classes, 4 p]`
    class: Option<Param<Tensor<2>>>,
    first: bool,
}

impl Gated {
    fn new(i: usize, m: &Sizes, grid: &Grid, init: &Init) -> Gated {
        let first = i == 0;
        let inputs = if first {
            grid.channels * m.embedding.max(1)
        } else {
            m.width
        };
        let (p, kernel, groups) = (m.width, if first { 7 } else { 3 }, grid.channels);
        // The first layer's rows end above the pixel; after it, the stack's features know nothing of their own row.
        let rows = kernel / 2 + usize::from(!first);
        let fan = [inputs * kernel * rows, 2 * p * kernel * rows];
        let row = MaskedConv2d::of([inputs, 2 * p], if first { Mask::A } else { Mask::B });
        let one = |name: &str| {
            let of = MaskedConv2d::of([p, p], Mask::B).kernel(1).groups(groups);
            of.init(&init.at(name))
        };
        Gated {
            vertical: Weights::Fan.draw([rows, kernel, inputs, 2 * p], fan, &init.at("vertical")),
            vertical_bias: Weights::Fan.draw([2 * p], fan, &init.at("vertical bias")),
            link: Linear::of([2 * p, 2 * p]).init(&init.at("link")),
            row: row.row().kernel(kernel).groups(groups).init(&init.at("row")),
            residual: (i < m.depth).then(|| one("residual")),
            skip: one("skip"),
            class: (grid.classes > 0)
                .then(|| Weights::Zero.draw([grid.classes, 4 * p], [grid.classes, 4 * p], init)),
            first,
        }
    }

    /// Vertical and horizontal features in, both out, and what goes to the last layers. `class` is one-hot.
    fn forward(
        &self,
        v: Tensor<4>,
        h: Tensor<4>,
        class: Option<&Tensor<2>>,
        groups: usize,
    ) -> [Tensor<4>; 3] {
        let [_, kernel, ..] = self.vertical.dims();
        let reach = [kernel / 2; 2];
        let bias = Some(self.vertical_bias.val());
        let v = conv2d_reaching(v, self.vertical.val(), bias, reach, Activation::Identity);
        let v = activations::keep(v);
        let row = self.row.forward(h.clone(), Activation::Identity)
            + self.link.forward(v.clone(), Activation::Identity);
        let (v, row) = match (class, &self.class) {
            (Some(c), Some(weight)) => {
                let by_class = c.clone().matmul(weight.val());
                let [b, n] = by_class.dims();
                let [of_v, of_row] =
                    [0, n / 2].map(|at| by_class.clone().narrow(1, at, n / 2).reshape([b, 1, 1, n / 2]));
                (v + of_v, row + of_row)
            }
            _ => (v, row),
        };
        let seen = gated(row, groups);
        let h = match &self.residual {
            // Of the first layer's input only what is masked may pass.
            Some(r) if self.first => r.forward(seen.clone(), Activation::Identity),
            Some(r) => h + r.forward(seen.clone(), Activation::Identity),
            None => h,
        };
        [gated(v, 1), h, self.skip.forward(seen, Activation::Identity)]
    }
}

/// tanh(filter) sigmoid(gate), `[.., 2 p]` -> `[.., p]`, where each of `groups` parts holds filters, then gates.
fn gated(x: Tensor<4>, groups: usize) -> Tensor<4> {
    let half = x.dims()[3] / groups / 2;
    activations::keep(gate(x, half))
}

/// The whole network.
#[derive(Module, Debug)]
pub struct GatedNetwork {
    /// what a level is shown as, `[levels, embedding]`
    embedding: Option<Param<Tensor<2>>>,
    layers: Vec<Gated>,
    head: MaskedConv2d,
    logits: MaskedConv2d,
    #[module(skip)]
    grid: Grid,
}

impl GatedNetwork {
    /// With the settings of a recipe.
    pub fn new(m: &Sizes, grid: Grid, init: &Init) -> GatedNetwork {
        let layer = |i: usize| Gated::new(i, m, &grid, &init.at("layer").nth(i));
        let last = |channels, name: &str| {
            let of = MaskedConv2d::of(channels, Mask::B)
                .kernel(1)
                .groups(grid.channels);
            of.init(&init.at(name))
        };
        let shown = [grid.discrete.levels, m.embedding];
        GatedNetwork {
            embedding: (m.embedding > 0)
                .then(|| Weights::Normal(1.0).draw(shown, shown, &init.at("embedding"))),
            layers: (0..=m.depth).map(layer).collect(),
            head: last([m.width, m.head], "head"),
            logits: last([m.head, grid.channels * grid.discrete.outputs()], "logits"),
            grid,
        }
    }
}

impl Conditionals for GatedNetwork {
    fn grid(&self) -> &Grid {
        &self.grid
    }

    fn device(&self) -> Device {
        self.head.bias.device()
    }

    fn pass(&self, x: Tensor<2>, class: Option<Tensor<2>>, _order: usize) -> Tensor<3> {
        let (g, [count, numbers]) = (&self.grid, x.dims());
        let x = match &self.embedding {
            None => x.reshape([count, g.height, g.width, g.channels]),
            Some(vectors) => {
                let x = if x.is_autodiff() { x.inner() } else { x };
                let levels = (x * (g.discrete.levels - 1) as f64).round().int();
                // Of a pixel, the numbers of a channel stand together: they are that channel's group.
                let shown = vectors.val().select(0, levels.reshape([count * numbers]));
                activations::keep(shown).reshape([count, g.height, g.width, g.channels * vectors.dims()[1]])
            }
        };
        let (mut v, mut h, mut sum) = (x.clone(), x, None::<Tensor<4>>);
        for layer in &self.layers {
            let [next_v, next_h, skip] = layer.forward(v, h, class.as_ref(), g.channels);
            (v, h) = (next_v, next_h);
            sum = Some(match sum {
                Some(s) => s + skip,
                None => skip,
            });
        }
        let Some(sum) = sum else {
            unreachable!("there is a first layer")
        };
        let h = self
            .head
            .forward(activation(sum, Activation::Relu), Activation::Relu);
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
                "see the defaults: `menagerie train gated_pixel_cnn --dry-run`",
            ));
        }
        Discrete::new(self.levels, self.binarization)
    }
}

impl Config {
    /// A fresh model for images of that description.
    ///
    /// # Errors
    /// For data that are not images, for classes where there are none, and for features that do not fall into groups.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<Autoregressive<GatedNetwork>> {
        self.named("gated_pixel_cnn", info, self.model.check()?, device, key)
    }

    /// The same under another model's name, for levels of any number.
    pub(crate) fn named(
        &self,
        name: &'static str,
        info: &DataInfo,
        discrete: Discrete,
        device: &Device,
        key: Key,
    ) -> Result<Autoregressive<GatedNetwork>> {
        let m = &self.model;
        let grid = Grid::new(name, info, discrete, m.conditional)?;
        grid.groups(name, [m.width, m.head])?;
        if !m.width.is_multiple_of(grid.channels) {
            let problem = format!(
                "{} features do not fall into groups for {} channels",
                m.width, grid.channels
            );
            return Err(Error::recipe(
                "model.width",
                problem,
                format!("give a multiple of {}", grid.channels),
            ));
        }
        let w = m.width as u128;
        let by_level = grid.channels as u128 * discrete.levels as u128 * (m.head + m.embedding) as u128;
        grid.affords(
            name,
            (m.depth as u128 + 1) * 24 * w * w
                + 42 * w * m.embedding as u128 * grid.channels as u128
                + by_level,
        )?;
        Autoregressive::new(
            name,
            GatedNetwork::new(m, grid, &Init::new(key.stream("network"), device)),
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
    name: "gated_pixel_cnn",
    family: super::FAMILY,
    capabilities: &[
        Capability::Sample,
        Capability::LogLikelihood,
        Capability::Factors,
        Capability::Complete,
    ],
    paper: "van den Oord et al. 2016, Conditional Image Generation with PixelCNN Decoders, arXiv:1606.05328",
    recipe: "gated_pixel_cnn",
    data: &["digits", "portraits"],
    tiny: &[
        ("data.size", "6"),
        ("model.width", "6"),
        ("model.depth", "2"),
        ("model.head", "6"),
        ("model.levels", "5"),
    ],
    ..Entry::of::<Config>()
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::autoregressive::Items;

    /// Every earlier pixel has a way to the last one, also those to the upper right that PixelCNN never sees.
    #[test]
    fn there_is_no_blind_spot() {
        let discrete = Discrete::new(2, Binarization::Threshold).unwrap();
        let grid = Grid {
            height: 6,
            width: 9,
            channels: 1,
            discrete,
            classes: 0,
        };
        let m = Sizes {
            width: 8,
            depth: 5,
            head: 8,
            ..Default::default()
        };
        let network = GatedNetwork::new(&m, grid, &Init::new(Key::new(1), &Device::flex()));
        let at = 4 * 9 + 1;
        let logit = |levels: Vec<u32>| {
            let items = Items {
                count: 1,
                levels,
                labels: vec![],
            };
            network.logits(&items, 0).into_data().as_slice::<f32>().unwrap()[at]
        };
        let black = logit(vec![0; 54]);
        for earlier in 0..54 {
            let mut levels = vec![0; 54];
            levels[earlier] = 1;
            let (y, x) = (earlier / 9, earlier % 9);
            // Two layers of 7x7 and 3x3 reach three columns, and one more a row further up.
            let seen = logit(levels) != black;
            let near = x as isize <= 1 + 3 + 5;
            assert_eq!(seen, earlier < at && near, "pixel {y}, {x}");
        }
    }
}
