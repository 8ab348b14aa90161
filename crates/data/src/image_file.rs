//! One image file: its header without its pixels, its pixels, and whether to believe either.
use super::Values;
use super::animated::is_animated;
use crate::Kind;
use crate::error::{Error, Result};
use crate::resize::{Alpha, Filter, Preparation};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

/// Extensions of the files that count as images.
pub(super) const EXTENSIONS: [&str; 6] = ["png", "jpg", "jpeg", "webp", "gif", "bmp"];
/// An image of more pixels than this (11,585 x 11,585), or of more bytes once it is decoded, is taken for damaged.
const MAX_PIXELS: u64 = 1 << 27;
const MAX_BYTES: u64 = 1 << 28;
/// An image may have so many bytes whatever the length of its file; beyond, two hundred for each of these.
const FREE_BYTES: u64 = 1 << 26;

/// A decoded image, channels last, 8 bits a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Pixels {
    /// rows
    pub height: usize,
    /// columns
    pub width: usize,
    /// 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA
    pub channels: usize,
    /// `[height, width, channels]`
    pub bytes: Vec<u8>,
}

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Header {
    /// height, width and channels as they will be decoded
    pub shape: [usize; 3],
    /// whether the file was seen to be complete, as far as that can be seen without decoding it
    pub complete: bool,
    /// whether it is an animation, of which the first frame is taken
    pub animated: bool,
    /// length of the file
    pub bytes: u64,
}

/// Reads and decodes an image file (PNG, JPEG, WebP, GIF or BMP by content, not by name), upright by its EXIF
/// orientation; 16-bit values are rounded to 8 bits, palettes resolved, of an animation the first frame is taken.
///
/// # Errors
/// [`Error::Data`] with the path when it is damaged, [`Error::Io`] when it cannot be read.
pub fn read_image(path: impl AsRef<Path>) -> Result<Pixels> {
    let path = path.as_ref();
    let file = std::fs::read(path).map_err(Error::io("read", path))?;
    decode(&file).map_err(|problem| Error::data(path, problem, "mend or remove the file"))
}

/// The pixels of a file's bytes, or what is wrong with them.
pub(super) fn decode(file: &[u8]) -> Result<Pixels, String> {
    // A decoder that panics on a damaged file has found it damaged, no more.
    crate::limits::guarded(|| decode_unguarded(file)).unwrap_or_else(|_| Err("cannot be decoded".into()))
}

fn decode_unguarded(file: &[u8]) -> Result<Pixels, String> {
    let format = format_of(file)?;
    if format == ImageFormat::Jpeg {
        jpeg_end(file)?;
    }
    let mut reader = ImageReader::with_format(Cursor::new(file), format);
    reader.limits(limits());
    let mut decoder = reader.into_decoder().map_err(|e| e.to_string())?;
    let (width, height) = decoder.dimensions();
    plausible(width as u64, height as u64, file.len() as u64, format)?;
    affordable(decoder.total_bytes(), file.len() as u64)?;
    let mut orientation = decoder.orientation().map_err(|e| e.to_string())?;
    if format == ImageFormat::Png && orientation == Orientation::NoTransforms {
        orientation = png_orientation(&mut Cursor::new(file));
    }
    let mut image = DynamicImage::from_decoder(decoder).map_err(|e| e.to_string())?;
    image.apply_orientation(orientation);
    let (width, height) = (image.width() as usize, image.height() as usize);
    let (channels, bytes) = match image.color().channel_count() {
        1 => (1, image.into_luma8().into_raw()),
        2 => (2, image.into_luma_alpha8().into_raw()),
        3 => (3, image.into_rgb8().into_raw()),
        _ => (4, image.into_rgba8().into_raw()),
    };
    Ok(Pixels {
        height,
        width,
        channels,
        bytes,
    })
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(2 * MAX_BYTES);
    limits
}

/// The format by the first bytes.
fn format_of(start: &[u8]) -> Result<ImageFormat, String> {
    if start.is_empty() {
        return Err("is empty (zero bytes)".into());
    }
    match image::guess_format(start) {
        Ok(
            f @ (ImageFormat::Png
            | ImageFormat::Jpeg
            | ImageFormat::WebP
            | ImageFormat::Gif
            | ImageFormat::Bmp),
        ) => Ok(f),
        _ => Err("is not a PNG, JPEG, WebP, GIF or BMP image (wrong first bytes)".into()),
    }
}

