//! Disentanglement, completeness and informativeness (DCI): Eastwood & Williams 2018, A Framework for the Quantitative Evaluation
//! of Disentangled Representations, ICLR.
//!
//! Each factor is predicted from the code; R_ij >= 0 is how important dimension i of the code is for factor j. With
//! P_ij = R_ij / sum_k R_ik, disentanglement of dimension i is D_i = 1 - H_K(P_i), H_K the entropy to the base of the number of
//! factors: 1 where the dimension serves one factor alone. D is the mean of D_i, weighted by the dimension's share of
//! importance. Completeness of factor j is C_j = 1 - H_D(R_.j / sum_i R_ij) to the base of the number of dimensions: 1 where one
//! dimension alone serves it; C is their mean. Informativeness is how well factors are predicted: here the share of
//! their variance that is explained on items that were not learned from, 0 at least, the mean over factors (the paper
//! gives the error, whose normalized square is 1 minus this).
//!
//! The predictor is gradient boosting of regression trees ([`super::boosting`]: 100 trees of depth 3, rate 0.1, as in
//! Locatello et al. 2019, arXiv:1811.12359, but regressing), and R_ij the squared error that splits of dimension i took away,
//! as a share of all that was taken away for factor j. The paper's own are lasso and random forests: a figure depends on
//! the predictor, the items and their number. All three lie between 0 and 1; more is better. Factors that never change
//! do not count.
use super::boosting::{Binned, Boosted};
use super::features::Features;
use super::mig::{column, same_items, unchanging};
use menagerie_data::error::Result;
use rayon::prelude::*;

/// The three figures, and what they are made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Dci {
    /// whether a dimension serves one factor
    pub disentanglement: f64,
    /// whether a factor is served by one dimension
    pub completeness: f64,
    /// whether factors can be told from the code
    pub informativeness: f64,
    /// R, `[dimensions, factors that change]`; columns sum to 1, or 0 where nothing could be told
    pub importances: Vec<f64>,
}

/// Of codes `[items, dimensions]` and the factors `[items, factors]` of items to learn from, and of others to be tested on.
///
/// # Errors
/// [`menagerie_data::Error::Usage`] for different numbers of items or columns, or factors none of which changes.
pub fn dci([codes, factors]: [&Features; 2], [other_codes, other_factors]: [&Features; 2]) -> Result<Dci> {
    same_items(codes, factors)?;
    same_items(other_codes, other_factors)?;
    codes.fits(other_codes)?;
    factors.fits(other_factors)?;
    let rows = Binned::new(codes);
    let other = rows.of(other_codes);
    let predicted: Vec<(Vec<f64>, f64)> = (0..factors.width())
        .into_par_iter()
        .filter_map(|k| {
            let (learned, asked) = (column(factors, k), column(other_factors, k));
            let spread = squares(&asked, &vec![mean(&asked); asked.len()]);
            if spread == 0.0 || learned.iter().all(|v| *v == learned[0]) {
                return None;
            }
            let boosted = Boosted::fit(&rows, &learned);
            let explained = 1.0 - squares(&asked, &boosted.predict(&other)) / spread;
            Some((boosted.gains, explained.max(0.0)))
        })
        .collect();
    if predicted.is_empty() {
        return Err(unchanging());
    }
    let (dimensions, kept) = (codes.width(), predicted.len());
    let mut importances = vec![0.0; dimensions * kept];
    for (j, (gains, _)) in predicted.iter().enumerate() {
        let all: f64 = gains.iter().sum();
        for (i, gain) in gains.iter().enumerate().filter(|_| all > 0.0) {
            importances[i * kept + j] = gain / all;
        }
    }
    let (disentanglement, completeness) = of_importances(&importances, kept);
    Ok(Dci {
        disentanglement,
        completeness,
        informativeness: mean(&predicted.iter().map(|p| p.1).collect::<Vec<_>>()),
        importances,
    })
}

