//! `translate`: sizes and names are kept, directions and data are checked.
use crate::judged::parsed;
use crate::support::{fails, ok};
use std::path::Path;

fn train(dir: &Path, name: &str, data: &str, out: &str) {
    let tiny = [
        "model.width=4",
        "critic.width=4",
        "data.size=16",
        "data.limit=40",
        "train.samples=9",
        "train.batch=4",
    ];
    let set = tiny.iter().flat_map(|s| ["--set", s]);
    let args = ["train", name, "--data", data, "--steps", "2", "--out", out];
    ok(dir, &args.into_iter().chain(set).collect::<Vec<_>>());
}

fn size(path: &Path) -> (u32, u32) {
    image::image_dimensions(path).unwrap()
}

#[test]
fn files_keep_their_sizes_and_names() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    train(dir, "pix2pix", "portraits:edges", "run");
    for (name, w, h) in [("cat", 19, 11), ("deep/dog", 40, 24)] {
        let path = dir.join("own").join(name).with_extension("png");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let pixel = |x: u32, y: u32| image::Rgb([x as u8 * 6, y as u8 * 9, 100]);
        image::RgbImage::from_fn(w, h, pixel).save(path).unwrap();
    }
    ok(dir, &["translate", "run", "--data", "own", "--out", "made/"]);
    assert_eq!(size(&dir.join("made/cat.png")), (19, 11));
    assert_eq!(size(&dir.join("made/deep-dog.png")), (40, 24));
    // The same draw again; several of each; one size to all in one file.
    let read = |name: &str| std::fs::read(dir.join(name)).unwrap();
    let first = read("made/cat.png");
    ok(
        dir,
        &[
            "translate",
            "run",
            "--data",
            "own",
            "--samples",
            "2",
            "--out",
            "made/",
        ],
    );
    assert_eq!(read("made/cat.png"), first);
    assert_ne!(read("made/cat-2.png"), first);
    fails(
        dir,
        &["translate", "run", "--data", "own", "--out", "x.png"],
        2,
        &["19", "24x40", "--size"],
    );
    ok(
        dir,
        &[
            "translate",
            "run",
            "--data",
            "own",
            "--size",
            "16",
            "--out",
            "x.npy",
        ],
    );
    ok(
        dir,
        &[
            "translate",
            "run",
            "-n",
            "3",
            "--samples",
            "2",
            "--out",
            "grid.png",
        ],
    );
    let text = ok(dir, &["translate", "run", "-n", "2", "--out", "y.npy", "--json"]);
    assert_eq!(parsed(&text)["direction"], "a2b");
    let flags = ["translate", "run", "--direction"];
    fails(
        dir,
        &[&flags[..], &["b2a", "--out", "z.png"]].concat(),
        2,
        &["b2a", "a2b"],
    );
}

/// Figures stand beside those of the images as they were given; what cannot be judged is told.
#[test]
fn translators_are_judged() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    train(dir, "disco_gan", "portraits:sides", "run");
    let judge = |more: &[&str]| {
        let args = [&["evaluate", "run", "-n", "8", "--json"], more].concat();
        parsed(&ok(dir, &args))
    };
    let own = judge(&[]);
    for name in ["cycle/a", "cycle/b", "cycle/moved-a2b", "cycle/moved-b2a"] {
        assert!(own[name]["value"].as_f64().unwrap() > 0.0, "{name}");
    }
    assert!(own.get("l1/a2b").is_none());
    let truth = judge(&["--data", "portraits:twins"]);
    for metric in ["l1", "psnr", "ssim"] {
        for name in ["a2b", "a2b/input", "b2a", "b2a/input"] {
            let figure = &truth[format!("{metric}/{name}")];
            assert!(
                figure["value"].is_f64() && figure["definition"]["items"] == 8,
                "{metric}/{name}"
            );
        }
    }
    // A face and the same face with a smile are nearly the same, which the figure of the input says.
    assert!(truth["l1/a2b/input"]["value"].as_f64() < truth["l1/a2b"]["value"].as_f64());
    assert!(
        judge(&["--metrics", "side-fid"])["side-fid/b2a"]["value"]
            .as_f64()
            .unwrap()
            > 0.0
    );
    fails(
        dir,
        &["evaluate", "run", "-n", "8", "--metrics", "l1"],
        2,
        &["unpaired", "portraits:twins"],
    );
    fails(
        dir,
        &["train", "pix2pix", "--data", "portraits:sides", "--out", "no"],
        1,
        &["unpaired", "cycle_gan"],
    );
}
