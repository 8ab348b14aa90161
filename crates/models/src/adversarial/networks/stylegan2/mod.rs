//! StyleGAN2's networks (Karras et al. 2020, arXiv:1912.04958, figure 2d and section 4.1): a mapping network from latents to
//! styles, a generator of modulated convolutions whose pictures at each size are added up, a residual discriminator. One block
//! for each halving of the image, so any size has its network.
mod trunk;

pub use trunk::Trunk;

use super::Told;
use burn::module::{Module, Param, RunningState};
use burn::tensor::Tensor;
use menagerie_data::random::Key;
use menagerie_kernels::{noise, resize_bilinear};
use menagerie_nn::pyramid::{channels, sizes};
use menagerie_nn::{
    Activation, Dual, Init, Linear, ModulatedConv2d, Weights, collective, init, pad, pixel_norm,
};
use serde::{Deserialize, Serialize};

/// `[model]`: the networks' sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// dimensions of a latent, and of a style (paper: 512)
    pub latent: usize,
    /// channels at the image's size; they double with every halving, up to `most`
    pub width: usize,
    /// the most channels (authors' code: 512); 0 for eight times the width
    pub most: usize,
    /// layers of the mapping network (paper: 8)
    pub mapping: usize,
    /// share of the samples in training whose later layers take the style of another latent (section 3.1 of arXiv:1812.04948;
    /// paper: 0.9)
    pub mixing: f64,
    /// noise added to every layer, for detail that has no cause of its own, such as where each hair lies
    pub noise: bool,
    /// what lies beyond an image that is doubled: `nearest`, the pixels at its edge, or `zero`, as in the authors' code
    pub edges: Edges,
    /// shortcuts beside the discriminator's blocks; the authors leave them out for small images (`orig`, for CIFAR-10)
    pub residual: bool,
    /// the discriminator looks at the image at every size; the authors have this (`skip`) or shortcuts
    pub every_size: bool,
    /// decay of the generator's moving average; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            latent: 128,
            width: 32,
            most: 0,
            mapping: 4,
            mixing: 0.9,
            noise: true,
            edges: Edges::Nearest,
            residual: true,
            every_size: false,
            average: 0.999,
        }
    }
}

/// What lies beyond an image that is doubled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Edges {
    /// the pixels at its edge, again and again
    #[default]
    Nearest,
    /// zeros
    Zero,
}

impl Sizes {
    /// Channels at the n-th halving of the image, 0 being its own size.
    fn channels(&self, halvings: usize) -> usize {
        match self.most {
            0 => channels(self.width, halvings + 1),
            most => self.width.saturating_mul(1 << halvings.min(32)).min(most),
        }
    }
}

/// An image in twice its size, by the binomial filter that bilinear interpolation is, with `margin` pixels on each side of what
/// the filter makes beyond its edges.
fn doubled(x: Tensor<4>, size: [usize; 2], edges: Edges, margin: usize) -> Tensor<4> {
    let [_, h, w, _] = x.dims();
    if edges == Edges::Nearest || size != [2 * h, 2 * w] {
        return resize_bilinear(x, size, false);
    }
    let x = resize_bilinear(pad::zeros(x, [1; 4]), [2 * h + 4, 2 * w + 4], false);
    pad::cut(x, [2 - margin; 4])
}

/// Every activation is a leaky ReLU whose outputs are multiplied by sqrt 2, which layers do to their inputs instead.
const LEAKY: Activation = Activation::LeakyRelu(0.2);
const GAIN: f64 = std::f64::consts::SQRT_2;
/// The mapping network learns a hundredth as fast (arXiv:1812.04948, appendix C).
const MAPPING_RATE: f64 = 0.01;
/// Decay of the mean of all styles, towards which truncation goes (appendix B).
const CENTRE_DECAY: f64 = 0.995;

/// Noise of a layer.
#[derive(Module, Debug)]
struct Noise {
    /// how much is added
    strength: Param<Tensor<1>>,
    /// `[1, height, width, 1]`: that of samples that are drawn after training
    fixed_noise: Param<Tensor<4>>,
}

