//! Resizing, pooling and pixel shuffles.
use crate::ops::{Resample, Window};
use burn::backend::{Backend, TensorMetadata, get_or_init_device_settings, tensor::FloatTensor};
use burn::tensor::{Shape, TensorData};

type F<B> = FloatTensor<B>;

/// The map of one axis as a matrix [to, from], or [from, to] if transposed.
fn matrix<B: Backend>(like: &F<B>, r: Resample, axis: usize, transposed: bool) -> F<B> {
    let (from, to) = (r.from[axis], r.to[axis]);
    let mut m = vec![0f32; from * to];
    for (i, taps) in r.taps(axis).into_iter().enumerate() {
        for (j, weight) in taps {
            m[if transposed { j * to + i } else { i * from + j }] += weight;
        }
    }
    let shape = if transposed { [from, to] } else { [to, from] };
    B::float_cast(
        B::float_from_data(TensorData::new(m, shape), &like.device()),
        like.dtype().into(),
    )
}

/// `[B,H,W,C]` by a matrix for the height and one for the width.
fn separable<B: Backend>(x: F<B>, rows: F<B>, columns: F<B>) -> F<B> {
    let s = x.shape();
    let (to, c) = ([rows.shape()[0], columns.shape()[0]], s[3]);
    let batched = |m: F<B>| {
        let s = m.shape();
        B::float_reshape(m, Shape::new([1, s[0], s[1]]))
    };
    let x = B::float_matmul(
        batched(rows),
        B::float_reshape(x, Shape::new([s[0], s[1], s[2] * c])),
    );
    let x = B::float_matmul(
        batched(columns),
        B::float_reshape(x, Shape::new([s[0] * to[0], s[2], c])),
    );
    B::float_reshape(x, Shape::new([s[0], to[0], to[1], c]))
}

/// See [`Ops::resample`](crate::Ops::resample).
pub fn resample<B: Backend>(x: F<B>, r: Resample) -> F<B> {
    let (rows, columns) = (matrix::<B>(&x, r, 0, false), matrix::<B>(&x, r, 1, false));
    separable::<B>(x, rows, columns)
}

/// See [`Ops::resample_gradient`](crate::Ops::resample_gradient).
pub fn resample_gradient<B: Backend>(g: F<B>, r: Resample) -> F<B> {
    let (rows, columns) = (matrix::<B>(&g, r, 0, true), matrix::<B>(&g, r, 1, true));
    separable::<B>(g, rows, columns)
}

/// See [`Ops::pixel_shuffle`](crate::Ops::pixel_shuffle).
pub fn pixel_shuffle<B: Backend>(x: F<B>, r: usize) -> F<B> {
    let s = x.shape();
    let c = s[3] / (r * r);
    let x = B::float_reshape(x, Shape::new([s[0], s[1], s[2], c, r, r]));
    let x = B::float_permute(x, &[0, 1, 4, 2, 5, 3]);
    B::float_reshape(x, Shape::new([s[0], s[1] * r, s[2] * r, c]))
}

/// See [`Ops::pixel_unshuffle`](crate::Ops::pixel_unshuffle).
pub fn pixel_unshuffle<B: Backend>(x: F<B>, r: usize) -> F<B> {
    let s = x.shape();
    let x = B::float_reshape(x, Shape::new([s[0], s[1] / r, r, s[2] / r, r, s[3]]));
    let x = B::float_permute(x, &[0, 1, 3, 5, 2, 4]);
    B::float_reshape(x, Shape::new([s[0], s[1] / r, s[2] / r, s[3] * r * r]))
}

const TO_NCHW: [usize; 4] = [0, 3, 1, 2];
const TO_NHWC: [usize; 4] = [0, 2, 3, 1];

/// See [`Ops::max_pool`](crate::Ops::max_pool).
pub fn max_pool<B: Backend>(x: F<B>, w: Window) -> F<B> {
    let x = B::float_permute(x, &TO_NCHW);
    B::float_permute(
        B::max_pool2d(x, w.kernel, w.stride, w.padding, [1, 1], false),
        &TO_NHWC,
    )
}

/// See [`Ops::max_pool_gradient`](crate::Ops::max_pool_gradient).
pub fn max_pool_gradient<B: Backend>(g: F<B>, x: F<B>, w: Window) -> F<B> {
    let ints = get_or_init_device_settings::<B>(&x.device()).int_dtype;
    let (x, g) = (B::float_permute(x, &TO_NCHW), B::float_permute(g, &TO_NCHW));
    let found = B::max_pool2d_with_indices(x.clone(), w.kernel, w.stride, w.padding, [1, 1], false, ints);
    let d = B::max_pool2d_with_indices_backward(
        x,
        w.kernel,
        w.stride,
        w.padding,
        [1, 1],
        false,
        g,
        found.indices,
    );
    B::float_permute(d.x_grad, &TO_NHWC)
}
