//! Whether decisions depend on a group, whether rows tell it, and how far columns of two tables are apart.
use super::features::Figure;

/// The largest difference of the share of `positive` rows between two groups (of two: |P(y = 1 | s = 1) - P(y = 1 | s = 0)|, the risk
/// difference, Xu et al. 2018, arXiv:1805.11202, section 3.2), and its standard error. 0 is fair. None where a group has no row.
pub fn risk_difference(groups: &[u32], positive: &[bool], count: usize) -> Option<Figure> {
    let of = |g: u32| {
        let rows = groups.iter().zip(positive).filter(|(s, _)| **s == g);
        let (n, yes) = rows.fold((0.0, 0.0), |(n, yes), (_, y)| {
            (n + 1.0, yes + f64::from(u8::from(*y)))
        });
        (n > 0.0).then_some((yes / n, n))
    };
    let shares: Vec<(f64, f64)> = (0..count as u32).map(of).collect::<Option<_>>()?;
    let most = shares.iter().copied().max_by(|a, b| a.0.total_cmp(&b.0))?;
    let least = shares.iter().copied().min_by(|a, b| a.0.total_cmp(&b.0))?;
    let variance = |(p, n): (f64, f64)| p * (1.0 - p) / n;
    Some(Figure {
        error: Some((variance(most) + variance(least)).sqrt()),
        ..Figure::of(most.0 - least.0)
    })
}

/// The mean over classes of the share of its rows that is not found (the balanced error rate, Feldman et al. 2015, arXiv:1412.3756,
/// definition 4.1), and its standard error: 1 - 1/k of k classes where nothing is told, 0 where all is. None where a class has no row.
pub fn balanced_error(truth: &[u32], found: &[u32], classes: usize) -> Option<Figure> {
    let of = |c: u32| {
        let rows = truth.iter().zip(found).filter(|(t, _)| **t == c);
        let (n, wrong) = rows.fold((0.0, 0.0), |(n, w), (t, f)| {
            (n + 1.0, w + f64::from(u8::from(t != f)))
        });
        (n > 0.0).then_some((wrong / n, n))
    };
    let errors: Vec<(f64, f64)> = (0..classes as u32).map(of).collect::<Option<_>>()?;
    let k = classes as f64;
    Some(Figure {
        error: Some(errors.iter().map(|(p, n)| p * (1.0 - p) / n).sum::<f64>().sqrt() / k),
        ..Figure::of(errors.iter().map(|(p, _)| p).sum::<f64>() / k)
    })
}

/// Half the sum of the differences of shares (total variation), of two columns of so many classes. None for an empty one.
pub fn share_distance(a: &[f32], b: &[f32], classes: usize) -> Option<f64> {
    let shares = |column: &[f32]| {
        let mut out = vec![0.0; classes];
        for v in column {
            *out.get_mut(*v as usize)? += 1.0 / column.len() as f64;
        }
        (!column.is_empty()).then_some(out)
    };
    let (a, b) = (shares(a)?, shares(b)?);
    Some(a.iter().zip(&b).map(|(a, b)| (a - b).abs()).sum::<f64>() / 2.0)
}

/// The largest difference of the distribution functions of two columns of numbers (Kolmogorov & Smirnov). None for an empty one.
pub fn number_distance(a: &[f32], b: &[f32]) -> Option<f64> {
    let sorted = |v: &[f32]| {
        let mut v = v.to_vec();
        v.sort_by(f32::total_cmp);
        v
    };
    let (a, b) = (sorted(a), sorted(b));
    let below = |v: &[f32], x: f32| v.partition_point(|y| *y <= x) as f64 / v.len() as f64;
    let at = |x: &f32| (below(&a, *x) - below(&b, *x)).abs();
    (!a.is_empty() && !b.is_empty()).then(|| a.iter().chain(&b).map(at).fold(0.0, f64::max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_by_hand() {
        let groups = [0, 0, 0, 0, 1, 1, 1, 1];
        let yes = [true, true, true, false, true, false, false, false];
        let f = risk_difference(&groups, &yes, 2).unwrap();
        assert!((f.value - 0.5).abs() < 1e-12);
        assert!((f.error.unwrap() - (2.0 * 0.75 * 0.25 / 4.0f64).sqrt()).abs() < 1e-12);
        assert!(risk_difference(&groups, &yes, 3).is_none());
        // Three of four and one of two are found: the mean of 1/4 and 1/2, not 2/6.
        let f = balanced_error(&[0, 0, 0, 0, 1, 1], &[0, 0, 0, 1, 1, 0], 2).unwrap();
        assert!((f.value - 0.375).abs() < 1e-12, "{f:?}");
        assert!(balanced_error(&[0, 0], &[0, 1], 2).is_none());
        assert_eq!(
            share_distance(&[0.0, 0.0, 1.0, 2.0], &[0.0, 1.0, 1.0, 1.0], 3),
            Some(0.5)
        );
        assert_eq!(
            number_distance(&[1.0, 2.0, 3.0, 4.0], &[3.0, 4.0, 5.0, 6.0]),
            Some(0.5)
        );
        assert_eq!(number_distance(&[1.0, 2.0], &[2.0, 1.0]), Some(0.0));
        assert!(number_distance(&[], &[1.0]).is_none());
    }
}
