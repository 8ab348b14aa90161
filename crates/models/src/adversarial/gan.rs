//! The original GAN, of fully connected networks, for images and for points of the plane.
//!
//! Goodfellow, Pouget-Abadie, Mirza, Xu, Warde-Farley, Ozair, Courville, Bengio (2014), Generative Adversarial
//! Networks, arXiv:1406.2661.
//!
//! min_G max_D E_x log D(x) + E_z log(1 - D(G(z)))                                    (equation 1)
use super::game::{Discriminator, Game, GameConfig, Generator, Optimizers};
use crate::{Capability, Entry, Model, Registered, as_image_shape};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{DataInfo, Kind};
use menagerie_nn::{Activation, BatchNorm, Linear};
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
    /// units of a hidden layer
    pub width: usize,
    /// hidden layers
    pub depth: usize,
    /// the generator's hidden layers one by one, in place of `width` and `depth`
    pub generator: Vec<usize>,
    /// the discriminator's, likewise
    pub discriminator: Vec<usize>,
    /// batch norm after every hidden layer of the generator but the first
    pub batch_norm: bool,
    /// decay of the generator's moving average; 0 for none
    pub average: f64,
}

impl Default for Networks {
    fn default() -> Self {
        Networks {
            latent: 100,
            width: 256,
            depth: 3,
            generator: vec![],
            discriminator: vec![],
            batch_norm: false,
            average: 0.0,
        }
    }
}

const LEAKY: Activation = Activation::LeakyRelu(0.2);

/// Latent -> hidden layers -> item. Images end in tanh, points in nothing.
#[derive(Module, Debug)]
pub struct MlpGenerator {
    hidden: Vec<Linear>,
    norms: Vec<Option<BatchNorm>>,
    out: Linear,
    height: usize,
    width: usize,
    bounded: bool,
}

impl Generator for MlpGenerator {
    fn latent(&self) -> usize {
        self.hidden[0].weight.dims()[0]
    }

    fn forward(&self, z: Tensor<2>) -> Tensor<4> {
        let n = z.dims()[0];
        let h = self
            .hidden
            .iter()
            .zip(&self.norms)
            .fold(z, |h, (layer, norm)| match norm {
                None => layer.forward(h, LEAKY),
                Some(norm) => norm.forward(layer.forward(h, Activation::Identity), LEAKY),
            });
        let x = self.out.forward(
            h,
            if self.bounded {
                Activation::Tanh
            } else {
                Activation::Identity
            },
        );
        let channels = x.dims()[1] / (self.height * self.width);
        x.reshape([n, self.height, self.width, channels])
    }

    fn activations(&self) -> usize {
        let norms = self.norms.iter().flatten().count();
        self.hidden
            .iter()
            .chain([&self.out])
            .map(|l| l.weight.dims()[1])
            .sum::<usize>()
            * if norms > 0 { 2 } else { 1 }
    }
}

/// Item -> hidden layers -> logit.
#[derive(Module, Debug)]
pub struct MlpDiscriminator {
    hidden: Vec<Linear>,
    out: Linear,
}

impl Discriminator for MlpDiscriminator {
    fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        let h = self
            .hidden
            .iter()
            .fold(x.flatten(1, 3), |h: Tensor<2>, layer| layer.forward(h, LEAKY));
        self.out.forward(h, Activation::Identity)
    }

    fn activations(&self) -> usize {
        self.hidden.iter().map(|l| l.weight.dims()[1]).sum()
    }
}

fn stack(inputs: usize, widths: &[usize], key: Key, device: &Device) -> Vec<Linear> {
    let sizes: Vec<usize> = [inputs].into_iter().chain(widths.iter().copied()).collect();
    sizes
        .windows(2)
        .enumerate()
        .map(|(i, s)| Linear::new(s[0], s[1], key.step(i as u64), device))
        .collect()
}

impl Config {
    /// Fresh networks for data of that description, and the game between them.
    pub fn build(
        &self,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<MlpGenerator, MlpDiscriminator>> {
        let m = &self.model;
        let widths = |given: &[usize]| {
            if given.is_empty() {
                vec![m.width; m.depth]
            } else {
                given.to_vec()
            }
        };
        let (for_g, for_d) = (widths(&m.generator), widths(&m.discriminator));
        if m.latent == 0
            || for_g.is_empty()
            || for_d.is_empty()
            || for_g.iter().chain(&for_d).any(|&w| w == 0)
        {
            return Err(Error::recipe(
                "model",
                "latent, width and depth must be 1 or more",
                "see the defaults: `menagerie train gan --dry-run`",
            ));
        }
        let [height, width, channels] = as_image_shape(info);
        let features = height * width * channels;
        let (key_g, key_d) = (key.stream("generator"), key.stream("discriminator"));
        let norm = |(i, &w): (usize, &usize)| {
            (m.batch_norm && i > 0)
                .then(|| BatchNorm::new(w, 0.0, key_g.stream("norm").step(i as u64), device))
        };
        let generator = MlpGenerator {
            norms: for_g.iter().enumerate().map(norm).collect(),
            hidden: stack(m.latent, &for_g, key_g, device),
            out: Linear::new(for_g[for_g.len() - 1], features, key_g.stream("out"), device),
            height,
            width,
            bounded: info.kind == Kind::Image,
        };
        let discriminator = MlpDiscriminator {
            hidden: stack(features, &for_d, key_d, device),
            out: Linear::new(for_d[for_d.len() - 1], 1, key_d.stream("out"), device),
        };
        Game::new(
            "gan",
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
    name: "gan",
    family: super::FAMILY,
    capabilities: &[Capability::Sample, Capability::LatentSpace],
    paper: "Goodfellow et al. 2014, Generative Adversarial Networks, arXiv:1406.2661",
    recipe: "gan",
    data: &["digits", "ring8"],
    tiny: &[("model.width", "16"), ("model.depth", "2"), ("model.latent", "4")],
    ..Entry::of::<Config>()
};
