//! The processes that train one model together, where `mpirun` started several: each learns from its leaves of every batch.
use crate::error::{Error, Result};
use crate::nn::collective::Link;
use std::sync::{Arc, OnceLock};

static LINK: OnceLock<Option<Arc<dyn Link>>> = OnceLock::new();

/// The way to the other processes, where there are any.
pub(super) fn link() -> Option<Arc<dyn Link>> {
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
    use mpi::point_to_point::{Destination, Source, send_receive_into};
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
