//! How a training begins: anew, where a run stopped, or from another run's weights. All that can go wrong is found before
//! anything is written.
use super::feed::Feed;
use super::leaves::Leaves;

use super::judging::Judging;
use super::target::{self, Target};
use super::trainer::Trainer;
use super::{
    At, Checkpoint, EventFile, Lock, MetricsLog, Run, State, evaluation, history, lines, prune, read_metrics,
    step_of,
};
use crate::data::{DataInfo, Dataset, Kind, Opened, Source, renumbered};
use crate::error::{Error, Result};

use crate::limits::affordable;
use crate::models::{Model, NetworkInfo, Purpose};
use crate::nn::Tensors;
use crate::random::Key;
use crate::recipe::{Note, Recipe, may_change};
use burn::tensor::Device;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

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

/// The data and the model of a recipe, and what is to be said of them.
pub(super) struct Prepared {
    pub(super) dataset: Arc<dyn Dataset>,
    pub(super) model: Box<dyn Model>,
    pub(super) warnings: Vec<String>,
    notes: Vec<String>,
}

/// Builds the model of a recipe for its data, whose classes have the numbers that they had in `known`, where a run has
/// begun with them.
pub(super) fn prepare(
    recipe: &Recipe,
    opened: Opened,
    known: &[String],
    device: &Device,
) -> Result<Prepared> {
    let Opened {
        dataset,
        mut warnings,
    } = opened;
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
    let fills = model.as_complete().is_some_and(|c| c.takes_missing());
    if recipe.data()?.missing == "keep" && !fills {
        let problem = format!("{} learns from rows without gaps", recipe.model_name());
        return Err(Error::recipe(
            "data.missing",
            problem,
            "set data.missing=skip, or train gain",
        ));
    }
    let batches = model.batches_per_step();
    affordable(
        &format!("{batches} batches a step"),
        &[batches, train.batch, item],
        "set fewer updates in a step",
    )?;
    if model.as_log_likelihood().is_some() {
        warnings.extend(constant_column(&*dataset)?);
    }
    Ok(Prepared {
        dataset,
        model,
        warnings,
        notes: vec![],
    })
}

/// Builds the model of a recipe that begins, with the network that it plays against where it names a run.
pub(super) fn prepare_new(recipe: &Recipe, device: &Device) -> Result<Prepared> {
    let target = Target::of(recipe)?;
    let known = target.as_ref().map_or(&[][..], Target::labels);
    let mut prepared = prepare(recipe, recipe.data()?.open()?, known, device)?;
    if let Some(target) = target {
        target.give(&mut *prepared.model, prepared.dataset.info())?;
    }
    Ok(prepared)
}

/// Says so where points have a column of one value: a density can be made as large as one likes there, and training to
/// make it so ends in numbers that are not finite.
pub(super) fn constant_column(set: &dyn Dataset) -> Result<Option<String>> {
    let info = set.info();
    if info.kind != Kind::Points || info.count < 2 {
        return Ok(None);
    }
    let (mut first, mut constant): (Vec<f32>, Vec<bool>) = (vec![], vec![]);
    for i in 0..info.count.min(1000) {
        let mut values = Vec::new();
        set.get(i)?.values.extend(info.kind, &mut values);
        if i == 0 {
            (constant, first) = (vec![true; values.len()], values);
        } else {
            (0..first.len()).for_each(|c| constant[c] &= values[c] == first[c]);
        }
    }
    Ok(constant.iter().position(|c| *c).map(|c| {
        format!(
            "column {} of the data is constant ({}): its density has no bound, so the losses may stop being finite; leave \
             the column out",
            c + 1,
            first[c]
        )
    }))
}

