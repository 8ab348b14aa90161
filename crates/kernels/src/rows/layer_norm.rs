//! Group norm over x `[N,1,C]`: statistics along each row.
use super::group_norm::Sizes;
use super::math::madd;
use super::pointwise::{Pointwise, with_pointwise};
use super::{Parts, block_rows, blocks, simd::simd};
use crate::ops::Activation;

/// Partial sums along a row, a vector's worth.
const LANES: usize = 16;

/// Sums of f(a, b) over the pairs of two equally long slices, in LANES interleaved sums.
#[inline(always)]
fn sums<const N: usize>(a: &[f32], b: &[f32], f: impl Fn(f32, f32) -> [f32; N]) -> [f32; N] {
    let mut lanes = [[0f32; LANES]; N];
    let (mut whole_a, mut whole_b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    for (a, b) in (&mut whole_a).zip(&mut whole_b) {
        for l in 0..LANES {
            let v = f(a[l], b[l]);
            for k in 0..N {
                lanes[k][l] += v[k];
            }
        }
    }
    for (l, (a, b)) in whole_a.remainder().iter().zip(whole_b.remainder()).enumerate() {
        let v = f(*a, *b);
        for k in 0..N {
            lanes[k][l] += v[k];
        }
    }
    lanes.map(|mut lanes| {
        for half in [8, 4, 2, 1] {
            for l in 0..half {
                lanes[l] += lanes[l + half];
            }
        }
        lanes[0]
    })
}

/// Writes y and, by row and group, mean and biased variance.
pub(crate) fn forward(
    s: Sizes,
    x: &[f32],
    gamma: &[f32],
    beta: &[f32],
    eps: f32,
    act: Activation,
    y: &mut [f32],
    mean: &mut [f32],
    var: &mut [f32],
) {
    let (y, mean, var) = (Parts::new(y), Parts::new(mean), Parts::new(var));
    with_pointwise!(act, a => blocks(s.samples, s.channels, &|_, rows| {
        let (at, groups) = (rows.start * s.channels..rows.end * s.channels, rows.start * s.groups..rows.end * s.groups);
        // SAFETY: blocks do not overlap.
        let (y, mean, var) = unsafe { (y.get(at.clone()), mean.get(groups.clone()), var.get(groups)) };
        forward_rows(a, s.groups, &x[at], gamma, beta, eps, y, mean, var);
    }));
}

simd! {
fn forward_rows[A: Pointwise](a: A, groups: usize, x: &[f32], gamma: &[f32], beta: &[f32], eps: f32, y: &mut [f32], mean: &mut [f32], var: &mut [f32]) {
    let n = gamma.len() / groups;
    for (k, (x, y)) in x.chunks_exact(n).zip(y.chunks_exact_mut(n)).enumerate() {
        let at = k % groups * n;
        let (gamma, beta) = (&gamma[at..at + n], &beta[at..at + n]);
        let inverse = 1.0 / n as f32;
        let [rough] = sums(x, x, |x, _| [x]).map(|s| s * inverse);
        // What the rounding of the first sum left, and the squares about it, in one more pass.
        let [left, square] = sums(x, x, |x, _| [x - rough, (x - rough) * (x - rough)]).map(|s| s * inverse);
        let (m, v) = (rough + left, (square - left * left).max(0.0));
        let root = 1.0 / (v + eps).sqrt();
        for j in 0..n {
            y[j] = a.apply::<FMA>(madd::<FMA>((x[j] - m) * root, gamma[j], beta[j]));
        }
        (mean[k], var[k]) = (m, v);
    }
}}

/// In place: g becomes the gradient of x. Returns those of gamma and beta.
pub(crate) fn backward(
    s: Sizes,
    g: &mut [f32],
    x: &[f32],
    gamma: &[f32],
    beta: &[f32],
    mean: &[f32],
    var: &[f32],
    eps: f32,
    act: Activation,
) -> (Vec<f32>, Vec<f32>) {
    let c = s.channels;
    let mut partial = vec![0f32; s.samples.div_ceil(block_rows(c)) * 2 * c];
    let (g, out) = (Parts::new(g), Parts::new(&mut partial));
    with_pointwise!(act, a => blocks(s.samples, c, &|i, rows| {
        let (at, groups) = (rows.start * c..rows.end * c, rows.start * s.groups..rows.end * s.groups);
        // SAFETY: each block has its own parts.
        let (g, out) = unsafe { (g.get(at.clone()), out.get(i * 2 * c..(i + 1) * 2 * c)) };
        let (by_gamma, by_beta) = out.split_at_mut(c);
        backward_rows(a, s.groups, &x[at], [gamma, beta], &mean[groups.clone()], &var[groups], eps, g, by_gamma, by_beta);
    }));
    let total = |first: usize| {
        (0..c)
            .map(|j| {
                partial[first..]
                    .iter()
                    .skip(j)
                    .step_by(2 * c)
                    .map(|v| *v as f64)
                    .sum::<f64>() as f32
            })
            .collect()
    };
    (total(0), total(c))
}

simd! {
fn backward_rows[A: Pointwise](a: A, groups: usize, x: &[f32], p: [&[f32]; 2], mean: &[f32], var: &[f32], eps: f32, g: &mut [f32], by_gamma: &mut [f32], by_beta: &mut [f32]) {
    let n = p[0].len() / groups;
    for (k, (x, g)) in x.chunks_exact(n).zip(g.chunks_exact_mut(n)).enumerate() {
        let at = k % groups * n;
        let [gamma, beta] = p.map(|p| &p[at..at + n]);
        let (by_gamma, by_beta) = (&mut by_gamma[at..at + n], &mut by_beta[at..at + n]);
        let (m, root) = (mean[k], 1.0 / (var[k] + eps).sqrt());
        for j in 0..n {
            let normal = (x[j] - m) * root;
            let z = g[j] * a.slope::<FMA>(madd::<FMA>(normal, gamma[j], beta[j]));
            by_gamma[j] = madd::<FMA>(z, normal, by_gamma[j]);
            by_beta[j] += z;
            g[j] = z * gamma[j];
        }
        let inverse = 1.0 / n as f32;
        let [first, second] = sums(g, x, |g, x| [g, g * ((x - m) * root)]).map(|s| s * inverse);
        for j in 0..n {
            g[j] = root * (g[j] - first - (x[j] - m) * root * second);
        }
    }
}}
