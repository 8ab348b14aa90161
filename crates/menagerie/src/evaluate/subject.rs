//! What is judged, as batches: a model that draws, or items that lie somewhere.
use crate::data::{Batch, DataInfo, Dataset};
use crate::error::{Error, Result};
use crate::models::{Capability, Model, SampleRequest};
use crate::random::Key;

/// Items made or read at a time.
pub const AT_ONCE: usize = 250;

/// What is judged.
#[derive(Clone, Copy)]
pub enum Subject<'a> {
    /// a trained model, its registered name, and what it was trained on
    Model {
        /// the model
        model: &'a dyn Model,
        /// its name
        name: &'a str,
        /// its data
        info: &'a DataInfo,
    },
    /// samples that were written to a file or folder
    Items(&'a dyn Dataset),
}

impl<'a> Subject<'a> {
    /// The model, or an error that says that one is needed.
    ///
    /// # Errors
    /// [`Error::Usage`] for samples without a model.
    pub fn model(&self, metric: &str) -> Result<(&'a dyn Model, &'a str)> {
        match self {
            Subject::Model { model, name, .. } => Ok((*model, name)),
            Subject::Items(set) => {
                let problem = format!("`{metric}` asks a model, and {} holds samples alone", set.info().source);
                Err(Error::usage(problem, "give a run folder"))
            }
        }
    }

    /// What its items are.
    pub fn info(&self) -> &'a DataInfo {
        match self {
            Subject::Model { info, .. } => info,
            Subject::Items(set) => set.info(),
        }
    }

    /// How many samples there are, of those asked for.
    pub fn available(&self, count: usize) -> usize {
        match self {
            Subject::Model { .. } => count,
            Subject::Items(set) => count.min(set.info().count),
        }
    }

    /// Hands on `count` samples of a class (or of all), some at a time. The draws are a function of the key alone.
    ///
    /// # Errors
    /// Those of the sampler, the data, or of `f`.
    pub fn each(&self, count: usize, label: Option<u32>, key: Key, f: &mut dyn FnMut(Batch) -> Result<()>) -> Result<()> {
        for (chunk, from) in (0..count).step_by(AT_ONCE).enumerate() {
            let n = AT_ONCE.min(count - from);
            let batch = match self {
                Subject::Items(set) => Batch::of(*set, &(from as u32..(from + n) as u32).collect::<Vec<_>>())?,
                Subject::Model { model, name, .. } => {
                    let sampler = model.as_sample().ok_or_else(|| Capability::Sample.missing(name))?;
                    let request = SampleRequest { label, ..SampleRequest::new(n, key.step(chunk as u64)) };
                    let s = sampler.sample(&request)?;
                    let labels = label.map(|l| vec![l; n]);
                    let indices = (from as u32..(from + n) as u32).collect();
                    Batch { kind: s.kind, shape: s.shape, values: s.values, labels, attributes: vec![], captions: None, indices }
                }
            };
            f(batch)?;
        }
        Ok(())
    }

    /// Whether it draws from a class that is asked for.
    pub fn is_conditional(&self) -> bool {
        match self {
            Subject::Model { model, .. } => {
                model.as_sample().is_some_and(|s| s.sample(&SampleRequest { label: Some(0), ..SampleRequest::new(1, Key::new(0)) }).is_ok())
            }
            Subject::Items(_) => false,
        }
    }
}

/// Hands on the first `count` items of a data set, some at a time.
///
/// # Errors
/// Those of the data or of `f`.
pub fn each_item(set: &dyn Dataset, count: usize, f: &mut dyn FnMut(Batch) -> Result<()>) -> Result<()> {
    Subject::Items(set).each(count.min(set.info().count), None, Key::new(0), f)
}
