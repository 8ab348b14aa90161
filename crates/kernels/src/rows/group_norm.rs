//! Group norm over x `[N,S,C]`, for more than one position a sample.
use super::Parts;
use super::batch_norm::{Affine, statistics};
use crate::ops::Activation;
use crate::pool::par_for;

/// Sizes of one group norm.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    pub samples: usize,
    pub positions: usize,
    pub channels: usize,
    pub groups: usize,
}

impl Sizes {
    fn sample(&self, i: usize) -> std::ops::Range<usize> {
        let n = self.positions * self.channels;
        i * n..(i + 1) * n
    }
    fn group(&self) -> usize {
        self.channels / self.groups
    }
    /// By channel, a value by group.
    fn spread(&self, v: &[f32]) -> Vec<f32> {
        (0..self.channels).map(|c| v[c / self.group()]).collect()
    }
}

fn inverse_root(var: f32, eps: f32) -> f64 {
    1.0 / (var as f64 + eps as f64).sqrt()
}

fn affine(
    s: Sizes,
    gamma: &[f32],
    beta: &[f32],
    mean: &[f32],
    var: &[f32],
    eps: f32,
    act: Activation,
) -> Affine {
    let scale: Vec<f32> = (0..s.channels)
        .map(|c| (gamma[c] as f64 * inverse_root(var[c / s.group()], eps)) as f32)
        .collect();
    Affine::new(&s.spread(mean), &scale, beta, act)
}

/// Writes y and, by sample and group, mean and biased variance.
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
    par_for(s.samples, &|i| {
        let (at, groups) = (s.sample(i), i * s.groups..(i + 1) * s.groups);
        // SAFETY: each sample has its own parts.
        let (y, mean, var) = unsafe { (y.get(at.clone()), mean.get(groups.clone()), var.get(groups)) };
        let x = &x[at];
        for (g, channels) in statistics(x, s.channels).chunks_exact(s.group()).enumerate() {
            let n = s.group() as f64;
            let m = channels.iter().map(|c| c.0).sum::<f64>() / n;
            mean[g] = m as f32;
            var[g] = (channels.iter().map(|c| c.1 + (c.0 - m).powi(2)).sum::<f64>() / n) as f32;
        }
        affine(s, gamma, beta, mean, var, eps, act).forward(x, y);
    });
}

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
    let mut by_sample = vec![0f32; s.samples * 2 * c];
    let (g, out) = (Parts::new(g), Parts::new(&mut by_sample));
    par_for(s.samples, &|i| {
        let (at, groups) = (s.sample(i), i * s.groups..(i + 1) * s.groups);
        // SAFETY: each sample has its own parts.
        let (g, out) = unsafe { (g.get(at.clone()), out.get(i * 2 * c..(i + 1) * 2 * c)) };
        let (x, mean, var) = (&x[at], &mean[groups.clone()], &var[groups]);
        let map = affine(s, gamma, beta, mean, var, eps, act);
        let sums = map.gradient_sums(x, g);
        let n = (s.positions * s.group()) as f64;
        let (mut along, mut offset) = (vec![0f32; c], vec![0f32; c]);
        for k in 0..s.groups {
            let (root, channels) = (inverse_root(var[k], eps), k * s.group()..(k + 1) * s.group());
            let over = |m: usize| {
                channels
                    .clone()
                    .map(|j| gamma[j] as f64 * sums[j][m])
                    .sum::<f64>()
                    / n
            };
            let (a, o) = ((-root.powi(3) * over(1)) as f32, (-root * over(0)) as f32);
            for j in channels {
                (along[j], offset[j]) = (a, o);
                (out[j], out[c + j]) = ((sums[j][1] * root) as f32, sums[j][0] as f32);
            }
        }
        map.backward(x, g, &along, &offset);
    });
    let total = |first: usize| {
        (0..c)
            .map(|j| {
                by_sample[first..]
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
