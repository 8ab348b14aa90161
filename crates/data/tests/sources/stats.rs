//! What `data stats` says of sources.
use crate::shards::png;
use crate::support::{idx, source, write};
use menagerie_data::{Source, pack, stats};
use tempfile::tempdir;

#[test]
fn stats_count_what_lies_there() {
    let dir = tempdir().unwrap();
    // Two equal images with different labels, one of another size, one damaged, one test image that is a training image.
    for (name, grey) in [
        ("train/a/0.png", 1),
        ("train/a/1.png", 2),
        ("train/b/2.png", 1),
        ("test/a/3.png", 2),
    ] {
        write(dir.path(), name, png(grey));
    }
    write(dir.path(), "train/b/4.png", &png(4)[..30]);
    let path = dir.path().join("train/b/5.png");
    image::save_buffer(path, &[7; 3 * 4 * 3], 4, 3, image::ColorType::Rgb8).unwrap();
    let found = stats(&source(dir.path()), &["train", "test"]).unwrap();
    let [train, test] = &found.parts[..] else { panic!() };
    assert_eq!((train.count, test.count, found.shared), (4, 1, 1));
    assert_eq!(
        train
            .sizes
            .iter()
            .map(|s| (&s.size[..], s.count))
            .collect::<Vec<_>>(),
        [(&[2, 2][..], 3), (&[3, 4][..], 1)]
    );
    assert_eq!(
        train.channels.iter().map(|(c, n)| (*c, *n)).collect::<Vec<_>>(),
        [(1, 3), (3, 1)]
    );
    assert_eq!(
        train
            .labels
            .iter()
            .map(|l| (&l.name[..], l.count, l.share))
            .collect::<Vec<_>>(),
        [("a", 2, 0.5), ("b", 2, 0.5)]
    );
    assert_eq!((train.duplicates.count, train.duplicates.contradictory), (1, 1));
    assert_eq!(train.duplicates.groups, [["train/a/0.png", "train/b/2.png"]]);
    assert_eq!(train.damaged.count, 1);
    assert!(
        train.damaged.named[0].contains("train/b/4.png"),
        "{:?}",
        train.damaged
    );
    assert_eq!((test.duplicates.count, test.damaged.count), (0, 0));
}

#[test]
fn stats_are_those_of_any_source() {
    let dir = tempdir().unwrap();
    let mnist = dir.path().join("mnist");
    write(
        &mnist,
        "train-images-idx3-ubyte",
        idx(&[3, 2, 2], &[1, 1, 1, 1, 2, 2, 2, 2, 1, 1, 1, 1]),
    );
    write(&mnist, "train-labels-idx1-ubyte", idx(&[3], &[4, 5, 4]));
    let found = stats(&source(&mnist), &["train"]).unwrap();
    let part = &found.parts[0];
    assert_eq!(
        (part.count, part.duplicates.count, part.duplicates.contradictory),
        (3, 1, 0)
    );
    assert_eq!(part.duplicates.groups, [["item 0", "item 2"]]);
    let points = Source {
        limit: 50,
        ..Source::parse("ring8")
    };
    let found = stats(&points, &["train"]).unwrap();
    assert_eq!(
        (found.parts[0].count, &found.parts[0].sizes[0].size[..]),
        (50, &[2][..])
    );
    // A pack holds what its source holds.
    let digits = Source::parse("digits");
    pack(&digits, &["train", "test"], 1 << 20, &dir.path().join("p")).unwrap();
    let (a, b) = (
        stats(&digits, &["train", "test"]).unwrap(),
        stats(&source(&dir.path().join("p")), &["train", "test"]).unwrap(),
    );
    for (a, b) in a.parts.iter().zip(&b.parts) {
        assert_eq!(
            (a.count, &a.labels, a.duplicates.count),
            (b.count, &b.labels, b.duplicates.count)
        );
    }
    assert_eq!(a.shared, b.shared);
}
