//! Samples as files: a grid of images, waveforms and spectrograms of sounds, points over their density.
use super::{draw_points, draw_sounds, notes_picture, sequences_picture, shapes_picture};
use crate::data::Kind;
use crate::error::Result;
use crate::models::Samples;
use crate::picture;
use std::path::{Path, PathBuf};

/// Sounds one after the other, with a quarter of a second between them, as one WAV file.
///
/// # Errors
/// Those of [`crate::data::write_wav`].
pub fn write_sounds(samples: &Samples, rate: u32, path: &Path) -> Result<()> {
    let (time, channels) = (samples.shape[1], samples.shape[2]);
    let pause = vec![0.0; rate as usize / 4 * channels];
    let sounds: Vec<&[f32]> = samples.values.chunks_exact((time * channels).max(1)).collect();
    crate::data::write_wav(path, &sounds.join(&pause[..]), rate, channels)
}

/// Samples as a picture: a grid of images, waveforms and spectrograms of sounds, sequences as rows of colours, music as piano rolls, shapes from their left front,
/// or points (over their density where it is
/// known).
///
/// # Errors
/// [`crate::Error::Io`], or samples that are more than a picture holds.
pub fn draw_samples(
    samples: &Samples,
    density: Option<&dyn crate::data::Density>,
    path: &Path,
) -> Result<PathBuf> {
    match (samples.kind, &samples.shape[..]) {
        (Kind::Image, &[n, h, w, c]) => {
            let columns = (n as f64).sqrt().ceil() as usize;
            picture::grid(&samples.values, [n, h, w, c], columns).save(path)?;
        }
        (Kind::Pair | Kind::Unpaired, &[n, h, w, c]) => {
            // As one image of twice the count: all left halves, then all right ones, which rows bring together.
            let (one, m) = (picture::halves(&samples.values, c), h * w * c / 2);
            let beside: Vec<f32> = (0..n)
                .flat_map(|i| [i, n + i])
                .flat_map(|i| one[i * m..(i + 1) * m].iter().copied())
                .collect();
            let columns = 2 * ((n as f64 / 2.0).sqrt().ceil() as usize);
            picture::grid(&beside, [2 * n, h, w, c / 2], columns).save(path)?;
        }
        (Kind::Video, &[n, t, h, w, c])
            if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gif")) =>
        {
            picture::save_animation(
                &samples.values,
                [n, t, h, w, c],
                (n as f64).sqrt().ceil() as usize,
                path,
            )?;
        }
        (Kind::Video, &[n, t, h, w, c]) => {
            picture::film_strips(&samples.values, [n, t, h, w, c]).save(path)?
        }
        (Kind::Sequence, &[n, l, s]) => sequences_picture(&samples.values, [n, l, s]).save(path)?,
        (Kind::Notes, &[n, l, c]) => notes_picture(&samples.values, [n, l, c]).save(path)?,
        (Kind::Voxels, &[n, d, h, w, c]) => {
            shapes_picture(&samples.values, [n, d, h, w, c], None).save(path)?
        }
        (Kind::Audio, &[n, t, c]) => draw_sounds(&samples.values, [n, t, c], path)?,
        _ => draw_points(&samples.values, samples.shape[1], density, path)?,
    }
    Ok(path.into())
}
