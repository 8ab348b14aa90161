//! Do samples have the data's spectrum? After Durall et al. 2020, Watch your Up-Convolution, arXiv:2003.01826, section 3.
//!
//! P(u, v) = |F(u, v)|^2 / (H W), F the discrete Fourier transform of an image with pixels in [0, 1], its channels averaged.
//! S(k) is the mean of P over images and over all frequencies with round(min(H, W) |(u / H, v / W)|) = k, for k from 1 to
//! min(H, W) / 2 (brightness, k = 0, is left out; so are the corners). With the spectra in decibels, the distance is
//!
//! (mean over k of (10 log10 S_samples(k) - 10 log10 S_data(k))^2)^{1/2}.
//!
//! Unit: dB. Less is better; near 0 for samples with the data's spectrum. The power of rounding to 8 bits, 1/12 of a
//! squared step, is added to both S: below it nothing can be seen. It depends on the reference and the size of the images.
use menagerie_kernels::matrix::{Matrix, Place, product};
use rayon::prelude::*;
use std::f64::consts::TAU;

/// Power of rounding to 8 bits.
const FLOOR: f64 = 1.0 / (12.0 * 255.0 * 255.0);

/// Gathers the mean spectrum of images that come in batches.
pub struct Spectrum {
    shape: [usize; 3],
    /// cosines and sines of the columns' transform, `[W, 2 half]`
    across: Vec<f64>,
    /// those of the rows' transform, `[2 H, H]`
    down: Vec<f64>,
    /// radius of each frequency of half a plane `[H, half]`, 0 where it is not counted
    radius: Vec<usize>,
    /// how many frequencies of the whole plane an entry stands for
    weight: Vec<f64>,
    sums: Vec<f64>,
    images: usize,
}

impl Spectrum {
    /// For images `[height, width, channel]`.
    pub fn new(shape: [usize; 3]) -> Spectrum {
        let [h, w, _] = shape;
        let half = w / 2 + 1;
        let wave = |i: usize, n: usize, sine: bool| {
            let angle = TAU * (i % n) as f64 / n as f64;
            if sine { angle.sin() } else { angle.cos() }
        };
        let across = (0..w * 2 * half)
            .map(|k| wave(k / (2 * half) * (k % half), w, k % (2 * half) >= half))
            .collect();
        let down = (0..2 * h * h)
            .map(|k| wave(k / h % h * (k % h), h, k >= h * h))
            .collect();
        let side = h.min(w);
        let radius = |k: usize| {
            let (u, v) = (k / half, k % half);
            let (u, v) = (u.min(h - u) as f64 / h as f64, v as f64 / w as f64);
            let r = (u.hypot(v) * side as f64).round() as usize;
            if r > side / 2 { 0 } else { r }
        };
        // The image is real: columns v and W - v have the same power.
        let weight = |k: usize| {
            if k.is_multiple_of(half) || 2 * (k % half) == w {
                1.0
            } else {
                2.0
            }
        };
        Spectrum {
            shape,
            across,
            down,
            radius: (0..h * half).map(radius).collect(),
            weight: (0..h * half).map(weight).collect(),
            sums: vec![0.0; side / 2 + 1],
            images: 0,
        }
    }

    /// Takes in images `[n, height, width, channel]` with values in [-1, 1].
    pub fn add(&mut self, values: &[f32]) {
        let [h, w, c] = self.shape;
        let each: Vec<Vec<f64>> = values
            .par_chunks_exact(h * w * c)
            .map(|image| self.of(image))
            .collect();
        self.images += each.len();
        each.iter()
            .for_each(|s| self.sums.iter_mut().zip(s).for_each(|(t, v)| *t += v));
    }

    /// Sums of an image's power by radius.
    fn of(&self, image: &[f32]) -> Vec<f64> {
        let [h, w, c] = self.shape;
        let half = w / 2 + 1;
        let grey: Vec<f64> = image
            .chunks_exact(c)
            .map(|p| (p.iter().map(|&v| v as f64).sum::<f64>() / c as f64 + 1.0) / 2.0)
            .collect();
        let mut rows = vec![0.0; h * 2 * half];
        product(
            Matrix::new(&grey, h, w),
            Matrix::new(&self.across, w, 2 * half),
            &mut rows,
            2 * half,
            Place::Set,
            false,
        );
        let mut all = vec![0.0; 2 * h * 2 * half];
        product(
            Matrix::new(&self.down, 2 * h, h),
            Matrix::new(&rows, h, 2 * half),
            &mut all,
            2 * half,
            Place::Set,
            false,
        );
        let mut sums = vec![0.0; self.sums.len()];
        for k in 0..h * half {
            let (u, v) = (k / half, k % half);
            let at = |sine_down: usize, sine_across: usize| {
                all[(sine_down * h + u) * 2 * half + sine_across * half + v]
            };
            // e^{-i(a + b)} = (cos a cos b - sin a sin b) - i (sin a cos b + cos a sin b)
            let (real, imaginary) = (at(0, 0) - at(1, 1), at(1, 0) + at(0, 1));
            sums[self.radius[k]] += self.weight[k] * (real * real + imaginary * imaginary) / (h * w) as f64;
        }
        sums
    }

