//! NumPy's archives of arrays (`numpy.savez`, packed or not), as many data sets are published: images or points, and
//! labels beside them.
use super::memory::Stored;
use super::npy::{self, Array, Checks};
use super::source::Source;
use super::zip::Archive;
use super::{Values, classes, split};
use crate::error::{Error, Result, nearest};
use std::fs::File;
use std::path::Path;

/// Names of arrays of items, and of the labels beside them; `*` is a part.
const SPLITS: [(&str, &str); 4] = [
    ("x_*", "y_*"),
    ("*_images", "*_labels"),
    ("*_x", "*_y"),
    ("*_data", "*_labels"),
];
/// The same of sets that are not divided.
const USUAL: [(&str, &str); 6] = [
    ("x", "y"),
    ("images", "labels"),
    ("imgs", "labels"),
    ("data", "labels"),
    ("data", "target"),
    ("arr_0", "arr_1"),
];

/// An archive whose arrays' headers were read.
struct Opened<'a> {
    path: &'a Path,
    archive: Archive,
    /// arrays of numbers by name, and what they are
    arrays: Vec<(String, Array)>,
    /// other arrays
    others: Vec<String>,
}

/// The set in an archive: `data.array` where it is given; of a split where its arrays are named by splits (`x_train`,
/// `train_images`, ...), otherwise the array `x`, `images`, `data` or `arr_0`, or the one that looks most like items.
/// Labels are the array named so in the same way. What is not used is told.
pub(super) fn open(path: &Path, source: &Source, warnings: &mut Vec<String>) -> Result<Stored> {
    let mut opened = Opened::new(path)?;
    let split = &source.split[..];
    let (train, test) = (
        opened.of_part("train"),
        opened.of_part("test").or_else(|| opened.of_part("val")),
    );
    let (sets, other) = match (train, test) {
        _ if !source.array.is_empty() => {
            split::undivided(path, split)?;
            (vec![opened.named(&source.array)?], None)
        }
        (None, None) => {
            split::undivided(path, split)?;
            (vec![opened.only(warnings)?], None)
        }
        (None, _) if split == "train" => return Err(split::no_train(path)),
        (_, None) if split == "test" => return Err(split::no_test(path)),
        (train, test) => match split {
            "train" => (train.into_iter().collect(), test),
            "test" => (test.into_iter().collect(), train),
            _ => (train.into_iter().chain(test).collect::<Vec<_>>(), None),
        },
    };
    let used: Vec<&String> = sets
        .iter()
        .chain(&other)
        .flat_map(|(x, y)| [Some(x), y.as_ref()])
        .flatten()
        .collect();
    opened.say_unused(&used, warnings);
    let elsewhere = match other {
        Some((_, Some(y))) => opened.classes(&y, &mut vec![])?.unwrap_or_default(),
        _ => vec![],
    };
    let mut joined: Option<(Stored, Vec<String>)> = None;
    for (x, y) in &sets {
        let set = opened.one(x, y.as_deref(), warnings)?;
        joined = Some(match joined {
            None => set,
            Some((first, names)) => (first.join(set.0, path)?, [names, set.1].concat()),
        });
    }
    let Some((mut stored, given)) = joined else {
        return Err(Error::data(path, "has no arrays", "write it with numpy.savez"));
    };
    // One part without labels leaves both without.
    if given.len() == stored.info.count {
        let named = |n: &String| Some(n.clone()).filter(|n| !classes::is_missing(n));
        let all: Vec<Option<String>> = elsewhere.iter().chain(&given).map(named).collect();
        let (names, mut labels) = classes::by_name(&all);
        stored.labels = labels.split_off(elsewhere.len());
        stored.info.labels = names;
    }
    Ok(stored)
}

fn damaged(path: &Path, problem: String) -> Error {
    Error::data(
        path,
        format!("is not a whole .npz file: {problem}"),
        "write it again with numpy.savez",
    )
}

