//! NumPy's array files (NEP 1), read item by item.
//!
//! `[N, H, W]` and `[N, H, W, C]` are images, of bytes (0 to 255) or real numbers in [0, 1]; `[N, F]` are points.
use super::precision::Precision;
use super::{DataInfo, Dataset, Item, Kind, Values};
use crate::error::{Error, Result};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A header longer than this is not believed; NumPy writes 128 bytes.
pub(super) const MAX_HEADER: usize = 64 << 10;

/// Bytes of an item's values.
const MOST_BYTES: usize = 1 << 28;
/// Numbers that are read at a time. Longer rows are not looked at as such.
const PIECE: usize = 1 << 20;
/// Numbers of an array of bytes that are looked at, since any value is good: they tell whether they are as expected.
const LOOKED: usize = 1 << 24;

/// The type of an array's numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Type {
    U8,
    /// truth values, of a byte each
    Bool,
    /// `size` bytes
    Float {
        size: usize,
        big: bool,
    },
    /// whole numbers, of use as labels only
    Int {
        size: usize,
        big: bool,
        signed: bool,
    },
    /// words of `length` characters at most, of use as labels only
    Text {
        length: usize,
        big: bool,
        /// bytes of a character: 4 of Unicode, else 1
        wide: bool,
    },
}

impl Type {
    fn size(self) -> usize {
        match self {
            Type::U8 | Type::Bool => 1,
            Type::Float { size, .. } | Type::Int { size, .. } => size,
            Type::Text { length, wide, .. } => length.saturating_mul(if wide { 4 } else { 1 }),
        }
    }

    /// The type of NumPy's code, such as `<f4`.
    fn parse(code: &str) -> Option<Type> {
        let big = code.starts_with('>');
        let size: usize = code.get(2..)?.parse().ok()?;
        match code.get(1..2)? {
            "u" if size == 1 => Some(Type::U8),
            "b" if size == 1 => Some(Type::Bool),
            "f" if size == 4 || size == 8 => Some(Type::Float { size, big }),
            kind @ ("U" | "S") if size > 0 => Some(Type::Text {
                length: size,
                big,
                wide: kind == "U",
            }),
            "i" | "u" if [1, 2, 4, 8].contains(&size) => Some(Type::Int {
                size,
                big,
                signed: code[1..].starts_with('i'),
            }),
            _ => None,
        }
    }

    /// Values of items from bytes; f64 are rounded to f32, truth values become 0 and 255. None for whole numbers wider than a byte.
    pub(crate) fn values(self, bytes: Vec<u8>) -> Option<Values> {
        Some(match self {
            Type::U8 => Values::Bytes(bytes),
            Type::Bool => Values::Bytes(bytes.into_iter().map(|b| if b == 0 { 0 } else { 255 }).collect()),
            Type::Float { size: 4, big } => {
                let one = |b: &[u8; 4]| {
                    if big {
                        f32::from_be_bytes(*b)
                    } else {
                        f32::from_le_bytes(*b)
                    }
                };
                Values::Floats(bytes.as_chunks().0.iter().map(one).collect())
            }
            Type::Float { big, .. } => {
                let one = |b: &[u8; 8]| {
                    if big {
                        f64::from_be_bytes(*b)
                    } else {
                        f64::from_le_bytes(*b)
                    }
                };
                Values::Floats(bytes.as_chunks().0.iter().map(|b| one(b) as f32).collect())
            }
            Type::Int { .. } | Type::Text { .. } => return None,
        })
    }

    /// Names of classes from bytes: words, or whole numbers as text. None where a number is no whole one.
    pub(crate) fn names(self, bytes: &[u8]) -> Option<Vec<String>> {
        let Type::Text { big, wide, .. } = self else {
            return Some(self.whole(bytes)?.iter().map(i64::to_string).collect());
        };
        let letter = |b: &[u8; 4]| {
            if big {
                u32::from_be_bytes(*b)
            } else {
                u32::from_le_bytes(*b)
            }
        };
        let word = |bytes: &[u8]| match wide {
            true => bytes
                .as_chunks()
                .0
                .iter()
                .map(|b| char::from_u32(letter(b)).unwrap_or('?'))
                .collect(),
            false => String::from_utf8_lossy(bytes).into_owned(),
        };
        // Shorter words are filled up with zeros.
        let words = bytes
            .chunks_exact(self.size())
            .map(|b| word(b).trim_end_matches('\0').to_string());
        Some(words.collect())
    }