/// Builds the model of a recipe with the weights of a run's checkpoint, and optimizers begun anew; gives its step, too.
pub(super) fn with_weights_of(
    recipe: &Recipe,
    from: &Run,
    at: At,
    device: &Device,
) -> Result<(Prepared, u64)> {
    let (checkpoint, warnings) = from.checkpoint(at)?;
    let checkpoint = checkpoint.ok_or_else(|| from.has_no_checkpoint())?;
    still_held_out(recipe, from)?;
    let known = &checkpoint.state.data.labels;
    let mut prepared = prepare(recipe, recipe.data()?.open()?, known, device)?;
    prepared.warnings.splice(0..0, warnings);
    let model = &mut prepared.model;
    let fresh: BTreeMap<String, Tensors> = model
        .save()
        .into_iter()
        .filter(|(name, _)| name.starts_with("optimizer"))
        .map(|(name, tensors)| (name, tensors()))
        .collect();
    let read = |name: &str| match fresh.get(name) {
        Some(new) => Ok(new.clone()),
        None => checkpoint.part(name),
    };
    model.load(&read, Purpose::Train).map_err(|e| {
        Error::run(
            from.path(),
            format!("its weights do not fit the recipe: {e}"),
            "leave [model] and the shape of the data as that run has them",
        )
    })?;
    Ok((prepared, checkpoint.state.step))
}

/// Refuses to hold out items that the weights have learned from already.
fn still_held_out(recipe: &Recipe, from: &Run) -> Result<()> {
    let source = recipe.data()?;
    if source.split != "train" {
        return Ok(());
    }
    let test = Source {
        split: "test".into(),
        ..source
    };
    match from.recipe()?.data()?.has_learned(&test) {
        Some(why) if test.open().is_ok() => Err(Error::recipe(
            "data.holdout",
            format!(
                "{} has learned from what would be held out: {why}",
                from.path().display()
            ),
            "hold out what it held out, or set data.split=all and data.holdout=0: nothing is held out then",
        )),
        _ => Ok(()),
    }
}

impl Plan {
    /// What a recipe would do.
    ///
    /// # Errors
    /// Those of the data, and of building the model for them.
    pub fn of(recipe: &Recipe, device: &Device) -> Result<Plan> {
        let train = recipe.train()?;
        let (recipe, _) = target::sized(recipe.clone())?.fitted()?;
        let Prepared { dataset, model, .. } = prepare_new(&recipe, device)?;
        let data = dataset.info().clone();
        let (networks, batches_per_step) = (model.networks(), model.batches_per_step());
        // Weights, gradients and two moments; every activation and its gradient's working copy; the program itself.
        let parameters: usize = networks.iter().map(|n| n.parameters).sum();
        let activations: usize = networks.iter().map(|n| n.activations).sum();
        let memory = 4 * (4 * parameters + activations * train.batch * 5 / 4) as u64 + (60 << 20);
        Ok(Plan {
            steps_per_epoch: Feed::new(&train, &dataset, &*model, 0..train.batch, 0, 0)?.steps_per_epoch(),
            data,
            networks,
            batches_per_step,
            memory,
        })
    }
}

impl Trainer {
    /// A new run at `path`.
    ///
    /// # Errors
    /// Those of the recipe, the data and the model; when the folder is taken or cannot be made.
    pub fn create(recipe: Recipe, path: &Path, device: &Device) -> Result<Self> {
        let (recipe, said) = target::sized(recipe)?.fitted()?;
        let mut prepared = prepare_new(&recipe, device)?;
        prepared.warnings.extend(said);
        let trainer = Self::begin(recipe.with_history(vec![]), path, prepared, device)?;
        if trainer.recipe.target().is_some() {
            // A recipe makes its first weights again, but not those of another run: they are kept from the start.
            let folder = trainer.run.file("checkpoints");
            Checkpoint::write(&folder, trainer.state.clone(), trainer.model.save())?;
        }
        Ok(trainer)
    }

