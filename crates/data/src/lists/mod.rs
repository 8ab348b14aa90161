//! Lists of the files of each part, as many sets have them beside their files: `train.txt` and `test.txt`, `train.csv`,
//! `validation_list.txt`.
mod files;
mod read;

use super::walk::{Found, Side, Walk, ends_in, parts};
use crate::error::{Error, Result};
use files::Files;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Endings of lists.
const ENDINGS: [&str; 4] = ["txt", "csv", "tsv", "lst"];
/// What a list's name may say beside its part.
const BESIDE: [&str; 13] = [
    "list",
    "lists",
    "split",
    "set",
    "files",
    "file",
    "filenames",
    "names",
    "images",
    "labels",
    "data",
    "items",
    "index",
];

/// Whose files a list names, by the list's name. Of a file in several lists, the last of these decides: what is judged
/// with must not have been learned from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// training and validation in one
    TrainVal,
    Train,
    Val,
    Test,
}

impl Part {
    /// Where its files stand; validation is the test part where there is no other.
    pub(super) fn side(self, tests: bool) -> Side {
        match self {
            Part::TrainVal | Part::Train => Side::Train,
            Part::Val if tests => Side::Spare,
            Part::Val | Part::Test => Side::Test,
        }
    }
}

/// A list, of which some line names a file that is there.
struct List {
    /// below the folder
    file: PathBuf,
    part: Part,
    rows: Vec<Row>,
    /// rows that name a file
    hits: usize,
    /// what it says and is not used
    unused: Option<String>,
}

/// A line of a list.
struct Row {
    line: u64,
    /// which file, or the name that leads nowhere
    file: Result<usize, String>,
    label: Option<String>,
}

/// The files of a folder with the part that each belongs to.
#[derive(Default)]
pub(super) struct Divided {
    pub found: Vec<Found>,
    /// the lists that say so, below the folder
    pub lists: Vec<PathBuf>,
    /// what lists name and is not there, by the part that it would belong to
    missing: Vec<(Side, String)>,
}

impl Divided {
    /// What the lists of a split name and is not there.
    pub(crate) fn missing_of(&self, split: &str) -> impl Iterator<Item = String> {
        let of_split = self.missing.iter().filter(move |(side, _)| side.is_of(split));
        of_split.map(|(_, what)| what.clone())
    }
}

/// The part of each file: by the folders of the parts where there are any, otherwise by lists. Files get the labels that
/// lists give them. What lists name twice or leave out is told.
///
/// # Errors
/// [`Error::Data`] when a list cannot be read, or a file has two labels.
pub(super) fn divided(root: &Path, walked: &Walk, warnings: &mut Vec<String>) -> Result<Divided> {
    let found = parts(&walked.paths);
    let lists = find(root, walked)?;
    let mut divided = Divided {
        found,
        lists: lists.iter().map(|l| l.file.clone()).collect(),
        missing: vec![],
    };
    if lists.is_empty() {
        return Ok(divided);
    }
    let tests = lists.iter().any(|l| l.part == Part::Test);
    let side_of = |part: Part| part.side(tests);
    for list in &lists {
        say_unused(root, list, warnings);
        let nowhere = |row: &Row| {
            let name = row.file.as_ref().err()?;
            let what = format!(
                "{}: `{name}`, line {}, leads to no file",
                root.join(&list.file).display(),
                row.line
            );
            Some((side_of(list.part), what))
        };
        divided.missing.extend(list.rows.iter().filter_map(nowhere));
    }
    let named = named(root, &lists, &mut divided.found, warnings)?;
    let by_folders = divided.found.iter().any(|f| f.side != Side::Train);
    let names = lists.iter().map(|l| l.file.display().to_string());
    let names = names.collect::<Vec<_>>().join(", ");
    if by_folders {
        let other = |(f, part): &(&Found, &Option<Part>)| part.is_some_and(|p| side_of(p) != f.side);
        let mut others = divided.found.iter().zip(&named).filter(other).map(|(f, _)| f);
        if let Some(first) = others.next() {
            warnings.push(format!(
                "{}: its folders are its parts, whatever {names} say of {} files, {} first",
                root.display(),
                1 + others.count(),
                first.path.display()
            ));
        }
        return Ok(divided);
    }
    // Where the training part has no list, it is what no list names.
    let rest = match lists.iter().any(|l| side_of(l.part) == Side::Train) {
        true => Side::Outside,
        false => Side::Train,
    };
    for (f, part) in divided.found.iter_mut().zip(named) {
        f.side = part.map_or(rest, side_of);
    }
    let mut outside = divided.found.iter().filter(|f| f.side == Side::Outside);
    if let Some(first) = outside.next() {
        warnings.push(format!(
            "{}: {} files are named in none of {names} and are left out, {} first",
            root.display(),
            1 + outside.count(),
            first.path.display()
        ));
    }
    divided.found.retain(|f| f.side != Side::Outside);
    drop_labels_of_others(root, &mut divided.found, warnings);
    Ok(divided)
}

