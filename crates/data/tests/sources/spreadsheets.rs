//! Tables as spreadsheets, NumPy, pandas and scikit-learn leave them: what is a feature, a class, or neither.
use crate::support::{classes, fails, floats, gzip, source, write};
use menagerie_data::{Dataset, Source};
use std::sync::Arc;
use tempfile::tempdir;

fn opened(name: &str, content: &[u8], source: Source) -> Result<(Arc<dyn Dataset>, String), String> {
    let dir = tempdir().unwrap();
    let path = write(dir.path(), name, content);
    let source = Source {
        source: path.to_str().unwrap().into(),
        ..source
    };
    let opened = source.open().map_err(|e| e.to_string())?;
    Ok((opened.dataset, opened.warnings.join("\n")))
}

fn table(text: &str) -> (Arc<dyn Dataset>, String) {
    opened("t.csv", text.as_bytes(), Source::default()).unwrap()
}

/// A header, and forty rows.
fn rows(header: &str, row: impl Fn(usize) -> String) -> String {
    let all: String = (0..40).map(|i| row(i) + "\n").collect();
    format!("{header}{all}")
}

/// A number that looks like noise.
fn noise(i: usize) -> f64 {
    ((i * 7919 + i * i * 31) % 97) as f64 / 8.0 + 0.01
}

#[test]
fn measurements_are_no_classes() {
    let (set, said) = table(&rows("a,target\n", |i| {
        format!("{i}.5,{}", noise(i) + i as f64 / 1000.0)
    }));
    assert!(
        set.info().shape == [2]
            && set.info().labels.is_empty()
            && said.contains("`target` holds measurements"),
        "{said}"
    );
    let third = (noise(3) + 0.003) as f32;
    assert_eq!(floats(set.get(3).unwrap()), [3.5, third]);
    // Between the features it keeps its place.
    let (set, _) = table(&rows("a,label,b\n", |i| {
        format!("{i}.5,{},{}", noise(i) + i as f64 / 1000.0, 2 * i)
    }));
    assert_eq!(floats(set.get(3).unwrap()), [3.5, third, 6.0]);
    // A few real numbers are names, as whole ones are; of very many of these one is in doubt.
    let (set, said) = table(&rows("a,label\n", |i| format!("{i}.5,{}", (i % 3) as f64 / 2.0)));
    assert!(set.info().labels == ["0", "0.5", "1"], "{said}");
    let (set, said) = table(&rows("a,label\n", |i| format!("{i}.5,{}", 100 + i)));
    assert!(
        set.info().labels.len() == 40 && !said.contains("measurements"),
        "{said}"
    );
    let many: String = (0..300)
        .map(|i| format!("{}.5,{}\n", i, 1000 + i * 7 % 151))
        .collect();
    let (set, said) = table(&format!("a,label\n{many}"));
    assert!(
        set.info().labels.len() == 151 && said.contains("where it holds measurements"),
        "{said}"
    );
}

#[test]
fn a_comment_may_be_the_header() {
    let (set, said) = table(&rows("# made by a script\n# a, b, label\n", |i| {
        format!("{},{},{}", noise(i), i * i, i % 3)
    }));
    assert!(
        set.info().shape == [2] && set.info().labels == ["0", "1", "2"] && said.contains("a, b, label"),
        "{said}"
    );
    // One that does not fit says nothing, nor does one above a header.
    let (set, said) = table(&rows("# by me, with care\n", |i| {
        format!("{},{},1.25", noise(i), i * i)
    }));
    assert!(
        set.info().shape == [3] && !said.contains("names of the columns"),
        "{said}"
    );
    let (set, _) = table(&rows("#x,y,z\na,b,label\n", |i| {
        format!("{},{},{}", noise(i), i * i, i % 3)
    }));
    assert_eq!(set.info().shape, [2]);
}

#[test]
fn one_column_has_the_classes() {
    let (set, said) = table(&rows("a,class,label\n", |i| {
        format!("{},{},{}", noise(i), i % 2, i % 3)
    }));
    assert!(
        set.info().shape == [2] && said.contains("those of column `class`; `label` is a feature"),
        "{said}"
    );
    assert_eq!(classes(&*set)[..2], [Some("0".into()), Some("1".into())]);
}

#[test]
fn numbers_of_rows_are_told_in_any_order() {
    for (header, row) in [
        ("Id,a\n", &(|i: usize| i + 1) as &dyn Fn(usize) -> usize),
        ("index,a\n", &|i: usize| i * 7 % 40),
        ("n,a\n", &|i: usize| 500 - i),
    ] {
        let (_, said) = table(&rows(header, |i| format!("{},{}", row(i), noise(i))));
        let name = header.split(',').next().unwrap();
        assert!(said.contains(&format!("`{name}` only counts the rows")), "{said}");
    }
    for row in [&(|i: usize| i / 2) as &dyn Fn(usize) -> usize, &|i| 2 * i, &|i| {
        i * i
    }] {
        let (_, said) = table(&rows("n,a\n", |i| format!("{},{}", row(i), noise(i))));
        assert!(!said.contains("only counts"), "{said}");
    }
}

