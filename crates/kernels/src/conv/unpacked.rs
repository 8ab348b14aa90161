//! Products of linear layers with large weights, read where they lie: at the few dozen rows of a training step, packing them
//! for the usual blocked product takes a fifth of the time. x `[n, in]`, w `[in, out]`, y `[n, out]`.
use super::Epilogue;
use super::direct::{pack_columns, pack_rows};
use super::micro::{
    Axis, Extent, LANES, MAX_ROWS, Outer, PANEL, Panels, Reduce, Within, outer, outer_rows, reduce, rows,
    transpose_block,
};
use crate::isa::{Isa, isa};
use crate::pool::par_for;
use crate::scratch::{Ptr, Slot, with_scratch};

/// Weights from which on this pays.
const LARGE: usize = 100_000;

/// Terms of a sum at a time where B is w as it lies: rows a power of two apart share few cache sets, which must hold them all.
const DEPTH: usize = 256;

/// The same of a packed B.
const PACKED_DEPTH: usize = 1024;

/// Items at a time in a weight gradient, so that their panel of gy stays in L1.
const ITEMS: usize = 128;

/// Inputs of a task of a gradient: whole tiles, whatever their height.
const TASK: usize = 48;

/// Items of a task at most: as many read a panel of w once it has come.
const BAND: usize = 96;

/// Whether a layer's products are computed here. It depends on the layer alone, so that what becomes of an item does not depend
/// on how many others come with it. Vectors shorter than AVX-512's were not measured, and stay with packed products.
pub(crate) fn pays([inputs, outputs]: [usize; 2]) -> bool {
    isa() == Isa::Avx512 && inputs * outputs >= LARGE
}

/// Rows of A, `depth` apart, by B: what a task computes of some rows and a panel.
struct Tiles<'a> {
    a: &'a [f32],
    depth: usize,
    /// From the first column of the panel in B's first row on; floats from a row of B to the next, and from 16 columns.
    b: &'a [f32],
    row: usize,
    strip: usize,
    /// Terms at a time.
    block: usize,
    /// Rows of A come from memory, one after the other, rather than from the cache.
    streams: bool,
    columns: usize,
    epilogue: Epilogue<'a>,
}

impl Tiles<'_> {
    /// Computes rows `from..to`; row r of them goes to `c + (r - from) * pitch`.
    ///
    /// # Safety
    /// `c` points at all these rows, of `columns` floats, which nobody else uses.
    unsafe fn run(&self, from: usize, to: usize, c: *mut f32, pitch: usize) {
        let height = rows(self.columns);
        let mut spare = [0f32; PANEL];
        let out = Extent::new(c, (to - from - 1) * pitch + self.columns);
        let within = Within {
            a: [Extent::of(self.a), Extent::NONE],
            b: Extent::of(self.b),
            c: [out, Extent::of(&spare)],
        };
        for k in (0..self.depth).step_by(self.block) {
            let last = k + self.block >= self.depth;
            let b = &self.b[k * self.row..];
            // What comes next of B: the same columns, or the first rows of the next panel. A strip of it with each tile.
            let next = if last {
                self.b.as_ptr().wrapping_add(PANEL)
            } else {
                self.b[(k + self.block) * self.row..].as_ptr()
            };
            for (i, first) in (from..to).step_by(height).enumerate() {
                // Rows past the last are the last once more, and go nowhere.
                let spare = spare.as_mut_ptr();
                let a: [*const f32; MAX_ROWS] =
                    std::array::from_fn(|r| self.a[(first + r).min(to - 1) * self.depth + k..].as_ptr());
                let c: [*mut f32; MAX_ROWS] = std::array::from_fn(|r| {
                    if first + r < to {
                        c.wrapping_add((first + r - from) * pitch)
                    } else {
                        spare
                    }
                });
                let tile = Reduce {
                    depth: self.block.min(self.depth - k),
                    a: &a[..height],
                    b: &[b.as_ptr()],
                    row: self.row,
                    strip: self.strip,
                    c: &c[..height],
                    columns: self.columns,
                    add: k > 0,
                    epilogue: if last { self.epilogue } else { Epilogue::default() },
                    ahead: if self.streams { height * self.depth } else { 0 },
                    soon: if i * LANES < self.columns {
                        next.wrapping_add(i * self.strip)
                    } else {
                        b.as_ptr()
                    },
                    within: &within,
                };
                // SAFETY: rows of A were sliced with checks and are `depth` long; B has `depth` rows of whole strips, where they
                // lie or packed; the caller promises C.
                unsafe { reduce(&tile) };
            }
        }
    }
}

