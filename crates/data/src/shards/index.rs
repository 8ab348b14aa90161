//! Where each item of a shard lies: found by one pass over the shard, kept beside a packed shard or in the user's cache, and
//! held against the shard before it is believed.
use super::file::pread;
use crate::error::{Error, Result};
use crate::files;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// What an index begins with; the number is that of its layout.
const MAGIC: &[u8; 24] = b"menagerie shard index 2\n";
/// The ending of an index beside a shard.
pub(crate) const ENDING: &str = "index";
/// Bytes of an entry in a file.
const ENTRY: usize = 40;
/// An index of a shard with fewer items and bytes is not kept: it is made faster than it is looked for.
const WORTH_ITEMS: usize = 1000;
const WORTH_BYTES: u64 = 16 << 20;
/// Bytes that kept indexes may take together.
const KEPT: u64 = 512 << 20;
/// No class.
pub(crate) const NONE: u32 = u32::MAX;
/// A flag of `Entry::text_length`: the description lies in a JSON object.
pub(crate) const JSON: u32 = 1 << 31;

/// A good item of a shard.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Entry {
    /// where its image begins (tar), or the number of its page (parquet)
    pub at: u64,
    /// bytes of its image (tar), or its place in the page (parquet)
    pub length: u32,
    /// height, width and channels
    pub shape: [u32; 3],
    /// which of `Head::names`, or [`NONE`]
    pub label: u32,
    /// where its description begins (tar), or the number of its row (parquet)
    pub text: u64,
    /// bytes of its description, 0 for none, with [`JSON`]
    pub text_length: u32,
}

/// What is known of a shard beside its items.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// bytes of the shard
    pub size: u64,
    /// CRC-32 of some of its bytes
    pub sample: u32,
    /// good items
    pub count: usize,
    /// the different labels, as they are written
    pub names: Vec<String>,
    /// names of numbered classes, where the shard itself has them
    pub classes: Vec<String>,
    /// names of attributes
    pub columns: Vec<String>,
    /// every word of the descriptions, in order
    pub words: Vec<String>,
    /// each damaged item, with what is wrong
    pub bad: Vec<String>,
    /// members that are of no use here: how many of an ending, and one of them
    pub unused: BTreeMap<String, (usize, String)>,
    /// what else is to be told
    pub notes: Vec<String>,
    /// rows before each page of a parquet's images, and its row group and place in it
    pub pages: Vec<[u64; 4]>,
}

/// The index of a shard.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Index {
    pub head: Head,
    pub entries: Vec<Entry>,
    /// a number for each of `Head::columns`, item after item; NaN where it is missing
    pub attributes: Vec<f32>,
}

impl Index {
    /// Whether all labels are whole numbers; None without labels.
    pub(crate) fn numbered(&self) -> Option<bool> {
        let names = &self.head.names;
        (!names.is_empty()).then(|| names.iter().all(|n| n.parse::<i64>().is_ok()))
    }

    /// As bytes of a file.
    fn packed(&self) -> Vec<u8> {
        let head = serde_json::to_vec(&self.head).unwrap_or_default();
        let mut out = Vec::with_capacity(64 + head.len() + self.entries.len() * ENTRY);
        out.extend(MAGIC);
        out.extend((head.len() as u64).to_le_bytes());
        out.extend(head);
        for e in &self.entries {
            out.extend(e.at.to_le_bytes());
            out.extend(e.text.to_le_bytes());
            let words = [
                e.length,
                e.shape[0],
                e.shape[1],
                e.shape[2],
                e.label,
                e.text_length,
            ];
            words.iter().for_each(|w| out.extend(w.to_le_bytes()));
        }
        self.attributes.iter().for_each(|v| out.extend(v.to_le_bytes()));
        let crc = crc(&out);
        out.extend(crc.to_le_bytes());
        out
    }

