//! `dsprites`: white squares, ellipses and hearts on black, drawn from five factors that take every combination of their
//! values once (Matthey, Higgins, Hassabis, Lerchner 2017, dSprites: Disentanglement testing Sprites dataset).
//!
//! | factor | values |
//! |---|---|
//! | `shape` | 0 square, 1 ellipse, 2 heart (also the label) |
//! | `scale` | 6 from 0.5 to 1 |
//! | `rotation` | 40 from 0 to 351 degrees, counterclockwise |
//! | `x`, `y` | 32 each from 0 to 1: the place of the centre of mass, from the left and from the top |
//!
//! The grid is the original's, of 737,280 images; the drawing is this program's own. In a square image of side s a shape of
//! scale 1 lies in the circle of radius s/4 around its centre of mass and touches it, and the centre moves over the middle
//! half of the image, so that no shape is ever cut off. A pixel's brightness is the area of it that is covered, exactly
//! (the curves are polygons of 512 sides), so any size can be drawn, where the original is black and white at 64x64. The
//! original's forty angles go from 0 to 2 pi and give the upright shapes twice; these are 9 degrees apart.
use super::{DataInfo, Dataset, Item, Kind, Values};
use crate::error::{Error, Result};
use crate::random::Key;
use std::f64::consts::TAU;

/// Names of the classes.
const SHAPES: [&str; 3] = ["square", "ellipse", "heart"];
/// Names of the factors.
const FACTORS: [&str; 5] = ["shape", "scale", "rotation", "x", "y"];
/// How many values each factor takes.
const VALUES: [usize; 5] = [3, 6, 40, 32, 32];
/// All their combinations.
const ALL: usize = 3 * 6 * 40 * 32 * 32;
/// Sides of the polygon that an ellipse or a heart is drawn as; its area falls short by 6 parts in 100,000 at most.
const SIDES: usize = 512;
/// Largest side of an image in pixels.
const LARGEST: usize = 4096;

/// What an image is drawn from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Factors {
    /// index into [`SHAPES`]
    shape: usize,
    scale: f64,
    /// degrees, counterclockwise
    rotation: f64,
    /// 0 to 1
    place: [f64; 2],
}

impl Factors {
    /// The combination of a number below [`ALL`], in the original's order: `y` changes fastest, `shape` slowest.
    fn of(number: usize) -> Factors {
        let mut rest = number;
        let mut at = [0; 5];
        for (at, values) in at.iter_mut().zip(VALUES).rev() {
            (*at, rest) = (rest % values, rest / values);
        }
        Factors {
            shape: at[0],
            scale: 0.5 + 0.1 * at[1] as f64,
            rotation: 9.0 * at[2] as f64,
            place: [at[3] as f64 / 31.0, at[4] as f64 / 31.0],
        }
    }

    fn to_vec(self) -> Vec<f32> {
        let [x, y] = self.place;
        [self.shape as f64, self.scale, self.rotation, x, y]
            .map(|v| v as f32)
            .to_vec()
    }

    /// The outline in pixels of an image `[height, width]`, y downwards.
    fn outline(self, [height, width]: [usize; 2]) -> Vec<[f64; 2]> {
        let side = height.min(width) as f64;
        let radius = 0.25 * side * self.scale;
        let turn = |k: usize| TAU * k as f64 / SIDES as f64;
        // Around the centre of mass, y upwards, in units of the radius.
        let unit: Vec<[f64; 2]> = match self.shape {
            0 => (0..4)
                .map(|k| TAU * (2 * k + 1) as f64 / 8.0)
                .map(|a| [a.cos(), a.sin()])
                .collect(),
            1 => (0..SIDES).map(turn).map(|a| [a.cos(), 0.5 * a.sin()]).collect(),
            _ => (0..SIDES).map(turn).map(heart).collect(),
        };
        let (sin, cos) = self.rotation.to_radians().sin_cos();
        let centre = |place: f64, extent: usize| 0.5 * extent as f64 + (place - 0.5) * 0.5 * side;
        let (cx, cy) = (centre(self.place[0], width), centre(self.place[1], height));
        let place = |[x, y]: [f64; 2]| {
            [
                cx + radius * (cos * x - sin * y),
                cy - radius * (sin * x + cos * y),
            ]
        };
        unit.into_iter().map(place).collect()
    }

