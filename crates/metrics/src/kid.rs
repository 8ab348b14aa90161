//! Kernel distance of features (KID): Binkowski et al. 2018, arXiv:1801.01401, section 4.
//!
//! The squared maximum mean discrepancy with the kernel k(x, y) = (x.y / d + 1)^3, by its unbiased estimator over subsets
//! of m items a side (their Gretton's MMD_u^2), averaged over subsets, as torch-fidelity has it:
//!
//! sum_{i != j} k(x_i, x_j) / (m (m - 1)) + the same of y - 2 sum_{i, j} k(x_i, y_j) / m^2.
//!
//! No unit. Less is better; around 0, also below it, for samples of the data's distribution. It depends on the extractor,
//! the reference, the subsets' number and size (only through its error), but has no bias for few samples.
//!
//! A random order cuts each side into blocks of m, and a subset is a block of either side, every pair in its turn: each
//! is a uniform subset, as in torch-fidelity, but a block's own kernel sums are computed once for all its partners.
use super::features::{Features, Figure};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_kernels::matrix::{Matrix, Place, product};
use rayon::prelude::*;
use std::ops::Range;

/// Subsets, as torch-fidelity has them.
pub const SUBSETS: usize = 100;
/// Items of a subset and side, as torch-fidelity has them.
pub const SUBSET_SIZE: usize = 1000;

/// Rows of kernel values that are computed at once: as many as make it pay to bring the operands into order.
const TILE: usize = 1024;
/// Items whose pairs among themselves are computed both ways.
const STRIP: usize = 256;
/// Features of all of a block's items that are copied at once.
const STRIPE: usize = 16;

/// The distance, and the deviation of subsets.
#[derive(Clone, Debug, PartialEq)]
pub struct Kid {
    /// the mean over the subsets, with its standard error where a side has several blocks
    pub figure: Figure,
    /// standard deviation over the subsets, which other programs print
    pub deviation: f64,
    /// subsets
    pub subsets: usize,
    /// items of a subset and side
    pub subset_size: usize,
}

/// The distance over `subsets` of `size` items a side, or of as many as there are.
///
/// # Errors
/// [`Error::Usage`] when the widths differ, or there are no subsets of two items at least.
pub fn kid(a: &Features, b: &Features, subsets: usize, size: usize, key: Key) -> Result<Kid> {
    a.fits(b)?;
    if subsets == 0 || size < 2 {
        return Err(Error::usage(
            format!("no kernel distance from {subsets} subsets of {size}"),
            "the usual is 100 subsets of 1000",
        ));
    }
    let m = size.min(a.count()).min(b.count());
    let warning = (m < size).then(|| format!("only {m} items on one side: subsets of {m}, not of {size}"));
    let (mut values, mut variances) = (Vec::new(), Vec::new());
    // A side with as many items as a subset has but one block, and other orders of it give nothing new.
    let (wide, high) = (a.count() / m, b.count() / m);
    let whole = m == a.count() && m == b.count();
    let mut round = 0;
    while values.len() < subsets && !(whole && round > 0) {
        let left = subsets - values.len();
        let edge = (left as f64).sqrt().ceil() as usize;
        let columns = high.min(edge.max(left.div_ceil(wide)));
        let rows = wide.min(left.div_ceil(columns));
        let key = key.step(round);
        let x = blocks(a, m, rows, key.stream("samples"));
        let y = blocks(b, m, columns, key.stream("data"));
        let grid = grid(&x, &y);
        variances.extend(variance(&grid, columns));
        values.extend(grid.into_iter().take(left));
        round += 1;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let deviation = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
    let error =
        (!variances.is_empty()).then(|| (variances.iter().sum::<f64>() / variances.len() as f64).sqrt());
    Ok(Kid {
        figure: Figure {
            value: mean,
            error,
            warning,
        },
        deviation,
        subsets: values.len(),
        subset_size: m,
    })
}

/// Some items, a column each: the layout that products read best.
struct Block {
    /// `[d, m]`
    values: Vec<f32>,
    m: usize,
    d: usize,
    /// squared lengths
    lengths: Vec<f64>,
}

impl Block {
    fn of(x: &Features, items: &[u32]) -> Block {
        let (m, d) = (items.len(), x.width());
        let mut values = vec![0f32; d * m];
        // Stripes of some features at a time stay in the cache.
        for (stripe, out) in values.chunks_mut(STRIPE * m).enumerate() {
            let from = stripe * STRIPE;
            for (j, &i) in items.iter().enumerate() {
                let row = &x.row(i as usize)[from..d.min(from + STRIPE)];
                row.iter().enumerate().for_each(|(k, &v)| out[k * m + j] = v);
            }
        }
        let lengths = items
            .iter()
            .map(|&i| x.row(i as usize).iter().map(|&v| v as f64 * v as f64).sum())
            .collect();
        Block {
            values,
            m,
            d,
            lengths,
        }
    }

    /// A range of its items.
    fn part(&self, items: Range<usize>) -> Matrix<'_> {
        Matrix::part(&self.values[items.start..], self.d, items.len(), self.m)
    }
}