impl<'a> Opened<'a> {
    fn new(path: &'a Path) -> Result<Opened<'a>> {
        let file = File::open(path).map_err(Error::io("read", path))?;
        let mut archive = Archive::open(file).map_err(|problem| damaged(path, problem))?;
        let names: Vec<String> = archive
            .names()
            .filter_map(|n| n.strip_suffix(".npy"))
            .map(String::from)
            .collect();
        let (mut arrays, mut others) = (Vec::new(), Vec::new());
        for name in names {
            let entry = format!("{name}.npy");
            let begin = archive.begin(&entry, npy::MAX_HEADER + 12);
            let begin = begin.map_err(|problem| damaged(path, problem))?;
            let length = archive.length(&entry).map_err(|problem| damaged(path, problem))?;
            match npy::header(path, &mut &begin[..], length) {
                Ok(array) => arrays.push((name, array)),
                Err(_) => others.push(name),
            }
        }
        if arrays.is_empty() {
            let problem = match others.len() {
                0 => "has no arrays".to_string(),
                n => format!("has no arrays of numbers among its {n}: {}", others.join(", ")),
            };
            return Err(Error::data(path, problem, "write it with numpy.savez"));
        }
        Ok(Opened {
            path,
            archive,
            arrays,
            others,
        })
    }

    /// The array of this name, whatever its case.
    fn find(&self, name: &str) -> Option<&(String, Array)> {
        let exact = self.arrays.iter().find(|(n, _)| n == name);
        exact.or_else(|| self.arrays.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)))
    }

    /// Two arrays of these names, the second where it is there and has a row an item.
    fn pair(&self, x: &str, y: &str) -> Option<(String, Option<String>)> {
        let (name, array) = self.find(x)?;
        let labels = self
            .find(y)
            .filter(|(_, l)| l.shape.first() == array.shape.first() && may_label(l));
        // Labels of another number are a fault that reading them names.
        let labels = labels.or_else(|| self.find(y).filter(|(_, l)| l.shape.len() == 1));
        Some((name.clone(), labels.map(|(n, _)| n.clone())))
    }

    fn of_part(&self, part: &str) -> Option<(String, Option<String>)> {
        SPLITS
            .iter()
            .find_map(|(x, y)| self.pair(&x.replace('*', part), &y.replace('*', part)))
    }

    /// The array that a recipe names.
    fn named(&self, name: &str) -> Result<(String, Option<String>)> {
        let parts = ["train", "test", "val"];
        let divided = SPLITS
            .iter()
            .flat_map(|(x, y)| parts.map(|p| (x.replace('*', p), y.replace('*', p))));
        let usual = USUAL.iter().map(|(x, y)| (x.to_string(), y.to_string()));
        let known = divided
            .chain(usual)
            .find(|(x, y)| x.eq_ignore_ascii_case(name) && self.find(y).is_some());
        match self.find(name) {
            Some((found, _)) => Ok(known
                .and_then(|(x, y)| self.pair(&x, &y))
                .unwrap_or((found.clone(), None))),
            None => Err(Error::recipe(
                "data.array",
                format!("{} has no array of numbers `{name}`", self.path.display()),
                nearest(name, self.arrays.iter().map(|(n, _)| &n[..])),
            )),
        }
    }

    /// The array of a usual name; otherwise the only one that can be items, or the one that looks most like it, which is
    /// told.
    fn only(&self, warnings: &mut Vec<String>) -> Result<(String, Option<String>)> {
        if let Some(usual) = USUAL.iter().find_map(|(x, y)| self.pair(x, y)) {
            return Ok(usual);
        }
        let fits = |array: &Array| npy::describe(self.path, array);
        let mut able: Vec<&(String, Array)> = self.arrays.iter().filter(|(_, a)| fits(a).is_ok()).collect();
        // Images before points, then those that are larger; of equals, the first.
        able.sort_by_key(|(_, a)| (a.shape.len() < 3, std::cmp::Reverse(a.bytes)));
        match able[..] {
            [] => {
                let (name, array) = &self.arrays[0];
                Err(fits(array).err().unwrap_or_else(|| {
                    Error::data(
                        self.path,
                        format!("`{name}` holds no items"),
                        "write it with numpy.savez",
                    )
                }))
            }
            [(name, _)] => Ok((name.clone(), None)),
            [(name, array), ..] => {
                warnings.push(format!(
                    "{}: `{name}` of shape {:?} is taken for the items (data.array names another)",
                    self.path.display(),
                    array.shape
                ));
                Ok((name.clone(), None))
            }
        }
    }

    fn say_unused(&self, used: &[&String], warnings: &mut Vec<String>) {
        let numbers = self
            .arrays
            .iter()
            .map(|(n, a)| (n, format!("`{n}` {:?}", a.shape)));
        let others = self.others.iter().map(|n| (n, format!("`{n}`")));
        let rest: Vec<String> = numbers
            .chain(others)
            .filter(|(n, _)| !used.contains(n))
            .map(|(_, said)| said)
            .collect();
        if !rest.is_empty() {
            let n = rest.len();
            let shown = rest[..n.min(10)].join(", ") + if n > 10 { ", ..." } else { "" };
            warnings.push(format!("{}: not used: {n} arrays: {shown}", self.path.display()));
        }
    }

    /// The header and the bytes of an array.
    fn array(&mut self, name: &str) -> Result<(Array, Vec<u8>)> {
        let path = self.path;
        let mut content = self
            .archive
            .read(&format!("{name}.npy"))
            .map_err(|problem| damaged(path, problem))?;
        let mut rest = &content[..];
        let array = npy::header(path, &mut rest, content.len() as u64)?;
        let header = content.len() - rest.len();
        content.drain(..header);
        Ok((array, content))
    }

    /// The items of an array, and the name of a class for each where `y` is an array of those. Of an array with several
    /// numbers an item, these become attributes.
    fn one(&mut self, x: &str, y: Option<&str>, warnings: &mut Vec<String>) -> Result<(Stored, Vec<String>)> {
        let path = self.path;
        let (array, bytes) = self.array(x)?;
        let mut info = npy::describe(path, &array)?;
        let mut checks = Checks::new(path, &array, &info);
        checks.exact(&bytes);
        let values = array.kind.values(bytes).unwrap_or(Values::Bytes(vec![]));
        checks.look(0, &values)?;
        checks.say(&mut info, warnings);
        let mut stored = Stored {
            info,
            values,
            labels: vec![],
            attributes: vec![],
        };
        let Some(y) = y else {
            return Ok((stored, vec![]));
        };
        let count = self
            .find(y)
            .map_or(0, |(_, a)| a.shape.first().copied().unwrap_or(0));
        if count != stored.info.count {
            let problem = format!("`{x}` has {} items, there are {count} labels", stored.info.count);
            return Err(Error::data(path, problem, "write both arrays again"));
        }
        if let Some(names) = self.classes(y, warnings)? {
            return Ok((stored, names));
        }
        let (array, bytes) = self.array(y)?;
        let numbers = array.kind.numbers(&bytes);
        let of = numbers.len() / count;
        if numbers.iter().any(|v| !v.is_finite()) || of == 0 || of > 1 << 10 {
            let problem = format!("`{y}` of shape {:?} holds no labels", array.shape);
            return Err(Error::data(
                path,
                problem,
                "labels are words or whole numbers, one an item",
            ));
        }
        stored.info.attributes = (0..of).map(|k| format!("{y}[{k}]")).collect();
        stored.attributes = numbers;
        Ok((stored, vec![]))
    }

    /// The name of each item's class in an array of one word or number an item, or of one 1 among zeros, which is told;
    /// None for other numbers.
    ///
    /// # Errors
    /// [`Error::Data`] for a number an item that is no whole one.
    fn classes(&mut self, name: &str, warnings: &mut Vec<String>) -> Result<Option<Vec<String>>> {
        let (array, bytes) = self.array(name)?;
        let of: usize = array.shape.iter().skip(1).product();
        if of == 0 {
            return Ok(None);
        }
        if of == 1 {
            return array.kind.names(&bytes).map(Some).ok_or_else(|| {
                let problem = format!("`{name}` does not hold labels but {}", array.kind.said());
                let fix = "labels are words or whole numbers, one an item; give measurements another name";
                Error::data(self.path, problem, fix)
            });
        }
        let numbers = array.kind.numbers(&bytes);
        let hot = |row: &[f32]| {
            let alone = row.iter().all(|v| *v == 0.0 || *v == 1.0) && row.iter().sum::<f32>() == 1.0;
            alone.then(|| row.iter().position(|v| *v == 1.0).unwrap_or_default().to_string())
        };
        let names: Option<Vec<String>> = numbers.chunks(of).map(hot).collect();
        if names.is_some() {
            warnings.push(format!(
                "{}: `{name}` has one 1 in every row: its place is taken for the class",
                self.path.display()
            ));
        }
        Ok(names)
    }
}

/// Whether an array may say something of each item: a word or numbers. What has more axes is an image of its own.
fn may_label(array: &Array) -> bool {
    array.shape.iter().skip(2).all(|&n| n == 1)
}

impl Stored {
    /// This set and another of the same shape after it.
    fn join(mut self, other: Stored, path: &Path) -> Result<Stored> {
        match (&mut self.values, other.values) {
            (Values::Bytes(a), Values::Bytes(b)) if self.info.shape == other.info.shape => a.extend(b),
            (Values::Floats(a), Values::Floats(b)) if self.info.shape == other.info.shape => a.extend(b),
            _ => {
                return Err(Error::data(
                    path,
                    "its splits differ in shape or type",
                    "open one at a time with --split",
                ));
            }
        }
        self.info.count += other.info.count;
        self.info.range = (
            self.info.range.0.min(other.info.range.0),
            self.info.range.1.max(other.info.range.1),
        );
        match self.info.attributes.len() == other.info.attributes.len() {
            true => self.attributes.extend(other.attributes),
            false => {
                self.attributes.clear();
                self.info.attributes.clear();
            }
        }
        Ok(self)
    }
}
