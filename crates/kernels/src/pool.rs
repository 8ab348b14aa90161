//! The kernels' thread pool: `par_for(n, f)` calls `f(0)`, ..., `f(n - 1)` on all threads.
//!
//! Indices are handed out from a shared counter, so a thread that is held up by other load does
//! less. The caller works too, and waits only for threads that have begun: one that wakes up late
//! finds the job closed. Idle threads look for the next job for some microseconds, then sleep, so
//! that they do not take time from Burn's own threads (rayon's).
use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError};
use std::time::{Duration, Instant};

type Body = &'static (dyn Fn(usize) + Sync);

/// What callers and workers agree on, under the lock.
struct State {
    /// Number of jobs so far.
    generation: u64,
    /// The job that may be entered: its number of indices and its body.
    open: Option<(usize, Body)>,
    /// Workers asleep.
    asleep: usize,
}

struct Pool {
    state: Mutex<State>,
    start: Condvar,
    /// The generation again, to look at without the lock.
    generation: AtomicU64,
    next: AtomicUsize,
    /// Workers inside the job.
    running: AtomicUsize,
    /// Held by the caller whose job runs.
    caller: Mutex<()>,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    threads: usize,
}

static WANTED: AtomicUsize = AtomicUsize::new(0);
static POOL: OnceLock<Pool> = OnceLock::new();

thread_local!(static INSIDE: Cell<bool> = const { Cell::new(false) });

/// How long a thread looks for what it waits for before it sleeps or gives its turn away.
const SPIN: Duration = Duration::from_micros(20);

/// Looks for something for a while; tells whether it came.
fn spin_until(done: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    loop {
        for _ in 0..16 {
            if done() {
                return true;
            }
            std::hint::spin_loop();
        }
        if start.elapsed() > SPIN {
            return false;
        }
    }
}

fn lock<T>(m: &Mutex<T>) -> MutexGuard<'_, T> {
    m.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sets how many threads every kernel uses, Burn's own (through rayon's global pool) included. It
/// takes effect if it comes before the first kernel, and at least 1 thread is used. The default is
/// the environment variable `MENAGERIE_THREADS`, else what the machine offers.
pub fn set_threads(n: usize) {
    WANTED.store(n.max(1), Ordering::Relaxed);
    pool();
}

/// Threads used by every kernel.
pub fn threads() -> usize {
    pool().threads
}

fn pool() -> &'static Pool {
    let mut created = false;
    let pool = POOL.get_or_init(|| {
        created = true;
        let wanted = match WANTED.load(Ordering::Relaxed) {
            0 => std::env::var("MENAGERIE_THREADS")
                .ok()
                .and_then(|v| v.parse().ok())
                .unwrap_or(0),
            n => n,
        };
        let threads = if wanted > 0 {
            wanted
        } else {
            std::thread::available_parallelism().map_or(1, |n| n.get())
        };
        // An error means that someone has made the global pool already; then it stays theirs.
        let _ = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build_global();
        Pool {
            state: Mutex::new(State {
                generation: 0,
                open: None,
                asleep: 0,
            }),
            start: Condvar::new(),
            generation: AtomicU64::new(0),
            next: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            caller: Mutex::new(()),
            panic: Mutex::new(None),
            threads,
        }
    });
    if created {
        for i in 1..pool.threads {
            let name = format!("menagerie-{i}");
            let spawned = std::thread::Builder::new().name(name).spawn(move || worker(pool));
            // Where the system refuses another thread, those that there are do the work.
            if spawned.is_err() {
                break;
            }
        }
    }
    pool
}

