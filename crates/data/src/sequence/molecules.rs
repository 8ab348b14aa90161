//! Molecules that are drawn: chains of a few groups, as SMILES.
use super::{NEW_LINE, describe, one_hot};
use crate::error::Result;
use crate::random::{Draw, Key};
use crate::{DataInfo, Dataset, Item};

/// What it is called.
pub(crate) const NAME: &str = "molecules";
/// Letters of the longest.
pub(crate) const LENGTH: usize = 24;
/// Molecules where no limit says otherwise; there is always another.
pub(crate) const TRAIN: usize = 8000;

const LETTERS: &str = "#()1=CFNOclns";
/// What a chain may begin with, go on with and end in, each with a valence to spare on the side of the chain.
const BEGINS: [&str; 7] = ["C", "N", "O", "F", "Cl", "N#C", "c1ccccc1"];
const GOES_ON: [&str; 10] = [
    "C",
    "C",
    "C(C)",
    "C(=O)",
    "C(O)",
    "C(F)",
    "C=C",
    "c1ccc(cc1)",
    "c1ccc(nc1)",
    "c1cc(sc1)",
];
const JOINS: [&str; 2] = ["N", "O"];
const ENDS: [&str; 7] = ["C", "N", "O", "F", "C#N", "C(=O)O", "c1ccccc1"];

/// One of them.
fn one(of: &[&'static str], rng: &mut Draw) -> &'static str {
    of[rng.below(of.len())]
}

/// Molecule i: a beginning, two to five groups with a nitrogen or an oxygen between some of them, and an end; drawn again where
/// it is longer than 24 letters. Rings carry the number 1, which is free again once they are closed.
pub(crate) struct Molecules {
    info: DataInfo,
    key: Key,
}

impl Molecules {
    /// The test split is another stream of molecules.
    pub(crate) fn new(seed: u64, split: &str, limit: usize) -> Molecules {
        let count = if limit == 0 { TRAIN } else { limit };
        Molecules {
            info: describe(NAME, format!("{LETTERS}{NEW_LINE}"), LENGTH, count),
            key: Key::new(seed)
                .stream(NAME)
                .stream(if split == "test" { "test" } else { "train" }),
        }
    }

    fn smiles(&self, index: usize) -> String {
        let mut rng = self.key.step(index as u64).rng();
        loop {
            let groups = 2 + rng.below(4);
            let mut smiles = one(&BEGINS, &mut rng).to_string();
            for group in 0..groups {
                if group > 0 && rng.chance(0.3) {
                    smiles += one(&JOINS, &mut rng);
                }
                smiles += one(&GOES_ON, &mut rng);
            }
            smiles += one(&ENDS, &mut rng);
            if smiles.len() <= LENGTH {
                return smiles;
            }
        }
    }
}

impl Dataset for Molecules {
    fn info(&self) -> &DataInfo {
        &self.info
    }
    fn get(&self, index: usize) -> Result<Item> {
        let place = |c: char| LETTERS.find(c).unwrap_or(0) as u8;
        let mut symbols: Vec<u8> = self.smiles(index).chars().map(place).collect();
        symbols.resize(LENGTH, LETTERS.len() as u8);
        Ok(Item {
            values: one_hot(&symbols, LETTERS.len() + 1),
            label: None,
            attributes: vec![],
            caption: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn molecules_are_of_the_alphabet_and_many() {
        let set = Molecules::new(1, "train", 1000);
        let all: Vec<String> = (0..1000).map(|i| set.smiles(i)).collect();
        assert!(
            all.iter()
                .all(|s| s.len() <= LENGTH && s.chars().all(|c| LETTERS.contains(c)))
        );
        assert!(all.iter().collect::<BTreeSet<_>>().len() > 900, "they differ");
        let used: BTreeSet<char> = all.iter().flat_map(|s| s.chars()).collect();
        assert_eq!(used.len(), LETTERS.len(), "every letter occurs: {used:?}");
    }
}
