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
    let common = [
        "train",
        name,
        "--data",
        "digits",
        "--batch",
        "8",
        "--set",
        "train.steps=4",
        "--set",
        "train.samples=9",
        "--out",
        out,
    ];
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
        format!(
            "{}\n",
            json!({"step": step, "images": 8 * step, "seconds": seconds, "metrics": metrics})
        )
    };
    std::fs::write(
        dir.join(run).join("evaluation.jsonl"),
        lines.iter().map(line).collect::<String>(),
    )
    .unwrap();
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
    let (said, aside) = (
        String::from_utf8(out.stdout).unwrap(),
        String::from_utf8(out.stderr).unwrap(),
    );
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(
        lines[0],
        "| run | model | family | parameters | images | seconds | bpd ↓ | psnr ↑ |"
    );
    assert!(
        lines[2].starts_with("| a | dcgan | adversarial | ")
            && lines[2].ends_with(" | 32 | 2.000 | **1.500** | 20.00 ± 0.2500 |"),
        "{said}"
    );
    assert!(
        lines[3].ends_with(" | 32 | 3.000 | **1.500** | **25.00 ± 0.2500** |"),
        "{said}"
    );
    assert!(
        lines[4].ends_with(" | - | - |") && aside.contains("c was not evaluated yet: menagerie evaluate c\n"),
        "{said}{aside}"
    );
    assert!(!aside.contains("warning"), "{aside}");
    // Plain text has no bold where it is not for a terminal.
    let plain = ok(d, &["compare", "a", "b"]);
    assert!(
        plain.contains("25.00 ± 0.2500") && !plain.contains('*') && !plain.contains('\x1b'),
        "{plain}"
    );
    let found = parsed(&ok(d, &["compare", "a", "b", "c", "--json"]));
    assert_eq!(found["metrics"]["psnr"]["best"], json!(["b"]));
    assert_eq!(found["metrics"]["bpd"]["best"], json!(["a", "b"]));
    let first = &found["runs"][0];
    assert_eq!(
        (
            &first["step"],
            &first["metrics"]["psnr"]["value"],
            &first["metrics"]["psnr"]["best"]
        ),
        (&json!(4), &json!(20.0), &json!(false))
    );
    let parts: u64 = first["networks"]
        .as_object()
        .unwrap()
        .values()
        .map(|v| v.as_u64().unwrap())
        .sum();
    assert!(
        parts > 100 && first["parameters"] == parts && first["networks"]["generator"].is_u64(),
        "{first}"
    );
    assert_eq!(found["runs"][2]["metrics"], json!({}));
    // The figure has the metrics that two checkpoints of a run have.
    ok(
        d,
        &["compare", "a", "b", "--figure", "f.png", "--metrics", "psnr"],
    );
    assert_eq!(image::open(d.join("f.png")).unwrap().width(), 560);
    // Another definition: no ranking, and the warning names what differs.
    write_evaluation(d, "b", &[(4, 25.0, 3.0, 11)]);
    let out = menagerie(d, &["compare", "a", "b", "--markdown"]);
    let (said, aside) = (
        String::from_utf8(out.stdout).unwrap(),
        String::from_utf8(out.stderr).unwrap(),
    );
    assert!(
        said.contains("| 25.00 ± 0.2500 |") && !said.contains("**25"),
        "{said}"
    );
    assert!(
        aside.contains("warning: psnr is not ranked") && aside.contains("items: 10 (a), 11 (b)"),
        "{aside}"
    );
    fails(
        d,
        &["compare", "b", "c", "--figure", "g.png"],
        2,
        &["nothing to draw", "--every N"],
    );
    assert!(!d.join("g.png").exists());
    // Folders that are no runs, metrics that are none.
    fails(d, &["compare", "a", "cache"], 1, &["cache", "no such run"]);
    std::fs::create_dir(d.join("empty")).unwrap();
    fails(d, &["compare", "a", "empty"], 1, &["empty", "not a run"]);
    fails(
        d,
        &["compare", "a", "--metrics", "psrn"],
        2,
        &["psrn", "did you mean `psnr`?"],
    );
    assert_eq!(menagerie(d, &["compare"]).status.code(), Some(2));
}

