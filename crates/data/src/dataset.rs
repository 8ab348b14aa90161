//! What a data set is: items by index, and a description of them.
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// What the numbers of an item stand for, and so the meaning of its axes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `[height, width, channel]`
    #[default]
    Image,
    /// `[feature]`: points of the plane, or vectors
    Points,
    /// `[time, height, width, channel]`: frames in order
    Video,
    /// `[time, channel]`: samples of sound in [-1, 1]
    Audio,
    /// `[height, width, 2 channel]`: two images of one size that belong together; the channels of the left one, which is
    /// the condition of models that have one, then those of the right one
    Pair,
    /// `[height, width, 2 channel]`: an image of each of two domains that do not belong together
    Unpaired,
    /// `[length, symbol]`: letters of an alphabet, at every place a one among zeros; of what a network makes, the probabilities of
    /// the letters
    Sequence,
    /// `[depth, height, width, channel]`: a grid of voxels, 1 where it is solid and -1 where it is empty; from the front to the back,
    /// from the top down, from the left to the right
    Voxels,
    /// `[note, 4]`: of each note its length in beats, its pitch in semitones, how loud it is from 0 to 1, and the beats since the note
    /// before it began
    Notes,
}

impl Kind {
    /// Whether values run over the fixed range [-1, 1], as the networks take them.
    pub fn is_bounded(self) -> bool {
        !matches!(self, Kind::Points | Kind::Notes)
    }
    /// What is counted: `images`, as in `120 images/s`.
    pub fn unit(self) -> &'static str {
        match self {
            Kind::Pair => "pairs",
            Kind::Unpaired => "images of each side",
            kind => kind.plural(),
        }
    }
    /// What items of the kind are called.
    pub fn plural(self) -> &'static str {
        match self {
            Kind::Image => "images",
            Kind::Points => "points",
            Kind::Video => "videos",
            Kind::Audio => "sounds",
            Kind::Pair => "pairs of images",
            Kind::Unpaired => "unpaired images of two sides",
            Kind::Sequence => "sequences",
            Kind::Voxels => "shapes",
            Kind::Notes => "pieces of music",
        }
    }
    /// What stands where something is hidden, as the networks take values: mid-grey; nothing solid in a shape.
    pub fn hidden(self) -> f32 {
        if self == Kind::Voxels { -1.0 } else { 0.0 }
    }
    /// Whether an item is two images, those of channels below and above the middle.
    pub fn has_sides(self) -> bool {
        matches!(self, Kind::Pair | Kind::Unpaired)
    }
}

/// The description of a data set: all that a model needs to know before it sees an item. By default it has no items, and nothing is said
/// of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DataInfo {
    /// how the source was named
    pub source: String,
    /// what an item is
    pub kind: Kind,
    /// an item's axes, channels last: `[height, width, channel]`, `[feature]`, ... as [`Kind`] says
    pub shape: Vec<usize>,
    /// number of items
    pub count: usize,
    /// smallest and largest value that an item can have as stored: (0, 255) for 8-bit images, (0, 1)
    /// for real-valued ones, the extent of the data for points
    pub range: (f32, f32),
    /// names of the classes; empty where items have none
    pub labels: Vec<String>,
    /// names of the numbers in `Item::attributes`; empty where items have none
    pub attributes: Vec<String>,
    /// samples a second, for sound; 0 elsewhere
    #[serde(default)]
    pub rate: u32,
    /// share of all items that each of `labels` has; their sum is below 1 where items have no label. Empty where it is
    /// not known
    #[serde(default)]
    pub shares: Vec<f64>,
    /// what is said about the items in words
    #[serde(default, skip_serializing_if = "Captions::is_none")]
    pub captions: Captions,
    /// of sequences: the letters, one a symbol; [`DataInfo::end_symbol`] stands behind the end of shorter ones
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub alphabet: String,
    /// the columns of a table of numbers and classes, whose rows are the items; empty elsewhere
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Column>,
}

/// A column of a table of numbers and classes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// its name in the header
    pub name: String,
    /// names of its classes, for which their numbers stand in a row; empty for a column of numbers
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// share of the rows that each class has
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shares: Vec<f64>,
    /// mean of its numbers
    #[serde(default)]
    pub mean: f64,
    /// their standard deviation; 1 where all are the same
    #[serde(default)]
    pub deviation: f64,
    /// what it is for
    #[serde(default)]
    pub role: Role,
}

/// What a column is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// says something of the row
    #[default]
    Feature,
    /// what is decided by the others
    Outcome,
    /// what a decision must not depend on
    Protected,
    /// what a simulator was run at; the others are what it gave
    Parameter,
}

