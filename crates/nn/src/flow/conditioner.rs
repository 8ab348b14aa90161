//! The networks inside couplings: from the part that passes through to the parameters of the other part's map. They need
//! no inverse and no determinant. Each ends in zeros, so that a coupling starts as the identity.
use crate::{Activation, Conv2d, Linear};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use menagerie_data::random::Key;

const RELU: Activation = Activation::Relu;

/// The standard deviation that keeps the size of activations through ReLU (He et al. 2015).
fn he(inputs: usize) -> f64 {
    (2.0 / inputs as f64).sqrt()
}

/// Any of them: `[batch, h, w, in] -> [batch, h, w, out]`.
#[derive(Module, Debug)]
#[allow(missing_docs, clippy::large_enum_variant)] // each variant is the network of its name
pub enum Conditioner {
    Mlp(Mlp),
    ConvNet(ConvNet),
    ResNet(ResNet),
    DirectConv(DirectConv),
}

impl Conditioner {
    /// The parameters for the part that passes through.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        match self {
            Conditioner::Mlp(n) => n.forward(x),
            Conditioner::ConvNet(n) => n.forward(x),
            Conditioner::ResNet(n) => n.forward(x),
            Conditioner::DirectConv(n) => n.forward(x),
        }
    }
}

/// Fully connected over the channels of a pixel: for vectors and points.
#[derive(Module, Debug)]
pub struct Mlp {
    layers: Vec<Linear>,
}

impl Mlp {
    /// `depth` hidden layers of `width` with ReLU.
    pub fn new(channels: [usize; 2], width: usize, depth: usize, key: Key, device: &Device) -> Self {
        let [inputs, outputs] = channels;
        let layer = |i: usize| {
            let from = if i == 0 { inputs } else { width };
            let (to, std) = if i == depth {
                (outputs, 0.0)
            } else {
                (width, he(from))
            };
            Linear::normal(from, to, std, true, key.step(i as u64), device)
        };
        Mlp {
            layers: (0..=depth).map(layer).collect(),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let last = self.layers.len() - 1;
        self.layers.iter().enumerate().fold(x, |x, (i, layer)| {
            layer.forward(x, if i == last { Activation::Identity } else { RELU })
        })
    }
}

/// 3x3, ReLU, 1x1, ReLU, 3x3: the network of Glow (Kingma & Dhariwal 2018, section 3.3).
#[derive(Module, Debug)]
pub struct ConvNet {
    first: Conv2d,
    middle: Linear,
    last: Conv2d,
}

impl ConvNet {
    /// `width` channels between.
    pub fn new(channels: [usize; 2], width: usize, key: Key, device: &Device) -> Self {
        let [inputs, outputs] = channels;
        ConvNet {
            first: Conv2d::new(
                [inputs, width],
                3,
                1,
                1,
                he(9 * inputs),
                key.stream("first"),
                device,
            )
            .with_bias(device),
            middle: Linear::normal(width, width, he(width), true, key.stream("middle"), device),
            last: Conv2d::new([width, outputs], 3, 1, 1, 0.0, key, device).with_bias(device),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = self.middle.forward(self.first.forward(x, RELU), RELU);
        self.last.forward(x, Activation::Identity)
    }
}

/// A residual network of 3x3 convolutions, as RealNVP's (Dinh et al. 2017, section 3.5) but without batch norm: the flow
/// around it is normalized.
#[derive(Module, Debug)]
pub struct ResNet {
    first: Conv2d,
    blocks: Vec<[Conv2d; 2]>,
    last: Conv2d,
}

impl ResNet {
    /// `blocks` residual blocks of `width` channels.
    pub fn new(channels: [usize; 2], width: usize, blocks: usize, key: Key, device: &Device) -> Self {
        let [inputs, outputs] = channels;
        let conv = |[from, to]: [usize; 2], std: f64, key: Key| {
            Conv2d::new([from, to], 3, 1, 1, std, key, device).with_bias(device)
        };
        let block = |i: usize| {
            let key = key.stream("block").step(i as u64);
            // The second of a block starts small, so that many blocks start near the identity.
            [
                conv([width; 2], he(9 * width), key.step(0)),
                conv([width; 2], 0.1 * he(9 * width), key.step(1)),
            ]
        };
        ResNet {
            first: conv([inputs, width], he(9 * inputs), key.stream("first")),
            blocks: (0..blocks).map(block).collect(),
            last: conv([width, outputs], 0.0, key),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let x = self
            .blocks
            .iter()
            .fold(self.first.forward(x, RELU), |x, [first, second]| {
                let change = second.forward(first.forward(x.clone(), RELU), RELU);
                x + change
            });
        self.last.forward(x, Activation::Identity)
    }
}

/// One 3x3 convolution: the learned prior of the half that leaves a level of Glow, given the half that stays.
#[derive(Module, Debug)]
pub struct DirectConv {
    conv: Conv2d,
}

impl DirectConv {
    /// From and to so many channels.
    pub fn new(channels: [usize; 2], device: &Device) -> Self {
        DirectConv {
            conv: Conv2d::new(channels, 3, 1, 1, 0.0, Key::new(0), device).with_bias(device),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.conv.forward(x, Activation::Identity)
    }
}
