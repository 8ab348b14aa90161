//! Winograd (Toom-Cook) convolution with stride 1 and, through the even and odd phases of a kernel,
//! with stride 2: each phase is a dense convolution with stride 1. Phases of R x R taps, 2 <= R <= 5,
//! are computed; those of an odd kernel, or one that is not square, are filled up with zero taps.
//!
//! Tiles of the input are transformed, one matrix product is computed for each point of the
//! transform, and the results are transformed back. All three steps run over blocks of tiles that
//! stay in cache.
use super::micro::{LANES, PANEL, Panels, transpose_block};
use super::{Epilogue, Shape};
use crate::pool::par_for;
use crate::scratch::{Ptr, Slot, with_scratch};

mod correlate;
mod matrices;
mod tiles;
mod transform;
mod weight;

use correlate::{Correlation, correlate, stay};
use matrices::Kernel;
use tiles::View;
use transform::{Spread, spread};

/// Whether this path can compute the convolution: one group, a kernel whose longer side has 2 to 5 taps with stride 1, or 3 to
/// 10 with stride 2. The shorter side is filled up with zero taps.
pub fn possible(s: &Shape) -> bool {
    let [sy, sx] = s.stride;
    s.groups == 1 && s.dilation == [1, 1] && sy == sx && sy <= 2 && (2..=5).contains(&taps(s))
}

/// Taps along an axis of each phase of the kernel.
pub(super) fn taps(s: &Shape) -> usize {
    s.kernel[0].max(s.kernel[1]).div_ceil(s.stride[0])
}

/// Outputs a tile and axis that there is code for, when so many are asked for: 4 (fewest products)
/// to 2 (least rounding, smallest weights); with the taps they make at most 6 products an axis.
pub(super) fn outputs(s: &Shape, tile: usize) -> usize {
    match taps(s) {
        2 => tile.clamp(2, 4),
        3 if tile > 2 => 4,
        4 => tile.clamp(2, 3),
        _ => 2,
    }
}

/// Room for `n` floats a point of the transform: an odd number of cache lines, so that the points
/// of a tile, which are written together, do not fall on the same cache sets.
fn spaced(n: usize) -> usize {
    n.next_multiple_of(LANES) | LANES
}

/// The windows on x that the phases of a kernel see.
fn x_views(s: &Shape, x: &[f32]) -> Vec<View> {
    let [sy, sx] = s.stride;
    (0..sy * sx)
        .map(|phase| View {
            start: Ptr::read(x),
            len: x.len(),
            size: s.input,
            channels: s.in_channels,
            first: 0,
            step: s.stride,
            shift: [
                (phase / sx) as isize - s.padding[0] as isize,
                (phase % sx) as isize - s.padding[1] as isize,
            ],
        })
        .collect()
}

/// The tensor y as it is.
fn y_view(s: &Shape, start: Ptr<f32>, len: usize) -> View {
    View {
        start,
        len,
        size: s.output,
        channels: s.out_channels,
        first: 0,
        step: [1, 1],
        shift: [0, 0],
    }
}

/// Transforms kernels into panels, point by point: the taps of row k of the kernel begin at
/// `at(k, a, b)`, or there are none (a row of zeros).
///
/// # Safety
/// `to` points at A * A times `spaced(panels.len())` floats that nobody else uses; taps are `panels.n` readable
/// floats.
unsafe fn transform_kernels<const M: usize, const R: usize, const A: usize>(
    to: Ptr<f32>,
    panels: Panels,
    at: &(dyn Fn(usize, usize, usize) -> Option<*const f32> + Sync),
) {
    const ROWS: usize = 16;
    let zeros = [0f32; PANEL];
    let zeros = Ptr::read(&zeros);
    par_for(panels.k.div_ceil(ROWS), &|i| {
        for k in i * ROWS..((i + 1) * ROWS).min(panels.k) {
            for j in 0..panels.count() {
                let mut from = [std::ptr::null(); 36];
                for (a, b) in (0..R).flat_map(|a| (0..R).map(move |b| (a, b))) {
                    let tap = at(k, a, b).map(|p| p.wrapping_add(j * PANEL));
                    from[a * R + b] = tap.unwrap_or(zeros.get());
                }
                // SAFETY: the caller promises the taps and the room; each task has rows of its own.
                unsafe {
                    let to = to.get().add(panels.start(j) + k * panels.row(j));
                    let (point, group) = (spaced(panels.len()), panels.strip());
                    spread::<Kernel<M, R, A>, A, R>(&Spread {
                        from: &from,
                        n: panels.columns(j),
                        to,
                        point,
                        group,
                    });
                }
            }
        }
    });
}

