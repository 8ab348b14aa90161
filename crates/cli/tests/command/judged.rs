//! What the tests of judging share: small runs, their figures, and arrays of pictures.
use crate::support::ok;
use serde_json::Value;
use std::path::Path;

/// Trains a small model for a few steps.
pub(crate) fn train(dir: &Path, name: &str, out: &str, more: &[&str]) {
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

pub(crate) fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// Lines of a run's evaluation.jsonl, without the time they took.
pub(crate) fn evaluations(dir: &Path, run: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(dir.join(run).join("evaluation.jsonl")).unwrap_or_default();
    let mut lines: Vec<Value> = text.lines().map(parsed).collect();
    lines
        .iter_mut()
        .for_each(|l| drop(l.as_object_mut().unwrap().remove("seconds")));
    lines
}

/// Grey pictures of noise, the same each time.
pub(crate) fn noise(count: usize) -> Vec<f32> {
    (0..count * 64)
        .map(|i| (i as f32 * 12.9898).sin().abs())
        .collect()
}

pub(crate) fn cached(dir: &Path) -> usize {
    std::fs::read_dir(dir.join("cache/menagerie")).map_or(0, |d| d.count())
}
