//! Labels are names, a split is a fact of its source, and what is not used is told.
use crate::support::{classes, fails, idx, npy, npz, of, opened, write};
use image::GrayImage;
use menagerie_data::{Source, renumbered};
use std::fs;
use std::path::Path;
use tempfile::{TempDir, tempdir};

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
    let images = |n: usize| npy("'|u1'", &format!("({n}, 2, 2)"), &vec![200; 4 * n]);
    let entries = [
        ("x_train", images(3)),
        ("y_train", npy("'|i1'", "(3,)", &[255, 4, 2])),
        ("x_test", images(2)),
        ("y_test", npy("'|i1'", "(2, 1)", &[4, 255])),
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
            let (set, _) = opened(&of(&path, split));
            assert_eq!(set.info().labels, *all, "{split} of {}", path.display());
            assert_eq!(classes(&*set), named(wanted), "{split} of {}", path.display());
        }
        let (set, _) = opened(&of(&path, "all"));
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
        let (set, _) = opened(&of(cifar.path(), split));
        assert_eq!(
            (&set.info().labels[..], classes(&*set)),
            (&["2".into(), "5".into(), "9".into()][..], named(wanted))
        );
    }
}

#[test]
fn names_of_a_run_decide_the_numbers() {
    let folder = pictures(&["b/0.png", "c/0.png", "c/1.png", "d/0.png"]);
    let (set, _) = opened(&of(folder.path(), "train"));
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
    write(d, "u.npy", npy("'|u1'", "(3, 2, 2)", &[200; 12]));
    write(d, "u.npz", npz(&[("x", npy("'|u1'", "(3, 2, 2)", &[200; 12]))]));
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
        let whole = opened(&with("all", 0.0)).0.info().count;
        assert_eq!(opened(&with("train", 0.0)).0.info().count, whole, "{name}");
        if whole > 1 {
            // The advice works.
            let (train, test) = (opened(&with("train", 0.4)).0, opened(&with("test", 0.4)).0);
            assert_eq!(train.info().count + test.info().count, whole, "{name}");
        }
    }
    // A part alone is what its name says.
    let only = d.join("only");
    fails(&of(&only, "train"), &["has no training split", "--split test"]);
    assert_eq!(opened(&of(&only, "test")).0.info().labels, ["a", "b"]);
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
        let (set, _) = opened(&of(dir.path(), "train"));
        assert_eq!(
            (set.info().count, &set.info().labels[..]),
            (2, &["0".into(), "1".into()][..]),
            "{train}"
        );
        assert_eq!(
            classes(&*opened(&of(dir.path(), "test")).0),
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
    let (set, said) = opened(&of(dir.path(), "train"));
    assert_eq!(set.info().count, 1);
    assert!(
        said.contains("1 files lie outside") && said.contains("2 files are of a part"),
        "{said}"
    );
    assert_eq!(opened(&of(dir.path(), "all")).0.info().count, 4);
}

/// As archives are unpacked: in one folder, which says nothing, or with the part as a word in a folder's name.
#[test]
fn parts_and_classes_of_unpacked_archives() {
    for (train, test) in [
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("training_set", "test_set"),
        ("train2017", "val2017"),
        ("Trainset", "Testset"),
        ("all/photos/train", "all/photos/test"),
        ("all/x-train", "all/x-validation"),
    ] {
        let names = [
            format!("{train}/a/0.png"),
            format!("{train}/b/1.png"),
            format!("{test}/b/2.png"),
        ];
        let dir = pictures(&names.each_ref().map(String::as_str));
        let (set, said) = opened(&of(dir.path(), "train"));
        assert_eq!(
            (set.info().count, &set.info().labels.join(" ")[..], &said[..]),
            (2, "a b", ""),
            "{train}"
        );
        assert_eq!(
            classes(&*opened(&of(dir.path(), "test")).0),
            [Some("b".into())],
            "{test}"
        );
    }
    let dir = pictures(&["photos/a/0.png", "photos/b/1.png", "photos/b/c/2.png"]);
    let (set, _) = opened(&of(dir.path(), "train"));
    assert_eq!(set.info().labels, ["a", "b"]);
    fails(&of(dir.path(), "test"), &["no test split"]);
    // Classes that are called so are no parts.
    let dir = pictures(&[
        "bullet_train/0.png",
        "crash_test/1.png",
        "steamtrain/2.png",
        "steamtest/3.png",
    ]);
    let (set, _) = opened(&of(dir.path(), "train"));
    assert_eq!((set.info().count, set.info().labels.len()), (4, 4));
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
    let (set, said) = opened(&of(dir.path(), "train"));
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
    let (set, said) = opened(&of(dir.path(), "train"));
    assert!(
        set.info().labels.is_empty() && said.contains("1 files lie in no sub-folder, loose.png first"),
        "{said}"
    );
}

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
    let (set, said) = opened(&lenient);
    assert!(
        set.info().count == 3 && said.contains("3 pipe, device or link"),
        "{said}"
    );
    fails(
        &of(&dir.path().join("4.png"), "train"),
        &["is neither a file nor a folder"],
    );
}
