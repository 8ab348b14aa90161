//! The command as a user meets it: exit status, one clear line, nothing lost.
use crate::support::{fails, menagerie, ok};
use tempfile::TempDir;

pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

/// A run of a few steps that takes a second.
const SMALL: &[&str] = &[
    "train",
    "dcgan",
    "--data",
    "digits",
    "--batch",
    "8",
    "--set",
    "model.width=4",
    "--set",
    "model.latent=8",
    "--set",
    "train.samples=9",
];

pub(crate) fn small<'a>(more: &[&'a str]) -> Vec<&'a str> {
    SMALL.iter().copied().chain(more.iter().copied()).collect()
}

#[test]
fn help_list_and_data() {
    let dir = folder();
    for args in [
        &["--help"][..],
        &["train", "--help"],
        &["sample", "--help"],
        &["data", "--help"],
        &["--version"],
    ] {
        assert!(!ok(dir.path(), args).is_empty());
    }
    let list: serde_json::Value = serde_json::from_str(&ok(dir.path(), &["list", "--json"])).unwrap();
    let dcgan = list
        .as_array()
        .unwrap()
        .iter()
        .find(|m| m["name"] == "dcgan")
        .unwrap();
    assert_eq!(
        (&dcgan["family"], &dcgan["recipe"]),
        (&"adversarial".into(), &"dcgan".into())
    );
    assert!(
        dcgan["capabilities"]
            .as_array()
            .unwrap()
            .contains(&"sample".into())
            && dcgan["paper"].is_string()
    );
    assert!(
        ok(
            dir.path(),
            &["list", "--can", "latent-space", "--family", "adversarial"]
        )
        .contains("dcgan")
    );
    fails(
        dir.path(),
        &["list", "--can", "smaple"],
        2,
        &["smaple", "did you mean `sample`?"],
    );
    fails(dir.path(), &["list", "--family", "flwo"], 2, &["flwo"]);
    assert!(ok(dir.path(), &["data", "list"]).contains("portraits"));
    let shown: serde_json::Value =
        serde_json::from_str(&ok(dir.path(), &["data", "show", "digits", "--json"])).unwrap();
    assert_eq!(shown["shape"], serde_json::json!([8, 8, 1]));
    assert_eq!(shown["labels"].as_array().unwrap().len(), 10);
    assert!(shown["count"].as_u64().unwrap() > 1000 && shown["range"] == serde_json::json!([0.0, 255.0]));
    ok(
        dir.path(),
        &["data", "show", "fashion", "--out", "grid.png", "-n", "16"],
    );
    assert!(image::open(dir.path().join("grid.png")).unwrap().width() >= 4 * 28);
    ok(dir.path(), &["data", "show", "ring8", "--out", "points.png"]);
    assert!(dir.path().join("points.png").exists());
}

#[test]
fn data_are_packed_and_counted() {
    let dir = folder();
    let d = dir.path();
    let read = |args: &[&str]| -> serde_json::Value { serde_json::from_str(&ok(d, args)).unwrap() };
    let flags = ["--out", "p", "--shard-size", "500kB", "--json"];
    let packed = read(&[&["data", "pack", "digits", "--size", "6"][..], &flags].concat());
    assert_eq!(packed["shape"], serde_json::json!([6, 6, 1]));
    assert_eq!(
        (&packed["parts"][0]["items"], &packed["parts"][1]["items"]),
        (&1437.into(), &360.into())
    );
    let counted = read(&["data", "stats", "p", "--json"]);
    assert_eq!(
        counted["parts"][1]["sizes"],
        serde_json::json!([{"size": [6, 6], "count": 360}])
    );
    assert_eq!(counted["parts"][0]["damaged"]["count"], 0);
    assert!(ok(d, &["data", "stats", "p", "--split", "test"]).contains("360 items"));
    fails(
        d,
        &["data", "pack", "digits", "--out", "p"],
        1,
        &["p: is not empty"],
    );
    fails(
        d,
        &["data", "pack", "digits", "--out", "q", "--shard-size", "0"],
        2,
        &["256MB"],
    );
    fails(
        d,
        &["data", "stats", "p/train/{00000..00099}.tar"],
        1,
        &["of its 100 shards"],
    );
    // Refused without credentials where it could be read, and without the feature where it could not.
    fails(
        d,
        &["data", "show", "gs://bucket/folder"],
        2,
        &[if cfg!(feature = "cloud") {
            "there are no credentials"
        } else {
            "--features cloud"
        }],
    );
}

