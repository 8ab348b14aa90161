//! The processes that `mpirun` started, where it did. They train one model together, each learning from its leaves of every batch
//! ([`collective`](crate::nn::collective)), or share the work of one command part by part ([`parts`]).
use crate::error::{Error, Result};
use crate::models::{Sample, SampleRequest, Samples};
use crate::nn::collective::{Group, Link};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

static LINK: OnceLock<Option<Arc<dyn Link>>> = OnceLock::new();

/// The way to the other processes, where there are any.
pub(crate) fn link() -> Option<Arc<dyn Link>> {
    LINK.get().cloned().flatten()
}

/// This process among those that train together, from 0; it alone writes.
pub fn rank() -> usize {
    link().map_or(0, |l| l.rank())
}

/// How many processes train together.
pub fn ranks() -> usize {
    link().map_or(1, |l| l.ranks())
}

static SHARING: AtomicBool = AtomicBool::new(false);

/// From here on all processes do the same, and share the parts of it that they come upon.
pub fn share() {
    SHARING.store(true, Ordering::Relaxed);
}

/// Does what all processes do at this moment, sharing the parts that they come upon.
pub(crate) fn together<T>(work: impl FnOnce() -> T) -> T {
    /// Leaves it as it was, however the work ends.
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            SHARING.store(self.0, Ordering::Relaxed);
        }
    }
    let _before = Before(SHARING.swap(true, Ordering::Relaxed));
    work()
}

/// Whether this process only helps another, which alone speaks and writes.
pub fn only_helps() -> bool {
    SHARING.load(Ordering::Relaxed) && rank() > 0
}

/// How many processes share the work.
pub fn sharing() -> usize {
    if SHARING.load(Ordering::Relaxed) {
        ranks()
    } else {
        1
    }
}

/// Lists of numbers, `count` of them, each made by one process and had by all of them.
///
/// # Errors
/// Those of `make`; [`Error::Usage`] where another process is gone.
pub fn parts(count: usize, make: &mut dyn FnMut(usize) -> Result<Vec<f32>>) -> Result<Vec<Vec<f32>>> {
    match sharing() {
        1 => (0..count).map(make).collect(),
        ranks => {
            let group = Group::new(ranks, link())?;
            parts_among(&group, count, make)
        }
    }
}

/// The same among the processes of a group. One that fails at its part tells the others, so that none of them waits.
fn parts_among(
    group: &Group,
    count: usize,
    make: &mut dyn FnMut(usize) -> Result<Vec<f32>>,
) -> Result<Vec<Vec<f32>>> {
    let (ranks, rank) = (group.ranks(), group.rank());
    let mut all = Vec::with_capacity(count);
    for from in (0..count).step_by(ranks) {
        let made = match from + rank < count {
            true => make(from + rank),
            false => Ok(vec![]),
        };
        // Whole numbers below 2^24 are exact.
        let length = match &made {
            Ok(mine) => [mine.len() >> 20, mine.len() & 0xf_ffff].map(|n| n as f32),
            Err(_) => [FAILED; 2],
        };
        let lengths = group.over_processes(length.to_vec())?;
        let mut mine = made?;
        if let Some(other) = lengths.chunks(2).position(|l| l[0] == FAILED) {
            let problem = format!("process {other} failed at its part of the work");
            return Err(Error::usage(problem, "it says why"));
        }
        let lengths = lengths.chunks(2).map(|l| (l[0] as usize) << 20 | l[1] as usize);
        let lengths: Vec<usize> = lengths.collect();
        let longest = lengths.iter().copied().max().unwrap_or(0);
        mine.resize(longest, 0.0);
        let found = group.over_processes(mine)?;
        let here = lengths
            .iter()
            .zip(found.chunks(longest.max(1)))
            .take(count - from);
        all.extend(here.map(|(n, part)| part[..*n].to_vec()));
    }
    Ok(all)
}

/// What stands for the length of a part that failed.
const FAILED: f32 = -1.0;

/// What a model draws for each of these requests, each drawn by one process.
///
/// # Errors
/// Those of the model, and of [`parts`].
pub fn drawn(sampler: &dyn Sample, requests: &[SampleRequest]) -> Result<Vec<Samples>> {
    let mut like: Option<Samples> = None;
    let all = parts(requests.len(), &mut |i| {
        let mut s = sampler.sample(&requests[i])?;
        let values = std::mem::take(&mut s.values);
        like = Some(s);
        Ok(values)
    })?;
    // A process to which no request fell has not seen what samples are.
    let like = match (like, requests.first()) {
        (Some(like), _) => like,
        (None, Some(r)) => sampler.sample(&SampleRequest { count: 1, ..*r })?,
        (None, None) => return Ok(vec![]),
    };
    let whole = |(r, values): (&SampleRequest, Vec<f32>)| {
        let mut shape = like.shape.clone();
        shape[0] = r.count;
        Samples {
            kind: like.kind,
            shape,
            values,
        }
    };
    Ok(requests.iter().zip(all).map(whole).collect())
}

/// Ends the part that this process takes when it is dropped; kept for as long as the program works.
#[must_use]
pub struct Joined {
    #[cfg(feature = "mpi")]
    _universe: Option<mpi::environment::Universe>,
}

