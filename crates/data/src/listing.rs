//! Which images lie in a folder, and what its sub-folders and metadata say about them.
use super::audio;
use super::image_file::EXTENSIONS;
use super::metadata::{self, CelebA, Described, Row};
use crate::error::{Error, Result};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// What is known of an image before it is read.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    /// below the folder
    pub path: PathBuf,
    pub label: Option<u32>,
    pub attributes: Vec<f32>,
    pub caption: Option<String>,
}

/// The images of a folder.
#[derive(Default)]
pub(super) struct Listing {
    pub entries: Vec<Entry>,
    /// names of the classes
    pub labels: Vec<String>,
    /// names of the attributes
    pub attributes: Vec<String>,
    /// what metadata name and is not there
    pub missing: Vec<String>,
}

/// An image file: its path below the folder, and below the sub-folder of its split.
pub(super) type Found = (PathBuf, PathBuf);

/// The images of a split of a folder. Metadata decide where there are any; otherwise sub-folders are labels.
///
/// # Errors
/// [`Error::Data`] when there are no images, no such split, or metadata that cannot be used.
pub(super) fn list(root: &Path, split: &str, warnings: &mut Vec<String>) -> Result<Listing> {
    let paths = walk(root, &EXTENSIONS, "images")?;
    let described = describe(root, &paths)?;
    if described.is_empty()
        && let Some(lists) = metadata::celeba(root)?
    {
        return of_celeba(root, paths, split, lists, warnings);
    }
    let found = of_split(root, paths.clone(), split)?;
    if described.is_empty() {
        Ok(by_folders(found))
    } else {
        by_metadata(root, &paths, found, described, warnings)
    }
}

/// The sound files of a split of a folder; sub-folders are labels.
///
/// # Errors
/// [`Error::Data`] when there are none, or no such split.
pub(super) fn sounds(root: &Path, split: &str) -> Result<Listing> {
    Ok(by_folders(of_split(
        root,
        walk(root, &audio::EXTENSIONS, "sounds")?,
        split,
    )?))
}

/// A file alone.
pub(super) fn one(file: &Path) -> Listing {
    let path = file.file_name().unwrap_or_default().into();
    Listing {
        entries: vec![Entry {
            path,
            ..Entry::default()
        }],
        ..Listing::default()
    }
}

/// Whether a folder holds sounds and no images.
pub(super) fn is_of_sounds(root: &Path) -> bool {
    let mut sounds = false;
    for entry in WalkDir::new(root)
        .follow_links(true)
        .into_iter()
        .filter_map(|e| e.ok())
        .filter(|e| !e.file_type().is_dir())
    {
        if ends_in(entry.path(), &EXTENSIONS) {
            return false;
        }
        sounds |= ends_in(entry.path(), &audio::EXTENSIONS);
    }
    sounds
}

fn ends_in(path: &Path, extensions: &[&str]) -> bool {
    path.extension()
        .and_then(|e| e.to_str())
        .is_some_and(|e| extensions.iter().any(|x| x.eq_ignore_ascii_case(e)))
}

/// All files below a folder that end in one of these, in the order of their paths.
pub(super) fn walk(root: &Path, extensions: &[&str], what: &str) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    let mut others = 0usize;
    for entry in WalkDir::new(root).follow_links(true) {
        let entry = entry.map_err(|e| {
            let path = e.path().unwrap_or(root).to_path_buf();
            Error::data(
                path,
                format!("cannot be listed: {e}"),
                "check its permissions and links",
            )
        })?;
        if entry.file_type().is_dir() {
            continue;
        }
        let path = entry.path();
        if ends_in(path, extensions) && !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(path.strip_prefix(root).unwrap_or(path).to_path_buf());
        } else {
            others += 1;
        }
    }
    if paths.is_empty() {
        let what = if others == 0 {
            "is an empty folder".into()
        } else {
            format!("has no {what} among its {others} files")
        };
        return Err(Error::data(
            root,
            what,
            format!("give a folder of {} files", extensions.join(", ")),
        ));
    }
    paths.sort();
    Ok(paths)
}

