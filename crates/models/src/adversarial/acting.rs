//! What policies have in common: to act by probabilities, and how much better what was done has turned out than was foretold.

/// The entry whose share of [0, 1) a number lies in.
pub(super) fn pick(p: &[f32], u: f64) -> usize {
    let mut sum = 0.0;
    let found = p.iter().position(|p| {
        sum += f64::from(*p);
        u < sum
    });
    found.unwrap_or(p.len() - 1)
}

/// Generalized advantages of the steps of one course (Schulman et al. 2015, arXiv:1506.02438, equation 16):
///
/// A_t = sum_k (discount trace)^k delta_{t + k},   delta_t = r_t + discount V_{t + 1} - V_t
///
/// `rewards` has a number for each step; `values` one more: of the state before each, and of the last one, 0 where nothing follows it.
pub(super) fn advantages(rewards: &[f32], values: &[f32], discount: f64, trace: f64) -> Vec<f32> {
    let (mut later, mut all) = (0.0, vec![0.0; rewards.len()]);
    for t in (0..rewards.len()).rev() {
        let value = |t: usize| f64::from(values[t]);
        let surprise = f64::from(rewards[t]) + discount * value(t + 1) - value(t);
        later = surprise + discount * trace * later;
        all[t] = later as f32;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_picked_by_their_shares() {
        let p = [0.2, 0.5, 0.3];
        assert_eq!(
            [0.0, 0.19, 0.21, 0.69, 0.71, 0.9999999].map(|u| pick(&p, u)),
            [0, 0, 1, 1, 2, 2]
        );
    }

    /// By the sums themselves, term by term.
    #[test]
    fn advantages_are_sums_of_surprises() {
        let (r, v, g, l) = ([1.0f32, -2.0, 0.5, 3.0], [0.3f32, -0.1, 0.7, 0.2, 0.4], 0.9, 0.8);
        let all = advantages(&r, &v, g, l);
        for t in 0..4 {
            let surprise = |k: usize| f64::from(r[k]) + g * f64::from(v[k + 1]) - f64::from(v[k]);
            let sum: f64 = (t..4).map(|k| (g * l).powi((k - t) as i32) * surprise(k)).sum();
            assert!((f64::from(all[t]) - sum).abs() < 1e-6);
        }
    }
}
