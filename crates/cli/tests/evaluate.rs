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
    let common = ["train", name, "--data", "digits", "--batch", "8", "--steps", "4", "--set", "train.samples=9", "--out", out];
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
