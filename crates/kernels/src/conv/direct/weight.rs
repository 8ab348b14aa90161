//! The weight gradient: a sum of outer products over all pixels. Every task owns a part of the
//! result and goes over all pixels in order, so that nothing is reduced across tasks.
use super::super::Shape;
use super::super::micro::{Axis, Extent, LANES, Outer, PANEL, Panels, SIXTEEN, Within, outer, outer_rows};
use super::{bordered, fuses};
use crate::pool::{par_for, threads};
use crate::scratch::{Ptr, Slot, with_scratch};

/// As [`super::super::weight_gradient`], on checked sizes.
pub(in crate::conv) fn weight_gradient(s: &Shape, x: &[f32], gy: &[f32], gw: &mut [f32]) {
    let s = s.simplify();
    if !fuses(&s) {
        return streamed(&s, x, gy, gw);
    }
    if !s.stays_inside() {
        return bordered(&s, x, |inside, x| weight_gradient(inside, x, gy, gw));
    }
    in_place(&s, x, gy, gw);
}

/// Parts of the pixels that are summed by themselves, and then in order: not as many as there are
/// threads, so that the sums do not depend on their number.
const PARTS: usize = 16;

/// Few channels, no padding: a row of the kernel is one run of kw * ic rows of the result, read
/// straight from x. The result is small and gy is large, so every task takes a part of the pixels
/// (gy is read from memory once) and has a result of its own.
fn in_place(s: &Shape, x: &[f32], gy: &[f32], gw: &mut [f32]) {
    /// Output pixels at a time: their panel of gy (64 KiB) and x stay in L2.
    const PIXELS: usize = 256;
    let [oh, ow] = s.output;
    let images = (PIXELS / (oh * ow)).clamp(1, s.batch);
    let lines = if oh * ow > PIXELS {
        (PIXELS / ow).clamp(1, oh)
    } else {
        oh
    };
    let blocks: Vec<_> = (0..s.batch)
        .step_by(images)
        .flat_map(|b| (0..oh).step_by(lines).map(move |y| (b, y)))
        .collect();
    let part = blocks.len().div_ceil(PARTS);
    let parts = blocks.len().div_ceil(part);
    let len = gw.len();
    with_scratch(Slot::Weights, parts * len, |sums| {
        let memory = Ptr(sums.as_mut_ptr());
        par_for(parts, &|p| {
            // SAFETY: part p of `parts` parts of `len` floats; each p once.
            let sum = unsafe { std::slice::from_raw_parts_mut(memory.get().add(p * len), len) };
            for (i, &(b0, y0)) in blocks[p * part..((p + 1) * part).min(blocks.len())]
                .iter()
                .enumerate()
            {
                add_block(
                    s,
                    x,
                    gy,
                    sum,
                    (b0, images.min(s.batch - b0)),
                    (y0, lines.min(oh - y0)),
                    i > 0,
                );
            }
        });
        gw.copy_from_slice(&sums[..len]);
        for sum in sums.chunks_exact(len).skip(1) {
            gw.iter_mut().zip(sum).for_each(|(a, b)| *a += b);
        }
    });
}

/// Adds the products of some images and lines (first, number), or puts them in place of the sums.
fn add_block(
    s: &Shape,
    x: &[f32],
    gy: &[f32],
    sum: &mut [f32],
    (b0, images): (usize, usize),
    (y0, lines): (usize, usize),
    add: bool,
) {
    let ([h, w], [oh, ow], ic, oc) = (s.input, s.output, s.in_channels, s.out_channels);
    let (m, tile) = (s.kernel[1] * ic, outer_rows(oc));
    let panels = Panels { k: 0, n: oc };
    let within = Within {
        a: [Extent::of(x), Extent::NONE],
        b: Extent::of(gy),
        c: [Extent::of(sum), Extent::NONE],
    };
    let axes = [
        Axis {
            n: images,
            a: h * w * ic,
            b: oh * ow * oc,
        },
        Axis {
            n: lines,
            a: s.stride[0] * w * ic,
            b: ow * oc,
        },
        Axis {
            n: ow,
            a: s.stride[1] * ic,
            b: oc,
        },
    ];
    for j in 0..panels.count() {
        let b = gy[(b0 * oh + y0) * ow * oc + j * PANEL..].as_ptr();
        for ky in 0..s.kernel[0] {
            let a = &x[(b0 * h + y0 * s.stride[0] + ky * s.dilation[0]) * w * ic..];
            for i in (0..m).step_by(tile) {
                let c = sum[(ky * m + i) * oc + j * PANEL..].as_mut_ptr();
                let (rows, columns) = (tile.min(m - i), panels.columns(j));
                // SAFETY: no output leaves x (see `stays_inside`), so all positions lie in x and
                // gy; the sums are this task's alone.
                unsafe {
                    outer(&Outer {
                        axes,
                        a: a[i..].as_ptr(),
                        b,
                        strip: LANES,
                        c,
                        row: oc,
                        rows,
                        columns,
                        add,
                        within: &within,
                    })
                };
            }
        }
    }
}

