//! Simulators: a program that is easily run at any parameters, and of which nobody can say how likely its answer was. Their runs are rows of
//! a table, the parameters first.
use super::{Column, DataInfo, Dataset, Item, Role, Source, Values, mixed};
use crate::error::{Error, Result, nearest};
use crate::random::{Draw, Key};

/// What sources of this kind begin with.
pub(super) const PREFIX: &str = "simulator:";
/// Runs where no limit says otherwise; there is always another.
pub(super) const TRAIN: usize = 20_000;
/// Of the test split.
const TEST: usize = 1000;
/// Runs by which columns are described.
const DESCRIBED_BY: u64 = 2000;

/// A program with parameters.
pub trait Simulator: Send + Sync {
    /// Its name behind `simulator:`.
    fn name(&self) -> &'static str;
    /// Names of its parameters.
    fn parameters(&self) -> Vec<String>;
    /// Names of the numbers that it gives.
    fn outputs(&self) -> Vec<String>;
    /// Parameters from the prior.
    fn prior(&self, rng: &mut Draw) -> Vec<f64>;
    /// A run at these parameters.
    fn simulate(&self, parameters: &[f64], rng: &mut Draw) -> Vec<f64>;
    /// Mean and standard deviation of each parameter, given what was seen, where they are known exactly.
    fn posterior(&self, _outputs: &[f64]) -> Option<Vec<[f64; 2]>> {
        None
    }
}

/// Every simulator.
pub fn simulators() -> &'static [&'static dyn Simulator] {
    &[&Gaussian, &Queue, &Predators]
}

/// The simulator of a source `simulator:NAME`.
pub fn simulator(source: &str) -> Option<&'static dyn Simulator> {
    let name = source.strip_prefix(PREFIX)?;
    simulators().iter().copied().find(|s| s.name() == name)
}

/// Two means, each standard normal, and five observations of either with a deviation of 1: the posterior of a mean is normal, with the mean
/// sum x / 6 and the variance 1 / 6.
struct Gaussian;

impl Gaussian {
    const SEEN: usize = 5;
}

impl Simulator for Gaussian {
    fn name(&self) -> &'static str {
        "gaussian"
    }
    fn parameters(&self) -> Vec<String> {
        vec!["mean 1".into(), "mean 2".into()]
    }
    fn outputs(&self) -> Vec<String> {
        (1..=2)
            .flat_map(|m| (1..=Self::SEEN).map(move |i| format!("x{m}{i}")))
            .collect()
    }
    fn prior(&self, rng: &mut Draw) -> Vec<f64> {
        vec![rng.normal(), rng.normal()]
    }
    fn simulate(&self, parameters: &[f64], rng: &mut Draw) -> Vec<f64> {
        parameters
            .iter()
            .flat_map(|m| vec![*m; Self::SEEN])
            .map(|m| m + rng.normal())
            .collect()
    }
    fn posterior(&self, outputs: &[f64]) -> Option<Vec<[f64; 2]>> {
        let n = Self::SEEN as f64 + 1.0;
        let of = |x: &[f64]| [x.iter().sum::<f64>() / n, n.recip().sqrt()];
        Some(outputs.chunks(Self::SEEN).map(of).collect())
    }
}

/// A queue with one server (M/G/1; Blum & Francois 2010, arXiv:0809.4178, section 5): customers arrive as a Poisson process, and are served for
/// a time that is uniform between `shortest` and `shortest + spread`. Seen are five quantiles of the times between 50 departures, as
/// logarithms.
struct Queue;

impl Queue {
    const CUSTOMERS: usize = 50;
}

impl Simulator for Queue {
    fn name(&self) -> &'static str {
        "queue"
    }
    fn parameters(&self) -> Vec<String> {
        ["shortest", "spread", "rate"].map(String::from).to_vec()
    }
    fn outputs(&self) -> Vec<String> {
        ["least", "quarter", "half", "three quarters", "most"]
            .map(String::from)
            .to_vec()
    }
    fn prior(&self, rng: &mut Draw) -> Vec<f64> {
        vec![10.0 * rng.uniform(), 10.0 * rng.uniform(), rng.uniform() / 3.0]
    }
    fn simulate(&self, parameters: &[f64], rng: &mut Draw) -> Vec<f64> {
        let [shortest, spread, rate] = [parameters[0], parameters[1], parameters[2].max(1e-6)];
        let (mut arrived, mut left, mut times) = (0.0f64, 0.0f64, vec![]);
        for _ in 0..Self::CUSTOMERS {
            arrived -= (1.0 - rng.uniform()).ln() / rate;
            let served = shortest + spread * rng.uniform();
            let leaves = left.max(arrived) + served;
            times.push(leaves - left);
            left = leaves;
        }
        times.sort_by(f64::total_cmp);
        let at = |share: f64| {
            times[(share * (times.len() - 1) as f64).round() as usize]
                .max(1e-6)
                .ln()
        };
        [0.0, 0.25, 0.5, 0.75, 1.0].map(at).to_vec()
    }
}

