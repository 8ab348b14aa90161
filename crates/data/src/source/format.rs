//! Which format a source has: as it is named, or as what lies there shows.
use super::Source;
use crate::error::{Error, Result};
use crate::image_file::EXTENSIONS;
use crate::{audio, bundle, cifar, idx, listing, notes, sequence, shapes, shards};
use std::path::Path;

/// The formats that `Source::format` may name.
pub(super) const FORMATS: [&str; 20] = [
    "auto",
    "images",
    "idx",
    "cifar",
    "npy",
    "npz",
    "csv",
    "tsv",
    "audio",
    "video",
    "pairs",
    "unpaired",
    "tar",
    "parquet",
    "fasta",
    "stockholm",
    "smiles",
    "text",
    "obj",
    "midi",
];

/// Endings of archives and packed files, which are read in no format.
const PACKED: [&str; 8] = ["zip", "7z", "rar", "gz", "bz2", "xz", "zst", "tgz"];

impl Source {
    /// The format of what lies at `path`, unless `format` says it.
    pub(crate) fn format_of(&self, path: &Path) -> Result<&'static str> {
        if let Some(f) = FORMATS[1..].iter().find(|f| **f == self.format) {
            return Ok(f);
        }
        if shards::are_named(&self.source) {
            return shards::format_of(&self.source).ok_or_else(|| {
                let fix = "give a pattern that ends in .tar or .parquet, or a folder without one";
                Error::data(path, "is a pattern, but not of shards", fix)
            });
        }
        if path.is_dir() {
            let described = ["metadata.csv", "metadata.jsonl"]
                .iter()
                .any(|m| path.join(m).is_file());
            return Ok(match () {
                _ if self.frames != 0 => "video",
                _ if described => "images",
                _ if idx::lies_in(path)? => "idx",
                _ if cifar::lies_in(path) => "cifar",
                _ if listing::is_of(path, &audio::EXTENSIONS) => "audio",
                _ if listing::is_of(path, &shapes::EXTENSIONS) => "obj",
                _ if listing::is_of(path, &notes::EXTENSIONS) => "midi",
                _ => match shards::lie_in(path) {
                    Some(format) => format,
                    None if bundle::lies_in(path) => "npz",
                    None => "images",
                },
            });
        }
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .to_lowercase();
        let extension = name.rsplit('.').next().unwrap_or_default();
        match FORMATS[4..].iter().find(|f| **f == extension) {
            Some(f) => Ok(f),
            None if name.ends_with(".tar.gz") || name.ends_with(".tgz") => Err(Error::data(
                path,
                "is a packed tar archive",
                "unpack it to .tar with gunzip",
            )),
            None if name.ends_with(".csv.gz") => Ok("csv"),
            None if name.ends_with(".tsv.gz") => Ok("tsv"),
            None if name.contains("idx") => Ok("idx"),
            None if extension == "bin" => Ok("cifar"),
            None if audio::EXTENSIONS.contains(&extension) => Ok("audio"),
            None if notes::EXTENSIONS.contains(&extension) => Ok("midi"),
            None if sequence::extension_of(extension).is_some() => {
                Ok(sequence::extension_of(extension).unwrap_or("text"))
            }
            None if EXTENSIONS.contains(&extension) => {
                Err(Error::data(path, "is one image", "give the folder it lies in"))
            }
            None if PACKED.contains(&extension) => Err(Error::data(
                path,
                "is packed",
                "unpack it, and give the file or folder in it",
            )),
            None => Err(Error::data(
                path,
                "is of no known format",
                format!("name it with --data-format: {}", FORMATS[1..].join(", ")),
            )),
        }
    }
}
