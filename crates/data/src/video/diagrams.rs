//! Diagrams that follow a rule, and four answers to what comes next.
use super::check_size;
use crate::error::Result;
use crate::random::{Draw, Key};
use crate::{DataInfo, Dataset, Item, Kind, Values};

/// What it is called.
pub(crate) const NAME: &str = "diagrams";
/// Diagrams that show the rule.
pub(crate) const SHOWN: usize = 5;
/// Answers, one of which is right.
pub(crate) const ANSWERS: usize = 4;
/// Sides unless another size is asked for.
pub(crate) const SIDE: usize = 16;
/// Sequences where no limit says otherwise; there is always another.
pub(crate) const TRAIN: usize = 4000;

/// Names of the answers.
const PLACES: [&str; ANSWERS] = ["first", "second", "third", "fourth"];
/// Figures: corners of a regular one, of which the first has none.
const CORNERS: [usize; 4] = [0, 3, 4, 5];
/// Points a side of a pixel by whose share a pixel is grey.
const FINE: usize = 4;

/// A figure of a size, turned, somewhere; lengths are shares of the side.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Figure {
    corners: usize,
    at: [f64; 2],
    radius: f64,
    turned: f64,
}

/// What changes from one diagram to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Change {
    moves: [f64; 2],
    grows: f64,
    turns: f64,
}

impl Figure {
    /// After so many changes.
    fn after(self, change: Change, times: f64) -> Figure {
        Figure {
            at: [0, 1].map(|k| self.at[k] + change.moves[k] * times),
            radius: self.radius + change.grows * times,
            turned: self.turned + change.turns * times,
            ..self
        }
    }

    fn covers(&self, y: f64, x: f64) -> bool {
        let (dy, dx) = (y - self.at[0], x - self.at[1]);
        let distance = dy.hypot(dx);
        if self.corners == 0 {
            return distance <= self.radius;
        }
        // The nearest side of a regular polygon is as far as the cosine says.
        let part = std::f64::consts::TAU / self.corners as f64;
        let angle = (dy.atan2(dx) - self.turned).rem_euclid(part) - part / 2.0;
        distance * angle.cos() <= self.radius * (part / 2.0).cos()
    }

    fn drawn(&self, [height, width]: [usize; 2], out: &mut Vec<u8>) {
        let side = |i: usize, n: usize| (i as f64 + 0.5) / (n * FINE) as f64;
        for row in 0..height {
            for column in 0..width {
                let points = (0..FINE * FINE).filter(|p| {
                    let (y, x) = (row * FINE + p / FINE, column * FINE + p % FINE);
                    self.covers(side(y, height), side(x, width))
                });
                out.push((points.count() * 255 / (FINE * FINE)) as u8);
            }
        }
    }
}

/// Item i: a figure (disc, triangle, square or pentagon) changes five times in the same way: it moves, grows or shrinks, or turns, or two of these.
/// Five diagrams show the rule; of four answers behind them, in any order, one is the next. The others are the diagram before it, the
/// next one of the rule turned back, and another figure where the next one is. The label says which is right.
pub(crate) struct Diagrams {
    info: DataInfo,
    key: Key,
}

impl Diagrams {
    /// Of that height and width. The test split is another stream.
    ///
    /// # Errors
    /// [`crate::Error::Recipe`] for sizes that no video has.
    pub(crate) fn new(size: Option<[usize; 2]>, seed: u64, split: &str, limit: usize) -> Result<Diagrams> {
        let [height, width] = size.unwrap_or([SIDE; 2]);
        check_size(SHOWN + ANSWERS, [height, width, 1])?;
        Ok(Diagrams {
            info: DataInfo {
                source: NAME.into(),
                kind: Kind::Video,
                shape: vec![SHOWN + ANSWERS, height, width, 1],
                count: if limit == 0 { TRAIN } else { limit },
                range: (0.0, 255.0),
                labels: PLACES.map(String::from).to_vec(),
                shares: vec![1.0 / ANSWERS as f64; ANSWERS],
                ..DataInfo::default()
            },
            key: Key::new(seed)
                .stream(NAME)
                .stream(if split == "test" { "test" } else { "train" }),
        })
    }

    /// The figures of an item, answers last, and which answer is right.
    fn figures(&self, index: usize) -> ([Figure; SHOWN + ANSWERS], usize) {
        let mut rng = self.key.step(index as u64).rng();
        let (first, change) = drawn(&mut rng);
        let next = first.after(change, SHOWN as f64);
        let before = first.after(change, SHOWN as f64 - 1.0);
        let back = before.after(change, -1.0);
        let others: Vec<usize> = CORNERS.into_iter().filter(|c| *c != first.corners).collect();
        let other = Figure {
            corners: others[rng.below(others.len())],
            ..next
        };
        let mut answers = [before, back, other, next];
        let right = rng.below(ANSWERS);
        answers.swap(right, ANSWERS - 1);
        let all = std::array::from_fn(|i| match i < SHOWN {
            true => first.after(change, i as f64),
            false => answers[i - SHOWN],
        });
        (all, right)
    }
}

