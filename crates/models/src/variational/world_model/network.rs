//! What a world is seen by, and what it is foretold by (Ha & Schmidhuber 2018, arXiv:1803.10122, sections 2.1 and 2.2: V and M).
use crate::adversarial::rows::Layers;
use burn::module::Module;
use burn::tensor::activation::{log_softmax, softmax};
use burn::tensor::{Device, Tensor};
use menagerie_nn::{Activation, Init, Linear, LstmCell, LstmState, activation};

/// Bounds of the logarithm of a deviation of latents: what is foretold for certain would otherwise be worth any number.
const LOG_DEVIATION: [f64; 2] = [-5.0, 2.0];
/// ln sqrt(2 pi)
const HALF_LOG_TAU: f64 = 0.918_938_533_204_672_7;

/// V: a variational autoencoder of states.
#[derive(Module, Debug)]
pub(super) struct Vision {
    encoder: Layers,
    decoder: Layers,
    latent: usize,
}

impl Vision {
    /// Of states of so many numbers.
    pub(super) fn new(numbers: usize, width: usize, latent: usize, init: &Init) -> Vision {
        Vision {
            encoder: Layers::new(&[numbers, width, width, 2 * latent], &init.at("encoder")),
            decoder: Layers::new(&[latent, width, width, numbers], &init.at("decoder")),
            latent,
        }
    }

    /// States `[rows, numbers]` -> mean and logarithm of the deviation of their latents, `[rows, latent]`.
    pub(super) fn encode(&self, states: Tensor<2>) -> [Tensor<2>; 2] {
        let both = self.encoder.forward(states);
        let log = both.clone().narrow(1, self.latent, self.latent);
        let [least, most] = LOG_DEVIATION;
        [both.narrow(1, 0, self.latent), log.clamp(least, most)]
    }

    /// The mean alone.
    pub(super) fn mean(&self, states: Tensor<2>) -> Tensor<2> {
        let [mean, _] = self.encode(states);
        mean
    }

    /// Latents -> states.
    pub(super) fn decode(&self, latents: Tensor<2>) -> Tensor<2> {
        self.decoder.forward(latents)
    }

    /// -log p(x | z) + KL(q(z | x) || N(0, 1)) of states, the mean over them; p is normal around what is decoded, of that deviation, and
    /// its constant is left out. `noise` is standard normal, `[rows, latent]`.
    pub(super) fn loss(&self, states: Tensor<2>, noise: Tensor<2>, deviation: f64) -> Tensor<1> {
        let rows = states.dims()[0] as f64;
        let [mean, log] = self.encode(states.clone());
        let off = self.decode(mean.clone() + noise * log.clone().exp()) - states;
        let likely = (off.clone() * off).sum() / (2.0 * deviation * deviation);
        let spread = (log.clone() * 2.0).exp();
        let kl = (mean.clone() * mean + spread - log * 2.0 - 1.0).sum() / 2.0;
        (likely + kl) / rows
    }
}

/// What M says of a step.
pub(super) struct Foretold {
    /// logarithms of the weights of the mixture's components, `[rows, components]`
    pub weights: Tensor<2>,
    /// their means, component by component, `[rows, components latent]`
    pub means: Tensor<2>,
    /// logarithms of their deviations, likewise
    pub deviations: Tensor<2>,
    /// what is carried on
    pub state: LstmState,
}

/// M: a recurrent network whose output is a mixture of normal distributions of the next latent (Graves 2013, arXiv:1308.0850).
#[derive(Module, Debug)]
pub(super) struct Dynamics {
    cell: LstmCell,
    out: Linear,
    latent: usize,
    components: usize,
}

impl Dynamics {
    pub(super) fn new([latent, actions, units, components]: [usize; 4], init: &Init) -> Dynamics {
        let outputs = components * (1 + 2 * latent);
        Dynamics {
            cell: LstmCell::new([latent + actions, units], &init.at("cell")),
            out: Linear::of([units, outputs]).init(&init.at("out")),
            latent,
            components,
        }
    }

    /// Numbers of each of the two parts of what it carries on.
    pub(super) fn units(&self) -> usize {
        self.cell.units()
    }

