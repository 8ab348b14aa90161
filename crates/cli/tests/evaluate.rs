//! Judging and comparing runs as a user meets them.
mod support;

use serde_json::{Value, json};
use std::path::Path;
use support::{fails, menagerie, ok};

/// Trains a small model for a few steps.
fn train(dir: &Path, name: &str, out: &str, more: &[&str]) {
    let tiny: &[&str] = match name {
        "dcgan" => &["--set", "model.width=4", "--set", "model.latent=8"],
        _ => &[],
    };
    let common = ["train", name, "--data", "digits", "--batch", "8", "--set", "train.steps=4", "--set", "train.samples=9", "--out", out];
    ok(dir, &[&common[..], tiny, more].concat());
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// An evaluation written by hand, to know what the table must say.
fn write_evaluation(dir: &Path, run: &str, lines: &[(u64, f64, f64, usize)]) {
    let line = |&(step, value, seconds, samples): &(u64, f64, f64, usize)| {
        let metrics = json!({"psnr": {"value": value, "error": 0.25, "definition": {"items": samples, "data": {"split": "test"}}},
            "bpd": {"value": 1.5, "error": null, "definition": {"items": 10}}});
        format!("{}\n", json!({"step": step, "images": 8 * step, "seconds": seconds, "metrics": metrics}))
    };
    std::fs::write(dir.join(run).join("evaluation.jsonl"), lines.iter().map(line).collect::<String>()).unwrap();
}

#[test]
fn runs_are_compared_where_definitions_are_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    for run in ["a", "b", "c"] {
        train(d, "dcgan", run, &[]);
    }
    write_evaluation(d, "a", &[(2, 30.0, 1.0, 10), (4, 20.0, 2.0, 10)]);
    write_evaluation(d, "b", &[(4, 25.0, 3.0, 10)]);
    // A run without evaluation is a row of dashes, and what to do is said.
    let out = menagerie(d, &["compare", "a", "b", "c", "--markdown"]);
    let (said, aside) = (String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap());
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "| run | model | family | parameters | images | seconds | bpd ↓ | psnr ↑ |");
    assert!(
        lines[2].starts_with("| a | dcgan | adversarial | ") && lines[2].ends_with(" | 32 | 2.000 | **1.500** | 20.00 ± 0.2500 |"),
        "{said}"
    );
    assert!(lines[3].ends_with(" | 32 | 3.000 | **1.500** | **25.00 ± 0.2500** |"), "{said}");
    assert!(lines[4].ends_with(" | - | - |") && aside.contains("menagerie evaluate c --metrics bpd,psnr"), "{said}{aside}");
    assert!(!aside.contains("warning"), "{aside}");
    // Plain text has no bold where it is not for a terminal.
    let plain = ok(d, &["compare", "a", "b"]);
    assert!(plain.contains("25.00 ± 0.2500") && !plain.contains('*') && !plain.contains('\x1b'), "{plain}");
    let found = parsed(&ok(d, &["compare", "a", "b", "c", "--json"]));
    assert_eq!(found["metrics"]["psnr"]["best"], json!(["b"]));
    assert_eq!(found["metrics"]["bpd"]["best"], json!(["a", "b"]));
    let first = &found["runs"][0];
    assert_eq!(
        (&first["step"], &first["metrics"]["psnr"]["value"], &first["metrics"]["psnr"]["best"]),
        (&json!(4), &json!(20.0), &json!(false))
    );
    let parts: u64 = first["networks"].as_object().unwrap().values().map(|v| v.as_u64().unwrap()).sum();
    assert!(parts > 100 && first["parameters"] == parts && first["networks"]["generator"].is_u64(), "{first}");
    assert_eq!(found["runs"][2]["metrics"], json!({}));
    // The figure has the metrics that two checkpoints of a run have.
    ok(d, &["compare", "a", "b", "--figure", "f.png", "--metrics", "psnr"]);
    assert_eq!(image::open(d.join("f.png")).unwrap().width(), 480);
    // Another definition: no ranking, and the warning names what differs.
    write_evaluation(d, "b", &[(4, 25.0, 3.0, 11)]);
    let out = menagerie(d, &["compare", "a", "b", "--markdown"]);
    let (said, aside) = (String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap());
    assert!(said.contains("| 25.00 ± 0.2500 |") && !said.contains("**25"), "{said}");
    assert!(aside.contains("warning: psnr is not ranked") && aside.contains("items: 10 (a), 11 (b)"), "{aside}");
    fails(d, &["compare", "b", "c", "--figure", "g.png"], 2, &["nothing to draw", "--every N"]);
    assert!(!d.join("g.png").exists());
    // Folders that are no runs, metrics that are none.
    fails(d, &["compare", "a", "cache"], 1, &["cache", "no such run"]);
    std::fs::create_dir(d.join("empty")).unwrap();
    fails(d, &["compare", "a", "empty"], 1, &["empty", "not a run"]);
    fails(d, &["compare", "a", "--metrics", "psrn"], 2, &["psrn", "did you mean `psnr`?"]);
    assert_eq!(menagerie(d, &["compare"]).status.code(), Some(2));
}

