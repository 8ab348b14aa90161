//! The microkernels for AVX-512 and for AVX2 with FMA.
use super::{LANES, Outer, Reduce};
use std::arch::x86_64::*;

/// Masks for the valid ones of `n` columns over STRIPS vectors.
#[inline(always)]
fn masks<const STRIPS: usize>(n: usize) -> [u16; STRIPS] {
    std::array::from_fn(|j| {
        let left = n.saturating_sub(j * 16);
        if left >= 16 {
            0xffff
        } else {
            ((1u32 << left) - 1) as u16
        }
    })
}

/// ROWS x 16 STRIPS sums in registers.
///
/// # Safety
/// As [`super::reduce`], with as many rows and strips as the parameters say, on a machine with AVX-512.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
pub(super) unsafe fn reduce512<const ROWS: usize, const STRIPS: usize>(g: &Reduce) {
    // SAFETY: A and B are read within the depth that the caller promises, B in whole strips, which
    // are padded; C and the epilogue's vectors are accessed under masks of the valid columns. Only
    // prefetches leave these ranges, and they never fault.
    unsafe {
        let mut sums = [[_mm512_setzero_ps(); STRIPS]; ROWS];
        for s in 0..g.b.len() {
            let mut b = *g.b.get_unchecked(s);
            let a: [*const f32; ROWS] = *g.a.as_ptr().add(s * ROWS).cast();
            let mut k = 0;
            while k < g.depth {
                // One cache line of each row at a time.
                if g.ahead != 0 {
                    for row in a {
                        _mm_prefetch::<_MM_HINT_T0>(row.wrapping_add(k + g.ahead).cast());
                    }
                }
                let end = (k + 16).min(g.depth);
                while k < end {
                    _mm_prefetch::<_MM_HINT_T1>(g.soon.wrapping_add(k * g.row).cast());
                    let mut bv = [_mm512_setzero_ps(); STRIPS];
                    for j in 0..STRIPS {
                        bv[j] = _mm512_loadu_ps(b.add(j * LANES));
                    }
                    for r in 0..ROWS {
                        let av = _mm512_set1_ps(*a[r].add(k));
                        for j in 0..STRIPS {
                            sums[r][j] = _mm512_fmadd_ps(av, bv[j], sums[r][j]);
                        }
                    }
                    b = b.add(g.row);
                    k += 1;
                }
            }
        }
        let m = masks::<STRIPS>(g.columns);
        if g.add {
            for r in 0..ROWS {
                let c = *g.c.get_unchecked(r);
                for j in 0..STRIPS {
                    sums[r][j] = _mm512_add_ps(sums[r][j], _mm512_maskz_loadu_ps(m[j], c.add(j * LANES)));
                }
            }
        }
        let e = &g.epilogue;
        if !e.is_identity() {
            let slope = _mm512_set1_ps(e.slope);
            for j in 0..STRIPS {
                let load = |v: Option<&[f32]>, or: f32| match v {
                    Some(v) => _mm512_maskz_loadu_ps(m[j], v.as_ptr().add(j * LANES)),
                    None => _mm512_set1_ps(or),
                };
                let (scale, shift) = (load(e.scale, 1.0), load(e.shift, 0.0));
                for r in 0..ROWS {
                    let v = _mm512_fmadd_ps(sums[r][j], scale, shift);
                    let negative = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(v, _mm512_setzero_ps());
                    sums[r][j] = _mm512_mask_mul_ps(v, negative, v, slope);
                }
            }
        }
        for r in 0..ROWS {
            let c = *g.c.get_unchecked(r);
            for j in 0..STRIPS {
                if g.columns == STRIPS * LANES {
                    _mm512_storeu_ps(c.add(j * LANES), sums[r][j]);
                } else {
                    _mm512_mask_storeu_ps(c.add(j * LANES), m[j], sums[r][j]);
                }
            }
        }
    }
}