/// Output rows lo..hi for which tap `ky` lies inside x.
fn valid(s: &Shape, ky: usize) -> (usize, usize) {
    let at = ky * s.dilation[0];
    let lo = s.padding[0]
        .saturating_sub(at)
        .div_ceil(s.stride[0])
        .min(s.output[0]);
    let hi = (s.input[0] + s.padding[0])
        .saturating_sub(at)
        .div_ceil(s.stride[0])
        .min(s.output[0]);
    (lo, hi.max(lo))
}

/// Pixels of a line of a stream at most: longer rows are cut.
const LINE: usize = 256;

/// How rows of x and gy are copied into streams of \[16 channels\]\[pixel\]\[16\].
struct Streams {
    /// Output pixels of a line, and lines to a row.
    ow: usize,
    cuts: usize,
    /// Pixels of a line of x of one phase (ix + padding) % stride, so that a tap reads neighbours
    /// whatever the stride is.
    wp: usize,
    /// Lines at a time, and floats from one group of 16 channels to the next.
    lines: usize,
    x_pitch: usize,
    y_pitch: usize,
}

impl Streams {
    fn new(s: &Shape) -> Streams {
        let cuts = s.output[1].div_ceil(LINE);
        let ow = s.output[1].div_ceil(cuts);
        let wp = ow + (s.reach(1) - 1) / s.stride[1];
        let lines = LINE.div_ceil(ow);
        // The extra 16 floats keep the groups off each other's cache sets.
        let (x_pitch, y_pitch) = (
            lines * s.stride[1] * wp * LANES + LANES,
            lines * ow * LANES + LANES,
        );
        Streams {
            ow,
            cuts,
            wp,
            lines,
            x_pitch,
            y_pitch,
        }
    }

    /// Copies line `l` of the stream, from the given row of gy and pixel of it: so many columns from one on.
    fn copy_y(
        &self,
        s: &Shape,
        row: &[f32],
        first: usize,
        (from, columns): (usize, usize),
        l: usize,
        to: &mut [f32],
    ) {
        let all = s.out_channels;
        for i in 0..self.ow {
            let at = (l * self.ow + i) * LANES;
            if first + i < s.output[1] {
                copy_channels(&row[(first + i) * all + from..][..columns], to, at, self.y_pitch);
            } else {
                clear_channels(columns, to, at, self.y_pitch);
            }
        }
    }

    /// The same of x: channels `i0..i1`.
    fn copy_x(
        &self,
        s: &Shape,
        row: &[f32],
        first: usize,
        (i0, i1): (usize, usize),
        l: usize,
        to: &mut [f32],
    ) {
        let (ic, stride) = (s.in_channels, s.stride[1]);
        for v in 0..self.wp * stride {
            let at = ((l * stride + v % stride) * self.wp + v / stride) * LANES;
            match (first * stride + v).checked_sub(s.padding[1]) {
                Some(ix) if ix < s.input[1] => {
                    copy_channels(&row[ix * ic + i0..][..i1 - i0], to, at, self.x_pitch)
                }
                _ => clear_channels(i1 - i0, to, at, self.x_pitch),
            }
        }
    }
}

