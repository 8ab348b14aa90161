//! Annealed importance sampling: the normalizer of a distribution, by chains that are led from one whose normalizer is known.
//!
//! Neal (2001), Annealed Importance Sampling, Statistics and Computing 11; Salakhutdinov, Murray (2008), On the Quantitative
//! Analysis of Deep Belief Networks, ICML 2008, section 4.
//!
//! ```text
//! ln w_r = sum_k ln p*_{b_k}(x_{k-1}) - ln p*_{b_{k-1}}(x_{k-1}),   x_k ~ T_{b_k}(. | x_{k-1}),   0 = b_0 < ... < b_K = 1
//! Z_1 / Z_0 = mean over runs r of w_r
//! ```
use super::binary::in_bounds;
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, PoisonError};

/// `[annealing]`: how the normalizer is estimated.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AnnealingConfig {
    /// independent runs (paper: 100)
    pub runs: usize,
    /// distributions on the way (paper: 14,500)
    pub steps: usize,
}

impl Default for AnnealingConfig {
    fn default() -> Self {
        AnnealingConfig {
            runs: 100,
            steps: 1000,
        }
    }
}

impl AnnealingConfig {
    /// Refuses what is no estimate.
    ///
    /// # Errors
    /// [`Error::Recipe`](menagerie_data::error::Error::Recipe) with the key.
    pub(super) fn check(&self) -> Result<()> {
        in_bounds(&[
            ("annealing.runs", self.runs, 1),
            ("annealing.steps", self.steps, 1),
        ])
    }
}

/// A path of distributions p*_b from one that can be drawn from to the one in question.
pub(super) trait Path {
    /// ln Z of the first.
    fn first_normalizer(&self) -> f64;
    /// Draws of the first, as many as there are runs.
    fn draw(&self, runs: usize, key: Key) -> Vec<f32>;
    /// ln p*_b of every state.
    fn log_density(&self, states: &[f32], b: f64) -> Vec<f64>;
    /// One transition that leaves p_b as it is.
    fn transition(&self, states: Vec<f32>, b: f64, key: Key) -> Vec<f32>;
}

/// An estimate and its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Normalizer {
    /// ln Z
    pub(super) log: f64,
    /// of that, from the spread of the runs' weights; 0 where it is exact
    pub(super) error: f64,
}

/// The normalizer of the weights in use, worked out once for them.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<Option<(u64, Normalizer)>>);

impl Known {
    /// That of the weights after so many updates.
    pub(super) fn of(&self, updates: u64, work_out: impl FnOnce() -> Normalizer) -> Normalizer {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *known {
            Some((at, z)) if at == updates => z,
            _ => {
                let z = work_out();
                *known = Some((updates, z));
                z
            }
        }
    }

    /// Forgets it: other weights have been read.
    pub(super) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// ln Z of the last distribution of a path.
pub(super) fn normalizer(path: &dyn Path, config: AnnealingConfig, key: Key) -> Normalizer {
    let mut states = path.draw(config.runs, key.stream("first"));
    let mut weights = vec![0.0; config.runs];
    for k in 1..=config.steps {
        let (before, now) = (
            (k - 1) as f64 / config.steps as f64,
            k as f64 / config.steps as f64,
        );
        let (a, b) = (path.log_density(&states, before), path.log_density(&states, now));
        for ((w, a), b) in weights.iter_mut().zip(a).zip(b) {
            *w += b - a;
        }
        states = path.transition(states, now, key.step(k as u64));
    }
    let mean = log_mean_exp(&weights);
    // The spread of weights over their mean: var(w) / (runs mean^2) is the squared relative error, hence that of the logarithm.
    let relative: Vec<f64> = weights.iter().map(|w| (w - mean).exp()).collect();
    let n = config.runs as f64;
    let variance = relative.iter().map(|r| (r - 1.0).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    Normalizer {
        log: path.first_normalizer() + mean,
        error: (variance / n).sqrt(),
    }
}

/// ln of the mean of exponentials.
pub(super) fn log_mean_exp(values: &[f64]) -> f64 {
    let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = values.iter().map(|v| (v - largest).exp()).sum();
    largest + (sum / values.len() as f64).ln()
}
