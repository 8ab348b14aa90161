//! Tables of numbers and classes: every column of a `.csv` or `.tsv` is a number of a row, a class by its place among the names.
use super::files::csv_field;
use super::memory::{Part, Stored};
use super::metadata::number;
use super::table::{Begun, begin, is_open, readable};
use super::{Column, DataInfo, Dataset, Item, Kind, Role, Source, Values, classes, damage};
use crate::error::{Error, Result, nearest};
use crate::random::Key;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// Classes of a column at most: beyond that its words tell rows apart rather than say something of them.
const MOST: usize = 256;
/// Different numbers of a column that is asked for by its classes, at most.
const NUMBERED: usize = 12;
/// So many bad rows are named at most.
const NAMED: usize = 1000;

/// The rows of a table. A column is one of numbers where its fields are, up to the share `max_bad` of them, and there are more than two
/// of them; any other is one of classes. Damaged rows are named in `warnings` and left out; `source.missing = "keep"` leaves gaps open (NaN).
///
/// # Errors
/// [`Error::Data`] for a table without a header or rows, and for a column of too many classes; those of [`give_roles`].
pub(super) fn open(path: &Path, source: &Source, warnings: &mut Vec<String>) -> Result<Stored> {
    let Begun { columns, rows } = begin(path, source.missing == "keep", warnings)?;
    let used: Vec<usize> = (0..columns.width).filter(|k| columns.is_used(*k)).collect();
    let names = names(path, &columns.names, &used)?;
    let (mut fields, mut bad, mut total) = (Vec::new(), Vec::new(), 0);
    for row in rows {
        total += 1;
        match readable(path, row)? {
            Ok(row) if row.len() == columns.width => {
                let line = row.position().map_or(0, |p| p.line());
                fields.push((
                    line,
                    used.iter().map(|k| row[*k].to_string()).collect::<Vec<String>>(),
                ));
            }
            Ok(row) => bad.push(format!(
                "has a row of {} columns, the first {}",
                row.len(),
                columns.width
            )),
            Err(problem) => bad.push(problem),
        }
    }
    if fields.is_empty() {
        return Err(Error::data(
            path,
            "has no rows",
            "give a table of numbers and classes",
        ));
    }
    let forced = |name: &String| *name == source.protected || *name == source.outcome;
    let mut found: Vec<Column> = names
        .iter()
        .enumerate()
        .map(|(c, name)| {
            column(
                path,
                name,
                forced(name),
                fields.iter().map(|(_, f)| &f[c][..]),
                source.max_bad,
            )
        })
        .collect::<Result<_>>()?;
    let keep = source.missing == "keep";
    let (mut values, mut count) = (Vec::with_capacity(fields.len() * used.len()), 0);
    for (line, row) in &fields {
        match numbers(row, &found, keep) {
            Ok(row) => {
                values.extend(row);
                count += 1;
            }
            Err(problem) => bad.push(format!("line {line}, {problem}")),
        }
    }
    let bad: Vec<String> = bad
        .into_iter()
        .take(NAMED)
        .map(|b| format!("{} {b}", path.display()))
        .collect();
    damage::bear_counted(path, "rows", &bad, total - count, total, source.max_bad)?;
    warnings.extend(bad);
    for (c, column) in found.iter_mut().enumerate() {
        describe(column, values.iter().skip(c).step_by(used.len()).copied());
    }
    let usual = columns.label.and_then(|l| used.iter().position(|k| *k == l));
    give_roles(&mut found, source, usual)?;
    Ok(Stored {
        info: info(path.display().to_string(), found, count, &values),
        values: Values::Floats(values),
        labels: vec![],
        attributes: vec![],
    })
}

