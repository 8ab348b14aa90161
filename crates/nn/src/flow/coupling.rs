use super::conditioner::Conditioner;
use super::{Flow, item_sums, spline, zeros_like_items};
use crate::{Activation, activation, activations};
use burn::module::Module;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

/// How a coupling maps the numbers of its second part, given the parameters that its network gives.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transform {
    /// y = x + t (Dinh et al. 2014, equation 12): volumes stay
    Additive,
    /// y = exp(s) x + t (Dinh et al. 2017, equation 4) with s = bound tanh(h / bound), so that no scale leaves
    /// [exp(-bound), exp(bound)] and the inverse stays accurate
    Affine,
    /// a rational-quadratic spline on [-3, 3], the identity beyond (Durkan et al. 2019)
    Spline,
}

/// Bins of a spline.
const BINS: usize = 32;

/// Largest |s| of an affine map.
pub(super) const BOUND: f64 = 2.0;

impl Transform {
    /// Parameters a number.
    pub fn parameters(self) -> usize {
        match self {
            Transform::Additive => 1,
            Transform::Affine => 2,
            Transform::Spline => spline::parameters(BINS),
        }
    }
}

/// s from the network's output.
pub(super) fn bounded(h: Tensor<4>) -> Tensor<4> {
    activation(h / BOUND, Activation::Tanh) * BOUND
}

/// A coupling of two parts of the channels: one passes through, and decides by a network how the other is mapped
/// (Dinh et al. 2014, section 3.2).
#[derive(Module, Debug)]
pub struct Coupling {
    network: Conditioner,
    #[module(skip)]
    transform: Transform,
    /// whether the second part passes through
    swapped: bool,
}

impl Coupling {
    /// How many of `channels` pass through, and how many are mapped.
    pub fn parts(channels: usize, swapped: bool) -> [usize; 2] {
        let (first, second) = (channels.div_ceil(2), channels / 2);
        if swapped { [second, first] } else { [first, second] }
    }

    /// `network` takes the channels that pass through and gives `transform.parameters()` for each that is mapped.
    pub fn new(network: Conditioner, transform: Transform, swapped: bool) -> Self {
        Coupling {
            network,
            transform,
            swapped,
        }
    }

    /// The part that passes through and the other.
    fn split(&self, x: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        let c = x.dims()[3];
        let n = c.div_ceil(2);
        let (first, second) = (x.clone().narrow(3, 0, n), x.narrow(3, n, c - n));
        if self.swapped {
            (second, first)
        } else {
            (first, second)
        }
    }

    fn join(&self, passed: Tensor<4>, mapped: Tensor<4>) -> Tensor<4> {
        Tensor::cat(
            if self.swapped {
                vec![mapped, passed]
            } else {
                vec![passed, mapped]
            },
            3,
        )
    }

    /// The numbers of a part through their splines, each by its share of `h`.
    fn through_splines(part: Tensor<4>, h: Tensor<4>, backwards: bool) -> (Tensor<4>, Tensor<1>) {
        let shape = part.dims();
        let n = part.shape().num_elements();
        let (part, h) = (part.reshape([n, 1]), h.reshape([n, spline::parameters(BINS)]));
        let (mapped, log_slope) = if backwards {
            spline::inverse(part, h, BINS)
        } else {
            spline::forward(part, h, BINS)
        };
        (mapped.reshape(shape), item_sums(log_slope.reshape(shape)))
    }

    /// s and t of an affine map.
    fn affine(h: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        let n = h.dims()[3] / 2;
        (bounded(h.clone().narrow(3, n, n)), h.narrow(3, 0, n))
    }
}

impl Flow for Coupling {
    fn forward(&self, x: Tensor<4>) -> (Tensor<4>, Tensor<1>) {
        let none = zeros_like_items(&x);
        let (passed, other) = self.split(x);
        let h = self.network.forward(passed.clone());
        let (mapped, log_det) = match self.transform {
            Transform::Additive => (other + h, none),
            Transform::Affine => {
                let (s, t) = Self::affine(h);
                (other * activations::keep(s.clone().exp()) + t, item_sums(s))
            }
            Transform::Spline => Self::through_splines(other, h, false),
        };
        (self.join(passed, mapped), log_det)
    }

    fn inverse(&self, y: Tensor<4>) -> (Tensor<4>, Tensor<1>) {
        let none = zeros_like_items(&y);
        let (passed, mapped) = self.split(y);
        let h = self.network.forward(passed.clone());
        let (other, log_det) = match self.transform {
            Transform::Additive => (mapped - h, none),
            Transform::Affine => {
                let (s, t) = Self::affine(h);
                ((mapped - t) * (-s.clone()).exp(), -item_sums(s))
            }
            Transform::Spline => Self::through_splines(mapped, h, true),
        };
        (self.join(passed, other), log_det)
    }
}
