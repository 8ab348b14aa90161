//! Music as notes: a folder of MIDI files cut into windows, and melodies that are drawn. An item is `[note, 4]`: of each note its
//! length in beats, its pitch in semitones as MIDI numbers them, how loud it is from 0 to 1, and the beats since the note before it
//! began.
mod melodies;
mod midi;

pub use midi::midi;

pub(super) use melodies::{Melodies, NAME as MELODIES, TRAIN as OF_MELODIES};
pub(super) use midi::{EXTENSIONS, Files};

use super::{DataInfo, Kind};

/// Numbers of a note.
pub(super) const NUMBERS: usize = 4;
/// Notes of an item where `data.length` does not say.
pub(super) const LENGTH: usize = 32;
/// The shortest note that is written, in beats.
const SHORTEST: f64 = 1.0 / 32.0;
/// Beats that a note may last, or be waited for.
const LONGEST: f64 = 64.0;

/// The description of so many items.
fn describe(source: &str, length: usize, count: usize, labels: Vec<String>) -> DataInfo {
    DataInfo {
        source: source.into(),
        kind: Kind::Notes,
        shape: vec![length, NUMBERS],
        count,
        range: (0.0, 127.0),
        labels,
        ..DataInfo::default()
    }
}

/// A note as it is played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tone {
    /// beats from the beginning
    pub begins: f64,
    /// beats that it lasts
    pub length: f64,
    /// pitch in semitones: 60 is the middle C
    pub pitch: u8,
    /// from 0 to 1
    pub loudness: f64,
}

/// The notes of an item `[note, 4]` as they are played: pitches whole, lengths and loudness within what an instrument can do.
///
/// ```
/// let tones = menagerie_data::tones(&[1.0, 60.2, 0.5, 0.0, 0.5, 63.9, 1.5, 1.0]);
/// assert_eq!([tones[0].pitch, tones[1].pitch], [60, 64]);
/// assert_eq!((tones[1].begins, tones[1].length, tones[1].loudness), (1.0, 0.5, 1.0));
/// ```
pub fn tones(values: &[f32]) -> Vec<Tone> {
    let within = |v: f32, low: f64, high: f64| {
        if v.is_nan() {
            low
        } else {
            f64::from(v).clamp(low, high)
        }
    };
    let mut now = 0.0;
    let one = |note: &[f32]| {
        now += within(note[3], 0.0, LONGEST);
        Tone {
            begins: now,
            length: within(note[0], SHORTEST, LONGEST),
            pitch: within(note[1], 0.0, 127.0).round() as u8,
            loudness: within(note[2], 0.0, 1.0),
        }
    };
    values.chunks_exact(NUMBERS).map(one).collect()
}
