//! Data from disk, good and bad.
use crate::support::{bytes, fails, of, open, source, write};
use menagerie_data::{Kind, Source};
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Writes an image of `[h, w, c]` in the format of the path, with values that depend on `seed`; returns the values.
fn picture(path: &Path, [h, w, c]: [u32; 3], seed: u32) -> Vec<u8> {
    let bytes: Vec<u8> = (0..h * w * c)
        .map(|i| (i.wrapping_mul(2654435761).wrapping_add(seed * 97) >> 9) as u8)
        .collect();
    let colour = [
        image::ColorType::L8,
        image::ColorType::La8,
        image::ColorType::Rgb8,
        image::ColorType::Rgba8,
    ][c as usize - 1];
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    image::save_buffer(path, &bytes, w, h, colour).unwrap();
    bytes
}

/// A folder of `n` good images 8x6 RGB.
fn folder(n: u32) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for i in 0..n {
        picture(&dir.path().join(format!("{i:04}.png")), [8, 6, 3], i);
    }
    dir
}

#[test]
fn a_folder_gives_its_images_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let a = picture(&dir.path().join("b/2.png"), [5, 7, 3], 1);
    let b = picture(&dir.path().join("a/1.PNG"), [5, 7, 3], 2);
    write(dir.path(), "readme.txt", b"not an image");
    let set = open(&source(dir.path()));
    assert_eq!(
        (set.info().kind, &set.info().shape[..], set.info().count),
        (Kind::Image, &[5, 7, 3][..], 2)
    );
    assert_eq!(set.info().labels, ["a", "b"]);
    assert_eq!(
        (set.get(0).unwrap().label, set.get(1).unwrap().label),
        (Some(0), Some(1))
    );
    assert_eq!((bytes(set.get(0).unwrap()), bytes(set.get(1).unwrap())), (b, a));
}

#[test]
fn train_and_test_folders_are_splits() {
    let dir = tempfile::tempdir().unwrap();
    for (i, name) in [
        "train/cat/1.png",
        "train/dog/2.png",
        "test/cat/3.png",
        "test/dog/4.png",
        "test/dog/5.png",
    ]
    .iter()
    .enumerate()
    {
        picture(&dir.path().join(name), [4, 4, 1], i as u32);
    }
    let count = |split: &str| open(&of(dir.path(), split)).info().count;
    assert_eq!((count("train"), count("test"), count("all")), (2, 3, 5));
    assert_eq!(open(&source(dir.path())).info().labels, ["cat", "dog"]);
    fails(
        &Source {
            split: "test".into(),
            ..source(&dir.path().join("train"))
        },
        &["no test split"],
    );
}

#[test]
fn empty_and_imageless_folders() {
    let dir = tempfile::tempdir().unwrap();
    fails(
        &source(dir.path()),
        &["is an empty folder", dir.path().to_str().unwrap()],
    );
    write(dir.path(), "notes.txt", b"x");
    fails(&source(dir.path()), &["no images among its 1 files", "png"]);
}

#[test]
fn a_path_that_does_not_exist_gets_the_nearest_name() {
    fails(&Source::parse("fashon"), &["`fashon`", "did you mean `fashion`?"]);
    fails(
        &Source::parse("/no/such/place"),
        &["/no/such/place", "known: digits"],
    );
}

/// A PNG whose header says that it has 10^9 pixels, with a right checksum.
fn lying_png(good: &[u8]) -> Vec<u8> {
    let mut file = good.to_vec();
    file[16..20].copy_from_slice(&40_000u32.to_be_bytes());
    file[20..24].copy_from_slice(&25_000u32.to_be_bytes());
    let mut crc = flate2::Crc::new();
    crc.update(&file[12..29]);
    file[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    file
}

#[test]
fn damaged_images_among_good_ones_are_named_and_skipped() {
    let good = fs::read(folder(1).path().join("0000.png")).unwrap();
    let mut flipped = good.clone();
    let middle = flipped.len() / 2;
    flipped[middle..middle + 8].fill(0x55);
    let cases: [(&str, Vec<u8>, &str); 6] = [
        ("damaged.png", flipped, ""),
        ("truncated.png", good[..good.len() * 2 / 3].to_vec(), ""),
        ("zero.png", vec![], "zero bytes"),
        ("lying.png", lying_png(&good), "40000 x 25000"),
        (
            "text.jpg",
            b"this is no picture at all".to_vec(),
            "wrong first bytes",
        ),
        ("header.png", good[..20].to_vec(), ""),
    ];
    for (name, content, reason) in cases {
        let dir = folder(120);
        let path = write(dir.path(), name, &content);
        let opened = source(dir.path()).open().map_err(|e| e.to_string()).unwrap();
        assert_eq!(opened.dataset.info().count, 120, "{name}");
        assert_eq!(opened.warnings.len(), 1, "{:?}", opened.warnings);
        assert!(
            opened.warnings[0].contains(path.to_str().unwrap()) && opened.warnings[0].contains(reason),
            "{:?}",
            opened.warnings
        );
        // More than is tolerated: an error that names the file and the way on.
        let strict = Source {
            max_bad: 0.0,
            ..source(dir.path())
        };
        fails(&strict, &["1 of 121 images", name, "--max-bad 0.009"]);
        open(&Source {
            max_bad: 0.009,
            ..source(dir.path())
        });
    }
}

#[test]
fn truncated_jpegs_are_found() {
    let dir = tempfile::tempdir().unwrap();
    for i in 0..4 {
        picture(&dir.path().join(format!("{i}.jpg")), [40, 40, 3], i);
    }
    let whole = fs::read(dir.path().join("0.jpg")).unwrap();
    fs::write(dir.path().join("2.jpg"), &whole[..whole.len() / 2]).unwrap();
    let opened = Source {
        max_bad: 0.5,
        ..source(dir.path())
    }
    .open()
    .unwrap();
    assert_eq!(opened.dataset.info().count, 3);
    assert!(
        opened.warnings[0].contains("2.jpg") && opened.warnings[0].contains("ends early"),
        "{:?}",
        opened.warnings
    );
}

#[test]
fn only_damaged_images() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a.png", b"");
    let e = fails(
        &Source {
            max_bad: 1.0,
            ..source(dir.path())
        },
        &["all 1 images", "a.png"],
    );
    assert!(!e.contains("--max-bad"), "{e}");
}

