//! How a data set is named, prepared and opened.
use super::dsprites::Sprites;
use super::image_file::EXTENSIONS;
use super::memory::{Cached, Part, Prepared};
use super::portraits::Portraits;
use super::resize::{Alpha, Filter, Preparation};
use super::{Dataset, Kind};
use super::{audio, cifar, embedded, folder, idx, listing, npy, npz, pairs, points, stacked, table, video};
use crate::error::{Error, Result, nearest};
use crate::random::Key;
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
    /// a name of [`known_sources`], or a path
    pub source: String,
    /// "auto" (found from what lies at the path), "images", "idx", "cifar", "npy", "npz", "csv", "tsv", "audio",
    /// "video" (folders of frames, animated GIF) or "pairs" (left|right in one image, or two folders)
    pub format: String,
    /// size of an image: `[]` as it is, `[side]` or `[height, width]`
    pub size: Vec<usize>,
    /// channels of an image: 0 as they are, 1 grey, 3 RGB, 4 RGBA
    pub channels: usize,
    /// samples of a sound in an item; 0 for a second's (of `tones`: half a second's)
    pub length: usize,
    /// samples a second of sound, to which all is resampled; 0 for the first file's
    pub rate: usize,
    /// frames of a video: 0 as many as the shortest video on disk has, or a drawn set's usual number; a folder is read as
    /// videos where this is given
    pub frames: usize,
    /// "train", "test" or "all"
    pub split: String,
    /// share of the training items that is kept out of training and is then the test split; 0 for none. The seed below
    /// chooses them, before `limit` counts
    pub holdout: f64,
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
    /// share of damaged items that is tolerated
    pub max_bad: f64,
    /// seed of the sets that are drawn rather than stored, and of the choice of items that are held out
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
            split: "train".into(),
            holdout: 0.0,
            limit: 0,
            filter: "area".into(),
            crop: true,
            alpha: "white".into(),
            max_bad: 0.01,
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

/// A data set that is known by name.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SourceInfo {
    /// its name
    pub name: &'static str,
    /// what it is, in a line
    pub about: &'static str,
    /// shape of an item, channels last
    pub shape: &'static [usize],
    /// number of training items
    pub count: usize,
    /// who may do what with it
    pub licence: &'static str,
}

const OWN: &str = "drawn by this program; free of rights";

const fn points(name: &'static str, about: &'static str) -> SourceInfo {
    SourceInfo {
        name,
        about,
        shape: &[2],
        count: points::COUNT,
        licence: OWN,
    }
}

static KNOWN: [SourceInfo; 12] = [
    SourceInfo {
        name: "digits",
        about: "handwritten digits, UCI optical digits (1998); 1,437 training and 360 test images",
        shape: &[8, 8, 1],
        count: 1437,
        licence: "CC BY 4.0, E. Alpaydin and C. Kaynak",
    },
    SourceInfo {
        name: "fashion",
        about: "clothes: the first 600 training and 100 test images of each class of Fashion-MNIST (2017)",
        shape: &[28, 28, 1],
        count: 6000,
        licence: "MIT, Zalando SE",
    },
    SourceInfo {
        name: "portraits",
        about: "painted faces of any --size with attributes and captions; endless, 20,000 unless --limit says otherwise",
        shape: &[64, 64, 3],
        count: Portraits::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: "dsprites",
        about: "squares, ellipses and hearts of any --size from five factors (the attributes); a tenth of 737,280 is the test part",
        shape: &[64, 64, 1],
        count: Sprites::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: "portraits:video",
        about: "one face a video, of which the head turns, the mouth smiles or the light goes round (the labels); --frames N",
        shape: &[video::MovingPortraits::FRAMES, 64, 64, 3],
        count: video::MovingPortraits::TRAIN,
        licence: OWN,
    },
    SourceInfo {
        name: "moving:digits",
        about: "two digits bounce in a frame of --size; moving:SOURCE does so with any source of images, MNIST's IDX files too",
        shape: &[video::Moving::FRAMES, 20, 20, 1],
        count: video::Moving::COUNT,
        licence: "as its images'",
    },
    SourceInfo {
        name: "stacked:digits",
        about: "a digit in each of three channels, a thousand modes; stacked:SOURCE does so with any grey images, MNIST's too",
        shape: &[8, 8, 3],
        count: stacked::Stacked::COUNT,
        licence: "as its images'",
    },
    points(
        "ring8",
        "8 Gaussians on a circle of radius 2, standard deviation 0.02; exact density",
    ),
    points(
        "grid25",
        "25 Gaussians on a 5x5 grid from -4 to 4, standard deviation 0.05; exact density",
    ),
    points("swissroll", "a spiral with Gaussian noise of 0.2; exact density"),
    points(
        "moons",
        "two interleaved half circles with Gaussian noise of 0.2; exact density",
    ),
    SourceInfo {
        name: "tones",
        about: "short tones at 8 kHz of four timbres (the labels) and 25 pitches; endless, 2,000 unless --limit says otherwise",
        shape: &[audio::TONE_LENGTH, 1],
        count: audio::TONES,
        licence: OWN,
    },
];