    /// S(k) for k = 1, 2, ..., in dB of a pixel's full range squared.
    pub fn decibels(&self) -> Vec<f64> {
        let mut counts = vec![0.0; self.sums.len()];
        self.radius
            .iter()
            .zip(&self.weight)
            .for_each(|(&r, w)| counts[r] += w);
        let level = |k: usize| 10.0 * (self.sums[k] / (counts[k] * self.images as f64) + FLOOR).log10();
        (1..self.sums.len()).map(level).collect()
    }
}

/// The root mean squared difference of two spectra in dB; `None` where there are no frequencies, or of different images.
pub fn distance(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.is_empty() || a.len() != b.len() {
        return None;
    }
    Some((a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f64>() / a.len() as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie_data::random::Key;

    #[test]
    fn power_is_where_a_naive_transform_has_it() {
        for shape in [[6, 9, 2], [8, 8, 1], [5, 4, 1]] {
            let [h, w, c] = shape;
            let mut draw = Key::new(1).rng();
            let images: Vec<f32> = (0..2 * h * w * c)
                .map(|_| draw.between(-1.0, 1.0) as f32)
                .collect();
            let mut s = Spectrum::new(shape);
            s.add(&images);
            let side = h.min(w);
            let (mut sums, mut counts) = (vec![0.0; side / 2 + 1], vec![0.0; side / 2 + 1]);
            for image in images.chunks_exact(h * w * c) {
                for u in 0..h {
                    for v in 0..w {
                        let r = (u.min(h - u) as f64 / h as f64).hypot(v.min(w - v) as f64 / w as f64)
                            * side as f64;
                        let k = r.round() as usize;
                        if k == 0 || k > side / 2 {
                            continue;
                        }
                        let (mut re, mut im) = (0.0, 0.0);
                        for (p, pixel) in image.chunks_exact(c).enumerate() {
                            let grey = (pixel.iter().map(|&v| v as f64).sum::<f64>() / c as f64 + 1.0) / 2.0;
                            let angle =
                                TAU * ((u * (p / w)) as f64 / h as f64 + (v * (p % w)) as f64 / w as f64);
                            (re, im) = (re + grey * angle.cos(), im - grey * angle.sin());
                        }
                        sums[k] += (re * re + im * im) / (h * w) as f64;
                        counts[k] += 1.0;
                    }
                }
            }
            for (k, found) in s.decibels().iter().enumerate() {
                let want = 10.0 * (sums[k + 1] / counts[k + 1] + FLOOR).log10();
                assert!((found - want).abs() < 1e-9, "{shape:?} {k}: {found} {want}");
            }
        }
    }

    #[test]
    fn half_the_contrast_is_six_decibels_and_brightness_nothing() {
        let mut draw = Key::new(2).rng();
        let images: Vec<f32> = (0..20 * 256).map(|_| draw.between(-0.5, 0.5) as f32).collect();
        let of = |f: &dyn Fn(f32) -> f32| {
            let mut s = Spectrum::new([16, 16, 1]);
            s.add(&images.iter().map(|&v| f(v)).collect::<Vec<_>>());
            s.decibels()
        };
        let plain = of(&|v| v);
        assert!((distance(&plain, &of(&|v| v * 0.5)).unwrap() - 20.0 * 2f64.log10()).abs() < 0.01);
        assert!(distance(&plain, &of(&|v| v + 0.3)).unwrap() < 1e-5);
        assert_eq!(distance(&plain, &plain), Some(0.0));
        assert_eq!(distance(&plain, &plain[1..]), None);
        // Nothing at all is at the floor.
        assert!((of(&|_| 0.0)[3] - 10.0 * FLOOR.log10()).abs() < 1e-6);
    }
}
