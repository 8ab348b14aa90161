//! A folder of image files, decoded when they are asked for.
use super::image_file::{self, Header};
use super::listing::{Entry, Listing, list};
use super::resize::Preparation;
use super::source::Source;
use super::{DataInfo, Dataset, Item, Kind, damage};
use crate::error::{Error, Result};
use rayon::prelude::*;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Up to this many files of this many bytes in all are decoded on opening.
const DECODE_FILES: usize = 4096;
const DECODE_BYTES: u64 = 256 << 20;

/// Image files below a folder.
pub(super) struct Folder {
    info: DataInfo,
    root: PathBuf,
    entries: Vec<Entry>,
    preparation: Preparation,
    /// how many damaged items are borne
    tolerated: usize,
    /// whether files are much larger than what is made of them
    pub costly: bool,
    late: Mutex<Late>,
}

/// Items found damaged after opening.
#[derive(Default)]
struct Late {
    bad: HashSet<usize>,
    unsaid: Vec<String>,
}

impl Folder {
    /// Lists the files, checks all headers, and decodes all of few files. Damaged ones are left out and named in
    /// `warnings`.
    pub(crate) fn open(
        root: &Path,
        source: &Source,
        preparation: Preparation,
        warnings: &mut Vec<String>,
    ) -> Result<Folder> {
        let Listing {
            entries,
            labels,
            attributes,
            missing: mut bad,
        } = list(root, &source.split, warnings)?;
        let total = entries.len() + bad.len();
        let checked = keep_good(
            root,
            entries,
            |e| e,
            &mut bad,
            |e| image_file::header(&root.join(&e.path)),
        );
        let bytes: u64 = checked.iter().map(|(_, h)| h.bytes).sum();
        let few = total <= DECODE_FILES && bytes <= DECODE_BYTES;
        // Also decoded are files whose header and end do not show that they are complete.
        let whole = |(e, h): &(Entry, Header)| {
            if few || !h.complete {
                try_decode(root, e)
            } else {
                Ok(())
            }
        };
        let mut checked: Vec<(Entry, Header)> = keep_good(root, checked, |c| &c.0, &mut bad, whole)
            .into_iter()
            .map(|c| c.0)
            .collect();
        damage::bear(root, "images", &bad, total, source.max_bad)?;
        warnings.extend(bad);
        if source.limit > 0 {
            checked.truncate(source.limit);
        }
        let shape = common_shape(root, &checked, preparation, warnings)?;
        let Header { shape: [h, w, _], .. } = checked[0].1;
        let costly = h * w > 2 * shape[0] * shape[1];
        let info = DataInfo {
            source: source.source.clone(),
            kind: Kind::Image,
            shape: shape.to_vec(),
            count: checked.len(),
            range: (0.0, 255.0),
            labels,
            attributes,
            rate: 0,
            shares: vec![],
        };
        let preparation = Preparation {
            size: Some([shape[0], shape[1]]),
            channels: shape[2],
            ..preparation
        };
        let entries = checked.into_iter().map(|(entry, _)| entry).collect();
        Ok(Folder {
            info,
            root: root.to_path_buf(),
            entries,
            preparation,
            costly,
            tolerated: damage::tolerated(total, source.max_bad),
            late: Mutex::default(),
        })
    }

    fn decode(&self, index: usize) -> Result<Item> {
        let entry = &self.entries[index];
        let (shape, values) = image_file::read_image(self.root.join(&entry.path))?.values();
        Ok(Item {
            values: self.preparation.apply(shape, &values),
            label: entry.label,
            attributes: entry.attributes.clone(),
            caption: entry.caption.clone(),
        })
    }
}

impl Dataset for Folder {
    fn info(&self) -> &DataInfo {
        &self.info
    }
    fn label(&self, index: usize) -> Option<u32> {
        self.entries[index].label
    }
    /// The item, or the next good one when its file turns out damaged.
    fn get(&self, index: usize) -> Result<Item> {
        for step in 0..self.entries.len() {
            let index = (index + step) % self.entries.len();
            let problem = match self.decode(index) {
                Ok(item) => return Ok(item),
                Err(problem) => problem,
            };
            let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
            if late.bad.insert(index) {
                late.unsaid
                    .push(format!("{problem}; the next item takes its place"));
            }
            if late.bad.len() > self.tolerated {
                return Err(problem);
            }
        }
        Err(Error::data(
            &self.root,
            "no image can be read any more",
            "check that the folder is still there",
        ))
    }
    fn warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.late.lock().unwrap_or_else(PoisonError::into_inner).unsaid)
    }
}

/// The items that pass a check, which runs on all threads, with what it gave; the others are named in `bad`.
fn keep_good<T: Send + Sync, R: Send>(
    root: &Path,
    items: Vec<T>,
    entry: impl Fn(&T) -> &Entry,
    bad: &mut Vec<String>,
    check: impl Fn(&T) -> Result<R, String> + Sync + Send,
) -> Vec<(T, R)> {
    let results: Vec<Result<R, String>> = items.par_iter().map(check).collect();
    let mut good = Vec::with_capacity(items.len());
    for (item, result) in items.into_iter().zip(results) {
        match result {
            Ok(r) => good.push((item, r)),
            Err(problem) => bad.push(format!("{}: {problem}", root.join(&entry(&item).path).display())),
        }
    }
    good
}

/// Decodes a file and forgets it.
fn try_decode(root: &Path, entry: &Entry) -> Result<(), String> {
    let file = std::fs::read(root.join(&entry.path)).map_err(|e| format!("cannot be read: {e}"))?;
    image_file::decode(&file).map(drop)
}

/// The shape that all items will have: an error that names two files when they differ in size and no size is asked
/// for; the most of their channels, with a warning, when they differ in these.
fn common_shape(
    root: &Path,
    checked: &[(Entry, Header)],
    preparation: Preparation,
    warnings: &mut Vec<String>,
) -> Result<[usize; 3]> {
    let (one, Header { shape: first, .. }) = &checked[0];
    let mut channels = preparation.channels_of(first[2]);
    let mut other_channels = None;
    for (other, Header { shape, .. }) in checked {
        let (a, b) = (one.path.display(), other.path.display());
        if preparation.size.is_none() && shape[..2] != first[..2] {
            let problem = format!(
                "images differ in size: {a} is {}x{} (height x width), {b} is {}x{}",
                first[0], first[1], shape[0], shape[1]
            );
            return Err(Error::data(
                root,
                problem,
                "give one size to all, such as --size 64",
            ));
        }
        if preparation.channels_of(shape[2]) != preparation.channels_of(first[2]) {
            other_channels.get_or_insert((other, shape[2]));
            channels = channels.max(preparation.channels_of(shape[2]));
        }
    }
    if let Some((other, number)) = other_channels {
        let name = |c: usize| ["", "grey", "grey with alpha", "RGB", "RGBA"][c.min(4)];
        let (a, b) = (one.path.display(), other.path.display());
        let what = format!(
            "{a} is {}, {b} is {}; all become {}",
            name(first[2]),
            name(number),
            name(channels)
        );
        warnings.push(format!(
            "{}: images differ in channels: {what} (choose by --channels 1, 3 or 4)",
            root.display()
        ));
    }
    let [height, width] = preparation.size.unwrap_or([first[0], first[1]]);
    Ok([height, width, channels])
}
