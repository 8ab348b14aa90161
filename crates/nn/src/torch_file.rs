//! State dictionaries that PyTorch saved: as much of its two file formats as named arrays need, and no more.
//!
//! `torch.save` writes a pickle, a program for a stack machine that may call any Python function. Here it is read as
//! data: dictionaries, tuples, numbers, texts, and the one call that makes a tensor of a storage. Every other call gives
//! nothing, so no file can make anything happen.
use super::Tensors;
use menagerie_data::error::{Error, Result};
use menagerie_data::zip::Archive;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::Path;

/// Values that are more numerous than this, once those that are referred to again are counted each time, or that lie
/// deeper in each other, are not believed: a state dictionary of a thousand tensors has some ten thousand.
const MOST_VALUES: usize = 1 << 20;
const MOST_DEPTH: usize = 32;
/// An archive that holds more than so many times its own bytes is not believed: PyTorch packs nothing.
const MOST_PACKED: u64 = 16;
/// Tensors may share a storage, but together have at most so many times the storages' numbers.
const MOST_SHARED: usize = 4;

/// Reads the arrays of single precision of a state dictionary; whole numbers, such as counts of batches, are left out.
///
/// # Errors
/// [`Error::Data`] when the file is of neither format, damaged, or holds no state dictionary.
pub fn read_torch(path: &Path) -> Result<Tensors> {
    let bad = |problem: String| Error::data(path, problem, "give a state dictionary that torch.save wrote");
    let start = std::fs::read(path).map_err(Error::io("read", path))?;
    let (value, storages) = if start.starts_with(b"PK") {
        drop(start);
        from_archive(path).map_err(bad)?
    } else {
        from_stream(&start).map_err(bad)?
    };
    let Value::Dict(items) = value else {
        return Err(bad("holds no state dictionary".into()));
    };
    let mut out = Tensors::default();
    let mut left = MOST_SHARED * storages.values().map(Vec::len).sum::<usize>() / 4;
    for (name, value) in items {
        if let Value::Tensor(t) = value
            && let Some(values) = t
                .values(&storages, &mut left)
                .map_err(|e| bad(format!("`{name}`: {e}")))?
        {
            out.arrays.insert(name, (t.shape, values));
        }
    }
    if out.arrays.is_empty() {
        return Err(bad("holds no arrays of single precision".into()));
    }
    Ok(out)
}

type Storages = HashMap<String, Vec<u8>>;

/// The newer format: a ZIP archive with `NAME/data.pkl` and a file a storage.
fn from_archive(path: &Path) -> std::result::Result<(Value, Storages), String> {
    let file = File::open(path).map_err(|e| e.to_string())?;
    let size = file.metadata().map_err(|e| e.to_string())?.len();
    let mut archive = Archive::open(file)?;
    let names: Vec<String> = archive.names().map(String::from).collect();
    let root = names
        .iter()
        .find_map(|n| n.strip_suffix("/data.pkl"))
        .ok_or("it holds no data.pkl")?
        .to_string();
    let claimed: u64 = names.iter().filter_map(|n| archive.length(n).ok()).sum();
    if claimed > size.saturating_mul(MOST_PACKED) {
        return Err(format!("claims {claimed} bytes in a file of {size}"));
    }
    let (value, _) = unpickle(&archive.read(&format!("{root}/data.pkl"))?)?;
    let mut storages = Storages::new();
    for name in names {
        if let Some(key) = name.strip_prefix(&format!("{root}/data/")) {
            storages.insert(key.to_string(), archive.read(&name)?);
        }
    }
    Ok((value, storages))
}

