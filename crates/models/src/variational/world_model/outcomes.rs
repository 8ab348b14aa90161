//! What is learned of rewards, ends and what comes later, from sequences that were tried.
use super::network::{Outcome, cross_entropy, probability};
use super::rollouts::Sequences;
use burn::tensor::Tensor;
use menagerie_data::environments::{Environment, by_chance};
use menagerie_data::random::Key;
use menagerie_nn::number;

/// What rewards and values are measured in, so that networks tell numbers of about 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    /// mean and deviation of rewards
    pub rewards: [f64; 2],
    /// what a reward counts a step later
    pub discount: f64,
}

impl Scale {
    /// By a few episodes of chance that are always the same; a deviation of 1 where all rewards are one number.
    pub(super) fn of(environment: &dyn Environment, discount: f64) -> Scale {
        let keys: Vec<Key> = (0..20).map(|i| Key::new(0).stream("rewards").step(i)).collect();
        let all = by_chance(environment, &keys);
        let rewards: Vec<f64> = all.iter().flat_map(|e| e.rewards.iter().copied()).collect();
        let n = rewards.len().max(1) as f64;
        let mean = rewards.iter().sum::<f64>() / n;
        let deviation = (rewards.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / n).sqrt();
        let deviation = if deviation > 1e-6 { deviation } else { 1.0 };
        Scale {
            rewards: [mean, deviation],
            discount,
        }
    }

    /// Rewards that were told.
    pub(super) fn reward(&self, told: Tensor<2>) -> Tensor<2> {
        let [mean, deviation] = self.rewards;
        told * deviation + mean
    }

    /// What a network should tell of rewards.
    pub(super) fn of_reward(&self, reward: Tensor<2>) -> Tensor<2> {
        let [mean, deviation] = self.rewards;
        (reward - mean) / deviation
    }

    /// A tenth of what endless rewards of the usual size would sum up to.
    fn most(&self) -> f64 {
        let [mean, deviation] = self.rewards;
        (mean.abs() + deviation) / (1.0 - self.discount) / 10.0
    }

    /// Values that were told.
    pub(super) fn value(&self, told: Tensor<2>) -> Tensor<2> {
        told * self.most()
    }

    /// What a network should tell of values.
    pub(super) fn of_value(&self, value: Tensor<2>) -> Tensor<2> {
        value / self.most()
    }
}

/// A step as a plan sees it: the latent before it, what is done, and the latent that is foretold.
pub(super) struct Imagined {
    pub latent: Tensor<2>,
    pub action: Tensor<2>,
    pub next: Tensor<2>,
}

/// Losses of the three things that are told, each of its own network's outputs.
pub(super) struct Losses {
    pub reward: Tensor<1>,
    pub over: Tensor<1>,
    pub value: Tensor<1>,
}

/// Of sequences, by the latents that M gave for them (so that the head knows what it will be asked about, mistakes and all):
///
/// reward   half the squared error, the mean over steps that were taken
/// over     the cross-entropy, half of it the mean over ends and half that over all other steps, for ends are rare
/// value    half the squared error of V(z_t) with r_t + discount (1 - over_t) V(z_{t + 1}), the target fixed (Sutton 1988, TD(0))
pub(super) fn losses(network: &Outcome, imagined: &[Imagined], tried: &Sequences, scale: Scale) -> Losses {
    let all = |of: &dyn Fn(&Imagined) -> Tensor<2>| Tensor::cat(imagined.iter().map(of).collect(), 0);
    let latent = all(&|i| i.latent.clone());
    let (action, next) = (all(&|i| i.action.clone()), all(&|i| i.next.clone()));
    let device = latent.device();
    let each = |of: &dyn Fn(usize) -> Tensor<2>| Tensor::cat((0..imagined.len()).map(of).collect(), 0);
    let reward = each(&|t| tried.rewards(t, &device));
    let over = each(&|t| tried.over(t, &device));
    let taken = each(&|t| tried.taken(t, &device));
    let [told, logits] = network.of_step(&latent, action, &next);
    let count = number(taken.clone().sum()).max(1.0);
    let off = told - scale.of_reward(reward.clone());
    let goes_on = taken.clone() * (-over.clone() + 1.0);
    let later = scale.value(network.value(next).detach()) * goes_on.clone();
    let target = scale.of_value(reward + later * scale.discount);
    let wrong = network.value(latent) - target;
    let unlikely = cross_entropy(logits, over.clone());
    let share = |of: Tensor<2>| (unlikely.clone() * of.clone()).sum() / number(of.sum()).max(1.0);
    Losses {
        reward: (off.clone() * off * taken.clone()).sum() / (2.0 * count),
        over: (share(over * taken.clone()) + share(goes_on)) / 2.0,
        value: (wrong.clone() * wrong * taken).sum() / (2.0 * count),
    }
}

/// Shares of ends, and of all other steps, of which the head tells what they are: by the same latents as [`losses`]; 1 where there are no such steps, for every
/// leaf of a batch has as much to tell.
pub(super) fn told_right(network: &Outcome, imagined: &[Imagined], tried: &Sequences) -> [f64; 2] {
    let (mut right, mut all) = ([0.0; 2], [0.0; 2]);
    for (t, i) in imagined.iter().enumerate() {
        let device = i.latent.device();
        let [_, logits] = network.of_step(&i.latent, i.action.clone(), &i.next);
        let says = probability(logits).greater_elem(0.5).float();
        let (over, taken) = (tried.over(t, &device), tried.taken(t, &device));
        let ends = over.clone() * taken.clone();
        let others = taken * (-over + 1.0);
        for (k, (of, says)) in [(ends, says.clone()), (others, -says + 1.0)]
            .into_iter()
            .enumerate()
        {
            right[k] += number((says * of.clone()).sum());
            all[k] += number(of.sum());
        }
    }
    [0, 1].map(|k| if all[k] > 0.0 { right[k] / all[k] } else { 1.0 })
}
