//! World model: to act by what comes of it in a model of the world.
//!
//! Ha, Schmidhuber (2018), World Models, arXiv:1803.10122.
//!
//! V, a variational autoencoder, makes latents z of what is seen; M, a recurrent network, foretells P(z_{t+1} | a_t, z_t, h_t) as a mixture
//! of normal distributions (sections 2.1, 2.2); of a step that M foretells, a third network tells the reward, whether the episode is over,
//! and what is still to come. An action is what works best there. What happened by chance is not all that happens to who acts: own episodes
//! are played in turn, and learned from (section 5).
//!
//! The paper's controller is a linear layer that evolves within M; here plans are made anew in each state, by the cross-entropy
//! method, as PlaNet's are (Hafner et al. 2019, Learning Latent Dynamics for Planning from Pixels, arXiv:1811.04551). States are a few
//! numbers where the paper's are pictures, and M begins at the present state, for that is all there is to know.
mod exported;
mod network;
mod outcomes;
mod planning;
mod rollouts;
mod settings;
#[cfg(test)]
mod tests;

pub use planning::Planning;
pub use settings::{Config, Optimizers, Settings, Sizes};

use crate::adversarial::acting::{played, seen, world};
use crate::{
    Act, Capability, Entry, Function, Model, NetworkInfo, Part, Purpose, Registered, StepReport, of_shape,
};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use menagerie_data::environments::{Environment, Episode};
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo};
use menagerie_kernels::noise;
use menagerie_nn::{Init, Learner, Tensors, collective, number};
use network::{Dynamics, Outcome, Vision};
use outcomes::{Imagined, Scale, losses, told_right};
use planning::World;
use rollouts::{Memory, Sequences, sequences};

/// Steps ahead of which it is told how far M is off.
const AHEAD: [usize; 3] = [1, 5, 15];
/// How they are called, and how far off it would be to say that nothing changes.
const OFF: [[&str; 2]; 3] = [
    ["error/1", "still/1"],
    ["error/5", "still/5"],
    ["error/15", "still/15"],
];
/// Shares of ends, and of other steps, that are told to be such.
const TOLD: [&str; 2] = ["told/ends", "told/others"];

/// V, M, what tells outcomes, and what is remembered.
pub struct WorldModel {
    settings: Settings,
    planning: Planning,
    latent: usize,
    environment: &'static dyn Environment,
    scale: Scale,
    vision: Learner<Vision>,
    dynamics: Learner<Dynamics>,
    outcome: Learner<Outcome>,
    memory: Memory,
}

impl Config {
    /// Fresh networks for steps in an environment.
    ///
    /// # Errors
    /// For data that are no steps in an environment.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<WorldModel> {
        let named = ("world.environment", &self.world.environment[..]);
        let environment = world("world_model", named, &["chance", "expert"], info)?;
        let (n, actions) = (environment.state().len(), environment.actions().len());
        let m = self.model;
        let init = |name: &str| Init::new(key.stream(name), device);
        let vision = Vision::new(n, m.width, m.latent, &init("vision"));
        let sizes = [m.latent, actions, m.units, m.components];
        let dynamics = Dynamics::new(sizes, &init("dynamics"));
        let outcome = Outcome::new([m.latent, actions, m.width], &init("outcome"));
        let o = self.optimizer;
        Ok(WorldModel {
            settings: self.world.clone(),
            planning: self.planning,
            latent: m.latent,
            environment,
            scale: Scale::of(environment, self.world.discount),
            vision: Learner::new("vision", vision, o.world, m.average, device)?,
            dynamics: Learner::new("dynamics", dynamics, o.world, m.average, device)?,
            outcome: Learner::new("outcome", outcome, o.outcome, m.average, device)?,
            memory: Memory::default(),
        })
    }
}

impl WorldModel {
    fn choices(&self) -> usize {
        self.environment.actions().len()
    }

