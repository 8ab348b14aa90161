//! Sounds as a picture: each as its waveform, and its spectrogram below.
use crate::error::Result;
use crate::picture::Picture;
use std::f64::consts::TAU;
use std::path::Path;

/// Pixels of a sound's cell, and between cells.
const WIDTH: usize = 384;
const WAVE: usize = 72;
const GAP: usize = 10;
/// Samples of a frame of the spectrogram; it shows half as many frequencies.
const FRAME: usize = 256;
const BANDS: usize = FRAME / 2;
/// The quietest that is shown, below the loudest, in dB.
const FLOOR: f64 = -70.0;

/// Draws sounds `[count, time, channel]` with values in [-1, 1], the first channel of each: time to the right; the waveform
/// from -1 to 1; below it the power of each frequency, lowest at the bottom, from 70 dB under the loudest (white) up.
///
/// # Errors
/// [`crate::Error::Io`] when the file cannot be written.
pub fn draw_sounds(values: &[f32], [count, time, channels]: [usize; 3], path: &Path) -> Result<()> {
    let columns = ((count as f64 / 2.0).sqrt().ceil() as usize).max(1);
    let (cell_width, cell_height) = (WIDTH + GAP, WAVE + BANDS + GAP);
    let mut picture = Picture::new(
        columns * cell_width + GAP,
        count.div_ceil(columns).max(1) * cell_height + GAP,
        3,
    );
    for (i, sound) in values
        .chunks_exact((time * channels).max(1))
        .take(count)
        .enumerate()
    {
        let x: Vec<f64> = sound.iter().step_by(channels).map(|&v| v as f64).collect();
        let (left, top) = (GAP + i % columns * cell_width, GAP + i / columns * cell_height);
        waveform(&x, &mut |column, row, ink| {
            ink_at(&mut picture, left + column, top + row, ink)
        });
        spectrogram(&x, &mut |column, band, ink| {
            ink_at(&mut picture, left + column, top + WAVE + BANDS - 1 - band, ink)
        });
    }
    picture.save(path)
}

/// Blue ink on white, from none (0) to all (1).
fn ink_at(picture: &mut Picture, x: usize, y: usize, ink: f64) {
    let at = (y * picture.width + x) * 3;
    for (k, full) in [20.0, 40.0, 110.0].into_iter().enumerate() {
        picture.bytes[at + k] = (255.0 + (full - 255.0) * ink.clamp(0.0, 1.0)).round() as u8;
    }
}

/// From the smallest to the largest value that falls onto each column.
fn waveform(x: &[f64], put: &mut dyn FnMut(usize, usize, f64)) {
    for column in 0..WIDTH {
        let from = column * x.len() / WIDTH;
        let part = &x[from..((column + 1) * x.len()).div_ceil(WIDTH).clamp(from, x.len())];
        let (low, high) = part
            .iter()
            .fold((f64::MAX, f64::MIN), |(l, h), &v| (l.min(v), h.max(v)));
        let row = |v: f64| ((1.0 - v.clamp(-1.0, 1.0)) * 0.5 * (WAVE - 1) as f64).round() as usize;
        put(column, WAVE / 2, 0.15);
        if !part.is_empty() {
            (row(high)..=row(low)).for_each(|r| put(column, r, 1.0));
        }
    }
}

/// The power of Hann-windowed frames, one around each column.
fn spectrogram(x: &[f64], put: &mut dyn FnMut(usize, usize, f64)) {
    let frames: Vec<Vec<f64>> = (0..WIDTH)
        .map(|column| {
            let centre = (2 * column + 1) * x.len() / (2 * WIDTH);
            let at = |i: usize| {
                (centre + i)
                    .checked_sub(FRAME / 2)
                    .and_then(|i| x.get(i))
                    .copied()
                    .unwrap_or(0.0)
            };
            let mut re: Vec<f64> = (0..FRAME)
                .map(|i| at(i) * (0.5 - 0.5 * (TAU * i as f64 / FRAME as f64).cos()))
                .collect();
            let mut im = vec![0.0; FRAME];
            fourier(&mut re, &mut im);
            (0..BANDS).map(|k| re[k] * re[k] + im[k] * im[k]).collect()
        })
        .collect();
    let top = frames.iter().flatten().fold(1e-12f64, |a, &b| a.max(b));
    for (column, frame) in frames.iter().enumerate() {
        for (band, power) in frame.iter().enumerate() {
            put(
                column,
                band,
                1.0 - 10.0 * (power / top).max(1e-30).log10() / FLOOR,
            );
        }
    }
}

/// The discrete Fourier transform in place, by halves (Cooley and Tukey 1965); the length is a power of two.
fn fourier(re: &mut [f64], im: &mut [f64]) {
    let n = re.len();
    if n == 1 {
        return;
    }
    let half = |v: &[f64], odd: usize| -> Vec<f64> { v.iter().skip(odd).step_by(2).copied().collect() };
    let (mut er, mut ei, mut or, mut oi) = (half(re, 0), half(im, 0), half(re, 1), half(im, 1));
    fourier(&mut er, &mut ei);
    fourier(&mut or, &mut oi);
    for k in 0..n / 2 {
        let (s, c) = (-TAU * k as f64 / n as f64).sin_cos();
        let (tr, ti) = (c * or[k] - s * oi[k], s * or[k] + c * oi[k]);
        (re[k], im[k]) = (er[k] + tr, ei[k] + ti);
        (re[k + n / 2], im[k + n / 2]) = (er[k] - tr, ei[k] - ti);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transform_is_its_definition() {
        let x: Vec<f64> = (0..16).map(|i| ((i * i) % 7) as f64 - 2.0).collect();
        let (mut re, mut im) = (x.clone(), vec![0.0; 16]);
        fourier(&mut re, &mut im);
        for k in 0..16 {
            let sum = |f: fn(f64) -> f64| -> f64 {
                x.iter()
                    .enumerate()
                    .map(|(n, v)| v * f(-TAU * (k * n) as f64 / 16.0))
                    .sum()
            };
            assert!(
                (re[k] - sum(f64::cos)).abs() < 1e-12 && (im[k] - sum(f64::sin)).abs() < 1e-12,
                "{k}"
            );
        }
    }

    /// A tone at a quarter of the band is a line there; silence and the shortest sounds are drawn, too.
    #[test]
    fn a_tone_is_a_line_in_the_spectrogram() {
        let x: Vec<f64> = (0..4000)
            .map(|n| (TAU * n as f64 * 32.0 / FRAME as f64).sin())
            .collect();
        let mut strongest = vec![(0.0, 0); WIDTH];
        spectrogram(&x, &mut |column, band, ink| {
            if ink > strongest[column].0 {
                strongest[column] = (ink, band);
            }
        });
        assert!(
            strongest[10..WIDTH - 10].iter().all(|s| s.1 == 32),
            "{strongest:?}"
        );
        let folder = tempfile::tempdir().unwrap();
        for shape in [[3, 1, 1], [1, 0, 1], [2, 500, 2], [0, 10, 1]] {
            let path = folder.path().join("x.png");
            draw_sounds(&vec![0.0; shape.iter().product()], shape, &path).unwrap();
            Picture::read(&path).unwrap();
        }
    }
}
