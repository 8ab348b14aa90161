//! The images of any source in another look: `negative:SOURCE` and `edges:SOURCE`, two domains with the same classes; and
//! `with-negative:SOURCE`, `with-edges:SOURCE`, both looks together, from which a classifier of both learns. They are what Liu
//! & Tuzel (2016, arXiv:1606.07536, section 4) pair digits with.
use super::source::{Opened, Source};
use super::{DataInfo, Dataset, Item, Kind, Values};
use crate::error::{Error, Result};
use std::sync::Arc;

/// How an image is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// light for dark
    Negative,
    /// how steep brightness is, by Sobel's masks
    Edges,
}

/// Names before the colon: the look, and whether the images as they are stand beside.
const NAMES: [(&str, Look, bool); 4] = [
    ("negative:", Look::Negative, false),
    ("edges:", Look::Edges, false),
    ("with-negative:", Look::Negative, true),
    ("with-edges:", Look::Edges, true),
];

/// The source whose images are changed, where a name says that they are; of two sides each has a name of its own.
pub(crate) fn base_of(source: &str) -> Option<&str> {
    if source.contains("::") {
        return None;
    }
    NAMES.iter().find_map(|(name, ..)| source.strip_prefix(name))
}

/// The changed images of a source whose name says so.
///
/// # Errors
/// Those of [`Source::open`] for the images, and of [`Changed::new`].
pub(crate) fn open(source: &Source) -> Result<Option<Opened>> {
    let Some(images) = base_of(&source.source) else {
        return Ok(None);
    };
    let images = Source {
        source: images.into(),
        ..source.clone()
    }
    .open()?;
    Ok(Some(Opened {
        dataset: Arc::new(Changed::new(&source.source, images.dataset, source.limit)?),
        warnings: images.warnings,
    }))
}

/// See the module. With both looks, item i is image i / 2, changed where i is odd.
pub(crate) struct Changed {
    info: DataInfo,
    base: Arc<dyn Dataset>,
    look: Look,
    beside: bool,
}

impl Changed {
    /// The images of `base` as the name of the source has them.
    ///
    /// # Errors
    /// [`Error::Data`] when `base` holds no 8-bit images.
    pub(crate) fn new(source: &str, base: Arc<dyn Dataset>, limit: usize) -> Result<Changed> {
        let from = base.info();
        if from.kind != Kind::Image || from.range != (0.0, 255.0) {
            let problem = format!("`{}` holds no 8-bit images that could be changed", from.source);
            return Err(Error::data(
                source,
                problem,
                "give digits, fashion, IDX files or a folder of images",
            ));
        }
        let found = NAMES.iter().find(|(name, ..)| source.starts_with(name));
        let (look, beside) = found.map_or((Look::Negative, false), |(_, look, beside)| (*look, *beside));
        let all = from.count * if beside { 2 } else { 1 };
        let info = DataInfo {
            source: source.into(),
            count: if limit == 0 { all } else { all.min(limit) },
            attributes: vec![],
            captions: Default::default(),
            columns: vec![],
            ..from.clone()
        };
        Ok(Changed {
            info,
            base,
            look,
            beside,
        })
    }
}

impl Dataset for Changed {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn get(&self, index: usize) -> Result<Item> {
        let (image, changed) = match self.beside {
            true => (index / 2, index % 2 == 1),
            false => (index, true),
        };
        let item = self.base.get(image)?;
        let values = match (item.values, changed) {
            (Values::Bytes(v), true) => Values::Bytes(match self.look {
                Look::Negative => v.into_iter().map(|v| 255 - v).collect(),
                Look::Edges => edges(&v, [self.info.shape[0], self.info.shape[1], self.info.shape[2]]),
            }),
            (values, _) => values,
        };
        Ok(Item {
            values,
            label: item.label,
            attributes: vec![],
            caption: None,
        })
    }

    fn warnings(&self) -> Vec<String> {
        self.base.warnings()
    }
}

/// The length of each channel's gradient by Sobel's masks, half of it so that a step from black to white is half bright or
/// more; beyond its border an image goes on as at it.
fn edges(image: &[u8], [h, w, c]: [usize; 3]) -> Vec<u8> {
    let at = |y: isize, x: isize, k: usize| {
        let (y, x) = (
            y.clamp(0, h as isize - 1) as usize,
            x.clamp(0, w as isize - 1) as usize,
        );
        f32::from(image[(y * w + x) * c + k])
    };
    let mut out = Vec::with_capacity(image.len());
    for y in 0..h as isize {
        for x in 0..w as isize {
            for k in 0..c {
                let across = |d: isize| at(y - 1, x + d, k) + 2.0 * at(y, x + d, k) + at(y + 1, x + d, k);
                let along = |d: isize| at(y + d, x - 1, k) + 2.0 * at(y + d, x, k) + at(y + d, x + 1, k);
                let (dx, dy) = (across(1) - across(-1), along(1) - along(-1));
                out.push((dx.hypot(dy) / 2.0).min(255.0) as u8);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(item: Item) -> Vec<u8> {
        match item.values {
            Values::Bytes(v) => v,
            Values::Floats(_) => panic!("bytes"),
        }
    }

    #[test]
    fn another_look_keeps_class_and_place() {
        let open = |name: &str| Source::parse(name).open().unwrap().dataset;
        let (base, negative, both) = (open("digits"), open("negative:digits"), open("with-edges:digits"));
        assert_eq!(negative.info().labels, base.info().labels);
        assert_eq!(both.info().count, 2 * base.info().count);
        for i in [0, 7, 100] {
            let (item, other) = (base.get(i).unwrap(), negative.get(i).unwrap());
            assert_eq!(item.label, other.label);
            let sums = bytes(item.clone())
                .iter()
                .zip(bytes(other))
                .map(|(a, b)| u32::from(*a) + u32::from(b))
                .max();
            assert_eq!(sums, Some(255));
            assert_eq!(both.get(2 * i).unwrap(), item);
            let outlined = both.get(2 * i + 1).unwrap();
            assert_eq!(outlined.label, item.label);
            assert_ne!(bytes(outlined), bytes(item));
        }
        // Two domains of one source, in any order, are two sides.
        let sides = open("digits::negative:digits");
        assert_eq!(
            (sides.info().kind, &sides.info().shape[..]),
            (Kind::Unpaired, &[8, 8, 2][..])
        );
        let refused = Source::parse("edges:ring8")
            .open()
            .err()
            .expect("is refused")
            .to_string();
        assert!(
            refused.contains("edges:ring8") && refused.contains("8-bit"),
            "{refused}"
        );
    }

    /// Flat parts have no edges; a border between two has one on both of its sides.
    #[test]
    fn edges_lie_where_brightness_changes() {
        let step: Vec<u8> = (0..20).map(|i| if i % 5 < 2 { 0 } else { 100 }).collect();
        for row in edges(&step, [4, 5, 1]).chunks(5) {
            assert_eq!(row, [0, 200, 200, 0, 0]);
        }
    }
}
