//! Convolutional networks from an image to a vector of features: LeNet and ResNet, small.
use crate::pooled;
use burn::module::Module;
use burn::tensor::Tensor;
use menagerie_data::error::{Error, Result};
use menagerie_kernels::{avg_pool2d, max_pool2d};
use menagerie_nn::{Activation, BatchNorm, Conv2d, Init, Linear, Weights, activation, activations};
use serde::{Deserialize, Serialize};

/// Which network it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrunkKind {
    /// two 5x5 convolutions, each with batch norm, ReLU and 2x2 max pooling, and a fully connected layer (after
    /// LeCun et al. 1998, Gradient-Based Learning Applied to Document Recognition)
    Lenet,
    /// a 3x3 convolution and three stages of residual blocks, each of half the size and twice the channels of the one
    /// before, and the mean over all positions (after He et al. 2015, arXiv:1512.03385, section 4.2)
    Resnet,
}

/// Sizes of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TrunkConfig {
    /// the network
    pub kind: TrunkKind,
    /// channels of the first layer
    pub width: usize,
    /// residual blocks a stage
    pub blocks: usize,
    /// ResNet: a fully connected layer over all positions instead of their mean, for what depends on where things are
    pub positions: bool,
}

/// A 3x3 or 1x1 convolution and its batch norm.
#[derive(Module, Debug)]
struct ConvNorm {
    conv: Conv2d,
    norm: BatchNorm,
}

impl ConvNorm {
    fn new(channels: [usize; 2], kernel: usize, stride: usize, init: &Init) -> Self {
        let of = Conv2d::of(channels)
            .kernel(kernel)
            .stride(stride)
            .padding(kernel / 2);
        ConvNorm {
            conv: of.weights(Weights::He(1.0)).init(init),
            norm: BatchNorm::of(channels[1]).init(init),
        }
    }

    fn forward(&self, x: Tensor<4>, activation: Activation) -> Tensor<4> {
        self.norm
            .forward(self.conv.forward(x, Activation::Identity), activation)
    }
}

/// y = ReLU(F(x) + x), with a 1x1 convolution for x where the shape changes (He et al. 2015, figure 2).
#[derive(Module, Debug)]
struct Block {
    first: ConvNorm,
    second: ConvNorm,
    shortcut: Option<ConvNorm>,
}

impl Block {
    fn new([inputs, outputs]: [usize; 2], stride: usize, init: &Init) -> Self {
        let changes = stride != 1 || inputs != outputs;
        Block {
            first: ConvNorm::new([inputs, outputs], 3, stride, &init.at("first")),
            second: ConvNorm::new([outputs; 2], 3, 1, &init.at("second")),
            shortcut: changes.then(|| ConvNorm::new([inputs, outputs], 1, stride, &init.at("shortcut"))),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let y = self.second.forward(
            self.first.forward(x.clone(), Activation::Relu),
            Activation::Identity,
        );
        let x = match &self.shortcut {
            Some(s) => s.forward(x, Activation::Identity),
            None => x,
        };
        activation(y + x, Activation::Relu)
    }
}

/// The network up to its features.
#[derive(Module, Debug)]
pub(super) struct Trunk {
    /// LeNet's convolutions, or ResNet's first
    convolutions: Vec<ConvNorm>,
    blocks: Vec<Block>,
    /// a fully connected layer over all positions; without it, their mean
    hidden: Option<Linear>,
    /// ResNet's, after that layer: without it, a large first step leaves most of its units dead behind the ReLU
    hidden_norm: Option<BatchNorm>,
    features: usize,
}

impl Trunk {
    /// For images of `[height, width, channel]`.
    ///
    /// # Errors
    /// [`Error::Recipe`] for a width or a depth of 0, or images of under 4 pixels.
    pub(super) fn new(config: TrunkConfig, [h, w, c]: [usize; 3], init: &Init) -> Result<Self> {
        let (width, blocks) = (config.width, config.blocks);
        if width == 0 || width > 4096 || blocks == 0 || blocks > 64 {
            return Err(Error::recipe(
                "model",
                format!("{width} channels and {blocks} blocks make no network"),
                "give 1 or more of both",
            ));
        }
        if h.min(w) < 4 {
            return Err(Error::recipe(
                "data.size",
                format!("images of {h}x{w} are too small for the network"),
                "enlarge them to 4 or more",
            ));
        }
        Ok(match config.kind {
            TrunkKind::Lenet => Trunk::lenet(width, [h, w, c], init),
            TrunkKind::Resnet => Trunk::resnet(config, [h, w, c], init),
        })
    }

    fn lenet(width: usize, [h, w, c]: [usize; 3], init: &Init) -> Self {
        let (first, second, features) = (width, 2 * width, 4 * width);
        let flat = (h / 2 / 2) * (w / 2 / 2) * second;
        let conv = |channels, n: usize| ConvNorm::new(channels, 5, 1, &init.at("conv").nth(n));
        let hidden = Linear::of([flat, features]).weights(Weights::He(1.0));
        Trunk {
            convolutions: vec![conv([c, first], 1), conv([first, second], 2)],
            blocks: vec![],
            hidden: Some(hidden.init(&init.at("hidden"))),
            hidden_norm: None,
            features,
        }
    }

