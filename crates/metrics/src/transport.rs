//! 2-Wasserstein distance of two sets of points, exactly (`wasserstein-2d`).
//!
//! W_2 = (min over permutations p of 1/n sum_i |x_i - y_p(i)|^2)^{1/2}: between n points a side of equal weight the best
//! plan is a permutation (Birkhoff). It is found by shortest augmenting paths with potentials (Kuhn 1955; Jonker &
//! Volgenant 1987), in O(n^3) at worst.
//!
//! Unit: that of the points. Less is better. It is far from 0 even for two draws of one density, about n^{-1/2} in the
//! plane: compare it with that of data against data, and only at the same n.
use super::features::Features;
use menagerie_data::error::{Error, Result};

/// Points a side.
pub const POINTS: usize = 1000;

/// The distance of as many points.
///
/// # Errors
/// [`Error::Usage`] when the two sets do not have the same number and dimensions.
pub fn wasserstein(x: &Features, y: &Features) -> Result<f64> {
    x.fits(y)?;
    let n = x.count();
    if n != y.count() {
        let problem = format!(
            "{n} points on one side, {} on the other: nothing is transported point to point",
            y.count()
        );
        return Err(Error::usage(problem, "give as many on both sides"));
    }
    let distance = |i: usize, j: usize| {
        x.row(i)
            .iter()
            .zip(y.row(j))
            .map(|(a, b)| (*a as f64 - *b as f64).powi(2))
            .sum::<f64>()
    };
    let cost: Vec<f64> = (0..n * n).map(|k| distance(k / n, k % n)).collect();
    let partner = assignment(&cost, n);
    Ok((partner
        .iter()
        .enumerate()
        .map(|(i, &j)| cost[i * n + j])
        .sum::<f64>()
        / n as f64)
        .sqrt())
}

/// The permutation of least cost: the column of each row of `cost` `[n, n]`.
pub fn assignment(cost: &[f64], n: usize) -> Vec<usize> {
    const NONE: usize = usize::MAX;
    let mut row_potential = vec![0.0; n];
    // The least of each column as its first potential makes most rows find a partner at once.
    let least = |j: usize| (0..n).map(|i| cost[i * n + j]).fold(f64::INFINITY, f64::min);
    let mut potential: Vec<f64> = (0..n).map(least).collect();
    let mut row_of = vec![NONE; n];
    for start in 0..n {
        let (mut shortest, mut before, mut done) = (vec![f64::INFINITY; n], vec![NONE; n], vec![false; n]);
        let mut scanned = Vec::new();
        let (mut row, mut last, mut length) = (start, NONE, 0.0);
        let end = loop {
            for j in (0..n).filter(|&j| !done[j]) {
                let through = length + cost[row * n + j] - row_potential[row] - potential[j];
                if through < shortest[j] {
                    (shortest[j], before[j]) = (through, last);
                }
            }
            let open = (0..n).filter(|&j| !done[j]);
            let nearest = open
                .min_by(|&a, &b| shortest[a].total_cmp(&shortest[b]))
                .unwrap_or(0);
            length = shortest[nearest];
            (done[nearest], last) = (true, nearest);
            if row_of[nearest] == NONE {
                break nearest;
            }
            scanned.push(nearest);
            row = row_of[nearest];
        };
        row_potential[start] += length;
        for &j in &scanned {
            row_potential[row_of[j]] += length - shortest[j];
            potential[j] -= length - shortest[j];
        }
        // Along the path, every row takes the column that was reached from it.
        let mut column = end;
        while before[column] != NONE {
            row_of[column] = row_of[before[column]];
            column = before[column];
        }
        row_of[column] = start;
    }
    let mut out = vec![0; n];
    row_of.iter().enumerate().for_each(|(j, &i)| out[i] = j);
    out
}

