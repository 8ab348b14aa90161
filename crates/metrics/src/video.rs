//! Do videos keep what should stay, and differ where they should? By a classifier of the frames' attributes.
//!
//! He, Lehrmann, Marino, Mori, Sigal (2018), Probabilistic Video Generation using Holistic Attribute Control,
//! arXiv:1803.08085, section 5.

/// Entropies of a classifier's verdicts, in nats; two figures may be compared only if the classifier, the number of videos and
/// of frames are the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Consistency {
    /// Intra-E: the mean over videos of the entropy of p(y | video), the mean of p(y | frame) over its frames; smaller is
    /// better: the attribute stays the same, and can be told
    pub intra_entropy: f64,
    /// Inter-E: the entropy of p(y), the mean of p(y | video) over videos; larger is better: all attributes occur
    pub inter_entropy: f64,
    /// I-Score: exp of the mean over videos of KL(p(y | video) || p(y)), from 1 to the number of classes; larger is better
    /// (Salimans et al. 2016, arXiv:1606.03498, of videos instead of images)
    pub score: f64,
}

/// Of class probabilities `[videos, frames, classes]`.
///
/// `None` when there are no probabilities, their number does not fit, or one is negative or not finite.
pub fn consistency(probabilities: &[f64], frames: usize, classes: usize) -> Option<Consistency> {
    let each = frames.checked_mul(classes).filter(|&n| n > 0)?;
    if probabilities.is_empty()
        || !probabilities.len().is_multiple_of(each)
        || probabilities.iter().any(|p| !(p.is_finite() && *p >= 0.0))
    {
        return None;
    }
    let videos: Vec<Vec<f64>> = probabilities
        .chunks_exact(each)
        .map(|v| mean(v, classes))
        .collect();
    let all = mean(&videos.concat(), classes);
    let intra_entropy = videos.iter().map(|p| entropy(p)).sum::<f64>() / videos.len() as f64;
    let inter_entropy = entropy(&all);
    // The mean of KL(p(y | v) || p(y)) is Inter-E - Intra-E, never below 0 but for rounding.
    Some(Consistency {
        intra_entropy,
        inter_entropy,
        score: (inter_entropy - intra_entropy).max(0.0).exp(),
    })
}

/// Class probabilities with the classes that `group` maps to one number added up: `[.., classes]` -> `[.., groups]`.
pub fn grouped(probabilities: &[f64], group: &[usize]) -> Vec<f64> {
    let groups = group.iter().max().map_or(0, |&g| g + 1);
    let row = |p: &[f64]| {
        let mut sums = vec![0.0; groups];
        p.iter().zip(group).for_each(|(p, &g)| sums[g] += p);
        sums
    };
    probabilities
        .chunks_exact(group.len().max(1))
        .flat_map(row)
        .collect()
}

/// The mean of rows of `classes` numbers.
fn mean(rows: &[f64], classes: usize) -> Vec<f64> {
    let n = rows.len() / classes;
    (0..classes)
        .map(|k| rows.iter().skip(k).step_by(classes).sum::<f64>() / n as f64)
        .collect()
}

/// - sum p log p.
fn entropy(p: &[f64]) -> f64 {
    -p.iter().filter(|&&p| p > 0.0).map(|p| p * p.ln()).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(c: Consistency, intra: f64, inter: f64, score: f64) {
        for (a, b) in [
            (c.intra_entropy, intra),
            (c.inter_entropy, inter),
            (c.score, score),
        ] {
            assert!((a - b).abs() < 1e-12, "{c:?} for {intra} {inter} {score}");
        }
    }

    #[test]
    fn by_hand() {
        let ln2 = 2f64.ln();
        // Two videos of two frames, each surely of one class, and a different one: as good as two classes allow.
        near(
            consistency(&[1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0], 2, 2).unwrap(),
            0.0,
            ln2,
            2.0,
        );
        // Both of the same class: consistent, without variety.
        near(
            consistency(&[1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0], 2, 2).unwrap(),
            0.0,
            0.0,
            1.0,
        );
        // The class changes from frame to frame: each video is of no class.
        near(
            consistency(&[1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0], 2, 2).unwrap(),
            ln2,
            ln2,
            1.0,
        );
        // One video, 3/4 and 1/4.
        let h = -(0.75 * 0.75f64.ln() + 0.25 * 0.25f64.ln());
        near(consistency(&[0.5, 0.5, 1.0, 0.0], 2, 2).unwrap(), h, h, 1.0);
        // Two videos of one frame, 3/4 and 1/4 each way.
        near(
            consistency(&[0.75, 0.25, 0.25, 0.75], 1, 2).unwrap(),
            h,
            ln2,
            (ln2 - h).exp(),
        );
    }

    #[test]
    fn what_is_no_probability_has_no_figure() {
        assert_eq!(consistency(&[], 2, 2), None);
        assert_eq!(consistency(&[0.5; 6], 2, 2), None);
        assert_eq!(consistency(&[f64::NAN, 1.0], 1, 2), None);
        assert_eq!(consistency(&[0.5, 0.5], 0, 2), None);
    }

    #[test]
    fn classes_are_added_up() {
        assert_eq!(
            grouped(&[0.1, 0.2, 0.3, 0.4, 0.0, 1.0, 0.0, 0.0], &[0, 1, 0, 1]),
            [0.4, 0.6000000000000001, 0.0, 1.0]
        );
    }
}
