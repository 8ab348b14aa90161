//! A deep energy model: a network gives every item an energy, and Langevin dynamics draws from it.
//!
//! Du, Mordatch (2019), Implicit Generation and Generalization in Energy-Based Models, arXiv:1903.08689 (the buffer, the cost of energies);
//! Nijkamp, Hill, Han, Zhu, Wu (2020), On the Anatomy of MCMC-Based Maximum Likelihood Learning of Energy-Based Models, arXiv:1903.12370;
//! Saremi, Hyvärinen (2019), Neural Empirical Bayes, arXiv:1903.02334 (noise on data, and the jump at the end).
//!
//! ```text
//! E(x) = f(x) + |x|^2 / (2 s^2),   p(x) = exp(-E(x)) / Z                                       f: the network
//! L = E_data f(x) - E_model f(x') + a (E_data f(x)^2 + E_model f(x')^2)                        (2019, algorithm 1)
//! x' <- x' - (e^2 / 2) dE(x') + e n,   from where it was left, or with a small probability from noise
//! ```
//!
//! The Gaussian makes Z finite whatever f is. Where data are seen through noise of deviation t (`model.noise`), the density is that of
//! noisy data, which chains can walk through; what an item was before is then known best by x - t^2 dE(x).
mod density;
mod langevin;
mod settings;
#[cfg(test)]
mod tests;

use super::annealing::{AnnealingConfig, Known, Normalizer, normalizer};
use super::chains::Chains;
use crate::flow::item_noise;
use crate::function::items;
use crate::variational::networks::{Encoder, Layers, Nonlinearity};
use crate::{
    Capability, Complete, Entry, Function, Holds, LogLikelihood, Model, NetworkInfo, Part, Port, Purpose,
    Registered, Sample, SampleRequest, Samples, StepReport, as_image_shape, of_shape, unconditional,
    untempered,
};
use burn::tensor::{Device, Tensor, TensorData};
use density::{Annealed, of_the_plane, under};
use langevin::Walk;
use menagerie_data::error::{Error, Result};
use menagerie_data::limits::affordable;
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_kernels::noise;
use menagerie_nn::{Init, Learner, Tensors, collective, number, numbers, on_tape};

pub use settings::{Config, Langevin, Sizes};

/// The model.
pub struct EnergyModel {
    learner: Learner<Encoder>,
    info: DataInfo,
    /// what points are divided by on their way in
    scale: f32,
    sizes: Sizes,
    langevin: Langevin,
    chains: Chains,
    annealing: AnnealingConfig,
    normalizer: Known,
}

const NAME: &str = "energy_model";

/// f of items `[rows, height, width, channel]`, `[rows]`.
fn f(network: &Encoder, x: Tensor<4>) -> Tensor<1> {
    let rows = x.dims()[0];
    network.forward(x).reshape([rows])
}

/// A key for each of so many rows.
fn by_row(key: Key, rows: usize) -> Vec<Key> {
    (0..rows as u64).map(|i| key.step(i)).collect()
}

impl EnergyModel {
    fn items(&self, values: Vec<f32>, device: &Device) -> Tensor<4> {
        let [h, w, c] = as_image_shape(&self.info);
        let rows = values.len() / (h * w * c);
        Tensor::from_data(TensorData::new(values, [rows, h, w, c]), device)
    }

    /// Items of a batch as the network sees them, row by row; through noise, that of item `i` of the data set from `key.step(i)`.
    fn seen(&self, batch: &Batch, key: Option<Key>) -> Result<Vec<f32>> {
        of_shape(batch, &self.info.shape, NAME)?;
        let mut seen: Vec<f32> = batch.values.iter().map(|v| v / self.scale).collect();
        if let Some(key) = key.filter(|_| self.sizes.noise > 0.0) {
            let noise = item_noise(batch, key, noise::fill_normal);
            let by = self.sizes.noise as f32;
            seen.iter_mut().zip(noise).for_each(|(v, n)| *v += by * n);
        }
        Ok(seen)
    }

