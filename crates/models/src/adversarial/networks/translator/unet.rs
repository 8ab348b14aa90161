//! The U-Net of pix2pix (Isola et al. 2017, arXiv:1611.07004, section 3.2.1 and appendix 6.1): strided convolutions down to a
//! small grid, transposed ones up again, and what was seen at each level on the way down joined to what is made at that level
//! on the way up, so that outlines need not pass the small grid. Dropout in the inner levels, while training and afterwards,
//! is the only noise. Norms are of single items: the paper normalizes by the batch at hand, and takes batches of one.
use super::Drawn;
use burn::module::Module;
use burn::tensor::Tensor;
use menagerie_data::random::Key;
use menagerie_kernels::noise;
use menagerie_nn::pyramid::channels;
use menagerie_nn::{Activation, Conv2d, ConvTranspose2d, Init, ItemNorm, NormOver, Weights};
use serde::{Deserialize, Serialize};

/// Sizes of the U-Net.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// channels at half the image's size; they double with every halving, up to eight times as many (paper: 64)
    pub width: usize,
    /// halvings; 0 for as many as leave 2 or 3 pixels of the shorter side (paper: 8 of 256 pixels)
    pub depth: usize,
    /// whether levels are joined; without, all must pass the smallest grid
    pub skips: bool,
    /// `instance` or `layer`: what of an item is normalized together
    pub norm: NormOver,
    /// share of numbers dropped in the inner levels (paper: 0.5)
    pub dropout: f64,
    /// decay of the moving average; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            width: 64,
            depth: 0,
            skips: true,
            norm: NormOver::Instance,
            dropout: 0.5,
            average: 0.0,
        }
    }
}

/// The most halvings.
pub const DEEPEST: usize = 12;
const STD: f64 = 0.02;
const LEAKY: Activation = Activation::LeakyRelu(0.2);

/// See the module.
#[derive(Module, Debug)]
pub struct Unet {
    downs: Vec<Conv2d>,
    /// of all downs but the first and the innermost
    down_norms: Vec<ItemNorm>,
    /// from the innermost to the image
    ups: Vec<ConvTranspose2d>,
    /// of all ups but the last
    up_norms: Vec<ItemNorm>,
    skips: bool,
    dropout: f64,
}

impl Unet {
    /// For images of that shape, with so many planes beside their channels that say what is wanted.
    pub fn new(s: &Sizes, [h, w, colours]: [usize; 3], told: usize, init: &Init) -> Self {
        let n = match s.depth {
            0 => ((h.min(w).max(2).ilog2() as usize).saturating_sub(1)).clamp(2, DEEPEST),
            depth => depth,
        };
        let at = |i: usize| if i == 0 { colours } else { channels(s.width, i) };
        let down = |i: usize| {
            let inputs = if i == 1 { colours + told } else { at(i - 1) };
            let of = Conv2d::of([inputs, at(i)]).kernel(4).stride(2).padding(1);
            of.weights(Weights::Normal(STD))
                .bias_if(i == 1 || i == n)
                .init(&init.at("down").nth(i))
        };
        let joined = |i: usize| if s.skips && i < n { 2 * at(i) } else { at(i) };
        let up = |i: usize| {
            let of = ConvTranspose2d::of([joined(i), at(i - 1)])
                .kernel(4)
                .stride(2)
                .padding(1);
            of.weights(Weights::Normal(STD))
                .bias_if(i == 1)
                .init(&init.at("up").nth(i))
        };
        let norm = |name: &str, i: usize| ItemNorm::new(at(i), s.norm, &init.at(name).nth(i));
        Unet {
            downs: (1..=n).map(down).collect(),
            down_norms: (2..n).map(|i| norm("down norm", i)).collect(),
            ups: (1..=n).rev().map(up).collect(),
            up_norms: (1..n).rev().map(|i| norm("up norm", i)).collect(),
            skips: s.skips,
            dropout: s.dropout,
        }
    }

    /// Sides of what it takes are multiples of this.
    pub fn multiple(&self) -> usize {
        1 << self.downs.len()
    }

    /// Whether it has noise.
    pub fn drops(&self) -> bool {
        self.dropout > 0.0
    }

    /// Images whose sides are multiples of [`Self::multiple`] -> what is seen of them: themselves, and each level on the way down.
    pub fn encoded(&self, x: Tensor<4>) -> Vec<Tensor<4>> {
        let mut levels = vec![x];
        for (i, down) in self.downs.iter().enumerate() {
            let x = levels[i].clone();
            let x = match i.checked_sub(1).and_then(|i| self.down_norms.get(i)) {
                Some(norm) => norm.forward(down.forward(x, Activation::Identity), LEAKY),
                None => down.forward(x, LEAKY),
            };
            levels.push(x);
        }
        levels
    }

    /// Images of what is seen; numbers are dropped as they are drawn.
    pub(super) fn decoded(&self, levels: &[Tensor<4>], drawn: Drawn<'_>) -> Tensor<4> {
        let n = self.downs.len();
        // Three of the eight levels of the paper drop; as large a part of fewer.
        let dropping = 3.min(n / 2);
        let inner = levels[n].clone();
        self.ups.iter().enumerate().fold(inner, |x, (j, up)| {
            let level = &levels[n - 1 - j];
            let [_, h, w, _] = level.dims();
            let Some(norm) = self.up_norms.get(j) else {
                return up.forward(x, [h, w], Activation::Tanh);
            };
            let x = norm.forward(up.forward(x, [h, w], Activation::Identity), Activation::Relu);
            let x = match drawn {
                Drawn::Nothing => x,
                _ if j < dropping && self.drops() => dropped(x, self.dropout, j, drawn),
                _ => x,
            };
            match self.skips {
                true => Tensor::cat(vec![x, level.clone()], 3),
                false => x,
            }
        })
    }
}

/// This share of the numbers of each item is dropped, by what is drawn for it, and the others are raised so that the mean stays.
pub(super) fn dropped(x: Tensor<4>, share: f64, layer: usize, drawn: Drawn<'_>) -> Tensor<4> {
    let [_, h, w, c] = x.dims();
    let one = |key: &Key| {
        let key = key.stream("dropout").step(layer as u64);
        noise::uniform::<4>(key.words(), [1, h, w, c], &x.device())
    };
    let u = match drawn {
        Drawn::Nothing => return x,
        Drawn::By(keys) => Tensor::cat(keys.iter().map(one).collect(), 0),
        Drawn::Given(given) => given(layer, x.dims()),
    };
    x * (u.greater_equal_elem(share).float() / (1.0 - share))
}
