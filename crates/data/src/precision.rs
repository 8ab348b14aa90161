//! Numbers are learned from in single precision; columns in which that joins what the file tells apart are named.
use std::path::Path;

/// What single precision does to the columns of a table or an array, row by row.
#[derive(Default)]
pub(super) struct Precision {
    /// of each column its last number, as it is given
    before: Vec<Option<f64>>,
    /// rows of each column that are told from the one before only in the file
    joined: Vec<usize>,
    rows: usize,
}

impl Precision {
    /// Looks at the numbers of the next row, as they are given.
    pub(super) fn row(&mut self, numbers: impl Iterator<Item = f64>) {
        self.rows += 1;
        for (column, exact) in numbers.enumerate() {
            if column == self.before.len() {
                self.before.push(None);
                self.joined.push(0);
            }
            let before = self.before[column].replace(exact);
            let joined = before.is_some_and(|b| b != exact && b as f32 == exact as f32);
            self.joined[column] += usize::from(joined);
        }
    }

    /// Tells of the columns in which more than a hundredth of the rows is joined with the one before; `name` is how a
    /// message calls a column.
    pub(super) fn say(&self, path: &Path, name: impl Fn(usize) -> String, warnings: &mut Vec<String>) {
        let mut found = (0..self.joined.len()).filter(|&c| self.joined[c] * 100 > self.rows);
        if let Some(first) = found.next() {
            let others = match found.count() {
                0 => String::new(),
                n => format!(" and {n} others"),
            };
            warnings.push(format!(
                "{}: column {}{others}: single precision does not tell {} of {} rows from the row before; subtract its mean, or \
                 scale it",
                path.display(),
                name(first),
                self.joined[first],
                self.rows
            ));
        }
    }
}
