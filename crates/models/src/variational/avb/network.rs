//! Networks of an item and numbers beside it: the encoder, to which noise is given, and the discriminator of items and latents.
use super::super::elbo::Gaussian;
use super::super::networks::{Encoder, Layers, Recognition};
use burn::module::{Module, Param};
use burn::tensor::Tensor;
use menagerie_kernels::noise;
use menagerie_nn::{Activation, Init, Linear};

/// Items and numbers beside them, joined in the first of some fully connected layers.
#[derive(Module, Debug)]
pub struct Joined {
    /// what the first layer takes of an item
    encoder: Encoder,
    /// what it takes of the numbers
    beside: Linear,
    hidden: Vec<Linear>,
    out: Linear,
    #[module(skip)]
    activation: Activation,
}

impl Joined {
    /// Fresh weights. Items pass `layers`, then meet so many numbers in the first of the layers of `widths` units, one at least.
    pub fn new(
        layers: &Layers,
        item: [usize; 3],
        beside: usize,
        widths: &[usize],
        outputs: usize,
        init: &Init,
    ) -> Self {
        let last = widths[widths.len() - 1];
        let hidden = |(i, w): (usize, &[usize])| Linear::of([w[0], w[1]]).init(&init.at("hidden").nth(i));
        Joined {
            encoder: Encoder::new(layers, item, widths[0], &init.at("encoder")),
            beside: Linear::of([beside, widths[0]]).no_bias().init(&init.at("beside")),
            hidden: widths.windows(2).enumerate().map(hidden).collect(),
            out: Linear::of([last, outputs]).init(&init.at("out")),
            activation: layers.activation.activation(),
        }
    }

    /// Numbers that stand beside an item.
    pub fn beside(&self) -> usize {
        self.beside.weight.dims()[0]
    }

    fn head(&self, sum: Tensor<2>) -> Tensor<2> {
        let first = menagerie_nn::activation(sum, self.activation);
        let last = self
            .hidden
            .iter()
            .fold(first, |h, layer| layer.forward(h, self.activation));
        self.out.forward(last, Activation::Identity)
    }

    /// Items `[batch, height, width, channel]` with numbers `[K batch, beside]`, row r beside item r mod batch -> `[K batch, outputs]`.
    pub fn forward(&self, x: Tensor<4>, beside: Tensor<2>) -> Tensor<2> {
        let times = beside.dims()[0] / x.dims()[0].max(1);
        let of_item = self.encoder.forward(x);
        let of_item = if times == 1 {
            of_item
        } else {
            of_item.repeat_dim(0, times)
        };
        self.head(of_item + self.beside.forward(beside, Activation::Identity))
    }

    /// Every item with every row of `[K, beside]` -> `[K, batch, outputs]`.
    fn with_all(&self, x: Tensor<4>, beside: Tensor<2>) -> Tensor<3> {
        let (rows, items) = (beside.dims()[0], x.dims()[0]);
        let of_item: Tensor<3> = self.encoder.forward(x).unsqueeze_dim(0);
        let of_row: Tensor<3> = self.beside.forward(beside, Activation::Identity).unsqueeze_dim(1);
        let sum = (of_item + of_row).flatten::<2>(0, 1);
        let out = self.head(sum);
        let outputs = out.dims()[1];
        out.reshape([rows, items, outputs])
    }

    /// An item of zeros, and numbers of zeros beside it.
    pub fn blank(&self) -> (Tensor<4>, Tensor<2>) {
        let item = self.encoder.blank();
        let beside = Tensor::zeros([1, self.beside()], &item.device());
        (item, beside)
    }
}

/// z = f(x, e) for e of standard normal noise: a density over latents that can be drawn from and has no formula (section 3.1).
#[derive(Module, Debug)]
pub struct ImplicitEncoder {
    network: Joined,
    /// noise of the draws that tell means and variances, `[draws, noise]`: the same always, so that these are a function of the item
    fixed_noise: Param<Tensor<2>>,
}

impl ImplicitEncoder {
    /// With so many draws for means and variances.
    pub fn new(network: Joined, draws: usize, init: &Init) -> Self {
        let shape = [draws, network.beside()];
        let noise = noise::normal(init.at("moments").key().words(), shape, init.device());
        ImplicitEncoder {
            network,
            fixed_noise: Param::from_tensor(noise).set_require_grad(false),
        }
    }

    /// How many draws that are.
    pub fn draws(&self) -> usize {
        self.fixed_noise.dims()[0]
    }

    /// The Gaussian with the means and variances of what every item becomes with each row of noise `[draws, numbers]`; the smallest variance
    /// is 1e-6.
    pub fn moments(&self, x: Tensor<4>, noise: Tensor<2>) -> Gaussian {
        let (items, latent) = (x.dims()[0], self.network.out.weight.dims()[1]);
        let z = self.network.with_all(x, noise);
        let mean = z.clone().mean_dim(0);
        let off = z - mean.clone();
        let variance = (off.clone() * off).mean_dim(0) + 1e-6;
        Gaussian {
            mean: mean.reshape([items, latent]),
            log_variance: variance.log().reshape([items, latent]),
        }
    }

    /// What passes the layers for one item in a training step.
    pub fn pass_one(&self) {
        let (item, noise) = self.network.blank();
        self.network.forward(item, noise);
    }
}

/// Means and variances are of the same noise always.
impl Recognition for ImplicitEncoder {
    fn posterior(&self, x: Tensor<4>) -> Gaussian {
        self.moments(x, self.fixed_noise.val())
    }
    fn noise(&self) -> usize {
        self.network.beside()
    }
    fn draw(&self, x: Tensor<4>, noise: Tensor<2>) -> Tensor<2> {
        self.network.forward(x, noise)
    }
    fn features(&self, x: Tensor<4>) -> Tensor<2> {
        self.network.encoder.features(x)
    }
    fn feature_count(&self) -> usize {
        self.network.encoder.feature_count()
    }
}
