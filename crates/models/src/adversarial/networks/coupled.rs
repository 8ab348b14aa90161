//! The networks of CoGAN (Liu & Tuzel 2016, arXiv:1606.07536, section 3): a generator whose first layers, which decode what is
//! meant, are one for two domains, and whose last layers are each domain's own; a discriminator whose first layers are each
//! domain's own and whose last ones, which see what is meant, are one. The layers are those of DCGAN (`dcgan.rs`).
//!
//! An item is an image of each domain, the channels of one behind those of the other. No layer sees both images of an item: the
//! discriminator says of each by itself whether it is data, so it never learns which belong together.
use super::dcgan::Norm;
use burn::module::Module;
use burn::tensor::Tensor;

use menagerie_data::error::{Error, Result};
use menagerie_nn::pyramid::{channels, sizes};
use menagerie_nn::{
    Activation, BatchNorm, Conv2d, ConvTranspose2d, Dual, Init, ItemNorm, Linear, NormOver, Weights,
};
use serde::{Deserialize, Serialize};

/// `[model]`: the networks' sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// dimensions of a latent
    pub latent: usize,
    /// channels at half the image's size; they double with every halving, up to eight times as many
    pub width: usize,
    /// layers that each domain has for itself: the generator's last and the discriminator's first; all others are tied
    pub own: usize,
    /// the generator's tied layers and the discriminator's first are told which domain it is (Mao et al. 2017, arXiv:1707.01400);
    /// then there need be no layers of a domain's own
    pub told: bool,

    /// `batch`, `layer` or `none`: the discriminator's norms
    pub norm: Norm,
    /// decay of the generator's moving average; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            latent: 100,
            width: 64,
            own: 1,
            told: false,
            norm: Norm::Batch,
            average: 0.0,
        }
    }
}

/// Standard deviation of all first weights.
const STD: f64 = 0.02;
const LEAKY: Activation = Activation::LeakyRelu(0.2);

impl Sizes {
    /// Refuses more layers of a domain's own than there are at this size.
    pub(super) fn fits(&self, size: [usize; 2]) -> Result<()> {
        let layers = sizes(size).len() - 1;
        let least = usize::from(!self.told);
        if (least..=layers).contains(&self.own) {
            return Ok(());
        }

        let problem = format!(
            "{} layers of a domain's own of {layers} at {}x{}",
            self.own, size[0], size[1]
        );
        Err(Error::recipe(
            "model.own",
            problem,
            format!("give {least} to {layers}"),
        ))
    }
}

/// A layer that doubles the size.
#[derive(Module, Debug)]
struct Up {
    norm: BatchNorm,
    up: ConvTranspose2d,
}

/// From a latent to an image of each domain.
#[derive(Module, Debug)]
pub struct Generator {
    project: Linear,
    tied: Vec<Up>,
    first: Vec<Up>,
    second: Vec<Up>,
    #[module(skip)]
    sizes: Vec<[usize; 2]>,
    /// numbers by which layers are told the domain
    #[module(skip)]
    told: usize,
}

/// Latents, each once for either domain, `[2 batch, latent]`, and which it is, as a one among zeros, `[2 batch, 2]`.
fn of_both(z: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
    let [batch, latent] = z.dims();
    let none = z.clone().narrow(1, 0, 1).detach() * 0.0;
    let row = |i: usize| {
        let one = |at: usize| none.clone() + f64::from(u8::from(at == i));
        Tensor::cat(vec![one(0), one(1)], 1).reshape([batch, 1, 2])
    };
    let domains = Tensor::<3>::cat(vec![row(0), row(1)], 1).reshape([2 * batch, 2]);
    let z = z.reshape([batch, 1, latent]);
    let z = Tensor::<3>::cat(vec![z.clone(), z], 1).reshape([2 * batch, latent]);
    (z, domains)
}

/// Items of both domains in turn, `[2 batch, ..]`, apart.
fn apart(x: Tensor<4>) -> [Tensor<4>; 2] {
    let [n, h, w, c] = x.dims();
    let x = x.reshape([n / 2, 2, h, w, c]);
    [0, 1].map(|i| x.clone().narrow(1, i, 1).reshape([n / 2, h, w, c]))
}

