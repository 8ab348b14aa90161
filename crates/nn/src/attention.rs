use crate::{Activation, Conv2d, Dual, Init, Weights, init};
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::activation::softmax;

/// Self-attention over the pixels of a grid (Zhang et al. 2019, arXiv:1805.08318, SAGAN, equations 1 to 3): every pixel gets a mean
/// of what all pixels have to say, weighed by how its query meets their keys; gamma, 0 at first, lets it in.
#[derive(Module, Debug)]
pub struct SelfAttention {
    query: Conv2d,
    key: Conv2d,
    value: Conv2d,
    out: Conv2d,
    /// weight of what is added, `[1]`
    pub gamma: Param<Tensor<1>>,
}

impl SelfAttention {
    /// Of so many channels; queries and keys have an eighth, values a half.
    pub fn new(channels: usize, spectral: bool, init: &Init) -> Self {
        let of = |sizes: [usize; 2], name: &str| {
            Conv2d::of(sizes)
                .kernel(1)
                .weights(Weights::Glorot(1.0))
                .spectral_if(spectral)
                .init(&init.at(name))
        };
        let (narrow, half) = ((channels / 8).max(1), (channels / 2).max(1));
        SelfAttention {
            query: of([channels, narrow], "query"),
            key: of([channels, narrow], "key"),
            value: of([channels, half], "value"),
            out: of([half, channels], "out"),
            gamma: init::zeros([1], init.device()),
        }
    }

    /// `[batch, height, width, channels]` -> the same.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.dual(x.into()).value
    }

    /// The same with the derivative along a direction, if there is one.
    pub fn dual(&self, x: Dual<4>) -> Dual<4> {
        let [b, h, w, _] = x.value.dims();
        let flat = |conv: &Conv2d| {
            conv.dual(x.clone(), Activation::Identity).linear(|t| {
                let c = t.dims()[3];
                t.reshape([b, h * w, c])
            })
        };
        let (q, k, v) = (flat(&self.query), flat(&self.key), flat(&self.value));
        let shares = softmaxed(q.matmul(k.linear(|t| t.swap_dims(1, 2))));
        let seen = shares.matmul(v).linear(|t| {
            let c = t.dims()[2];
            t.reshape([b, h, w, c])
        });
        let gamma = self.gamma.val().reshape([1, 1, 1, 1]);
        let added = self.out.dual(seen, Activation::Identity);
        x.plus(added.linear(|t| t * gamma.clone()))
    }
}

/// Softmax over the last axis: the derivative along t is s (t - sum(s t)).
fn softmaxed(x: Dual<3>) -> Dual<3> {
    let s = softmax(x.value.clone(), 2);
    let tangent = x
        .tangent
        .clone()
        .map(|t| s.clone() * (t.clone() - (s.clone() * t).sum_dim(2)));
    x.with(s, tangent)
}
