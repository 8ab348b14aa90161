//! Encoders and decoders: convolutions that halve an image, fully connected layers, and the same backwards.
use super::elbo::Gaussian;
use burn::module::{Module, ModuleDisplay};
use burn::tensor::Tensor;
use menagerie_data::error::{Error, Result};
use menagerie_nn::pyramid::{channels, sizes};
use menagerie_nn::{Activation, BatchNorm, Conv2d, ConvTranspose2d, Init, Linear, Weights};
use serde::{Deserialize, Serialize};

/// What items pass through before (and latents after) the fully connected layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// nothing: fully connected layers alone
    Mlp,
    /// 4x4 convolutions of stride 2 down to a grid of 4 to 7 pixels
    Conv,
}

/// The function after every hidden layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Nonlinearity {
    /// max(x, 0)
    Relu,
    /// x where positive, else 0.2 x
    LeakyRelu,
    /// hyperbolic tangent
    Tanh,
    /// x sigmoid(x)
    Silu,
}

impl Nonlinearity {
    /// What a layer takes.
    pub(super) fn activation(self) -> Activation {
        match self {
            Nonlinearity::Relu => Activation::Relu,
            Nonlinearity::LeakyRelu => Activation::LeakyRelu(0.2),
            Nonlinearity::Tanh => Activation::Tanh,
            Nonlinearity::Silu => Activation::Silu,
        }
    }
}

/// The layers of an encoder; a decoder has them in the reverse order.
#[derive(Clone, Debug, PartialEq)]
pub struct Layers {
    /// convolutions or not
    pub network: Architecture,
    /// channels at half the image's size, doubling with every halving up to eight times as many
    pub width: usize,
    /// units of the fully connected hidden layers, the item's side first
    pub hidden: Vec<usize>,
    /// after every hidden layer
    pub activation: Nonlinearity,
    /// batch norm after every convolution but the one next to the image
    pub batch_norm: bool,
}

impl Layers {
    /// Refuses sizes of zero, and images that are too small to halve.
    ///
    /// # Errors
    /// [`Error::Recipe`] with the key.
    pub fn check(&self, item: [usize; 3]) -> Result<()> {
        if self.hidden.contains(&0) || (self.network == Architecture::Conv && self.width == 0) {
            return Err(Error::recipe(
                "model",
                "a layer of no units",
                "give width and every number of hidden 1 or more",
            ));
        }
        let [h, w, _] = item;
        if self.network == Architecture::Conv && h.min(w) < 8 {
            let problem = format!("items of {h}x{w} are too small for strided convolutions");
            return Err(Error::recipe(
                "model.network",
                problem,
                "set it to \"mlp\", or enlarge images with --size 8 or more",
            ));
        }
        Ok(())
    }

    /// Sizes from the image to the grid; the item's size alone without convolutions.
    fn sizes(&self, [h, w, _]: [usize; 3]) -> Vec<[usize; 2]> {
        if self.network == Architecture::Conv {
            sizes([h, w])
        } else {
            vec![[h, w]]
        }
    }

    fn channels_at(&self, i: usize, item_channels: usize) -> usize {
        if i == 0 {
            item_channels
        } else {
            channels(self.width, i)
        }
    }
}

/// Items `[batch, height, width, channel]` -> numbers `[batch, outputs]`.
#[derive(Module, Debug)]
pub struct Encoder {
    downs: Vec<Conv2d>,
    norms: Vec<BatchNorm>,
    hidden: Vec<Linear>,
    out: Linear,
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    item: [usize; 3],
}

impl Encoder {
    /// Fresh weights for items of that shape.
    pub fn new(layers: &Layers, item: [usize; 3], outputs: usize, init: &Init) -> Self {
        let sizes = layers.sizes(item);
        let n = sizes.len() - 1;
        let at = |i: usize| layers.channels_at(i, item[2]);
        let down = |i: usize| {
            let of = Conv2d::of([at(i - 1), at(i)]).kernel(4).stride(2).padding(1);
            of.weights(Weights::He(1.0))
                .bias_if(!layers.batch_norm || i == 1)
                .init(&init.at("down").nth(i))
        };
        let norm = |i: usize| BatchNorm::of(at(i)).init(&init.at("norm").nth(i));
        let [h, w] = sizes[n];
        let widths = layers.hidden.iter().copied();
        let (hidden, last) = stack(h * w * at(n), widths, &init.at("hidden"));
        Encoder {
            downs: (1..=n).map(down).collect(),
            norms: (2..=n).filter(|_| layers.batch_norm).map(norm).collect(),
            hidden,
            out: Linear::of([last, outputs]).init(&init.at("out")),
            activation: layers.activation.activation(),
            item,
        }
    }

    /// Convolutions.
    pub fn depth(&self) -> usize {
        self.downs.len()
    }

    /// What convolution `to` (counted from 1) makes of what convolution `from` made; `from` 0 takes items.
    pub fn convolved(&self, x: Tensor<4>, from: usize, to: usize) -> Tensor<4> {
        let plain = Activation::Identity;
        (from..to).fold(x, |x, i| match i.checked_sub(1).and_then(|i| self.norms.get(i)) {
            Some(norm) => norm.forward(self.downs[i].forward(x, plain), self.activation),
            None => self.downs[i].forward(x, self.activation),
        })
    }

