//! Data in the formats of others: arrays, IDX, CIFAR, tables, metadata; whole and damaged.
use flate2::Compression;
use flate2::write::GzEncoder;
use menagerie_data::picture::write_npy;
use menagerie_data::{Dataset, Item, Kind, Source, Values};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::{TempDir, tempdir};

fn source(path: &Path) -> Source {
    Source::parse(path.to_str().unwrap())
}

fn open(s: &Source) -> Arc<dyn Dataset> {
    s.open().map_err(|e| e.to_string()).unwrap().dataset
}

/// The one clear line that opening fails with; it must hold all of `parts`.
fn fails(s: &Source, parts: &[&str]) -> String {
    let e = s.open().err().expect("must fail").to_string();
    assert!(!e.contains('\n'), "more than a line: {e}");
    for part in parts {
        assert!(e.contains(part), "`{part}` is not in: {e}");
    }
    e
}

fn bytes(item: Item) -> Vec<u8> {
    match item.values {
        Values::Bytes(v) => v,
        Values::Floats(_) => panic!("floats"),
    }
}

fn floats(item: Item) -> Vec<f32> {
    match item.values {
        Values::Floats(v) => v,
        Values::Bytes(_) => panic!("bytes"),
    }
}

fn write(dir: &Path, name: &str, content: &[u8]) -> PathBuf {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(content).unwrap();
    out.finish().unwrap()
}

/// An IDX file of bytes.
fn idx(shape: &[u32], values: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, shape.len() as u8];
    shape.iter().for_each(|a| file.extend(a.to_be_bytes()));
    file.extend(values);
    file
}

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
        &idx(&[1, 3, 2], &[1, 4, 2, 5, 3, 6]),
    );
    let set = open(&source(dir.path()));
    assert_eq!(
        (&set.info().shape[..], bytes(set.get(0).unwrap())),
        (&[2, 3, 1][..], vec![1, 2, 3, 4, 5, 6])
    );
    write(
        dir.path(),
        "emnist-digits-train-images-idx3-ubyte",
        &idx(&[1, 1, 1], &[1]),
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
    write(dir.path(), "train-labels-idx1-ubyte", &idx(&[2], &[0, 1]));
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
        &[record(&[3], 1), record(&[9], 2)].concat(),
    );
    write(dir.path(), "test_batch.bin", &record(&[5], 4));
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
    write(hundred.path(), "train.bin", &record(&[4, 77], 0));
    let set = open(&source(hundred.path()));
    assert_eq!(
        (set.get(0).unwrap().label, &set.info().labels[..]),
        (Some(0), &["77".to_string()][..])
    );
    write(hundred.path(), "train.bin", &record(&[4, 77], 0)[1..3000]);
    fails(
        &source(hundred.path()),
        &["train.bin", "no whole number of records"],
    );
    write(dir.path(), "data_batch_1.bin", &record(&[200], 1));
    fails(&source(dir.path()), &["label 200"]);
}

/// An `.npy` file of any description.
fn npy(descr: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let head = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n");
    [
        b"\x93NUMPY\x01\x00",
        &(head.len() as u16).to_le_bytes()[..],
        head.as_bytes(),
        values,
    ]
    .concat()
}

#[test]
fn arrays_of_every_kind() {
    let dir = tempdir().unwrap();
    let at = |name: &str, content: &[u8]| open(&source(&write(dir.path(), name, content)));
    let set = at("a.npy", &npy("'|u1'", "(2, 2, 3)", &(0..12).collect::<Vec<u8>>()));
    assert_eq!(
        (set.info().kind, &set.info().shape[..], bytes(set.get(1).unwrap())),
        (Kind::Image, &[2, 3, 1][..], vec![6, 7, 8, 9, 10, 11])
    );
    let sixteen = at(
        "b.npy",
        &npy("'|u1'", "(1, 1, 2, 16)", &(0..32).collect::<Vec<u8>>()),
    );
    assert_eq!(
        (&sixteen.info().shape[..], bytes(sixteen.get(0).unwrap()).len()),
        (&[1, 2, 16][..], 32)
    );
    let le: Vec<u8> = [0.5f32, 0.25].iter().flat_map(|v| v.to_le_bytes()).collect();
    let be: Vec<u8> = [0.5f64, -2.0].iter().flat_map(|v| v.to_be_bytes()).collect();
    assert_eq!(
        floats(at("c.npy", &npy("'<f4'", "(2, 1, 1)", &le)).get(1).unwrap()),
        [0.25]
    );
    let points = at("d.npy", &npy("'>f8'", "(1, 2)", &be));
    assert_eq!(
        (points.info().kind, points.info().range),
        (Kind::Points, (-2.0, 0.5))
    );
    assert_eq!(floats(points.get(0).unwrap()), [0.5, -2.0]);
}