/// Every data set that needs no file and no network.
pub fn known_sources() -> &'static [SourceInfo] {
    &KNOWN
}

/// The formats that `Source::format` may name.
const FORMATS: [&str; 11] = [
    "auto", "images", "idx", "cifar", "npy", "npz", "csv", "tsv", "audio", "video", "pairs",
];

impl Source {
    /// The data set of this name or at this path, prepared in the usual way.
    pub fn parse(text: &str) -> Source {
        Source {
            source: text.to_string(),
            ..Source::default()
        }
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
        let preparation = self.check()?;
        let within = ["moving:", "stacked:"].iter().any(|p| self.source.starts_with(p));
        if self.holdout == 0.0 || self.split == "all" || within {
            let Opened { dataset, warnings } = self.open_split(preparation)?;
            let dataset = Part::of(dataset, None, 0);
            return Ok(Opened { dataset, warnings });
        }
        let drawn = self.is_drawn();
        let whole = Source {
            split: "train".into(),
            // A drawn set has as many items as are asked for.
            limit: if drawn { self.limit } else { 0 },
            ..self.clone()
        };
        let Opened { dataset, warnings } = whole.open_split(preparation)?;
        let held_out = self.held_out(dataset.info().count, drawn)?;
        let test = self.split == "test";
        let chosen = held_out.iter().enumerate().filter(|(_, held)| **held == test);
        let items = chosen.map(|(i, _)| i as u32).collect();
        let limit = if drawn { 0 } else { self.limit };
        let dataset = Part::of(dataset, Some(items), limit);
        Ok(Opened { dataset, warnings })
    }

    /// Whether it is drawn by this program, so that there are as many items as are asked for.
    fn is_drawn(&self) -> bool {
        known_sources()
            .iter()
            .any(|k| k.name == self.source && !["digits", "fashion"].contains(&k.name))
    }

    /// Which of the training items are held out: those with the smallest of the numbers that the seed and their index
    /// give. Of a drawn set they are those below the share itself, so that the choice does not depend on its count.
    fn held_out(&self, count: usize, drawn: bool) -> Result<Vec<bool>> {
        let key = Key::new(self.seed).stream("holdout");
        let draws: Vec<f64> = (0..count).map(|i| key.step(i as u64).rng().uniform()).collect();
        let wanted = (self.holdout * count as f64).round() as usize;
        let below = match draws.len() {
            _ if drawn => self.holdout,
            n if wanted < n => *draws.clone().select_nth_unstable_by(wanted, f64::total_cmp).1,
            _ => 1.0,
        };
        let held_out: Vec<bool> = draws.iter().map(|d| *d < below).collect();
        let held = held_out.iter().filter(|h| **h).count();
        if held == 0 || held == count {
            let problem = format!("{} of {count} items holds out {held}", self.holdout);
            return Err(Error::recipe(
                "data.holdout",
                problem,
                "choose another share, or give more items",
            ));
        }
        Ok(held_out)
    }

