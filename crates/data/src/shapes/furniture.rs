//! Furniture that is drawn from five parameters: boxes, cylinders and cones, cut into voxels.
use super::{describe, side};
use crate::error::Result;
use crate::random::{Draw, Key};
use crate::{DataInfo, Dataset, Item, Values};

/// What it is called.
pub(crate) const NAME: &str = "shapes";
/// Voxels of a side where no size says otherwise.
pub(crate) const SIDE: usize = 16;
/// Shapes where no limit says otherwise; there is always another.
pub(crate) const TRAIN: usize = 4000;

pub(super) const LABELS: [&str; 5] = ["chair", "cup", "lamp", "shelf", "table"];
const ATTRIBUTES: [&str; 5] = ["width", "depth", "height", "thickness", "detail"];

/// A part of a shape; x to the right, y up, z away from the viewer, all in [0, 1].
pub(super) enum Part {
    /// from its least corner to its greatest
    Block([f64; 3], [f64; 3]),
    /// around the upright line through (x, z), from y to y, of radii at both ends; hollow within the share of the radius
    Round {
        at: [f64; 2],
        from: [f64; 2],
        to: [f64; 2],
        hollow: f64,
    },
    /// a ring in a plane of one z: its middle, the radius of the ring and of what it is bent of
    Ring([f64; 3], f64, f64),
}

impl Part {
    pub(super) fn holds(&self, [x, y, z]: [f64; 3]) -> bool {
        match self {
            Part::Block(low, high) => (0..3).all(|k| {
                let v = [x, y, z][k];
                low[k] <= v && v < high[k]
            }),
            Part::Round {
                at,
                from: [y0, r0],
                to: [y1, r1],
                hollow,
            } => {
                if !(*y0..*y1).contains(&y) {
                    return false;
                }
                let r = r0 + (r1 - r0) * (y - y0) / (y1 - y0);
                let far = (x - at[0]).hypot(z - at[1]);
                far < r && far >= r * hollow
            }
            Part::Ring(middle, radius, thick) => {
                let off = (x - middle[0]).hypot(y - middle[1]) - radius;
                off.hypot(z - middle[2]) < *thick
            }
        }
    }
}

/// Five numbers of a shape, as the attributes say.
#[derive(Clone, Copy)]
struct Parameters {
    width: f64,
    depth: f64,
    height: f64,
    thick: f64,
    detail: f64,
}

impl Parameters {
    fn drawn(class: usize, rng: &mut Draw) -> Parameters {
        // Width, depth, height, thickness, each from least to most.
        let [w, d, h, t] = match class {
            0 => [(0.5, 0.8), (0.5, 0.8), (0.7, 0.98), (0.09, 0.14)],
            1 => [(0.4, 0.6), (0.4, 0.6), (0.4, 0.8), (0.08, 0.12)],
            2 => [(0.4, 0.8), (0.3, 0.6), (0.75, 0.98), (0.08, 0.13)],
            3 => [(0.5, 0.9), (0.3, 0.5), (0.7, 0.98), (0.07, 0.1)],
            _ => [(0.6, 0.95), (0.6, 0.95), (0.45, 0.8), (0.09, 0.14)],
        };
        let mut of = |(low, high): (f64, f64)| rng.between(low, high);
        Parameters {
            width: of(w),
            depth: of(d),
            height: of(h),
            thick: of(t),
            detail: of((0.0, 1.0)),
        }
    }

    fn parts(self, class: usize) -> Vec<Part> {
        match class {
            0 => self.chair(),
            1 => self.cup(),
            2 => self.lamp(),
            3 => self.shelf(),
            _ => self.table(),
        }
    }

    /// The extent in x and in z.
    fn sides(self) -> [[f64; 2]; 2] {
        [self.width, self.depth].map(|s| [0.5 - s / 2.0, 0.5 + s / 2.0])
    }

    /// Four legs up to a height.
    fn legs(self, up: f64) -> Vec<Part> {
        let ([[x0, x1], [z0, z1]], t) = (self.sides(), self.thick);
        let leg = |x: f64, z: f64| Part::Block([x, 0.0, z], [x + t, up, z + t]);
        vec![leg(x0, z0), leg(x1 - t, z0), leg(x0, z1 - t), leg(x1 - t, z1 - t)]
    }

