//! Networks that grow (Karras et al. 2018, arXiv:1710.10196, section 2 and table 2): both begin with the smallest grid, and every
//! further size is faded in. Images keep the data's size throughout; what is finer than the present grid is not there yet.
use super::Told;
use burn::module::{Module, RunningState};
use burn::tensor::Tensor;
use menagerie_kernels::{avg_pool2d, resize_nearest};
use menagerie_nn::pyramid::{channels, sizes};
use menagerie_nn::{
    Activation, Conv2d, Dual, Init, Linear, activation, minibatch_deviation, numbers, pixel_norm,
};
use serde::{Deserialize, Serialize};

/// `[model]`: the networks' sizes, and how they grow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// dimensions of a latent (paper: 512)
    pub latent: usize,
    /// channels at the image's size; they double with every halving, up to eight times as many
    pub width: usize,
    /// steps in which a size is faded in, and in which it is then trained as it is (paper: 800,000 images each)
    pub phase: u64,
    /// decay of the generator's moving average; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            latent: 128,
            width: 16,
            phase: 500,
            average: 0.999,
        }
    }
}

const LEAKY: Activation = Activation::LeakyRelu(0.2);
const GAIN: f64 = std::f64::consts::SQRT_2;

impl Sizes {
    /// How far networks with so many halvings have grown after so many updates: the whole part is the grid, counted from the
    /// smallest, the rest how far the next is faded in.
    pub fn grown(&self, updates: u64, halvings: usize) -> f64 {
        let phase = self.phase.max(1);
        let (turn, within) = (updates / phase, (updates % phase) as f64 / phase as f64);
        let grown = match turn % 2 {
            0 => turn as f64 / 2.0,
            _ => (turn / 2) as f64 + within,
        };
        grown.min(halvings as f64)
    }
}

/// How far a network has grown: a buffer, so that it comes and goes with the weights.
#[derive(Module, Debug)]
struct Grown {
    to: RunningState<Tensor<1>>,
}

impl Grown {
    fn new(init: &Init) -> Self {
        Grown {
            to: RunningState::new(Tensor::zeros([1], &init.plain_device())),
        }
    }

    fn set(&self, grown: f64) {
        let device = self.to.value_sync().device();
        self.to.update(Tensor::from_floats([grown as f32], &device));
        self.to.value_sync();
    }

    /// The grid, and how far the next one is faded in.
    fn at(&self) -> (usize, f64) {
        let grown = numbers(self.to.value_sync())[0].max(0.0) as f64;
        (grown as usize, grown.fract())
    }
}

fn conv(channels: [usize; 2], init: &Init) -> Conv2d {
    Conv2d::of(channels).padding(1).bias().equalized(GAIN).init(init)
}

fn one_pixel(channels: [usize; 2], gain: f64, init: &Init) -> Conv2d {
    Conv2d::of(channels).kernel(1).bias().equalized(gain).init(init)
}

fn halved(mut x: Dual<4>, times: usize) -> Dual<4> {
    for _ in 0..times {
        x = x.linear(|t| avg_pool2d(t, [2, 2], [2, 2], [0, 0]));
    }
    x
}

/// (1 - t) a + t b
fn blend(a: Dual<4>, b: Dual<4>, t: f64) -> Dual<4> {
    a.scale(1.0 - t).plus(b.scale(t))
}

/// Latent -> smallest grid -> as many blocks as have grown -> image.
#[derive(Module, Debug)]
pub struct Generator {
    first: Linear,
    convs: Vec<Conv2d>,
    colours: Vec<Conv2d>,
    grown: Grown,
    #[module(skip)]
    sizes: Vec<[usize; 2]>,
    phase: u64,
}

impl Generator {
    pub(super) fn new(s: &Sizes, [h, w, colours]: [usize; 3], told: Told, init: &Init) -> Self {
        let mut sizes = sizes([h, w]);
        sizes.reverse();
        let halvings = sizes.len() - 1;
        let at = |i: usize| channels(s.width, halvings - i + 1);
        let [h, w] = sizes[0];
        let mut convs = vec![conv([at(0), at(0)], &init.at("conv"))];
        for i in 1..sizes.len() {
            let block = init.at("block").nth(i);
            convs.push(conv([at(i - 1), at(i)], &block.at("first")));
            convs.push(conv([at(i), at(i)], &block.at("second")));
        }
        Generator {
            // A quarter of the gain, as the authors' code has it.
            first: Linear::of([s.latent + told.joined + told.norms, h * w * at(0)])
                .equalized(GAIN / 4.0, 1.0)
                .init(&init.at("first")),
            convs,
            colours: (0..=halvings)
                .map(|i| one_pixel([at(i), colours], 1.0, &init.at("colours").nth(i)))
                .collect(),
            grown: Grown::new(init),
            sizes,
            phase: s.phase,
        }
    }

