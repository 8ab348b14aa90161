//! The game of two: Algorithm 1 of Goodfellow et al. 2014, k updates of the discriminator, then one of the generator. With a
//! condition both are told classes; with codes the generator is told numbers that the discriminator reads off its samples.
use super::super::config::{Config, GameConfig, Prior};
use super::super::game::codes::Codes;
use super::super::game::condition::{Condition, IntoGenerator};
use super::super::game::monitor::Observation;
use super::super::game::objective::Objective;
use super::super::game::penalty::HistoricalAverage;
use super::super::game::stage::needs_labels;
use super::super::game::{
    Critic, CriticConfig, Draws, Game, Moment, Play, Round, Sees, Shown, Stage, Tells, critic,
};
use super::super::networks::{GeneratorNetwork, Heads, Told};
use crate::{Exported, NetworkInfo, Part, Port, Purpose};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_kernels::noise;
use menagerie_nn::{Init, Learner, Tensors, number};

/// A generator and a critic.
pub struct Duel {
    stage: Stage,
    game: GameConfig,
    condition: Option<Condition>,
    codes: Option<Codes>,
    semi: bool,
    latent: usize,
    generator: Learner<GeneratorNetwork>,
    critic: Critic,
    historical: Option<HistoricalAverage<GeneratorNetwork>>,
}

/// Samples with what they were made from.
struct Made {
    shown: Shown,
}

impl Config {
    /// Fresh networks for data of that description, and the game of two between them.
    ///
    /// # Errors
    /// For settings that clash and data that the networks cannot take.
    pub fn duel(
        &self,
        model: &'static str,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<Duel>> {
        self.check()?;
        self.model.check(model, info)?;
        if let Some(key) = self.augment.of_images().filter(|_| info.kind != Kind::Image) {
            return Err(Error::recipe(
                key,
                "it changes images, and these are points",
                "leave it out",
            ));
        }
        if self.condition.is_some() || self.semi_supervised.is_some() {
            needs_labels(model, info)?;
        }
        let classes = info.labels.len();
        let mut told = self.condition.map_or(Told::default(), |c| c.told(classes));
        told.joined += self.codes.as_ref().map_or(0, Codes::numbers);
        let init = Init::new(key.stream("generator"), device);
        let generator = self.model.generator(info, told, &init);
        let critic = Critic::new(
            self.critic(info),
            info,
            Heads::default(),
            key.stream(critic::DISCRIMINATOR),
            device,
        )?;
        Ok(Game::new(Duel {
            stage: Stage::new(model, info, device),
            game: self.game,
            condition: self.condition,
            codes: self.codes.clone(),
            semi: self.semi_supervised.is_some(),
            latent: self.model.latent(),
            historical: self
                .penalty
                .historical
                .map(|h| HistoricalAverage::new(&generator, h)),
            generator: Learner::new(
                "generator",
                generator,
                self.optimizer.generator,
                self.model.average(),
                device,
            )?,
            critic,
        }))
    }

    /// The critic of this recipe.
    pub fn critic(&self, info: &DataInfo) -> CriticConfig<'_> {
        CriticConfig {
            sizes: &self.model,
            objective: self.objective,
            penalties: self.penalty.clone(),
            augment: self.augment.clone(),
            condition: self.condition,
            numbers: info.labels.len(),
            codes: self.codes.clone(),
            semi: self.semi_supervised,
            optimizer: self.optimizer.discriminator,
            average: if self.semi_supervised.is_some() {
                self.model.average()
            } else {
                0.0
            },
            smoothing: self.game.smoothing,
        }
    }
}

impl Game<Duel> {
    /// Plays for another objective than the configured one: any type that implements [`Objective`].
    pub fn with_objective(self, objective: impl Objective + 'static) -> Self {
        self.map(|mut play| {
            play.critic.set_objective(Box::new(objective));
            play
        })
    }
}

/// Latents from a prior, row i a function of the key and i.
pub fn latents(prior: Prior, count: usize, latent: usize, key: Key, device: &Device) -> Tensor<2> {
    match prior {
        Prior::Normal => noise::normal(key.words(), [count, latent], device),
        Prior::Uniform => noise::uniform::<2>(key.words(), [count, latent], device) * 2.0 - 1.0,
        Prior::Sphere => {
            let z: Tensor<2> = noise::normal(key.words(), [count, latent], device);
            let norm = (z.clone() * z.clone()).sum_dim(1).sqrt() + 1e-12;
            z / norm * (latent as f64).sqrt()
        }
    }
}

