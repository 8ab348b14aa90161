//! Activations, losses and the optimizers' updates.
use crate::ops::optim::{AdamStep, RmsStep, SgdStep};
use crate::ops::{Activation, HostFunction, RowLoss};
use burn::backend::{Backend, TensorMetadata, get_or_init_device_settings, tensor::FloatTensor};
use burn::tensor::{Shape, TensorData};

type F<B> = FloatTensor<B>;

/// See [`Ops::activation`](crate::Ops::activation).
pub fn activation<B: Backend>(x: F<B>, act: Activation) -> F<B> {
    match act {
        Activation::Identity => x,
        Activation::Relu => B::relu(x),
        Activation::LeakyRelu(slope) => B::leaky_relu(x, slope.into()),
        Activation::Tanh => B::float_tanh(x),
        Activation::Sigmoid => B::sigmoid(x),
        Activation::Silu => B::float_mul(x.clone(), B::sigmoid(x)),
        Activation::Gelu => B::gelu(x),
        Activation::Softplus => softplus::<B>(x),
    }
}

/// max(x, 0) + log(1 + exp(-|x|)), which cannot overflow.
fn softplus<B: Backend>(x: F<B>) -> F<B> {
    let small = B::float_log1p(B::float_exp(B::float_neg(B::float_abs(x.clone()))));
    B::float_add(B::relu(x), small)
}

/// 1 where x > 0, else `other`.
fn step<B: Backend>(x: F<B>, other: f32) -> F<B> {
    let dtype = x.dtype().into();
    let bools = get_or_init_device_settings::<B>(&x.device()).bool_dtype;
    let one = B::bool_into_float(B::float_greater_elem(x, 0f32.into(), bools), dtype);
    if other == 0.0 {
        return one;
    }
    B::float_add_scalar(B::float_mul_scalar(one, (1.0 - other).into()), other.into())
}

/// 1 - x
fn complement<B: Backend>(x: F<B>) -> F<B> {
    B::float_add_scalar(B::float_neg(x), 1f32.into())
}

/// Derivative at the pre-activation `x`.
pub fn slope<B: Backend>(x: F<B>, act: Activation) -> F<B> {
    match act {
        Activation::Identity => B::float_ones(x.shape(), &x.device(), x.dtype().into()),
        Activation::Relu => step::<B>(x, 0.0),
        Activation::LeakyRelu(slope) => step::<B>(x, slope),
        Activation::Tanh => slope_from_output::<B>(B::float_tanh(x), act),
        Activation::Sigmoid => slope_from_output::<B>(B::sigmoid(x), act),
        Activation::Softplus => B::sigmoid(x),
        Activation::Silu => {
            let s = B::sigmoid(x.clone());
            let inner = B::float_mul(x, complement::<B>(s.clone()));
            B::float_mul(s, B::float_add_scalar(inner, 1f32.into()))
        }
        Activation::Gelu => {
            let one = B::float_ones(x.shape(), &x.device(), x.dtype().into());
            B::gelu_backward(x, one)
        }
    }
}

/// Derivative as a function of the output, for activations whose
/// [`slope_from_output`](Activation::slope_from_output) is true.
fn slope_from_output<B: Backend>(y: F<B>, act: Activation) -> F<B> {
    match act {
        Activation::Tanh => complement::<B>(B::float_mul(y.clone(), y)),
        Activation::Sigmoid => B::float_mul(y.clone(), complement::<B>(y)),
        // sigmoid(x) = 1 - exp(-softplus(x))
        Activation::Softplus => complement::<B>(B::float_exp(B::float_neg(y))),
        _ => slope::<B>(y, act),
    }
}

/// See [`Ops::activation_gradient`](crate::Ops::activation_gradient).
pub fn activation_gradient<B: Backend>(g: F<B>, saved: F<B>, act: Activation) -> F<B> {
    match act {
        Activation::Identity => g,
        _ if act.slope_from_output() => B::float_mul(g, slope_from_output::<B>(saved, act)),
        _ => B::float_mul(g, slope::<B>(saved, act)),
    }
}

/// The shape of what a gate leaves.
pub(crate) fn gated_shape(x: &Shape) -> Shape {
    let mut shape = x.to_vec();
    *shape.last_mut().expect("a gate's input has an axis of channels") /= 2;
    Shape::from(shape)
}

