//! Optimal transport from the standard normal distribution to a finite set of codes of equal weight, by Brenier's potential.
//!
//! u(x) = max_i (<x, y_i> + h_i) is convex, its gradient maps the cell W_i where code i wins to y_i, and it is the map of least
//! squared cost once every cell has the mass 1 / n. The heights h minimize E(h) = E_x u(x) - mean(h), convex too, whose gradient
//! is mass(W_i) - 1 / n (Gu et al. 2013, arXiv:1302.5472; Lei et al. 2017, arXiv:1710.05488); masses are counted over draws of x.
use burn::module::{Module, Param};
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_nn::{Tensors, numbers};

/// Heights, and how far they have come.
#[derive(Clone, Debug)]
pub(super) struct SemiDiscrete {
    /// codes with mean 0 and deviation 1 over all of their numbers, `[codes, dimensions]`
    codes: Vec<f32>,
    /// what they were: code times `scale` and `shift`
    shift: Vec<f32>,
    scale: f32,
    heights: Vec<f32>,
    /// average of the heights of late steps
    average: Vec<f32>,
    /// moments of Adam
    first: Vec<f32>,
    second: Vec<f32>,
    steps: u64,
    /// mean distance of the best score from the next
    gap: f32,
}

/// Weight of a step in the average of heights.
const LATE: f32 = 0.02;

impl SemiDiscrete {
    /// For codes `[codes, dimensions]`. At first a draw goes to the nearest of them.
    pub(super) fn new(mut codes: Vec<f32>, dimensions: usize) -> Self {
        let n = codes.len() / dimensions;
        let mut shift = vec![0f32; dimensions];
        for row in codes.chunks_exact(dimensions) {
            shift.iter_mut().zip(row).for_each(|(s, v)| *s += v / n as f32);
        }
        for row in codes.chunks_exact_mut(dimensions) {
            row.iter_mut().zip(&shift).for_each(|(v, s)| *v -= s);
        }
        let square: f64 = codes.iter().map(|v| f64::from(*v).powi(2)).sum();
        let scale = ((square / codes.len().max(1) as f64).sqrt() as f32).max(1e-12);
        codes.iter_mut().for_each(|v| *v /= scale);
        let half = |row: &[f32]| -0.5 * row.iter().map(|v| v * v).sum::<f32>();
        let heights: Vec<f32> = codes.chunks_exact(dimensions).map(half).collect();
        SemiDiscrete {
            average: heights.clone(),
            first: vec![0.0; n],
            second: vec![0.0; n],
            heights,
            codes,
            shift,
            scale,
            steps: 0,
            gap: 0.0,
        }
    }

    fn count(&self) -> usize {
        self.heights.len()
    }

    /// The winner of each draw by these heights, and the mean distance of its score from the next best.
    fn winners(&self, draws: &Tensor<2>, heights: &[f32]) -> (Vec<usize>, f32) {
        let (n, d, device) = (self.count(), self.shift.len(), draws.device());
        let codes = Tensor::<2>::from_data(TensorData::new(self.codes.clone(), [n, d]), &device);
        let scores = numbers(draws.clone().matmul(codes.transpose()));
        let (mut winners, mut gap) = (Vec::with_capacity(draws.dims()[0]), 0f64);
        for row in scores.chunks_exact(n) {
            let (mut best, mut at, mut next) = (f32::NEG_INFINITY, 0, f32::NEG_INFINITY);
            for (i, (s, h)) in row.iter().zip(heights).enumerate() {
                let s = s + h;
                if s > best {
                    (next, best, at) = (best, s, i);
                } else if s > next {
                    next = s;
                }
            }
            winners.push(at);
            gap += f64::from(if next.is_finite() { best - next } else { 0.0 });
        }
        let gap = gap / winners.len().max(1) as f64;
        (winners, gap as f32)
    }

