//! Two sides of images that do not belong together: `PATH_A::PATH_B`, or a folder with `trainA`, `trainB`, `testA`, `testB`.
use super::domains::beside;
use super::{DataInfo, Dataset, Item, Kind, Source, Values, pairs, split};
use crate::error::{Error, Result};
use crate::random::Key;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Item i is an image of each side, and its class that of the first side's; the shorter side begins again, each time in another
/// order.
pub(super) struct Unpaired {
    info: DataInfo,
    sides: [Arc<dyn Dataset>; 2],
    /// the second side's item for each item, and the first side's
    orders: [Vec<u32>; 2],
}

/// Which is which.
const NAMES: [&str; 2] = ["A", "B"];

/// What a source is, that is given by two places.
pub(super) enum Given {
    /// pairs by the names of files
    Pairs(PathBuf, PathBuf),
    /// two sources of their own
    Sides(Box<[Source; 2]>),
}

impl Source {
    /// What the two places are that it is given by, where it is.
    ///
    /// # Errors
    /// [`Error::Split`] where the part is missing that is asked for; [`Error::Data`] for places that cannot be listed.
    pub(super) fn two_places(&self) -> Result<Option<Given>> {
        let path = Path::new(&self.source);
        if path.exists() {
            return self.side_folders(path);
        }
        let Some((a, b)) = self.source.split_once("::") else {
            return Ok(None);
        };
        let (left, right) = (PathBuf::from(a), PathBuf::from(b));
        let paired = match &self.format[..] {
            "pairs" => true,
            "auto" => left.is_dir() && right.is_dir() && pairs::same_names(&left, &right, &self.split)?,
            _ => false,
        };
        if paired {
            return Ok(Some(Given::Pairs(left, right)));
        }
        let side = |place: &str| Source {
            source: place.into(),
            format: match &self.format[..] {
                "unpaired" => "auto".into(),
                format => format.into(),
            },
            ..self.clone()
        };
        Ok(Some(Given::Sides(Box::new([side(a), side(b)]))))
    }

    /// Of a folder with `trainA` and `trainB` (`testA` and `testB`), unless it is to be read in another way.
    fn side_folders(&self, root: &Path) -> Result<Option<Given>> {
        if !["auto", "unpaired"].contains(&&self.format[..]) || !root.is_dir() {
            return Ok(None);
        }
        let folder = |part: &str, side: &str| {
            [format!("{part}{side}"), format!("{part}{}", side.to_lowercase())]
                .into_iter()
                .map(|name| root.join(name))
                .find(|p| p.is_dir())
        };
        let part = |part: &str| NAMES.map(|side| folder(part, side));
        let (train, test) = (part("train"), part("test"));
        if [&train, &test].iter().all(|p| p.iter().all(Option::is_none)) {
            return match &self.format[..] {
                "unpaired" => Err(Error::data(
                    root,
                    "has no sides to read unpaired images from",
                    "give a folder with trainA and trainB, or two places as A::B",
                )),
                _ => Ok(None),
            };
        }
        let held_out = self.holdout > 0.0;
        let (chosen, split) = match &self.split[..] {
            "train" => (train, "train"),
            "test" if held_out => (train, "test"),
            "test" => (test, "train"),
            _ => {
                let fix = "take one of them by --split train or --split test";
                return Err(Error::data(root, "has its parts in folders of their own", fix));
            }
        };
        match chosen {
            [Some(a), Some(b)] => {
                let side = |place: PathBuf| Source {
                    source: place.display().to_string(),
                    format: "images".into(),
                    split: split.into(),
                    holdout: if held_out { self.holdout } else { 0.0 },
                    ..self.clone()
                };
                Ok(Some(Given::Sides(Box::new([side(a), side(b)]))))
            }
            [None, None] if self.split == "test" => Err(split::no_test(root)),
            [None, None] => Err(split::no_train(root)),
            [a, _] => {
                let (there, missing) = if a.is_some() { ("A", "B") } else { ("B", "A") };
                let problem = format!(
                    "has a folder {}{there}, but no {0}{missing} beside it",
                    self.split
                );
                Err(Error::data(root, problem, "give both sides a folder with images"))
            }
        }
    }

    /// One side of two places, as a source of its own: 0 or 1. None of a source that is not given by two places.
    ///
    /// # Errors
    /// As [`Source::open`] for the places.
    pub fn side(&self, side: usize) -> Result<Option<Source>> {
        Ok(match self.two_places()? {
            Some(Given::Sides(sides)) => Some(sides[side].clone()),
            Some(Given::Pairs(a, b)) => Some(Source {
                source: [a, b][side].display().to_string(),
                format: "images".into(),
                ..self.clone()
            }),
            None => None,
        })
    }
}

impl Unpaired {
    /// Opens both sides.
    ///
    /// # Errors
    /// Those of opening; [`Error::Data`] where a side holds no images, or sides differ in size or channels.
    pub(super) fn open(source: &Source, sides: [Source; 2], warnings: &mut Vec<String>) -> Result<Unpaired> {
        let [a, b] = sides;
        let mut one = |side: &Source| -> Result<Arc<dyn Dataset>> {
            let opened = side.open()?;
            warnings.extend(opened.warnings);
            Ok(opened.dataset)
        };
        let sides = [one(&a)?, one(&b)?];
        Unpaired::of(&source.source, sides, source.seed)
    }

