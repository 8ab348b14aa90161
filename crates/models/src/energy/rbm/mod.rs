//! The restricted Boltzmann machine: visible and hidden units, connected between the layers alone.
//!
//! Smolensky (1986); Hinton (2002), Training Products of Experts by Minimizing Contrastive Divergence, Neural Computation 14;
//! Tieleman (2008), Training Restricted Boltzmann Machines using Approximations to the Likelihood Gradient, ICML 2008
//! (persistent chains); Salakhutdinov, Murray (2008), ICML 2008 (the normalizer).
//!
//! ```text
//! E(v, h) = -b'v - c'h - v'W h
//! p(h_j = 1 | v) = sigmoid(c_j + (v'W)_j),   p(v_i = 1 | h) = sigmoid(b_i + (W h)_i)
//! F(v) = -b'v - sum_j softplus(c_j + (v'W)_j),   p(v) = exp(-F(v)) / Z
//! d ln p(v) / d theta = -dF(v) / d theta + E_model dF / d theta
//! ```
//!
//! The expectation under the model is taken over the ends of short chains: of chains that start at the data (`model.chains =
//! "data"`, contrastive divergence) or that go on from update to update (`"persistent"`).
mod network;

use super::annealing::{AnnealingConfig, Known, Normalizer, normalizer};
use super::binary::{Visible, hold, in_bounds, rows};
use super::chains::Chains;
use crate::{
    Capability, Complete, Entry, Features, Function, Holds, LogLikelihood, Model, Part, Port, Purpose,
    Reconstruct, Reconstruction, Registered, Sample, SampleRequest, Samples, StepReport, unconditional,
    untempered,
};
use burn::module::Module;
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};
use menagerie_data::error::Result;
use menagerie_data::limits::affordable;
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, interrupt};
use menagerie_nn::levels::Binarization;
use menagerie_nn::{Init, Learner, NetworkInfo, OptimizerConfig, Tensors, collective, numbers};
use network::{Annealed, RbmNetwork, exact};
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`
    pub model: Sizes,
    /// `[annealing]`
    pub annealing: AnnealingConfig,
    /// `[optimizer]`
    pub optimizer: OptimizerConfig,
}

/// Where the chains of the model's expectation start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// at the data, each update (contrastive divergence)
    Data,
    /// where they were left by the update before
    Persistent,
}

/// `[model]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// hidden units (2008: 500)
    pub width: usize,
    /// `data` or `persistent`
    pub chains: Start,
    /// how many persistent chains
    pub count: usize,
    /// sweeps of the chains an update (the k of CD-k)
    pub sweeps: usize,
    /// sweeps from a persistent chain to a sample
    pub sample_sweeps: usize,
    /// how grey becomes black or white
    pub binarization: Binarization,
    /// decay of the moving average of the weights; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            width: 500,
            chains: Start::Persistent,
            count: 100,
            sweeps: 1,
            sample_sweeps: 200,
            binarization: Binarization::Dynamic,
            average: 0.0,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            model: Sizes::default(),
            annealing: AnnealingConfig::default(),
            optimizer: OptimizerConfig::sgd(0.05, 0.0),
        }
    }
}

/// The model.
pub struct Rbm {
    learner: Learner<RbmNetwork>,
    data: Visible,
    sizes: Sizes,
    chains: Chains,
    /// mean of every visible unit over the data, from which annealing begins
    means: Vec<f32>,
    annealing: AnnealingConfig,
    normalizer: Known,
}

const NAME: &str = "rbm";

impl Rbm {
    fn weights(&self) -> RbmNetwork {
        self.learner.for_use()
    }

    /// ln Z of the weights in use: exact where one layer is small, by annealing elsewhere.
    fn normalizer(&self) -> Normalizer {
        self.normalizer.of(self.learner.updates(), || {
            let network = self.weights();
            exact(&network).unwrap_or_else(|| {
                let path = Annealed::new(&network, &self.means);
                normalizer(&path, self.annealing, Key::new(0).stream("annealing"))
            })
        })
    }

    fn follow_means(&mut self, v: &[f32]) {
        let units = self.data.units();
        let n = (v.len() / units) as f32;
        let mut means = vec![0.0; units];
        for row in v.chunks_exact(units) {
            means.iter_mut().zip(row).for_each(|(m, v)| *m += v / n);
        }
        let weight = if self.learner.updates() == 0 { 1.0 } else { 0.01 };
        let means = collective::mean(means);
        for (kept, new) in self.means.iter_mut().zip(means) {
            *kept += weight * (new - *kept);
        }
    }
}

