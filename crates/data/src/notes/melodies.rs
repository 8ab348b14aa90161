//! Melodies that are drawn by a rule.
use super::{LENGTH, NUMBERS, describe};
use crate::error::Result;
use crate::random::{Draw, Key};
use crate::{DataInfo, Dataset, Item, Values};

/// What it is called.
pub(crate) const NAME: &str = "melodies";
/// Melodies where no limit says otherwise; there is always another.
pub(crate) const TRAIN: usize = 4000;

/// Semitones of the major scale.
const MAJOR: [i32; 7] = [0, 2, 4, 5, 7, 9, 11];
/// The middle C, on which degree 0 stands.
const TONIC: i32 = 60;
/// The lowest degree and the highest.
const DEGREES: [i32; 2] = [-3, 9];
/// Degrees on which a phrase begins: the triad.
const BEGINS: [i32; 3] = [0, 2, 4];
/// How far the walk goes at a time.
const STEPS: [i32; 6] = [-2, -1, -1, 1, 1, 2];
/// Lengths of the notes of a bar in beats.
const BARS: [[f64; 4]; 4] = [
    [1.0, 1.0, 1.0, 1.0],
    [1.5, 0.5, 1.0, 1.0],
    [2.0, 0.5, 0.5, 1.0],
    [1.0, 0.5, 0.5, 2.0],
];
/// Notes of a phrase, which is two bars.
const PHRASE: usize = 8;
/// Which of its two phrases a melody has one after the other.
const FORM: [usize; 4] = [0, 0, 1, 0];

/// The pitch of a degree of the scale.
fn pitch(degree: i32) -> i32 {
    TONIC + 12 * degree.div_euclid(7) + MAJOR[degree.rem_euclid(7) as usize]
}

/// Melody i: two phrases A and B in the form A A B A, and on in the same way where more notes are asked for. A phrase is two bars of
/// four notes, each of one of four rhythms; it begins on a tone of the triad and walks the major scale on C by a step or a third up
/// or down, turned back where it would leave the tones from G3 to E5. The first note of a bar is loud (0.8), the others are not (0.6),
/// each by 0.05 more or less. A note lasts until the next one begins.
pub(crate) struct Melodies {
    info: DataInfo,
    key: Key,
}

impl Melodies {
    /// Of so many notes; 0 for the usual number. The test split is another stream of melodies.
    pub(crate) fn new(seed: u64, split: &str, limit: usize, length: usize) -> Melodies {
        let count = if limit == 0 { TRAIN } else { limit };
        let length = if length == 0 { LENGTH } else { length };
        Melodies {
            info: describe(NAME, length, count, vec![]),
            key: Key::new(seed)
                .stream(NAME)
                .stream(if split == "test" { "test" } else { "train" }),
        }
    }

    /// Pitches and lengths of a phrase.
    fn phrase(rng: &mut Draw) -> [(i32, f64); PHRASE] {
        let mut degree = BEGINS[rng.below(BEGINS.len())];
        let bars = [rng.below(BARS.len()), rng.below(BARS.len())];
        std::array::from_fn(|i| {
            if i > 0 {
                let step = STEPS[rng.below(STEPS.len())];
                let to = degree + step;
                degree = if (DEGREES[0]..=DEGREES[1]).contains(&to) {
                    to
                } else {
                    degree - step
                };
            }
            (pitch(degree), BARS[bars[i / 4]][i % 4])
        })
    }

    fn notes(&self, index: usize) -> Vec<f32> {
        let mut rng = self.key.step(index as u64).rng();
        let phrases = [Self::phrase(&mut rng), Self::phrase(&mut rng)];
        let mut wait = 0.0;
        let mut values = Vec::with_capacity(self.info.shape[0] * NUMBERS);
        for i in 0..self.info.shape[0] {
            let (pitch, length) = phrases[FORM[i / PHRASE % FORM.len()]][i % PHRASE];
            let accent = if i % 4 == 0 { 0.8 } else { 0.6 };
            let loudness = accent + rng.between(-0.05, 0.05);
            values.extend([length, f64::from(pitch), loudness, wait].map(|v| v as f32));
            wait = length;
        }
        values
    }
}

impl Dataset for Melodies {
    fn info(&self) -> &DataInfo {
        &self.info
    }
    fn get(&self, index: usize) -> Result<Item> {
        Ok(Item {
            values: Values::Floats(self.notes(index)),
            label: None,
            attributes: vec![],
            caption: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tones;
    use super::*;

    /// Every melody keeps to the rule: the scale, its form, bars of four beats, loud notes first.
    #[test]
    fn melodies_are_drawn_as_the_rule_says() {
        let set = Melodies::new(1, "train", 0, 0);
        let mut highest = 0;
        for i in 0..300 {
            let all = tones(&set.notes(i));
            assert_eq!(all.len(), 32);
            highest = highest.max(all.iter().map(|t| t.pitch).max().unwrap());
            for (k, t) in all.iter().enumerate() {
                let semitone = (i32::from(t.pitch) - TONIC).rem_euclid(12);
                assert!(MAJOR.contains(&semitone) && (55..=76).contains(&t.pitch), "{t:?}");
                assert_eq!(t.loudness > 0.7, k % 4 == 0, "{t:?}");
                let again = &all[k % PHRASE];
                assert!(FORM[k / PHRASE] == 1 || (again.pitch, again.length) == (t.pitch, t.length));
                if let Some(next) = all.get(k + 1) {
                    let apart = (i32::from(next.pitch) - i32::from(t.pitch)).abs();
                    assert!(t.begins + t.length == next.begins, "{t:?} {next:?}");
                    assert!(k % PHRASE == PHRASE - 1 || (1..=4).contains(&apart), "{apart}");
                }
            }
            assert!(
                all.iter()
                    .step_by(4)
                    .enumerate()
                    .all(|(bar, t)| t.begins == 4.0 * bar as f64)
            );
        }
        assert!(highest >= 74, "the walk goes far: {highest}");
        assert_ne!(Melodies::new(1, "test", 0, 0).notes(0), set.notes(0));
        assert_eq!(
            Melodies::new(1, "train", 0, 40).notes(3)[..128],
            set.notes(3)[..128]
        );
    }
}
