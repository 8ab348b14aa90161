//! Residual networks as WGAN-GP and SNGAN have them (Gulrajani et al. 2017, arXiv:1704.00028, appendix F; Miyato et al. 2018,
//! arXiv:1802.05957, appendix B.4): batch norm in the generator alone, nearest upsampling on the way up, mean pooling on the
//! way down, features summed over the last grid. One block for each halving of the image, so any size has its network.
use super::{Told, attention};

use burn::module::Module;
use burn::tensor::Tensor;
use menagerie_kernels::{avg_pool2d, resize_nearest};
use menagerie_nn::pyramid::sizes;
use menagerie_nn::{Activation, BatchNorm, Conv2d, Dual, Init, Linear, Modulation, SelfAttention, Weights};
use serde::{Deserialize, Serialize};

/// `[model]`: the networks' sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// dimensions of a latent
    pub latent: usize,
    /// channels of every block (SNGAN: 256 in the generator, 128 in the discriminator)
    pub width: usize,
    /// spectral normalization of the discriminator's weights
    pub spectral_norm: bool,
    /// of the generator's too (Zhang et al. 2019, section 4.1)
    pub generator_spectral_norm: bool,
    /// side of the grid at which both networks have self-attention (Zhang et al. 2019, arXiv:1805.08318); 0 for none
    pub attention: usize,
    /// decay of the generator's moving average; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            latent: 128,
            width: 64,
            spectral_norm: true,
            generator_spectral_norm: false,
            attention: 0,
            average: 0.0,
        }
    }
}

/// Glorot's gain before a ReLU.
const GAIN: f64 = std::f64::consts::SQRT_2;

pub(super) fn conv3(channels: [usize; 2], spectral: bool, init: &Init) -> Conv2d {
    Conv2d::of(channels)
        .padding(1)
        .weights(Weights::Glorot(GAIN))
        .bias()
        .spectral_if(spectral)
        .init(init)
}

pub(super) fn conv1(channels: [usize; 2], spectral: bool, init: &Init) -> Conv2d {
    Conv2d::of(channels)
        .kernel(1)
        .weights(Weights::Glorot(1.0))
        .bias()
        .spectral_if(spectral)
        .init(init)
}

/// Norm, ReLU, upsampling, convolution, norm, ReLU, convolution; beside it the input, upsampled.
#[derive(Module, Debug)]
pub(super) struct Up {
    norms: Vec<BatchNorm>,
    modulations: Vec<Modulation>,
    convs: Vec<Conv2d>,
    shortcut: Conv2d,
}

impl Up {
    pub(super) fn new([inputs, width]: [usize; 2], told: usize, spectral: bool, init: &Init) -> Self {
        let at = |i: usize| if i == 0 { inputs } else { width };
        let norm = |i: usize| BatchNorm::of(at(i)).init(&init.at("norm").nth(i));
        let modulation = |i: usize| Modulation::new(told, at(i), &init.at("modulation").nth(i));
        Up {
            norms: (0..2).map(norm).collect(),
            modulations: if told > 0 {
                (0..2).map(modulation).collect()
            } else {
                vec![]
            },
            convs: (0..2)
                .map(|i| conv3([at(i), width], spectral, &init.at("conv").nth(i)))
                .collect(),
            shortcut: conv1([inputs, width], spectral, &init.at("shortcut")),
        }
    }

    fn normed(&self, i: usize, x: Tensor<4>, told: Option<&Tensor<2>>) -> Tensor<4> {
        match (self.modulations.get(i), told) {
            (Some(m), Some(t)) => m.forward(
                self.norms[i].forward(x, Activation::Identity),
                t.clone(),
                Activation::Relu,
            ),
            _ => self.norms[i].forward(x, Activation::Relu),
        }
    }

    pub(super) fn forward(&self, x: Tensor<4>, size: [usize; 2], told: Option<&Tensor<2>>) -> Tensor<4> {
        let h = resize_nearest(self.normed(0, x.clone(), told), size);
        let h = self.convs[0].forward(h, Activation::Identity);
        let h = self.convs[1].forward(self.normed(1, h, told), Activation::Identity);
        // A convolution of one pixel commutes with nearest upsampling, and is cheaper before it.
        h + resize_nearest(self.shortcut.forward(x, Activation::Identity), size)
    }
}

/// Latent -> smallest grid -> blocks -> image.
#[derive(Module, Debug)]
pub struct Generator {
    project: Linear,
    blocks: Vec<Up>,
    norm: BatchNorm,
    out: Conv2d,
    attention: Option<SelfAttention>,
    #[module(skip)]
    sizes: Vec<[usize; 2]>,
    #[module(skip)]
    attends: Option<usize>,
}

impl Generator {
    pub(super) fn new(s: &Sizes, [h, w, colours]: [usize; 3], told: Told, init: &Init) -> Self {
        let sizes = sizes([h, w]);
        let [h, w] = sizes[sizes.len() - 1];
        let (spectral, attends) = (s.generator_spectral_norm, attention::place(&sizes, s.attention));
        Generator {
            project: Linear::of([s.latent + told.joined, h * w * s.width])
                .weights(Weights::Glorot(1.0))
                .spectral_if(spectral)
                .init(&init.at("project")),
            blocks: (1..sizes.len())
                .map(|i| Up::new([s.width; 2], told.norms, spectral, &init.at("block").nth(i)))
                .collect(),
            norm: BatchNorm::of(s.width).init(&init.at("norm")),
            out: Conv2d::of([s.width, colours])
                .padding(1)
                .weights(Weights::Glorot(1.0))
                .bias()
                .spectral_if(spectral)
                .init(&init.at("out")),
            attention: attention::at(attends, |_| s.width, spectral, init),
            sizes,
            attends,
        }
    }

