//! A generator that is given one image of a pair, and a critic that sees whether the other belongs to it (Isola et al. 2017,
//! arXiv:1611.07004, pix2pix). With x the given image, y the other, and dropout for the noise z:
//!
//! min_G max_D  game (E log D(x, y) + E log(1 - D(x, G(x, z))))  +  l1 E ||y - G(x, z)||_1          (equations 1 to 4)
use super::super::game::monitor::{self, Observation};
use super::super::game::{Critic, Game, Moment, Play, Round, Sees, Shown, Stage, Translates, critic};
use super::super::networks::{CriticNetwork, TranslatorNetwork};
use super::super::translation::{Distance, Settings, Translation, needs_pairs};
use crate::{Direction, Exported, NetworkInfo, Part, Port, Purpose};
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo};
use menagerie_nn::{Init, Learner, Tensors, number, numbers};
use serde::{Deserialize, Serialize};

/// `[translation]` of a play over pairs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PairedSettings {
    /// `a2b`, from the left image to the right one, or `b2a`
    pub direction: Direction,
    /// weight of the game; 0 for none: the l1 loss alone
    pub game: f64,
    /// weight of the distance to the true image; 0 for the game alone (paper: 100)
    pub l1: f64,
    /// whether the critic sees the given image, too; otherwise it only says whether an image looks real
    pub conditional: bool,
}

impl Default for PairedSettings {
    fn default() -> Self {
        PairedSettings {
            direction: Direction::AToB,
            game: 1.0,
            l1: 100.0,
            conditional: true,
        }
    }
}

impl Settings for PairedSettings {
    fn weights(&self) -> Vec<(&'static str, f64)> {
        vec![("translation.game", self.game), ("translation.l1", self.l1)]
    }
}

/// See the module.
pub struct Paired {
    stage: Stage,
    settings: PairedSettings,
    generator: Learner<TranslatorNetwork>,
    /// none where there is no game
    critic: Option<Critic>,
}

impl Translation<PairedSettings> {
    /// Fresh networks for pairs of that description.
    ///
    /// # Errors
    /// For settings that clash, and data that are no pairs.
    pub fn paired(
        &self,
        model: &'static str,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<Paired>> {
        self.check()?;
        needs_pairs(model, info)?;
        let t = self.translation;
        if t.game == 0.0 && t.l1 == 0.0 {
            let problem = "translation.game is 0, too, and nothing is left to learn";
            return Err(Error::recipe(
                "translation.l1",
                problem,
                "give one of them a weight",
            ));
        }
        let [h, w, c] = self.image(info)?;
        let generator = self
            .model
            .network([h, w, c], &Init::new(key.stream("generator"), device));
        let seen = if t.conditional { 2 * c } else { c };
        let critic = || {
            let at = Init::new(key.stream(critic::DISCRIMINATOR), device);
            let network =
                CriticNetwork::of_patches(&self.critic, [h, w, seen], self.objective.wants_bias(), &at);
            Critic::of(critic::DISCRIMINATOR, self.critic(), network, device)
        };
        Ok(Game::new(Paired {
            stage: Stage::new(model, info, device),
            settings: t,
            critic: if t.game > 0.0 { Some(critic()?) } else { None },
            generator: Learner::new(
                "generator",
                generator,
                self.optimizer.generator,
                self.model.average(),
                device,
            )?,
        }))
    }
}

/// The images of the two sides, of items that hold both.
pub(super) fn sides(items: Tensor<4>) -> [Tensor<4>; 2] {
    let c = items.dims()[3] / 2;
    [0, c].map(|from| items.clone().narrow(3, from, c))
}

impl Paired {
    /// What the critic is shown of given images and others.
    fn shown(&self, given: &Tensor<4>, other: Tensor<4>) -> Shown {
        Shown::plain(match self.settings.conditional {
            true => Tensor::cat(vec![given.clone(), other], 3),
            false => other,
        })
    }

    fn image_shape(&self) -> [usize; 3] {
        let [h, w, c] = self.stage.image_shape();
        [h, w, c / 2]
    }
}

