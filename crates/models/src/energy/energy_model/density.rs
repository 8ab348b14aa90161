//! The normalizer of an energy: by a sum over a grid where items are points of the plane, by annealing elsewhere.
use super::super::annealing::{Normalizer, Path};
use super::langevin::{Energy, Walk};
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::random::Key;
use menagerie_kernels::noise;
use menagerie_nn::numbers;

/// Half a side of the square that is summed over in small cells; data lie within [-1, 1].
const INNER: f64 = 1.25;
/// Sides of cells within it, and around it.
const CELLS: [f64; 2] = [0.005, 0.025];
/// Rows whose energy is worked out at once.
const ROWS: usize = 20_000;

/// ln of the integral of exp(-E) over the plane, of an energy that grows as that of a Gaussian of this deviation does: the middle of every
/// cell stands for it. What lies beyond eight deviations is left out.
pub(super) fn of_the_plane(energy: &dyn Fn(&[f32]) -> Vec<f32>, deviation: f64) -> Normalizer {
    let reach = (8.0 * deviation).max(INNER);
    let mut terms: Vec<f64> = Vec::new();
    for (cell, outer, hole) in [(CELLS[0], INNER, 0.0), (CELLS[1], reach, INNER)] {
        let side = (2.0 * outer / cell).round() as usize;
        let middle = |i: usize| -outer + 2.0 * outer * (i as f64 + 0.5) / side as f64;
        let area = (2.0 * outer / side as f64).powi(2).ln();
        let places: Vec<f32> = (0..side * side)
            .map(|k| [middle(k / side), middle(k % side)])
            .filter(|[a, b]| a.abs().max(b.abs()) > hole)
            .flat_map(|at| at.map(|v| v as f32))
            .collect();
        for part in places.chunks(2 * ROWS) {
            terms.extend(energy(part).into_iter().map(|e| area - f64::from(e)));
        }
    }
    let largest = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = terms.iter().map(|t| (t - largest).exp()).sum();
    Normalizer {
        log: largest + sum.ln(),
        error: 0.0,
    }
}

/// From a Gaussian around 0 to the energy, f growing from nothing: E_b(x) = b f(x) + |x|^2 / (2 s^2).
pub(super) struct Annealed<'a> {
    /// f of items, on a tape
    pub(super) energy: Energy<'a>,
    /// axes of an item
    pub(super) item: [usize; 3],
    /// s
    pub(super) deviation: f64,
    /// how chains go from one distribution to the next
    pub(super) walk: Walk,
    /// where states lie
    pub(super) device: Device,
}

/// Steps of a transition; each is of another length, from a tenth of the walk's to all of it.
const STEPS: usize = 2;

impl Annealed<'_> {
    fn numbers(&self) -> usize {
        self.item.iter().product()
    }

    fn items(&self, states: Vec<f32>) -> Tensor<4> {
        let [h, w, c] = self.item;
        let rows = states.len() / self.numbers();
        Tensor::from_data(TensorData::new(states, [rows, h, w, c]), &self.device)
    }
}

impl Path for Annealed<'_> {
    fn first_normalizer(&self) -> f64 {
        self.numbers() as f64 * (0.5 * std::f64::consts::TAU.ln() + self.deviation.ln())
    }

    fn draw(&self, runs: usize, key: Key) -> Vec<f32> {
        let mut states = vec![0f32; runs * self.numbers()];
        noise::fill_normal(key.words(), &mut states);
        states.iter_mut().for_each(|v| *v *= self.deviation as f32);
        states
    }

    fn log_density(&self, states: &[f32], b: f64) -> Vec<f64> {
        let f = numbers((self.energy)(Tensor::from_inner(self.items(states.to_vec()))));
        let squares = states
            .chunks_exact(self.numbers())
            .map(|x| x.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>());
        let s = 2.0 * self.deviation * self.deviation;
        f.iter()
            .zip(squares)
            .map(|(f, q)| -b * f64::from(*f) - q / s)
            .collect()
    }

    fn transition(&self, states: Vec<f32>, b: f64, key: Key) -> Vec<f32> {
        let energy = |x: Tensor<4>| {
            let base = under(x.clone(), self.deviation);
            (self.energy)(x) * b + base
        };
        let mut x = self.items(states);
        for step in 0..STEPS {
            let key = key.step(step as u64);
            let shorter = 10f64.powf(-key.stream("length").rng().uniform());
            let walk = Walk {
                size: self.walk.size * shorter,
                adjusted: true,
                ..self.walk
            };
            let keys: Vec<Key> = (0..x.dims()[0] as u64)
                .map(|i| key.stream("row").step(i))
                .collect();
            x = walk.run(&energy, x, 1, &keys, None).0;
        }
        numbers(x)
    }
}

/// |x|^2 / (2 s^2) of items `[rows, height, width, channel]`, `[rows]`.
pub(super) fn under(x: Tensor<4>, deviation: f64) -> Tensor<1> {
    let rows = x.dims()[0];
    let squares = (x.clone() * x).flatten::<2>(1, 3).sum_dim(1);
    squares.reshape([rows]) / (2.0 * deviation * deviation)
}
