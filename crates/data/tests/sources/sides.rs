//! Two places, and folders of two sides.
use crate::support::{bytes, fails, open, opened};
use menagerie_data::{Dataset, Kind, Pictures, Side, Source};
use std::fs;
use std::path::Path;
use tempfile::{TempDir, tempdir};

/// A grey image of one brightness.
fn png(root: &Path, name: &str, [h, w]: [u32; 2], value: u8) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let values = vec![value; (h * w) as usize];
    image::save_buffer(path, &values, w, h, image::ColorType::L8).unwrap();
}

fn two(dir: &TempDir, a: &str, b: &str) -> Source {
    let place = |p: &str| dir.path().join(p).display().to_string();
    Source::parse(&format!("{}::{}", place(a), place(b)))
}

/// The brightness of all images of a side.
fn side(set: &dyn Dataset, which: usize) -> Vec<u8> {
    let side = Side::of(set, which).unwrap();
    let mut all: Vec<u8> = (0..side.info().count)
        .map(|i| bytes(side.get(i).unwrap())[0])
        .collect();
    all.sort();
    all
}

#[test]
fn folders_of_the_same_names_are_pairs() {
    let dir = tempdir().unwrap();
    for i in 0..3u8 {
        png(dir.path(), &format!("a/{i}.png"), [4, 4], i);
        png(dir.path(), &format!("b/{i}.png"), [4, 4], 100 + i);
    }
    let set = open(&two(&dir, "a", "b"));
    assert_eq!((set.info().kind, set.info().count), (Kind::Pair, 3));
    for i in 0..3 {
        // The left image's channels stand before the right one's.
        let all = bytes(set.get(i).unwrap());
        assert_eq!([all[0], all[all.len() - 1]], [i as u8, 100 + i as u8]);
    }
    // They may be asked for as sides that do not belong together.
    let apart = Source {
        format: "unpaired".into(),
        ..two(&dir, "a", "b")
    };
    assert_eq!(open(&apart).info().kind, Kind::Unpaired);
    // A name more on one side, and they are no pairs; asked for as such, the one without a partner is named.
    png(dir.path(), "a/x.png", [4, 4], 9);
    assert_eq!(open(&two(&dir, "a", "b")).info().kind, Kind::Unpaired);
    let pairs = Source {
        format: "pairs".into(),
        ..two(&dir, "a", "b")
    };
    fails(&pairs, &["x.png", "has no partner"]);
    fs::remove_file(dir.path().join("a/x.png")).unwrap();
    png(dir.path(), "b/1.png", [4, 6], 1);
    fails(&two(&dir, "a", "b"), &["1.png", "4x4", "4x6", "one size"]);
}

#[test]
fn sides_may_differ_in_number() {
    let dir = tempdir().unwrap();
    for i in 0..5u8 {
        png(dir.path(), &format!("set/trainA/a{i}.png"), [4, 4], i);
    }
    for i in 0..3u8 {
        png(dir.path(), &format!("set/trainB/b{i}.png"), [4, 4], 100 + i);
        png(dir.path(), &format!("set/testA/c{i}.png"), [4, 4], 50 + i);
        png(dir.path(), &format!("set/testB/d{i}.png"), [4, 4], 150 + i);
    }
    let folder = |split: &str| Source {
        split: split.into(),
        ..Source::parse(dir.path().join("set").to_str().unwrap())
    };
    let set = open(&folder("train"));
    assert_eq!((set.info().kind, set.info().count), (Kind::Unpaired, 5));
    assert_eq!(side(&*set, 0), [0, 1, 2, 3, 4]);
    assert_eq!(side(&*set, 1), [100, 101, 102]);
    assert_eq!(side(&*open(&folder("test")), 0), [50, 51, 52]);
    // Held out on each side; nothing is in both parts.
    let held = |split: &str| Source {
        holdout: 0.34,
        ..folder(split)
    };
    let (train, test) = (open(&held("train")), open(&held("test")));
    for which in [0, 1] {
        let mut all = [side(&*train, which), side(&*test, which)].concat();
        all.sort();
        assert_eq!(all, side(&*set, which));
    }
    fs::remove_dir_all(dir.path().join("set/testB")).unwrap();
    fails(&folder("test"), &["testA", "testB"]);
    fs::remove_dir_all(dir.path().join("set/testA")).unwrap();
    fails(&folder("test"), &["test"]);
}

