//! The game of two: Algorithm 1 of Goodfellow et al. 2014, k updates of the discriminator, then one of the generator. With a
//! condition both are told classes; with codes the generator is told numbers that the discriminator reads off its samples.
mod answers;
mod balance;
mod generator;
mod standing;
mod turns;

pub use balance::{Balance, Freeze, Turns};
pub use generator::{latents, port_of};

use super::super::config::{Config, GameConfig, Prior};
use super::super::game::bits::Bits;
use super::super::game::codes::Codes;
use super::super::game::condition::{Condition, IntoDiscriminator};
use super::super::game::density::Density;
use super::super::game::monitor::Observation;
use super::super::game::objective::{Objective, Rule};
use super::super::game::penalty::{
    Alignment, Foreground, HistoricalAverage, LatentConsistency, Orthogonal, PathLength,
};
use super::super::game::semi_supervised::SemiSupervised;
use super::super::game::stage::needs_labels;
use super::super::game::{
    Critic, CriticConfig, Draws, Game, Inverts, Moment, Play, Round, Sees, Shown, Sorts, Stage, Tells,
    TwoPlayer, critic,
};
use super::super::networks::{GeneratorNetwork, Heads, Told};
use crate::{NetworkInfo, Part, Purpose};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};

use menagerie_nn::{Init, Learner, Tensors, first_not_finite, gradient_norm, is_finite, number};

/// What a play around it adds to the generator's loss: of samples, and what they are said to be.
pub(in super::super) type Beside<'a> = Option<&'a dyn Fn(&Shown) -> Tensor<1>>;

/// What an update of the generator showed.
struct Learned {
    loss: f64,
    /// norm of the weights' gradient, where it was watched
    gradient: f64,
    /// what its penalties have to say
    scalars: Vec<(&'static str, f64)>,
}

/// A generator and a critic.
pub struct Duel {
    stage: Stage,
    game: GameConfig,
    condition: Option<Condition>,
    codes: Option<Codes>,
    semi: Option<SemiSupervised>,
    latent: usize,
    generator: Learner<GeneratorNetwork>,
    critic: Critic,
    historical: Option<HistoricalAverage<GeneratorNetwork>>,
    latent_consistency: Option<LatentConsistency>,
    orthogonal: Option<Orthogonal>,
    path_length: Option<PathLength>,
    /// the average of path lengths so far
    usual_path: f64,
    density: Option<Density>,
    alignment: Option<Alignment>,
    foreground: Option<Foreground>,

    /// groups into which the discriminator sorts items, 0 for none
    groups: usize,
    /// samples are black and white
    bits: Option<Bits>,
    turns: Turns,
    /// the generator that draws, where its statistics are taken anew
    stood: standing::Stood,
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
        self.duel_play(model, info, device, key).map(Game::new)
    }

