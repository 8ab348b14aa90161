//! WaveNet: sound, sample by sample, by dilated causal convolutions.
//!
//! Van den Oord, Dieleman, Zen, Simonyan, Vinyals, Graves, Kalchbrenner, Senior, Kavukcuoglu (2016), WaveNet: A Generative
//! Model for Raw Audio, arXiv:1609.03499.
//!
//! p(x) = prod_t p(x_t | x_1, ..., x_{t-1}) (equation 1), with x in mu-law codes and a softmax over them. Layers whose
//! dilation doubles, 1 to 512 and again from 1, see further back with each: three cycles of ten see 3,071 codes. A global
//! condition (the class) may enter every gate (equation 3).
mod network;
mod sampler;

use super::discrete::Discrete;
use crate::{
    Capability, Complete, Entry, Function, Holds, LogLikelihood, Model, NetworkInfo, Part, Port, Purpose,
    Registered, Sample, SampleRequest, Samples, StepReport, of_shape, unconditional,
};
use burn::tensor::Device;
use menagerie_data::error::{Error, Result};
use menagerie_data::interrupt::Watch;
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_kernels::pool::par_for;
use menagerie_nn::levels::{Binarization, mu_law_level, mu_law_value};
use menagerie_nn::{Init, Learner, OptimizerConfig, Tensors};
use network::WaveNetwork;
use sampler::Steps;
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, PoisonError};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`
    pub model: Sizes,
    /// `[optimizer]`
    pub optimizer: OptimizerConfig,
}

/// `[model]`: the network's sizes. The paper does not say its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// channels of the residual path and of the gates
    pub width: usize,
    /// channels of the skip path
    pub skip: usize,
    /// cycles of layers
    pub cycles: usize,
    /// layers of a cycle: the dilation goes from 1 to 2 to the power of one less (paper: 10, up to 512)
    pub layers: usize,
    /// codes of the mu-law (paper: 256)
    pub levels: usize,
    /// whether the class is a condition
    pub conditional: bool,
    /// decay of the moving average of the weights; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            width: 64,
            skip: 64,
            cycles: 3,
            layers: 10,
            levels: 256,
            conditional: false,
            average: 0.0,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            model: Sizes::default(),
            optimizer: OptimizerConfig::adam(1e-3),
        }
    }
}

/// Codes that go through the network at a time where no tape is kept: bounds memory whatever the batch.
const POSITIONS: usize = 16_384;
/// Sequences that a thread makes side by side.
const TOGETHER: usize = 4;

impl Sizes {
    /// Of every layer.
    fn dilations(&self) -> Vec<usize> {
        (0..self.cycles)
            .flat_map(|_| (0..self.layers).map(|i| 1 << i))
            .collect()
    }

    fn check(&self) -> Result<()> {
        for (key, value, most) in [
            ("width", self.width, 4096),
            ("skip", self.skip, 4096),
            ("cycles", self.cycles, 64),
            ("layers", self.layers, 20),
        ] {
            if value == 0 || value > most {
                return Err(Error::recipe(
                    format!("model.{key}"),
                    format!("{value} cannot be used"),
                    format!("give 1 to {most}"),
                ));
            }
        }
        Discrete::new(self.levels, Binarization::Threshold).map(drop)
    }
}

impl Config {
    /// A fresh network for sounds of that description.
    ///
    /// # Errors
    /// For sizes that are none, data that are no sounds of one channel, and a condition without classes.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<Speaker> {
        let m = &self.model;
        m.check()?;
        let (Kind::Audio, &[length, 1]) = (info.kind, &info.shape[..]) else {
            let problem = format!(
                "wavenet makes sounds of one channel, but these are {} of {:?}",
                info.kind.plural(),
                info.shape
            );
            return Err(Error::data(
                &info.source,
                problem,
                "choose a folder of sounds, or the drawn set `tones`",
            ));
        };
        if m.conditional && info.labels.is_empty() {
            let fix =
                "put the sounds of each class into a sub-folder of its own, or set model.conditional = false";
            return Err(Error::recipe(
                "model.conditional",
                "the sounds have no classes",
                fix,
            ));
        }
        if m.conditional {
            info.every_label("wavenet")?;
        }
        let discrete = Discrete::new(m.levels, Binarization::Threshold)?;
        let classes = if m.conditional { info.labels.len() } else { 0 };
        let init = Init::new(key.stream("network"), device);
        let network = WaveNetwork::new(m, discrete.outputs(), classes, &init);
        let learner = Learner::new("network", network, self.optimizer, m.average, device)?;
        Ok(Speaker {
            learner,
            discrete,
            length,
            classes,
            shares: info.shares.clone(),
        })
    }
}

/// The model: what speaks.
pub struct Speaker {
    learner: Learner<WaveNetwork>,
    discrete: Discrete,
    /// samples of an item
    length: usize,
    /// of the global condition; 0 for none
    classes: usize,
    /// of the classes in the data
    shares: Vec<f64>,
}

impl Speaker {
    fn codes(&self, values: &[f32]) -> Vec<u32> {
        values
            .iter()
            .map(|&v| mu_law_level(v, self.discrete.levels))
            .collect()
    }

    /// Codes and logits, as another program has them; a length of 0 is any.
    fn ports(&self, length: usize) -> [Port; 2] {
        let (levels, outputs) = (self.discrete.levels, self.discrete.outputs());
        let meaning = format!("codes of a {levels}-level mu-law, in time");
        let logits = "of each code, from the codes before it";
        [
            Port::of("codes", &[length], Holds::Whole(levels), meaning),
            Port::of("logits", &[length, outputs], Holds::Numbers, logits),
        ]
    }

    /// The classes of a batch, where they are a condition.
    fn labels<'a>(&self, batch: &'a Batch) -> Result<Option<&'a [u32]>> {
        if self.classes == 0 {
            return Ok(None);
        }
        let fix = "give data with the classes of the run, or train with model.conditional = false";
        match &batch.labels {
            Some(l) if l.iter().all(|&l| (l as usize) < self.classes) => Ok(Some(l)),
            Some(_) => Err(Error::usage(
                format!("these sounds have classes beyond the {} of the run", self.classes),
                fix,
            )),
            None => Err(Error::usage(
                "this wavenet is conditional, and the sounds have no classes",
                fix,
            )),
        }
    }

    /// Draws sequences of `length`. Of sequence i, `known(i, t)` is code t where it is not to be drawn; it draws from
    /// `key(i)`; `label(i)` is its class.
    fn draw(
        &self,
        count: usize,
        length: usize,
        temperature: f64,
        key: &(dyn Fn(usize) -> Key + Sync),
        known: &(dyn Fn(usize, usize) -> Option<u32> + Sync),
        label: &(dyn Fn(usize) -> u32 + Sync),
    ) -> Vec<f32> {
        let steps = Steps::new(&self.learner.for_use());
        let out = Mutex::new(vec![0f32; count * length]);
        let (outputs, watch) = (self.discrete.outputs(), Watch::here());
        par_for(count.div_ceil(TOGETHER), &|group| {
            let items: Vec<usize> = (group * TOGETHER..count.min((group + 1) * TOGETHER)).collect();
            let labels: Option<Vec<u32>> =
                (self.classes > 0).then(|| items.iter().map(|&i| label(i)).collect());
            let mut streams = steps.begin(items.len(), labels.as_deref());
            let mut draws: Vec<_> = items.iter().map(|&i| key(i).rng()).collect();
            let (mut made, mut codes) = (vec![0f32; items.len() * length], vec![0; items.len()]);
            for t in 0..length {
                if watch.is_given_up() {
                    break;
                }
                let logits = streams.logits();
                for (k, &i) in items.iter().enumerate() {
                    // Drawn also where it is not needed, so that what is known does not shift the rest.
                    let u = draws[k].uniform() as f32;
                    let row = &logits[k * outputs..(k + 1) * outputs];
                    codes[k] = known(i, t).unwrap_or_else(|| self.discrete.draw(row, temperature, u));
                    made[k * length + t] = mu_law_value(codes[k], self.discrete.levels);
                }
                streams.advance(&codes);
            }
            out.lock().unwrap_or_else(PoisonError::into_inner)[items[0] * length..][..made.len()]
                .copy_from_slice(&made);
        });
        out.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Model for Speaker {
    fn networks(&self) -> Vec<NetworkInfo> {
        let (codes, labels) = (vec![0; self.length], (self.classes > 0).then_some(&[0][..]));
        vec![
            self.learner
                .info(|network| network.forward(&codes, self.length, labels)),
        ]
    }

    fn step(&mut self, batches: &[Batch], _: Key, watch: bool) -> Result<StepReport> {
        let Some(batch) = batches.first() else {
            return Err(Error::usage("no batch was given", "report this as a bug"));
        };
        let codes = self.codes(&batch.values);
        let logits = self
            .learner
            .network()
            .forward(&codes, self.length, self.labels(batch)?);
        let loss = self.discrete.nats(logits, &codes) / codes.len() as f64;
        let done = self.learner.descend(loss, watch)?;
        let mut scalars = vec![("loss/bits-per-sample", done.loss / std::f64::consts::LN_2)];
        scalars.extend(done.gradient.map(|g| ("gradient/network", g)));
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
        let [codes, logits] = self.ports(self.length);
        let mut inputs = vec![codes];
        if self.classes > 0 {
            let meaning = "the class as a one among zeros";
            inputs.push(Port::of("class", &[self.classes], Holds::OneHot, meaning));
        }
        let about =
            "one step of drawing: the conditionals of all codes, of which the next one's is drawn from";
        vec![Function::new("conditionals", about, inputs, vec![logits], |x| {
            let network = self.learner.for_use_on(&x[0].device());
            let logits = network.pass(x[0].clone(), x.get(1).cloned());
            vec![logits.reshape([x[0].dims()[0], self.length * self.discrete.outputs()])]
        })]
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

impl Sample for Speaker {
    /// Sounds as long as those it was trained on, or of `request.length` samples. A conditional model without a class in the
    /// request draws one for each.
    fn sample(&self, request: &SampleRequest) -> Result<Samples> {
        let classes = self.classes;
        if classes == 0 {
            unconditional(request, "wavenet")?;
        }
        if let Some(l) = request.label.filter(|&l| l as usize >= classes) {
            return Err(Error::usage(
                format!("there is no class {l}"),
                format!("classes count from 0 to {}", classes.saturating_sub(1)),
            ));
        }
        if !(request.temperature.is_finite() && request.temperature > 0.0) {
            return Err(Error::usage(
                format!(
                    "samples cannot be drawn at a temperature of {}",
                    request.temperature
                ),
                "give more than 0; 1 is as trained",
            ));
        }
        let length = request.length.unwrap_or(self.length);
        let key = |i: usize| request.key.step(i as u64);
        let label = |i: usize| {
            request
                .label
                .unwrap_or_else(|| key(i).stream("class").rng().class(classes, &self.shares) as u32)
        };
        let values = self.draw(
            request.count,
            length,
            request.temperature,
            &key,
            &|_, _| None,
            &label,
        );
        Ok(Samples {
            kind: Kind::Audio,
            shape: vec![request.count, length, 1],
            values,
        })
    }
}

impl LogLikelihood for Speaker {
    /// ln p of the mu-law codes of each sound: a probability.
    fn log_likelihood(&self, batch: &Batch, _: Key) -> Result<Vec<f64>> {
        of_shape(batch, &[self.length, 1], "wavenet")?;
        let (labels, network) = (self.labels(batch)?, self.learner.for_use());
        let codes = self.codes(&batch.values);
        let (at_once, k) = ((POSITIONS / self.length).max(1), self.discrete.outputs());
        let mut out = Vec::with_capacity(batch.shape[0]);
        for (i, codes) in codes.chunks(at_once * self.length).enumerate() {
            let labels = labels.map(|l| &l[i * at_once..][..codes.len() / self.length]);
            let logits = menagerie_nn::numbers(network.forward(codes, self.length, labels));
            let each: Vec<f64> = logits
                .chunks_exact(k)
                .zip(codes)
                .map(|(l, &c)| self.discrete.log_probability(l, c))
                .collect();
            out.extend(
                each.chunks_exact(self.length)
                    .map(|item| item.iter().sum::<f64>()),
            );
        }
        Ok(out)
    }
    fn dimensions(&self) -> usize {
        self.length
    }
}

impl Complete for Speaker {
    /// Draws what is unknown, in time; what is known later does not reach back.
    fn complete(&self, batch: &Batch, known: &[bool], key: Key) -> Result<Samples> {
        of_shape(batch, &[self.length, 1], "wavenet")?;
        if known.len() != self.length {
            let problem = format!(
                "the mask has {} positions, the sounds {}",
                known.len(),
                self.length
            );
            return Err(Error::usage(problem, "give a mask of the sounds' length"));
        }
        let labels = self.labels(batch)?;
        let codes = self.codes(&batch.values);
        let at = |i: usize, t: usize| known[t].then(|| codes[i * self.length + t]);
        let label = |i: usize| labels.map_or(0, |l| l[i]);
        let values = self.draw(
            batch.shape[0],
            self.length,
            1.0,
            &|i| key.step(batch.indices[i] as u64),
            &at,
            &label,
        );
        Ok(Samples {
            kind: Kind::Audio,
            shape: batch.shape.clone(),
            values,
        })
    }
}

impl Registered for Config {
    type Config = Config;
    fn defaults() -> Config {
        Config::default()
    }
    fn check(config: &Config) -> Result<()> {
        config.model.check()
    }
    fn build(config: Config, info: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.build(info, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "wavenet",
    family: super::FAMILY,
    capabilities: &[
        Capability::Sample,
        Capability::LogLikelihood,
        Capability::Complete,
    ],
    paper: "van den Oord et al. 2016, WaveNet: A Generative Model for Raw Audio, arXiv:1609.03499",
    recipe: "wavenet",
    data: &["tones"],
    tiny: &[
        ("model.width", "8"),
        ("model.skip", "8"),
        ("model.cycles", "1"),
        ("model.layers", "5"),
        ("data.length", "60"),
        ("model.average", "0.9"),
    ],
    ..Entry::of::<Config>()
};

#[cfg(test)]
mod tests;
