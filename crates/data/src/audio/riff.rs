//! WAV files (RIFF, and its big-endian and 64-bit forms) as they are met: chunks in any order before the samples, with
//! their pad bytes, extensible headers, streams whose length was not known when they were begun.
use std::io::{Read, Seek, SeekFrom};

/// How samples are written.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Coding {
    /// unsigned, of one byte
    Unsigned,
    /// two's complement, left-justified in so many bytes
    Signed(usize),
    /// IEEE 754, of 4 or 8 bytes
    Float(usize),
    /// ITU-T G.711
    ALaw,
    MuLaw,
}

/// The samples of a file, channels interleaved, ready to be read.
pub(super) struct Wav<R> {
    /// samples a second
    pub rate: u32,
    pub channels: usize,
    /// samples of a channel that the header promises; None where it does not know
    pub promised: Option<usize>,
    coding: Coding,
    width: usize,
    big: bool,
    file: R,
    buffer: Vec<u8>,
    at: usize,
}

const AGAIN: &str = "ends within its header";

fn take<const N: usize>(file: &mut impl Read) -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    file.read_exact(&mut bytes).map_err(|_| AGAIN.to_string())?;
    Ok(bytes)
}

/// Whole numbers in the file's order of bytes.
#[derive(Clone, Copy)]
struct Order(bool);

impl Order {
    fn u16(self, b: &[u8]) -> u16 {
        let b = [b[0], b[1]];
        if self.0 {
            u16::from_be_bytes(b)
        } else {
            u16::from_le_bytes(b)
        }
    }
    fn u32(self, b: &[u8]) -> u32 {
        let b = [b[0], b[1], b[2], b[3]];
        if self.0 {
            u32::from_be_bytes(b)
        } else {
            u32::from_le_bytes(b)
        }
    }
}

impl<R: Read + Seek> Wav<R> {
    /// Reads up to the first sample.
    ///
    /// # Errors
    /// In words: what is wrong with the header, or which coding is not read.
    pub(super) fn open(mut file: R) -> Result<Wav<R>, String> {
        let length = file.seek(SeekFrom::End(0)).map_err(|e| e.to_string())?;
        file.rewind().map_err(|e| e.to_string())?;
        let head: [u8; 12] = take(&mut file)?;
        let big = match &head[..4] {
            b"RIFF" | b"RF64" | b"BW64" => false,
            b"RIFX" => true,
            _ => return Err("is not a WAV file (wrong first bytes)".into()),
        };
        if &head[8..] != b"WAVE" {
            return Err("is not a WAV file (wrong first bytes)".into());
        }
        let order = Order(big);
        let (mut format, mut long) = (None, None);
        loop {
            let chunk: [u8; 8] = take(&mut file).map_err(|_| "is not a WAV file with samples".to_string())?;
            let size = order.u32(&chunk[4..]) as u64;
            let begins = file.stream_position().map_err(|e| e.to_string())?;
            match &chunk[..4] {
                b"fmt " => {
                    let mut bytes = vec![0; size.min(64) as usize];
                    file.read_exact(&mut bytes).map_err(|_| AGAIN.to_string())?;
                    format = Some(bytes);
                }
                // The 64-bit sizes of the whole and of the samples.
                b"ds64" if size >= 16 => {
                    let bytes: [u8; 16] = take(&mut file)?;
                    long = Some(u64::from_le_bytes(bytes[8..].try_into().unwrap_or_default()));
                }
                b"data" => {
                    let format = format.ok_or("has samples before it says what they are")?;
                    let there = length.saturating_sub(begins);
                    let unknown =
                        size >= 0xffff_ff00 || (size == 0 && there > 1 && order.u32(&head[4..]) == 0);
                    let size = match long {
                        Some(long) if size == 0xffff_ffff => Some(long),
                        _ if unknown => None,
                        _ => Some(size),
                    };
                    return Wav::of_format(&format, order, size, file);
                }
                _ => {}
            }
            // A chunk of odd length is followed by a byte that it does not count.
            file.seek(SeekFrom::Start(begins + size + size % 2))
                .map_err(|e| e.to_string())?;
        }
    }

