//! One training on the leaves of each batch, in one process and in several.
use super::support::{fails, menagerie, ok};
use menagerie::run::Checkpoint;
use std::path::Path;
use std::process::Command;
#[cfg(feature = "mpi")]
use std::process::Output;

/// A short training in which all that leaves must agree about takes part: batch norms, a controller, moving averages.
const SMALL: &[&str] = &[
    "train",
    "dcgan",
    "--data",
    "digits",
    "--batch",
    "16",
    "--set",
    "train.leaves=4",
    "--set",
    "model.width=4",
    "--set",
    "model.latent=8",
    "--set",
    "augment.adaptive={}",
    "--set",
    "penalty.r1={}",
    "--set",
    "model.norm=none",
    "--set",
    "train.samples=4",
];

fn files(run: &Path, step: &str) -> Vec<(String, String)> {
    let state = Checkpoint::open(&run.join("checkpoints").join(step))
        .unwrap()
        .state;
    let files = state.files.iter();
    files
        .map(|(name, sum)| (name.clone(), format!("{sum:?}")))
        .collect()
}

fn with<'a>(args: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [args, more].concat()
}

#[test]
fn leaves_are_learned_from_on_any_number_of_threads() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    for threads in ["1", "3"] {
        ok(
            d,
            &with(SMALL, &["--steps", "3", "--threads", threads, "--out", threads]),
        );
    }
    assert_eq!(files(&d.join("1"), "000003"), files(&d.join("3"), "000003"));
    // By the statistics of all leaves other weights come about, the same on any number of threads.
    let together = with(SMALL, &["--set", "train.sync_batch_norm=true", "--steps", "3"]);
    for (threads, out) in [("1", "s1"), ("3", "s3")] {
        ok(d, &with(&together, &["--threads", threads, "--out", out]));
    }
    assert_eq!(files(&d.join("s1"), "000003"), files(&d.join("s3"), "000003"));
    assert_ne!(files(&d.join("s1"), "000003"), files(&d.join("1"), "000003"));
    let odd = with(SMALL, &["--set", "train.leaves=3", "--out", "odd"]);
    fails(d, &odd, 2, &["train.leaves", "power of two", "such as 2"]);
    let cut = with(SMALL, &["--set", "train.batch=18", "--out", "cut"]);
    fails(d, &cut, 2, &["train.leaves", "train.batch = 20"]);
    assert!(!d.join("odd").exists() && !d.join("cut").exists());
}

#[test]
#[cfg(not(feature = "mpi"))]
fn several_processes_need_a_program_with_mpi() {
    let dir = tempfile::tempdir().unwrap();
    let out = Command::new(env!("CARGO_BIN_EXE_menagerie"))
        .current_dir(dir.path())
        .args(with(SMALL, &["--steps", "1"]))
        .env("OMPI_COMM_WORLD_SIZE", "2")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(2), "{text}");
    assert!(
        text.contains("without MPI") && text.contains("--features mpi"),
        "{text}"
    );
    assert!(!dir.path().join("runs").exists());
}

/// `None` where there is no `mpirun`.
#[cfg(feature = "mpi")]
fn processes(dir: &Path, n: &str, args: &[&str]) -> Option<Output> {
    started(dir, &[(n, args)])
}

/// The same where not all processes are given the same arguments.
#[cfg(feature = "mpi")]
fn started(dir: &Path, all: &[(&str, &[&str])]) -> Option<Output> {
    let mut c = Command::new("mpirun");
    c.current_dir(dir).arg("--oversubscribe");
    for (i, (n, args)) in all.iter().enumerate() {
        if i > 0 {
            c.arg(":");
        }
        c.args(["-n", n])
            .arg(env!("CARGO_BIN_EXE_menagerie"))
            .args(*args)
            .args(["--threads", "1"]);
    }
    // In a container everybody is root.
    c.envs([
        ("OMPI_ALLOW_RUN_AS_ROOT", "1"),
        ("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"),
    ])
    .env("OMPI_MCA_mpi_yield_when_idle", "1");
    match c.output() {
        Ok(out) => Some(out),
        Err(_) => {
            eprintln!("skipped: there is no `mpirun`");
            None
        }
    }
}

/// 1, 2 and 4 processes give the same weights, and a run goes on to the same on another number of them.
#[test]
#[cfg(feature = "mpi")]
fn processes_change_no_bit() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    ok(d, &with(SMALL, &["--steps", "4", "--out", "alone"]));
    let alone = files(&d.join("alone"), "000004");
    for n in ["2", "4"] {
        let Some(out) = processes(d, n, &with(SMALL, &["--steps", "4", "--out", n])) else {
            return;
        };
        let text = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{n} processes: {text}");
        assert_eq!(files(&d.join(n), "000004"), alone, "{n} processes");
        assert_eq!(
            text.matches("training dcgan").count(),
            1,
            "one process speaks: {text}"
        );
    }
    for (n, steps) in [("4", "2"), ("2", "3"), ("1", "4")] {
        let args = match steps {
            "2" => with(SMALL, &["--steps", steps, "--out", "moved"]),
            _ => vec!["train", "--resume", "moved", "--steps", steps],
        };
        let out = processes(d, n, &args).unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    }
    assert_eq!(files(&d.join("moved"), "000004"), alone);
}