#[test]
fn what_is_written_is_read() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("x.npy");
    let values: Vec<f32> = (0..5 * 4 * 3 * 2).map(|i| i as f32 / 120.0).collect();
    write_npy(&path, &[5, 4, 3, 2], &values).unwrap();
    let set = open(&source(&path));
    assert_eq!(set.info().shape, [4, 3, 2]);
    let read: Vec<f32> = (0..5).flat_map(|i| floats(set.get(i).unwrap())).collect();
    assert_eq!(read, values);
    // NumPy asks that values begin at a multiple of 64 bytes.
    assert_eq!(
        (fs::metadata(&path).unwrap().len() as usize - values.len() * 4) % 64,
        0
    );
    assert!(write_npy(&path, &[5, 4], &values).is_err());
}

#[test]
fn bad_arrays() {
    let huge_header = [&b"\x93NUMPY\x02\x00"[..], &u32::MAX.to_le_bytes(), b"{'descr'"].concat();
    let cases: [(&str, Vec<u8>, &str); 13] = [
        (
            "complex",
            npy("'<c8'", "(1, 1)", &[0; 8]),
            "complex numbers (<c8)",
        ),
        ("object", npy("'|O'", "(1, 1)", &[0; 8]), "Python objects"),
        (
            "whole",
            npy("'<i8'", "(1, 1)", &[0; 8]),
            "whole numbers of 8 bytes",
        ),
        ("records", npy("[('x', '<f4')]", "(1, 1)", &[0; 4]), "records"),
        ("huge header", huge_header, "header claims 4294967295 bytes"),
        (
            "huge shape",
            npy("'|u1'", "(99999999999, 99999999999, 3)", &[0; 4]),
            "4 bytes follow it",
        ),
        ("short", npy("'<f4'", "(2, 2)", &[0; 15]), "15 bytes follow it"),
        ("axes", npy("'|u1'", "(4,)", &[0; 4]), "[4]"),
        (
            "channels",
            npy("'|u1'", "(1, 1, 1, 17)", &[0; 17]),
            "1 to 16 channels",
        ),
        (
            "range",
            npy("'<f4'", "(1, 1, 1)", &255f32.to_le_bytes()),
            "[0, 1]",
        ),
        ("nan", npy("'<f4'", "(1, 1)", &f32::NAN.to_le_bytes()), "NaN"),
        ("zip", b"PK\x03\x04 something else".to_vec(), "wrong first bytes"),
        ("none", npy("'|u1'", "(0, 4, 4)", &[]), "one item at least"),
    ];
    for (name, content, expected) in cases {
        let dir = tempdir().unwrap();
        let path = write(dir.path(), "bad.npy", &content);
        let e = fails(&source(&path), &["bad.npy", expected]);
        assert!(e.len() < 400, "{name}: {e}");
    }
}

/// A ZIP archive, stored or deflated.
fn zip(entries: &[(&str, Vec<u8>)], deflate: bool) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in entries {
        let mut packed = flate2::write::DeflateEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(content).unwrap();
        let packed = if deflate {
            packed.finish().unwrap()
        } else {
            content.clone()
        };
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let mut common = vec![20, 0, 0, 0, if deflate { 8 } else { 0 }, 0, 0, 0, 0, 0];
        [crc.sum(), packed.len() as u32, content.len() as u32]
            .iter()
            .for_each(|v| common.extend(v.to_le_bytes()));
        common.extend((name.len() as u16).to_le_bytes());
        directory.extend(
            [
                b"PK\x01\x02\x14\x00",
                &common[..],
                &[0; 12],
                &(file.len() as u32).to_le_bytes(),
                name.as_bytes(),
            ]
            .concat(),
        );
        // The entry's own header has an extra field that the directory has not, as NumPy's have.
        file.extend(
            [
                b"PK\x03\x04",
                &common[..],
                &[4, 0],
                name.as_bytes(),
                &[9, 9, 0, 0],
                &packed,
            ]
            .concat(),
        );
    }
    let (n, start) = (entries.len() as u16, file.len() as u32);
    let end = [
        b"PK\x05\x06",
        &[0; 4][..],
        &n.to_le_bytes(),
        &n.to_le_bytes(),
        &(directory.len() as u32).to_le_bytes(),
        &start.to_le_bytes(),
        &[0; 2],
    ];
    [file, directory, end.concat()].concat()
}