impl Noise {
    fn new([h, w]: [usize; 2], init: &Init) -> Self {
        let fixed = noise::normal(init.key().words(), [1, h, w, 1], init.device());
        Noise {
            strength: init::zeros([1], init.device()),
            fixed_noise: Param::from_tensor(fixed).set_require_grad(false),
        }
    }

    /// For images `[batch, height, width, _]`; with a key, drawn anew.
    fn draw(&self, [batch, h, w]: [usize; 3], key: Option<Key>) -> Tensor<4> {
        let strength = self.strength.val().reshape([1, 1, 1, 1]);
        let drawn = match key {
            Some(key) => noise::normal(key.words(), [batch, h, w, 1], &strength.device()),
            None => self.fixed_noise.val(),
        };
        drawn * strength
    }
}

/// A modulated convolution, noise, bias, activation.
#[derive(Module, Debug)]
struct StyledConv {
    conv: ModulatedConv2d,
    noise: Option<Noise>,
    bias: Param<Tensor<1>>,

    #[module(skip)]
    size: [usize; 2],
    #[module(skip)]
    edges: Edges,
}

impl StyledConv {
    fn new(channels: [usize; 2], s: &Sizes, size: [usize; 2], init: &Init) -> Self {
        StyledConv {
            conv: ModulatedConv2d::new(channels, 3, s.latent, true, GAIN, init),
            noise: s.noise.then(|| Noise::new(size, &init.at("noise"))),
            bias: init::zeros([channels[1]], init.device()),
            size,
            edges: s.edges,
        }
    }

    fn forward(&self, x: Dual<4>, style: Dual<2>, key: Option<Key>) -> Dual<4> {
        // Bilinear interpolation is what zeros between the pixels and the binomial filter give.
        let x = match x.value.dims() {
            [_, h, w, _] if [h, w] == self.size => x,
            // The convolution sees one pixel beyond the image.
            _ => x.linear(|t| doubled(t, self.size, self.edges, 1)),
        };
        let [_, h, w, _] = x.value.dims();
        let y = self.conv.forward(x, style);
        let y = match [h, w] == self.size {
            true => y,
            false => y.linear(|t| pad::cut(t, [1; 4])),
        };

        let [batch, h, w, channels] = y.value.dims();
        let bias = self.bias.val().reshape([1, 1, 1, channels]);
        let added = match &self.noise {
            Some(noise) => noise.draw([batch, h, w], key) + bias,
            None => bias,
        } * GAIN;
        let value = y.value.clone() + added;
        y.with(value, y.tangent.clone()).activation(LEAKY)
    }
}

/// A picture from a layer: a modulated convolution of one pixel, which nothing normalizes.
#[derive(Module, Debug)]
struct ToColours {
    conv: ModulatedConv2d,
    bias: Param<Tensor<1>>,
}

impl ToColours {
    fn new(channels: [usize; 2], style: usize, init: &Init) -> Self {
        ToColours {
            conv: ModulatedConv2d::new(channels, 1, style, false, 1.0, init),
            bias: init::zeros([channels[1]], init.device()),
        }
    }

    fn forward(&self, x: Dual<4>, style: Dual<2>) -> Dual<4> {
        let y = self.conv.forward(x, style);
        let colours = self.bias.dims()[0];
        let value = y.value.clone() + self.bias.val().reshape([1, 1, 1, colours]);
        y.with(value, y.tangent.clone())
    }
}

/// So many layers that learn slowly, the first of which takes `inputs` numbers.
pub(super) fn mapping(inputs: usize, units: usize, layers: usize, init: &Init) -> Vec<Linear> {
    let layer = |i: usize| {
        let of = Linear::of([if i == 0 { inputs } else { units }, units]).equalized(GAIN, MAPPING_RATE);
        of.init(&init.at("mapping").nth(i))
    };
    (0..layers).map(layer).collect()
}

/// What such layers make of `[batch, inputs]`.
pub(super) fn mapped(layers: &[Linear], x: Tensor<2>) -> Tensor<2> {
    layers.iter().fold(x, |x, layer| layer.forward(x, LEAKY))
}

