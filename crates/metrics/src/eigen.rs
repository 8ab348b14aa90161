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

/// Rounds of [`leading`] after which it stops, whatever is left.
const ROUNDS: usize = 300;
/// Vectors carried along beside those that are wanted, so that these settle sooner.
const BESIDE: usize = 8;

/// The `count` largest eigenvalues of a symmetric matrix without negative ones, as [`eigen`] has them, where the matrix is large and
/// `count` small: orthogonal iteration with the small problem solved within (Golub & Van Loan, section 8.2.4). Stops once no vector
/// is off its equation by more than a millionth of the largest eigenvalue.
pub fn leading(a: &[f64], n: usize, count: usize) -> Vec<(f64, Vec<f64>)> {
    assert_eq!(a.len(), n * n, "a matrix of {n} rows");
    let m = (count + BESIDE).min(n);
    if 2 * m >= n {
        return eigen(a.to_vec(), n).into_iter().take(count).collect();
    }
    let wave = |i: usize| ((i * i) as f64 * 0.618).sin();
    let mut q: Vec<Vec<f64>> = (0..m)
        .map(|k| (0..n).map(|i| wave(k * n + i + 1)).collect())
        .collect();
    let times = |v: &[f64]| -> Vec<f64> { a.chunks_exact(n).map(|row| dot(row, v)).collect() };
    for _ in 0..ROUNDS {
        orthonormalize(&mut q);
        let aq: Vec<Vec<f64>> = q.iter().map(|v| times(v)).collect();
        let within: Vec<f64> = q.iter().flat_map(|v| aq.iter().map(|w| dot(v, w))).collect();
        let small = eigen(within, m);
        let mix = |of: &[Vec<f64>], by: &[f64]| -> Vec<f64> {
            (0..n)
                .map(|i| of.iter().zip(by).map(|(v, b)| v[i] * b).sum())
                .collect()
        };
        let found: Vec<Vec<f64>> = small.iter().map(|(_, by)| mix(&q, by)).collect();
        let next: Vec<Vec<f64>> = small.iter().map(|(_, by)| mix(&aq, by)).collect();
        let off = |k: usize| {
            let gone = next[k]
                .iter()
                .zip(&found[k])
                .map(|(x, v)| (x - small[k].0 * v).powi(2));
            gone.sum::<f64>().sqrt()
        };
        let settled = (0..count.min(m)).all(|k| off(k) <= 1e-6 * small[0].0.abs());
        let values: Vec<f64> = small.into_iter().map(|(value, _)| value).collect();
        if settled {
            return values
                .into_iter()
                .zip(found.into_iter().map(signed))
                .take(count)
                .collect();
        }
        q = next;
    }
    orthonormalize(&mut q);
    let value = |v: &[f64]| dot(v, &times(v));
    q.into_iter()
        .map(|v| (value(&v), signed(v)))
        .take(count)
        .collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Vectors at right angles and of length one, each less what it has in common with those before; one of which nothing is left
/// becomes zero.
fn orthonormalize(q: &mut [Vec<f64>]) {
    for k in 0..q.len() {
        let (before, rest) = q.split_at_mut(k);
        let v = &mut rest[0];
        let first = dot(v, v).sqrt();
        // Twice, for the first time leaves rounding.
        for _ in 0..2 {
            for other in before.iter() {
                let along = dot(v, other);
                v.iter_mut().zip(other).for_each(|(x, o)| *x -= along * o);
            }
        }
        let length = dot(v, v).sqrt();
        let by = if length > 1e-12 * first { 1.0 / length } else { 0.0 };
        v.iter_mut().for_each(|x| *x *= by);
    }
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

    /// The largest pairs are those of the whole problem, of a full matrix and of one of rank three.
    #[test]
    fn the_largest_are_found_alone() {
        let n = 60;
        for rank in [n, 3] {
            let row = |i: usize| -> Vec<f64> {
                (0..rank)
                    .map(|k| ((i * i * 7 + i * k * 5 + k * 31) as f64).sin() * 0.8f64.powi(k as i32))
                    .collect()
            };
            let rows: Vec<Vec<f64>> = (0..n).map(row).collect();
            let a: Vec<f64> = rows.iter().flat_map(|r| rows.iter().map(|s| dot(r, s))).collect();
            let (all, some) = (eigen(a.clone(), n), leading(&a, n, 4));
            assert_eq!(some.len(), 4);
            for k in 0..4.min(rank) {
                assert!((all[k].0 - some[k].0).abs() < 1e-6 * all[0].0, "{rank} {k}");
                assert!(dot(&all[k].1, &some[k].1) > 0.999, "{rank} {k}");
            }
        }
    }
}
