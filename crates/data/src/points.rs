//! Points of the plane drawn from densities that are known exactly.
use super::curves::Curve;
use super::{DataInfo, Dataset, Density, Item, Kind, Values, point_sets};
use crate::error::{Result, nearest};
use crate::random::{Draw, Key};

/// How many points a set has when no limit says otherwise; there is always another.
pub(super) const COUNT: usize = 100_000;

/// Endless points: point `i` is a function of the seed, the split and `i` alone.
pub(super) struct PointSet {
    info: DataInfo,
    key: Key,
    density: Box<dyn Density>,
}

impl PointSet {
    /// The set of this name. The test split is another stream of the same density.
    ///
    /// # Errors
    /// [`crate::Error::Usage`] for a name that is none of a set.
    pub(crate) fn new(name: &str, seed: u64, split: &str, limit: usize) -> Result<PointSet> {
        let (density, reach): (Box<dyn Density>, f32) = match name {
            "ring8" => (Box::new(Mixture::ring8()), 2.1),
            "grid25" => (Box::new(Mixture::grid25()), 4.25),
            "swissroll" => (Box::new(Curve::swissroll()), 4.0),
            "moons" => (Box::new(Curve::moons()), 4.0),
            _ => {
                let fix = nearest(name, point_sets());
                return Err(crate::Error::usage(
                    format!("there is no set of points `{name}`"),
                    fix,
                ));
            }
        };
        let info = DataInfo {
            source: name.to_string(),
            kind: Kind::Points,
            shape: vec![2],
            count: if limit == 0 { COUNT } else { limit },
            range: (-reach, reach),
            ..DataInfo::default()
        };
        let key = Key::new(seed)
            .stream("points")
            .stream(if split == "test" { "test" } else { "train" });
        Ok(PointSet { info, key, density })
    }
}

impl Dataset for PointSet {
    fn info(&self) -> &DataInfo {
        &self.info
    }
    fn get(&self, index: usize) -> Result<Item> {
        let point = self.density.sample(&mut self.key.step(index as u64).rng());
        let values = Values::Floats(point.iter().map(|&x| x as f32).collect());
        Ok(Item {
            values,
            label: None,
            attributes: vec![],
            caption: None,
        })
    }
    fn density(&self) -> Option<&dyn Density> {
        Some(&*self.density)
    }
}

/// Equal parts of Gaussians of one standard deviation.
struct Mixture {
    centres: Vec<[f64; 2]>,
    sigma: f64,
}

impl Mixture {
    /// Eight on a circle of radius 2, standard deviation 0.02: Metz et al. 2017, "Unrolled Generative Adversarial
    /// Networks", arXiv:1611.02163, section 3.1.
    fn ring8() -> Mixture {
        let at = |k: usize| {
            let angle = std::f64::consts::TAU * k as f64 / 8.0;
            [2.0 * angle.cos(), 2.0 * angle.sin()]
        };
        Mixture {
            centres: (0..8).map(at).collect(),
            sigma: 0.02,
        }
    }
    /// A grid of 5 x 5 from -4 to 4, standard deviation 0.05: Lin et al. 2018, "PacGAN", arXiv:1712.04086, section 4.1.
    fn grid25() -> Mixture {
        let at = |k: usize| [(k / 5) as f64 * 2.0 - 4.0, (k % 5) as f64 * 2.0 - 4.0];
        Mixture {
            centres: (0..25).map(at).collect(),
            sigma: 0.05,
        }
    }
}

impl Density for Mixture {
    fn log_density(&self, x: [f64; 2]) -> f64 {
        let v = self.sigma * self.sigma;
        let exponents = self
            .centres
            .iter()
            .map(|c| -((x[0] - c[0]).powi(2) + (x[1] - c[1]).powi(2)) / (2.0 * v));
        log_sum_exp(exponents) - (self.centres.len() as f64 * std::f64::consts::TAU * v).ln()
    }
    /// ln K + ln(2 pi e sigma^2), that of parts that do not overlap: their centres are 40 and more standard deviations
    /// apart, which leaves an error far below f64's precision.
    fn entropy(&self) -> f64 {
        (self.centres.len() as f64 * std::f64::consts::TAU * std::f64::consts::E * self.sigma.powi(2)).ln()
    }
    fn modes(&self) -> Option<(&[[f64; 2]], f64)> {
        Some((&self.centres, self.sigma))
    }
    fn sample(&self, rng: &mut Draw) -> [f64; 2] {
        let c = self.centres[rng.below(self.centres.len())];
        [c[0] + self.sigma * rng.normal(), c[1] + self.sigma * rng.normal()]
    }
}

