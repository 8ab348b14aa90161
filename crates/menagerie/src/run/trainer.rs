//! The loop: batches in, steps done, numbers, pictures and checkpoints out.
use super::feed::Feed;
use super::history::{self, Best, Evaluated};
use super::judging::Judging;
use super::{
    Checkpoint, EventFile, Lock, MetricsLog, Run, State, draw_curves, draw_points, draw_sounds, prune,
    read_metrics, write_index,
};
use crate::data::{Batch, DataInfo, Dataset, Kind, Opened, renumbered};
use crate::error::{Error, Result};
use crate::limits::affordable;
use crate::metrics::points;
use crate::models::{Model, NetworkInfo, Purpose, SampleRequest, Samples, StepReport, Trouble};
use crate::picture;
use crate::random::Key;
use crate::recipe::{Recipe, TrainConfig};
use burn::tensor::Device;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// What `--dry-run` tells.
#[derive(Clone, Debug)]
pub struct Plan {
    /// the data
    pub data: DataInfo,
    /// the networks
    pub networks: Vec<NetworkInfo>,
    /// batches that one step takes
    pub batches_per_step: usize,
    /// steps in which every item is seen once
    pub steps_per_epoch: f64,
    /// estimated peak of resident memory, in bytes
    pub memory: u64,
}

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
    /// anything else worth a line
    Warning(&'a str),
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
    /// the last line of metrics.jsonl
    pub last: Map<String, Value>,
    /// the best checkpoint, where the model was judged while training
    pub best: Option<Best>,
}

/// A training that can be begun, gone on with, and stopped after any step.
pub struct Trainer {
    run: Run,
    _lock: Lock,
    recipe: Recipe,
    train: TrainConfig,
    model: Box<dyn Model>,
    dataset: Arc<dyn Dataset>,
    feed: Feed,
    key: Key,
    state: State,
    metrics: MetricsLog,
    events: EventFile,
    log: std::fs::File,
    last: Map<String, Value>,
    pending: Vec<String>,
    waited: f64,
    judging: Option<Judging>,
}

/// Opens the data and builds the model of a recipe: all that can go wrong before anything is written. Classes have the
/// numbers that they had when the run began.
fn prepare(
    recipe: &Recipe,
    device: &Device,
    begun: Option<&Checkpoint>,
) -> Result<(Arc<dyn Dataset>, Vec<String>, Box<dyn Model>)> {
    let Opened {
        dataset,
        mut warnings,
    } = recipe.data()?.open()?;
    let known = begun.map_or(&[][..], |c| &c.state.data.labels);
    let dataset = renumbered(dataset, known, &mut warnings);
    let train = recipe.train()?;
    let item: usize = dataset.info().shape.iter().product();
    affordable(
        &format!("train.batch = {}", train.batch),
        &[train.batch, item],
        "set a smaller batch",
    )?;
    affordable(
        &format!("a picture of train.samples = {}", train.samples),
        &[train.samples, item],
        "set fewer samples",
    )?;
    let key = Key::new(train.seed).stream("init");
    let model = recipe.build(dataset.info(), device, key)?;
    let batches = model.batches_per_step();
    affordable(
        &format!("{batches} batches a step"),
        &[batches, train.batch, item],
        "set fewer updates in a step",
    )?;
    Ok((dataset, warnings, model))
}

impl Plan {
    /// What a recipe would do.
    pub fn of(recipe: &Recipe, device: &Device) -> Result<Plan> {
        let train = recipe.train()?;
        let (recipe, _) = recipe.clone().fitted()?;
        let (dataset, _, model) = prepare(&recipe, device, None)?;
        let data = dataset.info().clone();
        let (networks, batches_per_step) = (model.networks(), model.batches_per_step());
        // Weights, gradients and two moments; every activation and its gradient's working copy; the program itself.
        let parameters: usize = networks.iter().map(|n| n.parameters).sum();
        let activations: usize = networks.iter().map(|n| n.activations).sum();
        let memory = 4 * (4 * parameters + activations * train.batch * 5 / 4) as u64 + (60 << 20);
        Ok(Plan {
            steps_per_epoch: Feed::new(&train, &dataset, &*model, 0, 0)?.steps_per_epoch(),
            data,
            networks,
            batches_per_step,
            memory,
        })
    }
}