/// Lines of a run's evaluation.jsonl, without the time they took.
fn evaluations(dir: &Path, run: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(dir.join(run).join("evaluation.jsonl")).unwrap_or_default();
    let mut lines: Vec<Value> = text.lines().map(parsed).collect();
    lines
        .iter_mut()
        .for_each(|l| drop(l.as_object_mut().unwrap().remove("seconds")));
    lines
}

fn kept(dir: &Path, run: &str) -> Vec<u64> {
    menagerie::run::steps(&dir.join(run).join("checkpoints")).unwrap()
}

/// Sizes and checksums of everything a checkpoint holds.
fn weights(dir: &Path, run: &str, step: u64) -> std::collections::BTreeMap<String, (u64, u32)> {
    menagerie::run::Checkpoint::open(&dir.join(run).join(format!("checkpoints/{step:06}")))
        .unwrap()
        .state
        .files
}

/// Models of every family that can be judged, small, and a metric of each.
const JUDGED: &[(&str, &str, &[&str])] = &[
    ("dcgan", "nearest", &[]),
    ("vae", "elbo,psnr", &["--set", "model.latent=3"]),
    (
        "real_nvp",
        "bpd",
        &["--set", "model.width=8", "--set", "model.depth=1"],
    ),
    ("nade", "nll", &["--set", "model.width=9", "--set", "data.size=6"]),
];

#[test]
fn judging_while_training_changes_no_weight_also_after_going_on() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    for (name, metrics, tiny) in JUDGED {
        let common = [&["--set", "train.checkpoint_every=2"][..], tiny].concat();
        let metrics = format!("evaluate.metrics={metrics}");
        let how = [
            "--evaluate-every",
            "2",
            "--set",
            &metrics,
            "--set",
            "evaluate.n=20",
        ];
        let run = |kind: &str| format!("{name}-{kind}");
        let (without, with, halves) = (run("without"), run("with"), run("halves"));
        train(d, name, &without, &[&["--steps", "6"][..], &common].concat());
        train(d, name, &with, &[&["--steps", "6"][..], &common, &how].concat());
        train(d, name, &halves, &[&["--steps", "3"][..], &common, &how].concat());
        ok(d, &["train", "--resume", &halves, "--steps", "6"]);
        assert_eq!(
            weights(d, &without, 6),
            weights(d, &with, 6),
            "{name}: judging disturbs nothing"
        );
        assert_eq!(weights(d, &without, 6), weights(d, &halves, 6), "{name}");
        assert!(evaluations(d, &without).is_empty());
        // The half that ended at step 3 was judged there, too; otherwise they are the same, figures included.
        let (whole, mut parts) = (evaluations(d, &with), evaluations(d, &halves));
        parts.retain(|l| l["step"] != 3);
        assert_eq!(
            whole
                .iter()
                .map(|l| l["step"].as_u64().unwrap())
                .collect::<Vec<_>>(),
            [2, 4, 6]
        );
        assert_eq!(whole, parts, "{name}");
        // A run that ended before its last line was written is judged when it goes on.
        let path = d.join(&with).join("evaluation.jsonl");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(
            &path,
            text.lines().take(2).map(|l| format!("{l}\n")).collect::<String>() + "{\"step\":6,",
        )
        .unwrap();
        ok(d, &["train", "--resume", &with]);
        assert_eq!(evaluations(d, &with), whole, "{name}");
        // Each figure is the one that the command gives for that checkpoint.
        let metrics = metrics.split_once('=').unwrap().1;
        let again = parsed(&ok(
            d,
            &[
                "evaluate",
                &with,
                "--metrics",
                metrics,
                "-n",
                "20",
                "--checkpoint",
                "4",
                "--json",
            ],
        ));
        assert_eq!(again, whole[1]["metrics"], "{name}");
        assert_eq!(evaluations(d, &with).len(), 4, "and it is appended");
    }
}

