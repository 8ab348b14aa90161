//! A mixture of normal distributions of one number, of as many modes as the numbers ask for.
//!
//! Variational Bayes with a Dirichlet prior of the weights and a normal-Wishart one of means and precisions (Bishop 2006, Pattern Recognition and
//! Machine Learning, section 10.2): modes that explain little are left with next to no weight and fall out.

/// Modes at most (Xu et al. 2019, arXiv:1907.00503, have 10).
pub const MODES: usize = 10;
/// Concentration of the prior of the weights: the smaller, the fewer modes are left.
const CONCENTRATION: f64 = 1e-3;
/// The least weight of a mode that counts.
const LEAST: f64 = 0.005;
const ROUNDS: usize = 300;

/// A normal distribution, and how much it counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mode {
    /// share of the numbers
    pub weight: f64,
    /// in the numbers' units
    pub mean: f64,
    /// above zero
    pub deviation: f64,
}

/// Modes of a column of numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mixture {
    /// [`MODES`] at most, by their means
    pub modes: Vec<Mode>,
}

/// The derivative of ln Gamma: psi(x) = psi(x + 1) - 1/x until the asymptotic series holds (Abramowitz & Stegun 1964, 6.3.5 and 6.3.18).
fn digamma(mut x: f64) -> f64 {
    let mut below = 0.0;
    while x < 8.0 {
        below -= 1.0 / x;
        x += 1.0;
    }
    let s = 1.0 / (x * x);
    below + x.ln() - 0.5 / x - s * (1.0 / 12.0 - s * (1.0 / 120.0 - s * (1.0 / 252.0 - s / 240.0)))
}

/// What is believed of a mode: alpha, beta, m, 1 / W and nu, of standardized numbers.
#[derive(Clone, Copy, Default)]
struct Belief {
    concentration: f64,
    strength: f64,
    mean: f64,
    scatter: f64,
    freedom: f64,
}

/// Equations 10.58 and 10.60 to 10.63, of how many numbers each mode has, their mean and their variance; the priors have beta = nu = W = 1 and m = 0.
fn believed([count, mean, variance]: [f64; 3]) -> Belief {
    let strength = 1.0 + count;
    Belief {
        concentration: CONCENTRATION + count,
        strength,
        mean: count * mean / strength,
        scatter: 1.0 + count * variance + count / strength * mean * mean,
        freedom: 1.0 + count,
    }
}

/// How much of `x` each mode takes (equations 10.46 to 10.49, 10.64 to 10.66): `logs` holds E ln pi + E ln lambda / 2.
fn shares(x: f64, beliefs: &[Belief], logs: &[f64], out: &mut [f64]) {
    for ((o, b), log) in out.iter_mut().zip(beliefs).zip(logs) {
        let off = b.freedom / b.scatter * (x - b.mean).powi(2);
        *o = log - 0.5 * (1.0 / b.strength + off);
    }
    softmax(out);
}

/// Exponentials of numbers, over their sum.
fn softmax(logs: &mut [f64]) {
    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    logs.iter_mut().for_each(|l| *l = (*l - most).exp());
    let sum: f64 = logs.iter().sum();
    logs.iter_mut().for_each(|l| *l /= sum);
}

impl Mixture {
    /// Of these numbers, of which those that are none are left out.
    pub fn fit(values: impl Iterator<Item = f64>) -> Mixture {
        let mut x: Vec<f64> = values.filter(|v| v.is_finite()).collect();
        x.sort_by(f64::total_cmp);
        let n = x.len() as f64;
        let centre = x.iter().sum::<f64>() / n.max(1.0);
        let spread = (x.iter().map(|v| (v - centre).powi(2)).sum::<f64>() / n.max(1.0)).sqrt();
        if x.is_empty() || spread <= 1e-9 * centre.abs() {
            // All are the same, or there are none.
            let mode = Mode {
                weight: 1.0,
                mean: centre,
                deviation: 1.0,
            };
            return Mixture { modes: vec![mode] };
        }
        x.iter_mut().for_each(|v| *v = (*v - centre) / spread);
        let beliefs = settled(&x);
        let all: f64 = beliefs.iter().map(|b| b.concentration).sum();
        let mode = |b: &Belief| Mode {
            weight: b.concentration / all,
            mean: centre + spread * b.mean,
            deviation: spread * (b.scatter / b.freedom).sqrt(),
        };
        let mut modes: Vec<Mode> = beliefs.iter().map(mode).filter(|m| m.weight > LEAST).collect();
        modes.sort_by(|a, b| a.mean.total_cmp(&b.mean));
        Mixture { modes }
    }

    /// The probability that each mode has brought forth `x`.
    pub fn probabilities(&self, x: f64) -> Vec<f64> {
        let log = |m: &Mode| m.weight.ln() - m.deviation.ln() - 0.5 * ((x - m.mean) / m.deviation).powi(2);
        let mut out: Vec<f64> = self.modes.iter().map(log).collect();
        softmax(&mut out);
        out
    }