/// The 1-Wasserstein distance of two sets of numbers: the area between their distribution functions. None where one is empty.
pub fn wasserstein_of_numbers(a: &[f64], b: &[f64]) -> Option<f64> {
    let sorted = |v: &[f64]| {
        let mut v = v.to_vec();
        v.sort_unstable_by(f64::total_cmp);
        v
    };
    let (a, b) = (sorted(a), sorted(b));
    let all = sorted(&[&a[..], &b[..]].concat());
    let below = |v: &[f64], x: f64| v.partition_point(|y| *y <= x) as f64 / v.len() as f64;
    let step = |pair: &[f64]| (below(&a, pair[0]) - below(&b, pair[0])).abs() * (pair[1] - pair[0]);
    (!a.is_empty() && !b.is_empty()).then(|| all.windows(2).map(step).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie_data::random::Key;

    fn least(cost: &[f64], n: usize, free: &mut Vec<usize>, row: usize) -> f64 {
        if row == n {
            return 0.0;
        }
        (0..free.len())
            .map(|k| {
                let j = free.remove(k);
                let v = cost[row * n + j] + least(cost, n, free, row + 1);
                free.insert(k, j);
                v
            })
            .fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn no_permutation_costs_less() {
        for n in 1..=7 {
            for seed in 0..20 {
                let mut draw = Key::new(seed).step(n as u64).rng();
                // Whole numbers, so that there are ties; below 0 too.
                let cost: Vec<f64> = (0..n * n).map(|_| draw.below(12) as f64 - 3.0).collect();
                let found = assignment(&cost, n);
                let mut columns = found.clone();
                columns.sort_unstable();
                assert_eq!(columns, (0..n).collect::<Vec<_>>());
                let sum: f64 = found.iter().enumerate().map(|(i, &j)| cost[i * n + j]).sum();
                assert_eq!(sum, least(&cost, n, &mut (0..n).collect(), 0), "{n} {seed}");
            }
        }
    }

    #[test]
    fn a_shift_and_an_order_of_its_own() {
        let mut draw = Key::new(3).rng();
        let x: Vec<f32> = (0..400).map(|_| draw.normal() as f32).collect();
        let order = Key::new(4).permutation(200);
        let y: Vec<f32> = order
            .iter()
            .flat_map(|&i| [x[2 * i as usize] + 3.0, x[2 * i as usize + 1] - 4.0])
            .collect();
        let (a, b) = (
            Features::new(&x, 2, "x").unwrap(),
            Features::new(&y, 2, "y").unwrap(),
        );
        assert!((wasserstein(&a, &b).unwrap() - 5.0).abs() < 1e-6);
        let short = Features::new(&y[..100], 2, "y").unwrap();
        assert!(
            wasserstein(&a, &short)
                .unwrap_err()
                .to_string()
                .contains("200 points on one side, 50 on the other")
        );
    }

    /// On a line the order is the best plan.
    #[test]
    fn on_a_line_it_is_the_distance_of_the_sorted() {
        let mut draw = Key::new(5).rng();
        let mut x: Vec<f32> = (0..150).map(|_| draw.normal() as f32).collect();
        let mut y: Vec<f32> = (0..150).map(|_| draw.between(-2.0, 3.0) as f32).collect();
        let w = wasserstein(
            &Features::new(&x, 1, "x").unwrap(),
            &Features::new(&y, 1, "y").unwrap(),
        )
        .unwrap();
        assert!((w * w - super::super::swd::squared_distance(&mut x, &mut y)).abs() < 1e-9);
    }

    #[test]
    fn numbers_are_moved_along_the_line() {
        let w = |a: &[f64], b: &[f64]| wasserstein_of_numbers(a, b).unwrap();
        assert!((w(&[0.0, 1.0], &[2.0, 3.0]) - 2.0).abs() < 1e-12);
        // Of unequal counts: a half of the mass moves by 1.
        assert!((w(&[0.0], &[0.0, 1.0]) - 0.5).abs() < 1e-12);
        assert_eq!(wasserstein_of_numbers(&[], &[1.0]), None);
    }
}