impl Duel {
    /// The generator as it is being trained.
    pub fn generator(&self) -> &GeneratorNetwork {
        self.generator.network()
    }

    /// The critic.
    pub fn critic(&self) -> &Critic {
        &self.critic
    }

    /// What the generator is told: classes, then codes.
    fn told(classes: Option<&Tensor<2>>, codes: Option<&Tensor<2>>) -> Option<Tensor<2>> {
        match (classes, codes) {
            (Some(a), Some(b)) => Some(Tensor::cat(vec![a.clone(), b.clone()], 1)),
            (a, b) => a.or(b).cloned(),
        }
    }

    /// Draws samples with this generator, on its tape if it has one.
    fn make(&self, generator: &GeneratorNetwork, count: usize, latents: &str, key: Key) -> Made {
        let device = &self.stage.device;
        let z = self::latents(self.game.prior, count, self.latent, key.stream(latents), device);
        let classes = self.condition.map(|_| {
            let drawn = self.stage.draw_labels(count, key.stream("classes"));
            self.stage.one_hot(&drawn, device)
        });
        let codes = self
            .codes
            .as_ref()
            .map(|c| c.draw(count, key.stream("codes"), device));
        let hears = self
            .condition
            .is_some_and(|c| c.generator != IntoGenerator::Nothing);
        let told = Self::told(classes.as_ref().filter(|_| hears), codes.as_ref());
        let z = if self.game.latent_step > 0.0 {
            self.moved(z, told.as_ref(), classes.as_ref())
        } else {
            z
        };
        Made {
            shown: Shown {
                items: generator.forward(z, told.as_ref()),
                classes,
                codes,
            },
        }
    }

    /// LOGAN's natural step (Wu et al. 2019, equation 12): z + alpha g / (beta + ||g||^2), g the gradient of what the
    /// generator's loss loses. The step counts as constant: the term of second order is left out.
    fn moved(&self, z: Tensor<2>, told: Option<&Tensor<2>>, classes: Option<&Tensor<2>>) -> Tensor<2> {
        const BETA: f64 = 5.0;
        let at = z.clone().detach().require_grad();
        let items = self
            .generator
            .network()
            .clone()
            .no_grad()
            .forward(at.clone(), told);
        let loss = -self.critic.persuade(
            &Shown {
                items,
                classes: classes.cloned(),
                codes: None,
            },
            None,
            None,
        );
        let gradients = (loss * z.dims()[0] as f64).backward();
        let Some(g) = at.grad(&gradients) else { return z };
        let square = (g.clone() * g.clone()).sum_dim(1) + BETA;
        z + Tensor::from_inner(g / square * self.game.latent_step)
    }

    /// The samples, by scores, that the generator learns from (Sinha et al. 2020).
    fn best(&self, updates: u64) -> Option<impl Fn(&[f32]) -> Vec<usize>> {
        let part = (updates as f64 / self.game.top_k_steps.max(1) as f64).min(1.0);
        let share = 1.0 - part * (1.0 - self.game.top_k);
        (share < 1.0).then_some(move |scores: &[f32]| {
            let mut order: Vec<usize> = (0..scores.len()).collect();
            order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
            order.truncate(((scores.len() as f64 * share).ceil() as usize).max(1));
            order
        })
    }

    /// The generator's loss on samples that the critic has been shown.
    fn generator_loss(&self, samples: &Shown, data: &Shown, updates: u64) -> Tensor<1> {
        let loss = match self.game.feature_matching {
            // || E f(x) - E f(G(z)) ||^2
            true => {
                let mean = |shown: &Shown| self.critic.opinion(shown).features.value.mean_dim(0);
                let off = mean(samples) - mean(data).detach();
                (off.clone() * off).sum()
            }
            false => {
                let keep = self.best(updates);
                let keep = keep.as_ref().map(|k| k as &dyn Fn(&[f32]) -> Vec<usize>);
                self.critic.persuade(samples, Some(data), keep)
            }
        };
        match self.game.pulling_away {
            0.0 => loss,
            weight => loss + self.pulling_away(samples) * weight,
        }
    }

