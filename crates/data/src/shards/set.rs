//! The items of shards, each read by itself.
use super::file::Files;
use super::index::{JSON, NONE};
use super::merge::{Member, Merged};
use super::place::Place;
use super::{names, tar};
use crate::error::{Error, Result};
use crate::image_file::{self, Pixels};
use crate::image_set::Images;
use crate::{Captions, words_of};
use std::collections::BTreeSet;

/// Items of shards.
pub(super) struct Shards {
    files: Files,
    members: Vec<Member>,
    texts: Vec<(u64, u32)>,
    /// every word of the descriptions of each shard
    words: Vec<Vec<String>>,
    /// which item of all that were listed each is; None while all are there
    kept: Option<Vec<u32>>,
    starts: Vec<usize>,
    attributes: Vec<f32>,
    width: usize,
    #[cfg(feature = "parquet")]
    tables: super::parquet::Tables,
    #[cfg(feature = "cloud")]
    near: super::cloud::Near,
}

impl Shards {
    /// The items, their stored shapes, and the damaged ones.
    ///
    /// # Errors
    /// [`Error::Recipe`] when elsewhere lies a shard that is larger than what may be kept here.
    pub(super) fn new(places: Vec<Place>, merged: Merged) -> Result<(Shards, Vec<[usize; 3]>, Vec<String>)> {
        let Merged {
            members,
            shapes,
            texts,
            starts,
            attributes,
            width,
            mut bad,
            words,
            pages,
        } = merged;
        bad.sort();
        let shapes = shapes.into_iter().map(|s| s.map(|n| n as usize)).collect();
        #[cfg(not(feature = "parquet"))]
        drop(pages);
        let set = Shards {
            #[cfg(feature = "cloud")]
            near: super::cloud::Near::of(&places, &starts)?,
            files: Files::new(places),
            members,
            texts,
            words,
            kept: None,
            starts,
            attributes,
            width,
            #[cfg(feature = "parquet")]
            tables: super::parquet::Tables::new(pages),
        };
        Ok((set, shapes, bad))
    }

    pub(super) fn len(&self) -> usize {
        self.kept.as_ref().map_or(self.members.len(), Vec::len)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of all images, as far as it is known.
    pub(super) fn bytes(&self) -> u64 {
        self.members.iter().map(|m| u64::from(m.length)).sum()
    }

    /// Whether its shards lie on this machine.
    pub(super) fn is_here(&self) -> bool {
        self.starts.len() < 2 || self.files.place(0).stays()
    }

    /// Keeps the items that are good.
    pub(super) fn keep(&mut self, good: &[bool]) {
        if good.iter().all(|g| *g) {
            return;
        }
        let kept = (0..good.len() as u32).filter(|&i| good[i as usize]);
        self.kept = Some(kept.collect());
    }

    /// What is wrong with an item's image, if anything is.
    pub(super) fn problem(&self, index: usize) -> Option<String> {
        self.pixels(index).err().map(|e| match e {
            Error::Data { place, problem, .. } => format!("{place}: {problem}"),
            other => other.to_string(),
        })
    }

    /// Which of the items that are kept is the first from item `listed` of all on.
    fn first_from(&self, listed: usize) -> usize {
        let kept = self.kept.as_ref();
        kept.map_or(listed, |k| k.partition_point(|&item| (item as usize) < listed))
    }

    /// The shard of an item, its place in it, and it.
    fn at(&self, index: usize) -> (usize, Member, usize) {
        let item = self.kept.as_ref().map_or(index, |kept| kept[index] as usize);
        let shard = self.starts.partition_point(|&start| start <= item) - 1;
        (shard, self.members[item], item)
    }

    /// The bytes of an item's image.
    fn image(&self, shard: usize, member: Member) -> Result<Vec<u8>> {
        #[cfg(feature = "parquet")]
        if self.is_parquet(shard) {
            return self.tables.image(&self.files, shard, member);
        }
        self.files.bytes(shard, member.at, member.length as usize)
    }

    fn is_parquet(&self, shard: usize) -> bool {
        names::ending(&self.files.place(shard).name()) == Some("parquet")
    }
}

impl Images for Shards {
    fn count(&self) -> usize {
        self.len()
    }
    fn name(&self, index: usize) -> String {
        let (shard, member, item) = self.at(index);
        let place = self.files.place(shard).name();
        let member = match self.is_parquet(shard) {
            true => None,
            false => self
                .files
                .get(shard)
                .ok()
                .and_then(|f| tar::name_at(&f, member.at)),
        };
        match member {
            Some(member) => format!("{place}: {member}"),
            None => format!("{place}: item {}", item - self.starts[shard]),
        }
    }
    fn pixels(&self, index: usize) -> Result<Pixels> {
        let (shard, member, _) = self.at(index);
        let bytes = self.image(shard, member)?;
        let mended = "mend or remove the item";
        image_file::decode(&bytes).map_err(|problem| Error::data(self.name(index), problem, mended))
    }
    fn label(&self, index: usize) -> Option<u32> {
        let (_, member, _) = self.at(index);
        (member.label != NONE).then_some(member.label)
    }
    fn attributes(&self, index: usize) -> Vec<f32> {
        let (_, _, item) = self.at(index);
        self.attributes[item * self.width..(item + 1) * self.width].to_vec()
    }
    fn caption(&self, index: usize) -> Result<Option<String>> {
        let (shard, _, item) = self.at(index);
        let Some(&(at, length)) = self.texts.get(item) else {
            return Ok(None);
        };
        if length & !JSON == 0 {
            return Ok(None);
        }
        #[cfg(feature = "parquet")]
        if self.is_parquet(shard) {
            return self.tables.text(&self.files, shard, at);
        }
        let bytes = self.files.bytes(shard, at, (length & !JSON) as usize)?;
        Ok(tar::description(&bytes, length & JSON != 0))
    }
    /// What the index of each shard says; of a shard only a part of which is used, its descriptions themselves.
    fn captions(&self, count: usize) -> Captions {
        if self.texts.is_empty() {
            return Captions::default();
        }
        let (mut words, mut with) = (BTreeSet::new(), 0);
        for (own, ends) in self.words.iter().zip(self.starts.windows(2)) {
            let [first, last] = [ends[0], ends[1]].map(|listed| self.first_from(listed).min(count));
            let described = |i: &usize| self.texts[self.at(*i).2].1 & !JSON > 0;
            with += (first..last).filter(described).count();
            if last - first == ends[1] - ends[0] {
                words.extend(own.iter().cloned());
                continue;
            }
            let texts = (first..last).filter_map(|i| self.caption(i).ok().flatten());
            texts.for_each(|text| words.extend(words_of(&text)));
        }
        Captions {
            share: with as f64 / count.max(1) as f64,
            words: words.into_iter().collect(),
        }
    }
    #[cfg(feature = "cloud")]
    fn order(&self, key: crate::random::Key) -> Option<Vec<u32>> {
        let order = self.near.order(key)?;
        let Some(kept) = &self.kept else {
            return Some(order);
        };
        let mut place = vec![u32::MAX; self.members.len()];
        kept.iter()
            .enumerate()
            .for_each(|(i, &item)| place[item as usize] = i as u32);
        Some(
            order
                .into_iter()
                .map(|i| place[i as usize])
                .filter(|&i| i != u32::MAX)
                .collect(),
        )
    }
    #[cfg(feature = "cloud")]
    fn reach(&self) -> u64 {
        self.near.reach()
    }
    #[cfg(feature = "cloud")]
    fn soon(&self, index: usize) {
        self.near.soon(self.files.place(self.at(index).0));
    }
}
