//! EfficientNet-lite0: inverted residual blocks of depthwise convolutions, without squeeze-and-excitation, with ReLU6.
//!
//! Tan, Le (2019), EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, arXiv:1905.11946, table 1 (B0,
//! whose lite version leaves the gates out), with the names of arrays that the PyTorch package of that name has.
use super::imagenet::Trunk;
use super::{Layer, Reader, Spec};
use crate::error::Result;
use burn::tensor::Tensor;
use menagerie_kernels::{Activation, avg_pool2d};

/// (blocks, kernel, stride of the first, how many times the channels are widened inside, channels)
const STAGES: [(usize, usize, usize, usize, usize); 7] = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
];
const STEM: usize = 32;
const WIDTH: usize = 1280;

/// Wider, depthwise, narrower.
struct Block {
    layers: Vec<Layer>,
    /// whether what it is given is added to what it makes
    residual: bool,
}

/// Image -> features.
pub(super) struct EfficientNet {
    stem: Layer,
    blocks: Vec<Block>,
    head: Layer,
}

impl EfficientNet {
    /// The array by which it is known.
    pub(super) const MARK: &str = "_conv_stem.weight";

    pub(super) fn read(r: &mut Reader) -> Result<EfficientNet> {
        let stem = layer(r, ["_conv_stem", "_bn0"], [3, STEM], [3, 2], false)?;
        let (mut blocks, mut inputs) = (Vec::new(), STEM);
        for (count, kernel, stride, wider, outputs) in STAGES {
            for i in 0..count {
                let stride = if i == 0 { stride } else { 1 };
                let name = |part: &str| format!("_blocks.{}.{part}", blocks.len());
                let inside = inputs * wider;
                let mut layers = Vec::new();
                if wider > 1 {
                    let names = [&name("_expand_conv")[..], &name("_bn0")];
                    layers.push(layer(r, names, [inputs, inside], [1, 1], false)?);
                }
                let names = [&name("_depthwise_conv")[..], &name("_bn1")];
                layers.push(layer(r, names, [inside, inside], [kernel, stride], true)?);
                let names = [&name("_project_conv")[..], &name("_bn2")];
                let mut last = layer(r, names, [inside, outputs], [1, 1], false)?;
                last.activation = Activation::Identity;
                layers.push(last);
                let residual = stride == 1 && inputs == outputs;
                blocks.push(Block { layers, residual });
                inputs = outputs;
            }
        }
        let head = layer(r, ["_conv_head", "_bn1"], [inputs, WIDTH], [1, 1], false)?;
        Ok(EfficientNet { stem, blocks, head })
    }
}

impl Trunk for EfficientNet {
    fn name(&self) -> String {
        "efficientnet-lite0".into()
    }

    fn width(&self) -> usize {
        WIDTH
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let x = self.blocks.iter().fold(six(&self.stem, x), |x, block| {
            let y = block.layers.iter().fold(x.clone(), |y, layer| six(layer, y));
            if block.residual { y + x } else { y }
        });
        let x = six(&self.head, x);
        let [_, h, w, _] = x.dims();
        avg_pool2d(x, [h, w], [1, 1], [0, 0]).flatten(1, 3)
    }
}

/// A layer whose ReLU, where it has one, ends at 6.
fn six(layer: &Layer, x: Tensor<4>) -> Tensor<4> {
    let y = layer.forward(x);
    match layer.activation {
        Activation::Identity => y,
        _ => y.clamp_max(6.0),
    }
}

fn layer(
    r: &mut Reader,
    [conv, norm]: [&str; 2],
    channels: [usize; 2],
    [kernel, stride]: [usize; 2],
    depthwise: bool,
) -> Result<Layer> {
    r.layer(&Spec {
        conv,
        norm,
        channels,
        kernel: [kernel, kernel],
        stride,
        padding: [kernel / 2; 2],
        groups: if depthwise { channels[0] } else { 1 },
        // TensorFlow pads images of an even side below and to the right first.
        lead: stride - 1,
        activation: Activation::Relu,
    })
}
