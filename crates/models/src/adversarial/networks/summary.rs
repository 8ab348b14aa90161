//! From an image of any size to a few numbers: strided convolutions, and a layer that reads the numbers off the mean over all
//! positions. It is the second half of StarGAN's discriminator (Choi et al. 2018, arXiv:1711.09020, table 6) and the encoder of
//! BicycleGAN (Zhu et al. 2017, arXiv:1711.11586, section 4), with a mean in place of the last kernel, so that any size goes.
use burn::module::Module;
use burn::tensor::Tensor;
use menagerie_kernels::avg_pool2d;
use menagerie_nn::pyramid::{channels, sizes};
use menagerie_nn::{Activation, Conv2d, Init, Linear, Weights};

const LEAKY: Activation = Activation::LeakyRelu(0.2);

/// See the module.
#[derive(Module, Debug)]
pub struct Summary {
    convs: Vec<Conv2d>,
    last: Linear,
}

impl Summary {
    /// Of images of that shape, halved down to a grid of 4 to 7 pixels; so many numbers.
    pub fn new(width: usize, [h, w, colours]: [usize; 3], outputs: usize, init: &Init) -> Self {
        let depth = (sizes([h, w]).len() - 1).max(1);
        let at = |i: usize| if i == 0 { colours } else { channels(width, i) };
        let conv = |i: usize| {
            let of = Conv2d::of([at(i - 1), at(i)]).kernel(4).stride(2).padding(1);
            of.weights(Weights::He(1.0)).bias().init(&init.at("conv").nth(i))
        };
        Summary {
            convs: (1..=depth).map(conv).collect(),
            last: Linear::of([at(depth), outputs]).init(&init.at("last")),
        }
    }

    /// Images `[batch, height, width, channel]` -> `[batch, numbers]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let x = self.convs.iter().fold(x, |x, c| c.forward(x, LEAKY));
        let [_, h, w, _] = x.dims();
        let mean = avg_pool2d(x, [h, w], [1, 1], [0, 0]).flatten::<2>(1, 3);
        self.last.forward(mean, Activation::Identity)
    }
}
