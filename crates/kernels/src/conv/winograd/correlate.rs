//! Correlations with stride 1 in the transformed domain.
use super::super::Epilogue;
use super::super::direct::DEPTH;
use super::super::micro::{Extent, LANES, MAX_ROWS, PANEL, Panels, Reduce, Within, reduce, rows};
use super::matrices::{Input, Output};
use super::spaced;
use super::tiles::{Tiles, View};
use super::transform::{Collect, Spread, collect, spread};
use crate::isa::amd;
use crate::pool::par_for;
use crate::scratch::{Ptr, Slot, with_scratch};

/// Floats of transformed tiles in a block that all threads share: 12 MiB, to stay in L3.
pub(super) const BLOCK: usize = 3 << 20;
/// And in a block of one thread's own, to stay in L2: 1 MiB, or half of that where L2 is but 1 MiB (AMD).
fn own_block() -> usize {
    if amd() { 128 << 10 } else { 256 << 10 }
}
/// Tiles that one task transforms.
const TRANSFORMS: usize = 4;
/// Tiles in one task of the product: a multiple of every tile's rows.
const PRODUCTS: usize = 96;

/// The sum over views of correlations of their channels with the transformed weights.
pub(super) struct Correlation {
    pub from: Vec<View>,
    pub to: View,
    /// Images, rows and columns of the result.
    pub grid: [usize; 3],
}

/// How the pieces of a step are run: on all threads, or on this one.
type Each<'a> = &'a dyn Fn(usize, &(dyn Fn(usize) + Sync));

/// A correlation with its sizes.
struct Job<'a> {
    part: &'a Correlation,
    tiles: Tiles,
    /// Transformed weights: the panels of each point, `spaced`.
    u: &'a [f32],
    panels: Panels,
    channels: usize,
    epilogue: Epilogue<'a>,
    zeros: &'a [f32],
}

/// Whether so many floats of transformed weights stay in L3 (or L2), so that each thread may read all of them for each of its
/// own blocks.
pub(super) fn stay(weights: usize) -> bool {
    weights <= BLOCK * 4 / 3
}

/// Computes correlations that share their sizes: channels of the views and columns `n`. `u` holds
/// A * A sets of panels for each. With `shared`, all threads work on one block.
///
/// # Safety
/// The results' tensors are writable, used by nobody else, and no pixel is in two grids.
pub(super) unsafe fn correlate<const M: usize, const R: usize, const A: usize>(
    parts: &[Correlation],
    u: &[f32],
    n: usize,
    e: Epilogue,
    shared: bool,
) {
    let channels = parts[0].from[0].channels;
    let panels = Panels {
        k: channels.next_multiple_of(LANES) * parts[0].from.len(),
        n,
    };
    let zeros = vec![0f32; channels];
    let jobs: Vec<Job> = parts
        .iter()
        .zip(u.chunks_exact(A * A * spaced(panels.len())))
        .map(|(part, u)| Job {
            part,
            tiles: Tiles::new(part.grid, M),
            u,
            panels,
            channels,
            epilogue: e,
            zeros: &zeros,
        })
        .collect();
    let pitches = jobs[0].pitches();
    let per_tile = A * A * pitches.iter().sum::<usize>();
    let memory = |block: usize| A * A * pitches.iter().map(|p| spaced(block * p)).sum::<usize>();
    let most = jobs.iter().map(|j| j.tiles.len()).max().unwrap_or(0);
    if !shared {
        // The weights stay: each thread takes whole blocks, which stay in its L2.
        let block = (own_block() / per_tile).next_multiple_of(MAX_ROWS).max(MAX_ROWS);
        par_for(most.div_ceil(block) * jobs.len(), &|i| {
            with_scratch(Slot::Task, memory(block), |scratch| {
                let alone: Each = &|n, f| (0..n).for_each(f);
                // SAFETY: the caller's promise; blocks of tiles are different pixels.
                unsafe {
                    jobs[i % jobs.len()].block::<M, R, A>(i / jobs.len() * block, block, scratch, alone)
                }
            })
        });
    } else {
        // The weights are read once a block, shared by all threads; the block stays in L3.
        let block = (BLOCK / per_tile)
            .max(MAX_ROWS)
            .min(most)
            .next_multiple_of(MAX_ROWS);
        with_scratch(Slot::Tiles, memory(block), |scratch| {
            for job in &jobs {
                for t0 in (0..job.tiles.len()).step_by(block) {
                    // SAFETY: the caller's promise.
                    unsafe { job.block::<M, R, A>(t0, block, scratch, &|n, f| par_for(n, f)) }
                }
            }
        });
    }
}

