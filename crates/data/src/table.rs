//! Tables of numbers as points: `.csv` and `.tsv`, a row a point.
use super::memory::Stored;
use super::metadata::number;
use super::{DataInfo, Kind, Values, classes, damage};
use crate::error::{Error, Result};
use csv::StringRecord;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::iter::Peekable;
use std::path::Path;

/// Columns of these names hold the class rather than a feature.
const LABELS: [&str; 3] = ["label", "class", "target"];
/// So many bad rows are named at most.
const NAMED: usize = 1000;
/// Bytes in which the separator is looked for.
const BEGINNING: usize = 64 << 10;

/// What the columns of a table are.
pub(super) struct Columns {
    /// how many fields a row has
    pub(super) width: usize,
    pub(super) label: Option<usize>,
    /// the numbers of the rows, which are no feature
    pub(super) index: Option<usize>,
    /// as the header has them; empty without one
    pub(super) names: Vec<String>,
}

/// A table that was begun to be read: its columns, and the rows below the header.
pub(super) struct Begun {
    pub(super) columns: Columns,
    pub(super) rows: Peekable<csv::StringRecordsIntoIter<BufReader<File>>>,
}

/// What is said of a table that cannot be read.
const READABLE: &str = "give a table in UTF-8";

/// Reads a table's header, where it has one.
pub(super) fn begin(path: &Path, warnings: &mut Vec<String>) -> Result<Begun> {
    let tabs = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("tsv"));
    let unreadable = |e: csv::Error| Error::data(path, format!("cannot be read: {e}"), READABLE);
    let mut file = BufReader::with_capacity(BEGINNING, File::open(path).map_err(Error::io("read", path))?);
    let beginning = file.fill_buf().map_err(Error::io("read", path))?;
    if beginning.starts_with(&[0xff, 0xfe]) || beginning.starts_with(&[0xfe, 0xff]) {
        return Err(Error::data(path, "is written in UTF-16", READABLE));
    }
    let mark = if beginning.starts_with(b"\xef\xbb\xbf") {
        3
    } else {
        0
    };
    let usual = if tabs { b'\t' } else { b',' };
    let separator = separator(&beginning[mark..], usual);
    file.consume(mark);
    if separator != usual {
        let name = match separator {
            b'\t' => "tabs".into(),
            b' ' => "spaces".into(),
            s => format!("`{}`", s as char),
        };
        warnings.push(format!("{}: its columns are separated by {name}", path.display()));
    }
    let reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .delimiter(separator)
        .from_reader(file);
    let mut rows = reader.into_records().peekable();
    let first = match rows.peek() {
        None => return Err(Error::data(path, "has no rows", "give a table of numbers")),
        Some(Err(_)) => rows.next().transpose().map_err(unreadable)?.unwrap_or_default(),
        Some(Ok(first)) => first.clone(),
    };
    let mut columns = Columns::of(&first);
    if !columns.names.is_empty() {
        rows.next();
        // A header that leaves out the name of the row numbers, as R writes it.
        if let Some(Ok(second)) = rows.peek()
            && second.len() == columns.width + 1
            && columns.index.is_none()
        {
            columns.names.insert(0, String::new());
            columns.width += 1;
            columns.label = columns.label.map(|l| l + 1);
            columns.index = Some(0);
        }
    }
    columns.say(path, warnings);
    Ok(Begun { columns, rows })
}

