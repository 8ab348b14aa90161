//! Adversarial variational Bayes: a variational autoencoder whose encoder may draw from any distribution, since nobody needs its density.
//!
//! Mescheder, Nowozin, Geiger (2017), Adversarial Variational Bayes: Unifying Variational Autoencoders and Generative Adversarial Networks,
//! arXiv:1701.04722.
//!
//! ```text
//! z = f(x, e),  e ~ N(0, 1)                                           the encoder: q(z | x) has no formula
//! max_T  E_x E_q(z|x) log sigmoid(T(x, z)) + E_x E_p(z) log (1 - sigmoid(T(x, z)))         (equation 3.3)
//! T* = log q(z | x) - log p(z)                                                             (proposition 1)
//! max_f,p  E_x E_e [-T(x, f(x, e)) + log p(x | f(x, e))]                                   (equation 3.7)
//! ```
//!
//! Adaptive contrast (section 4): with r(z | x) the Gaussian of q's own means and variances, T learns log q - log r only, which is small;
//! log r - log p is added as it is. T sees latents less these means, over these deviations, so that r is the standard normal. By proposition 2
//! no gradient has to pass T's weights. The moments are those of some draws, of other noise in every step, and of noise that is always the same where
//! they answer.
//! (The paper's encoder is a sum of products of what noise and item give, whose moments are cheaper; this one is its general form.)
//!
//! `score` gives a true bound: it draws from r, whose density is known, and never asks T.
mod network;
#[cfg(test)]
mod tests;

use super::elbo::{Gaussian, Loss};
use super::likelihood::Likelihood;
use super::networks::{PairNetwork, Recognition};
use super::vae::value;
use super::{Sizes, Training, Variational};
use crate::{Capability, Entry, Model, NetworkInfo, Part, Purpose, Registered, StepReport};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use menagerie_data::DataInfo;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_kernels::{noise, softplus_mean};
use menagerie_nn::{Init, Learner, OptimizerConfig, Tensors};
use network::{ImplicitEncoder, Joined};
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`; the discriminator's way of items is the encoder's
    pub model: Sizes,
    /// `[posterior]`
    pub posterior: Posterior,
    /// `[discriminator]`
    pub discriminator: Discriminator,
    /// `[loss]`
    pub loss: Loss,
    /// `[optimizer]`
    pub optimizer: Optimizers,
}

/// `[posterior]`: what the encoder draws from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Posterior {
    /// numbers of noise beside an item
    pub noise: usize,
    /// units of the layers that see both
    pub hidden: Vec<usize>,
    /// draws of which an item's means and variances are taken
    pub draws: usize,
}

/// `[discriminator]`: how the ratio of densities is learned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Discriminator {
    /// units of the layers that see item and latent
    pub hidden: Vec<usize>,
    /// its updates for each of encoder and decoder
    pub steps: usize,
    /// compare the posterior with the Gaussian of its own moments; otherwise with the prior
    pub adaptive: bool,
}

/// `[optimizer.autoencoder]` and `[optimizer.discriminator]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Optimizers {
    /// encoder's and decoder's
    pub autoencoder: OptimizerConfig,
    /// the discriminator's
    pub discriminator: OptimizerConfig,
}

impl Default for Posterior {
    fn default() -> Self {
        Posterior {
            noise: 32,
            hidden: vec![256],
            draws: 32,
        }
    }
}

impl Default for Discriminator {
    fn default() -> Self {
        Discriminator {
            hidden: vec![256, 256],
            steps: 1,
            adaptive: true,
        }
    }
}

