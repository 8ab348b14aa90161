//! What is said about images in files beside them: `metadata.csv`, `metadata.jsonl`, and CelebA's lists.
use crate::error::{Error, Result};
use std::collections::{BTreeSet, HashMap};
use std::path::{Component, Path, PathBuf};

/// What a file of metadata says about one image.
#[derive(Default, Debug, PartialEq)]
pub(super) struct Row {
    /// below the folder that the file lies in
    pub path: PathBuf,
    pub label: Option<String>,
    pub caption: Option<String>,
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
    for (i, row) in described.rows.iter_mut().enumerate() {
        row.numbers.resize(width, None);
        if row.path.as_os_str().is_empty()
            || !row.path.components().all(|c| matches!(c, Component::Normal(_)))
        {
            let problem = format!("item {} names the file `{}`", i + 1, row.path.display());
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
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .from_path(path)
        .map_err(bad)?;
    let header: Vec<String> = reader.headers().map_err(bad)?.iter().map(String::from).collect();
    let at = |name: &str| header.iter().position(|h| h == name);
    let (file, label, caption) = (at("file_name"), at("label"), at("caption"));
    let Some(file) = file else {
        return Err(Error::data(
            path,
            "has no column `file_name`",
            "its first line must name the columns",
        ));
    };
    let others: Vec<usize> = (0..header.len())
        .filter(|&k| ![Some(file), label, caption].contains(&Some(k)))
        .collect();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(bad)?;
        let text = |k: Option<usize>| {
            k.and_then(|k| record.get(k))
                .filter(|t| !t.is_empty())
                .map(String::from)
        };
        rows.push(Row {
            path: PathBuf::from(&record[file]),
            label: text(label),
            caption: text(caption),
            numbers: others.iter().map(|&k| number(&record[k])).collect(),
        });
    }
    Ok(Described {
        file: path.to_path_buf(),
        columns: others.iter().map(|&k| header[k].clone()).collect(),
        rows,
    })
}

fn number(text: &str) -> Option<f32> {
    match text.to_lowercase().as_str() {
        "true" => Some(1.0),
        "false" => Some(0.0),
        t => t.parse().ok().filter(|v: &f32| v.is_finite()),
    }
}

fn read_jsonl(path: &Path) -> Result<Described> {
    let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
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
        let mut row = Row::default();
        let inner = object
            .get("attributes")
            .and_then(|a| a.as_object())
            .cloned()
            .unwrap_or_default();
        for (name, value) in object.iter().chain(&inner) {
            match (name.as_str(), value) {
                ("file_name", serde_json::Value::String(s)) => row.path = s.into(),
                ("label", serde_json::Value::String(s)) => row.label = Some(s.clone()),
                ("label", serde_json::Value::Number(n)) => row.label = Some(n.to_string()),
                ("caption", serde_json::Value::String(s)) => row.caption = Some(s.clone()),
                ("file_name" | "label" | "caption" | "attributes", _) => {}
                (name, value) => {
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
        rows.push(row);
    }
    Ok(Described {
        file: path.to_path_buf(),
        columns,
        rows,
    })
}

/// Class names in order (of numbers where all are), and each label's class.
pub(super) fn classes<S: AsRef<str>>(labels: &[S]) -> (Vec<String>, Vec<u32>) {
    let mut names: Vec<&str> = labels
        .iter()
        .map(AsRef::as_ref)
        .collect::<BTreeSet<&str>>()
        .into_iter()
        .collect();
    if names.iter().all(|n| n.parse::<i64>().is_ok()) {
        names.sort_by_key(|n| n.parse::<i64>().ok());
    }
    let index: HashMap<&str, u32> = names.iter().enumerate().map(|(i, n)| (*n, i as u32)).collect();
    let each = labels.iter().map(|l| index[l.as_ref()]).collect();
    (names.into_iter().map(String::from).collect(), each)
}

/// CelebA's attributes (Liu et al. 2015): -1 or 1 each, by file name, and the split each file belongs to.
#[derive(Default)]
pub(super) struct CelebA {
    pub file: PathBuf,
    pub attributes: Vec<String>,
    pub values: HashMap<String, Vec<f32>>,
    /// 0 train, 1 validation, 2 test; empty when there is no such list
    pub parts: HashMap<String, u8>,
}

/// CelebA's lists in a folder or beside it, if they are there.
///
/// # Errors
/// [`Error::Data`] with file and line when a list cannot be read.
pub(super) fn celeba(folder: &Path) -> Result<Option<CelebA>> {
    let places = [Some(folder), folder.parent()];
    let find = |name: &str| {
        places
            .iter()
            .flatten()
            .map(|p| p.join(name))
            .find(|p| p.is_file())
    };
    let Some(path) = find("list_attr_celeba.txt") else {
        return Ok(None);
    };
    let text = std::fs::read_to_string(&path).map_err(Error::io("read", &path))?;
    let mut lines = text.lines().enumerate().skip(1);
    let attributes: Vec<String> = lines
        .next()
        .unwrap_or_default()
        .1
        .split_whitespace()
        .map(String::from)
        .collect();
    let mut values = HashMap::new();
    for (n, line) in lines.filter(|(_, l)| !l.trim().is_empty()) {
        let mut parts = line.split_whitespace();
        let name = parts.next().unwrap_or_default().to_string();
        let row: Option<Vec<f32>> = parts.map(|v| v.parse().ok()).collect();
        let Some(row) = row.filter(|r| r.len() == attributes.len()) else {
            let problem = format!("line {} has not {} numbers", n + 1, attributes.len());
            return Err(Error::data(&path, problem, "fetch the list again"));
        };
        values.insert(name, row);
    }
    let mut parts = HashMap::new();
    if let Some(list) = find("list_eval_partition.txt") {
        let text = std::fs::read_to_string(&list).map_err(Error::io("read", &list))?;
        for line in text.lines() {
            if let Some((name, part)) = line.split_once(char::is_whitespace) {
                parts.insert(name.to_string(), part.trim().parse().unwrap_or(0));
            }
        }
    }
    Ok(Some(CelebA {
        file: path,
        attributes,
        values,
        parts,
    }))
}
