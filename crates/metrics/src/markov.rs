//! Markov models of codes: what a model of sequences has to beat.

/// Weight of the unigram distribution in each row of the order-1 model, in observations.
const PRIOR: f64 = 16.0;

/// Bits per code of held-out sequences, lower is better.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bits {
    /// under the frequencies of single codes, each counted once more than it was seen
    pub unigram: f64,
    /// under p(b | a) = (n(a, b) + 16 p(b)) / (n(a) + 16), where p is the unigram model, which also gives each sequence's first
    /// code
    pub order1: f64,
}

/// -log2 p a code of the sequences `test` under models that were counted on `train`; codes are below `levels`. `None` where
/// there is nothing to count or to code.
pub fn bits(train: &[Vec<u32>], test: &[Vec<u32>], levels: usize) -> Option<Bits> {
    let (mut single, mut pairs, mut from) = (
        vec![1.0f64; levels],
        vec![0.0f64; levels * levels],
        vec![0.0f64; levels],
    );
    for sequence in train {
        sequence.iter().for_each(|&c| single[c as usize] += 1.0);
        for pair in sequence.windows(2) {
            let (a, b) = (pair[0] as usize, pair[1] as usize);
            pairs[a * levels + b] += 1.0;
            from[a] += 1.0;
        }
    }
    let total: f64 = single.iter().sum();
    let count: usize = test.iter().map(Vec::len).sum();
    if count == 0 || total == levels as f64 {
        return None;
    }
    let p = |b: usize| single[b] / total;
    let after = |a: usize, b: usize| (pairs[a * levels + b] + PRIOR * p(b)) / (from[a] + PRIOR);
    let (mut unigram, mut order1) = (0.0, 0.0);
    for sequence in test {
        unigram -= sequence.iter().map(|&c| p(c as usize).log2()).sum::<f64>();
        order1 -= sequence.first().map_or(0.0, |&c| p(c as usize).log2());
        order1 -= sequence
            .windows(2)
            .map(|w| after(w[0] as usize, w[1] as usize).log2())
            .sum::<f64>();
    }
    Some(Bits {
        unigram: unigram / count as f64,
        order1: order1 / count as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie_data::random::Key;

    #[test]
    fn counts_by_hand() {
        // Codes 0 0 1: p(0) = 3/5, p(1) = 2/5 of two levels; n(0, 0) = n(0, 1) = 1.
        let b = bits(&[vec![0, 0, 1]], &[vec![0, 1]], 2).unwrap();
        let (p0, p1) = (0.6f64, 0.4f64);
        assert!((b.unigram + (p0.log2() + p1.log2()) / 2.0).abs() < 1e-12);
        assert!((b.order1 + (p0.log2() + ((1.0 + 16.0 * p1) / 18.0).log2()) / 2.0).abs() < 1e-12);
        assert_eq!((bits(&[], &[vec![1]], 2), bits(&[vec![1]], &[], 2)), (None, None));
    }

    /// A chain that stays with probability 0.9: the unigram model needs a bit, order 1 the entropy of 0.9, 0.469 bits.
    #[test]
    fn a_chain_costs_its_entropy() {
        let chain = |seed| {
            let mut draw = Key::new(seed).rng();
            let mut at = 0;
            (0..50_000)
                .map(|_| {
                    at ^= u32::from(draw.chance(0.1));
                    at
                })
                .collect::<Vec<u32>>()
        };
        let b = bits(&[chain(1)], &[chain(2)], 2).unwrap();
        assert!(
            (b.unigram - 1.0).abs() < 0.01 && (b.order1 - 0.469).abs() < 0.01,
            "{b:?}"
        );
    }
}