/// The older format: pickles of a magic number, a version, the machine, the dictionary and the storages' keys, then each
/// storage with its length before it.
fn from_stream(bytes: &[u8]) -> std::result::Result<(Value, Storages), String> {
    const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
    let mut rest = bytes;
    let mut next = || -> std::result::Result<Value, String> {
        let (value, used) = unpickle(rest)?;
        rest = &rest[used..];
        Ok(value)
    };
    if next().ok() != Some(Value::Long(MAGIC.to_vec())) {
        return Err("is not a file of PyTorch".into());
    }
    next()?;
    next()?;
    let value = next()?;
    let Value::List(keys) = next()? else {
        return Err("has no list of storages".into());
    };
    let mut sizes = HashMap::new();
    value.element_sizes(&mut sizes);
    let mut storages = Storages::new();
    for key in keys {
        let Value::Text(key) = key else {
            return Err("a storage's key is not text".into());
        };
        let count = rest
            .first_chunk::<8>()
            .map(|b| u64::from_le_bytes(*b))
            .ok_or("ends before its storages")?;
        let size = *sizes.get(&key).ok_or("has a storage of unknown type")?;
        let bytes = usize::try_from(count)
            .ok()
            .and_then(|n| n.checked_mul(size))
            .ok_or("has a storage of impossible size")?;
        let content = rest
            .get(8..)
            .and_then(|r| r.get(..bytes))
            .ok_or("ends within a storage")?;
        storages.insert(key, content.to_vec());
        rest = &rest[8 + bytes..];
    }
    Ok((value, storages))
}

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Nothing,
    Number(i64),
    /// a whole number of more than eight bytes
    Long(Vec<u8>),
    Text(String),
    /// a name `module.member`
    Global(String),
    Tuple(Vec<Value>),
    List(Vec<Value>),
    Dict(BTreeMap<String, Value>),
    Storage {
        key: String,
        kind: String,
    },
    Tensor(TensorValue),
    Mark,
}

#[derive(Clone, Debug, PartialEq)]
struct TensorValue {
    key: String,
    kind: String,
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
}

/// Bytes of an element of a storage type; None for types that no state dictionary needs.
fn element_size(kind: &str) -> Option<usize> {
    Some(match kind.rsplit('.').next()? {
        "DoubleStorage" | "LongStorage" => 8,
        "FloatStorage" | "IntStorage" => 4,
        "HalfStorage" | "BFloat16Storage" | "ShortStorage" => 2,
        "CharStorage" | "ByteStorage" | "BoolStorage" => 1,
        _ => return None,
    })
}

impl TensorValue {
    /// Row-major numbers; None unless they are of single precision.
    ///
    /// They are taken off what all tensors may have together.
    fn values(&self, storages: &Storages, left: &mut usize) -> std::result::Result<Option<Vec<f32>>, String> {
        if !self.kind.ends_with(".FloatStorage") {
            return Ok(None);
        }
        let bytes = storages.get(&self.key).ok_or("its storage is missing")?;
        let count = self
            .shape
            .iter()
            .try_fold(1usize, |n, &s| n.checked_mul(s))
            .filter(|n| n <= left)
            .ok_or("is larger than its storage allows")?;
        *left -= count;
        let last = self
            .shape
            .iter()
            .zip(&self.strides)
            .try_fold(self.offset, |at, (&n, &s)| {
                at.checked_add(n.saturating_sub(1).checked_mul(s)?)
            });
        if self.strides.len() != self.shape.len() || (count > 0 && last.is_none_or(|l| l >= bytes.len() / 4))
        {
            return Err("reaches past its storage".into());
        }
        let mut out = Vec::with_capacity(count);
        let mut at = vec![0usize; self.shape.len()];
        for _ in 0..count {
            let place = self.offset + at.iter().zip(&self.strides).map(|(i, s)| i * s).sum::<usize>();
            let b = &bytes[4 * place..];
            out.push(f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
            for axis in (0..at.len()).rev() {
                at[axis] += 1;
                if at[axis] < self.shape[axis] {
                    break;
                }
                at[axis] = 0;
            }
        }
        Ok(Some(out))
    }
}

impl Value {
    /// How many values it holds with itself, sixteen letters of a text counting as one, and how deep they lie.
    fn size(&self) -> (usize, usize) {
        let all = |values: &mut dyn Iterator<Item = &Value>| {
            values
                .map(Value::size)
                .fold((1, 1), |a, b| (a.0 + b.0, a.1.max(b.1 + 1)))
        };
        match self {
            Value::Tuple(v) | Value::List(v) => all(&mut v.iter()),
            Value::Dict(d) => {
                let names: usize = d.keys().map(|k| 1 + k.len() / 16).sum();
                let (values, depth) = all(&mut d.values());
                (names + values, depth)
            }
            Value::Text(t) | Value::Global(t) => (1 + t.len() / 16, 1),
            Value::Long(digits) => (1 + digits.len() / 16, 1),
            Value::Tensor(t) => (2 + t.shape.len() + t.strides.len(), 1),
            _ => (1, 1),
        }
    }