/// The first blocks of a random order.
fn blocks(x: &Features, m: usize, count: usize, key: Key) -> Vec<Block> {
    let order = if x.count() == m {
        (0..m as u32).collect()
    } else {
        key.permutation(x.count())
    };
    let chosen: Vec<&[u32]> = order.chunks_exact(m).take(count).collect();
    chosen.into_par_iter().map(|items| Block::of(x, items)).collect()
}

/// The estimate of every pair of blocks.
fn grid(x: &[Block], y: &[Block]) -> Vec<f64> {
    let inner = |b: &Block| within(b) / (b.m as f64 * (b.m as f64 - 1.0));
    let (xx, yy): (Vec<f64>, Vec<f64>) = (
        x.par_iter().map(inner).collect(),
        y.par_iter().map(inner).collect(),
    );
    let pair = |tile: &mut Vec<f32>, k: usize| {
        let (i, j) = (k / y.len(), k % y.len());
        let (a, b) = (&x[i], &y[j]);
        xx[i] + yy[j] - 2.0 * between(a, 0..a.m, b, 0..b.m, tile) / (a.m as f64 * b.m as f64)
    };
    (0..x.len() * y.len())
        .into_par_iter()
        .map_init(Vec::new, pair)
        .collect()
}

/// The variance of a grid's mean: the blocks of either side are independent, the pairs they form are not.
fn variance(grid: &[f64], columns: usize) -> Option<f64> {
    let rows = grid.len() / columns;
    let mean = |v: Vec<f64>| v.iter().sum::<f64>() / v.len() as f64;
    let by_row: Vec<f64> = grid.chunks_exact(columns).map(|r| mean(r.to_vec())).collect();
    let by_column: Vec<f64> = (0..columns)
        .map(|j| mean(grid.iter().skip(j).step_by(columns).copied().collect()))
        .collect();
    let squared = |v: &[f64]| Figure::mean(v).error.map(|e| e * e);
    match (squared(&by_row), squared(&by_column)) {
        (Some(a), Some(b)) if rows > 1 => Some(a + b),
        (a, b) => a.or(b),
    }
}

/// Sum of kernel values of all ordered pairs of different items.
fn within(x: &Block) -> f64 {
    let (mut sum, mut tile) = (0.0, Vec::new());
    for from in (0..x.m).step_by(STRIP) {
        let to = (from + STRIP).min(x.m);
        let own: f64 = x.lengths[from..to].iter().map(|&l| kernel(l, x.d)).sum();
        sum += between(x, from..to, x, from..to, &mut tile) - own
            + 2.0 * between(x, from..to, x, to..x.m, &mut tile);
    }
    sum
}

/// Sum of kernel values of some items of x with some of y.
fn between(x: &Block, rows: Range<usize>, y: &Block, columns: Range<usize>, tile: &mut Vec<f32>) -> f64 {
    let (mut sum, m) = (0.0, columns.len());
    if m == 0 {
        return sum;
    }
    let by = 1.0 / x.d as f64;
    for from in rows.clone().step_by(TILE) {
        let rows = from..(from + TILE).min(rows.end);
        tile.resize(rows.len() * m, 0.0);
        product(
            x.part(rows).transposed(),
            y.part(columns.clone()),
            tile,
            m,
            Place::Set,
            false,
        );
        for row in tile.chunks_exact(m) {
            let ((eights, rest), mut sums) = (row.as_chunks::<8>(), [0.0; 8]);
            for eight in eights {
                (0..8).for_each(|k| {
                    let t = eight[k] as f64 * by + 1.0;
                    sums[k] += t * t * t;
                });
            }
            sum += sums.iter().sum::<f64>() + rest.iter().map(|&v| kernel(v as f64, x.d)).sum::<f64>();
        }
    }
    sum
}