    /// What follows the last convolution.
    pub fn head(&self, x: Tensor<4>) -> Tensor<2> {
        self.out.forward(self.flat(x), Activation::Identity)
    }

    fn flat(&self, x: Tensor<4>) -> Tensor<2> {
        self.hidden
            .iter()
            .fold(x.flatten::<2>(1, 3), |x, layer| layer.forward(x, self.activation))
    }

    /// What the last hidden layer makes of items, `[batch, features]`; the items themselves if there is none.
    pub fn features(&self, x: Tensor<4>) -> Tensor<2> {
        self.flat(self.convolved(x, 0, self.depth()))
    }

    /// Numbers that [`Encoder::features`] gives an item.
    pub fn feature_count(&self) -> usize {
        self.out.weight.dims()[0]
    }

    /// The code of items.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        self.head(self.convolved(x, 0, self.depth()))
    }

    /// An item of zeros, to count by what layers keep.
    pub fn blank(&self) -> Tensor<4> {
        let [h, w, c] = self.item;
        Tensor::zeros([1, h, w, c], &self.out.weight.device())
    }
}

/// Latents `[batch, inputs]` -> items `[batch, height, width, channel]`.
#[derive(Module, Debug)]
pub struct Decoder {
    hidden: Vec<Linear>,
    /// to the grid
    out: Linear,
    norms: Vec<BatchNorm>,
    ups: Vec<ConvTranspose2d>,
    #[module(skip)]
    activation: Activation,
    /// after the last layer
    #[module(skip)]
    end: Activation,
    #[module(skip)]
    sizes: Vec<[usize; 2]>,
}

impl Decoder {
    /// Fresh weights for items of that shape; its channels may be more than the item's, where it tells more of each number.
    pub fn new(layers: &Layers, inputs: usize, item: [usize; 3], init: &Init) -> Self {
        let sizes = layers.sizes(item);
        let n = sizes.len() - 1;
        let at = |i: usize| layers.channels_at(i, item[2]);
        let up = |i: usize| {
            let of = ConvTranspose2d::of([at(i), at(i - 1)])
                .kernel(4)
                .stride(2)
                .padding(1);
            of.weights(Weights::He(1.0))
                .bias_if(!layers.batch_norm || i == 1)
                .init(&init.at("up").nth(i))
        };
        let norm = |i: usize| BatchNorm::of(at(i)).init(&init.at("norm").nth(i));
        let [h, w] = sizes[n];
        let widths = layers.hidden.iter().rev().copied();
        let (hidden, last) = stack(inputs, widths, &init.at("hidden"));
        Decoder {
            hidden,
            out: Linear::of([last, h * w * at(n)]).init(&init.at("out")),
            norms: (1..n).rev().filter(|_| layers.batch_norm).map(norm).collect(),
            ups: (1..=n).rev().map(up).collect(),
            activation: layers.activation.activation(),
            end: Activation::Identity,
            sizes,
        }
    }

    /// The same with items kept in (-1, 1) by a tanh.
    pub fn bounded(self) -> Self {
        Decoder {
            end: Activation::Tanh,
            ..self
        }
    }

    /// Numbers of a latent.
    pub fn inputs(&self) -> usize {
        self.hidden.first().unwrap_or(&self.out).weight.dims()[0]
    }

    /// What latents stand for.
    pub fn forward(&self, z: Tensor<2>) -> Tensor<4> {
        let plain = Activation::Identity;
        let (batch, n) = (z.dims()[0], self.ups.len());
        let x = self
            .hidden
            .iter()
            .fold(z, |x, layer| layer.forward(x, self.activation));
        let x = self
            .out
            .forward(x, if n > 0 { self.activation } else { self.end });
        let [h, w] = self.sizes[n];
        let channels = x.dims()[1] / (h * w);
        let x = x.reshape([batch, h, w, channels]);
        self.ups.iter().enumerate().fold(x, |x, (i, up)| {
            let size = self.sizes[n - 1 - i];
            match self.norms.get(i) {
                Some(norm) => norm.forward(up.forward(x, size, plain), self.activation),
                None => up.forward(x, size, if i + 1 == n { self.end } else { self.activation }),
            }
        })
    }

    /// So many latents of zeros, to count by what layers keep.
    pub fn blank(&self, rows: usize) -> Tensor<2> {
        Tensor::zeros([rows, self.inputs()], &self.out.weight.device())
    }
}

/// Fully connected layers, and the width of the last.
fn stack(inputs: usize, widths: impl Iterator<Item = usize>, init: &Init) -> (Vec<Linear>, usize) {
    let sizes: Vec<usize> = [inputs].into_iter().chain(widths).collect();
    let layers = sizes.windows(2).enumerate();
    let layers = layers.map(|(i, s)| Linear::of([s[0], s[1]]).init(&init.nth(i)));
    (layers.collect(), sizes[sizes.len() - 1])
}