    /// Bytes an element of every storage that tensors refer to.
    fn element_sizes(&self, out: &mut HashMap<String, usize>) {
        match self {
            Value::Dict(d) => d.values().for_each(|v| v.element_sizes(out)),
            Value::Tensor(t) => out.extend(element_size(&t.kind).map(|s| (t.key.clone(), s))),
            _ => {}
        }
    }

    fn sizes(&self) -> Option<Vec<usize>> {
        let Value::Tuple(v) = self else { return None };
        v.iter()
            .map(|n| {
                if let Value::Number(n) = n {
                    usize::try_from(*n).ok()
                } else {
                    None
                }
            })
            .collect()
    }
}

/// What a call gives: a tensor, an empty dictionary, or nothing.
fn call(function: &Value, arguments: &Value) -> Value {
    match (function, arguments) {
        (Value::Global(name), _) if name == "collections.OrderedDict" => Value::Dict(BTreeMap::new()),
        (Value::Global(name), Value::Tuple(a)) if name == "torch._utils._rebuild_tensor_v2" => match &a[..] {
            [
                Value::Storage { key, kind },
                Value::Number(offset),
                shape,
                strides,
                ..,
            ] => match (shape.sizes(), strides.sizes()) {
                (Some(shape), Some(strides)) if *offset >= 0 => Value::Tensor(TensorValue {
                    key: key.clone(),
                    kind: kind.clone(),
                    offset: *offset as usize,
                    shape,
                    strides,
                }),
                _ => Value::Nothing,
            },
            _ => Value::Nothing,
        },
        // `torch.nn.Parameter` around a tensor.
        (Value::Global(name), Value::Tuple(a)) if name == "torch._utils._rebuild_parameter" => {
            a.first().cloned().unwrap_or(Value::Nothing)
        }
        _ => Value::Nothing,
    }
}

/// The value of a pickle, and the bytes it took.
fn unpickle(bytes: &[u8]) -> std::result::Result<(Value, usize), String> {
    let mut m = Machine {
        bytes,
        at: 0,
        stack: Vec::new(),
        memo: HashMap::new(),
        copied: 0,
    };
    loop {
        if m.stack.len() + m.copied > MOST_VALUES {
            return Err("has too many values".into());
        }
        if m.step()? {
            let value = m.pop()?;
            return Ok((value, m.at));
        }
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    stack: Vec<Value>,
    memo: HashMap<u32, Value>,
    /// values that were copied into the memo and out of it
    copied: usize,
}

impl Machine<'_> {
    fn take(&mut self, n: usize) -> std::result::Result<&[u8], String> {
        let part = self
            .at
            .checked_add(n)
            .and_then(|end| self.bytes.get(self.at..end))
            .ok_or("its pickle is cut off")?;
        self.at += n;
        Ok(part)
    }

    fn unsigned(&mut self, n: usize) -> std::result::Result<u64, String> {
        Ok(self.take(n)?.iter().rev().fold(0, |w, &b| w << 8 | b as u64))
    }

    fn text(&mut self, length: usize) -> std::result::Result<Value, String> {
        Ok(Value::Text(
            String::from_utf8_lossy(self.take(length)?).into_owned(),
        ))
    }

    fn line(&mut self) -> std::result::Result<String, String> {
        let length = self.bytes[self.at..]
            .iter()
            .position(|b| *b == b'\n')
            .ok_or("its pickle is cut off")?;
        let line = String::from_utf8_lossy(self.take(length)?).into_owned();
        self.at += 1;
        Ok(line)
    }

    fn pop(&mut self) -> std::result::Result<Value, String> {
        self.stack
            .pop()
            .ok_or_else(|| "its pickle takes from an empty stack".into())
    }

    /// What lies above the last mark.
    fn marked(&mut self) -> std::result::Result<Vec<Value>, String> {
        let at = self
            .stack
            .iter()
            .rposition(|v| *v == Value::Mark)
            .ok_or("its pickle has lost a mark")?;
        let above = self.stack.split_off(at + 1);
        self.stack.pop();
        Ok(above)
    }

    fn keep(&mut self, index: u64) -> std::result::Result<(), String> {
        let top = self.stack.last().ok_or("its pickle keeps nothing")?;
        self.copied += top.size().0;
        let index = u32::try_from(index).map_err(|_| "its pickle keeps too much")?;
        self.memo.insert(index, top.clone());
        Ok(())
    }

    fn recall(&mut self, index: u64) -> std::result::Result<Value, String> {
        let kept = u32::try_from(index).ok().and_then(|i| self.memo.get(&i));
        let kept = kept.ok_or("its pickle recalls what it never kept")?;
        self.copied += kept.size().0;
        // Before the copy is made: what doubles each time is too many soon.
        if self.copied > MOST_VALUES {
            return Err("has too many values".into());
        }
        Ok(kept.clone())
    }

    fn set(&mut self, pairs: Vec<Value>) -> std::result::Result<(), String> {
        pairs.iter().try_for_each(shallow)?;
        if let Some(Value::Dict(d)) = self.stack.last_mut() {
            let mut pairs = pairs.into_iter();
            while let (Some(key), Some(value)) = (pairs.next(), pairs.next()) {
                if let Value::Text(key) = key {
                    d.insert(key, value);
                }
            }
        }
        Ok(())
    }

    /// One instruction; true at the end.
    fn step(&mut self) -> std::result::Result<bool, String> {
        let code = self.take(1)?[0];
        let push = match code {
            b'.' => return Ok(true),
            0x80 => return self.take(1).map(|_| false),
            0x95 => return self.take(8).map(|_| false),
            b'(' => Value::Mark,
            b'}' => Value::Dict(BTreeMap::new()),
            b']' => Value::List(vec![]),
            b')' => Value::Tuple(vec![]),
            b'N' => Value::Nothing,
            0x88 => Value::Number(1),
            0x89 => Value::Number(0),
            b'K' => Value::Number(self.unsigned(1)? as i64),
            b'M' => Value::Number(self.unsigned(2)? as i64),
            b'J' => Value::Number(self.unsigned(4)? as u32 as i32 as i64),
            b'G' => self.take(8).map(|_| Value::Nothing)?,
            0x8a => {
                let n = self.unsigned(1)? as usize;
                let digits = self.take(n)?;
                match n {
                    0..8 => {
                        let word = digits.iter().rev().fold(0u64, |w, &b| w << 8 | b as u64);
                        let unused = 64 - 8 * n.max(1) as u32;
                        Value::Number((word << unused) as i64 >> unused)
                    }
                    _ => Value::Long(digits.to_vec()),
                }
            }
            b'X' => {
                let n = self.unsigned(4)? as usize;
                self.text(n)?
            }
            0x8c => {
                let n = self.unsigned(1)? as usize;
                self.text(n)?
            }
            b'c' => Value::Global(format!("{}.{}", self.line()?, self.line()?)),
            0x93 => match (self.pop()?, self.pop()?) {
                (Value::Text(member), Value::Text(module)) => Value::Global(format!("{module}.{member}")),
                _ => return Err("its pickle names no function".into()),
            },
            b'h' => {
                let index = self.unsigned(1)?;
                self.recall(index)?
            }
            b'j' => {
                let index = self.unsigned(4)?;
                self.recall(index)?
            }
            b't' => Value::Tuple(self.marked()?),
            b'l' => Value::List(self.marked()?),
            0x85..=0x87 => {
                let mut items = (0..code - 0x84)
                    .map(|_| self.pop())
                    .collect::<std::result::Result<Vec<_>, _>>()?;
                items.reverse();
                Value::Tuple(items)
            }
            b'R' | 0x81 => {
                let (arguments, function) = (self.pop()?, self.pop()?);
                call(&function, &arguments)
            }
            b'Q' => match self.pop()? {
                Value::Tuple(parts) => match &parts[..] {
                    [Value::Text(tag), Value::Global(kind), Value::Text(key), ..] if tag == "storage" => {
                        Value::Storage {
                            key: key.clone(),
                            kind: kind.clone(),
                        }
                    }
                    _ => Value::Nothing,
                },
                _ => Value::Nothing,
            },
            b'q' => return self.unsigned(1).and_then(|i| self.keep(i)).map(|()| false),
            b'r' => return self.unsigned(4).and_then(|i| self.keep(i)).map(|()| false),
            0x94 => return self.keep(self.memo.len() as u64).map(|()| false),
            // What is set on an object beside its items, such as a dictionary's `_metadata`, is of no use here.
            b'b' | b'0' => return self.pop().map(|_| false),
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                return self.set(vec![key, value]).map(|()| false);
            }
            b'u' => {
                let pairs = self.marked()?;
                return self.set(pairs).map(|()| false);
            }
            b'a' | b'e' => {
                let items = if code == b'a' {
                    vec![self.pop()?]
                } else {
                    self.marked()?
                };
                items.iter().try_for_each(shallow)?;
                if let Some(Value::List(list)) = self.stack.last_mut() {
                    list.extend(items);
                }
                return Ok(false);
            }
            other => {
                return Err(format!(
                    "its pickle has the instruction {other:#04x}, which no state dictionary needs"
                ));
            }
        };
        if let Value::Tuple(items) | Value::List(items) = &push {
            items.iter().try_for_each(shallow)?;
        }
        self.stack.push(push);
        Ok(false)
    }
}