/// What is said about items in words.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Captions {
    /// share of the items that have a caption
    pub share: f64,
    /// every word of them, in order
    pub words: Vec<String>,
}

impl Captions {
    /// Of items with these captions.
    pub fn of<'a>(captions: impl IntoIterator<Item = Option<&'a str>>) -> Captions {
        let (mut words, mut with, mut all) = (std::collections::BTreeSet::new(), 0usize, 0usize);
        for caption in captions {
            all += 1;
            with += usize::from(caption.is_some());
            words.extend(caption.into_iter().flat_map(words_of));
        }
        Captions {
            share: with as f64 / all.max(1) as f64,
            words: words.into_iter().collect(),
        }
    }

    /// Whether nothing is said about any item.
    pub fn is_none(&self) -> bool {
        self.share == 0.0
    }
}

/// The words of a text in small letters: letters and digits, with the hyphens and apostrophes within.
///
/// ```
/// use menagerie_data::words_of;
///
/// let words: Vec<String> = words_of("A buzz-cut, broadly smiling!").collect();
/// assert_eq!(words, ["a", "buzz-cut", "broadly", "smiling"]);
/// ```
pub fn words_of(text: &str) -> impl Iterator<Item = String> {
    let within = |c: char| c.is_alphanumeric() || c == '-' || c == '\'';
    text.split(move |c| !within(c))
        .map(|w| w.trim_matches(['-', '\'']).to_lowercase())
        .filter(|w| !w.is_empty())
}

impl DataInfo {
    /// Refuses data for a model that is told the class of every item it learns from.
    ///
    /// # Errors
    /// [`Error::Data`] when items have no classes, or some of them none.
    pub fn every_label(&self, model: &str) -> Result<()> {
        let labelled: f64 = self.shares.iter().sum();
        let problem = match self.labels.is_empty() {
            true => format!(
                "{model} learns from classes, but these {} have none",
                self.kind.plural()
            ),
            false if !self.shares.is_empty() && labelled < 1.0 - 0.5 / self.count.max(1) as f64 => format!(
                "{model} learns from the class of every item, but {} of {} have none",
                ((1.0 - labelled) * self.count as f64).round(),
                self.count
            ),
            false => return Ok(()),
        };
        let fix = "give all a class (a sub-folder, or a line in metadata.csv), or take the others out";
        Err(Error::data(&self.source, problem, fix))
    }

    /// Refuses data for a model that reads the caption of every item it learns from.
    ///
    /// # Errors
    /// [`Error::Data`] when items have no captions, or some of them none.
    pub fn every_caption(&self, model: &str) -> Result<()> {
        let problem = match self.captions.share {
            1.0 => return Ok(()),
            0.0 => format!(
                "{model} learns from descriptions, but these {} have none",
                self.kind.plural()
            ),
            share => format!(
                "{model} learns from the description of every item, but {} of {} have none",
                ((1.0 - share) * self.count as f64).ceil(),
                self.count
            ),
        };
        let fix =
            "write a column `caption` in metadata.csv, or a .txt beside each image; or take `portraits`";
        Err(Error::data(&self.source, problem, fix))
    }

    /// How many numbers an item has.
    pub fn numbers(&self) -> usize {
        self.shape.iter().product()
    }

    /// Which column has that role, of a table of numbers and classes.
    pub fn column_of(&self, role: Role) -> Option<usize> {
        self.columns.iter().position(|c| c.role == role)
    }
}

/// The numbers of one item, in the order of `DataInfo::shape`.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// 8-bit images, 0 to 255; sequences, ones among zeros
    Bytes(Vec<u8>),
    /// real-valued images in [0, 1]; points and sound as they are
    Floats(Vec<f32>),
}

impl Values {
    /// How many numbers there are.
    pub fn len(&self) -> usize {
        match self {
            Values::Bytes(v) => v.len(),
            Values::Floats(v) => v.len(),
        }
    }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Images in [0, 1].
    pub(crate) fn unit(&self) -> Vec<f32> {
        match self {
            Values::Bytes(v) => v.iter().map(|&b| b as f32 / 255.0).collect(),
            Values::Floats(v) => v.clone(),
        }
    }
    /// As the networks take them: images, video and shapes in [-1, 1], points, sound, notes and sequences as they are.
    pub fn extend(&self, kind: Kind, out: &mut Vec<f32>) {
        match (self, kind) {
            (Values::Bytes(v), Kind::Image | Kind::Video | Kind::Pair | Kind::Unpaired | Kind::Voxels) => {
                out.extend(v.iter().map(|&b| b as f32 / 127.5 - 1.0))
            }
            (Values::Floats(v), Kind::Image | Kind::Video | Kind::Pair | Kind::Unpaired | Kind::Voxels) => {
                out.extend(v.iter().map(|&x| x * 2.0 - 1.0))
            }
            (Values::Bytes(v), Kind::Points | Kind::Audio | Kind::Sequence | Kind::Notes) => {
                out.extend(v.iter().map(|&b| b as f32))
            }
            (Values::Floats(v), Kind::Points | Kind::Audio | Kind::Sequence | Kind::Notes) => {
                out.extend_from_slice(v)
            }
        }
    }
}