    /// How far the masses of cells are from equal, half the sum of all differences, and the mean gap: over these draws.
    fn measured(&self, draws: &Tensor<2>, heights: &[f32]) -> (Vec<f32>, f64, f32) {
        let (winners, gap) = self.winners(draws, heights);
        let (one, share) = (1.0 / winners.len().max(1) as f32, 1.0 / self.count() as f32);
        let mut off = vec![-share; self.count()];
        winners.into_iter().for_each(|i| off[i] += one);
        let distance = off.iter().map(|v| f64::from(v.abs())).sum::<f64>() / 2.0;
        (off, distance, gap)
    }

    /// One step of Adam over these draws `[draws, dimensions]`, on a device without autodiff; its rate falls as 1 / sqrt(1 + t /
    /// 100). Gives the share of mass that lay in wrong cells.
    pub(super) fn step(&mut self, draws: &Tensor<2>, rate: f64) -> f64 {
        let (off, distance, gap) = self.measured(draws, &self.heights);
        self.steps += 1;
        let t = self.steps as f64;
        let rate = rate / (1.0 + t / 100.0).sqrt();
        let (a, b) = (1.0 - 0.9f64.powf(t), 1.0 - 0.999f64.powf(t));
        for (i, g) in off.iter().enumerate() {
            self.first[i] = 0.9 * self.first[i] + 0.1 * g;
            self.second[i] = 0.999 * self.second[i] + 0.001 * g * g;
            let step = f64::from(self.first[i]) / a / ((f64::from(self.second[i]) / b).sqrt() + 1e-12);
            self.heights[i] -= (rate * step) as f32;
        }
        // A constant in all heights changes nothing.
        let mean = self.heights.iter().sum::<f32>() / self.count() as f32;
        self.heights.iter_mut().for_each(|h| *h -= mean);
        let part = LATE.max(1.0 / self.steps as f32);
        self.average
            .iter_mut()
            .zip(&self.heights)
            .for_each(|(a, h)| *a += part * (h - *a));
        self.gap = match self.steps {
            1 => gap,
            _ => 0.9 * self.gap + 0.1 * gap,
        };
        distance
    }

    /// The map, to be used; `smoothing` is in mean gaps, `cut` in mean distances of codes.
    pub(super) fn map(&self, smoothing: f64, cut: f64, device: &Device) -> BrenierMap {
        let (n, d) = (self.count(), self.shift.len());
        let fixed = |values: Vec<f32>, shape: [usize; 2]| {
            Param::from_tensor(Tensor::<2>::from_data(TensorData::new(values, shape), device))
                .set_require_grad(false)
        };
        // The mean square of a code's numbers is 1, so that two have the distance sqrt(2 d) in the mean.
        let reach = (cut * cut * 2.0 * d as f64) as f32;
        BrenierMap {
            fixed_codes: fixed(self.codes.clone(), [n, d]),
            fixed_heights: fixed(self.average.clone(), [1, n]),
            fixed_shift: fixed(self.shift.clone(), [1, d]),
            fixed_scale: fixed(vec![self.scale], [1, 1]),
            fixed_width: fixed(vec![(smoothing as f32 * self.gap).max(1e-6)], [1, 1]),
            fixed_reach: fixed(vec![reach], [1, 1]),
        }
    }

    /// As arrays.
    pub(super) fn save(&self) -> Tensors {
        let mut t = Tensors::of_note("steps", self.steps.to_string());
        let (n, d) = (self.count(), self.shift.len());
        t.arrays.insert("codes".into(), (vec![n, d], self.codes.clone()));
        for (name, values) in [
            ("heights", &self.heights),
            ("average", &self.average),
            ("first", &self.first),
            ("second", &self.second),
            ("shift", &self.shift),
            ("numbers", &vec![self.scale, self.gap]),
        ] {
            t.arrays.insert(name.into(), (vec![values.len()], values.clone()));
        }
        t
    }