fn kernel(product: f64, d: usize) -> f64 {
    (product / d as f64 + 1.0).powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(n: usize, d: usize, shift: f64, seed: u64) -> Vec<f32> {
        let mut draw = Key::new(seed).rng();
        (0..n * d).map(|_| (draw.normal() + shift) as f32).collect()
    }

    /// The estimator by two loops.
    fn naive(x: &[f32], y: &[f32], d: usize) -> f64 {
        let (x, y): (Vec<&[f32]>, Vec<&[f32]>) = (x.chunks_exact(d).collect(), y.chunks_exact(d).collect());
        let k = |a: &[f32], b: &[f32]| {
            (a.iter().zip(b).map(|(a, b)| *a as f64 * *b as f64).sum::<f64>() / d as f64 + 1.0).powi(3)
        };
        let m = x.len();
        let mut sum = 0.0;
        for i in 0..m {
            for j in 0..m {
                let off = if i == j {
                    0.0
                } else {
                    (k(x[i], x[j]) + k(y[i], y[j])) / (m * (m - 1)) as f64
                };
                sum += off - 2.0 * k(x[i], y[j]) / (m * m) as f64;
            }
        }
        sum
    }

    #[test]
    fn the_whole_as_one_subset_is_the_sum_by_hand() {
        for (n, d) in [(2, 3), (300, 7)] {
            let (x, y) = (normal(n, d, 0.0, 1), normal(n, d, 0.3, 2));
            let (a, b) = (
                Features::new(&x, d, "x").unwrap(),
                Features::new(&y, d, "y").unwrap(),
            );
            let k = kid(&a, &b, 100, n, Key::new(0)).unwrap();
            let want = naive(&x, &y, d);
            assert!((k.figure.value - want).abs() < 1e-6 * want.abs(), "{k:?} {want}");
            assert_eq!((k.subsets, k.figure.error), (1, None));
        }
    }

    #[test]
    fn unbiased_and_its_error_is_that_of_repeated_draws() {
        let d = 4;
        let draws: Vec<Kid> = (0..30)
            .map(|s| {
                let (x, y) = (normal(300, d, 0.0, 2 * s + 10), normal(300, d, 0.0, 2 * s + 11));
                kid(
                    &Features::new(&x, d, "x").unwrap(),
                    &Features::new(&y, d, "y").unwrap(),
                    36,
                    50,
                    Key::new(s),
                )
                .unwrap()
            })
            .collect();
        assert!(draws.iter().all(|k| k.subsets == 36 && k.deviation > 0.0));
        let all = Figure::mean(&draws.iter().map(|k| k.figure.value).collect::<Vec<_>>());
        let error = all.error.unwrap();
        assert!(all.value.abs() < 3.0 * error, "{all:?}");
        let said = draws.iter().map(|k| k.figure.error.unwrap()).sum::<f64>() / 30.0;
        let seen = error * 30f64.sqrt();
        assert!((0.6..1.9).contains(&(said / seen)), "{said} {seen}");
    }

    #[test]
    fn few_items_are_warned_of_and_nonsense_refused() {
        let (x, y) = (normal(50, 3, 0.0, 1), normal(80, 3, 0.0, 2));
        let (a, b) = (
            Features::new(&x, 3, "x").unwrap(),
            Features::new(&y, 3, "y").unwrap(),
        );
        let k = kid(&a, &b, 10, 1000, Key::new(0)).unwrap();
        assert!(k.figure.warning.unwrap().contains("subsets of 50") && k.subsets == 10);
        assert!(kid(&a, &b, 10, 1, Key::new(0)).is_err() && kid(&a, &b, 0, 10, Key::new(0)).is_err());
        assert!(kid(&a, &Features::new(&y, 4, "y").unwrap(), 1, 10, Key::new(0)).is_err());
    }
}