#[test]
fn the_best_checkpoint_stays_and_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let every = [
        "--steps",
        "8",
        "--set",
        "train.keep=1",
        "--set",
        "train.checkpoint_every=8",
    ];
    let how = [
        "--evaluate-every",
        "2",
        "--set",
        "evaluate.metrics=psnr,elbo",
        "--set",
        "evaluate.n=20",
        "--set",
        "evaluate.best=elbo",
    ];
    let said = parsed(&ok(
        d,
        &[
            &[
                "train", "vae", "--data", "digits", "--batch", "8", "--out", "r", "--json",
            ][..],
            &every,
            &how,
        ]
        .concat(),
    ));
    let lines = evaluations(d, "r");
    assert_eq!(lines.len(), 4);
    let elbo = |l: &Value| l["metrics"]["elbo"]["value"].as_f64().unwrap();
    let best = lines.iter().max_by(|a, b| elbo(a).total_cmp(&elbo(b))).unwrap();
    let step = best["step"].as_u64().unwrap();
    assert_eq!(
        (&said["best"]["step"], &said["best"]["metric"]),
        (&json!(step), &json!("elbo"))
    );
    let mut want = vec![step, 8];
    want.dedup();
    assert_eq!(kept(d, "r"), want, "the newest and the best");
    // A figure by hand makes another one the best; a single evaluation does not.
    train(
        d,
        "vae",
        "s",
        &["--set", "train.checkpoint_every=1", "--set", "train.keep=9"],
    );
    fails(
        d,
        &["sample", "s", "--checkpoint", "best"],
        1,
        &["the best", "menagerie evaluate s --every 1"],
    );
    ok(d, &["evaluate", "s", "--metrics", "psnr", "-n", "20"]);
    fails(d, &["sample", "s", "--checkpoint", "best"], 1, &["the best"]);
    let found = parsed(&ok(
        d,
        &[
            "evaluate",
            "s",
            "--every",
            "2",
            "--metrics",
            "psnr",
            "-n",
            "20",
            "--json",
        ],
    ));
    let judged = found["checkpoints"].as_array().unwrap();
    assert_eq!(
        judged
            .iter()
            .map(|c| c["step"].as_u64().unwrap())
            .collect::<Vec<_>>(),
        [2, 4]
    );
    let psnr = |c: &Value| c["metrics"]["psnr"]["value"].as_f64().unwrap();
    let best = if psnr(&judged[0]) >= psnr(&judged[1]) {
        2
    } else {
        4
    };
    assert_eq!(
        (&found["best"]["step"], &found["best"]["metric"]),
        (&json!(best), &json!("psnr"))
    );
    let said = parsed(&ok(d, &["sample", "s", "--checkpoint", "best", "--json"]));
    assert_eq!(said["step"], best);
    ok(
        d,
        &[
            "evaluate",
            "s",
            "--checkpoint",
            "best",
            "--metrics",
            "psnr",
            "-n",
            "30",
        ],
    );
    assert_eq!(evaluations(d, "s").last().unwrap()["step"], best);
    assert!(
        ok(
            d,
            &["evaluate", "s", "--every", "4", "--metrics", "psnr", "-n", "20"]
        )
        .contains("best by psnr")
    );
    // What was said in a series is drawn and compared.
    ok(d, &["compare", "r", "s", "--figure", "f.png"]);
    // Whatever does not go together is told before anything is done.
    fails(
        d,
        &["evaluate", "s", "--every", "3000"],
        2,
        &["--every 3000", "1, 2, 3, 4"],
    );
    fails(d, &["evaluate", "s", "--every", "0"], 2, &["--every 0"]);
    fails(
        d,
        &["sample", "s", "--checkpoint", "9"],
        1,
        &["no checkpoint of step 9"],
    );
    assert_eq!(
        menagerie(d, &["sample", "s", "--checkpoint", "bets"])
            .status
            .code(),
        Some(2)
    );
    let new = [
        "train",
        "vae",
        "--data",
        "digits",
        "--out",
        "t",
        "--evaluate-every",
        "2",
        "--set",
    ];
    fails(
        d,
        &[&new[..], &["evaluate.metrics=pnsr"]].concat(),
        2,
        &["evaluate.metrics", "did you mean `psnr`?"],
    );
    fails(d, &[&new[..], &["evaluate.metrics=nll"]].concat(), 2, &["vae"]);
    fails(
        d,
        &[&new[..], &["evaluate.best=bpd"]].concat(),
        2,
        &["evaluate.best", "bpd"],
    );
    assert!(!d.join("t").exists(), "nothing was written");
    fails(
        d,
        &["train", "--resume", "s", "--set", "model.latent=4"],
        2,
        &["model.latent", "start a new run"],
    );
    // A run that was not judged so far is judged from now on.
    ok(
        d,
        &[
            "train",
            "--resume",
            "s",
            "--steps",
            "6",
            "--evaluate-every",
            "3",
            "--set",
            "evaluate.metrics=psnr",
            "--set",
            "evaluate.n=20",
        ],
    );
    let last: Vec<u64> = evaluations(d, "s")
        .iter()
        .rev()
        .take(1)
        .map(|l| l["step"].as_u64().unwrap())
        .collect();
    assert_eq!(last, [6]);
}

