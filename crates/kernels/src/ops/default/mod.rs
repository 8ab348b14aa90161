//! Every operation made of Burn's primitives: what backends without kernels of their own run, and
//! what the kernels are tested against. Shapes and meanings are those of [`Ops`](crate::Ops).
mod elementwise;
mod lstm;
mod norm;
mod product;
mod spatial;

pub use elementwise::*;
pub use lstm::*;
pub use norm::*;
pub use product::*;
pub use spatial::*;

use burn::backend::{Backend, TensorMetadata, tensor::FloatTensor};
use burn::tensor::Shape;

/// Sum over all axes but the last: [.., C] -> `[C]`.
fn sum_rows<B: Backend>(x: FloatTensor<B>, channels: usize) -> FloatTensor<B> {
    let n = x.shape().num_elements() / channels;
    let sum = B::float_sum_dim(B::float_reshape(x, Shape::new([n, channels])), 0);
    B::float_reshape(sum, Shape::new([channels]))
}

/// `[C]` -> [1, .., 1, C] of `rank` axes.
fn broadcast<B: Backend>(x: FloatTensor<B>, rank: usize) -> FloatTensor<B> {
    let mut shape = vec![1; rank];
    shape[rank - 1] = x.shape().num_elements();
    B::float_reshape(x, Shape::from(shape))
}
