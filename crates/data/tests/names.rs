//! Labels are names, a split is a fact of its source, and what is not used is told.
use flate2::Compression;
use flate2::write::DeflateEncoder;
use image::GrayImage;
use menagerie_data::{Dataset, Opened, Source, Values, renumbered};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use tempfile::{TempDir, tempdir};

fn of(path: &Path, split: &str) -> Source {
    Source {
        split: split.into(),
        ..Source::parse(path.to_str().unwrap())
    }
}

fn open(s: &Source) -> (Arc<dyn Dataset>, String) {
    let Opened { dataset, warnings } = s.open().map_err(|e| e.to_string()).unwrap();
    (dataset, warnings.join("\n"))
}

fn fails(s: &Source, parts: &[&str]) {
    let e = s.open().err().expect("must fail").to_string();
    parts
        .iter()
        .for_each(|p| assert!(e.contains(p), "`{p}` is not in: {e}"));
}

/// The names of all items' classes.
fn classes(set: &dyn Dataset) -> Vec<Option<String>> {
    let name = |i| {
        set.get(i)
            .unwrap()
            .label
            .map(|l| set.info().labels[l as usize].clone())
    };
    (0..set.info().count).map(name).collect()
}

fn write(dir: &Path, name: &str, content: impl AsRef<[u8]>) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn picture(dir: &Path, name: &str, shade: u8) {
    let path = dir.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    GrayImage::from_pixel(4, 4, image::Luma([shade]))
        .save(path)
        .unwrap();
}

fn pictures(names: &[&str]) -> TempDir {
    let dir = tempdir().unwrap();
    names
        .iter()
        .enumerate()
        .for_each(|(i, n)| picture(dir.path(), n, i as u8));
    dir
}

fn idx(shape: &[u32], values: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, shape.len() as u8];
    shape.iter().for_each(|a| file.extend(a.to_be_bytes()));
    file.extend(values);
    file
}

/// An array of NumPy's.
fn npy(descr: &str, shape: &str, bytes: &[u8]) -> Vec<u8> {
    let mut head = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}");
    head = format!("{head:117}\n");
    [
        b"\x93NUMPY\x01\x00",
        &(head.len() as u16).to_le_bytes()[..],
        head.as_bytes(),
        bytes,
    ]
    .concat()
}

/// An archive of deflated entries.
fn npz(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in entries {
        let name = format!("{name}.npy");
        let mut packed = DeflateEncoder::new(Vec::new(), Compression::best());
        packed.write_all(content).unwrap();
        let packed = packed.finish().unwrap();
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let mut common = vec![20, 0, 0, 0, 8, 0, 0, 0, 0, 0];
        for n in [crc.sum(), packed.len() as u32, content.len() as u32] {
            common.extend(n.to_le_bytes());
        }
        common.extend((name.len() as u16).to_le_bytes());
        let start = file.len() as u32;
        file.extend([&b"PK\x03\x04"[..], &common, &[0, 0], name.as_bytes(), &packed].concat());
        let rest = [&[0; 12][..], &start.to_le_bytes()].concat();
        directory.extend([&b"PK\x01\x02\x14\0"[..], &common, &rest, name.as_bytes()].concat());
    }
    let mut end = b"PK\x05\x06\0\0\0\0".to_vec();
    for _ in 0..2 {
        end.extend((entries.len() as u16).to_le_bytes());
    }
    end.extend((directory.len() as u32).to_le_bytes());
    end.extend((file.len() as u32).to_le_bytes());
    [file, directory, end, vec![0, 0]].concat()
}

