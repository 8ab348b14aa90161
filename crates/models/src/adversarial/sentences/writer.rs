//! A recurrent network that reads one sentence and writes another, looking back at what it has read: encoder, decoder and attention (Bahdanau et al. 2015,
//! arXiv:1409.0473; the attention that of Luong et al. 2015, arXiv:1508.04025, equations 5 to 8, "general").
use super::super::acting::pick;
use super::super::letters::{Plan, Text};
use super::Pairs;
use burn::module::Module;
use burn::tensor::activation::{log_softmax, softmax};
use burn::tensor::{Device, Int, Tensor, TensorData};
use menagerie_data::likeliest;
use menagerie_data::random::Key;
use menagerie_nn::{Activation, Init, Linear, Lstm, LstmState, Weights, numbers};

/// Taken from the score of a place that is no word.
const NEVER: f64 = 1e4;

/// See the module.
#[derive(Module, Debug)]
pub(crate) struct Writer {
    /// `[symbols, width]`: words of both sentences
    words: Linear,
    forwards: Lstm,
    backwards: Lstm,
    decoder: Lstm,
    /// `[width, 2 width]`
    asks: Linear,
    /// `[3 width, width]`
    joins: Linear,
    pub(super) out: Linear,
}

/// What has been read of first sentences.
#[derive(Clone, Debug)]
pub(crate) struct Read {
    /// of every place what both directions carry, `[batch, place, 2 width]`
    states: Tensor<3>,
    /// what is added to scores, `[batch, 1, place]`
    hidden: Tensor<3>,
    /// where both directions end, `[batch, 2 width]`
    summary: Tensor<2>,
}

impl Read {
    /// Of some of the sentences, as often as they are named.
    fn some(&self, rows: &[usize]) -> Read {
        let rows: Vec<i32> = rows.iter().map(|r| *r as i32).collect();
        let n = rows.len();
        let rows = Tensor::<1, Int>::from_data(TensorData::new(rows, [n]), &self.states.device());
        Read {
            states: self.states.clone().select(0, rows.clone()),
            hidden: self.hidden.clone().select(0, rows.clone()),
            summary: self.summary.clone().select(0, rows),
        }
    }
}

/// How words are chosen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Choice<'a> {
    /// the likeliest at every place
    Likeliest,
    /// drawn, with a key for each sentence
    Drawn(&'a [Key]),
}

impl Writer {
    /// Of so many symbols and units.
    pub(crate) fn new([symbols, width]: [usize; 2], init: &Init) -> Self {
        let linear = |units: [usize; 2], name: &str| Linear::of(units).init(&init.at(name));
        Writer {
            words: Linear::of([symbols, width])
                .weights(Weights::Normal(0.1))
                .no_bias()
                .init(&init.at("words")),
            forwards: Lstm::new([width, width], &init.at("forwards")),
            backwards: Lstm::new([width, width], &init.at("backwards")),
            decoder: Lstm::new([3 * width, width], &init.at("decoder")),
            asks: linear([width, 2 * width], "asks"),
            joins: linear([3 * width, width], "joins"),
            out: linear([width, symbols], "out"),
        }
    }

    /// Words `[batch, place, symbols]` -> `[batch, place, width]`.
    fn embedded(&self, x: Tensor<3>) -> Tensor<3> {
        let [batch, places, symbols] = x.dims();
        let rows = x.reshape([batch * places, symbols]);
        let seen = self.words.forward(rows, Activation::Identity);
        let [_, width] = seen.dims();
        seen.reshape([batch, places, width])
    }

    /// Reads first sentences.
    pub(crate) fn read(&self, text: &Text) -> Read {
        let x = self.embedded(text.letters.clone()) * text.chosen.clone();
        let (ahead, back) = (
            self.forwards.forward(x.clone(), false),
            self.backwards.forward(x, true),
        );
        let [batch, places, width] = ahead.dims();
        let last = ahead.clone().narrow(1, places - 1, 1);
        let first = back.clone().narrow(1, 0, 1);
        let summary = Tensor::cat(vec![last, first], 2).reshape([batch, 2 * width]);
        let hidden = (text.chosen.clone() - 1.0) * NEVER;
        Read {
            states: Tensor::cat(vec![ahead, back], 2),
            hidden: hidden.reshape([batch, 1, places]),
            summary,
        }
    }

