//! Judging runs and samples: what is kept for later, what is refused, which figures suit the data.
use crate::judged::{cached, evaluations, noise, parsed, train};
use crate::support::{fails, menagerie, ok};
use menagerie::data::picture;
use serde_json::json;
use std::path::Path;

fn write_npy(path: &Path, shape: &[usize], values: &[f32]) {
    picture::write_npy(path, shape, values).unwrap();
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
    fails(
        d,
        &by("imagenet:weights.pth"),
        1,
        &["weights.pth: is not a file of PyTorch"],
    );
    let other = Path::new(env!("CARGO_MANIFEST_DIR")).join("../menagerie/tests/fixtures/netG.pth");
    std::fs::copy(other, d.join("other.pth")).unwrap();
    fails(
        d,
        &by("imagenet:other.pth"),
        1,
        &["other.pth: holds no classifier that is known", "torchvision"],
    );
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
fn a_probe_learns_the_classes_of_the_data_it_is_given() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    train(d, "dcgan", "run", &[]);
    // Clothes are no digits, and are told apart all the same.
    let out = ok(
        d,
        &[
            "evaluate",
            "run",
            "--metrics",
            "linear-probe",
            "--data",
            "fashion",
            "--size",
            "8",
            "-n",
            "300",
            "--json",
        ],
    );
    let accuracy = parsed(&out)["linear-probe/pixels"]["value"].as_f64().unwrap();
    assert!(accuracy > 0.5, "{accuracy}");
}
