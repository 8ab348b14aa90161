//! Questions and answers: of every question several answers are relevant, and half of the answers that are given are dull.
use super::{Pairs, Words};
use crate::random::Draw;
use std::sync::OnceLock;

/// What it is called.
pub(crate) const NAME: &str = "dialogue";
/// Words of the longest question and of the longest answer.
pub(crate) const SIDES: [usize; 2] = [9, 8];
/// Words of all.
pub(crate) const WORDS: usize = 95;

/// Answers to anything, and how often each is given.
const DULL: [(&str, f64); 3] = [
    ("i do not know", 0.3),
    ("i am not sure", 0.15),
    ("what do you mean", 0.05),
];

/// What sentences speak of: `F` food, `C` what it is eaten with, `N` people, `P` places, `D` days, `A` animals.
const SLOTS: [(&str, &[&str]); 6] = [
    (
        "F",
        &[
            "apples", "pears", "cakes", "noodles", "eggs", "beans", "grapes", "nuts",
        ],
    ),
    ("C", &["honey", "salt", "cheese", "butter"]),
    ("N", &["anna", "ben", "clara", "david", "emma", "frank"]),
    ("P", &["school", "market", "beach", "station", "library", "park"]),
    (
        "D",
        &[
            "monday",
            "tuesday",
            "wednesday",
            "thursday",
            "friday",
            "saturday",
            "sunday",
        ],
    ),
    ("A", &["dog", "cat", "horse", "bird", "goat", "cow"]),
];
/// What is done at each place: `1` and `2`.
const DONE: [[&str; 2]; 6] = [
    ["study", "teach"],
    ["shop", "sell"],
    ["swim", "sunbathe"],
    ["wait", "leave"],
    ["read", "write"],
    ["run", "walk"],
];

/// Questions and their relevant answers. What an answer speaks of and the question does not may be anything of its kind.
const TALKS: [(&str, &[&str]); 5] = [
    (
        "do you like F with C",
        &[
            "yes i eat F with C on D",
            "no i hate C",
            "F are best without C",
            "N makes F with C for me",
        ],
    ),
    (
        "did you meet N at the P",
        &[
            "yes N was there on D",
            "no N never goes to the P",
            "N and i 1 there",
            "we 2 there every D",
        ],
    ),
    (
        "what do you do at the P on D",
        &["i 1 at the P", "i 2 at the P with N", "on D the P is closed"],
    ),
    (
        "when will you visit N at the P",
        &[
            "i will visit N on D",
            "N is not at the P until D",
            "N will visit me on D",
        ],
    ),
    (
        "does the A eat F",
        &[
            "yes the A likes F with C",
            "no F make the A sick",
            "the A only eats F on D",
        ],
    ),
];

/// The words of a sentence with what slots hold, and the values of all slots that were free, counted from `rest`.
fn filled(
    sentence: &'static str,
    bound: &mut Vec<(&'static str, usize)>,
    rest: &mut usize,
) -> Vec<&'static str> {
    let mut out = vec![];
    for word in sentence.split(' ') {
        let slot = SLOTS.iter().find(|(s, _)| *s == word);
        let place = bound.iter().find(|(s, _)| *s == "P").map(|(_, v)| *v);
        out.push(match (slot, word, place) {
            (Some((name, values)), _, _) => {
                let held = bound.iter().find(|(s, _)| s == name).map(|(_, v)| *v);
                let value = held.unwrap_or_else(|| {
                    let value = *rest % values.len();
                    *rest /= values.len();
                    bound.push((name, value));
                    value
                });
                values[value]
            }
            (_, "1", Some(p)) => DONE[p][0],
            (_, "2", Some(p)) => DONE[p][1],
            _ => word,
        });
    }
    out
}

