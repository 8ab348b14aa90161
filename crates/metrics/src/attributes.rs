//! How well attributes of portraits are read: accuracy of choices, correlation of amounts, both where they show.
use menagerie_data::portraits::{Attributes, Meaning};

/// One attribute's figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// the attribute
    pub name: &'static str,
    /// `accuracy` of a choice, `correlation` (Pearson) of an amount, `mean cosine` of a hue's error
    pub measure: &'static str,
    /// the figure; more is better, 1 is perfect
    pub value: f64,
    /// items in which the attribute shows
    pub items: usize,
}

/// Figures of every attribute, of true and read numbers `[items, attributes]`. Items in which an attribute does not show
/// do not count for it; an attribute that shows nowhere is left out.
pub fn figures(truth: &[f32], read: &[f32]) -> Vec<Figure> {
    let n = Attributes::NAMES.len();
    let faces: Vec<Attributes> = truth.chunks_exact(n).map(Attributes::from_slice).collect();
    let one = |i: usize| {
        let pairs: Vec<(f64, f64)> = (0..faces.len())
            .filter(|&k| faces[k].shows(i))
            .map(|k| (truth[k * n + i] as f64, read[k * n + i] as f64))
            .collect();
        let (measure, value) = match Meaning::of(i) {
            Meaning::Choice(_) => (
                "accuracy",
                pairs.iter().filter(|(a, b)| a == b).count() as f64 / pairs.len() as f64,
            ),
            Meaning::Amount { .. } => ("correlation", correlation(&pairs)),
            Meaning::Hue => ("mean cosine", mean_cosine(&pairs)),
        };
        (!pairs.is_empty()).then_some(Figure {
            name: Attributes::NAMES[i],
            measure,
            value,
            items: pairs.len(),
        })
    };
    (0..n).filter_map(one).collect()
}

/// Share of the attributes of one item that another one has, too: the same choice, an amount within an eighth of its range, a hue
/// within 45 degrees. Of those that show in the first, without `column` and what belongs to it (with `glasses` also
/// `glasses_hue`). `None` where nothing is left.
pub fn kept(of: &[f32], in_other: &[f32], column: usize) -> Option<f64> {
    let face = Attributes::from_slice(of);
    let changed = Attributes::NAMES.get(column)?;
    let others =
        (0..Attributes::NAMES.len()).filter(|&i| face.shows(i) && !Attributes::NAMES[i].starts_with(changed));
    let same = |i: usize| match Meaning::of(i) {
        Meaning::Choice(_) => of[i] == in_other[i],
        Meaning::Amount { low, high } => (of[i] - in_other[i]).abs() <= (high - low) / 8.0,
        Meaning::Hue => (of[i] - in_other[i]).to_radians().cos() >= std::f32::consts::FRAC_1_SQRT_2,
    };
    let (mut stay, mut all) = (0usize, 0usize);
    for i in others {
        stay += usize::from(same(i));
        all += 1;
    }
    (all > 0).then(|| stay as f64 / all as f64)
}

/// Pearson's; 0 where one of the two never changes.
fn correlation(pairs: &[(f64, f64)]) -> f64 {
    let n = pairs.len() as f64;
    let (mx, my) = pairs
        .iter()
        .fold((0.0, 0.0), |(x, y), p| (x + p.0 / n, y + p.1 / n));
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in pairs {
        xx += (x - mx).powi(2);
        yy += (y - my).powi(2);
        xy += (x - mx) * (y - my);
    }
    if xx > 0.0 && yy > 0.0 {
        xy / (xx * yy).sqrt()
    } else {
        0.0
    }
}

/// Mean cosine of the differences of angles in degrees: 1 where all agree, 0 where they are unrelated.
fn mean_cosine(pairs: &[(f64, f64)]) -> f64 {
    pairs.iter().map(|(a, b)| (a - b).to_radians().cos()).sum::<f64>() / pairs.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie_data::portraits::Portraits;

    #[test]
    fn perfect_reading_and_none() {
        let faces = Portraits::new([8, 8], 1, 200).unwrap();
        let truth: Vec<f32> = (0..200).flat_map(|i| faces.attributes(i).to_vec()).collect();
        for f in figures(&truth, &truth) {
            assert!((f.value - 1.0).abs() < 1e-9, "{f:?}");
        }
        let neutral: Vec<f32> = (0..200).flat_map(|_| Attributes::default().to_vec()).collect();
        let all = figures(&truth, &neutral);
        let value = |name: &str| all.iter().find(|f| f.name == name).unwrap();
        assert_eq!((value("yaw").value, value("yaw").measure), (0.0, "correlation"));
        assert!(value("glasses_hue").items < 200 && value("clothing").value < 0.6);
    }

    /// A face keeps all of itself; of two whose smile and glasses differ, what does not stay can be counted.
    #[test]
    fn what_stays_can_be_counted() {
        use menagerie_data::portraits::Glasses;
        let (a, mut b) = (Attributes::default(), Attributes::default());
        (b.glasses, b.smile) = (Glasses::Round, -0.9);
        let column = |name: &str| Attributes::NAMES.iter().position(|n| *n == name).unwrap();
        let shown = (0..Attributes::NAMES.len()).filter(|&i| a.shows(i)).count() as f64;
        let (a, b) = (a.to_vec(), b.to_vec());
        assert_eq!(kept(&a, &a, column("glasses")), Some(1.0));
        let but_smile = kept(&a, &b, column("glasses")).unwrap();
        assert!((but_smile - (shown - 2.0) / (shown - 1.0)).abs() < 1e-9);
        assert_eq!(kept(&a, &b, 1_000), None);
    }

    #[test]
    fn correlations_by_hand() {
        assert!(
            (correlation(&[(1.0, 2.0), (2.0, 4.0), (3.0, 5.0)]) - 3.0 / (2.0f64 * 14.0 / 3.0).sqrt()).abs()
                < 1e-12
        );
        assert!((mean_cosine(&[(350.0, 10.0), (0.0, 340.0)]) - 20f64.to_radians().cos()).abs() < 1e-12);
    }
}
