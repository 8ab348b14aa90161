//! The same work in another process, timed in turn with ours.
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// A process that runs as many steps as a line of its input says, and answers with the milliseconds a
/// step, of the clock and of the processors, and its peak resident memory in MiB.
pub(crate) struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    name: &'static str,
}

impl Peer {
    /// Starts `bench/peers/SCRIPT` with the Python that the environment variable `PYTHON` names.
    pub(crate) fn python(script: &str, arguments: &[String]) -> Result<Peer, Box<dyn Error>> {
        let mut child = of_script(script, arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(does_not_start)?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (Some(input), Some(output)) = (input, output) else {
            return Err("no pipes to the peer".into());
        };
        Ok(Peer {
            child,
            input,
            output: BufReader::new(output),
            name: "PyTorch",
        })
    }

    /// The same by another program than PyTorch.
    pub(crate) fn called(mut self, name: &'static str) -> Peer {
        self.name = name;
        self
    }

    fn run(&mut self, steps: usize) -> Result<[f64; 3], Box<dyn Error>> {
        writeln!(self.input, "{steps}")?;
        self.input.flush()?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let numbers: Result<Vec<f64>, _> = line.split_whitespace().map(str::parse).collect();
        numbers
            .ok()
            .and_then(|n| n.try_into().ok())
            .ok_or_else(|| format!("the peer answered {line:?}").into())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself; either way nothing is left to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a PyTorch script to its end.
pub(crate) fn finished(script: &str, arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let status = of_script(script, arguments).status().map_err(does_not_start)?;
    status
        .success()
        .then_some(())
        .ok_or_else(|| format!("{script} ended with {status}").into())
}

fn python() -> String {
    std::env::var("PYTHON").unwrap_or_else(|_| "python3".into())
}

fn of_script(script: &str, arguments: &[String]) -> Command {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("peers")
        .join(script);
    let mut command = Command::new(python());
    command.arg(path).args(arguments);
    command
}

fn does_not_start(e: std::io::Error) -> String {
    format!(
        "{} does not start: {e}; let PYTHON name one that has torch",
        python()
    )
}

/// The middle value.
pub(crate) fn median(mut v: Vec<f64>) -> f64 {
    v.sort_by(f64::total_cmp);
    let n = v.len();
    (v[(n - 1) / 2] + v[n / 2]) / 2.0
}

/// Peak resident memory of this process in MiB; 0 where the system does not say.
pub(crate) fn peak_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status
        .lines()
        .find_map(|l| l.strip_prefix("VmHWM:"))
        .unwrap_or("0");
    line.trim()
        .trim_end_matches(" kB")
        .trim()
        .parse::<f64>()
        .unwrap_or(0.0)
        / 1024.0
}

/// Processor time of this process in milliseconds; 0 where the system does not say.
pub(crate) fn processor_time() -> f64 {
    let mut t = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the call writes one timespec, and `t` is one.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut t) };
    t.tv_sec as f64 * 1e3 + t.tv_nsec as f64 * 1e-6
}

/// Runs `ours` and the peer in turn, `steps` steps a round; prints medians over the rounds, their ratio,
/// the smallest and largest ratio of a round, and peak memory. Two rounds before do not count.
///
/// The ratio of processor times is the one to look at when other work shares the machine, with one thread
/// on both sides: threads that wait for each other burn processor time, too.
pub(crate) fn compare(
    name: &str,
    rounds: usize,
    steps: usize,
    mut ours: impl FnMut(),
    mut peer: Peer,
) -> Result<(), Box<dyn Error>> {
    let (mut a, mut b, mut memory) = ([vec![], vec![]], [vec![], vec![]], 0.0);
    for round in 0..rounds + 2 {
        // A pause lets the other side's idle threads go to sleep.
        std::thread::sleep(Duration::from_millis(100));
        let (start, cpu) = (Instant::now(), processor_time());
        (0..steps).for_each(|_| ours());
        let ms = start.elapsed().as_secs_f64() * 1e3 / steps as f64;
        let cpu = (processor_time() - cpu) / steps as f64;
        std::thread::sleep(Duration::from_millis(100));
        let [theirs, their_cpu, peak] = peer.run(steps)?;
        memory = peak;
        if round >= 2 {
            eprintln!(
                "round {}: ours {ms:.1} ms, {} {theirs:.1} ms, ratio {:.2}",
                round - 1,
                peer.name,
                theirs / ms
            );
            a[0].push(ms);
            a[1].push(cpu);
            b[0].push(theirs);
            b[1].push(their_cpu);
        }
    }
    let ratios: Vec<f64> = a[0].iter().zip(&b[0]).map(|(a, b)| b / a).collect();
    let (low, high) = ratios
        .iter()
        .fold((f64::MAX, 0f64), |(l, h), &r| (l.min(r), h.max(r)));
    let ([ours, cpu], [theirs, their_cpu]) = (a.map(median), b.map(median));
    println!(
        "{name}: ours {ours:.1} ms, {} {theirs:.1} ms, ratio of medians {:.2} ({low:.2} to {high:.2}); processor time {cpu:.1} against {their_cpu:.1} ms, ratio {:.2}; peak memory {:.0} against {memory:.0} MiB",
        peer.name,
        theirs / ours,
        their_cpu / cpu,
        peak_memory()
    );
    Ok(())
}
