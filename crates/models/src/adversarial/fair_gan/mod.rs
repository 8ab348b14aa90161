//! FairGAN: rows of a table from which nobody can tell who is of which group.
//!
//! Xu, Yuan, Zhang, Wu (2018), FairGAN: Fairness-aware Generative Adversarial Networks, arXiv:1805.11202.
//!
//! min_G max_{D1, D2}  V1 + lambda V2                                                                (equation 4)
//! V1 = E_data log D1(x, y, s) + E_G log(1 - D1(x, y, s)),  V2 = E_{G, s=1} log D2(x, y) + E_{G, s=0} log(1 - D2(x, y))
//!
//! s is the protected column, drawn by its shares in the data, y the outcome, x the rest. G's hidden numbers become (x, y) by the decoder
//! of an autoencoder that learns first; then G plays with D1 alone for a while, and last with both (algorithm 1). As usual G ascends the
//! logarithm of being taken for data rather than descend that of not; and, of D2, that of being taken for another group. Columns
//! may hold numbers; classes are drawn of the decoder's logits (the paper has yes and no alone).
use super::Optimizers;
use super::game::check_weights;
use super::rows::{Layers, Rows, needs_columns, needs_role};
use crate::{
    Capability, Entry, Function, Holds, Model, NetworkInfo, Part, Port, Purpose, Registered, Sample,
    SampleRequest, Samples, StepReport, of_shape, unconditional, untempered,
};
use burn::module::Module;
use burn::tensor::activation::{log_sigmoid, log_softmax, softmax};
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Role};
use menagerie_kernels::noise;
use menagerie_nn::{Init, Learner, OptimizerConfig, Tensors, number, numbers};
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`
    pub model: Sizes,
    /// `[fairness]`
    pub fairness: Fairness,
    /// `[optimizer]`
    pub optimizer: Optimizers,
}

/// `[model]`: the networks' sizes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// dimensions of a latent
    pub latent: usize,
    /// units of a hidden layer, of every network
    pub width: usize,
    /// numbers between the autoencoder's halves
    pub code: usize,
    /// decay of the generator's moving average; 0 for none
    pub average: f64,
}

/// `[fairness]`: what the second discriminator counts for, and when it enters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fairness {
    /// weight of the second discriminator (lambda; paper: 1); with 0 it learns and is not listened to
    pub weight: f64,
    /// steps in which the autoencoder alone learns
    pub autoencoder: u64,
    /// steps after these in which the generator plays with the first discriminator alone
    pub alone: u64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            latent: 32,
            width: 128,
            code: 32,
            average: 0.995,
        }
    }
}

impl Default for Fairness {
    fn default() -> Self {
        Fairness {
            weight: 1.0,
            autoencoder: 1000,
            alone: 2000,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            model: Sizes::default(),
            fairness: Fairness::default(),
            optimizer: Optimizers::both(OptimizerConfig::adam(5e-4).betas(0.5, 0.999)),
        }
    }
}

/// Rows to hidden numbers, and back.
#[derive(Module, Debug)]
pub struct Autoencoder {
    encoder: Layers,
    decoder: Layers,
}

/// The generator, its autoencoder and the two discriminators.
pub struct FairGan {
    settings: Fairness,
    latent: usize,
    /// (x, y)
    rows: Rows,
    columns: usize,
    protected: usize,
    /// of the groups
    shares: Vec<f64>,
    autoencoder: Learner<Autoencoder>,
    generator: Learner<Layers>,
    discriminator: Learner<Layers>,
    second: Learner<Layers>,
}

impl Config {
    /// Fresh networks for a table of that description.
    ///
    /// # Errors
    /// For what is no table of numbers and classes with an outcome and a protected column.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<FairGan> {
        needs_columns("fair_gan", info)?;
        needs_role("fair_gan", info, Role::Outcome)?;
        let protected = needs_role("fair_gan", info, Role::Protected)?;
        let shares = info.columns[protected].shares.clone();
        if shares.len() < 2 {
            let problem = format!("column `{}` has one class", info.columns[protected].name);
            return Err(Error::data(
                &info.source,
                problem,
                "protect a column of two classes or more",
            ));
        }
        let rows = Rows::new(&info.columns, Some(protected));
        let Sizes {
            latent,
            width,
            code,
            average,
        } = self.model;
        let init = |name: &str| Init::new(key.stream(name), device);
        let (wide, groups) = (rows.width(), shares.len());
        let autoencoder = Autoencoder {
            encoder: Layers::new(&[wide, width, code], &init("autoencoder").at("encoder")),
            decoder: Layers::new(&[code, width, wide], &init("autoencoder").at("decoder")),
        };
        let generator = Layers::new(&[latent + groups, width, width, code], &init("generator"));
        let first = Layers::new(&[wide + groups, 2 * width, width, 1], &init("discriminator"));
        let second = Layers::new(&[wide, 2 * width, width, groups], &init("second"));
        let o = self.optimizer;
        Ok(FairGan {
            settings: self.fairness,
            latent,
            rows,
            columns: info.columns.len(),
            protected,
            shares,
            autoencoder: Learner::new("autoencoder", autoencoder, o.generator, 0.0, device)?,
            generator: Learner::new("generator", generator, o.generator, average, device)?,
            discriminator: Learner::new("discriminator", first, o.discriminator, 0.0, device)?,
            second: Learner::new("second_discriminator", second, o.discriminator, 0.0, device)?,
        })
    }
}

/// Hidden numbers are within -1 and 1 on either way to them.
fn hidden(layers: &Layers, x: Tensor<2>) -> Tensor<2> {
    layers.forward(x).tanh()
}

/// The mean of -log(1 - p_s), p_s what is said of the group that it is, of logits `[rows, groups]`: least where every row is taken for
/// another group.
fn unlike(logits: Tensor<2>, group: &Tensor<2>) -> Tensor<1> {
    let p = (softmax(logits, 1) * group.clone()).sum_dim(1);
    let other = (p.neg() + 1.0).clamp_min(1e-6).log();
    -other.mean()
}

impl FairGan {
    /// A group of each key, by the shares of the data.
    fn groups(&self, keys: &[Key]) -> Vec<usize> {
        let one = |key: &Key| {
            let at = key.stream("group").rng().uniform() * self.shares.iter().sum::<f64>();
            let mut sum = 0.0;
            let found = self.shares.iter().position(|s| {
                sum += s;
                at < sum
            });
            found.unwrap_or(self.shares.len() - 1)
        };
        keys.iter().map(one).collect()
    }

    fn one_hot(&self, groups: &[usize], device: &Device) -> Tensor<2> {
        let k = self.shares.len();
        let mut rows = vec![0f32; groups.len() * k];
        groups.iter().enumerate().for_each(|(i, g)| rows[i * k + g] = 1.0);
        Tensor::from_data(TensorData::new(rows, [groups.len(), k]), device)
    }

    /// Latents, and the noise by which classes are drawn, a row a key.
    fn drawn(&self, keys: &[Key], device: &Device) -> [Tensor<2>; 2] {
        let z = |k: &Key| noise::normal(k.stream("latent").words(), [1, self.latent], device);
        let u = |k: &Key| noise::uniform(k.stream("classes").words(), [1, self.rows.width()], device);
        [
            Tensor::cat(keys.iter().map(z).collect(), 0),
            Tensor::cat(keys.iter().map(u).collect(), 0),
        ]
    }

    /// G_dec(z, s): (x, y) as networks see them.
    fn made(
        &self,
        generator: &Layers,
        decoder: &Layers,
        z: Tensor<2>,
        group: Tensor<2>,
        u: Tensor<2>,
    ) -> Tensor<2> {
        let code = hidden(generator, Tensor::cat(vec![z, group], 1));
        self.rows.drawn(decoder.forward(code), u)
    }

    fn learn_to_encode(&mut self, rows: Tensor<2>, watch: bool) -> Result<StepReport> {
        let network = self.autoencoder.network();
        let answer = network.decoder.forward(hidden(&network.encoder, rows.clone()));
        let loss = self.rows.distance(answer, &rows);
        let descent = self.autoencoder.descend(loss, watch)?;
        Ok(StepReport {
            scalars: vec![("loss/autoencoder", descent.loss)],
            ..StepReport::default()
        })
    }
}

impl Model for FairGan {
    fn networks(&self) -> Vec<NetworkInfo> {
        let zeros = |n: usize| Tensor::zeros([1, n], &self.generator.plain_device());
        let (wide, groups) = (self.rows.width(), self.shares.len());
        vec![
            self.autoencoder
                .info(|n| n.decoder.forward(n.encoder.forward(zeros(wide)))),
            self.generator.info(|n| n.forward(zeros(self.latent + groups))),
            self.discriminator.info(|n| n.forward(zeros(wide + groups))),
            self.second.info(|n| n.forward(zeros(wide))),
        ]
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        let batch = &batches[0];
        of_shape(batch, &[self.columns], "fair_gan")?;
        let device = self.generator.device().clone();
        let rows = self.rows.encoded(&batch.values, &device);
        if self.autoencoder.updates() < self.settings.autoencoder {
            return self.learn_to_encode(rows, watch);
        }
        let of_data: Vec<usize> = batch
            .values
            .iter()
            .skip(self.protected)
            .step_by(self.columns)
            .map(|v| *v as usize)
            .collect();
        let of_data = self.one_hot(&of_data, &device);
        let keys: Vec<Key> = (0..batch.shape[0] as u64).map(|i| key.step(i)).collect();
        let groups = self.groups(&keys);
        let group = self.one_hot(&groups, &device);
        let [z, u] = self.drawn(&keys, &device);
        let decoder = self.autoencoder.network().decoder.clone().no_grad();
        let made = self.made(self.generator.network(), &decoder, z, group.clone(), u);

        let joined = |x: Tensor<2>, s: &Tensor<2>| Tensor::cat(vec![x, s.clone()], 1);
        let d = self.discriminator.network();
        let (right, wrong) = (
            d.forward(joined(rows, &of_data)),
            d.forward(joined(made.clone().detach(), &group)),
        );
        // Logits: log D = log sigmoid(l), log(1 - D) = log sigmoid(-l).
        let loss = -(log_sigmoid(right).mean() + log_sigmoid(-wrong).mean());
        let mut scalars = vec![(
            "loss/discriminator",
            self.discriminator.descend(loss, false)?.loss,
        )];

        let persuaded = self
            .discriminator
            .network()
            .clone()
            .no_grad()
            .forward(joined(made.clone(), &group));
        let mut loss = -log_sigmoid(persuaded).mean();
        scalars.push(("loss/generator", number(loss.clone())));
        if self.generator.updates() >= self.settings.alone {
            // Of (x, y) alone: the second discriminator never sees the group.
            let said = self.second.network().forward(made.clone().detach());
            scalars.push(("protected/found", found(&said, &groups)));
            let of_second = -(log_softmax(said, 1) * group.clone()).sum_dim(1).mean();
            scalars.push((
                "loss/second-discriminator",
                self.second.descend(of_second, false)?.loss,
            ));
            let said = self.second.network().clone().no_grad().forward(made);
            let hides = unlike(said, &group);
            scalars.push(("loss/hides", number(hides.clone())));
            loss = loss + hides * self.settings.weight;
        }
        let descent = self.generator.descend(loss, watch)?;
        scalars.extend(descent.gradient.map(|g| ("gradient/generator", g)));
        Ok(StepReport {
            scalars,
            ..StepReport::default()
        })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.autoencoder.save();
        parts.extend(self.generator.save());
        parts.extend(self.discriminator.save());
        parts.extend(self.second.save());
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.autoencoder.load(read, purpose)?;
        self.generator.load(read, purpose)?;
        if purpose == Purpose::Train {
            self.discriminator.load(read, purpose)?;
            self.second.load(read, purpose)?;
        }
        Ok(())
    }

    fn functions(&self) -> Vec<Function<'_>> {
        let groups = self.shares.len();
        let inputs = vec![
            Port::of("latent", &[self.latent], Holds::Normal, "standard normal"),
            Port::of(
                "group",
                &[groups],
                Holds::OneHot,
                "the class of the protected column",
            ),
            Port::of(
                "classes",
                &[self.rows.width()],
                Holds::Unit,
                "by which classes are drawn",
            ),
        ];
        let meaning = "the other columns in order: a number less its mean, over its deviation; of classes the largest is meant";
        let outputs = vec![Port::of("row", &[self.rows.width()], Holds::Numbers, meaning)];
        vec![Function::new(
            "sample",
            "a row of the table",
            inputs,
            outputs,
            |x| {
                let device = x[0].device();
                let (generator, coder) = (
                    self.generator.for_use_on(&device),
                    self.autoencoder.for_use_on(&device),
                );
                let [z, group, u] = [0, 1, 2].map(|i| x[i].clone());
                vec![self.made(&generator, &coder.decoder, z, group, u)]
            },
        )]
    }

    fn as_sample(&self) -> Option<&dyn Sample> {
        Some(self)
    }
}

/// Share of rows whose group is found.
fn found(logits: &Tensor<2>, groups: &[usize]) -> f64 {
    let all = numbers(logits.clone().detach());
    let rows = all.chunks_exact(all.len() / groups.len().max(1)).zip(groups);
    let right = rows.filter(|(row, g)| row.iter().all(|v| *v <= row[**g]));
    right.count() as f64 / groups.len().max(1) as f64
}

impl Sample for FairGan {
    fn sample(&self, request: &SampleRequest) -> Result<Samples> {
        unconditional(request, "fair_gan")?;
        untempered(request, "fair_gan")?;
        let device = self.generator.plain_device();
        let keys: Vec<Key> = (0..request.count as u64).map(|i| request.key.step(i)).collect();
        let groups = self.groups(&keys);
        let mut values = vec![0f32; keys.len() * self.columns];
        if !keys.is_empty() {
            let [z, u] = self.drawn(&keys, &device);
            let (generator, coder) = (self.generator.for_use(), self.autoencoder.for_use());
            let group = self.one_hot(&groups, &device);
            let made = self.made(&generator, &coder.decoder, z * request.truncation, group, u);
            self.rows.decode(&numbers(made), &mut values);
        }
        for (row, group) in values.chunks_exact_mut(self.columns).zip(&groups) {
            row[self.protected] = *group as f32;
        }
        Ok(Samples {
            kind: menagerie_data::Kind::Points,
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
        check_weights([("fairness.weight", config.fairness.weight)])?;
        let m = config.model;
        let sizes = [
            ("model.latent", m.latent),
            ("model.width", m.width),
            ("model.code", m.code),
        ];
        match sizes.into_iter().find(|(_, n)| !(1..=65536).contains(n)) {
            None => Ok(()),
            Some((key, n)) => Err(Error::recipe(
                key,
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
    name: "fair_gan",
    family: super::FAMILY,
    capabilities: &[Capability::Sample],
    paper: "Xu et al. 2018, FairGAN: Fairness-aware Generative Adversarial Networks, arXiv:1805.11202",
    recipe: "fair_gan",
    data: &["hiring"],
    tiny: &[
        ("model.width", "8"),
        ("model.latent", "4"),
        ("model.code", "6"),
        ("model.average", "0.9"),
        ("fairness.autoencoder", "1"),
        ("fairness.alone", "1"),
        ("data.limit", "64"),
    ],
    ..Entry::of::<Config>()
};

#[cfg(test)]
mod tests;
