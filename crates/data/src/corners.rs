//! The smallest images that there is anything to say about: 2 x 2 pixels, of which one is white.
use super::{DataInfo, Dataset, Item, Kind, Values};
use crate::error::Result;
use crate::random::Key;

/// What it is called.
pub(super) const NAME: &str = "corners";
/// Pixels of a side.
pub(super) const SIDE: usize = 2;
/// Images where no limit says otherwise; there is always another.
pub(super) const TRAIN: usize = 2000;

/// What the labels say.
const LABELS: [&str; SIDE * SIDE] = ["upper left", "upper right", "lower left", "lower right"];

/// Image i is white in one corner, each as likely as another: ln 4 = 1.386 nats are all there is to know (the four points of Mescheder et
/// al. 2017, arXiv:1701.04722, section 6.1).
pub(super) struct Corners {
    info: DataInfo,
    key: Key,
}

impl Corners {
    /// The test split is another stream of images.
    pub(crate) fn new(seed: u64, split: &str, limit: usize) -> Corners {
        let info = DataInfo {
            source: NAME.to_string(),
            kind: Kind::Image,
            shape: vec![SIDE, SIDE, 1],
            count: if limit == 0 { TRAIN } else { limit },
            range: (0.0, 255.0),
            labels: LABELS.map(String::from).to_vec(),
            ..DataInfo::default()
        };
        let key = Key::new(seed)
            .stream(NAME)
            .stream(if split == "test" { "test" } else { "train" });
        Corners { info, key }
    }

    fn corner(&self, index: usize) -> usize {
        self.key.step(index as u64).rng().below(LABELS.len())
    }
}

impl Dataset for Corners {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn get(&self, index: usize) -> Result<Item> {
        let mut pixels = vec![0; SIDE * SIDE];
        pixels[self.corner(index)] = 255;
        Ok(Item {
            values: Values::Bytes(pixels),
            label: self.label(index),
            attributes: vec![],
            caption: None,
        })
    }

    fn label(&self, index: usize) -> Option<u32> {
        Some(self.corner(index) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One pixel is white, where the label says; each corner is as likely, up to five deviations.
    #[test]
    fn one_pixel_is_white() {
        let set = Corners::new(3, "train", 4000);
        let mut counts = [0usize; 4];
        for i in 0..4000 {
            let item = set.get(i).unwrap();
            let Values::Bytes(pixels) = item.values else {
                panic!("bytes")
            };
            let corner = item.label.unwrap() as usize;
            assert!((0..4).all(|k| pixels[k] == if k == corner { 255 } else { 0 }));
            counts[corner] += 1;
        }
        assert!(counts.iter().all(|n| n.abs_diff(1000) < 137), "{counts:?}");
        let test = Corners::new(3, "test", 4000);
        assert!((0..4000).any(|i| test.corner(i) != set.corner(i)));
    }
}
