//! RealNVP: affine couplings, checkerboards and channels, at several scales.
//!
//! Dinh, Sohl-Dickstein, Bengio (2017), Density estimation using Real NVP, arXiv:1605.08803.
//!
//! For images, a scale is three couplings of a checkerboard, a squeeze, three couplings of channels, and half of the
//! channels leave (figure 4, section 3.6); the last scale is four couplings of a checkerboard. The networks are
//! residual. Images enter through a logit (section 4.1). Where the paper has batch norm between couplings, there is
//! Kingma & Dhariwal's activation norm, which does not depend on the rest of a batch. For points and vectors, couplings
//! of halves with fully connected networks.
use super::{Dequantization, FlowModel, FlowNetwork, NoiseFlow, Prior};
use crate::{Capability, Entry, Model, Registered, as_image_shape};
use burn::tensor::Device;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{DataInfo, Kind};
use menagerie_nn::flow::{
    ActNorm, Chain, Checkerboard, Conditioner, Coupling, Hidden, Layer, Levels, Mlp, Multiscale, ResNet,
    Squeeze, Transform,
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
    /// Section 4.1: Adam with its default numbers and a weight decay of 5e-5.
    fn default() -> Self {
        let optimizer = OptimizerConfig::adam(1e-3).weight_decay(5e-5).clipped(1.0);
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
    /// scales, for images; each but the last halves their size
    pub levels: usize,
    /// channels of a network at the first scale, doubled with every squeeze (paper: 64); units of a hidden layer for points
    pub width: usize,
    /// residual blocks of a network (paper: 4 to 8); hidden layers for points
    pub depth: usize,
    /// couplings, for points
    pub couplings: usize,
    /// the map of a coupling of channels or points: `affine`, `additive` or `spline`
    pub coupling: Transform,
    /// distance of the logit's ends from black and white, as a share of the range; 0 for no logit
    pub margin: f64,
    /// noise within a level: `uniform` or `variational`
    pub dequantization: Dequantization,
    /// decay of the moving average of the weights; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            levels: 2,
            width: 32,
            depth: 2,
            couplings: 8,
            coupling: Transform::Affine,
            margin: 0.05,
            dequantization: Dequantization::Uniform,
            average: 0.0,
        }
    }
}

/// Refuses data that no flow here is made for.
pub(super) fn for_flows(model: &str, info: &DataInfo) -> Result<()> {
    if !matches!(info.kind, Kind::Image | Kind::Points) {
        let problem = format!(
            "{model} learns images and points, but these are {}",
            info.kind.plural()
        );
        return Err(Error::data(&info.source, problem, "choose another source"));
    }
    if info.numbers() < 2 {
        return Err(Error::data(
            &info.source,
            "a coupling needs items of two numbers or more",
            "choose another source",
        ));
    }
    Ok(())
}

/// Refuses images that cannot be halved as often.
pub(super) fn for_halving(info: &DataInfo, times: usize) -> Result<()> {
    let [h, w, _] = as_image_shape(info);
    let can = h.trailing_zeros().min(w.trailing_zeros()) as usize;
    if can >= times {
        return Ok(());
    }
    let problem = format!("images of {h}x{w} cannot be halved {times} times, only {can}");
    Err(Error::data(
        &info.source,
        problem,
        format!(
            "use fewer model.levels, or --size {} or another multiple of {}",
            1 << (times + 2),
            1 << times
        ),
    ))
}