/// Rules out dimensions that no file of this many bytes can hold, before any memory is taken for them.
fn plausible(width: u64, height: u64, bytes: u64, format: ImageFormat) -> Result<(), String> {
    let pixels = width.saturating_mul(height);
    if pixels == 0 || pixels > MAX_PIXELS {
        return Err(format!(
            "its header says {width} x {height} pixels, which cannot be right"
        ));
    }
    // The most pixels that a byte can stand for: deflate packs 1,032 bytes of 8 one-bit pixels into one; a JPEG block
    // of 64 pixels takes 2 bits; a GIF code of 12 bits 4,096 pixels. WebP has no such bound, so that only
    // large images are held against their length.
    let most = match format {
        ImageFormat::Png => 8256,
        ImageFormat::Jpeg => 1024,
        ImageFormat::Gif => 4096,
        ImageFormat::Bmp => 256,
        _ if pixels > 1 << 24 => 65_536,
        _ => u64::MAX,
    };
    if pixels / most > bytes {
        return Err(format!(
            "its header says {width} x {height} pixels, but its {bytes} bytes cannot hold them"
        ));
    }
    Ok(())
}

/// Rules out images that take too much memory, or far more than their file can mean.
fn affordable(decoded: u64, bytes: u64) -> Result<(), String> {
    if decoded <= FREE_BYTES || decoded <= MAX_BYTES.min(bytes.saturating_mul(200)) {
        return Ok(());
    }
    Err(format!(
        "its {bytes} bytes would take {} MB once decoded, which cannot be right",
        decoded >> 20
    ))
}

/// An error unless a JPEG stream has an end: what a decoder would fill with grey. What follows the end is not looked at.
fn jpeg_end(file: &[u8]) -> Result<(), String> {
    let (mut at, mut scan) = (2, false);
    loop {
        // The next marker: 0xff and a code. Within coded data 0xff is followed by 0 or by a restart marker.
        let is_marker = |w: &[u8]| w[0] == 0xff && !matches!(w[1], 0 | 0xff | 0x01 | 0xd0..=0xd7);
        let next = file
            .get(at..)
            .and_then(|rest| rest.windows(2).position(is_marker));
        let Some(next) = next else {
            return Err(if scan {
                "ends early"
            } else {
                "ends before its pixels"
            }
            .into());
        };
        at += next + 2;
        match file[at - 1] {
            0xd9 => return Ok(()),
            0xd8 => continue,
            code => {
                let size = file
                    .get(at..at + 2)
                    .map_or(0, |b| u16::from_be_bytes([b[0], b[1]]));
                at += size as usize;
                scan |= code == 0xda;
            }
        }
    }
}

/// What the header of a file says, and whether the file seems complete; reads four kilobytes of most files.
pub(super) fn header(path: &Path) -> Result<Header, String> {
    let mut file = File::open(path).map_err(|e| format!("cannot be read: {e}"))?;
    header_in(&mut file)
}

/// The same of a file that is open, or of its bytes.
pub(super) fn header_in(file: &mut (impl Read + Seek)) -> Result<Header, String> {
    crate::limits::guarded(|| header_unguarded(file)).unwrap_or_else(|_| Err(UNREADABLE.into()))
}

/// The same of a file's bytes, of which none is copied.
pub(super) fn header_of(bytes: &[u8]) -> Result<Header, String> {
    let start = &bytes[..bytes.len().min(START)];
    let mut end = [0; 12];
    let tail = &bytes[bytes.len().saturating_sub(12)..];
    end[12 - tail.len()..].copy_from_slice(tail);
    let length = bytes.len() as u64;
    crate::limits::guarded(|| described(start, end, length, &mut Cursor::new(bytes)))
        .unwrap_or_else(|_| Err(UNREADABLE.into()))
}

/// Bytes at the beginning of a file that most headers lie in.
const START: usize = 4096;
const UNREADABLE: &str = "has a header that cannot be read";

fn header_unguarded(file: &mut (impl Read + Seek)) -> Result<Header, String> {
    let said = |e: std::io::Error| format!("cannot be read: {e}");
    let mut start = [0; START];
    let mut n = 0;
    while n < start.len() {
        match file.read(&mut start[n..]).map_err(said)? {
            0 => break,
            more => n += more,
        }
    }
    let start = &start[..n];
    let mut end = [0; 12];
    let length = if n < START {
        let tail = &start[n.saturating_sub(12)..];
        end[12 - tail.len()..].copy_from_slice(tail);
        n as u64
    } else {
        let before = file.seek(SeekFrom::End(-12)).map_err(said)?;
        file.read_exact(&mut end).map_err(said)?;
        before + 12
    };
    described(start, end, length, file)
}

