//! T X T' over tiles of pixels, sixteen channels (or eight) at a time.
use super::super::Epilogue;
use super::super::micro::{LANES, multiply_add};
use super::matrices::Coefficients;
use crate::isa::{Isa, isa};

/// A vector of N floats.
///
/// # Safety
/// Pointers of `load` and `store` are valid for N floats, those of the `_some` variants for n < N,
/// and the machine has the vector's instruction set.
trait Lane: Copy {
    const N: usize;
    unsafe fn load(p: *const f32) -> Self;
    unsafe fn load_some(p: *const f32, n: usize) -> Self;
    unsafe fn store(self, p: *mut f32);
    unsafe fn store_some(self, p: *mut f32, n: usize);
    unsafe fn splat(v: f32) -> Self;
    unsafe fn add(self, o: Self) -> Self;
    unsafe fn sub(self, o: Self) -> Self;
    /// self + a * b
    unsafe fn axpy(self, a: Self, b: Self) -> Self;
    /// self where it is not negative, else self * slope
    unsafe fn leaky(self, slope: f32) -> Self;
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Lane;
    use std::arch::x86_64::*;

    #[rustfmt::skip]
    impl Lane for __m512 {
        const N: usize = 16;
        #[inline(always)] unsafe fn load(p: *const f32) -> Self {
            // SAFETY: N floats are readable at p, as the trait demands.
            unsafe { _mm512_loadu_ps(p) }
        }
        #[inline(always)] unsafe fn load_some(p: *const f32, n: usize) -> Self {
            // SAFETY: n floats are readable at p, as the trait demands, and no others are touched.
            unsafe { _mm512_maskz_loadu_ps((1u16 << n) - 1, p) }
        }
        #[inline(always)] unsafe fn store(self, p: *mut f32) {
            // SAFETY: N floats are writable at p, as the trait demands.
            unsafe { _mm512_storeu_ps(p, self) }
        }
        #[inline(always)] unsafe fn store_some(self, p: *mut f32, n: usize) {
            // SAFETY: n floats are writable at p, as the trait demands, and no others are touched.
            unsafe { _mm512_mask_storeu_ps(p, (1u16 << n) - 1, self) }
        }
        #[inline(always)] unsafe fn splat(v: f32) -> Self {
            // SAFETY: the machine has the instruction set, as the trait demands.
            unsafe { _mm512_set1_ps(v) }
        }
        #[inline(always)] unsafe fn add(self, o: Self) -> Self {
            // SAFETY: the machine has the instruction set, as the trait demands.
            unsafe { _mm512_add_ps(self, o) }
        }
        #[inline(always)] unsafe fn sub(self, o: Self) -> Self {
            // SAFETY: the machine has the instruction set, as the trait demands.
            unsafe { _mm512_sub_ps(self, o) }
        }
        #[inline(always)] unsafe fn axpy(self, a: Self, b: Self) -> Self {
            // SAFETY: the machine has the instruction set, as the trait demands.
            unsafe { _mm512_fmadd_ps(a, b, self) }
        }
        #[inline(always)] unsafe fn leaky(self, slope: f32) -> Self {
            // SAFETY: the machine has the instruction set, as the trait demands.
            unsafe { _mm512_mask_mul_ps(self, _mm512_cmp_ps_mask::<_CMP_LT_OQ>(self, _mm512_setzero_ps()), self, _mm512_set1_ps(slope)) }
        }
    }

    /// Mask of the first n of 8 lanes.
    #[inline(always)]
    fn some(n: usize) -> __m256i {
        let lane = std::array::from_fn::<i32, 8, _>(|i| if i < n { -1 } else { 0 });
        // SAFETY: both are 32 bytes of plain data.
        unsafe { std::mem::transmute(lane) }
    }

    #[rustfmt::skip]
    impl Lane for __m256 {
        const N: usize = 8;
        #[inline(always)] unsafe fn load(p: *const f32) -> Self {
            // SAFETY: N floats are readable at p, as the trait demands.
            unsafe { _mm256_loadu_ps(p) }
        }
        #[inline(always)] unsafe fn load_some(p: *const f32, n: usize) -> Self {
            // SAFETY: n floats are readable at p, as the trait demands, and no others are touched.
            unsafe { _mm256_maskload_ps(p, some(n)) }
        }
        #[inline(always)] unsafe fn store(self, p: *mut f32) {
            // SAFETY: N floats are writable at p, as the trait demands.
            unsafe { _mm256_storeu_ps(p, self) }
        }
        #[inline(always)] unsafe fn store_some(self, p: *mut f32, n: usize) {
            // SAFETY: n floats are writable at p, as the trait demands, and no others are touched.
            unsafe { _mm256_maskstore_ps(p, some(n), self) }
        }
        #[inline(always)] unsafe fn splat(v: f32) -> Self {
            // SAFETY: the machine has the instruction set, as the trait demands.
            unsafe { _mm256_set1_ps(v) }
        }
        #[inline(always)] unsafe fn add(self, o: Self) -> Self {
            // SAFETY: the machine has the instruction set, as the trait demands.
            unsafe { _mm256_add_ps(self, o) }
        }
        #[inline(always)] unsafe fn sub(self, o: Self) -> Self {
            // SAFETY: the machine has the instruction set, as the trait demands.
            unsafe { _mm256_sub_ps(self, o) }
        }
        #[inline(always)] unsafe fn axpy(self, a: Self, b: Self) -> Self {
            // SAFETY: the machine has the instruction set, as the trait demands.
            unsafe { _mm256_fmadd_ps(a, b, self) }
        }
        #[inline(always)] unsafe fn leaky(self, slope: f32) -> Self {
            // SAFETY: the machine has the instruction set, as the trait demands.
            unsafe {
                let negative = _mm256_cmp_ps::<_CMP_LT_OQ>(self, _mm256_setzero_ps());
                _mm256_blendv_ps(self, _mm256_mul_ps(self, _mm256_set1_ps(slope)), negative)
            }
        }
    }
}