impl Config {
    /// A fresh flow for data of that description.
    ///
    /// # Errors
    /// For items of a single number, other data than images and points, images that cannot be halved as often as
    /// `levels` asks, and sizes of zero.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<FlowModel> {
        let m = &self.model;
        if m.levels == 0 || m.levels > 8 || m.width == 0 || m.depth == 0 || m.couplings < 2 {
            let problem = "levels must be 1 to 8, couplings 2 or more, width and depth 1 or more";
            return Err(Error::recipe(
                "model",
                problem,
                "see the defaults: `menagerie train real_nvp --dry-run`",
            ));
        }
        if !(0.0..0.5).contains(&m.margin) {
            return Err(Error::recipe(
                "model.margin",
                format!("{} is not in [0, 0.5)", m.margin),
                "give 0.05, or 0 for no logit",
            ));
        }
        for_flows("real_nvp", info)?;
        let init = Init::new(key, device);
        let flow = match info.kind {
            Kind::Points => self.of_points(info.numbers(), &init),
            _ => {
                for_halving(info, m.levels - 1)?;
                self.of_images(as_image_shape(info), &init)
            }
        };
        let noise = NoiseFlow::for_data(m.dequantization, info, &init);
        FlowModel::new(
            "real_nvp",
            info,
            FlowNetwork { flow, noise },
            Prior::Gaussian,
            self.optimizer,
            m.average,
            device,
        )
    }

    fn of_points(&self, numbers: usize, init: &Init) -> Multiscale {
        let m = &self.model;
        let mut layers: Vec<Layer> = vec![ActNorm::new(numbers, init).into()];
        for i in 0..m.couplings {
            let [passed, mapped] = Coupling::parts(numbers, i % 2 == 1);
            let transform = m.coupling;
            let outputs = mapped * transform.parameters();
            let hidden = Hidden {
                width: m.width,
                depth: m.depth,
            };
            let network = Mlp::new([passed, outputs], hidden, &init.at("coupling").nth(i));
            layers.push(Coupling::new(Conditioner::Mlp(network), transform, i % 2 == 1).into());
            layers.push(ActNorm::new(numbers, init).into());
        }
        Multiscale::new(vec![(Chain::new(layers), [1, 1, numbers])])
    }

    fn of_images(&self, [mut h, mut w, mut c]: [usize; 3], init: &Init) -> Multiscale {
        let m = &self.model;
        let (mut levels, mut count) = (Vec::new(), 0);
        let mut network = |channels: [usize; 2], width: usize| {
            count += 1;
            let hidden = Hidden {
                width,
                depth: m.depth,
            };
            Conditioner::ResNet(ResNet::new(channels, hidden, &init.at("coupling").nth(count)))
        };
        for level in 0..m.levels {
            let last = level + 1 == m.levels;
            let mut layers: Vec<Layer> = Vec::new();
            if level == 0 {
                layers.push(Levels::new(m.margin).into());
                layers.push(ActNorm::new(c, init).into());
            }
            let mut width = m.width << level;
            for i in 0..if last { 4 } else { 3 } {
                layers.push(Checkerboard::new(network([c, 2 * c], width), i % 2 == 1).into());
                layers.push(ActNorm::new(c, init).into());
            }
            if !last {
                (h, w, c, width) = (h / 2, w / 2, 4 * c, 2 * width);
                layers.push(Squeeze {}.into());
                for i in 0..3 {
                    let [passed, mapped] = Coupling::parts(c, i % 2 == 1);
                    let transform = m.coupling;
                    let inside = network([passed, mapped * transform.parameters()], width);
                    layers.push(Coupling::new(inside, transform, i % 2 == 1).into());
                    layers.push(ActNorm::new(c, init).into());
                }
            }
            levels.push((Chain::new(layers), [h, w, c]));
            c = c.div_ceil(2);
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
    name: "real_nvp",
    family: super::FAMILY,
    capabilities: &[
        Capability::Sample,
        Capability::LatentSpace,
        Capability::LogLikelihood,
        Capability::Encode,
        Capability::Reconstruct,
    ],
    paper: "Dinh et al. 2017, Density estimation using Real NVP, arXiv:1605.08803",
    recipe: "real_nvp",
    data: &["digits", "ring8"],
    tiny: &[
        ("model.width", "4"),
        ("model.depth", "1"),
        ("model.couplings", "4"),
    ],
    ..Entry::of::<Config>()
};
