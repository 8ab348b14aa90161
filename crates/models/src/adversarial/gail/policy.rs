//! How a policy is improved by what it has tried (Schulman et al. 2017, Proximal Policy Optimization Algorithms, arXiv:1707.06347).
use super::super::acting::{self, clipped, evened};
use super::super::rows::Layers;
use burn::tensor::activation::{log_softmax, softmax};
use burn::tensor::{Tensor, TensorData};
use menagerie_data::environments::Episode;

/// Logarithms of the probabilities of actions that were taken, `[rows, 1]`, by logits.
pub(super) fn taken(logits: Tensor<2>, actions: &Tensor<2>) -> Tensor<2> {
    (log_softmax(logits, 1) * actions.clone()).sum_dim(1)
}

/// The mean entropy of what these logits say, in nats.
pub(super) fn entropy(logits: Tensor<2>) -> Tensor<1> {
    let rows = logits.dims()[0] as f64;
    (softmax(logits.clone(), 1) * log_softmax(logits, 1)).sum() / -rows
}

/// [Advantages](acting::advantages) of every step, and the sums of rewards that values should foretell. `rewards` has a
/// number for each step, `values` one for each state. An episode that was cut off at its length counts on with the value of its last
/// state; one that ended by itself does not.
pub(super) fn advantages(
    episodes: &[Episode],
    rewards: &[f32],
    values: &[f32],
    discount: f64,
    trace: f64,
) -> (Vec<f32>, Vec<f32>) {
    let (mut all, mut targets) = (
        Vec::with_capacity(rewards.len()),
        Vec::with_capacity(rewards.len()),
    );
    let (mut step, mut state) = (0, 0);
    for episode in episodes {
        let n = episode.actions.len();
        let mut foretold = values[state..=state + n].to_vec();
        if episode.over {
            foretold[n] = 0.0;
        }
        let own = acting::advantages(&rewards[step..step + n], &foretold, discount, trace);
        targets.extend(own.iter().zip(&foretold).map(|(a, v)| a + v));
        all.extend(own);
        (step, state) = (step + n, state + n + 1);
    }
    (all, targets)
}

/// What was tried, and what came of it.
pub(super) struct Improvement<'a> {
    /// `[steps, numbers]`
    pub states: &'a Tensor<2>,
    /// `[steps, actions]`
    pub actions: &'a Tensor<2>,
    /// of each step
    pub advantages: &'a [f32],
    /// what the value of each state should be
    pub targets: &'a [f32],
}

impl Improvement<'_> {
    fn column(&self, values: Vec<f32>) -> Tensor<2> {
        let rows = values.len();
        Tensor::from_data(TensorData::new(values, [rows, 1]), &self.states.device())
    }

    /// The [clipped] loss less w H (equation 9); advantages less their mean, over their deviation.
    pub(super) fn of_policy(&self, policy: &Layers, old: &Tensor<2>, clip: f64, weight: f64) -> Tensor<1> {
        let gain = self.column(evened(self.advantages));
        let logits = policy.forward(self.states.clone());
        let ratio = (taken(logits.clone(), self.actions) - old.clone()).exp();
        clipped(ratio, gain, clip) - entropy(logits) * weight
    }

    /// The mean squared error of the values.
    pub(super) fn of_value(&self, value: &Layers) -> Tensor<1> {
        let off = value.forward(self.states.clone()) - self.column(self.targets.to_vec());
        (off.clone() * off).mean()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use menagerie_nn::{Init, number, numbers};

    /// Against the sum over all that follows, lambda being 1: the discounted rewards less the value.
    #[test]
    fn advantages_by_hand() {
        let of = |n: usize, over: bool| Episode {
            states: vec![vec![]; n + 1],
            actions: vec![0; n],
            rewards: vec![0.0; n],
            over,
        };
        let episodes = [of(2, true), of(1, false)];
        let (rewards, values) = ([1.0, 2.0, 5.0], [0.5, 0.25, 9.0, 0.75, 4.0]);
        let (a, targets) = advantages(&episodes, &rewards, &values, 0.5, 1.0);
        // 1 + 0.5 * 2 - 0.5; 2 - 0.25, the end being worth nothing; 5 + 0.5 * 4 - 0.75, which was cut off.
        assert_eq!(a, [1.5, 1.75, 6.25]);
        assert_eq!(targets, [2.0, 2.0, 7.0]);
        // lambda 0: one step ahead.
        let (a, _) = advantages(&episodes, &rewards, &values, 0.5, 0.0);
        assert_eq!(a, [1.0 + 0.125 - 0.5, 1.75, 6.25]);
    }

    /// The loss falls by making good actions likelier, and beyond the clip by no more.
    #[test]
    fn ratios_beyond_the_clip_count_no_further() {
        let device = Device::flex().autodiff();
        let policy = Layers::new(&[1, 4, 2], &Init::new(menagerie_data::Key::new(1), &device));
        let states = Tensor::<2>::ones([2, 1], &device);
        let actions = Tensor::<1>::from_floats([1.0, 0.0, 0.0, 1.0], &device).reshape([2, 2]);
        let improvement = Improvement {
            states: &states,
            actions: &actions,
            advantages: &[1.0, -1.0],
            targets: &[0.0; 2],
        };
        let now = taken(policy.forward(states.clone()), &actions).detach();
        // As it is: E r A = 0. Were the first action half as likely before, its ratio of 2 counts as 1.2.
        assert!(number(improvement.of_policy(&policy, &now, 0.2, 0.0)).abs() < 1e-6);
        let shift = Tensor::<1>::from_floats([2f32.ln(), 0.0], &device).reshape([2, 1]);
        let loss = number(improvement.of_policy(&policy, &(now.clone() - shift), 0.2, 0.0));
        assert!((loss + 0.1).abs() < 1e-6, "{loss}");
        let even = entropy(Tensor::<2>::zeros([3, 4], &device));
        assert!((number(even) - 4f64.ln()).abs() < 1e-6);
        assert_eq!(numbers(now).len(), 2);
    }
}
