//! Leaves of a batch that learn together: what each of them found is summed over one fixed binary tree, so that the result
//! has the same bits however the leaves lie on threads and machines.
//!
//! A batch is cut into so many leaves, a power of two. Each is learned from by a replica of the model, on a thread that has a
//! seat in a [`Group`]; groups of several processes are joined by a [`Link`]. Layers and optimizers call [`mean`], [`gather`]
//! and [`first`], which do nothing on a thread without a seat. All leaves must call the same functions in the same order:
//! what a model decides by, it has from all of them.
//!
//! ```
//! use menagerie_nn::collective::{Group, mean};
//!
//! let group = Group::new(2, None)?;
//! let found: Vec<Vec<f32>> = std::thread::scope(|threads| {
//!     let leaves = (0..2).map(|leaf| {
//!         let group = group.clone();
//!         threads.spawn(move || group.seated(leaf, || mean(vec![leaf as f32, 4.0])))
//!     });
//!     leaves.collect::<Vec<_>>().into_iter().map(|t| t.join().unwrap()).collect()
//! });
//! assert_eq!(found, [[0.5, 4.0], [0.5, 4.0]]);
//! # Ok::<(), menagerie_data::Error>(())
//! ```
use crate::numbers;
use burn::tensor::{Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// What joins the groups of several processes.
pub trait Link: Send + Sync {
    /// This process among the others, from 0.
    fn rank(&self) -> usize;

    /// How many they are, a power of two.
    fn ranks(&self) -> usize;

    /// Gives numbers to another process and takes as many from it.
    ///
    /// # Errors
    /// What went wrong on the way.
    fn exchange(&self, with: usize, numbers: &[f32]) -> std::result::Result<Vec<f32>, String>;
}

/// What is done with the numbers of all leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Sum,
    Gather,
}

/// The round that is being played: each leaf of this process lays down its numbers, the last one works out the result.
#[derive(Default)]
struct Round {
    number: u64,
    laid: Vec<Option<Vec<f32>>>,
    kind: Option<(Kind, usize)>,
    result: Arc<Vec<f32>>,
    failure: Option<String>,
    /// leaves that compute
    busy: usize,
}

/// The leaves of this process, and the way to those of others.
pub struct Group {
    leaves: usize,
    own: usize,
    /// leaves that may compute at a time
    desks: usize,
    /// whether batch norm takes its statistics from all leaves
    synchronized: bool,
    link: Option<Arc<dyn Link>>,
    /// bytes given to other processes
    given: AtomicU64,
    round: Mutex<Round>,
    changed: Condvar,
}

/// How the leaves of a batch are gone through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passing {
    /// whether batch norm takes its statistics from all leaves
    pub synchronized: bool,
    /// leaves of a process that compute at a time; 0 for as many as the kernels have threads
    pub at_once: usize,
}

struct Seat {
    group: Arc<Group>,
    place: usize,
}

thread_local!(static SEAT: RefCell<Option<Seat>> = const { RefCell::new(None) });

impl Group {
    /// Of so many leaves over all processes.
    ///
    /// # Errors
    /// [`Error::Recipe`] where they are not a power of two, or fewer than the processes; [`Error::Usage`] where the
    /// processes are not a power of two.
    pub fn new(leaves: usize, link: Option<Arc<dyn Link>>) -> Result<Arc<Group>> {
        Self::passing(leaves, link, Passing::default())
    }

