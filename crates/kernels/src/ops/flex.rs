//! The kernels of this crate behind Burn's CPU backend.
use super::default::gated_shape;
use super::optim::{AdamStep, RmsStep, SgdStep};
use super::{Activation, Form, Geometry, Ops, Resample, RowLoss, Scan, Window};
use crate::conv::{self, Epilogue, Shape, unpacked};
use crate::lstm;
use crate::matrix::{Matrix, multiply};
use crate::memory::Buffer;
use crate::rows::{self, batch_norm, gate, group_norm, layer_norm, loss, pointwise, spatial, update};
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{Bytes, DType, Shape as TensorShape};
use burn_flex::{FlexTensor, Layout};

type T = FlexTensor;

/// Contiguous f32, copied only if it is not.
fn dense(t: T) -> T {
    assert!(
        t.dtype() == DType::F32,
        "the kernels compute in f32, not {:?}",
        t.dtype()
    );
    if t.layout().contiguous_offsets().is_some() {
        t
    } else {
        t.to_contiguous()
    }
}

fn slice(t: &T) -> &[f32] {
    t.as_slice().expect("dense f32")
}

/// A buffer as Burn's bytes, without a copy.
pub(crate) fn bytes(b: Buffer) -> Bytes {
    let n = b.len() * 4;
    // SAFETY: the buffer's memory has this many bytes, all initialized.
    unsafe { Bytes::from_controller(Box::new(b), n) }
}

fn from_buffer(b: Buffer, shape: impl Into<TensorShape>) -> T {
    T::new(bytes(b), Layout::contiguous(shape.into()), DType::F32)
}

fn vector(v: Vec<f32>) -> T {
    let n = v.len();
    T::new(
        Bytes::from_elems(v),
        Layout::contiguous(TensorShape::new([n])),
        DType::F32,
    )
}

/// A new tensor that `f` writes all of.
fn filled(shape: impl Into<TensorShape>, f: impl FnOnce(&mut [f32])) -> T {
    let shape = shape.into();
    let mut b = Buffer::new(shape.num_elements());
    f(&mut b);
    from_buffer(b, shape)
}

/// Writes in place if nobody else holds the tensor, else to a copy.
fn in_place(t: T, f: impl FnOnce(&mut [f32])) -> T {
    let mut t = dense(t);
    let n = t.shape().num_elements();
    if t.layout().start_offset() == 0
        && let Some(all) = t.try_storage_mut::<f32>()
    {
        f(&mut all[..n]);
        return t;
    }
    let mut b = Buffer::copied(slice(&t));
    f(&mut b);
    from_buffer(b, t.shape())
}

fn dims(t: &T) -> [usize; 4] {
    t.shape().dims()
}

fn channels(t: &T) -> usize {
    let s = t.shape();
    s[s.num_dims() - 1]
}

/// The sizes of a convolution whose weight is `w` and whose x and y have this many images.
fn sizes(
    g: Geometry,
    [input, kernel, output]: [[usize; 2]; 3],
    batch: usize,
    in_channels: usize,
    out_channels: usize,
) -> Shape {
    Shape {
        batch,
        input,
        output,
        in_channels,
        out_channels,
        kernel,
        stride: g.stride,
        padding: g.padding,
        dilation: g.dilation,
        groups: g.groups,
    }
}

fn product(x: T, w: T, form: Form, e: Epilogue) -> T {
    let (x, w) = (dense(x), dense(w));
    match form {
        Form::Conv {
            geometry: g,
            size,
            kernel,
            output,
            by_batch,
        } => {
            let [batch, _, _, inputs] = dims(&x);
            let s = sizes(g, [size, kernel, output], batch, inputs, channels(&w));
            filled([batch, s.output[0], s.output[1], s.out_channels], |y| {
                let path = conv::chosen(&s, conv::Pass::Forward, by_batch);
                conv::forward_by(path, &s, slice(&x), slice(&w), y, e)
            })
        }
        Form::Linear => {
            let (n, size @ [inputs, outputs]) = (x.shape()[0], w.shape().dims());
            if unpacked::pays(size) {
                return filled([n, outputs], |y| {
                    unpacked::forward(slice(&x), slice(&w), y, size, e)
                });
            }
            filled([n, outputs], |y| {
                linear(
                    Matrix::new(slice(&x), n, inputs),
                    Matrix::new(slice(&w), inputs, outputs),
                    y,
                    e,
                )
            })
        }
    }
}