/// Samples as an array of single precision numbers in [0, 1], or of bytes.
fn write_npy(path: &Path, shape: &[usize], values: &[f32]) {
    let shape = shape.iter().map(|n| format!("{n},")).collect::<String>();
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({shape}), }}");
    header += &" ".repeat((64 - (10 + header.len() + 1) % 64) % 64);
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    values.iter().for_each(|v| bytes.extend(v.to_le_bytes()));
    std::fs::write(path, bytes).unwrap();
}

/// Grey pictures of noise, the same each time.
fn noise(count: usize) -> Vec<f32> {
    (0..count * 64)
        .map(|i| (i as f32 * 12.9898).sin().abs())
        .collect()
}

fn cached(dir: &Path) -> usize {
    std::fs::read_dir(dir.join("cache/menagerie")).map_or(0, |d| d.count())
}

#[test]
fn judged_from_training_to_table() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    train(d, "classifier", "judge", &["--set", "model.width=4"]);
    for run in ["a", "b"] {
        train(d, "dcgan", run, &["--seed", if run == "a" { "1" } else { "2" }]);
    }
    let by = [
        "--metrics",
        "fid,kid,recall",
        "-n",
        "100",
        "--extractor",
        "classifier:judge",
    ];
    let found = parsed(&ok(d, &[&["evaluate", "a", "--json"][..], &by].concat()));
    for metric in ["fid", "kid", "recall"] {
        let f = &found[metric];
        assert!(
            f["value"].is_f64() && f.as_object().unwrap().contains_key("error"),
            "{f}"
        );
        let definition = &f["definition"];
        assert_eq!(
            (&definition["samples"], &definition["reference"]["split"]),
            (&json!(100), &json!("test")),
            "{f}"
        );
        assert_eq!(definition["extractor_sha256"].as_str().unwrap().len(), 64, "{f}");
    }
    let lines = evaluations(d, "a");
    assert_eq!(
        (lines.len(), &lines[0]["step"], &lines[0]["metrics"]),
        (1, &json!(4), &found)
    );
    ok(d, &[&["evaluate", "b"][..], &by].concat());
    assert_eq!(cached(d), 1, "the second takes the statistics of the first");
    let table = parsed(&ok(d, &["compare", "a", "b", "--json"]));
    let fid = |run: usize| table["runs"][run]["metrics"]["fid"]["value"].as_f64().unwrap();
    assert_eq!(
        table["metrics"]["fid"]["best"],
        json!([if fid(0) < fid(1) { "a" } else { "b" }])
    );
    let head = "| fid(classifier) ↓ | kid(classifier) ↓ | recall(classifier) ↑ |";
    assert!(ok(d, &["compare", "a", "b", "--markdown"]).contains(head));
    // Another classifier is another definition.
    train(
        d,
        "classifier",
        "other",
        &["--set", "model.width=4", "--seed", "9"],
    );
    ok(
        d,
        &[
            "evaluate",
            "b",
            "--metrics",
            "fid",
            "-n",
            "100",
            "--extractor",
            "classifier:other",
        ],
    );
    let out = menagerie(d, &["compare", "a", "b", "--markdown"]);
    let aside = String::from_utf8(out.stderr).unwrap();
    assert!(
        aside.contains("fid(classifier) is compared by the newest definition that all runs share")
            && aside.contains("not by the newer extractor_sha256: "),
        "{aside}"
    );
    // What they do not share is not ranked.
    let by_other = ["--metrics", "swd", "-n", "50", "--extractor", "classifier:other"];
    ok(d, &[&["evaluate", "b"][..], &by_other].concat());
    let by_first = ["--metrics", "swd", "-n", "50", "--extractor", "random:0"];
    ok(d, &[&["evaluate", "a"][..], &by_first].concat());
    let out = menagerie(d, &["compare", "a", "b", "--markdown"]);
    let (table, aside) = (
        String::from_utf8(out.stdout).unwrap(),
        String::from_utf8(out.stderr).unwrap(),
    );
    assert!(
        aside.contains("swd is not ranked") && aside.contains("extractor: "),
        "{aside}"
    );
    assert!(
        table.contains(" (random:0) |") && table.contains(" (classifier) |"),
        "{table}"
    );
    assert!(!aside.contains("kid is not"), "{aside}");
}

