//! Families of aligned sequences: the frequencies of their columns, which columns hang together, and how close sequences are. A set of
//! sequences is its symbols one after the other, each a place in an alphabet.
use menagerie_data::random::Key;

/// What is added to every count before frequencies are taken.
pub const PSEUDO: f64 = 0.5;

/// Some sequences of one length.
#[derive(Clone, Copy, Debug)]
pub struct Family<'a> {
    /// places in the alphabet
    pub symbols: &'a [u8],
    /// places of a sequence
    pub length: usize,
    /// letters of the alphabet
    pub letters: usize,
}

impl<'a> Family<'a> {
    /// How many sequences there are.
    pub fn count(&self) -> usize {
        self.symbols.len() / self.length.max(1)
    }

    fn sequences(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.symbols.chunks_exact(self.length.max(1))
    }

    /// f_c(a) = (n_c(a) + pseudo) / (n + pseudo letters), column after column.
    pub fn frequencies(&self, pseudo: f64) -> Vec<f64> {
        let mut counts = vec![pseudo; self.length * self.letters];
        for sequence in self.sequences() {
            for (column, s) in sequence.iter().enumerate() {
                counts[column * self.letters + *s as usize] += 1.0;
            }
        }
        let total = self.count() as f64 + pseudo * self.letters as f64;
        counts.iter_mut().for_each(|n| *n /= total);
        counts
    }

    /// Entropy of every column in nats.
    pub fn entropies(&self) -> Vec<f64> {
        let of = |column: &[f64]| -> f64 {
            let term = |p: &f64| if *p > 0.0 { -p * p.ln() } else { 0.0 };
            column.iter().map(term).sum()
        };
        self.frequencies(0.0).chunks_exact(self.letters).map(of).collect()
    }

    /// The log-odds of each sequence under the columns of `family` against its letters in any column, in nats:
    /// S(x) = sum_c ln f_c(x_c) / b(x_c), b(a) the mean of f_c(a) over columns (a profile without insertions; Gribskov et al. 1987,
    /// Durbin et al. 1998, chapter 5).
    pub fn log_odds(&self, family: &Family) -> Vec<f64> {
        let f = family.frequencies(PSEUDO);
        let any = |a: usize| f.iter().skip(a).step_by(self.letters).sum::<f64>() / self.length as f64;
        let background: Vec<f64> = (0..self.letters).map(any).collect();
        let odds: Vec<f64> = (0..f.len())
            .map(|i| (f[i] / background[i % self.letters]).ln())
            .collect();
        let of = |sequence: &[u8]| {
            let places = sequence.iter().enumerate();
            places.map(|(c, s)| odds[c * self.letters + *s as usize]).sum()
        };
        self.sequences().map(of).collect()
    }

    /// p(a, b) - p(a) p(b) of two columns, all letters a of the first and b of the second.
    fn covariances(&self, [i, j]: [usize; 2]) -> Vec<f64> {
        let (n, k) = (self.count() as f64, self.letters);
        let (mut both, mut one, mut other) = (vec![0.0; k * k], vec![0.0; k], vec![0.0; k]);
        for s in self.sequences() {
            let (a, b) = (s[i] as usize, s[j] as usize);
            both[a * k + b] += 1.0 / n;
            one[a] += 1.0 / n;
            other[b] += 1.0 / n;
        }
        (0..k * k)
            .map(|ab| both[ab] - one[ab / k] * other[ab % k])
            .collect()
    }

    /// Every column's letters in an order of its own: the same frequencies, and columns that tell nothing of each other.
    pub fn independent(&self, key: Key) -> Vec<u8> {
        let mut out = self.symbols.to_vec();
        for column in 0..self.length {
            let order = key.step(column as u64).permutation(self.count());
            for (to, from) in order.iter().enumerate() {
                out[to * self.length + column] = self.symbols[*from as usize * self.length + column];
            }
        }
        out
    }

    /// The largest share of places that each sequence has in common with one of `others`.
    pub fn identities(&self, others: &Family) -> Vec<f64> {
        let same = |a: &[u8], b: &[u8]| a.iter().zip(b).filter(|(x, y)| x == y).count();
        let nearest = |s: &[u8]| others.sequences().map(|o| same(s, o)).max().unwrap_or(0);
        self.sequences()
            .map(|s| nearest(s) as f64 / self.length as f64)
            .collect()
    }
}

