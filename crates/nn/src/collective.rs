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
        Self::with_norm(leaves, link, false)
    }

    /// The same; with `synchronized`, batch norm takes its statistics from all leaves.
    ///
    /// # Errors
    /// As for [`Self::new`].
    pub fn with_norm(leaves: usize, link: Option<Arc<dyn Link>>, synchronized: bool) -> Result<Arc<Group>> {
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
            desks: menagerie_kernels::threads(),
            synchronized,
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

    /// Runs `work` on this thread as the leaf at `place` of this process. Of all leaves here, no more than the kernels have
    /// threads compute at a time.
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
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// Processes that are threads here: a channel from each to each.
    struct Pipes {
        rank: usize,
        to: Vec<Mutex<Sender<Vec<f32>>>>,
        from: Vec<Mutex<Receiver<Vec<f32>>>>,
    }

    impl Link for Pipes {
        fn rank(&self) -> usize {
            self.rank
        }
        fn ranks(&self) -> usize {
            self.to.len()
        }
        fn exchange(&self, with: usize, numbers: &[f32]) -> std::result::Result<Vec<f32>, String> {
            let gone = |_| "the other process is gone".to_string();
            let to = self.to[with].lock().unwrap().send(numbers.to_vec());
            to.map_err(|e| e.to_string())?;
            self.from[with].lock().unwrap().recv().map_err(gone)
        }
    }

    fn pipes(ranks: usize) -> Vec<Arc<dyn Link>> {
        let mut to: Vec<Vec<_>> = (0..ranks).map(|_| vec![]).collect();
        let mut from: Vec<Vec<_>> = (0..ranks).map(|_| vec![]).collect();
        for to in &mut to {
            for from in &mut from {
                let (sender, receiver) = channel();
                to.push(Mutex::new(sender));
                from.push(Mutex::new(receiver));
            }
        }
        let pipes = to.into_iter().zip(from).enumerate();
        pipes
            .map(|(rank, (to, from))| Arc::new(Pipes { rank, to, from }) as Arc<dyn Link>)
            .collect()
    }

    /// What each leaf gets, of so many processes.
    fn over(ranks: usize, leaves: usize, work: impl Fn(usize) -> Vec<f32> + Sync) -> Vec<Vec<f32>> {
        let links = match ranks {
            1 => vec![None],
            _ => pipes(ranks).into_iter().map(Some).collect(),
        };
        std::thread::scope(|threads| {
            let mut all = Vec::new();
            for link in links {
                let group = Group::new(leaves, link).unwrap();
                for place in 0..group.own() {
                    let (group, work) = (group.clone(), &work);
                    all.push(threads.spawn(move || {
                        let leaf = group.first_leaf() + place;
                        group.seated(place, || work(leaf))
                    }));
                }
            }
            all.into_iter().map(|t| t.join().unwrap()).collect()
        })
    }

    /// Sums of numbers of very different size have the same bits however leaves lie on processes.
    #[test]
    fn processes_change_no_bit() {
        let work = |leaf: usize| {
            let key = Key::new(7).step(leaf as u64);
            let mut rng = key.rng();
            let mut all = Vec::new();
            for round in 0..5 {
                let mine: Vec<f32> = (0..1000)
                    .map(|_| (rng.uniform() - 0.5) as f32 * 10f32.powi(round))
                    .collect();
                all.extend(mean(mine));
            }
            all.extend(gather(vec![leaf as f32, -1.0]));
            all.extend(first(vec![leaf as f32 + 3.0]));
            all
        };
        let alone = over(1, 8, work);
        assert_eq!(alone[0][5000..5006], [0.0, -1.0, 1.0, -1.0, 2.0, -1.0]);
        assert_eq!(alone[0][5016], 3.0);
        for ranks in [2, 4, 8] {
            let found = over(ranks, 8, work);
            assert!(found.iter().all(|f| *f == alone[0]), "{ranks} processes");
        }
    }

    #[test]
    fn each_leaf_finds_its_share_again() {
        let shares = over(2, 4, |leaf| own_share(&gather(vec![leaf as f32; 3])));
        assert_eq!(shares, [[0.0; 3], [1.0; 3], [2.0; 3], [3.0; 3]]);
    }

    /// Nobody waits for ever for a leaf that has failed, or that went another way.
    #[test]
    fn who_waits_is_let_go() {
        let group = Group::new(2, None).unwrap();
        let waits = std::thread::spawn({
            let group = group.clone();
            move || group.seated(0, || mean(vec![1.0]))
        });
        group.fail("the other leaf is gone");
        assert_eq!(waits.join().unwrap().len(), 1);
        assert_eq!(group.failure().as_deref(), Some("the other leaf is gone"));
        let group = Group::new(2, None).unwrap();
        std::thread::scope(|threads| {
            for place in 0..2 {
                let group = group.clone();
                threads.spawn(move || group.seated(place, || mean(vec![1.0; place + 1])));
            }
        });
        assert!(group.failure().unwrap().contains("different ways"));
    }

    #[test]
    fn what_is_no_tree_is_refused() {
        let why = |leaves, link| Group::new(leaves, link).err().unwrap().to_string();
        let e = why(6, None);
        assert!(e.contains("train.leaves") && e.contains("such as 4"), "{e}");
        assert!(why(0, None).contains("such as 1"));
        let link = |n: usize| pipes(n).pop();
        assert!(why(4, link(3)).contains("3 processes"));
        assert!(why(2, link(4)).contains("set it to 4"));
    }

    /// Batch norm over synchronized leaves is batch norm of the whole batch: what it gives, and the gradients of its input and of
    /// its weights. By their own statistics it is not.
    #[test]
    fn synchronized_norms_are_those_of_the_whole_batch() {
        use crate::{Activation, BatchNorm, Init};
        use burn::tensor::Device;
        let device = Device::flex().autodiff();
        let (rows, channels) = (8, 3);
        let values: Vec<f32> = {
            let mut rng = Key::new(3).rng();
            (0..rows * channels)
                .map(|_| (3.0 * rng.uniform() + 1.0) as f32)
                .collect()
        };
        // A loss that is not symmetric in the rows: its gradient by the mean and the variance does not vanish.
        let learned = |rows: std::ops::Range<usize>| -> Vec<f32> {
            let norm = BatchNorm::of(channels)
                .spread(0.3)
                .init(&Init::new(Key::new(4), &device));
            let own = &values[rows.start * channels..rows.end * channels];
            let x = Tensor::<2>::from_data(TensorData::new(own.to_vec(), [rows.len(), channels]), &device);
            let x = x.require_grad();
            let y = norm.forward(x.clone(), Activation::LeakyRelu(0.2));
            let weights: Vec<f32> = rows.clone().map(|i| (i * i) as f32 + 1.0).collect();
            let weights = Tensor::<1>::from_floats(&weights[..], &device).reshape([rows.len(), 1]);
            let loss = (y.clone() * y.clone() * weights).mean();
            let gradients = loss.backward();
            let by_gamma = mean(numbers(norm.gamma.val().grad(&gradients).unwrap()));
            let leaves = leaves() as f32;
            let by_x = numbers(x.grad(&gradients).unwrap())
                .into_iter()
                .map(|g| g / leaves)
                .collect();
            let running = [norm.mean.value_sync(), norm.variance.value_sync()]
                .map(numbers)
                .concat();
            [gather(numbers(y.inner())), gather(by_x), by_gamma, running].concat()
        };
        let whole = learned(0..rows);
        let over = |synchronized: bool| -> Vec<f32> {
            let group = Group::with_norm(2, None, synchronized).unwrap();
            std::thread::scope(|threads| {
                let of = |place: usize| {
                    let (group, learned) = (group.clone(), &learned);
                    threads.spawn(move || group.seated(place, || learned(4 * place..4 * place + 4)))
                };
                let all = [0, 1].map(of).map(|t| t.join().unwrap());
                assert_eq!(all[0], all[1]);
                all[0].clone()
            })
        };
        let apart = |other: &[f32]| {
            whole
                .iter()
                .zip(other)
                .map(|(a, b)| (a - b).abs() / (1.0 + a.abs()))
                .fold(0.0, f32::max)
        };
        let (together, alone) = (over(true), over(false));
        assert_eq!(together.len(), whole.len());
        assert!(apart(&together) < 1e-5, "{}", apart(&together));
        assert!(apart(&alone) > 1e-2, "{}", apart(&alone));
    }
}
