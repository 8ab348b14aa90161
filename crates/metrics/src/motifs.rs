//! Motifs of nucleotides: matrices of counts as JASPAR gives them, and which sequences hold them.
use menagerie_data::error::{Error, Result};
use std::path::Path;

/// Letters of a motif's rows, in their order.
const LETTERS: [char; 4] = ['A', 'C', 'G', 'T'];
/// Steps by which scores are counted, of a bit, where their distribution is worked out.
const STEPS: f64 = 200.0;
/// Sequences that a place counts at most: more than there are of any protein.
const MOST: f64 = 1e9;
/// Places of a motif at most.
const LONGEST: usize = 100;

/// What a protein likes to sit on.
#[derive(Clone, Debug, PartialEq)]
pub struct Motif {
    /// `MA0018.5`
    pub id: String,
    /// `CREB1`
    pub name: String,
    /// log-odds of each letter at each place against even letters, two-hundredths of a bit
    odds: Vec<[i64; 4]>,
}

impl Motif {
    /// Of counts of the four letters at each place. As many pseudo-counts as the square root of the sequences that were counted
    /// are spread over the letters (Wasserman & Sandelin 2004, Nature Reviews Genetics 5, box 1).
    fn of(id: String, name: String, counts: &[Vec<f64>; 4]) -> Motif {
        let place = |i: usize| {
            let column: [f64; 4] = std::array::from_fn(|letter| counts[letter][i]);
            let total: f64 = column.iter().sum();
            let more = total.sqrt();
            column.map(|n| (((n + more / 4.0) / (total + more) / 0.25).log2() * STEPS).round() as i64)
        };
        Motif {
            id,
            name,
            odds: (0..counts[0].len()).map(place).collect(),
        }
    }

    /// Places.
    pub fn width(&self) -> usize {
        self.odds.len()
    }

    /// How well some letters fit, two-hundredths of a bit; none where one of them is no nucleotide.
    fn score(&self, window: &[Option<u8>]) -> Option<i64> {
        let places = window.iter().zip(&self.odds);
        places
            .map(|(letter, odds)| letter.map(|l| odds[l as usize]))
            .sum()
    }

    /// The same as it is read on the other strand.
    pub fn reversed(&self) -> Motif {
        let turned = |o: &[i64; 4]| [o[3], o[2], o[1], o[0]];
        Motif {
            odds: self.odds.iter().rev().map(turned).collect(),
            ..self.clone()
        }
    }

    /// The least score that no more than this share of all windows of even letters reaches, in the terms of the matrix, by the exact
    /// distribution of its scores (Staden 1989, Computer Applications in the Biosciences 5); beyond all scores where even the best
    /// window is more frequent, as of a motif of four places.
    fn threshold(&self, share: f64) -> i64 {
        let least = |o: &[i64; 4]| o.iter().copied().min().unwrap_or(0);
        let mut chances = vec![1.0];
        for odds in &self.odds {
            let shift = odds.map(|o| (o - least(odds)) as usize);
            let longest = shift.into_iter().max().unwrap_or(0);
            let mut next = vec![0.0; chances.len() + longest];
            for by in shift {
                let moved = next[by..].iter_mut().zip(&chances);
                moved.for_each(|(to, c)| *to += 0.25 * c);
            }
            chances = next;
        }
        let lowest: i64 = self.odds.iter().map(least).sum();
        let mut tail = 0.0;
        let beyond = |(_, chance): &(usize, &f64)| {
            tail += **chance;
            tail > share
        };
        let first = chances.iter().enumerate().rev().find(beyond);
        first.map_or(lowest, |(above, _)| lowest + above as i64 + 1)
    }
}

/// The motifs of a text in JASPAR's format: of each a header `>MA0018.5 CREB1`, and a row of counts for each of A, C, G, T, with its
/// letter and in brackets or without. `place` is where the text stands.
///
/// # Errors
/// [`Error::Data`] of one that is no list of motifs, with the line.
pub fn parse(text: &str, place: &Path) -> Result<Vec<Motif>> {
    parsed(text).map_err(|(line, problem)| {
        Error::data(
            format!("{}, line {line}", place.display()),
            problem,
            "give motifs in JASPAR's format: a header `>MA0018.5 CREB1`, then a row of counts for each of A, C, G and T",
        )
    })
}

