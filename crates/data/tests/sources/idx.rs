//! IDX files and CIFAR's batches, whole and damaged.
use crate::support::{bytes, fails, gzip, idx, open, source, write};
use menagerie_data::Source;
use tempfile::{TempDir, tempdir};

/// MNIST's four files, three training images and two test images of 2x3; `gz` packs them.
fn mnist(gz: bool) -> TempDir {
    let dir = tempdir().unwrap();
    for (part, n, first) in [("train", 3u32, 10u8), ("t10k", 2, 100)] {
        let values: Vec<u8> = (0..n as u8 * 6).map(|i| i + first).collect();
        let labels: Vec<u8> = (0..n as u8).collect();
        for (name, content) in [
            ("images-idx3", idx(&[n, 2, 3], &values)),
            ("labels-idx1", idx(&[n], &labels)),
        ] {
            let (name, content) = if gz {
                (format!("{part}-{name}-ubyte.gz"), gzip(&content))
            } else {
                (format!("{part}-{name}-ubyte"), content)
            };
            write(dir.path(), &name, &content);
        }
    }
    dir
}

#[test]
fn idx_files_raw_and_gzipped() {
    for gz in [false, true] {
        let dir = mnist(gz);
        let split = |s: &str| {
            open(&Source {
                split: s.into(),
                ..source(dir.path())
            })
        };
        let (train, test, all) = (split("train"), split("test"), split("all"));
        assert_eq!(
            (train.info().count, test.info().count, all.info().count),
            (3, 2, 5)
        );
        assert_eq!(train.info().shape, [2, 3, 1]);
        assert_eq!(bytes(train.get(1).unwrap()), [16, 17, 18, 19, 20, 21]);
        assert_eq!(bytes(all.get(3).unwrap()), [100, 101, 102, 103, 104, 105]);
        assert_eq!(
            (train.get(2).unwrap().label, all.get(4).unwrap().label),
            (Some(2), Some(1))
        );
        let name = if gz {
            "t10k-images-idx3-ubyte.gz"
        } else {
            "t10k-images-idx3-ubyte"
        };
        let one = open(&source(&dir.path().join(name)));
        assert_eq!((one.info().count, one.get(1).unwrap().label), (2, Some(1)));
    }
}

#[test]
fn emnist_is_turned_upright() {
    let dir = tempdir().unwrap();
    // Columns first, as EMNIST lies: the picture 1 2 3 / 4 5 6.
    write(
        dir.path(),
        "emnist-letters-train-images-idx3-ubyte",
        idx(&[1, 3, 2], &[1, 4, 2, 5, 3, 6]),
    );
    let set = open(&source(dir.path()));
    assert_eq!(
        (&set.info().shape[..], bytes(set.get(0).unwrap())),
        (&[2, 3, 1][..], vec![1, 2, 3, 4, 5, 6])
    );
    write(
        dir.path(),
        "emnist-digits-train-images-idx3-ubyte",
        idx(&[1, 1, 1], &[1]),
    );
    fails(
        &source(dir.path()),
        &["several sets", "emnist-digits", "emnist-letters"],
    );
}

#[test]
fn bad_idx_files() {
    let name = "train-images-idx3-ubyte";
    let good = idx(&[2, 3, 4], &[7; 24]);
    let mut magic = good.clone();
    magic[0] = 0x89;
    let mut kind = good.clone();
    kind[2] = 0x0d;
    let huge = idx(&[u32::MAX, u32::MAX, u32::MAX], &[1; 10]);
    let cases: [(&str, Vec<u8>, &str); 9] = [
        ("magic", magic, "magic number is 0x89000803"),
        ("type", kind, "0x0d"),
        ("short", good[..30].to_vec(), "only 14"),
        ("long", [&good[..], &[1]].concat(), "there are more"),
        ("huge", huge.clone(), "cannot hold them"),
        ("empty", vec![], "ends early"),
        ("header", good[..9].to_vec(), "ends early"),
        ("labels", idx(&[4], &[1; 4]), "labels, not images"),
        ("none", idx(&[0, 3, 4], &[]), "no values"),
    ];
    for (_, content, expected) in cases {
        for gz in [false, true] {
            let dir = tempdir().unwrap();
            write(
                dir.path(),
                &if gz { format!("{name}.gz") } else { name.into() },
                &if gz { gzip(&content) } else { content.clone() },
            );
            fails(&source(dir.path()), &[name, expected]);
        }
    }
    let dir = tempdir().unwrap();
    let packed = gzip(&idx(
        &[100, 28, 28],
        &(0..78400u32).map(|i| (i * i / 7) as u8).collect::<Vec<_>>(),
    ));
    write(dir.path(), &format!("{name}.gz"), &packed[..packed.len() - 100]);
    fails(&source(dir.path()), &["gzip stream ends early"]);
    let mut flipped = packed.clone();
    flipped[packed.len() / 2] ^= 0xff;
    write(dir.path(), &format!("{name}.gz"), &flipped);
    fails(&source(dir.path()), &[name]);
    let dir = mnist(false);
    write(dir.path(), "train-labels-idx1-ubyte", idx(&[2], &[0, 1]));
    fails(&source(dir.path()), &["3 images and 2 labels"]);
}

#[test]
fn cifar_batches_become_interleaved() {
    let dir = tempdir().unwrap();
    let record = |label: &[u8], first: u8| {
        let mut r = label.to_vec();
        (0..3u8).for_each(|plane| r.extend((0..1024u32).map(|i| (i as u8).wrapping_add(first + plane * 50))));
        r
    };
    write(
        dir.path(),
        "data_batch_1.bin",
        [record(&[3], 1), record(&[9], 2)].concat(),
    );
    write(dir.path(), "test_batch.bin", record(&[5], 4));
    write(
        dir.path(),
        "batches.meta.txt",
        b"airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n",
    );
    let set = open(&source(dir.path()));
    assert_eq!(
        (
            &set.info().shape[..],
            set.info().count,
            set.info().labels.join(" ")
        ),
        (&[32, 32, 3][..], 2, "cat dog truck".to_string())
    );
    let item = set.get(1).unwrap();
    assert_eq!(item.label, Some(2));
    assert_eq!(bytes(item)[..6], [2, 52, 102, 3, 53, 103]);
    assert_eq!(
        open(&Source {
            split: "all".into(),
            ..source(dir.path())
        })
        .get(2)
        .unwrap()
        .label,
        Some(1)
    );
    let hundred = tempdir().unwrap();
    write(hundred.path(), "train.bin", record(&[4, 77], 0));
    let set = open(&source(hundred.path()));
    assert_eq!(
        (set.get(0).unwrap().label, &set.info().labels[..]),
        (Some(0), &["77".to_string()][..])
    );
    write(hundred.path(), "train.bin", &record(&[4, 77], 0)[1..3000]);
    fails(
        &source(hundred.path()),
        &["train.bin", "not a whole number of records"],
    );
    write(dir.path(), "data_batch_1.bin", record(&[200], 1));
    fails(&source(dir.path()), &["label 200"]);
}
