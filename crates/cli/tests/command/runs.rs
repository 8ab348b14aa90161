//! What may change while a run goes on, what a run is begun from, and how runs end.
use crate::support::{self, menagerie, ok};
use menagerie::run::{Checkpoint, Run, steps};
use std::path::Path;
use tempfile::TempDir;

const VAE: &str =
    "train vae --data digits --threads 1 --set model.hidden=[8] --set train.batch=8 --set train.samples=4";

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}
fn fine(dir: &Path, line: &str) -> String {
    ok(dir, &words(line))
}
fn fails(dir: &Path, line: &str, status: i32, said: &[&str]) {
    support::fails(dir, &words(line), status, said)
}
fn bytes(path: impl AsRef<Path>) -> Vec<u8> {
    std::fs::read(path).unwrap()
}
fn text(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path).unwrap()
}
fn checkpoint(run: &Path, step: u64) -> Checkpoint {
    Checkpoint::open(&run.join(format!("checkpoints/{step:06}"))).unwrap()
}

/// Runs what a message advises, with the words in capitals filled in, and gives what it printed; `error` if that is told.
fn follow(dir: &Path, line: &str, filled: &[(&str, &str)]) -> String {
    let out = menagerie(dir, &words(line));
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(!out.status.success(), "`{line}` was to fail: {said}");
    let error = said.lines().find(|l| l.starts_with("error: ")).unwrap();
    let advised = error
        .split('`')
        .find(|part| part.starts_with("menagerie "))
        .unwrap_or_else(|| panic!("{error}"));
    let mut advised = advised.trim_start_matches("menagerie ").to_string();
    for (word, with) in filled {
        advised = advised.replace(word, with);
    }
    fine(dir, &advised);
    error.to_string()
}

/// Images of some sizes as NumPy writes them.
fn images(path: &Path, count: usize, add: u8) {
    let mut head = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({count}, 8, 8, 1), }}");
    head = format!("{head:117}\n");
    let pixels: Vec<u8> = (0..count * 64).map(|i| (i * i % 251) as u8 ^ add).collect();
    let file = [&b"\x93NUMPY\x01\x00\x76\x00"[..], head.as_bytes(), &pixels].concat();
    std::fs::write(path, file).unwrap();
}

#[test]
fn data_that_moved_are_found_again_and_others_refused() {
    let dir = TempDir::new().unwrap();
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    for d in [&a, &b] {
        std::fs::create_dir(d).unwrap();
    }
    images(&a.join("u.npy"), 50, 0);
    images(&b.join("other.npy"), 50, 1);
    images(&b.join("fewer.npy"), 49, 0);
    let line = "train dcgan --data u.npy --batch 8 --set model.width=4 --set model.latent=4 --threads 1";
    fine(&a, &format!("{line} --steps 6 --out whole"));
    fine(&a, &format!("{line} --steps 4 --out run"));
    std::fs::rename(a.join("run"), b.join("run")).unwrap();
    let before = text(b.join("run/recipe.toml"));
    fails(
        &b,
        "train --resume run --steps 6 --data other.npy",
        1,
        &["other content"],
    );
    fails(
        &b,
        "train --resume run --steps 6 --data fewer.npy",
        1,
        &["50 images", "49 images"],
    );
    assert_eq!(text(b.join("run/recipe.toml")), before, "nothing is written");
    let told = follow(
        &b,
        "train --resume run --steps 6",
        &[("PATH", "../a/u.npy --steps 6")],
    );
    assert!(told.contains("not at u.npy any more"), "{told}");
    let recipe = text(b.join("run/recipe.toml"));
    assert!(
        recipe.contains("[[history]]\nstep = 4\n") && recipe.contains("../a/u.npy"),
        "{recipe}"
    );
    assert!(text(b.join("run/log.txt")).contains("from step 4 on: data.source = "));
    let parts = |run: &Path| checkpoint(run, 6).state.files;
    assert_eq!(parts(&b.join("run")), parts(&a.join("whole")));
    // In place, too, data do not change unseen.
    images(&a.join("u.npy"), 50, 3);
    fails(
        &b,
        "train --resume run --steps 8",
        1,
        &["other content", "--data PATH"],
    );
}

