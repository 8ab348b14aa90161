//! The networks of DCGAN (Radford et al. 2015, arXiv:1511.06434), with its guidelines (section 3): strided and transposed
//! convolutions instead of pooling, batch norm in both networks but for the generator's last and the discriminator's first
//! layer, no hidden fully connected layers, ReLU in the generator with tanh at its end, leaky ReLU of slope 0.2 in the
//! discriminator; weights from N(0, 0.02).
use super::{Told, attention};

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use menagerie_kernels::noise;
use menagerie_nn::pyramid::{channels, sizes};
use menagerie_nn::{
    Activation, BatchNorm, Conv2d, ConvTranspose2d, Dual, Init, ItemNorm, Linear, Modulation, NormOver,
    Reference, SelfAttention, VirtualNorm, Weights, activations,
};
use serde::{Deserialize, Serialize};

/// `[model]`: the networks' sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// dimensions of a latent
    pub latent: usize,
    /// channels at half the image's size; they double with every halving, up to eight times as many (paper: 128)
    pub width: usize,
    /// `batch`, `layer` or `none`: the discriminator's norms. A gradient penalty is of single items and needs another than
    /// batch norm (Gulrajani et al. 2017, section 4)
    pub norm: Norm,
    /// spectral normalization of the discriminator's weights, in place of its norms (Miyato et al. 2018)
    pub spectral_norm: bool,
    /// side of the grid at which both networks have self-attention (Zhang et al. 2019, arXiv:1805.08318); 0 for none
    pub attention: usize,
    /// kernels of minibatch discrimination behind the discriminator's features (Salimans et al. 2016, section 3.2); 0 for none
    pub minibatch: usize,
    /// items of the reference batch by which the generator's norms go, in place of batch norm (virtual batch norm, Salimans et al.
    /// 2016, section 3.5): samples of latents that are drawn once, by the seed; 0 for batch norm
    pub virtual_batch: usize,
    /// units of a fully connected layer behind the latent, and of one before what the discriminator says, so that it sees the whole
    /// item at once (Chen et al. 2016, arXiv:1606.03657, appendix C.1); 0 for none, as DCGAN has it
    pub dense: usize,
    /// decay of the generator's moving average; 0 for none
    pub average: f64,
}

/// The discriminator's norm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Norm {
    /// over the batch (Ioffe & Szegedy 2015)
    #[default]
    Batch,
    /// over all numbers of an item (Ba et al. 2016)
    Layer,
    /// none
    None,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            latent: 100,
            width: 64,
            norm: Norm::Batch,
            spectral_norm: false,
            attention: 0,
            minibatch: 0,
            virtual_batch: 0,
            dense: 0,
            average: 0.0,
        }
    }
}

/// Standard deviation of all first weights.
const STD: f64 = 0.02;
const LEAKY: Activation = Activation::LeakyRelu(0.2);

/// A fully connected layer with batch norm, where its network has that.
#[derive(Module, Debug)]
struct Dense {
    linear: Linear,
    norm: Option<BatchNorm>,
}

impl Dense {
    fn new(sizes: [usize; 2], normed: bool, spectral: bool, init: &Init) -> Self {
        let of = Linear::of(sizes)
            .weights(Weights::Normal(STD))
            .spectral_if(spectral);
        Dense {
            linear: if normed { of.no_bias() } else { of }.init(init),
            norm: normed.then(|| BatchNorm::of(sizes[1]).spread(STD).init(&init.at("norm"))),
        }
    }

    fn dual(&self, x: Dual<2>, activation: Activation) -> Dual<2> {
        match &self.norm {
            Some(norm) => {
                let y = self.linear.dual(x, Activation::Identity);
                y.with(norm.forward(y.value.clone(), activation), None)
            }
            None => self.linear.dual(x, activation),
        }
    }
}

/// Project and reshape the latent, then double the size layer by layer (figure 1).
#[derive(Module, Debug)]
pub struct Generator {
    dense: Option<Dense>,
    project: Linear,
    norms: Vec<BatchNorm>,
    virtual_norms: Vec<VirtualNorm>,
    /// latents of the reference batch, of which nothing is told, `[items, latent + told]`
    fixed_reference: Option<Param<Tensor<2>>>,
    modulations: Vec<Modulation>,
    ups: Vec<ConvTranspose2d>,
    attention: Option<SelfAttention>,
    #[module(skip)]
    sizes: Vec<[usize; 2]>,
    #[module(skip)]
    attends: Option<usize>,
}

