//! A run killed, stopped or starved of disk at any moment loses nothing.
#![cfg(unix)]
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const STEPS: &str = "40";

fn command(dir: &Path, args: &[&str]) -> Command {
    let mut c = Command::new(env!("CARGO_BIN_EXE_menagerie"));
    c.current_dir(dir)
        .args(args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    c
}

/// Small, but with a checkpoint (of a few megabytes) after every step, so that most moments fall into writing one.
fn train_args<'a>(out: &'a str, threads: &'a str) -> Vec<&'a str> {
    vec![
        "train",
        "dcgan",
        "--data",
        "digits",
        "--batch",
        "8",
        "--steps",
        STEPS,
        "--out",
        out,
        "--threads",
        threads,
        "--set",
        "model.width=64",
        "--set",
        "train.checkpoint_every=1",
        "--set",
        "train.log_every=1",
        "--set",
        "train.sample_every=20",
        "--set",
        "model.average=0.9",
    ]
}

/// Checksums of everything a finished run has learned.
fn weights(run: &Path) -> BTreeMap<String, (u64, u32)> {
    menagerie::run::Checkpoint::open(&run.join("checkpoints/000040"))
        .unwrap()
        .state
        .files
}

fn wait_for(child: &mut Child, what: impl Fn() -> bool) {
    let begun = Instant::now();
    while !what() {
        assert!(
            child.try_wait().unwrap().is_none(),
            "it ended before it was stopped"
        );
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn newest(run: &Path) -> u64 {
    menagerie::run::steps(&run.join("checkpoints"))
        .unwrap()
        .last()
        .copied()
        .unwrap_or(0)
}

#[test]
fn killed_at_any_moment_and_resumed_on_other_threads() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    assert!(
        command(d, &train_args("whole", "2"))
            .output()
            .unwrap()
            .status
            .success()
    );
    let want = weights(&d.join("whole"));
    for (i, threads) in ["1", "2", "4"].into_iter().enumerate() {
        let run = d.join(format!("killed{i}"));
        let name = format!("killed{i}");
        let mut child = command(d, &train_args(&name, threads)).spawn().unwrap();
        let mut rounds = 0;
        loop {
            // Kill in the middle of whatever it does: first while it writes a checkpoint, then at odd moments.
            let from = newest(&run);
            let beside = |r: &Path| {
                std::fs::read_dir(r.join("checkpoints"))
                    .into_iter()
                    .flatten()
                    .flatten()
                    .any(|e| e.file_name().to_string_lossy().ends_with(".part"))
            };
            wait_for(&mut child, || {
                if rounds % 2 == 0 {
                    newest(&run) > from && beside(&run)
                } else {
                    newest(&run) > from + 2
                }
            });
            std::thread::sleep(Duration::from_millis(3 * rounds));
            child.kill().unwrap();
            child.wait().unwrap();
            rounds += 1;
            let other = ["4", "1", "2"][(i + rounds as usize) % 3];
            let args = ["train", "--resume", &name, "--threads", other];
            if rounds == 4 {
                let out = command(d, &args).output().unwrap();
                assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
                break;
            }
            child = command(d, &args).spawn().unwrap();
        }
        assert_eq!(
            weights(&run),
            want,
            "killed {rounds} times, begun with {threads} threads"
        );
        let lines = menagerie::run::read_metrics(&run.join("metrics.jsonl")).unwrap();
        assert!(
            lines.iter().map(menagerie::run::step_of).eq(1..=40),
            "every step once in metrics.jsonl"
        );
    }
}

#[test]
fn one_writer_at_a_time_and_ctrl_c() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let mut args = train_args("r", "1");
    args[7] = "100000";
    let mut child = command(d, &args).spawn().unwrap();
    wait_for(&mut child, || newest(&d.join("r")) > 0);
    let second = command(d, &["train", "--resume", "r"]).output().unwrap();
    let text = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1));
    assert!(text.contains(&format!("process {}", child.id())), "{text}");
    // Sampling a run that is being trained is fine.
    let sampled = command(d, &["sample", "r", "-n", "2"]).output().unwrap();
    assert!(
        sampled.status.success(),
        "{}",
        String::from_utf8_lossy(&sampled.stderr)
    );
    stops(child, libc::SIGINT, &d.join("r"));
}

