//! From a picture of where something is to be, and what it is to be, to an image (Reed et al. 2016, arXiv:1610.02454, GAWWN, section 4.1).
//! What is asked for is laid out within the box, and convolutions bring it down to a small grid. From there a global pathway makes an image
//! of the mean over the grid, and of what is asked for; a local pathway goes up from the grid itself, and at every level what is outside
//! the box is set to zero. Both together give the image.
//!
//! The paper brings what is asked for into the box by a spatial transformer; here the box has coordinates of its own, from -1 to 1, as two
//! planes beside it, so that the network is no larger for boxes of any size.
use burn::module::Module;
use burn::tensor::{Tensor, TensorData};
use menagerie_kernels::avg_pool2d;
use menagerie_nn::pyramid::{channels, sizes};
use menagerie_nn::{Activation, Conv2d, ConvTranspose2d, Init, ItemNorm, Linear, NormOver, Weights};
use serde::{Deserialize, Serialize};

/// `[model]`: the network's sizes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// channels at half the size; they double with every halving, up to eight times as many
    pub width: usize,
    /// decay of the moving average; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            width: 64,
            average: 0.0,
        }
    }
}

const LEAKY: Activation = Activation::LeakyRelu(0.2);
/// Planes of the box: itself, and two of its coordinates.
const OF_BOX: usize = 3;

/// From the small grid up to the size of the image.
#[derive(Module, Debug)]
struct Up {
    ups: Vec<ConvTranspose2d>,
    norms: Vec<ItemNorm>,
}

impl Up {
    fn new(width: usize, halvings: usize, init: &Init) -> Up {
        let at = |i: usize| if i == 0 { width } else { channels(width, i) };
        let up = |i: usize| {
            let of = ConvTranspose2d::of([at(i), at(i - 1)])
                .kernel(4)
                .stride(2)
                .padding(1);
            of.weights(Weights::He(1.0)).init(&init.at("up").nth(i))
        };
        let norm = |i: usize| ItemNorm::new(at(i - 1), NormOver::Layer, &init.at("norm").nth(i));
        Up {
            ups: (1..=halvings).rev().map(up).collect(),
            norms: (1..=halvings).rev().map(norm).collect(),
        }
    }

    /// A grid -> `[batch, height, width, channel]`; with boxes of each level, from the image's own to the grid's, zero outside them.
    fn forward(&self, grid: Tensor<4>, boxes: Option<&[Tensor<4>]>) -> Tensor<4> {
        let n = self.ups.len();
        let within = |x: Tensor<4>, level: usize| match boxes {
            Some(boxes) => x * boxes[level].clone(),
            None => x,
        };
        let layers = self.ups.iter().zip(&self.norms).enumerate();
        layers.fold(within(grid, n), |x, (j, (up, norm))| {
            let [_, h, w, _] = x.dims();
            let x = norm.forward(
                up.forward(x, [2 * h, 2 * w], Activation::Identity),
                Activation::Relu,
            );
            within(x, n - 1 - j)
        })
    }
}

/// See the module.
#[derive(Module, Debug)]
pub struct Pathways {
    downs: Vec<Conv2d>,
    whole: Linear,
    global: Up,
    local: Up,
    last: Conv2d,
    colours: usize,
}

impl Pathways {
    /// For pictures of places of that shape, with so many planes beside their channels that say what is wanted there.
    pub fn new(s: &Sizes, [h, w, colours]: [usize; 3], told: usize, init: &Init) -> Self {
        let n = (sizes([h, w]).len() - 1).max(1);
        let at = |i: usize| {
            if i == 0 {
                told + OF_BOX
            } else {
                channels(s.width, i)
            }
        };
        let down = |i: usize| {
            let of = Conv2d::of([at(i - 1), at(i)]).kernel(4).stride(2).padding(1);
            of.weights(Weights::He(1.0)).bias().init(&init.at("down").nth(i))
        };
        Pathways {
            downs: (1..=n).map(down).collect(),
            whole: Linear::of([at(n) + told, at(n)])
                .weights(Weights::He(1.0))
                .init(&init.at("whole")),
            global: Up::new(s.width, n, &init.at("global")),
            local: Up::new(s.width, n, &init.at("local")),
            last: Conv2d::of([2 * s.width, colours])
                .weights(Weights::Normal(0.02))
                .bias()
                .init(&init.at("last")),
            colours,
        }
    }

    /// Sides of what it takes are multiples of this.
    pub fn multiple(&self) -> usize {
        1 << self.downs.len()
    }

    /// Pictures of places `[batch, height, width, channel]`, with what is told as planes of one value -> images.
    pub(super) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [n, h, w, all] = x.dims();
        let told = x.clone().narrow(3, self.colours, all - self.colours);
        let place = within(&x);
        let box_planes = vec![told.clone() * place.clone(), coordinates(&place), place.clone()];
        let grid = self
            .downs
            .iter()
            .fold(Tensor::cat(box_planes, 3), |x, down| down.forward(x, LEAKY));
        let mean = |x: Tensor<4>| {
            let [_, h, w, _] = x.dims();
            avg_pool2d(x, [h, w], [1, 1], [0, 0]).flatten::<2>(1, 3)
        };
        let [_, gh, gw, c] = grid.dims();
        let whole = Tensor::cat(vec![mean(grid.clone()), mean(told)], 1);
        let whole = self.whole.forward(whole, LEAKY).reshape([n, 1, 1, c]);
        let mut boxes = vec![place];
        for level in 0..self.downs.len() {
            boxes.push(avg_pool2d(boxes[level].clone(), [2, 2], [2, 2], [0, 0]));
        }
        let global = self.global.forward(whole.expand([n, gh, gw, c]), None);
        let local = self.local.forward(grid, Some(&boxes));
        let both = Tensor::cat(vec![global, local], 3);
        debug_assert_eq!(both.dims()[1..3], [h, w]);
        self.last
            .forward(menagerie_nn::pad::reflect(both, [1; 4]), Activation::Tanh)
    }
}

