//! The microkernels for any machine, written so that the compiler vectorizes the loops over lanes.
use super::{LANES, Outer, Reduce};

/// Whether the compiler's target has a fused multiply-add instruction; without one, `mul_add` would
/// call a slow library function.
pub(in crate::conv) const FUSED: bool = cfg!(any(target_arch = "aarch64", target_feature = "fma"));

#[inline(always)]
pub(in crate::conv) fn multiply_add(a: f32, b: f32, c: f32) -> f32 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}

/// Rows at a time: 6 x 16 sums fill most of Arm's 32 registers, 3 x 16 most of SSE's 16.
const ROWS: usize = if FUSED { 6 } else { 3 };

/// # Safety
/// As [`super::reduce`].
pub(super) unsafe fn reduce(g: &Reduce) {
    let rows = g.c.len();
    for first in (0..g.columns).step_by(LANES) {
        for r0 in (0..rows).step_by(ROWS) {
            // A tile that sticks out computes its last row again.
            let row: [usize; ROWS] = std::array::from_fn(|i| (r0 + i).min(rows - 1));
            let mut sums = [[0f32; LANES]; ROWS];
            for (s, &b) in g.b.iter().enumerate() {
                let a: [*const f32; ROWS] = row.map(|r| g.a[s * rows + r]);
                for k in 0..g.depth {
                    // SAFETY: the caller promises `depth` rows of every strip of 16 columns of B,
                    // and `depth` floats of every row of A.
                    unsafe {
                        let b = *b.add(first / LANES * g.strip + k * g.row).cast::<[f32; LANES]>();
                        for i in 0..ROWS {
                            let a = *a[i].add(k);
                            for l in 0..LANES {
                                sums[i][l] = multiply_add(a, b[l], sums[i][l]);
                            }
                        }
                    }
                }
            }
            for (i, sums) in sums.iter().enumerate().take(rows - r0) {
                for l in 0..LANES.min(g.columns - first) {
                    let n = first + l;
                    // SAFETY: the caller promises `columns` floats of every row of C.
                    unsafe {
                        let c = g.c[r0 + i].add(n);
                        let v = sums[l] + if g.add { *c } else { 0.0 };
                        *c = g.epilogue.apply(v, n);
                    }
                }
            }
        }
    }
}

/// # Safety
/// As [`super::outer`].
pub(super) unsafe fn outer(g: &Outer) {
    let [images, lines, pixels] = g.axes;
    for first in (0..g.columns).step_by(LANES) {
        let columns = LANES.min(g.columns - first);
        for r0 in (0..g.rows).step_by(ROWS) {
            let row: [usize; ROWS] = std::array::from_fn(|i| (r0 + i).min(g.rows - 1));
            let mut sums = [[0f32; LANES]; ROWS];
            for image in 0..images.n {
                for line in 0..lines.n {
                    for pixel in 0..pixels.n {
                        // SAFETY: the caller promises `rows` floats of a and `columns` of b at
                        // every position.
                        unsafe {
                            let a = g.a.add(image * images.a + line * lines.a + pixel * pixels.a);
                            let b = g.b.add(
                                image * images.b
                                    + line * lines.b
                                    + pixel * pixels.b
                                    + first / LANES * g.strip,
                            );
                            let b: [f32; LANES] = if columns == LANES {
                                *b.cast()
                            } else {
                                std::array::from_fn(|l| if l < columns { *b.add(l) } else { 0.0 })
                            };
                            for i in 0..ROWS {
                                let a = *a.add(row[i]);
                                for l in 0..LANES {
                                    sums[i][l] = multiply_add(a, b[l], sums[i][l]);
                                }
                            }
                        }
                    }
                }
            }
            for (i, sums) in sums.iter().enumerate().take(g.rows - r0) {
                for l in 0..columns {
                    // SAFETY: the caller promises `rows` rows of `columns` floats of C.
                    unsafe {
                        let c = g.c.add((r0 + i) * g.row + first + l);
                        *c = sums[l] + if g.add { *c } else { 0.0 };
                    }
                }
            }
        }
    }
}