impl Model for Rbm {
    fn networks(&self) -> Vec<NetworkInfo> {
        let units = self.data.units();
        let device = self.learner.plain_device();
        let info = self
            .learner
            .info(|network| network.to_hidden(Tensor::zeros([1, units], &device)));
        vec![info]
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        let device = self.learner.device().clone();
        let plain = self.learner.plain_device();
        let found = self.data.of(&batches[0], Some(key.stream("binarization")))?;
        self.follow_means(&found);
        let units = self.data.units();
        // Chains are one machine's: where leaves of a batch learn beside each other, all of them run the same.
        let (start, chain_key) = match self.sizes.chains {
            Start::Data => (found.clone(), key.stream("chains")),
            Start::Persistent => (
                self.chains.states.clone(),
                collective::common_key(key.stream("chains")),
            ),
        };
        let network = self.learner.network().valid();
        let mut v = rows(start, units, &plain);
        for sweep in 0..self.sizes.sweeps {
            v = network.sweep(v, chain_key.step(sweep as u64));
        }
        let model = numbers(v);
        if self.sizes.chains == Start::Persistent {
            self.chains.states.clone_from(&model);
        } else {
            // Samples begin at the newest ends of chains.
            let all = collective::gather(model.clone());
            let n = self.chains.states.len().min(all.len());
            self.chains.states[..n].copy_from_slice(&all[..n]);
        }
        let network = self.learner.network();
        let of_data = network.free_energy(rows(found.clone(), units, &device)).mean();
        let of_model = network.free_energy(rows(model, units, &device)).mean();
        let seen = self.learner.descend(of_data - of_model, watch)?;
        let mut scalars = vec![("loss/free-energy-gap", seen.loss)];
        if watch {
            let v = rows(found, units, &plain);
            let network = self.learner.network().valid();
            let back = sigmoid(network.to_visible(sigmoid(network.to_hidden(v.clone()))));
            let error = menagerie_nn::number((back - v).powi_scalar(2).mean());
            scalars.push(("reconstruction", error));
            scalars.extend(seen.gradient.map(|g| ("gradient", g)));
        }
        Ok(StepReport {
            scalars,
            troubles: vec![],
        })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.learner.save();
        parts.push(self.chains.save());
        let means = || {
            let mut t = Tensors::default();
            t.arrays
                .insert("means".into(), (vec![self.means.len()], self.means.clone()));
            t
        };
        parts.push(("data_means".into(), Box::new(means)));
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.learner.load(read, purpose)?;
        self.chains.load(read)?;
        let device = self.learner.plain_device();
        self.means = numbers(read("data_means")?.get("means", [self.means.len()], &device)?);
        self.normalizer.forget();
        Ok(())
    }

