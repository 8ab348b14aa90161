//! A table that is drawn: ten columns that tell something of each other, so that a value which is hidden can be guessed from the
//! others and compared with the true one.
use super::{DataInfo, Dataset, Item, Kind, Values};
use crate::error::Result;
use crate::random::Key;

/// What it is called.
pub(super) const NAME: &str = "table";
/// Columns of a row.
pub(super) const COLUMNS: usize = 10;
/// Rows where no limit says otherwise; there is always another.
pub(super) const TRAIN: usize = 2000;

/// Groups of rows.
const GROUPS: usize = 3;
/// Hidden numbers that a row's columns are made of.
const FACTORS: usize = 2;
/// Standard deviation of what is each column's own.
const OWN: f64 = 0.3;

/// Row i is of one of three groups, each a third of all: mean + loadings z + 0.3 e, with two factors z and ten numbers e, all
/// standard normal. Means have a standard deviation of 1, loadings one of 0.7; they are the same whatever the seed, which
/// chooses the rows. Each group hangs together in a way of its own, which no straight line through all of them describes.
pub(super) struct DrawnTable {
    info: DataInfo,
    key: Key,
    means: Vec<f64>,
    loadings: Vec<f64>,
}

impl DrawnTable {
    /// The test split is another stream of rows.
    pub(crate) fn new(seed: u64, split: &str, limit: usize) -> DrawnTable {
        let mut rng = Key::new(0).stream(NAME).rng();
        let mut drawn = |n: usize, deviation: f64| (0..n).map(|_| deviation * rng.normal()).collect();
        let (means, loadings) = (
            drawn(GROUPS * COLUMNS, 1.0),
            drawn(GROUPS * COLUMNS * FACTORS, 0.7),
        );
        let info = DataInfo {
            source: NAME.to_string(),
            kind: Kind::Points,
            shape: vec![COLUMNS],
            count: if limit == 0 { TRAIN } else { limit },
            range: (-6.0, 6.0),
            labels: (1..=GROUPS).map(|g| format!("group {g}")).collect(),
            ..DataInfo::default()
        };
        let key = Key::new(seed)
            .stream(NAME)
            .stream(if split == "test" { "test" } else { "train" });
        DrawnTable {
            info,
            key,
            means,
            loadings,
        }
    }
}

impl Dataset for DrawnTable {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn get(&self, index: usize) -> Result<Item> {
        let mut rng = self.key.step(index as u64).rng();
        let group = rng.below(GROUPS);
        let z: [f64; FACTORS] = std::array::from_fn(|_| rng.normal());
        let column = |c: usize| {
            let at = group * COLUMNS + c;
            let common: f64 = (0..FACTORS).map(|k| self.loadings[at * FACTORS + k] * z[k]).sum();
            (self.means[at] + common + OWN * rng.normal()) as f32
        };
        Ok(Item {
            values: Values::Floats((0..COLUMNS).map(column).collect()),
            label: Some(group as u32),
            attributes: vec![],
            caption: None,
        })
    }

    fn label(&self, index: usize) -> Option<u32> {
        Some(self.key.step(index as u64).rng().below(GROUPS) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of a group spread as its loadings say, up to the error of so many draws.
    #[test]
    fn rows_are_of_their_groups() {
        let set = DrawnTable::new(3, "train", 6000);
        let (mut sums, mut squares, mut counts) = ([0.0; COLUMNS], [0.0; COLUMNS], [0usize; GROUPS]);
        for i in 0..6000 {
            let item = set.get(i).unwrap();
            assert_eq!(item.label, set.label(i));
            let group = item.label.unwrap() as usize;
            counts[group] += 1;
            let Values::Floats(row) = item.values else {
                panic!("numbers")
            };
            if group == 1 {
                for c in 0..COLUMNS {
                    let off = row[c] as f64 - set.means[COLUMNS + c];
                    sums[c] += off;
                    squares[c] += off * off;
                }
            }
        }
        assert!(counts.iter().all(|n| (1850..2150).contains(n)), "{counts:?}");
        for c in 0..COLUMNS {
            let loadings = &set.loadings[(COLUMNS + c) * FACTORS..][..FACTORS];
            let variance = OWN * OWN + loadings.iter().map(|l| l * l).sum::<f64>();
            let n = counts[1] as f64;
            assert!((sums[c] / n).abs() < 5.0 * (variance / n).sqrt(), "mean of {c}");
            assert!((squares[c] / n / variance - 1.0).abs() < 0.2, "variance of {c}");
        }
        assert_ne!(DrawnTable::new(3, "test", 9).get(0).unwrap(), set.get(0).unwrap());
    }
}
