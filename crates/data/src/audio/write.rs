//! Sound into a file.
use crate::error::{Error, Result};
use crate::files::write_atomically;
use std::path::Path;

/// A WAV file of 16 bits: `values` in [-1, 1], interleaved where there are several channels; what lies outside is cut off.
///
/// # Errors
/// [`Error::Usage`] when there are no channels, no rate, or more samples than a WAV file holds.
pub fn wav(values: &[f32], rate: u32, channels: usize) -> Result<Vec<u8>> {
    let wrong = |problem: String| Error::usage(problem, "write fewer or shorter sounds, or a .npy file");
    if rate == 0 || channels == 0 || channels > u16::MAX as usize || !values.len().is_multiple_of(channels) {
        return Err(wrong(format!(
            "{} samples of {channels} channels at {rate} Hz are not a sound",
            values.len()
        )));
    }
    if values.len() > (u32::MAX as usize - 64) / 2 {
        return Err(wrong(format!(
            "{} samples are more than a WAV file holds",
            values.len()
        )));
    }
    let spec = hound::WavSpec {
        channels: channels as u16,
        sample_rate: rate,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut out = std::io::Cursor::new(Vec::with_capacity(44 + 2 * values.len()));
    let write = |out: &mut std::io::Cursor<Vec<u8>>| -> hound::Result<()> {
        let mut writer = hound::WavWriter::new(out, spec)?;
        for v in values {
            // The cast takes NaN to 0.
            writer.write_sample((v * 32768.0).round().clamp(-32768.0, 32767.0) as i16)?;
        }
        writer.finalize()
    };
    write(&mut out).map_err(|e| wrong(format!("a WAV file cannot be made: {e}")))?;
    Ok(out.into_inner())
}

/// Writes [`wav`] whole or not at all.
///
/// # Errors
/// Those of [`wav`]; [`Error::Io`] when the file cannot be written.
pub fn write_wav(path: &Path, values: &[f32], rate: u32, channels: usize) -> Result<()> {
    write_atomically(path, &wav(values, rate, channels)?)
}
