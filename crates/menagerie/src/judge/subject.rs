//! What is judged, as batches: a model that draws, or items that lie somewhere.
use crate::data::{Batch, DataInfo, Dataset};
use crate::error::{Error, Result};
use crate::models::{Capability, Model, Sample, SampleRequest};
use crate::processes;
use crate::random::Key;
use std::ops::Range;

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
                let problem = format!(
                    "`{metric}` needs a model, and {} holds samples alone",
                    set.info().source
                );
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

    /// Hands on `count` samples of a class (or of all), some at a time. The draws are a function of the key alone; of items
    /// that lie somewhere, those of [`chosen`] are taken, since many a folder is sorted by class.
    ///
    /// # Errors
    /// Those of the sampler, the data, or of `f`.
    pub fn each(
        &self,
        count: usize,
        label: Option<u32>,
        key: Key,
        f: &mut dyn FnMut(Batch) -> Result<()>,
    ) -> Result<()> {
        let items = match self {
            Subject::Items(set) => chosen(count, set.info().count),
            Subject::Model { .. } => vec![],
        };
        let count = if let Subject::Items(_) = self {
            items.len()
        } else {
            count
        };
        let chunks: Vec<Range<usize>> = (0..count)
            .step_by(AT_ONCE)
            .map(|from| from..count.min(from + AT_ONCE))
            .collect();
        match self {
            Subject::Items(set) => chunks
                .into_iter()
                .try_for_each(|chunk| f(Batch::of(*set, &items[chunk])?)),
            Subject::Model { model, name, .. } => {
                let sampler = model
                    .as_sample()
                    .ok_or_else(|| Capability::Sample.missing(name))?;
                draws(sampler, &chunks, label, key, f)
            }
        }
    }

    /// Hands on samples with their classes: as many of each of `classes` when a model draws them, `count` over all of its
    /// classes; otherwise `count` items with the labels they have, those of other classes among them.
    ///
    /// # Errors
    /// Those of [`Subject::each`]; [`Error::Usage`] when there are no classes.
    pub fn each_of_classes(
        &self,
        metric: &str,
        count: usize,
        classes: Range<usize>,
        key: Key,
        f: &mut dyn FnMut(Batch) -> Result<()>,
    ) -> Result<()> {
        let all = self.classes(metric)?;
        match self {
            Subject::Items(_) => self.each(self.available(count), None, key, f),
            Subject::Model { .. } => classes.into_iter().try_for_each(|label| {
                self.each(
                    Subject::of_each(count, all),
                    Some(label as u32),
                    key.stream("class").step(label as u64),
                    f,
                )
            }),
        }
    }

    /// How many classes samples come with.
    ///
    /// # Errors
    /// [`Error::Usage`] when they come with none.
    pub fn classes(&self, metric: &str) -> Result<usize> {
        let all = self.info().labels.len();
        if all == 0 || !self.has_classes() {
            let (problem, fix) = match self {
                Subject::Model { name, .. } => (
                    format!("`{name}` does not draw from a class"),
                    "leave it out, or train a conditional model",
                ),
                Subject::Items(set) => (
                    format!("{} has no classes", set.info().source),
                    "give a folder whose sub-folders are the classes",
                ),
            };
            return Err(Error::usage(
                format!("`{metric}` needs classes, and {problem}"),
                fix,
            ));
        }
        Ok(all)
    }

    /// Samples of a class, of so many over all classes.
    pub fn of_each(count: usize, classes: usize) -> usize {
        (count / classes.max(1)).max(1)
    }

    /// Whether samples come with their classes.
    pub fn has_classes(&self) -> bool {
        match self {
            Subject::Model { .. } => self.is_conditional(),
            Subject::Items(set) => !set.info().labels.is_empty(),
        }
    }

    /// Whether it draws from a class that is asked for.
    pub fn is_conditional(&self) -> bool {
        match self {
            Subject::Model { model, .. } => model.as_sample().is_some_and(|s| {
                s.sample(&SampleRequest {
                    label: Some(0),
                    ..SampleRequest::new(1, Key::new(0))
                })
                .is_ok()
            }),
            Subject::Items(_) => false,
        }
    }
}

/// Which items of `total` are the `count` that are looked at, in their order: a draw that is always the same.
pub fn chosen(count: usize, total: usize) -> Vec<u32> {
    if count >= total {
        return (0..total as u32).collect();
    }
    let mut out = Key::new(0).stream("chosen items").permutation(total);
    out.truncate(count);
    out.sort_unstable();
    out
}

/// Hands on `count` items of a data set, those of [`chosen`], some at a time.
///
/// # Errors
/// Those of the data or of `f`.
pub fn each_item(set: &dyn Dataset, count: usize, f: &mut dyn FnMut(Batch) -> Result<()>) -> Result<()> {
    Subject::Items(set).each(count.min(set.info().count), None, Key::new(0), f)
}

/// Draws of a model, as many at a time as there are processes that draw.
fn draws(
    sampler: &dyn Sample,
    chunks: &[Range<usize>],
    label: Option<u32>,
    key: Key,
    f: &mut dyn FnMut(Batch) -> Result<()>,
) -> Result<()> {
    let requests = chunks.iter().enumerate().map(|(i, chunk)| SampleRequest {
        label,
        ..SampleRequest::new(chunk.len(), key.step(i as u64))
    });
    let (requests, at_once) = (requests.collect::<Vec<_>>(), processes::sharing());
    for (requests, chunks) in requests.chunks(at_once).zip(chunks.chunks(at_once)) {
        for (s, chunk) in processes::drawn(sampler, requests)?.into_iter().zip(chunks) {
            f(Batch {
                kind: s.kind,
                shape: s.shape,
                values: s.values,
                labels: label.map(|l| vec![l; chunk.len()]),
                attributes: vec![],
                captions: None,
                indices: (chunk.start as u32..chunk.end as u32).collect(),
            })?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_that_are_looked_at_are_a_draw_without_repetition() {
        assert_eq!(chosen(5, 5), [0, 1, 2, 3, 4]);
        assert_eq!(chosen(9, 5), [0, 1, 2, 3, 4]);
        let some = chosen(300, 60_000);
        assert!(some.len() == 300 && some.windows(2).all(|w| w[0] < w[1]) && some == chosen(300, 60_000));
        // Of every class of a sorted set, and of one whose classes take turns.
        for class in [|i: u32| i / 6000, |i: u32| i % 10] {
            assert!((0..10).all(|c| some.iter().filter(|&&i| class(i) == c).count() > 10));
        }
    }
}