    /// The same, gone through in that way.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn passing(leaves: usize, link: Option<Arc<dyn Link>>, how: Passing) -> Result<Arc<Group>> {
        if !leaves.is_power_of_two() {
            let below = leaves.max(1).next_power_of_two() / 2;
            return Err(Error::recipe(
                "train.leaves",
                format!("{leaves} leaves do not fill a binary tree"),
                format!("give a power of two, such as {}", below.max(1)),
            ));
        }
        let ranks = link.as_ref().map_or(1, |l| l.ranks());
        if !ranks.is_power_of_two() {
            return Err(Error::usage(
                format!("{ranks} processes do not share a binary tree evenly"),
                "start 1, 2, 4, 8, ... processes",
            ));
        }
        if leaves < ranks {
            return Err(Error::recipe(
                "train.leaves",
                format!("{leaves} leaves are fewer than the {ranks} processes"),
                format!("set it to {ranks} or a larger power of two, or start fewer processes"),
            ));
        }
        let own = leaves / ranks;
        Ok(Arc::new(Group {
            leaves,
            own,
            desks: match how.at_once {
                0 => menagerie_kernels::threads(),
                n => n,
            },
            synchronized: how.synchronized,
            link,
            given: AtomicU64::new(0),
            round: Mutex::new(Round {
                laid: vec![None; own],
                ..Round::default()
            }),
            changed: Condvar::new(),
        }))
    }

    /// Leaves over all processes.
    pub fn leaves(&self) -> usize {
        self.leaves
    }

    /// Leaves of this process.
    pub fn own(&self) -> usize {
        self.own
    }

    /// Bytes that this process has given to others.
    pub fn given(&self) -> u64 {
        self.given.load(Ordering::Relaxed)
    }

    /// The first leaf of this process.
    pub fn first_leaf(&self) -> usize {
        self.rank() * self.own
    }

    /// This process among the others.
    pub fn rank(&self) -> usize {
        self.link.as_ref().map_or(0, |l| l.rank())
    }

    /// Processes.
    pub fn ranks(&self) -> usize {
        self.link.as_ref().map_or(1, |l| l.ranks())
    }

    /// Runs `work` on this thread as the leaf at `place` of this process. Of all leaves here, no more than there are desks
    /// compute at a time.
    pub fn seated<T>(self: &Arc<Self>, place: usize, work: impl FnOnce() -> T) -> T {
        /// Leaves, however the work ends.
        struct Rises(Arc<Group>);
        impl Drop for Rises {
            fn drop(&mut self) {
                SEAT.take();
                self.0.leave_desk(&mut self.0.lock());
                if std::thread::panicking() {
                    self.0.fail("a leaf panicked");
                }
            }
        }
        drop(self.take_desk(self.lock()));
        let _rises = Rises(self.clone());
        SEAT.set(Some(Seat {
            group: self.clone(),
            place,
        }));
        work()
    }

    /// Lets everybody go who waits for a leaf that will not come: what they get is worth nothing.
    pub fn fail(&self, why: &str) {
        self.lock().failure.get_or_insert_with(|| why.to_string());
        self.changed.notify_all();
    }

    /// Why what leaves got is worth nothing, where it is.
    pub fn failure(&self) -> Option<String> {
        self.lock().failure.clone()
    }

    /// The numbers of all processes, one after the other; each gives as many, from outside any leaf's seat.
    ///
    /// # Errors
    /// [`Error::Usage`] where another process is gone.
    pub fn over_processes(&self, numbers: Vec<f32>) -> Result<Vec<f32>> {
        self.over_all(Kind::Gather, vec![numbers])
            .map_err(|why| Error::usage(why, "start all processes anew"))
    }

    fn lock(&self) -> MutexGuard<'_, Round> {
        self.round.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_desk<'a>(&self, mut round: MutexGuard<'a, Round>) -> MutexGuard<'a, Round> {
        while round.busy >= self.desks {
            round = self.changed.wait(round).unwrap_or_else(PoisonError::into_inner);
        }
        round.busy += 1;
        round
    }

    fn leave_desk(&self, round: &mut Round) {
        round.busy = round.busy.saturating_sub(1);
        self.changed.notify_all();
    }

    /// Lays down the numbers of a leaf, and takes up what comes of those of all.
    fn play(&self, place: usize, kind: Kind, numbers: Vec<f32>) -> Arc<Vec<f32>> {
        let what = (kind, numbers.len());
        let mut round = self.lock();
        if round.failure.is_some() {
            return Arc::new(worthless(kind, numbers, self.leaves));
        }
        if *round.kind.get_or_insert(what) != what || round.laid[place].is_some() {
            round.failure = Some("the leaves of a batch went different ways".into());
            self.changed.notify_all();
            return Arc::new(worthless(kind, numbers, self.leaves));
        }
        let number = round.number;
        round.laid[place] = Some(numbers);
        if round.laid.iter().all(Option::is_some) {
            let laid = round.laid.iter_mut().filter_map(Option::take).collect();
            match self.over_all(kind, laid) {
                Ok(result) => round.result = Arc::new(result),
                Err(why) => {
                    round.result = Arc::new(worthless(kind, vec![0.0; what.1], self.leaves));
                    round.failure = Some(why);
                }
            }
            round.kind = None;
            round.number += 1;
            self.changed.notify_all();
            return round.result.clone();
        }
        self.leave_desk(&mut round);
        while round.number == number && round.failure.is_none() {
            round = self.changed.wait(round).unwrap_or_else(PoisonError::into_inner);
        }
        let result = match round.number == number {
            true => Arc::new(worthless(kind, vec![0.0; what.1], self.leaves)),
            // The next round does not end before this leaf has laid down its numbers: the result is still there.
            false => round.result.clone(),
        };
        if round.failure.is_none() {
            drop(self.take_desk(round));
        } else {
            round.busy += 1;
        }
        result
    }

    /// Along the tree: leaves of this process first, then process with process.
    fn over_all(&self, kind: Kind, laid: Vec<Vec<f32>>) -> std::result::Result<Vec<f32>, String> {
        let mut mine = match kind {
            Kind::Sum => tree(laid),
            Kind::Gather => laid.concat(),
        };
        let Some(link) = &self.link else {
            return Ok(mine);
        };
        let mut apart = 1;
        while apart < link.ranks() {
            let other = link.rank() ^ apart;
            let theirs = link.exchange(other, &mine)?;
            self.given.fetch_add(4 * mine.len() as u64, Ordering::Relaxed);

            if theirs.len() != mine.len() {
                return Err("the leaves of a batch went different ways".into());
            }
            match kind {
                // A sum of two has the same bits in either order.
                Kind::Sum => add(&mut mine, &theirs),
                Kind::Gather if other < link.rank() => mine = [theirs, mine].concat(),
                Kind::Gather => mine.extend(theirs),
            }
            apart *= 2;
        }
        Ok(mine)
    }
}

