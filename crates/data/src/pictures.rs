//! Image files one by one, each in its own size and by its own name: for what is done to every file of a folder.
use super::image_file::{self, EXTENSIONS};
use super::listing::{Entry, list};

use super::lists::divided;
use super::resize::Preparation;
use super::walk::{ends_in, of_split, walk};
use super::{Kind, Source, damage};
use crate::error::Result;
use rayon::prelude::*;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The image files of a folder, or one image file.
pub struct Pictures {
    root: PathBuf,
    paths: Vec<PathBuf>,
    labels: HashMap<PathBuf, String>,
    preparation: Preparation,
}

/// An image as the networks take it.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// its file, relative to the folder
    pub path: PathBuf,
    /// its class, where sub-folders or metadata name one
    pub label: Option<String>,

    /// `[height, width, channel]`
    pub shape: [usize; 3],
    /// in [-1, 1]
    pub values: Vec<f32>,
}

impl Pictures {
    /// The image files at a source's path, with so many channels each; None where it names something else: a set that is
    /// known by name, arrays, pairs. Sizes differ freely where the source asks for none. What was passed over is told.
    ///
    /// # Errors
    /// [`crate::Error::Data`] for a folder without images, or of which more than `source.max_bad` are damaged.
    pub fn open(source: &Source, channels: usize, warnings: &mut Vec<String>) -> Result<Option<Pictures>> {
        let preparation = Preparation {
            channels,
            ..source.check()?
        };
        let path = Path::new(&source.source);
        if path.is_file() && ends_in(path, &EXTENSIONS) {
            return Ok(Some(Pictures {
                root: path.parent().unwrap_or(Path::new("")).into(),
                paths: path.file_name().map(PathBuf::from).into_iter().collect(),
                labels: HashMap::new(),
                preparation,
            }));
        }
        if !path.is_dir() || source.format_of(path)? != "images" {
            return Ok(None);
        }
        let walked = walk(path, &EXTENSIONS, "images")?;
        let divided = divided(path, &walked, warnings)?;
        walked.say_unused(path, &divided.lists, warnings);
        let mut bad = walked.broken;
        bad.extend(divided.missing_of(&source.split));
        let found = of_split(path, divided.found, &source.split, warnings)?;
        let total = found.len() + bad.len();
        let readable = |p: &PathBuf| image_file::header(&path.join(p)).map(drop);
        let paths: Vec<PathBuf> = found.into_iter().map(|f| f.path).collect();
        let checked: Vec<_> = paths.par_iter().map(readable).collect();
        let mut good = Vec::with_capacity(paths.len());
        for (p, header) in paths.into_iter().zip(checked) {
            match header {
                Ok(()) => good.push(p),
                Err(e) => bad.push(format!("{}: {e}", path.join(&p).display())),
            }
        }
        damage::bear(path, "images", &bad, total, source.max_bad)?;
        warnings.extend(bad);
        if source.limit > 0 {
            good.truncate(source.limit);
        }
        // What was passed over has been told above.
        let listing = list(path, &source.split, &mut Vec::new())?;
        let label = |e: &Entry| Some((e.path.clone(), listing.labels.get(e.label? as usize)?.clone()));
        Ok(Some(Pictures {
            root: path.into(),
            paths: good,
            labels: listing.entries.iter().filter_map(label).collect(),

            preparation,
        }))
    }

    /// Whether any of them has a class.
    pub fn has_labels(&self) -> bool {
        !self.labels.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.paths.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// Picture `i`.
    ///
    /// # Errors
    /// [`crate::Error::Data`] with its path when it cannot be read.
    pub fn get(&self, i: usize) -> Result<Picture> {
        let path = self.paths[i].clone();
        let (shape, values) = image_file::read_image(self.root.join(&path))?.values();
        let prepared = self.preparation.apply(shape, &values);
        let [h, w] = self.preparation.size.unwrap_or([shape[0], shape[1]]);
        let mut values = Vec::new();
        prepared.extend(Kind::Image, &mut values);
        Ok(Picture {
            label: self.labels.get(&path).cloned(),
            path,
            shape: [h, w, self.preparation.channels_of(shape[2])],
            values,
        })
    }
}
