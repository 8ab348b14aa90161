//! Parquet files as Hugging Face's image sets have them: a struct of `bytes` and `path` for each image, numbers of classes
//! whose names stand in the file's metadata under `huggingface`, and other columns beside them.
//!
//! A page of a column is the least that can be read: an item is read with its neighbours, and the pages that were read last
//! are kept, within a bound of bytes.
use super::file::{Files, pread};
use super::index::{Entry, Index, NONE};
use super::merge::Member;
use crate::classes::is_missing;
use crate::error::{Error, Result};
use crate::image_file;
use crate::limits::{guarded, unpacked};
use crate::words_of;
use parquet::basic::Type;
use parquet::column::page::PageReader;
use parquet::column::reader::{ColumnReaderImpl, get_column_reader, get_typed_column_reader};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int32Type, Int64Type,
};
use parquet::errors::Result as Parsed;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::{ChunkReader, Length};
use parquet::file::serialized_reader::SerializedPageReader;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{Cursor, Read};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of pages that are kept.
const KEPT: usize = 64 << 20;
/// So many shards are held open at a time.
const OPEN: usize = 64;
/// A group of rows may take so many bytes in a column, once it is unpacked.
const GROUP: i64 = 4 << 30;
/// Columns that hold descriptions, labels and images where nothing says it, in the order of preference.
const CAPTIONS: [&str; 4] = ["caption", "text", "captions", "prompt"];
const LABELS: [&str; 6] = ["label", "fine_label", "labels", "class", "cls", "target"];
const IMAGES: [&str; 6] = ["image", "img", "images", "jpg", "png", "bytes"];

/// A file that threads read at places of their own.
struct Shared(Arc<File>, u64);

impl Length for Shared {
    fn len(&self) -> u64 {
        self.1
    }
}

/// What follows a place in a file, in blocks.
struct From(Arc<File>, u64, u64);

impl Read for From {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let n = (self.2.saturating_sub(self.1)).min(out.len() as u64) as usize;
        pread(&self.0, &mut out[..n], self.1)?;
        self.1 += n as u64;
        Ok(n)
    }
}

impl ChunkReader for Shared {
    type T = std::io::BufReader<From>;
    fn get_read(&self, start: u64) -> Parsed<Self::T> {
        Ok(std::io::BufReader::with_capacity(
            4096,
            From(self.0.clone(), start, self.1),
        ))
    }
    fn get_bytes(&self, start: u64, length: usize) -> Parsed<bytes::Bytes> {
        if start.checked_add(length as u64).is_none_or(|end| end > self.1) {
            return Err(parquet::errors::ParquetError::EOF(
                "a page lies outside of the file".into(),
            ));
        }
        let mut all = vec![0; length];
        pread(&self.0, &mut all, start)?;
        Ok(all.into())
    }
}

/// A parquet file whose metadata were read.
struct Opened {
    file: Arc<Shared>,
    about: ParquetMetaData,
    /// leaves of the schema
    image: usize,
    label: Option<usize>,
    caption: Option<usize>,
    /// columns of numbers, with their names
    numbers: Vec<(String, usize)>,
    /// names of the classes
    classes: Vec<String>,
}

impl Opened {
    /// Reads the metadata at the end of a file and finds the columns.
    fn new(file: Arc<File>, size: u64, place: &str) -> Result<Opened> {
        let shared = Shared(file, size);
        let read = guarded(|| ParquetMetaDataReader::new().parse_and_finish(&shared));
        let problem = match read {
            Ok(Ok(about)) => return Opened::of(shared, about, place),
            Ok(Err(e)) => e.to_string(),
            Err(_) => "its metadata cannot be read".into(),
        };
        let fix = "give a whole file; write it again with `Dataset.to_parquet` or pandas";
        Err(Error::data(
            place,
            format!("is no whole parquet file: {problem}"),
            fix,
        ))
    }