    /// An index from the bytes of a file; None where they are none, or it cannot be that of a shard of this size.
    pub(super) fn unpacked(bytes: &[u8], size: u64) -> Option<Index> {
        let (body, end) = bytes.split_at_checked(bytes.len().checked_sub(4)?)?;
        if u32::from_le_bytes(end.try_into().ok()?) != crc(body) {
            return None;
        }
        let body = body.strip_prefix(&MAGIC[..])?;
        let (length, body) = body.split_at_checked(8)?;
        let length = usize::try_from(u64::from_le_bytes(length.try_into().ok()?)).ok()?;
        let (head, body) = body.split_at_checked(length)?;
        let head: Head = serde_json::from_slice(head).ok()?;
        let (rows, cells) = body.split_at_checked(head.count.checked_mul(ENTRY)?)?;
        if head.size != size || cells.len() != head.count.checked_mul(head.columns.len())?.checked_mul(4)? {
            return None;
        }
        let u32_at = |b: &[u8], at: usize| u32::from_le_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]]);
        let u64_at = |b: &[u8], at: usize| u64::from(u32_at(b, at)) | u64::from(u32_at(b, at + 4)) << 32;
        let entries: Vec<Entry> = rows
            .chunks_exact(ENTRY)
            .map(|b| Entry {
                at: u64_at(b, 0),
                text: u64_at(b, 8),
                length: u32_at(b, 16),
                shape: [u32_at(b, 20), u32_at(b, 24), u32_at(b, 28)],
                label: u32_at(b, 32),
                text_length: u32_at(b, 36),
            })
            .collect();
        let index = Index {
            head,
            entries,
            attributes: cells
                .chunks_exact(4)
                .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
                .collect(),
        };
        index.entries.iter().all(|e| index.holds(e)).then_some(index)
    }

    /// Whether an entry lies within the shard.
    fn holds(&self, e: &Entry) -> bool {
        let within = |at: u64, length: u32| {
            at.checked_add(length.into())
                .is_some_and(|end| end <= self.head.size)
        };
        let place = match self.head.pages.is_empty() {
            true => within(e.at, e.length) && within(e.text, e.text_length & !JSON),
            false => (e.at as usize) < self.head.pages.len(),
        };
        place && (e.label == NONE || (e.label as usize) < self.head.names.len())
    }

    /// Writes it beside its shard.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written.
    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        files::write_atomically(path, &self.packed())
    }

    /// Keeps it for the next time, as far as that can be done: a cache that cannot be written costs time at the next opening, no
    /// more. One that did not reach the disk whole is not believed.
    pub(super) fn keep(&self, path: &Path) -> bool {
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).is_ok() && files::write_unsynced(path, &self.packed()).is_ok()
    }
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// CRC-32 of sixteen pieces of a shard, its first and last bytes among them.
pub(crate) fn sample(file: &File, size: u64) -> std::io::Result<u32> {
    let mut crc = flate2::Crc::new();
    let piece = size.min(4096);
    let mut bytes = vec![0; piece as usize];
    for k in 0..16 {
        pread(
            file,
            &mut bytes,
            (size - piece) / 15 * k + (size - piece) % 15 * k / 15,
        )?;
        crc.update(&bytes);
    }
    Ok(crc.sum())
}

/// The index of a shard on this machine: the one beside it or in the cache where that fits, else made by `make`, and kept
/// where that took long.
///
/// # Errors
/// Those of `make`, and [`Error::Io`] when the shard cannot be read.
pub(crate) fn of(
    path: &Path,
    kept: Option<&Path>,
    make: impl FnOnce(&File, u64) -> Result<Index>,
) -> Result<Index> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    let about = file.metadata().map_err(Error::io("read", path))?;
    let size = about.len();
    let beside = PathBuf::from(format!("{}.{ENDING}", path.display()));
    let changed = about
        .modified()
        .ok()
        .and_then(|t| t.duration_since(UNIX_EPOCH).ok());
    let stamp = changed.map_or(0, |t| t.as_nanos());
    let place = std::fs::canonicalize(path).unwrap_or_else(|_| path.into());
    let name = format!("{}\n{size}\n{stamp}", place.display());
    let kept = kept.map(|folder| folder.join(format!("{}.{ENDING}", hash(name.as_bytes()))));
    let sample = sample(&file, size).map_err(Error::io("read", path))?;
    for candidate in std::iter::once(&beside).chain(&kept) {
        let bytes = std::fs::read(candidate).ok();
        let index = bytes.and_then(|b| Index::unpacked(&b, size));
        if let Some(index) = index.filter(|i| i.head.sample == sample) {
            return Ok(index);
        }
    }
    let mut index = make(&file, size)?;
    (index.head.size, index.head.sample, index.head.count) = (size, sample, index.entries.len());
    if let Some(kept) = kept.filter(|_| index.entries.len() >= WORTH_ITEMS || size >= WORTH_BYTES)
        && index.keep(&kept)
    {
        tidy(kept.parent().unwrap_or(Path::new(".")), KEPT);
    }
    Ok(index)
}

