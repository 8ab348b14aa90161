//! `portraits`: cartoon faces painted from a vector of named attributes.
//!
//! Endless, free of licences, and with exact ground truth: every picture comes with the numbers it was painted
//! from and with a caption in words.
mod attributes;
mod background;
mod canvas;
mod caption;
mod colour;
mod extras;
mod features;
mod geometry;
mod hair;
mod head;
mod meaning;
mod paint;
mod people;
mod rain;
mod sampling;
#[cfg(test)]
mod tests;

pub use attributes::{Attributes, Background, Beard, Clothing, Earrings, Glasses, HairStyle, Headwear};
pub use caption::SMILING;
pub use meaning::Meaning;
pub use paint::{backdrop, cutout, in_rain, layout, paint};
pub use people::People;
pub use rain::Rain;

use super::{Captions, DataInfo, Dataset, Item, Kind, Values};
use crate::error::{Error, Result};
use crate::random::Key;

/// Portraits of people who do not exist: item `i` of a seed is always the same face.
pub struct Portraits {
    info: DataInfo,
    key: Key,
}

/// Largest side of a picture in pixels.
const LARGEST: usize = 4096;

impl Portraits {
    /// Number of portraits for training unless another is asked for.
    pub const TRAIN: usize = 20_000;
    /// Number of portraits for testing unless another is asked for.
    pub const TEST: usize = 2_000;

    /// Names of the classes, eight: man-like or woman-like, neutral or smiling, without or with glasses.
    pub const LABELS: [&'static str; 8] = [
        "man-like, neutral",
        "woman-like, neutral",
        "man-like, smiling",
        "woman-like, smiling",
        "man-like, neutral, glasses",
        "woman-like, neutral, glasses",
        "man-like, smiling, glasses",
        "woman-like, smiling, glasses",
    ];

    /// `count` portraits of `[height, width]` pixels.
    ///
    /// # Errors
    /// [`Error::Data`] when a side is 0 or larger than 4096, or `count` is 0.
    pub fn new(size: [usize; 2], seed: u64, count: usize) -> Result<Portraits> {
        Portraits::of(size, Key::new(seed).stream("portraits"), count)
    }

    /// As [`Portraits::new`], of people who are in no training set.
    ///
    /// # Errors
    /// The same.
    pub fn test(size: [usize; 2], seed: u64, count: usize) -> Result<Portraits> {
        Portraits::of(size, Key::new(seed).stream("portraits/test"), count)
    }

    fn of(size: [usize; 2], key: Key, count: usize) -> Result<Portraits> {
        let [height, width] = size;
        if size.iter().any(|s| !(1..=LARGEST).contains(s)) {
            return Err(Error::data(
                "portraits",
                format!("cannot be painted at {height}x{width} pixels"),
                format!("ask for 1 to {LARGEST} pixels a side"),
            ));
        }
        if count == 0 {
            return Err(Error::data(
                "portraits",
                "a set of 0 items was asked for",
                "ask for at least one",
            ));
        }
        let info = DataInfo {
            source: "portraits".into(),
            kind: Kind::Image,
            shape: vec![height, width, 3],
            count,
            range: (0.0, 255.0),
            labels: Self::LABELS.map(String::from).to_vec(),
            attributes: Attributes::NAMES.iter().map(|n| n.to_string()).collect(),
            captions: Captions {
                share: 1.0,
                words: caption::words(),
            },
            ..DataInfo::default()
        };
        Ok(Portraits { info, key })
    }

    /// The attributes of item `index`.
    pub fn attributes(&self, index: usize) -> Attributes {
        Attributes::draw(self.key.step(index as u64))
    }

    /// The class of a face: an index into [`Portraits::LABELS`].
    pub fn label(a: &Attributes) -> u32 {
        a.is_woman_like() as u32 + 2 * a.is_smiling() as u32 + 4 * (a.glasses != Glasses::None) as u32
    }
}

impl Dataset for Portraits {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn get(&self, index: usize) -> Result<Item> {
        if index >= self.info.count {
            return Err(Error::data(
                "portraits",
                format!("there is no item {index}"),
                format!("the last is {}", self.info.count - 1),
            ));
        }
        let a = self.attributes(index);
        let values = Values::Bytes(paint(&a, self.info.shape[1], self.info.shape[0]));
        Ok(Item {
            values,
            label: Some(Self::label(&a)),
            attributes: a.to_vec(),
            caption: Some(a.caption()),
        })
    }
}
