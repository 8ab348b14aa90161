//! Tables of numbers as points: `.csv` and `.tsv`, also gzipped, a row a point.
use super::memory::Stored;
use super::metadata::{exact, number};
use super::precision::Precision;
use super::{DataInfo, Kind, Values, classes, damage, limits};
use crate::error::{Error, Result};
use csv::StringRecord;
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::iter::Peekable;
use std::path::Path;

/// Columns of these names hold the class rather than a feature.
const LABELS: [&str; 3] = ["label", "class", "target"];
/// Whether a column of that name holds the class.
fn is_label(name: &str) -> bool {
    LABELS.contains(&name.to_lowercase().as_str())
}

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
    /// what stands behind a separator at the end of every row: nothing
    pub(super) nothing: Option<usize>,
    /// as the header has them; empty without one
    pub(super) names: Vec<String>,
}

/// A table that was begun to be read: its columns, and the rows below the header.
pub(super) struct Begun {
    pub(super) columns: Columns,
    pub(super) rows: Peekable<csv::StringRecordsIntoIter<Box<dyn BufRead>>>,
}

/// What is said of a table that cannot be read.
const READABLE: &str = "give a table in UTF-8";

/// A row, or what is wrong with it; a table that cannot be read any further is no table with a bad row.
pub(super) fn readable(path: &Path, row: csv::Result<StringRecord>) -> Result<Result<StringRecord, String>> {
    match row {
        Err(e) if e.is_io_error() => Err(Error::data(
            path,
            format!("cannot be read: {e}"),
            "fetch it again",
        )),
        row => Ok(row.map_err(|e| e.to_string())),
    }
}

/// What a gzipped file stands for, up to what one of its length can.
struct Unpacked {
    inner: MultiGzDecoder<BufReader<File>>,
    left: u64,
}

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(n as u64).ok_or_else(|| {
            std::io::Error::other("it unpacks to more than a table of its length can stand for")
        })?;
        Ok(n)
    }
}

/// The text of a table, unpacked where it is gzipped.
fn text(path: &Path) -> Result<Box<dyn BufRead>> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    let length = file.metadata().map_err(Error::io("read", path))?.len();
    let mut file = BufReader::with_capacity(BEGINNING, file);
    let packed = file
        .fill_buf()
        .map_err(Error::io("read", path))?
        .starts_with(&[0x1f, 0x8b]);
    if !packed {
        return Ok(Box::new(file));
    }
    let inner = MultiGzDecoder::new(file);
    let left = limits::unpacked(length);
    Ok(Box::new(BufReader::with_capacity(
        BEGINNING,
        Unpacked { inner, left },
    )))
}

/// Whether a table is named as one of tabs.
fn is_of_tabs(path: &Path) -> bool {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    name.trim_end_matches(".gz").ends_with(".tsv")
}

/// Reads a table's header, where it has one; `gaps` says whether fields without a value are expected.
pub(super) fn begin(path: &Path, gaps: bool, warnings: &mut Vec<String>) -> Result<Begun> {
    let unreadable = |problem: String| Error::data(path, format!("cannot be read: {problem}"), READABLE);
    let mut file = text(path)?;
    let beginning = file.fill_buf().map_err(Error::io("read", path))?;
    if beginning.starts_with(&[0xff, 0xfe]) || beginning.starts_with(&[0xfe, 0xff]) {
        return Err(Error::data(path, "is written in UTF-16", READABLE));
    }
    let mut skipped = if beginning.starts_with(b"\xef\xbb\xbf") {
        3
    } else {
        0
    };
    let usual = if is_of_tabs(path) { b'\t' } else { b',' };
    let said = said_separator(&beginning[skipped..]);
    skipped += said.map_or(0, |(_, length)| length);
    let separator = said.map_or_else(|| separator(&beginning[skipped..], usual), |(s, _)| s);
    let comment = commented(&beginning[skipped..], separator);
    file.consume(skipped);
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
        Some(Err(_)) => {
            let row = rows.next().transpose();
            row.map_err(|e| unreadable(e.to_string()))?.unwrap_or_default()
        }
        Some(Ok(first)) => first.clone(),
    };
    let mut columns = Columns::of(&first);
    if !columns.names.is_empty() {
        rows.next();
        if let Some(Ok(second)) = rows.peek() {
            columns.beside(second);
        }
    } else if let Some(names) = comment.filter(|c| c.len() == first.len() && c.len() > 1) {
        let named = Columns::of(&names);
        if !named.names.is_empty() {
            let shown = names.iter().collect::<Vec<_>>().join(", ");
            warnings.push(format!(
                "{}: the comment before its first row, {shown}, is taken for the names of the columns",
                path.display()
            ));
            columns = named;
        }
    } else if !gaps && first.len() > 1 && first.get(first.len() - 1) == Some("") {
        columns.nothing = Some(first.len() - 1);
    }
    columns.say(path, warnings);
    Ok(Begun { columns, rows })
}

