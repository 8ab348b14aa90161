//! Pictures: images of numbers laid out as a grid, and PNG files.
use crate::error::{Error, Result};
use crate::files::write_atomically;
use crate::read_image;
pub use crate::write_npy;
use std::path::Path;

/// A grid is enlarged, by whole pixels, until it is at least so wide.
const MIN_WIDTH: usize = 512;
/// Pixels between the cells of a grid, before it is enlarged.
const GAP: usize = 1;

/// An 8-bit picture, RGB or RGBA.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// columns
    pub width: usize,
    /// rows
    pub height: usize,
    /// 3 or 4
    pub channels: usize,
    /// `[height, width, channels]`
    pub bytes: Vec<u8>,
    /// what the picture does not show
    pub note: Option<String>,
}

impl Picture {
    /// An empty picture: white, or transparent when it has a fourth channel.
    pub fn new(width: usize, height: usize, channels: usize) -> Picture {
        let fill = if channels == 4 { 0 } else { 255 };
        Picture {
            width,
            height,
            channels,
            bytes: vec![fill; width * height * channels],
            note: None,
        }
    }

    /// Draws a line of that width from a point to another, in pixels from the upper left corner; what lies beyond the picture is left out.
    pub fn line(&mut self, from: [f64; 2], to: [f64; 2], width: f64, colour: [u8; 3]) {
        let along = [to[0] - from[0], to[1] - from[1]];
        let length = along[0].hypot(along[1]).max(1e-9);
        for i in 0..self.width * self.height {
            let off = [
                (i % self.width) as f64 + 0.5 - from[0],
                (i / self.width) as f64 + 0.5 - from[1],
            ];
            let t = (off[0] * along[0] + off[1] * along[1]) / length;
            let aside = (off[0] * along[1] - off[1] * along[0]) / length;
            if (0.0..=length).contains(&t) && aside.abs() <= width / 2.0 {
                self.bytes[i * self.channels..][..3].copy_from_slice(&colour);
            }
        }
    }

    /// A picture from an image file; grey becomes RGB.
    ///
    /// # Errors
    /// Those of [`read_image`].
    pub fn read(path: impl AsRef<Path>) -> Result<Picture> {
        let p = read_image(path)?;
        let channels = if p.channels % 2 == 0 { 4 } else { 3 };
        let bytes = p.bytes.chunks_exact(p.channels).flat_map(|v| {
            let grey = [v[0], v[0], v[0], *v.last().unwrap_or(&255)];
            if p.channels < 3 {
                grey.into_iter().take(channels).collect::<Vec<_>>()
            } else {
                v.to_vec()
            }
        });
        Ok(Picture {
            width: p.width,
            height: p.height,
            channels,
            bytes: bytes.collect(),
            note: None,
        })
    }

    /// Writes it as a PNG file, whatever the path's extension.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        write_atomically(path, &self.png()?)
    }

    /// The same with one channel, the first of its colours: for a picture of grey images alone, so that its file reads as
    /// they do.
    pub fn grey(mut self) -> Picture {
        self.bytes = self.bytes.chunks_exact(self.channels).map(|p| p[0]).collect();
        self.channels = 1;
        self
    }

    /// The bytes of a PNG file.
    ///
    /// # Errors
    /// [`Error::Usage`] when the picture has no pixels.
    pub fn png(&self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        let colour = match self.channels {
            1 => image::ExtendedColorType::L8,
            4 => image::ExtendedColorType::Rgba8,
            _ => image::ExtendedColorType::Rgb8,
        };
        let encoder = image::codecs::png::PngEncoder::new(&mut out);
        image::ImageEncoder::write_image(
            encoder,
            &self.bytes,
            self.width as u32,
            self.height as u32,
            colour,
        )
        .map_err(|e| {
            Error::usage(
                format!(
                    "a picture of {} x {} cannot be written: {e}",
                    self.width, self.height
                ),
                "draw fewer images",
            )
        })?;
        Ok(out)
    }

    /// Lays another picture of as many channels over this one, with its corner at column `left` and row `top`.
    fn put(&mut self, other: &Picture, left: usize, top: usize) {
        let n = other.width * other.channels;
        for (y, row) in other.bytes.chunks_exact(n.max(1)).enumerate() {
            let at = ((top + y) * self.width + left) * self.channels;
            self.bytes[at..at + n].copy_from_slice(row);
        }
    }

    /// Every pixel as a square of `times` x `times`.
    fn enlarged(self, times: usize) -> Picture {
        let mut big = Picture {
            note: self.note,
            ..Picture::new(self.width * times, self.height * times, self.channels)
        };
        for (y, row) in big
            .bytes
            .chunks_exact_mut(self.width * times * self.channels)
            .enumerate()
        {
            for (x, pixel) in row.chunks_exact_mut(self.channels).enumerate() {
                let at = ((y / times) * self.width + x / times) * self.channels;
                pixel.copy_from_slice(&self.bytes[at..at + self.channels]);
            }
        }
        big
    }
}

