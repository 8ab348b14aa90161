//! Maps of amplitudes that are drawn: how strongly a receiver hears the subcarriers of a Wi-Fi channel, at places of a room whose walls throw the
//! waves back. What a map looks like tells where it was measured.
use super::{DataInfo, Dataset, Item, Kind, Values};
use crate::error::Result;
use crate::random::{Draw, Key};
use std::f64::consts::{PI, TAU};

/// What it is called.
pub(super) const NAME: &str = "wifi";
/// Subcarriers, packets and antennas of a map.
pub(super) const SHAPE: [usize; 3] = [30, 16, 3];
/// Maps where no limit says otherwise; there is always another.
pub(super) const TRAIN: usize = 300;
/// Of the test split.
const TEST: usize = 450;

/// Width and depth of the room in metres.
const ROOM: [f64; 2] = [6.0, 5.0];
const TRANSMITTER: [f64; 2] = [0.7, 4.2];
/// Places at which maps are measured: so many columns, a metre apart, of so many rows; the first lies a metre from either wall.
const COLUMNS: usize = 5;
const ROWS: usize = 3;
/// How far a receiver is put down from its place, in metres, at most, along either axis.
const BESIDE: f64 = 0.01;
/// Metres a second.
const LIGHT: f64 = 299_792_458.0;
/// The middle of the channel, and its width, in Hz.
const CHANNEL: [f64; 2] = [5.32e9, 40e6];
/// What a wall leaves of a field.
const WALL: f64 = -0.6;
/// Reflections of a path, at most.
const REFLECTIONS: i32 = 2;
/// What a person throws back of a field, a metre away from both.
const PERSON: f64 = 0.3;
/// Metres that a person walks from packet to packet.
const STEP: f64 = 0.01;
/// Standard deviation of the receiver's noise, real and imaginary part each.
const NOISE: f64 = 0.015;
/// Mean amplitudes that make a value of 1.
const FULL: f64 = 2.5;

/// Map i is measured at place i mod 15. With d_p the length of the path p from the transmitter, and r_p how often it is thrown back (at most
/// twice: 13 paths), the receiver hears of the subcarrier f
///
/// h(f) = sum_p (-0.6)^{r_p} / d_p exp(-2 pi i f d_p / c) + 0.3 / (0.5 + a b) exp(-2 pi i f (a + b) / c) + noise,
///
/// a and b being how far a person, who walks 1 cm from one packet to the next, somewhere in the room, is from both. Three antennas stand half a wavelength apart, and the
/// receiver within a centimetre of its place along either axis. A map is |h| over 2.5 of its means, for receivers set their own gain.
pub(super) struct Wifi {
    info: DataInfo,
    key: Key,
}

/// Where place `p` lies, in metres.
fn place(p: usize) -> [f64; 2] {
    [1.0 + (p / ROWS) as f64, 1.0 + (p % ROWS) as f64]
}

fn apart(a: [f64; 2], b: [f64; 2]) -> f64 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// Where a source seems to stand that is seen by way of the walls, and by how many of them (Allen & Berkley 1979): n of an axis are its
/// reflections in one wall and the other in turn.
fn mirrored(source: [f64; 2]) -> Vec<([f64; 2], i32)> {
    let along = |axis: usize, n: i32| {
        let own = match n % 2 {
            0 => source[axis],
            _ => ROOM[axis] - source[axis],
        };
        f64::from(n) * ROOM[axis] + own
    };
    let all = (-REFLECTIONS..=REFLECTIONS).flat_map(|m| (-REFLECTIONS..=REFLECTIONS).map(move |n| (m, n)));
    all.filter(|(m, n)| m.abs() + n.abs() <= REFLECTIONS)
        .map(|(m, n)| ([along(0, m), along(1, n)], m.abs() + n.abs()))
        .collect()
}

/// A field that has come so far, of so much, at a frequency: real and imaginary part.
fn field(strength: f64, far: f64, frequency: f64) -> [f64; 2] {
    let phase = -TAU * frequency * far / LIGHT;
    [strength * phase.cos(), strength * phase.sin()]
}