/// Labels from sub-folders, where all images lie in such and these are at least two.
fn by_folders(found: Vec<Found>) -> Listing {
    let names: Vec<Option<String>> = found.iter().map(|(_, within)| first_folder(within)).collect();
    let classes: BTreeSet<&String> = names.iter().flatten().collect();
    let labelled = classes.len() > 1 && names.iter().all(Option::is_some);
    let labels: Vec<String> = if labelled {
        classes.into_iter().cloned().collect()
    } else {
        vec![]
    };
    let label = |name: &Option<String>| labels.binary_search(name.as_ref()?).ok().map(|i| i as u32);
    let entries = found
        .into_iter()
        .zip(&names)
        .map(|((path, _), name)| Entry {
            path,
            label: label(name),
            ..Entry::default()
        })
        .collect();
    Listing {
        entries,
        labels,
        ..Listing::default()
    }
}

fn first_folder(path: &Path) -> Option<String> {
    let mut parts = path.components();
    let first = parts.next()?;
    parts
        .next()
        .map(|_| first.as_os_str().to_string_lossy().into_owned())
}

/// The metadata of a folder, or of its sub-folders `train`, `test` ..., each with that sub-folder.
fn describe(root: &Path, paths: &[PathBuf]) -> Result<Vec<(PathBuf, Described)>> {
    let mut all = Vec::new();
    if let Some(described) = metadata::find(root)? {
        return Ok(vec![(PathBuf::new(), described)]);
    }
    let tops: BTreeSet<String> = paths.iter().filter_map(|p| first_folder(p)).collect();
    for top in tops
        .iter()
        .filter(|t| t.eq_ignore_ascii_case("train") || TEST.iter().any(|x| x.eq_ignore_ascii_case(t)))
    {
        if let Some(described) = metadata::find(&root.join(top))? {
            all.push((PathBuf::from(top), described));
        }
    }
    Ok(all)
}

/// The images that metadata name, in their order.
fn by_metadata(
    root: &Path,
    paths: &[PathBuf],
    found: Vec<Found>,
    described: Vec<(PathBuf, Described)>,
    warnings: &mut Vec<String>,
) -> Result<Listing> {
    let file = described[0].1.file.clone();
    let columns = described[0].1.columns.clone();
    let there: HashMap<&Path, &Path> = found
        .iter()
        .map(|(p, within)| (p.as_path(), within.as_path()))
        .collect();
    let mut listing = Listing::default();
    let mut rows: Vec<(PathBuf, Row)> = Vec::new();
    for (base, part) in described {
        // Another split's file may have its columns in another order.
        let at: Vec<Option<usize>> = columns
            .iter()
            .map(|c| part.columns.iter().position(|p| p == c))
            .collect();
        for mut row in part.rows {
            row.numbers = at.iter().map(|k| row.numbers[(*k)?]).collect();
            let path = base.join(&row.path);
            if there.contains_key(path.as_path()) {
                rows.push((path, row));
            } else if paths.binary_search(&path).is_err() {
                listing.missing.push(format!(
                    "{}: is named in {} but is not there",
                    root.join(&path).display(),
                    part.file.display()
                ));
            }
        }
    }
    if rows.len() < found.len() {
        let named: BTreeSet<&Path> = rows.iter().map(|(p, _)| p.as_path()).collect();
        if let Some((path, _)) = found.iter().find(|(p, _)| !named.contains(p.as_path())) {
            let n = found.len() - named.len();
            warnings.push(format!(
                "{n} images are not named in {} and are left out, {} first",
                file.display(),
                path.display()
            ));
        }
    }
    let numeric: Vec<usize> = (0..columns.len())
        .filter(|&k| rows.iter().all(|(_, r)| r.numbers[k].is_some()))
        .collect();
    for k in (0..columns.len()).filter(|k| !numeric.contains(k)) {
        warnings.push(format!(
            "{}: `{}` is not a number for every image and is left out",
            file.display(),
            columns[k]
        ));
    }
    let mut labels: Vec<Option<String>> = rows.iter().map(|(_, r)| r.label.clone()).collect();
    if labels.iter().all(Option::is_none) {
        labels = rows
            .iter()
            .map(|(p, _)| first_folder(there[p.as_path()]))
            .collect();
        if labels.iter().flatten().collect::<BTreeSet<_>>().len() < 2 {
            labels.fill(None);
        }
    }
    let (names, classes) = metadata::classes(&labels.iter().flatten().collect::<Vec<_>>());
    let mut classes = classes.into_iter();
    for ((path, row), label) in rows.into_iter().zip(labels) {
        let label = label.and_then(|_| classes.next());
        let attributes = numeric.iter().filter_map(|&k| row.numbers[k]).collect();
        listing.entries.push(Entry {
            path,
            label,
            attributes,
            caption: row.caption,
        });
    }
    listing.labels = names;
    listing.attributes = numeric.iter().map(|&k| columns[k].clone()).collect();
    if listing.entries.is_empty() {
        return Err(Error::data(
            &file,
            "names no image that is there",
            "check `file_name`: paths are relative to this file's folder",
        ));
    }
    Ok(listing)
}