impl Generator {
    pub(super) fn new(s: &Sizes, [h, w, colours]: [usize; 3], told: Told, init: &Init) -> Self {
        let sizes = sizes([h, w]);
        let n = sizes.len() - 1;
        let [h, w] = sizes[n];
        let channels_at = |i: usize| if i == 0 { colours } else { channels(s.width, i) };
        let up = |i: usize| {
            ConvTranspose2d::of([channels_at(i), channels_at(i - 1)])
                .kernel(4)
                .stride(2)
                .padding(1)
                .weights(Weights::Normal(STD))
                .bias_if(i == 1)
                .init(&init.at("up").nth(i))
        };
        let norm = |i: usize| {
            let of = BatchNorm::of(channels_at(i)).spread(STD);
            of.init(&init.at("norm").nth(i))
        };
        let virtual_norm = |i: usize| VirtualNorm::new(channels_at(i), STD, &init.at("norm").nth(i));
        let attends = attention::place(&sizes, s.attention);
        let modulation =
            |i: usize| Modulation::new(told.norms, channels_at(i), &init.at("modulation").nth(i));
        let numbers = s.latent + told.joined;
        let dense = || Dense::new([numbers, s.dense], s.virtual_batch == 0, false, &init.at("dense"));
        let dense = (s.dense > 0).then(dense);
        Generator {
            project: Linear::of([
                if s.dense > 0 { s.dense } else { numbers },
                h * w * channels_at(n),
            ])
            .weights(Weights::Normal(STD))
            .no_bias()
            .init(&init.at("project")),
            dense,
            norms: match s.virtual_batch {
                0 => (1..=n).rev().map(norm).collect(),
                _ => vec![],
            },
            virtual_norms: match s.virtual_batch {
                0 => vec![],
                _ => (1..=n).rev().map(virtual_norm).collect(),
            },
            fixed_reference: (s.virtual_batch > 0).then(|| {
                let key = init.at("reference").key();
                let z = noise::normal(key.words(), [s.virtual_batch, s.latent], init.device());
                let nothing = Tensor::zeros([s.virtual_batch, told.joined], init.device());
                Param::from_tensor(Tensor::cat(vec![z, nothing], 1)).set_require_grad(false)
            }),
            modulations: if told.norms > 0 {
                (1..=n).rev().map(modulation).collect()
            } else {
                vec![]
            },
            ups: (1..=n).rev().map(up).collect(),
            attention: attention::at(attends, channels_at, false, init),
            sizes,
            attends,
        }
    }

    pub(super) fn first(&self) -> &Linear {
        self.dense.as_ref().map_or(&self.project, |d| &d.linear)
    }

    /// See [`super::GeneratorNetwork::forward`].
    pub fn forward(&self, z: Tensor<2>, told: Option<&Tensor<2>>) -> Tensor<4> {
        let known = self.known();
        let n = self.ups.len();
        let z = match told {
            Some(t) if self.modulations.is_empty() => Tensor::cat(vec![z, t.clone()], 1),
            _ => z,
        };
        let x = self.projected(z);
        (0..n).fold(x, |x, i| {
            let x = self.attended(i, x);
            let normed = |x, act| match known.get(i) {
                Some(known) => self.virtual_norms[i].forward(x, known, act),
                None => self.norms[i].forward(x, act),
            };
            let x = match (self.modulations.get(i), told) {
                (Some(m), Some(t)) => m.forward(normed(x, Activation::Identity), t.clone(), Activation::Relu),
                _ => normed(x, Activation::Relu),
            };
            self.up(i, x)
        })
    }

    /// What virtual norms know of the reference batch, from the first to the last.
    fn known(&self) -> Vec<Reference> {
        let Some(reference) = &self.fixed_reference else {
            return vec![];
        };
        let pass = || {
            let mut x = self.projected(reference.val());
            let mut all = Vec::with_capacity(self.virtual_norms.len());
            for (i, norm) in self.virtual_norms.iter().enumerate() {
                let (y, known) = norm.reference(self.attended(i, x), Activation::Relu);
                all.push(known);
                // What comes behind the last norm nobody needs.
                if i + 1 == self.virtual_norms.len() {
                    break;
                }
                x = self.up(i, y);
            }
            all
        };
        // It passes once a batch, and is no part of any item.
        activations::uncounted(pass)
    }

