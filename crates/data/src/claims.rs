//! A table that is drawn: claims of an insurance, with numbers of several modes and classes that are seldom.
use super::hiring::{of_classes, of_numbers};
use super::{DataInfo, Dataset, Item, Role, Source, Values, mixed};
use crate::error::Result;
use crate::random::Key;

/// What it is called.
pub(super) const NAME: &str = "claims";
/// Columns of a row.
pub(super) const COLUMNS: usize = 6;
/// Rows where no limit says otherwise; there is always another.
pub(super) const TRAIN: usize = 8000;
/// Of the test split.
const TEST: usize = 4000;

const KINDS: [&str; 4] = ["car", "home", "boat", "aircraft"];
const OF_KINDS: [f64; 4] = [0.74, 0.2, 0.05, 0.01];
/// Mean and deviation of the amount, by kind, in thousands.
const AMOUNTS: [[f64; 2]; 4] = [[2.0, 0.5], [12.0, 2.0], [40.0, 5.0], [150.0, 15.0]];
const REGIONS: [&str; 3] = ["coast", "hills", "plain"];
/// Shares of the regions, by kind.
const OF_REGIONS: [[f64; 3]; 4] = [
    [0.3, 0.3, 0.4],
    [0.2, 0.6, 0.2],
    [0.9, 0.05, 0.05],
    [0.1, 0.1, 0.8],
];
/// Share of fraud among all rows, by integration.
const FRAUD: f64 = 0.1945;

/// A row is (kind, region, age, amount, days, fraud). The kind is a car (0.74), a home (0.2), a boat (0.05) or an aircraft (0.01); the region
/// depends on it, and so does the amount: normal around 2, 12, 40 and 150 thousand with deviations of 0.5, 2, 5 and 15. Three of five
/// claimants are of an age around 28 (deviation 4), the others around 58 (6). The days since the contract began are exponential, with a mean
/// of 200. It is fraud with the probability 1 / (1 + exp(-l)),
///
/// l = -5 + 1.6 [age < 40] + 5 exp(-days / 100) + 3 [boat or aircraft].
pub(super) struct Claims {
    info: DataInfo,
    key: Key,
}

/// The probability of fraud.
fn fraud(kind: usize, age: f64, days: f64) -> f64 {
    let seldom = f64::from(u8::from(kind > 1));
    let l = -5.0 + 1.6 * f64::from(u8::from(age < 40.0)) + 5.0 * (-days / 100.0).exp() + 3.0 * seldom;
    1.0 / (1.0 + (-l).exp())
}

impl Claims {
    /// The test split is another stream of rows.
    ///
    /// # Errors
    /// Those of [`mixed::give_roles`].
    pub(crate) fn new(source: &Source) -> Result<Claims> {
        let region = |r: usize| (0..4).map(|k| OF_KINDS[k] * OF_REGIONS[k][r]).sum::<f64>();
        let regions: Vec<f64> = (0..3).map(region).collect();
        let mut columns = vec![
            of_classes("kind", &KINDS, &OF_KINDS, Role::Feature),
            of_classes("region", &REGIONS, &regions, Role::Feature),
            of_numbers("age", 40.0, 15.5),
            of_numbers("amount", 7.38, 16.9),
            of_numbers("days", 200.0, 200.0),
            of_classes("fraud", &["no", "yes"], &[1.0 - FRAUD, FRAUD], Role::Outcome),
        ];
        mixed::give_roles(&mut columns, source, None)?;
        let test = source.split == "test";
        let usual = if test { TEST } else { TRAIN };
        let count = if source.limit == 0 { usual } else { source.limit };
        Ok(Claims {
            info: mixed::info(NAME.into(), columns, count, &[0.0, 200.0]),
            key: Key::new(source.seed)
                .stream(NAME)
                .stream(if test { "test" } else { "train" }),
        })
    }
}

impl Dataset for Claims {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn get(&self, index: usize) -> Result<Item> {
        let mut rng = self.key.step(index as u64).rng();
        let kind = rng.class(4, &OF_KINDS);
        let region = rng.class(3, &OF_REGIONS[kind]);
        let [mean, deviation] = if rng.chance(0.6) { [28.0, 4.0] } else { [58.0, 6.0] };
        let age = mean + deviation * rng.normal();
        let amount = (AMOUNTS[kind][0] + AMOUNTS[kind][1] * rng.normal()).max(0.1);
        let days = -200.0 * (1.0 - rng.uniform()).ln();
        let yes = rng.chance(fraud(kind, age, days));
        let row = [kind as f64, region as f64, age, amount, days, f64::from(yes)];
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

    /// The share of fraud, by a sum over fine steps of exp(-days / 200), which is uniform.
    #[test]
    fn columns_are_what_is_said_of_them() {
        let young = 0.6 * 0.998_650_1 + 0.4 * 0.001_349_9;
        let steps = || (0..20_000).map(|i| -200.0 * ((i as f64 + 0.5) / 20_000.0).ln());
        let of = |kind, age| steps().map(|days| fraud(kind, age, days)).sum::<f64>() / 20_000.0;
        let by_age = |kind| young * of(kind, 30.0) + (1.0 - young) * of(kind, 60.0);
        let exactly = 0.94 * by_age(0) + 0.06 * by_age(2);
        assert!((exactly - FRAUD).abs() < 5e-4, "{exactly}");
        let set = Claims::new(&Source {
            seed: 4,
            ..Source::parse(NAME)
        })
        .unwrap();
        let n = 20_000;
        let rows: Vec<f32> = (0..n)
            .flat_map(|i| match set.get(i).unwrap().values {
                Values::Floats(row) => row,
                Values::Bytes(_) => panic!("numbers"),
            })
            .collect();
        for (c, column) in set.info().columns.iter().enumerate() {
            let mut found = column.clone();
            mixed::describe(&mut found, rows.iter().skip(c).step_by(COLUMNS).copied());
            for (a, b) in found.shares.iter().zip(&column.shares) {
                assert!(
                    (a - b).abs() < 5.0 * (b * (1.0 - b) / n as f64).sqrt(),
                    "{}: {a} {b}",
                    column.name
                );
            }
            if column.classes.is_empty() {
                let near = |a: f64, b: f64| (a - b).abs() < 0.05 * column.deviation;
                assert!(
                    near(found.mean, column.mean) && near(found.deviation, column.deviation),
                    "{found:?}"
                );
            }
        }
    }
}
