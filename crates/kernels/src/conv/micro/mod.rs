//! The two microkernels. Everything above this module only chooses pointers for them.
//!
//! * [`reduce`]: C\[r\]\[0..n\] (+)= the sum over segments s and depths k of
//!   a\[s\]\[r\]\[k\] B\[s, k\]\[0..n\]. Elements of A are broadcast straight from the caller's
//!   tensor, through one pointer for each segment and row, so that padding is a pointer to zeros and
//!   no patches are ever copied (implicit GEMM). B is packed, see [`Panels`].
//! * [`outer`]: C\[r\]\[0..n\] (+)= the sum over positions p of a\[p\]\[r\] b\[p\]\[0..n\], where
//!   positions are a loop of three strided axes (image, row, column) over both operands: tensors as
//!   they are, or streams of \[16 channels\]\[position\]\[16\].
//!
//! Every sum runs over its terms in order, whatever the tile: results do not depend on how the work
//! is cut into tiles.
use super::Epilogue;
use crate::isa::{Isa, isa};

mod portable;
mod transpose;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(super) use portable::multiply_add;
pub(super) use transpose::transpose_block;

/// Columns of a strip: the unit in which columns are padded.
pub(super) const LANES: usize = 16;
/// Columns of a panel of B.
pub(super) const PANEL: usize = 64;
/// Rows of a tile at most.
pub(super) const MAX_ROWS: usize = 12;

/// How B\[k\]\[n\] is packed: panels of 64 columns (the last may be 16, 32 or 48 wide). AVX-512 reads
/// a panel row by row; the others read it in strips of 16 columns, each of which lies by itself.
#[derive(Clone, Copy)]
pub(super) struct Panels {
    pub k: usize,
    pub n: usize,
}

impl Panels {
    /// Panels.
    pub(super) fn count(&self) -> usize {
        self.n.div_ceil(PANEL)
    }
    /// Padded columns of panel `j`.
    pub(super) fn width(&self, j: usize) -> usize {
        (self.n - j * PANEL).min(PANEL).next_multiple_of(LANES)
    }
    /// Columns of panel `j`.
    pub(super) fn columns(&self, j: usize) -> usize {
        (self.n - j * PANEL).min(PANEL)
    }
    /// Floats in all.
    pub(super) fn len(&self) -> usize {
        self.k * self.n.next_multiple_of(LANES)
    }
    /// Where panel `j` begins.
    pub(super) fn start(&self, j: usize) -> usize {
        self.k * j * PANEL
    }
    /// Floats from one row of panel `j` to the next.
    pub(super) fn row(&self, j: usize) -> usize {
        if isa() == Isa::Avx512 {
            self.width(j)
        } else {
            LANES
        }
    }
    /// Floats from one strip to the next.
    pub(super) fn strip(&self) -> usize {
        if isa() == Isa::Avx512 {
            LANES
        } else {
            self.k * LANES
        }
    }
}

/// A range of memory that a microkernel may touch, checked in debug builds.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    start: usize,
    end: usize,
}

impl Extent {
    pub(super) const NONE: Extent = Extent { start: 0, end: 0 };
    pub(super) fn of(slice: &[f32]) -> Extent {
        let range = slice.as_ptr_range();
        Extent {
            start: range.start as usize,
            end: range.end as usize,
        }
    }
    /// `len` floats from `start` on.
    pub(super) fn new(start: *const f32, len: usize) -> Extent {
        Extent {
            start: start as usize,
            end: start as usize + len * size_of::<f32>(),
        }
    }
    pub(super) fn holds(&self, p: *const f32, len: usize) -> bool {
        p as usize >= self.start && p as usize + len * size_of::<f32>() <= self.end
    }
}

/// Memory that a call may read (two ranges for A, one for B) and write (two for C).
#[derive(Clone, Copy)]
pub(super) struct Within {
    pub a: [Extent; 2],
    pub b: Extent,
    pub c: [Extent; 2],
}

impl Within {
    pub(super) fn a(&self, p: *const f32, len: usize) -> bool {
        self.a.iter().any(|e| e.holds(p, len))
    }
    pub(super) fn c(&self, p: *const f32, len: usize) -> bool {
        self.c.iter().any(|e| e.holds(p, len))
    }
}

/// One tile of a batch-reduce product.
pub(super) struct Reduce<'a> {
    /// Depth of each segment.
    pub depth: usize,
    /// \[segment\]\[row\]: where the row's segment begins.
    pub a: &'a [*const f32],
    /// \[segment\]: where the segment's rows of B begin.
    pub b: &'a [*const f32],
    /// Floats from a row of B to the next.
    pub row: usize,
    /// Floats from a strip of B to the next.
    pub strip: usize,
    /// The rows of C; as many as [`rows`] says.
    pub c: &'a [*mut f32],
    /// Columns, 1 to 64.
    pub columns: usize,
    /// Add to C, or overwrite it.
    pub add: bool,
    /// What happens to the sums before they are stored; its vectors begin at this panel's column.
    pub epilogue: Epilogue<'a>,
    /// Floats from each row of A to what the next call will read, which is prefetched; 0 for none.
    pub ahead: usize,
    /// Memory that will be read as B soon, fetched into L2 with B's own distance between rows; `b`
    /// itself for none.
    pub soon: *const f32,
    pub within: &'a Within,
}