#[test]
fn statistics_of_data_are_kept_by_what_decides_them() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    write_npy(&d.join("x.npy"), &[80, 8, 8, 1], &noise(80));
    let fid = |more: &[&str]| {
        let out = ok(
            d,
            &[&["evaluate", "x.npy", "--metrics", "fid", "--json"][..], more].concat(),
        );
        parsed(&out)["fid"]["value"].as_f64().unwrap()
    };
    let base = ["--data", "digits", "-n", "70", "--extractor", "pixels"];
    let with = |more: &[&'static str]| [&base[..], more].concat();
    let first = fid(&base);
    assert_eq!(
        (fid(&base), cached(d)),
        (first, 1),
        "from the cache it is the same"
    );
    let training = fid(&with(&["--split", "train"]));
    assert!(training != first && cached(d) == 2, "a split has its own");
    fid(&["--data", "digits", "-n", "60", "--extractor", "pixels"]);
    fid(&["--data", "digits", "-n", "70", "--extractor", "random:3"]);
    fid(&with(&["--size", "9"]));
    assert_eq!(cached(d), 5, "so have a number, an extractor and a size");
    // A damaged file is as good as none.
    for entry in std::fs::read_dir(d.join("cache/menagerie")).unwrap() {
        std::fs::write(entry.unwrap().path(), "PK").unwrap();
    }
    assert_eq!((fid(&base), cached(d)), (first, 5));
    // Files that have changed are not taken for what they were.
    let before: Vec<f32> = noise(40).iter().map(|v| 1.0 - v).collect();
    write_npy(&d.join("data.npy"), &[40, 8, 8, 1], &before);
    let by_file = [
        "--data",
        "data.npy",
        "--split",
        "all",
        "-n",
        "40",
        "--extractor",
        "pixels",
    ];
    let then = fid(&by_file);
    // Only an item that the fingerprint does not look at.
    let mut after = before.clone();
    after[64..128].iter_mut().for_each(|v| *v = 0.0);
    std::thread::sleep(std::time::Duration::from_millis(20));
    write_npy(&d.join("data.npy"), &[40, 8, 8, 1], &after);
    assert_ne!(fid(&by_file), then);
    // Elsewhere, if asked for.
    fid(&with(&["--cache", "elsewhere"]));
    assert_eq!(std::fs::read_dir(d.join("elsewhere")).unwrap().count(), 1);
    // Written in pytorch-fid's format and read back, they give the same figure.
    assert_eq!(fid(&with(&["--export-reference", "digits.npz"])), first);
    assert_eq!(fid(&with(&["--reference", "digits.npz"])), first);
    // So they do without the data; the definition tells what they are of.
    let alone = [
        "evaluate",
        "x.npy",
        "-n",
        "70",
        "--extractor",
        "pixels",
        "--reference",
        "digits.npz",
    ];
    let found = parsed(&ok(d, &[&alone[..], &["--json"]].concat()));
    assert_eq!(
        (
            &found["fid"]["value"],
            &found["fid"]["definition"]["reference"]["source"]
        ),
        (&json!(first), &json!("digits"))
    );
    fails(
        d,
        &[&alone[..], &["--metrics", "frequency"]].concat(),
        2,
        &["frequency", "--data"],
    );
    let other = [
        "evaluate",
        "x.npy",
        "--metrics",
        "fid",
        "--data",
        "digits",
        "-n",
        "70",
        "--extractor",
        "random:3",
    ];
    fails(
        d,
        &[&other[..], &["--reference", "digits.npz"]].concat(),
        1,
        &["digits.npz", "pixels", "random:3"],
    );
    let at = ["evaluate", "x.npy", "--metrics", "fid", "--size", "9"];
    fails(
        d,
        &[&at[..], &base, &["--reference", "digits.npz"]].concat(),
        2,
        &["64", "81"],
    );
    fails(
        d,
        &[&at[..3], &["fid"], &base[..], &["--reference", "x.npy"]].concat(),
        1,
        &["x.npy"],
    );
    fails(
        d,
        &[&at[..3], &["kid"], &base[..], &["--reference", "digits.npz"]].concat(),
        2,
        &["kid", "--reference"],
    );
}

