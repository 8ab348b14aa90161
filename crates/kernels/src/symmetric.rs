//! A symmetric matrix times a vector.
use crate::rows::simd::simd;
use std::ops::Range;

/// Rows that go through the vector together.
const ROWS: usize = 4;

simd! {
/// out += A u, for what some rows of the lower triangle of A give, each element once for its own row and once for its mirror
/// image's. Row i begins at `a[i * stride]`; `u` and `out` reach to the last of the rows.
pub fn lower_times(a: &[f64], stride: usize, rows: Range<usize>, u: &[f64], out: &mut [f64]) {
    let times = |x: f64, y: f64, z: f64| if FMA { x.mul_add(y, z) } else { x * y + z };
    for from in rows.clone().step_by(ROWS) {
        let n = ROWS.min(rows.end - from);
        let mut sums = [0.0; ROWS];
        let whole = if n == ROWS { from / 8 } else { 0 };
        if whole > 0 {
            let before: [&[[f64; 8]]; ROWS] = std::array::from_fn(|r| &a[(from + r) * stride..][..from].as_chunks::<8>().0[..whole]);
            let by: [f64; ROWS] = std::array::from_fn(|r| u[from + r]);
            let mut wide = [[0.0; 8]; ROWS];
            let (u, out) = (&u[..from].as_chunks::<8>().0[..whole], &mut out[..from].as_chunks_mut::<8>().0[..whole]);
            for k in 0..whole {
                let (u, mut o) = (u[k], out[k]);
                for r in 0..ROWS {
                    let a = before[r][k];
                    for l in 0..8 {
                        wide[r][l] = times(a[l], u[l], wide[r][l]);
                        o[l] = times(a[l], by[r], o[l]);
                    }
                }
                out[k] = o;
            }
            sums = wide.map(|w| w.iter().sum());
        }
        for r in 0..n {
            let (i, mut sum) = (from + r, sums[r]);
            let row = &a[i * stride..][..i + 1];
            for j in 8 * whole..i {
                sum = times(row[j], u[j], sum);
                out[j] = times(row[j], u[i], out[j]);
            }
            out[i] += times(row[i], u[i], sum);
        }
    }
}}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_together_are_the_product_with_the_whole_matrix() {
        for (n, stride) in [(1, 1), (4, 4), (7, 9), (45, 45), (83, 100)] {
            // Whole numbers: exact in any order. What lies above the diagonal is not read.
            let value = |i: usize, j: usize| ((i.max(j) * 31 + i.min(j) * 17) % 23) as f64 - 11.0;
            let mut a = vec![f64::NAN; n * stride];
            (0..n).for_each(|i| (0..=i).for_each(|j| a[i * stride + j] = value(i, j)));
            let u: Vec<f64> = (0..n).map(|i| (i * 5 % 13) as f64 - 6.0).collect();
            for cut in [0, n / 3, n] {
                let mut out = vec![1.0; n];
                lower_times(&a, stride, 0..cut, &u[..cut], &mut out[..cut]);
                lower_times(&a, stride, cut..n, &u, &mut out);
                for i in 0..n {
                    assert_eq!(
                        out[i],
                        1.0 + (0..n).map(|j| value(i, j) * u[j]).sum::<f64>(),
                        "{n} {cut} {i}"
                    );
                }
            }
        }
    }
}
