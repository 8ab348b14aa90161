//! Jaws that are drawn: rows of teeth as heights over a plane, of which the middle one is ground down to a stump, and the teeth that stand against
//! them. What is asked for is the crown: a tooth like its neighbours that meets what stands against it.
use super::{DataInfo, Dataset, Item, Kind, Values};
use crate::error::{Error, Result};
use crate::random::{Draw, Key};

/// What they are called.
pub(super) const NAME: &str = "jaws";
/// Height and width of a map unless another is asked for; a tooth is a third of the width.
pub(super) const SIZE: [usize; 2] = [32, 48];
/// Pairs where no limit says otherwise; there is always another.
pub(super) const TRAIN: usize = 4_000;
/// Of the test split.
const TEST: usize = 400;
/// Sides of a map.
const SIDES: std::ops::RangeInclusive<usize> = 12..=512;

/// Height of the gum.
const GUM: f64 = 0.1;
/// How high a stump is, of a tooth.
const STUMP: f64 = 0.45;
/// How far a crown is worn down by what stands against it.
const WORN: f64 = 0.03;
/// Height of the teeth that stand against them, of those.
const AGAINST: f64 = 0.6;

/// Left: the jaw with a stump, what stands against it, and where the crown goes (255); right: the same with the crown. The first two are
/// heights over the gum's plane, 255 the highest. Each `[height, width, 3]`.
pub(super) struct Jaws {
    info: DataInfo,
    key: Key,
}

/// How all teeth of a person are made: heights of a body and of four cusps, how square and how deep between cusps they are.
#[derive(Clone, Copy)]
struct Tooth {
    top: f64,
    cusps: [f64; 4],
    spread: f64,
    square: f64,
    fissure: f64,
}

impl Tooth {
    fn draw(rng: &mut Draw) -> Tooth {
        Tooth {
            top: rng.between(0.3, 0.42),
            cusps: [(); 4].map(|()| rng.between(0.08, 0.2)),
            spread: rng.between(0.25, 0.4),
            square: rng.between(2.2, 4.0),
            fissure: rng.between(0.03, 0.09),
        }
    }

    /// The same a little different, as neighbours are.
    fn varied(self, rng: &mut Draw) -> Tooth {
        Tooth {
            top: self.top * rng.between(0.93, 1.07),
            cusps: self.cusps.map(|c| c * rng.between(0.85, 1.15)),
            ..self
        }
    }

    /// How far out a place is, 1 at the edge; u and v are 0 in the middle and 1 at the ends of the axes.
    fn out(self, [u, v]: [f64; 2]) -> f64 {
        (u.abs().powf(self.square) + v.abs().powf(self.square)).powf(1.0 / self.square)
    }

    /// Of 1 in the middle and 0 at the edge.
    fn body(self, at: [f64; 2]) -> f64 {
        (1.0 - self.out(at).powi(4)).max(0.0).sqrt()
    }

    /// Height over the gum.
    fn height(self, [u, v]: [f64; 2]) -> f64 {
        let bump = |a: f64, b: f64, s: f64| (-((u - a).powi(2) + (v - b).powi(2)) / (s * s)).exp();
        let body = self.body([u, v]);
        let corners = [[-0.42, -0.42], [0.42, -0.42], [-0.42, 0.42], [0.42, 0.42]];
        let cusps: f64 = self
            .cusps
            .iter()
            .zip(corners)
            .map(|(c, [a, b])| c * bump(a, b, self.spread))
            .sum();
        let between = (-v * v / 0.02).exp().max((-u * u / 0.02).exp());
        body * (self.top + cusps - self.fissure * between)
    }
}

/// One person's jaw: heights of the whole one and of the one with a stump, what stands against them, and where the crown is.
struct Jaw {
    whole: Vec<f64>,
    ground: Vec<f64>,
    against: Vec<f64>,
    crown: Vec<bool>,
}

impl Jaw {
    fn draw([h, w]: [usize; 2], key: Key) -> Jaw {
        let mut rng = key.rng();
        let person = Tooth::draw(&mut rng);
        let teeth: Vec<Tooth> = (0..3).map(|_| person.varied(&mut rng)).collect();
        let others: Vec<Tooth> = (0..4).map(|_| person.varied(&mut rng)).collect();
        let (shift, depth) = (rng.between(-0.2, 0.2), rng.between(0.7, 0.85));
        // Of a pixel: how many teeth to the right, and how deep from -1 to 1.
        let place = |i: usize| {
            let (x, y) = ((i % w) as f64 + 0.5, (i / w) as f64 + 0.5);
            [3.0 * x / w as f64, (2.0 * y / h as f64 - 1.0) / depth]
        };
        let within = |middle: f64, [x, v]: [f64; 2]| [(x - middle) / 0.48, v];
        let row = |teeth: &[Tooth], first: f64, i: usize| {
            let of = |(n, t): (usize, &Tooth)| t.height(within(first + n as f64, place(i)));
            teeth.iter().enumerate().map(of).fold(0.0, f64::max)
        };
        let of_middle = |i: usize| within(1.5, place(i));
        let crown: Vec<bool> = (0..h * w).map(|i| teeth[1].out(of_middle(i)) < 1.0).collect();
        let neighbours: Vec<f64> = (0..h * w)
            .map(|i| {
                let n = [0, 2].map(|n| teeth[n].height(within(n as f64 + 0.5, place(i))));
                GUM + n[0].max(n[1])
            })
            .collect();
        // Jaws close until neighbours touch what stands against them.
        let hanging: Vec<f64> = (0..h * w).map(|i| AGAINST * row(&others, shift, i)).collect();
        let outside = || (0..h * w).filter(|i| !crown[*i]);
        let closed = outside().map(|i| neighbours[i] + hanging[i]).fold(0.0, f64::max);
        let against: Vec<f64> = hanging.iter().map(|d| (closed - d).clamp(0.0, 1.0)).collect();
        // The crown grows until it touches, and is worn where it would go further.
        let natural = |i: usize| GUM + teeth[1].height(of_middle(i));
        let room = (0..h * w)
            .filter(|i| crown[*i])
            .map(|i| against[i] - natural(i))
            .fold(f64::MAX, f64::min);
        let grown = |i: usize| {
            let edge = teeth[1].body(of_middle(i));
            (natural(i) + (room + WORN) * edge).min(against[i]).max(0.0)
        };
        let stump = |i: usize| GUM + STUMP * person.top * teeth[1].body(of_middle(i));
        let with = |tooth: &dyn Fn(usize) -> f64| -> Vec<f64> {
            (0..h * w)
                .map(|i| if crown[i] { tooth(i) } else { neighbours[i] })
                .collect()
        };
        Jaw {
            whole: with(&grown),
            ground: with(&stump),
            against,
            crown,
        }
    }

