//! Mean and covariance of features, in one pass over any number of them and in double precision.
use super::features::same_width;
use menagerie_data::error::{Error, Result};
use menagerie_kernels::matrix::{Matrix, Place, product};
use rayon::prelude::*;

/// Widest features whose covariance is taken (2 GB of it).
pub const WIDEST: usize = 16_384;

/// Rows that are multiplied at once.
const ROWS: usize = 1024;
/// Rows that a thread brings to the centre at once.
const PART: usize = 64;
/// Columns of a block of the covariance; blocks below the diagonal are not computed.
const COLUMNS: usize = 256;

/// Mean and covariance of features.
#[derive(Clone, Debug, PartialEq)]
pub struct Statistics {
    /// items that were seen; 0 where it is not known
    pub count: usize,
    /// mean, `[width]`
    pub mean: Vec<f64>,
    /// covariance `[width, width]`, with n - 1 in the denominator
    pub covariance: Vec<f64>,
}

/// Gathers [`Statistics`] from rows that come in pieces. Sums are around the mean of the first piece, so that features
/// far from zero lose no digits; their order depends on the pieces alone.
#[derive(Clone, Debug, Default)]
pub struct Moments {
    count: usize,
    shift: Vec<f64>,
    sum: Vec<f64>,
    /// blocks on and above the diagonal of the sum of outer products
    scatter: Vec<f64>,
}

impl Moments {
    /// Takes in rows `[n, width]`.
    ///
    /// # Errors
    /// [`Error::Usage`] when they are not as wide as those before, not whole, wider than [`WIDEST`], or not finite.
    pub fn add(&mut self, rows: &[f32], width: usize) -> Result<()> {
        if width == 0 || !rows.len().is_multiple_of(width) || width > WIDEST {
            let problem = format!(
                "{} numbers in rows of {width} features have no covariance",
                rows.len()
            );
            return Err(Error::usage(
                problem,
                format!("give whole rows of 1 to {WIDEST} features"),
            ));
        }
        if rows
            .par_chunks(1 << 16)
            .any(|part| part.iter().any(|v| !v.is_finite()))
            && let Some(at) = rows.iter().position(|v| !v.is_finite())
        {
            let problem = format!(
                "feature {} of item {} is {}",
                at % width,
                self.count + at / width,
                rows[at]
            );
            return Err(Error::usage(
                problem,
                "look for damaged items, or a model whose training diverged",
            ));
        }
        if rows.is_empty() {
            return Ok(());
        }
        if self.count == 0 {
            let n = (rows.len() / width) as f64;
            self.shift = vec![0.0; width];
            rows.chunks_exact(width)
                .for_each(|r| self.shift.iter_mut().zip(r).for_each(|(s, &v)| *s += v as f64));
            self.shift.iter_mut().for_each(|s| *s /= n);
            (self.sum, self.scatter) = (vec![0.0; width], vec![0.0; width * width]);
        }
        same_width(self.sum.len(), width)?;
        for piece in rows.chunks(ROWS * width) {
            let mut centred = vec![0.0; piece.len()];
            centred
                .par_chunks_mut(PART * width)
                .zip(piece.par_chunks(PART * width))
                .for_each(|(to, from)| {
                    for (to, from) in to.chunks_exact_mut(width).zip(from.chunks_exact(width)) {
                        to.iter_mut()
                            .zip(from)
                            .zip(&self.shift)
                            .for_each(|((t, &v), s)| *t = v as f64 - s);
                    }
                });
            let n = piece.len() / width;
            for row in centred.chunks_exact(width) {
                self.sum.iter_mut().zip(row).for_each(|(s, v)| *s += v);
            }
            // Every block of rows of the result is one thread's: the order of its sums is that of the pieces. The bridge hands
            // them out in order, the largest first.
            self.scatter
                .chunks_mut(COLUMNS * width)
                .enumerate()
                .par_bridge()
                .for_each(|(block, to)| {
                    let from = block * COLUMNS;
                    let left =
                        Matrix::part(&centred[from..], n, COLUMNS.min(width - from), width).transposed();
                    let right = Matrix::part(&centred[from..], n, width - from, width);
                    product(left, right, &mut to[from..], width, Place::Add, false);
                });
            self.count += n;
        }
        Ok(())
    }

    /// Takes in what another has seen.
    ///
    /// # Errors
    /// [`Error::Usage`] when the widths differ.
    pub fn merge(&mut self, other: &Moments) -> Result<()> {
        if other.count == 0 {
            return Ok(());
        }
        if self.count == 0 {
            *self = other.clone();
            return Ok(());
        }
        same_width(self.sum.len(), other.sum.len())?;
        // Around this shift instead of its own: sum (x - s)(x - s)' = sum (x - t)(x - t)' + e u' + u e' + n e e',
        // where e = t - s and u = sum (x - t).
        let (d, n) = (self.sum.len(), other.count as f64);
        let e: Vec<f64> = other.shift.iter().zip(&self.shift).map(|(t, s)| t - s).collect();
        for i in 0..d {
            for j in i / COLUMNS * COLUMNS..d {
                let moved = e[i] * other.sum[j] + other.sum[i] * e[j] + n * e[i] * e[j];
                self.scatter[i * d + j] += other.scatter[i * d + j] + moved;
            }
        }
        for i in 0..d {
            self.sum[i] += other.sum[i] + n * e[i];
        }
        self.count += other.count;
        Ok(())
    }

