//! Sequences of letters: families of proteins, DNA, molecules as SMILES, lines of text. An item is `[length, symbol]`, at every
//! place a one among zeros.
mod alphabet;
mod brackets;
mod dna;
pub mod entailment;
mod family;
mod molecules;
mod read;
pub mod sentences;

pub(super) use alphabet::check;
pub(super) use brackets::{Brackets, LENGTH as LENGTH_OF_BRACKETS, NAME as BRACKETS, TRAIN as OF_BRACKETS};
pub(super) use dna::{Dna, LENGTH as LENGTH_OF_DNA, NAME as DNA, TRAIN as OF_DNA};
pub(super) use entailment::{Entailment, TRAIN as OF_ENTAILMENT};
pub(super) use family::{COLUMNS, Family, NAME as FAMILY, TRAIN as PROTEINS};
pub(super) use molecules::{
    LENGTH as LENGTH_OF_MOLECULES, Molecules, NAME as MOLECULES, TRAIN as OF_MOLECULES,
};
pub(super) use read::{extension_of, open};
pub(super) use sentences::Sentences;

use super::{DataInfo, Dataset, Item, Kind, Values};
use crate::error::Result;

/// What stands behind the end of a sequence of a file of sequences that is shorter than others.
pub(crate) const STOP: char = '*';
/// What stands behind the end of a line.
pub(crate) const NEW_LINE: char = '\n';
/// Where an aligned sequence has no letter.
pub(crate) const GAP: char = '-';

/// The description of sequences.
pub(crate) fn describe(source: &str, alphabet: String, length: usize, count: usize) -> DataInfo {
    DataInfo {
        source: source.to_string(),
        kind: Kind::Sequence,
        shape: vec![length, alphabet.chars().count()],
        count,
        range: (0.0, 1.0),
        alphabet,
        ..DataInfo::default()
    }
}

/// Places in an alphabet as ones among zeros.
pub(crate) fn one_hot(symbols: &[u8], size: usize) -> Values {
    let mut values = vec![0u8; symbols.len() * size];
    for (row, symbol) in values.chunks_exact_mut(size).zip(symbols) {
        row[*symbol as usize] = 1;
    }
    Values::Bytes(values)
}

/// Which symbol is the largest at each place of items `[.., length, symbol]` that lie one after the other; of equal ones the first.
///
/// ```
/// assert_eq!(menagerie_data::likeliest(&[0.1, 0.9, 0.0, 1.0, 0.0, 0.0], 3), [1, 0]);
/// ```
pub fn likeliest(values: &[f32], symbols: usize) -> Vec<u8> {
    let best = |row: &[f32]| {
        let larger = |best: usize, i: usize| if row[i] > row[best] { i } else { best };
        (1..row.len()).fold(0, larger) as u8
    };
    values.chunks_exact(symbols.max(1)).map(best).collect()
}

impl DataInfo {
    /// Which symbol of the alphabet stands behind the end of a sequence; none where all have one length.
    pub fn end_symbol(&self) -> Option<u8> {
        let last = self.alphabet.chars().next_back()?;
        let place = self.alphabet.chars().count() - 1;
        (last == STOP || last == NEW_LINE).then_some(place as u8)
    }

    /// Which symbol stands between both sentences of a pair, where an alphabet has it.
    pub fn symbol_between(&self) -> Option<u8> {
        let place = self.alphabet.chars().position(|c| c == sentences::BETWEEN)?;
        u8::try_from(place).ok()
    }

    /// Both sentences of pairs, as places in the alphabet; none of what has nothing between them. `values` are items one after the other.
    pub fn sentences(&self, values: &[f32]) -> Vec<Option<[Vec<u8>; 2]>> {
        let [length, symbols] = self.shape[..] else {
            return vec![];
        };
        let (between, end) = (self.symbol_between(), self.end_symbol());
        let symbols = likeliest(values, symbols);
        let pair = |item: &[u8]| {
            let last = item.iter().position(|s| Some(*s) == end).unwrap_or(item.len());
            let at = item[..last].iter().position(|s| Some(*s) == between)?;
            Some([item[..at].to_vec(), item[at + 1..last].to_vec()])
        };
        symbols.chunks_exact(length.max(1)).map(pair).collect()
    }

    /// Sequences as letters, each up to its end: of every place the likeliest; as words where the source has a letter for each word.
    /// `values` are items one after the other.
    pub fn letters(&self, values: &[f32]) -> Vec<String> {
        let [length, symbols] = self.shape[..] else {
            return vec![];
        };
        let (alphabet, end): (Vec<char>, _) = (self.alphabet.chars().collect(), self.end_symbol());
        let word = |symbols: &[u8]| -> String {
            let within = symbols.iter().take_while(|s| Some(**s) != end);
            within.filter_map(|s| alphabet.get(*s as usize)).collect()
        };
        let symbols = likeliest(values, symbols);
        let lines = symbols.chunks_exact(length.max(1)).map(word);
        lines
            .map(|l| sentences::in_words(&self.source, &l).unwrap_or(l))
            .collect()
    }

    /// The alphabet as people are told it: letters, and what else a place may hold.
    pub fn alphabet_in_words(&self) -> String {
        let text = self.alphabet.ends_with(NEW_LINE);
        if let Some(pairs) = sentences::pairs_of(&self.source) {
            let between = sentences::BETWEEN;
            return format!(
                "{} words, {between} between sentences, and the end of the line",
                pairs.words().len()
            );
        }
        // In a line of text a hyphen and a star are letters.
        let other = |c: &char| *c == NEW_LINE || !text && [GAP, STOP].contains(c);
        let letters: String = self.alphabet.chars().filter(|c| !other(c)).collect();
        let gap = !text && self.alphabet.contains(GAP);
        let mut words = format!("{} letters: {letters}", letters.chars().count());
        if gap {
            words += ", and - for a gap";
        }
        if self.end_symbol().is_some() {
            words += if text {
                ", and the end of the line"
            } else {
                ", and * behind the end"
            };
        }
        words
    }
}

/// Sequences in memory, a byte a place.
pub(super) struct Sequences {
    pub info: DataInfo,
    /// places in the alphabet, sequence after sequence
    pub symbols: Vec<u8>,
    /// of all items, one after the other
    pub attributes: Vec<f32>,
}

impl Dataset for Sequences {
    fn info(&self) -> &DataInfo {
        &self.info
    }
    fn get(&self, index: usize) -> Result<Item> {
        let (length, of) = (self.info.shape[0], self.info.attributes.len());
        Ok(Item {
            values: one_hot(&self.symbols[index * length..][..length], self.info.shape[1]),
            label: None,
            attributes: self.attributes[index * of..][..of].to_vec(),
            caption: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_end_where_the_sequence_does() {
        let info = describe("x", "ab*".into(), 4, 1);
        let Values::Bytes(v) = one_hot(&[0, 1, 2, 0], 3) else {
            panic!("bytes")
        };
        let values: Vec<f32> = v.iter().map(|b| *b as f32).collect();
        assert_eq!(info.letters(&values), ["ab"]);
        assert_eq!(info.alphabet_in_words(), "2 letters: ab, and * behind the end");
        let info = describe("x", "-C\n".into(), 4, 1);
        assert_eq!(info.alphabet_in_words(), "2 letters: -C, and the end of the line");
        let info = describe("x", "AC-".into(), 4, 1);
        assert_eq!(info.alphabet_in_words(), "2 letters: AC, and - for a gap");
        assert_eq!(info.end_symbol(), None);
    }
}
