//! Products of matrices of any size. The crate `gemm` computes blocks of the result; the kernels' own threads take one
//! block after another, which wakes them faster than `gemm`'s own (rayon's) would be.
use crate::pool::par_for;
use crate::scratch::Ptr;
use gemm::Parallelism;
use std::ops::Range;

/// A matrix whose rows, or (transposed) columns, lie one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    values: &'a [f32],
    size: [usize; 2],
    strides: [usize; 2],
}

impl<'a> Matrix<'a> {
    /// Row after row.
    pub fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        assert_eq!(values.len(), rows * columns);
        Matrix { values, size: [rows, columns], strides: [columns, 1] }
    }

    /// The transposed matrix, in the same memory.
    pub fn transposed(self) -> Self {
        Matrix { values: self.values, size: [self.size[1], self.size[0]], strides: [self.strides[1], self.strides[0]] }
    }

    /// Where row i, column j is; it may be one past the last.
    fn at(&self, i: usize, j: usize) -> *const f32 {
        self.values.as_ptr().wrapping_add(i * self.strides[0] + j * self.strides[1])
    }
}

/// Multiply-adds of a block: some ten microseconds of work.
const BLOCK: usize = 1 << 20;

/// How many rows and columns of a result [m, n] of sums of k terms make a block. It depends on the sizes alone, so that
/// the order of each sum does, too.
fn block([m, k, n]: [usize; 3]) -> [usize; 2] {
    if m * k * n <= BLOCK {
        return [m, n];
    }
    if m >= 192 {
        // Whole rows are written from end to end.
        return [(BLOCK / (k * n)).max(48).next_multiple_of(12).min(m), n];
    }
    [m, (BLOCK / (m * k)).max(64).next_multiple_of(16).min(n)]
}

/// out = a b, row after row, and then `finish` for a row's range of columns while it is in the cache.
pub(crate) fn multiply(a: Matrix, b: Matrix, out: &mut [f32], finish: Option<&(dyn Fn(&mut [f32], Range<usize>) + Sync)>) {
    let ([m, k], [also_k, n]) = (a.size, b.size);
    assert!(k == also_k && out.len() == m * n, "{m} x {k} times {also_k} x {n} into {}", out.len());
    if m * n == 0 {
        return;
    }
    let [tall, wide] = block([m, k, n]);
    let (bands, panels, to) = (m.div_ceil(tall), n.div_ceil(wide), Ptr(out.as_mut_ptr()));
    par_for(bands * panels, &|t| {
        let (rows, columns) = (t / panels * tall..m.min((t / panels + 1) * tall), t % panels * wide..n.min((t % panels + 1) * wide));
        // SAFETY: blocks do not overlap and lie in `out`, which has m n floats.
        unsafe {
            product(a, b, to.get().add(rows.start * n + columns.start), [rows.clone(), columns.clone()]);
            if let Some(finish) = finish {
                for i in rows {
                    finish(std::slice::from_raw_parts_mut(to.get().add(i * n + columns.start), columns.len()), columns.clone());
                }
            }
        }
    });
}

/// A block of a b.
///
/// # Safety
/// `out` points at the block's first element in a result of `b`'s columns; nobody else uses the block meanwhile.
unsafe fn product(a: Matrix, b: Matrix, out: *mut f32, [rows, columns]: [Range<usize>; 2]) {
    let (k, n) = (a.size[1], b.size[1]);
    let stride = |s: usize| s as isize;
    // SAFETY: by the assertions in `Matrix::new` and `multiply`, all elements that these sizes and strides reach lie in
    // their slices; the result is the caller's alone. With k = 0 the operands are not read and the sums are zero.
    unsafe {
        gemm::gemm(
            rows.len(),
            columns.len(),
            k,
            out,
            1,
            stride(n),
            false,
            a.at(rows.start, 0),
            stride(a.strides[1]),
            stride(a.strides[0]),
            b.at(0, columns.start),
            stride(b.strides[1]),
            stride(b.strides[0]),
            0.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_the_result_once_whatever_the_sizes() {
        for [m, k, n] in [[1, 1, 1], [64, 784, 512], [200, 70, 330], [1000, 128, 17], [3, 40, 20000], [5, 0, 7], [191, 97, 401]] {
            let value = |i: usize| ((i * 7919) % 31) as f32 - 15.0;
            let (a, b): (Vec<f32>, Vec<f32>) = ((0..m * k).map(value).collect(), (0..k * n).map(|i| value(i + 5)).collect());
            let mut out = vec![f32::NAN; m * n];
            // Whole numbers below 2^24: exact in any order.
            let finish = |row: &mut [f32], columns: Range<usize>| row.iter_mut().zip(columns).for_each(|(v, j)| *v += j as f32);
            multiply(Matrix::new(&a, m, k), Matrix::new(&b, k, n), &mut out, Some(&finish));
            for (at, &v) in out.iter().enumerate().step_by(7) {
                let (i, j) = (at / n, at % n);
                let sum: f64 = (0..k).map(|l| a[i * k + l] as f64 * b[l * n + j] as f64).sum();
                assert_eq!(v as f64, sum + j as f64, "{m} x {k} x {n} at {i}, {j}");
            }
        }
    }
}
