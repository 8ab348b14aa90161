//! MIDI files: read as windows of notes, and written.
use super::{LENGTH, NUMBERS, Tone, describe, tones};
use crate::error::{Error, Result};
use crate::listing::{self, Listing};
use crate::source::Source;
use crate::{DataInfo, Dataset, Item, Values, damage, split};
use midly::num::{u4, u7, u15, u24, u28};
use midly::{Format, Header, MetaMessage, MidiMessage, Smf, Timing, TrackEvent, TrackEventKind};
use rayon::prelude::*;
use std::collections::HashMap;
use std::path::Path;

/// Endings of the files.
pub(crate) const EXTENSIONS: [&str; 2] = ["mid", "midi"];
/// Longest file that is read, in bytes.
const LONGEST: u64 = 16 << 20;
/// The channel of drums, whose keys are no pitches.
const DRUMS: u8 = 9;
/// Beats a second of a file that counts in frames.
const BEATS: f64 = 2.0;
/// Ticks of a beat in files that are written.
const TICKS: u16 = 480;
/// Microseconds of a beat in files that are written: 120 beats a minute.
const TEMPO: u32 = 500_000;

/// Windows of the notes of MIDI files: all tracks together but drums, in the order in which they begin, of several at once the lowest
/// first.
///
/// A file of n notes gives `ceil(n / length)` windows of `length` notes, evenly spaced from its beginning to its end, so that every note
/// is in one; a shorter file gives none. The first note of a window is not waited for.
pub(crate) struct Files {
    info: DataInfo,
    /// notes of each file, and its class
    files: Vec<(Vec<Tone>, Option<u32>)>,
    /// file and first note of every window
    windows: Vec<(usize, usize)>,
}

impl Files {
    /// Reads every file below a folder, or the one that it is; sub-folders are labels.
    ///
    /// # Errors
    /// [`Error::Data`] when there are none, more than `source.max_bad` are damaged, or all are too short.
    pub(crate) fn open(root: &Path, source: &Source, warnings: &mut Vec<String>) -> Result<Files> {
        let (root, listing) = match root.is_file() {
            true => {
                split::undivided(root, &source.split)?;
                (root.parent().unwrap_or(Path::new("")), listing::one(root))
            }
            false => (
                root,
                listing::files(root, &EXTENSIONS, "MIDI files", &source.split, warnings)?,
            ),
        };
        let Listing {
            entries,
            labels,
            missing: mut bad,
            ..
        } = listing;
        let total = entries.len() + bad.len();
        let read: Vec<_> = entries.par_iter().map(|e| read(&root.join(&e.path))).collect();
        let mut files = vec![];
        for (entry, result) in entries.iter().zip(read) {
            match result {
                Ok(notes) => files.push((notes, entry.label)),
                Err(problem) => bad.push(format!("{}: {problem}", root.join(&entry.path).display())),
            }
        }
        damage::bear(root, "MIDI files", &bad, total, source.max_bad)?;
        warnings.extend(bad);
        let length = if source.length == 0 { LENGTH } else { source.length };
        let short = files.iter().filter(|(notes, _)| notes.len() < length).count();
        if short == files.len() {
            let problem = format!("no file has as many notes as a window of {length}");
            return Err(Error::data(root, problem, "use shorter windows: --length N"));
        }
        if short > 0 {
            warnings.push(format!(
                "{}: {short} of {} files have fewer notes than a window of {length} and are left out (choose by --length)",
                root.display(),
                files.len()
            ));
        }
        let windows: Vec<(usize, usize)> = files
            .iter()
            .enumerate()
            .filter(|(_, (notes, _))| notes.len() >= length)
            .flat_map(|(file, (notes, _))| {
                let n = notes.len().div_ceil(length);
                let over = notes.len() - length;
                (0..n).map(move |k| (file, if n > 1 { k * over / (n - 1) } else { 0 }))
            })
            .collect();
        Ok(Files {
            info: describe(&source.source, length, windows.len(), labels),
            files,
            windows,
        })
    }
}