    fn walk(&self) -> Walk {
        Walk {
            size: self.langevin.size,
            longest: self.langevin.longest,
            adjusted: self.langevin.adjusted,
        }
    }

    /// Chains' ends, of a network without autodiff.
    fn walked(
        &self,
        network: &Encoder,
        start: Tensor<4>,
        steps: usize,
        keys: &[Key],
        free: Option<&Tensor<4>>,
    ) -> (Tensor<4>, f64) {
        let network = on_tape(network.clone());
        let energy = |x: Tensor<4>| f(&network, x.clone()) + under(x, self.sizes.deviation);
        self.walk().run(&energy, start, steps, keys, free)
    }

    /// What ends of chains were before the noise, where there is any: x - t^2 dE(x), the mean of it.
    fn cleaned(&self, network: &Encoder, x: Tensor<4>) -> Tensor<4> {
        if self.sizes.noise == 0.0 {
            return x;
        }
        let network = on_tape(network.clone());
        let leaf = Tensor::from_inner(x.clone()).require_grad();
        let energy = f(&network, leaf.clone()) + under(leaf.clone(), self.sizes.deviation);
        match leaf.grad(&energy.sum().backward()) {
            Some(g) => x - g * (self.sizes.noise * self.sizes.noise),
            None => x,
        }
    }

    /// What the network sees as items in the data's own terms.
    fn in_own_terms(&self, x: Tensor<4>) -> Samples {
        let rows = x.dims()[0];
        let mut values = numbers(x);
        match self.info.kind {
            Kind::Points => values.iter_mut().for_each(|v| *v *= self.scale),
            _ => values.iter_mut().for_each(|v| *v = v.clamp(-1.0, 1.0)),
        }
        Samples {
            kind: self.info.kind,
            shape: [&[rows], &self.info.shape[..]].concat(),
            values,
        }
    }

    /// ln Z of the weights in use: a sum over a grid for points of the plane, by annealing elsewhere.
    fn normalizer(&self) -> Normalizer {
        self.normalizer.of(self.learner.updates(), || {
            let (network, s) = (self.learner.for_use(), self.sizes.deviation);
            if self.info.numbers() == 2 {
                let energy = |places: &[f32]| {
                    let x = self.items(places.to_vec(), &self.learner.plain_device());
                    numbers(f(&network, x.clone()) + under(x, s))
                };
                return of_the_plane(&energy, s);
            }
            let network = on_tape(network);
            let path = Annealed {
                energy: &|x| f(&network, x),
                item: as_image_shape(&self.info),
                deviation: s,
                walk: self.walk(),
                device: self.learner.plain_device(),
            };
            normalizer(&path, self.annealing, Key::new(0).stream("annealing"))
        })
    }

    /// The places in the buffer of the chains that walk now: some that stand together.
    fn walking(&self, key: Key) -> Vec<usize> {
        let from = key.rng().below(self.chains.count());
        let walking = self.langevin.chains.min(self.chains.count());
        (from..from + walking).map(|i| i % self.chains.count()).collect()
    }

    /// Lets some chains walk, a few of them from noise anew, and keeps where they end; also the share of steps that were taken.
    fn negatives(&mut self, key: Key) -> (Vec<f32>, f64) {
        let (width, device) = (self.info.numbers(), self.learner.plain_device());
        let walking = self.walking(key.stream("which"));
        let fresh = Chains::uniform(walking.len(), width, key.stream("fresh")).states;
        let restarted =
            |i: usize| key.stream("restart").step(i as u64).rng().uniform() < self.langevin.restart;
        let begin = walking.iter().enumerate().flat_map(|(i, at)| match restarted(i) {
            true => &fresh[i * width..][..width],
            false => &self.chains.states[at * width..][..width],
        });
        let start = self.items(begin.copied().collect(), &device);
        let network = burn::module::Module::valid(self.learner.network());
        let keys = by_row(key.stream("walk"), walking.len());
        let (ends, taken) = self.walked(&network, start, self.langevin.steps, &keys, None);
        let ends = numbers(ends);
        for (at, end) in walking.into_iter().zip(ends.chunks_exact(width)) {
            self.chains.states[at * width..][..width].copy_from_slice(end);
        }
        (ends, taken)
    }
}