impl Play for Paired {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn updates(&self) -> u64 {
        self.generator.updates()
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        let device = self.stage.plain();
        let [h, w, c] = self.image_shape();
        let x = Tensor::zeros([1, h, w, c], &device);
        let mut networks = vec![self.generator.info(|g| g.forward(x, None))];
        let seen = if self.settings.conditional { 2 * c } else { c };
        networks.extend(self.critic.iter().map(|d| d.info([h, w, seen], 0, &device)));
        networks
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        let updates = self.generator.updates();
        let Some(batch) = batches.first() else {
            return Ok(Round::default());
        };
        let now = Moment { updates, key, watch };
        let mut images = sides(self.stage.items(batch));
        if self.settings.direction == Direction::BToA {
            images.reverse();
        }
        let [given, truth] = images;
        let keys: Vec<Key> = (0..batch.shape[0] as u64)
            .map(|i| key.stream("noise").step(i))
            .collect();
        let made = self.generator.network().forward(given.clone(), Some(&keys));
        let samples = self.shown(&given, made.clone());
        let data = self.shown(&given, truth.clone());
        let mut scalars = Vec::new();
        let mut seen = None;
        let mut loss = Distance::L1.of(made.clone(), truth.clone());
        scalars.push(("loss/l1", number(loss.clone())));
        loss = loss * self.settings.l1;
        if let Some(critic) = &mut self.critic {
            let found = critic.learn(data.clone(), samples.clone(), None, now)?;
            let samples = critic.shown(samples, updates, key.stream("noise for the generator"));
            let persuaded = critic.persuade(&samples, Some(&data), None);
            scalars.extend([
                ("loss/discriminator", found.loss),
                ("loss/generator", number(persuaded.clone())),
            ]);
            loss = loss + persuaded * self.settings.game;
            seen = Some(found);
        }
        critic::finite("the generator's loss", number(loss.clone()), now)?;
        let gradient = self
            .generator
            .update(&mut [loss.backward()], watch)
            .unwrap_or(f64::NAN);
        let observation = match (&self.critic, seen, watch) {
            (Some(critic), Some(seen), true) => {
                let o = Observation::new(critic.objective(), &seen, gradient, diversity(made, truth));
                scalars.extend(o.scalars());
                scalars.extend(seen.scalars);
                Some(o)
            }
            (None, _, true) => {
                scalars.push(("gradient/generator", gradient));
                None
            }
            _ => None,
        };
        Ok(Round { scalars, observation })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.generator.save();
        parts.extend(self.critic.iter().flat_map(Critic::save));
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.generator.load(read, purpose)?;
        self.critic.as_mut().map_or(Ok(()), |d| d.load(read, purpose))
    }

    fn exported(&self) -> Option<Exported> {
        let [h, w, c] = self.image_shape();
        let multiple = self.generator.network().multiple();
        let port = |name, what: &str| Port {
            name,
            shape: vec![0, h, w, c],
            meaning: format!("{what}, in [-1, 1]; any height and width that are multiples of {multiple}"),
        };
        Some(Exported {
            network: "generator",
            weights: self.generator.weights(),
            inputs: vec![port("image", "an image of the given side")],
            outputs: vec![port("translated", "the image of the other side")],
        })
    }

    fn translates(&self) -> Option<&dyn Translates> {
        Some(self)
    }
    fn sees(&self) -> Option<&dyn Sees> {
        None
    }
}

/// Mean distance of neighbours among what was made over that among what it should be.
pub(super) fn diversity(made: Tensor<4>, truth: Tensor<4>) -> f64 {
    let width: usize = made.dims()[1..].iter().product();
    let spread = |x: Tensor<4>| monitor::spread(&numbers(x), width);
    spread(made) / spread(truth).max(1e-12)
}

impl Translates for Paired {
    fn directions(&self) -> &[Direction] {
        std::slice::from_ref(&self.settings.direction)
    }

    fn turn(&self, images: Tensor<4>, _: Direction, keys: &[Key]) -> Tensor<4> {
        self.generator.for_use().forward(images, Some(keys))
    }
}
