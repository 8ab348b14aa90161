//! `metrics.jsonl`: one JSON object a line, one line a log step.
use super::lines;
use crate::error::{Error, Result};
use serde_json::{Map, Value};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

/// Appends lines to `metrics.jsonl`.
pub struct MetricsLog {
    file: File,
    path: std::path::PathBuf,
}

impl MetricsLog {
    /// Opens the file to append, first dropping what lies after `step` (a run that died after its last checkpoint
    /// goes through those steps again), a last line that was cut off, and damaged lines, whose number is given.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read or written.
    pub fn open(path: &Path, step: u64) -> Result<(Self, usize)> {
        let damaged = lines::keep(path, |m| step_of(m) <= step)?;
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(Error::io("write", path))?;
        let path = path.into();
        Ok((MetricsLog { file, path }, damaged))
    }

    /// Appends one line. Numbers that are not finite become null: JSON has no others.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn append(&mut self, line: Map<String, Value>) -> Result<()> {
        self.file
            .write_all(to_line(&line).as_bytes())
            .map_err(Error::io("write", &self.path))
    }
}

/// A line as it stands in the file: step, images and seconds first.
fn to_line(map: &Map<String, Value>) -> String {
    let first = ["step", "images", "seconds"];
    let rest = map.iter().filter(|(k, _)| !first.contains(&k.as_str()));
    let fields = first.iter().filter_map(|k| map.get_key_value(*k)).chain(rest);
    let fields: Vec<String> = fields
        .map(|(k, v)| format!("{}:{v}", Value::from(k.as_str())))
        .collect();
    format!("{{{}}}\n", fields.join(","))
}

/// The step a line belongs to.
pub fn step_of(line: &Map<String, Value>) -> u64 {
    line.get("step").and_then(Value::as_u64).unwrap_or(0)
}

/// All whole lines of a metrics file; none where there is none yet.
///
/// # Errors
/// [`Error::Io`] when it cannot be read.
pub fn read(path: &Path) -> Result<Vec<Map<String, Value>>> {
    lines::read(path).map(|l| l.whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_after_the_checkpoint_and_half_lines_go() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.jsonl");
        std::fs::write(
            &path,
            "{\"step\":1}\n{\"step\":2,\"loss\":0.5}\n{\"step\":3}\n{\"st",
        )
        .unwrap();
        let (mut log, damaged) = MetricsLog::open(&path, 2).unwrap();
        assert_eq!(damaged, 0, "a line that a kill cut off is not damaged");
        log.append(Map::from_iter([("step".into(), 3.into())])).unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "{\"step\":1}\n{\"step\":2,\"loss\":0.5}\n{\"step\":3}\n"
        );
    }
}
