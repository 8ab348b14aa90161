//! VAE/GAN: a VAE whose decoder is a GAN's generator, and whose error is measured by what the discriminator sees.
//!
//! Larsen, Sonderby, Larochelle, Winther (2016), Autoencoding beyond pixels using a learned similarity metric,
//! arXiv:1512.09300.
//!
//! ```text
//! L_prior = KL(q(z | x) || p(z))
//! L_llike = - E_q log N(Dis_l(x) | Dis_l(x~), 1),  x~ = Dec(z)                          (equations 7 and 8)
//! L_GAN   = log Dis(x) + log (1 - Dis(x~)) + log (1 - Dis(x_p)),  x_p = Dec(z_p), z_p ~ p(z)
//!
//! Enc descends L_prior + L_llike;  Dec descends gamma L_llike - L_GAN;  Dis descends - L_GAN      (Algorithm 1)
//! ```
//!
//! The sum over features that do not depend on the decoder's weights is left out of L_llike. The decoder ascends
//! log Dis(x~) + log Dis(x_p), the non-saturating form, as the adversarial family does by default.
//!
//! The bound that it can be asked for is that of its encoder and decoder with pixels as Gaussians of `model.deviation`
//! around the decoder's image: not what it is trained for.
use super::elbo::Gaussian;
use super::likelihood::{Likelihood, Observation};
use super::networks::{Architecture, Decoder, Encoder, Nonlinearity, PairNetwork};
use super::vae::value;
use super::{Sizes, Training, Variational};
use crate::{Capability, Entry, Model, NetworkInfo, Part, Purpose, Registered, StepReport};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{DataInfo, Kind};
use menagerie_kernels::{RowLoss, noise, row_loss, softplus_mean};
use menagerie_nn::{Init, Learner, OptimizerConfig, Tensors};
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`; the discriminator has the encoder's layers
    pub model: Sizes,
    /// `[game]`
    pub game: Game,
    /// `[optimizer]`
    pub optimizer: Optimizers,
}

/// `[game]`: how the three losses meet.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Game {
    /// weight of L_llike, in nats an item, in the decoder's loss (the paper's gamma): more for reconstructions that are
    /// like the item, less for samples that the discriminator believes
    pub gamma: f64,
    /// the discriminator's convolution after which items are compared (the paper's l), counted from 1
    pub layer: usize,
}

/// `[optimizer.encoder]`, `[optimizer.decoder]` and `[optimizer.discriminator]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Optimizers {
    /// the encoder's
    pub encoder: OptimizerConfig,
    /// the decoder's
    pub decoder: OptimizerConfig,
    /// the discriminator's
    pub discriminator: OptimizerConfig,
}

impl Default for Game {
    fn default() -> Self {
        Game {
            gamma: 1e-3,
            layer: 3,
        }
    }
}

impl Default for Optimizers {
    fn default() -> Self {
        let adam = OptimizerConfig::adam(3e-4).betas(0.5, 0.999);
        Optimizers {
            encoder: adam,
            decoder: adam,
            discriminator: OptimizerConfig {
                learning_rate: 1e-4,
                ..adam
            },
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let model = Sizes {
            network: Architecture::Conv,
            latent: 64,
            hidden: vec![],
            width: 32,
            activation: Nonlinearity::LeakyRelu,
            batch_norm: true,
            observation: Observation::Gaussian,
            deviation: 0.25,
            ..Default::default()
        };
        Config {
            model,
            game: Game::default(),
            optimizer: Optimizers::default(),
        }
    }
}

/// Algorithm 1 over three networks.
pub struct ByGame {
    encoder: Learner<Encoder>,
    decoder: Learner<Decoder>,
    /// an encoder of one number, the logit of "this is data"
    discriminator: Learner<Encoder>,
    game: Game,
}

impl ByGame {
    /// One update of the discriminator; its loss, and the gradient's norm where it was asked for.
    fn judge(&mut self, data: Tensor<4>, samples: Tensor<4>, watch: bool) -> (f64, Option<f64>) {
        let d = self.discriminator.network();
        // The three terms' means: half of the samples are reconstructions.
        let loss = softplus_mean(d.forward(data), -1.0) + softplus_mean(d.forward(samples), 1.0) * 2.0;
        let loss_value = value(&loss);
        (
            loss_value,
            self.discriminator.update(&mut [loss.backward()], watch),
        )
    }
}

impl Training for ByGame {
    type Encoder = Encoder;

    fn pair(&self) -> PairNetwork {
        PairNetwork {
            encoder: self.encoder.for_use(),
            decoder: self.decoder.for_use(),
        }
    }

