//! The leaves of a batch: equal parts that are learned from beside each other, each by a replica of the model on a thread of
//! its own. What they find is summed by [`collective`](crate::nn::collective), so that all replicas stay the same.
use crate::processes;

use crate::data::{Batch, DataInfo};
use crate::error::{Error, Result};
use crate::models::{Model, Purpose, StepReport};
use crate::nn::Tensors;
use crate::nn::collective::{self, Group, Passing};
use crate::random::Key;
use crate::recipe::{Recipe, Watch};
use burn::tensor::Device;
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

/// A model's state as `save` gives it.
type Parts = BTreeMap<String, Tensors>;

/// What is asked of a replica.
enum Ask {
    HeldOut(Batch),
    Step(Vec<Batch>, Key, Watch),
    Parts,
}

enum Answer {
    Done,
    Parts(Parts),
}

/// A replica of the model, on its thread.
struct Worker {
    /// `None` once it is to end
    ask: Option<Sender<Ask>>,
    answers: Receiver<Result<Answer>>,
    thread: Option<JoinHandle<()>>,
}

/// See the module.
pub(super) struct Leaves {
    group: Arc<Group>,
    batch: usize,
    workers: Vec<Worker>,
}

impl Leaves {
    /// As the recipe cuts its batches, over the processes that there are.
    ///
    /// # Errors
    /// [`Error::Recipe`] where a batch cannot be cut so.
    pub(super) fn new(recipe: &Recipe) -> Result<Leaves> {
        let train = recipe.train()?;
        let how = Passing {
            synchronized: train.sync_batch_norm,
            at_once: train.leaves_at_once,
        };
        let group = Group::passing(train.leaves, processes::link(), how)?;
        if !train.batch.is_multiple_of(train.leaves) {
            let more = train.batch.next_multiple_of(train.leaves);
            return Err(Error::recipe(
                "train.leaves",
                format!(
                    "a batch of {} cannot be cut into {} equal leaves",
                    train.batch, train.leaves
                ),
                format!("set train.batch = {more}, or another number of leaves"),
            ));
        }
        Ok(Leaves {
            group,
            batch: train.batch,
            workers: vec![],
        })
    }

    /// The rows of each batch that this process learns from.
    pub(super) fn rows(&self) -> Range<usize> {
        let leaf = self.batch / self.group.leaves();
        let first = self.group.first_leaf() * leaf;
        first..first + self.group.own() * leaf
    }

    /// What is to be said of the exchange between processes in so many steps, where there are several.
    pub(super) fn exchanged(&self, steps: u64) -> Option<String> {
        let (ranks, steps) = (self.group.ranks(), steps.max(1));
        let each = self.group.given() as f64 / steps as f64 / 1e6;
        (ranks > 1).then(|| format!("{ranks} processes; each gave {each:.2} MB a step to others"))
    }

    /// Starts the replicas, each in the state of `model`.
    ///
    /// # Errors
    /// Those of building and loading the model; [`Error::Usage`] when no thread can be started.
    pub(super) fn start(
        &mut self,
        recipe: &Recipe,
        info: &DataInfo,
        model: &dyn Model,
        device: &Device,
    ) -> Result<()> {
        if self.group.own() == 1 {
            return Ok(());
        }
        let parts = Arc::new(parts(model));
        for place in 1..self.group.own() {
            let (recipe, info, device) = (recipe.clone(), info.clone(), device.clone());
            let (group, parts) = (self.group.clone(), parts.clone());
            let (ask, asked) = channel();
            let (answer, answers) = channel();
            let work = move || {
                let build = || -> Result<Box<dyn Model>> {
                    let key = Key::new(recipe.train()?.seed).stream("init");
                    let mut model = recipe.build(&info, &device, key)?;
                    model.load(&|name| part(&parts, name), Purpose::Train)?;
                    Ok(model)
                };
                match build() {
                    Ok(model) => serve(model, &group, place, &asked, &answer),
                    Err(e) => drop(answer.send(Err(e))),
                }
            };
            let thread = std::thread::Builder::new()
                .name(format!("leaf {place}"))
                .spawn(work)
                .map_err(|e| Error::usage(format!("cannot start a thread: {e}"), "use fewer leaves"))?;
            self.workers.push(Worker {
                ask: Some(ask),
                answers,
                thread: Some(thread),
            });
        }
        // Who has answered has loaded its state.
        self.ask(|_| Ask::Parts);
        self.answers().map(drop)
    }

    /// Shows all replicas items that they do not learn from, before a step that is watched.
    ///
    /// # Errors
    /// When a replica is gone.
    pub(super) fn watch_held_out(&mut self, model: &mut dyn Model, batch: &Batch) -> Result<()> {
        self.ask(|_| Ask::HeldOut(batch.clone()));
        model.watch_held_out(batch);
        self.answers().map(drop)
    }