impl Default for Optimizers {
    fn default() -> Self {
        Optimizers {
            autoencoder: OptimizerConfig::adam(2e-4).betas(0.5, 0.999),
            discriminator: OptimizerConfig::adam(1e-3).betas(0.5, 0.999),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let (discriminator, loss) = (Discriminator::default(), Loss::default());
        Config {
            model: Sizes::default(),
            posterior: Posterior::default(),
            discriminator,
            loss,
            optimizer: Optimizers::default(),
        }
    }
}

/// Algorithm 1 over three networks.
pub struct ByRatio {
    autoencoder: Learner<PairNetwork<ImplicitEncoder>>,
    discriminator: Learner<Joined>,
    settings: Discriminator,
    loss: Loss,
}

/// Latents less the means, over the deviations of an item's Gaussian.
fn standardized(z: Tensor<2>, of: &Gaussian) -> Tensor<2> {
    (z - of.mean.clone()) * (of.log_variance.clone() * -0.5).exp()
}

/// E_q log r(z | x) - log p(z), by draws of latents, by item, `[batch]`. The mean of |z - mean|^2 / variance is one in each dimension, since
/// r has q's moments; so it is written as that: a draw far out would else be rewarded by its square, of which T knows nothing.
fn log_contrast_over_prior(z: Tensor<2>, r: &Gaussian) -> Tensor<1> {
    let items = z.dims()[0];
    let squares = z.clone() * z - r.log_variance.clone() - 1.0;
    (squares.sum_dim(1) * 0.5).reshape([items])
}

impl ByRatio {
    /// r(z | x) of items, of other noise each time; the prior where the contrast is not adaptive.
    fn contrast(&self, x: &Tensor<4>, key: Key) -> Gaussian {
        let pair = self.autoencoder.network();
        match self.settings.adaptive {
            true => {
                let shape = [pair.encoder.draws(), pair.encoder.noise()];
                let noise = noise::normal(key.words(), shape, &x.device());
                pair.encoder.moments(x.clone(), noise)
            }
            false => {
                let zeros = Tensor::zeros([x.dims()[0], pair.decoder.inputs()], &x.device());
                Gaussian {
                    mean: zeros.clone(),
                    log_variance: zeros,
                }
            }
        }
    }

    /// One update of T by draws of q and of r (equation 3.3); its loss.
    fn judge(&mut self, x: &Tensor<4>, r: &Gaussian, key: Key) -> Result<f64> {
        let (items, device) = (x.dims()[0], x.device());
        let pair = self.autoencoder.network();
        let noise = noise::normal(
            key.stream("posterior").words(),
            [items, pair.encoder.noise()],
            &device,
        );
        let z = pair.encoder.clone().no_grad().draw(x.clone(), noise);
        let of_q = standardized(z, r).detach();
        let of_r = noise::normal(key.stream("contrast").words(), of_q.dims(), &device);
        let t = self.discriminator.network();
        let loss =
            softplus_mean(t.forward(x.clone(), of_q), -1.0) + softplus_mean(t.forward(x.clone(), of_r), 1.0);
        Ok(self.discriminator.descend(loss, false)?.loss)
    }
}

impl Training for ByRatio {
    type Encoder = ImplicitEncoder;

    fn pair(&self) -> PairNetwork<ImplicitEncoder> {
        self.autoencoder.for_use()
    }

    fn device(&self) -> &Device {
        self.autoencoder.device()
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        let both = |pair: &PairNetwork<ImplicitEncoder>| {
            pair.encoder.pass_one();
            pair.decoder.forward(pair.decoder.blank(1))
        };
        let judged = |t: &Joined| {
            let (item, latent) = t.blank();
            t.forward(item.repeat_dim(0, 2), latent.repeat_dim(0, 2))
        };
        vec![self.autoencoder.info(both), self.discriminator.info(judged)]
    }