    /// The two sides, `[height, width, 6]`.
    fn bytes(&self) -> Vec<u8> {
        let level = |v: f64| (v * 255.0).round().clamp(0.0, 255.0) as u8;
        let pixel = |i: usize| {
            let (against, crown) = (level(self.against[i]), if self.crown[i] { 255 } else { 0 });
            // Rounding lets no tooth go into another.
            let [ground, whole] = [self.ground[i], self.whole[i]].map(|v| level(v).min(against));
            [ground, against, crown, whole, against, crown]
        };
        (0..self.whole.len()).flat_map(pixel).collect()
    }
}

impl Jaws {
    /// `limit` pairs (0: the usual number) of maps of that size.
    ///
    /// # Errors
    /// [`Error::Recipe`] for sides that are too small or too large.
    pub(super) fn new(size: Option<[usize; 2]>, seed: u64, split: &str, limit: usize) -> Result<Jaws> {
        let [h, w] = size.unwrap_or(SIZE);
        if !SIDES.contains(&h) || !SIDES.contains(&w) {
            let problem = format!("jaws are not drawn on {h}x{w} pixels");
            return Err(Error::recipe("data.size", problem, "give sides of 12 to 512"));
        }
        let (usual, key) = match split {
            "test" => (TEST, "jaws/test"),
            _ => (TRAIN, "jaws"),
        };
        Ok(Jaws {
            info: DataInfo {
                source: NAME.into(),
                kind: Kind::Pair,
                shape: vec![h, w, 6],
                count: if limit == 0 { usual } else { limit },
                range: (0.0, 255.0),
                ..DataInfo::default()
            },
            key: Key::new(seed).stream(key),
        })
    }
}

impl Dataset for Jaws {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn get(&self, index: usize) -> Result<Item> {
        if index >= self.info.count {
            let fix = format!("the last is {}", self.info.count - 1);
            return Err(Error::data(NAME, format!("there is no item {index}"), fix));
        }
        let jaw = Jaw::draw(
            [self.info.shape[0], self.info.shape[1]],
            self.key.step(index as u64),
        );
        Ok(Item {
            values: Values::Bytes(jaw.bytes()),
            label: None,
            attributes: vec![],
            caption: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Neighbours and the crown touch what stands against them and go no further; the stump does not reach; sides are equal but for the crown.
    #[test]
    fn crowns_meet_what_stands_against_them() {
        let set = Jaws::new(None, 1, "train", 20).unwrap();
        for i in 0..20 {
            let Values::Bytes(bytes) = set.get(i).unwrap().values else {
                panic!("jaws are bytes");
            };
            let (mut inside, mut touching, mut nearest, mut changed) = (0, 0, 255, 0);
            for p in bytes.as_chunks::<6>().0 {
                let [ground, against, crown, whole, again, mask] = *p;
                assert_eq!((against, crown), (again, mask));
                assert!(whole <= against && ground <= against);
                if crown == 255 {
                    inside += 1;
                    touching += usize::from(against - whole <= 2);
                    nearest = nearest.min(against - ground);
                    changed += usize::from(ground != whole);
                } else {
                    assert_eq!(ground, whole);
                }
            }
            assert!(inside > 32 * 48 / 8, "{inside}");
            assert!(changed * 10 > inside * 7, "{changed} of {inside}");
            assert!((1..inside / 3).contains(&touching), "{touching} of {inside}");
            assert!(nearest > 10, "the stump is {nearest} away");
        }
    }

    #[test]
    fn other_sizes_are_drawn_and_bad_ones_refused() {
        let set = Jaws::new(Some([20, 31]), 1, "test", 0).unwrap();
        assert_eq!(set.info().count, TEST);
        let Values::Bytes(bytes) = set.get(3).unwrap().values else {
            panic!("jaws are bytes");
        };
        assert_eq!(bytes.len(), 20 * 31 * 6);
        let e = Jaws::new(Some([4, 48]), 1, "train", 0).err().unwrap().to_string();
        assert!(e.contains("data.size") && e.contains("12 to 512"), "{e}");
    }
}
