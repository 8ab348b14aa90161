//! BigGAN's networks (Brock et al. 2019, arXiv:1809.11096, appendix B, figure 15): residual blocks whose channels halve with every
//! doubling of the image, a part of the latent told to every block's norms beside an embedding of the class that all of them
//! share, spectral norm in both networks, self-attention at one grid.
use super::resnet::{Down, Trunk, Up};
use super::{Told, attention};
use burn::module::Module;
use burn::tensor::Tensor;
use menagerie_nn::pyramid::sizes;
use menagerie_nn::{Activation, BatchNorm, Conv2d, Init, Linear, SelfAttention, Weights};
use serde::{Deserialize, Serialize};

/// `[model]`: the networks' sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// dimensions of a latent; a part goes to the first layer and to every block (paper: 120 or 128)
    pub latent: usize,
    /// channels at the image's size; they double with every halving, up to sixteen times as many (paper: 64 to 96)
    pub width: usize,
    /// numbers of the embedding of a class that all blocks share (paper: 128)
    pub embedding: usize,
    /// side of the grid at which both networks have self-attention (paper: 64 of 128); 0 for none
    pub attention: usize,
    /// BigGAN-deep: bottlenecks four times as deep, all of the latent told to each, and fewer weights (appendix B)
    pub deep: bool,
    /// decay of the generator's moving average; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            latent: 120,
            width: 32,
            embedding: 64,
            attention: 16,
            deep: false,
            average: 0.999,
        }
    }
}

/// Channels after so many halvings.
pub(super) fn channels(width: usize, halvings: usize) -> usize {
    width << halvings.min(4)
}

/// Latent -> smallest grid -> blocks, each told its part of the latent and the class -> image.
#[derive(Module, Debug)]
pub struct Generator {
    embedding: Option<Linear>,
    project: Linear,
    blocks: Vec<Up>,
    norm: BatchNorm,
    out: Conv2d,
    attention: Option<SelfAttention>,
    #[module(skip)]
    sizes: Vec<[usize; 2]>,
    #[module(skip)]
    attends: Option<usize>,
    part: usize,
}

impl Generator {
    pub(super) fn new(s: &Sizes, [h, w, colours]: [usize; 3], told: Told, init: &Init) -> Self {
        let sizes = sizes([h, w]);
        let halvings = sizes.len() - 1;
        let [h, w] = sizes[halvings];
        let (part, classes) = (s.part(halvings), told.joined + told.norms);
        let told = part + if classes > 0 { s.embedding } else { 0 };
        let at = |i: usize| channels(s.width, i);
        let attends = attention::place(&sizes, s.attention);
        Generator {
            embedding: (classes > 0).then(|| {
                let of = Linear::of([classes, s.embedding]).weights(Weights::Normal(1.0));
                of.no_bias().init(&init.at("embedding"))
            }),
            project: Linear::of([s.latent - part * halvings, h * w * at(halvings)])
                .weights(Weights::Glorot(1.0))
                .spectral_if(true)
                .init(&init.at("project")),
            blocks: (0..halvings)
                .rev()
                .map(|i| Up::new([at(i + 1), at(i)], told, true, &init.at("block").nth(i)))
                .collect(),
            norm: BatchNorm::of(at(0)).init(&init.at("norm")),
            out: Conv2d::of([at(0), colours])
                .padding(1)
                .weights(Weights::Glorot(1.0))
                .bias()
                .spectral_if(true)
                .init(&init.at("out")),
            attention: attention::at(attends, at, true, init),
            sizes,
            attends,
            part,
        }
    }