/// A class that one part lacks: numbers are the same in both, whatever the kind of source.
#[test]
fn classes_are_numbered_over_all_parts() {
    let folder = pictures(&[
        "train/a/0.png",
        "train/b/0.png",
        "train/c/0.png",
        "test/a/1.png",
        "test/c/1.png",
    ]);
    let described = pictures(&["train/0.png", "train/1.png", "test/0.png", "test/1.png"]);
    write(
        described.path(),
        "train/metadata.csv",
        "file_name,label\n0.png,a\n1.png,b\n",
    );
    write(
        described.path(),
        "test/metadata.csv",
        "file_name,label\n0.png,c\n1.png,a\n",
    );
    let mnist = tempdir().unwrap();
    for (part, labels) in [("train", &[3u8, 1, 7][..]), ("t10k", &[7, 3])] {
        let n = labels.len() as u32;
        write(
            mnist.path(),
            &format!("{part}-images-idx3-ubyte"),
            idx(&[n, 2, 2], &vec![9; 4 * labels.len()]),
        );
        write(
            mnist.path(),
            &format!("{part}-labels-idx1-ubyte"),
            idx(&[n], labels),
        );
    }
    let archive = tempdir().unwrap();
    let images = |n: usize| npy("|u1", &format!("{n}, 2, 2"), &vec![200; 4 * n]);
    let entries = [
        ("x_train", images(3)),
        ("y_train", npy("|i1", "3,", &[255, 4, 2])),
        ("x_test", images(2)),
        ("y_test", npy("|i1", "2, 1", &[4, 255])),
    ];
    write(archive.path(), "a.npz", npz(&entries));
    let named =
        |names: &[&str]| -> Vec<Option<String>> { names.iter().map(|n| Some(n.to_string())).collect() };
    for (path, all, train, test) in [
        (
            folder.path().to_path_buf(),
            &["a", "b", "c"],
            &["a", "b", "c"][..],
            &["a", "c"][..],
        ),
        (
            described.path().to_path_buf(),
            &["a", "b", "c"],
            &["a", "b"],
            &["c", "a"],
        ),
        (
            mnist.path().to_path_buf(),
            &["1", "3", "7"],
            &["3", "1", "7"],
            &["7", "3"],
        ),
        (
            archive.path().join("a.npz"),
            &["-1", "2", "4"],
            &["-1", "4", "2"],
            &["4", "-1"],
        ),
    ] {
        for (split, wanted) in [("train", train), ("test", test)] {
            let (set, _) = open(&of(&path, split));
            assert_eq!(set.info().labels, *all, "{split} of {}", path.display());
            assert_eq!(classes(&*set), named(wanted), "{split} of {}", path.display());
        }
        let (set, _) = open(&of(&path, "all"));
        let mut both = named(&[train, test].concat());
        let mut found = classes(&*set);
        both.sort();
        found.sort();
        assert_eq!(found, both, "all of {}", path.display());
    }
    // CIFAR-10: labels that no record has are no classes.
    let cifar = tempdir().unwrap();
    let record = |label: u8| [&[label][..], &[7; 3072]].concat();
    write(cifar.path(), "data_batch_1.bin", [record(2), record(9)].concat());
    write(cifar.path(), "test_batch.bin", record(5));
    for (split, wanted) in [("train", &["2", "9"][..]), ("test", &["5"])] {
        let (set, _) = open(&of(cifar.path(), split));
        assert_eq!(
            (&set.info().labels[..], classes(&*set)),
            (&["2".into(), "5".into(), "9".into()][..], named(wanted))
        );
    }
}

#[test]
fn names_of_a_run_decide_the_numbers() {
    let folder = pictures(&["b/0.png", "c/0.png", "c/1.png", "d/0.png"]);
    let (set, _) = open(&of(folder.path(), "train"));
    let known: Vec<String> = ["a", "b", "c"].map(String::from).to_vec();
    let mut said = Vec::new();
    let mapped = renumbered(set.clone(), &known, &mut said);
    assert_eq!((mapped.info().count, &mapped.info().labels), (3, &known));
    assert_eq!(
        (0..3).map(|i| mapped.label(i)).collect::<Vec<_>>(),
        [Some(1), Some(2), Some(2)]
    );
    assert_eq!(mapped.info().shares, [0.0, 1.0 / 3.0, 2.0 / 3.0]);
    assert!(
        said.len() == 1 && said[0].contains("`d`") && said[0].contains("1 items"),
        "{said:?}"
    );
    // None known: all items stay, without a class.
    let mut said = Vec::new();
    let other = renumbered(set.clone(), &["x".into()], &mut said);
    assert_eq!(
        (
            other.info().count,
            other.info().labels.len(),
            other.get(0).unwrap().label
        ),
        (4, 0, None)
    );
    assert!(said[0].contains("without a class"), "{said:?}");
    // All known: nothing to say.
    let mut said = Vec::new();
    let more: Vec<String> = ["d", "c", "b", "a"].map(String::from).to_vec();
    let turned = renumbered(set, &more, &mut said);
    assert_eq!(
        (turned.get(0).unwrap().label, turned.get(3).unwrap().label),
        (Some(2), Some(0))
    );
    assert!(said.is_empty());
}