    fn step(&mut self, likelihood: &Likelihood, x: Tensor<4>, key: Key, watch: bool) -> Result<StepReport> {
        let r = self.contrast(&x, key.stream("moments"));
        let mut of_discriminator = 0.0;
        for i in 0..self.settings.steps {
            of_discriminator = self.judge(&x, &r, key.stream("discriminator").step(i as u64))?;
        }
        let pair = self.autoencoder.network();
        let shape = [x.dims()[0], pair.encoder.noise()];
        let noise = noise::normal(key.stream("posterior").words(), shape, &x.device());
        let z = pair.encoder.draw(x.clone(), noise);
        let seen = standardized(z.clone(), &r);
        let t = self.discriminator.network().clone().no_grad();
        let ratio = t.forward(x.clone(), seen).mean();
        // The prior's contrast with itself is none.
        let contrast = match self.settings.adaptive {
            true => log_contrast_over_prior(z.clone(), &r).mean(),
            false => ratio.zeros_like(),
        };
        let reconstruction = -likelihood.log_probability(pair.decoder.forward(z), x).mean();
        let parts = watch.then(|| [&ratio, &contrast, &reconstruction].map(|t| value(&t.clone().detach())));
        let weight = self.loss.at(self.autoencoder.updates());
        let loss = reconstruction + (ratio + contrast) * weight;
        let seen = self.autoencoder.descend(loss, watch)?;
        let mut report = StepReport {
            scalars: vec![
                ("loss/total", seen.loss),
                ("loss/discriminator", of_discriminator),
            ],
            troubles: vec![],
        };
        if let Some([ratio, contrast, reconstruction]) = parts {
            report.scalars.extend([
                ("loss/reconstruction", reconstruction),
                ("loss/kl", ratio + contrast),
                ("contrast/kl", ratio),
                // Of T, which is not the best there is: neither a bound nor far from one.
                ("bound/estimate", -reconstruction - ratio - contrast),
                ("weight/kl", weight),
            ]);
            report
                .scalars
                .extend(seen.gradient.map(|g| ("gradient/autoencoder", g)));
        }
        Ok(report)
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.autoencoder.save();
        parts.extend(self.discriminator.save());
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.autoencoder.load(read, purpose)?;
        match purpose {
            Purpose::Train => self.discriminator.load(read, purpose),
            _ => Ok(()),
        }
    }
}

impl Config {
    fn check(&self) -> Result<()> {
        self.loss.check()?;
        if self.loss.free_bits != 0.0 {
            return Err(Error::recipe(
                "loss.free_bits",
                "the dimensions of a posterior without a formula have no KL terms of their own",
                "leave it at 0",
            ));
        }
        let counts = [
            ("posterior.noise", self.posterior.noise, 1),
            ("posterior.draws", self.posterior.draws, 2),
            ("discriminator.steps", self.discriminator.steps, 1),
        ];
        if let Some((key, n, least)) = counts
            .into_iter()
            .find(|(_, n, least)| !(*least..=4096).contains(n))
        {
            return Err(Error::recipe(
                key,
                format!("{n} is out of range"),
                format!("give {least} to 4096"),
            ));
        }
        let layers = [
            ("posterior.hidden", &self.posterior.hidden),
            ("discriminator.hidden", &self.discriminator.hidden),
        ];
        match layers.into_iter().find(|(_, h)| h.is_empty() || h.contains(&0)) {
            None => Ok(()),
            Some((key, _)) => Err(Error::recipe(
                key,
                "there is no layer in which the two could meet",
                "give one number of units or more, such as [256]",
            )),
        }
    }

    /// Fresh networks for items of that description.
    ///
    /// # Errors
    /// For settings that do not fit each other or the data.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<Variational<ByRatio>> {
        self.check()?;
        // The decoder is a VAE's; of its encoder there is only the way of items.
        let (pair, likelihood) = self.model.build(info, device, key)?;
        let (layers, item, latent) = (self.model.layers(), likelihood.item(), self.model.latent);
        let init = Init::new(key, device);
        let (p, d) = (&self.posterior, &self.discriminator);
        let at = init.at("implicit");
        let network = Joined::new(&layers, item, p.noise, &p.hidden, latent, &at);
        let pair = PairNetwork {
            encoder: ImplicitEncoder::new(network, p.draws, &at),
            decoder: pair.decoder,
        };
        let at = init.at("discriminator");
        let discriminator = Joined::new(&layers, item, latent, &d.hidden, 1, &at);
        let (average, o) = (self.model.average, self.optimizer);
        let training = ByRatio {
            autoencoder: Learner::new("autoencoder", pair, o.autoencoder, average, device)?,
            discriminator: Learner::new("discriminator", discriminator, o.discriminator, 0.0, device)?,
            settings: self.discriminator.clone(),
            loss: self.loss,
        };
        Ok(Variational::new("avb", training, likelihood))
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
    name: "avb",
    family: super::FAMILY,
    capabilities: &[
        Capability::Sample,
        Capability::LatentSpace,
        Capability::EvidenceBound,
        Capability::Encode,
        Capability::Reconstruct,
        Capability::Features,
    ],
    paper: "Mescheder et al. 2017, Adversarial Variational Bayes, arXiv:1701.04722",
    recipe: "avb",
    data: &["digits"],
    tiny: &[
        ("model.hidden", "[16]"),
        ("model.latent", "4"),
        ("model.average", "0.9"),
        ("posterior.noise", "3"),
        ("posterior.hidden", "[16]"),
        ("posterior.draws", "8"),
        ("discriminator.hidden", "[16, 8]"),
    ],
    ..Entry::of::<Config>()
};