#[test]
fn archives_of_arrays() {
    let dir = tempdir().unwrap();
    let pack =
        |name: &str, entries: &[(&str, Vec<u8>)], deflate| write(dir.path(), name, &zip(entries, deflate));
    let images = |n: u8| npy("'|u1'", &format!("({n}, 1, 2)"), &(0..2 * n).collect::<Vec<u8>>());
    let labels = |l: &[i64]| {
        npy(
            "'<i8'",
            &format!("({},)", l.len()),
            &l.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>(),
        )
    };
    for method in [false, true] {
        let path = pack(
            "a.npz",
            &[("y.npy", labels(&[2, 0])), ("x.npy", images(2))],
            method,
        );
        let set = open(&source(&path));
        assert_eq!((set.info().count, set.info().labels.join(" ")), (2, "0 2".into()));
        assert_eq!(
            (bytes(set.get(1).unwrap()), set.get(0).unwrap().label),
            (vec![2, 3], Some(1))
        );
        let entries = [
            ("x_train.npy", images(3)),
            ("y_train.npy", labels(&[0, 1, 1])),
            ("x_test.npy", images(1)),
            ("y_test.npy", labels(&[1])),
        ];
        let path = pack("b.npz", &entries, method);
        let count = |split: &str| {
            open(&Source {
                split: split.into(),
                ..source(&path)
            })
            .info()
            .count
        };
        assert_eq!((count("train"), count("test"), count("all")), (3, 1, 4));
    }
    let stored = false;
    fails(
        &source(&pack(
            "c.npz",
            &[
                ("x.npy", images(2)),
                (
                    "y.npy",
                    npy("'<f8'", "(2,)", &[0.0f64, 0.5].map(f64::to_le_bytes).concat()),
                ),
            ],
            stored,
        )),
        &["c.npz", "does not hold labels"],
    );
    fails(
        &source(&pack(
            "d.npz",
            &[("x.npy", images(2)), ("y.npy", labels(&[0]))],
            stored,
        )),
        &["2 items, there are 1 labels"],
    );
    fails(&source(&pack("e.npz", &[], stored)), &["no arrays"]);
    let whole = fs::read(dir.path().join("a.npz")).unwrap();
    fails(
        &source(&write(dir.path(), "f.npz", &whole[..whole.len() / 2])),
        &["f.npz", "not a whole .npz file"],
    );
    // No byte changed makes a panic; most are found.
    let found = (0..whole.len()).filter(|&i| {
        let mut changed = whole.clone();
        changed[i] ^= 0x41;
        source(&write(dir.path(), "g.npz", &changed)).open().is_err()
    });
    assert!(found.count() > whole.len() / 2);
}

#[test]
fn tables_are_points() {
    let dir = tempdir().unwrap();
    let set = open(&source(&write(
        dir.path(),
        "a.csv",
        b"x,y,label\n1, 2.5,b\n-3,4e1,a\n",
    )));
    assert_eq!(
        (set.info().kind, &set.info().shape[..], set.info().range),
        (Kind::Points, &[2][..], (-3.0, 40.0))
    );
    assert_eq!(
        (
            floats(set.get(1).unwrap()),
            set.get(1).unwrap().label,
            set.info().labels.join(" ")
        ),
        (vec![-3.0, 40.0], Some(0), "a b".into())
    );
    let set = open(&source(&write(dir.path(), "b.tsv", b"1\t2\t3\n4\t5\t6\n")));
    assert_eq!(
        (set.info().count, floats(set.get(0).unwrap())),
        (2, vec![1.0, 2.0, 3.0])
    );
    let bad = write(dir.path(), "c.csv", b"1,2\n3\n4,x\n5,inf\n6,7\n");
    fails(
        &source(&bad),
        &[
            "3 of 5 rows",
            "line 2 has 1 columns",
            "line 3, column 2: `x`",
            "`inf`",
            "--max-bad 0.6",
        ],
    );
    let opened = Source {
        max_bad: 0.6,
        ..source(&bad)
    }
    .open()
    .unwrap();
    assert_eq!((opened.dataset.info().count, opened.warnings.len()), (2, 3));
    fails(&source(&write(dir.path(), "d.csv", b"")), &["has no rows"]);
    fails(
        &Source {
            size: vec![3],
            ..source(&dir.path().join("b.tsv"))
        },
        &["data.size", "points"],
    );
}

