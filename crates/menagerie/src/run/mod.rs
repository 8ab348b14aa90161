//! The run folder: the contract between commands. One folder holds everything about one training.
//!
//! ```text
//! RUN/recipe.toml          everything that decides the result
//! RUN/metrics.jsonl        a line a log step
//! RUN/samples/000500.png   a grid from the same latents each time
//! RUN/samples/000500.wav   the same, of sounds
//! RUN/checkpoints/000500/  networks, optimizers, state.json
//! RUN/evaluation.jsonl    a line an evaluation, each metric with its definition
//! RUN/curves.png           the numbers of metrics.jsonl as curves
//! RUN/index.html           curves and samples in a browser, without a server
//! RUN/events/              the same numbers for TensorBoard
//! RUN/log.txt              what was said, warnings included
//! RUN/family.jsonl         latents that somebody chose to breed with, a line each
//! RUN/custom.txt           what a program put in the place of the recipe's model
//! RUN/lock                 the process that is writing
//! ```
mod begin;
mod checkpoint;
pub mod compare;
mod curves;
mod custom;
mod draw;
mod estimate;
pub mod evaluation;
pub mod evaluator;
pub mod family;
mod feed;
mod follower;

pub mod history;
mod html;
mod imported;
mod judging;
mod learned;
mod leaves;

mod lines;
mod metrics;
mod notes_picture;
mod points_picture;
mod remark;

mod sequence_picture;
mod shape_picture;

mod sound_picture;
mod target;
mod tensorboard;
mod trainer;
mod translated;

pub use begin::Plan;
pub use checkpoint::{Checkpoint, State, prune, steps};
pub use curves::draw_curves;
pub use draw::{draw_samples, write_sounds};
pub use follower::Follower;

pub use html::write_index;
pub use metrics::{MetricsLog, read as read_metrics, step_of};
pub use notes_picture::notes_picture;
pub use points_picture::{draw_points, points_picture};
pub use remark::Remark;
pub use sequence_picture::sequences_picture;
pub use shape_picture::{shapes_picture, shapes_picture_from};

pub use sound_picture::draw_sounds;
pub use tensorboard::EventFile;
pub use trainer::{Event, Summary, Trainer};

use crate::error::{Error, Result};
use crate::export;
use crate::files::{self, write_atomically};
use crate::models::{Model, Purpose};
use crate::random::Key;
use crate::recipe::Recipe;
use burn::tensor::Device;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// A run folder.
///
/// ```
/// use menagerie::models::SampleRequest;
/// use menagerie::recipe::Recipe;
/// use menagerie::run::{Run, Trainer};
/// use menagerie::{Device, Key};
/// use std::sync::atomic::AtomicBool;
///
/// # let scratch = tempfile::tempdir().unwrap();
/// # let folder = scratch.path().join("ring");
/// let recipe = Recipe::named("gan")?.with("data.source", "ring8")?.with("train.steps", "2")?;
/// let mut trainer = Trainer::create(recipe, &folder, &Device::flex().autodiff())?;
/// trainer.train(&AtomicBool::new(false), &mut |_| {})?;
///
/// // The folder alone is enough to sample from.
/// let (model, checkpoint, _) = Run::open(&folder)?.model(None, &Device::flex())?;
/// assert_eq!(checkpoint.state.step, 2);
/// let samples = model.as_sample().unwrap().sample(&SampleRequest::new(5, Key::new(0)))?;
/// assert_eq!(samples.shape, [5, 2]);
/// # Ok::<(), menagerie::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Run {
    path: PathBuf,
}

/// Which checkpoint of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum At {
    /// the newest that is whole
    #[default]
    Newest,
    /// the one of that step
    Step(u64),
    /// the best of those that were judged while training or by `evaluate --every`
    Best,
}

impl From<Option<u64>> for At {
    fn from(step: Option<u64>) -> At {
        step.map_or(At::Newest, At::Step)
    }
}

impl std::str::FromStr for At {
    type Err = String;

    fn from_str(text: &str) -> Result<At, String> {
        match text {
            "newest" => Ok(At::Newest),
            "best" => Ok(At::Best),
            _ => text
                .parse()
                .map(At::Step)
                .map_err(|_| "give a step, `best` or `newest`".into()),
        }
    }
}

