//! Models with a likelihood through the command: scores, completions, samples of a class, and what they refuse.
use crate::support::{fails, ok};
use tempfile::TempDir;

/// A folder with `g`, a small gated PixelCNN on black and white clothes of 8x8.
fn trained() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let sizes = [
        "--set",
        "model.width=8",
        "--set",
        "model.depth=1",
        "--set",
        "model.head=8",
        "--size",
        "8",
        "--limit",
        "64",
    ];
    let train = [
        "train",
        "gated_pixel_cnn",
        "--data",
        "fashion",
        "--out",
        "g",
        "--steps",
        "3",
        "--batch",
        "8",
    ];
    ok(dir.path(), &[&train[..], &sizes].concat());
    dir
}

#[test]
fn every_item_is_scored() {
    let dir = trained();
    ok(dir.path(), &["score", "g", "--limit", "5", "--out", "scores.csv"]);
    let scores = std::fs::read_to_string(dir.path().join("scores.csv")).unwrap();
    let mut lines = scores.lines();
    assert_eq!(lines.next(), Some("item,nats,bits_per_dim"));
    let rows: Vec<[f64; 3]> = lines
        .map(|l| std::array::from_fn(|k| l.split(',').nth(k).unwrap().parse().unwrap()))
        .collect();
    assert_eq!(
        rows.iter().map(|r| r[0]).collect::<Vec<_>>(),
        [0.0, 1.0, 2.0, 3.0, 4.0]
    );
    for [_, nats, bits] in &rows {
        // 64 pixels of one bit each: a model that knows nothing needs 1 bit a pixel.
        assert!(
            (bits + nats / 64.0 / std::f64::consts::LN_2).abs() < 1e-5 && (0.0..2.0).contains(bits),
            "{nats} {bits}"
        );
    }
    let all: serde_json::Value =
        serde_json::from_str(&ok(dir.path(), &["score", "g", "--limit", "5", "--json"])).unwrap();
    let mean = rows.iter().map(|r| r[1]).sum::<f64>() / 5.0;
    assert!(
        (all["mean_nats"].as_f64().unwrap() - mean).abs() < 1e-4
            && all["bound"] == "exact"
            && all["count"] == 5,
        "{all}"
    );
    // Images of another size are the user's to bring to the run's.
    fails(
        dir.path(),
        &["score", "g", "--data", "fashion", "--size", "10"],
        1,
        &["10x10x1", "8x8x1", "--size 8x8"],
    );
    fails(
        dir.path(),
        &["score", "g", "--data", "ring8"],
        2,
        &["ring8", "points"],
    );
    fails(dir.path(), &["score", "g", "--data", "nowhere"], 2, &["nowhere"]);
}

#[test]
fn images_are_completed_from_a_mask() {
    let dir = trained();
    ok(
        dir.path(),
        &["complete", "g", "--mask", "lower-half", "--out", "c.png"],
    );
    assert!(image::open(dir.path().join("c.png")).is_ok());
    // A mask from a file: of the items' size it is taken, of another it is refused, and nothing is written.
    image::GrayImage::from_fn(8, 8, |x, _| image::Luma([if x < 4 { 255 } else { 0 }]))
        .save(dir.path().join("mask.png"))
        .unwrap();
    ok(
        dir.path(),
        &["complete", "g", "--mask", "mask.png", "--out", "m.png"],
    );
    image::GrayImage::new(9, 8)
        .save(dir.path().join("other.png"))
        .unwrap();
    fails(
        dir.path(),
        &["complete", "g", "--mask", "other.png", "--out", "n.png"],
        1,
        &["other.png", "8x9", "8x8"],
    );
    fails(
        dir.path(),
        &["complete", "g", "--mask", "lower-hafl", "--out", "n.png"],
        2,
        &["lower-hafl", "lower-half"],
    );
    assert!(!dir.path().join("n.png").exists());
}

#[test]
fn a_class_is_sampled_if_the_run_knows_it() {
    let dir = trained();
    ok(
        dir.path(),
        &["sample", "g", "--label", "3", "-n", "2", "--out", "three.npy"],
    );
    ok(
        dir.path(),
        &["sample", "g", "--label", "4", "-n", "2", "--out", "four.npy"],
    );
    let bytes = |name: &str| std::fs::read(dir.path().join(name)).unwrap();
    assert_eq!(bytes("three.npy").len(), bytes("four.npy").len());
    fails(
        dir.path(),
        &["sample", "g", "--label", "zebra", "--out", "z.png"],
        2,
        &["zebra", "known: t-shirt, trouser"],
    );
    fails(
        dir.path(),
        &["interpolate", "g", "--out", "z.png"],
        2,
        &["gated_pixel_cnn"],
    );
    fails(
        dir.path(),
        &["reconstruct", "g", "--out", "z.png"],
        2,
        &["gated_pixel_cnn"],
    );
    assert!(!dir.path().join("z.png").exists());
}