/// CelebA's images with their attributes, split as its list says (all are for training where there is none).
fn of_celeba(
    root: &Path,
    paths: Vec<PathBuf>,
    split: &str,
    mut lists: CelebA,
    warnings: &mut Vec<String>,
) -> Result<Listing> {
    if split == "test" && lists.parts.is_empty() {
        return Err(Error::data(
            root,
            "has no test split",
            "put list_eval_partition.txt beside the attributes, or use --split all",
        ));
    }
    let mut listing = Listing::default();
    let mut unnamed = 0;
    for path in paths {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let part = lists.parts.get(&name).copied().unwrap_or(0);
        let wanted = match split {
            "train" => part == 0,
            "test" => part == 2,
            _ => true,
        };
        if !wanted {
            continue;
        }
        match lists.values.remove(&name) {
            Some(attributes) => listing.entries.push(Entry {
                path,
                attributes,
                ..Entry::default()
            }),
            None => unnamed += 1,
        }
    }
    if unnamed > 0 {
        warnings.push(format!(
            "{unnamed} images are not named in {} and are left out",
            lists.file.display()
        ));
    }
    if listing.entries.is_empty() {
        return Err(Error::data(
            &lists.file,
            format!("names no image of {} in the split `{split}`", root.display()),
            "check that list and images belong together",
        ));
    }
    listing.attributes = lists.attributes;
    Ok(listing)
}

/// Names of sub-folders that hold what is not for training.
const TEST: [&str; 4] = ["test", "val", "valid", "validation"];

/// The files of a split, each with its path and its path within the split: where the folder has sub-folders `train`
/// and `test` (or `val`, `valid`, `validation`), these are the splits; otherwise all files are for training.
pub(super) fn of_split(root: &Path, paths: Vec<PathBuf>, split: &str) -> Result<Vec<Found>> {
    let top = |p: &PathBuf| {
        p.components()
            .next()
            .map(|c| c.as_os_str().to_string_lossy().to_lowercase())
            .unwrap_or_default()
    };
    let tops: BTreeSet<String> = paths
        .iter()
        .filter(|p| p.components().count() > 1)
        .map(top)
        .collect();
    let has_test = TEST.iter().find(|t| tops.contains(**t));
    let (true, Some(test)) = (tops.contains("train"), has_test) else {
        if split == "test" {
            let fix = "put test files into a sub-folder `test` beside `train`, or use --split all";
            return Err(Error::data(root, "has no test split", fix));
        }
        return Ok(paths.into_iter().map(|p| (p.clone(), p)).collect());
    };
    let wanted = |name: &str| match split {
        "train" => name == "train",
        "test" => name == *test,
        _ => name == "train" || TEST.contains(&name),
    };
    let inside = |p: PathBuf| {
        let within = p.components().skip(1).collect();
        (p, within)
    };
    Ok(paths
        .into_iter()
        .filter(|p| wanted(&top(p)))
        .map(inside)
        .collect())
}
