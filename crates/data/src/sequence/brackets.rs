//! Balanced brackets that are drawn by a small grammar: of any string it is known how likely it is.
use super::{NEW_LINE, describe, likeliest, one_hot};
use crate::error::Result;
use crate::random::{Draw, Key};
use crate::{DataInfo, Dataset, Item};

/// What it is called.
pub(crate) const NAME: &str = "brackets";
/// Letters of the longest.
pub(crate) const LENGTH: usize = 24;
/// Strings where no limit says otherwise; there is always another.
pub(crate) const TRAIN: usize = 8000;

const LETTERS: &str = "([{<)]}>";
/// Kinds of brackets: letter k opens what letter k + 4 closes.
const KINDS: usize = 4;
/// How often a string ends where it may: where all brackets are closed, and there is one.
const END: f64 = 0.25;
/// How often a bracket is opened where another could be closed.
const OPEN: f64 = 0.5;

/// String i: letter by letter. Where no bracket is open the string ends with probability 1/4, unless it is still empty, or one is opened; where some
/// are, another is opened with probability 1/2, or the last one is closed. Each of the four kinds is opened as often. Where no more letters
/// are left than closing takes, all are closed, and a string of 24 letters ends.
pub(crate) struct Brackets {
    info: DataInfo,
    key: Key,
}

/// What may follow in a string: with which probability it ends, and a bracket is opened; else the last one is closed.
fn odds(written: usize, open: usize) -> [f64; 2] {
    match (written, open) {
        (LENGTH, _) => [1.0, 0.0],
        (0, _) => [0.0, 1.0],
        (_, 0) => [END, 1.0 - END],
        _ if written + open == LENGTH => [0.0, 0.0],
        _ => [0.0, OPEN],
    }
}

/// ln p of a string's letters (places in the alphabet) up to its end; none of a string that is never drawn.
fn log_probability(letters: &[u8]) -> Option<f64> {
    let (mut open, mut sum) = (vec![], 0.0);
    for (written, letter) in letters.iter().enumerate() {
        let ([end, opens], kind) = (odds(written, open.len()), *letter as usize % KINDS);
        let p = match (*letter as usize) < KINDS {
            true => {
                open.push(kind);
                opens / KINDS as f64
            }
            false if open.pop() == Some(kind) => 1.0 - end - opens,
            false => 0.0,
        };
        if p <= 0.0 {
            return None;
        }
        sum += p.ln();
    }
    let [end, _] = odds(letters.len(), open.len());
    (open.is_empty() && end > 0.0).then(|| sum + end.ln())
}

impl Brackets {
    /// The test split is another stream of strings.
    pub(crate) fn new(seed: u64, split: &str, limit: usize) -> Brackets {
        let count = if limit == 0 { TRAIN } else { limit };
        Brackets {
            info: describe(NAME, format!("{LETTERS}{NEW_LINE}"), LENGTH, count),
            key: Key::new(seed)
                .stream(NAME)
                .stream(if split == "test" { "test" } else { "train" }),
        }
    }

    fn letters(&self, index: usize) -> Vec<u8> {
        drawn(&mut self.key.step(index as u64).rng())
    }
}

/// A string, as places in the alphabet.
fn drawn(rng: &mut Draw) -> Vec<u8> {
    let (mut letters, mut open) = (vec![], vec![]);
    loop {
        let [end, opens] = odds(letters.len(), open.len());
        let u = rng.uniform();
        if u < end {
            return letters;
        }
        match open.pop() {
            Some(kind) if u >= end + opens => letters.push((KINDS + kind) as u8),
            last => {
                open.extend(last);
                open.push(rng.below(KINDS));
                letters.extend(open.last().map(|kind| *kind as u8));
            }
        }
    }
}

impl Dataset for Brackets {
    fn info(&self) -> &DataInfo {
        &self.info
    }
    fn get(&self, index: usize) -> Result<Item> {
        let mut symbols = self.letters(index);
        symbols.resize(LENGTH, LETTERS.len() as u8);
        Ok(Item {
            values: one_hot(&symbols, LETTERS.len() + 1),
            label: None,
            attributes: vec![],
            caption: None,
        })
    }
    fn log_probability(&self, values: &[f32]) -> Option<f64> {
        let symbols = likeliest(values, LETTERS.len() + 1);
        let within = symbols.iter().take_while(|s| (**s as usize) < LETTERS.len());
        let letters: Vec<u8> = within.copied().collect();
        Some(log_probability(&letters).unwrap_or(f64::NEG_INFINITY))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Batch;

    fn of(text: &str) -> Option<f64> {
        let place = |c: char| LETTERS.find(c).unwrap() as u8;
        log_probability(&text.chars().map(place).collect::<Vec<u8>>())
    }

    #[test]
    fn probabilities_by_hand() {
        // A bracket of four kinds is opened for certain, closed with 1/2, and the string ends with 1/4.
        assert!((of("()").unwrap() - (0.25 * 0.5 * 0.25f64).ln()).abs() < 1e-12);
        // Another is opened inside with 1/2 of any kind, or behind with 3/4.
        assert!((of("<[]>").unwrap() - (0.25f64 * 0.125 * 0.5 * 0.5 * 0.25).ln()).abs() < 1e-12);
        assert!((of("(){}").unwrap() - (0.25f64 * 0.5 * 0.1875 * 0.5 * 0.25).ln()).abs() < 1e-12);
        // Twelve that are open must be closed, and the string ends: nothing of that is drawn.
        let deep = "(".repeat(12) + &")".repeat(12);
        assert!((of(&deep).unwrap() - (0.25 * 0.125f64.powi(11)).ln()).abs() < 1e-9);
        let wrong = ["", "(", ")", "(]", "([)]", "())"];
        assert!(wrong.iter().all(|w| of(w).is_none()) && of(&"()".repeat(13)).is_none());
    }

    /// The probabilities of all strings add up to one: by sums over what may follow, which the number of open brackets decides.
    #[test]
    fn strings_are_drawn_as_often_as_is_said() {
        const N: usize = 20_000;
        let set = Brackets::new(1, "train", N);
        let all: Vec<Vec<u8>> = (0..N).map(|i| set.letters(i)).collect();
        assert!(
            all.iter()
                .all(|s| log_probability(s).is_some() && s.len() <= LENGTH)
        );
        // Strings of a length, up to five deviations of so many draws.
        let mut ends = [0.0; LENGTH + 1];
        let mut open = [0.0; LENGTH + 1];
        open[0] = 1.0;
        for written in 0..=LENGTH {
            let mut next = [0.0; LENGTH + 1];
            for (depth, p) in open.iter().enumerate().filter(|(_, p)| **p > 0.0) {
                let [end, opens] = odds(written, depth);
                ends[written] += p * end;
                if opens > 0.0 {
                    next[depth + 1] += p * opens;
                }
                if end + opens < 1.0 {
                    next[depth - 1] += p * (1.0 - end - opens);
                }
            }
            open = next;
        }
        assert!((ends.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        for (length, p) in ends.iter().enumerate() {
            let share = all.iter().filter(|s| s.len() == length).count() as f64 / N as f64;
            assert!(
                (share - p).abs() <= 5.0 * (p * (1.0 - p) / N as f64).sqrt(),
                "{length}: {share} {p}"
            );
        }
        let item = Batch::of(&set, &[7]).unwrap();
        assert_eq!(set.log_probability(&item.values), log_probability(&all[7]));
    }
}
