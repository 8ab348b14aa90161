//! What the command `menagerie`, built beside this program, takes of memory and time.
//!
//! ```text
//! menagerie-bench memory [ROUNDS]  peak resident memory (VmHWM) of `menagerie train dcgan-portraits --steps 8`
//!                                  (64x64x3, batch 64) and of as many steps in PyTorch
//! menagerie-bench startup          `menagerie list`, median of 20; `menagerie sample RUN` of 64 DCGAN-28 samples,
//!                                  from its start to the written picture, median of 10
//! ```
use crate::peer::median;
use menagerie::kernels::threads;
use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A folder of this process's own that goes with it.
pub(crate) struct Scratch(pub PathBuf);

impl Scratch {
    /// A new, empty one.
    pub(crate) fn new() -> std::io::Result<Scratch> {
        let path = std::env::temp_dir().join(format!("menagerie-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is left to the system's own cleaning.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The command, which stands beside this program.
fn menagerie() -> Result<Command, Box<dyn Error>> {
    let path = std::env::current_exe()?.with_file_name("menagerie");
    if !path.is_file() {
        return Err(format!(
            "{} is not there: build it by `cargo build --release --workspace`",
            path.display()
        )
        .into());
    }
    let mut command = Command::new(path);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command)
}

fn training(recipe: &str, steps: usize, run: &Path) -> Result<Command, Box<dyn Error>> {
    let mut command = menagerie()?;
    let (steps, threads) = (steps.to_string(), threads().to_string());
    command
        .args(["train", recipe, "--steps", &steps, "--threads", &threads, "--out"])
        .arg(run);
    Ok(command)
}

/// Waits for a process; its peak resident memory in MiB, looked at every few milliseconds while it lives.
fn peak(mut child: Child) -> Result<f64, Box<dyn Error>> {
    let status = format!("/proc/{}/status", child.id());
    let mut kib = 0.0;
    loop {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text
            .lines()
            .find_map(|l| l.strip_prefix("VmHWM:"))
            .unwrap_or_default();
        kib = line.trim().trim_end_matches("kB").trim().parse().unwrap_or(kib);
        if let Some(end) = child.try_wait()? {
            return if end.success() && kib > 0.0 {
                Ok(kib / 1024.0)
            } else {
                Err(format!("the process ended with {end}").into())
            };
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Peak memory of training, ours and PyTorch's.
pub(crate) fn memory(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    const STEPS: usize = 8;
    let rounds: usize = arguments.first().map_or(Ok(3), |v| v.parse())?;
    let scratch = Scratch::new()?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/dcgan_step.py");
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let (mut ours, mut theirs) = (vec![], vec![]);
    for round in 0..rounds {
        ours.push(peak(
            training("dcgan-portraits", STEPS, &scratch.0.join(round.to_string()))?.spawn()?,
        )?);
        let mut child = Command::new(&python)
            .arg(&script)
            .args(["64", &threads().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|e| format!("{python} does not start: {e}; let PYTHON name one that has torch"))?;
        // The end of its input ends it.
        writeln!(child.stdin.take().ok_or("no pipe to the peer")?, "{STEPS}")?;
        theirs.push(peak(child)?);
        eprintln!(
            "round {}: ours {:.0} MiB, PyTorch {:.0} MiB",
            round + 1,
            ours[round],
            theirs[round]
        );
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "peak memory of training DCGAN-64, batch 64: ours {ours:.0} MiB, PyTorch {theirs:.0} MiB, {:.2} of it",
        ours / theirs
    );
    Ok(())
}

/// Median and extremes of the milliseconds that a command takes.
fn times(
    name: &str,
    runs: usize,
    command: impl Fn() -> Result<Command, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let mut all = vec![];
    for _ in 0..runs {
        let start = Instant::now();
        let end = command()?.status()?;
        all.push(start.elapsed().as_secs_f64() * 1e3);
        if !end.success() {
            return Err(format!("{name} ended with {end}").into());
        }
    }
    let (low, high) = all
        .iter()
        .fold((f64::MAX, 0f64), |(l, h), &t| (l.min(t), h.max(t)));
    println!(
        "{name}: {:.1} ms ({low:.1} to {high:.1}, {runs} runs)",
        median(all)
    );
    Ok(())
}

/// Time of the short commands.
pub(crate) fn startup() -> Result<(), Box<dyn Error>> {
    let scratch = Scratch::new()?;
    let (run, picture) = (scratch.0.join("run"), scratch.0.join("samples.png"));
    if !training("dcgan-fashion", 3, &run)?.status()?.success() {
        return Err("the training before failed".into());
    }
    times("menagerie list", 20, || {
        let mut command = menagerie()?;
        command.arg("list");
        Ok(command)
    })?;
    times("menagerie sample, 64 of DCGAN-28", 10, || {
        let mut command = menagerie()?;
        command.arg("sample").arg(&run).arg("--out").arg(&picture);
        Ok(command)
    })?;
    std::fs::metadata(&picture).map_err(|e| format!("no picture was written: {e}"))?;
    Ok(())
}