    fn of(file: Shared, about: ParquetMetaData, place: &str) -> Result<Opened> {
        let schema = about.file_metadata().schema_descr_ptr();
        let features = features(&about);
        let feature = |kind: &str| -> Vec<String> {
            let of = |(n, f): (&String, &Value)| (f.get("_type")?.as_str()? == kind).then(|| n.clone());
            features
                .as_ref()
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
                .filter_map(of)
                .collect()
        };
        let leaves: Vec<(String, Type, bool)> = (0..schema.num_columns())
            .map(|i| {
                let c = schema.column(i);
                (c.path().string(), c.physical_type(), c.max_rep_level() > 0)
            })
            .collect();
        let leaf = |name: &str, types: &[Type]| {
            leaves
                .iter()
                .position(|(n, t, repeated)| n == name && types.contains(t) && !repeated)
        };
        let bytes = |name: &str| leaf(&format!("{name}.bytes"), &[Type::BYTE_ARRAY]);
        let said = feature("Image");
        let inner = leaves.iter().filter_map(|(n, ..)| n.strip_suffix(".bytes"));
        let image = said.iter().map(String::as_str).chain(inner).find_map(bytes);
        let image = image.or_else(|| IMAGES.iter().find_map(|n| leaf(n, &[Type::BYTE_ARRAY])));
        let Some(image) = image else {
            let mut names: Vec<&str> = leaves.iter().map(|(n, ..)| n.as_str()).take(12).collect();
            if leaves.len() > 12 {
                names.push("...");
            }
            let problem = format!("has no column of images among {}", names.join(", "));
            let fix = "give a file with a struct of `bytes` and `path`, as datasets.Image writes it";
            return Err(Error::data(place, problem, fix));
        };
        let whole = [Type::INT32, Type::INT64];
        let mut named = feature("ClassLabel");
        named.sort_by_key(|n| LABELS.iter().position(|l| l == n).unwrap_or(LABELS.len()));
        let class = named.first().and_then(|n| leaf(n, &whole));
        let usual = || {
            LABELS
                .iter()
                .find_map(|n| leaf(n, &[Type::INT32, Type::INT64, Type::BYTE_ARRAY]))
        };
        let classes = named.first().filter(|_| class.is_some()).and_then(|n| {
            let names = features.as_ref()?.get(n)?.get("names")?.as_array()?;
            Some(
                names
                    .iter()
                    .filter_map(|n| n.as_str().map(String::from))
                    .collect(),
            )
        });
        let label = class.or_else(usual);
        let caption = CAPTIONS.iter().find_map(|n| leaf(n, &[Type::BYTE_ARRAY]));
        let number = |(i, (n, t, repeated)): (usize, &(String, Type, bool))| {
            let number = [Type::BOOLEAN, Type::INT32, Type::INT64, Type::FLOAT, Type::DOUBLE].contains(t);
            let plain = number && !repeated && Some(i) != label && !n.starts_with("__index_level");
            plain.then(|| (n.clone(), i))
        };
        let numbers = leaves.iter().enumerate().filter_map(number).collect();
        for group in about.row_groups() {
            let column = group.column(image);
            let (packed, whole) = (column.compressed_size(), column.uncompressed_size());
            if !(0..=GROUP).contains(&whole) || packed < 0 || whole as u64 > unpacked(packed as u64) {
                let problem = format!("claims {whole} bytes of images in a group of rows of {packed} bytes");
                return Err(Error::data(
                    place,
                    problem,
                    "write it with smaller groups of rows",
                ));
            }
        }
        Ok(Opened {
            file: Arc::new(file),
            about,
            image,
            label,
            caption,
            numbers,
            classes: classes.unwrap_or_default(),
        })
    }

    fn pages(&self, group: usize, leaf: usize) -> Parsed<SerializedPageReader<Shared>> {
        let about = self.about.row_group(group);
        SerializedPageReader::new(
            self.file.clone(),
            about.column(leaf),
            about.num_rows() as usize,
            None,
        )
    }

    fn reader<T: DataType>(&self, group: usize, leaf: usize) -> Parsed<ColumnReaderImpl<T>> {
        let descriptor = self.about.file_metadata().schema_descr().column(leaf);
        Ok(get_typed_column_reader(get_column_reader(
            descriptor,
            Box::new(self.pages(group, leaf)?),
        )))
    }