#[test]
fn what_cannot_be_judged_is_told_in_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let judge = |what: &'static str, more: &[&'static str]| {
        [
            &[
                "evaluate",
                what,
                "--data",
                "digits",
                "--metrics",
                "fid",
                "--extractor",
                "pixels",
            ][..],
            more,
        ]
        .concat()
    };
    // The samples.
    std::fs::create_dir(d.join("empty")).unwrap();
    fails(d, &judge("empty", &[]), 1, &["empty"]);
    fails(d, &judge("nowhere", &[]), 2, &["nowhere"]);
    write_npy(&d.join("none.npy"), &[0, 8, 8, 1], &[]);
    fails(d, &judge("none.npy", &[]), 1, &["none.npy"]);
    write_npy(&d.join("one.npy"), &[1, 8, 8, 1], &noise(1));
    fails(d, &judge("one.npy", &[]), 2, &["one image", "give more"]);
    let mut spoilt = noise(9);
    spoilt[100] = f32::NAN;
    write_npy(&d.join("nan.npy"), &[9, 8, 8, 1], &spoilt);
    fails(d, &judge("nan.npy", &[]), 1, &["nan.npy", "NaN"]);
    std::fs::create_dir(d.join("mixed")).unwrap();
    for i in 0..9u32 {
        image::GrayImage::new(8 + i % 2, 8)
            .save(d.join(format!("mixed/{i}.png")))
            .unwrap();
    }
    fails(d, &judge("mixed", &[]), 1, &["mixed", "--size"]);
    write_npy(&d.join("wide.npy"), &[4, 8, 16, 1], &noise(8));
    fails(d, &judge("wide.npy", &[]), 1, &["8x16x1", "8x8x1", "--size 8x16"]);
    // Few are judged, with a warning.
    write_npy(&d.join("few.npy"), &[20, 8, 8, 1], &noise(20));
    let out = menagerie(d, &judge("few.npy", &[]));
    let aside = String::from_utf8(out.stderr).unwrap();
    assert!(
        out.status.success() && aside.contains("warning: fid(pixels): ") && aside.contains("64"),
        "{aside}"
    );
    // The judges.
    fails(d, &judge("few.npy", &["-n", "0"]), 2, &["-n 0"]);
    std::fs::write(d.join("weights.pth"), "not these").unwrap();
    let by = |extractor: &'static str| {
        [
            "evaluate",
            "few.npy",
            "--data",
            "digits",
            "--metrics",
            "fid",
            "--extractor",
            extractor,
        ]
    };
    fails(
        d,
        &by("inception:weights.pth"),
        1,
        &["weights.pth", "SHA-256", "6726825d"],
    );
    fails(d, &by("inception:nowhere.pth"), 1, &["nowhere.pth"]);
    fails(d, &by("incepton"), 2, &["incepton", "did you mean `inception`?"]);
    fails(d, &by("classifier:nowhere"), 1, &["nowhere", "no such run"]);
    fails(d, &by("random:x"), 2, &["random:x"]);
    fails(
        d,
        &[&by("pixels")[..], &["--resize", "clean"]].concat(),
        2,
        &["pixels"],
    );
    train(d, "dcgan", "r", &[]);
    train(d, "fvbn", "plain", &[]);
    fails(d, &by("classifier:plain"), 2, &["fvbn", "classifier"]);
    // The metrics.
    fails(
        d,
        &["evaluate", "r", "--metrics", "fdi"],
        2,
        &["fdi", "did you mean `fid`?"],
    );
    fails(
        d,
        &["evaluate", "r", "--metrics", "nll"],
        2,
        &["dcgan", "log-likelihood"],
    );
    fails(
        d,
        &["evaluate", "few.npy", "--metrics", "nll", "--data", "digits"],
        2,
        &["nll", "samples alone"],
    );
    fails(d, &["evaluate", "few.npy", "--metrics", "fid"], 2, &["--data"]);
    fails(
        d,
        &["evaluate", "few.npy", "--data", "ring8", "--metrics", "fid"],
        1,
        &["ring8", "points"],
    );
    fails(
        d,
        &["evaluate", "few.npy", "--every", "2"],
        2,
        &["few.npy", "not a run"],
    );
    assert!(evaluations(d, "r").is_empty(), "what failed leaves no line");
}

