//! Data sets of NumPy's arrays, as many are published: images or points, and labels beside them, in one archive
//! (`numpy.savez`, packed or not) or in a file each.
use super::bundle::{Bundle, Member, SPLITS, USUAL, pairs};
use super::source::Source;
use super::{DataInfo, Dataset, Item, classes, npy, split, walk};
use crate::error::{Error, Result, nearest};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Arrays of items one after the other, and what others say of the items.
struct Joined {
    info: DataInfo,
    sets: Vec<Arc<dyn Dataset>>,
    /// empty when items have none
    labels: Vec<Option<u32>>,
    /// of all items, one after the other
    attributes: Vec<f32>,
}

/// An array of items, and that of their labels.
#[derive(Clone, Copy)]
struct Pair<'a> {
    x: &'a Member,
    y: Option<&'a Member>,
}

/// What an array says of each item.
enum Said {
    Nothing,
    /// names of classes
    Names(Vec<String>),
    /// several numbers an item
    Numbers {
        of: usize,
        values: Vec<f32>,
    },
}

/// The set in an archive, in a file of one array or in a folder of such: `data.array` where it is given; of a split where
/// arrays are named by splits (`x_train`, `train_images`, ...), otherwise the array `x`, `images`, `data` or `arr_0`, or
/// the one that looks most like items. Labels are the array named so in the same way. What is not used is told.
pub(super) fn open(path: &Path, source: &Source, warnings: &mut Vec<String>) -> Result<Arc<dyn Dataset>> {
    let (bundle, own) = match path.is_dir() {
        true => (Bundle::of_folder(path, source)?, None),
        false => Bundle::of_file(path, &source.array, warnings)?,
    };
    let split = &source.split[..];
    let (train, test) = (
        bundle.of_part("train"),
        bundle.of_part("test").or_else(|| bundle.of_part("val")),
    );
    let (sets, other) = match (train, test) {
        _ if own.is_some() || !source.array.is_empty() => {
            split::undivided(path, split)?;
            (vec![bundle.named(own.as_deref().unwrap_or(&source.array))?], None)
        }
        (None, None) => {
            split::undivided(path, split)?;
            (vec![bundle.only(warnings)?], None)
        }
        (None, _) if split == "train" => return Err(split::no_train(path)),
        (_, None) if split == "test" => return Err(split::no_test(path)),
        (train, test) => match split {
            "train" => (train.into_iter().collect(), test),
            "test" => (test.into_iter().collect(), train),
            _ => (train.into_iter().chain(test).collect::<Vec<_>>(), None),
        },
    };
    let used = sets.iter().chain(&other).flat_map(|p| [Some(p.x), p.y]).flatten();
    bundle.say_unused(&used.collect::<Vec<_>>(), warnings)?;
    let elsewhere = match other {
        Some(pair) => match bundle.labels(pair, &mut vec![])? {
            Said::Names(names) => names,
            _ => vec![],
        },
        None => vec![],
    };
    Joined::of(&bundle, &sets, elsewhere, warnings)
}

