//! Tables as pandas and others write them, and sounds beyond the usual.
use crate::support::{classes, fails, floats, source, write};
use menagerie_data::{Dataset, Kind, Role, Source, recoded, table_text};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tempfile::tempdir;

fn open(path: &Path, source: Source) -> Result<(Arc<dyn Dataset>, String), String> {
    let source = Source {
        source: path.to_str().unwrap().into(),
        ..source
    };
    let opened = source.open().map_err(|e| e.to_string())?;
    Ok((opened.dataset, opened.warnings.join("\n")))
}

fn table(text: &str) -> Result<(Arc<dyn Dataset>, String), String> {
    let dir = tempdir().unwrap();
    let path = dir.path().join("t.csv");
    fs::write(&path, text).unwrap();
    open(&path, Source::default())
}

#[test]
fn headers_of_numbers_are_headers() {
    let (set, said) = table("0,1\n.5,.25\n.125,2\n3,4\n").unwrap();
    assert!(
        set.info().count == 3 && said.contains("the first row, 0, 1"),
        "{said}"
    );
    let (set, _) = table("0,1,label\n.5,.25,2\n.125,2,0\n3,4,2\n").unwrap();
    assert_eq!(
        (&set.info().shape[..], classes(&*set)),
        (
            &[2][..],
            vec![Some("2".into()), Some("0".into()), Some("2".into())]
        )
    );
    let (set, said) = table(",0,1\n0,.5,.25\n1,.125,2\n2,3,4\n").unwrap();
    assert!(
        floats(set.get(1).unwrap()) == [0.125, 2.0] && said.contains("the first column has no name"),
        "{said}"
    );
    // As R writes it: the header lacks the name of the row names.
    let (set, _) = table("\"a\",\"b\"\n\"1\",.5,.25\n\"2\",.125,2\n").unwrap();
    assert_eq!(floats(set.get(0).unwrap()), [0.5, 0.25]);
    // A first row of other numbers is a point.
    let (set, said) = table("0,2\n1,1\n5,1\n").unwrap();
    assert!(set.info().count == 3 && said.is_empty(), "{said}");
    let (_, said) = table("id,a,b\n0,7,3\n1,8,3\n2,6,3\n").unwrap();
    assert!(
        said.contains("`id` only counts the rows") && said.contains("`b` is the same in every row"),
        "{said}"
    );
}

#[test]
fn separators_are_found_and_named() {
    for (text, name) in [
        ("a;b\n1.5;2\n3;4\n", "`;`"),
        ("1.5|2\n3|4\n", "`|`"),
        ("a\tb\n1.5\t2\n3\t4\n", "tabs"),
        ("1.5 2\n3 4\n", "spaces"),
    ] {
        let (set, said) = table(text).unwrap();
        assert!(
            floats(set.get(0).unwrap()) == [1.5, 2.0] && set.info().count == 2,
            "{text:?}"
        );
        assert!(said.contains("are separated by") && said.contains(name), "{said}");
    }
    // In a name alone it separates nothing.
    let (set, said) = table("x;y\n1.5\n2\n").unwrap();
    assert!(floats(set.get(1).unwrap()) == [2.0] && said.is_empty(), "{said}");
    assert!(table("\u{fffe}x").is_err());
}

#[test]
fn what_stands_in_quotes_separates_nothing() {
    for text in [
        "height in cm;\"x;y1\"\n1.5;2\n3;4\n",
        "\"a, b\";\"say \"\"x;\"\"\"\n\"1.5\";\"2\"\n3;4\n",
        "\"two\nlines;\";\"c\"\n1.5;2\n3;4\n",
    ] {
        let (set, said) = table(text).unwrap();
        assert!(
            floats(set.get(0).unwrap()) == [1.5, 2.0] && set.info().count == 2,
            "{text:?}"
        );
        assert!(said.contains("are separated by `;`"), "{said}");
    }
    let (set, _) = table("label;\"x;y\"\ndog, wild;1\n\"cat; tame\";2\n").unwrap();
    assert_eq!(
        classes(&*set),
        [Some("dog, wild".into()), Some("cat; tame".into())]
    );
    // A sign of inches opens no quotes.
    let (set, _) = table("5\" wide;b\n1.5;2\n").unwrap();
    assert_eq!(floats(set.get(0).unwrap()), [1.5, 2.0]);
}

