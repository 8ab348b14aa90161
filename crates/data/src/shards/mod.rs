//! Images in shards: tar archives in WebDataset's convention, and parquet files as Hugging Face's image sets have them.
//!
//! One pass over a shard finds where its items lie; after that any item of any shard is read by itself, so that the order
//! of a training is the same exact one as of any other source, and resuming needs nothing but the cursor.
#[cfg(feature = "cloud")]
mod cloud;
mod file;
pub(crate) mod index;
mod merge;
pub(crate) mod names;
#[cfg(feature = "parquet")]
mod parquet;
mod place;
mod set;
#[cfg(feature = "cloud")]
mod store;
pub(crate) mod tar;

use super::image_set::{ImageSet, Listed};
use super::resize::Preparation;
use super::source::Source;
use super::walk::{self, Found};
use crate::error::{Error, Result};
use crate::{image_file, split};
use index::Index;
use place::Place;
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// The file with the names of numbered classes, one a line, beside shards or above their folders.
pub(crate) const CLASSES: &str = "classnames.txt";
/// The file with the names of attributes in their order, one a line, at the same places.
pub(crate) const ATTRIBUTES: &str = "attributes.txt";
/// Up to so many items of so many bytes in all are decoded on opening.
const DECODE_ITEMS: usize = 4096;
const DECODE_BYTES: u64 = 256 << 20;

/// A shard of a source: its name below the source, and where it lies.
struct Shard {
    name: String,
    place: Place,
}

/// The shards of a source.
struct Sharded {
    /// the source itself, for messages
    root: PathBuf,
    shards: Vec<Shard>,
    /// lines of [`CLASSES`], where there is one
    classes: Option<Vec<String>>,
    /// lines of [`ATTRIBUTES`]
    attributes: Vec<String>,
}

/// Whether a folder holds shards, and of which format, and no images.
pub(super) fn lie_in(root: &Path) -> Option<&'static str> {
    let files = walkdir::WalkDir::new(root).follow_links(true).into_iter();
    let files = files.filter_map(|e| e.ok()).filter(|e| !e.file_type().is_dir());
    let mut found = None;
    for entry in files {
        if walk::ends_in(entry.path(), &image_file::EXTENSIONS) {
            return None;
        }
        let ending = names::ending(&entry.file_name().to_string_lossy());
        found = found.or(ending);
    }
    found
}

/// Whether a source names shards by a pattern, or shards elsewhere.
pub(super) fn are_named(source: &str) -> bool {
    is_remote(source) || names::is_pattern(source) && !Path::new(source).exists()
}

/// The format of the shards that a source names, by its ending.
pub(super) fn format_of(source: &str) -> Option<&'static str> {
    names::ending(source).or(is_remote(source).then_some("tar"))
}

/// Whether a source names shards elsewhere.
fn is_remote(source: &str) -> bool {
    ["s3://", "gs://", "az://", "abfs://", "http://", "https://"]
        .iter()
        .any(|s| source.starts_with(s))
}

