//! Quality of points drawn from a mixture of Gaussians: modes found, their shares, and the share of high-quality samples.
//!
//! A sample is of high quality when it lies within 3 standard deviations of a mode; a mode is found when it has such a
//! sample (Srivastava et al. 2017, VEEGAN, arXiv:1705.07761, section 4.1; Dumoulin et al. 2016). One stray sample is
//! enough for that, so a mode is counted here only when its high-quality samples are at least a fifth of those that a true
//! draw gives it; the usual count stands beside it. How evenly modes are hit is told by the divergence of their shares
//! from the true ones (Lin et al. 2018, PacGAN, arXiv:1712.04086, section 4.1), every sample counted for its nearest mode.
use menagerie_data::Density;

/// The share of its true mass from which a mode is counted.
pub const FAIR: f64 = 0.2;

/// How well samples cover the modes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    /// modes whose high-quality samples are at least [`FAIR`] of their true share
    pub modes: usize,
    /// modes with at least one high-quality sample
    pub any: usize,
    /// share of samples within 3 standard deviations of a mode
    pub high_quality: f64,
    /// KL(p || q) in nats, p the shares of samples nearest to each mode, q the true, even ones
    pub divergence: f64,
}

/// KL(p || u) in nats of the shares of counts from even shares of all of them; 0 for no counts at all.
pub fn divergence_from_even(counts: &[usize]) -> f64 {
    let n = counts.iter().sum::<usize>() as f64;
    let term = |&c: &usize| match c {
        0 => 0.0,
        c => c as f64 / n * (c as f64 / n * counts.len() as f64).ln(),
    };
    counts.iter().map(term).sum()
}

/// The quality of points (`x, y` one after the other); `None` when the density has no modes to find.
pub fn quality(points: &[f32], density: &dyn Density) -> Option<Quality> {
    let (modes, sigma) = density.modes()?;
    let (mut nearest_to, mut good) = (vec![0; modes.len()], vec![0; modes.len()]);
    for p in points.chunks_exact(2) {
        let distance = |m: &[f64; 2]| (p[0] as f64 - m[0]).hypot(p[1] as f64 - m[1]);
        let nearest =
            (0..modes.len()).min_by(|&a, &b| distance(&modes[a]).total_cmp(&distance(&modes[b])))?;
        nearest_to[nearest] += 1;
        if distance(&modes[nearest]) <= 3.0 * sigma {
            good[nearest] += 1;
        }
    }
    let samples = (points.len() / 2).max(1) as f64;
    let fair = FAIR * samples / modes.len() as f64;
    Some(Quality {
        modes: good.iter().filter(|&&g| g > 0 && g as f64 >= fair).count(),
        any: good.iter().filter(|&&g| g > 0).count(),
        high_quality: good.iter().sum::<usize>() as f64 / samples,
        divergence: divergence_from_even(&nearest_to),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Two([[f64; 2]; 2]);
    impl Density for Two {
        fn log_density(&self, _: [f64; 2]) -> f64 {
            0.0
        }
        fn entropy(&self) -> f64 {
            0.0
        }
        fn modes(&self) -> Option<(&[[f64; 2]], f64)> {
            Some((&self.0, 0.1))
        }
        fn sample(&self, _: &mut menagerie_data::random::Draw) -> [f64; 2] {
            [0.0; 2]
        }
    }

    #[test]
    fn modes_and_good_samples_are_counted() {
        let d = Two([[0.0, 0.0], [1.0, 1.0]]);
        let q = quality(&[0.0, 0.29, 0.0, 0.31, 0.2, 0.2, 5.0, 5.0], &d).unwrap();
        assert_eq!((q.modes, q.any, q.high_quality), (1, 1, 0.5));
        // Three of four are nearest to the first.
        let want = 0.75 * 1.5f64.ln() + 0.25 * 0.5f64.ln();
        assert!((q.divergence - want).abs() < 1e-12);
        let both = quality(&[0.0, 0.0, 1.0, 1.0], &d).unwrap();
        assert_eq!((both.modes, both.any, both.divergence), (2, 2, 0.0));
        // One stray sample of twenty is no fair share of a half, two are.
        let strays = |n: usize| {
            let points = [[0.0f32, 0.0].repeat(20 - n), [1.0f32, 1.0].repeat(n)].concat();
            let q = quality(&points, &d).unwrap();
            (q.modes, q.any)
        };
        assert_eq!([strays(0), strays(1), strays(2)], [(1, 1), (1, 2), (2, 2)]);
        // Nothing of high quality, and nothing at all.
        let none = quality(&[5.0, 5.0], &d).unwrap();
        assert_eq!((none.modes, none.any), (0, 0));
        assert_eq!(quality(&[], &d).unwrap().divergence, 0.0);
    }
}
