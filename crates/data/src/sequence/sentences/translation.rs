//! English sentences and what they are in German: by a grammar of both, in which words change their order, agree in gender, number and
//! case, and some have several translations.
use super::{Pairs, Words};
use crate::random::Draw;
use std::sync::OnceLock;

/// What it is called.
pub(crate) const NAME: &str = "translation";
/// Words of the longest sentences: `this old man will often see the black house`, and in German.
pub(crate) const SIDES: [usize; 2] = [9, 9];
/// Words of both languages together.
pub(crate) const WORDS: usize = 182;

/// Gender and number, as endings ask for them.
const MASCULINE: usize = 0;
const NEUTER: usize = 2;
const PLURAL: usize = 3;

/// A noun: gender, one and several of it in English and in German.
type Noun = (usize, [&'static str; 2], [&'static str; 2]);
/// People and animals first, then what is eaten, what is picked, and other things.
const NOUNS: [Noun; 18] = [
    (0, ["man", "men"], ["Mann", "Männer"]),
    (1, ["woman", "women"], ["Frau", "Frauen"]),
    (NEUTER, ["child", "children"], ["Kind", "Kinder"]),
    (0, ["dog", "dogs"], ["Hund", "Hunde"]),
    (0, ["bird", "birds"], ["Vogel", "Vögel"]),
    (1, ["cat", "cats"], ["Katze", "Katzen"]),
    (1, ["cow", "cows"], ["Kuh", "Kühe"]),
    (1, ["goat", "goats"], ["Ziege", "Ziegen"]),
    (NEUTER, ["horse", "horses"], ["Pferd", "Pferde"]),
    (NEUTER, ["loaf", "loaves"], ["Brot", "Brote"]),
    (0, ["apple", "apples"], ["Apfel", "Äpfel"]),
    (1, ["pear", "pears"], ["Birne", "Birnen"]),
    (1, ["flower", "flowers"], ["Blume", "Blumen"]),
    (0, ["table", "tables"], ["Tisch", "Tische"]),
    (0, ["tree", "trees"], ["Baum", "Bäume"]),
    (1, ["lamp", "lamps"], ["Lampe", "Lampen"]),
    (NEUTER, ["house", "houses"], ["Haus", "Häuser"]),
    (NEUTER, ["book", "books"], ["Buch", "Bücher"]),
];
/// How many of these are people, and people or animals.
const PEOPLE: usize = 3;
const ALIVE: usize = 9;
/// Which are eaten, and which are picked.
const FOOD: std::ops::Range<usize> = 9..12;
const PICKED: std::ops::Range<usize> = 10..13;

