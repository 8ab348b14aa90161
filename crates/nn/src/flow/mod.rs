//! Invertible layers with tractable Jacobians: what normalizing flows are made of.
//!
//! Every layer is a [`Flow`]: a bijection of items `[batch, height, width, channel]` that comes with the logarithm of its
//! Jacobian determinant, an item. Points and vectors are images of one pixel. Combinators make flows of flows:
//! [`Chain`] (one after the other), [`Multiscale`] (part of the numbers leaves after every level), [`Inverse`].
mod act_norm;
mod checkerboard;
mod combine;
mod conditioner;
mod coupling;
mod levels;
mod mix;
mod reorder;
mod scaling;
mod spline;
#[cfg(test)]
mod tests;

pub use act_norm::ActNorm;
pub use checkerboard::Checkerboard;
pub use combine::{Chain, Inverse, Multiscale};
pub use conditioner::{Conditioner, ConvNet, DirectConv, Hidden, Mlp, ResNet};
pub use coupling::{Coupling, Transform};
pub use levels::Levels;
pub use mix::Mix;
pub use reorder::{Interleaved, Squeeze};
pub use scaling::Scaling;

use crate::activations;
use burn::module::Module;
use burn::tensor::Tensor;

/// A bijection with the logarithm of its Jacobian determinant.
pub trait Flow {
    /// x `[batch, h, w, c]` -> y of as many numbers an item, and ln |det dy/dx| of every item, `[batch]`.
    fn forward(&self, x: Tensor<4>) -> (Tensor<4>, Tensor<1>);

    /// y -> x, and ln |det dx/dy| of every item. Meant for sampling: not every layer's inverse is differentiable by its
    /// parameters.
    fn inverse(&self, y: Tensor<4>) -> (Tensor<4>, Tensor<1>);

    /// Sets what depends on the first batch, and gives what `forward` makes of it. Only for a network without autodiff.
    fn start(&mut self, x: Tensor<4>) -> Tensor<4> {
        self.forward(x).0
    }
}

/// Any layer.
#[derive(Module, Debug)]
#[allow(missing_docs, clippy::large_enum_variant)] // each variant is the layer of its name
pub enum Layer {
    ActNorm(ActNorm),
    Checkerboard(Checkerboard),
    Coupling(Coupling),
    Interleaved(Interleaved),
    Levels(Levels),
    Mix(Mix),
    Scaling(Scaling),
    Squeeze(Squeeze),
}

macro_rules! of_layers {
    ($($name:ident),*) => {
        $(impl From<$name> for Layer {
            fn from(layer: $name) -> Layer { Layer::$name(layer) }
        })*
        impl Flow for Layer {
            fn forward(&self, x: Tensor<4>) -> (Tensor<4>, Tensor<1>) {
                match self { $(Layer::$name(l) => kept(l.forward(x))),* }
            }
            fn inverse(&self, y: Tensor<4>) -> (Tensor<4>, Tensor<1>) {
                match self { $(Layer::$name(l) => l.inverse(y)),* }
            }
            fn start(&mut self, x: Tensor<4>) -> Tensor<4> {
                match self { $(Layer::$name(l) => l.start(x)),* }
            }
        }
    };
}
of_layers!(
    ActNorm,
    Checkerboard,
    Coupling,
    Interleaved,
    Levels,
    Mix,
    Scaling,
    Squeeze
);

/// What a layer gives is what the next one needs for its backward pass.
fn kept((y, log_det): (Tensor<4>, Tensor<1>)) -> (Tensor<4>, Tensor<1>) {
    (activations::keep(y), log_det)
}

/// The sum over all numbers of an item, `[batch]`.
fn item_sums(x: Tensor<4>) -> Tensor<1> {
    let [b, h, w, c] = x.dims();
    x.reshape([b, h * w * c]).sum_dim(1).reshape([b])
}

/// A log-determinant that is the same for every item.
fn for_all(log_det: Tensor<1>, batch: usize) -> Tensor<1> {
    log_det.reshape([1]).expand([batch])
}

/// No change of volume.
fn zeros_like_items(x: &Tensor<4>) -> Tensor<1> {
    Tensor::zeros([x.dims()[0]], &x.device())
}
