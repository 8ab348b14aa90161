//! A training and its resumption with a fault at any of its calls on files: an error, a full disk, a kill before the call
//! or half way through. Nothing that was whole is lost, and what is resumed ends in the same bits. The same of what
//! other commands write: each file is the one before or the new one, and whole. A training and its resumptions killed at
//! random moments end in the same bits, too.
//!
//! A few of the calls and moments are tried; `MENAGERIE_FAULTS=all` tries every call, and hundreds of moments.
#![cfg(all(target_os = "linux", target_env = "gnu"))]
use menagerie::run::{Checkpoint, read_metrics, steps};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const KINDS: [&str; 4] = ["error", "full", "kill", "torn"];
const TRAIN: &str = "train vae --data digits --size 8 --threads 1 --steps 8 --evaluate-every 4 --set model.hidden=[12] \
                     --set model.latent=3 --set train.batch=8 --set train.checkpoint_every=2 --set train.keep=2 \
                     --set train.sample_every=4 --set train.log_every=2 --set train.samples=4 --set evaluate.n=8";

struct Trial {
    folder: tempfile::TempDir,
    shim: PathBuf,
}

struct Fault {
    at: usize,
    kind: &'static str,
}

impl Trial {
    /// None, with a word, where there is no C compiler to make what the faults come from.
    fn new() -> Option<Trial> {
        let folder = tempfile::tempdir().unwrap();
        let shim = folder.path().join("faults.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/faults.c");
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(&shim)
            .arg(source)
            .arg("-ldl");
        if !cc.status().is_ok_and(|s| s.success()) {
            eprintln!("skipped: there is no C compiler `cc`");
            return None;
        }
        Some(Trial { folder, shim })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, line: &str, under: &str, fault: Option<&Fault>) -> Output {
        let mut c = command(self.folder.path(), line);
        c.env("FAULT_UNDER", self.path(under));
        if let Some(f) = fault {
            c.env("LD_PRELOAD", &self.shim)
                .env("FAULT_AT", f.at.to_string())
                .env("FAULT_KIND", f.kind)
                .env("FAULT_COUNT", self.path("count"));
        }
        c.output().unwrap()
    }

    /// How many calls a command makes on files of a folder.
    fn calls(&self, line: &str, under: &str) -> usize {
        std::fs::remove_file(self.path("count")).ok();
        let none = Fault { at: 0, kind: "error" };
        succeeded(&self.run(line, under, Some(&none)), line);
        std::fs::metadata(self.path("count")).unwrap().len() as usize
    }
}

fn command(folder: &Path, line: &str) -> Command {
    let mut c = Command::new(env!("CARGO_BIN_EXE_menagerie"));
    c.current_dir(folder)
        .args(line.split_whitespace())
        .env("XDG_CACHE_HOME", folder.join("cache"));
    c
}

fn succeeded(out: &Output, what: &str) {
    assert!(
        out.status.success(),
        "{what}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
}

/// All that must be the same bits, however the run came to its end: weights and optimizers, pictures, figures.
fn state(run: &Path) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for step in steps(&run.join("checkpoints")).unwrap() {
        let checkpoint = Checkpoint::open(&run.join(format!("checkpoints/{step:06}"))).unwrap();
        checkpoint.verify().unwrap();
        all.insert(
            format!("checkpoint {step}"),
            format!("{:?}", checkpoint.state.files),
        );
        all.insert(format!("cursor {step}"), checkpoint.state.cursor.to_string());
    }
    for name in ["metrics.jsonl", "evaluation.jsonl"] {
        for (i, mut line) in read_metrics(&run.join(name)).unwrap().into_iter().enumerate() {
            line.remove("seconds");
            all.insert(format!("{name} {i}"), format!("{line:?}"));
        }
    }
    for entry in std::fs::read_dir(run.join("samples")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        all.insert(
            path.file_name().unwrap().to_string_lossy().into(),
            format!("{:?}", fingerprint(&bytes)),
        );
    }
    all
}

fn fingerprint(bytes: &[u8]) -> (usize, u64) {
    // FNV-1a: pictures are compared, not authenticated.
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325u64, |h, b| {
        (h ^ *b as u64).wrapping_mul(0x100_0000_01b3)
    });
    (bytes.len(), hash)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

fn hidden(run: &Path) -> Vec<PathBuf> {
    [run.to_path_buf(), run.join("checkpoints"), run.join("samples")]
        .iter()
        .flat_map(|folder| std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()))
        .filter(|p| p.file_name().unwrap().to_string_lossy().starts_with('.'))
        .collect()
}

