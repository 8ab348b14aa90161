//! Features of a stream of images, gathered in one pass and in bounded memory.
use super::extractor::Extractor;
use crate::data::{Batch, DataInfo};
use crate::error::{Error, Result};
use rayon::prelude::*;

/// Feature vectors that are kept, for metrics of pairs; statistics are over all.
pub const KEPT: usize = 10_000;

/// Mean and covariance in one pass, in double precision, around the first rows' mean.
#[derive(Clone, Debug, Default)]
pub struct Moments {
    count: usize,
    shift: Vec<f64>,
    sum: Vec<f64>,
    /// upper triangle of the sum of outer products
    scatter: Vec<f64>,
}

impl Moments {
    /// Takes in rows `[n, width]`.
    pub fn add(&mut self, rows: &[f32], width: usize) {
        if self.count == 0 {
            let n = (rows.len() / width).max(1) as f64;
            self.shift = (0..width).map(|j| rows.iter().skip(j).step_by(width).map(|&v| v as f64).sum::<f64>() / n).collect();
            (self.sum, self.scatter) = (vec![0.0; width], vec![0.0; width * width]);
        }
        let centred: Vec<f64> = rows.chunks_exact(width).flat_map(|r| r.iter().zip(&self.shift).map(|(&v, s)| v as f64 - s)).collect();
        for row in centred.chunks_exact(width) {
            self.sum.iter_mut().zip(row).for_each(|(s, v)| *s += v);
        }
        // Each thread has rows of the result of its own: the order of every sum is that of the data.
        self.scatter.par_chunks_exact_mut(width).enumerate().for_each(|(i, to)| {
            for row in centred.chunks_exact(width) {
                let v = row[i];
                to[i..].iter_mut().zip(&row[i..]).for_each(|(t, x)| *t += v * x);
            }
        });
        self.count += rows.len() / width;
    }

    /// Rows taken in.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The mean, and the covariance `[width, width]` with n - 1 in the denominator.
    pub fn finish(&self) -> (Vec<f64>, Vec<f64>) {
        let (n, d) = (self.count as f64, self.sum.len());
        let mean: Vec<f64> = self.sum.iter().zip(&self.shift).map(|(s, m)| m + s / n).collect();
        let mut covariance = vec![0.0; d * d];
        for i in 0..d {
            for j in i..d {
                let c = (self.scatter[i * d + j] - self.sum[i] * self.sum[j] / n) / (n - 1.0);
                (covariance[i * d + j], covariance[j * d + i]) = (c, c);
            }
        }
        (mean, covariance)
    }
}

/// Statistics of features, and some of the features themselves.
#[derive(Clone, Debug, Default)]
pub struct Gathered {
    /// images seen
    pub count: usize,
    /// features of an image
    pub width: usize,
    /// mean of the features
    pub mean: Vec<f64>,
    /// their covariance `[width, width]`
    pub covariance: Vec<f64>,
    /// the features of the first images, [`KEPT`] at most; none where statistics were imported
    pub features: Vec<f32>,
    /// logarithms of class probabilities of the same images, where the extractor classifies
    pub log_probabilities: Vec<f32>,
    /// classes of the extractor
    pub classes: usize,
}

/// Gathers while batches come.
pub struct Gatherer<'a> {
    extractor: &'a Extractor,
    moments: Moments,
    out: Gathered,
}

impl<'a> Gatherer<'a> {
    /// With nothing gathered yet.
    ///
    /// # Errors
    /// [`Error::Usage`] when the extractor does not take images of that description.
    pub fn new(extractor: &'a Extractor, info: &DataInfo) -> Result<Self> {
        extractor.takes(&info.shape)?;
        Ok(Gatherer { extractor, moments: Moments::default(), out: Gathered::default() })
    }

    /// Takes in a batch.
    ///
    /// # Errors
    /// Those of the extractor.
    pub fn add(&mut self, batch: &Batch) -> Result<()> {
        let found = self.extractor.extract(batch)?;
        if found.width > 16_384 {
            let problem = format!("{} features of an image are too many for their covariance", found.width);
            return Err(Error::usage(problem, "make the images smaller with --size, or choose another --extractor"));
        }
        self.moments.add(&found.features, found.width);
        let room = KEPT.saturating_sub(self.out.features.len() / found.width);
        let keep = room.min(batch.shape[0]);
        self.out.features.extend(&found.features[..keep * found.width]);
        if found.classes > 0 {
            self.out.log_probabilities.extend(&found.log_probabilities[..keep * found.classes]);
        }
        (self.out.width, self.out.classes) = (found.width, found.classes);
        Ok(())
    }

    /// What was gathered.
    ///
    /// # Errors
    /// [`Error::Usage`] for fewer than two images: they have no covariance.
    pub fn finish(mut self, what: &str) -> Result<Gathered> {
        self.out.count = self.moments.count();
        if self.out.count < 2 {
            let problem =
                format!("{} of {what}: a covariance takes two at least", if self.out.count == 0 { "no image" } else { "one image" });
            return Err(Error::usage(problem, "give more, thousands if you can"));
        }
        (self.out.mean, self.out.covariance) = self.moments.finish();
        Ok(self.out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Key;

    #[test]
    fn moments_in_parts_are_those_of_the_whole() {
        let (n, d) = (100, 5);
        let mut draw = Key::new(3).rng();
        // A large offset, at which sums of squares would lose all digits.
        let rows: Vec<f32> = (0..n * d).map(|_| 1e4 + draw.normal() as f32).collect();
        let mut m = Moments::default();
        rows.chunks(7 * d).for_each(|c| m.add(c, d));
        let (mean, covariance) = m.finish();
        for i in 0..d {
            let column = |i: usize| rows.iter().skip(i).step_by(d).map(|&v| v as f64);
            let mi = column(i).sum::<f64>() / n as f64;
            assert!((mean[i] - mi).abs() < 1e-9);
            for j in 0..d {
                let mj = column(j).sum::<f64>() / n as f64;
                let c = column(i).zip(column(j)).map(|(a, b)| (a - mi) * (b - mj)).sum::<f64>() / (n - 1) as f64;
                assert!((covariance[i * d + j] - c).abs() < 1e-9, "{i} {j}");
            }
        }
    }
}