/// Sends a signal to a training: it writes a checkpoint, says how to go on, and ends as if the signal had ended it.
fn stops(child: Child, signal: i32, run: &Path) {
    // SAFETY: a signal to a child of ours that has not been waited for.
    unsafe { libc::kill(child.id() as i32, signal) };
    let out = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    assert_eq!(out.status.code(), Some(128 + signal), "{said}");
    let name = run.file_name().unwrap().to_string_lossy();
    assert!(said.contains(&format!("--resume {name}")), "{said}");
    assert!(
        said.contains(&format!("stopped at step {} ", newest(run))),
        "{said}"
    );
}

#[test]
fn signals_that_end_programs_write_a_checkpoint_unless_they_are_ignored() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let long = |name| {
        let mut args = train_args(name, "1");
        args[7] = "100000";
        // So seldom that only the signal can have written one.
        args[15] = "train.checkpoint_every=50000";
        args
    };
    let begun = |name: &str| d.join(name).join("samples/000020.png").exists();
    for (name, signal) in [("t", libc::SIGTERM), ("h", libc::SIGHUP)] {
        let mut child = command(d, &long(name)).spawn().unwrap();
        wait_for(&mut child, || begun(name));
        stops(child, signal, &d.join(name));
        assert!(newest(&d.join(name)) >= 20);
    }
    // As under `nohup`.
    let mut c = command(d, &long("n"));
    // SAFETY: between fork and exec only an async-signal-safe call is made.
    unsafe {
        c.pre_exec(|| {
            libc::signal(libc::SIGHUP, libc::SIG_IGN);
            Ok(())
        })
    };
    let mut child = c.spawn().unwrap();
    wait_for(&mut child, || begun("n"));
    // SAFETY: a signal to a child of ours that has not been waited for.
    unsafe { libc::kill(child.id() as i32, libc::SIGHUP) };
    wait_for(&mut child, || d.join("n/samples/000060.png").exists());
    stops(child, libc::SIGTERM, &d.join("n"));
}

#[test]
fn a_folder_that_is_moved_or_deleted_stops_the_training() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    for deleted in [false, true] {
        let mut args = train_args("r", "1");
        args[7] = "100000";
        let mut child = command(d, &args).spawn().unwrap();
        wait_for(&mut child, || newest(&d.join("r")) > 2);
        std::fs::rename(d.join("r"), d.join("elsewhere")).unwrap();
        if deleted {
            std::fs::remove_dir_all(d.join("elsewhere")).unwrap();
        }
        let out = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(1), "{said}");
        assert!(said.contains("error: "), "{said}");
        assert!(
            !d.join("r").exists(),
            "no other folder is begun at the old place: {said}"
        );
        if !deleted {
            let step = (newest(&d.join("elsewhere")) + 1).to_string();
            let out = command(d, &["train", "--resume", "elsewhere", "--steps", &step]).output();
            assert!(out.unwrap().status.success());
            std::fs::remove_dir_all(d.join("elsewhere")).unwrap();
        }
    }
}