    /// As a line of text.
    pub fn written(&self) -> String {
        let one = |m: &Mode| format!("{} {} {}", m.weight, m.mean, m.deviation);
        self.modes.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    /// What [`Mixture::written`] gave; none where it is damaged.
    pub fn read(text: &str) -> Option<Mixture> {
        let numbers: Vec<f64> = text.split(' ').map(str::parse).collect::<Result<_, _>>().ok()?;
        let one = |m: &[f64]| Mode {
            weight: m[0],
            mean: m[1],
            deviation: m[2],
        };
        let modes: Vec<Mode> = numbers.chunks_exact(3).map(one).collect();
        let whole = numbers.len() == 3 * modes.len() && (1..=MODES).contains(&modes.len());
        let sound = |m: &Mode| m.weight > 0.0 && m.mean.is_finite() && m.deviation > 0.0;
        (whole && modes.iter().all(sound)).then_some(Mixture { modes })
    }
}

/// What is believed of the modes of sorted, standardized numbers, once it no longer changes; each has an equal part of them at first.
fn settled(x: &[f64]) -> Vec<Belief> {
    let mut sums = vec![[0.0f64; 3]; MODES];
    for (i, v) in x.iter().enumerate() {
        let sum = &mut sums[i * MODES / x.len()];
        *sum = [sum[0] + 1.0, sum[1] + v, sum[2] + v * v];
    }
    let (mut share, mut beliefs) = (vec![0.0; MODES], vec![]);
    for _ in 0..ROUNDS {
        let moments = |[n, s, q]: &[f64; 3]| {
            let mean = s / n.max(1e-300);
            [*n, mean, (q / n.max(1e-300) - mean * mean).max(0.0)]
        };
        beliefs = sums.iter().map(|s| believed(moments(s))).collect();
        let all: f64 = beliefs.iter().map(|b| b.concentration).sum();
        let log = |b: &Belief| {
            let weight = digamma(b.concentration) - digamma(all);
            // E ln lambda = psi(nu / 2) + ln 2 + ln W
            weight + 0.5 * (digamma(b.freedom / 2.0) + 2f64.ln() - b.scatter.ln())
        };
        let logs: Vec<f64> = beliefs.iter().map(log).collect();
        let before = std::mem::replace(&mut sums, vec![[0.0; 3]; MODES]);
        for v in x {
            shares(*v, &beliefs, &logs, &mut share);
            for (sum, r) in sums.iter_mut().zip(&share) {
                *sum = [sum[0] + r, sum[1] + r * v, sum[2] + r * v * v];
            }
        }
        let moved = |(a, b): (&[f64; 3], &[f64; 3])| (a[0] - b[0]).abs() + (a[1] - b[1]).abs();
        let most = sums.iter().zip(&before).map(moved).fold(0.0, f64::max);
        if most < 1e-5 * x.len() as f64 {
            break;
        }
    }
    beliefs
}

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie_data::Key;

    #[test]
    fn digamma_where_it_is_known() {
        // psi(1) = -gamma, psi(1/2) = -gamma - 2 ln 2, psi(3) = 3/2 - gamma.
        let gamma = 0.577_215_664_901_532_9;
        for (x, want) in [(1.0, -gamma), (0.5, -gamma - 2.0 * 2f64.ln()), (3.0, 1.5 - gamma)] {
            assert!((digamma(x) - want).abs() < 1e-9, "{x}: {}", digamma(x));
        }
    }

    fn drawn(modes: &[(f64, f64, f64)], n: usize) -> Vec<f64> {
        let mut rng = Key::new(5).rng();
        let shares: Vec<f64> = modes.iter().map(|m| m.0).collect();
        let one = |_| {
            let m = modes[rng.class(modes.len(), &shares)];
            m.1 + m.2 * rng.normal()
        };
        (0..n).map(one).collect()
    }

    /// Modes that numbers were drawn of are found, those that nobody asked for fall out.
    #[test]
    fn modes_are_found_and_no_others() {
        let truth = [(0.5, -20.0, 1.0), (0.45, 30.0, 4.0), (0.05, 80.0, 2.0)];
        let found = Mixture::fit(drawn(&truth, 4000).into_iter());
        // A wide mode may be told by two that lie in it.
        for (weight, mean, deviation) in truth {
            let near = found
                .modes
                .iter()
                .filter(|m| (m.mean - mean).abs() < 3.0 * deviation);
            let (sum, first) = near.fold((0.0, 0.0), |(s, f), m| (s + m.weight, f + m.weight * m.mean));
            assert!((sum - weight).abs() < 0.03, "{found:?}");
            assert!((first / sum - mean).abs() < 0.15 * deviation + 0.05, "{found:?}");
        }
        assert!(found.modes.len() <= 6, "{found:?}");
        let p = found.probabilities(80.0);
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12 && p[p.len() - 1] > 0.99);
        assert_eq!(Mixture::read(&found.written()), Some(found));
        assert_eq!(Mixture::read("0.5 1"), None);
    }

    #[test]
    fn numbers_that_are_all_the_same_have_a_mode_too() {
        let found = Mixture::fit([7.0; 9].into_iter());
        assert_eq!((found.modes.len(), found.modes[0].mean), (1, 7.0));
        assert_eq!(Mixture::fit(std::iter::empty()).modes.len(), 1);
    }
}
