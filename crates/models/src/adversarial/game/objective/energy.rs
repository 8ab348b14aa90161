//! Discriminators that give items back. The energy of an item is the mean squared error of that, the score its negative.
use super::{Apart, Losses, Objective};
use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use menagerie_data::error::{Error, Result};
use serde::{Deserialize, Serialize};

fn positive(key: &str, value: f64) -> Result<()> {
    match value.is_finite() && value > 0.0 {
        true => Ok(()),
        false => Err(Error::recipe(
            key,
            format!("{value} is out of range"),
            "give a positive number",
        )),
    }
}

/// EBGAN (Zhao et al. 2016, arXiv:1609.03126): energies of data low, those of samples above a margin.
///
/// L_D = E e(x) + E max(0, m - e(G(z))),  L_G = E e(G(z))                                (equations 1 and 2)
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Energy {
    /// samples of a larger energy are left alone
    pub margin: f64,
}

impl Default for Energy {
    /// Images in [-1, 1] whose every pixel is a quarter of the range off.
    fn default() -> Self {
        Energy { margin: 0.25 }
    }
}

impl Energy {
    pub(super) fn check(&self) -> Result<()> {
        positive("objective.margin", self.margin)
    }
}

impl Objective for Energy {
    fn losses(&self) -> Losses<'_> {
        Losses::Apart(self)
    }
    fn watch(&self, data: &[f32], samples: &[f32]) -> Vec<(&'static str, f64)> {
        energies(data, samples).to_vec()
    }
}

impl Apart for Energy {
    fn data(&self, scores: Tensor<2>) -> Tensor<1> {
        -scores.mean()
    }
    fn samples(&self, scores: Tensor<2>) -> Tensor<1> {
        relu(scores + self.margin).mean()
    }
    fn generator(&self, scores: Tensor<2>) -> Tensor<1> {
        -scores.mean()
    }
}

fn mean(v: &[f32]) -> f64 {
    v.iter().map(|&x| x as f64).sum::<f64>() / v.len().max(1) as f64
}

fn energies(data: &[f32], samples: &[f32]) -> [(&'static str, f64); 2] {
    [("energy/data", -mean(data)), ("energy/samples", -mean(samples))]
}

/// BEGAN (Berthelot et al. 2017, arXiv:1703.10717): the two errors are held in a proportion by a controller.
///
/// L_D = L(x) - k_t L(G(z)),  L_G = L(G(z)),  k_(t+1) = k_t + lambda (gamma L(x) - L(G(z)))        (section 3.4)
/// M = L(x) + |gamma L(x) - L(G(z))| is the measure of convergence.
///
/// The errors are squared here, as for the other discriminators that give items back; the paper's are absolute.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Equilibrium {
    /// the proportion of the samples' error to that of data: lower for better, more alike samples
    pub gamma: f64,
    /// the controller's step
    pub step: f64,
    #[serde(skip)]
    pub(super) k: f64,
}

impl Default for Equilibrium {
    fn default() -> Self {
        Equilibrium {
            gamma: 0.5,
            step: 1e-3,
            k: 0.0,
        }
    }
}

impl Equilibrium {
    pub(super) fn check(&self) -> Result<()> {
        positive("objective.gamma", self.gamma)?;
        positive("objective.step", self.step)
    }
}

impl Objective for Equilibrium {
    fn losses(&self) -> Losses<'_> {
        Losses::Apart(self)
    }
    fn watch(&self, data: &[f32], samples: &[f32]) -> Vec<(&'static str, f64)> {
        let [(_, of_data), (_, of_samples)] = energies(data, samples);
        let measure = of_data + (self.gamma * of_data - of_samples).abs();
        [
            &energies(data, samples)[..],
            &[("energy/k", self.k), ("energy/convergence", measure)],
        ]
        .concat()
    }
    fn adapt(&mut self, data: f64, samples: f64) {
        // Scores are negative errors.
        self.k = (self.k + self.step * (samples - self.gamma * data)).clamp(0.0, 1.0);
    }
    fn state(&self) -> Option<f64> {
        Some(self.k)
    }
    fn restore(&mut self, state: f64) {
        self.k = state;
    }
}

impl Apart for Equilibrium {
    fn data(&self, scores: Tensor<2>) -> Tensor<1> {
        -scores.mean()
    }
    fn samples(&self, scores: Tensor<2>) -> Tensor<1> {
        scores.mean() * self.k
    }
    fn generator(&self, scores: Tensor<2>) -> Tensor<1> {
        -scores.mean()
    }
}
