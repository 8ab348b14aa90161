//! What many uses of the subsampled Gaussian mechanism tell of one item: Renyi differential privacy (Mironov, Talwar, Zhang 2019, Renyi
//! Differential Privacy of the Sampled Gaussian Mechanism, arXiv:1908.10530), and the epsilon that follows from it.
use std::f64::consts::PI;

/// Sums of gradients, each of a norm of 1 at most, of items that are each taken with the probability q, with Gaussian noise of deviation sigma:
/// what a use of this costs, order by order.
#[derive(Clone, Debug)]
pub struct Accountant {
    /// orders alpha, and the Renyi divergence of a use at them
    uses: Vec<(f64, f64)>,
}

/// 1.1, 1.2, ..., 10.9, 11, ..., 64, 128, 256, 512.
fn orders() -> impl Iterator<Item = f64> {
    let fine = (11..110).map(|i| i as f64 / 10.0);
    fine.chain((11..=64).map(f64::from)).chain([128.0, 256.0, 512.0])
}

/// ln(e^a + e^b).
fn ln_add(a: f64, b: f64) -> f64 {
    let (high, low) = if a > b { (a, b) } else { (b, a) };
    match low == f64::NEG_INFINITY {
        true => high,
        false => high + (low - high).exp().ln_1p(),
    }
}

/// ln A_alpha of a whole order: A = sum_k C(alpha, k) (1 - q)^(alpha - k) q^k exp((k^2 - k) / (2 sigma^2))     (section 3.3)
fn of_whole_order(q: f64, sigma: f64, alpha: u32) -> f64 {
    let (mut choose, mut sum) = (0.0f64, f64::NEG_INFINITY);
    for k in 0..=alpha {
        if k > 0 {
            choose += f64::from(alpha - k + 1).ln() - f64::from(k).ln();
        }
        let (k, rest) = (f64::from(k), f64::from(alpha - k));
        let without = if rest > 0.0 { rest * (-q).ln_1p() } else { 0.0 };
        let with = if k > 0.0 { k * q.ln() } else { 0.0 };
        sum = ln_add(sum, choose + without + with + (k * k - k) / (2.0 * sigma * sigma));
    }
    sum
}

/// ln A_alpha of any order, A = E_{z ~ N(0, sigma^2)} ((1 - q) + q exp((2 z - 1) / (2 sigma^2)))^alpha, by a sum over small steps, which is
/// as good as exact for a function that falls off like this one.
fn of_any_order(q: f64, sigma: f64, alpha: f64) -> f64 {
    let (from, to) = (-14.0 * sigma, alpha + 14.0 * sigma);
    let step = sigma.min(sigma * sigma) / 25.0;
    let count = ((to - from) / step).ceil() as usize;
    let step = (to - from) / count as f64;
    let at = |i: usize| {
        let z = from + i as f64 * step;
        let ratio = ln_add((-q).ln_1p(), q.ln() + (2.0 * z - 1.0) / (2.0 * sigma * sigma));
        alpha * ratio - z * z / (2.0 * sigma * sigma)
    };
    let sum = (0..=count).map(at).fold(f64::NEG_INFINITY, ln_add);
    sum + step.ln() - (sigma * (2.0 * PI).sqrt()).ln()
}

/// The Renyi divergence of order alpha of one use.
pub fn renyi(q: f64, sigma: f64, alpha: f64) -> f64 {
    if q == 0.0 {
        return 0.0;
    }
    // Without subsampling it is the Gaussian mechanism's.
    if q >= 1.0 {
        return alpha / (2.0 * sigma * sigma);
    }
    let whole = alpha.fract() == 0.0;
    let ln_a = if whole {
        of_whole_order(q, sigma, alpha as u32)
    } else {
        of_any_order(q, sigma, alpha)
    };
    ln_a.max(0.0) / (alpha - 1.0)
}

impl Accountant {
    /// Of items taken with the probability `q`, and noise of `sigma` times the bound of an item's gradient.
    pub fn new(q: f64, sigma: f64) -> Accountant {
        Accountant {
            uses: orders().map(|alpha| (alpha, renyi(q, sigma, alpha))).collect(),
        }
    }

