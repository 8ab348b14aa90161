//! CTGAN: rows of tables whose numbers have several modes and whose classes are seldom.
//!
//! Xu, Skoularidou, Cuesta-Infante, Veeramachaneni (2019), Modeling Tabular Data using Conditional GAN, arXiv:1907.00503.
//!
//! c = mu_k + 4 phi_k alpha, k drawn by rho_k of the column's mixture              (section 4.2, mode-specific normalization)
//! D* of the columns of classes, p(k) ~ ln(1 + count_k), a row that shows k          (section 4.3, training by sampling)
//! L_C = E C(G(z, c)) - E C(r) + 10 E (|grad C| - 1)^2,   C of ten rows at once      (section 4.4; Lin et al. 2018, PacGAN)
//! L_G = -E C(G(z, c)) + H(c, G(z, c))                                              the class that is asked for has to be shown
//!
//! Both networks hear the class that is asked for. Modes are those of the first rows that are seen, and rows that show a class are taken
//! from the last ones, `[table] rows` of them, which the checkpoint holds.
mod coding;
pub mod mixture;
pub mod networks;

use super::Optimizers;
use super::game::penalty::{Gradient, Penalized, penalized};
use super::rows::needs_columns;
use crate::{
    Capability, Entry, Function, Holds, Model, NetworkInfo, Part, Port, Purpose, Registered, Sample,
    SampleRequest, Samples, StepReport, of_shape, unconditional, untempered,
};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use coding::{Asked, Coding};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_kernels::noise;
use menagerie_nn::{Init, Learner, OptimizerConfig, Tensors, collective, number, numbers};
use networks::{Critic, Generator};
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`
    pub model: Sizes,
    /// `[table]`
    pub table: Table,
    /// `[optimizer]`
    pub optimizer: Optimizers,
}

/// `[model]`: the networks' sizes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// dimensions of a latent
    pub latent: usize,
    /// units of each of the two hidden layers of either network
    pub width: usize,
    /// decay of the generator's moving average; 0 for none
    pub average: f64,
}

/// `[table]`: how rows are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Table {
    /// rows that are kept, of which modes are found and rows of a class are taken; learning begins once there are so many
    pub rows: usize,
    /// rows that the critic judges together (paper: 10)
    pub pac: usize,
    /// updates of the critic for each of the generator
    pub critic_steps: usize,
    /// share of the critic's hidden units that are silent at a time
    pub dropout: f64,
    /// weight of the gradient penalty
    pub penalty: f64,
    /// whether rows are asked to show a class, and drawn by it; without it every row is as likely as another
    pub asked: bool,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            latent: 128,
            width: 256,
            average: 0.99,
        }
    }
}

impl Default for Table {
    fn default() -> Self {
        Table {
            rows: 5000,
            pac: 10,
            critic_steps: 1,
            dropout: 0.5,
            penalty: 10.0,
            asked: true,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let adam = OptimizerConfig::adam(2e-4).betas(0.5, 0.9);
        Config {
            model: Sizes::default(),
            table: Table::default(),
            optimizer: Optimizers {
                generator: adam.weight_decay(1e-6),
                discriminator: adam,
            },
        }
    }
}

/// The last rows that were seen.
#[derive(Default)]
struct Kept {
    rows: Vec<f32>,
    /// the oldest of them, once there are as many as are kept
    oldest: usize,
}

impl Kept {
    fn take(&mut self, rows: &[f32], columns: usize, most: usize) {
        for row in rows.chunks_exact(columns) {
            if self.rows.len() < most * columns {
                self.rows.extend_from_slice(row);
            } else {
                self.rows[self.oldest * columns..][..columns].copy_from_slice(row);
                self.oldest = (self.oldest + 1) % most;
            }
        }
    }
}

/// A generator of rows and a critic of packs of them.
pub struct Ctgan {
    settings: Table,
    latent: usize,
    columns: usize,
    coding: Coding,
    kept: Kept,
    generator: Learner<Generator>,
    critic: Learner<Critic>,
}

impl Config {
    /// Fresh networks for a table of that description.
    ///
    /// # Errors
    /// For what is no table of numbers and classes.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<Ctgan> {
        needs_columns("ctgan", info)?;
        let coding = Coding::new(&info.columns);
        let Sizes {
            latent,
            width,
            average,
        } = self.model;
        let init = |name: &str| Init::new(key.stream(name), device);
        let (seen, told) = (coding.width(), self.table.told(&coding));
        let generator = Generator::new(latent + told, width, seen, &init("generator"));
        let pack = self.table.pac * (seen + told);
        let critic = Critic::new(pack, width, self.table.dropout, &init("critic"));
        let o = self.optimizer;
        Ok(Ctgan {
            settings: self.table,
            latent,
            columns: info.columns.len(),
            coding,
            kept: Kept::default(),
            generator: Learner::new("generator", generator, o.generator, average, device)?,
            critic: Learner::new("critic", critic, o.discriminator, 0.0, device)?,
        })
    }
}

impl Table {
    /// Numbers that networks are told of what is asked.
    fn told(&self, coding: &Coding) -> usize {
        if self.asked { coding.condition } else { 0 }
    }
}

/// Rows beside what they were asked for, where anything was.
fn beside(x: Tensor<2>, told: &Option<Tensor<2>>) -> Tensor<2> {
    match told {
        Some(told) => Tensor::cat(vec![x, told.clone()], 1),
        None => x,
    }
}

impl Ctgan {
    /// What networks are told of rows that are asked for.
    fn told(&self, asked: &[Option<Asked>], device: &Device) -> Option<Tensor<2>> {
        let asked: Vec<Asked> = asked.iter().copied().flatten().collect();
        (self.settings.asked && !asked.is_empty()).then(|| self.coding.told(&asked, device))
    }

    /// Latents, and the noise by which modes and classes are drawn, a row a key.
    fn noise(&self, keys: &[Key], device: &Device) -> [Tensor<2>; 2] {
        let z = |k: &Key| noise::normal(k.stream("latent").words(), [1, self.latent], device);
        let u = |k: &Key| noise::uniform(k.stream("classes").words(), [1, self.coding.width()], device);
        [
            Tensor::cat(keys.iter().map(z).collect(), 0),
            Tensor::cat(keys.iter().map(u).collect(), 0),
        ]
    }

    /// What the generator says, and the rows that are drawn of it.
    fn made(
        &self,
        generator: &Generator,
        [z, u]: [Tensor<2>; 2],
        told: &Option<Tensor<2>>,
    ) -> (Tensor<2>, Tensor<2>) {
        let open = self.coding.open(&z.device());
        let answer = generator.forward(beside(z, told)) + open;
        let rows = self.coding.drawn(&answer, &u);
        (answer, rows)
    }

    fn packed(&self, rows: Tensor<2>, told: &Option<Tensor<2>>) -> Tensor<2> {
        let x = beside(rows, told);
        let [n, width] = x.dims();
        x.reshape([n / self.settings.pac, self.settings.pac * width])
    }

    /// One update of the critic on packs of data and of samples; its loss, and the mean norm of the gradient.
    fn learn(&mut self, data: Tensor<2>, samples: Tensor<2>, key: Key) -> Result<[f64; 2]> {
        let network = self.critic.network();
        let judge =
            |x: &Tensor<2>, of: &str| network.judge(x.clone().into(), Some(key.stream(of))).value.mean();
        let loss = judge(&samples, "samples") - judge(&data, "data");
        let value = number(loss.clone());
        let penalty = Gradient {
            weight: self.settings.penalty,
            ..Gradient::default()
        };
        let [n, width] = data.dims();
        let as_items = |x: Tensor<2>| x.reshape([n, 1, 1, width]);
        let between = penalty.points(as_items(data), as_items(samples), key.stream("between"));
        let frozen = network.clone().no_grad();
        let silent = Some(key.stream("penalty"));
        let Penalized {
            gradients,
            value: penalized,
            norm,
        } = penalized(
            between.reshape([n, width]),
            |x| frozen.judge(x, silent),
            |x| network.judge(x, silent),
            false,
            1.0,
            |norm| penalty.of_norm(norm),
        );
        let all = value + penalized;
        if !all.is_finite() {
            return Err(Error::Training {
                step: self.critic.updates() + 1,
                problem: format!("the critic's loss is no longer finite ({all})"),
                fix: "lower optimizer.discriminator.learning_rate".into(),
            });
        }
        self.critic.update(&mut [loss.backward(), gradients], false);
        Ok([all, norm])
    }
}

impl Model for Ctgan {
    fn networks(&self) -> Vec<NetworkInfo> {
        let device = self.generator.plain_device();
        let (seen, told) = (self.coding.width(), self.settings.told(&self.coding));
        let zeros = |n: usize| Tensor::<2>::zeros([1, n], &device);
        let pack = self.settings.pac * (seen + told);
        vec![
            self.generator.info(|g| g.forward(zeros(self.latent + told))),
            self.critic.info(|c| c.judge(zeros(pack).into(), None).value),
        ]
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        let (batch, s) = (&batches[0], self.settings);
        of_shape(batch, &[self.columns], "ctgan")?;
        self.kept
            .take(&collective::gather(batch.values.clone()), self.columns, s.rows);
        let kept = self.kept.rows.len() / self.columns;
        let mut scalars = vec![("table/rows", kept as f64)];
        let report = |scalars| StepReport {
            scalars,
            ..StepReport::default()
        };
        if kept < s.rows {
            return Ok(report(scalars));
        }
        if self.critic.updates() == 0 {
            self.coding.fit(&self.kept.rows);
        }
        let device = self.generator.device().clone();
        let showing = self.coding.showing(&self.kept.rows);
        let count = batch.shape[0].div_ceil(s.pac) * s.pac;
        let (mut seen, mut last) = ([0.0; 2], None);
        for i in 0..s.critic_steps {
            let key = key.stream("critic").step(i as u64);
            let mut rng = key.stream("rows").rng();
            let draw = |_| match s.asked {
                true => self.coding.sampled(&showing, kept, &mut rng),
                false => (None, rng.below(kept)),
            };
            let (asked, rows): (Vec<_>, Vec<usize>) = (0..count).map(draw).unzip();
            let row = |r: &usize| self.kept.rows[r * self.columns..(r + 1) * self.columns].to_vec();
            let rows: Vec<f32> = rows.iter().flat_map(row).collect();
            let data = self.coding.coded(&rows, key.stream("modes"), &device);
            let told = self.told(&asked, &device);
            let keys: Vec<Key> = (0..count as u64).map(|r| key.step(r)).collect();
            let frozen = self.generator.network().clone().no_grad();
            let (_, made) = self.made(&frozen, self.noise(&keys, &device), &told);
            let (data, samples) = (self.packed(data, &told), self.packed(made.detach(), &told));
            seen = self.learn(data, samples, key)?;
            last = Some(told);
        }
        let told = last.flatten();
        let keys: Vec<Key> = (0..count as u64)
            .map(|r| key.stream("generator").step(r))
            .collect();
        let (answer, made) = self.made(self.generator.network(), self.noise(&keys, &device), &told);
        let critic = self.critic.network().clone().no_grad();
        let pack = self.packed(made, &told);
        let persuaded = critic.judge(pack.into(), Some(key.stream("silent")));
        let mut loss = -persuaded.value.mean();
        scalars.extend([("loss/discriminator", seen[0]), ("d/gradient", seen[1])]);
        scalars.push(("loss/generator", number(loss.clone())));
        if let Some(told) = &told {
            let unanswered = self.coding.unanswered(&answer, told);
            scalars.push(("loss/asked", number(unanswered.clone())));
            loss = loss + unanswered;
        }
        let descent = self.generator.descend(loss, watch)?;
        scalars.extend(descent.gradient.map(|g| ("gradient/generator", g)));
        Ok(report(scalars))
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.generator.save();
        parts.extend(self.critic.save());
        let table = || {
            // One note: of several, no order is kept in a file.
            let note = format!("{}\n{}", self.kept.oldest, self.coding.written());
            let mut t = Tensors::of_note("oldest and modes", note);
            let rows = self.kept.rows.len() / self.columns;
            t.arrays
                .insert("rows".into(), (vec![rows, self.columns], self.kept.rows.clone()));
            t
        };
        parts.push(("table".into(), Box::new(table)));
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.generator.load(read, purpose)?;
        let mut table = read("table")?;
        let note = table
            .notes
            .get("oldest and modes")
            .and_then(|t| t.split_once('\n'));
        let modes = note.is_some_and(|(_, modes)| self.coding.read(modes));
        let oldest = note.and_then(|(oldest, _)| oldest.parse().ok());
        let (rows, columns) = (table.arrays.remove("rows"), self.columns);
        let whole = rows
            .filter(|(shape, _)| shape.len() == 2 && shape[1] == columns && shape[0] <= self.settings.rows);
        match (modes, oldest, whole) {
            (true, Some(oldest), Some((_, rows))) if oldest < self.settings.rows => {
                self.kept = Kept { rows, oldest };
            }
            _ => {
                let problem = "the modes and rows of its columns are damaged";
                let fix = "take an older checkpoint with --checkpoint";
                return Err(Error::data("table.safetensors", problem, fix));
            }
        }
        match purpose {
            Purpose::Train => self.critic.load(read, purpose),
            _ => Ok(()),
        }
    }

    fn functions(&self) -> Vec<Function<'_>> {
        let told = self.settings.told(&self.coding);
        let mut inputs = vec![
            Port::of("latent", &[self.latent], Holds::Normal, "standard normal"),
            Port::of(
                "classes",
                &[self.coding.width()],
                Holds::Unit,
                "by which modes and classes are drawn",
            ),
        ];
        if told > 0 {
            let meaning = "a one for the class that is asked for, among those of all columns of classes";
            inputs.push(Port::of("asked", &[told], Holds::OneHot, meaning));
        }
        let meaning = "the columns in order: of a number its place in a mode and which mode it is; of classes the largest is meant";
        let outputs = vec![Port::of("row", &[self.coding.width()], Holds::Numbers, meaning)];
        vec![Function::new(
            "sample",
            "a row of the table",
            inputs,
            outputs,
            |x| {
                let generator = self.generator.for_use_on(&x[0].device());
                let told = x.get(2).cloned();
                vec![self.made(&generator, [x[0].clone(), x[1].clone()], &told).1]
            },
        )]
    }

    fn as_sample(&self) -> Option<&dyn Sample> {
        Some(self)
    }
}

impl Sample for Ctgan {
    fn sample(&self, request: &SampleRequest) -> Result<Samples> {
        unconditional(request, "ctgan")?;
        untempered(request, "ctgan")?;
        let device = self.generator.plain_device();
        let keys: Vec<Key> = (0..request.count as u64).map(|i| request.key.step(i)).collect();
        let mut values = vec![];
        if !keys.is_empty() {
            let asked: Vec<_> = keys
                .iter()
                .map(|k| self.coding.asked(&mut k.stream("asked").rng()))
                .collect();
            let told = self.told(&asked, &device);
            let [z, u] = self.noise(&keys, &device);
            let (_, rows) = self.made(&self.generator.for_use(), [z * request.truncation, u], &told);
            values = self.coding.decoded(&numbers(rows));
        }
        Ok(Samples {
            kind: Kind::Points,
            shape: vec![keys.len(), self.columns],
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
        let (m, t) = (config.model, config.table);
        super::game::check_weights([("table.penalty", t.penalty)])?;
        if !(0.0..1.0).contains(&t.dropout) {
            let problem = format!("{} is no share of the units", t.dropout);
            return Err(Error::recipe(
                "table.dropout",
                problem,
                "give 0 for none, or a share such as 0.5",
            ));
        }
        let sizes = [
            ("model.latent", m.latent, 65_536),
            ("model.width", m.width, 65_536),
            ("table.rows", t.rows, 1 << 20),
            ("table.pac", t.pac, 1000),
            ("table.critic_steps", t.critic_steps, 1000),
        ];
        match sizes.into_iter().find(|(_, n, most)| !(1..=*most).contains(n)) {
            None => Ok(()),
            Some((key, n, most)) => Err(Error::recipe(
                key,
                format!("{n} is out of range"),
                format!("give 1 to {most}"),
            )),
        }
    }
    fn build(config: Config, info: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.build(info, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "ctgan",
    family: super::FAMILY,
    capabilities: &[Capability::Sample],
    paper: "Xu et al. 2019, Modeling Tabular Data using Conditional GAN, arXiv:1907.00503",
    recipe: "ctgan",
    data: &["claims", "hiring"],
    tiny: &[
        ("model.width", "8"),
        ("model.latent", "4"),
        ("model.average", "0.9"),
        ("table.rows", "4"),
        ("table.pac", "2"),
        ("data.limit", "64"),
    ],
    ..Entry::of::<Config>()
};

#[cfg(test)]
mod tests;
