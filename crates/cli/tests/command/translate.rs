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

/// A model of domains takes them by name, refuses what the run does not know, and goes over large images piece by piece.
#[test]
fn domains_are_asked_for_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    train(dir, "star_gan", "portraits", "run");
    ok(dir, &["translate", "run", "-n", "2", "--out", "all.png"]);
    // The image and three domains, 16 pixels each and what lies between.
    assert!(size(&dir.join("all.png")).0 >= 4 * 16);
    let to = ["--to", "glasses", "--to", "woman=0"];
    let text = ok(
        dir,
        &[
            &["translate", "run", "-n", "2", "--out", "two.png", "--json"],
            &to[..],
        ]
        .concat(),
    );
    assert_eq!(parsed(&text)["to"][0], "glasses, woman=0");
    let large = image::RgbImage::from_fn(70, 40, |x, y| image::Rgb([x as u8 * 3, y as u8 * 5, 90]));
    large.save(dir.join("large.png")).unwrap();
    let tiled = ["translate", "run", "--data", "large.png", "--tile", "32"];
    ok(dir, &[&tiled[..], &to[..], &["--out", "made/"]].concat());
    assert_eq!(size(&dir.join("made/large.png")), (70, 40));
    let refused: [(&[&str], &[&str]); 6] = [
        (&["--to", "glases"], &["`glases`", "glasses"]),
        (&["--to", "glasses=3"], &["`3`", "0 to 1"]),
        (&["--direction", "b2a"], &["no two sides", "glasses"]),
        (&["--samples", "3"], &["draws nothing", "--samples"]),
        (
            &["--reference", "large.png"],
            &["takes no reference", "--reference"],
        ),
        (&["--data", "large.png", "--tile", "4"], &["--tile"]),
    ];
    for (more, says) in refused {
        fails(
            dir,
            &[&["translate", "run", "--out", "no.png"], more].concat(),
            2,
            says,
        );
    }
    let flips = ["evaluate", "run", "-n", "8", "--metrics", "attribute-flips"];
    fails(dir, &flips, 2, &["--reader"]);
    let reader = [
        "train",
        "attribute-reader",
        "--size",
        "16",
        "--steps",
        "2",
        "--out",
        "reader",
    ];
    let small = [
        "--set",
        "model.width=4",
        "--set",
        "data.limit=40",
        "--set",
        "train.batch=8",
    ];
    ok(dir, &[&reader[..], &small].concat());
    let json = ok(dir, &[&flips[..], &["--reader", "reader", "--json"]].concat());
    let found = parsed(&json);
    for name in [
        "glasses",
        "no-glasses",
        "kept/glasses",
        "kept/glasses/others",
        "no-woman/input",
    ] {
        let value = found[format!("attribute-flips/{name}")]["value"]
            .as_f64()
            .unwrap();
        assert!((0.0..=1.0).contains(&value), "{name}: {value}");
    }
}

