//! MADE: a fully connected network whose masks let output i see only the inputs before it.
//!
//! Germain, Gregor, Murray, Larochelle (2015), MADE: Masked Autoencoder for Distribution Estimation, arXiv:1502.03509.
//!
//! Every hidden unit has a degree m: how many of the first numbers it may see. An input with place r reaches units with
//! m > r, a unit reaches units of the same or a higher degree, and outputs whose place is m or more (equations 8 to 13,
//! places counted from 0). One pass gives all conditionals.
//!
//! With `orders > 1` the network is trained for several orders of the numbers, one drawn each step, each with degrees of
//! its own (sections 4.2 and 4.3: order- and connectivity-agnostic training); the model is their mixture.
mod sampler;

use super::conditionals::{Autoregressive, Conditionals, Grid, Items};
use super::discrete::Discrete;
use super::draw::Walker;
use crate::{Capability, Entry, Model, Registered};
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::DataInfo;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_kernels::linear;
use menagerie_nn::init::plain;
use menagerie_nn::levels::Binarization;
use menagerie_nn::{Activation, Init, Linear, OptimizerConfig, activations, named};
use sampler::Sampler;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

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
    /// units of a hidden layer (paper: 500 to 8,000)
    pub width: usize,
    /// hidden layers (paper: 1 or 2)
    pub depth: usize,
    /// orders of the numbers, each with masks of its own (paper: 1 to 32)
    pub orders: usize,
    /// whether the first order is row by row: what lies below then follows from what lies above. A random order learns
    /// faster, as numbers far apart tell more than neighbours do
    pub raster: bool,
    /// values of a number: 2 for black and white, up to 256
    pub levels: usize,
    /// with two levels: how grey becomes black or white
    pub binarization: Binarization,
    /// decay of the moving average of the weights; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            width: 500,
            depth: 1,
            orders: 1,
            raster: true,
            levels: 2,
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

/// What the masks of an order are made of.
#[derive(Clone, Debug)]
struct Degrees {
    /// the numbers in order
    sequence: Vec<u32>,
    /// by layer, inputs first, outputs last: the place of each number; of hidden units, the last place they see
    places: Vec<Vec<u32>>,
}

impl Degrees {
    /// Of order `which`: the first is row by row, any other random, always the same.
    fn new(which: usize, d: usize, width: usize, depth: usize) -> Degrees {
        let key = Key::new(which as u64).stream("order of numbers");
        let sequence: Vec<u32> = if which == 0 {
            (0..d as u32).collect()
        } else {
            key.permutation(d)
        };
        let mut place = vec![0; d];
        sequence
            .iter()
            .enumerate()
            .for_each(|(p, &i)| place[i as usize] = p as u32);
        let mut places = vec![place.clone()];
        let mut least = 0;
        for layer in 0..depth {
            // Uniform, but not below the least of the layer before: such a unit would see nothing (section 4.1).
            let mut rng = key.stream("degrees").step(layer as u64).rng();
            let drawn: Vec<u32> = (0..width)
                .map(|_| least + rng.below((d as u32 - 1).saturating_sub(least).max(1) as usize) as u32)
                .collect();
            least = drawn.iter().copied().min().unwrap_or(0);
            places.push(drawn);
        }
        places.push(place);
        Degrees { sequence, places }
    }

    /// Whether layer `l` lets its input unit reach its output unit.
    fn open(&self, l: usize, from: usize, to: usize) -> bool {
        let (a, b) = (self.places[l][from], self.places[l + 1][to]);
        if l + 2 == self.places.len() { a < b } else { a <= b }
    }
}

/// Masks, made when they are first asked for, and shared by all copies of a network.
#[derive(Clone, Debug)]
struct Masks(Arc<Vec<OnceLock<Vec<Tensor<2>>>>>);

/// The layers; a mask is laid over each weight in every pass.
#[derive(Module, Debug)]
pub struct MadeNetwork {
    layers: Vec<Linear>,
    #[module(skip)]
    grid: Grid,
    #[module(skip)]
    degrees: Arc<Vec<Degrees>>,
    #[module(skip)]
    masks: Masks,
}

impl MadeNetwork {
    fn new(m: &Sizes, grid: Grid, init: &Init) -> MadeNetwork {
        let (d, k) = (grid.numbers(), grid.discrete.outputs());
        let size = |l: usize| if l == 0 { d } else { m.width };
        let outputs = |l: usize| if l == m.depth { d * k } else { m.width };
        MadeNetwork {
            layers: (0..=m.depth)
                .map(|l| Linear::of([size(l), outputs(l)]).init(&init.nth(l)))
                .collect(),
            grid,
            degrees: Arc::new(
                (0..m.orders)
                    .map(|o| Degrees::new(o + usize::from(!m.raster), d, m.width, m.depth))
                    .collect(),
            ),
            masks: Masks(Arc::new((0..m.orders).map(|_| OnceLock::new()).collect())),
        }
    }

    /// 1 where a weight counts, by layer.
    fn mask(&self, order: usize) -> Cow<'_, [Tensor<2>]> {
        let make = || {
            let device = plain(&self.layers[0].weight.device());
            let degrees = &self.degrees[order];
            let make = |(l, layer): (usize, &Linear)| {
                let [a, b] = layer.weight.dims();
                let k = b / degrees.places[l + 1].len();
                let mask: Vec<f32> = (0..a)
                    .flat_map(|i| (0..b).map(move |j| f32::from(degrees.open(l, i, j / k))))
                    .collect();
                Tensor::from_data(TensorData::new(mask, [a, b]), &device)
            };
            self.layers.iter().enumerate().map(make).collect::<Vec<_>>()
        };
        // What is recorded lives no longer than the recording.
        match named::is_recording() {
            true => Cow::Owned(make()),
            false => Cow::Borrowed(self.masks.0[order].get_or_init(make)),
        }
    }
}