/// Joins the other processes that `mpirun` has started, where it has.
///
/// # Errors
/// [`Error::Usage`] where it has and this program cannot, or where MPI does not begin.
pub fn join() -> Result<Joined> {
    let started = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS"]
        .iter()
        .filter_map(|name| std::env::var(name).ok()?.parse::<usize>().ok())
        .any(|n| n > 1);
    #[cfg(feature = "mpi")]
    {
        let universe = match started {
            true => Some(over_mpi::begin()?),
            false => None,
        };
        LINK.get_or_init(|| {
            universe
                .as_ref()
                .map(|_| Arc::new(over_mpi::World::new()) as Arc<dyn Link>)
        });
        Ok(Joined { _universe: universe })
    }
    #[cfg(not(feature = "mpi"))]
    match started {
        true => Err(Error::usage(
            "mpirun started several processes, and this program was built without MPI",
            "build it with `cargo build --release -p menagerie-cli --features mpi`",
        )),
        false => Ok(Joined {}),
    }
}

/// Ends all processes: this one has failed, and the others would wait for it.
pub fn end_all() {
    #[cfg(feature = "mpi")]
    if ranks() > 1 {
        over_mpi::abort();
    }
}

#[cfg(feature = "mpi")]
mod over_mpi {
    use super::{Error, Link, Result};
    use mpi::point_to_point::send_receive_into;
    use mpi::topology::{Communicator, SimpleCommunicator};
    use mpi::{Threading, environment::Universe};

    /// Calls come from whichever leaf's thread completes a round, one at a time.
    pub(super) fn begin() -> Result<Universe> {
        let failed = || Error::usage("MPI did not begin", "start the program by mpirun");
        let (universe, threading) =
            mpi::initialize_with_threading(Threading::Serialized).ok_or_else(failed)?;
        match threading >= Threading::Serialized {
            true => Ok(universe),
            false => Err(Error::usage(
                "this MPI lets the first thread alone send",
                "use one that offers MPI_THREAD_SERIALIZED",
            )),
        }
    }

    pub(super) fn abort() {
        SimpleCommunicator::world().abort(1)
    }

    pub(super) struct World {
        rank: usize,
        ranks: usize,
    }

    impl World {
        pub(super) fn new() -> World {
            let world = SimpleCommunicator::world();
            World {
                rank: world.rank() as usize,
                ranks: world.size() as usize,
            }
        }
    }

    impl Link for World {
        fn rank(&self) -> usize {
            self.rank
        }

        fn ranks(&self) -> usize {
            self.ranks
        }

        fn exchange(&self, with: usize, numbers: &[f32]) -> std::result::Result<Vec<f32>, String> {
            let world = SimpleCommunicator::world();
            let other = world.process_at_rank(with as i32);
            let mut length = 0u64;
            send_receive_into(&(numbers.len() as u64), &other, &mut length, &other);
            if length != numbers.len() as u64 {
                return Err("the leaves of a batch went different ways".into());
            }
            let mut theirs = vec![0.0f32; numbers.len()];
            // MPI counts in 32 bits.
            for (mine, theirs) in numbers.chunks(1 << 28).zip(theirs.chunks_mut(1 << 28)) {
                send_receive_into(mine, &other, theirs, &other);
            }
            Ok(theirs)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// Two processes as two threads.
    struct Pipe(usize, Mutex<(Sender<Vec<f32>>, Receiver<Vec<f32>>)>);

    impl Link for Pipe {
        fn rank(&self) -> usize {
            self.0
        }
        fn ranks(&self) -> usize {
            2
        }
        fn exchange(&self, _: usize, numbers: &[f32]) -> std::result::Result<Vec<f32>, String> {
            let ends = self.1.lock().unwrap();
            ends.0.send(numbers.to_vec()).map_err(|e| e.to_string())?;
            ends.1.recv().map_err(|e| e.to_string())
        }
    }

    /// What each of two processes has of five parts, of which that one fails.
    fn shared(fails: Option<usize>) -> Vec<Result<Vec<Vec<f32>>>> {
        let ((to_b, from_a), (to_a, from_b)) = (channel(), channel());
        let ends = [(0, to_b, from_b), (1, to_a, from_a)];
        std::thread::scope(|threads| {
            let each = ends.map(|(rank, to, from)| {
                threads.spawn(move || {
                    let link: Arc<dyn Link> = Arc::new(Pipe(rank, Mutex::new((to, from))));
                    let group = Group::new(2, Some(link)).unwrap();
                    parts_among(&group, 5, &mut |i| match fails == Some(i) {
                        true => Err(Error::usage("this part is bad", "mend it")),
                        false => {
                            assert_eq!(i % 2, rank, "each makes its own parts");
                            Ok(vec![i as f32; i])
                        }
                    })
                })
            });
            each.map(|t| t.join().unwrap()).into_iter().collect()
        })
    }

    #[test]
    fn parts_are_made_by_one_and_had_by_all() {
        let whole: Vec<Vec<f32>> = (0..5).map(|i| vec![i as f32; i]).collect();
        for found in shared(None) {
            assert_eq!(found.unwrap(), whole);
        }
        let said = shared(Some(3)).into_iter().map(|r| r.unwrap_err().to_string());
        let said: Vec<String> = said.collect();
        assert!(
            said[0].contains("process 1 failed") && said[1].contains("this part is bad"),
            "{said:?}"
        );
    }
}