/// The first 32 digits of the SHA-256 of a name.
pub(super) fn hash(name: &[u8]) -> String {
    Sha256::digest(name)[..16]
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

/// Removes the files of a folder that were written longest ago, until all take no more than `bound` bytes.
pub(super) fn tidy(folder: &Path, bound: u64) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    let about = |e: std::fs::DirEntry| {
        let about = e.metadata().ok().filter(|m| m.is_file())?;
        Some((about.modified().ok()?, about.len(), e.path()))
    };
    let mut all: Vec<_> = entries.flatten().filter_map(about).collect();
    all.sort_by(|a, b| b.cmp(a));
    let mut sum = 0;
    for (_, size, path) in all {
        sum += size;
        if sum > bound {
            std::fs::remove_file(path).ok();
        }
    }
}

/// The folder for what can be made again: `MENAGERIE_CACHE`, or `menagerie` in the user's cache.
pub(super) fn cache() -> Option<PathBuf> {
    let given = |name: &str| {
        std::env::var_os(name)
            .filter(|v| !v.is_empty())
            .map(PathBuf::from)
    };
    given("MENAGERIE_CACHE")
        .or_else(|| Some(given("XDG_CACHE_HOME")?.join("menagerie")))
        .or_else(|| Some(given("HOME")?.join(".cache/menagerie")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Index {
        let entry = |k: u64| Entry {
            at: 512 * k,
            length: 100,
            shape: [3, 4, 1],
            label: if k == 2 { NONE } else { k as u32 % 2 },
            text: 512 * k + 200,
            text_length: 7 | JSON,
        };
        Index {
            head: Head {
                size: 4096,
                count: 5,
                names: vec!["a".into(), "b".into()],
                columns: vec!["x".into()],
                words: vec!["a".into(), "face".into()],
                ..Head::default()
            },
            entries: (0..5).map(entry).collect(),
            attributes: vec![0.5, -1.0, 2.0, 3.0, 1e-30],
        }
    }

    #[test]
    fn an_index_is_read_back_or_not_believed() {
        let index = some();
        let bytes = index.packed();
        assert_eq!(Index::unpacked(&bytes, 4096), Some(index.clone()));
        // Of another size, cut off, or with any bit turned: none.
        assert_eq!(Index::unpacked(&bytes, 4097), None);
        for n in 0..bytes.len() {
            assert_eq!(Index::unpacked(&bytes[..n], 4096), None);
            let mut turned = bytes.clone();
            turned[n] ^= 4;
            assert_eq!(Index::unpacked(&turned, 4096), None);
        }
        // One that is whole and lies about places.
        for lie in 0..3 {
            let mut index = some();
            match lie {
                0 => index.entries[3].at = u64::MAX - 5,
                1 => index.entries[3].text = 4090,
                _ => index.entries[3].label = 2,
            }
            assert_eq!(Index::unpacked(&index.packed(), 4096), None);
        }
    }

    #[test]
    fn a_kept_index_is_that_of_the_shard_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let (shard, kept) = (dir.path().join("a.tar"), dir.path().join("kept"));
        let mut content = vec![1u8; 1 << 20];
        std::fs::write(&shard, &content).unwrap();
        let many = || Index {
            entries: vec![
                Entry {
                    label: NONE,
                    ..Entry::default()
                };
                WORTH_ITEMS
            ],
            ..Index::default()
        };
        let made = std::cell::Cell::new(0);
        let open = || {
            of(&shard, Some(&kept), |_, _| {
                made.set(made.get() + 1);
                Ok(many())
            })
            .unwrap()
        };
        assert_eq!(open(), open());
        assert_eq!(made.get(), 1);
        content[0] = 2;
        std::fs::write(&shard, &content).unwrap();
        open();
        assert_eq!(made.get(), 2);
        // One beside the shard is taken, while its bytes are those of the shard.
        let index = open();
        index.save(&dir.path().join("a.tar.index")).unwrap();
        std::fs::remove_dir_all(&kept).unwrap();
        open();
        assert_eq!(made.get(), 2);
        content[1] = 9;
        std::fs::write(&shard, &content).unwrap();
        open();
        assert_eq!(made.get(), 3);
    }

    #[test]
    fn a_folder_is_kept_within_its_bound() {
        let dir = tempfile::tempdir().unwrap();
        for k in 0..6 {
            std::fs::write(dir.path().join(k.to_string()), [0; 100]).unwrap();
        }
        tidy(dir.path(), 350);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 3);
    }
}