    /// A new run at `path` that begins with the weights of another run, with optimizers and steps begun anew. Where the
    /// weights are from is the first entry of its recipe's history.
    ///
    /// # Errors
    /// As [`Trainer::create`]; when the other run has no such checkpoint, or its weights do not fit the recipe.
    pub fn create_from(recipe: Recipe, path: &Path, from: &Run, at: At, device: &Device) -> Result<Self> {
        let (recipe, said) = recipe.fitted()?;
        let (mut prepared, step) = with_weights_of(&recipe, from, at, device)?;
        prepared.warnings.extend(said);
        let origin = Note {
            step: 0,
            what: format!("{BEGUN_FROM} {}, step {step}", from.path().display()),
        };
        Self::begin_with(recipe, path, prepared, origin, device)
    }

    pub(super) fn begin_with(
        recipe: Recipe,
        path: &Path,
        mut prepared: Prepared,
        origin: Note,
        device: &Device,
    ) -> Result<Self> {
        prepared.notes.push(origin.what.clone());
        let trainer = Self::begin(recipe.with_history(vec![origin]), path, prepared, device)?;
        // A recipe makes its first weights again, but not those of others: they are kept from the start.
        let folder = trainer.run.file("checkpoints");
        Checkpoint::write(&folder, trainer.state.clone(), trainer.model.save())?;
        Ok(trainer)
    }

    fn begin(recipe: Recipe, path: &Path, prepared: Prepared, device: &Device) -> Result<Self> {
        let leaves = Leaves::new(&recipe)?;
        let train = recipe.train()?;
        let feed = Feed::new(&train, &prepared.dataset, &*prepared.model, leaves.rows(), 0, 0)?;
        let (judging, said) = Judging::of(&recipe, &*prepared.model, prepared.dataset.info(), device)?;
        let fingerprint = evaluation::fingerprint(&*prepared.dataset)?;
        let (run, lock) = Run::create(path, &recipe)?;
        let state = State {
            version: env!("CARGO_PKG_VERSION").into(),
            step: 0,
            images: 0,
            seconds: 0.0,
            cursor: 0,
            data: prepared.dataset.info().clone(),
            fingerprint,
            recipe: recipe.to_toml(),
            files: BTreeMap::new(),
        };
        Self::assemble(
            run, lock, recipe, prepared, leaves, feed, judging, state, said, device,
        )
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

    /// The same with keys of the recipe that [`may_change`] while a run goes on. Each change is noted in log.txt and in the
    /// recipe's history.
    ///
    /// # Errors
    /// [`Error::Recipe`] for another key; when the data are others, when no checkpoint is whole or when the logs tell of
    /// checkpoints that are not there. Nothing is written then.
    pub fn resume_with(path: &Path, settings: &[(String, String)], device: &Device) -> Result<Self> {
        let run = Run::open(path)?;
        let lock = run.lock()?;
        let before = run.recipe()?;
        if let Some((key, _)) = settings.iter().find(|(k, _)| !may_change(k.trim())) {
            let fix = format!(
                "start a new run; `menagerie train --from {} --set ...` begins it with the weights of this one",
                path.display()
            );
            return Err(Error::recipe(
                key,
                "decides the result, and the run has begun",
                fix,
            ));
        }
        let mut recipe = before.clone();
        recipe.set_all(settings)?;
        let (newest, passed) = run.checkpoint(At::Newest)?;
        let state = newest.as_ref().map(|c| &c.state);
        let step = state.map_or(0, |s| s.step);
        let steps = recipe.train()?.steps;
        if steps < step {
            return Err(Error::recipe(
                "train.steps",
                format!("{steps} is less than the {step} steps that the run has done"),
                format!(
                    "give more; `menagerie train --from {}` begins a new run with its weights",
                    path.display()
                ),
            ));
        }
        if state.is_none() {
            never_saved(&run, &before)?;
        }
        let (recipe, notes) = noted(&run, &before, recipe, state)?;
        let mut said = passed;
        let opened = recipe.data()?.open().map_err(|e| elsewhere(e, &run, &recipe))?;
        let known = state.map_or(&[][..], |s| &s.data.labels);
        let mut prepared = prepare(&recipe, opened, known, device)?;
        prepared.notes = notes;
        let fingerprint = evaluation::fingerprint(&*prepared.dataset)?;
        if let Some(c) = &newest {
            said.extend(same_data(&run, &c.state, prepared.dataset.info(), &fingerprint)?);
            prepared.model.load(&|name| c.part(name), Purpose::Train)?;
        }
        let cursor = state.map_or(0, |s| s.cursor);
        let leaves = Leaves::new(&recipe)?;
        let train = recipe.train()?;
        let feed = Feed::new(
            &train,
            &prepared.dataset,
            &*prepared.model,
            leaves.rows(),
            cursor,
            step,
        )?;
        let (judging, more) = Judging::of(&recipe, &*prepared.model, prepared.dataset.info(), device)?;
        said.extend(more);
        run.write_recipe(&recipe)?;
        let damaged = history::forget_after(&run, step)?;
        said.extend(passed_over("evaluation.jsonl", damaged));
        // What a failure after the newest checkpoint has left.
        let best = history::best(&run)?.map(|b| b.step);
        prune(&run.file("checkpoints"), recipe.train()?.keep, best, step)?;
        let state = State {
            version: env!("CARGO_PKG_VERSION").into(),
            step,
            images: state.map_or(0, |s| s.images),
            seconds: state.map_or(0.0, |s| s.seconds),
            cursor: state.map_or(0, |s| s.cursor),
            // Read back, numbers may end in other digits; those of the data stay as they are found.
            data: DataInfo {
                source: prepared.dataset.info().source.clone(),
                shares: prepared.dataset.info().shares.clone(),
                columns: prepared.dataset.info().columns.clone(),
                ..state.map_or_else(|| prepared.dataset.info().clone(), |s| s.data.clone())
            },
            fingerprint,
            recipe: recipe.to_toml(),
            files: BTreeMap::new(),
        };
        Self::assemble(
            run, lock, recipe, prepared, leaves, feed, judging, state, said, device,
        )
    }

    fn assemble(
        run: Run,
        lock: Lock,
        recipe: Recipe,
        prepared: Prepared,
        mut leaves: Leaves,
        feed: Feed,
        judging: Option<Judging>,
        state: State,
        said: Vec<String>,
        device: &Device,
    ) -> Result<Self> {
        let train = recipe.train()?;
        leaves.start(&recipe, &state.data, &*prepared.model, device)?;

        let mut pending = prepared.warnings;
        pending.extend(said);
        let (metrics, damaged) = MetricsLog::open(&run.file("metrics.jsonl"), state.step)?;
        pending.extend(passed_over("metrics.jsonl", damaged));
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
            lock,
            recipe,
            train,
            model: prepared.model,
            dataset: prepared.dataset,
            leaves,
            feed,
            key,
            state,
            metrics,
            events,
            log,
            last,
            pending,
            notes: prepared.notes,
            waited: 0.0,
            judging,
            held_out: None,
            custom: false,
        })
    }
}

