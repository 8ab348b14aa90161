//! Discrete numbers: from pixels to levels, from logits to likelihoods, and draws from logits.
//!
//! A number with two levels has one logit, of the upper level; a number with more has one a level (softmax).
use burn::tensor::{Int, Tensor, TensorData, activation::log_softmax};
use menagerie_data::Batch;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_kernels::bce_with_logits;
use menagerie_nn::levels::{self, Binarization};

/// How pixels become levels: `levels` and `binarization` of `[model]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Discrete {
    /// values that a number can take, 2 to 256
    pub levels: usize,
    /// with two levels: how grey becomes black or white
    pub binarization: Binarization,
}

impl Discrete {
    /// Checks the number of levels.
    ///
    /// # Errors
    /// [`Error::Recipe`] unless there are 2 to 256.
    pub fn new(levels: usize, binarization: Binarization) -> Result<Self> {
        match levels {
            2..=256 => Ok(Discrete { levels, binarization }),
            _ => Err(Error::recipe(
                "model.levels",
                format!("{levels} levels cannot be modelled"),
                "give 2 (black and white) to 256",
            )),
        }
    }

    /// Logits a number.
    pub fn outputs(self) -> usize {
        if self.levels == 2 { 1 } else { self.levels }
    }

    /// Every number of a batch in [-1, 1] as its level; dynamic binarization draws item `i` from `key.step(i)`.
    pub fn of(self, batch: &Batch, key: Key) -> Vec<u32> {
        match self.levels {
            2 => self
                .binarization
                .of(batch, key)
                .iter()
                .map(|&v| v as u32)
                .collect(),
            n => batch.values.iter().map(|&v| levels::level(v, n)).collect(),
        }
    }

    /// A level as the networks see it, in [0, 1].
    pub fn input(self, level: u32) -> f32 {
        level as f32 / (self.levels - 1) as f32
    }

    /// A level as an image has it, in [-1, 1].
    pub fn value(self, level: u32) -> f32 {
        levels::value(level, self.levels)
    }

    /// Sum of -ln p over some numbers, shape `[1]`, in nats: logits `[numbers, outputs]`, and the level of each.
    pub fn nats(self, logits: Tensor<2>, levels: &[u32]) -> Tensor<1> {
        let n = levels.len();
        let plain = logits.device();
        if self.levels == 2 {
            let targets: Vec<f32> = levels.iter().map(|&l| l as f32).collect();
            return bce_with_logits(
                logits,
                Tensor::from_data(TensorData::new(targets, [n, 1]), &plain),
            ) * n as f64;
        }
        let targets: Vec<i32> = levels.iter().map(|&l| l as i32).collect();
        let targets = Tensor::<2, Int>::from_data(TensorData::new(targets, [n, 1]), &plain);
        log_softmax(logits, 1).gather(1, targets).sum().neg()
    }

    /// The gradient of that sum by logits `[numbers, outputs]`: softmax minus the level's indicator.
    pub fn nats_gradient(self, logits: &[f32], levels: &[u32]) -> Vec<f32> {
        if self.levels == 2 {
            return logits
                .iter()
                .zip(levels)
                .map(|(&l, &v)| 1.0 / (1.0 + (-l).exp()) - v as f32)
                .collect();
        }
        let mut g = logits.to_vec();
        for (row, &level) in g.chunks_exact_mut(self.levels).zip(levels) {
            let largest = row.iter().fold(f32::NEG_INFINITY, |m, &l| m.max(l));
            row.iter_mut().for_each(|l| *l = (*l - largest).exp());
            let sum: f32 = row.iter().sum();
            row.iter_mut().for_each(|l| *l /= sum);
            row[level as usize] -= 1.0;
        }
        g
    }

    /// ln p of a level under a number's logits.
    pub fn log_probability(self, logits: &[f32], level: u32) -> f64 {
        if self.levels == 2 {
            // ln sigmoid(l) = -softplus(-l), with the sign of the level.
            let l = if level == 1 {
                logits[0] as f64
            } else {
                -logits[0] as f64
            };
            return -((-l.abs()).exp().ln_1p() + (-l).max(0.0));
        }
        let largest = logits.iter().fold(f64::NEG_INFINITY, |m, &l| m.max(l as f64));
        let sum: f64 = logits.iter().map(|&l| (l as f64 - largest).exp()).sum();
        logits[level as usize] as f64 - largest - sum.ln()
    }