/// Whether all is tried.
fn all() -> bool {
    std::env::var("MENAGERIE_FAULTS").is_ok_and(|v| v == "all")
}

/// Which calls to try: all, or a few, others for each kind of fault.
fn points(calls: usize, kind: usize) -> Vec<usize> {
    if all() {
        return (1..=calls).collect();
    }
    let few = 12;
    let stride = calls.div_ceil(few).max(1);
    (1 + kind * stride / KINDS.len()..=calls)
        .step_by(stride)
        .collect()
}

/// Begins with `prepare`, runs `line` with the fault, and then without it to the end.
fn survives(
    trial: &Trial,
    fault: &Fault,
    line: &str,
    prepare: &dyn Fn(&Path),
    want: &BTreeMap<String, String>,
) {
    let run = trial.path("run");
    std::fs::remove_dir_all(&run).ok();
    prepare(&run);
    let before = steps(&run.join("checkpoints")).unwrap();
    let out = trial.run(line, "run", Some(fault));
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    let what = format!("{} at call {} of `{line}`: {said}", fault.kind, fault.at);
    assert!(!said.contains("panicked"), "{what}");
    match out.status.code() {
        Some(1) => assert!(said.contains("error: "), "{what}"),
        Some(code) => assert_eq!(code, 0, "{what}"),
        None => assert!(["kill", "torn"].contains(&fault.kind), "{what}"),
    }
    if !before.is_empty() {
        assert!(
            !steps(&run.join("checkpoints")).unwrap().is_empty(),
            "every checkpoint is lost; {what}"
        );
    }
    let again = match run.join("recipe.toml").exists() {
        true => "train --resume run --threads 2".to_string(),
        false => format!("{TRAIN} --out run"),
    };
    succeeded(
        &trial.run(&again, "run", None),
        &format!("`{again}` after {what}"),
    );
    assert_eq!(&state(&run), want, "after {what}");
    assert_eq!(hidden(&run), Vec::<PathBuf>::new(), "after {what}");
}

#[test]
fn a_training_survives_any_fault() {
    let Some(trial) = Trial::new() else { return };
    let line = format!("{TRAIN} --out run");
    let calls = trial.calls(&line, "run");
    let want = state(&trial.path("run"));
    assert!(calls > 100, "{calls} calls were seen");
    for (k, kind) in KINDS.into_iter().enumerate() {
        for at in points(calls, k) {
            survives(&trial, &Fault { at, kind }, &line, &|_| {}, &want);
        }
    }
}

#[test]
fn a_resumption_survives_any_fault() {
    let Some(trial) = Trial::new() else { return };
    let whole = format!("{TRAIN} --out whole");
    succeeded(&trial.run(&whole, "whole", None), &whole);
    let want = state(&trial.path("whole"));
    // A run that was killed somewhere behind its first checkpoint: with logs that go beyond it.
    let begin = format!("{TRAIN} --out begun");
    let mut at = trial.calls(&begin, "begun") / 2;
    loop {
        std::fs::remove_dir_all(trial.path("begun")).unwrap();
        trial.run(&begin, "begun", Some(&Fault { at, kind: "torn" }));
        if !steps(&trial.path("begun/checkpoints")).unwrap().is_empty() {
            break;
        }
        at += 10;
    }
    let prepare = |run: &Path| copy(&trial.path("begun"), run);
    std::fs::remove_dir_all(trial.path("run")).ok();
    prepare(&trial.path("run"));
    let line = "train --resume run --threads 1";
    let calls = trial.calls(line, "run");
    for (k, kind) in KINDS.into_iter().enumerate() {
        for at in points(calls, k) {
            survives(&trial, &Fault { at, kind }, line, &prepare, &want);
        }
    }
}

/// Runs a command and kills it after so long, unless that came too late, which the first says.
fn killed(folder: &Path, line: &str, after: Duration) -> (bool, Output) {
    let mut c = command(folder, line);
    let mut child = c.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let begun = Instant::now();
    while begun.elapsed() < after && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_micros(200));
    }
    let late = child.try_wait().unwrap().is_some();
    // SIGKILL: nothing is said or written any more.
    child.kill().unwrap();
    (!late, child.wait_with_output().unwrap())
}

/// How a run is begun: of one network with figures of its own, and of two that play, with an average.
const BEGINNINGS: [&str; 2] = [
    TRAIN,
    "train dcgan --data digits --size 8 --threads 2 --steps 24 --evaluate-every 12 --set model.width=8 \
     --set model.average=0.9 --set train.batch=8 --set train.checkpoint_every=2 --set train.sample_every=6 \
     --set train.log_every=1 --set train.samples=4 --set evaluate.n=8",
];