/// The points of a table, with a header or without. Rows that are not numbers are named in `warnings` and left out; where
/// `missing` values are kept, a field without one is a number that is none (NaN).
pub(super) fn open(path: &Path, missing: bool, max_bad: f64, warnings: &mut Vec<String>) -> Result<Stored> {
    let Begun { columns, mut rows } = begin(path, warnings)?;
    let wordy = rows.peek().and_then(|r| columns.wordy(r.as_ref().ok()?, missing));
    let (mut values, mut labels, mut bad, mut total, mut count) = (Vec::new(), Vec::new(), Vec::new(), 0, 0);
    for row in rows {
        total += 1;
        match row
            .map_err(|e| e.to_string())
            .and_then(|r| columns.point(&r, missing))
        {
            Ok((point, class)) => {
                count += 1;
                values.extend(point);
                if columns.label.is_some() {
                    labels.push(class);
                }
            }
            Err(problem) if bad.len() < NAMED => bad.push(format!("{} {problem}", path.display())),
            Err(_) => {}
        }
    }
    if total == 0 {
        return Err(Error::data(path, "has no rows", "give a table of numbers"));
    }
    if let (0, Some((problem, fix))) = (count, wordy) {
        return Err(Error::data(path, problem, fix));
    }
    damage::bear_counted(path, "rows", &bad, total - count, total, max_bad)?;
    let unnamed = total - count - bad.len();
    warnings.extend(bad);
    if unnamed > 0 {
        warnings.push(format!("{}: {unnamed} more rows are damaged", path.display()));
    }
    let features = values.len() / count;
    if features == 0 {
        let problem = "has no columns of numbers";
        return Err(Error::data(path, problem, "give a table of numbers"));
    }
    columns.say_doubtful(path, &values, features, warnings);
    let open = values.iter().filter(|v| v.is_nan()).count();
    if open == values.len() {
        let fix = "give a table with some values in it";
        return Err(Error::data(path, "has no value in any row", fix));
    }
    if let Some(f) = (0..features).find(|&f| values.iter().skip(f).step_by(features).all(|v| v.is_nan())) {
        let column = (0..columns.width)
            .filter(|k| columns.is_feature(*k))
            .nth(f)
            .unwrap_or(f);
        let name = columns
            .names
            .get(column)
            .cloned()
            .unwrap_or_else(|| (column + 1).to_string());
        let problem = format!("column `{name}` has no value in any row");
        return Err(Error::data(path, problem, "take the column out"));
    }
    let unlabelled = labels.iter().filter(|l| l.is_none()).count();
    if unlabelled > 0 {
        warnings.push(format!(
            "{}: {unlabelled} of {count} rows have no label",
            path.display()
        ));
    }
    let (names, labels) = classes::by_name(&labels);
    let range = values
        .iter()
        .fold((f32::MAX, f32::MIN), |(l, h), &v| (l.min(v), h.max(v)));
    let info = DataInfo {
        source: path.display().to_string(),
        kind: Kind::Points,
        shape: vec![features],
        count,
        range,
        labels: names,
        attributes: vec![],
        rate: 0,
        shares: vec![],
        captions: Default::default(),
        alphabet: String::new(),
        columns: vec![],
    };
    Ok(Stored {
        info,
        values: Values::Floats(values),
        labels,
        attributes: vec![],
    })
}

/// What is between the columns: the usual, or where the first row has none of it, another that the first two rows have
/// equally often.
fn separator(beginning: &[u8], usual: u8) -> u8 {
    let open = unquoted(beginning);
    let lines: Vec<&[u8]> = open
        .split(|b| *b == b'\n' || *b == b'\r')
        .map(<[u8]>::trim_ascii)
        .filter(|l| !l.is_empty() && !l.starts_with(b"#"))
        .take(2)
        .collect();
    let count = |line: &[u8], s: u8| line.iter().filter(|b| **b == s).count();
    // With decimal commas, which are then told as what they are.
    let european = |l: &&[u8]| {
        let decimal = |f: &[u8]| number(&String::from_utf8_lossy(f).replacen(',', ".", 1)).is_some();
        count(l, b';') > 0 && l.split(|b| *b == b';').all(decimal)
    };
    if usual == b',' && lines.last().is_some_and(european) {
        return b';';
    }
    let Some(&line) = lines.first().filter(|l| count(l, usual) == 0) else {
        return usual;
    };
    let alike = |s: &u8| count(line, *s) > 0 && lines.iter().all(|l| count(l, *s) == count(line, *s));
    // Spaces, as numpy.savetxt writes them, only between numbers: names may have them within.
    let number = |f: &[u8]| number(&String::from_utf8_lossy(f)).is_some();
    let spaced = count(line, b' ') > 0 && line.split(|b| *b == b' ').all(number);
    let others = [b';', b'\t', b'|', b','];
    let most = others.into_iter().filter(alike).max_by_key(|s| count(line, *s));
    most.unwrap_or(if spaced { b' ' } else { usual })
}

/// The text without what stands in quotes, which begin where a field does: names may hold any sign, and ends of lines.
fn unquoted(text: &[u8]) -> Vec<u8> {
    let (mut out, mut within, mut begins) = (Vec::with_capacity(text.len()), false, true);
    let mut bytes = text.iter().copied().peekable();
    while let Some(b) = bytes.next() {
        match (b, within) {
            (b'"', true) if bytes.peek() == Some(&b'"') => {
                bytes.next();
            }
            (b'"', true) => within = false,
            (_, true) => {}
            (b'"', false) if begins => within = true,
            (_, false) => out.push(b),
        }
        begins = matches!(b, b'\n' | b'\r' | b',' | b';' | b'\t' | b'|' | b' ');
    }
    out
}

/// Whether a field says that its value is missing: nothing, a question mark, or what programs write for it.
pub(super) fn is_open(field: &str) -> bool {
    field == "?" || classes::is_missing(field)
}