/// Predators and prey (Lotka & Volterra) with chance in every birth and death, by the chemical Langevin equation in steps of 0.05 over 20 units of
/// time. Parameters are the logarithms of four rates, within 0.7 of ln 0.01, ln 0.5, ln 1 and ln 0.01: predators' births a prey, their deaths,
/// prey's births, and deaths a predator. Seen are means and deviations of both as logarithms, and correlations of either with itself
/// a unit later and of both.
struct Predators;

impl Simulator for Predators {
    fn name(&self) -> &'static str {
        "predators"
    }
    fn parameters(&self) -> Vec<String> {
        ["births", "deaths", "prey's births", "eaten"]
            .map(|n| format!("ln {n}"))
            .to_vec()
    }
    fn outputs(&self) -> Vec<String> {
        let of = ["mean", "deviation", "echo"];
        let each = ["predators", "prey"]
            .into_iter()
            .flat_map(|w| of.map(|o| format!("{o} of {w}")));
        each.chain(["correlation".into()]).collect()
    }
    fn prior(&self, rng: &mut Draw) -> Vec<f64> {
        [0.01f64, 0.5, 1.0, 0.01]
            .iter()
            .map(|r| r.ln() + 1.4 * (rng.uniform() - 0.5))
            .collect()
    }
    fn simulate(&self, parameters: &[f64], rng: &mut Draw) -> Vec<f64> {
        let rates: Vec<f64> = parameters.iter().map(|p| p.exp()).collect();
        let (step, mut now) = (0.05f64, [50.0f64, 100.0]);
        let mut seen: [Vec<f64>; 2] = Default::default();
        for t in 0..400 {
            let [predators, prey] = now;
            let meet = predators * prey;
            let mut events = |rate: f64| {
                let mean = rate * step;
                (mean + mean.sqrt() * rng.normal()).max(0.0)
            };
            let (born, died) = (events(rates[0] * meet), events(rates[1] * predators));
            let (prey_born, eaten) = (events(rates[2] * prey), events(rates[3] * meet));
            now = [
                (predators + born - died).clamp(0.0, 1e5),
                (prey + prey_born - eaten).clamp(0.0, 1e5),
            ];
            if t % 4 == 3 {
                seen[0].push(now[0]);
                seen[1].push(now[1]);
            }
        }
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
        let together = |a: &[f64], b: &[f64]| {
            let (ma, mb) = (mean(a), mean(b));
            a.iter().zip(b).map(|(a, b)| (a - ma) * (b - mb)).sum::<f64>() / a.len() as f64
        };
        let correlation = |a: &[f64], b: &[f64]| {
            let scale = (together(a, a) * together(b, b)).sqrt();
            if scale > 1e-9 { together(a, b) / scale } else { 0.0 }
        };
        let mut out = vec![];
        for v in &seen {
            let later = 5;
            out.extend([
                mean(v).ln_1p(),
                together(v, v).sqrt().ln_1p(),
                correlation(&v[..v.len() - later], &v[later..]),
            ]);
        }
        out.push(correlation(&seen[0], &seen[1]));
        out
    }
}

/// Runs of a simulator at parameters from its prior.
pub(super) struct Runs {
    info: DataInfo,
    simulator: &'static dyn Simulator,
    key: Key,
}

