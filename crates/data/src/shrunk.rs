//! Pairs for super-resolution of any source of images: the image shrunk and blown up again, and the image.
use super::{DataInfo, Dataset, Item, Kind, Values};
use crate::error::{Error, Result};
use std::sync::Arc;

/// See the module. The left image has one colour in every square of `side` pixels: the mean of the right one's, as a camera with
/// fewer pixels sees it. What remains of a square at the edge has its own mean.
pub(crate) struct Shrunk {
    info: DataInfo,
    base: Arc<dyn Dataset>,
    side: usize,
}

impl Shrunk {
    /// How often shorter a side is unless the name says otherwise.
    pub(crate) const SIDE: usize = 4;

    /// The source whose images are meant, and how often shorter their sides become, where it is a name of such a set:
    /// `shrunk:SOURCE`, `shrunk=8:SOURCE`.
    ///
    /// # Errors
    /// [`Error::Usage`] where it is no number of pixels.
    pub(crate) fn named(name: &str) -> Result<Option<(usize, &str)>> {
        let Some(rest) = name.strip_prefix("shrunk") else {
            return Ok(None);
        };
        if let Some(source) = rest.strip_prefix(':') {
            return Ok(Some((Self::SIDE, source)));
        }
        let Some((number, source)) = rest.strip_prefix('=').and_then(|r| r.split_once(':')) else {
            return Ok(None);
        };
        match number.parse() {
            Ok(side @ 2..=64) => Ok(Some((side, source))),
            _ => Err(Error::usage(
                format!("`{number}` is no number of times to shrink by"),
                format!("give 2 to 64, as in shrunk=8:{source}"),
            )),
        }
    }

    /// Of the images of `base`.
    ///
    /// # Errors
    /// [`Error::Data`] when `base` holds no images, or such as are smaller than a square.
    pub(crate) fn new(base: Arc<dyn Dataset>, side: usize) -> Result<Self> {
        let from = base.info();
        let name = format!("shrunk={side}:{}", from.source);
        if from.kind != Kind::Image {
            let problem = format!("`{}` holds {}, no images", from.source, from.kind.plural());
            return Err(Error::data(name, problem, "give a source of images"));
        }
        let [h, w, c] = [from.shape[0], from.shape[1], from.shape[2]];
        if h.min(w) < side {
            let problem = format!("images of {h}x{w} cannot be shrunk {side} times");
            return Err(Error::data(
                name,
                problem,
                "give a smaller number, or a larger --size",
            ));
        }
        let info = DataInfo {
            source: name,
            kind: Kind::Pair,
            shape: vec![h, w, 2 * c],
            ..from.clone()
        };
        Ok(Shrunk { info, base, side })
    }

    fn paired<T: Copy>(&self, v: &[T], to: impl Fn(T) -> f64, of: impl Fn(f64) -> T) -> Vec<T> {
        let (side, [h, w, c]) = (self.side, [0, 1, 2].map(|i| self.info.shape[i]));
        let c = c / 2;
        let mut out = Vec::with_capacity(2 * v.len());
        let across = w.div_ceil(side);
        let means: Vec<f64> = (0..h.div_ceil(side) * across * c)
            .map(|i| {
                let (row, column, channel) = (i / c / across * side, i / c % across * side, i % c);
                let (rows, columns) = (row..(row + side).min(h), column..(column + side).min(w));
                let count = (rows.len() * columns.len()) as f64;
                let sum: f64 = rows
                    .flat_map(|y| columns.clone().map(move |x| (y * w + x) * c + channel))
                    .map(|at| to(v[at]))
                    .sum();
                sum / count
            })
            .collect();
        for (i, pixel) in v.chunks_exact(c).enumerate() {
            let square = i / w / side * across + i % w / side;
            out.extend(means[square * c..][..c].iter().map(|m| of(*m)));
            out.extend_from_slice(pixel);
        }
        out
    }
}

impl Dataset for Shrunk {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn get(&self, index: usize) -> Result<Item> {
        let item = self.base.get(index)?;
        let values = match &item.values {
            Values::Bytes(v) => Values::Bytes(self.paired(v, f64::from, |m| m.round() as u8)),
            Values::Floats(v) => Values::Floats(self.paired(v, f64::from, |m| m as f32)),
        };
        Ok(Item { values, ..item })
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
    fn the_left_image_has_the_means_of_the_right_one() {
        let source = |name: &str| Source {
            size: vec![10, 13],
            limit: 3,
            ..Source::parse(name)
        };
        let set = source("shrunk=4:portraits").open().unwrap().dataset;
        let base = source("portraits").open().unwrap().dataset;
        assert_eq!(
            (set.info().kind, &set.info().shape[..], set.info().count),
            (Kind::Pair, &[10, 13, 6][..], 3)
        );
        assert_eq!(set.info().attributes, base.info().attributes);
        let (item, image) = (set.get(1).unwrap(), base.get(1).unwrap());
        let (Values::Bytes(v), Values::Bytes(face)) = (&item.values, &image.values) else {
            panic!("bytes")
        };
        let right: Vec<u8> = v.chunks_exact(6).flat_map(|p| p[3..].to_vec()).collect();
        assert_eq!(&right, face);
        // A whole square, and the last one, which is 2 rows and 1 column of what there is.
        for (rows, columns) in [(0..4, 4..8), (8..10, 12..13)] {
            let cells: Vec<(usize, usize)> =
                rows.flat_map(|y| columns.clone().map(move |x| (y, x))).collect();
            let at = |&(y, x): &(usize, usize), c: usize| v[(y * 13 + x) * 6 + c];
            let mean = cells.iter().map(|p| at(p, 4) as f64).sum::<f64>() / cells.len() as f64;
            assert!(
                cells.iter().all(|p| (at(p, 1) as f64 - mean).abs() <= 0.5),
                "{mean}"
            );
        }
        assert_eq!((item.label, item.caption), (image.label, image.caption));
    }

    #[test]
    fn what_cannot_be_shrunk_is_refused() {
        for (name, part) in [
            ("shrunk=0:digits", "`0`"),
            ("shrunk=x:digits", "`x`"),
            ("shrunk=16:digits", "8x8"),
            ("shrunk:ring8", "points"),
        ] {
            let e = Source::parse(name).open().err().unwrap().to_string();
            assert!(e.contains(part) && !e.contains('\n'), "{name}: {e}");
        }
    }
}
