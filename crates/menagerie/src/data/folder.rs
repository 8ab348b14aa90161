//! A folder of image files, decoded when they are asked for.
use super::image_file::{self, EXTENSIONS, Header};
use super::resize::Preparation;
use super::source::Source;
use super::{DataInfo, Dataset, Item, Kind};
use crate::error::{Error, Result};
use rayon::prelude::*;
use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use walkdir::WalkDir;

/// Up to this many files of this many bytes in all are decoded on opening.
const DECODE_FILES: usize = 4096;
const DECODE_BYTES: u64 = 256 << 20;
/// Errors name so many damaged items.
const SHOWN: usize = 5;

/// What is known of a file before it is read.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    /// below the folder
    pub path: PathBuf,
    pub label: Option<u32>,
    pub attributes: Vec<f32>,
    pub caption: Option<String>,
}

/// The files of a folder and what is said about them.
#[derive(Default)]
pub(super) struct Listing {
    pub entries: Vec<Entry>,
    pub labels: Vec<String>,
    pub attributes: Vec<String>,
}

/// Image files below a folder.
pub(super) struct Folder {
    info: DataInfo,
    root: PathBuf,
    entries: Vec<Entry>,
    preparation: Preparation,
    /// how many damaged items are borne
    tolerated: usize,
    late: Mutex<Late>,
}

/// Items found damaged after opening.
#[derive(Default)]
struct Late {
    bad: HashSet<usize>,
    unsaid: Vec<String>,
}

impl Folder {
    /// Lists the files, checks all headers, and decodes all of few files. Damaged ones are left out and named in
    /// `warnings`.
    pub fn open(root: &Path, source: &Source, preparation: Preparation, warnings: &mut Vec<String>) -> Result<Folder> {
        let Listing { entries, labels, attributes } = list(root, &source.split, warnings)?;
        let total = entries.len();
        let mut bad = Vec::new();
        let checked = keep_good(root, entries, |e| e, &mut bad, |e| image_file::header(&root.join(&e.path)));
        let bytes: u64 = checked.iter().map(|(_, h)| h.bytes).sum();
        let few = total <= DECODE_FILES && bytes <= DECODE_BYTES;
        // Also decoded are files whose header and end do not show that they are complete.
        let whole = |(e, h): &(Entry, Header)| if few || !h.complete { try_decode(root, e) } else { Ok(()) };
        let mut checked: Vec<(Entry, Header)> = keep_good(root, checked, |c| &c.0, &mut bad, whole).into_iter().map(|c| c.0).collect();
        let tolerated = (source.max_bad * total as f64).floor() as usize;
        if bad.len() > tolerated || checked.is_empty() {
            return Err(too_many(root, &bad, total, source.max_bad));
        }
        warnings.extend(bad);
        if source.limit > 0 {
            checked.truncate(source.limit);
        }
        let shape = common_shape(root, &checked, preparation)?;
        let info = DataInfo {
            source: source.source.clone(),
            kind: Kind::Image,
            shape: shape.to_vec(),
            count: checked.len(),
            range: (0.0, 255.0),
            labels,
            attributes,
        };
        let preparation = Preparation { size: Some([shape[0], shape[1]]), channels: shape[2], ..preparation };
        let entries = checked.into_iter().map(|(entry, _)| entry).collect();
        Ok(Folder { info, root: root.to_path_buf(), entries, preparation, tolerated, late: Mutex::default() })
    }

    fn decode(&self, index: usize) -> Result<Item> {
        let entry = &self.entries[index];
        let (shape, values) = image_file::read_image(self.root.join(&entry.path))?.values();
        Ok(Item {
            values: self.preparation.apply(shape, &values),
            label: entry.label,
            attributes: entry.attributes.clone(),
            caption: entry.caption.clone(),
        })
    }
}

impl Dataset for Folder {
    fn info(&self) -> &DataInfo {
        &self.info
    }
    /// The item, or the next good one when its file turns out damaged.
    fn get(&self, index: usize) -> Result<Item> {
        for step in 0..self.entries.len() {
            let index = (index + step) % self.entries.len();
            let problem = match self.decode(index) {
                Ok(item) => return Ok(item),
                Err(problem) => problem,
            };
            let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
            if late.bad.insert(index) {
                late.unsaid.push(format!("{problem}; the next item takes its place"));
            }
            if late.bad.len() > self.tolerated {
                return Err(problem);
            }
        }
        Err(Error::data(&self.root, "no image can be read any more", "check that the folder is still there"))
    }
    fn warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.late.lock().unwrap_or_else(PoisonError::into_inner).unsaid)
    }
}

/// The items that pass a check, which runs on all threads, with what it gave; the others are named in `bad`.
fn keep_good<T: Send + Sync, R: Send>(
    root: &Path,
    items: Vec<T>,
    entry: impl Fn(&T) -> &Entry,
    bad: &mut Vec<String>,
    check: impl Fn(&T) -> Result<R, String> + Sync + Send,
) -> Vec<(T, R)> {
    let results: Vec<Result<R, String>> = items.par_iter().map(check).collect();
    let mut good = Vec::with_capacity(items.len());
    for (item, result) in items.into_iter().zip(results) {
        match result {
            Ok(r) => good.push((item, r)),
            Err(problem) => bad.push(format!("{}: {problem}", root.join(&entry(&item).path).display())),
        }
    }
    good
}

