//! Shards in WebDataset's convention: consecutive members of a tar archive whose names are the same up to the first dot are
//! one item, an image with `.cls` (its class), `.txt` (its description) or `.json` (either, and attributes).
//!
//! Only headers and images' headers are read to find the items; nothing is ever unpacked to the disk.
use super::file::{BLOCK, Window};
use super::index::{Entry, Index, JSON, NONE};
use crate::classes::is_missing;
use crate::error::{Error, Result};
use crate::image_file::{self, EXTENSIONS, Header};
use crate::words_of;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::Read;

/// A member up to this size is read whole in passing.
const SMALL: u64 = 64 << 10;
/// An image of more bytes than this is not looked at, as one of the same size in a folder would not be decoded.
const LARGEST: u64 = 1 << 28;
/// A text beside an image may have so many bytes.
const TEXT: u64 = 1 << 20;
/// A name may have so many bytes.
const NAME: u64 = 64 << 10;
/// Attributes of a shard may have so many names.
const COLUMNS: usize = 1024;

/// The items of a shard.
///
/// # Errors
/// [`Error::Data`] when it is no whole tar archive, a member is cut off, or names something outside of its folder.
pub(crate) fn index(file: &File, size: u64, place: &str) -> Result<Index> {
    let broken = |problem: String| {
        let fix = "write it again, as a plain tar archive (.tar.gz: unpack it with gunzip first)";
        Error::data(place, problem, fix)
    };
    let mut archive = Archive::new(file, size);
    let mut shard = Shard::new(file);
    let (mut long, mut members) = (None, 0usize);
    while let Some(head) = archive
        .next()
        .map_err(|e| broken(format!("is no whole tar archive: {e}, after {members} members")))?
    {
        let Head { header, at, length } = head;
        let name = match long.take() {
            Some(name) => Cow::Owned(name),
            None => header.path_bytes(),
        };
        let shown = String::from_utf8_lossy(&name);
        if at.checked_add(length).is_none_or(|end| end > size) {
            let there = size.saturating_sub(at);
            return Err(broken(format!(
                "is cut off, or no tar archive: its member `{shown}` claims {length} bytes, and {there} are there"
            )));
        }
        members += 1;
        let kind = header.entry_type();
        if kind.is_gnu_longname() || kind.is_pax_local_extensions() {
            if length > NAME {
                return Err(broken(format!("has a member with a name of {length} bytes")));
            }
            let text = archive.content(at, length).map_err(Error::io("read", place))?;
            long = match kind.is_gnu_longname() {
                true => Some(text.split(|b| *b == 0).next().unwrap_or_default().to_vec()),
                false => of_pax(text).map_err(&broken)?,
            };
            members -= 1;
        } else if kind.is_gnu_sparse() {
            return Err(broken(format!("its member `{shown}` is a sparse file")));
        } else if kind.is_file() || kind.is_contiguous() {
            let name = inside(&shown).map_err(|problem| {
                let fix = "do not trust this shard; write it again with names below its folder";
                Error::data(place, problem, fix)
            })?;
            if let Some(key) = split(&name) {
                shard
                    .add(&name, key, Member { at, length }, &mut archive)
                    .map_err(Error::io("read", place))?;
            } else if !name.is_empty() {
                shard.unused("hidden or without an ending", &name);
            }
        }
    }
    if members == 0 {
        return Err(broken("holds no members".into()));
    }
    let mut index = shard.finish(place)?;
    if archive.end + 512 > size {
        let note = "has no end mark: what followed its last member may be missing";
        index.head.notes.push(note.into());
    }
    Ok(index)
}

/// The headers of an archive, one after the other. A million of them are read at every first opening: nothing is copied or
/// allocated for one, and of members larger than a block the headers alone are read.
struct Archive<'a> {
    window: Window<'a>,
    size: u64,
    /// where the next header lies
    at: u64,
    /// where the last member ends, filled up to whole blocks
    end: u64,
    /// bytes that are read with a header
    ahead: usize,
}

/// A header, and where its member lies.
struct Head {
    header: tar::Header,
    at: u64,
    length: u64,
}

