//! One sound file, whole, as numbers.
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// Endings of files that are read.
pub const EXTENSIONS: [&str; 2] = ["wav", "flac"];
/// Samples of one file, a channel: 46 minutes at 48 kHz. A few bytes of FLAC can stand for any number of them.
const LONGEST: usize = 1 << 27;
/// Rates that a file may have, in Hz.
const RATES: std::ops::RangeInclusive<u32> = 1000..=384_000;

/// A file, mixed down to one channel.
pub struct Sound {
    /// samples a second
    pub rate: u32,
    /// channels that the file has
    pub channels: usize,
    /// in [-1, 1]
    pub samples: Vec<f32>,
}

/// Decodes a WAV or FLAC file, told apart by their first bytes.
///
/// # Errors
/// In words, without the path: what is wrong with it. A file of zeros is wrong, too.
pub fn decode(path: &Path) -> Result<Sound, String> {
    let file = BufReader::new(File::open(path).map_err(|e| format!("cannot be read: {e}"))?);
    let flac = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("flac"));
    let sound = if flac { of_flac(file)? } else { of_wav(file)? };
    if sound.samples.is_empty() {
        return Err("holds no samples".into());
    }
    if sound.samples.iter().any(|v| !v.is_finite()) {
        return Err("holds numbers that are not finite".into());
    }
    if sound.samples.iter().all(|&v| v == 0.0) {
        return Err("is silent: every sample is zero".into());
    }
    Ok(sound)
}

fn of_wav(file: BufReader<File>) -> Result<Sound, String> {
    let reader = hound::WavReader::new(file).map_err(|e| match e {
        hound::Error::Unsupported => {
            "is a WAV file of a kind that is not read; convert it to PCM or float".to_string()
        }
        e => format!("is no WAV file: {e}"),
    })?;
    let spec = reader.spec();
    let (channels, wanted) = (spec.channels as usize, reader.duration() as usize);
    let short = |got: usize, e: hound::Error| format!("is cut off after {got} of {wanted} samples: {e}");
    let samples = match spec.sample_format {
        hound::SampleFormat::Float => mix(
            channels,
            reader.into_samples::<f32>(),
            |v| v.clamp(-1.0, 1.0),
            short,
        ),
        hound::SampleFormat::Int => {
            let scale = (-f32::from(spec.bits_per_sample as i8 - 1)).exp2();
            mix(
                channels,
                reader.into_samples::<i32>(),
                move |v| v as f32 * scale,
                short,
            )
        }
    }?;
    checked(spec.sample_rate, channels, samples)
}

fn of_flac(file: BufReader<File>) -> Result<Sound, String> {
    let mut reader = claxon::FlacReader::new(file).map_err(|e| format!("is no FLAC file: {e}"))?;
    let info = reader.streaminfo();
    let (channels, wanted) = (info.channels as usize, info.samples);
    let scale = (-((info.bits_per_sample as f32) - 1.0)).exp2();
    let said = |got: usize, e: claxon::Error| format!("is damaged after {got} samples: {e}");
    let samples = mix(channels, reader.samples(), move |v| v as f32 * scale, said)?;
    match wanted {
        Some(n) if n != samples.len() as u64 => {
            Err(format!("is cut off after {} of {n} samples", samples.len()))
        }
        _ => checked(info.sample_rate, channels, samples),
    }
}

fn checked(rate: u32, channels: usize, samples: Vec<f32>) -> Result<Sound, String> {
    match RATES.contains(&rate) {
        true => Ok(Sound {
            rate,
            channels,
            samples,
        }),
        false => Err(format!(
            "claims {rate} samples a second; {} to {} can be used",
            RATES.start(),
            RATES.end()
        )),
    }
}

/// The mean of the channels of interleaved samples.
fn mix<T, E>(
    channels: usize,
    from: impl Iterator<Item = Result<T, E>>,
    value: impl Fn(T) -> f32,
    problem: impl Fn(usize, E) -> String,
) -> Result<Vec<f32>, String> {
    if channels == 0 {
        return Err("has no channels".into());
    }
    // No length that a header claims is taken for granted: the memory grows with what is there.
    let (mut out, mut sum, mut k) = (Vec::new(), 0.0, 0);
    for sample in from {
        sum += value(sample.map_err(|e| problem(out.len(), e))?);
        k += 1;
        if k == channels {
            out.push(if channels == 1 { sum } else { sum / channels as f32 });
            (sum, k) = (0.0, 0);
            if out.len() > LONGEST {
                return Err(format!("is longer than {LONGEST} samples; cut it into parts"));
            }
        }
    }
    Ok(out)
}