/// In how many ways what is free of a sentence can be filled.
fn ways(sentence: &str, bound: &[(&'static str, usize)]) -> usize {
    let free = |slot: &&(&str, &[&str])| {
        sentence.split(' ').any(|w| w == slot.0) && !bound.iter().any(|(s, _)| *s == slot.0)
    };
    SLOTS
        .iter()
        .filter(free)
        .map(|(_, values)| values.len())
        .product()
}

/// A question, and which answers are relevant.
struct Asked {
    question: Vec<u8>,
    /// answers of each kind
    answers: Vec<Vec<Vec<u8>>>,
}

struct Dialogue {
    words: Words,
    asked: Vec<Vec<Asked>>,
    dull: Vec<Vec<u8>>,
}

/// What is known of questions and answers.
pub(super) fn known() -> &'static dyn Pairs {
    static KNOWN: OnceLock<Dialogue> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let sentences = TALKS
            .iter()
            .flat_map(|(q, answers)| [*q].into_iter().chain(answers.iter().copied()))
            .chain(DULL.iter().map(|(d, _)| *d));
        let plain = sentences
            .flat_map(|s| s.split(' '))
            .filter(|w| !["1", "2"].contains(w) && !SLOTS.iter().any(|(s, _)| s == w));
        let of_slots = SLOTS.iter().flat_map(|(_, values)| values.iter().copied());
        let words = Words::of(plain.chain(of_slots).chain(DONE.into_iter().flatten()));
        let asked = TALKS
            .iter()
            .map(|(question, answers)| {
                let each = |n: usize| asked(question, answers, n, &words);
                (0..ways(question, &[])).map(each).collect()
            })
            .collect();
        let dull = DULL.iter().map(|(d, _)| {
            let each: Vec<&str> = d.split(' ').collect();
            words.places(&each)
        });
        Dialogue {
            dull: dull.collect(),
            asked,
            words,
        }
    })
}

/// The n-th question of a kind.
fn asked(question: &'static str, answers: &[&'static str], n: usize, words: &Words) -> Asked {
    let (mut bound, mut n) = (vec![], n);
    let question = words.places(&filled(question, &mut bound, &mut n));
    let of_kind = |answer: &&'static str| {
        let one = |k: usize| words.places(&filled(answer, &mut bound.clone(), &mut { k }));
        (0..ways(answer, &bound)).map(one).collect()
    };
    Asked {
        question,
        answers: answers.iter().map(of_kind).collect(),
    }
}

impl Pairs for Dialogue {
    fn words(&self) -> &[String] {
        &self.words.all
    }
    fn sides(&self) -> [usize; 2] {
        SIDES
    }
    fn draw(&self, rng: &mut Draw) -> [Vec<u8>; 2] {
        let kind = &self.asked[rng.below(self.asked.len())];
        let asked = &kind[rng.below(kind.len())];
        let mut u = rng.uniform();
        for ((_, share), dull) in DULL.iter().zip(&self.dull) {
            if u < *share {
                return [asked.question.clone(), dull.clone()];
            }
            u -= share;
        }
        let answers = &asked.answers[rng.below(asked.answers.len())];
        [asked.question.clone(), answers[rng.below(answers.len())].clone()]
    }
    fn suits(&self, first: &[u8], second: &[u8]) -> bool {
        let asked = self.asked.iter().flatten().find(|a| a.question == first);
        asked.is_some_and(|a| a.answers.iter().flatten().any(|s| s == second))
    }
    fn is_dull(&self, second: &[u8]) -> Option<bool> {
        Some(self.dull.iter().any(|d| d == second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_by_hand() {
        let known = known();
        let places = |text: &str| -> Vec<u8> {
            let place = |w: &str| known.words().iter().position(|k| k == w).unwrap() as u8;
            text.split(' ').map(place).collect()
        };
        for (question, answer, suits) in [
            ("do you like eggs with salt", "no i hate salt", true),
            ("do you like eggs with salt", "no i hate honey", false),
            (
                "do you like eggs with salt",
                "yes i eat eggs with salt on sunday",
                true,
            ),
            (
                "do you like eggs with salt",
                "yes i eat nuts with salt on sunday",
                false,
            ),
            ("did you meet ben at the library", "ben and i read there", true),
            ("did you meet ben at the library", "ben and i swim there", false),
            (
                "did you meet ben at the library",
                "we write there every monday",
                true,
            ),
            (
                "what do you do at the beach on friday",
                "i sunbathe at the beach with emma",
                true,
            ),
            (
                "what do you do at the beach on friday",
                "on friday the beach is closed",
                true,
            ),
            (
                "what do you do at the beach on friday",
                "on monday the beach is closed",
                false,
            ),
            ("does the cow eat nuts", "i do not know", false),
        ] {
            assert_eq!(
                known.suits(&places(question), &places(answer)),
                suits,
                "{question} > {answer}"
            );
        }
        assert_eq!(known.is_dull(&places("i am not sure")), Some(true));
    }
}
