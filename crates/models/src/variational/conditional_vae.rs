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
use super::condition::{Condition, Task};
use super::elbo::{Gaussian, Weights};
use super::likelihood::{Grey, Likelihood, Observation};
use super::networks::{Architecture, Encoder, Layers, Nonlinearity};
use super::vae::value;
use crate::{
    Capability, Entry, Model, NetworkInfo, Part, Predict, Purpose, Registered, Sample, SampleRequest,
    Samples, StepReport, of_shape, untempered,
};
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_kernels::noise;
use menagerie_nn::pyramid::{channels, sizes};
use menagerie_nn::{Activation, Conv2d, ConvTranspose2d, Linear};
use menagerie_nn::{Learner, OptimizerConfig, Tensors};
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`
    pub model: Networks,
    /// `[loss]`
    pub loss: Weights,
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
pub struct Networks {
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

impl Default for Networks {
    fn default() -> Self {
        Networks {
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
            model: Networks::default(),
            loss: Weights::default(),
            optimizer,
        }
    }
}

/// Of p(x | z, c): the condition goes down to a small grid and up again to the image, with what it was at each size beside
/// it; the latent joins it on the grid.
#[derive(Module, Debug)]
pub struct Generation {
    project: Linear,
    downs: Vec<Conv2d>,
    ups: Vec<ConvTranspose2d>,
    last: Conv2d,
    #[module(skip)]
    sizes: Vec<[usize; 2]>,
}

impl Generation {
    fn new(
        latent: usize,
        width: usize,
        condition: [usize; 3],
        outputs: usize,
        key: Key,
        device: &Device,
    ) -> Self {
        let [h, w, c] = condition;
        let sizes = sizes([h, w]);
        let n = sizes.len() - 1;
        let at = |i: usize| if i == 0 { width } else { channels(width, i) };
        // He et al. 2015; of a transposed convolution's 16 weights, a quarter reaches each pixel.
        let std = |inputs: usize| (2.0 / inputs as f64).sqrt();
        let down = |i: usize| {
            let from = if i == 1 { c } else { at(i - 1) };
            Conv2d::new(
                [from, at(i)],
                4,
                2,
                1,
                std(16 * from),
                key.stream("down").step(i as u64),
                device,
            )
            .with_bias(device)
        };
        let up = |i: usize| {
            let sides = [2 * at(i), at(i - 1)];
            ConvTranspose2d::new(
                sides,
                4,
                2,
                1,
                std(8 * at(i)),
                key.stream("up").step(i as u64),
                device,
            )
            .with_bias(device)
        };
        let [gh, gw] = sizes[n];
        Generation {
            project: Linear::new(latent, gh * gw * at(n), key.stream("project"), device),
            downs: (1..=n).map(down).collect(),
            ups: (1..=n).rev().map(up).collect(),
            last: Conv2d::new(
                [width + c, outputs],
                3,
                1,
                1,
                0.5 * std(9 * (width + c)),
                key.stream("last"),
                device,
            )
            .with_bias(device),
            sizes,
        }
    }

    /// `z` `[N, latent]`, the condition `[N, height, width, ..]` -> what is said of x.
    fn forward(&self, z: Tensor<2>, condition: Tensor<4>) -> Tensor<4> {
        let n = self.downs.len();
        let mut seen = vec![condition];
        for down in &self.downs {
            seen.push(down.forward(seen[seen.len() - 1].clone(), Activation::Relu));
        }
        let [batch, h, w, c] = seen[n].dims();
        let z = self
            .project
            .forward(z, Activation::Relu)
            .reshape([batch, h, w, c]);
        let x = self.ups.iter().enumerate().fold(z, |x, (i, up)| {
            up.forward(
                Tensor::cat(vec![x, seen[n - i].clone()], 3),
                self.sizes[n - 1 - i],
                Activation::Relu,
            )
        });
        self.last
            .forward(Tensor::cat(vec![x, seen[0].clone()], 3), Activation::Identity)
    }

    /// Floats kept for the backward pass, an item.
    fn activations(&self) -> usize {
        let down = |(d, [h, w]): (&Conv2d, &[usize; 2])| 2 * h * w * d.weight.dims()[3];
        let up = |(u, [h, w]): (&ConvTranspose2d, &[usize; 2])| {
            h * w * (u.weight.dims()[2] + u.weight.dims()[3] / 2)
        };
        let downs: usize = self.downs.iter().zip(&self.sizes[1..]).map(down).sum();
        downs
            + self
                .ups
                .iter()
                .zip(self.sizes.iter().rev().skip(1))
                .map(up)
                .sum::<usize>()
    }
}

/// Recognition, prior and generation.
#[derive(Module, Debug)]
pub struct Conditional {
    recognition: Encoder,
    prior: Option<Encoder>,
    generation: Generation,
}

impl Conditional {
    /// p(z | c); `None` is standard normal.
    fn prior(&self, condition: Tensor<4>) -> Option<Gaussian> {
        self.prior.as_ref().map(|p| Gaussian::of(p.forward(condition)))
    }
}

/// A conditional VAE for one kind of condition.
pub struct ConditionalVae {
    learner: Learner<Conditional>,
    weights: Weights,
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
        let recognition = Encoder::new(
            &layers,
            [h, w, c + x],
            2 * m.latent,
            key.stream("recognition"),
            device,
        );
        let prior = || Encoder::new(&layers, [h, w, c], 2 * m.latent, key.stream("prior"), device);
        let network = Conditional {
            recognition,
            prior: (m.prior == Prior::Conditional).then(prior),
            generation: Generation::new(m.latent, m.width, [h, w, c], x, key.stream("generation"), device),
        };
        let learner = Learner::new("conditional", network, self.optimizer, m.average, device)?;
        let shown = vec![0.0; SHOWN * h * w * c];
        Ok(ConditionalVae {
            learner,
            weights: self.loss,
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
                format!("{} is no standard deviation", m.deviation),
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
    fn draw(&self, network: &Conditional, conditions: Vec<f32>, noise: Tensor<2>) -> Vec<f32> {
        let c = self.tensor(conditions, &self.learner.plain_device());
        let z = match network.prior(c.clone()) {
            Some(p) => p.draw(noise),
            None => noise,
        };
        let said = self.task.with_base(network.generation.forward(z, c.clone()), c);
        self.likelihood.mean(said).values
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
        let n = self.learner.network();
        let prior = n.prior.as_ref().map_or(0, Encoder::activations);
        vec![
            self.learner
                .info(n.recognition.activations() + prior + n.generation.activations()),
        ]
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        let batch = &batches[0];
        of_shape(batch, self.task.item_shape(), NAME)?;
        let (conditions, target) = self.task.split(batch, key.stream("moment"))?;
        if self.learner.updates() == 0 {
            let n = self.shown.len();
            self.shown
                .iter_mut()
                .zip(conditions.iter().cycle().take(n))
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
        let bound = self.weights.negative_bound(
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Images of one colour or its complement, which have the same grey: what no single answer can be right about.
    fn two_colours(indices: &[u32]) -> Batch {
        let colour = [0.8f32, -0.8 * 0.299 / 0.587, 0.0];
        let values = indices.iter().flat_map(|i| {
            let sign = if Key::new(1).step(*i as u64).rng().chance(0.5) {
                1.0
            } else {
                -1.0
            };
            (0..64).flat_map(move |_| colour.map(|v| sign * v))
        });
        Batch {
            kind: Kind::Image,
            shape: vec![indices.len(), 8, 8, 3],
            values: values.collect(),
            labels: None,
            attributes: vec![],
            captions: None,
            indices: indices.to_vec(),
        }
    }

    /// With the condition fixed, samples differ, and the best of k comes the nearer to the truth the larger k is: nearer than
    /// the mean of both colours, which is the best of all single answers.
    #[test]
    fn answers_differ_and_the_best_of_several_is_right() {
        let device = Device::flex().autodiff();
        let info = DataInfo {
            source: "test".into(),
            kind: Kind::Image,
            shape: vec![8, 8, 3],
            count: 1000,
            range: (0.0, 1.0),
            labels: vec![],
            attributes: vec![],
            rate: 0,
            shares: vec![],
        };
        let model = Networks {
            latent: 2,
            width: 4,
            hidden: vec![16],
            deviation: 0.2,
            ..Networks::default()
        };
        let optimizer = OptimizerConfig::adam(5e-3);
        let mut model = Config {
            model,
            optimizer,
            ..Config::default()
        }
        .build(&info, &device, Key::new(3))
        .unwrap();
        for s in 0..300 {
            let batch = two_colours(&(s * 16..(s + 1) * 16).collect::<Vec<u32>>());
            model.step(&[batch], Key::new(4).step(s as u64), false).unwrap();
        }
        let test = two_colours(&(5000..5032).collect::<Vec<u32>>());
        let mut best = vec![f64::INFINITY; 32];
        let mut errors = Vec::new();
        for k in 0..8 {
            let drawn = model.predict(&test, 0, Key::new(9).step(k)).unwrap();
            assert_eq!(drawn.shape, [32, 8, 8, 3]);
            for (i, (a, b)) in drawn.values.chunks(192).zip(test.values.chunks(192)).enumerate() {
                let error = a
                    .iter()
                    .zip(b)
                    .map(|(a, b)| ((a - b) as f64).powi(2))
                    .sum::<f64>()
                    / 192.0;
                best[i] = best[i].min(error);
            }
            errors.push(best.iter().sum::<f64>() / 32.0);
        }
        let single = (0.8f64.powi(2) + (0.8 * 0.299 / 0.587f64).powi(2)) / 3.0;
        assert!(
            errors[0] > 0.6 * single && errors[0] < 4.0 * single,
            "one draw cannot know the colour: {errors:?}"
        );
        assert!(
            errors[7] < 0.3 * single && errors[1] < 0.9 * errors[0],
            "{errors:?} against {single}"
        );
        // The grey image is what it was asked about.
        let shown = model.condition(&test).unwrap().unwrap();
        assert_eq!(shown.shape, [32, 8, 8, 1]);
        assert!(shown.values.iter().all(|v| v.abs() < 1e-5));
        assert!(
            model
                .predict(&test, 3, Key::new(1))
                .unwrap_err()
                .to_string()
                .contains("--frames")
        );
    }
}
