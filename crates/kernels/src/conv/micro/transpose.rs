//! Transposition of blocks of 16 x 16.
use super::LANES;
use crate::isa::{Isa, isa};

/// Writes 16 rows of 16 floats, `row` apart at `from`, as columns: row c of the result, `to + c *
/// pitch`, holds column c of the block.
///
/// # Safety
/// All 16 rows are readable and all 16 rows of the result are writable, for 16 floats each, and
/// they do not overlap.
pub(in crate::conv) unsafe fn transpose_block(from: *const f32, row: usize, to: *mut f32, pitch: usize) {
    // SAFETY: the caller's promise, and each function runs only where its instruction set was found.
    unsafe {
        match isa() {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => x86::block512(from, row, to, pitch),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => {
                for (i, j) in [(0, 0), (0, 8), (8, 0), (8, 8)] {
                    x86::block256(from.add(i * row + j), row, to.add(j * pitch + i), pitch)
                }
            }
            _ => {
                for c in 0..LANES {
                    let column: [f32; LANES] = std::array::from_fn(|r| *from.add(r * row + c));
                    *to.add(c * pitch).cast() = column;
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    /// # Safety
    /// As [`super::transpose_block`], on a machine with AVX-512.
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn block512(from: *const f32, row: usize, to: *mut f32, pitch: usize) {
        // SAFETY: 16 rows of 16 floats on both sides, as the caller promises.
        unsafe {
            let x: [__m512; 16] = std::array::from_fn(|i| _mm512_loadu_ps(from.add(i * row)));
            // Pairs of rows, then fours: within each quarter of 4 columns.
            let mut pairs = [_mm512_setzero_pd(); 16];
            for i in 0..8 {
                pairs[2 * i] = _mm512_castps_pd(_mm512_unpacklo_ps(x[2 * i], x[2 * i + 1]));
                pairs[2 * i + 1] = _mm512_castps_pd(_mm512_unpackhi_ps(x[2 * i], x[2 * i + 1]));
            }
            let mut fours = [[_mm512_setzero_ps(); 4]; 4];
            for i in 0..4 {
                let [a, b, c, d] = [pairs[4 * i], pairs[4 * i + 1], pairs[4 * i + 2], pairs[4 * i + 3]];
                fours[i][0] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
                fours[i][1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
                fours[i][2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
                fours[i][3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
            }
            // fours[i][j] holds rows 4i..4i + 4 of columns j, 4 + j, 8 + j and 12 + j, in quarters.
            for j in 0..4 {
                let low = _mm512_shuffle_f32x4::<0b10_00_10_00>(fours[0][j], fours[1][j]);
                let high = _mm512_shuffle_f32x4::<0b10_00_10_00>(fours[2][j], fours[3][j]);
                let low_odd = _mm512_shuffle_f32x4::<0b11_01_11_01>(fours[0][j], fours[1][j]);
                let high_odd = _mm512_shuffle_f32x4::<0b11_01_11_01>(fours[2][j], fours[3][j]);
                _mm512_storeu_ps(
                    to.add(j * pitch),
                    _mm512_shuffle_f32x4::<0b10_00_10_00>(low, high),
                );
                _mm512_storeu_ps(
                    to.add((4 + j) * pitch),
                    _mm512_shuffle_f32x4::<0b10_00_10_00>(low_odd, high_odd),
                );
                _mm512_storeu_ps(
                    to.add((8 + j) * pitch),
                    _mm512_shuffle_f32x4::<0b11_01_11_01>(low, high),
                );
                _mm512_storeu_ps(
                    to.add((12 + j) * pitch),
                    _mm512_shuffle_f32x4::<0b11_01_11_01>(low_odd, high_odd),
                );
            }
        }
    }

    /// A block of 8 x 8.
    ///
    /// # Safety
    /// As [`super::transpose_block`], for 8 rows of 8 floats, on a machine with AVX2.
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn block256(from: *const f32, row: usize, to: *mut f32, pitch: usize) {
        // SAFETY: 8 rows of 8 floats on both sides, as the caller promises.
        unsafe {
            let x: [__m256; 8] = std::array::from_fn(|i| _mm256_loadu_ps(from.add(i * row)));
            let mut fours = [[_mm256_setzero_ps(); 4]; 2];
            for i in 0..2 {
                let [a, b] = [(x[4 * i], x[4 * i + 1]), (x[4 * i + 2], x[4 * i + 3])];
                let low = [a, b].map(|(p, q)| _mm256_castps_pd(_mm256_unpacklo_ps(p, q)));
                let high = [a, b].map(|(p, q)| _mm256_castps_pd(_mm256_unpackhi_ps(p, q)));
                fours[i][0] = _mm256_castpd_ps(_mm256_unpacklo_pd(low[0], low[1]));
                fours[i][1] = _mm256_castpd_ps(_mm256_unpackhi_pd(low[0], low[1]));
                fours[i][2] = _mm256_castpd_ps(_mm256_unpacklo_pd(high[0], high[1]));
                fours[i][3] = _mm256_castpd_ps(_mm256_unpackhi_pd(high[0], high[1]));
            }
            for j in 0..4 {
                _mm256_storeu_ps(
                    to.add(j * pitch),
                    _mm256_permute2f128_ps::<0x20>(fours[0][j], fours[1][j]),
                );
                _mm256_storeu_ps(
                    to.add((4 + j) * pitch),
                    _mm256_permute2f128_ps::<0x31>(fours[0][j], fours[1][j]),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_become_rows() {
        let from: Vec<f32> = (0..16 * 20).map(|v| v as f32).collect();
        let mut to = vec![-1f32; 16 * 18];
        // SAFETY: 16 rows of 20 and of 18 floats.
        unsafe { transpose_block(from.as_ptr(), 20, to.as_mut_ptr(), 18) };
        for (i, &v) in to.iter().enumerate() {
            let (c, r) = (i / 18, i % 18);
            assert_eq!(v, if r < 16 { from[r * 20 + c] } else { -1.0 });
        }
    }
}