/// Where a picture of places is light, `[batch, height, width, 1]`: 1 within the box, 0 outside.
pub(crate) fn within(x: &Tensor<4>) -> Tensor<4> {
    ((x.clone().narrow(3, 0, 1) + 1.0) / 2.0).clamp(0.0, 1.0)
}

/// Coordinates within boxes `[batch, height, width, 1]` that are 1 inside and 0 outside: across and down, from -1 to 1, 0 outside;
/// `[batch, height, width, 2]`. A side of s pixels has the variance (s^2 - 1) / 12.
fn coordinates(place: &Tensor<4>) -> Tensor<4> {
    let [_, h, w, _] = place.dims();
    let area = (place.clone().sum_dim(1).sum_dim(2) + 1e-6).recip();
    let along = |shape: [usize; 4]| {
        let n = shape[1].max(shape[2]);
        let at: Vec<f32> = (0..n).map(|i| i as f32 / n as f32).collect();
        let at = Tensor::<4>::from_data(TensorData::new(at, shape), &place.device());
        let mean = |x: Tensor<4>| (x * place.clone()).sum_dim(1).sum_dim(2) * area.clone();
        let off = at.clone() - mean(at.clone() * place.ones_like());
        let spread = mean(off.clone() * off.clone());
        off / ((spread * 3.0 + 1e-6).sqrt()) * place.clone()
    };
    Tensor::cat(vec![along([1, 1, w, 1]), along([1, h, 1, 1])], 3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use menagerie_data::Key;
    use menagerie_nn::numbers;

    /// A picture of a box from `from` to `to` (rows and columns), light on dark, with one plane of `told` beside it.
    fn picture(from: [usize; 2], to: [usize; 2], told: f32) -> Tensor<4> {
        let inside = |i: usize| (from[0]..to[0]).contains(&(i / 16)) && (from[1]..to[1]).contains(&(i % 16));
        let values: Vec<f32> = (0..256)
            .flat_map(|i| [if inside(i) { 1.0 } else { -1.0 }, told])
            .collect();
        Tensor::from_data(TensorData::new(values, [1, 16, 16, 2]), &Device::flex())
    }

    /// By hand: of a box of 4 rows and 8 columns the first column is at -7/8 of the half width, by the variance of 8 places.
    #[test]
    fn coordinates_by_hand() {
        let place = within(&picture([2, 4], [6, 12], 0.0));
        let c = numbers(coordinates(&place));
        let at = |y: usize, x: usize| [c[2 * (16 * y + x)], c[2 * (16 * y + x) + 1]];
        // Columns 0..8 about 3.5; sqrt(3 (64 - 1) / 12) = 3.9686. Rows 0..4 about 1.5; sqrt(3 (16 - 1) / 12) = 1.9365.
        let want = [-3.5 / 3.9686, -1.5 / 1.9365];
        let got = at(2, 4);
        assert!(
            (got[0] - want[0]).abs() < 1e-3 && (got[1] - want[1]).abs() < 2e-3,
            "{got:?}"
        );
        assert!((at(5, 11)[0] + want[0]).abs() < 1e-3, "the other end");
        assert_eq!(at(1, 4), [0.0, 0.0]);
    }

    /// The local pathway is zero outside the box, whatever is told, and says something inside.
    #[test]
    fn outside_the_box_the_local_pathway_is_silent() {
        let s = Sizes {
            width: 4,
            average: 0.0,
        };
        let n = Pathways::new(&s, [16, 16, 1], 1, &Init::new(Key::new(1), &Device::flex()));
        let place = within(&picture([4, 4], [12, 8], 0.0));
        let mut boxes = vec![place.clone()];
        for level in 0..n.downs.len() {
            boxes.push(avg_pool2d(boxes[level].clone(), [2, 2], [2, 2], [0, 0]));
        }
        let side = 16 >> n.downs.len();
        let grid = Tensor::ones([1, side, side, channels(4, n.downs.len())], &Device::flex());
        let made = numbers(n.local.forward(grid, Some(&boxes)));
        let place = numbers(place);
        let of = |within: bool| -> f32 {
            let pixels = made.chunks(4).zip(&place).filter(|(_, p)| (**p > 0.5) == within);
            pixels.flat_map(|(v, _)| v).map(|v| v.abs()).sum()
        };
        assert!(of(true) > 0.0);
        assert_eq!(of(false), 0.0);
        let image = n.forward(picture([4, 4], [12, 8], 0.5));
        assert_eq!(image.dims(), [1, 16, 16, 1]);
    }
}
