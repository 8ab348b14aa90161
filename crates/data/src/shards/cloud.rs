//! Shards in object storage: listed, fetched whole in ranges into a cache of bounded size, and read from there.
//!
//! Items of a set that is larger than its buffer are taken in an order that needs few shards at a time: the seed orders the
//! shards, as many as fit into the buffer are mixed together, item by item, and the next ones are fetched meanwhile.
use super::index::{self, Index};
use super::merge::lines;
use super::place::Place;
use super::{ATTRIBUTES, CLASSES, Shard, Sharded, names, store};
use crate::error::{Error, Result};
use crate::files;
use crate::random::Key;
use crate::source::Source;
use object_store::ObjectMeta;
use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use store::Store;

/// Bytes of a shard that are fetched at a time.
const RANGE: u64 = 8 << 20;
/// A file that nothing was written to for so long is nobody's.
const STALE: Duration = Duration::from_secs(3600);
/// An index beside a shard, or a list of classes, may have so many bytes.
const BESIDE: u64 = 256 << 20;

/// A shard elsewhere.
#[derive(Clone)]
pub(super) struct Remote(Arc<Object>);

struct Object {
    store: Arc<Store>,
    about: ObjectMeta,
    /// the index beside it
    beside: Option<ObjectMeta>,
    cache: Arc<Cache>,
    /// what its index says of its bytes
    sample: OnceLock<u32>,
}

/// Fetched shards on this machine.
struct Cache {
    folder: PathBuf,
    bound: u64,
    /// when each was used last, and the locks of those that are being fetched
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    clock: u64,
    used: HashMap<PathBuf, u64>,
    fetching: HashMap<PathBuf, Arc<Mutex<()>>>,
}

/// The shards that an address names.
///
/// # Errors
/// [`Error::Unreachable`] when they cannot be listed; [`Error::Data`] when some are missing; [`Error::Usage`] for an
/// address that cannot be used, or without credentials.
pub(super) fn find(source: &Source) -> Result<Sharded> {
    let address = &source.source[..];
    let (store, path) = Store::open(address)?;
    let store = Arc::new(store);
    let pattern = names::is_pattern(path);
    let (mut listed, folder) = match (pattern, names::ending(path)) {
        (false, None) => (store.list(path)?, path.trim_end_matches('/').to_string()),
        (false, Some(_)) => {
            let folder = path.rsplit_once('/').map_or("", |(f, _)| f);
            (vec![store.about(path)?], folder.to_string())
        }
        (true, _) => of_pattern(&store, address, path)?,
    };
    listed.sort_by(|a, b| a.location.cmp(&b.location));
    let format = match &source.format[..] {
        "parquet" => "parquet",
        "tar" => "tar",
        _ => listed
            .iter()
            .find_map(|o| names::ending(text(&o.location)))
            .unwrap_or("tar"),
    };
    let beside: HashMap<String, ObjectMeta> = listed
        .iter()
        .map(|o| (o.location.to_string(), o.clone()))
        .collect();
    let buffer = source.buffer.saturating_mul(1 << 20);
    let cache = Arc::new(Cache {
        folder: index::cache()
            .unwrap_or_else(|| std::env::temp_dir().join("menagerie"))
            .join("fetched"),
        bound: buffer.saturating_mul(2),
        state: Mutex::default(),
    });
    let below = |o: &ObjectMeta| {
        let name = text(&o.location);
        name.strip_prefix(&folder)
            .unwrap_or(name)
            .trim_start_matches('/')
            .to_string()
    };
    let list = |name: &str| -> Result<Option<Vec<String>>> {
        match listed.iter().find(|o| below(o) == name) {
            Some(list) => Ok(Some(lines(&String::from_utf8_lossy(&store.get(list, BESIDE)?)))),
            None => Ok(None),
        }
    };
    let (classes, attributes) = (list(CLASSES)?, list(ATTRIBUTES)?.unwrap_or_default());
    let shards: Vec<Shard> = listed
        .into_iter()
        .filter(|o| names::ending(text(&o.location)) == Some(format))
        .map(|about| Shard {
            name: below(&about),
            place: Place::There(Remote(Arc::new(Object {
                store: store.clone(),
                beside: beside
                    .get(&format!("{}.{}", about.location, index::ENDING))
                    .cloned(),
                about,
                cache: cache.clone(),
                sample: OnceLock::new(),
            }))),
        })
        .collect();
    if shards.is_empty() {
        return Err(Error::data(
            address,
            "has no shards",
            "give a place with .tar or .parquet shards",
        ));
    }
    if let Some(large) = shards.iter().find(|s| s.place.size() > buffer) {
        let problem = format!(
            "{} has {} MB, and {} MB are to be kept",
            large.name,
            large.place.size() >> 20,
            source.buffer
        );
        return Err(Error::recipe(
            "data.buffer",
            problem,
            "raise it above the size of a shard",
        ));
    }
    Ok(Sharded {
        root: PathBuf::from(address),
        shards,
        classes,
        attributes,
    })
}

