//! What draws: from what is seen of the canvas to the next stroke, choice after choice.
use super::super::acting::{one_hot, pick};
use super::super::rows::Layers;
use burn::module::Module;
use burn::tensor::activation::{log_softmax, softmax};
use burn::tensor::{Device, Tensor};
use menagerie_nn::{Activation, Init, activation, numbers};

/// Choices that an action is made of: where the stroke ends, where it is drawn to on its way, which brush, and whether the pen is lifted.
pub(super) const PARTS: usize = 4;
/// Brushes.
pub(super) const CHOICES: usize = 3;

/// What is done next, choice by choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Action(pub [usize; PARTS]);

impl Action {
    /// The place where the stroke ends, and the pen stays.
    pub(super) fn end(&self) -> usize {
        self.0[0]
    }
    /// The place it is drawn to on its way.
    pub(super) fn control(&self) -> usize {
        self.0[1]
    }
    /// Which brush.
    pub(super) fn brush(&self) -> usize {
        self.0[2]
    }
    /// Whether the pen moves without a stroke.
    pub(super) fn lifted(&self) -> bool {
        self.0[3] == 1
    }
}

/// A trunk, and a head for each choice, which is told those before it (Ganin et al. 2018, section 3.2 and figure 10).
#[derive(Module, Debug)]
pub(super) struct Policy {
    trunk: Layers,
    heads: Vec<Layers>,
}

impl Policy {
    /// Of so many numbers that are seen and so many places.
    pub(super) fn new([seen, places, width]: [usize; 3], init: &Init) -> Policy {
        let counts = Policy::counts(places);
        let head = |k: usize| {
            let before: usize = counts[..k].iter().sum();
            Layers::new(&[width + before, width, counts[k]], &init.at("head").nth(k))
        };
        Policy {
            trunk: Layers::new(&[seen, width, width], &init.at("trunk")),
            heads: (0..PARTS).map(head).collect(),
        }
    }

    /// How many there are to choose from.
    pub(super) fn counts(places: usize) -> [usize; PARTS] {
        [places, places, CHOICES, 2]
    }

    fn trunk(&self, seen: Tensor<2>) -> Tensor<2> {
        activation(self.trunk.forward(seen), Activation::LeakyRelu(0.2))
    }

    /// Probabilities of where the next stroke ends, `[rows, places]`.
    pub(super) fn ends(&self, seen: Tensor<2>) -> Tensor<2> {
        softmax(self.heads[0].forward(self.trunk(seen)), 1)
    }

    /// An action for each row of `[rows, seen]`: the shares that numbers of [0, 1) lie in, [`PARTS`] of them a row; without them, the
    /// likeliest choices.
    pub(super) fn act(&self, seen: Tensor<2>, drawn: Option<&[f64]>) -> Vec<Action> {
        let device = seen.device();
        let mut told = self.trunk(seen);
        let mut all = vec![Action::default(); told.dims()[0]];
        for (k, head) in self.heads.iter().enumerate() {
            let p = softmax(head.forward(told.clone()), 1);
            let count = p.dims()[1];
            for (row, p) in numbers(p).chunks_exact(count).enumerate() {
                let likeliest = || (1..count).fold(0, |best, i| if p[i] > p[best] { i } else { best });
                all[row].0[k] = drawn.map_or_else(likeliest, |u| pick(p, u[row * PARTS + k]));
            }
            let chosen = one_hot(all.iter().map(|a| a.0[k]), count, &device);
            told = Tensor::cat(vec![told, chosen], 1);
        }
        all
    }

    /// The logarithms of the probabilities of these actions, and the entropies of their choices, `[rows, 1]` each.
    pub(super) fn told(&self, seen: Tensor<2>, chosen: &[Tensor<2>]) -> [Tensor<2>; 2] {
        let mut told = self.trunk(seen);
        let mut sums: Option<[Tensor<2>; 2]> = None;
        for (head, chosen) in self.heads.iter().zip(chosen) {
            let logits = head.forward(told.clone());
            let log = log_softmax(logits.clone(), 1);
            let own = [
                (log.clone() * chosen.clone()).sum_dim(1),
                -(softmax(logits, 1) * log).sum_dim(1),
            ];
            sums = Some(match sums {
                None => own,
                Some([a, b]) => [a + own[0].clone(), b + own[1].clone()],
            });
            told = Tensor::cat(vec![told, chosen.clone()], 1);
        }
        sums.unwrap_or_else(|| [told.clone().narrow(1, 0, 1), told.narrow(1, 0, 1)].map(|t| t * 0.0))
    }

    /// Actions as ones among zeros, choice by choice.
    pub(super) fn chosen(actions: &[Action], places: usize, device: &Device) -> Vec<Tensor<2>> {
        let part = |(k, count)| one_hot(actions.iter().map(move |a: &Action| a.0[k]), count, device);
        Policy::counts(places).into_iter().enumerate().map(part).collect()
    }
}
