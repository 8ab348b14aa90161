//! The networks of the conditional VAE: recognition, prior, and a generation network that sees the condition at every size.
use super::super::elbo::Gaussian;
use super::super::networks::Encoder;
use burn::module::Module;
use burn::tensor::Tensor;
use menagerie_nn::pyramid::{channels, sizes};
use menagerie_nn::{Activation, Conv2d, ConvTranspose2d, Init, Linear, Weights};

/// Of p(x | z, c): the condition goes down to a small grid and up again to the image, with what it was at each size beside
/// it; the latent joins it on the grid.
#[derive(Module, Debug)]
pub(super) struct GenerationNetwork {
    project: Linear,
    downs: Vec<Conv2d>,
    ups: Vec<ConvTranspose2d>,
    last: Conv2d,
    #[module(skip)]
    sizes: Vec<[usize; 2]>,
}

impl GenerationNetwork {
    /// From latents of so many numbers and conditions of `[height, width, channel]` to `outputs` numbers a pixel; `width`
    /// channels at half the image's size.
    pub(super) fn new([latent, width, outputs]: [usize; 3], [h, w, c]: [usize; 3], init: &Init) -> Self {
        let sizes = sizes([h, w]);
        let n = sizes.len() - 1;
        let at = |i: usize| if i == 0 { width } else { channels(width, i) };
        let down = |i: usize| {
            let from = if i == 1 { c } else { at(i - 1) };
            let of = Conv2d::of([from, at(i)]).kernel(4).stride(2).padding(1);
            of.weights(Weights::He(1.0)).bias().init(&init.at("down").nth(i))
        };
        let up = |i: usize| {
            let of = ConvTranspose2d::of([2 * at(i), at(i - 1)])
                .kernel(4)
                .stride(2)
                .padding(1);
            of.weights(Weights::He(1.0)).bias().init(&init.at("up").nth(i))
        };
        let [gh, gw] = sizes[n];
        let last = Conv2d::of([width + c, outputs])
            .padding(1)
            .weights(Weights::He(0.5));
        GenerationNetwork {
            project: Linear::of([latent, gh * gw * at(n)]).init(&init.at("project")),
            downs: (1..=n).map(down).collect(),
            ups: (1..=n).rev().map(up).collect(),
            last: last.bias().init(&init.at("last")),
            sizes,
        }
    }

    /// `z` `[N, latent]`, the condition `[N, height, width, ..]` -> what is said of x.
    pub(super) fn forward(&self, z: Tensor<2>, condition: Tensor<4>) -> Tensor<4> {
        let n = self.downs.len();
        let mut seen = vec![condition];
        for down in &self.downs {
            seen.push(down.forward(seen[seen.len() - 1].clone(), Activation::Relu));
        }
        let [batch, h, w, c] = seen[n].dims();
        let z = self
            .project
            .forward(z, Activation::Relu)
            .reshape([batch, h, w, c]);
        let x = self.ups.iter().enumerate().fold(z, |x, (i, up)| {
            up.forward(
                Tensor::cat(vec![x, seen[n - i].clone()], 3),
                self.sizes[n - 1 - i],
                Activation::Relu,
            )
        });
        self.last
            .forward(Tensor::cat(vec![x, seen[0].clone()], 3), Activation::Identity)
    }
}

/// Recognition, prior and generation.
#[derive(Module, Debug)]
pub(super) struct ConditionalNetwork {
    /// q(z | x, c)
    pub(super) recognition: Encoder,
    /// p(z | c); `None` is standard normal
    pub(super) prior: Option<Encoder>,
    /// p(x | z, c)
    pub(super) generation: GenerationNetwork,
}

impl ConditionalNetwork {
    /// p(z | c); `None` is standard normal.
    pub(super) fn prior(&self, condition: Tensor<4>) -> Option<Gaussian> {
        self.prior.as_ref().map(|p| Gaussian::of(p.forward(condition)))
    }
}