/// A path within a store.
fn text(path: &object_store::path::Path) -> &str {
    path.as_ref()
}

/// The objects that a pattern names, what lies beside them, and the folder they lie in.
fn of_pattern(store: &Store, address: &str, path: &str) -> Result<(Vec<ObjectMeta>, String)> {
    let special = path.find(['*', '?', '{']).unwrap_or(path.len());
    let folder = path[..special]
        .rsplit_once('/')
        .map_or("", |(f, _)| f)
        .to_string();
    let wanted = names::expanded(path)?;
    let wild = wanted.iter().any(|w| w.contains(['*', '?']));
    let all = match (store.lists(), wild) {
        (true, _) => store.list(&folder)?,
        (false, true) => {
            let fix = "name its shards one by one, as x-{000..127}.tar";
            return Err(Error::usage(
                format!("{address}: a web server cannot be listed"),
                fix,
            ));
        }
        (false, false) => {
            let found = wanted.iter().map(|name| match store.about(name) {
                Ok(about) => Ok(Some(about)),
                Err(Error::Data { .. }) => Ok(None),
                Err(e) => Err(e),
            });
            found.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect()
        }
    };
    let fits = |want: &str, name: &str| names::fits(want.as_bytes(), name.as_bytes());
    let missing: Vec<String> = wanted
        .iter()
        .filter(|w| !all.iter().any(|o| fits(w, text(&o.location))))
        .cloned()
        .collect();
    names::gaps(address, wanted.len(), &missing)?;
    let keep = |o: &ObjectMeta| {
        let name = text(&o.location);
        let shard = name.strip_suffix(&format!(".{}", index::ENDING)).unwrap_or(name);
        name.ends_with(CLASSES) || name.ends_with(ATTRIBUTES) || wanted.iter().any(|w| fits(w, shard))
    };
    Ok((all.into_iter().filter(keep).collect(), folder))
}

impl Remote {
    /// Its address.
    pub(super) fn name(&self) -> String {
        self.0.store.name(&self.0.about.location)
    }

    /// Its bytes.
    pub(super) fn size(&self) -> u64 {
        self.0.about.size
    }

    /// A name that only this version of this object has.
    fn key(&self) -> String {
        let about = &self.0.about;
        let stamp = about
            .e_tag
            .clone()
            .unwrap_or_else(|| about.last_modified.to_rfc3339());
        index::hash(format!("{}\n{}\n{stamp}", self.name(), about.size).as_bytes())
    }

    /// Its index: one that is kept, the one beside it, or one that is made of it.
    pub(super) fn index(
        &self,
        kept: Option<&Path>,
        make: impl FnOnce(&File, u64) -> Result<Index>,
    ) -> Result<Index> {
        let size = self.size();
        let kept = kept.map(|folder| folder.join(format!("{}.{}", self.key(), index::ENDING)));
        let here = kept.as_ref().and_then(|k| std::fs::read(k).ok());
        if let Some(index) = here.and_then(|b| Index::unpacked(&b, size)) {
            self.0.sample.get_or_init(|| index.head.sample);
            return Ok(index);
        }
        let beside = match &self.0.beside {
            Some(beside) => Index::unpacked(&self.0.store.get(beside, BESIDE)?, size),
            None => None,
        };
        let index = match beside {
            Some(index) => index,
            None => {
                let file = self.open()?;
                let mut index = make(&file, size)?;
                let sample = index::sample(&file, size).map_err(Error::io("read", self.name()))?;
                (index.head.size, index.head.sample, index.head.count) = (size, sample, index.entries.len());
                index
            }
        };
        self.0.sample.get_or_init(|| index.head.sample);
        if let Some(kept) = &kept {
            index.keep(kept);
        }
        Ok(index)
    }