    /// A step of all leaves of this process; `batches` hold its rows.
    ///
    /// # Errors
    /// Those of the model's step, of any leaf.
    pub(super) fn step(
        &mut self,
        model: &mut dyn Model,
        batches: &[Batch],
        key: Key,
        watch: Watch,
    ) -> Result<StepReport> {
        if self.group.leaves() == 1 {
            return watched_step(model, batches, key, watch);
        }

        let (leaf, first) = (self.batch / self.group.leaves(), self.group.first_leaf());
        let of = |place: usize| -> (Vec<Batch>, Key) {
            let rows = place * leaf..(place + 1) * leaf;
            let batches = batches.iter().map(|b| b.rows(rows.clone())).collect();
            (batches, key.stream("leaf").step((first + place) as u64))
        };
        self.ask(|place| {
            let (batches, key) = of(place);
            Ask::Step(batches, key, watch)
        });
        let (mine, key) = of(0);
        let report = seated_step(model, &self.group, 0, &mine, key, watch);
        let others = self.answers();
        if let Some(why) = self.group.failure() {
            // The leaf that failed says it best.
            let failed = report.err().or(others.err());
            return Err(failed.unwrap_or_else(|| Error::usage(why, "start the training anew")));
        }
        others?;
        report
    }

    /// Whether it is so in any process, which all of them ask at the same moment: whether one is to stop, say, so that all do
    /// after the same step.
    ///
    /// # Errors
    /// When another process is gone.
    pub(super) fn any(&self, here: bool) -> Result<bool> {
        let all = self.group.over_processes(vec![here as u8 as f32])?;
        Ok(all.contains(&1.0))
    }

    /// Refuses to begin beside processes that train something else.
    ///
    /// # Errors
    /// [`Error::Usage`] with what differs.
    pub(super) fn agree(&self, recipe: &Recipe, step: u64) -> Result<()> {
        let facts = [
            ("the version", env!("CARGO_PKG_VERSION").to_string()),
            ("the instruction set", menagerie_kernels::isa_name().to_string()),
            ("the recipe", recipe.clone().with_history(vec![]).to_toml()),
            ("the checkpoint", step.to_string()),
        ];
        let mine: Vec<f32> = facts
            .iter()
            .flat_map(|(_, text)| digest(text.as_bytes()))
            .collect();
        let all = self.group.over_processes(mine.clone())?;
        match differing(&all, facts.len()) {
            Some((rank, fact)) => Err(Error::usage(
                format!("{} of process {rank} is not that of process 0", facts[fact].0),
                "start the same program with the same arguments on machines of one kind; MENAGERIE_ISA=avx2 makes them so",
            )),
            None => Ok(()),
        }
    }

    /// Refuses to go on with replicas that are no longer the same, which a model must not let come about.
    ///
    /// # Errors
    /// [`Error::Recipe`] with what differs.
    pub(super) fn same(&mut self, model: &dyn Model) -> Result<()> {
        if self.group.leaves() == 1 {
            return Ok(());
        }
        let apart = |name: &str| {
            Error::recipe(
                "train.leaves",
                format!("{name} depends on what each leaf has seen alone"),
                "set train.leaves = 1 for this model",
            )
        };
        self.ask(|_| Ask::Parts);
        let mine = parts(model);
        for answer in self.answers()? {
            let Answer::Parts(theirs) = answer else { continue };
            if let Some((name, _)) = mine.iter().find(|(name, t)| !alike(theirs.get(*name), t)) {
                return Err(apart(name));
            }
        }
        let digests = mine.values().flat_map(|t| digest(&bytes(t))).collect::<Vec<_>>();
        let all = self.group.over_processes(digests.clone())?;
        for theirs in all.chunks(digests.len().max(1)) {
            let differs = theirs.iter().zip(&all).position(|(a, b)| a != b);
            if let Some(name) = differs.and_then(|i| mine.keys().nth(i / 2)) {
                return Err(apart(name));
            }
        }
        Ok(())
    }

    fn ask(&self, what: impl Fn(usize) -> Ask) {
        for (at, worker) in self.workers.iter().enumerate() {
            if let Some(ask) = &worker.ask {
                // A worker that is gone is found by its answer that does not come.
                ask.send(what(at + 1)).ok();
            }
        }
    }

    fn answers(&self) -> Result<Vec<Answer>> {
        let gone = || Error::usage("a leaf's thread has ended", "start the training anew");
        let all: Vec<Result<Answer>> = self
            .workers
            .iter()
            .map(|w| w.answers.recv().unwrap_or_else(|_| Err(gone())))
            .collect();
        all.into_iter().collect()
    }
}

