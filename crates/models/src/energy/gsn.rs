//! The generative stochastic network: a denoising autoencoder whose corruption and answer make up one step of a Markov chain
//! that draws from the data's distribution.
//!
//! Bengio, Laufer, Alain, Yosinski (2014), Deep Generative Stochastic Networks Trainable by Backprop, arXiv:1306.1091; Bengio,
//! Yao, Alain, Vincent (2013), Generalized Denoising Auto-Encoders as Generative Models, arXiv:1305.6663 (walkback).
//!
//! ```text
//! x~ ~ C(x~ | x_t),   x_{t+1} ~ P(x | x~, noise inside)                       (2014, equation 1; theorem 1)
//! walkback: from x_0 of the data the chain makes k steps, and after each -ln P(x_0 | x~_t) is descended (2013, algorithm 1)
//! ```
//!
//! It has no density that could be evaluated; what it learns is the way from a state to the next.
use super::binary::{Visible, hold, in_bounds, on, rows};
use crate::{
    Capability, Complete, Entry, Features, Function, Holds, Model, Part, Port, Purpose, Reconstruct,
    Reconstruction, Registered, Sample, SampleRequest, Samples, StepReport, unconditional, untempered,
};
use burn::module::Module;
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::limits::affordable;
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, interrupt};
use menagerie_kernels::{Activation, bce_with_logits, noise};
use menagerie_nn::levels::Binarization;
use menagerie_nn::{Init, Learner, Linear, NetworkInfo, OptimizerConfig, Tensors, Weights, numbers};
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`
    pub model: Sizes,
    /// `[corruption]`
    pub corruption: Corruption,
    /// `[optimizer]`
    pub optimizer: OptimizerConfig,
}

/// `[model]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// hidden units (2014: 2,000)
    pub width: usize,
    /// steps of the chain from each item, in training; 1 is a denoising autoencoder
    pub walkback: usize,
    /// steps of the chain to a sample
    pub sample_steps: usize,
    /// how grey becomes black or white
    pub binarization: Binarization,
    /// decay of the moving average of the weights; 0 for none
    pub average: f64,
}

/// `[corruption]`
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Corruption {
    /// share of visible units that become black or white by a fair coin (2014: 0.4)
    pub salt_and_pepper: f64,
    /// standard deviation of the noise on hidden units before their activation (2014: 2)
    pub hidden: f64,
}

impl Default for Corruption {
    fn default() -> Self {
        Corruption {
            salt_and_pepper: 0.4,
            hidden: 1.0,
        }
    }
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            width: 1000,
            walkback: 4,
            sample_steps: 100,
            binarization: Binarization::Threshold,
            average: 0.0,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            model: Sizes::default(),
            corruption: Corruption::default(),
            optimizer: OptimizerConfig::adam(1e-3),
        }
    }
}

/// From corrupted units to the logits of whole ones.
#[derive(Module, Debug)]
pub struct GsnNetwork {
    up: Linear,
    down: Linear,
}

impl GsnNetwork {
    fn new(units: usize, width: usize, init: &Init) -> GsnNetwork {
        let linear = |from, to, name: &str| {
            let weights = Weights::Glorot(1.0);
            Linear::of([from, to]).weights(weights).init(&init.at(name))
        };
        GsnNetwork {
            up: linear(units, width, "up"),
            down: linear(width, units, "down"),
        }
    }

    /// Hidden units, `[n, width]`, of corrupted visible ones, with noise of that deviation where there is a key.
    fn hidden(&self, x: Tensor<2>, deviation: f64, key: Option<Key>) -> Tensor<2> {
        let h = self.up.forward(x, Activation::Identity);
        match key {
            Some(key) => {
                let e = noise::normal::<2>(key.words(), h.dims(), &h.device());
                (h + e * deviation).tanh()
            }
            None => h.tanh(),
        }
    }
}

impl Corruption {
    /// C: units `[n, units]` of which a share is black or white by a coin.
    fn of(self, x: Tensor<2>, key: Key) -> Tensor<2> {
        let (dims, device) = (x.dims(), x.device());
        let u = noise::uniform::<2>(key.words(), dims, &device);
        // Which half of the destroyed share u is in is the coin.
        let white = u.clone().lower_elem(0.5 * self.salt_and_pepper).float();
        let destroyed = u.lower_elem(self.salt_and_pepper).float();
        x * (destroyed.neg() + 1.0) + white
    }

