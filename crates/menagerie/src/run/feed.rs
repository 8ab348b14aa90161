//! What a step is fed with: batches of all items, and batches of those that have labels.
use crate::data::{Batch, Dataset, FewLabels, Loader, Order};
use crate::error::{Error, Result};
use crate::models::Model;
use crate::random::Key;
use crate::recipe::TrainConfig;
use std::ops::Range;
use std::sync::Arc;

/// The streams of batches of a training, each a function of the seed and of how far it is.
pub(super) struct Feed {
    /// with the batches that a step takes of each; the first one's place is the checkpoint's `cursor`
    streams: Vec<(Loader, usize)>,
    steps_per_epoch: f64,
}

impl Feed {
    /// `rows` are those of each batch that this process learns from. For a model that goes on after `step` steps, in which `cursor` items of its first stream were seen. With
    /// `train.labels`, batches of labelled items are made of those that keep their label, all others of items most of
    /// which have none.
    ///
    /// # Errors
    /// [`Error::Recipe`] for labels that are too many, too few, or of no use to the model; those of [`Loader::new`].
    pub(super) fn new(
        train: &TrainConfig,
        dataset: &Arc<dyn Dataset>,
        model: &dyn Model,
        rows: Range<usize>,
        cursor: u64,
        step: u64,
    ) -> Result<Feed> {
        let labelled = model.labelled_batches();
        let any = model.batches_per_step().saturating_sub(labelled);
        let key = Key::new(train.seed);
        let (mut all, mut with_labels, mut items) = (dataset.clone(), dataset.clone(), dataset.info().count);
        if train.labels > 0 {
            if labelled == 0 {
                return Err(Error::recipe(
                    "train.labels",
                    "this model does not learn from items of which only some have labels",
                    "leave it at 0, or train `classifier`, or a semi-supervised model",
                ));
            }
            let few = FewLabels::choose(dataset.clone(), train.labels, key.stream("labels"))?;
            with_labels = few.labelled(train.batch);
            if any == 0 {
                items = few.chosen().len();
            }
            all = few.all;
        }
        // One worker beside the training threads: decoding small images is far faster than learning from them.
        let workers = std::thread::available_parallelism()
            .map_or(1, |n| n.get())
            .div_ceil(2);
        let mut streams = Vec::new();
        if any > 0 {
            let order = match model.draws_independently() {
                true => Order::Independent,
                false => Order::Epochs,
            };
            let rows = (train.batch, rows.clone());
            let loader = Loader::ordered(all, rows, order, key.stream("data"), cursor, workers)?;
            streams.push((loader, any));
        }
        if labelled > 0 {
            let (key, cursor, workers) = match any {
                0 => (key.stream("data"), cursor, workers),
                _ => {
                    let seen = step * (labelled * train.batch) as u64;
                    (key.stream("labelled data"), seen, 1)
                }
            };
            streams.push((
                Loader::of_rows(with_labels, train.batch, rows, key, cursor, workers)?,
                labelled,
            ));
        }
        let batches = if any > 0 { any } else { labelled };
        Ok(Feed {
            streams,
            steps_per_epoch: items as f64 / (train.batch * batches.max(1)) as f64,
        })
    }

    /// The batches of the next step: of all items first, then of labelled ones.
    ///
    /// # Errors
    /// Those of [`Loader::next`].
    pub(super) fn next(&mut self) -> Result<Vec<Batch>> {
        let mut out = Vec::new();
        for (loader, batches) in &mut self.streams {
            for _ in 0..*batches {
                out.push(loader.next()?);
            }
        }
        Ok(out)
    }

    /// Items of the first stream delivered so far.
    pub(super) fn cursor(&self) -> u64 {
        self.streams.first().map_or(0, |(loader, _)| loader.cursor())
    }

    /// Damaged items met since this was last asked.
    pub(super) fn warnings(&mut self) -> Vec<String> {
        self.streams.iter_mut().flat_map(|(l, _)| l.warnings()).collect()
    }

    /// Steps in which every item of the first stream is seen once.
    pub(super) fn steps_per_epoch(&self) -> f64 {
        self.steps_per_epoch
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::{Part, Purpose, StepReport};
    use crate::nn::{NetworkInfo, Tensors};

    /// Takes two batches of any items and one of labelled ones, or none of them.
    struct Hungry(usize);
    impl Model for Hungry {
        fn networks(&self) -> Vec<NetworkInfo> {
            vec![]
        }
        fn batches_per_step(&self) -> usize {
            3
        }
        fn labelled_batches(&self) -> usize {
            self.0
        }
        fn step(&mut self, _: &[Batch], _: Key, _: bool) -> Result<StepReport> {
            Ok(StepReport::default())
        }
        fn save(&self) -> Vec<(String, Part<'_>)> {
            vec![]
        }
        fn load(&mut self, _: &dyn Fn(&str) -> Result<Tensors>, _: Purpose) -> Result<()> {
            Ok(())
        }
    }

    fn digits() -> Arc<dyn Dataset> {
        crate::data::Source::parse("digits").open().unwrap().dataset
    }

    fn feed(labels: usize, taken: usize, cursor: u64, step: u64) -> Result<Feed> {
        let train = TrainConfig {
            labels,
            batch: 16,
            ..TrainConfig::default()
        };
        Feed::new(&train, &digits(), &Hungry(taken), 0..train.batch, cursor, step)
    }

    #[test]
    fn labelled_batches_hold_labels_alone_and_the_others_hardly_any() {
        let mut f = feed(20, 1, 0, 0).unwrap();
        let mut kept = std::collections::BTreeSet::new();
        for _ in 0..10 {
            let batches = f.next().unwrap();
            assert_eq!(batches.len(), 3);
            assert!(batches[..2].iter().all(|b| b.labels.is_none()));
            assert_eq!(batches[2].labels.as_ref().unwrap().len(), 16);
            for image in batches[2].values.chunks_exact(64) {
                kept.insert(image.iter().map(|v| v.to_bits()).collect::<Vec<_>>());
            }
        }
        assert_eq!(kept.len(), 20);
        assert!((f.steps_per_epoch() - 1437.0 / 32.0).abs() < 1e-12);
        // Gone on with after 10 steps, both streams are where they would be.
        let mut again = feed(20, 1, f.cursor(), 10).unwrap();
        assert_eq!(again.next().unwrap(), f.next().unwrap());
        // One that learns from labels alone sees no other item, and an epoch is of these.
        let mut alone = feed(20, 3, 0, 0).unwrap();
        assert!(alone.next().unwrap().iter().all(|b| b.labels.is_some()));
        assert!((alone.steps_per_epoch() - 20.0 / 48.0).abs() < 1e-12);
    }

    #[test]
    fn few_labels_are_refused_where_they_are_of_no_use() {
        assert!(feed(0, 0, 0, 0).is_ok());
        let e = feed(20, 0, 0, 0).err().unwrap().to_string();
        assert!(e.contains("train.labels") && e.contains("classifier"), "{e}");
    }
}
