//! How a data set is named, prepared and opened.
mod check;
mod finish;
mod format;
mod known_sets;

use crate::changed;
use crate::domains::Domains;
use crate::environments::Demonstrations;

use crate::error::{Error, Result, nearest, shown};
use crate::image_set::ImageSet;
use crate::known::{self, known_sources};
use crate::memory::{Cached, Part, Prepared};
use crate::resize::Preparation;
use crate::unpaired::{Given, Unpaired};
use crate::{DataInfo, Dataset, Kind};
use crate::{
    audio, cifar, classes, folder, idx, mixed, notes, npz, pairs, sequence, shapes, shards, shrunk,
    simulators, split, stacked, table, video,
};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::Arc;

/// The name of a data set and how to prepare it: the `[data]` table of a recipe.
///
/// ```
/// use menagerie_data::{Dataset, Source};
///
/// let source = Source {
///     limit: 100,
///     size: vec![12],
///     ..Source::parse("digits")
/// };
/// let digits = source.open()?.dataset;
/// assert_eq!((digits.info().count, &digits.info().shape[..]), (100, &[12, 12, 1][..]));
/// # Ok::<(), menagerie_data::Error>(())
/// ```
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Source {
    /// a name of [`known_sources`], a path, or a pattern of shards (`x-{000..127}.tar`, `x-*.tar`, `s3://...`)
    pub source: String,
    /// "auto" (found from what lies at the path), "images", "idx", "cifar", "npy", "npz", "csv", "tsv", "audio",
    /// "video" (folders of frames, animated GIF), "pairs" (left|right in one image, or two folders), "unpaired" (two sides),
    /// "tar" or "parquet" (shards of images), "midi", "fasta", "stockholm", "smiles" or "text" (sequences, one a line)
    pub format: String,
    /// size of an image: `[]` as it is, `[side]` or `[height, width]`
    pub size: Vec<usize>,
    /// channels of an image: 0 as they are, 1 grey, 3 RGB, 4 RGBA
    pub channels: usize,
    /// samples of a sound in an item; 0 for a second's (of `tones`: half a second's). Letters of a sequence, to which shorter ones
    /// are padded; 0 for those of the longest. Notes of a piece of music; 0 for 32
    pub length: usize,
    /// samples a second of sound, to which all is resampled; 0 for the first file's
    pub rate: usize,
    /// samples of sound beyond [-1, 1], which files of real numbers may have: "scale" divides such a file by its peak,
    /// "clip" cuts them off, "refuse" takes the file for damaged
    pub overload: String,
    /// letters of sequences: "auto" for those of DNA, RNA or proteins, by what occurs most (of text: all that occur), "dna", "rna",
    /// "protein", or the letters themselves
    pub alphabet: String,
    /// whether places of different sequences belong together: "auto" where there are gaps, "yes" for an alignment, whose sequences
    /// all have one length, "no" takes gaps out and pads shorter ones
    pub aligned: String,
    /// frames of a video: 0 as many as the shortest video on disk has, or a drawn set's usual number; a folder is read as
    /// videos where this is given
    pub frames: usize,
    /// "train", "test" or "all"
    pub split: String,
    /// share of the training items that is kept out of training and is then the test split; 0 for none. The seed below
    /// chooses them, before `limit` counts
    pub holdout: f64,
    /// names of classes whose items are left out, before `limit` counts
    pub without: Vec<String>,
    /// use the first so many items; 0 is all of them (for drawn sets, which are endless, their usual number)
    pub limit: usize,
    /// resize filter: "area" (exact box average where an axis shrinks, bilinear where it grows), "nearest",
    /// "bilinear" or "lanczos" (both widened by the ratio where they shrink)
    pub filter: String,
    /// whether an image is cut to the aspect ratio of `size`, around its centre, before it is resized;
    /// otherwise it is stretched
    pub crop: bool,
    /// transparency: composited over "white" or "black", or "keep" it as a fourth channel
    pub alpha: String,
    /// the array of an `.npz` archive that holds the items; empty for that of a usual name
    pub array: String,
    /// a table's fields without a value: "skip" takes their rows for damaged, "keep" leaves them open, for models that fill
    /// them in
    pub missing: String,
    /// what the columns of a table are: "numbers", with the class in a column `label`, `class` or `target`, or "mixed", numbers and
    /// classes, which are all part of a row
    pub columns: String,
    /// of a mixed table: the column that says whom a decision must not depend on; empty for none
    pub protected: String,
    /// of a mixed table: the column that is decided; empty for `label`, `class` or `target` where it has one
    pub outcome: String,
    /// share of damaged items that is tolerated
    pub max_bad: f64,
    /// MB of shards in object storage whose items are mixed; twice as much is kept here. Shards on disk need none
    pub buffer: u64,
    /// seed of the sets that are drawn rather than stored, and of the choice of items that are held out
    #[serde(with = "crate::random::seeds")]
    pub seed: u64,
}

