//! Penalties of the gradient of the score by the item, worked out by carrying a direction forward (see
//! [`menagerie_nn::Dual`]): Burn differentiates once, and once more through the direction.
use super::super::super::networks::CriticNetwork;
use burn::module::Module;
use burn::tensor::{Gradients, Tensor};
use menagerie_data::random::Key;
use menagerie_kernels::noise;
use menagerie_nn::Dual;
use serde::{Deserialize, Serialize};

/// Where the gradient is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum At {
    /// at data
    Data,
    /// at samples
    Samples,
    /// anywhere on the line between an item of the data and a sample (Gulrajani et al. 2017)
    #[default]
    Between,
    /// at data in noise (Kodali et al. 2017)
    Around,
}

/// Which norms are penalized.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sided {
    /// those above and below the centre
    #[default]
    Two,
    /// those above alone (Petzka et al. 2017, arXiv:1709.08894: WGAN-LP)
    One,
}

/// `[penalty.gradient]`: weight E (||grad D|| - centre)^2 (Gulrajani et al. 2017, arXiv:1704.00028, equation 3). With
/// `at = "around"` it is DRAGAN's (Kodali et al. 2017, arXiv:1705.07215).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gradient {
    /// `between`, `data`, `samples` or `around`
    pub at: At,
    /// the norm that costs nothing
    pub centre: f64,
    /// `two` or `one`
    pub sided: Sided,
    /// the paper's lambda
    pub weight: f64,
    /// updates of the discriminator from one to the next; its weight grows as much (Karras et al. 2020, appendix B)
    pub every: u64,
}

impl Default for Gradient {
    fn default() -> Self {
        Gradient {
            at: At::Between,
            centre: 1.0,
            sided: Sided::Two,
            weight: 10.0,
            every: 1,
        }
    }
}

/// `[penalty.r1]` and `[penalty.r2]`: weight / 2 E ||grad D||^2 at data, at samples (Mescheder et al. 2018, arXiv:1801.04406,
/// equations 9 and 10).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ZeroCentred {
    /// the paper's gamma
    pub weight: f64,
    /// updates of the discriminator from one to the next; its weight grows as much
    pub every: u64,
    /// the weight after `steps`, to which it falls along half a cosine (Huang et al. 2024 let gamma fall)
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<f64>,
    /// updates over which it falls
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<u64>,
}

impl Default for ZeroCentred {
    fn default() -> Self {
        ZeroCentred {
            weight: 10.0,
            every: 1,
            last: None,
            steps: None,
        }
    }
}

impl Gradient {
    /// The points at which it looks, of as many items of data and samples as both have.
    pub fn points(&self, data: Tensor<4>, samples: Tensor<4>, key: Key) -> Tensor<4> {
        let [n, h, w, c] = data.dims();
        let n = n.min(samples.dims()[0]);
        let device = data.device();
        match self.at {
            At::Data => data,
            At::Samples => samples,
            At::Between => {
                let u: Tensor<4> = noise::uniform(key.words(), [n, 1, 1, 1], &device);
                let (data, samples) = (data.narrow(0, 0, n), samples.narrow(0, 0, n));
                data.clone() + (samples - data) * u
            }
            // Half a standard deviation of the batch, as the authors' code has it.
            At::Around => {
                let numbers = (n * h * w * c) as f64;
                let mean = data.clone().sum() / numbers;
                let centred = data.clone() - mean.reshape([1, 1, 1, 1]);
                let std = ((centred.clone() * centred).sum() / numbers)
                    .sqrt()
                    .reshape([1, 1, 1, 1]);
                let u: Tensor<4> = noise::uniform(key.words(), [data.dims()[0], h, w, c], &device);
                data + u * std * 0.5
            }
        }
    }

    /// Its value at a norm, and the derivative by the norm.
    pub fn of_norm(&self, norm: f64) -> (f64, f64) {
        let off = match self.sided {
            Sided::Two => norm - self.centre,
            Sided::One => (norm - self.centre).max(0.0),
        };
        (self.weight * off * off, 2.0 * self.weight * off)
    }
}

impl ZeroCentred {
    /// The weight after so many updates.
    pub fn weight_at(&self, updates: u64) -> f64 {
        let (Some(last), Some(steps)) = (self.last, self.steps) else {
            return self.weight;
        };
        let part = (updates as f64 / steps.max(1) as f64).min(1.0);
        last + (self.weight - last) * 0.5 * (1.0 + (std::f64::consts::PI * part).cos())
    }

    /// Its value at a norm after so many updates, and the derivative by the norm.
    pub fn of_norm(&self, norm: f64, updates: u64) -> (f64, f64) {
        let weight = self.weight_at(updates);
        (0.5 * weight * norm * norm, weight * norm)
    }
}

/// What a gradient penalty gives.
pub struct Penalized {
    /// of the discriminator's weights
    pub gradients: Gradients,
    /// the penalty itself
    pub value: f64,
    /// the mean norm of the gradient by an item
    pub norm: f64,
}

/// The penalty mean phi(||d score / d x||) at items x, and its gradients by the weights; `phi` gives value and derivative at a
/// norm. `factor` multiplies the gradients (lazy penalties).
pub fn gradient_penalty(
    network: &CriticNetwork,
    x: Tensor<4>,
    condition: Option<&Tensor<2>>,
    factor: f64,
    phi: impl Fn(f64) -> (f64, f64),
) -> Penalized {
    let frozen = network.clone().no_grad();
    penalized(
        x,
        |x| frozen.judge(x, condition, None).score,
        |x| network.judge(x, condition, None).score,
        network.smooth(),
        factor,
        phi,
    )
}

/// The same of any network: `frozen` gives scores without gradients by its weights, `judge` with them; `smooth` as [`Dual::along`] has it.
///
/// With g the gradient of an item and v = d penalty / d g = phi'(||g||) g / (||g|| batch), which counts as constant, the
/// penalty's gradient by the weights is that of the derivative of the score along v.
pub fn penalized<const D: usize>(
    x: Tensor<D>,
    frozen: impl Fn(Dual<D>) -> Dual<2>,
    judge: impl Fn(Dual<D>) -> Dual<2>,
    smooth: bool,
    factor: f64,
    phi: impl Fn(f64) -> (f64, f64),
) -> Penalized {
    let batch = x.dims()[0];
    let x = x.detach();
    let at = x.clone().require_grad();
    let gradients = frozen(at.clone().into()).value.sum().backward();
    let g = at
        .grad(&gradients)
        .unwrap_or_else(|| x.clone().inner().zeros_like());
    let squares = (g.clone() * g.clone())
        .flatten::<2>(1, D - 1)
        .sum_dim(1)
        .into_data();
    let norms: Vec<f64> = squares.iter::<f32>().map(|s| (s as f64).sqrt()).collect();
    let (mut value, mut scales) = (0.0, Vec::with_capacity(batch));
    for norm in &norms {
        let (penalty, slope) = phi(*norm);
        value += penalty / batch as f64;
        scales.push((factor * slope / norm.max(1e-12) / batch as f64) as f32);
    }
    let mut each = [1; D];
    each[0] = batch;
    let scales = Tensor::<1>::from_floats(&scales[..], &g.device()).reshape(each);
    let direction = Tensor::from_inner(g * scales);
    let along = judge(Dual::along(x, direction, smooth)).slope();
    let norm = norms.iter().sum::<f64>() / batch as f64;
    Penalized {
        gradients: along.backward(),
        value,
        norm,
    }
}