/// Something of the right length, for those who have to be let go.
fn worthless(kind: Kind, numbers: Vec<f32>, leaves: usize) -> Vec<f32> {
    match kind {
        Kind::Sum => numbers,
        Kind::Gather => numbers.repeat(leaves),
    }
}

fn add(a: &mut [f32], b: &[f32]) {
    for (a, b) in a.iter_mut().zip(b) {
        *a += b;
    }
}

/// The sum of a power of two of lists: neighbours first.
fn tree(mut lists: Vec<Vec<f32>>) -> Vec<f32> {
    while lists.len() > 1 {
        let mut next = Vec::with_capacity(lists.len() / 2);
        let mut pairs = lists.into_iter();
        while let (Some(mut a), Some(b)) = (pairs.next(), pairs.next()) {
            add(&mut a, &b);
            next.push(a);
        }
        lists = next;
    }
    lists.pop().unwrap_or_default()
}

/// The group of this thread, and its place there.
fn seat() -> Option<(Arc<Group>, usize)> {
    let seat = SEAT.with_borrow(|s| s.as_ref().map(|s| (s.group.clone(), s.place)));
    seat.filter(|(group, _)| group.leaves > 1)
}

/// Leaves of a batch over all processes.
pub fn leaves() -> usize {
    seat().map_or(1, |(group, _)| group.leaves)
}

/// Whether this thread learns from one leaf of several.
pub fn is_shared() -> bool {
    seat().is_some()
}

/// Whether batch norm on this thread takes its statistics from all leaves.
pub fn norms_are_synchronized() -> bool {
    seat().is_some_and(|(group, _)| group.synchronized)
}

/// The mean of a tensor over all leaves, through which gradients go: where the loss is the mean of the leaves' losses, each
/// leaf's part of the gradient is the mean of what all of them have.
pub fn mean_with_gradient<const D: usize>(t: Tensor<D>) -> Tensor<D> {
    match is_shared() {
        true => menagerie_kernels::by_host(t, mean),
        false => t,
    }
}

/// The mean of these numbers over all leaves, one by one.
pub fn mean(numbers: Vec<f32>) -> Vec<f32> {
    let Some((group, place)) = seat() else {
        return numbers;
    };
    // The leaves are a power of two: the factor costs no bits.
    let factor = 1.0 / group.leaves as f32;
    let sum = group.play(place, Kind::Sum, numbers);
    sum.iter().map(|v| v * factor).collect()
}

/// The numbers of all leaves, one after the other; every leaf gives as many.
pub fn gather(numbers: Vec<f32>) -> Vec<f32> {
    match seat() {
        Some((group, place)) => group.play(place, Kind::Gather, numbers).to_vec(),
        None => numbers,
    }
}

/// The mean of one number over all leaves, which passes through 32 bits where there are several.
pub fn mean_of(number: f64) -> f64 {
    match is_shared() {
        true => mean(vec![number as f32])[0] as f64,
        false => number,
    }
}

/// The mean of a tensor without a tape over all leaves.
pub fn mean_tensor<const D: usize>(t: Tensor<D>) -> Tensor<D> {
    if !is_shared() {
        return t;
    }
    let (shape, device) = (t.shape(), t.device());
    Tensor::from_data(TensorData::new(mean(numbers(t)), shape), &device)
}

/// Gradients become their mean over all leaves of a batch, in one message.
pub(crate) fn mean_gradients(found: &mut BTreeMap<String, Tensor<1>>) {
    if !is_shared() {
        return;
    }
    let mut all = Vec::new();
    for g in found.values() {
        all.extend(numbers(g.clone()));
    }
    let all = mean(all);
    let mut rest = &all[..];
    for g in found.values_mut() {
        let (mine, after) = rest.split_at(g.dims()[0]);
        *g = Tensor::from_floats(mine, &g.device());
        rest = after;
    }
}

/// The key of the first leaf, for what is drawn once for all of them.
pub fn common_key(key: Key) -> Key {
    if !is_shared() {
        return key;
    }
    // Whole numbers of 16 bits are exact in 32-bit floats.
    let word = key.rng().word();
    let parts = (0..4).map(|i| (word >> (16 * i)) as u16 as f32).collect();
    let parts = first(parts).into_iter().enumerate();
    Key::new(parts.map(|(i, v)| (v as u64) << (16 * i)).sum())
}

/// The numbers of the first leaf; every leaf gives as many.
pub fn first(numbers: Vec<f32>) -> Vec<f32> {
    let n = numbers.len();
    let mut all = gather(numbers);
    all.truncate(n);
    all
}

/// This leaf's share of what [`gather`] gave or what was made of it, row by row.
pub fn own_share<T: Clone>(all: &[T]) -> Vec<T> {
    let Some((group, place)) = seat() else {
        return all.to_vec();
    };
    let n = all.len() / group.leaves;
    let leaf = group.first_leaf() + place;
    all[leaf * n..(leaf + 1) * n].to_vec()
}

#[cfg(test)]
mod tests;
