//! Packing of B into panels.
use super::super::micro::{LANES, PANEL, Panels, transpose_block};
use crate::scratch::Ptr;

/// Packs panel `j`; `row(k)` gives the n columns of row k. Padded columns are zero.
///
/// # Safety
/// `to` points at `panels.len()` floats, of which nobody else uses panel `j` meanwhile.
pub(in crate::conv) unsafe fn pack_rows<'a>(
    to: Ptr<f32>,
    panels: &Panels,
    j: usize,
    row: impl Fn(usize) -> &'a [f32],
) {
    let (columns, strip, pitch) = (panels.columns(j), panels.strip(), panels.row(j));
    for k in 0..panels.k {
        let from = &row(k)[j * PANEL..][..columns];
        for (s, part) in from.chunks(LANES).enumerate() {
            // SAFETY: row k of strip s of panel j, 16 floats.
            let to = unsafe {
                &mut *to
                    .get()
                    .add(panels.start(j) + s * strip + k * pitch)
                    .cast::<[f32; LANES]>()
            };
            to[..part.len()].copy_from_slice(part);
            to[part.len()..].fill(0.0);
        }
    }
}

/// Packs `depth` rows from `k0` on of panel `j`, transposing: column c of those rows is the beginning of row c of `from`, whose rows
/// are `apart`.
///
/// # Safety
/// `to` points at `panels.len()` floats, of which nobody else uses panel `j` meanwhile.
pub(in crate::conv) unsafe fn pack_columns(
    to: Ptr<f32>,
    panels: &Panels,
    j: usize,
    k0: usize,
    from: &[f32],
    [depth, apart]: [usize; 2],
) {
    let (columns, strip, pitch) = (panels.columns(j), panels.strip(), panels.row(j));
    assert!(k0 + depth <= panels.k && from.len() >= (j * PANEL + columns - 1) * apart + depth);
    for i0 in (0..depth).step_by(16) {
        let n = (depth - i0).min(16);
        for c0 in (0..columns).step_by(LANES) {
            let count = (columns - c0).min(LANES);
            let source = &from[(j * PANEL + c0) * apart + i0..];
            // SAFETY: rows k0 + i0.. < k of strip c0 / 16 of panel j, 16 floats each; a whole block
            // of `from` was checked above.
            unsafe {
                let target = to
                    .get()
                    .add(panels.start(j) + c0 / LANES * strip + (k0 + i0) * pitch);
                if n == 16 && count == LANES {
                    transpose_block(source.as_ptr(), apart, target, pitch);
                } else {
                    for i in 0..n {
                        let row: [f32; LANES] =
                            std::array::from_fn(|c| if c < count { source[c * apart + i] } else { 0.0 });
                        *target.add(i * pitch).cast() = row;
                    }
                }
            }
        }
    }
}
