//! Watches the game and names its troubles while they happen, in the language of its objective: where a score means a
//! probability, by probabilities; where it means none, by the gap of scores.
use super::critic::Seen;
use super::objective::Objective;
use crate::Trouble;
use menagerie_nn::{Tensors, collective};

use std::collections::{BTreeSet, VecDeque};

/// What the monitor sees at a log step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// mean probabilities of "this is data" that D gives to data and to samples, where scores mean probabilities
    pub probabilities: Option<(f64, f64)>,
    /// mean scores of data and samples
    pub scores: (f64, f64),
    /// norm of the discriminator's gradient
    pub discriminator_gradient: f64,
    /// norm of the generator's gradient
    pub generator_gradient: f64,
    /// mean distance between pairs of samples, over that between pairs of data
    pub diversity: f64,
    /// how far D takes held-out items for samples: 0 like the items it learned from, 1 like samples
    pub overfitting: Option<f64>,
}

impl Observation {
    /// Of what an update of the critic showed, and what the generator's did.
    pub fn new(objective: &dyn Objective, seen: &Seen, generator_gradient: f64, diversity: f64) -> Self {
        let mean = |v: &[f32], of: &dyn Fn(f64) -> Option<f64>| -> Option<f64> {
            let all: Option<Vec<f64>> = v.iter().map(|&s| of(s as f64)).collect();
            all.map(|all| all.iter().sum::<f64>() / all.len().max(1) as f64)
        };
        let probability = |v: &[f32]| mean(v, &|s| objective.probability(s));
        let score = |v: &[f32]| mean(v, &Some).unwrap_or(f64::NAN);
        Observation {
            probabilities: probability(&seen.data).zip(probability(&seen.samples)),
            scores: (score(&seen.data), score(&seen.samples)),
            discriminator_gradient: seen.gradient,
            generator_gradient,
            diversity,
            overfitting: None,
        }
    }

    /// The numbers of a log step.
    pub fn scalars(&self) -> [(&'static str, f64); 5] {
        let (names, (data, samples)) = match self.probabilities {
            Some(p) => (["d/real", "d/fake"], p),
            None => (["d/score-data", "d/score-samples"], self.scores),
        };
        [
            (names[0], data),
            (names[1], samples),
            ("gradient/discriminator", self.discriminator_gradient),
            ("gradient/generator", self.generator_gradient),
            ("diversity", self.diversity),
        ]
    }

    /// Whether D tells nearly every sample from data.
    fn is_won(&self) -> bool {
        self.probabilities
            .is_some_and(|(data, samples)| samples < 0.03 && data > 0.95)
    }
}

/// Recognizes the difficulties of adversarial training from what a log step shows.
#[derive(Clone, Debug, Default)]
pub struct Monitor {
    seen: VecDeque<Observation>,
    steps: usize,
    largest_gradient: f64,
    /// troubles that are going on: each is told once, until it has ended
    active: BTreeSet<String>,
}

/// Log steps a trouble must last before it is told.
const PATIENCE: usize = 3;
/// Log steps before a lack of diversity counts: the samples of fresh weights are all alike.
const WARM_UP: usize = 8;
/// Log steps over which oscillation is looked for.
const WINDOW: usize = 12;

/// Its note in checkpoints.
const NOTE: &str = "seen";

impl Observation {
    /// Every number, in one order; of what is not known, none.
    fn numbers(&self) -> [f64; 8] {
        let (data, samples) = self.probabilities.unwrap_or((f64::NAN, f64::NAN));
        [
            data,
            samples,
            self.scores.0,
            self.scores.1,
            self.discriminator_gradient,
            self.generator_gradient,
            self.diversity,
            self.overfitting.unwrap_or(f64::NAN),
        ]
    }