    /// The same, for plays that hold others.
    ///
    /// # Errors
    /// Those of [`Config::duel`].
    pub(in super::super) fn duel_play(
        &self,
        model: &'static str,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Duel> {
        self.check()?;
        self.model.check(model, info)?;
        let others = matches!(
            info.kind,
            Kind::Points | Kind::Sequence | Kind::Video | Kind::Voxels | Kind::Notes
        );
        let refused = |key: &str, does: &str| {
            let problem = format!("it {does}, and these are {}", info.kind.plural());
            Err(Error::recipe(key, problem, "leave it out"))
        };
        if let Some(key) = self.augment.of_images().filter(|_| others) {
            return refused(key, "changes images");
        }
        if self.game.bits.is_some() && others {
            return refused("game.bits", "makes images black and white");
        }
        if self.condition.is_some() || self.semi_supervised.is_some() {
            needs_labels(model, info)?;
        }
        let classes = info.labels.len();
        if let (Some(_), Rule::Categorical(c)) = (self.semi_supervised, self.objective)
            && c.classes != classes
        {
            let problem = format!("{} classes are not the {classes} that labels name", c.classes);
            let fix = format!("set objective.classes = {classes}");
            return Err(Error::recipe("objective.classes", problem, fix));
        }
        let mut told = self.condition.map_or(Told::default(), |c| c.told(classes));
        told.joined += self.codes.as_ref().map_or(0, Codes::numbers);
        let init = Init::new(key.stream("generator"), device);
        let generator = self.model.generator(info, told, &init);
        let critic = Critic::new(
            self.critic(info),
            &self.model,
            info,
            Heads::default(),
            key.stream(critic::DISCRIMINATOR),
            device,
        )?;
        Ok(Duel {
            stage: Stage::new(model, info, device),
            game: self.game,
            condition: self.condition,
            codes: self.codes.clone(),
            semi: self.semi_supervised,
            latent_consistency: self.penalty.latent_consistency,
            orthogonal: self.penalty.orthogonal,
            path_length: self.penalty.path_length,
            usual_path: 0.0,

            groups: match (self.objective, &self.codes) {
                (Rule::Categorical(c), _) => c.classes,
                (_, Some(codes)) => codes.categories.first().copied().unwrap_or(0),
                _ => 0,
            },
            bits: self.game.bits,
            turns: Turns::default(),
            stood: standing::Stood::default(),
            alignment: self.penalty.alignment,
            foreground: self.penalty.foreground,

            density: match self.game.low_density {
                Some(d) => Some(Density::new(d, info, key.stream("density"), device)?),
                None => None,
            },
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
        })
    }