/// Images of descriptions: a row each; unknown words are told, a text of nothing else is refused, and so are images that are not
/// described.
#[test]
fn descriptions_become_images() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    let small = [
        "model.width=4",
        "model.latent=8",
        "text.words=8",
        "text.features=8",
        "text.steps=1",
        "data.limit=120",
        "train.batch=4",
        "train.samples=4",
    ];
    let set: Vec<&str> = small.iter().flat_map(|s| ["--set", s]).collect();
    let learn = |data: &'static str, out: &'static str| {
        [
            &[
                "train", "gan_cls", "--size", "16", "--data", data, "--steps", "3", "--out", out,
            ],
            &set[..],
        ]
        .concat()
    };
    ok(dir, &learn("portraits", "run"));
    let ask = |text: &'static str| ["sample", "run", "-n", "3", "--text", text, "--out", "a.png"];
    let out = crate::support::menagerie(dir, &ask("a smiling wizard with RED hair"));
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(
        out.status.success() && said.contains("wizard") && !said.contains("red"),
        "{said}"
    );
    fails(dir, &ask("wizards brewing"), 2, &["no word of `wizards brewing`"]);
    fails(dir, &["sample", "run", "--out", "b.png"], 2, &["--text"]);
    let json = ok(
        dir,
        &["evaluate", "run", "-n", "100", "--data", "portraits", "--json"],
    );
    for name in ["text-match", "text-match/encoders", "retrieval", "retrieval/data"] {
        assert!(parsed(&json)[name]["value"].is_f64(), "{name}");
    }
    // A text beside each image, but for one.
    for i in 0..4u8 {
        let image = image::RgbImage::from_pixel(16, 16, image::Rgb([i * 60, 9, 9]));
        std::fs::create_dir_all(dir.join("own")).unwrap();
        image.save(dir.join(format!("own/{i}.png"))).unwrap();
        if i > 0 {
            std::fs::write(dir.join(format!("own/{i}.txt")), "a red square\n").unwrap();
        }
    }
    fails(dir, &learn("own", "no"), 1, &["1 of 4", "caption"]);
    fails(dir, &learn("digits", "no"), 1, &["have none", ".txt"]);
    std::fs::write(dir.join("own/0.txt"), "a black square\n\nnearly nothing\n").unwrap();
    ok(dir, &learn("own", "yes"));
    let few = [
        "evaluate",
        "yes",
        "--data",
        "own",
        "-n",
        "4",
        "--metrics",
        "retrieval",
    ];
    fails(dir, &few, 2, &["fewer", "-n 100"]);
}

/// A trimap goes in as a fourth channel and alpha comes out as one, of drawn pairs and of files; what has no such channel is told.
#[test]
fn mattes_are_images_with_alpha() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path();
    train(dir, "alpha_gan", "portraits:matte", "run");
    ok(dir, &["translate", "run", "-n", "2", "--out", "cut/"]);
    let cut = image::open(dir.join("cut/00000.png")).unwrap();
    assert_eq!(cut.color(), image::ColorType::Rgba8);
    std::fs::create_dir(dir.join("own")).unwrap();
    let pixel = |x: u32, y: u32| image::Rgba([x as u8 * 9, y as u8 * 9, 80, [0, 128, 255][x as usize / 7]]);
    let given = image::RgbaImage::from_fn(21, 18, pixel);
    given.save(dir.join("own/one.png")).unwrap();
    ok(dir, &["translate", "run", "--data", "own", "--out", "made/"]);
    let made = image::open(dir.join("made/one.png")).unwrap().to_rgba8();
    assert_eq!(made.dimensions(), (21, 18));
    for (x, y, pixel) in made.enumerate_pixels() {
        let [r, g, b, alpha] = pixel.0;
        let given = given.get_pixel(x, y).0;
        assert_eq!([r, g, b], given[..3], "colours stay");
        assert!(given[3] == 128 || alpha == given[3], "what is sure stays");
    }
    let judged = ok(
        dir,
        &[
            "evaluate",
            "run",
            "-n",
            "8",
            "--metrics",
            "sad,alpha-mse",
            "--json",
        ],
    );
    let judged = parsed(&judged);
    for name in ["sad", "sad/input", "alpha-mse"] {
        assert!(judged[name]["value"].as_f64().unwrap() > 0.0, "{name}");
    }
    let refused: [(&[&str], i32, &[&str]); 2] = [
        (
            &["--data", "portraits:rain"],
            1,
            &["fourth channel", "portraits:matte"],
        ),
        (
            &["--channels", "1"],
            2,
            &["data.channels", "portraits:matte has 4"],
        ),
    ];
    for (more, status, says) in refused {
        let args = [&["train", "alpha_gan", "--out", "no"], more].concat();
        fails(dir, &args, status, says);
    }
    train(dir, "id_cgan", "portraits:rain", "rain");
    let seam = ["evaluate", "rain", "-n", "8", "--metrics", "seam"];
    fails(dir, &seam, 2, &["fourth channel", "have 3"]);
}
