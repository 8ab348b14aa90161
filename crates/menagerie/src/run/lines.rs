//! Logs of one JSON object a line: added to in one write under a lock, and read past lines that are damaged.
use crate::error::{Error, Result};
use crate::files;
use serde_json::{Map, Value};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

/// What a log holds.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// its whole lines, in order
    pub whole: Vec<Map<String, Value>>,
    /// how many lines are damaged; a last one that was cut off is none of them
    pub damaged: usize,
}

/// Reads a log; one that is not there is empty.
///
/// # Errors
/// [`Error::Io`] when it cannot be read.
pub(super) fn read(path: &Path) -> Result<Lines> {
    let mut lines = Lines::default();
    if path.try_exists().map_err(Error::io("read", path))? {
        for line in files::read(path)?.split_inclusive(|b| *b == b'\n') {
            match parse(line) {
                Some(map) => lines.whole.push(map),
                None => lines.damaged += usize::from(is_damaged(line)),
            }
        }
    }
    Ok(lines)
}

/// Keeps the lines that `stays` says, byte for byte; damaged ones go, and their number is given.
///
/// # Errors
/// [`Error::Io`] when the log cannot be read or written.
pub(super) fn keep(path: &Path, stays: impl Fn(&Map<String, Value>) -> bool) -> Result<usize> {
    if !path.try_exists().map_err(Error::io("read", path))? {
        return Ok(0);
    }
    let _lock = locked(path)?;
    let bytes = files::read(path)?;
    let (mut kept, mut damaged) = (Vec::with_capacity(bytes.len()), 0);
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        match parse(line) {
            Some(map) if stays(&map) => {
                kept.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
                kept.push(b'\n');
            }
            Some(_) => {}
            None => damaged += usize::from(is_damaged(line)),
        }
    }
    if kept != bytes {
        files::write_atomically(path, &kept)?;
    }
    Ok(damaged)
}

/// Adds a line in one write, after whatever other processes add; behind a line that was cut off it begins a new one.
///
/// # Errors
/// [`Error::Io`] when it cannot be written; the log is then as it was.
pub(super) fn append(path: &Path, line: &str) -> Result<()> {
    let mut file = locked(path)?;
    let write = |file: &mut File| {
        let end = file.seek(SeekFrom::End(0))?;
        let mut last = [b'\n'];
        if end > 0 {
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
        }
        let begin = if last == *b"\n" { "" } else { "\n" };
        let written = file.write_all(format!("{begin}{line}\n").as_bytes());
        if written.is_err() {
            file.set_len(end)?;
        }
        written?;
        file.sync_data()
    };
    write(&mut file).map_err(Error::io("write", path))
}

/// The log, locked until the file is dropped. A log that was replaced while we waited is opened again.
fn locked(path: &Path) -> Result<File> {
    loop {
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .read(true)
            .open(path)
            .map_err(Error::io("write", path))?;
        file.lock().map_err(Error::io("lock", path))?;
        if files::is_at(&file, path).map_err(Error::io("read", path))? {
            return Ok(file);
        }
    }
}

fn parse(line: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(line).ok()
}

/// Whether a line that cannot be read was once whole.
fn is_damaged(line: &[u8]) -> bool {
    line.ends_with(b"\n") && !line.trim_ascii().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_off_line_swallows_nothing_and_a_damaged_one_stops_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.jsonl");
        assert!(read(&path).unwrap().whole.is_empty());
        std::fs::write(&path, b"{\"step\":1}\n{\"st\xff\":2}\n\n{\"step\":3").unwrap();
        append(&path, "{\"step\":4}").unwrap();
        let found = read(&path).unwrap();
        let steps: Vec<_> = found.whole.iter().map(super::super::step_of).collect();
        // What was cut off has become a damaged line of its own.
        assert_eq!((steps, found.damaged), (vec![1, 4], 2));
        assert_eq!(keep(&path, |m| super::super::step_of(m) < 4).unwrap(), 2);
        assert_eq!(std::fs::read(&path).unwrap(), b"{\"step\":1}\n");
    }

    #[test]
    fn kept_lines_are_the_same_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.jsonl");
        // A number that a parser without exact rounding gives back with another last digit, and spaces of another hand.
        let text = "{\"step\": 1,  \"x\":0.6923076923076924}\n{\"step\":2,\"x\":-97.10498046875001}\n";
        std::fs::write(&path, format!("{text}{{\"step\":3}}\n")).unwrap();
        keep(&path, |m| super::super::step_of(m) < 3).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }

    #[test]
    fn lines_of_many_writers_are_whole_while_the_log_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.jsonl");
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let path = &path;
                scope.spawn(move || {
                    for i in 0..50 {
                        let long = "x".repeat(5000);
                        append(
                            path,
                            &format!("{{\"step\":{},\"x\":\"{long}\"}}", writer * 50 + i),
                        )
                        .unwrap();
                    }
                });
            }
            // The other side of a resume: lines are dropped meanwhile, of which there are none.
            let path = &path;
            scope.spawn(move || {
                for _ in 0..50 {
                    keep(path, |m| super::super::step_of(m) != 1_000_000).unwrap();
                    append(path, "{\"step\":1000000}").unwrap();
                }
            });
        });
        let found = read(&path).unwrap();
        let mut steps: Vec<_> = found
            .whole
            .iter()
            .map(super::super::step_of)
            .filter(|s| *s < 1000)
            .collect();
        steps.sort_unstable();
        assert_eq!((steps, found.damaged), ((0..200).collect(), 0));
    }
}
