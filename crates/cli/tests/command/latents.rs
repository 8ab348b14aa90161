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
    fails(
        d,
        &["traverse", "r", "--choices"],
        2,
        &["no part of a latent", "dcgan"],
    );
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

/// A line of strings as arguments.
fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// Directions are found, drawn, and moved along; those of another run are refused.
#[test]
fn directions_are_found_and_taken() {
    let dir = folder();
    let d = dir.path();
    ok(d, &small(&["--steps", "2", "--out", "r"]));
    ok(d, &small(&["--steps", "2", "--out", "other", "--seed", "9"]));
    let text = ok(d, &words("directions r -n 3 --draws 32 --out ways/d.json"));
    assert!(text.contains("3 directions"), "{text}");
    assert!(image::open(d.join("ways/d.png")).is_ok());
    ok(
        d,
        &words("directions r --method pca -n 2 --draws 32 --out pca.json"),
    );
    ok(
        d,
        &words("traverse r --directions ways/d.json --names 1,3 --steps 4 --out t.png"),
    );
    // Nothing moved is what `sample` draws; something moved is not.
    let numbers = |f: &str| std::fs::read(d.join(f)).unwrap();
    ok(d, &words("sample r -n 4 --out plain.npy"));
    ok(
        d,
        &words("sample r -n 4 --directions ways/d.json --move 1=0 --out still.npy"),
    );
    ok(
        d,
        &words("sample r -n 4 --directions ways/d.json --move 1=3 --move 2=-1 --out moved.npy"),
    );
    assert_eq!(numbers("plain.npy"), numbers("still.npy"));
    assert_ne!(numbers("plain.npy"), numbers("moved.npy"));
    fails(
        d,
        &words("sample r --directions ways/d.json --move 44=1"),
        2,
        &["`44`"],
    );
    fails(
        d,
        &words("sample r --directions ways/d.json --move 1"),
        2,
        &["NAME=AMOUNT"],
    );
    fails(
        d,
        &words("sample other --directions ways/d.json --move 1=1"),
        2,
        &["another run"],
    );
    fails(
        d,
        &words("traverse other --directions ways/d.json"),
        2,
        &["another run"],
    );
    std::fs::write(d.join("no.json"), "{}").unwrap();
    fails(
        d,
        &words("traverse r --directions no.json"),
        1,
        &["no.json", "menagerie directions"],
    );
    fails(d, &words("directions r --method attribute"), 2, &["--reader"]);
    // What no memory holds is refused before it is taken.
    for line in [
        "directions r --steps 99999999999",
        "directions r --method pca --draws 99999999999",
        "traverse r --steps 99999999999",
    ] {
        fails(d, &words(line), 2, &["GB"]);
    }
    fails(d, &words("directions r --space w"), 2, &["styles"]);
    fails(
        d,
        &words("sample r --style-from 1 --coarse 2"),
        2,
        &["styles", "stylegan2"],
    );
    // Samples of seeds, in a grid of one's own.
    ok(d, &words("sample r --seeds 0,5 --out two.npy"));
    assert_eq!(
        numbers("two.npy")[128..][..256],
        numbers("plain.npy")[128..][..256]
    );
    ok(d, &words("sample r --grid 3x2 --out grid.png"));
    let grid = image::open(d.join("grid.png")).unwrap();
    assert!(grid.width() > grid.height());
    fails(d, &words("sample r --grid 3"), 2, &["8x4"]);
    // A walk through the samples of seeds begins and ends at them.
    ok(d, &words("interpolate r --through 0,5,0 --steps 2 --out way.npy"));
    let (way, two) = (numbers("way.npy"), numbers("two.npy"));
    assert_eq!(way.len() - 128, 5 * 256);
    assert_eq!(way[128..][..256], two[128..][..256]);
    assert_eq!(way[128 + 4 * 256..], two[128..][..256]);
    ok(d, &words("interpolate r --through 0,5 --steps 3 --out way.gif"));
    fails(d, &words("interpolate r --through 3"), 2, &["two seeds"]);
}

/// What a reader sees in samples names directions and terms; styles are mixed, and items projected.
#[test]
fn readers_styles_and_projections() {
    let dir = folder();
    let d = dir.path();
    let faces = "--data portraits --size 8 --batch 8 --steps 2";
    let style = "--set model.width=2 --set model.latent=8 --set model.mapping=2";
    ok(d, &words(&format!("train stylegan2 {faces} {style} --out s")));
    ok(
        d,
        &words(&format!(
            "train attribute-reader {faces} --limit 32 --set model.width=4 --out reader"
        )),
    );
    let json = ok(
        d,
        &words("directions s --reader reader --traits yaw,smile --hold tilt --draws 32 --json --out d.json"),
    );
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["method"], &json["space"]),
        (&"attribute".into(), &"w".into())
    );
    assert_eq!(json["directions"][1]["name"], "smile");
    fails(
        d,
        &words("directions s --reader reader --traits smiel"),
        2,
        &["smiel", "smile"],
    );
    fails(
        d,
        &words("directions s --reader reader --traits hair_hue"),
        2,
        &["angle"],
    );
    fails(d, &words("directions s --reader s"), 2, &["read-attributes"]);
    ok(
        d,
        &words("sample s --style-from 1,2,3 --fine 7,8 --out mixed.npy"),
    );
    assert_eq!(
        std::fs::metadata(d.join("mixed.npy")).unwrap().len(),
        128 + 12 * 8 * 8 * 3 * 4
    );
    fails(d, &words("sample s --style-from 1"), 2, &["--coarse"]);
    let sum = [
        "arithmetic",
        "s",
        "smile - smile + yaw",
        "--reader",
        "reader",
        "--draws",
        "64",
    ];
    let text = ok(d, &[&sum[..], &["--trials", "4", "--out", "sum.png"]].concat());
    assert!(
        text.contains("of 64 samples") && text.contains("pixels"),
        "{text}"
    );
    fails(
        d,
        &["arithmetic", "s", "3 - 4", "--reader", "reader"],
        2,
        &["--reader"],
    );
    for (space, places) in [("z", 1), ("w", 1), ("w+", 4)] {
        let line = format!("project s -n 2 --steps 3 --space {space} --out p.npy");
        let text = ok(d, &words(&line));
        assert!(text.contains("item 1:"), "{text}");
        assert_eq!(
            std::fs::metadata(d.join("p.npy")).unwrap().len(),
            128 + 2 * 8 * 4 * places
        );
    }
    ok(d, &words("project s --items 3,5 --steps 2 --out p.png"));
    assert!(image::open(d.join("p.png")).is_ok());
    fails(d, &words("project s --space x"), 2, &["z, w or w+"]);
    fails(d, &words("project s --steps 0"), 2, &["--steps"]);
    ok(d, &words("train vae --data digits --batch 8 --steps 2 --out v"));
    fails(d, &words("project v"), 2, &["gradient", "menagerie encode"]);
}

