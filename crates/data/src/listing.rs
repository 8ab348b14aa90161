//! Which images lie in a folder, and what its sub-folders and metadata say about them.

use super::celeba::{self, CelebA};
use super::classes;
use super::image_file::EXTENSIONS;
use super::lists::{self, Divided};
use super::metadata::{self, Described, Row};
use super::walk::{Found, Side, Walk, ends_in, first_folder, is_part, of_split, walk};
use crate::error::{Error, Result};
use std::collections::{BTreeSet, HashMap, HashSet};
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
    /// names of the classes of all splits
    pub labels: Vec<String>,
    /// names of the attributes
    pub attributes: Vec<String>,
    /// what metadata name and is not there, and links that lead nowhere
    pub missing: Vec<String>,
}

/// The images of a split of a folder. Metadata decide where there are any; otherwise sub-folders are labels.
///
/// # Errors
/// [`Error::Data`] when there are no images, no such split, or metadata that cannot be used.
pub(super) fn list(root: &Path, split: &str, warnings: &mut Vec<String>) -> Result<Listing> {
    let walked = walk(root, &EXTENSIONS, "images")?;
    let described = describe(root, &walked.paths)?;
    let celeba = match described.is_empty() {
        true => celeba::find(root)?,
        false => None,
    };
    let divided = match &celeba {
        Some(_) => Divided::default(),
        None => lists::divided(root, &walked, warnings)?,
    };
    let texts = texts(&walked, &divided.lists);
    let beside = described.iter().map(|(_, d)| &d.file);
    let beside = beside.chain(celeba.iter().flat_map(|l| &l.files));
    let below = beside.filter_map(|f| f.strip_prefix(root).ok().map(Path::to_path_buf));
    let used: Vec<PathBuf> = below
        .chain(texts.values().cloned())
        .chain(divided.lists.iter().cloned())
        .collect();
    walked.say_unused(root, &used, warnings);
    let missing: Vec<String> = divided.missing_of(split).collect();
    let mut listing = match celeba {
        Some(lists) => of_celeba(root, walked.paths, split, lists, warnings)?,
        None if described.is_empty() => by_folders(root, divided.found, split, warnings)?,
        None => by_metadata(root, divided.found, split, described, warnings)?,
    };
    listing.missing.extend(missing);
    listing.missing.extend(walked.broken);
    describe_by_texts(root, &texts, &mut listing)?;
    Ok(listing)
}

/// Text files that lie beside images and are no lists, by the image: `cat.txt` beside `cat.png`.
fn texts(walked: &Walk, lists: &[PathBuf]) -> HashMap<PathBuf, PathBuf> {
    let of_name: HashMap<PathBuf, &PathBuf> = walked
        .others
        .iter()
        .filter(|f| ends_in(f, &["txt"]) && !lists.contains(f))
        .map(|f| (f.with_extension(""), f))
        .collect();
    let beside = |image: &PathBuf| Some((image.clone(), (*of_name.get(&image.with_extension(""))?).clone()));
    walked.paths.iter().filter_map(beside).collect()
}

/// Longest file of captions that is read, in bytes.
const LONGEST: u64 = 1 << 16;

/// Gives images that nothing else describes the lines of the text beside them, an item a line.
fn describe_by_texts(root: &Path, texts: &HashMap<PathBuf, PathBuf>, listing: &mut Listing) -> Result<()> {
    if texts.is_empty() {
        return Ok(());
    }
    let mut entries = Vec::with_capacity(listing.entries.len());
    for entry in std::mem::take(&mut listing.entries) {
        let Some(text) = texts.get(&entry.path).filter(|_| entry.caption.is_none()) else {
            entries.push(entry);
            continue;
        };
        let path = root.join(text);
        let bytes = std::fs::metadata(&path).map_err(Error::io("read", &path))?.len();
        if bytes > LONGEST {
            let problem = format!("holds {bytes} bytes, too many for the captions of an image");
            return Err(Error::data(
                &path,
                problem,
                "write a caption a line, or move it elsewhere",
            ));
        }
        let read = std::fs::read(&path).map_err(Error::io("read", &path))?;
        let read = String::from_utf8_lossy(&read);
        let captions: Vec<&str> = read.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
        entries.extend(captions.iter().map(|c| Entry {
            caption: Some(c.to_string()),
            ..entry.clone()
        }));
        if captions.is_empty() {
            entries.push(entry);
        }
    }
    listing.entries = entries;
    Ok(())
}