/// The description of a table's rows.
pub(super) fn info(source: String, columns: Vec<Column>, count: usize, values: &[f32]) -> DataInfo {
    let range = values
        .iter()
        .fold((f32::MAX, f32::MIN), |(l, h), &v| (l.min(v), h.max(v)));
    DataInfo {
        source,
        kind: Kind::Points,
        shape: vec![columns.len()],
        count,
        range,
        columns,
        ..DataInfo::default()
    }
}

/// The names of the columns that are used, each once.
fn names(path: &Path, header: &[String], used: &[usize]) -> Result<Vec<String>> {
    if header.is_empty() {
        let fix = "write the names of its columns into the first line";
        return Err(Error::data(
            path,
            "has no header: there are numbers in its first row",
            fix,
        ));
    }
    let names: Vec<String> = used.iter().map(|k| header[*k].clone()).collect();
    let mut seen = BTreeSet::new();
    if let Some(twice) = names.iter().find(|n| !seen.insert(*n)) {
        let problem = format!("has two columns `{twice}`");
        return Err(Error::data(path, problem, "give each a name of its own"));
    }
    Ok(names)
}

/// What a column is, by its fields.
fn column<'a>(
    path: &Path,
    name: &str,
    forced: bool,
    fields: impl Iterator<Item = &'a str> + Clone,
    max_bad: f64,
) -> Result<Column> {
    let there = || fields.clone().filter(|f| !is_open(f));
    let words: BTreeSet<&str> = there().collect();
    if words.is_empty() {
        let problem = format!("column `{name}` has no value in any row");
        return Err(Error::data(path, problem, "take the column out"));
    }
    let others = there().filter(|f| number(f).is_none()).count();
    let of_numbers = words.len() > 2 && others as f64 <= max_bad * there().count() as f64;
    let mut column = Column {
        name: name.into(),
        ..Column::default()
    };
    if of_numbers && !(forced && words.len() <= NUMBERED) {
        return Ok(column);
    }
    let with_point = |w: &&str| w.contains(',') && number(&w.replacen(',', ".", 1)).is_some();
    if words.len() > 2
        && words.iter().all(|w| number(w).is_some() || with_point(w))
        && words.iter().any(with_point)
    {
        let problem = format!("column `{name}` holds numbers with commas");
        return Err(Error::data(
            path,
            problem,
            "write numbers with points: 1.5, not 1,5",
        ));
    }
    if words.len() > MOST {
        let problem = format!("column `{name}` holds {} different words", words.len());
        let fix = format!("take it out, or bring its words to {MOST} classes at most");
        return Err(Error::data(path, problem, fix));
    }
    let words: Vec<Option<String>> = words.into_iter().map(|w| Some(w.into())).collect();
    column.classes = classes::by_name(&words).0;
    Ok(column)
}

/// A row's numbers, or what is wrong with it.
fn numbers(row: &[String], columns: &[Column], keep: bool) -> Result<Vec<f32>, String> {
    let one = |(field, column): (&String, &Column)| {
        let found = match column.classes.is_empty() {
            _ if is_open(field) => keep.then_some(f32::NAN),
            true => number(field),
            false => class_of(&column.classes, field).map(|c| c as f32),
        };
        let shown: String = field.chars().take(40).collect();
        found.ok_or_else(|| match is_open(field) {
            true => format!("column `{}`: there is no value", column.name),
            false => format!("column `{}`: `{shown}` is not a number", column.name),
        })
    };
    row.iter().zip(columns).map(one).collect()
}

/// The place of a class; whole numbers may be written as real ones.
fn class_of(classes: &[String], field: &str) -> Option<usize> {
    let whole = || field.parse::<f64>().ok().map(|v| (v as i64).to_string());
    let at = |name: &str| classes.iter().position(|c| c == name);
    at(field).or_else(|| at(&whole()?))
}

