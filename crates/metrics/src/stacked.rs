//! Stacked MNIST: how many of the thousand triples of digits do samples show, and how evenly? Metz et al. 2017
//! (arXiv:1611.02163, section 3.3.1); Srivastava et al. 2017, VEEGAN, arXiv:1705.07761, section 4.2.
//!
//! Each of an image's three channels is a digit of its own, drawn independently; a classifier reads them. A mode is a
//! triple; it is found when a sample shows it. KL(p || u) is that of the samples' modes to the even distribution over all
//! of them, in nats.
//!
//! Of 1000 modes more are better, of KL less. Both depend on the classifier and on the number of samples: n of them find
//! 1000 (1 - (1 - 1/1000)^n) modes on average even when they are drawn evenly (the papers take 25,600 or 26,000).

/// Modes that are found, and the divergence of their shares from even ones.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Modes {
    /// triples that occur
    pub found: usize,
    /// KL(p || u) in nats
    pub divergence: f64,
}

/// Of the classes that each channel of every sample shows, `[samples, channels]`. `None` for no samples, or a class that
/// does not exist.
pub fn modes(shown: &[u32], channels: usize, classes: usize) -> Option<Modes> {
    let all = u32::try_from(channels)
        .ok()
        .and_then(|c| classes.checked_pow(c))
        .filter(|&n| n <= 1 << 24)?;
    let whole = channels > 0 && !shown.is_empty() && shown.len().is_multiple_of(channels);
    if !whole || shown.iter().any(|&c| c as usize >= classes) {
        return None;
    }
    let mut counts = vec![0usize; all];
    shown
        .chunks_exact(channels)
        .for_each(|s| counts[s.iter().fold(0, |mode, &c| mode * classes + c as usize)] += 1);
    Some(Modes {
        found: counts.iter().filter(|c| **c > 0).count(),
        divergence: super::points::divergence_from_even(&counts),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_and_divergence_by_hand() {
        let even: Vec<u32> = (0..1000).flat_map(|k| [k / 100, k / 10 % 10, k % 10]).collect();
        let m = modes(&even, 3, 10).unwrap();
        assert!(m.found == 1000 && m.divergence.abs() < 1e-12);
        // One mode of a thousand, and two with shares of 1/4 and 3/4.
        assert!((modes(&[1, 2, 3].repeat(5), 3, 10).unwrap().divergence - 1000f64.ln()).abs() < 1e-12);
        let m = modes(&[1, 2, 3, 3, 2, 1, 3, 2, 1, 3, 2, 1], 3, 10).unwrap();
        let want = 1000f64.ln() + 0.25 * 0.25f64.ln() + 0.75 * 0.75f64.ln();
        assert!(m.found == 2 && (m.divergence - want).abs() < 1e-12);
        assert_eq!(
            [
                modes(&[], 3, 10),
                modes(&[1, 2], 3, 10),
                modes(&[1, 2, 10], 3, 10)
            ],
            [None; 3]
        );
    }
}
