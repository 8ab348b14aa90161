//! What is said about images in files beside them: `metadata.csv`, `metadata.jsonl`.
use super::classes::is_missing;
use super::table::separator;
use crate::error::{Error, Result};
use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

/// Numbers that a file of metadata may have in all, given or not: forty for a million images and more.
const MOST_CELLS: usize = 1 << 26;

/// What a file of metadata says about one image.
#[derive(Default, Debug, PartialEq)]
pub(super) struct Row {
    /// below the folder that the file lies in
    pub path: PathBuf,
    /// of the file, from 1
    pub line: u64,
    pub label: Option<String>,
    pub caption: Option<String>,
    /// what stands in a column `split`
    pub split: Option<String>,
    /// a number for each of the columns, where it is one
    pub numbers: Vec<Option<f32>>,
}

/// A file of metadata.
#[derive(Default, Debug)]
pub(super) struct Described {
    /// its name
    pub file: PathBuf,
    pub columns: Vec<String>,
    pub rows: Vec<Row>,
}

/// The metadata that lie in a folder, if any do.
///
/// # Errors
/// [`Error::Data`] with file and line when they cannot be read, or name a file outside the folder.
pub(super) fn find(folder: &Path) -> Result<Option<Described>> {
    let (csv, jsonl) = (folder.join("metadata.csv"), folder.join("metadata.jsonl"));
    let mut described = match (csv.is_file(), jsonl.is_file()) {
        (true, true) => {
            return Err(Error::data(
                folder,
                "has both metadata.csv and metadata.jsonl",
                "keep one of them",
            ));
        }
        (true, false) => read_csv(&csv)?,
        (false, true) => read_jsonl(&jsonl)?,
        (false, false) => return Ok(None),
    };
    let width = described.columns.len();
    for row in &mut described.rows {
        row.numbers.resize(width, None);
        // As written on Windows, where no file has such a name.
        let turned = row.path.to_string_lossy().replace('\\', "/");
        if row.path != Path::new(&turned) && !folder.join(&row.path).exists() {
            row.path = PathBuf::from(turned);
        }
        // `./a.png` is `a.png`.
        let below = |c: &Component| *c != Component::CurDir;
        let path: PathBuf = row.path.components().filter(below).collect();
        let inside = path.components().all(|c| matches!(c, Component::Normal(_)));
        let given = std::mem::replace(&mut row.path, path);
        if row.path.as_os_str().is_empty() || !inside {
            let problem = format!("line {} names the file `{}`", row.line, given.display());
            return Err(Error::data(
                &described.file,
                problem,
                "name files below the folder, without `..` or a leading `/`",
            ));
        }
    }
    Ok(Some(described))
}

fn read_csv(path: &Path) -> Result<Described> {
    let bad = |e: csv::Error| Error::data(path, format!("cannot be read: {e}"), "mend the table");
    let text = read(path)?;
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .delimiter(separator(text.as_bytes(), b','))
        .from_reader(text.as_bytes());
    let header: Vec<String> = reader.headers().map_err(bad)?.iter().map(String::from).collect();
    let at = |name: &str| header.iter().position(|h| h == name);
    let (file, label, caption, split) = (at("file_name"), at("label"), at("caption"), at("split"));
    let Some(file) = file else {
        let problem = format!("has no column `file_name` among {}", header.join(", "));
        return Err(Error::data(path, problem, "its first line must name the columns"));
    };
    let others: Vec<usize> = (0..header.len())
        .filter(|&k| ![Some(file), label, caption].contains(&Some(k)))
        .collect();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(bad)?;
        let text = |k: Option<usize>| k.and_then(|k| record.get(k)).filter(|t| !t.is_empty());
        rows.push(Row {
            path: PathBuf::from(&record[file]),
            line: record.position().map_or(0, |p| p.line()),
            label: text(label).filter(|t| !is_missing(t)).map(String::from),
            caption: text(caption).map(String::from),
            split: text(split).map(String::from),
            numbers: others.iter().map(|&k| number(&record[k])).collect(),
        });
    }
    Ok(Described {
        file: path.to_path_buf(),
        columns: others.iter().map(|&k| header[k].clone()).collect(),
        rows,
    })
}

/// The text of a file, without the byte order mark that some editors put before it.
fn read(path: &Path) -> Result<String> {
    let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
    Ok(text.trim_start_matches('\u{feff}').to_string())
}

/// A finite number, or a truth value as 1 or 0.
pub(super) fn number(text: &str) -> Option<f32> {
    exact(text).map(|v| v as f32).filter(|v| v.is_finite())
}

/// The same in double precision.
pub(super) fn exact(text: &str) -> Option<f64> {
    match text.parse() {
        Ok(v) => Some(v).filter(|v: &f64| v.is_finite()),
        Err(_) if text.eq_ignore_ascii_case("true") => Some(1.0),
        Err(_) if text.eq_ignore_ascii_case("false") => Some(0.0),
        Err(_) => None,
    }
}

fn read_jsonl(path: &Path) -> Result<Described> {
    let text = read(path)?;
    let mut columns: Vec<String> = Vec::new();
    let mut index = HashMap::new();
    let mut rows = Vec::new();
    for (n, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let bad = |problem: String| {
            Error::data(
                path,
                format!("line {}: {problem}", n + 1),
                "write one JSON object with `file_name` a line",
            )
        };
        let object: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(line).map_err(|e| bad(e.to_string()))?;
        let mut row = Row {
            line: n as u64 + 1,
            ..Row::default()
        };
        let inner = object
            .get("attributes")
            .and_then(|a| a.as_object())
            .cloned()
            .unwrap_or_default();
        for (name, value) in object.iter().chain(&inner) {
            match (name.as_str(), value) {
                ("file_name", serde_json::Value::String(s)) => row.path = s.into(),
                ("label", serde_json::Value::String(s)) => {
                    row.label = Some(s.clone()).filter(|s| !is_missing(s))
                }
                ("label", serde_json::Value::Number(n)) => row.label = Some(n.to_string()),
                ("label", serde_json::Value::Bool(b)) => row.label = Some(b.to_string()),
                ("label", serde_json::Value::Array(_) | serde_json::Value::Object(_)) => {
                    return Err(bad("its `label` is neither a word nor a number".into()));
                }
                ("caption", serde_json::Value::String(s)) => row.caption = Some(s.clone()),
                ("file_name" | "label" | "caption" | "attributes", _) => {}
                (name, value) => {
                    if name == "split" {
                        row.split = value.as_str().map(String::from);
                    }
                    let column = *index.entry(name.to_string()).or_insert_with(|| {
                        columns.push(name.to_string());
                        columns.len() - 1
                    });
                    row.numbers.resize(row.numbers.len().max(column + 1), None);
                    row.numbers[column] = value
                        .as_f64()
                        .map(|v| v as f32)
                        .or_else(|| value.as_bool().map(|b| b as u8 as f32));
                }
            }
        }
        if row.path.as_os_str().is_empty() {
            return Err(bad("has no `file_name`".into()));
        }
        if columns.len().saturating_mul(rows.len() + 1) > MOST_CELLS {
            let problem = format!(
                "{} rows name {} columns, which cannot be right",
                rows.len() + 1,
                columns.len()
            );
            return Err(bad(problem));
        }
        rows.push(row);
    }
    Ok(Described {
        file: path.to_path_buf(),
        columns,
        rows,
    })
}
