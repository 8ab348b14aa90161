//! Walks, sweeps and arithmetic in latent spaces.
use crate::basics::{folder, small};
use crate::support::{fails, ok};

#[test]
fn latent_spaces_are_walked_through() {
    let dir = folder();
    let d = dir.path();
    ok(d, &small(&["--steps", "2", "--out", "r"]));
    ok(
        d,
        &[
            "interpolate",
            "r",
            "--pairs",
            "2",
            "--steps",
            "5",
            "--out",
            "walks/walk.npy",
        ],
    );
    ok(
        d,
        &[
            "interpolate",
            "r",
            "--pairs",
            "3",
            "--steps",
            "4",
            "--mode",
            "linear",
            "--out",
            "walk.png",
        ],
    );
    assert!(std::fs::metadata(d.join("walks/walk.npy")).unwrap().len() >= 10 * 64 * 4);
    ok(
        d,
        &[
            "traverse", "r", "--dims", "0,3", "--range", "-2:2", "--steps", "5", "--out", "rows.png",
        ],
    );
    assert!(image::open(d.join("walk.png")).is_ok() && image::open(d.join("rows.png")).is_ok());
    fails(d, &["traverse", "r", "--dims", "99"], 2, &["99", "0 to 7"]);
    fails(d, &["traverse", "r", "--range", "wide"], 2, &["wide", "-3:3"]);
    fails(d, &["traverse", "r", "--item", "1"], 2, &["dcgan", "encode"]);
    fails(d, &["interpolate", "r", "--data", "digits"], 2, &["--from"]);
    fails(d, &["interpolate", "r", "--split", "test"], 2, &["--from"]);
    fails(
        d,
        &["interpolate", "r", "--from", "0", "--to", "1"],
        2,
        &["dcgan", "encode"],
    );
    // A column a term, three members, the mean, and the result beside them; numbers are those of `sample`.
    ok(d, &["arithmetic", "r", "0,3,5 - 1 + 7", "--out", "sum.png"]);
    assert!(image::open(d.join("sum.png")).unwrap().width() >= 4 * 8);
    ok(d, &["arithmetic", "r", "4", "--out", "one.npy", "--noise", "0"]);
    ok(d, &["sample", "r", "-n", "5", "--out", "five.npy"]);
    let numbers = |f: &str| std::fs::read(d.join(f)).unwrap().split_off(128);
    let (one, five) = (numbers("one.npy"), numbers("five.npy"));
    assert_eq!(one.len(), 4 * 64 * 4, "member, variation, mean, result");
    for item in one.as_chunks::<{ 64 * 4 }>().0 {
        assert_eq!(
            item[..],
            five[4 * 64 * 4..],
            "without noise all are the sample of that number"
        );
    }
    fails(d, &["arithmetic", "r", "1 -"], 2, &["a term is missing"]);
    fails(d, &["arithmetic", "r", "cat - 1"], 2, &["--data"]);
    fails(d, &["arithmetic", "r", "99999999999999"], 2, &["GB"]);
    fails(
        d,
        &["arithmetic", "r", "1 - 2", "--data", "digits"],
        2,
        &["dcgan", "encode"],
    );
    ok(
        d,
        &[
            "train", "vae", "--data", "digits", "--batch", "8", "--steps", "2", "--out", "v",
        ],
    );
    ok(
        d,
        &[
            "arithmetic",
            "v",
            "label:7 - label:1 + 3,5",
            "--data",
            "digits",
            "-n",
            "20",
            "--out",
            "classes.png",
        ],
    );
    assert!(image::open(d.join("classes.png")).is_ok());
    fails(
        d,
        &["arithmetic", "v", "seven - label:1", "--data", "digits"],
        2,
        &["seven", "digits"],
    );
    fails(
        d,
        &["arithmetic", "v", "99999", "--data", "digits"],
        2,
        &["99999"],
    );
    // What a model has not is named, with the models that have it.
    for args in [
        &["score", "r"][..],
        &["reconstruct", "r"],
        &["complete", "r"],
        &["encode", "r", "--out", "z.npy"],
    ] {
        fails(d, args, 2, &["dcgan"]);
    }
    fails(d, &["encode", "r", "--out", "z.txt"], 2, &["z.txt", ".npy"]);
}

#[test]
fn what_a_dimension_moves_is_read_off() {
    let dir = folder();
    let d = dir.path();
    let train = |name: &str, out: &str, more: &[&str]| {
        let all = [
            &[
                "train",
                name,
                "--data",
                "portraits",
                "--size",
                "8",
                "--limit",
                "32",
                "--batch",
                "8",
                "--steps",
                "2",
                "--out",
                out,
            ],
            more,
        ];
        ok(d, &all.concat());
    };
    train(
        "vae",
        "v",
        &["--set", "model.latent=3", "--set", "model.hidden=[8]"],
    );
    train("attribute-reader", "reader", &["--set", "model.width=4"]);
    let text = ok(
        d,
        &[
            "traverse", "v", "--read", "reader", "--draws", "4", "--dims", "0,2",
        ],
    );
    assert!(
        text.contains("dimension 0:") && text.contains("dimension 2:") && !text.contains("dimension 1:"),
        "{text}"
    );
    let json: serde_json::Value = serde_json::from_str(&ok(
        d,
        &["traverse", "v", "--read", "reader", "--draws", "4", "--json"],
    ))
    .unwrap();
    let (rows, names) = (
        json["changes"].as_array().unwrap(),
        json["attributes"].as_array().unwrap(),
    );
    assert!(
        rows.len() == 3
            && rows.iter().all(|r| r.as_array().unwrap().len() == names.len())
            && names.iter().any(|n| n == "yaw")
    );
    fails(
        d,
        &["traverse", "v", "--read", "v"],
        2,
        &["vae", "read-attributes", "attribute-reader"],
    );
    fails(
        d,
        &["traverse", "v", "--read", "reader", "--draws", "1"],
        2,
        &["--draws"],
    );
    // A model of codes has no axes to walk along.
    train(
        "vq_vae",
        "q",
        &[
            "--set",
            "model.width=4",
            "--set",
            "codebook.size=4",
            "--set",
            "prior.width=4",
            "--set",
            "prior.depth=1",
        ],
    );
    fails(d, &["traverse", "q"], 2, &["vq_vae", "latent-space"]);
}