/// The right to write into a run; given back when dropped or when the process dies.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    folder: File,
    path: PathBuf,
}

impl Lock {
    /// Whether the folder is still where it was taken.
    ///
    /// # Errors
    /// [`Error::Run`] when it was moved or deleted: what is written to its path now would begin another folder.
    pub fn check(&self) -> Result<()> {
        match files::is_at(&self.folder, &self.path) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::run(
                &self.path,
                "the folder was moved or deleted while it was written",
                "go on with it where it is now: `menagerie train --resume RUN`",
            )),
            Err(e) => Err(Error::io("read", &self.path)(e)),
        }
    }
}

/// What a run folder may hold before it is a run: a process that was stopped so early has left no more.
const BEGINNINGS: [&str; 2] = ["lock", ".recipe.toml.part"];

/// Refuses a folder that holds anything but the beginnings of a run.
fn is_free(path: &Path) -> Result<()> {
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) if e.kind() == ErrorKind::NotADirectory => {
            return Err(Error::run(
                path,
                "is a file, not a folder",
                "choose another --out",
            ));
        }
        Err(e) => return Err(Error::io("list", path)(e)),
    };
    for entry in entries {
        let name = entry.map_err(Error::io("list", path))?.file_name();
        if BEGINNINGS.iter().any(|b| name == *b) {
            continue;
        }
        let fix = match path.join("recipe.toml").exists() {
            true => format!(
                "go on with it by `menagerie train --resume {}`, or choose another --out",
                path.display()
            ),
            false => "choose another --out".to_string(),
        };
        return Err(Error::run(path, "exists already and is not empty", fix));
    }
    Ok(())
}

impl Run {
    /// Makes a new run folder with its recipe.
    ///
    /// # Errors
    /// When the folder exists and holds anything but the beginnings of a run that came no further.
    pub fn create(path: &Path, recipe: &Recipe) -> Result<(Run, Lock)> {
        is_free(path)?;
        std::fs::create_dir_all(path).map_err(Error::io("create", path))?;
        let run = Run { path: path.into() };
        let lock = run.lock()?;
        // Another process may have begun and ended a run here meanwhile.
        is_free(path)?;
        run.write_recipe(recipe)?;
        Ok((run, lock))
    }

    /// Opens a run folder.
    ///
    /// # Errors
    /// [`Error::Run`] when it is no run folder.
    pub fn open(path: &Path) -> Result<Run> {
        if path.join("recipe.toml").is_file() {
            return Ok(Run { path: path.into() });
        }
        let (problem, fix) = match path.is_dir() {
            true => (
                "is not a run: it holds no recipe.toml",
                "give the folder that `menagerie train` wrote, such as runs/dcgan-001",
            ),
            false => (
                "there is no such run",
                "runs are in runs/, or where --out put them",
            ),
        };
        Err(Error::run(path, problem, fix))
    }

