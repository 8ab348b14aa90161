//! Showers in a calorimeter that are drawn: what its three layers, each with cells of its own, hold of an electron of an energy that was
//! asked for (Paganini, de Oliveira, Nachman 2018, CaloGAN, arXiv:1712.10321, section 2, in fewer cells).
use super::{DataInfo, Dataset, Item, Kind, Values};
use crate::error::Result;
use crate::random::{Draw, Key};
use std::f64::consts::TAU;

/// What they are called.
pub(super) const NAME: &str = "showers";
/// Showers where no limit says otherwise; there is always another.
pub(super) const TRAIN: usize = 4000;

/// Axes of a picture: `[height, width, channel]`.
pub const SHAPE: [usize; 3] = [16, 24, 1];
/// The row in which the energy that was asked for stands: so much of it is filled, from the left, as its share of [`FULL`].
pub const GAUGE: usize = 3;
/// GeV of a cell whose value is 1, and of a full gauge. A cell's value is the root of its share, so that faint ones show.
pub const FULL: f64 = 100.0;
/// Energies that are asked for, in GeV, evenly.
pub const ENERGIES: [f64; 2] = [1.0, 100.0];

/// Where the cells of a layer stand in a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// row and column of the first
    pub at: [usize; 2],
    /// rows and columns of them
    pub cells: [usize; 2],
}

/// From the front to the back; each covers the same square.
pub const LAYERS: [Layer; 3] = [
    Layer {
        at: [0, 0],
        cells: [3, 24],
    },
    Layer {
        at: [4, 0],
        cells: [12, 12],
    },
    Layer {
        at: [4, 15],
        cells: [12, 6],
    },
];

/// What the attributes say: energies in GeV, the ratio of the two, shares of the layers, the width in the middle layer in millimetres, the
/// mean layer, the share of cells that are hit.
const ATTRIBUTES: [&str; 9] = [
    "asked", "total", "response", "front", "middle", "back", "width", "depth", "occupied",
];
/// Depths at which the layers end, in radiation lengths.
const ENDS: [f64; 3] = [6.0, 22.0, 25.0];
/// Millimetres of a layer's side.
const SIDE: f64 = 480.0;
/// GeV at which a particle loses as much by ionization as by radiation.
const CRITICAL: f64 = 0.01;
/// Deposits of a GeV: their number is Poisson's, so that an energy E is measured to 20 % / sqrt(E / GeV).
const DEPOSITS: f64 = 25.0;
/// GeV below which a cell counts as not hit: half a deposit.
const LEAST: f64 = 0.5 / DEPOSITS;

/// How a shower runs along its axis: dE/dt = E b (b t)^(a - 1) exp(-b t) / Gamma(a), a = 1 + b T, with its maximum at T (Longo & Sestili
/// 1975).
#[derive(Clone, Copy)]
struct Profile {
    maximum: f64,
    rate: f64,
}

impl Profile {
    /// Of an electron, T = ln(E / E_c) - 1/2 radiation lengths deep in the mean; where it is, and how fast it falls, differs by 12 % and
    /// by 10 % from shower to shower (of logarithms, as Grindhammer and Peters 1993 have it).
    fn drawn(energy: f64, rng: &mut Draw) -> Profile {
        let mean = (energy / CRITICAL).ln() - 0.5;
        Profile {
            maximum: mean * (0.12 * rng.normal()).exp(),
            rate: 0.5 * (0.1 * rng.normal()).exp(),
        }
    }

    fn shape(self) -> f64 {
        1.0 + self.rate * self.maximum
    }

    /// The depth of a deposit: a draw from the gamma distribution (Marsaglia & Tsang 2000; the shape is above 1).
    fn depth(self, rng: &mut Draw) -> f64 {
        let d = self.shape() - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = rng.normal();
            let v = (1.0 + c * x).powi(3);
            let u = 1.0 - rng.uniform();
            if v > 0.0 && u.ln() < 0.5 * x * x + d * (1.0 - v + v.ln()) {
                return d * v / self.rate;
            }
        }
    }
}

