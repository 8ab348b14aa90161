//! A source written as shards: its images as they are prepared, losslessly, with classes, descriptions and attributes.
use super::shards::{ATTRIBUTES, CLASSES, index, tar as shard};
use super::{DataInfo, Dataset, Item, Kind, Source, Values};
use crate::error::{Error, Result};
use crate::files;
use image::ExtendedColorType;
use image::ImageEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use rayon::prelude::*;
use serde_json::{Map, Number, Value, json};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Items that are prepared at a time.
const CHUNK: usize = 512;

/// A part of a pack.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct PackedPart {
    /// "train" or "test"
    pub split: String,
    /// its items
    pub items: usize,
    /// its shards
    pub shards: usize,
}

/// What was packed.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Packed {
    /// its parts
    pub parts: Vec<PackedPart>,
    /// bytes of all shards
    pub bytes: u64,
    /// height, width and channels of every image
    pub shape: Vec<usize>,
    /// names of the classes
    pub labels: Vec<String>,
    /// what was found on the way: damaged items, files left out
    #[serde(skip)]
    pub warnings: Vec<String>,
}

/// Writes `splits` of a source ("train", "test"; one that it has not is passed over, unless it is the only one) into a new
/// folder of tar shards of about `shard_bytes` bytes: `OUT/train/00000.tar`, ... and an index beside each, and
/// `OUT/classnames.txt`, `OUT/attributes.txt`. All of it is written, or nothing. Read again, item `i` of a split has the values, class,
/// description and attributes of item `i` of the source.
///
/// # Errors
/// Those of [`Source::open`] and [`Dataset::get`]; [`Error::Data`] when the items are no 8-bit images or the folder is not
/// empty; [`Error::Io`] when it cannot be written.
pub fn pack(source: &Source, splits: &[&str], shard_bytes: u64, out: &Path) -> Result<Packed> {
    vacant(out)?;
    let mut parts = Vec::new();
    let mut packed = Packed {
        parts: vec![],
        bytes: 0,
        shape: vec![],
        labels: vec![],
        warnings: vec![],
    };
    for split in splits {
        let of = Source {
            split: split.to_string(),
            ..source.clone()
        };
        match of.open() {
            Err(Error::Split { .. }) if splits.len() > 1 => {}
            Err(e) => return Err(e),
            Ok(opened) => {
                packed.warnings.extend(opened.warnings);
                parts.push((split.to_string(), opened.dataset));
            }
        }
    }
    let Some((_, first)) = parts.first() else {
        return Err(Error::data(
            &source.source,
            "has neither a training nor a test part",
            "give other data",
        ));
    };
    let info = first.info().clone();
    parts
        .iter()
        .try_for_each(|(_, set)| packable(&info, set.info()))?;
    (packed.shape, packed.labels) = (info.shape.clone(), info.labels.clone());
    let beside = files::hidden(out, "part");
    let written = (|| {
        files::remove_folder(&beside)?;
        std::fs::create_dir_all(&beside).map_err(Error::io("create", &beside))?;
        for (split, set) in &parts {
            let folder = beside.join(split);
            std::fs::create_dir(&folder).map_err(Error::io("create", &folder))?;
            let (shards, bytes) = write_part(set, &folder, shard_bytes)?;
            packed.bytes += bytes;
            packed.parts.push(PackedPart {
                split: split.clone(),
                items: set.info().count,
                shards,
            });
            packed.warnings.extend(set.warnings());
        }
        for (name, list) in [(CLASSES, &info.labels), (ATTRIBUTES, &info.attributes)] {
            let lines: String = list.iter().map(|l| format!("{l}\n")).collect();
            if !list.is_empty() {
                files::write_atomically(&beside.join(name), lines.as_bytes())?;
            }
        }
        if out.is_dir() {
            std::fs::remove_dir(out).map_err(Error::io("replace", out))?;
        }
        std::fs::rename(&beside, out).map_err(Error::io("write", out))
    })();
    if written.is_err() {
        files::remove_folder(&beside).ok();
    }
    written.map(|()| packed)
}

/// Refuses a place that holds something already.
fn vacant(out: &Path) -> Result<()> {
    let mut entries = match std::fs::read_dir(out) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(Error::io("write", out)(e)),
    };
    match entries.next() {
        None => Ok(()),
        Some(_) => Err(Error::data(
            out,
            "is not empty",
            "give a new folder, or an empty one",
        )),
    }
}

/// Refuses what shards of images cannot hold, and parts that do not belong together.
fn packable(first: &DataInfo, info: &DataInfo) -> Result<()> {
    let refuse = |problem: String, fix: &str| Err(Error::data(&info.source, problem, fix));
    if info.kind != Kind::Image {
        return refuse(
            format!("holds {}, and shards hold images", info.kind.plural()),
            "give a source of images",
        );
    }
    if info.range != (0.0, 255.0) {
        return refuse(
            "holds images of real numbers, and shards hold images of 8 bits".into(),
            "keep it as it is",
        );
    }
    if !matches!(info.shape[2], 1 | 3 | 4) {
        let problem = format!("holds images of {} channels, which no PNG has", info.shape[2]);
        return refuse(problem, "keep it as it is");
    }
    let no_line = |l: &&String| l.contains(['\n', '\r']) || l.trim() != *l || l.is_empty();
    if let Some(name) = info.labels.iter().chain(&info.attributes).find(no_line) {
        let problem = format!("has a class or attribute `{name}`, which is no line of text");
        return refuse(problem, "name it otherwise");
    }
    if info.shape != first.shape || info.labels != first.labels || info.attributes != first.attributes {
        let problem = format!(
            "its parts differ: images of {:?} and {:?}",
            first.shape, info.shape
        );
        return refuse(
            problem,
            "give both one size (--size) and channels (--channels), or pack one (--split)",
        );
    }
    Ok(())
}

