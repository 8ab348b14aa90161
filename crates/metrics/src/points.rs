//! Quality of points drawn from a mixture of Gaussians: modes found, and the share of high-quality samples.
//!
//! A sample is of high quality when it lies within 3 standard deviations of a mode; a mode is found when it has such a
//! sample (Srivastava et al. 2017, VEEGAN, arXiv:1705.07761, section 4.1; Dumoulin et al. 2016).
use menagerie_data::Density;

/// How well samples cover the modes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    /// modes with at least one high-quality sample
    pub modes: usize,
    /// share of samples within 3 standard deviations of a mode
    pub high_quality: f64,
}

/// The quality of points (`x, y` one after the other); `None` when the density has no modes to find.
pub fn quality(points: &[f32], density: &dyn Density) -> Option<Quality> {
    let (modes, sigma) = density.modes()?;
    let mut found = vec![false; modes.len()];
    let mut good = 0;
    for p in points.chunks_exact(2) {
        let distance = |m: &[f64; 2]| (p[0] as f64 - m[0]).hypot(p[1] as f64 - m[1]);
        let nearest =
            (0..modes.len()).min_by(|&a, &b| distance(&modes[a]).total_cmp(&distance(&modes[b])))?;
        if distance(&modes[nearest]) <= 3.0 * sigma {
            found[nearest] = true;
            good += 1;
        }
    }
    Some(Quality {
        modes: found.iter().filter(|f| **f).count(),
        high_quality: good as f64 / (points.len() / 2).max(1) as f64,
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
        assert_eq!(
            q,
            Quality {
                modes: 1,
                high_quality: 0.5
            }
        );
        assert_eq!(quality(&[0.0, 0.0, 1.0, 1.0], &d).unwrap().modes, 2);
    }
}
