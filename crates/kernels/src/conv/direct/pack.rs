//! Packing of B into panels.
use super::super::micro::{LANES, PANEL, Panels};
use crate::scratch::Ptr;

/// Packs panel `j`; `row(k)` gives the n columns of row k. Padded columns are zero.
///
/// # Safety
/// `to` points at `panels.len()` floats, of which nobody else uses panel `j` meanwhile.
pub(super) unsafe fn pack_rows<'a>(to: Ptr<f32>, panels: &Panels, j: usize, row: impl Fn(usize) -> &'a [f32]) {
    let (columns, strip, pitch) = (panels.columns(j), panels.strip(), panels.row(j));
    for k in 0..panels.k {
        let from = &row(k)[j * PANEL..][..columns];
        for (s, part) in from.chunks(LANES).enumerate() {
            // SAFETY: row k of strip s of panel j, 16 floats.
            let to = unsafe { &mut *to.get().add(panels.start(j) + s * strip + k * pitch).cast::<[f32; LANES]>() };
            to[..part.len()].copy_from_slice(part);
            to[part.len()..].fill(0.0);
        }
    }
}

/// Packs rows from `k0` on of panel `j`, transposing: `column(c)` gives those rows of column c.
///
/// # Safety
/// `to` points at `panels.len()` floats, of which nobody else uses panel `j` meanwhile.
pub(super) unsafe fn pack_columns<'a>(to: Ptr<f32>, panels: &Panels, j: usize, k0: usize, column: impl Fn(usize) -> &'a [f32]) {
    let (columns, strip, pitch) = (panels.columns(j), panels.strip(), panels.row(j));
    let rows = column(j * PANEL).len();
    assert!(k0 + rows <= panels.k);
    for i0 in (0..rows).step_by(16) {
        let n = (rows - i0).min(16);
        for c0 in (0..columns).step_by(LANES) {
            let mut block = [[0f32; LANES]; 16];
            for c in c0..(c0 + LANES).min(columns) {
                let from = &column(j * PANEL + c)[i0..i0 + n];
                for (row, &v) in block.iter_mut().zip(from) {
                    row[c - c0] = v;
                }
            }
            for (i, row) in block.iter().enumerate().take(n) {
                // SAFETY: row k0 + i0 + i < k of strip c0 / 16 of panel j, 16 floats.
                unsafe { *to.get().add(panels.start(j) + c0 / LANES * strip + (k0 + i0 + i) * pitch).cast() = *row };
            }
        }
    }
}