#[rustfmt::skip]
impl Lane for [f32; 8] {
    const N: usize = 8;
    #[inline(always)] unsafe fn load(p: *const f32) -> Self {
        // SAFETY: N floats are readable at p, as the trait demands.
        unsafe { *p.cast() }
    }
    #[inline(always)] unsafe fn load_some(p: *const f32, n: usize) -> Self {
        // SAFETY: n floats are readable at p, as the trait demands, and no others are touched.
        std::array::from_fn(|i| if i < n { unsafe { *p.add(i) } } else { 0.0 })
    }
    #[inline(always)] unsafe fn store(self, p: *mut f32) {
        // SAFETY: N floats are writable at p, as the trait demands.
        unsafe { *p.cast() = self }
    }
    #[inline(always)] unsafe fn store_some(self, p: *mut f32, n: usize) {
        // SAFETY: n floats are writable at p, as the trait demands, and no others are touched.
        (0..n).for_each(|i| unsafe { *p.add(i) = self[i] })
    }
    #[inline(always)] unsafe fn splat(v: f32) -> Self { [v; 8] }
    #[inline(always)] unsafe fn add(self, o: Self) -> Self { std::array::from_fn(|i| self[i] + o[i]) }
    #[inline(always)] unsafe fn sub(self, o: Self) -> Self { std::array::from_fn(|i| self[i] - o[i]) }
    #[inline(always)] unsafe fn axpy(self, a: Self, b: Self) -> Self { std::array::from_fn(|i| multiply_add(a[i], b[i], self[i])) }
    #[inline(always)] unsafe fn leaky(self, slope: f32) -> Self { self.map(|v| if v < 0.0 { v * slope } else { v }) }
}

/// `f!(0) .. f!(5)`, written out: a loop here would stay a loop, with the coefficients looked up.
macro_rules! six {
    ($f:ident) => {
        $f!(0);
        $f!(1);
        $f!(2);
        $f!(3);
        $f!(4);
        $f!(5);
    };
}

/// Row I of T times a column of C vectors; zeros are skipped, ones are an addition.
///
/// # Safety
/// The machine has the vector's instruction set.
#[inline(always)]
unsafe fn row<T: Coefficients, L: Lane, const I: usize, const C: usize>(x: &[L; 6]) -> L {
    // SAFETY: no memory is accessed, and the caller promises the instruction set.
    unsafe {
        let mut sum: Option<L> = None;
        macro_rules! term {
            ($j:literal) => {
                let c = const { T::T[I][$j] };
                if $j < C && c != 0.0 {
                    sum = Some(match sum {
                        None if c == 1.0 => x[$j],
                        None => L::splat(0.0).axpy(L::splat(c), x[$j]),
                        Some(sum) if c == 1.0 => sum.add(x[$j]),
                        Some(sum) if c == -1.0 => sum.sub(x[$j]),
                        Some(sum) => sum.axpy(L::splat(c), x[$j]),
                    });
                }
            };
        }
        six!(term);
        sum.unwrap_or_else(|| L::splat(0.0))
    }
}

/// Where the vectors of a tile come from or go to. Not closures: those are not always inlined, and
/// outside of a function with the instruction set enabled every operation would be a call.
///
/// # Safety
/// Both are called only where the machine has the vector's instruction set, with positions inside
/// the tile, and what they were made of is readable or writable there.
trait Source<L: Lane> {
    unsafe fn get(&self, i: usize, j: usize) -> L;
}
trait Target<L: Lane> {
    unsafe fn put(&self, i: usize, j: usize, v: L);
}

