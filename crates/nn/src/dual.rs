//! A value with a direction at it: how a derivative along a direction is carried forward through a network.
//!
//! Burn differentiates once. For a penalty phi(g) of a critic's gradient g = dD/dx, let v = d phi / d g, held constant; then
//! d phi / d theta = d/d theta (J v), where J v is the derivative of D along v. So: g by one backward pass, v from g alone,
//! and one forward pass of `Dual { x, v }`, whose tangent at the end is J v and is differentiated once more.
use crate::Activation;
use burn::tensor::Tensor;
use menagerie_kernels::{activation, activation_slope};

/// A tensor, and possibly a direction of the same shape. Without one it is a plain tensor and costs nothing more.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use menagerie_nn::{Dual, numbers};
///
/// let at = Tensor::<1>::from_floats([2.0, 3.0], &Device::flex());
/// let along = Tensor::from_floats([1.0, -1.0], &Device::flex());
/// // The derivative of x^2 along v is 2 x v.
/// let x = Dual::along(at, along, true);
/// let square = x.clone().times(x);
/// assert_eq!(numbers(square.value), [4.0, 9.0]);
/// assert_eq!(numbers(square.tangent.unwrap()), [4.0, -6.0]);
/// ```
#[derive(Clone, Debug)]
pub struct Dual<const D: usize> {
    /// where
    pub value: Tensor<D>,
    /// in which direction; `None` stands for a plain pass
    pub tangent: Option<Tensor<D>>,
    /// Whether values stay on the tape. Where all activations are piecewise linear, a tangent depends on values only through
    /// masks that are constant almost everywhere, and values need no tape.
    taped: bool,
}

impl<const D: usize> From<Tensor<D>> for Dual<D> {
    fn from(value: Tensor<D>) -> Self {
        Dual {
            value,
            tangent: None,
            taped: true,
        }
    }
}

impl<const D: usize> Dual<D> {
    /// The direction `tangent` at `value`. `smooth` says that the network has smooth activations, norms or products, so that
    /// the derivative along a direction depends on values smoothly.
    pub fn along(value: Tensor<D>, tangent: Tensor<D>, smooth: bool) -> Self {
        Dual {
            value,
            tangent: Some(tangent),
            taped: smooth,
        }
    }

    /// Whether values need no tape.
    pub fn untaped(&self) -> bool {
        self.tangent.is_some() && !self.taped
    }

    /// The same linear map of both: a reshape, a sum, a pooling, a concatenation.
    pub fn linear<const E: usize>(self, map: impl Fn(Tensor<D>) -> Tensor<E>) -> Dual<E> {
        Dual {
            value: map(self.value),
            tangent: self.tangent.map(map),
            taped: self.taped,
        }
    }

    /// A result whose value and tangent were worked out from this one's.
    pub fn with<const E: usize>(&self, value: Tensor<E>, tangent: Option<Tensor<E>>) -> Dual<E> {
        Dual {
            value,
            tangent,
            taped: self.taped,
        }
    }

    /// An activation, element by element.
    pub fn activation(self, act: Activation) -> Self {
        let (taped, input) = (self.taped, self.value);
        let value = activation(input.clone(), act);
        let tangent = self.tangent.map(|t| slope(t, input, value.clone(), act));
        Dual {
            value,
            tangent,
            taped,
        }
    }

    /// Both halves added.
    pub fn plus(self, other: Dual<D>) -> Self {
        let tangent = match (self.tangent, other.tangent) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
        Dual {
            value: self.value + other.value,
            tangent,
            taped: self.taped,
        }
    }

    /// Element by element, by the product rule.
    pub fn times(self, other: Dual<D>) -> Self {
        let by_self = self.tangent.map(|t| t * other.value.clone());
        let by_other = other.tangent.map(|t| t * self.value.clone());
        let tangent = match (by_self, by_other) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
        Dual {
            value: self.value * other.value,
            tangent,
            taped: self.taped,
        }
    }

