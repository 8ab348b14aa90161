//! Threads that draw, and a queue before them that does not grow without end.
use crate::http::{Refusal, Request};
use menagerie::limits::guarded;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Draws that wait; whoever comes after them is asked to come again.
const QUEUE: usize = 64;
/// Draws at a time: each uses all cores where it can.
const THREADS: usize = 2;
/// How often a waiting connection looks whether its browser is still there.
const LOOK: Duration = Duration::from_millis(100);

type Job = Box<dyn FnOnce() + Send>;

/// See the module.
pub(crate) struct Workers {
    queue: SyncSender<Job>,
}

impl Workers {
    /// # Errors
    /// Where no thread is to be had.
    pub(crate) fn start() -> std::io::Result<Workers> {
        let (queue, jobs) = sync_channel::<Job>(QUEUE);
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..THREADS {
            let jobs = jobs.clone();
            std::thread::Builder::new()
                .name("draw".into())
                .spawn(move || work(&jobs))?;
        }
        Ok(Workers { queue })
    }

    /// Has work done, and waits for it; given up before it begins if the browser goes away.
    ///
    /// # Errors
    /// Those of the work; 503 where too much waits already.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        request: &Request,
        work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let (done, result) = sync_channel(1);
        let abandoned = Arc::new(AtomicBool::new(false));
        let seen = abandoned.clone();
        let job = move || {
            if seen.load(Ordering::Relaxed) {
                return;
            }
            // A shape that a layer does not take is a panic; the studio goes on.
            let result = guarded(work).unwrap_or_else(|panic| Err(told(&*panic)));
            done.send(result).ok();
        };
        match self.queue.try_send(Box::new(job)) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                return Err(Refusal::new(
                    503,
                    "too many pictures are waiting to be drawn; try again",
                ));
            }
            Err(TrySendError::Disconnected(_)) => return Err(Refusal::new(500, "nobody draws any more")),
        }
        loop {
            match result.recv_timeout(LOOK) {
                Ok(result) => return result,
                Err(RecvTimeoutError::Disconnected) => return Err(Refusal::new(500, "drawing ended early")),
                Err(RecvTimeoutError::Timeout) if request.is_abandoned() => {
                    abandoned.store(true, Ordering::Relaxed);
                    return Err(Refusal::new(503, "the browser has gone"));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

fn work(jobs: &Mutex<Receiver<Job>>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}

/// What a panic said, in a line.
fn told(panic: &(dyn std::any::Any + Send)) -> Refusal {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no reason was given");
    let line = text.lines().next().unwrap_or_default();
    Refusal::new(500, format!("the model could not do this: {line}"))
}
