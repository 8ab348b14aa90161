//! GAIL: to act as an expert does, from what it was seen to do.
//!
//! Ho, Ermon (2016), Generative Adversarial Imitation Learning, arXiv:1606.03476.
//!
//! min_pi max_D  E_pi log D(s, a) + E_expert log(1 - D(s, a)) - lambda H(pi)                        (equation 16)
//!
//! The generator is a policy that acts in an environment: what it draws are the states that it comes to and its actions there, and since
//! nothing can be differentiated through a world, it learns by policy gradient, with -log D for a reward. So it learns to come to the
//! states that the expert comes to. To learn the expert's action in each of its states alone (`imitation.method = "cloning"`) needs no
//! world, and has nothing to say where the expert never was. The policy is improved as Schulman et al. 2017 have it (PPO,
//! arXiv:1707.06347), where the paper has their TRPO.
mod policy;

use super::Optimizers;
use super::acting::{one_hot, played, seen, world};
use super::game::check_weights;
use super::rows::Layers;
use crate::{
    Act, Capability, Entry, Function, Holds, Model, NetworkInfo, Part, Port, Purpose, Registered, StepReport,
    of_shape,
};
use burn::module::Module;
use burn::tensor::activation::{log_sigmoid, log_softmax, softmax};
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::environments::{Environment, Episode};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo};
use menagerie_nn::{Init, Learner, OptimizerConfig, Tensors, number, numbers};
use policy::{Improvement, advantages, taken};
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`
    pub model: Sizes,
    /// `[imitation]`
    pub imitation: Settings,
    /// `[optimizer]`: the generator's is the policy's, and that of what foretells its rewards
    pub optimizer: Optimizers,
}

impl Default for Config {
    fn default() -> Self {
        let of = |rate: f64| OptimizerConfig::adam(rate).betas(0.9, 0.999);
        Config {
            model: Sizes::default(),
            imitation: Settings::default(),
            optimizer: Optimizers {
                generator: of(1e-3),
                discriminator: of(3e-4),
            },
        }
    }
}

/// `[model]`: the networks' sizes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// units of each of the two hidden layers of every network (paper: 100)
    pub width: usize,
    /// decay of the policy's moving average; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            width: 64,
            average: 0.0,
        }
    }
}

/// `[imitation]`: how the game is played.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `auto`: the one whose expert the data show; or its name
    pub environment: String,
    /// `adversarial`, or `cloning`: the expert's action in each state, and no game
    pub method: Method,
    /// `positive` (the paper's) or `signed`
    pub reward: Reward,
    /// episodes in which the policy acts, each step
    pub episodes: usize,
    /// updates of the discriminator a step
    pub discriminator_steps: usize,
    /// updates of the policy on the same episodes
    pub epochs: usize,
    /// how far from 1 the ratio of new to old probabilities is followed
    pub clip: f64,
    /// gamma: what a reward counts a step later
    pub discount: f64,
    /// lambda of the generalized advantage estimate (Schulman et al. 2015, arXiv:1506.02438)
    pub trace: f64,
    /// weight of the policy's entropy (the paper's lambda)
    pub entropy: f64,
}

/// Whether there is a game.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// a policy against a discriminator
    #[default]
    Adversarial,
    /// a classifier of states, the classes being the expert's actions
    Cloning,
}

/// What an action is worth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reward {
    /// -log D, which is never negative: to go on is always worth something, as suits where the expert goes on
    #[default]
    Positive,
    /// log(1 - D) - log D, of either sign (Fu et al. 2017, arXiv:1710.11248): for where the expert brings things to an end
    Signed,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            environment: "auto".into(),
            method: Method::default(),
            reward: Reward::default(),
            episodes: 8,
            discriminator_steps: 1,
            epochs: 4,
            clip: 0.2,
            discount: 0.99,
            trace: 0.95,
            entropy: 1e-3,
        }
    }
}

/// The cast.
pub struct Gail {
    settings: Settings,
    environment: &'static dyn Environment,
    policy: Learner<Layers>,
    value: Learner<Layers>,
    discriminator: Learner<Layers>,
}

impl Config {
    /// Fresh networks for what an expert was seen to do.
    ///
    /// # Errors
    /// For data that are no steps in an environment.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<Gail> {
        let named = ("imitation.environment", &self.imitation.environment[..]);
        let environment = world("gail", named, &["expert"], info)?;
        let (n, actions) = (environment.state().len(), environment.actions());
        let (w, a) = (self.model.width, actions.len());
        let layers = |name: &str, from: usize, to: usize| {
            Layers::new(&[from, w, w, to], &Init::new(key.stream(name), device))
        };
        let o = self.optimizer;
        Ok(Gail {
            policy: Learner::new(
                "policy",
                layers("policy", n, a),
                o.generator,
                self.model.average,
                device,
            )?,
            value: Learner::new("value", layers("value", n, 1), o.generator, 0.0, device)?,
            discriminator: Learner::new(
                "discriminator",
                layers("discriminator", n + a, 1),
                o.discriminator,
                0.0,
                device,
            )?,
            environment,
            settings: self.imitation.clone(),
        })
    }
}

impl Gail {
    fn actions(&self) -> usize {
        self.environment.actions().len()
    }

    fn seen<'a>(&self, states: impl Iterator<Item = &'a [f64]>, device: &Device) -> Tensor<2> {
        seen(self.environment, states, device)
    }

    fn one_hot(&self, actions: impl Iterator<Item = usize>, device: &Device) -> Tensor<2> {
        one_hot(actions, self.actions(), device)
    }

    /// The expert's states and actions of a batch.
    fn shown(&self, batch: &Batch, device: &Device) -> Result<(Tensor<2>, Tensor<2>)> {
        let n = self.environment.state().len();
        of_shape(batch, &[n + 1], "gail")?;
        let rows: Vec<Vec<f64>> = batch
            .values
            .chunks_exact(n + 1)
            .map(|r| r.iter().map(|v| f64::from(*v)).collect())
            .collect();
        let states = self.seen(rows.iter().map(|r| &r[..n]), device);
        let most = self.actions() - 1;
        Ok((
            states,
            self.one_hot(rows.iter().map(|r| (r[n] as usize).min(most)), device),
        ))
    }

    /// Episodes in which the policy acts by its probabilities.
    fn played(&self, key: Key) -> Vec<Episode> {
        let (network, device) = (self.policy.network().valid(), self.policy.plain_device());
        played(self.environment, self.settings.episodes, key, |states| {
            let logits = network.forward(self.seen(states.iter().copied(), &device));
            numbers(softmax(logits, 1))
        })
    }

    /// The expert's actions, learned as classes.
    fn clone_expert(&mut self, batch: &Batch, watch: bool) -> Result<StepReport> {
        let (states, actions) = self.shown(batch, &self.policy.device().clone())?;
        let likely = log_softmax(self.policy.network().forward(states), 1) * actions;
        let rows = batch.shape[0] as f64;
        let descent = self.policy.descend(likely.sum() / -rows, watch)?;
        let mut scalars = vec![("loss/policy", descent.loss)];
        scalars.extend(descent.gradient.map(|g| ("gradient/policy", g)));
        Ok(StepReport {
            scalars,
            ..StepReport::default()
        })
    }

    /// Updates of the discriminator, whose logits are high for what the policy does; gives the last loss.
    fn discriminate(&mut self, batches: &[Batch], own: &Tensor<2>) -> Result<f64> {
        let device = self.discriminator.device().clone();
        let mut loss = f64::NAN;
        for batch in batches {
            let (states, actions) = self.shown(batch, &device)?;
            let d = self.discriminator.network();
            let of_expert = d.forward(Tensor::cat(vec![states, actions], 1));
            let of_policy = d.forward(own.clone());
            let sum = -(log_sigmoid(of_policy).mean() + log_sigmoid(-of_expert).mean());
            loss = self.discriminator.descend(sum, false)?.loss;
        }
        Ok(loss)
    }

    /// What the discriminator makes each step of the policy worth.
    fn rewards(&self, own: Tensor<2>) -> Vec<f32> {
        let logits = self.discriminator.network().valid().forward(own.inner());
        numbers(match self.settings.reward {
            Reward::Positive => -log_sigmoid(logits),
            Reward::Signed => -logits,
        })
    }
}

impl Model for Gail {
    fn networks(&self) -> Vec<NetworkInfo> {
        let zeros = |n: usize| Tensor::zeros([1, n], &self.policy.plain_device());
        let (n, a) = (self.environment.state().len(), self.actions());
        vec![
            self.policy.info(|p| p.forward(zeros(n))),
            self.value.info(|v| v.forward(zeros(n))),
            self.discriminator.info(|d| d.forward(zeros(n + a))),
        ]
    }

    fn batches_per_step(&self) -> usize {
        match self.settings.method {
            Method::Adversarial => self.settings.discriminator_steps,
            Method::Cloning => 1,
        }
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        if self.settings.method == Method::Cloning {
            return match batches.first() {
                Some(batch) => self.clone_expert(batch, watch),
                None => Ok(StepReport::default()),
            };
        }
        let device = self.policy.device().clone();
        let played = self.played(key.stream("episodes"));
        let done = |e: &Episode| e.actions.len();
        let steps: usize = played.iter().map(done).sum();
        let acted = played
            .iter()
            .flat_map(|e| e.states[..done(e)].iter().map(Vec::as_slice));
        let states = self.seen(acted, &device);
        let actions = self.one_hot(played.iter().flat_map(|e| e.actions.iter().copied()), &device);
        let own = Tensor::cat(vec![states.clone(), actions.clone()], 1);
        let of_discriminator = self.discriminate(batches, &own)?;
        let rewards = self.rewards(own);
        // Of every state, the last ones too.
        let all = self.seen(
            played.iter().flat_map(|e| e.states.iter().map(Vec::as_slice)),
            &self.value.plain_device(),
        );
        let values = numbers(self.value.network().valid().forward(all));
        let s = &self.settings;
        let (advantages, targets) = advantages(&played, &rewards, &values, s.discount, s.trace);
        let improvement = Improvement {
            states: &states,
            actions: &actions,
            advantages: &advantages,
            targets: &targets,
        };
        let old = taken(self.policy.network().forward(states.clone()), &actions).detach();
        let (mut of_policy, mut of_value, mut gradient) = (f64::NAN, f64::NAN, None);
        for _ in 0..s.epochs {
            let loss = improvement.of_policy(self.policy.network(), &old, s.clip, s.entropy);
            let descent = self.policy.descend(loss, watch)?;
            (of_policy, gradient) = (descent.loss, descent.gradient);
            let loss = improvement.of_value(self.value.network());
            of_value = self.value.descend(loss, false)?.loss;
        }
        let mut scalars = vec![
            ("loss/discriminator", of_discriminator),
            ("loss/policy", of_policy),
            ("loss/value", of_value),
        ];
        if watch {
            let episodes = played.len() as f64;
            let total: f64 = played.iter().map(Episode::total).sum();
            scalars.extend(gradient.map(|g| ("gradient/policy", g)));
            scalars.extend([("return", total / episodes), ("length", steps as f64 / episodes)]);
            let mean = rewards.iter().map(|r| f64::from(*r)).sum::<f64>() / steps.max(1) as f64;
            scalars.push(("reward/discriminator", mean));
            let logits = self.policy.network().forward(states);
            scalars.push(("entropy", number(policy::entropy(logits))));
        }
        Ok(StepReport {
            scalars,
            ..StepReport::default()
        })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.policy.save();
        parts.extend(self.value.save());
        parts.extend(self.discriminator.save());
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.policy.load(read, purpose)?;
        match purpose {
            Purpose::Train => {
                self.value.load(read, purpose)?;
                self.discriminator.load(read, purpose)
            }
            _ => Ok(()),
        }
    }

    fn functions(&self) -> Vec<Function<'_>> {
        let e = self.environment;
        let n = e.state().len();
        let inputs = vec![Port::of(
            "state",
            &[n],
            Holds::Numbers,
            format!("a state of {}: {}", e.name(), e.state().join(", ")),
        )];
        let outputs = vec![Port::of(
            "probabilities",
            &[self.actions()],
            Holds::Numbers,
            format!("of each action: {}", e.actions().join(", ")),
        )];
        let about = "how likely it takes each action in a state";
        vec![Function::new("act", about, inputs, outputs, move |x| {
            let device = x[0].device();
            let scale: Vec<f32> = e.extent().iter().map(|v| 1.0 / *v as f32).collect();
            let scale = Tensor::<2>::from_data(TensorData::new(scale, [1, n]), &device);
            let logits = self.policy.for_use_on(&device).forward(x[0].clone() * scale);
            vec![softmax(logits, 1)]
        })]
    }

    fn as_act(&self) -> Option<&dyn Act> {
        Some(self)
    }
}

impl Act for Gail {
    fn environment(&self) -> &'static dyn Environment {
        self.environment
    }

    fn act(&self, states: &[&[f64]]) -> Vec<f32> {
        let x = self.seen(states.iter().copied(), &self.policy.plain_device());
        numbers(softmax(self.policy.for_use().forward(x), 1))
    }
}

impl Registered for Config {
    type Config = Config;
    fn defaults() -> Config {
        Config::default()
    }
    fn check(config: &Config) -> Result<()> {
        let s = &config.imitation;
        check_weights([("imitation.entropy", s.entropy), ("imitation.clip", s.clip)])?;
        let shares = [("imitation.discount", s.discount), ("imitation.trace", s.trace)];
        if let Some((key, v)) = shares.into_iter().find(|(_, v)| !(0.0..=1.0).contains(v)) {
            return Err(Error::recipe(key, format!("{v} is no share"), "give 0 to 1"));
        }
        let counts = [
            ("model.width", config.model.width),
            ("imitation.episodes", s.episodes),
            ("imitation.discriminator_steps", s.discriminator_steps),
            ("imitation.epochs", s.epochs),
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
    name: "gail",
    family: super::FAMILY,
    capabilities: &[Capability::Act],
    paper: "Ho & Ermon 2016, Generative Adversarial Imitation Learning, arXiv:1606.03476",
    recipe: "gail",
    data: &["expert:cart_pole", "expert:maze"],
    tiny: &[
        ("model.width", "8"),
        ("model.average", "0.9"),
        ("imitation.episodes", "2"),
        ("data.limit", "64"),
    ],
    ..Entry::of::<Config>()
};
