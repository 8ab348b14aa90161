//! Runs beside one another: the table, what is ranked in it, and what is advised where figures are missing.
use crate::judged::{cached, evaluations, parsed, train};
use crate::support::{fails, menagerie, ok};
use serde_json::json;
use std::path::Path;
use std::process::{Command, Stdio};

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
        lines[4].ends_with(" | - | - |")
            && aside.contains("c has not been evaluated yet: menagerie evaluate c\n"),
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
        &["compare", "a", "b", "--metrics", "psnr", "--figure", "g.png"],
        2,
        &["nothing to draw", "the definitions of psnr differ", "items"],
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

/// Another process trains and judges, in a folder that is shared: what is compared is what was written whole.
#[test]
fn runs_are_compared_while_they_are_written() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    train(d, "dcgan", "done", &[]);
    write_evaluation(d, "done", &[(4, 20.0, 2.0, 10)]);
    let mut writer = Command::new(env!("CARGO_BIN_EXE_menagerie"))
        .args([
            "train", "gan", "--data", "digits", "--steps", "40", "--batch", "8", "--out", "grows",
        ])
        .args([
            "--set",
            "train.checkpoint_every=2",
            "--set",
            "train.log_every=1",
            "--set",
            "train.samples=9",
        ])
        .args([
            "--evaluate-every",
            "2",
            "--set",
            "evaluate.metrics=frequency",
            "--set",
            "evaluate.n=20",
        ])
        .current_dir(d)
        .env("XDG_CACHE_HOME", d.join("cache"))
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut seen: Vec<u64> = Vec::new();
    while writer.try_wait().unwrap().is_none() {
        if !d.join("grows/recipe.toml").exists() {
            std::thread::yield_now();
            continue;
        }
        let found = parsed(&ok(d, &["compare", "done", "grows", "--json"]));
        let images = |run: usize| found["runs"][run]["images"].as_u64();
        assert_eq!(images(0), Some(32), "{found}");
        seen.extend(images(1));
    }
    assert!(writer.wait().unwrap().success());
    let found = parsed(&ok(d, &["compare", "done", "grows", "--json"]));
    seen.extend(found["runs"][1]["images"].as_u64());
    assert!(seen.is_sorted() && seen.last() == Some(&320), "{seen:?}");
    assert_eq!(evaluations(d, "grows").len(), 20);
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
