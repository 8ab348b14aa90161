//! A critic over pairs of an item and its latent: one of the data comes with the latent that an encoder finds, a sample with
//! the latent it was made from. At the optimum encoder and generator invert each other (Donahue et al. 2016, arXiv:1605.09782,
//! BiGAN, theorem 2; Dumoulin et al. 2016, arXiv:1606.00704, ALI).
use super::super::config::{Config, GameConfig};
use super::super::game::condition::Condition;
use super::super::game::{Critic, Draws, Game, Inverts, Moment, Play, Round, Sees, Shown, Stage, critic};
use super::super::networks::{GeneratorNetwork, Heads, Sizes, Told, TrunkNetwork};
use super::duel::{latents, port_of};
use crate::{NetworkInfo, Part, Port, Purpose};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo};
use menagerie_kernels::noise;
use menagerie_nn::{Activation, Init, Learner, Linear, Tensors, number};

/// From an item to the mean of its latent, and with a deviation of its own to a draw around it.
#[derive(Module, Debug)]
pub struct EncoderNetwork {
    trunk: TrunkNetwork,
    mean: Linear,
    /// logarithm of the deviation, where the encoder is stochastic
    deviation: Option<Linear>,
}

impl EncoderNetwork {
    /// A fresh one with the layers of a discriminator, for items with so many channels `beside` their own; `stochastic` ones have
    /// a deviation.
    pub fn new(
        sizes: &Sizes,
        info: &DataInfo,
        (beside, latent): (usize, usize),
        stochastic: bool,
        at: &Init,
    ) -> Self {
        let trunk = sizes.trunk(info, beside, at);
        EncoderNetwork {
            mean: trunk.head(latent, &at.at("mean")),
            deviation: stochastic.then(|| trunk.head(latent, &at.at("deviation"))),
            trunk,
        }
    }

    /// What each layer sees of items.
    pub fn layers(&self, x: Tensor<4>) -> Vec<Tensor<4>> {
        let seen = self.trunk.layers(x.into(), None).0;
        seen.into_iter().map(|d| d.value).collect()
    }

    /// `[batch, height, width, channel]` -> means `[batch, latent]`, and deviations where there are any.
    pub fn forward(&self, x: Tensor<4>) -> (Tensor<2>, Option<Tensor<2>>) {
        let h = self.trunk.forward(x.into(), None).value;
        let mean = self.mean.forward(h.clone(), Activation::Identity);
        let deviation = self
            .deviation
            .as_ref()
            .map(|d| d.forward(h, Activation::Identity).clamp(-5.0, 2.0).exp());
        (mean, deviation)
    }
}

/// A generator, an encoder and a critic of pairs.
pub struct Joint {
    stage: Stage,
    game: GameConfig,
    latent: usize,
    generator: Learner<GeneratorNetwork>,
    encoder: Learner<EncoderNetwork>,
    critic: Critic,
}

impl Config {
    /// Fresh networks for data of that description, and the game over pairs. A `stochastic` encoder draws latents.
    ///
    /// # Errors
    /// For settings that clash and data that the networks cannot take.
    pub fn joint(
        &self,
        model: &'static str,
        stochastic: bool,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<Joint>> {
        self.check()?;
        self.model.check(model, info)?;
        for (key, on) in [
            ("condition", self.condition.is_some()),
            ("codes", self.codes.is_some()),
            ("semi_supervised", self.semi_supervised.is_some()),
            ("game.balance", self.game.balance.is_some()),
            ("game.freeze", self.game.freeze.is_some()),
            ("game.bits", self.game.bits.is_some()),
            ("game.low_density", self.game.low_density.is_some()),
            ("game.unrolled", self.game.unrolled.is_some()),
            ("game.standing", self.game.standing > 0),
            ("penalty.path_length", self.penalty.path_length.is_some()),
            ("model.phase", matches!(self.model, Sizes::Progan(_))),
            (
                "penalty.latent_consistency",
                self.penalty.latent_consistency.is_some(),
            ),
        ] {
            if on {
                let problem =
                    format!("{model} plays over pairs of items and latents, where this has no meaning yet");
                return Err(Error::recipe(key, problem, "leave it out"));
            }
        }
        if self.objective.wants_autoencoder() {
            let problem = "a discriminator of pairs gives no items back";
            return Err(Error::recipe(
                "objective.rule",
                problem,
                "set objective.rule=non-saturating",
            ));
        }
        let latent = self.model.latent();
        let at = Init::new(key.stream("encoder"), device);
        let encoder = EncoderNetwork::new(&self.model, info, (0, latent), stochastic, &at);
        let generator =
            self.model
                .generator(info, Told::default(), &Init::new(key.stream("generator"), device));
        let mut config = self.critic(info);
        (config.condition, config.numbers) = (Some(Condition::default()), latent);
        let (optimizer, average) = (self.optimizer.generator, self.model.average());
        Ok(Game::new(Joint {
            stage: Stage::new(model, info, device),
            game: self.game,
            latent,
            generator: Learner::new("generator", generator, optimizer, average, device)?,
            encoder: Learner::new("encoder", encoder, optimizer, average, device)?,
            critic: Critic::new(
                config,
                &self.model,
                info,
                Heads::default(),
                key.stream(critic::DISCRIMINATOR),
                device,
            )?,
        }))
    }
}

impl Joint {
    /// Items of the data with the latents that the encoder gives them.
    fn encoded(&self, batch: &Batch, key: Key) -> Shown {
        let items = self.stage.items(batch);
        let (mean, deviation) = self.encoder.network().forward(items.clone());
        let z = match deviation {
            Some(d) => {
                let e: Tensor<2> =
                    noise::normal(key.stream("encoder").words(), mean.dims(), &self.stage.device);
                mean + d * e
            }
            None => mean,
        };
        Shown {
            classes: Some(z),
            ..Shown::plain(items)
        }
    }

