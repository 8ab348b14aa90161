//! Moving MNIST made from any source of small images: two of them bounce in a frame.
//!
//! Srivastava, Mansimov, Salakhutdinov (2015), Unsupervised Learning of Video Representations using LSTMs,
//! arXiv:1502.04681, section 3.1.
use super::check_size;
use crate::error::{Error, Result};
use crate::random::Key;
use crate::{DataInfo, Dataset, Item, Kind, Values};
use std::sync::Arc;

/// Images that bounce: item `i` of a seed is always the same video, and a shorter one is the beginning of a longer one.
pub(crate) struct Moving {
    info: DataInfo,
    base: Arc<dyn Dataset>,
    key: Key,
}

/// Where the corner of an image is that runs to and fro between 0 and `room`, `distance` after it was at 0.
fn bounced(distance: f64, room: f64) -> f64 {
    if room <= 0.0 {
        return 0.0;
    }
    let d = distance.rem_euclid(2.0 * room);
    if d > room { 2.0 * room - d } else { d }
}

impl Moving {
    /// Videos unless another number is asked for.
    pub(crate) const COUNT: usize = 10_000;
    /// Frames unless another number is asked for.
    pub(crate) const FRAMES: usize = 20;
    /// Images in a frame.
    const IMAGES: usize = 2;

    /// `count` videos (0: the usual number) of `frames` frames (0: the usual number), each of two images of `base` on a black
    /// frame of `size` (where MNIST's 28 pixels take 64, if it is not given).
    ///
    /// # Errors
    /// [`Error::Data`] when `base` holds no images; [`Error::Recipe`] when they do not fit the frame, or a video would be too
    /// large.
    pub(crate) fn new(
        base: Arc<dyn Dataset>,
        size: Option<[usize; 2]>,
        frames: usize,
        seed: u64,
        split: &str,
        count: usize,
    ) -> Result<Self> {
        let from = base.info();
        if from.kind != Kind::Image || from.range != (0.0, 255.0) {
            let problem = format!("`{}` holds no 8-bit images that could move", from.source);
            return Err(Error::data(
                format!("moving:{}", from.source),
                problem,
                "give digits, fashion, IDX files or a folder of images",
            ));
        }
        let (h, w, c) = (from.shape[0], from.shape[1], from.shape[2]);
        let wide = |side: usize| (side * 16).div_ceil(7).next_multiple_of(4);
        let [fh, fw] = size.unwrap_or([wide(h), wide(w)]);
        if h > fh || w > fw {
            let problem = format!("images of {h}x{w} do not fit a frame of {fh}x{fw}");
            return Err(Error::recipe(
                "data.size",
                problem,
                format!(
                    "give {h}x{w} or more, or leave it out for {}x{}",
                    wide(h),
                    wide(w)
                ),
            ));
        }
        let frames = if frames == 0 { Self::FRAMES } else { frames };
        check_size(frames, [fh, fw, c])?;
        let info = DataInfo {
            source: format!("moving:{}", from.source),
            kind: Kind::Video,
            shape: vec![frames, fh, fw, c],
            count: if count == 0 { Self::COUNT } else { count },
            range: (0.0, 255.0),
            ..DataInfo::default()
        };
        Ok(Moving {
            info,
            base,
            key: Key::new(seed).stream(if split == "test" { "moving/test" } else { "moving" }),
        })
    }
}

impl Dataset for Moving {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn get(&self, index: usize) -> Result<Item> {
        let from = self.base.info();
        let (h, w, c) = (from.shape[0], from.shape[1], from.shape[2]);
        let [frames, fh, fw] = [0, 1, 2].map(|i| self.info.shape[i]);
        let room = [(fh - h) as f64, (fw - w) as f64];
        let mut values = vec![0u8; self.info.numbers()];
        let rng = &mut self.key.step(index as u64).rng();
        for _ in 0..Self::IMAGES {
            let Values::Bytes(image) = self.base.get(rng.below(from.count))?.values else {
                continue;
            };
            let start = [rng.uniform() * 2.0 * room[0], rng.uniform() * 2.0 * room[1]];
            // A direction, and a speed between a twentieth and a ninth of the frame each frame.
            let (angle, speed) = (rng.between(0.0, std::f64::consts::TAU), rng.between(0.05, 0.11));
            let velocity = [angle.sin() * speed * fh as f64, angle.cos() * speed * fw as f64];
            for (t, frame) in values.chunks_exact_mut(fh * fw * c).enumerate().take(frames) {
                let at = [0, 1].map(|i| bounced(start[i] + velocity[i] * t as f64, room[i]).round() as usize);
                for (y, row) in image.chunks_exact(w * c).enumerate() {
                    let to = ((at[0] + y) * fw + at[1]) * c;
                    frame[to..to + w * c]
                        .iter_mut()
                        .zip(row)
                        .for_each(|(old, new)| *old = (*old).max(*new));
                }
            }
        }
        Ok(Item {
            values: Values::Bytes(values),
            label: None,
            attributes: vec![],
            caption: None,
        })
    }

    fn warnings(&self) -> Vec<String> {
        self.base.warnings()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;

    #[test]
    fn a_wall_throws_back() {
        let path: Vec<f64> = (0..9).map(|t| bounced(2.0 + 3.0 * t as f64, 10.0)).collect();
        assert_eq!(path, [2.0, 5.0, 8.0, 9.0, 6.0, 3.0, 0.0, 3.0, 6.0]);
        assert_eq!([bounced(-3.0, 10.0), bounced(5.0, 0.0)], [3.0, 0.0]);
    }

    /// Nothing is lost at the walls: where two images do not lie over each other, a frame has the ink of both.
    #[test]
    fn digits_stay_whole_and_move() {
        let base = Source::parse("digits").open().unwrap().dataset;
        let set = Moving::new(base.clone(), None, 0, 5, "train", 30).unwrap();
        assert_eq!(set.info.shape, [20, 20, 20, 1]);
        let ink = |v: &[u8]| v.iter().map(|&b| b as u64).sum::<u64>();
        let mut moved = 0;
        for i in 0..30 {
            let Values::Bytes(v) = set.get(i).unwrap().values else {
                panic!("bytes")
            };
            let frames: Vec<&[u8]> = v.chunks_exact(400).collect();
            let most = frames.iter().map(|f| ink(f)).max().unwrap();
            let rng = &mut set.key.step(i as u64).rng();
            let first = rng.below(base.info().count);
            (0..4).for_each(|_| assert!(rng.uniform() < 1.0));
            let second = rng.below(base.info().count);
            let of = |i: usize| match base.get(i).unwrap().values {
                Values::Bytes(v) => ink(&v),
                Values::Floats(_) => panic!("bytes"),
            };
            assert!(
                frames
                    .iter()
                    .all(|f| ink(f) >= of(first).max(of(second)) && ink(f) <= of(first) + of(second))
            );
            assert!(most > 0);
            moved += frames.windows(2).filter(|w| w[0] != w[1]).count();
        }
        assert!(moved > 500, "{moved} of 570 steps move something");
    }
}
