//! Losses of logits: means of a softplus, and their gradients; losses summed by row.
use super::math::{sigmoid, softplus};
use super::{BLOCK, Parts, blocks, simd::simd};
use crate::ops::RowLoss;

const LANES: usize = 16;

/// Mean of softplus(sign x) - t x; without targets t is 0.
pub(crate) fn mean(x: &[f32], targets: Option<&[f32]>, sign: f32) -> f32 {
    let mut partial = vec![0f32; x.len().div_ceil(BLOCK)];
    let out = Parts::new(&mut partial);
    blocks(x.len(), 1, &|i, r| {
        // SAFETY: each block has its own element.
        let out = unsafe { out.get(i..i + 1) };
        match targets {
            Some(t) => sum_with_targets(&x[r.clone()], &t[r], out),
            None => sum_signed(&x[r], sign, out),
        }
    });
    (partial.iter().map(|&v| v as f64).sum::<f64>() / x.len() as f64) as f32
}

#[inline(always)]
fn total(lanes: [f32; LANES], rest: f32) -> f32 {
    lanes.iter().sum::<f32>() + rest
}

simd! {
fn sum_signed(x: &[f32], sign: f32, out: &mut [f32]) {
    let mut lanes = [0f32; LANES];
    let mut whole = x.chunks_exact(LANES);
    for x in &mut whole {
        for l in 0..LANES {
            lanes[l] += softplus::<FMA>(sign * x[l]);
        }
    }
    let rest = whole.remainder().iter().map(|x| softplus::<FMA>(sign * x)).sum();
    out[0] = total(lanes, rest);
}}

simd! {
fn sum_with_targets(x: &[f32], t: &[f32], out: &mut [f32]) {
    let mut lanes = [0f32; LANES];
    let (mut xs, mut ts) = (x.chunks_exact(LANES), t.chunks_exact(LANES));
    for (x, t) in (&mut xs).zip(&mut ts) {
        for l in 0..LANES {
            lanes[l] += softplus::<FMA>(x[l]) - t[l] * x[l];
        }
    }
    let rest = xs.remainder().iter().zip(ts.remainder()).map(|(x, t)| softplus::<FMA>(*x) - t * x).sum();
    out[0] = total(lanes, rest);
}}

/// Gradient of [`mean`] by x, times g.
pub(crate) fn gradient(g: f32, x: &[f32], targets: Option<&[f32]>, sign: f32, out: &mut [f32]) {
    assert_eq!(x.len(), out.len());
    let scale = (g as f64 / x.len() as f64) as f32;
    let (n, out) = (x.len(), Parts::new(out));
    blocks(n, 1, &|_, r| {
        // SAFETY: blocks do not overlap.
        let out = unsafe { out.get(r.clone()) };
        match targets {
            Some(t) => gradient_with_targets(&x[r.clone()], &t[r], scale, out),
            None => gradient_signed(&x[r], sign, scale * sign, out),
        }
    });
}

simd! {
fn gradient_signed(x: &[f32], sign: f32, scale: f32, out: &mut [f32]) {
    for (o, x) in out.iter_mut().zip(x) {
        *o = scale * sigmoid::<FMA>(sign * x);
    }
}}

simd! {
fn gradient_with_targets(x: &[f32], t: &[f32], scale: f32, out: &mut [f32]) {
    for ((o, x), t) in out.iter_mut().zip(x).zip(t) {
        *o = scale * (sigmoid::<FMA>(*x) - t);
    }
}}

/// Sum of the loss over each row of x `[M, width]` against row i mod N of t.
pub(crate) fn rows(x: &[f32], t: &[f32], width: usize, loss: RowLoss, out: &mut [f32]) {
    let (m, n, out) = (out.len(), t.len() / width.max(1), Parts::new(out));
    blocks(m, width, &|_, r| {
        for i in r {
            let (x, t) = (
                &x[i * width..(i + 1) * width],
                &t[i % n * width..(i % n + 1) * width],
            );
            // SAFETY: each row has its own element.
            let out = unsafe { out.get(i..i + 1) };
            match loss {
                RowLoss::Bernoulli => sum_with_targets(x, t, out),
                RowLoss::Square => sum_of_squares(x, t, out),
            }
        }
    });
}

/// Gradient of [`rows`] by x, times g by row.
pub(crate) fn rows_gradient(g: &[f32], x: &[f32], t: &[f32], width: usize, loss: RowLoss, d: &mut [f32]) {
    assert_eq!(x.len(), d.len());
    let (n, d) = (t.len() / width.max(1), Parts::new(d));
    blocks(g.len(), width, &|_, r| {
        for i in r {
            let (of, at) = (i * width..(i + 1) * width, i % n * width..(i % n + 1) * width);
            // SAFETY: rows do not overlap.
            let d = unsafe { d.get(of.clone()) };
            match loss {
                RowLoss::Bernoulli => gradient_with_targets(&x[of], &t[at], g[i], d),
                RowLoss::Square => gradient_of_squares(&x[of], &t[at], 2.0 * g[i], d),
            }
        }
    });
}

simd! {
fn sum_of_squares(x: &[f32], t: &[f32], out: &mut [f32]) {
    let _ = FMA;
    let mut lanes = [0f32; LANES];
    let (mut xs, mut ts) = (x.chunks_exact(LANES), t.chunks_exact(LANES));
    for (x, t) in (&mut xs).zip(&mut ts) {
        for l in 0..LANES {
            let gap = x[l] - t[l];
            lanes[l] += gap * gap;
        }
    }
    let rest = xs.remainder().iter().zip(ts.remainder()).map(|(x, t)| (x - t) * (x - t)).sum();
    out[0] = total(lanes, rest);
}}

simd! {
fn gradient_of_squares(x: &[f32], t: &[f32], scale: f32, out: &mut [f32]) {
    let _ = FMA;
    for ((o, x), t) in out.iter_mut().zip(x).zip(t) {
        *o = scale * (x - t);
    }
}}