    /// What `save` gave.
    ///
    /// # Errors
    /// [`Error::Data`] for arrays that do not fit each other.
    pub(super) fn load(t: &Tensors, dimensions: usize) -> Result<Self> {
        let array = |name: &str| t.arrays.get(name).map(|(_, v)| v.clone()).unwrap_or_default();
        let (codes, heights) = (array("codes"), array("heights"));
        let n = heights.len();
        let (average, first, second) = (array("average"), array("first"), array("second"));
        let (shift, two) = (array("shift"), array("numbers"));
        let fits = n > 0
            && codes.len() == n * dimensions
            && shift.len() == dimensions
            && [&average, &first, &second].iter().all(|v| v.len() == n);
        let (true, [scale, gap]) = (fits, &two[..]) else {
            let problem = "its arrays do not fit each other or the recipe";
            return Err(Error::data("transport", problem, "take another checkpoint"));
        };
        let steps = t.notes.get("steps").and_then(|s| s.parse().ok()).unwrap_or(0);
        Ok(SemiDiscrete {
            scale: *scale,
            gap: *gap,
            codes,
            shift,
            heights,
            average,
            first,
            second,
            steps,
        })
    }
}

/// The gradient of Brenier's potential, smoothed: log-sum-exp in place of the maximum, so that near the border of two cells their
/// codes are mixed; codes that lie too far from the winner, as of another mode, are left out of the mixture (An et al. 2020,
/// AE-OT, leaves out singular sets).
#[derive(Module, Debug)]
pub(super) struct BrenierMap {
    fixed_codes: Param<Tensor<2>>,
    fixed_heights: Param<Tensor<2>>,
    fixed_shift: Param<Tensor<2>>,
    fixed_scale: Param<Tensor<2>>,
    fixed_width: Param<Tensor<2>>,
    fixed_reach: Param<Tensor<2>>,
}