    /// What is tried: from states of a batch, or such that are remembered.
    fn tried(&self, batch: &Batch, key: Key) -> Result<Sequences> {
        let n = self.environment.state().len();
        of_shape(batch, &[n + 1], "world_model")?;
        let start = |(i, row): (usize, &[f32])| {
            let own = key.stream("start").step(i as u64);
            let remembered = own.rng().chance(self.settings.remembered);
            match self.memory.drawn(own.stream("state")).filter(|_| remembered) {
                Some(state) => (state, None),
                None => {
                    let state = row[..n].iter().map(|v| f64::from(*v)).collect();
                    (state, Some((row[n] as usize).min(self.choices() - 1)))
                }
            }
        };
        let starts: Vec<_> = batch.values.chunks_exact(n + 1).enumerate().map(start).collect();
        Ok(sequences(
            self.environment,
            &starts,
            self.settings.length,
            key.stream("actions"),
        ))
    }

    /// The mean over steps that were taken of -log p(z'), and the steps as M foretold them.
    fn loss_of_dynamics(&self, tried: &Sequences, key: Key) -> (Tensor<1>, Vec<Imagined>) {
        let (m, device) = (self.dynamics.network(), self.dynamics.device().clone());
        let v = self.vision.network().clone().no_grad();
        let see = |t: usize| v.mean(tried.states(t, &device)).detach();
        let mut z = see(0);
        let rows = z.dims()[0];
        let drawn: Tensor<2> = noise::uniform(key.words(), [rows, 1], &device);
        let own = drawn.lower_elem(self.settings.foretold).float();
        let mut state = m.start(rows, &device);
        let (mut sum, mut count, mut all) = (z.clone().sum() * 0.0, 0.0, vec![]);
        for t in 0..tried.length() {
            let action = tried.actions(t, self.choices(), &device);
            let foretold = m.step(&z, action.clone(), state);
            let (next, taken) = (see(t + 1), tried.taken(t, &device));
            sum = sum - (foretold.log_density(&next) * taken.clone()).sum();
            count += number(taken.sum());
            let mean = foretold.mean();
            all.push(Imagined {
                latent: z.detach(),
                action,
                next: mean.clone().detach(),
            });
            z = mean * own.clone() + next * (-own.clone() + 1.0);
            state = foretold.state;
        }
        (sum / count.max(1.0), all)
    }

    /// Episodes in which actions are drawn as often as they begin the best plans.
    fn played(&self, key: Key) -> Vec<Episode> {
        let count = self.settings.episodes;
        played(self.environment, count, key, |states| self.act(states))
    }

    /// How far what is foretold is from what comes, so many steps ahead, and how far what was; a mean of the numbers of states, in extents.
    /// And how often ends are told from other steps, by what is foretold.
    fn off(&self, tried: &Sequences) -> Vec<(&'static str, f64)> {
        let device = self.vision.plain_device();
        let (v, m) = (self.vision.for_use(), self.dynamics.for_use());
        let first = tried.states(0, &device);
        let mut z = v.mean(first.clone());
        let mut state = m.start(z.dims()[0], &device);
        let (mut all, mut imagined) = (vec![], vec![]);
        for t in 0..tried.length() {
            let action = tried.actions(t, self.choices(), &device);
            let foretold = m.step(&z, action.clone(), state);
            let next = foretold.mean();
            imagined.push(Imagined {
                latent: z,
                action,
                next: next.clone(),
            });
            (z, state) = (next, foretold.state);
            let Some(i) = AHEAD.iter().position(|a| *a == t + 1) else {
                continue;
            };
            let (truth, taken) = (tried.states(t + 1, &device), tried.taken(t, &device));
            let count = number(taken.clone().sum()).max(1.0);
            let far = |said: Tensor<2>| {
                let off = (said - truth.clone()).abs().mean_dim(1) * taken.clone();
                number(off.sum()) / count
            };
            all.push((OFF[i][0], far(v.decode(z.clone()))));
            all.push((OFF[i][1], far(first.clone())));
        }
        let told = told_right(&self.outcome.for_use(), &imagined, tried);
        all.extend(TOLD.into_iter().zip(told));
        all
    }
}