impl Job<'_> {
    /// Floats from a transformed tile to the next, of the input and of the result: not a power of
    /// two, so that rows spread over cache sets.
    fn pitches(&self) -> [usize; 2] {
        [
            self.panels.k + LANES,
            self.panels.n.next_multiple_of(LANES) + LANES,
        ]
    }

    /// Computes tiles `t0..t0 + block`, as far as there are any.
    ///
    /// # Safety
    /// As [`correlate`], for these tiles' pixels.
    unsafe fn block<const M: usize, const R: usize, const A: usize>(
        &self,
        t0: usize,
        block: usize,
        scratch: &mut [f32],
        each: Each,
    ) {
        if t0 >= self.tiles.len() {
            return;
        }
        let nt = block.min(self.tiles.len() - t0);
        let [kp, np] = self.pitches();
        let points = [spaced(block * kp), spaced(block * np)];
        let (v, m) = scratch.split_at_mut(A * A * points[0]);
        let within = Within {
            a: [Extent::of(v), Extent::NONE],
            b: Extent::of(self.u),
            c: [Extent::of(m), Extent::NONE],
        };
        let (v, m) = (Ptr(v.as_mut_ptr()), Ptr(m.as_mut_ptr()));
        let Correlation { from, to, grid } = self.part;
        // 1. Tiles of the input: V[point][tile][k].
        each(nt.div_ceil(TRANSFORMS) * from.len(), &|i| {
            let (s, i) = (i % from.len(), i / from.len());
            for t in i * TRANSFORMS..((i + 1) * TRANSFORMS).min(nt) {
                let pixels = from[s].tile(self.tiles.at(t0 + t), M, A, self.zeros);
                let at = t * kp + s * self.channels.next_multiple_of(LANES);
                // SAFETY: pixels are inside the view's tensor or `zeros`; row t of every point of
                // V is this task's alone.
                unsafe {
                    let (to, point) = (v.get().add(at), points[0]);
                    spread::<Input<M, R, A>, A, A>(&Spread {
                        from: &pixels,
                        n: self.channels,
                        to,
                        point,
                        group: LANES,
                    });
                }
            }
        });
        // 2. M[point] = V[point] U[point].
        let chunks = nt.div_ceil(PRODUCTS);
        each(A * A * self.panels.count() * chunks, &|i| {
            let (point, j, chunk) = (
                i / chunks / self.panels.count(),
                i / chunks % self.panels.count(),
                i % chunks,
            );
            let tiles = chunk * PRODUCTS..((chunk + 1) * PRODUCTS).min(nt);
            // SAFETY: rows `tiles` and panel j of this point of M are this task's alone; row t of
            // V is there for all t below `block`.
            unsafe { self.product(point, j, tiles, block, v, m, &within) };
        });
        // 3. Back to pixels.
        each(nt.div_ceil(TRANSFORMS), &|i| {
            for t in i * TRANSFORMS..((i + 1) * TRANSFORMS).min(nt) {
                let [b, ty, tx] = self.tiles.at(t0 + t);
                let mut pixels = [std::ptr::null_mut(); 36];
                for y in 0..M.min(grid[1] - ty * M) {
                    for x in 0..M.min(grid[2] - tx * M) {
                        pixels[y * M + x] = to.at(b, ty * M + y, tx * M + x).unwrap_or(std::ptr::null_mut());
                    }
                }
                // SAFETY: step 2 has written row t of every point; the caller promises the pixels.
                unsafe {
                    let (from, point) = (m.get().add(t * np), points[1]);
                    let (n, epilogue) = (self.panels.n, self.epilogue);
                    collect::<Output<M, R, A>, M, A>(&Collect {
                        from,
                        point,
                        n,
                        to: &pixels,
                        epilogue,
                    });
                }
            }
        });
    }

    /// Panel `j` of the product of one point, for a range of tiles.
    ///
    /// # Safety
    /// `v` and `m` point at `block` rows for every point, and nobody else uses these rows and
    /// columns of m.
    unsafe fn product(
        &self,
        point: usize,
        j: usize,
        tiles: std::ops::Range<usize>,
        block: usize,
        v: Ptr<f32>,
        m: Ptr<f32>,
        within: &Within,
    ) {
        let [kp, np] = self.pitches();
        let (k, width) = (self.panels.k, self.panels.width(j));
        let rows = rows(width);
        let u = &self.u[point * spaced(self.panels.len())..][..self.panels.len()];
        for k0 in (0..k).step_by(DEPTH) {
            let b = u[self.panels.start(j) + k0 * self.panels.row(j)..].as_ptr();
            for (i, t) in tiles.clone().step_by(rows).enumerate() {
                // The next panel (or point) follows in memory: a strip of it with each tile.
                let soon = if i < width / LANES {
                    b.wrapping_add(k * width + i * self.panels.strip())
                } else {
                    b
                };
                let mut spare = [0f32; PANEL];
                let row = |r: usize| (t + r).min(block - 1);
                let at = [point * spaced(block * kp), point * spaced(block * np) + j * PANEL];
                // SAFETY: rows below `block` exist; those past the end of the tiles hold leftovers,
                // and their results go to `spare`.
                let (a, c): ([*const f32; MAX_ROWS], [*mut f32; MAX_ROWS]) = unsafe {
                    let c = |r: usize| {
                        if t + r < tiles.end {
                            m.get().add(at[1] + row(r) * np)
                        } else {
                            spare.as_mut_ptr()
                        }
                    };
                    (
                        std::array::from_fn(|r| v.get().add(at[0] + row(r) * kp + k0).cast_const()),
                        std::array::from_fn(c),
                    )
                };
                let within = Within {
                    c: [within.c[0], Extent::of(&spare)],
                    ..*within
                };
                let tile = Reduce {
                    depth: DEPTH.min(k - k0),
                    a: &a[..rows],
                    b: &[b],
                    row: self.panels.row(j),
                    strip: self.panels.strip(),
                    c: &c[..rows],
                    columns: width,
                    add: k0 > 0,
                    epilogue: Epilogue::default(),
                    ahead: rows * kp,
                    soon,
                    within: &within,
                };
                // SAFETY: as above; B is panel j of this point, sliced with checks.
                unsafe { reduce(&tile) };
            }
        }
    }
}