/// Fills in the shares of a column's classes, or the mean and the deviation of its numbers.
pub(super) fn describe(column: &mut Column, values: impl Iterator<Item = f32> + Clone) {
    let there = || values.clone().filter(|v| !v.is_nan()).map(f64::from);
    let n = there().count().max(1) as f64;
    if column.classes.is_empty() {
        column.mean = there().sum::<f64>() / n;
        let variance = there().map(|v| (v - column.mean).powi(2)).sum::<f64>() / n;
        column.deviation = if variance > 0.0 { variance.sqrt() } else { 1.0 };
        return;
    }
    column.shares = vec![0.0; column.classes.len()];
    there().for_each(|v| column.shares[v as usize] += 1.0 / n);
}

/// Says which column is protected and which the outcome: as the source says; the outcome is otherwise the `usual` one.
///
/// # Errors
/// [`Error::Recipe`] for a column that is not there, that is both, or has no classes.
pub(super) fn give_roles(columns: &mut [Column], source: &Source, usual: Option<usize>) -> Result<()> {
    let place = |key: &'static str, name: &str| {
        let names = || columns.iter().map(|c| &c.name[..]);
        let Some(at) = names().position(|n| n == name) else {
            let close = nearest(name, names());
            let there = names().take(40).collect::<Vec<_>>().join(", ");
            let fix = match close.starts_with("did you mean") {
                true => format!("{close} There are: {there}"),
                false => format!("there are: {there}"),
            };
            return Err(Error::recipe(
                key,
                format!("{} has no column `{name}`", source.source),
                fix,
            ));
        };
        match columns[at].classes.is_empty() {
            true => Err(Error::recipe(
                key,
                format!("column `{name}` holds numbers, and classes are asked for"),
                "bring it to classes, such as `low` and `high`",
            )),
            false => Ok(at),
        }
    };
    let named = |key, name: &str| (!name.is_empty()).then(|| place(key, name)).transpose();
    let protected = named("data.protected", &source.protected)?;
    let outcome = named("data.outcome", &source.outcome)?.or(usual.filter(|u| Some(*u) != protected));
    if protected.is_some() && protected == outcome {
        let problem = format!("column `{}` is the outcome, too", source.protected);
        return Err(Error::recipe("data.protected", problem, "name two columns"));
    }
    for (at, role) in [(outcome, Role::Outcome), (protected, Role::Protected)] {
        if let Some(at) = at {
            columns
                .iter_mut()
                .filter(|c| c.role == role)
                .for_each(|c| c.role = Role::Feature);
            columns[at].role = role;
        }
    }
    Ok(())
}

/// Refuses roles of columns for what has none.
///
/// # Errors
/// [`Error::Recipe`].
pub(super) fn roles_are_of_a_table(source: &Source, info: &DataInfo) -> Result<()> {
    let roles = [
        ("data.protected", &source.protected),
        ("data.outcome", &source.outcome),
    ];
    match roles.into_iter().find(|(_, name)| !name.is_empty()) {
        Some((key, name)) if info.columns.is_empty() => {
            let problem = format!(
                "`{}` has no column `{name}`: it is no table of numbers and classes",
                source.source
            );
            Err(Error::recipe(
                key,
                problem,
                "leave it out, or give a .csv with a header",
            ))
        }
        _ => Ok(()),
    }
}

/// Rows as the text of a `.csv` file: a header, where the columns have names, and classes by theirs.
pub fn table_text(columns: &[Column], width: usize, values: &[f32]) -> String {
    let field = |(c, v): (usize, &f32)| match columns.get(c) {
        Some(column) if !column.classes.is_empty() && !v.is_nan() => {
            csv_field(column.classes.get(*v as usize).map_or("", |n| n))
        }
        _ if v.is_nan() => String::new(),
        _ => v.to_string(),
    };
    let header: Vec<String> = columns.iter().map(|c| csv_field(&c.name)).collect();
    let rows = values.chunks_exact(width.max(1));
    let lines = rows.map(|row| row.iter().enumerate().map(field).collect::<Vec<_>>());
    let header = (!header.is_empty()).then_some(header);
    header
        .into_iter()
        .chain(lines)
        .map(|l| l.join(",") + "\n")
        .collect()
}