    /// The image, `height * width` bytes.
    fn draw(self, size: [usize; 2]) -> Vec<u8> {
        let byte = |c: &f64| (255.0 * c.clamp(0.0, 1.0)).round() as u8;
        coverage(&self.outline(size), size).iter().map(byte).collect()
    }
}

/// The heart x = 16 sin^3 t, y = 13 cos t - 5 cos 2t - 2 cos 3t - cos 4t. By its Fourier series its area is 180 pi and its centre
/// of mass (0, 5/6); the tip, the farthest point from there, is 107/6 away, which is the unit here.
fn heart(t: f64) -> [f64; 2] {
    let y = 13.0 * t.cos() - 5.0 * (2.0 * t).cos() - 2.0 * (3.0 * t).cos() - (4.0 * t).cos();
    [
        16.0 * t.sin().powi(3) * 6.0 / 107.0,
        (y - 5.0 / 6.0) * 6.0 / 107.0,
    ]
}

/// The share of each pixel of an image `[height, width]` that lies inside of a simple polygon within the image, exactly.
///
/// Along a row, the area to the right of an edge is added or taken away as the edge goes up or down; what an edge gives
/// pixel x is its height in the row times the mean over the edge of clamp(x + 1 - e, 0, 1), e the edge's place.
fn coverage(polygon: &[[f64; 2]], [height, width]: [usize; 2]) -> Vec<f64> {
    // The change from pixel to pixel; one more than pixels, for edges on the right border.
    let mut change = vec![0.0; height * (width + 1)];
    // Antiderivative of clamp(u, 0, 1).
    let ramp = |u: f64| {
        if u <= 0.0 {
            0.0
        } else if u < 1.0 {
            0.5 * u * u
        } else {
            u - 0.5
        }
    };
    for (i, &[x0, y0]) in polygon.iter().enumerate() {
        let [x1, y1] = polygon[(i + 1) % polygon.len()];
        let slope = (x1 - x0) / (y1 - y0);
        let (top, bottom) = (y0.min(y1).max(0.0), y0.max(y1).min(height as f64));
        if top >= bottom {
            continue;
        }
        for row in top as usize..(bottom.ceil() as usize).min(height) {
            let (from, to) = (top.max(row as f64), bottom.min((row + 1) as f64));
            let tall = if y1 > y0 { to - from } else { from - to };
            let at = |y: f64| (x0 + (y - y0) * slope).clamp(0.0, width as f64);
            let (left, right) = (at(from).min(at(to)), at(from).max(at(to)));
            let of_row = &mut change[row * (width + 1)..][..width + 1];
            let mut before = 0.0;
            for x in left as usize..=width.min(right.ceil() as usize) {
                let u = (x + 1) as f64;
                let share = match right - left > 1e-9 {
                    true => (ramp(u - left) - ramp(u - right)) / (right - left),
                    false => (u - left).clamp(0.0, 1.0),
                };
                of_row[x] += tall * (share - before);
                before = share;
            }
        }
    }
    // Whichever way round the polygon goes.
    let row = |row: &[f64]| -> Vec<f64> {
        let sums = row[..width].iter().scan(0.0, |sum, c| {
            *sum += c;
            Some(f64::abs(*sum))
        });
        sums.collect()
    };
    change.chunks_exact(width + 1).flat_map(row).collect()
}

/// A random order of all combinations, of which any place can be asked for at once: a Feistel network of four rounds over
/// 20 bits (Luby & Rackoff 1988), walked on until it comes to a number below [`ALL`].
struct Order([Vec<u16>; 4]);

impl Order {
    fn new(key: Key) -> Order {
        Order(std::array::from_fn(|round| {
            let mut draw = key.step(round as u64).rng();
            (0..1024).map(|_| draw.below(1024) as u16).collect()
        }))
    }

    fn of(&self, place: usize) -> usize {
        let mut number = place;
        loop {
            let (mut high, mut low) = (number >> 10, number & 1023);
            for round in &self.0 {
                (high, low) = (low, high ^ round[low] as usize);
            }
            number = high << 10 | low;
            if number < ALL {
                return number;
            }
        }
    }
}

/// Sprites in an order of the seed's: item `i` of a seed and split is always the same.
pub(super) struct Sprites {
    info: DataInfo,
    order: Order,
    /// the place in the order of the first item
    first: usize,
}

impl Sprites {
    /// Images of the test part: a tenth of all.
    pub(crate) const TEST: usize = ALL / 10;
    /// Images of the training part: all others.
    pub(crate) const TRAIN: usize = ALL - Self::TEST;