/// What the first bytes of a file of that length say, and the last twelve.
fn described(
    start: &[u8],
    end: [u8; 12],
    length: u64,
    file: &mut (impl Read + Seek),
) -> Result<Header, String> {
    let format = format_of(start)?;
    let little = |at: usize| {
        start
            .get(at..at + 4)
            .map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as u64)
    };
    let complete = match format {
        ImageFormat::Png => end[4..8] == *b"IEND",
        ImageFormat::Jpeg => end[10..] == [0xff, 0xd9],
        ImageFormat::Gif => end[11] == 0x3b,
        ImageFormat::WebP => little(4) + 8 <= length,
        _ => little(2) == length,
    };
    let quick = match format {
        ImageFormat::Png => png_shape(start).filter(|_| !png_turns(file)),
        ImageFormat::Jpeg => jpeg_shape(file),
        _ => None,
    };
    let (shape, decoded) = match quick {
        Some(shape) => (shape, shape.iter().product::<usize>() as u64),
        None => slow_shape(file, format)?,
    };
    plausible(shape[1] as u64, shape[0] as u64, length, format)?;
    let wide = format == ImageFormat::Png && start.get(24) == Some(&16);
    affordable(decoded << u64::from(wide && quick.is_some()), length)?;
    Ok(Header {
        shape,
        complete,
        animated: is_animated(format, start, file),
        bytes: length,
    })
}

/// Height, width and channels of a PNG from its first bytes, when these reach to its pixels.
fn png_shape(start: &[u8]) -> Option<[usize; 3]> {
    let word = |at: usize| Some(u32::from_be_bytes(start.get(at..at + 4)?.try_into().ok()?) as usize);
    let colour = *start.get(25)?;
    let (mut at, mut transparent) = (8, false);
    loop {
        match start.get(at + 4..at + 8)? {
            b"IDAT" => break,
            b"tRNS" => transparent = true,
            _ => {}
        }
        at += 12 + word(at)?;
    }
    let channels = match (colour, transparent) {
        (0, false) => 1,
        (0, true) | (4, _) => 2,
        (2 | 3, false) => 3,
        (2 | 3, true) | (6, _) => 4,
        _ => return None,
    };
    Some([word(20)?, word(16)?, channels])
}

/// The orientation that a PNG's EXIF chunk asks for, which may lie before or behind the pixels.
fn png_orientation(file: &mut (impl Read + Seek)) -> Orientation {
    let exif = png_exif(file).and_then(|exif| Orientation::from_exif_chunk(&exif));
    exif.unwrap_or(Orientation::NoTransforms)
}

fn png_exif(file: &mut (impl Read + Seek)) -> Option<Vec<u8>> {
    let mut at = 8;
    loop {
        let mut head = [0; 8];
        file.seek(SeekFrom::Start(at)).ok()?;
        file.read_exact(&mut head).ok()?;
        let size = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        match &head[4..] {
            // Cameras write 64 KB at most.
            b"eXIf" if size <= 1 << 16 => {
                let mut exif = vec![0; size as usize];
                file.read_exact(&mut exif).ok()?;
                return Some(exif);
            }
            b"IEND" => return None,
            _ => at += 12 + u64::from(size),
        }
    }
}

/// Whether a PNG is to be turned, so that height and width change places.
fn png_turns(file: &mut (impl Read + Seek)) -> bool {
    turns(png_orientation(&mut BufReader::with_capacity(64, file)))
}

