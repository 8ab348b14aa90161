//! GAIN: what is missing in a table, by a generator whose discriminator says of every value whether it was there.
//!
//! Yoon, Jordon, van der Schaar (2018), GAIN: Missing Data Imputation using Generative Adversarial Nets, arXiv:1806.02920.
//!
//! x_bar = G(m x + (1 - m) z, m),  x_hat = m x + (1 - m) x_bar,  h = b m + 0.5 (1 - b)               (equations 2, 3 and 18)
//! L_D = -sum_{j: b_j = 0} m_j log D_j(x_hat, h) + (1 - m_j) log(1 - D_j(x_hat, h))                  (equation 22)
//! L_G = -sum_{j: b_j = 0} (1 - m_j) log D_j(x_hat, h) + alpha sum_j m_j (x_j - x_bar_j)^2            (equations 23 and 24)
//!
//! m says what is there, b what of it D is told. The hint h tells D all but a tenth of m: without it many generators would do (theorem 1). Columns are
//! brought to a mean of 0 and a deviation of 1 by what is there in the first batches, in the place of the paper's range from 0 to 1.
use super::Optimizers;
use super::game::check_weights;
use crate::{
    Capability, Complete, Entry, Function, Holds, Model, NetworkInfo, Part, Port, Purpose, Registered,
    Samples, StepReport, of_shape,
};
use burn::module::Module;
use burn::tensor::activation::log_sigmoid;
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_kernels::noise;
use menagerie_nn::{
    Activation, Init, Learner, Linear, OptimizerConfig, Tensors, collective, number, numbers,
};
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`
    pub model: Sizes,
    /// `[imputation]`
    pub imputation: Imputation,
    /// `[optimizer]`
    pub optimizer: Optimizers,
}

/// `[model]`: the networks' sizes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// units of each of the two hidden layers of either network (paper: as many as columns)
    pub width: usize,
    /// decay of the generator's moving average; 0 for none
    pub average: f64,
}

/// `[imputation]`: how values are learned to be filled in.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Imputation {
    /// share of the values that are there which the model never sees, as if they were missing: always the same of an item
    pub hide: f64,
    /// share of what is missing that the discriminator is told
    pub hint: f64,
    /// weight of the error on what is there (alpha; paper: 10)
    pub alpha: f64,
    /// standard deviation of the noise in the place of what is missing
    pub noise: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            width: 64,
            average: 0.99,
        }
    }
}

impl Default for Imputation {
    fn default() -> Self {
        Imputation {
            hide: 0.2,
            hint: 0.9,
            alpha: 10.0,
            noise: 0.01,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            model: Sizes::default(),
            imputation: Imputation::default(),
            optimizer: Optimizers::both(OptimizerConfig::adam(1e-3)),
        }
    }
}

/// Three fully connected layers, from rows and masks to a number a column.
#[derive(Module, Debug)]
pub struct RowNetwork {
    layers: Vec<Linear>,
}

impl RowNetwork {
    fn new(columns: usize, width: usize, init: &Init) -> Self {
        let sizes = [2 * columns, width, width, columns];
        let layer = |i: usize| Linear::of([sizes[i], sizes[i + 1]]).init(&init.at("layer").nth(i));
        RowNetwork {
            layers: (0..3).map(layer).collect(),
        }
    }

    /// Rows and their masks or hints, `[batch, columns]` each -> `[batch, columns]`.
    fn forward(&self, x: Tensor<2>, told: Tensor<2>) -> Tensor<2> {
        let last = self.layers.len() - 1;
        let layers = self.layers.iter().enumerate();
        layers.fold(Tensor::cat(vec![x, told], 1), |x, (i, layer)| {
            layer.forward(
                x,
                if i < last {
                    Activation::Relu
                } else {
                    Activation::Identity
                },
            )
        })
    }
}

/// Batches by which columns are scaled.
const SCALED_BY: u64 = 50;

/// Means and deviations of columns, by what is there in the first batches.
#[derive(Clone, Debug, PartialEq)]
struct Scales {
    batches: u64,
    counts: Vec<f64>,
    sums: Vec<f64>,
    squares: Vec<f64>,
}

impl Scales {
    fn new(columns: usize) -> Scales {
        Scales {
            batches: 0,
            counts: vec![0.0; columns],
            sums: vec![0.0; columns],
            squares: vec![0.0; columns],
        }
    }

    /// Takes in the rows of a batch, of all leaves, what is missing being no number.
    fn take(&mut self, rows: &[f32]) {
        if self.batches >= SCALED_BY {
            return;
        }
        self.batches += 1;
        let columns = self.counts.len();
        for (i, v) in rows.iter().enumerate().filter(|(_, v)| v.is_finite()) {
            let (c, v) = (i % columns, *v as f64);
            self.counts[c] += 1.0;
            self.sums[c] += v;
            self.squares[c] += v * v;
        }
    }

    /// The mean and the deviation of each column; 0 and 1 of what was never there.
    fn of(&self) -> (Vec<f32>, Vec<f32>) {
        let of = |c: usize| {
            let n = self.counts[c].max(1.0);
            let mean = self.sums[c] / n;
            let deviation = (self.squares[c] / n - mean * mean).max(0.0).sqrt();
            (
                mean as f32,
                if deviation > 1e-9 * mean.abs().max(1e-30) {
                    deviation as f32
                } else {
                    1.0
                },
            )
        };
        (0..self.counts.len()).map(of).unzip()
    }

    fn written(&self) -> String {
        let all = [&self.counts, &self.sums, &self.squares]
            .map(|v| v.iter().map(f64::to_string).collect::<Vec<_>>().join(" "));
        format!("{};{}", self.batches, all.join(";"))
    }

    fn read(text: &str, columns: usize) -> Option<Scales> {
        let mut parts = text.split(';');
        let batches = parts.next()?.parse().ok()?;
        let mut numbers = || -> Option<Vec<f64>> {
            let all: Vec<f64> = parts
                .next()?
                .split(' ')
                .map(str::parse)
                .collect::<Result<_, _>>()
                .ok()?;
            (all.len() == columns).then_some(all)
        };
        Some(Scales {
            batches,
            counts: numbers()?,
            sums: numbers()?,
            squares: numbers()?,
        })
    }
}

/// A generator of values, and a discriminator of theirs.
pub struct Gain {
    settings: Imputation,
    columns: usize,
    generator: Learner<RowNetwork>,
    discriminator: Learner<RowNetwork>,
    scales: Scales,
}

impl Config {
    /// Fresh networks for a table of that description.
    ///
    /// # Errors
    /// For what is no table, or one of a single column.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<Gain> {
        const FIX: &str = "give a .csv of numbers, or `table`";
        if info.kind != Kind::Points {
            let problem = format!("gain learns from tables, and these are {}", info.kind.plural());
            return Err(Error::data(&info.source, problem, FIX));
        }
        let columns = info.numbers();
        if columns < 2 {
            let problem = "has one column, of which nothing else tells anything";
            return Err(Error::data(&info.source, problem, FIX));
        }
        let network =
            |name: &str| RowNetwork::new(columns, self.model.width, &Init::new(key.stream(name), device));
        let o = self.optimizer;
        let average = self.model.average;
        Ok(Gain {
            settings: self.imputation,
            columns,
            generator: Learner::new("generator", network("generator"), o.generator, average, device)?,
            discriminator: Learner::new(
                "discriminator",
                network("discriminator"),
                o.discriminator,
                0.0,
                device,
            )?,
            scales: Scales::new(columns),
        })
    }
}

/// What the generator is given: scaled rows with noise for what is missing; and what it gives, x_bar.
fn filled(network: &RowNetwork, x: &Tensor<2>, mask: &Tensor<2>, z: Tensor<2>) -> Tensor<2> {
    let gap = mask.clone().neg() + 1.0;
    network.forward(x.clone() * mask.clone() + z * gap, mask.clone())
}

/// x where it is there, `other` elsewhere.
fn joined(x: &Tensor<2>, mask: &Tensor<2>, other: Tensor<2>) -> Tensor<2> {
    x.clone() * mask.clone() + other * (mask.clone().neg() + 1.0)
}

impl Gain {
    fn rows(&self, values: Vec<f32>, device: &Device) -> Tensor<2> {
        let n = values.len() / self.columns;
        Tensor::from_data(TensorData::new(values, [n, self.columns]), device)
    }

    /// Scaled values with 0 for what is missing, and the mask of what is there, of which `known` says more.
    fn parted(&self, values: &[f32], known: impl Fn(usize) -> bool) -> (Vec<f32>, Vec<f32>) {
        let (means, deviations) = self.scales.of();
        let one = |(i, v): (usize, &f32)| match v.is_finite() && known(i) {
            true => ((v - means[i % self.columns]) / deviations[i % self.columns], 1.0),
            false => (0.0, 0.0),
        };
        values.iter().enumerate().map(one).unzip()
    }

    /// The values of a batch that the model may learn from: others become no numbers, the same of an item each time.
    fn seen(&self, batch: &Batch) -> Vec<f32> {
        let hide = self.settings.hide;
        let row = |(row, index): (&[f32], &u32)| {
            let mut rng = Key::new(0).stream("hidden values").step(*index as u64).rng();
            let kept = |v: &f32| if rng.uniform() < hide { f32::NAN } else { *v };
            row.iter().map(kept).collect::<Vec<f32>>()
        };
        let rows = batch.values.chunks_exact(self.columns).zip(&batch.indices);
        rows.flat_map(row).collect()
    }

    fn noise(&self, keys: impl Iterator<Item = Key>, device: &Device) -> Tensor<2> {
        let one = |key: Key| noise::normal::<2>(key.stream("gaps").words(), [1, self.columns], device);
        Tensor::cat(keys.map(one).collect(), 0) * self.settings.noise
    }
}

impl Model for Gain {
    fn networks(&self) -> Vec<NetworkInfo> {
        let x = Tensor::zeros([1, self.columns], &self.generator.plain_device());
        vec![
            self.generator.info(|n| n.forward(x.clone(), x.clone())),
            self.discriminator.info(|n| n.forward(x.clone(), x.clone())),
        ]
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        let (batch, s) = (&batches[0], self.settings);
        let values = self.seen(batch);
        self.scales.take(&collective::gather(values.clone()));
        let device = self.generator.device().clone();
        let (x, mask) = self.parted(&values, |_| true);
        let (x, mask) = (self.rows(x, &device), self.rows(mask, &device));
        let gap = mask.clone().neg() + 1.0;
        let z = self.noise((0..batch.shape[0] as u64).map(|i| key.step(i)), &device);
        let told = noise::uniform::<2>(key.stream("hint").words(), x.dims(), &device)
            .lower_elem(s.hint)
            .float();
        let hint = mask.clone() * told.clone() + (told.clone().neg() + 1.0) * 0.5;
        let bar = filled(self.generator.network(), &x, &mask, z);
        let hat = joined(&x, &mask, bar.clone());
        // Logits: log D = log sigmoid(l), log(1 - D) = log sigmoid(-l).
        let l = self
            .discriminator
            .network()
            .forward(hat.clone().detach(), hint.clone());
        // Of what it is told nothing is learned, neither by it nor from it.
        let asked = told.neg() + 1.0;
        let right = mask.clone() * log_sigmoid(l.clone()) + gap.clone() * log_sigmoid(-l);
        let of_discriminator = -(right * asked.clone()).sum() / (asked.clone().sum() + 1e-6);

        let mut scalars = vec![("loss/discriminator", number(of_discriminator.clone()))];
        self.discriminator.descend(of_discriminator, false)?;
        let judge = self.discriminator.network().clone().no_grad();
        let l = judge.forward(hat, hint);
        let asked = gap * asked;
        let (gaps, known) = (asked.clone().sum() + 1e-6, mask.clone().sum() + 1e-6);
        let persuaded = -(asked * log_sigmoid(l)).sum() / gaps;

        let off = (mask * (x - bar).powi_scalar(2)).sum() / known;
        scalars.push(("loss/generator", number(persuaded.clone())));
        scalars.push(("loss/known", number(off.clone())));
        let descent = self.generator.descend(persuaded + off * s.alpha, watch)?;
        scalars.extend(descent.gradient.map(|g| ("gradient/generator", g)));
        Ok(StepReport {
            scalars,
            ..StepReport::default()
        })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.generator.save();
        parts.extend(self.discriminator.save());
        let scales = self.scales.written();
        parts.push((
            "scales".into(),
            Box::new(move || Tensors::of_note("columns", scales)),
        ));
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.generator.load(read, purpose)?;
        if purpose == Purpose::Train {
            self.discriminator.load(read, purpose)?;
        }
        let notes = read("scales")?.notes;
        let scales = notes.get("columns").and_then(|t| Scales::read(t, self.columns));
        self.scales = scales.ok_or_else(|| {
            let problem = "the scales of its columns are damaged";
            Error::data(
                "scales.safetensors",
                problem,
                "take an older checkpoint with --checkpoint",
            )
        })?;
        Ok(())
    }

    fn functions(&self) -> Vec<Function<'_>> {
        let port = |name, holds, meaning: &str| Port::of(name, &[self.columns], holds, meaning);
        let inputs = vec![
            port(
                "row",
                Holds::Numbers,
                "a row in the data's own units, anything where a value is missing",
            ),
            port(
                "known",
                Holds::Unit,
                "1 where a value is there, 0 where it is missing",
            ),
            port("noise", Holds::Normal, "standard normal"),
        ];
        let outputs = vec![port("filled", Holds::Numbers, "the row with what was missing")];
        vec![Function::new(
            "complete",
            "a row without gaps",
            inputs,
            outputs,
            |x| {
                let device = x[0].device();
                let (means, deviations) = self.scales.of();
                let row =
                    |v: Vec<f32>| Tensor::<2>::from_data(TensorData::new(v, [1, self.columns]), &device);
                let (means, deviations) = (row(means), row(deviations));
                let network = self.generator.for_use_on(&device);
                let scaled = (x[0].clone() - means.clone()) / deviations.clone();
                let bar = filled(&network, &scaled, &x[1], x[2].clone() * self.settings.noise);
                vec![joined(&x[0], &x[1], bar * deviations + means)]
            },
        )]
    }

    fn as_complete(&self) -> Option<&dyn Complete> {
        Some(self)
    }
}

impl Complete for Gain {
    fn takes_missing(&self) -> bool {
        true
    }

    fn complete(&self, batch: &Batch, known: &[bool], key: Key) -> Result<Samples> {
        of_shape(batch, &[self.columns], "gain")?;
        if known.len() != self.columns {
            let problem = format!("a mask of {} columns is not one of {}", known.len(), self.columns);
            return Err(Error::usage(problem, "give an entry for each column"));
        }
        let device = self.generator.plain_device();
        let (x, mask) = self.parted(&batch.values, |i| known[i % self.columns]);
        let z = self.noise(batch.indices.iter().map(|i| key.step(*i as u64)), &device);
        let (rows, of_mask) = (self.rows(x, &device), self.rows(mask.clone(), &device));
        let bar = numbers(filled(&self.generator.for_use(), &rows, &of_mask, z));
        let (means, deviations) = self.scales.of();
        let value = |i: usize| match mask[i] == 1.0 {
            true => batch.values[i],
            false => bar[i] * deviations[i % self.columns] + means[i % self.columns],
        };
        Ok(Samples {
            kind: batch.kind,
            shape: batch.shape.clone(),
            values: (0..mask.len()).map(value).collect(),
        })
    }
}

impl Registered for Config {
    type Config = Config;
    fn defaults() -> Config {
        Config::default()
    }
    fn check(config: &Config) -> Result<()> {
        let i = config.imputation;
        check_weights([("imputation.alpha", i.alpha), ("imputation.noise", i.noise)])?;
        for (key, share) in [("imputation.hide", i.hide), ("imputation.hint", i.hint)] {
            if !(0.0..1.0).contains(&share) {
                let problem = format!("{share} is no share below 1");
                return Err(Error::recipe(key, problem, "give a number such as 0.2"));
            }
        }
        match config.model.width {
            1..=65536 => Ok(()),
            n => Err(Error::recipe(
                "model.width",
                format!("{n} units make no layer"),
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
    name: "gain",
    family: super::FAMILY,
    capabilities: &[Capability::Complete],
    paper: "Yoon et al. 2018, GAIN: Missing Data Imputation using Generative Adversarial Nets, arXiv:1806.02920",
    recipe: "gain",
    data: &["table"],
    tiny: &[
        ("model.width", "8"),
        ("model.average", "0.9"),
        ("data.limit", "64"),
    ],
    ..Entry::of::<Config>()
};

#[cfg(test)]
mod tests;