fn input_gradient(y: T, w: T, form: Form, e: Epilogue) -> T {
    let (y, w) = (dense(y), dense(w));
    match form {
        Form::Conv {
            geometry: g,
            size,
            kernel,
            output,
            by_batch,
        } => {
            let ([batch, _, _, outputs], [_, _, inputs, _]) = (dims(&y), dims(&w));
            let s = sizes(g, [size, kernel, output], batch, inputs * g.groups, outputs);
            filled([batch, size[0], size[1], s.in_channels], |x| {
                let path = conv::chosen(&s, conv::Pass::Input, by_batch);
                conv::input_gradient_by(path, &s, slice(&y), slice(&w), x, e)
            })
        }
        Form::Linear => {
            let (n, size @ [inputs, outputs]) = (y.shape()[0], w.shape().dims());
            if unpacked::pays(size) && e.is_identity() {
                return filled([n, inputs], |x| {
                    unpacked::input_gradient(slice(&y), slice(&w), x, size)
                });
            }
            filled([n, inputs], |x| {
                linear(
                    Matrix::new(slice(&y), n, outputs),
                    Matrix::new(slice(&w), inputs, outputs).transposed(),
                    x,
                    e,
                )
            })
        }
    }
}

fn weight_gradient(x: T, y: T, form: Form) -> T {
    let (x, y) = (dense(x), dense(y));
    let (batch, inputs, outputs) = (x.shape()[0], channels(&x), channels(&y));
    match form {
        Form::Conv {
            geometry: g,
            size,
            kernel,
            output,
            ..
        } => {
            let s = sizes(g, [size, kernel, output], batch, inputs, outputs);
            filled([kernel[0], kernel[1], inputs / g.groups, outputs], |w| {
                conv::weight_gradient(&s, slice(&x), slice(&y), w)
            })
        }
        Form::Linear if unpacked::pays([inputs, outputs]) => filled([inputs, outputs], |w| {
            unpacked::weight_gradient(slice(&x), slice(&y), w, [inputs, outputs])
        }),
        Form::Linear => filled([inputs, outputs], |w| {
            multiply(
                Matrix::new(slice(&x), batch, inputs).transposed(),
                Matrix::new(slice(&y), batch, outputs),
                w,
                None,
            )
        }),
    }
}

/// out = a b, with what convolutions do in their epilogue.
fn linear(a: Matrix, b: Matrix, out: &mut [f32], e: Epilogue) {
    let Some(bias) = e.shift else {
        return multiply(a, b, out, None);
    };
    let act = if e.slope == 1.0 {
        Activation::Identity
    } else {
        Activation::LeakyRelu(e.slope)
    };
    multiply(
        a,
        b,
        out,
        Some(&|row, columns| rows::bias_act_row(row, &bias[columns], act)),
    );
}

/// Calls `f` with an epilogue of the bias and, where the kernels have it, the activation; then
/// applies the activation if they do not.
fn with_epilogue(bias: T, act: Activation, f: impl FnOnce(Epilogue) -> T) -> T {
    let bias = dense(bias);
    let slope = match act {
        Activation::Identity => Some(1.0),
        Activation::Relu => Some(0.0),
        Activation::LeakyRelu(slope) => Some(slope),
        _ => None,
    };
    let y = f(Epilogue {
        scale: None,
        shift: Some(slice(&bias)),
        slope: slope.unwrap_or(1.0),
    });
    if slope.is_some() {
        y
    } else {
        in_place(y, |y| pointwise::forward(y, act))
    }
}

