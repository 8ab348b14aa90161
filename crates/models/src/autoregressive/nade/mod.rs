//! NADE: a hidden layer a number, all sharing one set of weights and one running sum.
//!
//! Larochelle, Murray (2011), The Neural Autoregressive Distribution Estimator, AISTATS; Uria, Murray, Larochelle (2014),
//! A Deep and Tractable Density Estimator, arXiv:1310.1757 (orderless); Uria et al. (2016), Neural Autoregressive
//! Distribution Estimation, arXiv:1605.02226.
//!
//! h_i = act(c + sum_{j before i} x_j W_j), logit_i = b_i + V_i h_i (2016, equations 2 and 3): the argument of act is a
//! running sum, so that an item's likelihood, and its gradient, take O(D H).
//!
//! With `orderless = true` the numbers come in a new random order each step, and every known number adds a mark M_j beside
//! x_j W_j, so that "0" differs from "not yet known" (2016, section 5). The expectation over orders is then minimized, as
//! in equation 21, but with all D conditionals of an order at once, which one hidden layer allows, instead of one of them.
mod sampler;

use super::affine::numbers;
use super::conditionals::{Autoregressive, Conditionals, Grid, Items};
use super::discrete::Discrete;
use super::draw::Walker;
use crate::{Capability, Entry, Model, Registered};
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::DataInfo;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_kernels::nade::{Hidden, Nade};
use menagerie_nn::levels::Binarization;
use menagerie_nn::{Activation, Init, OptimizerConfig, Weights, activation, activations, with_gradients};
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

/// The hidden units' function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// as in 2011
    Sigmoid,
    /// as in 2016
    Relu,
}

/// `[model]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// hidden units (paper: 500)
    pub width: usize,
    /// `sigmoid` or `relu`
    pub activation: Act,
    /// train for every order of the numbers
    pub orderless: bool,
    /// orderless: orders whose mixture is scored and drawn from
    pub orders: usize,
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
            activation: Act::Sigmoid,
            orderless: false,
            orders: 1,
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

/// The shared weights.
#[derive(Module, Debug)]
pub struct NadeNetwork {
    /// W, `[numbers, hidden]`
    input: Param<Tensor<2>>,
    /// M, `[numbers, hidden]`, where the network is orderless
    marks: Option<Param<Tensor<2>>>,
    /// c, `[hidden]`
    hidden: Param<Tensor<1>>,
    /// V, `[numbers * outputs, hidden]`
    output: Param<Tensor<2>>,
    /// b, `[numbers * outputs]`
    bias: Param<Tensor<1>>,
    #[module(skip)]
    grid: Grid,
    #[module(skip)]
    act: Hidden,
    #[module(skip)]
    orders: usize,
}

/// Weights on the way to the kernels.
struct Plain {
    input: Vec<f32>,
    marks: Option<Vec<f32>>,
    hidden: Vec<f32>,
    output: Vec<f32>,
    bias: Vec<f32>,
}

impl NadeNetwork {
    /// Weights from normal distributions of variance 2 over the number of inputs (He et al. 2015), biases 0.
    fn new(m: &Sizes, grid: Grid, init: &Init) -> NadeNetwork {
        let (d, h, k) = (grid.numbers(), m.width, grid.discrete.outputs());
        let of_numbers = |name: &str| Weights::He(1.0).draw([d, h], [d, h], &init.at(name));
        NadeNetwork {
            input: of_numbers("input"),
            marks: m.orderless.then(|| of_numbers("marks")),
            hidden: Weights::Zero.draw([h], [d, h], init),
            output: Weights::He(1.0).draw([d * k, h], [h, d * k], &init.at("output")),
            bias: Weights::Zero.draw([d * k], [h, d * k], init),
            grid,
            act: if m.activation == Act::Relu {
                Hidden::Relu
            } else {
                Hidden::Sigmoid
            },
            orders: m.orders,
        }
    }

    fn plain(&self) -> Plain {
        Plain {
            input: numbers(&self.input),
            marks: self.marks.as_ref().map(numbers),
            hidden: numbers(&self.hidden),
            output: numbers(&self.output),
            bias: numbers(&self.bias),
        }
    }

    fn kernel<'a>(&self, p: &'a Plain, order: &'a [u32]) -> Nade<'a> {
        Nade {
            numbers: self.grid.numbers(),
            hidden: p.hidden.len(),
            outputs: self.grid.discrete.outputs(),
            order,
            input: &p.input,
            marks: p.marks.as_deref(),
            bias: &p.hidden,
            output: &p.output,
            act: self.act,
        }
    }

    /// Logits with their biases, `[items, numbers * outputs]`.
    fn biased(&self, p: &Plain, order: &[u32], x: &[f32]) -> Vec<f32> {
        let mut logits = self.kernel(p, order).logits(x);
        logits
            .chunks_exact_mut(p.bias.len())
            .for_each(|row| row.iter_mut().zip(&p.bias).for_each(|(l, b)| *l += b));
        logits
    }
}

impl Conditionals for NadeNetwork {
    fn grid(&self) -> &Grid {
        &self.grid
    }

    fn orders(&self) -> usize {
        self.orders
    }

    /// The first is row by row; any other a random one, always the same.
    fn order(&self, which: usize) -> Vec<u32> {
        let d = self.grid.numbers();
        match which {
            0 => (0..d as u32).collect(),
            n => Key::new(n as u64).stream("order of numbers").permutation(d),
        }
    }

    fn device(&self) -> Device {
        self.input.device()
    }

