//! The variational autoencoder.
//!
//! Kingma, Welling (2014), Auto-Encoding Variational Bayes, arXiv:1312.6114.
//!
//! ```text
//! L(x) = E_q log p(x | z) - KL(q(z | x) || p(z))                              (equation 3)
//! ```
//!
//! The encoder gives mean and variance of q(z | x), the decoder the parameters of p(x | z); one draw of z an item, by
//! reparameterization, gives the gradient of both.
use super::elbo::{Gaussian, Loss};
use super::likelihood::Likelihood;
use super::networks::{Encoder, PairNetwork};
use super::{Sizes, Training, Variational};
use crate::{Capability, Entry, Model, NetworkInfo, Part, Purpose, Registered, StepReport};
use burn::tensor::{Device, Tensor};
use menagerie_data::DataInfo;
use menagerie_data::error::Result;
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

/// Descends the negative evidence lower bound.
pub struct ByBound {
    learner: Learner<PairNetwork>,
    loss: Loss,
}

impl ByBound {
    /// With fresh networks; `average` is the decay of their moving average, 0 for none.
    ///
    /// # Errors
    /// For weights of the loss that are none, and an average that is no decay.
    pub fn new(
        pair: PairNetwork,
        loss: Loss,
        optimizer: OptimizerConfig,
        average: f64,
        device: &Device,
    ) -> Result<Self> {
        loss.check()?;
        Ok(ByBound {
            learner: Learner::new("autoencoder", pair, optimizer, average, device)?,
            loss,
        })
    }
}

impl Training for ByBound {
    type Encoder = Encoder;

    fn pair(&self) -> PairNetwork {
        self.learner.for_use()
    }

    fn device(&self) -> &Device {
        self.learner.device()
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        vec![self.learner.info(|pair| pair.pass_one(1))]
    }

    fn step(&mut self, likelihood: &Likelihood, x: Tensor<4>, key: Key, watch: bool) -> Result<StepReport> {
        let pair = self.learner.network();
        let q = Gaussian::of(pair.encoder.forward(x.clone()));
        let noise = noise::normal(
            key.stream("posterior").words(),
            [x.dims()[0], pair.decoder.inputs()],
            self.learner.device(),
        );
        let z = q.draw(noise);
        let log_likelihood = likelihood.log_probability(pair.decoder.forward(z), x);
        let bound = self
            .loss
            .negative_bound(log_likelihood, q.divergence(), self.learner.updates());
        let parts = watch.then(|| (value(&bound.reconstruction), value(&bound.divergence)));
        let weight = self.loss.at(self.learner.updates());
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
                ("weight/kl", weight),
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

/// The number in a tensor of one.
pub(super) fn value(t: &Tensor<1>) -> f64 {
    t.clone()
        .into_data()
        .as_slice::<f32>()
        .map_or(f64::NAN, |v| v[0] as f64)
}

impl Config {
    /// A fresh model for data of that description, under a registered name.
    ///
    /// # Errors
    /// For settings that do not fit each other or the data.
    pub fn build(
        &self,
        name: &'static str,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Variational<ByBound>> {
        let (pair, likelihood) = self.model.build(info, device, key)?;
        let training = ByBound::new(pair, self.loss, self.optimizer, self.model.average, device)?;
        Ok(Variational::new(name, training, likelihood))
    }
}

impl Registered for Config {
    type Config = Config;
    fn defaults() -> Config {
        Config::default()
    }
    fn check(config: &Config) -> Result<()> {
        config.loss.check()
    }
    fn build(config: Config, info: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.build("vae", info, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "vae",
    family: super::FAMILY,
    capabilities: &[
        Capability::Sample,
        Capability::LatentSpace,
        Capability::EvidenceBound,
        Capability::Encode,
        Capability::Reconstruct,
        Capability::Features,
    ],
    paper: "Kingma & Welling 2014, Auto-Encoding Variational Bayes, arXiv:1312.6114",
    recipe: "vae",
    data: &["digits"],
    tiny: &[
        ("model.hidden", "[16]"),
        ("model.latent", "4"),
        ("model.average", "0.9"),
    ],
    ..Entry::of::<Config>()
};
