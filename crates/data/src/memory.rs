//! Data sets in memory, and data sets made of others: the first items, the prepared items, the kept items.
use super::resize::Preparation;
use super::{DataInfo, Dataset, Density, Item, Kind, Values};
use crate::error::Result;
use crate::random::Key;
use flate2::Compression;
use flate2::read::{DeflateDecoder, DeflateEncoder};
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// Memory that the kept items of a set may take.
const KEPT_BYTES: usize = 64 << 20;
/// What an item takes besides its values.
const OVERHEAD: usize = 128;

/// Items of one shape, one after the other.
pub(super) struct Stored {
    pub info: DataInfo,
    pub values: Values,
    /// empty when items have none
    pub labels: Vec<Option<u32>>,
    /// of all items, one after the other
    pub attributes: Vec<f32>,
}

impl Dataset for Stored {
    fn info(&self) -> &DataInfo {
        &self.info
    }
    fn label(&self, index: usize) -> Option<u32> {
        self.labels.get(index).copied().flatten()
    }
    fn get(&self, index: usize) -> Result<Item> {
        let n = self.info.numbers();
        let at = index * n..(index + 1) * n;
        let values = match &self.values {
            Values::Bytes(v) => Values::Bytes(v[at].to_vec()),
            Values::Floats(v) => Values::Floats(v[at].to_vec()),
        };
        let of = self.info.attributes.len();
        Ok(Item {
            values,
            label: self.labels.get(index).copied().flatten(),
            attributes: self.attributes[index * of..(index + 1) * of].to_vec(),
            caption: None,
        })
    }
}

/// Some items of another set, or all of them, with the shares of their classes.
pub(super) struct Part {
    info: DataInfo,
    base: Arc<dyn Dataset>,
    /// which items; None for the first so many
    items: Option<Vec<u32>>,
}

impl Part {
    /// The first `limit` of `items` (of all where there are none named); all of them when they are no more, or `limit`
    /// is 0.
    pub(crate) fn of(base: Arc<dyn Dataset>, items: Option<Vec<u32>>, limit: usize) -> Arc<dyn Dataset> {
        let there = items.as_ref().map_or(base.info().count, Vec::len);
        let count = if limit == 0 { there } else { limit.min(there) };
        let mut part = Part {
            info: DataInfo {
                count,
                ..base.info().clone()
            },
            base,
            items,
        };
        part.info.shares = part.shares();
        if count == part.base.info().count && part.info == *part.base.info() {
            return part.base;
        }
        Arc::new(part)
    }

    /// The shares of the classes; none where a class is not known before its item is read.
    fn shares(&self) -> Vec<f64> {
        if self.info.labels.is_empty() {
            return vec![];
        }
        let mut counts = vec![0usize; self.info.labels.len()];
        let labels = (0..self.info.count).filter_map(|i| self.label(i));
        labels.for_each(|l| counts[l as usize] += 1);
        match counts.iter().any(|&n| n > 0) {
            true => counts
                .into_iter()
                .map(|n| n as f64 / self.info.count as f64)
                .collect(),
            false => vec![],
        }
    }

    fn at(&self, index: usize) -> usize {
        self.items.as_ref().map_or(index, |items| items[index] as usize)
    }
}

impl Dataset for Part {
    fn info(&self) -> &DataInfo {
        &self.info
    }
    fn get(&self, index: usize) -> Result<Item> {
        self.base.get(self.at(index))
    }
    fn label(&self, index: usize) -> Option<u32> {
        self.base.label(self.at(index))
    }
    fn side_counts(&self) -> [usize; 2] {
        self.base.side_counts().map(|n| n.min(self.info.count))
    }
    fn order(&self, key: Key) -> Option<Vec<u32>> {
        let order = self.base.order(key)?;
        let mut place = vec![u32::MAX; self.base.info().count];
        (0..self.info.count).for_each(|i| place[self.at(i)] = i as u32);
        let of_part = order.into_iter().map(|i| place[i as usize]);
        let order: Vec<u32> = of_part.filter(|&i| i != u32::MAX).collect();
        // Where an item stands in the part more than once, the base's order does not have all of them.
        (order.len() == self.info.count).then_some(order)
    }
    fn reach(&self) -> u64 {
        self.base.reach()
    }
    fn soon(&self, index: usize) {
        self.base.soon(self.at(index))
    }
    fn warnings(&self) -> Vec<String> {
        self.base.warnings()
    }
    fn attributes_of(&self, values: &[f32]) -> Option<Vec<f32>> {
        self.base.attributes_of(values)
    }
    fn log_probability(&self, values: &[f32]) -> Option<f64> {
        self.base.log_probability(values)
    }
    fn density(&self) -> Option<&dyn Density> {
        self.base.density()
    }
}

