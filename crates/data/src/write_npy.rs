//! NumPy's array files (NEP 1), written whole.
use crate::error::{Error, Result};
use crate::files::write_atomically;
use std::path::Path;

/// Writes an array of f32, little-endian, in NumPy's format version 1.0.
///
/// # Errors
/// [`Error::Usage`] when `shape` is not that of `values`, [`Error::Io`] when the file cannot be written.
pub fn write_npy(path: impl AsRef<Path>, shape: &[usize], values: &[f32]) -> Result<()> {
    let path = path.as_ref();
    if shape.iter().product::<usize>() != values.len() {
        return Err(Error::usage(
            format!("{} values do not have the shape {shape:?}", values.len()),
            "give the shape of all values",
        ));
    }
    let mut out = head("<f4", shape);
    out.reserve(values.len() * 4);
    values.iter().for_each(|v| out.extend(v.to_le_bytes()));
    write_atomically(path, &out)
}

/// What stands before an array's values, which are of that kind by NumPy's code (`<f4`).
pub(super) fn head(kind: &str, shape: &[usize]) -> Vec<u8> {
    let axes: String = shape.iter().map(|a| format!("{a}, ")).collect();
    let head = format!(
        "{{'descr': '{kind}', 'fortran_order': False, 'shape': ({}), }}",
        axes.trim_end()
    );
    // The values begin at a multiple of 64 bytes.
    let padded = (10 + head.len() + 1).next_multiple_of(64) - 11;
    let head = format!("{head:padded$}\n");
    let mut out = b"\x93NUMPY\x01\x00".to_vec();
    out.extend((head.len() as u16).to_le_bytes());
    out.extend(head.as_bytes());
    out
}
