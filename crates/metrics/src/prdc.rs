//! Precision and recall (Kynkaanniemi et al. 2019, arXiv:1904.06991), density and coverage (Naeem et al. 2020,
//! arXiv:2002.09797): does every sample lie where data lie, and does every datum have samples around it?
//!
//! B(x, k) is the ball around x that reaches to its k-th nearest neighbour in its own set, X the data, Y the samples:
//!
//! - precision: share of samples in some B(x, k), surface included (their equation 1); k = 3
//! - recall: share of data in some B(y, k); k = 3
//! - density: mean over samples of the balls B(x, k) that hold it, divided by k, surface excluded; k = 5. May pass 1.
//! - coverage: share of data whose B(x, k) holds a sample, surface excluded; k = 5
//!
//! No unit; shares from 0 to 1, density around 1 for good samples. More is better for all four. They depend on the
//! extractor, on k and on both counts (take as many samples as data). On the surface the package `prdc` excludes all
//! four; figures differ where distances tie exactly, as with copies of the data.
use super::features::{Features, Figure};
use super::neighbours::{Rows, balls, radii};
use menagerie_data::error::Result;

/// Neighbours of precision and recall.
pub const PRECISION_RECALL_K: usize = 3;
/// Neighbours of density and coverage.
pub const DENSITY_COVERAGE_K: usize = 5;

/// The four figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Prdc {
    /// share of samples among the data
    pub precision: Figure,
    /// share of data among the samples
    pub recall: Figure,
    /// how many balls of data hold a sample, by k
    pub density: Figure,
    /// share of data with a sample in their ball
    pub coverage: Figure,
}

/// All four of samples against data, with one `k` for the first two and one for the last two. Products are shared
/// between figures of the same `k`.
///
/// # Errors
/// [`menagerie_data::Error::Usage`] when the widths differ, or a set has no `k` others for an item.
pub fn prdc(
    samples: Features,
    data: Features,
    k_precision_recall: usize,
    k_density_coverage: usize,
) -> Result<Prdc> {
    let (y, x) = Rows::pair(samples, data)?;
    let of_data = super::neighbours::nearest(&x, &x, k_precision_recall.max(k_density_coverage), true)?;
    let radius = |k: usize| of_data.iter().map(|n| n[k.max(1) - 1].1).collect::<Vec<f64>>();
    let around_data = balls(&x, &radius(k_precision_recall), &y);
    let around_samples = balls(&y, &radii(&y, k_precision_recall)?, &x);
    let wider =
        (k_density_coverage != k_precision_recall).then(|| balls(&x, &radius(k_density_coverage), &y));
    let wider = wider.as_ref().unwrap_or(&around_data);
    let share = |hits: usize, of: usize| {
        let p = hits as f64 / of as f64;
        // Items are taken as independent.
        Figure {
            value: p,
            error: Some((p * (1.0 - p) / of as f64).sqrt()),
            warning: few(samples.count(), data.count()),
        }
    };
    let held = |counts: &[u32]| counts.iter().filter(|c| **c > 0).count();
    let per_k: Vec<f64> = wider
        .open
        .iter()
        .map(|&c| c as f64 / k_density_coverage as f64)
        .collect();
    Ok(Prdc {
        precision: share(held(&around_data.closed), samples.count()),
        recall: share(held(&around_samples.closed), data.count()),
        density: Figure {
            warning: few(samples.count(), data.count()),
            ..Figure::mean(&per_k)
        },
        coverage: share(wider.hit.iter().filter(|h| **h).count(), data.count()),
    })
}

fn few(samples: usize, data: usize) -> Option<String> {
    let (low, high) = (samples.min(data), samples.max(data));
    (high > 2 * low)
        .then(|| format!("{samples} samples against {data} items: these figures are made for equal numbers"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie_data::random::Key;

    fn all(samples: &[f32], data: &[f32], d: usize) -> Prdc {
        prdc(
            Features::new(samples, d, "samples").unwrap(),
            Features::new(data, d, "data").unwrap(),
            3,
            5,
        )
        .unwrap()
    }

    /// Points around the corners `modes` of a square.
    fn corners(n: usize, modes: usize, noise: f64, seed: u64) -> Vec<f32> {
        let mut draw = Key::new(seed).rng();
        (0..n)
            .flat_map(|i| {
                let c = i % modes;
                [
                    (c % 2) as f64 * 10.0 + draw.normal() * noise,
                    (c / 2) as f64 * 10.0 + draw.normal() * noise,
                ]
                .map(|v| v as f32)
            })
            .collect()
    }

    #[test]
    fn on_a_line_by_hand() {
        // Data 0..7, the third neighbour of the ends at 3, of others at 2 or so.
        let data: Vec<f32> = (0..8).map(|i| i as f32).collect();
        // 7.5 lies in the ball of 7 (radius 3), 20 in none, 3 is a copy, -2.9 in that of 0 alone.
        let samples = [7.5, 20.0, 3.0, -2.9, 3.1, 3.2];
        let p = all(&samples, &data, 1);
        assert_eq!(p.precision.value, 5.0 / 6.0);
        let f = prdc(
            Features::new(&samples, 1, "s").unwrap(),
            Features::new(&data, 1, "d").unwrap(),
            8,
            5,
        );
        assert!(
            f.unwrap_err()
                .to_string()
                .contains("8 nearest neighbours among 7")
        );
    }

    #[test]
    fn dropped_modes_cost_recall_and_noise_costs_precision() {
        let data = corners(400, 4, 0.5, 1);
        let (good, dropped, noisy) = (
            corners(400, 4, 0.5, 2),
            corners(400, 2, 0.5, 3),
            corners(400, 4, 2.0, 4),
        );
        let (good, dropped, noisy) = (
            all(&good, &data, 2),
            all(&dropped, &data, 2),
            all(&noisy, &data, 2),
        );
        assert!(
            good.precision.value > 0.9 && good.recall.value > 0.9 && good.coverage.value > 0.9,
            "{good:?}"
        );
        assert!((good.density.value - 1.0).abs() < 0.15, "{good:?}");
        assert!(
            dropped.recall.value < 0.6 && dropped.coverage.value < 0.6 && dropped.precision.value > 0.9,
            "{dropped:?}"
        );
        assert!(
            noisy.precision.value < 0.6 && noisy.density.value < 0.6 && noisy.recall.value > 0.9,
            "{noisy:?}"
        );
    }

    #[test]
    fn a_set_against_itself_is_perfect_and_unequal_numbers_are_warned_of() {
        let x = corners(100, 4, 0.5, 1);
        let p = all(&x, &x, 2);
        assert_eq!([p.precision.value, p.recall.value, p.coverage.value], [1.0; 3]);
        assert!((p.density.value - 1.0).abs() < 1e-12);
        assert!(p.recall.warning.is_none());
        assert!(
            all(&x[..40], &x, 2)
                .recall
                .warning
                .unwrap()
                .contains("20 samples against 100")
        );
    }
}