/// y = epilogue(x w). Of the last columns, if they are not a multiple of 16, there is a packed copy: kernels read whole strips.
pub(crate) fn forward(x: &[f32], w: &[f32], y: &mut [f32], [inputs, outputs]: [usize; 2], e: Epilogue) {
    let n = x.len() / inputs;
    assert!(x.len() == n * inputs && w.len() == inputs * outputs && y.len() == n * outputs);
    let (panels, to) = (
        Panels {
            k: inputs,
            n: outputs,
        },
        Ptr(y.as_mut_ptr()),
    );
    let last = Panels {
        k: inputs,
        n: outputs % PANEL,
    };
    let ragged = !outputs.is_multiple_of(LANES);
    with_scratch(Slot::Weights, if ragged { last.len() } else { 0 }, |copy| {
        if ragged {
            let rest = outputs - last.n;
            // SAFETY: `copy` has the panel's length.
            unsafe {
                pack_rows(Ptr(copy.as_mut_ptr()), &last, 0, |k| {
                    &w[k * outputs + rest..][..last.n]
                })
            };
        }
        // Bands of whole tiles, about equal.
        let high = n.div_ceil(n.div_ceil(BAND).max(1)).next_multiple_of(24).max(24);
        let (bands, copy) = (n.div_ceil(high), &*copy);
        par_for(bands * panels.count(), &|t| {
            let (j, band) = (t / bands, t % bands * high);
            let columns = panels.columns(j);
            let (b, row, strip) = match ragged && j + 1 == panels.count() {
                true => (copy, last.row(0), last.strip()),
                false => (&w[j * PANEL..], outputs, LANES),
            };
            let epilogue = e.columns(j * PANEL, columns);
            let tiles = Tiles {
                a: x,
                depth: inputs,
                b,
                row,
                strip,
                block: DEPTH,
                streams: false,
                columns,
                epilogue,
            };
            // SAFETY: rows of a band and columns of a panel are this task's alone.
            unsafe {
                tiles.run(
                    band,
                    (band + high).min(n),
                    to.get().add(band * outputs + j * PANEL),
                    outputs,
                )
            };
        });
    });
}

/// gx = gy w'. It is computed as w gy', so that gy is what is packed, and w is read row by row.
pub(crate) fn input_gradient(gy: &[f32], w: &[f32], gx: &mut [f32], [inputs, outputs]: [usize; 2]) {
    let n = gy.len() / outputs;
    assert!(gy.len() == n * outputs && w.len() == inputs * outputs && gx.len() == n * inputs);
    let (panels, to) = (Panels { k: outputs, n }, Ptr(gx.as_mut_ptr()));
    with_scratch(Slot::Weights, panels.len(), |packed| {
        let target = Ptr(packed.as_mut_ptr());
        // SAFETY: `packed` has the panels' length, and each task packs a panel of its own.
        par_for(panels.count(), &|j| unsafe {
            pack_columns(target, &panels, j, 0, gy, [outputs; 2])
        });
        let (bands, packed) = (inputs.div_ceil(TASK), &*packed);
        par_for(bands * panels.count(), &|t| {
            let (j, band) = (t / bands, t % bands * TASK);
            let high = TASK.min(inputs - band);
            let b = &packed[panels.start(j)..][..panels.k * panels.width(j)];
            let (row, strip, columns) = (panels.row(j), panels.strip(), panels.columns(j));
            let (block, epilogue) = (PACKED_DEPTH, Epilogue::default());
            let tiles = Tiles {
                a: w,
                depth: outputs,
                b,
                row,
                strip,
                block,
                streams: true,
                columns,
                epilogue,
            };
            with_scratch(Slot::Task, TASK * PANEL, |turned| {
                // SAFETY: this task's own memory, of TASK rows of PANEL floats.
                unsafe { tiles.run(band, band + high, turned.as_mut_ptr(), PANEL) };
                // SAFETY: items of the panel, inputs of the band: this task's alone.
                unsafe {
                    turn(
                        turned,
                        [high, columns],
                        to.get().add(j * PANEL * inputs + band),
                        inputs,
                    )
                };
            });
        });
    });
}

/// Writes `[rows, columns]`, `PANEL` apart, as columns: `to` is `[columns, rows]`, `pitch` apart.
///
/// # Safety
/// `to` points at all of that, and nobody else uses it.
unsafe fn turn(from: &[f32], [rows, columns]: [usize; 2], to: *mut f32, pitch: usize) {
    for r in (0..rows).step_by(LANES) {
        for c in (0..columns).step_by(LANES) {
            let (high, wide) = ((rows - r).min(LANES), (columns - c).min(LANES));
            // SAFETY: the block is inside of `from`, as it was sliced with checks, and by the caller's promise of `to`.
            unsafe {
                let to = to.add(c * pitch + r);
                if high == LANES && wide == LANES {
                    transpose_block(
                        from[r * PANEL + c..][..15 * PANEL + LANES].as_ptr(),
                        PANEL,
                        to,
                        pitch,
                    );
                } else {
                    (0..high).for_each(|i| {
                        (0..wide).for_each(|k| *to.add(k * pitch + i) = from[(r + i) * PANEL + c + k])
                    });
                }
            }
        }
    }
}