fn forward_by<const M: usize, const R: usize, const A: usize>(
    s: &Shape,
    x: &[f32],
    w: &[f32],
    y: &mut [f32],
    e: Epilogue,
) {
    let (ic, oc, [sy, sx], [kh, kw]) = (s.in_channels, s.out_channels, s.stride, s.kernel);
    let padded = ic.next_multiple_of(LANES);
    let k = sy * sx * padded;
    let each = columns(oc, A * A * k);
    let shared = !stay(A * A * spaced(Panels { k, n: oc }.len()));
    for first in (0..oc).step_by(each) {
        let panels = Panels {
            k,
            n: each.min(oc - first),
        };
        with_scratch(Slot::Weights, A * A * spaced(panels.len()), |u| {
            let tap = |k: usize, a: usize, b: usize| {
                let (phase, i) = (k / padded, k % padded);
                let (ky, kx) = (phase / sx + a * sy, phase % sx + b * sx);
                (i < ic && ky < kh && kx < kw)
                    .then(|| w[((ky * kw + kx) * ic + i) * oc + first..][..panels.n].as_ptr())
            };
            // SAFETY: u has that length, and taps are panels.n floats of w.
            unsafe { transform_kernels::<M, R, A>(Ptr(u.as_mut_ptr()), panels, &tap) };
            let to = View {
                first,
                ..y_view(s, Ptr(y.as_mut_ptr()), y.len())
            };
            let part = Correlation {
                from: x_views(s, x),
                to,
                grid: [s.batch, s.output[0], s.output[1]],
            };
            // SAFETY: y is borrowed for writing, and the grid covers these channels of each of its pixels once.
            unsafe { correlate::<M, R, A>(&[part], u, panels.n, e.columns(first, panels.n), shared) };
        })
    }
}

/// Columns that are worked on at a time, of `n` that take `each` floats of transformed weights: as few parts of nearly equal
/// size as keep a part's weights below 28 MB.
fn columns(n: usize, each: usize) -> usize {
    const MOST: usize = 7 << 20;
    let parts = (n * each).div_ceil(MOST).max(1);
    n.div_ceil(parts).next_multiple_of(PANEL)
}

/// Writes w `[tap][ic][oc]` as `[tap][oc][ic]`, by blocks of 16 x 16.
fn transpose(s: &Shape, w: &[f32], to: &mut [f32]) {
    let (ic, oc, blocks) = (s.in_channels, s.out_channels, s.in_channels.div_ceil(16));
    assert_eq!(to.len(), w.len());
    let target = Ptr(to.as_mut_ptr());
    par_for(s.kernel[0] * s.kernel[1] * blocks, &|t| {
        let (tap, i0) = (t / blocks, t % blocks * 16);
        let ni = (ic - i0).min(16);
        for o0 in (0..oc).step_by(16) {
            let no = (oc - o0).min(16);
            let source = &w[(tap * ic + i0) * oc + o0..];
            // SAFETY: channels i0..i0 + ni of rows o0..o0 + no of the tap, this task's alone; the
            // block of w is inside it.
            unsafe {
                let target = target.get().add((tap * oc + o0) * ic + i0);
                if ni == 16 && no == 16 {
                    transpose_block(source.as_ptr(), oc, target, ic);
                } else {
                    (0..no).for_each(|o| (0..ni).for_each(|i| *target.add(o * ic + i) = source[i * oc + o]));
                }
            }
        }
    });
}