#[test]
fn columns_of_words_and_decimal_commas_are_told() {
    for (text, said) in [
        (
            "x,species\n1,setosa\n2,virginica\n",
            &[
                "column `species` holds no numbers: `setosa`",
                "`label` if it is the class",
            ][..],
        ),
        (
            "day,x,label\n2020-01-01,1,a\n",
            &["column `day`", "take the column out"],
        ),
        (
            "1,5;2,5\n3,5;4\n",
            &["column `1,5`", "`3,5`", "write numbers with points"],
        ),
        ("a;b\n1,5;2,5\n", &["column `a`", "write numbers with points"]),
    ] {
        let e = table(text).err().unwrap().to_string();
        assert!(said.iter().all(|s| e.contains(s)), "{text:?}: {e}");
    }
    // One bad row is a bad row.
    let (set, _) = table(&format!("x,y\n{}1,word\n", "1,2\n".repeat(200))).unwrap();
    assert_eq!(set.info().count, 200);
}

#[test]
fn missing_labels_are_no_class() {
    let (set, said) = table("a,label\n1,2.0\n2,\n3,10.0\n4,NaN\n").unwrap();
    assert_eq!(classes(&*set), [Some("2".into()), None, Some("10".into()), None]);
    assert!(said.contains("2 of 4 rows have no label"), "{said}");
    assert_eq!(set.info().shares, [0.25, 0.25]);
}

/// Of many bad rows the first are named; the rest is counted.
#[test]
fn bad_rows_take_no_memory_each() {
    let text = format!("1,2\n{}", "x,y\n".repeat(20_000));
    let e = table(&text).err().unwrap();
    assert!(
        e.contains("20000 of 20001 rows") && e.contains("and 19995 more") && e.len() < 2000,
        "{e}"
    );
    let dir = tempdir().unwrap();
    let path = dir.path().join("t.csv");
    fs::write(&path, text).unwrap();
    let lenient = Source {
        max_bad: 1.0,
        ..Source::default()
    };
    let (_, said) = open(&path, lenient).unwrap();
    assert!(said.lines().count() < 1010 && said.contains("19000 more rows are damaged"));
}

/// A WAV file of floats.
fn float_wav(values: &[f32]) -> Vec<u8> {
    let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x03\0\x01\0".to_vec();
    for n in [8000u32, 32_000] {
        file.extend(n.to_le_bytes());
    }
    file.extend([4, 0, 32, 0]);
    file.extend(b"data");
    file.extend((4 * values.len() as u32).to_le_bytes());
    values.iter().for_each(|v| file.extend(v.to_le_bytes()));
    let size = file.len() as u32 - 8;
    file[4..8].copy_from_slice(&size.to_le_bytes());
    file
}

#[test]
fn samples_beyond_one_are_told_and_scaled_cut_or_refused() {
    let dir = tempdir().unwrap();
    let values = [0.5f32, -8.0, 2.0, 1.0];
    fs::write(dir.path().join("a.wav"), float_wav(&values)).unwrap();
    let with = |overload: &str| Source {
        length: 4,
        overload: overload.into(),
        ..Source::default()
    };
    let (set, said) = open(dir.path(), with("scale")).unwrap();
    assert_eq!(floats(set.get(0).unwrap()), [0.0625, -1.0, 0.25, 0.125]);
    assert!(
        said.contains("a.wav with 50.000 % of its samples, up to 8"),
        "{said}"
    );
    let (set, said) = open(dir.path(), with("clip")).unwrap();
    assert_eq!(floats(set.get(0).unwrap()), [0.5, -1.0, 1.0, 1.0]);
    assert!(said.contains("cut off"), "{said}");
    let e = open(dir.path(), with("refuse")).err().unwrap();
    assert!(e.contains("a.wav: 50.000 % of its samples lie beyond"), "{e}");
    assert!(
        open(dir.path(), with("loud"))
            .err()
            .unwrap()
            .contains("data.overload")
    );
}

