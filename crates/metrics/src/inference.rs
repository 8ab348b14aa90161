//! Posteriors of parameters: how far from the exact one, how far from the truth, how wide; and rejection, the simplest way, to stand beside.

/// Rejection ABC (Pritchard et al. 1999) in the form that accepts the nearest: of runs of a simulator, rows of `outputs` with their `parameters`, the
/// parameters of the `accepted` ones whose outputs are nearest to what was `seen` (outputs in standard deviations).
pub fn rejection(
    (outputs, parameters): (&[f32], &[f32]),
    widths: (usize, usize),
    seen: &[f32],
    accepted: usize,
) -> Vec<f32> {
    let distance = |row: &[f32]| {
        row.iter()
            .zip(seen)
            .map(|(a, b)| f64::from(a - b).powi(2))
            .sum::<f64>()
    };
    let mut all: Vec<(f64, usize)> = outputs
        .chunks_exact(widths.0)
        .enumerate()
        .map(|(i, row)| (distance(row), i))
        .collect();
    let accepted = accepted.clamp(1, all.len().max(1));
    if accepted < all.len() {
        all.select_nth_unstable_by(accepted - 1, |a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    }
    all.truncate(accepted);
    all.into_iter()
        .flat_map(|(_, i)| parameters[i * widths.1..(i + 1) * widths.1].to_vec())
        .collect()
}

/// Mean and standard deviation of each of so many columns.
pub fn moments(draws: &[f32], width: usize) -> Vec<[f64; 2]> {
    let n = (draws.len() / width.max(1)).max(1) as f64;
    let column = |c: usize| draws.iter().skip(c).step_by(width).map(|v| f64::from(*v));
    let of = |c: usize| {
        let mean = column(c).sum::<f64>() / n;
        [
            mean,
            (column(c).map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt(),
        ]
    };
    (0..width).map(of).collect()
}

/// The 2-Wasserstein distance of two normal distributions of a number.
pub fn distance([m, s]: [f64; 2], [n, t]: [f64; 2]) -> f64 {
    ((m - n).powi(2) + (s - t).powi(2)).sqrt()
}

/// Whether a number lies in the central part of draws that holds this share of them.
pub fn covers(draws: &[f32], truth: f64, share: f64) -> bool {
    let below = draws.iter().filter(|d| f64::from(**d) < truth).count() as f64 / draws.len().max(1) as f64;
    (below - 0.5).abs() <= share / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_by_hand() {
        let outputs = [0.0, 0.0, 1.0, 1.0, 5.0, 5.0, 0.4, 0.4];
        let nearest = rejection((&outputs, &[10.0, 11.0, 12.0, 13.0]), (2, 1), &[0.1, 0.1], 2);
        assert_eq!(nearest.iter().sum::<f32>(), 23.0);
        assert_eq!(
            rejection((&outputs, &[10.0, 11.0, 12.0, 13.0]), (2, 1), &[0.0, 0.0], 9).len(),
            4
        );
        assert_eq!(moments(&[1.0, 5.0, 3.0, 5.0], 2), [[2.0, 1.0], [5.0, 0.0]]);
        assert_eq!(distance([1.0, 2.0], [4.0, 6.0]), 5.0);
        let draws: Vec<f32> = (0..100).map(|i| i as f32).collect();
        assert!(covers(&draws, 50.0, 0.1) && covers(&draws, 94.0, 0.9) && !covers(&draws, 96.0, 0.9));
        assert!(!covers(&draws, -1.0, 0.9));
    }
}
