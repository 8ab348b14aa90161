//! Normal and uniform noise from keys.
//!
//! Element i of a tensor is a function of (key, i) alone: ChaCha with twelve rounds (Bernstein 2008)
//! in counter mode, so the noise is the same on any number of threads. Past the generator there are
//! only IEEE 754 additions, multiplications, divisions and square roots in a fixed order, never fused,
//! so it is also the same on any instruction set.
use crate::memory::Buffer;
use crate::ops::flex::bytes;
use crate::pool;
use crate::rows::{Parts, simd::simd};
use burn::prelude::*;
use burn::tensor::{DType, TensorData};

/// ChaCha blocks computed together, a vector lane each.
const LANES: usize = 16;
/// Words of a batch of blocks. Element i is word w of lane l in its batch, i % BATCH = w LANES + l.
const BATCH: usize = 16 * LANES;
/// Batches that a thread takes at a time.
const TASK: usize = 64;

/// Fills `out` with independent numbers from the uniform distribution on [0, 1), multiples of 2^-24.
pub fn fill_uniform(key: [u32; 8], out: &mut [f32]) {
    fill(out, |counter, part| uniform_batches(&key, counter, part));
}

/// Fills `out` with independent numbers from the standard normal distribution (Box and Muller 1958);
/// none is further out than 6.67. The same key gives numbers independent of [`fill_uniform`]'s.
pub fn fill_normal(key: [u32; 8], out: &mut [f32]) {
    fill(out, |counter, part| normal_batches(&key, counter, part));
}

/// Independent numbers from the uniform distribution on [0, 1); see [`fill_uniform`].
pub fn uniform<const D: usize>(key: [u32; 8], shape: [usize; D], device: &Device) -> Tensor<D> {
    tensor(shape, device, |out| fill_uniform(key, out))
}

/// Independent numbers from the standard normal distribution; see [`fill_normal`].
pub fn normal<const D: usize>(key: [u32; 8], shape: [usize; D], device: &Device) -> Tensor<D> {
    tensor(shape, device, |out| fill_normal(key, out))
}

fn tensor<const D: usize>(shape: [usize; D], device: &Device, fill: impl FnOnce(&mut [f32])) -> Tensor<D> {
    let mut values = Buffer::new(shape.iter().product());
    fill(&mut values);
    Tensor::from_data(TensorData::from_bytes(bytes(values), shape, DType::F32), device)
}

/// Calls `f(first batch, part)` for parts of whole batches (but for the last), on all threads.
fn fill(out: &mut [f32], f: impl Fn(u64, &mut [f32]) + Sync) {
    let (n, step) = (out.len(), BATCH * TASK);
    let start = Parts::new(out);
    pool::par_for(n.div_ceil(step), &|i| {
        let from = i * step;
        // SAFETY: the parts of different i do not overlap, and lie in `out`, which is borrowed for writing.
        let part = unsafe { start.get(from..(from + step).min(n)) };
        f((i * TASK) as u64, part);
    });
}

simd! {
fn uniform_batches(key: &[u32; 8], first: u64, out: &mut [f32]) {
    let _ = FMA;
    for (i, out) in out.chunks_mut(BATCH).enumerate() {
        let words = chacha(key, first + i as u64, 0);
        for (out, w) in out.iter_mut().zip(words.as_flattened()) {
            *out = (w >> 8) as i32 as f32 * (1.0 / 16_777_216.0);
        }
    }
}}

simd! {
fn normal_batches(key: &[u32; 8], first: u64, out: &mut [f32]) {
    let _ = FMA;
    for (i, out) in out.chunks_mut(BATCH).enumerate() {
        let words = chacha(key, first + i as u64, 1);
        let (radii, angles) = words.as_flattened().split_at(BATCH / 2);
        let mut pairs = [0f32; BATCH];
        let (a, b) = pairs.split_at_mut(BATCH / 2);
        for j in 0..BATCH / 2 {
            (a[j], b[j]) = box_muller(radii[j], angles[j]);
        }
        out.copy_from_slice(&pairs[..out.len()]);
    }
}}

/// The batch of blocks with counters LANES batch .. LANES (batch + 1), as words by lanes.
#[inline(always)]
fn chacha(key: &[u32; 8], batch: u64, stream: u32) -> [[u32; LANES]; 16] {
    let mut start = [[0; LANES]; 16];
    let constants = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];
    for (row, word) in start.iter_mut().zip(constants.iter().chain(key)) {
        *row = [*word; LANES];
    }
    let counter = batch * LANES as u64;
    for l in 0..LANES {
        // LANES divides 2^32, so the low word does not carry within a batch.
        start[12][l] = (counter as u32).wrapping_add(l as u32);
    }
    start[13] = [(counter >> 32) as u32; LANES];
    start[14] = [stream; LANES];
    let mut s = start;
    for _ in 0..6 {
        for i in 0..4 {
            quarter(&mut s, [i, 4 + i, 8 + i, 12 + i]);
        }
        for i in 0..4 {
            quarter(&mut s, [i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4]);
        }
    }
    for (s, start) in s.iter_mut().zip(&start) {
        for l in 0..LANES {
            s[l] = s[l].wrapping_add(start[l]);
        }
    }
    s
}

