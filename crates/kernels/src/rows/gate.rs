//! The gated activation of PixelCNN and WaveNet.
use super::math::{sigmoid, tanh};
use super::{Parts, blocks, simd::simd};
use crate::dense::gate;

/// y = tanh(a) sigmoid(b) for rows (a, b) of x, `half` numbers each.
pub(crate) fn forward(x: &[f32], half: usize, y: &mut [f32]) {
    assert_eq!(x.len(), 2 * y.len());
    let (n, y) = (y.len() / half, Parts::new(y));
    blocks(n, 2 * half, &|_, r| {
        // SAFETY: blocks do not overlap.
        let y = unsafe { y.get(r.start * half..r.end * half) };
        let x = &x[2 * half * r.start..2 * half * r.end];
        x.chunks_exact(2 * half)
            .zip(y.chunks_exact_mut(half))
            .for_each(|(x, y)| gate(&x[..half], &x[half..], y));
    });
}

/// The gradient of x.
pub(crate) fn backward(g: &[f32], x: &[f32], half: usize, by_x: &mut [f32]) {
    assert!(x.len() == 2 * g.len() && x.len() == by_x.len());
    let (n, by_x) = (g.len() / half, Parts::new(by_x));
    blocks(n, 2 * half, &|_, r| {
        let of_x = 2 * half * r.start..2 * half * r.end;
        // SAFETY: blocks do not overlap.
        let by_x = unsafe { by_x.get(of_x.clone()) };
        backward_part(&g[half * r.start..half * r.end], &x[of_x], by_x, half);
    });
}

simd! {
fn backward_part(g: &[f32], x: &[f32], by_x: &mut [f32], half: usize) {
    for ((g, x), d) in g.chunks_exact(half).zip(x.chunks_exact(2 * half)).zip(by_x.chunks_exact_mut(2 * half)) {
        let ((a, b), (by_a, by_b)) = (x.split_at(half), d.split_at_mut(half));
        for k in 0..half {
            let (t, s) = (tanh::<FMA>(a[k]), sigmoid::<FMA>(b[k]));
            by_a[k] = g[k] * s * (1.0 - t * t);
            by_b[k] = g[k] * t * s * (1.0 - s);
        }
    }
}}
