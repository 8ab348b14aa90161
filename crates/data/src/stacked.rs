//! Stacked MNIST made from any source of grey images: three of them, drawn independently, are the channels of one image, so
//! that ten digits make a thousand modes of equal weight.
//!
//! Metz, Poole, Pfau, Sohl-Dickstein (2017), Unrolled Generative Adversarial Networks, arXiv:1611.02163, section 3.3.1.
use super::{DataInfo, Dataset, Item, Kind, Values};
use crate::error::{Error, Result};
use crate::random::Key;
use std::sync::Arc;

/// Channels of an image, each a grey image of its own.
const CHANNELS: usize = 3;

/// Images whose channels are independent: item `i` of a seed is always the same, and a shorter set is the beginning of a
/// longer one.
pub(crate) struct Stacked {
    info: DataInfo,
    base: Arc<dyn Dataset>,
    key: Key,
}

impl Stacked {
    /// Images unless another number is asked for.
    pub(crate) const COUNT: usize = 128_000;

    /// `count` images (0: the usual number) of three of `base` each.
    ///
    /// # Errors
    /// [`Error::Data`] when `base` holds no grey 8-bit images.
    pub(crate) fn new(base: Arc<dyn Dataset>, seed: u64, split: &str, count: usize) -> Result<Self> {
        let from = base.info();
        if from.kind != Kind::Image || from.range != (0.0, 255.0) || from.shape[2] != 1 {
            let problem = format!(
                "`{}` holds no grey 8-bit images that could be stacked",
                from.source
            );
            let fix = "give digits, fashion, IDX files, or a folder of images with --channels 1";
            return Err(Error::data(format!("stacked:{}", from.source), problem, fix));
        }
        let info = DataInfo {
            source: format!("stacked:{}", from.source),
            shape: vec![from.shape[0], from.shape[1], CHANNELS],
            count: if count == 0 { Self::COUNT } else { count },
            labels: vec![],
            attributes: vec![],
            ..from.clone()
        };
        Ok(Stacked {
            info,
            base,
            key: Key::new(seed).stream(if split == "test" {
                "stacked/test"
            } else {
                "stacked"
            }),
        })
    }

    /// Which items of the base are the channels of image `index`.
    fn members(&self, index: usize) -> [usize; CHANNELS] {
        let rng = &mut self.key.step(index as u64).rng();
        [0; CHANNELS].map(|_| rng.below(self.base.info().count))
    }
}

impl Dataset for Stacked {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn get(&self, index: usize) -> Result<Item> {
        let mut values = vec![0u8; self.info.numbers()];
        for (channel, member) in self.members(index).into_iter().enumerate() {
            if let Values::Bytes(image) = self.base.get(member)?.values {
                values[channel..]
                    .iter_mut()
                    .step_by(CHANNELS)
                    .zip(image)
                    .for_each(|(to, v)| *to = v);
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
    fn each_channel_is_an_image_of_the_source() {
        let set = Source::parse("stacked:digits").open().unwrap().dataset;
        let base = Source::parse("digits").open().unwrap().dataset;
        assert_eq!(
            (set.info().shape.clone(), set.info().count),
            (vec![8, 8, 3], Stacked::COUNT)
        );
        let stacked = Stacked::new(base.clone(), 0, "train", 5).unwrap();
        let mut seen = std::collections::HashSet::new();
        for i in 0..5 {
            let item = set.get(i).unwrap();
            assert_eq!(
                stacked.get(i).unwrap(),
                item,
                "a shorter set is the beginning of a longer one"
            );
            let Values::Bytes(v) = item.values else {
                panic!("bytes")
            };
            for (c, m) in stacked.members(i).into_iter().enumerate() {
                let channel: Vec<u8> = v[c..].iter().step_by(3).copied().collect();
                assert_eq!(Values::Bytes(channel), base.get(m).unwrap().values);
                seen.insert(m);
            }
        }
        assert!(seen.len() > 10);
    }

    #[test]
    fn what_cannot_be_stacked_is_refused() {
        for source in ["stacked:portraits", "stacked:ring8", "stacked:tones"] {
            let error = Source::parse(source).open().err().unwrap().to_string();
            assert!(error.contains("could be stacked"), "{error}");
        }
        let grey = Source {
            channels: 1,
            size: vec![16],
            limit: 3,
            ..Source::parse("stacked:portraits")
        };
        let set = grey.open().unwrap().dataset;
        assert_eq!((set.info().shape.clone(), set.info().count), (vec![16, 16, 3], 3));
    }
}