/// Pearson's correlation of the covariances p(a, b) - p(a) p(b) of all pairs of columns and letters, of one family and another: 1
/// where columns hang together alike, 0 where they do not (as models of families are compared, Russ et al. 2020, Science 369).
/// None where one of the two has no covariance at all.
pub fn pair_correlation(a: &Family, b: &Family) -> Option<f64> {
    let (mut n, mut x, mut y, mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for i in 0..a.length {
        for j in i + 1..a.length {
            for (p, q) in a.covariances([i, j]).into_iter().zip(b.covariances([i, j])) {
                n += 1.0;
                x += p;
                y += q;
                xx += p * p;
                yy += q * q;
                xy += p * q;
            }
        }
    }
    let r = (xy - x * y / n) / ((xx - x * x / n) * (yy - y * y / n)).sqrt();
    r.is_finite().then_some(r)
}

/// Sequences of a Markov chain of that order, counted on others: the next letter as often as it followed the same letters before it
/// (fewer at the beginning). What has never been seen before does not occur, so that every step has a letter to go on with.
pub fn markov(train: &Family, order: usize, count: usize, key: Key) -> Vec<u8> {
    use std::collections::HashMap;
    // The beginning counts as a context of its own: fewer letters before.
    let mut after: HashMap<&[u8], Vec<u8>> = HashMap::new();
    for s in train.sequences() {
        for at in 0..s.len() {
            after
                .entry(&s[at.saturating_sub(order)..at])
                .or_default()
                .push(s[at]);
        }
    }
    let mut out = Vec::with_capacity(count * train.length);
    for i in 0..count {
        let mut rng = key.step(i as u64).rng();
        let mut s: Vec<u8> = Vec::with_capacity(train.length);
        while s.len() < train.length {
            // The last letters of a sequence may have been followed by nothing.
            let next = after.get(&s[s.len().saturating_sub(order)..]);
            let next = next.map_or(s.last().copied().unwrap_or(0), |n| n[rng.below(n.len())]);
            s.push(next);
        }
        out.extend(s);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(symbols: &[u8], length: usize) -> Family<'_> {
        Family {
            symbols,
            length,
            letters: 2,
        }
    }

    /// Four sequences of two columns of a and b: aa, aa, ab, bb.
    const FOUR: [u8; 8] = [0, 0, 0, 0, 0, 1, 1, 1];

    #[test]
    fn log_odds_are_worked_out_by_hand() {
        // With half a count more, column 1 has a in 3.5 of 5, column 2 in 2.5 of 5; so a has 0.6 and b 0.4 in any column.
        let f = of(&FOUR, 2);
        let got = of(&[0, 0, 1, 1], 2).log_odds(&f);
        let want = [
            (0.7f64 / 0.6).ln() + (0.5f64 / 0.6).ln(),
            (0.3f64 / 0.4).ln() + (0.5f64 / 0.4).ln(),
        ];
        got.iter()
            .zip(want)
            .for_each(|(g, w)| assert!((g - w).abs() < 1e-12, "{g} {w}"));
        let entropy = -(0.75f64 * 0.75f64.ln() + 0.25 * 0.25f64.ln());
        assert!((f.entropies()[0] - entropy).abs() < 1e-12);
        assert!((f.entropies()[1] - 2f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn columns_that_hang_together_are_told_from_those_that_do_not() {
        // p(aa) - p(a) p(a) = 2/4 - 3/4 2/4.
        assert!((of(&FOUR, 2).covariances([0, 1])[0] - 0.125).abs() < 1e-12);
        let mut rng = Key::new(1).rng();
        let mut drawn = |coupled: bool| -> Vec<u8> {
            let one = |rng: &mut menagerie_data::random::Draw| {
                let first = rng.below(2) as u8;
                let second = if coupled { first } else { rng.below(2) as u8 };
                [first, second, rng.below(2) as u8]
            };
            (0..2000).flat_map(|_| one(&mut rng)).collect()
        };
        let (a, b, c) = (drawn(true), drawn(true), drawn(false));
        let r = |x: &[u8], y: &[u8]| pair_correlation(&of(x, 3), &of(y, 3)).unwrap();
        assert!(r(&a, &b) > 0.98, "{}", r(&a, &b));
        // Of independent columns little is left but noise, whose correlation with the coupled pair is chance.
        let apart = of(&a, 3).independent(Key::new(2));
        assert_eq!(of(&apart, 3).frequencies(0.0), of(&a, 3).frequencies(0.0));
        assert!(of(&apart, 3).covariances([0, 1])[0].abs() < 0.02);
        assert!(of(&a, 3).covariances([0, 1])[0] > 0.2);
        assert!(of(&c, 3).covariances([0, 1])[0].abs() < 0.02);
    }

    #[test]
    fn copies_have_an_identity_of_one() {
        let train = of(&FOUR, 2);
        assert_eq!(of(&[0, 1, 1, 0], 2).identities(&train), [1.0, 0.5]);
    }

    #[test]
    fn a_chain_draws_what_it_has_seen() {
        // 0 1 0 1: after each letter the other one.
        let train = [0, 1, 0, 1, 1, 0, 1, 0];
        let drawn = markov(&of(&train, 4), 1, 50, Key::new(3));
        assert_eq!(drawn.len(), 200);
        assert!(drawn.chunks(4).all(|s| s.windows(2).all(|w| w[0] != w[1])));
        assert!(drawn.chunks(4).any(|s| s[0] == 0) && drawn.chunks(4).any(|s| s[0] == 1));
    }
}
