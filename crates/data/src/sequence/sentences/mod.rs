//! Pairs of sentences by small grammars that say exactly which second sentence suits a first one. A word is a letter of the alphabet.
mod dialogue;
mod translation;

use super::{NEW_LINE, describe, one_hot};
use crate::error::Result;
use crate::random::{Draw, Key};
use crate::{DataInfo, Dataset, Item};
use std::collections::HashMap;

pub(crate) use dialogue::NAME as DIALOGUE;
pub(crate) use translation::NAME as TRANSLATION;

/// What stands between both sentences.
pub const BETWEEN: char = '>';
/// Pairs where no limit says otherwise; there is always another.
pub(crate) const TRAIN: usize = 4000;
/// The letter that stands for the first word; the others follow it.
const FIRST: u32 = 0x100;

/// What is known of a language of pairs of sentences. Sentences are places of words.
pub trait Pairs: Send + Sync {
    /// Every word, by its place in the alphabet.
    fn words(&self) -> &[String];
    /// Words of the longest first sentence and of the longest second one.
    fn sides(&self) -> [usize; 2];
    /// A pair, drawn.
    fn draw(&self, rng: &mut Draw) -> [Vec<u8>; 2];
    /// Whether a second sentence suits a first one.
    fn suits(&self, first: &[u8], second: &[u8]) -> bool;
    /// Whether a second sentence is one that says nothing, whatever the first one; `None` where there are none of these.
    fn is_dull(&self, _second: &[u8]) -> Option<bool> {
        None
    }
}

/// What is known of the language of a source of that name.
pub fn pairs_of(source: &str) -> Option<&'static dyn Pairs> {
    match source {
        TRANSLATION => Some(translation::known()),
        DIALOGUE => Some(dialogue::known()),
        _ => None,
    }
}

/// Places of a pair: both sentences, what stands between them, and the end.
pub(crate) const fn length([first, second]: [usize; 2]) -> usize {
    first + second + 2
}

pub(crate) const LENGTH_OF_TRANSLATION: usize = length(translation::SIDES);
pub(crate) const LENGTH_OF_DIALOGUE: usize = length(dialogue::SIDES);
/// Symbols of each: words, what stands between sentences, the end.
pub(crate) const SYMBOLS_OF_TRANSLATION: usize = translation::WORDS + 2;
pub(crate) const SYMBOLS_OF_DIALOGUE: usize = dialogue::WORDS + 2;

/// Words in the order in which they were first met.
#[derive(Default)]
struct Words {
    all: Vec<String>,
    places: HashMap<String, u8>,
}

impl Words {
    fn of<'a>(words: impl IntoIterator<Item = &'a str>) -> Words {
        let mut known = Words::default();
        for word in words {
            if !known.places.contains_key(word) {
                known.places.insert(word.to_string(), known.all.len() as u8);
                known.all.push(word.to_string());
            }
        }
        known
    }

    /// Places of the words of a sentence, of those that are known.
    fn places<S: AsRef<str>>(&self, sentence: &[S]) -> Vec<u8> {
        let place = |w: &S| self.places.get(w.as_ref()).copied();
        sentence.iter().filter_map(place).collect()
    }

    fn texts(&self, sentence: &[u8]) -> Vec<&str> {
        let text = |w: &u8| self.all.get(*w as usize).map(String::as_str);
        sentence.iter().filter_map(text).collect()
    }
}

/// The letter of a word.
fn letter(place: usize) -> char {
    char::from_u32(FIRST + place as u32).unwrap_or(BETWEEN)
}

/// A line of letters in words, where the source is one of pairs of sentences.
pub(super) fn in_words(source: &str, line: &str) -> Option<String> {
    let words = pairs_of(source)?.words();
    let word = |c: char| match c {
        BETWEEN => Some(String::from(BETWEEN)),
        c => words.get((c as usize).checked_sub(FIRST as usize)?).cloned(),
    };
    Some(line.chars().filter_map(word).collect::<Vec<_>>().join(" "))
}

/// Pairs of sentences of a language.
pub(crate) struct Sentences {
    info: DataInfo,
    key: Key,
    pairs: &'static dyn Pairs,
}

impl Sentences {
    /// Of the language of that name; the test split is another stream of pairs.
    pub(crate) fn new(
        name: &str,
        pairs: &'static dyn Pairs,
        seed: u64,
        split: &str,
        limit: usize,
    ) -> Sentences {
        let count = if limit == 0 { TRAIN } else { limit };
        let words: String = (0..pairs.words().len()).map(letter).collect();
        let alphabet = format!("{words}{BETWEEN}{NEW_LINE}");
        Sentences {
            info: describe(name, alphabet, length(pairs.sides()), count),
            key: Key::new(seed)
                .stream(name)
                .stream(if split == "test" { "test" } else { "train" }),
            pairs,
        }
    }
}

impl Dataset for Sentences {
    fn info(&self) -> &DataInfo {
        &self.info
    }
    fn get(&self, index: usize) -> Result<Item> {
        let [first, second] = self.pairs.draw(&mut self.key.step(index as u64).rng());
        let words = self.pairs.words().len() as u8;
        let mut symbols = [first, vec![words], second].concat();
        symbols.resize(self.info.shape[0], words + 1);
        Ok(Item {
            values: one_hot(&symbols, self.info.shape[1]),
            label: None,
            attributes: vec![],
            caption: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Batch;

    /// What is drawn suits or is dull, fits its sides, reads in words, and what suits one sentence does not suit most others.
    #[test]
    fn drawn_pairs_suit() {
        for (name, words) in [(TRANSLATION, translation::WORDS), (DIALOGUE, dialogue::WORDS)] {
            let known = pairs_of(name).unwrap();
            assert_eq!(known.words().len(), words, "{name}");
            let set = Sentences::new(name, known, 1, "train", 400);
            let drawn: Vec<[Vec<u8>; 2]> = (0..400).map(|i| known.draw(&mut set.key.step(i).rng())).collect();
            let mut others = 0;
            for (i, [first, second]) in drawn.iter().enumerate() {
                let text = set.info.letters(&Batch::of(&set, &[i as u32]).unwrap().values);
                let [a, b] = [first, second].map(|s| {
                    let words: Vec<&str> = s.iter().map(|w| &known.words()[*w as usize][..]).collect();
                    words.join(" ")
                });
                assert_eq!(text, [format!("{a} > {b}")]);
                let dull = known.is_dull(second) == Some(true);
                assert!(known.suits(first, second) != dull, "{text:?}");
                assert!(first.len() <= known.sides()[0] && second.len() <= known.sides()[1]);
                others += usize::from(known.suits(&drawn[(i + 1) % 400][0], second));
            }
            assert!(others < 60, "{name}: {others}");
            assert!(pairs_of("brackets").is_none());
        }
    }
}
