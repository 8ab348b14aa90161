//! What a linear classifier can tell from features that stay as they are (Alain & Bengio 2016, arXiv:1610.01644; Radford et
//! al. 2016, arXiv:1511.06434, section 5.1): its accuracy on items it has not learned from.
//!
//! The classifier is multinomial logistic regression ([`super::logistic`]) on standardized features. The weight of its
//! penalty is the one of [`PENALTIES`] that does best on a fifth of the items to learn from (the largest of equals), when
//! it has learned from the other four; it then learns from all. Nothing about the items that it is tested on is looked at.
use super::features::Features;
use super::logistic::Logistic;
use menagerie_data::error::{Error, Result};

/// Weights of the penalty that are tried, the largest first.
pub const PENALTIES: [f64; 5] = [1.0, 0.1, 0.01, 1e-3, 1e-4];

/// One item of so many chooses the penalty.
pub const FIFTH: usize = 5;

/// Features and labels.
#[derive(Clone, Copy)]
pub struct Labelled<'a> {
    /// a row an item
    pub rows: Features<'a>,
    /// below the number of classes
    pub labels: &'a [u32],
}

/// What the classifier tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// for every test item whether its class is found
    pub right: Vec<bool>,
    /// the weight of the penalty that was chosen
    pub penalty: f64,
    /// whether the optimum was reached
    pub converged: bool,
}

/// Learns from some items and is tested on others. Items to learn from must lie in no order of classes: every fifth chooses
/// the penalty.
///
/// # Errors
/// [`Error::Usage`] for under ten items to learn from, or labels that do not fit.
pub fn probe(train: Labelled, test: Labelled, classes: usize) -> Result<Probe> {
    let width = train.rows.width();
    if train.rows.count() < 2 * FIFTH {
        let problem = format!(
            "{} items are too few for a classifier to learn from",
            train.rows.count()
        );
        return Err(Error::usage(problem, "give more with -n, thousands if you can"));
    }
    if train.labels.len() != train.rows.count() || test.labels.len() != test.rows.count() {
        return Err(Error::usage(
            "labels and items differ in number",
            "give every item its label",
        ));
    }
    let part = |held_out: bool| {
        let chosen = (0..train.rows.count()).filter(|i| (i % FIFTH == 0) == held_out);
        let rows: Vec<f32> = chosen.clone().flat_map(|i| train.rows.row(i)).copied().collect();
        (rows, chosen.map(|i| train.labels[i]).collect::<Vec<u32>>())
    };
    let ((learned, labels), (asked, answers)) = (part(false), part(true));
    let learned = Features::new(&learned, width, "the items to learn from")?;
    let asked = Features::new(&asked, width, "the items to learn from")?;
    let mut best: Option<(usize, Logistic, f64)> = None;
    let mut last: Option<Logistic> = None;
    for penalty in PENALTIES {
        // From the larger penalty's optimum: the next one is near.
        let found = Logistic::fit(&learned, &labels, classes, penalty, last.as_ref())?;
        let told = found.predict(&asked)?;
        let right = told.iter().zip(&answers).filter(|(a, b)| a == b).count();
        if best.as_ref().is_none_or(|b| right > b.0) {
            best = Some((right, found.clone(), penalty));
        }
        last = Some(found);
    }
    let (_, near, penalty) =
        best.ok_or_else(|| Error::usage("no penalty is tried", "report this as a bug"))?;
    let found = Logistic::fit(&train.rows, train.labels, classes, penalty, Some(&near))?;
    let told = found.predict(&test.rows)?;
    Ok(Probe {
        right: told.iter().zip(test.labels).map(|(a, b)| a == b).collect(),
        penalty,
        converged: found.converged,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie_data::random::Key;

    /// Gaussians around three corners, `apart` standard deviations from 0, and features that tell nothing.
    fn clouds(n: usize, noise: usize, apart: f64, seed: u64) -> (Vec<f32>, Vec<u32>) {
        let mut draw = Key::new(seed).rng();
        let labels: Vec<u32> = (0..n).map(|_| draw.below(3) as u32).collect();
        let row = |&l: &u32| -> Vec<f32> {
            let at = |c| if c == l { apart } else { 0.0 };
            let signal: Vec<f64> = (0..3).map(|c| at(c) + draw.normal()).collect();
            let rest: Vec<f64> = (0..noise).map(|_| draw.normal()).collect();
            signal.into_iter().chain(rest).map(|v| v as f32).collect()
        };
        (labels.iter().flat_map(row).collect(), labels)
    }

    #[test]
    fn it_tells_what_the_best_rule_tells_and_noise_nothing() {
        let (train, test) = (clouds(600, 20, 2.0, 1), clouds(2000, 20, 2.0, 2));
        let of = |d: &(Vec<f32>, Vec<u32>)| -> f64 {
            // The Bayes rule of equal, round clouds: the largest of the three.
            let right = |(row, l): (&[f32], &u32)| (0..3).all(|c| row[c] <= row[*l as usize]);
            d.0.chunks(23).zip(&d.1).filter(|&p| right(p)).count() as f64 / d.1.len() as f64
        };
        let run = |train: &(Vec<f32>, Vec<u32>), test: &(Vec<f32>, Vec<u32>)| {
            let labelled = |rows, labels| Labelled {
                rows: Features::new(rows, 23, "rows").unwrap(),
                labels,
            };
            let p = probe(labelled(&train.0, &train.1), labelled(&test.0, &test.1), 3).unwrap();
            assert!(p.converged && p.right.len() == 2000);
            p.right.iter().filter(|r| **r).count() as f64 / 2000.0
        };
        let (found, best) = (run(&train, &test), of(&test));
        assert!(
            found > best - 0.03 && found < best + 0.01,
            "{found}, the best rule {best}"
        );
        let noise = run(&clouds(600, 20, 0.0, 3), &clouds(2000, 20, 0.0, 4));
        assert!((noise - 1.0 / 3.0).abs() < 0.05, "{noise}");
    }

    #[test]
    fn too_few_items_are_refused() {
        let (rows, labels) = clouds(9, 0, 1.0, 1);
        let all = Labelled {
            rows: Features::new(&rows, 3, "rows").unwrap(),
            labels: &labels,
        };
        assert!(
            probe(all, all, 3)
                .unwrap_err()
                .to_string()
                .contains("9 items are too few")
        );
    }
}
