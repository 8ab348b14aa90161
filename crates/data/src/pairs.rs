//! Pairs of images: `left|right` in one file, or two folders with files of the same names.
use super::image_file::{self, EXTENSIONS};
use super::resize::Preparation;
use super::source::Source;
use super::walk::{of_split, parts, walk};
use super::{DataInfo, Dataset, Item, Kind, Values, damage};
use crate::error::{Error, Result};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// One pair: both halves of a file, or two files.
#[derive(Clone, Debug)]
struct Entry {
    left: PathBuf,
    right: Option<PathBuf>,
}

/// Pairs below a folder.
pub(super) struct Pairs {
    info: DataInfo,
    root: PathBuf,
    entries: Vec<Entry>,
    preparation: Preparation,
}

impl Pairs {
    /// Lists them and checks all headers.
    ///
    /// # Errors
    /// [`Error::Data`] when the halves of a pair differ in size or one is missing, when pairs differ in size and no size is
    /// asked for, or when more than `source.max_bad` of them are damaged.
    pub(crate) fn open(
        root: &Path,
        source: &Source,
        preparation: Preparation,
        warnings: &mut Vec<String>,
    ) -> Result<Pairs> {
        let listed = list(root, &source.split, warnings)?;
        Pairs::of(root, root, listed, source, preparation, warnings)
    }

    /// Pairs of files of the same names below two folders.
    ///
    /// # Errors
    /// As [`Pairs::open`].
    pub(crate) fn of_two(
        left: &Path,
        right: &Path,
        source: &Source,
        preparation: Preparation,
        warnings: &mut Vec<String>,
    ) -> Result<Pairs> {
        let ([a, b], broken) = two(left, right, &source.split, warnings)?;
        let said = |p: &Path| p.display().to_string();
        let entries = matched(a, b, Path::new(""), &said(left), &said(right))?;
        let place = Path::new(&source.source);
        Pairs::of(
            place,
            Path::new(""),
            (entries, broken),
            source,
            preparation,
            warnings,
        )
    }

    fn of(
        place: &Path,
        root: &Path,
        (entries, mut bad): (Vec<Entry>, Vec<String>),
        source: &Source,
        preparation: Preparation,
        warnings: &mut Vec<String>,
    ) -> Result<Pairs> {
        let total = entries.len() + bad.len();
        let headers: Vec<_> = entries.par_iter().map(|e| check(root, e)).collect();
        let mut good = Vec::new();
        for (entry, header) in entries.into_iter().zip(headers) {
            match header {
                Ok(shape) => good.push((entry, shape)),
                Err(Refusal::Damaged(problem)) => bad.push(problem),
                Err(Refusal::Unequal(e)) => return Err(e),
            }
        }
        damage::bear(place, "pairs", &bad, total, source.max_bad)?;
        warnings.extend(bad);
        if source.limit > 0 {
            good.truncate(source.limit);
        }
        let (first, shape) = &good[0];
        if let Some((other, found)) = good
            .iter()
            .find(|(_, s)| preparation.size.is_none() && s[..2] != shape[..2])
        {
            let (a, b) = (first.left.display(), other.left.display());
            let problem = format!(
                "pairs differ in size: {a} is {}x{} a side, {b} is {}x{}",
                shape[0], shape[1], found[0], found[1]
            );
            return Err(Error::data(
                place,
                problem,
                "give one size to all, such as --size 64",
            ));
        }
        let channels = good
            .iter()
            .map(|(_, s)| preparation.channels_of(s[2]))
            .max()
            .unwrap_or(3);
        let [h, w] = preparation.size.unwrap_or([shape[0], shape[1]]);
        let info = DataInfo {
            source: source.source.clone(),
            kind: Kind::Pair,
            shape: vec![h, w, 2 * channels],
            count: good.len(),
            range: (0.0, 255.0),
            ..DataInfo::default()
        };
        let preparation = Preparation {
            size: Some([h, w]),
            channels,
            ..preparation
        };
        Ok(Pairs {
            info,
            root: root.to_path_buf(),
            entries: good.into_iter().map(|(e, _)| e).collect(),
            preparation,
        })
    }