#[test]
fn train_sample_export_resume() {
    let dir = folder();
    let d = dir.path();
    let said = ok(d, &small(&["--steps", "4", "--out", "r"]));
    assert!(
        said.contains("menagerie sample r") && said.contains("--data your/folder"),
        "{said}"
    );
    for file in [
        "recipe.toml",
        "metrics.jsonl",
        "samples/000000.png",
        "samples/000004.png",
        "checkpoints/000004/state.json",
        "log.txt",
        "index.html",
        "curves.png",
    ] {
        assert!(d.join("r").join(file).exists(), "{file}");
    }
    let line = std::fs::read_to_string(d.join("r/metrics.jsonl")).unwrap();
    let first: serde_json::Value = serde_json::from_str(line.lines().next().unwrap()).unwrap();
    for key in [
        "step",
        "images",
        "seconds",
        "loss/generator",
        "loss/discriminator",
        "d/real",
        "d/fake",
    ] {
        assert!(first[key].is_number(), "{key}: {first}");
    }
    // the same seed gives the same file, another seed another one; any kind of output
    ok(d, &["sample", "r", "-n", "9", "--seed", "4", "--out", "a.png"]);
    ok(
        d,
        &[
            "sample",
            "r",
            "-n",
            "9",
            "--seed",
            "4",
            "--out",
            "b.png",
            "--threads",
            "1",
        ],
    );
    ok(d, &["sample", "r", "-n", "9", "--seed", "5", "--out", "c.png"]);
    let bytes = |f: &str| std::fs::read(d.join(f)).unwrap();
    assert_eq!(bytes("a.png"), bytes("b.png"));
    assert_ne!(bytes("a.png"), bytes("c.png"));
    ok(d, &["sample", "r", "-n", "3", "--out", "many/"]);
    let pictures = std::fs::read_dir(d.join("many"))
        .unwrap()
        .map(|e| e.unwrap().path());
    assert_eq!(
        pictures
            .filter(|p| p.extension().is_some_and(|e| e == "png"))
            .count(),
        3
    );
    ok(d, &["sample", "r", "-n", "3", "--out", "x.npy"]);
    assert!(bytes("x.npy").starts_with(b"\x93NUMPY") && bytes("x.npy").len() >= 3 * 64 * 4);
    fails(d, &["sample", "r", "--out", "x.tiff"], 2, &["x.tiff", ".png"]);
    fails(d, &["sample", "r", "--label", "cat"], 2, &["cat"]);
    fails(
        d,
        &["sample", "r", "--checkpoint", "3"],
        1,
        &["no checkpoint of step 3", "4"],
    );
    // export
    ok(d, &["export", "r", "--out", "shipped"]);
    let described: serde_json::Value = serde_json::from_slice(&bytes("shipped/model.json")).unwrap();
    assert_eq!(described["inputs"][0]["shape"], serde_json::json!([0, 8]));
    assert_eq!(described["outputs"][0]["shape"], serde_json::json!([0, 8, 8, 1]));
    ok(
        d,
        &[
            "export",
            "r",
            "--out",
            "shipped-pytorch",
            "--layout",
            "pytorch",
            "--format",
            "safetensors",
        ],
    );
    // go on
    let said = ok(d, &["train", "--resume", "r", "--steps", "6", "--json"]);
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&said["step"], &said["interrupted"]), (&6.into(), &false.into()));
    // and the default place
    ok(d, &small(&["--steps", "1"]));
    ok(d, &small(&["--steps", "1"]));
    assert!(d.join("runs/dcgan-001").exists() && d.join("runs/dcgan-002").exists());
}

