//! The Boltzmann machine: visible and hidden units, each connected with every other.
//!
//! Ackley, Hinton, Sejnowski (1985), A Learning Algorithm for Boltzmann Machines, Cognitive Science 9; Salakhutdinov (2008),
//! Learning and Evaluating Boltzmann Machines, UTML TR 2008-002 (mean field for the data, persistent chains for the model).
//!
//! ```text
//! E(x) = -1/2 x'W x - b'x,   x = (v, h),   W symmetric with a diagonal of 0
//! p(x_i = 1 | all others) = sigmoid(b_i + (W x)_i)
//! d ln p(v) / d w_ij >= E_q x_i x_j - E_model x_i x_j,   q(h) = prod_j mu_j^h_j (1 - mu_j)^(1 - h_j)
//! mu_j = sigmoid(b_j + (W (v, mu))_j)                                         (mean field)
//! ln p(v) >= -E(v, mu) + H(q) - ln Z
//! ```
//!
//! Without hidden units (`model.width = 0`) the bound is the likelihood.
mod machine;

use super::annealing::{AnnealingConfig, Known, Normalizer, log_mean_exp, normalizer};
use super::binary::{Visible, hold, in_bounds, rows};
use super::chains::Chains;
use crate::{
    Capability, Complete, Entry, EvidenceBound, Function, Holds, Model, Part, Port, Purpose, Registered,
    Sample, SampleRequest, Samples, StepReport, unconditional, untempered,
};
use burn::tensor::{Device, Tensor, activation};
use machine::{Annealed, BoltzmannNetwork, Machine, entropy, exact, statistics};
use menagerie_data::error::Result;
use menagerie_data::limits::affordable;
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, interrupt};
use menagerie_nn::levels::Binarization;
use menagerie_nn::{
    Init, Learner, NetworkInfo, OptimizerConfig, Tensors, Weights, activations, collective, with_gradients,
};
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

/// `[model]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// hidden units; 0 for none
    pub width: usize,
    /// persistent chains
    pub count: usize,
    /// sweeps of the chains an update
    pub sweeps: usize,
    /// rounds of mean field
    pub rounds: usize,
    /// sweeps from a persistent chain to a sample
    pub sample_sweeps: usize,
    /// how grey becomes black or white
    pub binarization: Binarization,
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

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            width: 32,
            count: 100,
            sweeps: 1,
            rounds: 10,
            sample_sweeps: 100,
            binarization: Binarization::Dynamic,
        }
    }
}

/// The model.
pub struct Boltzmann {
    learner: Learner<BoltzmannNetwork>,
    data: Visible,
    sizes: Sizes,
    chains: Chains,
    annealing: AnnealingConfig,
    /// ln Z of the weights after so many updates
    normalizer: Known,
}

const NAME: &str = "boltzmann";

impl Boltzmann {
    fn machine(&self) -> Machine {
        self.learner.network().plain()
    }

    fn normalizer(&self) -> Normalizer {
        self.normalizer.of(self.learner.updates(), || {
            let machine = self.machine();
            let key = Key::new(0).stream("annealing");
            exact(&machine).unwrap_or_else(|| normalizer(&Annealed(&machine), self.annealing, key))
        })
    }

    /// The visible units of states, as images.
    fn images(&self, states: &[f32]) -> Samples {
        let n = self.data.units() + self.sizes.width;
        let visible: Vec<f32> = states
            .chunks_exact(n)
            .flat_map(|x| x[..self.data.units()].iter().copied())
            .collect();
        self.data.images(&visible)
    }
}