/// Rows of x and gy are copied, a few hundred pixels at a time, into streams; each copy serves all
/// taps of a row of the kernel.
fn streamed(s: &Shape, x: &[f32], gy: &[f32], gw: &mut [f32]) {
    let ([h, w], [oh, ow], [kh, kw]) = (s.input, s.output, s.kernel);
    let (all_in, all_out) = (s.in_channels, s.out_channels);
    let [ic, oc] = [all_in, all_out].map(|n| n / s.groups);
    let panels = Panels { k: 0, n: oc };
    let parts = (threads() * 8)
        .div_ceil(kh * panels.count() * s.groups)
        .clamp(1, ic.div_ceil(16));
    let part = ic.div_ceil(parts).next_multiple_of(16);
    let parts = ic.div_ceil(part);
    let streams = Streams::new(s);
    let out = Ptr(gw.as_mut_ptr());
    let extent = Extent::of(gw);
    // Every task reads all rows of x and gy, so take as many images at a time as fit in L3 well.
    let images = ((1 << 19) / (h * w * all_in + oh * ow * all_out)).clamp(1, s.batch);
    for b0 in (0..s.batch).step_by(images) {
        let nb = images.min(s.batch - b0);
        par_for(kh * s.groups * panels.count() * parts, &|t| {
            let (p, j, t) = (t % parts, t / parts % panels.count(), t / parts / panels.count());
            let (g, ky) = (t % s.groups, t / s.groups);
            let (i0, i1) = (p * part, ((p + 1) * part).min(ic));
            let (nx, ny) = ((i1 - i0).div_ceil(LANES), panels.columns(j).div_ceil(LANES));
            let (lo, hi) = valid(s, ky);
            let per_image = (hi - lo) * streams.cuts;
            let total = nb * per_image;
            with_scratch(
                Slot::Task,
                nx * streams.x_pitch + ny * streams.y_pitch,
                |buffer| {
                    let (xs, ys) = buffer.split_at_mut(nx * streams.x_pitch);
                    // Starting at `total` when there is nothing to add still writes zeros.
                    for l0 in (0..total.max(1)).step_by(streams.lines) {
                        let lines = streams.lines.min(total - l0);
                        for l in 0..lines {
                            let (b, r) = (b0 + (l0 + l) / per_image, (l0 + l) % per_image);
                            let (oy, first) = (lo + r / streams.cuts, r % streams.cuts * streams.ow);
                            let columns = (g * oc + j * PANEL, panels.columns(j));
                            let row = &gy[(b * oh + oy) * ow * all_out..][..ow * all_out];
                            streams.copy_y(s, row, first, columns, l, ys);
                            let iy = oy * s.stride[0] + ky * s.dilation[0] - s.padding[0];
                            let row = &x[(b * h + iy) * w * all_in..][..w * all_in];
                            streams.copy_x(s, row, first, (g * ic + i0, g * ic + i1), l, xs);
                        }
                        let within = Within {
                            a: [Extent::of(xs), Extent::NONE],
                            b: Extent::of(ys),
                            c: [extent, Extent::NONE],
                        };
                        for kx in 0..kw {
                            let tap = Tap {
                                i0,
                                i1,
                                column: g * oc + j * PANEL,
                                columns: panels.columns(j),
                                lines,
                                add: b0 + l0 > 0,
                                at: kx * s.dilation[1],
                                first: (ky * kw + kx) * ic,
                            };
                            // SAFETY: rows i0..i1 of the taps of row ky and panel j of the result are
                            // this task's alone, and within gw.
                            unsafe { tap.run(s, &streams, xs, ys, out, &within) };
                        }
                    }
                },
            )
        });
    }
}

/// The part of the result of one tap that one task computes.
struct Tap {
    i0: usize,
    i1: usize,
    /// First column of the result, and how many.
    column: usize,
    columns: usize,
    lines: usize,
    add: bool,
    /// Pixels from the first tap of the kernel's row.
    at: usize,
    /// First row of the tap in the result.
    first: usize,
}

impl Tap {
    /// # Safety
    /// `out` points at the whole result; rows i0..i1 of this tap and these columns belong to the caller.
    unsafe fn run(
        &self,
        s: &Shape,
        streams: &Streams,
        xs: &[f32],
        ys: &[f32],
        out: Ptr<f32>,
        within: &Within,
    ) {
        let (stride, all) = (s.stride[1], s.out_channels);
        let axes = [
            Axis::ONE,
            Axis {
                n: self.lines,
                a: stride * streams.wp * LANES,
                b: streams.ow * LANES,
            },
            Axis {
                n: streams.ow,
                a: LANES,
                b: LANES,
            },
        ];
        for i in (self.i0..self.i1).step_by(16) {
            let a = &xs[(i - self.i0) / 16 * streams.x_pitch
                + (self.at % stride * streams.wp + self.at / stride) * LANES..];
            for (r, rows) in SIXTEEN {
                let rows = rows.min((self.i1 - i).saturating_sub(r));
                if rows > 0 {
                    let at = (self.first + i + r) * all + self.column;
                    // SAFETY: the streams hold `lines` lines of every group of channels, a tap
                    // reading at most `reach` pixels further than `ow`; the result is the caller's.
                    unsafe {
                        outer(&Outer {
                            axes,
                            a: a[r..].as_ptr(),
                            b: ys.as_ptr(),
                            strip: streams.y_pitch,
                            c: out.get().add(at),
                            row: all,
                            rows,
                            columns: self.columns,
                            add: self.add,
                            within,
                        })
                    };
                }
            }
        }
    }
}

/// Copies channels to `to[at..]` in groups of 16, `pitch` apart; the last is filled up with zeros.
#[inline(always)]
fn copy_channels(from: &[f32], to: &mut [f32], at: usize, pitch: usize) {
    for (g, v) in from.chunks(LANES).enumerate() {
        let to = &mut to[g * pitch + at..][..LANES];
        if v.len() == LANES {
            to.copy_from_slice(v);
        } else {
            to[..v.len()].copy_from_slice(v);
            to[v.len()..].fill(0.0);
        }
    }
}

fn clear_channels(channels: usize, to: &mut [f32], at: usize, pitch: usize) {
    (0..channels.div_ceil(LANES)).for_each(|g| to[g * pitch + at..][..LANES].fill(0.0));
}
