//! Arrays in files that belong together.
use crate::support::{classes, fails, floats, npy, npz, of, opened, write};
use menagerie_data::Dataset;
use std::path::Path;
use tempfile::tempdir;

fn images(n: u8, first: u8) -> Vec<u8> {
    let values: Vec<u8> = (0..n).flat_map(|i| [first + i; 6]).collect();
    npy("'|u1'", &format!("({n}, 2, 3)"), &values)
}

fn labels(l: &[i64]) -> Vec<u8> {
    let bytes: Vec<u8> = l.iter().flat_map(|v| v.to_le_bytes()).collect();
    npy("'<i8'", &format!("({},)", l.len()), &bytes)
}

fn named(set: &dyn Dataset) -> String {
    let name = |c: Option<String>| c.unwrap_or("-".into());
    classes(set).into_iter().map(name).collect::<Vec<_>>().join(" ")
}

/// An array as an archive with it alone, or as it is.
fn file(dir: &Path, name: &str, array: Vec<u8>) {
    match name.ends_with(".npz") {
        true => drop(write(dir, name, npz(&[("arr_0", array)]))),
        false => drop(write(dir, name, array)),
    }
}

#[test]
fn labels_lie_in_a_file_beside_the_items() {
    for (x, y) in [
        ("images.npy", "labels.npy"),
        ("X.npy", "y.npy"),
        ("x_train.npz", "y_train.npz"),
        ("x_train.npy", "y_train.npz"),
        ("X_train.npz", "y_train.npy"),
        ("kmnist-train-imgs.npz", "kmnist-train-labels.npz"),
        ("birds_data.npy", "birds_target.npy"),
    ] {
        let dir = tempdir().unwrap();
        file(dir.path(), x, images(4, 10));
        file(dir.path(), y, labels(&[7, 3, 3, 7]));
        // Something else that is called alike is not asked.
        write(dir.path(), "other_y.npy", "no array");
        let path = dir.path().join(x);
        let (set, said) = opened(&of(&path, "train"));
        assert_eq!((&named(&*set)[..], &said[..]), ("7 3 3 7", ""), "{x}");
        assert_eq!(set.info().labels, ["3", "7"], "{x}");
        assert_eq!(opened(&of(&path, "all")).0.info().count, 4, "{x}");
        fails(&of(&path, "test"), &["has no test split"]);
        file(dir.path(), y, labels(&[7, 3, 3]));
        fails(
            &of(&path, "train"),
            &[x, "has 4 items, there are 3 labels in", y, "write both"],
        );
    }
}

#[test]
fn a_folder_of_arrays_has_the_parts_that_their_names_say() {
    for (before, x, y, end) in [
        ("", ["x_train", "x_test"], ["y_train", "y_test"], "npz"),
        ("", ["X_train", "X_test"], ["Y_train", "Y_test"], "npy"),
        (
            "k49-",
            ["train-imgs", "test-imgs"],
            ["train-labels", "test-labels"],
            "npz",
        ),
        (
            "",
            ["train_images", "val_images"],
            ["train_labels", "val_labels"],
            "npy",
        ),
    ] {
        let dir = tempdir().unwrap();
        let at = |name: &str| format!("{before}{name}.{end}");
        file(dir.path(), &at(x[0]), images(3, 10));
        file(dir.path(), &at(y[0]), labels(&[5, 9, 5]));
        file(dir.path(), &at(x[1]), images(2, 20));
        file(dir.path(), &at(y[1]), labels(&[7, 9]));
        for (split, want) in [("train", "5 9 5"), ("test", "7 9"), ("all", "5 9 5 7 9")] {
            let (set, said) = opened(&of(dir.path(), split));
            assert_eq!((&named(&*set)[..], &said[..]), (want, ""), "{} {split}", x[0]);
            assert_eq!(set.info().labels, ["5", "7", "9"], "{} {split}", x[0]);
        }
        let (all, _) = opened(&of(dir.path(), "all"));
        let first = |i: usize| crate::support::bytes(all.get(i).unwrap())[0];
        assert_eq!([0, 2, 3, 4].map(first), [10, 12, 20, 21]);
    }
    // What is not part of it is told; without a test part, there is none.
    let dir = tempdir().unwrap();
    file(dir.path(), "images.npy", images(3, 0));
    file(dir.path(), "labels.npy", labels(&[1, 2, 1]));
    file(dir.path(), "embedding.npy", images(1, 0));
    write(dir.path(), "README.md", "x");
    let (set, said) = opened(&of(dir.path(), "train"));
    assert_eq!((set.info().count, set.info().labels.len()), (3, 2));
    assert!(
        said.contains("1 .md file") && said.contains("1 .npy file (embedding.npy)"),
        "{said}"
    );
    fails(&of(dir.path(), "test"), &["has no test split"]);
    // Two sets, and none.
    file(dir.path(), "second_images.npy", images(3, 0));
    fails(
        &of(dir.path(), "train"),
        &["several sets of arrays", "`second_...`", "one file"],
    );
    let dir = tempdir().unwrap();
    file(dir.path(), "embedding.npy", images(1, 0));
    fails(
        &of(dir.path(), "train"),
        &["has no images", "one file by its name", "embedding.npy"],
    );
    // Damage of what is meant is no other array.
    let dir = tempdir().unwrap();
    file(dir.path(), "x_train.npy", images(3, 0));
    write(dir.path(), "x_test.npy", &images(3, 0)[..40]);
    fails(&of(dir.path(), "train"), &["x_test.npy", "header"]);
}