/// A run and its resumptions are killed at moments that a seed draws, some while they start, some while they learn or write.
/// Whatever was killed, and however often, the end is that of a run that nothing happened to.
#[test]
fn a_training_survives_kills_at_random_moments() {
    for (k, begin) in BEGINNINGS.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let d = folder.path();
        let (run, begun) = (d.join("run"), Instant::now());
        succeeded(
            &command(d, &format!("{begin} --out whole")).output().unwrap(),
            begin,
        );
        let (want, whole) = (state(&d.join("whole")), begun.elapsed());
        let mut draw = menagerie::Key::new(19).step(k as u64).rng();
        let (mut kills, wanted) = (0, if all() { 300 } else { 12 });
        let mut of_run = Vec::new();
        while kills < wanted || !of_run.is_empty() {
            let line = match run.join("recipe.toml").exists() {
                true => format!("train --resume run --threads {}", 1 + draw.below(3)),
                false => format!("{begin} --out run"),
            };
            let after = match kills < wanted {
                true => whole.mul_f64(1.1 * draw.uniform()),
                false => Duration::MAX,
            };
            let (hit, out) = killed(d, &line, after);
            let what = format!(
                "killed after {of_run:?} of {whole:?}: {}",
                String::from_utf8_lossy(&out.stderr)
            );
            assert!(!what.contains("panicked"), "{what}");
            if hit {
                kills += 1;
                of_run.push(after);
                continue;
            }
            succeeded(&out, &format!("`{line}`, {what}"));
            assert_eq!(state(&run), want, "{what}");
            assert_eq!(hidden(&run), Vec::<PathBuf>::new(), "{what}");
            std::fs::remove_dir_all(&run).unwrap();
            of_run.clear();
        }
    }
}

/// The files below a folder; what is written beside them has hidden names.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.file_name().unwrap().to_string_lossy().starts_with('.') {
            continue;
        }
        match path.is_dir() {
            true => all.extend(files(&path)),
            false => drop(all.insert(path.clone(), std::fs::read(&path).unwrap())),
        }
    }
    all
}

#[test]
fn outputs_survive_any_fault() {
    let Some(trial) = Trial::new() else { return };
    let line = format!("{TRAIN} --out made");
    succeeded(&trial.run(&line, "made", None), &line);
    let out = trial.path("out");
    for (older, line) in [
        (
            "sample made -n 3 --seed 1 --out out/x.npy",
            "sample made -n 5 --out out/x.npy",
        ),
        (
            "sample made -n 3 --seed 1 --out out/x.png",
            "sample made -n 5 --out out/x.png",
        ),
        (
            "sample made -n 3 --seed 1 --out out/x/",
            "sample made -n 2 --out out/x/",
        ),
        (
            "encode made --limit 4 --out out/x.csv",
            "encode made --limit 3 --out out/x.csv",
        ),
        (
            "export made --checkpoint 6 --out out/x",
            "export made --out out/x",
        ),
    ] {
        let prepare = || {
            std::fs::remove_dir_all(&out).ok();
            std::fs::create_dir(&out).unwrap();
            succeeded(&trial.run(older, "out", None), older);
            files(&out)
        };
        let before = prepare();
        let calls = trial.calls(line, "out");
        let after = files(&out);
        assert!(calls > 2 && before != after, "{line}: {calls} calls were seen");
        for (k, kind) in KINDS.into_iter().enumerate() {
            for at in points(calls, k) {
                prepare();
                let run = trial.run(line, "out", Some(&Fault { at, kind }));
                let said = String::from_utf8_lossy(&run.stderr).into_owned();
                let what = format!("{kind} at call {at} of `{line}`: {said}");
                assert!(!said.contains("panicked"), "{what}");
                assert!(
                    run.status
                        .code()
                        .is_none_or(|c| c == 0 || c == 1 && said.contains("error: ")),
                    "{what}"
                );
                for (path, bytes) in files(&out) {
                    let whole = [&before, &after].iter().any(|all| all.get(&path) == Some(&bytes));
                    assert!(
                        whole,
                        "{} is neither the older nor the new one; {what}",
                        path.display()
                    );
                }
                succeeded(&trial.run(line, "out", None), &what);
                assert_eq!(files(&out), after, "after {what}");
            }
        }
    }
}