/// See [`parse`]; what is wrong with its line.
fn parsed(text: &str) -> std::result::Result<Vec<Motif>, (usize, String)> {
    let lines = text.lines().map(str::trim).enumerate();
    let mut lines = lines
        .map(|(i, l)| (i + 1, l))
        .filter(|(_, l)| !l.is_empty())
        .peekable();
    let mut motifs = Vec::new();
    while let Some((at, header)) = lines.next() {
        let Some(header) = header.strip_prefix('>') else {
            return Err((at, "a header `>ID NAME` was expected".into()));
        };
        let mut words = header.split_whitespace();
        let id = words.next().unwrap_or_default().to_string();
        let name = words.collect::<Vec<_>>().join(" ");
        let mut counts: [Vec<f64>; 4] = Default::default();
        for (letter, row) in LETTERS.iter().zip(&mut counts) {
            let (at, line) = lines
                .next_if(|(_, l)| !l.starts_with('>'))
                .ok_or_else(|| (at, format!("{id} has no row of {letter}")))?;
            *row = numbers(line, *letter).ok_or_else(|| (at, format!("this is no row of {letter}")))?;
        }
        let width = counts[0].len();
        let empty = |i: usize| counts.iter().map(|row| row[i]).sum::<f64>() <= 0.0;
        match width {
            0 => return Err((at, format!("{id} has no places"))),
            _ if counts.iter().any(|row| row.len() != width) => {
                return Err((at, format!("the four rows of {id} differ in length")));
            }
            _ if width > LONGEST => return Err((at, format!("{id} has more than {LONGEST} places"))),
            _ if (0..width).any(empty) => return Err((at, format!("{id} has a place without counts"))),
            _ => motifs.push(Motif::of(id, name, &counts)),
        }
    }
    match motifs.is_empty() {
        true => Err((1, "there are no motifs".into())),
        false => Ok(motifs),
    }
}

/// `A [ 3 0 12 ]`, `A 3 0 12` or `3 0 12`.
fn numbers(line: &str, letter: char) -> Option<Vec<f64>> {
    let line = line
        .strip_prefix([letter, letter.to_ascii_lowercase()])
        .unwrap_or(line);
    let line = line.replace(['[', ']', '|', ':'], " ");
    let number = |word: &str| word.parse::<f64>().ok().filter(|n| (0.0..=MOST).contains(n));
    line.split_whitespace().map(number).collect()
}

/// A motif in some sequences and in others.
#[derive(Clone, Debug)]
pub struct Holding<'a> {
    /// which
    pub motif: &'a Motif,
    /// share of the sequences that hold it
    pub share: f64,
    /// share of the others that do
    pub beside: f64,
    /// the chance of as many among the sequences if they and the others were one set (Fisher's exact test, one side), times the
    /// number of motifs that were looked for
    pub expected: f64,
}

/// How many sequences hold each motif, and how many of the others, those of the smallest `expected` first. A sequence holds a motif
/// where a window reaches a score that `share` of all windows of even letters reach; with `strands`, on either strand.
pub fn held<'a>(
    motifs: &'a [Motif],
    [sequences, others]: [&[String]; 2],
    share: f64,
    strands: bool,
) -> Vec<Holding<'a>> {
    let [own, other] = [sequences, others].map(|all| all.iter().map(|s| letters(s)).collect::<Vec<_>>());
    let logs = factorials(own.len() + other.len());
    let mut all: Vec<Holding> = motifs
        .iter()
        .map(|motif| {
            let least = motif.threshold(share);
            let back = strands.then(|| motif.reversed());
            let holds = |s: &&Vec<Option<u8>>| {
                let mut windows = s.windows(motif.width());
                windows.any(|w| {
                    let reaches = |m: &Motif| m.score(w).is_some_and(|score| score >= least);
                    reaches(motif) || back.as_ref().is_some_and(reaches)
                })
            };
            let count = |all: &[Vec<Option<u8>>]| all.iter().filter(holds).count();
            let (a, b) = (count(&own), count(&other));
            let chance = at_least(&logs, a, own.len(), a + b, own.len() + other.len());
            Holding {
                motif,
                share: a as f64 / own.len().max(1) as f64,
                beside: b as f64 / other.len().max(1) as f64,
                expected: chance * motifs.len() as f64,
            }
        })
        .collect();
    all.sort_by(|a, b| {
        a.expected
            .total_cmp(&b.expected)
            .then(b.share.total_cmp(&a.share))
    });
    all
}

/// Places in [`LETTERS`]; what is no nucleotide is none.
fn letters(s: &str) -> Vec<Option<u8>> {
    let place = |c: char| match c.to_ascii_uppercase() {
        'A' => Some(0),
        'C' => Some(1),
        'G' => Some(2),
        'T' | 'U' => Some(3),
        _ => None,
    };
    s.chars().map(place).collect()
}

/// Logarithms of n! for all n up to `most`.
fn factorials(most: usize) -> Vec<f64> {
    let mut logs = vec![0.0; most + 1];
    for n in 1..=most {
        logs[n] = logs[n - 1] + (n as f64).ln();
    }
    logs
}