impl Drop for Leaves {
    fn drop(&mut self) {
        self.group.fail("the training has ended");
        for worker in &mut self.workers {
            worker.ask = None;
            if let Some(thread) = worker.thread.take() {
                thread.join().ok();
            }
        }
    }
}

/// All numbers and notes, as bytes.
fn bytes(t: &Tensors) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, (_, values)) in &t.arrays {
        out.extend(name.as_bytes());
        out.extend(values.iter().flat_map(|v| v.to_bits().to_le_bytes()));
    }
    for (name, note) in &t.notes {
        out.extend([name.as_bytes(), note.as_bytes()].concat());
    }
    out
}

/// Whether they have the same bits, numbers that are none included.
fn alike(a: Option<&Tensors>, b: &Tensors) -> bool {
    a.is_some_and(|a| a == b || bytes(a) == bytes(b))
}

/// The first process of which a fact is not that of process 0, and which fact, of the digests of so many facts of all processes.
fn differing(all: &[f32], facts: usize) -> Option<(usize, usize)> {
    let first = all.get(..2 * facts)?;
    all.chunks(2 * facts).enumerate().find_map(|(rank, theirs)| {
        let fact = theirs.chunks(2).zip(first.chunks(2)).position(|(a, b)| a != b)?;
        Some((rank, fact))
    })
}

/// Two whole numbers that stand for some bytes, each exact in 32-bit floats.
fn digest(bytes: &[u8]) -> [f32; 2] {
    let sum = crc32c::crc32c(bytes);
    [(sum >> 16) as f32, (sum & 0xffff) as f32]
}

fn parts(model: &dyn Model) -> Parts {
    model.save().into_iter().map(|(name, t)| (name, t())).collect()
}

fn part(parts: &Parts, name: &str) -> Result<Tensors> {
    parts.get(name).cloned().ok_or_else(|| {
        let problem = format!("a replica of the model asks for `{name}`, which the model does not keep");
        Error::usage(problem, "report this with the recipe")
    })
}

/// Answers until nobody asks any more.
fn serve(
    mut model: Box<dyn Model>,
    group: &Arc<Group>,
    place: usize,
    asked: &Receiver<Ask>,
    answer: &Sender<Result<Answer>>,
) {
    while let Ok(ask) = asked.recv() {
        let result = match ask {
            Ask::Step(batches, key, watch) => {
                seated_step(&mut *model, group, place, &batches, key, watch).map(|_| Answer::Done)
            }
            Ask::HeldOut(batch) => {
                model.watch_held_out(&batch);
                Ok(Answer::Done)
            }
            Ask::Parts => Ok(Answer::Parts(parts(&*model))),
        };
        if answer.send(result).is_err() {
            return;
        }
    }
}

fn watched_step(model: &mut dyn Model, batches: &[Batch], key: Key, watch: Watch) -> Result<StepReport> {
    if watch == Watch::InPassing {
        model.watch_in_passing();
    }
    model.step(batches, key, watch != Watch::No)
}