fn input_gradient_by<const M: usize, const R: usize, const A: usize>(
    s: &Shape,
    gy: &[f32],
    w: &[f32],
    gx: &mut [f32],
    e: Epilogue,
) {
    let (ic, oc, stride, [kh, kw]) = (s.in_channels, s.out_channels, s.stride, s.kernel);
    let padded = oc.next_multiple_of(LANES);
    let panels = Panels { k: padded, n: ic };
    let each = A * A * spaced(panels.len());
    // One correlation for each phase of gx that has pixels.
    let first = |axis: usize, r: usize| (r + stride[axis] - s.padding[axis] % stride[axis]) % stride[axis];
    let phases: Vec<[usize; 2]> = (0..stride[0] * stride[1])
        .map(|phase| [phase / stride[1], phase % stride[1]])
        .filter(|r| (0..2).all(|a| first(a, r[a]) < s.input[a]))
        .collect();
    let to = Ptr(gx.as_mut_ptr());
    let correlation = |r: &[usize; 2]| {
        let at = [first(0, r[0]), first(1, r[1])];
        let reads = [0, 1].map(|a| ((at[a] + s.padding[a]) / stride[a]) as isize - (R as isize - 1));
        Correlation {
            from: vec![View {
                shift: reads,
                ..y_view(s, Ptr::read(gy), gy.len())
            }],
            to: View {
                start: to,
                len: gx.len(),
                size: s.input,
                channels: ic,
                first: 0,
                step: stride,
                shift: at.map(|v| v as isize),
            },
            grid: [
                s.batch,
                (s.input[0] - at[0]).div_ceil(stride[0]),
                (s.input[1] - at[1]).div_ceil(stride[1]),
            ],
        }
    };
    // Weights that do not stay near are transformed when their phase comes, which also takes less memory.
    let shared = !stay(phases.len() * each);
    let at_once = if shared { 1 } else { phases.len().max(1) };
    with_scratch(Slot::Input, s.w_len(), |transposed| {
        transpose(s, w, transposed);
        let wt = &*transposed;
        with_scratch(Slot::Weights, at_once * each, |u| {
            for phases in phases.chunks(at_once) {
                for (r, u) in phases.iter().zip(u.chunks_exact_mut(each)) {
                    let tap = |k: usize, a: usize, b: usize| {
                        let (ky, kx) = (r[0] + stride[0] * (R - 1 - a), r[1] + stride[1] * (R - 1 - b));
                        (k < oc && ky < kh && kx < kw)
                            .then(|| wt[((ky * kw + kx) * oc + k) * ic..][..ic].as_ptr())
                    };
                    // SAFETY: u has that length, and taps are ic floats.
                    unsafe { transform_kernels::<M, R, A>(Ptr(u.as_mut_ptr()), panels, &tap) };
                }
                let parts: Vec<Correlation> = phases.iter().map(correlation).collect();
                // SAFETY: gx is borrowed for writing, and each of its pixels is in one phase's grid.
                unsafe { correlate::<M, R, A>(&parts, u, ic, e, shared) };
            }
        })
    })
}

/// Calls the function that is compiled for the tile.
macro_rules! by_tile {
    ($s:expr, $tile:expr, $f:ident ( $($a:expr),* )) => {
        match (taps($s), outputs($s, $tile)) {
            _ if !possible($s) => panic!("no Winograd path for {:?}", $s),
            (2, 2) => $f::<2, 2, 3>($($a),*),
            (2, 3) => $f::<3, 2, 4>($($a),*),
            (2, _) => $f::<4, 2, 5>($($a),*),
            (3, 2) => $f::<2, 3, 4>($($a),*),
            (3, _) => $f::<4, 3, 6>($($a),*),
            (4, 2) => $f::<2, 4, 5>($($a),*),
            (4, _) => $f::<3, 4, 6>($($a),*),
            _ => $f::<2, 5, 6>($($a),*),
        }
    };
}

/// As [`super::forward`], on checked sizes.
pub(super) fn forward(s: &Shape, tile: usize, x: &[f32], w: &[f32], y: &mut [f32], e: Epilogue) {
    by_tile!(s, tile, forward_by(s, x, w, y, e))
}

/// As [`super::input_gradient`], on checked sizes.
pub(super) fn input_gradient(s: &Shape, tile: usize, gy: &[f32], w: &[f32], gx: &mut [f32], e: Epilogue) {
    by_tile!(s, tile, input_gradient_by(s, gy, w, gx, e))
}

/// As [`super::weight_gradient`], on checked sizes.
pub(super) fn weight_gradient(s: &Shape, tile: usize, x: &[f32], gy: &[f32], gw: &mut [f32]) {
    use weight::weight_gradient_by;
    by_tile!(s, tile, weight_gradient_by(s, x, gy, gw))
}
