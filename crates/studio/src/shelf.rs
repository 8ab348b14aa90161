//! Models that are open, within a budget of memory: the one that was not used for longest is closed first.
use crate::folder::{checkpoint_bytes, checkpoint_stamp};
use crate::http::Refusal;
use menagerie::Device;
use menagerie::data::DataInfo;
use menagerie::explore::Directions;
use menagerie::limits;
use menagerie::models::Model;
use menagerie::run::{At, Run, steps};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A model ready for use. One thread uses it at a time.
pub(crate) struct Open {
    pub model: Mutex<Box<dyn Model>>,
    /// its registered name
    pub name: String,
    /// what it was trained on
    pub info: DataInfo,
    /// its checkpoint
    pub step: u64,
    /// what the run was made of
    pub identity: String,
    /// directions that were found in its latent space, once they are asked for
    pub directions: OnceLock<Directions>,
    /// whether it draws by class, once it was asked to
    pub by_class: OnceLock<bool>,
    /// what it may take of memory
    bytes: u64,
}

/// A checkpoint as it was written: another of the same step is another.
#[derive(Clone, PartialEq)]
struct Id {
    run: PathBuf,
    step: u64,
    written: u64,
}

/// See the module.
pub(crate) struct Shelf {
    /// the one used last is the last
    open: Mutex<Vec<(Id, Arc<Open>)>>,
    /// one is opened at a time, so that none is opened twice
    opening: Mutex<()>,
    budget: u64,
}

impl Shelf {
    /// Takes an eighth of the machine's memory at most.
    pub(crate) fn new() -> Shelf {
        Shelf::with_budget(limits::memory() / 8)
    }

    fn with_budget(budget: u64) -> Shelf {
        Shelf {
            open: Mutex::default(),
            opening: Mutex::default(),
            budget,
        }
    }

    /// The model of a run at that checkpoint, from the shelf or from the disk.
    ///
    /// # Errors
    /// When there is no such checkpoint, or none that is whole.
    pub(crate) fn get(&self, run: &Run, at: At) -> Result<Arc<Open>, Refusal> {
        let id = self.id(run, at)?;
        if let Some(open) = id.as_ref().and_then(|id| self.taken(id)) {
            return Ok(open);
        }
        let _one = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = id.as_ref().and_then(|id| self.taken(id)) {
            return Ok(open);
        }
        let (model, checkpoint, _) = run.model(at, &Device::flex())?;
        let step = checkpoint.state.step;
        let open = Arc::new(Open {
            model: Mutex::new(model),
            name: run.recipe()?.model_name().into(),
            step,
            identity: run.identity(&checkpoint)?,
            directions: OnceLock::new(),
            by_class: OnceLock::new(),
            bytes: checkpoint_bytes(&checkpoint),
            info: checkpoint.state.data,
        });
        let written = checkpoint_stamp(run, step).unwrap_or(0);
        let run = run.path().to_path_buf();
        self.put(Id { run, step, written }, open.clone());
        Ok(open)
    }

    /// What the checkpoint is known by; `None` where it is not there any more.
    fn id(&self, run: &Run, at: At) -> Result<Option<Id>, Refusal> {
        let step = match at {
            At::Newest => steps(&run.file("checkpoints"))?.last().copied(),
            At::Step(step) => Some(step),
            At::Best => menagerie::run::history::best(run)?.map(|b| b.step),
        };
        let Some(step) = step else { return Ok(None) };
        Ok(checkpoint_stamp(run, step).map(|written| Id {
            run: run.path().into(),
            step,
            written,
        }))
    }

    fn taken(&self, id: &Id) -> Option<Arc<Open>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let at = open.iter().position(|(i, _)| i == id)?;
        let found = open.remove(at);
        let model = found.1.clone();
        if model.model.is_poisoned() {
            // It failed in the middle of something: it is opened anew.
            return None;
        }
        open.push(found);
        Some(model)
    }

    fn put(&self, id: Id, model: Arc<Open>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(i, _)| *i != id);
        open.push((id, model));
        let total = |open: &[(Id, Arc<Open>)]| open.iter().map(|(_, m)| m.bytes).sum::<u64>();
        while open.len() > 1 && total(&open) > self.budget {
            open.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie::recipe::Recipe;
    use menagerie::run::Trainer;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn the_one_not_used_for_longest_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let run = |name: &str| {
            let mut recipe = Recipe::named("gan-ring8").unwrap();
            let set = [("model.width", "8"), ("train.steps", "1"), ("train.batch", "8")];
            recipe
                .set_all(&set.map(|(k, v)| (k.to_string(), v.to_string())))
                .unwrap();
            let path = dir.path().join(name);
            let mut trainer = Trainer::create(recipe, &path, &Device::flex().autodiff()).unwrap();
            trainer.train(&AtomicBool::new(false), &mut |_| {}).unwrap();
            Run::open(&path).unwrap()
        };
        let runs = ["a", "b", "c"].map(run);
        let one = Shelf::new().get(&runs[0], At::Newest).unwrap().bytes;
        let shelf = Shelf::with_budget(2 * one);
        let get = |i: usize| shelf.get(&runs[i], At::Newest).unwrap();
        let (a, b) = (get(0), get(1));
        assert!(Arc::ptr_eq(&a, &get(0)), "it stays open");
        get(2);
        assert!(Arc::ptr_eq(&a, &get(0)), "it was used after b");
        assert!(!Arc::ptr_eq(&b, &get(1)));
        assert!(shelf.get(&runs[0], At::Step(7)).is_err());
        assert_eq!((a.step, a.name.as_str()), (1, "gan"));
    }
}