impl Reduce<'_> {
    fn check(&self) {
        let rows = rows(self.columns);
        assert_eq!(self.a.len(), self.b.len() * rows);
        assert!(self.c.len() == rows && (1..=PANEL).contains(&self.columns));
        let strips = self.columns.div_ceil(LANES);
        for p in self.a {
            assert!(self.within.a(*p, self.depth), "a row of A leaves its tensor");
        }
        for p in self.b.iter().filter(|_| self.depth > 0) {
            let reach = (self.depth - 1) * self.row + (strips - 1) * self.strip + LANES;
            assert!(self.within.b.holds(*p, reach), "B leaves its packed panels");
        }
        for p in self.c {
            assert!(self.within.c(*p, self.columns), "a row of C leaves its tensor");
        }
        for v in [self.epilogue.scale, self.epilogue.shift].into_iter().flatten() {
            assert!(v.len() >= self.columns);
        }
    }
}

/// One axis of positions: how many, and floats from one to the next in a and in b.
#[derive(Clone, Copy)]
pub(super) struct Axis {
    pub n: usize,
    pub a: usize,
    pub b: usize,
}

impl Axis {
    pub(super) const ONE: Axis = Axis { n: 1, a: 0, b: 0 };
}

/// One tile of a sum of outer products.
pub(super) struct Outer<'a> {
    /// Outermost first.
    pub axes: [Axis; 3],
    pub a: *const f32,
    pub b: *const f32,
    /// Floats from one strip of 16 columns of b to the next.
    pub strip: usize,
    pub c: *mut f32,
    /// Floats from one row of C to the next.
    pub row: usize,
    /// Rows, 1 to 16 with AVX-512, else to 6.
    pub rows: usize,
    /// Columns, 1 to 64.
    pub columns: usize,
    pub add: bool,
    pub within: &'a Within,
}

impl Outer<'_> {
    fn check(&self) {
        assert!((1..=PANEL).contains(&self.columns) && (1..=MAX_OUTER_ROWS).contains(&self.rows));
        if self.axes.iter().all(|x| x.n > 0) {
            let last = |f: fn(&Axis) -> usize| self.axes.iter().map(|x| (x.n - 1) * f(x)).sum::<usize>();
            let tail = (self.columns - 1) / LANES * self.strip + (self.columns - 1) % LANES + 1;
            assert!(
                self.within.a(self.a, last(|x| x.a) + self.rows),
                "a leaves its tensor"
            );
            assert!(
                self.within.b.holds(self.b, last(|x| x.b) + tail),
                "b leaves its tensor"
            );
        }
        assert!(
            self.within.c(self.c, (self.rows - 1) * self.row + self.columns),
            "C leaves its tensor"
        );
    }
}

/// Rows of a [`reduce`] tile of so many columns: enough sums to keep two multiply-add units busy,
/// and fewer loads than multiply-adds.
pub(super) fn rows(columns: usize) -> usize {
    if isa() != Isa::Avx512 {
        return 6;
    }
    match columns.div_ceil(LANES) {
        4 => 6,
        3 => 8,
        _ => 12,
    }
}

/// Rows of an [`outer`] tile at most.
const MAX_OUTER_ROWS: usize = 16;

/// Rows of an [`outer`] tile of so many columns that keep multiply-add units busy.
pub(super) fn outer_rows(columns: usize) -> usize {
    if columns <= 2 * LANES && isa() == Isa::Avx512 {
        12
    } else {
        6
    }
}

/// Sixteen rows as tiles for [`outer`] over streams: (first row, rows).
pub(super) const SIXTEEN: [(usize, usize); 3] = [(0, 6), (6, 5), (11, 5)];

/// Computes one tile.
///
/// # Safety
/// The pointers cover what [`Reduce`] says: `a` readable for `depth` floats each, `b` for `depth`
/// rows of all strips, `c` readable and writable for `columns`, and no other thread writes to any
/// of it meanwhile. Debug builds check the ranges.
pub(super) unsafe fn reduce(g: &Reduce) {
    if cfg!(debug_assertions) {
        g.check();
    }
    // SAFETY: the caller's promise; each function runs only where its instruction set was found.
    unsafe {
        match isa() {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => match g.columns.div_ceil(LANES) {
                4 => x86::reduce512::<6, 4>(g),
                3 => x86::reduce512::<8, 3>(g),
                2 => x86::reduce512::<12, 2>(g),
                _ => x86::reduce512::<12, 1>(g),
            },
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => x86::reduce256(g),
            _ => portable::reduce(g),
        }
    }
}

/// Computes one tile.
///
/// # Safety
/// The pointers cover what [`Outer`] says, and no other thread writes to any of it meanwhile. Debug
/// builds check the ranges.
pub(super) unsafe fn outer(g: &Outer) {
    if cfg!(debug_assertions) {
        g.check();
    }
    // SAFETY: the caller's promise; each function runs only where its instruction set was found.
    unsafe {
        match isa() {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => {
                macro_rules! rows {
                    ($strips:literal, $($rows:literal)*) => {
                        match g.rows { $($rows => x86::outer512::<$rows, $strips>(g),)* _ => unreachable!() }
                    };
                }
                macro_rules! tall {
                    ($($rows:literal)*) => {
                        match g.rows { $($rows => x86::outer512_tall::<$rows>(g),)* _ => unreachable!() }
                    };
                }
                match g.columns.div_ceil(LANES) {
                    _ if g.rows > 8 => tall!(9 10 11 12 13 14 15 16),
                    4 => rows!(4, 1 2 3 4 5 6 7 8),
                    3 => rows!(3, 1 2 3 4 5 6 7 8),
                    2 => rows!(2, 1 2 3 4 5 6 7 8),
                    _ => rows!(1, 1 2 3 4 5 6 7 8),
                }
            }
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => match g.rows {
                1 => x86::outer256::<1>(g),
                2 => x86::outer256::<2>(g),
                3 => x86::outer256::<3>(g),
                4 => x86::outer256::<4>(g),
                5 => x86::outer256::<5>(g),
                _ => x86::outer256::<6>(g),
            },
            _ => portable::outer(g),
        }
    }
}