    /// Opens the split as the source has it.
    fn open_split(&self, preparation: Preparation) -> Result<Opened> {
        let mut warnings = Vec::new();
        if let Some(opened) = self.moving(preparation)? {
            return Ok(opened);
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
        if let Some(known) = known_sources().iter().find(|k| k.name == self.source) {
            let base: Arc<dyn Dataset> = match known.name {
                "portraits" => return self.portraits(preparation),
                "dsprites" => {
                    let size = preparation.size.unwrap_or([64, 64]);
                    Arc::new(Sprites::new(size, self.seed, &self.split, self.limit)?)
                }
                "tones" => Arc::new(audio::Tones::new(
                    self.seed,
                    &self.split,
                    self.limit,
                    self.length,
                    self.rate,
                )?),
                "digits" | "fashion" => Arc::new(embedded::open(known.name, &self.split)?),
                name => Arc::new(points::PointSet::new(name, self.seed, &self.split, self.limit)?),
            };
            return Ok(Opened {
                dataset: self.finish(base, preparation)?,
                warnings,
            });
        }
        let path = Path::new(&self.source);
        if !path.exists() {
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
        let dataset = match self.format_of(path)? {
            "idx" => self.finish(Arc::new(idx::open(path, &self.split)?), preparation)?,
            "cifar" => self.finish(Arc::new(cifar::open(path, &self.split)?), preparation)?,
            "npy" => self.finish(Arc::new(npy::NpyFile::open(path)?), preparation)?,
            "npz" => self.finish(Arc::new(npz::open(path, &self.split)?), preparation)?,
            "audio" => self.finish(
                Arc::new(audio::Sounds::open(path, self, &mut warnings)?),
                preparation,
            )?,
            "csv" | "tsv" => self.finish(
                Arc::new(table::open(path, self.max_bad, &mut warnings)?),
                preparation,
            )?,
            "video" => Cached::wrap(
                Arc::new(video::Videos::open(path, self, preparation, &mut warnings)?),
                true,
            ),
            "pairs" => Cached::wrap(
                Arc::new(pairs::Pairs::open(path, self, preparation, &mut warnings)?),
                true,
            ),
            _ => {
                let images = folder::Folder::open(path, self, preparation, &mut warnings)?;
                let costly = images.costly;
                Cached::wrap(Arc::new(images), costly)
            }
        };
        warnings.extend(dataset.warnings());
        Ok(Opened { dataset, warnings })
    }

    /// Videos that are drawn, or made of the images of another source.
    fn moving(&self, preparation: Preparation) -> Result<Option<Opened>> {
        let (base, warnings): (Arc<dyn Dataset>, _) =
            match (&self.source[..], self.source.strip_prefix("moving:")) {
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
                _ => return Ok(None),
            };
        let dataset = Prepared::wrap(Cached::wrap(base, true), preparation)?;
        Ok(Some(Opened { dataset, warnings }))
    }

    /// Portraits, painted at the size that is asked for.
    fn portraits(&self, preparation: Preparation) -> Result<Opened> {
        let size = preparation.size.unwrap_or([64, 64]);
        let count = |usual: usize| if self.limit == 0 { usual } else { self.limit };
        let base = match &self.split[..] {
            "test" => Portraits::test(size, self.seed, count(Portraits::TEST))?,
            _ => Portraits::new(size, self.seed, count(Portraits::TRAIN))?,
        };
        Ok(Opened {
            dataset: self.finish(Cached::wrap(Arc::new(base), true), preparation)?,
            warnings: vec![],
        })
    }

    /// The checked fields that say how images are prepared.
    fn check(&self) -> Result<Preparation> {
        let size = match self.size[..] {
            [] => None,
            [side] => Some([side, side]),
            [height, width] => Some([height, width]),
            _ => {
                return Err(Error::recipe(
                    "data.size",
                    format!("{:?} is not a size", self.size),
                    "give [side] or [height, width]",
                ));
            }
        };
        if size.is_some_and(|[h, w]| h == 0 || w == 0 || h.saturating_mul(w) > 1 << 24) {
            return Err(Error::recipe(
                "data.size",
                format!("{:?} cannot be used", self.size),
                "sides are at least 1, and 4096 x 4096 at most",
            ));
        }
        if ![0, 1, 3, 4].contains(&self.channels) {
            let problem = format!("{} is not a number of channels", self.channels);
            return Err(Error::recipe(
                "data.channels",
                problem,
                "use 1 (grey), 3 (RGB), 4 (RGBA) or 0 (as they are)",
            ));
        }
        if self.length > 1 << 24 {
            let problem = format!("items of {} samples are too long", self.length);
            return Err(Error::recipe("data.length", problem, "use 16,777,216 at most"));
        }
        if self.rate != 0 && !(1000..=384_000).contains(&self.rate) {
            return Err(Error::recipe(
                "data.rate",
                format!("{} Hz cannot be used", self.rate),
                "use 1000 to 384000, or 0 for the data's own",
            ));
        }
        video::check_frames(self.frames)?;
        known("data.split", &self.split, &["train", "test", "all"])?;
        known("data.format", &self.format, &FORMATS)?;
        if !(0.0..=1.0).contains(&self.max_bad) {
            return Err(Error::recipe(
                "data.max_bad",
                format!("{} is not a share", self.max_bad),
                "give a number from 0 to 1",
            ));
        }
        if !(0.0..1.0).contains(&self.holdout) {
            let problem = format!("{} is not a share that can be held out", self.holdout);
            return Err(Error::recipe(
                "data.holdout",
                problem,
                "give a number from 0 to below 1",
            ));
        }
        let alpha = match known("data.alpha", &self.alpha, &["white", "black", "keep"])? {
            _ if self.channels == 4 => Alpha::Keep,
            "white" => Alpha::Over(255.0),
            "black" => Alpha::Over(0.0),
            _ => Alpha::Keep,
        };
        let filter = match known(
            "data.filter",
            &self.filter,
            &["area", "nearest", "bilinear", "lanczos"],
        )? {
            "area" => Filter::Area,
            "nearest" => Filter::Nearest,
            "bilinear" => Filter::Bilinear,
            _ => Filter::Lanczos,
        };
        Ok(Preparation {
            size,
            channels: self.channels,
            filter,
            crop: self.crop,
            alpha,
        })
    }

    /// Limits, prepares and caches a set whose items all have one shape.
    fn finish(&self, base: Arc<dyn Dataset>, preparation: Preparation) -> Result<Arc<dyn Dataset>> {
        if base.info().kind != Kind::Image && (preparation.size.is_some() || preparation.channels != 0) {
            let key = if preparation.size.is_some() {
                "data.size"
            } else {
                "data.channels"
            };
            return Err(Error::recipe(
                key,
                format!(
                    "`{}` holds {}, not images",
                    self.source,
                    base.info().kind.plural()
                ),
                "leave it out",
            ));
        }
        if base.info().kind != Kind::Audio && (self.length != 0 || self.rate != 0) {
            let key = if self.length != 0 {
                "data.length"
            } else {
                "data.rate"
            };
            return Err(Error::recipe(
                key,
                format!(
                    "`{}` holds {}, not sounds",
                    self.source,
                    base.info().kind.plural()
                ),
                "leave it out",
            ));
        }
        if self.frames != 0 {
            let problem = format!(
                "`{}` holds {}, not videos",
                self.source,
                base.info().kind.plural()
            );
            return Err(Error::recipe("data.frames", problem, "leave it out"));
        }
        let base = Part::of(base, None, self.limit);
        let prepared = Prepared::wrap(base, preparation)?;
        Ok(prepared)
    }

    /// The format of what lies at `path`, unless `format` says it.
    fn format_of(&self, path: &Path) -> Result<&'static str> {
        if let Some(f) = FORMATS[1..].iter().find(|f| **f == self.format) {
            return Ok(f);
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
                _ if listing::is_of_sounds(path) => "audio",
                _ => "images",
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
            None if name.contains("idx") => Ok("idx"),
            None if extension == "bin" => Ok("cifar"),
            None if audio::EXTENSIONS.contains(&extension) => Ok("audio"),
            None if EXTENSIONS.contains(&extension) => {
                Err(Error::data(path, "is one image", "give the folder it lies in"))
            }
            None => Err(Error::data(
                path,
                "is of no known format",
                format!("name it with --data-format: {}", FORMATS[1..].join(", ")),
            )),
        }
    }
}

/// `value` when it is one of `values`.
fn known<'a>(key: &str, value: &'a str, values: &[&str]) -> Result<&'a str> {
    if values.contains(&value) {
        return Ok(value);
    }
    Err(Error::recipe(
        key,
        format!("`{value}` is not one of {}", values.join(", ")),
        nearest(value, values.iter().copied()),
    ))
}
