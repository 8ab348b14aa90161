//! Gated PixelCNN: two stacks without a blind spot, gated units, and classes.
//!
//! van den Oord, Kalchbrenner, Vinyals, Espeholt, Graves, Kavukcuoglu (2016), Conditional Image Generation with PixelCNN
//! Decoders, arXiv:1606.05328.
//!
//! A vertical stack sees all rows above; a horizontal stack sees the present row up to the pixel, and the vertical stack
//! through a 1x1 convolution (figure 2). Layers are y = tanh(W_f * x + V_f c) sigmoid(W_g * x + V_g c) (equations 2 and 4),
//! where c is the class. The horizontal stack has residual connections; its layers are summed, by 1x1 convolutions, into
//! the input of the last two layers (skip connections, as the same authors' WaveNet has them).
use super::conditionals::{Autoregressive, Conditionals, Grid, Items, numbers};
use super::discrete::Discrete;
use super::draw::{Walk, Walker};
use super::pixels::{Kept, Layer, rectify, relu};
use crate::{Capability, Entry, Model, Registered};
use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};
use menagerie_data::DataInfo;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_kernels::{conv2d_reaching, dense, gate};
use menagerie_nn::OptimizerConfig;
use menagerie_nn::levels::Binarization;
use menagerie_nn::{Activation, Init, Linear, Mask, MaskedConv2d, Weights, activation};
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