/// How far a deposit lies from the axis, in millimetres, so many maxima deep: exponential, of a narrow core in four cases of five, else
/// of a wide tail; both widen with the depth.
fn radius(depth: f64, rng: &mut Draw) -> f64 {
    let mean = match rng.chance(0.8) {
        true => 6.0 + 6.0 * depth,
        false => 30.0 + 20.0 * depth,
    };
    -mean * (1.0 - rng.uniform()).ln()
}

/// A number of deposits whose mean is that: how many exponential gaps fit in.
fn poisson(mean: f64, rng: &mut Draw) -> usize {
    let (mut at, mut count) = (0.0, 0);
    loop {
        at -= (1.0 - rng.uniform()).ln();
        if at > mean {
            return count;
        }
        count += 1;
    }
}

/// GeV of every cell of a picture, for an electron of that energy that enters near the middle, within 20 mm each way.
fn deposited(energy: f64, rng: &mut Draw) -> Vec<f64> {
    let [height, width, _] = SHAPE;
    let mut cells = vec![0.0; height * width];
    let profile = Profile::drawn(energy, rng);
    let enters = [0; 2].map(|_| SIDE / 2.0 + rng.between(-20.0, 20.0));
    for _ in 0..poisson(energy * DEPOSITS, rng) {
        let depth = profile.depth(rng);
        let far = radius(depth / profile.maximum, rng);
        let (sin, cos) = (rng.uniform() * TAU).sin_cos();
        // What goes out at the back or at a side is lost.
        let Some(layer) = ENDS.iter().position(|end| depth < *end).map(|l| LAYERS[l]) else {
            continue;
        };
        let cell = |along: f64, n: usize| (along / SIDE * n as f64).floor();
        let row = cell(enters[0] + far * sin, layer.cells[0]);
        let column = cell(enters[1] + far * cos, layer.cells[1]);
        let within = |c: f64, n: usize| (0.0..n as f64).contains(&c);
        if within(row, layer.cells[0]) && within(column, layer.cells[1]) {
            let at = [layer.at[0] + row as usize, layer.at[1] + column as usize];
            cells[at[0] * width + at[1]] += 1.0 / DEPOSITS;
        }
    }
    cells
}

/// A picture in [0, 1] of these cells, with the energy that was asked for.
fn pictured(cells: &[f64], asked: f64) -> Vec<f32> {
    let width = SHAPE[1];
    let mut values: Vec<f32> = cells.iter().map(|e| (e.min(FULL) / FULL).sqrt() as f32).collect();
    let filled = asked / FULL * width as f64;
    for (i, v) in values[GAUGE * width..][..width].iter_mut().enumerate() {
        *v = (filled - i as f64).clamp(0.0, 1.0) as f32;
    }
    values
}

/// The attributes of a picture in [0, 1].
fn observed(values: &[f64]) -> [f64; ATTRIBUTES.len()] {
    let width = SHAPE[1];
    let gauge = &values[GAUGE * width..][..width];
    let asked = gauge.iter().sum::<f64>() / width as f64 * FULL;
    let mut energies = [0.0; LAYERS.len()];
    let (mut hit, mut all) = (0, 0);
    // Of the middle layer: energy, and its sums over places and squares of places, by row and by column.
    let mut moments = [[0.0; 2]; 2];
    for (l, layer) in LAYERS.iter().enumerate() {
        for (row, column) in (0..layer.cells[0]).flat_map(|r| (0..layer.cells[1]).map(move |c| (r, c))) {
            all += 1;
            let e = values[(layer.at[0] + row) * width + layer.at[1] + column].powi(2) * FULL;
            if e < LEAST {
                continue;
            }
            hit += 1;
            energies[l] += e;
            if l == 1 {
                for ((sums, at), n) in moments.iter_mut().zip([row, column]).zip(layer.cells) {
                    let place = (at as f64 + 0.5) * SIDE / n as f64;
                    sums[0] += e * place;
                    sums[1] += e * place * place;
                }
            }
        }
    }
    let total: f64 = energies.iter().sum();
    let share = |e: f64, of: f64| if of > 0.0 { e / of } else { 0.0 };
    let [front, middle, back] = energies.map(|e| share(e, total));
    let spread: f64 = moments
        .iter()
        .map(|[first, second]| share(*second, energies[1]) - share(*first, energies[1]).powi(2))
        .sum();
    [
        asked,
        total,
        total / asked.max(ENERGIES[0]),
        front,
        middle,
        back,
        (spread / 2.0).max(0.0).sqrt(),
        middle + 2.0 * back,
        f64::from(hit) / f64::from(all),
    ]
}

