//! What metrics need of symmetric matrices: a factor of a semi-definite one, and eigenvalues.
use menagerie_kernels::matrix::{Matrix, Place, product};
use menagerie_kernels::symmetric::lower_times;
use rayon::prelude::*;

/// Columns that are eliminated before the rest of the matrix is brought up to date.
const PANEL: usize = 32;

/// Rows of a band of a matrix, which is one thread's.
const BAND: usize = 128;
/// Bands of a product of a matrix and a vector.
const BANDS: usize = 8;

/// B `[d, rank]` with B B' = a.
pub(super) struct Factor {
    /// row by row
    pub values: Vec<f64>,
    /// columns
    pub rank: usize,
    /// zero above the diagonal
    pub triangular: bool,
}

/// A factor of a symmetric positive semi-definite `a` `[d, d]`: Cholesky's, and where the matrix has not the full rank,
/// with diagonal pivoting. What is below the rounding of the largest diagonal element counts as zero.
pub(super) fn factor(a: &[f64], d: usize) -> Factor {
    match cholesky(a, d) {
        Some(values) => Factor {
            values,
            rank: d,
            triangular: true,
        },
        None => {
            let (values, rank) = pivoted(a, d);
            Factor {
                values,
                rank,
                triangular: false,
            }
        }
    }
}

/// The largest diagonal element's rounding.
fn rounding(a: &[f64], d: usize) -> f64 {
    (0..d).map(|i| a[i * d + i]).fold(0f64, f64::max) * d as f64 * f64::EPSILON
}

/// The lower triangular factor, block by block; `None` where a pivot is not above its rounding.
fn cholesky(a: &[f64], d: usize) -> Option<Vec<f64>> {
    let (mut l, smallest) = (a.to_vec(), rounding(a, d));
    for k in (0..d).step_by(BAND) {
        let e = (k + BAND).min(d);
        let n = e - k;
        for j in k..e {
            for i in j..e {
                let taken = dot(&l[i * d + k..i * d + j], &l[j * d + k..j * d + j]);
                l[i * d + j] -= taken;
            }
            let pivot = l[j * d + j];
            if pivot.is_nan() || pivot <= smallest {
                return None;
            }
            (j..e).for_each(|i| l[i * d + j] /= pivot.sqrt());
        }
        let corner: Vec<f64> = l[k * d..e * d]
            .chunks_exact(d)
            .flat_map(|row| &row[k..e])
            .copied()
            .collect();
        let below = &mut l[e * d..];
        below.par_chunks_mut(d).with_min_len(16).for_each(|row| {
            for j in 0..n {
                let taken = dot(&row[k..k + j], &corner[j * n..j * n + j]);
                row[k + j] = (row[k + j] - taken) / corner[j * n + j];
            }
        });
        let panel: Vec<f64> = below
            .chunks_exact(d)
            .flat_map(|row| &row[k..e])
            .copied()
            .collect();
        // The largest first.
        below
            .chunks_mut(BAND * d)
            .enumerate()
            .rev()
            .par_bridge()
            .for_each(|(band, rows)| {
                let (from, to) = (band * BAND, band * BAND + rows.len() / d);
                let (own, all) = (
                    Matrix::new(&panel[from * n..to * n], to - from, n),
                    Matrix::new(&panel[..to * n], to, n),
                );
                product(own, all.transposed(), &mut rows[e..], d, Place::Subtract, false);
            });
    }
    (0..d).for_each(|i| l[i * d + i + 1..(i + 1) * d].fill(0.0));
    Some(l)
}

