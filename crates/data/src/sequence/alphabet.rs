//! Which letters there are: those of DNA, RNA and proteins, those that are given, or those that occur.
use super::{GAP, NEW_LINE, STOP};
use crate::error::{Error, Result};

/// Alphabets by name.
const NAMED: [(&str, &str); 3] = [
    ("dna", "ACGT"),
    ("rna", "ACGU"),
    ("protein", "ACDEFGHIKLMNPQRSTVWY"),
];
/// Symbols fit into a byte.
const MOST: usize = 255;
/// Share of the letters that must be of DNA for sequences to be taken for DNA.
const ENOUGH: f64 = 0.9;

/// The letters of an alphabet by name.
fn named(name: &str) -> Option<&'static str> {
    NAMED
        .iter()
        .find(|(n, _)| *n == name)
        .map(|(_, letters)| *letters)
}

/// Refuses what is no alphabet.
///
/// # Errors
/// [`Error::Recipe`].
pub(crate) fn check(alphabet: &str) -> Result<()> {
    if alphabet == "auto" || named(alphabet).is_some() {
        return Ok(());
    }
    let letters: Vec<char> = alphabet.chars().collect();
    let twice = letters
        .iter()
        .enumerate()
        .find(|(i, c)| letters[..*i].contains(c));
    let problem = match twice {
        Some((_, c)) => format!("`{}` has the letter `{c}` twice", alphabet.escape_debug()),
        None if letters.len() < 2 => format!("`{}` has fewer than two letters", alphabet.escape_debug()),
        None if letters.len() > MOST => format!("it has {} letters, and {MOST} are the most", letters.len()),
        None => return Ok(()),
    };
    let fix = "give auto, dna, rna, protein, or the letters themselves, each once";
    Err(Error::recipe("data.alphabet", problem, fix))
}

/// Whether small letters stand for large ones: not where some were given.
pub(super) fn folds(asked: &str) -> bool {
    asked == "auto" || named(asked).is_some() || !asked.chars().any(|c| c.is_ascii_lowercase())
}

/// The alphabet that was asked for, with what the sequences need beside its letters: a gap, what stands behind the end. Without a
/// name and letters: that of DNA, RNA or proteins, by what occurs most; of text, all that occurs.
///
/// # Errors
/// What occurs and why it is too much.
pub(crate) fn choose(asked: &str, words: &[&str], text: bool, ragged: bool) -> Result<String, String> {
    let own = asked != "auto" && named(asked).is_none();
    let mut letters: Vec<char> = match named(asked) {
        Some(known) => known.chars().collect(),
        None if own => asked.chars().collect(),
        None if text => {
            let all: std::collections::BTreeSet<char> = words.iter().flat_map(|w| w.chars()).collect();
            all.into_iter().collect()
        }
        None => guessed(words).chars().collect(),
    };
    let gaps = !text && !own && words.iter().any(|w| w.contains(GAP));
    if gaps {
        letters.push(GAP);
    }
    let end = if text { NEW_LINE } else { STOP };
    // What is given may end in it already, as a run's own alphabet does.
    if (ragged || text && !own) && letters.last() != Some(&end) {
        letters.push(end);
    }
    if letters.len() > MOST {
        return Err(format!(
            "{} different letters occur, and {MOST} are the most",
            letters.len()
        ));
    }
    Ok(letters.into_iter().collect())
}

/// The alphabet of nucleic acids where nearly all letters are of it, else that of proteins.
fn guessed(words: &[&str]) -> &'static str {
    let letters = || words.iter().flat_map(|w| w.chars()).filter(|c| *c != GAP);
    let all = letters().count() as f64;
    // N stands for any of the four.
    let share = |of: &str| letters().filter(|c| *c == 'N' || of.contains(*c)).count() as f64 / all;
    NAMED[..2]
        .iter()
        .map(|(_, of)| *of)
        .find(|of| share(of) >= ENOUGH)
        .unwrap_or(NAMED[2].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alphabets_are_found_from_what_occurs() {
        let of = |words: &[&str], ragged| choose("auto", words, false, ragged).unwrap();
        assert_eq!(of(&["ACGT", "AAGT"], false), "ACGT");
        assert_eq!(of(&["ACGU", "AAG"], true), "ACGU*");
        assert_eq!(of(&["AC-T"], false), "ACGT-");
        assert_eq!(of(&["MKV-", "MRVL"], false), "ACDEFGHIKLMNPQRSTVWY-");
        assert_eq!(choose("auto", &["CC(=O)", "C"], true, true).unwrap(), "()=CO\n");
        // A run's own alphabet comes back as it is.
        assert_eq!(choose("ACGT*", &["A", "CC"], false, true).unwrap(), "ACGT*");
        assert_eq!(choose("()=CO\n", &["A", "CC"], true, true).unwrap(), "()=CO\n");
    }

    #[test]
    fn what_is_no_alphabet_is_refused() {
        for (alphabet, why) in [
            ("ACA", "`A` twice"),
            ("A", "fewer than two"),
            ("", "fewer than two"),
        ] {
            let e = check(alphabet).unwrap_err().to_string();
            assert!(e.contains("data.alphabet") && e.contains(why), "{e}");
        }
        check("ACGT-").unwrap();
    }
}