/// Images, or frames of videos, of another set, with other channels or another size.
pub(super) struct Prepared {
    info: DataInfo,
    base: Arc<dyn Dataset>,
    preparation: Preparation,
}

impl Prepared {
    /// `base` with its images prepared; `base` itself when nothing is to be done.
    pub(crate) fn wrap(base: Arc<dyn Dataset>, preparation: Preparation) -> Result<Arc<dyn Dataset>> {
        let info = base.info();
        if !matches!(info.kind, Kind::Image | Kind::Video) {
            return Ok(base);
        }
        let (before, [h, w, c]) = frame_of(info);
        // Four stored channels need not be colours, so that they are composited only where it was asked for.
        let channels = if preparation.channels == 0 {
            c
        } else {
            preparation.channels
        };
        if channels != c && !matches!(c, 1 | 3 | 4) {
            let fix = format!("leave out --channels to use all {c}");
            return Err(crate::Error::data(
                &info.source,
                format!("images of {c} channels cannot become {channels}"),
                fix,
            ));
        }
        let [th, tw] = preparation.size.unwrap_or([h, w]);
        if [th, tw, channels] == [h, w, c] {
            return Ok(base);
        }
        let info = DataInfo {
            shape: [before, &[th, tw, channels]].concat(),
            ..info.clone()
        };
        let set = Arc::new(Prepared {
            info,
            base,
            preparation: Preparation {
                channels,
                ..preparation
            },
        });
        Ok(Cached::wrap(set, false))
    }
}

impl Prepared {
    /// Prepares frame after frame.
    fn each<T>(
        &self,
        shape: [usize; 3],
        frames: impl Iterator<Item = Values>,
        take: impl Fn(Values) -> Vec<T>,
    ) -> Vec<T> {
        frames
            .flat_map(|f| take(self.preparation.apply(shape, &f)))
            .collect()
    }
}

/// The axes before those of an image, and those of an image: `[height, width, channel]`.
fn frame_of(info: &DataInfo) -> (&[usize], [usize; 3]) {
    let (before, image) = info.shape.split_at(info.shape.len() - 3);
    (before, [image[0], image[1], image[2]])
}

impl Dataset for Prepared {
    fn info(&self) -> &DataInfo {
        &self.info
    }
    fn get(&self, index: usize) -> Result<Item> {
        let item = self.base.get(index)?;
        let (_, shape) = frame_of(self.base.info());
        let n = shape.iter().product();
        let values = match &item.values {
            all if all.len() == n => self.preparation.apply(shape, all),
            Values::Bytes(frames) => Values::Bytes(self.each(
                shape,
                frames.chunks_exact(n).map(|f| Values::Bytes(f.to_vec())),
                |v| match v {
                    Values::Bytes(v) => v,
                    Values::Floats(_) => vec![],
                },
            )),
            Values::Floats(frames) => Values::Floats(self.each(
                shape,
                frames.chunks_exact(n).map(|f| Values::Floats(f.to_vec())),
                |v| match v {
                    Values::Floats(v) => v,
                    Values::Bytes(_) => vec![],
                },
            )),
        };
        Ok(Item { values, ..item })
    }
    fn label(&self, index: usize) -> Option<u32> {
        self.base.label(index)
    }
    fn order(&self, key: Key) -> Option<Vec<u32>> {
        self.base.order(key)
    }
    fn reach(&self) -> u64 {
        self.base.reach()
    }
    fn soon(&self, index: usize) {
        self.base.soon(index)
    }
    fn warnings(&self) -> Vec<String> {
        self.base.warnings()
    }
}

/// Another set whose items are kept once they have been asked for.
pub(super) struct Cached {
    base: Arc<dyn Dataset>,
    items: Vec<OnceLock<Item>>,
    packed: bool,
    kept: AtomicUsize,
}

impl Cached {
    /// Keeps the items of `base`: as they are when all fit into [`KEPT_BYTES`]; otherwise, when they are `costly` to
    /// make, packed while there is room. Unpacking takes about as long as decoding a PNG file of that size, so that it
    /// pays only there.
    pub(crate) fn wrap(base: Arc<dyn Dataset>, costly: bool) -> Arc<dyn Dataset> {
        let info = base.info();
        let bytes = info.range == (0.0, 255.0);
        let all = info
            .count
            .saturating_mul(info.numbers().saturating_mul(if bytes { 1 } else { 4 }) + OVERHEAD);
        let packed = all > KEPT_BYTES;
        if packed && !(costly && bytes) {
            return base;
        }
        let items = std::iter::repeat_with(OnceLock::new).take(info.count).collect();
        Arc::new(Cached {
            base,
            items,
            packed,
            kept: AtomicUsize::new(0),
        })
    }