/// One item of a data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// its numbers
    pub values: Values,
    /// its class: an index into `DataInfo::labels`
    pub label: Option<u32>,
    /// one number for each of `DataInfo::attributes`
    pub attributes: Vec<f32>,
    /// a description in words
    pub caption: Option<String>,
}

/// Items by index. Any thread may ask for any item; the same index always gives the same item.
///
/// ```
/// use menagerie_data::{DataInfo, Dataset, Item, Key, Kind, Loader, Result, Values};
///
/// /// Grey images of 2x2 pixels, each of one brightness.
/// struct Flat(DataInfo);
///
/// impl Dataset for Flat {
///     fn info(&self) -> &DataInfo {
///         &self.0
///     }
///     fn get(&self, index: usize) -> Result<Item> {
///         let values = Values::Bytes(vec![index as u8; 4]);
///         Ok(Item { values, label: None, attributes: vec![], caption: None })
///     }
/// }
///
/// let info = DataInfo {
///     source: "flat".into(),
///     kind: Kind::Image,
///     shape: vec![2, 2, 1],
///     count: 256,
///     range: (0.0, 255.0),
///     labels: vec![],
///     attributes: vec![],
///     rate: 0,
///     shares: vec![],
///     captions: Default::default(),
///     alphabet: String::new(),
///     columns: vec![],
/// };
/// let mut batches = Loader::new(std::sync::Arc::new(Flat(info)), 8, Key::new(1), 0, 1)?;
/// assert_eq!(batches.next()?.shape, [8, 2, 2, 1]);
/// # Ok::<(), menagerie_data::Error>(())
/// ```
pub trait Dataset: Send + Sync {
    /// What the items are.
    fn info(&self) -> &DataInfo;

    /// Item `index` (below `info().count`).
    ///
    /// # Errors
    /// [`crate::Error::Data`] with the file's path when the item cannot be read.
    fn get(&self, index: usize) -> Result<Item>;

    /// The class of item `index`, as [`Dataset::get`] gives it, where it is known without reading the item.
    fn label(&self, _index: usize) -> Option<u32> {
        None
    }

    /// The order of an epoch with this key, of a set whose items are costly to reach out of turn; it has every item once and
    /// is a function of the key alone. None: any order is as good as another, and the key's permutation of all items is taken.
    fn order(&self, _key: crate::random::Key) -> Option<Vec<u32>> {
        None
    }

    /// How many items before its turn an item is named by [`Dataset::soon`]; 0 for never.
    fn reach(&self) -> u64 {
        0
    }

    /// Says that item `index` will be asked for soon, so that what it lies in can be fetched meanwhile.
    fn soon(&self, _index: usize) {}

    /// Of a set whose items are two images: how many different images each side has, which are those of the first items.
    fn side_counts(&self) -> [usize; 2] {
        [self.info().count; 2]
    }

    /// What went wrong since this was last asked: each damaged item once, with its path.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// The attributes that any item of these values (as networks take them) truly has, of a set that knows the rule by which they
    /// come about.
    fn attributes_of(&self, _values: &[f32]) -> Option<Vec<f32>> {
        None
    }

    /// ln of the probability with which items of these values (as networks take them) are drawn, of a set of discrete items that knows
    /// it; minus infinity of what is never drawn.
    fn log_probability(&self, _values: &[f32]) -> Option<f64> {
        None
    }

    /// The exact density the items were drawn from, where it is known.
    fn density(&self) -> Option<&dyn Density> {
        None
    }
}

/// A probability density over the plane.
pub trait Density: Send + Sync {
    /// Natural logarithm of the density at a point.
    fn log_density(&self, x: [f64; 2]) -> f64;
    /// Differential entropy in nats.
    fn entropy(&self) -> f64;
    /// Centres of the modes and the standard deviation around them; none for a continuous shape.
    fn modes(&self) -> Option<(&[[f64; 2]], f64)> {
        None
    }
    /// A draw from it.
    fn sample(&self, rng: &mut crate::random::Draw) -> [f64; 2];
}
