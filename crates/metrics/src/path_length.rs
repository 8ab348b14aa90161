//! Perceptual path length (PPL): Karras, Laine, Aila 2019, A Style-Based Generator Architecture, arXiv:1812.04948,
//! equation 2, in the latents z:
//!
//! l = E |f(G(slerp(z1, z2; t))) - f(G(slerp(z1, z2; t + epsilon)))|^2 / epsilon^2,   t uniform in (0, 1), epsilon = 1e-4,
//!
//! f the features of an extractor where the paper has those of VGG16 weighted by LPIPS. As in the authors' program the
//! lowest and the highest percent of the values are left out of the mean.
//!
//! Unit: squared feature units. Less is better: the same step of the latent changes less of what is seen. It depends on
//! the extractor, and, through its error, on the pairs drawn.
use super::features::{Figure, same_width};
use menagerie_data::error::{Error, Result};

/// The step between two latents.
pub const EPSILON: f64 = 1e-4;
/// Share of the values that is left out at either end.
pub const TRIM: f64 = 0.01;

/// The latent at `t` on the way from `a` to `b` on a great circle, lengths going along (Shoemake 1985); on a line where
/// both have one direction.
pub fn slerp(a: &[f64], b: &[f64], t: f64) -> Vec<f64> {
    let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    let cosine = if lengths > 1e-14 {
        (dot(a, b) / lengths).clamp(-1.0, 1.0)
    } else {
        1.0
    };
    let angle = cosine.acos();
    let (of_a, of_b) = if cosine.abs() > 1.0 - 1e-7 {
        (1.0 - t, t)
    } else {
        (
            ((1.0 - t) * angle).sin() / angle.sin(),
            (t * angle).sin() / angle.sin(),
        )
    };
    a.iter().zip(b).map(|(x, y)| of_a * x + of_b * y).collect()
}

/// The length from features at `t` and at `t + epsilon`, row by row; the error is that of the mean of what is left.
///
/// # Errors
/// [`Error::Usage`] when there are no rows, they do not fit, or a number is not finite.
pub fn path_length(from: &[f32], to: &[f32], width: usize, epsilon: f64) -> Result<Figure> {
    same_width(from.len(), to.len())?;
    if width == 0 || from.is_empty() || !from.len().is_multiple_of(width) {
        return Err(Error::usage(
            format!("{} numbers are not rows of {width} features", from.len()),
            "give one row of features a latent",
        ));
    }
    let squared = |(a, b): (&[f32], &[f32])| {
        a.iter()
            .zip(b)
            .map(|(x, y)| (*x as f64 - *y as f64).powi(2))
            .sum::<f64>()
    };
    let mut all: Vec<f64> = from
        .chunks_exact(width)
        .zip(to.chunks_exact(width))
        .map(|pair| squared(pair) / (epsilon * epsilon))
        .collect();
    if let Some(at) = all.iter().position(|v| !v.is_finite()) {
        return Err(Error::usage(
            format!("pair {at} of latents has features that are not finite"),
            "look for a training that diverged",
        ));
    }
    all.sort_by(f64::total_cmp);
    // The values between which the percentiles lie belong to them.
    let last = (all.len() - 1) as f64;
    let (low, high) = (
        all[(TRIM * last).floor() as usize],
        all[((1.0 - TRIM) * last).ceil() as usize],
    );
    let kept: Vec<f64> = all.into_iter().filter(|v| (low..=high).contains(v)).collect();
    Ok(Figure::mean(&kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_keeps_angles_and_lengths() {
        let (a, b) = ([2.0, 0.0, 0.0], [0.0, 2.0, 0.0]);
        for (t, want) in [
            (0.0, a),
            (1.0, b),
            (0.5, [2f64.sqrt(), 2f64.sqrt(), 0.0]),
            (1.0 / 3.0, [3f64.sqrt(), 1.0, 0.0]),
        ] {
            slerp(&a, &b, t)
                .iter()
                .zip(want)
                .for_each(|(x, y)| assert!((x - y).abs() < 1e-12, "{t}"));
        }
        // One direction, or none.
        assert_eq!(slerp(&[1.0, 1.0], &[3.0, 3.0], 0.5), [2.0, 2.0]);
        assert_eq!(slerp(&[0.0, 0.0], &[3.0, 1.0], 0.5), [1.5, 0.5]);
    }

    #[test]
    fn the_ends_are_left_out() {
        // Distances 0, 1, ..., 200 (squared 0, 1, 4, ...) at epsilon 1: the first two and the last two percents' values go.
        let from = vec![0f32; 201];
        let to: Vec<f32> = (0..201).map(|i| i as f32).collect();
        let f = path_length(&from, &to, 1, 1.0).unwrap();
        let want = (2..=198).map(|i| (i * i) as f64).sum::<f64>() / 197.0;
        assert!((f.value - want).abs() < 1e-9 && f.error.unwrap() > 0.0);
        // Half the step, four times as long.
        assert!((path_length(&from, &to, 1, 0.5).unwrap().value - 4.0 * want).abs() < 1e-9);
        assert!(path_length(&from, &to[1..], 1, 1.0).is_err() && path_length(&[], &[], 1, 1.0).is_err());
        assert!(
            path_length(&[0.0], &[f32::NAN], 1, 1.0)
                .unwrap_err()
                .to_string()
                .contains("pair 0")
        );
    }
}
