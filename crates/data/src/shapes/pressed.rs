//! Drawn furniture that gives way: a force somewhere on it, in some direction, and a material that is more or less stiff.
//!
//! The law is chosen so that what is true is known exactly. A force of size F in the direction d, at the place q, moves a point p by
//!
//! u(p) = (F / k) d exp(-|p - q|^2 / 2 r^2) min(1, y / 0.25)
//!
//! where k is how stiff the material is and r how far it passes on what happens to it; what stands on the floor stays there, and the lowest
//! quarter of the grid gives way in proportion to its height y. The pressed shape holds p where the shape at rest holds p - u(p).
use super::furniture::{self, LABELS, Part, TRAIN, middle};
use super::{describe, side};
use crate::error::{Error, Result};
use crate::random::{Draw, Key};
use crate::{DataInfo, Dataset, Item, Values};

/// Sizes of forces, in what moves the softest material by a tenth of the grid.
const FORCES: [f64; 2] = [1.0, 3.0];
/// Forces that would move a point by the whole grid.
const STIFFNESSES: [f64; 2] = [10.0, 30.0];
/// In sides of the grid.
const REACHES: [f64; 2] = [0.2, 0.5];
/// Height below which the floor holds a shape.
const HELD: f64 = 0.25;

/// A force on a shape, and what the shape is made of. x points to the right, y up, z away from the viewer; the grid is of side 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Press {
    /// where it acts
    pub place: [f64; 3],
    /// its direction, of length 1
    pub toward: [f64; 3],
    /// its size
    pub force: f64,
    /// how stiff the material is: the force over what it moves
    pub stiffness: f64,
    /// how far the material passes on what happens to it, in sides of the grid
    pub reach: f64,
}

impl Press {
    /// The source of shapes that are pressed: of each voxel one number at rest and one as it is then.
    pub const SOURCE: &'static str = "shapes:pressed";
    /// Numbers of one.
    pub const NUMBERS: usize = 9;
    /// Their names, as attributes.
    pub const NAMES: [&'static str; Press::NUMBERS] = [
        "place_x",
        "place_y",
        "place_z",
        "toward_x",
        "toward_y",
        "toward_z",
        "force",
        "stiffness",
        "reach",
    ];

    /// Of an item's attributes.
    pub fn of(attributes: &[f32; Press::NUMBERS]) -> Press {
        let [a, b, c, d, e, f, force, stiffness, reach] = attributes.map(f64::from);
        Press {
            place: [a, b, c],
            toward: [d, e, f],
            force,
            stiffness,
            reach,
        }
    }

    /// As attributes.
    pub fn attributes(&self) -> [f32; Press::NUMBERS] {
        let ([a, b, c], [d, e, f]) = (self.place, self.toward);
        [a, b, c, d, e, f, self.force, self.stiffness, self.reach].map(|v| v as f32)
    }

    /// As networks are told it, each number in [-1, 1]; the stiffness by its logarithm.
    pub fn told(&self) -> [f32; Press::NUMBERS] {
        let within = |v: f64, [low, high]: [f64; 2]| 2.0 * (v - low) / (high - low) - 1.0;
        let [a, b, c] = self.place.map(|v| 2.0 * v - 1.0);
        let [d, e, f] = self.toward;
        let stiffness = within(self.stiffness.ln(), STIFFNESSES.map(f64::ln));
        let (force, reach) = (within(self.force, FORCES), within(self.reach, REACHES));
        [a, b, c, d, e, f, force, stiffness, reach].map(|v| v as f32)
    }

    /// By how much it moves a point.
    pub fn moves(&self, p: [f64; 3]) -> [f64; 3] {
        let far: f64 = (0..3).map(|k| (p[k] - self.place[k]).powi(2)).sum();
        let passed = (-far / (2.0 * self.reach * self.reach)).exp() * (p[1] / HELD).clamp(0.0, 1.0);
        self.toward.map(|d| self.force / self.stiffness * d * passed)
    }

    /// On these parts: in a direction from any side or from above, where its line through some voxel of the shape first meets the shape.
    fn drawn(parts: &[Part], n: usize, rng: &mut Draw) -> Press {
        let around = rng.between(0.0, std::f64::consts::TAU);
        let down = rng.uniform();
        let level = (1.0 - down * down).sqrt();
        let toward = [level * around.cos(), -down, level * around.sin()];
        let holds = |p: [f64; 3]| parts.iter().any(|part| part.holds(p));
        let solid: Vec<usize> = (0..n.pow(3)).filter(|v| holds(middle(*v, n))).collect();
        let within = solid.get(rng.below(solid.len().max(1)));
        let mut place = within.map_or([0.5; 3], |v| middle(*v, n));
        let mut p = place;
        // Backwards along the line until it has left the grid, half a voxel at a time.
        while p.iter().all(|c| (0.0..1.0).contains(c)) {
            if holds(p) {
                place = p;
            }
            p = std::array::from_fn(|k| p[k] - 0.5 * toward[k] / n as f64);
        }
        let [softest, stiffest] = STIFFNESSES.map(f64::ln);
        Press {
            place,
            toward,
            force: rng.between(FORCES[0], FORCES[1]),
            stiffness: rng.between(softest, stiffest).exp(),
            reach: rng.between(REACHES[0], REACHES[1]),
        }
    }
}