fn passed_over(log: &str, damaged: usize) -> Option<String> {
    match damaged {
        0 => None,
        1 => Some(format!("{log}: a damaged line is dropped")),
        n => Some(format!("{log}: {n} damaged lines are dropped")),
    }
}

/// How the note of a run begins whose first weights are those of another.
pub(super) const BEGUN_FROM: &str = "begun from the weights of";

/// Refuses to begin anew where the first weights were those of another run, and where the logs show that there were
/// checkpoints: only a checkpoint that was read may shorten logs.
pub(super) fn never_saved(run: &Run, recipe: &Recipe) -> Result<()> {
    if recipe.history().iter().any(|n| n.what.starts_with(BEGUN_FROM)) {
        return Err(Error::run(
            run.path(),
            "holds no checkpoint, and its first weights were those of another run",
            "begin it again: `menagerie train --from RUN --out ANOTHER`",
        ));
    }
    let last = |name: &str| -> Result<u64> {
        let lines = lines::read(&run.file(name))?.whole;
        Ok(lines.iter().map(step_of).max().unwrap_or(0))
    };
    // The line of a step is written before its checkpoint is.
    let (logged, judged) = (last("metrics.jsonl")?, last("evaluation.jsonl")?);
    if logged <= recipe.train()?.checkpoint_every && judged == 0 {
        return Ok(());
    }
    Err(Error::run(
        run.file("checkpoints"),
        format!(
            "holds no checkpoint, though the run has come to step {}",
            logged.max(judged)
        ),
        format!(
            "bring the folder back, or train again: `menagerie train --recipe {} --out ANOTHER`",
            run.file("recipe.toml").display()
        ),
    ))
}

