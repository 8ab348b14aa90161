//! Arrays by name: those of an archive (`numpy.savez`), or of files that belong together (`x_train.npy`, `y_train.npy`).
use super::npy::{self, Array, NpyFile};
use super::source::Source;
use super::zip::Archive;
use super::{Dataset, Values};
use crate::error::{Error, Result};
use crate::memory::Stored;
use npy::Checks;
use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Names of arrays of items, and of the labels beside them; `*` is a part.
pub(super) const SPLITS: [(&str, &str); 7] = [
    ("x_*", "y_*"),
    ("*_images", "*_labels"),
    ("*_imgs", "*_labels"),
    ("*_x", "*_y"),
    ("*_data", "*_labels"),
    ("images_*", "labels_*"),
    ("data_*", "labels_*"),
];
/// The same of sets that are not divided.
pub(super) const USUAL: [(&str, &str); 7] = [
    ("x", "y"),
    ("images", "labels"),
    ("imgs", "labels"),
    ("data", "labels"),
    ("data", "target"),
    ("features", "labels"),
    ("arr_0", "arr_1"),
];
const PARTS: [&str; 3] = ["train", "test", "val"];
const ENDINGS: [&str; 2] = ["npy", "npz"];

/// An array whose header was read.
pub(super) struct Member {
    pub name: String,
    pub array: Array,
    /// the file it lies in, and the entry of it where that is an archive
    pub file: PathBuf,
    entry: Option<String>,
}

/// Arrays by name.
pub(super) struct Bundle {
    pub place: PathBuf,
    pub members: Vec<Member>,
    /// names of what are no arrays of numbers
    pub others: Vec<String>,
    /// whether each array is a file of its own
    pub files: bool,
}

/// Names of arrays of items with those of their labels.
pub(super) fn pairs() -> impl Iterator<Item = (String, String)> {
    let divided = SPLITS
        .iter()
        .flat_map(|(x, y)| PARTS.map(|p| (x.replace('*', p), y.replace('*', p))));
    divided.chain(USUAL.iter().map(|(x, y)| (x.to_string(), y.to_string())))
}

/// A file's name as arrays are called.
fn name_of(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    stem.to_lowercase().replace('-', "_")
}

/// What stands before a usual name of items in a file's name, and the usual names of the labels: `kmnist_` before `train_imgs`.
fn usual(name: &str) -> Option<(&str, Vec<String>)> {
    let before = |(x, y): (String, String)| {
        let before = name.strip_suffix(&x[..])?;
        let apart = x != "arr_0" && (before.is_empty() || before.ends_with('_'));
        apart.then_some((before, y))
    };
    let all: Vec<(&str, String)> = pairs().filter_map(before).collect();
    let shortest = all.iter().map(|(before, _)| *before).min_by_key(|b| b.len())?;
    let labels = all.iter().filter(|(before, _)| *before == shortest);
    Some((shortest, labels.map(|(_, y)| y.clone()).collect()))
}

/// The files of arrays in a folder, `.npy` before `.npz`.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let folder = match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let path = entry.map_err(Error::io("read", folder))?.path();
        let hidden = path
            .file_name()
            .is_some_and(|n| n.to_string_lossy().starts_with('.'));
        if path.is_file() && !hidden && super::walk::ends_in(&path, &ENDINGS) {
            files.push(path);
        }
    }
    files.sort();
    files.sort_by_key(|f| super::walk::ends_in(f, &["npz"]));
    Ok(files)
}

/// Whether a folder holds arrays of items by a usual name, and no images.
pub(super) fn lies_in(folder: &Path) -> bool {
    let named = || files_in(folder).is_ok_and(|all| all.iter().any(|f| usual(&name_of(f)).is_some()));
    super::listing::is_of(folder, &ENDINGS) && named()
}

fn damaged(path: &Path, problem: String) -> Error {
    Error::data(
        path,
        format!("is not a whole .npz file: {problem}"),
        "write it again with numpy.savez",
    )
}

