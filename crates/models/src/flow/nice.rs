//! NICE: additive couplings and one scaling, fully connected.
//!
//! Dinh, Krueger, Bengio (2014), NICE: Non-linear Independent Components Estimation, arXiv:1410.8516.
//!
//! Four additive couplings of the even and the odd numbers of an item, their roles swapped each time, each with a ReLU
//! network of five hidden layers; then a scale a dimension. Volumes change in the last layer alone. The prior is
//! logistic for images (section 5.1).
use super::{Dequantization, FlowModel, FlowNetwork, NoiseFlow, Prior};
use crate::{Capability, Entry, Model, Registered, as_image_shape};
use burn::tensor::Device;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{DataInfo, Kind};
use menagerie_nn::flow::{
    ActNorm, Chain, Conditioner, Coupling, Hidden, Interleaved, Layer, Levels, Mlp, Multiscale, Scaling,
    Transform,
};
use menagerie_nn::{Init, OptimizerConfig};
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

impl Default for Config {
    /// Section 5.1: Adam with a learning rate of 1e-3, beta1 0.9, beta2 0.01 (here 0.999) and epsilon 1e-4.
    fn default() -> Self {
        Config {
            model: Sizes::default(),
            optimizer: OptimizerConfig::adam(1e-3).epsilon(1e-4).clipped(1.0),
        }
    }
}

/// `[model]`: the networks' sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// couplings (paper: 4)
    pub couplings: usize,
    /// units of a hidden layer (paper: 1000)
    pub width: usize,
    /// hidden layers of a coupling's network (paper: 5 for MNIST, 4 for others)
    pub depth: usize,
    /// `logistic` or `gaussian`
    pub prior: Prior,
    /// noise within a level: `uniform` or `variational`
    pub dequantization: Dequantization,
    /// decay of the moving average of the weights; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        let dequantization = Dequantization::Uniform;
        Sizes {
            couplings: 4,
            width: 1000,
            depth: 5,
            prior: Prior::Logistic,
            dequantization,
            average: 0.0,
        }
    }
}

impl Config {
    /// A fresh flow for data of that description.
    ///
    /// # Errors
    /// For items of a single number, other data than images and points, and sizes of zero.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<FlowModel> {
        let m = &self.model;
        if m.couplings < 2 || m.width == 0 || m.depth == 0 {
            let fix = "see the defaults: `menagerie train nice --dry-run`";
            return Err(Error::recipe(
                "model",
                "couplings must be 2 or more, width and depth 1 or more",
                fix,
            ));
        }
        super::real_nvp::for_flows("nice", info)?;
        let shape = as_image_shape(info);
        let numbers = info.numbers();
        let init = Init::new(key, device);
        let hidden = Hidden {
            width: m.width,
            depth: m.depth,
        };
        let mut layers: Vec<Layer> = Vec::new();
        match info.kind {
            Kind::Points => layers.push(ActNorm::new(numbers, &init).into()),
            _ => layers.push(Levels::new(0.0).into()),
        }
        layers.push(Interleaved::new(shape).into());
        for i in 0..m.couplings {
            let [passed, mapped] = Coupling::parts(numbers, i % 2 == 1);
            let network = Mlp::new([passed, mapped], hidden, &init.at("coupling").nth(i));
            layers.push(Coupling::new(Conditioner::Mlp(network), Transform::Additive, i % 2 == 1).into());
        }
        layers.push(Scaling::new(numbers, &init).into());
        let flow = Multiscale::new(vec![(Chain::new(layers), [1, 1, numbers])]);
        let noise = NoiseFlow::for_data(m.dequantization, info, &init);
        FlowModel::new(
            "nice",
            info,
            FlowNetwork { flow, noise },
            m.prior,
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
    fn build(config: Config, info: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.build(info, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "nice",
    family: super::FAMILY,
    capabilities: &[
        Capability::Sample,
        Capability::LatentSpace,
        Capability::LogLikelihood,
        Capability::Encode,
        Capability::Reconstruct,
    ],
    paper: "Dinh et al. 2014, NICE: Non-linear Independent Components Estimation, arXiv:1410.8516",
    recipe: "nice",
    data: &["digits", "ring8"],
    tiny: &[("model.width", "8"), ("model.depth", "2")],
    ..Entry::of::<Config>()
};