    /// Takes up how far it has grown after so many updates.
    pub fn grow(&self, updates: u64) {
        let schedule = Sizes {
            phase: self.phase,
            ..Sizes::default()
        };
        self.grown.set(schedule.grown(updates, self.sizes.len() - 1));
    }

    pub(super) fn first(&self) -> &Linear {
        &self.first
    }

    /// See [`super::GeneratorNetwork::forward`].
    pub fn forward(&self, z: Tensor<2>, told: Option<&Tensor<2>>) -> Tensor<4> {
        let batch = z.dims()[0];
        let z = match told {
            Some(t) => Tensor::cat(vec![z, t.clone()], 1),
            None => z,
        };
        let [h, w] = self.sizes[0];
        let x = self.first.forward(pixel_norm(z), Activation::Identity);
        let width = x.dims()[1] / (h * w);
        let x = pixel_norm(activation(x.reshape([batch, h, w, width]), LEAKY));
        let layer = |i: usize, x: Tensor<4>| pixel_norm(self.convs[i].forward(x, LEAKY));
        let (grid, fading) = self.grown.at();
        let grid = grid.min(self.sizes.len() - 1);
        let mut x = layer(0, x);
        for i in 1..=grid {
            x = layer(2 * i, layer(2 * i - 1, resize_nearest(x, self.sizes[i])));
        }
        let colour = |i: usize, x: Tensor<4>| self.colours[i].forward(x, Activation::Identity);
        let mut picture = colour(grid, x.clone());
        if fading > 0.0 && grid + 1 < self.sizes.len() {
            let next = self.sizes[grid + 1];
            let x = layer(2 * grid + 2, layer(2 * grid + 1, resize_nearest(x, next)));
            picture = resize_nearest(picture, next) * (1.0 - fading) + colour(grid + 1, x) * fading;
        }
        resize_nearest(picture, self.sizes[self.sizes.len() - 1])
    }

    /// Items at the grid that has grown so far, at the data's size: what data look like at present (section 2).
    pub fn shown(&self, items: Tensor<4>) -> Tensor<4> {
        let (grid, fading) = self.grown.at();
        let last = self.sizes.len() - 1;
        if grid >= last {
            return items;
        }
        let coarse = |to: usize| halved(items.clone().into(), last - to).value;
        let fine = self.sizes[last];
        let image = resize_nearest(coarse(grid), fine);
        match fading > 0.0 {
            true => image * (1.0 - fading) + resize_nearest(coarse(grid + 1), fine) * fading,
            false => image,
        }
    }
}

/// Image -> as many blocks as have grown -> how much the items of a group differ -> features.
#[derive(Module, Debug)]
pub struct Trunk {
    colours: Vec<Conv2d>,
    convs: Vec<Conv2d>,
    last: Conv2d,
    features: Linear,
    grown: Grown,
    halvings: usize,
    phase: u64,
}

impl Trunk {
    pub(super) fn new(s: &Sizes, [h, w, colours]: [usize; 3], init: &Init) -> Self {
        let sizes = sizes([h, w]);
        let halvings = sizes.len() - 1;
        // By grids, from the smallest.
        let at = |i: usize| channels(s.width, halvings - i + 1);
        let ([h, w], top) = (sizes[halvings], at(0));
        let mut convs = Vec::new();
        for i in 1..=halvings {
            let block = init.at("block").nth(i);
            convs.push(conv([at(i), at(i)], &block.at("first")));
            convs.push(conv([at(i), at(i - 1)], &block.at("second")));
        }
        Trunk {
            colours: (0..=halvings)
                .map(|i| one_pixel([colours, at(i)], GAIN, &init.at("colours").nth(i)))
                .collect(),
            convs,
            last: conv([top + 1, top], &init.at("last")),
            features: Linear::of([h * w * top, top])
                .equalized(GAIN, 1.0)
                .init(&init.at("features")),
            grown: Grown::new(init),
            halvings,
            phase: s.phase,
        }
    }

    /// Takes up how far it has grown after so many updates.
    pub fn grow(&self, updates: u64) {
        let schedule = Sizes {
            phase: self.phase,
            ..Sizes::default()
        };
        self.grown.set(schedule.grown(updates, self.halvings));
    }

