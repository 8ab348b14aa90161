//! Normalizations.
use super::{activation, broadcast, slope, sum_rows};
use crate::ops::Activation;
use burn::backend::{Backend, TensorMetadata, tensor::FloatTensor};
use burn::tensor::Shape;

type F<B> = FloatTensor<B>;

fn inverse_root<B: Backend>(var: F<B>, eps: f32) -> F<B> {
    B::float_recip(B::float_sqrt(B::float_add_scalar(var, eps.into())))
}

/// Mean over one axis, kept with length 1, and the biased variance.
fn moments<B: Backend>(x: F<B>, axes: &[usize]) -> (F<B>, F<B>) {
    let mean_of = |x: F<B>| axes.iter().fold(x, |x, &axis| B::float_mean_dim(x, axis));
    let mean = mean_of(x.clone());
    let centred = B::float_sub(x, mean.clone());
    (mean, mean_of(B::float_mul(centred.clone(), centred)))
}

/// See [`Ops::batch_norm_act`](crate::Ops::batch_norm_act).
pub fn batch_norm_act<B: Backend>(
    x: F<B>,
    gamma: F<B>,
    beta: F<B>,
    eps: f32,
    act: Activation,
) -> (F<B>, F<B>, F<B>) {
    let (shape, channels) = (x.shape(), gamma.shape()[0]);
    let flat = Shape::new([shape.num_elements() / channels, channels]);
    let (mean, var) = moments::<B>(B::float_reshape(x.clone(), flat.clone()), &[0]);
    let scale = B::float_mul(broadcast::<B>(gamma, 2), inverse_root::<B>(var.clone(), eps));
    let centred = B::float_sub(B::float_reshape(x, flat), mean.clone());
    let y = B::float_add(B::float_mul(centred, scale), broadcast::<B>(beta, 2));
    let vector = |t| B::float_reshape(t, Shape::new([channels]));
    (
        B::float_reshape(activation::<B>(y, act), shape),
        vector(mean),
        vector(var),
    )
}

/// See [`Ops::batch_norm_act_gradient`](crate::Ops::batch_norm_act_gradient).
pub fn batch_norm_act_gradient<B: Backend>(
    g: F<B>,
    x: F<B>,
    gamma: F<B>,
    beta: F<B>,
    mean: F<B>,
    var: F<B>,
    eps: f32,
    act: Activation,
) -> (F<B>, F<B>, F<B>) {
    let (shape, channels) = (x.shape(), gamma.shape()[0]);
    let n = shape.num_elements() / channels;
    let flat = Shape::new([n, channels]);
    let row = |t| broadcast::<B>(t, 2);
    let root = row(inverse_root::<B>(var, eps));
    let normal = B::float_mul(
        B::float_sub(B::float_reshape(x, flat.clone()), row(mean)),
        root.clone(),
    );
    let z = B::float_add(B::float_mul(normal.clone(), row(gamma.clone())), row(beta));
    let g = B::float_mul(B::float_reshape(g, flat), slope::<B>(z, act));
    let by_beta = sum_rows::<B>(g.clone(), channels);
    let by_gamma = sum_rows::<B>(B::float_mul(g.clone(), normal.clone()), channels);
    let share = |t: &F<B>| row(B::float_mul_scalar(t.clone(), (1.0 / n as f32).into()));
    let centred = B::float_sub(
        B::float_sub(g, share(&by_beta)),
        B::float_mul(normal, share(&by_gamma)),
    );
    let dx = B::float_mul(centred, B::float_mul(row(gamma), root));
    (B::float_reshape(dx, shape), by_gamma, by_beta)
}

/// See [`Ops::scale_shift`](crate::Ops::scale_shift).
pub fn scale_shift<B: Backend>(x: F<B>, scale: F<B>, shift: F<B>, act: Activation) -> F<B> {
    let rank = x.shape().num_dims();
    let y = B::float_mul(x, broadcast::<B>(scale, rank));
    activation::<B>(B::float_add(y, broadcast::<B>(shift, rank)), act)
}

/// See [`Ops::scale_shift_gradient`](crate::Ops::scale_shift_gradient).
pub fn scale_shift_gradient<B: Backend>(
    g: F<B>,
    x: F<B>,
    scale: F<B>,
    shift: F<B>,
    act: Activation,
) -> (F<B>, F<B>, F<B>) {
    let (rank, channels) = (x.shape().num_dims(), scale.shape()[0]);
    let scale = broadcast::<B>(scale, rank);
    let z = B::float_add(
        B::float_mul(x.clone(), scale.clone()),
        broadcast::<B>(shift, rank),
    );
    let g = B::float_mul(g, slope::<B>(z, act));
    let by_scale = sum_rows::<B>(B::float_mul(g.clone(), x), channels);
    (
        B::float_mul(g.clone(), scale),
        by_scale,
        sum_rows::<B>(g, channels),
    )
}

/// `[N,S,C]` as `[N,S,G,C/G]`.
fn grouped<B: Backend>(x: F<B>, groups: usize) -> F<B> {
    let s = x.shape();
    B::float_reshape(x, Shape::new([s[0], s[1], groups, s[2] / groups]))
}

/// See [`Ops::group_norm`](crate::Ops::group_norm).
pub fn group_norm<B: Backend>(
    x: F<B>,
    gamma: F<B>,
    beta: F<B>,
    groups: usize,
    eps: f32,
    act: Activation,
) -> (F<B>, F<B>, F<B>) {
    let shape = x.shape();
    let x = grouped::<B>(x, groups);
    let (mean, var) = moments::<B>(x.clone(), &[3, 1]);
    let normal = B::float_mul(B::float_sub(x, mean.clone()), inverse_root::<B>(var.clone(), eps));
    let y = scale_shift::<B>(B::float_reshape(normal, shape.clone()), gamma, beta, act);
    let per_group = |t| B::float_reshape(t, Shape::new([shape[0], groups]));
    (y, per_group(mean), per_group(var))
}

/// See [`Ops::group_norm_gradient`](crate::Ops::group_norm_gradient).
pub fn group_norm_gradient<B: Backend>(
    g: F<B>,
    x: F<B>,
    gamma: F<B>,
    beta: F<B>,
    mean: F<B>,
    var: F<B>,
    groups: usize,
    eps: f32,
    act: Activation,
) -> (F<B>, F<B>, F<B>) {
    let shape = x.shape();
    let per_group = |t| B::float_reshape(t, Shape::new([shape[0], 1, groups, 1]));
    let root = per_group(inverse_root::<B>(var, eps));
    let normal = B::float_mul(
        B::float_sub(grouped::<B>(x, groups), per_group(mean)),
        root.clone(),
    );
    // Through the affine map and the activation as an ordinary scale and shift...
    let flat = B::float_reshape(normal.clone(), shape.clone());
    let (g, by_gamma, by_beta) = scale_shift_gradient::<B>(g, flat, gamma, beta, act);
    // ... and through the normalization of each group.
    let g = grouped::<B>(g, groups);
    let mean_of = |t: F<B>| B::float_mean_dim(B::float_mean_dim(t, 3), 1);
    let along = B::float_mul(normal.clone(), mean_of(B::float_mul(g.clone(), normal)));
    let dx = B::float_mul(B::float_sub(B::float_sub(g.clone(), mean_of(g)), along), root);
    (B::float_reshape(dx, shape), by_gamma, by_beta)
}