    fn device(&self) -> &Device {
        self.encoder.device()
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        // Both play with the item, its reconstruction and a sample.
        vec![
            self.encoder.info(|e| e.forward(e.blank())),
            self.decoder.info(|d| d.forward(d.blank(3))),
            self.discriminator.info(|d| d.forward(d.blank().repeat_dim(0, 3))),
        ]
    }

    fn step(&mut self, _: &Likelihood, x: Tensor<4>, key: Key, watch: bool) -> Result<StepReport> {
        let (rows, latent) = (x.dims()[0], self.decoder.network().inputs());
        let draw = |name: &str| -> Tensor<2> {
            noise::normal(key.stream(name).words(), [rows, latent], self.encoder.device())
        };
        let q = Gaussian::of(self.encoder.network().forward(x.clone()));
        let z = q.draw(draw("posterior"));
        let prior = q.mean_divergence();
        // Algorithm 1 keeps L_GAN away from the encoder, so the game is played with images of latents that carry no gradient.
        let decoder = self.decoder.network();
        let samples = decoder.forward(Tensor::cat(vec![z.clone().detach(), draw("latents")], 0));
        let seen = samples.clone().detach();
        let (likeness, adversarial) = {
            let d = self.discriminator.network().clone().no_grad();
            let layer = self.game.layer;
            let target: Tensor<2> = d.convolved(x.clone(), 0, layer).detach().flatten(1, 3);
            let back: Tensor<2> = d.convolved(decoder.forward(z), 0, layer).flatten(1, 3);
            (
                row_loss(back, target, RowLoss::Square).mean() * 0.5,
                softplus_mean(d.forward(samples), -1.0) * 2.0,
            )
        };
        let parts = [value(&prior), value(&likeness), value(&adversarial)];
        // One backward pass serves both: gamma L_llike - L_GAN is gamma (L_llike - L_GAN / gamma), and a factor common to
        // the decoder's whole loss does not change Adam's step.
        let mut gradients = [(prior + likeness + adversarial * (1.0 / self.game.gamma)).backward()];
        let (loss_d, gradient_d) = self.judge(x, seen, watch);
        if !parts.iter().chain([&loss_d]).all(|v| v.is_finite()) {
            return Err(Error::Training {
                step: self.encoder.updates() + 1,
                problem: format!(
                    "the losses are no longer finite (encoder and decoder {parts:?}, discriminator {loss_d})"
                ),
                fix: "lower the learning rates, or set clip_norm = 1, in the tables [optimizer...]".into(),
            });
        }
        self.encoder.update(&mut gradients, false);
        let gradient_g = self.decoder.update(&mut gradients, watch);
        let [prior, likeness, adversarial] = parts;
        let mut scalars = vec![
            ("loss/discriminator", loss_d),
            ("loss/generator", adversarial),
            ("loss/kl", prior),
            ("loss/features", likeness),
        ];
        scalars.extend(gradient_d.map(|g| ("gradient/discriminator", g)));
        scalars.extend(gradient_g.map(|g| ("gradient/decoder", g)));
        Ok(StepReport {
            scalars,
            troubles: vec![],
        })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        self.encoder
            .save()
            .into_iter()
            .chain(self.decoder.save())
            .chain(self.discriminator.save())
            .collect()
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        if purpose != Purpose::Sample {
            self.encoder.load(read, purpose)?;
        }
        self.decoder.load(read, purpose)?;
        if purpose == Purpose::Train {
            self.discriminator.load(read, purpose)
        } else {
            Ok(())
        }
    }
}

impl Config {
    fn check(&self) -> Result<()> {
        if !(self.game.gamma.is_finite() && self.game.gamma > 0.0) {
            return Err(Error::recipe(
                "game.gamma",
                format!("{} is not a weight", self.game.gamma),
                "give a number above 0, say 0.001",
            ));
        }
        let gaussian = self.model.observation == Observation::Gaussian && self.model.deviation > 0.0;
        if !gaussian || self.model.network != Architecture::Conv {
            let problem =
                "the generator draws images by convolutions, and their pixels are compared as Gaussians";
            return Err(Error::recipe(
                "model",
                problem,
                "keep network = \"conv\", observation = \"gaussian\" and a deviation above 0",
            ));
        }
        Ok(())
    }