    /// Products of matrices in the last two axes, by the product rule.
    pub fn matmul(self, other: Dual<D>) -> Self {
        let by_self = self.tangent.map(|t| t.matmul(other.value.clone()));
        let by_other = other.tangent.map(|t| self.value.clone().matmul(t));
        let tangent = match (by_self, by_other) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
        Dual {
            value: self.value.matmul(other.value),
            tangent,
            taped: self.taped,
        }
    }

    /// The two joined along an axis; where only one has a direction, the other's is zero.
    pub fn cat(self, other: Dual<D>, axis: usize) -> Self {
        let taped = self.taped;
        let tangent = (self.tangent.is_some() || other.tangent.is_some()).then(|| {
            let a = self.tangent.unwrap_or_else(|| self.value.zeros_like());
            let b = other.tangent.unwrap_or_else(|| other.value.zeros_like());
            Tensor::cat(vec![a, b], axis)
        });
        Dual {
            value: Tensor::cat(vec![self.value, other.value], axis),
            tangent,
            taped,
        }
    }

    /// Multiplied by a number.
    pub fn scale(self, factor: f64) -> Self {
        self.linear(|t| t * factor)
    }

    /// The sum of the tangent, as a loss of shape `[1]`: its gradients are those of the penalty that gave the direction.
    ///
    /// # Panics
    /// If there is no tangent.
    pub fn slope(self) -> Tensor<1> {
        let tangent = self.tangent.expect("a direction was carried forward").sum();
        // What lies on the tape must be consumed by a backward pass, or it stays there.
        if self.taped {
            tangent + self.value.sum() * 0.0
        } else {
            tangent
        }
    }
}

