//! The networks inside couplings: from the part that passes through to the parameters of the other part's map. They need
//! no inverse and no determinant. Each ends in zeros, so that a coupling starts as the identity.
use crate::{Activation, Conv2d, Init, Linear, Weights};
use burn::module::Module;
use burn::tensor::Tensor;

const RELU: Activation = Activation::Relu;

/// The hidden layers of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hidden {
    /// units or channels of each
    pub width: usize,
    /// layers, or residual blocks
    pub depth: usize,
}

/// A 3x3 convolution that keeps the size of images, with a bias.
fn conv(channels: [usize; 2], weights: Weights, init: &Init) -> Conv2d {
    Conv2d::of(channels).padding(1).weights(weights).bias().init(init)
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
    /// From and to so many channels, with ReLU.
    pub fn new([inputs, outputs]: [usize; 2], Hidden { width, depth }: Hidden, init: &Init) -> Self {
        let layer = |i: usize| {
            let from = if i == 0 { inputs } else { width };
            let (to, weights) = match i == depth {
                true => (outputs, Weights::Zero),
                false => (width, Weights::He(1.0)),
            };
            Linear::of([from, to]).weights(weights).init(&init.nth(i))
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
    /// From and to so many channels, `width` between.
    pub fn new([inputs, outputs]: [usize; 2], width: usize, init: &Init) -> Self {
        let he = Weights::He(1.0);
        ConvNet {
            first: conv([inputs, width], he, &init.at("first")),
            middle: Linear::of([width; 2]).weights(he).init(&init.at("middle")),
            last: conv([width, outputs], Weights::Zero, init),
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
    /// From and to so many channels, with `depth` residual blocks of `width`.
    pub fn new([inputs, outputs]: [usize; 2], Hidden { width, depth }: Hidden, init: &Init) -> Self {
        let block = |i: usize| {
            let init = init.at("block").nth(i);
            // The second of a block starts small, so that many blocks start near the identity.
            [0, 1].map(|n| conv([width; 2], Weights::He([1.0, 0.1][n]), &init.nth(n)))
        };
        ResNet {
            first: conv([inputs, width], Weights::He(1.0), &init.at("first")),
            blocks: (0..depth).map(block).collect(),
            last: conv([width, outputs], Weights::Zero, init),
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
    pub fn new(channels: [usize; 2], init: &Init) -> Self {
        DirectConv {
            conv: conv(channels, Weights::Zero, init),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.conv.forward(x, Activation::Identity)
    }
}