/// A folder of small images a.png, b.png, ...
fn images(names: &[&str]) -> TempDir {
    let dir = tempdir().unwrap();
    for (i, name) in names.iter().enumerate() {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        image::save_buffer(&path, &[i as u8; 4], 2, 2, image::ColorType::L8).unwrap();
    }
    dir
}

#[test]
fn metadata_name_labels_captions_and_attributes() {
    let csv = "file_name,smile,label,caption,note\nsub/b.png,0.5,10,\"a cat, asleep\",x\na.png,-1,9,a dog,\n";
    let jsonl = "{\"file_name\": \"sub/b.png\", \"label\": 10, \"caption\": \"a cat, asleep\", \"attributes\": {\"smile\": 0.5}, \"note\": \"x\"}\n\n\
                 {\"file_name\": \"a.png\", \"label\": 9, \"caption\": \"a dog\", \"smile\": -1}\n";
    for (name, content) in [("metadata.csv", csv), ("metadata.jsonl", jsonl)] {
        let dir = images(&["a.png", "sub/b.png", "unnamed.png"]);
        write(dir.path(), name, content.as_bytes());
        let opened = source(dir.path()).open().map_err(|e| e.to_string()).unwrap();
        let set = opened.dataset;
        let (first, second) = (set.get(0).unwrap(), set.get(1).unwrap());
        assert_eq!(
            (first.label, second.label, set.info().labels.join(" ")),
            (Some(1), Some(0), "9 10".into())
        );
        assert_eq!(
            (first.caption.as_deref(), second.caption.as_deref()),
            (Some("a cat, asleep"), Some("a dog"))
        );
        assert_eq!(
            (
                set.info().attributes.join(" "),
                first.attributes.clone(),
                second.attributes
            ),
            ("smile".into(), vec![0.5], vec![-1.0])
        );
        assert_eq!(bytes(first), [1; 4]);
        let said = opened.warnings.join("\n");
        assert!(
            said.contains("unnamed.png") && said.contains("`note` is not a number"),
            "{said}"
        );
    }
}

#[test]
fn bad_metadata() {
    let with = |name: &str, content: &str| {
        let dir = images(&["in/a.png", "secret.png"]);
        write(&dir.path().join("in"), name, content.as_bytes());
        (source(&dir.path().join("in")), dir)
    };
    let absolute = format!("file_name\n{}\n", std::env::temp_dir().join("a.png").display());
    let cases = [
        (
            "metadata.csv",
            "file_name\na.png\n../secret.png\n",
            "`../secret.png`",
        ),
        (
            "metadata.csv",
            "file_name\na.png\nx/../../secret.png\n",
            "without `..`",
        ),
        ("metadata.csv", &absolute, "leading `/`"),
        ("metadata.csv", "name,label\na.png,1\n", "no column `file_name`"),
        ("metadata.csv", "file_name,label\na.png\n", "cannot be read"),
        (
            "metadata.csv",
            "file_name\na.png\ngone.png\n",
            "gone.png: is named in",
        ),
        (
            "metadata.jsonl",
            "{\"file_name\": \"a.png\"}\n{\"label\": 3}\n",
            "line 2: has no `file_name`",
        ),
        ("metadata.jsonl", "{\"file_name\": \"a.png\"\n", "line 1"),
        (
            "metadata.jsonl",
            "{\"file_name\": \"/etc/passwd\"}\n",
            "`/etc/passwd`",
        ),
    ];
    for (name, content, expected) in cases {
        let (source, _dir) = with(name, content);
        fails(&source, &[expected]);
    }
}

