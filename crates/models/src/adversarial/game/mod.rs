//! What the models of the family share: the axes, the critic that composes them, and [`Game`], which makes a model of a play.
mod attack;
pub mod augment;
pub mod bits;
pub mod codes;
mod complete;
pub mod condition;
pub mod contrast;
pub mod critic;
pub mod density;
mod functions;
mod illustrate;
mod maximize;
mod mixtures;
pub mod monitor;
pub mod objective;
pub(crate) mod parts;
pub mod penalty;
pub mod play;
pub mod semi_supervised;
pub mod stage;
mod translate;
pub mod two_player;
pub mod unrolled;

pub use critic::{Critic, CriticConfig, Moment, Shown};
pub use play::{
    Attacks, Defends, Detects, Draws, Illustrates, Inverts, Play, Raises, Restores, Round, Sees, Sorts,
    Styled, Tells, Translates, Wanted, normal_by,
};
pub use stage::Stage;
pub use two_player::{Player, TwoPlayer};

use crate::{
    Anomaly, Attack, ClassMixtures, Classify, Cluster, Complete, Decoder, Defend, Encode, Features, Function,
    Illustrate, LatentSpace, Maximize, Model, NetworkInfo, Part, Purpose, ReadAttributes, Reconstruct,
    Reconstruction, Sample, SampleRequest, Samples, StepReport, Styles, Translate, of_shape, pooled,
    unconditional, untempered,
};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, interrupt};
use menagerie_nn::{Tensors, collective, numbers};
use monitor::Monitor;

/// What the monitor has seen, in checkpoints.
const MONITOR: &str = "monitor";

/// The only model of the family: it plays, saves, loads, reports and watches; what is played is the play's business.
pub struct Game<P: Play> {
    play: P,
    monitor: Monitor,
    held_out: Option<Batch>,
    /// whether the next step is watched in passing
    in_passing: bool,
}

impl<P: Play> Game<P> {
    /// A model of a play.
    pub fn new(play: P) -> Self {
        Game {
            play,
            monitor: Monitor::default(),
            held_out: None,
            in_passing: false,
        }
    }

    /// What is played.
    pub fn play(&self) -> &P {
        &self.play
    }

    /// The same with a play changed: another objective, or another one around it.
    pub fn map<Q: Play>(self, change: impl FnOnce(P) -> Q) -> Game<Q> {
        Game {
            play: change(self.play),
            monitor: self.monitor,
            held_out: self.held_out,
            in_passing: self.in_passing,
        }
    }

    fn items(&self, batch: &Batch) -> Result<Tensor<4>> {
        let stage = self.play.stage();
        of_shape(batch, &stage.shape, stage.model)?;
        let [h, w, c] = stage.image_shape();
        let x = Tensor::from_data(
            TensorData::new(batch.values.clone(), [batch.shape[0], h, w, c]),
            &stage.plain(),
        );
        Ok(x / stage.scale)
    }
}

