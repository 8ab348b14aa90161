//! The critic: a discriminator with its objective, penalties, augmentation and optimizer. It does two things: it learns to tell
//! data from samples, and it persuades, by the loss by which whoever made the samples learns.
use super::super::networks::{CriticNetwork, Heads, Sizes, Verdict};
use super::augment::{AdaptiveState, Augment};
use super::codes::Codes;
use super::condition::{Condition, cross_entropy};
use super::objective::{Apart, Losses, Objective, Rule};
use super::penalty::{Consistency, HistoricalAverage, LeCamState, Penalties, gradient_penalty};
use crate::{NetworkInfo, Part, Purpose};
use burn::module::Module;
use burn::tensor::{Device, Gradients, Tensor};
use menagerie_data::DataInfo;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_nn::{Init, Learner, OptimizerConfig, Tensors, number, numbers};
use serde::{Deserialize, Serialize};

/// Items that the critic is shown, and what they are said to be.
#[derive(Clone)]
pub struct Shown {
    /// `[batch, height, width, channel]`
    pub items: Tensor<4>,
    /// their classes, `[batch, classes]`
    pub classes: Option<Tensor<2>>,
    /// the latent codes they were made from, `[batch, numbers]`
    pub codes: Option<Tensor<2>>,
}

impl Shown {
    /// Items of which nothing is said.
    pub fn plain(items: Tensor<4>) -> Self {
        Shown {
            items,
            classes: None,
            codes: None,
        }
    }

    fn detached(&self) -> Shown {
        let plain = |t: &Option<Tensor<2>>| t.clone().map(Tensor::detach);
        Shown {
            items: self.items.clone().detach(),
            classes: plain(&self.classes),
            codes: plain(&self.codes),
        }
    }
}

/// Where a game stands: updates done, the key of this one, and whether it is watched.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// updates done before
    pub updates: u64,
    /// of what is random now
    pub key: Key,
    /// whether numbers and diagnoses are asked for
    pub watch: bool,
}

/// What a critic is made of, as a recipe has it.
#[derive(Clone)]
pub struct CriticConfig<'a> {
    /// `[model]`
    pub sizes: &'a Sizes,
    /// `[objective]`
    pub objective: Rule,
    /// `[penalty]`
    pub penalties: Penalties,
    /// `[augment]`
    pub augment: Augment,
    /// `[condition]`
    pub condition: Option<Condition>,
    /// numbers of a condition: the classes
    pub numbers: usize,
    /// `[codes]`
    pub codes: Option<Codes>,
    /// `[semi_supervised]`
    pub semi: Option<SemiSupervised>,
    /// `[optimizer.discriminator]`
    pub optimizer: OptimizerConfig,
    /// decay of the moving average of its weights, by which it answers; 0 for none
    pub average: f64,
    /// what data are said to be, in place of 1, where the score is a logit (one-sided label smoothing, Salimans et al. 2016,
    /// section 3.4)
    pub smoothing: f64,
}

/// `[semi_supervised]`: the discriminator tells K classes, and by their logits' log-sum-exp data from samples (Odena 2016,
/// arXiv:1606.01583; Salimans et al. 2016, section 5). Items with labels come beside the others (`train.labels`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SemiSupervised {
    /// weight of the labelled items' cross-entropy
    pub weight: f64,
    /// weight of the entropy of classes of items without labels (Dai et al. 2017, arXiv:1705.09783, equation 5)
    pub entropy: f64,
}

impl Default for SemiSupervised {
    fn default() -> Self {
        SemiSupervised {
            weight: 1.0,
            entropy: 0.0,
        }
    }
}

/// See the module.
pub struct Critic {
    learner: Learner<CriticNetwork>,
    objective: Box<dyn Objective>,
    penalties: Penalties,
    augment: Augment,
    condition: Option<Condition>,
    codes: Option<Codes>,
    semi: Option<SemiSupervised>,
    smoothing: f64,
    lecam: LeCamState,
    adaptive: AdaptiveState,
    historical: Option<HistoricalAverage<CriticNetwork>>,
}

/// What an update showed.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// the loss, penalties left out
    pub loss: f64,
    /// scores of the data
    pub data: Vec<f32>,
    /// scores of the samples
    pub samples: Vec<f32>,
    /// norm of the weights' gradient, where it was watched
    pub gradient: f64,
    /// what the objective and the penalties have to say
    pub scalars: Vec<(&'static str, f64)>,
}