impl Default for Source {
    fn default() -> Self {
        Source {
            source: "fashion".into(),
            format: "auto".into(),
            size: vec![],
            channels: 0,
            frames: 0,
            length: 0,
            rate: 0,
            overload: "scale".into(),
            alphabet: "auto".into(),
            aligned: "auto".into(),
            array: String::new(),
            split: "train".into(),
            holdout: 0.0,
            without: vec![],
            limit: 0,
            filter: "area".into(),
            crop: true,
            alpha: "white".into(),
            missing: "skip".into(),
            columns: "numbers".into(),
            protected: String::new(),
            outcome: String::new(),
            max_bad: 0.01,
            buffer: 1024,
            seed: 0,
        }
    }
}

/// A data set, ready to use.
pub struct Opened {
    /// its items
    pub dataset: Arc<dyn Dataset>,
    /// what was found on opening: each damaged item with its path, files left out
    pub warnings: Vec<String>,
}

impl Opened {
    /// Names come from files: what is said of them is shown as text.
    fn new(dataset: Arc<dyn Dataset>, warnings: Vec<String>) -> Opened {
        let warnings = warnings.iter().map(|w| shown(w).into_owned()).collect();
        Opened { dataset, warnings }
    }
}

impl Source {
    /// The data set of this name or at this path, prepared in the usual way.
    pub fn parse(text: &str) -> Source {
        Source {
            source: text.to_string(),
            ..Source::default()
        }
    }

    /// Sequences of a file with the letters and the length of those that a run learned from, to be told of them; others as they are.
    pub fn of_letters(mut self, info: &DataInfo) -> Source {
        if info.kind == Kind::Sequence && !known::is_drawn(&self.source) {
            self.alphabet.clone_from(&info.alphabet);
            self.length = info.shape[0];
        }
        self
    }

    /// `size` from the command line's text: `64`, or `48x64` for height and width.
    ///
    /// # Errors
    /// [`Error::Usage`] when it is not one or two positive whole numbers.
    pub fn parse_size(text: &str) -> Result<Vec<usize>> {
        let parts: Option<Vec<usize>> = text
            .split(['x', 'X'])
            .map(|p| p.trim().parse().ok().filter(|&n| n > 0))
            .collect();
        parts.filter(|p| p.len() <= 2).ok_or_else(|| {
            Error::usage(
                format!("`{text}` is not an image size"),
                "give a side, such as 64, or height x width, such as 48x64",
            )
        })
    }

    /// Opens the data set: lists and checks its items, and reads them when they are few.
    ///
    /// # Errors
    /// [`Error::Recipe`] for a field's bad value; [`Error::Usage`] for an unknown name; [`Error::Data`] or
    /// [`Error::Io`] when what lies at the path cannot be used, or more than `max_bad` of it is damaged.
    pub fn open(&self) -> Result<Opened> {
        let opened = self.open_kept()?;
        mixed::roles_are_of_a_table(self, opened.dataset.info())?;
        Ok(opened)
    }

    /// The items of the classes that are not left out.
    fn open_kept(&self) -> Result<Opened> {
        if self.without.is_empty() {
            return self.open_all();
        }
        // A drawn set has as many items as are asked for.
        let drawn = known::is_drawn(&self.source);
        let all = Source {
            without: vec![],
            limit: if drawn { self.limit } else { 0 },
            ..self.clone()
        };
        let Opened { dataset, warnings } = all.open_all()?;
        let kept = classes::left(&*dataset, &self.without)?;
        let dataset = Part::of(dataset, Some(kept), if drawn { 0 } else { self.limit });
        Ok(Opened { dataset, warnings })
    }

    /// The items of all classes.
    fn open_all(&self) -> Result<Opened> {
        let preparation = self.check()?;
        // Sides are held out each by itself.
        let within = ["moving:", "stacked:", "shrunk:", "shrunk="]
            .iter()
            .any(|p| self.source.starts_with(p))
            || changed::base_of(&self.source).is_some()
            || self.two_places()?.is_some_and(|t| matches!(t, Given::Sides(_)));
        if self.holdout == 0.0 || self.split == "all" || within {
            let Opened { dataset, warnings } = self.open_split(preparation)?;
            let dataset = Part::of(dataset, None, 0);
            return Ok(Opened::new(dataset, warnings));
        }
        let drawn = known::is_drawn(&self.source);
        let whole = Source {
            split: "train".into(),
            // A drawn set has as many items as are asked for.
            limit: if drawn { self.limit } else { 0 },
            ..self.clone()
        };
        let Opened { dataset, warnings } = whole.open_split(preparation)?;
        let held_out = split::held_out(self.holdout, self.seed, dataset.info().count, drawn)?;
        let test = self.split == "test";
        let chosen = held_out.iter().enumerate().filter(|(_, held)| **held == test);
        let items = chosen.map(|(i, _)| i as u32).collect();
        let limit = if drawn { 0 } else { self.limit };
        let dataset = Part::of(dataset, Some(items), limit);
        Ok(Opened::new(dataset, warnings))
    }

