//! Images that are stored one by one, in files of a folder or in shards, and decoded when they are asked for.
use super::image_file::Pixels;
use super::resize::Preparation;
use super::source::Source;
use super::{Captions, DataInfo, Dataset, Item, Kind, damage};
use crate::error::{Error, Result};
use crate::random::Key;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The places that images are read from.
pub(super) trait Images: Send + Sync {
    /// How many there are.
    fn count(&self) -> usize;
    /// The name of an image below the source, for messages.
    fn name(&self, index: usize) -> String;
    /// The decoded image.
    ///
    /// # Errors
    /// [`Error::Data`] or [`Error::Io`] with its place.
    fn pixels(&self, index: usize) -> Result<Pixels>;
    /// Its class.
    fn label(&self, index: usize) -> Option<u32>;
    /// A number for each of the set's attributes.
    fn attributes(&self, index: usize) -> Vec<f32>;
    /// Its description in words.
    ///
    /// # Errors
    /// As [`Images::pixels`].
    fn caption(&self, index: usize) -> Result<Option<String>>;
    /// What the captions of the first images say in all, where that is known without opening every one.
    fn captions(&self, _count: usize) -> Captions {
        Captions::default()
    }
    /// See [`Dataset::order`].
    fn order(&self, _key: Key) -> Option<Vec<u32>> {
        None
    }
    /// See [`Dataset::reach`].
    fn reach(&self) -> u64 {
        0
    }
    /// See [`Dataset::soon`].
    fn soon(&self, _index: usize) {}
    /// What went wrong since this was last asked, beside damaged images.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }
}

/// What is found when images are listed.
pub(super) struct Listed<I> {
    /// the good ones
    pub images: I,
    /// names of the classes of all splits
    pub labels: Vec<String>,
    /// names of the attributes
    pub attributes: Vec<String>,
    /// each damaged one, with what is wrong
    pub bad: Vec<String>,
}

/// Images of one source as a data set.
pub(super) struct ImageSet {
    info: DataInfo,
    root: PathBuf,
    images: Box<dyn Images>,
    preparation: Preparation,
    /// how many damaged items are borne
    tolerated: usize,
    /// whether files are much larger than what is made of them
    pub costly: bool,
    /// each item that was found damaged on opening
    pub bad: Vec<String>,
    late: Mutex<Late>,
}

/// Items found damaged after opening.
#[derive(Default)]
struct Late {
    bad: HashSet<usize>,
    unsaid: Vec<String>,
}

impl ImageSet {
    /// The set of listed images; `shape` gives the stored shape of image `i` of them. They may differ in size where a size
    /// is asked for or `any_size` says so; then the set's shape is the first one's.
    ///
    /// # Errors
    /// [`Error::Data`] when too many are damaged, or they differ in size.
    pub(super) fn new<I: Images + 'static>(
        root: &Path,
        source: &Source,
        preparation: Preparation,
        listed: Listed<I>,
        shape: impl Fn(usize) -> [usize; 3],
        any_size: bool,
        warnings: &mut Vec<String>,
    ) -> Result<ImageSet> {
        let Listed {
            images,
            labels,
            attributes,
            bad,
        } = listed;
        let total = images.count() + bad.len();
        damage::bear(root, "images", &bad, total, source.max_bad)?;
        warnings.extend(bad.iter().cloned());
        let count = match source.limit {
            0 => images.count(),
            limit => limit.min(images.count()),
        };
        let common = Common {
            root,
            images: &images,
            count,
            shape: &shape,
        };
        let out = common.shape(preparation, any_size, warnings)?;
        let [h, w, _] = shape(0);
        let info = DataInfo {
            source: source.source.clone(),
            kind: Kind::Image,
            shape: out.to_vec(),
            count,
            range: (0.0, 255.0),
            labels,
            attributes,
            captions: images.captions(count),
            ..DataInfo::default()
        };
        let preparation = Preparation {
            size: Some([out[0], out[1]]),
            channels: out[2],
            ..preparation
        };
        Ok(ImageSet {
            info,
            root: root.to_path_buf(),
            images: Box::new(images),
            preparation,
            tolerated: damage::tolerated(total, source.max_bad),
            costly: h * w > 2 * out[0] * out[1],
            bad,
            late: Mutex::default(),
        })
    }

    /// An image as it is stored.
    ///
    /// # Errors
    /// Those of [`Images::pixels`].
    pub(super) fn stored(&self, index: usize) -> Result<Pixels> {
        self.images.pixels(index)
    }

    /// The name of an image below the source.
    pub(super) fn name(&self, index: usize) -> String {
        self.images.name(index)
    }

    /// The description of an image.
    ///
    /// # Errors
    /// Those of [`Images::caption`].
    pub(super) fn caption(&self, index: usize) -> Result<Option<String>> {
        self.images.caption(index)
    }

    fn decode(&self, index: usize) -> Result<Item> {
        let (shape, values) = self.images.pixels(index)?.values();
        Ok(Item {
            values: self.preparation.apply(shape, &values),
            label: self.images.label(index),
            attributes: self.images.attributes(index),
            caption: self.images.caption(index)?,
        })
    }
}

