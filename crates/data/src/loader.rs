//! An endless stream of batches, decoded ahead by worker threads, in an order that does not depend on them.
use super::{Dataset, Kind};
use crate::error::{Error, Result};
use crate::random::Key;
use std::collections::BTreeMap;
use std::ops::Range;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Some items, as the networks take them.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// what the items are
    pub kind: Kind,
    /// `[batch, ...shape of an item]`
    pub shape: Vec<usize>,
    /// images, video and sound in [-1, 1], points as they are
    pub values: Vec<f32>,
    /// classes, where every item has one
    pub labels: Option<Vec<u32>>,
    /// `[batch, number of attributes]`
    pub attributes: Vec<f32>,
    /// descriptions, where every item has one
    pub captions: Option<Vec<String>>,
    /// which items they are
    pub indices: Vec<u32>,
}

impl Batch {
    /// The items of these indices, in this order.
    ///
    /// # Errors
    /// Those of [`Dataset::get`]; [`Error::Usage`] for an index past the end.
    pub fn of(dataset: &dyn Dataset, indices: &[u32]) -> Result<Batch> {
        Batch::collect(dataset, indices, &AtomicBool::new(false))
    }

    /// Some of its items, as a batch of their own.
    pub fn rows(&self, rows: Range<usize>) -> Batch {
        let n = self.shape.first().copied().unwrap_or(0);
        let of = |per_item: usize| rows.start * per_item..rows.end * per_item;
        let shape = [&[rows.len()], &self.shape[1..]].concat();
        Batch {
            kind: self.kind,
            values: self.values[of(self.values.len() / n.max(1))].to_vec(),
            labels: self.labels.as_ref().map(|l| l[rows.clone()].to_vec()),
            attributes: self.attributes[of(self.attributes.len() / n.max(1))].to_vec(),
            captions: self.captions.as_ref().map(|c| c[rows.clone()].to_vec()),
            indices: self.indices[rows.clone()].to_vec(),
            shape,
        }
    }

    /// One side of items that are two images, as images: 0 the left ones, 1 the right ones. Items that are one image stay.
    pub fn side(&self, side: usize) -> Batch {
        let (Some(&last), true) = (self.shape.last(), self.kind.has_sides()) else {
            return self.clone();
        };
        let (c, mut shape) = (last / 2, self.shape.clone());
        if let Some(last) = shape.last_mut() {
            *last = c;
        }
        Batch {
            kind: Kind::Image,
            shape,
            values: super::unpaired::cut(&self.values, c, side * c),
            ..self.clone()
        }
    }

    /// As [`Batch::of`], given up with an error once `stop` is set.
    fn collect(dataset: &dyn Dataset, indices: &[u32], stop: &AtomicBool) -> Result<Batch> {
        let info = dataset.info();
        let mut values = Vec::with_capacity(indices.len() * info.numbers());
        let (mut labels, mut attributes, mut captions) = (Vec::new(), Vec::new(), Vec::new());
        for &index in indices {
            if index as usize >= info.count {
                return Err(Error::usage(
                    format!("item {index} of {} was asked for", info.count),
                    "items count from 0",
                ));
            }
            if stop.load(Ordering::Relaxed) {
                return Err(Error::usage("the loader was dropped", "ask before that"));
            }
            let item = dataset.get(index as usize)?;
            item.values.extend(info.kind, &mut values);
            labels.extend(item.label);
            attributes.extend(item.attributes);
            captions.extend(item.caption);
        }
        let all = |n: usize| n == indices.len() && n > 0;
        Ok(Batch {
            kind: info.kind,
            shape: [&[indices.len()], &info.shape[..]].concat(),
            values,
            labels: all(labels.len()).then_some(labels),
            attributes,
            captions: all(captions.len()).then_some(captions),
            indices: indices.to_vec(),
        })
    }
}

/// In which order a loader takes items.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// every item once, and then all again in another order
    #[default]
    Epochs,
    /// each batch is drawn of all items without repetition, whatever the others hold
    Independent,
}

/// Batches that lie ready or in work have no more bytes than this together, unless a single one has.
const AHEAD: usize = 256 << 20;

