//! Identification: of each item which of a gallery, one item a class, is nearest to it, by the cosine of their features (rank one, as
//! face recognition is tested; Tran, Yin, Liu 2017, DR-GAN, section 4).
//!
//! cos(a, b) = (a - m) . (b - m) / (|a - m| |b - m|),   m the mean of all features, of gallery and probes
//!
//! Without the mean, features that have none of their own (pixels, the codes of an autoencoder) would all point one way. The share of
//! those whose class is found: more is better; chance is 1 of the gallery. It depends on the gallery and on the probes.
use super::features::Features;
use menagerie_data::error::Result;

/// The row of the gallery that is nearest to each probe; the first of those that are equally near.
///
/// # Errors
/// [`menagerie_data::Error::Usage`] when the widths differ.
pub fn nearest(gallery: &Features, probes: &Features) -> Result<Vec<usize>> {
    gallery.fits(probes)?;
    let width = gallery.width();
    let count = (gallery.count() + probes.count()) as f64;
    let mut mean = vec![0f64; width];
    for of in [gallery, probes] {
        for i in 0..of.count() {
            mean.iter_mut()
                .zip(of.row(i))
                .for_each(|(m, v)| *m += f64::from(*v) / count);
        }
    }
    // Of length one, where they have a length.
    let unit = |row: &[f32]| -> Vec<f64> {
        let off: Vec<f64> = row.iter().zip(&mean).map(|(v, m)| f64::from(*v) - m).collect();
        let length = off.iter().map(|v| v * v).sum::<f64>().sqrt().max(1e-30);
        off.into_iter().map(|v| v / length).collect()
    };
    let known: Vec<Vec<f64>> = (0..gallery.count()).map(|i| unit(gallery.row(i))).collect();
    let one = |i: usize| {
        let probe = unit(probes.row(i));
        let mut best = (0, f64::NEG_INFINITY);
        for (k, row) in known.iter().enumerate() {
            let cosine: f64 = row.iter().zip(&probe).map(|(a, b)| a * b).sum();
            if cosine > best.1 {
                best = (k, cosine);
            }
        }
        best.0
    };
    Ok((0..probes.count()).map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: directions from the mean count, and lengths do not.
    #[test]
    fn directions_from_the_mean_count() {
        // The mean of all six is (10, 10).
        let gallery = [12.0f32, 10.0, 8.0, 10.0, 10.0, 12.0];
        let probes = [60.0f32, 12.0, -39.0, 15.0, 9.0, 1.0];
        fn of(rows: &[f32]) -> Features<'_> {
            Features::new(rows, 2, "rows").unwrap()
        }
        assert_eq!(nearest(&of(&gallery), &of(&probes)).unwrap(), [0, 1, 1]);
        let other = Features::new(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3, "rows").unwrap();
        assert!(nearest(&of(&gallery), &other).is_err());
    }
}
