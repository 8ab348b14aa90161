//! Convolutions in groups of few channels: one after another on copied channels; depthwise ones (one channel a group on both sides)
//! by loops over channels. Groups of more channels are read where they lie ([`direct`]).
use super::{Epilogue, Shape, direct};
use crate::pool::par_for;
use crate::scratch::{Ptr, Slot, with_scratch};

/// A part of the columns of rows: `rows` rows of `width` floats, of which `n` from `first` on.
#[derive(Clone, Copy)]
struct Columns {
    rows: usize,
    width: usize,
    first: usize,
    n: usize,
}

/// Rows at a time that one task copies.
const ROWS: usize = 256;

impl Columns {
    fn len(&self) -> usize {
        self.rows * self.n
    }

    /// Copies the columns out.
    fn take(&self, from: &[f32], to: &mut [f32]) {
        let target = Ptr(to[..self.len()].as_mut_ptr());
        par_for(self.rows.div_ceil(ROWS), &|t| {
            for r in t * ROWS..((t + 1) * ROWS).min(self.rows) {
                // SAFETY: row r of `rows` rows of n floats; each r once.
                let row = unsafe { std::slice::from_raw_parts_mut(target.get().add(r * self.n), self.n) };
                row.copy_from_slice(&from[r * self.width + self.first..][..self.n]);
            }
        });
    }

    /// Copies them back in.
    fn put(&self, from: &[f32], to: &mut [f32]) {
        let target = Ptr(to[..self.rows * self.width].as_mut_ptr());
        par_for(self.rows.div_ceil(ROWS), &|t| {
            for r in t * ROWS..((t + 1) * ROWS).min(self.rows) {
                // SAFETY: n floats of row r of `rows` rows of `width`, first + n <= width; each r once.
                let row = unsafe {
                    std::slice::from_raw_parts_mut(target.get().add(r * self.width + self.first), self.n)
                };
                row.copy_from_slice(&from[r * self.n..][..self.n]);
            }
        });
    }
}

/// Group `g`: its own shape, and its columns of x, w and y.
fn group(s: &Shape, g: usize) -> (Shape, [Columns; 3]) {
    let (ic, oc) = (s.in_channels / s.groups, s.out_channels / s.groups);
    let one = Shape {
        in_channels: ic,
        out_channels: oc,
        groups: 1,
        ..*s
    };
    let columns = |rows: usize, width: usize, n: usize| Columns {
        rows,
        width,
        first: g * n,
        n,
    };
    let [x, y] = [s.input, s.output].map(|[h, w]| s.batch * h * w);
    let w = s.kernel[0] * s.kernel[1] * ic;
    (
        one,
        [
            columns(x, s.in_channels, ic),
            columns(w, s.out_channels, oc),
            columns(y, s.out_channels, oc),
        ],
    )
}

/// Calls `pass` for every group with copies of its part of two operands, and puts its result into
/// the third; operands are numbered as in [`group`].
fn each(
    s: &Shape,
    [(ai, a), (bi, b)]: [(usize, &[f32]); 2],
    (ci, c): (usize, &mut [f32]),
    pass: impl Fn(&Shape, usize, &[f32], &[f32], &mut [f32]),
) {
    for g in 0..s.groups {
        let (one, columns) = group(s, g);
        let (ac, bc, cc) = (columns[ai], columns[bi], columns[ci]);
        with_scratch(Slot::Group, ac.len() + bc.len() + cc.len(), |memory| {
            let (ag, memory) = memory.split_at_mut(ac.len());
            let (bg, cg) = memory.split_at_mut(bc.len());
            ac.take(a, ag);
            bc.take(b, bg);
            pass(&one, g, ag, bg, cg);
            cc.put(cg, c);
        });
    }
}

/// As [`super::forward`].
pub(super) fn forward(s: &Shape, x: &[f32], w: &[f32], y: &mut [f32], e: Epilogue) {
    if depthwise(s) {
        return rows_of(s, s.output, y, &|b, oy, row| {
            row.fill(0.0);
            for (ky, iy) in taps(s, 0, oy) {
                let line =
                    &x[(b * s.input[0] + iy) * s.input[1] * s.in_channels..][..s.input[1] * s.in_channels];
                for ox in 0..s.output[1] {
                    for (kx, ix) in taps(s, 1, ox) {
                        multiply_add(pixel(s, row, ox), pixel_of(s, line, ix), weights(s, w, ky, kx));
                    }
                }
            }
            finish(row, e);
        });
    }
    if many(s) {
        return direct::forward(s, x, w, y, e);
    }
    let oc = s.out_channels / s.groups;
    each(s, [(0, x), (1, w)], (2, y), |one, g, x, w, y| {
        direct::forward(one, x, w, y, e.columns(g * oc, oc))
    });
}