    fn prepared(&self, shape: [usize; 3], bytes: Vec<u8>) -> Vec<u8> {
        match self.preparation.apply(shape, &Values::Bytes(bytes)) {
            Values::Bytes(v) => v,
            Values::Floats(_) => vec![],
        }
    }
}

impl Dataset for Pairs {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn get(&self, index: usize) -> Result<Item> {
        let entry = &self.entries[index];
        let left = image_file::read_image(self.root.join(&entry.left))?;
        let (h, c) = (left.height, left.channels);
        let (a, b) = match &entry.right {
            Some(right) => {
                let right = image_file::read_image(self.root.join(right))?;
                let shape = [right.height, right.width, right.channels];
                (
                    self.prepared([h, left.width, c], left.bytes),
                    self.prepared(shape, right.bytes),
                )
            }
            None => {
                let half = left.width / 2;
                let cut = |from: usize| {
                    let rows = left
                        .bytes
                        .chunks_exact(left.width * c)
                        .flat_map(|row| row[from * c..(from + half) * c].to_vec());
                    self.prepared([h, half, c], rows.collect())
                };
                (cut(0), cut(half))
            }
        };
        let channels = self.info.shape[2] / 2;
        let values = a
            .chunks_exact(channels)
            .zip(b.chunks_exact(channels))
            .flat_map(|(a, b)| [a, b].concat())
            .collect();
        Ok(Item {
            values: Values::Bytes(values),
            label: None,
            attributes: vec![],
            caption: None,
        })
    }
}

/// The pairs of a split. Where all files lie in two sub-folders (of those that begin with the split's name, if such
/// there are: `trainA` and `trainB`), a file of the first belongs with that of the same name in the second.
fn list(root: &Path, split: &str, warnings: &mut Vec<String>) -> Result<(Vec<Entry>, Vec<String>)> {
    let walked = walk(root, &EXTENSIONS, "images")?;
    walked.say_unused(root, &[], warnings);
    let (paths, broken) = (walked.paths, walked.broken);
    let top = |p: &Path| {
        p.components()
            .next()
            .map(|c| c.as_os_str().to_string_lossy().into_owned())
            .unwrap_or_default()
    };
    let named = |p: &PathBuf| {
        p.components().count() > 1
            && top(p).to_lowercase().starts_with(split)
            && top(p).len() == split.len() + 1
    };
    let found: Vec<(PathBuf, PathBuf)> = match paths.iter().any(named) {
        true => paths.into_iter().filter(named).map(|p| (p.clone(), p)).collect(),
        false => of_split(root, parts(&paths), split, warnings)?
            .into_iter()
            .map(|f| (f.path, f.within))
            .collect(),
    };
    let folders: BTreeSet<String> = found
        .iter()
        .filter(|(_, within)| within.components().count() > 1)
        .map(|(_, w)| top(w))
        .collect();
    let in_folders = found.iter().all(|(_, within)| within.components().count() > 1);
    let folders: Vec<String> = folders.into_iter().collect();
    let ([a, b], true) = (&folders[..], in_folders) else {
        let of = |folder: &String| -> BTreeSet<PathBuf> {
            let within = found.iter().filter(|(_, w)| top(w) == *folder);
            within
                .map(|(_, w)| w.components().skip(1).collect::<PathBuf>().with_extension(""))
                .collect()
        };
        if folders.len() > 2 && folders[1..].iter().all(|f| of(f) == of(&folders[0])) {
            let problem = format!(
                "holds files of the same names in {} folders: {}",
                folders.len(),
                folders.join(", ")
            );
            return Err(Error::data(
                root,
                problem,
                "keep two, the left and the right side",
            ));
        }
        let whole = |(left, _)| Entry { left, right: None };
        return Ok((found.into_iter().map(whole).collect(), broken));
    };
    let mut sides: [BTreeMap<PathBuf, PathBuf>; 2] = Default::default();
    for (path, within) in found {
        let name: PathBuf = within.components().skip(1).collect();
        sides[(top(&within) == *b) as usize].insert(name.with_extension(""), path);
    }
    let [left, right] = sides;
    Ok((matched(left, right, root, a, b)?, broken))
}