    /// See [`super::TrunkNetwork::layers`].
    pub fn layers(&self, image: Dual<4>) -> (Vec<Dual<4>>, Dual<2>) {
        let mut seen = Vec::new();
        let (grid, fading) = self.grown.at();
        let grid = grid.min(self.halvings);
        let from = |i: usize| self.colours[i].dual(halved(image.clone(), self.halvings - i), LEAKY);
        let block = |i: usize, x: Dual<4>| {
            let x = self.convs[2 * i - 1].dual(self.convs[2 * i - 2].dual(x, LEAKY), LEAKY);
            halved(x, 1)
        };
        let mut x = from(grid);
        if fading > 0.0 && grid < self.halvings {
            x = blend(x, block(grid + 1, from(grid + 1)), fading);
        }
        seen.push(x.clone());
        for i in (1..=grid).rev() {
            x = block(i, x);
            seen.push(x.clone());
        }
        // What follows depends on the other items of the batch, and is no feature of one.
        let x = self.last.dual(minibatch_deviation(x), LEAKY);
        (
            seen,
            self.features.dual(x.linear(|t| t.flatten::<2>(1, 3)), LEAKY),
        )
    }

    /// See [`super::TrunkNetwork::features`].
    pub fn features(&self) -> usize {
        self.features.weight.dims()[1]
    }

    pub(super) fn head(&self, outputs: usize, init: &Init) -> Linear {
        let of = Linear::of([self.features(), outputs]).equalized(1.0, 1.0);
        of.init(&init.at("score"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use menagerie_data::Key;
    use menagerie_kernels::noise;

    #[test]
    fn sizes_are_faded_in_one_after_the_other() {
        let s = Sizes {
            phase: 10,
            ..Sizes::default()
        };
        let at = [0, 9, 10, 15, 20, 29, 30, 35, 40, 1000].map(|u| s.grown(u, 2));
        assert_eq!(at, [0.0, 0.0, 0.0, 0.5, 1.0, 1.0, 1.0, 1.5, 2.0, 2.0]);
    }

    fn tiny([h, w, c]: [usize; 3]) -> (Generator, Trunk) {
        let s = Sizes {
            latent: 5,
            width: 2,
            phase: 10,
            ..Sizes::default()
        };
        let init = |seed| Init::new(Key::new(seed), &Device::flex());
        let g = Generator::new(&s, [h, w, c], Told::default(), &init(1));
        (g, Trunk::new(&s, [h, w, c], &init(2)))
    }

    #[test]
    fn any_size_at_any_age() {
        for shape @ [h, w, c] in [[8, 8, 1], [28, 28, 3], [21, 34, 2], [64, 32, 4]] {
            let (g, d) = tiny(shape);
            for updates in [0, 15, 25, 35, 1000] {
                g.grow(updates);
                d.grow(updates);
                let z = noise::normal(Key::new(3).words(), [4, 5], &Device::flex());
                let x = g.forward(z, None);
                assert_eq!(x.dims(), [4, h, w, c]);
                assert_eq!(d.layers(x.into()).1.value.dims(), [4, d.features()]);
            }
        }
    }

    /// A young generator's images, and data as they are shown to it, have no detail finer than its grid; nothing jumps when a
    /// size begins to fade in.
    #[test]
    fn detail_comes_with_age() {
        let (g, _) = tiny([16, 16, 1]);
        let z: Tensor<2> = noise::normal(Key::new(3).words(), [2, 5], &Device::flex());
        let image = |updates| {
            g.grow(updates);
            g.forward(z.clone(), None)
        };
        let flat = |x: &Tensor<4>, block: usize| {
            let small = avg_pool2d(x.clone(), [block; 2], [block; 2], [0, 0]);
            numbers((resize_nearest(small, [16, 16]) - x.clone()).abs().max())[0] < 1e-5
        };
        let (young, old) = (image(5), image(1000));
        assert!(flat(&young, 4) && !flat(&old, 2));
        let noise: Tensor<4> = noise::normal(Key::new(4).words(), [2, 16, 16, 1], &Device::flex());
        g.grow(5);
        assert!(flat(&g.shown(noise.clone()), 4));
        g.grow(1000);
        assert_eq!(numbers(g.shown(noise.clone())), numbers(noise));
        // A tenth of the fade is a tenth of the way.
        let part = image(11) - image(10);
        let whole = image(20) - image(10);
        let off = numbers((whole * 0.1 - part).abs().max())[0];
        assert!(off < 1e-4, "{off}");
    }
}
