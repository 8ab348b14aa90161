//! The conditional variational autoencoder: several plausible answers to one question.
//!
//! Sohn, Lee, Yan (2015), Learning Structured Output Representation using Deep Conditional Generative Models, NIPS 2015.
//!
//! ```text
//! log p(x | c) >= E_q log p(x | z, c) - KL(q(z | x, c) || p(z | c))           (equation 4)
//! ```
//!
//! The condition c is a class; the grey image, of which x is the colouring (Deshpande et al. 2017, Learning Diverse Image
//! Colorization, arXiv:1612.01958); the present frames, of which x is the next (Xue et al. 2016, Visual Dynamics,
//! arXiv:1607.02586); or the left image of a pair. The prior p(z | c) is a network of its own, as in the paper, or standard
//! normal. What of x follows from c needs no latent: the generation network sees c at every scale, and z says the rest.
mod condition;
mod network;
#[cfg(test)]
mod tests;

pub use condition::Condition;

use super::elbo::{Gaussian, Loss};
use super::likelihood::{Grey, Likelihood, Observation};
use super::networks::{Architecture, Encoder, Layers, Nonlinearity};
use super::vae::value;
use crate::function::{images, rows};
use crate::{
    Capability, Entry, Function, Holds, Model, NetworkInfo, Part, Port, Predict, Purpose, Registered, Sample,
    SampleRequest, Samples, StepReport, of_shape, untempered,
};
use burn::tensor::{Device, Tensor, TensorData};
use condition::Task;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind, interrupt};
use menagerie_kernels::noise;
use menagerie_nn::{Init, Learner, OptimizerConfig, Tensors, collective};
use network::{ConditionalNetwork, GenerationNetwork};
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`
    pub model: Sizes,
    /// `[loss]`
    pub loss: Loss,
    /// `[optimizer]`
    pub optimizer: OptimizerConfig,
}

/// p(z | c).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prior {
    /// a network of the condition
    Conditional,
    /// standard normal, whatever the condition
    Standard,
}

/// `[model]`: what is the condition, and the networks' sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// `label`, `grey`, `frames` or `pair`; `auto` takes what the data have: frames of videos, left images of pairs, grey of
    /// colour images, else labels
    pub condition: Condition,
    /// `frames`: how many frames are the condition of the next
    pub context: usize,
    /// `conditional` or `standard`
    pub prior: Prior,
    /// dimensions of a latent
    pub latent: usize,
    /// channels at half the image's size; they double with every halving, up to eight times as many
    pub width: usize,
    /// units of the fully connected hidden layers of the recognition and prior networks
    pub hidden: Vec<usize>,
    /// standard deviation of p(x | z, c), where images span 2
    pub deviation: f64,
    /// decay of the weights' moving average; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            condition: Condition::Auto,
            context: 1,
            prior: Prior::Conditional,
            latent: 32,
            width: 32,
            hidden: vec![128],
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
            loss: Loss::default(),
            optimizer,
        }
    }
}

/// A conditional VAE for one kind of condition.
pub struct ConditionalVae {
    learner: Learner<ConditionalNetwork>,
    loss: Loss,
    likelihood: Likelihood,
    task: Task,
    latent: usize,
    /// conditions of the first items that were trained on, for samples: `[SHOWN, height, width, ..]`
    shown: Vec<f32>,
}

/// Conditions that are kept for samples.
const SHOWN: usize = 8;
const NAME: &str = "conditional_vae";

impl Config {
    /// A fresh model for data of that description.
    ///
    /// # Errors
    /// For settings that do not fit each other or the data.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<ConditionalVae> {
        self.check()?;
        let m = &self.model;
        let task = Task::new(m.condition, m.context, info)?;
        let layers = Layers {
            network: Architecture::Conv,
            width: m.width,
            hidden: m.hidden.clone(),
            activation: Nonlinearity::Relu,
            batch_norm: false,
        };
        let ([h, w, c], [.., x]) = (task.condition_shape(), task.target_shape());
        layers.check([h, w, c])?;
        let likelihood = Likelihood::new(
            Observation::Gaussian,
            Grey::Probability,
            m.deviation,
            &task.target_info(),
        )?;
        let init = Init::new(key, device);
        let encoder =
            |seen: usize, name: &str| Encoder::new(&layers, [h, w, seen], 2 * m.latent, &init.at(name));
        let network = ConditionalNetwork {
            recognition: encoder(c + x, "recognition"),
            prior: (m.prior == Prior::Conditional).then(|| encoder(c, "prior")),
            generation: GenerationNetwork::new([m.latent, m.width, x], [h, w, c], &init.at("generation")),
        };
        let learner = Learner::new("conditional", network, self.optimizer, m.average, device)?;
        let shown = vec![0.0; SHOWN * h * w * c];
        Ok(ConditionalVae {
            learner,
            loss: self.loss,
            likelihood,
            task,
            latent: m.latent,
            shown,
        })
    }

    fn check(&self) -> Result<()> {
        let m = &self.model;
        for (key, v) in [("latent", m.latent), ("width", m.width), ("context", m.context)] {
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
        self.loss.check()
    }
}

impl ConditionalVae {
    fn tensor(&self, values: Vec<f32>, device: &Device) -> Tensor<4> {
        let [h, w, c] = self.task.condition_shape();
        let n = values.len() / (h * w * c);
        Tensor::from_data(TensorData::new(values, [n, h, w, c]), device)
    }

    /// Means of p(x | z, c) with z of the prior, for conditions `[N, ..]` and standard normal noise `[N, latent]`, in [-1, 1].
    fn draw(&self, network: &ConditionalNetwork, conditions: Vec<f32>, noise: Tensor<2>) -> Vec<f32> {
        let c = self.tensor(conditions, &self.learner.plain_device());
        self.likelihood.mean(self.said(network, c, noise)).values
    }

    /// What is said of the answers to conditions.
    fn said(&self, network: &ConditionalNetwork, c: Tensor<4>, noise: Tensor<2>) -> Tensor<4> {
        let z = match network.prior(c.clone()) {
            Some(p) => p.draw(noise),
            None => noise,
        };
        self.task.with_base(network.generation.forward(z, c.clone()), c)
    }

    /// `frames` more frames after those of each condition.
    fn go_on(&self, mut conditions: Vec<f32>, frames: usize, noise: impl Fn(usize) -> Tensor<2>) -> Vec<f32> {
        let network = self.learner.for_use();
        let ([h, w, c], x) = (
            self.task.condition_shape(),
            self.task.target_shape().iter().product::<usize>(),
        );
        let count = conditions.len() / (h * w * c);
        let mut all = vec![0.0; count * frames * x];
        for t in 0..frames {
            if interrupt::given_up() {
                break;
            }
            let next = self.draw(&network, conditions.clone(), noise(t));
            for (i, frame) in next.chunks_exact(x).enumerate() {
                all[(i * frames + t) * x..][..x].copy_from_slice(frame);
                self.task
                    .push(&mut conditions[i * h * w * c..][..h * w * c], frame);
            }
        }
        all
    }
}

impl Model for ConditionalVae {
    fn networks(&self) -> Vec<NetworkInfo> {
        let device = self.learner.plain_device();
        let [h, w, c] = self.task.condition_shape();
        let (z, seen) = (
            Tensor::zeros([1, self.latent], &device),
            Tensor::zeros([1, h, w, c], &device),
        );
        vec![self.learner.info(|n| {
            n.recognition.forward(n.recognition.blank());
            n.prior(seen.clone());
            n.generation.forward(z, seen)
        })]
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        let batch = &batches[0];
        of_shape(batch, self.task.item_shape(), NAME)?;
        let (conditions, target) = self.task.split(batch, key.stream("moment"))?;
        if self.learner.updates() == 0 {
            let n = self.shown.len();
            let all = collective::gather(conditions.clone());
            self.shown
                .iter_mut()
                .zip(all.iter().cycle().take(n))
                .for_each(|(to, from)| *to = *from);
        }
        let device = self.learner.device();
        let c = self.tensor(conditions, device);
        let x = self
            .likelihood
            .observed(&target, Some(key.stream("observe")), device);
        let network = self.learner.network();
        let q = Gaussian::of(
            network
                .recognition
                .forward(Tensor::cat(vec![x.clone(), c.clone()], 3)),
        );
        let noise = noise::normal(
            key.stream("posterior").words(),
            [x.dims()[0], self.latent],
            device,
        );
        let said = self
            .task
            .with_base(network.generation.forward(q.draw(noise), c.clone()), c.clone());
        let divergence = match network.prior(c) {
            Some(p) => q.divergence_from(&p),
            None => q.divergence(),
        };
        let bound = self.loss.negative_bound(
            self.likelihood.log_probability(said, x),
            divergence,
            self.learner.updates(),
        );
        let parts = watch.then(|| (value(&bound.reconstruction), value(&bound.divergence)));
        let seen = self.learner.descend(bound.loss, watch)?;
        let mut report = StepReport {
            scalars: vec![("loss/total", seen.loss)],
            troubles: vec![],
        };
        if let Some((reconstruction, divergence)) = parts {
            report.scalars.extend([
                ("loss/reconstruction", reconstruction),
                ("loss/kl", divergence),
                ("bound/elbo", -reconstruction - divergence),
            ]);
            report
                .scalars
                .extend(seen.gradient.map(|g| ("gradient/conditional", g)));
        }
        Ok(report)
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let conditions = || {
            let mut t = Tensors::default();
            t.arrays
                .insert("conditions".into(), (vec![self.shown.len()], self.shown.clone()));
            t
        };
        let mut parts = self.learner.save();
        parts.push(("conditions".into(), Box::new(conditions)));
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.learner.load(read, purpose)?;
        let shown =
            read("conditions")?.get("conditions", [self.shown.len()], &self.learner.plain_device())?;
        self.shown = menagerie_nn::numbers(shown);
        Ok(())
    }

    fn functions(&self) -> Vec<Function<'_>> {
        let shape = self.task.condition_shape();
        let (holds, meaning) = match self.task.condition() {
            Condition::Label => (
                Holds::Numbers,
                "a plane of ones for the class among planes of zeros",
            ),
            Condition::Frames => (
                Holds::Image,
                "the frames before, one behind the other in the channels",
            ),
            _ => (Holds::Image, "the given image, channels last, in [-1, 1]"),
        };
        let inputs = vec![
            Port::of("condition", &shape, holds, meaning),
            Port::of("noise", &[self.latent], Holds::Normal, "standard normal"),
        ];
        let answer = "the answer, channels last, in [-1, 1]";
        let outputs = vec![Port::of(
            "answer",
            &self.task.target_shape(),
            Holds::Image,
            answer,
        )];
        let about = "an answer to a condition: the mean of p(x | z, c)";
        vec![Function::new("predict", about, inputs, outputs, move |x| {
            let network = self.learner.for_use_on(&x[0].device());
            let said = self.said(&network, images(&x[0], shape), x[1].clone());
            vec![rows(self.likelihood.mean_of(said))]
        })]
    }

    fn as_sample(&self) -> Option<&dyn Sample> {
        Some(self)
    }
    fn as_predict(&self) -> Option<&dyn Predict> {
        Some(self)
    }
}

impl Sample for ConditionalVae {
    /// Answers to conditions that it was trained on: of a video the first frames and what may follow, of a pair both images.
    /// With labels as the condition, to the label asked for, or to drawn ones.
    fn sample(&self, request: &SampleRequest) -> Result<Samples> {
        untempered(request, NAME)?;
        let conditions = match self.task.condition() {
            Condition::Label => self.task.labels(request, NAME)?,
            _ => {
                crate::unconditional(request, NAME)?;
                let each = self.shown.len() / SHOWN;
                (0..request.count)
                    .flat_map(|i| self.shown[i % SHOWN * each..][..each].iter().copied())
                    .collect()
            }
        };
        let device = self.learner.plain_device();
        let noise = |t: usize| {
            let key = request.key.stream("latents").step(t as u64);
            noise::normal(key.words(), [request.count, self.latent], &device) * request.truncation
        };
        let drawn = self.go_on(conditions.clone(), self.task.answers(), noise);
        let values = self.task.join(&conditions, &drawn);
        Ok(Samples {
            kind: self.task.kind(),
            shape: [&[request.count], self.task.item_shape()].concat(),
            values,
        })
    }
}

impl Predict for ConditionalVae {
    fn context(&self) -> usize {
        if self.task.condition() == Condition::Frames {
            self.task.context()
        } else {
            0
        }
    }

    fn condition(&self, batch: &Batch) -> Result<Option<Samples>> {
        if self.task.condition() == Condition::Label {
            return Ok(None);
        }
        let given = self.task.given(batch, NAME)?;
        Ok(Some(self.task.shown(given)))
    }

    fn predict(&self, batch: &Batch, frames: usize, key: Key) -> Result<Samples> {
        let video = self.task.condition() == Condition::Frames;
        if video != (frames > 0) {
            let (problem, fix) = match video {
                true => ("0 frames were asked for", "give --frames 1 or more"),
                false => (
                    "frames can only be asked of a model of videos",
                    "leave --frames out",
                ),
            };
            return Err(Error::usage(problem, fix));
        }
        let given = self.task.given(batch, NAME)?;
        let device = self.learner.plain_device();
        let noise = |t: usize| {
            let mut values = vec![0f32; batch.indices.len() * self.latent];
            for (row, &i) in values.chunks_exact_mut(self.latent).zip(&batch.indices) {
                noise::fill_normal(key.step(i as u64).step(t as u64).words(), row);
            }
            Tensor::from_data(
                TensorData::new(values, [batch.indices.len(), self.latent]),
                &device,
            )
        };
        let values = self.go_on(given, frames.max(1), noise);
        let target = self.task.target_shape();
        let (kind, time) = if video {
            (Kind::Video, vec![batch.indices.len(), frames])
        } else {
            (Kind::Image, vec![batch.indices.len()])
        };
        Ok(Samples {
            kind,
            shape: [&time[..], &target[..]].concat(),
            values,
        })
    }
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
    name: "conditional_vae",
    family: super::FAMILY,
    capabilities: &[Capability::Sample, Capability::Predict],
    paper: "Sohn et al. 2015, Learning Structured Output Representation using Deep Conditional Generative Models",
    recipe: "conditional_vae-colorize",
    data: &["digits", "portraits", "portraits:video"],
    tiny: &[
        ("model.width", "4"),
        ("model.latent", "3"),
        ("model.hidden", "[8]"),
        ("data.size", "8"),
        ("model.average", "0.9"),
    ],
    ..Entry::of::<Config>()
};
