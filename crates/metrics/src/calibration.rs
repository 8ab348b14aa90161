//! Whether a classifier is right as often as it says it is.

/// Bins of confidence.
pub const BINS: usize = 15;

/// The expected calibration error (Naeini, Cooper, Hauskrecht 2015; Guo, Pleiss, Sun, Weinberger 2017, arXiv:1706.04599, equation 3): with
/// items in `bins` bins of equal width by the probability that is given to the likeliest class,
///
/// sum_m |B_m| / n |share of B_m that is right - mean probability in B_m|
///
/// 0 where it is right as often as it says, at most 1. None of no items. It is biased upwards for few items.
pub fn calibration_error(confidence: &[f64], right: &[bool], bins: usize) -> Option<f64> {
    let mut sums = vec![0.0f64; bins];
    for (c, r) in confidence.iter().zip(right) {
        let bin = ((c * bins as f64) as usize).min(bins - 1);
        sums[bin] += f64::from(u8::from(*r)) - c;
    }
    let n = confidence.len() as f64;
    (n > 0.0).then(|| sums.iter().map(|s| s.abs()).sum::<f64>() / n)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: four items at 0.9 of which two are right are off by 0.4, one at 0.55 that is right by 0.45; those at 0.95 that are all right
    /// by 0.05 fall into another bin and do not make good for the first.
    #[test]
    fn bins_are_off_by_what_they_say_too_much() {
        let confidence = [0.9, 0.9, 0.9, 0.9, 0.55, 0.95, 0.95];
        let right = [true, false, true, false, true, true, true];
        let found = calibration_error(&confidence, &right, 15).unwrap();
        assert!(
            (found - (4.0 * 0.4 + 0.45 + 2.0 * 0.05) / 7.0).abs() < 1e-12,
            "{found}"
        );
        // In one bin what is said too much of some makes good for others.
        let one = calibration_error(&confidence, &right, 1).unwrap();
        assert!((one - (5.0 - confidence.iter().sum::<f64>()).abs() / 7.0).abs() < 1e-12);
        assert_eq!(calibration_error(&[1.0, 1.0], &[true, true], 15), Some(0.0));
        assert_eq!(calibration_error(&[], &[], 15), None);
    }

    /// Of answers that are right as often as they say, the error falls with their number.
    #[test]
    fn honest_answers_have_none() {
        let n = 40_000u64;
        let mut state = 1u64;
        let mut draw = || {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        let confidence: Vec<f64> = (0..n).map(|_| 0.3 + 0.7 * draw()).collect();
        let right: Vec<bool> = confidence.iter().map(|c| draw() < *c).collect();
        assert!(calibration_error(&confidence, &right, BINS).unwrap() < 0.01);
        let too_sure: Vec<f64> = confidence.iter().map(|c| (c + 0.2).min(1.0)).collect();
        assert!(calibration_error(&too_sure, &right, BINS).unwrap() > 0.1);
    }
}