    /// Opens the split as the source has it.
    fn open_split(&self, mut preparation: Preparation) -> Result<Opened> {
        let mut warnings = Vec::new();
        if let Some(opened) = self.moving(preparation)? {
            return Ok(opened);
        }
        if let Some(opened) = self.of_two_sides(preparation)? {
            return Ok(opened);
        }
        if let Some((side, images)) = shrunk::Shrunk::named(&self.source)? {
            let images = Source {
                source: images.into(),
                ..self.clone()
            }
            .open()?;
            return Ok(Opened {
                dataset: Arc::new(shrunk::Shrunk::new(images.dataset, side)?),
                warnings: images.warnings,
            });
        }
        if let Some(images) = self.source.strip_prefix("stacked:") {
            let images = Source {
                source: images.into(),
                limit: 0,
                ..self.clone()
            }
            .open()?;
            let set = stacked::Stacked::new(images.dataset, self.seed, &self.split, self.limit)?;
            return Ok(Opened {
                dataset: Arc::new(set),
                warnings: images.warnings,
            });
        }
        let runs = simulators::Runs::named(self)?.map(|r| Arc::new(r) as Arc<dyn Dataset>);
        let shown = Demonstrations::named(self)?.map(|d| Arc::new(d) as Arc<dyn Dataset>);
        if let Some(rows) = runs.or(shown) {
            return Ok(Opened {
                dataset: self.finish(rows, preparation)?,

                warnings,
            });
        }
        if let Some(known) = known_sources().iter().find(|k| k.name == self.source) {
            return Ok(Opened {
                dataset: self.known(known.name, preparation)?,
                warnings,
            });
        }
        let path = Path::new(&self.source);
        let named = shards::are_named(&self.source);
        if !path.exists() && !named {
            if let Some(error) = known::elsewhere(&self.source) {
                return Err(error);
            }
            let names = known_sources().iter().map(|k| k.name);
            let problem = format!("there is no data source or path `{}`", self.source);
            return Err(Error::usage(
                problem,
                format!(
                    "{}; or give a folder or file that exists",
                    nearest(&self.source, names)
                ),
            ));
        }
        if !path.is_dir() && !path.is_file() && !named {
            let problem = "is neither a file nor a folder";
            return Err(Error::data(path, problem, "give a folder or file that exists"));
        }
        let dataset = match self.format_of(path)? {
            "idx" => self.finish(
                Arc::new(idx::open(path, &self.split, &mut warnings)?),
                preparation,
            )?,
            "cifar" => self.finish(
                Arc::new(cifar::open(path, &self.split, &mut warnings)?),
                preparation,
            )?,
            "npy" | "npz" => self.finish(npz::open(path, self, &mut warnings)?, preparation)?,
            "audio" => self.finish(
                Arc::new(audio::Sounds::open(path, self, &mut warnings)?),
                preparation,
            )?,
            "csv" | "tsv" if self.is_mixed() => {
                split::undivided(path, &self.split)?;
                self.finish(Arc::new(mixed::open(path, self, &mut warnings)?), preparation)?
            }
            "csv" | "tsv" => {
                split::undivided(path, &self.split)?;
                self.finish(
                    Arc::new(table::open(
                        path,
                        self.missing == "keep",
                        self.max_bad,
                        &mut warnings,
                    )?),
                    preparation,
                )?
            }
            format @ ("fasta" | "stockholm" | "smiles" | "text") => {
                split::undivided(path, &self.split)?;
                let set = sequence::open(path, format, self, &mut warnings)?;
                self.finish(Arc::new(set), preparation)?
            }
            "midi" => self.finish(
                Arc::new(notes::Files::open(path, self, &mut warnings)?),
                preparation,
            )?,
            "obj" => {
                let size = std::mem::take(&mut preparation.size);
                let set = shapes::Meshes::open(path, self, size, &mut warnings)?;
                self.finish(Arc::new(set), preparation)?
            }
            "video" => Cached::wrap(
                Arc::new(video::Videos::open(path, self, preparation, &mut warnings)?),
                true,
            ),
            "pairs" => Cached::wrap(
                Arc::new(pairs::Pairs::open(path, self, preparation, &mut warnings)?),
                true,
            ),
            "tar" | "parquet" => keep_costly(shards::open(self, preparation, false, &mut warnings)?),
            _ => keep_costly(folder::open(path, self, preparation, false, &mut warnings)?),
        };
        warnings.extend(dataset.warnings());
        Ok(Opened { dataset, warnings })
    }

