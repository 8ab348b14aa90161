//! Structural similarity of two images (SSIM): Wang, Bovik, Sheikh, Simoncelli 2004, Image Quality Assessment: From Error
//! Visibility to Structural Similarity; and over several scales (MS-SSIM): Wang, Simoncelli, Bovik 2003.
//!
//! With means m, variances s and the covariance c of a window,
//!
//! SSIM = (2 m_a m_b + C1) / (m_a^2 + m_b^2 + C1) * (2 c + C2) / (s_a + s_b + C2),   C1 = 0.01^2, C2 = 0.03^2,
//!
//! the mean over all windows that lie in the image and over channels; pixels in [0, 1]. A window has 11x11 pixels with
//! Gaussian weights of 1.5 (in smaller images the largest odd side that fits). MS-SSIM multiplies the second factors of
//! scales 1 to M - 1 and both of scale M, each to the power of its weight; a scale halves the one before by means of 2x2
//! pixels. M is 5 for images of more than 160 pixels, less for smaller ones, with the first weights brought to the sum 1.
//!
//! No unit; 1 for equal images. The mean of MS-SSIM over random pairs of samples tells diversity (Odena et al. 2017,
//! arXiv:1610.09585): above the data's own, samples resemble each other more than data do.
use std::ops::Range;

/// Weights of the scales (Wang et al. 2003, section 3.2).
const WEIGHTS: [f64; 5] = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];
const C1: f64 = 0.01 * 0.01;
const C2: f64 = 0.03 * 0.03;
const SIGMA: f64 = 1.5;

/// Side of the window in images of that size.
pub fn window([h, w, _]: [usize; 3]) -> usize {
    let side = h.min(w).min(11);
    if side % 2 == 0 {
        side.saturating_sub(1).max(1)
    } else {
        side
    }
}

/// Scales of MS-SSIM in images of that size.
pub fn scales(shape: [usize; 3]) -> usize {
    let (side, window) = (shape[0].min(shape[1]), window(shape));
    (1..WEIGHTS.len())
        .take_while(|&m| window == 11 && side > (window - 1) << m)
        .count()
        + 1
}

/// A channel of an image, in double precision.
#[derive(Clone)]
struct Plane {
    values: Vec<f64>,
    size: [usize; 2],
}

impl Plane {
    /// A channel of `[height, width, channel]`.
    fn of(image: &[f32], [h, w, c]: [usize; 3], channel: usize) -> Plane {
        Plane {
            values: image[channel..].iter().step_by(c).map(|&v| v as f64).collect(),
            size: [h, w],
        }
    }

    fn times(&self, other: &Plane) -> Plane {
        Plane {
            values: self
                .values
                .iter()
                .zip(&other.values)
                .map(|(a, b)| a * b)
                .collect(),
            size: self.size,
        }
    }

    /// Weighted means over all windows that lie inside.
    fn smooth(&self, weights: &[f64]) -> Vec<f64> {
        let ([h, w], n) = (self.size, weights.len());
        let (high, wide) = (h + 1 - n, w + 1 - n);
        let mut down = vec![0.0; high * w];
        for (i, row) in down.chunks_exact_mut(w).enumerate() {
            for (k, weight) in weights.iter().enumerate() {
                row.iter_mut()
                    .zip(&self.values[(i + k) * w..(i + k + 1) * w])
                    .for_each(|(t, v)| *t += weight * v);
            }
        }
        let mut out = vec![0.0; high * wide];
        for (row, from) in out.chunks_exact_mut(wide).zip(down.chunks_exact(w)) {
            for (k, weight) in weights.iter().enumerate() {
                row.iter_mut()
                    .zip(&from[k..k + wide])
                    .for_each(|(t, v)| *t += weight * v);
            }
        }
        out
    }

    /// Means of 2x2 pixels; along an odd side the first and the last pixel are averaged with a row of zeros outside, as
    /// pytorch-msssim does.
    fn halved(&self) -> Plane {
        let [h, w] = self.size;
        let (high, wide) = (h.div_ceil(2), w.div_ceil(2));
        let pair = |i: usize, n: usize| -> Range<usize> {
            (2 * i).saturating_sub(n % 2)..(2 * i + 2 - n % 2).min(n)
        };
        let mean = |k: usize| {
            let (rows, columns) = (pair(k / wide, h), pair(k % wide, w));
            rows.map(|y| columns.clone().map(|x| self.values[y * w + x]).sum::<f64>())
                .sum::<f64>()
                / 4.0
        };
        Plane {
            values: (0..high * wide).map(mean).collect(),
            size: [high, wide],
        }
    }
}

