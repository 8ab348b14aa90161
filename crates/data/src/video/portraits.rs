//! `portraits:video`: one face a video, of which the head turns, the mouth smiles or the light goes round.
use super::check_size;
use crate::error::{Error, Result};
use crate::portraits::{Attributes, paint};
use crate::random::{Draw, Key};
use crate::{DataInfo, Dataset, Item, Kind, Values};

/// Moving portraits: item `i` of a seed is always the same video, and a shorter one is the beginning of a longer one.
pub(crate) struct MovingPortraits {
    info: DataInfo,
    key: Key,
}

/// What moves, in the order of [`MovingPortraits::LABELS`].
#[derive(Clone, Copy)]
enum Motion {
    Yaw,
    Smile,
    Light,
}

/// A path that swings: low + (high - low) (1 + sin(2 pi (phase + t / period))) / 2 at frame t.
struct Path {
    low: f64,
    high: f64,
    phase: f64,
    period: f64,
}

impl Path {
    fn at(&self, frame: usize) -> f32 {
        let turn = std::f64::consts::TAU * (self.phase + frame as f64 / self.period);
        (self.low + (self.high - self.low) * (1.0 + turn.sin()) / 2.0) as f32
    }
}

impl Motion {
    fn path(self, rng: &mut Draw) -> Path {
        let (low, high) = match self {
            Motion::Yaw => (rng.between(-45.0, -25.0), rng.between(25.0, 45.0)),
            Motion::Smile => (rng.between(-1.0, -0.4), rng.between(0.6, 1.0)),
            Motion::Light => (rng.between(-90.0, -60.0), rng.between(60.0, 90.0)),
        };
        Path {
            low,
            high,
            phase: rng.uniform(),
            period: rng.between(12.0, 24.0),
        }
    }

    fn put(self, face: &mut Attributes, value: f32) {
        match self {
            Motion::Yaw => face.yaw = value,
            Motion::Smile => face.smile = value,
            Motion::Light => face.light = value,
        }
    }
}

impl MovingPortraits {
    /// Videos for training unless another number is asked for.
    pub(crate) const TRAIN: usize = 2_000;
    /// Videos for testing unless another number is asked for.
    pub(crate) const TEST: usize = 200;
    /// Frames unless another number is asked for.
    pub(crate) const FRAMES: usize = 16;
    /// Names of the classes: what moves.
    pub(crate) const LABELS: [&'static str; 3] = ["yaw", "smile", "light"];

    /// `count` videos (0: the usual number) of `frames` (0: the usual number) frames of `[height, width]` pixels.
    ///
    /// # Errors
    /// [`Error::Recipe`] when a video would be too large, [`Error::Data`] when a side is 0.
    pub(crate) fn new(
        [height, width]: [usize; 2],
        frames: usize,
        seed: u64,
        split: &str,
        count: usize,
    ) -> Result<Self> {
        let frames = if frames == 0 { Self::FRAMES } else { frames };
        check_size(frames, [height, width, 3])?;
        if height == 0 || width == 0 {
            return Err(Error::data(
                "portraits:video",
                "cannot be painted without pixels",
                "give a --size of 1 or more",
            ));
        }
        let (stream, usual) = if split == "test" {
            ("portraits/test", Self::TEST)
        } else {
            ("portraits", Self::TRAIN)
        };
        let info = DataInfo {
            source: "portraits:video".into(),
            kind: Kind::Video,
            shape: vec![frames, height, width, 3],
            count: if count == 0 { usual } else { count },
            range: (0.0, 255.0),
            labels: Self::LABELS.map(String::from).to_vec(),
            attributes: Attributes::NAMES.iter().map(|n| n.to_string()).collect(),
            ..DataInfo::default()
        };
        Ok(MovingPortraits {
            info,
            key: Key::new(seed).stream(stream),
        })
    }

    /// What moves in video `index`, and the attributes of each of its frames.
    pub(crate) fn faces(&self, index: usize) -> (u32, Vec<Attributes>) {
        let key = self.key.step(index as u64);
        let face = Attributes::draw(key);
        let rng = &mut key.stream("motion").rng();
        let label = rng.below(3);
        let motion = [Motion::Yaw, Motion::Smile, Motion::Light][label];
        let path = motion.path(rng);
        let frame = |t| {
            let mut face = face;
            motion.put(&mut face, path.at(t));
            face
        };
        (label as u32, (0..self.info.shape[0]).map(frame).collect())
    }
}

impl Dataset for MovingPortraits {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    /// The video, with the attributes of its first frame.
    fn get(&self, index: usize) -> Result<Item> {
        if index >= self.info.count {
            let fix = format!("the last is {}", self.info.count - 1);
            return Err(Error::data(
                "portraits:video",
                format!("there is no item {index}"),
                fix,
            ));
        }
        let (label, faces) = self.faces(index);
        Ok(painted(label, &faces, [self.info.shape[1], self.info.shape[2]]))
    }
}

/// A video of these faces, with the attributes of the first.
pub(super) fn painted(label: u32, faces: &[Attributes], [h, w]: [usize; 2]) -> Item {
    let values = faces.iter().flat_map(|face| paint(face, w, h)).collect();
    Item {
        values: Values::Bytes(values),
        label: Some(label),
        attributes: faces[0].to_vec(),
        caption: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_attribute_moves_and_the_label_says_which() {
        let set = MovingPortraits::new([8, 8], 12, 3, "train", 60).unwrap();
        let mut seen = [0; 3];
        for i in 0..60 {
            let (label, faces) = set.faces(i);
            seen[label as usize] += 1;
            let name = MovingPortraits::LABELS[label as usize];
            for (k, attribute) in Attributes::NAMES.iter().enumerate() {
                let values: Vec<f32> = faces.iter().map(|f| f.to_vec()[k]).collect();
                let (low, high) = (
                    values.iter().copied().fold(f32::MAX, f32::min),
                    values.iter().copied().fold(f32::MIN, f32::max),
                );
                let (from, to) = Attributes::RANGES[k];
                assert!(low >= from && high <= to, "{attribute} {low} {high}");
                if *attribute == name {
                    // At least half a period is seen, so a good part of the way.
                    assert!(
                        high - low > 0.3 * (to - from),
                        "{attribute} goes from {low} to {high}"
                    );
                } else {
                    assert_eq!(low, high, "{attribute} stays");
                }
            }
        }
        assert!(seen.iter().all(|&n| n > 8), "{seen:?}");
    }

    #[test]
    fn shorter_videos_are_beginnings() {
        let [long, short] = [9, 4].map(|t| {
            MovingPortraits::new([8, 10], t, 1, "train", 5)
                .unwrap()
                .get(2)
                .unwrap()
        });
        let (Values::Bytes(long), Values::Bytes(short)) = (long.values, short.values) else {
            panic!("bytes")
        };
        assert_eq!((long.len(), &long[..4 * 240]), (9 * 240, &short[..]));
        let other = MovingPortraits::new([8, 10], 4, 1, "test", 5)
            .unwrap()
            .get(2)
            .unwrap();
        assert_ne!(other.values, Values::Bytes(short));
    }
}
