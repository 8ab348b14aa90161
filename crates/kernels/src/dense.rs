//! Products of a few rows with weights that are used again and again: what drawing number by number is made of.
use crate::isa::{Isa, isa};
use crate::rows::math;
use crate::rows::simd::simd;
use std::ops::Range;

/// Columns of a panel.
const PANEL: usize = 16;

/// Some columns of a weight matrix, in panels of 16 that lie row after row, filled up with zeros.
#[derive(Clone, Debug)]
pub struct Packed {
    panels: Vec<f32>,
    inputs: usize,
    outputs: usize,
}

impl Packed {
    /// The first `inputs` rows of the columns `columns` of a matrix whose rows have `stride` numbers.
    ///
    /// # Panics
    /// When the matrix is smaller.
    pub fn new(weight: &[f32], stride: usize, inputs: usize, columns: Range<usize>) -> Packed {
        let outputs = columns.len();
        let mut panels = vec![0.0; outputs.div_ceil(PANEL) * inputs * PANEL];
        for (p, panel) in panels.chunks_exact_mut((inputs * PANEL).max(1)).enumerate() {
            let from = columns.start + p * PANEL;
            let n = PANEL.min(columns.end - from);
            for (i, row) in panel.chunks_exact_mut(PANEL).enumerate() {
                row[..n].copy_from_slice(&weight[i * stride + from..][..n]);
            }
        }
        Packed {
            panels,
            inputs,
            outputs,
        }
    }

    /// Rows of the matrix.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Columns of the matrix.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// out += x weight for `rows` rows of x and of out, which begin every `stride` numbers. Each sum runs over the inputs in
    /// their order and depends on its own row alone: the same bits with any number of rows.
    ///
    /// # Panics
    /// When x or out is too short.
    pub fn accumulate(
        &self,
        rows: usize,
        (x, x_stride): (&[f32], usize),
        (out, out_stride): (&mut [f32], usize),
    ) {
        if rows == 0 || self.inputs == 0 || self.outputs == 0 {
            return;
        }
        assert!(
            x.len() >= (rows - 1) * x_stride + self.inputs,
            "{rows} rows of {} numbers in {}",
            self.inputs,
            x.len()
        );
        assert!(
            out.len() >= (rows - 1) * out_stride + self.outputs,
            "{rows} rows of {} numbers in {}",
            self.outputs,
            out.len()
        );
        // As many sums at a time as the registers hold.
        let done = match isa() {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => by_eight(self, rows, x, x_stride, out, out_stride),
            _ => 0,
        };
        by_four(self, done, rows, x, x_stride, out, out_stride);
    }
}

/// The product for rows eight at a time; gives the row where fewer are left. What [`strips`] does, in the same order: left
/// to itself, the compiler makes vectors of the rows and gathers them.
#[cfg(target_arch = "x86_64")]
fn by_eight(
    w: &Packed,
    rows: usize,
    x: &[f32],
    x_stride: usize,
    out: &mut [f32],
    out_stride: usize,
) -> usize {
    const R: usize = 8;
    let end = rows / R * R;
    for (p, panel) in w.panels.chunks_exact(w.inputs * PANEL).enumerate() {
        let n = PANEL.min(w.outputs - p * PANEL);
        for row in (0..end).step_by(R) {
            let x: [&[f32]; R] = std::array::from_fn(|r| &x[(row + r) * x_stride..][..w.inputs]);
            let mut sums = [[0.0f32; PANEL]; R];
            for (r, sums) in sums.iter_mut().enumerate() {
                sums[..n].copy_from_slice(&out[(row + r) * out_stride + p * PANEL..][..n]);
            }
            // SAFETY: this is called on machines with AVX-512 only; every row of x has as many numbers as the panel rows.
            unsafe { add_eight(panel.as_chunks::<PANEL>().0, x, &mut sums) };
            for (r, sums) in sums.iter().enumerate() {
                out[(row + r) * out_stride + p * PANEL..][..n].copy_from_slice(&sums[..n]);
            }
        }
    }
    end
}