impl Bundle {
    /// Two arrays of these names, the second where it is there and has a row an item.
    fn pair(&self, x: &str, y: &str) -> Option<Pair<'_>> {
        let x = self.find(x)?;
        let fits = |m: &&Member| m.array.shape.first() == x.array.shape.first() && may_label(m);
        // Labels of another number are a fault that reading them names.
        let meant = |m: &&Member| m.array.shape.len() == 1 || self.files && may_label(m);
        let y = self.find(y).filter(fits).or_else(|| self.find(y).filter(meant));
        Some(Pair { x, y })
    }

    fn of_part(&self, part: &str) -> Option<Pair<'_>> {
        SPLITS
            .iter()
            .find_map(|(x, y)| self.pair(&x.replace('*', part), &y.replace('*', part)))
    }

    /// The array that a recipe or a file's name names.
    fn named(&self, name: &str) -> Result<Pair<'_>> {
        let known = pairs().find(|(x, y)| x.eq_ignore_ascii_case(name) && self.find(y).is_some());
        match self.find(name) {
            Some(x) => Ok(known
                .and_then(|(x, y)| self.pair(&x, &y))
                .unwrap_or(Pair { x, y: None })),
            None => Err(Error::recipe(
                "data.array",
                format!("{} has no array of numbers `{name}`", self.place.display()),
                nearest(name, self.members.iter().map(|m| &m.name[..])),
            )),
        }
    }

    /// The array of a usual name; otherwise the only one that can be items, or the one that looks most like it, which is
    /// told.
    fn only(&self, warnings: &mut Vec<String>) -> Result<Pair<'_>> {
        if let Some((x, y)) = USUAL.iter().find(|(x, _)| self.find(x).is_some()) {
            let of_x = USUAL.iter().filter(|(other, _)| other == x);
            let there = of_x.map(|(_, y)| *y).find(|y| self.find(y).is_some());
            return self.pair(x, there.unwrap_or(y)).map_or_else(|| self.named(x), Ok);
        }
        let fits = |m: &Member| npy::describe(&m.file, &m.array);
        let mut able: Vec<&Member> = self.members.iter().filter(|m| fits(m).is_ok()).collect();
        // Images before points, then those that are larger; of equals, the first.
        able.sort_by_key(|m| (m.array.shape.len() < 3, std::cmp::Reverse(m.array.bytes)));
        match able[..] {
            [] => {
                let first = &self.members[0];
                Err(fits(first).err().unwrap_or_else(|| {
                    let problem = format!("{} holds no items", self.said(first));
                    Error::data(&self.place, problem, "write it with numpy.savez")
                }))
            }
            [x] => Ok(Pair { x, y: None }),
            [x, ..] => {
                warnings.push(format!(
                    "{}: {} of shape {:?} is taken for the items (data.array names another)",
                    self.place.display(),
                    self.said(x),
                    x.array.shape
                ));
                Ok(Pair { x, y: None })
            }
        }
    }

    /// Tells what is not used: of a folder its other files, of an archive its other arrays.
    fn say_unused(&self, used: &[&Member], warnings: &mut Vec<String>) -> Result<()> {
        if self.files {
            let used: Vec<PathBuf> = used.iter().map(|m| m.file.clone()).collect();
            return match self.place.is_dir() {
                true => walk::say_rest(&self.place, &used, warnings),
                false => Ok(()),
            };
        }
        let numbers = self
            .members
            .iter()
            .map(|m| (&m.name, format!("`{}` {:?}", m.name, m.array.shape)));
        let others = self.others.iter().map(|n| (n, format!("`{n}`")));
        let rest: Vec<String> = numbers
            .chain(others)
            .filter(|(n, _)| !used.iter().any(|m| m.name == **n))
            .map(|(_, said)| said)
            .collect();
        if !rest.is_empty() {
            let n = rest.len();
            let shown = rest[..n.min(10)].join(", ") + if n > 10 { ", ..." } else { "" };
            warnings.push(format!("{}: not used: {n} arrays: {shown}", self.place.display()));
        }
        Ok(())
    }

    /// What the second of two arrays says of the items of the first: the name of each item's class where it holds one word
    /// or number an item, or one 1 among zeros, which is told; other numbers of several an item.
    ///
    /// # Errors
    /// [`Error::Data`] for another count than that of the items, and for numbers that are no labels.
    fn labels(&self, pair: Pair, warnings: &mut Vec<String>) -> Result<Said> {
        let Some(y) = pair.y else {
            return Ok(Said::Nothing);
        };
        let count_of = |m: &Member| m.array.shape.first().copied().unwrap_or(0);
        let (items, count) = (count_of(pair.x), count_of(y));
        if count != items {
            let place = if self.files {
                format!(" in {}", self.said(y))
            } else {
                String::new()
            };
            let problem = format!(
                "{} has {items} items, there are {count} labels{place}",
                self.said(pair.x)
            );
            return Err(Error::data(&self.place, problem, "write both arrays again"));
        }
        let (array, bytes) = y.content()?;
        let of: usize = array.shape.iter().skip(1).product();
        let fix = "labels are words or whole numbers, one an item";
        if of == 1 {
            return match array.kind.names(&bytes) {
                Some(names) => Ok(Said::Names(names)),
                None if self.files => {
                    warnings.push(format!(
                        "{}: not used: it does not hold labels but {}",
                        y.file.display(),
                        array.kind.said()
                    ));
                    Ok(Said::Nothing)
                }
                None => {
                    let problem = format!("{} does not hold labels but {}", self.said(y), array.kind.said());
                    let fix = format!("{fix}; give measurements another name");
                    Err(Error::data(&self.place, problem, fix))
                }
            };
        }
        let numbers = array.kind.numbers(&bytes);
        if of == 0 || of > 1 << 10 || numbers.len() != of * count || numbers.iter().any(|v| !v.is_finite()) {
            let problem = format!("{} of shape {:?} holds no labels", self.said(y), array.shape);
            return Err(Error::data(&self.place, problem, fix));
        }
        let hot = |row: &[f32]| {
            let alone = row.iter().all(|v| *v == 0.0 || *v == 1.0) && row.iter().sum::<f32>() == 1.0;
            alone.then(|| row.iter().position(|v| *v == 1.0).unwrap_or_default().to_string())
        };
        let names: Option<Vec<String>> = numbers.chunks(of).map(hot).collect();
        Ok(match names {
            Some(names) => {
                warnings.push(format!(
                    "{}: {} has one 1 in every row: its place is taken for the class",
                    self.place.display(),
                    self.said(y)
                ));
                Said::Names(names)
            }
            None => Said::Numbers { of, values: numbers },
        })
    }
}

