//! Resizing, pooling and pixel shuffles, a row of the output at a time.
use super::math::madd;
use super::{Parts, simd::simd};
use crate::ops::{Resample, Window};
use crate::pool::par_for;

type Taps = Vec<Vec<(usize, f32)>>;

/// The taps of the transposed map, for `from` inputs.
fn transpose(taps: &Taps, from: usize) -> Taps {
    let mut out = vec![Vec::new(); from];
    for (i, taps) in taps.iter().enumerate() {
        taps.iter().for_each(|&(j, weight)| out[j].push((i, weight)));
    }
    out
}

/// x `[B,H,W,C]` -> y `[B,H',W',C]`.
pub(crate) fn resample(x: &[f32], batch: usize, channels: usize, r: Resample, y: &mut [f32]) {
    separable(x, batch, r.from, channels, &r.taps(0), &r.taps(1), y);
}

/// g `[B,H',W',C]` -> dx `[B,H,W,C]`.
pub(crate) fn resample_gradient(g: &[f32], batch: usize, channels: usize, r: Resample, dx: &mut [f32]) {
    let [rows, columns] = [0, 1].map(|axis| transpose(&r.taps(axis), r.from[axis]));
    separable(g, batch, r.to, channels, &rows, &columns, dx);
}

fn separable(
    x: &[f32],
    batch: usize,
    [h, w]: [usize; 2],
    c: usize,
    rows: &Taps,
    columns: &Taps,
    y: &mut [f32],
) {
    let (oh, line) = (rows.len(), columns.len() * c);
    assert!(x.len() == batch * h * w * c && y.len() == batch * oh * line);
    let y = Parts::new(y);
    par_for(batch * oh, &|i| {
        let (b, oy) = (i / oh, i % oh);
        // SAFETY: each row of the output is one task's.
        let y = unsafe { y.get(i * line..(i + 1) * line) };
        y.fill(0.0);
        for &(iy, weight) in &rows[oy] {
            add_line(&x[(b * h + iy) * w * c..][..w * c], c, weight, columns, y);
        }
    });
}

simd! {
/// y += weight times the row x under the columns' map.
fn add_line(x: &[f32], c: usize, weight: f32, columns: &Taps, y: &mut [f32]) {
    for (y, taps) in y.chunks_exact_mut(c).zip(columns) {
        for &(ix, by) in taps {
            let (x, by) = (&x[ix * c..ix * c + c], by * weight);
            for j in 0..c {
                y[j] = madd::<FMA>(x[j], by, y[j]);
            }
        }
    }
}}

/// x `[B,H,W,C r r]` -> y `[B,H r,W r,C]`, or backwards.
pub(crate) fn shuffle(x: &[f32], [batch, h, w, c]: [usize; 4], r: usize, up: bool, y: &mut [f32]) {
    assert!(x.len() == batch * h * w * c * r * r && y.len() == x.len());
    let line = w * c * r * r;
    let y = Parts::new(y);
    par_for(batch * h, &|i| {
        // One row of small pixels is r rows of large ones, at the same place in memory.
        // SAFETY: each task has its own part.
        let (x, y) = (&x[i * line..(i + 1) * line], unsafe {
            y.get(i * line..(i + 1) * line)
        });
        for ry in 0..r {
            for ix in 0..w {
                for rx in 0..r {
                    let (wide, deep) = ((ry * w * r + ix * r + rx) * c, ix * c * r * r + ry * r + rx);
                    for j in 0..c {
                        if up {
                            y[wide + j] = x[deep + j * r * r];
                        } else {
                            y[deep + j * r * r] = x[wide + j];
                        }
                    }
                }
            }
        }
    });
}

/// Inputs of output i of a window along one axis.
fn reach(w: Window, axis: usize, size: usize, i: usize) -> std::ops::Range<usize> {
    let start = i * w.stride[axis];
    start.saturating_sub(w.padding[axis])..(start + w.kernel[axis] - w.padding[axis]).min(size)
}

/// x `[B,H,W,C]` -> y `[B,OH,OW,C]`.
pub(crate) fn max_pool(
    x: &[f32],
    [batch, h, w, c]: [usize; 4],
    window: Window,
    [oh, ow]: [usize; 2],
    y: &mut [f32],
) {
    assert!(x.len() == batch * h * w * c && y.len() == batch * oh * ow * c);
    let y = Parts::new(y);
    par_for(batch * oh, &|i| {
        // SAFETY: each row of the output is one task's.
        let y = unsafe { y.get(i * ow * c..(i + 1) * ow * c) };
        let (b, rows) = (i / oh, reach(window, 0, h, i % oh));
        for (ox, y) in y.chunks_exact_mut(c).enumerate() {
            y.fill(f32::NEG_INFINITY);
            for iy in rows.clone() {
                for ix in reach(window, 1, w, ox) {
                    larger(&x[((b * h + iy) * w + ix) * c..][..c], y);
                }
            }
        }
    });
}

simd! {
/// y = max(x, y); a NaN stays.
fn larger(x: &[f32], y: &mut [f32]) {
    let _ = FMA;
    for (y, x) in y.iter_mut().zip(x) {
        *y = if *x > *y || x.is_nan() { *x } else { *y };
    }
}}

/// g `[B,OH,OW,C]` -> dx `[B,H,W,C]`, to the first of the largest values of each window.
pub(crate) fn max_pool_gradient(
    g: &[f32],
    x: &[f32],
    [batch, h, w, c]: [usize; 4],
    window: Window,
    [oh, ow]: [usize; 2],
    dx: &mut [f32],
) {
    assert!(x.len() == batch * h * w * c && dx.len() == x.len() && g.len() == batch * oh * ow * c);
    let image = h * w * c;
    let dx = Parts::new(dx);
    // Windows overlap, so an image is one task.
    par_for(batch, &|b| {
        // SAFETY: each image is one task's.
        let (x, dx) = (&x[b * image..(b + 1) * image], unsafe {
            dx.get(b * image..(b + 1) * image)
        });
        dx.fill(0.0);
        let (mut best, mut at) = (vec![0f32; c], vec![0usize; c]);
        for (o, g) in g[b * oh * ow * c..(b + 1) * oh * ow * c]
            .chunks_exact(c)
            .enumerate()
        {
            best.fill(f32::NEG_INFINITY);
            let (rows, columns) = (reach(window, 0, h, o / ow), reach(window, 1, w, o % ow));
            at.fill((rows.start * w + columns.start) * c);
            for iy in rows {
                for ix in columns.clone() {
                    let pixel = (iy * w + ix) * c;
                    for j in 0..c {
                        let v = x[pixel + j];
                        if v > best[j] || (v.is_nan() && !best[j].is_nan()) {
                            (best[j], at[j]) = (v, pixel);
                        }
                    }
                }
            }
            for j in 0..c {
                dx[at[j] + j] += g[j];
            }
        }
    });
}