/// D and C of importances `[dimensions, factors]`.
fn of_importances(importances: &[f64], factors: usize) -> (f64, f64) {
    let dimensions = importances.len() / factors;
    let all: f64 = importances.iter().sum();
    let of_dimension = |row: &[f64]| row.iter().sum::<f64>() / all.max(f64::MIN_POSITIVE) * purity(row);
    let of_factor = |j: usize| {
        let column: Vec<f64> = importances[j..].iter().step_by(factors).copied().collect();
        purity(&column)
    };
    debug_assert_eq!(dimensions * factors, importances.len());
    (
        importances.chunks_exact(factors).map(of_dimension).sum(),
        mean(&(0..factors).map(of_factor).collect::<Vec<_>>()),
    )
}

/// 1 minus the entropy of shares, to the base of their number; 0 where there is nothing to share, 1 for a single one.
fn purity(shares: &[f64]) -> f64 {
    let all: f64 = shares.iter().sum();
    match (all > 0.0, shares.len()) {
        (false, _) => 0.0,
        (true, 1) => 1.0,
        (true, n) => {
            let term = |s: &f64| {
                if *s > 0.0 {
                    -(s / all) * (s / all).ln()
                } else {
                    0.0
                }
            };
            1.0 - shares.iter().map(term).sum::<f64>() / (n as f64).ln()
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn squares(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie_data::random::Key;

    #[test]
    fn disentanglement_and_completeness_by_hand() {
        // Each dimension serves one factor; the first factor is served by two.
        let (d, c) = of_importances(&[0.5, 0.0, 0.5, 0.0, 0.0, 1.0], 2);
        let half = 1.0 - 2f64.ln() / 3f64.ln();
        assert!((d - 1.0).abs() < 1e-12 && (c - (half + 1.0) / 2.0).abs() < 1e-12);
        // One dimension serves both factors, with 3/4 of all importance; another, a quarter, one alone.
        let (d, c) = of_importances(&[1.0, 0.5, 0.0, 0.5], 2);
        let entropy = |p: f64| -(p * p.ln() + (1.0 - p) * (1.0 - p).ln()) / 2f64.ln();
        assert!((d - (0.75 * (1.0 - entropy(1.0 / 3.0)) + 0.25)).abs() < 1e-12);
        assert!((c - 0.5).abs() < 1e-12);
        assert_eq!(of_importances(&[0.0; 4], 2), (0.0, 0.0));
    }

    #[test]
    fn a_perfect_code_has_1_a_turned_one_less_and_noise_none() {
        let mut draw = Key::new(3).rng();
        let factors: Vec<f32> = (0..6000).map(|_| draw.below(10) as f32).collect();
        let noise: Vec<f32> = (0..6000).map(|_| draw.normal() as f32).collect();
        let of = |codes: &[f32]| {
            let rows = |v: &[f32], half: usize| -> Vec<f32> {
                v.chunks(3).skip(half).step_by(2).flatten().copied().collect()
            };
            let parts = [
                rows(codes, 0),
                rows(&factors, 0),
                rows(codes, 1),
                rows(&factors, 1),
            ];
            let [a, b, c, d] = parts.each_ref().map(|v| Features::new(v, 3, "rows").unwrap());
            dci([&a, &b], [&c, &d]).unwrap()
        };
        let perfect: Vec<f32> = factors
            .chunks(3)
            .flat_map(|f| [f[2].sqrt(), -f[0], f[1] * f[1]])
            .collect();
        let p = of(&perfect);
        assert!(p.disentanglement > 0.999 && p.completeness > 0.999, "{p:?}");
        assert!(p.informativeness > 0.999, "{p:?}");
        let turned: Vec<f32> = factors
            .chunks(3)
            .flat_map(|f| [f[0] + f[1], f[0] - f[1], f[2]])
            .collect();
        let t = of(&turned);
        assert!(t.disentanglement < 0.7 && t.completeness < 0.7, "{t:?}");
        assert!(t.informativeness > 0.8, "all can still be told: {t:?}");
        let n = of(&noise);
        assert!(n.disentanglement < 0.05 && n.completeness < 0.05, "{n:?}");
        assert!(n.informativeness < 0.01, "{n:?}");
    }
}