/// t times the activation's derivative at the input x with the output y.
pub(crate) fn slope<const D: usize>(t: Tensor<D>, x: Tensor<D>, y: Tensor<D>, act: Activation) -> Tensor<D> {
    match act {
        Activation::Identity => t,
        Activation::Relu | Activation::LeakyRelu(_) => {
            let y = if y.is_autodiff() { y.inner() } else { y };
            let y = if t.is_autodiff() { Tensor::from_inner(y) } else { y };
            activation_slope(t, y, act)
        }
        Activation::Tanh => t * (y.clone() * y * -1.0 + 1.0),
        Activation::Sigmoid => t * (y.clone() * (y * -1.0 + 1.0)),
        // From the output, like those above: where a layer fuses its activation, its input is nowhere.
        Activation::Softplus => t * ((y * -1.0).exp() * -1.0 + 1.0),
        Activation::Silu => {
            let s = activation(x.clone(), Activation::Sigmoid);
            t * (s.clone() + x * s.clone() * (s * -1.0 + 1.0))
        }
        Activation::Gelu => {
            // (x Phi(x))' = Phi(x) + x phi(x)
            let phi = (x.clone() * x.clone() * -0.5).exp() * 0.398_942_280_401_432_7;
            let cdf = (x.clone() * std::f64::consts::FRAC_1_SQRT_2).erf() * 0.5 + 0.5;
            t * (cdf + x * phi)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Conv2d, Init, ItemNorm, Linear, NormOver, Weights, numbers};
    use burn::tensor::{Device, TensorData};
    use menagerie_data::Key;

    fn wave<const D: usize>(shape: [usize; D], phase: f32, device: &Device) -> Tensor<D> {
        let n = shape.iter().product::<usize>();
        let values: Vec<f32> = (0..n).map(|i| (1.7 * i as f32 + phase).sin()).collect();
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    /// A linear score, where all is known by hand: for lambda (||w|| - 1)^2 the gradient is 2 lambda (||w|| - 1) w / ||w||.
    #[test]
    fn the_penalty_of_a_linear_score() {
        let device = Device::flex().autodiff();
        let layer = Linear::of([6, 1]).init(&Init::new(Key::new(1), &device));
        let w = numbers(layer.weight.val());
        let norm = w.iter().map(|v| v * v).sum::<f32>().sqrt();
        let batch = 4;
        let scale = 2.0 * 10.0 * (norm - 1.0) / norm / batch as f32;
        let direction: Vec<f32> = (0..batch).flat_map(|_| w.iter().map(|v| v * scale)).collect();
        let direction = Tensor::from_data(TensorData::new(direction, [batch, 6]), &device);
        let x = wave([batch, 6], 0.3, &device);
        let slope = layer
            .dual(Dual::along(x, direction, false), Activation::Identity)
            .slope();
        let gradient = numbers(layer.weight.val().grad(&slope.backward()).expect("a gradient"));
        for (g, w) in gradient.iter().zip(&w) {
            assert!((g - 20.0 * (norm - 1.0) * w / norm).abs() < 1e-5, "{g}");
        }
    }

    /// Every layer's derivative along a direction against finite differences of its values.
    #[test]
    fn tangents_are_derivatives_along_the_direction() {
        let device = Device::flex().autodiff();
        let init = Init::new(Key::new(2), &device);
        let conv = Conv2d::of([2, 3])
            .kernel(3)
            .padding(1)
            .weights(Weights::Normal(0.5))
            .bias()
            .init(&init);
        let norm = ItemNorm::plain(3, NormOver::Layer, &init);
        let instance = [NormOver::Instance, NormOver::Layer].map(|over| ItemNorm::new(3, over, &init));
        let (x, v) = (wave([2, 4, 5, 2], 0.0, &device), wave([2, 4, 5, 2], 2.0, &device));
        let acts = [
            Activation::Identity,
            Activation::Relu,
            Activation::LeakyRelu(0.2),
            Activation::Tanh,
            Activation::Sigmoid,
            Activation::Softplus,
            Activation::Silu,
            Activation::Gelu,
        ];
        for act in acts {
            let pass = |d: Dual<4>| {
                let h = conv.dual(d, act);
                let doubled = h.clone().times(h.clone()).plus(h.scale(0.5));
                instance
                    .iter()
                    .fold(norm.dual(doubled, act), |d, n| n.dual(d, act))
            };
            let along = numbers(
                pass(Dual::along(x.clone(), v.clone(), true))
                    .tangent
                    .expect("a tangent"),
            );
            let at = |h: f64| numbers(pass((x.clone() + v.clone() * h).into()).value);
            let (up, down) = (at(1e-2), at(-1e-2));
            let off = |i: usize| ((up[i] - down[i]) / 2e-2 - along[i]).abs() / (1.0 + along[i].abs());
            // A step may cross a kink of a piecewise linear activation: a few numbers may be off there.
            let wrong = (0..along.len()).filter(|i| off(*i) > 2e-2).count();
            assert!(wrong * 20 <= along.len(), "{act:?}: {wrong} of {}", along.len());
        }
    }

    /// Attention, whose softmax and products have derivatives of their own.
    #[test]
    fn the_tangent_of_attention() {
        let device = Device::flex().autodiff();
        let mut attention = crate::SelfAttention::new(8, false, &Init::new(Key::new(3), &device));
        attention.gamma = attention.gamma.map(|g| g + 0.7);
        let shape = [2, 3, 4, 8];
        let (x, v) = (wave(shape, 0.0, &device), wave(shape, 2.0, &device));
        let along = attention.dual(Dual::along(x.clone(), v.clone(), true));
        let along = numbers(along.tangent.expect("a tangent"));
        let at = |h: f64| numbers(attention.forward(x.clone() + v.clone() * h));
        let (up, down) = (at(1e-2), at(-1e-2));
        for i in 0..along.len() {
            let slope = (up[i] - down[i]) / 2e-2;
            assert!(
                (slope - along[i]).abs() < 2e-3 * (1.0 + along[i].abs()),
                "{slope} {}",
                along[i]
            );
        }
        assert!(
            (0..along.len()).any(|i| (along[i] - numbers(v.clone())[i]).abs() > 1e-2),
            "it does something"
        );
    }
}
