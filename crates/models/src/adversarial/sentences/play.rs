//! The game in which words are rewarded: sentences are drawn and rewarded as wholes, and what a word is worth is what continuations say that are drawn
//! from behind it and from before it.
use super::{Both, Choice, Pairs, Writer};
use burn::tensor::Device;
use menagerie_data::random::Key;

/// Sentences that were written, and what each word of them was worth.
#[derive(Clone, Debug)]
pub(crate) struct Course {
    pub(crate) both: Both,
    /// of every place of second sentences, 0 behind the end
    pub(crate) advantages: Vec<f32>,
    /// mean reward of a sentence
    pub(crate) reward: f64,
}

/// What is played with.
pub(crate) struct Play<'a> {
    pub(crate) pairs: &'a Pairs,
    /// without a tape
    pub(crate) writer: &'a Writer,
    pub(crate) device: &'a Device,
    /// continuations of which the mean is taken; 0 for the reward of the whole sentence at each of its words
    pub(crate) rollouts: usize,
}

impl Play<'_> {
    /// Draws a second sentence for each of the first ones. `reward` says what second sentences are worth, of the first sentences whose numbers
    /// stand beside them.
    ///
    /// A word y_t is worth A_t = Q(y_<=t) - Q(y_<t), where Q is the mean reward of continuations (Yu et al. 2017, arXiv:1609.05473, equation 4), of a
    /// whole sentence its reward. So all words of a sentence together are worth its reward less what was to be expected, and what is taken away
    /// does not depend on the word: the gradient is the same in the mean, with less noise.
    pub(crate) fn course(
        &self,
        first: &[u8],
        key: Key,
        reward: &dyn Fn(&[usize], &[u8]) -> Vec<f32>,
    ) -> Course {
        let length = self.pairs.sides[1].length;
        let count = first.len() / self.pairs.sides[0].length.max(1);
        let all: Vec<usize> = (0..count).collect();
        let begun: Vec<(usize, &[u8])> = all.iter().map(|i| (*i, &[][..])).collect();
        let second = self.written(first, &begun, key.stream("written"));
        let rewards = reward(&all, &second);
        let mean = rewards.iter().map(|r| f64::from(*r)).sum::<f64>() / count.max(1) as f64;
        let mut advantages = vec![0f32; second.len()];
        if self.rollouts == 0 {
            for (i, sentence) in second.chunks_exact(length).enumerate() {
                let own = &mut advantages[i * length..][..self.pairs.chosen(sentence)];
                own.fill(rewards[i] - mean as f32);
            }
        } else {
            let values = self.values(first, &second, key.stream("continued"), reward);
            for (i, values) in values.iter().enumerate() {
                let after = values.iter().skip(1).chain([&rewards[i]]);
                for (t, (before, after)) in values.iter().zip(after).enumerate() {
                    advantages[i * length + t] = after - before;
                }
            }
        }
        let both = Both {
            first: first.to_vec(),
            second,
        };
        Course {
            both,
            advantages,
            reward: mean,
        }
    }

    /// Of every sentence what its beginnings are worth, before each of its words.
    fn values(
        &self,
        first: &[u8],
        second: &[u8],
        key: Key,
        reward: &dyn Fn(&[usize], &[u8]) -> Vec<f32>,
    ) -> Vec<Vec<f32>> {
        let sentences: Vec<&[u8]> = second.chunks_exact(self.pairs.sides[1].length).collect();
        let mut begun = vec![];
        for (i, sentence) in sentences.iter().enumerate() {
            for t in 0..self.pairs.chosen(sentence) {
                begun.extend((0..self.rollouts).map(|_| (i, &sentence[..t])));
            }
        }
        let rows: Vec<usize> = begun.iter().map(|(i, _)| *i).collect();
        let rewards = reward(&rows, &self.written(first, &begun, key));
        let means: Vec<f32> = rewards
            .chunks_exact(self.rollouts)
            .map(|r| r.iter().sum::<f32>() / self.rollouts as f32)
            .collect();
        let mut rest = &means[..];
        let of = |sentence: &&[u8]| {
            let (own, after) = rest.split_at(self.pairs.chosen(sentence));
            rest = after;
            own.to_vec()
        };
        sentences.iter().map(of).collect()
    }

    fn written(&self, first: &[u8], begun: &[(usize, &[u8])], key: Key) -> Vec<u8> {
        let keys: Vec<Key> = (0..begun.len()).map(|i| key.step(i as u64)).collect();
        self.writer
            .written(self.pairs, first, begun, Choice::Drawn(&keys), self.device)
    }
}