/// Lines of a run's evaluation.jsonl, without the time they took.
fn evaluations(dir: &Path, run: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(dir.join(run).join("evaluation.jsonl")).unwrap_or_default();
    let mut lines: Vec<Value> = text.lines().map(parsed).collect();
    lines.iter_mut().for_each(|l| drop(l.as_object_mut().unwrap().remove("seconds")));
    lines
}

fn kept(dir: &Path, run: &str) -> Vec<u64> {
    menagerie::run::steps(&dir.join(run).join("checkpoints"))
}

/// Sizes and checksums of everything a checkpoint holds.
fn weights(dir: &Path, run: &str, step: u64) -> std::collections::BTreeMap<String, (u64, u32)> {
    menagerie::run::Checkpoint::open(&dir.join(run).join(format!("checkpoints/{step:06}"))).unwrap().state.files
}

/// Models of every family that can be judged, small, and a metric of each.
const JUDGED: &[(&str, &str, &[&str])] = &[
    ("dcgan", "nearest", &[]),
    ("vae", "elbo,psnr", &["--set", "model.latent=3"]),
    ("real_nvp", "bpd", &["--set", "model.width=8", "--set", "model.depth=1"]),
    ("nade", "nll", &["--set", "model.width=9", "--set", "data.size=6"]),
];

#[test]
fn judging_while_training_changes_no_weight_also_after_going_on() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    for (name, metrics, tiny) in JUDGED {
        let common = [&["--set", "train.checkpoint_every=2"][..], tiny].concat();
        let metrics = format!("evaluate.metrics={metrics}");
        let how = ["--evaluate-every", "2", "--set", &metrics, "--set", "evaluate.n=20"];
        let run = |kind: &str| format!("{name}-{kind}");
        let (without, with, halves) = (run("without"), run("with"), run("halves"));
        train(d, name, &without, &[&["--steps", "6"][..], &common].concat());
        train(d, name, &with, &[&["--steps", "6"][..], &common, &how].concat());
        train(d, name, &halves, &[&["--steps", "3"][..], &common, &how].concat());
        ok(d, &["train", "--resume", &halves, "--steps", "6"]);
        assert_eq!(weights(d, &without, 6), weights(d, &with, 6), "{name}: judging disturbs nothing");
        assert_eq!(weights(d, &without, 6), weights(d, &halves, 6), "{name}");
        assert!(evaluations(d, &without).is_empty());
        // The half that ended at step 3 was judged there, too; otherwise they are the same, figures included.
        let (whole, mut parts) = (evaluations(d, &with), evaluations(d, &halves));
        parts.retain(|l| l["step"] != 3);
        assert_eq!(whole.iter().map(|l| l["step"].as_u64().unwrap()).collect::<Vec<_>>(), [2, 4, 6]);
        assert_eq!(whole, parts, "{name}");
        // Each figure is the one that the command gives for that checkpoint.
        let metrics = metrics.split_once('=').unwrap().1;
        let again = parsed(&ok(d, &["evaluate", &with, "--metrics", metrics, "-n", "20", "--checkpoint", "4", "--json"]));
        assert_eq!(again, whole[1]["metrics"], "{name}");
        assert_eq!(evaluations(d, &with).len(), 4, "and it is appended");
    }
}

