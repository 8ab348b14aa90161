//! Glow: activation norm, an invertible 1x1 convolution and a coupling, over and over.
//!
//! Kingma, Dhariwal (2018), Glow: Generative Flow with Invertible 1x1 Convolutions, arXiv:1807.03039.
//!
//! A level squeezes, does K steps of flow (figure 2, table 1), and half of its channels leave; what leaves is normalized
//! given what stays by one convolution that starts at zero, and the last level by a scale and shift a channel (the
//! paper's learned priors, here as layers, so that every latent is standard normal).
use super::real_nvp::{for_flows, for_halving};
use super::{Dequantization, FlowModel, FlowNetwork, NoiseFlow, Prior};
use crate::{Capability, Entry, Model, Registered, as_image_shape};
use burn::tensor::Device;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{DataInfo, Kind};
use menagerie_nn::flow::{
    ActNorm, Chain, Conditioner, ConvNet, Coupling, DirectConv, Layer, Levels, Mix, Multiscale, Squeeze,
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
    /// Appendix B: Adam with a learning rate of 1e-3 and the default numbers.
    fn default() -> Self {
        let optimizer = OptimizerConfig::adam(1e-3).clipped(1.0);
        Config {
            model: Sizes::default(),
            optimizer,
        }
    }
}

/// `[model]`: the networks' sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// levels, L: each halves the image's size (paper: 3 for 32x32)
    pub levels: usize,
    /// steps of flow in a level, K (paper: 32)
    pub depth: usize,
    /// channels of a coupling's network (paper: 512)
    pub width: usize,
    /// the map of a coupling: `affine`, `additive` or `spline`
    pub coupling: Transform,
    /// noise within a level: `uniform` or `variational`
    pub dequantization: Dequantization,
    /// decay of the moving average of the weights; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        let (coupling, dequantization) = (Transform::Affine, Dequantization::Uniform);
        Sizes {
            levels: 2,
            depth: 8,
            width: 128,
            coupling,
            dequantization,
            average: 0.0,
        }
    }
}

impl Config {
    /// A fresh flow for images of that description.
    ///
    /// # Errors
    /// For data that are not images, images that cannot be halved as often as `levels` asks, and sizes of zero.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<FlowModel> {
        let m = &self.model;
        if m.levels == 0 || m.levels > 8 || m.depth == 0 || m.width == 0 {
            let fix = "see the defaults: `menagerie train glow --dry-run`";
            return Err(Error::recipe(
                "model",
                "levels must be 1 to 8, depth and width 1 or more",
                fix,
            ));
        }
        for_flows("glow", info)?;
        if info.kind != Kind::Image {
            return Err(Error::data(
                &info.source,
                "glow learns images, but these are points",
                "train `real_nvp` on it",
            ));
        }
        for_halving(info, m.levels)?;
        let init = Init::new(key, device);
        let flow = self.flow(as_image_shape(info), &init);
        let noise = NoiseFlow::for_data(m.dequantization, info, &init);
        FlowModel::new(
            "glow",
            info,
            FlowNetwork { flow, noise },
            Prior::Gaussian,
            self.optimizer,
            m.average,
            device,
        )
    }

    fn flow(&self, [mut h, mut w, mut c]: [usize; 3], init: &Init) -> Multiscale {
        let m = &self.model;
        let mut levels = Vec::new();
        for level in 0..m.levels {
            (h, w, c) = (h / 2, w / 2, 4 * c);
            let mut layers: Vec<Layer> = Vec::new();
            if level == 0 {
                layers.push(Levels::new(0.0).into());
            }
            layers.push(Squeeze {}.into());
            let [passed, mapped] = Coupling::parts(c, false);
            for step in 0..m.depth {
                let init = init.at("step").nth(level * m.depth + step);
                let network = ConvNet::new(
                    [passed, mapped * m.coupling.parameters()],
                    m.width,
                    &init.at("network"),
                );
                layers.push(ActNorm::new(c, &init).into());
                layers.push(Mix::new(c, &init.at("rotation")).into());
                layers.push(Coupling::new(Conditioner::ConvNet(network), m.coupling, false).into());
            }
            if level + 1 == m.levels {
                layers.push(ActNorm::new(c, init).into());
            } else {
                let prior = DirectConv::new([passed, 2 * mapped], init);
                layers.push(Coupling::new(Conditioner::DirectConv(prior), Transform::Affine, false).into());
            }
            levels.push((Chain::new(layers), [h, w, c]));
            c = passed;
        }
        Multiscale::new(levels)
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
    name: "glow",
    family: super::FAMILY,
    capabilities: &[
        Capability::Sample,
        Capability::LatentSpace,
        Capability::LogLikelihood,
        Capability::Encode,
        Capability::Reconstruct,
    ],
    paper: "Kingma & Dhariwal 2018, Glow: Generative Flow with Invertible 1x1 Convolutions, arXiv:1807.03039",
    recipe: "glow",
    data: &["digits"],
    tiny: &[
        ("model.width", "4"),
        ("model.depth", "2"),
        ("data.size", "8"),
        ("model.average", "0.9"),
    ],
    ..Entry::of::<Config>()
};