/// Refuses weights of losses that are none, by their keys.
///
/// # Errors
/// [`Error::Recipe`] for the first that is negative or not finite.
pub(crate) fn check_weights(weights: impl IntoIterator<Item = (&'static str, f64)>) -> Result<()> {
    match weights.into_iter().find(|(_, w)| !(w.is_finite() && *w >= 0.0)) {
        Some((key, w)) => Err(Error::recipe(
            key,
            format!("{w} is not a weight"),
            "give a positive number",
        )),
        None => Ok(()),
    }
}

/// Items that pass through a network at a time: bounds memory whatever the number asked for.
const CHUNK: usize = 64;

impl<P: Play> Model for Game<P> {
    fn networks(&self) -> Vec<NetworkInfo> {
        self.play.networks()
    }

    fn batches_per_step(&self) -> usize {
        self.play.batches_per_step()
    }

    fn labelled_batches(&self) -> usize {
        self.play.labelled_batches()
    }

    fn watches_held_out(&self) -> bool {
        self.play.scores_items()
    }

    fn watch_held_out(&mut self, batch: &Batch) {
        self.held_out = Some(batch.clone());
    }

    fn watch_in_passing(&mut self) {
        self.in_passing = true;
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        let mut round = self.play.step(batches, key, watch)?;
        let losses = round.scalars.iter().filter(|(name, _)| name.starts_with("loss/"));
        if let Some((name, loss)) = losses.clone().find(|(_, v)| !v.is_finite()) {
            return Err(Error::Training {
                step: self.play.updates(),
                problem: format!("{name} is no longer finite ({loss})"),
                fix: "go on from the last checkpoint with lower learning rates".into(),
            });
        }
        if let (Some(o), Some(held_out)) = (&mut round.observation, self.held_out.take()) {
            o.overfitting = self.overfitting(&batches[0], &held_out, key.stream("overfitting"))?;
            round.scalars.extend(o.overfitting.map(|r| ("d/overfitting", r)));
        }
        let kept = std::mem::take(&mut self.in_passing).then(|| self.monitor.clone());
        let troubles = round
            .observation
            .map(|o| self.monitor.observe(o))
            .unwrap_or_default();
        if let Some(kept) = kept {
            self.monitor = kept;
        }

        Ok(StepReport {
            scalars: round.scalars,
            troubles,
        })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.play.save();
        parts.push((MONITOR.into(), Box::new(|| self.monitor.save())));
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.play.load(read, purpose)?;
        // Earlier checkpoints have none.
        if let (Purpose::Train, Ok(seen)) = (purpose, read(MONITOR)) {
            self.monitor.load(&seen);
        }
        Ok(())
    }

    fn take_target(&mut self, read: &dyn Fn(&str) -> Result<Tensors>) -> Result<()> {
        self.play.take_target(read)
    }

    fn functions(&self) -> Vec<Function<'_>> {
        functions::of(&self.play)
    }

    fn as_two_player(&mut self) -> Option<&mut dyn TwoPlayer> {
        self.play.two_player()
    }
    fn as_class_mixtures(&self) -> Option<&dyn ClassMixtures> {
        let by_class = self.play.draws().filter(|d| d.by_class());
        by_class.map(|_| self as &dyn ClassMixtures)
    }
    fn as_sample(&self) -> Option<&dyn Sample> {
        self.play.draws().map(|_| self as &dyn Sample)
    }
    fn as_latent_space(&self) -> Option<&dyn LatentSpace> {
        self.play
            .draws()
            .filter(|d| !d.by_class())
            .map(|_| self as &dyn LatentSpace)
    }
    fn as_encode(&self) -> Option<&dyn Encode> {
        self.play.inverts().map(|_| self as &dyn Encode)
    }
    fn as_reconstruct(&self) -> Option<&dyn Reconstruct> {
        let inverts = self.play.inverts().filter(|i| i.gives_back());
        let able = inverts.and(self.play.draws()).is_some() || self.play.restores().is_some();
        able.then_some(self as &dyn Reconstruct)
    }
    fn as_classify(&self) -> Option<&dyn Classify> {
        self.play.tells().map(|_| self as &dyn Classify)
    }
    fn as_cluster(&self) -> Option<&dyn Cluster> {
        self.play.sorts().map(|_| self as &dyn Cluster)
    }
    fn as_translate(&self) -> Option<&dyn Translate> {
        self.play.translates().map(|_| self as &dyn Translate)
    }
    fn as_complete(&self) -> Option<&dyn Complete> {
        self.play.completes().map(|_| self as &dyn Complete)
    }
    fn as_illustrate(&self) -> Option<&dyn Illustrate> {
        self.play.illustrates().map(|_| self as &dyn Illustrate)
    }
    fn as_attack(&self) -> Option<&dyn Attack> {
        self.play.attacks().map(|_| self as &dyn Attack)
    }
    fn as_defend(&self) -> Option<&dyn Defend> {
        self.play.defends().map(|_| self as &dyn Defend)
    }
    fn as_anomaly(&self) -> Option<&dyn Anomaly> {
        self.play.detects().map(|_| self as &dyn Anomaly)
    }
    fn as_maximize(&self) -> Option<&dyn Maximize> {
        self.play.raises().map(|_| self as &dyn Maximize)
    }
    fn as_read_attributes(&self) -> Option<&dyn ReadAttributes> {
        self.play.raises().map(|_| self as &dyn ReadAttributes)
    }
    fn as_features(&self) -> Option<&dyn Features> {
        self.play.sees().map(|_| self as &dyn Features)
    }
}

impl<P: Play> Game<P> {
    /// How far the discriminator takes held-out items for samples (Karras et al. 2020, arXiv:2006.06676, equation 1, r_v): 0
    /// where it scores them like the items it learned from, 1 where like samples. As it stands after the update, in
    /// evaluation mode, without augmentation.
    fn overfitting(&self, learned: &Batch, held_out: &Batch, key: Key) -> Result<Option<f64>> {
        let Some(draws) = self.play.draws() else {
            return Ok(None);
        };
        let count = held_out.shape[0];
        let classes = draws
            .by_class()
            .then(|| self.play.stage().draw_labels(count, key.stream("classes")));
        let told = classes
            .as_ref()
            .map(|c| self.play.stage().one_hot(c, &self.play.stage().plain()));
        let samples = draws.draw(draws.prior(count, key), told);
        let mean = |items, classes: Option<&[u32]>| {
            let scores = self.play.scores(items, classes)?;
            Some(scores.iter().map(|&s| s as f64).sum::<f64>() / scores.len().max(1) as f64)
        };
        let of = |b: &Batch| Ok::<_, Error>(mean(self.items(b)?, b.labels.as_deref()));
        let (learned, held_out) = (of(learned)?, of(held_out)?);
        let samples = mean(samples, classes.as_deref());
        Ok(learned.zip(held_out).zip(samples).and_then(|((a, b), s)| {
            let [a, b, s] = [a, b, s].map(collective::mean_of);

            // Where it does not tell data from samples there is nothing to overfit.
            (a > s).then(|| (a - b) / (a - s)).filter(|r| r.is_finite())
        }))
    }

