//! A table that is drawn: applicants of two groups who are equally able, and of whom one is hired more often.
use super::{Column, DataInfo, Dataset, Item, Role, Source, Values, mixed};
use crate::error::Result;
use crate::random::{Draw, Key};

/// What it is called.
pub(super) const NAME: &str = "hiring";
/// Columns of a row.
pub(super) const COLUMNS: usize = 6;
/// Rows where no limit says otherwise; there is always another.
pub(super) const TRAIN: usize = 8000;
/// Of the test split.
const TEST: usize = 4000;

const DISTRICTS: [&str; 4] = ["east", "north", "south", "west"];
/// Shares of the districts among those of group a, and of group b: where somebody lives tells the group, too.
const OF_DISTRICTS: [[f64; 4]; 2] = [[0.15, 0.45, 0.3, 0.1], [0.3, 0.1, 0.15, 0.45]];
const SCHOOLS: [&str; 4] = ["none", "trade", "college", "university"];
const OF_SCHOOLS: [f64; 4] = [0.2, 0.3, 0.3, 0.2];
/// What group a is ahead by, in the logarithm of the odds.
const AHEAD: f64 = 1.6;

/// A row is (group, district, school, years, score, hired). Groups are equally many. School s = 0, ..., 3 and years at work,
/// max(0, 10 + 5 e), do not depend on the group, nor does the score, 50 + 8 (s - 1.5) + 10 e, e standard normal. Somebody is hired
/// with the probability 1 / (1 + exp(-l)),
///
/// l = -1 + 0.9 (s - 1.5) + 0.12 (years - 10) + 0.04 (score - 50) + 1.6 [group a].
///
/// So p(hired | a) - p(hired | b) = 0.2745, where groups treated alike would have 0.
pub(super) struct Hiring {
    info: DataInfo,
    key: Key,
}

/// A column of classes with these shares.
pub(super) fn of_classes(name: &str, classes: &[&str], shares: &[f64], role: Role) -> Column {
    Column {
        name: name.into(),
        classes: classes.iter().map(|c| c.to_string()).collect(),
        shares: shares.to_vec(),
        role,
        ..Column::default()
    }
}

/// A column of numbers of that mean and deviation.
pub(super) fn of_numbers(name: &str, mean: f64, deviation: f64) -> Column {
    Column {
        name: name.into(),
        mean,
        deviation,
        ..Column::default()
    }
}

fn pick(rng: &mut Draw, shares: &[f64]) -> usize {
    let at = rng.uniform();
    let mut sum = 0.0;
    let found = shares.iter().position(|s| {
        sum += s;
        at < sum
    });
    found.unwrap_or(shares.len() - 1)
}

/// The probability of being hired.
fn hired(school: usize, years: f64, score: f64, group: usize) -> f64 {
    let merit = 0.9 * (school as f64 - 1.5) + 0.12 * (years - 10.0) + 0.04 * (score - 50.0);
    let l = -1.0 + merit + if group == 0 { AHEAD } else { 0.0 };
    1.0 / (1.0 + (-l).exp())
}

impl Hiring {
    /// The test split is another stream of rows.
    ///
    /// # Errors
    /// Those of [`mixed::give_roles`].
    pub(crate) fn new(source: &Source) -> Result<Hiring> {
        let districts: Vec<f64> = (0..4)
            .map(|d| (OF_DISTRICTS[0][d] + OF_DISTRICTS[1][d]) / 2.0)
            .collect();
        let mut columns = vec![
            of_classes("group", &["a", "b"], &[0.5; 2], Role::Protected),
            of_classes("district", &DISTRICTS, &districts, Role::Feature),
            of_classes("school", &SCHOOLS, &OF_SCHOOLS, Role::Feature),
            of_numbers("years", 10.0, 5.0),
            of_numbers("score", 50.0, 12.93),
            of_classes("hired", &["no", "yes"], &[0.532, 0.468], Role::Outcome),
        ];
        mixed::give_roles(&mut columns, source, None)?;
        let test = source.split == "test";
        let usual = if test { TEST } else { TRAIN };
        let count = if source.limit == 0 { usual } else { source.limit };
        Ok(Hiring {
            info: mixed::info(NAME.into(), columns, count, &[0.0, 100.0]),
            key: Key::new(source.seed)
                .stream(NAME)
                .stream(if test { "test" } else { "train" }),
        })
    }
}

impl Dataset for Hiring {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn get(&self, index: usize) -> Result<Item> {
        let mut rng = self.key.step(index as u64).rng();
        let group = rng.below(2);
        let district = pick(&mut rng, &OF_DISTRICTS[group]);
        let school = pick(&mut rng, &OF_SCHOOLS);
        let years = (10.0 + 5.0 * rng.normal()).max(0.0);
        let score = 50.0 + 8.0 * (school as f64 - 1.5) + 10.0 * rng.normal();
        let yes = rng.uniform() < hired(school, years, score, group);
        let row = [
            group as f64,
            district as f64,
            school as f64,
            years,
            score,
            f64::from(yes),
        ];
        Ok(Item {
            values: Values::Floats(row.map(|v| v as f32).to_vec()),
            label: None,
            attributes: vec![],
            caption: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// p(hired | group), by sums over the schools and over fine steps of years and score.
    fn exactly(group: usize) -> f64 {
        let steps = || (-60..=60).map(|i| i as f64 / 10.0);
        let weight = |e: f64| (-0.5 * e * e).exp() * 0.1 / (2.0 * std::f64::consts::PI).sqrt();
        let of = |s: usize, e: f64, f: f64| {
            let (years, score) = (
                (10.0 + 5.0 * e).max(0.0),
                50.0 + 8.0 * (s as f64 - 1.5) + 10.0 * f,
            );
            OF_SCHOOLS[s] * weight(e) * weight(f) * hired(s, years, score, group)
        };
        let all = (0..4).flat_map(|s| steps().flat_map(move |e| steps().map(move |f| (s, e, f))));
        all.map(|(s, e, f)| of(s, e, f)).sum()
    }

    #[test]
    fn the_unfairness_is_what_is_said() {
        let difference = exactly(0) - exactly(1);
        assert!((difference - 0.2745).abs() < 5e-5, "{difference}");
        let set = Hiring::new(&Source {
            seed: 4,
            ..Source::parse(NAME)
        })
        .unwrap();
        let (mut yes, mut count) = ([0.0; 2], [0.0; 2]);
        for i in 0..20_000 {
            let Values::Floats(row) = set.get(i).unwrap().values else {
                panic!("numbers")
            };
            let group = row[0] as usize;
            count[group] += 1.0;
            yes[group] += f64::from(row[5]);
        }
        for group in 0..2 {
            let (share, truth) = (yes[group] / count[group], exactly(group));
            assert!(
                (share - truth).abs() < 5.0 * (0.25f64 / 10_000.0).sqrt(),
                "{group}: {share} {truth}"
            );
        }
    }
}
