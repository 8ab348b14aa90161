//! R3GAN's networks (Huang, Gokaslan, Kuleshov & Tompkin 2024, arXiv:2501.05441, section 4, configuration E): a generator and a discriminator
//! that mirror each other, of residual blocks without norms. A block widens by a convolution of one pixel, looks around in groups of
//! channels, and narrows again (an inverted bottleneck); sizes change by bilinear interpolation, never inside a block.
//!
//! Its last convolution starts at zero and the others smaller the more blocks there are (fix-up, Zhang et al. 2019, arXiv:1901.09321), so that
//! a network begins as if it had no blocks. Odd sizes have their grid too ([`sizes`]); half a pixel's place decides the weights of the
//! interpolation, as everywhere here, where the authors' filter is [1, 2, 1].
use super::Told;
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use menagerie_kernels::{avg_pool2d, resize_bilinear};
use menagerie_nn::pyramid::{channels, sizes};
use menagerie_nn::{Activation, Conv2d, Dual, Init, Linear, Weights};
use serde::{Deserialize, Serialize};

/// `[model]`: the networks' sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// dimensions of a latent (paper: 64)
    pub latent: usize,
    /// channels at the image's size; they double with every halving, up to eight times as many (paper: 768 at every size of 64-pixel
    /// faces)
    pub width: usize,
    /// residual blocks at each size (paper: 2)
    pub blocks: usize,
    /// how much wider a block is inside (paper: 2)
    pub expansion: usize,
    /// channels of a group of a block's middle convolution (paper: 16)
    pub group: usize,
    /// decay of the generator's moving average; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            latent: 64,
            width: 16,
            blocks: 2,
            expansion: 2,
            group: 16,
            average: 0.995,
        }
    }
}

impl Sizes {
    /// Channels after so many halvings.
    fn at(&self, halvings: usize) -> usize {
        channels(self.width, halvings + 1)
    }

    /// Groups of the middle convolution of a block that is so wide inside: as many as there are whole ones.
    fn groups(&self, inside: usize) -> usize {
        let most = (inside / self.group.max(1)).max(1);
        (1..=most).rev().find(|n| inside.is_multiple_of(*n)).unwrap_or(1)
    }

    /// By what a block's first weights are smaller than He's: so many blocks of three convolutions, the last of them zero.
    fn fixed_up(&self, grids: usize) -> f64 {
        ((grids * self.blocks) as f64).powf(-0.25)
    }
}

const LEAKY: Activation = Activation::LeakyRelu(0.2);

/// He's gain for a leaky ReLU of slope 0.2: sqrt(2 / (1 + 0.2^2)), beside the sqrt 2 that [`Weights::He`] has by itself.
const GAIN: f64 = 0.980_580_675_690_92;

/// A convolution of one pixel between colours or sizes, of linear gain.
fn pixel(channels: [usize; 2], init: &Init) -> Conv2d {
    // He's spread is for what a ReLU halves; here nothing is cut.
    let weights = Weights::He(std::f64::consts::FRAC_1_SQRT_2);
    Conv2d::of(channels).kernel(1).weights(weights).init(init)
}

/// x + narrow(leaky(around(leaky(widen(x))))).
#[derive(Module, Debug)]
struct Block {
    widen: Conv2d,
    around: Conv2d,
    narrow: Conv2d,
}

impl Block {
    fn new(s: &Sizes, width: usize, gain: f64, init: &Init) -> Self {
        let inside = width * s.expansion;
        Block {
            widen: Conv2d::of([width, inside])
                .kernel(1)
                .weights(Weights::He(GAIN * gain))
                .bias()
                .init(&init.at("widen")),
            around: Conv2d::of([inside, inside])
                .padding(1)
                .groups(s.groups(inside))
                .weights(Weights::He(GAIN * gain))
                .bias()
                .init(&init.at("around")),
            narrow: Conv2d::of([inside, width])
                .kernel(1)
                .weights(Weights::Zero)
                .init(&init.at("narrow")),
        }
    }