/// The separator that a first line says, as spreadsheets write it (`sep=;`), and the length of that line.
fn said_separator(text: &[u8]) -> Option<(u8, usize)> {
    let line = text.split(|b| *b == b'\n').next()?;
    let name = line.strip_suffix(b"\r").unwrap_or(line);
    let &[separator] = name.strip_prefix(b"sep=")? else {
        return None;
    };
    Some((separator, (line.len() + 1).min(text.len())))
}

/// The fields of the comment line right before the first row, which may name the columns, as numpy.savetxt writes it.
fn commented(text: &[u8], separator: u8) -> Option<StringRecord> {
    let lines = text.split(|b| *b == b'\n').map(<[u8]>::trim_ascii);
    let last = lines
        .take_while(|l| l.is_empty() || l.starts_with(b"#"))
        .filter(|l| !l.is_empty())
        .last()?;
    let line = last.iter().position(|b| *b != b'#').map(|at| &last[at..])?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .trim(csv::Trim::All)
        .delimiter(separator)
        .from_reader(line.trim_ascii());
    reader.records().next()?.ok()
}

/// The points of a table, with a header or without. Rows that are not numbers are named in `warnings` and left out; where
/// `missing` values are kept, a field without one is a number that is none (NaN). A column of measurements is a feature,
/// whatever its name.
pub(super) fn open(path: &Path, missing: bool, max_bad: f64, warnings: &mut Vec<String>) -> Result<Stored> {
    let before = warnings.len();
    if let Some(set) = read(path, missing, max_bad, true, warnings)? {
        return Ok(set);
    }
    warnings.truncate(before);
    let set = read(path, missing, max_bad, false, warnings)?;
    set.ok_or_else(|| Error::data(path, "has no rows", "give a table of numbers"))
}

