//! Groups that nobody has named, beside classes that have names.
use crate::transport::assignment;

/// The most items that can be in the group that stands for their class, where each group stands for at most one class and each
/// class has at most one group: `counts[group * classes + class]` items (the unsupervised accuracy of Yang et al. 2010, by the
/// assignment of Kuhn 1955).
pub fn matched(counts: &[usize], classes: usize) -> usize {
    let groups = counts.len() / classes.max(1);
    let n = groups.max(classes);
    let count = |g: usize, c: usize| match g < groups && c < classes {
        true => counts[g * classes + c],
        false => 0,
    };
    let cost: Vec<f64> = (0..n * n).map(|i| -(count(i / n, i % n) as f64)).collect();
    let class_of = assignment(&cost, n);
    class_of.iter().enumerate().map(|(g, &c)| count(g, c)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_of_all_matchings() {
        // Greedy would give group 0 class 0 (9) and leave 1 to the other: 10; the best is 8 + 7.
        assert_eq!(matched(&[9, 8, 7, 1], 2), 15);
        // More groups than classes, and fewer.
        assert_eq!(matched(&[5, 0, 6, 0, 0, 3], 2), 9);
        assert_eq!(matched(&[5, 6, 7], 3), 7);
    }

    /// All matchings of three groups and classes, by enumeration.
    #[test]
    fn as_enumeration_has_it() {
        let mut state = 7u64;
        for _ in 0..50 {
            let counts: Vec<usize> = (0..9)
                .map(|_| {
                    state = state
                        .wrapping_mul(6364136223846793005)
                        .wrapping_add(1442695040888963407);
                    (state >> 60) as usize
                })
                .collect();
            let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
            let best = orders
                .iter()
                .map(|o| (0..3).map(|g| counts[g * 3 + o[g]]).sum::<usize>())
                .max();
            assert_eq!(Some(matched(&counts, 3)), best);
        }
    }
}
