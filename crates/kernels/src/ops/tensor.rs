//! The operations as functions of tensors.
//!
//! All panic, as Burn's own do, when shapes do not fit; the message names the operation and both shapes.
use super::{Activation, Filter, Form, Geometry, HostFunction, Ops, Resample, RowLoss, Scan, Window};
use burn::backend::Dispatch;
use burn::prelude::*;

/// act(convolution + bias): x `[B,H,W,IC]`, weight `[KH,KW,IC/groups,OC]`, bias `[OC]` -> `[B,OH,OW,OC]`.
pub fn conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    g: Geometry,
    act: Activation,
) -> Tensor<4> {
    let (form, _) = conv_form("conv2d", x.dims(), weight.dims(), g);
    fused(x, weight, bias, form, act, false)
}

/// act(convolution + bias) of which output (i, j) sees the inputs from (i - `reach[0]`, j - `reach[1]`) on: x `[B,H,W,IC]`,
/// weight `[KH,KW,IC,OC]`, bias `[OC]` -> `[B,H,W,OC]`. With a reach of KH - 1 rows, no output sees a row below it. Only
/// the outputs that are wanted are computed, and those of a kernel that is not square never by a path that mixes neighbours
/// (Winograd's): an output is untouched by inputs that it does not see, to the bit.
pub fn conv2d_reaching(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    reach: [usize; 2],
    act: Activation,
) -> Tensor<4> {
    let ([_, h, w, _], [kh, kw, ..]) = (x.dims(), weight.dims());
    assert!(
        2 * reach[0] + 1 >= kh && 2 * reach[1] + 1 >= kw,
        "conv2d_reaching: a kernel of {kh}x{kw} lies beyond {reach:?}"
    );
    let (form, _) = conv_form(
        "conv2d_reaching",
        x.dims(),
        weight.dims(),
        Geometry::new(1, 0).with_padding(reach),
    );
    let Form::Conv {
        geometry,
        size,
        kernel,
        ..
    } = form
    else {
        unreachable!("a convolution's form")
    };
    fused(
        x,
        weight,
        bias,
        Form::Conv {
            geometry,
            size,
            kernel,
            output: [h, w],
            by_batch: false,
        },
        act,
        false,
    )
}

/// act(transposed convolution + bias): y `[B,OH,OW,OC]`, weight `[KH,KW,IC/groups,OC]` of the convolution
/// whose transpose this is -> `[B,H,W,IC]`. `out_size` is H and W, which are not unique when the stride is
/// larger than one; without it they are the smallest, (OH - 1) stride + dilation (KH - 1) + 1 - 2 padding.
pub fn conv_transpose2d(
    y: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    g: Geometry,
    out_size: Option<[usize; 2]>,
    act: Activation,
) -> Tensor<4> {
    let ([b, oh, ow, oc], [kh, kw, ic, _]) = (y.dims(), weight.dims());
    let size = out_size.or_else(|| g.input_size([oh, ow], [kh, kw]));
    let size = size.unwrap_or_else(|| {
        panic!(
            "conv_transpose2d: nothing is left of {:?} by {:?} with {g:?}",
            y.dims(),
            weight.dims()
        )
    });
    let (form, out) = conv_form(
        "conv_transpose2d",
        [b, size[0], size[1], ic * g.groups],
        weight.dims(),
        g,
    );
    assert!(
        out == [b, oh, ow, oc],
        "conv_transpose2d: a convolution of {size:?} gives {out:?}, not {:?}",
        y.dims()
    );
    fused(y, weight, bias, form, act, true)
}

/// Gradient of [`conv2d`] (without bias and activation) by its input of height and width `size`, given
/// the gradient y of its result; differentiable by y and by the weight.
pub fn conv2d_input_gradient(y: Tensor<4>, weight: Tensor<4>, g: Geometry, size: [usize; 2]) -> Tensor<4> {
    conv_transpose2d(y, weight, None, g, Some(size), Activation::Identity)
}

/// Gradient of [`conv2d`] (without bias and activation) by its weight of height and width `kernel`, given
/// the gradient y of its result; differentiable by x and by y.
pub fn conv2d_weight_gradient(x: Tensor<4>, y: Tensor<4>, g: Geometry, kernel: [usize; 2]) -> Tensor<4> {
    let weight = [kernel[0], kernel[1], x.dims()[3] / g.groups.max(1), y.dims()[3]];
    let (form, out) = conv_form("conv2d_weight_gradient", x.dims(), weight, g);
    assert!(
        out == y.dims(),
        "conv2d_weight_gradient: a convolution of {:?} gives {out:?}, not {:?}",
        x.dims(),
        y.dims()
    );
    Tensor::from_dispatch(Dispatch::product_weight_gradient(
        x.into_dispatch(),
        y.into_dispatch(),
        form,
    ))
}