/// Height, width and channels of a JPEG file, upright: its segments up to the first frame header.
fn jpeg_shape(file: &mut (impl Read + Seek)) -> Option<[usize; 3]> {
    file.seek(SeekFrom::Start(2)).ok()?;
    let mut file = BufReader::with_capacity(1024, file);
    let mut turned = false;
    loop {
        let mut marker = [0; 4];
        file.read_exact(&mut marker).ok()?;
        let size = u16::from_be_bytes([marker[2], marker[3]]).checked_sub(2)?;
        match marker {
            // Frame headers, of which three codes are something else.
            [0xff, 0xc0..=0xcf, ..] if ![0xc4, 0xc8, 0xcc].contains(&marker[1]) => {
                let mut frame = [0; 6];
                file.read_exact(&mut frame).ok()?;
                let (h, w) = (
                    u16::from_be_bytes([frame[1], frame[2]]) as usize,
                    u16::from_be_bytes([frame[3], frame[4]]) as usize,
                );
                let channels = if frame[5] == 1 { 1 } else { 3 };
                return Some(if turned {
                    [w, h, channels]
                } else {
                    [h, w, channels]
                });
            }
            [0xff, 0xe1, ..] => {
                let mut segment = vec![0; size as usize];
                file.read_exact(&mut segment).ok()?;
                if let Some(exif) = segment.strip_prefix(b"Exif\0\0") {
                    turned = Orientation::from_exif_chunk(exif).is_some_and(turns);
                }
            }
            [0xff, 0xd8..=0xda, ..] => return None,
            [0xff, ..] => file.seek_relative(size as i64).ok()?,
            _ => return None,
        }
    }
}

