//! Adversarial variational Bayes: a variational autoencoder whose posteriors may have any shape.
//!
//! Mescheder, Nowozin, Geiger (2017), Adversarial Variational Bayes: Unifying Variational Autoencoders and Generative Adversarial Networks,
//! arXiv:1701.04722.
//!
//! max_{theta, phi} E_x E_eps [-T*(x, z~) - log r(z | x) + log p(z) + log p_theta(x | z)],  z = z_phi(x, eps)      (equation 3.16)
//! T* = argmax_T E_x E_{q(z | x)} log s(T(x, z~)) + E_x E_{eta ~ N(0, I)} log(1 - s(T(x, eta))),  z~ = (z - m(x)) / v(x)   (section 3.3)
//!
//! The encoder is a network of x and noise whose density nobody knows; the discriminator T finds the logarithm of its ratio to r, the normal
//! distribution with the mean m and the deviation v of q(z | x) (adaptive contrast), which is far nearer than the prior. m and v are those of
//! some draws for each item; the gradient takes them as fixed, for where T is best the objective does not depend on them.
use super::Optimizers;
use super::rows::Layers;
use crate::{
    Capability, Encode, Entry, Function, Holds, LatentSpace, Model, NetworkInfo, Part, Port, Purpose,
    Reconstruct, Reconstruction, Registered, Sample, SampleRequest, Samples, StepReport, of_shape,
    unconditional, untempered,
};
use burn::module::Module;
use burn::tensor::activation::{log_sigmoid, sigmoid};
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_kernels::noise;
use menagerie_nn::{Init, Learner, OptimizerConfig, Tensors, number, numbers};
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`
    pub model: Sizes,
    /// `[posterior]`
    pub posterior: Settings,
    /// `[optimizer]`
    pub optimizer: Optimizers,
}

/// `[model]`: the networks' sizes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// dimensions of a latent
    pub latent: usize,
    /// units of each of the two hidden layers of every network
    pub width: usize,
    /// decay of the moving average of encoder and decoder; 0 for none
    pub average: f64,
    /// standard deviation of points around what is decoded; images are Bernoulli, of pixels in [0, 1]
    pub deviation: f64,
}

/// `[posterior]`: how posteriors are learned.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// numbers of the noise that goes into the encoder
    pub noise: usize,
    /// draws by which each item's mean and deviation are estimated; 0 for none: T then compares with the prior (algorithm 1)
    pub contrast: usize,
    /// updates of the discriminator for each of encoder and decoder
    pub discriminator_steps: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            latent: 8,
            width: 256,
            average: 0.995,
            deviation: 0.1,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            noise: 16,
            contrast: 8,
            discriminator_steps: 2,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            model: Sizes::default(),
            posterior: Settings::default(),
            optimizer: Optimizers {
                generator: OptimizerConfig::adam(3e-4),
                discriminator: OptimizerConfig::adam(1e-3).betas(0.5, 0.999),
            },
        }
    }
}

/// x and noise to a latent, a latent to x.
#[derive(Module, Debug)]
pub struct Halves {
    encoder: Layers,
    decoder: Layers,
}

/// How items lie around what is decoded.
#[derive(Clone, Copy)]
struct Observation {
    kind: Kind,
    /// of points
    deviation: f64,
    /// points are divided by it on their way in
    scale: f64,
}

impl Observation {
    /// ln p(x | z), `[rows, 1]`: Bernoulli of images, normal of points, but for a constant.
    fn likelihood(&self, decoder: &Layers, z: Tensor<2>, x: &Tensor<2>) -> Tensor<2> {
        let answer = decoder.forward(z);
        match self.kind {
            Kind::Image => {
                let unit = x.clone() * 0.5 + 0.5;
                (unit * answer.clone() - softplus(answer)).sum_dim(1)
            }
            _ => {
                let off = (x.clone() - answer) * (self.scale / self.deviation);
                off.powi_scalar(2).sum_dim(1) * -0.5
            }
        }
    }

    /// What is decoded, in the data's own terms.
    fn decoded(&self, decoder: &Layers, z: Tensor<2>) -> Tensor<2> {
        let answer = decoder.forward(z);
        match self.kind {
            Kind::Image => sigmoid(answer) * 2.0 - 1.0,
            _ => answer * self.scale,
        }
    }
}

/// ln p(x | z) of rows of latents and items, `[rows, 1]`.
type Likelihood<'a> = &'a dyn Fn(&Layers, Tensor<2>, &Tensor<2>) -> Tensor<2>;

/// An autoencoder and the discriminator of its posteriors.
pub struct Avb {
    settings: Settings,
    latent: usize,
    shape: Vec<usize>,
    observation: Observation,
    halves: Learner<Halves>,
    discriminator: Learner<Layers>,
}

impl Config {
    /// Fresh networks for items of that description.
    ///
    /// # Errors
    /// For what are neither images nor points.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<Avb> {
        if !matches!(info.kind, Kind::Image | Kind::Points) {
            let problem = format!(
                "avb learns from images and points, and these are {}",
                info.kind.plural()
            );
            return Err(Error::data(&info.source, problem, "choose another source"));
        }
        let Sizes { latent, width, .. } = self.model;
        let n = info.numbers();
        let init = |name: &str| Init::new(key.stream(name), device);
        let halves = Halves {
            encoder: Layers::new(
                &[n + self.posterior.noise, width, width, latent],
                &init("encoder"),
            ),
            decoder: Layers::new(&[latent, width, width, n], &init("decoder")),
        };
        let discriminator = Layers::new(&[n + latent, width, width, 1], &init("discriminator"));
        let o = self.optimizer;
        let extent = f64::from(info.range.0.abs().max(info.range.1.abs()).max(f32::MIN_POSITIVE));
        Ok(Avb {
            settings: self.posterior,
            latent,
            shape: info.shape.clone(),
            observation: Observation {
                kind: info.kind,
                deviation: self.model.deviation,
                scale: if info.kind == Kind::Image { 1.0 } else { extent },
            },
            halves: Learner::new("autoencoder", halves, o.generator, self.model.average, device)?,
            discriminator: Learner::new("discriminator", discriminator, o.discriminator, 0.0, device)?,
        })
    }
}

/// log(1 + e^x).
fn softplus(x: Tensor<2>) -> Tensor<2> {
    -log_sigmoid(-x)
}

impl Avb {
    /// Items as rows that networks see: images in [-1, 1], points over their extent.
    fn rows(&self, batch: &Batch, device: &Device) -> Result<Tensor<2>> {
        of_shape(batch, &self.shape, "avb")?;
        let n: usize = self.shape.iter().product();
        let data = TensorData::new(batch.values.clone(), [batch.shape[0], n]);
        Ok(Tensor::<2>::from_data(data, device) / self.observation.scale)
    }

    fn noise(&self, rows: usize, key: Key, device: &Device) -> Tensor<2> {
        noise::normal(key.words(), [rows, self.settings.noise], device)
    }

    fn latents(encoder: &Layers, x: Tensor<2>, noise: Tensor<2>) -> Tensor<2> {
        encoder.forward(Tensor::cat(vec![x, noise], 1))
    }

    /// Mean and deviation of each item's latents, by some draws; 0 and 1 where none are asked for.
    fn moments(&self, x: &Tensor<2>, key: Key) -> (Tensor<2>, Tensor<2>) {
        let ([n, _], draws, device) = (x.dims(), self.settings.contrast, x.device());
        if draws == 0 {
            return (
                Tensor::zeros([n, self.latent], &device),
                Tensor::ones([n, self.latent], &device),
            );
        }
        let encoder = self.halves.network().encoder.clone().no_grad();
        let one = |i: usize| {
            let z = Self::latents(&encoder, x.clone(), self.noise(n, key.step(i as u64), &device));
            z.detach().reshape([1, n, self.latent])
        };
        let all: Tensor<3> = Tensor::cat((0..draws).map(one).collect(), 0);
        let mean = all.clone().mean_dim(0);
        let variance = (all - mean.clone()).powi_scalar(2).mean_dim(0);
        (
            mean.reshape([n, self.latent]),
            (variance.reshape([n, self.latent]) + 1e-4).sqrt(),
        )
    }

    /// One step by any likelihood.
    fn step_by(
        &mut self,
        x: Tensor<2>,
        key: Key,
        watch: bool,
        likelihood: Likelihood<'_>,
    ) -> Result<StepReport> {
        let ([n, _], device) = (x.dims(), x.device());
        let pair = |z: Tensor<2>| Tensor::cat(vec![x.clone(), z], 1);
        let mut of_discriminator = 0.0;
        for i in 0..self.settings.discriminator_steps {
            let key = key.step(i as u64).stream("discriminator");
            let (mean, deviation) = self.moments(&x, key.stream("moments"));
            let encoder = self.halves.network().encoder.clone().no_grad();
            let z = Self::latents(&encoder, x.clone(), self.noise(n, key.stream("noise"), &device)).detach();
            let contrast: Tensor<2> =
                noise::normal(key.stream("contrast").words(), [n, self.latent], &device);
            let t = self.discriminator.network();
            let (of_q, of_r) = (t.forward(pair((z - mean) / deviation)), t.forward(pair(contrast)));
            let loss = -(log_sigmoid(of_q).mean() + log_sigmoid(-of_r).mean());
            of_discriminator = self.discriminator.descend(loss, false)?.loss;
        }
        let (mean, deviation) = self.moments(&x, key.stream("moments"));
        let network = self.halves.network();
        let z = Self::latents(
            &network.encoder,
            x.clone(),
            self.noise(n, key.stream("noise"), &device),
        );
        let standard = (z.clone() - mean) / deviation.clone();
        let t = self
            .discriminator
            .network()
            .clone()
            .no_grad()
            .forward(pair(standard.clone()));
        // log r - log p(z), whose constants are the same: with T, log q - log p(z).
        let of_r = standard.powi_scalar(2).sum_dim(1) * -0.5 - deviation.log().sum_dim(1);
        let of_prior = z.clone().powi_scalar(2).sum_dim(1) * -0.5;
        let divergence = (t + of_r - of_prior).mean();
        let fits = likelihood(&network.decoder, z, &x).mean();
        let mut scalars = vec![
            ("loss/discriminator", of_discriminator),
            ("loss/divergence", number(divergence.clone())),
            ("loss/reconstruction", -number(fits.clone())),
        ];
        let descent = self.halves.descend(divergence - fits, watch)?;
        scalars.push(("loss/bound", descent.loss));
        scalars.extend(descent.gradient.map(|g| ("gradient/autoencoder", g)));
        Ok(StepReport {
            scalars,
            ..StepReport::default()
        })
    }

    /// Draws from the posterior of each item, `[items, draws, latent]` one after the other; those of item `i` of the data set are drawn from
    /// `key.step(i)`.
    ///
    /// # Errors
    /// [`Error::Usage`] for items of another shape.
    pub fn posterior(&self, batch: &Batch, draws: usize, key: Key) -> Result<Vec<f32>> {
        let device = self.halves.plain_device();
        let (x, network) = (self.rows(batch, &device)?, self.halves.for_use());
        let mut out = Vec::new();
        for (i, index) in batch.indices.iter().enumerate() {
            let noise = self.noise(draws, key.step(u64::from(*index)), &device);
            let x = x.clone().narrow(0, i, 1).repeat_dim(0, draws);
            out.extend(numbers(Self::latents(&network.encoder, x, noise)));
        }
        Ok(out)
    }

    fn samples(&self, values: Vec<f32>) -> Samples {
        let n: usize = self.shape.iter().product();
        Samples {
            kind: self.observation.kind,
            shape: [&[values.len() / n.max(1)], &self.shape[..]].concat(),
            values,
        }
    }
}

impl Model for Avb {
    fn networks(&self) -> Vec<NetworkInfo> {
        let zeros = |n: usize| Tensor::zeros([1, n], &self.halves.plain_device());
        let n: usize = self.shape.iter().product();
        vec![
            self.halves.info(|h| {
                h.decoder
                    .forward(h.encoder.forward(zeros(n + self.settings.noise)))
            }),
            self.discriminator.info(|t| t.forward(zeros(n + self.latent))),
        ]
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        let x = self.rows(&batches[0], &self.halves.device().clone())?;
        let own = self.observation;
        self.step_by(x, key, watch, &|decoder, z, x| own.likelihood(decoder, z, x))
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.halves.save();
        parts.extend(self.discriminator.save());
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.halves.load(read, purpose)?;
        match purpose {
            Purpose::Train => self.discriminator.load(read, purpose),
            _ => Ok(()),
        }
    }

    fn functions(&self) -> Vec<Function<'_>> {
        let latent = || Port::of("latent", &[self.latent], Holds::Normal, "standard normal");
        let (holds, meaning) = match self.observation.kind {
            Kind::Image => (Holds::Image, "an image, channels last, in [-1, 1]"),
            _ => (Holds::Numbers, "a point in the data's own units"),
        };
        let item = || Port::of("item", &self.shape, holds, meaning);
        let noise = Port::of("noise", &[self.settings.noise], Holds::Normal, "standard normal");
        let network = |x: &Tensor<2>| self.halves.for_use_on(&x.device());
        let decode = Function::new(
            "sample",
            "an item of a latent",
            vec![latent()],
            vec![item()],
            move |x| vec![self.observation.decoded(&network(&x[0]).decoder, x[0].clone())],
        );
        let encode = Function::new(
            "posterior",
            "a draw from the posterior",
            vec![item(), noise],
            vec![latent()],
            move |x| {
                vec![Self::latents(
                    &network(&x[0]).encoder,
                    x[0].clone() / self.observation.scale,
                    x[1].clone(),
                )]
            },
        );
        vec![decode, encode]
    }

    fn as_sample(&self) -> Option<&dyn Sample> {
        Some(self)
    }
    fn as_latent_space(&self) -> Option<&dyn LatentSpace> {
        Some(self)
    }
    fn as_encode(&self) -> Option<&dyn Encode> {
        Some(self)
    }
    fn as_reconstruct(&self) -> Option<&dyn Reconstruct> {
        Some(self)
    }
}

/// Draws by which an item's mean latent is found.
const ENCODED_BY: usize = 32;

impl Sample for Avb {
    fn sample(&self, request: &SampleRequest) -> Result<Samples> {
        unconditional(request, "avb")?;
        untempered(request, "avb")?;
        self.decode(self.prior(request.count, request.key) * request.truncation)
    }
}

impl LatentSpace for Avb {
    fn latent(&self) -> usize {
        self.latent
    }
    fn prior(&self, count: usize, key: Key) -> Tensor<2> {
        noise::normal(
            key.stream("latents").words(),
            [count, self.latent],
            &self.halves.plain_device(),
        )
    }
    fn decode(&self, latents: Tensor<2>) -> Result<Samples> {
        let [count, latent] = latents.dims();
        if latent != self.latent {
            let problem = format!("a latent of avb has {} numbers, not {latent}", self.latent);
            return Err(Error::usage(problem, "check the file of latents"));
        }
        if count == 0 {
            return Ok(self.samples(vec![]));
        }
        Ok(self.samples(numbers(
            self.observation.decoded(&self.halves.for_use().decoder, latents),
        )))
    }
}

impl Encode for Avb {
    /// The mean of some draws from the posterior.
    fn encode(&self, batch: &Batch) -> Result<Tensor<2>> {
        let n = batch.indices.len();
        let draws = self.posterior(batch, ENCODED_BY, Key::new(0).stream("encode"))?;
        let all = Tensor::<3>::from_data(
            TensorData::new(draws, [n, ENCODED_BY, self.latent]),
            &self.halves.plain_device(),
        );
        Ok(all.mean_dim(1).reshape([n, self.latent]))
    }
}

impl Reconstruct for Avb {
    /// By one draw from the posterior.
    fn reconstruct(&self, batch: &Batch, key: Key) -> Result<Reconstruction> {
        let z = TensorData::new(self.posterior(batch, 1, key)?, [batch.indices.len(), self.latent]);
        let output = self.decode(Tensor::from_data(z, &self.halves.plain_device()))?;
        Ok(Reconstruction { shown: None, output })
    }
}

impl Registered for Config {
    type Config = Config;
    fn defaults() -> Config {
        Config::default()
    }
    fn check(config: &Config) -> Result<()> {
        let (m, p) = (config.model, config.posterior);
        let counts = [
            ("model.latent", m.latent),
            ("model.width", m.width),
            ("posterior.noise", p.noise),
            ("posterior.discriminator_steps", p.discriminator_steps),
        ];
        if let Some((key, n)) = counts.into_iter().find(|(_, n)| !(1..=65536).contains(n)) {
            return Err(Error::recipe(
                key,
                format!("{n} is out of range"),
                "give 1 to 65536",
            ));
        }
        if p.contrast == 1 || p.contrast > 4096 {
            let problem = format!("{} draws give no deviation that could be used", p.contrast);
            return Err(Error::recipe(
                "posterior.contrast",
                problem,
                "give 0 for none, or 2 to 4096",
            ));
        }
        match m.deviation > 0.0 && m.deviation.is_finite() {
            true => Ok(()),
            false => {
                let problem = format!("{} is no standard deviation", m.deviation);
                Err(Error::recipe(
                    "model.deviation",
                    problem,
                    "give a number above 0, such as 0.1",
                ))
            }
        }
    }
    fn build(config: Config, info: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.build(info, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "avb",
    family: super::FAMILY,
    capabilities: &[
        Capability::Sample,
        Capability::LatentSpace,
        Capability::Encode,
        Capability::Reconstruct,
    ],
    paper: "Mescheder et al. 2017, Adversarial Variational Bayes, arXiv:1701.04722",
    recipe: "avb",
    data: &["digits"],
    tiny: &[
        ("model.width", "8"),
        ("model.latent", "4"),
        ("model.average", "0.9"),
        ("posterior.noise", "4"),
        ("posterior.contrast", "3"),
        ("data.size", "8"),
    ],
    ..Entry::of::<Config>()
};

#[cfg(test)]
mod tests;