#[test]
fn videos_are_judged_by_the_classes_of_their_frames() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let set = |settings: &[&str]| -> Vec<String> {
        let all = settings.iter().flat_map(|s| ["--set".to_string(), s.to_string()]);
        all.chain(["--size", "16", "--steps", "2", "--batch", "4"].map(String::from))
            .collect()
    };
    let train = |name: &str, out: &str, data: &str, settings: &[&str]| {
        let more = set(settings);
        let args: Vec<&str> = ["train", name, "--data", data, "--out", out]
            .into_iter()
            .chain(more.iter().map(String::as_str))
            .collect();
        ok(d, &args);
    };
    let small = [
        "model.width=2",
        "model.latent=3",
        "model.units=6",
        "train.samples=2",
    ];
    train("video_vae", "videos", "portraits:video", &small);
    train("classifier", "judge", "portraits", &["model.width=4"]);
    train(
        "dcgan",
        "faces",
        "portraits",
        &["model.width=4", "train.samples=4"],
    );
    let metrics = [
        "evaluate",
        "videos",
        "--metrics",
        "intra-e,inter-e,i-score",
        "-n",
        "12",
    ];
    let judged = [&metrics[..], &["--extractor", "classifier:judge"]].concat();
    let found = parsed(&ok(d, &[&judged[..], &["--json"]].concat()));
    for of in ["", "/data"] {
        let value = |m: &str| found[format!("{m}{of}")]["value"].as_f64().unwrap();
        let (intra, inter, score) = (value("intra-e"), value("inter-e"), value("i-score"));
        assert!(
            0.0 < intra && intra <= inter + 1e-9 && inter <= 8f64.ln() + 1e-9,
            "{found}"
        );
        assert!((score - (inter - intra).exp()).abs() < 1e-9, "{found}");
    }
    let definition = &found["intra-e"]["definition"];
    assert_eq!(
        (
            &definition["frames"],
            &definition["samples"],
            &definition["extractor"]
        ),
        (&json!(10), &json!(12), &json!("classifier"))
    );
    // People are told the extractor with the figure.
    assert!(ok(d, &judged).contains("intra-e(classifier)  "));
    fails(
        d,
        &metrics,
        2,
        &["classes of frames", "--extractor classifier:RUN"],
    );
    let images = [
        "evaluate",
        "faces",
        "--metrics",
        "intra-e",
        "--extractor",
        "classifier:judge",
    ];
    fails(d, &images, 2, &["`intra-e` judges videos"]);
}

