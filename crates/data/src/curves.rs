//! Densities of a curve with Gaussian noise: p(x) = integral over u in [0, 1] of N(x; c(u), sigma^2 I).
use super::Density;
use super::points::log_sum_exp;
use crate::random::Draw;
use std::f64::consts::{PI, TAU};
use std::sync::OnceLock;

/// Nodes of Gauss and Legendre's rule of order 8 on [-1, 1], and their weights; each stands for its negative too.
const GAUSS: [(f64, f64); 4] = [
    (0.183_434_642_495_649_8, 0.362_683_783_378_362),
    (0.525_532_409_916_329, 0.313_706_645_877_887_3),
    (0.796_666_477_413_626_7, 0.222_381_034_453_374_48),
    (0.960_289_856_497_536_3, 0.101_228_536_290_376_26),
];

/// A point of a curve by its parameter.
type Path = fn(f64) -> [f64; 2];

/// One or several curves of equal share, with noise around them.
pub(super) struct Curve {
    paths: Vec<Path>,
    sigma: f64,
    /// quadrature of the integral: points of the curves, and the logarithms of their weights, which sum to one
    nodes: Vec<([f64; 2], f64)>,
    entropy: OnceLock<f64>,
}

impl Curve {
    /// The spiral t (cos t, sin t) / 5 for t uniform in [3 pi / 2, 9 pi / 2], noise 0.2: scikit-learn's swiss roll
    /// seen from above, scaled as in Grathwohl et al. 2019, "FFJORD", arXiv:1810.01367.
    pub(crate) fn swissroll() -> Curve {
        let path: Path = |u| {
            let t = 1.5 * PI * (1.0 + 2.0 * u);
            [t * t.cos() / 5.0, t * t.sin() / 5.0]
        };
        Curve::new(vec![path], 0.2, 96)
    }

    /// Two interleaved half circles of radius 2, noise 0.2: scikit-learn's moons (noise 0.1) doubled and moved by
    /// (-1, -0.2), as in Grathwohl et al. 2019.
    pub(crate) fn moons() -> Curve {
        let outer: Path = |u| [2.0 * (PI * u).cos() - 1.0, 2.0 * (PI * u).sin() - 0.2];
        let inner: Path = |u| [1.0 - 2.0 * (PI * u).cos(), 0.8 - 2.0 * (PI * u).sin()];
        Curve::new(vec![outer, inner], 0.2, 32)
    }

    /// `panels` of eight nodes each on every path: a panel must be short against `sigma`.
    fn new(paths: Vec<Path>, sigma: f64, panels: usize) -> Curve {
        let mut nodes = Vec::new();
        for path in &paths {
            for panel in 0..panels {
                for (x, weight) in GAUSS.into_iter().flat_map(|(x, w)| [(x, w), (-x, w)]) {
                    let u = (panel as f64 + 0.5 + 0.5 * x) / panels as f64;
                    nodes.push((path(u), (weight / (2 * panels * paths.len()) as f64).ln()));
                }
            }
        }
        Curve {
            paths,
            sigma,
            nodes,
            entropy: OnceLock::new(),
        }
    }
}

impl Density for Curve {
    fn log_density(&self, x: [f64; 2]) -> f64 {
        let v = self.sigma * self.sigma;
        let exponents = self
            .nodes
            .iter()
            .map(|(c, w)| w - ((x[0] - c[0]).powi(2) + (x[1] - c[1]).powi(2)) / (2.0 * v));
        log_sum_exp(exponents) - (TAU * v).ln()
    }

    /// Trapezoid rule over the curve's box and eight standard deviations around it, in steps of 0.4 standard
    /// deviations: for a function as smooth as this the rule converges exponentially.
    fn entropy(&self) -> f64 {
        *self.entropy.get_or_init(|| {
            let step = 0.4 * self.sigma;
            let extent = |k: usize| {
                let (low, high) = self
                    .nodes
                    .iter()
                    .fold((f64::MAX, f64::MIN), |(l, h), (c, _)| (l.min(c[k]), h.max(c[k])));
                (
                    low - 8.0 * self.sigma,
                    ((high - low + 16.0 * self.sigma) / step).ceil() as usize,
                )
            };
            let ((left, columns), (bottom, rows)) = (extent(0), extent(1));
            let at =
                |i: usize, j: usize| self.log_density([left + i as f64 * step, bottom + j as f64 * step]);
            (0..=columns)
                .flat_map(|i| (0..=rows).map(move |j| (i, j)))
                .map(|(i, j)| at(i, j))
                .map(|l| -l * l.exp())
                .sum::<f64>()
                * step
                * step
        })
    }

    fn sample(&self, rng: &mut Draw) -> [f64; 2] {
        let path = self.paths[rng.below(self.paths.len())];
        let c = path(rng.uniform());
        [c[0] + self.sigma * rng.normal(), c[1] + self.sigma * rng.normal()]
    }
}