/// A table whose classes have the numbers that other columns give them.
struct Recoded {
    info: DataInfo,
    base: Arc<dyn Dataset>,
    /// of each column's classes
    numbers: Vec<Vec<Option<f32>>>,
}

/// The rows of a table with the numbers that `known` gives the names of its classes: what a run was trained on decides. Rows of classes that
/// are not known are left out, which is told.
///
/// # Errors
/// [`Error::Data`] for other columns; those of the rows.
pub fn recoded(
    base: Arc<dyn Dataset>,
    known: &[Column],
    warnings: &mut Vec<String>,
) -> Result<Arc<dyn Dataset>> {
    let own = &base.info().columns;
    if known.is_empty() || own == known {
        return Ok(base);
    }
    let source = base.info().source.clone();
    let alike = |a: &Column, b: &Column| a.name == b.name && a.classes.is_empty() == b.classes.is_empty();
    if own.len() != known.len() || !own.iter().zip(known).all(|(a, b)| alike(a, b)) {
        let list = |c: &[Column]| c.iter().map(|c| c.name.clone()).collect::<Vec<_>>().join(", ");
        let problem = format!("has the columns {}, not {} as the run", list(own), list(known));
        return Err(Error::data(
            source,
            problem,
            "give a table with the run's columns, in their order",
        ));
    }
    let place = |name: &String, of: &Column| of.classes.iter().position(|c| c == name).map(|p| p as f32);
    let numbers: Vec<Vec<_>> = own
        .iter()
        .zip(known)
        .map(|(a, b)| a.classes.iter().map(|n| place(n, b)).collect())
        .collect();
    let strange = own.iter().zip(&numbers).find_map(|(c, n)| {
        let at = n.iter().position(Option::is_none)?;
        Some(format!("`{}` of column `{}`", c.classes[at], c.name))
    });
    let count = base.info().count;
    let info = DataInfo {
        columns: known.to_vec(),
        ..base.info().clone()
    };
    let set = Arc::new(Recoded { info, base, numbers });
    let Some(strange) = strange else {
        return Ok(set);
    };
    let mut kept = vec![];
    for i in 0..count {
        if set.row(i)?.is_some() {
            kept.push(i as u32);
        }
    }
    if kept.is_empty() {
        let problem = format!("no row is left: the run does not know {strange}");
        return Err(Error::data(
            source,
            problem,
            "give a table with the run's classes",
        ));
    }
    let out = count - kept.len();
    warnings.push(format!(
        "{source}: the run does not know the class {strange}: {out} rows are left out"
    ));
    Ok(Part::of(set, Some(kept), 0))
}

impl Recoded {
    /// An item in the other numbers; none where a class has none.
    fn row(&self, index: usize) -> Result<Option<Item>> {
        let item = self.base.get(index)?;
        let mut row = Vec::with_capacity(item.values.len());
        item.values.extend(Kind::Points, &mut row);
        for (v, numbers) in row.iter_mut().zip(&self.numbers) {
            if !numbers.is_empty() && !v.is_nan() {
                match numbers.get(*v as usize).copied().flatten() {
                    Some(n) => *v = n,
                    None => return Ok(None),
                }
            }
        }
        Ok(Some(Item {
            values: Values::Floats(row),
            ..item
        }))
    }
}

impl Dataset for Recoded {
    fn info(&self) -> &DataInfo {
        &self.info
    }
    fn get(&self, index: usize) -> Result<Item> {
        let strange = || {
            let problem = format!("row {index} is of a class that the run does not know");
            Error::data(&self.info.source, problem, "take it out")
        };
        self.row(index)?.ok_or_else(strange)
    }
    fn order(&self, key: Key) -> Option<Vec<u32>> {
        self.base.order(key)
    }
    fn warnings(&self) -> Vec<String> {
        self.base.warnings()
    }
}
