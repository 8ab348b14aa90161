//! The convolutional LSTM over the lines of an image.
use super::activation;
use crate::ops::{Activation, Scan};
use burn::backend::{Backend, TensorMetadata, tensor::FloatTensor};
use burn::tensor::Shape;

type F<B> = FloatTensor<B>;

/// Part of an axis.
fn part<B: Backend>(x: &F<B>, axis: usize, from: usize, to: usize) -> F<B> {
    let shape = x.shape();
    let ranges: Vec<_> = (0..shape.num_dims())
        .map(|i| {
            if i == axis {
                (from..to).into()
            } else {
                (0..shape[i]).into()
            }
        })
        .collect();
    B::float_slice(x.clone(), &ranges)
}

/// Step t of `[B,T,S,C]`, as `[B,S,C]`.
fn step<B: Backend>(x: &F<B>, t: usize) -> F<B> {
    let s = x.shape();
    B::float_reshape(part::<B>(x, 1, t, t + 1), Shape::new([s[0], s[2], s[3]]))
}

/// Position s of `[B,S,C]` becomes what was at s + `by`, zeros beyond the ends.
fn shifted<B: Backend>(x: F<B>, by: isize) -> F<B> {
    let [b, s, c] = x.shape().dims();
    let n = by.unsigned_abs().min(s);
    if n == 0 {
        return x;
    }
    let zeros = zeros::<B, 3>(&x, [b, n, c]);
    match by > 0 {
        true if n < s => B::float_cat(vec![part::<B>(&x, 1, n, s), zeros], 1),
        false if n < s => B::float_cat(vec![zeros, part::<B>(&x, 1, 0, s - n)], 1),
        _ => zeros,
    }
}

/// `[B,S,C]` as `[B S, C]`.
fn rows<B: Backend>(x: F<B>) -> F<B> {
    let [b, s, c] = x.shape().dims();
    B::float_reshape(x, Shape::new([b * s, c]))
}

fn tap<B: Backend>(w: &F<B>, k: usize) -> F<B> {
    let [_, h, out] = w.shape().dims();
    B::float_reshape(part::<B>(w, 0, k, k + 1), Shape::new([h, out]))
}

fn zeros<B: Backend, const D: usize>(like: &F<B>, shape: [usize; D]) -> F<B> {
    B::float_zeros(Shape::new(shape), &like.device(), like.dtype().into())
}

/// Lines of `[B,H,W,C]`, one after the other: `[B,T,S,C]`. Of diagonals, row i begins i positions further right, so that they
/// become columns, with zeros where no pixel is (van den Oord et al. 2016a, figure 3).
fn lines<B: Backend>(x: F<B>, scan: Scan) -> F<B> {
    let [b, h, w, c] = x.shape().dims();
    let x = match scan {
        Scan::Rows => return x,
        Scan::Diagonals => x,
        Scan::MirroredDiagonals => B::float_flip(x, &[2]),
    };
    let x = B::float_cat(vec![x.clone(), zeros::<B, 4>(&x, [b, h, h, c])], 2);
    let x = part::<B>(
        &B::float_reshape(x, Shape::new([b, h * (w + h), c])),
        1,
        0,
        h * (w + h - 1),
    );
    B::float_swap_dims(B::float_reshape(x, Shape::new([b, h, w + h - 1, c])), 1, 2)
}

/// The way back.
fn image<B: Backend>(x: F<B>, scan: Scan) -> F<B> {
    if scan == Scan::Rows {
        return x;
    }
    let [b, d, h, c] = x.shape().dims();
    let x = B::float_reshape(B::float_swap_dims(x, 1, 2), Shape::new([b, h * d, c]));
    let x = B::float_cat(vec![x.clone(), zeros::<B, 3>(&x, [b, h, c])], 1);
    let x = part::<B>(
        &B::float_reshape(x, Shape::new([b, h, d + 1, c])),
        2,
        0,
        d + 1 - h,
    );
    if scan == Scan::Diagonals {
        x
    } else {
        B::float_flip(x, &[2])
    }
}

