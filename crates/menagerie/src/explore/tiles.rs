//! Large images, translated piece by piece.
use crate::data::Batch;
use crate::error::{Error, Result};
use crate::models::{Translate, Wish};
use crate::random::Key;

/// Pieces overlap by this share of their side.
const OVERLAP: usize = 4;

/// Where pieces of `tile` pixels begin on a side of `size`: evenly, each over a quarter of the next at least.
fn starts(size: usize, tile: usize) -> Vec<usize> {
    let Some(rest) = size.checked_sub(tile).filter(|r| *r > 0) else {
        return vec![0];
    };
    let step = (tile - tile.div_ceil(OVERLAP)).max(1);
    let gaps = rest.div_ceil(step);
    (0..=gaps).map(|i| i * rest / gaps).collect()
}

/// How much pixel `i` of a piece of `n` counts: 1 in the middle, falling towards those sides that another piece goes on from.
fn weight(i: usize, n: usize, tile: usize, [before, after]: [bool; 2]) -> f32 {
    let ramp = tile.div_ceil(OVERLAP) as f32;
    let near = |there: bool, distance: usize| match there {
        true => ((distance as f32 + 0.5) / ramp).min(1.0),
        false => 1.0,
    };
    near(before, i) * near(after, n - 1 - i)
}

/// One image `[1, height, width, channel]`, translated in overlapping pieces of at most `tile` pixels a side, whose overlaps are
/// faded into each other: no seams, and memory that does not grow with the image. What a network knows of the whole image (the
/// means that instance norms take) it knows of each piece alone.
///
/// # Errors
/// [`Error::Usage`] for a tile of under 16 pixels, and for several images; those of the model.
pub fn in_tiles(
    model: &dyn Translate,
    image: &Batch,
    wish: &Wish,
    key: Key,
    tile: usize,
) -> Result<Vec<f32>> {
    let &[1, h, w, c] = &image.shape[..] else {
        return Err(Error::usage(
            "tiles are of one image at a time",
            "give images one by one",
        ));
    };
    if tile < 16 {
        return Err(Error::usage(
            format!("tiles of {tile} pixels show no more than their edges"),
            "give --tile 16 or more, best as large as the images that it learned from",
        ));
    }
    let (rows, columns) = (starts(h, tile), starts(w, tile));
    let (th, tw) = (tile.min(h), tile.min(w));
    let (mut sum, mut weights) = (vec![0f32; h * w * c], vec![0f32; h * w]);
    for &y0 in &rows {
        for &x0 in &columns {
            let row = |y: usize| &image.values[((y0 + y) * w + x0) * c..][..tw * c];
            let piece = Batch {
                shape: vec![1, th, tw, c],
                values: (0..th).flat_map(row).copied().collect(),
                ..image.clone()
            };
            let made = model.translate(&piece, wish, key)?.values;
            for (i, pixel) in made.chunks_exact(c).enumerate() {
                let (y, x) = (i / tw, i % tw);
                let counts =
                    weight(y, th, tile, [y0 > 0, y0 + th < h]) * weight(x, tw, tile, [x0 > 0, x0 + tw < w]);
                let at = (y0 + y) * w + x0 + x;
                weights[at] += counts;
                let out = sum[at * c..].iter_mut();
                out.zip(pixel).for_each(|(s, v)| *s += counts * v);
            }
        }
    }
    let pixels = sum.chunks_exact(c).zip(&weights);
    Ok(pixels.flat_map(|(p, w)| p.iter().map(move |v| v / w)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Kind;
    use crate::models::{Direction, Samples};
    use std::cell::Cell;

    /// Leaves images as they are, each time a little lighter.
    struct Lighter(Cell<f32>);

    impl Translate for Lighter {
        fn directions(&self) -> &[Direction] {
            &Direction::ALL
        }
        fn channels(&self) -> usize {
            1
        }
        fn translate(&self, images: &Batch, _: &Wish, _: Key) -> Result<Samples> {
            let more = self.0.get();
            self.0.set(more + 0.1);
            assert!(images.shape[1] <= 32 && images.shape[2] <= 32);
            Ok(Samples {
                kind: Kind::Image,
                shape: images.shape.clone(),
                values: images.values.iter().map(|v| v + more).collect(),
            })
        }
    }

    fn image(h: usize, w: usize) -> Batch {
        Batch {
            kind: Kind::Image,
            shape: vec![1, h, w, 1],
            values: vec![0.0; h * w],
            labels: None,
            attributes: vec![],
            captions: None,
            indices: vec![0],
        }
    }

    /// Pieces cover all of it, and where they differ no edge shows: neighbours are hardly apart.
    #[test]
    fn pieces_fade_into_each_other() {
        for (h, w) in [(20, 20), (32, 100), (33, 47), (64, 65)] {
            let model = Lighter(Cell::new(0.0));
            let made = in_tiles(&model, &image(h, w), &Wish::default(), Key::new(1), 32).unwrap();
            let pieces = model.0.get() / 0.1;
            assert!((pieces - (starts(h, 32).len() * starts(w, 32).len()) as f32).abs() < 0.01);
            assert!(made.iter().all(|v| v.is_finite()));
            let across = (0..h).flat_map(|y| (1..w).map(move |x| (y * w + x, y * w + x - 1)));
            let steepest = across.map(|(a, b)| (made[a] - made[b]).abs()).fold(0.0, f32::max);
            assert!(steepest < 0.06, "{h}x{w}: {steepest}");
        }
        let e = in_tiles(
            &Lighter(Cell::new(0.0)),
            &image(9, 9),
            &Wish::default(),
            Key::new(1),
            4,
        );
        assert!(e.unwrap_err().to_string().contains("--tile"));
    }

    #[test]
    fn pieces_reach_both_ends() {
        assert_eq!(starts(32, 32), [0]);
        assert_eq!(starts(20, 32), [0]);
        for size in [33, 50, 100, 1000] {
            let s = starts(size, 32);
            assert!(s[0] == 0 && s.last() == Some(&(size - 32)));
            assert!(s.windows(2).all(|p| p[1] - p[0] <= 24), "{s:?}");
        }
    }
}
