//! Products of matrices of any size, by the crate `gemm`: the matrices of small networks are too small to
//! be worth the convolutions' packing, those of metrics need double precision.
use gemm::Parallelism;

/// Numbers that matrices are made of.
pub trait Real: Copy + Send + Sync + 'static + private::Sealed {
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
        Matrix { values, size: [rows, columns], strides: [columns, 1] }
    }

    /// A part of a larger matrix: its first value is that of `values`, and a row begins `stride` values after the last.
    ///
    /// # Panics
    /// When it is not inside of `values`.
    pub fn part(values: &'a [T], rows: usize, columns: usize, stride: usize) -> Self {
        assert!(inside(values.len(), rows, columns, stride), "{rows} x {columns} by {stride} in {}", values.len());
        Matrix { values, size: [rows, columns], strides: [stride, 1] }
    }

    /// The transposed matrix, in the same memory.
    pub fn transposed(self) -> Self {
        Matrix { values: self.values, size: [self.size[1], self.size[0]], strides: [self.strides[1], self.strides[0]] }
    }
}

/// Whether rows of a stride lie within so many values and do not overlap.
fn inside(length: usize, rows: usize, columns: usize, stride: usize) -> bool {
    rows == 0 || columns == 0 || (stride >= columns && (rows - 1) * stride + columns <= length)
}

/// Multiply-adds from which on several threads are used.
const PARALLEL: usize = 3 << 20;

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

/// out = a b, row after row. The order of each sum depends on the sizes alone.
pub(crate) fn multiply(a: Matrix, b: Matrix, out: &mut [f32]) {
    let ([m, _], [_, n]) = (a.size, b.size);
    assert_eq!(out.len(), m * n);
    product(a, b, out, n, Place::Set, true);
}

/// a b into a matrix whose rows begin `stride` values apart; on all threads if `threads` and if it is large enough. The
/// order of each sum depends on the sizes alone.
///
/// # Panics
/// When the sizes do not fit.
pub fn product<T: Real + std::ops::Neg<Output = T>>(a: Matrix<T>, b: Matrix<T>, out: &mut [T], stride: usize, into: Place, threads: bool) {
    let ([m, k], [also_k, n]) = (a.size, b.size);
    assert!(k == also_k && inside(out.len(), m, n, stride), "{m} x {k} times {also_k} x {n} by {stride} into {}", out.len());
    if m * n == 0 {
        return;
    }
    if k == 0 {
        if into == Place::Set {
            out.chunks_mut(stride).take(m).for_each(|row| row[..n].fill(T::ZERO));
        }
        return;
    }
    // The first call sets up the threads of rayon's pool, too.
    let parallel = threads && m * n * k >= PARALLEL && crate::pool::threads() > 1;
    let parallelism = if parallel { Parallelism::Rayon(0) } else { Parallelism::None };
    let signed = |s: usize| s as isize;
    // SAFETY: by the assertions in `new`, `part` and above, all m x k, k x n and m x n elements that these sizes
    // and strides reach lie in their slices; `out` is borrowed for writing, so overlaps neither operand.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            signed(stride),
            into != Place::Set,
            a.values.as_ptr(),
            signed(a.strides[1]),
            signed(a.strides[0]),
            b.values.as_ptr(),
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

    /// Parts of larger matrices, transposed or not, against sums by hand; what lies between the rows stays.
    #[test]
    fn parts_are_multiplied_in_place() {
        let a: Vec<f64> = (0..40).map(|i| ((i * 7) % 11) as f64 - 5.0).collect();
        let b: Vec<f64> = (0..40).map(|i| ((i * 5) % 13) as f64 - 6.0).collect();
        let (m, k, n) = (3, 4, 5);
        let naive = |i: usize, j: usize| (0..k).map(|l| a[i * 9 + l] * b[j * 6 + l]).sum::<f64>();
        for (into, keep, sign) in [(Place::Set, 0.0, 1.0), (Place::Add, 2.0, 1.0), (Place::Subtract, 2.0, -1.0)] {
            let mut out = vec![2.0; 3 * 7];
            product(Matrix::part(&a, m, k, 9), Matrix::part(&b, n, k, 6).transposed(), &mut out, 7, into, false);
            for i in 0..m {
                (0..n).for_each(|j| assert_eq!(out[i * 7 + j], keep + sign * naive(i, j), "{into:?} {i} {j}"));
                assert_eq!(out[i * 7 + n..(i + 1) * 7], [2.0; 2]);
            }
        }
    }
}
