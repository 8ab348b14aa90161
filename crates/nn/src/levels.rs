//! Discrete data: pixels in [-1, 1] as one of a number of levels, or as black and white.
use menagerie_data::Batch;
use menagerie_data::random::Key;
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
                for ((item, values), &i) in out
                    .chunks_exact_mut(n)
                    .zip(batch.values.chunks_exact(n))
                    .zip(&batch.indices)
                {
                    noise::fill_uniform(key.step(i as u64).words(), item);
                    item.iter_mut()
                        .zip(values)
                        .for_each(|(u, v)| *u = f32::from(*u < (v + 1.0) * 0.5));
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

/// The mu-law code, `0..levels`, of a value in [-1, 1] (ITU-T G.711, with mu one less than the levels; van den Oord et al.
/// 2016, arXiv:1609.03499, section 2.2): f(x) = sign(x) ln(1 + mu |x|) / ln(1 + mu), to the nearest of even steps.
pub fn mu_law_level(value: f32, levels: usize) -> u32 {
    let mu = levels.saturating_sub(1).max(1) as f64;
    let x = value as f64;
    level(
        (x.signum() * (mu * x.abs().min(1.0)).ln_1p() / mu.ln_1p()) as f32,
        levels,
    )
}

/// The value in [-1, 1] of a mu-law code: x = sign(y) ((1 + mu)^|y| - 1) / mu.
pub fn mu_law_value(code: u32, levels: usize) -> f32 {
    let mu = levels.saturating_sub(1).max(1) as f64;
    let y = value(code, levels) as f64;
    (y.signum() * (y.abs() * mu.ln_1p()).exp_m1() / mu) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie_data::Kind;

    #[test]
    fn levels_and_back() {
        for levels in [2, 4, 32, 256] {
            for l in 0..levels as u32 {
                assert_eq!(level(value(l, levels), levels), l);
            }
        }
        assert_eq!(
            [level(-9.0, 4), level(9.0, 4), level(0.1, 2), level(f32::NAN, 4)],
            [0, 3, 1, 0]
        );
    }

    #[test]
    fn mu_law_codes_and_back() {
        for levels in [2, 4, 16, 256] {
            for l in 0..levels as u32 {
                assert_eq!(mu_law_level(mu_law_value(l, levels), levels), l);
            }
        }
        // ln(1 + 255 / 100) / ln 256 = 0.228: step 127.5 (1 + 0.228).
        assert_eq!(
            [
                mu_law_level(0.01, 256),
                mu_law_level(-0.01, 256),
                mu_law_level(1.0, 256),
                mu_law_level(-7.0, 256)
            ],
            [157, 98, 255, 0]
        );
        assert!((mu_law_value(255, 256) - 1.0).abs() < 1e-6 && mu_law_value(128, 256) < 1e-4);
        assert_eq!(mu_law_level(f32::NAN, 256), 0);
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
        assert_eq!(
            many[10_000..20_000],
            Binarization::Dynamic.of(&batch(vec![3]), key)
        );
        assert_ne!(many[..10_000], many[10_000..20_000]);
        let white = many.iter().sum::<f32>() / 30_000.0;
        assert!((white - 0.3).abs() < 0.01, "{white}");
        assert!(
            Binarization::Threshold
                .of(&batch(vec![0]), key)
                .iter()
                .all(|&v| v == 0.0)
        );
    }
}