/// Gives the files their labels, and says whose list each is in.
fn named(
    root: &Path,
    lists: &[List],
    found: &mut [Found],
    warnings: &mut Vec<String>,
) -> Result<Vec<Option<Part>>> {
    let mut part_of: Vec<Option<Part>> = vec![None; found.len()];
    let mut labelled: HashMap<usize, (usize, u64)> = HashMap::new();
    let mut several = Vec::new();
    for (n, list) in lists.iter().enumerate() {
        for row in &list.rows {
            let Ok(at) = row.file else { continue };
            match &mut part_of[at] {
                Some(part) if *part != list.part => {
                    several.push(at);
                    *part = list.part.max(*part);
                }
                part => *part = Some(list.part),
            }
            let Some(label) = &row.label else { continue };
            let before = found[at].label.replace(label.clone());
            let first = *labelled.entry(at).or_insert((n, row.line));
            if let Some(before) = before.filter(|b| b != label) {
                let problem = format!(
                    "gives {} the label `{label}` on line {}, and {} on line {} `{before}`",
                    found[at].path.display(),
                    row.line,
                    lists[first.0].file.display(),
                    first.1
                );
                return Err(Error::data(
                    root.join(&list.file),
                    problem,
                    "keep one of the lines",
                ));
            }
        }
    }
    several.sort_unstable();
    several.dedup();
    if let Some(&first) = several.first() {
        warnings.push(format!(
            "{}: {} files are in the lists of several parts, {} first: they count for the last of training, validation, test",
            root.display(),
            several.len(),
            found[first].path.display()
        ));
    }
    Ok(part_of)
}

/// Labels that items of other parts alone have are of no use to learn from.
fn drop_labels_of_others(root: &Path, found: &mut [Found], warnings: &mut Vec<String>) {
    let trains = found.iter().any(|f| f.side == Side::Train);
    let labelled = |f: &Found| f.label.is_some();
    if !trains || !found.iter().any(labelled) || found.iter().any(|f| f.side == Side::Train && labelled(f)) {
        return;
    }
    found.iter_mut().for_each(|f| f.label = None);
    warnings.push(format!(
        "{}: the labels in its lists are not used, since no training item has one",
        root.display()
    ));
}

fn say_unused(root: &Path, list: &List, warnings: &mut Vec<String>) {
    if let Some(unused) = &list.unused {
        warnings.push(format!(
            "{}: {unused} are not used; metadata.csv may name captions and attributes",
            root.join(&list.file).display()
        ));
    }
}

/// The part that a file's name says, where it says that and nothing else: `train`, `test_list`, `trainset`.
pub(super) fn part_of(stem: &str) -> Option<Part> {
    let stem = stem.to_lowercase();
    let mut part = None;
    for word in stem
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
    {
        if BESIDE.contains(&word) {
            continue;
        }
        let word = BESIDE.iter().find_map(|b| word.strip_suffix(b)).unwrap_or(word);
        let said = match word {
            "train" | "training" => Part::Train,
            "val" | "valid" | "validation" | "dev" => Part::Val,
            "test" | "testing" => Part::Test,
            "trainval" => Part::TrainVal,
            _ => return None,
        };
        part = match (part, said) {
            (None, said) => Some(said),
            (Some(Part::Train), Part::Val) => Some(Part::TrainVal),
            _ => return None,
        };
    }
    part
}

/// The lists in a folder, those of each part that lie the least deep.
fn find(root: &Path, walked: &Walk) -> Result<Vec<List>> {
    let is_list = |f: &&PathBuf| ends_in(f, &ENDINGS);
    let said = |f: &PathBuf| Some((part_of(&f.file_stem()?.to_string_lossy())?, f.clone()));
    let mut candidates: Vec<(Part, PathBuf)> =
        walked.others.iter().filter(is_list).filter_map(said).collect();
    if candidates.is_empty() {
        return Ok(vec![]);
    }
    candidates.sort_by_key(|(part, file)| (file.components().count(), *part, file.clone()));
    let mut files = Files::of(&walked.paths);
    let mut lists: Vec<List> = Vec::new();
    for (part, file) in candidates {
        let depth = |l: &List| l.file.components().count();
        let deeper = |l: &List| l.part == part && depth(l) < file.components().count();
        if !lists.iter().any(deeper) {
            lists.extend(read::list(root, file, part, &mut files)?);
        }
    }
    // The training part by itself where it has a list.
    if lists.iter().any(|l| l.part == Part::Train) {
        lists.retain(|l| l.part != Part::TrainVal);
    }
    Ok(lists)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_lists_say_a_part_and_nothing_else() {
        for (name, part) in [
            ("train", Some(Part::Train)),
            ("Train_Labels", Some(Part::Train)),
            ("testing_list", Some(Part::Test)),
            ("testlist", Some(Part::Test)),
            ("validation-list", Some(Part::Val)),
            ("valset", Some(Part::Val)),
            ("trainval", Some(Part::TrainVal)),
            ("train_val", Some(Part::TrainVal)),
            ("train_test_split", None),
            ("aeroplane_train", None),
            ("train1", None),
            ("list", None),
            ("contest", None),
            ("", None),
        ] {
            assert_eq!(part_of(name), part, "{name}");
        }
    }
}