/// The name of its network in checkpoints.
pub const DISCRIMINATOR: &str = "discriminator";

impl Critic {
    /// With fresh weights, for data of that description.
    ///
    /// # Errors
    /// Those of [`Learner::new`].
    pub fn new(c: CriticConfig, info: &DataInfo, heads: Heads, key: Key, device: &Device) -> Result<Self> {
        let heads = c
            .condition
            .map_or(heads, |condition| condition.heads(c.numbers, heads));
        let heads = match c.semi {
            Some(_) => Heads {
                classes: info.labels.len(),
                score_of_classes: true,
                ..heads
            },
            None => Heads {
                outputs: c.objective.outputs(),
                score_of_classes: c.objective == Rule::Classes,
                biased: c.objective.wants_bias(),
                ..heads
            },
        };
        let heads = Heads {
            codes: c.codes.as_ref().map_or(0, Codes::numbers),
            ..heads
        };
        let heads = if c.objective.wants_autoencoder() {
            Heads {
                autoencoder: c.sizes.latent(),
                ..heads
            }
        } else {
            heads
        };
        let network = CriticNetwork::new(c.sizes, info, heads, &Init::new(key, device));
        Ok(Critic {
            historical: c
                .penalties
                .historical
                .map(|h| HistoricalAverage::new(&network, h)),
            learner: Learner::new(DISCRIMINATOR, network, c.optimizer, c.average, device)?,
            objective: c.objective.objective(),
            penalties: c.penalties,
            augment: c.augment,
            condition: c.condition,
            codes: c.codes,
            semi: c.semi,
            smoothing: c.smoothing,
            lecam: LeCamState::default(),
            adaptive: AdaptiveState::default(),
        })
    }

    /// Another objective than the recipe's.
    pub fn set_objective(&mut self, objective: Box<dyn Objective>) {
        self.objective = objective;
    }

    /// Its objective.
    pub fn objective(&self) -> &dyn Objective {
        &*self.objective
    }

    /// Its network, as it is being trained.
    pub fn network(&self) -> &CriticNetwork {
        self.learner.network()
    }

    /// Items as it sees them.
    pub fn shown(&self, shown: Shown, updates: u64, key: Key) -> Shown {
        let items = self
            .augment
            .apply(shown.items, updates, self.adaptive.probability, key);
        Shown { items, ..shown }
    }

    fn judged(&self, network: &CriticNetwork, shown: &Shown) -> Verdict {
        let heard = self.condition.is_some_and(|c| c.is_heard());
        network.judge(
            shown.items.clone().into(),
            shown.classes.as_ref().filter(|_| heard),
        )
    }

    /// One update: it learns to tell these data from these samples.
    ///
    /// # Errors
    /// [`Error::Training`] when a loss or a penalty is no longer finite; the network is left as it was.
    pub fn learn(
        &mut self,
        data: Shown,
        samples: Shown,
        labelled: Option<&Shown>,
        now: Moment,
    ) -> Result<Seen> {
        let data = self.shown(data.detached(), now.updates, now.key.stream("noise on data"));
        let samples = self.shown(
            samples.detached(),
            now.updates,
            now.key.stream("noise on samples"),
        );
        let network = self.learner.network().clone();
        let (mut gradients, mut seen) = self.objectives(&network, &data, &samples, now)?;
        self.gradient_penalties(&network, &data, &samples, now, &mut gradients, &mut seen)?;
        if let Some(labelled) = labelled {
            self.supervised(&network, labelled, now, &mut gradients, &mut seen)?;
        }
        drop(network);
        seen.gradient = self.learner.update(&mut gradients, now.watch).unwrap_or(f64::NAN);
        self.after_update(&seen);
        if now.watch {
            seen.scalars
                .extend(self.objective.watch(&seen.data, &seen.samples));
        }
        Ok(seen)
    }

