//! Products of gathered pixels with packed weights.
use super::super::micro::{Extent, MAX_ROWS, PANEL, Panels, Reduce, Within, reduce, rows};
use super::super::{Epilogue, Shape};
use crate::pool::{par_for, threads};
use crate::scratch::Ptr;

/// Depth of B handled at a time: 64 columns x 1024 x 4 bytes = 256 KiB, a part of L2.
pub(in crate::conv) const DEPTH: usize = 1024;

/// Images whose pixels are taken together where there is padding: the rows of a tile are then mostly
/// the same pixel of different images, so that padding is skipped instead of multiplied.
const GROUP: usize = 12;

/// An output grid, each point of which sums over taps of the input.
pub(super) struct Gather {
    /// Images, rows and columns of the grid.
    pub grid: [usize; 3],
    /// Output element = first + image * out\[0\] + y * out\[1\] + x * out\[2\].
    pub first: usize,
    pub out: [usize; 3],
    /// Input pixel of a tap = (y * step\[0\] + tap\[0\], x * step\[1\] + tap\[1\]).
    pub step: [usize; 2],
    pub taps: Vec<[isize; 2]>,
    /// Where this gather's panels begin in the packed weights.
    pub packed: usize,
    /// Images taken together.
    pub group: usize,
    /// Groups of channels that see the same pixels.
    pub parts: Parts,
}

/// Groups of channels of a convolution: each has weights of its own, and sees and makes its own channels of the pixels.
#[derive(Clone, Copy)]
pub(super) struct Parts {
    pub count: usize,
    /// Floats from a group's channels to the next one's, of the input and of the output.
    pub input: usize,
    pub output: usize,
}

impl Parts {
    /// All channels together.
    pub(super) const ONE: Parts = Parts {
        count: 1,
        input: 0,
        output: 0,
    };
}

impl Gather {
    pub(super) fn group(s: &Shape) -> usize {
        if s.stays_inside() { 1 } else { GROUP }
    }

    /// A walk over the output points from the m-th on.
    fn walk(&self, m: usize) -> Walk<'_> {
        let [b, h, w] = self.grid;
        let first = m / (self.group * h * w) * self.group;
        let n = self.group.min(b - first);
        let m = m - first * h * w;
        Walk {
            gather: self,
            first,
            n,
            i: m % n,
            y: m / n / w,
            x: m / n % w,
        }
    }

    fn points(&self) -> usize {
        self.grid.iter().product()
    }
}

/// Output points in order: images of a group fastest, then columns, rows and groups.
struct Walk<'a> {
    gather: &'a Gather,
    /// First image of the group, and how many it has.
    first: usize,
    n: usize,
    i: usize,
    y: usize,
    x: usize,
}

impl Walk<'_> {
    /// The present point as (image, row, column); goes on to the next.
    fn step(&mut self) -> (usize, usize, usize) {
        let point = (self.first + self.i, self.y, self.x);
        let [b, h, w] = self.gather.grid;
        self.i += 1;
        if self.i == self.n {
            (self.i, self.x) = (0, self.x + 1);
            if self.x == w {
                (self.x, self.y) = (0, self.y + 1);
                if self.y == h {
                    (self.y, self.first) = (0, self.first + self.n);
                    self.n = self.gather.group.min(b - self.first);
                }
            }
        }
        point
    }
}

/// What gathers read.
pub(super) struct Source {
    pub size: [usize; 2],
    pub channels: usize,
    /// Floats of a tap: the channels of a group, or more when a tap is a run of pixels.
    pub depth: usize,
}

/// A range of the sum: segments `first..first + count`, of each of which `depth` from `from` on.
struct Block {
    first: usize,
    count: usize,
    from: usize,
    depth: usize,
}

