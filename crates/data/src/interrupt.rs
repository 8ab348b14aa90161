//! Work that is given up on the way: whoever draws for somebody who may leave sets a flag, and loops that take long look at it between
//! two items, batches or steps.
//!
//! ```
//! use menagerie_data::interrupt;
//! use std::sync::atomic::{AtomicBool, Ordering};
//! use std::sync::Arc;
//!
//! let gone = Arc::new(AtomicBool::new(false));
//! let mut steps = 0;
//! let result = interrupt::while_wanted(gone.clone(), || {
//!     loop {
//!         interrupt::check()?;
//!         steps += 1;
//!         gone.store(steps == 3, Ordering::Relaxed);
//!     }
//! });
//! assert!(matches!(result, Err::<(), _>(menagerie_data::Error::GivenUp)) && steps == 3);
//! ```
use crate::error::{Error, Result};
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

thread_local!(static FLAG: RefCell<Option<Arc<AtomicBool>>> = const { RefCell::new(None) });

/// Does work on this thread that may end early once `gone` is true; what it then gives is of no use.
pub fn while_wanted<T>(gone: Arc<AtomicBool>, work: impl FnOnce() -> T) -> T {
    /// Puts back what stood there before, also where the work panics.
    struct Outer(Option<Arc<AtomicBool>>);
    impl Drop for Outer {
        fn drop(&mut self) {
            FLAG.set(self.0.take());
        }
    }
    let _outer = Outer(FLAG.replace(Some(gone)));
    work()
}

/// What this thread looks at, for threads that work for it.
#[derive(Clone)]
pub struct Watch(Option<Arc<AtomicBool>>);

impl Watch {
    /// That of this thread.
    pub fn here() -> Watch {
        Watch(FLAG.with_borrow(Clone::clone))
    }

    /// Whether nobody waits for this thread's work any more.
    pub fn is_given_up(&self) -> bool {
        self.0.as_ref().is_some_and(|f| f.load(Ordering::Relaxed))
    }
}

/// Whether nobody waits for this work any more: a loop that gives no errors may then end with whatever it has.
pub fn given_up() -> bool {
    FLAG.with_borrow(|flag| flag.as_ref().is_some_and(|f| f.load(Ordering::Relaxed)))
}

/// Ends work that nobody waits for any more.
///
/// # Errors
/// [`Error::GivenUp`] then.
pub fn check() -> Result<()> {
    match given_up() {
        true => Err(Error::GivenUp),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_counts_for_its_work_alone() {
        let (yes, no) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(false)));
        assert!(!given_up() && check().is_ok());
        while_wanted(yes.clone(), || {
            assert!(given_up() && Watch::here().is_given_up());
            while_wanted(no, || assert!(!given_up()));
            assert!(matches!(check(), Err(Error::GivenUp)));
            // Another thread is asked by what it was given.
            let watch = Watch::here();
            let other = std::thread::spawn(move || (given_up(), watch.is_given_up()));
            assert_eq!(other.join().unwrap(), (false, true));
        });
        let failed = crate::limits::guarded(|| while_wanted(yes, || panic!("in the middle")));
        assert!(failed.is_err() && !given_up(), "nothing is left behind");
    }
}
