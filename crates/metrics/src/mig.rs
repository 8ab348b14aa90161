//! Mutual information gap (MIG): Chen, Li, Grosse, Duvenaud 2018, Isolating Sources of Disentanglement in Variational
//! Autoencoders, arXiv:1802.04942, equation 6.
//!
//! MIG = 1/K sum_k (I(z_j(k); v_k) - max_{j != j(k)} I(z_j; v_k)) / H(v_k), where j(k) is the dimension of the code that tells
//! most of factor v_k.
//!
//! Between 0 and 1; 1 where each factor is told wholly by one dimension and by no other. More is better. Mutual
//! information is that of counts, as in Locatello et al. 2019 (arXiv:1811.12359): the mean codes are put into [`BINS`] bins of
//! equal width; a factor's different values are its classes (more than [`MOST_VALUES`] of them come into bins, too).
//! It depends on the items, their number (counts overestimate information, by about (bins - 1)(classes - 1) / 2n nats, which
//! the difference mostly takes out) and the bins. Factors that never change have no entropy and do not count.
use super::discrete::{MOST_VALUES, binned, classes, information};
use super::features::Features;
use menagerie_data::error::{Error, Result};
use rayon::prelude::*;

/// Bins of a dimension of the code.
pub const BINS: usize = 20;

const _: () = assert!(BINS <= MOST_VALUES);

/// The figure, and what it is the mean of.
#[derive(Clone, Debug, PartialEq)]
pub struct Mig {
    /// the mean gap
    pub value: f64,
    /// each factor's gap over its entropy; `None` where it never changes
    pub gaps: Vec<Option<f64>>,
}

/// Column `j` of rows.
pub(super) fn column(rows: &Features, j: usize) -> Vec<f64> {
    (0..rows.count()).map(|i| f64::from(rows.row(i)[j])).collect()
}

/// Refuses codes and factors that are not of the same items.
pub(super) fn same_items(codes: &Features, factors: &Features) -> Result<()> {
    if codes.count() == factors.count() {
        return Ok(());
    }
    let problem = format!("{} codes and {} rows of factors", codes.count(), factors.count());
    Err(Error::usage(problem, "give both of the same items"))
}

pub(super) fn unchanging() -> Error {
    Error::usage(
        "none of the factors changes from item to item",
        "give more items, or data whose attributes differ",
    )
}

/// Of codes `[items, dimensions]` and the factors `[items, factors]` that the items were made of.
///
/// # Errors
/// [`Error::Usage`] for different numbers of items, or factors none of which changes.
pub fn mig(codes: &Features, factors: &Features) -> Result<Mig> {
    same_items(codes, factors)?;
    let codes: Vec<Vec<usize>> = (0..codes.width())
        .into_par_iter()
        .map(|j| binned(&column(codes, j), BINS))
        .collect();
    let gap = |k: usize| {
        let factor = classes(&column(factors, k), BINS);
        let (mut best, mut second, mut entropy) = (0.0, 0.0, 0.0);
        for code in &codes {
            let found = information(code, &factor);
            entropy = found.entropies[1];
            if found.shared > best {
                (best, second) = (found.shared, best);
            } else if found.shared > second {
                second = found.shared;
            }
        }
        (entropy > 0.0).then(|| (best - second) / entropy)
    };
    let gaps: Vec<Option<f64>> = (0..factors.width()).into_par_iter().map(gap).collect();
    let counted: Vec<f64> = gaps.iter().flatten().copied().collect();
    if counted.is_empty() {
        return Err(unchanging());
    }
    Ok(Mig {
        value: counted.iter().sum::<f64>() / counted.len() as f64,
        gaps,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie_data::random::Key;

    /// Two factors of 4 and 5 values in all their combinations, so often.
    fn grid(times: usize) -> Vec<f32> {
        let all = (0..20 * times).flat_map(|i| [(i % 4) as f32, (i / 4 % 5) as f32]);
        all.collect()
    }

    fn of(codes: &[f32], factors: &[f32]) -> Mig {
        let rows = |v| Features::new(v, 2, "rows").unwrap();
        mig(&rows(codes), &rows(factors)).unwrap()
    }

    #[test]
    fn a_perfect_code_has_1_a_turned_one_less_and_noise_none() {
        let factors = grid(200);
        // In another order, each by a function of its own.
        let perfect: Vec<f32> = factors
            .chunks(2)
            .flat_map(|f| [-3.0 * f[1], f[0].exp()])
            .collect();
        let m = of(&perfect, &factors);
        assert!((m.value - 1.0).abs() < 1e-12, "{m:?}");
        // Both dimensions tell the same: there is no gap.
        let twice: Vec<f32> = factors.chunks(2).flat_map(|f| [f[0] + 10.0 * f[1]; 2]).collect();
        assert!(of(&twice, &factors).value.abs() < 1e-12);
        let turned: Vec<f32> = factors
            .chunks(2)
            .flat_map(|f| [f[0] + 0.5 * f[1], f[1] - 0.5 * f[0]])
            .collect();
        let t = of(&turned, &factors).value;
        assert!(t > 0.05 && t < 0.8, "{t}");
        let mut draw = Key::new(1).rng();
        let noise: Vec<f32> = factors.iter().map(|_| draw.normal() as f32).collect();
        assert!(of(&noise, &factors).value < 0.01);
    }

    #[test]
    fn factors_that_never_change_do_not_count() {
        let factors: Vec<f32> = grid(3).chunks(2).flat_map(|f| [f[0], 7.0]).collect();
        let m = of(&grid(3), &factors);
        assert!(m.gaps[1].is_none() && (m.value - 1.0).abs() < 1e-12);
        let refused = |codes: &[f32], factors: &[f32]| {
            let rows = |v| Features::new(v, 2, "rows").unwrap();
            mig(&rows(codes), &rows(factors)).unwrap_err().to_string()
        };
        assert!(refused(&grid(1), &[1.0; 40]).contains("none of the factors changes"));
        assert!(refused(&grid(2), &grid(1)).contains("40 codes and 20 rows of factors"));
    }
}
