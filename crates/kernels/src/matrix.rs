//! Products of matrices of any size. The crate `gemm` computes blocks of the result; the kernels' own threads take one
//! block after another, which wakes them faster than `gemm`'s own (rayon's) would be.
use crate::pool::par_for;
use crate::scratch::{Ptr, Slot, with_scratch};
use gemm::Parallelism;
use std::ops::{Neg, Range};

/// Numbers that matrices are made of.
pub trait Real: Copy + Send + Sync + Neg<Output = Self> + 'static + private::Sealed {
    /// 0
    const ZERO: Self;
    /// 1
    const ONE: Self;
}

mod private {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

impl Real for f32 {
    const ZERO: f32 = 0.0;
    const ONE: f32 = 1.0;
}

impl Real for f64 {
    const ZERO: f64 = 0.0;
    const ONE: f64 = 1.0;
}

/// A matrix whose rows, or (transposed) columns, lie one after the other, with or without room between them.
#[derive(Clone, Copy)]
pub struct Matrix<'a, T = f32> {
    values: &'a [T],
    size: [usize; 2],
    strides: [usize; 2],
}

impl<'a, T: Real> Matrix<'a, T> {
    /// Row after row.
    ///
    /// # Panics
    /// When there are more or fewer values.
    pub fn new(values: &'a [T], rows: usize, columns: usize) -> Self {
        assert_eq!(values.len(), rows * columns);
        Matrix {
            values,
            size: [rows, columns],
            strides: [columns, 1],
        }
    }

    /// A part of a larger matrix: its first value is that of `values`, and a row begins `stride` values after the last.
    ///
    /// # Panics
    /// When it is not inside of `values`.
    pub fn part(values: &'a [T], rows: usize, columns: usize, stride: usize) -> Self {
        assert!(
            inside(values.len(), rows, columns, stride),
            "{rows} x {columns} by {stride} in {}",
            values.len()
        );
        Matrix {
            values,
            size: [rows, columns],
            strides: [stride, 1],
        }
    }

    /// The transposed matrix, in the same memory.
    pub fn transposed(self) -> Self {
        Matrix {
            values: self.values,
            size: [self.size[1], self.size[0]],
            strides: [self.strides[1], self.strides[0]],
        }
    }

    /// The columns of a range.
    fn columns(self, columns: Range<usize>) -> Self {
        let from = (columns.start * self.strides[1]).min(self.values.len());
        Matrix {
            values: &self.values[from..],
            size: [self.size[0], columns.len()],
            strides: self.strides,
        }
    }

    /// Where row i, column j is; it may be past the last.
    fn at(&self, i: usize, j: usize) -> *const T {
        self.values
            .as_ptr()
            .wrapping_add(i * self.strides[0] + j * self.strides[1])
    }
}

/// Whether rows of a stride lie within so many values and do not overlap.
fn inside(length: usize, rows: usize, columns: usize, stride: usize) -> bool {
    rows == 0 || columns == 0 || (stride >= columns && (rows - 1) * stride + columns <= length)
}

/// What becomes of a product's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// it becomes the product
    Set,
    /// the product is added to it
    Add,
    /// the product is taken from it
    Subtract,
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
        // Whole rows are written from end to end. `gemm` packs b for every block, so that many rows take high ones.
        return [
            (BLOCK / (k * n))
                .max(48)
                .max((m / 64).min(384))
                .next_multiple_of(12)
                .min(m),
            n,
        ];
    }
    [m, (BLOCK / (m * k)).max(64).next_multiple_of(16).min(n)]
}