/// One 8-bit value from one in [-1, 1]; what lies outside is cut off, NaN becomes black.
pub fn byte(value: f32) -> u8 {
    // The cast takes NaN to 0.
    ((value + 1.0) * 127.5 + 0.5).clamp(0.0, 255.0) as u8
}

/// Lays out images `[count, height, width, channels]` with values in [-1, 1], row by row, `columns` to a row, small
/// ones enlarged. One channel is grey, two grey and something not shown, three RGB, four RGBA; of more the first
/// three are shown, which the picture's note says. Images for which there are no values stay empty.
pub fn grid(values: &[f32], shape: [usize; 4], columns: usize) -> Picture {
    let [count, height, width, channels] = shape;
    let columns = columns.clamp(1, count.max(1));
    let rows = count.div_ceil(columns);
    let mut picture = Picture::new(
        columns * (width + GAP) + GAP,
        rows * (height + GAP) + GAP,
        if channels == 4 { 4 } else { 3 },
    );
    for (n, pixels) in values
        .chunks_exact((height * width * channels).max(1))
        .take(count)
        .enumerate()
    {
        let cell = image(pixels, [height, width, channels]);
        picture.put(
            &cell,
            GAP + n % columns * (width + GAP),
            GAP + n / columns * (height + GAP),
        );
        picture.note = cell.note;
    }
    let times = MIN_WIDTH.div_ceil(picture.width);
    if times > 1 {
        picture.enlarged(times)
    } else {
        picture
    }
}

/// The digits, five rows of three pixels each, the upper left one first.
const DIGITS: [u16; 10] = [
    0b111_101_101_101_111,
    0b010_110_010_010_111,
    0b111_001_111_100_111,
    0b111_001_111_001_111,
    0b101_101_111_001_001,
    0b111_100_111_001_111,
    0b111_100_111_101_111,
    0b111_001_001_010_010,
    0b111_101_111_101_111,
    0b111_101_111_001_111,
];

/// A [`grid`] whose cells carry their numbers, from 0, dark on white in the upper left corner: what a text says of a sample can
/// be found.
pub fn numbered_grid(values: &[f32], shape: [usize; 4], columns: usize) -> Picture {
    let [count, height, width, _] = shape;
    let columns = columns.clamp(1, count.max(1));
    let mut picture = grid(values, shape, columns);
    let times = picture.width / (columns * (width + GAP) + GAP);
    // An eighth of the cell's height, as far as it is readable.
    let scale = (height * times / 40).max(1);
    for n in 0..count {
        let left = (GAP + n % columns * (width + GAP)) * times;
        let top = (GAP + n / columns * (height + GAP)) * times;
        let text: Vec<usize> = n.to_string().bytes().map(|b| (b - b'0') as usize).collect();
        let (w, h) = ((4 * text.len() + 1) * scale, 7 * scale);
        let mut label = Picture::new(w.min(width * times), h.min(height * times), picture.channels);
        label.bytes.fill(255);
        for y in 0..label.height {
            for x in 0..label.width {
                let (column, row) = (x / scale, y / scale);
                let inside = column % 4 > 0 && (1..=5).contains(&row);
                let digit = text.get(column / 4).filter(|_| inside);
                let bit = digit.map(|&d| DIGITS[d] >> (14 - 3 * (row - 1) - (column % 4 - 1)) & 1);
                if bit == Some(1) {
                    let at = (y * label.width + x) * label.channels;
                    label.bytes[at..at + 3].fill(0);
                }
            }
        }
        picture.put(&label, left, top);
    }
    picture
}