    /// The values of `count` rows of a group from row `first` on; None where there is none.
    fn column<T: DataType>(
        &self,
        group: usize,
        leaf: usize,
        first: usize,
        count: usize,
    ) -> Parsed<Vec<Option<T::T>>> {
        let full = self
            .about
            .file_metadata()
            .schema_descr()
            .column(leaf)
            .max_def_level();
        let mut reader = self.reader::<T>(group, leaf)?;
        reader.skip_records(first)?;
        let (mut levels, mut values) = (Vec::new(), Vec::new());
        let mut left = count;
        while left > 0 {
            let (records, ..) =
                reader.read_records(left, (full > 0).then_some(&mut levels), None, &mut values)?;
            if records == 0 {
                let problem = format!("a column has {} rows of {count}", count - left);
                return Err(parquet::errors::ParquetError::EOF(problem));
            }
            left -= records;
        }
        if full == 0 {
            return Ok(values.into_iter().map(Some).collect());
        }
        let mut values = values.into_iter();
        Ok(levels
            .into_iter()
            .map(|l| if l == full { values.next() } else { None })
            .collect())
    }

    /// A column of numbers of a whole group.
    fn numbers(&self, group: usize, leaf: usize) -> Parsed<Vec<Option<f64>>> {
        let rows = self.about.row_group(group).num_rows() as usize;
        let column = self.about.file_metadata().schema_descr().column(leaf);
        Ok(match column.physical_type() {
            Type::BOOLEAN => {
                let values = self.column::<BoolType>(group, leaf, 0, rows)?;
                values
                    .into_iter()
                    .map(|v| v.map(|b| f64::from(u8::from(b))))
                    .collect()
            }
            Type::INT32 => {
                let values = self.column::<Int32Type>(group, leaf, 0, rows)?;
                values.into_iter().map(|v| v.map(f64::from)).collect()
            }
            Type::INT64 => {
                let values = self.column::<Int64Type>(group, leaf, 0, rows)?;
                values.into_iter().map(|v| v.map(|v| v as f64)).collect()
            }
            Type::FLOAT => {
                let values = self.column::<FloatType>(group, leaf, 0, rows)?;
                values.into_iter().map(|v| v.map(f64::from)).collect()
            }
            _ => self.column::<DoubleType>(group, leaf, 0, rows)?,
        })
    }

    /// The descriptions of a group; none where the file has no such column.
    fn texts(&self, group: usize) -> Parsed<Vec<Option<String>>> {
        let Some(leaf) = self.caption else {
            return Ok(vec![]);
        };
        let rows = self.about.row_group(group).num_rows() as usize;
        let texts = self.column::<ByteArrayType>(group, leaf, 0, rows)?;
        Ok(texts.into_iter().map(|b| b.as_ref().and_then(said)).collect())
    }

    /// The labels of a group, as texts.
    fn labels(&self, group: usize) -> Parsed<Vec<Option<String>>> {
        let rows = self.about.row_group(group).num_rows() as usize;
        let Some(leaf) = self.label else {
            return Ok(vec![None; rows]);
        };
        let column = self.about.file_metadata().schema_descr().column(leaf);
        if column.physical_type() == Type::BYTE_ARRAY {
            let texts = self.column::<ByteArrayType>(group, leaf, 0, rows)?;
            let text = |b: ByteArray| String::from_utf8_lossy(b.data()).into_owned();
            return Ok(texts
                .into_iter()
                .map(|b| b.map(text).filter(|t| !is_missing(t)))
                .collect());
        }
        let named = !self.classes.is_empty();
        let numbers = self.numbers(group, leaf)?;
        // -1 stands for an unknown class where classes have names.
        let known = |v: &f64| !(named && *v < 0.0);
        Ok(numbers
            .into_iter()
            .map(|v| v.filter(known).map(|v| (v as i64).to_string()))
            .collect())
    }
}

/// The features that `datasets` wrote into the metadata of a file.
fn features(about: &ParquetMetaData) -> Option<Value> {
    let pairs = about.file_metadata().key_value_metadata()?;
    let text = pairs.iter().find(|p| p.key == "huggingface")?.value.as_ref()?;
    let mut value: Value = serde_json::from_str(text).ok()?;
    Some(value.get_mut("info")?.get_mut("features")?.take())
}

