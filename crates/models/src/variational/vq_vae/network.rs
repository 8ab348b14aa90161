//! Networks of the vector-quantized autoencoder: from an item to a grid of vectors, and back.
//!
//! van den Oord, Vinyals, Kavukcuoglu (2017), arXiv:1711.00937, section 4.1: strided convolutions of 4x4, then residual
//! blocks of ReLU, 3x3 convolution, ReLU, 1x1 convolution; the decoder has the same backwards.
use super::Sizes;
use super::codebook::Codebook;
use burn::module::Module;
use burn::tensor::Tensor;
use menagerie_nn::{Activation, Conv2d, ConvTranspose2d, Init, Linear, Weights, activation, activations};

/// Heights and widths from the item to the grid of codes; halving drops an odd pixel, which the way up meets again.
fn pyramid([h, w]: [usize; 2], halvings: usize) -> Vec<[usize; 2]> {
    (0..=halvings).map(|n| [h >> n, w >> n]).collect()
}

/// x + W relu(conv(relu(x)))
#[derive(Module, Debug)]
struct Block {
    conv: Conv2d,
    out: Linear,
}

impl Block {
    fn new(s: &Sizes, init: &Init) -> Block {
        let conv = Conv2d::of([s.width, s.inner])
            .padding(1)
            .weights(Weights::He(1.0));
        Block {
            conv: conv.bias().init(&init.at("conv")),
            out: Linear::of([s.inner, s.width]).init(&init.at("out")),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let y = self
            .conv
            .forward(activation(x.clone(), Activation::Relu), Activation::Relu);
        x + self.out.forward(y, Activation::Identity)
    }
}

/// The encoder, the codes and the decoder, which are trained together.
#[derive(Module, Debug)]
pub(super) struct VqNetwork {
    downs: Vec<Conv2d>,
    enter: Conv2d,
    encoding: Vec<Block>,
    /// to the codes' vectors
    narrow: Linear,
    /// what vectors are replaced by
    pub codebook: Codebook,
    widen: Conv2d,
    decoding: Vec<Block>,
    ups: Vec<ConvTranspose2d>,
    #[module(skip)]
    pyramid: Vec<[usize; 2]>,
    /// of an item
    channels: usize,
}

impl VqNetwork {
    /// Fresh weights for items of that shape, with `codes` codes; `outputs` numbers are said of a pixel.
    pub(super) fn new(
        s: &Sizes,
        [h, w, c]: [usize; 3],
        outputs: usize,
        codes: usize,
        init: &Init,
    ) -> VqNetwork {
        let channels = |n: usize| if n == 0 { c } else { s.width };
        let down = |n: usize| {
            let of = Conv2d::of([channels(n - 1), s.width])
                .kernel(4)
                .stride(2)
                .padding(1);
            of.weights(Weights::He(1.0)).bias().init(&init.at("down").nth(n))
        };
        let up = |n: usize| {
            let to = if n == 1 { outputs } else { s.width };
            let of = ConvTranspose2d::of([s.width, to]).kernel(4).stride(2).padding(1);
            of.weights(Weights::He(1.0)).bias().init(&init.at("up").nth(n))
        };
        let blocks = |name: &str| {
            (0..s.blocks)
                .map(|i| Block::new(s, &init.at(name).nth(i)))
                .collect()
        };
        let conv = |from: usize, name: &str| {
            let of = Conv2d::of([from, s.width]).padding(1).weights(Weights::He(1.0));
            of.bias().init(&init.at(name))
        };
        VqNetwork {
            downs: (1..=s.halvings).map(down).collect(),
            enter: conv(channels(s.halvings), "enter"),
            encoding: blocks("encoding"),
            narrow: Linear::of([s.width, s.latent]).init(&init.at("narrow")),
            codebook: Codebook::new(codes, s.latent, init.device()),
            widen: conv(s.latent, "widen"),
            decoding: blocks("decoding"),
            ups: (1..=s.halvings).rev().map(up).collect(),
            pyramid: pyramid([h, w], s.halvings),
            channels: c,
        }
    }

    /// Height and width of the grid of codes.
    pub(super) fn grid(&self) -> [usize; 2] {
        self.pyramid[self.pyramid.len() - 1]
    }

    /// Items `[batch, height, width, channel]` -> a vector a place of the grid, `[batch rows columns, latent]`.
    pub(super) fn encode(&self, x: Tensor<4>) -> Tensor<2> {
        let x = self
            .downs
            .iter()
            .fold(x, |x, down| down.forward(x, Activation::Relu));
        let x = self.enter.forward(x, Activation::Identity);
        let x = self.encoding.iter().fold(x, |x, block| block.forward(x));
        let z = self
            .narrow
            .forward(activation(x, Activation::Relu), Activation::Identity);
        let [batch, h, w, latent] = z.dims();
        z.reshape([batch * h * w, latent])
    }

    /// What such vectors say about items, `[batch, height, width, outputs]`.
    pub(super) fn decode(&self, z: Tensor<2>) -> Tensor<4> {
        let ([h, w], [rows, latent]) = (self.grid(), z.dims());
        let x = self
            .widen
            .forward(z.reshape([rows / (h * w), h, w, latent]), Activation::Identity);
        let x = activation(
            self.decoding.iter().fold(x, |x, block| block.forward(x)),
            Activation::Relu,
        );
        let last = self.ups.len() - 1;
        self.ups.iter().enumerate().fold(x, |x, (i, up)| {
            up.forward(
                x,
                self.pyramid[last - i],
                if i == last {
                    Activation::Identity
                } else {
                    Activation::Relu
                },
            )
        })
    }

    /// What passes the layers for one item in a training step, to count by what they keep.
    pub(super) fn pass_one(&self) -> Tensor<4> {
        let [h, w] = self.pyramid[0];
        let blank = Tensor::zeros([1, h, w, self.channels], &self.widen.weight.device());
        self.decode(activations::keep(self.encode(blank)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use menagerie_data::random::Key;

    #[test]
    fn any_size_there_and_back() {
        let device = Device::flex();
        for (h, w, c, halvings) in [(8, 8, 1, 1), (13, 21, 3, 2), (30, 45, 4, 3)] {
            let s = Sizes {
                width: 6,
                inner: 3,
                blocks: 2,
                halvings,
                latent: 5,
                ..Sizes::default()
            };
            let network = VqNetwork::new(&s, [h, w, c], 2 * c, 7, &Init::new(Key::new(1), &device));
            let [rows, columns] = network.grid();
            assert_eq!([rows, columns], [h >> halvings, w >> halvings]);
            let z = network.encode(Tensor::ones([2, h, w, c], &device));
            assert_eq!(z.dims(), [2 * rows * columns, 5]);
            assert_eq!(network.decode(z).dims(), [2, h, w, 2 * c]);
        }
    }
}