/// The amplitudes of a map, subcarriers by packets by antennas.
fn measured(at: [f64; 2], rng: &mut Draw) -> Vec<f64> {
    let [subcarriers, packets, antennas] = SHAPE;
    let mut near = || rng.between(-BESIDE, BESIDE);
    let at = [at[0] + near(), at[1] + near()];
    let mut person = [rng.between(0.3, ROOM[0] - 0.3), rng.between(0.3, ROOM[1] - 0.3)];
    let way = rng.between(-PI, PI);
    let paths = mirrored(TRANSMITTER);
    let wavelength = LIGHT / CHANNEL[0];
    let antenna = |a: usize| {
        let aside = (a as f64 - (antennas - 1) as f64 / 2.0) * wavelength / 2.0;
        [at[0] + aside, at[1]]
    };
    let frequency = |s: usize| CHANNEL[0] + CHANNEL[1] * (s as f64 / (subcarriers - 1) as f64 - 0.5);
    let add = |sum: [f64; 2], f: [f64; 2]| [sum[0] + f[0], sum[1] + f[1]];
    let of_walls = |s: usize, a: usize| {
        let of = |(from, walls): &([f64; 2], i32)| {
            let far = apart(*from, antenna(a));
            field(WALL.powi(*walls) / far, far, frequency(s))
        };
        paths.iter().map(of).fold([0.0; 2], add)
    };
    let still: Vec<[f64; 2]> = (0..subcarriers * antennas)
        .map(|i| of_walls(i / antennas, i % antennas))
        .collect();
    let mut out = vec![0.0; subcarriers * packets * antennas];
    for packet in 0..packets {
        for s in 0..subcarriers {
            for a in 0..antennas {
                let (to, from) = (apart(TRANSMITTER, person), apart(person, antenna(a)));
                let thrown = field(PERSON / (0.5 + to * from), to + from, frequency(s));
                let noise = [NOISE * rng.normal(), NOISE * rng.normal()];
                let h = add(add(still[s * antennas + a], thrown), noise);
                out[(s * packets + packet) * antennas + a] = h[0].hypot(h[1]);
            }
        }
        person = [person[0] + STEP * way.cos(), person[1] + STEP * way.sin()];
    }
    out
}

impl Wifi {
    /// The test split is another stream of maps.
    pub(crate) fn new(seed: u64, split: &str, limit: usize) -> Wifi {
        let test = split == "test";
        let places = COLUMNS * ROWS;
        let name = |p: usize| format!("{}{}", char::from(b'a' + (p / ROWS) as u8), p % ROWS + 1);
        let usual = if test { TEST } else { TRAIN };
        let info = DataInfo {
            source: NAME.to_string(),
            kind: Kind::Image,
            shape: SHAPE.to_vec(),
            count: if limit == 0 { usual } else { limit },
            range: (0.0, 1.0),
            labels: (0..places).map(name).collect(),
            attributes: ["x", "y"].map(String::from).to_vec(),
            ..DataInfo::default()
        };
        let key = Key::new(seed)
            .stream(NAME)
            .stream(if test { "test" } else { "train" });
        Wifi { info, key }
    }
}