    /// Latents on the smallest grid.
    fn projected(&self, z: Tensor<2>) -> Tensor<4> {
        let [h, w] = self.sizes[self.ups.len()];
        let z = match &self.dense {
            Some(dense) => dense.dual(z.into(), Activation::Relu).value,
            None => z,
        };
        let x = self.project.forward(z, Activation::Identity);
        let [batch, numbers] = x.dims();
        x.reshape([batch, h, w, numbers / (h * w)])
    }

    /// Before layer `i`: with attention, where it stands there.
    fn attended(&self, i: usize, x: Tensor<4>) -> Tensor<4> {
        match &self.attention {
            Some(a) if self.attends == Some(self.ups.len() - i) => a.forward(x),
            _ => x,
        }
    }

    /// Layer `i`: twice the size.
    fn up(&self, i: usize, x: Tensor<4>) -> Tensor<4> {
        let n = self.ups.len();
        let act = if i + 1 == n {
            Activation::Tanh
        } else {
            Activation::Identity
        };
        self.ups[i].forward(x, self.sizes[n - 1 - i], act)
    }
}

/// Halve the size layer by layer; what is left, flattened, is the features.
#[derive(Module, Debug)]
pub struct Trunk {
    downs: Vec<Conv2d>,
    norms: Vec<BatchNorm>,
    layer_norms: Vec<ItemNorm>,
    dense: Option<Dense>,
    minibatch: Option<super::heads::MinibatchDiscrimination>,
    attention: Option<SelfAttention>,
    #[module(skip)]
    sizes: Vec<[usize; 2]>,
    #[module(skip)]
    attends: Option<usize>,
    spectral: bool,
}

impl Trunk {
    pub(super) fn new(s: &Sizes, [h, w, colours]: [usize; 3], init: &Init) -> Self {
        let sizes = sizes([h, w]);
        let n = sizes.len() - 1;
        let channels_at = |i: usize| if i == 0 { colours } else { channels(s.width, i) };
        let plain = s.spectral_norm || s.norm == Norm::None;
        let down = |i: usize| {
            Conv2d::of([channels_at(i - 1), channels_at(i)])
                .kernel(4)
                .stride(2)
                .padding(1)
                .weights(Weights::Normal(STD))
                .bias_if(i == 1 || plain)
                .spectral_if(s.spectral_norm)
                .init(&init.at("down").nth(i))
        };
        let norm = |i: usize| {
            let of = BatchNorm::of(channels_at(i)).spread(STD);
            of.init(&init.at("norm").nth(i))
        };
        // The first layer has no norm.
        let inner = if plain { 0..0 } else { 2..n + 1 };
        let attends = attention::place(&sizes, s.attention);
        let [h, w] = sizes[n];
        let flat = h * w * channels_at(n);
        let normed = s.norm == Norm::Batch && !s.spectral_norm;
        let dense = || Dense::new([flat, s.dense], normed, s.spectral_norm, &init.at("dense"));
        let dense = (s.dense > 0).then(dense);
        let flat = if s.dense > 0 { s.dense } else { flat };
        Trunk {
            dense,
            downs: (1..=n).map(down).collect(),
            norms: if s.norm == Norm::Batch {
                inner.clone().map(norm).collect()
            } else {
                vec![]
            },
            layer_norms: if s.norm == Norm::Layer {
                inner
                    .map(|i| ItemNorm::plain(channels_at(i), NormOver::Layer, init))
                    .collect()
            } else {
                vec![]
            },
            minibatch: (s.minibatch > 0).then(|| {
                super::heads::MinibatchDiscrimination::new(flat, s.minibatch, &init.at("minibatch"))
            }),
            attention: attention::at(attends, channels_at, s.spectral_norm, init),
            sizes,
            attends,
            spectral: s.spectral_norm,
        }
    }

