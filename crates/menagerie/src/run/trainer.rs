//! The loop: batches in, steps done, numbers, pictures and checkpoints out.
use super::begin::constant_column;
use super::feed::Feed;
use super::leaves::Leaves;

use super::history::{self, Best, Evaluated};
use super::judging::Judging;
use super::{
    Checkpoint, EventFile, Lock, MetricsLog, Run, State, draw_curves, draw_samples, prune, read_metrics,
    shapes_picture, steps, translated, write_index, write_sounds,
};
use crate::data::{Batch, DataInfo, Dataset, Kind, midi};
use crate::error::{Error, Result};
use crate::files;
use crate::metrics::points;
use crate::models::{Model, SampleRequest, Samples, StepReport, Trouble};
use crate::picture;
use crate::random::Key;
use crate::recipe::{Recipe, TrainConfig, Watch};
use serde_json::{Map, Value};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// What happens while training, for whoever shows it.
pub enum Event<'a> {
    /// a step is done
    Step {
        /// updates done
        step: u64,
        /// items a second, over all of this training so far
        images_per_second: f64,
        /// the step's own report
        report: &'a StepReport,
    },
    /// a line was added to metrics.jsonl
    Logged(&'a Map<String, Value>),
    /// a sample picture was written
    Sampled(&'a Path),
    /// a checkpoint was written
    Checkpointed(&'a Path),
    /// the model was judged
    Evaluated {
        /// the figures
        judged: &'a Evaluated,
        /// whether it is the best checkpoint so far
        best: bool,
    },
    /// training got into a known difficulty
    Trouble(&'a Trouble),
    /// anything else that may be wrong
    Warning(&'a str),
    /// what was asked for and is noted, such as a key that was changed
    Noted(&'a str),
}

/// How a training ended.
#[derive(Clone, Debug)]
pub struct Summary {
    /// updates done in all
    pub step: u64,
    /// items seen in all
    pub images: u64,
    /// seconds spent training in all
    pub seconds: f64,
    /// stopped before its last step
    pub interrupted: bool,
    /// why the model ended the training before its last step
    pub finished: Option<String>,
    /// the last line of metrics.jsonl
    pub last: Map<String, Value>,
    /// the best checkpoint, where the model was judged while training
    pub best: Option<Best>,
}

/// A training that can be begun, gone on with, and stopped after any step.
pub struct Trainer {
    pub(super) run: Run,
    pub(super) lock: Lock,
    pub(super) recipe: Recipe,
    pub(super) train: TrainConfig,
    pub(super) model: Box<dyn Model>,
    pub(super) dataset: Arc<dyn Dataset>,
    pub(super) leaves: Leaves,
    pub(super) feed: Feed,

    pub(super) key: Key,
    pub(super) state: State,
    pub(super) metrics: MetricsLog,
    pub(super) events: EventFile,
    pub(super) log: std::fs::File,
    pub(super) last: Map<String, Value>,
    pub(super) pending: Vec<String>,
    pub(super) notes: Vec<String>,
    pub(super) waited: f64,
    pub(super) judging: Option<Judging>,
    /// items of the test split, once they have been looked for
    pub(super) held_out: Option<Option<Batch>>,

    /// whether a program put a model of its own in the place of the recipe's
    pub(super) custom: bool,
}

/// The first items of the test split, where the source has one, as many as a batch has. What cannot be read there is no
/// matter for the training.
pub(super) fn held_out(recipe: &Recipe, batch: usize) -> Option<Batch> {
    let mut source = recipe.data().ok()?;
    if source.split != "train" {
        return None;
    }
    source.split = "test".into();
    let dataset = source.open().ok()?.dataset;
    let count = batch.min(dataset.info().count) as u32;
    Batch::of(&*dataset, &(0..count).collect::<Vec<_>>()).ok()
}

impl Trainer {
    /// The run's folder.
    pub fn path(&self) -> &Path {
        self.run.path()
    }
    /// The recipe in force.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }
    /// What it is trained on.
    pub fn data(&self) -> &DataInfo {
        self.dataset.info()
    }
    /// The model as it is now.
    pub fn model(&self) -> &dyn Model {
        &*self.model
    }
    /// Updates done.
    pub fn step(&self) -> u64 {
        self.state.step
    }
    /// What is to be said before it trains.
    pub fn warnings(&self) -> &[String] {
        &self.pending
    }
    /// Seconds that steps of this trainer waited for their batches.
    pub fn waited(&self) -> f64 {
        self.waited
    }

    /// Trains to the recipe's last step, or until `stop` is set; a checkpoint is written either way.
    ///
    /// # Errors
    /// When the data, the disk or the losses fail, or the folder is moved; the checkpoints written before are intact, and
    /// the error says how to go on where there is a way.
    pub fn train(&mut self, stop: &AtomicBool, show: &mut dyn FnMut(Event)) -> Result<Summary> {
        self.train_on(stop, show).map_err(|e| {
            let e = self.advised(e);
            // It may be the very log that cannot be written.
            self.say(&format!("stopped: {e}")).ok();
            e
        })
    }

    fn train_on(&mut self, stop: &AtomicBool, show: &mut dyn FnMut(Event)) -> Result<Summary> {
        self.knows_its_model()?;
        self.leaves.agree(&self.recipe, self.state.step)?;

        for n in std::mem::take(&mut self.notes) {
            self.say(&n)?;
            show(Event::Noted(&n));
        }
        for w in std::mem::take(&mut self.pending) {
            self.say(&format!("warning: {w}"))?;
            show(Event::Warning(&w));
        }
        self.say(&format!(
            "training {} from step {} to {}",
            self.recipe.model_name(),
            self.state.step,
            self.train.steps
        ))?;
        if self.state.step == 0 {
            self.picture(show)?;
        }
        let (begun, begun_at, waited) = (self.state.step, self.state.seconds, self.waited);
        let mut saved = begun;
        // A run that ended between a checkpoint and its evaluation, or that is to be judged only from now on.
        let step = saved;
        let due = self.judging.as_ref().is_some_and(|j| j.is_due(step, false)) && !self.is_judged()?;
        if self.leaves.any(due)? {
            self.evaluate(true, show)?;
        }
        while self.state.step < self.train.steps
            && self.model.finished().is_none()
            && !self.leaves.any(stop.load(Ordering::Relaxed))?
        {
            self.advance(show)?;
            let step = self.state.step;
            let last = step == self.train.steps || self.model.finished().is_some();
            if step.is_multiple_of(self.train.sample_every) || last {
                self.picture(show)?;
            }
            if self.train.checkpoints(step) {
                self.leaves.same(&*self.model)?;
                self.checkpoint(show)?;
                saved = step;
            }
            if self.judging.as_ref().is_some_and(|j| j.is_due(step, last))
                && self.evaluate(saved == step, show)?
            {
                saved = step;
            }
        }
        if saved != self.state.step {
            self.checkpoint(show)?;
        }
        if self.state.step == begun {
            // It may have been stopped while it wrote its last page.
            write_index(&self.run, &read_metrics(&self.run.file("metrics.jsonl"))?)?;
        }
        if let Some(said) = self.leaves.exchanged(self.state.step - begun) {
            self.say(&said)?;
            show(Event::Noted(&said));
        }
        let spent = self.state.seconds - begun_at;
        self.say(&format!(
            "{} steps in {spent:.1} s, of which {:.3} s waiting for data",
            self.state.step - begun,
            self.waited - waited
        ))?;
        let early = self.state.step < self.train.steps;
        let finished = self.model.finished().filter(|_| early);
        let interrupted = early && finished.is_none();
        match &finished {
            Some(why) => self.say(why)?,
            None if interrupted => self.say("stopped before the last step")?,
            None => self.say("done")?,
        }
        let State {
            step,
            images,
            seconds,
            ..
        } = self.state;
        let best = if self.judging.is_some() {
            history::best(&self.run)?
        } else {
            None
        };
        Ok(Summary {
            step,
            images,
            seconds,
            interrupted,
            finished,
            last: self.last.clone(),
            best,
        })
    }

    /// One step and what has to be told of it.
    fn advance(&mut self, show: &mut dyn FnMut(Event)) -> Result<()> {
        let next = self.state.step + 1;
        let watch = self.train.watches(next);

        if watch != Watch::No && self.model.watches_held_out() {
            let (recipe, batch) = (&self.recipe, self.train.batch);
            if let Some(items) = self.held_out.get_or_insert_with(|| held_out(recipe, batch)) {
                self.leaves.watch_held_out(&mut *self.model, items)?;
            }
        }

        let begun = Instant::now();
        let batches = self.feed.next()?;
        self.waited += begun.elapsed().as_secs_f64();
        let key = self.key.stream("train").step(next);
        let report = self.leaves.step(&mut *self.model, &batches, key, watch)?;

        self.state.seconds += begun.elapsed().as_secs_f64();
        self.state.step = next;
        self.state.images += (batches.len() * self.train.batch) as u64;

        self.state.cursor = self.feed.cursor();
        for w in self.feed.warnings() {
            self.say(&format!("warning: {w}"))?;
            show(Event::Warning(&w));
        }
        let images_per_second = self.state.images as f64 / self.state.seconds.max(1e-9);
        if watch != Watch::No {
            self.log_step(&report, show)?;
        }
        show(Event::Step {
            step: next,
            images_per_second,
            report: &report,
        });
        Ok(())
    }

    fn log_step(&mut self, report: &StepReport, show: &mut dyn FnMut(Event)) -> Result<()> {
        self.lock.check()?;
        let mut scalars = report.scalars.clone();
        if let Some(quality) = self.points_quality()? {
            scalars.extend([
                ("points/modes", quality.modes as f64),
                ("points/modes-any", quality.any as f64),
                ("points/mode-kl", quality.divergence),
                ("points/high-quality", quality.high_quality),
            ]);
        }
        let mut line = Map::new();
        line.insert("step".into(), self.state.step.into());
        line.insert("images".into(), self.state.images.into());
        line.insert(
            "seconds".into(),
            ((self.state.seconds * 1e3).round() / 1e3).into(),
        );
        line.extend(scalars.iter().map(|(n, v)| (n.to_string(), Value::from(*v))));
        if !report.troubles.is_empty() {
            line.insert(
                "troubles".into(),
                report.troubles.iter().map(|t| t.name).collect::<Vec<_>>().into(),
            );
        }
        self.metrics.append(line.clone())?;
        self.events
            .scalars(self.state.step, scalars.iter().map(|(n, v)| (*n, *v)))?;
        for t in &report.troubles {
            self.say(&format!("step {}: {}: {}", self.state.step, t.name, t.advice))?;
            show(Event::Trouble(t));
        }
        show(Event::Logged(&line));
        self.last = line;
        Ok(())
    }

    /// Modes found and share of good samples, where the data are points of a known density.
    fn points_quality(&self) -> Result<Option<points::Quality>> {
        let (Some(density), Some(sampler)) = (self.dataset.density(), self.model.as_sample()) else {
            return Ok(None);
        };
        if density.modes().is_none() {
            return Ok(None);
        }
        let samples = sampler.sample(&SampleRequest::new(2000, self.key.stream("points")))?;
        Ok(points::quality(&samples.values, density))
    }

    /// Samples from the same latents each time; of a model that has no prior to draw from, the first items beside what
    /// comes back of them.
    fn pictured(&self) -> Result<Option<Samples>> {
        let count = if self.state.data.kind == Kind::Points {
            2000
        } else {
            self.train.samples
        };
        if let Some(sampler) = self.model.as_sample() {
            return sampler
                .sample(&SampleRequest::new(count, self.key.stream("grid")))
                .map(Some);
        }
        if let Some(model) = self.model.as_illustrate() {
            // The descriptions of the first items.
            let items = count.min(self.dataset.info().count) as u32;
            let batch = Batch::of(&*self.dataset, &(0..items).collect::<Vec<_>>())?;
            let texts = batch.captions.unwrap_or_default();
            return model.illustrate(&texts, self.key.stream("grid")).map(Some);
        }
        let Some(model) = self.model.as_reconstruct() else {
            return Ok(None);
        };
        let items = (count / 2).clamp(1, self.dataset.info().count) as u32;
        let batch = Batch::of(&*self.dataset, &(0..items).collect::<Vec<_>>())?;
        let back = model.reconstruct(&batch, self.key.stream("grid"))?;
        let shown = back.shown.map_or(batch.values, |s| s.values);
        if self.state.data.kind == Kind::Points {
            return Ok(Some(back.output));
        }
        let n = self.dataset.info().numbers();
        let mut both = back.output.clone();
        both.shape[0] *= 2;
        both.values = shown
            .chunks(n)
            .zip(back.output.values.chunks(n))
            .flat_map(|(a, b)| a.iter().chain(b).copied())
            .collect();
        Ok(Some(both))
    }

    /// The curves and the page, and a picture of what the model makes now.
    fn picture(&mut self, show: &mut dyn FnMut(Event)) -> Result<()> {
        self.lock.check()?;
        let lines = read_metrics(&self.run.file("metrics.jsonl"))?;
        draw_curves(&lines, &self.run.file("curves.png"))?;
        let (set, count, key) = (&*self.dataset, self.train.samples, self.key.stream("grid"));
        let rows = match (
            self.model.as_sample(),
            self.model.as_translate(),
            self.model.as_complete(),
        ) {
            (None, Some(model), _) => Some(translated::rows(model, set, count, key)?),
            (None, None, Some(model)) if matches!(set.info().kind, Kind::Image | Kind::Voxels) => {
                Some(translated::filled(model, set, count, key)?)
            }
            _ => None,
        };

        let (samples, columns) = match rows {
            Some((samples, columns)) => (samples, Some(columns)),
            None => match self.pictured()? {
                Some(samples) => (samples, None),
                None => return write_index(&self.run, &lines),
            },
        };
        let folder = self.run.file("samples");
        match std::fs::create_dir(&folder) {
            Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(Error::io("create", &folder)(e)),
            _ => {}
        }
        let path = folder.join(format!("{:06}.png", self.state.step));
        match (columns, &samples.shape[..]) {
            (Some(columns), &[n, h, w, c]) => {
                picture::grid(&samples.values, [n, h, w, c], columns).save(&path)?
            }
            (Some(columns), &[n, d, h, w, c]) => {
                shapes_picture(&samples.values, [n, d, h, w, c], Some(columns)).save(&path)?
            }

            _ => drop(draw_samples(&samples, self.dataset.density(), &path)?),
        }
        if samples.kind == Kind::Audio {
            write_sounds(&samples, self.state.data.rate, &path.with_extension("wav"))?;
        }
        if samples.kind == Kind::Notes {
            let first = &samples.values[..self.state.data.numbers()];
            files::write_atomically(&path.with_extension("mid"), &midi(first)?)?;
        }
        if samples.kind == Kind::Sequence {
            let letters = self.state.data.letters(&samples.values).join("\n") + "\n";
            files::write_atomically(&path.with_extension("txt"), letters.as_bytes())?;
        }
        write_index(&self.run, &lines)?;
        show(Event::Sampled(&path));
        Ok(())
    }

    fn checkpoint(&mut self, show: &mut dyn FnMut(Event)) -> Result<()> {
        let folder = self.run.file("checkpoints");
        self.lock.check()?;
        // Parts are copied on their way to the disk.
        menagerie_kernels::memory::release();
        let path = Checkpoint::write(&folder, self.state.clone(), self.model.save())?;
        prune(
            &folder,
            self.train.keep,
            history::best(&self.run)?.map(|b| b.step),
            self.state.step,
        )?;
        show(Event::Checkpointed(&path));
        Ok(())
    }

    fn is_judged(&self) -> Result<bool> {
        let all = history::read(&self.run)?;
        Ok(self
            .judging
            .as_ref()
            .is_none_or(|j| j.is_done(self.state.step, &all)))
    }

    /// Judges the model as it is now, of which a checkpoint is written if it is the best so far; gives whether there is
    /// one. The line is written after the checkpoint, and the older best goes last: at any moment the best is whole.
    fn evaluate(&mut self, saved: bool, show: &mut dyn FnMut(Event)) -> Result<bool> {
        let Some(judging) = &self.judging else {
            return Ok(saved);
        };
        let (judged, verdicts) = match judging.judge(&*self.model, self.recipe.model_name(), &self.state) {
            Ok(found) => found,
            Err(e) => {
                // A model that cannot be judged yet may still learn.
                let text = format!("step {}: not judged: {e}", self.state.step);
                self.say(&text)?;
                show(Event::Warning(&text));
                return Ok(saved);
            }
        };
        let best = history::best_with(&self.run, &judged)?.map(|b| b.step);
        let is_best = best == Some(judged.step);
        if is_best && !saved {
            self.checkpoint(show)?;
        }
        self.lock.check()?;
        history::append(&self.run, &judged, &verdicts)?;
        prune(
            &self.run.file("checkpoints"),
            self.train.keep,
            best,
            self.state.step,
        )?;
        let values: Vec<(String, f64)> = verdicts
            .iter()
            .map(|v| (format!("evaluate/{}", v.metric), v.value))
            .collect();
        self.events
            .scalars(judged.step, values.iter().map(|(n, v)| (n.as_str(), *v)))?;
        for v in &verdicts {
            if let Some(w) = &v.warning {
                self.say(&format!("step {}: {}: {w}", judged.step, v.metric))?;
            }
        }
        // The page was written with the picture of this step, before it was judged.
        write_index(&self.run, &read_metrics(&self.run.file("metrics.jsonl"))?)?;
        show(Event::Evaluated {
            judged: &judged,
            best: is_best,
        });
        Ok(saved || is_best)
    }

    /// An error with the way to go on from it, of which nothing is said that is not there.
    fn advised(&self, e: Error) -> Error {
        if let Err(moved) = self.lock.check() {
            return moved;
        }
        let run = self.run.path().display();
        match e {
            Error::Training { problem, fix, .. } if problem.contains("no longer finite") => {
                let cause = constant_column(&*self.dataset).ok().flatten();
                let slower: Vec<String> = self
                    .recipe
                    .learning_rates()
                    .iter()
                    .map(|(key, rate)| format!("--set {key}={:.1e}", (rate / 10.0).min(1e-3)))
                    .collect();
                let slower = slower.join(" ");
                let saved = steps(&self.run.file("checkpoints")).unwrap_or_default();
                let saved = saved.into_iter().rfind(|s| *s <= self.state.step);
                let way = match saved {
                    // What was written right before the losses left the numbers has most likely gone astray, too.
                    Some(step) if step < self.state.step => {
                        format!("go on from step {step}: `menagerie train --resume {run} {slower}`")
                    }
                    Some(_) => {
                        format!(
                            "begin anew: `menagerie train --recipe {run}/recipe.toml {slower} --out ANOTHER`"
                        )
                    }
                    None => format!(
                        "there is no checkpoint yet; begin anew: `menagerie train --resume {run} {slower}`"
                    ),
                };
                Error::Training {
                    step: self.state.step + 1,
                    problem,
                    fix: cause.unwrap_or(format!("{fix}; {way}")),
                }
            }
            Error::Io { path, action, source } if source.kind() == ErrorKind::StorageFull => Error::run(
                path,
                format!("cannot {action}: {source}"),
                format!("free some space, then go on: `menagerie train --resume {run}`"),
            ),
            e => e,
        }
    }

    /// Adds a line to log.txt.
    fn say(&mut self, text: &str) -> Result<()> {
        writeln!(self.log, "{text}").map_err(Error::io("write", self.run.file("log.txt")))
    }
}
