//! Batch norm and scale-shift, each fused with its activation: one pass for the statistics, one for the
//! output; two backward.
use super::math::madd;
use super::pointwise::{Pointwise, with_pointwise};
use super::{Parts, Wide, simd::simd};
use crate::ops::Activation;

/// Mean and biased variance of each channel of x [.., c].
///
/// Within a block that fits the cache, the block's own mean is subtracted before squaring; blocks are
/// combined in f64 by the formula of Chan, Golub and LeVeque (1979).
pub(crate) fn statistics(x: &[f32], channels: usize) -> Vec<(f64, f64)> {
    let wide = Wide::new(channels);
    let (w, rows) = (wide.width, x.len() / wide.width);
    let whole = rows * w;
    let blocks = wide.count(whole);
    let mut partial = vec![0f32; 3 * w * blocks];
    let out = Parts::new(&mut partial);
    wide.blocks(whole, &|i, r| {
        // SAFETY: each block has its own part.
        let out = unsafe { out.get(i * 3 * w..(i + 1) * 3 * w) };
        block_moments(&x[r], w, out);
    });
    let step = super::block_rows(w);
    let (mut mean, mut square) = (vec![0f64; w], vec![0f64; w]);
    for (i, part) in partial.chunks_exact(3 * w).enumerate() {
        let before = (i * step) as f64;
        let here = step.min(rows - i * step) as f64;
        combine(&mut mean, &mut square, part, before, here);
    }
    // The copies of a channel, and what is left of a last wide row, are further samples of it.
    let mut all = vec![(0f64, 0f64, 0f64); channels];
    let mut add = |c: usize, n: f64, m: f64, q: f64| {
        let (count, mean, square) = &mut all[c];
        let (delta, total) = (m - *mean, *count + n);
        *square += q + delta * delta * *count * n / total;
        *mean += delta * n / total;
        *count = total;
    };
    if rows > 0 {
        (0..w).for_each(|j| add(j % channels, rows as f64, mean[j], square[j]));
    }
    x[whole..]
        .iter()
        .enumerate()
        .for_each(|(j, &v)| add(j % channels, 1.0, v as f64, 0.0));
    all.into_iter()
        .map(|(n, m, q)| (m, if n > 0.0 { q / n } else { 0.0 }))
        .collect()
}

simd! {
/// A block's means, the sums of what is left when they are subtracted, and of its squares.
fn block_moments(x: &[f32], w: usize, out: &mut [f32]) {
    let (mean, rest) = out.split_at_mut(w);
    let (sum, square) = rest.split_at_mut(w);
    super::add_rows(x, mean);
    let scale = w as f32 / x.len() as f32;
    mean.iter_mut().for_each(|m| *m *= scale);
    let mut two = x.chunks_exact(2 * w);
    for x in &mut two {
        let (a, b) = x.split_at(w);
        for ((((m, s), q), a), b) in mean.iter().zip(&mut *sum).zip(&mut *square).zip(a).zip(b) {
            let (a, b) = (a - m, b - m);
            *s += a + b;
            *q = madd::<FMA>(a, a, madd::<FMA>(b, b, *q));
        }
    }
    for x in two.remainder().chunks_exact(w) {
        for (((m, s), q), a) in mean.iter().zip(&mut *sum).zip(&mut *square).zip(x) {
            let a = a - m;
            *s += a;
            *q = madd::<FMA>(a, a, *q);
        }
    }
}}

simd! {
/// Adds a block of `here` rows to the means and sums of squares of `before` rows.
fn combine(mean: &mut [f64], square: &mut [f64], part: &[f32], before: f64, here: f64) {
    let _ = FMA;
    let w = mean.len();
    let (m, rest) = part.split_at(w);
    let (s, q) = rest.split_at(w);
    let (share, cross) = (here / (before + here), before * here / (before + here));
    for ((((mean, square), m), s), q) in mean.iter_mut().zip(square).zip(m).zip(s).zip(q) {
        let left = *s as f64 / here;
        let delta = *m as f64 + left - *mean;
        *square += *q as f64 - left * *s as f64 + delta * delta * cross;
        *mean += delta * share;
    }
}}

/// act((x - mean) * scale + shift) by channel.
pub(crate) struct Affine {
    wide: Wide,
    mean: Vec<f32>,
    scale: Vec<f32>,
    shift: Vec<f32>,
    act: Activation,
}

