//! Environments: worlds in which something acts step by step and is rewarded. What an expert does in them, or chance, is a source of data,
//! a row of a table for each step that is shown: the numbers of a state, and the action.
mod cart_pole;
mod demonstrations;
mod maze;
mod pendulum;

pub(crate) use demonstrations::{Demonstrations, TRAIN};

use crate::picture::Picture;
use crate::random::{Draw, Key};

/// What sources of what an expert does begin with.
pub(crate) const EXPERT: &str = "expert:";
/// What sources of what chance does begin with.
pub(crate) const CHANCE: &str = "chance:";

/// A world with states of numbers and a few actions.
pub trait Environment: Send + Sync {
    /// Its name behind `expert:`.
    fn name(&self) -> &'static str;
    /// Names of the numbers of a state.
    fn state(&self) -> &'static [&'static str];
    /// How far each of them goes, about.
    fn extent(&self) -> &'static [f64];
    /// Names of the actions, of which one is taken at a time.
    fn actions(&self) -> &'static [&'static str];
    /// Steps of an episode at most.
    fn longest(&self) -> usize;
    /// A state to begin with.
    fn start(&self, rng: &mut Draw) -> Vec<f64>;
    /// What becomes of a state by an action: the next one, the reward, and whether the episode is over.
    fn step(&self, state: &[f64], action: usize) -> (Vec<f64>, f64, bool);
    /// What an expert does.
    fn expert(&self, state: &[f64]) -> usize;
    /// A picture of a state.
    fn draw(&self, state: &[f64]) -> Picture;
}

/// Every environment.
pub fn environments() -> &'static [&'static dyn Environment] {
    &[&cart_pole::CartPole, &pendulum::Pendulum, &maze::Maze]
}

/// The environment of that name.
pub fn environment(name: &str) -> Option<&'static dyn Environment> {
    environments().iter().copied().find(|e| e.name() == name)
}

/// What was done and seen in an episode.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Episode {
    /// before each action, and at the end
    pub states: Vec<Vec<f64>>,
    /// what was done
    pub actions: Vec<usize>,
    /// the rewards for it
    pub rewards: Vec<f64>,
    /// whether it ended by itself, and not by its length
    pub over: bool,
}

impl Episode {
    /// The sum of its rewards.
    pub fn total(&self) -> f64 {
        self.rewards.iter().sum()
    }
}

/// Episodes beside each other, from the starts that the keys draw: `act` is told the numbers of the episodes that still go on and their
/// states, and gives an action for each.
pub fn episodes(
    environment: &dyn Environment,
    keys: &[Key],
    mut act: impl FnMut(&[usize], &[&[f64]]) -> Vec<usize>,
) -> Vec<Episode> {
    let start = |key: &Key| Episode {
        states: vec![environment.start(&mut key.stream("start").rng())],
        ..Episode::default()
    };
    let mut all: Vec<Episode> = keys.iter().map(start).collect();
    let mut going: Vec<usize> = (0..all.len()).collect();
    for _ in 0..environment.longest() {
        if going.is_empty() {
            break;
        }
        let last = |i: &usize| all[*i].states.last().map_or(&[][..], Vec::as_slice);
        let states: Vec<&[f64]> = going.iter().map(last).collect();
        let actions = act(&going, &states);
        let steps: Vec<(Vec<f64>, f64, bool)> = states
            .iter()
            .zip(&actions)
            .map(|(s, a)| environment.step(s, *a))
            .collect();
        let mut still = Vec::with_capacity(going.len());
        for ((i, action), (state, reward, over)) in going.iter().zip(actions).zip(steps) {
            let episode = &mut all[*i];
            episode.actions.push(action);
            episode.rewards.push(reward);
            episode.states.push(state);
            episode.over = over;
            if !over {
                still.push(*i);
            }
        }
        going = still;
    }
    all
}

/// What the expert does, from the starts that the keys draw.
pub fn shown_by_the_expert(environment: &dyn Environment, keys: &[Key]) -> Vec<Episode> {
    episodes(environment, keys, |_, states| {
        states.iter().map(|s| environment.expert(s)).collect()
    })
}

/// What comes of actions that are drawn evenly.
pub fn by_chance(environment: &dyn Environment, keys: &[Key]) -> Vec<Episode> {
    let mut rng = keys.first().map_or(Key::new(0), |k| k.stream("chance")).rng();
    let choices = environment.actions().len();
    episodes(environment, keys, |_, states| {
        states.iter().map(|_| rng.below(choices)).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(n: u64) -> Vec<Key> {
        (0..n).map(|i| Key::new(3).step(i)).collect()
    }

    fn mean(all: &[Episode]) -> f64 {
        all.iter().map(Episode::total).sum::<f64>() / all.len() as f64
    }

    /// An expert is good at it, and chance is not.
    #[test]
    fn experts_are_better_than_chance() {
        for e in environments() {
            let expert = mean(&shown_by_the_expert(*e, &keys(50)));
            let chance = mean(&by_chance(*e, &keys(50)));
            let (least, most) = match e.name() {
                "cart_pole" => (499.0, 40.0),
                "pendulum" => (-300.0, -900.0),
                _ => (-20.0, -60.0),
            };
            assert!(expert > least && chance < most, "{}: {expert} {chance}", e.name());
            assert_eq!(e.state().len(), e.extent().len());
        }
    }

    /// Every state can be drawn, and two that differ look different.
    #[test]
    fn states_have_pictures() {
        for e in environments() {
            let episode = &shown_by_the_expert(*e, &keys(1))[0];
            let (first, last) = (&episode.states[0], &episode.states[episode.states.len() - 1]);
            let wild: Vec<f64> = first.iter().map(|v| v + 1e9).collect();
            assert_eq!(e.draw(&wild).width, e.draw(first).width);
            if e.name() != "cart_pole" {
                assert!(e.draw(first) != e.draw(last), "{}", e.name());
            }
        }
    }

    #[test]
    fn episodes_end_by_themselves_or_by_their_length() {
        let e = environment("cart_pole").unwrap();
        let all = episodes(e, &keys(3), |going, states| {
            assert_eq!(going.len(), states.len());
            vec![1; going.len()]
        });
        // Always pushed to one side the pole falls soon, and every step counts.
        assert!(
            all.iter()
                .all(|a| (5..20).contains(&a.actions.len()) && a.total() == a.actions.len() as f64)
        );
        assert!(all.iter().all(|a| a.states.len() == a.actions.len() + 1));
    }
}