    fn of_numbers(numbers: &[f64]) -> Option<Self> {
        let &[
            data,
            samples,
            of_data,
            of_samples,
            of_discriminator,
            of_generator,
            diversity,
            overfitting,
        ] = numbers
        else {
            return None;
        };
        Some(Observation {
            probabilities: (!data.is_nan()).then_some((data, samples)),
            scores: (of_data, of_samples),
            discriminator_gradient: of_discriminator,
            generator_gradient: of_generator,
            diversity,
            overfitting: (!overfitting.is_nan()).then_some(overfitting),
        })
    }

    /// The mean over all leaves of the batch, so that the same is told of each.
    fn over_leaves(self) -> Self {
        if !collective::is_shared() {
            return self;
        }
        let mean = collective::mean(self.numbers().map(|v| v as f32).to_vec());
        let mean: Vec<f64> = mean.into_iter().map(f64::from).collect();
        Observation::of_numbers(&mean).unwrap_or(self)
    }
}

impl Monitor {
    /// What it has seen, for a checkpoint: a run that goes on tells what one that was never interrupted would have. A line: log steps,
    /// the largest gradient, troubles that are going on; then one for each log step that it looks back on.
    pub(super) fn save(&self) -> Tensors {
        let active: Vec<&str> = self.active.iter().map(String::as_str).collect();
        let first = format!("{} {:?} {}", self.steps, self.largest_gradient, active.join(" "));
        let seen = self
            .seen
            .iter()
            .map(|o| o.numbers().map(|v| format!("{v:?}")).join(" "));
        let lines: Vec<String> = std::iter::once(first).chain(seen).collect();
        Tensors::of_note(NOTE, lines.join("\n"))
    }

    /// Takes up what `save` gave; begins anew where that cannot be read, for it decides nothing but what is told.
    pub(super) fn load(&mut self, t: &Tensors) {
        let mut lines = t.notes.get(NOTE).map_or("", String::as_str).lines();
        let mut first = lines.next().unwrap_or_default().split_whitespace();
        let steps = first.next().and_then(|v| v.parse().ok());
        let largest = first.next().and_then(|v| v.parse().ok());
        let seen = |line: &str| {
            let numbers: Vec<f64> = line.split(' ').map_while(|v| v.parse().ok()).collect();
            Observation::of_numbers(&numbers)
        };
        *self = Monitor {
            steps: steps.unwrap_or_default(),
            largest_gradient: largest.unwrap_or_default(),
            active: first.map(String::from).collect(),
            seen: lines.filter_map(seen).collect(),
        };
    }

