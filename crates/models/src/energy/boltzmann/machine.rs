//! The machine as plain numbers: its weights, its chains, mean field, and its normalizer.
use super::super::annealing::{Normalizer, Path, log_mean_exp};
use super::super::binary::rows;
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};
use menagerie_data::random::Key;
use menagerie_kernels::{noise, pool::par_for};
use menagerie_nn::numbers;
use std::sync::{Mutex, PoisonError};

/// The weights.
#[derive(Module, Debug)]
pub(super) struct BoltzmannNetwork {
    /// w_ij for i < j, row by row, `[units (units - 1) / 2]`
    pub(super) pairs: Param<Tensor<1>>,
    /// b, `[units]`
    pub(super) bias: Param<Tensor<1>>,
}

/// The same as plain numbers: W whole, `[units, units]`, and b.
#[derive(Clone)]
pub(super) struct Machine {
    pub(super) weight: Vec<f32>,
    pub(super) bias: Vec<f32>,
}

impl BoltzmannNetwork {
    pub(super) fn plain(&self) -> Machine {
        let (pairs, bias) = (numbers(self.pairs.val()), numbers(self.bias.val()));
        let n = bias.len();
        let mut weight = vec![0.0; n * n];
        for ((i, j), w) in pairs_of(n).zip(pairs) {
            (weight[i * n + j], weight[j * n + i]) = (w, w);
        }
        Machine { weight, bias }
    }
}

/// i < j of all pairs, in their order.
pub(super) fn pairs_of(n: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..n).flat_map(move |i| (i + 1..n).map(move |j| (i, j)))
}

pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl Machine {
    pub(super) fn units(&self) -> usize {
        self.bias.len()
    }

    /// (W x)_i
    pub(super) fn field(&self, x: &[f32], i: usize) -> f32 {
        dot(&self.weight[i * x.len()..][..x.len()], x)
    }

    /// -E of a state; of a product of independent units with these means it is the expectation.
    pub(super) fn score(&self, x: &[f32]) -> f64 {
        let each = x.iter().enumerate();
        each.map(|(i, v)| (v * (0.5 * self.field(x, i) + self.bias[i])) as f64)
            .sum()
    }

    /// One sweep over the units from `first` on of every state, row by row: each is drawn given all others, at the inverse
    /// temperature `b`, with these biases.
    pub(super) fn sweep(&self, states: &mut [f32], first: usize, bias: &[f32], b: f32, key: Key) {
        let n = self.units();
        let mut drawn = vec![0.0; states.len()];
        noise::fill_uniform(key.words(), &mut drawn);
        let rows = Mutex::new(states.chunks_exact_mut(n).zip(drawn.chunks_exact(n)));
        par_for(drawn.len() / n, &|_| {
            let next = rows.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((x, u)) = next else { return };
            for i in first..n {
                x[i] = f32::from(u[i] < sigmoid(bias[i] + b * self.field(x, i)));
            }
        });
    }

    /// The means of hidden units given visible ones, put beside these: `[n, units]` of `[n, visible]`.
    pub(super) fn mean_field(&self, visible: &[f32], width: usize, rounds: usize) -> Vec<f32> {
        let (n, d) = (self.units(), self.units() - width);
        let mut out = Vec::with_capacity(visible.len() / d * n);
        for v in visible.chunks_exact(d) {
            let mut x = v.to_vec();
            x.resize(n, 0.5);
            for _ in 0..rounds {
                // One unit after the other: the bound rises with each.
                for j in d..n {
                    x[j] = sigmoid(self.bias[j] + self.field(&x, j));
                }
            }
            out.extend(x);
        }
        out
    }
}

/// The entropy of independent units with these means, in nats.
pub(super) fn entropy(means: &[f32]) -> f64 {
    let term = |p: f64| if p > 0.0 { -p * p.ln() } else { 0.0 };
    means.iter().map(|&m| term(m as f64) + term(1.0 - m as f64)).sum()
}

/// E x_i x_j of i < j, and E x_i, over states row by row.
pub(super) fn statistics(states: &[f32], n: usize) -> (Vec<f32>, Vec<f32>) {
    let count = (states.len() / n) as f32;
    let x = rows(states.to_vec(), n, &Device::flex());
    let products = numbers(x.clone().transpose().matmul(x.clone()));
    let pairs = pairs_of(n).map(|(i, j)| products[i * n + j] / count).collect();
    let means = numbers(x.mean_dim(0));
    (pairs, means)
}

/// Units whose states are all summed over, where there are no more.
const SUMMED: usize = 16;

/// From units that only their biases move to the machine.
pub(super) struct Annealed<'a>(pub(super) &'a Machine);

impl Path for Annealed<'_> {
    fn first_normalizer(&self) -> f64 {
        self.0.bias.iter().map(|b| (*b as f64).exp().ln_1p()).sum()
    }

    fn draw(&self, runs: usize, key: Key) -> Vec<f32> {
        let mut states = vec![0.0; runs * self.0.units()];
        self.0.sweep(&mut states, 0, &self.0.bias, 0.0, key);
        states
    }

    fn log_density(&self, states: &[f32], b: f64) -> Vec<f64> {
        let of_biases = |x: &[f32]| dot(x, &self.0.bias) as f64;
        let each = states.chunks_exact(self.0.units());
        each.map(|x| b * (self.0.score(x) - of_biases(x)) + of_biases(x))
            .collect()
    }

    fn transition(&self, mut states: Vec<f32>, b: f64, key: Key) -> Vec<f32> {
        self.0.sweep(&mut states, 0, &self.0.bias, b as f32, key);
        states
    }
}

/// ln Z by all states, where there are few units.
pub(super) fn exact(machine: &Machine) -> Option<Normalizer> {
    let n = machine.units();
    if n > SUMMED {
        return None;
    }
    let state = |s: usize| (0..n).map(|i| (s >> i & 1) as f32).collect::<Vec<_>>();
    let scores: Vec<f64> = (0..1usize << n).map(|s| machine.score(&state(s))).collect();
    let log = log_mean_exp(&scores) + n as f64 * std::f64::consts::LN_2;
    Some(Normalizer { log, error: 0.0 })
}