    fn check(self) -> Result<()> {
        if !(0.0..=1.0).contains(&self.salt_and_pepper) {
            return Err(Error::recipe(
                "corruption.salt_and_pepper",
                format!("{} is no share", self.salt_and_pepper),
                "give 0 to 1, say 0.4",
            ));
        }
        if !(self.hidden.is_finite() && self.hidden >= 0.0) {
            return Err(Error::recipe(
                "corruption.hidden",
                format!("{} is not a standard deviation", self.hidden),
                "give 0 or more, say 1",
            ));
        }
        Ok(())
    }
}

/// The model.
pub struct Gsn {
    learner: Learner<GsnNetwork>,
    data: Visible,
    sizes: Sizes,
    corruption: Corruption,
}

const NAME: &str = "gsn";

impl Gsn {
    /// Logits of the chain's next state.
    fn next(&self, network: &GsnNetwork, x: Tensor<2>, key: Key) -> Tensor<2> {
        let corrupted = self.corruption.of(x, key.stream("corruption"));
        let h = network.hidden(corrupted, self.corruption.hidden, Some(key.stream("hidden")));
        network.down.forward(h, Activation::Identity)
    }

    /// States of the chain after its steps, `known` ones held.
    fn run(&self, start: Vec<f32>, key: Key, held: Option<(&[f32], &[bool])>) -> Vec<f32> {
        let network = self.learner.for_use();
        let (units, device) = (self.data.units(), self.learner.plain_device());
        let mut state = start;
        for step in 0..self.sizes.sample_steps {
            if interrupt::given_up() {
                break;
            }
            if let Some((item, known)) = held {
                hold(&mut state, item, known);
            }
            let key = key.step(step as u64);
            let logits = self.next(&network, rows(state, units, &device), key);
            state = numbers(on(logits, key.stream("state")));
        }
        if let Some((item, known)) = held {
            hold(&mut state, item, known);
        }
        state
    }

    /// Units by a fair coin, as many as there are in `count` items.
    fn coins(&self, count: usize, key: Key) -> Vec<f32> {
        let mut u = vec![0.0; count * self.data.units()];
        noise::fill_uniform(key.words(), &mut u);
        u.iter_mut().for_each(|v| *v = f32::from(*v < 0.5));
        u
    }
}

impl Model for Gsn {
    fn networks(&self) -> Vec<NetworkInfo> {
        let (units, device) = (self.data.units(), self.learner.plain_device());
        let pass = |network: &GsnNetwork| {
            let h = network.hidden(Tensor::zeros([1, units], &device), 0.0, None);
            network.down.forward(h, Activation::Identity)
        };
        vec![self.learner.info(pass)]
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        let device = self.learner.device().clone();
        let binarization = Some(key.stream("binarization"));
        let truth = self.data.tensor(&batches[0], binarization, &device)?;
        let network = self.learner.network();
        let (mut state, mut losses) = (truth.clone(), Vec::new());
        for step in 0..self.sizes.walkback {
            let key = key.stream("walk").step(step as u64);
            let logits = self.next(network, state, key);
            losses.push(bce_with_logits(logits.clone(), truth.clone()));
            state = on(logits.detach(), key.stream("state"));
        }
        let first = menagerie_nn::number(losses[0].clone());
        let steps = losses.len() as f64;
        let Some(loss) = losses.into_iter().reduce(|a, b| a + b) else {
            return Ok(StepReport::default());
        };
        // Nats an item and step.
        let units = self.data.units() as f64;
        let seen = self.learner.descend(loss * (units / steps), watch)?;
        let mut scalars = vec![("loss/nats", seen.loss), ("loss/first-step", first * units)];
        scalars.extend(seen.gradient.map(|g| ("gradient", g)));
        Ok(StepReport {
            scalars,
            troubles: vec![],
        })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        self.learner.save()
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.learner.load(read, purpose)
    }

    fn functions(&self) -> Vec<Function<'_>> {
        let (units, width) = (self.data.units(), self.sizes.width);
        let deviation = self.corruption.hidden;
        let network = |x: &Tensor<2>| self.learner.for_use_on(&x.device());
        let x01 = |x: &Tensor<2>| (x.clone() + 1.0) * 0.5;
        let features = Function::new(
            "features",
            "the hidden units of an item, without noise",
            vec![self.data.port()],
            vec![Port::of("hidden", &[width], Holds::Numbers, "hidden units")],
            move |x| vec![network(&x[0]).up.forward(x01(&x[0]), Activation::Identity).tanh()],
        );
        let answer = Function::new(
            "answer",
            "a step of the chain: what a corrupted item was, of which the next state is drawn",
            vec![
                self.data.port(),
                Port::of("noise", &[width], Holds::Normal, "noise on the hidden units"),
            ],
            vec![Port::of(
                "visible",
                &[units],
                Holds::Numbers,
                "probabilities of white",
            )],
            move |x| {
                let network = network(&x[0]);
                let h = network.up.forward(x01(&x[0]), Activation::Identity);
                let h = (h + x[1].clone() * deviation).tanh();
                vec![sigmoid(network.down.forward(h, Activation::Identity))]
            },
        );
        vec![features, answer]
    }

    fn as_sample(&self) -> Option<&dyn Sample> {
        Some(self)
    }
    fn as_complete(&self) -> Option<&dyn Complete> {
        Some(self)
    }
    fn as_reconstruct(&self) -> Option<&dyn Reconstruct> {
        Some(self)
    }
    fn as_features(&self) -> Option<&dyn Features> {
        Some(self)
    }
}