/// The recipe with what changes noted in its history, and the same to be said.
///
/// # Errors
/// [`Error::Run`] when recipe.toml has another value than the checkpoint was trained by, of a key that decides the model.
fn noted(run: &Run, before: &Recipe, recipe: Recipe, state: Option<&State>) -> Result<(Recipe, Vec<String>)> {
    // A recipe of another version may have other keys.
    let trained_by = state.filter(|s| !s.recipe.is_empty() && s.version == env!("CARGO_PKG_VERSION"));
    let trained_by = match trained_by {
        Some(s) => Recipe::parse(&s.recipe, "the checkpoint's recipe")?,
        None => before.clone(),
    };
    let step = state.map_or(0, |s| s.step);
    let changes = trained_by.changes(&recipe);
    if let Some(c) = changes.iter().find(|c| !may_change(&c.key)) {
        let value = |v: &Option<String>| v.clone().unwrap_or("nothing".into());
        return Err(Error::run(
            run.file("recipe.toml"),
            format!(
                "says {} = {}, but the checkpoint of step {step} was trained with {}",
                c.key,
                value(&c.is),
                value(&c.was)
            ),
            format!(
                "set it back, or start a new run: `menagerie train --from {}`",
                run.path().display()
            ),
        ));
    }
    let notes: Vec<Note> = changes
        .iter()
        .map(|c| Note {
            step,
            what: c.to_string(),
        })
        .collect();
    let said = notes
        .iter()
        .map(|n| format!("from step {step} on: {}", n.what))
        .collect();
    let history = trained_by.history().iter().cloned().chain(notes).collect();
    Ok((recipe.with_history(history), said))
}

/// Data that cannot be opened may have moved.
fn elsewhere(e: Error, run: &Run, recipe: &Recipe) -> Error {
    match recipe.data() {
        Ok(data) if !Path::new(&data.source).exists() => Error::run(
            run.path(),
            format!("its data are not at {} any more", data.source),
            format!(
                "say where they are: `menagerie train --resume {} --data PATH`",
                run.path().display()
            ),
        ),
        _ => e,
    }
}

/// Refuses other data than the checkpoint was trained on; gives what is to be said of the rest.
fn same_data(run: &Run, state: &State, info: &DataInfo, fingerprint: &str) -> Result<Vec<String>> {
    let was = &state.data;
    let told = |i: &DataInfo| format!("{} {} of {:?}", i.count, i.kind.plural(), i.shape);
    let problem = if (was.kind, &was.shape, was.count) != (info.kind, &info.shape, info.count) {
        format!("{} then, {} now", told(was), told(info))
    } else if !state.fingerprint.is_empty() && state.fingerprint != fingerprint {
        format!("{} as then, but of other content", told(info))
    } else {
        let mut said = Vec::new();
        if state.fingerprint.is_empty() && was.source != info.source {
            said.push("the checkpoint is of a version that kept no checksum of the data: whether they are the same is not known".into());
        }
        if state.version != env!("CARGO_PKG_VERSION") {
            said.push(format!(
                "the run was begun by version {}, this is {}: results may differ",
                state.version,
                env!("CARGO_PKG_VERSION")
            ));
        }
        return Ok(said);
    };
    Err(Error::run(
        run.path(),
        format!("the data have changed: {problem}"),
        format!(
            "bring them back as they were (`--data PATH` where they have moved), or start a new run: `menagerie train --from {}`",
            run.path().display()
        ),
    ))
}
