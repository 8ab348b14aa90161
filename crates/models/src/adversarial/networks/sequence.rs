//! Residual convolutions along a sequence, as WGAN-GP has them for language (Gulrajani et al. 2017, arXiv:1704.00028, section 5.4 and
//! its code) and Killoran et al. 2017 (arXiv:1712.06148) for DNA: every place keeps its resolution, and the generator ends in a
//! softmax over the letters of each place, so that the critic sees ones among zeros of data and probabilities of samples.
use super::Told;
use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::activation::softmax;
use menagerie_data::error::{Error, Result};
use menagerie_data::{DataInfo, Kind};
use menagerie_nn::{Activation, Conv2d, Dual, Init, Linear, Weights, activations};
use serde::{Deserialize, Serialize};

/// `[model]`: the networks' sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// dimensions of a latent
    pub latent: usize,
    /// channels of a place (the papers: 512 for language, 100 for DNA)
    pub width: usize,
    /// residual blocks of each network
    pub blocks: usize,
    /// places that a kernel spans; an odd number
    pub kernel: usize,
    /// decay of the generator's moving average; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            latent: 128,
            width: 64,
            blocks: 5,
            kernel: 5,
            average: 0.0,
        }
    }
}

/// Weight of what a block adds.
const ADDED: f64 = 0.3;
/// Glorot's gain before a ReLU.
const GAIN: f64 = std::f64::consts::SQRT_2;

impl Sizes {
    /// Refuses what is no sequence, and kernels without a middle.
    ///
    /// # Errors
    /// [`Error::Data`] or [`Error::Recipe`].
    pub(super) fn fits(&self, model: &str, info: &DataInfo) -> Result<()> {
        if self.kernel.is_multiple_of(2) {
            let problem = format!("a kernel of {} places has none in the middle", self.kernel);
            return Err(Error::recipe(
                "model.kernel",
                problem,
                "give an odd number, such as 5",
            ));
        }
        match info.kind {
            Kind::Sequence => Ok(()),
            kind => Err(Error::data(
                &info.source,
                format!("{model} draws sequences, but these are {}", kind.plural()),
                "choose a source of sequences: proteins, dna, molecules, or a file such as x.fasta",
            )),
        }
    }

    fn along(&self, channels: [usize; 2], kernel: usize, gain: f64, init: &Init) -> Conv2d {
        Conv2d::of(channels)
            .row()
            .kernel(kernel)
            .padding(kernel / 2)
            .weights(Weights::Glorot(gain))
            .bias()
            .init(init)
    }

    fn stack(&self, init: &Init) -> Vec<Block> {
        let conv = |init: &Init| self.along([self.width; 2], self.kernel, GAIN, init);
        let block = |i: usize| {
            let at = init.at("block").nth(i);
            Block {
                first: conv(&at.at("first")),
                second: conv(&at.at("second")),
            }
        };
        (0..self.blocks).map(block).collect()
    }
}

/// x + 0.3 conv(ReLU(conv(ReLU(x))))
#[derive(Module, Debug)]
struct Block {
    first: Conv2d,
    second: Conv2d,
}

impl Block {
    fn dual(&self, x: Dual<4>) -> Dual<4> {
        let h = self
            .first
            .dual(x.clone().activation(Activation::Relu), Activation::Relu);
        x.plus(self.second.dual(h, Activation::Identity).scale(ADDED))
    }
}

/// Latent -> places -> blocks -> probabilities of the letters of each place.
#[derive(Module, Debug)]
pub struct Generator {
    project: Linear,
    blocks: Vec<Block>,
    out: Conv2d,
    length: usize,
}

impl Generator {
    /// For `[1, length, symbols]`; what is told is joined to the latent, whichever way it was asked for: there is no norm to speak
    /// through.
    pub(super) fn new(s: &Sizes, [_, length, symbols]: [usize; 3], told: Told, init: &Init) -> Self {
        let inputs = s.latent + told.joined + told.norms;
        Generator {
            project: Linear::of([inputs, length * s.width])
                .weights(Weights::Glorot(1.0))
                .init(&init.at("project")),
            blocks: s.stack(init),
            out: s.along([s.width, symbols], 1, 1.0, &init.at("out")),
            length,
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
        let x = self.project.forward(z, Activation::Identity);
        let [batch, units] = x.dims();
        let x = Dual::from(x.reshape([batch, 1, self.length, units / self.length]));
        let x = self.blocks.iter().fold(x, |x, block| block.dual(x));
        activations::keep(softmax(self.out.forward(x.value, Activation::Identity), 3))
    }
}

/// Sequence -> blocks -> all numbers of all places.
#[derive(Module, Debug)]
pub struct Trunk {
    first: Conv2d,
    blocks: Vec<Block>,
    length: usize,
}

impl Trunk {
    pub(super) fn new(s: &Sizes, [_, length, symbols]: [usize; 3], init: &Init) -> Self {
        Trunk {
            first: s.along([symbols, s.width], 1, 1.0, &init.at("first")),
            blocks: s.stack(init),
            length,
        }
    }

    /// See [`super::TrunkNetwork::layers`].
    pub fn layers(&self, x: Dual<4>) -> (Vec<Dual<4>>, Dual<2>) {
        let mut seen = Vec::new();
        let x = self.first.dual(x, Activation::Identity);
        let x = self.blocks.iter().fold(x, |x, block| {
            let x = block.dual(x);
            seen.push(x.clone());
            x
        });
        // Or a bias of the last block would be one number for all scores, of which a Wasserstein critic learns nothing.
        let x = x.activation(Activation::Relu);
        (seen, x.linear(|t| t.flatten::<2>(1, 3)))
    }

    /// See [`super::TrunkNetwork::features`].
    pub fn features(&self) -> usize {
        self.first.weight.dims()[3] * self.length
    }

    pub(super) fn head(&self, outputs: usize, init: &Init) -> Linear {
        let of = Linear::of([self.features(), outputs]).weights(Weights::Glorot(1.0));
        of.init(&init.at("score"))
    }
}