#[test]
fn rates_may_change_and_are_noted_and_the_model_may_not() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    fine(d, &format!("{VAE} --steps 4 --out r"));
    let before = text(d.join("r/recipe.toml"));
    fails(
        d,
        "train --resume r --set model.latent=3",
        2,
        &["model.latent", "--from r"],
    );
    fails(
        d,
        "train --resume r --set optimizer.rule=sgd",
        2,
        &["optimizer.rule", "--from r"],
    );
    fails(
        d,
        "train --resume r --set optimizer.learning_rate=nan",
        2,
        &["learning_rate", "positive"],
    );
    fails(
        d,
        "train --resume r --steps 2",
        2,
        &["train.steps", "2 is less than the 4 steps", "--from r"],
    );
    assert_eq!(text(d.join("r/recipe.toml")), before, "nothing is written");
    assert_eq!(steps(&d.join("r/checkpoints")).unwrap(), [4]);
    fine(
        d,
        "train --resume r --steps 6 --set optimizer.learning_rate=0.5 --set optimizer.clip_norm=1",
    );
    let recipe = Run::open(&d.join("r")).unwrap().recipe().unwrap();
    let said: Vec<String> = recipe
        .history()
        .iter()
        .map(|n| format!("{}: {}", n.step, n.what))
        .collect();
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(
        said.iter()
            .any(|s| s.starts_with("4: optimizer.learning_rate = 0.5, was 0.0")),
        "{said:?}"
    );
    assert_eq!(recipe.learning_rates()[0].1, 0.5);
    fine(d, "train --resume r --steps 8");
    assert_eq!(
        Run::open(&d.join("r")).unwrap().recipe().unwrap().history().len(),
        4
    );
    // By hand, a rate may change like by --set, the model not.
    std::fs::write(
        d.join("r/recipe.toml"),
        text(d.join("r/recipe.toml")).replace("batch = 8", "batch = 9"),
    )
    .unwrap();
    fails(
        d,
        "train --resume r --steps 9",
        1,
        &["train.batch = 9", "step 8 was trained with 8"],
    );
}

#[test]
fn a_new_run_begins_with_the_weights_of_another() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    fine(
        d,
        &format!("{VAE} --steps 4 --set train.checkpoint_every=2 --out r"),
    );
    // A rate so small that the weights stay what they are.
    fine(
        d,
        "train --from r --checkpoint 2 --out tuned --steps 1 --set optimizer.learning_rate=1e-30 --seed 5",
    );
    let weights = |run: &str, step| checkpoint(&d.join(run), step).part("autoencoder").unwrap().arrays;
    assert_eq!(weights("tuned", 1), weights("r", 2));
    assert_ne!(weights("tuned", 1), weights("r", 4));
    let recipe = text(d.join("tuned/recipe.toml"));
    assert!(recipe.contains("begun from the weights of r, step 2"), "{recipe}");
    assert!(text(d.join("tuned/log.txt")).contains("begun from the weights of r, step 2"));
    fine(d, "train --resume tuned --steps 2");
    assert!(text(d.join("tuned/recipe.toml")).contains("begun from the weights of r, step 2"));
    // The weights are not the recipe's: a run that has lost them is not begun anew.
    assert_eq!(steps(&d.join("tuned/checkpoints")).unwrap()[0], 0);
    assert_eq!(weights("tuned", 0), weights("r", 2));
    std::fs::remove_dir_all(d.join("tuned/checkpoints")).unwrap();
    fails(
        d,
        "train --resume tuned",
        1,
        &["no checkpoint", "those of another run"],
    );
    fails(
        d,
        "train --from r --out wider --set model.hidden=[9]",
        1,
        &["do not fit the recipe", "[model]"],
    );
    assert!(!d.join("wider").exists(), "nothing is written");
    fails(d, "train --from nothing --out x", 1, &["no such run"]);
}

#[test]
fn what_is_advised_works() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    fine(d, &format!("{VAE} --steps 2 --out r"));
    let error = follow(d, &format!("{VAE} --out r"), &[]);
    assert!(error.contains("--resume r"), "{error}");
    follow(
        d,
        "train --resume r --steps 1",
        &[("--from r", "--from r --out from1 --steps 1")],
    );
    follow(
        d,
        "train --resume r --set model.latent=2",
        &[("--set ...", "--out from2 --steps 1")],
    );
    follow(
        d,
        "sample r --checkpoint best",
        &[("--every 1", "--every 1 -n 16 --metrics elbo")],
    );
    fine(d, "sample r --checkpoint best -n 1");
    // A run that came to no checkpoint.
    std::fs::create_dir(d.join("young")).unwrap();
    std::fs::copy(d.join("r/recipe.toml"), d.join("young/recipe.toml")).unwrap();
    follow(d, "sample young", &[]);
    // Every checkpoint damaged, or gone.
    let state = d.join("young/checkpoints/000002/state.json");
    std::fs::write(&state, text(&state).replace("\"step\": 2", "\"step\": 1")).unwrap();
    let error = follow(d, "sample young", &[("ANOTHER", "again1 --steps 1")]);
    assert!(
        error.contains("no checkpoint is whole") && error.contains("checksum"),
        "{error}"
    );
    std::fs::rename(d.join("r/checkpoints"), d.join("away")).unwrap();
    std::fs::write(d.join("r/metrics.jsonl"), "{\"step\":1}\n{\"step\":700}\n").unwrap();
    for line in ["train --resume r", "sample r"] {
        let error = follow(
            d,
            line,
            &[("ANOTHER", &format!("again2{} --steps 1", line.len()))],
        );
        assert!(
            error.contains("no checkpoint, though the run has come to step 700"),
            "{error}"
        );
    }
    assert_eq!(
        text(d.join("r/metrics.jsonl")).lines().count(),
        2,
        "logs are as they were"
    );
    std::fs::write(d.join("r/checkpoints"), "").unwrap();
    fails(d, "train --resume r", 1, &["checkpoints", "cannot list"]);
    assert_eq!(
        text(d.join("r/metrics.jsonl")).lines().count(),
        2,
        "logs are as they were"
    );
}