/// A photo that is twice as large as the run's images is edited at its own size; what is asked wrongly is said in a line.
#[test]
fn photos_are_edited() {
    let dir = folder();
    let d = dir.path();
    let tiny = "--size 8 --batch 8 --steps 3 --set model.width=2 --set model.latent=8 --set inverse.from=2";
    ok(
        d,
        &words(&format!("train igan --data portraits --limit 40 {tiny} --out i")),
    );
    let photo = image::RgbImage::from_fn(17, 20, |x, y| image::Rgb([x as u8 * 12, y as u8 * 12, 90]));
    photo.save(d.join("photo.png")).unwrap();
    let quick = "--steps 4 --project-steps 3 --way 3";
    let asked = "--paint 1,1,3,2,#ff8000 --line 0,4,8,4 --drag 0,0,2,2,3,0";
    let line = format!("edit i --image photo.png {asked} {quick} --out way.png --photo edited.png --json");
    let json: serde_json::Value = serde_json::from_str(&ok(d, &words(&line))).unwrap();
    assert_eq!(
        (
            json["errors"].as_array().unwrap().len(),
            json["scores"].as_array().unwrap().len()
        ),
        (3, 2)
    );
    let edited = image::open(d.join("edited.png")).unwrap();
    assert_eq!((edited.width(), edited.height()), (16, 16));
    assert!(image::open(d.join("way.png")).is_ok());
    let text = ok(
        d,
        &words(&format!(
            "edit i --seed 2 --paint 0,0,2,2,#000000 {quick} --out way.npy"
        )),
    );
    assert!(
        text.contains("--paint 0,0,2,2,#000000:") && text.contains("score"),
        "{text}"
    );
    for (wrong, said) in [
        ("", "--paint, --line or --drag"),
        ("--paint 0,0,2,2", "a colour such as"),
        ("--paint 0,0,2,2,red", "#rrggbb"),
        ("--paint 0,0,9,2,#ffffff", "8 pixels wide"),
        ("--line 1,1,1,1", "a line of a pixel or more"),
        ("--drag 0,0,2,2,-1,0", "where it goes"),
        ("--paint 0,0,2,2,#ffffff --photo x.png", "--image or --item"),
    ] {
        fails(d, &words(&format!("edit i {wrong}")), 2, &[said]);
    }
    ok(d, &words("train gan --data ring8 --batch 8 --steps 2 --out ring"));
    fails(
        d,
        &words("edit ring --paint 0,0,1,1,#ffffff"),
        2,
        &["makes points"],
    );
}

/// Rows go through the sample of a seed, and one of the choices of a category is the sample's own.
#[test]
fn rows_go_through_samples() {
    let dir = tempfile::tempdir().unwrap();
    let d = dir.path();
    let run = |words: &str| ok(d, &words.split_whitespace().collect::<Vec<_>>());
    run(
        "train info_gan --data digits --steps 1 --batch 8 --threads 1 --set train.samples=4 --set model.width=4 --set model.dense=8 --set model.latent=3 --out r",
    );
    run("sample r --seeds 7 --out sample.npy");
    // 8x8 numbers of four bytes, behind a header.
    let sample = std::fs::read(d.join("sample.npy")).unwrap();
    let sample = &sample[sample.len() - 8 * 8 * 4..];
    run("directions r --out ways.json");
    run("traverse r --directions ways.json --names 1 --seed 7 --range -1:1 --steps 3 --out row.npy");
    let row = std::fs::read(d.join("row.npy")).unwrap();
    let row: Vec<&[u8]> = row[row.len() - 3 * sample.len()..]
        .chunks_exact(sample.len())
        .collect();
    assert!(row[1] == sample && row[0] != sample && row[2] != sample);
    run("traverse r --choices --seed 7 --out choices.npy");
    let all = std::fs::read(d.join("choices.npy")).unwrap();
    let all: Vec<&[u8]> = all[all.len() - 80 * sample.len()..]
        .chunks_exact(sample.len())
        .collect();
    assert_eq!(
        all[..10].iter().filter(|i| **i == sample).count(),
        1,
        "its own choice"
    );
    let all_differ = all[..10].iter().enumerate().all(|(i, a)| !all[..i].contains(a));
    assert!(all_differ, "each choice is another item");
}