    fn dual(&self, x: Dual<4>) -> Dual<4> {
        let h = self.around.dual(self.widen.dual(x.clone(), LEAKY), LEAKY);
        x.plus(self.narrow.dual(h, Activation::Identity))
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.dual(x.into()).value
    }
}

/// The blocks of one size, and the change of channels behind (of a discriminator) or before them, where there is one.
#[derive(Module, Debug)]
struct Stage {
    blocks: Vec<Block>,
    change: Option<Conv2d>,
}

impl Stage {
    fn new(s: &Sizes, width: usize, gain: f64, change: [usize; 2], init: &Init) -> Self {
        let block = |i: usize| Block::new(s, width, gain, &init.at("block").nth(i));
        Stage {
            blocks: (0..s.blocks).map(block).collect(),
            change: (change[0] != change[1]).then(|| pixel(change, &init.at("change"))),
        }
    }
}

/// Latent -> weights of a learned smallest grid -> stages -> image.
#[derive(Module, Debug)]
pub struct Generator {
    project: Linear,
    basis: Param<Tensor<4>>,
    stages: Vec<Stage>,
    colours: Conv2d,
    #[module(skip)]
    sizes: Vec<[usize; 2]>,
}

impl Generator {
    pub(super) fn new(s: &Sizes, [h, w, colours]: [usize; 3], told: Told, init: &Init) -> Self {
        let mut sizes = sizes([h, w]);
        sizes.reverse();
        let (n, gain) = (sizes.len(), s.fixed_up(sizes.len()));
        let at = |i: usize| s.at(n - 1 - i);
        let stage = |i: usize| {
            let before = at(i.saturating_sub(1));
            Stage::new(s, at(i), gain, [before, at(i)], &init.at("stage").nth(i))
        };
        let [h, w] = sizes[0];
        Generator {
            project: Linear::of([s.latent + told.joined + told.norms, at(0)])
                .weights(Weights::He(std::f64::consts::FRAC_1_SQRT_2))
                .no_bias()
                .init(&init.at("project")),
            basis: Weights::Normal(1.0).draw([1, h, w, at(0)], [1, 1], &init.at("basis")),
            stages: (0..n).map(stage).collect(),
            colours: pixel([at(n - 1), colours], &init.at("colours")),
            sizes,
        }
    }

    pub(super) fn first(&self) -> &Linear {
        &self.project
    }

    /// See [`super::GeneratorNetwork::forward`].
    pub fn forward(&self, z: Tensor<2>, told: Option<&Tensor<2>>) -> Tensor<4> {
        let z = match told {
            Some(t) => Tensor::cat(vec![z, t.clone()], 1),
            None => z,
        };
        let weights = self.project.forward(z, Activation::Identity);
        let [batch, width] = weights.dims();
        let x = self.basis.val() * weights.reshape([batch, 1, 1, width]);
        let x = self.stages.iter().enumerate().fold(x, |x, (i, stage)| {
            // A convolution of one pixel commutes with the interpolation, and is cheaper before it.
            let x = match &stage.change {
                Some(change) => change.forward(x, Activation::Identity),
                None => x,
            };
            let x = if i == 0 {
                x
            } else {
                resize_bilinear(x, self.sizes[i], false)
            };
            stage.blocks.iter().fold(x, |x, block| block.forward(x))
        });
        self.colours.forward(x, Activation::Identity)
    }
}

/// Image -> stages -> the smallest grid, each channel of it weighed by a grid of its own -> features.
#[derive(Module, Debug)]
pub struct Trunk {
    colours: Conv2d,
    stages: Vec<Stage>,
    basis: Param<Tensor<4>>,
}

impl Trunk {
    pub(super) fn new(s: &Sizes, [h, w, colours]: [usize; 3], init: &Init) -> Self {
        let sizes = sizes([h, w]);
        let (n, gain) = (sizes.len(), s.fixed_up(sizes.len()));
        let stage = |i: usize| {
            let behind = s.at((i + 1).min(n - 1));
            Stage::new(s, s.at(i), gain, [s.at(i), behind], &init.at("stage").nth(i))
        };
        let ([h, w], last) = (sizes[n - 1], s.at(n - 1));
        Trunk {
            colours: pixel([colours, s.at(0)], &init.at("colours")),
            stages: (0..n).map(stage).collect(),
            basis: Weights::He(std::f64::consts::FRAC_1_SQRT_2).draw(
                [1, h, w, last],
                [h * w, 1],
                &init.at("basis"),
            ),
        }
    }