impl Model for WorldModel {
    fn networks(&self) -> Vec<NetworkInfo> {
        let zeros = |n: usize| Tensor::zeros([1, n], &self.vision.plain_device());
        let (n, a, z) = (self.environment.state().len(), self.choices(), self.latent);
        let start = |m: &Dynamics| m.start(1, &self.dynamics.plain_device());
        vec![
            self.vision.info(|v| v.decode(v.mean(zeros(n)))),
            self.dynamics.info(|m| m.step(&zeros(z), zeros(a), start(m))),
            self.outcome
                .info(|o| (o.of_step(&zeros(z), zeros(a), &zeros(z)), o.value(zeros(z)))),
        ]
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        let Some(batch) = batches.first() else {
            return Ok(StepReport::default());
        };
        let tried = self.tried(batch, key.stream("tried"))?;
        let states = tried.every_state(&self.vision.device().clone());
        let drawn = noise::normal(
            key.stream("noise").words(),
            [states.dims()[0], self.latent],
            &states.device(),
        );
        let loss = self.vision.network().loss(states, drawn, self.settings.deviation);
        let of_vision = self.vision.descend(loss, watch)?;
        let (loss, imagined) = self.loss_of_dynamics(&tried, key.stream("foretold"));
        let of_dynamics = self.dynamics.descend(loss, watch)?;
        let of = losses(self.outcome.network(), &imagined, &tried, self.scale);
        let [reward, over, value] = [&of.reward, &of.over, &of.value].map(|l| number(l.clone()));
        let of_outcome = self.outcome.descend(of.reward + of.over + of.value, watch)?;
        let mut scalars = vec![
            ("loss/vision", of_vision.loss),
            ("loss/dynamics", of_dynamics.loss),
            ("loss/reward", reward),
            ("loss/over", over),
            ("loss/value", value),
        ];
        let every = self.settings.every;
        if every > 0 && self.dynamics.updates().is_multiple_of(every) {
            // All leaves play the same episodes.
            let played = self.played(collective::common_key(key.stream("episodes")));
            self.memory.take(&played, self.settings.memory);
            let total: f64 = played.iter().map(Episode::total).sum();
            scalars.push(("return", total / played.len().max(1) as f64));
        }
        if watch {
            scalars.extend(of_vision.gradient.map(|g| ("gradient/vision", g)));
            scalars.extend(of_dynamics.gradient.map(|g| ("gradient/dynamics", g)));
            scalars.extend(of_outcome.gradient.map(|g| ("gradient/outcome", g)));
            scalars.extend(self.off(&self.tried(batch, key.stream("held out"))?));
        }
        Ok(StepReport {
            scalars,
            ..StepReport::default()
        })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.vision.save();
        parts.extend(self.dynamics.save());
        parts.extend(self.outcome.save());
        parts.push(("memory".into(), Box::new(|| self.memory.save())));
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.vision.load(read, purpose)?;
        self.dynamics.load(read, purpose)?;
        self.outcome.load(read, purpose)?;
        match purpose {
            Purpose::Train => self.memory.load(&read("memory")?, self.environment.state().len()),
            _ => Ok(()),
        }
    }

    fn functions(&self) -> Vec<Function<'_>> {
        self.exported()
    }

    fn as_act(&self) -> Option<&dyn Act> {
        Some(self)
    }
}

impl Act for WorldModel {
    fn environment(&self) -> &'static dyn Environment {
        self.environment
    }

    fn act(&self, states: &[&[f64]]) -> Vec<f32> {
        let states = states.iter().copied();
        let states = seen(self.environment, states, &self.vision.plain_device());
        let world = World {
            dynamics: &self.dynamics.for_use(),
            outcome: &self.outcome.for_use(),
            scale: self.scale,
            choices: self.choices(),
        };
        let latents = self.vision.for_use().mean(states);
        self.planning.first_actions(&world, &latents)
    }
}

impl Registered for Config {
    type Config = Config;
    fn defaults() -> Config {
        Config::default()
    }
    fn check(config: &Config) -> Result<()> {
        config.checked()
    }
    fn build(config: Config, info: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.build(info, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "world_model",
    family: super::FAMILY,
    capabilities: &[Capability::Act],
    paper: "Ha & Schmidhuber 2018, World Models, arXiv:1803.10122",
    recipe: "world_model",
    data: &["chance:cart_pole", "chance:maze"],
    tiny: &[
        ("model.width", "8"),
        ("model.units", "8"),
        ("model.latent", "3"),
        ("model.average", "0.9"),
        ("world.length", "4"),
        ("world.every", "2"),
        ("world.episodes", "1"),
        ("planning.horizon", "2"),
        ("planning.candidates", "6"),
        ("planning.elites", "2"),
        ("planning.rounds", "2"),
        ("data.limit", "64"),
    ],
    ..Entry::of::<Config>()
};