fn group_sizes(x: &T, groups: usize) -> group_norm::Sizes {
    let [samples, positions, channels] = x.shape().dims();
    group_norm::Sizes {
        samples,
        positions,
        channels,
        groups,
    }
}

fn lstm_sizes(x: &T, w: &T, before: usize, scan: Scan) -> lstm::Sizes {
    let ([items, height, width, _], [taps, hidden, _]) = (dims(x), w.shape().dims());
    lstm::Sizes {
        items,
        height,
        width,
        hidden,
        taps,
        before,
        scan,
    }
}

/// A scalar of shape `[1]`.
fn scalar(t: T) -> f32 {
    slice(&dense(t))[0]
}

impl Ops for Flex {
    fn product(x: T, w: T, form: Form) -> T {
        product(x, w, form, Epilogue::default())
    }
    fn product_input_gradient(y: T, w: T, form: Form) -> T {
        input_gradient(y, w, form, Epilogue::default())
    }
    fn product_weight_gradient(x: T, y: T, form: Form) -> T {
        weight_gradient(x, y, form)
    }
    fn product_act(x: T, w: T, bias: T, form: Form, act: Activation) -> T {
        with_epilogue(bias, act, |e| product(x, w, form, e))
    }
    fn product_input_gradient_act(y: T, w: T, bias: T, form: Form, act: Activation) -> T {
        with_epilogue(bias, act, |e| input_gradient(y, w, form, e))
    }
    fn bias_act_gradient(g: T, y: T, act: Activation) -> (T, T) {
        let (c, y) = (channels(&y), dense(y));
        let mut by_bias = Vec::new();
        let g = in_place(g, |g| by_bias = rows::bias_act_backward(g, slice(&y), c, act));
        (g, vector(by_bias))
    }
    fn bias_gradient(g: T) -> T {
        let g = dense(g);
        vector(rows::column_sums(slice(&g), channels(&g)))
    }

    fn batch_norm_act(x: T, gamma: T, beta: T, eps: f32, act: Activation) -> (T, T, T) {
        let (x, gamma, beta) = (dense(x), dense(gamma), dense(beta));
        let mut statistics = Default::default();
        let y = filled(x.shape(), |y| {
            statistics = batch_norm::forward(slice(&x), slice(&gamma), slice(&beta), eps, act, y)
        });
        (y, vector(statistics.0), vector(statistics.1))
    }
    fn batch_norm_act_gradient(
        g: T,
        x: T,
        gamma: T,
        beta: T,
        mean: T,
        var: T,
        eps: f32,
        act: Activation,
    ) -> (T, T, T) {
        let [x, gamma, beta, mean, var] = [x, gamma, beta, mean, var].map(dense);
        let mut d = Default::default();
        let g = in_place(g, |g| {
            d = batch_norm::backward(
                g,
                slice(&x),
                slice(&gamma),
                slice(&beta),
                slice(&mean),
                slice(&var),
                eps,
                act,
            )
        });
        (g, vector(d.0), vector(d.1))
    }
    fn scale_shift(x: T, scale: T, shift: T, act: Activation) -> T {
        let (x, scale, shift) = (dense(x), dense(scale), dense(shift));
        let map = batch_norm::Affine::new(&vec![0.0; channels(&x)], slice(&scale), slice(&shift), act);
        filled(x.shape(), |y| map.forward(slice(&x), y))
    }
    fn scale_shift_gradient(g: T, x: T, scale: T, shift: T, act: Activation) -> (T, T, T) {
        let (x, scale, shift) = (dense(x), dense(scale), dense(shift));
        let mut d = Default::default();
        let g = in_place(g, |g| {
            d = batch_norm::scale_shift_backward(g, slice(&x), slice(&scale), slice(&shift), act)
        });
        (g, vector(d.0), vector(d.1))
    }
    fn group_norm(x: T, gamma: T, beta: T, groups: usize, eps: f32, act: Activation) -> (T, T, T) {
        let (x, gamma, beta) = (dense(x), dense(gamma), dense(beta));
        let s = group_sizes(&x, groups);
        let [mut mean, mut var] = [0, 1].map(|_| vec![0f32; s.samples * groups]);
        let run = if s.positions == 1 {
            layer_norm::forward
        } else {
            group_norm::forward
        };
        let y = filled(x.shape(), |y| {
            run(
                s,
                slice(&x),
                slice(&gamma),
                slice(&beta),
                eps,
                act,
                y,
                &mut mean,
                &mut var,
            )
        });
        let table = |v: Vec<f32>| vector(v).reshape(TensorShape::new([s.samples, groups]));
        (y, table(mean), table(var))
    }
    fn group_norm_gradient(
        g: T,
        x: T,
        gamma: T,
        beta: T,
        mean: T,
        var: T,
        groups: usize,
        eps: f32,
        act: Activation,
    ) -> (T, T, T) {
        let [x, gamma, beta, mean, var] = [x, gamma, beta, mean, var].map(dense);
        let s = group_sizes(&x, groups);
        let run = if s.positions == 1 {
            layer_norm::backward
        } else {
            group_norm::backward
        };
        let mut d = Default::default();
        let g = in_place(g, |g| {
            d = run(
                s,
                g,
                slice(&x),
                slice(&gamma),
                slice(&beta),
                slice(&mean),
                slice(&var),
                eps,
                act,
            )
        });
        (g, vector(d.0), vector(d.1))
    }