/// Writes the shards of a part; how many, and their bytes.
fn write_part(set: &Arc<dyn Dataset>, folder: &Path, shard_bytes: u64) -> Result<(usize, u64)> {
    let info = set.info();
    let (mut shards, mut sum, mut open) = (0, 0, None::<Writing>);
    for start in (0..info.count).step_by(CHUNK) {
        let chunk = start..(start + CHUNK).min(info.count);
        let made: Vec<Vec<(&str, Vec<u8>)>> = chunk
            .clone()
            .into_par_iter()
            .map(|i| members(info, set.get(i)?))
            .collect::<Result<_>>()?;
        for (i, members) in chunk.zip(made) {
            let bytes: u64 = members
                .iter()
                .map(|(_, m)| 512 + (m.len() as u64).div_ceil(512) * 512)
                .sum();
            if let Some(full) = open.take_if(|w| w.bytes + bytes > shard_bytes) {
                sum += full.finish()?;
            }
            let shard = match &mut open {
                Some(shard) => shard,
                None => {
                    shards += 1;
                    open.insert(Writing::begin(folder.join(format!("{:05}.tar", shards - 1)))?)
                }
            };
            shard.add(i, &members)?;
            shard.bytes += bytes;
        }
    }
    if let Some(last) = open {
        sum += last.finish()?;
    }
    Ok((shards, sum))
}

/// The members of an item, with their endings.
fn members(info: &DataInfo, item: Item) -> Result<Vec<(&'static str, Vec<u8>)>> {
    let mut all = vec![("png", png(info, &item.values)?)];
    if let Some(label) = item.label {
        all.push(("cls", label.to_string().into_bytes()));
    }
    if let Some(mut caption) = item.caption {
        // One end of line is taken off when it is read.
        if caption.ends_with('\n') {
            caption.push('\n');
        }
        all.push(("txt", caption.into_bytes()));
    }
    let numbers = info.attributes.iter().zip(&item.attributes);
    let number =
        |(name, v): (&String, &f32)| Some((name.clone(), Value::Number(Number::from_f64(f64::from(*v))?)));
    let attributes: Map<String, Value> = numbers.filter_map(number).collect();
    if !attributes.is_empty() {
        all.push((
            "json",
            json!({ "attributes": attributes }).to_string().into_bytes(),
        ));
    }
    Ok(all)
}

/// An image `[height, width, channel]` of 8 bits as a PNG file.
fn png(info: &DataInfo, values: &Values) -> Result<Vec<u8>> {
    let colour = match info.shape[2] {
        1 => ExtendedColorType::L8,
        3 => ExtendedColorType::Rgb8,
        _ => ExtendedColorType::Rgba8,
    };
    let Values::Bytes(bytes) = values else {
        return Err(Error::data(
            &info.source,
            "an image is not of 8 bits",
            "give 8-bit images",
        ));
    };
    let mut out = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut out, CompressionType::Default, FilterType::Adaptive);
    encoder
        .write_image(bytes, info.shape[1] as u32, info.shape[0] as u32, colour)
        .map_err(|e| {
            Error::data(
                &info.source,
                format!("an image cannot be written: {e}"),
                "report this",
            )
        })?;
    Ok(out)
}

/// A shard that is being written.
struct Writing {
    path: PathBuf,
    archive: tar::Builder<BufWriter<File>>,
    bytes: u64,
}

impl Writing {
    fn begin(path: PathBuf) -> Result<Writing> {
        let file = File::create(&path).map_err(Error::io("write", &path))?;
        Ok(Writing {
            path,
            archive: tar::Builder::new(BufWriter::with_capacity(1 << 20, file)),
            bytes: 0,
        })
    }

    /// Adds the members of item `number`.
    fn add(&mut self, number: usize, members: &[(&str, Vec<u8>)]) -> Result<()> {
        for (ending, content) in members {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_entry_type(tar::EntryType::Regular);
            let name = format!("{number:09}.{ending}");
            let added = self.archive.append_data(&mut header, name, &content[..]);
            added.map_err(Error::io("write", &self.path))?;
        }
        Ok(())
    }

    /// Ends and syncs it, reads it again and writes its index beside it; its bytes.
    fn finish(self) -> Result<u64> {
        let Writing { path, archive, .. } = self;
        let ended = || -> std::io::Result<u64> {
            let mut buffer = archive.into_inner()?;
            buffer.flush()?;
            let file = buffer.get_ref();
            file.sync_all()?;
            Ok(file.metadata()?.len())
        };
        let bytes = ended().map_err(Error::io("write", &path))?;
        let place = path.display().to_string();
        let index = index::of(&path, None, |file, size| shard::index(file, size, &place))?;
        index.save(&PathBuf::from(format!("{place}.{}", index::ENDING)))?;
        Ok(bytes)
    }
}