impl Sample for Gsn {
    /// Chains that begin at noise.
    fn sample(&self, request: &SampleRequest) -> Result<Samples> {
        unconditional(request, NAME)?;
        untempered(request, NAME)?;
        let start = self.coins(request.count, request.key.stream("start"));
        let states = self.run(start, request.key.stream("chain"), None);
        Ok(self.data.images(&states))
    }
}

impl Complete for Gsn {
    /// A chain whose known units are held at each step.
    fn complete(&self, batch: &Batch, known: &[bool], key: Key) -> Result<Samples> {
        let known = self.data.known(known)?;
        let truth = self.data.of(batch, None)?;
        let mut out = Vec::with_capacity(truth.len());
        // An item for itself, so that its completion does not depend on its batch.
        for (item, &index) in truth.chunks_exact(self.data.units()).zip(&batch.indices) {
            let key = key.step(index as u64);
            let start = self.coins(1, key.stream("start"));
            out.extend(self.run(start, key.stream("chain"), Some((item, &known))));
        }
        Ok(self.data.images(&out))
    }
}

impl Reconstruct for Gsn {
    /// What is left of an item after a corruption, and the mean of what is made of it.
    fn reconstruct(&self, batch: &Batch, key: Key) -> Result<Reconstruction> {
        let found = self.data.of(batch, None)?;
        let (units, device) = (self.data.units(), self.learner.plain_device());
        let network = self.learner.for_use();
        let (mut shown, mut output) = (Vec::new(), Vec::new());
        for (item, &index) in found.chunks_exact(units).zip(&batch.indices) {
            let key = key.step(index as u64);
            let x = self.corruption.of(rows(item.to_vec(), units, &device), key);
            shown.extend(numbers(x.clone()));
            let h = network.hidden(x, self.corruption.hidden, Some(key.stream("hidden")));
            output.extend(numbers(sigmoid(network.down.forward(h, Activation::Identity))));
        }
        Ok(Reconstruction {
            shown: Some(self.data.images(&shown)),
            output: self.data.images(&output),
        })
    }
}

impl Features for Gsn {
    /// Hidden units of the item as it is, without noise.
    fn features(&self, batch: &Batch) -> Result<Vec<f32>> {
        let x = self.data.tensor(batch, None, &self.learner.plain_device())?;
        Ok(numbers(self.learner.for_use().hidden(x, 0.0, None)))
    }

    fn width(&self) -> usize {
        self.sizes.width
    }
}

impl Registered for Config {
    type Config = Config;
    fn defaults() -> Config {
        Config::default()
    }
    fn check(config: &Config) -> Result<()> {
        let m = &config.model;
        in_bounds(&[
            ("model.width", m.width, 1),
            ("model.walkback", m.walkback, 1),
            ("model.sample_steps", m.sample_steps, 1),
        ])?;
        config.corruption.check()
    }
    fn build(config: Config, info: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        let data = Visible::new(NAME, info, config.model.binarization)?;
        affordable(
            "the network's weights",
            &[data.units(), config.model.width, 8],
            "set a smaller model.width",
        )?;
        let init = Init::new(key.stream("network"), device);
        let network = GsnNetwork::new(data.units(), config.model.width, &init);
        let average = config.model.average;
        Ok(Box::new(Gsn {
            learner: Learner::new("network", network, config.optimizer, average, device)?,
            data,
            sizes: config.model,
            corruption: config.corruption,
        }))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    family: super::FAMILY,
    capabilities: &[
        Capability::Sample,
        Capability::Reconstruct,
        Capability::Complete,
        Capability::Features,
    ],
    paper: "Bengio et al. 2014, Deep Generative Stochastic Networks Trainable by Backprop",
    recipe: NAME,
    data: &["digits"],
    tiny: &[
        ("data.size", "6"),
        ("model.width", "9"),
        ("model.walkback", "2"),
        ("model.sample_steps", "4"),
    ],
    ..Entry::of::<Config>()
};
