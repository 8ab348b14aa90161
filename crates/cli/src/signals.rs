//! Signals that end a program: a training first finishes its step and writes a checkpoint.
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// The signal that asked the training to stop; 0 for none.
static ASKED: AtomicI32 = AtomicI32::new(0);
/// Whether a first signal lets the step at hand finish.
static TRAINING: AtomicBool = AtomicBool::new(false);

/// From now on the first signal asks the training to stop; until now it ended the program at once.
pub(crate) fn let_steps_finish() {
    TRAINING.store(true, Ordering::Relaxed);
}

/// The signal that asked the training to stop.
pub(crate) fn asked() -> Option<i32> {
    Some(ASKED.load(Ordering::Relaxed)).filter(|s| *s != 0)
}

/// What a signal does: a second one ends the program at once, since what was written is whole all the same.
fn take(signal: i32, stop: &AtomicBool) {
    if !TRAINING.load(Ordering::Relaxed) || stop.swap(true, Ordering::Relaxed) {
        std::process::exit(128 + signal);
    }
    ASKED.store(signal, Ordering::Relaxed);
    eprintln!("\nstopping after this step (Ctrl-C again: at once)");
}

/// Sets the flag that is given back when SIGINT, SIGTERM or SIGHUP comes. Call it before there are other threads: they
/// take over that the signals are left to the one that waits for them. A signal that is ignored, as SIGHUP under `nohup`,
/// stays so.
#[cfg(unix)]
pub(crate) fn watch() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    // SAFETY: sigaction only reads the disposition into a struct of its own, for which all zeros is a value.
    let ignored = |signal| unsafe {
        let mut now: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &mut now) == 0 && now.sa_sigaction == libc::SIG_IGN
    };
    let wanted = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP].map(|s| Some(s).filter(|s| !ignored(*s)));
    // SAFETY: the set is made by sigemptyset before it is read; blocking signals is sound at any time.
    let set = unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        for signal in wanted.iter().flatten() {
            libc::sigaddset(&mut set, *signal);
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
        set
    };
    let seen = stop.clone();
    let wait = move || {
        let mut signal = 0;
        // SAFETY: both are valid for the call; the signals of the set are blocked in every thread.
        while unsafe { libc::sigwait(&set, &mut signal) } == 0 {
            take(signal, &seen);
        }
    };
    if let Err(e) = std::thread::Builder::new().name("signals".into()).spawn(wait) {
        // SAFETY: as above.
        unsafe { libc::pthread_sigmask(libc::SIG_UNBLOCK, &set, std::ptr::null_mut()) };
        eprintln!("warning: Ctrl-C will stop at once, without a checkpoint: {e}");
    }
    stop
}

/// Sets the flag that is given back when Ctrl-C comes.
#[cfg(not(unix))]
pub fn watch() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let seen = stop.clone();
    if let Err(e) = ctrlc::set_handler(move || take(2, &seen)) {
        eprintln!("warning: Ctrl-C will stop at once, without a checkpoint: {e}");
    }
    stop
}

/// A file that reaches the limit of `ulimit -f` is an error like others, not the end of the program without a word.
pub(crate) fn ignore_file_size_limit() {
    #[cfg(unix)]
    // SAFETY: no handler of ours is set, the signal is ignored from now on.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}