/// The files of these endings of a split of a folder; sub-folders are labels.
///
/// # Errors
/// [`Error::Data`] when there are none, or no such split.
pub(super) fn files(
    root: &Path,
    endings: &[&str],
    what: &str,
    split: &str,
    warnings: &mut Vec<String>,
) -> Result<Listing> {
    let walked = walk(root, endings, what)?;
    let divided = lists::divided(root, &walked, warnings)?;
    walked.say_unused(root, &divided.lists, warnings);
    let missing: Vec<String> = divided.missing_of(split).collect();
    let mut listing = by_folders(root, divided.found, split, warnings)?;
    listing.missing.extend(missing);
    listing.missing.extend(walked.broken);
    Ok(listing)
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

/// Whether a folder holds files of these endings and no images.
pub(super) fn is_of(root: &Path, endings: &[&str]) -> bool {
    let mut there = false;

    for entry in WalkDir::new(root)
        .follow_links(true)
        .into_iter()
        .filter_map(|e| e.ok())
        .filter(|e| !e.file_type().is_dir())
    {
        if ends_in(entry.path(), &EXTENSIONS) {
            return false;
        }
        there |= ends_in(entry.path(), endings);
    }
    there
}

/// Labels from sub-folders, where all files of a part lie in such and there are two at least over all parts.
fn by_folders(root: &Path, all: Vec<Found>, split: &str, warnings: &mut Vec<String>) -> Result<Listing> {
    if all.iter().any(|f| f.label.is_some()) {
        return by_lists(root, all, split, warnings);
    }
    let loose: BTreeSet<Side> = all
        .iter()
        .filter(|f| first_folder(&f.within).is_none())
        .map(|f| f.side)
        .collect();
    let class =
        |f: &Found| first_folder(&f.within).filter(|_| !loose.contains(&f.side) && f.side != Side::Outside);
    let classes: BTreeSet<String> = all.iter().filter_map(class).collect();
    let labels: Vec<String> = match classes.len() {
        0 | 1 => vec![],
        _ => classes.into_iter().collect(),
    };
    let found = of_split(root, all, split, warnings)?;
    let folders: BTreeSet<String> = found.iter().filter_map(|f| first_folder(&f.within)).collect();
    let outside = found.iter().filter(|f| first_folder(&f.within).is_none());
    if let (Some(first), true) = (outside.clone().next(), folders.len() > 1) {
        warnings.push(format!(
            "{}: {} files lie in no sub-folder, {} first, so that the {} sub-folders are not taken for classes",
            root.display(),
            outside.count(),
            first.path.display(),
            folders.len()
        ));
    }
    let entry = |f: Found| Entry {
        label: class(&f).and_then(|name| labels.binary_search(&name).ok().map(|i| i as u32)),
        path: f.path,
        ..Entry::default()
    };
    let entries = found.into_iter().map(entry).collect();
    Ok(Listing {
        entries,
        labels,
        ..Listing::default()
    })
}

/// Labels from lists.
fn by_lists(root: &Path, mut all: Vec<Found>, split: &str, warnings: &mut Vec<String>) -> Result<Listing> {
    let mut given: Vec<Option<String>> = all.iter().map(|f| f.label.clone()).collect();
    if classes::are_measured(&given) {
        warnings.push(format!(
            "{}: the labels in its lists are measurements and are not used; metadata.csv may name them as attributes",
            root.display()
        ));
        all.iter_mut().for_each(|f| f.label = None);
        return by_folders(root, all, split, warnings);
    }
    if let Some(folders) = folders_of_numbers(&all) {
        given = folders;
    }
    let (labels, numbers) = classes::by_name(&given);
    classes::say_many(&root.display().to_string(), &labels, all.len(), warnings);
    let number: HashMap<PathBuf, Option<u32>> = all.iter().map(|f| f.path.clone()).zip(numbers).collect();
    let found = of_split(root, all, split, warnings)?;
    let mut none = found.iter().filter(|f| number[&f.path].is_none());
    if let Some(first) = none.next() {
        warnings.push(format!(
            "{}: {} of {} files have no label in its lists, {} first",
            root.display(),
            1 + none.count(),
            found.len(),
            first.path.display()
        ));
    }
    let entry = |f: Found| Entry {
        label: number[&f.path],
        path: f.path,
        ..Entry::default()
    };
    Ok(Listing {
        entries: found.into_iter().map(entry).collect(),
        labels,
        ..Listing::default()
    })
}

/// Where lists give whole numbers, each of which stands for one folder of its own: the folders' names, which say more.
fn folders_of_numbers(all: &[Found]) -> Option<Vec<Option<String>>> {
    let (mut folder_of, mut number_of) = (HashMap::new(), HashMap::new());
    let mut folders = Vec::with_capacity(all.len());
    for f in all {
        let folder = f.label.as_ref().map(|_| first_folder(&f.within));
        if let (Some(number), Some(folder)) = (&f.label, &folder) {
            let folder = folder.clone()?;
            number.parse::<u64>().ok()?;
            let alone = *folder_of.entry(number).or_insert(folder.clone()) == folder
                && *number_of.entry(folder).or_insert(number) == number;
            alone.then_some(())?;
        }
        folders.push(folder.flatten());
    }
    Some(folders)
}

/// The metadata of a folder, or of its sub-folders `train`, `test` ..., each with that sub-folder.
fn describe(root: &Path, paths: &[PathBuf]) -> Result<Vec<(PathBuf, Described)>> {
    let mut all = Vec::new();
    if let Some(described) = metadata::find(root)? {
        return Ok(vec![(PathBuf::new(), described)]);
    }
    let tops: BTreeSet<String> = paths.iter().filter_map(|p| first_folder(p)).collect();
    for top in tops.iter().filter(|t| is_part(t)) {
        if let Some(described) = metadata::find(&root.join(top))? {
            all.push((PathBuf::from(top), described));
        }
    }
    Ok(all)
}

/// A row of metadata whose image is there.
struct Named {
    path: PathBuf,
    row: Row,
}

/// The images that metadata name, in their order.
fn by_metadata(
    root: &Path,
    mut all: Vec<Found>,
    split: &str,
    described: Vec<(PathBuf, Described)>,
    warnings: &mut Vec<String>,
) -> Result<Listing> {
    let file = described[0].1.file.clone();
    let mut columns = described[0].1.columns.clone();
    let mut listing = Listing::default();
    let there: HashMap<PathBuf, PathBuf> = all.iter().map(|f| (f.path.clone(), f.within.clone())).collect();
    let mut rows = Vec::new();
    for (base, part) in described {
        rows.extend(named(root, base, part, &columns, &there, &mut listing.missing)?);
    }
    let column = columns.iter().position(|c| c == "split");
    if let Some(k) = column.filter(|_| divide_by_rows(&rows, &mut all)) {
        columns.remove(k);
        for n in &mut rows {
            n.row.numbers.remove(k);
        }
    }
    // Classes are numbered over all parts before the split is chosen.
    let mut labels: Vec<Option<String>> = rows.iter().map(|n| n.row.label.clone()).collect();
    if classes::are_measured(&labels) {
        warnings.push(format!(
            "{}: column `label` holds measurements: it is taken for an attribute, not for classes",
            file.display()
        ));
        columns.push("label".into());
        for (row, label) in rows.iter_mut().zip(&mut labels) {
            row.row
                .numbers
                .push(label.take().and_then(|l| metadata::number(&l)));
        }
    }
    if labels.iter().all(Option::is_none) {
        let folder = |n: &Named| first_folder(&there[&n.path]);
        labels = rows.iter().map(folder).collect();
        if labels.iter().flatten().collect::<BTreeSet<_>>().len() < 2 {
            labels.fill(None);
        }
    }
    let (names, numbers) = classes::by_name(&labels);
    classes::say_many(&file.display().to_string(), &names, rows.len(), warnings);
    let found = of_split(root, all, split, warnings)?;
    let wanted: HashSet<&Path> = found.iter().map(|f| f.path.as_path()).collect();
    let (rows, numbers): (Vec<Named>, Vec<Option<u32>>) = rows
        .into_iter()
        .zip(numbers)
        .filter(|(n, _)| wanted.contains(n.path.as_path()))
        .unzip();
    if rows.is_empty() {
        let such = listing
            .missing
            .first()
            .map_or(String::new(), |m| format!("; {m}"));
        return Err(Error::data(
            &file,
            format!("names no image that is there{such}"),
            "check `file_name`: paths are relative to this file's folder",
        ));
    }
    say_unnamed(&file, &found, &rows, warnings);
    let unlabelled: Vec<&Named> = rows
        .iter()
        .zip(&numbers)
        .filter(|(_, c)| c.is_none())
        .map(|(n, _)| n)
        .collect();
    if let (Some(first), false) = (unlabelled.first(), names.is_empty()) {
        warnings.push(format!(
            "{}: {} of {} images have no label, {} on line {} first",
            file.display(),
            unlabelled.len(),
            rows.len(),
            first.path.display(),
            first.row.line
        ));
    }
    let numeric: Vec<usize> = (0..columns.len())
        .filter(|&k| rows.iter().all(|n| n.row.numbers[k].is_some()))
        .collect();
    for k in (0..columns.len()).filter(|k| !numeric.contains(k)) {
        warnings.push(format!(
            "{}: `{}` is not a number for every image and is left out",
            file.display(),
            columns[k]
        ));
    }
    for (n, label) in rows.into_iter().zip(numbers) {
        listing.entries.push(Entry {
            path: n.path,
            label,
            attributes: numeric.iter().filter_map(|&k| n.row.numbers[k]).collect(),
            caption: n.row.caption,
        });
    }
    listing.labels = names;
    listing.attributes = numeric.iter().map(|&k| columns[k].clone()).collect();
    Ok(listing)
}

/// Gives images the parts that a column `split` says, where nothing else divides them and it has a part for every image. Of an
/// image in several rows the last part decides, of training, validation, test.
fn divide_by_rows(rows: &[Named], all: &mut [Found]) -> bool {
    let part = |n: &Named| Some((n.path.clone(), lists::part_of(n.row.split.as_deref()?)?));
    let Some(named) = rows.iter().map(part).collect::<Option<Vec<_>>>() else {
        return false;
    };
    if all.iter().any(|f| f.side != Side::Train) {
        return false;
    }
    let mut parts: HashMap<PathBuf, lists::Part> = HashMap::new();
    for (path, part) in named {
        let known = parts.entry(path).or_insert(part);
        *known = part.max(*known);
    }
    let tests = parts.values().any(|p| *p == lists::Part::Test);
    for f in all {
        f.side = parts.get(&f.path).map_or(Side::Train, |p| p.side(tests));
    }
    true
}

/// The rows of a file of metadata whose images are there, each once unless its caption is another. Those of images that
/// are not there come into `missing`.
///
/// # Errors
/// [`Error::Data`] with both lines where two rows give an image two labels.
fn named(
    root: &Path,
    base: PathBuf,
    part: Described,
    columns: &[String],
    there: &HashMap<PathBuf, PathBuf>,
    missing: &mut Vec<String>,
) -> Result<Vec<Named>> {
    // Another part's file may have its columns in another order.
    let at: Vec<Option<usize>> = columns
        .iter()
        .map(|c| part.columns.iter().position(|p| p == c))
        .collect();
    let mut first: HashMap<PathBuf, usize> = HashMap::new();
    let mut seen: HashSet<(PathBuf, Option<String>)> = HashSet::new();
    let mut rows: Vec<Named> = Vec::new();
    for mut row in part.rows {
        row.numbers = at
            .iter()
            .map(|k| row.numbers.get((*k)?).copied().flatten())
            .collect();
        let path = base.join(&row.path);
        if !there.contains_key(&path) {
            missing.push(format!(
                "{}: is named in {} but is not there",
                root.join(&path).display(),
                part.file.display()
            ));
            continue;
        }
        match first.get(&path).map(|&i| &rows[i].row) {
            Some(before) if before.label != row.label => {
                let say = |r: &Row| format!("`{}` on line {}", r.label.as_deref().unwrap_or(""), r.line);
                let problem = format!(
                    "gives {} two labels, {} and {}",
                    path.display(),
                    say(before),
                    say(&row)
                );
                return Err(Error::data(&part.file, problem, "keep one of the lines"));
            }
            _ if seen.insert((path.clone(), row.caption.clone())) => {
                first.entry(path.clone()).or_insert(rows.len());
                rows.push(Named { path, row });
            }
            _ => {}
        }
    }
    Ok(rows)
}

/// Tells which images of a split are not named.
fn say_unnamed(file: &Path, found: &[Found], rows: &[Named], warnings: &mut Vec<String>) {
    let named: HashSet<&Path> = rows.iter().map(|n| n.path.as_path()).collect();
    let mut unnamed = found.iter().filter(|f| !named.contains(f.path.as_path()));
    if let Some(first) = unnamed.next() {
        warnings.push(format!(
            "{} images are not named in {} and are left out, {} first",
            1 + unnamed.count(),
            file.display(),
            first.path.display()
        ));
    }
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
        return Err(Error::Split {
            place: root.display().to_string(),
            split: "test",
            fix: "put list_eval_partition.txt beside the attributes, or hold out a share with --holdout 0.1"
                .into(),
        });
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
            lists.files[0].display()
        ));
    }
    if listing.entries.is_empty() {
        return Err(Error::data(
            &lists.files[0],
            format!("names no image of {} in the split `{split}`", root.display()),
            "check that list and images belong together",
        ));
    }
    listing.attributes = lists.attributes;
    Ok(listing)
}