/// T X T' for X of C x C vectors; the result has R x R.
///
/// # Safety
/// The machine has the vector's instruction set, and source and target are as they promise.
#[inline(always)]
unsafe fn sandwich<T: Coefficients, L: Lane, const R: usize, const C: usize>(
    source: &impl Source<L>,
    target: &impl Target<L>,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let mut middle = [[L::splat(0.0); 6]; 6];
        macro_rules! down {
            ($j:literal) => {
                if $j < C {
                    let mut x = [L::splat(0.0); 6];
                    macro_rules! load {
                        ($i:literal) => {
                            if $i < C {
                                x[$i] = source.get($i, $j)
                            }
                        };
                    }
                    six!(load);
                    macro_rules! multiply {
                        ($i:literal) => {
                            if $i < R {
                                middle[$i][$j] = row::<T, L, $i, C>(&x)
                            }
                        };
                    }
                    six!(multiply);
                }
            };
        }
        six!(down);
        macro_rules! across {
            ($i:literal) => {
                if $i < R {
                    macro_rules! multiply {
                        ($j:literal) => {
                            if $j < R {
                                target.put($i, $j, row::<T, L, $j, C>(&middle[$i]))
                            }
                        };
                    }
                    six!(multiply);
                }
            };
        }
        six!(across);
    }
}

/// A tile's way into the transformed domain: n channels of C x C pixels become R x R points.
pub(super) struct Spread<'a> {
    /// Pixels, C to a row.
    pub from: &'a [*const f32; 36],
    /// Channels; the last group of 16 is filled up with zeros.
    pub n: usize,
    pub to: *mut f32,
    /// Floats from a point to the next.
    pub point: usize,
    /// Floats from a group of 16 channels to the next.
    pub group: usize,
}

/// The way back: n channels of C x C points become R x R pixels.
pub(super) struct Collect<'a> {
    pub from: *const f32,
    /// Floats from a point to the next.
    pub point: usize,
    pub n: usize,
    /// Pixels, R to a row; null pointers are left out.
    pub to: &'a [*mut f32; 36],
    /// Applied to the results; for these n channels.
    pub epilogue: Epilogue<'a>,
}

/// `n` channels, at most one vector, from `first` on of a tile's pixels, C to a row.
struct Pixels<'a, const C: usize> {
    from: &'a [*const f32; 36],
    first: usize,
    n: usize,
}
impl<L: Lane, const C: usize> Source<L> for Pixels<'_, C> {
    #[inline(always)]
    unsafe fn get(&self, i: usize, j: usize) -> L {
        let p = self.from[i * C + j].wrapping_add(self.first);
        // SAFETY: n floats from `first` on are readable at every pixel.
        unsafe {
            if self.n >= L::N {
                L::load(p)
            } else {
                L::load_some(p, self.n)
            }
        }
    }
}

/// One vector at every point of a transformed tile, C points to a row, `point` apart.
struct Points<P, const C: usize> {
    at: P,
    point: usize,
}
impl<L: Lane, const C: usize> Source<L> for Points<*const f32, C> {
    #[inline(always)]
    unsafe fn get(&self, i: usize, j: usize) -> L {
        // SAFETY: a whole vector is readable at every point.
        unsafe { L::load(self.at.add((i * C + j) * self.point)) }
    }
}
impl<L: Lane, const C: usize> Target<L> for Points<*mut f32, C> {
    #[inline(always)]
    unsafe fn put(&self, i: usize, j: usize, v: L) {
        // SAFETY: a whole vector is writable at every point.
        unsafe { v.store(self.at.add((i * C + j) * self.point)) }
    }
}

/// Applies an epilogue to the results, and stores those whose pixels exist.
struct Finished<'a, L, const R: usize> {
    to: &'a [*mut f32; 36],
    first: usize,
    n: usize,
    /// Scale and shift, or none for the identity.
    affine: Option<(L, L)>,
    slope: f32,
}
impl<L: Lane, const R: usize> Target<L> for Finished<'_, L, R> {
    #[inline(always)]
    unsafe fn put(&self, i: usize, j: usize, mut v: L) {
        let to = self.to[i * R + j];
        if to.is_null() {
            return;
        }
        // SAFETY: n floats from `first` on are writable at every pixel that is not null.
        unsafe {
            if let Some((scale, shift)) = self.affine {
                v = shift.axpy(scale, v).leaky(self.slope);
            }
            if self.n >= L::N {
                v.store(to.add(self.first))
            } else {
                v.store_some(to.add(self.first), self.n)
            }
        }
    }
}