#[test]
fn dry_run_tells_all_and_writes_nothing() {
    let dir = folder();
    let said = ok(dir.path(), &small(&["--dry-run", "--steps", "2epochs"]));
    for w in [
        "[optimizer.generator]",
        "learning_rate",
        "# generator: ",
        "parameters",
        "memory",
        "steps an epoch",
        "2.0 epochs",
        "# time: about",
    ] {
        assert!(said.contains(w), "{w}: {said}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&ok(dir.path(), &["train", "dcgan", "--dry-run", "--json"])).unwrap();
    assert!(json["networks"][0]["parameters"].as_u64().unwrap() > 10_000);
    assert!(json["seconds_per_step"].as_f64().unwrap() > 0.0);
    assert_eq!(
        std::fs::read_dir(dir.path()).unwrap().count(),
        0,
        "nothing is written"
    );
}

#[test]
fn wrong_words_get_the_nearest_right_ones() {
    let dir = folder();
    let d = dir.path();
    fails(d, &["train", "dcgna"], 2, &["dcgna", "did you mean `dcgan`?"]);
    fails(
        d,
        &["train", "dcgan", "--set", "model.widht=3"],
        2,
        &["model.widht", "did you mean `model.width`?"],
    );
    fails(
        d,
        &["train", "dcgan", "--set", "model.width=wide"],
        2,
        &["model.width", "whole number"],
    );
    fails(
        d,
        &["train", "dcgan", "--set", "objective.rule=minmax"],
        2,
        &["objective", "did you mean `minimax`?"],
    );
    fails(
        d,
        &["train", "dcgan", "--set", "model.width"],
        2,
        &["has no value"],
    );
    fails(
        d,
        &["train", "dcgan", "--steps", "10epohcs"],
        2,
        &["epohcs", "did you mean `epochs`?"],
    );
    fails(
        d,
        &["train", "dcgan", "--data", "fashoin"],
        2,
        &["fashoin", "did you mean `fashion`?"],
    );
    fails(d, &["train", "dcgan", "--data", "ring8"], 1, &["ring8", "points"]);
    fails(d, &["train", "dcgan", "--device", "gpu9"], 2, &["gpu9"]);
    fails(d, &["train", "dcgan", "--batch", "100000"], 2, &["100000"]);
    fails(d, &["sample", "nowhere"], 1, &["nowhere", "no such run"]);
    fails(d, &["sample", "."], 1, &["not a run"]);
    std::fs::write(d.join("bad.toml"), "[model\n").unwrap();
    fails(d, &["train", "--recipe", "bad.toml"], 1, &["bad.toml", "TOML"]);
    std::fs::write(d.join("nameless.toml"), "[train]\nsteps = 3\n").unwrap();
    fails(d, &["train", "--recipe", "nameless.toml"], 2, &["model.name"]);
    assert_eq!(menagerie(d, &["trian"]).status.code(), Some(2));
    assert_eq!(menagerie(d, &["train"]).status.code(), Some(2));
    assert!(!d.join("runs").exists(), "nothing was written");
}

#[test]
fn a_run_folder_in_any_state() {
    let dir = folder();
    let d = dir.path();
    ok(
        d,
        &small(&["--steps", "2", "--out", "r", "--set", "train.checkpoint_every=1"]),
    );
    fails(d, &small(&["--out", "r"]), 1, &["exists already", "--resume r"]);
    // its newest checkpoint damaged: the one before serves, and that is said
    let victim = d.join("r/checkpoints/000002/generator.safetensors");
    std::fs::write(&victim, b"short").unwrap();
    let out = menagerie(d, &["sample", "r"]);
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(
        out.status.success() && text.contains("checkpoint 2 is skipped"),
        "{text}"
    );
    assert!(String::from_utf8_lossy(&out.stdout).contains("step 1"));
    // none left, though there were some
    std::fs::remove_dir_all(d.join("r/checkpoints")).unwrap();
    fails(d, &["sample", "r"], 1, &["holds no checkpoint", "step 2"]);
    // a run that never reached its first checkpoint goes on from the start
    std::fs::write(d.join("r/metrics.jsonl"), "{\"step\":1}\n").unwrap();
    fails(d, &["sample", "r"], 1, &["no checkpoint yet", "--resume"]);
    ok(d, &["train", "--resume", "r"]);
    assert!(d.join("r/checkpoints/000002").exists());
    // a place that cannot be written
    std::fs::write(d.join("file"), "").unwrap();
    fails(d, &small(&["--out", "file"]), 1, &["file"]);
    fails(d, &small(&["--out", "file/run"]), 1, &["file/run"]);
    // a recipe spoilt by hand
    std::fs::write(
        d.join("r/recipe.toml"),
        "[model]\nname = \"dcgan\"\nwidth = \"big\"\n",
    )
    .unwrap();
    fails(d, &["sample", "r"], 2, &["model.width"]);
}

#[test]
fn absurd_sizes_get_one_line() {
    let dir = folder();
    let d = dir.path();
    for (set, words) in [
        ("model.width=100000000", &["model.width", "too large"][..]),
        ("model.width=10000000", &["`model`", "memory"]),
        ("model.latent=9000000000000", &["model.latent", "too large"]),
        ("optimizer.generator.beta1=1", &["optimizer.generator", "beta1"]),
        (
            "optimizer.generator.epsilon=-1",
            &["optimizer.generator", "epsilon"],
        ),
        ("optimizer.discriminator.clip_norm=nan", &["clip_norm"]),
        (
            "train.samples=99999999999",
            &["train.samples = 99999999999", "GB"],
        ),
        ("train.batch=99999999999", &["train.batch = 99999999999", "GB"]),
        (
            "game.discriminator_steps=99999999999",
            &["99999999999 batches", "GB"],
        ),
    ] {
        fails(d, &["train", "dcgan", "--set", set], 2, words);
    }
    for (model, set) in [
        ("pixel_cnn", "model.depth=4000000"),
        ("glow", "model.depth=4000000"),
    ] {
        fails(
            d,
            &["train", model, "--data", "digits", "--set", set],
            2,
            &["`model`"],
        );
    }
    assert!(!d.join("runs").exists(), "nothing was written");
    ok(d, &small(&["--steps", "1", "--out", "r"]));
    fails(
        d,
        &["sample", "r", "-n", "100000000000"],
        2,
        &["100000000000 samples", "GB", "fewer"],
    );
    fails(
        d,
        &["interpolate", "r", "--pairs", "100000000000"],
        2,
        &["100000000000 walks", "GB", "fewer"],
    );
}

#[test]
fn bad_data_folders() {
    let dir = folder();
    let d = dir.path();
    std::fs::create_dir(d.join("empty")).unwrap();
    fails(d, &["train", "dcgan", "--data", "empty"], 1, &["empty"]);
    std::fs::create_dir(d.join("texts")).unwrap();
    std::fs::write(d.join("texts/a.txt"), "x").unwrap();
    fails(d, &["train", "dcgan", "--data", "texts"], 1, &["texts"]);
    fails(d, &["data", "show", "texts"], 1, &["texts"]);
    std::fs::create_dir(d.join("mixed")).unwrap();
    for i in 0..9u32 {
        image::RgbImage::new(8 + i % 2, 8)
            .save(d.join(format!("mixed/{i}.png")))
            .unwrap();
    }
    fails(
        d,
        &["train", "dcgan", "--data", "mixed", "--batch", "2"],
        1,
        &["--size"],
    );
    // with a size it works; one damaged item among good ones is told and skipped
    std::fs::write(d.join("mixed/bad.png"), b"\x89PNG\r\n\x1a\nnothing").unwrap();
    let args = [
        "train",
        "dcgan",
        "--data",
        "mixed",
        "--batch",
        "2",
        "--size",
        "8",
        "--steps",
        "1",
        "--set",
        "model.width=2",
    ];
    fails(d, &args, 1, &["bad.png", "--max-bad"]);
    let out = menagerie(d, &[&args[..], &["--max-bad", "0.2"]].concat());
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(out.status.success() && text.contains("bad.png"), "{text}");
}

#[test]
fn videos_shorter_than_asked() {
    let dir = folder();
    let d = dir.path();
    for frame in 0..3u8 {
        std::fs::create_dir_all(d.join("videos/one")).unwrap();
        image::RgbImage::from_pixel(8, 8, image::Rgb([60 * frame; 3]))
            .save(d.join(format!("videos/one/{frame}.png")))
            .unwrap();
    }
    let tiny = [
        "model.width=2",
        "model.latent=2",
        "model.units=4",
        "data.frames=4",
        "data.limit=16",
    ];
    let mut train = vec![
        "train",
        "video_vae",
        "--data",
        "portraits:video",
        "--size",
        "8",
        "--batch",
        "4",
        "--steps",
        "2",
        "--out",
        "r",
    ];
    tiny.iter().for_each(|t| train.extend(["--set", t]));
    ok(d, &train);
    fails(
        d,
        &[
            "predict",
            "r",
            "--data",
            "videos",
            "--context",
            "5",
            "--frames",
            "2",
        ],
        1,
        &["3 frames", "5 are needed", "--context"],
    );
    fails(d, &["predict", "r", "--frames", "0"], 2, &["--frames 0"]);
    ok(
        d,
        &[
            "predict",
            "r",
            "--data",
            "videos",
            "--context",
            "2",
            "--frames",
            "6",
            "--out",
            "more.png",
        ],
    );
}