    /// The mean squared cosine of the codes of different samples (Zhao et al. 2016, equation 4).
    fn pulling_away(&self, samples: &Shown) -> Tensor<1> {
        let network = self.critic.network().clone().no_grad();
        let Some(code) = network.code(samples.items.clone()) else {
            return samples.items.clone().sum() * 0.0;
        };
        let n = code.dims()[0] as f64;
        let norm = ((code.clone() * code.clone()).sum_dim(1) + 1e-12).sqrt();
        let unit = code / norm;
        let cosines = unit.clone().matmul(unit.transpose());
        ((cosines.clone() * cosines).sum() - n) * (1.0 / (n * (n - 1.0)).max(1.0))
    }

    /// k updates of the critic; gives what the last one showed, its samples and its data.
    fn update_critic(
        &mut self,
        batches: &[Batch],
        key: Key,
        watch: bool,
    ) -> Result<(critic::Seen, Made, Shown)> {
        let updates = self.generator.updates();
        let (batches, labelled) = batches.split_at(self.game.discriminator_steps.min(batches.len()));
        let labelled = match labelled.first() {
            Some(batch) => {
                let classes = self
                    .stage
                    .one_hot(self.stage.labels_of(batch)?, &self.stage.device);
                Some(Shown {
                    items: self.stage.items(batch),
                    classes: Some(classes),
                    codes: None,
                })
            }
            None => None,
        };
        let mut last = None;
        for (i, batch) in batches.iter().enumerate() {
            let is_last = i + 1 == batches.len();
            let classes = match self.condition {
                Some(_) => Some(
                    self.stage
                        .one_hot(self.stage.labels_of(batch)?, &self.stage.device),
                ),
                None => None,
            };
            let data = Shown {
                items: self.stage.items(batch),
                classes,
                codes: None,
            };
            let of = key.step(i as u64);
            // Samples that the generator will not learn from need no tape.
            let generator = self.generator.network().clone();
            let generator = if is_last && !self.game.fresh_latents {
                generator
            } else {
                generator.no_grad()
            };
            let made = self.make(&generator, batch.shape[0], "latents", of);
            drop(generator);
            let now = Moment {
                updates,
                key: of,
                watch: watch && is_last,
            };
            let seen = self
                .critic
                .learn(data.clone(), made.shown.clone(), labelled.as_ref(), now)?;
            last = Some((seen, made, data));
        }
        last.ok_or_else(|| Error::Training {
            step: updates + 1,
            problem: "no batch was given".into(),
            fix: "report this as a bug".into(),
        })
    }
}

impl Play for Duel {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn updates(&self) -> u64 {
        self.generator.updates()
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        let device = self.stage.plain();
        let classes = self.condition.map_or(0, |_| self.stage.labels.len());
        let heard = self
            .condition
            .map_or(0, |c| c.told(classes).joined + c.told(classes).norms);
        let numbers = heard + self.codes.as_ref().map_or(0, Codes::numbers);
        let told = (numbers > 0).then(|| Tensor::zeros([1, numbers], &device));
        let z = Tensor::zeros([1, self.latent], &device);
        vec![
            self.generator.info(|g| g.forward(z, told.as_ref())),
            self.critic.info(self.stage.image_shape(), classes, &device),
        ]
    }

    fn batches_per_step(&self) -> usize {
        self.game.discriminator_steps + self.labelled_batches()
    }

    fn labelled_batches(&self) -> usize {
        usize::from(self.semi)
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        let updates = self.generator.updates();
        let (seen, made, data) = self.update_critic(batches, key, watch)?;
        let made = match self.game.fresh_latents {
            true => {
                drop(made);
                self.make(
                    &self.generator.network().clone(),
                    batches[0].shape[0],
                    "generator latents",
                    key,
                )
            }
            false => made,
        };
        let diversity = watch.then(|| {
            self.stage
                .diversity(&made.shown.items.clone().inner(), &batches[0])
        });
        let shown = self
            .critic
            .shown(made.shown, updates, key.stream("noise for the generator"));
        let data = self
            .critic
            .shown(data, updates, key.stream("noise on data for the generator"));
        let loss = self.generator_loss(&shown, &data, updates);
        let value = number(loss.clone());
        let now = Moment { updates, key, watch };
        critic::finite("the generator's loss", value, now)?;
        let gradients = loss.backward();
        let gradient = self.generator.update(&mut [gradients], watch).unwrap_or(f64::NAN);
        if let Some(h) = &mut self.historical {
            self.generator.change(|network| h.pull(network));
        }
        let mut scalars = vec![("loss/discriminator", seen.loss), ("loss/generator", value)];
        let observation = diversity.map(|diversity| {
            let o = Observation::new(self.critic.objective(), &seen, gradient, diversity);
            scalars.extend(o.scalars());
            scalars.extend(seen.scalars.iter().copied());
            o
        });
        Ok(Round { scalars, observation })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.generator.save();
        if let Some(h) = &self.historical {
            parts.push(("generator_mean".into(), Box::new(|| h.save())));
        }
        parts.extend(self.critic.save());
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.generator.load(read, purpose)?;
        if let Some(h) = self.historical.as_mut().filter(|_| purpose == Purpose::Train) {
            h.load(read("generator_mean")?)?;
        }
        self.critic.load(read, purpose)
    }