/// gw = x' gy.
pub(crate) fn weight_gradient(x: &[f32], gy: &[f32], gw: &mut [f32], [inputs, outputs]: [usize; 2]) {
    let n = x.len() / inputs;
    assert!(x.len() == n * inputs && gy.len() == n * outputs && gw.len() == inputs * outputs);
    let (panels, extent, to) = (Panels { k: 0, n: outputs }, Extent::of(gw), Ptr(gw.as_mut_ptr()));
    let bands = inputs.div_ceil(TASK);
    par_for(bands * panels.count(), &|t| {
        let (j, band) = (t / bands, t % bands * TASK);
        let (columns, end) = (panels.columns(j), (band + TASK).min(inputs));
        let within = Within {
            a: [Extent::of(x), Extent::NONE],
            b: Extent::of(gy),
            c: [extent, Extent::NONE],
        };
        let high = outer_rows(columns);
        // Without items there is still one block, which stores zeros.
        for k in (0..n.max(1)).step_by(ITEMS) {
            let items = Axis {
                n: ITEMS.min(n - k),
                a: inputs,
                b: outputs,
            };
            for i in (band..end).step_by(high) {
                let tile = Outer {
                    axes: [Axis::ONE, Axis::ONE, items],
                    a: x.as_ptr().wrapping_add(k * inputs + i),
                    b: gy.as_ptr().wrapping_add(k * outputs + j * PANEL),
                    strip: LANES,
                    c: to.get().wrapping_add(i * outputs + j * PANEL),
                    row: outputs,
                    rows: high.min(end - i),
                    columns,
                    add: k > 0,
                    within: &within,
                };
                // SAFETY: items k..k + n, inputs i..i + rows and the panel's columns lie in x, gy and gw, whose lengths were
                // checked; rows of a band and columns of a panel of gw are this task's alone.
                unsafe { outer(&tile) };
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whole numbers, whose sums are exact in any order; sizes beyond blocks, bands and panels.
    #[test]
    fn products_are_exact_whatever_the_sizes() {
        for (n, inputs, outputs) in [
            (1, 3, 16),
            (5, 300, 48),
            (64, 50, 80),
            (70, 97, 144),
            (300, 20, 32),
            (17, 49, 64),
            (70, 300, 100),
            (3, 7, 1),
            (50, 9, 130),
        ] {
            let value = |i: usize| ((i * 7919) % 13) as f32 - 6.0;
            let make = |len: usize, from: usize| (0..len).map(|i| value(i + from)).collect::<Vec<f32>>();
            let (x, w, gy) = (
                make(n * inputs, 0),
                make(inputs * outputs, 5),
                make(n * outputs, 9),
            );
            let bias = make(outputs, 3);
            let sum = |terms: usize, f: &dyn Fn(usize) -> f32| (0..terms).map(f).sum::<f32>();
            let mut y = vec![f32::NAN; n * outputs];
            forward(
                &x,
                &w,
                &mut y,
                [inputs, outputs],
                Epilogue {
                    shift: Some(&bias),
                    slope: 0.5,
                    ..Epilogue::default()
                },
            );
            for (at, &v) in y.iter().enumerate() {
                let (i, o) = (at / outputs, at % outputs);
                let want = sum(inputs, &|k| x[i * inputs + k] * w[k * outputs + o]) + bias[o];
                assert_eq!(
                    v,
                    if want < 0.0 { want * 0.5 } else { want },
                    "y {n} {inputs} {outputs} at {at}"
                );
            }
            let mut gx = vec![f32::NAN; n * inputs];
            input_gradient(&gy, &w, &mut gx, [inputs, outputs]);
            for (at, &v) in gx.iter().enumerate() {
                let (i, k) = (at / inputs, at % inputs);
                assert_eq!(
                    v,
                    sum(outputs, &|o| gy[i * outputs + o] * w[k * outputs + o]),
                    "gx {n} {inputs} {outputs} at {at}"
                );
            }
            let mut gw = vec![f32::NAN; inputs * outputs];
            weight_gradient(&x, &gy, &mut gw, [inputs, outputs]);
            for (at, &v) in gw.iter().enumerate() {
                let (k, o) = (at / outputs, at % outputs);
                assert_eq!(
                    v,
                    sum(n, &|i| x[i * inputs + k] * gy[i * outputs + o]),
                    "gw {n} {inputs} {outputs} at {at}"
                );
            }
        }
        let mut none = vec![f32::NAN; 3 * 16];
        weight_gradient(&[], &[], &mut none, [3, 16]);
        assert_eq!(none, [0.0; 48]);
        forward(&[], &[1.0; 48], &mut [], [3, 16], Epilogue::default());
        input_gradient(&[], &[1.0; 48], &mut [], [3, 16]);
    }
}
