//! How far off somebody is found by what was measured, beside maps of known places.
//!
//! A radio map (Bahl & Padmanabhan 2000, RADAR) says for each of many maps at which place it was measured. Who measures another one is taken to
//! be at the place of the map that is nearest to it, in squared differences ([`nearest_place`]), or at the mean of all places, weighed by
//! the probabilities that a classifier gives them ([`mean_place`]). The figure is the mean distance to the true place, in the unit of the
//! coordinates (metres); less is better. It depends on the maps of both sides.
use super::features::Features;
use super::neighbours::{Rows, nearest};
use menagerie_data::error::{Error, Result};

/// The place of the known map that is nearest to each of the maps; of two that are equally near, the first.
///
/// # Errors
/// [`Error::Usage`] for maps of two sizes, or places that are not one a known map.
pub fn nearest_place(known: Features, places: &[[f64; 2]], maps: Features) -> Result<Vec<[f64; 2]>> {
    if places.len() != known.count() {
        let problem = format!("{} places of {} known maps", places.len(), known.count());
        return Err(Error::usage(problem, "give every map its place"));
    }
    let (maps, known) = Rows::pair(maps, known)?;
    let found = nearest(&maps, &known, 1, false)?;
    Ok(found.iter().map(|n| places[n[0].0 as usize]).collect())
}

/// The mean of places, weighed by each row of probabilities `[maps, places]`.
pub fn mean_place(probabilities: &[f64], places: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let mean = |row: &[f64]| {
        let along = |axis: usize| row.iter().zip(places).map(|(p, at)| p * at[axis]).sum();
        [along(0), along(1)]
    };
    probabilities.chunks_exact(places.len()).map(mean).collect()
}

/// How far each place that was found is from the true one.
pub fn off(found: &[[f64; 2]], truth: &[[f64; 2]]) -> Vec<f64> {
    let apart = |(a, b): (&[f64; 2], &[f64; 2])| (a[0] - b[0]).hypot(a[1] - b[1]);
    found.iter().zip(truth).map(apart).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_by_hand() {
        let places = [[0.0, 0.0], [3.0, 4.0], [3.0, 0.0]];
        let known = [0.0f32, 0.0, 1.0, 0.0, 0.0, 1.0];
        let maps = [0.9f32, 0.1, 0.1, 0.2, 0.2, 0.9];
        let rows = |v| Features::new(v, 2, "maps").unwrap();
        let found = nearest_place(rows(&known), &places, rows(&maps)).unwrap();
        assert_eq!(found, [[3.0, 4.0], [0.0, 0.0], [3.0, 0.0]]);
        assert_eq!(off(&found, &[[0.0; 2]; 3]), [5.0, 0.0, 3.0]);
        let mean = mean_place(&[0.5, 0.25, 0.25, 0.0, 1.0, 0.0], &places);
        assert_eq!(mean, [[1.5, 1.0], [3.0, 4.0]]);
        assert!(nearest_place(rows(&known), &places[..2], rows(&maps)).is_err());
    }
}