/// Cuts a sum of so many segments so that B's part stays in cache. A sum of no segments still has one block, which stores zeros.
fn blocks(segments: usize, depth: usize) -> Vec<Block> {
    if segments == 0 {
        return vec![Block {
            first: 0,
            count: 0,
            from: 0,
            depth,
        }];
    }
    if depth > DEPTH {
        let part = depth.div_ceil(depth.div_ceil(DEPTH));
        let parts = |first: usize| {
            (0..depth).step_by(part).map(move |from| Block {
                first,
                count: 1,
                from,
                depth: part.min(depth - from),
            })
        };
        return (0..segments).flat_map(parts).collect();
    }
    let most = (DEPTH / depth.max(1)).max(1);
    let count = segments.div_ceil(segments.div_ceil(most));
    (0..segments)
        .step_by(count)
        .map(|first| Block {
            first,
            count: count.min(segments - first),
            from: 0,
            depth,
        })
        .collect()
}

/// A piece of the work: a panel, and points of a gather's grid.
struct Task {
    gather: usize,
    panel: usize,
    points: std::ops::Range<usize>,
}

/// Cuts the work. The tiles, and so the results, are the same however many tasks there are.
fn tasks(gathers: &[Gather], n: usize) -> Vec<Task> {
    let mut tasks = Vec::new();
    let panels = Panels { k: 0, n };
    for (gather, g) in gathers.iter().enumerate() {
        let points = g.points();
        for panel in 0..panels.count() {
            let rows = rows(panels.columns(panel));
            let tiles = (points * panels.count() * gathers.len())
                .div_ceil(rows * threads() * 8)
                .clamp(1, 16);
            // Consecutive tasks share a panel of B.
            for first in (0..points).step_by(tiles * rows) {
                tasks.push(Task {
                    gather,
                    panel,
                    points: first..(first + tiles * rows).min(points),
                });
            }
        }
    }
    tasks
}

/// Computes all gathers, n columns each.
pub(super) fn run(
    gathers: &[Gather],
    source: &Source,
    x: &[f32],
    packed: &[f32],
    n: usize,
    y: &mut [f32],
    e: Epilogue,
) {
    let tasks = tasks(gathers, n);
    // Pointers into the padding move on from group to group like all others.
    let beyond = |g: &Gather| (g.parts.count - 1) * g.parts.input;
    let zeros = vec![0f32; source.depth + gathers.iter().map(beyond).max().unwrap_or(0)];
    let job = Job {
        source,
        x,
        zeros: &zeros,
        packed,
        n,
        y: Ptr(y.as_mut_ptr()),
        len: y.len(),
        e,
    };
    // SAFETY: tasks write to different points or columns; points of different gathers differ.
    par_for(tasks.len(), &|t| unsafe {
        job.run(&gathers[tasks[t].gather], &tasks[t])
    });
}

struct Job<'a> {
    source: &'a Source,
    x: &'a [f32],
    zeros: &'a [f32],
    packed: &'a [f32],
    n: usize,
    y: Ptr<f32>,
    len: usize,
    e: Epilogue<'a>,
}

/// The rows of a tile: where their results go, and the images and pixels that they see.
struct Rows {
    c: [*mut f32; MAX_ROWS],
    image: [usize; MAX_ROWS],
    at: [[isize; 2]; MAX_ROWS],
}

