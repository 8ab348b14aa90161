//! Which files lie below a folder, which part of a split each belongs to, and what is said of those that are not used.
use crate::error::{Error, Result};
use crate::split;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// What lies below a folder; paths are relative to it.
#[derive(Default)]
pub(super) struct Walk {
    /// files with the wanted endings, in the order of their paths
    pub paths: Vec<PathBuf>,
    /// links with such endings that lead nowhere: damaged items
    pub broken: Vec<String>,
    /// files with other endings
    pub others: Vec<PathBuf>,
    /// hidden files and folders; what lies in the folders is not looked at
    hidden: Vec<PathBuf>,
    /// pipes, sockets, devices, other links that lead nowhere or in a circle
    strange: Vec<PathBuf>,
}

/// What is hidden: by its name on Unix, or the second half of each file in an archive made on a Mac.
fn is_hidden(name: &std::ffi::OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".") || name == "__MACOSX"
}

pub(super) fn ends_in(path: &Path, extensions: &[&str]) -> bool {
    path.extension()
        .and_then(|e| e.to_str())
        .is_some_and(|e| extensions.iter().any(|x| x.eq_ignore_ascii_case(e)))
}

/// So many kinds of files are named at most.
const MOST_KINDS: usize = 12;
/// Endings of files that hold a whole set each.
const ALONE: [&str; 8] = ["csv", "tsv", "npy", "npz", "parquet", "fasta", "smi", "sto"];

/// All files below a folder, those that end in one of `extensions` apart.
///
/// # Errors
/// [`Error::Data`] when there are none of them, or a folder cannot be listed.
pub(super) fn walk(root: &Path, extensions: &[&str], what: &str) -> Result<Walk> {
    let found = Walk::of(root, extensions)?;
    if found.paths.is_empty() && found.broken.is_empty() {
        let n = found.others.len() + found.hidden.len() + found.strange.len();
        let problem = match n {
            0 => "is an empty folder".into(),
            n => format!(
                "has no {what} among its {n} files: {}",
                found.kinds(&[]).join(", ")
            ),
        };
        let mut fix = format!("give a folder of {} files", extensions.join(", "));
        if let Some(alone) = found.others.iter().find(|p| ends_in(p, &ALONE)) {
            fix += &format!(
                ", or one file by its name, such as {}",
                root.join(alone).display()
            );
        }
        return Err(Error::data(root, problem, fix));
    }
    Ok(found)
}

/// Tells in one line what lies in a folder besides the files `used`.
pub(super) fn say_rest(root: &Path, used: &[PathBuf], warnings: &mut Vec<String>) -> Result<()> {
    let below = |p: &PathBuf| p.strip_prefix(root).unwrap_or(p).to_path_buf();
    let used: Vec<PathBuf> = used.iter().map(below).collect();
    Walk::of(root, &[])?.say_unused(root, &used, warnings);
    Ok(())
}