/// How many batches of so many bytes may lie ready or in work: no more than the threads need to be busy.
fn ahead(bytes: usize, workers: usize) -> u64 {
    (AHEAD / bytes.max(1)).clamp(1, workers + 1) as u64
}

/// What the threads share.
struct Shared {
    dataset: Arc<dyn Dataset>,
    batch: usize,
    /// what is made of each batch
    rows: Range<usize>,
    order: Order,
    key: Key,
    /// the item of the stream that batch 0 of this loader begins with
    start: u64,
    /// the next batch to be taken up by a worker
    next: AtomicU64,
    stop: AtomicBool,
    /// how many batches may lie ready or in work, as many as [`AHEAD`] bytes hold
    ahead: u64,
    ready: Mutex<Ready>,
    /// told when a batch is ready, or one has been taken
    changed: Condvar,
    orders: Mutex<BTreeMap<u64, Arc<Vec<u32>>>>,
}

#[derive(Default)]
struct Ready {
    taken: u64,
    batches: BTreeMap<u64, Result<Batch>>,
}

impl Shared {
    /// Item `n` of the stream: epochs follow each other, or batches, each in an order of its own.
    fn item(&self, n: u64) -> u32 {
        let each = match self.order {
            Order::Epochs => self.dataset.info().count as u64,
            Order::Independent => self.batch as u64,
        };
        self.order(n / each)[(n % each) as usize]
    }

    fn order(&self, epoch: u64) -> Arc<Vec<u32>> {
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(order) = orders.get(&epoch) {
            return order.clone();
        }
        let key = self.key.stream("order").step(epoch);
        let order = match self.order {
            Order::Epochs => self.dataset.order(key),
            Order::Independent => None,
        };
        let mut order = order.unwrap_or_else(|| key.permutation(self.dataset.info().count));
        if self.order == Order::Independent {
            order.truncate(self.batch);
        }
        let order = Arc::new(order);
        orders.insert(epoch, order.clone());
        // Workers are at most a few batches apart: the newest few epochs are enough.
        while orders.len() > 4 {
            orders.pop_first();
        }
        order
    }

    fn make(&self, number: u64) -> Result<Batch> {
        let first = self.start + number * self.batch as u64;
        let (from, to) = (first + self.rows.start as u64, first + self.rows.end as u64);
        let indices: Vec<u32> = (from..to).map(|n| self.item(n)).collect();
        if let reach @ 1.. = self.dataset.reach() {
            (from + reach..to + reach).for_each(|n| self.dataset.soon(self.item(n) as usize));
        }
        let work = std::panic::AssertUnwindSafe(|| Batch::collect(&*self.dataset, &indices, &self.stop));
        // A thread that dies in silence would leave the trainer waiting for ever.
        std::panic::catch_unwind(work).unwrap_or_else(|_| {
            Err(Error::data(
                &self.dataset.info().source,
                "an item could not be made",
                "report this with the data",
            ))
        })
    }

    /// A worker: takes up batch after batch, never more than `ahead` before the trainer.
    fn work(&self) {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
            while number >= ready.taken + self.ahead && !self.stop.load(Ordering::Relaxed) {
                ready = self.changed.wait(ready).unwrap_or_else(PoisonError::into_inner);
            }
            drop(ready);
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let made = self.make(number);
            self.ready
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .batches
                .insert(number, made);
            self.changed.notify_all();
        }
    }
}

/// An endless stream of full batches. Item n of the stream is item `permutation(n / count)[n % count]` of the data
/// set, where each epoch's permutation is drawn from the key (or its [`Dataset::order`] is taken): the stream is a function of key and cursor alone, however
/// many threads decode it. Dropping the loader stops its threads.
///
/// ```
/// use menagerie_data::{Loader, Source, random::Key};
///
/// let ring = Source::parse("ring8").open()?.dataset;
/// let mut batches = Loader::new(ring.clone(), 32, Key::new(1), 0, 2)?;
/// let (first, second) = (batches.next()?, batches.next()?);
/// assert_eq!(first.shape, [32, 2]);
/// // The cursor is all that has to be kept to go on at the same place.
/// let mut again = Loader::new(ring, 32, Key::new(1), 32, 1)?;
/// assert_eq!(again.next()?, second);
/// # Ok::<(), menagerie_data::Error>(())
/// ```
pub struct Loader {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    delivered: u64,
}

