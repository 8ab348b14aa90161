//! One sound file, whole, as numbers.
use super::riff::Wav;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// Endings of files that are read.
pub(crate) const EXTENSIONS: [&str; 2] = ["wav", "flac"];
/// Samples of one file, a channel: 46 minutes at 48 kHz. A few bytes of FLAC can stand for any number of them.
const LONGEST: usize = 1 << 27;
/// Rates that a file may have, in Hz.
const RATES: std::ops::RangeInclusive<u32> = 1000..=384_000;

/// A file, mixed down to one channel.
pub(super) struct Sound {
    /// samples a second
    pub rate: u32,
    /// channels that the file has
    pub channels: usize,
    /// in [-1, 1]
    pub samples: Vec<f32>,
    /// the largest size of a sample in the file, and the share of those beyond 1, which only files of real numbers have
    pub peak: f32,
    pub beyond: f64,
}

/// What becomes of samples beyond [-1, 1].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Overload {
    /// the file is divided by its peak
    Scale,
    /// they are cut off
    Clip,
    /// the file is damaged
    Refuse,
}

impl Overload {
    pub(crate) const NAMES: [&'static str; 3] = ["scale", "clip", "refuse"];

    /// One of [`Overload::NAMES`]; the first for any other.
    pub(crate) fn named(name: &str) -> Overload {
        match name {
            "clip" => Overload::Clip,
            "refuse" => Overload::Refuse,
            _ => Overload::Scale,
        }
    }

    fn apply(self, sound: &mut Sound) -> Result<(), String> {
        if sound.peak <= 1.0 {
            return Ok(());
        }
        match self {
            Overload::Scale => sound.samples.iter_mut().for_each(|v| *v /= sound.peak),
            Overload::Clip => sound.samples.iter_mut().for_each(|v| *v = v.clamp(-1.0, 1.0)),
            Overload::Refuse => {
                return Err(format!(
                    "{:.3} % of its samples lie beyond [-1, 1], up to {}",
                    100.0 * sound.beyond,
                    sound.peak
                ));
            }
        }
        Ok(())
    }
}

/// Decodes a WAV or FLAC file, told apart by their first bytes.
///
/// # Errors
/// In words, without the path: what is wrong with it. A file of zeros is wrong, too.
pub(super) fn decode(path: &Path, overload: Overload) -> Result<Sound, String> {
    let said = |e: std::io::Error| format!("cannot be read: {e}");
    let mut file = BufReader::new(File::open(path).map_err(said)?);
    let flac = file.fill_buf().map_err(said)?.starts_with(b"fLaC");
    let mut sound = if flac { of_flac(file)? } else { of_wav(file)? };
    if sound.samples.is_empty() {
        return Err("holds no samples".into());
    }
    if sound.samples.iter().any(|v| !v.is_finite()) {
        return Err("holds numbers that are not finite".into());
    }
    if sound.samples.iter().all(|&v| v == 0.0) {
        return Err("is silent: every sample is zero".into());
    }
    overload.apply(&mut sound)?;
    Ok(sound)
}

fn of_wav(file: BufReader<File>) -> Result<Sound, String> {
    let wav = Wav::open(file)?;
    let mut mix = Mix::new(wav.rate, wav.channels)?;
    wav.each(|v| mix.push(v))?;
    Ok(mix.done())
}

fn of_flac(file: BufReader<File>) -> Result<Sound, String> {
    let mut reader = claxon::FlacReader::new(file).map_err(|e| format!("is not a FLAC file: {e}"))?;
    let info = reader.streaminfo();
    let scale = (-((info.bits_per_sample as f32) - 1.0)).exp2();
    let mut mix = Mix::new(info.sample_rate, info.channels as usize)?;
    for sample in reader.samples() {
        let v = sample.map_err(|e| format!("is damaged after {} samples: {e}", mix.samples.len()))?;
        mix.push(v as f32 * scale)?;
    }
    match info.samples {
        Some(n) if n != mix.samples.len() as u64 => {
            Err(format!("is cut off after {} of {n} samples", mix.samples.len()))
        }
        _ => Ok(mix.done()),
    }
}

/// Channels on their way to the mean of them. No length that a header claims is taken for granted: the memory grows with
/// what is there.
struct Mix {
    rate: u32,
    channels: usize,
    samples: Vec<f32>,
    sum: f32,
    /// channels in `sum`
    summed: usize,
    peak: f32,
    beyond: usize,
}

impl Mix {
    fn new(rate: u32, channels: usize) -> Result<Mix, String> {
        if channels == 0 {
            return Err("has no channels".into());
        }
        if !RATES.contains(&rate) {
            return Err(format!(
                "claims {rate} samples a second; {} to {} can be used",
                RATES.start(),
                RATES.end()
            ));
        }
        Ok(Mix {
            rate,
            channels,
            samples: Vec::new(),
            sum: 0.0,
            summed: 0,
            peak: 0.0,
            beyond: 0,
        })
    }

    fn push(&mut self, v: f32) -> Result<(), String> {
        self.peak = self.peak.max(v.abs());
        self.beyond += usize::from(v.abs() > 1.0);
        self.sum += v;
        self.summed += 1;
        if self.summed < self.channels {
            return Ok(());
        }
        self.samples.push(match self.channels {
            1 => self.sum,
            n => self.sum / n as f32,
        });
        (self.sum, self.summed) = (0.0, 0);
        match self.samples.len() > LONGEST {
            true => Err(format!("is longer than {LONGEST} samples; cut it into parts")),
            false => Ok(()),
        }
    }

    fn done(self) -> Sound {
        let all = (self.samples.len() * self.channels).max(1);
        Sound {
            rate: self.rate,
            channels: self.channels,
            samples: self.samples,
            peak: self.peak,
            beyond: self.beyond as f64 / all as f64,
        }
    }
}