impl Model for Boltzmann {
    fn networks(&self) -> Vec<NetworkInfo> {
        let pass = |network: &BoltzmannNetwork| activations::keep(network.bias.val());
        vec![self.learner.info(pass)]
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        let visible = self.data.of(&batches[0], Some(key.stream("binarization")))?;
        let machine = self.machine();
        let n = machine.units();
        let of_data = machine.mean_field(&visible, self.sizes.width, self.sizes.rounds);
        // Where leaves of a batch learn beside each other, all of them run the same chains.
        let chains = collective::common_key(key.stream("chains"));
        for sweep in 0..self.sizes.sweeps {
            let key = chains.step(sweep as u64);
            machine.sweep(&mut self.chains.states, 0, &machine.bias, 1.0, key);
        }
        let gap = |states: &[f32]| {
            let all = states.chunks_exact(n);
            all.map(|x| machine.score(x)).sum::<f64>() / (states.len() / n) as f64
        };
        let loss = gap(&self.chains.states) - gap(&of_data);
        let (data_pairs, data_means) = statistics(&of_data, n);
        let (pairs, means) = statistics(&self.chains.states, n);
        let apart = |model: Vec<f32>, data: Vec<f32>| model.iter().zip(data).map(|(m, d)| m - d).collect();
        let network = self.learner.network();
        let loss = with_gradients(
            loss,
            vec![
                (network.pairs.val(), apart(pairs, data_pairs)),
                (network.bias.val(), apart(means, data_means)),
            ],
        );
        let seen = self.learner.descend(loss, watch)?;
        let mut scalars = vec![("loss/energy-gap", seen.loss)];
        scalars.extend(seen.gradient.map(|g| ("gradient", g)));
        Ok(StepReport {
            scalars,
            troubles: vec![],
        })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.learner.save();
        parts.push(self.chains.save());
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.learner.load(read, purpose)?;
        self.normalizer.forget();
        self.chains.load(read)
    }

    fn functions(&self) -> Vec<Function<'_>> {
        let n = self.data.units() + self.sizes.width;
        let state = |name, what: &str| vec![Port::of(name, &[n], Holds::Numbers, what)];
        vec![Function::new(
            "conditionals",
            "one step of drawing: of each unit, the probability that it is on given all others",
            state("state", "visible units, then hidden ones: 1 for on, 0 for off"),
            state("on", "probabilities"),
            move |x| {
                let (machine, device) = (self.machine(), x[0].device());
                let weight = rows(machine.weight, n, &device);
                let bias = Tensor::<1>::from_floats(&machine.bias[..], &device);
                vec![activation::sigmoid(
                    x[0].clone().matmul(weight) + bias.unsqueeze(),
                )]
            },
        )]
    }

    fn as_sample(&self) -> Option<&dyn Sample> {
        Some(self)
    }
    fn as_evidence_bound(&self) -> Option<&dyn EvidenceBound> {
        Some(self)
    }
    fn as_complete(&self) -> Option<&dyn Complete> {
        Some(self)
    }
}

impl Sample for Boltzmann {
    /// Chains that begin where those of the training are.
    fn sample(&self, request: &SampleRequest) -> Result<Samples> {
        unconditional(request, NAME)?;
        untempered(request, NAME)?;
        let machine = self.machine();
        let mut states = self.chains.begin(request.count, request.key.stream("start"));
        for sweep in 0..self.sizes.sample_sweeps {
            interrupt::check()?;
            let key = request.key.stream("sweeps").step(sweep as u64);
            machine.sweep(&mut states, 0, &machine.bias, 1.0, key);
        }
        Ok(self.images(&states))
    }
}

impl EvidenceBound for Boltzmann {
    /// With one sample the bound of mean field, in closed form; with more, their importance weights.
    fn evidence_bound(&self, batch: &Batch, samples: usize, key: Key) -> Result<Vec<f64>> {
        let visible = self.data.of(batch, Some(key))?;
        let (machine, z) = (self.machine(), self.normalizer().log);
        let (n, d) = (machine.units(), self.data.units());
        let found = machine.mean_field(&visible, self.sizes.width, self.sizes.rounds);
        let of = |(x, &index): (&[f32], &u32)| {
            if samples <= 1 || self.sizes.width == 0 {
                return machine.score(x) + entropy(&x[d..]) - z;
            }
            let mut rng = key.step(index as u64).stream("hidden units").rng();
            let mut weight = || {
                let mut drawn = x.to_vec();
                let mut q = 0.0;
                for (h, mu) in drawn[d..].iter_mut().zip(&x[d..]) {
                    let mu = (*mu as f64).clamp(1e-7, 1.0 - 1e-7);
                    let is_on = rng.chance(mu);
                    q += if is_on { mu.ln() } else { (1.0 - mu).ln() };
                    *h = f32::from(is_on);
                }
                machine.score(&drawn) - q
            };
            let weights: Vec<f64> = (0..samples).map(|_| weight()).collect();
            log_mean_exp(&weights) - z
        };
        Ok(found.chunks_exact(n).zip(&batch.indices).map(of).collect())
    }

