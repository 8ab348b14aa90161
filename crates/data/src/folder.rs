//! A folder of image files, decoded when they are asked for.
use super::Captions;
use super::image_file::{self, Header, Pixels};
use super::image_set::{ImageSet, Images, Listed};
use super::listing::{Entry, Listing, list};
use super::resize::Preparation;
use super::source::Source;
use crate::error::Result;
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// Up to this many files of this many bytes in all are decoded on opening.
const DECODE_FILES: usize = 4096;
const DECODE_BYTES: u64 = 256 << 20;

/// Image files below a folder.
struct Files {
    root: PathBuf,
    entries: Vec<Entry>,
}

impl Images for Files {
    fn count(&self) -> usize {
        self.entries.len()
    }
    fn name(&self, index: usize) -> String {
        self.entries[index].path.display().to_string()
    }
    fn pixels(&self, index: usize) -> Result<Pixels> {
        image_file::read_image(self.root.join(&self.entries[index].path))
    }
    fn label(&self, index: usize) -> Option<u32> {
        self.entries[index].label
    }
    fn attributes(&self, index: usize) -> Vec<f32> {
        self.entries[index].attributes.clone()
    }
    fn caption(&self, index: usize) -> Result<Option<String>> {
        Ok(self.entries[index].caption.clone())
    }
    fn captions(&self, count: usize) -> Captions {
        Captions::of(self.entries[..count].iter().map(|e| e.caption.as_deref()))
    }
}

/// Lists the files, checks all headers, and decodes all of few files. Damaged ones are left out and named in
/// `warnings`. With `any_size` they may differ in size.
///
/// # Errors
/// [`crate::Error::Data`] when there are none, too many are damaged, or they differ in size.
pub(super) fn open(
    root: &Path,
    source: &Source,
    preparation: Preparation,
    any_size: bool,
    warnings: &mut Vec<String>,
) -> Result<ImageSet> {
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
    let checked: Vec<(Entry, Header)> = keep_good(root, checked, |c| &c.0, &mut bad, whole)
        .into_iter()
        .map(|c| c.0)
        .collect();
    let (entries, headers): (Vec<Entry>, Vec<Header>) = checked.into_iter().unzip();
    say_animated(root, &entries, &headers, warnings);
    let images = Files {
        root: root.to_path_buf(),
        entries,
    };
    let listed = Listed {
        images,
        labels,
        attributes,
        bad,
    };
    let shape = |i: usize| headers[i].shape;
    ImageSet::new(root, source, preparation, listed, shape, any_size, warnings)
}

/// Tells of animations, of which all but the first frames are left out.
fn say_animated(root: &Path, entries: &[Entry], headers: &[Header], warnings: &mut Vec<String>) {
    let mut animated = entries
        .iter()
        .zip(headers)
        .filter(|(_, h)| h.animated)
        .map(|(e, _)| e);
    if let Some(first) = animated.next() {
        let n = 1 + animated.count();
        warnings.push(format!(
            "{}: {n} of {} images are animations, of which the first frame is taken, {} first; --frames N reads animated GIFs as videos",
            root.display(),
            entries.len(),
            first.path.display()
        ));
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
