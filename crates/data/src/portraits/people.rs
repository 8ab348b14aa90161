//! `portraits:people`: the same people again and again, from seven sides, in any light and before anything.
use super::{Attributes, Portraits, paint};
use crate::error::{Error, Result};
use crate::random::Key;
use crate::{Captions, DataInfo, Dataset, Item, Kind, Values};

/// Pictures of so many people: who it is, is the class; from where, an attribute.
///
/// A person is all that [`Attributes`] say but yaw, tilt, light, gaze and what is behind, which are drawn anew for each picture. Those of
/// the test part are other people than those of the training part, as face recognition is tested.
pub struct People {
    info: DataInfo,
    who: Key,
    views: Key,
    /// number of the first person, and how many there are
    of: (usize, usize),
}

impl People {
    /// People of the training part; their classes are the first ones.
    pub const TRAIN: usize = 100;
    /// People of the test part.
    pub const TEST: usize = 50;
    /// Degrees of yaw between two cameras, and how many there are on either side of the one in front.
    pub const CAMERAS: (f32, usize) = (15.0, 3);
    /// Pictures of either part unless another number is asked for.
    const COUNTS: [usize; 2] = [10_000, 1_000];

    /// Pictures of `[height, width]` pixels of that part; 0 for their usual number.
    ///
    /// # Errors
    /// Those of [`Portraits::new`].
    pub fn new(size: [usize; 2], seed: u64, split: &str, count: usize) -> Result<People> {
        let test = split == "test";
        let count = if count == 0 {
            People::COUNTS[usize::from(test)]
        } else {
            count
        };
        let portraits = Portraits::new(size, seed, count)?;
        let labels = People::TRAIN + People::TEST;
        let key = Key::new(seed).stream("portraits/people");
        let mut people = People {
            info: DataInfo {
                source: "portraits:people".into(),
                kind: Kind::Image,
                labels: (0..labels).map(|p| format!("person {}", p + 1)).collect(),
                captions: Captions::default(),
                ..portraits.info().clone()
            },
            who: key.stream("who"),
            views: key.stream(if test { "views/test" } else { "views" }),
            of: match test {
                true => (People::TRAIN, People::TEST),
                false => (0, People::TRAIN),
            },
        };
        let mut seen = vec![0usize; labels];
        (0..count).for_each(|i| seen[people.person(i)] += 1);
        people.info.shares = seen.iter().map(|n| *n as f64 / count as f64).collect();
        Ok(people)
    }

    /// Who is in picture `index`.
    fn person(&self, index: usize) -> usize {
        let (first, people) = self.of;
        first + self.views.step(index as u64).stream("who").rng().below(people)
    }

    /// Who is in picture `index`, and how they look in it.
    pub fn seen(&self, index: usize) -> (u32, Attributes) {
        let person = self.person(index);
        let who = Attributes::draw(self.who.step(person as u64));
        let key = self.views.step(index as u64);
        let view = Attributes::draw(key);
        let (apart, aside) = People::CAMERAS;
        let camera = key.stream("camera").rng().below(2 * aside + 1);
        let seen = Attributes {
            yaw: apart * (camera as f32 - aside as f32),
            tilt: view.tilt,
            light: view.light,
            gaze: view.gaze,
            background: view.background,
            background_hue: view.background_hue,
            background_chroma: view.background_chroma,
            background_lightness: view.background_lightness,
            ..who
        };
        (person as u32, seen)
    }
}

impl Dataset for People {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn get(&self, index: usize) -> Result<Item> {
        if index >= self.info.count {
            return Err(Error::data(
                &self.info.source,
                format!("there is no item {index}"),
                format!("the last is {}", self.info.count - 1),
            ));
        }
        let (person, seen) = self.seen(index);
        let [height, width] = [self.info.shape[0], self.info.shape[1]];
        Ok(Item {
            values: Values::Bytes(paint(&seen, width, height)),
            label: Some(person),
            attributes: seen.to_vec(),
            caption: None,
        })
    }

    fn label(&self, index: usize) -> Option<u32> {
        Some(self.person(index) as u32)
    }
}
