//! How well sets of shapes match, by the overlap of their solid voxels (Achlioptas et al. 2018, Learning Representations and Generative
//! Models for 3D Point Clouds, arXiv:1707.02392, section 2, with the intersection over union as the likeness).

/// A shape as bits, one a voxel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Solid(Vec<u64>);

impl Solid {
    /// Of values that are above 0 where a voxel is solid.
    pub fn of(values: &[f32]) -> Solid {
        let word = |w: &[f32]| {
            let bits = w.iter().enumerate().filter(|(_, v)| **v > 0.0);
            bits.fold(0, |word, (i, _)| word | 1 << i)
        };
        Solid(values.chunks(64).map(word).collect())
    }

    /// Intersection over union with another of the same grid; 1 of two that are empty.
    pub fn iou(&self, other: &Solid) -> f64 {
        let (mut both, mut any) = (0, 0);
        for (a, b) in self.0.iter().zip(&other.0) {
            both += (a & b).count_ones();
            any += (a | b).count_ones();
        }
        match any {
            0 => 1.0,
            any => f64::from(both) / f64::from(any),
        }
    }
}

/// The largest likeness of each shape of one set with any of another.
pub fn best(of: &[Solid], among: &[Solid]) -> Vec<f64> {
    let one = |a: &Solid| among.iter().map(|b| a.iou(b)).fold(0.0, f64::max);
    of.iter().map(one).collect()
}

/// The share of a set's shapes that are the most like one of some samples, at least.
pub fn coverage(samples: &[Solid], set: &[Solid]) -> f64 {
    let mut met = vec![false; set.len()];
    for sample in samples {
        let nearest = (0..set.len()).max_by(|a, b| sample.iou(&set[*a]).total_cmp(&sample.iou(&set[*b])));
        nearest.into_iter().for_each(|i| met[i] = true);
    }
    met.iter().filter(|m| **m).count() as f64 / set.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn solid(from: usize, to: usize) -> Solid {
        let values: Vec<f32> = (0..100)
            .map(|i| if (from..to).contains(&i) { 0.5 } else { -0.5 })
            .collect();
        Solid::of(&values)
    }

    #[test]
    fn overlaps_by_hand() {
        assert_eq!(solid(0, 70).iou(&solid(60, 100)), 10.0 / 100.0);
        assert_eq!(solid(10, 20).iou(&solid(10, 20)), 1.0);
        assert_eq!(solid(0, 0).iou(&solid(0, 0)), 1.0);
        assert_eq!(solid(0, 0).iou(&solid(1, 2)), 0.0);
    }

    #[test]
    fn sets_by_hand() {
        let set = [solid(0, 10), solid(50, 60), solid(80, 90)];
        let samples = [solid(0, 8), solid(0, 10), solid(52, 62)];
        // The third is met by none.
        assert_eq!(coverage(&samples, &set), 2.0 / 3.0);
        let found = best(&set, &samples);
        assert_eq!(found, [1.0, 8.0 / 12.0, 0.0]);
    }
}