    /// The losses of the objective, with all that is a function of scores.
    fn objectives(
        &self,
        network: &CriticNetwork,
        data: &Shown,
        samples: &Shown,
        now: Moment,
    ) -> Result<(Vec<Gradients>, Seen)> {
        let mut seen = Seen::default();
        let gradients = match self.objective.losses() {
            // One pass after the other, so that the first one's activations are free before the second.
            Losses::Apart(losses) => {
                let (on_data, loss, scores) = self.pass(network, data, true, losses, now);
                (seen.loss, seen.data) = (loss, scores);
                let (on_samples, loss, scores) = self.pass(network, samples, false, losses, now);
                (seen.loss, seen.samples) = (seen.loss + loss, scores);
                vec![on_data, on_samples]
            }
            Losses::Together(losses) => {
                let (of_data, of_samples) = (self.judged(network, data), self.judged(network, samples));
                let (a, b) = (of_data.score.value.clone(), of_samples.score.value.clone());
                (seen.data, seen.samples) = (numbers(a.clone()), numbers(b.clone()));
                let mut loss = losses.discriminator(a, b);
                for (shown, verdict, is_data) in [(data, &of_data, true), (samples, &of_samples, false)] {
                    if let Some(more) = self.beside(network, shown, verdict, is_data, now) {
                        loss = loss + more;
                    }
                }
                seen.loss = number(loss.clone());
                vec![loss.backward()]
            }
        };
        finite("the discriminator's loss", seen.loss, now)?;
        Ok((gradients, seen))
    }

    /// A pass over data or samples alone: gradients, loss, scores.
    fn pass(
        &self,
        network: &CriticNetwork,
        shown: &Shown,
        is_data: bool,
        losses: &dyn Apart,
        now: Moment,
    ) -> (Gradients, f64, Vec<f32>) {
        let verdict = self.judged(network, shown);
        let score = verdict.score.value.clone();
        let scores = numbers(score.clone());
        let mut loss = match is_data {
            // Smoothing says of a share of the data that they are samples.
            true if self.smoothing > 0.0 => {
                losses.data(score.clone()) * (1.0 - self.smoothing) + losses.samples(score) * self.smoothing
            }
            true => losses.data(score),
            false => losses.samples(score),
        };
        if let Some(more) = self.beside(network, shown, &verdict, is_data, now) {
            loss = loss + more;
        }
        let value = number(loss.clone());
        (loss.backward(), value, scores)
    }

    /// What is added to the loss on data or samples: classifiers, LeCam, consistency.
    fn beside(
        &self,
        network: &CriticNetwork,
        shown: &Shown,
        verdict: &Verdict,
        is_data: bool,
        now: Moment,
    ) -> Option<Tensor<1>> {
        let classes = self
            .condition
            .zip(shown.classes.as_ref())
            .and_then(|(condition, y)| condition.discriminator_loss(verdict, y, is_data));
        let lecam = self.penalties.lecam.map(|p| {
            let other = if is_data {
                self.lecam.samples
            } else {
                self.lecam.data
            };
            p.loss(verdict.score.value.clone(), other)
        });
        let consistency = self.penalties.consistency.and_then(|p| {
            let (weight, name) = if is_data {
                (p.data, "consistency of data")
            } else {
                (p.samples, "consistency of samples")
            };
            (weight > 0.0).then(|| {
                let items = p.augmented(shown.items.clone(), now.key.stream(name));
                let again = self.judged(
                    network,
                    &Shown {
                        items,
                        ..shown.clone()
                    },
                );
                Consistency::loss(verdict.score.value.clone(), again.score.value) * weight
            })
        });
        let codes = self.codes_loss(shown, verdict);
        let entropy = self
            .semi
            .filter(|s| is_data && s.entropy > 0.0)
            .zip(verdict.classes.clone());
        let entropy = entropy.map(|(s, logits)| {
            let p = burn::tensor::activation::softmax(logits.clone(), 1);
            cross_entropy(logits, p) * s.entropy
        });
        [classes, lecam, consistency, codes, entropy]
            .into_iter()
            .flatten()
            .reduce(|a, b| a + b)
    }

    /// The cross-entropy of items that have labels.
    fn supervised(
        &self,
        network: &CriticNetwork,
        labelled: &Shown,
        now: Moment,
        gradients: &mut Vec<Gradients>,
        seen: &mut Seen,
    ) -> Result<()> {
        let Some((semi, y)) = self.semi.zip(labelled.classes.as_ref()) else {
            return Ok(());
        };
        let shown = self.shown(labelled.clone(), now.updates, now.key.stream("noise on labelled"));
        let Some(logits) = network.judge(shown.items.into(), None).classes else {
            return Ok(());
        };
        let loss = cross_entropy(logits, y.clone()) * semi.weight;
        let value = number(loss.clone());
        finite("the loss of labelled items", value, now)?;
        seen.scalars.push(("loss/labelled", value));
        gradients.push(loss.backward());
        Ok(())
    }