    /// The first `limit` images of a part (0: all), `[height, width]`. Every combination is in one of the two parts; `all`
    /// is the training part and then the test part.
    ///
    /// # Errors
    /// [`Error::Data`] for images of under 8 or over 4096 pixels, and for more images than there are.
    pub(crate) fn new([height, width]: [usize; 2], seed: u64, split: &str, limit: usize) -> Result<Sprites> {
        if [height, width].iter().any(|s| !(8..=LARGEST).contains(s)) {
            return Err(Error::data(
                "dsprites",
                format!("cannot be drawn at {height}x{width} pixels"),
                format!("ask for 8 to {LARGEST} pixels a side"),
            ));
        }
        let (first, count) = match split {
            "train" => (0, Self::TRAIN),
            "test" => (Self::TRAIN, Self::TEST),
            _ => (0, ALL),
        };
        if limit > count {
            return Err(Error::data(
                "dsprites",
                format!("{limit} items were asked for, but this part has {count}"),
                "leave --limit out, or ask for fewer",
            ));
        }
        let text = |names: &[&str]| names.iter().map(|n| n.to_string()).collect();
        let info = DataInfo {
            source: "dsprites".into(),
            kind: Kind::Image,
            shape: vec![height, width, 1],
            count: if limit == 0 { count } else { limit },
            range: (0.0, 255.0),
            labels: text(&SHAPES),
            attributes: text(&FACTORS),
            ..DataInfo::default()
        };
        Ok(Sprites {
            info,
            order: Order::new(Key::new(seed).stream("dsprites")),
            first,
        })
    }

    fn factors(&self, index: usize) -> Factors {
        Factors::of(self.order.of(self.first + index))
    }
}

impl Dataset for Sprites {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn label(&self, index: usize) -> Option<u32> {
        Some(self.factors(index).shape as u32)
    }