/// A figure and how it changes, such that it stays in sight.
fn drawn(rng: &mut Draw) -> (Figure, Change) {
    loop {
        // One of the three, or two.
        let (one, other) = (rng.below(3), rng.below(3));
        let does = |what: usize| one == what || other == what;
        let mut sign = || if rng.chance(0.5) { 1.0 } else { -1.0 };
        let signs = [sign(), sign(), sign(), sign()];
        let moves = [0, 1].map(|k| {
            if does(0) {
                signs[k] * [0.0, 0.06, 0.09][rng.below(3)]
            } else {
                0.0
            }
        });
        let change = Change {
            moves,
            grows: if does(1) { signs[2] * 0.035 } else { 0.0 },
            turns: if does(2) { signs[3] * 0.35 } else { 0.0 },
        };
        let figure = Figure {
            corners: CORNERS[rng.below(CORNERS.len())],
            at: [rng.between(0.2, 0.8), rng.between(0.2, 0.8)],
            radius: rng.between(0.14, 0.36),
            turned: rng.between(0.0, 2.0),
        };
        let last = figure.after(change, SHOWN as f64);
        let within =
            |f: &Figure| f.radius >= 0.12 && f.at.iter().all(|v| (f.radius..=1.0 - f.radius).contains(v));
        let still = change.moves == [0.0; 2] && change.grows == 0.0;
        // A disc that turns shows nothing of it.
        if within(&figure) && within(&last) && !(still && (figure.corners == 0 || change.turns == 0.0)) {
            return (figure, change);
        }
    }
}

impl Dataset for Diagrams {
    fn info(&self) -> &DataInfo {
        &self.info
    }
    fn label(&self, index: usize) -> Option<u32> {
        Some(self.figures(index).1 as u32)
    }
    fn get(&self, index: usize) -> Result<Item> {
        let (figures, right) = self.figures(index);
        let mut values = Vec::with_capacity(self.info.numbers());
        let size = [self.info.shape[1], self.info.shape[2]];
        figures.iter().for_each(|f| f.drawn(size, &mut values));
        Ok(Item {
            values: Values::Bytes(values),
            label: Some(right as u32),
            attributes: vec![],
            caption: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A square's area, however it is turned, and a disc's, by the grey of all pixels.
    #[test]
    fn figures_have_their_areas() {
        let area = |corners: usize, turned: f64| {
            let f = Figure {
                corners,
                at: [0.5, 0.5],
                radius: 0.3,
                turned,
            };
            let mut out = vec![];
            f.drawn([64, 64], &mut out);
            out.iter().map(|b| f64::from(*b) / 255.0).sum::<f64>() / 4096.0
        };
        // A regular n-gon of radius r has n / 2 r^2 sin(2 pi / n).
        for turned in [0.0, 0.3, 1.0] {
            for n in [3usize, 4, 5] {
                let want = n as f64 / 2.0 * 0.09 * (std::f64::consts::TAU / n as f64).sin();
                assert!((area(n, turned) - want).abs() < 0.01 * want, "{n}");
            }
        }
        let disc = std::f64::consts::PI * 0.09;
        assert!((area(0, 0.0) - disc).abs() < 0.01 * disc);
    }

    /// One answer goes on as the rule says, the three others do not, and each stands in every place.
    #[test]
    fn one_answer_is_right() {
        let set = Diagrams::new(None, 1, "train", 200).unwrap();
        let mut counts = [0; ANSWERS];
        for i in 0..200 {
            let (f, right) = set.figures(i);
            let on = |k: usize| [0, 1].map(|a| f[k].at[a]);
            for (k, answer) in f[SHOWN..].iter().enumerate() {
                let moved =
                    (0..2).all(|a| (answer.at[a] - 2.0 * on(SHOWN - 1)[a] + on(SHOWN - 2)[a]).abs() < 1e-9);
                let grown = (answer.radius - 2.0 * f[SHOWN - 1].radius + f[SHOWN - 2].radius).abs() < 1e-9;
                let turned = (answer.turned - 2.0 * f[SHOWN - 1].turned + f[SHOWN - 2].turned).abs() < 1e-9;
                let follows = moved && grown && turned && answer.corners == f[0].corners;
                assert_eq!(follows, k == right, "item {i}, answer {k}");
            }
            counts[right] += 1;
            assert_eq!(set.label(i), Some(right as u32));
        }
        assert!(counts.iter().all(|c| *c > 25), "{counts:?}");
        let values = set.get(3).unwrap().values;
        assert_eq!(values.len(), 9 * 256);
    }
}
