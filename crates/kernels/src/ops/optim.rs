//! Updates of parameters, one pass over each, in place where nobody else holds the tensors.
//!
//! The definitions are those of `torch.optim`. All tensors of a call have one shape.
use super::Ops;
use burn::backend::Dispatch;
use burn::prelude::*;

/// One update of Adam (Kingma and Ba 2015) or, with decay, AdamW (Loshchilov and Hutter 2019).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamStep {
    /// Learning rate over 1 - b1^t, t counted from one.
    pub rate: f32,
    /// 1 over the square root of 1 - b2^t.
    pub root: f32,
    /// Decay of the gradient's mean.
    pub b1: f32,
    /// Decay of its mean square.
    pub b2: f32,
    /// Added to the denominator.
    pub eps: f32,
    /// Decoupled weight decay, already times the learning rate.
    pub weight_decay: f32,
}

/// One update of RMSprop (Tieleman and Hinton 2012).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsStep {
    /// Learning rate.
    pub lr: f32,
    /// Decay of the mean square.
    pub alpha: f32,
    /// Added to the denominator.
    pub eps: f32,
}

/// One update of stochastic gradient descent with momentum, without dampening.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SgdStep {
    /// Learning rate.
    pub lr: f32,
    /// Decay of the velocity.
    pub momentum: f32,
    /// Nesterov's variant.
    pub nesterov: bool,
}

/// Adam: m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2,
/// p = (1 - weight_decay) p - rate m / (root sqrt(v) + eps). Returns p, m and v.
pub fn adam<const D: usize>(
    p: Tensor<D>,
    g: Tensor<D>,
    m: Tensor<D>,
    v: Tensor<D>,
    s: AdamStep,
) -> (Tensor<D>, Tensor<D>, Tensor<D>) {
    same_shape("adam", &p, [&g, &m, &v]);
    let [p, g, m, v] = [p, g, m, v].map(|t| t.into_dispatch());
    let (p, m, v) = Dispatch::adam(p, g, m, v, s);
    (
        Tensor::from_dispatch(p),
        Tensor::from_dispatch(m),
        Tensor::from_dispatch(v),
    )
}

/// RMSprop: v = alpha v + (1 - alpha) g^2, p = p - lr g / (sqrt(v) + eps). Returns p and v.
pub fn rms_prop<const D: usize>(
    p: Tensor<D>,
    g: Tensor<D>,
    v: Tensor<D>,
    s: RmsStep,
) -> (Tensor<D>, Tensor<D>) {
    same_shape("rms_prop", &p, [&g, &v]);
    let (p, v) = Dispatch::rms_prop(p.into_dispatch(), g.into_dispatch(), v.into_dispatch(), s);
    (Tensor::from_dispatch(p), Tensor::from_dispatch(v))
}

/// Gradient descent: m = momentum m + g, p = p - lr m, or p - lr (g + momentum m) with Nesterov's
/// variant. Returns p and m.
pub fn sgd<const D: usize>(p: Tensor<D>, g: Tensor<D>, m: Tensor<D>, s: SgdStep) -> (Tensor<D>, Tensor<D>) {
    same_shape("sgd", &p, [&g, &m]);
    let (p, m) = Dispatch::sgd(p.into_dispatch(), g.into_dispatch(), m.into_dispatch(), s);
    (Tensor::from_dispatch(p), Tensor::from_dispatch(m))
}

/// Moving average of parameters: average + weight (p - average).
pub fn average<const D: usize>(average: Tensor<D>, p: Tensor<D>, weight: f32) -> Tensor<D> {
    same_shape("average", &average, [&p]);
    Tensor::from_dispatch(Dispatch::average(
        average.into_dispatch(),
        p.into_dispatch(),
        weight,
    ))
}

fn same_shape<const D: usize, const N: usize>(what: &str, p: &Tensor<D>, others: [&Tensor<D>; N]) {
    for t in others {
        assert_eq!(
            p.dims(),
            t.dims(),
            "{what}: the parameter and its state or gradient differ in shape"
        );
    }
}
