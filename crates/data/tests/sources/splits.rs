//! Parts of a source: what is held out of training, and the shares of classes.
use crate::support::{open, source};
use image::GrayImage;
use menagerie_data::{Item, Source, picture::write_npy};
use std::collections::BTreeSet;
use tempfile::tempdir;

/// All items, as text that can be compared.
fn items(s: &Source) -> Vec<String> {
    let set = open(s);
    let item = |i| -> Item { set.get(i).unwrap() };
    (0..set.info().count).map(|i| format!("{:?}", item(i))).collect()
}

fn holding_out(s: &Source, holdout: f64, split: &str) -> Source {
    Source {
        holdout,
        split: split.into(),
        ..s.clone()
    }
}

/// Held-out and training items are no item twice and none lost, whatever the kind of source; the seed chooses; a limit
/// takes training items away and brings none back.
#[test]
fn what_is_held_out_is_not_trained_on() {
    let dir = tempdir().unwrap();
    let array = dir.path().join("p.npy");
    let values: Vec<f32> = (0..300).map(|v| v as f32).collect();
    write_npy(&array, &[150, 2], &values).unwrap();
    for s in [
        source(&array),
        Source::parse("digits"),
        Source::parse("moons"),
        Source::parse("tones"),
    ] {
        let s = Source {
            limit: if s.source == "tones" { 90 } else { 0 },
            ..s
        };
        let whole: BTreeSet<String> = items(&s).into_iter().collect();
        let (train, test) = (
            items(&holding_out(&s, 0.2, "train")),
            items(&holding_out(&s, 0.2, "test")),
        );
        let parts: BTreeSet<String> = train.iter().chain(&test).cloned().collect();
        assert_eq!(train.len() + test.len(), open(&s).info().count, "{}", s.source);
        assert_eq!(parts, whole, "{}", s.source);
        let share = test.len() as f64 / (train.len() + test.len()) as f64;
        assert!((share - 0.2).abs() < 0.1, "{}: {share}", s.source);
        let other = Source {
            seed: 9,
            ..holding_out(&s, 0.2, "test")
        };
        assert!(items(&other) != test, "{}", s.source);
        let fewer = Source {
            limit: 60,
            ..holding_out(&s, 0.2, "train")
        };
        assert!(items(&fewer).iter().all(|i| !test.contains(i)), "{}", s.source);
    }
    // Of a stored set, the share is exact.
    assert_eq!(open(&holding_out(&source(&array), 0.1, "test")).info().count, 15);
}

#[test]
fn shares_that_hold_out_nothing_or_all_are_refused() {
    let dir = tempdir().unwrap();
    let array = dir.path().join("p.npy");
    write_npy(&array, &[4, 2], &[0.0; 8]).unwrap();
    for (share, part) in [
        (0.05, "holds out 0"),
        (0.9, "holds out 4"),
        (1.0, "not a share"),
        (-0.1, "not a share"),
    ] {
        let e = holding_out(&source(&array), share, "train")
            .open()
            .err()
            .unwrap()
            .to_string();
        assert!(e.contains("data.holdout") && e.contains(part), "{share}: {e}");
    }
    assert!(holding_out(&source(&array), f64::NAN, "train").open().is_err());
}

/// A test split is held out from a training that saw the training part alone, and what it held out itself.
#[test]
fn what_a_training_has_learned_from_is_known() {
    let dir = tempdir().unwrap();
    let array = dir.path().join("p.npy");
    write_npy(&array, &[4, 2], &[0.0; 8]).unwrap();
    let of = |split: &str, holdout: f64, seed: u64| Source {
        split: split.into(),
        holdout,
        seed,
        ..source(&array)
    };
    let learned = |trained: &Source, asked: &Source| trained.has_learned(asked);
    for (trained, asked) in [
        (of("train", 0.2, 0), of("test", 0.2, 0)),
        (of("train", 0.2, 0), of("test", 0.1, 0)),
        (of("train", 0.0, 0), of("test", 0.0, 3)),
        (of("train", 0.0, 0), of("train", 0.0, 0)),
        (of("all", 0.0, 0), of("all", 0.0, 0)),
        (
            of("all", 0.0, 0),
            Source {
                split: "test".into(),
                ..Source::parse("digits")
            },
        ),
    ] {
        assert_eq!(learned(&trained, &asked), None, "{trained:?} {asked:?}");
    }
    for (trained, asked, why) in [
        (of("all", 0.0, 0), of("test", 0.0, 0), "data.split = \"all\""),
        (of("test", 0.0, 0), of("test", 0.0, 0), "data.split = \"test\""),
        (of("train", 0.0, 0), of("test", 0.2, 0), "held nothing out"),
        (
            of("train", 0.2, 0),
            of("test", 0.3, 0),
            "held out others (data.holdout = 0.2",
        ),
        (of("train", 0.2, 0), of("test", 0.2, 1), "data.seed = 0"),
    ] {
        assert!(
            learned(&trained, &asked).unwrap().contains(why),
            "{trained:?} {asked:?}"
        );
    }
    // Another way to the same place; a set that is drawn has others for each seed.
    let round = dir
        .path()
        .join("../")
        .join(dir.path().file_name().unwrap())
        .join("p.npy");
    assert!(
        learned(
            &of("all", 0.0, 0),
            &Source {
                source: round.to_str().unwrap().into(),
                ..of("test", 0.0, 0)
            }
        )
        .is_some()
    );
    let drawn = |seed| Source {
        seed,
        split: "test".into(),
        holdout: 0.2,
        ..Source::parse("moons")
    };
    assert!(
        learned(
            &Source {
                split: "train".into(),
                ..drawn(0)
            },
            &drawn(1)
        )
        .is_none()
    );
}

/// Shares are those of the items that are there: of a split, of the first so many, of what is not held out.
#[test]
fn shares_of_classes_are_counted() {
    let dir = tempdir().unwrap();
    for (class, n) in [("common", 30), ("rare", 10)] {
        std::fs::create_dir(dir.path().join(class)).unwrap();
        for k in 0..n {
            let path = dir.path().join(format!("{class}/{k:02}.png"));
            GrayImage::from_pixel(4, 4, image::Luma([k * 3]))
                .save(path)
                .unwrap();
        }
    }
    let folder = source(dir.path());
    assert_eq!(open(&folder).info().shares, [0.75, 0.25]);
    let limited = Source {
        limit: 32,
        ..folder.clone()
    };
    assert_eq!(open(&limited).info().shares, [30.0 / 32.0, 2.0 / 32.0]);
    let resized = Source {
        size: vec![2],
        ..folder.clone()
    };
    assert_eq!(open(&resized).info().shares, [0.75, 0.25]);
    for split in ["train", "test"] {
        let set = open(&holding_out(&folder, 0.25, split));
        let n = set.info().count;
        assert_eq!(n, if split == "test" { 10 } else { 30 });
        let rare = (0..n).filter(|&i| set.get(i).unwrap().label == Some(1)).count();
        assert_eq!(set.info().shares[1], rare as f64 / n as f64);
    }
    // Clothes are all alike; points have no classes.
    assert_eq!(open(&Source::parse("fashion")).info().shares, [0.1; 10]);
    assert!(open(&Source::parse("moons")).info().shares.is_empty());
}