/// Shape i of another stream than that of `shapes`, at rest and pressed: `[depth, height, width, 2]`. The attributes are [`Press::NAMES`].
pub(crate) struct Pressed {
    info: DataInfo,
    key: Key,
    side: usize,
}

impl Pressed {
    /// The test split is another stream.
    ///
    /// # Errors
    /// For a size that is no cube.
    pub(crate) fn new(size: Option<[usize; 2]>, seed: u64, split: &str, limit: usize) -> Result<Pressed> {
        let side = side(size)?;
        let count = if limit == 0 { TRAIN } else { limit };
        let labels = LABELS.map(String::from).to_vec();
        Ok(Pressed {
            info: DataInfo {
                attributes: Press::NAMES.map(String::from).to_vec(),
                shape: vec![side, side, side, 2],
                ..describe(Press::SOURCE, side, count, labels)
            },
            key: Key::new(seed)
                .stream(Press::SOURCE)
                .stream(if split == "test" { "test" } else { "train" }),
            side,
        })
    }
}

impl Dataset for Pressed {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn label(&self, index: usize) -> Option<u32> {
        Some(furniture::class(&mut self.key.step(index as u64).rng()) as u32)
    }

    fn get(&self, index: usize) -> Result<Item> {
        if index >= self.info.count {
            let fix = format!("the last is {}", self.info.count - 1);
            return Err(Error::data(
                Press::SOURCE,
                format!("there is no item {index}"),
                fix,
            ));
        }
        let mut rng = self.key.step(index as u64).rng();
        let class = furniture::class(&mut rng);
        let parts = furniture::parts(class, &mut rng);
        let press = Press::drawn(&parts, self.side, &mut rng);
        let level = |p: [f64; 3]| {
            if parts.iter().any(|part| part.holds(p)) {
                255
            } else {
                0
            }
        };
        let voxel = |v: usize| {
            let p = middle(v, self.side);
            let u = press.moves(p);
            [level(p), level(std::array::from_fn(|k| p[k] - u[k]))]
        };
        Ok(Item {
            values: Values::Bytes((0..self.side.pow(3)).flat_map(voxel).collect()),
            label: Some(class as u32),
            attributes: press.attributes().to_vec(),
            caption: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: at the place itself it moves by force over stiffness, a reach beside it by exp(-1/2) of that, on the floor not at all, and
    /// at half the height to which the floor holds by half.
    #[test]
    fn the_law_by_hand() {
        let press = Press {
            place: [0.5, 0.5, 0.5],
            toward: [0.6, 0.0, -0.8],
            force: 2.0,
            stiffness: 10.0,
            reach: 0.25,
        };
        let near = |had: [f64; 3], want: [f64; 3]| {
            assert!(
                (0..3).all(|k| (had[k] - want[k]).abs() < 1e-9),
                "{had:?} {want:?}"
            );
        };
        near(press.moves([0.5; 3]), [0.12, 0.0, -0.16]);
        let less = (-0.5f64).exp();
        near(press.moves([0.75, 0.5, 0.5]), [0.12 * less, 0.0, -0.16 * less]);
        near(press.moves([0.5, 0.0, 0.5]), [0.0; 3]);
        let low = (-0.5 * (0.375f64 / 0.25).powi(2)).exp() / 2.0;
        near(press.moves([0.5, 0.125, 0.5]), [0.12 * low, 0.0, -0.16 * low]);
        let again = Press::of(&press.attributes());
        assert!((again.toward[2] + 0.8).abs() < 1e-6 && (again.reach - 0.25).abs() < 1e-6);
        let told = press.told();
        assert!(
            told.iter().all(|v| (-1.0..=1.0).contains(v)) && told[..3] == [0.0; 3],
            "{told:?}"
        );
        assert_eq!(told[7], -1.0, "the softest");
    }

    /// The force acts on the shape, from a side or from above, and shapes change.
    #[test]
    fn shapes_give_way_where_they_are_pressed() {
        let (set, n) = (Pressed::new(None, 1, "train", 60).unwrap(), 16);
        let mut changed = 0;
        for i in 0..60 {
            let item = set.get(i).unwrap();
            assert_eq!(item.label, set.label(i));
            let Values::Bytes(bytes) = &item.values else {
                panic!("shapes are bytes")
            };
            let press = Press::of(item.attributes.as_slice().try_into().unwrap());
            assert!((press.toward.iter().map(|d| d * d).sum::<f64>() - 1.0).abs() < 1e-5);
            assert!(press.toward[1] <= 0.0, "nothing pushes from below");
            let far = |v: usize| {
                let p = middle(v, n);
                (0..3)
                    .map(|k| (p[k] - press.place[k]).powi(2))
                    .sum::<f64>()
                    .sqrt()
                    * n as f64
            };
            let both = bytes.as_chunks::<2>().0;
            let nearest = (0..both.len())
                .filter(|v| both[*v][0] == 255)
                .map(far)
                .fold(f64::MAX, f64::min);
            assert!(nearest < 1.8, "{i} is pressed {nearest} voxels away");
            changed += both.iter().filter(|[rest, then]| rest != then).count();
        }
        assert!(changed > 60 * 40, "{changed}");
    }
}
