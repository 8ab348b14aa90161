//! Lists of the files of each part.
use crate::support::{classes, fails, images, of, opened, write};
use menagerie_data::{Dataset, Source};
use std::path::Path;
use tempfile::tempdir;

fn counts(dir: &Path) -> [usize; 3] {
    ["train", "test", "all"].map(|split| opened(&of(dir, split)).0.info().count)
}

fn named(set: &dyn Dataset) -> String {
    let name = |c: Option<String>| c.unwrap_or("-".into());
    classes(set).into_iter().map(name).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_path_a_line_is_a_part_and_folders_stay_classes() {
    let names = [
        "images/cat/1.png",
        "images/cat/2.png",
        "images/dog/1.png",
        "images/dog/2.png",
        "images/fox/1.png",
    ];
    // Relative to the images or to the lists, with ends of lines and slashes of any kind, without endings, in another folder.
    for (train, test, train_list, test_list) in [
        (
            "train.txt",
            "test.txt",
            "cat/1.png\ndog/1.png\nfox/1.png\n",
            "cat/2.png\ndog/2.png\n",
        ),
        (
            "train.txt",
            "val.txt",
            "\u{feff}images/cat/1.png\r\n\r\n./images/dog/1.png\r\nimages/fox/1.png",
            "images\\cat\\2.png\r\nimages\\dog\\2.png",
        ),
        (
            "meta/train.lst",
            "meta/test.lst",
            "cat/1\ndog/1\nfox/1\n",
            "cat/2\ndog/2\n",
        ),
        (
            "trainval.txt",
            "testing_list.txt",
            "/cat/1.png\n/dog/1.png\n/fox/1.png\n",
            "cat/2.png\ndog/2.png\n",
        ),
    ] {
        let dir = images(&names);
        write(dir.path(), train, train_list);
        write(dir.path(), test, test_list);
        assert_eq!(counts(dir.path()), [3, 2, 5], "{train}");
        for (split, want) in [
            ("train", "cat dog fox"),
            ("test", "cat dog"),
            ("all", "cat cat dog dog fox"),
        ] {
            let (set, said) = opened(&of(dir.path(), split));
            assert_eq!((&named(&*set)[..], &said[..]), (want, ""), "{train} {split}");
            // Of all parts, also in the part that has no fox.
            assert_eq!(set.info().labels, ["cat", "dog", "fox"], "{train} {split}");
        }
    }
}

/// Warden's Speech Commands (2018): what neither list names is for training.
#[test]
fn sounds_that_no_list_names_are_for_training() {
    let dir = tempdir().unwrap();
    let sound: Vec<f32> = (0..80).map(|i| (i as f32 / 9.0).sin() / 2.0).collect();
    for word in ["down", "up"] {
        for k in 0..5 {
            let name = format!("{word}/{k}_nohash_0.wav");
            write(dir.path(), &name, menagerie_data::wav(&sound, 8000, 1).unwrap());
        }
    }
    write(
        dir.path(),
        "testing_list.txt",
        "up/0_nohash_0.wav\ndown/1_nohash_0.wav\n",
    );
    write(dir.path(), "validation_list.txt", "up/2_nohash_0.wav\n");
    let with = |split: &str| Source {
        length: 80,
        ..of(dir.path(), split)
    };
    let (train, said) = opened(&with("train"));
    assert_eq!(named(&*train), "down down down down up up up");
    assert!(
        said.contains("1 files are of a part that is neither") && said.lines().count() == 1,
        "{said}"
    );
    assert_eq!(named(&*opened(&with("test")).0), "down up");
    assert_eq!(opened(&with("all")).0.info().count, 10);
    // Without a list for testing, the one for validation is it.
    std::fs::remove_file(dir.path().join("testing_list.txt")).unwrap();
    let (train, said) = opened(&with("train"));
    assert_eq!((train.info().count, &said[..]), (9, ""));
    assert_eq!(named(&*opened(&with("test")).0), "up");
}

#[test]
fn labels_of_lists_are_numbered_over_all_parts() {
    let names = ["a/0.png", "a/1.png", "b/2.png", "b/3.png", "c d/4.png"];
    for (train, test, lists) in [
        (
            "train.txt",
            "test.txt",
            [
                "a/0.png fox\na/1.png\tcat\nb/2.png,cat\n",
                "b/3.png dog\nc d/4.png dog\n",
            ],
        ),
        (
            "train.csv",
            "test.csv",
            [
                "file_name,label\na/0.png,fox\na/1.png,cat\nb/2.png,cat\n",
                "label,file_name\ndog,b/3.png\ndog,c d/4.png\n",
            ],
        ),
        // As pandas writes it, and as Kaggle's contests have it.
        (
            "train.csv",
            "test.csv",
            [
                ",Image,level\n0,a/0.png,fox\n1,a/1.png,cat\n2,b/2.png,cat\n",
                ",Image,level\n0,b/3.png,dog\n1,c d/4.png,dog\n",
            ],
        ),
        (
            "train_labels.csv",
            "test_labels.csv",
            ["id;breed\n0;fox\n1;cat\n2;cat\n", "id;breed\n3;dog\n4;dog\n"],
        ),
        (
            "train.tsv",
            "test.tsv",
            [
                "a/0.png\tfox\na/1.png\tcat\nb/2.png\tcat\n",
                "b/3.png\tdog\nc d/4.png\tdog\n",
            ],
        ),
    ] {
        let dir = images(&names);
        write(dir.path(), train, lists[0]);
        write(dir.path(), test, lists[1]);
        let (set, said) = opened(&of(dir.path(), "train"));
        assert_eq!(
            (&named(&*set)[..], &said[..]),
            ("fox cat cat", ""),
            "{}",
            lists[0]
        );
        assert_eq!(set.info().labels, ["cat", "dog", "fox"]);
        let (set, _) = opened(&of(dir.path(), "test"));
        assert_eq!(
            (&named(&*set)[..], set.info().labels.len()),
            ("dog dog", 3),
            "{}",
            lists[1]
        );
        assert_eq!(named(&*opened(&of(dir.path(), "all")).0), "fox cat cat dog dog");
    }
}

/// Numbers are classes, in their order; where each stands for a folder, the folder's name says more.
#[test]
fn numbers_of_lists_are_named_by_their_folders() {
    let names = ["ash/0.png", "ash/1.png", "oak/2.png", "oak/3.png"];
    let dir = images(&names);
    write(dir.path(), "train.txt", "ash/0.png 10\noak/2.png 9\n");
    write(dir.path(), "test.txt", "ash/1.png 10\noak/3.png 9\n");
    let (set, _) = opened(&of(dir.path(), "train"));
    assert_eq!(
        (named(&*set), set.info().labels.join(" ")),
        ("ash oak".into(), "ash oak".into())
    );
    write(dir.path(), "test.txt", "ash/1.png 9\noak/3.png 9\n");
    let (set, _) = opened(&of(dir.path(), "train"));
    assert_eq!(
        (named(&*set), set.info().labels.join(" ")),
        ("10 9".into(), "9 10".into())
    );
    // Many real numbers are no classes.
    let many: Vec<String> = (0..24).map(|i| format!("{i}.png")).collect();
    let dir = images(&many.iter().map(String::as_str).collect::<Vec<_>>());
    let rows = |range: std::ops::Range<usize>| -> String {
        let rows = range.map(|i| format!("{i}.png,{}\n", i as f64 + 0.5));
        "file_name,label\n".to_string() + &rows.collect::<String>()
    };
    write(dir.path(), "train.csv", rows(0..20));
    write(dir.path(), "test.csv", rows(20..24));
    let (set, said) = opened(&of(dir.path(), "train"));
    assert!(set.info().labels.is_empty() && set.info().count == 20, "{said}");
    assert!(said.contains("measurements"), "{said}");
}

#[test]
fn entries_that_lead_nowhere_are_damaged_items() {
    let dir = images(&["1.png", "2.png", "3.png", "4.png"]);
    write(dir.path(), "train.txt", "1.png\n2.png\n9.png\n");
    write(dir.path(), "test.txt", "3.png\n4.png\n../5.png\n");
    fails(
        &of(dir.path(), "train"),
        &["1 of 3 images", "train.txt: `9.png`, line 3, leads to no file"],
    );
    fails(&of(dir.path(), "test"), &["test.txt: `../5.png`, line 3"]);
    let lenient = Source {
        max_bad: 0.5,
        ..of(dir.path(), "train")
    };
    let (set, said) = opened(&lenient);
    assert!(set.info().count == 2 && said.contains("`9.png`"), "{said}");
}

/// Whatever stands in a list, what is read of it stays small and is told.
#[test]
fn lists_beyond_all_bounds() {
    let dir = images(&["1.png", "2.png", "3.png"]);
    let list = "train.txt";
    // One line of very many that happens to be a name.
    write(dir.path(), list, format!("1.png\n{}", "x y z\n".repeat(200_000)));
    let (set, said) = opened(&of(dir.path(), "train"));
    assert!(
        set.info().count == 3 && said.contains("1 .txt file (train.txt)"),
        "{said}"
    );
    write(dir.path(), list, "1.png\n".repeat(2000));
    fails(
        &of(dir.path(), "train"),
        &["train.txt", "for 3 files", "name each file once"],
    );
    // Descriptions are no classes; bytes that are no text lead nowhere.
    std::fs::remove_file(dir.path().join(list)).unwrap();
    write(
        dir.path(),
        "train.csv",
        "image,caption\n1.png,a cat\n1.png,one cat\n2.png,a dog\n",
    );
    let (set, said) = opened(&of(dir.path(), "train"));
    assert_eq!((set.info().count, set.info().labels.len()), (2, 0));
    assert!(said.contains("the columns caption are not used"), "{said}");
    write(
        dir.path(),
        "train.csv",
        b"image,label\n1.png,a\n\xff\xfe\x00.png,b\n2.png,b\n",
    );
    fails(
        &of(dir.path(), "train"),
        &["1 of 3 images", "line 3, leads to no file"],
    );
}

/// A text that names nothing in the folder is none of its lists, and is told as what lies there and is not used.
#[test]
fn what_names_nothing_is_no_list() {
    let dir = images(&["a/1.png", "a/2.png", "b/1.png", "b/2.png"]);
    write(dir.path(), "train.txt", "trained for three days\n");
    write(dir.path(), "test.csv", "id,score\n7,0.5\n8,0.1\n");
    // One name for several files is nobody's.
    write(dir.path(), "val.txt", "1.png\n2.png\n");
    let (set, said) = opened(&of(dir.path(), "train"));
    assert_eq!((set.info().count, set.info().labels.len()), (4, 2));
    for part in ["1 .csv file (test.csv)", "2 .txt files"] {
        assert!(said.contains(part), "{said}");
    }
    fails(&of(dir.path(), "test"), &["has no test split"]);
    // The description of an image that is called so stays one.
    let dir = images(&["test.png", "other.png"]);
    write(dir.path(), "test.txt", "a red house\n");
    let (set, said) = opened(&of(dir.path(), "train"));
    assert_eq!(
        (set.get(1).unwrap().caption, &said[..]),
        (Some("a red house".into()), "")
    );
}

#[test]
fn folders_of_parts_win_over_lists() {
    // As Kaggle's contests have it: the parts are folders, the labels of one lie in a table.
    let dir = images(&["train/1.png", "train/2.png", "test/1.png", "test/3.png"]);
    write(dir.path(), "train.csv", "image_id,label\n1,cat\n2,dog\n");
    let (set, said) = opened(&of(dir.path(), "train"));
    assert_eq!((&named(&*set)[..], &said[..]), ("cat dog", ""));
    let (set, said) = opened(&of(dir.path(), "test"));
    assert_eq!((&named(&*set)[..], set.info().labels.len()), ("- -", 2));
    assert!(said.contains("2 of 2 files have no label"), "{said}");
    // A list that says otherwise is told.
    write(dir.path(), "val.txt", "train/2.png\n");
    let (set, said) = opened(&of(dir.path(), "train"));
    assert_eq!(set.info().count, 2);
    assert!(
        said.contains("its folders are its parts, whatever") && said.contains("of 1 files, train/2.png"),
        "{said}"
    );
}

#[test]
fn what_lists_say_twice_or_not_at_all_is_told() {
    let dir = images(&["1.png", "2.png", "3.png", "4.png"]);
    write(dir.path(), "train.txt", "1.png a\n2.png b\n");
    write(dir.path(), "test.txt", "2.png b\n3.png a\n");
    // What is judged with is not learned from.
    let (set, said) = opened(&of(dir.path(), "train"));
    assert_eq!(named(&*set), "a");
    for part in [
        "1 files are in the lists of several parts, 2.png first",
        "1 files are named in none of train.txt, test.txt and are left out, 4.png first",
    ] {
        assert!(said.contains(part), "`{part}`: {said}");
    }
    assert_eq!(counts(dir.path()), [1, 2, 3]);
    write(dir.path(), "test.txt", "2.png a\n3.png a\n");
    fails(
        &of(dir.path(), "train"),
        &[
            "test.txt: gives 2.png the label `a` on line 1",
            "train.txt on line 2 `b`",
            "keep one",
        ],
    );
    // Columns that say something else, and labels of the test part alone.
    write(dir.path(), "train.txt", "1.png 3 4 5\n2.png 3 4 6\n");
    write(dir.path(), "test.txt", "3.png a\n");
    let (set, said) = opened(&of(dir.path(), "train"));
    assert!(set.info().labels.is_empty(), "{said}");
    for part in [
        "train.txt: several words behind a name are not used",
        "are not used, since no training item has one",
    ] {
        assert!(said.contains(part), "`{part}`: {said}");
    }
}

/// Metadata say what images are, and lists to which part they belong.
#[test]
fn lists_divide_what_metadata_describe() {
    let dir = images(&["1.png", "2.png", "3.png"]);
    write(
        dir.path(),
        "metadata.csv",
        "file_name,label,caption\n1.png,a,one\n2.png,b,two\n3.png,c,three\n",
    );
    write(dir.path(), "test.txt", "3.png\n");
    let (set, said) = opened(&of(dir.path(), "train"));
    assert_eq!((&named(&*set)[..], &said[..]), ("a b", ""));
    assert_eq!(set.info().labels, ["a", "b", "c"]);
    let (set, _) = opened(&of(dir.path(), "test"));
    assert_eq!(set.get(0).unwrap().caption.as_deref(), Some("three"));
}

/// A column `split` of metadata divides, where each image has a part there and nothing else does.
#[test]
fn metadata_may_say_the_part_of_each_image() {
    let dir = images(&["1.png", "2.png", "3.png", "4.png"]);
    let with = |rows: [&str; 4]| {
        let rows = rows
            .iter()
            .enumerate()
            .map(|(i, r)| format!("{}.png,{r}\n", i + 1));
        write(
            dir.path(),
            "metadata.csv",
            format!("file_name,split,label\n{}", rows.collect::<String>()),
        );
    };
    with(["train,b", "test,a", "Train,c", "valid,b"]);
    assert_eq!(counts(dir.path()), [2, 1, 4]);
    let (set, said) = opened(&of(dir.path(), "train"));
    assert_eq!(
        (named(&*set), set.info().labels.join(" ")),
        ("b c".into(), "a b c".into())
    );
    assert!(
        said.contains("1 files are of a part that is neither") && said.lines().count() == 1,
        "{said}"
    );
    with(["train,b", "val,a", "train,c", "val,b"]);
    assert_eq!(counts(dir.path()), [2, 2, 4]);
    // Other words, or none, divide nothing.
    for rows in [
        ["train,b", "left,a", "train,c", "val,b"],
        ["train,b", ",a", "train,c", "val,b"],
    ] {
        with(rows);
        let (set, said) = opened(&of(dir.path(), "train"));
        assert!(
            set.info().count == 4 && said.contains("`split` is not a number"),
            "{said}"
        );
    }
    std::fs::remove_file(dir.path().join("metadata.csv")).unwrap();
    let rows = [("1", "train"), ("2", "test"), ("3", "train"), ("4", "train")];
    let rows =
        rows.map(|(i, s)| format!("{{\"file_name\": \"{i}.png\", \"split\": \"{s}\", \"age\": {i}}}\n"));
    write(dir.path(), "metadata.jsonl", rows.concat());
    assert_eq!(counts(dir.path()), [3, 1, 4]);
    assert_eq!(opened(&of(dir.path(), "train")).0.info().attributes, ["age"]);
}
