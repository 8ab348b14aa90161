//! Numbers as classes: what mutual information by counting is taken of.

/// A column with at most so many different values keeps them as its classes.
pub const MOST_VALUES: usize = 64;

/// In which of `bins` bins of equal width, from the smallest to the largest, each number lies (all in the first where they
/// are equal).
pub fn binned(values: &[f64], bins: usize) -> Vec<usize> {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let scale = if high > low {
        bins as f64 / (high - low)
    } else {
        0.0
    };
    let bin = |v: &f64| (((v - low) * scale) as usize).min(bins.saturating_sub(1));
    values.iter().map(bin).collect()
}

/// The different values, numbered in their order; bins of equal width where there are more than [`MOST_VALUES`].
pub fn classes(values: &[f64], bins: usize) -> Vec<usize> {
    let mut different = values.to_vec();
    different.sort_unstable_by(f64::total_cmp);
    different.dedup();
    if different.len() > MOST_VALUES {
        return binned(values, bins);
    }
    let place = |v: &f64| different.partition_point(|d| d < v);
    values.iter().map(place).collect()
}

/// Entropy in nats of the shares of counts.
pub fn entropy(counts: &[usize]) -> f64 {
    let n = counts.iter().sum::<usize>() as f64;
    let term = |&c: &usize| {
        if c == 0 {
            0.0
        } else {
            -(c as f64 / n) * (c as f64 / n).ln()
        }
    };
    counts.iter().map(term).sum()
}

/// Entropies of two columns of classes, and their mutual information H(a) + H(b) - H(a, b), in nats.
pub fn information(a: &[usize], b: &[usize]) -> Information {
    let (rows, columns) = (1 + a.iter().max().unwrap_or(&0), 1 + b.iter().max().unwrap_or(&0));
    let mut joint = vec![0; rows * columns];
    a.iter().zip(b).for_each(|(i, j)| joint[i * columns + j] += 1);
    let row = |i: usize| joint[i * columns..(i + 1) * columns].iter().sum();
    let column = |j: usize| (0..rows).map(|i| joint[i * columns + j]).sum();
    let of_a = entropy(&(0..rows).map(row).collect::<Vec<usize>>());
    let of_b = entropy(&(0..columns).map(column).collect::<Vec<usize>>());
    Information {
        entropies: [of_a, of_b],
        shared: (of_a + of_b - entropy(&joint)).max(0.0),
    }
}

/// What two columns tell of each other, in nats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Information {
    /// of the first, of the second
    pub entropies: [f64; 2],
    /// mutual information
    pub shared: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_and_values() {
        assert_eq!(binned(&[0.0, 0.99, 1.0, 4.0, 2.5], 4), [0, 0, 1, 3, 2]);
        assert_eq!(binned(&[3.0; 3], 20), [0; 3]);
        assert_eq!(classes(&[0.5, -1.0, 7.0, 0.5], 2), [1, 0, 2, 1]);
        let many: Vec<f64> = (0..100).map(f64::from).collect();
        let found = classes(&many, 20);
        assert!((0..20).all(|b| found.iter().filter(|&&f| f == b).count() == 5));
    }

    #[test]
    fn information_by_hand() {
        let (a, b) = ([0, 0, 1, 1], [0, 1, 0, 1]);
        let none = information(&a, &b);
        assert!(none.shared < 1e-15 && (none.entropies[0] - 2f64.ln()).abs() < 1e-15);
        assert!((information(&a, &a).shared - 2f64.ln()).abs() < 1e-15);
        // p(0,0) = 1/2, p(1,0) = p(1,1) = 1/4: I = ln 2 + H(3/4, 1/4) - 3/2 ln 2.
        let half = information(&a, &[0, 0, 0, 1]);
        let want = 2f64.ln() + entropy(&[3, 1]) - 1.5 * 2f64.ln();
        assert!((half.shared - want).abs() < 1e-15);
    }
}