    /// The critic of this recipe.
    pub fn critic(&self, info: &DataInfo) -> CriticConfig {
        CriticConfig {
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

impl Duel {
    /// The generator as it is being trained.
    pub fn generator(&self) -> &GeneratorNetwork {
        self.generator.network()
    }

    /// The generator to use: without autodiff, in evaluation mode.
    pub fn for_use(&self) -> GeneratorNetwork {
        self.standing()
    }

    /// The same with names of its own in checkpoints and graphs, for plays that hold several.
    pub(in super::super) fn called(self, generator: &'static str, critic: &'static str) -> Duel {
        Duel {
            generator: self.generator.called(generator),
            critic: self.critic.called(critic),
            ..self
        }
    }

    /// The critic.
    pub fn critic(&self) -> &Critic {
        &self.critic
    }

    /// What its latents proper are drawn from.
    pub(super) fn prior_of_latents(&self) -> Prior {
        self.game.prior
    }

    /// The items of a batch, as the game knows them.
    fn items(&self, batch: &Batch) -> Tensor<4> {
        self.cut(self.stage.items(batch))
    }

    /// Items as the game knows them: black and white where its samples are, coarse where its networks have not grown yet.
    fn cut(&self, items: Tensor<4>) -> Tensor<4> {
        match self.bits {
            Some(_) => Bits::likeliest(items),
            None => self.generator().shown(items),
        }
    }

    /// The generator's update, where it is its turn.
    fn update_generator(
        &mut self,
        made: Shown,
        data: Shown,
        beside: Beside,
        now: Moment,
        its_turn: bool,
    ) -> Result<Learned> {
        let watch = now.watch;

        let density = match &mut self.density {
            Some(d) => Some(d.learn(data.items.clone())?),
            None => None,
        };
        let count = made.items.dims()[0];
        let more = beside.map(|beside| beside(&made));
        let loss = self.loss_ahead(made, data, now)?;
        let loss = more.into_iter().fold(loss, |loss, more| loss + more);
        let value = number(loss.clone());
        critic::finite("the generator's loss", value, now)?;
        // What is not its turn needs its gradient only to show it.
        let idle = !its_turn;
        if idle && !watch {
            return Ok(Learned {
                loss: value,
                gradient: f64::NAN,
                scalars: vec![],
            });
        }
        let mut gradients = vec![loss.backward()];
        let network = self.generator.network();
        gradients.extend(self.orthogonal.and_then(|o| o.gradients(network)).map(|(g, _)| g));
        let mut scalars: Vec<_> = density.map(|d| ("density/data", d)).into_iter().collect();
        if let Some((g, more)) = self.path_lengths(count, now)? {
            gradients.push(g);
            scalars.extend(more);
        }
        let network = self.generator.network();
        let gradient = match idle {
            true => gradient_norm(network, &mut gradients),
            false => self.generator.update(&mut gradients, watch).unwrap_or(f64::NAN),
        };
        Ok(Learned {
            loss: value,
            gradient,
            scalars,
        })
    }

    /// An error of a number that is none, with the place where the first such number stands.
    fn located(&self, e: Error, batch: &Batch) -> Error {
        let Error::Training { step, problem, fix } = e else {
            return e;
        };
        let layers = || {
            let seen = self
                .critic
                .network()
                .valid()
                .layers(self.stage.items(batch).inner());
            let first = seen.into_iter().position(|l| !is_finite(l));
            first.map(|i| format!("what layer {} of the discriminator makes of data", i + 1))
        };
        let weights = |of: &str, name: Option<String>| name.map(|n| format!("{of}.{n}"));
        let place = weights("generator", first_not_finite(self.generator.network()))
            .or_else(|| weights(critic::DISCRIMINATOR, first_not_finite(self.critic.network())))
            .or_else(layers);
        let problem = match place {
            Some(place) => format!("{problem}; the first numbers that are not finite: {place}"),
            None => problem,
        };
        Error::Training { step, problem, fix }
    }

    /// k updates of the critic; gives what the last one showed, its samples and its data.
    fn update_critic(
        &mut self,
        batches: &[Batch],
        key: Key,
        watch: bool,
        its_turn: bool,
    ) -> Result<(critic::Seen, Shown, Shown)> {
        let updates = self.updates();
        let (batches, labelled) = batches.split_at(self.game.discriminator_steps.min(batches.len()));
        let labelled = match labelled.first() {
            Some(batch) => {
                let classes = self
                    .stage
                    .one_hot(self.stage.labels_of(batch)?, &self.stage.device);
                Some(Shown {
                    classes: Some(classes),
                    ..Shown::plain(self.stage.items(batch))
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
                classes,
                ..Shown::plain(self.items(batch))
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
            let mut samples = made.clone();
            if self.bits.is_some() {
                samples.items = Bits::drawn(samples.items, of.stream("bits"));
            }
            let seen = match its_turn {
                true => self.critic.learn(data.clone(), samples, labelled.as_ref(), now)?,
                false => self.critic.look(data.clone(), samples, now)?,
            };
            last = Some((seen, made, data));
        }
        last.ok_or_else(|| Error::Training {
            step: updates + 1,
            problem: "no batch was given".into(),
            fix: "report this as a bug".into(),
        })
    }

    /// A step of the game, with what stands beside the generator's loss.
    ///
    /// # Errors
    /// Those of [`Play::step`].
    pub(in super::super) fn played(
        &mut self,
        batches: &[Batch],
        key: Key,
        watch: bool,
        beside: Beside,
    ) -> Result<Round> {
        let updates = self.generator.updates();
        self.generator().grow(updates);
        self.critic.network().grow(updates);
        let [critics_turn, generators_turn] = self.learners();
        let (mut seen, made, data) = match self.update_critic(batches, key, watch, critics_turn) {
            Ok(shown) => shown,
            Err(e) => return Err(self.located(e, &batches[0])),
        };
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
        let diversity = watch.then(|| self.stage.diversity(&made.items.clone().inner(), &batches[0]));
        let updates = self.updates();
        let now = Moment { updates, key, watch };
        let learned = self
            .update_generator(made, data, beside, now, generators_turn)
            .map_err(|e| self.located(e, &batches[0]))?;
        if self.game.freeze.is_some() {
            self.turns.judged(&seen.data, &seen.samples);
            let share = |learns: bool| f64::from(u8::from(learns));
            seen.scalars.push(("d/learns", share(critics_turn)));
            seen.scalars.push(("g/learns", share(generators_turn)));
        }
        if let Some(b) = self.game.balance {
            let believed = |s: &f32| self.critic.objective().probability(*s as f64).unwrap_or(0.5);
            let mean = seen.samples.iter().map(believed).sum::<f64>() / seen.samples.len().max(1) as f64;
            self.turns.follow(b, mean);
            seen.scalars.push(("d/turns", self.turns.share));
        }
        if let Some(h) = &mut self.historical {
            self.generator.change(|network| h.pull(network));
        }
        let mut scalars = vec![
            ("loss/discriminator", seen.loss),
            ("loss/generator", learned.loss),
        ];
        if watch {
            scalars.extend(learned.scalars);
        }

        let observation = diversity.map(|diversity| {
            let o = Observation::new(self.critic.objective(), &seen, learned.gradient, diversity);
            scalars.extend(o.scalars());
            scalars.extend(seen.scalars.iter().copied());
            o
        });
        Ok(Round { scalars, observation })
    }
}

impl Play for Duel {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn updates(&self) -> u64 {
        match self.takes_turns() {
            true => self.turns.taken,
            false => self.generator.updates(),
        }
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
        usize::from(self.semi.is_some())
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        self.played(batches, key, watch, None)
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.generator.save();
        if let Some(h) = &self.historical {
            parts.push(("generator_mean".into(), Box::new(|| h.save())));
        }
        parts.extend(self.critic.save());
        parts.extend(self.density.iter().flat_map(Density::save));
        if self.takes_turns() {
            let turns = self.turns.written();
            parts.push((
                "balance".into(),
                Box::new(move || Tensors::of_note("turns", turns)),
            ));
        }
        if self.path_length.is_some() {
            let usual = self.usual_path.to_string();
            parts.push((
                "path_length".into(),
                Box::new(move || Tensors::of_note("average", usual)),
            ));
        }
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.generator.load(read, purpose)?;
        self.stood = standing::Stood::default();
        if let Some(h) = self.historical.as_mut().filter(|_| purpose == Purpose::Train) {
            h.load(read("generator_mean")?)?;
        }
        if let Some(d) = &mut self.density {
            d.load(read, purpose)?;
        }
        if self.takes_turns() && purpose == Purpose::Train {
            let notes = read("balance")?.notes;
            self.turns = notes
                .get("turns")
                .and_then(|t| Turns::read(t))
                .unwrap_or_default();
        }
        if self.path_length.is_some() && purpose == Purpose::Train {
            let notes = read("path_length")?.notes;
            self.usual_path = notes.get("average").and_then(|a| a.parse().ok()).unwrap_or(0.0);
        }
        self.critic.load(read, purpose)
    }

    fn scores_items(&self) -> bool {
        true
    }

    fn scores(&self, items: Tensor<4>, classes: Option<&[u32]>) -> Option<Vec<f32>> {
        let classes = match self.condition {
            Some(_) => Some(self.stage.one_hot(classes?, &items.device())),
            None => None,
        };
        let items = self.cut(items);
        Some(self.critic.scores(&Shown {
            classes,
            ..Shown::plain(items)
        }))
    }

    fn two_player(&mut self) -> Option<&mut dyn TwoPlayer> {
        self.is_plain().then_some(self as &mut dyn TwoPlayer)
    }
    fn draws(&self) -> Option<&dyn Draws> {
        Some(self)
    }
    fn sees(&self) -> Option<&dyn Sees> {
        Some(self)
    }
    fn inverts(&self) -> Option<&dyn Inverts> {
        self.codes.as_ref().map(|_| self as &dyn Inverts)
    }
    fn sorts(&self) -> Option<&dyn Sorts> {
        (self.groups > 0).then_some(self as &dyn Sorts)
    }
    fn tells(&self) -> Option<&dyn Tells> {
        let of_condition = self
            .condition
            .is_some_and(|c| c.discriminator == IntoDiscriminator::Classes);
        (self.semi.is_some() || of_condition).then_some(self as &dyn Tells)
    }
}