/// sums[r] += x[r] panel, for eight rows.
///
/// # Safety
/// The machine has AVX-512 F; every x[r] has as many numbers as the panel has rows.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn add_eight(panel: &[[f32; PANEL]], x: [&[f32]; 8], sums: &mut [[f32; PANEL]; 8]) {
    use std::arch::x86_64::{
        _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
    };
    debug_assert!(x.iter().all(|x| x.len() >= panel.len()));
    let mut s = [_mm512_setzero_ps(); 8];
    for r in 0..8 {
        // SAFETY: 16 floats.
        s[r] = unsafe { _mm512_loadu_ps(sums[r].as_ptr()) };
    }
    for (i, w) in panel.iter().enumerate() {
        // SAFETY: 16 floats.
        let w = unsafe { _mm512_loadu_ps(w.as_ptr()) };
        for r in 0..8 {
            // SAFETY: the caller's promise.
            let v = unsafe { *x[r].get_unchecked(i) };
            s[r] = _mm512_fmadd_ps(_mm512_set1_ps(v), w, s[r]);
        }
    }
    for r in 0..8 {
        // SAFETY: 16 floats.
        unsafe { _mm512_storeu_ps(sums[r].as_mut_ptr(), s[r]) };
    }
}

simd! {
    fn by_four(w: &Packed, from: usize, rows: usize, x: &[f32], x_stride: usize, out: &mut [f32], out_stride: usize) {
        let done = strips::<FMA, 4>(w, from, rows, x, x_stride, out, out_stride);
        for r in done..rows {
            alone::<FMA>(w, &x[r * x_stride..][..w.inputs], &mut out[r * out_stride..][..w.outputs]);
        }
    }
}

/// Panels that one row takes at a time: enough sums to hide how long each takes.
const ABREAST: usize = 4;

/// The product for one row.
#[inline(always)]
fn alone<const FMA: bool>(w: &Packed, x: &[f32], out: &mut [f32]) {
    let size = w.inputs * PANEL;
    let mut p = 0;
    while (p + ABREAST) * PANEL <= w.outputs {
        let panels: [&[[f32; PANEL]]; ABREAST] =
            std::array::from_fn(|k| w.panels[(p + k) * size..][..size].as_chunks::<PANEL>().0);
        let out = &mut out[p * PANEL..][..ABREAST * PANEL];
        let mut sums = [[0.0f32; PANEL]; ABREAST];
        sums.as_flattened_mut().copy_from_slice(out);
        for (i, &v) in x.iter().enumerate() {
            for k in 0..ABREAST {
                // SAFETY: every panel has as many rows as x has numbers.
                let w = unsafe { panels[k].get_unchecked(i) };
                for j in 0..PANEL {
                    sums[k][j] = math::madd::<FMA>(v, w[j], sums[k][j]);
                }
            }
        }
        out.copy_from_slice(sums.as_flattened());
        p += ABREAST;
    }
    for (panel, out) in w.panels[p * size..]
        .chunks_exact(size)
        .zip(out[p * PANEL..].chunks_mut(PANEL))
    {
        let mut sums = [0.0f32; PANEL];
        sums[..out.len()].copy_from_slice(out);
        for (w, &v) in panel.as_chunks::<PANEL>().0.iter().zip(x) {
            for j in 0..PANEL {
                sums[j] = math::madd::<FMA>(v, w[j], sums[j]);
            }
        }
        out.copy_from_slice(&sums[..out.len()]);
    }
}

