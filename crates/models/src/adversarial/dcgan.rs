//! DCGAN: a convolutional generator and discriminator that train stably.
//!
//! Radford, Metz, Chintala (2015), Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
//! Networks, arXiv:1511.06434.
//!
//! Strided 4x4 convolutions instead of pooling, batch norm in both networks but for the generator's last and the
//! discriminator's first layer, no hidden fully connected layers, ReLU in the generator with tanh at its end, leaky ReLU
//! of slope 0.2 in the discriminator; weights from N(0, 0.02), Adam with a learning rate of 2e-4 and beta1 of 0.5.
use super::game::{Discriminator, Game, GameConfig, Generator, Optimizers};
use crate::{Capability, Entry, Model, Registered, as_image_shape};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{DataInfo, Kind};
use menagerie_nn::pyramid::{channels, sizes};
use menagerie_nn::{Activation, BatchNorm, Conv2d, ConvTranspose2d, Linear};
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`
    pub model: Networks,
    /// `[game]`
    pub game: GameConfig,
    /// `[optimizer]`
    pub optimizer: Optimizers,
}

/// `[model]`: the networks' sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Networks {
    /// dimensions of a latent
    pub latent: usize,
    /// channels at half the image's size; they double with every halving, up to eight times as many (paper: 128)
    pub width: usize,
    /// decay of the generator's moving average; 0 for none
    pub average: f64,
}

impl Default for Networks {
    fn default() -> Self {
        Networks {
            latent: 100,
            width: 64,
            average: 0.0,
        }
    }
}

/// Standard deviation of all first weights.
const STD: f64 = 0.02;
const LEAKY: Activation = Activation::LeakyRelu(0.2);

/// Project and reshape the latent, then double the size layer by layer (figure 1).
#[derive(Module, Debug)]
pub struct DcganGenerator {
    project: Linear,
    norms: Vec<BatchNorm>,
    ups: Vec<ConvTranspose2d>,
    #[module(skip)]
    sizes: Vec<[usize; 2]>,
}

impl DcganGenerator {
    fn new(latent: usize, width: usize, size: [usize; 2], colours: usize, key: Key, device: &Device) -> Self {
        let sizes = sizes(size);
        let n = sizes.len() - 1;
        let [h, w] = sizes[n];
        let channels_at = |i: usize| if i == 0 { colours } else { channels(width, i) };
        let up = |i: usize| {
            let layer = ConvTranspose2d::new(
                [channels_at(i), channels_at(i - 1)],
                4,
                2,
                1,
                STD,
                key.stream("up").step(i as u64),
                device,
            );
            if i == 1 { layer.with_bias(device) } else { layer }
        };
        DcganGenerator {
            project: Linear::normal(
                latent,
                h * w * channels_at(n),
                STD,
                false,
                key.stream("project"),
                device,
            ),
            norms: (1..=n)
                .rev()
                .map(|i| BatchNorm::new(channels_at(i), STD, key.stream("norm").step(i as u64), device))
                .collect(),
            ups: (1..=n).rev().map(up).collect(),
            sizes,
        }
    }
}

impl Generator for DcganGenerator {
    fn latent(&self) -> usize {
        self.project.weight.dims()[0]
    }

    fn forward(&self, z: Tensor<2>) -> Tensor<4> {
        let batch = z.dims()[0];
        let n = self.ups.len();
        let [h, w] = self.sizes[n];
        let x = self.project.forward(z, Activation::Identity);
        let channels = x.dims()[1] / (h * w);
        let x = x.reshape([batch, h, w, channels]);
        self.ups
            .iter()
            .zip(&self.norms)
            .enumerate()
            .fold(x, |x, (i, (up, norm))| {
                let x = norm.forward(x, Activation::Relu);
                up.forward(
                    x,
                    self.sizes[n - 1 - i],
                    if i + 1 == n {
                        Activation::Tanh
                    } else {
                        Activation::Identity
                    },
                )
            })
    }

    fn activations(&self) -> usize {
        // Every layer's output before and after its norm, and the image.
        let hidden = self
            .norms
            .iter()
            .zip(self.sizes.iter().rev())
            .map(|(norm, [h, w])| 2 * h * w * norm.gamma.dims()[0]);
        hidden.sum::<usize>() + self.sizes[0][0] * self.sizes[0][1] * 4
    }
}

/// Halve the size layer by layer, then one logit from what is left.
#[derive(Module, Debug)]
pub struct DcganDiscriminator {
    downs: Vec<Conv2d>,
    norms: Vec<BatchNorm>,
    logit: Linear,
    #[module(skip)]
    sizes: Vec<[usize; 2]>,
}

impl DcganDiscriminator {
    fn new(width: usize, size: [usize; 2], colours: usize, key: Key, device: &Device) -> Self {
        let sizes = sizes(size);
        let n = sizes.len() - 1;
        let [h, w] = sizes[n];
        let channels_at = |i: usize| if i == 0 { colours } else { channels(width, i) };
        let down = |i: usize| {
            let layer = Conv2d::new(
                [channels_at(i - 1), channels_at(i)],
                4,
                2,
                1,
                STD,
                key.stream("down").step(i as u64),
                device,
            );
            if i == 1 { layer.with_bias(device) } else { layer }
        };
        DcganDiscriminator {
            downs: (1..=n).map(down).collect(),
            norms: (2..=n)
                .map(|i| BatchNorm::new(channels_at(i), STD, key.stream("norm").step(i as u64), device))
                .collect(),
            logit: Linear::normal(h * w * channels_at(n), 1, STD, true, key.stream("logit"), device),
            sizes,
        }
    }
}

impl Discriminator for DcganDiscriminator {
    fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let x = self.downs[0].forward(x, LEAKY);
        let x = self.downs[1..]
            .iter()
            .zip(&self.norms)
            .fold(x, |x, (down, norm)| {
                norm.forward(down.forward(x, Activation::Identity), LEAKY)
            });
        self.logit.forward(x.flatten::<2>(1, 3), Activation::Identity)
    }

    fn activations(&self) -> usize {
        let out = |(down, [h, w]): (&Conv2d, &[usize; 2])| h * w * down.weight.dims()[3];
        // The first layer has no norm; every other one's output is kept before and after it.
        let all: Vec<usize> = self.downs.iter().zip(&self.sizes[1..]).map(out).collect();
        2 * all.iter().sum::<usize>() - all[0]
    }
}

impl Config {
    /// Fresh networks for images of that description, and the game between them.
    ///
    /// # Errors
    /// For data that are not images, or images of under 8 pixels.
    pub fn build(
        &self,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<DcganGenerator, DcganDiscriminator>> {
        let m = &self.model;
        if m.latent == 0 || m.width == 0 {
            return Err(Error::recipe(
                "model",
                "latent and width must be 1 or more",
                "see the defaults: `menagerie train dcgan --dry-run`",
            ));
        }
        if info.kind != Kind::Image {
            return Err(Error::data(
                &info.source,
                "dcgan draws images, these are points",
                "train `gan` on it, or choose a source of images",
            ));
        }
        let [h, w, c] = as_image_shape(info);
        if h.min(w) < 8 {
            return Err(Error::data(
                &info.source,
                format!("images of {h}x{w} are too small for strided convolutions"),
                "enlarge them with --size 8 or more",
            ));
        }
        let generator = DcganGenerator::new(m.latent, m.width, [h, w], c, key.stream("generator"), device);
        let discriminator = DcganDiscriminator::new(m.width, [h, w], c, key.stream("discriminator"), device);
        Game::new(
            "dcgan",
            info,
            (generator, discriminator),
            self.game,
            self.optimizer,
            m.average,
            device,
        )
    }
}

impl Registered for Config {
    type Config = Config;
    fn defaults() -> Config {
        Config::default()
    }
    fn build(config: Config, info: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.build(info, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "dcgan",
    family: super::FAMILY,
    capabilities: &[Capability::Sample, Capability::LatentSpace],
    paper: "Radford et al. 2015, Unsupervised Representation Learning with Deep Convolutional GANs, arXiv:1511.06434",
    recipe: "dcgan",
    data: &["digits"],
    tiny: &[
        ("model.width", "4"),
        ("model.latent", "8"),
        ("data.size", "8"),
        ("model.average", "0.9"),
    ],
    ..Entry::of::<Config>()
};

#[cfg(test)]
mod tests {
    use super::*;

    /// Odd sizes too: what the generator makes has the data's shape, and the discriminator takes it.
    #[test]
    fn any_size_and_any_number_of_channels() {
        let device = Device::flex();
        for (h, w, c) in [(8, 8, 1), (28, 28, 1), (13, 21, 3), (17, 9, 16), (30, 45, 4)] {
            let g = DcganGenerator::new(5, 2, [h, w], c, Key::new(1), &device);
            let d = DcganDiscriminator::new(2, [h, w], c, Key::new(2), &device);
            let x = g.forward(Tensor::ones([3, 5], &device));
            assert_eq!(x.dims(), [3, h, w, c]);
            assert_eq!(d.forward(x).dims(), [3, 1]);
        }
    }
}
