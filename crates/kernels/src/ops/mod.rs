//! The operations as one extension of Burn's backends, and as functions of tensors.
//!
//! [`Ops`] is the extension: its default bodies ([`default`]) are made of Burn's primitives, so any
//! backend can run them; [`Flex`](burn::backend::Flex) replaces them with the kernels of this
//! crate, and [`Autodiff`](burn::backend::Autodiff) differentiates them by hand. Models call the
//! functions of tensors, re-exported at the crate's root.
mod autodiff;
pub mod default;
pub(crate) mod flex;
pub mod optim;
mod tensor;
mod types;

pub use tensor::*;
pub use types::*;

use burn::backend::{Backend, backend_extension, tensor::FloatTensor};
use optim::{AdamStep, RmsStep, SgdStep};

/// Channels-last operations for training generative models.
///
/// Those whose name ends in `_gradient` are the backward passes; `g` is the gradient of the result.
#[backend_extension(Flex, Capture, Cube: cfg(any(feature = "wgpu", feature = "cuda")), Autodiff)]
pub trait Ops: Backend {
    /// The product of a [`Form`]: a convolution or a matrix product.
    fn product(x: FloatTensor<Self>, w: FloatTensor<Self>, form: Form) -> FloatTensor<Self> {
        default::product::<Self>(x, w, form)
    }
    /// Gradient of [`product`](Ops::product) by x, given that of its result; a transposed convolution.
    fn product_input_gradient(y: FloatTensor<Self>, w: FloatTensor<Self>, form: Form) -> FloatTensor<Self> {
        default::product_input_gradient::<Self>(y, w, form)
    }
    /// Gradient of [`product`](Ops::product) by w, given that of its result.
    fn product_weight_gradient(x: FloatTensor<Self>, y: FloatTensor<Self>, form: Form) -> FloatTensor<Self> {
        default::product_weight_gradient::<Self>(x, y, form)
    }
    /// act(product + bias), for activations whose derivative is a function of the output.
    fn product_act(
        x: FloatTensor<Self>,
        w: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        form: Form,
        act: Activation,
    ) -> FloatTensor<Self> {
        default::bias_act::<Self>(Self::product(x, w, form), bias, act)
    }
    /// act(product_input_gradient + bias), for activations whose derivative is a function of the output.
    fn product_input_gradient_act(
        y: FloatTensor<Self>,
        w: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        form: Form,
        act: Activation,
    ) -> FloatTensor<Self> {
        default::bias_act::<Self>(Self::product_input_gradient(y, w, form), bias, act)
    }
    /// Gradients of z and of bias through y = act(z + bias), given y.
    fn bias_act_gradient(
        g: FloatTensor<Self>,
        y: FloatTensor<Self>,
        act: Activation,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        default::bias_act_gradient::<Self>(g, y, act)
    }
    /// Gradient of a bias that was added to every row: the sum over all axes but the last.
    fn bias_gradient(g: FloatTensor<Self>) -> FloatTensor<Self> {
        default::bias_gradient::<Self>(g)
    }
    /// x [.., C], gamma `[C]`, beta `[C]` -> act of x normalized over all axes but the last, the mean `[C]`
    /// and the biased variance `[C]`. Only the first is differentiable.
    fn batch_norm_act(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        eps: f32,
        act: Activation,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        default::batch_norm_act::<Self>(x, gamma, beta, eps, act)
    }
    /// Gradients of x, gamma and beta.
    fn batch_norm_act_gradient(
        g: FloatTensor<Self>,
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        var: FloatTensor<Self>,
        eps: f32,
        act: Activation,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        default::batch_norm_act_gradient::<Self>(g, x, gamma, beta, mean, var, eps, act)
    }
    /// act(x * scale + shift) over the last axis.
    fn scale_shift(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        act: Activation,
    ) -> FloatTensor<Self> {
        default::scale_shift::<Self>(x, scale, shift, act)
    }
    /// Gradients of x, scale and shift.
    fn scale_shift_gradient(
        g: FloatTensor<Self>,
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        act: Activation,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        default::scale_shift_gradient::<Self>(g, x, scale, shift, act)
    }
    /// x `[N,S,C]` -> act of x normalized over S and each group of C / groups channels, then scaled and
    /// shifted a channel; the means `[N,G]` and biased variances `[N,G]`. Only the first is differentiable.
    fn group_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        groups: usize,
        eps: f32,
        act: Activation,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        default::group_norm::<Self>(x, gamma, beta, groups, eps, act)
    }
    /// Gradients of x, gamma and beta.
    fn group_norm_gradient(
        g: FloatTensor<Self>,
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        mean: FloatTensor<Self>,
        var: FloatTensor<Self>,
        groups: usize,
        eps: f32,
        act: Activation,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        default::group_norm_gradient::<Self>(g, x, gamma, beta, mean, var, groups, eps, act)
    }
    /// act(x)
    fn activation(x: FloatTensor<Self>, act: Activation) -> FloatTensor<Self> {
        default::activation::<Self>(x, act)
    }
    /// g times the derivative; `saved` is the output where that is enough
    /// ([`Activation::slope_from_output`]), else the input.
    fn activation_gradient(
        g: FloatTensor<Self>,
        saved: FloatTensor<Self>,
        act: Activation,
    ) -> FloatTensor<Self> {
        default::activation_gradient::<Self>(g, saved, act)
    }
    /// tanh(a) sigmoid(b) where x `[.., C]` is rows (a, b) of `half` numbers each: `[.., C / 2]`.
    fn gate(x: FloatTensor<Self>, half: usize) -> FloatTensor<Self> {
        default::gate::<Self>(x, half)
    }
    /// Gradient of x.
    fn gate_gradient(g: FloatTensor<Self>, x: FloatTensor<Self>, half: usize) -> FloatTensor<Self> {
        default::gate_gradient::<Self>(g, x, half)
    }
    /// Mean over all elements of softplus(x) - t x, shape `[1]`: the cross-entropy of a Bernoulli with logits x.
    fn bce_with_logits(x: FloatTensor<Self>, t: FloatTensor<Self>) -> FloatTensor<Self> {
        default::bce_with_logits::<Self>(x, t)
    }
    /// Gradient of x; `g` has shape `[1]`.
    fn bce_with_logits_gradient(
        g: FloatTensor<Self>,
        x: FloatTensor<Self>,
        t: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        default::bce_with_logits_gradient::<Self>(g, x, t)
    }
    /// Mean over all elements of softplus(sign x), shape `[1]`.
    fn softplus_mean(x: FloatTensor<Self>, sign: f32) -> FloatTensor<Self> {
        default::softplus_mean::<Self>(x, sign)
    }
    /// Gradient of x; `g` has shape `[1]`.
    fn softplus_mean_gradient(g: FloatTensor<Self>, x: FloatTensor<Self>, sign: f32) -> FloatTensor<Self> {
        default::softplus_mean_gradient::<Self>(g, x, sign)
    }
    /// x `[M,D]`, t `[N,D]` with M a multiple of N -> `[M]`: the loss of every row i of x against row i mod N of t,
    /// summed over the row. Not differentiable by t.
    fn row_loss(x: FloatTensor<Self>, t: FloatTensor<Self>, loss: RowLoss) -> FloatTensor<Self> {
        default::row_loss::<Self>(x, t, loss)
    }
    /// Gradient of x; `g` has shape `[M]`.
    fn row_loss_gradient(
        g: FloatTensor<Self>,
        x: FloatTensor<Self>,
        t: FloatTensor<Self>,
        loss: RowLoss,
    ) -> FloatTensor<Self> {
        default::row_loss_gradient::<Self>(g, x, t, loss)
    }
    /// x `[B,H,W,C]` -> `[B,H',W',C]`
    fn resample(x: FloatTensor<Self>, r: Resample) -> FloatTensor<Self> {
        default::resample::<Self>(x, r)
    }
    /// g `[B,H',W',C]` -> `[B,H,W,C]`
    fn resample_gradient(g: FloatTensor<Self>, r: Resample) -> FloatTensor<Self> {
        default::resample_gradient::<Self>(g, r)
    }
    /// x `[B,H,W,C r r]` -> `[B,H r,W r,C]`; channel (c, i, j) goes to row i and column j of its square.
    fn pixel_shuffle(x: FloatTensor<Self>, r: usize) -> FloatTensor<Self> {
        default::pixel_shuffle::<Self>(x, r)
    }
    /// The inverse, and the gradient, of [`pixel_shuffle`](Ops::pixel_shuffle).
    fn pixel_unshuffle(x: FloatTensor<Self>, r: usize) -> FloatTensor<Self> {
        default::pixel_unshuffle::<Self>(x, r)
    }
    /// x `[B,H,W,C]` -> the largest value of each window; the border never wins.
    fn max_pool(x: FloatTensor<Self>, w: Window) -> FloatTensor<Self> {
        default::max_pool::<Self>(x, w)
    }
    /// Gradient of x; the first of equal values takes it.
    fn max_pool_gradient(g: FloatTensor<Self>, x: FloatTensor<Self>, w: Window) -> FloatTensor<Self> {
        default::max_pool_gradient::<Self>(g, x, w)
    }
    /// An LSTM over lines whose gates see a convolution of the line before: u `[B,H,W,4N]` are the gates (o, f, i, g) without
    /// it, w `[K,N,4N]` its weights, of which tap k reads position p + k - `before`. Gives h `[B,H,W,N]` and what its gradient
    /// needs, (o, f, i, g, c) `[B,H,W,5N]`. Only the first is differentiable.
    fn conv_lstm(
        u: FloatTensor<Self>,
        w: FloatTensor<Self>,
        before: usize,
        scan: Scan,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        default::conv_lstm::<Self>(u, w, before, scan)
    }
    /// Gradients of u and w.
    fn conv_lstm_gradient(
        g: FloatTensor<Self>,
        w: FloatTensor<Self>,
        h: FloatTensor<Self>,
        state: FloatTensor<Self>,
        before: usize,
        scan: Scan,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        default::conv_lstm_gradient::<Self>(g, w, h, state, before, scan)
    }
    /// Parameter, gradient and both moments -> parameter and moments.
    fn adam(
        p: FloatTensor<Self>,
        g: FloatTensor<Self>,
        m: FloatTensor<Self>,
        v: FloatTensor<Self>,
        s: AdamStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        default::adam::<Self>(p, g, m, v, s)
    }
    /// Parameter, gradient and mean square -> parameter and mean square.
    fn rms_prop(
        p: FloatTensor<Self>,
        g: FloatTensor<Self>,
        v: FloatTensor<Self>,
        s: RmsStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        default::rms_prop::<Self>(p, g, v, s)
    }
    /// Parameter, gradient and velocity -> parameter and velocity.
    fn sgd(
        p: FloatTensor<Self>,
        g: FloatTensor<Self>,
        m: FloatTensor<Self>,
        s: SgdStep,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        default::sgd::<Self>(p, g, m, s)
    }
    /// What a function on the host makes of x: linear, and its own adjoint, so that gradients go through it as values do.
    fn by_host(x: FloatTensor<Self>, f: HostFunction) -> FloatTensor<Self> {
        default::by_host::<Self>(x, f)
    }
    /// average + weight (p - average)
    fn average(average: FloatTensor<Self>, p: FloatTensor<Self>, weight: f32) -> FloatTensor<Self> {
        default::average::<Self>(average, p, weight)
    }
}

// A graph that is recorded consists of Burn's primitives alone.
impl Ops for burn::backend::Capture {}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
impl Ops for burn::backend::Cube {}
