//! Discrete data: pixels in [-1, 1] as one of a number of levels, or as black and white.
use super::Batch;
use crate::random::Key;
use menagerie_kernels::noise;
use serde::{Deserialize, Serialize};

/// How grey becomes black or white.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Binarization {
    /// drawn anew each time a pixel is seen, white with the pixel's brightness as probability (Salakhutdinov & Murray 2008)
    Dynamic,
    /// white where brighter than half
    Threshold,
}

impl Binarization {
    /// Every number of a batch in [-1, 1] as 0 or 1. Item `i` of the data set is drawn from `key.step(i)`.
    pub fn of(self, batch: &Batch, key: Key) -> Vec<f32> {
        match self {
            Binarization::Threshold => batch.values.iter().map(|&v| f32::from(v > 0.0)).collect(),
            Binarization::Dynamic => {
                let mut out = vec![0.0; batch.values.len()];
                let n = (out.len() / batch.indices.len().max(1)).max(1);
                for ((item, values), &i) in out.chunks_exact_mut(n).zip(batch.values.chunks_exact(n)).zip(&batch.indices) {
                    noise::fill_uniform(key.step(i as u64).words(), item);
                    item.iter_mut().zip(values).for_each(|(u, v)| *u = f32::from(*u < (v + 1.0) * 0.5));
                }
                out
            }
        }
    }
}

/// The level, `0..levels`, nearest to a value in [-1, 1]; with 256 levels, an 8-bit image's own bytes.
pub fn level(value: f32, levels: usize) -> u32 {
    let top = levels.saturating_sub(1) as f32;
    ((value + 1.0) * 0.5 * top).round().clamp(0.0, top) as u32
}

/// The value in [-1, 1] of a level.
pub fn value(level: u32, levels: usize) -> f32 {
    level as f32 * 2.0 / levels.saturating_sub(1).max(1) as f32 - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Kind;

    #[test]
    fn levels_and_back() {
        for levels in [2, 4, 32, 256] {
            for l in 0..levels as u32 {
                assert_eq!(level(value(l, levels), levels), l);
            }
        }
        assert_eq!([level(-9.0, 4), level(9.0, 4), level(0.1, 2), level(f32::NAN, 4)], [0, 3, 1, 0]);
    }

    /// The same item is binarized alike in any batch, with the brightness as frequency of white.
    #[test]
    fn dynamic_binarization_is_a_function_of_key_and_item() {
        let batch = |indices: Vec<u32>| Batch {
            kind: Kind::Image,
            shape: vec![indices.len(), 100, 100, 1],
            values: vec![-0.4; indices.len() * 10_000],
            labels: None,
            attributes: vec![],
            captions: None,
            indices,
        };
        let key = Key::new(1);
        let many = Binarization::Dynamic.of(&batch(vec![7, 3, 9]), key);
        assert_eq!(many[10_000..20_000], Binarization::Dynamic.of(&batch(vec![3]), key));
        assert_ne!(many[..10_000], many[10_000..20_000]);
        let white = many.iter().sum::<f32>() / 30_000.0;
        assert!((white - 0.3).abs() < 0.01, "{white}");
        assert!(Binarization::Threshold.of(&batch(vec![0]), key).iter().all(|&v| v == 0.0));
    }
}