    /// Samples with the latents they were made from.
    fn made(&self, count: usize, key: Key) -> Shown {
        let z = latents(
            self.game.prior,
            count,
            self.latent,
            key.stream("latents"),
            &self.stage.device,
        );
        Shown {
            classes: Some(z.clone()),
            ..Shown::plain(self.generator.network().forward(z, None))
        }
    }
}

impl Play for Joint {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn updates(&self) -> u64 {
        self.generator.updates()
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        let device = self.stage.plain();
        let [h, w, c] = self.stage.image_shape();
        let (z, x) = (
            Tensor::zeros([1, self.latent], &device),
            Tensor::zeros([1, h, w, c], &device),
        );
        vec![
            self.generator.info(|g| g.forward(z, None)),
            self.encoder.info(|e| e.forward(x)),
            self.critic.info([h, w, c], self.latent, &device),
        ]
    }

    fn batches_per_step(&self) -> usize {
        self.game.discriminator_steps
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        let updates = self.generator.updates();
        let mut last = None;
        for (i, batch) in batches.iter().enumerate() {
            let of = key.step(i as u64);
            let (data, samples) = (self.encoded(batch, of), self.made(batch.shape[0], of));
            let now = Moment {
                updates,
                key: of,
                watch: watch && i + 1 == batches.len(),
            };
            let seen = self.critic.learn(data.clone(), samples.clone(), None, now)?;
            last = Some((seen, data, samples));
        }
        let Some((seen, data, samples)) = last else {
            return Err(Error::Training {
                step: updates + 1,
                problem: "no batch was given".into(),
                fix: "report this as a bug".into(),
            });
        };
        let diversity = watch.then(|| self.stage.diversity(&samples.items.clone().inner(), &batches[0]));
        let samples = self
            .critic
            .shown(samples, updates, key.stream("noise for the generator"));
        let data = self
            .critic
            .shown(data, updates, key.stream("noise for the encoder"));
        let loss = self.critic.persuade_both(&samples, &data);
        let value = number(loss.clone());
        critic::finite(
            "the loss of generator and encoder",
            value,
            Moment { updates, key, watch },
        )?;
        // One backward pass serves both; each takes its own weights' gradients out of it.
        let mut gradients = [loss.backward()];
        let gradient = self.generator.update(&mut gradients, watch).unwrap_or(f64::NAN);
        self.encoder.update(&mut gradients, false);
        let scalars = vec![("loss/discriminator", seen.loss), ("loss/generator", value)];
        Ok(Round::of(scalars, &self.critic, seen, gradient, diversity))
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.generator.save();
        parts.extend(self.encoder.save());
        parts.extend(self.critic.save());
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.generator.load(read, purpose)?;
        if purpose != Purpose::Sample {
            self.encoder.load(read, purpose)?;
        }
        self.critic.load(read, purpose)
    }

    fn draws(&self) -> Option<&dyn Draws> {
        Some(self)
    }
    fn inverts(&self) -> Option<&dyn Inverts> {
        Some(self)
    }
    fn sees(&self) -> Option<&dyn Sees> {
        Some(self)
    }
}

impl Draws for Joint {
    fn latent(&self) -> usize {
        self.latent
    }
    fn prior(&self, count: usize, key: Key) -> Tensor<2> {
        latents(
            self.game.prior,
            count,
            self.latent,
            key.stream("latents"),
            &self.stage.plain(),
        )
    }
    fn inputs(&self) -> Vec<Port> {
        vec![port_of(self.game.prior, self.latent)]
    }
    fn draw(&self, latents: Tensor<2>, _: Option<Tensor<2>>) -> Tensor<4> {
        self.generator
            .for_use_on(&latents.device())
            .forward(latents, None)
    }
}

impl Inverts for Joint {
    fn invert(&self, items: Tensor<4>) -> Tensor<2> {
        self.encoder.for_use_on(&items.device()).forward(items).0
    }
}

/// The encoder's layers: what it has learned to see.
impl Sees for Joint {
    fn layers(&self, items: Tensor<4>) -> Vec<Tensor<4>> {
        self.encoder.for_use().layers(items)
    }
}
