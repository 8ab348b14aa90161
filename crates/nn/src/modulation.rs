use crate::{Activation, Init, Linear, Weights, activation};
use burn::module::Module;
use burn::tensor::Tensor;

/// What a condition does to channels: each is scaled and shifted by numbers read off the condition. Behind a norm this is
/// conditional normalization (Dumoulin et al. 2017, arXiv:1610.07629; de Vries et al. 2017; AdaIN of Huang & Belongie 2017).
#[derive(Module, Debug)]
pub struct Modulation {
    scale: Linear,
    shift: Linear,
}

impl Modulation {
    /// Of a condition of so many numbers; it begins close to doing nothing.
    pub fn new(condition: usize, channels: usize, init: &Init) -> Self {
        let of = Linear::of([condition, channels])
            .weights(Weights::Normal(0.02))
            .no_bias();
        Modulation {
            scale: of.init(&init.at("scale")),
            shift: of.init(&init.at("shift")),
        }
    }

    /// `act(x (1 + scale(condition)) + shift(condition))`; x `[batch, height, width, channel]`, condition `[batch, numbers]`.
    pub fn forward(&self, x: Tensor<4>, condition: Tensor<2>, act: Activation) -> Tensor<4> {
        let read = |layer: &Linear| {
            let t = layer.forward(condition.clone(), Activation::Identity);
            let [batch, channels] = t.dims();
            t.reshape([batch, 1, 1, channels])
        };
        activation(x * (read(&self.scale) + 1.0) + read(&self.shift), act)
    }
}