/// ROWS x 16 STRIPS sums in registers.
///
/// # Safety
/// As [`super::outer`], with as many rows and strips as the parameters say, on a machine with AVX-512.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
pub(super) unsafe fn outer512<const ROWS: usize, const STRIPS: usize>(g: &Outer) {
    let m = masks::<STRIPS>(g.columns);
    let last = m[STRIPS - 1];
    let [images, lines, pixels] = g.axes;
    // SAFETY: positions are those the caller promises; the last strip and C go through masks. The
    // pointers step past the last position only by wrapping arithmetic.
    unsafe {
        let mut sums = [[_mm512_setzero_ps(); STRIPS]; ROWS];
        for image in 0..images.n {
            for line in 0..lines.n {
                let mut a = g.a.add(image * images.a + line * lines.a);
                let mut b = g.b.add(image * images.b + line * lines.b);
                for _ in 0..pixels.n {
                    let mut bv = [_mm512_setzero_ps(); STRIPS];
                    for j in 0..STRIPS - 1 {
                        bv[j] = _mm512_loadu_ps(b.add(j * g.strip));
                    }
                    bv[STRIPS - 1] = _mm512_maskz_loadu_ps(last, b.add((STRIPS - 1) * g.strip));
                    for r in 0..ROWS {
                        let av = _mm512_set1_ps(*a.add(r));
                        for j in 0..STRIPS {
                            sums[r][j] = _mm512_fmadd_ps(av, bv[j], sums[r][j]);
                        }
                    }
                    a = a.wrapping_add(pixels.a);
                    b = b.wrapping_add(pixels.b);
                }
            }
        }
        for r in 0..ROWS {
            let c = g.c.add(r * g.row);
            for j in 0..STRIPS {
                let mut v = sums[r][j];
                if g.add {
                    v = _mm512_add_ps(v, _mm512_maskz_loadu_ps(m[j], c.add(j * LANES)));
                }
                _mm512_mask_storeu_ps(c.add(j * LANES), m[j], v);
            }
        }
    }
}

/// ROWS x 16 sums in registers, strip by strip: for many rows. Both streams are then read from L1
/// nearly always (a's again for every strip), where wide tiles would read b's from L2.
///
/// # Safety
/// As [`super::outer`], with as many rows as the parameter says, on a machine with AVX-512.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
pub(super) unsafe fn outer512_tall<const ROWS: usize>(g: &Outer) {
    let [images, lines, pixels] = g.axes;
    for first in (0..g.columns).step_by(LANES) {
        let [m] = masks::<1>(g.columns - first);
        // SAFETY: as in `outer512`.
        unsafe {
            let mut sums = [_mm512_setzero_ps(); ROWS];
            for image in 0..images.n {
                for line in 0..lines.n {
                    let mut a = g.a.add(image * images.a + line * lines.a);
                    let mut b =
                        g.b.add(image * images.b + line * lines.b + first / LANES * g.strip);
                    for _ in 0..pixels.n {
                        let bv = _mm512_maskz_loadu_ps(m, b);
                        for r in 0..ROWS {
                            sums[r] = _mm512_fmadd_ps(_mm512_set1_ps(*a.add(r)), bv, sums[r]);
                        }
                        a = a.wrapping_add(pixels.a);
                        b = b.wrapping_add(pixels.b);
                    }
                }
            }
            for r in 0..ROWS {
                let c = g.c.add(r * g.row + first);
                let before = if g.add {
                    _mm512_maskz_loadu_ps(m, c)
                } else {
                    _mm512_setzero_ps()
                };
                _mm512_mask_storeu_ps(c, m, _mm512_add_ps(sums[r], before));
            }
        }
    }
}

/// Masks of `n` of 16 columns for two vectors of 8.
#[target_feature(enable = "avx2,fma")]
fn masks256(n: usize) -> [__m256i; 2] {
    let lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    [0, 8].map(|first| _mm256_cmpgt_epi32(_mm256_set1_epi32(n as i32 - first), lane))
}

/// 6 x 16 sums in registers, strip by strip.
///
/// # Safety
/// As [`super::reduce`], with 6 rows, on a machine with AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn reduce256(g: &Reduce) {
    const ROWS: usize = 6;
    for first in (0..g.columns).step_by(LANES) {
        // SAFETY: A and B are read within the depth that the caller promises, B in whole strips,
        // which are padded; C and the epilogue's vectors are accessed under masks of the valid
        // columns. Only prefetches leave these ranges, and they never fault.
        unsafe {
            let mut sums = [[_mm256_setzero_ps(); 2]; ROWS];
            for s in 0..g.b.len() {
                let mut b = g.b.get_unchecked(s).add(first / LANES * g.strip);
                let a: [*const f32; ROWS] = *g.a.as_ptr().add(s * ROWS).cast();
                for k in 0..g.depth {
                    let bv = [_mm256_loadu_ps(b), _mm256_loadu_ps(b.add(8))];
                    for r in 0..ROWS {
                        let av = _mm256_broadcast_ss(&*a[r].add(k));
                        sums[r][0] = _mm256_fmadd_ps(av, bv[0], sums[r][0]);
                        sums[r][1] = _mm256_fmadd_ps(av, bv[1], sums[r][1]);
                    }
                    b = b.wrapping_add(g.row);
                }
            }
            finish256(g, first, &sums);
        }
    }
}