    /// See [`super::GeneratorNetwork::forward`].
    pub fn forward(&self, z: Tensor<2>, told: Option<&Tensor<2>>) -> Tensor<4> {
        let ([batch, latent], n, part) = (z.dims(), self.blocks.len(), self.part);
        let first = latent - part * n;
        let class = self.embedding.as_ref().zip(told);
        let class = class.map(|(e, t)| e.forward(t.clone(), Activation::Identity));
        let x = self
            .project
            .forward(z.clone().narrow(1, 0, first), Activation::Identity);
        let [h, w] = self.sizes[n];
        let width = x.dims()[1] / (h * w);
        let mut x = x.reshape([batch, h, w, width]);
        for (i, block) in self.blocks.iter().enumerate() {
            if let Some(a) = self.attention.as_ref().filter(|_| self.attends == Some(n - i)) {
                x = a.forward(x);
            }
            let own = z.clone().narrow(1, first + i * part, part);
            let told = match &class {
                Some(c) => Tensor::cat(vec![c.clone(), own], 1),
                None => own,
            };
            x = block.forward(x, self.sizes[n - 1 - i], Some(&told));
        }
        self.out
            .forward(self.norm.forward(x, Activation::Relu), Activation::Tanh)
    }
}

impl Sizes {
    /// Numbers of the latent that a block is told; the first layer has what is left.
    fn part(&self, halvings: usize) -> usize {
        self.latent / (halvings + 1)
    }

    /// Whether there is a number of the latent for each block.
    pub(super) fn reaches_every_block(&self, size: [usize; 2]) -> bool {
        self.deep || self.part(sizes(size).len() - 1) > 0
    }
}

/// Image -> blocks -> features summed over the last grid.
pub(super) fn trunk(s: &Sizes, [h, w, colours]: [usize; 3], init: &Init) -> Trunk {
    let grids = sizes([h, w]);
    let halvings = grids.len() - 1;
    let at = |i: usize| channels(s.width, i);
    let attends = attention::place(&grids, s.attention);
    let last = at(halvings - 1);
    let block = |i: usize| {
        let channels = match i {
            0 => [colours, at(0)],
            i if i < halvings => [at(i - 1), at(i)],
            _ => [last, last],
        };
        Down::new(channels, i == 0, i < halvings, true, &init.at("block").nth(i))
    };
    let attention = attention::at(attends, |i| at(i - 1), true, init);
    Trunk::of(
        (0..=halvings).map(block).collect(),
        attention,
        attends,
        last,
        true,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use menagerie_data::Key;
    use menagerie_kernels::noise;
    use menagerie_nn::numbers;

    fn tiny(size: [usize; 3], classes: usize) -> (Generator, Trunk) {
        let s = Sizes {
            latent: 11,
            width: 2,
            embedding: 3,
            attention: 8,
            ..Sizes::default()
        };
        let told = Told {
            joined: 0,
            norms: classes,
        };
        let init = |seed| Init::new(Key::new(seed), &Device::flex());
        (
            Generator::new(&s, size, told, &init(1)),
            trunk(&s, size, &init(2)),
        )
    }

    #[test]
    fn any_size_with_and_without_classes() {
        for ((h, w, c), classes) in [
            ((8, 8, 1), 0),
            ((28, 28, 1), 4),
            ((21, 34, 3), 2),
            ((64, 32, 4), 0),
        ] {
            let (g, d) = tiny([h, w, c], classes);
            let z = noise::normal(Key::new(3).words(), [2, 11], &Device::flex());
            let told = (classes > 0).then(|| Tensor::ones([2, classes], &Device::flex()));
            let x = g.forward(z, told.as_ref());
            assert_eq!(x.dims(), [2, h, w, c]);
            assert_eq!(d.layers(x.into()).1.value.dims(), [2, d.features()]);
        }
    }

    /// Every part of the latent moves the image, the last one through a block's norms alone.
    #[test]
    fn a_part_of_the_latent_reaches_each_block() {
        let (g, _) = tiny([16, 16, 1], 0);
        let z: Tensor<2> = noise::normal(Key::new(3).words(), [2, 11], &Device::flex());
        let at = |z: Tensor<2>| numbers(g.clone().valid().forward(z, None));
        let plain = at(z.clone());
        for i in 0..11 {
            let moved: Vec<f32> = (0..22).map(|n| if n % 11 == i { 3.0 } else { 0.0 }).collect();
            let moved = Tensor::from_data(burn::tensor::TensorData::new(moved, [2, 11]), &Device::flex());
            assert_ne!(at(z.clone() + moved), plain, "number {i}");
        }
    }
}
