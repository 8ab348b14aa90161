//! Archives of real-valued arrays by name (NumPy's `.npz`), for statistics that other programs are to read too.
use super::npy::{self, Array, Type};
use super::zip::Archive;
use crate::error::{Error, Result};
use crate::files::write_atomically;
use flate2::Crc;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

/// Arrays of double precision by name, and notes beside them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arrays {
    /// name -> (shape, row-major numbers)
    pub arrays: BTreeMap<String, (Vec<usize>, Vec<f64>)>,
    /// text files in the archive, by name
    pub notes: BTreeMap<String, String>,
}

impl Arrays {
    /// Reads an archive; arrays of single precision are widened.
    ///
    /// # Errors
    /// [`Error::Data`] when it is no archive of real numbers, or damaged.
    pub fn read(path: &Path) -> Result<Arrays> {
        let file = File::open(path).map_err(Error::io("read", path))?;
        let bad = |problem: String| {
            Error::data(
                path,
                format!("is not a whole .npz file: {problem}"),
                "make it again",
            )
        };
        let mut archive = Archive::open(file).map_err(bad)?;
        let mut out = Arrays::default();
        for name in archive.names().map(String::from).collect::<Vec<_>>() {
            let content = archive.read(&name).map_err(bad)?;
            let Some(array) = name.strip_suffix(".npy") else {
                out.notes
                    .insert(name, String::from_utf8_lossy(&content).into_owned());
                continue;
            };
            let mut rest = &content[..];
            let Array { kind, shape, .. } = npy::header(path, &mut rest, content.len() as u64)?;
            let values = match kind {
                Type::Float { size: 8, big: false } => rest
                    .as_chunks()
                    .0
                    .iter()
                    .map(|b| f64::from_le_bytes(*b))
                    .collect(),
                Type::Float { size: 4, big: false } => rest
                    .as_chunks()
                    .0
                    .iter()
                    .map(|b| f32::from_le_bytes(*b) as f64)
                    .collect(),
                _ => return Err(bad(format!("`{array}` does not hold real numbers"))),
            };
            out.arrays.insert(array.to_string(), (shape, values));
        }
        Ok(out)
    }

    /// Writes an archive that `numpy.load` reads, arrays as float64.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be written; [`Error::Usage`] beyond 4 GB.
    pub fn write(&self, path: &Path) -> Result<()> {
        let arrays = self
            .arrays
            .iter()
            .map(|(name, (shape, values))| (format!("{name}.npy"), npy_bytes(shape, values)));
        let notes = self
            .notes
            .iter()
            .map(|(name, text)| (name.clone(), text.as_bytes().to_vec()));
        let (mut out, mut directory, mut count) = (Vec::new(), Vec::new(), 0u16);
        for (name, content) in arrays.chain(notes) {
            if out.len() + content.len() > u32::MAX as usize {
                return Err(Error::usage(
                    format!("{} would be larger than 4 GB", path.display()),
                    "keep fewer features",
                ));
            }
            let mut crc = Crc::new();
            crc.update(&content);
            let start = (out.len() as u32).to_le_bytes();
            let mut fields = Vec::new();
            // Version 2.0, no flags, stored, 1 January 1980; checksum, both lengths, length of the name, no extra field.
            fields.extend([20, 0, 0, 0, 0, 0, 0, 0, 0x21, 0]);
            fields.extend(crc.sum().to_le_bytes());
            fields.extend((content.len() as u32).to_le_bytes());
            fields.extend((content.len() as u32).to_le_bytes());
            fields.extend((name.len() as u16).to_le_bytes());
            fields.extend([0, 0]);
            out.extend(b"PK\x03\x04");
            out.extend(&fields);
            out.extend(name.as_bytes());
            out.extend(content);
            directory.extend(b"PK\x01\x02\x14\x00");
            directory.extend(&fields);
            // No comment, disk 0, no attributes.
            directory.extend([0; 10]);
            directory.extend(start);
            directory.extend(name.as_bytes());
            count += 1;
        }
        let (start, size) = (out.len() as u32, directory.len() as u32);
        out.extend(directory);
        out.extend(b"PK\x05\x06\x00\x00\x00\x00");
        out.extend(count.to_le_bytes());
        out.extend(count.to_le_bytes());
        out.extend(size.to_le_bytes());
        out.extend(start.to_le_bytes());
        out.extend([0, 0]);
        write_atomically(path, &out)
    }
}

/// An array as an `.npy` file.
fn npy_bytes(shape: &[usize], values: &[f64]) -> Vec<u8> {
    let mut out = super::write_npy::head("<f8", shape);
    out.reserve(values.len() * 8);
    values.iter().for_each(|v| out.extend(v.to_le_bytes()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_read_as_written_and_damage_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.npz");
        let mut a = Arrays::default();
        a.arrays.insert("mu".into(), (vec![3], vec![1.0, -2.5, 1e-300]));
        a.arrays
            .insert("sigma".into(), (vec![2, 2], vec![1.0, 2.0, 3.0, f64::MAX]));
        a.notes.insert("definition.json".into(), "{\"x\": 1}".into());
        a.write(&path).unwrap();
        assert_eq!(Arrays::read(&path).unwrap(), a);
        let mut bytes = std::fs::read(&path).unwrap();
        let n = bytes.len();
        // A bit of the first array's numbers: 30 bytes of the entry's head, its name, 128 of the array's head.
        bytes[30 + "mu.npy".len() + 128 + 3] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert!(Arrays::read(&path).unwrap_err().to_string().contains("checksum"));
        std::fs::write(&path, &bytes[..n / 2]).unwrap();
        assert!(
            Arrays::read(&path)
                .unwrap_err()
                .to_string()
                .contains("not a whole .npz")
        );
    }
}