/// ln of the sum of exponentials, safe far from all of them.
pub(super) fn log_sum_exp(exponents: impl Iterator<Item = f64> + Clone) -> f64 {
    let top = exponents.clone().fold(f64::NEG_INFINITY, f64::max);
    if top == f64::NEG_INFINITY {
        top
    } else {
        top + exponents.map(|e| (e - top).exp()).sum::<f64>().ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The integrals of p and of -p ln p over a box, by the trapezoid rule.
    fn integrate(p: &dyn Density, low: [f64; 2], high: [f64; 2], step: f64) -> (f64, f64) {
        let n = [0, 1].map(|k| ((high[k] - low[k]) / step).round() as usize);
        let (mut mass, mut entropy) = (0.0, 0.0);
        for i in 0..=n[0] {
            for j in 0..=n[1] {
                let l = p.log_density([low[0] + i as f64 * step, low[1] + j as f64 * step]);
                if l > -700.0 {
                    mass += l.exp() * step * step;
                    entropy -= l.exp() * l * step * step;
                }
            }
        }
        (mass, entropy)
    }

    #[test]
    fn mixtures_integrate_to_one_and_to_their_entropy() {
        for (p, centre) in [(Mixture::ring8(), [2.0, 0.0]), (Mixture::grid25(), [-4.0, 2.0])] {
            // One mode holds its share of the whole, and the modes are alike.
            let s = p.sigma;
            let (mass, entropy) = integrate(
                &p,
                centre.map(|c| c - 9.0 * s),
                centre.map(|c| c + 9.0 * s),
                s / 3.0,
            );
            let k = p.centres.len() as f64;
            assert!((mass * k - 1.0).abs() < 1e-12, "{mass}");
            assert!((entropy * k - p.entropy()).abs() < 1e-10, "{entropy}");
            for c in &p.centres {
                assert!((p.log_density(*c) + (k * std::f64::consts::TAU * s * s).ln()).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn curves_integrate_to_one_and_to_their_entropy() {
        for (p, low, high) in [
            (Curve::swissroll(), [-4.5, -4.5], [4.5, 4.5]),
            (Curve::moons(), [-5.0, -3.5], [5.0, 4.0]),
        ] {
            let (mass, entropy) = integrate(&p, low, high, 0.0625);
            assert!((mass - 1.0).abs() < 1e-8, "{mass}");
            assert!((entropy - p.entropy()).abs() < 1e-7, "{entropy} {}", p.entropy());
        }
    }

    #[test]
    fn draws_follow_the_density() {
        for name in point_sets() {
            let set = PointSet::new(name, 3, "train", 4000).unwrap();
            let p = set.density().unwrap();
            // Monte Carlo: the mean of -ln p over draws is the entropy.
            let (mut sum, mut square) = (0.0, 0.0);
            for i in 0..set.info.count {
                let Values::Floats(x) = set.get(i).unwrap().values else {
                    panic!()
                };
                assert!(x.iter().all(|v| v.abs() <= set.info.range.1), "{name} {x:?}");
                let l = -p.log_density([x[0] as f64, x[1] as f64]);
                sum += l;
                square += l * l;
            }
            let n = set.info.count as f64;
            let (mean, error) = (sum / n, ((square / n - (sum / n).powi(2)) / n).sqrt());
            assert!(
                (mean - p.entropy()).abs() < 4.0 * error,
                "{name}: {mean} +- {error}, exact {}",
                p.entropy()
            );
        }
    }

    #[test]
    fn a_point_is_a_function_of_seed_split_and_index() {
        let get = |seed, split, i| PointSet::new("moons", seed, split, 0).unwrap().get(i).unwrap();
        assert_eq!(get(1, "train", 77), get(1, "train", 77));
        assert_ne!(get(1, "train", 77), get(1, "train", 78));
        assert_ne!(get(1, "train", 77), get(2, "train", 77));
        assert_ne!(get(1, "train", 77), get(1, "test", 77));
        get(1, "train", 1 << 40);
    }
}
