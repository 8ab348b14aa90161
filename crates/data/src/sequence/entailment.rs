//! Pairs of sentences of a small language, and whether the first entails the second: decided exactly.
use super::{describe, one_hot};
use crate::error::Result;
use crate::random::{Draw, Key};
use crate::{DataInfo, Dataset, Item};

/// What it is called.
pub const NAME: &str = "entailment";
/// Letters of a pair: two sentences of three words, and `>` between them.
pub const LENGTH: usize = 2 * WORDS + 1;
/// Pairs where no limit says otherwise; there is always another.
pub(crate) const TRAIN: usize = 2000;
/// Words of a sentence: how many, of whom, what they do.
pub const WORDS: usize = 3;
/// What may follow of a premise for a hypothesis.
pub const LABELS: [&str; 3] = ["entails", "neutral", "contradicts"];

const LETTERS: &str = "ASNadpockxbwlmrievzfng>";
/// How letters read.
const READ: [&str; 22] = [
    "all", "some", "no", "animals", "dogs", "puppies", "poodles", "cats", "kittens", "tabbies", "birds",
    "sparrows", "owls", "move", "run", "sprint", "walk", "stroll", "rest", "sleep", "snooze", "sit",
];
/// How many determiners there are, and nouns after them; the others are verbs.
const DETERMINERS: u8 = 3;
const NOUNS: u8 = 10;
/// Of every word the one above it, by their places; of what is at the top none.
const ABOVE: [(u8, u8); 16] = [
    (4, 3),
    (5, 4),
    (6, 4),
    (7, 3),
    (8, 7),
    (9, 7),
    (10, 3),
    (11, 10),
    (12, 10),
    (14, 13),
    (15, 14),
    (16, 13),
    (17, 16),
    (19, 18),
    (20, 19),
    (21, 18),
];
/// Words of which nothing is both.
const APART: [(u8, u8); 6] = [(4, 7), (4, 10), (7, 10), (11, 12), (13, 18), (14, 16)];

/// A sentence, as places in the alphabet.
pub type Sentence = [u8; 3];

/// How a sentence stands to the one that it was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// it follows from it
    Follows,
    /// it has it for a consequence
    Implies,
    /// just one of the two is true
    Negates,
    /// both cannot be true
    Excludes,
}

impl Relation {
    /// The label of a premise and the sentence, by that of the premise and the sentence that it was made of; none where anything may
    /// be. Labels are places in [`LABELS`].
    pub fn of_hypothesis(self, label: u32) -> Option<u32> {
        match (self, label) {
            (Relation::Follows, 0) => Some(0),
            (Relation::Implies, 2) => Some(2),
            (Relation::Negates, label) => Some(2 - label),
            (Relation::Excludes, 0) => Some(2),
            _ => None,
        }
    }

    /// The same of the sentence as a premise.
    pub fn of_premise(self, label: u32) -> Option<u32> {
        (self == Relation::Implies && label != 1).then_some(label)
    }
}

/// Sentences that a sentence is turned into by what is known of words: a noun or a verb by one above or below it, a determiner by its
/// negation or by what it implies, a verb by one that excludes it; and how each stands to it.
pub fn rewritten(sentence: Sentence) -> Vec<(Sentence, Relation)> {
    let [determiner, noun, verb] = sentence;
    // Whether a wider noun, or verb, makes the sentence follow from the other.
    let (noun_widens, verb_widens) = (determiner == 1, determiner != 2);
    let mut all = vec![];
    for (lower, upper) in ABOVE {
        let mut turn = |word: u8, place: usize, widens: bool| {
            let with = |other: u8| {
                let mut s = sentence;
                s[place] = other;
                s
            };
            let [wider, narrower] = match widens {
                true => [Relation::Follows, Relation::Implies],
                false => [Relation::Implies, Relation::Follows],
            };
            if word == lower {
                all.push((with(upper), wider));
            }
            if word == upper {
                all.push((with(lower), narrower));
            }
        };
        turn(noun, 1, noun_widens);
        turn(verb, 2, verb_widens);
    }
    match determiner {
        0 => {
            all.push(([1, noun, verb], Relation::Follows));
            let other = |(a, b): &(u8, u8)| match verb {
                v if v == *a => Some(*b),
                v if v == *b => Some(*a),
                _ => None,
            };
            all.extend(
                APART
                    .iter()
                    .filter_map(other)
                    .map(|v| ([0, noun, v], Relation::Excludes)),
            );
            all.push(([2, noun, verb], Relation::Excludes));
        }
        1 => {
            all.push(([0, noun, verb], Relation::Implies));
            all.push(([2, noun, verb], Relation::Negates));
        }
        _ => {
            all.push(([1, noun, verb], Relation::Negates));
            all.push(([0, noun, verb], Relation::Excludes));
        }
    }
    all
}

