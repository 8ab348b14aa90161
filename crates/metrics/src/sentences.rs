//! Sentences beside others: BLEU, and how many different words and runs of words there are. A sentence is the places of its words.
use menagerie_data::random::Key;
use std::collections::{HashMap, HashSet};

/// Words of the longest runs that BLEU counts.
const LONGEST: usize = 4;
/// Draws of sentences, with replacement, of which the standard error is taken.
const DRAWS: usize = 200;

/// What BLEU counts of sentences: of runs of one to four words how many are right and how many there are, and words of sentences and
/// references.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Counts {
    right: [f64; LONGEST],
    all: [f64; LONGEST],
    words: [f64; 2],
}

/// How often each run of n words comes.
fn runs(sentence: &[u8], n: usize) -> HashMap<&[u8], usize> {
    let mut counts = HashMap::new();
    for run in sentence.windows(n) {
        *counts.entry(run).or_insert(0) += 1;
    }
    counts
}

impl Counts {
    /// A run is right as often as it comes in the reference.
    fn of(sentence: &[u8], reference: &[u8]) -> Counts {
        let mut counts = Counts {
            words: [sentence.len() as f64, reference.len() as f64],
            ..Counts::default()
        };
        for n in 1..=LONGEST {
            let theirs = runs(reference, n);
            let right = |(run, k): (&&[u8], &usize)| *theirs.get(*run).unwrap_or(&0).min(k);
            let own = runs(sentence, n);
            counts.right[n - 1] = own.iter().map(right).sum::<usize>() as f64;
            counts.all[n - 1] = own.values().sum::<usize>() as f64;
        }
        counts
    }

    fn add(&mut self, other: &Counts) {
        for n in 0..LONGEST {
            self.right[n] += other.right[n];
            self.all[n] += other.all[n];
        }
        (0..2).for_each(|k| self.words[k] += other.words[k]);
    }

    /// min(1, exp(1 - r / c)) (prod_n p_n)^(1/4), where p_n = (right_n + more) / (all_n + more), `more` for runs of two words and more.
    fn bleu(&self, more: f64) -> f64 {
        let [own, theirs] = self.words;
        if own == 0.0 {
            return 0.0;
        }
        let log = |n: usize| {
            let more = if n == 0 { 0.0 } else { more };
            ((self.right[n] + more) / (self.all[n] + more).max(1.0)).ln()
        };
        let mean = (0..LONGEST).map(log).sum::<f64>() / LONGEST as f64;
        mean.exp() * (1.0 - theirs / own).min(0.0).exp()
    }
}

/// BLEU of sentences, each with a reference, 0 to 1 (Papineni et al. 2002, equations 1 to 3, runs of up to four words of all sentences together), and
/// its standard error over 200 draws of as many sentences.
///
/// ```
/// use menagerie_data::random::Key;
/// use menagerie_metrics::sentences::bleu;
///
/// let same = vec![1u8, 2, 3, 4, 5];
/// assert_eq!(bleu(&[(same.clone(), same)], Key::new(0)), (1.0, 0.0));
/// ```
pub fn bleu(pairs: &[(Vec<u8>, Vec<u8>)], key: Key) -> (f64, f64) {
    let each: Vec<Counts> = pairs.iter().map(|(s, r)| Counts::of(s, r)).collect();
    let of = |some: &mut dyn Iterator<Item = &Counts>| {
        let mut sum = Counts::default();
        some.for_each(|c| sum.add(c));
        sum.bleu(0.0)
    };
    let draws: Vec<f64> = (0..DRAWS as u64)
        .map(|d| {
            let mut rng = key.step(d).rng();
            of(&mut (0..each.len()).map(|_| &each[rng.below(each.len())]))
        })
        .collect();
    let mean = draws.iter().sum::<f64>() / DRAWS as f64;
    let variance = draws.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (DRAWS - 1) as f64;
    (of(&mut each.iter()), variance.sqrt())
}

/// BLEU of one sentence, with one more right run and one more run of every length of two words and more, so that it is not 0 where one is
/// missing (Lin & Och 2004, section 4).
pub fn sentence_bleu(sentence: &[u8], reference: &[u8]) -> f64 {
    Counts::of(sentence, reference).bleu(1.0)
}

/// Different runs of n words, of all runs of n words in these sentences (Li et al. 2016, arXiv:1510.03055, section 5.2); 0 where there are
/// none.
///
/// ```
/// // Two words, of four.
/// assert_eq!(menagerie_metrics::sentences::distinct(&[vec![1, 2], vec![2, 1]], 1), 0.5);
/// ```
pub fn distinct(sentences: &[Vec<u8>], n: usize) -> f64 {
    let all: Vec<&[u8]> = sentences.iter().flat_map(|s| s.windows(n.max(1))).collect();
    let different: HashSet<&[u8]> = all.iter().copied().collect();
    different.len() as f64 / all.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `the cat sat on the mat here` beside `the cat is on the mat today`: 5 of 7 words are right, 3 of 6 runs of two (the cat, on the, the mat), 1
    /// of 5 of three (on the mat), none of 4. Beside a second sentence of six right words: 11/13, 8/11, 5/9, 3/7.
    #[test]
    fn bleu_by_hand() {
        let (a, reference) = ([1u8, 2, 3, 4, 1, 5, 6].to_vec(), [1u8, 2, 7, 4, 1, 5, 8].to_vec());
        let b = [9u8, 8, 7, 6, 5, 4].to_vec();
        assert_eq!(bleu(&[(a.clone(), reference.clone())], Key::new(1)).0, 0.0);
        let both = [(a.clone(), reference.clone()), (b.clone(), b.clone())];
        let want = (11.0 / 13.0 * 8.0 / 11.0 * 5.0 / 9.0 * 3.0 / 7.0f64).powf(0.25);
        let (value, error) = bleu(&both, Key::new(1));
        assert!((value - want).abs() < 1e-12 && error > 0.0, "{value} {want}");
        // One more right run of one more, of two words and more: 5/7, 4/7, 2/6, 1/5.
        let want = (5.0 / 7.0 * 4.0 / 7.0 * 2.0 / 6.0 / 5.0f64).powf(0.25);
        assert!((sentence_bleu(&a, &reference) - want).abs() < 1e-12);
        // A sentence of four right words where six were due is too short by exp(1 - 6/4); the same word again is right once.
        let (value, _) = bleu(&[(b[..4].to_vec(), b.clone())], Key::new(1));
        assert!((value - (-0.5f64).exp()).abs() < 1e-12);
        assert_eq!(Counts::of(&[1, 1, 1], &[1, 2, 1]).right, [2.0, 0.0, 0.0, 0.0]);
        assert_eq!(bleu(&[(vec![], b)], Key::new(1)).0, 0.0);
    }

    #[test]
    fn different_runs_are_counted_once() {
        let all = [vec![1u8, 2, 3], vec![1, 2, 4], vec![5]];
        assert_eq!(distinct(&all, 1), 5.0 / 7.0);
        assert_eq!(distinct(&all, 2), 3.0 / 4.0);
        assert_eq!(distinct(&all[2..], 2), 0.0);
    }
}
