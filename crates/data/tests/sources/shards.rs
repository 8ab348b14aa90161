//! Shards as other programs write them, whole and damaged; and packs.
use crate::support::{bytes, classes, fails, images, of, open, opened, source, write};
use menagerie_data::{Batch, Dataset, Key, Loader, Source, pack};
use std::path::{Path, PathBuf};
use tempfile::tempdir;

/// A grey image of 2x2 pixels of one brightness.
pub(crate) fn png(grey: u8) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    let write = image::write_buffer_with_format;
    write(
        &mut out,
        &[grey; 4],
        2,
        2,
        image::ColorType::L8,
        image::ImageFormat::Png,
    )
    .unwrap();
    out.into_inner()
}

/// A tar archive as Python's `tarfile` writes one: headers in ustar, two blocks of zeros at its end.
fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut file = Vec::new();
    for (name, content) in members {
        file.extend(header(name, content.len() as u64, b'0'));
        file.extend(*content);
        file.resize(file.len().div_ceil(512) * 512, 0);
    }
    file.resize(file.len() + 1024, 0);
    file
}

fn header(name: &str, size: u64, kind: u8) -> [u8; 512] {
    let mut h = [0u8; 512];
    h[..name.len()].copy_from_slice(name.as_bytes());
    h[100..108].copy_from_slice(b"0000644\0");
    h[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    h[136..148].copy_from_slice(b"00000000000\0");
    h[156] = kind;
    h[257..265].copy_from_slice(b"ustar\x0000");
    h[148..156].fill(b' ');
    let sum: u32 = h.iter().map(|b| u32::from(*b)).sum();
    h[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    h
}

/// Shards of a folder: names, and the grey values and labels of their items.
fn shards(dir: &Path, all: &[(&str, &[(u8, &str)])]) {
    let mut n = 0;
    for (name, items) in all {
        let mut members = Vec::new();
        for (grey, label) in *items {
            members.push((format!("{n:04}.png"), png(*grey)));
            if !label.is_empty() {
                members.push((format!("{n:04}.cls"), label.as_bytes().to_vec()));
            }
            n += 1;
        }
        let members: Vec<(&str, &[u8])> = members.iter().map(|(n, c)| (&n[..], &c[..])).collect();
        write(dir, name, tar(&members));
    }
}

fn greys(set: &dyn Dataset) -> Vec<u8> {
    (0..set.info().count)
        .map(|i| bytes(set.get(i).unwrap())[0])
        .collect()
}

fn named(labels: &[&str]) -> Vec<Option<String>> {
    labels
        .iter()
        .map(|l| (!l.is_empty()).then(|| l.to_string()))
        .collect()
}

#[test]
fn a_folder_a_pattern_braces_and_a_file_name_shards() {
    let dir = tempdir().unwrap();
    let one: [(u8, &str); 2] = [(10, "3"), (11, "1")];
    shards(
        dir.path(),
        &[
            ("x-000.tar", &one),
            ("x-001.tar", &[(12, "10")]),
            ("y-000.tar", &[(13, "")]),
        ],
    );
    let at = |name: &str| open(&source(&dir.path().join(name)));
    let all = at("");
    assert_eq!(greys(&*all), [10, 11, 12, 13]);
    assert_eq!(
        (&all.info().shape[..], all.info().labels.len()),
        (&[2, 2, 1][..], 3)
    );
    // Numbers are in the order of their size, and are names.
    assert_eq!(all.info().labels, ["1", "3", "10"]);
    assert_eq!(classes(&*all), named(&["3", "1", "10", ""]));
    assert_eq!(greys(&*at("x-{000..001}.tar")), [10, 11, 12]);
    assert_eq!(greys(&*at("{x,y}-000.tar")), [10, 11, 13]);
    assert_eq!(greys(&*at("*-000.tar")), [10, 11, 13]);
    assert_eq!(greys(&*at("?-00?.tar")), [10, 11, 12, 13]);
    assert_eq!(greys(&*at("x-001.tar")), [12]);
}

#[test]
fn members_of_one_name_are_one_item() {
    let dir = tempdir().unwrap();
    let (a, b) = (png(1), png(2));
    let long = format!("./{}/b.jpg.png", "d".repeat(90));
    let mut file = tar(&[
        ("./a/x.1.png", &a),
        ("./a/x.cls", b"7"),
        ("README.md", b"words"),
        (
            "a/z.json",
            br#"{"label": "9", "caption": "two words", "size": 2, "attributes": {"old": true}}"#,
        ),
        ("a/z.txt", b"a text\n"),
        ("a/z.seg.png", &a),
        ("a/z.png", &b),
        (".hidden.png", &a),
        ("__meta__.json", b"{}"),
    ]);
    // A second archive behind the first, with a name that is too long for a header, and an object that says all.
    let name = format!("{long}\0");
    file.extend(header("././@LongLink", name.len() as u64, b'L'));
    file.extend(name.as_bytes());
    file.resize(file.len().div_ceil(512) * 512, 0);
    let body = tar(&[("short.png", &png(3))]);
    file.extend(body);
    write(dir.path(), "s.tar", &file);
    let (set, said) = opened(&Source {
        max_bad: 0.5,
        ..source(&dir.path().join("s.tar"))
    });
    assert_eq!(greys(&*set), [1, 2, 3]);
    assert_eq!(classes(&*set), named(&["7", "9", ""]));
    assert_eq!(set.get(1).unwrap().caption.as_deref(), Some("a text"));
    assert_eq!(set.get(0).unwrap().caption, None);
    // Not every image has these numbers.
    assert_eq!(set.info().attributes, [""; 0]);
    for part in [
        "`old`, `size`",
        ".seg.png (a/z.seg.png)",
        ".md (README.md)",
        "1 of 3 images have no label",
    ] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
}

#[test]
fn objects_give_labels_descriptions_and_attributes() {
    let dir = tempdir().unwrap();
    let object = |i: u8| {
        format!(
            r#"{{"label": "c{}", "caption": "item {i}", "age": {i}.5}}"#,
            i % 2
        )
    };
    for s in 0..2u8 {
        let (a, b) = (object(2 * s), object(2 * s + 1));
        let (p, q) = (png(2 * s), png(2 * s + 1));
        let members: [(&str, &[u8]); 4] = [
            ("a.png", &p),
            ("a.json", a.as_bytes()),
            ("b.json", b.as_bytes()),
            ("b.png", &q),
        ];
        write(dir.path(), &format!("{s}.tar"), tar(&members));
    }
    let set = open(&source(dir.path()));
    assert_eq!(set.info().attributes, ["age"]);
    for i in 0..4u8 {
        let item = set.get(i.into()).unwrap();
        assert_eq!(
            (item.label, &item.attributes[..]),
            (Some(u32::from(i % 2)), &[f32::from(i) + 0.5][..])
        );
        assert_eq!(item.caption, Some(format!("item {i}")));
    }
}

#[test]
fn truth_values_are_names_of_classes() {
    let dir = tempdir().unwrap();
    let (p, q) = (png(0), png(1));
    let members: [(&str, &[u8]); 4] = [
        ("a.png", &p),
        ("a.json", b"{\"label\": true}"),
        ("b.png", &q),
        ("b.json", b"{\"label\": false}"),
    ];
    write(dir.path(), "s.tar", tar(&members));
    let set = open(&source(dir.path()));
    assert_eq!(
        (set.info().labels.join(" "), set.get(0).unwrap().label),
        ("false true".into(), Some(1))
    );
}

#[test]
fn parts_and_names_of_classes_hold_over_all_shards() {
    let dir = tempdir().unwrap();
    shards(
        dir.path(),
        &[
            ("train/0.tar", &[(1, "2"), (2, "0")]),
            ("test/0.tar", &[(3, "1")]),
        ],
    );
    let [train, test] = ["train", "test"].map(|s| open(&of(dir.path(), s)));
    assert_eq!((greys(&*train), greys(&*test)), (vec![1, 2], vec![3]));
    assert_eq!(train.info().labels, ["0", "1", "2"]);
    assert_eq!(test.get(0).unwrap().label, Some(1));
    write(dir.path(), "classnames.txt", "cat\ndog\nowl\newt\n");
    let train = open(&of(dir.path(), "train"));
    assert_eq!(train.info().labels, ["cat", "dog", "owl", "ewt"]);
    assert_eq!(classes(&*train), named(&["owl", "cat"]));
    // The part alone has the names, too.
    let alone = open(&of(&dir.path().join("test"), "train"));
    assert_eq!(classes(&*alone), named(&["dog"]));
    write(dir.path(), "classnames.txt", "cat\n");
    fails(
        &source(dir.path()),
        &["class", "of 1 classes that have names", "classnames.txt"],
    );
    fails(
        &of(&dir.path().join("train/0.tar"), "test"),
        &["has no test split", "--holdout"],
    );
}

#[test]
fn bad_shards_are_one_line() {
    let dir = tempdir().unwrap();
    let at = |name: &str| source(&dir.path().join(name));
    let good = tar(&[("a.png", &png(1)), ("b.png", &png(2))]);
    shards(
        dir.path(),
        &[
            ("x-000.tar", &[(1, "1")]),
            ("x-001.tar", &[(2, "0")]),
            ("x-003.tar", &[(3, "0")]),
        ],
    );
    fails(
        &at("x-{000..005}.tar"),
        &["of its 6 shards", "x-002.tar and 2 more cannot be found"],
    );
    fails(&at("q-*.tar"), &["no shard is there"]);
    fails(&at("*.png"), &["not of shards", ".tar"]);
    // Cut off in a member's content, in a header, or nothing at all.
    write(dir.path(), "cut/a.tar", &good[..1024 + 512 + 30]);
    fails(
        &at("cut"),
        &["a.tar", "is cut off", "`b.png` claims", "and 30 are there"],
    );
    write(dir.path(), "cut/a.tar", &good[..1024 + 100]);
    fails(&at("cut"), &["a.tar", "no whole tar archive", "after 1 members"]);
    write(dir.path(), "cut/a.tar", b"");
    fails(&at("cut"), &["a.tar", "holds no members"]);
    write(dir.path(), "cut/a.tar", png(1));
    fails(&at("cut"), &["a.tar", "no whole tar archive"]);
    write(dir.path(), "cut/b.tar.gz", b"\x1f\x8b");
    fails(&at("cut/b.tar.gz"), &["packed", "gunzip"]);
    // What lies outside of its folder, and what claims to be larger than anything.
    for name in ["../a.png", "/etc/a.png", "x/../../a.png"] {
        write(dir.path(), "out/a.tar", tar(&[(name, &png(1))]));
        fails(&at("out"), &["a.tar", "outside of its folder", name]);
    }
    let mut vast = header("a.png", 0o77777777777, b'0').to_vec();
    vast.extend(png(1));
    write(dir.path(), "vast/a.tar", &vast);
    fails(&at("vast"), &["a.tar", "claims 8589934591 bytes"]);
    let mut named = header("././@LongLink", 1 << 30, b'L').to_vec();
    named.resize(4096, b'a');
    write(dir.path(), "vast/a.tar", &named);
    fails(&at("vast"), &["a.tar", "claims 1073741824 bytes"]);
    // Labels that are numbers here and names there.
    shards(
        dir.path(),
        &[("kinds/0.tar", &[(1, "1")]), ("kinds/1.tar", &[(2, "cat")])],
    );
    fails(
        &at("kinds"),
        &[
            "labels change their type",
            "0.tar has numbers (`1`)",
            "1.tar has names (`cat`)",
        ],
    );
    // Shards of words alone.
    write(dir.path(), "words/0.tar", tar(&[("a.md", b"x"), ("b.md", b"y")]));
    fails(&at("words"), &["holds no images"]);
    // A set that says how many it has.
    shards(
        dir.path(),
        &[
            ("some/t-00000-of-00003.tar", &[(1, "")]),
            ("some/t-00002-of-00003.tar", &[(2, "")]),
        ],
    );
    fails(&at("some"), &["2 of 3 shards", "t-00001-of-00003.tar"]);
}

#[test]
fn damaged_items_of_shards_are_named_and_left_out() {
    let dir = tempdir().unwrap();
    let half = &png(9)[..40];
    let members: [(&str, &[u8]); 6] = [
        ("a.png", &png(1)),
        ("b.png", half),
        ("c.cls", b"1"),
        ("d.png", b""),
        ("e.png", &png(5)),
        ("e.json", b"[]"),
    ];
    write(dir.path(), "s.tar", tar(&members));
    let mut tolerant = Source {
        max_bad: 0.9,
        ..source(dir.path())
    };
    let (set, said) = opened(&tolerant);
    assert_eq!(greys(&*set), [1]);
    for part in [
        "s.tar: b: ",
        "s.tar: c: has no image (only .cls)",
        "d: is empty",
        "e: its .json is no JSON object",
    ] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    tolerant.max_bad = 0.1;
    fails(&tolerant, &["4 of 5 images are damaged", "--max-bad"]);
}

#[test]
fn what_is_left_of_a_shard_after_opening_is_found_out() {
    let dir = tempdir().unwrap();
    shards(dir.path(), &[("s.tar", &[(1, ""), (2, "")])]);
    let set = open(&Source {
        max_bad: 0.6,
        ..source(dir.path())
    });
    let path = dir.path().join("s.tar");
    let mut content = std::fs::read(&path).unwrap();
    content[512..560].fill(0);
    std::fs::write(&path, content).unwrap();
    // Few images are kept once they were read: none was.
    assert_eq!(bytes(set.get(0).unwrap())[0], 2);
    let said = set.warnings().join("\n");
    assert!(
        said.contains("s.tar: 0000.png") && said.contains("takes its place"),
        "{said}"
    );
}

/// The first batches of a source's split.
fn batches(source: &Source, split: &str, cursor: u64, threads: usize) -> Vec<Batch> {
    let of = Source {
        split: split.into(),
        ..source.clone()
    };
    let mut loader = Loader::new(open(&of), 16, Key::new(7), cursor, threads).unwrap();
    (0..12).map(|_| loader.next().unwrap()).collect()
}

#[test]
fn a_pack_feeds_a_training_as_its_source_does() {
    let dir = tempdir().unwrap();
    let sources = [
        ("digits", vec![12], 0),
        ("portraits", vec![24], 120),
        ("fashion", vec![], 300),
    ];
    for (name, size, limit) in sources {
        let source = Source {
            size,
            limit,
            ..Source::parse(name)
        };
        let out = dir.path().join(name);
        let packed = pack(&source, &["train", "test"], 60_000, &out).unwrap();
        assert_eq!(packed.parts.len(), 2);
        assert!(packed.parts[0].shards > 1, "{packed:?}");
        let from = Source::parse(out.to_str().unwrap());
        for split in ["train", "test"] {
            let whole = batches(&source, split, 0, 2);
            assert!(batches(&from, split, 0, 0) == whole, "{name} {split}");
            // In the middle, by other threads.
            assert!(
                batches(&from, split, 16 * 5, 3)[..7] == whole[5..],
                "{name} {split}"
            );
        }
        let (a, b) = (open(&source), open(&from));
        assert_eq!(a.info().labels, b.info().labels);
        // Of what is drawn a class is known only with its item.
        if !a.info().shares.is_empty() {
            assert_eq!(a.info().shares, b.info().shares);
        }
        assert_eq!(a.info().attributes, b.info().attributes);
        // The shards without their indexes say the same, and so does one kind of shard alone.
        for entry in walk(&out) {
            if entry.extension().is_some_and(|e| e == "index") {
                std::fs::remove_file(entry).unwrap();
            }
        }
        assert!(
            batches(&from, "train", 0, 1) == batches(&source, "train", 0, 1),
            "{name}"
        );
        // What is there is not written over.
        let e = pack(&source, &["train"], 60_000, &out).unwrap_err().to_string();
        assert!(e.contains("is not empty"), "{e}");
    }
}

/// Every word of the descriptions is known on opening, of a pack as of the folder it was made of, and of a part of both.
#[test]
fn descriptions_are_known_on_opening() {
    let dir = tempdir().unwrap();
    let names: Vec<String> = (0..9).map(|i| format!("{i}.png")).collect();
    let mut table = String::from("file_name,caption\n");
    for (i, name) in names.iter().enumerate() {
        write(dir.path(), &format!("photos/{name}"), png(i as u8));
        table += &match i {
            4 => format!("{name},\n"),
            _ => format!("{name},\"A face, number-{i}\"\n"),
        };
    }
    write(dir.path(), "photos/metadata.csv", &table);
    let (photos, out) = (source(&dir.path().join("photos")), dir.path().join("packed"));
    let packed = pack(&photos, &["train"], 4000, &out).unwrap();
    assert!(packed.parts[0].shards > 1, "{packed:?}");
    for limit in [0, 5, 8] {
        let of = |source: &Source| {
            let source = Source {
                limit,
                ..source.clone()
            };
            open(&source).info().captions.clone()
        };
        let (here, there) = (of(&photos), of(&source(&out)));
        assert_eq!(here, there, "{limit}");
        assert!(there.words.contains(&"number-0".into()) && there.share < 1.0);
    }
    // Where nobody wrote an index, and in objects.
    let members: [(&str, &[u8]); 6] = [
        ("a.png", &png(1)),
        ("a.json", br#"{"caption": "a red hat"}"#),
        ("b.png", &png(2)),
        ("b.txt", b"one blue hat\n"),
        ("c.png", &png(3)),
        ("c.txt", b"\n"),
    ];
    write(dir.path(), "s/s.tar", tar(&members));
    let captions = open(&source(&dir.path().join("s"))).info().captions.clone();
    assert_eq!(captions.words, ["a", "blue", "hat", "one", "red"]);
    assert_eq!(captions.share, 2.0 / 3.0);
}

/// Archives that were joined, names in capitals and with `./`, and members that are larger than what is read at a time.
#[test]
fn headers_are_found_wherever_they_lie() {
    let dir = tempdir().unwrap();
    let large = vec![7u8; 700 << 10];
    let first = tar(&[("./A.PNG", &png(1)), ("A.bin", &large), ("A.CLS", b"3")]);
    let second = tar(&[("b.png", &png(2)), ("b.bin", &large), ("b.cls", b"4")]);
    write(dir.path(), "s.tar", [first, second].concat());
    let set = open(&source(dir.path()));
    assert_eq!(greys(&*set), [1, 2]);
    assert_eq!(set.info().labels, ["3", "4"]);
    let mut turned = tar(&[("a.png", &png(1)), ("b.png", &png(2))]);
    turned[1024 + 3] ^= 1;
    write(dir.path(), "s.tar", turned);
    fails(
        &source(dir.path()),
        &["s.tar", "checksum of a header is wrong", "after 1 members"],
    );
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => all.extend(walk(&path)),
            false => all.push(path),
        }
    }
    all
}

#[test]
fn an_index_that_is_not_that_of_its_shard_is_not_believed() {
    let dir = tempdir().unwrap();
    let out = dir.path().join("p");
    let digits = Source {
        limit: 40,
        ..Source::parse("digits")
    };
    pack(&digits, &["train"], 1 << 20, &out).unwrap();
    let set = open(&source(&out));
    let index = out.join("train/00000.tar.index");
    let kept = std::fs::read(&index).unwrap();
    std::fs::write(&index, &kept[..kept.len() - 9]).unwrap();
    let again = open(&source(&out));
    assert_eq!(greys(&*set), greys(&*again));
    // Another shard in its place, of the same size.
    std::fs::write(&index, kept).unwrap();
    let shard = out.join("train/00000.tar");
    let mut content = std::fs::read(&shard).unwrap();
    let at = 512 * 3;
    content[at..at + 9].copy_from_slice(b"000000900");
    content[..9].copy_from_slice(b"../000000");
    std::fs::write(&shard, content).unwrap();
    fails(&source(&out), &["00000.tar"]);
}

#[test]
fn nothing_is_left_where_a_pack_fails() {
    let dir = tempdir().unwrap();
    let out = dir.path().join("p");
    for (name, part) in [
        ("ring8", "holds points"),
        ("tones", "holds sounds"),
        ("portraits:edges", "pairs of images"),
    ] {
        let of = Source {
            limit: 4,
            ..Source::parse(name)
        };
        let e = pack(&of, &["train"], 1000, &out).unwrap_err().to_string();
        assert!(e.contains(part) && !e.contains('\n'), "{e}");
    }
    let folder = images(&["a.png", "b.png"]);
    std::fs::write(folder.path().join("c.png"), png(1)).unwrap();
    let e = pack(&source(folder.path()), &["test"], 1000, &out)
        .unwrap_err()
        .to_string();
    assert!(e.contains("no test split"), "{e}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
