//! The weight gradient in the transformed domain.
use super::super::micro::{Axis, Extent, LANES, Outer, PANEL, Panels, SIXTEEN, Within, outer};
use super::super::{Epilogue, Shape};
use super::correlate::BLOCK;
use super::matrices::{Input, OutputAsKernel, Weights};
use super::tiles::{Tiles, View};
use super::transform::{Collect, Spread, collect, spread};
use super::{spaced, x_views, y_view};
use crate::pool::{par_for, threads};
use crate::scratch::{Ptr, Slot, with_scratch};

/// Tiles that one task transforms.
const TRANSFORMS: usize = 4;

/// Both operands' transforms are kept as `[point][channels / 16][tile][16]`: the product then reads
/// streams.
struct Work<'a> {
    s: &'a Shape,
    x: Vec<View>,
    y: View,
    /// Rows of the sums: the channels of all views, each filled up to a multiple of 16.
    padded: usize,
    k: usize,
    tiles: Tiles,
    /// Floats from a group of channels to the next.
    pitch: usize,
    /// Rows of the sums of one task of the product.
    rows: usize,
    zeros: &'a [f32],
}

pub(super) fn weight_gradient_by<const M: usize, const R: usize, const A: usize>(
    s: &Shape,
    x: &[f32],
    gy: &[f32],
    gw: &mut [f32],
) {
    let views = x_views(s, x);
    let padded = s.in_channels.next_multiple_of(LANES);
    let (k, n) = (padded * views.len(), s.out_channels.next_multiple_of(LANES));
    let tiles = Tiles::new([s.batch, s.output[0], s.output[1]], M);
    // As many tiles at a time as keep their transforms in L3, but few enough blocks that adding to
    // the sums (A * A * k * n floats) stays cheap beside reading them.
    let floats = (A * A * k * n).clamp(BLOCK / 3, BLOCK);
    let blocks = (tiles.len() * A * A * (k + n)).div_ceil(floats);
    let block = tiles.len().div_ceil(blocks);
    let blocks = tiles.len().div_ceil(block);
    // Tasks of the product: some rows of the result by one panel, all points, so that the way back
    // follows while the sums are in L2. With several blocks of tiles the sums are kept meanwhile.
    let panels = Panels {
        k: 0,
        n: s.out_channels,
    };
    let rows = (k * panels.count() / (threads() * 4)).clamp(LANES, 64) / LANES * LANES;
    let tasks = panels.count() * k.div_ceil(rows);
    let sums = A * A * rows * PANEL;
    let zeros = vec![0f32; s.in_channels.max(s.out_channels)];
    let y = y_view(s, Ptr::read(gy), gy.len());
    let work = Work {
        s,
        x: views,
        y,
        padded,
        k,
        tiles,
        pitch: block * LANES + LANES,
        rows,
        zeros: &zeros,
    };
    let points = [k, n].map(|channels| A * A * spaced(work.pitch / LANES * channels));
    with_scratch(Slot::Tiles, points[0] + points[1], |scratch| {
        with_scratch(Slot::Weights, if blocks > 1 { tasks * sums } else { 0 }, |kept| {
            let (v, g) = scratch.split_at_mut(points[0]);
            let kept = Ptr(kept.as_mut_ptr());
            let out = Ptr(gw.as_mut_ptr());
            for t0 in (0..tiles.len()).step_by(block) {
                let tiles = t0..(t0 + block).min(tiles.len());
                work.transform::<M, R, A>(tiles.clone(), v, g);
                let (v, g) = (&*v, &*g);
                par_for(tasks, &|i| {
                    // SAFETY: each task has its own part of `kept`, and its own rows and columns
                    // of the result.
                    let run = |memory: &mut [f32]| unsafe {
                        work.product::<M, R, A>(i, tiles.clone(), v, g, memory, out)
                    };
                    if blocks > 1 {
                        // SAFETY: part i of `tasks` parts of `sums` floats; each i once.
                        run(unsafe { std::slice::from_raw_parts_mut(kept.get().add(i * sums), sums) })
                    } else {
                        with_scratch(Slot::Task, sums, run)
                    }
                });
            }
        })
    })
}

