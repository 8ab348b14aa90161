//! DP-GAN: a generator that learns of no item more than a stated epsilon allows.
//!
//! Xie, Lin, Wang, Wang, Zhou (2018), Differentially Private Generative Adversarial Network, arXiv:1802.06739; gradients are cut and counted
//! as in Abadi, Chu, Goodfellow, McMahan, Mironov, Talwar, Zhang (2016), Deep Learning with Differential Privacy, arXiv:1607.00133.
//!
//! g_i = grad_w [f_w(x_i) - f_w(G(z_i))],  g = (sum_i g_i min(1, C / |g_i|) + N(0, (sigma C)^2 I)) / (q N)    (algorithm 1, line 7)
//!
//! Only the critic sees data; what the generator makes of it is free. A step takes every item with the probability q by itself (a
//! batch holds more than that: of so many items drawn without order the first are taken, whose number is drawn first), which is what
//! the accountant assumes. The paper bounds |g_i| by the bound of the weights, which are cut here as well; with `privacy.clip` as the bound,
//! noise need not grow with the network.
pub mod accountant;
mod critic;

pub use critic::Loss;

use super::Optimizers;
use super::game::penalty::Clip;
use super::game::stage::{Stage, needs_labels};
use super::rows::Layers;
use crate::{
    Capability, Entry, Function, Holds, Model, NetworkInfo, Part, Port, Privacy, Purpose, Registered, Sample,
    SampleRequest, Samples, StepReport, of_shape, untempered,
};
use accountant::Accountant;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_kernels::noise;
use menagerie_nn::{Init, Learner, OptimizerConfig, Tensors, collective, number, numbers};
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`
    pub model: Sizes,
    /// `[privacy]`
    pub privacy: Settings,
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

/// `[privacy]`: what an item may tell.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// the budget: training ends before epsilon would exceed it; 0 for none
    pub epsilon: f64,
    /// the probability with which epsilon may not hold; far below one over the items
    pub delta: f64,
    /// standard deviation of the noise, in bounds of a gradient (sigma)
    pub noise: f64,
    /// the bound of an item's gradient (C)
    pub clip: f64,
    /// `wasserstein`, the paper's, or `logistic`
    pub loss: Loss,
    /// weights of the critic are cut to this, either way; 0 for not at all
    pub weights: f64,
    /// updates of the critic for each of the generator; each costs privacy
    pub critic_steps: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            latent: 32,
            width: 256,
            average: 0.99,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            epsilon: 10.0,
            delta: 1e-5,
            noise: 1.0,
            clip: 1.0,
            loss: Loss::Wasserstein,
            weights: 0.05,
            critic_steps: 4,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            model: Sizes::default(),
            privacy: Settings::default(),
            optimizer: Optimizers::both(OptimizerConfig::adam(5e-4).betas(0.5, 0.9)),
        }
    }
}

/// A generator of items of a class, and a critic that is kept from learning too much.
pub struct DpGan {
    stage: Stage,
    settings: Settings,
    latent: usize,
    /// items of the data
    count: usize,
    generator: Learner<Layers>,
    critic: Learner<Layers>,
    /// noisy updates that the critic has had
    uses: u64,
    /// the probability with which an item is taken, and what a use costs, once the batch is known
    counted: Option<(f64, Accountant)>,
}

/// The number of items that a batch of `most` may be asked to hold in the mean, so that more than fit come once in 10^12 steps at most: of
/// Poisson's and Bernoulli's counts alike P(K > m) <= exp(-m ln(m / b) + m - b) (Chernoff).
fn expected(most: usize) -> f64 {
    let m = most as f64;
    let (mut low, mut high) = (0.0, m);
    for _ in 0..100 {
        let b = (low + high) / 2.0;
        match -m * (m / b).ln() + m - b < RARE.ln() {
            true => low = b,
            false => high = b,
        }
    }
    low
}

/// The probability that a step has to leave out items for which there is no room.
const RARE: f64 = 1e-12;

impl Config {
    /// Fresh networks for items with classes of that description.
    ///
    /// # Errors
    /// For items without classes.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<DpGan> {
        if !matches!(info.kind, Kind::Image | Kind::Points) {
            let problem = format!(
                "dp_gan makes images and points, and these are {}",
                info.kind.plural()
            );
            return Err(Error::data(
                &info.source,
                problem,
                "choose a source of images with classes",
            ));
        }
        needs_labels("dp_gan", info)?;
        info.every_label("dp_gan")?;
        let Sizes {
            latent,
            width,
            average,
        } = self.model;
        let (n, classes) = (info.numbers(), info.labels.len());
        let init = |name: &str| Init::new(key.stream(name), device);
        let generator = Layers::new(&[latent + classes, width, width, n], &init("generator"));
        let critic = Layers::new(&[n + classes, width, width, 1], &init("critic"));
        let o = self.optimizer;
        Ok(DpGan {
            stage: Stage::new("dp_gan", info, device),
            settings: self.privacy,
            latent,
            count: info.count,
            generator: Learner::new("generator", generator, o.generator, average, device)?,
            critic: Learner::new("discriminator", critic, o.discriminator, 0.0, device)?,
            uses: 0,
            counted: None,
        })
    }
}

impl DpGan {
    /// What a use costs of batches of so many.
    fn account(&mut self, most: usize) -> f64 {
        let q = (expected(most) / self.count.max(1) as f64).min(1.0);
        if self.counted.as_ref().is_none_or(|(known, _)| *known != q) {
            self.counted = Some((q, Accountant::new(q, self.settings.noise)));
        }
        q
    }

    /// Epsilon after so many uses; delta covers the steps in which not all items found room.
    fn epsilon(&self, uses: u64) -> f64 {
        let of = |(_, accountant): &(f64, Accountant)| accountant.epsilon(uses, self.settings.delta);
        self.counted.as_ref().map_or(0.0, of)
    }

    /// Which items of a batch of all leaves are taken: the first, as many as each item of the data being taken by itself would give.
    fn taken(&self, most: usize, q: f64, key: Key) -> Vec<f32> {
        let mut rng = collective::common_key(key.stream("taken")).rng();
        let count = (0..self.count).filter(|_| rng.uniform() < q).count();
        (0..most).map(|i| f32::from(u8::from(i < count))).collect()
    }

    /// Items of a generator, as rows of numbers.
    fn made(&self, generator: &Layers, z: Tensor<2>, classes: Tensor<2>) -> Tensor<2> {
        let x = generator.forward(Tensor::cat(vec![z, classes], 1));
        if self.stage.kind == Kind::Image {
            x.tanh()
        } else {
            x
        }
    }

    fn latents(&self, keys: impl Iterator<Item = Key>, device: &Device) -> Tensor<2> {
        let one = |key: Key| noise::normal::<2>(key.stream("latent").words(), [1, self.latent], device);
        Tensor::cat(keys.map(one).collect(), 0)
    }

    /// One noisy update; gives its loss and the share of gradients that were cut.
    fn learn(&mut self, batch: &Batch, key: Key) -> Result<(f64, f64)> {
        of_shape(batch, &self.stage.shape, "dp_gan")?;
        let (n, leaves) = (batch.shape[0], collective::leaves());
        let most = n * leaves;
        let q = self.account(most);
        let kept = collective::own_share(&self.taken(most, q, key));
        let device = self.critic.device().clone();
        let labels = self.stage.labels_of(batch)?;
        let classes = self.stage.one_hot(labels, &device);
        let z = self.latents((0..n as u64).map(|i| key.step(i)), &device);
        let samples = self
            .made(&self.generator.network().clone().no_grad(), z, classes.clone())
            .detach();
        let items = self
            .stage
            .items(batch)
            .flatten::<2>(1, 3)
            .reshape([n, self.stage.numbers()]);
        let told = |x: Tensor<2>| Tensor::cat(vec![x, classes.clone()], 1);
        let s = self.settings;
        let expected = q * self.count as f64;
        let (loss, cut) = critic::clipped(
            self.critic.network(),
            s.loss,
            (&told(items), &told(samples)),
            &kept,
            // The mean over leaves is the sum over all.
            (s.clip, expected / leaves as f64),
        );
        let value = number(loss.clone());
        let common = collective::common_key(key.stream("noise"));
        let noise = critic::noisy(self.critic.network(), s.noise * s.clip / expected, common);
        self.critic
            .descend(noise.map_or(loss.clone(), |noise| loss + noise), false)?;
        if s.weights > 0.0 {
            self.critic
                .change(|network| Clip { bound: s.weights }.apply(network));
        }
        self.uses += 1;
        Ok((value, cut))
    }
}

impl Model for DpGan {
    fn networks(&self) -> Vec<NetworkInfo> {
        let (n, classes) = (self.stage.numbers(), self.stage.labels.len());
        let zeros = |n: usize| Tensor::zeros([1, n], &self.generator.plain_device());
        vec![
            self.generator.info(|g| g.forward(zeros(self.latent + classes))),
            self.critic.info(|c| c.forward(zeros(n + classes))),
        ]
    }

    fn batches_per_step(&self) -> usize {
        self.settings.critic_steps
    }

    fn draws_independently(&self) -> bool {
        true
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        let (mut loss, mut cut) = (0.0, 0.0);
        for (i, batch) in batches.iter().enumerate() {
            (loss, cut) = self.learn(batch, key.step(i as u64).stream("critic"))?;
        }
        let n = batches[0].shape[0];
        let device = self.generator.device().clone();
        let labels: Vec<u32> = self.classes(n, key.stream("classes"));
        let classes = self.stage.one_hot(&labels, &device);
        let z = self.latents((0..n as u64).map(|i| key.step(i)), &device);
        let made = self.made(self.generator.network(), z, classes.clone());
        let judge = self.critic.network().clone().no_grad();
        let persuaded = self
            .settings
            .loss
            .of_generator(judge.forward(Tensor::cat(vec![made, classes], 1)));
        let descent = self.generator.descend(persuaded, watch)?;
        let mut scalars = vec![
            ("loss/discriminator", loss),
            ("loss/generator", descent.loss),
            ("privacy/epsilon", self.epsilon(self.uses)),
            ("privacy/delta", self.settings.delta + RARE * self.uses as f64),
            ("privacy/clipped", cut),
        ];
        scalars.extend(descent.gradient.map(|g| ("gradient/generator", g)));
        Ok(StepReport {
            scalars,
            ..StepReport::default()
        })
    }

    fn finished(&self) -> Option<String> {
        let budget = self.settings.epsilon;
        let (next, now) = (
            self.uses + self.settings.critic_steps as u64,
            self.epsilon(self.uses),
        );
        (budget > 0.0 && self.epsilon(next) > budget).then(|| {
            format!("the budget is used up: epsilon is {now:.3}, and another step would exceed privacy.epsilon = {budget}")
        })
    }

    fn privacy(&self) -> Option<Privacy> {
        Some(Privacy {
            epsilon: self.epsilon(self.uses),
            delta: self.settings.delta + RARE * self.uses as f64,
            uses: self.uses,
            noise: self.settings.noise,
            share: self.counted.as_ref().map_or(0.0, |(q, _)| *q),
        })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.generator.save();
        parts.extend(self.critic.save());
        let share = self.counted.as_ref().map_or(0.0, |(q, _)| *q);
        let note = format!("{} {share}", self.uses);
        parts.push(("privacy".into(), Box::new(move || Tensors::of_note("uses", note))));
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.generator.load(read, purpose)?;
        if purpose == Purpose::Train {
            self.critic.load(read, purpose)?;
        }
        let notes = read("privacy")?.notes;
        let known = notes.get("uses").and_then(|t| {
            let (uses, share) = t.split_once(' ')?;
            let share: f64 = share.parse().ok()?;
            (0.0..=1.0)
                .contains(&share)
                .then_some((uses.parse().ok()?, share))
        });
        let (uses, share) = known.ok_or_else(|| {
            let fix = "take an older checkpoint with --checkpoint";
            Error::data(
                "privacy.safetensors",
                "what was counted of its privacy is damaged",
                fix,
            )
        })?;
        self.uses = uses;
        self.counted = (share > 0.0).then(|| (share, Accountant::new(share, self.settings.noise)));
        Ok(())
    }

    fn functions(&self) -> Vec<Function<'_>> {
        let meaning = "standard normal";
        let inputs = vec![
            Port::of("latent", &[self.latent], Holds::Normal, meaning),
            self.stage.class_port(),
        ];
        vec![Function::new(
            "sample",
            "an item of a class",
            inputs,
            vec![self.stage.port()],
            |x| {
                let generator = self.generator.for_use_on(&x[0].device());
                vec![self.made(&generator, x[0].clone(), x[1].clone()) * self.stage.scale]
            },
        )]
    }

    fn as_sample(&self) -> Option<&dyn Sample> {
        Some(self)
    }
}

impl DpGan {
    /// Classes, all equally likely: their shares in the data are not asked.
    fn classes(&self, count: usize, key: Key) -> Vec<u32> {
        let one = |i: usize| key.step(i as u64).rng().below(self.stage.labels.len()) as u32;
        (0..count).map(one).collect()
    }
}

impl Sample for DpGan {
    fn sample(&self, request: &SampleRequest) -> Result<Samples> {
        untempered(request, "dp_gan")?;
        let classes = match request.label {
            None => self.classes(request.count, request.key.stream("classes")),
            Some(class) if (class as usize) < self.stage.labels.len() => vec![class; request.count],
            Some(class) => {
                let fix = format!("there are {} classes, counted from 0", self.stage.labels.len());
                return Err(Error::usage(format!("there is no class {class}"), fix));
            }
        };
        if classes.is_empty() {
            return Ok(self.stage.samples(0, vec![]));
        }
        let device = self.generator.plain_device();
        let z = self.latents((0..request.count as u64).map(|i| request.key.step(i)), &device);
        let told = self.stage.one_hot(&classes, &device);
        let made = self.made(&self.generator.for_use(), z * request.truncation, told) * self.stage.scale;
        Ok(self.stage.samples(request.count, numbers(made)))
    }
}

impl Registered for Config {
    type Config = Config;
    fn defaults() -> Config {
        Config::default()
    }
    fn check(config: &Config) -> Result<()> {
        let (m, p) = (config.model, config.privacy);
        for (key, n) in [
            ("model.latent", m.latent),
            ("model.width", m.width),
            ("privacy.critic_steps", p.critic_steps),
        ] {
            if !(1..=65536).contains(&n) {
                return Err(Error::recipe(
                    key,
                    format!("{n} is out of range"),
                    "give 1 to 65536",
                ));
            }
        }
        let rules = [
            (
                "privacy.epsilon",
                p.epsilon,
                p.epsilon >= 0.0,
                "give a budget such as 10, or 0 for none",
            ),
            (
                "privacy.delta",
                p.delta,
                p.delta > 0.0 && p.delta < 1.0,
                "give a number far below one over the items, such as 1e-5",
            ),
            (
                "privacy.noise",
                p.noise,
                (0.2..=1e3).contains(&p.noise),
                "give 0.2 or more; below there is no privacy to speak of",
            ),
            ("privacy.clip", p.clip, p.clip > 0.0, "give a bound such as 1"),
            (
                "privacy.weights",
                p.weights,
                p.weights >= 0.0,
                "give a bound such as 0.05, or 0 for none",
            ),
        ];
        match rules.into_iter().find(|(_, v, fits, _)| !fits || !v.is_finite()) {
            None => Ok(()),
            Some((key, v, _, fix)) => Err(Error::recipe(key, format!("{v} is out of range"), fix)),
        }
    }
    fn build(config: Config, info: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.build(info, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "dp_gan",
    family: super::FAMILY,
    capabilities: &[Capability::Sample],
    paper: "Xie et al. 2018, Differentially Private Generative Adversarial Network, arXiv:1802.06739",
    recipe: "dp_gan",
    data: &["digits"],
    tiny: &[
        ("model.width", "8"),
        ("model.latent", "4"),
        ("model.average", "0.9"),
        ("privacy.critic_steps", "2"),
        ("privacy.epsilon", "0"),
        ("data.size", "8"),
    ],
    ..Entry::of::<Config>()
};

#[cfg(test)]
mod tests {
    use super::*;

    /// More items than find room come less often than is said, of exact binomial tails.
    #[test]
    fn a_batch_has_room() {
        for (most, count) in [(64usize, 1437usize), (256, 6000), (512, 60_000)] {
            let q = expected(most) / count as f64;
            assert!(expected(most) > 0.2 * most as f64, "{most}: {}", expected(most));
            // ln P(K = k), added up from k = most + 1 on.
            let (mut ln, mut tail) = (count as f64 * (-q).ln_1p(), 0.0);
            for k in 1..=count.min(4 * most) {
                ln += ((count - k + 1) as f64 / k as f64).ln() + q.ln() - (-q).ln_1p();
                tail += if k > most { ln.exp() } else { 0.0 };
            }
            assert!(tail < RARE && tail > 1e-6 * RARE, "{most} of {count}: {tail}");
        }
    }

    fn digits(settings: Settings) -> (DpGan, Batch) {
        let set = menagerie_data::Source::parse("digits").open().unwrap().dataset;
        let config = Config {
            privacy: settings,
            ..Config::default()
        };
        let model = config
            .build(set.info(), &Device::flex().autodiff(), Key::new(1))
            .unwrap();
        (model, Batch::of(&*set, &(0..64).collect::<Vec<u32>>()).unwrap())
    }

    /// Training is over before the budget is exceeded, and what was counted is kept.
    #[test]
    fn a_budget_ends_the_training() {
        let settings = Settings {
            epsilon: 1.5,
            critic_steps: 1,
            ..Settings::default()
        };
        let (mut model, batch) = digits(settings);
        let mut steps = 0;
        while model.finished().is_none() {
            model
                .step(std::slice::from_ref(&batch), Key::new(2).step(steps), true)
                .unwrap();
            steps += 1;
            assert!(steps < 500, "it never ends");
        }
        let spent = model.privacy().unwrap();
        assert!(
            spent.epsilon <= 1.5 && spent.epsilon > 1.3 && steps > 5,
            "{spent:?} after {steps}"
        );
        assert!(model.finished().unwrap().contains("privacy.epsilon = 1.5"));
        let q = expected(64) / 1437.0;
        assert!((spent.epsilon - Accountant::new(q, 1.0).epsilon(steps, 1e-5)).abs() < 1e-12);
        let saved: Vec<(String, Tensors)> = model.save().into_iter().map(|(n, p)| (n, p())).collect();
        let read = |name: &str| Ok(saved.iter().find(|(n, _)| n == name).unwrap().1.clone());
        let (mut other, _) = digits(settings);
        other.load(&read, Purpose::Use).unwrap();
        assert_eq!(other.privacy(), model.privacy());
    }
}
