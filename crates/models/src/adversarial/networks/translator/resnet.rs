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

/// A convolution without bias, and the norm behind it.
#[derive(Module, Debug)]
struct Normed {
    conv: Conv2d,
    norm: ItemNorm,
}

impl Normed {
    fn new(
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

    fn forward(&self, x: Tensor<4>, activation: Activation) -> Tensor<4> {
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
    /// For images of that shape.
    pub fn new(s: &Sizes, [_, _, colours]: [usize; 3], init: &Init) -> Self {
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
            first: Normed::new([colours, s.width], 7, 1, 0, s.norm, &init.at("first")),
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
            last: Conv2d::of([s.width, colours])
                .kernel(7)
                .weights(STD)
                .bias()
                .init(&init.at("last")),
            residual: s.residual,
        }
    }

    /// Images whose sides are multiples of [`MULTIPLE`] -> images.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let given = x.clone();
        let x = self.first.forward(pad::reflect(x, [3; 4]), Activation::Relu);
        let x = self.downs.iter().fold(x, |x, d| d.forward(x, Activation::Relu));
        let x = self.blocks.chunks_exact(2).fold(x, |x, pair| {
            let h = pair[0].forward(pad::reflect(x.clone(), [1; 4]), Activation::Relu);
            x + pair[1].forward(pad::reflect(h, [1; 4]), Activation::Identity)
        });
        let x = self.ups.iter().zip(&self.up_norms).fold(x, |x, (up, norm)| {
            let [_, h, w, _] = x.dims();
            norm.forward(
                up.forward(x, [2 * h, 2 * w], Activation::Identity),
                Activation::Relu,
            )
        });
        let y = self.last.forward(pad::reflect(x, [3; 4]), Activation::Tanh);
        // Black may become white: a change has twice the range of an image.
        match self.residual {
            true => (given + y * 2.0).clamp(-1.0, 1.0),
            false => y,
        }
    }
}