impl Work<'_> {
    /// Transforms a block of tiles of x and gy.
    fn transform<const M: usize, const R: usize, const A: usize>(
        &self,
        tiles: std::ops::Range<usize>,
        v: &mut [f32],
        g: &mut [f32],
    ) {
        let (points, pitch) = ([v.len() / (A * A), g.len() / (A * A)], self.pitch);
        let (v, g) = (Ptr(v.as_mut_ptr()), Ptr(g.as_mut_ptr()));
        par_for(tiles.len().div_ceil(TRANSFORMS), &|i| {
            for t in i * TRANSFORMS..((i + 1) * TRANSFORMS).min(tiles.len()) {
                let at = self.tiles.at(tiles.start + t);
                for (s, view) in self.x.iter().enumerate() {
                    let pixels = view.tile(at, M, A, self.zeros);
                    // SAFETY: pixels are inside x or `zeros`; tile t of every point is this task's.
                    unsafe {
                        let to = v.get().add(s * self.padded / LANES * pitch + t * LANES);
                        spread::<Input<M, R, A>, A, A>(&Spread {
                            from: &pixels,
                            n: self.s.in_channels,
                            to,
                            point: points[0],
                            group: pitch,
                        });
                    }
                }
                let pixels = self.y.tile(at, M, M, self.zeros);
                // SAFETY: the same of gy.
                unsafe {
                    let to = g.get().add(t * LANES);
                    let n = self.s.out_channels;
                    spread::<OutputAsKernel<M, R, A>, A, M>(&Spread {
                        from: &pixels,
                        n,
                        to,
                        point: points[1],
                        group: pitch,
                    });
                }
            }
        });
    }

    /// Task `i` of the product over a block of tiles, and after the last block the way back.
    ///
    /// # Safety
    /// `out` points at the result, of which nobody else uses this task's rows and columns.
    unsafe fn product<const M: usize, const R: usize, const A: usize>(
        &self,
        i: usize,
        tiles: std::ops::Range<usize>,
        v: &[f32],
        g: &[f32],
        sums: &mut [f32],
        out: Ptr<f32>,
    ) {
        let panels = Panels {
            k: 0,
            n: self.s.out_channels,
        };
        let (j, k0) = (i % panels.count(), i / panels.count() * self.rows);
        let (columns, rows) = (panels.columns(j), self.rows.min(self.k - k0));
        let within = Within {
            a: [Extent::of(v), Extent::NONE],
            b: Extent::of(g),
            c: [Extent::of(sums), Extent::NONE],
        };
        for point in 0..A * A {
            let (v, g) = (
                &v[point * (v.len() / (A * A))..],
                &g[point * (g.len() / (A * A))..],
            );
            for r0 in (0..rows).step_by(LANES) {
                for (r, rows) in SIXTEEN {
                    let tile = Outer {
                        axes: [
                            Axis::ONE,
                            Axis::ONE,
                            Axis {
                                n: tiles.len(),
                                a: LANES,
                                b: LANES,
                            },
                        ],
                        a: v[(k0 + r0) / LANES * self.pitch + r..].as_ptr(),
                        b: g[j * PANEL / LANES * self.pitch..].as_ptr(),
                        strip: self.pitch,
                        c: sums[(point * self.rows + r0 + r) * PANEL..].as_mut_ptr(),
                        row: PANEL,
                        rows,
                        columns,
                        add: tiles.start > 0,
                        within: &within,
                    };
                    // SAFETY: the streams hold all tiles of the block for every group of channels,
                    // and the sums are this task's.
                    unsafe { outer(&tile) };
                }
            }
        }
        if tiles.end < self.tiles.len() {
            return;
        }
        let ([kh, kw], [sy, sx], ic, oc) = (
            self.s.kernel,
            self.s.stride,
            self.s.in_channels,
            self.s.out_channels,
        );
        for r in (0..rows).filter(|r| (k0 + r) % self.padded < ic) {
            let (phase, channel) = ((k0 + r) / self.padded, (k0 + r) % self.padded);
            let mut to = [std::ptr::null_mut(); 36];
            for (a, b) in (0..R).flat_map(|a| (0..R).map(move |b| (a, b))) {
                let (ky, kx) = (phase / sx + a * sy, phase % sx + b * sx);
                if ky >= kh || kx >= kw {
                    continue; // a zero tap
                }
                // SAFETY: ky and kx are taps of the kernel, so this is inside the result.
                to[a * R + b] = unsafe { out.get().add(((ky * kw + kx) * ic + channel) * oc + j * PANEL) };
            }
            let from = sums[r * PANEL..].as_ptr();
            let back = Collect {
                from,
                point: self.rows * PANEL,
                n: columns,
                to: &to,
                epilogue: Epilogue::default(),
            };
            // SAFETY: the sums of all points have been written, in whole groups of 16 columns or
            // left as they were; `columns` floats at every tap are this task's.
            unsafe { collect::<Weights<M, R, A>, R, A>(&back) };
        }
    }
}