/// out = a b, row after row, and then `finish` for a row's range of columns while it is in the cache.
pub(crate) fn multiply(
    a: Matrix,
    b: Matrix,
    out: &mut [f32],
    finish: Option<&(dyn Fn(&mut [f32], Range<usize>) + Sync)>,
) {
    let ([m, k], [also_k, n]) = (a.size, b.size);
    assert!(
        k == also_k && out.len() == m * n,
        "{m} x {k} times {also_k} x {n} into {}",
        out.len()
    );
    if m * n == 0 {
        return;
    }
    if k >= DEEP * m.max(n).max(PARTS) {
        return deep(a, b, out, finish);
    }
    let [tall, wide] = block([m, k, n]);
    let (bands, panels, to) = (m.div_ceil(tall), n.div_ceil(wide), Ptr(out.as_mut_ptr()));
    par_for(bands * panels, &|t| {
        let (rows, columns) = (
            t / panels * tall..m.min((t / panels + 1) * tall),
            t % panels * wide..n.min((t % panels + 1) * wide),
        );
        // SAFETY: blocks do not overlap and lie in `out`, which has m n floats.
        unsafe {
            let at = to.get().add(rows.start * n + columns.start);
            block_product(
                a,
                b,
                at,
                n,
                [rows.clone(), columns.clone()],
                Place::Set,
                Parallelism::None,
            );
            if let Some(finish) = finish {
                for i in rows {
                    finish(
                        std::slice::from_raw_parts_mut(to.get().add(i * n + columns.start), columns.len()),
                        columns.clone(),
                    );
                }
            }
        }
    });
}

/// How many times deeper than high and wide a product is whose sums are cut into parts: blocks of its result would each read
/// most of a and b, and few of them would leave threads idle.
const DEEP: usize = 64;

/// Parts of such sums, whatever the number of threads, so that it does not change them.
const PARTS: usize = 16;

/// [`multiply`] for few long sums, which are cut into parts.
fn deep(a: Matrix, b: Matrix, out: &mut [f32], finish: Option<&(dyn Fn(&mut [f32], Range<usize>) + Sync)>) {
    let ([m, k], n) = (a.size, b.size[1]);
    let (length, len) = (k.div_ceil(PARTS), m * n);
    with_scratch(Slot::Output, PARTS * len, |sums| {
        let to = Ptr(sums.as_mut_ptr());
        par_for(PARTS, &|p| {
            let terms = (p * length).min(k)..((p + 1) * length).min(k);
            let (a, b) = (
                a.columns(terms.clone()),
                b.transposed().columns(terms).transposed(),
            );
            // SAFETY: part p of `PARTS` parts of m n floats; each p once.
            unsafe {
                block_product(
                    a,
                    b,
                    to.get().add(p * len),
                    n,
                    [0..m, 0..n],
                    Place::Set,
                    Parallelism::None,
                )
            }
        });
        out.copy_from_slice(&sums[..len]);
        for sum in sums.chunks_exact(len).skip(1) {
            out.iter_mut().zip(sum).for_each(|(o, v)| *o += v);
        }
    });
    if let Some(finish) = finish {
        out.chunks_exact_mut(n).for_each(|row| finish(row, 0..n));
    }
}

/// Multiply-adds from which on several threads are used.
const PARALLEL: usize = 3 << 20;

/// a b into a matrix whose rows begin `stride` values apart; on all threads if `threads` and if it is large enough. The
/// order of each sum depends on the sizes alone.
///
/// # Panics
/// When the sizes do not fit.
pub fn product<T: Real>(
    a: Matrix<T>,
    b: Matrix<T>,
    out: &mut [T],
    stride: usize,
    into: Place,
    threads: bool,
) {
    let ([m, k], [also_k, n]) = (a.size, b.size);
    assert!(
        k == also_k && inside(out.len(), m, n, stride),
        "{m} x {k} times {also_k} x {n} by {stride} into {}",
        out.len()
    );
    if m * n == 0 {
        return;
    }
    if k == 0 {
        if into == Place::Set {
            out.chunks_mut(stride)
                .take(m)
                .for_each(|row| row[..n].fill(T::ZERO));
        }
        return;
    }
    // The first call sets up the threads of rayon's pool, too.
    let parallel = threads && m * n * k >= PARALLEL && crate::pool::threads() > 1;
    let parallelism = if parallel {
        Parallelism::Rayon(0)
    } else {
        Parallelism::None
    };
    // SAFETY: by the assertion above all rows lie in `out`, which is borrowed for writing.
    unsafe { block_product(a, b, out.as_mut_ptr(), stride, [0..m, 0..n], into, parallelism) }
}

