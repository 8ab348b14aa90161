//! Eigenvectors of small symmetric matrices: principal components.

/// Sweeps after which every matrix is diagonal to rounding; few need more than ten.
const SWEEPS: usize = 60;

/// Eigenvalues of a symmetric matrix `a` (`[n, n]`, row by row), largest first, and beside each its eigenvector of length one, by
/// Jacobi's rotations (Golub & Van Loan, Matrix Computations, section 8.5). Of its two signs a vector has the one whose largest
/// number is positive.
///
/// ```
/// let found = menagerie_metrics::eigen(vec![2.0, 1.0, 1.0, 2.0], 2);
/// assert!((found[0].0 - 3.0).abs() < 1e-12 && (found[1].0 - 1.0).abs() < 1e-12);
/// assert!((found[0].1[0] - 0.5f64.sqrt()).abs() < 1e-12);
/// ```
pub fn eigen(mut a: Vec<f64>, n: usize) -> Vec<(f64, Vec<f64>)> {
    assert_eq!(a.len(), n * n, "a matrix of {n} rows");
    let mut v = vec![0.0; n * n];
    (0..n).for_each(|i| v[i * n + i] = 1.0);
    let size = a.iter().map(|x| x * x).sum::<f64>();
    for _ in 0..SWEEPS {
        let off: f64 = (0..n)
            .flat_map(|i| (0..i).map(move |j| (i, j)))
            .map(|(i, j)| a[i * n + j].powi(2))
            .sum();
        if off <= 1e-28 * size {
            break;
        }
        for p in 0..n {
            for q in p + 1..n {
                rotate(&mut a, &mut v, n, p, q);
            }
        }
    }
    let mut found: Vec<(f64, Vec<f64>)> = (0..n)
        .map(|i| (a[i * n + i], signed(v[i * n..(i + 1) * n].to_vec())))
        .collect();
    found.sort_by(|x, y| y.0.total_cmp(&x.0));
    found
}

/// Makes a[p][q] zero; the rows of v are the eigenvectors.
fn rotate(a: &mut [f64], v: &mut [f64], n: usize, p: usize, q: usize) {
    let apq = a[p * n + q];
    if apq == 0.0 {
        return;
    }
    let theta = (a[q * n + q] - a[p * n + p]) / (2.0 * apq);
    let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let t = if theta == 0.0 { 1.0 } else { t };
    let c = 1.0 / (t * t + 1.0).sqrt();
    let s = t * c;
    for k in 0..n {
        let (x, y) = (a[k * n + p], a[k * n + q]);
        (a[k * n + p], a[k * n + q]) = (c * x - s * y, s * x + c * y);
    }
    for m in [a, v] {
        for k in 0..n {
            let (x, y) = (m[p * n + k], m[q * n + k]);
            (m[p * n + k], m[q * n + k]) = (c * x - s * y, s * x + c * y);
        }
    }
}

fn signed(v: Vec<f64>) -> Vec<f64> {
    let largest = v.iter().copied().max_by(|a, b| a.abs().total_cmp(&b.abs()));
    match largest {
        Some(l) if l < 0.0 => v.into_iter().map(|x| -x).collect(),
        _ => v,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// a v = lambda v for every pair, in order, and the vectors are at right angles.
    #[test]
    fn every_pair_solves_its_equation() {
        for n in [1, 2, 7, 30] {
            let at = |i: usize, j: usize| ((i * 31 + j * 17) as f64).sin() + ((j * 31 + i * 17) as f64).sin();
            let a: Vec<f64> = (0..n * n).map(|k| at(k / n, k % n)).collect();
            let found = eigen(a.clone(), n);
            assert!(found.windows(2).all(|w| w[0].0 >= w[1].0));
            for (x, (value, v)) in found.iter().enumerate() {
                for i in 0..n {
                    let row: f64 = (0..n).map(|j| a[i * n + j] * v[j]).sum();
                    assert!((row - value * v[i]).abs() < 1e-9, "{n} {x}");
                }
                for (y, (_, w)) in found.iter().enumerate() {
                    let dot: f64 = v.iter().zip(w).map(|(a, b)| a * b).sum();
                    assert!((dot - f64::from(x == y)).abs() < 1e-9, "{n} {x} {y}");
                }
            }
        }
    }
}