    /// Items beside what is left of them, and what is made of that.
    fn restored(&self, restores: &dyn Restores, batch: &Batch, key: Key) -> Result<Reconstruction> {
        let (items, count) = (self.items(batch)?, batch.shape[0]);
        let keys: Vec<Key> = batch.indices.iter().map(|i| key.step(u64::from(*i))).collect();
        let (mut left, mut back) = (vec![], vec![]);
        for from in (0..count).step_by(CHUNK) {
            let some = CHUNK.min(count - from);
            let of = restores.left(items.clone().narrow(0, from, some), &keys[from..from + some]);
            left.extend(numbers(of.clone()));
            back.extend(numbers(restores.restored(of)));
        }
        let stage = self.play.stage();
        Ok(Reconstruction {
            shown: Some(stage.samples(count, left)),
            output: stage.samples(count, back),
        })
    }

    fn draws(&self) -> Result<&dyn Draws> {
        self.play.draws().ok_or_else(|| {
            Error::usage(
                format!("{} draws no samples", self.play.stage().model),
                "see `menagerie list --can sample`",
            )
        })
    }

    /// Items of latents, and of shares of classes where items are drawn by class.
    fn drawn(&self, latents: Tensor<2>, shares: Option<Tensor<2>>, psi: f64) -> Result<Samples> {
        let (stage, draws) = (self.play.stage(), self.draws()?);
        let [count, latent] = latents.dims();
        if latent != draws.latent() {
            return Err(Error::usage(
                format!(
                    "a latent of {} has {} numbers, not {latent}",
                    stage.model,
                    draws.latent()
                ),
                "check the file of latents",
            ));
        }
        let mut values = Vec::with_capacity(count * stage.numbers());
        for from in (0..count).step_by(CHUNK) {
            interrupt::check()?;
            let to = count.min(from + CHUNK);
            let z = latents.clone().slice([from..to, 0..latent]);
            let classes = shares.as_ref().map(|s| s.clone().narrow(0, from, to - from));
            let x = match psi == 1.0 {
                true => draws.draw(z, classes),
                false => draws.draw_truncated(z, classes, psi),
            };
            let x = x * stage.scale;

            values.extend(numbers(x));
        }
        Ok(stage.samples(count, values))
    }
}

impl<P: Play> Sample for Game<P> {
    fn sample(&self, request: &SampleRequest) -> Result<Samples> {
        let (stage, draws) = (self.play.stage(), self.draws()?);
        untempered(request, stage.model)?;
        let classes = match (draws.by_class(), request.label) {
            (false, _) => {
                unconditional(request, stage.model)?;
                None
            }
            (true, None) => Some(stage.draw_labels(request.count, request.key.stream("classes"))),
            (true, Some(class)) if (class as usize) < stage.labels.len() => Some(vec![class; request.count]),
            (true, Some(class)) => {
                let fix = format!("there are {} classes, counted from 0", stage.labels.len());
                return Err(Error::usage(format!("there is no class {class}"), fix));
            }
        };
        let z = draws.prior(request.count, request.key);
        let shares = classes.map(|c| stage.one_hot(&c, &z.device()));
        self.drawn(z, shares, request.truncation)
    }
}

impl<P: Play> LatentSpace for Game<P> {
    fn latent(&self) -> usize {
        self.play.draws().map_or(0, Draws::latent)
    }
    fn choices(&self) -> Vec<std::ops::Range<usize>> {
        self.play.draws().map_or(vec![], Draws::choices)
    }
    fn prior(&self, count: usize, key: Key) -> Tensor<2> {
        match self.play.draws() {
            Some(d) => d.prior(count, key),
            None => Tensor::zeros([count, 0], &self.play.stage().plain()),
        }
    }
    fn decode(&self, latents: Tensor<2>) -> Result<Samples> {
        self.drawn(latents, None, 1.0)
    }
    fn decode_truncated(&self, latents: Tensor<2>, psi: f64) -> Result<Samples> {
        self.drawn(latents, None, psi)
    }
    fn stages(&self, latents: Tensor<2>) -> Result<Vec<Samples>> {
        let (stage, draws) = (self.play.stage(), self.draws()?);
        let as_samples = |x: Tensor<4>| {
            let [count, h, w, c] = x.dims();
            Samples {
                shape: if stage.shape.len() == 1 {
                    vec![count, c]
                } else {
                    vec![count, h, w, c]
                },
                ..stage.samples(count, numbers(x * stage.scale))
            }
        };
        Ok(draws.stages(latents).into_iter().map(as_samples).collect())
    }
    fn first_weights(&self) -> Option<Tensor<2>> {
        self.play.draws()?.first_weights()
    }
    fn differentiable(&self) -> Option<Decoder<2>> {
        self.play.draws()?.differentiable()
    }
    fn as_styles(&self) -> Option<&dyn Styles> {
        self.play.draws()?.styles()
    }
}