/// Film strips of videos `[count, time, height, width, channels]`: a row a video, its frames from left to right.
pub fn film_strips(values: &[f32], [count, frames, height, width, channels]: [usize; 5]) -> Picture {
    grid(values, [count * frames, height, width, channels], frames)
}

/// Pairs `[count, height, width, 2 channels]` as two images each, the left one before the right one.
pub fn halves(values: &[f32], channels: usize) -> Vec<f32> {
    let n = channels / 2;
    let half = |of: &[f32], from: usize| {
        of.chunks_exact(channels.max(1))
            .flat_map(|p| p[from..from + n].to_vec())
            .collect::<Vec<f32>>()
    };
    [half(values, 0), half(values, n)].concat()
}

/// Milliseconds that a frame of an animation is shown.
const FRAME_MS: u32 = 125;

/// Writes an [`animation`] into a file.
///
/// # Errors
/// [`Error::Io`] when the file cannot be written; [`Error::Usage`] when a frame is larger than a GIF may be.
pub fn save_animation(values: &[f32], shape: [usize; 5], columns: usize, path: &Path) -> Result<()> {
    write_atomically(path, &animation(values, shape, columns)?)
}

/// Videos `[count, time, height, width, channels]` as the bytes of one animated GIF file that runs for ever: a grid of
/// videos of `columns` columns, a frame of all of them after the other.
///
/// # Errors
/// [`Error::Usage`] when a frame is larger than a GIF may be.
pub fn animation(values: &[f32], shape: [usize; 5], columns: usize) -> Result<Vec<u8>> {
    let [count, frames, height, width, channels] = shape;
    let n = height * width * channels;
    let mut out = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new_with_speed(&mut out, 10);
    let failed = |e: image::ImageError| {
        Error::usage(
            format!("an animation cannot be written: {e}"),
            "draw fewer or smaller videos",
        )
    };
    encoder
        .set_repeat(image::codecs::gif::Repeat::Infinite)
        .map_err(failed)?;
    for t in 0..frames {
        let now: Vec<f32> = (0..count)
            .flat_map(|i| values[(i * frames + t) * n..][..n].iter().copied())
            .collect();
        let picture = grid(&now, [count, height, width, channels], columns);
        let (w, h) = (picture.width as u32, picture.height as u32);
        let rgba = match picture.channels {
            4 => picture.bytes,
            _ => picture
                .bytes
                .chunks_exact(3)
                .flat_map(|p| [p[0], p[1], p[2], 255])
                .collect(),
        };
        let Some(buffer) = image::RgbaImage::from_raw(w, h, rgba) else {
            continue;
        };
        let delay = image::Delay::from_numer_denom_ms(FRAME_MS, 1);
        encoder
            .encode_frame(image::Frame::from_parts(buffer, 0, 0, delay))
            .map_err(failed)?;
    }
    drop(encoder);
    Ok(out)
}

/// One image `[height, width, channels]` with values in [-1, 1], pixel for pixel; channels as in [`grid`].
pub fn image(values: &[f32], [height, width, channels]: [usize; 3]) -> Picture {
    let mut picture = Picture::new(width, height, if channels == 4 { 4 } else { 3 });
    let out = picture.channels;
    for (pixel, to) in values
        .chunks_exact(channels.max(1))
        .zip(picture.bytes.chunks_exact_mut(out))
    {
        for k in 0..out {
            to[k] = byte(pixel[if channels < 3 { 0 } else { k }]);
        }
    }
    if channels == 2 || channels > 4 {
        let shown = if channels == 2 { 1 } else { 3 };
        picture.note = Some(format!(
            "the picture shows the first {shown} of {channels} channels"
        ));
    }
    picture
}