#[test]
fn celeba_lies_as_it_is_published() {
    let dir = images(&[
        "img_align_celeba/000001.jpg",
        "img_align_celeba/000002.jpg",
        "img_align_celeba/000003.jpg",
    ]);
    write(
        dir.path(),
        "list_attr_celeba.txt",
        b"3\nSmiling Male\n000001.jpg -1  1\n000002.jpg  1 -1\n000003.jpg 1 1\n",
    );
    for root in [dir.path().to_path_buf(), dir.path().join("img_align_celeba")] {
        let set = open(&source(&root));
        assert_eq!(
            (set.info().count, set.info().attributes.join(" ")),
            (3, "Smiling Male".into())
        );
        assert_eq!(
            (set.get(1).unwrap().attributes, set.get(1).unwrap().label),
            (vec![1.0, -1.0], None)
        );
        fails(
            &Source {
                split: "test".into(),
                ..source(&root)
            },
            &["list_eval_partition.txt"],
        );
    }
    write(
        dir.path(),
        "list_eval_partition.txt",
        b"000001.jpg 0\n000002.jpg 1\n000003.jpg 2\n",
    );
    let count = |split: &str| {
        open(&Source {
            split: split.into(),
            ..source(dir.path())
        })
        .info()
        .count
    };
    assert_eq!((count("train"), count("test"), count("all")), (1, 1, 3));
    write(
        dir.path(),
        "list_attr_celeba.txt",
        b"3\nSmiling Male\n000001.jpg -1\n",
    );
    fails(&source(dir.path()), &["list_attr_celeba.txt", "line 3"]);
}

#[test]
fn fields_of_a_source_are_checked() {
    let digits = Source::parse("digits");
    fails(
        &Source {
            split: "tset".into(),
            ..digits.clone()
        },
        &["data.split", "did you mean `test`?"],
    );
    fails(
        &Source {
            filter: "lanzcos".into(),
            ..digits.clone()
        },
        &["data.filter", "did you mean `lanczos`?"],
    );
    fails(
        &Source {
            format: "cvs".into(),
            ..digits.clone()
        },
        &["data.format", "did you mean `csv`?"],
    );
    fails(
        &Source {
            channels: 2,
            ..digits.clone()
        },
        &["data.channels"],
    );
    fails(
        &Source {
            size: vec![1, 2, 3],
            ..digits.clone()
        },
        &["data.size"],
    );
    fails(
        &Source {
            size: vec![0],
            ..digits.clone()
        },
        &["data.size"],
    );
    fails(
        &Source {
            max_bad: 2.0,
            ..digits.clone()
        },
        &["data.max_bad"],
    );
    fails(
        &Source {
            alpha: "pink".into(),
            ..digits
        },
        &["data.alpha"],
    );
    assert_eq!(Source::parse_size("48x64").unwrap(), [48, 64]);
    assert_eq!(Source::parse_size("32").unwrap(), [32]);
    for bad in ["", "x", "0", "3x", "1x2x3", "-4"] {
        assert!(Source::parse_size(bad).is_err(), "{bad}");
    }
}

#[test]
fn stored_images_are_resized_and_converted() {
    let set = open(&Source {
        size: vec![4, 2],
        channels: 3,
        limit: 5,
        ..Source::parse("digits")
    });
    assert_eq!((&set.info().shape[..], set.info().count), (&[4, 2, 3][..], 5));
    let whole = open(&Source::parse("digits"));
    let (small, big) = (bytes(set.get(2).unwrap()), bytes(whole.get(2).unwrap()));
    // Cut to columns 2 to 5 (an aspect of 4 to 2), then boxes of 2x2.
    for (i, pixel) in small.chunks(3).enumerate() {
        let (y, x) = (2 * (i / 2), 2 + 2 * (i % 2));
        let sum: u32 = [y * 8 + x, y * 8 + x + 1, y * 8 + x + 8, y * 8 + x + 9]
            .iter()
            .map(|&k| big[k] as u32)
            .sum();
        assert_eq!(pixel, [((sum as f32 / 4.0) + 0.5) as u8; 3]);
    }
    let stacked = open(&Source {
        limit: 0,
        size: vec![40, 40],
        ..Source::parse("portraits")
    });
    assert_eq!(stacked.info().shape, [40, 40, 3]);
    assert!(stacked.get(0).unwrap().caption.is_some());
}