    /// Whether all columns of a table are part of a row, of numbers and of classes.
    fn is_mixed(&self) -> bool {
        self.columns == "mixed" || !self.protected.is_empty() || !self.outcome.is_empty()
    }

    /// The images of a source as they are stored, of whatever sizes, where they are stored one by one.
    ///
    /// # Errors
    /// Those of [`Source::open`].
    pub(super) fn stored(&self, warnings: &mut Vec<String>) -> Result<Option<ImageSet>> {
        let preparation = self.check()?;
        let path = Path::new(&self.source);
        let known = known_sources().iter().any(|k| k.name == self.source);
        if known || self.two_places()?.is_some() || !path.exists() && !shards::are_named(&self.source) {
            return Ok(None);
        }
        match self.format_of(path)? {
            "tar" | "parquet" => shards::open(self, preparation, true, warnings).map(Some),
            "images" => folder::open(path, self, preparation, true, warnings).map(Some),
            _ => Ok(None),
        }
    }

    /// Videos that are drawn, or made of the images of another source; these images in another look.
    fn moving(&self, preparation: Preparation) -> Result<Option<Opened>> {
        let (base, warnings): (Arc<dyn Dataset>, _) =
            match (&self.source[..], self.source.strip_prefix("moving:")) {
                (video::DIAGRAMS, _) => {
                    self.no_frames()?;
                    let size = preparation.size;
                    (
                        Arc::new(video::Diagrams::new(size, self.seed, &self.split, self.limit)?),
                        vec![],
                    )
                }
                (video::TURNING, _) => {
                    let size = preparation.size.unwrap_or([64, 64]);
                    let (frames, split) = (self.frames, &self.split);
                    let set = video::TurningPortraits::new(size, frames, self.seed, split, self.limit)?;
                    (Arc::new(set), vec![])
                }
                ("portraits:video", _) => {
                    let size = preparation.size.unwrap_or([64, 64]);
                    (
                        Arc::new(video::MovingPortraits::new(
                            size,
                            self.frames,
                            self.seed,
                            &self.split,
                            self.limit,
                        )?),
                        vec![],
                    )
                }
                (_, Some(images)) => {
                    let images = Source {
                        source: images.into(),
                        size: vec![],
                        limit: 0,
                        frames: 0,
                        ..self.clone()
                    };
                    let opened = images.open()?;
                    let videos = video::Moving::new(
                        opened.dataset,
                        preparation.size,
                        self.frames,
                        self.seed,
                        &self.split,
                        self.limit,
                    )?;
                    return Ok(Some(Opened {
                        dataset: Arc::new(videos),
                        warnings: opened.warnings,
                    }));
                }
                _ => return changed::open(self),
            };
        let dataset = Prepared::wrap(Cached::wrap(base, true), preparation)?;
        Ok(Some(Opened { dataset, warnings }))
    }

    /// Refuses a number of frames where it is given by what they are.
    fn no_frames(&self) -> Result<()> {
        match self.frames {
            0 => Ok(()),
            _ => {
                let problem = format!(
                    "`{}` has as many frames as its rule and answers take",
                    self.source
                );
                Err(Error::recipe("data.frames", problem, "leave it out"))
            }
        }
    }

    /// Pairs and sides that are drawn, or lie at two places.
    fn of_two_sides(&self, preparation: Preparation) -> Result<Option<Opened>> {
        let mut warnings = Vec::new();
        let (base, costly): (Arc<dyn Dataset>, bool) = match self.two_places()? {
            Some(Given::Pairs(a, b)) => (
                Arc::new(pairs::Pairs::of_two(&a, &b, self, preparation, &mut warnings)?),
                true,
            ),
            // Each side keeps its own images.
            Some(Given::Sides(sides)) => {
                let dataset = Arc::new(Unpaired::open(self, *sides, &mut warnings)?);
                return Ok(Some(Opened { dataset, warnings }));
            }
            None => match Domains::open(&self.source, &self.split, preparation, self.seed, self.limit)? {
                Some(drawn) => (Arc::new(drawn), true),
                None => return Ok(None),
            },
        };
        Ok(Some(Opened {
            dataset: Cached::wrap(base, costly),
            warnings,
        }))
    }
}

/// A set of images that keeps what was costly to make, while that is worth the memory of remembering which.
fn keep_costly(images: ImageSet) -> Arc<dyn Dataset> {
    let costly = images.costly && images.info().count <= 1 << 18;
    Cached::wrap(Arc::new(images), costly)
}