    fn dimensions(&self) -> usize {
        self.data.units()
    }

    fn common_error(&self) -> f64 {
        self.normalizer().error
    }
}

impl Complete for Boltzmann {
    /// Chains whose known units are clamped.
    fn complete(&self, batch: &Batch, known: &[bool], key: Key) -> Result<Samples> {
        let known = self.data.known(known)?;
        let truth = self.data.of(batch, None)?;
        let machine = self.machine();
        let mut out = Vec::new();
        for (item, &index) in truth.chunks_exact(self.data.units()).zip(&batch.indices) {
            let key = key.step(index as u64);
            let mut state = self.chains.begin(1, key.stream("start"));
            for sweep in 0..self.sizes.sample_sweeps {
                hold(&mut state, item, &known);
                machine.sweep(
                    &mut state,
                    0,
                    &machine.bias,
                    1.0,
                    key.stream("sweeps").step(sweep as u64),
                );
            }
            hold(&mut state, item, &known);
            out.extend(state);
        }
        Ok(self.images(&out))
    }
}

impl Config {
    fn check(&self) -> Result<()> {
        let m = &self.model;
        in_bounds(&[
            ("model.width", m.width, 0),
            ("model.count", m.count, 1),
            ("model.sweeps", m.sweeps, 1),
            ("model.rounds", m.rounds, 1),
            ("model.sample_sweeps", m.sample_sweeps, 1),
        ])?;
        self.annealing.check()
    }

    /// A fresh model for images of that description.
    ///
    /// # Errors
    /// For data that are not images, and for settings that make no machine.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<Boltzmann> {
        let data = Visible::new(NAME, info, self.model.binarization)?;
        let n = data.units() + self.model.width;
        affordable("the weights of all pairs of units", &[n, n], "set a smaller size")?;
        affordable(
            "its chains",
            &[n, self.model.count, 4],
            "set a smaller model.count",
        )?;
        let (init, pairs) = (Init::new(key.stream("network"), device), n * (n - 1) / 2);
        let network = BoltzmannNetwork {
            pairs: Weights::Normal(0.01).draw([pairs], [n, n], &init.at("pairs")),
            bias: Weights::Zero.draw([n], [n, n], &init),
        };
        Ok(Boltzmann {
            learner: Learner::new("network", network, self.optimizer, 0.0, device)?,
            chains: Chains::coins(self.model.count, n, key.stream("chains")),
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
        Capability::EvidenceBound,
        Capability::Complete,
    ],
    paper: "Ackley, Hinton & Sejnowski 1985, A Learning Algorithm for Boltzmann Machines; Salakhutdinov 2008",
    recipe: NAME,
    data: &["digits"],
    tiny: &[
        ("data.size", "6"),
        ("model.width", "5"),
        ("model.binarization", "threshold"),
        ("model.count", "12"),
        ("model.sample_sweeps", "5"),
        ("annealing.runs", "5"),
        ("annealing.steps", "20"),
    ],
    ..Entry::of::<Config>()
};

#[cfg(test)]
impl Boltzmann {
    /// ln Z by summation, by annealing, and the error that annealing states.
    pub(super) fn both_normalizers(&self, config: AnnealingConfig) -> (f64, f64, f64) {
        let machine = self.machine();
        let found = normalizer(&Annealed(&machine), config, Key::new(8));
        (exact(&machine).unwrap().log, found.log, found.error)
    }

    /// ln p of the image whose pixels are these bits, by all states of the hidden units.
    pub(super) fn exact_log_likelihood(&self, code: usize) -> f64 {
        let (machine, d) = (self.machine(), self.data.units());
        let state = |h: usize| -> Vec<f32> {
            let bits = code | h << d;
            (0..machine.units()).map(|i| (bits >> i & 1) as f32).collect()
        };
        let width = self.sizes.width;
        let scores: Vec<f64> = (0..1usize << width).map(|h| machine.score(&state(h))).collect();
        log_mean_exp(&scores) + width as f64 * std::f64::consts::LN_2 - self.normalizer().log
    }
}
