//! CIFAR-10 and CIFAR-100 (Krizhevsky 2009), binary version: records of one or two label bytes and three planes of
//! 32x32 bytes.
use super::memory::Stored;
use super::{DataInfo, Kind, Values, classes, split, walk};
use crate::error::{Error, Result};
use std::io::Read;
use std::path::{Path, PathBuf};

const PIXELS: usize = 32 * 32;

/// Whether a folder holds these batches.
pub(super) fn lies_in(folder: &Path) -> bool {
    ["data_batch_1.bin", "test_batch.bin", "train.bin"]
        .iter()
        .any(|name| folder.join(name).is_file())
}

/// The set at a path: a folder with `data_batch_*.bin` and `test_batch.bin` (CIFAR-10) or `train.bin` and `test.bin`
/// (CIFAR-100, by its fine labels), or one such file.
pub(super) fn open(path: &Path, split: &str, warnings: &mut Vec<String>) -> Result<Stored> {
    let (files, others) = if path.is_dir() {
        choose(path, split, warnings)?
    } else {
        split::undivided(path, split)?;
        (vec![path.to_path_buf()], vec![])
    };
    let folder = if path.is_dir() {
        path
    } else {
        path.parent().unwrap_or(path)
    };
    let (mut bytes, mut labels, mut hundred) = (Vec::new(), Vec::new(), None);
    for file in &files {
        let content = std::fs::read(file).map_err(Error::io("read", file))?;
        let label_bytes = label_bytes(file, content.len())?;
        if *hundred.get_or_insert(label_bytes == 2) != (label_bytes == 2) {
            return Err(Error::data(
                path,
                "holds batches of CIFAR-10 and of CIFAR-100",
                "give the path of one file",
            ));
        }
        bytes.reserve(content.len());
        for record in content.chunks_exact(label_bytes + 3 * PIXELS) {
            let (label, planes) = record.split_at(label_bytes);
            labels.push(label[label_bytes - 1] as i64);
            (0..PIXELS).for_each(|i| bytes.extend([planes[i], planes[PIXELS + i], planes[2 * PIXELS + i]]));
        }
    }
    let hundred = hundred.unwrap_or(false);
    let classes = if hundred { 100 } else { 10 };
    if let Some(&label) = labels.iter().find(|&&l| l >= classes) {
        return Err(Error::data(
            path,
            format!("has a label {label} of {classes} classes"),
            "fetch the files again",
        ));
    }
    let mut elsewhere = Vec::new();
    for file in &others {
        elsewhere.extend(labels_of(file)?);
    }
    let names = names(
        &folder.join(if hundred {
            "fine_label_names.txt"
        } else {
            "batches.meta.txt"
        }),
        classes as usize,
    );
    let count = labels.len();
    let name = |n: i64| names.get(n as usize).cloned().unwrap_or_else(|| n.to_string());
    let (names, labels) = classes::by_number(&elsewhere, &labels, name);
    let info = DataInfo {
        source: path.display().to_string(),
        kind: Kind::Image,
        shape: vec![32, 32, 3],
        count,
        range: (0.0, 255.0),
        labels: names,
        ..DataInfo::default()
    };
    Ok(Stored {
        info,
        values: Values::Bytes(bytes),
        labels,
        attributes: vec![],
    })
}

/// The labels of a file's records.
fn labels_of(file: &Path) -> Result<Vec<i64>> {
    let length = std::fs::metadata(file).map_err(Error::io("read", file))?.len();
    let label_bytes = label_bytes(file, length as usize)?;
    let mut content = std::io::BufReader::new(std::fs::File::open(file).map_err(Error::io("read", file))?);
    let record = label_bytes + 3 * PIXELS;
    let mut labels = Vec::with_capacity(length as usize / record);
    for _ in 0..length as usize / record {
        let mut label = [0; 2];
        content
            .read_exact(&mut label[..label_bytes])
            .and_then(|_| content.seek_relative(3 * PIXELS as i64))
            .map_err(Error::io("read", file))?;
        labels.push(label[label_bytes - 1] as i64);
    }
    Ok(labels)
}

/// The files of a split, and those of the other part.
fn choose(folder: &Path, split: &str, warnings: &mut Vec<String>) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let there = |names: &[&str]| {
        names
            .iter()
            .map(|n| folder.join(n))
            .filter(|p| p.is_file())
            .collect::<Vec<_>>()
    };
    let train = there(&[
        "data_batch_1.bin",
        "data_batch_2.bin",
        "data_batch_3.bin",
        "data_batch_4.bin",
        "data_batch_5.bin",
        "train.bin",
    ]);
    let test = there(&["test_batch.bin", "test.bin"]);
    let lists = there(&[
        "batches.meta.txt",
        "fine_label_names.txt",
        "coarse_label_names.txt",
        "readme.html",
    ]);
    walk::say_rest(folder, &[&train[..], &test, &lists].concat(), warnings)?;
    match split {
        "train" if train.is_empty() => Err(split::no_train(folder)),
        "test" if test.is_empty() => Err(split::no_test(folder)),
        "train" => Ok((train, test)),
        "test" => Ok((test, train)),
        _ => Ok(([train, test].concat(), vec![])),
    }
}

/// How many label bytes a record of a file has: 1 in CIFAR-10, 2 in CIFAR-100.
fn label_bytes(file: &Path, length: usize) -> Result<usize> {
    let whole = |n: &usize| length > 0 && length.is_multiple_of(n + 3 * PIXELS);
    let hundred = file
        .file_name()
        .is_some_and(|n| n == "train.bin" || n == "test.bin");
    let order = if hundred { [2, 1] } else { [1, 2] };
    order.into_iter().find(whole).ok_or_else(|| {
        let problem = format!(
            "its {length} bytes are not a whole number of records of 3,073 (CIFAR-10) or 3,074 bytes (CIFAR-100)"
        );
        Error::data(file, problem, "fetch the file again")
    })
}

/// The names in the file beside the batches, or numbers.
fn names(file: &Path, classes: usize) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let names: Vec<String> = text
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .map(String::from)
        .collect();
    if names.len() == classes {
        names
    } else {
        (0..classes).map(|c| c.to_string()).collect()
    }
}