    /// The level at which the cumulative distribution of softmax(logits / temperature) passes `u`, uniform in [0, 1).
    pub fn draw(self, logits: &[f32], temperature: f64, u: f32) -> u32 {
        if self.levels == 2 {
            return u32::from((u as f64) < 1.0 / (1.0 + (-logits[0] as f64 / temperature).exp()));
        }
        let largest = logits.iter().fold(f64::NEG_INFINITY, |m, &l| m.max(l as f64));
        let weight = |l: f32| ((l as f64 - largest) / temperature).exp();
        let mut left = u as f64 * logits.iter().map(|&l| weight(l)).sum::<f64>();
        for (level, &l) in logits.iter().enumerate() {
            left -= weight(l);
            if left < 0.0 {
                return level as u32;
            }
        }
        // Rounding can leave a crumb: the last level.
        logits.len() as u32 - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    const TWO: Discrete = Discrete {
        levels: 2,
        binarization: Binarization::Threshold,
    };
    const FIVE: Discrete = Discrete {
        levels: 5,
        binarization: Binarization::Threshold,
    };

    #[test]
    fn probabilities_are_those_of_the_formulas() {
        for l in [-30.0f32, -1.5, 0.0, 0.7, 80.0] {
            let p = 1.0 / (1.0 + (-l as f64).exp());
            assert!((TWO.log_probability(&[l], 1) - p.ln()).abs() < 1e-9);
            assert!((TWO.log_probability(&[l], 0).exp() + p - 1.0).abs() < 1e-9);
        }
        let logits = [0.3f32, -2.0, 5.0, 1.0, 0.0];
        let sum: f64 = logits.iter().map(|&l| (l as f64).exp()).sum();
        for (level, &l) in logits.iter().enumerate() {
            assert!(
                (FIVE.log_probability(&logits, level as u32) - ((l as f64).exp() / sum).ln()).abs() < 1e-12
            );
        }
    }

    /// The loss that is trained is the likelihood that is reported.
    #[test]
    fn the_loss_of_tensors_is_the_sum_over_numbers() {
        let device = Device::flex();
        for d in [TWO, FIVE] {
            let k = d.outputs();
            let logits: Vec<f32> = (0..7 * k).map(|i| ((i * 37 % 19) as f32 - 9.0) * 0.4).collect();
            let levels: Vec<u32> = (0..7).map(|i| (i * 3 % d.levels) as u32).collect();
            let loss = d
                .nats(
                    Tensor::from_data(TensorData::new(logits.clone(), [7, k]), &device),
                    &levels,
                )
                .into_data();
            let by_hand: f64 = logits
                .chunks(k)
                .zip(&levels)
                .map(|(l, &v)| -d.log_probability(l, v))
                .sum();
            assert!((loss.as_slice::<f32>().unwrap()[0] as f64 - by_hand).abs() < 1e-4 * by_hand);
            let tracked = Device::flex().autodiff();
            let leaf =
                Tensor::<2>::from_data(TensorData::new(logits.clone(), [7, k]), &tracked).require_grad();
            let by_tape = leaf
                .grad(&d.nats(leaf.clone(), &levels).backward())
                .unwrap()
                .into_data();
            for (a, b) in d
                .nats_gradient(&logits, &levels)
                .iter()
                .zip(by_tape.as_slice::<f32>().unwrap())
            {
                assert!((a - b).abs() < 1e-5, "{a} {b}");
            }
        }
    }

    #[test]
    fn draws_have_their_frequencies_and_heed_the_temperature() {
        let logits = [0.3f32, -2.0, 1.0, 1.0, 0.0];
        for temperature in [0.5, 1.0, 2.0] {
            let n = 20_000;
            let mut seen = [0.0; 5];
            (0..n).for_each(|i| {
                seen[FIVE.draw(&logits, temperature, i as f32 / n as f32) as usize] += 1.0 / n as f64
            });
            let sum: f64 = logits.iter().map(|&l| (l as f64 / temperature).exp()).sum();
            for (s, &l) in seen.iter().zip(&logits) {
                assert!((s - (l as f64 / temperature).exp() / sum).abs() < 1e-3);
            }
            let white = (0..n)
                .filter(|&i| TWO.draw(&[0.8], temperature, i as f32 / n as f32) == 1)
                .count() as f64
                / n as f64;
            assert!((white - 1.0 / (1.0 + (-0.8 / temperature).exp())).abs() < 1e-3);
        }
    }

    #[test]
    fn impossible_levels_are_refused() {
        for n in [0, 1, 257] {
            let e = Discrete::new(n, Binarization::Dynamic).unwrap_err().to_string();
            assert!(
                e.contains("model.levels") && e.contains("2 (black and white) to 256"),
                "{e}"
            );
        }
    }
}