    fn get(&self, index: usize) -> Result<Item> {
        if index >= self.info.count {
            return Err(Error::data(
                "dsprites",
                format!("there is no item {index}"),
                format!("the last is {}", self.info.count - 1),
            ));
        }
        let factors = self.factors(index);
        Ok(Item {
            values: Values::Bytes(factors.draw([self.info.shape[0], self.info.shape[1]])),
            label: Some(factors.shape as u32),
            attributes: factors.to_vec(),
            caption: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::f64::consts::PI;

    /// Area and centre of mass of an image, in pixels, the centre of the first pixel at (1/2, 1/2).
    fn moments(image: &[f64], width: usize) -> [f64; 3] {
        let sums = image.iter().enumerate().fold([0.0; 3], |s, (i, v)| {
            let (x, y) = ((i % width) as f64 + 0.5, (i / width) as f64 + 0.5);
            [s[0] + v, s[1] + v * x, s[2] + v * y]
        });
        [sums[0], sums[1] / sums[0], sums[2] / sums[0]]
    }

    #[test]
    fn areas_and_centres_are_those_of_the_closed_forms() {
        // Of radius 1: a square of half diagonal 1, an ellipse of half axes 1 and 1/2, the heart.
        let areas = [2.0, PI / 2.0, 180.0 * PI * (6.0f64 / 107.0).powi(2)];
        for number in (0..ALL).step_by(7919) {
            let f = Factors::of(number);
            for size in [[64, 64], [33, 57]] {
                let [area, x, y] = moments(&coverage(&f.outline(size), size), size[1]);
                let side = size[0].min(size[1]) as f64;
                let want = areas[f.shape] * (0.25 * side * f.scale).powi(2);
                assert!((area / want - 1.0).abs() < 1e-4, "{f:?}: {area}, not {want}");
                let at = |place: f64, extent: usize| 0.5 * extent as f64 + (place - 0.5) * 0.5 * side;
                // A pixel's middle stands for what is covered of it.
                let (x0, y0) = (at(f.place[0], size[1]), at(f.place[1], size[0]));
                assert!(
                    (x - x0).abs() < 0.02 && (y - y0).abs() < 0.02,
                    "{f:?}: {x} {y}, not {x0} {y0}"
                );
            }
            let bytes: f64 = f.draw([64, 64]).iter().map(|&b| b as f64 / 255.0).sum();
            let exact: f64 = coverage(&f.outline([64, 64]), [64, 64]).iter().sum();
            assert!((bytes - exact).abs() < 0.5, "{f:?}");
        }
    }

    #[test]
    fn coverage_of_a_triangle_by_hand() {
        // (0, 0), (4, 0), (0, 2), either way round: pixel (0, 0) is full but for nothing, the last two lose a corner.
        let want = [1.0, 1.0, 0.75, 0.25, 0.75, 0.25, 0.0, 0.0];
        for polygon in [[[0., 0.], [4., 0.], [0., 2.]], [[0., 0.], [0., 2.], [4., 0.]]] {
            let found = coverage(&polygon, [2, 4]);
            assert!(
                found.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-12),
                "{found:?}"
            );
        }
        // A part of a pixel.
        let square = [[1.25, 0.5], [1.75, 0.5], [1.75, 0.75], [1.25, 0.75]];
        assert_eq!(coverage(&square, [1, 3]), [0.0, 0.125, 0.0]);
    }

    #[test]
    fn a_shape_turns_counterclockwise_and_touches_its_circle() {
        let upright = Factors {
            shape: 2,
            scale: 1.0,
            rotation: 0.0,
            place: [0.5, 0.5],
        };
        let tip = |f: Factors| {
            let outline = f.outline([64, 64]);
            let far = |p: &[f64; 2]| (p[0] - 32.0).hypot(p[1] - 32.0);
            assert!(outline.iter().all(|p| far(p) < 16.0 + 1e-9));
            *outline.iter().max_by(|a, b| far(a).total_cmp(&far(b))).unwrap()
        };
        let [x, y] = tip(upright);
        assert!(
            (x - 32.0).abs() < 1e-9 && (y - 48.0).abs() < 1e-9,
            "the tip is below"
        );
        let turned = Factors {
            rotation: 90.0,
            ..upright
        };
        let [x, y] = tip(turned);
        assert!(
            (x - 48.0).abs() < 1e-9 && (y - 32.0).abs() < 1e-9,
            "and then on the right"
        );
    }

    #[test]
    fn every_combination_is_in_one_part_once() {
        let order = Order::new(Key::new(4));
        let mut seen = vec![false; ALL];
        (0..ALL).for_each(|i| seen[order.of(i)] = true);
        assert!(seen.iter().all(|s| *s));
        let different: BTreeSet<Vec<u32>> = (0..ALL)
            .step_by(97)
            .map(|n| Factors::of(n).to_vec().iter().map(|v| v.to_bits()).collect())
            .collect();
        assert_eq!(different.len(), ALL.div_ceil(97));
        let set = |split: &str, seed, limit| Sprites::new([16, 16], seed, split, limit).unwrap();
        let (train, test, all) = (set("train", 0, 0), set("test", 0, 0), set("all", 0, 0));
        assert_eq!(
            [train.info.count, test.info.count, all.info.count],
            [663_552, 73_728, 737_280]
        );
        assert_eq!(all.get(5).unwrap(), train.get(5).unwrap());
        assert_eq!(all.get(663_552 + 5).unwrap(), test.get(5).unwrap());
        assert_eq!(set("train", 0, 9).get(5).unwrap(), train.get(5).unwrap());
        assert_ne!(set("train", 1, 9).get(5).unwrap(), train.get(5).unwrap());
        // The parts hold every value of every factor in even shares.
        for set in [train, test] {
            let mut counts = vec![[0usize; 40]; 5];
            for i in 0..12_000 {
                let f = set.factors(i);
                let at = [
                    f.shape,
                    (f.scale * 10.0 - 5.0).round() as usize,
                    (f.rotation / 9.0).round() as usize,
                    (f.place[0] * 31.0).round() as usize,
                    (f.place[1] * 31.0).round() as usize,
                ];
                counts.iter_mut().zip(at).for_each(|(c, at)| c[at] += 1);
            }
            for (counts, values) in counts.iter().zip(VALUES) {
                let even = 12_000.0 / values as f64;
                let far = counts[..values]
                    .iter()
                    .map(|&c| (c as f64 - even).abs() / even.sqrt());
                assert!(far.fold(0.0, f64::max) < 4.5, "{counts:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_drawn_is_refused() {
        let e = Sprites::new([4, 64], 0, "train", 0).err().unwrap().to_string();
        assert!(e.contains("4x64"), "{e}");
        let e = Sprites::new([64, 64], 0, "test", 100_000)
            .err()
            .unwrap()
            .to_string();
        assert!(e.contains("73728"), "{e}");
    }
}
