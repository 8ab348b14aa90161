//! How well numbers tell the unusual from the usual: by the order that they bring items into, whatever their scale.
use crate::Figure;

/// The probability that an unusual item has a larger score than a usual one, a tie counting half: the area under the curve of
/// true against false alarms (Hanley & McNeil 1982, The Meaning and Use of the Area under a ROC Curve). 0.5 is chance, 1 the best.
/// Its standard error is theirs (equation 1), with exponentials for the two densities. None without items of both kinds, and
/// where a score is no number.
pub fn auroc(scores: &[f64], unusual: &[bool]) -> Option<Figure> {
    let (mut order, positives, negatives) = ordered(scores, unusual)?;
    order.reverse();
    // Ranks from the smallest, those that tie sharing their mean.
    let (mut sum, mut from) = (0.0, 0);
    while from < order.len() {
        let same = tied(scores, &order, from);
        let rank = (from + from + same + 1) as f64 / 2.0;
        let among = order[from..from + same].iter().filter(|&&i| unusual[i]).count();
        sum += rank * among as f64;
        from += same;
    }
    let (p, n) = (positives as f64, negatives as f64);
    let a = (sum - p * (p + 1.0) / 2.0) / (p * n);
    let (q1, q2) = (a / (2.0 - a), 2.0 * a * a / (1.0 + a));
    let variance = (a * (1.0 - a) + (p - 1.0) * (q1 - a * a) + (n - 1.0) * (q2 - a * a)) / (p * n);
    Some(Figure {
        value: a,
        error: Some(variance.max(0.0).sqrt()),
        warning: few(positives, negatives),
    })
}

/// The mean precision over thresholds, each weighted by the recall that it adds: sum_k (R_k - R_(k-1)) P_k, thresholds from the
/// largest score down, those that tie together. By chance it is the share of unusual items, at best 1. None as for [`auroc`].
pub fn average_precision(scores: &[f64], unusual: &[bool]) -> Option<Figure> {
    let (order, positives, negatives) = ordered(scores, unusual)?;
    let (mut sum, mut from, mut found) = (0.0, 0, 0);
    while from < order.len() {
        let same = tied(scores, &order, from);
        let among = order[from..from + same].iter().filter(|&&i| unusual[i]).count();
        (found, from) = (found + among, from + same);
        sum += among as f64 / positives as f64 * found as f64 / from as f64;
    }
    Some(Figure {
        value: sum,
        error: None,
        warning: few(positives, negatives),
    })
}

/// Items from the largest score down, and how many are unusual and usual.
fn ordered(scores: &[f64], unusual: &[bool]) -> Option<(Vec<usize>, usize, usize)> {
    let positives = unusual.iter().filter(|u| **u).count();
    let negatives = unusual.len() - positives;
    let whole = scores.len() == unusual.len() && scores.iter().all(|s| s.is_finite());
    if !whole || positives == 0 || negatives == 0 {
        return None;
    }
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
    Some((order, positives, negatives))
}

/// How many from there on have the same score.
fn tied(scores: &[f64], order: &[usize], from: usize) -> usize {
    let first = scores[order[from]];
    order[from..].iter().take_while(|&&i| scores[i] == first).count()
}

fn few(positives: usize, negatives: usize) -> Option<String> {
    let least = positives.min(negatives);
    (least < 30).then(|| format!("there are only {positives} unusual items beside {negatives} usual ones"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(scores: &[f64], unusual: &[u8]) -> (f64, f64) {
        let unusual: Vec<bool> = unusual.iter().map(|u| *u == 1).collect();
        let (a, p) = (auroc(scores, &unusual), average_precision(scores, &unusual));
        (a.unwrap().value, p.unwrap().value)
    }

    fn close(a: (f64, f64), b: (f64, f64)) {
        assert!(
            (a.0 - b.0).abs() < 1e-12 && (a.1 - b.1).abs() < 1e-12,
            "{a:?} {b:?}"
        );
    }

    /// By hand: of the four pairs three are in order; precisions 1 at the first and 2/3 at the second. It is the example of
    /// scikit-learn's `roc_auc_score` and `average_precision_score`, which give 0.75 and 0.8333.
    #[test]
    fn by_hand() {
        close(both(&[0.1, 0.4, 0.35, 0.8], &[0, 0, 1, 1]), (0.75, 5.0 / 6.0));
        close(both(&[1.0, 2.0, 3.0, 4.0], &[0, 0, 1, 1]), (1.0, 1.0));
        // All wrong: precisions 1/3 and 2/4.
        close(
            both(&[4.0, 3.0, 2.0, 1.0], &[0, 0, 1, 1]),
            (0.0, (1.0 / 3.0 + 0.5) / 2.0),
        );
        // All the same: chance.
        close(both(&[7.0; 5], &[0, 1, 0, 0, 1]), (0.5, 0.4));
    }

    /// scikit-learn 1.9.1: roc_auc_score gives 0.6875 and average_precision_score 0.7, with ties: scores 3, 2, 2, 1, 1, 0 in
    /// steps, worked out by hand as well. Pairs: 8 of 2 x 4, in order 5 and tied 1; precisions 1 at one of two, 2/5 at the other.
    #[test]
    fn ties_stand_together() {
        close(
            both(&[3.0, 2.0, 2.0, 1.0, 1.0, 0.0], &[1, 0, 0, 1, 0, 0]),
            (5.5 / 8.0, 0.5 + 0.5 * 2.0 / 5.0),
        );
    }

    /// The order alone counts, and turning it round turns the area round.
    #[test]
    fn scales_do_not_matter() {
        let mut state = 5u64;
        let mut draw = || {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 40) as f64 / (1u64 << 24) as f64
        };
        let unusual: Vec<bool> = (0..200).map(|i| i % 5 == 0).collect();
        let scores: Vec<f64> = unusual
            .iter()
            .map(|u| draw() + if *u { 0.3 } else { 0.0 })
            .collect();
        let of = |f: &dyn Fn(f64) -> f64| {
            let s: Vec<f64> = scores.iter().map(|v| f(*v)).collect();
            (
                auroc(&s, &unusual).unwrap(),
                average_precision(&s, &unusual).unwrap(),
            )
        };
        let (plain, scaled, turned) = (of(&|v| v), of(&|v| (5.0 * v).exp()), of(&|v| -v));
        assert_eq!(plain, scaled);
        assert!((plain.0.value + turned.0.value - 1.0).abs() < 1e-12);
        // Naively, over all pairs.
        let pairs = (0..200).filter(|i| unusual[*i]).flat_map(|i| {
            let scores = &scores;
            let usual = (0..200).filter(|j| j % 5 != 0);
            usual.map(move |j| f64::from(scores[i] > scores[j]))
        });
        assert!((plain.0.value - pairs.sum::<f64>() / (40.0 * 160.0)).abs() < 1e-12);
        assert!(plain.0.error.unwrap() > 0.02 && plain.0.error.unwrap() < 0.1);
    }

    #[test]
    fn what_has_no_meaning_has_no_figure() {
        assert!(auroc(&[1.0, 2.0], &[true, true]).is_none() && auroc(&[], &[]).is_none());
        assert!(average_precision(&[f64::NAN, 2.0], &[true, false]).is_none());
        assert!(auroc(&[1.0, 2.0], &[true, false]).unwrap().warning.is_some());
    }
}
