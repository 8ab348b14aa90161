//! Music as a picture: a piano roll each, time to the right and pitch upwards, loud notes darker.
use crate::data::{Tone, tones};
use crate::picture::{self, Picture};

/// Pixels of a beat, and of a semitone.
const BEAT: f64 = 5.0;
const SEMITONE: usize = 2;
/// Widest roll; what is later is left out.
const WIDEST: usize = 640;
/// Semitones between lines.
const OCTAVE: usize = 12;
const GROUND: f32 = 1.0;
/// The line of every C.
const LINE: f32 = 0.75;

/// Pieces `[count, note, 4]`, all of one scale.
pub fn notes_picture(values: &[f32], [count, notes, numbers]: [usize; 3]) -> Picture {
    let item = (notes * numbers).max(1);
    let pieces: Vec<Vec<Tone>> = values.chunks_exact(item).map(tones).collect();
    let all = || pieces.iter().flatten();
    let ends = all().map(|t| t.begins + t.length).fold(1.0, f64::max);
    let width = ((ends * BEAT).ceil() as usize).min(WIDEST);
    let low = usize::from(all().map(|t| t.pitch).min().unwrap_or(60)).saturating_sub(2);
    let high = usize::from(all().map(|t| t.pitch).max().unwrap_or(72)) + 2;
    let height = (high - low + 1) * SEMITONE;
    let mut pixels = Vec::with_capacity(count * height * width * 3);
    for piece in &pieces {
        let mut roll = vec![GROUND; height * width * 3];
        let mut row = |pitch: usize, from: usize, to: usize, colour: [f32; 3]| {
            let top = (high - pitch) * SEMITONE;
            for y in top..top + SEMITONE {
                for x in from..to {
                    roll[(y * width + x) * 3..][..3].copy_from_slice(&colour);
                }
            }
        };
        for c in (low..=high).filter(|p| p % OCTAVE == 0) {
            row(c, 0, width, [LINE; 3]);
        }
        for t in piece {
            let from = ((t.begins * BEAT) as usize).min(width);
            // A gap of a pixel, so that a tone that is struck again shows.
            let to = (((t.begins + t.length) * BEAT) as usize)
                .saturating_sub(1)
                .clamp(from, width);
            let dark = 0.9 - 1.5 * t.loudness as f32;
            row(
                usize::from(t.pitch),
                from,
                to.max((from + 1).min(width)),
                [dark - 0.1, dark, 0.6],
            );
        }
        pixels.extend(roll);
    }
    let columns = (WIDEST / width.max(1)).clamp(1, 4);
    picture::grid(&pixels, [count, height, width, 3], columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A note stands where it begins, as high as it is and as long as it lasts, and not beyond.
    #[test]
    fn a_note_has_its_place() {
        // Two notes: C for four beats, then E, four beats later.
        let p = notes_picture(&[4.0, 61.0, 1.0, 0.0, 1.0, 64.0, 1.0, 4.0], [1, 2, 4]);
        // Five beats, with a pixel around them, all of it enlarged.
        let width = 25;
        let times = p.width / (width + 2);
        assert_eq!(p.width, (width + 2) * times);
        let at = |x: usize, y: usize| {
            let i = ((1 + y) * times * p.width + (1 + x) * times) * p.channels;
            p.bytes[i..i + 3].to_vec()
        };
        let inked: Vec<[usize; 2]> = (0..p.height / times - 2)
            .flat_map(|y| (0..width).map(move |x| [x, y]))
            .filter(|[x, y]| at(*x, *y)[0] < 100)
            .collect();
        let (first, second): (Vec<[usize; 2]>, _) = inked.into_iter().partition(|[x, _]| *x < 20);
        assert_eq!((first.len(), second.len()), (19 * SEMITONE, 4 * SEMITONE));
        assert_eq!(first[0][1] - second[0][1], 3 * SEMITONE, "three semitones higher");
    }
}