    pub(super) fn first(&self) -> &Linear {
        &self.project
    }

    /// See [`super::GeneratorNetwork::forward`].
    pub fn forward(&self, z: Tensor<2>, told: Option<&Tensor<2>>) -> Tensor<4> {
        let (batch, n) = (z.dims()[0], self.blocks.len());
        let [h, w] = self.sizes[n];
        let modulated = self.blocks.iter().any(|b| !b.modulations.is_empty());
        let z = match told {
            Some(t) if !modulated => Tensor::cat(vec![z, t.clone()], 1),
            _ => z,
        };
        let x = self.project.forward(z, Activation::Identity);
        let width = x.dims()[1] / (h * w);
        let x = x.reshape([batch, h, w, width]);
        let up = |x, (i, block): (usize, &Up)| {
            let x = match &self.attention {
                Some(a) if self.attends == Some(n - i) => a.forward(x),
                _ => x,
            };
            block.forward(x, self.sizes[n - 1 - i], told)
        };
        let x = self.blocks.iter().enumerate().fold(x, up);
        self.out
            .forward(self.norm.forward(x, Activation::Relu), Activation::Tanh)
    }
}

/// ReLU, convolution, ReLU, convolution, pooling; beside it the input, pooled. The first block begins with the image, which
/// no ReLU may cut; the last keeps its grid.
#[derive(Module, Debug)]
pub(super) struct Down {
    convs: Vec<Conv2d>,
    shortcut: Option<Conv2d>,
    first: bool,
    pooled: bool,
}

pub(super) fn pool(x: Dual<4>) -> Dual<4> {
    x.linear(|t| avg_pool2d(t, [2, 2], [2, 2], [0, 0]))
}

impl Down {
    pub(super) fn new(
        [inputs, width]: [usize; 2],
        first: bool,
        pooled: bool,
        spectral: bool,
        init: &Init,
    ) -> Self {
        Down {
            convs: vec![
                conv3([inputs, width], spectral, &init.at("conv").nth(0)),
                conv3([width, width], spectral, &init.at("conv").nth(1)),
            ],
            shortcut: pooled.then(|| conv1([inputs, width], spectral, &init.at("shortcut"))),
            first,
            pooled,
        }
    }

    pub(super) fn dual(&self, x: Dual<4>) -> Dual<4> {
        let h = if self.first {
            x.clone()
        } else {
            x.clone().activation(Activation::Relu)
        };
        let h = self.convs[1].dual(self.convs[0].dual(h, Activation::Relu), Activation::Identity);
        let h = if self.pooled { pool(h) } else { h };
        // Pooling first is cheaper, and the same, before a convolution of one pixel.
        let x = if self.pooled { pool(x) } else { x };
        h.plus(match &self.shortcut {
            Some(conv) => conv.dual(x, Activation::Identity),
            None => x,
        })
    }
}

/// ReLU, and the sum over the grid.
pub(super) fn summed(x: Dual<4>) -> Dual<2> {
    x.activation(Activation::Relu).linear(|t| {
        let [batch, _, _, channels] = t.dims();
        t.sum_dim(1).sum_dim(2).reshape([batch, channels])
    })
}

/// Image -> blocks -> features summed over the last grid.
#[derive(Module, Debug)]
pub struct Trunk {
    blocks: Vec<Down>,
    attention: Option<SelfAttention>,
    #[module(skip)]
    attends: Option<usize>,
    width: usize,
    spectral: bool,
}

impl Trunk {
    pub(super) fn new(s: &Sizes, [h, w, colours]: [usize; 3], init: &Init) -> Self {
        let grids = sizes([h, w]);
        let halvings = grids.len() - 1;
        let attends = attention::place(&grids, s.attention);
        let block = |i: usize| {
            let inputs = if i == 0 { colours } else { s.width };
            Down::new(
                [inputs, s.width],
                i == 0,
                i < halvings,
                s.spectral_norm,
                &init.at("block").nth(i),
            )
        };
        // Two blocks beyond the halvings keep the smallest grid, as SNGAN's for 32 pixels have it.
        let attention = attention::at(attends, |_| s.width, s.spectral_norm, init);
        let blocks = (0..halvings + 2).map(block).collect();
        Trunk::of(blocks, attention, attends, s.width, s.spectral_norm)
    }

    /// Of these blocks, with attention behind block `attends` (counted from 1); the last has `width` channels.
    pub(super) fn of(
        blocks: Vec<Down>,
        attention: Option<SelfAttention>,
        attends: Option<usize>,
        width: usize,
        spectral: bool,
    ) -> Self {
        Trunk {
            blocks,
            attention,
            attends,
            width,
            spectral,
        }
    }

    /// See [`super::TrunkNetwork::layers`].
    pub fn layers(&self, x: Dual<4>) -> (Vec<Dual<4>>, Dual<2>) {
        let mut seen = Vec::new();
        let x = self.blocks.iter().enumerate().fold(x, |x, (i, block)| {
            let x = block.dual(x);
            let x = match &self.attention {
                Some(a) if self.attends == Some(i + 1) => a.dual(x),
                _ => x,
            };
            seen.push(x.clone());
            x
        });
        (seen, summed(x))
    }

    /// See [`super::TrunkNetwork::features`].
    pub fn features(&self) -> usize {
        self.width
    }

    pub(super) fn smooth(&self) -> bool {
        self.attention.is_some()
    }

    pub(super) fn head(&self, outputs: usize, init: &Init) -> Linear {
        let of = Linear::of([self.width, outputs]).weights(Weights::Glorot(1.0));
        of.spectral_if(self.spectral).init(&init.at("score"))
    }
}