/// The points of a table, whose classes are in a column of a usual name where it may be `classed`; None where that column
/// holds measurements.
fn read(
    path: &Path,
    missing: bool,
    max_bad: f64,
    classed: bool,
    warnings: &mut Vec<String>,
) -> Result<Option<Stored>> {
    let Begun {
        mut columns,
        mut rows,
    } = begin(path, missing, warnings)?;
    columns.say_classes(path, classed, warnings);
    if !classed {
        columns.label = None;
    }
    let wordy = rows.peek().and_then(|r| columns.wordy(r.as_ref().ok()?, missing));
    let (mut values, mut labels, mut bad, mut total, mut count) = (Vec::new(), Vec::new(), Vec::new(), 0, 0);
    let mut precision = Precision::default();
    for row in rows {
        total += 1;
        match readable(path, row)?.and_then(|r| columns.point(&r, missing)) {
            Ok((point, class)) => {
                count += 1;
                precision.row(point.iter().copied());
                values.extend(point.iter().map(|v| *v as f32));
                if columns.label.is_some() {
                    labels.push(class);
                }
            }
            Err(problem) if bad.len() < NAMED => bad.push(format!("{} {problem}", path.display())),
            Err(_) => {}
        }
    }
    if classes::are_measured(&labels) {
        return Ok(None);
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
    precision.say(path, |f| columns.called(f), warnings);
    let open = values.iter().filter(|v| v.is_nan()).count();
    if open == values.len() {
        let fix = "give a table with some values in it";
        return Err(Error::data(path, "has no value in any row", fix));
    }
    if let Some(f) = (0..features).find(|&f| values.iter().skip(f).step_by(features).all(|v| v.is_nan())) {
        let problem = format!("column {} has no value in any row", columns.called(f));
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
    classes::say_many(&path.display().to_string(), &names, count, warnings);
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
        ..DataInfo::default()
    };
    Ok(Some(Stored {
        info,
        values: Values::Floats(values),
        labels,
        attributes: vec![],
    }))
}

/// What is between the columns: the usual, or where the first row has none of it, another that the first two rows have
/// equally often.
pub(super) fn separator(beginning: &[u8], usual: u8) -> u8 {
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

/// Rows beyond which numbers that follow each other in any order can be no chance.
const ENOUGH: usize = 10;

/// Whether numbers are those of the rows: from 0 or 1 on, or of many rows whole ones that follow each other in any order.
fn counts(numbers: impl Iterator<Item = f32> + Clone, rows: usize) -> bool {
    let from = |first: usize| {
        numbers
            .clone()
            .enumerate()
            .all(|(row, v)| v == (first + row) as f32)
    };
    if from(0) || from(1) {
        return true;
    }
    let least = numbers.clone().fold(f32::INFINITY, f32::min);
    let mut seen = vec![false; if rows < ENOUGH { 0 } else { rows }];
    numbers.into_iter().all(|v| {
        let place = seen.get_mut((v - least) as usize).filter(|_| v.fract() == 0.0);
        place.is_some_and(|seen| !std::mem::replace(seen, true))
    })
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
            nothing: None,
            names: vec![],
        };
        if !counted || first.iter().all(str::is_empty) {
            return columns;
        }
        columns.names = first.iter().map(String::from).collect();
        columns.label = first.iter().position(is_label);
        let nameless = first.len() > 1 && first.get(0).is_some_and(|f| f.is_empty() || f == "Unnamed: 0");
        columns.index = nameless.then_some(0);
        columns
    }

    /// What the first row below the header shows of it: a separator at the end of every row, or a header that leaves out
    /// the name of the row numbers, as R writes it.
    fn beside(&mut self, row: &StringRecord) {
        let last = row.len().saturating_sub(1);
        let ends = last > 0 && row.get(last) == Some("");
        let more = row.len() == self.width + 1;
        if ends && (more || row.len() == self.width && self.names[last].is_empty()) {
            self.nothing = Some(last);
            self.width = row.len();
        } else if more && self.index.is_none() {
            self.names.insert(0, String::new());
            self.width += 1;
            self.label = self.label.map(|l| l + 1);
            self.index = Some(0);
        }
    }

    /// Whether a column is a feature.
    fn is_feature(&self, k: usize) -> bool {
        Some(k) != self.label && self.is_used(k)
    }

    /// Whether a column says anything.
    pub(super) fn is_used(&self, k: usize) -> bool {
        Some(k) != self.index && Some(k) != self.nothing
    }

    /// How a message calls the column of a feature.
    fn called(&self, feature: usize) -> String {
        let column = (0..self.width).filter(|k| self.is_feature(*k)).nth(feature);
        let column = column.unwrap_or(feature);
        match self.names.get(column).filter(|n| !n.is_empty()) {
            Some(name) => format!("`{name}`"),
            None => format!("{}", column + 1),
        }
    }

    /// Tells of columns that are named as classes and are none.
    fn say_classes(&self, path: &Path, classed: bool, warnings: &mut Vec<String>) {
        let Some(label) = self.label else { return };
        let others = (0..self.names.len()).filter(|&k| Some(k) != self.label && is_label(&self.names[k]));
        let mut others = others.map(|k| &self.names[k]).peekable();
        if !classed {
            warnings.push(format!(
                "{}: column `{}` holds measurements: it is taken for a feature, not for classes",
                path.display(),
                self.names[label]
            ));
        } else if let Some(other) = others.peek() {
            warnings.push(format!(
                "{}: the classes are those of column `{}`; `{other}` is a feature",
                path.display(),
                self.names[label]
            ));
        }
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
        let of = |f: usize| values.iter().skip(f).step_by(features).copied();
        let mut say = |what: &str, test: &dyn Fn(usize) -> bool| {
            let mut found = (0..features).filter(|&f| test(f));
            if let Some(f) = found.next() {
                let others = match found.count() {
                    0 => String::new(),
                    n => format!(" and {n} others"),
                };
                let name = self.called(f);
                warnings.push(format!("{}: column {name}{others} {what}", path.display()));
            }
        };
        say("only counts the rows, and is a feature all the same", &|f| {
            counts(of(f), rows)
        });
        say("is the same in every row", &|f| of(f).all(|v| v == values[f]));
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
        let commas = field.contains(',') && number(&field.replace(',', "")).is_some();
        let several =
            field.split_whitespace().count() > 1 && field.split_whitespace().all(|f| number(f).is_some());
        let fix = match () {
            _ if commas => "write numbers with points before decimals, and nothing between thousands: 1000.5",
            _ if several => "separate its columns by commas, tabs or single spaces",
            _ if self.label.is_none() => {
                "name the column `label` if it is the class, take it out, or set data.columns=mixed for a model of numbers and classes"
            }
            _ => "take the column out, or set data.columns=mixed for a model of numbers and classes",
        };
        Some((format!("column {name} holds no numbers: `{shown}`"), fix))
    }

    /// The features and the class of a row, or what is wrong with it.
    fn point(&self, row: &StringRecord, missing: bool) -> Result<(Vec<f64>, Option<String>), String> {
        let line = row.position().map_or(0, |p| p.line());
        if row.len() != self.width {
            return Err(format!(
                "line {line} has {} columns, the first {}",
                row.len(),
                self.width
            ));
        }
        if let Some(said) = self.nothing.map(|k| &row[k]).filter(|f| !f.is_empty()) {
            let shown: String = said.chars().take(40).collect();
            let problem = "where the first row has nothing behind its last separator";
            return Err(format!("line {line}, column {}: `{shown}` {problem}", self.width));
        }
        let mut point = Vec::with_capacity(row.len());
        for (k, field) in row.iter().enumerate().filter(|(k, _)| self.is_feature(*k)) {
            match exact(field) {
                Some(v) if (v as f32).is_finite() => point.push(v),
                None if missing && is_open(field) => point.push(f64::NAN),
                found => {
                    let shown: String = field.chars().take(40).collect();
                    let problem = match found {
                        Some(_) => "is beyond the numbers of single precision",
                        None => "is not a number",
                    };
                    return Err(format!("line {line}, column {}: `{shown}` {problem}", k + 1));
                }
            }
        }
        let class = self.label.map(|k| &row[k]).filter(|l| !classes::is_missing(l));
        Ok((point, class.map(String::from)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn what_is_packed_too_far_is_no_table() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.csv.gz");
        let mut packed =
            flate2::write::GzEncoder::new(File::create(&path).unwrap(), flate2::Compression::fast());
        packed.write_all(&[b'1'; 1000]).unwrap();
        packed.finish().unwrap();
        let read = |left: u64| {
            let inner = MultiGzDecoder::new(BufReader::new(File::open(&path).unwrap()));
            let mut text = String::new();
            Unpacked { inner, left }
                .read_to_string(&mut text)
                .map_err(|e| e.to_string())
        };
        assert_eq!(read(1000), Ok(1000));
        assert!(read(999).unwrap_err().contains("unpacks to more than"));
    }
}
