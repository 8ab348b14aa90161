//! Threads that draw, and a queue before them that does not grow without end.
use crate::http::{Refusal, Request};
use menagerie::interrupt;
use menagerie::limits::guarded;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

/// Draws that wait; whoever comes after them is asked to come again.
const QUEUE: usize = 64;
/// Draws at a time: each uses all cores where it can.
const THREADS: usize = 2;

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
        let gone = request.gone.clone();
        let job = move || {
            if gone.load(Ordering::Relaxed) {
                return;
            }
            // A shape that a layer does not take is a panic; the studio goes on.
            let wanted = || interrupt::while_wanted(gone.clone(), work);
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
        // Without a result nobody waited for it.
        let result = result.recv();
        result.unwrap_or_else(|_| Err(Refusal::new(503, "the browser has gone")))
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
    use crate::http::Limits;
    use crate::http::tests::{all, asked, served};
    use axum::Router;
    use axum::routing::get;
    use std::sync::mpsc::channel;

    #[test]
    fn work_that_has_begun_ends_when_its_browser_leaves() {
        let workers: &Workers = Box::leak(Box::new(Workers::start().unwrap()));
        let (begins, begun) = channel();
        let (ends, ended) = channel();
        let endless = async move |request: Request| {
            let work = move || {
                begins.send(()).unwrap();
                while interrupt::check().is_ok() {
                    std::thread::yield_now();
                }
                ends.send(()).unwrap();
                Ok(())
            };
            let drawn = request.answered(|r| workers.run(r, work)).await;
            drawn.map(|()| "nobody sees this")
        };
        let wanted = async |request: Request| {
            let drawn = request.answered(|r| workers.run(r, || Ok(interrupt::given_up())));
            drawn.await.map(|given_up| format!("given up: {given_up}"))
        };
        let pages = Router::new()
            .route("/endless", get(endless))
            .route("/", get(wanted));
        let address = served(pages, Limits::default());
        let ask = |path: &str| {
            let text = format!("GET {path} HTTP/1.1\r\nConnection: close\r\n\r\n");
            asked(address, &text)
        };
        // As many as there are threads: were they not to end, nothing would be drawn any more.
        for _ in 0..THREADS {
            let browser = ask("/endless");
            begun.recv().unwrap();
            drop(browser);
            ended.recv().unwrap();
        }
        assert!(all(ask("/")).ends_with("given up: false"));
    }
}
