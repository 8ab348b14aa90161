//! Frechet distance of features (FID): Heusel et al. 2017, arXiv:1706.08500, equation 6.
//!
//! The squared 2-Wasserstein distance of two Gaussians with the features' means and covariances,
//!
//! |m1 - m2|^2 + Tr(S1 + S2 - 2 (S1 S2)^{1/2}).
//!
//! Unit: squared feature units. Less is better; 0 for equal statistics. It depends on the extractor (with its resize), on
//! the reference data and on both counts: it is biased upwards for few samples ([`extrapolated`] takes the bias away).
//!
//! The root is never that of an unsymmetric matrix, so it cannot be complex: with S1 = B B', the eigenvalues of S1 S2
//! are those of the symmetric semi-definite B' S2 B (and zeros), and Tr (S1 S2)^{1/2} is the sum of their roots.
use super::features::same_width;
use super::features::{Features, Figure};
use super::moments::{Moments, Statistics};
use super::symmetric::{Factor, eigenvalues, factor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_kernels::matrix::{Matrix, Place, product};
use rayon::prelude::*;

/// The distance of two sets' statistics; a warning where one has fewer items than features.
///
/// # Errors
/// [`Error::Usage`] when the widths differ.
pub fn fid(a: &Statistics, b: &Statistics) -> Result<Figure> {
    same_width(a.width(), b.width())?;
    Ok(Figure {
        value: distance(a, b),
        error: None,
        warning: few(smaller(a.count, b.count), a.width()),
    })
}

/// The smaller of two counts, of which 0 means that it is not known.
fn smaller(a: usize, b: usize) -> usize {
    if a == 0 || (b > 0 && b < a) { b } else { a }
}

fn few(count: usize, width: usize) -> Option<String> {
    (count > 0 && count <= width)
        .then(|| format!("{count} items are too few for the covariance of {width} features: the figure is far too high or low"))
}

fn distance(a: &Statistics, b: &Statistics) -> f64 {
    let d = a.width();
    let apart: f64 = a.mean.iter().zip(&b.mean).map(|(x, y)| (x - y) * (x - y)).sum();
    let trace = |s: &Statistics| (0..d).map(|i| s.covariance[i * d + i]).sum::<f64>();
    // Rounding may leave a little less than nothing.
    (apart + trace(a) + trace(b) - 2.0 * root_trace(a, b)).max(0.0)
}

/// Rows of a product that are one thread's.
const BAND: usize = 128;

/// Tr (S1 S2)^{1/2}
fn root_trace(a: &Statistics, b: &Statistics) -> f64 {
    let d = a.width();
    let Factor {
        values: root,
        rank,
        triangular,
    } = factor(&a.covariance, d);
    // First rows of a column of the factor are zero, if it is triangular.
    let zeros = |column: usize| if triangular { column } else { 0 };
    let mut right = vec![0.0; d * rank];
    if rank == 0 {
        return 0.0;
    }
    right
        .par_chunks_mut(BAND * rank)
        .enumerate()
        .for_each(|(band, rows)| {
            let (high, from) = (rows.len() / rank, band * BAND);
            for column in (0..rank).step_by(2 * BAND) {
                let (wide, skip) = ((2 * BAND).min(rank - column), zeros(column));
                let left = Matrix::part(&b.covariance[from * d + skip..], high, d - skip, d);
                let right = Matrix::part(&root[skip * rank + column..], d - skip, wide, rank);
                product(left, right, &mut rows[column..], rank, Place::Set, false);
            }
        });
    // B' S2 B is symmetric: its lower triangle is enough.
    let mut both = vec![0.0; rank * rank];
    both.chunks_mut(BAND * rank)
        .enumerate()
        .par_bridge()
        .for_each(|(band, rows)| {
            let (high, from) = (rows.len() / rank, band * BAND);
            let skip = zeros(from);
            let left = Matrix::part(&root[skip * rank + from..], d - skip, high, rank).transposed();
            let right = Matrix::part(&right[skip * rank..], d - skip, from + high, rank);
            product(left, right, rows, rank, Place::Set, false);
        });
    eigenvalues(both, rank).iter().map(|v| v.max(0.0).sqrt()).sum()
}

/// FID-infinity (Chong & Forsyth 2020, arXiv:1911.07023): the distance is linear in 1/n for large n, so a line through
/// its values at `points` sizes from `least` to all samples, drawn anew for each, is read at 1/n = 0. The error is that
/// of the line's end by the residuals.
///
/// # Errors
/// [`Error::Usage`] when the widths differ, `points` are fewer than three, or `least` leaves no room below the count.
pub fn extrapolated(
    samples: &Features,
    reference: &Statistics,
    points: usize,
    least: usize,
    key: Key,
) -> Result<Figure> {
    let n = samples.count();
    same_width(samples.width(), reference.width())?;
    if points < 3 || least < 2 || least >= n {
        let problem = format!("no line through {points} sizes from {least} to {n} samples");
        return Err(Error::usage(
            problem,
            "give more samples (the paper: 15 sizes from 5,000 to 50,000)",
        ));
    }
    let mut line = Vec::new();
    for k in 0..points {
        let size = least + (n - least) * k / (points - 1);
        let mut chosen = key.step(k as u64).permutation(n);
        chosen.truncate(size);
        chosen.sort_unstable();
        let mut m = Moments::default();
        for part in chosen.chunks(1024) {
            let rows: Vec<f32> = part
                .iter()
                .flat_map(|&i| samples.row(i as usize))
                .copied()
                .collect();
            m.add(&rows, samples.width())?;
        }
        line.push((1.0 / size as f64, distance(&m.finish()?, reference)));
    }
    let (value, error) = intercept(&line);
    Ok(Figure {
        value,
        error: Some(error),
        warning: few(least, samples.width()),
    })
}

/// Where the least-squares line meets x = 0, and its standard error.
fn intercept(line: &[(f64, f64)]) -> (f64, f64) {
    let n = line.len() as f64;
    let mean = |f: &dyn Fn(&(f64, f64)) -> f64| line.iter().map(f).sum::<f64>() / n;
    let (x, y) = (mean(&|p| p.0), mean(&|p| p.1));
    let sxx = line.iter().map(|p| (p.0 - x).powi(2)).sum::<f64>();
    let slope = line.iter().map(|p| (p.0 - x) * (p.1 - y)).sum::<f64>() / sxx;
    let rest = line
        .iter()
        .map(|p| (p.1 - y - slope * (p.0 - x)).powi(2))
        .sum::<f64>()
        / (n - 2.0);
    (y - slope * x, (rest * (1.0 / n + x * x / sxx)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(n: usize, d: usize, seed: u64) -> Vec<f32> {
        let mut draw = Key::new(seed).rng();
        (0..n)
            .flat_map(|_| {
                (0..d)
                    .map(|j| (draw.normal() * (1.0 + j as f64 * 0.1)) as f32 + j as f32)
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    fn statistics(rows: &[f32], d: usize) -> Statistics {
        Statistics::of(&Features::new(rows, d, "rows").unwrap()).unwrap()
    }

    #[test]
    fn zero_to_itself_symmetric_and_the_same_after_a_rotation() {
        // As many items as features and fewer are within its reach, too.
        for (n, d) in [(500, 20), (20, 20), (12, 40)] {
            let (x, y) = (
                normal(n, d, 1),
                normal(n, d, 2).iter().map(|v| v * 1.2 + 0.1).collect::<Vec<_>>(),
            );
            let (a, b) = (statistics(&x, d), statistics(&y, d));
            let size = a.covariance.iter().step_by(d + 1).sum::<f64>();
            assert!(distance(&a, &a) < 1e-6 * size, "{n} {d}: {}", distance(&a, &a));
            let there = distance(&a, &b);
            assert!(
                there > 0.1 && (there - distance(&b, &a)).abs() < 1e-6 * there,
                "{n} {d}"
            );
            // Reflected at a plane: I - u u' with |u|^2 = 2.
            let u: Vec<f64> = (0..d).map(|j| ((j * j) % 7) as f64 - 2.5).collect();
            let length = u.iter().map(|v| v * v).sum::<f64>();
            let turn = |rows: &[f32]| -> Vec<f32> {
                let turned = |r: &[f32]| {
                    let ur = r.iter().zip(&u).map(|(&r, u)| r as f64 * u).sum::<f64>() * 2.0 / length;
                    r.iter()
                        .zip(&u)
                        .map(|(&r, u)| (r as f64 - u * ur) as f32)
                        .collect::<Vec<_>>()
                };
                rows.chunks_exact(d).flat_map(turned).collect()
            };
            let turned = distance(&statistics(&turn(&x), d), &statistics(&turn(&y), d));
            assert!((turned - there).abs() < 1e-5 * there, "{n} {d}: {turned} {there}");
        }
    }

    #[test]
    fn gaussians_of_commuting_covariances_have_a_closed_form() {
        // Diagonal ones: |m|^2 + sum (s1 - s2)^2.
        let (d, mut a, mut b) = (7, vec![0.0; 49], vec![0.0; 49]);
        let mut want = 0.0;
        let mean: Vec<f64> = (0..d).map(|i| i as f64 * 0.3).collect();
        for i in 0..d {
            let (s, t) = (1.0 + i as f64, if i == 3 { 0.0 } else { 2.5 });
            (a[i * d + i], b[i * d + i]) = (s * s, t * t);
            want += (s - t) * (s - t) + mean[i] * mean[i];
        }
        let (a, b) = (
            Statistics::from_parts(0, vec![0.0; d], a).unwrap(),
            Statistics::from_parts(0, mean, b).unwrap(),
        );
        for (x, y) in [(&a, &b), (&b, &a)] {
            let f = fid(x, y).unwrap();
            assert!(
                (f.value - want).abs() < 1e-10 * want && f.warning.is_none(),
                "{f:?} {want}"
            );
        }
        // Of the plane and not commuting: Tr (S1 S2)^{1/2} = (Tr(S1 S2) + 2 (det S1 S2)^{1/2})^{1/2}.
        let (s, t) = ([2.0, 0.7, 0.7, 1.0], [1.0, -0.4, -0.4, 3.0]);
        let trace = s[0] * t[0] + 2.0 * s[1] * t[1] + s[3] * t[3];
        let det = (s[0] * s[3] - s[1] * s[1]) * (t[0] * t[3] - t[1] * t[1]);
        let want = 2.0 + 1.0 + 1.0 + 3.0 - 2.0 * (trace + 2.0 * f64::sqrt(det)).sqrt();
        let of = |c: [f64; 4]| Statistics::from_parts(9, vec![0.0; 2], c.to_vec()).unwrap();
        assert!((fid(&of(s), &of(t)).unwrap().value - want).abs() < 1e-12);
    }

    #[test]
    fn few_items_are_warned_of_and_widths_must_fit() {
        let (a, b) = (statistics(&normal(5, 8, 1), 8), statistics(&normal(50, 8, 2), 8));
        assert!(
            fid(&a, &b)
                .unwrap()
                .warning
                .unwrap()
                .contains("5 items are too few")
        );
        assert!(fid(&b, &b).unwrap().warning.is_none());
        let c = statistics(&normal(50, 7, 2), 7);
        assert!(
            fid(&b, &c)
                .unwrap_err()
                .to_string()
                .contains("8 features an item on one side, 7 on the other")
        );
    }

    #[test]
    fn extrapolation_takes_the_bias_of_few_samples_away() {
        let d = 16;
        let truth = statistics(&normal(40_000, d, 1), d);
        let x = normal(1500, d, 2);
        let x = Features::new(&x, d, "samples").unwrap();
        let plain = fid(&Statistics::of(&x).unwrap(), &truth).unwrap().value;
        let f = extrapolated(&x, &truth, 12, 200, Key::new(3)).unwrap();
        assert!(
            f.value.abs() < 0.5 * plain && f.error.unwrap() > 0.0,
            "{f:?} {plain}"
        );
        assert_eq!(f, extrapolated(&x, &truth, 12, 200, Key::new(3)).unwrap());
        assert!(extrapolated(&x, &truth, 12, 1500, Key::new(3)).is_err());
        let (value, error) = intercept(&[(0.1, 2.0), (0.2, 3.0), (0.4, 5.0)]);
        assert!((value - 1.0).abs() < 1e-12 && error < 1e-12);
    }
}