/// Cholesky's factor with diagonal pivoting (Higham 2002, Accuracy and Stability of Numerical Algorithms, section 10.3), rows in
/// the order of `a`, and its rank.
fn pivoted(a: &[f64], d: usize) -> (Vec<f64>, usize) {
    let mut rest: Vec<f64> = (0..d).map(|i| a[i * d + i]).collect();
    let smallest = rounding(a, d);
    let mut b = vec![0.0; d * d];
    // What the finished panels have taken from every column, as far as it was asked for.
    let mut order: Vec<usize> = (0..d).collect();
    let mut updated = a.to_vec();
    let mut rank = 0;
    while rank < d {
        let from = rank;
        while rank < d && rank - from < PANEL {
            let Some(k) = (rank..d).max_by(|&x, &y| rest[order[x]].total_cmp(&rest[order[y]])) else {
                break;
            };
            let pivot = rest[order[k]];
            if pivot <= smallest {
                break;
            }
            order.swap(rank, k);
            let (p, root) = (order[rank], pivot.sqrt());
            let row: Vec<f64> = b[p * d + from..p * d + rank].to_vec();
            let open = &order[rank + 1..];
            let column: Vec<f64> = open
                .iter()
                .map(|&i| {
                    let taken: f64 = b[i * d + from..i * d + rank]
                        .iter()
                        .zip(&row)
                        .map(|(x, y)| x * y)
                        .sum();
                    (updated[p * d + i] - taken) / root
                })
                .collect();
            b[p * d + rank] = root;
            for (&i, &v) in open.iter().zip(&column) {
                b[i * d + rank] = v;
                rest[i] -= v * v;
            }
            rank += 1;
        }
        if rank == from {
            break;
        }
        let panel = Matrix::part(&b[from..], d, rank - from, d);
        product(panel, panel.transposed(), &mut updated, d, Place::Subtract, true);
        if rank - from < PANEL {
            break;
        }
    }
    let narrow = b
        .chunks_exact(d.max(1))
        .flat_map(|row| row[..rank].iter().copied())
        .collect();
    (narrow, rank)
}

/// All eigenvalues of a symmetric matrix `[n, n]`, of which only the lower triangle is read, ascending: Householder's reduction to a tridiagonal matrix in panels
/// (Golub & Van Loan, Matrix Computations, section 8.3.1; Dongarra, Sorensen & Hammarling 1989), then the implicit QL
/// iteration. The same bits on any number of threads.
pub(super) fn eigenvalues(mut a: Vec<f64>, n: usize) -> Vec<f64> {
    let (mut diagonal, mut beside) = (vec![0.0; n], vec![0.0; n]);
    let largest = (0..n)
        .flat_map(|i| &a[i * n..i * n + i + 1])
        .fold(0f64, |m, v| m.max(v.abs()));
    if largest == 0.0 {
        return diagonal;
    }
    // Near 1, squares of what matters neither overflow nor vanish; a power of two rounds nothing.
    let scale = largest.log2().floor().exp2();
    a.iter_mut().for_each(|v| *v /= scale);
    let mut start = 0;
    while start < n {
        let width = PANEL.min(n - start);
        let m = n - start;
        // Reflections I - v v' (|v|^2 = 2) of this panel and w, such that A - V W' - W V' is the matrix behind them.
        let (mut v, mut w) = (vec![0.0; m * width], vec![0.0; m * width]);
        // Its columns, before they are read one by one.
        let panel: Vec<f64> = a[start * n..]
            .chunks_exact(n)
            .flat_map(|row| &row[start..start + width])
            .copied()
            .collect();
        for j in 0..width {
            let at = start + j;
            // The column as the earlier reflections of the panel leave it.
            let mut x: Vec<f64> = (j..m).map(|i| panel[i * width + j]).collect();
            let (vj, wj) = (
                v[j * width..j * width + j].to_vec(),
                w[j * width..j * width + j].to_vec(),
            );
            for (x, i) in x.iter_mut().zip(j..m) {
                let (vi, wi) = (&v[i * width..i * width + j], &w[i * width..i * width + j]);
                *x -= dot(vi, &wj) + dot(wi, &vj);
            }
            diagonal[at] = x[0];
            if at + 1 == n {
                break;
            }
            let scale = x[1..].iter().fold(0f64, |s, v| s.max(v.abs()));
            if scale == 0.0 {
                continue;
            }
            let norm = scale * x[1..].iter().map(|v| (v / scale).powi(2)).sum::<f64>().sqrt();
            let alpha = if x[1] > 0.0 { -norm } else { norm };
            beside[at] = alpha;
            x[1] -= alpha;
            // |x - alpha e|^2 = 2 alpha (alpha - x1), x1 the value before.
            let by = 1.0 / (alpha * -x[1]).sqrt();
            let u: Vec<f64> = x[1..].iter().map(|v| v * by).collect();
            // p = (A - V W' - W V') u; w = p - (u'p / 2) u.
            let first = j + 1;
            let mut p = times(&a, n, start + first, &u);
            let (vu, wu) = (project(&v, width, j, first, &u), project(&w, width, j, first, &u));
            for (p, i) in p.iter_mut().zip(first..m) {
                *p -= dot(&v[i * width..i * width + j], &wu) + dot(&w[i * width..i * width + j], &vu);
            }
            let half = 0.5 * dot(&u, &p);
            for (k, i) in (first..m).enumerate() {
                v[i * width + j] = u[k];
                w[i * width + j] = p[k] - half * u[k];
            }
        }
        let (end, left) = (start + width, m - width);
        if left > 0 {
            let both = |x: &[f64], y: &[f64]| -> Vec<f64> {
                let rows = x.chunks_exact(width).zip(y.chunks_exact(width)).skip(width);
                rows.flat_map(|(x, y)| x.iter().chain(y).copied()).collect()
            };
            let (vw, wv, wide) = (both(&v, &w), both(&w, &v), 2 * width);
            a[end * n..]
                .chunks_mut(BAND * n)
                .enumerate()
                .rev()
                .par_bridge()
                .for_each(|(band, rows)| {
                    let (from, to) = (band * BAND, band * BAND + rows.len() / n);
                    let (own, all) = (
                        Matrix::new(&vw[from * wide..to * wide], to - from, wide),
                        Matrix::new(&wv[..to * wide], to, wide),
                    );
                    product(own, all.transposed(), &mut rows[end..], n, Place::Subtract, false);
                });
        }
        start = end;
    }
    tridiagonal(&mut diagonal, &mut beside);
    diagonal.iter_mut().for_each(|v| *v *= scale);
    diagonal.sort_by(f64::total_cmp);
    diagonal
}