impl Default for Settings {
    fn default() -> Self {
        Settings {
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
            model: Settings::default(),
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
    fn new(i: usize, m: &Settings, grid: &Grid, init: &Init) -> Gated {
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
        let v = conv2d_reaching(
            v,
            self.vertical.val(),
            Some(self.vertical_bias.val()),
            reach,
            Activation::Identity,
        );
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
    gate(x, half)
}

/// The whole network.
#[derive(Module, Debug)]
pub struct Network {
    /// what a level is shown as, `[levels, embedding]`
    embedding: Option<Param<Tensor<2>>>,
    layers: Vec<Gated>,
    head: MaskedConv2d,
    logits: MaskedConv2d,
    #[module(skip)]
    grid: Grid,
}

impl Network {
    /// With the settings of a recipe.
    pub fn new(m: &Settings, grid: Grid, init: &Init) -> Network {
        let layer = |i: usize| Gated::new(i, m, &grid, &init.at("layer").nth(i));
        let last = |channels, name: &str| {
            let of = MaskedConv2d::of(channels, Mask::B)
                .kernel(1)
                .groups(grid.channels);
            of.init(&init.at(name))
        };
        let shown = [grid.discrete.levels, m.embedding];
        Network {
            embedding: (m.embedding > 0)
                .then(|| Weights::Normal(1.0).draw(shown, shown, &init.at("embedding"))),
            layers: (0..=m.depth).map(layer).collect(),
            head: last([m.width, m.head], "head"),
            logits: last([m.head, grid.channels * grid.discrete.outputs()], "logits"),
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
        let device = self.head.bias.device();
        let x = match &self.embedding {
            None => Tensor::from_data(
                TensorData::new(
                    items.inputs(g.discrete),
                    [items.count, g.height, g.width, g.channels],
                ),
                &device,
            ),
            Some(vectors) => {
                let levels: Vec<i32> = items.levels.iter().map(|&l| l as i32).collect();
                let levels =
                    Tensor::<1, Int>::from_data(TensorData::new(levels, [items.levels.len()]), &device);
                // Of a pixel, the numbers of a channel stand together: they are that channel's group.
                vectors.val().select(0, levels).reshape([
                    items.count,
                    g.height,
                    g.width,
                    g.channels * vectors.dims()[1],
                ])
            }
        };
        let class = (g.classes > 0).then(|| {
            let one_hot = items
                .labels
                .iter()
                .flat_map(|&l| (0..g.classes).map(move |c| f32::from(c == l as usize)));
            Tensor::<2>::from_data(
                TensorData::new(one_hot.collect::<Vec<f32>>(), [items.count, g.classes]),
                &device,
            )
        });
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
            .reshape([items.count, g.numbers(), g.discrete.outputs()])
    }

    fn walker(&self) -> Box<dyn Walker> {
        let d = self.grid.discrete;
        Box::new(ByPixel {
            shown: self
                .embedding
                .as_ref()
                .map_or_else(|| (0..d.levels as u32).map(|l| d.input(l)).collect(), numbers),
            layers: self.layers.iter().map(LayerWeights::new).collect(),
            head: Layer::new(&self.head),
            logits: Layer::new(&self.logits),
            grid: self.grid,
        })
    }

    fn activations(&self) -> usize {
        let p = self.head.row.as_ref().map_or(0, |w| w.dims()[2]);
        // Of a layer: both stacks before and in the gate, their results, and the two sums.
        let pixel = self.layers.len() * 14 * p + 2 * self.head.bias.dims()[0] + self.logits.bias.dims()[0];
        self.grid.height * self.grid.width * pixel
    }
}

/// A layer's weights, pixel by pixel.
struct LayerWeights {
    vertical: Layer,
    link: Layer,
    row: Layer,
    residual: Option<Layer>,
    skip: Layer,
    /// V, `[classes, 4 p]`
    class: Vec<f32>,
}

impl LayerWeights {
    fn new(layer: &Gated) -> LayerWeights {
        let [rows, kernel, ..] = layer.vertical.dims();
        let reach = (kernel / 2) as isize;
        let offsets = (0..rows * kernel)
            .map(|t| ((t / kernel) as isize - reach, (t % kernel) as isize - reach))
            .collect();
        let n = layer.vertical_bias.dims()[0];
        let whole = || std::iter::once(0..n).collect::<Vec<_>>();
        let link_bias = layer.link.bias.as_ref().map(numbers).unwrap_or_default();
        LayerWeights {
            vertical: Layer::open(
                offsets,
                &numbers(&layer.vertical),
                numbers(&layer.vertical_bias),
                whole(),
            ),
            link: Layer::open(vec![(0, 0)], &numbers(&layer.link.weight), link_bias, whole()),
            row: Layer::new(&layer.row),
            residual: layer.residual.as_ref().map(Layer::new),
            skip: Layer::new(&layer.skip),
            class: layer.class.as_ref().map(numbers).unwrap_or_default(),
        }
    }

    /// V of the classes of some items, `[items, 2 p]`, for the stack whose part begins at `from`.
    fn by_class(&self, labels: &[u32], from: usize) -> Vec<f32> {
        let n = self.vertical.outputs();
        labels
            .iter()
            .flat_map(|&l| self.class[l as usize * 2 * n + from..][..n].iter().copied())
            .collect()
    }
}

/// The weights, pixel by pixel.
struct ByPixel {
    /// what a level is shown as, `[levels, numbers]`
    shown: Vec<f32>,
    layers: Vec<LayerWeights>,
    head: Layer,
    logits: Layer,
    grid: Grid,
}

/// What is kept of a layer.
struct LayerState {
    /// vertical and horizontal features of every pixel, `[items, p]` each
    vertical: Kept,
    horizontal: Kept,
    /// what comes through the link, of the present row, `[width][items, 2 p]`
    linked: Vec<Vec<f32>>,
    /// the horizontal stack before and after the gate, at the present pixel
    row: Vec<f32>,
    gated: Vec<f32>,
    /// V c of both stacks, `[items, 2 p]`; empty without classes
    class: [Vec<f32>; 2],
}

struct Running<'a> {
    weights: &'a ByPixel,
    at: usize,
    image: Kept,
    layers: Vec<LayerState>,
    sum: Vec<f32>,
    positive: Vec<f32>,
    head: Vec<f32>,
    logits: Vec<f32>,
    scratch: Vec<f32>,
}

impl Walker for ByPixel {
    fn start<'a>(&'a self, items: usize, _: usize, _: &'a [u32], labels: &[u32]) -> Box<dyn Walk + 'a> {
        let zeros = |layer: &Layer| vec![0.0; items * layer.outputs()];
        let state = |l: &LayerWeights| {
            let p = l.skip.outputs();
            LayerState {
                vertical: Kept::new(&self.grid, items, p),
                horizontal: Kept::new(&self.grid, items, p),
                linked: (0..self.grid.width).map(|_| zeros(&l.link)).collect(),
                row: zeros(&l.row),
                gated: zeros(&l.skip),
                class: [0, 2 * p].map(|from| l.by_class(labels, from)),
            }
        };
        Box::new(Running {
            weights: self,
            at: 0,
            image: Kept::new(
                &self.grid,
                items,
                self.grid.channels * self.shown.len() / self.grid.discrete.levels,
            ),
            layers: self.layers.iter().map(state).collect(),
            sum: zeros(&self.layers[0].skip),
            positive: zeros(&self.layers[0].skip),
            head: zeros(&self.head),
            logits: zeros(&self.logits),
            scratch: Vec::new(),
        })
    }
}

impl Running<'_> {
    /// The vertical stack of a whole row, which waits for nothing in it.
    fn vertical(&mut self, y: usize) {
        let width = self.weights.grid.width;
        for (l, weights) in self.weights.layers.iter().enumerate() {
            let n = weights.vertical.outputs();
            let mut before = vec![0.0; self.layers[l].row.len()];
            for x in 0..width {
                let pixel = y * width + x;
                let source = if l == 0 {
                    &self.image
                } else {
                    &self.layers[l - 1].vertical
                };
                weights
                    .vertical
                    .around(0, source, pixel, &mut self.scratch, &mut before);
                let state = &mut self.layers[l];
                weights.link.at(0, &before, &mut state.linked[x], false);
                before.iter_mut().zip(&state.class[0]).for_each(|(v, c)| *v += c);
                for (row, out) in before
                    .chunks_exact(n)
                    .zip(state.vertical.pixel(pixel).chunks_exact_mut(n / 2))
                {
                    dense::gate(&row[..n / 2], &row[n / 2..], out);
                }
            }
        }
    }

    /// One group of colours of the horizontal stack at a pixel.
    fn horizontal(&mut self, pixel: usize, group: usize) {
        for (l, weights) in self.weights.layers.iter().enumerate() {
            let (n, columns) = (weights.row.outputs(), weights.row.columns(group));
            let (before, rest) = self.layers.split_at_mut(l);
            let state = &mut rest[0];
            let source = before.last().map_or(&self.image, |s| &s.horizontal);
            weights
                .row
                .around(group, source, pixel, &mut self.scratch, &mut state.row);
            let linked = &state.linked[pixel % self.weights.grid.width];
            let half = columns.len() / 2;
            for (i, (row, out)) in state
                .row
                .chunks_exact_mut(n)
                .zip(state.gated.chunks_exact_mut(n / 2))
                .enumerate()
            {
                for c in columns.clone() {
                    row[c] += linked[i * n + c];
                    row[c] += state.class[1].get(i * n + c).unwrap_or(&0.0);
                }
                let (a, b) = row[columns.clone()].split_at(half);
                dense::gate(a, b, &mut out[columns.start / 2..columns.end / 2]);
            }
            if let Some(residual) = &weights.residual {
                let h = state.horizontal.pixel(pixel);
                if let Some(before) = before.last_mut() {
                    let own = columns.start / 2..columns.end / 2;
                    for (h, was) in h
                        .chunks_exact_mut(n / 2)
                        .zip(before.horizontal.pixel(pixel).chunks_exact(n / 2))
                    {
                        h[own.clone()].copy_from_slice(&was[own.clone()]);
                    }
                }
                residual.at(group, &state.gated, h, l > 0);
            }
            weights.skip.at(group, &state.gated, &mut self.sum, l > 0);
        }
    }
}

impl Walk for Running<'_> {
    fn logits(&mut self, out: &mut [f32]) {
        let (w, g) = (self.weights, &self.weights.grid);
        let (pixel, group) = (self.at / g.channels, self.at % g.channels);
        if self.at.is_multiple_of(g.width * g.channels) {
            self.vertical(pixel / g.width);
        }
        self.horizontal(pixel, group);
        let (p, k) = (w.layers[0].skip.outputs(), g.discrete.outputs());
        relu(&self.sum, &mut self.positive, p, w.layers[0].skip.columns(group));
        w.head.at(group, &self.positive, &mut self.head, false);
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
        let shown = &self.weights.shown;
        let n = shown.len() / g.discrete.levels;
        for (row, &level) in self
            .image
            .pixel(pixel)
            .chunks_exact_mut(g.channels * n)
            .zip(levels)
        {
            row[channel * n..][..n].copy_from_slice(&shown[level as usize * n..][..n]);
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
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<Autoregressive<Network>> {
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
    ) -> Result<Autoregressive<Network>> {
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
        let m = Settings {
            width: 8,
            depth: 5,
            head: 8,
            ..Default::default()
        };
        let network = Network::new(&m, grid, &Init::new(Key::new(1), &Device::flex()));
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
