//! Plans that are tried in the model alone, by the cross-entropy method (Rubinstein 1997; for actions Chua et al. 2018, arXiv:1805.12114).
use super::network::{Dynamics, Outcome, probability};
use super::outcomes::Scale;
use crate::adversarial::acting::{one_hot, pick};
use burn::tensor::Tensor;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_nn::numbers;
use serde::{Deserialize, Serialize};

/// Plans that pass through the network at a time: bounds memory whatever the number of states.
const ROWS: usize = 8192;

/// `[planning]`: how an action is found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Planning {
    /// steps that a plan looks ahead
    pub horizon: usize,
    /// plans of a round
    pub candidates: usize,
    /// of these, the best, of which the next round's are drawn
    pub elites: usize,
    /// rounds
    pub rounds: usize,
    /// whether what may come after the last step counts, too
    pub beyond: bool,
}

impl Default for Planning {
    fn default() -> Self {
        Planning {
            horizon: 12,
            candidates: 64,
            elites: 8,
            rounds: 3,
            beyond: true,
        }
    }
}

/// The networks that plans are tried in.
pub(super) struct World<'a> {
    pub dynamics: &'a Dynamics,
    pub outcome: &'a Outcome,
    /// in which rewards and values are told
    pub scale: Scale,
    /// how many actions there are
    pub choices: usize,
}

/// What keeps every action possible: this share of the probabilities stays even.
const EVEN: f32 = 0.1;

impl Planning {
    /// Refuses what is out of range.
    ///
    /// # Errors
    /// [`Error::Recipe`] with the key.
    pub(super) fn check(&self) -> Result<()> {
        let counts = [
            ("planning.horizon", self.horizon),
            ("planning.candidates", self.candidates),
            ("planning.elites", self.elites),
            ("planning.rounds", self.rounds),
        ];
        if let Some((key, n)) = counts.into_iter().find(|(_, n)| !(1..=4096).contains(n)) {
            return Err(Error::recipe(
                key,
                format!("{n} is out of range"),
                "give 1 to 4096",
            ));
        }
        if self.elites > self.candidates {
            let problem = format!(
                "of {} plans the best {} cannot be taken",
                self.candidates, self.elites
            );
            return Err(Error::recipe(
                "planning.elites",
                problem,
                "give fewer than planning.candidates",
            ));
        }
        Ok(())
    }

    /// How often each action is the first of the best plans, `[states, actions]`, from latents `[states, latent]`. The same numbers are drawn
    /// for every state, so that what is found depends on the state alone.
    pub(super) fn first_actions(&self, world: &World, latents: &Tensor<2>) -> Vec<f32> {
        let [states, _] = latents.dims();
        let each = (ROWS / self.candidates).max(1);
        let some = |from: usize| {
            let some = latents.clone().narrow(0, from, each.min(states - from));
            self.planned(some.dims()[0], world.choices, &|plans| {
                self.worth(world, &some, plans)
            })
        };
        (0..states).step_by(each).flat_map(some).collect()
    }

    /// The same by any judge of plans: of actions `[states, candidates, horizon]` it tells what each plan is worth.
    fn planned(&self, states: usize, choices: usize, worth: &dyn Fn(&[usize]) -> Vec<f32>) -> Vec<f32> {
        let Planning {
            horizon,
            candidates,
            elites,
            ..
        } = *self;
        let even = 1.0 / choices as f32;
        let mut likely = vec![even; states * horizon * choices];
        let mut best = vec![];
        for round in 0..self.rounds {
            let mut rng = Key::new(0).stream("plans").step(round as u64).rng();
            let drawn: Vec<f64> = (0..candidates * horizon).map(|_| rng.uniform()).collect();
            let mut plans = Vec::with_capacity(states * candidates * horizon);
            for of_state in likely.chunks_exact(horizon * choices) {
                for plan in drawn.chunks_exact(horizon) {
                    let steps = plan.iter().zip(of_state.chunks_exact(choices));
                    plans.extend(steps.map(|(u, p)| pick(p, *u)));
                }
            }
            let worth = worth(&plans);
            best = vec![0.0; likely.len()];
            for (s, worth) in worth.chunks_exact(candidates).enumerate() {
                let mut order: Vec<usize> = (0..candidates).collect();
                order.sort_by(|a, b| worth[*b].total_cmp(&worth[*a]));
                for plan in &order[..elites] {
                    let from = (s * candidates + plan) * horizon;
                    for (t, action) in plans[from..from + horizon].iter().enumerate() {
                        best[(s * horizon + t) * choices + action] += 1.0 / elites as f32;
                    }
                }
            }
            let follow = |(p, b): (&mut f32, &f32)| *p = (1.0 - EVEN) * b + EVEN * even;
            likely.iter_mut().zip(&best).for_each(follow);
        }
        let first = best.chunks_exact(horizon * choices).map(|p| &p[..choices]);
        first.flatten().copied().collect()
    }

    /// What plans are worth by the model: the sum of the rewards that are foretold, each by how likely the episode still goes on,
    /// and so what may come after them.
    fn worth(&self, world: &World, latents: &Tensor<2>, plans: &[usize]) -> Vec<f32> {
        let ([states, latent], device) = (latents.dims(), latents.device());
        let rows = states * self.candidates;
        let each: Tensor<3> = latents.clone().reshape([states, 1, latent]);
        let mut z = each
            .expand([states, self.candidates, latent])
            .reshape([rows, latent]);
        let mut state = world.dynamics.start(rows, &device);
        let mut goes_on = Tensor::<2>::ones([rows, 1], &device);
        let mut sum = Tensor::<2>::zeros([rows, 1], &device);
        for t in 0..self.horizon {
            let actions = plans.iter().skip(t).step_by(self.horizon).copied();
            let actions = one_hot(actions, world.choices, &device);
            let foretold = world.dynamics.step(&z, actions.clone(), state);
            let next = foretold.mean();
            let [reward, over] = world.outcome.of_step(&z, actions, &next);
            sum = sum + world.scale.reward(reward) * goes_on.clone();
            goes_on = goes_on * (-probability(over) + 1.0);
            (z, state) = (next, foretold.state);
        }
        if self.beyond {
            sum = sum + world.scale.value(world.outcome.value(z)) * goes_on;
        }
        numbers(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A judge that counts how far plans agree with one that is hidden: the best of all 3^5 is found, of two states by themselves.
    #[test]
    fn the_best_plan_is_found() {
        let hidden = [[2usize, 0, 1, 1, 2], [1, 1, 0, 2, 0]];
        let planning = Planning {
            horizon: 5,
            candidates: 64,
            elites: 8,
            rounds: 4,
            ..Planning::default()
        };
        let worth = |plans: &[usize]| -> Vec<f32> {
            let one = |(i, plan): (usize, &[usize])| {
                let right = plan.iter().zip(hidden[i / 64]).filter(|(a, b)| **a == *b);
                right.count() as f32
            };
            plans.chunks_exact(5).enumerate().map(one).collect()
        };
        let p = planning.planned(2, 3, &worth);
        assert!(p[2] > 0.9 && p[3 + 1] > 0.9, "{p:?}");
        assert!(p.chunks(3).all(|p| (p.iter().sum::<f32>() - 1.0).abs() < 1e-5));
    }
}
