//! Watches the game and names its troubles while they happen.
use crate::Trouble;
use std::collections::{BTreeSet, VecDeque};

/// What the monitor sees at a log step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// mean of D over data
    pub d_real: f64,
    /// mean of D over samples
    pub d_fake: f64,
    /// norm of the generator's gradient
    pub generator_gradient: f64,
    /// mean distance between pairs of samples, over that between pairs of data
    pub diversity: f64,
}

/// Recognizes the difficulties of adversarial training from what a log step shows.
#[derive(Debug, Default)]
pub struct Monitor {
    seen: VecDeque<Observation>,
    steps: usize,
    largest_gradient: f64,
    /// troubles that are going on: each is told once, until it has ended
    active: BTreeSet<&'static str>,
}

/// Log steps a trouble must last before it is told.
const PATIENCE: usize = 3;
/// Log steps before a lack of diversity counts: the samples of fresh weights are all alike.
const WARM_UP: usize = 8;
/// Log steps over which oscillation is looked for.
const WINDOW: usize = 12;

impl Monitor {
    /// Takes in a log step; gives the troubles that have just begun.
    pub fn observe(&mut self, o: Observation) -> Vec<Trouble> {
        self.largest_gradient = self.largest_gradient.max(o.generator_gradient);
        self.steps += 1;
        self.seen.push_back(o);
        if self.seen.len() > WINDOW {
            self.seen.pop_front();
        }
        let checks = [
            (
                "discriminator-winning",
                self.lasting(|o| o.d_fake < 0.03 && o.d_real > 0.95),
                format!(
                    "D(x) = {:.2}, D(G(z)) = {:.3}: the discriminator tells every sample from data; lower optimizer.discriminator.learning_rate or game.discriminator_steps, or give the generator more width",
                    o.d_real, o.d_fake
                ),
            ),
            (
                "vanishing-gradient",
                self.lasting(|o| o.generator_gradient < 1e-3 * self.largest_gradient),
                format!(
                    "the generator's gradient norm is {:.1e}, under a thousandth of its largest {:.1e}: the flat region of the minimax game; use game.objective = \"non-saturating\"",
                    o.generator_gradient, self.largest_gradient
                ),
            ),
            (
                "mode-collapse",
                self.steps > WARM_UP && self.lasting(|o| o.diversity < 0.3),
                format!(
                    "samples differ from each other {:.0} % as much as data do: the generator maps many latents to few samples; try a larger batch, a lower learning rate, or batch norm in the discriminator",
                    100.0 * o.diversity
                ),
            ),
            (
                "oscillation",
                self.oscillates(),
                "D(G(z)) swings from end to end instead of settling: lower both learning rates, or set optimizer.*.beta1 = 0.5 or less"
                    .to_string(),
            ),
        ];
        let mut begun = Vec::new();
        for (name, now, advice) in checks {
            if !now {
                self.active.remove(name);
            } else if self.active.insert(name) {
                begun.push(Trouble { name, advice });
            }
        }
        begun
    }

    fn lasting(&self, bad: impl Fn(&Observation) -> bool) -> bool {
        self.seen.len() >= PATIENCE && self.seen.iter().rev().take(PATIENCE).all(bad)
    }

    /// D(G(z)) crosses the middle at least every other log step, from below 0.2 to above 0.8.
    fn oscillates(&self) -> bool {
        let side = |o: &Observation| {
            if o.d_fake > 0.8 {
                1
            } else {
                -((o.d_fake < 0.2) as i32)
            }
        };
        let sides: Vec<i32> = self.seen.iter().map(side).filter(|s| *s != 0).collect();
        self.seen.len() == WINDOW && sides.windows(2).filter(|w| w[0] != w[1]).count() >= WINDOW / 3
    }
}

/// Mean distance between neighbours in a batch of items of `width` floats: how much a batch differs within itself.
pub fn spread(items: &[f32], width: usize) -> f64 {
    let rows: Vec<&[f32]> = items.chunks_exact(width).collect();
    let distance = |a: &[f32], b: &[f32]| {
        a.iter()
            .zip(b)
            .map(|(a, b)| (a - b) as f64 * (a - b) as f64)
            .sum::<f64>()
            .sqrt()
    };
    let pairs = rows.len().saturating_sub(1);
    rows.windows(2).map(|w| distance(w[0], w[1])).sum::<f64>() / pairs.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const WELL: Observation = Observation {
        d_real: 0.6,
        d_fake: 0.4,
        generator_gradient: 1.0,
        diversity: 0.9,
    };

    fn names(m: &mut Monitor, o: Observation, times: usize) -> Vec<&'static str> {
        (0..times).flat_map(|_| m.observe(o)).map(|t| t.name).collect()
    }

    #[test]
    fn a_game_that_goes_well_is_left_alone() {
        assert!(names(&mut Monitor::default(), WELL, 50).is_empty());
    }

    #[test]
    fn each_trouble_is_named_once_and_again_after_it_has_ended() {
        let cases = [
            (
                "discriminator-winning",
                Observation {
                    d_real: 0.99,
                    d_fake: 0.001,
                    ..WELL
                },
            ),
            (
                "vanishing-gradient",
                Observation {
                    generator_gradient: 1e-5,
                    ..WELL
                },
            ),
            (
                "mode-collapse",
                Observation {
                    diversity: 0.1,
                    ..WELL
                },
            ),
        ];
        for (name, bad) in cases {
            let mut m = Monitor::default();
            assert!(names(&mut m, WELL, WARM_UP).is_empty());
            assert!(
                names(&mut m, bad, PATIENCE - 1).is_empty(),
                "{name}: one bad step is no trouble yet"
            );
            assert_eq!(names(&mut m, bad, 10), [name]);
            assert!(names(&mut m, WELL, 2).is_empty());
            assert_eq!(names(&mut m, bad, 10), [name]);
        }
    }

    #[test]
    fn the_first_samples_may_be_all_alike() {
        let mut m = Monitor::default();
        assert!(
            names(
                &mut m,
                Observation {
                    diversity: 0.01,
                    ..WELL
                },
                WARM_UP
            )
            .is_empty()
        );
        assert!(names(&mut m, WELL, 20).is_empty());
    }

    #[test]
    fn swinging_is_oscillation() {
        let mut m = Monitor::default();
        let mut told = Vec::new();
        for i in 0..24 {
            told.extend(m.observe(Observation {
                d_fake: if i / 2 % 2 == 0 { 0.05 } else { 0.95 },
                ..WELL
            }));
        }
        assert_eq!(told.iter().map(|t| t.name).collect::<Vec<_>>(), ["oscillation"]);
    }

    #[test]
    fn spread_of_a_batch() {
        assert_eq!(spread(&[0.0, 0.0, 3.0, 4.0, 3.0, 4.0], 2), 2.5);
        assert_eq!(spread(&[1.0, 1.0], 2), 0.0);
    }
}
