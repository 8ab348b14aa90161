use super::init;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use menagerie_data::random::Key;
use menagerie_kernels::{Activation, Geometry, conv_transpose2d, conv2d};

/// A convolution with a square kernel: `[batch, height, width, in] -> [batch, height', width', out]`.
#[derive(Module, Debug)]
pub struct Conv2d {
    /// `[kernel, kernel, in, out]`
    pub weight: Param<Tensor<4>>,
    /// `[out]`
    pub bias: Option<Param<Tensor<1>>>,
    stride: usize,
    padding: usize,
}

impl Conv2d {
    /// Weights normal around 0 with the given standard deviation, no bias.
    pub fn new(
        channels: [usize; 2],
        kernel: usize,
        stride: usize,
        padding: usize,
        std: f64,
        key: Key,
        device: &Device,
    ) -> Self {
        let [inputs, outputs] = channels;
        Conv2d {
            weight: init::normal(key, [kernel, kernel, inputs, outputs], 0.0, std, device),
            bias: None,
            stride,
            padding,
        }
    }

    /// The same with a bias that starts at zero.
    pub fn with_bias(mut self, device: &Device) -> Self {
        self.bias = Some(init::zeros([self.weight.dims()[3]], device));
        self
    }

    /// `activation(conv(x) + bias)`
    pub fn forward(&self, x: Tensor<4>, activation: Activation) -> Tensor<4> {
        conv2d(
            x,
            self.weight.val(),
            self.bias.as_ref().map(Param::val),
            Geometry::new(self.stride, self.padding),
            activation,
        )
    }
}

/// A transposed convolution: the adjoint of the convolution that maps its output's shape to its input's.
#[derive(Module, Debug)]
pub struct ConvTranspose2d {
    /// `[kernel, kernel, out, in]`: the weights of that convolution
    pub weight: Param<Tensor<4>>,
    /// `[out]`
    pub bias: Option<Param<Tensor<1>>>,
    stride: usize,
    padding: usize,
}

impl ConvTranspose2d {
    /// Weights normal around 0 with the given standard deviation, no bias. `channels` is `[in, out]`.
    pub fn new(
        channels: [usize; 2],
        kernel: usize,
        stride: usize,
        padding: usize,
        std: f64,
        key: Key,
        device: &Device,
    ) -> Self {
        let [inputs, outputs] = channels;
        ConvTranspose2d {
            weight: init::normal(key, [kernel, kernel, outputs, inputs], 0.0, std, device),
            bias: None,
            stride,
            padding,
        }
    }

    /// The same with a bias that starts at zero.
    pub fn with_bias(mut self, device: &Device) -> Self {
        self.bias = Some(init::zeros([self.weight.dims()[2]], device));
        self
    }

    /// `activation(conv_transpose(x) + bias)` of exactly `size` = `[height, width]`.
    pub fn forward(&self, x: Tensor<4>, size: [usize; 2], activation: Activation) -> Tensor<4> {
        let bias = self.bias.as_ref().map(Param::val);
        conv_transpose2d(
            x,
            self.weight.val(),
            bias,
            Geometry::new(self.stride, self.padding),
            Some(size),
            activation,
        )
    }
}
