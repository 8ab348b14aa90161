//! Langevin dynamics: chains that go down an energy with noise, and so draw from exp(-E).
//!
//! ```text
//! y = x - (e^2 / 2) dE(x)/dx + e n,   n ~ N(0, 1)                       (Welling & Teh 2011; Du & Mordatch 2019, equation 1)
//! accept y with probability min(1, exp(E(x) - E(y)) q(x | y) / q(y | x))             (Roberts & Tweedie 1996: MALA)
//! ```
//!
//! Without the second line the chain's distribution is off by what the step is too long; with it, it is exp(-E) for any step.
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::interrupt;
use menagerie_data::random::Key;
use menagerie_kernels::noise;

/// How chains walk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    /// e
    pub(super) size: f64,
    /// the longest way of a number down the gradient in a step; steep places would throw a chain out
    pub(super) longest: f64,
    /// whether a step may be refused, so that the chain draws from exp(-E) exactly
    pub(super) adjusted: bool,
}

/// Energies `[rows]` of items `[rows, height, width, channel]`, on a tape.
pub(super) type Energy<'a> = &'a dyn Fn(Tensor<4>) -> Tensor<1>;

/// Where chains are: all without autodiff.
struct Place {
    x: Tensor<4>,
    energy: Tensor<4>,
    /// the way down the gradient
    drift: Tensor<4>,
}

/// Of numbers `[rows, ...]` the sums of squares, `[rows, 1, 1, 1]`.
fn squares(x: Tensor<4>) -> Tensor<4> {
    let rows = x.dims()[0];
    (x.clone() * x)
        .flatten::<2>(1, 3)
        .sum_dim(1)
        .reshape([rows, 1, 1, 1])
}

/// Where it holds (1), the one; elsewhere (0), the other.
fn chosen(holds: &Tensor<4>, one: Tensor<4>, other: Tensor<4>) -> Tensor<4> {
    one * holds.clone() + other * (1.0 - holds.clone())
}

/// What is drawn for a step: standard normal numbers, and one uniform in [0, 1) for each row. Those of a row come from its key.
fn drawn(keys: &[Key], step: u64, [_, h, w, c]: [usize; 4], device: &Device) -> [Tensor<4>; 2] {
    let (rows, numbers) = (keys.len(), h * w * c);
    let (mut normal, mut coins) = (vec![0f32; rows * numbers], vec![0f32; rows]);
    for ((key, row), coin) in keys.iter().zip(normal.chunks_exact_mut(numbers)).zip(&mut coins) {
        let key = key.step(step);
        noise::fill_normal(key.words(), row);
        *coin = key.stream("coin").rng().uniform() as f32;
    }
    [
        Tensor::from_data(TensorData::new(normal, [rows, h, w, c]), device),
        Tensor::from_data(TensorData::new(coins, [rows, 1, 1, 1]), device),
    ]
}

impl Walk {
    fn at(&self, energy: Energy, x: Tensor<4>) -> Place {
        let rows = x.dims()[0];
        let leaf = Tensor::from_inner(x.clone()).require_grad();
        let e = energy(leaf.clone());
        let gradient = leaf.grad(&e.clone().sum().backward());
        let drift = gradient.map_or_else(
            || x.zeros_like(),
            |g| (g * (-0.5 * self.size * self.size)).clamp(-self.longest, self.longest),
        );
        Place {
            x,
            energy: e.inner().reshape([rows, 1, 1, 1]),
            drift,
        }
    }

    /// So many steps of chains that begin at `start` `[rows, height, width, channel]`, without autodiff; a key for each row. `free` is 1
    /// where numbers move and 0 where they stay, for all rows `[1, ...]`. Gives where they end, and the share of steps that were taken.
    pub(super) fn run(
        &self,
        energy: Energy,
        start: Tensor<4>,
        steps: usize,
        keys: &[Key],
        free: Option<&Tensor<4>>,
    ) -> (Tensor<4>, f64) {
        let (shape, device) = (start.dims(), start.device());
        let moved = |x: Tensor<4>| match free {
            Some(free) => x * free.clone(),
            None => x,
        };
        let way = |place: &Place| moved(place.drift.clone());
        let mut here = self.at(energy, start);
        let mut taken: Option<Tensor<1>> = None;
        for step in 0..steps {
            if interrupt::given_up() {
                break;
            }
            let [n, coin] = drawn(keys, step as u64, shape, &device);
            let n = moved(n) * self.size;
            let y = here.x.clone() + way(&here) + n.clone();
            let there = self.at(energy, y);
            if !self.adjusted {
                here = there;
                continue;
            }
            // ln q(y | x) = -|n|^2 / (2 e^2); back, it is what leads from y to x.
            let back = here.x.clone() - there.x.clone() - way(&there);
            let lead = (squares(n) - squares(back)) / (2.0 * self.size * self.size);
            let log = here.energy.clone() - there.energy.clone() + lead;
            let holds = coin.log().lower(log).float();
            let share = holds.clone().mean();
            taken = Some(match taken {
                Some(sum) => sum + share,
                None => share,
            });
            here = Place {
                x: chosen(&holds, there.x, here.x),
                energy: chosen(&holds, there.energy, here.energy),
                drift: chosen(&holds, there.drift, here.drift),
            };
        }
        let share = taken.map_or(1.0, |sum| menagerie_nn::number(sum) / steps as f64);
        (here.x, share)
    }
}
