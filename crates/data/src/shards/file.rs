//! Shards as open files that many threads read at places of their own.
use super::place::Place;
use crate::error::{Error, Result};
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

/// So many shards are held open at a time.
const OPEN: usize = 128;
/// A reader takes so many bytes at a time.
pub(crate) const BLOCK: usize = 256 << 10;

/// Fills `bytes` from a place in a file, whatever other threads read.
pub(crate) fn pread(file: &File, bytes: &mut [u8], at: u64) -> std::io::Result<()> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_exact_at(file, bytes, at);
    #[cfg(windows)]
    {
        let mut filled = 0;
        while filled < bytes.len() {
            match std::os::windows::fs::FileExt::seek_read(file, &mut bytes[filled..], at + filled as u64)? {
                0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
                n => filled += n,
            }
        }
        Ok(())
    }
}

/// A part of a file as something to read from its beginning, in blocks; a step within a block reads nothing anew.
pub(crate) struct Window<'a> {
    file: &'a File,
    start: u64,
    length: u64,
    at: u64,
    block: Vec<u8>,
    /// where the block begins
    from: u64,
    size: usize,
}

impl<'a> Window<'a> {
    /// `length` bytes from `start` on, read in blocks of `size` bytes.
    pub(crate) fn new(file: &'a File, start: u64, length: u64, size: usize) -> Window<'a> {
        Window {
            file,
            start,
            length,
            at: 0,
            block: Vec::new(),
            from: 0,
            size,
        }
    }

    /// A whole file.
    pub(crate) fn whole(file: &'a File, length: u64) -> Window<'a> {
        Window::new(file, 0, length, BLOCK)
    }

    /// `n` bytes from `at` on, without a copy of them. What the block does not hold is read with what follows it, `ahead` bytes
    /// in all at most.
    pub(crate) fn slice(&mut self, at: u64, n: usize, ahead: usize) -> std::io::Result<&[u8]> {
        let there = self.length.saturating_sub(at);
        if there < n as u64 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if at < self.from || at + n as u64 > self.from + self.block.len() as u64 {
            let size = there.min(ahead.max(n) as u64) as usize;
            self.block.resize(size, 0);
            // What a failed reading leaves behind is taken for no part of the file.
            self.from = self.length;
            pread(self.file, &mut self.block, self.start + at)?;
            self.from = at;
        }
        let from = (at - self.from) as usize;
        Ok(&self.block[from..from + n])
    }
}

impl Read for Window<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.at >= self.length || out.is_empty() {
            return Ok(0);
        }
        if self.at < self.from || self.at >= self.from + self.block.len() as u64 {
            let size = (self.length - self.at).min(self.size as u64) as usize;
            self.block.resize(size, 0);
            pread(self.file, &mut self.block, self.start + self.at)?;
            self.from = self.at;
        }
        let rest = &self.block[(self.at - self.from) as usize..];
        let n = rest.len().min(out.len());
        out[..n].copy_from_slice(&rest[..n]);
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for Window<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let to = match to {
            SeekFrom::Start(n) => Some(n),
            SeekFrom::End(n) => self.length.checked_add_signed(n),
            SeekFrom::Current(n) => self.at.checked_add_signed(n),
        };
        self.at = to.ok_or(std::io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// The shards of a set, the last used of them open.
pub(super) struct Files {
    places: Vec<Place>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    files: HashMap<usize, (Arc<File>, u64)>,
    clock: u64,
}

impl Files {
    pub(super) fn new(places: Vec<Place>) -> Files {
        Files {
            places,
            open: Mutex::default(),
        }
    }

    /// Where a shard lies.
    pub(super) fn place(&self, shard: usize) -> &Place {
        &self.places[shard]
    }

    /// A shard, open.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be opened; [`Error::Unreachable`] when it cannot be fetched.
    pub(super) fn get(&self, shard: usize) -> Result<Arc<File>> {
        // A fetched shard that was removed from the cache would still take its place while it is open.
        if !self.places[shard].stays() {
            return Ok(Arc::new(self.places[shard].open()?));
        }
        {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.clock += 1;
            let now = open.clock;
            if let Some((file, used)) = open.files.get_mut(&shard) {
                *used = now;
                return Ok(file.clone());
            }
        }
        let file = Arc::new(self.places[shard].open()?);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let now = open.clock;
        open.files.insert(shard, (file.clone(), now));
        if open.files.len() > OPEN {
            let oldest = open
                .files
                .iter()
                .min_by_key(|(_, (_, used))| *used)
                .map(|(k, _)| *k);
            oldest.and_then(|k| open.files.remove(&k));
        }
        Ok(file)
    }

    /// `length` bytes of a shard.
    ///
    /// # Errors
    /// Those of [`Files::get`], and [`Error::Io`] when the shard has become shorter.
    pub(super) fn bytes(&self, shard: usize, at: u64, length: usize) -> Result<Vec<u8>> {
        let file = self.get(shard)?;
        let mut bytes = vec![0; length];
        let read = pread(&file, &mut bytes, at);
        read.map_err(Error::io("read", self.places[shard].name()))?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_window_reads_what_the_file_holds() {
        let mut file = tempfile::tempfile().unwrap();
        let content: Vec<u8> = (0..5000u32).map(|i| (i * 7 % 251) as u8).collect();
        file.write_all(&content).unwrap();
        let mut window = Window::new(&file, 100, 4000, 64);
        let mut all = Vec::new();
        window.read_to_end(&mut all).unwrap();
        assert_eq!(all, content[100..4100]);
        for (at, n) in [(3990, 10), (0, 5), (63, 2), (64, 100), (1000, 1)] {
            window.seek(SeekFrom::Start(at)).unwrap();
            let mut some = vec![0; n];
            window.read_exact(&mut some).unwrap();
            assert_eq!(some, content[100 + at as usize..][..n]);
        }
        for (at, n, ahead) in [(3990, 10, 64), (0, 5, 0), (1, 4, 64), (2, 300, 64), (4000, 0, 9)] {
            let expected = &content[100 + at as usize..][..n];
            assert_eq!(window.slice(at, n, ahead).unwrap(), expected);
        }
        window.slice(3995, 6, 64).unwrap_err();
        assert_eq!(window.seek(SeekFrom::End(5)).unwrap(), 4005);
        assert_eq!(window.read(&mut [0; 4]).unwrap(), 0);
        window.seek(SeekFrom::Current(-5000)).unwrap_err();
    }
}
