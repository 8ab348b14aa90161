//! What stands in a list: a table with a column of files, or a file a line.
use super::files::{Files, slashed};
use super::{List, Part, Row};
use crate::classes::is_missing;
use crate::error::{Error, Result};
use crate::table::separator;
use crate::walk::ends_in;
use std::path::{Path, PathBuf};

/// A longer file is no list: 1.8 million images of the largest one in use are named in 90 MB.
const LONGEST: u64 = 128 << 20;
/// A list names files that are there by one line of so many at least; a text that names one by chance is none.
const RARE: usize = 1000;
/// How often a list names a file at most, on the average.
const OFTEN: usize = 64;
/// Columns that name a file, the surest first.
const FILES: [&str; 16] = [
    "file_name",
    "filename",
    "file_path",
    "filepath",
    "filepaths",
    "path",
    "file",
    "fname",
    "image_path",
    "image_name",
    "image",
    "image_id",
    "img",
    "audio",
    "name",
    "id",
];
/// Columns that hold the class, the surest first.
const LABELS: [&str; 4] = ["label", "class", "category", "target"];
/// Columns that are no class, where they are the only ones.
const NO_LABELS: [&str; 6] = ["caption", "captions", "text", "description", "comment", "split"];

impl List {
    /// Takes the next row; false where this is no list after all.
    fn take(&mut self, path: &Path, row: Row, files: &Files) -> Result<bool> {
        self.hits += usize::from(row.file.is_ok());
        self.rows.push(row);
        if self.hits > OFTEN * files.len() + RARE {
            let problem = format!("has more than {} lines for {} files", self.hits - 1, files.len());
            return Err(Error::data(path, problem, "name each file once"));
        }
        Ok(!self.rows.len().is_multiple_of(1 << 16) || self.is_one())
    }

    /// Whether it names what is there.
    fn is_one(&self) -> bool {
        self.hits > 0 && self.hits * RARE >= self.rows.len()
    }
}

/// A list; None where it names no files that are there.
pub(super) fn list(root: &Path, file: PathBuf, part: Part, files: &mut Files) -> Result<Option<List>> {
    let path = root.join(&file);
    let bytes = std::fs::metadata(&path).map_err(Error::io("read", &path))?.len();
    if bytes > LONGEST {
        return Ok(None);
    }
    let text = std::fs::read(&path).map_err(Error::io("read", &path))?;
    let text = String::from_utf8_lossy(&text);
    let text = text.trim_start_matches('\u{feff}');
    let mut list = List {
        file,
        part,
        rows: vec![],
        hits: 0,
        unused: None,
    };
    files.folder = slashed(list.file.parent().unwrap_or(Path::new("")));
    files.part = part;
    let is_table = ends_in(&list.file, &["csv", "tsv"]);
    let header = Header::of(text, list.file.extension().is_some_and(|e| e == "tsv"));
    match header {
        Some(header) => of_table(&path, text, &header, files, &mut list)?,
        None if is_table => {
            let delimiter = separator(text.as_bytes(), b',');
            let header = Header {
                columns: vec![],
                delimiter,
            };
            of_table(&path, text, &header, files, &mut list)?;
        }
        None => of_lines(&path, text, files, &mut list)?,
    }
    Ok(list.is_one().then_some(list))
}

/// The names of a table's columns, in lower case; none where its first line is a row.
struct Header {
    columns: Vec<String>,
    delimiter: u8,
}

impl Header {
    /// The header, where a column of it is called as those that name files are.
    fn of(text: &str, tabs: bool) -> Option<Header> {
        let delimiter = separator(text.as_bytes(), if tabs { b'\t' } else { b',' });
        let first = text.lines().next()?;
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .trim(csv::Trim::All)
            .delimiter(delimiter)
            .from_reader(first.as_bytes());
        let record = reader.records().next()?.ok()?;
        let columns: Vec<String> = record.iter().map(str::to_lowercase).collect();
        let is_header = columns.iter().any(|c| FILES.contains(&&c[..]));
        is_header.then_some(Header { columns, delimiter })
    }

    /// The columns that may name files, the surest first; the first one of a table without names.
    fn files(&self) -> Vec<usize> {
        if self.columns.is_empty() {
            return vec![0];
        }
        let at = |name: &&str| self.columns.iter().position(|c| c == name);
        FILES.iter().filter_map(at).collect()
    }