    /// See [`super::TrunkNetwork::layers`].
    pub fn layers(&self, x: Dual<4>) -> (Vec<Dual<4>>, Dual<2>) {
        let mut seen = Vec::new();
        let x = self.downs.iter().enumerate().fold(x, |x, (i, down)| {
            // The first layer has no norm.
            let x = match (
                i.checked_sub(1).map(|i| self.norms.get(i)),
                i.checked_sub(1).map(|i| self.layer_norms.get(i)),
            ) {
                (Some(Some(norm)), _) => {
                    let y = down.dual(x, Activation::Identity);
                    y.with(norm.forward(y.value.clone(), LEAKY), None)
                }
                (_, Some(Some(norm))) => norm.dual(down.dual(x, Activation::Identity), LEAKY),
                _ => down.dual(x, LEAKY),
            };
            let x = match &self.attention {
                Some(a) if self.attends == Some(i + 1) => a.dual(x),
                _ => x,
            };
            seen.push(x.clone());
            x
        });
        let flat = x.linear(|t| t.flatten::<2>(1, 3));
        let flat = match &self.dense {
            Some(dense) => dense.dual(flat, LEAKY),
            None => flat,
        };
        let features = match &self.minibatch {
            Some(m) => m.dual(flat),
            None => flat,
        };
        (seen, features)
    }

    /// See [`super::TrunkNetwork::features`].
    pub fn features(&self) -> usize {
        let n = self.downs.len();
        let [h, w] = self.sizes[n];
        let flat = match &self.dense {
            Some(dense) => dense.linear.weight.dims()[1],
            None => h * w * self.downs[n - 1].weight.dims()[3],
        };
        flat + self.minibatch.as_ref().map_or(0, |m| m.kernels())
    }

    pub(super) fn smooth(&self) -> bool {
        !self.layer_norms.is_empty() || self.minibatch.is_some() || self.attention.is_some()
    }

    pub(super) fn head(&self, outputs: usize, init: &Init) -> Linear {
        let of = Linear::of([self.features(), outputs]).weights(Weights::Normal(STD));
        of.spectral_if(self.spectral).init(&init.at("logit"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use menagerie_data::Key;
    use menagerie_nn::numbers;

    /// Odd sizes too: what the generator makes has the data's shape, and the trunk takes it.
    #[test]
    fn any_size_and_any_number_of_channels() {
        let init = |seed| Init::new(Key::new(seed), &Device::flex());
        for (h, w, c) in [(8, 8, 1), (28, 28, 1), (13, 21, 3), (17, 9, 16), (30, 45, 4)] {
            let s = Sizes {
                latent: 5,
                width: 2,
                dense: if c == 3 { 7 } else { 0 },
                ..Sizes::default()
            };
            let g = Generator::new(&s, [h, w, c], Told::default(), &init(1));
            let d = Trunk::new(&s, [h, w, c], &init(2));
            let x = g.forward(Tensor::ones([3, 5], &Device::flex()), None);
            assert_eq!(x.dims(), [3, h, w, c]);
            assert_eq!(d.layers(x.into()).1.value.dims(), [3, d.features()]);
        }
    }
    /// With a reference batch an item is a function of its own latent alone in training too, and the reference is a constant.
    #[test]
    fn virtual_norms_keep_items_apart() {
        let s = Sizes {
            latent: 5,
            width: 2,
            virtual_batch: 6,
            ..Sizes::default()
        };
        let device = Device::flex().autodiff();
        let g = Generator::new(&s, [16, 16, 1], Told::default(), &Init::new(Key::new(1), &device));
        let z: Tensor<2> = noise::normal(Key::new(2).words(), [3, 5], &device);
        let together = numbers(g.forward(z.clone(), None));
        for i in 0..3 {
            let alone = numbers(g.forward(z.clone().narrow(0, i, 1), None));
            let far = alone.iter().zip(&together[i * 256..]).map(|(a, b)| (a - b).abs());
            assert!(far.fold(0.0, f32::max) < 1e-5);
        }
        let loss = (g.forward(z.clone(), None) * g.forward(z, None)).sum();
        let gradients = loss.backward();
        assert!(g.project.weight.val().grad(&gradients).is_some());
        assert!(
            g.fixed_reference
                .expect("is there")
                .val()
                .grad(&gradients)
                .is_none()
        );
    }
}