/// Opens the shards that a source names, of the format `tar` or `parquet`. With `any_size` images may differ in size.
///
/// # Errors
/// [`Error::Data`] when shards are missing, cut off or do not belong together; [`Error::Usage`] for what this program was
/// built without.
pub(super) fn open(
    source: &Source,
    preparation: Preparation,
    any_size: bool,
    warnings: &mut Vec<String>,
) -> Result<ImageSet> {
    let found = find(source, warnings)?;
    let names: Vec<String> = found.shards.iter().map(|s| s.name.clone()).collect();
    names::whole(&source.source, &names)?;
    let sides = names::sides(&names);
    of_split(&found.root, &sides, &source.split, warnings)?;
    let kept = index::cache().map(|folder| folder.join("shards"));
    let indexes: Vec<Index> = found
        .shards
        .par_iter()
        .map(|s| index_of(s, kept.as_deref()))
        .collect::<Result<_>>()?;
    let known = merge::Known::of(&found.root, &names, &indexes, found.classes, &found.attributes)?;
    let mut parts = Vec::new();
    for ((shard, mut index), side) in found.shards.into_iter().zip(indexes).zip(&sides) {
        if side.side.is_of(&source.split) {
            let place = shard.place.name();
            index
                .head
                .bad
                .iter_mut()
                .for_each(|bad| *bad = format!("{place}: {bad}"));
            parts.push((shard, index));
        }
    }
    say(&found.root, &parts, warnings);
    let (shards, indexes): (Vec<Shard>, Vec<Index>) = parts.into_iter().unzip();
    let places = shards.into_iter().map(|s| s.place).collect();
    let merged = merge::merge(&found.root, indexes, &known, warnings);
    let (mut set, mut shapes, mut bad) = set::Shards::new(places, merged)?;
    check_few(&mut set, &mut shapes, &mut bad);
    if set.is_empty() && bad.is_empty() {
        let what = "holds no images: no item of its shards has one";
        return Err(Error::data(
            &found.root,
            what,
            "give shards with .png, .jpg, ... members or an image column",
        ));
    }
    let listed = Listed {
        images: set,
        labels: known.classes,
        attributes: known.columns,
        bad,
    };
    let shape = |i: usize| shapes[i];
    ImageSet::new(
        &found.root,
        source,
        preparation,
        listed,
        shape,
        any_size,
        warnings,
    )
}

/// Few images that lie here are decoded at once, so that all damage is told before a training begins.
fn check_few(set: &mut set::Shards, shapes: &mut Vec<[usize; 3]>, bad: &mut Vec<String>) {
    if set.len() > DECODE_ITEMS || set.bytes() > DECODE_BYTES || !set.is_here() {
        return;
    }
    let problems: Vec<Option<String>> = (0..set.len()).into_par_iter().map(|i| set.problem(i)).collect();
    let good: Vec<bool> = problems.iter().map(Option::is_none).collect();
    bad.extend(problems.into_iter().flatten());
    set.keep(&good);
    let mut good = good.into_iter();
    shapes.retain(|_| good.next().unwrap_or(true));
}

/// The index of a shard, made where there is none.
fn index_of(shard: &Shard, kept: Option<&Path>) -> Result<Index> {
    let make = |file: &std::fs::File, size: u64| match names::ending(&shard.name) {
        Some("parquet") => parquet_index(file, size, &shard.place.name()),
        _ => tar::index(file, size, &shard.place.name()),
    };
    match &shard.place {
        Place::Here(path) => index::of(path, kept, make),
        #[cfg(feature = "cloud")]
        Place::There(remote) => remote.index(kept, make),
    }
}

#[cfg(feature = "parquet")]
fn parquet_index(file: &std::fs::File, size: u64, place: &str) -> Result<Index> {
    parquet::index(file, size, place)
}

#[cfg(not(feature = "parquet"))]
fn parquet_index(_: &std::fs::File, _: u64, place: &str) -> Result<Index> {
    Err(Error::usage(
        format!("{place}: this program was built without parquet"),
        "build it with `--features parquet`, or give tar shards",
    ))
}

/// Refuses a split that the source has not, and tells of shards that no split has.
fn of_split(root: &Path, sides: &[Found], split: &str, warnings: &mut Vec<String>) -> Result<()> {
    let wanted = walk::of_split(root, sides.to_vec(), split, warnings);
    match wanted {
        Err(Error::Split { split: "test", .. }) => Err(split::no_test(root)),
        Err(e) => Err(e),
        Ok(_) => Ok(()),
    }
}

/// Tells what lies in shards and is not used.
fn say(root: &Path, parts: &[(Shard, Index)], warnings: &mut Vec<String>) {
    let mut unused: std::collections::BTreeMap<&str, (usize, &str)> = Default::default();
    for (shard, index) in parts {
        for (ending, (n, first)) in &index.head.unused {
            unused.entry(ending).or_insert((0, first)).0 += n;
        }
        warnings.extend(
            index
                .head
                .notes
                .iter()
                .map(|note| format!("{}: {note}", shard.place.name())),
        );
    }
    let said: Vec<String> = unused
        .iter()
        .map(|(ending, (n, first))| format!("{n} {ending} ({first})"))
        .collect();
    if !said.is_empty() {
        warnings.push(format!(
            "{}: members that are not used: {}",
            root.display(),
            said.join(", ")
        ));
    }
}