impl Dataset for Files {
    fn info(&self) -> &DataInfo {
        &self.info
    }

    fn label(&self, index: usize) -> Option<u32> {
        self.files[self.windows[index].0].1
    }

    fn get(&self, index: usize) -> Result<Item> {
        let (file, from) = self.windows[index];
        let (notes, label) = &self.files[file];
        let mut before = notes[from].begins;
        let mut values = Vec::with_capacity(self.info.shape[0] * NUMBERS);
        for note in &notes[from..from + self.info.shape[0]] {
            let wait = note.begins - before;
            values.extend([note.length, f64::from(note.pitch), note.loudness, wait].map(|v| v as f32));
            before = note.begins;
        }
        Ok(Item {
            values: Values::Floats(values),
            label: *label,
            attributes: vec![],
            caption: None,
        })
    }
}

/// The notes of a file.
fn read(path: &Path) -> std::result::Result<Vec<Tone>, String> {
    let unread = |e: std::io::Error| format!("cannot be read: {e}");
    let bytes = std::fs::metadata(path).map_err(unread)?.len();
    if bytes > LONGEST {
        return Err(format!("holds {bytes} bytes, more than a MIDI file may have"));
    }
    notes(&std::fs::read(path).map_err(unread)?)
}

/// A note that sounds: where it began in ticks, and how hard it was struck.
type Sounding = (u64, u8);

/// The notes of a file's bytes, in the order in which they begin.
fn notes(bytes: &[u8]) -> std::result::Result<Vec<Tone>, String> {
    let file = Smf::parse(bytes).map_err(|e| format!("is no MIDI file: {e}"))?;
    let beat = match file.header.timing {
        Timing::Metrical(ticks) => f64::from(ticks.as_int()),
        Timing::Timecode(frames, ticks) => f64::from(frames.as_f32()) * f64::from(ticks) / BEATS,
    };
    if beat <= 0.0 {
        return Err("has beats of no length".into());
    }
    let mut found: Vec<(u64, u64, u8, u8)> = vec![];
    for track in &file.tracks {
        let (mut now, mut sounding) = (0u64, HashMap::<(u4, u7), Sounding>::new());
        for event in track {
            now += u64::from(event.delta.as_int());
            let TrackEventKind::Midi { channel, message } = event.kind else {
                continue;
            };
            let (key, struck) = match message {
                MidiMessage::NoteOn { key, vel } => (key, vel.as_int()),
                MidiMessage::NoteOff { key, .. } => (key, 0),
                _ => continue,
            };
            // A key that is struck again, or with no force, ends.
            if let Some((begins, force)) = sounding.remove(&(channel, key)) {
                found.push((begins, now, key.as_int(), force));
            }
            if struck > 0 && channel.as_int() != DRUMS {
                sounding.insert((channel, key), (now, struck));
            }
        }
        let ended = sounding
            .into_iter()
            .map(|((_, key), (begins, force))| (begins, now, key.as_int(), force));
        found.extend(ended);
    }
    if found.is_empty() {
        return Err("has no notes".into());
    }
    found.sort_unstable_by_key(|(begins, ends, key, force)| (*begins, *key, *ends, *force));
    let tone = |(begins, ends, pitch, force): (u64, u64, u8, u8)| Tone {
        begins: begins as f64 / beat,
        length: (ends - begins) as f64 / beat,
        pitch,
        loudness: f64::from(force) / 127.0,
    };
    Ok(found.into_iter().map(tone).collect())
}

