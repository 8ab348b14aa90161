//! Many shards as one set: one numbering of classes over all of them, one list of attributes.
use super::index::{Entry, Index, JSON, NONE};
use crate::classes;
use crate::error::{Error, Result};
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

/// What holds for the shards of all splits.
pub(super) struct Known {
    /// names of the classes
    pub classes: Vec<String>,
    /// names of the attributes
    pub columns: Vec<String>,
    /// the class of a label as it is written
    numbers: HashMap<String, u32>,
}

/// The names in a list, one a line.
pub(super) fn lines(text: &str) -> Vec<String> {
    let mut names: Vec<String> = text
        .trim_start_matches('\u{feff}')
        .lines()
        .map(|l| l.trim().to_string())
        .collect();
    while names.last().is_some_and(String::is_empty) {
        names.pop();
    }
    names
}

impl Known {
    /// Classes of all shards: those of the list `classes` or of the shards' own one, where there is one and labels are its
    /// numbers; else the different labels, in their order. Attributes in the order of their list, then of their names.
    ///
    /// # Errors
    /// [`Error::Data`] with two shards whose labels or lists do not belong together, or a label that no name has.
    pub(super) fn of(
        root: &Path,
        names: &[String],
        indexes: &[Index],
        classes: Option<Vec<String>>,
        attributes: &[String],
    ) -> Result<Known> {
        same_kind(root, names, indexes)?;
        let own = own_classes(root, names, indexes)?;
        let all: BTreeSet<&String> = indexes.iter().flat_map(|i| &i.head.names).collect();
        let numbered = all.iter().all(|n| n.parse::<i64>().is_ok());
        let list = own.or(classes.filter(|_| numbered && !all.is_empty()));
        let (classes, numbers) = match list {
            Some(list) => {
                let number = |name: &&String| name.parse().ok().filter(|n| (*n as usize) < list.len());
                if let Some(strange) = all.iter().find(|n| number(n).is_none()) {
                    let problem = format!(
                        "has an item of class {strange}, of {} classes that have names",
                        list.len()
                    );
                    let fix = "give every class a name (a line of classnames.txt, counted from 0)";
                    return Err(Error::data(root, problem, fix));
                }
                let each = all
                    .iter()
                    .filter_map(|n| Some((n.to_string(), number(n)?)))
                    .collect();
                (list, each)
            }
            None => {
                let labels: Vec<Option<String>> = all.iter().map(|n| Some(n.to_string())).collect();
                let (classes, each) = classes::by_name(&labels);
                let pairs = all
                    .iter()
                    .zip(each)
                    .filter_map(|(n, c)| Some((n.to_string(), c?)));
                (classes, pairs.collect())
            }
        };
        let columns: BTreeSet<&String> = indexes.iter().flat_map(|i| &i.head.columns).collect();
        let numeric = |c: &&&String| indexes.iter().all(|i| i.gives(c));
        let mut columns: Vec<String> = columns.iter().filter(numeric).map(|c| c.to_string()).collect();
        columns.sort_by_key(|c| attributes.iter().position(|a| a == c).unwrap_or(attributes.len()));
        Ok(Known {
            classes,
            columns,
            numbers,
        })
    }
}

impl Index {
    /// Whether every item has a number of this name.
    fn gives(&self, column: &str) -> bool {
        let width = self.head.columns.len();
        match self.head.columns.iter().position(|c| c == column) {
            Some(k) => self
                .attributes
                .iter()
                .skip(k)
                .step_by(width)
                .all(|v| v.is_finite()),
            None => self.entries.is_empty(),
        }
    }
}

/// Refuses labels that are numbers in one shard and names in another.
fn same_kind(root: &Path, names: &[String], indexes: &[Index]) -> Result<()> {
    let kinds: Vec<Option<bool>> = indexes.iter().map(Index::numbered).collect();
    let at = |kind: bool| kinds.iter().position(|k| *k == Some(kind));
    let (Some(numbers), Some(words)) = (at(true), at(false)) else {
        return Ok(());
    };
    let example = |i: usize, number: bool| {
        let of = |n: &&String| n.parse::<i64>().is_ok() == number;
        indexes[i].head.names.iter().find(of).cloned().unwrap_or_default()
    };
    let problem = format!(
        "labels change their type between shards: {} has numbers (`{}`), {} has names (`{}`)",
        names[numbers],
        example(numbers, true),
        names[words],
        example(words, false)
    );
    Err(Error::data(
        root,
        problem,
        "write all shards with labels of one type",
    ))
}