#[test]
fn tables_are_points() {
    let dir = tempdir().unwrap();
    let set = crate::support::open(&source(&write(
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
    let set = crate::support::open(&source(&write(dir.path(), "b.tsv", b"1\t2\t3\n4\t5\t6\n")));
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

#[test]
fn missing_values_are_kept_where_they_are_asked_for() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("t.csv");
    let text = "a,b,label\n1,2,x\n,4,y\n5,?,x\n7,NA,y\n9,10,\n";
    fs::write(&path, text).unwrap();
    let kept = Source {
        missing: "keep".into(),
        ..Source::default()
    };
    let (set, _) = open(&path, kept.clone()).unwrap();
    assert_eq!((set.info().count, set.info().range), (5, (1.0, 10.0)));
    let rows: Vec<Vec<f32>> = (0..5).map(|i| floats(set.get(i).unwrap())).collect();
    assert!(rows[0] == [1.0, 2.0] && rows[1][0].is_nan() && rows[1][1] == 4.0 && rows[2][1].is_nan());
    assert!(rows[3][0] == 7.0 && rows[3][1].is_nan());
    // Words are no missing values, and a column needs one value.
    fs::write(&path, "a,b\n1,2\n3,four\n5,6\n").unwrap();
    let e = open(&path, kept.clone()).err().unwrap();
    assert!(e.contains("line 3") && e.contains("four"), "{e}");
    fs::write(&path, "a,b\n1,\n3,NA\n5,?\n").unwrap();
    let e = open(&path, kept).err().unwrap();
    assert!(e.contains("column `b` has no value") && !e.contains('\n'), "{e}");
    // Unless they are asked for, their rows are damaged.
    fs::write(&path, text).unwrap();
    assert!(
        open(&path, Source::default())
            .err()
            .unwrap()
            .contains("is not a number")
    );
}

#[test]
fn classes_are_left_out_by_name() {
    let without = |names: &[&str], limit: usize| Source {
        without: names.iter().map(|n| n.to_string()).collect(),
        limit,
        ..source(Path::new("digits"))
    };
    let all = source(Path::new("digits")).open().unwrap().dataset;
    let set = without(&["9", "0"], 0).open().unwrap().dataset;
    let named = |c: &str| classes(&*all).iter().filter(|l| l.as_deref() == Some(c)).count();
    assert_eq!(set.info().count, all.info().count - named("9") - named("0"));
    assert!(
        classes(&*set)
            .iter()
            .all(|c| !["9", "0"].contains(&c.as_deref().unwrap()))
    );
    // Numbers of classes stay, and their shares say which have no item.
    assert_eq!(set.info().labels, all.info().labels);
    assert!(set.info().shares[9] == 0.0 && set.info().shares[1] > 0.1);
    assert_eq!(without(&["9"], 50).open().unwrap().dataset.info().count, 50);
    let fails = |s: Source| s.open().err().unwrap().to_string();
    let e = fails(without(&["nine"], 0));
    assert!(e.contains("data.without") && e.contains("`nine`"), "{e}");
    let ring = Source {
        without: vec!["9".into()],
        ..source(Path::new("ring8"))
    };
    assert!(fails(ring).contains("no classes"));
}

fn mixed(text: &str, source: Source) -> Result<(Arc<dyn Dataset>, String), String> {
    let dir = tempdir().unwrap();
    let path = dir.path().join("t.csv");
    fs::write(&path, text).unwrap();
    let columns = "mixed".into();
    open(&path, Source { columns, ..source })
}

const PEOPLE: &str = "sex,age,town,label\nf,31,York,1\nm,20.5,Leeds,0\nf,44,\"Ely, Cambs\",1\nm,27,York,0\n";

#[test]
fn columns_are_of_numbers_or_of_classes() {
    let source = Source {
        protected: "sex".into(),
        ..Source::default()
    };
    let (set, said) = mixed(PEOPLE, source).unwrap();
    assert!(said.is_empty(), "{said}");
    let info = set.info();
    assert_eq!(
        (info.kind, &info.shape[..], info.count),
        (Kind::Points, &[4][..], 4)
    );
    assert_eq!(floats(set.get(2).unwrap()), [0.0, 44.0, 0.0, 1.0]);
    let classes: Vec<Vec<&str>> = info
        .columns
        .iter()
        .map(|c| c.classes.iter().map(|n| &n[..]).collect())
        .collect();
    assert_eq!(
        classes,
        [
            vec!["f", "m"],
            vec![],
            vec!["Ely, Cambs", "Leeds", "York"],
            vec!["0", "1"]
        ]
    );
    assert_eq!(info.columns[2].shares, [0.25, 0.25, 0.5]);
    assert!(
        (info.columns[1].mean - 30.625).abs() < 1e-9 && (info.columns[1].deviation - 8.5832).abs() < 1e-4
    );
    assert_eq!(
        (info.column_of(Role::Protected), info.column_of(Role::Outcome)),
        (Some(0), Some(3))
    );
    // Written again it is the table that was read.
    let rows: Vec<f32> = (0..4).flat_map(|i| floats(set.get(i).unwrap())).collect();
    assert_eq!(table_text(&info.columns, 4, &rows), PEOPLE);
}

#[test]
fn what_is_wrong_with_a_mixed_table_is_said() {
    let told = |text: &str, protected: &str, outcome: &str| {
        let (protected, outcome) = (protected.into(), outcome.into());
        let max_bad = 0.5;
        mixed(
            text,
            Source {
                protected,
                outcome,
                max_bad,
                ..Source::default()
            },
        )
        .map(|(set, said)| (set.info().count, said))
    };
    let fails = |text: &str, protected: &str, outcome: &str, parts: &[&str]| {
        let e = told(text, protected, outcome).unwrap_err();
        assert!(parts.iter().all(|p| e.contains(p)) && !e.contains('\n'), "{e}");
    };
    fails(
        PEOPLE,
        "gender",
        "",
        &["data.protected", "no column `gender`", "sex, age, town, label"],
    );
    fails(PEOPLE, "sxe", "", &["did you mean `sex`?"]);
    let ages: String = (0..20).map(|i| format!("f,{i}\n")).collect();
    fails(
        &format!("sex,age\n{ages}"),
        "age",
        "",
        &["column `age` holds numbers", "`low` and `high`"],
    );
    fails(PEOPLE, "sex", "sex", &["two columns"]);
    fails("f,31\nm,20\nf,2\nm,5\n", "", "", &["no header", "first line"]);
    fails("a,a\nx,1\ny,2\n", "", "", &["two columns `a`"]);
    fails(
        "a;b\n1,5;x\n2;y\n3,25;x\n",
        "",
        "",
        &["column `a` holds numbers with commas", "with points"],
    );
    fails("a,b\nx,\ny,?\n", "", "", &["column `b` has no value"]);
    let names: String = (0..300).map(|i| format!("n{i},{i}\n")).collect();
    fails(
        &format!("name,b\n{names}"),
        "",
        "",
        &["`name` holds 300 different words", "take it out"],
    );
    // A field without a value, and a row that is too short, are left out and told.
    let (count, said) = told("a,b\nx,1\ny,\nx,2\ny\nx,3\ny,4\n", "", "").unwrap();
    assert!(
        count == 4 && said.contains("column `b`: there is no value") && said.contains("of 1 columns"),
        "{said}"
    );
    // A key of tables for what is none.
    let e = Source {
        protected: "sex".into(),
        ..Source::parse("digits")
    }
    .open()
    .err()
    .unwrap()
    .to_string();
    assert!(
        e.contains("data.protected") && e.contains("`digits` has no column `sex`"),
        "{e}"
    );
}

#[test]
fn classes_keep_the_numbers_of_the_run() {
    let (run, _) = mixed(PEOPLE, Source::default()).unwrap();
    let (other, _) = mixed(
        "sex,age,town,label\nm,31,York,1\nm,9,Bath,0\nm,8,York,1\n",
        Source::default(),
    )
    .unwrap();
    let mut said = vec![];
    let set = recoded(other.clone(), &run.info().columns, &mut said).unwrap();
    assert!(
        set.info().count == 2 && said[0].contains("`Bath` of column `town`") && said[0].contains("1 rows"),
        "{said:?}"
    );
    assert_eq!(floats(set.get(1).unwrap()), [1.0, 8.0, 2.0, 1.0]);
    let (strange, _) = mixed("sex,age\nm,31\nf,9\nm,8\n", Source::default()).unwrap();
    let e = recoded(strange, &run.info().columns, &mut said)
        .err()
        .unwrap()
        .to_string();
    assert!(
        e.contains("has the columns sex, age, not sex, age, town, label"),
        "{e}"
    );
}