#[test]
fn a_source_of_one_part_has_no_test_split() {
    let dir = pictures(&[
        "images/a/0.png",
        "images/b/0.png",
        "only/test/a/0.png",
        "only/test/b/0.png",
    ]);
    let d = dir.path();
    write(d, "p.csv", "1,2\n3,4\n");
    write(d, "u.npy", npy("|u1", "3, 2, 2", &[200; 12]));
    write(d, "u.npz", npz(&[("x", npy("|u1", "3, 2, 2", &[200; 12]))]));
    write(d, "one-images-idx3-ubyte", idx(&[3, 2, 2], &[9; 12]));
    write(d, "data_batch_1.bin", [1; 3073]);
    let sound: Vec<f32> = (0..9).map(|i| i as f32 / 20.0).collect();
    write(d, "s.wav", menagerie_data::wav(&sound, 8000, 1).unwrap());
    for name in [
        "p.csv",
        "u.npy",
        "u.npz",
        "one-images-idx3-ubyte",
        "data_batch_1.bin",
        "s.wav",
        "images",
    ] {
        let with = |split: &str, holdout: f64| Source {
            length: if name == "s.wav" { 3 } else { 0 },
            holdout,
            ..of(&d.join(name), split)
        };
        fails(&with("test", 0.0), &["has no test split", "--holdout 0.1"]);
        let whole = open(&with("all", 0.0)).0.info().count;
        assert_eq!(open(&with("train", 0.0)).0.info().count, whole, "{name}");
        if whole > 1 {
            // The advice works.
            let (train, test) = (open(&with("train", 0.4)).0, open(&with("test", 0.4)).0);
            assert_eq!(train.info().count + test.info().count, whole, "{name}");
        }
    }
    // A part alone is what its name says.
    let only = d.join("only");
    fails(&of(&only, "train"), &["has no training split", "--split test"]);
    assert_eq!(open(&of(&only, "test")).0.info().labels, ["a", "b"]);
}

#[test]
fn parts_by_other_names() {
    for (train, test) in [("training", "testing"), ("Train", "valid"), ("train", "dev")] {
        let names = [
            format!("{train}/0/a.png"),
            format!("{train}/1/a.png"),
            format!("{test}/1/b.png"),
        ];
        let dir = pictures(&names.each_ref().map(String::as_str));
        let (set, _) = open(&of(dir.path(), "train"));
        assert_eq!(
            (set.info().count, &set.info().labels[..]),
            (2, &["0".into(), "1".into()][..]),
            "{train}"
        );
        assert_eq!(
            classes(&*open(&of(dir.path(), "test")).0),
            [Some("1".into())],
            "{test}"
        );
    }
    // A third part, and what lies outside of all, is told.
    let dir = pictures(&[
        "train/a/0.png",
        "test/a/0.png",
        "val/a/0.png",
        "val/b/1.png",
        "extra/0.png",
    ]);
    let (set, said) = open(&of(dir.path(), "train"));
    assert_eq!(set.info().count, 1);
    assert!(
        said.contains("1 files lie outside") && said.contains("2 files are of a part"),
        "{said}"
    );
    assert_eq!(open(&of(dir.path(), "all")).0.info().count, 4);
}