/// What single precision does not tell apart is told, of tables and of arrays.
#[test]
fn numbers_too_close_for_single_precision_are_told() {
    let time = |i: usize| 1.6e9 + 10.0 * i as f64;
    let (_, said) = table(&rows("a,time\n", |i| format!("{},{}", noise(i), time(i))));
    assert!(
        said.contains("column `time`: single precision does not tell") && said.contains("subtract its mean"),
        "{said}"
    );
    let (_, said) = table(&rows("a,time\n", |i| {
        format!("{},{}", noise(i), time(i) - 1.6e9 + 0.123456789)
    }));
    assert!(said.is_empty(), "{said}");
    let e = opened("t.csv", b"a,b\n1,2\n3,1e300\n", Source::default())
        .err()
        .unwrap();
    assert!(
        e.contains("`1e300` is beyond the numbers of single precision"),
        "{e}"
    );
    for (start, told) in [(1.6e9, true), (0.0, false)] {
        let values: Vec<u8> = (0..40)
            .flat_map(|i| [noise(i), start + 10.0 * i as f64].map(f64::to_le_bytes).concat())
            .collect();
        let (_, said) = opened(
            "t.npy",
            &crate::support::npy("'<f8'", "(40, 2)", &values),
            Source::default(),
        )
        .unwrap();
        assert_eq!(said.contains("column 2: single precision"), told, "{said}");
    }
}

#[test]
fn spreadsheets_say_their_separator_and_end_rows_with_one() {
    let (set, said) = table(&rows("sep=;\r\na;b\r\n", |i| format!("{};{}", noise(i), i * i)));
    assert!(
        set.info().shape == [2] && set.info().count == 40 && said.contains("`;`"),
        "{said}"
    );
    // Nothing stands behind the last separator, whether the header ends with one or not, or is not there.
    for header in ["a,b,\n", "a,b\n", ""] {
        let (set, _) = table(&rows(header, |i| format!("{},{},", noise(i), i * i)));
        assert_eq!(
            (&set.info().shape[..], set.info().count),
            (&[2][..], 40),
            "{header}"
        );
        assert_eq!(floats(set.get(5).unwrap()), [noise(5) as f32, 25.0], "{header}");
    }
    let (set, _) = table(&rows("a,label,\n", |i| format!("{},{},", noise(i), i % 2)));
    assert_eq!((&set.info().shape[..], set.info().labels.len()), (&[1][..], 2));
    let text = rows("a,b,\n", |i| {
        format!("{},{},{}", noise(i), i * i, if i == 7 { "9" } else { "" })
    });
    let e = opened("t.csv", text.as_bytes(), Source::default()).err().unwrap();
    assert!(
        e.contains("line 9, column 3: `9` where the first row has nothing"),
        "{e}"
    );
    // A gap that is asked for is one.
    let keep = Source {
        missing: "keep".into(),
        ..Source::default()
    };
    let (set, _) = opened("t.csv", b"1,\n2,3\n4,5\n", keep).unwrap();
    assert_eq!(set.info().shape, [2]);
}

#[test]
fn gzipped_tables_are_tables() {
    let text = rows("a,b,label\n", |i| format!("{},{},{}", noise(i), i * i, i % 3));
    for (name, text) in [("t.csv.gz", text.clone()), ("T.TSV.GZ", text.replace(',', "\t"))] {
        let (set, said) = opened(name, &gzip(text.as_bytes()), Source::default()).unwrap();
        assert_eq!(
            (set.info().count, set.info().labels.len(), &said[..]),
            (40, 3, ""),
            "{name}"
        );
    }
    let packed = gzip(text.as_bytes());
    let e = opened(
        "t.csv.gz",
        &packed[..packed.len() / 2],
        Source {
            max_bad: 1.0,
            ..Source::default()
        },
    )
    .err()
    .unwrap();
    assert!(e.contains("cannot be read"), "{e}");
    // What is packed in another way is told as that.
    let e = opened("t.zip", b"PK", Source::default()).err().unwrap();
    assert!(e.contains("is packed; unpack it"), "{e}");
}

#[test]
fn advice_fits_what_is_wrong_with_a_number() {
    for (row, advice) in [
        ("\"1,000\",2", "nothing between thousands"),
        ("1   2,3", "separate its columns"),
        ("5%,3", "take it out"),
    ] {
        let text = rows("a,b\n", |_| row.into());
        let e = opened("t.csv", text.as_bytes(), Source::default()).err().unwrap();
        assert!(e.contains(advice), "{row}: {e}");
    }
    // A folder of tables is none, and says what lies there.
    let dir = tempdir().unwrap();
    write(dir.path(), "a.csv", "1,2\n");
    write(dir.path(), "b.csv", "1,2\n");
    fails(
        &source(dir.path()),
        &[
            "no images among its 2 files: 2 .csv files",
            "one file by its name, such as",
            "a.csv",
        ],
    );
}
