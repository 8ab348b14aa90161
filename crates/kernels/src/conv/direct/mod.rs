//! Direct (implicit GEMM) convolution: patches are never copied. Forward and input gradient read the
//! activations in place, but for a zero-bordered copy when there are very few input channels (a row
//! of the kernel is then one contiguous run); the weight gradient copies a few hundred pixels at a
//! time into streams.
use super::micro::{PANEL, Panels};
use super::{Epilogue, Shape};
use crate::pool::par_for;
use crate::scratch::{Ptr, Slot, with_scratch};

mod gather;
mod pack;
mod weight;

pub(super) use gather::DEPTH;
use gather::{Gather, Parts, Source, run};
pub(super) use pack::{pack_columns, pack_rows};
pub(super) use weight::weight_gradient;

/// At or below this many input channels a row of the kernel is fused into one run.
pub(super) const FEW: usize = 8;

fn fuses(s: &Shape) -> bool {
    s.groups == 1 && s.in_channels <= FEW && s.dilation[1] == 1
}

/// Copies the pixels of x that the convolution sees into a zero-bordered copy, and calls `f` with
/// the same convolution over it, which never leaves its input.
fn bordered(s: &Shape, x: &[f32], f: impl FnOnce(&Shape, &[f32])) {
    let input = [0, 1].map(|a| (s.output[a] - 1) * s.stride[a] + s.reach(a));
    let inside = Shape {
        input,
        padding: [0, 0],
        ..*s
    };
    let ([h, w], [hp, wp], c) = (s.input, input, s.in_channels);
    with_scratch(Slot::Input, inside.x_len(), |copy| {
        let copied = w.min(wp.saturating_sub(s.padding[1]));
        let to = Ptr(copy.as_mut_ptr());
        par_for(s.batch * hp, &|i| {
            // SAFETY: row i of the copy, which has batch * hp rows of wp * c floats; each i once.
            let row = unsafe { std::slice::from_raw_parts_mut(to.get().add(i * wp * c), wp * c) };
            row.fill(0.0);
            match (i % hp).checked_sub(s.padding[0]) {
                Some(y) if y < h && copied > 0 => {
                    let from = (i / hp * h + y) * w * c;
                    row[s.padding[1] * c..][..copied * c].copy_from_slice(&x[from..][..copied * c]);
                }
                _ => {}
            }
        });
        f(&inside, copy)
    })
}

/// As [`super::forward`], on checked sizes.
pub(super) fn forward(s: &Shape, x: &[f32], w: &[f32], y: &mut [f32], e: Epilogue) {
    let s = s.simplify();
    if fuses(&s) && !s.stays_inside() {
        return bordered(&s, x, |inside, x| forward(inside, x, w, y, e));
    }
    let [kh, kw] = s.kernel;
    let along = if fuses(&s) { 1 } else { kw };
    let tap = |ky: usize, kx: usize| {
        [(ky, 0), (kx, 1)].map(|(k, a)| (k * s.dilation[a]) as isize - s.padding[a] as isize)
    };
    let ([oh, ow], all) = (s.output, s.out_channels);
    let [ic, oc] = [s.in_channels, all].map(|n| n / s.groups);
    // Floats of a tap, and the taps. Those without weights, as masks leave them, are passed over.
    let depth = kw / along * ic;
    let weighty = |t: &usize| w[t * depth * all..][..depth * all].iter().any(|&v| v != 0.0);
    let seen: Vec<usize> = (0..kh * along).filter(weighty).collect();
    let taps = seen.iter().map(|t| tap(t / along, t % along)).collect();
    let panels = Panels {
        k: seen.len() * depth,
        n: oc,
    };
    let gather = Gather {
        grid: [s.batch, oh, ow],
        first: 0,
        out: [oh * ow * all, ow * all, all],
        step: s.stride,
        taps,
        packed: 0,
        group: Gather::group(&s),
        parts: Parts {
            count: s.groups,
            input: ic,
            output: oc,
        },
    };
    let source = Source {
        size: s.input,
        channels: s.in_channels,
        depth,
    };
    with_scratch(Slot::Weights, s.groups * panels.len(), |packed| {
        let to = Ptr(packed.as_mut_ptr());
        par_for(s.groups * panels.count(), &|t| {
            let (g, j) = (t / panels.count(), t % panels.count());
            let row = |i: usize| &w[(seen[i / depth] * depth + i % depth) * all + g * oc..][..oc];
            // SAFETY: `packed` has the length of all groups' panels, and each task packs a panel of its own.
            unsafe { pack_rows(Ptr(to.get().add(g * panels.len())), &panels, j, row) };
        });
        run(&[gather], &source, x, packed, oc, y, e);
    });
}