    /// Keeps an item, unless there is no room left for it.
    fn keep(&self, index: usize, item: &Item) {
        if !self.packed {
            self.items[index].get_or_init(|| item.clone());
            return;
        }
        if self.kept.load(Ordering::Relaxed) > KEPT_BYTES {
            return;
        }
        let packed = pack(item);
        let size = packed.values.len()
            + 4 * item.attributes.len()
            + item.caption.as_ref().map_or(0, String::len)
            + OVERHEAD;
        self.kept.fetch_add(size, Ordering::Relaxed);
        self.items[index].get_or_init(|| packed);
    }
}

/// An item with its bytes packed.
fn pack(item: &Item) -> Item {
    let Values::Bytes(bytes) = &item.values else {
        return item.clone();
    };
    let mut packed = Vec::new();
    let read = DeflateEncoder::new(&bytes[..], Compression::fast()).read_to_end(&mut packed);
    // Memory does not fail to be read.
    debug_assert!(read.is_ok());
    packed.shrink_to_fit();
    Item {
        values: Values::Bytes(packed),
        label: item.label,
        attributes: item.attributes.clone(),
        caption: item.caption.clone(),
    }
}

/// The item that `packed` was made of.
fn unpack(packed: &Item, length: usize) -> Item {
    let Values::Bytes(deflated) = &packed.values else {
        return packed.clone();
    };
    let mut bytes = Vec::with_capacity(length);
    let read = DeflateDecoder::new(&deflated[..]).read_to_end(&mut bytes);
    debug_assert!(read.is_ok());
    Item {
        values: Values::Bytes(bytes),
        label: packed.label,
        attributes: packed.attributes.clone(),
        caption: packed.caption.clone(),
    }
}

impl Dataset for Cached {
    fn info(&self) -> &DataInfo {
        self.base.info()
    }
    fn get(&self, index: usize) -> Result<Item> {
        match (self.items[index].get(), self.packed) {
            (Some(item), false) => Ok(item.clone()),
            (Some(item), true) => Ok(unpack(item, self.info().numbers())),
            (None, _) => {
                let item = self.base.get(index)?;
                self.keep(index, &item);
                Ok(item)
            }
        }
    }
    fn label(&self, index: usize) -> Option<u32> {
        self.base.label(index)
    }
    fn side_counts(&self) -> [usize; 2] {
        self.base.side_counts()
    }
    fn order(&self, key: Key) -> Option<Vec<u32>> {
        self.base.order(key)
    }
    fn reach(&self) -> u64 {
        self.base.reach()
    }
    fn soon(&self, index: usize) {
        self.base.soon(index)
    }
    fn warnings(&self) -> Vec<String> {
        self.base.warnings()
    }
    fn attributes_of(&self, values: &[f32]) -> Option<Vec<f32>> {
        self.base.attributes_of(values)
    }
    fn log_probability(&self, values: &[f32]) -> Option<f64> {
        self.base.log_probability(values)
    }
    fn density(&self) -> Option<&dyn Density> {
        self.base.density()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portraits::Portraits;

    /// Counts how often it is asked.
    struct Counted(Portraits, AtomicUsize);
    impl Dataset for Counted {
        fn info(&self) -> &DataInfo {
            self.0.info()
        }
        fn get(&self, index: usize) -> Result<Item> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.get(index)
        }
    }

    #[test]
    fn kept_items_are_the_same_items_made_once() {
        // Few are kept as they are; of more, costly ones packed, cheap ones not at all.
        for (count, costly, made) in [(1000, false, 2), (20_000, true, 2), (20_000, false, 6)] {
            let base = Arc::new(Counted(
                Portraits::new([64, 64], 1, count).unwrap(),
                AtomicUsize::new(0),
            ));
            let set = Cached::wrap(base.clone(), costly);
            for _ in 0..3 {
                for i in [3, 999] {
                    assert_eq!(set.get(i).unwrap(), base.0.get(i).unwrap());
                }
            }
            assert_eq!(base.1.load(Ordering::Relaxed), made, "{count} {costly}");
        }
    }

    #[test]
    fn memory_for_kept_items_is_bounded() {
        let base: Arc<dyn Dataset> = Arc::new(Portraits::new([64, 64], 1, 20_000).unwrap());
        let items = std::iter::repeat_with(OnceLock::new).take(20_000).collect();
        let set = Cached {
            base,
            items,
            packed: true,
            kept: AtomicUsize::new(KEPT_BYTES),
        };
        let kept = |i: usize| set.items[i].get().is_some();
        let (first, second) = (set.get(0).unwrap(), set.get(1).unwrap());
        assert!(kept(0) && !kept(1));
        assert_eq!(
            (set.get(0).unwrap(), set.get(1).unwrap()),
            (first.clone(), second)
        );
        assert!(pack(&first).values.len() < first.values.len() / 2);
    }
}
