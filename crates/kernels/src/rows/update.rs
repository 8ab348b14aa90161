//! Updates of parameters: one pass, in place.
use super::math::madd;
use super::{Parts, blocks, simd::simd};
use crate::ops::optim::{AdamStep, RmsStep, SgdStep};

pub(crate) fn adam(p: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32], s: AdamStep) {
    assert!(p.len() == g.len() && m.len() == g.len() && v.len() == g.len());
    let (p, m, v) = (Parts::new(p), Parts::new(m), Parts::new(v));
    blocks(g.len(), 1, &|_, r| {
        // SAFETY: blocks do not overlap.
        let (p, m, v) = unsafe { (p.get(r.clone()), m.get(r.clone()), v.get(r.clone())) };
        adam_part(p, &g[r], m, v, s);
    });
}

simd! {
fn adam_part(p: &mut [f32], g: &[f32], m: &mut [f32], v: &mut [f32], s: AdamStep) {
    let n = p.len();
    let (g, m, v) = (&g[..n], &mut m[..n], &mut v[..n]);
    let (keep, c1, c2) = (1.0 - s.weight_decay, 1.0 - s.b1, 1.0 - s.b2);
    for i in 0..n {
        m[i] = madd::<FMA>(m[i], s.b1, c1 * g[i]);
        v[i] = madd::<FMA>(v[i], s.b2, c2 * g[i] * g[i]);
        p[i] = p[i] * keep - s.rate * m[i] / madd::<FMA>(v[i].sqrt(), s.root, s.eps);
    }
}}

pub(crate) fn rms_prop(p: &mut [f32], g: &[f32], v: &mut [f32], s: RmsStep) {
    assert!(p.len() == g.len() && v.len() == g.len());
    let (p, v) = (Parts::new(p), Parts::new(v));
    blocks(g.len(), 1, &|_, r| {
        // SAFETY: blocks do not overlap.
        let (p, v) = unsafe { (p.get(r.clone()), v.get(r.clone())) };
        rms_prop_part(p, &g[r], v, s);
    });
}

simd! {
fn rms_prop_part(p: &mut [f32], g: &[f32], v: &mut [f32], s: RmsStep) {
    let n = p.len();
    let (g, v, c) = (&g[..n], &mut v[..n], 1.0 - s.alpha);
    for i in 0..n {
        v[i] = madd::<FMA>(v[i], s.alpha, c * g[i] * g[i]);
        p[i] -= s.lr * g[i] / (v[i].sqrt() + s.eps);
    }
}}

pub(crate) fn sgd(p: &mut [f32], g: &[f32], m: &mut [f32], s: SgdStep) {
    assert!(p.len() == g.len() && m.len() == g.len());
    let (p, m) = (Parts::new(p), Parts::new(m));
    blocks(g.len(), 1, &|_, r| {
        // SAFETY: blocks do not overlap.
        let (p, m) = unsafe { (p.get(r.clone()), m.get(r.clone())) };
        sgd_part(p, &g[r], m, s);
    });
}

simd! {
fn sgd_part(p: &mut [f32], g: &[f32], m: &mut [f32], s: SgdStep) {
    let n = p.len();
    let (g, m) = (&g[..n], &mut m[..n]);
    for i in 0..n {
        m[i] = madd::<FMA>(m[i], s.momentum, g[i]);
        let step = if s.nesterov { madd::<FMA>(m[i], s.momentum, g[i]) } else { m[i] };
        p[i] = madd::<FMA>(-s.lr, step, p[i]);
    }
}}

pub(crate) fn average(average: &mut [f32], p: &[f32], weight: f32) {
    assert_eq!(average.len(), p.len());
    let average = Parts::new(average);
    blocks(p.len(), 1, &|_, r| {
        // SAFETY: blocks do not overlap.
        average_part(unsafe { average.get(r.clone()) }, &p[r], weight);
    });
}

simd! {
fn average_part(average: &mut [f32], p: &[f32], weight: f32) {
    for (a, p) in average.iter_mut().zip(p) {
        *a = madd::<FMA>(weight, p - *a, *a);
    }
}}