#[test]
fn sides_that_do_not_fit_are_refused() {
    let dir = tempdir().unwrap();
    png(dir.path(), "a/0.png", [4, 4], 1);
    png(dir.path(), "b/1.png", [8, 8], 1);
    fs::create_dir(dir.path().join("empty")).unwrap();
    fails(&two(&dir, "a", "b"), &["4x4x1", "8x8x1", "--size"]);
    fails(&two(&dir, "a", "empty"), &["empty", "is an empty folder"]);
    fails(&two(&dir, "a", "nowhere"), &["nowhere"]);
    let sized = Source {
        size: vec![6],
        ..two(&dir, "a", "b")
    };
    assert_eq!(open(&sized).info().shape, [6, 6, 2]);
    fails(&Source::parse("digits::ring8"), &["ring8", "points"]);
}

/// Files keep their own sizes and names; a damaged one is told.
#[test]
fn pictures_one_by_one() {
    let dir = tempdir().unwrap();
    png(dir.path(), "p/one.png", [5, 7], 255);
    png(dir.path(), "p/deep/two.png", [9, 4], 0);
    fs::write(dir.path().join("p/bad.png"), b"no image").unwrap();
    let folder = Source {
        split: "all".into(),
        max_bad: 0.5,
        ..Source::parse(dir.path().join("p").to_str().unwrap())
    };
    let mut said = vec![];
    let pictures = Pictures::open(&folder, 3, &mut said).unwrap().unwrap();
    assert_eq!(pictures.len(), 2);
    assert!(said.iter().any(|w| w.contains("bad.png")), "{said:?}");
    let (first, second) = (pictures.get(0).unwrap(), pictures.get(1).unwrap());
    assert_eq!((first.shape, second.shape), ([9, 4, 3], [5, 7, 3]));
    assert_eq!(first.path, Path::new("deep/two.png"));
    assert!(first.values.iter().all(|v| *v == -1.0) && second.values.iter().all(|v| *v == 1.0));
    let one = Source::parse(dir.path().join("p/one.png").to_str().unwrap());
    assert_eq!(Pictures::open(&one, 1, &mut said).unwrap().unwrap().len(), 1);
    assert!(
        Pictures::open(&Source::parse("portraits"), 3, &mut said)
            .unwrap()
            .is_none()
    );
    // A side of two places is a source of its own.
    png(dir.path(), "q/x.png", [3, 3], 0);
    let of = two(&dir, "p", "q").side(1).unwrap().unwrap();
    assert!(of.source.ends_with('q'));
    assert!(Source::parse("digits").side(0).unwrap().is_none());
    let (_, text) = opened(&of);
    assert!(text.is_empty(), "{text}");
}

#[test]
fn unpaired_images_have_the_classes_of_the_left_side() {
    let set = Source {
        size: vec![8],
        limit: 30,
        ..Source::parse("digits::fashion")
    };
    let (set, digits) = (
        set.open().unwrap().dataset,
        Source::parse("digits").open().unwrap().dataset,
    );
    assert_eq!(set.info().labels, digits.info().labels);
    for i in [0, 7, 29] {
        assert_eq!(set.get(i).unwrap().label, digits.get(i).unwrap().label);
        assert_eq!(set.label(i), digits.label(i));
    }
    assert!((set.info().shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    let right = menagerie_data::Side::of(&*set, 1).unwrap();
    assert!(right.info().labels.is_empty() && right.get(3).unwrap().label.is_none());
}

/// A trimap is open along an outline and nowhere else: within a person nothing shines through, however many layers were painted.
#[test]
fn trimaps_are_open_along_outlines_alone() {
    let source = Source {
        size: vec![64],
        limit: 6,
        ..Source::parse("portraits:matte")
    };
    let set = open(&source);
    for i in 0..6 {
        let item = bytes(set.get(i).unwrap());
        let pixels: Vec<&[u8]> = item.chunks_exact(8).collect();
        let (trimap, alpha) = (|p: &[u8]| p[3], |p: &[u8]| p[7]);
        let open = pixels.iter().filter(|p| trimap(p) == 128).count();
        assert!((50..64 * 64 / 2).contains(&open), "{open}");
        // Of what is open, about as much as the outline is long is in part; all of it is near the outline.
        let partly = pixels.iter().filter(|p| !matches!(alpha(p), 0 | 255)).count();
        assert!(partly < 64 * 64 / 8, "{partly}");
        assert!(pixels.iter().all(|p| trimap(p) == 128 || trimap(p) == alpha(p)));
    }
}