/// A block of a b.
///
/// # Safety
/// `out` points at the block's first element in a result whose rows begin `stride` apart and which holds the whole block;
/// nobody else uses the block meanwhile.
unsafe fn block_product<T: Real>(
    a: Matrix<T>,
    b: Matrix<T>,
    out: *mut T,
    stride: usize,
    [rows, columns]: [Range<usize>; 2],
    into: Place,
    parallelism: Parallelism,
) {
    let signed = |s: usize| s as isize;
    // SAFETY: by the assertions in `new`, `part` and the callers, all elements that these sizes and strides reach lie in
    // their slices; the result is the caller's alone. With no terms the operands are not read and the sums are zero.
    unsafe {
        gemm::gemm(
            rows.len(),
            columns.len(),
            a.size[1],
            out,
            1,
            signed(stride),
            into != Place::Set,
            a.at(rows.start, 0),
            signed(a.strides[1]),
            signed(a.strides[0]),
            b.at(0, columns.start),
            signed(b.strides[1]),
            signed(b.strides[0]),
            if into == Place::Set { T::ZERO } else { T::ONE },
            if into == Place::Subtract { -T::ONE } else { T::ONE },
            false,
            false,
            false,
            parallelism,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_the_result_once_whatever_the_sizes() {
        for [m, k, n] in [
            [1, 1, 1],
            [64, 784, 512],
            [200, 70, 330],
            [1000, 128, 17],
            [3, 40, 20000],
            [5, 0, 7],
            [191, 97, 401],
            [40, 2600, 24],
            [1, 70, 1],
        ] {
            let value = |i: usize| ((i * 7919) % 31) as f32 - 15.0;
            let (a, b): (Vec<f32>, Vec<f32>) = (
                (0..m * k).map(value).collect(),
                (0..k * n).map(|i| value(i + 5)).collect(),
            );
            let mut out = vec![f32::NAN; m * n];
            // Whole numbers below 2^24: exact in any order.
            let finish = |row: &mut [f32], columns: Range<usize>| {
                row.iter_mut().zip(columns).for_each(|(v, j)| *v += j as f32)
            };
            multiply(
                Matrix::new(&a, m, k),
                Matrix::new(&b, k, n),
                &mut out,
                Some(&finish),
            );
            for (at, &v) in out.iter().enumerate().step_by(7) {
                let (i, j) = (at / n, at % n);
                let sum: f64 = (0..k).map(|l| a[i * k + l] as f64 * b[l * n + j] as f64).sum();
                assert_eq!(v as f64, sum + j as f64, "{m} x {k} x {n} at {i}, {j}");
            }
        }
    }

    /// Parts of larger matrices, transposed or not, against sums by hand; what lies between the rows stays.
    #[test]
    fn parts_are_multiplied_in_place() {
        let a: Vec<f64> = (0..40).map(|i| ((i * 7) % 11) as f64 - 5.0).collect();
        let b: Vec<f64> = (0..40).map(|i| ((i * 5) % 13) as f64 - 6.0).collect();
        let (m, k, n) = (3, 4, 5);
        let naive = |i: usize, j: usize| (0..k).map(|l| a[i * 9 + l] * b[j * 6 + l]).sum::<f64>();
        for (into, keep, sign) in [
            (Place::Set, 0.0, 1.0),
            (Place::Add, 2.0, 1.0),
            (Place::Subtract, 2.0, -1.0),
        ] {
            let mut out = vec![2.0; 3 * 7];
            product(
                Matrix::part(&a, m, k, 9),
                Matrix::part(&b, n, k, 6).transposed(),
                &mut out,
                7,
                into,
                false,
            );
            for i in 0..m {
                (0..n)
                    .for_each(|j| assert_eq!(out[i * 7 + j], keep + sign * naive(i, j), "{into:?} {i} {j}"));
                assert_eq!(out[i * 7 + n..(i + 1) * 7], [2.0; 2]);
            }
        }
    }
}