/// As Keras' `mnist.npz` has them.
#[test]
fn parts_of_one_archive_are_splits() {
    let dir = tempdir().unwrap();
    let byte_labels = |l: &[u8]| npy("'|u1'", &format!("({},)", l.len()), l);
    let path = write(
        dir.path(),
        "mnist.npz",
        npz(&[
            ("x_test", images(2, 20)),
            ("x_train", images(3, 10)),
            ("y_test", byte_labels(&[7, 9])),
            ("y_train", byte_labels(&[5, 9, 5])),
        ]),
    );
    for (split, want) in [("train", "5 9 5"), ("test", "7 9"), ("all", "5 9 5 7 9")] {
        let (set, said) = opened(&of(&path, split));
        assert_eq!((&named(&*set)[..], &said[..]), (want, ""), "{split}");
        assert_eq!(set.info().labels, ["5", "7", "9"], "{split}");
    }
}

/// What lies beside and holds no labels is told, and the items are as they are without it.
#[test]
fn what_is_called_labels_and_holds_none() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("X.npy");
    let rows: Vec<u8> = (0..6).flat_map(|v| (v as f64).to_le_bytes()).collect();
    write(dir.path(), "X.npy", npy("'<f8'", "(3, 2)", &rows));
    let measured: Vec<u8> = [0.5f64, 1.25, 2.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    for (y, what) in [
        (
            npy("'<f8'", "(3,)", &measured),
            "does not hold labels but real numbers",
        ),
        (npy("'|O'", "(3,)", b"pickled"), "Python objects"),
        (b"something".to_vec(), "wrong first bytes"),
    ] {
        write(dir.path(), "y.npy", y);
        let (set, said) = opened(&of(&path, "train"));
        assert_eq!((set.info().count, set.info().labels.len()), (3, 0));
        assert_eq!(floats(set.get(2).unwrap()), [4.0, 5.0]);
        assert!(said.contains("not used") && said.contains(what), "{said}");
    }
    // Several numbers an item are attributes; words are names.
    write(dir.path(), "y.npy", npy("'|u1'", "(3, 2)", &[1, 2, 3, 4, 5, 6]));
    let (set, _) = opened(&of(&path, "train"));
    assert_eq!(set.get(1).unwrap().attributes, [3.0, 4.0]);
    write(dir.path(), "y.npy", npy("'|S3'", "(3,)", b"owlcatowl"));
    assert_eq!(named(&*opened(&of(&path, "train")).0), "owl cat owl");
}

/// A large item is read a piece at a time; one that is larger than any picture is refused by its header.
#[test]
fn large_items_are_read_in_pieces() {
    let dir = tempdir().unwrap();
    let numbers = (1 << 20) + 3;
    let values: Vec<u8> = (0..2 * numbers)
        .flat_map(|i| ((i % 1000) as f64 / 1000.0).to_le_bytes())
        .collect();
    let path = write(
        dir.path(),
        "p.npy",
        npy("'<f8'", &format!("(2, {numbers})"), &values),
    );
    let (set, _) = opened(&of(&path, "train"));
    assert_eq!(set.info().range, (0.0, 0.999));
    let second = floats(set.get(1).unwrap());
    let right = (0..numbers).all(|i| second[i] == (((numbers + i) % 1000) as f64 / 1000.0) as f32);
    assert!(second.len() == numbers && right);
    let head = npy("'<f8'", &format!("(1, {})", (1 << 26) + 1), &[]);
    let path = write(dir.path(), "q.npy", &head);
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    file.set_len(head.len() as u64 + 8 * ((1 << 26) + 1)).unwrap();
    fails(&of(&path, "train"), &["2^26 real numbers at most"]);
}