/// Read back and written again, nothing that is known of the data ends in other digits.
#[test]
fn what_is_known_of_the_data_stays_as_it_is() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    fine(d, &format!("{VAE} --steps 2 --out r"));
    let data = |step: u64| {
        let state = text(d.join(format!("r/checkpoints/{step:06}/state.json")));
        let (_, data) = state.split_once("\"data\"").unwrap();
        data.split_once("\"fingerprint\"").unwrap().0.to_string()
    };
    let first = data(2);
    assert!(first.contains("\"shares\""));
    fine(d, "train --resume r --steps 4 --threads 1");
    fine(d, "train --resume r --steps 6 --threads 1");
    assert_eq!((data(4), data(6)), (first.clone(), first));
}

/// A run's own folders are no place for what other commands write, and a key of thousands of levels is none.
#[test]
fn a_runs_own_files_are_left_alone() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    fine(d, &format!("{VAE} --steps 2 --out r"));
    let before = bytes(d.join("r/samples/000002.png"));
    for out in [
        "r/samples/000002.png",
        "r/checkpoints/000002/x.npy",
        "./r/checkpoints/../checkpoints/more/",
        "r/events/x.npy",
    ] {
        fails(
            d,
            &format!("sample r -n 2 --out {out}"),
            2,
            &["among a run's own files", "out"],
        );
    }
    fails(
        d,
        "encode r --data digits --out r/checkpoints/x.npy",
        2,
        &["among a run's own files"],
    );
    assert_eq!(bytes(d.join("r/samples/000002.png")), before);
    // Beside them there is room, and elsewhere the names are free.
    fine(d, "sample r -n 2 --out r/grid.png");
    fine(d, "sample r -n 2 --out samples/x.png");
    let key = "a.".repeat(60_000);
    fails(d, &format!("{VAE} --set {key}b=1"), 2, &["over 8 levels"]);
}

#[test]
fn losses_that_are_not_finite_come_with_a_way_out() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    // No checkpoint yet: none is spoken of. What is advised begins anew, more slowly.
    let wild = format!("{VAE} --steps 4 --set optimizer.learning_rate=1e20");
    let error = follow(d, &format!("{wild} --out r"), &[("=1.0e-3", "=1e-3")]);
    assert!(
        error.contains("there is no checkpoint yet") && error.contains("train --resume r"),
        "{error}"
    );
    // One that was written right before is most likely no better.
    let error = follow(
        d,
        &format!("{wild} --set train.checkpoint_every=1 --out s"),
        &[("=1.0e-3 --out ANOTHER", "=1e-3 --out t")],
    );
    assert!(
        error.contains("--recipe s/recipe.toml") && !error.contains("intact"),
        "{error}"
    );
    // A good one is gone on from.
    fine(d, &format!("{VAE} --steps 4 --out u"));
    let error = follow(
        d,
        "train --resume u --steps 60 --set optimizer.learning_rate=1e20",
        &[("=1.0e-3", "=1e-3")],
    );
    assert!(error.contains("go on from step 4"), "{error}");
    // The cause, where it can be seen.
    let rows: String = (0..200)
        .map(|i| format!("{},3.0\n", (i * 37 % 101) as f64 / 101.0))
        .collect();
    std::fs::write(d.join("c.csv"), rows).unwrap();
    let out = menagerie(
        d,
        &words("train real_nvp --data c.csv --steps 2 --batch 32 --out c"),
    );
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(said.contains("column 2 of the data is constant (3)"), "{said}");
    for rate in ["nan", "inf", "-1", "0"] {
        fails(
            d,
            &format!("{VAE} --set optimizer.learning_rate={rate} --out v"),
            2,
            &["learning_rate", "positive"],
        );
    }
    assert!(!d.join("v").exists());
}