impl Trainer {
    /// A new run at `path`.
    pub fn create(recipe: Recipe, path: &Path, device: &Device) -> Result<Self> {
        let (recipe, said) = recipe.fitted()?;
        let (dataset, mut warnings, model) = prepare(&recipe, device, None)?;
        warnings.extend(said);
        let feed = Feed::new(&recipe.train()?, &dataset, &*model, 0, 0)?;
        let (judging, more) = Judging::of(&recipe, &*model, dataset.info(), device)?;
        warnings.extend(more);
        let (run, lock) = Run::create(path, &recipe)?;
        Self::assemble(run, lock, recipe, model, dataset, feed, judging, None, warnings)
    }

    /// Goes on with a run from its newest whole checkpoint (from the start if there is none yet), to `steps` if given.
    ///
    /// # Errors
    /// As [`Trainer::resume_with`].
    pub fn resume(path: &Path, steps: Option<u64>, device: &Device) -> Result<Self> {
        let settings: Vec<_> = steps
            .map(|s| ("train.steps".to_string(), s.to_string()))
            .into_iter()
            .collect();
        Self::resume_with(path, &settings, device)
    }

    /// The same with keys of the recipe that may change while a run goes on, since they do not decide what a step does:
    /// `train.steps` and the table `evaluate`.
    ///
    /// # Errors
    /// [`Error::Recipe`] for another key; when the data have changed or no checkpoint is whole.
    pub fn resume_with(path: &Path, settings: &[(String, String)], device: &Device) -> Result<Self> {
        let run = Run::open(path)?;
        let lock = run.lock()?;
        let mut recipe = run.recipe()?;
        if let Some((key, _)) = settings
            .iter()
            .find(|(k, _)| k != "train.steps" && !k.starts_with("evaluate."))
        {
            return Err(Error::recipe(
                key,
                "decides the result, and the run has begun",
                "start a new run",
            ));
        }
        recipe.set_all(settings)?;
        let (checkpoint, mut warnings) = run.checkpoint(None)?;
        let (dataset, more, mut model) = prepare(&recipe, device, checkpoint.as_ref())?;
        warnings.extend(more);
        if let Some(c) = &checkpoint {
            if c.state.data.shape != dataset.info().shape || c.state.data.count != dataset.info().count {
                let (was, is) = (&c.state.data, dataset.info());
                let problem = format!(
                    "the data have changed: {} items of {:?} then, {} of {:?} now",
                    was.count, was.shape, is.count, is.shape
                );
                return Err(Error::run(
                    path,
                    problem,
                    "bring the data back as they were, or start a new run",
                ));
            }
            if c.state.version != env!("CARGO_PKG_VERSION") {
                warnings.push(format!(
                    "the run was begun by version {}, this is {}: results may differ",
                    c.state.version,
                    env!("CARGO_PKG_VERSION")
                ));
            }
            model.load(&|name| c.part(name), Purpose::Train)?;
        }
        let (cursor, step) = checkpoint
            .as_ref()
            .map_or((0, 0), |c| (c.state.cursor, c.state.step));
        let feed = Feed::new(&recipe.train()?, &dataset, &*model, cursor, step)?;
        let (judging, more) = Judging::of(&recipe, &*model, dataset.info(), device)?;
        warnings.extend(more);
        run.write_recipe(&recipe)?;
        history::forget_after(&run, checkpoint.as_ref().map_or(0, |c| c.state.step))?;
        Self::assemble(
            run,
            lock,
            recipe,
            model,
            dataset,
            feed,
            judging,
            checkpoint.map(|c| c.state),
            warnings,
        )
    }