impl Runs {
    /// The runs of a source `simulator:NAME`; none for another source.
    ///
    /// # Errors
    /// [`Error::Usage`] for a simulator that there is not.
    pub(crate) fn named(source: &Source) -> Result<Option<Runs>> {
        let Some(name) = source.source.strip_prefix(PREFIX) else {
            return Ok(None);
        };
        let Some(simulator) = simulator(&source.source) else {
            let problem = format!("there is no simulator `{name}`");
            return Err(Error::usage(
                problem,
                nearest(name, simulators().iter().map(|s| s.name())),
            ));
        };
        let test = source.split == "test";
        let usual = if test { TEST } else { TRAIN };
        let count = if source.limit == 0 { usual } else { source.limit };
        let mut runs = Runs {
            info: mixed::info(source.source.clone(), vec![], count, &[]),
            simulator,
            // What columns are like does not depend on the seed.
            key: Key::new(0).stream(name).stream("description"),
        };
        let rows: Vec<Vec<f32>> = (0..DESCRIBED_BY).map(|i| runs.row(i)).collect();
        let parameters = simulator.parameters();
        let names = parameters.iter().cloned().chain(simulator.outputs());
        let column = |(c, name): (usize, String)| {
            let mut column = Column {
                name,
                role: if c < parameters.len() {
                    Role::Parameter
                } else {
                    Role::Feature
                },
                ..Column::default()
            };
            mixed::describe(&mut column, rows.iter().map(|row| row[c]));
            column
        };
        let columns = names.enumerate().map(column).collect();
        runs.info = mixed::info(source.source.clone(), columns, count, &rows.concat());
        runs.key = Key::new(source.seed)
            .stream(name)
            .stream(if test { "test" } else { "train" });
        Ok(Some(runs))
    }

    fn row(&self, index: u64) -> Vec<f32> {
        let mut rng = self.key.step(index).rng();
        let parameters = self.simulator.prior(&mut rng);
        let outputs = self.simulator.simulate(&parameters, &mut rng);
        parameters.into_iter().chain(outputs).map(|v| v as f32).collect()
    }
}

impl Dataset for Runs {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn get(&self, index: usize) -> Result<Item> {
        Ok(Item {
            values: Values::Floats(self.row(index as u64)),
            label: None,
            attributes: vec![],
            caption: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exact posterior is: of many runs, those that gave about the same have parameters of its mean and deviation.
    #[test]
    fn the_exact_posterior_is_that_of_runs_alike() {
        let runs = Runs::named(&Source::parse("simulator:gaussian"))
            .unwrap()
            .unwrap();
        let (mut count, mut off, mut square) = (0.0, 0.0, 0.0);
        for i in 0..200_000 {
            let row: Vec<f64> = runs.row(i).iter().map(|v| f64::from(*v)).collect();
            let sum: f64 = row[2..7].iter().sum();
            if (sum - 3.0).abs() < 0.3 {
                let [mean, _] = Gaussian.posterior(&row[2..]).unwrap()[0];
                (count, off, square) = (count + 1.0, off + row[0] - mean, square + (row[0] - mean).powi(2));
            }
        }
        let (mean, deviation) = (off / count, (square / count).sqrt());
        assert!(count > 2000.0 && mean.abs() < 0.03, "{count} {mean}");
        assert!((deviation - (1.0f64 / 6.0).sqrt()).abs() < 0.02, "{deviation}");
    }

    /// A queue that is never empty is as fast as its server; an idle one as slow as its customers.
    #[test]
    fn queues_follow_their_rates() {
        let mut rng = Key::new(1).rng();
        let busy = Queue.simulate(&[2.0, 1.0, 100.0], &mut rng);
        assert!(busy[1] > 2f64.ln() && busy[3] < 3f64.ln(), "{busy:?}");
        let idle = Queue.simulate(&[0.01, 0.01, 0.01], &mut rng);
        assert!(
            (3.0..6.0).contains(&idle[2]),
            "the median of times of 100 in the mean: {idle:?}"
        );
    }

    #[test]
    fn rows_are_finite_and_a_name_is_needed() {
        for s in simulators() {
            let source = Source::parse(&format!("{PREFIX}{}", s.name()));
            let opened = source.open().unwrap().dataset;
            let info = opened.info();
            assert_eq!(info.columns.len(), s.parameters().len() + s.outputs().len());
            for i in 0..300 {
                let Values::Floats(row) = opened.get(i).unwrap().values else {
                    panic!("numbers")
                };
                assert!(
                    row.len() == info.columns.len() && row.iter().all(|v| v.is_finite()),
                    "{row:?}"
                );
            }
        }
        let e = Source::parse("simulator:gausian")
            .open()
            .err()
            .unwrap()
            .to_string();
        assert!(e.contains("did you mean `gaussian`?"), "{e}");
    }
}
