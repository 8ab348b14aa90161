//! f-GAN (Nowozin et al. 2016, arXiv:1606.00709): any f-divergence by its variational lower bound.
//!
//! D_f(P || Q) >= sup_T E_P T(x) - E_Q f*(T(x)),  T = g_f(score)                         (equations 4 and 6; table 2)
//!
//! The discriminator ascends the bound, the generator descends it or, as section 3.2 has it in practice, ascends E_Q T.
use super::{Apart, Losses, Objective, sigmoid};
use burn::tensor::Tensor;
use burn::tensor::activation::softplus;
use serde::{Deserialize, Serialize};

/// The divergences of table 6, with P the data and Q the generator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Divergence {
    /// f(u) = u log u: covers all of the data
    KullbackLeibler,
    /// f(u) = -log u: seeks modes
    ReverseKl,
    /// f(u) = (u - 1)^2
    Pearson,
    /// f(u) = (1 - u)^2 / u
    Neyman,
    /// f(u) = (sqrt u - 1)^2
    SquaredHellinger,
    /// f(u) = u log u - (u + 1) log((1 + u) / 2)
    JensenShannon,
    /// f(u) = u log u - (u + 1) log(u + 1)
    #[default]
    Gan,
}

impl Divergence {
    /// Every divergence.
    pub const ALL: [Divergence; 7] = [
        Divergence::KullbackLeibler,
        Divergence::ReverseKl,
        Divergence::Pearson,
        Divergence::Neyman,
        Divergence::SquaredHellinger,
        Divergence::JensenShannon,
        Divergence::Gan,
    ];

    /// T = g_f(v), into the domain of the conjugate.
    pub fn output(self, v: Tensor<2>) -> Tensor<2> {
        match self {
            Divergence::KullbackLeibler | Divergence::Pearson => v,
            Divergence::ReverseKl => -(-v).exp(),
            Divergence::Neyman | Divergence::SquaredHellinger => -(-v).exp() + 1.0,
            // log 2 - log(1 + e^-v), and -log(1 + e^-v)
            Divergence::JensenShannon => -softplus(-v, 1.0) + std::f64::consts::LN_2,
            Divergence::Gan => -softplus(-v, 1.0),
        }
    }

    /// f*(g_f(v)), written in v so that nothing overflows on the way.
    pub fn conjugate(self, v: Tensor<2>) -> Tensor<2> {
        match self {
            // f*(t) = exp(t - 1)
            Divergence::KullbackLeibler => (v - 1.0).exp(),
            // f*(t) = -1 - log(-t), with log(-t) = -v
            Divergence::ReverseKl => v - 1.0,
            // f*(t) = t^2 / 4 + t
            Divergence::Pearson => v.clone() * v.clone() * 0.25 + v,
            // f*(t) = 2 - 2 sqrt(1 - t), with 1 - t = e^-v
            Divergence::Neyman => (v * -0.5).exp() * -2.0 + 2.0,
            // f*(t) = t / (1 - t), with 1 - t = e^-v: e^v - 1
            Divergence::SquaredHellinger => v.exp() - 1.0,
            // f*(t) = -log(2 - e^t), with e^t = 2 s(v): -log 2 + softplus(v)
            Divergence::JensenShannon => softplus(v, 1.0) - std::f64::consts::LN_2,
            // f*(t) = -log(1 - e^t), with e^t = s(v): softplus(v)
            Divergence::Gan => softplus(v, 1.0),
        }
    }

    /// f(u).
    pub fn f(self, u: f64) -> f64 {
        match self {
            Divergence::KullbackLeibler => u * u.ln(),
            Divergence::ReverseKl => -u.ln(),
            Divergence::Pearson => (u - 1.0).powi(2),
            Divergence::Neyman => (1.0 - u).powi(2) / u,
            Divergence::SquaredHellinger => (u.sqrt() - 1.0).powi(2),
            Divergence::JensenShannon => u * u.ln() - (u + 1.0) * (0.5 * (1.0 + u)).ln(),
            Divergence::Gan => u * u.ln() - (u + 1.0) * (u + 1.0).ln(),
        }
    }
}

/// A divergence, and how the generator descends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FDivergence {
    /// which
    pub divergence: Divergence,
    /// the generator descends the bound itself, -E f*(T); otherwise it ascends E T (section 3.2), which has stronger
    /// gradients early on
    pub saddle: bool,
}

impl Default for FDivergence {
    fn default() -> Self {
        FDivergence {
            divergence: Divergence::Gan,
            saddle: true,
        }
    }
}

impl Objective for FDivergence {
    fn losses(&self) -> Losses<'_> {
        Losses::Apart(self)
    }

    fn probability(&self, score: f64) -> Option<f64> {
        matches!(self.divergence, Divergence::Gan | Divergence::JensenShannon).then(|| sigmoid(score))
    }

    /// The bound that the discriminator has reached.
    fn watch(&self, data: &[f32], samples: &[f32]) -> Vec<(&'static str, f64)> {
        let device = burn::tensor::Device::flex();
        let mean = |s: &[f32], of: &dyn Fn(Tensor<2>) -> Tensor<2>| -> f64 {
            let t = Tensor::<1>::from_floats(s, &device).reshape([s.len(), 1]);
            of(t).mean().into_scalar::<f32>() as f64
        };
        let bound =
            mean(data, &|v| self.divergence.output(v)) - mean(samples, &|v| self.divergence.conjugate(v));
        vec![("d/bound", bound)]
    }
}

impl Apart for FDivergence {
    fn data(&self, scores: Tensor<2>) -> Tensor<1> {
        -self.divergence.output(scores).mean()
    }
    fn samples(&self, scores: Tensor<2>) -> Tensor<1> {
        self.divergence.conjugate(scores).mean()
    }
    fn generator(&self, scores: Tensor<2>) -> Tensor<1> {
        match self.saddle {
            true => -self.divergence.conjugate(scores).mean(),
            false => -self.divergence.output(scores).mean(),
        }
    }
}