    fn exported(&self) -> Option<Exported> {
        let meaning = match self.stage.kind {
            Kind::Image => "an image, channels last, in [-1, 1]".to_string(),
            _ => format!("an item, divided by {}", self.stage.scale),
        };
        let meaning_of_latent = match self.game.prior {
            Prior::Normal => "standard normal".to_string(),
            Prior::Uniform => "uniform in [-1, 1)".to_string(),
            Prior::Sphere => format!("on the sphere of radius {:.3}", (self.latent as f64).sqrt()),
        };
        let mut inputs = vec![Port {
            name: "latent",
            shape: vec![0, self.latent],
            meaning: meaning_of_latent,
        }];
        if self.by_class() {
            let meaning = format!("the class as a one among zeros: {}", self.stage.labels.join(", "));
            inputs.push(Port {
                name: "class",
                shape: vec![0, self.stage.labels.len()],
                meaning,
            });
        }
        if let Some(c) = &self.codes {
            let meaning = format!(
                "categories {:?} as ones among zeros, then numbers in [-1, 1)",
                c.categories
            );
            inputs.push(Port {
                name: "codes",
                shape: vec![0, c.numbers()],
                meaning,
            });
        }
        let outputs = vec![Port {
            name: "item",
            shape: [&[0], &self.stage.shape[..]].concat(),
            meaning,
        }];
        Some(Exported {
            network: "generator",
            weights: self.generator.weights(),
            inputs,
            outputs,
        })
    }

    fn draws(&self) -> Option<&dyn Draws> {
        Some(self)
    }
    fn sees(&self) -> Option<&dyn Sees> {
        Some(self)
    }
    fn tells(&self) -> Option<&dyn Tells> {
        self.semi.then_some(self as &dyn Tells)
    }
}

impl Tells for Duel {
    fn class_scores(&self, items: Tensor<4>) -> Tensor<2> {
        let count = items.dims()[0];
        let none = || Tensor::zeros([count, self.stage.labels.len()], &self.stage.plain());
        self.critic.class_scores(items).unwrap_or_else(none)
    }
}

impl Draws for Duel {
    /// Codes stand behind the latent proper, so that a walk can move them too.
    fn latent(&self) -> usize {
        self.latent + self.codes.as_ref().map_or(0, Codes::numbers)
    }

    fn prior(&self, count: usize, key: Key) -> Tensor<2> {
        let device = self.stage.plain();
        let z = latents(
            self.game.prior,
            count,
            self.latent,
            key.stream("latents"),
            &device,
        );
        match &self.codes {
            Some(c) => Tensor::cat(vec![z, c.draw(count, key.stream("codes"), &device)], 1),
            None => z,
        }
    }

    fn by_class(&self) -> bool {
        self.condition
            .is_some_and(|c| c.generator != IntoGenerator::Nothing)
    }

    fn draw(&self, latents: Tensor<2>, classes: Option<&[u32]>) -> Tensor<4> {
        let classes = classes.map(|c| self.stage.one_hot(c, &latents.device()));
        let codes = self
            .codes
            .as_ref()
            .map(|c| latents.clone().narrow(1, self.latent, c.numbers()));
        let told = Self::told(classes.as_ref(), codes.as_ref());
        self.generator
            .for_use()
            .forward(latents.narrow(1, 0, self.latent), told.as_ref())
    }
}

impl Sees for Duel {
    fn layers(&self, items: Tensor<4>) -> Vec<Tensor<4>> {
        self.critic.network().valid().layers(items)
    }
}