/// A sum of products, in eight running sums.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut sums = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        (0..8).for_each(|k| sums[k] += a[k] * b[k]);
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f64>() + rest
}

/// The lower right part of `a` from `first` on, times `u`; each element of the lower triangle is read once, for its own row
/// and for its mirror image's.
fn times(a: &[f64], n: usize, first: usize, u: &[f64]) -> Vec<f64> {
    let m = n - first;
    // Bands of about as many elements.
    let bands = if m < 2 * BAND { 1 } else { BANDS };
    let border = |b: usize| (m as f64 * (b as f64 / bands as f64).sqrt()).round() as usize;
    let band = |b: usize| -> Vec<f64> {
        let mut out = vec![0.0; border(b + 1)];
        lower_times(&a[first * n + first..], n, border(b)..border(b + 1), u, &mut out);
        out
    };
    let parts: Vec<Vec<f64>> = (0..bands).into_par_iter().map(band).collect();
    let mut out = vec![0.0; m];
    parts
        .iter()
        .for_each(|p| out.iter_mut().zip(p).for_each(|(o, v)| *o += v));
    out
}

/// The first `columns` of rows from `first` on of `x`, transposed, times `u`.
fn project(x: &[f64], width: usize, columns: usize, first: usize, u: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; columns];
    for (row, &u) in x.chunks_exact(width).skip(first).zip(u) {
        out.iter_mut().zip(row).for_each(|(o, v)| *o += v * u);
    }
    out
}