    fn activation(x: T, act: Activation) -> T {
        in_place(x, |x| pointwise::forward(x, act))
    }
    fn activation_gradient(g: T, saved: T, act: Activation) -> T {
        if act == Activation::Identity {
            return g;
        }
        let saved = dense(saved);
        in_place(g, |g| pointwise::backward(g, slice(&saved), act))
    }
    fn gate(x: T, half: usize) -> T {
        let x = dense(x);
        filled(gated_shape(&x.shape()), |y| gate::forward(slice(&x), half, y))
    }
    fn gate_gradient(g: T, x: T, half: usize) -> T {
        let (g, x) = (dense(g), dense(x));
        filled(x.shape(), |d| gate::backward(slice(&g), slice(&x), half, d))
    }
    fn bce_with_logits(x: T, t: T) -> T {
        let (x, t) = (dense(x), dense(t));
        vector(vec![loss::mean(slice(&x), Some(slice(&t)), 1.0)])
    }
    fn bce_with_logits_gradient(g: T, x: T, t: T) -> T {
        let (g, x, t) = (scalar(g), dense(x), dense(t));
        filled(x.shape(), |d| {
            loss::gradient(g, slice(&x), Some(slice(&t)), 1.0, d)
        })
    }
    fn softplus_mean(x: T, sign: f32) -> T {
        vector(vec![loss::mean(slice(&dense(x)), None, sign)])
    }
    fn softplus_mean_gradient(g: T, x: T, sign: f32) -> T {
        let (g, x) = (scalar(g), dense(x));
        filled(x.shape(), |d| loss::gradient(g, slice(&x), None, sign, d))
    }

    fn row_loss(x: T, t: T, loss: RowLoss) -> T {
        let (x, t) = (dense(x), dense(t));
        let width = channels(&x);
        filled([x.shape()[0]], |out| {
            loss::rows(slice(&x), slice(&t), width, loss, out)
        })
    }
    fn row_loss_gradient(g: T, x: T, t: T, loss: RowLoss) -> T {
        let (g, x, t) = (dense(g), dense(x), dense(t));
        let width = channels(&x);
        filled(x.shape(), |d| {
            loss::rows_gradient(slice(&g), slice(&x), slice(&t), width, loss, d)
        })
    }

