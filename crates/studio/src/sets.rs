//! The data of runs that are looked at: a few stay open.
use crate::http::Refusal;
use menagerie::data::{DataInfo, Dataset, renumbered};
use menagerie::run::Run;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Sets that stay open: each may be large.
const MOST: usize = 2;

/// See the module.
#[derive(Default)]
pub(crate) struct Sets {
    /// the one used last is the last
    open: Mutex<Vec<(PathBuf, Arc<dyn Dataset>)>>,
}

impl Sets {
    /// The data that a run was trained on, as its recipe prepares them; `own` is what they were then.
    ///
    /// # Errors
    /// When they are not there any more, or are others.
    pub(crate) fn get(&self, run: &Run, own: &DataInfo) -> Result<Arc<dyn Dataset>, Refusal> {
        // One is opened at a time, so that none is opened twice.
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = open.iter().position(|(path, _)| path == run.path()) {
            let found = open.remove(at);
            open.push(found.clone());
            return Ok(found.1);
        }
        let opened = run.recipe()?.data()?.of_letters(own).open()?;
        let set = renumbered(opened.dataset, &own.labels, &mut Vec::new());
        let info = set.info();
        if (info.kind, &info.shape) != (own.kind, &own.shape) {
            let problem = format!("`{}` holds other items than the run was trained on", info.source);
            return Err(Refusal::new(409, problem));
        }
        open.push((run.path().into(), set.clone()));
        if open.len() > MOST {
            open.remove(0);
        }
        Ok(set)
    }
}