    /// It, open for reading; fetched when it is not here.
    ///
    /// # Errors
    /// [`Error::Unreachable`] when it cannot be fetched, however often it is tried.
    pub(super) fn open(&self) -> Result<File> {
        let path = self.0.cache.folder.join(self.key());
        for _ in 0..3 {
            self.0.cache.touch(&path);
            match File::open(&path) {
                Ok(file) => return Ok(file),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                    self.fetch(&path).map_err(|e| self.lost(e))?;
                }
                Err(e) => return Err(Error::io("open", &path)(e)),
            }
        }
        Err(self.unreachable("was removed from the cache as often as it was fetched"))
    }

    /// Whatever kept it from being fetched: its items are not damaged, and no others may take their place.
    fn lost(&self, e: Error) -> Error {
        match e {
            Error::Data { problem, fix, .. } => Error::Unreachable {
                place: self.name(),
                problem,
                fix,
            },
            Error::Io { .. } => self.unreachable(&e.to_string()),
            other => other,
        }
    }

    fn unreachable(&self, problem: &str) -> Error {
        Error::Unreachable {
            place: self.name(),
            problem: problem.into(),
            fix: "look at the connection and the store, then go on with --resume".into(),
        }
    }

    /// Fetches it into the cache, unless another thread does.
    fn fetch(&self, path: &Path) -> Result<()> {
        let cache = &self.0.cache;
        let lock = cache.lock(path);
        let _alone = lock.lock().unwrap_or_else(PoisonError::into_inner);
        if path.is_file() {
            return Ok(());
        }
        std::fs::create_dir_all(&cache.folder).map_err(Error::io("create", &cache.folder))?;
        let beside = files::hidden(path, &format!("{}.part", std::process::id()));
        let file = cache
            .room_for(&beside, self.size())
            .map_err(Error::io("write", &beside))?;
        let fetched = self.fetch_into(file, &beside);
        let placed = fetched.and_then(|()| std::fs::rename(&beside, path).map_err(Error::io("write", path)));
        if placed.is_err() {
            std::fs::remove_file(&beside).ok();
        }
        placed
    }

    fn fetch_into(&self, mut file: File, path: &Path) -> Result<()> {
        let size = self.size();
        let mut at = 0;
        while at < size {
            let range = at..(at + RANGE).min(size);
            let bytes = self.0.store.range(&self.0.about, range.clone())?;
            file.write_all(&bytes).map_err(Error::io("write", path))?;
            at = range.end;
        }
        let sample = index::sample(&file, size).map_err(Error::io("read", path))?;
        match self.0.sample.get() {
            Some(told) if *told != sample => {
                let fix = "write shard and index again, or remove the index";
                Err(Error::data(
                    self.name(),
                    "is not the shard that its index describes",
                    fix,
                ))
            }
            _ => Ok(()),
        }
    }
}

impl Cache {
    fn touch(&self, path: &Path) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.clock += 1;
        let now = state.clock;
        state.used.insert(path.to_path_buf(), now);
    }

    fn lock(&self, path: &Path) -> Arc<Mutex<()>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.fetching.entry(path.to_path_buf()).or_default().clone()
    }

    /// A new file of `size` bytes, for which what was used longest ago is removed, until all is within the bound.
    fn room_for(&self, path: &Path, size: u64) -> std::io::Result<File> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = std::fs::read_dir(&self.folder)?;
        let about = |e: std::fs::DirEntry| {
            let about = e.metadata().ok().filter(|m| m.is_file())?;
            let used = state.used.get(&e.path()).copied().unwrap_or(0);
            Some((used, about.modified().ok()?, about.len(), e.path()))
        };
        let mut all: Vec<_> = entries.flatten().filter_map(about).collect();
        all.sort();
        let mut sum: u64 = all.iter().map(|(_, _, n, _)| n).sum();
        for (_, written, n, path) in all {
            if sum + size <= self.bound {
                break;
            }
            // What another thread or program is fetching into is hidden, and old where that was ended.
            let hidden = path
                .file_name()
                .is_some_and(|n| n.as_encoded_bytes().starts_with(b"."));
            if hidden && written.elapsed().is_ok_and(|age| age < STALE) {
                continue;
            }
            if std::fs::remove_file(path).is_ok() {
                sum -= n;
            }
        }
        let mut options = File::options();
        let file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)?;
        // Its whole length counts from now on.
        file.set_len(size)?;
        Ok(file)
    }
}

/// How a set whose shards lie elsewhere is gone through.
pub(super) struct Near {
    /// bytes and items of each shard; empty where shards lie here
    shards: Vec<(u64, usize)>,
    starts: Vec<usize>,
    buffer: u64,
    ahead: Option<Ahead>,
}

/// A thread that fetches what is needed soon.
struct Ahead {
    queue: Mutex<Sender<Remote>>,
    recent: Mutex<VecDeque<PathBuf>>,
}

