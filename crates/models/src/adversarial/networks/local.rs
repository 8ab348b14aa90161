//! Location-aware networks (de Oliveira, Paganini, Nachman 2017, arXiv:1701.05927, LAGAN, section 4): locally connected layers, whose
//! weights are others at every place, since what a detector sees is centred and turned and no place is like another; a ReLU at the end
//! of the generator, since most pixels are exactly empty. Between them convolutions, as in the paper.
use super::Told;
use super::heads::MinibatchDiscrimination;
use burn::module::Module;
use burn::tensor::Tensor;
use menagerie_kernels::resize_nearest;
use menagerie_nn::{Activation, BatchNorm, Conv2d, Dual, Init, Linear, Local2d, Weights, activation};
use serde::{Deserialize, Serialize};

/// `[model]`: the networks' sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// dimensions of a latent
    pub latent: usize,
    /// channels of the convolutions
    pub width: usize,
    /// channels of the locally connected layers (paper: 6 and 8)
    pub local: usize,
    /// kernels of minibatch discrimination behind the discriminator's features (Salimans et al. 2016, section 3.2); 0 for none
    pub minibatch: usize,
    /// decay of the generator's moving average; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            latent: 100,
            width: 32,
            local: 8,
            minibatch: 20,
            average: 0.0,
        }
    }
}

/// The least side of an image.
pub(super) const LEAST: usize = 10;
const LEAKY: Activation = Activation::LeakyRelu(0.2);
/// Side of the locally connected layers' kernels.
const KERNEL: usize = 3;
/// What the last biases begin at: every pixel is alive at first.
const ALIVE: f64 = 0.3;

fn conv(channels: [usize; 2], stride: usize, init: &Init) -> Conv2d {
    Conv2d::of(channels)
        .stride(stride)
        .padding(1)
        .weights(Weights::Glorot(1.0))
        .bias()
        .init(init)
}

/// Latent -> half the image's size -> convolution -> its size -> two locally connected layers -> ReLU.
#[derive(Module, Debug)]
pub struct Generator {
    project: Linear,
    norms: Vec<BatchNorm>,
    conv: Conv2d,
    first: Local2d,
    second: Local2d,
    #[module(skip)]
    sizes: [[usize; 2]; 2],
}

impl Generator {
    /// What is told is joined to the latent, whichever way it was asked for.
    pub(super) fn new(s: &Sizes, [h, w, colours]: [usize; 3], told: Told, init: &Init) -> Self {
        let whole = [h, w].map(|n| n + 2 * (KERNEL - 1));
        let half = whole.map(|n| n.div_ceil(2));
        let inputs = s.latent + told.joined + told.norms;
        let norm = |i: usize| BatchNorm::of(s.width).init(&init.at("norm").nth(i));
        let between = whole.map(|n| n + 1 - KERNEL);
        Generator {
            project: Linear::of([inputs, half[0] * half[1] * s.width])
                .weights(Weights::Glorot(1.0))
                .no_bias()
                .init(&init.at("project")),
            norms: (0..2).map(norm).collect(),
            conv: Conv2d::of([s.width; 2])
                .padding(1)
                .weights(Weights::Glorot(1.0))
                .init(&init.at("conv")),
            first: Local2d::new([s.width, s.local], whole, KERNEL, 0.0, &init.at("first")),
            second: Local2d::new([s.local, colours], between, KERNEL, ALIVE, &init.at("second")),
            sizes: [half, whole],
        }
    }

    pub(super) fn first(&self) -> &Linear {
        &self.project
    }

    /// See [`super::GeneratorNetwork::forward`]; empty is -1.
    pub fn forward(&self, z: Tensor<2>, told: Option<&Tensor<2>>) -> Tensor<4> {
        activation(self.unbounded(z, told), Activation::Relu) * 2.0 - 1.0
    }

