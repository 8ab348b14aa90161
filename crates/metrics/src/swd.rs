//! Sliced Wasserstein distance (SWD): Rabin et al. 2011, Wasserstein Barycenter and its Application to Texture Mixing;
//! Bonneel et al. 2015, equation 8.
//!
//! SW_2(X, Y) = (mean over directions u of W_2(u.X, u.Y)^2)^{1/2}, u uniform on the unit sphere.
//!
//! On a line the optimal transport keeps the order, so that W_2^2 is the integral of the squared difference of the two
//! quantile functions; that integral is exact here, for unequal numbers, too. Unit: that of the features. Less is better.
//! It depends on the extractor, the reference, on both counts (it is biased upwards for few) and, through its error, on
//! the directions: [`PROJECTIONS`] of them, the same in every evaluation. Karras et al. 2018 (arXiv:1710.10196) take it
//! over patches of a Laplacian pyramid; here it is taken over the features of whole images.
use super::features::{Features, Figure};
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use menagerie_kernels::matrix::{Matrix, Place, product};
use rayon::prelude::*;

/// Directions.
pub const PROJECTIONS: usize = 256;
/// Seed of the directions.
pub const SEED: u64 = 0;

/// Rows that are projected at once.
const ROWS: usize = 1024;

/// The distance over so many directions, and its standard error by their spread.
///
/// # Errors
/// [`menagerie_data::Error::Usage`] when the widths differ.
pub fn swd(a: &Features, b: &Features, projections: usize, key: Key) -> Result<Figure> {
    a.fits(b)?;
    let d = b.width();
    let directions: Vec<f32> = (0..projections as u64)
        .into_par_iter()
        .flat_map_iter(|p| {
            let mut draw = key.step(p).rng();
            let u: Vec<f64> = (0..d).map(|_| draw.normal()).collect();
            let length = u.iter().map(|v| v * v).sum::<f64>().sqrt();
            u.into_iter().map(move |v| (v / length) as f32)
        })
        .collect();
    // Around the reference's mean, so that features far from zero lose no digits.
    let mut centre = vec![0f64; d];
    (0..b.count()).for_each(|i| {
        centre
            .iter_mut()
            .zip(b.row(i))
            .for_each(|(c, &v)| *c += v as f64 / b.count() as f64)
    });
    let (x, y) = (
        project(a, &centre, &directions, projections),
        project(b, &centre, &directions, projections),
    );
    let squares: Vec<f64> = x
        .into_par_iter()
        .zip(y)
        .map(|(mut x, mut y)| squared_distance(&mut x, &mut y))
        .collect();
    let mean = Figure::mean(&squares);
    let value = mean.value.sqrt();
    // By the derivative of the root.
    let error = mean.error.filter(|_| value > 0.0).map(|e| e / (2.0 * value));
    Ok(Figure {
        value,
        error,
        warning: None,
    })
}

/// Every row on every direction: a list of numbers a direction.
fn project(x: &Features, centre: &[f64], directions: &[f32], projections: usize) -> Vec<Vec<f32>> {
    let d = x.width();
    let mut out = vec![Vec::with_capacity(x.count()); projections];
    for rows in x.values().chunks(ROWS * d) {
        let n = rows.len() / d;
        let centred: Vec<f32> = rows
            .chunks_exact(d)
            .flat_map(|r| r.iter().zip(centre).map(|(&v, c)| (v as f64 - c) as f32))
            .collect();
        let mut found = vec![0f32; projections * n];
        let directions = Matrix::new(directions, projections, d);
        product(
            directions,
            Matrix::new(&centred, n, d).transposed(),
            &mut found,
            n,
            Place::Set,
            true,
        );
        out.iter_mut()
            .zip(found.chunks_exact(n))
            .for_each(|(to, from)| to.extend_from_slice(from));
    }
    out
}

/// W_2^2 of numbers on a line, each of equal weight; sorts them.
pub fn squared_distance(x: &mut [f32], y: &mut [f32]) -> f64 {
    x.sort_unstable_by(f32::total_cmp);
    y.sort_unstable_by(f32::total_cmp);
    // Positions in units of 1 / (n m): an x covers m of them, a y covers n.
    let (n, m) = (x.len() as u64, y.len() as u64);
    let (mut at, mut sum) = (0, 0.0);
    while at < n * m {
        let (i, j) = (at / m, at / n);
        let end = ((i + 1) * m).min((j + 1) * n);
        sum += (x[i as usize] as f64 - y[j as usize] as f64).powi(2) * (end - at) as f64;
        at = end;
    }
    sum / (n * m) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(n: usize, d: usize, seed: u64) -> Vec<f32> {
        let mut draw = Key::new(seed).rng();
        (0..n * d).map(|_| draw.normal() as f32).collect()
    }

    #[test]
    fn on_a_line_by_hand() {
        assert_eq!(
            squared_distance(&mut [3.0, 1.0], &mut [2.0, 5.0]),
            (1.0 + 4.0) / 2.0
        );
        // Quantile functions (0, 6) and (1, 2, 3): steps of 1/3, 1/6, 1/6, 1/3.
        let want = 1.0 / 3.0 + 4.0 / 6.0 + 16.0 / 6.0 + 9.0 / 3.0;
        assert!((squared_distance(&mut [6.0, 0.0], &mut [3.0, 2.0, 1.0]) - want).abs() < 1e-12);
    }

    #[test]
    fn a_shift_is_its_length_over_the_root_of_the_dimensions() {
        let (n, d) = (500, 12);
        let x = normal(n, d, 1);
        // E (u.s)^2 = |s|^2 / d for a fixed s; the offset of both sets says nothing.
        let y: Vec<f32> = x
            .iter()
            .enumerate()
            .map(|(i, v)| v + 100.0 + if i % d == 2 { 3.0 } else { 0.0 })
            .collect();
        let x: Vec<f32> = x.iter().map(|v| v + 100.0).collect();
        let (a, b) = (
            Features::new(&x, d, "x").unwrap(),
            Features::new(&y, d, "y").unwrap(),
        );
        let f = swd(&a, &b, 2000, Key::new(0)).unwrap();
        let want = 3.0 / (d as f64).sqrt();
        assert!(
            (f.value - want).abs() < 4.0 * f.error.unwrap() && f.error.unwrap() < 0.03,
            "{f:?} {want}"
        );
        assert!(swd(&a, &a, 10, Key::new(0)).unwrap().value == 0.0);
        let back = swd(&b, &a, 2000, Key::new(0)).unwrap();
        assert!((back.value - f.value).abs() < 1e-5, "{back:?} {f:?}");
        assert!(
            swd(
                &a,
                &Features::new(&y[..500 * 11], 11, "y").unwrap(),
                10,
                Key::new(0)
            )
            .is_err()
        );
    }
}
