//! A family of aligned sequences that is drawn: the frequencies of every column, and which columns hang together, are known exactly.
use super::{GAP, describe, one_hot};
use crate::error::Result;
use crate::random::{Draw, Key};
use crate::{DataInfo, Dataset, Item};
use std::ops::Range;

/// What it is called.
pub(crate) const NAME: &str = "proteins";
/// Columns of the alignment.
pub(crate) const COLUMNS: usize = 32;
/// Sequences where no limit says otherwise; there is always another.
pub(crate) const TRAIN: usize = 4000;

const LETTERS: &str = "ACDEFGHIKLMNPQRSTVWY";
/// How many these are.
const AMINO: usize = 20;
/// Columns that hang together, two and two.
const PAIRS: [(usize, usize); 6] = [(2, 27), (3, 26), (6, 23), (7, 22), (10, 31), (11, 30)];
/// Share of the sequences whose second letter of a pair follows from the first.
const COUPLED: f64 = 0.9;
/// A run of columns that some sequences lack.
const LACKING: Range<usize> = 15..18;
/// Share of the sequences that lack it.
const LACK: f64 = 0.25;

/// Sequence i: of every column a letter by the column's frequencies p_c, except that
///
/// - the second letter of each of six pairs (a, b) is, for nine in ten sequences, the one that a fixed permutation s of the alphabet
///   makes of the first; else it is drawn by p_b, which is p_a carried along s. So p(x_a, x_b) = p_a(x_a) (0.9 [x_b = s(x_a)] +
///   0.1 p_b(x_b)), and every column keeps its frequencies;
/// - a quarter of the sequences lack three columns in the middle, all at once.
///
/// Of four columns one is conserved (a letter in 85 of 100 sequences), one has four letters, and two vary. The family is the same
/// whatever the seed, which chooses the sequences.
pub(crate) struct Family {
    info: DataInfo,
    key: Key,
    columns: Vec<[f64; AMINO]>,
    permutations: Vec<[usize; AMINO]>,
}

/// The frequencies of a column by its number.
fn frequencies(column: usize, rng: &mut Draw) -> [f64; AMINO] {
    let first = rng.below(AMINO);
    let mut p: [f64; AMINO] = match column % 4 {
        // A letter and what is left for the others.
        0 => std::array::from_fn(|a| {
            if a == first {
                0.85
            } else {
                0.15 / (AMINO - 1) as f64
            }
        }),
        1 => std::array::from_fn(|a| {
            let close = (a + AMINO - first) % AMINO < 4;
            if close { 0.23 } else { 0.08 / (AMINO - 4) as f64 }
        }),
        _ => std::array::from_fn(|_| (1.2 * rng.normal()).exp()),
    };
    let sum: f64 = p.iter().sum();
    p.iter_mut().for_each(|v| *v /= sum);
    p
}

impl Family {
    /// The test split is another stream of sequences.
    pub(crate) fn new(seed: u64, split: &str, limit: usize) -> Family {
        let of = Key::new(0).stream(NAME);
        let mut rng = of.stream("columns").rng();
        let mut columns: Vec<[f64; AMINO]> = (0..COLUMNS).map(|c| frequencies(c, &mut rng)).collect();
        let permutation = |pair: usize| -> [usize; AMINO] {
            let drawn = of.stream("pairs").step(pair as u64).permutation(AMINO);
            std::array::from_fn(|a| drawn[a] as usize)
        };
        let permutations: Vec<_> = (0..PAIRS.len()).map(permutation).collect();
        for ((a, b), to) in PAIRS.iter().zip(&permutations) {
            (0..AMINO).for_each(|x| columns[*b][to[x]] = columns[*a][x]);
        }
        let count = if limit == 0 { TRAIN } else { limit };
        Family {
            info: describe(NAME, format!("{LETTERS}{GAP}"), COLUMNS, count),
            key: Key::new(seed)
                .stream(NAME)
                .stream(if split == "test" { "test" } else { "train" }),
            columns,
            permutations,
        }
    }

    /// Places in the alphabet of sequence `index`.
    fn symbols(&self, index: usize) -> [u8; COLUMNS] {
        let mut rng = self.key.step(index as u64).rng();
        let mut letters: [usize; COLUMNS] = std::array::from_fn(|c| rng.class(AMINO, &self.columns[c]));
        for ((a, b), to) in PAIRS.iter().zip(&self.permutations) {
            if rng.chance(COUPLED) {
                letters[*b] = to[letters[*a]];
            }
        }
        if rng.chance(LACK) {
            letters[LACKING].fill(AMINO);
        }
        letters.map(|l| l as u8)
    }
}

impl Dataset for Family {
    fn info(&self) -> &DataInfo {
        &self.info
    }
    fn get(&self, index: usize) -> Result<Item> {
        Ok(Item {
            values: one_hot(&self.symbols(index), AMINO + 1),
            label: None,
            attributes: vec![],
            caption: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns, pairs and gaps occur as often as they should, up to five deviations of so many draws.
    #[test]
    fn sequences_are_drawn_as_the_family_says() {
        const N: usize = 8000;
        let set = Family::new(3, "train", N);
        let all: Vec<[u8; COLUMNS]> = (0..N).map(|i| set.symbols(i)).collect();
        let near = |count: usize, p: f64| {
            let (n, p) = (N as f64, p.clamp(0.0, 1.0));
            (count as f64 / n - p).abs() < 5.0 * (p * (1.0 - p) / n).sqrt() + 1e-9
        };
        let share = |of: &dyn Fn(&[u8; COLUMNS]) -> bool| all.iter().filter(|s| of(s)).count();
        for c in 0..COLUMNS {
            let there = if LACKING.contains(&c) { 1.0 - LACK } else { 1.0 };
            for a in 0..AMINO {
                let count = share(&|s| s[c] as usize == a);
                assert!(
                    near(count, there * set.columns[c][a]),
                    "column {c}, letter {a}: {count}"
                );
            }
        }
        for ((a, b), to) in PAIRS.iter().zip(&set.permutations) {
            for (x, image) in to.iter().enumerate() {
                let p = set.columns[*a][x] * (COUPLED + (1.0 - COUPLED) * set.columns[*b][*image]);
                let count = share(&|s| s[*a] as usize == x && s[*b] as usize == *image);
                assert!(near(count, p), "pair {a}, {b}: {count} of {p}");
            }
        }
        assert!(near(
            share(&|s| s[LACKING].iter().all(|l| *l as usize == AMINO)),
            LACK
        ));
        assert_eq!(
            share(&|s| s[LACKING].iter().filter(|l| **l as usize == AMINO).count() % 3 != 0),
            0
        );
        assert_ne!(Family::new(3, "test", 9).symbols(0), set.symbols(0));
    }
}