    /// The same before the last ReLU, `[batch, height, width, channel]`.
    pub(super) fn unbounded(&self, z: Tensor<2>, told: Option<&Tensor<2>>) -> Tensor<4> {
        let z = match told {
            Some(t) => Tensor::cat(vec![z, t.clone()], 1),
            None => z,
        };
        let ([[h, w], whole], batch) = (self.sizes, z.dims()[0]);
        let x = self.project.forward(z, Activation::Identity);
        let width = x.dims()[1] / (h * w);
        let x = self.norms[0].forward(x.reshape([batch, h, w, width]), LEAKY);
        let x = self.conv.forward(x, Activation::Identity);
        let x = resize_nearest(self.norms[1].forward(x, LEAKY), whole);
        let x = self.first.forward(x, LEAKY);
        self.second.forward(x, Activation::Identity)
    }
}

/// Image -> convolution to half its size -> two locally connected layers; what is left, flattened, is the features.
#[derive(Module, Debug)]
pub struct Trunk {
    conv: Conv2d,
    locals: Vec<Local2d>,
    minibatch: Option<MinibatchDiscrimination>,
    flat: usize,
}

impl Trunk {
    pub(super) fn new(s: &Sizes, [h, w, colours]: [usize; 3], init: &Init) -> Self {
        // What a kernel of 3 at stride 2 with padding leaves.
        let first = [h, w].map(|n| n.div_ceil(2));
        let second = first.map(|n| n + 1 - KERNEL);
        let last = second.map(|n| n + 1 - KERNEL);
        let flat = last[0] * last[1] * s.local;
        let local =
            |channels, size, i: usize| Local2d::new(channels, size, KERNEL, 0.0, &init.at("local").nth(i));
        Trunk {
            conv: conv([colours, s.width], 2, &init.at("conv")),
            locals: vec![
                local([s.width, s.local], first, 0),
                local([s.local, s.local], second, 1),
            ],
            minibatch: (s.minibatch > 0)
                .then(|| MinibatchDiscrimination::new(flat, s.minibatch, &init.at("minibatch"))),
            flat,
        }
    }

    /// See [`super::TrunkNetwork::layers`].
    pub fn layers(&self, x: Dual<4>) -> (Vec<Dual<4>>, Dual<2>) {
        let x = self.conv.dual(x, LEAKY);
        let mut seen = vec![x.clone()];
        let x = self.locals.iter().fold(x, |x, local| {
            let x = local.dual(x, LEAKY);
            seen.push(x.clone());
            x
        });
        let flat = x.linear(|t| t.flatten::<2>(1, 3));
        let features = match &self.minibatch {
            Some(m) => m.dual(flat),
            None => flat,
        };
        (seen, features)
    }

    /// See [`super::TrunkNetwork::features`].
    pub fn features(&self) -> usize {
        self.flat + self.minibatch.as_ref().map_or(0, |m| m.kernels())
    }

    pub(super) fn smooth(&self) -> bool {
        self.minibatch.is_some()
    }

    pub(super) fn head(&self, outputs: usize, init: &Init) -> Linear {
        let of = Linear::of([self.features(), outputs]).weights(Weights::Glorot(1.0));
        of.init(&init.at("logit"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use menagerie_data::Key;
    use menagerie_nn::numbers;

    /// Pixels can be exactly empty, at any size; the trunk takes what the generator makes.
    #[test]
    fn what_is_made_is_sparse() {
        let device = Device::flex();
        for (h, w, c) in [(20, 20, 1), (12, 9, 2)] {
            let s = Sizes {
                latent: 6,
                width: 4,
                local: 3,
                ..Sizes::default()
            };
            let mut g = Generator::new(&s, [h, w, c], Told::default(), &Init::new(Key::new(1), &device));
            let d = Trunk::new(&s, [h, w, c], &Init::new(Key::new(2), &device));
            g.second.bias = g.second.bias.map(|b| b - ALIVE - 1.0);
            let z = menagerie_kernels::noise::normal(Key::new(3).words(), [5, 6], &device);
            let x = g.forward(z, None);
            assert_eq!(x.dims(), [5, h, w, c]);
            let values = numbers(x.clone());
            let empty = values.iter().filter(|v| **v == -1.0).count();
            assert!(
                empty > values.len() / 4 && empty < values.len(),
                "{empty} of {}",
                values.len()
            );
            assert_eq!(d.layers(x.into()).1.value.dims(), [5, d.features()]);
        }
    }
}