/// A leaf's step; what it reports is the mean of what all report. A failure lets the others go.
fn seated_step(
    model: &mut dyn Model,
    group: &Arc<Group>,
    place: usize,
    batches: &[Batch],
    key: Key,
    watch: Watch,
) -> Result<StepReport> {
    let mut step = || -> Result<StepReport> {
        let mut report = watched_step(model, batches, key, watch)?;
        let values = report.scalars.iter().map(|(_, v)| *v as f32).collect();
        for ((_, v), mean) in report.scalars.iter_mut().zip(collective::mean(values)) {
            *v = mean as f64;
        }
        Ok(report)
    };
    let work = || match group.failure() {
        Some(why) => Err(Error::usage(why, "start the training anew")),
        None => step(),
    };
    let result = catch_unwind(AssertUnwindSafe(|| group.seated(place, work))).unwrap_or_else(|_| {
        Err(Error::usage(
            "a leaf's step failed",
            "report this with the recipe",
        ))
    });
    if let Err(e) = &result {
        group.fail(&e.to_string());
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Source;
    use crate::nn::Tensors;

    fn device() -> Device {
        Device::flex().autodiff()
    }

    /// The parts after so many steps of a recipe with these keys.
    fn trained(name: &str, settings: &[(&str, &str)], steps: u64) -> (Parts, StepReport) {
        let mut recipe = Recipe::named(name).unwrap();
        let settings = settings.iter().map(|(k, v)| (k.to_string(), v.to_string()));
        recipe.set_all(&settings.collect::<Vec<_>>()).unwrap();
        let data = Source::parse("digits").open().unwrap().dataset;
        let mut model = recipe.build(data.info(), &device(), Key::new(1)).unwrap();
        let mut leaves = Leaves::new(&recipe).unwrap();
        leaves.start(&recipe, data.info(), &*model, &device()).unwrap();
        let mut report = StepReport::default();
        for step in 0..steps {
            let items: Vec<u32> = (0..16).map(|i| (step * 16 + i) as u32).collect();
            let batches = vec![Batch::of(&*data, &items).unwrap(); model.batches_per_step()];
            report = leaves
                .step(&mut *model, &batches, Key::new(2).step(step), Watch::Logged)
                .unwrap();
        }
        leaves.same(&*model).unwrap();
        (parts(&*model), report)
    }

    /// Without draws and without statistics of a batch, leaves find the gradient of the whole batch.
    #[test]
    fn the_mean_over_leaves_is_the_gradient_of_the_batch() {
        let of = |leaves: &str, at_once: &str| {
            let settings = [
                ("train.batch", "16"),
                ("train.leaves", leaves),
                ("train.leaves_at_once", at_once),
                ("data.source", "digits"),
                ("optimizer.rule", "sgd"),
                ("optimizer.learning_rate", "0.1"),
            ];
            trained("autoencoder", &settings, 3)
        };
        let (whole, report) = of("1", "0");
        for leaves in ["2", "8"] {
            let (cut, cut_report) = of(leaves, "1");
            assert!(
                cut == of(leaves, "0").0,
                "one after the other or beside each other"
            );
            let loss = |r: &StepReport| r.scalars.iter().find(|(n, _)| n.starts_with("loss/")).unwrap().1;
            assert!((loss(&report) / loss(&cut_report) - 1.0).abs() < 1e-5);
            let apart = |a: &Tensors, b: &Tensors| {
                let values =
                    |t: &Tensors| -> Vec<f32> { t.arrays.values().flat_map(|(_, v)| v.clone()).collect() };
                let (a, b) = (values(a), values(b));
                let size = a.iter().fold(0f32, |m, v| m.max(v.abs()));
                a.iter().zip(&b).fold(0f32, |m, (a, b)| m.max((a - b).abs())) / size
            };
            for (name, tensors) in &whole {
                assert!(apart(tensors, &cut[name]) < 1e-5, "{name}");
            }
        }
    }

    /// A leaf whose loss is no number ends the step of all, with its own words.
    #[test]
    fn a_leaf_that_fails_lets_the_others_go() {
        let mut recipe = Recipe::named("autoencoder").unwrap();
        let settings = [
            ("train.batch", "8"),
            ("train.leaves", "4"),
            ("data.source", "digits"),
        ];
        recipe
            .set_all(&settings.map(|(k, v)| (k.to_string(), v.to_string())))
            .unwrap();
        let data = Source::parse("digits").open().unwrap().dataset;
        let mut model = recipe.build(data.info(), &device(), Key::new(1)).unwrap();
        let mut leaves = Leaves::new(&recipe).unwrap();
        leaves.start(&recipe, data.info(), &*model, &device()).unwrap();
        let mut batch = Batch::of(&*data, &(0..8).collect::<Vec<_>>()).unwrap();
        let n = batch.values.len();
        batch.values[n - 1] = f32::NAN;
        let e = leaves
            .step(&mut *model, &[batch], Key::new(2), Watch::No)
            .unwrap_err();
        assert!(e.to_string().contains("no longer finite"), "{e}");
    }

    #[test]
    fn what_differs_between_processes_is_found() {
        let of = |facts: [&str; 3]| facts.map(|f| digest(f.as_bytes())).concat();
        let (a, b) = (
            of(["0.2.0", "avx2", "seed = 1"]),
            of(["0.2.0", "avx2", "seed = 2"]),
        );
        let c = of(["0.2.1", "avx512", "seed = 1"]);
        assert_eq!(differing(&[a.clone(), a.clone()].concat(), 3), None);
        assert_eq!(differing(&[a.clone(), a.clone(), b].concat(), 3), Some((2, 2)));
        assert_eq!(differing(&[a, c].concat(), 3), Some((1, 0)));
    }

    #[test]
    fn batches_that_cannot_be_cut_are_refused() {
        let of = |batch: &str, leaves: &str| {
            let recipe = Recipe::named("autoencoder").unwrap();
            let recipe = recipe.with("train.batch", batch).unwrap();
            Leaves::new(&recipe.with("train.leaves", leaves).unwrap())
        };
        assert_eq!(of("48", "4").unwrap().rows(), 0..48);
        let e = of("50", "4").err().unwrap().to_string();
        assert!(
            e.contains("train.leaves") && e.contains("train.batch = 52"),
            "{e}"
        );
        let e = of("48", "3").err().unwrap().to_string();
        assert!(e.contains("power of two"), "{e}");
    }
}
