//! What a source holds, counted item by item: sizes, channels, labels, duplicates, damage.
use super::image_set::ImageSet;
use super::{DataInfo, Dataset, Kind, Source, Values};
use crate::error::{Error, Result};
use rayon::prelude::*;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// So many sizes, groups of duplicates and damaged items are named.
const NAMED: usize = 20;

/// What a source holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stats {
    /// how it was named
    pub source: String,
    /// what its items are
    pub kind: Kind,
    /// its parts
    pub parts: Vec<PartStats>,
    /// how many items of the test part are items of the training part, too
    pub shared: usize,
    /// what was found on the way
    #[serde(skip)]
    pub warnings: Vec<String>,
}

/// What a part of a source holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PartStats {
    /// "train", "test" or "all"
    pub split: String,
    /// items that can be read
    pub count: usize,
    /// axes of the items without channels, the most frequent first, 20 at most
    pub sizes: Vec<SizeCount>,
    /// how many different sizes there are
    pub different_sizes: usize,
    /// the smallest and the largest size, by the product of its axes
    pub extremes: Option<[Vec<usize>; 2]>,
    /// how many items have so many channels
    pub channels: BTreeMap<usize, usize>,
    /// the classes, in their order
    pub labels: Vec<LabelCount>,
    /// items without a class
    pub unlabelled: usize,
    /// items with a description
    pub captions: usize,
    /// names of the attributes
    pub attributes: Vec<String>,
    /// items whose values are those of an earlier one
    pub duplicates: Duplicates,
    /// items that cannot be read
    pub damaged: Damaged,
}

/// How many items have a size.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SizeCount {
    /// `[height, width]` of images, `[time, height, width]` of videos, ...
    pub size: Vec<usize>,
    /// items of it
    pub count: usize,
}

/// How many items are of a class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabelCount {
    /// its name
    pub name: String,
    /// its items
    pub count: usize,
    /// their share of all items
    pub share: f64,
}

/// Items that are the same, value by value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Duplicates {
    /// items that could be left out
    pub count: usize,
    /// how many of the groups of equal items have more than one class
    pub contradictory: usize,
    /// the first groups, 20 at most, each with the names of its first items
    pub groups: Vec<Vec<String>>,
}

/// Items that cannot be read.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Damaged {
    /// how many
    pub count: usize,
    /// the first, 20 at most, with what is wrong
    pub named: Vec<String>,
}

/// What is kept of an item that was read.
struct Seen {
    hash: [u8; 16],
    shape: Vec<usize>,
    label: Option<u32>,
    captioned: bool,
}

/// Where items come from.
enum Items {
    /// images as they are stored
    Stored(Box<ImageSet>),
    /// items as a training gets them
    Prepared(Arc<dyn Dataset>),
}

/// Reads every item of `splits` ("train", "test", "all"; one that the source has not is passed over, unless it is the only
/// one). Images that are stored one by one are looked at as they are stored unless a size or channels are asked for;
/// everything else as a training gets it. Damage of any share is borne.
///
/// # Errors
/// Those of [`Source::open`].
pub fn stats(source: &Source, splits: &[&str]) -> Result<Stats> {
    let (mut parts, mut warnings, mut kind) = (Vec::new(), Vec::new(), Kind::Image);
    let mut hashes: Vec<HashSet<[u8; 16]>> = Vec::new();
    let mut shared = 0;
    for split in splits {
        let of = Source {
            split: split.to_string(),
            max_bad: 1.0,
            ..source.clone()
        };
        let (items, bad) = match open(&of, &mut warnings) {
            Err(Error::Split { .. }) if splits.len() > 1 => continue,
            opened => opened?,
        };
        kind = items.info().kind;
        let (part, seen) = part(split, &items, bad);
        if let Some(first) = hashes.first() {
            shared += seen.iter().filter(|h| first.contains(*h)).count();
        }
        hashes.push(seen.into_iter().collect());
        parts.push(part);
    }
    if parts.is_empty() {
        return Err(Error::data(
            &source.source,
            "has neither a training nor a test part",
            "give other data",
        ));
    }
    Ok(Stats {
        source: source.source.clone(),
        kind,
        parts,
        shared,
        warnings,
    })
}

fn open(source: &Source, warnings: &mut Vec<String>) -> Result<(Items, Vec<String>)> {
    let as_stored = source.size.is_empty() && source.channels == 0 && source.holdout == 0.0;
    let mut said = Vec::new();
    if let Some(set) = as_stored.then(|| source.stored(&mut said)).transpose()?.flatten() {
        // Damage has a place of its own in the answer.
        warnings.extend(said.into_iter().filter(|w| !set.bad.contains(w)));
        let bad = set.bad.clone();
        return Ok((Items::Stored(Box::new(set)), bad));
    }
    let opened = source.open()?;
    warnings.extend(opened.warnings);
    Ok((Items::Prepared(opened.dataset), vec![]))
}

impl Items {
    fn info(&self) -> &DataInfo {
        match self {
            Items::Stored(set) => set.info(),
            Items::Prepared(set) => set.info(),
        }
    }

    fn name(&self, index: usize) -> String {
        match self {
            Items::Stored(set) => set.name(index),
            Items::Prepared(_) => format!("item {index}"),
        }
    }