#[inline(always)]
fn quarter(s: &mut [[u32; LANES]; 16], at: [usize; 4]) {
    let [mut a, mut b, mut c, mut d] = at.map(|i| s[i]);
    for l in 0..LANES {
        a[l] = a[l].wrapping_add(b[l]);
        d[l] = (d[l] ^ a[l]).rotate_left(16);
        c[l] = c[l].wrapping_add(d[l]);
        b[l] = (b[l] ^ c[l]).rotate_left(12);
        a[l] = a[l].wrapping_add(b[l]);
        d[l] = (d[l] ^ a[l]).rotate_left(8);
        c[l] = c[l].wrapping_add(d[l]);
        b[l] = (b[l] ^ c[l]).rotate_left(7);
    }
    for (i, v) in at.into_iter().zip([a, b, c, d]) {
        s[i] = v;
    }
}

/// Two normal numbers from two words: sqrt(-2 ln u) times cosine and sine of an angle.
#[inline(always)]
fn box_muller(radius: u32, angle: u32) -> (f32, f32) {
    // u in (0, 1], from 31 bits so that the conversion is of a signed number.
    let u = ((radius >> 1) as i32 as f32 + 0.5) * (1.0 / 2_147_483_648.0);
    // u at most 1 makes the logarithm at most 0, up to its rounding.
    let r = (-2.0 * ln(u)).max(0.0).sqrt();
    let (sin, cos) = sin_cos_turn(angle);
    (r * cos, r * sin)
}

/// Natural logarithm of a positive normal number, within 2 ulp away from 1.
#[inline(always)]
fn ln(x: f32) -> f32 {
    // x = 2^e m with m in [sqrt(1/2), sqrt(2)): the offset puts the cut there.
    let bits = x.to_bits().wrapping_sub(0x3f35_04f3);
    let e = (bits as i32 >> 23) as f32;
    let m = f32::from_bits((bits & 0x007f_ffff).wrapping_add(0x3f35_04f3));
    // ln m = 2 artanh s, by its series; |s| < 0.172.
    let s = (m - 1.0) / (m + 1.0);
    let q = s * s;
    let series = 2.0 / 3.0 + q * (2.0 / 5.0 + q * (2.0 / 7.0 + q * (2.0 / 9.0)));
    let high = e * 0.693_359_4;
    (2.0 * s + (s * q * series + e * -2.121_944_4e-4)) + high
}