/// Nothing that is printed ends a training; results that cannot be printed are a failure.
#[cfg(target_os = "linux")]
#[test]
fn closed_and_full_outputs() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let full = || Stdio::from(std::fs::File::options().write(true).open("/dev/full").unwrap());
    let few = |name| {
        let mut args = train_args(name, "1");
        args[7] = "6";
        args
    };
    let status = command(d, &few("e"))
        .stdout(Stdio::null())
        .stderr(full())
        .status();
    assert_eq!((status.unwrap().code(), newest(&d.join("e"))), (Some(0), 6));
    let out = command(d, &few("o")).stdout(full()).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!((out.status.code(), newest(&d.join("o"))), (Some(1), 6));
    assert!(said.contains("error: standard output: cannot write"), "{said}");
    // A reader that goes away at once, as `2>&1 | head -1`.
    let mut child = command(d, &few("p")).spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!((child.wait().unwrap().code(), newest(&d.join("p"))), (Some(1), 6));
    for args in [
        &["list"][..],
        &["--help"],
        &["train", "--help"],
        &["sample", "e", "--json"],
    ] {
        let out = command(d, args).stdout(full()).output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(1), "{args:?}: {said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

/// An output that does not fit onto the disk leaves the older one as it was, and advice that fits the command.
#[test]
fn outputs_are_whole_or_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let mut args = train_args("r", "1");
    args[7] = "1";
    assert!(command(d, &args).output().unwrap().status.success());
    for out in ["x.npy", "x.png", "x/"] {
        let line = |n| vec!["sample", "r", "-n", n, "--out", out];
        assert!(command(d, &line("2")).output().unwrap().status.success());
        let content = |path: &Path| -> Vec<(std::ffi::OsString, Vec<u8>)> {
            match path.is_dir() {
                true => {
                    let files = std::fs::read_dir(path).unwrap().map(|e| e.unwrap());
                    let mut files: Vec<_> = files
                        .map(|e| (e.file_name(), std::fs::read(e.path()).unwrap()))
                        .collect();
                    files.sort();
                    files
                }
                false => vec![("".into(), std::fs::read(path).unwrap())],
            }
        };
        let before = content(&d.join(out));
        let mut c = command(d, &line("40"));
        // SAFETY: between fork and exec only an async-signal-safe call is made.
        unsafe {
            c.pre_exec(|| {
                let limit = libc::rlimit {
                    rlim_cur: 100,
                    rlim_max: 100,
                };
                match libc::setrlimit(libc::RLIMIT_FSIZE, &limit) {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                }
            })
        };
        let failed = c.output().unwrap();
        let said = String::from_utf8_lossy(&failed.stderr).into_owned();
        assert_eq!(failed.status.code(), Some(1), "{said}");
        assert!(
            said.contains("cannot write") && said.contains("ulimit -f") && !said.contains("train"),
            "{said}"
        );
        assert_eq!(content(&d.join(out)), before, "{out}");
    }
    let mut left = std::fs::read_dir(d).unwrap().map(|e| e.unwrap().file_name());
    assert!(!left.any(|n| n.to_string_lossy().starts_with('.')));
}

#[test]
fn a_second_ctrl_c_ends_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    // Steps long enough that the second signal falls into the step that the first one lets finish.
    let args = [
        "train",
        "dcgan",
        "--data",
        "portraits",
        "--batch",
        "64",
        "--set",
        "model.width=64",
        "--out",
        "r",
        "--steps",
        "1000",
        "--set",
        "train.samples=4",
    ];
    let mut child = command(d, &args).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let wait_line = |lines: &mut dyn Iterator<Item = std::io::Result<String>>, word: &str| {
        lines.map_while(Result::ok).any(|l| l.contains(word))
    };
    assert!(wait_line(&mut lines, "samples appear"));
    // SAFETY: signals to a child of ours that has not been waited for.
    unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
    assert!(wait_line(&mut lines, "Ctrl-C again"));
    // SAFETY: as above.
    unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_full_disk_leaves_the_older_checkpoint() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let small: Vec<&str> = train_args("r", "1")
        .into_iter()
        .map(|a| if a == STEPS { "3" } else { a })
        .collect();
    assert!(command(d, &small).output().unwrap().status.success());
    // The generator's file alone is larger than what may now be written.
    let mut c = command(d, &["train", "--resume", "r", "--steps", "9"]);
    // SAFETY: between fork and exec only async-signal-safe calls are made.
    unsafe {
        c.pre_exec(|| {
            let limit = libc::rlimit {
                rlim_cur: 100_000,
                rlim_max: 100_000,
            };
            if libc::setrlimit(libc::RLIMIT_FSIZE, &limit) != 0 {
                return Err(std::io::Error::last_os_error());
            }
            Ok(())
        })
    };
    let out = c.output().unwrap();
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(1), "{text}");
    assert!(
        text.contains("error: ") && text.contains("cannot write"),
        "{text}"
    );
    assert_eq!(newest(&d.join("r")), 3);
    let leftovers: Vec<_> = std::fs::read_dir(d.join("r/checkpoints"))
        .unwrap()
        .flatten()
        .map(|e| e.file_name())
        .collect();
    assert!(
        leftovers.iter().all(|n| !n.to_string_lossy().starts_with('.')),
        "{leftovers:?}"
    );
    // With room again it goes on from there.
    let out = command(d, &["train", "--resume", "r", "--steps", "5"])
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(newest(&d.join("r")), 5);
}