/// As [`super::input_gradient`].
pub(super) fn input_gradient(s: &Shape, gy: &[f32], w: &[f32], gx: &mut [f32], e: Epilogue) {
    if depthwise(s) {
        return rows_of(s, s.input, gx, &|b, iy, row| {
            row.fill(0.0);
            for ky in 0..s.kernel[0] {
                let Some(oy) = source(s, 0, iy, ky) else { continue };
                let line = &gy[(b * s.output[0] + oy) * s.output[1] * s.out_channels..]
                    [..s.output[1] * s.out_channels];
                for ix in 0..s.input[1] {
                    for kx in 0..s.kernel[1] {
                        if let Some(ox) = source(s, 1, ix, kx) {
                            multiply_add(pixel(s, row, ix), pixel_of(s, line, ox), weights(s, w, ky, kx));
                        }
                    }
                }
            }
            finish(row, e);
        });
    }
    if many(s) {
        return direct::input_gradient(s, gy, w, gx, e);
    }
    let ic = s.in_channels / s.groups;
    each(s, [(2, gy), (1, w)], (0, gx), |one, g, gy, w, gx| {
        direct::input_gradient(one, gy, w, gx, e.columns(g * ic, ic))
    });
}

/// As [`super::weight_gradient`].
pub(super) fn weight_gradient(s: &Shape, x: &[f32], gy: &[f32], gw: &mut [f32]) {
    if depthwise(s) {
        let c = s.in_channels;
        let to = Ptr(gw.as_mut_ptr());
        return par_for(s.kernel[0] * s.kernel[1], &|tap| {
            let (ky, kx) = (tap / s.kernel[1], tap % s.kernel[1]);
            // SAFETY: tap `tap` of the weights, which have kh * kw * c elements; each tap once.
            let sum = unsafe { std::slice::from_raw_parts_mut(to.get().add(tap * c), c) };
            sum.fill(0.0);
            for i in 0..s.batch * s.output[0] {
                let (b, oy) = (i / s.output[0], i % s.output[0]);
                let Some(iy) = seen(s, 0, oy, ky) else { continue };
                for ox in 0..s.output[1] {
                    if let Some(ix) = seen(s, 1, ox, kx) {
                        let x = &x[((b * s.input[0] + iy) * s.input[1] + ix) * c..][..c];
                        multiply_add(sum, x, &gy[(i * s.output[1] + ox) * c..][..c]);
                    }
                }
            }
        });
    }
    if many(s) {
        return direct::weight_gradient(s, x, gy, gw);
    }
    each(s, [(0, x), (2, gy)], (1, gw), |one, _, x, gy, gw| {
        direct::weight_gradient(one, x, gy, gw)
    });
}

/// Whether groups have enough channels to be read where they lie; fewer are copied, so that a row of the kernel is one run of them.
fn many(s: &Shape) -> bool {
    s.in_channels / s.groups > direct::FEW
}

fn depthwise(s: &Shape) -> bool {
    s.groups == s.in_channels && s.groups == s.out_channels
}

/// Calls `f(image, row, its floats)` for all rows of a tensor of the given size.
fn rows_of(s: &Shape, [h, w]: [usize; 2], out: &mut [f32], f: &(dyn Fn(usize, usize, &mut [f32]) + Sync)) {
    let width = w * s.in_channels;
    assert_eq!(out.len(), s.batch * h * width);
    let to = Ptr(out.as_mut_ptr());
    par_for(s.batch * h, &|i| {
        // SAFETY: row i of batch * h rows, as just checked; each i once.
        f(i / h, i % h, unsafe {
            std::slice::from_raw_parts_mut(to.get().add(i * width), width)
        });
    });
}

/// The input position that tap `k` of output `o` sees along an axis, if it is inside.
fn seen(s: &Shape, axis: usize, o: usize, k: usize) -> Option<usize> {
    (o * s.stride[axis] + k * s.dilation[axis])
        .checked_sub(s.padding[axis])
        .filter(|&i| i < s.input[axis])
}

/// The taps of output `o` that lie inside, with the inputs that they see.
fn taps(s: &Shape, axis: usize, o: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..s.kernel[axis]).filter_map(move |k| Some((k, seen(s, axis, o, k)?)))
}

/// The output whose tap `k` sees input `i`, if there is one.
fn source(s: &Shape, axis: usize, i: usize, k: usize) -> Option<usize> {
    let at = (i + s.padding[axis]).checked_sub(k * s.dilation[axis])?;
    at.is_multiple_of(s.stride[axis])
        .then_some(at / s.stride[axis])
        .filter(|&o| o < s.output[axis])
}

fn pixel<'a>(s: &Shape, row: &'a mut [f32], i: usize) -> &'a mut [f32] {
    &mut row[i * s.in_channels..][..s.in_channels]
}

fn pixel_of<'a>(s: &Shape, row: &'a [f32], i: usize) -> &'a [f32] {
    &row[i * s.in_channels..][..s.in_channels]
}

fn weights<'a>(s: &Shape, w: &'a [f32], ky: usize, kx: usize) -> &'a [f32] {
    &w[(ky * s.kernel[1] + kx) * s.in_channels..][..s.in_channels]
}

fn multiply_add(sum: &mut [f32], a: &[f32], b: &[f32]) {
    for ((sum, a), b) in sum.iter_mut().zip(a).zip(b) {
        *sum += a * b;
    }
}

fn finish(row: &mut [f32], e: Epilogue) {
    if !e.is_identity() {
        let channels = e.scale.or(e.shift).map_or(1, <[f32]>::len);
        row.chunks_mut(channels)
            .for_each(|p| p.iter_mut().enumerate().for_each(|(c, v)| *v = e.apply(*v, c)));
    }
}