/// Latent -> style -> image.
#[derive(Module, Debug)]
pub struct Generator {
    told: Option<Linear>,
    mapping: Vec<Linear>,
    constant: Param<Tensor<4>>,
    layers: Vec<StyledConv>,
    colours: Vec<ToColours>,
    /// the mean of all styles, `[style]`
    centre: RunningState<Tensor<1>>,
    #[module(skip)]
    sizes: Vec<[usize; 2]>,
    #[module(skip)]
    edges: Edges,
    mixing: f64,
    latent: usize,
}

impl Generator {
    pub(crate) fn new(s: &Sizes, [h, w, colours]: [usize; 3], told: Told, init: &Init) -> Self {
        let mut sizes = sizes([h, w]);
        sizes.reverse();
        let halvings = sizes.len() - 1;
        let at = |i: usize| s.channels(halvings - i);
        let (style, told) = (s.latent, told.joined + told.norms);
        let mut layers = vec![StyledConv::new([at(0), at(0)], s, sizes[0], &init.at("layer"))];
        for (i, size) in sizes.iter().enumerate().skip(1) {
            let layer = init.at("layer").nth(i);
            layers.push(StyledConv::new([at(i - 1), at(i)], s, *size, &layer.at("up")));
            layers.push(StyledConv::new([at(i), at(i)], s, *size, &layer.at("same")));
        }
        let [h, w] = sizes[0];
        Generator {
            told: (told > 0).then(|| {
                Linear::of([told, style])
                    .equalized(1.0, 1.0)
                    .init(&init.at("told"))
            }),
            mapping: mapping(if told > 0 { 2 * style } else { style }, style, s.mapping, init),
            constant: Weights::Normal(1.0).draw([1, h, w, at(0)], [1, 1], &init.at("constant")),
            layers,
            colours: (0..=halvings)
                .map(|i| ToColours::new([at(i), colours], style, &init.at("colours").nth(i)))
                .collect(),
            centre: RunningState::new(Tensor::zeros([style], &init.plain_device())),
            sizes,
            edges: s.edges,
            mixing: s.mixing,
            latent: style,
        }
    }

    /// Layers that take a style of their own: every convolution, and the last picture.
    pub fn places(&self) -> usize {
        self.layers.len() + 1
    }

    /// Numbers of a style.
    pub fn style(&self) -> usize {
        self.latent
    }

    /// Latents `[batch, latent]`, and what is told beside them -> styles `[batch, style]`.
    pub fn style_of(&self, z: Tensor<2>, told: Option<&Tensor<2>>) -> Tensor<2> {
        let z = pixel_norm(z);
        let z = match (&self.told, told) {
            (Some(layer), Some(t)) => {
                let t = layer.forward(t.clone(), Activation::Identity);
                Tensor::cat(vec![z, pixel_norm(t)], 1)
            }
            _ => z,
        };
        mapped(&self.mapping, z)
    }

    /// The mean of all styles, `[style]`.
    pub fn centre(&self) -> Tensor<1> {
        self.centre.value_sync()
    }

    /// The weights by which all places read a style, `[style, outputs]`.
    pub fn style_weights(&self) -> Tensor<2> {
        let convs = self.layers.iter().map(|l| &l.conv);
        let convs = convs.chain(self.colours.iter().map(|c| &c.conv));
        Tensor::cat(convs.map(|c| c.style.weight.val()).collect(), 1)
    }

    /// Styles, one for each of the [`places`](Self::places), each `[batch, style]` -> images; with a key, the noise is drawn
    /// anew.
    pub fn synthesize(&self, styles: &[Dual<2>], key: Option<Key>) -> Dual<4> {
        let batch = styles[0].value.dims()[0];
        let [_, h, w, c] = self.constant.dims();
        let x = styles[0].with(self.constant.val().expand([batch, h, w, c]), None);
        let noise = |layer: usize| key.map(|k| k.step(layer as u64));
        let mut x = self.layers[0].forward(x, styles[0].clone(), noise(0));
        let mut picture = self.colours[0].forward(x.clone(), styles[1].clone());
        for i in 1..self.sizes.len() {
            for layer in [2 * i - 1, 2 * i] {
                x = self.layers[layer].forward(x, styles[layer].clone(), noise(layer));
            }
            let up = picture.linear(|t| doubled(t, self.sizes[i], self.edges, 0));
            picture = up.plus(self.colours[i].forward(x.clone(), styles[2 * i + 1].clone()));
        }
        picture
    }

