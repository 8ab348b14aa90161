//! Normal and uniform noise from keys.
//!
//! Element i of a tensor is a function of (key, i) alone: ChaCha with twelve rounds (Bernstein 2008)
//! in counter mode, so the noise is the same on any number of threads. Past the generator there are
//! only IEEE 754 additions, multiplications, divisions and square roots in a fixed order, never fused,
//! so it is also the same on any instruction set.
use crate::pool;
use crate::rows::{Ptr, simd::simd};
use burn::prelude::*;
use burn::tensor::TensorData;

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
    let mut values = vec![0f32; shape.iter().product()];
    fill(&mut values);
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Calls `f(first batch, part)` for parts of whole batches (but for the last), on all threads.
fn fill(out: &mut [f32], f: impl Fn(u64, &mut [f32]) + Sync) {
    let (n, step) = (out.len(), BATCH * TASK);
    let start = Ptr::new(out);
    pool::par_for(n.div_ceil(step), &|i| {
        let from = i * step;
        // SAFETY: the parts of different i do not overlap, and lie in `out`, which is borrowed for writing.
        let part = unsafe { start.part(from..(from + step).min(n)) };
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

/// Sine and cosine of `turn` / 2^32 of a full turn, absolute error below 1.5e-7.
#[inline(always)]
fn sin_cos_turn(turn: u32) -> (f32, f32) {
    // The nearest quarter turn, and the rest in [-1/8, 1/8) of a turn, exactly.
    let quarter = turn.wrapping_add(1 << 29) >> 30;
    let rest = turn.wrapping_sub(quarter << 30) as i32;
    let x = rest as f32 * (std::f32::consts::TAU / 4_294_967_296.0);
    let q = x * x;
    let sin = x + x * q * (-1.0 / 6.0 + q * (1.0 / 120.0 + q * (-1.0 / 5040.0)));
    let cos = 1.0 + q * (-0.5 + q * (1.0 / 24.0 + q * (-1.0 / 720.0 + q * (1.0 / 40320.0))));
    let odd = quarter & 1 == 1;
    let (s, c) = if odd { (cos, sin) } else { (sin, cos) };
    // Signs by quadrant: sine is negative in 2 and 3, cosine in 1 and 2.
    let sign = |v: f32, negative: u32| f32::from_bits(v.to_bits() ^ (negative << 31));
    (sign(s, quarter >> 1 & 1), sign(c, (quarter ^ (quarter >> 1)) & 1))
}