    /// What is meant, in words.
    pub(crate) fn said(self) -> String {
        match self {
            Type::U8 => "bytes".into(),
            Type::Bool => "truth values".into(),
            Type::Float { size, .. } => format!("real numbers of {size} bytes"),
            Type::Int { size, .. } => format!("whole numbers of {size} bytes"),
            Type::Text { .. } => "text".into(),
        }
    }

    /// Numbers of any type from bytes.
    pub(crate) fn numbers(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Type::Float { .. } => match self.values(bytes.to_vec()) {
                Some(Values::Floats(v)) => v,
                _ => vec![],
            },
            _ => self
                .whole(bytes)
                .unwrap_or_default()
                .iter()
                .map(|&n| n as f32)
                .collect(),
        }
    }

    /// Whole numbers from bytes; None where a real one is no whole number.
    pub(crate) fn whole(self, bytes: &[u8]) -> Option<Vec<i64>> {
        let (size, big, signed) = match self {
            Type::U8 | Type::Bool => (1, false, false),
            Type::Int { size, big, signed } => (size, big, signed),
            Type::Float { .. } => {
                let whole = |v: &f32| (v.fract() == 0.0 && v.abs() < 1e6).then_some(*v as i64);
                return self.numbers(bytes).iter().map(whole).collect();
            }
            Type::Text { .. } => return None,
        };
        let one = |b: &[u8]| {
            let digits = |word: u64, &d: &u8| word << 8 | d as u64;
            let word = if big {
                b.iter().fold(0, digits)
            } else {
                b.iter().rev().fold(0, digits)
            };
            let unused = 64 - 8 * size as u32;
            if signed {
                (word << unused) as i64 >> unused
            } else {
                i64::try_from(word).unwrap_or(i64::MAX)
            }
        };
        Some(bytes.chunks_exact(size).map(one).collect())
    }
}

/// What the header of an array says.
#[derive(Debug, PartialEq)]
pub(super) struct Array {
    pub kind: Type,
    pub shape: Vec<usize>,
    /// bytes of the values, which follow the header
    pub bytes: usize,
}

/// Reads the header of an array of which `length` bytes exist in all; leaves `file` at its values.
pub(super) fn header(path: &Path, file: &mut impl Read, length: u64) -> Result<Array> {
    let bad = |problem: String, fix: &str| Error::data(path, problem, fix);
    let early = |_| bad("ends within its header".into(), "write the file again");
    let mut magic = [0; 8];
    file.read_exact(&mut magic).map_err(early)?;
    if magic[..6] != *b"\x93NUMPY" {
        return Err(bad(
            "is not an .npy file (wrong first bytes)".into(),
            "write it with numpy.save",
        ));
    }
    let wide = magic[6] >= 2;
    let mut size = [0; 4];
    file.read_exact(&mut size[..if wide { 4 } else { 2 }])
        .map_err(early)?;
    let size = u32::from_le_bytes(size) as usize;
    if size > MAX_HEADER {
        return Err(bad(
            format!("its header claims {size} bytes, more than {MAX_HEADER}"),
            "write the file again",
        ));
    }
    let mut text = vec![0; size];
    file.read_exact(&mut text).map_err(early)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let kind = number_type(path, &text)?;
    if field(&text, "fortran_order").is_some_and(|f| f.starts_with("True")) {
        return Err(bad(
            "is in Fortran order".into(),
            "save numpy.ascontiguousarray(x)",
        ));
    }
    let shape = field(&text, "shape")
        .and_then(shape_of)
        .ok_or_else(|| bad("its header has no shape".into(), "write the file again"))?;
    let count = shape.iter().try_fold(kind.size(), |n, &a| n.checked_mul(a));
    let rest = length.saturating_sub((size + if wide { 12 } else { 10 }) as u64);
    match count {
        Some(bytes) if bytes as u64 == rest => Ok(Array { kind, shape, bytes }),
        _ => Err(bad(
            format!("its header says {shape:?} values, but {rest} bytes follow it"),
            "write the file again",
        )),
    }
}