impl<'a> Archive<'a> {
    fn new(file: &'a File, size: u64) -> Archive<'a> {
        Archive {
            window: Window::whole(file, size),
            size,
            at: 0,
            end: 0,
            ahead: BLOCK,
        }
    }

    /// The next header; blocks of zeros, which end an archive, are passed over, since archives may be joined.
    fn next(&mut self) -> std::io::Result<Option<Head>> {
        let mut header = tar::Header::new_old();
        loop {
            if self.at >= self.size {
                return Ok(None);
            }
            let block = match self.window.slice(self.at, 512, self.ahead) {
                Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
                    return Err(std::io::Error::other("it ends within a header"));
                }
                block => block?,
            };
            self.at += 512;
            if block.iter().any(|b| *b != 0) {
                header.as_mut_bytes().copy_from_slice(block);
                break;
            }
        }
        // The sum is of all bytes, its own eight as blanks.
        let bytes = header.as_bytes();
        let own: u32 = bytes[148..156].iter().map(|b| u32::from(*b)).sum();
        let sum = bytes.iter().map(|b| u32::from(*b)).sum::<u32>() - own + 8 * 32;
        if header.cksum()? != sum {
            return Err(std::io::Error::other("the checksum of a header is wrong"));
        }
        let (at, length) = (self.at, header.entry_size()?);
        self.end = at.saturating_add(length).div_ceil(512).saturating_mul(512);
        self.at = self.end;
        self.ahead = if length > SMALL {
            512 + SMALL as usize
        } else {
            BLOCK
        };
        Ok(Some(Head { header, at, length }))
    }

    /// What lies at a place.
    fn content(&mut self, at: u64, length: u64) -> std::io::Result<&[u8]> {
        self.window.slice(at, length as usize, self.ahead)
    }
}

/// The name that a PAX record gives to the next member.
fn of_pax(text: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let mut name = None;
    for record in tar::PaxExtensions::new(text) {
        let record = record.map_err(|e| format!("has a damaged extended header: {e}"))?;
        match record.key_bytes() {
            b"path" => name = Some(record.value_bytes().to_vec()),
            b"size" => return Err("has a member of over 8 GB".into()),
            key if key.starts_with(b"GNU.sparse") => return Err("has a sparse member".into()),
            _ => {}
        }
    }
    Ok(name)
}

/// A name without `./`; what is wrong with one that leaves the folder.
fn inside(name: &str) -> Result<Cow<'_, str>, String> {
    if !name.starts_with(['/', '.']) && !name.contains("/.") && !name.contains("//") && !name.ends_with('/') {
        return Ok(name.into());
    }
    let parts: Vec<&str> = name.split('/').filter(|p| !p.is_empty() && *p != ".").collect();
    if name.starts_with('/') || parts.contains(&"..") {
        return Err(format!("its member `{name}` lies outside of its folder"));
    }
    Ok(parts.join("/").into())
}

/// Key and ending of a name, at the first dot of its last part; None where it has no ending, or is hidden.
fn split(name: &str) -> Option<(&str, Cow<'_, str>)> {
    let start = name.rfind('/').map_or(0, |i| i + 1);
    let dot = name[start..].find('.')?;
    if dot == 0 || name[start..].starts_with("__") {
        return None;
    }
    let ending = &name[start + dot + 1..];
    let small = ending.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase());
    let ending: Cow<str> = match small {
        true => ending.into(),
        false => ending.to_lowercase().into(),
    };
    (!ending.is_empty()).then_some((&name[..start + dot], ending))
}

struct Member {
    at: u64,
    length: u64,
}

/// What was found of an item so far.
#[derive(Default)]
struct Pending {
    key: String,
    image: Option<(String, u64, u32, Header)>,
    class: Option<Option<String>>,
    text: Option<(u64, u32, Option<String>)>,
    json: Option<(u64, u32, Map<String, Value>)>,
    problem: Option<String>,
    endings: Vec<String>,
}

/// A shard in the making.
struct Shard<'a> {
    file: &'a File,
    index: Index,
    labels: HashMap<String, u32>,
    columns: HashMap<String, usize>,
    /// attributes of each item: column and value
    values: Vec<Vec<(usize, f32)>>,
    words: BTreeSet<String>,
    pending: Option<Pending>,
}

