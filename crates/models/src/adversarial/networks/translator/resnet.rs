//! The generator of CycleGAN (Zhu et al. 2017, arXiv:1703.10593, appendix 7.2), after Johnson et al. (2016): c7s1-64, d128, d256,
//! residual blocks R256, u128, u64, c7s1-3, with instance norm, and reflection in place of zeros at the borders.
use burn::module::Module;
use burn::tensor::Tensor;
use menagerie_nn::{Activation, Conv2d, ConvTranspose2d, Init, ItemNorm, NormOver, Weights, pad};
use serde::{Deserialize, Serialize};

/// Sizes of the residual network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// channels of the first layer; four times as many in the blocks (paper: 64)
    pub width: usize,
    /// residual blocks (paper: 6 for 128 pixels, 9 for 256)
    pub blocks: usize,
    /// `instance` (the paper's) or `layer`: what of an item is normalized together
    pub norm: NormOver,
    /// the network says what is to be added to the image instead of the whole of it: for sides that differ in little (Shen & Liu
    /// 2017, arXiv:1612.05363); what goes beyond [-1, 1] is cut off
    pub residual: bool,
    /// decay of the moving average; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            width: 64,
            blocks: 6,
            norm: NormOver::Instance,
            residual: false,
            average: 0.0,
        }
    }
}

/// Sides of what it takes are multiples of this.
pub const MULTIPLE: usize = 1 << HALVINGS;
const HALVINGS: usize = 2;
const STD: Weights = Weights::Normal(0.02);
const STILL: f64 = 1e-3;

/// A convolution without bias, and the norm behind it.
#[derive(Module, Debug)]
pub(crate) struct Normed {
    conv: Conv2d,
    norm: ItemNorm,
}

impl Normed {
    pub(crate) fn new(
        channels: [usize; 2],
        kernel: usize,
        stride: usize,
        padding: usize,
        norm: NormOver,
        init: &Init,
    ) -> Self {
        let of = Conv2d::of(channels)
            .kernel(kernel)
            .stride(stride)
            .padding(padding);
        Normed {
            conv: of.weights(STD).init(init),
            norm: ItemNorm::new(channels[1], norm, &init.at("norm")),
        }
    }

    pub(crate) fn forward(&self, x: Tensor<4>, activation: Activation) -> Tensor<4> {
        self.norm
            .forward(self.conv.forward(x, Activation::Identity), activation)
    }
}

/// See the module.
#[derive(Module, Debug)]
pub struct Resnet {
    first: Normed,
    downs: Vec<Normed>,
    /// two for each block
    blocks: Vec<Normed>,
    ups: Vec<ConvTranspose2d>,
    up_norms: Vec<ItemNorm>,
    last: Conv2d,
    residual: bool,
}

impl Resnet {
    /// For images of that shape, with so many planes beside their channels that say what is wanted.
    pub fn new(s: &Sizes, [_, _, colours]: [usize; 3], told: usize, init: &Init) -> Self {
        let at = |i: usize| s.width << i;
        let inner = at(HALVINGS);
        let up = |i: usize| {
            let of = ConvTranspose2d::of([at(i), at(i - 1)])
                .kernel(3)
                .stride(2)
                .padding(1);
            of.weights(STD).init(&init.at("up").nth(i))
        };
        Resnet {
            first: Normed::new([colours + told, s.width], 7, 1, 0, s.norm, &init.at("first")),
            downs: (1..=HALVINGS)
                .map(|i| Normed::new([at(i - 1), at(i)], 3, 2, 1, s.norm, &init.at("down").nth(i)))
                .collect(),
            blocks: (0..2 * s.blocks)
                .map(|i| Normed::new([inner, inner], 3, 1, 0, s.norm, &init.at("block").nth(i)))
                .collect(),
            ups: (1..=HALVINGS).rev().map(up).collect(),
            up_norms: (1..=HALVINGS)
                .rev()
                .map(|i| ItemNorm::new(at(i - 1), s.norm, &init.at("up norm").nth(i)))
                .collect(),
            // What is added begins as next to nothing: the image itself, which the way back need not learn to find again.
            last: Conv2d::of([s.width, colours])
                .kernel(7)
                .weights(if s.residual { Weights::Normal(STILL) } else { STD })
                .bias()
                .init(&init.at("last")),
            residual: s.residual,
        }
    }

    /// Images whose sides are multiples of [`MULTIPLE`] -> what is seen of them: themselves, the two grids on the way down, half
    /// of the blocks, all of them.
    pub fn encoded(&self, x: Tensor<4>) -> Vec<Tensor<4>> {
        let mut levels = vec![x.clone()];
        let x = self.first.forward(pad::reflect(x, [3; 4]), Activation::Relu);
        let x = self.downs.iter().fold(x, |x, d| {
            let x = d.forward(x, Activation::Relu);
            levels.push(x.clone());
            x
        });
        let half = self.blocks.len() / 4;
        let x = self.blocks.chunks_exact(2).enumerate().fold(x, |x, (i, pair)| {
            let h = pair[0].forward(pad::reflect(x.clone(), [1; 4]), Activation::Relu);
            let x = x + pair[1].forward(pad::reflect(h, [1; 4]), Activation::Identity);
            if i + 1 == half {
                levels.push(x.clone());
            }
            x
        });
        levels.push(x);
        levels
    }

    /// Images of what is seen.
    pub fn decoded(&self, levels: &[Tensor<4>]) -> Tensor<4> {
        let (Some(given), Some(x)) = (levels.first(), levels.last()) else {
            unreachable!("the image and the blocks are levels");
        };
        let x = self
            .ups
            .iter()
            .zip(&self.up_norms)
            .fold(x.clone(), |x, (up, norm)| {
                let [_, h, w, _] = x.dims();
                norm.forward(
                    up.forward(x, [2 * h, 2 * w], Activation::Identity),
                    Activation::Relu,
                )
            });
        let y = self.last.forward(pad::reflect(x, [3; 4]), Activation::Tanh);
        if !self.residual {
            return y;
        }
        // Black may become white: a change has twice the range of an image.
        let colours = y.dims()[3];
        (given.clone().narrow(3, 0, colours) + y * 2.0).clamp(-1.0, 1.0)
    }
}