impl Dataset for ImageSet {
    fn info(&self) -> &DataInfo {
        &self.info
    }
    fn label(&self, index: usize) -> Option<u32> {
        self.images.label(index)
    }
    /// The item, or the next good one when its file turns out damaged.
    fn get(&self, index: usize) -> Result<Item> {
        for step in 0..self.info.count {
            let index = (index + step) % self.info.count;
            let problem = match self.decode(index) {
                Ok(item) => return Ok(item),
                // What cannot be reached is not damaged: another item in its place would change the training.
                Err(problem @ (Error::Unreachable { .. } | Error::Usage { .. })) => return Err(problem),
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
            "check that the data are still there",
        ))
    }
    fn order(&self, key: Key) -> Option<Vec<u32>> {
        let mut order = self.images.order(key)?;
        order.retain(|&i| (i as usize) < self.info.count);
        Some(order)
    }
    fn reach(&self) -> u64 {
        self.images.reach()
    }
    fn soon(&self, index: usize) {
        self.images.soon(index)
    }
    fn warnings(&self) -> Vec<String> {
        let mut late = self.late.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = std::mem::take(&mut late.unsaid);
        all.extend(self.images.warnings());
        all
    }
}

/// Images that must get one shape.
struct Common<'a, I, S> {
    root: &'a Path,
    images: &'a I,
    /// how many of them are used
    count: usize,
    shape: &'a S,
}

impl<I: Images, S: Fn(usize) -> [usize; 3]> Common<'_, I, S> {
    /// The shape that all items will have: an error that names two images when they differ in size and no size is asked
    /// for; the most of their channels, with a warning, when they differ in these.
    fn shape(
        &self,
        preparation: Preparation,
        any_size: bool,
        warnings: &mut Vec<String>,
    ) -> Result<[usize; 3]> {
        let first = (self.shape)(0);
        let mut channels = preparation.channels_of(first[2]);
        let mut other_channels = None;
        for i in 0..self.count {
            let shape = (self.shape)(i);
            if preparation.size.is_none() && !any_size && shape[..2] != first[..2] {
                let problem = format!(
                    "images differ in size: {} is {}x{} (height x width), {} is {}x{}",
                    self.images.name(0),
                    first[0],
                    first[1],
                    self.images.name(i),
                    shape[0],
                    shape[1]
                );
                return Err(Error::data(
                    self.root,
                    problem,
                    "give one size to all, such as --size 64",
                ));
            }
            if preparation.channels_of(shape[2]) != preparation.channels_of(first[2]) {
                other_channels.get_or_insert((i, shape[2]));
                channels = channels.max(preparation.channels_of(shape[2]));
            }
        }
        if let (Some((other, number)), false) = (other_channels, any_size) {
            let name = |c: usize| ["", "grey", "grey with alpha", "RGB", "RGBA"][c.min(4)];
            warnings.push(format!(
                "{}: images differ in channels: {} is {}, {} is {}; all become {} (choose by --channels 1, 3 or 4)",
                self.root.display(),
                self.images.name(0),
                name(first[2]),
                self.images.name(other),
                name(number),
                name(channels)
            ));
        }
        let [height, width] = preparation.size.unwrap_or([first[0], first[1]]);
        Ok([height, width, channels])
    }
}
