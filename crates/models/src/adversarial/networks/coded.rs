//! Networks that take an image apart into a content, which is a small grid, and a style, which is a few numbers, and put it
//! together again (Huang, Liu, Belongie, Kautz 2018, arXiv:1804.04732, MUNIT, appendix B.1): c7s1-64, d128, d256 and residual blocks
//! with instance norm find the content; a network without norms finds the style; residual blocks whose norms are scaled and shifted
//! by the style (AdaIN, Huang & Belongie 2017, arXiv:1703.06868), two times nearest upsampling with a convolution, and c7s1-3 make
//! the image. Without styles, and with blocks that two sides share, they are those of UNIT (Liu, Breuel, Kautz 2017,
//! arXiv:1703.00848).
use super::super::translation::Networks;
use super::summary::Summary;
use super::translator::resnet::Normed;
use burn::module::Module;
use burn::tensor::Tensor;
use menagerie_data::error::{Error, Result};
use menagerie_kernels::resize_nearest;
use menagerie_nn::{Activation, Conv2d, Init, ItemNorm, Linear, Modulation, NormOver, Weights, pad};
use serde::{Deserialize, Serialize};

/// `[model]`: sizes of the networks of a side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// channels of the first layer; four times as many in the blocks (paper: 64)
    pub width: usize,
    /// residual blocks of a side on the way to the content, and as many on the way back (paper: 4)
    pub blocks: usize,
    /// numbers of a style (MUNIT: 8); 0 for none
    pub style: usize,
    /// blocks on the way to the content, and as many on the way back, that both sides share (UNIT: 1)
    pub shared: usize,
    /// `instance` (the papers') or `layer`: what of an item is normalized together on the way to the content
    pub norm: NormOver,
    /// decay of the moving average; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            width: 64,
            blocks: 4,
            style: 8,
            shared: 0,
            norm: NormOver::Instance,
            average: 0.0,
        }
    }
}

impl Networks for Sizes {
    fn check(&self) -> Result<()> {
        match self.width {
            0 => Err(Error::recipe("model.width", "0 is too small", "give 1 or more")),
            _ => Ok(()),
        }
    }
    fn average(&self) -> f64 {
        self.average
    }
}

/// Sides of what is taken apart without padding are multiples of this.
const MULTIPLE: usize = 1 << HALVINGS;
const HALVINGS: usize = 2;
/// Layers that read a style, and their units (the paper's).
const READERS: usize = 2;
const UNITS: usize = 256;

/// Margins that bring images of `[batch, height, width, channel]` to a size that can be taken apart.
pub(crate) fn margins(x: &Tensor<4>) -> pad::Margins {
    let [_, h, w, _] = x.dims();
    pad::to_multiple([h, w], MULTIPLE)
}

/// A residual block: its convolutions may hear a style.
#[derive(Module, Debug)]
struct Block {
    convs: Vec<Conv2d>,
    norms: Vec<ItemNorm>,
    by_style: Vec<Modulation>,
}

impl Block {
    fn new(channels: usize, norm: NormOver, hears: bool, init: &Init) -> Self {
        let conv = |i: usize| {
            let of = Conv2d::of([channels, channels]).weights(Weights::He(1.0));
            of.init(&init.at("conv").nth(i))
        };
        Block {
            convs: (0..2).map(conv).collect(),
            norms: (0..2)
                .map(|i| ItemNorm::new(channels, norm, &init.at("norm").nth(i)))
                .collect(),
            by_style: (0..2)
                .filter(|_| hears)
                .map(|i| Modulation::new(UNITS, channels, &init.at("style").nth(i)))
                .collect(),
        }
    }

    fn forward(&self, x: Tensor<4>, style: Option<&Tensor<2>>) -> Tensor<4> {
        let layer = |i: usize, x: Tensor<4>, act: Activation| {
            let x = self.convs[i].forward(pad::reflect(x, [1; 4]), Activation::Identity);
            match self.by_style.get(i).zip(style) {
                Some((m, s)) => m.forward(self.norms[i].forward(x, Activation::Identity), s.clone(), act),
                None => self.norms[i].forward(x, act),
            }
        };
        let h = layer(0, x.clone(), Activation::Relu);
        x + layer(1, h, Activation::Identity)
    }
}

fn through(blocks: &[Block], x: Tensor<4>, style: Option<&Tensor<2>>) -> Tensor<4> {
    blocks.iter().fold(x, |x, b| b.forward(x, style))
}

/// What takes the images of a side apart, and puts them together.
#[derive(Module, Debug)]
pub struct SideNetwork {
    first: Normed,
    downs: Vec<Normed>,
    blocks: Vec<Block>,
    style: Option<Summary>,
    readers: Vec<Linear>,
    back: Vec<Block>,
    ups: Vec<Conv2d>,
    up_norms: Vec<ItemNorm>,
    last: Conv2d,
}

