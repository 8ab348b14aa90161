//! Pieces of music by the pitches of their notes, as Mogren 2016 (C-RNN-GAN, arXiv:1611.09904, section 3.2) measures them. A piece is
//! the pitches of its notes in the order in which they begin, in semitones.

/// Semitones of the major scale. Those of every minor scale are those of a major one.
const MAJOR: [u8; 7] = [0, 2, 4, 5, 7, 9, 11];
/// Notes of a short run of notes that may come again.
pub const RUN: usize = 3;

/// The share of notes that belong to one scale: of the twelve major ones, that to which most belong. Seven of twelve semitones are in a
/// scale, so that evenly drawn notes have somewhat more than 7/12.
///
/// ```
/// use menagerie_metrics::music::scale_consistency;
///
/// // G major, and one C sharp among them.
/// assert_eq!(scale_consistency(&[67, 69, 71, 72, 74, 76, 78, 61]), Some(7.0 / 8.0));
/// ```
pub fn scale_consistency(pitches: &[u8]) -> Option<f64> {
    let within = |tonic: u8| {
        let belongs = |p: &&u8| MAJOR.contains(&((**p + 12 - tonic) % 12));
        pitches.iter().filter(belongs).count()
    };
    let most = (0..12).map(within).max().unwrap_or(0);
    (!pitches.is_empty()).then(|| most as f64 / pitches.len() as f64)
}

/// The share of runs of three notes that have come before in the piece, whatever their rhythm.
///
/// ```
/// use menagerie_metrics::music::repetitions;
///
/// // Of four runs, the last has been heard.
/// assert_eq!(repetitions(&[60, 62, 64, 60, 62, 64]), Some(0.25));
/// ```
pub fn repetitions(pitches: &[u8]) -> Option<f64> {
    let runs: Vec<&[u8]> = pitches.windows(RUN).collect();
    let again = (0..runs.len()).filter(|i| runs[..*i].contains(&runs[*i])).count();
    (!runs.is_empty()).then(|| again as f64 / runs.len() as f64)
}

/// Semitones from the lowest note to the highest.
///
/// ```
/// assert_eq!(menagerie_metrics::music::tone_span(&[64, 60, 67]), Some(7.0));
/// ```
pub fn tone_span(pitches: &[u8]) -> Option<f64> {
    let (low, high) = (pitches.iter().min()?, pitches.iter().max()?);
    Some(f64::from(high - low))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By enumeration: a piece of all twelve semitones has seven in any scale; a scale moved by any interval is one.
    #[test]
    fn scales_are_found_wherever_they_begin() {
        let all: Vec<u8> = (48..60).collect();
        assert_eq!(scale_consistency(&all), Some(7.0 / 12.0));
        for tonic in 0..12 {
            let scale: Vec<u8> = MAJOR.iter().map(|s| 60 + tonic + s).collect();
            assert_eq!(scale_consistency(&scale), Some(1.0));
        }
        // A natural minor: the semitones of C major from A.
        assert_eq!(scale_consistency(&[57, 59, 60, 62, 64, 65, 67]), Some(1.0));
    }

    #[test]
    fn pieces_of_too_few_notes_have_no_figure() {
        assert_eq!(
            (scale_consistency(&[]), tone_span(&[]), repetitions(&[1, 2])),
            (None, None, None)
        );
        assert_eq!(repetitions(&[5; 5]), Some(2.0 / 3.0));
    }
}
