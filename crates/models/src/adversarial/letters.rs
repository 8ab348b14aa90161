//! Recurrent networks of letters: one that writes, and others that read what has been written so far.
use super::acting::pick;
use burn::module::{Module, Param};
use burn::tensor::activation::{log_softmax, softmax};
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::random::Key;
use menagerie_nn::{Activation, Init, Linear, Lstm, LstmState, numbers};

/// Letters one after the other -> numbers at every place.
#[derive(Module, Debug)]
pub(super) struct Reader {
    cells: Lstm,
    /// what is said of what the cells carry
    pub(super) out: Linear,
}

impl Reader {
    /// Of so many letters and units, with so many numbers a place.
    pub(super) fn new([letters, width, outputs]: [usize; 3], init: &Init) -> Self {
        Reader {
            cells: Lstm::new([letters, width], &init.at("cells")),
            out: Linear::of([width, outputs]).init(&init.at("out")),
        }
    }

    /// The same with cells that begin as another's.
    pub(super) fn with_cells_of(mut self, other: &Reader) -> Self {
        fn own<const D: usize>(p: &Param<Tensor<D>>) -> Param<Tensor<D>> {
            Param::from_tensor(p.val().detach().require_grad())
        }
        self.cells.input.weight = own(&other.cells.input.weight);
        self.cells.input.bias = other.cells.input.bias.as_ref().map(own);
        self.cells.state = own(&other.cells.state);
        self
    }

    /// What is said at every place of letters `[batch, length, letters]`, of those up to it: `[batch, length, outputs]`.
    pub(super) fn after(&self, x: Tensor<3>) -> Tensor<3> {
        let [batch, length, _] = x.dims();
        let seen = self.cells.forward(x, false);
        let seen = seen.reshape([batch * length, self.cells.units()]);
        let said = self.out.forward(seen, Activation::Identity);
        let [_, outputs] = said.dims();
        said.reshape([batch, length, outputs])
    }

    /// The same of those before it; beside each letter it is given what is told, `[batch, numbers]`.
    pub(super) fn before(&self, plan: &Plan, x: Tensor<3>, told: Option<&Tensor<2>>) -> Tensor<3> {
        let [batch, length, letters] = x.dims();
        let first = plan.first(batch, &x.device()).reshape([batch, 1, letters]);
        let mut seen = vec![first, x.narrow(1, 0, length - 1)];
        seen = vec![Tensor::cat(seen, 1)];
        if let Some(told) = told {
            let [_, numbers] = told.dims();
            let all = told.clone().reshape([batch, 1, numbers]);
            seen.push(all.expand([batch, length, numbers]));
        }
        self.after(Tensor::cat(seen, 2))
    }

    /// Logarithms of the probabilities of the letter at every place, given those before it: log softmax of what is said there.
    pub(super) fn log_probabilities(&self, plan: &Plan, x: Tensor<3>, told: Option<&Tensor<2>>) -> Tensor<3> {
        log_softmax(self.before(plan, x, told), 2)
    }

    /// ln p(x_t | x_<t) of the letters that count, 0 elsewhere: `[batch, length, 1]`.
    pub(super) fn likelihoods(&self, plan: &Plan, text: &Text, told: Option<&Tensor<2>>) -> Tensor<3> {
        let of = self.log_probabilities(plan, text.letters.clone(), told) * text.letters.clone();
        of.sum_dim(2) * text.chosen.clone()
    }

    /// Sequences drawn letter by letter, as places in the alphabet; sequence i is a function of the key and i. Behind the letter that
    /// ends a sequence stands nothing but it.
    pub(super) fn written(&self, plan: &Plan, wish: &Wish, key: Key, device: &Device) -> Vec<u8> {
        let (letters, count) = (plan.letters, wish.count);
        let given = wish.begun.len() / count.max(1);
        let mut draws: Vec<_> = (0..count).map(|i| key.step(i as u64).rng()).collect();
        let mut written = vec![plan.end.unwrap_or(0); count * plan.length];
        let mut ended = vec![false; count];
        let mut last = plan.first(count, device);
        let mut state = LstmState::zeros(count, self.cells.units(), device);
        for t in 0..plan.length {
            let mut seen = vec![last];
            seen.extend(wish.told.clone());
            state = self.cells.step(Tensor::cat(seen, 1), state);
            let logits = self.out.forward(state.hidden.clone(), Activation::Identity);
            let p = numbers(softmax(logits / wish.temperature, 1));
            let mut row = vec![0f32; count * letters];
            for (i, p) in p.chunks_exact(letters).enumerate() {
                let u = draws[i].uniform();
                let letter = &mut written[i * plan.length + t];
                match t < given {
                    true => *letter = wish.begun[i * given + t],
                    false if !ended[i] => *letter = pick(p, u) as u8,
                    false => {}
                }
                ended[i] |= Some(*letter) == plan.end;
                row[i * letters + *letter as usize] = 1.0;
            }
            last = Tensor::from_data(TensorData::new(row, [count, letters]), device);
        }
        written
    }
}

