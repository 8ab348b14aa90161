//! Sound: a folder of WAV and FLAC files cut into windows, and short tones that are drawn.
mod decode;
mod resample;
mod riff;
mod tones;
mod write;

pub(super) use decode::{EXTENSIONS, Overload};
pub(super) use tones::{COUNT as TONES, LENGTH as TONE_LENGTH, Tones};
pub use write::{wav, write_wav};

use super::listing::{self, Entry, Listing};
use super::source::Source;
use super::{DataInfo, Dataset, Item, Kind, Values, damage, split};
use crate::error::{Error, Result};
use decode::decode;
use rayon::prelude::*;
use resample::Resampler;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Decoded samples that are kept: 256 MB of them, more than two hours at 8 kHz. Files beyond are decoded anew.
const KEPT: usize = 64 << 20;

/// Rates whose resamplers are kept.
const KEPT_RATES: usize = 16;

/// Windows of the sound files below a folder, mixed down to one channel, all of one rate.
///
/// A file of n samples gives `ceil(n / length)` windows of `length` samples, evenly spaced from its beginning to its end,
/// so that every sample is in one and none is padded; neighbours overlap where n is no multiple. A shorter file gives none.
pub(super) struct Sounds {
    info: DataInfo,
    root: PathBuf,
    files: Vec<File>,
    /// the first window of each file, and their number
    first: Vec<usize>,
    resamplers: Resamplers,
    overload: Overload,
    /// the file decoded last, of those that are not kept
    last: Mutex<Option<(usize, Arc<Vec<f32>>)>>,
}

/// A file that was found good.
struct File {
    entry: Entry,
    /// samples at the set's rate
    samples: usize,
    kept: Option<Arc<Vec<f32>>>,
    rate: u32,
    channels: usize,
    peak: f32,
    beyond: f64,
}

impl Sounds {
    /// Decodes every file below `root` (or the one file it is). Damaged and silent ones are left out and named in
    /// `warnings`, which also say what was resampled, mixed down, or too short.
    pub(crate) fn open(root: &Path, source: &Source, warnings: &mut Vec<String>) -> Result<Sounds> {
        let (root, listing) = match root.is_file() {
            true => {
                split::undivided(root, &source.split)?;
                (root.parent().unwrap_or(Path::new("")), listing::one(root))
            }
            false => (
                root,
                listing::files(root, &EXTENSIONS, "sounds", &source.split, warnings)?,
            ),
        };
        let Listing {
            entries,
            labels,
            missing,
            ..
        } = listing;
        let total = entries.len() + missing.len();
        let overload = Overload::named(&source.overload);
        let rate = match source.rate {
            0 => entries
                .iter()
                .find_map(|e| decode(&root.join(&e.path), overload).ok())
                .map_or(0, |s| s.rate),
            rate => rate as u32,
        };
        let (resamplers, kept) = (Resamplers::new(rate), AtomicUsize::new(0));
        let read = |entry: Entry| -> Result<File, String> {
            let path = root.join(&entry.path);
            let sound = decode(&path, overload).map_err(|e| format!("{}: {e}", path.display()))?;
            let samples = resamplers.apply(sound.rate, sound.samples);
            let n = samples.len();
            let keep = kept.fetch_add(n, Ordering::Relaxed) + n <= KEPT;
            Ok(File {
                entry,
                samples: n,
                kept: keep.then(|| Arc::new(samples)),
                rate: sound.rate,
                channels: sound.channels,
                peak: sound.peak,
                beyond: sound.beyond,
            })
        };
        let (mut files, mut bad) = (Vec::new(), missing);
        for result in entries.into_par_iter().map(read).collect::<Vec<_>>() {
            match result {
                Ok(file) => files.push(file),
                Err(problem) => bad.push(problem),
            }
        }
        damage::bear(root, "sounds", &bad, total, source.max_bad)?;
        warnings.extend(bad);
        let length = if source.length == 0 {
            rate as usize
        } else {
            source.length
        };
        say(root, rate, length, overload, &files, warnings);
        files.retain(|f| f.samples >= length);
        if files.is_empty() {
            let problem = format!("no sound is as long as a window of {length} samples");
            return Err(Error::data(root, problem, "use shorter windows: --length N"));
        }
        let mut first = vec![0];
        first.extend(files.iter().scan(0, |n, f| {
            *n += f.samples.div_ceil(length);
            Some(*n)
        }));
        let info = DataInfo {
            source: source.source.clone(),
            kind: Kind::Audio,
            shape: vec![length, 1],
            count: first[files.len()],
            range: (-1.0, 1.0),
            labels,
            rate,
            ..DataInfo::default()
        };
        Ok(Sounds {
            info,
            root: root.to_path_buf(),
            files,
            first,
            resamplers,
            overload,
            last: Mutex::default(),
        })
    }