impl Walk {
    /// Everything below a folder.
    fn of(root: &Path, extensions: &[&str]) -> Result<Walk> {
        let mut found = Walk::default();
        let mut entries = WalkDir::new(root).follow_links(true).into_iter();
        while let Some(entry) = entries.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(e) => {
                    found.refused(root, extensions, e)?;
                    continue;
                }
            };
            let path = entry
                .path()
                .strip_prefix(root)
                .unwrap_or(entry.path())
                .to_path_buf();
            let kind = entry.file_type();
            if entry.depth() > 0 && is_hidden(entry.file_name()) {
                if kind.is_dir() {
                    entries.skip_current_dir();
                }
                // The list of what a command wrote there is no item that somebody might miss.
                if entry.file_name() != crate::files::LIST {
                    found.hidden.push(path);
                }
            } else if kind.is_file() {
                match ends_in(&path, extensions) {
                    true => found.paths.push(path),
                    false => found.others.push(path),
                }
            } else if !kind.is_dir() {
                found.strange.push(path);
            }
        }
        found.paths.sort();
        found.broken.sort();
        Ok(found)
    }

    /// A link that leads nowhere is a damaged item, or not used; any other refusal ends the listing.
    fn refused(&mut self, root: &Path, extensions: &[&str], e: walkdir::Error) -> Result<()> {
        let path = e.path().unwrap_or(root).to_path_buf();
        let below = path.strip_prefix(root).unwrap_or(&path).to_path_buf();
        let missing = e
            .io_error()
            .is_some_and(|e| e.kind() == std::io::ErrorKind::NotFound);
        if e.loop_ancestor().is_some() {
            self.strange.push(below);
        } else if e.depth() > 0 && missing && below.file_name().is_some_and(is_hidden) {
            self.hidden.push(below);
        } else if e.depth() > 0 && missing && ends_in(&path, extensions) {
            self.broken
                .push(format!("{}: is a link that leads nowhere", path.display()));
        } else if e.depth() > 0 && missing {
            self.strange.push(below);
        } else {
            let problem = format!("cannot be listed: {e}");
            return Err(Error::data(path, problem, "check its permissions and links"));
        }
        Ok(())
    }

    /// Tells in one line what is not used, by kind and count, but for the files in `used`.
    pub(crate) fn say_unused(&self, root: &Path, used: &[PathBuf], warnings: &mut Vec<String>) {
        let said = self.kinds(used);
        if !said.is_empty() {
            warnings.push(format!("{}: not used: {}", root.display(), said.join(", ")));
        }
    }

    /// What lies there but the files in `used`, by kind and count; the first of very many kinds.
    fn kinds(&self, used: &[PathBuf]) -> Vec<String> {
        let mut kinds: BTreeMap<String, Vec<&PathBuf>> = BTreeMap::new();
        for path in self.others.iter().filter(|p| !used.contains(p)) {
            let kind = match path.extension() {
                Some(e) => format!(".{} file", e.to_string_lossy()),
                None => "file without an ending".into(),
            };
            kinds.entry(kind).or_default().push(path);
        }
        let hidden: Vec<&PathBuf> = self.hidden.iter().collect();
        let strange: Vec<&PathBuf> = self.strange.iter().collect();
        let special = "pipe, device or link that leads nowhere".to_string();
        let all = kinds
            .into_iter()
            .chain([("hidden file or folder".to_string(), hidden), (special, strange)]);
        let mut all: Vec<String> = all
            .filter(|(_, paths)| !paths.is_empty())
            .map(|(kind, paths)| {
                let first = paths[0].display();
                match paths.len() {
                    1 => format!("1 {kind} ({first})"),
                    n => format!("{n} {kind}s ({first} and others)")
                        .replace("file or folders", "files or folders"),
                }
            })
            .collect();
        if all.len() > MOST_KINDS {
            let more = all.len() - MOST_KINDS;
            all.truncate(MOST_KINDS);
            all.push(format!("and {more} more kinds"));
        }
        all
    }
}

/// Where a file stands in the split of its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    Train,
    Test,
    /// neither for training nor the part that is judged with: `val` beside `test`
    Spare,
    /// beside the folders of the parts
    Outside,
}

impl Side {
    /// Whether `split` has it.
    pub(crate) fn is_of(self, split: &str) -> bool {
        match split {
            "train" => self == Side::Train,
            "test" => self == Side::Test,
            _ => self != Side::Outside,
        }
    }
}

/// A file: its path below the folder, and below the sub-folder of its part.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub path: PathBuf,
    pub within: PathBuf,
    pub side: Side,
    /// what a list says of it
    pub label: Option<String>,
}

/// Names of the sub-folders that are parts, in lower case; the first that is there is the test part.
const TRAIN: [&str; 2] = ["train", "training"];
const TEST: [&str; 7] = ["test", "testing", "t10k", "val", "valid", "validation", "dev"];

/// Whether a sub-folder of this name is a part of its source.
pub(super) fn is_part(name: &str) -> bool {
    let name = name.to_lowercase();
    TRAIN.contains(&&name[..]) || TEST.contains(&&name[..])
}

/// The name of the first folder of a path, if it lies in one.
pub(super) fn first_folder(path: &Path) -> Option<String> {
    let mut parts = path.components();
    let first = parts.next()?;
    parts
        .next()
        .map(|_| first.as_os_str().to_string_lossy().into_owned())
}

/// The one folder, of as many levels as there are, that all files lie in while they lie in different folders below it: as
/// an archive unpacks. A part is none, since its name says something.
pub(super) fn wrapper(paths: &[PathBuf]) -> PathBuf {
    let mut common = PathBuf::new();
    loop {
        let below = |p: &PathBuf| p.strip_prefix(&common).unwrap_or(p).to_path_buf();
        let tops: BTreeSet<Option<String>> = paths.iter().map(|p| first_folder(&below(p))).collect();
        let Some(Some(top)) = tops.first().filter(|_| tops.len() == 1) else {
            return common;
        };
        let inner: BTreeSet<Option<String>> = paths
            .iter()
            .map(|p| first_folder(below(p).strip_prefix(top).unwrap_or(p)))
            .collect();
        if is_part(top) || inner.contains(&None) {
            return common;
        }
        common.push(top);
        if inner.len() > 1 {
            return common;
        }
    }
}