/// Of x, rows (a, b) of `half` numbers each, one of both as rows.
fn of_rows<B: Backend>(x: &F<B>, half: usize, at: usize) -> F<B> {
    let rows = x.shape().num_elements() / (2 * half);
    let x = B::float_reshape(x.clone(), Shape::new([rows, 2 * half]));
    B::float_slice(x, &[(0..rows).into(), (at * half..(at + 1) * half).into()])
}

/// See [`Ops::gate`](crate::Ops::gate).
pub fn gate<B: Backend>(x: F<B>, half: usize) -> F<B> {
    let shape = gated_shape(&x.shape());
    let y = B::float_mul(
        B::float_tanh(of_rows::<B>(&x, half, 0)),
        B::sigmoid(of_rows::<B>(&x, half, 1)),
    );
    B::float_reshape(y, shape)
}

/// See [`Ops::gate_gradient`](crate::Ops::gate_gradient).
pub fn gate_gradient<B: Backend>(g: F<B>, x: F<B>, half: usize) -> F<B> {
    let (t, s) = (
        B::float_tanh(of_rows::<B>(&x, half, 0)),
        B::sigmoid(of_rows::<B>(&x, half, 1)),
    );
    let g = B::float_reshape(g, t.shape());
    let by_a = B::float_mul(
        B::float_mul(g.clone(), s.clone()),
        slope_from_output::<B>(t.clone(), Activation::Tanh),
    );
    let by_b = B::float_mul(B::float_mul(g, t), slope_from_output::<B>(s, Activation::Sigmoid));
    B::float_reshape(B::float_cat(vec![by_a, by_b], 1), x.shape())
}

/// See [`Ops::bce_with_logits`](crate::Ops::bce_with_logits).
pub fn bce_with_logits<B: Backend>(x: F<B>, t: F<B>) -> F<B> {
    let loss = B::float_sub(softplus::<B>(x.clone()), B::float_mul(t, x));
    B::float_reshape(B::float_mean(loss), Shape::new([1]))
}

/// A scalar gradient divided by n, with as many axes as `like`.
fn spread<B: Backend>(g: F<B>, like: &F<B>) -> F<B> {
    let g = B::float_mul_scalar(g, (1.0 / like.shape().num_elements() as f32).into());
    B::float_reshape(g, Shape::from(vec![1; like.shape().num_dims()]))
}

/// See [`Ops::bce_with_logits_gradient`](crate::Ops::bce_with_logits_gradient).
pub fn bce_with_logits_gradient<B: Backend>(g: F<B>, x: F<B>, t: F<B>) -> F<B> {
    let g = spread::<B>(g, &x);
    B::float_mul(B::float_sub(B::sigmoid(x), t), g)
}

/// Gradient of [`bce_with_logits`] by the targets.
pub fn bce_with_logits_target_gradient<B: Backend>(g: F<B>, x: F<B>) -> F<B> {
    let g = spread::<B>(B::float_neg(g), &x);
    B::float_mul(x, g)
}

/// See [`Ops::softplus_mean`](crate::Ops::softplus_mean).
pub fn softplus_mean<B: Backend>(x: F<B>, sign: f32) -> F<B> {
    let loss = softplus::<B>(B::float_mul_scalar(x, sign.into()));
    B::float_reshape(B::float_mean(loss), Shape::new([1]))
}

/// See [`Ops::softplus_mean_gradient`](crate::Ops::softplus_mean_gradient).
pub fn softplus_mean_gradient<B: Backend>(g: F<B>, x: F<B>, sign: f32) -> F<B> {
    let g = spread::<B>(B::float_mul_scalar(g, sign.into()), &x);
    B::float_mul(B::sigmoid(B::float_mul_scalar(x, sign.into())), g)
}

/// Each row of t for the rows of x that it belongs to: [N,D] -> [M,D].
fn targets_by_row<B: Backend>(t: F<B>, rows: usize) -> F<B> {
    let n = t.shape()[0];
    B::float_repeat_dim(t, 0, rows / n)
}