impl<'a> Shard<'a> {
    fn new(file: &'a File) -> Shard<'a> {
        Shard {
            file,
            index: Index::default(),
            labels: HashMap::new(),
            columns: HashMap::new(),
            values: Vec::new(),
            words: BTreeSet::new(),
            pending: None,
        }
    }

    fn unused(&mut self, ending: &str, name: &str) {
        let seen = self.index.head.unused.entry(ending.to_string());
        seen.or_insert_with(|| (0, name.to_string())).0 += 1;
    }

    /// Takes up a member; the item before it is whole when its key is another.
    fn add(
        &mut self,
        name: &str,
        (key, ending): (&str, Cow<str>),
        member: Member,
        archive: &mut Archive,
    ) -> std::io::Result<()> {
        if self.pending.as_ref().is_none_or(|p| p.key != key) {
            self.settle();
            self.pending = Some(Pending {
                key: key.into(),
                ..Pending::default()
            });
        }
        let Some(mut item) = self.pending.take() else {
            return Ok(());
        };
        if item.endings.iter().any(|e| *e == ending) {
            item.problem.get_or_insert(format!("has two members `.{ending}`"));
        }
        let short = |length: u64| u32::try_from(length).unwrap_or(u32::MAX);
        let exact = EXTENSIONS.contains(&&ending[..]);
        match &ending[..] {
            e if EXTENSIONS.contains(&e.rsplit('.').next().unwrap_or(e)) => {
                // An image beside others is the one whose whole ending says so, and the first of these.
                let taken = item.image.as_ref().map(|(e, ..)| EXTENSIONS.contains(&&e[..]));
                match taken {
                    Some(better) if better || !exact => self.unused(&format!(".{ending}"), name),
                    _ => {
                        if let Some((before, ..)) = item.image.take() {
                            self.unused(&format!(".{before}"), &format!("{}.{before}", item.key));
                        }
                        match self.header(&member, archive) {
                            Ok(header) => {
                                let length = short(member.length);
                                item.image = Some((ending.to_string(), member.at, length, header))
                            }
                            Err(problem) => {
                                item.problem.get_or_insert(problem);
                            }
                        }
                    }
                }
            }
            "cls" | "txt" | "json" if member.length > TEXT => {
                let problem = format!("its .{ending} has {} bytes", member.length);
                item.problem.get_or_insert(problem);
            }
            "cls" => {
                let text = String::from_utf8_lossy(archive.content(member.at, member.length)?);
                let text = text.trim();
                item.class = Some((!is_missing(text)).then(|| text.to_string()));
            }
            "json" => {
                let text = String::from_utf8_lossy(archive.content(member.at, member.length)?);
                match serde_json::from_str::<Value>(text.trim()) {
                    Ok(Value::Object(map)) => item.json = Some((member.at, short(member.length), map)),
                    _ => {
                        item.problem.get_or_insert("its .json is no JSON object".into());
                    }
                }
            }
            "txt" => {
                let said = description(archive.content(member.at, member.length)?, false);
                item.text = Some((member.at, short(member.length), said));
            }
            _ => self.unused(&format!(".{ending}"), name),
        }
        item.endings.push(ending.into_owned());
        self.pending = Some(item);
        Ok(())
    }

    /// What an image's header says; the image is decoded where that does not show that it is whole.
    fn header(&mut self, member: &Member, archive: &mut Archive) -> Result<Header, String> {
        let said = |e: std::io::Error| format!("cannot be read: {e}");
        if member.length > LARGEST {
            return Err(format!("its {} bytes are too many for an image", member.length));
        }
        let header = match member.length <= SMALL {
            true => image_file::header_of(archive.content(member.at, member.length).map_err(said)?)?,
            false => image_file::header_in(&mut Window::new(self.file, member.at, member.length, 4096))?,
        };
        if !header.complete {
            let mut all = Vec::new();
            let mut window = Window::whole(self.file, member.at + member.length);
            std::io::Seek::seek(&mut window, std::io::SeekFrom::Start(member.at)).map_err(said)?;
            window.read_to_end(&mut all).map_err(said)?;
            image_file::decode(&all)?;
        }
        Ok(header)
    }

    /// The item that was read last is whole.
    fn settle(&mut self) {
        let Some(mut item) = self.pending.take() else {
            return;
        };
        let label = self.label_of(&mut item);
        let problem = item.problem.take().or_else(|| match &item.image {
            Some(_) => None,
            None => Some(format!("has no image (only .{})", item.endings.join(", ."))),
        });
        let (None, Some((_, at, length, header))) = (&problem, &item.image) else {
            // Members that are of no use alone, as `README.md`, are no item.
            if item.endings.iter().any(|e| is_of_item(e)) {
                let problem = problem.unwrap_or_default();
                self.index.head.bad.push(format!("{}: {problem}", item.key));
            }
            return;
        };
        let label = label.map_or(NONE, |name| {
            let next = self.labels.len() as u32;
            *self.labels.entry(name).or_insert(next)
        });
        let json = item.json.as_ref();
        let in_json = json.and_then(|(at, length, map)| Some((*at, length | JSON, caption(map)?)));
        let in_text = item.text.as_ref().map(|(at, length, said)| {
            let said = said.as_deref();
            (
                *at,
                if said.is_some() { *length } else { 0 },
                said.unwrap_or_default(),
            )
        });
        let (text, text_length, said) = in_text.or(in_json).unwrap_or_default();
        self.words.extend(words_of(said));
        self.index.entries.push(Entry {
            at: *at,
            length: *length,
            shape: header.shape.map(|n| n as u32),
            label,
            text,
            text_length,
        });
        let numbers = json.map(|(_, _, map)| attributes(map)).unwrap_or_default();
        let mut row = Vec::with_capacity(numbers.len());
        for (name, value) in numbers {
            let next = self.columns.len();
            let column = *self.columns.entry(name).or_insert(next);
            row.push((column, value));
        }
        self.values.push(row);
    }

    /// The class that `.cls`, or else `.json`, gives.
    fn label_of(&self, item: &mut Pending) -> Option<String> {
        if let Some(class) = item.class.take() {
            return class;
        }
        let (_, _, map) = item.json.as_ref()?;
        let given = ["label", "cls", "class"].iter().find_map(|k| map.get(*k))?;
        match given {
            Value::String(s) => Some(s.clone()).filter(|s| !is_missing(s)),
            Value::Number(n) => Some(n.to_string()),
            Value::Bool(b) => Some(b.to_string()),
            _ => None,
        }
    }

    fn finish(mut self, place: &str) -> Result<Index> {
        self.settle();
        if self.columns.len() > COLUMNS {
            let problem = format!("its .json members name {} attributes", self.columns.len());
            return Err(Error::data(place, problem, "leave out what is no attribute"));
        }
        let in_order = |map: HashMap<String, u32>| {
            let mut all: Vec<(String, u32)> = map.into_iter().collect();
            all.sort_by_key(|(_, i)| *i);
            all.into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        let columns = self
            .columns
            .into_iter()
            .map(|(name, i)| (name, i as u32))
            .collect();
        (self.index.head.names, self.index.head.columns) = (in_order(self.labels), in_order(columns));
        self.index.head.words = self.words.into_iter().collect();
        for row in &self.values {
            let start = self.index.attributes.len();
            self.index
                .attributes
                .resize(start + self.index.head.columns.len(), f32::NAN);
            row.iter()
                .for_each(|(k, v)| self.index.attributes[start + k] = *v);
        }
        Ok(self.index)
    }
}

/// Whether a member with this ending says that there should be an item.
fn is_of_item(ending: &str) -> bool {
    ["cls", "txt", "json"].contains(&ending)
        || EXTENSIONS.contains(&ending.rsplit('.').next().unwrap_or(ending))
}

/// The description in an item's JSON object.
pub(super) fn caption(map: &Map<String, Value>) -> Option<&str> {
    let said = ["caption", "text"].iter().find_map(|k| map.get(*k)?.as_str());
    said.filter(|s| !s.is_empty())
}

/// The numbers of an item's JSON object, and of the object `attributes` in it.
fn attributes(map: &Map<String, Value>) -> Vec<(String, f32)> {
    let inner = map.get("attributes").and_then(Value::as_object);
    let used = |k: &str| ["label", "cls", "class"].contains(&k);
    let all = map
        .iter()
        .filter(|(k, _)| !used(k))
        .chain(inner.into_iter().flatten());
    let number = |v: &Value| v.as_f64().or_else(|| v.as_bool().map(|b| f64::from(u8::from(b))));
    all.filter_map(|(k, v)| Some((k.clone(), number(v)? as f32)))
        .collect()
}

/// The description of an item from its member's text; `json` says that it is an object that holds it.
pub(super) fn description(bytes: &[u8], json: bool) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let text = match json {
        true => caption(&serde_json::from_str(&text).ok()?)?.to_string(),
        // One end of line is the editor's.
        false => text
            .strip_suffix('\n')
            .map_or(&text[..], |t| t.strip_suffix('\r').unwrap_or(t))
            .to_string(),
    };
    (!text.is_empty()).then_some(text)
}

/// The name of the member that begins at a place in a shard, for messages.
pub(super) fn name_at(file: &File, at: u64) -> Option<String> {
    let mut header = tar::Header::new_old();
    super::file::pread(file, header.as_mut_bytes(), at.checked_sub(512)?).ok()?;
    Some(String::from_utf8_lossy(&header.path_bytes()).into_owned())
}