    fn assemble(
        run: Run,
        lock: Lock,
        recipe: Recipe,
        model: Box<dyn Model>,
        dataset: Arc<dyn Dataset>,
        feed: Feed,
        judging: Option<Judging>,
        state: Option<State>,
        pending: Vec<String>,
    ) -> Result<Self> {
        let train = recipe.train()?;
        let state = state.unwrap_or_else(|| State {
            version: env!("CARGO_PKG_VERSION").into(),
            step: 0,
            images: 0,
            seconds: 0.0,
            cursor: 0,
            data: dataset.info().clone(),
            files: BTreeMap::new(),
        });
        let metrics = MetricsLog::open(&run.file("metrics.jsonl"), state.step)?;
        let last = read_metrics(&run.file("metrics.jsonl"))?
            .pop()
            .unwrap_or_default();
        let events = EventFile::create(&run.file("events"))?;
        let path = run.file("log.txt");
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(Error::io("write", &path))?;
        let key = Key::new(train.seed);
        Ok(Trainer {
            run,
            _lock: lock,
            recipe,
            train,
            model,
            dataset,
            feed,
            key,
            state,
            metrics,
            events,
            log,
            last,
            pending,
            waited: 0.0,
            judging,
        })
    }

    /// The run's folder.
    pub fn path(&self) -> &Path {
        self.run.path()
    }
    /// The recipe in force.
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }
    /// The model as it is now.
    pub fn model(&self) -> &dyn Model {
        &*self.model
    }
    /// Updates done.
    pub fn step(&self) -> u64 {
        self.state.step
    }
    /// Seconds that steps of this trainer waited for their batches.
    pub fn waited(&self) -> f64 {
        self.waited
    }

    /// Trains to the recipe's last step, or until `stop` is set; a checkpoint is written either way.
    ///
    /// # Errors
    /// When the data, the disk or the losses fail; the checkpoints written before are intact.
    pub fn train(&mut self, stop: &AtomicBool, show: &mut dyn FnMut(Event)) -> Result<Summary> {
        for w in std::mem::take(&mut self.pending) {
            self.say(&w)?;
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
        let mut saved = self.state.step;
        // A run that ended between a checkpoint and its evaluation, or that is to be judged only from now on.
        let step = saved;
        if self.judging.as_ref().is_some_and(|j| j.is_due(step, false)) && !self.is_judged()? {
            self.evaluate(true, show)?;
        }
        while self.state.step < self.train.steps && !stop.load(Ordering::Relaxed) {
            if let Err(e) = self.advance(show) {
                self.say(&format!("stopped: {e}"))?;
                return Err(e);
            }
            let (step, last) = (self.state.step, self.state.step == self.train.steps);
            if step.is_multiple_of(self.train.sample_every) || last {
                self.picture(show)?;
            }
            if step.is_multiple_of(self.train.checkpoint_every) || last {
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
        let interrupted = self.state.step < self.train.steps;
        self.say(if interrupted {
            "stopped before the last step"
        } else {
            "done"
        })?;
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
            last: self.last.clone(),
            best,
        })
    }

    /// One step and what has to be told of it.
    fn advance(&mut self, show: &mut dyn FnMut(Event)) -> Result<()> {
        let next = self.state.step + 1;
        let watch = next == 1 || next.is_multiple_of(self.train.log_every) || next == self.train.steps;
        let begun = Instant::now();
        let batches = self.feed.next()?;
        self.waited += begun.elapsed().as_secs_f64();
        let report = self
            .model
            .step(&batches, self.key.stream("train").step(next), watch)?;
        self.state.seconds += begun.elapsed().as_secs_f64();
        self.state.step = next;
        self.state.images += batches.iter().map(|b| b.shape[0] as u64).sum::<u64>();
        self.state.cursor = self.feed.cursor();
        for w in self.feed.warnings() {
            self.say(&w)?;
            show(Event::Warning(&w));
        }
        let images_per_second = self.state.images as f64 / self.state.seconds.max(1e-9);
        if watch {
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
        let lines = read_metrics(&self.run.file("metrics.jsonl"))?;
        draw_curves(&lines, &self.run.file("curves.png"))?;
        let Some(samples) = self.pictured()? else {
            return write_index(&self.run, &lines);
        };
        let folder = self.run.file("samples");
        std::fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
        let path = folder.join(format!("{:06}.png", self.state.step));
        draw_samples(&samples, self.dataset.density(), &path)?;
        if samples.kind == Kind::Audio {
            write_sounds(&samples, self.state.data.rate, &path.with_extension("wav"))?;
        }
        write_index(&self.run, &lines)?;
        show(Event::Sampled(&path));
        Ok(())
    }

    fn checkpoint(&mut self, show: &mut dyn FnMut(Event)) -> Result<()> {
        let folder = self.run.file("checkpoints");
        // Parts are copied on their way to the disk.
        menagerie_kernels::memory::release();
        let path = Checkpoint::write(&folder, self.state.clone(), self.model.save())?;
        prune(
            &folder,
            self.train.keep,
            history::best(&self.run)?.map(|b| b.step),
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
        history::append(&self.run, &judged, &verdicts)?;
        prune(&self.run.file("checkpoints"), self.train.keep, best)?;
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
        show(Event::Evaluated {
            judged: &judged,
            best: is_best,
        });
        Ok(saved || is_best)
    }

    /// Adds a line to log.txt.
    fn say(&mut self, text: &str) -> Result<()> {
        writeln!(self.log, "{text}").map_err(Error::io("write", self.run.file("log.txt")))
    }
}

/// Sounds one after the other, with a quarter of a second between them, as one WAV file.
///
/// # Errors
/// Those of [`crate::data::write_wav`].
pub fn write_sounds(samples: &Samples, rate: u32, path: &Path) -> Result<()> {
    let (time, channels) = (samples.shape[1], samples.shape[2]);
    let pause = vec![0.0; rate as usize / 4 * channels];
    let sounds: Vec<&[f32]> = samples.values.chunks_exact((time * channels).max(1)).collect();
    crate::data::write_wav(path, &sounds.join(&pause[..]), rate, channels)
}

/// Samples as a picture: a grid of images, waveforms and spectrograms of sounds, or points (over their density where it is
/// known).
pub fn draw_samples(
    samples: &Samples,
    density: Option<&dyn crate::data::Density>,
    path: &Path,
) -> Result<PathBuf> {
    match (samples.kind, &samples.shape[..]) {
        (Kind::Image, &[n, h, w, c]) => {
            let columns = (n as f64).sqrt().ceil() as usize;
            picture::grid(&samples.values, [n, h, w, c], columns).save(path)?;
        }
        (Kind::Pair, &[n, h, w, c]) => {
            // As one image of twice the count: all left halves, then all right ones, which rows bring together.
            let (one, m) = (picture::halves(&samples.values, c), h * w * c / 2);
            let beside: Vec<f32> = (0..n)
                .flat_map(|i| [i, n + i])
                .flat_map(|i| one[i * m..(i + 1) * m].iter().copied())
                .collect();
            let columns = 2 * ((n as f64 / 2.0).sqrt().ceil() as usize);
            picture::grid(&beside, [2 * n, h, w, c / 2], columns).save(path)?;
        }
        (Kind::Video, &[n, t, h, w, c])
            if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gif")) =>
        {
            picture::save_animation(
                &samples.values,
                [n, t, h, w, c],
                (n as f64).sqrt().ceil() as usize,
                path,
            )?;
        }
        (Kind::Video, &[n, t, h, w, c]) => {
            picture::film_strips(&samples.values, [n, t, h, w, c]).save(path)?
        }
        (Kind::Audio, &[n, t, c]) => draw_sounds(&samples.values, [n, t, c], path)?,
        _ => draw_points(&samples.values, samples.shape[1], density, path)?,
    }
    Ok(path.into())
}
