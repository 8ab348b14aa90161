//! Fully visible belief network: every number is a logistic regression on those before it.
//!
//! Neal (1992), Connectionist learning of belief networks, Artificial Intelligence 56; Frey (1998), Graphical Models for
//! Machine Learning and Digital Communication. As the simplest model with an exact likelihood it is what the others have to
//! beat.
//!
//! logit_i = b_i + sum_{j < i} x_j W_ji, row by row through the image: one product with a strictly triangular matrix.
mod sampler;

use super::conditionals::{Autoregressive, Conditionals, Grid};
use super::discrete::Discrete;
use super::draw::Walker;
use crate::{Capability, Entry, Model, Registered};
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use menagerie_kernels::{linear, noise};
use menagerie_nn::levels::Binarization;
use menagerie_nn::{Activation, Init, OptimizerConfig, activations};
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

/// One layer, of which the part above the diagonal is used.
#[derive(Module, Debug)]
pub struct FvbnNetwork {
    /// `[numbers, numbers, outputs]`, the later number second
    weight: Param<Tensor<3>>,
    /// `[numbers, outputs]`
    bias: Param<Tensor<2>>,
    #[module(skip)]
    grid: Grid,
}

impl FvbnNetwork {
    /// Weights uniform in ±1/sqrt(earlier numbers), as for a layer of each number's own.
    fn new(grid: Grid, init: &Init) -> FvbnNetwork {
        let (d, k) = (grid.numbers(), grid.discrete.outputs());
        let plain = init.plain_device();
        let bound: Vec<f32> = (0..d).map(|i| 1.0 / (i.max(1) as f32).sqrt()).collect();
        let bound = Tensor::<3>::from_data(TensorData::new(bound, [1, d, 1]), &plain);
        let weight = (noise::uniform(init.at("weight").key().words(), [d, d, k], &plain) * 2.0 - 1.0)
            * bound.clone()
            * causal(d, &plain);
        let bias = (noise::uniform(init.at("bias").key().words(), [d, k], &plain) * 2.0 - 1.0)
            * bound.reshape([d, 1]);
        let autodiff = init.device().is_autodiff();
        fn on<const D: usize>(t: Tensor<D>, autodiff: bool) -> Param<Tensor<D>> {
            Param::from_tensor(if autodiff { Tensor::from_inner(t) } else { t })
        }
        FvbnNetwork {
            weight: on(weight, autodiff),
            bias: on(bias, autodiff),
            grid,
        }
    }
}

/// 1 where the first number comes before the second, `[numbers, numbers, 1]`.
fn causal(d: usize, device: &Device) -> Tensor<3> {
    let mask: Vec<f32> = (0..d * d).map(|at| f32::from(at / d < at % d)).collect();
    Tensor::from_data(TensorData::new(mask, [d, d, 1]), device)
}

impl Conditionals for FvbnNetwork {
    fn grid(&self) -> &Grid {
        &self.grid
    }

    fn device(&self) -> Device {
        self.weight.device()
    }

    fn pass(&self, x: Tensor<2>, _: Option<Tensor<2>>, _order: usize) -> Tensor<3> {
        let ([d, _, k], [count, _]) = (self.weight.dims(), x.dims());
        let weight = (self.weight.val() * causal(d, &x.device())).reshape([d, d * k]);
        let bias = Some(self.bias.val().reshape([d * k]));
        activations::keep(linear(x, weight, bias, Activation::Identity)).reshape([count, d, k])
    }

    fn walker(&self) -> Box<dyn Walker> {
        Box::new(Sampler::of(self))
    }
}

impl Config {
    /// A fresh model for images of that description.
    ///
    /// # Errors
    /// For data that are not images, and for more numbers than such a matrix can be made for.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<Autoregressive<FvbnNetwork>> {
        let m = &self.model;
        let grid = Grid::new("fvbn", info, Discrete::new(m.levels, m.binarization)?, false)?;
        let d = grid.numbers() as u128;
        grid.affords("fvbn", d * d * grid.discrete.outputs() as u128)?;
        Autoregressive::new(
            "fvbn",
            FvbnNetwork::new(grid, &Init::new(key.stream("network"), device)),
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
        Discrete::new(config.model.levels, config.model.binarization).map(drop)
    }
    fn build(config: Config, info: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.build(info, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "fvbn",
    family: super::FAMILY,
    capabilities: &[
        Capability::Sample,
        Capability::LogLikelihood,
        Capability::Factors,
        Capability::Complete,
    ],
    paper: "Frey 1998, Graphical Models for Machine Learning and Digital Communication (Neal 1992)",
    recipe: "fvbn",
    data: &["digits"],
    tiny: &[("data.size", "6"), ("model.average", "0.9")],
    ..Entry::of::<Config>()
};