/// Adds to C, applies the epilogue and stores.
///
/// # Safety
/// As [`super::reduce`], with 6 rows, on a machine with AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
#[inline]
unsafe fn finish256(g: &Reduce, first: usize, sums: &[[__m256; 2]; 6]) {
    let m = masks256(g.columns - first);
    let e = &g.epilogue;
    // SAFETY: all accesses are under masks of the columns that the caller promises. Where a mask is
    // empty the pointer may lie past the end, hence the wrapping arithmetic.
    unsafe {
        for j in 0..2 {
            let at = first + j * 8;
            let load = |v: Option<&[f32]>, or: f32| match v {
                Some(v) => _mm256_maskload_ps(v.as_ptr().wrapping_add(at), m[j]),
                None => _mm256_set1_ps(or),
            };
            let (scale, shift) = (load(e.scale, 1.0), load(e.shift, 0.0));
            for r in 0..6 {
                let c = g.c.get_unchecked(r).wrapping_add(at);
                let mut v = sums[r][j];
                if g.add {
                    v = _mm256_add_ps(v, _mm256_maskload_ps(c, m[j]));
                }
                if !e.is_identity() {
                    v = _mm256_fmadd_ps(v, scale, shift);
                    let negative = _mm256_cmp_ps::<_CMP_LT_OQ>(v, _mm256_setzero_ps());
                    v = _mm256_blendv_ps(v, _mm256_mul_ps(v, _mm256_set1_ps(e.slope)), negative);
                }
                if g.columns - first >= LANES {
                    _mm256_storeu_ps(c, v);
                } else {
                    _mm256_maskstore_ps(c, m[j], v);
                }
            }
        }
    }
}

/// ROWS x 16 sums in registers, strip by strip.
///
/// # Safety
/// As [`super::outer`], with as many rows as the parameter says, on a machine with AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn outer256<const ROWS: usize>(g: &Outer) {
    let [images, lines, pixels] = g.axes;
    for first in (0..g.columns).step_by(LANES) {
        let m = masks256(g.columns - first);
        let whole = g.columns - first >= LANES;
        // SAFETY: positions are those the caller promises; a strip that is not whole, and C, go
        // through masks, whose pointers may lie past the end where the mask is empty.
        unsafe {
            let mut sums = [[_mm256_setzero_ps(); 2]; ROWS];
            for image in 0..images.n {
                for line in 0..lines.n {
                    let mut a = g.a.add(image * images.a + line * lines.a);
                    let mut b =
                        g.b.add(image * images.b + line * lines.b + first / LANES * g.strip);
                    for _ in 0..pixels.n {
                        let bv = if whole {
                            [_mm256_loadu_ps(b), _mm256_loadu_ps(b.add(8))]
                        } else {
                            [
                                _mm256_maskload_ps(b, m[0]),
                                _mm256_maskload_ps(b.wrapping_add(8), m[1]),
                            ]
                        };
                        for r in 0..ROWS {
                            let av = _mm256_broadcast_ss(&*a.add(r));
                            sums[r][0] = _mm256_fmadd_ps(av, bv[0], sums[r][0]);
                            sums[r][1] = _mm256_fmadd_ps(av, bv[1], sums[r][1]);
                        }
                        a = a.wrapping_add(pixels.a);
                        b = b.wrapping_add(pixels.b);
                    }
                }
            }
            for r in 0..ROWS {
                for j in 0..2 {
                    let c = g.c.wrapping_add(r * g.row + first + j * 8);
                    let mut v = sums[r][j];
                    if g.add {
                        v = _mm256_add_ps(v, _mm256_maskload_ps(c, m[j]));
                    }
                    _mm256_maskstore_ps(c, m[j], v);
                }
            }
        }
    }
}