    /// See [`super::TrunkNetwork::layers`].
    pub fn layers(&self, x: Dual<4>) -> (Vec<Dual<4>>, Dual<2>) {
        let (mut seen, n) = (Vec::new(), self.stages.len());
        let x = self.colours.dual(x, Activation::Identity);
        let x = self.stages.iter().enumerate().fold(x, |x, (i, stage)| {
            let x = stage.blocks.iter().fold(x, |x, block| block.dual(x));
            seen.push(x.clone());
            let x = match i + 1 {
                i if i == n => x,
                // Halving by interpolation between pixels is their mean.
                _ => x.linear(|t| avg_pool2d(t, [2, 2], [2, 2], [0, 0])),
            };
            match &stage.change {
                Some(change) => change.dual(x, Activation::Identity),
                None => x,
            }
        });
        let basis: Dual<4> = self.basis.val().into();
        let weighed = x.times(basis);
        let features = weighed.linear(|t| {
            let [batch, _, _, width] = t.dims();
            t.sum_dim(1).sum_dim(2).reshape([batch, width])
        });
        (seen, features)
    }

    /// See [`super::TrunkNetwork::features`].
    pub fn features(&self) -> usize {
        self.basis.dims()[3]
    }

    pub(super) fn head(&self, outputs: usize, init: &Init) -> Linear {
        let of = Linear::of([self.features(), outputs]);
        of.weights(Weights::He(std::f64::consts::FRAC_1_SQRT_2))
            .init(&init.at("score"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};
    use menagerie_data::Key;
    use menagerie_kernels::noise;
    use menagerie_nn::numbers;

    fn init(seed: u64) -> Init {
        Init::new(Key::new(seed), &Device::flex())
    }

    #[test]
    fn any_size_with_and_without_what_is_told() {
        let s = Sizes {
            latent: 5,
            width: 3,
            blocks: 1,
            ..Sizes::default()
        };
        for ((h, w, c), classes) in [
            ((8, 8, 1), 0),
            ((28, 28, 1), 4),
            ((21, 34, 3), 2),
            ((32, 16, 4), 0),
        ] {
            let told = Told {
                joined: classes,
                norms: 0,
            };
            let g = Generator::new(&s, [h, w, c], told, &init(1));
            let d = Trunk::new(&s, [h, w, c], &init(2));
            let z = noise::normal(Key::new(3).words(), [2, 5], &Device::flex());
            let told = (classes > 0).then(|| Tensor::ones([2, classes], &Device::flex()));
            let x = g.forward(z, told.as_ref());
            assert_eq!(x.dims(), [2, h, w, c]);
            assert_eq!(d.layers(x.into()).1.value.dims(), [2, d.features()]);
        }
    }

    /// Blocks begin as nothing: the score of a fresh discriminator at 8x8 is what convolutions of one pixel and the basis make of the
    /// means of two by two pixels, summed by hand in f64.
    #[test]
    fn a_fresh_network_has_no_blocks() {
        let s = Sizes {
            width: 4,
            ..Sizes::default()
        };
        let d = Trunk::new(&s, [8, 8, 1], &init(2));
        let x: Tensor<4> = noise::normal(Key::new(4).words(), [1, 8, 8, 1], &Device::flex());
        let found = numbers(d.layers(x.clone().into()).1.value);
        let of = |t: Tensor<4>| -> Vec<f64> { numbers(t).into_iter().map(f64::from).collect() };
        let change = d.stages[0].change.as_ref().expect("channels double");
        let (x, colours, change, basis) = (
            of(x),
            of(d.colours.weight.val()),
            of(change.weight.val()),
            of(d.basis.val()),
        );
        for (out, found) in found.iter().enumerate() {
            let weight: f64 = (0..4).map(|i| colours[i] * change[i * 8 + out]).sum();
            let sum: f64 = (0..16)
                .map(|p| {
                    let at = (p / 4) * 16 + (p % 4) * 2;
                    let mean = (x[at] + x[at + 1] + x[at + 8] + x[at + 9]) / 4.0;
                    mean * weight * basis[p * 8 + out]
                })
                .sum();
            assert!((sum - f64::from(*found)).abs() < 1e-5, "{sum} {found}");
        }
    }

    /// A block with weights that are not zero, against the sums written out: channels see their own group alone.
    #[test]
    fn a_block_looks_around_in_groups() {
        let s = Sizes {
            width: 4,
            group: 4,
            ..Sizes::default()
        };
        let mut block = Block::new(&s, 4, 1.0, &init(5));
        let drawn = |shape: [usize; 4], seed| noise::normal(Key::new(seed).words(), shape, &Device::flex());
        block.narrow.weight = Param::from_tensor(drawn([1, 1, 8, 4], 6));
        let x = drawn([1, 3, 3, 4], 7);
        let found = numbers(block.forward(x.clone()));
        let of = |t: Tensor<4>| -> Vec<f64> { numbers(t).into_iter().map(f64::from).collect() };
        let leaky = |v: f64| if v < 0.0 { 0.2 * v } else { v };
        let (x, widen, around, narrow) = (
            of(x),
            of(block.widen.weight.val()),
            of(block.around.weight.val()),
            of(block.narrow.weight.val()),
        );
        let wide = |p: usize, c: usize| leaky((0..4).map(|i| x[p * 4 + i] * widen[i * 8 + c]).sum::<f64>());
        let middle = |p: usize, c: usize| {
            let mut sum = 0.0;
            for k in 0..9 {
                let (i, j) = ((p / 3 + k / 3) as i64 - 1, (p % 3 + k % 3) as i64 - 1);
                if (0..3).contains(&i) && (0..3).contains(&j) {
                    let from = (i * 3 + j) as usize;
                    sum += (0..4)
                        .map(|n| wide(from, c / 4 * 4 + n) * around[(k * 4 + n) * 8 + c])
                        .sum::<f64>();
                }
            }
            leaky(sum)
        };
        for (i, found) in found.iter().enumerate() {
            let (p, c) = (i / 4, i % 4);
            let sum = x[i] + (0..8).map(|n| middle(p, n) * narrow[n * 4 + c]).sum::<f64>();
            assert!((sum - f64::from(*found)).abs() < 1e-4, "{sum} {found}");
        }
    }

    /// The derivative that a penalty carries is the slope along the direction, in f32 to what a difference can show.
    #[test]
    fn directions_are_carried_through() {
        let s = Sizes {
            width: 4,
            ..Sizes::default()
        };
        let mut d = Trunk::new(&s, [8, 8, 1], &init(2));
        for (i, stage) in d.stages.iter_mut().enumerate() {
            for block in &mut stage.blocks {
                let shape = block.narrow.weight.dims();
                let drawn = noise::normal(Key::new(20 + i as u64).words(), shape, &Device::flex()) * 0.2;
                block.narrow.weight = Param::from_tensor(drawn);
            }
        }
        let at = |t: Tensor<4>| numbers(d.layers(t.into()).1.value);
        let x: Tensor<4> = noise::normal(Key::new(8).words(), [1, 8, 8, 1], &Device::flex());
        let mut one = vec![0.0; 64];
        one[27] = 1.0;
        let v = Tensor::from_data(TensorData::new(one, [1, 8, 8, 1]), &Device::flex());
        let carried = d.layers(Dual::along(x.clone(), v.clone(), false)).1;
        let carried = numbers(carried.tangent.expect("is carried"));
        let h = 1e-2;
        let (up, down) = (at(x.clone() + v.clone() * h), at(x - v * h));
        for ((u, l), c) in up.iter().zip(&down).zip(&carried) {
            let slope = (u - l) / (2.0 * h);
            assert!((slope - c).abs() < 2e-2 * c.abs().max(1.0), "{slope} {c}");
        }
    }
}