    fn functions(&self) -> Vec<Function<'_>> {
        let (units, width) = (self.data.units(), self.sizes.width);
        let network = |x: &Tensor<2>| self.learner.for_use_on(&x.device());
        let v = |x: &Tensor<2>| (x.clone() + 1.0) * 0.5;
        let on = |name, n, what: &str| vec![Port::of(name, &[n], Holds::Numbers, what)];
        let hidden = || on("hidden", width, "probabilities of the hidden units");
        let features = Function::new(
            "features",
            "half a sweep: the hidden units, given the visible ones",
            vec![self.data.port()],
            hidden(),
            move |x| vec![sigmoid(network(&x[0]).to_hidden(v(&x[0])))],
        );
        let visible = Function::new(
            "visible",
            "the other half: the visible units, given hidden ones that are on (1) or off (0)",
            hidden(),
            on("visible", units, "probabilities of the visible units"),
            move |x| vec![sigmoid(network(&x[0]).to_visible(x[0].clone()))],
        );
        let energy = Function::new(
            "energy",
            "the free energy of an item; -ln p but for a constant",
            vec![self.data.port()],
            on("energy", 1, "nats"),
            move |x| {
                let f = network(&x[0]).free_energy(v(&x[0]));
                let n = f.dims()[0];
                vec![f.reshape([n, 1])]
            },
        );
        vec![features, visible, energy]
    }

    fn as_sample(&self) -> Option<&dyn Sample> {
        Some(self)
    }
    fn as_log_likelihood(&self) -> Option<&dyn LogLikelihood> {
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

impl Sample for Rbm {
    /// Chains that begin where those of the training are.
    fn sample(&self, request: &SampleRequest) -> Result<Samples> {
        unconditional(request, NAME)?;
        untempered(request, NAME)?;
        let network = self.weights();
        let start = self.chains.begin(request.count, request.key.stream("start"));
        let mut v = rows(start, self.data.units(), &self.learner.plain_device());
        for sweep in 0..self.sizes.sample_sweeps {
            interrupt::check()?;
            v = network.sweep(v, request.key.stream("sweeps").step(sweep as u64));
        }
        Ok(self.data.images(&numbers(v)))
    }
}

impl LogLikelihood for Rbm {
    fn log_likelihood(&self, batch: &Batch, key: Key) -> Result<Vec<f64>> {
        let v = self.data.tensor(batch, Some(key), &self.learner.plain_device())?;
        let z = self.normalizer().log;
        let f = numbers(self.weights().free_energy(v));
        Ok(f.into_iter().map(|f| -(f as f64) - z).collect())
    }

    fn dimensions(&self) -> usize {
        self.data.units()
    }

    fn common_error(&self) -> f64 {
        self.normalizer().error
    }
}

impl Complete for Rbm {
    /// Chains whose known units are held.
    fn complete(&self, batch: &Batch, known: &[bool], key: Key) -> Result<Samples> {
        let known = self.data.known(known)?;
        let truth = self.data.of(batch, None)?;
        let (units, device) = (self.data.units(), self.learner.plain_device());
        let network = self.weights();
        let mut out = Vec::with_capacity(truth.len());
        // An item for itself, so that its completion does not depend on its batch.
        for (item, &index) in truth.chunks_exact(units).zip(&batch.indices) {
            let key = key.step(index as u64);
            let mut state = self.chains.begin(1, key.stream("start"));
            for sweep in 0..self.sizes.sample_sweeps {
                hold(&mut state, item, &known);
                let v = rows(state, units, &device);
                state = numbers(network.sweep(v, key.stream("sweeps").step(sweep as u64)));
            }
            hold(&mut state, item, &known);
            out.extend(state);
        }
        Ok(self.data.images(&out))
    }
}

impl Reconstruct for Rbm {
    /// The mean of visible units given the mean of hidden ones given the item.
    fn reconstruct(&self, batch: &Batch, _: Key) -> Result<Reconstruction> {
        let found = self.data.of(batch, None)?;
        let network = self.weights();
        let v = rows(found.clone(), self.data.units(), &self.learner.plain_device());
        let back = sigmoid(network.to_visible(sigmoid(network.to_hidden(v))));
        Ok(Reconstruction {
            shown: Some(self.data.images(&found)),
            output: self.data.images(&numbers(back)),
        })
    }
}

impl Features for Rbm {
    /// Probabilities of the hidden units.
    fn features(&self, batch: &Batch) -> Result<Vec<f32>> {
        let v = self.data.tensor(batch, None, &self.learner.plain_device())?;
        Ok(numbers(sigmoid(self.weights().to_hidden(v))))
    }

    fn width(&self) -> usize {
        self.sizes.width
    }
}

impl Config {
    fn check(&self) -> Result<()> {
        let m = &self.model;
        in_bounds(&[
            ("model.width", m.width, 1),
            ("model.count", m.count, 1),
            ("model.sweeps", m.sweeps, 1),
            ("model.sample_sweeps", m.sample_sweeps, 1),
        ])?;
        self.annealing.check()
    }

    /// A fresh model for images of that description.
    ///
    /// # Errors
    /// For data that are not images, and for settings that make no machine.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<Rbm> {
        let data = Visible::new(NAME, info, self.model.binarization)?;
        let units = data.units();
        affordable(
            "the machine's weights",
            &[units, self.model.width, 4],
            "set a smaller model.width",
        )?;
        affordable(
            "its chains",
            &[units, self.model.count, 4],
            "set a smaller model.count",
        )?;
        let network = RbmNetwork::new(units, self.model.width, &Init::new(key.stream("network"), device));
        Ok(Rbm {
            learner: Learner::new("network", network, self.optimizer, self.model.average, device)?,
            chains: Chains::coins(self.model.count, units, key.stream("chains")),
            means: vec![0.5; units],
            data,
            sizes: self.model.clone(),
            annealing: self.annealing,
            normalizer: Known::default(),
        })
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
    name: NAME,
    family: super::FAMILY,
    capabilities: &[
        Capability::Sample,
        Capability::LogLikelihood,
        Capability::Reconstruct,
        Capability::Complete,
        Capability::Features,
    ],
    paper: "Hinton 2002, Training Products of Experts by Minimizing Contrastive Divergence; Tieleman 2008",
    recipe: NAME,
    data: &["digits"],
    tiny: &[
        ("data.size", "6"),
        ("model.width", "9"),
        ("model.count", "12"),
        ("model.sample_sweeps", "5"),
        ("annealing.runs", "5"),
        ("annealing.steps", "20"),
    ],
    ..Entry::of::<Config>()
};

#[cfg(test)]
impl Rbm {
    /// ln Z by summation, by annealing, and the error that annealing states.
    pub(super) fn both_normalizers(&self, config: AnnealingConfig) -> (f64, f64, f64) {
        let network = self.weights();
        let exact = exact(&network).unwrap();
        let found = normalizer(&Annealed::new(&network, &self.means), config, Key::new(8));
        (exact.log, found.log, found.error)
    }
}
