//! Relativistic discriminators (Jolicoeur-Martineau 2018, arXiv:1807.00734): is this item of the data more like data than a
//! sample? The generator then also makes data look less like data, as it does at the optimum.
use super::{Losses, Objective, Together};
use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use menagerie_kernels::softplus_mean;
use serde::{Deserialize, Serialize};

/// The loss of a difference of scores that should be positive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flavour {
    /// softplus(-d): RSGAN, and RpGAN of R3GAN
    #[default]
    NonSaturating,
    /// max(0, 1 - d)
    Hinge,
    /// (d - 1)^2
    LeastSquares,
}

impl Flavour {
    fn loss(self, difference: Tensor<2>) -> Tensor<1> {
        match self {
            Flavour::NonSaturating => softplus_mean(difference, -1.0),
            Flavour::Hinge => relu(-difference + 1.0).mean(),
            Flavour::LeastSquares => {
                let error = difference - 1.0;
                (error.clone() * error).mean()
            }
        }
    }
}

/// Pairs (equations 1 and 2): L_D = E f(s(x) - s(G(z))), L_G = E f(s(G(z)) - s(x)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Relativistic {
    /// `non-saturating`, `hinge` or `least-squares`
    pub flavour: Flavour,
}

impl Objective for Relativistic {
    fn losses(&self) -> Losses<'_> {
        Losses::Together(self)
    }
}

impl Together for Relativistic {
    fn discriminator(&self, data: Tensor<2>, samples: Tensor<2>) -> Tensor<1> {
        self.flavour.loss(data - samples)
    }
    fn generator(&self, data: Tensor<2>, samples: Tensor<2>) -> Tensor<1> {
        self.flavour.loss(samples - data)
    }
}

/// Averages (equations 7 and 8): each item against the mean score of the other kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RelativisticAverage {
    /// `non-saturating`, `hinge` or `least-squares`
    pub flavour: Flavour,
}

impl Objective for RelativisticAverage {
    fn losses(&self) -> Losses<'_> {
        Losses::Together(self)
    }
}

impl RelativisticAverage {
    fn sides(&self, above: Tensor<2>, below: Tensor<2>) -> Tensor<1> {
        let (mean_above, mean_below) = (above.clone().mean_dim(0), below.clone().mean_dim(0));
        self.flavour.loss(above - mean_below) + self.flavour.loss(mean_above - below)
    }
}

impl Together for RelativisticAverage {
    fn discriminator(&self, data: Tensor<2>, samples: Tensor<2>) -> Tensor<1> {
        self.sides(data, samples)
    }
    fn generator(&self, data: Tensor<2>, samples: Tensor<2>) -> Tensor<1> {
        self.sides(samples, data)
    }
}