/// The text after `'name':` in the header's dictionary.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let at = text
        .find(&format!("'{name}'"))
        .or_else(|| text.find(&format!("\"{name}\"")))?;
    Some(
        text[at + name.len() + 2..]
            .trim_start()
            .strip_prefix(':')?
            .trim_start(),
    )
}

fn shape_of(text: &str) -> Option<Vec<usize>> {
    let inside = text.strip_prefix('(')?.split_once(')')?.0;
    inside
        .split(',')
        .map(str::trim)
        .filter(|p| !p.is_empty())
        .map(|p| p.parse().ok())
        .collect()
}

fn number_type(path: &Path, text: &str) -> Result<Type> {
    let Some(code) = field(text, "descr")
        .and_then(|d| d.strip_prefix(['\'', '"']))
        .and_then(|d| d.split(['\'', '"']).next())
    else {
        let fix = "save numpy.lib.recfunctions.structured_to_unstructured(x), columns of numbers";
        return Err(Error::data(path, "holds records, not plain numbers", fix));
    };
    Type::parse(code).ok_or_else(|| {
        let (meaning, fix) = meaning(code);
        Error::data(path, format!("holds {meaning} ({code})"), fix)
    })
}

const FIX: &str = "save x.astype(numpy.float32)";

/// NumPy's code in words, and what to save instead.
fn meaning(code: &str) -> (&'static str, &'static str) {
    match code.trim_start_matches(['<', '>', '|', '=']).chars().next() {
        Some('c') => (
            "complex numbers",
            "save numpy.stack([x.real, x.imag], -1).astype(numpy.float32)",
        ),
        Some('O') => (
            "Python objects",
            "save numpy.array(x.tolist(), dtype=numpy.float32), arrays of one shape",
        ),
        Some('f') => ("real numbers of an uncommon size", FIX),
        _ => ("numbers of another type", FIX),
    }
}

/// What the items of an array are, from its shape.
pub(super) fn describe(path: &Path, array: &Array) -> Result<DataInfo> {
    let kind = if array.shape.len() == 2 {
        Kind::Points
    } else {
        Kind::Image
    };
    if matches!(array.kind, Type::Int { .. } | Type::Text { .. }) {
        let fix = match (array.kind, kind) {
            (Type::Text { .. }, _) => "save numbers",
            (_, Kind::Points) => FIX,
            _ => "save x.astype(numpy.uint8) where 255 is white, or else (x / x.max()).astype(numpy.float32)",
        };
        return Err(Error::data(path, format!("holds {}", array.kind.said()), fix));
    }
    let mut shape: Vec<usize> = array.shape.get(1..).unwrap_or_default().to_vec();
    match shape.len() {
        1 | 3 => {}
        2 => shape.push(1),
        _ => {
            return Err(Error::data(
                path,
                format!("has the shape {:?}", array.shape),
                "images are [N,H,W] or [N,H,W,C], points [N,F]",
            ));
        }
    }
    if array.shape.contains(&0) || (kind == Kind::Image && shape[2] > 16) {
        let fix = match array.shape[..] {
            [_, 1..=4, h, _] if h > 4 => "channels come last: save numpy.moveaxis(x, 1, -1)",
            _ => "there must be one item at least, of 1 to 16 channels, channels last",
        };
        return Err(Error::data(path, format!("has the shape {:?}", array.shape), fix));
    }
    let bytes = if matches!(array.kind, Type::Float { .. }) {
        4
    } else {
        1
    };
    if shape.iter().product::<usize>() > MOST_BYTES / bytes {
        return Err(Error::data(
            path,
            format!("has the shape {:?}", array.shape),
            "one item may have 2^28 bytes, or 2^26 real numbers at most",
        ));
    }
    if array.shape[0] > u32::MAX as usize {
        let problem = format!("has {} items, more than 2^32", array.shape[0]);
        return Err(Error::data(path, problem, "save fewer of them"));
    }
    let range = if matches!(array.kind, Type::U8 | Type::Bool) {
        (0.0, 255.0)
    } else {
        (0.0, 1.0)
    };
    Ok(DataInfo {
        source: path.display().to_string(),
        kind,
        shape,
        count: array.shape[0],
        range,
        ..DataInfo::default()
    })
}

