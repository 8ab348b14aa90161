//! CelebA's lists (Liu et al. 2015) as its authors publish them, and as tables with commas.
use crate::error::{Error, Result};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Attributes of -1 or 1 by file name, and the part each file belongs to.
#[derive(Default)]
pub(super) struct CelebA {
    /// the list of attributes, and that of the parts if there is one
    pub files: Vec<PathBuf>,
    pub attributes: Vec<String>,
    pub values: HashMap<String, Vec<f32>>,
    /// 0 train, 1 validation, 2 test; empty when there is no such list
    pub parts: HashMap<String, u8>,
}

/// Words of a line, apart by commas or by spaces.
fn words(line: &str) -> Vec<&str> {
    match line.contains(',') {
        true => line.split(',').map(str::trim).collect(),
        false => line.split_whitespace().collect(),
    }
}

/// A list's file, and its lines that hold anything, with their numbers.
type Lines = (PathBuf, Vec<(usize, String)>);

/// The lines of a list in a folder or beside it.
fn lines(folder: &Path, name: &str) -> Result<Option<Lines>> {
    let places = [Some(folder), folder.parent()];
    let files = places
        .iter()
        .flatten()
        .flat_map(|p| ["txt", "csv"].map(|e| p.join(format!("{name}.{e}"))));
    let Some(path) = files.into_iter().find(|p| p.is_file()) else {
        return Ok(None);
    };
    let text = std::fs::read_to_string(&path).map_err(Error::io("read", &path))?;
    let lines = text.trim_start_matches('\u{feff}').lines().enumerate();
    let lines = lines
        .filter(|(_, l)| !l.trim().is_empty())
        .map(|(n, l)| (n + 1, l.to_string()))
        .collect();
    Ok(Some((path, lines)))
}

/// The lists in a folder or beside it, if they are there.
///
/// # Errors
/// [`Error::Data`] with file and line when a list cannot be read.
pub(super) fn find(folder: &Path) -> Result<Option<CelebA>> {
    let Some((path, rows)) = lines(folder, "list_attr_celeba")? else {
        return Ok(None);
    };
    let mut out = CelebA {
        files: vec![path.clone()],
        ..CelebA::default()
    };
    // The authors' list begins with the number of images; a table's first column has a name.
    let counted = rows.first().is_some_and(|(_, l)| l.trim().parse::<u64>().is_ok());
    let mut rows = rows.into_iter().skip(usize::from(counted));
    if let Some((_, header)) = rows.next() {
        let header = words(&header);
        let named = usize::from(header.first().is_some_and(|h| h.eq_ignore_ascii_case("image_id")));
        out.attributes = header[named..].iter().map(|h| h.to_string()).collect();
    }
    for (n, line) in rows {
        let parts = words(&line);
        let row: Option<Vec<f32>> = parts[1..].iter().map(|v| v.parse().ok()).collect();
        let Some(row) = row.filter(|r| r.len() == out.attributes.len()) else {
            let problem = format!("line {n} does not have {} numbers", out.attributes.len());
            return Err(Error::data(&path, problem, "fetch the list again"));
        };
        out.values.insert(parts[0].to_string(), row);
    }
    if let Some((list, rows)) = lines(folder, "list_eval_partition")? {
        for (i, (n, line)) in rows.into_iter().enumerate() {
            match words(&line)[..] {
                [name, part] if part.parse::<u8>().is_ok_and(|p| p < 3) => {
                    out.parts.insert(name.to_string(), part.parse().unwrap_or(0));
                }
                // A table's header.
                [_, _] if i == 0 => {}
                _ => {
                    let problem = format!("line {n} is not a file name and 0, 1 or 2");
                    return Err(Error::data(&list, problem, "fetch the list again"));
                }
            }
        }
        out.files.push(list);
    }
    Ok(Some(out))
}