/// Whether an array may say something of each item: a word or numbers. What has more axes is an image of its own.
fn may_label(member: &Member) -> bool {
    member.array.shape.iter().skip(2).all(|&n| n == 1)
}

impl Joined {
    /// The items of pairs of arrays; `elsewhere` are the classes of those of the other part.
    fn of(
        bundle: &Bundle,
        pairs: &[Pair],
        elsewhere: Vec<String>,
        warnings: &mut Vec<String>,
    ) -> Result<Arc<dyn Dataset>> {
        let place = &bundle.place;
        let mut sets = Vec::new();
        let (mut names, mut attributes, mut columns) = (Vec::new(), Vec::new(), Vec::new());
        for pair in pairs {
            sets.push(pair.x.items(warnings)?);
            match bundle.labels(*pair, warnings)? {
                Said::Nothing => {}
                Said::Names(more) => names.extend(more),
                Said::Numbers { of, values } => {
                    let name = pair.y.map_or("", |y| &y.name);
                    columns.push((0..of).map(|k| format!("{name}[{k}]")).collect::<Vec<_>>());
                    attributes.extend(values);
                }
            }
        }
        let Some(first) = sets.first() else {
            return Err(Error::data(place, "has no arrays", "write it with numpy.savez"));
        };
        let mut info = DataInfo {
            source: place.display().to_string(),
            ..first.info().clone()
        };
        info.count = sets.iter().map(|s| s.info().count).sum();
        for other in sets.iter().skip(1).map(|s| s.info()) {
            // Of bytes or not: their ranges tell.
            let bytes = |i: &DataInfo| i.range == (0.0, 255.0);
            if other.shape != info.shape || bytes(other) != bytes(&info) {
                let problem = "its splits differ in shape or type";
                return Err(Error::data(place, problem, "open one at a time with --split"));
            }
            info.range = (info.range.0.min(other.range.0), info.range.1.max(other.range.1));
        }
        // One part without them leaves both without.
        let all_have = columns.len() == sets.len() && columns.iter().all(|c| c.len() == columns[0].len());
        match all_have {
            true => info.attributes = columns.swap_remove(0),
            false => attributes.clear(),
        }
        let mut labels = vec![];
        if names.len() == info.count {
            let named = |n: &String| Some(n.clone()).filter(|n| !classes::is_missing(n));
            let all: Vec<Option<String>> = elsewhere.iter().chain(&names).map(named).collect();
            let (names, mut numbers) = classes::by_name(&all);
            labels = numbers.split_off(elsewhere.len());
            info.labels = names;
        }
        Ok(Arc::new(Joined {
            info,
            sets,
            labels,
            attributes,
        }))
    }
}

impl Dataset for Joined {
    fn info(&self) -> &DataInfo {
        &self.info
    }
    fn label(&self, index: usize) -> Option<u32> {
        self.labels.get(index).copied().flatten()
    }
    fn get(&self, index: usize) -> Result<Item> {
        let (mut set, mut within) = (0, index);
        while within >= self.sets[set].info().count && set + 1 < self.sets.len() {
            within -= self.sets[set].info().count;
            set += 1;
        }
        let of = self.info.attributes.len();
        Ok(Item {
            label: self.label(index),
            attributes: self.attributes[index * of..(index + 1) * of].to_vec(),
            ..self.sets[set].get(within)?
        })
    }
}