/// The taps of one phase of an input gradient along one axis. Pixels i of x with
/// (i + padding) % stride = r meet the taps k with (k * dilation) % stride = r, at output
/// (i + padding - k * dilation) / stride.
struct Phase {
    /// First pixel of the phase, and how many there are, `stride` apart.
    first: usize,
    count: usize,
    /// Tap, and the output that it reads for the first pixel.
    taps: Vec<(usize, isize)>,
}

fn phases(s: &Shape, a: usize) -> Vec<Phase> {
    let (stride, pad) = (s.stride[a], s.padding[a]);
    let phase = |r: usize| {
        let first = (r + stride - pad % stride) % stride;
        let taps = (0..s.kernel[a])
            .map(|k| (k, k * s.dilation[a]))
            .filter(|(_, at)| at % stride == r);
        let taps = taps
            .map(|(k, at)| (k, ((first + pad) as isize - at as isize) / stride as isize))
            .collect();
        Phase {
            first,
            count: s.input[a].saturating_sub(first).div_ceil(stride),
            taps,
        }
    };
    (0..stride).map(phase).filter(|p| p.count > 0).collect()
}

/// As [`super::input_gradient`], on checked sizes.
pub(super) fn input_gradient(s: &Shape, gy: &[f32], w: &[f32], gx: &mut [f32], e: Epilogue) {
    let s = s.simplify();
    let [sy, sx] = s.stride;
    if s.groups == 1
        && s.in_channels <= FEW
        && sy * sx > 1
        && sy * sx * s.in_channels <= PANEL
        && s.dilation == [1, 1]
    {
        return input_gradient_few(&s, gy, w, gx, e);
    }
    let ([_, kw], [h, wd], all, apart) = (s.kernel, s.input, s.in_channels, s.out_channels);
    let [ic, oc] = [all, apart].map(|n| n / s.groups);
    let (mut gathers, mut kernels, mut packed) = (Vec::new(), Vec::new(), 0);
    let across = phases(&s, 1);
    for py in phases(&s, 0) {
        for px in &across {
            let pairs = || py.taps.iter().flat_map(|y| px.taps.iter().map(move |x| (y, x)));
            let taps: Vec<_> = pairs().map(|(y, x)| [y.1, x.1]).collect();
            kernels.push(pairs().map(|(y, x)| y.0 * kw + x.0).collect::<Vec<_>>());
            let panels = Panels {
                k: taps.len() * oc,
                n: ic,
            };
            gathers.push(Gather {
                grid: [s.batch, py.count, px.count],
                first: (py.first * wd + px.first) * all,
                out: [h * wd * all, sy * wd * all, sx * all],
                step: [1, 1],
                taps,
                packed,
                group: Gather::group(&s),
                parts: Parts {
                    count: s.groups,
                    input: oc,
                    output: ic,
                },
            });
            packed += s.groups * panels.len();
        }
    }
    with_scratch(Slot::Weights, packed, |packed| {
        let to = Ptr(packed.as_mut_ptr());
        let count = ic.div_ceil(PANEL);
        par_for(gathers.len() * s.groups * count, &|t| {
            let (i, g, j) = (t / count / s.groups, t / count % s.groups, t % count);
            let (gather, kernel) = (&gathers[i], &kernels[i]);
            let panels = Panels {
                k: kernel.len() * oc,
                n: ic,
            };
            for (i, k) in kernel.iter().enumerate() {
                let from = &w[k * ic * apart..][..ic * apart][g * oc..];
                // SAFETY: the panels of this gather begin at `gather.packed`, and each task packs a
                // panel of its own.
                unsafe {
                    let to = Ptr(to.get().add(gather.packed + g * panels.len()));
                    pack_columns(to, &panels, j, i * oc, from, [oc, apart]);
                }
            }
        });
        run(
            &gathers,
            &Source {
                size: s.output,
                channels: apart,
                depth: oc,
            },
            gy,
            packed,
            ic,
            gx,
            e,
        );
    });
}