impl Generator {
    /// For items of `[height, width, 2 channel]`.
    pub(super) fn new(s: &Sizes, [h, w, both]: [usize; 3], init: &Init) -> Self {
        let sizes = sizes([h, w]);
        let n = sizes.len() - 1;
        let channels_at = |i: usize| if i == 0 { both / 2 } else { channels(s.width, i) };
        let told = if s.told { 2 } else { 0 };
        let up = |(told, init): (usize, &Init), i: usize| Up {
            norm: BatchNorm::of(channels_at(i))
                .spread(STD)
                .init(&init.at("norm").nth(i)),
            up: ConvTranspose2d::of([channels_at(i) + told, channels_at(i - 1)])
                .kernel(4)
                .stride(2)
                .padding(1)
                .weights(Weights::Normal(STD))
                .bias_if(i == 1)
                .init(&init.at("up").nth(i)),
        };
        let own = |name: &str| (1..=s.own).rev().map(|i| up((0, &init.at(name)), i)).collect();
        let [h, w] = sizes[n];
        Generator {
            project: Linear::of([s.latent + told, h * w * channels_at(n)])
                .weights(Weights::Normal(STD))
                .no_bias()
                .init(&init.at("project")),
            tied: (s.own + 1..=n).rev().map(|i| up((told, init), i)).collect(),
            first: own("first"),
            second: own("second"),
            sizes,
            told,
        }
    }

    /// See [`super::GeneratorNetwork::first_weights`]; those of the domain are left out.
    pub(super) fn first_weights(&self) -> Tensor<2> {
        let all = self.project.weight.val();
        let inputs = all.dims()[0] - self.told;
        all.narrow(0, 0, inputs)
    }

    /// Latents `[batch, latent]` -> an image of each domain, `[batch, height, width, 2 channel]`.
    pub fn forward(&self, z: Tensor<2>) -> Tensor<4> {
        let n = self.sizes.len() - 1;
        let (x, domains) = self.begun(z);
        let grown = |x: Tensor<4>, layers: &[Up], told: Option<&Tensor<2>>, from: usize| {
            layers.iter().enumerate().fold(x, |x, (i, layer)| {
                let to = from - i - 1;
                let act = if to == 0 {
                    Activation::Tanh
                } else {
                    Activation::Identity
                };
                let x = hear(layer.norm.forward(x, Activation::Relu), told);
                layer.up.forward(x, self.sizes[to], act)
            })
        };
        let x = grown(x, &self.tied, domains.as_ref(), n);
        let from = n - self.tied.len();
        // Told, each domain has items of its own from the start; else the two part here.
        let [a, b] = match domains {
            None => [x.clone(), x],
            Some(_) => apart(x),
        };
        let (a, b) = (
            grown(a, &self.first, None, from),
            grown(b, &self.second, None, from),
        );
        Tensor::cat(vec![a, b], 3)
    }

    /// What the first layer makes of latents: a grid for each; told the domain, one for either in turn, and which it is.
    fn begun(&self, z: Tensor<2>) -> (Tensor<4>, Option<Tensor<2>>) {
        let (z, domains) = match self.told {
            0 => (z, None),
            _ => {
                let (z, domains) = of_both(z);
                (Tensor::cat(vec![z, domains.clone()], 1), Some(domains))
            }
        };
        let x = self.project.forward(z, Activation::Identity);
        let ([h, w], batch) = (self.sizes[self.sizes.len() - 1], x.dims()[0]);
        let channels = x.dims()[1] / (h * w);
        (x.reshape([batch, h, w, channels]), domains)
    }

    /// How far what the first hidden layer gives of latents is from what it gives of the same for the other domain: the mean of
    /// squares.
    pub fn apart(&self, z: Tensor<2>) -> Tensor<1> {
        let (x, domains) = self.begun(z);
        if domains.is_none() {
            return Tensor::zeros([1], &x.device());
        }
        let x = match self.tied.first() {
            Some(layer) => layer.norm.forward(x, Activation::Relu),
            None => x,
        };
        let [a, b] = apart(x);
        (a - b).powi_scalar(2).mean()
    }
}

