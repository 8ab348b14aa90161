//! Threaded, vectorized loops over channels-last tensors: everything of a training step that is not
//! a product.
//!
//! Work is cut into blocks by the tensor's size alone, sums are f32 within a block and f64 over the
//! blocks in their order, so results do not depend on the number of threads.
pub(crate) mod batch_norm;
pub(crate) mod gate;
pub(crate) mod group_norm;
pub(crate) mod layer_norm;
pub(crate) mod loss;
pub(crate) mod math;
pub(crate) mod pointwise;
pub(crate) mod simd;
pub(crate) mod spatial;
pub(crate) mod update;

use crate::pool::par_for;
use std::marker::PhantomData;
use std::ops::Range;

/// A slice that threads write disjoint parts of.
pub(crate) struct Parts<'a>(*mut f32, usize, PhantomData<&'a mut [f32]>);
// SAFETY: parts go out by `get` only, whose callers show that no two overlap.
unsafe impl Sync for Parts<'_> {}

impl<'a> Parts<'a> {
    pub(crate) fn new(slice: &'a mut [f32]) -> Self {
        Parts(slice.as_mut_ptr(), slice.len(), PhantomData)
    }

    /// Elements `range` of the slice.
    ///
    /// # Safety
    /// No other part in use overlaps the range.
    #[allow(clippy::mut_from_ref)]
    pub(crate) unsafe fn get(&self, range: Range<usize>) -> &mut [f32] {
        assert!(range.start <= range.end && range.end <= self.1);
        // SAFETY: in bounds of the slice borrowed for 'a, and by the caller's promise not aliased.
        unsafe { std::slice::from_raw_parts_mut(self.0.add(range.start), range.len()) }
    }
}

/// Elements of a block: 64 KiB of f32.
const BLOCK: usize = 16384;

/// Rows of a block of rows of `c` elements.
fn block_rows(c: usize) -> usize {
    (BLOCK / c.max(1)).max(8)
}

/// f(block, rows) for blocks that make up `n` rows of `c` elements, on all threads.
fn blocks(n: usize, c: usize, f: &(dyn Fn(usize, Range<usize>) + Sync)) {
    let rows = block_rows(c);
    par_for(n.div_ceil(rows), &|i| f(i, i * rows..(i * rows + rows).min(n)));
}

/// Rows [n, c] seen as wider rows, so that vector loops over few channels are long: a wide row is
/// `copies` rows, and parameters by channel are repeated as often.
struct Wide {
    channels: usize,
    width: usize,
}

impl Wide {
    fn new(channels: usize) -> Self {
        if channels >= 512 {
            return Wide {
                channels,
                width: channels,
            };
        }
        // The least common multiple with 16, a vector's length, and then at least 128.
        let copies = 16 >> channels.trailing_zeros().min(4);
        let width = channels * copies;
        Wide {
            channels,
            width: width * 128usize.div_ceil(width).max(1),
        }
    }

    /// A parameter by channel, repeated to the width.
    fn repeat(&self, v: &[f32]) -> Vec<f32> {
        v.iter().copied().cycle().take(self.width).collect()
    }

    /// Calls `f(block, range of elements)` on all threads; every block but the last is whole wide rows.
    fn blocks(&self, elements: usize, f: &(dyn Fn(usize, Range<usize>) + Sync)) {
        let step = block_rows(self.width) * self.width;
        par_for(elements.div_ceil(step), &|i| {
            f(i, i * step..(i * step + step).min(elements))
        });
    }

    fn count(&self, elements: usize) -> usize {
        elements.div_ceil(block_rows(self.width) * self.width)
    }

    /// Sums over the blocks and the copies: `partial` holds `N` rows of width a block.
    fn fold<const N: usize>(&self, partial: &[f32]) -> Vec<[f64; N]> {
        let mut wide = vec![0f64; N * self.width];
        for block in partial.chunks_exact(N * self.width) {
            wide.iter_mut().zip(block).for_each(|(sum, v)| *sum += *v as f64);
        }
        let mut out = vec![[0f64; N]; self.channels];
        for (k, row) in wide.chunks_exact(self.width).enumerate() {
            for (j, v) in row.iter().enumerate() {
                out[j % self.channels][k] += v;
            }
        }
        out
    }
}

simd::simd! {
/// Sums of `x` by wide column, over whole wide rows and a last partial one.
fn add_rows(x: &[f32], sums: &mut [f32]) {
    let _ = FMA;
    let w = sums.len();
    let mut four = x.chunks_exact(4 * w);
    for x in &mut four {
        let (a, x) = x.split_at(w);
        let (b, x) = x.split_at(w);
        let (c, d) = x.split_at(w);
        for ((((s, a), b), c), d) in sums.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            *s += (a + b) + (c + d);
        }
    }
    for x in four.remainder().chunks(w) {
        sums.iter_mut().zip(x).for_each(|(s, x)| *s += x);
    }
}}

/// Sum of x [.., c] over all axes but the last.
pub(crate) fn column_sums(x: &[f32], channels: usize) -> Vec<f32> {
    let wide = Wide::new(channels);
    let mut partial = vec![0f32; wide.count(x.len()) * wide.width];
    let out = Parts::new(&mut partial);
    wide.blocks(x.len(), &|i, r| {
        // SAFETY: each block has its own part.
        add_rows(&x[r], unsafe { out.get(i * wide.width..(i + 1) * wide.width) });
    });
    wide.fold::<1>(&partial).into_iter().map(|[s]| s as f32).collect()
}

/// In place: y = act(y + bias) for one row.
pub(crate) fn bias_act_row(y: &mut [f32], bias: &[f32], act: crate::ops::Activation) {
    assert_eq!(y.len(), bias.len());
    pointwise::with_pointwise!(act, a => bias_act_rows(a, bias, y));
}

simd::simd! {
fn bias_act_rows[A: pointwise::Pointwise](a: A, bias: &[f32], y: &mut [f32]) {
    for y in y.chunks_mut(bias.len()) {
        for (y, b) in y.iter_mut().zip(bias) {
            *y = a.apply::<FMA>(*y + b);
        }
    }
}}

/// In place: g becomes g f'(z) given y = f(z), where z had a bias added; returns the gradient of the
/// bias. `act` is one whose `slope_from_output` is true.
pub(crate) fn bias_act_backward(
    g: &mut [f32],
    y: &[f32],
    channels: usize,
    act: crate::ops::Activation,
) -> Vec<f32> {
    assert_eq!(g.len(), y.len());
    let wide = Wide::new(channels);
    let n = g.len();
    let mut partial = vec![0f32; wide.count(n) * wide.width];
    let (out, g) = (Parts::new(&mut partial), Parts::new(g));
    pointwise::with_pointwise!(act, a => wide.blocks(n, &|i, r| {
        // SAFETY: each block has its own parts.
        let (g, sums) = unsafe { (g.get(r.clone()), out.get(i * wide.width..(i + 1) * wide.width)) };
        // The block stays in the cache between the two loops.
        pointwise::backward_from_output(a, g, &y[r]);
        add_rows(g, sums);
    }));
    wide.fold::<1>(&partial).into_iter().map(|[s]| s as f32).collect()
}