/// What a folder's name says beside one of these words, where the word stands apart in it or before `set`.
fn beside(name: &str, words: &[&str]) -> Option<String> {
    let free = |c: Option<char>| !c.is_some_and(char::is_alphabetic);
    words.iter().find_map(|word| {
        let (before, after) = name.split_once(word)?;
        let apart = free(before.chars().last()) && (free(after.chars().next()) || after == "set");
        (apart && name.len() > word.len()).then(|| format!("{before}*{after}"))
    })
}

/// The two folders that are parts by a word in their names, where these are the same but for that: `seg_train` and
/// `seg_test`, `training_set` and `test_set`, `train2017` and `val2017`.
fn named_alike(tops: &BTreeSet<Option<String>>) -> Option<(&str, &str)> {
    let named = || tops.iter().flatten();
    let mut pairs = named().flat_map(|train| named().map(move |test| (&train[..], &test[..])));
    pairs.find(|(train, test)| {
        let rest = beside(train, &TRAIN);
        rest.is_some() && rest == beside(test, &TEST)
    })
}

/// The part of each file: where the folder has sub-folders `train` (or `training`) and `test` (`testing`, `val`,
/// `valid`, ...), or all lies in one of them, these are the parts; otherwise all files are for training. What all of it lies
/// in tells nothing.
pub(super) fn parts(paths: &[PathBuf]) -> Vec<Found> {
    let wrapper = wrapper(paths);
    let below = |p: &Path| p.strip_prefix(&wrapper).unwrap_or(p).to_path_buf();
    let top = |p: &Path| first_folder(p).map(|t| t.to_lowercase());
    let tops: BTreeSet<Option<String>> = paths.iter().map(|p| top(&below(p))).collect();
    let there = |name: &&&str| tops.contains(&Some(name.to_string()));
    let (mut train, mut test) = (
        TRAIN.iter().find(there).copied(),
        TEST.iter().find(there).copied(),
    );
    if let (None, None, Some(alike)) = (train, test, named_alike(&tops)) {
        (train, test) = (Some(alike.0), Some(alike.1));
    }
    let divided = match (train, test) {
        (Some(_), Some(_)) => true,
        (None, None) => false,
        _ => tops.len() == 1,
    };
    let found = |path: &PathBuf| {
        let inner = below(path);
        let name = top(&inner).unwrap_or_default();
        let side = match () {
            _ if !divided || train == Some(&name[..]) => Side::Train,
            _ if test == Some(&name[..]) => Side::Test,
            _ if is_part(&name) => Side::Spare,
            _ => Side::Outside,
        };
        let mut within = inner;
        if divided && side != Side::Outside {
            within = within.components().skip(1).collect();
            // As archives are unpacked into a folder of their name.
            if top(&within).is_some_and(|t| t == name) {
                within = within.components().skip(1).collect();
            }
        }
        let path = path.clone();
        Found {
            path,
            within,
            side,
            label: None,
        }
    };
    paths.iter().map(found).collect()
}

/// The files of a split.
///
/// # Errors
/// [`Error::Split`] when the source has no such part.
pub(super) fn of_split(
    root: &Path,
    all: Vec<Found>,
    split: &str,
    warnings: &mut Vec<String>,
) -> Result<Vec<Found>> {
    for (side, what) in [
        (
            Side::Outside,
            "lie outside the folders of the parts and are left out",
        ),
        (
            Side::Spare,
            "are of a part that is neither `train` nor `test`; --split all has them",
        ),
    ] {
        let mut of = all.iter().filter(|f| f.side == side && !f.side.is_of(split));
        if let Some(first) = of.next() {
            let n = 1 + of.count();
            warnings.push(format!(
                "{}: {n} files {what}, {} first",
                root.display(),
                first.path.display()
            ));
        }
    }
    let wanted: Vec<Found> = all.into_iter().filter(|f| f.side.is_of(split)).collect();
    match (wanted.is_empty(), split) {
        (true, "test") => Err(split::no_test(root)),
        (true, _) => Err(split::no_train(root)),
        _ => Ok(wanted),
    }
}