    fn of_format(format: &[u8], order: Order, size: Option<u64>, file: R) -> Result<Wav<R>, String> {
        if format.len() < 16 {
            return Err("has a format chunk that is too short".into());
        }
        let (mut tag, channels) = (order.u16(format), order.u16(&format[2..]) as usize);
        let (rate, block) = (order.u32(&format[4..]), order.u16(&format[12..]) as usize);
        let bits = order.u16(&format[14..]) as usize;
        // WAVE_FORMAT_EXTENSIBLE: the coding is the beginning of a GUID.
        if tag == 0xfffe && format.len() >= 26 {
            tag = order.u16(&format[24..]);
        }
        if channels == 0 || block == 0 || !block.is_multiple_of(channels) {
            return Err(format!("claims {channels} channels in blocks of {block} bytes"));
        }
        let width = block / channels;
        let coding = match (tag, width) {
            (1, 1) if bits <= 8 => Coding::Unsigned,
            (1, 2..=4) if bits > 8 && bits <= 8 * width => Coding::Signed(width),
            (3, 4 | 8) if bits == 8 * width => Coding::Float(width),
            (6, 1) => Coding::ALaw,
            (7, 1) => Coding::MuLaw,
            _ => {
                return Err(format!(
                    "is a WAV file of a kind that is not read (coding {tag}, {bits} bits); convert it to PCM or float"
                ));
            }
        };
        Ok(Wav {
            rate,
            channels,
            promised: size.map(|s| (s / block as u64) as usize),
            coding,
            width,
            big: order.0,
            file,
            buffer: Vec::new(),
            at: 0,
        })
    }

    /// The next sample; None at the end of the file.
    fn sample(&mut self) -> Result<Option<f32>, String> {
        if self.at + self.width > self.buffer.len() {
            self.buffer.clear();
            self.at = 0;
            let most = (1 << 16) / self.width * self.width;
            (&mut self.file)
                .take(most as u64)
                .read_to_end(&mut self.buffer)
                .map_err(|e| format!("cannot be read: {e}"))?;
            if self.buffer.len() < self.width {
                return Ok(None);
            }
        }
        let bytes = &mut self.buffer[self.at..self.at + self.width];
        self.at += self.width;
        if self.big {
            bytes.reverse();
        }
        Ok(Some(self.coding.value(bytes)))
    }

    /// Hands on every sample that the header promises, or all that there are where it does not know.
    ///
    /// # Errors
    /// Where the file ends early, or as `f` says.
    pub(super) fn each(mut self, mut f: impl FnMut(f32) -> Result<(), String>) -> Result<(), String> {
        let promised = self.promised.map(|n| n.saturating_mul(self.channels));
        let mut n = 0;
        while promised.is_none_or(|p| n < p) {
            match (self.sample()?, promised) {
                (Some(v), _) => f(v)?,
                (None, None) => break,
                (None, Some(p)) => {
                    return Err(format!(
                        "is cut off after {} of {} samples",
                        n / self.channels,
                        p / self.channels
                    ));
                }
            }
            n += 1;
        }
        Ok(())
    }
}

impl Coding {
    /// A sample from its bytes, little-endian; whole numbers come to [-1, 1).
    fn value(self, b: &[u8]) -> f32 {
        match self {
            Coding::Unsigned => (b[0] as f32 - 128.0) / 128.0,
            Coding::Signed(width) => {
                // To the left end of 32 bits, whatever the width.
                let mut word = [0; 4];
                word[4 - width..].copy_from_slice(b);
                i32::from_le_bytes(word) as f32 * (-31f32).exp2()
            }
            Coding::Float(4) => f32::from_le_bytes([b[0], b[1], b[2], b[3]]),
            Coding::Float(_) => f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]) as f32,
            Coding::ALaw => a_law(b[0]) as f32 / 32768.0,
            Coding::MuLaw => mu_law(b[0]) as f32 / 32768.0,
        }
    }
}

/// ITU-T G.711 (1988), table 1: a sign, three bits of the segment, four within it; every other bit inverted.
fn a_law(code: u8) -> i16 {
    let code = code ^ 0x55;
    let (segment, step) = ((code >> 4) & 7, i16::from(code & 15));
    let size = match segment {
        0 => (step << 4) + 8,
        s => ((step << 4) + 0x108) << (s - 1),
    };
    if code & 0x80 != 0 { size } else { -size }
}

/// ITU-T G.711 (1988), table 2: all bits inverted.
fn mu_law(code: u8) -> i16 {
    let code = !code;
    let (segment, step) = ((code >> 4) & 7, i16::from(code & 15));
    let size = (((step << 3) + 0x84) << segment) - 0x84;
    if code & 0x80 != 0 { -size } else { size }
}