    /// The file that a window is of.
    fn file_of(&self, index: usize) -> usize {
        self.first.partition_point(|&f| f <= index) - 1
    }

    /// The samples of a file, at the set's rate.
    fn samples(&self, index: usize) -> Result<Arc<Vec<f32>>> {
        let file = &self.files[index];
        if let Some(kept) = &file.kept {
            return Ok(kept.clone());
        }
        if let Some((at, samples)) = &*self.last.lock().unwrap_or_else(PoisonError::into_inner)
            && *at == index
        {
            return Ok(samples.clone());
        }
        let path = self.root.join(&file.entry.path);
        let fix = "put it back as it was";
        let sound = decode(&path, self.overload).map_err(|e| Error::data(&path, e, fix))?;
        let samples = Arc::new(self.resamplers.apply(sound.rate, sound.samples));
        if samples.len() != file.samples {
            return Err(Error::data(&path, "has changed since it was opened", fix));
        }
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((index, samples.clone()));
        Ok(samples)
    }
}

/// Says what was done to the files.
fn say(
    root: &Path,
    rate: u32,
    length: usize,
    overload: Overload,
    files: &[File],
    warnings: &mut Vec<String>,
) {
    let mut of = |what: &str, test: &dyn Fn(&File) -> Option<String>| {
        let mut found = files
            .iter()
            .filter_map(|f| test(f).map(|t| format!("{} {t}", f.entry.path.display())));
        if let Some(one) = found.next() {
            warnings.push(format!(
                "{}: {} of {} sounds {what}, first {one}",
                root.display(),
                1 + found.count(),
                files.len()
            ));
        }
    };
    of(&format!("are resampled to {rate} Hz"), &|f| {
        (f.rate != rate).then(|| format!("of {} Hz", f.rate))
    });
    of("are mixed down to one channel", &|f| {
        (f.channels > 1).then(|| format!("of {} channels", f.channels))
    });
    let done = match overload {
        Overload::Clip => "are cut off there",
        _ => "are divided by their peak",
    };
    of(&format!("go beyond [-1, 1] and {done} (data.overload)"), &|f| {
        (f.peak > 1.0).then(|| format!("with {:.3} % of its samples, up to {}", 100.0 * f.beyond, f.peak))
    });
    let shorter = format!("are shorter than a window of {length} samples and left out (choose by --length)");
    of(&shorter, &|f| {
        (f.samples < length).then(|| format!("of {}", f.samples))
    });
}

impl Dataset for Sounds {
    fn info(&self) -> &DataInfo {
        &self.info
    }
    fn label(&self, index: usize) -> Option<u32> {
        self.files[self.file_of(index)].entry.label
    }
    fn get(&self, index: usize) -> Result<Item> {
        let file = self.file_of(index);
        let (k, n) = (index - self.first[file], self.first[file + 1] - self.first[file]);
        let samples = self.samples(file)?;
        let length = self.info.shape[0];
        let from = if n > 1 {
            k * (samples.len() - length) / (n - 1)
        } else {
            0
        };
        let values = Values::Floats(samples[from..from + length].to_vec());
        Ok(Item {
            values,
            label: self.files[file].entry.label,
            attributes: vec![],
            caption: None,
        })
    }
}

/// Resamplers to one rate, made when a file needs them.
struct Resamplers {
    rate: u32,
    by_rate: Mutex<HashMap<u32, Arc<OnceLock<Resampler>>>>,
}

impl Resamplers {
    fn new(rate: u32) -> Self {
        Resamplers {
            rate,
            by_rate: Mutex::default(),
        }
    }
    fn apply(&self, from: u32, samples: Vec<f32>) -> Vec<f32> {
        if from == self.rate {
            return samples;
        }
        let mut all = self.by_rate.lock().unwrap_or_else(PoisonError::into_inner);
        let r = all.entry(from).or_default().clone();
        // Of many rates a few are enough.
        if all.len() > KEPT_RATES {
            all.retain(|rate, _| *rate == from);
        }
        drop(all);
        // Made outside of the lock, so that files of other rates do not wait.
        r.get_or_init(|| Resampler::new(from, self.rate)).apply(&samples)
    }
}