/// What is to be written.
#[derive(Clone, Debug)]
pub(super) struct Wish<'a> {
    /// how many sequences
    pub count: usize,
    /// how they begin, as many letters of each, row by row
    pub begun: &'a [u8],
    /// what is told beside every letter, `[count, numbers]`
    pub told: Option<Tensor<2>>,
    /// logits are divided by this
    pub temperature: f64,
}

impl Wish<'_> {
    /// So many, of whom nothing is given.
    pub(super) fn of(count: usize) -> Self {
        Wish {
            count,
            begun: &[],
            told: None,
            temperature: 1.0,
        }
    }
}

/// Sequences with what counts of them.
#[derive(Clone, Debug)]
pub(super) struct Text {
    /// `[batch, length, letters]`
    pub letters: Tensor<3>,
    /// 1 where a letter counts, `[batch, length, 1]`
    pub chosen: Tensor<3>,
    /// letters that do
    pub count: f64,
}

/// What sequences are like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// places of one
    pub length: usize,
    /// letters of the alphabet
    pub letters: usize,
    /// the letter that ends a sequence, where there is one
    pub end: Option<u8>,
}

impl Plan {
    /// What stands before the first letter, `[count, letters]`: the end of the sequence before, or nothing where none ends.
    pub(super) fn first(&self, count: usize, device: &Device) -> Tensor<2> {
        let mut row = vec![0f32; self.letters];
        if let Some(end) = self.end {
            row[end as usize] = 1.0;
        }
        Tensor::<2>::from_data(TensorData::new(row, [1, self.letters]), device).expand([count, self.letters])
    }

    /// 1 at every place of sequences that is chosen, the end among them, 0 behind it: `[sequence, place]` row by row.
    pub(super) fn chosen(&self, symbols: &[u8]) -> Vec<f32> {
        let of = |s: &[u8]| -> Vec<f32> {
            let last = s.iter().position(|l| Some(*l) == self.end).unwrap_or(self.length);
            (0..self.length).map(|t| f32::from(u8::from(t <= last))).collect()
        };
        symbols.chunks_exact(self.length).flat_map(of).collect()
    }

    /// Sequences of which those letters count that are chosen, from a place on.
    pub(super) fn text(&self, symbols: &[u8], from: usize, device: &Device) -> Text {
        let mut chosen = self.chosen(symbols);
        chosen
            .chunks_exact_mut(self.length)
            .for_each(|row| row[..from].fill(0.0));
        Text {
            count: chosen.iter().map(|c| f64::from(*c)).sum(),
            chosen: self.tensor(chosen, 1, device),
            letters: self.tensor(self.one_hot(symbols), self.letters, device),
        }
    }

    /// Places in the alphabet as ones among zeros, `[sequence, place, letter]` row by row.
    pub(super) fn one_hot(&self, symbols: &[u8]) -> Vec<f32> {
        let mut values = vec![0f32; symbols.len() * self.letters];
        for (row, s) in values.chunks_exact_mut(self.letters).zip(symbols) {
            row[*s as usize] = 1.0;
        }
        values
    }

    /// Numbers as tensor `[sequence, place, numbers of a place]`.
    pub(super) fn tensor(&self, values: Vec<f32>, width: usize, device: &Device) -> Tensor<3> {
        let rows = values.len() / (self.length * width).max(1);
        Tensor::from_data(TensorData::new(values, [rows, self.length, width]), device)
    }
}
