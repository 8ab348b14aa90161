//! Whether an image file holds several pictures, found without decoding any.
use image::ImageFormat;
use std::io::{BufReader, Read, Seek, SeekFrom};

/// Whether a GIF, WebP or PNG file is an animation of more than one frame; `start` are its first bytes.
pub(super) fn is_animated(format: ImageFormat, start: &[u8], file: &mut (impl Read + Seek)) -> bool {
    match format {
        ImageFormat::WebP => start.get(12..16) == Some(b"VP8X") && start.get(20).is_some_and(|f| f & 2 != 0),
        ImageFormat::Png => png_frames(start) > 1,
        ImageFormat::Gif => gif_frames(file).is_some_and(|n| n > 1),
        _ => false,
    }
}

/// Frames that an APNG's chunk before its pixels tells of; 1 without it.
fn png_frames(start: &[u8]) -> u32 {
    let word = |at: usize| Some(u32::from_be_bytes(start.get(at..at + 4)?.try_into().ok()?));
    let mut at = 8;
    while let (Some(size), Some(kind)) = (word(at), start.get(at + 4..at + 8)) {
        match kind {
            b"acTL" => return word(at + 8).unwrap_or(1),
            b"IDAT" => return 1,
            _ => at += 12 + size as usize,
        }
    }
    1
}

/// Images of a GIF, of which two are counted at most.
fn gif_frames(file: &mut (impl Read + Seek)) -> Option<u32> {
    let mut file = BufReader::with_capacity(4096, file);
    file.seek(SeekFrom::Start(0)).ok()?;
    // The byte behind so many others.
    let mut behind = |skipped: i64| {
        let mut byte = [0];
        file.seek_relative(skipped).ok()?;
        file.read_exact(&mut byte).ok()?;
        Some(byte[0])
    };
    // The flags of a screen or an image say whether a table of colours follows, and of which size.
    let colours = |flags: u8| {
        if flags & 0x80 == 0 {
            0
        } else {
            3 << ((flags & 7) + 1)
        }
    };
    let mut before = 2 + colours(behind(10)?);
    let mut frames = 0;
    loop {
        let head = match behind(before)? {
            0x21 => 1,
            0x2c => {
                frames += 1;
                1 + colours(behind(8)?)
            }
            _ => return Some(frames),
        };
        if frames == 2 {
            return Some(frames);
        }
        // The data come in pieces, each behind its length, up to an empty one.
        let mut length = behind(head)?;
        while length > 0 {
            length = behind(length.into())?;
        }
        before = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::animation;
    use std::io::Cursor;

    #[test]
    fn frames_are_counted_to_two() {
        let gif = |frames: usize| {
            let values: Vec<f32> = (0..frames * 27).map(|i| (i % 7) as f32 / 3.5 - 1.0).collect();
            animation(&values, [1, frames, 3, 3, 3], 1).unwrap()
        };
        for (frames, found) in [(1, false), (2, true), (5, true)] {
            let file = gif(frames);
            assert_eq!(
                is_animated(ImageFormat::Gif, &file, &mut Cursor::new(&file)),
                found
            );
            for cut in 0..file.len() {
                is_animated(ImageFormat::Gif, &file[..cut], &mut Cursor::new(&file[..cut]));
            }
        }
        let none = &mut Cursor::new(vec![]);
        let mut frames = [
            &[0; 8][..],
            &4u32.to_be_bytes(),
            b"gAMA",
            &[0; 8],
            &8u32.to_be_bytes(),
            b"acTL",
        ]
        .concat();
        frames.extend([0, 0, 0, 4, 0, 0, 0, 0]);
        assert!(is_animated(ImageFormat::Png, &frames, none));
        assert!(!is_animated(ImageFormat::Png, &frames[..24], none));
        assert!(is_animated(
            ImageFormat::WebP,
            b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\x02",
            none
        ));
        assert!(!is_animated(
            ImageFormat::WebP,
            b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\x10",
            none
        ));
    }
}
