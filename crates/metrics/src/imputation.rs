//! Values of a table that are missing, filled in: how far from the truth, and the simplest ways of doing it to stand beside.

/// The root of the mean squared error of values that were `hidden`, each in standard deviations of its column's true values; tables
/// row by row with so many `columns`. None where nothing was hidden, or a column with hidden values has one value alone.
pub fn rmse(truth: &[f32], filled: &[f32], hidden: &[bool], columns: usize) -> Option<f64> {
    let deviation = |c: usize| {
        let column = || truth.iter().skip(c).step_by(columns).map(|v| *v as f64);
        let n = column().count() as f64;
        let mean = column().sum::<f64>() / n;
        (column().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt()
    };
    let deviations: Vec<f64> = (0..columns).map(deviation).collect();
    let off = |i: usize| (truth[i] as f64 - filled[i] as f64) / deviations[i % columns];
    let errors: Vec<f64> = (0..truth.len())
        .filter(|i| hidden[*i])
        .map(|i| off(i).powi(2))
        .collect();
    let mean = errors.iter().sum::<f64>() / errors.len() as f64;
    mean.is_finite().then(|| mean.sqrt())
}

/// Missing values (NaN) as the mean of the column's others.
pub fn by_mean(table: &[f32], columns: usize) -> Vec<f32> {
    let mean = |c: usize| {
        let known = || table.iter().skip(c).step_by(columns).filter(|v| !v.is_nan());
        known().map(|v| *v as f64).sum::<f64>() / known().count().max(1) as f64
    };
    let means: Vec<f32> = (0..columns).map(|c| mean(c) as f32).collect();
    let value = |(i, v): (usize, &f32)| if v.is_nan() { means[i % columns] } else { *v };
    table.iter().enumerate().map(value).collect()
}

/// Rounds of [`by_regression`].
pub const ROUNDS: usize = 10;
/// Its weight of the squares of coefficients, an item.
const RIDGE: f64 = 1e-3;

/// Missing values by chained regressions (after van Buuren & Groothuis-Oudshoorn 2011, mice, without its draws): from the means
/// on, column after column, ten rounds: a linear regression of the column on all others, over the rows where it is known, gives
/// the rest of it. Columns are brought to a mean of 0 and a deviation of 1 first, and coefficients held by a ridge of a
/// thousandth. With one column alone it is the mean.
pub fn by_regression(table: &[f32], columns: usize) -> Vec<f32> {
    let mut filled: Vec<f64> = by_mean(table, columns).into_iter().map(f64::from).collect();
    let rows = table.len() / columns.max(1);
    let scales: Vec<(f64, f64)> = (0..columns)
        .map(|c| {
            let column = || filled.iter().skip(c).step_by(columns);
            let mean = column().sum::<f64>() / rows as f64;
            let variance = column().map(|v| (v - mean).powi(2)).sum::<f64>() / rows as f64;
            (mean, variance.sqrt().max(1e-12))
        })
        .collect();
    for (i, v) in filled.iter_mut().enumerate() {
        *v = (*v - scales[i % columns].0) / scales[i % columns].1;
    }
    for _ in 0..ROUNDS {
        for c in 0..columns {
            let missing: Vec<usize> = (0..rows).filter(|r| table[r * columns + c].is_nan()).collect();
            if missing.is_empty() || missing.len() == rows {
                continue;
            }
            let known = (0..rows).filter(|r| !table[r * columns + c].is_nan());
            let weights = regression(&filled, columns, c, known);
            for r in missing {
                filled[r * columns + c] = answer(&filled[r * columns..][..columns], c, &weights);
            }
        }
    }
    let back = |(i, v): (usize, &f64)| match table[i].is_nan() {
        true => (v * scales[i % columns].1 + scales[i % columns].0) as f32,
        false => table[i],
    };
    filled.iter().enumerate().map(back).collect()
}

/// What the weights of a column, a constant in its own place, make of a row.
fn answer(row: &[f64], column: usize, weights: &[f64]) -> f64 {
    let term = |(k, w): (usize, &f64)| w * if k == column { 1.0 } else { row[k] };
    weights.iter().enumerate().map(term).sum()
}

/// Weights of a linear regression of one column on the others over some rows, by the normal equations.
fn regression(table: &[f64], columns: usize, column: usize, rows: impl Iterator<Item = usize>) -> Vec<f64> {
    let n = columns;
    let (mut squares, mut products, mut count) = (vec![0.0; n * n], vec![0.0; n], 0.0);
    let mut x = vec![0.0; n];
    for r in rows {
        x.copy_from_slice(&table[r * n..][..n]);
        let y = std::mem::replace(&mut x[column], 1.0);
        count += 1.0;
        for i in 0..n {
            products[i] += x[i] * y;
            for j in 0..=i {
                squares[i * n + j] += x[i] * x[j];
            }
        }
    }
    for i in (0..n).filter(|i| *i != column) {
        squares[i * n + i] += RIDGE * count;
    }
    solved(squares, products, n)
}

/// x of A x = b, A positive definite and given by its lower half: Cholesky's factor in its place, and two triangles.
fn solved(mut a: Vec<f64>, mut b: Vec<f64>, n: usize) -> Vec<f64> {
    for i in 0..n {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|k| a[i * n + k] * a[j * n + k]).sum();
            let rest = a[i * n + j] - dot;
            a[i * n + j] = if i == j {
                rest.max(1e-300).sqrt()
            } else {
                rest / a[j * n + j]
            };
        }
        b[i] = (b[i] - (0..i).map(|k| a[i * n + k] * b[k]).sum::<f64>()) / a[i * n + i];
    }
    for i in (0..n).rev() {
        b[i] = (b[i] - (i + 1..n).map(|k| a[k * n + i] * b[k]).sum::<f64>()) / a[i * n + i];
    }
    b
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows (x, 2 x + 1, noise), of which every third lacks one value.
    fn tables() -> (Vec<f32>, Vec<f32>, Vec<bool>) {
        let mut state = 3u64;
        let mut truth = Vec::new();
        for i in 0..300 {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            let x = (i as f32 * 0.77).sin();
            truth.extend([x, 2.0 * x + 1.0, (state >> 40) as f32 / (1u64 << 24) as f32]);
        }
        let hidden: Vec<bool> = (0..900).map(|i| i % 9 == 1).collect();
        let given = truth.iter().zip(&hidden);
        let given = given.map(|(v, h)| if *h { f32::NAN } else { *v }).collect();
        (truth, given, hidden)
    }

    /// A line is found by regression, up to its ridge; the mean of others is one standard deviation off.
    #[test]
    fn a_line_is_found() {
        let (truth, given, hidden) = tables();
        let (mean, line) = (by_mean(&given, 3), by_regression(&given, 3));
        let error = |filled: &[f32]| rmse(&truth, filled, &hidden, 3).unwrap();
        assert!((error(&mean) - 1.0).abs() < 0.2, "{}", error(&mean));
        assert!(error(&line) < 0.01, "{}", error(&line));
        assert_eq!(error(&truth), 0.0);
        for i in (0..900).filter(|i| !hidden[*i]) {
            assert!(mean[i] == truth[i] && line[i] == truth[i], "what is known stays");
        }
    }

    /// (3 - 1) / 1 and (2 - 4) / 2 by hand, columns of deviations 1 and 2.
    #[test]
    fn errors_are_in_deviations_of_columns() {
        let truth = [1.0, 4.0, 3.0, 8.0];
        let filled = [3.0, 4.0, 3.0, 6.0];
        let hidden = [true, false, false, true];
        let want = ((4.0 + 1.0) / 2.0f64).sqrt();
        assert!((rmse(&truth, &filled, &hidden, 2).unwrap() - want).abs() < 1e-12);
        assert!(rmse(&truth, &filled, &[false; 4], 2).is_none());
        assert!(rmse(&[1.0, 1.0], &[1.0, 2.0], &[true, false], 1).is_none());
    }
}