/// The list of classes that the shards themselves carry.
fn own_classes(root: &Path, names: &[String], indexes: &[Index]) -> Result<Option<Vec<String>>> {
    let lists = indexes
        .iter()
        .enumerate()
        .filter(|(_, i)| !i.head.names.is_empty());
    let mut lists = lists.map(|(k, i)| (k, &i.head.classes));
    let Some((first, list)) = lists.next() else {
        return Ok(None);
    };
    if let Some((other, _)) = lists.find(|(_, l)| *l != list) {
        let problem = format!(
            "{} and {} name their classes differently",
            names[first], names[other]
        );
        return Err(Error::data(
            root,
            problem,
            "write all shards with one list of classes",
        ));
    }
    Ok(Some(list.clone()).filter(|l| !l.is_empty()))
}

/// An item of a set.
#[derive(Clone, Copy)]
pub(super) struct Member {
    /// see [`Entry::at`]
    pub at: u64,
    /// see [`Entry::length`]
    pub length: u32,
    /// its class, or [`NONE`]
    pub label: u32,
}

/// The items of some shards.
pub(super) struct Merged {
    pub members: Vec<Member>,
    pub shapes: Vec<[u32; 3]>,
    /// where each item's description lies: place, and length with [`JSON`]; empty where no item has one
    pub texts: Vec<(u64, u32)>,
    /// the number of items before each shard, and all
    pub starts: Vec<usize>,
    /// a number for each attribute, item after item
    pub attributes: Vec<f32>,
    pub width: usize,
    /// each damaged item
    pub bad: Vec<String>,
    /// every word of the descriptions of each shard
    pub words: Vec<Vec<String>>,
    /// of a parquet, its pages, shard after shard
    pub pages: Vec<Vec<[u64; 4]>>,
}

/// The items of shards, with the classes and attributes that are known.
pub(super) fn merge(root: &Path, indexes: Vec<Index>, known: &Known, warnings: &mut Vec<String>) -> Merged {
    let count = indexes.iter().map(|i| i.entries.len()).sum();
    let described = indexes
        .iter()
        .flat_map(|i| &i.entries)
        .any(|e| e.text_length & !JSON > 0);
    let mut merged = Merged {
        members: Vec::with_capacity(count),
        shapes: Vec::with_capacity(count),
        texts: Vec::with_capacity(if described { count } else { 0 }),
        starts: vec![0],
        attributes: Vec::with_capacity(count * known.columns.len()),
        width: known.columns.len(),
        bad: Vec::new(),
        words: Vec::new(),
        pages: Vec::new(),
    };
    let mut left_out: BTreeSet<String> = BTreeSet::new();
    for index in indexes {
        let head = index.head;
        let classes: Vec<u32> = head
            .names
            .iter()
            .map(|n| known.numbers.get(n).copied().unwrap_or(NONE))
            .collect();
        let member = |e: &Entry| Member {
            at: e.at,
            length: e.length,
            label: classes.get(e.label as usize).copied().unwrap_or(NONE),
        };
        merged.members.extend(index.entries.iter().map(member));
        merged.shapes.extend(index.entries.iter().map(|e| e.shape));
        if described {
            merged
                .texts
                .extend(index.entries.iter().map(|e| (e.text, e.text_length)));
        }
        merged.starts.push(merged.members.len());
        let at: Vec<usize> = known
            .columns
            .iter()
            .filter_map(|c| head.columns.iter().position(|h| h == c))
            .collect();
        for row in index.attributes.chunks_exact(head.columns.len().max(1)) {
            merged.attributes.extend(at.iter().map(|&k| row[k]));
        }
        left_out.extend(head.columns.into_iter().filter(|c| !known.columns.contains(c)));
        merged.bad.extend(head.bad);
        merged.words.push(head.words);
        merged.pages.push(head.pages);
    }
    if !left_out.is_empty() {
        let named: Vec<&str> = left_out.iter().map(String::as_str).take(8).collect();
        let more = if left_out.len() > 8 { ", ..." } else { "" };
        warnings.push(format!(
            "{}: `{}`{more} not a number for every image and left out",
            root.display(),
            named.join("`, `")
        ));
    }
    let unlabelled = merged.members.iter().filter(|m| m.label == NONE).count();
    if unlabelled > 0 && unlabelled < count {
        warnings.push(format!(
            "{}: {unlabelled} of {count} images have no label",
            root.display()
        ));
    }
    merged
}
