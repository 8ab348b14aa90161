//! `portraits:turning`: one face a video, which turns by ten degrees a frame to one side, to the other, or not at all.
use super::check_size;
use super::portraits::painted;
use crate::error::{Error, Result};
use crate::portraits::Attributes;
use crate::random::Key;
use crate::{DataInfo, Dataset, Item, Kind};

/// Turning portraits: item `i` of a seed is always the same video.
pub(crate) struct TurningPortraits {
    info: DataInfo,
    key: Key,
}

/// Degrees from frame to frame.
const STEP: f64 = 10.0;
/// Degrees to either side that a head turns at most.
const MOST: f64 = 45.0;
/// The source's name.
pub(crate) const TURNING: &str = "portraits:turning";

impl TurningPortraits {
    /// Videos for training unless another number is asked for.
    pub(crate) const TRAIN: usize = 2_000;
    /// Videos for testing unless another number is asked for.
    pub(crate) const TEST: usize = 200;
    /// Frames unless another number is asked for.
    pub(crate) const FRAMES: usize = 5;
    /// Most frames that the way from one side to the other has.
    const LONGEST: usize = 1 + (2.0 * MOST / STEP) as usize;
    /// Names of the classes: which way it turns, as who looks at it sees it.
    pub(crate) const LABELS: [&'static str; 3] = ["left", "still", "right"];

    /// `count` videos (0: the usual number) of `frames` (0: the usual number) frames of `[height, width]` pixels.
    ///
    /// # Errors
    /// [`Error::Recipe`] for more frames than a head has degrees to turn by, or none, and [`Error::Data`] when a side is 0.
    pub(crate) fn new(
        [height, width]: [usize; 2],
        frames: usize,
        seed: u64,
        split: &str,
        count: usize,
    ) -> Result<Self> {
        let frames = if frames == 0 { Self::FRAMES } else { frames };
        if frames > Self::LONGEST {
            let problem = format!("after {frames} frames of ten degrees a head has turned too far");
            let fix = format!("give --frames {} or fewer", Self::LONGEST);
            return Err(Error::recipe("data.frames", problem, fix));
        }
        check_size(frames, [height, width, 3])?;
        if height == 0 || width == 0 {
            let problem = "cannot be painted without pixels";
            return Err(Error::data(TURNING, problem, "give a --size of 1 or more"));
        }
        let (stream, usual) = match split {
            "test" => ("portraits/test", Self::TEST),
            _ => ("portraits", Self::TRAIN),
        };
        let info = DataInfo {
            source: TURNING.into(),
            kind: Kind::Video,
            shape: vec![frames, height, width, 3],
            count: if count == 0 { usual } else { count },
            range: (0.0, 255.0),
            labels: Self::LABELS.map(String::from).to_vec(),
            attributes: Attributes::NAMES.iter().map(|n| n.to_string()).collect(),
            ..DataInfo::default()
        };
        Ok(TurningPortraits {
            info,
            key: Key::new(seed).stream(stream),
        })
    }

    /// Which way video `index` turns, and the attributes of each of its frames.
    fn faces(&self, index: usize) -> (u32, Vec<Attributes>) {
        let key = self.key.step(index as u64);
        let face = Attributes::draw(key);
        let rng = &mut key.stream("turn").rng();
        let (label, frames) = (rng.below(3), self.info.shape[0]);
        let by = (label as f64 - 1.0) * STEP;
        let whole = by * (frames - 1) as f64;
        // Where a turn begins leaves room for all of it.
        let from = rng.between(-MOST - whole.min(0.0), MOST - whole.max(0.0));
        let frame = |t: usize| Attributes {
            yaw: (from + by * t as f64) as f32,
            ..face
        };
        (label as u32, (0..frames).map(frame).collect())
    }
}

impl Dataset for TurningPortraits {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    /// The video, with the attributes of its first frame.
    fn get(&self, index: usize) -> Result<Item> {
        if index >= self.info.count {
            let fix = format!("the last is {}", self.info.count - 1);
            return Err(Error::data(TURNING, format!("there is no item {index}"), fix));
        }
        let (label, faces) = self.faces(index);
        Ok(painted(label, &faces, [self.info.shape[1], self.info.shape[2]]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_turn_by_ten_degrees_and_nothing_else_moves() {
        let set = TurningPortraits::new([8, 8], 7, 3, "train", 60).unwrap();
        let mut seen = [0; 3];
        for i in 0..60 {
            let (label, faces) = set.faces(i);
            seen[label as usize] += 1;
            let by = [-10.0, 0.0, 10.0][label as usize];
            for pair in faces.windows(2) {
                assert!((pair[1].yaw - pair[0].yaw - by).abs() < 1e-4);
                let back = Attributes {
                    yaw: pair[0].yaw,
                    ..pair[1]
                };
                assert_eq!(back.to_vec(), pair[0].to_vec());
            }
            assert!(faces.iter().all(|f| f.yaw.abs() <= 45.001));
        }
        assert!(seen.iter().all(|n| *n > 8), "{seen:?}");
        assert_eq!(set.get(0).unwrap().values, set.get(0).unwrap().values);
    }

    #[test]
    fn a_turn_that_is_too_long_is_refused() {
        let e = TurningPortraits::new([8, 8], 11, 3, "train", 6).err().unwrap();
        assert!(e.to_string().contains("--frames 10"), "{e}");
    }
}