impl Job<'_> {
    /// # Safety
    /// No other thread writes to the task's points and columns.
    unsafe fn run(&self, g: &Gather, task: &Task) {
        let panels = Panels {
            k: g.taps.len() * self.source.depth,
            n: self.n,
        };
        let (j, columns) = (task.panel, panels.columns(task.panel));
        let rows = rows(columns);
        let b = &self.packed[g.packed..][..g.parts.count * panels.len()];
        let mut spare = [0f32; PANEL];
        let within = Within {
            a: [Extent::of(self.x), Extent::of(self.zeros)],
            b: Extent::of(b),
            c: [Extent::new(self.y.get(), self.len), Extent::of(&spare)],
        };
        let mut a = vec![std::ptr::null(); g.taps.len() * rows];
        let mut bs = vec![std::ptr::null(); g.taps.len()];
        let blocks = blocks(g.taps.len(), self.source.depth);
        for (i, block) in blocks.iter().enumerate() {
            let mut walk = g.walk(task.points.start);
            for m in task.points.clone().step_by(rows) {
                let n = rows.min(task.points.end - m);
                let tile = self.rows(&mut walk, j, n, spare.as_mut_ptr());
                let mut seen = 0;
                for s in block.first..block.first + block.count {
                    // A tap that falls into the padding for every row of the tile is left out.
                    if self.tap(g.taps[s], block.from, &tile, &mut a[seen * rows..][..rows]) {
                        bs[seen] = b
                            [panels.start(j) + (s * self.source.depth + block.from) * panels.row(j)..]
                            .as_ptr();
                        seen += 1;
                    }
                }
                let last = i + 1 == blocks.len();
                let mut c = tile.c;
                for part in 0..g.parts.count {
                    if part > 0 {
                        a[..seen * rows]
                            .iter_mut()
                            .for_each(|a| *a = a.wrapping_add(g.parts.input));
                        bs[..seen]
                            .iter_mut()
                            .for_each(|b| *b = b.wrapping_add(panels.len()));
                        c[..n]
                            .iter_mut()
                            .for_each(|c| *c = c.wrapping_add(g.parts.output));
                    }
                    let epilogue = match last {
                        true => self.e.columns(part * g.parts.output + j * PANEL, columns),
                        false => Epilogue::default(),
                    };
                    if seen == 0 && i > 0 && epilogue.is_identity() {
                        continue;
                    }
                    let tile = Reduce {
                        depth: block.depth,
                        a: &a[..seen * rows],
                        b: &bs[..seen],
                        row: panels.row(j),
                        strip: panels.strip(),
                        c: &c[..rows],
                        columns,
                        add: i > 0,
                        epilogue,
                        ahead: 0,
                        soon: b.as_ptr(),
                        within: &within,
                    };
                    // SAFETY: rows of A lie in x or in the zeros and those of B in its panels (both
                    // were sliced with checks, or see `tap`); the rows of C are this task's alone.
                    unsafe { reduce(&tile) };
                }
            }
        }
    }

    /// The rows of a tile of the next `n` points; rows past them see only padding and write to `spare`.
    fn rows(&self, walk: &mut Walk, panel: usize, n: usize, spare: *mut f32) -> Rows {
        let g = walk.gather;
        let mut rows = Rows {
            c: [spare; MAX_ROWS],
            image: [0; MAX_ROWS],
            at: [[isize::MIN / 2, 0]; MAX_ROWS],
        };
        for r in 0..n {
            let (b, y, x) = walk.step();
            let at = g.first + b * g.out[0] + y * g.out[1] + x * g.out[2] + panel * PANEL;
            assert!(at + (g.parts.count - 1) * g.parts.output < self.len);
            // SAFETY: inside y, as just checked.
            rows.c[r] = unsafe { self.y.get().add(at) };
            rows.image[r] = b * self.source.size[0] * self.source.size[1] * self.source.channels;
            rows.at[r] = [(y * g.step[0]) as isize, (x * g.step[1]) as isize];
        }
        rows
    }

    /// Points the rows at a tap's pixels, or at zeros; returns whether any of them is a pixel.
    fn tap(&self, [dy, dx]: [isize; 2], from: usize, rows: &Rows, a: &mut [*const f32]) -> bool {
        let Source {
            size: [h, w],
            channels,
            ..
        } = *self.source;
        let mut any = false;
        for (r, a) in a.iter_mut().enumerate() {
            let (y, x) = (rows.at[r][0] + dy, rows.at[r][1] + dx);
            let inside = (y as usize) < h && (x as usize) < w;
            any |= inside;
            *a = if inside {
                // Inside x: the pixel is, and a tap of several pixels never leaves its row.
                self.x
                    .as_ptr()
                    .wrapping_add(rows.image[r] + (y as usize * w + x as usize) * channels + from)
            } else {
                self.zeros.as_ptr()
            };
        }
        any
    }
}