/// Channels with planes of the domain behind them, where layers are told.
fn hear(x: Tensor<4>, domains: Option<&Tensor<2>>) -> Tensor<4> {
    let Some(domains) = domains else {
        return x;
    };
    let [n, h, w, _] = x.dims();
    let planes = domains.clone().reshape([n, 1, 1, 2]).expand([n, h, w, 2]);
    Tensor::cat(vec![x, planes], 3)
}

/// A layer that halves the size.
#[derive(Module, Debug)]
struct Down {
    down: Conv2d,
    norm: Option<BatchNorm>,
    layer_norm: Option<ItemNorm>,
}

impl Down {
    fn dual(&self, x: Dual<4>) -> Dual<4> {
        match (&self.norm, &self.layer_norm) {
            (Some(norm), _) => {
                let y = self.down.dual(x, Activation::Identity);
                y.with(norm.forward(y.value.clone(), LEAKY), None)
            }
            (_, Some(norm)) => norm.dual(self.down.dual(x, Activation::Identity), LEAKY),
            _ => self.down.dual(x, LEAKY),
        }
    }
}

/// From an image of each domain to a score of each.
#[derive(Module, Debug)]
pub struct Trunk {
    first: Vec<Down>,
    second: Vec<Down>,
    tied: Vec<Down>,
    score: Linear,
    #[module(skip)]
    told: bool,
}

impl Trunk {
    /// For items of `[height, width, 2 channel]`.
    pub(super) fn new(s: &Sizes, [h, w, both]: [usize; 3], init: &Init) -> Self {
        let sizes = sizes([h, w]);
        let n = sizes.len() - 1;
        let channels_at = |i: usize| if i == 0 { both / 2 } else { channels(s.width, i) };
        let told = if s.told { 2 } else { 0 };
        let down = |init: &Init, i: usize| {
            // The first layer has no norm.
            let norm = if i == 1 { Norm::None } else { s.norm };
            let of = BatchNorm::of(channels_at(i)).spread(STD);
            Down {
                down: Conv2d::of([channels_at(i - 1) + if i == 1 { told } else { 0 }, channels_at(i)])
                    .kernel(4)
                    .stride(2)
                    .padding(1)
                    .weights(Weights::Normal(STD))
                    .bias_if(norm == Norm::None)
                    .init(&init.at("down").nth(i)),
                norm: (norm == Norm::Batch).then(|| of.init(&init.at("norm").nth(i))),
                layer_norm: (norm == Norm::Layer)
                    .then(|| ItemNorm::plain(channels_at(i), NormOver::Layer, init)),
            }
        };
        let own = |name: &str| (1..=s.own).map(|i| down(&init.at(name), i)).collect();
        let [h, w] = sizes[n];
        Trunk {
            first: own("first"),
            second: own("second"),
            tied: (s.own + 1..=n).map(|i| down(init, i)).collect(),
            score: Linear::of([h * w * channels_at(n), 1])
                .weights(Weights::Normal(STD))
                .init(&init.at("score")),
            told: s.told,
        }
    }

    /// See [`super::TrunkNetwork::layers`]; the features are the scores of the two images. Through the tied layers the images of
    /// the first domain go together with those of the second, a batch of twice as many.
    pub fn layers(&self, x: Dual<4>) -> (Vec<Dual<4>>, Dual<2>) {
        let [batch, _, _, both] = x.value.dims();
        let side = |i: usize| x.clone().linear(|t| t.narrow(3, i * both / 2, both / 2));
        let mut seen = Vec::new();
        let (mut a, mut b) = (side(0), side(1));
        if self.told {
            let none = a.value.clone().narrow(3, 0, 1).detach() * 0.0;
            let of = |i: usize| {
                let one = |at: usize| none.clone() + f64::from(u8::from(at == i));
                Tensor::cat(vec![one(0), one(1)], 3)
            };
            (a, b) = (a.cat(of(0).into(), 3), b.cat(of(1).into(), 3));
        }

        for (of_first, of_second) in self.first.iter().zip(&self.second) {
            (a, b) = (of_first.dual(a), of_second.dual(b));
            seen.push(a.clone().cat(b.clone(), 3));
        }
        let x = self.tied.iter().fold(a.cat(b, 0), |x, layer| {
            let x = layer.dual(x);
            seen.push(x.clone().linear(|t| beside(t, batch, 3)));
            x
        });
        let flat = x.linear(|t| t.flatten::<2>(1, 3));
        let scores = self.score.dual(flat, Activation::Identity);
        (seen, scores.linear(|t| beside(t, batch, 1)))
    }

