//! Threads that draw, and a queue before them that does not grow without end.
use crate::http::{Refusal, Request};
use menagerie::interrupt;
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

    /// Has work done, and waits for it. If the browser goes away it is given up: before it begins, or on its way, where it
    /// looks ([`interrupt`]).
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
            let wanted = || interrupt::while_wanted(seen.clone(), work);
            let result = guarded(wanted).unwrap_or_else(|panic| Err(told(&*panic)));
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::sync::mpsc::channel;

    /// A request, and the browser that sent it.
    fn asked() -> (Box<Request>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut browser = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        browser.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let request = Request::read(listener.accept().unwrap().0).unwrap();
        (request, browser)
    }

    #[test]
    fn work_that_has_begun_ends_when_its_browser_leaves() {
        let workers = Workers::start().unwrap();
        let (begins, begun) = channel();
        let (ends, ended) = channel();
        // As many as there are threads: were they not to end, nothing would be drawn any more.
        for _ in 0..THREADS {
            let (request, browser) = asked();
            let (begins, ends) = (begins.clone(), ends.clone());
            let leaves = std::thread::spawn({
                let queue = workers.queue.clone();
                move || {
                    let work = move || {
                        begins.send(()).unwrap();
                        while interrupt::check().is_ok() {
                            std::thread::yield_now();
                        }
                        ends.send(()).unwrap();
                        Ok(())
                    };
                    Workers { queue }.run(&request, work)
                }
            });
            begun.recv().unwrap();
            drop(browser);
            ended.recv().unwrap();
            assert!(leaves.join().unwrap().is_err());
        }
        let (request, _browser) = asked();
        let given_up = workers.run(&request, || Ok(interrupt::given_up()));
        assert!(!given_up.unwrap());
    }
}