/// Decodes a file and forgets it.
fn try_decode(root: &Path, entry: &Entry) -> Result<(), String> {
    let file = std::fs::read(root.join(&entry.path)).map_err(|e| format!("cannot be read: {e}"))?;
    image_file::decode(&file).map(drop)
}

/// The error when more is damaged than is borne.
fn too_many(root: &Path, bad: &[String], total: usize, max_bad: f64) -> Error {
    let mut named = bad[..bad.len().min(SHOWN)].join("; ");
    if bad.len() > SHOWN {
        named += &format!("; and {} more", bad.len() - SHOWN);
    }
    let share = (1000.0 * bad.len() as f64 / total as f64).ceil() / 1000.0;
    let problem = format!("{} of {total} images are damaged, more than {} %: {named}", bad.len(), max_bad * 100.0);
    if bad.len() == total {
        return Error::data(root, problem, "give a folder of good images");
    }
    Error::data(root, problem, format!("mend or remove them, or go on without them by --max-bad {share}"))
}

/// The shape that all items will have, or an error that names two files that differ.
fn common_shape(root: &Path, checked: &[(Entry, Header)], preparation: Preparation) -> Result<[usize; 3]> {
    let (one, Header { shape: first, .. }) = &checked[0];
    for (other, Header { shape, .. }) in checked {
        let (a, b) = (one.path.display(), other.path.display());
        if preparation.size.is_none() && shape[..2] != first[..2] {
            let problem =
                format!("images differ in size: {a} is {}x{} (height x width), {b} is {}x{}", first[0], first[1], shape[0], shape[1]);
            return Err(Error::data(root, problem, "give one size to all, such as --size 64"));
        }
        if preparation.channels_of(shape[2]) != preparation.channels_of(first[2]) {
            let name = |c: usize| ["", "grey", "grey with alpha", "RGB", "RGBA"][c];
            let problem = format!("images differ in channels: {a} is {}, {b} is {}", name(first[2]), name(shape[2]));
            return Err(Error::data(root, problem, "give one number to all: --channels 1, 3 or 4"));
        }
    }
    let [height, width] = preparation.size.unwrap_or([first[0], first[1]]);
    Ok([height, width, preparation.channels_of(first[2])])
}

/// All images below a folder, in the order of their paths, with sub-folders as labels.
fn list(root: &Path, split: &str, _warnings: &mut Vec<String>) -> Result<Listing> {
    let mut paths = Vec::new();
    let mut others = 0usize;
    for entry in WalkDir::new(root).follow_links(true) {
        let entry = match entry {
            Ok(e) => e,
            Err(e) => {
                let path = e.path().unwrap_or(root).to_path_buf();
                return Err(Error::data(&path, format!("cannot be listed: {e}"), "check its permissions and links"));
            }
        };
        if entry.file_type().is_dir() {
            continue;
        }
        let path = entry.path();
        let image = path.extension().and_then(|e| e.to_str()).is_some_and(|e| EXTENSIONS.contains(&e.to_lowercase().as_str()));
        if image && !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(path.strip_prefix(root).unwrap_or(path).to_path_buf());
        } else {
            others += 1;
        }
    }
    if paths.is_empty() {
        let what = if others == 0 { "is an empty folder".into() } else { format!("has no images among its {others} files") };
        return Err(Error::data(root, what, format!("give a folder of {} files", EXTENSIONS.join(", "))));
    }
    paths.sort();
    let paths = of_split(root, paths, split)?;
    let folder = |p: &PathBuf| {
        let mut parts = p.components();
        let first = parts.next()?.as_os_str().to_string_lossy().into_owned();
        parts.next().map(|_| first)
    };
    let names: Vec<Option<String>> = paths.iter().map(|(_, p)| folder(p)).collect();
    let classes: BTreeSet<String> = names.iter().flatten().cloned().collect();
    let labelled = classes.len() > 1 && names.iter().all(Option::is_some);
    let labels: Vec<String> = if labelled { classes.into_iter().collect() } else { vec![] };
    let label = |name: &Option<String>| labels.binary_search(name.as_ref()?).ok().map(|i| i as u32);
    let entries = paths.into_iter().zip(&names).map(|((path, _), name)| Entry { path, label: label(name), ..Entry::default() }).collect();
    Ok(Listing { entries, labels, attributes: vec![] })
}

/// The files of a split, each with its path and its path within the split: where the folder has sub-folders `train`
/// and `test` (or `val`, `valid`, `validation`), these are the splits; otherwise all files are for training.
fn of_split(root: &Path, paths: Vec<PathBuf>, split: &str) -> Result<Vec<(PathBuf, PathBuf)>> {
    const TEST: [&str; 4] = ["test", "val", "valid", "validation"];
    let top = |p: &PathBuf| p.components().next().map(|c| c.as_os_str().to_string_lossy().to_lowercase()).unwrap_or_default();
    let tops: BTreeSet<String> = paths.iter().filter(|p| p.components().count() > 1).map(top).collect();
    let has_test = TEST.iter().find(|t| tops.contains(**t));
    let (true, Some(test)) = (tops.contains("train"), has_test) else {
        if split == "test" {
            let fix = "put test images into a sub-folder `test` beside `train`, or use --split all";
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
    Ok(paths.into_iter().filter(|p| wanted(&top(p))).map(inside).collect())
}