    /// The least epsilon for which so many uses are (epsilon, delta)-private, by all orders (Balle, Barthe, Gaboardi, Hsu, Sato 2020,
    /// arXiv:1905.09982, theorem 21): epsilon = r + ln((alpha - 1) / alpha) - (ln delta + ln alpha) / (alpha - 1).
    pub fn epsilon(&self, uses: u64, delta: f64) -> f64 {
        if uses == 0 {
            return 0.0;
        }
        let of = |(alpha, r): &(f64, f64)| {
            r * uses as f64 + (-1.0 / alpha).ln_1p() - (delta.ln() + alpha.ln()) / (alpha - 1.0)
        };
        self.uses.iter().map(of).fold(f64::INFINITY, f64::min).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sums and integrals agree where both are defined.
    #[test]
    fn whole_orders_are_what_integration_gives() {
        for (q, sigma) in [(0.01, 4.0), (0.004, 1.1), (0.2, 0.7), (0.5, 2.0), (0.02, 0.4)] {
            for alpha in [2u32, 3, 5, 8, 17, 32, 64] {
                let (sum, integral) = (
                    of_whole_order(q, sigma, alpha),
                    of_any_order(q, sigma, f64::from(alpha)),
                );
                assert!(
                    (sum - integral).abs() < 1e-9 * (1.0 + sum.abs()),
                    "{q} {sigma} {alpha}: {sum} {integral}"
                );
            }
        }
    }

    /// The figures of TensorFlow Privacy's tutorial on MNIST (60,000 items, batches of 256, delta 1e-5), which go by the older conversion,
    /// epsilon = r + ln(1/delta) / (alpha - 1) (Mironov 2017, proposition 3).
    #[test]
    fn published_figures_come_out() {
        let q = 256.0 / 60_000.0;
        for (sigma, epochs, published) in [(1.3, 15, 1.19), (1.1, 60, 3.01), (0.7, 45, 7.10)] {
            let uses = (epochs * 60_000 / 256) as u64;
            let older = |(alpha, r): &(f64, f64)| r * uses as f64 - 1e-5f64.ln() / (alpha - 1.0);
            let epsilon = Accountant::new(q, sigma)
                .uses
                .iter()
                .map(older)
                .fold(f64::INFINITY, f64::min);
            assert!(
                (epsilon - published).abs() < 0.006,
                "{sigma}: {epsilon}, published {published}"
            );
        }
    }

    /// The figures of Opacus 1.6 (`RDPAccountant`'s analysis, orders 1.1 to 10.9 and 12 to 63).
    #[test]
    fn another_accountant_says_the_same() {
        for (q, sigma, uses, delta, theirs) in [
            (256.0 / 60_000.0, 1.3, 3515, 1e-5, 0.9544295087300312),
            (0.01, 4.0, 10_000, 1e-5, 1.0354900660362476),
            (0.01, 1.0, 1000, 1e-5, 2.1013652716430564),
            (0.05, 0.6, 200, 1e-5, 17.529537692236918),
            (1.0, 2.0, 10, 1e-6, 8.84687435850794),
        ] {
            let epsilon = Accountant::new(q, sigma).epsilon(uses, delta);
            assert!(
                (epsilon - theirs).abs() < 1e-6 * theirs,
                "{q} {sigma}: {epsilon}, theirs {theirs}"
            );
        }
    }

    #[test]
    fn more_uses_cost_more_and_more_noise_costs_less() {
        let e = |q: f64, sigma: f64, uses: u64| Accountant::new(q, sigma).epsilon(uses, 1e-5);
        assert!(e(0.01, 1.0, 0) == 0.0 && e(0.01, 1.0, 10) < e(0.01, 1.0, 1000));
        assert!(e(0.01, 2.0, 1000) < e(0.01, 1.0, 1000) && e(0.005, 1.0, 1000) < e(0.01, 1.0, 1000));
    }
}
