//! IDX files, raw and gzipped: MNIST (LeCun et al. 1998), Fashion-MNIST, EMNIST (Cohen et al. 2017).
//!
//! A header of two zeros, a type byte and the number of axes, the axes as big-endian 32-bit numbers, then the values.
use super::memory::Stored;
use super::{DataInfo, Kind, Values, classes, limits, split, walk};
use crate::error::{Error, Result};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The shape and bytes of an IDX file.
pub(super) struct Idx {
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// Whether a folder holds image files of this format.
pub(super) fn lies_in(folder: &Path) -> Result<bool> {
    Ok(!image_files(folder)?.is_empty())
}

/// The files named `...images...idx3-ubyte[.gz]` in a folder, in order.
fn image_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let path = entry.map_err(Error::io("read", folder))?.path();
        let name = name_of(&path);
        if path.is_file() && name.contains("images") && (name.contains("idx3") || name.contains("idx4")) {
            found.push(path);
        }
    }
    found.sort();
    // Where a file lies there both raw and gzipped, the raw one is read.
    let raw = found.clone();
    found.retain(|p| p.extension().is_none_or(|e| e != "gz") || !raw.contains(&p.with_extension("")));
    Ok(found)
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// The set at a path: a folder with `train` and `t10k` (or `test`) files, or one image file. Labels are read from the
/// file beside it whose name has `labels` for `images` and `idx1` for `idx3`.
pub(super) fn open(path: &Path, split: &str, warnings: &mut Vec<String>) -> Result<Stored> {
    let folder = if path.is_dir() {
        path
    } else {
        path.parent().unwrap_or(path)
    };
    let (files, others) = if path.is_dir() {
        choose(path, split, warnings)?
    } else {
        split::undivided(path, split)?;
        (vec![path.to_path_buf()], vec![])
    };
    let mut set = Vec::new();
    for file in &files {
        let mut pixels = images(file, &read(file)?)?;
        if name_of(file).starts_with("emnist") {
            transpose(&mut pixels);
        }
        set.push((pixels, labels_beside(file)?));
    }
    let mut elsewhere = Vec::new();
    for file in &others {
        elsewhere.extend(labels_beside(file)?.unwrap_or_default());
    }
    let clothes = folder.to_string_lossy().to_lowercase().contains("fashion");
    let name = |n: i64| match super::embedded::CLOTHES.get(n as usize) {
        Some(name) if clothes => name.to_string(),
        _ => n.to_string(),
    };
    join(path, set, &elsewhere, name)
}

/// The image files of a split, and those of the other part.
fn choose(folder: &Path, split: &str, warnings: &mut Vec<String>) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let all = image_files(folder)?;
    let mut known = all.clone();
    known.extend(all.iter().filter_map(|p| labels_of(p)));
    walk::say_rest(folder, &known, warnings)?;
    let is_test = |p: &PathBuf| name_of(p).contains("t10k") || name_of(p).contains("test");
    let (test, train): (Vec<_>, Vec<_>) = all.into_iter().partition(is_test);
    for part in [&train, &test] {
        if let [a, b, ..] = &part[..] {
            let problem = format!("holds several sets: {} and {}", name_of(a), name_of(b));
            return Err(Error::data(folder, problem, "give the path of one image file"));
        }
    }
    match split {
        "train" if train.is_empty() => Err(split::no_train(folder)),
        "test" if test.is_empty() => Err(split::no_test(folder)),
        "train" => Ok((train, test)),
        "test" => Ok((test, train)),
        _ => Ok(([train, test].concat(), vec![])),
    }
}

/// The file of labels beside an image file, if there is one.
fn labels_of(images: &Path) -> Option<PathBuf> {
    let name = name_of(images)
        .replace("images", "labels")
        .replace("idx3", "idx1")
        .replace("idx4", "idx1");
    if name == name_of(images) {
        return None;
    }
    let plain = images.with_file_name(name.trim_end_matches(".gz"));
    let gzipped = images.with_file_name(format!("{}.gz", name.trim_end_matches(".gz")));
    [plain, gzipped].into_iter().find(|p| p.is_file())
}

/// The labels beside an image file, if there is such a file.
fn labels_beside(images: &Path) -> Result<Option<Vec<i64>>> {
    let path = labels_of(images);
    path.map(|path| labels(&path, &read(&path)?)).transpose()
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(Error::io("read", path))
}

/// Images `[count, height, width]` or `[count, height, width, channel]` from the bytes of a file.
pub(super) fn images(path: &Path, file: &[u8]) -> Result<Idx> {
    let mut idx = parse(path, file)?;
    match idx.shape.len() {
        3 => idx.shape.push(1),
        4 => {}
        1 => {
            return Err(Error::data(
                path,
                "holds labels, not images",
                "give the file with `images` in its name",
            ));
        }
        n => {
            return Err(Error::data(
                path,
                format!("has {n} axes"),
                "images have 3 (count, height, width) or 4 (and channel)",
            ));
        }
    }
    if idx.shape[3] > 16 || idx.shape[1..].contains(&0) {
        return Err(Error::data(
            path,
            format!("holds images of shape {:?}", &idx.shape[1..]),
            "height and width are at least 1, channels 1 to 16",
        ));
    }
    Ok(idx)
}