    fn resnet(config: TrunkConfig, [h, w, c]: [usize; 3], init: &Init) -> Self {
        let TrunkConfig { width, positions, .. } = config;
        let mut blocks = Vec::new();
        // Large images are halved at once: their finest detail would cost as much as all the rest.
        let stem = if h.min(w) >= 48 { 2 } else { 1 };
        let mut size = [h.div_ceil(stem), w.div_ceil(stem)];
        let mut channels = width;
        for stage in 0..3 {
            for block in 0..config.blocks {
                let (outputs, stride) = (width << stage, if stage > 0 && block == 0 { 2 } else { 1 });
                let init = init.at("block").nth(stage * 64 + block);
                blocks.push(Block::new([channels, outputs], stride, &init));
                channels = outputs;
                size = size.map(|s| s.div_ceil(stride));
            }
        }
        let flat = size[0] * size[1] * channels;
        let features = if positions { 8 * width } else { channels };
        // The norm after it has a shift of its own.
        let hidden = Linear::of([flat, features]).weights(Weights::He(1.0)).no_bias();
        Trunk {
            convolutions: vec![ConvNorm::new([c, width], 3, stem, &init.at("conv").nth(1))],
            blocks,
            hidden: positions.then(|| hidden.init(&init.at("hidden"))),
            hidden_norm: positions.then(|| BatchNorm::of(features).init(&init.at("hidden"))),
            features,
        }
    }

    /// `[batch, height, width, channel] -> [batch, features]`, none below zero.
    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        self.trace(x, &mut |_| {})
    }

    /// Features of every layer: convolutions (after their pooling) or blocks, pooled, and the features at the end.
    pub(super) fn layers(&self, x: Tensor<4>) -> Vec<(String, Vec<f32>)> {
        let mut out = Vec::new();
        let last = self.trace(x, &mut |x| {
            out.push((format!("layer{}", out.len() + 1), pooled(x.clone())));
        });
        out.push(("features".into(), last.into_data().iter::<f32>().collect()));
        out
    }

    /// [`Trunk::forward`], which shows the output of every layer on the way.
    fn trace(&self, x: Tensor<4>, see: &mut dyn FnMut(&Tensor<4>)) -> Tensor<2> {
        let mut seen = |x: Tensor<4>| {
            see(&x);
            x
        };
        let convolved = |x, c: &ConvNorm| c.forward(x, Activation::Relu);
        let x = match self.blocks.is_empty() {
            true => self.convolutions.iter().fold(x, |x, c| {
                let pooled = max_pool2d(convolved(x, c), [2, 2], [2, 2], [0, 0]);
                seen(activations::keep(pooled))
            }),
            false => {
                let first = seen(convolved(x, &self.convolutions[0]));
                self.blocks.iter().fold(first, |x, block| seen(block.forward(x)))
            }
        };
        let [_, h, w, _] = x.dims();
        match (&self.hidden, &self.hidden_norm) {
            (Some(hidden), None) => hidden.forward(x.flatten::<2>(1, 3), Activation::Relu),
            (Some(hidden), Some(norm)) => norm.forward(
                hidden.forward(x.flatten::<2>(1, 3), Activation::Identity),
                Activation::Relu,
            ),
            (None, _) => avg_pool2d(x, [h, w], [1, 1], [0, 0]).flatten(1, 3),
        }
    }

    /// Numbers that describe an image.
    pub(super) fn features(&self) -> usize {
        self.features
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use menagerie_data::random::Key;

    /// Odd sizes and few pixels too.
    #[test]
    fn any_size_and_any_number_of_channels() {
        let device = Device::flex();
        let init = Init::new(Key::new(1), &device);
        for (h, w, c) in [(28, 28, 1), (4, 4, 3), (13, 7, 2)] {
            for (kind, features) in [(TrunkKind::Lenet, 12), (TrunkKind::Resnet, 12)] {
                let t = Trunk::new(
                    TrunkConfig {
                        kind,
                        width: 3,
                        blocks: 2,
                        positions: false,
                    },
                    [h, w, c],
                    &init,
                )
                .unwrap();
                assert_eq!(t.features(), features);
                assert_eq!(
                    t.forward(Tensor::ones([5, h, w, c], &device)).dims(),
                    [5, features]
                );
            }
        }
        let config = TrunkConfig {
            kind: TrunkKind::Resnet,
            width: 3,
            blocks: 1,
            positions: true,
        };
        assert_eq!(
            Trunk::new(config, [64, 50, 3], &init)
                .unwrap()
                .forward(Tensor::ones([2, 64, 50, 3], &device))
                .dims(),
            [2, 24]
        );
        assert!(Trunk::new(config, [3, 28, 1], &init).is_err());
        assert!(Trunk::new(TrunkConfig { blocks: 0, ..config }, [28, 28, 1], &init).is_err());
    }
}