#[test]
fn what_is_not_used_is_told_in_one_line() {
    let dir = pictures(&[
        "cat/0.png",
        "dog/0.png",
        ".ipynb_checkpoints/0.png",
        "cat/.thumbs/1.png",
        "__MACOSX/cat/0.png",
    ]);
    write(dir.path(), "labels.csv", "a,b\n");
    write(dir.path(), "notes.txt", "x");
    write(dir.path(), "cat/more.txt", "x");
    write(dir.path(), "LICENSE", "x");
    let (set, said) = open(&of(dir.path(), "train"));
    assert_eq!(
        (set.info().count, &set.info().labels[..]),
        (2, &["cat".into(), "dog".into()][..])
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    for part in [
        "1 .csv file (labels.csv)",
        "2 .txt files",
        "1 file without an ending (LICENSE)",
        "3 hidden files or folders",
    ] {
        assert!(said.contains(part), "`{part}` is not in: {said}");
    }
    // Loose files beside folders: no class, which is told.
    picture(dir.path(), "loose.png", 1);
    let (set, said) = open(&of(dir.path(), "train"));
    assert!(
        set.info().labels.is_empty() && said.contains("1 files lie in no sub-folder, loose.png first"),
        "{said}"
    );
}

#[cfg(unix)]
#[test]
fn links_that_lead_nowhere_are_damaged_items_and_pipes_are_left_out() {
    use std::os::unix::{fs::symlink, net::UnixListener};
    let dir = pictures(&["0.png", "1.png", "2.png"]);
    symlink("nowhere.png", dir.path().join("3.png")).unwrap();
    symlink("nowhere.txt", dir.path().join("x.txt")).unwrap();
    symlink(dir.path(), dir.path().join("circle")).unwrap();
    let _socket = UnixListener::bind(dir.path().join("4.png")).unwrap();
    fails(
        &of(dir.path(), "train"),
        &["1 of 4 images", "3.png: is a link that leads nowhere"],
    );
    let lenient = Source {
        max_bad: 0.5,
        ..of(dir.path(), "train")
    };
    let (set, said) = open(&lenient);
    assert!(
        set.info().count == 3 && said.contains("3 pipe, device or link"),
        "{said}"
    );
    fails(
        &of(&dir.path().join("4.png"), "train"),
        &["is neither a file nor a folder"],
    );
}

#[test]
fn metadata_that_contradict_themselves() {
    let names = ["0.png", "1.png", "2.png"];
    let with = |file: &str, text: &str| {
        let dir = pictures(&names);
        write(dir.path(), file, text);
        dir
    };
    // A name twice hides no image that is not named.
    let dir = with("metadata.csv", "file_name,label\n0.png,a\n1.png,b\n0.png,a\n");
    let (set, said) = open(&of(dir.path(), "train"));
    assert!(
        set.info().count == 2 && said.contains("1 images are not named") && said.contains("2.png"),
        "{said}"
    );
    let dir = with("metadata.csv", "file_name,label\n0.png,a\n1.png,b\n0.png,b\n");
    fails(
        &of(dir.path(), "train"),
        &[
            "metadata.csv",
            "0.png two labels",
            "`a` on line 2",
            "`b` on line 4",
        ],
    );
    // `./`, a byte order mark, labels for some.
    let dir = with(
        "metadata.csv",
        "\u{feff}file_name,label\n./0.png,a\n./1.png,\n2.png,NaN\n",
    );
    let (set, said) = open(&of(dir.path(), "train"));
    assert_eq!(classes(&*set), [Some("a".into()), None, None]);
    assert!(
        said.contains("2 of 3 images have no label, 1.png on line 3 first"),
        "{said}"
    );
    assert!(
        set.info()
            .every_label("x")
            .unwrap_err()
            .to_string()
            .contains("2 of 3 have none")
    );
    let dir = with(
        "metadata.jsonl",
        "\u{feff}{\"file_name\": \"0.png\", \"label\": 1}\n{\"file_name\": \"./2.png\", \"label\": 0}\n",
    );
    assert_eq!(
        classes(&*open(&of(dir.path(), "train")).0),
        [Some("1".into()), Some("0".into())]
    );
    fails(
        &of(with("metadata.csv", "file_name\n../0.png\n").path(), "train"),
        &["line 2", "../0.png"],
    );
    // Captions may be several.
    let dir = with(
        "metadata.csv",
        "file_name,caption\n0.png,one\n0.png,two\n0.png,two\n",
    );
    assert_eq!(open(&of(dir.path(), "train")).0.info().count, 2);
    // Columns that would be as many as the rows take no memory.
    let many: String = (0..12_000)
        .map(|i| format!("{{\"file_name\": \"0.png\", \"k{i}\": 1}}\n"))
        .collect();
    fails(
        &of(with("metadata.jsonl", &many).path(), "train"),
        &["cannot be meant"],
    );
}

#[test]
fn celebrities_as_tables() {
    let dir = pictures(&["0.png", "1.png", "2.png"]);
    write(
        dir.path(),
        "list_attr_celeba.csv",
        "image_id,Smiling,Male\n0.png,1,-1\n1.png,-1,-1\n2.png,1,1\n",
    );
    write(
        dir.path(),
        "list_eval_partition.csv",
        "image_id,partition\n0.png,0\n1.png,0\n2.png,2\n",
    );
    write(dir.path(), "list_bbox_celeba.csv", "image_id\n");
    let (set, said) = open(&of(dir.path(), "train"));
    assert_eq!(
        (set.info().count, &set.info().attributes[..]),
        (2, &["Smiling".into(), "Male".into()][..])
    );
    assert_eq!(set.get(1).unwrap().attributes, [-1.0, -1.0]);
    assert!(said.contains("1 .csv file (list_bbox_celeba.csv)"), "{said}");
    assert_eq!(
        open(&of(dir.path(), "test")).0.get(0).unwrap().attributes,
        [1.0, 1.0]
    );
}

#[test]
fn arrays_of_archives() {
    let dir = tempdir().unwrap();
    let image = |n: usize| npy("|u1", &format!("{n}, 8, 8, 3"), &vec![200; 192 * n]);
    let with = |entries: &[(&str, Vec<u8>)]| {
        let path = dir.path().join("x.npz");
        fs::write(&path, npz(entries)).unwrap();
        of(&path, "train")
    };
    let object = npy("|O", "1,", b"pickled");
    let s = with(&[
        ("metadata", object),
        ("imgs", image(5)),
        ("latents_values", npy("<f8", "5, 1", &[0; 40])),
    ]);
    let (set, said) = open(&s);
    assert!(
        set.info().count == 5 && said.contains("2 arrays: `latents_values` [5, 1], `metadata`"),
        "{said}"
    );
    let s = with(&[("weights", npy("<f8", "2, 2", &[0; 32])), ("pictures", image(5))]);
    let (set, said) = open(&s);
    assert!(
        set.info().shape == [8, 8, 3] && said.contains("`pictures` of shape") && said.contains("`weights`"),
        "{said}"
    );
    let named = |array: &str| Source {
        array: array.into(),
        ..s.clone()
    };
    assert_eq!(open(&named("weights")).0.info().shape, [2]);
    fails(&named("picture"), &["data.array", "did you mean `pictures`?"]);
    let labels = npy("<i8", "4,", &[1u64, 0, 1, 1].map(u64::to_le_bytes).concat());
    let s = with(&[
        ("X_train", image(4)),
        ("y_train", labels),
        ("X_test", image(2)),
        ("y_test", npy("|u1", "2,", &[1, 0])),
    ]);
    assert_eq!(open(&s).0.info().shares, [0.25, 0.75]);
    assert_eq!(
        open(&Source {
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
        ("train_labels", npy("|u1", "2, 3", &[1, 0, 1, 0, 0, 1])),
    ]);
    let (set, _) = open(&s);
    assert_eq!(
        (set.info().attributes.len(), set.get(0).unwrap().attributes),
        (3, vec![1.0, 0.0, 1.0])
    );
    // A file of a megabyte that stands for one of three hundred.
    let s = with(&[("x", npy("|u1", "300, 1024, 1024", &vec![0; 300 << 20]))]);
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
    let (set, said) = open(&with(npy("|u1", "3, 1, 6, 7", &[200; 126])));
    assert!(
        set.info().shape == [1, 6, 7] && said.contains("numpy.moveaxis"),
        "{said}"
    );
    let (_, said) = open(&with(npy("|u1", "2, 2, 2", &[0, 1, 1, 0, 1, 0, 0, 0])));
    assert!(said.contains("0 and 1 of 255"), "{said}");
    let (set, said) = open(&with(npy("|b1", "2, 2, 2", &[0, 1, 1, 0, 1, 0, 0, 0])));
    let Values::Bytes(first) = set.get(0).unwrap().values else {
        panic!("floats")
    };
    assert!(said.is_empty() && first == [0, 255, 255, 0], "{said}");
    let mut values = [0.5f32; 4 * 2 * 3];
    values[2 * 6 + 4] = f32::NAN;
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    fails(&with(npy("<f4", "4, 2, 3", &bytes)), &["NaN at item 2, [1, 1]"]);
    fails(
        &Source {
            array: "x".into(),
            ..with(npy("|u1", "2, 2", &[9; 4]))
        },
        &["data.array", "no .npz archive"],
    );
}

#[test]
fn recipes_of_sets_that_are_elsewhere_say_where() {
    fails(
        &Source::parse("mnist"),
        &[
            "MNIST does not come with the program",
            "--data FOLDER",
            "https://",
        ],
    );
    fails(
        &Source::parse("fashion-mnist"),
        &["Fashion-MNIST", "--data FOLDER"],
    );
}