/// What tells of an item which latents it may have come from: a distribution q(z | x).
pub trait Recognition: Module + ModuleDisplay + 'static {
    /// q(z | x), or the Gaussian that has its means and variances, of items `[batch, height, width, channel]`.
    fn posterior(&self, x: Tensor<4>) -> Gaussian;
    /// Standard normal numbers that a draw is made of.
    fn noise(&self) -> usize;
    /// Draws of q(z | x), `[K batch, latent]`, of noise `[K batch, numbers]`; row r is a draw for item r mod batch.
    fn draw(&self, x: Tensor<4>, noise: Tensor<2>) -> Tensor<2>;
    /// What its last layer before the latent makes of items alone, `[batch, features]`.
    fn features(&self, x: Tensor<4>) -> Tensor<2>;
    /// Numbers of [`Recognition::features`].
    fn feature_count(&self) -> usize;
}

/// Means, and logarithms of variances.
impl Recognition for Encoder {
    fn posterior(&self, x: Tensor<4>) -> Gaussian {
        Gaussian::of(self.forward(x))
    }
    fn noise(&self) -> usize {
        self.out.weight.dims()[1] / 2
    }
    fn draw(&self, x: Tensor<4>, noise: Tensor<2>) -> Tensor<2> {
        self.posterior(x).draw(noise)
    }
    fn features(&self, x: Tensor<4>) -> Tensor<2> {
        Encoder::features(self, x)
    }
    fn feature_count(&self) -> usize {
        Encoder::feature_count(self)
    }
}

/// An encoder and a decoder that are trained together.
#[derive(Module, Debug)]
pub struct PairNetwork<E: Module = Encoder> {
    /// items to codes
    pub encoder: E,
    /// latents to items
    pub decoder: Decoder,
}

impl PairNetwork {
    /// What passes the layers for one item in a training step with so many draws of its latent.
    pub fn pass_one(&self, draws: usize) {
        self.encoder.forward(self.encoder.blank());
        self.decoder.forward(self.decoder.blank(draws));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use menagerie_data::random::Key;
    use menagerie_nn::activations;

    /// Odd sizes too, with and without norms and hidden layers.
    #[test]
    fn any_size_there_and_back() {
        let device = Device::flex();
        let cases = [
            (Architecture::Conv, 8, 8, 1),
            (Architecture::Conv, 13, 21, 3),
            (Architecture::Conv, 30, 45, 4),
            (Architecture::Mlp, 5, 3, 2),
        ];
        for (network, h, w, c) in cases {
            for (batch_norm, hidden) in [(false, vec![]), (true, vec![7, 6])] {
                let layers = Layers {
                    network,
                    width: 2,
                    hidden,
                    activation: Nonlinearity::Silu,
                    batch_norm,
                };
                layers.check([h, w, c]).unwrap();
                let encoder = Encoder::new(&layers, [h, w, c], 6, &Init::new(Key::new(1), &device));
                let decoder = Decoder::new(&layers, 3, [h, w, 2 * c], &Init::new(Key::new(2), &device));
                let x = Tensor::ones([2, h, w, c], &device);
                assert_eq!(encoder.features(x.clone()).dims(), [2, encoder.feature_count()]);
                assert_eq!(encoder.forward(x).dims(), [2, 6]);
                assert_eq!(
                    (
                        decoder.inputs(),
                        decoder.forward(Tensor::ones([2, 3], &device)).dims()
                    ),
                    (3, [2, h, w, 2 * c])
                );
            }
        }
        let layers = Layers {
            network: Architecture::Conv,
            width: 2,
            hidden: vec![],
            activation: Nonlinearity::Relu,
            batch_norm: false,
        };
        assert!(
            layers
                .check([7, 30, 1])
                .unwrap_err()
                .to_string()
                .contains("model.network")
        );
    }

    /// Each layer keeps what it gives: counted by hand here.
    #[test]
    fn layers_keep_what_they_give() {
        let init = Init::new(Key::new(1), &Device::flex());
        let mut layers = Layers {
            network: Architecture::Mlp,
            width: 2,
            hidden: vec![7, 6],
            activation: Nonlinearity::Relu,
            batch_norm: true,
        };
        let kept = |layers: &Layers, item: [usize; 3], draws: usize| {
            let encoder = Encoder::new(layers, item, 8, &init);
            let decoder = Decoder::new(layers, 4, item, &init);
            let pair = PairNetwork { encoder, decoder };
            activations::counted(|| pair.pass_one(draws))
        };
        assert_eq!(kept(&layers, [5, 3, 2], 1), (7 + 6 + 8) + (6 + 7 + 30));
        assert_eq!(kept(&layers, [5, 3, 2], 10), (7 + 6 + 8) + 10 * (6 + 7 + 30));
        // 16x16x1 -> 8x8x2 -> 4x4x4, the second normed, and back.
        layers.network = Architecture::Conv;
        let encoder = 128 + 2 * 64 + 7 + 6 + 8;
        let decoder = 6 + 7 + 64 + 2 * 128 + 256;
        assert_eq!(kept(&layers, [16, 16, 1], 1), encoder + decoder);
    }
}