    /// A seat at half its height, a back, and arms where the detail is above one half.
    fn chair(self) -> Vec<Part> {
        let ([[x0, x1], [z0, z1]], t) = (self.sides(), self.thick);
        let seat = 0.48 * self.height;
        let mut parts = self.legs(seat);
        parts.push(Part::Block([x0, seat - t, z0], [x1, seat, z1]));
        parts.push(Part::Block([x0, seat, z1 - t], [x1, self.height, z1]));
        if self.detail > 0.5 {
            let up = seat + 0.22 * self.height;
            parts.push(Part::Block([x0, seat, z0], [x0 + t, up, z1]));
            parts.push(Part::Block([x1 - t, seat, z0], [x1, up, z1]));
        }
        parts
    }

    /// A wall around nothing, on a bottom, with a handle of a size that the detail says.
    fn cup(self) -> Vec<Part> {
        let (r, t, h) = (self.width / 2.0, self.thick, self.height);
        let at = [0.4, 0.5];
        let round = |y0: f64, y1: f64, hollow: f64| Part::Round {
            at,
            from: [y0, r],
            to: [y1, r],
            hollow,
        };
        let handle = h * (0.18 + 0.12 * self.detail);
        vec![
            round(0.0, t, 0.0),
            round(t, h, 1.0 - t / r),
            Part::Ring([at[0] + r, h / 2.0, at[1]], handle, 0.6 * t),
        ]
    }

    /// A foot, a pole and a shade that is narrower at its top by the detail.
    fn lamp(self) -> Vec<Part> {
        let (h, t, at) = (self.height, self.thick, [0.5, 0.5]);
        let round = |from: [f64; 2], to: [f64; 2]| Part::Round {
            at,
            from,
            to,
            hollow: 0.0,
        };
        let (foot, shade) = (self.depth / 2.0, self.width / 2.0);
        vec![
            round([0.0, foot], [t, foot]),
            round([0.0, 0.7 * t], [h, 0.7 * t]),
            round([0.62 * h, shade], [h, shade * (1.0 - 0.7 * self.detail)]),
        ]
    }

    /// A box open to the front, with one to three boards by the detail.
    fn shelf(self) -> Vec<Part> {
        let ([[x0, x1], [z0, z1]], t, h) = (self.sides(), self.thick, self.height);
        let board = |y: f64| Part::Block([x0, y, z0], [x1, y + t, z1]);
        let boards = 1 + (3.0 * self.detail).min(2.0) as usize;
        let mut parts = vec![
            Part::Block([x0, 0.0, z0], [x0 + t, h, z1]),
            Part::Block([x1 - t, 0.0, z0], [x1, h, z1]),
            Part::Block([x0, 0.0, z1 - t], [x1, h, z1]),
        ];
        let gap = (h - t) / (boards + 1) as f64;
        parts.extend((0..boards + 2).map(|i| board(i as f64 * gap)));
        parts
    }

    /// A top on four legs, or on one column where the detail is above one half.
    fn table(self) -> Vec<Part> {
        let ([[x0, x1], [z0, z1]], t, h) = (self.sides(), self.thick, self.height);
        let mut parts = vec![Part::Block([x0, h - t, z0], [x1, h, z1])];
        match self.detail > 0.5 {
            true => {
                let round = |from: [f64; 2], to: [f64; 2]| Part::Round {
                    at: [0.5; 2],
                    from,
                    to,
                    hollow: 0.0,
                };
                parts.push(round([0.0, t], [h, t]));
                parts.push(round([0.0, self.width / 3.0], [t, self.width / 3.0]));
            }
            false => parts.extend(self.legs(h)),
        }
        parts
    }
}

/// Shape i is of a class drawn evenly, of parameters drawn evenly within what suits the class, upright and seen from the front; a
/// voxel is solid where its middle is. The attributes are the parameters.
pub(crate) struct Furniture {
    info: DataInfo,
    key: Key,
    side: usize,
}

impl Furniture {
    /// The test split is another stream of shapes.
    ///
    /// # Errors
    /// For a size that is no cube.
    pub(crate) fn new(size: Option<[usize; 2]>, seed: u64, split: &str, limit: usize) -> Result<Furniture> {
        let side = side(size)?;
        let count = if limit == 0 { TRAIN } else { limit };
        Ok(Furniture {
            info: DataInfo {
                attributes: ATTRIBUTES.map(String::from).to_vec(),
                ..describe(NAME, side, count, LABELS.map(String::from).to_vec())
            },
            key: Key::new(seed)
                .stream(NAME)
                .stream(if split == "test" { "test" } else { "train" }),
            side,
        })
    }
}