/// The shards that a source names.
fn find(source: &Source, warnings: &mut Vec<String>) -> Result<Sharded> {
    let text = &source.source[..];
    if is_remote(text) {
        return remote(source);
    }
    let path = Path::new(text);
    if path.is_dir() {
        return in_folder(path, source, warnings);
    }
    let paths = match path.is_file() {
        true => vec![path.to_path_buf()],
        false => names::of_pattern(text)?,
    };
    let common = common_folder(&paths);
    let below = |p: &PathBuf| {
        p.strip_prefix(&common)
            .unwrap_or(p)
            .to_string_lossy()
            .into_owned()
    };
    let shard = |p: &PathBuf| Shard {
        name: below(p),
        place: Place::Here(p.clone()),
    };
    Ok(Sharded {
        root: path.to_path_buf(),
        shards: paths.iter().map(shard).collect(),
        classes: lines_beside(&common, CLASSES)?,
        attributes: lines_beside(&common, ATTRIBUTES)?.unwrap_or_default(),
    })
}

/// The folder that all files lie below.
fn common_folder(paths: &[PathBuf]) -> PathBuf {
    let mut common = paths
        .first()
        .and_then(|p| p.parent())
        .unwrap_or(Path::new(""))
        .to_path_buf();
    while !paths.iter().all(|p| p.starts_with(&common)) {
        if !common.pop() {
            break;
        }
    }
    common
}

/// The lines of a list in a folder of shards, or in the one above a part's.
fn lines_beside(folder: &Path, list: &str) -> Result<Option<Vec<String>>> {
    let part = folder
        .file_name()
        .is_some_and(|n| walk::is_part(&n.to_string_lossy()));
    let above = folder.parent().filter(|_| part);
    for folder in std::iter::once(folder).chain(above) {
        let path = folder.join(list);
        if path.is_file() {
            return Ok(Some(merge::lines(&crate::files::read_text(&path)?)));
        }
    }
    Ok(None)
}

fn in_folder(root: &Path, source: &Source, warnings: &mut Vec<String>) -> Result<Sharded> {
    let format = match &source.format[..] {
        "tar" => "tar",
        "parquet" => "parquet",
        _ => lie_in(root).unwrap_or("tar"),
    };
    let walked = walk::walk(root, &[format], "shards")?;
    let mut used: Vec<PathBuf> = vec![CLASSES.into(), ATTRIBUTES.into()];
    used.extend(
        walked
            .paths
            .iter()
            .map(|p| PathBuf::from(format!("{}.{}", p.display(), index::ENDING))),
    );
    walked.say_unused(root, &used, warnings);
    if let Some(broken) = walked.broken.first() {
        return Err(Error::data(
            root,
            format!("misses a shard: {broken}"),
            "mend or remove the link",
        ));
    }
    let shard = |p: PathBuf| Shard {
        // Parts are told by names with `/`, whatever the system writes.
        name: p
            .iter()
            .map(|c| c.to_string_lossy())
            .collect::<Vec<_>>()
            .join("/"),
        place: Place::Here(root.join(p)),
    };
    Ok(Sharded {
        root: root.to_path_buf(),
        classes: lines_beside(root, CLASSES)?,
        attributes: lines_beside(root, ATTRIBUTES)?.unwrap_or_default(),
        shards: walked.paths.into_iter().map(shard).collect(),
    })
}

#[cfg(feature = "cloud")]
fn remote(source: &Source) -> Result<Sharded> {
    cloud::find(source)
}

#[cfg(not(feature = "cloud"))]
fn remote(_: &Source) -> Result<Sharded> {
    Err(Error::usage(
        "this program was built without object storage",
        "build it with `--features cloud`, or give shards of this machine",
    ))
}