/// Geometry of a 1-D convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry1d {
    /// Steps between neighbouring outputs.
    pub stride: usize,
    /// Zeros before and after; (dilation (K - 1), 0) is causal.
    pub padding: [usize; 2],
    /// Distance between neighbouring weights.
    pub dilation: usize,
    /// Input and output channels fall into this many groups that do not see each other.
    pub groups: usize,
}

/// act(convolution + bias): x `[B,T,IC]`, weight `[K,IC/groups,OC]`, bias `[OC]` -> `[B,OT,OC]`.
pub fn conv1d(
    x: Tensor<3>,
    weight: Tensor<3>,
    bias: Option<Tensor<1>>,
    g: Geometry1d,
    act: Activation,
) -> Tensor<3> {
    let ([b, t, ic], [k, wc, oc], [before, after]) = (x.dims(), weight.dims(), g.padding);
    let flat = Geometry {
        stride: [1, g.stride],
        padding: [0, before],
        dilation: [1, g.dilation],
        groups: g.groups,
    };
    // The kernels pad both ends alike: more at the end is written out, less is cut off.
    let x = match after.saturating_sub(before) {
        0 => x,
        more => Tensor::cat(vec![x.clone(), Tensor::zeros([b, more, ic], &x.device())], 1),
    };
    let span = g.dilation * k.saturating_sub(1) + 1;
    let length = (t + before + after)
        .checked_sub(span)
        .and_then(|v| v.checked_div(g.stride))
        .map(|v| v + 1);
    let length = length.unwrap_or_else(|| {
        panic!(
            "conv1d: a kernel of {:?} does not fit {t} steps with {g:?}",
            weight.dims()
        )
    });
    let x = x.unsqueeze_dim::<4>(1);
    let y = conv2d(x, weight.reshape([1, k, wc, oc]), bias, flat, act).squeeze_dim::<3>(1);
    if y.dims()[1] == length {
        y
    } else {
        y.narrow(1, 0, length)
    }
}

/// act(x weight + bias): x `[.., IN]`, weight `[IN,OUT]`, bias `[OUT]` -> `[.., OUT]`.
pub fn linear<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<2>,
    bias: Option<Tensor<1>>,
    act: Activation,
) -> Tensor<D> {
    let (mut shape, [inputs, outputs]) = (x.dims(), weight.dims());
    assert!(
        D > 0 && shape[D - 1] == inputs,
        "linear: {shape:?} does not end with the {inputs} inputs of {:?}",
        weight.dims()
    );
    let n = shape[..D - 1].iter().product::<usize>();
    let y = fused(x.reshape([n, inputs]), weight, bias, Form::Linear, act, false);
    shape[D - 1] = outputs;
    y.reshape(shape)
}

/// Checks the shapes of a convolution; returns its form and the shape of its result.
fn conv_form(what: &str, x: [usize; 4], w: [usize; 4], g: Geometry) -> (Form, [usize; 4]) {
    let ([b, h, width, ic], [kh, kw, wc, oc]) = (x, w);
    assert!(
        g.groups > 0
            && ic == wc * g.groups
            && oc.is_multiple_of(g.groups)
            && g.dilation[0] > 0
            && g.dilation[1] > 0,
        "{what}: {x:?} does not fit the weight {w:?} with {g:?}"
    );
    let size = g.output_size([h, width], [kh, kw]);
    let [oh, ow] =
        size.unwrap_or_else(|| panic!("{what}: the kernel of {w:?} does not fit into {x:?} with {g:?}"));
    (
        Form::Conv {
            geometry: g,
            size: [h, width],
            kernel: [kh, kw],
            output: [oh, ow],
            by_batch: false,
        },
        [b, oh, ow, oc],
    )
}

