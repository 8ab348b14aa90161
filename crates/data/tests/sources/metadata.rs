//! What tables beside images say of them: labels, captions, attributes; also where they contradict themselves.
use crate::support::{bytes, classes, fails, images, of, open, opened, source, write};
use menagerie_data::Source;

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

/// A text beside an image describes it, a line an item; metadata come first, and other texts are told as not used.
#[test]
fn texts_beside_images_are_captions() {
    let dir = images(&["a.png", "sub/b.png", "c.png"]);
    write(dir.path(), "a.txt", b"A cat, asleep\n\nthe same cat\n");
    write(&dir.path().join("sub"), "b.txt", b"a dog\n");
    write(dir.path(), "licence.txt", b"free");
    let opened = source(dir.path()).open().map_err(|e| e.to_string()).unwrap();
    let set = opened.dataset;
    let captions: Vec<Option<String>> = (0..4).map(|i| set.get(i).unwrap().caption).collect();
    let text = |s: &str| Some(s.to_string());
    assert_eq!(
        captions,
        [text("A cat, asleep"), text("the same cat"), None, text("a dog")]
    );
    let told = &set.info().captions;
    assert_eq!(
        (told.share, told.words.join(" ")),
        (0.75, "a asleep cat dog same the".into())
    );
    let said = opened.warnings.join("\n");
    assert!(said.contains("licence.txt") && !said.contains("a.txt"), "{said}");
    let named = "file_name,caption\na.png,a lion\nc.png,\n";
    write(dir.path(), "metadata.csv", named.as_bytes());
    let set = open(&source(dir.path()));
    assert_eq!(set.get(0).unwrap().caption, text("a lion"));
    assert_eq!(set.info().captions.share, 0.5);
    write(dir.path(), "c.txt", vec![b'x'; 70_000]);
    fails(&source(dir.path()), &["c.txt", "too many"]);
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
    let count = |split: &str| open(&of(dir.path(), split)).info().count;
    assert_eq!((count("train"), count("test"), count("all")), (1, 1, 3));
    write(
        dir.path(),
        "list_attr_celeba.txt",
        b"3\nSmiling Male\n000001.jpg -1\n",
    );
    fails(&source(dir.path()), &["list_attr_celeba.txt", "line 3"]);
}

#[test]
fn metadata_that_contradict_themselves() {
    let names = ["0.png", "1.png", "2.png"];
    let with = |file: &str, text: &str| {
        let dir = images(&names);
        write(dir.path(), file, text);
        dir
    };
    // A name twice hides no image that is not named.
    let dir = with("metadata.csv", "file_name,label\n0.png,a\n1.png,b\n0.png,a\n");
    let (set, said) = opened(&of(dir.path(), "train"));
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
    let (set, said) = opened(&of(dir.path(), "train"));
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
        classes(&*opened(&of(dir.path(), "train")).0),
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
    assert_eq!(opened(&of(dir.path(), "train")).0.info().count, 2);
    // Columns that would be as many as the rows take no memory.
    let many: String = (0..12_000)
        .map(|i| format!("{{\"file_name\": \"0.png\", \"k{i}\": 1}}\n"))
        .collect();
    fails(
        &of(with("metadata.jsonl", &many).path(), "train"),
        &["cannot be right"],
    );
}

#[test]
fn celebrities_as_tables() {
    let dir = images(&["0.png", "1.png", "2.png"]);
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
    let (set, said) = opened(&of(dir.path(), "train"));
    assert_eq!(
        (set.info().count, &set.info().attributes[..]),
        (2, &["Smiling".into(), "Male".into()][..])
    );
    assert_eq!(set.get(1).unwrap().attributes, [-1.0, -1.0]);
    assert!(said.contains("1 .csv file (list_bbox_celeba.csv)"), "{said}");
    assert_eq!(
        opened(&of(dir.path(), "test")).0.get(0).unwrap().attributes,
        [1.0, 1.0]
    );
}

#[test]
fn labels_of_every_form_are_names() {
    let names = ["0.png", "1.png", "2.png", "3.png"];
    let described = |name: &str, text: String| {
        let dir = images(&names);
        write(dir.path(), name, text);
        let all = source(dir.path()).open();
        (
            dir,
            all.map_err(|e| e.to_string())
                .map(|o| (classes(&*o.dataset), o.warnings.join("\n"))),
        )
    };
    let lines = |labels: [&str; 4]| -> String {
        let line = |(i, l): (usize, &str)| format!("{{\"file_name\": \"{i}.png\", \"label\": {l}}}\n");
        labels.into_iter().enumerate().map(line).collect()
    };
    let some = |names: [&str; 4]| names.map(|n| Some(n.to_string())).to_vec();
    let (_, found) = described("metadata.jsonl", lines(["true", "false", "true", "true"]));
    assert_eq!(found.unwrap().0, some(["true", "false", "true", "true"]));
    let (_, found) = described("metadata.jsonl", lines(["1", "1.0", "\"2\"", "2"]));
    assert_eq!(found.unwrap().0, some(["1", "1", "2", "2"]));
    let (_, found) = described("metadata.jsonl", lines(["1", "[1, 2]", "2", "2"]));
    assert!(
        found
            .unwrap_err()
            .contains("line 2: its `label` is neither a word nor a number")
    );
    // Another separator, and names as Windows writes them.
    let (_, found) = described(
        "metadata.csv",
        "file_name;label\n0.png;a\n1.png;b\n.\\2.png;a\n3.png;b\n".into(),
    );
    assert_eq!(found.unwrap().0, some(["a", "b", "a", "b"]));
    let (_, found) = described("metadata.csv", "name,label\n0.png,a\n".into());
    assert!(
        found
            .unwrap_err()
            .contains("no column `file_name` among name, label")
    );
    let (_, found) = described("metadata.csv", "file_name,label\n0,a\n1,b\n".into());
    assert!(found.unwrap_err().contains("0: is named in"));
}

#[test]
fn a_measurement_is_an_attribute() {
    let names: Vec<String> = (0..20).map(|i| format!("{i:02}.png")).collect();
    let dir = images(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let rows: String = names
        .iter()
        .enumerate()
        .map(|(i, n)| format!("{n},{i}.25\n"))
        .collect();
    write(dir.path(), "metadata.csv", format!("file_name,label\n{rows}"));
    let opened = source(dir.path()).open().map_err(|e| e.to_string()).unwrap();
    assert!(opened.dataset.info().labels.is_empty());
    assert_eq!(opened.dataset.info().attributes, ["label"]);
    assert_eq!(opened.dataset.get(3).unwrap().attributes, [3.25]);
    assert!(opened.warnings.join("\n").contains("`label` holds measurements"));
}