    /// Takes in a log step; gives the troubles that have just begun.
    pub fn observe(&mut self, o: Observation) -> Vec<Trouble> {
        let o = o.over_leaves();

        self.largest_gradient = self.largest_gradient.max(o.generator_gradient);
        self.steps += 1;
        self.seen.push_back(o);
        if self.seen.len() > WINDOW {
            self.seen.pop_front();
        }
        let checks = [
            (
                "discriminator-winning",
                self.lasting(Observation::is_won),
                format!(
                    "D(x) = {:.2}, D(G(z)) = {:.3}: the discriminator tells every sample from data; lower optimizer.discriminator.learning_rate or game.discriminator_steps, give the generator more width, or, if it plays minimax, set objective.rule=non-saturating",
                    o.probabilities.unwrap_or_default().0,
                    o.probabilities.unwrap_or_default().1
                ),
            ),
            (
                "vanishing-gradient",
                self.lasting(|o| o.generator_gradient < 1e-3 * self.largest_gradient),
                format!(
                    "the generator's gradient norm is {:.1e}, under a thousandth of its largest {:.1e}: the discriminator has become flat where samples are; set objective.rule=non-saturating, or a penalty such as penalty.r1={{}}",
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
                "discriminator-overfits",
                self.lasting(|o| o.overfitting.is_some_and(|r| r > 0.5)),
                format!(
                    "the discriminator scores items that it never saw {:.0} % of the way from the training data to samples: it learns its data by heart; set augment.diff={{}} or augment.adaptive={{}}, take more data, or keep the checkpoint that --evaluate-every finds best",
                    100.0 * o.overfitting.unwrap_or_default()
                ),
            ),
            (
                "scores-run-away",
                self.runs_away(),
                format!(
                    "scores of data and samples are {:.0} apart and grow: nothing bounds the critic's slope; set penalty.gradient={{}}, or a smaller penalty.clip.bound",
                    o.scores.0 - o.scores.1
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
            } else if self.active.insert(name.to_string()) {
                begun.push(Trouble { name, advice });
            }
        }
        begun
    }

    fn lasting(&self, bad: impl Fn(&Observation) -> bool) -> bool {
        self.seen.len() >= PATIENCE && self.seen.iter().rev().take(PATIENCE).all(bad)
    }

    /// Scores that mean no probability, ever further apart: over the window the gap has grown tenfold beyond a thousand.
    fn runs_away(&self) -> bool {
        let gap = |o: &Observation| o.scores.0 - o.scores.1;
        let (Some(first), Some(last)) = (self.seen.front(), self.seen.back()) else {
            return false;
        };
        last.probabilities.is_none()
            && self.seen.len() == WINDOW
            && gap(last) > 1e3
            && gap(last) > 10.0 * gap(first).abs()
    }

    /// D(G(z)) crosses the middle at least every other log step, from below 0.2 to above 0.8.
    fn oscillates(&self) -> bool {
        let side = |o: &Observation| match o.probabilities {
            Some((_, samples)) if samples > 0.8 => 1,
            Some((_, samples)) if samples < 0.2 => -1,
            _ => 0,
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

    /// What it has seen outlives a checkpoint to the last digit, and what was told is not told again.
    #[test]
    fn goes_on_where_it_was() {
        let bad = |i: usize| Observation {
            probabilities: i.is_multiple_of(2).then_some((0.99, 1.0 / 300.0)),
            scores: (0.1 + 0.2, -1e-17),
            discriminator_gradient: f64::NAN,
            generator_gradient: 3e300,
            diversity: 1.0 / 3.0,
            overfitting: Some(0.9),
        };
        let mut whole = Monitor::default();
        let told: Vec<_> = (0..5)
            .flat_map(|i| whole.observe(bad(i)))
            .map(|t| t.name)
            .collect();
        assert_eq!(told, ["discriminator-overfits"]);
        let mut again = Monitor::default();
        again.load(&whole.save());
        assert_eq!(format!("{again:?}"), format!("{whole:?}"));
        assert!(again.observe(bad(5)).is_empty());
        again.load(&Tensors::default());
        assert_eq!(format!("{again:?}"), format!("{:?}", Monitor::default()));
    }

    const WELL: Observation = Observation {
        probabilities: Some((0.6, 0.4)),
        scores: (0.4, -0.4),
        discriminator_gradient: 1.0,
        generator_gradient: 1.0,
        diversity: 0.9,
        overfitting: None,
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
                    probabilities: Some((0.99, 0.001)),
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
                "discriminator-overfits",
                Observation {
                    overfitting: Some(0.8),
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
                probabilities: Some((0.6, if i / 2 % 2 == 0 { 0.05 } else { 0.95 })),
                ..WELL
            }));
        }
        assert_eq!(told.iter().map(|t| t.name).collect::<Vec<_>>(), ["oscillation"]);
    }

    /// A critic without probabilities is watched by its gap alone.
    #[test]
    fn scores_without_meaning_are_no_probabilities() {
        let score = |gap: f64| Observation {
            probabilities: None,
            scores: (gap, 0.0),
            ..WELL
        };
        assert!(names(&mut Monitor::default(), score(50.0), 40).is_empty());
        let mut m = Monitor::default();
        let told: Vec<_> = (0..30)
            .flat_map(|i| m.observe(score(2f64.powi(i))))
            .map(|t| t.name)
            .collect();
        assert_eq!(told, ["scores-run-away"]);
    }

    #[test]
    fn spread_of_a_batch() {
        assert_eq!(spread(&[0.0, 0.0, 3.0, 4.0, 3.0, 4.0], 2), 2.5);
        assert_eq!(spread(&[1.0, 1.0], 2), 0.0);
    }
}