/// The chance that of `drawn` items out of `all`, of which `special` are special, `found` or more are special; `logs` are those of
/// [`factorials`].
fn at_least(logs: &[f64], found: usize, drawn: usize, special: usize, all: usize) -> f64 {
    let choose = |n: usize, k: usize| logs[n] - logs[k] - logs[n - k];
    let term = |k: usize| match drawn - k > all - special {
        true => 0.0,
        false => (choose(special, k) + choose(all - special, drawn - k) - choose(all, drawn)).exp(),
    };
    (found..=drawn.min(special)).map(term).sum::<f64>().min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = ">MA0001.1\tAGL3 x\nA  [ 0 3 79 40 66 48 ]\nC  [94 75 4 3 1 2 ]\nG  [ 1 0 3 4 1 0 ]\nT  [ 2 19 11 50 29 47 ]\n\n>m2 short\n1 0 9\n1 9 0\n1 1 0\n1 0 0\n";

    /// Every window of a motif is counted: the threshold is where no more than the asked share begins.
    #[test]
    fn thresholds_are_those_of_all_windows() {
        let motif = &parsed(FILE).unwrap()[0];
        let window = |n: usize| (0..6).map(|i| Some((n >> (2 * i) & 3) as u8)).collect::<Vec<_>>();
        let scores: Vec<i64> = (0..4096).map(|n| motif.score(&window(n)).unwrap()).collect();
        let reach = |least: i64| scores.iter().filter(|s| **s >= least).count() as f64 / 4096.0;
        for share in [1e-3, 1e-2, 0.1, 0.5] {
            let least = motif.threshold(share);
            assert!(reach(least) <= share && reach(least - 1) > share, "{share}");
        }
        assert!(
            motif.threshold(1e-4) > *scores.iter().max().unwrap(),
            "so rare a window is not there"
        );
        assert_eq!(reach(motif.threshold(1.0)), 1.0);
    }

    #[test]
    fn files_are_read_or_say_where_they_are_wrong() {
        let all = parsed(FILE).unwrap();
        assert_eq!(
            (all[0].id.as_str(), all[0].name.as_str(), all[0].width()),
            ("MA0001.1", "AGL3 x", 6)
        );
        assert_eq!(all[1].width(), 3);
        assert_eq!(all[1].reversed().reversed(), all[1]);
        for (text, line, word) in [
            ("", 1, "no motifs"),
            ("A 1 2", 1, "header"),
            (">m\nA 1 2\nC 1 2\nG 1 2", 1, "no row of T"),
            (">m\nA 1 2\nC 1 x\nG 1 2\nT 1 2", 3, "row of C"),
            (">m\nA 1 2\nC 1 2\nG 1\nT 1 2", 1, "differ in length"),
            (">m\nA 1 0\nC 1 0\nG 1 0\nT 1 0", 1, "without counts"),
            (">m\nA 1 1e308\nC 1 0\nG 1 0\nT 1 0", 2, "row of A"),
            (">m\nA 1 -2\nC 1 0\nG 1 0\nT 1 0", 2, "row of A"),
            (">m\nA\nC\nG\nT", 1, "no places"),
        ] {
            let (at, problem) = parsed(text).unwrap_err();
            assert!(at == line && problem.contains(word), "{text:?}: {at} {problem}");
        }
    }

    /// What was planted is found, on either strand, and first.
    #[test]
    fn planted_motifs_come_first() {
        let motifs = parsed(&FILE.replace("m2 short", "m2 other")).unwrap();
        let mut rng = menagerie_data::random::Key::new(3).rng();
        let mut random = |plant: &str| -> String {
            let mut s: String = (0..40).map(|_| LETTERS[rng.below(4)]).collect();
            let at = rng.below(40 - plant.len());
            s.replace_range(at..at + plant.len(), plant);
            s
        };
        let plain: Vec<String> = (0..200).map(|_| random("")).collect();
        for (plant, strands) in [("CCATAA", false), ("TTATGG", true)] {
            let with: Vec<String> = (0..100).map(|_| random(plant)).collect();
            let found = held(&motifs, [&with, &plain], 5e-4, strands);
            assert_eq!(found[0].motif.name, "AGL3 x");
            assert!(found[0].share == 1.0 && found[0].beside < 0.1 && found[0].expected < 1e-30);
        }
        let missed = held(&motifs, [&[random("TTATGG")], &plain], 5e-4, false);
        assert!(missed.iter().all(|h| h.expected > 0.01));
    }

    /// Against SciPy's `hypergeom.sf(k - 1, all, special, drawn)`.
    #[test]
    fn chances_are_the_hypergeometric_ones() {
        for (found, drawn, special, all, want) in [
            (3, 10, 8, 50, 0.187_772_907_341_351_74),
            (0, 10, 8, 50, 1.0),
            (8, 10, 8, 50, 8.381_782_363_668_214e-8),
            (5, 5, 40, 50, 0.310_562_782_004_568_6),
        ] {
            let p = at_least(&factorials(all), found, drawn, special, all);
            assert!(
                (p / want - 1.0).abs() < 1e-9,
                "{found} {drawn} {special} {all}: {p} {want}"
            );
        }
    }
}
