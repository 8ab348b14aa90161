//! The evidence lower bound and its parts, in nats an item. Every model of the family takes them from here.
//!
//! ```text
//! log p(x) >= E_q log p(x | z) - KL(q(z | x) || p(z))                         Kingma & Welling 2014, equation 3
//! log p(x) >= E log (1/K) sum_k p(x, z_k) / q(z_k | x)                        Burda et al. 2016, equation 8
//! ```
use burn::tensor::Tensor;
use menagerie_data::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// A Gaussian with diagonal covariance over latents, one for each of N items: q(z | x), or a conditional prior.
#[derive(Clone, Debug)]
pub struct Gaussian {
    /// `[N, latent]`
    pub mean: Tensor<2>,
    /// logarithms of the variances, `[N, latent]`
    pub log_variance: Tensor<2>,
}

impl Gaussian {
    /// From what a network gives: `[N, 2 latent]`, means first.
    pub fn of(parameters: Tensor<2>) -> Self {
        let latent = parameters.dims()[1] / 2;
        Gaussian {
            mean: parameters.clone().narrow(1, 0, latent),
            log_variance: parameters.narrow(1, latent, latent),
        }
    }

    /// z = mean + exp(log variance / 2) noise (Kingma & Welling, equation 10) for standard normal noise `[K N, latent]`; row r
    /// is a draw for item r mod N.
    pub fn draw(&self, noise: Tensor<2>) -> Tensor<2> {
        let times = noise.dims()[0] / self.mean.dims()[0].max(1);
        let deviation = (self.log_variance.clone() * 0.5).exp();
        repeat(self.mean.clone(), times) + repeat(deviation, times) * noise
    }

    /// KL of it from the standard normal, by item and dimension `[N, latent]` (their appendix B):
    /// 1/2 (mean^2 + variance - log variance - 1).
    pub fn divergence(&self) -> Tensor<2> {
        let (m, l) = (self.mean.clone(), self.log_variance.clone());
        (l.clone().exp() + m.clone() * m - l - 1.0) * 0.5
    }

    /// The same of an item, over its dimensions, the mean over items.
    pub fn mean_divergence(&self) -> Tensor<1> {
        self.divergence().sum() / self.mean.dims()[0] as f64
    }

    /// KL of it from another, by item and dimension `[N, latent]`:
    /// 1/2 (((mean - mean')^2 + variance) / variance' - log (variance / variance') - 1).
    pub fn divergence_from(&self, other: &Gaussian) -> Tensor<2> {
        let gap = self.mean.clone() - other.mean.clone();
        let ratio = self.log_variance.clone() - other.log_variance.clone();
        (gap.clone() * gap * (-other.log_variance.clone()).exp() + ratio.clone().exp() - ratio - 1.0) * 0.5
    }

    /// log p(z) - log q(z | x) of the draws z that the noise made, `[K N]`, with p standard normal. Since
    /// z = mean + deviation noise, log q is the noise's own density over the deviation.
    pub fn log_prior_over_posterior(&self, z: Tensor<2>, noise: Tensor<2>) -> Tensor<1> {
        let [rows, _] = z.dims();
        let times = rows / self.mean.dims()[0].max(1);
        let squares = noise.clone() * noise - z.clone() * z + repeat(self.log_variance.clone(), times);
        (squares.sum_dim(1) * 0.5).reshape([rows])
    }
}

/// The rows again and again: `[N, D]` -> `[times N, D]`.
fn repeat(x: Tensor<2>, times: usize) -> Tensor<2> {
    if times == 1 { x } else { x.repeat_dim(0, times) }
}

/// log (1/K) sum_k exp w of logarithms of weights `[K N]`, for each of the N items.
pub fn log_mean_exp(log_weights: Tensor<1>, samples: usize) -> Tensor<1> {
    let items = log_weights.dims()[0] / samples.max(1);
    let w = log_weights.reshape([samples, items]);
    // Detached: the largest is taken out and added back, so it has no gradient of its own.
    let top = w.clone().detach().max_dim(0);
    let sum = (w - top.clone()).exp().sum_dim(0);
    (sum.log() + top - (samples as f64).ln()).reshape([items])
}

/// `[loss]`: how the two terms of the bound are weighed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Loss {
    /// weight of the KL term; 1 is the bound itself (Higgins et al. 2017 take more)
    pub beta: f64,
    /// the weight rises linearly from 0 to `beta` in so many steps (Bowman et al. 2016; Sonderby et al. 2016)
    pub warm_up: u64,
    /// nats of a latent dimension, as the mean over a batch, that cost nothing (Kingma et al. 2016, equation 15)
    pub free_bits: f64,
}

impl Default for Loss {
    fn default() -> Self {
        Loss {
            beta: 1.0,
            warm_up: 0,
            free_bits: 0.0,
        }
    }
}

/// A loss and what it is made of, in nats an item.
pub struct Bound {
    /// what is descended, shape `[1]`
    pub loss: Tensor<1>,
    /// - E_q log p(x | z), shape `[1]`
    pub reconstruction: Tensor<1>,
    /// the KL term without its weight, shape `[1]`
    pub divergence: Tensor<1>,
}

impl Loss {
    /// Refuses weights that are none.
    ///
    /// # Errors
    /// [`Error::Recipe`] with the key.
    pub fn check(&self) -> Result<()> {
        for (key, v) in [("loss.beta", self.beta), ("loss.free_bits", self.free_bits)] {
            if !(v.is_finite() && v >= 0.0) {
                return Err(Error::recipe(
                    key,
                    format!("{v} is not a weight"),
                    "give 0 or more",
                ));
            }
        }
        Ok(())
    }

    /// The KL term's weight in the update after `updates` others.
    pub fn at(&self, updates: u64) -> f64 {
        self.beta * (1.0f64).min((updates + 1) as f64 / (self.warm_up + 1) as f64)
    }

    /// mean_n -log p(x_n | z_n) + weight KL, from the items' log-likelihoods `[N]` and divergences `[N, latent]`.
    pub fn negative_bound(&self, log_likelihood: Tensor<1>, divergence: Tensor<2>, updates: u64) -> Bound {
        let items = divergence.dims()[0].max(1) as f64;
        let reconstruction = -log_likelihood.mean();
        let (total, weighed) = match self.free_bits {
            0.0 => {
                let total = divergence.sum() / items;
                (total.clone(), total)
            }
            free => {
                let by_dimension = divergence.sum_dim(0) / items;
                (
                    by_dimension.clone().detach().sum(),
                    by_dimension.clamp_min(free).sum(),
                )
            }
        };
        Bound {
            loss: reconstruction.clone() + weighed * self.at(updates),
            reconstruction,
            divergence: total,
        }
    }
}