    /// Logits of classes of items, by the network to use.
    pub fn class_scores(&self, items: Tensor<4>) -> Option<Tensor<2>> {
        self.learner.for_use().judge(items.into(), None).classes
    }

    /// How badly the codes of samples are read off them.
    fn codes_loss(&self, shown: &Shown, verdict: &Verdict) -> Option<Tensor<1>> {
        let (codes, told) = self.codes.as_ref().zip(shown.codes.as_ref())?;
        Some(codes.loss(verdict.codes.clone()?, told))
    }

    fn gradient_penalties(
        &self,
        network: &CriticNetwork,
        data: &Shown,
        samples: &Shown,
        now: Moment,
        gradients: &mut Vec<Gradients>,
        seen: &mut Seen,
    ) -> Result<()> {
        let heard = self.condition.is_some_and(|c| c.is_heard());
        let step = self.learner.updates();
        let due = |every: u64| step.is_multiple_of(every);
        let p = &self.penalties;
        if let Some(g) = p.gradient.filter(|g| due(g.every)) {
            let x = g.points(
                data.items.clone(),
                samples.items.clone(),
                now.key.stream("between"),
            );
            let y = data.classes.as_ref().filter(|_| heard);
            let result = gradient_penalty(network, x, y, g.every as f64, |norm| g.of_norm(norm));
            finite("penalty.gradient", result.value, now)?;
            seen.scalars
                .extend([("penalty/gradient", result.value), ("gradient/item", result.norm)]);
            gradients.push(result.gradients);
        }
        for (key, at, name, norm, shown) in [
            ("penalty.r1", p.r1, "penalty/r1", "gradient/data", data),
            ("penalty.r2", p.r2, "penalty/r2", "gradient/samples", samples),
        ] {
            let Some(z) = at.filter(|z| due(z.every)) else {
                continue;
            };
            let y = shown.classes.as_ref().filter(|_| heard);
            let result = gradient_penalty(network, shown.items.clone(), y, z.every as f64, |n| z.of_norm(n));
            finite(key, result.value, now)?;
            seen.scalars.extend([(name, result.value), (norm, result.norm)]);
            gradients.push(result.gradients);
        }
        Ok(())
    }

    /// What follows an update: projections of the weights, and states that follow the scores.
    fn after_update(&mut self, seen: &Seen) {
        let mean = |v: &[f32]| v.iter().map(|&x| x as f64).sum::<f64>() / v.len().max(1) as f64;
        if let Some(clip) = self.penalties.clip {
            self.learner.change(|network| clip.apply(network));
        }
        if let Some(average) = &mut self.historical {
            self.learner.change(|network| average.pull(network));
        }
        let (data, samples) = (mean(&seen.data), mean(&seen.samples));
        if let Some(p) = self.penalties.lecam {
            self.lecam = p.follow(self.lecam, data, samples);
        }
        if let Some(a) = self.augment.adaptive {
            self.adaptive = a.follow(self.adaptive, &seen.data);
        }
        self.objective.adapt(data, samples);
    }

    /// What it says of items, its weights held fixed: the loss by which their maker learns is made of it.
    pub fn opinion(&self, shown: &Shown) -> Verdict {
        self.judged(&self.learner.network().clone().no_grad(), shown)
    }

    /// The loss by which the maker of these samples learns; `data` are looked at where the objective compares.
    ///
    /// `keep` picks, by scores, the samples that are learned from (top-k); all without.
    pub fn persuade(
        &self,
        samples: &Shown,
        data: Option<&Shown>,
        keep: Option<&dyn Fn(&[f32]) -> Vec<usize>>,
    ) -> Tensor<1> {
        let verdict = self.opinion(samples);
        let mut score = verdict.score.value.clone();
        if let Some(keep) = keep {
            let rows: Vec<i32> = keep(&numbers(score.clone()))
                .into_iter()
                .map(|i| i as i32)
                .collect();
            let rows = Tensor::<1, burn::tensor::Int>::from_ints(&rows[..], &score.device());
            score = score.select(0, rows);
        }
        let loss = match self.objective.losses() {
            Losses::Apart(losses) => losses.generator(score),
            Losses::Together(losses) => {
                let of_data = data.map(|d| self.opinion(&d.detached()).score.value.detach());
                losses.generator(of_data.unwrap_or_else(|| score.zeros_like()), score)
            }
        };
        let beside = self
            .condition
            .zip(samples.classes.as_ref())
            .and_then(|(condition, y)| condition.generator_loss(&verdict, y));
        [beside, self.codes_loss(samples, &verdict)]
            .into_iter()
            .flatten()
            .fold(loss, |loss, more| loss + more)
    }