fn gaussian(n: usize) -> Vec<f64> {
    let weight = |i: usize| (-((i as f64 - (n / 2) as f64).powi(2)) / (2.0 * SIGMA * SIGMA)).exp();
    let sum: f64 = (0..n).map(weight).sum();
    (0..n).map(|i| weight(i) / sum).collect()
}

/// Means over windows of SSIM and of its second factor.
fn similarity(a: &Plane, b: &Plane, weights: &[f64]) -> (f64, f64) {
    let (ma, mb) = (a.smooth(weights), b.smooth(weights));
    let (aa, bb, ab) = (
        a.times(a).smooth(weights),
        b.times(b).smooth(weights),
        a.times(b).smooth(weights),
    );
    let (mut whole, mut second) = (0.0, 0.0);
    for i in 0..ma.len() {
        let (x, y, xy) = (ma[i] * ma[i], mb[i] * mb[i], ma[i] * mb[i]);
        let structure = (2.0 * (ab[i] - xy) + C2) / (aa[i] - x + bb[i] - y + C2);
        whole += (2.0 * xy + C1) / (x + y + C1) * structure;
        second += structure;
    }
    let n = ma.len() as f64;
    (whole / n, second / n)
}

/// The mean over the channels of two images.
fn by_channel(shape: [usize; 3], f: impl Fn(usize) -> f64) -> f64 {
    (0..shape[2]).map(f).sum::<f64>() / shape[2] as f64
}

/// SSIM of two images `[height, width, channel]` with pixels in [0, 1].
pub fn ssim(a: &[f32], b: &[f32], shape: [usize; 3]) -> f64 {
    let weights = gaussian(window(shape));
    by_channel(shape, |c| {
        similarity(&Plane::of(a, shape, c), &Plane::of(b, shape, c), &weights).0
    })
}

/// MS-SSIM of two images `[height, width, channel]` with pixels in [0, 1]; factors below 0 count as 0.
pub fn ms_ssim(a: &[f32], b: &[f32], shape: [usize; 3]) -> f64 {
    let (weights, scales) = (gaussian(window(shape)), scales(shape));
    // All five are taken as they are printed: their sum is 1.0001.
    let sum: f64 = if scales == WEIGHTS.len() {
        1.0
    } else {
        WEIGHTS[..scales].iter().sum()
    };
    by_channel(shape, |c| {
        let (mut x, mut y) = (Plane::of(a, shape, c), Plane::of(b, shape, c));
        let mut out = 1.0;
        for (scale, weight) in WEIGHTS[..scales].iter().enumerate() {
            let (whole, second) = similarity(&x, &y, &weights);
            let last = scale + 1 == scales;
            out *= (if last { whole } else { second }).max(0.0).powf(weight / sum);
            if !last {
                (x, y) = (x.halved(), y.halved());
            }
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie_data::random::Key;

    #[test]
    fn equal_images_are_alike_and_flat_ones_differ_by_brightness_alone() {
        for shape in [[3, 4, 1], [28, 28, 1], [30, 25, 3], [64, 64, 3]] {
            let n: usize = shape.iter().product();
            let mut draw = Key::new(1).rng();
            let x: Vec<f32> = (0..n).map(|_| draw.uniform() as f32).collect();
            assert!(
                (ssim(&x, &x, shape) - 1.0).abs() < 1e-12 && (ms_ssim(&x, &x, shape) - 1.0).abs() < 1e-12,
                "{shape:?}"
            );
            let (a, b) = (vec![0.25f32; n], vec![0.75f32; n]);
            let want = (2.0 * 0.25 * 0.75 + C1) / (0.25 * 0.25 + 0.75 * 0.75 + C1);
            assert!((ssim(&a, &b, shape) - want).abs() < 1e-9, "{shape:?}");
        }
    }

    #[test]
    fn scales_fit_into_the_image() {
        let of = |side: usize| scales([side, side + 3, 1]);
        assert_eq!(
            [8, 11, 20, 21, 28, 40, 41, 64, 81, 160, 161].map(of),
            [1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5]
        );
        assert_eq!([1, 2, 8, 11, 64].map(|s| window([s, 64, 1])), [1, 1, 7, 11, 11]);
    }

    #[test]
    fn halving_is_a_mean_of_four() {
        let p = |values: &[f64], size| Plane {
            values: values.to_vec(),
            size,
        };
        assert_eq!(p(&[1.0, 2.0, 3.0, 6.0], [2, 2]).halved().values, [3.0]);
        // 3 x 3 with a border of zeros, stride 2: windows of corners, two pixels, two pixels, four.
        let x = p(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0], [3, 3]).halved();
        assert_eq!(x.values, [1.0 / 4.0, 5.0 / 4.0, 11.0 / 4.0, 28.0 / 4.0]);
    }
}