#[test]
fn an_image_damaged_after_opening_is_replaced_and_said_once() {
    let dir = folder(200);
    let set = open(&source(dir.path()));
    fs::write(dir.path().join("0003.png"), b"").unwrap();
    assert_eq!(bytes(set.get(3).unwrap()), bytes(set.get(4).unwrap()));
    let warnings = set.warnings();
    assert!(
        warnings.len() == 1 && warnings[0].contains("0003.png"),
        "{warnings:?}"
    );
    set.get(3).unwrap();
    assert!(set.warnings().is_empty());
    for i in 5..8 {
        fs::write(dir.path().join(format!("{i:04}.png")), b"").unwrap();
    }
    let e = (5..8)
        .map(|i| set.get(i))
        .find_map(|r| r.err())
        .expect("more than is tolerated")
        .to_string();
    assert!(e.contains("000"), "{e}");
}

#[test]
fn mixed_sizes_and_channels() {
    let dir = folder(2);
    picture(&dir.path().join("tall.png"), [9, 6, 3], 1);
    fails(
        &source(dir.path()),
        &["0000.png is 8x6", "tall.png is 9x6", "--size"],
    );
    let sized = Source {
        size: vec![4, 5],
        ..source(dir.path())
    };
    assert_eq!(open(&sized).info().shape, [4, 5, 3]);
    // Colour and grey together become colour, which is said; another wish is granted.
    picture(&dir.path().join("zgrey.png"), [8, 6, 1], 1);
    let opened = sized.open().map_err(|e| e.to_string()).unwrap();
    assert_eq!(opened.dataset.info().shape, [4, 5, 3]);
    assert!(
        opened.warnings.len() == 1 && opened.warnings[0].contains("zgrey.png is grey"),
        "{:?}",
        opened.warnings
    );
    let grey = opened.dataset.get(3).unwrap();
    assert!(bytes(grey).chunks(3).all(|p| p[0] == p[1] && p[1] == p[2]));
    for channels in [1, 3, 4] {
        let opened = Source {
            channels,
            ..sized.clone()
        }
        .open()
        .unwrap();
        assert_eq!(
            (&opened.dataset.info().shape[..], opened.warnings.len()),
            (&[4, 5, channels][..], 0)
        );
        for i in 0..4 {
            assert_eq!(bytes(opened.dataset.get(i).unwrap()).len(), 20 * channels);
        }
    }
}

#[test]
fn alpha_is_composited_or_kept() {
    let dir = tempfile::tempdir().unwrap();
    image::save_buffer(
        dir.path().join("a.png"),
        &[200, 100, 0, 51, 1, 2, 3, 0],
        2,
        1,
        image::ColorType::Rgba8,
    )
    .unwrap();
    let with = |alpha: &str, channels| {
        bytes(
            open(&Source {
                alpha: alpha.into(),
                channels,
                ..source(dir.path())
            })
            .get(0)
            .unwrap(),
        )
    };
    assert_eq!(with("white", 0), [244, 224, 204, 255, 255, 255]);
    assert_eq!(with("black", 3), [40, 20, 0, 0, 0, 0]);
    assert_eq!(with("keep", 0), [200, 100, 0, 51, 1, 2, 3, 0]);
    assert_eq!(with("white", 4), [200, 100, 0, 51, 1, 2, 3, 0]);
}

#[test]
fn animations_among_images_are_told() {
    let dir = folder(2);
    let values: Vec<f32> = (0..3 * 8 * 6 * 3).map(|i| (i % 9) as f32 / 4.5 - 1.0).collect();
    let gif = |frames: usize| {
        let some = &values[..frames * 144];
        menagerie_data::picture::animation(some, [1, frames, 8, 6, 3], 1).unwrap()
    };
    let sized = Source {
        size: vec![8, 6],
        ..source(dir.path())
    };
    write(dir.path(), "still.gif", gif(1));
    let opened = sized.open().map_err(|e| e.to_string()).unwrap();
    assert!(opened.warnings.is_empty(), "{:?}", opened.warnings);
    write(dir.path(), "moving.gif", gif(3));
    let opened = sized.open().map_err(|e| e.to_string()).unwrap();
    assert_eq!(opened.dataset.info().count, 4);
    let said = opened.warnings.join("\n");
    assert!(
        said.contains("1 of 4 images are animations") && said.contains("moving.gif first"),
        "{said}"
    );
    // What is advised works.
    fs::remove_file(dir.path().join("still.gif")).unwrap();
    (0..2).for_each(|i| fs::remove_file(dir.path().join(format!("{i:04}.png"))).unwrap());
    let videos = Source { frames: 2, ..sized };
    assert_eq!(open(&videos).info().kind, Kind::Video);
}