/// An item of notes `[note, 4]` as a MIDI file of one track, at 120 beats a minute.
///
/// # Errors
/// [`Error::Usage`] when it cannot be written down.
pub fn midi(values: &[f32]) -> Result<Vec<u8>> {
    let ticks = |beats: f64| (beats * f64::from(TICKS)).round() as u32;
    // Ends before beginnings of the same moment, so that a key may be struck again.
    let mut events: Vec<(u32, bool, u8, u8)> = vec![];
    for tone in tones(values) {
        let (begins, length) = (ticks(tone.begins), ticks(tone.length).max(1));
        let force = (tone.loudness * 127.0).round().clamp(1.0, 127.0) as u8;
        events.push((begins, true, tone.pitch, force));
        events.push((begins + length, false, tone.pitch, 0));
    }
    events.sort_unstable();
    let meta = |message| TrackEvent {
        delta: u28::new(0),
        kind: TrackEventKind::Meta(message),
    };
    let (mut track, mut now) = (vec![meta(MetaMessage::Tempo(u24::new(TEMPO)))], 0);
    for (at, begins, pitch, force) in events {
        let (key, vel) = (u7::new(pitch), u7::new(force));
        let message = match begins {
            true => MidiMessage::NoteOn { key, vel },
            false => MidiMessage::NoteOff { key, vel },
        };
        track.push(TrackEvent {
            delta: u28::new(at - now),
            kind: TrackEventKind::Midi {
                channel: u4::new(0),
                message,
            },
        });
        now = at;
    }
    track.push(meta(MetaMessage::EndOfTrack));
    let file = Smf {
        header: Header::new(Format::SingleTrack, Timing::Metrical(u15::new(TICKS))),
        tracks: vec![track],
    };
    let mut bytes = vec![];
    file.write_std(&mut bytes).map_err(|e| {
        Error::usage(
            format!("these notes cannot be written as MIDI: {e}"),
            "take a .npy file",
        )
    })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written is read back, with whole pitches and the steps of MIDI's velocities.
    #[test]
    fn a_file_comes_back() {
        let values = [
            1.0, 60.0, 0.5, 0.0, 0.5, 64.0, 1.0, 1.0, 0.5, 67.0, 0.25, 0.0, 2.0, 64.0, 0.75, 0.5,
        ];
        let back = notes(&midi(&values).unwrap()).unwrap();
        for (a, b) in tones(&values).into_iter().zip(&back) {
            assert_eq!((a.begins, a.length, a.pitch), (b.begins, b.length, b.pitch));
            assert!((a.loudness - b.loudness).abs() < 0.5 / 127.0 + 1e-9);
        }
        assert_eq!(back.len(), 4);
    }

    /// A file by hand: two tracks, a note ended by a strike of no force, one ended by the end of its track, drums, and a key that is
    /// struck again while it sounds.
    #[test]
    fn tracks_are_put_together() {
        let track = |events: &[u8]| [b"MTrk", &(events.len() as u32).to_be_bytes()[..], events].concat();
        let header = [b"MThd".as_slice(), &[0, 0, 0, 6, 0, 1, 0, 2, 0, 96]].concat();
        let end = [0, 0xff, 0x2f, 0];
        let first = [
            &[
                0, 0x90, 60, 127, 96, 0x90, 60, 0, 0, 0x99, 36, 100, 48, 0x89, 36, 0,
            ][..],
            &end,
        ]
        .concat();
        let second = [&[48, 0x91, 52, 64, 48, 0x91, 52, 64, 96, 0xb1, 7, 100][..], &end].concat();
        let all = notes(&[header.clone(), track(&first), track(&second)].concat()).unwrap();
        let told: Vec<_> = all.iter().map(|t| (t.begins, t.length, t.pitch)).collect();
        assert_eq!(told, [(0.0, 1.0, 60), (0.5, 0.5, 52), (1.0, 1.0, 52)]);
        for (bytes, why) in [
            (b"RIFF".to_vec(), "no MIDI file"),
            ([header, track(&end)].concat(), "no notes"),
        ] {
            let e = notes(&bytes).unwrap_err();
            assert!(e.contains(why), "{e}");
        }
    }
}
