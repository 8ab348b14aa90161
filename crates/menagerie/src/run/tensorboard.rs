//! TensorBoard event files: TFRecords of `Event` protocol buffers, written by hand because so little of both is needed.
//! Layout: tensorflow/core/lib/io/record_writer.h, tensorflow/core/util/event.proto and framework/summary.proto.
use crate::error::{Error, Result};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Writes scalars to `events.out.tfevents.*` in a folder.
pub struct EventFile {
    file: BufWriter<File>,
    path: PathBuf,
}

impl EventFile {
    /// A new event file; a resumed run adds one more, and TensorBoard reads them in the order of their names.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn create(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        let seconds = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        let path = folder.join(format!(
            "events.out.tfevents.{seconds:010}.{}.menagerie",
            std::process::id()
        ));
        let file = BufWriter::new(File::create(&path).map_err(Error::io("create", &path))?);
        let mut events = EventFile { file, path };
        let version = bytes_field(3, b"brain.Event:2");
        events.record(&[double_field(1, now()), version].concat())?;
        Ok(events)
    }

    /// Adds scalars of one step.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn scalars<'a>(
        &mut self,
        step: u64,
        scalars: impl IntoIterator<Item = (&'a str, f64)>,
    ) -> Result<()> {
        let values: Vec<u8> = scalars
            .into_iter()
            .flat_map(|(tag, v)| {
                bytes_field(
                    1,
                    &[bytes_field(1, tag.as_bytes()), float_field(2, v as f32)].concat(),
                )
            })
            .collect();
        self.record(
            &[
                double_field(1, now()),
                varint_field(2, step),
                bytes_field(5, &values),
            ]
            .concat(),
        )?;
        self.file.flush().map_err(Error::io("write", &self.path))
    }

    /// One TFRecord: length, its checksum, data, its checksum.
    fn record(&mut self, data: &[u8]) -> Result<()> {
        let length = (data.len() as u64).to_le_bytes();
        let parts = [&length[..], &masked_crc(&length), data, &masked_crc(data)].concat();
        self.file
            .write_all(&parts)
            .map_err(Error::io("write", &self.path))
    }
}

fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs_f64()
}

fn masked_crc(data: &[u8]) -> [u8; 4] {
    crc32c::crc32c(data)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
        .to_le_bytes()
}

fn varint(mut v: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
    out
}
fn varint_field(field: u64, v: u64) -> Vec<u8> {
    [varint(field << 3), varint(v)].concat()
}
fn double_field(field: u64, v: f64) -> Vec<u8> {
    [varint(field << 3 | 1), v.to_le_bytes().to_vec()].concat()
}
fn bytes_field(field: u64, v: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(v.len() as u64), v.to_vec()].concat()
}
fn float_field(field: u64, v: f32) -> Vec<u8> {
    [varint(field << 3 | 5), v.to_le_bytes().to_vec()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The checksum of an 8-byte length as TensorFlow's writer gives it, and the framing around the data.
    #[test]
    fn records_are_framed_as_tensorflow_frames_them() {
        let dir = tempfile::tempdir().unwrap();
        let mut events = EventFile::create(dir.path()).unwrap();
        events.scalars(7, [("loss/generator", 0.5)]).unwrap();
        let bytes = std::fs::read(&events.path).unwrap();
        let (mut at, mut records) = (0, Vec::new());
        while at < bytes.len() {
            let n = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
            assert_eq!(masked_crc(&bytes[at..at + 8]), bytes[at + 8..at + 12]);
            let data = &bytes[at + 12..at + 12 + n];
            assert_eq!(masked_crc(data), bytes[at + 12 + n..at + 16 + n]);
            records.push(data.to_vec());
            at += 16 + n;
        }
        assert_eq!(records.len(), 2);
        let value = [bytes_field(1, b"loss/generator"), float_field(2, 0.5)].concat();
        let tail = [varint_field(2, 7), bytes_field(5, &bytes_field(1, &value))].concat();
        assert!(records[1].ends_with(&tail));
        // CRC-32C's own check value ("123456789" -> e3069283), then TensorFlow's rotation and offset.
        assert_eq!(
            masked_crc(b"123456789"),
            0xe306_9283u32
                .rotate_right(15)
                .wrapping_add(0xa282_ead8)
                .to_le_bytes()
        );
    }
}
