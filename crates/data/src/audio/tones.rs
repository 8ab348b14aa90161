//! Short tones of four timbres, drawn.
use crate::error::{Error, Result};
use crate::random::Key;
use crate::{DataInfo, Dataset, Item, Kind, Values};
use std::f64::consts::TAU;

/// How many tones a set has when no limit says otherwise; there is always another.
pub(crate) const COUNT: usize = 2000;
/// Samples of a tone when `data.length` does not say: half a second.
pub(crate) const LENGTH: usize = 4000;
/// Hz when `data.rate` does not say.
const RATE: u32 = 8000;
/// What the labels say.
const TIMBRES: [&str; 4] = ["sine", "saw", "square", "bell"];

/// Endless tones: tone `i` is a function of the seed, the split and `i` alone.
///
/// A tone begins within its first twentieth, at a pitch of the chromatic scale from A3 (220 Hz) to A5, rises in 10 ms and
/// dies away with a time constant of a quarter of a second. Its partials depend on its timbre: one alone; all, falling as
/// 1/k (saw); the odd ones, falling as 1/k (square); or those of a bell, which are no multiples of the pitch and die the
/// sooner the higher they are. Partials above 0.45 of the rate are left out.
pub(crate) struct Tones {
    info: DataInfo,
    key: Key,
}

impl Tones {
    /// Tones of `length` samples at `rate` Hz; 0 for the usual ones.
    ///
    /// # Errors
    /// [`Error::Recipe`] for a rate at which there is no room for a tone.
    pub(crate) fn new(seed: u64, split: &str, limit: usize, length: usize, rate: usize) -> Result<Tones> {
        let rate = if rate == 0 { RATE } else { rate as u32 };
        if rate < 2000 {
            return Err(Error::recipe(
                "data.rate",
                format!("{rate} Hz is too low for tones up to 880 Hz"),
                "use 2000 or more",
            ));
        }
        let info = DataInfo {
            source: "tones".into(),
            kind: Kind::Audio,
            shape: vec![if length == 0 { LENGTH } else { length }, 1],
            count: if limit == 0 { COUNT } else { limit },
            range: (-1.0, 1.0),
            labels: TIMBRES.map(String::from).to_vec(),
            rate,
            ..DataInfo::default()
        };
        Ok(Tones {
            info,
            key: Key::new(seed)
                .stream("tones")
                .stream(if split == "test" { "test" } else { "train" }),
        })
    }
}

/// A partial: its frequency over the pitch, its amplitude, its decay over the tone's.
fn partials(timbre: usize) -> Vec<(f64, f64, f64)> {
    match timbre {
        0 => vec![(1.0, 0.8, 1.0)],
        1 => (1..=30).map(|k| (k as f64, 0.45 / k as f64, 1.0)).collect(),
        2 => (1..=29)
            .step_by(2)
            .map(|k| (k as f64, 0.7 / k as f64, 1.0))
            .collect(),
        // Ratios of a tuned bell: hum, prime, tierce, quint, nominal and above (Fletcher and Rossing 1998, chapter 21).
        _ => vec![
            (0.5, 0.2, 0.6),
            (1.0, 0.3, 1.0),
            (1.2, 0.2, 1.3),
            (1.5, 0.1, 1.6),
            (2.0, 0.2, 2.0),
            (2.67, 0.1, 3.0),
        ],
    }
}

impl Dataset for Tones {
    fn info(&self) -> &DataInfo {
        &self.info
    }
    fn get(&self, index: usize) -> Result<Item> {
        let (length, rate) = (self.info.shape[0], self.info.rate as f64);
        let mut draw = self.key.step(index as u64).rng();
        let timbre = draw.below(TIMBRES.len());
        let pitch = 220.0 * (draw.below(25) as f64 / 12.0).exp2();
        let loud = draw.between(0.5, 1.0);
        let begins = draw.between(0.0, length as f64 / 20.0) / rate;
        let mut values = vec![0f32; length];
        for (ratio, amplitude, decay) in partials(timbre) {
            let (hz, phase) = (ratio * pitch, draw.uniform() * TAU);
            if hz > 0.45 * rate {
                continue;
            }
            for (n, v) in values.iter_mut().enumerate() {
                let t = n as f64 / rate - begins;
                if t > 0.0 {
                    let envelope = (t / 0.01).min(1.0) * (-t * decay / 0.25).exp();
                    *v += (loud * amplitude * envelope * (TAU * hz * t + phase).sin()) as f32;
                }
            }
        }
        values.iter_mut().for_each(|v| *v = v.clamp(-1.0, 1.0));
        Ok(Item {
            values: Values::Floats(values),
            label: Some(timbre as u32),
            attributes: vec![],
            caption: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(set: &Tones, i: usize) -> (u32, Vec<f64>) {
        let item = set.get(i).unwrap();
        let Values::Floats(v) = item.values else { panic!() };
        (item.label.unwrap(), v.iter().map(|&x| x as f64).collect())
    }

    /// Power at a frequency, by the sum over a Hann window.
    fn power(x: &[f64], hz: f64, rate: f64) -> f64 {
        let n = x.len() as f64;
        let (mut re, mut im) = (0.0, 0.0);
        for (i, v) in x.iter().enumerate() {
            let w = 0.5 - 0.5 * (TAU * i as f64 / n).cos();
            re += w * v * (TAU * hz * i as f64 / rate).cos();
            im += w * v * (TAU * hz * i as f64 / rate).sin();
        }
        (re * re + im * im) / (n * n)
    }

    #[test]
    fn a_tone_is_a_function_of_seed_split_and_index() {
        let set = |seed, split| Tones::new(seed, split, 0, 0, 0).unwrap();
        let a = tone(&set(1, "train"), 5);
        assert_eq!(tone(&set(1, "train"), 5), a);
        assert!(
            tone(&set(2, "train"), 5) != a && tone(&set(1, "test"), 5) != a && tone(&set(1, "train"), 6) != a
        );
        assert_eq!(a.1.len(), LENGTH);
        assert!(Tones::new(0, "train", 0, 0, 900).is_err());
    }

    /// A sine has one peak among the pitches of the scale and nothing at its double, a saw half as much there, a square none.
    #[test]
    fn timbres_have_their_partials() {
        let set = Tones::new(3, "train", 0, 0, 0).unwrap();
        let mut seen = [0; 4];
        for i in 0..60 {
            let (timbre, x) = tone(&set, i);
            assert!(
                x.iter().all(|v| v.abs() <= 1.0) && x.iter().any(|v| v.abs() > 0.05),
                "tone {i}"
            );
            seen[timbre as usize] += 1;
            if timbre == 3 {
                continue;
            }
            let x = &x[300..];
            let at = |hz: f64| power(x, hz, 8000.0);
            let pitch = (0..25)
                .map(|k| 220.0 * (k as f64 / 12.0).exp2())
                .max_by(|a, b| at(*a).total_cmp(&at(*b)))
                .unwrap();
            let second = at(2.0 * pitch) / at(pitch);
            match timbre {
                1 => assert!((0.2..0.3).contains(&second), "saw {i}: {second}"),
                _ => assert!(second < 0.01, "{} {i}: {second}", TIMBRES[timbre as usize]),
            }
        }
        assert!(seen.iter().all(|&n| n > 5), "{seen:?}");
    }
}