#[test]
fn defaults_suit_the_data_and_figures_are_printed_even_if_they_cannot_be_kept() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    train(d, "dcgan", "r", &[]);
    // As many samples as there are test digits: nothing to warn of.
    let out = menagerie(d, &["evaluate", "r"]);
    let (said, warned) = (
        String::from_utf8(out.stdout).unwrap(),
        String::from_utf8(out.stderr).unwrap(),
    );
    assert!(
        out.status.success() && said.contains("fid(random:0)  "),
        "{said}{warned}"
    );
    assert!(!warned.contains("warning: "), "{warned}");
    let lines = std::fs::read_to_string(d.join("r/evaluation.jsonl")).unwrap();
    assert_eq!(parsed(&lines)["metrics"]["fid"]["definition"]["samples"], 360);
    // What gives features needs no labels.
    train(d, "autoencoder", "f", &[]);
    let features = [
        "evaluate",
        "r",
        "--metrics",
        "fid",
        "--extractor",
        "features:f",
        "-n",
        "50",
    ];
    assert!(ok(d, &features).starts_with("fid(autoencoder)  "));
    // No place to keep figures.
    std::fs::remove_file(d.join("r/evaluation.jsonl")).unwrap();
    std::fs::create_dir(d.join("r/evaluation.jsonl")).unwrap();
    let out = menagerie(d, &["evaluate", "r", "--metrics", "fid", "-n", "20"]);
    let (said, warned) = (
        String::from_utf8(out.stdout).unwrap(),
        String::from_utf8(out.stderr).unwrap(),
    );
    assert!(
        out.status.success() && said.starts_with("fid(random:0)"),
        "{said}{warned}"
    );
    assert!(warned.contains("not kept in the run"), "{warned}");
}

#[test]
fn what_advice_names_can_be_done() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    train(d, "dcgan", "gan", &[]);
    train(d, "autoencoder", "ae", &[]);
    ok(d, &["evaluate", "gan", "--metrics", "fid", "-n", "20"]);
    ok(d, &["evaluate", "ae", "--metrics", "psnr", "-n", "20"]);
    train(d, "dcgan", "new", &[]);
    // A GAN has no reconstructions, so only `fid` is advised; the advised command runs.
    let out = menagerie(d, &["compare", "gan", "ae", "new"]);
    let said = String::from_utf8(out.stderr).unwrap();
    let advised = said
        .split("menagerie evaluate ")
        .nth(1)
        .expect("an advice")
        .trim();
    assert_eq!(advised, "new --metrics fid");
    let args: Vec<&str> = advised.split_whitespace().collect();
    ok(d, &[&["evaluate"], &args[..]].concat());
}