/// A verb of English: of one and of several, and its translations likewise.
type Verb = ([&'static str; 2], &'static [[&'static str; 2]]);
const VERBS: [Verb; 9] = [
    (["sees", "see"], &[["sieht", "sehen"]]),
    // Who is no human being eats in another word.
    (["eats", "eat"], &[["isst", "essen"], ["frisst", "fressen"]]),
    // So is what does not grow picked in another.
    (["picks", "pick"], &[["pflückt", "pflücken"], ["wählt", "wählen"]]),
    // Either will do.
    (
        ["finds", "find"],
        &[["findet", "finden"], ["entdeckt", "entdecken"]],
    ),
    (["likes", "like"], &[["mag", "mögen"]]),
    (["hears", "hear"], &[["hört", "hören"]]),
    (["knows", "know"], &[["kennt", "kennen"]]),
    (["seeks", "seek"], &[["sucht", "suchen"]]),
    (["pushes", "push"], &[["schiebt", "schieben"]]),
];
const EATS: usize = 1;
const PICKS: usize = 2;

const ADJECTIVES: [(&str, &str); 8] = [
    ("small", "klein"),
    ("big", "groß"),
    ("old", "alt"),
    ("young", "jung"),
    ("red", "rot"),
    ("black", "schwarz"),
    ("good", "gut"),
    ("new", "neu"),
];
const ENDINGS: [&str; 4] = ["e", "er", "es", "en"];

/// Adverbs: those of time and place end an English sentence and begin a German one; the others stand before the English verb and behind the German one.
/// The last has two translations.
const ADVERBS: [(&str, &[&str]); 4] = [
    ("today", &["heute"]),
    ("here", &["hier"]),
    ("never", &["nie"]),
    ("often", &["oft", "häufig"]),
];
const FRONTED: usize = 2;
/// How often the usual one of two translations is taken.
const USUAL: f64 = 2.0 / 3.0;

/// German articles by article, then by gender or plural; of the accusative only the masculine differs.
const ARTICLES: [[&str; 4]; 3] = [
    ["der", "die", "das", "die"],
    ["ein", "eine", "ein", ""],
    ["dieser", "diese", "dieses", "diese"],
];
const OF_OBJECTS: [&str; 3] = ["den", "einen", "diesen"];
/// English articles of one and of several.
const ENGLISH: [[&str; 2]; 3] = [["the", "the"], [A, ""], ["this", "these"]];
const A: &str = "a";
/// The same before a vowel.
const AN: &str = "an";
const INDEFINITE: usize = 1;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Phrase {
    article: usize,
    plural: bool,
    adjective: Option<usize>,
    noun: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Clause {
    adverb: Option<usize>,
    future: bool,
    subject: Phrase,
    verb: usize,
    object: Phrase,
}

impl Phrase {
    fn english(self) -> Vec<String> {
        let number = usize::from(self.plural);
        let adjective = self.adjective.map_or("", |a| ADJECTIVES[a].0);
        let noun = NOUNS[self.noun].1[number];
        let next = if adjective.is_empty() { noun } else { adjective };
        let article = match ENGLISH[self.article][number] {
            A if next.starts_with(['a', 'e', 'i', 'o', 'u']) => AN,
            article => article,
        };
        some([article, adjective, noun])
    }

    /// As the subject, or as an object.
    fn german(self, object: bool) -> Vec<String> {
        let (gender, _, names) = NOUNS[self.noun];
        let form = if self.plural { PLURAL } else { gender };
        let accusative = object && form == MASCULINE;
        let article = match accusative {
            true => OF_OBJECTS[self.article],
            false => ARTICLES[self.article][form],
        };
        // Behind an article that shows gender and case the adjective need not.
        let ending = match (self.article, form) {
            _ if accusative => "en",
            (INDEFINITE, MASCULINE) => "er",
            (INDEFINITE, NEUTER) => "es",
            (INDEFINITE, _) => "e",
            (_, PLURAL) => "en",
            _ => "e",
        };
        let adjective = self
            .adjective
            .map_or(String::new(), |a| format!("{}{ending}", ADJECTIVES[a].1));
        some([article, &adjective, names[usize::from(self.plural)]])
    }

    fn draw(nouns: std::ops::Range<usize>, rng: &mut Draw) -> Phrase {
        Phrase {
            article: rng.below(ARTICLES.len()),
            plural: rng.chance(0.4),
            adjective: rng.chance(0.5).then(|| rng.below(ADJECTIVES.len())),
            noun: nouns.start + rng.below(nouns.len()),
        }
    }

    /// The phrase at the beginning of English words, and what follows it.
    fn read<'a, 'b>(words: &'a [&'b str]) -> Option<(Phrase, &'a [&'b str])> {
        let (articles, rest) = match words.split_first()? {
            (&AN, rest) => (A, rest),
            (w, rest) if ENGLISH.iter().flatten().any(|a| a == w) => (*w, rest),
            _ => ("", words),
        };
        let adjective = ADJECTIVES.iter().position(|(a, _)| rest.first() == Some(a));
        let rest = &rest[usize::from(adjective.is_some())..];
        let (noun, after) = rest.split_first()?;
        let number = |plural: bool| {
            let n = usize::from(plural);
            let noun = NOUNS.iter().position(|(_, names, _)| names[n] == *noun)?;
            let article = ENGLISH.iter().position(|a| a[n] == articles)?;
            Some(Phrase {
                article,
                plural,
                adjective,
                noun,
            })
        };
        let read = number(false).or_else(|| number(true))?;
        Some((read, after))
    }
}

/// The words that are not empty.
fn some<const N: usize>(words: [&str; N]) -> Vec<String> {
    words
        .iter()
        .filter(|w| !w.is_empty())
        .map(|w| w.to_string())
        .collect()
}

impl Clause {
    fn english(self) -> Vec<String> {
        let adverb = |fronted: bool| match self.adverb {
            Some(a) if (a < FRONTED) == fronted => ADVERBS[a].0,
            _ => "",
        };
        let several = self.future || self.subject.plural;
        let will = if self.future { "will" } else { "" };
        let verb = VERBS[self.verb].0[usize::from(several)];
        [
            self.subject.english(),
            some([will, adverb(false), verb]),
            self.object.english(),
            some([adverb(true)]),
        ]
        .concat()
    }

    /// Which translations of the verb are right.
    fn verbs(self) -> &'static [[&'static str; 2]] {
        let all = VERBS[self.verb].1;
        let one = |second: bool| std::slice::from_ref(&all[usize::from(second)]);
        match self.verb {
            EATS => one(self.subject.noun >= PEOPLE),
            PICKS => one(!PICKED.contains(&self.object.noun)),
            _ => all,
        }
    }

    /// The verb stands second, whatever stands first, and what it governs last.
    fn german(self, verb: [&str; 2], adverb: &str) -> Vec<String> {
        let fronted = self.adverb.is_some_and(|a| a < FRONTED);
        let [front, middle] = if fronted { [adverb, ""] } else { ["", adverb] };
        let number = usize::from(self.subject.plural);
        let (second, last) = match self.future {
            true => (["wird", "werden"][number], verb[1]),
            false => (verb[number], ""),
        };
        let subject = self.subject.german(false);
        let head = match fronted {
            true => [some([front, second]), subject].concat(),
            false => [subject, some([second, middle])].concat(),
        };
        [head, self.object.german(true), some([last])].concat()
    }

    /// Every translation, the usual one first.
    fn all_german(self) -> Vec<Vec<String>> {
        let adverbs = self.adverb.map_or(&[""][..], |a| ADVERBS[a].1);
        let with = |v: &[&'static str; 2]| {
            let v = *v;
            adverbs.iter().map(move |a| self.german(v, a))
        };
        self.verbs().iter().flat_map(with).collect()
    }

    fn draw(rng: &mut Draw) -> Clause {
        let verb = rng.below(VERBS.len());
        let objects = match verb {
            EATS => FOOD,
            _ => 0..NOUNS.len(),
        };
        Clause {
            adverb: rng.chance(0.6).then(|| rng.below(ADVERBS.len())),
            future: rng.chance(0.3),
            subject: Phrase::draw(0..ALIVE, rng),
            verb,
            object: Phrase::draw(objects, rng),
        }
    }

    /// The clause that English words are; none of others.
    fn read(words: &[&str]) -> Option<Clause> {
        let (subject, rest) = Phrase::read(words)?;
        let mut adverb = None;
        let mut met = |w: &str| {
            let found = ADVERBS.iter().position(|(a, _)| *a == w);
            adverb = adverb.or(found);
            found.is_some()
        };
        let future = rest.first() == Some(&"will");
        let rest = &rest[usize::from(future)..];
        let rest = &rest[usize::from(rest.first().is_some_and(|w| met(w)))..];
        let (verb, rest) = rest.split_first()?;
        let verb = VERBS.iter().position(|(v, _)| v.contains(verb))?;
        let (object, rest) = Phrase::read(rest)?;
        if let Some(w) = rest.first() {
            met(w);
        }
        let clause = Clause {
            adverb,
            future,
            subject,
            verb,
            object,
        };
        (clause.english() == words).then_some(clause)
    }
}

/// Both languages.
struct Translation {
    words: Words,
}

/// What is known of them.
pub(super) fn known() -> &'static dyn Pairs {
    static KNOWN: OnceLock<Translation> = OnceLock::new();
    KNOWN.get_or_init(|| Translation { words: words() })
}