    pub(super) fn smooth(&self) -> bool {
        let layers = self.first.iter().chain(&self.tied);
        layers.into_iter().any(|l| l.layer_norm.is_some())
    }

    /// Every number that is read off an item: the two scores.
    pub const FEATURES: usize = 2;

    pub(super) fn head(&self, outputs: usize, init: &Init) -> Linear {
        Linear::of([Self::FEATURES, outputs])
            .weights(Weights::Normal(STD))
            .init(&init.at("logit"))
    }
}

/// The second half of a batch beside the first, along an axis.
fn beside<const D: usize>(t: Tensor<D>, batch: usize, axis: usize) -> Tensor<D> {
    Tensor::cat(
        vec![t.clone().narrow(0, 0, batch), t.narrow(0, batch, batch)],
        axis,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    use menagerie_data::Key;
    use menagerie_nn::numbers;

    fn init(seed: u64) -> Init {
        Init::new(Key::new(seed), &Device::flex())
    }

    /// What one domain shows has no part in what is said of the other, and the same image is not said to be the same in both:
    /// the first layers differ.
    #[test]
    fn each_image_is_judged_by_itself() {
        for own in [1, 2] {
            let s = Sizes {
                width: 3,
                own,
                norm: Norm::None,
                ..Sizes::default()
            };
            let d = Trunk::new(&s, [17, 16, 2], &init(1));
            let said = |a: f64, b: f64| {
                let image = |v| Tensor::<4>::full([1, 17, 16, 1], v, &Device::flex());
                let (seen, scores) = d.layers(Tensor::cat(vec![image(a), image(b)], 3).into());
                assert_eq!(seen.len(), 2);
                assert_eq!(seen[1].value.dims(), [1, 4, 4, 12]);
                numbers(scores.value)
            };
            let (x, y) = (said(0.5, 0.5), said(0.5, -0.8));
            assert_eq!(x[0], y[0]);
            assert_ne!(x[1], y[1]);
            assert_ne!(x[0], x[1]);
        }
    }

    /// Told which domain it is, a network of tied layers alone draws and judges them differently; the penalty is of what its first
    /// layer makes of them, and is nothing where it is not told.
    #[test]
    fn what_is_told_is_heard() {
        let z: Tensor<2> = Tensor::ones([3, 5], &Device::flex());
        for told in [true, false] {
            let s = Sizes {
                latent: 5,
                width: 3,
                own: usize::from(!told),
                told,
                norm: Norm::None,
                ..Sizes::default()
            };
            let g = Generator::new(&s, [16, 16, 2], &init(1));
            let x = g.forward(z.clone());
            assert_eq!(x.dims(), [3, 16, 16, 2]);
            let pairs = numbers(x.clone());
            assert!(pairs.chunks_exact(2).any(|p| p[0] != p[1]));
            assert_eq!(numbers(g.apart(z.clone()))[0] > 0.0, told);
            let d = Trunk::new(&s, [16, 16, 2], &init(1));
            let image: Tensor<4> = Tensor::full([1, 16, 16, 2], 0.5, &Device::flex());
            let said = numbers(d.layers(image.into()).1.value);
            assert_ne!(said[0], said[1]);
        }
    }

    /// Whatever the layers that are tied, both images come from one latent, and have the data's size.
    #[test]
    fn a_latent_becomes_two_images() {
        for own in [1, 2] {
            let s = Sizes {
                latent: 5,
                width: 3,
                own,
                ..Sizes::default()
            };
            let g = Generator::new(&s, [17, 16, 6], &init(1));
            assert_eq!(g.tied.len() + own, 2);
            let x = g.forward(Tensor::ones([3, 5], &Device::flex()));
            assert_eq!(x.dims(), [3, 17, 16, 6]);
            s.fits([17, 16]).unwrap();
        }
        let e = Sizes {
            own: 3,
            ..Sizes::default()
        }
        .fits([16, 16])
        .unwrap_err()
        .to_string();
        assert!(e.contains("model.own") && e.contains("1 to 2"), "{e}");
    }
}