impl<P: Play> Encode for Game<P> {
    fn encode(&self, batch: &Batch) -> Result<Tensor<2>> {
        let items = self.items(batch)?;
        match self.play.inverts() {
            Some(i) => Ok(i.invert(items)),
            None => Err(Error::usage(
                "this model has no encoder",
                "see `menagerie list --can encode`",
            )),
        }
    }
}

impl<P: Play> Reconstruct for Game<P> {
    fn reconstruct(&self, batch: &Batch, key: Key) -> Result<Reconstruction> {
        if let Some(restores) = self.play.restores() {
            return self.restored(restores, batch, key);
        }
        Ok(Reconstruction {
            shown: None,
            output: self.drawn(self.encode(batch)?, None, 1.0)?,
        })
    }
}

impl<P: Play> Classify for Game<P> {
    fn log_probabilities(&self, batch: &Batch) -> Result<Vec<f32>> {
        let items = self.items(batch)?;
        match self.play.tells() {
            Some(t) => Ok(numbers(log_softmax(t.class_scores(items), 1))),
            None => Err(Error::usage(
                "this model does not classify",
                "see `menagerie list --can classify`",
            )),
        }
    }
    fn classes(&self) -> &[String] {
        &self.play.stage().labels
    }
}

impl<P: Play> Anomaly for Game<P> {
    fn anomaly(&self, batch: &Batch, key: Key) -> Result<Vec<f64>> {
        let items = self.items(batch)?;
        let Some(detects) = self.play.detects() else {
            return Err(Error::usage(
                "this model does not say what is unusual",
                "see `menagerie list --can anomaly`",
            ));
        };
        let keys: Vec<Key> = batch.indices.iter().map(|i| key.step(*i as u64)).collect();
        let some = |from: usize| {
            let count = CHUNK.min(keys.len() - from);
            detects.unusual(items.clone().narrow(0, from, count), &keys[from..from + count])
        };
        Ok((0..keys.len()).step_by(CHUNK).flat_map(some).collect())
    }
}

impl<P: Play> Cluster for Game<P> {
    fn group_log_probabilities(&self, batch: &Batch) -> Result<Vec<f32>> {
        let items = self.items(batch)?;
        match self.play.sorts() {
            Some(s) => Ok(numbers(log_softmax(s.group_scores(items), 1))),
            None => Err(Error::usage(
                "this model knows no groups",
                "see `menagerie list --can cluster`",
            )),
        }
    }
    fn groups(&self) -> usize {
        self.play.sorts().map_or(0, Sorts::groups)
    }
}

impl<P: Play> Game<P> {
    fn pooled_layers(&self, items: Tensor<4>) -> Vec<Vec<f32>> {
        self.play
            .sees()
            .map(|s| s.layers(items))
            .unwrap_or_default()
            .into_iter()
            .map(pooled)
            .collect()
    }
}

/// Every layer of what the play sees by, pooled as Radford et al. 2016 (arXiv:1511.06434, section 5.1) have it.
impl<P: Play> Features for Game<P> {
    fn features(&self, batch: &Batch) -> Result<Vec<f32>> {
        let count = batch.shape[0];
        let layers = self.pooled_layers(self.items(batch)?);
        let of_item = |i: usize| {
            layers
                .iter()
                .flat_map(move |l| l[i * l.len() / count..(i + 1) * l.len() / count].iter().copied())
        };
        Ok((0..count).flat_map(of_item).collect())
    }

    fn width(&self) -> usize {
        let [h, w, c] = self.play.stage().image_shape();
        let nothing = Tensor::zeros([1, h, w, c], &self.play.stage().plain());
        self.pooled_layers(nothing).iter().map(Vec::len).sum()
    }

    fn layers(&self, batch: &Batch) -> Result<Vec<(String, Vec<f32>)>> {
        let layers = self.pooled_layers(self.items(batch)?);
        Ok(layers
            .into_iter()
            .enumerate()
            .map(|(i, l)| (format!("layer{}", i + 1), l))
            .collect())
    }
}