/// What something may be: of every noun and verb whether it is that, a bit each, as far as the words allow it together.
fn kinds() -> Vec<u32> {
    let has = |kind: u32, word: u8| kind >> word & 1 == 1;
    let fits = |kind: &u32| {
        ABOVE
            .iter()
            .all(|(lower, upper)| !has(*kind, *lower) || has(*kind, *upper))
            && APART.iter().all(|(a, b)| !(has(*kind, *a) && has(*kind, *b)))
    };
    let words = DETERMINERS..READ.len() as u8;
    // Word by word, so that what cannot be is left out early: those above come first.
    words.fold(vec![0u32], |kinds, word| {
        let with = kinds
            .iter()
            .map(|k| k | 1 << word)
            .filter(fits)
            .collect::<Vec<_>>();
        [kinds, with].concat()
    })
}

/// Decides by all that there may be. A sentence says of a world which kinds of things are in it: `all` and `no` forbid some, `some` asks for
/// one; there is something of every noun.
pub struct Truth {
    kinds: Vec<u32>,
}

impl Default for Truth {
    fn default() -> Self {
        Truth { kinds: kinds() }
    }
}

/// What is said of what is of a noun: that some of it is of a verb or is not, or that none is.
struct Claim {
    noun: u8,
    verb: u8,
    /// whether it speaks of what is of the verb, or of what is not
    within: bool,
    /// whether there is some, or none
    some: bool,
}

impl Claim {
    fn of([determiner, noun, verb]: Sentence) -> Claim {
        Claim {
            noun,
            verb,
            within: determiner != 0,
            some: determiner == 1,
        }
    }

    fn meets(&self, kind: u32) -> bool {
        let has = |word: u8| kind >> word & 1 == 1;
        has(self.noun) && has(self.verb) == self.within
    }
}

impl Truth {
    /// Whether there is a world in which all of that holds.
    fn possible(&self, claims: &[Claim]) -> bool {
        let left: Vec<u32> = self
            .kinds
            .iter()
            .copied()
            .filter(|k| !claims.iter().any(|c| !c.some && c.meets(*k)))
            .collect();
        let nouns = DETERMINERS..DETERMINERS + NOUNS;
        let asked = claims.iter().filter(|c| c.some);
        asked.into_iter().all(|c| left.iter().any(|k| c.meets(*k)))
            && nouns.into_iter().all(|n| left.iter().any(|k| k >> n & 1 == 1))
    }

    /// The place in [`LABELS`] of what a premise says of a hypothesis.
    pub fn label(&self, premise: Sentence, hypothesis: Sentence) -> u32 {
        let (with, without) = (Claim::of(hypothesis), Claim::of(hypothesis));
        let without = Claim {
            some: !without.some,
            ..without
        };
        match () {
            _ if !self.possible(&[Claim::of(premise), without]) => 0,
            _ if !self.possible(&[Claim::of(premise), with]) => 2,
            _ => 1,
        }
    }
}

/// Both sentences as places in the alphabet, of a pair `[place]`.
pub fn sentences(symbols: &[u8]) -> Option<[Sentence; 2]> {
    let one = |from: usize| -> Option<Sentence> {
        let s: Sentence = symbols.get(from..from + WORDS)?.try_into().ok()?;
        let verbs = DETERMINERS + NOUNS..READ.len() as u8;
        let nouns = DETERMINERS..DETERMINERS + NOUNS;
        (s[0] < DETERMINERS && nouns.contains(&s[1]) && verbs.contains(&s[2])).then_some(s)
    };
    Some([one(0)?, one(WORDS + 1)?])
}

/// A pair as places in the alphabet.
pub fn pair(premise: Sentence, hypothesis: Sentence) -> [u8; LENGTH] {
    let all = [&premise[..], &[READ.len() as u8], &hypothesis].concat();
    std::array::from_fn(|i| all[i])
}

/// A sentence in words.
fn read(sentence: Sentence) -> String {
    sentence.map(|w| READ[w as usize]).join(" ")
}

/// Pair i: a label, each as often, and any of the pairs of which that is true.
pub(crate) struct Entailment {
    info: DataInfo,
    key: Key,
    truth: Truth,
}

impl Entailment {
    /// The test split is another stream of pairs.
    pub(crate) fn new(seed: u64, split: &str, limit: usize) -> Entailment {
        let count = if limit == 0 { TRAIN } else { limit };
        Entailment {
            info: DataInfo {
                labels: LABELS.map(String::from).to_vec(),
                shares: vec![1.0 / LABELS.len() as f64; LABELS.len()],
                ..describe(NAME, LETTERS.into(), LENGTH, count)
            },
            key: Key::new(seed)
                .stream(NAME)
                .stream(if split == "test" { "test" } else { "train" }),
            truth: Truth::default(),
        }
    }