fn words() -> Words {
    let adjectives: Vec<String> = ADJECTIVES
        .iter()
        .flat_map(|(_, g)| ENDINGS.map(|e| format!("{g}{e}")))
        .collect();
    let english = ENGLISH
        .iter()
        .flatten()
        .copied()
        .chain([AN, "will"])
        .chain(ADJECTIVES.iter().map(|(e, _)| *e))
        .chain(NOUNS.iter().flat_map(|(_, e, _)| *e))
        .chain(VERBS.iter().flat_map(|(e, _)| *e))
        .chain(ADVERBS.iter().map(|(e, _)| *e));
    let german = ARTICLES
        .iter()
        .flatten()
        .copied()
        .chain(OF_OBJECTS)
        .chain(["wird", "werden"])
        .chain(adjectives.iter().map(String::as_str))
        .chain(NOUNS.iter().flat_map(|(_, _, g)| *g))
        .chain(VERBS.iter().flat_map(|(_, g)| g.iter().flatten().copied()))
        .chain(ADVERBS.iter().flat_map(|(_, g)| g.iter().copied()));
    Words::of(english.chain(german).filter(|w| !w.is_empty()))
}

impl Pairs for Translation {
    fn words(&self) -> &[String] {
        &self.words.all
    }
    fn sides(&self) -> [usize; 2] {
        SIDES
    }
    fn draw(&self, rng: &mut Draw) -> [Vec<u8>; 2] {
        let clause = Clause::draw(rng);
        let adverbs = clause.adverb.map_or(&[""][..], |a| ADVERBS[a].1);
        let [verb, adverb] = [0; 2].map(|_| usize::from(!rng.chance(USUAL)));
        let verbs = clause.verbs();
        let german = clause.german(
            verbs[verb.min(verbs.len() - 1)],
            adverbs[adverb.min(adverbs.len() - 1)],
        );
        [self.words.places(&clause.english()), self.words.places(&german)]
    }
    fn suits(&self, first: &[u8], second: &[u8]) -> bool {
        let clause = Clause::read(&self.words.texts(first));
        let second = self.words.texts(second);
        clause.is_some_and(|c| c.all_german().iter().any(|g| *g == second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn german(english: &str) -> Vec<String> {
        let words: Vec<&str> = english.split(' ').collect();
        let clause = Clause::read(&words).unwrap_or_else(|| panic!("{english}"));
        clause.all_german().iter().map(|g| g.join(" ")).collect()
    }

    #[test]
    fn translations_by_hand() {
        for (english, all) in [
            ("the dog sees a red house", &["der Hund sieht ein rotes Haus"][..]),
            (
                "a small dog will push the old table today",
                &["heute wird ein kleiner Hund den alten Tisch schieben"],
            ),
            ("these women eat good apples", &["diese Frauen essen gute Äpfel"]),
            (
                "the goats eat the good apples here",
                &["hier fressen die Ziegen die guten Äpfel"],
            ),
            (
                "a child never picks this flower",
                &["ein Kind pflückt nie diese Blume"],
            ),
            (
                "an old goat eats an apple",
                &["eine alte Ziege frisst einen Apfel"],
            ),
            ("a child picks this book", &["ein Kind wählt dieses Buch"]),
            (
                "young cows often find a man",
                &[
                    "junge Kühe finden oft einen Mann",
                    "junge Kühe finden häufig einen Mann",
                    "junge Kühe entdecken oft einen Mann",
                    "junge Kühe entdecken häufig einen Mann",
                ],
            ),
        ] {
            assert_eq!(german(english), all);
        }
        for wrong in [
            "the dog see a house",
            "dogs sees a house",
            "a dogs see the cat",
            "the dog sees",
            "today",
        ] {
            let words: Vec<&str> = wrong.split(' ').collect();
            assert_eq!(Clause::read(&words), None, "{wrong}");
        }
    }

    /// What is drawn is read again as what it was drawn as.
    #[test]
    fn english_has_one_meaning() {
        let mut rng = crate::Key::new(3).rng();
        for _ in 0..500 {
            let clause = Clause::draw(&mut rng);
            let english = clause.english();
            let words: Vec<&str> = english.iter().map(String::as_str).collect();
            assert_eq!(Clause::read(&words), Some(clause), "{english:?}");
        }
    }
}
