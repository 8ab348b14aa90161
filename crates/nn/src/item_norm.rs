use crate::{Activation, Dual, Init, activations, init};
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use menagerie_kernels::group_norm;
use serde::{Deserialize, Serialize};

/// What of an item is normalized together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NormOver {
    /// each channel by itself (instance normalization, Ulyanov et al. 2016, arXiv:1607.08022): a channel's mean is lost, and with
    /// it the colour of what is plain
    #[default]
    Instance,
    /// all channels together (layer normalization, Ba et al. 2016, arXiv:1607.06450): their means stay apart
    Layer,
}

/// Normalization of images one by one, then scaled and shifted a channel. What an item becomes does not depend on its batch.
#[derive(Module, Debug)]
pub struct ItemNorm {
    /// scale, `[channels]`
    pub gamma: Param<Tensor<1>>,
    /// shift, `[channels]`
    pub beta: Param<Tensor<1>>,
    /// whether all channels are normalized together
    whole: bool,
}

const EPSILON: f32 = 1e-5;

impl ItemNorm {
    /// Of so many channels: scales normal around 1 with a deviation of 0.02, as the networks have it that are known for it
    /// (Isola et al. 2017); shifts of zero.
    pub fn new(channels: usize, over: NormOver, at: &Init) -> Self {
        ItemNorm {
            gamma: init::normal(at.key(), [channels], 1.0, 0.02, at.device()),
            beta: init::zeros([channels], at.device()),
            whole: over == NormOver::Layer,
        }
    }

    /// The same with scales of one.
    pub fn plain(channels: usize, over: NormOver, at: &Init) -> Self {
        ItemNorm {
            gamma: Param::from_tensor(Tensor::ones([channels], at.device())),
            beta: init::zeros([channels], at.device()),
            whole: over == NormOver::Layer,
        }
    }

    /// `activation((x - mean) / sqrt(variance + epsilon) * gamma + beta)`, x `[batch, height, width, channel]` of more than
    /// one pixel
    pub fn forward(&self, x: Tensor<4>, activation: Activation) -> Tensor<4> {
        let groups = if self.whole { 1 } else { x.dims()[3] };
        let y = group_norm(x, groups, self.gamma.val(), self.beta.val(), EPSILON, activation);
        activations::keep(y)
    }

    /// The same with the derivative along a direction, if there is one: with h = (x - m) / s, the derivative of h along t is
    /// (t - mean(t) - h mean(h t)) / s.
    pub fn dual(&self, x: Dual<4>, activation: Activation) -> Dual<4> {
        let Some(t) = x.tangent.clone() else {
            return x.with(self.forward(x.value.clone(), activation), None);
        };
        let mean = |t: Tensor<4>| {
            let t = t.mean_dim(1).mean_dim(2);
            if self.whole { t.mean_dim(3) } else { t }
        };
        let centred = x.value.clone() - mean(x.value.clone());
        let scale = (mean(centred.clone() * centred.clone()) + EPSILON).sqrt().recip();
        let h = centred * scale.clone();
        let along = (t.clone() - mean(t.clone()) - h.clone() * mean(h.clone() * t)) * scale;
        let channels = self.gamma.dims()[0];
        let gamma = self.gamma.val().reshape([1, 1, 1, channels]);
        let beta = self.beta.val().reshape([1, 1, 1, channels]);
        x.with(h * gamma.clone() + beta, Some(along * gamma))
            .activation(activation)
    }
}
