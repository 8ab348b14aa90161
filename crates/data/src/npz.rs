//! NumPy's archives of arrays (`numpy.savez`, packed or not), as many data sets are published: images or points, and
//! labels beside them.
use super::memory::Stored;
use super::npy::{self, Array};
use super::zip::Archive;
use super::{Kind, Values};
use crate::error::{Error, Result};
use std::fs::File;
use std::path::Path;

/// The set in an archive: of a split where its arrays are named by splits (`x_train`, `train_images`, ...), otherwise
/// the array `x`, `images`, `data` or `arr_0`, or the first of all. Labels are the array named so in the same way.
pub(super) fn open(path: &Path, split: &str) -> Result<Stored> {
    let file = File::open(path).map_err(Error::io("read", path))?;
    let mut archive = Archive::open(file).map_err(|problem| damaged(path, problem))?;
    let names: Vec<String> = archive
        .names()
        .filter_map(|n| n.strip_suffix(".npy"))
        .map(String::from)
        .collect();
    let has = |name: &str| names.iter().any(|n| n == name);
    let by_split = |part: &str| {
        let pairs = [
            (format!("x_{part}"), format!("y_{part}")),
            (format!("{part}_images"), format!("{part}_labels")),
        ];
        pairs.into_iter().find(|(x, _)| has(x))
    };
    let sets: Vec<(String, String)> = match (by_split("train"), by_split("test")) {
        (None, None) if split == "test" => {
            return Err(Error::data(path, "has no test split", "use --split all"));
        }
        (None, None) => {
            let usual = [
                ("x", "y"),
                ("images", "labels"),
                ("data", "labels"),
                ("arr_0", "arr_1"),
            ];
            let usual = usual
                .into_iter()
                .find(|(x, _)| has(x))
                .map(|(x, y)| (x.to_string(), y.to_string()));
            match usual.or_else(|| names.first().map(|n| (n.clone(), String::new()))) {
                Some(set) => vec![set],
                None => {
                    return Err(Error::data(path, "has no arrays", "write it with numpy.savez"));
                }
            }
        }
        (train, test) => match split {
            "train" => train.into_iter().collect(),
            "test" => test.into_iter().collect(),
            _ => train.into_iter().chain(test).collect(),
        },
    };
    let mut joined: Option<Stored> = None;
    for (x, y) in sets {
        let labels = if has(&y) {
            Some(labels(path, &mut archive, &y)?)
        } else {
            None
        };
        let set = one(path, &mut archive, &x, labels)?;
        joined = Some(match joined {
            None => set,
            Some(first) => first.join(set, path)?,
        });
    }
    joined.ok_or_else(|| {
        Error::data(
            path,
            format!("has no arrays of the split `{split}`"),
            "choose another --split",
        )
    })
}

fn damaged(path: &Path, problem: String) -> Error {
    Error::data(
        path,
        format!("is not a whole .npz file: {problem}"),
        "write it again with numpy.savez",
    )
}

/// The header and the bytes of an array.
fn array(path: &Path, archive: &mut Archive, name: &str) -> Result<(Array, Vec<u8>)> {
    let content = archive
        .read(&format!("{name}.npy"))
        .map_err(|problem| damaged(path, problem))?;
    let mut rest = &content[..];
    let array = npy::header(path, &mut rest, content.len() as u64)?;
    Ok((array, rest.to_vec()))
}

fn one(path: &Path, archive: &mut Archive, name: &str, labels: Option<Vec<u32>>) -> Result<Stored> {
    let (array, bytes) = array(path, archive, name)?;
    let mut info = npy::describe(path, &array)?;
    let values = array.kind.values(bytes).unwrap_or(Values::Bytes(vec![]));
    if let Values::Floats(v) = &values {
        let range = npy::checked_range(path, info.kind, v, (f32::INFINITY, f32::NEG_INFINITY))?;
        if info.kind == Kind::Points {
            info.range = range;
        }
    }
    if labels.as_ref().is_some_and(|l| l.len() != info.count) {
        let problem = format!(
            "`{name}` has {} items, there are {} labels",
            info.count,
            labels.map_or(0, |l| l.len())
        );
        return Err(Error::data(path, problem, "write both arrays again"));
    }
    let labels = labels.unwrap_or_default();
    info.labels = (0..labels.iter().max().map_or(0, |m| m + 1))
        .map(|c| c.to_string())
        .collect();
    Ok(Stored { info, values, labels })
}

/// Whole numbers from 0 on, `[N]` or `[N, 1]`.
fn labels(path: &Path, archive: &mut Archive, name: &str) -> Result<Vec<u32>> {
    let (array, bytes) = array(path, archive, name)?;
    let flat = array.shape.iter().skip(1).all(|&a| a == 1);
    let numbers = if flat { array.kind.whole(&bytes) } else { None };
    let small = |n: i64| u32::try_from(n).ok().filter(|&n| n < 1 << 20);
    numbers
        .and_then(|n| n.into_iter().map(small).collect())
        .ok_or_else(|| {
            let problem = format!(
                "`{name}` does not hold labels ({:?} of shape {:?})",
                array.kind, array.shape
            );
            Error::data(path, problem, "labels are whole numbers from 0 on, one an item")
        })
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
        let labelled = !self.labels.is_empty() && !other.labels.is_empty();
        if other.info.labels.len() > self.info.labels.len() {
            self.info.labels = other.info.labels;
        }
        self.labels.extend(other.labels);
        if !labelled {
            self.labels.clear();
            self.info.labels.clear();
        }
        Ok(self)
    }
}