impl Conditionals for MadeNetwork {
    fn grid(&self) -> &Grid {
        &self.grid
    }
    fn orders(&self) -> usize {
        self.degrees.len()
    }
    fn order(&self, which: usize) -> Vec<u32> {
        self.degrees[which].sequence.clone()
    }

    fn device(&self) -> Device {
        self.layers[0].weight.device()
    }

    fn pass(&self, x: Tensor<2>, _: Option<Tensor<2>>, order: usize) -> Tensor<3> {
        let [count, d] = x.dims();
        self.through(x, order)
            .reshape([count, d, self.grid.discrete.outputs()])
    }

    fn nats(&self, items: &Items, key: Key) -> Tensor<1> {
        let (d, order) = (self.grid.discrete, key.stream("order").rng().below(self.orders()));
        d.nats(
            self.logits(items, order)
                .reshape([items.levels.len(), d.outputs()]),
            &items.levels,
        )
    }

    fn walker(&self) -> Box<dyn Walker> {
        Box::new(Sampler::of(self))
    }
}

impl MadeNetwork {
    /// Of black and white images, row by row, with one hidden layer.
    pub(crate) fn of_bits(info: &DataInfo, units: usize, init: &Init) -> Result<MadeNetwork> {
        let sizes = Sizes {
            width: units,
            ..Sizes::default()
        };
        let grid = Grid::new("made", info, sizes.check()?, false)?;
        Ok(MadeNetwork::new(&sizes, grid, init))
    }

    /// The numbers of items `[batch, numbers]` -> what is said of each by those before it, `[batch, numbers * outputs]`.
    pub(crate) fn through(&self, x: Tensor<2>, order: usize) -> Tensor<2> {
        let last = self.layers.len() - 1;
        self.layers
            .iter()
            .zip(self.mask(order).iter())
            .enumerate()
            .fold(x, |x, (l, (layer, mask))| {
                let w = layer.weight.val();
                let mask = if w.is_autodiff() {
                    Tensor::from_inner(mask.clone())
                } else {
                    mask.clone()
                };
                let act = if l == last {
                    Activation::Identity
                } else {
                    Activation::Relu
                };
                activations::keep(linear(x, w * mask, layer.bias.as_ref().map(Param::val), act))
            })
    }
}

impl Sizes {
    fn check(&self) -> Result<Discrete> {
        if self.width == 0 || !(1..=16).contains(&self.depth) {
            return Err(Error::recipe(
                "model",
                "width must be 1 or more, depth 1 to 16",
                "see the defaults: `menagerie train made --dry-run`",
            ));
        }
        if !(1..=64).contains(&self.orders) {
            return Err(Error::recipe(
                "model.orders",
                format!("{} orders cannot be mixed", self.orders),
                "give 1 to 64",
            ));
        }
        Discrete::new(self.levels, self.binarization)
    }
}

impl Config {
    /// A fresh model for images of that description.
    ///
    /// # Errors
    /// For data that are not images, and for settings that make no network or too large a one.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<Autoregressive<MadeNetwork>> {
        let m = &self.model;
        let grid = Grid::new("made", info, m.check()?, false)?;
        let (d, w) = (grid.numbers() as u128, m.width as u128);
        let weights = d * w * (1 + grid.discrete.outputs() as u128) + w * w * (m.depth as u128 - 1);
        // A mask an order is kept beside the weights.
        grid.affords("made", weights * (1 + m.orders as u128))?;
        Autoregressive::new(
            "made",
            MadeNetwork::new(m, grid, &Init::new(key.stream("network"), device)),
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
    name: "made",
    family: super::FAMILY,
    capabilities: &[
        Capability::Sample,
        Capability::LogLikelihood,
        Capability::Factors,
        Capability::Complete,
    ],
    paper: "Germain et al. 2015, MADE: Masked Autoencoder for Distribution Estimation, arXiv:1502.03509",
    recipe: "made",
    data: &["digits"],
    tiny: &[
        ("data.size", "6"),
        ("model.width", "40"),
        ("model.depth", "2"),
        ("model.orders", "2"),
    ],
    ..Entry::of::<Config>()
};

#[cfg(test)]
mod tests {
    use super::*;

    /// The product of all masks: paths from input i to output j exist only for earlier i; and with enough units, for all
    /// earlier i but the last place's neighbours that no degree allows.
    #[test]
    fn paths_lead_from_earlier_numbers_only() {
        for (which, depth) in [(0, 1), (1, 2), (5, 3)] {
            let (d, width) = (7, 200);
            let g = Degrees::new(which, d, width, depth);
            let size = |l: usize| g.places[l].len();
            let mut paths: Vec<Vec<bool>> = (0..d).map(|i| (0..d).map(|j| i == j).collect()).collect();
            for l in 0..=depth {
                let step = |row: &Vec<bool>| {
                    (0..size(l + 1))
                        .map(|to| (0..size(l)).any(|f| row[f] && g.open(l, f, to)))
                        .collect()
                };
                paths = paths.iter().map(step).collect();
            }
            let place = |i: u32| g.sequence.iter().position(|&s| s == i).unwrap();
            for i in 0..d as u32 {
                for j in 0..d as u32 {
                    assert_eq!(
                        paths[i as usize][j as usize],
                        place(i) < place(j),
                        "order {which}, depth {depth}: {i} to {j}"
                    );
                }
            }
        }
    }
}
