//! Sequences as a picture: a row each, at every place the colour of its letter; a letter that is not sure is the mixture.
use crate::picture::{self, Picture};

/// Pixels of a place.
const CELL: [usize; 2] = [10, 6];

/// The colour of letter `i` of `n`, in [-1, 1]: around the circle, the last one light grey, since it stands for no letter in most
/// alphabets.
fn colour(i: usize, n: usize) -> [f32; 3] {
    if i + 1 == n && n > 4 {
        return [0.75; 3];
    }
    let turn = i as f32 / n as f32 * std::f32::consts::TAU;
    [0.0f32, 2.0, 4.0].map(|shift| 0.75 * (turn + shift).cos())
}

/// Sequences `[count, length, letters]`, a row each.
pub fn sequences_picture(values: &[f32], [count, length, letters]: [usize; 3]) -> Picture {
    let [height, width] = CELL;
    let mut pixels = Vec::with_capacity(count * height * length * width * 3);
    for row in values.chunks_exact((length * letters).max(1)) {
        let place = |place: &[f32]| -> [f32; 3] {
            let mut mixed = [0f32; 3];
            for (i, p) in place.iter().enumerate() {
                let c = colour(i, letters);
                (0..3).for_each(|k| mixed[k] += p * c[k]);
            }
            mixed
        };
        let line: Vec<f32> = row
            .chunks_exact(letters)
            .flat_map(|p| std::iter::repeat_n(place(p), width).flatten())
            .collect();
        (0..height).for_each(|_| pixels.extend_from_slice(&line));
    }
    picture::grid(&pixels, [count, height, length * width, 3], 1)
}