/// act(product + bias), fused where the activation's derivative is a function of the output.
fn fused<const D: usize>(
    a: Tensor<D>,
    w: Tensor<D>,
    bias: Option<Tensor<1>>,
    form: Form,
    act: Activation,
    transposed: bool,
) -> Tensor<D> {
    if !act.slope_from_output() {
        return activation(fused(a, w, bias, form, Activation::Identity, transposed), act);
    }
    let groups = if let Form::Conv { geometry, .. } = form {
        geometry.groups
    } else {
        1
    };
    let channels = if transposed {
        w.dims()[D - 2] * groups
    } else {
        w.dims()[D - 1]
    };
    let bias = match bias {
        None if act == Activation::Identity => {
            let (a, w) = (a.into_dispatch(), w.into_dispatch());
            let y = if transposed {
                Dispatch::product_input_gradient(a, w, form)
            } else {
                Dispatch::product(a, w, form)
            };
            return Tensor::from_dispatch(y);
        }
        None => Tensor::zeros([channels], &a.device()),
        Some(bias) => bias,
    };
    assert!(
        bias.dims() == [channels],
        "a bias of {:?} does not fit {channels} channels",
        bias.dims()
    );
    let (a, w, bias) = (a.into_dispatch(), w.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(match transposed {
        true => Dispatch::product_input_gradient_act(a, w, bias, form, act),
        false => Dispatch::product_act(a, w, bias, form, act),
    })
}

fn check_channels<const D: usize>(what: &str, x: &Tensor<D>, a: &Tensor<1>, b: &Tensor<1>) {
    let c = x.dims()[D - 1];
    assert!(
        a.dims() == [c] && b.dims() == [c],
        "{what}: {:?} and {:?} do not fit the {c} channels of {:?}",
        a.dims(),
        b.dims(),
        x.dims()
    );
}

/// Batch norm (Ioffe and Szegedy 2015) over all axes but the last with the batch's own statistics, then
/// the activation. Returns y, the batch's mean `[C]` and its biased variance `[C]`; the latter two carry no
/// gradient.
pub fn batch_norm<const D: usize>(
    x: Tensor<D>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    eps: f32,
    act: Activation,
) -> (Tensor<D>, Tensor<1>, Tensor<1>) {
    check_channels("batch_norm", &x, &gamma, &beta);
    let (y, mean, var) = Dispatch::batch_norm_act(
        x.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        eps,
        act,
    );
    (
        Tensor::from_dispatch(y),
        Tensor::from_dispatch(mean),
        Tensor::from_dispatch(var),
    )
}

/// What a function on the host makes of x: linear, and its own adjoint, so that gradients go through it as values do. The
/// mean over leaves of a batch is one. Backward it is called on the thread that asks for gradients.
pub fn by_host<const D: usize>(x: Tensor<D>, f: HostFunction) -> Tensor<D> {
    Tensor::from_dispatch(Dispatch::by_host(x.into_dispatch(), f))
}

/// act(x * scale + shift) a channel: batch norm in evaluation mode, with scale and shift folded by the caller.
pub fn scale_shift<const D: usize>(
    x: Tensor<D>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    act: Activation,
) -> Tensor<D> {
    check_channels("scale_shift", &x, &scale, &shift);
    Tensor::from_dispatch(Dispatch::scale_shift(
        x.into_dispatch(),
        scale.into_dispatch(),
        shift.into_dispatch(),
        act,
    ))
}

/// Layer norm (Ba et al. 2016) over the last axis, then the activation.
pub fn layer_norm<const D: usize>(
    x: Tensor<D>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    eps: f32,
    act: Activation,
) -> Tensor<D> {
    let shape = x.dims();
    let c = shape[D - 1];
    let rows = x.reshape([shape[..D - 1].iter().product::<usize>(), 1, c]);
    normalize_groups("layer_norm", rows, 1, gamma, beta, eps, act).reshape(shape)
}

/// Group norm (Wu and He 2018) of x `[B,H,W,C]` over height, width and each group of C / groups channels,
/// then the activation. Instance norm is one channel a group.
pub fn group_norm(
    x: Tensor<4>,
    groups: usize,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    eps: f32,
    act: Activation,
) -> Tensor<4> {
    let [b, h, w, c] = x.dims();
    normalize_groups(
        "group_norm",
        x.reshape([b, h * w, c]),
        groups,
        gamma,
        beta,
        eps,
        act,
    )
    .reshape([b, h, w, c])
}

fn normalize_groups(
    what: &str,
    x: Tensor<3>,
    groups: usize,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    eps: f32,
    act: Activation,
) -> Tensor<3> {
    check_channels(what, &x, &gamma, &beta);
    let c = x.dims()[2];
    assert!(
        groups > 0 && c.is_multiple_of(groups),
        "{what}: {c} channels do not fall into {groups} groups"
    );
    let (y, _, _) = Dispatch::group_norm(
        x.into_dispatch(),
        gamma.into_dispatch(),
        beta.into_dispatch(),
        groups,
        eps,
        act,
    );
    Tensor::from_dispatch(y)
}

/// act(x), element by element.
pub fn activation<const D: usize>(x: Tensor<D>, act: Activation) -> Tensor<D> {
    if act == Activation::Identity {
        return x;
    }
    Tensor::from_dispatch(Dispatch::activation(x.into_dispatch(), act))
}

/// t times the activation's derivative, given its output y: what an activation does to a direction that is carried forward.
/// Differentiable by t; y counts as constant, which is exact where the activation is piecewise linear.
///
/// # Panics
/// If the derivative is no function of the output ([`Activation::slope_from_output`]).
pub fn activation_slope<const D: usize>(t: Tensor<D>, y: Tensor<D>, act: Activation) -> Tensor<D> {
    assert!(
        act.slope_from_output(),
        "{act:?}: the derivative is no function of the output"
    );
    Tensor::from_dispatch(Dispatch::activation_gradient(
        t.into_dispatch(),
        y.into_dispatch(),
        act,
    ))
}

/// The gated activation tanh(a) sigmoid(b) (van den Oord et al. 2016b, equation 2): x `[.., C]` -> `[.., C / 2]`, where the
/// numbers of x are rows (a, b) of `half` numbers each.
pub fn gate<const D: usize>(x: Tensor<D>, half: usize) -> Tensor<D> {
    let channels = x.dims()[D - 1];
    assert!(
        half > 0 && channels.is_multiple_of(2 * half),
        "gate: {channels} channels are not rows of {half} numbers and their gates"
    );
    Tensor::from_dispatch(Dispatch::gate(x.into_dispatch(), half))
}

/// Mean over all elements of softplus(logits) - targets * logits, shape `[1]`: the binary cross-entropy
/// of targets in [0, 1] under sigmoid(logits), in nats.
pub fn bce_with_logits<const D: usize>(logits: Tensor<D>, targets: Tensor<D>) -> Tensor<1> {
    assert!(
        logits.dims() == targets.dims(),
        "bce_with_logits: {:?} logits and {:?} targets",
        logits.dims(),
        targets.dims()
    );
    Tensor::from_dispatch(Dispatch::bce_with_logits(
        logits.into_dispatch(),
        targets.into_dispatch(),
    ))
}

/// Mean over all elements of softplus(sign x), shape `[1]`: the cross-entropy of logits against all-real
/// (sign -1) or all-fake (sign 1), in nats.
pub fn softplus_mean<const D: usize>(x: Tensor<D>, sign: f32) -> Tensor<1> {
    Tensor::from_dispatch(Dispatch::softplus_mean(x.into_dispatch(), sign))
}

/// The loss of every row, shape `[M]`: row i of x `[M,D]` against row i mod N of targets `[N,D]`, summed over the row. M
/// is a multiple of N, so that several draws of the same items share their targets. Targets carry no gradient.
pub fn row_loss(x: Tensor<2>, targets: Tensor<2>, loss: RowLoss) -> Tensor<1> {
    let ([m, d], [n, e]) = (x.dims(), targets.dims());
    assert!(
        d == e && n > 0 && m.is_multiple_of(n),
        "row_loss: {:?} against {:?}",
        x.dims(),
        targets.dims()
    );
    Tensor::from_dispatch(Dispatch::row_loss(
        x.into_dispatch(),
        targets.into_dispatch(),
        loss,
    ))
}

fn resample(what: &str, x: Tensor<4>, to: [usize; 2], filter: Filter) -> Tensor<4> {
    let [_, h, w, _] = x.dims();
    assert!(
        h * w > 0 && to[0] * to[1] > 0,
        "{what}: no pixels in {:?} -> {to:?}",
        x.dims()
    );
    Tensor::from_dispatch(Dispatch::resample(
        x.into_dispatch(),
        Resample {
            from: [h, w],
            to,
            filter,
        },
    ))
}

/// x `[B,H,W,C]` -> `[B,size[0],size[1],C]`; output i takes input floor(i H / `size[0]`), as in PyTorch.
pub fn resize_nearest(x: Tensor<4>, size: [usize; 2]) -> Tensor<4> {
    resample("resize_nearest", x, size, Filter::Nearest)
}

/// x `[B,H,W,C]` -> `[B,size[0],size[1],C]` by linear interpolation, as in PyTorch (no antialiasing).
pub fn resize_bilinear(x: Tensor<4>, size: [usize; 2], align_corners: bool) -> Tensor<4> {
    resample("resize_bilinear", x, size, Filter::Bilinear { align_corners })
}

/// x `[B,H,W,C r r]` -> `[B,H r,W r,C]` (Shi et al. 2016): channel (c, i, j) goes to row i, column j of its square.
pub fn pixel_shuffle(x: Tensor<4>, r: usize) -> Tensor<4> {
    assert!(
        r > 0 && x.dims()[3].is_multiple_of(r * r),
        "pixel_shuffle: {:?} by {r}",
        x.dims()
    );
    Tensor::from_dispatch(Dispatch::pixel_shuffle(x.into_dispatch(), r))
}

/// x `[B,H r,W r,C]` -> `[B,H,W,C r r]`: the inverse of [`pixel_shuffle`].
pub fn pixel_unshuffle(x: Tensor<4>, r: usize) -> Tensor<4> {
    let [_, h, w, _] = x.dims();
    assert!(
        r > 0 && h.is_multiple_of(r) && w.is_multiple_of(r),
        "pixel_unshuffle: {:?} by {r}",
        x.dims()
    );
    Tensor::from_dispatch(Dispatch::pixel_unshuffle(x.into_dispatch(), r))
}

fn pooled(what: &str, x: &Tensor<4>, window: Window) -> [usize; 2] {
    let [_, h, w, _] = x.dims();
    window
        .output_size([h, w])
        .unwrap_or_else(|| panic!("{what}: {window:?} does not fit {:?}", x.dims()))
}

/// x `[B,H,W,C]` -> `[B,OH,OW,C]`: the mean of each window, padding counted as zeros.
pub fn avg_pool2d(x: Tensor<4>, kernel: [usize; 2], stride: [usize; 2], padding: [usize; 2]) -> Tensor<4> {
    let window = Window {
        kernel,
        stride,
        padding,
    };
    let to = pooled("avg_pool2d", &x, window);
    resample("avg_pool2d", x, to, Filter::Average(window))
}

/// x `[B,H,W,C]` through the binomial filter [1, 3, 3, 1] / 8 along both axes, with `padding` zeros on each side, every
/// `stride`-th output kept: what StyleGAN2 has before and behind its convolutions against aliasing.
pub fn blur2d(x: Tensor<4>, stride: usize, padding: usize) -> Tensor<4> {
    let [_, h, w, _] = x.dims();
    let to = [h, w].map(|n| (n + 2 * padding).saturating_sub(4) / stride.max(1) + 1);
    resample("blur2d", x, to, Filter::Binomial { stride, padding })
}

/// x `[B,H,W,C]` -> `[B,OH,OW,C]`: the largest value of each window; padding never wins.
pub fn max_pool2d(x: Tensor<4>, kernel: [usize; 2], stride: [usize; 2], padding: [usize; 2]) -> Tensor<4> {
    let window = Window {
        kernel,
        stride,
        padding,
    };
    pooled("max_pool2d", &x, window);
    Tensor::from_dispatch(Dispatch::max_pool(x.into_dispatch(), window))
}

/// A convolutional LSTM over the lines of an image (Shi et al. 2015, without peepholes): u `[B,H,W,4N]` are the gates
/// (o, f, i, g) before their activation as far as they come from the input, weight `[K,N,4N]` what is added from the line
/// before, of which tap k reads position p + k - `before`, zeros beyond the ends. c = sigmoid(f) c + sigmoid(i) tanh(g) from 0;
/// gives h = sigmoid(o) tanh(c), `[B,H,W,N]`. Along diagonals there are two taps: the pixel above and the one beside.
pub fn conv_lstm(u: Tensor<4>, weight: Tensor<3>, before: usize, scan: Scan) -> Tensor<4> {
    let ([_, h, w, gates], [k, n, out]) = (u.dims(), weight.dims());
    let fits = gates == 4 * n
        && out == gates
        && before < k
        && h * w > 0
        && (scan == Scan::Rows || (k, before) == (2, 1));
    assert!(
        fits,
        "conv_lstm: {:?} does not fit the weight {:?} from {before} before",
        u.dims(),
        weight.dims()
    );
    let (h, _) = Dispatch::conv_lstm(u.into_dispatch(), weight.into_dispatch(), before, scan);
    Tensor::from_dispatch(h)
}