impl Affine {
    pub(crate) fn new(mean: &[f32], scale: &[f32], shift: &[f32], act: Activation) -> Self {
        let wide = Wide::new(scale.len());
        let [mean, scale, shift] = [mean, scale, shift].map(|v| wide.repeat(v));
        Affine {
            wide,
            mean,
            scale,
            shift,
            act,
        }
    }

    /// y from x.
    pub(crate) fn forward(&self, x: &[f32], y: &mut [f32]) {
        assert_eq!(x.len(), y.len());
        let (n, y) = (x.len(), Parts::new(y));
        with_pointwise!(self.act, a => self.wide.blocks(n, &|_, r| {
            // SAFETY: blocks do not overlap.
            let y = unsafe { y.get(r.clone()) };
            affine_rows(a, &x[r], [&self.mean, &self.scale, &self.shift], y);
        }));
    }

    /// By channel, the sums of dz = g f'(z) and of dz (x - mean).
    pub(crate) fn gradient_sums(&self, x: &[f32], g: &[f32]) -> Vec<[f64; 2]> {
        assert_eq!(x.len(), g.len());
        let w = self.wide.width;
        let mut partial = vec![0f32; self.wide.count(x.len()) * 2 * w];
        let out = Parts::new(&mut partial);
        with_pointwise!(self.act, a => self.wide.blocks(x.len(), &|i, r| {
            // SAFETY: each block has its own part.
            let (s, q) = unsafe { out.get(i * 2 * w..(i + 1) * 2 * w) }.split_at_mut(w);
            gradient_rows(a, &x[r.clone()], &g[r], [&self.mean, &self.scale, &self.shift], s, q);
        }));
        self.wide.fold::<2>(&partial)
    }

    /// In place: g becomes scale dz + along (x - mean) + offset, with `along` and `offset` by channel.
    pub(crate) fn backward(&self, x: &[f32], g: &mut [f32], along: &[f32], offset: &[f32]) {
        assert_eq!(x.len(), g.len());
        let (along, offset) = (self.wide.repeat(along), self.wide.repeat(offset));
        let (n, g) = (x.len(), Parts::new(g));
        with_pointwise!(self.act, a => self.wide.blocks(n, &|_, r| {
            // SAFETY: blocks do not overlap.
            let g = unsafe { g.get(r.clone()) };
            backward_rows(a, &x[r], [&self.mean, &self.scale, &self.shift, &along, &offset], g);
        }));
    }
}

simd! {
fn affine_rows[A: Pointwise](a: A, x: &[f32], p: [&[f32]; 3], y: &mut [f32]) {
    let w = p[0].len();
    for (x, y) in x.chunks(w).zip(y.chunks_mut(w)) {
        let ([mean, scale, shift], y) = (p.map(|p| &p[..x.len()]), &mut y[..x.len()]);
        for j in 0..x.len() {
            y[j] = a.apply::<FMA>(madd::<FMA>(x[j] - mean[j], scale[j], shift[j]));
        }
    }
}}

simd! {
fn gradient_rows[A: Pointwise](a: A, x: &[f32], g: &[f32], p: [&[f32]; 3], s: &mut [f32], q: &mut [f32]) {
    let w = s.len();
    // Two rows at a time halve the traffic of the sums.
    let (mut xs, mut gs) = (x.chunks_exact(2 * w), g.chunks_exact(2 * w));
    for (x, g) in (&mut xs).zip(&mut gs) {
        let ([mean, scale, shift], (x0, x1), (g0, g1)) = (p.map(|p| &p[..w]), x.split_at(w), g.split_at(w));
        let (s, q, x1, g1) = (&mut s[..w], &mut q[..w], &x1[..w], &g1[..w]);
        for j in 0..w {
            let (d0, d1) = (x0[j] - mean[j], x1[j] - mean[j]);
            let z0 = g0[j] * a.slope::<FMA>(madd::<FMA>(d0, scale[j], shift[j]));
            let z1 = g1[j] * a.slope::<FMA>(madd::<FMA>(d1, scale[j], shift[j]));
            s[j] += z0 + z1;
            q[j] = madd::<FMA>(z0, d0, madd::<FMA>(z1, d1, q[j]));
        }
    }
    for (x, g) in xs.remainder().chunks(w).zip(gs.remainder().chunks(w)) {
        let ([mean, scale, shift], g) = (p.map(|p| &p[..x.len()]), &g[..x.len()]);
        let (s, q) = (&mut s[..x.len()], &mut q[..x.len()]);
        for j in 0..x.len() {
            let d = x[j] - mean[j];
            let z = g[j] * a.slope::<FMA>(madd::<FMA>(d, scale[j], shift[j]));
            s[j] += z;
            q[j] = madd::<FMA>(z, d, q[j]);
        }
    }
}}