/// Labels from the bytes of a file.
pub(super) fn labels(path: &Path, file: &[u8]) -> Result<Vec<i64>> {
    let idx = parse(path, file)?;
    if idx.shape.len() != 1 {
        return Err(Error::data(
            path,
            format!("has {} axes", idx.shape.len()),
            "a file of labels has 1",
        ));
    }
    Ok(idx.bytes.into_iter().map(i64::from).collect())
}

/// Checks the header, and that there are as many values as it says; unpacks them.
fn parse(path: &Path, file: &[u8]) -> Result<Idx> {
    let again = "fetch the file again";
    let gzipped = file.starts_with(&[0x1f, 0x8b]);
    let mut source: Box<dyn Read> = if gzipped {
        Box::new(flate2::read::MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    };
    let early = |e: std::io::Error| {
        let what = if gzipped {
            "the gzip stream ends early or is damaged"
        } else {
            "the file ends early"
        };
        Error::data(path, format!("{what} ({e})"), again)
    };
    let mut magic = [0; 4];
    source.read_exact(&mut magic).map_err(early)?;
    if magic[..2] != [0, 0] || magic[3] == 0 || magic[3] > 4 {
        let problem = format!(
            "is not an IDX file: its magic number is {:#010x}",
            u32::from_be_bytes(magic)
        );
        return Err(Error::data(
            path,
            problem,
            "images of bytes begin with 0x00000803, labels with 0x00000801",
        ));
    }
    if magic[2] != 8 {
        return Err(Error::data(
            path,
            format!("has values of IDX type {:#04x}", magic[2]),
            "only unsigned bytes (0x08) are read",
        ));
    }
    let mut shape = Vec::new();
    for _ in 0..magic[3] {
        let mut axis = [0; 4];
        source.read_exact(&mut axis).map_err(early)?;
        shape.push(u32::from_be_bytes(axis) as usize);
    }
    if shape.contains(&0) {
        return Err(Error::data(
            path,
            format!("holds no values: its shape is {shape:?}"),
            again,
        ));
    }
    let expected = shape.iter().try_fold(1usize, |n, &a| n.checked_mul(a));
    // A header that lies is found before memory is taken.
    let most = if gzipped {
        limits::unpacked(file.len() as u64) as usize
    } else {
        file.len()
    };
    let Some(expected) = expected.filter(|&n| n <= most) else {
        let problem = format!(
            "its header says {shape:?} values, but its {} bytes cannot hold them",
            file.len()
        );
        return Err(Error::data(path, problem, again));
    };
    let mut bytes = Vec::with_capacity(expected);
    source
        .take(expected as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(early)?;
    if bytes.len() != expected {
        let found = if bytes.len() < expected {
            format!("only {}", bytes.len())
        } else {
            "more".into()
        };
        return Err(Error::data(
            path,
            format!("its header says {expected} values, but there are {found}"),
            again,
        ));
    }
    Ok(Idx { shape, bytes })
}

/// EMNIST's images lie with rows and columns exchanged.
fn transpose(idx: &mut Idx) {
    let (h, w) = (idx.shape[1], idx.shape[2]);
    for image in idx.bytes.chunks_exact_mut(h * w * idx.shape[3]) {
        let old = image.to_vec();
        let c = old.len() / (h * w);
        for (i, pixel) in image.chunks_exact_mut(c).enumerate() {
            let (y, x) = (i % h, i / h);
            pixel.copy_from_slice(&old[(y * w + x) * c..][..c]);
        }
    }
    idx.shape.swap(1, 2);
}

/// One set of several files' images, with labels where every file has them. `elsewhere` are the labels of the source's
/// other part, so that its classes are numbered together; `name` gives a label's name.
pub(super) fn join(
    source: &Path,
    set: Vec<(Idx, Option<Vec<i64>>)>,
    elsewhere: &[i64],
    name: impl Fn(i64) -> String,
) -> Result<Stored> {
    let shape = set[0].0.shape[1..].to_vec();
    let (mut bytes, mut labels, mut count) = (Vec::new(), Vec::new(), 0);
    let labelled = set.iter().all(|(_, l)| l.is_some());
    for (images, of) in set {
        if images.shape[1..] != shape {
            let problem = format!(
                "its files hold images of shapes {shape:?} and {:?}",
                &images.shape[1..]
            );
            return Err(Error::data(
                source,
                problem,
                "open one at a time with --split train or --split test",
            ));
        }
        count += images.shape[0];
        bytes.extend(images.bytes);
        if labelled {
            let of = of.unwrap_or_default();
            if of.len() != images.shape[0] {
                let problem = format!("there are {} images and {} labels", images.shape[0], of.len());
                return Err(Error::data(source, problem, "fetch both files again"));
            }
            labels.extend(of);
        }
    }
    let (names, labels) = match labelled {
        true => classes::by_number(elsewhere, &labels, name),
        false => (vec![], vec![]),
    };
    let info = DataInfo {
        source: source.display().to_string(),
        kind: Kind::Image,
        shape,
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
