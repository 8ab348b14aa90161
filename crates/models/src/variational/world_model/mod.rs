//! World model: to act by what comes of it in a model of the world.
//!
//! Ha, Schmidhuber (2018), World Models, arXiv:1803.10122.
//!
//! V, a variational autoencoder, makes latents z of what is seen; M, a recurrent network, foretells P(z_{t+1} | a_t, z_t, h_t) as a mixture
//! of normal distributions, the reward and whether the episode is over (sections 2.1, 2.2); an action is what works best in M. What
//! happened by chance is not all that happens to who acts: own episodes are played in turn, and learned from (section 5).
//!
//! The paper's controller is a linear layer that evolves within M; here plans are made anew in each state, by the cross-entropy
//! method. States are a few numbers where the paper's are pictures, and M begins at the present state, for that is all there is to know.
mod network;
mod planning;
mod rollouts;
#[cfg(test)]
mod tests;

pub use planning::Planning;

use crate::adversarial::game::check_weights;
use crate::adversarial::rows::needs_columns;
use crate::{
    Act, Capability, Entry, Function, Holds, Model, NetworkInfo, Part, Port, Purpose, Registered, StepReport,
    of_shape,
};
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::environments::{Environment, Episode, environment, environments, episodes};
use menagerie_data::error::{Error, Result, nearest};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo};
use menagerie_kernels::noise;
use menagerie_nn::{Init, Learner, LstmState, OptimizerConfig, Tensors, collective, number};
use network::{Dynamics, Vision};
use rollouts::{Memory, Sequences, rewards_of_chance, sequences};
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`
    pub model: Sizes,
    /// `[world]`
    pub world: Settings,
    /// `[planning]`
    pub planning: Planning,
    /// `[optimizer]`: of both networks
    pub optimizer: OptimizerConfig,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            model: Sizes::default(),
            world: Settings::default(),
            planning: Planning::default(),
            optimizer: OptimizerConfig {
                clip_norm: 1.0,
                ..OptimizerConfig::adam(2e-3).betas(0.9, 0.999)
            },
        }
    }
}

/// `[model]`: the networks' sizes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// dimensions of a latent
    pub latent: usize,
    /// units of each of the two hidden layers of V's encoder and decoder
    pub width: usize,
    /// units of M's memory (paper: 256)
    pub units: usize,
    /// normal distributions in M's mixture (paper: 5)
    pub components: usize,
    /// decay of the networks' moving averages; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            latent: 6,
            width: 64,
            units: 64,
            components: 3,
            average: 0.0,
        }
    }
}

/// `[world]`: what is tried, and what is learned of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `auto`: the one whose steps the data are; or its name
    pub environment: String,
    /// steps of a sequence
    pub length: usize,
    /// share of the sequences in which M goes on from what it has foretold itself, and not from what was so
    pub foretold: f64,
    /// standard deviation of what V decodes, in extents of a state
    pub deviation: f64,
    /// steps of training between two rounds of own episodes; 0 for none: chance alone
    pub every: u64,
    /// episodes of a round
    pub episodes: usize,
    /// states of own episodes that are kept
    pub memory: usize,
    /// share of the sequences that begin in one of these, and not in a state of the data
    pub remembered: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            environment: "auto".into(),
            length: 15,
            foretold: 0.5,
            deviation: 0.02,
            every: 100,
            episodes: 2,
            memory: 4000,
            remembered: 0.5,
        }
    }
}

/// Steps ahead of which it is told how far M is off.
const AHEAD: [usize; 3] = [1, 5, 15];
/// How they are called, and how far off it would be to say that nothing changes.
const OFF: [[&str; 2]; 3] = [
    ["error/1", "still/1"],
    ["error/5", "still/5"],
    ["error/15", "still/15"],
];

/// V, M, and what is remembered.
pub struct WorldModel {
    settings: Settings,
    planning: Planning,
    latent: usize,
    environment: &'static dyn Environment,
    /// mean and deviation of rewards
    rewards: [f64; 2],
    vision: Learner<Vision>,
    dynamics: Learner<Dynamics>,
    memory: Memory,
}

/// The environment of that name, or of the source of the data.
fn world(name: &str, info: &DataInfo) -> Result<&'static dyn Environment> {
    let name = match name {
        "auto" => {
            let of = |p: &str| info.source.strip_prefix(p);
            of("chance:").or(of("expert:")).unwrap_or_default()
        }
        name => name,
    };
    let names = || environments().iter().map(|e| e.name());
    environment(name).ok_or_else(|| {
        let (problem, fix) = match name {
            "" => (
                format!("{} does not say in which environment its steps are", info.source),
                format!("set it to one of {}", names().collect::<Vec<_>>().join(", ")),
            ),
            name => (
                format!("there is no environment `{name}`"),
                nearest(name, names()),
            ),
        };
        Error::recipe("world.environment", problem, fix)
    })
}

impl Config {
    /// Fresh networks for steps in an environment.
    ///
    /// # Errors
    /// For data that are no steps in an environment.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<WorldModel> {
        needs_columns("world_model", info)?;
        let environment = world(&self.world.environment, info)?;
        let (n, actions) = (environment.state().len(), environment.actions());
        if info.columns.len() != n + 1 || info.columns[n].classes != actions {
            let problem = format!("these rows are no steps in `{}`", environment.name());
            let fix = format!(
                "give the columns {} and last an action of {}, or `chance:{}`",
                environment.state().join(", "),
                actions.join(", "),
                environment.name()
            );
            return Err(Error::data(&info.source, problem, fix));
        }
        let m = self.model;
        let init = |name: &str| Init::new(key.stream(name), device);
        let vision = Vision::new(n, m.width, m.latent, &init("vision"));
        let sizes = [m.latent, actions.len(), m.units, m.components];
        let dynamics = Dynamics::new(sizes, &init("dynamics"));
        Ok(WorldModel {
            settings: self.world.clone(),
            planning: self.planning,
            latent: m.latent,
            environment,
            rewards: rewards_of_chance(environment),
            vision: Learner::new("vision", vision, self.optimizer, m.average, device)?,
            dynamics: Learner::new("dynamics", dynamics, self.optimizer, m.average, device)?,
            memory: Memory::default(),
        })
    }
}

impl WorldModel {
    fn choices(&self) -> usize {
        self.environment.actions().len()
    }

    /// States as V sees them, `[rows, numbers]`: each number over how far it goes.
    fn seen(&self, states: &[&[f64]], device: &Device) -> Tensor<2> {
        let extent = self.environment.extent();
        let scaled = |s: &&[f64]| {
            s.iter()
                .zip(extent)
                .map(|(v, e)| (v / e) as f32)
                .collect::<Vec<f32>>()
        };
        let values: Vec<f32> = states.iter().flat_map(scaled).collect();
        Tensor::from_data(TensorData::new(values, [states.len(), extent.len()]), device)
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

    /// The mean over steps that were taken of -log p(z'), of the cross-entropy of the end and of half the squared error of the reward.
    fn loss_of_dynamics(&self, tried: &Sequences, key: Key) -> Tensor<1> {
        let (m, device) = (self.dynamics.network(), self.dynamics.device().clone());
        let v = self.vision.network().clone().no_grad();
        let see = |t: usize| v.mean(tried.states(t, &device)).detach();
        let mut z = see(0);
        let rows = z.dims()[0];
        let drawn: Tensor<2> = noise::uniform(key.words(), [rows, 1], &device);
        let own = drawn.lower_elem(self.settings.foretold).float();
        let (mut state, mut sum, mut count) = (m.start(rows, &device), None, 0.0);
        for t in 0..tried.length() {
            let foretold = m.step(&z, tried.actions(t, self.choices(), &device), state);
            let (next, taken) = (see(t + 1), tried.taken(t, &device));
            let [mean, deviation] = self.rewards;
            let off = foretold.reward.clone() - (tried.rewards(t, &device) - mean) / deviation;
            let unlikely = -foretold.log_density(&next) + off.clone() * off / 2.0;
            let over = bce_each(foretold.over.clone(), tried.over(t, &device));
            let loss = ((unlikely + over) * taken.clone()).sum();
            sum = Some(sum.map_or(loss.clone(), |s: Tensor<1>| s + loss));
            count += number(taken.sum());
            z = foretold.mean() * own.clone() + next * (-own.clone() + 1.0);
            state = foretold.state;
        }
        sum.unwrap_or_else(|| z.sum() * 0.0) / count.max(1.0)
    }

    /// Episodes in which actions are drawn as often as they begin the best plans.
    fn played(&self, key: Key) -> Vec<Episode> {
        let keys: Vec<Key> = (0..self.settings.episodes as u64).map(|i| key.step(i)).collect();
        let mut time = 0;
        episodes(self.environment, &keys, |going, states| {
            let p = self.act(states);
            time += 1;
            let act = |(i, p): (&usize, &[f32])| {
                let mut rng = keys[*i].stream("action").step(time).rng();
                crate::adversarial::gail::pick(p, rng.uniform())
            };
            going
                .iter()
                .zip(p.chunks_exact(self.choices()))
                .map(act)
                .collect()
        })
    }

    /// How far what is foretold is from what comes, so many steps ahead, and how far what was; a mean of the numbers of states, in extents.
    fn off(&self, tried: &Sequences) -> Vec<(&'static str, f64)> {
        let device = self.vision.plain_device();
        let (v, m) = (self.vision.for_use(), self.dynamics.for_use());
        let first = tried.states(0, &device);
        let mut z = v.mean(first.clone());
        let mut state = m.start(z.dims()[0], &device);
        let mut all = vec![];
        for t in 0..tried.length() {
            let foretold = m.step(&z, tried.actions(t, self.choices(), &device), state);
            (z, state) = (foretold.mean(), foretold.state);
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
        all
    }
}

/// The cross-entropy of each logit with 0 or 1: softplus(l) - y l.
fn bce_each(logits: Tensor<2>, targets: Tensor<2>) -> Tensor<2> {
    let softplus = logits.clone().clamp_min(0.0) + (-logits.clone().abs()).exp().log1p();
    softplus - logits * targets
}

impl Model for WorldModel {
    fn networks(&self) -> Vec<NetworkInfo> {
        let zeros = |n: usize| Tensor::zeros([1, n], &self.vision.plain_device());
        let (n, a) = (self.environment.state().len(), self.choices());
        let start = |m: &Dynamics| m.start(1, &self.dynamics.plain_device());
        vec![
            self.vision.info(|v| v.decode(v.mean(zeros(n)))),
            self.dynamics
                .info(|m| m.step(&zeros(self.latent), zeros(a), start(m))),
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
        let loss = self.loss_of_dynamics(&tried, key.stream("foretold"));
        let of_dynamics = self.dynamics.descend(loss, watch)?;
        let mut scalars = vec![
            ("loss/vision", of_vision.loss),
            ("loss/dynamics", of_dynamics.loss),
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
        parts.push(("memory".into(), Box::new(|| self.memory.save())));
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.vision.load(read, purpose)?;
        self.dynamics.load(read, purpose)?;
        match purpose {
            Purpose::Train => self.memory.load(&read("memory")?, self.environment.state().len()),
            _ => Ok(()),
        }
    }

    fn functions(&self) -> Vec<Function<'_>> {
        vec![self.encoding(), self.decoding(), self.imagining()]
    }

    fn as_act(&self) -> Option<&dyn Act> {
        Some(self)
    }
}

/// What other programs can have of it.
impl WorldModel {
    fn state_port(&self) -> Port {
        let e = self.environment;
        let meaning = format!("a state of {}: {}", e.name(), e.state().join(", "));
        Port::of("state", &[e.state().len()], Holds::Numbers, meaning)
    }

    fn latent_port(&self, name: &'static str) -> Port {
        Port::of(name, &[self.latent], Holds::Numbers, "what is seen of a state")
    }

    /// How far each number of a state goes, `[1, numbers]`.
    fn extent(&self, device: &Device) -> Tensor<2> {
        let extent: Vec<f32> = self.environment.extent().iter().map(|v| *v as f32).collect();
        let n = extent.len();
        Tensor::from_data(TensorData::new(extent, [1, n]), device)
    }

    fn encoding(&self) -> Function<'_> {
        let ports = (vec![self.state_port()], vec![self.latent_port("latent")]);
        Function::new("see", "the latent of a state", ports.0, ports.1, |x| {
            let device = x[0].device();
            let states = x[0].clone() / self.extent(&device);
            vec![self.vision.for_use_on(&device).mean(states)]
        })
    }

    fn decoding(&self) -> Function<'_> {
        let ports = (vec![self.latent_port("latent")], vec![self.state_port()]);
        Function::new("show", "the state of a latent", ports.0, ports.1, |x| {
            let device = x[0].device();
            vec![self.vision.for_use_on(&device).decode(x[0].clone()) * self.extent(&device)]
        })
    }

    fn imagining(&self) -> Function<'_> {
        let units = self.dynamics.network().units();
        let carried = |name: &'static str| Port::of(name, &[units], Holds::Numbers, "zeros at first");
        let one = |name: &'static str, meaning: &str| Port::of(name, &[1], Holds::Numbers, meaning);
        let meaning = format!("a one among zeros: {}", self.environment.actions().join(", "));
        let inputs = vec![
            self.latent_port("latent"),
            Port::of("action", &[self.choices()], Holds::OneHot, meaning),
            carried("hidden"),
            carried("memory"),
        ];
        let outputs = vec![
            self.latent_port("next"),
            one("reward", "the reward that is foretold"),
            one("over", "the probability that the episode is over"),
            carried("next_hidden"),
            carried("next_memory"),
        ];
        let about = "what comes of an action, by the model";
        Function::new("imagine", about, inputs, outputs, |x| {
            let m = self.dynamics.for_use_on(&x[0].device());
            let state = LstmState {
                hidden: x[2].clone(),
                memory: x[3].clone(),
            };
            let foretold = m.step(&x[0], x[1].clone(), state);
            let [mean, deviation] = self.rewards;
            vec![
                foretold.mean(),
                foretold.reward.clone() * deviation + mean,
                foretold.ends(1.0),
                foretold.state.hidden,
                foretold.state.memory,
            ]
        })
    }
}

impl Act for WorldModel {
    fn environment(&self) -> &'static dyn Environment {
        self.environment
    }

    fn act(&self, states: &[&[f64]]) -> Vec<f32> {
        let latents = self
            .vision
            .for_use()
            .mean(self.seen(states, &self.vision.plain_device()));
        let model = self.dynamics.for_use();
        self.planning
            .first_actions(&model, &latents, self.choices(), self.rewards)
    }
}

impl Registered for Config {
    type Config = Config;
    fn defaults() -> Config {
        Config::default()
    }
    fn check(config: &Config) -> Result<()> {
        let (m, s) = (config.model, &config.world);
        config.planning.check()?;
        check_weights([("world.deviation", s.deviation)])?;
        if s.deviation == 0.0 {
            let problem = "what is decoded without any deviation has no likelihood";
            return Err(Error::recipe("world.deviation", problem, "give one such as 0.02"));
        }
        let shares = [("world.foretold", s.foretold), ("world.remembered", s.remembered)];
        if let Some((key, v)) = shares.into_iter().find(|(_, v)| !(0.0..=1.0).contains(v)) {
            return Err(Error::recipe(key, format!("{v} is no share"), "give 0 to 1"));
        }
        let counts = [
            ("model.latent", m.latent),
            ("model.width", m.width),
            ("model.units", m.units),
            ("model.components", m.components),
            ("world.length", s.length),
            ("world.episodes", s.episodes),
            ("world.memory", s.memory),
        ];
        match counts.into_iter().find(|(_, n)| !(1..=65536).contains(n)) {
            None => Ok(()),
            Some((key, n)) => Err(Error::recipe(
                key,
                format!("{n} is out of range"),
                "give 1 to 65536",
            )),
        }
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