    /// `runs/NAME-001`, or the first number that is free.
    pub fn next_free(name: &str) -> PathBuf {
        (1..)
            .map(|i| Path::new("runs").join(format!("{name}-{i:03}")))
            .find(|p| !p.exists())
            .expect("numbers do not end")
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file or folder in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Its recipe, as `recipe.toml` has it.
    ///
    /// # Errors
    /// Those of [`Recipe::read`].
    pub fn recipe(&self) -> Result<Recipe> {
        Recipe::read(&self.file("recipe.toml"))
    }

    fn write_recipe(&self, recipe: &Recipe) -> Result<()> {
        write_atomically(&self.file("recipe.toml"), recipe.to_toml().as_bytes())
    }

    /// Takes the run for writing. The lock is the operating system's, so it ends with its owner.
    ///
    /// # Errors
    /// [`Error::Run`] when another process writes it; [`Error::Io`].
    pub fn lock(&self) -> Result<Lock> {
        let path = self.file("lock");
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .write(true)
            .truncate(false)
            .open(&path)
            .map_err(Error::io("write", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let owner = std::fs::read_to_string(&path).unwrap_or_default();
                return Err(Error::run(
                    &self.path,
                    format!("is being written by process {}", owner.trim()),
                    "wait for it, or stop it first",
                ));
            }
            Err(TryLockError::Error(e)) => return Err(Error::io("lock", &path)(e)),
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(Error::io("write", &path))?;
        let folder = File::open(&self.path).map_err(Error::io("read", &self.path))?;
        let path = self.path.clone();
        Ok(Lock {
            _file: file,
            folder,
            path,
        })
    }

    /// The process that is writing it, where there is one.
    pub fn writer(&self) -> Option<u32> {
        let path = self.file("lock");
        let owner: u32 = std::fs::read_to_string(&path).ok()?.trim().parse().ok()?;
        // The lock alone tells, but trying it could be what keeps a training from beginning: it is tried only where the
        // process that took it last is there, which is its owner but for numbers that were given again.
        let is_there = !cfg!(target_os = "linux") || Path::new("/proc").join(owner.to_string()).exists();
        let taken = || match File::open(&path).map(|f| f.try_lock_shared()) {
            Ok(Err(TryLockError::WouldBlock)) => Some(owner),
            _ => None,
        };
        is_there.then(taken).flatten()
    }

    /// A checkpoint, and a warning for each damaged one passed over. `None` when the run has not reached its first.
    ///
    /// # Errors
    /// When there is no checkpoint of that step, none that was found to be the best, or none that is whole.
    pub fn checkpoint(&self, at: impl Into<At>) -> Result<(Option<Checkpoint>, Vec<String>)> {
        let folder = self.file("checkpoints");
        let all = steps(&folder)?;
        let step = match at.into() {
            At::Newest => None,
            At::Step(step) => Some(step),
            At::Best => {
                let fix = format!(
                    "judge its checkpoints: `menagerie evaluate {} --every 1`",
                    self.path.display()
                );
                let best = history::best(self)?;
                Some(
                    best.ok_or_else(|| {
                        Error::run(
                            &self.path,
                            "does not say which of its checkpoints is the best",
                            fix,
                        )
                    })?
                    .step,
                )
            }
        };
        if let Some(step) = step {
            if !all.contains(&step) {
                let have = if all.is_empty() {
                    "there are none".to_string()
                } else {
                    format!("there are {}", join(&all))
                };
                return Err(Error::run(
                    &folder,
                    format!("has no checkpoint of step {step}"),
                    have,
                ));
            }
            let c = Checkpoint::open(&folder.join(format!("{step:06}")))?;
            return Ok((Some(c), vec![]));
        }
        let mut warnings = Vec::new();
        for step in all.iter().rev() {
            match Checkpoint::open(&folder.join(format!("{step:06}"))).and_then(|c| c.verify().map(|()| c)) {
                Ok(c) => return Ok((Some(c), warnings)),
                Err(e) => warnings.push(format!("checkpoint {step} is skipped: {e}")),
            }
        }
        match warnings.is_empty() {
            true => Ok((None, warnings)),
            false => Err(Error::run(
                &folder,
                format!("no checkpoint is whole ({})", warnings.join("; ")),
                format!(
                    "train again: `menagerie train --recipe {} --out ANOTHER`",
                    self.file("recipe.toml").display()
                ),
            )),
        }
    }

    /// The trained model, ready for use: from the run folder alone.
    ///
    /// # Errors
    /// When there is no whole checkpoint yet.
    pub fn model(
        &self,
        at: impl Into<At>,
        device: &Device,
    ) -> Result<(Box<dyn Model>, Checkpoint, Vec<String>)> {
        let recipe = self.recipe()?;
        let (checkpoint, warnings) = self.checkpoint_of(at)?;
        let mut model = recipe.build(&checkpoint.state.data, device, Key::new(0))?;
        model.load(&|name| checkpoint.part(name), Purpose::Use)?;
        Ok((model, checkpoint, warnings))
    }

    /// [`Run::model`], or, where the folder is an exported one, what draws.
    ///
    /// # Errors
    /// Those of [`Run::model`] and of [`export::open`].
    pub fn sampler(
        &self,
        at: impl Into<At>,
        device: &Device,
    ) -> Result<(Box<dyn Model>, Checkpoint, Vec<String>)> {
        let at = at.into();
        if !export::is_exported(&self.path) {
            return self.model(at, device);
        }
        let (model, checkpoint) = export::open(&self.path, &self.recipe()?, device)?;
        let step = checkpoint.state.step;
        match at {
            At::Step(other) if other != step => Err(Error::run(
                &self.path,
                format!("is an exported model of step {step}, not of {other}"),
                "leave out --checkpoint",
            )),
            _ => Ok((model, checkpoint, vec![])),
        }
    }

    /// [`Run::checkpoint`], which must be there.
    ///
    /// # Errors
    /// Those of [`Run::checkpoint`], and when there is none yet.
    pub fn checkpoint_of(&self, at: impl Into<At>) -> Result<(Checkpoint, Vec<String>)> {
        let (checkpoint, warnings) = self.checkpoint(at)?;
        Ok((checkpoint.ok_or_else(|| self.has_no_checkpoint())?, warnings))
    }
}

impl Run {
    /// What the run's model was made of, in short: its settings, its seed and its data. Directions in its latent space hold for
    /// runs with the same alone.
    ///
    /// # Errors
    /// Those of reading the recipe.
    pub fn identity(&self, checkpoint: &Checkpoint) -> Result<String> {
        let recipe = self.recipe()?;
        let text = recipe.to_toml();
        let model = text
            .parse::<toml::Table>()
            .ok()
            .and_then(|t| Some(t.get("model")?.to_string()));
        let known = format!(
            "{} {} {}",
            model.unwrap_or(text),
            recipe.train()?.seed,
            checkpoint.state.fingerprint
        );
        Ok(format!("{:08x}", crc32c::crc32c(known.as_bytes())))
    }

    fn has_no_checkpoint(&self) -> Error {
        if export::is_exported(&self.path) {
            return Error::run(
                &self.path,
                "is an exported model, not a run: it holds what draws, and nothing else",
                "give the run that it was exported from; `menagerie sample` takes this, too",
            );
        }
        if let Err(e) = self.recipe().and_then(|recipe| begin::never_saved(self, &recipe)) {
            return e;
        }
        let fix = format!(
            "train it further: `menagerie train --resume {}`",
            self.path.display()
        );
        Error::run(&self.path, "has no checkpoint yet", fix)
    }
}

fn join(numbers: &[u64]) -> String {
    numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_made_once_and_written_by_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("r");
        let recipe = Recipe::named("dcgan").unwrap();
        let (run, lock) = Run::create(&path, &recipe).unwrap();
        assert_eq!(run.recipe().unwrap(), recipe);
        let e = Run::create(&path, &recipe).unwrap_err().to_string();
        assert!(e.contains("exists already") && e.contains("--resume"), "{e}");
        let e = Run::open(&path).unwrap().lock().unwrap_err().to_string();
        assert!(e.contains(&format!("process {}", std::process::id())), "{e}");
        assert_eq!(run.writer(), Some(std::process::id()));
        drop(lock);
        assert_eq!(run.writer(), None);
        Run::open(&path).unwrap().lock().unwrap();
        let e = run.model(None, &Device::flex()).err().unwrap().to_string();
        assert!(e.contains("no checkpoint yet"), "{e}");
        let e = run.model(Some(7), &Device::flex()).err().unwrap().to_string();
        assert!(e.contains("no checkpoint of step 7"), "{e}");
        let e = run.model(At::Best, &Device::flex()).err().unwrap().to_string();
        assert!(e.contains("the best") && e.contains("--every 1"), "{e}");
        assert_eq!(
            ["7", "best", "newest"].map(|t| t.parse()),
            [Ok(At::Step(7)), Ok(At::Best), Ok(At::Newest)]
        );
        assert!("bets".parse::<At>().is_err());
        assert!(
            Run::open(dir.path())
                .unwrap_err()
                .to_string()
                .contains("not a run")
        );
        assert!(
            Run::open(&dir.path().join("none"))
                .unwrap_err()
                .to_string()
                .contains("no such run")
        );
    }
}
