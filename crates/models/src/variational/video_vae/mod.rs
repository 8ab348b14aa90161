//! The video VAE: frames through a VAE, an LSTM as the prior over time, and attributes that hold for a whole video.
//!
//! He, Lehrmann, Marino, Mori, Sigal (2018), Probabilistic Video Generation using Holistic Attribute Control,
//! arXiv:1803.08085.
//!
//! ```text
//! log p(x | a) >= sum_t E_q log p(x_t | z_t, a) - KL(q(z_t | x_t, h_t) || p(z_t | h_t, a)),   h_t = LSTM(z_<t, a)
//! ```
//!
//! The latent of a frame is split into holistic attributes a, the same for all frames, and the rest, z_t. Both the prior and
//! (with `conditional_posterior`) the approximate posterior of z_t know, through the LSTM, what came before. The attributes are
//! read from the frames by a head of the encoder, which learns from the given ones; in use they are given (full control), or
//! in part, and those that are not given are read from the frames that are.
mod attributes;
mod network;
#[cfg(test)]
mod tests;

pub use attributes::AttributesConfig;

use super::elbo::{Loss, log_mean_exp};
use super::likelihood::{Grey, Likelihood, Observation};
use super::networks::{Architecture, Decoder, Encoder, Layers, Nonlinearity};
use super::vae::value;
use crate::{
    Capability, Entry, EvidenceBound, Function, Holds, Model, NetworkInfo, Part, Port, Predict, Purpose,
    Registered, Sample, SampleRequest, Samples, StepReport, of_shape, untempered,
};
use attributes::Attributes;
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind, interrupt};
use menagerie_kernels::noise;
use menagerie_nn::{Init, Learner, Linear, LstmCell, LstmState, OptimizerConfig, Tensors, activations};
use network::{Pass, VideoNetwork, log_ratio};
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`
    pub model: Sizes,
    /// `[attributes]`
    pub attributes: AttributesConfig,
    /// `[loss]`
    pub loss: Loss,
    /// `[optimizer]`
    pub optimizer: OptimizerConfig,
}

/// How the latents of a video follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dynamics {
    /// not at all: each frame is drawn for itself, from a standard normal prior
    Static,
    /// through an LSTM
    Lstm,
}

/// `[model]`: the networks' parts and sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// `static` or `lstm`
    pub dynamics: Dynamics,
    /// +C: the approximate posterior of a frame knows what came before it
    pub conditional_posterior: bool,
    /// +S: the latent is split into holistic attributes and the rest
    pub structured: bool,
    /// dimensions of a frame's latent, attributes apart
    pub latent: usize,
    /// numbers that the LSTM carries, and features of a frame
    pub units: usize,
    /// channels at half the frame's size; they double with every halving, up to eight times as many
    pub width: usize,
    /// units of the fully connected hidden layers of encoder and decoder
    pub hidden: Vec<usize>,
    /// standard deviation of p(x | z, a), where frames span 2
    pub deviation: f64,
    /// decay of the weights' moving average; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            dynamics: Dynamics::Lstm,
            conditional_posterior: true,
            structured: true,
            latent: 32,
            units: 128,
            width: 32,
            hidden: vec![],
            deviation: 0.1,
            average: 0.0,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let optimizer = OptimizerConfig::adam(1e-3);
        Config {
            model: Sizes::default(),
            attributes: AttributesConfig::default(),
            loss: Loss::default(),
            optimizer,
        }
    }
}

/// A video VAE for videos of one size.
pub struct VideoVae {
    learner: Learner<VideoNetwork>,
    loss: Loss,
    likelihood: Likelihood,
    attributes: Attributes,
    info: DataInfo,
    latent: usize,
}

const NAME: &str = "video_vae";

impl Config {
    /// A fresh model for videos of that description.
    ///
    /// # Errors
    /// For settings that do not fit each other or the data.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<VideoVae> {
        self.check()?;
        if info.kind != Kind::Video {
            let problem = format!("{NAME} takes videos, but these are {}", info.kind.plural());
            return Err(Error::data(
                &info.source,
                problem,
                "choose portraits:video, moving:digits, or a folder with --frames N",
            ));
        }
        let m = &self.model;
        let frame = DataInfo {
            kind: Kind::Image,
            shape: info.shape[1..].to_vec(),
            ..info.clone()
        };
        let likelihood = Likelihood::new(Observation::Gaussian, Grey::Probability, m.deviation, &frame)?;
        let layers = Layers {
            network: Architecture::Conv,
            width: m.width,
            hidden: m.hidden.clone(),
            activation: Nonlinearity::Relu,
            batch_norm: false,
        };
        layers.check(likelihood.item())?;
        let attributes = Attributes::new(&self.attributes, m.structured, info)?;
        let (a, moving) = (attributes.width(), m.dynamics == Dynamics::Lstm);
        let before = if moving { m.units } else { 0 };
        let init = Init::new(key, device);
        let linear = |inputs, outputs, name: &str| Linear::of([inputs, outputs]).init(&init.at(name));
        let conditional_posterior = m.conditional_posterior && moving;
        let seen = m.units + if conditional_posterior { before } else { 0 };
        let network = VideoNetwork {
            encoder: Encoder::new(&layers, likelihood.item(), m.units, &init.at("encoder")),
            posterior: linear(seen, 2 * m.latent, "posterior"),
            prior: moving.then(|| linear(before + a, 2 * m.latent, "prior")),
            cell: moving.then(|| LstmCell::new([m.latent + a, m.units], &init.at("cell"))),
            reader: (a > 0).then(|| linear(2 * m.units, a, "reader")),
            decoder: Decoder::new(&layers, m.latent + a, likelihood.outputs(), &init.at("decoder")),
            conditional_posterior,
        };
        let learner = Learner::new("video", network, self.optimizer, m.average, device)?;
        Ok(VideoVae {
            learner,
            loss: self.loss,
            likelihood,
            attributes,
            info: info.clone(),
            latent: m.latent,
        })
    }

    fn check(&self) -> Result<()> {
        let m = &self.model;
        for (key, v) in [("latent", m.latent), ("units", m.units), ("width", m.width)] {
            if v == 0 {
                return Err(Error::recipe(
                    format!("model.{key}"),
                    "0 is too small",
                    "give 1 or more",
                ));
            }
        }
        if !(m.deviation.is_finite() && m.deviation > 0.0) {
            return Err(Error::recipe(
                "model.deviation",
                format!("{} is not a standard deviation", m.deviation),
                "give say 0.1",
            ));
        }
        self.attributes.check()?;
        self.loss.check()
    }
}

impl VideoVae {
    /// Frames of a batch of videos as observed, `[batch time, height, width, channel]`.
    fn observed(&self, batch: &Batch, key: Option<Key>, device: &Device) -> Tensor<4> {
        let time = batch.shape[1];
        let frame = |&i: &u32| (0..time as u32).map(move |t| i.wrapping_mul(time as u32).wrapping_add(t));
        let frames = Batch {
            kind: Kind::Image,
            shape: [&[batch.shape[0] * time], &batch.shape[2..]].concat(),
            indices: batch.indices.iter().flat_map(frame).collect(),
            labels: None,
            captions: None,
            attributes: vec![],
            ..batch.clone()
        };
        self.likelihood.observed(&frames, key, device)
    }

    /// log p(x | z, a) of whole videos, `[batch]`.
    fn log_probability(
        &self,
        network: &VideoNetwork,
        pass: &Pass,
        attributes: &Option<Tensor<2>>,
        x: Tensor<4>,
    ) -> Tensor<1> {
        let batch = pass.latents.dims()[0];
        let frames = x.dims()[0] / batch.max(1);
        let said = network.decode(pass.latents.clone(), frames, attributes);
        self.likelihood
            .log_probability(said, x)
            .reshape([batch, frames])
            .sum_dim(1)
            .reshape([batch])
    }

    /// Draws `frames` latents after what came before, and the frames they stand for, in [-1, 1].
    fn imagine(
        &self,
        network: &VideoNetwork,
        state: Option<LstmState>,
        attributes: &Option<Tensor<2>>,
        frames: usize,
        noise: impl Fn(usize) -> Tensor<2>,
    ) -> Vec<f32> {
        let latents = network.imagined(state, attributes, frames, noise);
        let count = latents.dims()[0];
        let decoder = &network.decoder;
        let rows = activations::items_at_a_time(|| decoder.forward(decoder.blank(frames)));
        let mut values = Vec::new();
        for from in (0..count).step_by(rows) {
            if interrupt::given_up() {
                break;
            }
            let n = rows.min(count - from);
            let held = attributes.clone().map(|a| a.narrow(0, from, n));
            values.extend(
                self.likelihood
                    .mean(network.decode(latents.clone().narrow(0, from, n), frames, &held))
                    .values,
            );
        }
        values
    }

    fn tensor(&self, rows: Vec<f32>, device: &Device) -> Option<Tensor<2>> {
        let width = self.attributes.width();
        (width > 0)
            .then(|| Tensor::from_data(TensorData::new(rows.clone(), [rows.len() / width, width]), device))
    }

    /// Attributes of a batch: given ones, and where one is not, what the frames show.
    fn held(
        &self,
        network: &VideoNetwork,
        batch: &Batch,
        features: Tensor<2>,
        device: &Device,
    ) -> Option<Tensor<2>> {
        let logits = network.read(features, batch.shape[1])?;
        let read = menagerie_nn::numbers(logits);
        self.tensor(self.attributes.completed(batch, &read), device)
    }
}

impl Model for VideoVae {
    fn networks(&self) -> Vec<NetworkInfo> {
        let (frames, device) = (self.info.shape[0], self.learner.plain_device());
        vec![self.learner.info(|n| {
            let features = n.features(n.encoder.blank().repeat_dim(0, frames));
            let held = self.tensor(vec![0.0; self.attributes.width()], &device);
            n.read(features.clone(), frames);
            let pass = n.pass(
                features,
                frames,
                &held,
                Tensor::zeros([1, frames * self.latent], &device),
            );
            n.decode(pass.latents, frames, &held)
        })]
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        let batch = &batches[0];
        of_shape(batch, &self.info.shape, NAME)?;
        let device = self.learner.device();
        let given = self.attributes.of(batch)?;
        let attributes = self.tensor(given.clone(), device);
        let (items, frames) = (batch.shape[0], batch.shape[1]);
        let x = self.observed(batch, Some(key.stream("observe")), device);
        let network = self.learner.network();
        let features = network.features(x.clone());
        let noise = noise::normal(
            key.stream("posterior").words(),
            [items, frames * self.latent],
            device,
        );
        let pass = network.pass(features.clone(), frames, &attributes, noise);
        let divergence = match &pass.prior {
            Some(p) => pass.posterior.divergence_from(p),
            None => pass.posterior.divergence(),
        };
        let bound = self.loss.negative_bound(
            self.log_probability(network, &pass, &attributes, x),
            divergence,
            self.learner.updates(),
        );
        // The reader sees a beginning of a drawn length, as it will in use.
        let seen = 1 + key.stream("beginning").rng().below(frames);
        let units = features.dims()[1];
        let beginning = features
            .reshape([items, frames, units])
            .narrow(1, 0, seen)
            .reshape([items * seen, units]);
        let reading = network
            .read(beginning, seen)
            .map(|logits| self.attributes.cross_entropy(logits, &given));
        let mut scalars = Vec::new();
        if watch {
            let (reconstruction, divergence) = (value(&bound.reconstruction), value(&bound.divergence));
            scalars.extend([
                ("loss/reconstruction", reconstruction),
                ("loss/kl", divergence),
                ("bound/elbo", -reconstruction - divergence),
            ]);
            scalars.extend(reading.as_ref().map(|r| ("loss/attributes", value(r))));
        }
        let loss = match reading {
            Some(r) => bound.loss + r * self.attributes.weight(),
            None => bound.loss,
        };
        let seen = self.learner.descend(loss, watch)?;
        self.attributes.remember(&given);
        scalars.insert(0, ("loss/total", seen.loss));
        scalars.extend(seen.gradient.map(|g| ("gradient/video", g)));
        Ok(StepReport {
            scalars,
            troubles: vec![],
        })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.learner.save();
        parts.push(("attributes".into(), Box::new(|| self.attributes.save())));
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.learner.load(read, purpose)?;
        self.attributes.load(read("attributes")?)
    }

    fn functions(&self) -> Vec<Function<'_>> {
        let (frames, width) = (self.info.shape[0], self.attributes.width());
        let noise = "standard normal, frame by frame";
        let mut inputs = vec![Port::of("noise", &[frames, self.latent], Holds::Normal, noise)];
        if width > 0 {
            let meaning = "what is held over all frames, as the run's recipe says";
            inputs.push(Port::of("attributes", &[width], Holds::Unit, meaning));
        }
        let meaning = "frames, channels last, in [-1, 1]";
        let outputs = vec![Port::of("video", &self.info.shape, Holds::Image, meaning)];
        vec![Function::new(
            "sample",
            "a new video",
            inputs,
            outputs,
            move |x| {
                let (network, attributes) = (self.learner.for_use_on(&x[0].device()), x.get(1).cloned());
                let [count, _] = x[0].dims();
                let start = network.start(count, &x[0].device());
                let noise = |t: usize| x[0].clone().narrow(1, t * self.latent, self.latent);
                let latents = network.imagined(start, &attributes, frames, noise);
                let made = self
                    .likelihood
                    .mean_of(network.decode(latents, frames, &attributes));
                let numbers = self.info.shape.iter().product::<usize>();
                vec![made.reshape([count, numbers])]
            },
        )]
    }

    fn as_sample(&self) -> Option<&dyn Sample> {
        Some(self)
    }
    fn as_predict(&self) -> Option<&dyn Predict> {
        Some(self)
    }
    fn as_evidence_bound(&self) -> Option<&dyn EvidenceBound> {
        Some(self)
    }
}

impl Sample for VideoVae {
    /// New videos; their attributes are drawn from those that were trained on, or have the class asked for.
    fn sample(&self, request: &SampleRequest) -> Result<Samples> {
        untempered(request, NAME)?;
        let device = self.learner.plain_device();
        let network = self.learner.for_use();
        let attributes = self.tensor(self.attributes.drawn(request, NAME)?, &device);
        let frames = self.info.shape[0];
        let noise = |t: usize| {
            let key = request.key.stream("latents").step(t as u64);
            noise::normal(key.words(), [request.count, self.latent], &device) * request.truncation
        };
        let values = self.imagine(
            &network,
            network.start(request.count, &device),
            &attributes,
            frames,
            noise,
        );
        Ok(Samples {
            kind: Kind::Video,
            shape: [&[request.count], &self.info.shape[..]].concat(),
            values,
        })
    }
}

impl Predict for VideoVae {
    fn context(&self) -> usize {
        1
    }

    /// Attributes that the batch has are held as given; others are read from its frames.
    fn predict(&self, batch: &Batch, frames: usize, key: Key) -> Result<Samples> {
        if batch.shape.len() != 5 || batch.shape[2..] != self.info.shape[1..] || batch.shape[1] == 0 {
            let frame = self.info.shape[1..]
                .iter()
                .map(usize::to_string)
                .collect::<Vec<_>>()
                .join("x");
            return Err(Error::usage(
                format!("{NAME} goes on from 1 or more frames of {frame}"),
                "give videos of that size",
            ));
        }
        if frames == 0 {
            return Err(Error::usage("0 frames were asked for", "give --frames 1 or more"));
        }
        let device = self.learner.plain_device();
        let network = self.learner.for_use();
        let (items, given) = (batch.shape[0], batch.shape[1]);
        let features = network.features(self.observed(batch, None, &device));
        let attributes = self.held(&network, batch, features.clone(), &device);
        let still = Tensor::zeros([items, given * self.latent], &device);
        let pass = network.pass(features, given, &attributes, still);
        let noise = |t: usize| posterior_noise(&batch.indices, self.latent, key, t as u64, &device);
        let values = self.imagine(&network, pass.state, &attributes, frames, noise);
        Ok(Samples {
            kind: Kind::Video,
            shape: [&[items, frames], &self.info.shape[1..]].concat(),
            values,
        })
    }
}

impl EvidenceBound for VideoVae {
    /// Of log p(x | a), with the video's own attributes.
    fn evidence_bound(&self, batch: &Batch, samples: usize, key: Key) -> Result<Vec<f64>> {
        of_shape(batch, &self.info.shape, NAME)?;
        let device = self.learner.plain_device();
        let network = self.learner.for_use();
        let x = self.observed(batch, Some(key.stream("observe")), &device);
        let features = network.features(x.clone());
        let attributes = self.held(&network, batch, features.clone(), &device);
        let (items, frames) = (batch.shape[0], batch.shape[1]);
        let mut all = Vec::new();
        for k in 0..samples.max(1) as u64 {
            let noise = posterior_noise(
                &batch.indices,
                frames * self.latent,
                key.stream("posterior"),
                k,
                &device,
            );
            let pass = network.pass(features.clone(), frames, &attributes, noise.clone());
            let likelihood = self.log_probability(&network, &pass, &attributes, x.clone());
            let rest = match (samples, &pass.prior) {
                (0 | 1, Some(p)) => -pass.posterior.divergence_from(p).sum_dim(1),
                (0 | 1, None) => -pass.posterior.divergence().sum_dim(1),
                (_, Some(p)) => log_ratio(&pass, p, noise),
                (_, None) => pass
                    .posterior
                    .log_prior_over_posterior(pass.latents.clone(), noise)
                    .reshape([items, 1]),
            };
            all.push(likelihood + rest.reshape([items]));
        }
        let bound = menagerie_nn::numbers(log_mean_exp(Tensor::cat(all, 0), samples.max(1)));
        Ok(bound.into_iter().map(f64::from).collect())
    }

    fn dimensions(&self) -> usize {
        self.info.numbers()
    }
}

/// Standard normal noise `[items, width]`, for item `i` of the data set from `key.step(i).step(n)`.
fn posterior_noise(items: &[u32], width: usize, key: Key, n: u64, device: &Device) -> Tensor<2> {
    let mut values = vec![0f32; items.len() * width];
    for (row, &i) in values.chunks_exact_mut(width).zip(items) {
        noise::fill_normal(key.step(i as u64).step(n).words(), row);
    }
    Tensor::from_data(TensorData::new(values, [items.len(), width]), device)
}

impl Registered for Config {
    type Config = Config;
    fn defaults() -> Config {
        Config::default()
    }
    fn check(config: &Config) -> Result<()> {
        config.check()
    }
    fn build(config: Config, info: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.build(info, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "video_vae",
    family: super::FAMILY,
    capabilities: &[Capability::Sample, Capability::EvidenceBound, Capability::Predict],
    paper: "He et al. 2018, Probabilistic Video Generation using Holistic Attribute Control, arXiv:1803.08085",
    recipe: "video_vae",
    data: &["portraits:video", "moving:digits"],
    tiny: &[
        ("model.width", "4"),
        ("model.latent", "3"),
        ("model.units", "8"),
        ("data.size", "12"),
        ("data.frames", "4"),
        ("model.average", "0.9"),
    ],
    ..Entry::of::<Config>()
};