    /// The loss by which the makers of pairs learn: who made the samples wants them taken for data, and who made the data's
    /// other half wants them taken for samples (Donahue et al. 2016, arXiv:1605.09782, section 3.4).
    pub fn persuade_both(&self, samples: &Shown, data: &Shown) -> Tensor<1> {
        let (of_samples, of_data) = (self.opinion(samples).score.value, self.opinion(data).score.value);
        match self.objective.losses() {
            Losses::Apart(losses) => losses.generator(of_samples) + losses.samples(of_data),
            Losses::Together(losses) => losses.generator(of_data, of_samples),
        }
    }

    /// Its line for `Model::networks`, with activations of one item of that shape.
    pub fn info(&self, shape: [usize; 3], classes: usize, device: &Device) -> NetworkInfo {
        let [h, w, c] = shape;
        let shown = Shown {
            items: Tensor::zeros([1, h, w, c], device),
            classes: (classes > 0).then(|| Tensor::zeros([1, classes], device)),
            codes: None,
        };
        self.learner.info(|network| self.judged(network, &shown))
    }

    /// Files of a checkpoint.
    pub fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.learner.save();
        if let Some(h) = &self.historical {
            parts.push(("discriminator_mean".into(), Box::new(|| h.save())));
        }
        let state = self.objective.state();
        let p = &self.penalties;
        if state.is_some() || p.lecam.is_some() || self.augment.adaptive.is_some() {
            let states = [
                self.lecam.data,
                self.lecam.samples,
                self.adaptive.probability,
                state.unwrap_or(0.0),
            ];
            let states = states.map(|v| format!("{v:?}")).join(" ");
            let part = move || {
                let mut t = Tensors::default();
                t.notes.insert("states".into(), states);
                t
            };
            parts.push(("critic".into(), Box::new(part)));
        }
        parts
    }

    /// Takes up what `save` gave.
    ///
    /// # Errors
    /// Those of reading, and arrays of another network.
    pub fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.learner.load(&|name| read(name).map(renamed), purpose)?;
        if purpose == Purpose::Use {
            return Ok(());
        }
        if let Some(h) = &mut self.historical {
            h.load(read("discriminator_mean")?)?;
        }
        let stateful = self.objective.state().is_some() || self.penalties.lecam.is_some();
        if stateful || self.augment.adaptive.is_some() {
            let t = read("critic")?;
            let states = t.notes.get("states").map(String::as_str).unwrap_or_default();
            let mut states = states.split(' ').map(|s| s.parse::<f64>().unwrap_or(0.0));
            let mut next = || states.next().unwrap_or(0.0);
            self.lecam = LeCamState {
                data: next(),
                samples: next(),
            };
            self.adaptive = AdaptiveState { probability: next() };
            self.objective.restore(next());
        }
        Ok(())
    }
}

/// Version 0.1 had no heads: a discriminator's layers stood at the top, its last one as `logit` or `out`.
fn renamed(t: Tensors) -> Tensors {
    let is_old = |name: &str| {
        !["trunk.", "score.", "first.trunk.", "first.score."]
            .iter()
            .any(|p| name.starts_with(p))
    };
    if !t.arrays.keys().any(|k| {
        ["hidden.", "downs.", "first.hidden.", "first.downs."]
            .iter()
            .any(|p| k.starts_with(p))
            && is_old(k)
    }) {
        return t;
    }
    t.renamed(|name| {
        let (moment, path) = match name.split_once('.') {
            Some((m @ ("first" | "second"), rest)) => (format!("{m}."), rest),
            _ => (String::new(), name),
        };
        match path.strip_prefix("logit.").or_else(|| path.strip_prefix("out.")) {
            Some(rest) => format!("{moment}score.{rest}"),
            None => format!("{moment}trunk.{path}"),
        }
    })
}

/// Refuses to go on with a number that is none.
pub fn finite(what: &str, value: f64, now: Moment) -> Result<()> {
    match value.is_finite() {
        true => Ok(()),
        false => Err(Error::Training {
            step: now.updates + 1,
            problem: format!("{what} is no longer finite ({value})"),
            fix: "lower the learning rates, or set clip_norm = 1, in the tables [optimizer...]".into(),
        }),
    }
}