impl Near {
    /// Of shards at these places, with so many items before each.
    ///
    /// # Errors
    /// [`Error::Usage`] when no thread can be started.
    pub(super) fn of(places: &[Place], starts: &[usize]) -> Result<Near> {
        let mut near = Near {
            shards: vec![],
            starts: starts.to_vec(),
            buffer: 0,
            ahead: None,
        };
        let Some(Place::There(first)) = places.first() else {
            return Ok(near);
        };
        near.buffer = first.0.cache.bound / 2;
        near.shards = places
            .iter()
            .zip(starts.windows(2))
            .map(|(p, s)| (p.size(), s[1] - s[0]))
            .collect();
        let (queue, wanted) = channel::<Remote>();
        let fetch = move || {
            // Whoever needs a shard that cannot be fetched says so.
            wanted.iter().for_each(|remote| drop(remote.open()));
        };
        let started = std::thread::Builder::new().name("fetch".into()).spawn(fetch);
        started.map_err(|e| Error::usage(format!("cannot start a thread: {e}"), "end other programs"))?;
        near.ahead = Some(Ahead {
            queue: Mutex::new(queue),
            recent: Mutex::default(),
        });
        Ok(near)
    }

    /// The order of an epoch; None where any order is as good.
    pub(super) fn order(&self, key: Key) -> Option<Vec<u32>> {
        order(&self.shards, &self.starts, self.buffer, key)
    }

    /// As many items as a buffer holds.
    pub(super) fn reach(&self) -> u64 {
        let bytes: u64 = self.shards.iter().map(|(b, _)| b).sum();
        let items: usize = self.shards.iter().map(|(_, n)| n).sum();
        match bytes {
            0 => 0,
            _ => (items as f64 * (self.buffer as f64 / bytes as f64).min(1.0)) as u64,
        }
    }

    /// Has a shard fetched.
    pub(super) fn soon(&self, place: &Place) {
        let (Some(ahead), Place::There(remote)) = (&self.ahead, place) else {
            return;
        };
        let name = PathBuf::from(text(&remote.0.about.location));
        let mut recent = ahead.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.contains(&name) {
            return;
        }
        recent.push_back(name);
        // A buffer of them: one that was named before that may have been removed again.
        let mean = self.shards.iter().map(|(b, _)| b).sum::<u64>() / self.shards.len().max(1) as u64;
        while recent.len() as u64 > (self.buffer / mean.max(1)).max(1) {
            recent.pop_front();
        }
        let queue = ahead.queue.lock().unwrap_or_else(PoisonError::into_inner);
        // The thread ends with the set.
        queue.send(remote.clone()).ok();
    }
}

/// The order of the items of shards (bytes and items of each), of which `buffer` bytes are at hand at a time: shards in an
/// order of the key's, their items mixed among as many shards as fit. None where all fit.
fn order(shards: &[(u64, usize)], starts: &[usize], buffer: u64, key: Key) -> Option<Vec<u32>> {
    if shards.iter().map(|(bytes, _)| bytes).sum::<u64>() <= buffer {
        return None;
    }
    let mut out = Vec::with_capacity(starts.last().copied().unwrap_or(0));
    let (mut group, mut bytes, mut number) = (Vec::new(), 0, 0);
    let mut mix = |group: &mut Vec<u32>| {
        let order = key.stream("buffer").step(number).permutation(group.len());
        number += 1;
        out.extend(order.into_iter().map(|k| group[k as usize]));
        group.clear();
    };
    for shard in key.stream("shards").permutation(shards.len()) {
        let shard = shard as usize;
        if bytes + shards[shard].0 > buffer && !group.is_empty() {
            mix(&mut group);
            bytes = 0;
        }
        bytes += shards[shard].0;
        group.extend((starts[shard]..starts[shard + 1]).map(|i| i as u32));
    }
    mix(&mut group);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_has_every_item_once_and_few_shards_at_a_time() {
        let shards = [(10, 5), (10, 7), (10, 0), (10, 4), (10, 9), (10, 3)];
        let starts = [0, 5, 12, 12, 16, 25, 28];
        let of = |seed: u64| order(&shards, &starts, 20, Key::new(seed)).unwrap();
        let (a, b) = (of(1), of(2));
        assert_eq!(a, of(1));
        assert_ne!(a, b);
        let mut sorted = a.clone();
        sorted.sort();
        assert_eq!(sorted, (0..28).collect::<Vec<u32>>());
        // Between the first and the last item of a shard lie items of one other shard at most.
        let shard = |i: u32| starts.partition_point(|s| *s <= i as usize) - 1;
        for s in 0..6 {
            let of: Vec<usize> = (0..28).filter(|&k| shard(a[k]) == s).collect();
            let (Some(&first), Some(&last)) = (of.first(), of.last()) else {
                continue;
            };
            let mut others: Vec<usize> = a[first..=last].iter().map(|i| shard(*i)).collect();
            others.sort();
            others.dedup();
            assert!(others.len() <= 2, "{others:?}");
        }
        // All at hand: the exact order of any other set.
        assert_eq!(order(&shards, &starts, 60, Key::new(1)), None);
    }
}