/// An `.npy` file whose items are read when they are asked for.
pub(super) struct NpyFile {
    info: DataInfo,
    path: PathBuf,
    kind: Type,
    start: u64,
    file: Mutex<File>,
}

impl NpyFile {
    /// Checks the header against the length of the file.
    pub(crate) fn open(path: &Path, warnings: &mut Vec<String>) -> Result<NpyFile> {
        let mut file = File::open(path).map_err(Error::io("read", path))?;
        let length = file.metadata().map_err(Error::io("read", path))?.len();
        let array = header(path, &mut file, length)?;
        let start = length - array.bytes as u64;
        let info = describe(path, &array)?;
        let mut set = NpyFile {
            info,
            path: path.to_path_buf(),
            kind: array.kind,
            start,
            file: Mutex::new(file),
        };
        let mut checks = Checks::new(path, &array, &set.info);
        let numbers = set.info.numbers();
        let looked = match set.kind {
            Type::Float { .. } => numbers * set.info.count,
            _ => (numbers * set.info.count).min(LOOKED.next_multiple_of(numbers)),
        };
        // Whole items where they are small, so that rows are looked at as rows.
        let piece = PIECE - if numbers < PIECE { PIECE % numbers } else { 0 };
        for at in (0..looked).step_by(piece) {
            let bytes = set.bytes(at, piece.min(looked - at))?;
            checks.exact(&bytes);
            checks.look(at, &set.kind.values(bytes).unwrap_or(Values::Bytes(vec![])))?;
        }
        let mut info = set.info.clone();
        checks.say(&mut info, warnings);
        set.info = info;
        Ok(set)
    }

    /// The bytes of `count` numbers from number `at` of the array on.
    fn bytes(&self, at: usize, count: usize) -> Result<Vec<u8>> {
        let mut buffer = vec![0; count * self.kind.size()];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.start + (at * self.kind.size()) as u64))
            .and_then(|_| file.read_exact(&mut buffer))
            .map_err(Error::io("read", &self.path))?;
        Ok(buffer)
    }

    /// The values of an item, read a piece at a time: the bytes of a large one may be twice as many as its values'.
    fn values(&self, index: usize) -> Result<Values> {
        let numbers = self.info.numbers();
        let first = index * numbers;
        let mut floats = Vec::with_capacity(if self.is_real() { numbers } else { 0 });
        for at in (0..numbers).step_by(PIECE) {
            let count = if self.is_real() {
                PIECE.min(numbers - at)
            } else {
                numbers
            };
            match self.kind.values(self.bytes(first + at, count)?) {
                Some(Values::Floats(more)) => floats.extend(more),
                all => return Ok(all.unwrap_or(Values::Bytes(vec![]))),
            }
        }
        Ok(Values::Floats(floats))
    }

    fn is_real(&self) -> bool {
        matches!(self.kind, Type::Float { .. })
    }
}

/// What is looked for in the values of an array, some items at a time.
pub(super) struct Checks<'a> {
    path: &'a Path,
    shape: &'a [usize],
    kind: Kind,
    numbers: usize,
    range: (f32, f32),
    of: Type,
    precision: Precision,
}

