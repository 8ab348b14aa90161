//! Networks of the vector-quantized autoencoder: from an item to a grid of vectors, and back.
//!
//! van den Oord, Vinyals, Kavukcuoglu (2017), arXiv:1711.00937, section 4.1: strided convolutions of 4x4, then residual
//! blocks of ReLU, 3x3 convolution, ReLU, 1x1 convolution; the decoder has the same backwards.
use super::codebook::Codebook;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use menagerie_data::random::Key;
use menagerie_nn::{Activation, Conv2d, ConvTranspose2d, Linear, activation};

/// The networks' sizes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sizes {
    /// channels
    pub width: usize,
    /// channels within a residual block
    pub inner: usize,
    /// residual blocks on each side
    pub blocks: usize,
    /// times that height and width are halved
    pub halvings: usize,
    /// numbers of a code's vector
    pub latent: usize,
}

impl Sizes {
    /// Heights and widths from the item to the grid of codes; halving drops an odd pixel, which the way up meets again.
    pub fn pyramid(&self, [h, w]: [usize; 2]) -> Vec<[usize; 2]> {
        (0..=self.halvings).map(|n| [h >> n, w >> n]).collect()
    }
}

/// Standard deviation of first weights (He et al. 2015) for `inputs` numbers that make one.
fn std(inputs: usize) -> f64 {
    (2.0 / inputs as f64).sqrt()
}

/// x + W relu(conv(relu(x)))
#[derive(Module, Debug)]
struct Block {
    conv: Conv2d,
    out: Linear,
}

impl Block {
    fn new(s: &Sizes, key: Key, device: &Device) -> Block {
        let conv = Conv2d::new(
            [s.width, s.inner],
            3,
            1,
            1,
            std(9 * s.width),
            key.stream("conv"),
            device,
        )
        .with_bias(device);
        Block {
            conv,
            out: Linear::new(s.inner, s.width, key.stream("out"), device),
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
pub struct Network {
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
}

impl Network {
    /// Fresh weights for items of that shape, with `codes` codes; `outputs` numbers are said of a pixel.
    pub fn new(
        s: &Sizes,
        [h, w, c]: [usize; 3],
        outputs: usize,
        codes: usize,
        key: Key,
        device: &Device,
    ) -> Network {
        let channels = |n: usize| if n == 0 { c } else { s.width };
        let down = |n: usize| {
            let from = channels(n - 1);
            Conv2d::new(
                [from, s.width],
                4,
                2,
                1,
                std(16 * from),
                key.stream("down").step(n as u64),
                device,
            )
            .with_bias(device)
        };
        let up = |n: usize| {
            let to = if n == 1 { outputs } else { s.width };
            // Of the 4x4 weights of stride 2, a quarter reaches each pixel.
            ConvTranspose2d::new(
                [s.width, to],
                4,
                2,
                1,
                std(4 * s.width),
                key.stream("up").step(n as u64),
                device,
            )
            .with_bias(device)
        };
        let blocks = |name: &str| {
            (0..s.blocks)
                .map(|i| Block::new(s, key.stream(name).step(i as u64), device))
                .collect()
        };
        let conv = |from: usize, name: &str| {
            Conv2d::new([from, s.width], 3, 1, 1, std(9 * from), key.stream(name), device).with_bias(device)
        };
        Network {
            downs: (1..=s.halvings).map(down).collect(),
            enter: conv(channels(s.halvings), "enter"),
            encoding: blocks("encoding"),
            narrow: Linear::new(s.width, s.latent, key.stream("narrow"), device),
            codebook: Codebook::new(codes, s.latent, device),
            widen: conv(s.latent, "widen"),
            decoding: blocks("decoding"),
            ups: (1..=s.halvings).rev().map(up).collect(),
            pyramid: s.pyramid([h, w]),
        }
    }

    /// Height and width of the grid of codes.
    pub fn grid(&self) -> [usize; 2] {
        self.pyramid[self.pyramid.len() - 1]
    }

    /// Items `[batch, height, width, channel]` -> a vector a place of the grid, `[batch rows columns, latent]`.
    pub fn encode(&self, x: Tensor<4>) -> Tensor<2> {
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
    pub fn decode(&self, z: Tensor<2>) -> Tensor<4> {
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

    /// Floats kept for the backward pass, an item.
    pub fn activations(&self) -> usize {
        let area = |n: usize| self.pyramid[n][0] * self.pyramid[n][1];
        let width = self.enter.weight.dims()[3];
        let strided: usize = (1..self.pyramid.len()).map(|n| area(n) * width).sum();
        let outputs = self.ups.last().map_or(0, |up| up.weight.dims()[2]);
        let blocks = (self.encoding.len() + self.decoding.len()) * 3 * width;
        2 * strided
            + area(0) * outputs
            + area(self.pyramid.len() - 1) * (blocks + 4 * width + 4 * self.codebook.vectors.dims()[1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            };
            let network = Network::new(&s, [h, w, c], 2 * c, 7, Key::new(1), &device);
            let [rows, columns] = network.grid();
            assert_eq!([rows, columns], [h >> halvings, w >> halvings]);
            let z = network.encode(Tensor::ones([2, h, w, c], &device));
            assert_eq!(z.dims(), [2 * rows * columns, 5]);
            assert_eq!(network.decode(z).dims(), [2, h, w, 2 * c]);
        }
    }
}
