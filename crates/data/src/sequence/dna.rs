//! DNA that is drawn, with motifs planted in it: how active a sequence is follows from its letters alone.
use super::{describe, likeliest, one_hot};
use crate::error::Result;
use crate::random::Key;
use crate::{DataInfo, Dataset, Item};

/// What it is called.
pub(crate) const NAME: &str = "dna";
/// Letters of a sequence.
pub(crate) const LENGTH: usize = 40;
/// Sequences where no limit says otherwise; there is always another.
pub(crate) const TRAIN: usize = 4000;

const LETTERS: &str = "ACGT";
/// The motifs as they score most: what the proteins of the CREB and of the ETS family like to sit on.
const MOTIFS: [&str; 2] = ["TGACGTCA", "CCGGAAGT"];
/// Letters of a motif.
const WIDTH: usize = 8;
/// How often a planted motif has its own letter at a place; the three others share the rest.
const OWN: f64 = 0.7;
/// No sequence that is drawn is more active than this, so that there is something beyond them.
const HIGHEST: f64 = 0.75;

/// The activity of letters (places in the alphabet): of each motif the best window's log-odds
/// sum_k ln(p_k(x_k) / 0.25), p_k being 0.7 for the motif's own letter and 0.1 for another, over that of the motif itself; the mean
/// of both. So 1 is the most there is, of sequences that hold both.
fn activity(symbols: &[u8]) -> f64 {
    let (own, other) = ((OWN / 0.25).ln(), ((1.0 - OWN) / 3.0 / 0.25).ln());
    let of = |motif: &&str| {
        let score = |window: &[u8]| -> f64 {
            let letter = |(s, m): (&u8, u8)| {
                if LETTERS.as_bytes()[*s as usize] == m {
                    own
                } else {
                    other
                }
            };
            window.iter().zip(motif.bytes()).map(letter).sum()
        };
        symbols
            .windows(WIDTH)
            .map(score)
            .fold(f64::NEG_INFINITY, f64::max)
            / (own * WIDTH as f64)
    };
    MOTIFS.iter().map(of).sum::<f64>() / MOTIFS.len() as f64
}

/// Sequence i: even letters, and with even chances, of each motif, a draw of it (its own letter at 7 of 10 places) somewhere; drawn
/// again where it is more active than 0.75. Its attribute is its activity.
pub(crate) struct Dna {
    info: DataInfo,
    key: Key,
}

impl Dna {
    /// The test split is another stream of sequences.
    pub(crate) fn new(seed: u64, split: &str, limit: usize) -> Dna {
        let count = if limit == 0 { TRAIN } else { limit };
        Dna {
            info: DataInfo {
                attributes: vec!["activity".into()],
                ..describe(NAME, LETTERS.into(), LENGTH, count)
            },
            key: Key::new(seed)
                .stream(NAME)
                .stream(if split == "test" { "test" } else { "train" }),
        }
    }

    fn symbols(&self, index: usize) -> [u8; LENGTH] {
        let mut rng = self.key.step(index as u64).rng();
        let place = |letter: u8| LETTERS.bytes().position(|l| l == letter).unwrap_or(0);
        loop {
            let mut symbols: [u8; LENGTH] = std::array::from_fn(|_| rng.below(4) as u8);
            for motif in MOTIFS {
                let (planted, at) = (rng.chance(0.5), rng.below(LENGTH - WIDTH + 1));
                for (k, letter) in motif.bytes().enumerate().filter(|_| planted) {
                    let turn = if rng.chance(OWN) { 0 } else { 1 + rng.below(3) };
                    symbols[at + k] = ((place(letter) + turn) % 4) as u8;
                }
            }
            if activity(&symbols) <= HIGHEST {
                return symbols;
            }
        }
    }
}

impl Dataset for Dna {
    fn info(&self) -> &DataInfo {
        &self.info
    }
    fn get(&self, index: usize) -> Result<Item> {
        let symbols = self.symbols(index);
        Ok(Item {
            values: one_hot(&symbols, LETTERS.len()),
            label: None,
            attributes: vec![activity(&symbols) as f32],
            caption: None,
        })
    }
    fn attributes_of(&self, values: &[f32]) -> Option<Vec<f32>> {
        let symbols = likeliest(values, LETTERS.len());
        (symbols.len() >= WIDTH).then(|| vec![activity(&symbols) as f32])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Values;

    fn of(letters: &str) -> f64 {
        let place = |c: char| LETTERS.find(c).unwrap() as u8;
        activity(&letters.chars().map(place).collect::<Vec<u8>>())
    }

    #[test]
    fn activity_is_worked_out_by_hand() {
        assert!(
            (of("AATGACGTCATTCCGGAAGTAA") - 1.0).abs() < 1e-12,
            "both motifs whole"
        );
        // One letter of eight is off: 7 ln 2.8 + ln 0.4 of 8 ln 2.8.
        let off = (7.0 * 2.8f64.ln() + 0.4f64.ln()) / (8.0 * 2.8f64.ln());
        assert!((of("AATGACGTCATTCCGGAAGAAA") - (1.0 + off) / 2.0).abs() < 1e-12);
    }

    #[test]
    fn sequences_are_active_below_the_bound_and_some_near_it() {
        let set = Dna::new(1, "train", 0);
        let of = |i: usize| set.get(i).unwrap();
        let all: Vec<f32> = (0..TRAIN).map(|i| of(i).attributes[0]).collect();
        let best = all.iter().copied().fold(f32::MIN, f32::max);
        // A letter that is off costs (ln 2.8 - ln 0.4) of 16 ln 2.8: of 1, 0.882, 0.764, 0.646, ... the most below the bound is there.
        let step = (2.8f64.ln() - 0.4f64.ln()) / (16.0 * 2.8f64.ln());
        let level = 1.0 - ((1.0 - HIGHEST) / step).ceil() * step;
        assert!(
            level <= HIGHEST && (best as f64 - level).abs() < 1e-6,
            "{best} {level}"
        );

        let item = of(7);
        let Values::Bytes(v) = item.values else {
            panic!("bytes")
        };
        let values: Vec<f32> = v.iter().map(|b| *b as f32).collect();
        assert_eq!(set.attributes_of(&values), Some(item.attributes));
    }
}
