//! Products of matrices of any size, by the crate `gemm`: the matrices of small networks are too small to
//! be worth the convolutions' packing.
use gemm::Parallelism;

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
}

/// Multiply-adds from which on several threads are used.
const PARALLEL: usize = 3 << 20;

/// out = a b, row after row. The order of each sum depends on the sizes alone.
pub(crate) fn multiply(a: Matrix, b: Matrix, out: &mut [f32]) {
    let ([m, k], [also_k, n]) = (a.size, b.size);
    assert!(k == also_k && out.len() == m * n, "{m} x {k} times {also_k} x {n} into {}", out.len());
    if m * n * k == 0 {
        return out.fill(0.0);
    }
    // The first call sets up the threads of rayon's pool, too.
    let parallelism = if m * n * k >= PARALLEL && crate::pool::threads() > 1 { Parallelism::Rayon(0) } else { Parallelism::None };
    let stride = |s: usize| s as isize;
    // SAFETY: by the assertions in `new` and above, all m x k, k x n and m x n elements that these sizes
    // and strides reach lie in their slices; `out` is borrowed for writing, so overlaps neither operand.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            stride(n),
            false,
            a.values.as_ptr(),
            stride(a.strides[1]),
            stride(a.strides[0]),
            b.values.as_ptr(),
            stride(b.strides[1]),
            stride(b.strides[0]),
            0.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}