fn opened(path: &Path) -> Result<Archive> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    Archive::open(file).map_err(|problem| damaged(path, problem))
}

impl Member {
    /// The array in a file; of an archive, the only one.
    fn of_file(path: &Path) -> Result<Member> {
        if super::walk::ends_in(path, &["npz"]) {
            let Bundle {
                mut members, others, ..
            } = Bundle::of_archive(path)?;
            let alone = members.len() == 1 && others.is_empty();
            let only = members
                .pop()
                .filter(|_| alone)
                .ok_or_else(|| Error::data(path, "holds several arrays", "give it by its name"))?;
            let name = name_of(path);
            return Ok(Member { name, ..only });
        }
        let mut file = File::open(path).map_err(Error::io("read", path))?;
        let length = file.metadata().map_err(Error::io("read", path))?.len();
        Ok(Member {
            name: name_of(path),
            array: npy::header(path, &mut file, length)?,
            file: path.to_path_buf(),
            entry: None,
        })
    }

    /// The header and the bytes of the array.
    pub(super) fn content(&self) -> Result<(Array, Vec<u8>)> {
        let path = &self.file;
        let mut content = match &self.entry {
            Some(entry) => opened(path)?
                .read(entry)
                .map_err(|problem| damaged(path, problem))?,
            None => std::fs::read(path).map_err(Error::io("read", path))?,
        };
        let mut rest = &content[..];
        let array = npy::header(path, &mut rest, content.len() as u64)?;
        let header = content.len() - rest.len();
        content.drain(..header);
        Ok((array, content))
    }

    /// The items of the array: of a file of its own, read when they are asked for.
    pub(super) fn items(&self, warnings: &mut Vec<String>) -> Result<Arc<dyn Dataset>> {
        let path = &self.file;
        if self.entry.is_none() {
            return Ok(Arc::new(NpyFile::open(path, warnings)?));
        }
        let (array, bytes) = self.content()?;
        let mut info = npy::describe(path, &array)?;
        let mut checks = Checks::new(path, &array, &info);
        checks.exact(&bytes);
        let values = array.kind.values(bytes).unwrap_or(Values::Bytes(vec![]));
        checks.look(0, &values)?;
        checks.say(&mut info, warnings);
        Ok(Arc::new(Stored {
            info,
            values,
            labels: vec![],
            attributes: vec![],
        }))
    }
}

/// The array in a file beside another, of one of these names behind what stands before the other's.
fn beside(path: &Path, before: &str, names: &[String], warnings: &mut Vec<String>) -> Result<Option<Member>> {
    let files = files_in(path.parent().unwrap_or(Path::new("")))?;
    let name_behind = |f: &Path| name_of(f).strip_prefix(before).map(String::from);
    let found = files
        .iter()
        .find_map(|f| Some((f, name_behind(f).filter(|n| names.contains(n))?)));
    let Some((file, name)) = found else {
        return Ok(None);
    };
    match Member::of_file(file) {
        Ok(member) => Ok(Some(Member { name, ..member })),
        Err(e) => {
            warnings.push(format!("not used: {e}"));
            Ok(None)
        }
    }
}

impl Bundle {
    /// The arrays of an archive.
    pub(super) fn of_archive(path: &Path) -> Result<Bundle> {
        let mut archive = opened(path)?;
        let names: Vec<String> = archive
            .names()
            .filter_map(|n| n.strip_suffix(".npy"))
            .map(String::from)
            .collect();
        let (mut members, mut others) = (Vec::new(), Vec::new());
        for name in names {
            let entry = format!("{name}.npy");
            let begin = archive.begin(&entry, npy::MAX_HEADER + 12);
            let begin = begin.map_err(|problem| damaged(path, problem))?;
            let length = archive.length(&entry).map_err(|problem| damaged(path, problem))?;
            match npy::header(path, &mut &begin[..], length) {
                Ok(array) => members.push(Member {
                    name,
                    array,
                    file: path.to_path_buf(),
                    entry: Some(entry),
                }),
                Err(_) => others.push(name),
            }
        }
        if members.is_empty() {
            let problem = match others.len() {
                0 => "has no arrays".to_string(),
                n => format!("has no arrays of numbers among its {n}: {}", others.join(", ")),
            };
            return Err(Error::data(path, problem, "write it with numpy.savez"));
        }
        Ok(Bundle {
            place: path.to_path_buf(),
            members,
            others,
            files: false,
        })
    }