    fn of(name: &str, sides: [Arc<dyn Dataset>; 2], seed: u64) -> Result<Unpaired> {
        for side in &sides {
            if side.info().kind != Kind::Image {
                let problem = format!("holds {}, and a side is of images", side.info().kind.plural());
                return Err(Error::data(
                    &side.info().source,
                    problem,
                    "give a source of images",
                ));
            }
        }
        let [a, b] = sides.each_ref().map(|s| s.info().clone());
        if a.shape != b.shape {
            let size = |i: &DataInfo| i.shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x");
            let problem = format!(
                "its sides differ: {} has images of {}, {} of {}",
                a.source,
                size(&a),
                b.source,
                size(&b)
            );
            let fix = "give one size and number of channels to both, such as --size 64 --channels 3";
            return Err(Error::data(name, problem, fix));
        }
        let count = a.count.max(b.count);
        let key = Key::new(seed).stream("sides");
        let order = |side: usize, n: usize| -> Vec<u32> {
            let key = key.step(side as u64);
            let rounds = count.div_ceil(n.max(1)) as u64;
            // The first side begins in its own order, so that an item's number says which image it is.
            let round = |r: u64| match (side, r) {
                (0, 0) => (0..n as u32).collect(),
                _ => key.step(r).permutation(n),
            };
            (0..rounds).flat_map(round).take(count).collect()
        };
        let [h, w, c] = [a.shape[0], a.shape[1], a.shape[2]];
        let info = DataInfo {
            source: name.into(),
            kind: Kind::Unpaired,
            shape: vec![h, w, 2 * c],
            count,
            attributes: vec![],
            shares: vec![],
            captions: Default::default(),
            columns: vec![],
            ..a.clone()
        };
        Ok(Unpaired {
            info,
            orders: [order(0, a.count), order(1, b.count)],
            sides,
        })
    }
}

impl Dataset for Unpaired {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn get(&self, index: usize) -> Result<Item> {
        let image = |side: usize| self.sides[side].get(self.orders[side][index] as usize);
        let (a, b, channels) = (image(0)?, image(1)?, self.info.shape[2] / 2);
        let values = match (&a.values, &b.values) {
            (Values::Bytes(a), Values::Bytes(b)) => Values::Bytes(beside(a, b, channels)),
            (a, b) => Values::Floats(beside(&a.unit(), &b.unit(), channels)),
        };
        Ok(Item {
            values,
            label: a.label,
            attributes: vec![],
            caption: None,
        })
    }

    fn label(&self, index: usize) -> Option<u32> {
        self.sides[0].label(self.orders[0][index] as usize)
    }

    fn side_counts(&self) -> [usize; 2] {
        self.sides.each_ref().map(|s| s.info().count)
    }

    fn warnings(&self) -> Vec<String> {
        self.sides.iter().flat_map(|s| s.warnings()).collect()
    }
}

/// One side of pairs or of unpaired images, as a set of images; each image of the side is in it once.
pub struct Side<'a> {
    info: DataInfo,
    base: &'a dyn Dataset,
    side: usize,
}

impl<'a> Side<'a> {
    /// Side 0 or 1; None of a set that has no sides.
    pub fn of(base: &'a dyn Dataset, side: usize) -> Option<Side<'a>> {
        let info = base.info();
        let &[h, w, c] = &info.shape[..] else {
            return None;
        };
        info.kind.has_sides().then(|| Side {
            info: DataInfo {
                kind: Kind::Image,
                shape: vec![h, w, c / 2],
                count: base.side_counts()[side],
                labels: vec![],
                shares: vec![],
                attributes: vec![],
                ..info.clone()
            },
            base,
            side,
        })
    }
}

impl Dataset for Side<'_> {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn get(&self, index: usize) -> Result<Item> {
        let item = self.base.get(index)?;
        let c = self.info.shape[2];
        let from = self.side * c;
        let values = match &item.values {
            Values::Bytes(v) => Values::Bytes(cut(v, c, from)),
            Values::Floats(v) => Values::Floats(cut(v, c, from)),
        };
        Ok(Item {
            values,
            label: None,
            attributes: vec![],
            caption: None,
        })
    }
}

/// The channels `from..from + c` of pixels of 2 c channels.
pub(super) fn cut<T: Copy>(v: &[T], c: usize, from: usize) -> Vec<T> {
    v.chunks_exact(2 * c)
        .flat_map(|p| p[from..from + c].iter().copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each side goes through its images in an order of its own; every image of the shorter side comes once a round.
    #[test]
    fn sides_of_different_counts_go_round() {
        let of = |name: &str, limit| Source {
            limit,
            size: vec![8],
            channels: 1,
            ..Source::parse(name)
        };
        let sides = [of("digits", 10), of("fashion", 4)];
        let set = Unpaired::open(&Source::parse("digits::fashion"), sides.clone(), &mut vec![]).unwrap();
        assert_eq!((set.info().count, set.side_counts()), (10, [10, 4]));
        assert_eq!(set.orders[0], (0..10).collect::<Vec<u32>>());
        let rounds: Vec<Vec<u32>> = set.orders[1].chunks(4).map(<[u32]>::to_vec).collect();
        for round in &rounds[..2] {
            let mut all = round.clone();
            all.sort();
            assert_eq!(all, [0, 1, 2, 3]);
        }
        let digits = sides[0].open().unwrap().dataset;
        let clothes = sides[1].open().unwrap().dataset;
        for i in [0, 3, 9] {
            let item = |s: &dyn Dataset, i: usize| s.get(i).unwrap().values;
            assert_eq!(item(&Side::of(&set, 0).unwrap(), i), item(&*digits, i));
            let other = set.orders[1][i] as usize;
            let side = Side::of(&set, 1).unwrap();
            assert_eq!(item(&side, i), item(&*clothes, other));
            assert_eq!(side.info().count, 4);
        }
        let again = Unpaired::of("x", [digits, clothes], 1).unwrap();
        assert_ne!(again.orders[1], set.orders[1], "another seed, another order");
    }
}