impl Dataset for Wifi {
    fn info(&self) -> &DataInfo {
        &self.info
    }
    fn get(&self, index: usize) -> Result<Item> {
        let p = index % (COLUMNS * ROWS);
        let amplitudes = measured(place(p), &mut self.key.step(index as u64).rng());
        let mean = amplitudes.iter().sum::<f64>() / amplitudes.len() as f64;
        let value = |a: &f64| (a / (FULL * mean)).min(1.0) as f32;
        Ok(Item {
            values: Values::Floats(amplitudes.iter().map(value).collect()),
            label: Some(p as u32),
            attributes: place(p).map(|v| v as f32).to_vec(),
            caption: None,
        })
    }
    fn label(&self, index: usize) -> Option<u32> {
        Some((index % (COLUMNS * ROWS)) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A point of a wall: left, right, lower, upper.
    fn on(wall: usize, share: f64) -> [f64; 2] {
        match wall {
            0 => [0.0, share * ROOM[1]],
            1 => [ROOM[0], share * ROOM[1]],
            2 => [share * ROOM[0], 0.0],
            _ => [share * ROOM[0], ROOM[1]],
        }
    }

    /// A wave takes the shortest way by way of a wall (Fermat): of all its points, tried one by one.
    #[test]
    fn paths_are_as_long_as_the_shortest_ways_by_the_walls() {
        let receiver = [3.3, 1.7];
        let paths = mirrored(TRANSMITTER);
        assert_eq!(paths.len(), 13);
        let lengths = |walls: i32| {
            let of = paths.iter().filter(|(_, w)| *w == walls);
            let mut all: Vec<f64> = of.map(|(from, _)| apart(*from, receiver)).collect();
            all.sort_by(f64::total_cmp);
            all
        };
        assert_eq!(lengths(0), [apart(TRANSMITTER, receiver)]);
        let shares = || (0..=2000).map(|i| i as f64 / 2000.0);
        let by = |wall| {
            let way = |s| apart(TRANSMITTER, on(wall, s)) + apart(on(wall, s), receiver);
            shares().map(way).fold(f64::MAX, f64::min)
        };
        let mut once: Vec<f64> = (0..4).map(by).collect();
        once.sort_by(f64::total_cmp);
        let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4);
        assert!(close(&lengths(1), &once), "{:?} {once:?}", lengths(1));
        // Two walls that face each other, in either order: the shortest way by both of them in that order.
        let shares = || (0..=1000).map(|i| i as f64 / 1000.0);
        let by_two = |first, second| {
            let way = |a: f64, b: f64| {
                let (p, q) = (on(first, a), on(second, b));
                apart(TRANSMITTER, p) + apart(p, q) + apart(q, receiver)
            };
            shares()
                .flat_map(|a| shares().map(move |b| (a, b)))
                .map(|(a, b)| way(a, b))
                .fold(f64::MAX, f64::min)
        };
        for (first, second) in [(0, 1), (1, 0), (2, 3), (3, 2)] {
            let way = by_two(first, second);
            assert!(
                lengths(2).iter().any(|l| (l - way).abs() < 1e-3),
                "{way}: {:?}",
                lengths(2)
            );
        }
    }

    /// Where there is neither person nor noise, what two paths of lengths d and e make of each other repeats itself every c / |d - e|.
    #[test]
    fn two_paths_fade_as_they_should() {
        let (d, e) = (3.0, 10.494_811_45);
        let strength = |f: f64| {
            let (a, b) = (field(1.0, d, f), field(0.5, e, f));
            (a[0] + b[0]).hypot(a[1] + b[1])
        };
        let period = LIGHT / (e - d);
        let f = CHANNEL[0] + 1.1e6;
        assert!((strength(f) - strength(f + period)).abs() < 1e-6);
        let cosine = (TAU * f * (e - d) / LIGHT).cos();
        assert!((strength(f).powi(2) - (1.25 + cosine)).abs() < 1e-6);
    }

    #[test]
    fn maps_tell_their_places() {
        let set = Wifi::new(1, "train", 60);
        let maps: Vec<(Vec<f32>, u32)> = (0..60)
            .map(|i| {
                let item = set.get(i).unwrap();
                assert_eq!(item.label, set.label(i));
                let p = item.label.unwrap() as usize;
                assert_eq!(item.attributes, place(p).map(|v| v as f32));
                let Values::Floats(v) = item.values else {
                    panic!("floats")
                };
                assert!(v.iter().all(|v| (0.0..=1.0).contains(v)));
                let full = v.iter().filter(|v| **v >= 1.0).count();
                assert!(full * 100 < v.len(), "{full}");
                (v, p as u32)
            })
            .collect();
        let far = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
        let nearest = |i: usize| {
            let others = (0..60).filter(|j| *j != i);
            others.min_by(|a, b| far(&maps[i].0, &maps[*a].0).total_cmp(&far(&maps[i].0, &maps[*b].0)))
        };
        let right = (0..60)
            .filter(|i| maps[nearest(*i).unwrap()].1 == maps[*i].1)
            .count();
        // One of fifteen by chance.
        assert!((20..56).contains(&right), "{right}");
        let other = Wifi::new(1, "test", 0);
        assert_eq!((other.info().count, &other.info().labels[14][..]), (450, "e3"));
        assert_ne!(other.get(0).unwrap().values, set.get(0).unwrap().values);
    }
}
