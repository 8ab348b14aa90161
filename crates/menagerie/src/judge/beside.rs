//! Figures of one image beside another, both `[height, width, channel]` in [-1, 1], that look at a part of them alone: means of
//! squares, a mask in the last channel. Figures are of pixels in [0, 1].

/// Metrics that look at a mask.
pub(super) const MASKED: [&str; 3] = ["sad", "alpha-mse", "seam"];

/// Metrics that look at heights, at what stands against them, and at a mask.
pub(super) const FITTED: [&str; 2] = ["penetration", "contact"];

/// Side of the squares of `shrunk-l1`.
pub(super) const SQUARE: usize = 4;

/// The mean of a function of the difference of the last channels, in [0, 1].
pub(super) fn alpha(a: &[f32], b: &[f32], channels: usize, of: impl Fn(f64) -> f64) -> f64 {
    let pixels = a.chunks_exact(channels).zip(b.chunks_exact(channels));
    let count = pixels.len().max(1) as f64;
    let sum: f64 = pixels
        .map(|(a, b)| of((a[channels - 1] - b[channels - 1]) as f64 / 2.0))
        .sum();
    sum / count
}

/// The mean absolute difference of the means of squares of [`SQUARE`] pixels; what remains at an edge has its own.
pub(super) fn shrunk(a: &[f32], b: &[f32], [h, w, c]: [usize; 3]) -> f64 {
    let squares = h.div_ceil(SQUARE) * w.div_ceil(SQUARE) * c;
    let mut off = vec![(0.0, 0usize); squares];
    for (i, (a, b)) in a.iter().zip(b).enumerate() {
        let (y, x) = (i / c / w / SQUARE, i / c % w / SQUARE);
        let square = &mut off[(y * w.div_ceil(SQUARE) + x) * c + i % c];
        *square = (square.0 + (a - b) as f64 / 2.0, square.1 + 1);
    }
    let sum: f64 = off.iter().map(|(sum, n)| (sum / *n as f64).abs()).sum();
    sum / squares.max(1) as f64
}

/// The share of pixels that are, of the colours that the layout `b` has, nearest to its own.
pub(super) fn parts(a: &[f32], b: &[f32], channels: usize) -> f64 {
    let mut colours: Vec<&[f32]> = b.chunks_exact(channels).collect();
    colours.sort_by(|x, y| x.partial_cmp(y).unwrap_or(std::cmp::Ordering::Equal));
    colours.dedup();
    let far = |x: &[f32], y: &[f32]| -> f32 { x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum() };
    let nearest = |x: &[f32]| {
        colours
            .iter()
            .copied()
            .min_by(|p, q| far(x, p).total_cmp(&far(x, q)))
    };
    let pixels = a.chunks_exact(channels).zip(b.chunks_exact(channels));
    let count = pixels.len().max(1) as f64;
    pixels.filter(|(x, y)| nearest(x) == Some(*y)).count() as f64 / count
}

/// How far the steps between neighbours of which one lies within the mask and the other does not are from those of the truth `b`,
/// whose last channel is the mask; 0 where it has no edge.
pub(super) fn seam(a: &[f32], b: &[f32], [h, w, c]: [usize; 3]) -> f64 {
    let inside = |pixel: usize| b[pixel * c + c - 1] > 0.0;
    let (mut sum, mut count) = (0.0, 0usize);
    for i in 0..h * w {
        let right = (i % w + 1 < w).then_some(i + 1);
        let below = (i / w + 1 < h).then_some(i + w);
        for j in [right, below]
            .into_iter()
            .flatten()
            .filter(|&j| inside(i) != inside(j))
        {
            for k in 0..c - 1 {
                let step = |v: &[f32]| (v[j * c + k] - v[i * c + k]) as f64 / 2.0;
                sum += (step(a) - step(b)).abs();
                count += 1;
            }
        }
    }
    sum / count.max(1) as f64
}

/// How far each height within the mask lies below what stands against it, in [0, 1]: of pixels whose first channel is a height, whose second
/// is what stands against it, and whose last is the mask.
fn gaps(a: &[f32], channels: usize) -> Vec<f64> {
    a.chunks_exact(channels)
        .filter(|p| p[channels - 1] > 0.0)
        .map(|p| f64::from(p[1] - p[0]) / 2.0)
        .collect()
}

/// The mean depth by which heights go into what stands against them.
pub(super) fn penetration(a: &[f32], channels: usize) -> f64 {
    let gaps = gaps(a, channels);
    gaps.iter().map(|g| (-g).max(0.0)).sum::<f64>() / gaps.len().max(1) as f64
}

/// The share of the mask that lies within a fiftieth of what stands against it.
pub(super) fn contact(a: &[f32], channels: usize) -> f64 {
    let gaps = gaps(a, channels);
    gaps.iter().filter(|g| g.abs() <= 0.02).count() as f64 / gaps.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three open pixels: one goes a tenth too deep, one touches, one is far away; what is not open does not count.
    #[test]
    fn crowns_by_hand() {
        let a = [
            [0.4, 0.2, 1.0],
            [0.2, 0.22, 1.0],
            [-0.5, 0.2, 1.0],
            [1.0, -1.0, -1.0],
        ]
        .concat();
        assert!((penetration(&a, 3) - 0.1 / 3.0).abs() < 1e-6);
        assert!((contact(&a, 3) - 1.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn a_part_of_two_images_by_hand() {
        // Colours differ, alpha by a quarter of the range in one pixel of two.
        let (a, b) = ([0.9, 0.5, 0.1, -1.0], [0.0, 0.0, 0.0, -1.0]);
        assert!((alpha(&a, &b, 2, f64::abs) - 0.125).abs() < 1e-7);
        assert!((alpha(&a, &b, 2, |d| d * d) - 0.03125).abs() < 1e-7);
        // Five rows of a column: the mean of four is the same, the one that remains is off by a half.
        let (a, b) = ([0.5, -0.5, 0.2, -0.2, 1.0], [0.0; 5]);
        assert!((shrunk(&a, &b, [5, 1, 1]) - 0.25).abs() < 1e-7);
        // Two by two with a mask on the left: two steps cross its edge, of which one is off by 0.4 of [0, 1].
        let b = [0.0, 1.0, 0.0, -1.0, 0.0, 1.0, 0.0, -1.0];
        let mut a = b;
        a[2] = 0.8;
        assert!((seam(&a, &b, [2, 2, 2]) - 0.2).abs() < 1e-7);
        assert_eq!(seam(&b, &b, [2, 2, 2]), 0.0);
        // Of four pixels in two colours, one is nearer to the other colour; a colour that the layout lacks is none of its parts.
        let b = [-1.0, -1.0, 1.0, 1.0, 1.0, 1.0, -1.0, -1.0];
        let a = [-0.2, -0.9, 0.3, 0.1, 0.9, -1.0, -0.9, 0.7];
        assert_eq!((parts(&a, &b, 2), parts(&b, &b, 2)), (0.5 + 0.25, 1.0));
    }
}
