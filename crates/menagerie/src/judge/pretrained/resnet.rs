//! Residual networks as torchvision has them: ResNet-18 to -152, their wide ones and ResNeXt, told apart by their arrays.
//!
//! He, Zhang, Ren, Sun (2016), Deep Residual Learning for Image Recognition, arXiv:1512.03385; blocks of three layers halve the
//! image in their middle one, as torchvision does.
use super::imagenet::Trunk;
use super::{Layer, Reader, Spec};
use crate::error::Result;
use burn::tensor::{Tensor, activation::relu};
use menagerie_kernels::{Activation, avg_pool2d, max_pool2d};

/// A way through some layers, and the one beside it.
struct Block {
    layers: Vec<Layer>,
    shortcut: Option<Layer>,
}

/// Image -> features.
pub(super) struct ResNet {
    stem: Layer,
    blocks: Vec<Block>,
    width: usize,
    layers: usize,
}

impl ResNet {
    /// The array by which it is known.
    pub(super) const MARK: &str = "layer1.0.conv1.weight";

    pub(super) fn read(r: &mut Reader) -> Result<ResNet> {
        let stem = r.shape("conv1.weight")?;
        let mut width = stem.first().copied().unwrap_or(0);
        let stem = r.layer(&Spec {
            conv: "conv1",
            norm: "bn1",
            channels: [3, width],
            kernel: [7, 7],
            stride: 2,
            padding: [3, 3],
            groups: 1,
            lead: 0,
            activation: Activation::Relu,
        })?;
        // The first layer and the one that classifies count, too.
        let (mut blocks, mut layers) = (Vec::new(), 2);
        for stage in 1..=4 {
            let there = |i: &usize| r.has(&format!("layer{stage}.{i}.conv1.weight"));
            let count = (0..).take_while(there).count();
            for i in 0..count {
                let name = format!("layer{stage}.{i}");
                let stride = if stage > 1 && i == 0 { 2 } else { 1 };
                let block = block(r, &name, &mut width, stride)?;
                layers += block.layers.len();
                blocks.push(block);
            }
        }
        Ok(ResNet {
            stem,
            blocks,
            width,
            layers,
        })
    }
}

impl Trunk for ResNet {
    fn name(&self) -> String {
        format!("resnet{}", self.layers)
    }

    fn width(&self) -> usize {
        self.width
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let x = max_pool2d(self.stem.forward(x), [3, 3], [2, 2], [1, 1]);
        let x = self.blocks.iter().fold(x, |x, block| {
            let y = block.layers.iter().fold(x.clone(), |y, layer| layer.forward(y));
            let beside = match &block.shortcut {
                Some(layer) => layer.forward(x),
                None => x,
            };
            relu(y + beside)
        });
        let [_, h, w, _] = x.dims();
        avg_pool2d(x, [h, w], [1, 1], [0, 0]).flatten(1, 3)
    }
}

/// Two layers of 3x3, or 1x1, 3x3, 1x1; the shortcut is a layer where the shape changes.
fn block(r: &mut Reader, name: &str, width: &mut usize, stride: usize) -> Result<Block> {
    let given = *width;
    let count = if r.has(&format!("{name}.conv3.weight")) {
        3
    } else {
        2
    };
    let mut inputs = given;
    let mut layers = Vec::new();
    for i in 1..=count {
        let conv = format!("{name}.conv{i}");
        let shape = r.shape(&format!("{conv}.weight"))?;
        let [outputs, own, kernel] = [0, 1, 2].map(|a| shape.get(a).copied().unwrap_or(1).max(1));
        if ![1, 3].contains(&kernel) {
            return Err(r.wrong(format!("`{conv}.weight` is a kernel of {kernel}x{kernel}")));
        }
        // The layer of 3x3 that a stage begins with halves the image.
        let halves = if count == 3 { i == 2 } else { i == 1 };
        layers.push(r.layer(&Spec {
            conv: &conv,
            norm: &format!("{name}.bn{i}"),
            channels: [inputs, outputs],
            kernel: [kernel, kernel],
            stride: if halves { stride } else { 1 },
            padding: [kernel / 2; 2],
            groups: (inputs / own).max(1),
            lead: 0,
            activation: if i == count {
                Activation::Identity
            } else {
                Activation::Relu
            },
        })?);
        inputs = outputs;
    }
    *width = inputs;
    let beside = format!("{name}.downsample.0");
    let shortcut = match r.has(&format!("{beside}.weight")) {
        true => Some(r.layer(&Spec {
            conv: &beside,
            norm: &format!("{name}.downsample.1"),
            channels: [given, inputs],
            kernel: [1, 1],
            stride,
            padding: [0, 0],
            groups: 1,
            lead: 0,
            activation: Activation::Identity,
        })?),
        // What is added has to have the same shape.
        false if stride > 1 || given != inputs => {
            return Err(r.wrong(format!("`{beside}.weight` is missing")));
        }
        false => None,
    };
    Ok(Block { layers, shortcut })
}