    /// Fresh networks for images of that description, and the game between them.
    ///
    /// # Errors
    /// For settings that do not fit each other or the data.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<Variational<ByGame>> {
        self.check()?;
        if info.kind != Kind::Image {
            let problem = format!("vae_gan draws images, but these are {}", info.kind.plural());
            return Err(Error::data(&info.source, problem, "choose a source of images"));
        }
        let (pair, likelihood) = self.model.build(info, device, key)?;
        let at = Init::new(key, device).at("discriminator");
        let discriminator = Encoder::new(&self.model.layers(), likelihood.item(), 1, &at);
        if !(1..=discriminator.depth()).contains(&self.game.layer) {
            let problem = format!(
                "the discriminator has {} convolutions, not {}",
                discriminator.depth(),
                self.game.layer
            );
            return Err(Error::recipe(
                "game.layer",
                problem,
                format!("give 1 to {}", discriminator.depth()),
            ));
        }
        let (average, o) = (self.model.average, self.optimizer);
        let training = ByGame {
            encoder: Learner::new("encoder", pair.encoder, o.encoder, average, device)?,
            decoder: Learner::new("decoder", pair.decoder.bounded(), o.decoder, average, device)?,
            discriminator: Learner::new("discriminator", discriminator, o.discriminator, 0.0, device)?,
            game: self.game,
        };
        Ok(Variational::new("vae_gan", training, likelihood))
    }
}

impl Registered for Config {
    type Config = Config;
    fn defaults() -> Config {
        Config::default()
    }
    fn check(config: &Config) -> Result<()> {
        config.check()
    }
    fn build(config: Config, info: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.build(info, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "vae_gan",
    family: super::FAMILY,
    capabilities: &[
        Capability::Sample,
        Capability::LatentSpace,
        Capability::EvidenceBound,
        Capability::Encode,
        Capability::Reconstruct,
        Capability::Features,
    ],
    paper: "Larsen et al. 2016, Autoencoding beyond pixels using a learned similarity metric, arXiv:1512.09300",
    recipe: "vae_gan",
    data: &["digits"],
    tiny: &[
        ("model.latent", "4"),
        ("model.width", "4"),
        ("game.layer", "1"),
        ("data.size", "9"),
        ("model.average", "0.9"),
    ],
    ..Entry::of::<Config>()
};

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::TensorData;

    fn game(gamma: f64, rate: [f64; 3]) -> (Variational<ByGame>, Tensor<4>) {
        let device = Device::flex().autodiff();
        let (labels, attributes) = (vec![], vec![]);
        let info = DataInfo {
            source: "test".into(),
            kind: Kind::Image,
            shape: vec![8, 8, 1],
            count: 9,
            range: (0.0, 255.0),
            labels,
            attributes,
            ..DataInfo::default()
        };
        let mut config = Config::default();
        config.model = Sizes {
            latent: 3,
            width: 4,
            ..config.model
        };
        config.game = Game { gamma, layer: 1 };
        let o = &mut config.optimizer;
        for (o, rate) in [&mut o.encoder, &mut o.decoder, &mut o.discriminator]
            .into_iter()
            .zip(rate)
        {
            *o = OptimizerConfig::sgd(rate, 0.0);
        }
        let mut x = vec![0f32; 4 * 64];
        noise::fill_uniform([3; 8], &mut x);
        (
            config.build(&info, &device, Key::new(1)).unwrap(),
            Tensor::from_data(TensorData::new(x, [4, 8, 8, 1]), &device),
        )
    }

    fn moved(rate: [f64; 3], gamma: f64) -> [Tensors; 3] {
        let (mut model, x) = game(gamma, rate);
        let likelihood = Likelihood::new(
            Observation::Gaussian,
            crate::variational::likelihood::Grey::Dynamic,
            0.25,
            model.likelihood().info(),
        );
        model
            .training_mut()
            .step(&likelihood.unwrap(), x, Key::new(2), false)
            .unwrap();
        let t = model.training();
        [
            Tensors::of(t.encoder.network()),
            Tensors::of(t.decoder.network()),
            Tensors::of(t.discriminator.network()),
        ]
    }

    /// Algorithm 1: L_GAN does not reach the encoder, so its step is the same whatever gamma; the decoder's is not. A
    /// network whose rate is 0 stands still while the others move.
    #[test]
    fn each_network_has_its_own_loss() {
        let still = moved([0.0; 3], 1.0);
        let (a, b) = (moved([0.1, 0.0, 0.0], 1.0), moved([0.1, 0.0, 0.0], 0.01));
        assert_eq!(a[0], b[0], "gamma is the decoder's");
        assert_ne!(a[0], still[0]);
        assert_ne!(moved([0.0, 1e-4, 0.0], 1.0)[1], moved([0.0, 1e-4, 0.0], 0.01)[1]);
        let d = moved([0.0, 0.0, 0.1], 1.0);
        assert_ne!(d[2], still[2]);
        assert_eq!((&d[0], &a[2]), (&still[0], &still[2]));
    }
}
