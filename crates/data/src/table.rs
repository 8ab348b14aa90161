//! Tables of numbers as points: `.csv` and `.tsv`, a row a point.
use super::memory::Stored;
use super::{DataInfo, Kind, Values, damage};
use crate::error::{Error, Result};
use std::path::Path;

/// Columns of these names hold the class rather than a feature.
const LABELS: [&str; 3] = ["label", "class", "target"];

/// The points of a table, with a header or without. Rows that are not numbers are named in `warnings` and left out.
pub(super) fn open(path: &Path, max_bad: f64, warnings: &mut Vec<String>) -> Result<Stored> {
    let tabs = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("tsv"));
    let reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .delimiter(if tabs { b'\t' } else { b',' })
        .from_path(path);
    let unreadable = |e: csv::Error| {
        Error::data(
            path,
            format!("cannot be read: {e}"),
            "give a table of numbers in UTF-8",
        )
    };
    let mut rows = reader.map_err(unreadable)?.into_records().peekable();
    let mut label_column = None;
    let mut width = None;
    if let Some(Ok(first)) = rows.peek() {
        width = Some(first.len());
        // A first row of words is a header.
        if first.iter().all(|f| f.parse::<f64>().is_err()) {
            label_column = first
                .iter()
                .position(|f| LABELS.contains(&f.to_lowercase().as_str()));
            rows.next();
        }
    }
    let (mut values, mut classes, mut bad, mut total) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for row in rows {
        total += 1;
        match row
            .map_err(|e| e.to_string())
            .and_then(|r| numbers(&r, width, label_column))
        {
            Ok((point, class)) => {
                values.extend(point);
                classes.extend(class);
            }
            Err(problem) => bad.push(format!("{} {problem}", path.display())),
        }
    }
    if total == 0 {
        return Err(Error::data(path, "has no rows", "give a table of numbers"));
    }
    damage::bear(path, "rows", &bad, total, max_bad)?;
    let count = total - bad.len();
    warnings.extend(bad);
    let (names, labels) = super::metadata::classes(&classes);
    let range = values
        .iter()
        .fold((f32::MAX, f32::MIN), |(l, h), &v| (l.min(v), h.max(v)));
    let shape = vec![values.len() / count];
    if shape[0] == 0 {
        return Err(Error::data(
            path,
            "has no columns of numbers",
            "give a table of numbers",
        ));
    }
    let info = DataInfo {
        source: path.display().to_string(),
        kind: Kind::Points,
        shape,
        count,
        range,
        labels: names,
        attributes: vec![],
        rate: 0,
        shares: vec![],
    };
    Ok(Stored {
        info,
        values: Values::Floats(values),
        labels,
    })
}

/// The features and the class of a row, or what is wrong with it.
fn numbers(
    row: &csv::StringRecord,
    width: Option<usize>,
    label_column: Option<usize>,
) -> Result<(Vec<f32>, Option<String>), String> {
    let line = row.position().map_or(0, |p| p.line());
    if Some(row.len()) != width {
        return Err(format!(
            "line {line} has {} columns, the first {}",
            row.len(),
            width.unwrap_or(0)
        ));
    }
    let mut point = Vec::with_capacity(row.len());
    for (k, field) in row.iter().enumerate().filter(|(k, _)| Some(*k) != label_column) {
        match field.parse::<f32>() {
            Ok(v) if v.is_finite() => point.push(v),
            _ => {
                return Err(format!(
                    "line {line}, column {}: `{field}` is not a number",
                    k + 1
                ));
            }
        }
    }
    Ok((point, label_column.map(|k| row[k].to_string())))
}