impl Loader {
    /// Batches of `batch` items from item `cursor` of the stream on, decoded ahead by `workers` threads (none: by the
    /// thread that asks).
    ///
    /// # Errors
    /// [`Error::Recipe`] when `batch` is 0 or larger than the data set; [`Error::Usage`] when no thread can be started.
    pub fn new(
        dataset: Arc<dyn Dataset>,
        batch: usize,
        key: Key,
        cursor: u64,
        workers: usize,
    ) -> Result<Loader> {
        Loader::of_rows(dataset, batch, 0..batch, key, cursor, workers)
    }

    /// The same of which only these rows of each batch are made, the others elsewhere.
    ///
    /// # Errors
    /// As [`Loader::new`].
    pub fn of_rows(
        dataset: Arc<dyn Dataset>,
        batch: usize,
        rows: Range<usize>,
        key: Key,
        cursor: u64,
        workers: usize,
    ) -> Result<Loader> {
        Loader::ordered(dataset, (batch, rows), Order::Epochs, key, cursor, workers)
    }

    /// The same in that order.
    ///
    /// # Errors
    /// As [`Loader::new`].
    pub fn ordered(
        dataset: Arc<dyn Dataset>,
        (batch, rows): (usize, Range<usize>),
        order: Order,
        key: Key,
        cursor: u64,
        workers: usize,
    ) -> Result<Loader> {
        let count = dataset.info().count;
        if batch == 0 || batch > count {
            let problem = format!("a batch of {batch} cannot be made of {count} items");
            return Err(Error::recipe(
                "train.batch",
                problem,
                format!("use 1 to {count}, or more data"),
            ));
        }
        if count > u32::MAX as usize {
            let problem = format!("{count} items are more than 2^32");
            return Err(Error::recipe("data.limit", problem, "use fewer"));
        }
        let info = dataset.info();
        let item = 4 * (info.numbers() + info.attributes.len() + 2);
        let ahead = ahead(item.saturating_mul(rows.len()), workers);
        let shared = Arc::new(Shared {
            dataset,
            batch,
            rows,
            order,
            key,
            start: cursor,
            next: AtomicU64::new(0),
            stop: AtomicBool::new(false),
            ahead,
            ready: Mutex::default(),
            changed: Condvar::new(),
            orders: Mutex::default(),
        });
        let mut loader = Loader {
            shared,
            threads: Vec::new(),
            delivered: 0,
        };
        for i in 0..workers {
            let shared = loader.shared.clone();
            let thread = std::thread::Builder::new()
                .name(format!("data {i}"))
                .spawn(move || shared.work());
            let thread = thread
                .map_err(|e| Error::usage(format!("cannot start a thread: {e}"), "use fewer --threads"))?;
            loader.threads.push(thread);
        }
        Ok(loader)
    }

