//! b-GAN (Uehara et al. 2016, arXiv:1610.02920): the discriminator estimates the density ratio r = p / q of data to samples by
//! a Bregman divergence, the generator descends an f-divergence with the ratio in the place of the unknown densities.
//!
//! BR_f(r) = E_q [f'(r) r - f(r)] - E_p f'(r)                                              (equation 3)
//! L_G = E_q f(r)                                                                          (equation 6)
use super::{Apart, Losses, Objective};
use burn::tensor::Tensor;
use menagerie_data::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// The convex function by which the ratio is estimated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ratio {
    /// f(t) = (t - 1)^2 / 2
    #[default]
    Pearson,
    /// Pearson's of p against the mixture alpha p + (1 - alpha) q, whose ratio is bounded by 1 / alpha
    RelativePearson,
    /// f(t) = t log t - t
    KullbackLeibler,
}

/// The estimator; the score is the logarithm of the ratio.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DensityRatio {
    /// `pearson`, `relative-pearson` or `kullback-leibler`
    pub divergence: Ratio,
    /// relative Pearson's share of the data in the mixture
    pub alpha: f64,
}

impl Default for DensityRatio {
    fn default() -> Self {
        DensityRatio {
            divergence: Ratio::Pearson,
            alpha: 0.1,
        }
    }
}

/// Scores beyond are cut, so that ratios stay finite.
const BOUND: f64 = 12.0;

impl DensityRatio {
    /// Refuses a share out of range.
    pub(super) fn check(&self) -> Result<()> {
        match (0.0..1.0).contains(&self.alpha) {
            true => Ok(()),
            false => {
                let problem = format!("{} is not a share of a mixture", self.alpha);
                Err(Error::recipe(
                    "objective.alpha",
                    problem,
                    "give 0 or more, and less than 1",
                ))
            }
        }
    }

    /// r, or of the relative divergence r / (alpha r + 1 - alpha).
    fn ratio(&self, scores: Tensor<2>) -> Tensor<2> {
        let r = scores.clamp(-BOUND, BOUND).exp();
        match self.divergence {
            Ratio::RelativePearson => r.clone() / (r * self.alpha + (1.0 - self.alpha)),
            _ => r,
        }
    }
}

impl Objective for DensityRatio {
    fn losses(&self) -> Losses<'_> {
        Losses::Apart(self)
    }

    /// What the ratio makes of p / (p + q).
    fn probability(&self, score: f64) -> Option<f64> {
        Some(super::sigmoid(score))
    }
}

impl Apart for DensityRatio {
    /// -E_p f'(r), and for the relative divergence the mixture's share of data too
    fn data(&self, scores: Tensor<2>) -> Tensor<1> {
        match self.divergence {
            Ratio::Pearson => -(self.ratio(scores) - 1.0).mean(),
            // E_m r^2 / 2 - E_p r with m the mixture: here its part over p
            Ratio::RelativePearson => {
                let r = self.ratio(scores);
                (r.clone() * r.clone()).mean() * (0.5 * self.alpha) - r.mean()
            }
            Ratio::KullbackLeibler => -scores.clamp(-BOUND, BOUND).mean(),
        }
    }
    /// E_q [f'(r) r - f(r)]
    fn samples(&self, scores: Tensor<2>) -> Tensor<1> {
        let r = self.ratio(scores);
        match self.divergence {
            Ratio::Pearson => (r.clone() * r - 1.0).mean() * 0.5,
            Ratio::RelativePearson => (r.clone() * r).mean() * (0.5 * (1.0 - self.alpha)),
            Ratio::KullbackLeibler => r.mean(),
        }
    }
    /// The reverse Kullback-Leibler divergence, E_q [-log r]: descended where samples are, by the estimated ratio. Pearson's
    /// own E_q f(r) has its minimum at samples of ratio 1 and pushes samples of low ratio nowhere.
    fn generator(&self, scores: Tensor<2>) -> Tensor<1> {
        -scores.clamp(-BOUND, BOUND).mean()
    }
}
