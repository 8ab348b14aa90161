//! The critic: a discriminator with its objective, penalties, augmentation and optimizer. It does two things: it learns to tell
//! data from samples, and it persuades, by the loss by which whoever made the samples learns.
mod ahead;
mod config;
mod state;

pub use ahead::Before;
pub use config::{CriticConfig, Moment, Seen, Shown};

use super::super::networks::{CriticNetwork, Heads, Sizes, Verdict};
use super::augment::{AdaptiveState, Augment};
use super::codes::Codes;
use super::condition::Condition;
use super::objective::{Apart, Losses, Objective, Rule};
use super::penalty::{Consistency, HistoricalAverage, LeCamState, Penalties, gradient_penalty};
use super::semi_supervised::SemiSupervised;
use crate::NetworkInfo;
use burn::module::Module;
use burn::tensor::{Device, Gradients, Tensor};
use menagerie_data::DataInfo;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_nn::{Init, Learner, number, numbers};

/// See the module.
pub struct Critic {
    name: &'static str,
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
    /// share of samples among the data that it is shown
    pseudo: f64,
    historical: Option<HistoricalAverage<CriticNetwork>>,
}

/// The name of its network in checkpoints.
pub const DISCRIMINATOR: &str = "discriminator";

impl Critic {
    /// With fresh weights, for data of that description.
    ///
    /// # Errors
    /// Those of [`Learner::new`].
    pub fn new(
        c: CriticConfig,
        sizes: &Sizes,
        info: &DataInfo,
        heads: Heads,
        key: Key,
        device: &Device,
    ) -> Result<Self> {
        let heads = c
            .condition
            .map_or(heads, |condition| condition.heads(c.numbers, heads));
        let heads = match c.semi {
            // Where scores are classes, these are the ones that labels name.
            Some(_) if c.objective.outputs() == 1 => Heads {
                classes: info.labels.len(),
                score_of_classes: true,
                ..heads
            },
            _ => Heads {
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
        let decodes = c.penalties.reconstruction.is_some();
        let heads = if c.objective.wants_autoencoder() || decodes {
            Heads {
                autoencoder: sizes.latent(),
                decodes,
                ..heads
            }
        } else {
            heads
        };
        let network = CriticNetwork::new(sizes, info, heads, &Init::new(key, device));
        Critic::of(DISCRIMINATOR, c, network, device)
    }

    /// With a network of its own, by the name that it has in checkpoints.
    ///
    /// # Errors
    /// Those of [`Learner::new`].
    pub fn of(name: &'static str, c: CriticConfig, network: CriticNetwork, device: &Device) -> Result<Self> {
        if c.penalties.reconstruction.is_some() && !network.decodes() {
            let problem = "this discriminator gives no items back";
            return Err(Error::recipe("penalty.reconstruction", problem, "leave it out"));
        }
        Ok(Critic {
            name,
            historical: c
                .penalties
                .historical
                .map(|h| HistoricalAverage::new(&network, h)),
            learner: Learner::new(name, network, c.optimizer, c.average, device)?,
            objective: c.objective.objective(),
            penalties: c.penalties,
            augment: c.augment,
            condition: c.condition,
            codes: c.codes,
            semi: c.semi,
            smoothing: c.smoothing,
            lecam: LeCamState::default(),
            adaptive: AdaptiveState::default(),
            pseudo: 0.0,
        })
    }

    /// The same by another name.
    pub fn called(self, name: &'static str) -> Self {
        Critic {
            name,
            learner: self.learner.called(name),
            ..self
        }
    }

    /// The same with noise of its own, where its optimizer draws.
    pub fn salted(self, key: Key) -> Self {
        Critic {
            learner: self.learner.salted(key),
            ..self
        }
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

    /// The step size of its updates.
    pub fn learning_rate(&self) -> f64 {
        self.learner.learning_rate()
    }

    /// Goes on with another step size.
    pub fn set_learning_rate(&mut self, rate: f64) {
        self.learner.set_learning_rate(rate);
    }

    /// Items as it sees them.
    pub fn shown(&self, shown: Shown, updates: u64, key: Key) -> Shown {
        let seen = |x| self.augment.apply(x, updates, self.adaptive.probability, key);
        Shown {
            items: seen(shown.items),
            near: shown.near.map(seen),
            noise: Some(key.stream("inside")),
            ..shown
        }
    }

    fn judged(&self, network: &CriticNetwork, shown: &Shown) -> Verdict {
        let heard = self.condition.is_some_and(|c| c.is_heard());
        network.judge(
            shown.items.clone().into(),
            shown.classes.as_ref().filter(|_| heard),
            shown.noise,
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
        let mut data = data.detached();
        if let Some(p) = self.augment.pseudo {
            let key = now.key.stream("samples among data");
            data = p.mixed(data, samples.detached(), self.pseudo, key);
        }
        let data = self.shown(data, now.updates, now.key.stream("noise on data"));
        let samples = self.shown(
            samples.detached(),
            now.updates,
            now.key.stream("noise on samples"),
        );
        let network = self.learner.network().clone();
        let (mut gradients, mut seen) = self.objectives(&network, &data, &samples, now)?;
        self.gradient_penalties(&network, &data, &samples, now, &mut gradients, &mut seen)?;
        if let Some((g, value)) = self.penalties.orthogonal.and_then(|o| o.gradients(&network)) {
            finite("penalty.orthogonal", value, now)?;
            seen.scalars.push(("penalty/orthogonal", value));
            gradients.push(g);
        }
        if let Some(labelled) = labelled {
            self.supervised(&network, labelled, now, &mut gradients, &mut seen)?;
        }
        drop(network);
        seen.gradient = self.learner.update(&mut gradients, now.watch).unwrap_or(f64::NAN);
        seen.over_leaves();
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
        let drift = self.penalties.drift.filter(|_| is_data);
        let drift = drift.map(|p| p.loss(verdict.score.value.clone()));
        let codes = self.codes_loss(shown, verdict);
        let entropy = self.semi.filter(|_| is_data);
        let entropy = entropy.and_then(|s| s.entropy_loss(verdict.class_logits()));
        let given_back = self.penalties.reconstruction.filter(|_| is_data);
        let given_back = given_back.and_then(|p| p.loss(network, shown.items.clone(), verdict));
        let near = self.penalties.latent_consistency.zip(shown.near.clone());
        let near = near.map(|(p, items)| {
            let items = Shown {
                items,
                ..shown.clone()
            };
            let again = self.judged(network, &items).score.value;
            Consistency::loss(verdict.score.value.clone(), again) * p.discriminator
        });
        [
            classes,
            lecam,
            drift,
            consistency,
            codes,
            entropy,
            given_back,
            near,
        ]
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
        let logits = network
            .judge(shown.items.into(), None, shown.noise)
            .class_logits();
        let loss = semi.loss(logits, y.clone());
        let value = number(loss.clone());
        finite("the loss of labelled items", value, now)?;
        seen.scalars.push(("loss/labelled", value));
        gradients.push(loss.backward());
        Ok(())
    }

    /// Scores of items as it stands, in evaluation mode and without augmentation, for what is watched beside the training.
    pub fn scores(&self, shown: &Shown) -> Vec<f32> {
        numbers(self.judged(&self.learner.network().valid(), shown).score.value)
    }

    /// What it says of items, by the network to use.
    pub fn answer(&self, items: Tensor<4>) -> Verdict {
        self.learner
            .for_use_on(&items.device())
            .judge(items.into(), None, None)
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
            let result = gradient_penalty(network, shown.items.clone(), y, z.every as f64, |n| {
                z.of_norm(n, step)
            });
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
        if let Some(p) = self.augment.pseudo {
            self.pseudo = p.follow(self.pseudo, &seen.data);
        }
        self.objective.adapt(data, samples);
    }

    /// What it says of items, its weights held fixed: the loss by which their maker learns is made of it.
    pub fn opinion(&self, shown: &Shown) -> Verdict {
        self.judged(&self.learner.network().clone().no_grad(), shown)
    }

    /// What each of its layers sees of items, its weights held fixed.
    pub fn layers(&self, items: Tensor<4>) -> Vec<Tensor<4>> {
        self.learner.network().clone().no_grad().layers(items)
    }

    /// The objective's loss and scores of these data and samples, of which it learns nothing.
    ///
    /// # Errors
    /// [`Error::Training`] when the loss is not finite.
    pub fn look(&self, data: Shown, samples: Shown, now: Moment) -> Result<Seen> {
        let data = self.shown(data.detached(), now.updates, now.key.stream("noise on data"));
        let samples = self.shown(
            samples.detached(),
            now.updates,
            now.key.stream("noise on samples"),
        );
        let of = |shown| self.opinion(shown).score.value;
        let (of_data, of_samples) = (of(&data), of(&samples));
        let loss = match self.objective.losses() {
            Losses::Apart(l) => l.data(of_data.clone()) + l.samples(of_samples.clone()),
            Losses::Together(l) => l.discriminator(of_data.clone(), of_samples.clone()),
        };
        let mut seen = Seen {
            loss: number(loss),
            data: numbers(of_data),
            samples: numbers(of_samples),
            gradient: 0.0,
            ..Seen::default()
        };
        seen.over_leaves();

        finite("the discriminator's loss", seen.loss, now)?;
        Ok(seen)
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
        let score = kept(verdict.score.value.clone(), keep);
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
        let given_back = self.penalties.reconstruction.and_then(|p| {
            let network = self.learner.network().clone().no_grad();
            p.loss(&network, samples.items.clone(), &verdict)
        });
        [beside, self.codes_loss(samples, &verdict), given_back]
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
            classes: (classes > 0).then(|| Tensor::zeros([1, classes], device)),
            ..Shown::plain(Tensor::zeros([1, h, w, c], device))
        };
        self.learner.info(|network| self.judged(network, &shown))
    }
}

/// The scores that are picked, in that order; all without.
fn kept(score: Tensor<2>, keep: Option<&dyn Fn(&[f32]) -> Vec<usize>>) -> Tensor<2> {
    let Some(keep) = keep else { return score };
    let picked = keep(&numbers(score.clone())).into_iter();
    let rows: Vec<i32> = picked.map(|i| i as i32).collect();
    let rows = Tensor::<1, burn::tensor::Int>::from_ints(&rows[..], &score.device());
    score.select(0, rows)
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
