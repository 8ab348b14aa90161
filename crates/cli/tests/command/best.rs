//! Judging while training, and the best checkpoint.
use crate::judged::{evaluations, parsed, train};
use crate::support::{fails, menagerie, ok};
use serde_json::{Value, json};
use std::path::Path;

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
