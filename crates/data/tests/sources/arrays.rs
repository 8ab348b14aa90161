//! NumPy's arrays and archives of them, whole and damaged.
use crate::support::{bytes, classes, fails, floats, npy, npz, of, open, opened, source, write, zip};
use menagerie_data::picture::write_npy;
use menagerie_data::{Dataset, Kind, Source, Values};
use std::fs;
use tempfile::tempdir;

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

#[test]
fn archives_of_arrays() {
    let dir = tempdir().unwrap();
    let pack =
        |name: &str, entries: &[(&str, Vec<u8>)], deflate| write(dir.path(), name, zip(entries, deflate));
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
fn arrays_of_archives() {
    let dir = tempdir().unwrap();
    let image = |n: usize| npy("'|u1'", &format!("({n}, 8, 8, 3)"), &vec![200; 192 * n]);
    let with = |entries: &[(&str, Vec<u8>)]| {
        let path = dir.path().join("x.npz");
        fs::write(&path, npz(entries)).unwrap();
        of(&path, "train")
    };
    let object = npy("'|O'", "(1,)", b"pickled");
    let s = with(&[
        ("metadata", object),
        ("imgs", image(5)),
        ("latents_values", npy("'<f8'", "(5, 1)", &[0; 40])),
    ]);
    let (set, said) = opened(&s);
    assert!(
        set.info().count == 5 && said.contains("2 arrays: `latents_values` [5, 1], `metadata`"),
        "{said}"
    );
    let s = with(&[
        ("weights", npy("'<f8'", "(2, 2)", &[0; 32])),
        ("pictures", image(5)),
    ]);
    let (set, said) = opened(&s);
    assert!(
        set.info().shape == [8, 8, 3] && said.contains("`pictures` of shape") && said.contains("`weights`"),
        "{said}"
    );
    let named = |array: &str| Source {
        array: array.into(),
        ..s.clone()
    };
    assert_eq!(opened(&named("weights")).0.info().shape, [2]);
    fails(&named("picture"), &["data.array", "did you mean `pictures`?"]);
    let labels = npy("'<i8'", "(4,)", &[1u64, 0, 1, 1].map(u64::to_le_bytes).concat());
    let s = with(&[
        ("X_train", image(4)),
        ("y_train", labels),
        ("X_test", image(2)),
        ("y_test", npy("'|u1'", "(2,)", &[1, 0])),
    ]);
    assert_eq!(opened(&s).0.info().shares, [0.25, 0.75]);
    assert_eq!(
        opened(&Source {
            split: "test".into(),
            ..s
        })
        .0
        .info()
        .count,
        2
    );
    // Several numbers an item are attributes.
    let s = with(&[
        ("train_images", image(2)),
        ("train_labels", npy("'|u1'", "(2, 3)", &[1, 0, 1, 0, 0, 1])),
    ]);
    let (set, _) = opened(&s);
    assert_eq!(
        (set.info().attributes.len(), set.get(0).unwrap().attributes),
        (3, vec![1.0, 0.0, 1.0])
    );
    // A file of a megabyte that stands for one of three hundred.
    let s = with(&[("x", npy("'|u1'", "(300, 1024, 1024)", &vec![0; 300 << 20]))]);
    fails(&s, &["claim 314572", "cannot stand for"]);
}

#[test]
fn doubtful_arrays_are_told() {
    let dir = tempdir().unwrap();
    let with = |content: Vec<u8>| {
        let path = dir.path().join("x.npy");
        fs::write(&path, content).unwrap();
        of(&path, "train")
    };
    let (set, said) = opened(&with(npy("'|u1'", "(3, 1, 6, 7)", &[200; 126])));
    assert!(
        set.info().shape == [1, 6, 7] && said.contains("numpy.moveaxis"),
        "{said}"
    );
    let (_, said) = opened(&with(npy("'|u1'", "(2, 2, 2)", &[0, 1, 1, 0, 1, 0, 0, 0])));
    assert!(said.contains("0 and 1 of 255"), "{said}");
    let (set, said) = opened(&with(npy("'|b1'", "(2, 2, 2)", &[0, 1, 1, 0, 1, 0, 0, 0])));
    let Values::Bytes(first) = set.get(0).unwrap().values else {
        panic!("floats")
    };
    assert!(said.is_empty() && first == [0, 255, 255, 0], "{said}");
    let mut values = [0.5f32; 4 * 2 * 3];
    values[2 * 6 + 4] = f32::NAN;
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    fails(
        &with(npy("'<f4'", "(4, 2, 3)", &bytes)),
        &["NaN at item 2, [1, 1]"],
    );
    fails(
        &Source {
            array: "x".into(),
            ..with(npy("'|u1'", "(2, 2)", &[9; 4]))
        },
        &["data.array", "not an .npz archive"],
    );
}

/// Labels are words, whole numbers or a 1 in its place; what has more axes says nothing of an item.
#[test]
fn labels_of_archives_come_in_many_forms() {
    let dir = tempdir().unwrap();
    let image = |n: usize| npy("'|u1'", &format!("({n}, 8, 8, 3)"), &vec![200; 192 * n]);
    let with = |entries: &[(&str, Vec<u8>)]| {
        let path = dir.path().join("x.npz");
        fs::write(&path, npz(entries)).unwrap();
        of(&path, "train")
    };
    let named = |set: &dyn Dataset| {
        classes(set)
            .into_iter()
            .map(Option::unwrap)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let words = |big: bool| -> Vec<u8> {
        let letter = |c: char| {
            if big {
                (c as u32).to_be_bytes()
            } else {
                (c as u32).to_le_bytes()
            }
        };
        "dog\0kätzdog\0".chars().flat_map(letter).collect()
    };
    for (of_type, bytes) in [
        ("'<U4'", words(false)),
        ("'>U4'", words(true)),
        ("'|S4'", b"dog\0katzdog\0".to_vec()),
    ] {
        let (set, said) = opened(&with(&[("x", image(3)), ("y", npy(of_type, "(3,)", &bytes))]));
        assert_eq!(named(&*set).replace('a', "ä"), "dog kätz dog", "{of_type}");
        assert!(said.is_empty(), "{said}");
    }
    let hot = |descr: &str, one: &[u8]| {
        let zero = vec![0; one.len()];
        npy(descr, "(3, 2)", &[one, &zero, &zero, one, one, &zero].concat())
    };
    for labels in [
        hot("'|u1'", &[1]),
        hot("'<f4'", &1f32.to_le_bytes()),
        hot("'<f8'", &1f64.to_le_bytes()),
    ] {
        let (set, said) = opened(&with(&[("x_train", image(3)), ("y_train", labels)]));
        assert!(
            named(&*set) == "0 1 0" && said.contains("one 1 in every row"),
            "{said}"
        );
    }
    // Over both parts, whichever is asked for.
    let s = with(&[
        ("x_train", image(3)),
        ("y_train", npy("'|S1'", "(3,)", b"cac")),
        ("x_test", image(1)),
        ("y_test", npy("'|S1'", "(1,)", b"b")),
    ]);
    assert_eq!(opened(&s).0.info().labels, ["a", "b", "c"]);
    let masks = npy("'|u1'", "(3, 8, 8)", &[1; 192]);
    let (set, said) = opened(&with(&[("x", image(3)), ("y", masks)]));
    assert!(
        set.info().attributes.is_empty() && said.contains("not used: 1 arrays: `y` [3, 8, 8]"),
        "{said}"
    );
    let reals = npy(
        "'<f8'",
        "(3,)",
        &[0.5f64, 1.0, 2.5].map(f64::to_le_bytes).concat(),
    );
    fails(
        &with(&[("x", image(3)), ("y", reals)]),
        &["does not hold labels but real numbers of 8 bytes"],
    );
}

/// What is advised to be saved can be read, and is what was meant.
#[test]
fn arrays_of_other_types_come_with_a_way_to_save_them() {
    let dir = tempdir().unwrap();
    let told = |descr: &str, shape: &str, bytes: usize, parts: &[&str]| {
        let path = write(dir.path(), "x.npy", npy(descr, shape, &vec![0; bytes]));
        fails(&source(&path), parts)
    };
    told(
        "'<u2'",
        "(3, 4, 4)",
        96,
        &["whole numbers of 2 bytes", "x / x.max()"],
    );
    told("'<i8'", "(3, 4)", 96, &["x.astype(numpy.float32)"]);
    told("'<c16'", "(3, 2)", 96, &["complex", "x.real, x.imag"]);
    told(
        "[('a', '<f4'), ('b', '<f4')]",
        "(3,)",
        24,
        &["records", "structured_to_unstructured"],
    );
    told("'<U3'", "(3, 2)", 72, &["holds text", "save numbers"]);
    told("'|u1'", "(2, 3, 32, 32)", 6144, &["moveaxis"]);
    // So many that no training counts them are refused before they are looked at.
    let path = write(dir.path(), "x.npy", npy("'|u1'", "(4294967297, 1)", &[]));
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(fs::metadata(&path).unwrap().len() + 4294967297)
        .unwrap();
    fails(&source(&path), &["4294967297 items, more than 2^32"]);
}