/// Samples and figures are the same, however many processes share the work; one of them speaks and writes.
#[test]
#[cfg(feature = "mpi")]
fn processes_draw_and_judge_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    ok(d, &with(SMALL, &["--steps", "1", "--out", "run"]));
    fn draw(out: &str) -> [&str; 6] {
        ["sample", "run", "-n", "600", "--out", out]
    }
    let judge = [
        "evaluate",
        "run",
        "--metrics",
        "fid",
        "-n",
        "300",
        "--extractor",
        "random:0",
        "--json",
    ];
    ok(d, &draw("1.npy"));
    let alone = ok(d, &judge);
    for n in ["2", "4"] {
        let file = format!("{n}.npy");
        let Some(out) = processes(d, n, &draw(&file)) else {
            return;
        };
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        assert_eq!(String::from_utf8_lossy(&out.stdout).lines().count(), 1);
        let read = |name: &str| std::fs::read(d.join(name)).unwrap();
        assert!(read(&file) == read("1.npy"), "{n} processes drew something else");
        let out = processes(d, n, &judge).unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        assert_eq!(String::from_utf8_lossy(&out.stdout), alone, "{n} processes");
    }
    let kept = std::fs::read_to_string(d.join("run/evaluation.jsonl")).unwrap();
    assert_eq!(kept.lines().count(), 3);
}

/// Processes that judge while they train find the same figures, the same best checkpoint and the same weights.
#[test]
#[cfg(feature = "mpi")]
fn processes_judge_while_they_train() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let judged = with(
        SMALL,
        &[
            "--steps",
            "5",
            "--evaluate-every",
            "2",
            "--set",
            "evaluate.metrics=[\"fid\",\"swd\"]",
            "--set",
            "evaluate.n=300",
            "--set",
            "evaluate.extractor=random:0",
        ],
    );
    ok(d, &with(&judged, &["--out", "1"]));
    // All but the time that it took.
    let figures = |run: &str| -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(d.join(run).join("evaluation.jsonl")).unwrap();
        let line = |line: &str| {
            let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
            line.as_object_mut().unwrap().remove("seconds");
            line
        };
        text.lines().map(line).collect()
    };
    assert_eq!(figures("1").len(), 3, "after two, four and the last");
    for n in ["2", "4"] {
        let Some(out) = processes(d, n, &with(&judged, &["--out", n])) else {
            return;
        };
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        assert_eq!(figures(n), figures("1"), "{n} processes");
        assert_eq!(files(&d.join(n), "000005"), files(&d.join("1"), "000005"));
    }
}

/// Processes that were started with different recipes say so, once, and none of them trains.
#[test]
#[cfg(feature = "mpi")]
fn processes_of_different_recipes_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let of = |seed: &'static str| with(SMALL, &["--steps", "2", "--seed", seed, "--out", "run"]);
    let (one, other) = (of("1"), of("2"));
    let Some(out) = started(d, &[("1", &one), ("1", &other)]) else {
        return;
    };
    let text = String::from_utf8_lossy(&out.stderr);
    assert!(!out.status.success(), "{text}");
    assert!(
        text.contains("the recipe of process 1 is not that of process 0"),
        "{text}"
    );
    assert!(!d.join("run/checkpoints/000002").exists());
}

/// What cannot be is said by one process, and ends all of them.
#[test]
#[cfg(feature = "mpi")]
fn processes_that_cannot_train_end_with_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    for (n, settings, word) in [
        ("8", "train.leaves=4", "fewer than the 8 processes"),
        ("2", "train.batch=18", "train.batch = 20"),
        ("3", "train.leaves=4", "3 processes"),
    ] {
        let Some(out) = processes(d, n, &with(SMALL, &["--set", settings, "--out", "run"])) else {
            return;
        };
        let text = String::from_utf8_lossy(&out.stderr);
        assert!(!out.status.success(), "{text}");
        let told = text
            .lines()
            .filter(|l| l.starts_with("error: "))
            .collect::<Vec<_>>();
        assert!(told.len() == 1 && told[0].contains(word), "{text}");
        assert!(!d.join("run").exists());
    }
}

/// What leaves depend on alone is in the recipe, and a run of before it goes on.
#[test]
fn recipes_without_leaves_have_one() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let one = ["train", "gan-ring8", "--steps", "2", "--out", "r"];
    ok(d, &one);
    let path = d.join("r/recipe.toml");
    let recipe = std::fs::read_to_string(&path).unwrap();
    assert!(recipe.contains("leaves = 1"), "{recipe}");
    std::fs::write(&path, recipe.replace("leaves = 1\n", "")).unwrap();
    let out = menagerie(d, &["train", "--resume", "r", "--steps", "4"]);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
}
