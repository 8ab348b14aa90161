//! The importance-weighted autoencoder: a VAE trained on a tighter bound.
//!
//! Burda, Grosse, Salakhutdinov (2016), Importance Weighted Autoencoders, arXiv:1509.00519.
//!
//! ```text
//! L_K(x) = E log (1/K) sum_k p(x, z_k) / q(z_k | x),  z_k ~ q(z | x)          (equation 8)
//! ```
//!
//! L_1 is the evidence lower bound, L_K rises with K, and tends to log p(x).
use super::elbo::{Gaussian, log_mean_exp};
use super::likelihood::Likelihood;
use super::networks::{Encoder, PairNetwork};
use super::vae::value;
use super::{Sizes, Training, Variational};
use crate::{Capability, Entry, Model, NetworkInfo, Part, Purpose, Registered, StepReport};
use burn::tensor::{Device, Tensor};
use menagerie_data::DataInfo;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_kernels::noise;
use menagerie_nn::{Learner, OptimizerConfig, Tensors};
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

/// `[loss]`
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Loss {
    /// draws of the latent an item, K
    pub samples: usize,
}

impl Default for Loss {
    fn default() -> Self {
        Loss { samples: 5 }
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

/// Descends the negative importance-weighted bound.
pub struct ByImportance {
    learner: Learner<PairNetwork>,
    samples: usize,
}

impl Training for ByImportance {
    type Encoder = Encoder;

    fn pair(&self) -> PairNetwork {
        self.learner.for_use()
    }

    fn device(&self) -> &Device {
        self.learner.device()
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        vec![self.learner.info(|pair| pair.pass_one(self.samples))]
    }

    fn step(&mut self, likelihood: &Likelihood, x: Tensor<4>, key: Key, watch: bool) -> Result<StepReport> {
        let pair = self.learner.network();
        let q = Gaussian::of(pair.encoder.forward(x.clone()));
        let rows = self.samples * x.dims()[0];
        let noise: Tensor<2> = noise::normal(
            key.stream("posterior").words(),
            [rows, pair.decoder.inputs()],
            self.learner.device(),
        );
        let z = q.draw(noise.clone());
        let log_likelihood = likelihood.log_probability(pair.decoder.forward(z.clone()), x);
        let log_weights = log_likelihood.clone() + q.log_prior_over_posterior(z, noise);
        // Detached: what no backward pass goes through would stay on the tape.
        let parts = watch.then(|| {
            let q = Gaussian {
                mean: q.mean.detach(),
                log_variance: q.log_variance.detach(),
            };
            (
                -value(&log_likelihood.detach().mean()),
                value(&q.divergence().sum()) / q.mean.dims()[0] as f64,
            )
        });
        let bound = log_mean_exp(log_weights, self.samples).mean();
        let seen = self.learner.descend(-bound, watch)?;
        let mut report = StepReport {
            scalars: vec![("loss/total", seen.loss)],
            troubles: vec![],
        };
        if let Some((reconstruction, divergence)) = parts {
            report.scalars.extend([
                ("loss/reconstruction", reconstruction),
                ("loss/kl", divergence),
                ("bound/elbo", -reconstruction - divergence),
                ("bound/importance-weighted", -seen.loss),
            ]);
            report
                .scalars
                .extend(seen.gradient.map(|g| ("gradient/autoencoder", g)));
        }
        Ok(report)
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        self.learner.save()
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.learner.load(read, purpose)
    }
}

impl Config {
    fn check(&self) -> Result<()> {
        match self.loss.samples {
            1..=10_000 => Ok(()),
            n => Err(Error::recipe(
                "loss.samples",
                format!("{n} draws per item cannot be used"),
                "give 1 (a VAE) to 10000, say 5",
            )),
        }
    }

    /// A fresh model for data of that description.
    ///
    /// # Errors
    /// For settings that do not fit each other or the data.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<Variational<ByImportance>> {
        self.check()?;
        let (pair, likelihood) = self.model.build(info, device, key)?;
        let learner = Learner::new("autoencoder", pair, self.optimizer, self.model.average, device)?;
        Ok(Variational::new(
            "iwae",
            ByImportance {
                learner,
                samples: self.loss.samples,
            },
            likelihood,
        ))
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
    name: "iwae",
    family: super::FAMILY,
    capabilities: &[
        Capability::Sample,
        Capability::LatentSpace,
        Capability::EvidenceBound,
        Capability::Encode,
        Capability::Reconstruct,
        Capability::Features,
    ],
    paper: "Burda et al. 2016, Importance Weighted Autoencoders, arXiv:1509.00519",
    recipe: "iwae",
    data: &["digits"],
    tiny: &[
        ("model.hidden", "[16]"),
        ("model.latent", "4"),
        ("loss.samples", "3"),
        ("model.observation", "discretized-logistic"),
    ],
    ..Entry::of::<Config>()
};