impl BrenierMap {
    /// Draws `[batch, dimensions]` -> codes `[batch, dimensions]`.
    pub(super) fn forward(&self, draws: Tensor<2>) -> Tensor<2> {
        let codes = self.fixed_codes.val();
        let scores = draws.matmul(codes.clone().transpose()) + self.fixed_heights.val();
        let best = scores.clone().max_dim(1);
        let below = scores - best;
        let wins = below.clone().greater_equal_elem(0.0).float();
        let winner = wins.clone().matmul(codes.clone());
        // |y - w|^2, of all codes y and the winner w of each draw.
        let square = |t: Tensor<2>| (t.clone() * t).sum_dim(1);
        let across = winner.clone().matmul(codes.clone().transpose()) * 2.0;
        let distances = square(winner) + square(codes.clone()).transpose() - across;
        let near = (distances - self.fixed_reach.val()).lower_equal_elem(0.0).float();
        let near = (near + wins).clamp(0.0, 1.0);
        let weights = softmax(below / self.fixed_width.val(), 1) * near;
        let sum = weights.clone().sum_dim(1) + 1e-20;
        (weights / sum).matmul(codes) * self.fixed_scale.val() + self.fixed_shift.val()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie_data::random::Key;
    use menagerie_kernels::noise;

    fn tensor(values: &[f32], d: usize) -> Tensor<2> {
        let n = values.len() / d;
        Tensor::from_data(TensorData::new(values.to_vec(), [n, d]), &Device::flex())
    }

    /// The largest mean of <x_i, y_p(i)> over all permutations p of six.
    fn best_assignment(x: &[f32], y: &[f32], d: usize) -> f64 {
        fn go(rest: &mut Vec<usize>, i: usize, score: &dyn Fn(usize, usize) -> f64) -> f64 {
            if rest.is_empty() {
                return 0.0;
            }
            (0..rest.len()).fold(f64::NEG_INFINITY, |best, k| {
                let j = rest.remove(k);
                let found = score(i, j) + go(rest, i + 1, score);
                rest.insert(k, j);
                best.max(found)
            })
        }
        let dot = |i: usize, j: usize| {
            let (a, b) = (&x[i * d..(i + 1) * d], &y[j * d..(j + 1) * d]);
            a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>()
        };
        let n = x.len() / d;
        go(&mut (0..n).collect(), 0, &dot) / n as f64
    }

    /// Duality: the least E(h) over six draws is what the best of all 720 assignments of draws to codes gives, and each code
    /// wins one draw.
    #[test]
    fn heights_find_the_exact_assignment() {
        for seed in 0..5 {
            let (d, n) = (3, 6);
            let (mut x, mut y) = (vec![0f32; n * d], vec![0f32; n * d]);
            noise::fill_normal(Key::new(seed).words(), &mut x);
            noise::fill_normal(Key::new(seed + 100).words(), &mut y);
            let mut transport = SemiDiscrete::new(y, d);
            let draws = tensor(&x, d);
            for _ in 0..3000 {
                transport.step(&draws, 0.02);
            }
            let want = best_assignment(&x, &transport.codes, d);
            let h = &transport.average;
            let (winners, _) = transport.winners(&draws, h);
            let dot = |i: usize, j: usize| {
                (0..d)
                    .map(|k| x[i * d + k] * transport.codes[j * d + k])
                    .sum::<f32>()
            };
            let mean = h.iter().sum::<f32>() / n as f32;
            let value: f32 =
                (0..n).map(|i| dot(i, winners[i]) + h[winners[i]]).sum::<f32>() / n as f32 - mean;
            assert!(
                (f64::from(value) - want).abs() < 1e-2,
                "seed {seed}: {value} for {want}"
            );
        }
    }

    /// On the line the cells are quantiles: four codes split the normal distribution at -0.674, 0 and 0.674, wherever they lie.
    #[test]
    fn on_the_line_cells_are_quantiles() {
        let mut transport = SemiDiscrete::new(vec![0.0, 0.1, 5.0, 7.0], 1);
        for step in 0..1500 {
            let draws = noise::normal(Key::new(step).words(), [512, 1], &Device::flex());
            transport.step(&draws, 0.05);
        }
        let (codes, h) = (&transport.codes, &transport.average);
        let border = |i: usize| f64::from((h[i] - h[i + 1]) / (codes[i + 1] - codes[i]));
        for (i, want) in [(0, -0.6745), (1, 0.0), (2, 0.6745)] {
            // Two codes that are almost one leave their border to chance.
            let within = if i == 0 { 0.6 } else { 0.08 };
            assert!((border(i) - want).abs() < within, "border {i} at {}", border(i));
        }
        // Sharp, the map gives codes; the cut keeps far codes out of mixtures.
        let map = transport.map(0.0, 1.0, &Device::flex());
        let got = numbers(map.forward(tensor(&[-2.0, 0.3, 2.0], 1)));
        assert!(
            got.iter().zip([0.0, 5.0, 7.0]).all(|(a, b)| (a - b).abs() < 1e-4),
            "{got:?}"
        );
        let smooth = |cut: f64| {
            let mut soft = transport.clone();
            soft.gap = 1.0;
            numbers(soft.map(0.5, cut, &Device::flex()).forward(tensor(&[0.2], 1)))[0]
        };
        assert!(smooth(10.0) < 4.5 && smooth(10.0) > 0.5);
        assert!(smooth(0.4) > 4.99, "{}", smooth(0.4));
    }

    /// What is saved goes on to the same heights.
    #[test]
    fn saved_and_loaded_it_goes_on() {
        let mut one = SemiDiscrete::new(vec![1.0, 2.0, -1.0, 0.5, 3.0, 3.0], 2);
        let draws = noise::normal(Key::new(1).words(), [64, 2], &Device::flex());
        one.step(&draws, 0.1);
        let mut other = SemiDiscrete::load(&one.save(), 2).unwrap();
        assert_eq!(one.step(&draws, 0.1), other.step(&draws, 0.1));
        assert_eq!(one.save(), other.save());
        assert!(SemiDiscrete::load(&one.save(), 3).is_err());
    }
}