/// The product for rows `from..`, R at a time; gives the row where fewer than R are left.
#[inline(always)]
fn strips<const FMA: bool, const R: usize>(
    w: &Packed,
    from: usize,
    rows: usize,
    x: &[f32],
    x_stride: usize,
    out: &mut [f32],
    out_stride: usize,
) -> usize {
    let end = from + (rows - from) / R * R;
    for (p, panel) in w.panels.chunks_exact(w.inputs * PANEL).enumerate() {
        let n = PANEL.min(w.outputs - p * PANEL);
        for row in (from..end).step_by(R) {
            let x: [&[f32]; R] = std::array::from_fn(|r| &x[(row + r) * x_stride..][..w.inputs]);
            let mut start = [[0.0f32; PANEL]; R];
            for (r, start) in start.iter_mut().enumerate() {
                start[..n].copy_from_slice(&out[(row + r) * out_stride + p * PANEL..][..n]);
            }
            // A copy whose elements are only ever named by constants stays in registers.
            let mut sums = start;
            for (i, w) in panel.as_chunks::<PANEL>().0.iter().enumerate() {
                for r in 0..R {
                    // SAFETY: every x[r] has w.inputs numbers, and the panel as many rows.
                    let v = unsafe { *x[r].get_unchecked(i) };
                    for j in 0..PANEL {
                        sums[r][j] = math::madd::<FMA>(v, w[j], sums[r][j]);
                    }
                }
            }
            let result = sums;
            for (r, result) in result.iter().enumerate() {
                out[(row + r) * out_stride + p * PANEL..][..n].copy_from_slice(&result[..n]);
            }
        }
    }
    end
}

simd! {
    /// out = tanh(a) sigmoid(b): the gate of van den Oord et al. 2016.
    pub fn gate(a: &[f32], b: &[f32], out: &mut [f32]) {
        for ((a, b), o) in a.iter().zip(b).zip(out) {
            *o = math::tanh::<FMA>(*a) * math::sigmoid::<FMA>(*b);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(n: usize, seed: usize) -> Vec<f32> {
        (0..n)
            .map(|i| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.0 - 1.0)
            .collect()
    }

    /// Against the sum in f64, for columns in the middle of a matrix and rows apart; and alike with any number of rows.
    #[test]
    fn sums_are_right_and_each_row_its_own() {
        for (rows, inputs, columns, stride) in [
            (1, 1, 0..1, 1),
            (1, 40, 3..140, 150),
            (8, 30, 0..32, 32),
            (11, 257, 5..45, 50),
            (3, 64, 2..19, 19),
            (5, 0, 0..4, 4),
        ] {
            let w = numbers(inputs * stride, 1);
            let packed = Packed::new(&w, stride, inputs, columns.clone());
            let n = columns.len();
            let (xs, os) = (inputs + 3, n + 2);
            let (x, start) = (numbers(rows * xs, 2), numbers(rows * os, 3));
            let mut out = start.clone();
            packed.accumulate(rows, (&x, xs), (&mut out, os));
            for r in 0..rows {
                for (j, c) in columns.clone().enumerate() {
                    let want = (0..inputs)
                        .map(|i| x[r * xs + i] as f64 * w[i * stride + c] as f64)
                        .sum::<f64>()
                        + start[r * os + j] as f64;
                    assert!(
                        (out[r * os + j] as f64 - want).abs() < 1e-4,
                        "{rows} {inputs} {columns:?}"
                    );
                }
                assert_eq!(
                    out[r * os + n..(r + 1) * os],
                    start[r * os + n..(r + 1) * os],
                    "nothing else is written"
                );
                let mut alone = start[r * os..(r + 1) * os].to_vec();
                packed.accumulate(1, (&x[r * xs..(r + 1) * xs], xs), (&mut alone, os));
                assert_eq!(alone, out[r * os..(r + 1) * os]);
            }
        }
    }

    #[test]
    fn the_gate_is_its_formula() {
        let (a, b) = (
            numbers(100, 4).iter().map(|v| v * 5.0).collect::<Vec<_>>(),
            numbers(100, 5),
        );
        let mut out = vec![0.0; 100];
        gate(&a, &b, &mut out);
        for i in 0..100 {
            let want = (a[i] as f64).tanh() / (1.0 + (-b[i] as f64).exp());
            assert!((out[i] as f64 - want).abs() < 1e-6);
        }
    }
}
