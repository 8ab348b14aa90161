//! Inception score (`is`): Salimans et al. 2016, arXiv:1606.03498, section 4.
//!
//! exp of the mean KL(p(y|x) || p(y)) over the samples of a split, p(y) the mean of p(y|x) in that split; the mean over
//! `splits` parts of equal size, as torch-fidelity has it. No unit; from 1 to the number of classes. More is better. It
//! depends on the classifier, the number of samples and of splits; it knows nothing of the data.
use super::features::Figure;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;

/// Splits, as torch-fidelity has them.
pub const SPLITS: usize = 10;

/// The score from log-probabilities or logits `[count, classes]`, in an order drawn from the key (`None`: as they come).
/// The error is the standard error of the mean over the splits.
///
/// # Errors
/// [`Error::Usage`] when rows are not whole, fewer than the splits, or hold numbers that are no logits.
pub fn inception_score(logits: &[f32], classes: usize, splits: usize, key: Option<Key>) -> Result<Figure> {
    if classes < 2 || !logits.len().is_multiple_of(classes) {
        let problem = format!(
            "{} numbers are not rows of {classes} class probabilities",
            logits.len()
        );
        return Err(Error::usage(problem, "use an extractor that classifies"));
    }
    let n = logits.len() / classes;
    if splits == 0 || n < splits {
        return Err(Error::usage(
            format!("{n} samples cannot be cut into {splits} splits"),
            "give more samples, or ask for fewer splits",
        ));
    }
    // A probability of zero has the logarithm -inf, which is sound.
    if let Some(at) = logits.iter().position(|v| v.is_nan() || *v == f32::INFINITY) {
        let problem = format!(
            "class {} of sample {} has the logit {}",
            at % classes,
            at / classes,
            logits[at]
        );
        return Err(Error::usage(problem, "look for damaged samples"));
    }
    let order = key.map_or_else(|| (0..n as u32).collect(), |k| k.permutation(n));
    let scores: Vec<f64> = (0..splits)
        .map(|s| score(&order[s * n / splits..(s + 1) * n / splits], logits, classes))
        .collect();
    let mut out = Figure::mean(&scores);
    out.warning = (n < 10 * classes * splits)
        .then(|| format!("{n} samples are few for {classes} classes in {splits} splits: biased"));
    Ok(out)
}

fn score(chosen: &[u32], logits: &[f32], classes: usize) -> f64 {
    let mut marginal = vec![0.0; classes];
    // sum p log p of all rows
    let mut negative_entropy = 0.0;
    for &i in chosen {
        let row = &logits[i as usize * classes..(i as usize + 1) * classes];
        let top = row.iter().fold(f64::NEG_INFINITY, |m, &v| m.max(v as f64));
        let log_sum = top + row.iter().map(|&v| (v as f64 - top).exp()).sum::<f64>().ln();
        for (q, &v) in marginal.iter_mut().zip(row) {
            let log_p = v as f64 - log_sum;
            let p = log_p.exp();
            *q += p;
            negative_entropy += if p > 0.0 { p * log_p } else { 0.0 };
        }
    }
    let n = chosen.len() as f64;
    let cross: f64 = marginal
        .iter()
        .filter(|q| **q > 0.0)
        .map(|q| q / n * (q / n).ln())
        .sum();
    (negative_entropy / n - cross).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sure_and_even_give_the_classes_and_undecided_gives_one() {
        let sure: Vec<f32> = (0..40)
            .flat_map(|i| (0..4).map(move |c| if i % 4 == c { 0.0 } else { f32::NEG_INFINITY }))
            .collect();
        let f = inception_score(&sure, 4, 2, None).unwrap();
        assert!((f.value - 4.0).abs() < 1e-12 && f.error.unwrap() < 1e-12);
        assert!((inception_score(&[0.5; 80], 4, 2, None).unwrap().value - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_score_by_hand_and_its_order() {
        // p = (3/4, 1/4) and (1/4, 3/4): KL to (1/2, 1/2) is ln 2 - H.
        let l = |p: f32| p.ln();
        let x = [l(0.75), l(0.25), l(0.25), l(0.75)];
        let h = -(0.75f64 * 0.75f64.ln() + 0.25 * 0.25f64.ln());
        assert!((inception_score(&x, 2, 1, None).unwrap().value - 2.0 * (-h).exp()).abs() < 1e-7);
        // One sample a split says nothing.
        assert!((inception_score(&x, 2, 2, Some(Key::new(1))).unwrap().value - 1.0).abs() < 1e-12);
    }

    #[test]
    fn bad_rows_are_refused() {
        let line = |x: &[f32], c, s| inception_score(x, c, s, None).unwrap_err().to_string();
        assert!(line(&[], 2, 1).contains("0 samples"));
        assert!(line(&[0.0; 5], 2, 1).contains("not rows of 2"));
        assert!(line(&[0.0; 6], 2, 4).contains("3 samples cannot be cut into 4"));
        assert!(line(&[0.0, f32::NAN], 2, 1).contains("class 1 of sample 0"));
    }
}