    /// What a file holds: the arrays of an archive; of a file of one array, that and the labels in a file beside it, whose
    /// name says so. The second says which array is then the file's own.
    pub(super) fn of_file(
        path: &Path,
        array: &str,
        warnings: &mut Vec<String>,
    ) -> Result<(Bundle, Option<String>)> {
        let whole = match super::walk::ends_in(path, &["npz"]) {
            true => Some(Bundle::of_archive(path)?),
            false => None,
        };
        let (single, whole) = match whole {
            Some(whole) if whole.members.len() + whole.others.len() > 1 || !array.is_empty() => {
                return Ok((whole, None));
            }
            whole => (Member::of_file(path)?, whole),
        };
        let name = single.name.clone();
        let mut bundle = Bundle {
            place: path.to_path_buf(),
            members: vec![single],
            others: vec![],
            files: true,
        };
        let labels = match usual(&name) {
            Some((before, labels)) => {
                bundle.members[0].name = name[before.len()..].to_string();
                beside(path, before, &labels, warnings)?
            }
            None => None,
        };
        match (labels, whole) {
            (None, Some(whole)) => Ok((whole, None)),
            (labels, _) => {
                bundle.members.extend(labels);
                let own = bundle.members[0].name.clone();
                Ok((bundle, Some(own)))
            }
        }
    }

    /// The files of arrays in a folder, by their names.
    pub(super) fn of_folder(folder: &Path, source: &Source) -> Result<Bundle> {
        let mut bundle = Bundle {
            place: folder.to_path_buf(),
            members: vec![],
            others: vec![],
            files: true,
        };
        let files = files_in(folder)?;
        let names: Vec<String> = files.iter().map(|f| name_of(f)).collect();
        let before: BTreeSet<&str> = names.iter().filter_map(|n| Some(usual(n)?.0)).collect();
        let fix = "give the path of one file";
        let before = match before.iter().collect::<Vec<_>>()[..] {
            [one] => *one,
            [] => {
                let problem =
                    "holds no array of items by a usual name (x_train, train_images, x, images, data)";
                return Err(Error::data(folder, problem, fix));
            }
            [a, b, ..] => {
                let problem = format!("holds several sets of arrays: `{a}...` and `{b}...`");
                return Err(Error::data(folder, problem, fix));
            }
        };
        for (file, name) in files.iter().zip(&names) {
            let Some(own) = name.strip_prefix(before) else {
                continue;
            };
            let known = pairs().any(|(x, y)| own == x || own == y) || own.eq_ignore_ascii_case(&source.array);
            if !known || bundle.members.iter().any(|m| m.name == own) {
                continue;
            }
            bundle.members.push(Member {
                name: own.to_string(),
                ..Member::of_file(file)?
            });
        }
        Ok(bundle)
    }

    /// The array of this name, whatever its case.
    pub(super) fn find(&self, name: &str) -> Option<&Member> {
        let exact = self.members.iter().find(|m| m.name == name);
        exact.or_else(|| self.members.iter().find(|m| m.name.eq_ignore_ascii_case(name)))
    }

    /// An array as a message calls it.
    pub(super) fn said(&self, member: &Member) -> String {
        match self.files {
            true => member
                .file
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            false => format!("`{}`", member.name),
        }
    }
}