#[test]
fn damaged_checkpoints_do_not_count_as_kept() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    fine(d, &format!("{VAE} --steps 4 --set train.keep=1 --out r"));
    fine(d, "train --resume r --steps 8 --set train.keep=2");
    let newest = d.join("r/checkpoints/000008/autoencoder.safetensors");
    let mut damaged = bytes(&newest);
    *damaged.last_mut().unwrap() ^= 1;
    std::fs::write(&newest, damaged).unwrap();
    fine(d, "train --resume r --steps 6 --set train.keep=1");
    assert_eq!(steps(&d.join("r/checkpoints")).unwrap(), [6, 8]);
    assert!(fine(d, "sample r -n 1").contains("step 6"));
}

#[test]
fn logs_keep_their_bytes_and_damage_stops_nothing() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    fine(d, &format!("{VAE} --steps 4 --set train.log_every=1 --out r"));
    let mut log = bytes(d.join("r/metrics.jsonl"));
    let lines = log.iter().filter(|b| **b == b'\n').count();
    fine(d, "train --resume r --steps 5");
    assert!(
        bytes(d.join("r/metrics.jsonl")).starts_with(&log),
        "older lines are the same bytes"
    );
    log = bytes(d.join("r/metrics.jsonl"));
    log[40] = 0xff;
    std::fs::write(d.join("r/metrics.jsonl"), log).unwrap();
    let out = menagerie(d, &words("train --resume r --steps 6"));
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(
        out.status.success() && said.contains("metrics.jsonl: a damaged line"),
        "{said}"
    );
    assert_eq!(text(d.join("r/metrics.jsonl")).lines().count(), lines + 1);
}

#[test]
fn a_folder_that_never_became_a_run_is_free() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    std::fs::create_dir(d.join("r")).unwrap();
    std::fs::write(d.join("r/lock"), "1\n").unwrap();
    std::fs::write(d.join("r/.recipe.toml.part"), "half").unwrap();
    fine(d, &format!("{VAE} --steps 1 --out r"));
    std::fs::create_dir(d.join("s")).unwrap();
    std::fs::write(d.join("s/mine.txt"), "").unwrap();
    fails(d, &format!("{VAE} --steps 1 --out s"), 1, &["not empty"]);
}

#[test]
fn outputs_are_those_of_the_last_command() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    fine(d, &format!("{VAE} --steps 1 --out r"));
    fine(d, "sample r -n 5 --out many/");
    fine(d, "sample r -n 2 --out many/");
    let pictures = std::fs::read_dir(d.join("many"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut pictures: Vec<String> = pictures.filter(|n| n.ends_with(".png")).collect();
    pictures.sort();
    assert_eq!(pictures, ["00000.png", "00001.png"]);
    std::fs::write(d.join("many/00009.png"), "somebody's").unwrap();
    fails(d, "sample r -n 2 --out many/", 1, &["00009.png", "empty folder"]);
    fails(d, "export r --out r", 1, &["is a run"]);
    fails(
        d,
        "sample r -n 2 --threads 10000",
        2,
        &["--threads 10000", "at most"],
    );
    // A sound a file.
    let wavenet = "train wavenet --steps 1 --threads 2 --set train.batch=1 --set train.samples=1 --set model.width=4 --set model.skip=4 --set model.cycles=1 --set model.layers=2";
    fine(d, &format!("{wavenet} --length 400 --out w"));
    fine(d, "sample w --out one.wav");
    fails(
        d,
        "sample w -n 2 --out two.wav",
        2,
        &["holds one sound", "--out two/"],
    );
    assert!(!d.join("two.wav").exists());
    fine(d, "sample w -n 2 --out two/");
    assert!(d.join("two/00001.wav").exists());
}

#[test]
fn names_do_not_command_the_terminal() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    let out = menagerie(d, &["sample", "no\u{1b}[31mrun\r"]);
    assert_eq!(out.status.code(), Some(1));
    assert!(!out.stderr.contains(&0x1b) && !out.stderr.contains(&b'\r'));
    assert!(String::from_utf8_lossy(&out.stderr).contains("no\\u{1b}[31mrun\\r"));
}

#[test]
fn a_line_a_log_step_off_a_terminal() {
    let dir = TempDir::new().unwrap();
    let d = dir.path();
    let line = "train vae_gan --data digits --threads 2 --steps 9 --set train.log_every=4 --set train.batch=4 --set train.samples=4 --out r";
    let out = menagerie(d, &words(line));
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    let told: Vec<&str> = said
        .lines()
        .filter(|l| l.starts_with("step "))
        .map(|l| l.split(':').next().unwrap())
        .collect();
    assert_eq!(told, ["step 1", "step 4", "step 8", "step 9"], "{said}");
}