    /// The column of the classes beside that of the files, and those that say something else.
    fn label(&self, file: usize, width: usize) -> (Option<usize>, Vec<usize>) {
        let known = |name: &&str| self.columns.iter().position(|c| c == name);
        // A nameless column counts the rows; another that may name files says the same once more.
        let says = |k: &usize| {
            let name = self.columns.get(*k).map_or("?", String::as_str);
            *k != file && !name.is_empty() && !FILES.contains(&name)
        };
        let others: Vec<usize> = (0..width).filter(says).collect();
        let may_be = |k: &usize| {
            self.columns
                .get(*k)
                .is_none_or(|name| !NO_LABELS.contains(&&name[..]))
        };
        let label = LABELS.iter().find_map(known).or(match others[..] {
            [only] => Some(only).filter(may_be),
            _ => None,
        });
        (label, others.into_iter().filter(|k| Some(*k) != label).collect())
    }
}

/// The rows of a table, by the first column that names files which are there.
fn of_table(path: &Path, text: &str, header: &Header, files: &Files, list: &mut List) -> Result<()> {
    let reader = || {
        csv::ReaderBuilder::new()
            .has_headers(!header.columns.is_empty())
            .flexible(true)
            .trim(csv::Trim::All)
            .delimiter(header.delimiter)
            .from_reader(text.as_bytes())
    };
    let field = |record: &csv::StringRecord, k: usize| record.get(k).unwrap_or_default().to_string();
    for file in header.files() {
        let some = reader().into_records().take(1000).flatten();
        if !some.into_iter().any(|r| files.named(&field(&r, file)).is_some()) {
            continue;
        }
        let width = match header.columns.len() {
            0 => reader().records().flatten().next().map_or(0, |r| r.len()),
            n => n,
        };
        let (label, unused) = header.label(file, width);
        let name = |k: usize| header.columns.get(k).cloned().unwrap_or(format!("{}", k + 1));
        if !unused.is_empty() {
            let unused: Vec<String> = unused.into_iter().map(name).collect();
            list.unused = Some(format!("the columns {}", unused.join(", ")));
        }
        for record in reader().into_records() {
            let record = record.map_err(|e| {
                Error::data(
                    path,
                    format!("cannot be read: {e}"),
                    "mend the list, or take it out",
                )
            })?;
            let name = field(&record, file);
            let label = label.map(|k| field(&record, k)).filter(|l| !is_missing(l));
            let row = Row {
                line: record.position().map_or(0, |p| p.line()),
                file: files.named(&name).ok_or_else(|| beginning(&name)),
                label,
            };
            if !list.take(path, row, files)? {
                break;
            }
        }
        return Ok(());
    }
    Ok(())
}

/// The lines of a text: a file each, and what may stand behind it, its label.
fn of_lines(path: &Path, text: &str, files: &Files, list: &mut List) -> Result<()> {
    let mut more = false;
    for (n, line) in text.lines().enumerate().map(|(n, l)| (n as u64 + 1, l.trim())) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut row = Row {
            line: n,
            file: files.named(line).ok_or_else(|| beginning(line)),
            label: None,
        };
        if row.file.is_err()
            && let Some((at, rest, last)) = named_before(line, files)
        {
            row.file = Ok(at);
            row.label = Some(rest.to_string()).filter(|l| last && !is_missing(l));
            more |= !last;
        }
        if !list.take(path, row, files)? {
            break;
        }
    }
    if more {
        list.unused = Some("several words behind a name".into());
    }
    Ok(())
}

/// As much of a name that leads nowhere as a message has room for.
fn beginning(name: &str) -> String {
    name.chars().take(200).collect()
}

/// The file that the beginning of a line names, what stands behind it, and whether that is the last word. Names may hold
/// any of the signs that words are apart by.
fn named_before<'a>(line: &'a str, files: &Files) -> Option<(usize, &'a str, bool)> {
    for apart in [',', '\t', ' ', ';'] {
        for (both, last) in [(line.rsplit_once(apart), true), (line.split_once(apart), false)] {
            if let Some((name, rest)) = both
                && let Some(at) = files.named(name.trim())
            {
                return Some((at, rest.trim(), last));
            }
        }
    }
    None
}