impl Columns {
    /// From the first row, which is a header when no field of it is a number, or when its numbers are 0, 1, 2 ... in
    /// order, as data frames without names have them.
    fn of(first: &StringRecord) -> Columns {
        let numbers: Vec<&str> = first.iter().filter(|f| number(f).is_some()).collect();
        let counted = numbers.iter().enumerate().all(|(i, f)| **f == i.to_string());
        let mut columns = Columns {
            width: first.len(),
            label: None,
            index: None,
            names: vec![],
        };
        if !counted || first.iter().all(str::is_empty) {
            return columns;
        }
        columns.names = first.iter().map(String::from).collect();
        columns.label = first
            .iter()
            .position(|f| LABELS.contains(&f.to_lowercase().as_str()));
        let nameless = first.len() > 1 && first.get(0).is_some_and(|f| f.is_empty() || f == "Unnamed: 0");
        columns.index = nameless.then_some(0);
        columns
    }

    /// Whether a column is a feature.
    fn is_feature(&self, k: usize) -> bool {
        Some(k) != self.label && Some(k) != self.index
    }

    /// Tells what was taken for something else than it might be.
    fn say(&self, path: &Path, warnings: &mut Vec<String>) {
        if self.index.is_some() {
            let what = "the first column has no name: it is taken for the numbers of the rows and left out";
            warnings.push(format!("{}: {what}", path.display()));
        }
        let numbers: Vec<&str> = self
            .names
            .iter()
            .map(String::as_str)
            .filter(|n| number(n).is_some())
            .collect();
        if !numbers.is_empty() {
            let names = numbers[..numbers.len().min(5)].join(", ");
            let more = if numbers.len() > 5 { ", ..." } else { "" };
            warnings.push(format!(
                "{}: the first row, {names}{more}, is taken for the names of the columns",
                path.display()
            ));
        }
    }

    /// Tells of features that only count the rows, and of those that are always the same.
    fn say_doubtful(&self, path: &Path, values: &[f32], features: usize, warnings: &mut Vec<String>) {
        let rows = values.len() / features;
        if rows < 3 {
            return;
        }
        let columns: Vec<usize> = (0..self.width).filter(|k| self.is_feature(*k)).collect();
        let mut of = |what: &str, test: &dyn Fn(usize, f32) -> bool| {
            let column = |f: usize| values.iter().skip(f).step_by(features).enumerate();
            let mut found = (0..features).filter(|&f| column(f).all(|(row, v)| test(row * features + f, *v)));
            if let Some(f) = found.next() {
                let name = match self.names.get(columns[f]) {
                    Some(name) => format!("`{name}`"),
                    None => format!("{}", columns[f] + 1),
                };
                let more = found.count();
                let others = if more > 0 {
                    format!(" and {more} others")
                } else {
                    String::new()
                };
                warnings.push(format!("{}: column {name}{others} {what}", path.display()));
            }
        };
        of("only counts the rows, and is a feature all the same", &|at, v| {
            v == (at / features) as f32
        });
        of("is the same in every row", &|at, v| v == values[at % features]);
    }

    /// What is wrong with a feature of a row, and how to mend it, where a whole column seems to be of words.
    fn wordy(&self, row: &StringRecord, missing: bool) -> Option<(String, &'static str)> {
        let is_word = |f: &str| !f.is_empty() && number(f).is_none() && !(missing && is_open(f));
        let (k, field) = row
            .iter()
            .enumerate()
            .find(|(k, f)| self.is_feature(*k) && is_word(f))?;
        let name = self
            .names
            .get(k)
            .map_or(format!("{}", k + 1), |name| format!("`{name}`"));
        let shown: String = field.chars().take(40).collect();
        let fix = match field.split_once(',') {
            Some((a, b)) if number(&format!("{a}.{b}")).is_some() => {
                "write numbers with points: 1.5, not 1,5"
            }
            _ if self.label.is_none() => {
                "name the column `label` if it is the class, take it out, or set data.columns=mixed for a model of numbers and classes"
            }
            _ => "take the column out, or set data.columns=mixed for a model of numbers and classes",
        };
        Some((format!("column {name} holds no numbers: `{shown}`"), fix))
    }

    /// The features and the class of a row, or what is wrong with it.
    fn point(&self, row: &StringRecord, missing: bool) -> Result<(Vec<f32>, Option<String>), String> {
        let line = row.position().map_or(0, |p| p.line());
        if row.len() != self.width {
            return Err(format!(
                "line {line} has {} columns, the first {}",
                row.len(),
                self.width
            ));
        }
        let mut point = Vec::with_capacity(row.len());
        for (k, field) in row.iter().enumerate().filter(|(k, _)| self.is_feature(*k)) {
            match number(field) {
                Some(v) => point.push(v),
                None if missing && is_open(field) => point.push(f32::NAN),
                None => {
                    let shown: String = field.chars().take(40).collect();
                    return Err(format!(
                        "line {line}, column {}: `{shown}` is not a number",
                        k + 1
                    ));
                }
            }
        }
        let class = self.label.map(|k| &row[k]).filter(|l| !classes::is_missing(l));
        Ok((point, class.map(String::from)))
    }
}
