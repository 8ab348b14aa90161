//! What models of pairs of sentences have in common: how pairs are read, a network that writes the second sentence of the first one, another
//! that reads both, and the game in which words are rewarded.
mod author;
mod play;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub(super) use author::Author;
pub(super) use play::{Course, Play};
pub(super) use reader::SentenceReader;
pub(super) use writer::{Choice, Writer};

use super::letters::Plan;
use crate::of_shape;
use menagerie_data::error::{Error, Result};
use menagerie_data::sentences::{BETWEEN, pairs_of};
use menagerie_data::{Batch, DataInfo, Kind};

/// What pairs of sentences are like. A sentence is places in the alphabet, as many as the plan of its side has; behind its last word there is
/// nothing but the end.
#[derive(Clone, Debug)]
pub(super) struct Pairs {
    info: DataInfo,
    between: u8,
    end: u8,
    /// of first and second sentences
    pub(super) sides: [Plan; 2],
}

/// Both sentences of some pairs, one after the other.
#[derive(Clone, Debug)]
pub(super) struct Both {
    pub(super) first: Vec<u8>,
    pub(super) second: Vec<u8>,
}

impl Both {
    /// With both sides exchanged.
    pub(super) fn reversed(&self) -> Both {
        Both {
            first: self.second.clone(),
            second: self.first.clone(),
        }
    }
}

impl Pairs {
    /// Of data of that description.
    ///
    /// # Errors
    /// [`Error::Data`] for what are no pairs of sentences.
    pub(super) fn new(info: &DataInfo, model: &str) -> Result<Pairs> {
        let (between, end) = (info.symbol_between(), info.end_symbol());
        let (Kind::Sequence, &[length, symbols], Some(between), Some(end)) =
            (info.kind, &info.shape[..], between, end)
        else {
            let problem = format!(
                "{model} learns pairs of sentences, but these are {}",
                info.kind.plural()
            );
            let fix = format!(
                "take translation or dialogue, or lines of text (.txt) with `{BETWEEN}` between two sentences"
            );
            return Err(Error::data(&info.source, problem, fix));
        };
        let longest = pairs_of(&info.source).map_or([length.saturating_sub(1); 2], |p| p.sides());
        let plan = |longest: usize| Plan {
            length: longest + 1,
            letters: symbols,
            end: Some(end),
        };
        Ok(Pairs {
            info: info.clone(),
            between,
            end,
            sides: longest.map(plan),
        })
    }

    /// The pairs of a batch.
    ///
    /// # Errors
    /// [`Error::Usage`] for items of another shape, [`Error::Data`] for one that is no pair.
    pub(super) fn read(&self, batch: &Batch, model: &str) -> Result<Both> {
        of_shape(batch, &self.info.shape, model)?;
        let mut both = Both {
            first: vec![],
            second: vec![],
        };
        for (pair, index) in self.info.sentences(&batch.values).iter().zip(&batch.indices) {
            let [first, second] = pair.as_ref().ok_or_else(|| {
                let problem = format!("item {index} has no `{BETWEEN}` between two sentences");
                Error::data(&self.info.source, problem, "write every pair as `first>second`")
            })?;
            both.first.extend(self.padded(0, first));
            both.second.extend(self.padded(1, second));
        }
        Ok(both)
    }

    /// A sentence of a side with nothing but the end behind it.
    pub(super) fn padded(&self, side: usize, words: &[u8]) -> Vec<u8> {
        let mut sentence = words.to_vec();
        sentence.resize(self.sides[side].length, self.end);
        sentence
    }

    /// How many of a sentence's places are chosen: its words and, where there is room, the end.
    pub(super) fn chosen(&self, sentence: &[u8]) -> usize {
        (self.words(sentence) + 1).min(sentence.len())
    }

    /// Pairs of second sentences and the first ones whose numbers stand beside them.
    pub(super) fn beside(&self, first: &[u8], rows: &[usize], second: &[u8]) -> Both {
        let length = self.sides[0].length;
        let first = rows.iter().flat_map(|i| &first[i * length..][..length]);
        Both {
            first: first.copied().collect(),
            second: second.to_vec(),
        }
    }

    /// How many words a sentence has.
    pub(super) fn words(&self, sentence: &[u8]) -> usize {
        sentence.iter().take_while(|w| **w != self.end).count()
    }

    /// Pairs as items of the data, `[pairs, length, symbols]` row by row.
    pub(super) fn items(&self, both: &Both) -> Vec<f32> {
        let [first, second] = &self.sides;
        let whole = Plan {
            length: self.info.shape[0],
            ..*second
        };
        let words = |s: &[u8]| s[..self.words(s)].to_vec();
        let sides = both
            .first
            .chunks_exact(first.length)
            .zip(both.second.chunks_exact(second.length));
        let symbols = sides.flat_map(|(a, b)| {
            let mut item = [words(a), vec![self.between], words(b)].concat();
            item.resize(whole.length, self.end);
            item
        });
        whole.one_hot(&symbols.collect::<Vec<u8>>())
    }

    /// With both sides exchanged: what reads first sentences and writes second ones does so the other way.
    pub(super) fn reversed(&self) -> Pairs {
        let [first, second] = self.sides;
        Pairs {
            sides: [second, first],
            ..self.clone()
        }
    }
}