    /// Reads an item; what is wrong with it where it cannot be read.
    fn see(&self, index: usize) -> Result<Seen, String> {
        let told = |e: Error| match e {
            Error::Data { place, problem, .. } => format!("{place}: {problem}"),
            other => other.to_string(),
        };
        match self {
            Items::Stored(set) => {
                let pixels = set.stored(index).map_err(told)?;
                let shape = vec![pixels.height, pixels.width, pixels.channels];
                Ok(Seen {
                    hash: hash(&shape, &Values::Bytes(pixels.bytes)),
                    shape,
                    label: set.label(index),
                    captioned: set.caption(index).map_err(told)?.is_some(),
                })
            }
            Items::Prepared(set) => {
                let item = set.get(index).map_err(told)?;
                let shape = set.info().shape.clone();
                Ok(Seen {
                    hash: hash(&shape, &item.values),
                    shape,
                    label: item.label,
                    captioned: item.caption.is_some(),
                })
            }
        }
    }
}

/// The first half of the SHA-256 of shape and values: no two items that differ are taken for one.
fn hash(shape: &[usize], values: &Values) -> [u8; 16] {
    let mut sha = Sha256::new();
    shape.iter().for_each(|n| sha.update((*n as u64).to_le_bytes()));
    match values {
        Values::Bytes(bytes) => sha.update(bytes),
        Values::Floats(floats) => floats.iter().for_each(|v| sha.update(v.to_bits().to_le_bytes())),
    }
    let mut out = [0; 16];
    out.copy_from_slice(&sha.finalize()[..16]);
    out
}

/// Reads all items of a part; what it holds, and the hashes of the items.
fn part(split: &str, items: &Items, bad: Vec<String>) -> (PartStats, Vec<[u8; 16]>) {
    let info = items.info();
    let read: Vec<Result<Seen, String>> = (0..info.count).into_par_iter().map(|i| items.see(i)).collect();
    let mut bad = bad;
    let mut seen = Vec::with_capacity(read.len());
    for (i, item) in read.into_iter().enumerate() {
        match item {
            Ok(item) => seen.push((i, item)),
            Err(problem) => bad.push(problem),
        }
    }
    if let Items::Prepared(set) = items {
        bad.extend(set.warnings());
    }
    let with_channels = info.kind != Kind::Points;
    let (mut sizes, mut channels) = (BTreeMap::new(), BTreeMap::new());
    let mut classes = vec![0usize; info.labels.len()];
    for (_, item) in &seen {
        let axes = item.shape.len() - usize::from(with_channels);
        *sizes.entry(item.shape[..axes].to_vec()).or_insert(0usize) += 1;
        if with_channels {
            *channels.entry(item.shape[axes]).or_insert(0) += 1;
        }
        if let Some(class) = item.label.and_then(|l| classes.get_mut(l as usize)) {
            *class += 1;
        }
    }
    let area = |size: &Vec<usize>| size.iter().product::<usize>();
    let extreme = |largest: bool| match largest {
        true => sizes.keys().max_by_key(|s| area(s)).cloned(),
        false => sizes.keys().min_by_key(|s| area(s)).cloned(),
    };
    let extremes = extreme(false).zip(extreme(true)).map(|(a, b)| [a, b]);
    let different_sizes = sizes.len();
    let mut sizes: Vec<SizeCount> = sizes
        .into_iter()
        .map(|(size, count)| SizeCount { size, count })
        .collect();
    sizes.sort_by_key(|s| std::cmp::Reverse(s.count));
    sizes.truncate(NAMED);
    let share = |n: usize| n as f64 / seen.len().max(1) as f64;
    let labels = info.labels.iter().zip(&classes).map(|(name, &count)| LabelCount {
        name: name.clone(),
        count,
        share: share(count),
    });
    let stats = PartStats {
        split: split.to_string(),
        count: seen.len(),
        sizes,
        different_sizes,
        extremes,
        channels,
        labels: labels.collect(),
        unlabelled: seen.len() - classes.iter().sum::<usize>(),
        captions: seen.iter().filter(|(_, s)| s.captioned).count(),
        attributes: info.attributes.clone(),
        duplicates: duplicates(items, &seen),
        damaged: Damaged {
            count: bad.len(),
            named: bad.into_iter().take(NAMED).collect(),
        },
    };
    let hashes = seen.into_iter().map(|(_, s)| s.hash).collect();
    (stats, hashes)
}

/// The groups of equal items.
fn duplicates(items: &Items, seen: &[(usize, Seen)]) -> Duplicates {
    let mut first: HashMap<[u8; 16], usize> = HashMap::with_capacity(seen.len());
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (k, (_, item)) in seen.iter().enumerate() {
        match first.entry(item.hash) {
            std::collections::hash_map::Entry::Occupied(of) => groups.entry(*of.get()).or_default().push(k),
            std::collections::hash_map::Entry::Vacant(new) => drop(new.insert(k)),
        }
    }
    let differ =
        |(k, others): &(&usize, &Vec<usize>)| others.iter().any(|o| seen[*o].1.label != seen[**k].1.label);
    let named = |(k, others): (&usize, &Vec<usize>)| {
        let all = std::iter::once(k).chain(others).take(NAMED);
        all.map(|k| items.name(seen[*k].0)).collect()
    };
    Duplicates {
        count: groups.values().map(Vec::len).sum(),
        contradictory: groups.iter().filter(differ).count(),
        groups: groups.iter().take(NAMED).map(named).collect(),
    }
}