    /// Rows taken in.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The statistics of all rows.
    ///
    /// # Errors
    /// [`Error::Usage`] for fewer than two rows: they have no covariance.
    pub fn finish(&self) -> Result<Statistics> {
        if self.count < 2 {
            let has = if self.count == 0 {
                "no item"
            } else {
                "only one item"
            };
            return Err(Error::usage(
                format!("{has}: a covariance takes two at least"),
                "give more, thousands if you can",
            ));
        }
        let (n, d) = (self.count as f64, self.sum.len());
        let mean = self.sum.iter().zip(&self.shift).map(|(s, m)| m + s / n).collect();
        let mut covariance = vec![0.0; d * d];
        for i in 0..d {
            for j in i..d {
                let c = (self.scatter[i * d + j] - self.sum[i] * self.sum[j] / n) / (n - 1.0);
                (covariance[i * d + j], covariance[j * d + i]) = (c, c);
            }
        }
        Ok(Statistics {
            count: self.count,
            mean,
            covariance,
        })
    }
}

impl Statistics {
    /// Of all rows of some features.
    ///
    /// # Errors
    /// [`Error::Usage`] when they are wider than [`WIDEST`].
    pub fn of(features: &super::features::Features) -> Result<Statistics> {
        let mut m = Moments::default();
        m.add(features.values(), features.width())?;
        m.finish()
    }

    /// Statistics that were worked out elsewhere, such as the `mu` and `sigma` of pytorch-fid's files.
    ///
    /// # Errors
    /// [`Error::Usage`] when sizes do not fit, a number is not finite, or the covariance is not symmetric.
    pub fn from_parts(count: usize, mean: Vec<f64>, covariance: Vec<f64>) -> Result<Statistics> {
        let d = mean.len();
        let wrong = |problem: &str| {
            Err(Error::usage(
                format!("statistics of features: {problem}"),
                "make them again",
            ))
        };
        if d == 0 || d > WIDEST || covariance.len() != d * d {
            return wrong("mean and covariance do not fit each other");
        }
        if mean.iter().chain(&covariance).any(|v| !v.is_finite()) {
            return wrong("a number is not finite");
        }
        let largest = covariance.iter().fold(0f64, |m, v| m.max(v.abs()));
        if (0..d)
            .any(|i| (0..i).any(|j| (covariance[i * d + j] - covariance[j * d + i]).abs() > 1e-6 * largest))
        {
            return wrong("the covariance is not symmetric");
        }
        Ok(Statistics {
            count,
            mean,
            covariance,
        })
    }

    /// Features of an item.
    pub fn width(&self) -> usize {
        self.mean.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie_data::random::Key;

    fn rows(n: usize, d: usize, seed: u64) -> Vec<f32> {
        let mut draw = Key::new(seed).rng();
        // A large offset, at which sums of squares would lose all digits.
        (0..n * d).map(|_| 1e4 + draw.normal() as f32).collect()
    }

    fn close(a: &Statistics, b: &Statistics, tolerance: f64) {
        assert_eq!(a.count, b.count);
        a.mean
            .iter()
            .zip(&b.mean)
            .for_each(|(a, b)| assert!((a - b).abs() < tolerance * 10.0, "{a} {b}"));
        a.covariance
            .iter()
            .zip(&b.covariance)
            .for_each(|(a, b)| assert!((a - b).abs() < tolerance, "{a} {b}"));
    }

    #[test]
    fn pieces_and_merged_parts_are_the_two_pass_result() {
        // Wider than a block of columns.
        let (n, d) = (60, COLUMNS + 3);
        let x = rows(n, d, 3);
        let column = |i: usize| x.iter().skip(i).step_by(d).map(|&v| v as f64);
        let mean: Vec<f64> = (0..d).map(|i| column(i).sum::<f64>() / n as f64).collect();
        let c = |i, j| {
            column(i)
                .zip(column(j))
                .map(|(a, b)| (a - mean[i]) * (b - mean[j]))
                .sum::<f64>()
                / (n - 1) as f64
        };
        let truth = Statistics {
            count: n,
            covariance: (0..d * d).map(|k| c(k / d, k % d)).collect(),
            mean,
        };
        let mut whole = Moments::default();
        x.chunks(7 * d).for_each(|p| whole.add(p, d).unwrap());
        close(&whole.finish().unwrap(), &truth, 1e-10);
        let (mut a, mut b) = (Moments::default(), Moments::default());
        a.add(&x[..20 * d], d).unwrap();
        b.add(&x[20 * d..], d).unwrap();
        a.merge(&b).unwrap();
        a.merge(&Moments::default()).unwrap();
        close(&a.finish().unwrap(), &truth, 1e-10);
    }

    #[test]
    fn bad_rows_are_refused() {
        let mut m = Moments::default();
        assert!(m.finish().unwrap_err().to_string().contains("no item"));
        m.add(&[1.0, 2.0], 2).unwrap();
        assert!(m.finish().unwrap_err().to_string().contains("only one item"));
        assert!(
            m.add(&[1.0, 2.0, 3.0], 3)
                .unwrap_err()
                .to_string()
                .contains("2 features")
        );
        assert!(
            m.add(&[1.0, f32::INFINITY], 2)
                .unwrap_err()
                .to_string()
                .contains("feature 1 of item 1 is inf")
        );
        assert!(m.add(&[1.0; 3], 2).is_err());
        assert!(
            Statistics::from_parts(5, vec![0.0; 2], vec![1.0, 0.5, -0.5, 1.0])
                .unwrap_err()
                .to_string()
                .contains("not symmetric")
        );
        assert!(
            Statistics::from_parts(5, vec![0.0; 2], vec![1.0; 3])
                .unwrap_err()
                .to_string()
                .contains("do not fit")
        );
    }
}