impl Model for EnergyModel {
    fn networks(&self) -> Vec<NetworkInfo> {
        vec![self.learner.info(|network| network.forward(network.blank()))]
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        let device = self.learner.device().clone();
        let data = self.seen(&batches[0], Some(key.stream("noise")))?;
        // Chains are one model's: where leaves of a batch learn beside each other, all of them run the same.
        let (model, taken) = self.negatives(collective::common_key(key.stream("chains")));
        let network = self.learner.network();
        let of_data = f(network, self.items(data, &device));
        let of_model = f(network, self.items(model, &device));
        let gap = of_data.clone().mean() - of_model.clone().mean();
        let size = of_data.clone().powi_scalar(2).mean() + of_model.clone().powi_scalar(2).mean();
        let told = watch.then(|| [of_data, of_model].map(|e| number(e.detach().mean())));
        let seen = self.learner.descend(gap + size * self.sizes.cost, watch)?;
        let mut scalars = vec![("loss/total", seen.loss)];
        if let Some([of_data, of_model]) = told {
            scalars.extend([
                ("loss/energy-gap", of_data - of_model),
                ("energy/data", of_data),
                ("energy/model", of_model),
            ]);
            scalars.extend(self.langevin.adjusted.then_some(("chains/taken", taken)));
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
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.learner.load(read, purpose)?;
        self.normalizer.forget();
        self.chains.load(read)
    }

    fn functions(&self) -> Vec<Function<'_>> {
        let (info, s) = (&self.info, self.sizes.deviation);
        vec![Function::new(
            "energy",
            "the energy of an item; -ln p but for a constant",
            vec![Port::item(info)],
            vec![Port::of("energy", &[1], Holds::Numbers, "nats")],
            move |x| {
                let seen = items(&x[0], info) / self.scale;
                let network = self.learner.for_use_on(&x[0].device());
                let rows = seen.dims()[0];
                vec![(f(&network, seen.clone()) + under(seen, s)).reshape([rows, 1])]
            },
        )]
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
}

impl Sample for EnergyModel {
    /// Chains that begin where those of the training are.
    fn sample(&self, request: &SampleRequest) -> Result<Samples> {
        unconditional(request, NAME)?;
        untempered(request, NAME)?;
        let start = self.chains.begin(request.count, request.key.stream("start"));
        let start = self.items(start, &self.learner.plain_device());
        let (network, keys) = (self.learner.for_use(), by_row(request.key, request.count));
        let (ends, _) = self.walked(&network, start, self.langevin.sample_steps, &keys, None);
        Ok(self.in_own_terms(self.cleaned(&network, ends)))
    }
}

impl LogLikelihood for EnergyModel {
    /// Of items as they are seen: through noise, where there is any.
    fn log_likelihood(&self, batch: &Batch, key: Key) -> Result<Vec<f64>> {
        let x = self.items(self.seen(batch, Some(key))?, &self.learner.plain_device());
        let energy = f(&self.learner.for_use(), x.clone()) + under(x, self.sizes.deviation);
        // Units of the data to one of the network's.
        let stretch = match (self.info.kind, self.info.range) {
            (Kind::Points, _) => self.scale,
            (_, (low, high)) => (high - low) / 2.0,
        };
        let log = self.normalizer().log + self.info.numbers() as f64 * f64::from(stretch).ln();
        Ok(numbers(energy).into_iter().map(|e| -f64::from(e) - log).collect())
    }