impl<'a> Checks<'a> {
    pub(crate) fn new(path: &'a Path, array: &'a Array, info: &DataInfo) -> Checks<'a> {
        Checks {
            path,
            shape: &array.shape,
            kind: info.kind,
            numbers: info.numbers(),
            range: (f32::INFINITY, f32::NEG_INFINITY),
            of: array.kind,
            precision: Precision::default(),
        }
    }

    /// Looks at the bytes of the next items: single precision must tell points apart as doubles do.
    pub(crate) fn exact(&mut self, bytes: &[u8]) {
        let Type::Float { size: 8, big } = self.of else {
            return;
        };
        if self.kind != Kind::Points {
            return;
        }
        let one = |b: &[u8; 8]| {
            if big {
                f64::from_be_bytes(*b)
            } else {
                f64::from_le_bytes(*b)
            }
        };
        for row in bytes.chunks_exact(8 * self.numbers) {
            self.precision.row(row.as_chunks().0.iter().map(one));
        }
    }

    /// Looks at the numbers from number `first` of the array on: real values must be finite, and in [0, 1] when they are images.
    ///
    /// # Errors
    /// [`Error::Data`] with the item and the place in it.
    pub(crate) fn look(&mut self, first: usize, values: &Values) -> Result<()> {
        let widen = |(l, h): (f32, f32), v: f32| (l.min(v), h.max(v));
        let values = match values {
            Values::Floats(values) => values,
            Values::Bytes(values) => {
                self.range = values.iter().fold(self.range, |r, &v| widen(r, v as f32));
                return Ok(());
            }
        };
        let range = values.iter().fold(self.range, |r, &v| widen(r, v));
        let images = self.kind == Kind::Image;
        let good = |v: &f32| v.is_finite() && !(images && (*v < 0.0 || *v > 1.0));
        let Some(at) = values.iter().position(|v| !good(v)) else {
            self.range = range;
            return Ok(());
        };
        let place = self.place(first + at);
        Err(match values.iter().position(|v| !v.is_finite()) {
            Some(at) => Error::data(
                self.path,
                format!("has {} at {}", values[at], self.place(first + at)),
                "leave out items that are not finite, or beyond single precision",
            ),
            None => Error::data(
                self.path,
                format!(
                    "has values in [{}, {}], {} at {place} first",
                    range.0, range.1, values[at]
                ),
                "scale images of real numbers to [0, 1]",
            ),
        })
    }

    /// An item and the indices in it.
    fn place(&self, mut at: usize) -> String {
        let mut indices: Vec<usize> = Vec::new();
        for axis in self.shape[1..].iter().rev() {
            indices.insert(0, at % axis);
            at /= axis;
        }
        format!("item {at}, {indices:?}")
    }

    /// Tells of axes and ranges that may not be meant; points get their range.
    pub(crate) fn say(self, info: &mut DataInfo, warnings: &mut Vec<String>) {
        let place = self.path.display();
        self.precision.say(self.path, |c| (c + 1).to_string(), warnings);
        let bytes = self.of == Type::U8;
        if self.kind == Kind::Points && !bytes {
            info.range = self.range;
        }
        if let &[_, c, h, w] = self.shape
            && matches!(c, 1 | 3 | 4)
            && h > 4
            && w > 4
        {
            warnings.push(format!(
                "{place}: its shape {:?} is read as images of {c}x{h} with {w} channels; where the channels come \
                 first, save numpy.moveaxis(x, 1, -1)",
                self.shape
            ));
        }
        if self.kind == Kind::Image && bytes && self.range.1 <= 1.0 {
            warnings.push(format!(
                "{place}: its bytes are 0 and 1 of 255, nearly black; save x * 255, or x.astype(bool) for black and white"
            ));
        }
        if self.kind == Kind::Image && !bytes && self.range.1 > 0.0 && self.range.1 <= 1.0 / 255.0 {
            warnings.push(format!(
                "{place}: no value is above {}, where 1 is white",
                self.range.1
            ));
        }
    }
}

impl Dataset for NpyFile {
    fn info(&self) -> &DataInfo {
        &self.info
    }
    fn get(&self, index: usize) -> Result<Item> {
        Ok(Item {
            values: self.values(index)?,
            label: None,
            attributes: vec![],
            caption: None,
        })
    }
}