/// Files of the same names, as pairs.
fn matched(
    left: BTreeMap<PathBuf, PathBuf>,
    mut right: BTreeMap<PathBuf, PathBuf>,
    root: &Path,
    a: &str,
    b: &str,
) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for (name, path) in left {
        let Some(partner) = right.remove(&name) else {
            return Err(Error::data(
                root.join(path),
                format!("has no partner in `{b}`"),
                format!("give `{a}` and `{b}` files of the same names"),
            ));
        };
        entries.push(Entry {
            left: path,
            right: Some(partner),
        });
    }
    match right.into_values().next() {
        Some(path) => Err(Error::data(
            root.join(path),
            format!("has no partner in `{a}`"),
            format!("give `{a}` and `{b}` files of the same names"),
        )),
        None => Ok(entries),
    }
}

/// The images of a split below two folders, by their names without endings.
fn two(
    left: &Path,
    right: &Path,
    split: &str,
    warnings: &mut Vec<String>,
) -> Result<([BTreeMap<PathBuf, PathBuf>; 2], Vec<String>)> {
    let mut broken = Vec::new();
    let mut side = |root: &Path| -> Result<BTreeMap<PathBuf, PathBuf>> {
        let walked = walk(root, &EXTENSIONS, "images")?;
        walked.say_unused(root, &[], warnings);
        broken.extend(walked.broken);
        let found = of_split(root, parts(&walked.paths), split, warnings)?;
        Ok(found
            .into_iter()
            .map(|f| (f.within.with_extension(""), root.join(f.path)))
            .collect())
    };
    Ok(([side(left)?, side(right)?], broken))
}

/// Whether two folders hold files of the same names, whatever their endings: such are pairs.
///
/// # Errors
/// Those of listing; none where a folder has no part of that name.
pub(super) fn same_names(left: &Path, right: &Path, split: &str) -> Result<bool> {
    match two(left, right, split, &mut vec![]) {
        Ok(([a, b], _)) => Ok(a.keys().eq(b.keys())),
        Err(Error::Split { .. }) => Ok(false),
        Err(e) => Err(e),
    }
}

enum Refusal {
    Damaged(String),
    Unequal(Error),
}

/// Height, width and channels of a half.
fn check(root: &Path, entry: &Entry) -> Result<[usize; 3], Refusal> {
    let header = |path: &Path| {
        let path = root.join(path);
        image_file::header(&path)
            .and_then(|h| {
                if h.complete {
                    Ok(h.shape)
                } else {
                    image_file::read_image(&path)
                        .map(|_| h.shape)
                        .map_err(|e| e.to_string())
                }
            })
            .map_err(|e| Refusal::Damaged(format!("{}: {e}", path.display())))
    };
    let [h, w, c] = header(&entry.left)?;
    let place = root.join(&entry.left);
    let Some(right) = &entry.right else {
        if w % 2 == 1 {
            let problem = format!("is {h}x{w} (height x width): an odd width has no two equal halves");
            return Err(Refusal::Unequal(Error::data(
                place,
                problem,
                "give files of left|right side by side, each as wide as the other",
            )));
        }
        return Ok([h, w / 2, c]);
    };
    let [rh, rw, rc] = header(right)?;
    if [h, w] != [rh, rw] {
        let problem = format!(
            "is {h}x{w} (height x width), its partner {} is {rh}x{rw}",
            right.display()
        );
        return Err(Refusal::Unequal(Error::data(
            place,
            problem,
            "both images of a pair must have one size",
        )));
    }
    Ok([h, w, c.max(rc)])
}
