//! Fully connected networks, as Goodfellow et al. 2014 played with.
use super::Told;
use burn::module::Module;
use burn::tensor::Tensor;
use menagerie_data::random::Key;
use menagerie_kernels::noise;
use menagerie_nn::{Activation, BatchNorm, Dual, Init, Linear};
use serde::{Deserialize, Serialize};

pub(super) const LEAKY: Activation = Activation::LeakyRelu(0.2);

/// `[model]`: the networks' sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// dimensions of a latent
    pub latent: usize,
    /// units of a hidden layer
    pub width: usize,
    /// hidden layers
    pub depth: usize,
    /// the generator's hidden layers one by one, in place of `width` and `depth`
    pub generator: Vec<usize>,
    /// the discriminator's, likewise
    pub discriminator: Vec<usize>,
    /// batch norm after every hidden layer of the generator but the first
    pub batch_norm: bool,
    /// spectral normalization of the discriminator's weights
    pub spectral_norm: bool,
    /// standard deviation of Gaussian noise on every hidden layer of the discriminator while it trains (Salimans et al. 2016
    /// have 0.5 for few labels); 0 for none
    pub noise: f64,
    /// decay of the generator's moving average; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            latent: 100,
            width: 256,
            depth: 3,
            generator: vec![],
            discriminator: vec![],
            batch_norm: false,
            spectral_norm: false,
            noise: 0.0,
            average: 0.0,
        }
    }
}

impl Sizes {
    fn widths(&self, given: &[usize]) -> Vec<usize> {
        if given.is_empty() {
            vec![self.width; self.depth]
        } else {
            given.to_vec()
        }
    }

    /// Every size that must not be zero.
    pub(super) fn all(&self) -> Vec<usize> {
        let (for_g, for_d) = (self.widths(&self.generator), self.widths(&self.discriminator));
        [vec![self.latent, for_g.len(), for_d.len()], for_g, for_d].concat()
    }
}

/// Latent -> hidden layers -> item. Images end in tanh, points in nothing.
#[derive(Module, Debug)]
pub struct Generator {
    hidden: Vec<Linear>,
    norms: Vec<Option<BatchNorm>>,
    out: Linear,
    height: usize,
    width: usize,
    bounded: bool,
}

fn stack(inputs: usize, widths: &[usize], spectral: bool, init: &Init) -> Vec<Linear> {
    let sizes: Vec<usize> = [inputs].into_iter().chain(widths.iter().copied()).collect();
    let layer = |(i, s): (usize, &[usize])| Linear::of([s[0], s[1]]).spectral_if(spectral).init(&init.nth(i));
    sizes.windows(2).enumerate().map(layer).collect()
}

impl Generator {
    /// What is told is joined to the latent, whichever way it was asked for: there is no norm to speak through.
    pub(super) fn new(sizes: &Sizes, shape: [usize; 3], bounded: bool, told: Told, init: &Init) -> Self {
        let [height, width, channels] = shape;
        let widths = sizes.widths(&sizes.generator);
        let norm = |(i, &w): (usize, &usize)| {
            (sizes.batch_norm && i > 0).then(|| BatchNorm::of(w).init(&init.at("norm").nth(i)))
        };
        Generator {
            norms: widths.iter().enumerate().map(norm).collect(),
            hidden: stack(sizes.latent + told.joined + told.norms, &widths, false, init),
            out: Linear::of([widths[widths.len() - 1], height * width * channels]).init(&init.at("out")),
            height,
            width,
            bounded,
        }
    }

    pub(super) fn first(&self) -> &Linear {
        &self.hidden[0]
    }

    /// See [`super::GeneratorNetwork::forward`].
    pub fn forward(&self, z: Tensor<2>, told: Option<&Tensor<2>>) -> Tensor<4> {
        let n = z.dims()[0];
        let z = match told {
            Some(t) => Tensor::cat(vec![z, t.clone()], 1),
            None => z,
        };
        let h = self
            .hidden
            .iter()
            .zip(&self.norms)
            .fold(z, |h, (layer, norm)| match norm {
                None => layer.forward(h, LEAKY),
                Some(norm) => norm.forward(layer.forward(h, Activation::Identity), LEAKY),
            });
        let x = self.out.forward(
            h,
            if self.bounded {
                Activation::Tanh
            } else {
                Activation::Identity
            },
        );
        let channels = x.dims()[1] / (self.height * self.width);
        x.reshape([n, self.height, self.width, channels])
    }
}

/// Item -> hidden layers.
#[derive(Module, Debug)]
pub struct Trunk {
    hidden: Vec<Linear>,
    spectral: bool,
    noise: f64,
}

impl Trunk {
    pub(super) fn new(sizes: &Sizes, shape: [usize; 3], init: &Init) -> Self {
        let hidden = stack(
            shape.iter().product(),
            &sizes.widths(&sizes.discriminator),
            sizes.spectral_norm,
            init,
        );
        Trunk {
            hidden,
            spectral: sizes.spectral_norm,
            noise: sizes.noise,
        }
    }

    pub(super) fn hidden(&self) -> &[Linear] {
        &self.hidden
    }

    /// Whether weights are divided by their largest singular value.
    pub(super) fn spectral(&self) -> bool {
        self.spectral
    }

    /// See [`super::TrunkNetwork::layers`]; the last layer is the features.
    pub fn layers(&self, x: Dual<4>, noise: Option<Key>) -> (Vec<Dual<4>>, Dual<2>) {
        let flat = x.linear(|t| t.flatten::<2>(1, 3));
        let mut seen = Vec::new();
        let noise = noise.filter(|_| self.noise > 0.0);
        let last = self.hidden.iter().enumerate().fold(flat, |h, (i, layer)| {
            let h = layer.dual(h, LEAKY);
            let h = match noise {
                Some(key) => {
                    let (shape, device) = (h.value.dims(), h.value.device());
                    let n: Tensor<2> = noise::normal(key.step(i as u64).words(), shape, &device);
                    h.plus((n * self.noise).into())
                }
                None => h,
            };
            seen.push(h.clone().linear(|t| {
                let [n, units] = t.dims();
                t.reshape([n, 1, 1, units])
            }));
            h
        });
        (seen, last)
    }

    /// See [`super::TrunkNetwork::features`].
    pub fn features(&self) -> usize {
        self.hidden[self.hidden.len() - 1].weight.dims()[1]
    }

    pub(super) fn head(&self, outputs: usize, init: &Init) -> Linear {
        Linear::of([self.features(), outputs])
            .spectral_if(self.spectral)
            .init(&init.at("out"))
    }
}