/// Writes RGB pixels `[height, width, 3]` as a PNG file.
///
/// # Errors
/// [`Error::Usage`] when there are not as many bytes as pixels, [`Error::Io`] when the file cannot be written.
pub fn save_rgb(path: &Path, width: usize, height: usize, bytes: &[u8]) -> Result<()> {
    if bytes.len() != width * height * 3 {
        return Err(Error::usage(
            format!("{} bytes are not {width} x {height} RGB pixels", bytes.len()),
            "give 3 bytes a pixel",
        ));
    }
    Picture {
        width,
        height,
        channels: 3,
        bytes: bytes.to_vec(),
        note: None,
    }
    .save(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_puts_every_pixel_in_its_place() {
        // Three images of 2 x 3, each of one value, in two columns.
        let values: Vec<f32> = [-1.0, 0.0, 1.0].iter().flat_map(|&v| vec![v; 6]).collect();
        let p = grid(&values, [3, 2, 3, 1], 2);
        let times = p.width / 9;
        assert_eq!((p.width, p.height, p.channels), (9 * times, 7 * times, 3));
        assert!(p.width >= 512 && p.width < 512 + 9);
        let at = |x: usize, y: usize| p.bytes[(y * times * p.width + x * times) * 3];
        let picture: Vec<Vec<u8>> = (0..7).map(|y| (0..9).map(|x| at(x, y)).collect()).collect();
        let (w, g) = (255, 128);
        assert_eq!(picture[0], [w; 9]);
        assert_eq!(picture[1], [w, 0, 0, 0, w, g, g, g, w]);
        assert_eq!(picture[2], picture[1]);
        assert_eq!(picture[3], [w; 9]);
        assert_eq!(picture[4], [w; 9]);
    }

    #[test]
    fn cells_carry_their_numbers() {
        let (plain, numbered) = (
            grid(&[0.0; 12 * 64], [12, 8, 8, 1], 12),
            numbered_grid(&[0.0; 12 * 64], [12, 8, 8, 1], 12),
        );
        assert_eq!((plain.width, plain.height), (numbered.width, numbered.height));
        let times = plain.width / 109;
        // Cell 11 begins at its own column; its two ones are five dark pixels high, and the rest of the cell is as it was.
        let at = |x: usize, y: usize| numbered.bytes[(y * numbered.width + x) * 3];
        let (left, top) = ((1 + 11 * 9) * times, times);
        let row = |y: usize| -> Vec<u8> { (0..10).map(|x| at(left + x, top + y)).collect() };
        let (w, b, g) = (255, 0, 128);
        assert_eq!(row(0), [w, w, w, w, w, w, w, w, w, g]);
        assert_eq!(row(1), [w, w, b, w, w, w, b, w, w, g]);
        assert_eq!(row(2), [w, b, b, w, w, b, b, w, w, g]);
        assert_eq!(row(5), [w, b, b, b, w, b, b, b, w, g]);
        assert_eq!(row(7), [g; 10]);
        // Labels larger than a cell are cut.
        numbered_grid(&[0.0; 100], [100, 1, 1, 1], 3).png().unwrap();
    }

    #[test]
    fn values_become_bytes_and_back() {
        for b in 0..=255u8 {
            assert_eq!(byte(b as f32 / 127.5 - 1.0), b);
        }
        assert_eq!([byte(-7.0), byte(7.0), byte(f32::NAN)], [0, 255, 0]);
    }

    #[test]
    fn pngs_read_as_written() {
        let folder = tempfile::tempdir().unwrap();
        for channels in [1, 2, 3, 4, 7] {
            let values: Vec<f32> = (0..40 * 300 * channels)
                .map(|i| (i % 511) as f32 / 255.0 - 1.0)
                .collect();
            let p = grid(&values, [2, 20, 300, channels], 2);
            assert_eq!(p.note.is_some(), channels == 2 || channels == 7);
            let path = folder.path().join(format!("{channels}.png"));
            p.save(&path).unwrap();
            assert_eq!(Picture::read(&path).unwrap(), Picture { note: None, ..p });
        }
    }

    #[test]
    fn bad_requests_do_no_harm() {
        // Too few values, none, no columns: the picture is there, with empty cells.
        for p in [
            grid(&[0.0; 5], [1, 2, 3, 1], 1),
            grid(&[], [0, 2, 3, 1], 1),
            grid(&[], [5, 2, 3, 4], 0),
        ] {
            assert_eq!(p.bytes.len(), p.width * p.height * p.channels);
            p.png().unwrap();
        }
        let path = Path::new("/no/such/folder/x.png");
        assert!(save_rgb(path, 2, 2, &[0; 11]).is_err());
        let e = Picture::new(2, 2, 3).save(path).unwrap_err();
        assert!(e.to_string().contains("/no/such/folder/x.png"), "{e}");
    }
}