/// # Safety
/// As [`spread`], on a machine with the vector's instruction set.
#[inline(always)]
unsafe fn spread_by<T: Coefficients, L: Lane, const R: usize, const C: usize>(g: &Spread) {
    for c in (0..g.n.next_multiple_of(LANES)).step_by(L::N) {
        let left = g.n.saturating_sub(c);
        // SAFETY: the caller promises n floats at every pixel, and whole groups at every point.
        unsafe {
            let to = Points::<_, R> {
                at: g.to.add(c / LANES * g.group + c % LANES),
                point: g.point,
            };
            // Two copies of the code, so that the common one has no masks.
            if left >= L::N {
                sandwich::<T, L, R, C>(
                    &Pixels::<C> {
                        from: g.from,
                        first: c,
                        n: L::N,
                    },
                    &to,
                );
            } else {
                sandwich::<T, L, R, C>(
                    &Pixels::<C> {
                        from: g.from,
                        first: c,
                        n: left,
                    },
                    &to,
                );
            }
        }
    }
}

/// # Safety
/// As [`collect`], on a machine with the vector's instruction set.
#[inline(always)]
unsafe fn collect_by<T: Coefficients, L: Lane, const R: usize, const C: usize>(g: &Collect) {
    let e = &g.epilogue;
    for c in (0..g.n).step_by(L::N) {
        let left = g.n - c;
        // SAFETY: the caller promises whole groups at every point, and n floats at every pixel and
        // in the epilogue's vectors.
        unsafe {
            let mut affine = None;
            if !e.is_identity() {
                affine = Some((channels(e.scale, c, left, 1.0), channels(e.shift, c, left, 0.0)));
            }
            let from = Points::<_, C> {
                at: g.from.add(c),
                point: g.point,
            };
            let slope = e.slope;
            if left >= L::N {
                sandwich::<T, L, R, C>(
                    &from,
                    &Finished::<L, R> {
                        to: g.to,
                        first: c,
                        n: L::N,
                        affine,
                        slope,
                    },
                );
            } else {
                sandwich::<T, L, R, C>(
                    &from,
                    &Finished::<L, R> {
                        to: g.to,
                        first: c,
                        n: left,
                        affine,
                        slope,
                    },
                );
            }
        }
    }
}

/// A vector of `v` from `first` on, of which `left` exist; or all the same.
///
/// # Safety
/// The machine has the vector's instruction set.
#[inline(always)]
unsafe fn channels<L: Lane>(v: Option<&[f32]>, first: usize, left: usize, or: f32) -> L {
    // SAFETY: the slice is as long as indexing says.
    unsafe {
        match v {
            Some(v) if left >= L::N => L::load(v[first..first + L::N].as_ptr()),
            Some(v) => L::load_some(v[first..first + left].as_ptr(), left),
            None => L::splat(or),
        }
    }
}

/// Defines a dispatcher over instruction sets.
macro_rules! dispatch {
    ($(#[$doc:meta])* $name:ident, $job:ident, $by:ident) => {
        $(#[$doc])*
        #[inline]
        pub(super) unsafe fn $name<T: Coefficients, const R: usize, const C: usize>(g: &$job) {
            #[cfg(target_arch = "x86_64")]
            {
                use std::arch::x86_64::{__m256, __m512};
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
                unsafe fn avx512<T: Coefficients, const R: usize, const C: usize>(g: &$job) {
                    // SAFETY: the caller's promise, and the feature is enabled.
                    unsafe { $by::<T, __m512, R, C>(g) }
                }
                #[target_feature(enable = "avx2,fma")]
                unsafe fn avx2<T: Coefficients, const R: usize, const C: usize>(g: &$job) {
                    // SAFETY: the caller's promise, and the feature is enabled.
                    unsafe { $by::<T, __m256, R, C>(g) }
                }
                match isa() {
                    // SAFETY: the caller's promise, and the instruction set was found.
                    Isa::Avx512 => return unsafe { avx512::<T, R, C>(g) },
                    // SAFETY: as above.
                    Isa::Avx2 => return unsafe { avx2::<T, R, C>(g) },
                    _ => {}
                }
            }
            // SAFETY: the caller's promise; any machine has this one.
            unsafe { $by::<T, [f32; 8], R, C>(g) }
        }
    };
}
dispatch! {
    /// Transforms a tile.
    ///
    /// # Safety
    /// The C x C pixels are readable for n floats; the R x R points are writable for every group of
    /// 16 channels that n channels touch, and used by nobody else.
    spread, Spread, spread_by
}
dispatch! {
    /// Transforms a tile back.
    ///
    /// # Safety
    /// The C x C points are readable for n floats, rounded up to 16; the pixels that are not null
    /// are writable for n floats, and used by nobody else.
    collect, Collect, collect_by
}