/// See [`Ops::row_loss`](crate::Ops::row_loss).
pub fn row_loss<B: Backend>(x: F<B>, t: F<B>, loss: RowLoss) -> F<B> {
    let rows = x.shape()[0];
    let t = targets_by_row::<B>(t, rows);
    let all = match loss {
        RowLoss::Bernoulli => B::float_sub(softplus::<B>(x.clone()), B::float_mul(t, x)),
        RowLoss::Square => {
            let gap = B::float_sub(x, t);
            B::float_mul(gap.clone(), gap)
        }
    };
    B::float_reshape(B::float_sum_dim(all, 1), Shape::new([rows]))
}

/// See [`Ops::row_loss_gradient`](crate::Ops::row_loss_gradient).
pub fn row_loss_gradient<B: Backend>(g: F<B>, x: F<B>, t: F<B>, loss: RowLoss) -> F<B> {
    let rows = x.shape()[0];
    let t = targets_by_row::<B>(t, rows);
    let g = B::float_reshape(g, Shape::new([rows, 1]));
    let slope = match loss {
        RowLoss::Bernoulli => B::float_sub(B::sigmoid(x), t),
        RowLoss::Square => B::float_mul_scalar(B::float_sub(x, t), 2f32.into()),
    };
    B::float_mul(slope, g)
}

/// a x + b y
fn mix<B: Backend>(x: F<B>, a: f32, y: F<B>, b: f32) -> F<B> {
    B::float_add(B::float_mul_scalar(x, a.into()), B::float_mul_scalar(y, b.into()))
}

/// See [`Ops::adam`](crate::Ops::adam).
pub fn adam<B: Backend>(p: F<B>, g: F<B>, m: F<B>, v: F<B>, s: AdamStep) -> (F<B>, F<B>, F<B>) {
    let m = mix::<B>(m, s.b1, g.clone(), 1.0 - s.b1);
    let v = mix::<B>(v, s.b2, B::float_mul(g.clone(), g), 1.0 - s.b2);
    let root = B::float_add_scalar(
        B::float_mul_scalar(B::float_sqrt(v.clone()), s.root.into()),
        s.eps.into(),
    );
    let step = B::float_div(B::float_mul_scalar(m.clone(), s.rate.into()), root);
    let p = B::float_mul_scalar(p, (1.0 - s.weight_decay).into());
    (B::float_sub(p, step), m, v)
}

/// See [`Ops::rms_prop`](crate::Ops::rms_prop).
pub fn rms_prop<B: Backend>(p: F<B>, g: F<B>, v: F<B>, s: RmsStep) -> (F<B>, F<B>) {
    let v = mix::<B>(v, s.alpha, B::float_mul(g.clone(), g.clone()), 1.0 - s.alpha);
    let root = B::float_add_scalar(B::float_sqrt(v.clone()), s.eps.into());
    (
        B::float_sub(p, B::float_div(B::float_mul_scalar(g, s.lr.into()), root)),
        v,
    )
}

/// See [`Ops::sgd`](crate::Ops::sgd).
pub fn sgd<B: Backend>(p: F<B>, g: F<B>, m: F<B>, s: SgdStep) -> (F<B>, F<B>) {
    let m = mix::<B>(m, s.momentum, g.clone(), 1.0);
    let step = if s.nesterov {
        mix::<B>(m.clone(), s.momentum, g, 1.0)
    } else {
        m.clone()
    };
    (B::float_sub(p, B::float_mul_scalar(step, s.lr.into())), m)
}

/// See [`Ops::by_host`](crate::Ops::by_host).
pub fn by_host<B: Backend>(x: F<B>, f: HostFunction) -> F<B> {
    let (shape, device) = (x.shape(), x.device());
    let numbers = burn::tensor::try_read_sync(B::float_into_data(x))
        .and_then(|data| data.ok()?.try_into_vec().ok())
        .expect("a device that gives its numbers back");
    B::float_from_data(TensorData::new(f(numbers), shape), &device)
}

/// See [`Ops::average`](crate::Ops::average).
pub fn average<B: Backend>(average: F<B>, p: F<B>, weight: f32) -> F<B> {
    let gap = B::float_sub(p, average.clone());
    B::float_add(average, B::float_mul_scalar(gap, weight.into()))
}