/// Eigenvalues of a tridiagonal matrix, in place of its diagonal: implicit QL with Wilkinson's shifts (Golub & Van Loan,
/// section 8.3.5), in the form without vectors of EISPACK's tql1.
fn tridiagonal(d: &mut [f64], e: &mut [f64]) {
    let n = d.len();
    for l in 0..n {
        // A few rounds are the rule; where rounding keeps it from ending, what is left is below it.
        for _ in 0..60 {
            let small = |m: &usize| e[*m].abs() <= f64::EPSILON * (d[*m].abs() + d[m + 1].abs());
            let m = (l..n.saturating_sub(1)).find(small).unwrap_or(n - 1);
            if m == l {
                break;
            }
            let g = (d[l + 1] - d[l]) / (2.0 * e[l]);
            let r = g.hypot(1.0);
            let mut g = d[m] - d[l] + e[l] / (g + r.copysign(g));
            let (mut s, mut c, mut p) = (1.0, 1.0, 0.0);
            let mut whole = true;
            for i in (l..m).rev() {
                let (f, b) = (s * e[i], c * e[i]);
                let r = (f * f + g * g).sqrt();
                e[i + 1] = r;
                if r == 0.0 {
                    d[i + 1] -= p;
                    e[m] = 0.0;
                    whole = false;
                    break;
                }
                (s, c) = (f / r, g / r);
                g = d[i + 1] - p;
                let r = (d[i] - g) * s + 2.0 * c * b;
                p = s * r;
                d[i + 1] = g + p;
                g = c * r - b;
            }
            if whole {
                d[l] -= p;
                e[l] = g;
                e[m] = 0.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie_data::random::Key;

    /// Q diag(values) Q' for a product Q of random reflections.
    fn with_eigenvalues(values: &[f64], seed: u64) -> Vec<f64> {
        let n = values.len();
        let mut a = vec![0.0; n * n];
        (0..n).for_each(|i| a[i * n + i] = values[i]);
        let mut draw = Key::new(seed).rng();
        for _ in 0..4 {
            let mut u: Vec<f64> = (0..n).map(|_| draw.normal()).collect();
            let length = u.iter().map(|v| v * v).sum::<f64>().sqrt();
            u.iter_mut().for_each(|v| *v *= 2f64.sqrt() / length);
            for _ in 0..2 {
                // Reflects the columns, then (transposed) the rows.
                let ua: Vec<f64> = (0..n)
                    .map(|j| (0..n).map(|i| u[i] * a[i * n + j]).sum())
                    .collect();
                let turned: Vec<f64> = (0..n * n).map(|k| a[k] - u[k / n] * ua[k % n]).collect();
                a = (0..n * n).map(|k| turned[k % n * n + k / n]).collect();
            }
        }
        a
    }

    #[test]
    fn eigenvalues_are_found_again() {
        for n in [1, 2, 3, 31, 32, 33, 64, 97, 300] {
            let mut values: Vec<f64> = (0..n).map(|i| ((i * 37) % 101) as f64 - 20.0).collect();
            if n > 40 {
                // Several alike, and zeros.
                values[..10].fill(3.0);
                values[10..20].fill(0.0);
            }
            let found = eigenvalues(with_eigenvalues(&values, n as u64), n);
            values.sort_by(f64::total_cmp);
            values
                .iter()
                .zip(&found)
                .for_each(|(a, b)| assert!((a - b).abs() < 1e-11 * 100.0, "{n}: {a} {b}"));
        }
        assert_eq!(eigenvalues(vec![0.0; 9], 3), [0.0; 3]);
        assert_eq!(eigenvalues(vec![2.0, 0.0, 0.0, 1.0], 2), [1.0, 2.0]);
    }

    #[test]
    fn a_factor_gives_the_matrix_back_with_its_rank() {
        for (n, rank) in [
            (1, 1),
            (5, 5),
            (70, 70),
            (150, 150),
            (300, 300),
            (300, 200),
            (70, 33),
            (70, 32),
            (70, 1),
            (6, 0),
        ] {
            let values: Vec<f64> = (0..n)
                .map(|i| if i < rank { 1.0 + i as f64 } else { 0.0 })
                .collect();
            let a = with_eigenvalues(&values, 5);
            let Factor {
                values: b,
                rank: r,
                triangular,
            } = factor(&a, n);
            assert_eq!((r, triangular), (rank, rank == n), "{n}");
            for k in 0..n * n {
                let back: f64 = (0..r).map(|l| b[k / n * r + l] * b[k % n * r + l]).sum();
                assert!((back - a[k]).abs() < 1e-11 * 100.0, "{n} {rank}");
            }
        }
    }
}