simd! {
fn backward_rows[A: Pointwise](a: A, x: &[f32], p: [&[f32]; 5], g: &mut [f32]) {
    let w = p[0].len();
    for (x, g) in x.chunks(w).zip(g.chunks_mut(w)) {
        let ([mean, scale, shift, along, offset], g) = (p.map(|p| &p[..x.len()]), &mut g[..x.len()]);
        for j in 0..x.len() {
            let d = x[j] - mean[j];
            let z = g[j] * a.slope::<FMA>(madd::<FMA>(d, scale[j], shift[j]));
            g[j] = madd::<FMA>(scale[j], z, madd::<FMA>(along[j], d, offset[j]));
        }
    }
}}

fn inverse_root(var: f32, eps: f32) -> f64 {
    1.0 / (var as f64 + eps as f64).sqrt()
}

/// Writes y = act(gamma (x - mean) / sqrt(var + eps) + beta); returns mean and variance.
pub(crate) fn forward(
    x: &[f32],
    gamma: &[f32],
    beta: &[f32],
    eps: f32,
    act: Activation,
    y: &mut [f32],
) -> (Vec<f32>, Vec<f32>) {
    let (mean, var): (Vec<f32>, Vec<f32>) = statistics(x, gamma.len())
        .iter()
        .map(|s| (s.0 as f32, s.1 as f32))
        .unzip();
    affine(gamma, beta, &mean, &var, eps, act).forward(x, y);
    (mean, var)
}

fn affine(gamma: &[f32], beta: &[f32], mean: &[f32], var: &[f32], eps: f32, act: Activation) -> Affine {
    let scale: Vec<f32> = gamma
        .iter()
        .zip(var)
        .map(|(g, &v)| (*g as f64 * inverse_root(v, eps)) as f32)
        .collect();
    Affine::new(mean, &scale, beta, act)
}

/// In place: g becomes the gradient of x. Returns those of gamma and beta.
pub(crate) fn backward(
    g: &mut [f32],
    x: &[f32],
    gamma: &[f32],
    beta: &[f32],
    mean: &[f32],
    var: &[f32],
    eps: f32,
    act: Activation,
) -> (Vec<f32>, Vec<f32>) {
    let c = gamma.len();
    let map = affine(gamma, beta, mean, var, eps, act);
    let sums = map.gradient_sums(x, g);
    let n = (x.len() / c) as f64;
    let (mut along, mut offset, mut by_gamma) = (vec![0f32; c], vec![0f32; c], vec![0f32; c]);
    for j in 0..c {
        let root = inverse_root(var[j], eps);
        let scale = gamma[j] as f64 * root;
        // dx = scale (dz - mean(dz) - xhat mean(dz xhat)), with xhat = (x - mean) root
        along[j] = (-scale * root * root * sums[j][1] / n) as f32;
        offset[j] = (-scale * sums[j][0] / n) as f32;
        by_gamma[j] = (sums[j][1] * root) as f32;
    }
    map.backward(x, g, &along, &offset);
    (by_gamma, sums.iter().map(|s| s[0] as f32).collect())
}

/// Backward of act(x scale + shift), in place: g becomes the gradient of x. Returns those of scale and shift.
pub(crate) fn scale_shift_backward(
    g: &mut [f32],
    x: &[f32],
    scale: &[f32],
    shift: &[f32],
    act: Activation,
) -> (Vec<f32>, Vec<f32>) {
    let zeros = vec![0f32; scale.len()];
    let map = Affine::new(&zeros, scale, shift, act);
    let sums = map.gradient_sums(x, g);
    map.backward(x, g, &zeros, &zeros);
    (
        sums.iter().map(|s| s[1] as f32).collect(),
        sums.iter().map(|s| s[0] as f32).collect(),
    )
}
