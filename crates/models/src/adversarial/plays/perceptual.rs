//! Whether two images look alike to a network (Johnson, Alahi, Fei-Fei 2016, arXiv:1603.08155; Zhang, Sindagi, Patel 2017,
//! arXiv:1701.05957, equation 5): the mean squared difference of what a layer V sees of them,
//!
//! L_P = || V(G(x)) - V(y) ||^2 / (C W H)
//!
//! The papers' V is VGG-16 up to its fourth convolution, trained on a million photographs. Here it is a network of that form whose
//! weights were never trained, which sees edges, corners and textures as they do (Ulyanov et al. 2018 say why that is much), or
//! the critic, layer by layer (Wang et al. 2018, arXiv:1711.11585, equation 4), which has learned what is to be seen of these
//! images.
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use menagerie_data::random::Key;
use menagerie_kernels::max_pool2d;
use menagerie_nn::{Activation, Conv2d, Init, Weights};
use serde::{Deserialize, Serialize};

/// Who looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Perceiver {
    /// a network that was never trained, the same whatever the seed
    #[default]
    Random,
    /// the critic
    Critic,
}

/// Channels of the two blocks of two layers each: half of VGG's.
const WIDTHS: [usize; 2] = [32, 64];

/// The first four layers of a VGG that was never trained.
pub(super) struct Untrained {
    layers: Vec<Conv2d>,
}

impl Untrained {
    /// For images of so many channels.
    pub(super) fn new(channels: usize, device: &Device) -> Self {
        // Its weights follow from nothing but its shape, so that no checkpoint has to hold them.
        let init = Init::new(Key::new(0).stream("perceptual"), device);
        let widths = WIDTHS.iter().flat_map(|&w| [w, w]).enumerate();
        let layers = widths.scan(channels, |inputs, (i, outputs)| {
            let of = Conv2d::of([*inputs, outputs]).kernel(3).padding(1);
            *inputs = outputs;
            Some(of.weights(Weights::He(1.0)).init(&init.nth(i)).no_grad())
        });
        Untrained {
            layers: layers.collect(),
        }
    }

    /// What its last layer sees.
    fn sees(&self, x: Tensor<4>) -> Tensor<4> {
        self.layers.iter().enumerate().fold(x, |x, (i, layer)| {
            let [_, h, w, _] = x.dims();
            let x = match i == WIDTHS.len() && h.min(w) > 1 {
                true => max_pool2d(x, [2; 2], [2; 2], [0; 2]),
                false => x,
            };
            layer.forward(x, Activation::Relu)
        })
    }

    /// How differently two batches of images look to it, `[1]`.
    pub(super) fn distance(&self, a: Tensor<4>, b: Tensor<4>) -> Tensor<1> {
        let off = self.sees(a) - self.sees(b);
        (off.clone() * off).mean()
    }
}

/// How differently layers see two batches of images, the mean over them, `[1]`.
pub(super) fn between(a: Vec<Tensor<4>>, b: Vec<Tensor<4>>) -> Tensor<1> {
    let count = a.len().max(1) as f64;
    let off = |(a, b): (Tensor<4>, Tensor<4>)| (a - b.detach()).abs().mean();
    let all = a.into_iter().zip(b).map(off).reduce(|a, b| a + b);
    all.map_or_else(|| Tensor::zeros([1], &Device::flex()), |sum| sum / count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie_kernels::noise;
    use menagerie_nn::number;

    /// It is no sum over pixels: grain, and light of the same squared error, are not as far as each other. It is the same network
    /// each time, and images of a pixel pass.
    #[test]
    fn looks_are_not_squares_of_differences() {
        let device = Device::flex();
        let key = Key::new(1);
        let x: Tensor<4> = noise::normal(key.words(), [2, 16, 16, 3], &device) * 0.3;
        let grain = noise::normal(key.stream("grain").words(), [2, 16, 16, 3], &device) * 0.1;
        let size = number((grain.clone() * grain.clone()).mean()).sqrt();
        let v = Untrained::new(3, &device);
        let off = |y: Tensor<4>| number(v.distance(y, x.clone()));
        let ratio = off(x.clone() + grain) / off(x.clone() + size);
        assert!(!(0.8..1.25).contains(&ratio), "{ratio}");
        assert_eq!(off(x.clone()), 0.0);
        let again = Untrained::new(3, &device);
        assert_eq!(
            number(again.distance(x.clone() + 0.1, x.clone())),
            off(x.clone() + 0.1)
        );
        let small = x.narrow(1, 0, 1).narrow(2, 0, 1);
        assert!(number(v.distance(small.clone(), small * 2.0)) > 0.0);
    }
}