/// See [`Ops::conv_lstm`](crate::Ops::conv_lstm).
pub fn conv_lstm<B: Backend>(u: F<B>, w: F<B>, before: usize, scan: Scan) -> (F<B>, F<B>) {
    let u = lines::<B>(u, scan);
    let ([b, steps, s, _], [taps, n, _]) = (u.shape().dims(), w.shape().dims());
    let (mut hs, mut states, mut last): (Vec<F<B>>, Vec<F<B>>, Option<(F<B>, F<B>)>) = (vec![], vec![], None);
    for t in 0..steps {
        let mut gates = step::<B>(&u, t);
        if let Some((h, _)) = &last {
            for k in 0..taps {
                let x = rows::<B>(shifted::<B>(h.clone(), k as isize - before as isize));
                gates = B::float_add(
                    gates,
                    B::float_reshape(B::float_matmul(x, tap::<B>(&w, k)), Shape::new([b, s, 4 * n])),
                );
            }
        }
        let gate = |i: usize, act| activation::<B>(part::<B>(&gates, 2, i * n, (i + 1) * n), act);
        let [o, f, i] = [0, 1, 2].map(|k| gate(k, Activation::Sigmoid));
        let g = gate(3, Activation::Tanh);
        let mut c = B::float_mul(i.clone(), g.clone());
        if let Some((_, old)) = last {
            c = B::float_add(c, B::float_mul(f.clone(), old));
        }
        let h = B::float_mul(o.clone(), B::float_tanh(c.clone()));
        states.push(B::float_reshape(
            B::float_cat(vec![o, f, i, g, c.clone()], 2),
            Shape::new([b, 1, s, 5 * n]),
        ));
        hs.push(B::float_reshape(h.clone(), Shape::new([b, 1, s, n])));
        last = Some((h, c));
    }
    (
        image::<B>(B::float_cat(hs, 1), scan),
        image::<B>(B::float_cat(states, 1), scan),
    )
}

/// See [`Ops::conv_lstm_gradient`](crate::Ops::conv_lstm_gradient).
pub fn conv_lstm_gradient<B: Backend>(
    g: F<B>,
    w: F<B>,
    h: F<B>,
    state: F<B>,
    before: usize,
    scan: Scan,
) -> (F<B>, F<B>) {
    let [g, h, state] = [g, h, state].map(|x| lines::<B>(x, scan));
    let ([b, steps, s, n], [taps, _, _]) = (h.shape().dims(), w.shape().dims());
    // x (1 - x) and 1 - x^2: the slopes of sigmoid and tanh by their values.
    let one_less = |x: F<B>| B::float_add_scalar(B::float_neg(x), 1.0f32.into());
    let bell = |x: F<B>| B::float_mul(x.clone(), one_less(x));
    let square = |x: F<B>| one_less(B::float_mul(x.clone(), x));
    let mul = |a: F<B>, b: F<B>| B::float_mul(a, b);
    let none = || zeros::<B, 3>(&h, [b, s, n]);
    let (mut by_h, mut by_c) = (none(), none());
    let (mut by_u, mut by_w): (Vec<F<B>>, Vec<Option<F<B>>>) = (vec![], vec![None; taps]);
    for t in (0..steps).rev() {
        let state_t = step::<B>(&state, t);
        let [o, f, i, gg, c] = [0, 1, 2, 3, 4].map(|k| part::<B>(&state_t, 2, k * n, (k + 1) * n));
        let old = if t == 0 {
            none()
        } else {
            part::<B>(&step::<B>(&state, t - 1), 2, 4 * n, 5 * n)
        };
        by_h = B::float_add(by_h, step::<B>(&g, t));
        let tc = B::float_tanh(c);
        let d = B::float_add(by_c, mul(mul(by_h.clone(), o.clone()), square(tc.clone())));
        let by_o = mul(mul(by_h, tc), bell(o));
        let by_f = mul(mul(d.clone(), old), bell(f.clone()));
        let by_i = mul(mul(d.clone(), gg.clone()), bell(i.clone()));
        let by_g = mul(mul(d.clone(), i), square(gg));
        by_c = mul(d, f);
        let du = B::float_cat(vec![by_o, by_f, by_i, by_g], 2);
        by_h = none();
        if t > 0 {
            let last = step::<B>(&h, t - 1);
            for (k, by_w) in by_w.iter_mut().enumerate() {
                let by = k as isize - before as isize;
                let flat = rows::<B>(du.clone());
                let back = B::float_matmul(flat.clone(), B::float_transpose(tap::<B>(&w, k)));
                by_h = B::float_add(
                    by_h,
                    shifted::<B>(B::float_reshape(back, Shape::new([b, s, n])), -by),
                );
                let x = rows::<B>(shifted::<B>(last.clone(), by));
                let more = B::float_matmul(B::float_transpose(x), flat);
                *by_w = Some(by_w.take().map_or(more.clone(), |w| B::float_add(w, more)));
            }
        }
        by_u.push(B::float_reshape(du, Shape::new([b, 1, s, 4 * n])));
    }
    by_u.reverse();
    let none = || zeros::<B, 2>(&h, [n, 4 * n]);
    let by_w = by_w
        .into_iter()
        .map(|w| B::float_reshape(w.unwrap_or_else(none), Shape::new([1, n, 4 * n])))
        .collect();
    (image::<B>(B::float_cat(by_u, 1), scan), B::float_cat(by_w, 0))
}