/// The class of a shape; the first that is drawn of it.
pub(super) fn class(rng: &mut Draw) -> usize {
    rng.below(LABELS.len())
}

/// The parts of a shape of that class.
pub(super) fn parts(class: usize, rng: &mut Draw) -> Vec<Part> {
    Parameters::drawn(class, rng).parts(class)
}

/// The middle of voxel `v` of a grid of that side: x to the right, y up, z away from the viewer, in [0, 1].
pub(super) fn middle(v: usize, side: usize) -> [f64; 3] {
    let of = |i: usize| (i as f64 + 0.5) / side as f64;
    let (depth, row, column) = (v / (side * side), v / side % side, v % side);
    [of(column), 1.0 - of(row), of(depth)]
}

impl Dataset for Furniture {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn label(&self, index: usize) -> Option<u32> {
        Some(class(&mut self.key.step(index as u64).rng()) as u32)
    }

    fn get(&self, index: usize) -> Result<Item> {
        let mut rng = self.key.step(index as u64).rng();
        let class = class(&mut rng);
        let p = Parameters::drawn(class, &mut rng);
        let parts = p.parts(class);
        let n = self.side;
        let solid = |v: usize| parts.iter().any(|part| part.holds(middle(v, n)));
        Ok(Item {
            values: Values::Bytes((0..n * n * n).map(|v| if solid(v) { 255 } else { 0 }).collect()),
            label: Some(class as u32),
            attributes: [p.width, p.depth, p.height, p.thick, p.detail]
                .map(|v| v as f32)
                .to_vec(),
            caption: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(size: Option<[usize; 2]>) -> Furniture {
        Furniture::new(size, 1, "train", 200).unwrap()
    }

    fn solid(item: &Item) -> Vec<bool> {
        let Values::Bytes(v) = &item.values else {
            panic!("bytes")
        };
        v.iter().map(|b| *b == 255).collect()
    }

    /// Every shape stands on the floor, has one piece, and is as high as its parameter says.
    #[test]
    fn shapes_stand_and_hang_together() {
        let (set, n) = (set(None), SIDE);
        let mut seen = [0; LABELS.len()];
        for i in 0..200 {
            let item = set.get(i).unwrap();
            assert_eq!(item.label, set.label(i));
            let class = item.label.unwrap() as usize;
            seen[class] += 1;
            let v = solid(&item);
            let row = |r: usize| (0..n * n * n).any(|k| k / n % n == r && v[k]);
            assert!(row(n - 1), "{} {i} floats", LABELS[class]);
            let top = (0..n).find(|r| row(*r)).unwrap();
            let height = (n - top) as f32 / n as f32;
            assert!(
                (height - item.attributes[2]).abs() <= 1.0 / n as f32,
                "{} {i}",
                LABELS[class]
            );
            // What can be reached from one voxel is all there is.
            let first = v.iter().position(|s| *s).unwrap();
            let (mut reached, mut next) = (vec![false; v.len()], vec![first]);
            reached[first] = true;
            while let Some(k) = next.pop() {
                let [z, y, x] = [k / (n * n), k / n % n, k % n];
                for (dz, dy, dx) in (0..27).map(|d| (d / 9, d / 3 % 3, d % 3)) {
                    let [z, y, x] = [z + dz, y + dy, x + dx];
                    if [z, y, x].iter().any(|c| *c < 1 || *c > n) {
                        continue;
                    }
                    let k = ((z - 1) * n + y - 1) * n + x - 1;
                    if v[k] && !reached[k] {
                        reached[k] = true;
                        next.push(k);
                    }
                }
            }
            assert_eq!(reached, v, "{} {i} is in pieces", LABELS[class]);
        }
        assert!(seen.iter().all(|s| *s > 20), "{seen:?}");
    }

    #[test]
    fn sizes_are_cubes() {
        assert_eq!(set(Some([9, 9])).info().shape, [9, 9, 9, 1]);
        let e = Furniture::new(Some([16, 8]), 1, "train", 1)
            .err()
            .unwrap()
            .to_string();
        assert!(e.contains("data.size") && e.contains("--size 16"), "{e}");
        let e = Furniture::new(Some([4, 4]), 1, "train", 1)
            .err()
            .unwrap()
            .to_string();
        assert!(e.contains("8 to 128"), "{e}");
    }
}