    /// The next batch.
    ///
    /// # Errors
    /// Those of [`Dataset::get`] for any of its items. The stream goes on after an error.
    #[allow(clippy::should_implement_trait)] // as an `Iterator` it would be one without end and with errors to unwrap
    pub fn next(&mut self) -> Result<Batch> {
        let number = self.delivered;
        self.delivered += 1;
        if self.threads.is_empty() {
            return self.shared.make(number);
        }
        let mut ready = self.shared.ready.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(batch) = ready.batches.remove(&number) {
                ready.taken = number + 1;
                drop(ready);
                self.shared.changed.notify_all();
                return batch;
            }
            ready = self
                .shared
                .changed
                .wait(ready)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Items delivered so far, those before this loader's start included: a new loader with this cursor goes on here.
    pub fn cursor(&self) -> u64 {
        self.shared.start + self.delivered * self.shared.batch as u64
    }

    /// Damaged items met since this was last asked.
    pub fn warnings(&mut self) -> Vec<String> {
        self.shared.dataset.warnings()
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        // Taken and let go so that no worker is between its look at `stop` and its wait.
        drop(self.shared.ready.lock().unwrap_or_else(PoisonError::into_inner));
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            // A worker's panic has been turned into an error already.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;

    fn digits() -> Arc<dyn Dataset> {
        Source {
            limit: 100,
            ..Source::parse("digits")
        }
        .open()
        .unwrap()
        .dataset
    }

    /// Rows that are made elsewhere are those that are missing here, wherever the stream begins.
    #[test]
    fn rows_of_a_batch_are_those_of_the_whole() {
        let key = Key::new(5);
        let whole = take(&mut Loader::new(digits(), 32, key, 64, 1).unwrap(), 8);
        for rows in [0..16, 16..32, 8..16] {
            let mut part = Loader::of_rows(digits(), 32, rows.clone(), key, 64, 1).unwrap();
            let cut: Vec<Batch> = whole.iter().map(|b| b.rows(rows.clone())).collect();
            assert_eq!(take(&mut part, 8), cut);
            assert_eq!(part.cursor(), 64 + 8 * 32);
        }
    }

    fn take(loader: &mut Loader, n: usize) -> Vec<Batch> {
        (0..n).map(|_| loader.next().unwrap()).collect()
    }

    #[test]
    fn the_stream_does_not_depend_on_threads() {
        let key = Key::new(5);
        let alone = take(&mut Loader::new(digits(), 32, key, 0, 0).unwrap(), 20);
        for workers in [1, 2, 5] {
            assert_eq!(
                take(&mut Loader::new(digits(), 32, key, 0, workers).unwrap(), 20),
                alone
            );
        }
        assert_ne!(
            take(&mut Loader::new(digits(), 32, Key::new(6), 0, 1).unwrap(), 1),
            alone[..1]
        );
    }

    #[test]
    fn independent_batches_are_drawn_of_all_items() {
        let draw = |cursor| {
            Loader::ordered(digits(), (20, 0..20), Order::Independent, Key::new(1), cursor, 2).unwrap()
        };
        let batches = take(&mut draw(0), 200);
        let mut counts = [0; 100];
        for batch in &batches {
            let distinct: std::collections::BTreeSet<u32> = batch.indices.iter().copied().collect();
            assert_eq!(distinct.len(), 20);
            batch.indices.iter().for_each(|i| counts[*i as usize] += 1);
        }
        // Within an epoch of five batches some come twice; each is taken 40 times in the mean, give or take 6.
        let epoch: std::collections::BTreeSet<u32> =
            batches[..5].iter().flat_map(|b| b.indices.clone()).collect();
        assert!(
            epoch.len() < 90 && counts.iter().all(|n| (10..75).contains(n)),
            "{} {counts:?}",
            epoch.len()
        );
        assert_eq!(take(&mut draw(60), 3), batches[3..6]);
    }

    #[test]
    fn a_cursor_restores_the_place() {
        let key = Key::new(5);
        let mut whole = Loader::new(digits(), 7, key, 0, 2).unwrap();
        let mut indices = Vec::new();
        for k in 0..40 {
            assert_eq!(whole.cursor(), k * 7);
            let mut again = Loader::new(digits(), 7, key, whole.cursor(), 1).unwrap();
            let batch = whole.next().unwrap();
            assert_eq!(batch, again.next().unwrap());
            indices.extend(batch.indices);
        }
        // Whatever the batch size, and far on in the stream.
        let mut other = Loader::new(digits(), 10, key, 14, 2).unwrap();
        assert_eq!(other.next().unwrap().indices, indices[14..24]);
        Loader::new(digits(), 10, key, 1_000_000_007, 2)
            .unwrap()
            .next()
            .unwrap();
    }

    #[test]
    fn every_epoch_holds_every_item_once_in_another_order() {
        let mut loader = Loader::new(digits(), 20, Key::new(1), 0, 2).unwrap();
        let mut epoch = || -> Vec<u32> { take(&mut loader, 5).into_iter().flat_map(|b| b.indices).collect() };
        let (mut a, mut b) = (epoch(), epoch());
        assert_ne!(a, b);
        a.sort();
        b.sort();
        assert_eq!(a, (0..100).collect::<Vec<u32>>());
        assert_eq!(a, b);
    }

    #[test]
    fn a_batch_is_its_items_in_the_networks_range() {
        let set = digits();
        let batch = Loader::new(set.clone(), 3, Key::new(1), 0, 1)
            .unwrap()
            .next()
            .unwrap();
        assert_eq!(batch.shape, [3, 8, 8, 1]);
        for (k, &i) in batch.indices.iter().enumerate() {
            let item = set.get(i as usize).unwrap();
            assert_eq!(batch.labels.as_ref().unwrap()[k], item.label.unwrap());
            let super::super::Values::Bytes(bytes) = item.values else {
                panic!()
            };
            for (value, byte) in batch.values[k * 64..].iter().zip(bytes) {
                assert!((value - (byte as f32 / 255.0 * 2.0 - 1.0)).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn a_batch_larger_than_the_data_is_an_error() {
        for batch in [0, 101] {
            let e = Loader::new(digits(), batch, Key::new(1), 0, 1)
                .err()
                .unwrap()
                .to_string();
            assert!(e.contains("train.batch") && e.contains("100"), "{e}");
        }
        Loader::new(digits(), 100, Key::new(1), 0, 1)
            .unwrap()
            .next()
            .unwrap();
    }

    /// Batches of which few fit into the bytes that may lie ready are made one after the other, as they are taken.
    #[test]
    fn what_lies_ready_is_bounded_in_bytes() {
        assert_eq!(
            [
                ahead(1000, 3),
                ahead(AHEAD / 2, 3),
                ahead(AHEAD, 3),
                ahead(2 * AHEAD, 3)
            ],
            [4, 2, 1, 1]
        );
        /// Items that claim to be large, counted as they are asked for.
        struct Large(super::super::DataInfo, AtomicU64);
        impl Dataset for Large {
            fn info(&self) -> &super::super::DataInfo {
                &self.0
            }
            fn get(&self, index: usize) -> Result<super::super::Item> {
                self.1.fetch_add(1, Ordering::Relaxed);
                digits().get(index)
            }
        }
        let info = super::super::DataInfo {
            shape: vec![AHEAD / 4, 1, 1],
            ..digits().info().clone()
        };
        let set = Arc::new(Large(info, AtomicU64::new(0)));
        let mut loader = Loader::new(set.clone(), 1, Key::new(1), 0, 3).unwrap();
        for taken in 1..6 {
            let made = loader.next().unwrap();
            assert_eq!(made.indices.len(), 1);
            // The one that was taken, and one more that may be in work.
            let asked = set.1.load(Ordering::Relaxed);
            assert!((taken..=taken + 1).contains(&asked), "{asked} of {taken}");
        }
    }

    /// Items 13 and 40 fail or panic, and say how many were asked for.
    struct Broken(super::super::DataInfo, AtomicU64);
    impl Dataset for Broken {
        fn info(&self) -> &super::super::DataInfo {
            &self.0
        }
        fn get(&self, index: usize) -> Result<super::super::Item> {
            self.1.fetch_add(1, Ordering::Relaxed);
            match index {
                13 => Err(Error::data("file 13", "is broken", "mend it")),
                40 => panic!("a decoder's fault"),
                _ => digits().get(index),
            }
        }
    }

    #[test]
    fn failures_of_workers_arrive_as_errors_and_the_stream_goes_on() {
        let set = Arc::new(Broken(digits().info().clone(), AtomicU64::new(0)));
        let mut loader = Loader::new(set.clone(), 10, Key::new(1), 0, 2).unwrap();
        let results: Vec<Result<Batch>> = (0..10).map(|_| loader.next()).collect();
        let errors = results.iter().filter(|r| r.is_err()).count();
        assert!((1..=2).contains(&errors), "{errors}");
        drop(loader);
        // Bounded: two workers, at most three batches ahead of the ten.
        assert!(set.1.load(Ordering::Relaxed) <= 130);
    }
}