    fn dimensions(&self) -> usize {
        self.info.numbers()
    }

    fn common_error(&self) -> f64 {
        self.normalizer().error
    }
}

impl Complete for EnergyModel {
    /// Chains of what is unknown alone, what is known being held.
    fn complete(&self, batch: &Batch, known: &[bool], key: Key) -> Result<Samples> {
        let (shape, width) = (as_image_shape(&self.info), self.info.numbers());
        let channels = if self.info.kind == Kind::Points {
            1
        } else {
            shape[2]
        };
        if known.len() * channels != width {
            let problem = format!(
                "the mask has {} positions, an item {}",
                known.len(),
                width / channels
            );
            return Err(Error::usage(problem, "give one entry a position, row by row"));
        }
        let truth = self.seen(batch, None)?;
        let held = |i: usize| known[i % width / channels];
        let keys: Vec<Key> = batch.indices.iter().map(|i| key.step(u64::from(*i))).collect();
        let mut start: Vec<f32> = keys
            .iter()
            .flat_map(|key| self.chains.begin(1, key.stream("start")))
            .collect();
        let hold = |all: &mut [f32]| {
            (0..all.len())
                .filter(|i| held(*i))
                .for_each(|i| all[i] = truth[i])
        };
        hold(&mut start);
        let device = self.learner.plain_device();
        let free = (0..width).map(|i| f32::from(!held(i))).collect();
        let (network, free) = (self.learner.for_use(), self.items(free, &device));
        let start = self.items(start, &device);
        let (ends, _) = self.walked(&network, start, self.langevin.sample_steps, &keys, Some(&free));
        let mut whole = numbers(self.cleaned(&network, ends));
        hold(&mut whole);
        Ok(self.in_own_terms(self.items(whole, &device)))
    }
}

impl Config {
    /// A fresh model for items of that description.
    ///
    /// # Errors
    /// For data that are neither images nor points, and settings that make no model.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<EnergyModel> {
        if !matches!(info.kind, Kind::Image | Kind::Points) {
            let problem = format!(
                "{NAME} learns of images and points, and these are {}",
                info.kind.plural()
            );
            return Err(Error::data(
                &info.source,
                problem,
                "choose another source or model",
            ));
        }
        let (m, item) = (&self.model, as_image_shape(info));
        let layers = Layers {
            network: m.network,
            width: m.width,
            hidden: m.hidden.clone(),
            activation: Nonlinearity::Silu,
            batch_norm: false,
        };
        layers.check(item)?;
        affordable(
            "its chains",
            &[info.numbers(), self.langevin.buffer, 4],
            "set a smaller langevin.buffer",
        )?;
        let network = Encoder::new(&layers, item, 1, &Init::new(key.stream("network"), device));
        let scale = match info.kind {
            Kind::Points => info.range.0.abs().max(info.range.1.abs()).max(f32::MIN_POSITIVE),
            _ => 1.0,
        };
        Ok(EnergyModel {
            learner: Learner::new("network", network, self.optimizer, m.average, device)?,
            chains: Chains::uniform(self.langevin.buffer, info.numbers(), key.stream("chains")),
            info: info.clone(),
            scale,
            sizes: m.clone(),
            langevin: self.langevin,
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
        Capability::Complete,
    ],
    paper: "Du & Mordatch 2019, Implicit Generation and Generalization in Energy-Based Models, arXiv:1903.08689",
    recipe: NAME,
    data: &["digits", "moons"],
    tiny: &[
        ("model.network", "\"mlp\""),
        ("model.hidden", "[16, 8]"),
        ("model.average", "0.9"),
        ("langevin.buffer", "12"),
        ("langevin.chains", "5"),
        ("langevin.steps", "3"),
        ("langevin.sample_steps", "4"),
        ("annealing.runs", "4"),
        ("annealing.steps", "5"),
    ],
    ..Entry::of::<Config>()
};