impl SideNetwork {
    /// For images of that shape; any other size goes as well.
    pub fn new(s: &Sizes, shape: [usize; 3], init: &Init) -> Self {
        let colours = shape[2];
        let at = |i: usize| s.width << i;
        let inner = at(HALVINGS);
        let block = |name: &'static str, norm: NormOver, hears: bool| {
            move |i: usize| Block::new(inner, norm, hears, &init.at(name).nth(i))
        };
        let hears = s.style > 0;
        // What a style scales is each channel by itself.
        let back = if hears { NormOver::Instance } else { s.norm };
        let reader = |i: usize| {
            let inputs = if i == 0 { s.style } else { UNITS };
            let of = Linear::of([inputs, UNITS]).weights(Weights::He(1.0));
            of.init(&init.at("reader").nth(i))
        };
        let up = |i: usize| {
            let of = Conv2d::of([at(i), at(i - 1)]).kernel(5).weights(Weights::He(1.0));
            of.init(&init.at("up").nth(i))
        };
        let ups = || (1..=HALVINGS).rev();
        SideNetwork {
            first: Normed::new([colours, s.width], 7, 1, 0, s.norm, &init.at("first")),
            downs: (1..=HALVINGS)
                .map(|i| Normed::new([at(i - 1), at(i)], 4, 2, 1, s.norm, &init.at("down").nth(i)))
                .collect(),
            blocks: (0..s.blocks).map(block("block", s.norm, false)).collect(),
            style: hears.then(|| Summary::new(s.width, shape, s.style, &init.at("style"))),
            readers: (0..READERS).filter(|_| hears).map(reader).collect(),
            back: (0..s.blocks).map(block("back", back, hears)).collect(),
            ups: ups().map(up).collect(),
            // Of all channels together: means stay apart, and with them what the style has said of them.
            up_norms: ups()
                .map(|i| ItemNorm::new(at(i - 1), NormOver::Layer, &init.at("up norm").nth(i)))
                .collect(),
            last: Conv2d::of([s.width, colours])
                .kernel(7)
                .weights(Weights::Normal(0.02))
                .bias()
                .init(&init.at("last")),
        }
    }

    /// Images whose sides are multiples of 4 -> `[batch, height / 4, width / 4, 4 width]`.
    pub fn content(&self, x: Tensor<4>) -> Tensor<4> {
        let x = self.first.forward(pad::reflect(x, [3; 4]), Activation::Relu);
        let x = self.downs.iter().fold(x, |x, d| d.forward(x, Activation::Relu));
        through(&self.blocks, x, None)
    }

    /// Images -> `[batch, style]`, where there are styles.
    pub fn style(&self, x: Tensor<4>) -> Option<Tensor<2>> {
        self.style.as_ref().map(|s| s.forward(x))
    }

    /// A content, in a style where there are such -> images.
    pub fn image(&self, content: Tensor<4>, style: Option<&Tensor<2>>) -> Tensor<4> {
        let heard = style.map(|s| {
            let layers = self.readers.iter();
            layers.fold(s.clone(), |s, l| l.forward(s, Activation::Relu))
        });
        let x = through(&self.back, content, heard.as_ref());
        let x = self.ups.iter().zip(&self.up_norms).fold(x, |x, (up, norm)| {
            let [_, h, w, _] = x.dims();
            let x = pad::reflect(resize_nearest(x, [2 * h, 2 * w]), [2; 4]);
            norm.forward(up.forward(x, Activation::Identity), Activation::Relu)
        });
        self.last.forward(pad::reflect(x, [3; 4]), Activation::Tanh)
    }
}

/// Blocks that both sides share: the last ones on the way to the content, the first ones on the way back.
#[derive(Module, Debug)]
pub struct SharedNetwork {
    blocks: Vec<Block>,
    back: Vec<Block>,
}

impl SharedNetwork {
    /// As many as the sizes say.
    pub fn new(s: &Sizes, init: &Init) -> Self {
        let block = |name: &'static str| {
            move |i: usize| Block::new(s.width << HALVINGS, s.norm, false, &init.at(name).nth(i))
        };
        SharedNetwork {
            blocks: (0..s.shared).map(block("block")).collect(),
            back: (0..s.shared).map(block("back")).collect(),
        }
    }

    /// What a side has found as the content.
    pub fn content(&self, x: Tensor<4>) -> Tensor<4> {
        through(&self.blocks, x, None)
    }

    /// A content as sides put it together.
    pub fn given(&self, content: Tensor<4>) -> Tensor<4> {
        through(&self.back, content, None)
    }
}