/// Whether an orientation exchanges height and width.
fn turns(o: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(o, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}

/// Height, width and channels as the decoder finds them, and the bytes that it will make.
fn slow_shape(file: &mut (impl Read + Seek), format: ImageFormat) -> Result<([usize; 3], u64), String> {
    file.rewind().map_err(|e| e.to_string())?;
    let mut reader = ImageReader::with_format(BufReader::with_capacity(4096, &mut *file), format);
    reader.limits(limits());
    let mut decoder = reader.into_decoder().map_err(|e| e.to_string())?;
    let (w, h) = decoder.dimensions();
    let mut turned = decoder.orientation().map_err(|e| e.to_string())?;
    let (channels, bytes) = (
        decoder.color_type().channel_count() as usize,
        decoder.total_bytes(),
    );
    drop(decoder);
    if format == ImageFormat::Png && turned == Orientation::NoTransforms {
        turned = png_orientation(file);
    }
    let (w, h) = if turns(turned) { (h, w) } else { (w, h) };
    Ok(([h as usize, w as usize, channels], bytes))
}

impl Pixels {
    /// As networks take them, `[height, width, channels]` in [-1, 1], in so many channels (1, 3 or 4): grey of colours, over white where
    /// it is transparent and transparency is not asked for.
    pub fn scaled(&self, channels: usize) -> Vec<f32> {
        self.brought(None, channels)
    }

    /// The same, cut to the aspect of `[height, width]` around the middle and brought to that size, as images of a source are.
    pub fn prepared(&self, size: [usize; 2], channels: usize) -> Vec<f32> {
        self.brought(Some(size), channels)
    }

    fn brought(&self, size: Option<[usize; 2]>, channels: usize) -> Vec<f32> {
        let preparation = Preparation {
            size,
            channels,
            filter: Filter::Area,
            crop: true,
            alpha: if channels == 4 {
                Alpha::Keep
            } else {
                Alpha::Over(255.0)
            },
        };
        let (shape, bytes) = self.clone().values();
        let prepared = preparation.apply(shape, &bytes);
        let mut out = Vec::with_capacity(prepared.len());
        prepared.extend(Kind::Image, &mut out);
        out
    }

    /// Shape and values, as preparations take them.
    pub(super) fn values(self) -> ([usize; 3], Values) {
        (
            [self.height, self.width, self.channels],
            Values::Bytes(self.bytes),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Key;
    use image::{ColorType, ImageFormat};

    /// A picture of `[h, w, c]` in a format, with a smooth gradient so that JPEG keeps it.
    fn file(format: ImageFormat, [h, w, c]: [u32; 3]) -> Vec<u8> {
        let bytes: Vec<u8> = (0..h * w * c)
            .map(|i| (i / c / w * 3 + i / c % w * 2 + i % c * 9) as u8)
            .collect();
        let colour = [ColorType::L8, ColorType::La8, ColorType::Rgb8, ColorType::Rgba8][c as usize - 1];
        let mut out = Cursor::new(Vec::new());
        image::write_buffer_with_format(&mut out, &bytes, w, h, colour, format).unwrap();
        out.into_inner()
    }

    fn header_of(content: &[u8]) -> Result<Header, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        header(file.path())
    }

    const CASES: [(ImageFormat, [u32; 3]); 9] = [
        (ImageFormat::Png, [9, 17, 1]),
        (ImageFormat::Png, [9, 17, 2]),
        (ImageFormat::Png, [9, 17, 3]),
        (ImageFormat::Png, [9, 17, 4]),
        (ImageFormat::Jpeg, [40, 24, 1]),
        (ImageFormat::Jpeg, [40, 24, 3]),
        (ImageFormat::WebP, [9, 17, 4]),
        (ImageFormat::Gif, [9, 17, 4]),
        (ImageFormat::Bmp, [9, 17, 3]),
    ];

    #[test]
    fn headers_say_what_decoding_finds() {
        for (format, shape) in CASES {
            let content = file(format, shape);
            let (header, pixels) = (header_of(&content).unwrap(), decode(&content).unwrap());
            assert_eq!(header.shape, shape.map(|s| s as usize), "{format:?}");
            assert_eq!(
                header.shape,
                [pixels.height, pixels.width, pixels.channels],
                "{format:?}"
            );
            assert!(
                header.complete && header.bytes == content.len() as u64,
                "{format:?}"
            );
        }
    }

    #[test]
    fn sixteen_bits_become_eight() {
        let mut out = Cursor::new(Vec::new());
        let values: Vec<u8> = [0u16, 128, 257 * 77, 65535]
            .iter()
            .flat_map(|v| v.to_ne_bytes())
            .collect();
        image::write_buffer_with_format(&mut out, &values, 4, 1, ColorType::L16, ImageFormat::Png).unwrap();
        assert_eq!(decode(out.get_ref()).unwrap().bytes, [0, 0, 77, 255]);
    }

    #[test]
    fn exif_turns_a_photograph_upright() {
        let plain = file(ImageFormat::Jpeg, [40, 24, 3]);
        // TIFF, little-endian, one entry: tag 0x0112 (orientation), SHORT, 1 value, 6: turn a quarter clockwise.
        let tiff = [
            &b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0"[..],
            &[6, 0, 0, 0],
            &[0; 4],
        ]
        .concat();
        let segment = [
            &[0xff, 0xe1][..],
            &(tiff.len() as u16 + 8).to_be_bytes(),
            b"Exif\0\0",
            &tiff,
        ]
        .concat();
        let turned = [&plain[..2], &segment, &plain[2..]].concat();
        assert_eq!(header_of(&turned).unwrap().shape, [24, 40, 3]);
        let (a, b) = (decode(&plain).unwrap(), decode(&turned).unwrap());
        assert_eq!((b.height, b.width), (24, 40));
        // The lower left corner comes to the upper left.
        assert_eq!(b.bytes[..3], a.bytes[39 * 24 * 3..][..3]);
    }

    #[test]
    fn dimensions_that_lie_take_no_memory() {
        // Below the limit of pixels, yet far more than the file can hold.
        let mut png = file(ImageFormat::Png, [9, 17, 3]);
        png[16..20].copy_from_slice(&11_000u32.to_be_bytes());
        png[20..24].copy_from_slice(&11_000u32.to_be_bytes());
        let mut crc = flate2::Crc::new();
        crc.update(&png[12..29]);
        png[29..33].copy_from_slice(&crc.sum().to_be_bytes());
        let mut gif = file(ImageFormat::Gif, [9, 17, 4]);
        gif[6..10].fill(0xff);
        for content in [png, gif] {
            assert!(
                header_of(&content).unwrap_err().contains("cannot"),
                "{:?}",
                header_of(&content)
            );
            assert!(decode(&content).unwrap_err().contains("cannot"));
        }
    }

    #[test]
    fn no_damage_makes_a_panic() {
        let mut draw = Key::new(11).rng();
        for (format, shape) in CASES {
            let whole = file(format, shape);
            for _ in 0..150 {
                let mut content = whole.clone();
                if draw.chance(0.3) {
                    content.truncate(draw.below(whole.len()));
                }
                for _ in 0..draw.below(4) {
                    if !content.is_empty() {
                        let at = draw.below(content.len());
                        content[at] = draw.word() as u8;
                    }
                }
                // Either an error, or as many bytes as it says.
                if let Ok(p) = decode(&content) {
                    assert_eq!(p.bytes.len(), p.height * p.width * p.channels);
                }
                header_of(&content).ok();
                assert!(decode_unguarded(&content).is_ok() || decode(&content).is_err());
            }
        }
    }
}