    fn resample(x: T, r: Resample) -> T {
        let x = dense(x);
        let [b, _, _, c] = dims(&x);
        filled([b, r.to[0], r.to[1], c], |y| {
            spatial::resample(slice(&x), b, c, r, y)
        })
    }
    fn resample_gradient(g: T, r: Resample) -> T {
        let g = dense(g);
        let [b, _, _, c] = dims(&g);
        filled([b, r.from[0], r.from[1], c], |d| {
            spatial::resample_gradient(slice(&g), b, c, r, d)
        })
    }
    fn pixel_shuffle(x: T, r: usize) -> T {
        let x = dense(x);
        let [b, h, w, c] = dims(&x);
        let c = c / (r * r);
        filled([b, h * r, w * r, c], |y| {
            spatial::shuffle(slice(&x), [b, h, w, c], r, true, y)
        })
    }
    fn pixel_unshuffle(x: T, r: usize) -> T {
        let x = dense(x);
        let [b, h, w, c] = dims(&x);
        filled([b, h / r, w / r, c * r * r], |y| {
            spatial::shuffle(slice(&x), [b, h / r, w / r, c], r, false, y)
        })
    }
    fn max_pool(x: T, w: Window) -> T {
        let x = dense(x);
        let [b, h, width, c] = dims(&x);
        let out = w.output_size([h, width]).expect("checked before");
        filled([b, out[0], out[1], c], |y| {
            spatial::max_pool(slice(&x), [b, h, width, c], w, out, y)
        })
    }
    fn max_pool_gradient(g: T, x: T, w: Window) -> T {
        let (g, x) = (dense(g), dense(x));
        let ([_, oh, ow, _], shape) = (dims(&g), dims(&x));
        filled(shape, |d| {
            spatial::max_pool_gradient(slice(&g), slice(&x), shape, w, [oh, ow], d)
        })
    }

    fn conv_lstm(u: T, w: T, before: usize, scan: Scan) -> (T, T) {
        let (u, w) = (dense(u), dense(w));
        let (s, [b, height, width, _]) = (lstm_sizes(&u, &w, before, scan), dims(&u));
        let mut state = Buffer::new(b * height * width * 5 * s.hidden);
        let h = filled([b, height, width, s.hidden], |h| {
            lstm::forward(s, slice(&u), slice(&w), h, &mut state)
        });
        (h, from_buffer(state, [b, height, width, 5 * s.hidden]))
    }
    fn conv_lstm_gradient(g: T, w: T, h: T, state: T, before: usize, scan: Scan) -> (T, T) {
        let [g, w, h, state] = [g, w, h, state].map(dense);
        let (s, [b, height, width, _]) = (lstm_sizes(&h, &w, before, scan), dims(&h));
        let mut by_w = Vec::new();
        let by_u = filled([b, height, width, 4 * s.hidden], |u| {
            by_w = lstm::gradient(s, slice(&g), slice(&w), slice(&h), slice(&state), u)
        });
        (by_u, vector(by_w).reshape(w.shape()))
    }

    fn adam(p: T, g: T, m: T, v: T, s: AdamStep) -> (T, T, T) {
        let g = dense(g);
        let (mut new_m, mut new_v) = (None, None);
        let p = in_place(p, |p| {
            new_m = Some(in_place(m, |m| {
                new_v = Some(in_place(v, |v| update::adam(p, slice(&g), m, v, s)))
            }));
        });
        (p, new_m.expect("written"), new_v.expect("written"))
    }
    fn rms_prop(p: T, g: T, v: T, s: RmsStep) -> (T, T) {
        let g = dense(g);
        let mut new_v = None;
        let p = in_place(p, |p| {
            new_v = Some(in_place(v, |v| update::rms_prop(p, slice(&g), v, s)))
        });
        (p, new_v.expect("written"))
    }
    fn sgd(p: T, g: T, m: T, s: SgdStep) -> (T, T) {
        let g = dense(g);
        let mut new_m = None;
        let p = in_place(p, |p| {
            new_m = Some(in_place(m, |m| update::sgd(p, slice(&g), m, s)))
        });
        (p, new_m.expect("written"))
    }
    fn average(average: T, p: T, weight: f32) -> T {
        let p = dense(p);
        in_place(average, |a| update::average(a, slice(&p), weight))
    }
}