    /// The styles of a training step, one for each place: of some items the later ones are another latent's.
    pub fn styles(&self, z: Tensor<2>, told: Option<&Tensor<2>>, key: Key) -> Vec<Tensor<2>> {
        let [batch, latent] = z.dims();
        let device = z.device();
        let w = self.style_of(z, told);
        self.follow(&w);
        if self.mixing == 0.0 {
            return vec![w; self.places()];
        }
        let other = noise::normal(key.stream("other latents").words(), [batch, latent], &device);
        let other = self.style_of(other, told);
        // The first place that takes the other's style; beyond the last where an item is not mixed.
        let crossing = |i: usize| {
            let mut draw = key.stream("crossings").step(i as u64).rng();
            let mixed = draw.uniform() < self.mixing;
            let place = 1 + (draw.uniform() * (self.places() - 1) as f64) as usize;
            if mixed { place } else { self.places() }
        };
        let crossings: Vec<usize> = (0..batch).map(crossing).collect();
        let at = |place: usize| {
            let own: Vec<f32> = crossings.iter().map(|c| f32::from(place < *c)).collect();
            let own = Tensor::<1>::from_floats(&own[..], &device).reshape([batch, 1]);
            w.clone() * own.clone() + other.clone() * (own * -1.0 + 1.0)
        };
        (0..self.places()).map(at).collect()
    }

    /// The mean of all styles follows those of a batch.
    fn follow(&self, w: &Tensor<2>) {
        let w = if w.is_autodiff() {
            w.clone().inner()
        } else {
            w.clone()
        };
        let mean = collective::mean_tensor(w.mean_dim(0).reshape([self.latent]));
        let kept = self.centre.value_sync() * CENTRE_DECAY + mean * (1.0 - CENTRE_DECAY);
        self.centre.update(kept);
        self.centre.value_sync();
    }

    /// See [`super::GeneratorNetwork::forward`].
    pub fn forward(&self, z: Tensor<2>, told: Option<&Tensor<2>>) -> Tensor<4> {
        self.of_style(self.style_of(z, told))
    }

    /// Images of one style an item, with the noise that samples have.
    pub fn of_style(&self, w: Tensor<2>) -> Tensor<4> {
        self.synthesize(&vec![w.into(); self.places()], None).value
    }

    #[cfg(test)]
    pub(crate) fn weight_of_layer(&self) -> Tensor<4> {
        self.layers[1].conv.weight.val()
    }
    #[cfg(test)]
    pub(crate) fn weight_of_mapping(&self) -> Tensor<2> {
        self.mapping[0].weight.val()
    }
    #[cfg(test)]
    pub(crate) fn with_layer_moved(mut self, i: usize, by: f32) -> Self {
        self.layers[1].conv.weight = moved(self.layers[1].conv.weight.clone(), i, by);
        self
    }
    #[cfg(test)]
    pub(crate) fn with_mapping_moved(mut self, i: usize, by: f32) -> Self {
        self.mapping[0].weight = moved(self.mapping[0].weight.clone(), i, by);
        self
    }

    /// See [`super::GeneratorNetwork::in_training`].
    pub fn in_training(&self, z: Tensor<2>, told: Option<&Tensor<2>>, key: Key) -> Tensor<4> {
        let styles = self.styles(z, told, key.stream("styles"));
        let styles: Vec<Dual<2>> = styles.into_iter().map(Dual::from).collect();
        self.synthesize(&styles, Some(key.stream("noise"))).value
    }
}

