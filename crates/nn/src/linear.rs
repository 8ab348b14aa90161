use super::init;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use menagerie_data::random::Key;
use menagerie_kernels::{Activation, linear};

/// A fully connected layer: `[.., inputs] -> [.., outputs]`.
#[derive(Module, Debug)]
pub struct Linear {
    /// `[inputs, outputs]`
    pub weight: Param<Tensor<2>>,
    /// `[outputs]`
    pub bias: Option<Param<Tensor<1>>>,
}

impl Linear {
    /// Weights and bias uniform in ±1/sqrt(inputs) (LeCun et al. 1998; PyTorch's default).
    pub fn new(inputs: usize, outputs: usize, key: Key, device: &Device) -> Self {
        let bound = 1.0 / (inputs as f64).sqrt();
        Linear {
            weight: init::uniform(key.stream("weight"), [inputs, outputs], bound, device),
            bias: Some(init::uniform(key.stream("bias"), [outputs], bound, device)),
        }
    }

    /// Weights normal around 0 with the given standard deviation; a bias of zeros if asked for.
    pub fn normal(inputs: usize, outputs: usize, std: f64, bias: bool, key: Key, device: &Device) -> Self {
        Linear {
            weight: init::normal(key, [inputs, outputs], 0.0, std, device),
            bias: bias.then(|| init::zeros([outputs], device)),
        }
    }

    /// `activation(x W + b)`
    pub fn forward<const D: usize>(&self, x: Tensor<D>, activation: Activation) -> Tensor<D> {
        linear(
            x,
            self.weight.val(),
            self.bias.as_ref().map(Param::val),
            activation,
        )
    }
}