/// Shower i is that of an electron of an energy between 1 and 100 GeV. Its deposits are drawn one by one: so deep as [`Profile`] has it, and
/// as far from the axis as [`radius`] says.
pub(super) struct Showers {
    info: DataInfo,
    key: Key,
}

impl Showers {
    /// The test split is another stream of showers.
    pub(super) fn new(seed: u64, split: &str, limit: usize) -> Showers {
        let info = DataInfo {
            source: NAME.to_string(),
            kind: Kind::Image,
            shape: SHAPE.to_vec(),
            count: if limit == 0 { TRAIN } else { limit },
            range: (0.0, 1.0),
            attributes: ATTRIBUTES.map(String::from).to_vec(),
            ..DataInfo::default()
        };
        let key = Key::new(seed)
            .stream(NAME)
            .stream(if split == "test" { "test" } else { "train" });
        Showers { info, key }
    }
}

impl Dataset for Showers {
    fn info(&self) -> &DataInfo {
        &self.info
    }
    fn get(&self, index: usize) -> Result<Item> {
        let mut rng = self.key.step(index as u64).rng();
        let asked = rng.between(ENERGIES[0], ENERGIES[1]);
        let values = pictured(&deposited(asked, &mut rng), asked);
        let wide: Vec<f64> = values.iter().map(|v| f64::from(*v)).collect();
        Ok(Item {
            values: Values::Floats(values),
            label: None,
            attributes: observed(&wide).map(|v| v as f32).to_vec(),
            caption: None,
        })
    }
    /// Of pixels in [-1, 1].
    fn attributes_of(&self, values: &[f32]) -> Option<Vec<f32>> {
        if values.len() != SHAPE.iter().product::<usize>() {
            return None;
        }
        let wide: Vec<f64> = values
            .iter()
            .map(|v| (f64::from(*v) * 0.5 + 0.5).clamp(0.0, 1.0))
            .collect();
        Some(observed(&wide).map(|v| v as f32).to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Simpson's rule.
    fn integral(from: f64, to: f64, f: impl Fn(f64) -> f64) -> f64 {
        let n = 2000;
        let h = (to - from) / n as f64;
        let weight = |i: usize| match i {
            0 => 1.0,
            i if i == n => 1.0,
            i if i % 2 == 1 => 4.0,
            _ => 2.0,
        };
        (0..=n).map(|i| weight(i) * f(from + i as f64 * h)).sum::<f64>() * h / 3.0
    }

    /// The shares of three layers against the integral of the profile, whose own norm is a number here.
    #[test]
    fn depths_are_those_of_the_profile() {
        let profile = Profile {
            maximum: 7.0,
            rate: 0.45,
        };
        let (a, b) = (profile.shape(), profile.rate);
        let density = |t: f64| (b * t).powf(a - 1.0) * (-b * t).exp();
        let whole = integral(0.0, 120.0, density);
        let (mut rng, n) = (Key::new(3).rng(), 40_000);
        let depths: Vec<f64> = (0..n).map(|_| profile.depth(&mut rng)).collect();
        let mut from = 0.0;
        for end in ENDS {
            let share = integral(from, end, density) / whole;
            let had = depths.iter().filter(|t| (from..end).contains(*t)).count() as f64 / n as f64;
            assert!(
                (share - had).abs() < 5.0 * (0.25 / n as f64).sqrt(),
                "{share} {had}"
            );
            from = end;
        }
    }

    /// What lies within a radius, in closed form: 1 - 0.8 exp(-r / 12) - 0.2 exp(-r / 50) at the maximum.
    #[test]
    fn radii_are_of_two_exponentials() {
        let (mut rng, n) = (Key::new(4).rng(), 40_000);
        let all: Vec<f64> = (0..n).map(|_| radius(1.0, &mut rng)).collect();
        for r in [5.0, 20.0, 80.0] {
            let within = 1.0 - 0.8 * f64::exp(-r / 12.0) - 0.2 * f64::exp(-r / 50.0);
            let had = all.iter().filter(|v| **v < r).count() as f64 / n as f64;
            assert!((within - had).abs() < 0.0125, "{r}: {within} {had}");
        }
        let counts: Vec<f64> = (0..2000).map(|_| poisson(30.0, &mut rng) as f64).collect();
        let mean = counts.iter().sum::<f64>() / 2000.0;
        let square = counts.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / 2000.0;
        assert!(
            (mean - 30.0).abs() < 0.6 && (square - 30.0).abs() < 4.5,
            "{mean} {square}"
        );
    }

    /// Two cells by hand, and nothing at all.
    #[test]
    fn what_is_observed_by_hand() {
        let mut cells = vec![0.0; SHAPE.iter().product()];
        let [first, middle, last] = LAYERS.map(|l| l.at[0] * SHAPE[1] + l.at[1]);
        (cells[first], cells[middle], cells[middle + 3], cells[last]) = (2.0, 3.0, 3.0, 2.0);
        let wide =
            |cells: &[f64]| -> Vec<f64> { pictured(cells, 20.0).iter().map(|v| f64::from(*v)).collect() };
        // Half of six GeV lies 60 mm to the left of their middle, half to the right: a variance of 3600 in one of two directions.
        let want = [20.0, 10.0, 0.5, 0.2, 0.6, 0.2, 1800f64.sqrt(), 1.0, 4.0 / 288.0];
        let had = observed(&wide(&cells));
        assert!(had.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-4), "{had:?}");
        let nothing = observed(&wide(&vec![0.0; cells.len()]));
        assert!(nothing[1..].iter().all(|v| *v == 0.0), "{nothing:?}");
    }

    #[test]
    fn energies_are_measured_as_they_were_asked_for() {
        let set = Showers::new(1, "train", 300);
        let mut responses = vec![];
        for i in 0..300 {
            let item = set.get(i).unwrap();
            let Values::Floats(v) = &item.values else {
                panic!("floats")
            };
            let shown: Vec<f32> = v.iter().map(|v| v * 2.0 - 1.0).collect();
            let again = set.attributes_of(&shown).unwrap();
            assert!(
                again
                    .iter()
                    .zip(&item.attributes)
                    .all(|(a, b)| (a - b).abs() < 0.01 * b.abs().max(1.0))
            );
            let [asked, total, response, front, middle, back, width, ..] = item.attributes[..] else {
                panic!("nine")
            };
            assert!((1.0..100.1).contains(&asked) && (front + middle + back - 1.0).abs() < 1e-4);
            assert!(total > 0.0 && (10.0..80.0).contains(&width), "{total} {width}");
            if asked > 20.0 {
                responses.push(response);
            }
        }
        let n = responses.len() as f32;
        let mean = responses.iter().sum::<f32>() / n;
        let spread = (responses.iter().map(|r| (r - mean).powi(2)).sum::<f32>() / n).sqrt();
        // A little goes out at the sides and at the back.
        assert!(
            (0.95..1.0).contains(&mean) && (0.01..0.06).contains(&spread),
            "{mean} {spread}"
        );
    }
}