/// Sine and cosine of `turn` / 2^32 of a full turn, absolute error below 1.2e-7.
#[inline(always)]
fn sin_cos_turn(turn: u32) -> (f32, f32) {
    // The nearest quarter turn, and the rest in [-1/8, 1/8) of a turn, exactly.
    let quarter = turn.wrapping_add(1 << 29) >> 30;
    let rest = turn.wrapping_sub(quarter << 30) as i32;
    let x = rest as f32 * (std::f32::consts::TAU / 4_294_967_296.0);
    let q = x * x;
    let sin = x + x * q * (-1.0 / 6.0 + q * (1.0 / 120.0 + q * (-1.0 / 5040.0 + q * (1.0 / 362_880.0))));
    let cos = 1.0 + q * (-0.5 + q * (1.0 / 24.0 + q * (-1.0 / 720.0 + q * (1.0 / 40320.0))));
    let odd = quarter & 1 == 1;
    let (s, c) = if odd { (cos, sin) } else { (sin, cos) };
    // Signs by quadrant: sine is negative in 2 and 3, cosine in 1 and 2.
    let sign = |v: f32, negative: u32| f32::from_bits(v.to_bits() ^ (negative << 31));
    (sign(s, quarter >> 1 & 1), sign(c, (quarter ^ (quarter >> 1)) & 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha12Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    const KEY: [u32; 8] = [0x0123_4567, 1, 2, 3, 0xffff_ffff, 5, 6, 0x89ab_cdef];

    fn drawn(fill: fn([u32; 8], &mut [f32]), n: usize) -> Vec<f32> {
        let mut out = vec![f32::NAN; n];
        fill(KEY, &mut out);
        out
    }

    #[test]
    fn words_are_chacha12() {
        let seed: Vec<u8> = KEY.iter().flat_map(|k| k.to_le_bytes()).collect();
        let mut rng = ChaCha12Rng::from_seed(seed.try_into().expect("32 bytes"));
        for batch in 0..3 {
            let words = chacha(&KEY, batch, 0);
            for l in 0..LANES {
                for (w, lanes) in words.iter().enumerate() {
                    assert_eq!(lanes[l], rng.next_u32(), "batch {batch} lane {l} word {w}");
                }
            }
        }
    }

    #[test]
    fn an_element_depends_on_its_index_alone() {
        for fill in [fill_uniform, fill_normal] {
            let long = drawn(fill, 3 * BATCH * TASK + 100);
            for n in [1, 2, 255, 256, 257, BATCH * TASK, BATCH * TASK + 1] {
                assert_eq!(drawn(fill, n), long[..n]);
            }
        }
    }

    #[test]
    fn every_instruction_set_gives_the_same_bits() {
        // What the baseline build of the loops gives, against the one in use.
        let n = 40 * BATCH;
        let plain: Vec<f32> = (0..40)
            .flat_map(|i| {
                let words = chacha(&KEY, i, 1);
                let (radii, angles) = words.as_flattened().split_at(BATCH / 2);
                let pairs: Vec<_> = radii
                    .iter()
                    .zip(angles)
                    .map(|(&r, &a)| box_muller(r, a))
                    .collect();
                let firsts: Vec<f32> = pairs.iter().map(|p| p.0).collect();
                firsts
                    .into_iter()
                    .chain(pairs.into_iter().map(|p| p.1))
                    .collect::<Vec<_>>()
            })
            .collect();
        let bits = |v: &[f32]| v.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&drawn(fill_normal, n)), bits(&plain));
    }

    #[test]
    fn logarithm_and_circle_are_accurate() {
        for i in 1..200_000u32 {
            let x = (i * 21_474) as f32 * (1.0 / 4_294_967_296.0);
            let want = (x as f64).ln();
            assert!((ln(x) as f64 - want).abs() <= 1.5e-7 * want.abs() + 4e-8, "{x}");
            let turn = i.wrapping_mul(0x9e37_79b9);
            let angle = turn as f64 / 4_294_967_296.0 * std::f64::consts::TAU;
            let (s, c) = sin_cos_turn(turn);
            assert!(
                (s as f64 - angle.sin()).abs() < 1.5e-7 && (c as f64 - angle.cos()).abs() < 1.5e-7,
                "{turn}"
            );
        }
    }

    /// Largest distance between the empirical and the true distribution function.
    fn kolmogorov(mut v: Vec<f32>, cdf: impl Fn(f64) -> f64) -> f64 {
        v.sort_by(f32::total_cmp);
        let n = v.len() as f64;
        let gap = |(i, &x): (usize, &f32)| {
            let f = cdf(x as f64);
            (f - i as f64 / n).abs().max((f - (i + 1) as f64 / n).abs())
        };
        v.iter().enumerate().map(gap).fold(0.0, f64::max)
    }

    /// The normal distribution function by its series around zero (|x| < 7).
    fn normal_cdf(x: f64) -> f64 {
        let (mut term, mut sum) = (x, x);
        for k in 1..200 {
            term *= x * x / (2 * k + 1) as f64;
            sum += term;
        }
        0.5 + sum * (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt()
    }

    const N: usize = 1 << 20;
    /// Kolmogorov's 99.9 % point.
    const GAP: f64 = 1.95;

    #[test]
    fn uniform_distribution() {
        let v = drawn(fill_uniform, N);
        assert!(v.iter().all(|v| (0.0..1.0).contains(v)));
        assert!(kolmogorov(v.clone(), |x| x) * (N as f64).sqrt() < GAP);
        assert!(
            v[1..]
                .iter()
                .zip(&v)
                .map(|(a, b)| (*a as f64 - 0.5) * (*b as f64 - 0.5))
                .sum::<f64>()
                .abs()
                < 4.0 * (N as f64).sqrt() / 12.0
        );
    }

    #[test]
    fn normal_distribution() {
        let v = drawn(fill_normal, N);
        let n = N as f64;
        let moment = |k: i32| v.iter().map(|&v| (v as f64).powi(k)).sum::<f64>() / n;
        // Four standard errors: the variance of x^k is E x^2k - (E x^k)^2.
        for (k, mean, variance) in [(1, 0.0, 1.0), (2, 1.0, 2.0), (3, 0.0, 15.0), (4, 3.0, 96.0)] {
            let off: f64 = moment(k) - mean;
            assert!(
                off.abs() < 4.0 * f64::sqrt(variance / n),
                "moment {k} off by {off}"
            );
        }
        assert!(kolmogorov(v.clone(), normal_cdf) * n.sqrt() < GAP);
        for (limit, share) in [(2.0, 0.045_500_26), (3.0, 0.002_699_796), (4.0, 6.334_248e-5)] {
            let beyond = v.iter().filter(|v| v.abs() > limit).count() as f64;
            assert!(
                (beyond - n * share).abs() < 4.0 * (n * share).sqrt(),
                "{beyond} beyond {limit}"
            );
        }
        // The two numbers of a pair, and neighbours, do not correlate.
        for lag in [1, BATCH / 2] {
            let sum: f64 = v[lag..].iter().zip(&v).map(|(a, b)| *a as f64 * *b as f64).sum();
            assert!(sum.abs() < 4.0 * n.sqrt(), "lag {lag}: {sum}");
        }
    }

    #[test]
    fn keys_and_kinds_differ() {
        let mut other = vec![0.0; 1000];
        fill_uniform([0; 8], &mut other);
        assert!(
            other
                .iter()
                .zip(drawn(fill_uniform, 1000))
                .filter(|(a, b)| **a == *b)
                .count()
                < 3
        );
    }
}