fn worker(pool: &'static Pool) {
    INSIDE.set(true);
    let mut seen = 0;
    loop {
        spin_until(|| pool.generation.load(Ordering::Acquire) != seen);
        let mut state = lock(&pool.state);
        let (n, body) = loop {
            // A job that was closed before this thread came is none of its business.
            match state.open {
                Some(job) if state.generation != seen => break job,
                _ => {
                    state.asleep += 1;
                    state = pool.start.wait(state).unwrap_or_else(PoisonError::into_inner);
                    state.asleep -= 1;
                }
            }
        };
        seen = state.generation;
        pool.running.fetch_add(1, Ordering::Relaxed);
        drop(state);
        pool.work(n, body);
        pool.running.fetch_sub(1, Ordering::Release);
    }
}

impl Pool {
    /// Takes indices until there are none; a panic is kept for the caller and ends the job early.
    fn work(&self, n: usize, body: &(dyn Fn(usize) + Sync)) {
        let result = catch_unwind(AssertUnwindSafe(|| {
            loop {
                let i = self.next.fetch_add(1, Ordering::Relaxed);
                if i >= n {
                    return;
                }
                body(i);
            }
        }));
        if let Err(panic) = result {
            self.next.store(n, Ordering::Relaxed);
            lock(&self.panic).get_or_insert(panic);
        }
    }
}

/// Calls `f` for every index below `n`, on all threads, in no particular order, and returns when
/// all calls have returned. From inside another `par_for`, or while another thread's `par_for`
/// runs, the calling thread does all of it: nesting is allowed, and never waits.
///
/// # Panics
/// When a call of `f` panics; the other threads have stopped by then.
pub fn par_for(n: usize, f: &(dyn Fn(usize) + Sync)) {
    let pool = pool();
    if pool.threads == 1 || n <= 1 || INSIDE.get() {
        return (0..n).for_each(f);
    }
    let _caller = match pool.caller.try_lock() {
        Ok(guard) => guard,
        Err(TryLockError::Poisoned(e)) => e.into_inner(),
        Err(TryLockError::WouldBlock) => return (0..n).for_each(f),
    };
    // SAFETY: only the lifetime changes. A worker takes the body, and counts itself as running,
    // under the lock while the job is open; this function closes it and then waits until nobody
    // runs. Nothing between the opening and that wait can unwind, as `work` catches.
    let body: Body = unsafe { std::mem::transmute::<&(dyn Fn(usize) + Sync), Body>(f) };
    pool.next.store(0, Ordering::Relaxed);
    let asleep = {
        let mut state = lock(&pool.state);
        state.generation += 1;
        state.open = Some((n, body));
        pool.generation.store(state.generation, Ordering::Release);
        state.asleep
    };
    if asleep > 0 {
        pool.start.notify_all();
    }
    INSIDE.set(true);
    pool.work(n, body);
    INSIDE.set(false);
    lock(&pool.state).open = None;
    let idle = || pool.running.load(Ordering::Acquire) == 0;
    while !spin_until(idle) {
        std::thread::yield_now();
    }
    let panic = lock(&pool.panic).take();
    if let Some(panic) = panic {
        resume_unwind(panic);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_once_even_nested() {
        let seen: Vec<AtomicUsize> = (0..1000).map(|_| AtomicUsize::new(0)).collect();
        par_for(10, &|i| {
            par_for(100, &|j| {
                seen[i * 100 + j].fetch_add(1, Ordering::Relaxed);
            })
        });
        assert!(seen.iter().all(|v| v.load(Ordering::Relaxed) == 1));
    }

    #[test]
    fn callers_on_many_threads() {
        std::thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(|| {
                    for n in 0..200 {
                        let sum = AtomicUsize::new(0);
                        par_for(n, &|i| {
                            sum.fetch_add(i, Ordering::Relaxed);
                        });
                        assert_eq!(sum.into_inner(), n * n.saturating_sub(1) / 2);
                    }
                });
            }
        });
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_goes_on() {
        let caught = catch_unwind(|| par_for(64, &|i| assert!(i != 37, "index 37")));
        assert!(caught.is_err());
        let sum = AtomicUsize::new(0);
        par_for(64, &|i| {
            sum.fetch_add(i, Ordering::Relaxed);
        });
        assert_eq!(sum.into_inner(), 2016);
    }
}