/// The items of a shard.
///
/// # Errors
/// [`Error::Data`] when it is no parquet file, or has no images.
pub(super) fn index(file: &File, size: u64, place: &str) -> Result<Index> {
    let file = Arc::new(file.try_clone().map_err(Error::io("open", place))?);
    let opened = Opened::new(file, size, place)?;
    let damaged =
        |problem: String| Error::data(place, format!("is damaged: {problem}"), "fetch or write it again");
    let made = guarded(|| items(&opened));
    match made {
        Ok(Ok(index)) => Ok(index),
        Ok(Err(e)) => Err(damaged(e.to_string())),
        Err(_) => Err(damaged("a page cannot be read".into())),
    }
}

fn items(opened: &Opened) -> Parsed<Index> {
    let mut index = Index::default();
    index.head.classes.clone_from(&opened.classes);
    index.head.columns = opened.numbers.iter().map(|(n, _)| n.clone()).collect();
    let mut names: HashMap<String, u32> = HashMap::new();
    let mut words: BTreeSet<String> = BTreeSet::new();
    let mut row = 0u64;
    for group in 0..opened.about.num_row_groups() {
        let labels = opened.labels(group)?;
        let texts = opened.texts(group)?;
        let numbers: Vec<Vec<Option<f64>>> = opened
            .numbers
            .iter()
            .map(|(_, leaf)| opened.numbers(group, *leaf))
            .collect::<Parsed<_>>()?;
        let rows = opened.about.row_group(group).num_rows() as usize;
        let mut first = 0;
        for count in page_rows(opened, group, rows)? {
            let page = index.head.pages.len() as u64;
            index
                .head
                .pages
                .push([row + first as u64, group as u64, first as u64, count as u64]);
            let images = opened.column::<ByteArrayType>(group, opened.image, first, count)?;
            for (k, image) in images.into_iter().enumerate() {
                let at = first + k;
                let looked = look(image.as_ref().map(ByteArray::data));
                let header = match looked {
                    Ok(header) => header,
                    Err(problem) => {
                        index.head.bad.push(format!("row {}: {problem}", row + at as u64));
                        continue;
                    }
                };
                let label = labels[at].clone().map_or(NONE, |name| {
                    let next = names.len() as u32;
                    *names.entry(name).or_insert(next)
                });
                let text = texts.get(at).and_then(Option::as_deref);
                words.extend(text.into_iter().flat_map(words_of));
                index.entries.push(Entry {
                    at: page,
                    length: k as u32,
                    shape: header.shape.map(|n| n as u32),
                    label,
                    text: row + at as u64,
                    text_length: u32::from(text.is_some()),
                });
                let cells = numbers
                    .iter()
                    .map(|column| column[at].map_or(f32::NAN, |v| v as f32));
                index.attributes.extend(cells);
            }
            first += count;
        }
        row += rows as u64;
    }
    let mut names: Vec<(String, u32)> = names.into_iter().collect();
    names.sort_by_key(|(_, i)| *i);
    index.head.names = names.into_iter().map(|(name, _)| name).collect();
    index.head.words = words.into_iter().collect();
    Ok(index)
}

/// A description, where it is one.
fn said(bytes: &ByteArray) -> Option<String> {
    Some(String::from_utf8_lossy(bytes.data()).into_owned()).filter(|t| !t.is_empty())
}

/// What an image's header says, decoded where that does not show that it is whole.
fn look(image: Option<&[u8]>) -> Result<image_file::Header, String> {
    let bytes = image.ok_or("has no bytes (a path alone cannot be followed)")?;
    let header = image_file::header_in(&mut Cursor::new(bytes))?;
    if !header.complete {
        image_file::decode(bytes)?;
    }
    Ok(header)
}

/// The number of rows of each page of a group's images.
fn page_rows(opened: &Opened, group: usize, rows: usize) -> Parsed<Vec<usize>> {
    let mut reader = opened.pages(group, opened.image)?;
    let (mut all, mut sum) = (Vec::new(), 0);
    while let Some(page) = reader.peek_next_page()? {
        reader.skip_next_page()?;
        if let (false, Some(n)) = (page.is_dict, page.num_rows.or(page.num_levels)) {
            let n = n.min(rows - sum);
            sum += n;
            all.push(n);
        }
    }
    if sum < rows {
        let problem = format!("its images have {sum} rows of {rows}");
        return Err(parquet::errors::ParquetError::EOF(problem));
    }
    Ok(all)
}