/// Refuses a value that another is to hold if it is deep already.
fn shallow(value: &Value) -> std::result::Result<(), String> {
    match value.size().1 < MOST_DEPTH {
        true => Ok(()),
        false => Err("has values that are nested too deeply".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubled_and_nested_values_are_refused_at_once() {
        // ((), ()), of that a pair, and so on: 2^200 values of 1,600 bytes.
        let mut doubled = b"\x80\x02)".to_vec();
        for i in 0..200u8 {
            doubled.extend([b'q', i, b'0', b'h', i, b'h', i, 0x86]);
        }
        doubled.push(b'.');
        assert!(unpickle(&doubled).unwrap_err().contains("too"));
        let nested = [&b"\x80\x02"[..], &b")"[..], &[0x85; 1_000_000], b"."].concat();
        assert!(unpickle(&nested).unwrap_err().contains("too deep"));
        let lists = [&b"\x80\x02"[..], &b"]".repeat(100), &b"a".repeat(99), b"."].concat();
        assert!(unpickle(&lists).unwrap_err().contains("too deep"));
        // A long text recalled again and again.
        let mut text = b"\x80\x02(X\x00\x00\x10\x00".to_vec();
        text.extend(vec![b'x'; 1 << 20]);
        text.extend(b"q\x00".iter().chain(&b"h\x00".repeat(1000)).chain(b"t."));
        assert!(unpickle(&text).unwrap_err().contains("too many"));
        // What a state dictionary has is read: a name and a pair of numbers that is referred to twice.
        let whole = b"\x80\x02}(X\x01\x00\x00\x00wK\x02K\x03\x86q\x01X\x01\x00\x00\x00vh\x01u.";
        let pair = Value::Tuple(vec![Value::Number(2), Value::Number(3)]);
        let want = BTreeMap::from([("v".to_string(), pair.clone()), ("w".to_string(), pair)]);
        assert_eq!(unpickle(whole).unwrap().0, Value::Dict(want));
    }

    #[test]
    fn a_tensor_has_no_more_numbers_than_its_storage() {
        let storages = Storages::from([("0".to_string(), vec![0; 40])]);
        let tensor = |shape: &[usize], strides: &[usize]| TensorValue {
            key: "0".into(),
            kind: "torch.FloatStorage".into(),
            offset: 0,
            shape: shape.to_vec(),
            strides: strides.to_vec(),
        };
        let mut left = 20;
        assert_eq!(
            tensor(&[2, 5], &[5, 1])
                .values(&storages, &mut left)
                .unwrap()
                .unwrap()
                .len(),
            10
        );
        assert!(tensor(&[11], &[1]).values(&storages, &mut left).is_err());
        let mut left = 20;
        let told = tensor(&[1 << 29], &[0]).values(&storages, &mut left).unwrap_err();
        assert!(told.contains("larger"), "{told}");
    }
}
