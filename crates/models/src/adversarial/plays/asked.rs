//! The game of two for showers of an energy that is asked for (Paganini, de Oliveira, Nachman 2018, CaloGAN, arXiv:1712.10321,
//! section 3.3). With E the energy asked for, E'(x) what the cells of a picture sum to, and z latents:
//!
//! max_D  E log D(x, E) + E log(1 - D(G(z E, E), E))
//! min_G  E -log D(G(z E, E), E) + lambda E |E'(G(z E, E)) - E|                                        (equation 3)
//!
//! What was asked for stands on the gauge of a picture, where the critic reads it; of a sample the gauge is written, and not drawn.
use super::super::config::{Config, Optimizers, Prior};
use super::super::game::objective::Rule;
use super::super::game::{
    Critic, Draws, Game, Moment, Play, Round, Sees, Shown, Stage, check_weights, critic,
};
use super::super::networks::{GeneratorNetwork, Heads, Sizes, Told, calorimeter};
use super::duel::{latents, port_of};
use crate::{Decoder, Holds, NetworkInfo, Part, Port, Purpose};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use menagerie_data::showers::{ENERGIES, FULL};
use menagerie_data::{Batch, DataInfo};
use menagerie_kernels::noise;
use menagerie_nn::{Init, Learner, Tensors, number, on_tape};
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is the model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedConfig {
    /// `[model]`: which networks, and their sizes
    pub model: Sizes,
    /// `[objective]`: what the two minimize
    pub objective: Rule,
    /// `[calorimeter]`
    #[serde(default)]
    pub calorimeter: AskedSettings,
    /// `[optimizer]`
    #[serde(default)]
    pub optimizer: Optimizers,
}

/// `[calorimeter]`: what is learned beside the game.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AskedSettings {
    /// lambda: weight of the distance between the energy of a sample and the one that was asked for, in GeV
    pub energy: f64,
}

impl Default for AskedSettings {
    fn default() -> Self {
        AskedSettings { energy: 0.05 }
    }
}

/// See the module.
pub struct Asked {
    stage: Stage,
    settings: AskedSettings,
    latent: usize,
    generator: Learner<GeneratorNetwork>,
    critic: Critic,
}

const GENERATOR: &str = "generator";

impl AskedConfig {
    /// The game without what is asked for.
    fn game(&self) -> Config {
        Config {
            objective: self.objective,
            optimizer: self.optimizer,
            ..Config::of(self.model.clone())
        }
    }

    /// Refuses what is out of range, and what clashes.
    ///
    /// # Errors
    /// [`menagerie_data::Error::Recipe`].
    pub fn check(&self) -> Result<()> {
        self.game().check()?;
        self.game().plain_scores("calo_gan")?;
        check_weights([("calorimeter.energy", self.calorimeter.energy)])
    }

    /// Fresh networks for showers.
    ///
    /// # Errors
    /// For settings that clash, and data that are no showers.
    pub fn asked(
        &self,
        model: &'static str,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<Asked>> {
        self.check()?;
        calorimeter::fits(model, info)?;
        self.model.check(model, info)?;
        let told = Told { joined: 1, norms: 0 };
        let generator = self
            .model
            .generator(info, told, &Init::new(key.stream(GENERATOR), device));
        let critic = Critic::new(
            self.game().critic(info),
            &self.model,
            info,
            Heads::default(),
            key.stream(critic::DISCRIMINATOR),
            device,
        )?;
        Ok(Game::new(Asked {
            stage: Stage::new(model, info, device),
            settings: self.calorimeter,
            latent: self.model.latent(),
            generator: Learner::new(
                GENERATOR,
                generator,
                self.optimizer.generator,
                self.model.average(),
                device,
            )?,
            critic,
        }))
    }
}

/// Showers of latents `[batch, latent]` and of the energies asked for `[batch, 1]`, as shares of a full gauge.
fn made(network: &GeneratorNetwork, z: Tensor<2>, asked: &Tensor<2>) -> Tensor<4> {
    let pictures = network.forward(z * asked.clone(), Some(asked));
    calorimeter::with_gauge(pictures, asked)
}

/// Numbers in [-1, 1] as energies, in shares of a full gauge.
fn share(numbers: Tensor<2>) -> Tensor<2> {
    let [least, most] = ENERGIES;
    (numbers * ((most - least) / 2.0) + (most + least) / 2.0) / FULL
}