/// Input gradient for very few input channels: all phases are columns of one product over the coarse
/// grid q = (i + padding) / stride, and the result is scattered to pixels afterwards.
fn input_gradient_few(s: &Shape, gy: &[f32], w: &[f32], gx: &mut [f32], e: Epilogue) {
    let ([sy, sx], [kh, kw], [h, wd], [py, px]) = (s.stride, s.kernel, s.input, s.padding);
    let (ic, oc) = (s.in_channels, s.out_channels);
    let n = sy * sx * ic;
    let [ty, tx] = [kh.div_ceil(sy), kw.div_ceil(sx)];
    let [qh, qw] = [0, 1].map(|a| (s.input[a] - 1 + s.padding[a]) / s.stride[a] + 1);
    let taps: Vec<_> = (0..ty)
        .flat_map(|y| (0..tx).map(move |x| [-(y as isize), -(x as isize)]))
        .collect();
    let panels = Panels {
        k: taps.len() * oc,
        n,
    };
    let gather = Gather {
        grid: [s.batch, qh, qw],
        first: 0,
        out: [qh * qw * n, qw * n, n],
        step: [1, 1],
        taps,
        packed: 0,
        group: 1,
        parts: Parts::ONE,
    };
    // Row (tap, o) of B: the weights of all phases.
    let row = |k: usize| {
        let (tap, o) = (k / oc, k % oc);
        (0..n).map(move |c| {
            let (phase, i) = (c / ic, c % ic);
            let (ky, kx) = (phase / sx + tap / tx * sy, phase % sx + tap % tx * sx);
            if ky < kh && kx < kw {
                w[((ky * kw + kx) * ic + i) * oc + o]
            } else {
                0.0
            }
        })
    };
    let spread = |v: Option<&[f32]>| v.map(|v| v.iter().copied().cycle().take(n).collect::<Vec<_>>());
    let (scale, shift) = (spread(e.scale), spread(e.shift));
    let e = Epilogue {
        scale: scale.as_deref(),
        shift: shift.as_deref(),
        slope: e.slope,
    };
    with_scratch(Slot::Weights, panels.len(), |packed| {
        let rows: Vec<Vec<f32>> = (0..panels.k).map(|k| row(k).collect()).collect();
        // SAFETY: `packed` has the panels' length; n <= 64, so there is one panel.
        unsafe { pack_rows(Ptr(packed.as_mut_ptr()), &panels, 0, |k| &rows[k]) };
        with_scratch(Slot::Output, s.batch * qh * qw * n, |coarse| {
            run(
                &[gather],
                &Source {
                    size: s.output,
                    channels: oc,
                    depth: oc,
                },
                gy,
                packed,
                n,
                coarse,
                e,
            );
            let (to, coarse) = (Ptr(gx.as_mut_ptr()), &*coarse);
            let length = sx * ic; // of one phase row of a coarse point: sx neighbouring pixels
            par_for(s.batch * h, &|i| {
                // SAFETY: row i of gx, which has batch * h rows of wd * ic floats; each i once.
                let row = unsafe { std::slice::from_raw_parts_mut(to.get().add(i * wd * ic), wd * ic) };
                let (b, y) = (i / h, i % h + py);
                for qx in 0..qw {
                    let from = &coarse[((b * qh + y / sy) * qw + qx) * n + y % sy * length..][..length];
                    let at = (qx * length) as isize - (px * ic) as isize;
                    let first = (-at).max(0) as usize;
                    let last = (row.len() as isize - at).clamp(0, length as isize) as usize;
                    if first < last {
                        row[(at + first as isize) as usize..][..last - first]
                            .copy_from_slice(&from[first..last]);
                    }
                }
            });
        });
    });
}