#[test]
fn the_best_checkpoint_stays_and_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let every = ["--steps", "8", "--set", "train.keep=1", "--set", "train.checkpoint_every=8"];
    let how = ["--evaluate-every", "2", "--set", "evaluate.metrics=psnr,elbo", "--set", "evaluate.n=20", "--set", "evaluate.best=elbo"];
    let said = parsed(&ok(d, &[&["train", "vae", "--data", "digits", "--batch", "8", "--out", "r", "--json"][..], &every, &how].concat()));
    let lines = evaluations(d, "r");
    assert_eq!(lines.len(), 4);
    let elbo = |l: &Value| l["metrics"]["elbo"]["value"].as_f64().unwrap();
    let best = lines.iter().max_by(|a, b| elbo(a).total_cmp(&elbo(b))).unwrap();
    let step = best["step"].as_u64().unwrap();
    assert_eq!((&said["best"]["step"], &said["best"]["metric"]), (&json!(step), &json!("elbo")));
    let mut want = vec![step, 8];
    want.dedup();
    assert_eq!(kept(d, "r"), want, "the newest and the best");
    // A figure by hand makes another one the best; a single evaluation does not.
    train(d, "vae", "s", &["--set", "train.checkpoint_every=1", "--set", "train.keep=9"]);
    fails(d, &["sample", "s", "--checkpoint", "best"], 1, &["the best", "menagerie evaluate s --every 1"]);
    ok(d, &["evaluate", "s", "--metrics", "psnr", "-n", "20"]);
    fails(d, &["sample", "s", "--checkpoint", "best"], 1, &["the best"]);
    let found = parsed(&ok(d, &["evaluate", "s", "--every", "2", "--metrics", "psnr", "-n", "20", "--json"]));
    let judged = found["checkpoints"].as_array().unwrap();
    assert_eq!(judged.iter().map(|c| c["step"].as_u64().unwrap()).collect::<Vec<_>>(), [2, 4]);
    let psnr = |c: &Value| c["metrics"]["psnr"]["value"].as_f64().unwrap();
    let best = if psnr(&judged[0]) >= psnr(&judged[1]) { 2 } else { 4 };
    assert_eq!((&found["best"]["step"], &found["best"]["metric"]), (&json!(best), &json!("psnr")));
    let said = parsed(&ok(d, &["sample", "s", "--checkpoint", "best", "--json"]));
    assert_eq!(said["step"], best);
    ok(d, &["evaluate", "s", "--checkpoint", "best", "--metrics", "psnr", "-n", "30"]);
    assert_eq!(evaluations(d, "s").last().unwrap()["step"], best);
    assert!(ok(d, &["evaluate", "s", "--every", "4", "--metrics", "psnr", "-n", "20"]).contains("best by psnr"));
    // What was said in a series is drawn and compared.
    ok(d, &["compare", "r", "s", "--figure", "f.png"]);
    // Whatever does not go together is told before anything is done.
    fails(d, &["evaluate", "s", "--every", "3000"], 2, &["--every 3000", "1, 2, 3, 4"]);
    fails(d, &["evaluate", "s", "--every", "0"], 2, &["--every 0"]);
    fails(d, &["sample", "s", "--checkpoint", "9"], 1, &["no checkpoint of step 9"]);
    assert_eq!(menagerie(d, &["sample", "s", "--checkpoint", "bets"]).status.code(), Some(2));
    let new = ["train", "vae", "--data", "digits", "--out", "t", "--evaluate-every", "2", "--set"];
    fails(d, &[&new[..], &["evaluate.metrics=pnsr"]].concat(), 2, &["evaluate.metrics", "did you mean `psnr`?"]);
    fails(d, &[&new[..], &["evaluate.metrics=nll"]].concat(), 2, &["vae"]);
    fails(d, &[&new[..], &["evaluate.best=bpd"]].concat(), 2, &["evaluate.best", "bpd"]);
    assert!(!d.join("t").exists(), "nothing was written");
    fails(d, &["train", "--resume", "s", "--set", "model.latent=4"], 2, &["model.latent", "start a new run"]);
    // A run that was not judged so far is judged from now on.
    ok(d, &["train", "--resume", "s", "--steps", "6", "--evaluate-every", "3", "--set", "evaluate.metrics=psnr", "--set", "evaluate.n=20"]);
    let last: Vec<u64> = evaluations(d, "s").iter().rev().take(1).map(|l| l["step"].as_u64().unwrap()).collect();
    assert_eq!(last, [6]);
}
