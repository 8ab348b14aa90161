//! As much of the ZIP format (PKWARE APPNOTE 6.3) as NumPy writes: entries stored or deflated, no encryption, all in
//! one file below 4 GB.
use crate::limits::unpacked;
use flate2::Crc;
use flate2::read::DeflateDecoder;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

/// The record at the end, with the longest comment.
const END: u64 = 22 + 65_535;

struct Entry {
    name: String,
    flags: u16,
    method: u16,
    crc: u32,
    packed: u64,
    length: u64,
    start: u64,
}

/// An archive, opened for reading.
pub struct Archive {
    file: File,
    entries: Vec<Entry>,
}

fn u16_at(b: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(b.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(b: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(b.get(at..at + 4)?.try_into().ok()?))
}

impl Archive {
    /// Reads the directory at the end of the file; what is wrong with it when it cannot be used.
    pub fn open(mut file: File) -> Result<Archive, String> {
        let length = file.seek(SeekFrom::End(0)).map_err(|e| e.to_string())?;
        let tail = read_at(&mut file, length - length.min(END), length.min(END))?;
        let at = tail
            .windows(4)
            .rposition(|w| w == b"PK\x05\x06")
            .ok_or("it has no directory at its end")?;
        let (size, start) = (u32_at(&tail, at + 12), u32_at(&tail, at + 16));
        let (Some(size), Some(start)) = (size, start) else {
            return Err("its directory ends early".into());
        };
        if size == u32::MAX || start == u32::MAX {
            return Err("it is larger than 4 GB, which only .npy files may be".into());
        }
        if u64::from(start) + u64::from(size) > length {
            return Err("its directory lies outside the file".into());
        }
        let directory = read_at(&mut file, start.into(), size.into())?;
        let mut rest = &directory[..];
        let mut entries = Vec::new();
        while !rest.is_empty() {
            let (entry, size) = Entry::parse(rest).ok_or("its directory is damaged")?;
            entries.push(entry);
            rest = &rest[size..];
        }
        let claimed = entries.iter().fold(0u64, |n, e| n.saturating_add(e.length));
        if claimed > unpacked(length) {
            return Err(format!(
                "its entries claim {claimed} bytes, which its {length} cannot stand for"
            ));
        }
        Ok(Archive { file, entries })
    }

    /// The names of the entries.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|e| e.name.as_str())
    }

    /// The content of an entry, its length and checksum verified.
    ///
    /// # Errors
    /// What is wrong with the entry, as words that go on from the archive's name.
    pub fn read(&mut self, name: &str) -> Result<Vec<u8>, String> {
        let content = self.begin(name, usize::MAX)?;
        let entry = self.entry(name)?;
        let mut crc = Crc::new();
        crc.update(&content);
        if content.len() as u64 != entry.length || crc.sum() != entry.crc {
            return Err(format!("`{name}` has a wrong length or checksum"));
        }
        Ok(content)
    }

    /// The length of an entry's content, as the directory has it.
    ///
    /// # Errors
    /// When there is no such entry.
    pub fn length(&self, name: &str) -> Result<u64, String> {
        Ok(self.entry(name)?.length)
    }

    fn entry(&self, name: &str) -> Result<&Entry, String> {
        let found = self.entries.iter().find(|e| e.name == name);
        found.ok_or(format!("it has no entry `{name}`"))
    }

    /// The first bytes of an entry, `most` of them at most; nothing is verified. Of the whole of it a byte more than it
    /// claims to have may come.
    ///
    /// # Errors
    /// What is wrong with the entry, as words that go on from the archive's name.
    pub fn begin(&mut self, name: &str, most: usize) -> Result<Vec<u8>, String> {
        let entry = self.entry(name)?;
        let (packed, length, start, method) = (entry.packed, entry.length, entry.start, entry.method);
        if entry.flags & 1 != 0 || ![0, 8].contains(&method) {
            return Err(format!("`{name}` is encrypted or packed in an uncommon way"));
        }
        if (method == 0 && length > packed) || packed > self.file.metadata().map_err(|e| e.to_string())?.len()
        {
            return Err(format!(
                "`{name}` claims {length} bytes, which its {packed} cannot hold"
            ));
        }
        // The entry's own header repeats the name, and may have other extra fields than the directory.
        let head = read_at(&mut self.file, start, 30)?;
        let (Some(a), Some(b), true) = (
            u16_at(&head, 26),
            u16_at(&head, 28),
            head.starts_with(b"PK\x03\x04"),
        ) else {
            return Err(format!("`{name}` does not lie where the directory says"));
        };
        self.file
            .seek(SeekFrom::Current(i64::from(a) + i64::from(b)))
            .map_err(|e| e.to_string())?;
        let most = (length + 1).min(most as u64);
        let source = (&self.file).take(packed);
        // Deflate packs at most 1,032 bytes into one.
        let mut content = Vec::with_capacity(most.min(packed.saturating_mul(1032)) as usize);
        let read = match method {
            0 => source.take(most).read_to_end(&mut content),
            _ => DeflateDecoder::new(source).take(most).read_to_end(&mut content),
        };
        read.map_err(|e| format!("`{name}` cannot be unpacked: {e}"))?;
        Ok(content)
    }
}

impl Entry {
    /// One entry of the directory, and the bytes it takes there.
    fn parse(b: &[u8]) -> Option<(Entry, usize)> {
        if !b.starts_with(b"PK\x01\x02") {
            return None;
        }
        let (name, extra, comment) = (
            u16_at(b, 28)? as usize,
            u16_at(b, 30)? as usize,
            u16_at(b, 32)? as usize,
        );
        let size = 46 + name + extra + comment;
        let entry = Entry {
            name: String::from_utf8_lossy(b.get(46..46 + name)?).into_owned(),
            flags: u16_at(b, 8)?,
            method: u16_at(b, 10)?,
            crc: u32_at(b, 16)?,
            packed: u32_at(b, 20)?.into(),
            length: u32_at(b, 24)?.into(),
            start: u32_at(b, 42)?.into(),
        };
        (b.len() >= size).then_some((entry, size))
    }
}

/// `length` bytes from `start` on.
fn read_at(file: &mut File, start: u64, length: u64) -> Result<Vec<u8>, String> {
    let mut bytes = vec![0; length as usize];
    file.seek(SeekFrom::Start(start))
        .and_then(|_| file.read_exact(&mut bytes))
        .map_err(|e| e.to_string())?;
    Ok(bytes)
}