/// What is kept of parquet shards while they are read.
pub(super) struct Tables {
    /// of each shard: rows before a page, its group, rows before it in the group, its rows
    pages: Vec<Vec<[u64; 4]>>,
    opened: Mutex<HashMap<usize, Arc<Opened>>>,
    read: Mutex<Kept>,
}

/// The values of a page: of the images, or of the descriptions.
type Page = Arc<Vec<Option<ByteArray>>>;

#[derive(Default)]
struct Kept {
    pages: HashMap<(usize, u64, bool), (Page, usize, u64)>,
    bytes: usize,
    clock: u64,
}

impl Tables {
    pub(super) fn new(pages: Vec<Vec<[u64; 4]>>) -> Tables {
        Tables {
            pages,
            opened: Mutex::default(),
            read: Mutex::default(),
        }
    }

    /// The bytes of an item's image.
    ///
    /// # Errors
    /// [`Error::Data`] with the shard when it cannot be read any more.
    pub(super) fn image(&self, files: &Files, shard: usize, member: Member) -> Result<Vec<u8>> {
        let page = self.page(files, shard, member.at, false)?;
        let image = page.get(member.length as usize).and_then(Option::as_ref);
        image
            .map(|b| b.data().to_vec())
            .ok_or_else(|| changed(files, shard))
    }

    /// The description of the item in a row.
    ///
    /// # Errors
    /// As of [`Tables::image`].
    pub(super) fn text(&self, files: &Files, shard: usize, row: u64) -> Result<Option<String>> {
        let page = self.pages[shard]
            .partition_point(|[before, ..]| *before <= row)
            .saturating_sub(1);
        let before = self.pages[shard].get(page).map_or(0, |p| p[0]);
        let texts = self.page(files, shard, page as u64, true)?;
        Ok(texts
            .get((row - before) as usize)
            .and_then(Option::as_ref)
            .and_then(said))
    }

    fn page(&self, files: &Files, shard: usize, page: u64, text: bool) -> Result<Page> {
        let key = (shard, page, text);
        {
            let mut kept = self.read.lock().unwrap_or_else(PoisonError::into_inner);
            kept.clock += 1;
            let now = kept.clock;
            if let Some((page, _, used)) = kept.pages.get_mut(&key) {
                *used = now;
                return Ok(page.clone());
            }
        }
        let opened = self.opened(files, shard)?;
        let place = self.pages[shard].get(page as usize).copied();
        let [_, group, first, rows] = place.ok_or_else(|| changed(files, shard))?.map(|n| n as usize);
        let leaf = match (text, opened.caption) {
            (true, Some(leaf)) => leaf,
            (true, None) => return Err(changed(files, shard)),
            _ => opened.image,
        };
        let read = guarded(|| opened.column::<ByteArrayType>(group, leaf, first, rows));
        let Ok(Ok(values)) = read else {
            return Err(changed(files, shard));
        };
        let bytes: usize = values.iter().flatten().map(|b| b.len() + 64).sum();
        let page: Page = Arc::new(values);
        let mut kept = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let now = kept.clock;
        if kept.pages.insert(key, (page.clone(), bytes, now)).is_none() {
            kept.bytes += bytes;
        }
        while kept.bytes > KEPT && kept.pages.len() > 1 {
            let oldest = kept
                .pages
                .iter()
                .min_by_key(|(_, (.., used))| *used)
                .map(|(k, _)| *k);
            let removed = oldest.and_then(|k| kept.pages.remove(&k));
            kept.bytes -= removed.map_or(0, |(_, bytes, _)| bytes);
        }
        Ok(page)
    }

    fn opened(&self, files: &Files, shard: usize) -> Result<Arc<Opened>> {
        let mut all = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opened) = all.get(&shard) {
            return Ok(opened.clone());
        }
        let file = files.get(shard)?;
        let place = files.place(shard).name();
        let size = file.metadata().map_err(Error::io("read", &place))?.len();
        let opened = Arc::new(Opened::new(file, size, &place)?);
        // Each holds a file open.
        if all.len() >= OPEN {
            all.clear();
        }
        all.insert(shard, opened.clone());
        Ok(opened)
    }
}

fn changed(files: &Files, shard: usize) -> Error {
    let place = files.place(shard).name();
    Error::data(
        place,
        "cannot be read any more as it was on opening",
        "leave data alone while they are used",
    )
}