/// A weight with one of its numbers moved.
#[cfg(test)]
fn moved<const D: usize>(weight: Param<Tensor<D>>, i: usize, by: f32) -> Param<Tensor<D>> {
    weight.map(|t| {
        let (dims, device) = (t.dims(), t.device());
        let mut values = menagerie_nn::numbers(t);
        values[i] += by;
        Tensor::from_data(burn::tensor::TensorData::new(values, dims), &device).require_grad()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use menagerie_nn::numbers;

    fn small() -> Sizes {
        Sizes {
            latent: 6,
            width: 2,
            ..Sizes::default()
        }
    }

    fn tiny(size: [usize; 3]) -> (Generator, Trunk) {
        let s = small();
        let init = |seed| Init::new(Key::new(seed), &Device::flex());
        (
            Generator::new(&s, size, Told::default(), &init(1)),
            Trunk::new(&s, size, &init(2)),
        )
    }

    #[test]
    fn any_size_and_any_number_of_channels() {
        for (h, w, c) in [(8, 8, 1), (28, 28, 1), (13, 21, 3), (17, 9, 2), (32, 64, 4)] {
            let (g, d) = tiny([h, w, c]);
            let z = noise::normal(Key::new(3).words(), [4, 6], &Device::flex());
            let x = g.forward(z, None);
            assert_eq!(x.dims(), [4, h, w, c]);
            assert_eq!(d.layers(x.clone().into()).1.value.dims(), [4, d.features()]);
            let s = Sizes {
                every_size: true,
                residual: false,
                ..small()
            };
            let d = Trunk::new(&s, [h, w, c], &Init::new(Key::new(2), &Device::flex()));
            assert_eq!(d.layers(x.into()).1.value.dims(), [4, d.features()]);
        }
    }

    /// What a path length is made of: the derivative of the image along a direction in styles, against differences.
    #[test]
    fn the_derivative_of_an_image_by_styles() {
        let (g, _) = tiny([8, 8, 3]);
        let device = Device::flex();
        let normal = |seed: u64| noise::normal::<2>(Key::new(seed).words(), [4, 6], &device);
        let (w, v) = (g.style_of(normal(1), None), normal(2));
        let at = |h: f64| numbers(g.of_style(w.clone() + v.clone() * h));
        let styles = vec![Dual::along(w.clone(), v.clone(), true); g.places()];
        let along = numbers(g.synthesize(&styles, None).tangent.unwrap());
        let norm = along.iter().map(|t| t * t).sum::<f32>().sqrt();
        let off = along.iter().zip(at(1e-3)).zip(at(-1e-3));
        let off = off
            .map(|((t, a), b)| (t - (a - b) / 2e-3).powi(2))
            .sum::<f32>()
            .sqrt();
        assert!(off < 0.02 * norm, "{off} of {norm}");
    }

    /// A later style changes what a place does, and an earlier one of the same places does not undo it.
    #[test]
    fn styles_are_mixed_item_by_item_from_a_place_on() {
        let (g, _) = tiny([16, 16, 1]);
        let z = noise::normal(Key::new(3).words(), [64, 6], &Device::flex());
        let own = numbers(g.style_of(z.clone(), None));
        let styles: Vec<Vec<f32>> = g.styles(z, None, Key::new(4)).into_iter().map(numbers).collect();
        assert_eq!(styles.len(), g.places());
        assert_eq!(styles[0], own, "the first place has the item's own");
        let same = |place: usize, i: usize| styles[place][i * 6..(i + 1) * 6] == own[i * 6..(i + 1) * 6];
        let crossed = |i: usize| (0..g.places()).find(|&p| !same(p, i));
        for i in 0..64 {
            let from = crossed(i).unwrap_or(g.places());
            assert!(
                (from..g.places()).all(|p| !same(p, i)),
                "once the other's, always the other's"
            );
        }
        let mixed = (0..64).filter(|&i| crossed(i).is_some()).count();
        assert!((50..64).contains(&mixed), "{mixed}");
        assert!(
            (0..64).any(|i| crossed(i) == Some(1)) && (0..64).any(|i| crossed(i) == Some(g.places() - 1))
        );
    }
}