    fn drawn(&self, index: usize) -> ([Sentence; 2], u32) {
        let mut rng = self.key.step(index as u64).rng();
        let label = rng.below(LABELS.len()) as u32;
        loop {
            let (premise, hypothesis) = (any(&mut rng), any(&mut rng));
            if self.truth.label(premise, hypothesis) == label {
                return ([premise, hypothesis], label);
            }
        }
    }
}

/// Any sentence of all.
fn any(rng: &mut Draw) -> Sentence {
    let (nouns, verbs) = (DETERMINERS, DETERMINERS + NOUNS);
    [
        rng.below(DETERMINERS as usize) as u8,
        nouns + rng.below(NOUNS as usize) as u8,
        verbs + rng.below(READ.len() - verbs as usize) as u8,
    ]
}

impl Dataset for Entailment {
    fn info(&self) -> &DataInfo {
        &self.info
    }
    fn get(&self, index: usize) -> Result<Item> {
        let ([premise, hypothesis], label) = self.drawn(index);
        Ok(Item {
            values: one_hot(&pair(premise, hypothesis), LETTERS.len()),
            label: Some(label),
            attributes: vec![],
            caption: Some(format!("{} > {}", read(premise), read(hypothesis))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Sentence {
        let words: Vec<u8> = text
            .split(' ')
            .map(|w| READ.iter().position(|r| *r == w).unwrap() as u8)
            .collect();
        words.try_into().unwrap()
    }

    fn everything() -> Vec<Sentence> {
        let (nouns, verbs) = (DETERMINERS, DETERMINERS + NOUNS);
        let of = |d: u8| (nouns..verbs).flat_map(move |n| (verbs..READ.len() as u8).map(move |v| [d, n, v]));
        (0..DETERMINERS).flat_map(of).collect()
    }

    #[test]
    fn labels_by_hand() {
        let truth = Truth::default();
        for (premise, hypothesis, label) in [
            ("all dogs run", "all puppies move", 0),
            ("all dogs run", "some animals run", 0),
            ("all dogs run", "all animals run", 1),
            ("all dogs run", "some poodles rest", 2),
            ("some puppies sleep", "some dogs rest", 0),
            ("some dogs rest", "some puppies rest", 1),
            ("some puppies sleep", "no animals rest", 2),
            ("no animals move", "no cats stroll", 0),
            ("no animals move", "some owls walk", 2),
            ("no cats sleep", "some cats snooze", 2),
            ("no cats sleep", "all cats sit", 1),
            ("all cats walk", "no cats run", 0),
            ("all cats walk", "no dogs walk", 1),
        ] {
            assert_eq!(
                truth.label(of(premise), of(hypothesis)),
                label,
                "{premise} > {hypothesis}"
            );
        }
    }

    /// What rules say of any sentence, hypothesis and label is what is true, by all pairs of a part of the language.
    #[test]
    fn rules_say_what_is_true() {
        let (truth, all) = (Truth::default(), everything());
        assert_eq!(all.len(), 3 * 10 * 9);
        let mut said = 0;
        for premise in all.iter().step_by(11) {
            for hypothesis in all.iter().step_by(7) {
                let label = truth.label(*premise, *hypothesis);
                for (other, relation) in rewritten(*hypothesis) {
                    if let Some(told) = relation.of_hypothesis(label) {
                        assert_eq!(
                            told,
                            truth.label(*premise, other),
                            "{premise:?} {hypothesis:?} {other:?}"
                        );
                        said += 1;
                    }
                }
                for (other, relation) in rewritten(*premise) {
                    if let Some(told) = relation.of_premise(label) {
                        assert_eq!(
                            told,
                            truth.label(other, *hypothesis),
                            "{premise:?} {other:?} {hypothesis:?}"
                        );
                        said += 1;
                    }
                }
            }
        }
        assert!(said > 500, "{said}");
    }

    #[test]
    fn pairs_are_drawn_with_their_labels() {
        // Of some premises no hypothesis is neutral: `all animals sprint`.
        let set = Entailment::new(0, "train", 300);
        let mut counts = [0; 3];
        for i in 0..300 {
            let (both, label) = set.drawn(i);
            assert_eq!(set.truth.label(both[0], both[1]), label);
            assert_eq!(sentences(&pair(both[0], both[1])), Some(both));
            counts[label as usize] += 1;
        }
        assert!(counts.iter().all(|c| *c > 70), "{counts:?}");
        assert_eq!(LETTERS.len(), READ.len() + 1);
    }
}