    /// Nothing done yet.
    pub(super) fn start(&self, rows: usize, device: &Device) -> LstmState {
        LstmState::zeros(rows, self.cell.units(), device)
    }

    /// Of latents `[rows, latent]` and actions `[rows, actions]`, ones among zeros. Means are told as differences from where it is.
    pub(super) fn step(&self, z: &Tensor<2>, action: Tensor<2>, state: LstmState) -> Foretold {
        let state = self.cell.forward(Tensor::cat(vec![z.clone(), action], 1), state);
        let all = self.out.forward(state.hidden.clone(), Activation::Identity);
        let (k, n) = (self.components, self.components * self.latent);
        let here = Tensor::cat(vec![z.clone(); k], 1);
        let [least, most] = LOG_DEVIATION;
        Foretold {
            weights: log_softmax(all.clone().narrow(1, 0, k), 1),
            means: here + all.clone().narrow(1, k, n),
            deviations: all.narrow(1, k + n, n).clamp(least, most),
            state,
        }
    }
}

impl Foretold {
    fn latent(&self) -> usize {
        self.means.dims()[1] / self.weights.dims()[1]
    }

    /// The mean of the mixture, `[rows, latent]`.
    pub(super) fn mean(&self) -> Tensor<2> {
        let ([rows, k], latent) = (self.weights.dims(), self.latent());
        let weights = softmax(self.weights.clone(), 1).reshape([rows, k, 1]);
        let means: Tensor<3> = self.means.clone().reshape([rows, k, latent]);
        (means * weights).sum_dim(1).reshape([rows, latent])
    }

    /// The logarithm of the mixture's density at latents `[rows, latent]`, `[rows, 1]`.
    pub(super) fn log_density(&self, z: &Tensor<2>) -> Tensor<2> {
        let ([rows, k], latent) = (self.weights.dims(), self.latent());
        let at = Tensor::cat(vec![z.clone(); k], 1);
        let off = (at - self.means.clone()) / self.deviations.clone().exp();
        let each = -(off.clone() * off) / 2.0 - self.deviations.clone() - HALF_LOG_TAU;
        let each: Tensor<3> = each.reshape([rows, k, latent]);
        let all = each.sum_dim(2).reshape([rows, k]) + self.weights.clone();
        let most = all.clone().max_dim(1).detach();
        (all - most.clone()).exp().sum_dim(1).log() + most
    }
}

/// What comes of a step beside the next latent, and what comes later: a network of its own with a loss of its own. Within M the gradient of
/// the rare end would vanish beside that of the density.
#[derive(Module, Debug)]
pub(super) struct Outcome {
    step: Layers,
    value: Layers,
}

impl Outcome {
    pub(super) fn new([latent, actions, width]: [usize; 3], init: &Init) -> Outcome {
        Outcome {
            step: Layers::new(&[2 * latent + actions, width, width, 2], &init.at("step")),
            value: Layers::new(&[latent, width, width, 1], &init.at("value")),
        }
    }

    /// Of a latent, what is done and the next latent: the reward, in the deviations of rewards around their mean, and the logit of the
    /// probability that the episode is over, `[rows, 1]` each.
    pub(super) fn of_step(&self, z: &Tensor<2>, action: Tensor<2>, next: &Tensor<2>) -> [Tensor<2>; 2] {
        let both = self
            .step
            .forward(Tensor::cat(vec![z.clone(), action, next.clone()], 1));
        [both.clone().narrow(1, 0, 1), both.narrow(1, 1, 1)]
    }

    /// What is still to come after a latent, in the scale of its learning, `[rows, 1]`.
    pub(super) fn value(&self, z: Tensor<2>) -> Tensor<2> {
        self.value.forward(z)
    }
}

/// The probability of logits.
pub(super) fn probability(logits: Tensor<2>) -> Tensor<2> {
    activation(logits, Activation::Sigmoid)
}

/// The cross-entropy of each logit with 0 or 1: softplus(l) - y l.
pub(super) fn cross_entropy(logits: Tensor<2>, targets: Tensor<2>) -> Tensor<2> {
    let softplus = logits.clone().clamp_min(0.0) + (-logits.clone().abs()).exp().log1p();
    softplus - logits * targets
}