    /// a_i = c + sum over j before i of x_j W_j + M_j, and the logits of number i are b_i + V_i g(a_i): all i at once, as
    /// products of matrices, where the kernel goes from number to number.
    fn pass(&self, x: Tensor<2>, _: Option<Tensor<2>>, order: usize) -> Tensor<3> {
        let (device, [count, d]) = (x.device(), x.dims());
        let (h, k) = (self.hidden.dims()[0], self.grid.discrete.outputs());
        let mut place = vec![0; d];
        self.order(order)
            .iter()
            .enumerate()
            .for_each(|(i, &n)| place[n as usize] = i);
        let before: Vec<f32> = (0..d * d)
            .map(|at| f32::from(place[at % d] < place[at / d]))
            .collect();
        let before = Tensor::<2>::from_data(TensorData::new(before, [d, d]), &device);
        let seen = x.reshape([count, 1, d]) * before.clone().reshape([1, d, d]);
        let mut a = seen.matmul(self.input.val().reshape([1, d, h])) + self.hidden.val().reshape([1, 1, h]);
        if let Some(marks) = &self.marks {
            a = a + before.matmul(marks.val()).reshape([1, d, h]);
        }
        let hidden = match self.act {
            Hidden::Sigmoid => activation(a, Activation::Sigmoid),
            Hidden::Relu => activation(a, Activation::Relu),
        };
        let output = self.output.val().reshape([d, k, h]).swap_dims(1, 2);
        let logits = hidden.swap_dims(0, 1).matmul(output).swap_dims(0, 1);
        logits + self.bias.val().reshape([1, d, k])
    }

    fn logits(&self, items: &Items, order: usize) -> Tensor<3> {
        let logits = self.biased(
            &self.plain(),
            &self.order(order),
            &items.inputs(self.grid.discrete),
        );
        let shape = [items.count, self.grid.numbers(), self.grid.discrete.outputs()];
        activations::keep(Tensor::from_data(
            TensorData::new(logits, shape),
            &self.input.device(),
        ))
    }

    fn nats(&self, items: &Items, key: Key) -> Tensor<1> {
        let order = if self.marks.is_some() {
            key.stream("order").permutation(self.grid.numbers())
        } else {
            self.order(0)
        };
        let (p, x, d) = (self.plain(), items.inputs(self.grid.discrete), self.grid.discrete);
        let logits = self.biased(&p, &order, &x);
        let k = d.outputs();
        let nats: f64 = logits
            .chunks_exact(k)
            .zip(&items.levels)
            .map(|(l, &v)| -d.log_probability(l, v))
            .sum();
        let g = d.nats_gradient(&logits, &items.levels);
        let of = self.kernel(&p, &order).gradients(&x, &g);
        let mut of_bias = vec![0.0; p.bias.len()];
        g.chunks_exact(of_bias.len())
            .for_each(|row| of_bias.iter_mut().zip(row).for_each(|(s, g)| *s += g));
        let flat = |t: &Param<Tensor<2>>| t.val().reshape([t.shape().num_elements()]);
        let mut pairs = vec![
            (flat(&self.input), of.input),
            (self.hidden.val(), of.bias),
            (flat(&self.output), of.output),
            (self.bias.val(), of_bias),
        ];
        pairs.extend(self.marks.as_ref().map(|m| (flat(m), of.marks)));
        with_gradients(nats, pairs)
    }

    fn walker(&self) -> Box<dyn Walker> {
        Box::new(Sampler::of(self))
    }

    fn known_first(&self, known: &[bool]) -> Option<Vec<u32>> {
        self.marks.as_ref()?;
        let (mut first, rest): (Vec<u32>, Vec<u32>) =
            (0..known.len() as u32).partition(|&i| known[i as usize]);
        first.extend(rest);
        Some(first)
    }
}

impl Sizes {
    fn check(&self) -> Result<Discrete> {
        if self.width == 0 {
            return Err(Error::recipe(
                "model.width",
                "0 hidden units are too few",
                "give 1 or more",
            ));
        }
        match (self.orders, self.orderless) {
            (1, _) | (2..=64, true) => Discrete::new(self.levels, self.binarization),
            (n, true) => Err(Error::recipe(
                "model.orders",
                format!("{n} orders cannot be mixed"),
                "give 1 to 64",
            )),
            (n, false) => Err(Error::recipe(
                "model.orders",
                format!("{n} orders need a model of every order"),
                "set model.orderless = true",
            )),
        }
    }
}

impl Config {
    /// A fresh model for images of that description.
    ///
    /// # Errors
    /// For data that are not images, and for settings that make no network or too large a one.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<Autoregressive<NadeNetwork>> {
        let m = &self.model;
        let grid = Grid::new("nade", info, m.check()?, false)?;
        let outputs = grid.discrete.outputs() as u128;
        grid.affords("nade", grid.numbers() as u128 * m.width as u128 * (2 + outputs))?;
        Autoregressive::new(
            "nade",
            NadeNetwork::new(m, grid, &Init::new(key.stream("network"), device)),
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
    name: "nade",
    family: super::FAMILY,
    capabilities: &[
        Capability::Sample,
        Capability::LogLikelihood,
        Capability::Factors,
        Capability::Complete,
    ],
    paper: "Larochelle & Murray 2011, The Neural Autoregressive Distribution Estimator",
    recipe: "nade",
    data: &["digits"],
    tiny: &[("data.size", "6"), ("model.width", "9"), ("model.average", "0.9")],
    ..Entry::of::<Config>()
};
