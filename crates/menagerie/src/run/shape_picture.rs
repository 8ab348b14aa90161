//! Shapes of voxels as a picture: each seen from above its left front corner, its faces shaded by where they look.
use crate::picture::{self, Picture};

/// Pixels of a side, for a grid of up to 32 voxels; larger ones have two a voxel.
const LEAST: usize = 72;
/// Radians by which the eye stands to the left of the front, and above it.
const TURN: f64 = 0.6;
const RISE: f64 = 0.45;
/// How light what is seen of the upper side is, of the front and of the left side, in [-1, 1].
const SHADES: [f32; 3] = [0.75, 0.15, -0.35];
/// The colour of a shape, of what is lightest.
const COLOUR: [f32; 3] = [0.95, 0.8, 0.6];
const GROUND: f32 = 1.0;

/// Shapes `[count, depth, height, width, channel]` of values above 0 where a voxel is solid, so many in a row, or as many as there are rows.
/// Channels, a shape at rest and pressed, stand beside each other and count as one.
pub fn shapes_picture(values: &[f32], shape: [usize; 5], columns: Option<usize>) -> Picture {
    shapes_picture_from(values, shape, columns, None)
}

/// The same, with the eye so many radians to the left of the front; a little where `None`.
pub fn shapes_picture_from(
    values: &[f32],
    [count, depth, height, width, channels]: [usize; 5],
    columns: Option<usize>,
    turn: Option<f64>,
) -> Picture {
    let turn = turn.unwrap_or(TURN);
    let side = LEAST.max(2 * depth.max(height).max(width));
    let mut pixels = Vec::with_capacity(count * channels * side * side * 3);
    for item in values.chunks_exact((depth * height * width * channels).max(1)) {
        for channel in 0..channels {
            let shape: Vec<f32> = item.iter().skip(channel).step_by(channels).copied().collect();
            draw(&shape, [depth, height, width], side, turn, &mut pixels);
        }
    }
    let square = (count as f64).sqrt().ceil() as usize;
    let columns = channels * columns.unwrap_or(square);
    picture::grid(&pixels, [count * channels, side, side, 3], columns)
}

/// One shape: a ray for each pixel goes in until it meets a solid voxel.
fn draw(shape: &[f32], [depth, height, width]: [usize; 3], side: usize, turn: f64, pixels: &mut Vec<f32>) {
    let ((st, ct), (sr, cr)) = (turn.sin_cos(), RISE.sin_cos());
    // x to the right, y up, z away: where the eye looks, what is right of it and above it.
    let ahead = [st * cr, -sr, ct * cr];
    let (right, above) = ([ct, 0.0, -st], [sr * st, cr, sr * ct]);
    let longest = depth.max(height).max(width) as f64;
    // The diagonal of the grid fits.
    let pixel = 1.75 * longest / side as f64;
    for row in 0..side {
        for column in 0..side {
            let (u, v) = (
                (column as f64 + 0.5 - side as f64 / 2.0) * pixel,
                (side as f64 / 2.0 - row as f64 - 0.5) * pixel,
            );
            let from: [f64; 3] = std::array::from_fn(|k| u * right[k] + v * above[k] - longest * ahead[k]);
            pixels.extend(seen(shape, [depth, height, width], from, ahead));
        }
    }
}

/// The colour where a ray first enters a solid voxel, from voxel to voxel by whichever side it leaves through (Amanatides & Woo 1987).
fn seen(shape: &[f32], [depth, height, width]: [usize; 3], from: [f64; 3], ahead: [f64; 3]) -> [f32; 3] {
    let sizes = [width, height, depth];
    let from: [f64; 3] = std::array::from_fn(|k| from[k] + sizes[k] as f64 / 2.0);
    let mut cell = from.map(|v| v.floor() as isize);
    // Where the ray meets the next side of its voxel along each axis.
    let mut next: [f64; 3] = std::array::from_fn(|k| {
        let side = cell[k] as f64 + if ahead[k] > 0.0 { 1.0 } else { 0.0 };
        (side - from[k]) / ahead[k]
    });
    let longest = depth.max(height).max(width);
    for _ in 0..12 * longest {
        let axis = (0..3).min_by(|a, b| next[*a].total_cmp(&next[*b])).unwrap_or(0);
        cell[axis] += if ahead[axis] > 0.0 { 1 } else { -1 };
        next[axis] += 1.0 / ahead[axis].abs();
        if !(0..3).all(|k| (0..sizes[k] as isize).contains(&cell[k])) {
            continue;
        }
        let [x, y, z] = cell.map(|v| v as usize);
        if shape[(z * height + height - 1 - y) * width + x] > 0.0 {
            // The upper side, the front, the left one.
            let light = SHADES[[2, 0, 1][axis]];
            return COLOUR.map(|c| (light + 1.0) * (c + 1.0) / 2.0 - 1.0);
        }
    }
    [GROUND; 3]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One solid voxel shows three faces of three shades, the upper one above the others; nothing shows nothing.
    #[test]
    fn a_cube_has_three_faces() {
        let mut grid = vec![-1.0; 27];
        let p = shapes_picture(&grid, [1, 3, 3, 3, 1], None);
        let first = p.bytes[..p.channels].to_vec();
        let all_alike = |p: &Picture, first: &[u8]| p.bytes.chunks_exact(p.channels).all(|q| q == first);
        assert!(all_alike(&p, &first));
        grid[13] = 1.0;
        let p = shapes_picture(&grid, [1, 3, 3, 3, 1], None);
        let mut shades: Vec<(usize, Vec<u8>)> = vec![];
        for (i, q) in p.bytes.chunks_exact(p.channels).enumerate() {
            if q != first && !shades.iter().any(|(_, s)| s == q) {
                shades.push((i / p.width, q.to_vec()));
            }
        }
        assert_eq!(shades.len(), 3, "{shades:?}");
        let lightest = shades.iter().max_by_key(|(_, s)| s[0]).unwrap();
        assert_eq!(lightest.0, shades.iter().map(|s| s.0).min().unwrap());
    }

    /// From behind, a shape looks as its half turn does from the front.
    #[test]
    fn the_eye_goes_round() {
        let mut grid = vec![-1.0; 27];
        for at in [0, 1, 4, 13, 14, 17, 26] {
            grid[at] = 1.0;
        }
        // Reversed along depth and width: a half turn about the axis that stands.
        let turned: Vec<f32> = (0..27)
            .map(|i| grid[(2 - i / 9) * 9 + i / 3 % 3 * 3 + 2 - i % 3])
            .collect();
        let seen =
            |grid: &[f32], turn: f64| shapes_picture_from(grid, [1, 3, 3, 3, 1], None, Some(turn)).bytes;
        let behind = seen(&grid, 0.4 + std::f64::consts::PI);
        let differ = behind
            .iter()
            .zip(seen(&turned, 0.4))
            .filter(|(a, b)| **a != *b)
            .count();
        assert!(differ < behind.len() / 100, "{differ} of {} bytes", behind.len());
        assert!(behind != seen(&grid, 0.4) && seen(&grid, 0.4) != seen(&grid, 1.0));
    }
}