    /// What the decoder carries at every place `[batch, place, width]`, and what it looks at -> logits `[batch, place, symbols]`.
    fn said(&self, carried: Tensor<3>, read: &Read) -> Tensor<3> {
        let [batch, places, width] = carried.dims();
        let rows = carried.clone().reshape([batch * places, width]);
        let asked = self.asks.forward(rows, Activation::Identity);
        let asked = asked.reshape([batch, places, 2 * width]);
        let scores = asked.matmul(read.states.clone().swap_dims(1, 2)) / ((2 * width) as f64).sqrt();
        let shares = softmax(scores + read.hidden.clone(), 2);
        let seen = shares.matmul(read.states.clone());
        let joined = Tensor::cat(vec![carried, seen], 2).reshape([batch * places, 3 * width]);
        let joined = self.joins.forward(joined, Activation::Tanh);
        let logits = self.out.forward(joined, Activation::Identity);
        let [_, symbols] = logits.dims();
        logits.reshape([batch, places, symbols])
    }

    /// Logarithms of the probabilities of the word at every place of second sentences `[batch, place, symbols]`, given those before it and what
    /// was read.
    pub(crate) fn log_probabilities(&self, plan: &Plan, read: &Read, x: Tensor<3>) -> Tensor<3> {
        let [batch, places, symbols] = x.dims();
        let first = plan.first(batch, &x.device()).reshape([batch, 1, symbols]);
        let before = Tensor::cat(vec![first, x.narrow(1, 0, places - 1)], 1);
        let before = self.embedded(before);
        let [_, summary] = read.summary.dims();
        let told = read.summary.clone().reshape([batch, 1, summary]);
        let seen = Tensor::cat(vec![before, told.expand([batch, places, summary])], 2);
        log_softmax(self.said(self.decoder.forward(seen, false), read), 2)
    }

    /// ln p(y_t | y_<t, x) of the words that count, 0 elsewhere: `[batch, place, 1]`.
    pub(crate) fn likelihoods(&self, plan: &Plan, first: &Text, second: &Text) -> Tensor<3> {
        let read = self.read(first);
        let of = self.log_probabilities(plan, &read, second.letters.clone()) * second.letters.clone();
        of.sum_dim(2) * second.chosen.clone()
    }

    /// Second sentences that go on from how they are `begun`, each of the first sentence whose number stands beside it; one after the other.
    pub(crate) fn written(
        &self,
        pairs: &Pairs,
        first: &[u8],
        begun: &[(usize, &[u8])],
        choice: Choice,
        device: &Device,
    ) -> Vec<u8> {
        let (plan, count) = (pairs.sides[1], begun.len());
        let (length, symbols) = (plan.length, plan.letters);
        let rows: Vec<usize> = begun.iter().map(|(row, _)| *row).collect();
        let read = self.read(&pairs.sides[0].text(first, 0, device)).some(&rows);
        let mut draws: Vec<_> = match choice {
            Choice::Drawn(keys) => keys.iter().map(|k| k.rng()).collect(),
            Choice::Likeliest => vec![],
        };
        let end = plan.end.unwrap_or(0);
        let mut written = vec![end; count * length];
        let mut ended = vec![false; count];
        let mut state = LstmState::zeros(count, self.decoder.units(), device);
        let mut last = plan.first(count, device);
        for t in 0..length {
            let seen = self.words.forward(last, Activation::Identity);
            state = self
                .decoder
                .step(Tensor::cat(vec![seen, read.summary.clone()], 1), state);
            let carried = state.hidden.clone().reshape([count, 1, self.decoder.units()]);
            let p = numbers(softmax(self.said(carried, &read), 2));
            for (i, p) in p.chunks_exact(symbols).enumerate() {
                let word = &mut written[i * length + t];
                match begun[i].1.get(t) {
                    Some(given) => *word = *given,
                    None if ended[i] => {}
                    None => {
                        *word = match draws.get_mut(i) {
                            Some(draw) => pick(p, draw.uniform()) as u8,
                            None => likeliest(p, symbols)[0],
                        }
                    }
                }
                ended[i] |= *word == end;
            }
            if ended.iter().all(|e| *e) {
                break;
            }
            let now: Vec<u8> = written.iter().skip(t).step_by(length).copied().collect();
            last = Tensor::from_data(TensorData::new(plan.one_hot(&now), [count, symbols]), device);
        }
        written
    }
}