impl Asked {
    /// Showers of latents behind which the energy stands, as a number in [-1, 1].
    fn of_latents(&self, network: &GeneratorNetwork, latents: Tensor<2>) -> Tensor<4> {
        let asked = share(latents.clone().narrow(1, self.latent, 1));
        made(network, latents.narrow(1, 0, self.latent), &asked)
    }
}

impl Play for Asked {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn updates(&self) -> u64 {
        self.generator.updates()
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        let device = self.stage.plain();
        let zeros = |n: usize| Tensor::zeros([1, n], &device);
        vec![
            self.generator.info(|g| made(g, zeros(self.latent), &zeros(1))),
            self.critic.info(self.stage.image_shape(), 0, &device),
        ]
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        let Some(batch) = batches.first() else {
            return Ok(Round::default());
        };
        let updates = self.updates();
        let now = Moment { updates, key, watch };
        let data = self.stage.items(batch);
        // Samples are asked for the energies of the data, so that what is asked for tells nothing.
        let asked = calorimeter::asked(&data);
        let count = batch.shape[0];
        let z = latents(
            Prior::Normal,
            count,
            self.latent,
            key.stream("latents"),
            &self.stage.device,
        );
        let samples = made(self.generator.network(), z, &asked);
        let diversity = watch.then(|| self.stage.diversity(&samples.clone().inner(), batch));
        let data = Shown::plain(data);
        let seen = self
            .critic
            .learn(data.clone(), Shown::plain(samples.clone()), None, now)?;
        let shown = self.critic.shown(
            Shown::plain(samples.clone()),
            updates,
            key.stream("noise for the generator"),
        );
        let persuaded = self.critic.persuade(&shown, Some(&data), None);
        let off = (calorimeter::total(&samples) - asked * FULL).abs().mean();
        let scalars = vec![
            ("loss/discriminator", seen.loss),
            ("loss/generator", number(persuaded.clone())),
            ("loss/energy", number(off.clone())),
        ];
        let loss = persuaded + off * self.settings.energy;
        critic::finite("the generator's loss", number(loss.clone()), now)?;
        let gradient = self
            .generator
            .update(&mut [loss.backward()], watch)
            .unwrap_or(f64::NAN);
        Ok(Round::of(scalars, &self.critic, seen, gradient, diversity))
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.generator.save();
        parts.extend(self.critic.save());
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.generator.load(read, purpose)?;
        self.critic.load(read, purpose)
    }

    fn scores_items(&self) -> bool {
        true
    }

    fn scores(&self, items: Tensor<4>, _: Option<&[u32]>) -> Option<Vec<f32>> {
        Some(self.critic.scores(&Shown::plain(items)))
    }

    fn draws(&self) -> Option<&dyn Draws> {
        Some(self)
    }
    fn sees(&self) -> Option<&dyn Sees> {
        Some(self)
    }
}

impl Draws for Asked {
    /// The energy stands behind the latent proper, so that a walk can move it, too.
    fn latent(&self) -> usize {
        self.latent + 1
    }

    fn prior(&self, count: usize, key: Key) -> Tensor<2> {
        let device = self.stage.plain();
        let z = latents(Prior::Normal, count, self.latent, key.stream("latents"), &device);
        let energies: Tensor<2> = noise::uniform(key.stream("energies").words(), [count, 1], &device);
        Tensor::cat(vec![z, energies * 2.0 - 1.0], 1)
    }

    fn inputs(&self) -> Vec<Port> {
        let [least, most] = ENERGIES;
        let meaning = format!("the energy asked for: {least} GeV at -1, {most} GeV at 1");
        vec![
            port_of(Prior::Normal, self.latent),
            Port::of("energy", &[1], Holds::Symmetric, meaning),
        ]
    }

    fn draw(&self, latents: Tensor<2>, _: Option<Tensor<2>>) -> Tensor<4> {
        let network = self.generator.for_use_on(&latents.device());
        self.of_latents(&network, latents)
    }

    fn differentiable(&self) -> Option<Decoder<2>> {
        let (network, latent) = (on_tape(self.generator.for_use()), self.latent);
        Some(Box::new(move |latents| {
            let asked = share(latents.clone().narrow(1, latent, 1));
            made(&network, latents.narrow(1, 0, latent), &asked)
        }))
    }
}

impl Sees for Asked {
    fn layers(&self, items: Tensor<4>) -> Vec<Tensor<4>> {
        self.critic.network().valid().layers(items)
    }
}
