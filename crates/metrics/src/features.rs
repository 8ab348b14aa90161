//! Vectors of features, one a row, checked once; and what every metric answers.
use menagerie_data::error::{Error, Result};
use serde::Serialize;

/// What a metric answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// the figure, in the metric's unit
    pub value: f64,
    /// its standard error, where the metric knows one
    pub error: Option<f64>,
    /// what makes it doubtful
    pub warning: Option<String>,
}

impl Figure {
    /// A number without error or warning.
    pub fn of(value: f64) -> Figure {
        Figure {
            value,
            error: None,
            warning: None,
        }
    }

    /// The mean of independent values, and its standard error where there are two at least.
    pub fn mean(values: &[f64]) -> Figure {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
        Figure {
            value: mean,
            error: (values.len() > 1).then(|| (variance / n).sqrt()),
            warning: None,
        }
    }
}

/// Rows of features, `[count, width]`, all finite.
///
/// ```
/// use menagerie_metrics::{Features, fid::fid, moments::Statistics};
///
/// let data = Features::new(&[0.0, 0.0, 1.0, 2.0, 3.0, 1.0, 2.0, 3.0], 2, "the data")?;
/// let samples: Vec<f32> = data.values().iter().map(|v| v + 1.0).collect();
/// let samples = Features::new(&samples, 2, "the samples")?;
/// // Both means are off by 1, the covariances are the same.
/// let figure = fid(&Statistics::of(&samples)?, &Statistics::of(&data)?)?;
/// assert!((figure.value - 2.0).abs() < 1e-9);
/// # Ok::<(), menagerie_data::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Features<'a> {
    values: &'a [f32],
    width: usize,
}

impl<'a> Features<'a> {
    /// `what` names them in messages: "the samples", "the data".
    ///
    /// # Errors
    /// [`Error::Usage`] when there are fewer than two rows, a row is not whole, or a number is not finite.
    pub fn new(values: &'a [f32], width: usize, what: &str) -> Result<Self> {
        if width == 0 || !values.len().is_multiple_of(width) {
            let problem = format!(
                "{what}: {} numbers are not rows of {width} features",
                values.len()
            );
            return Err(Error::usage(problem, "give one row of features for every item"));
        }
        let count = values.len() / width;
        if count < 2 {
            let has = if count == 0 { "no item" } else { "only one item" };
            return Err(Error::usage(
                format!("{what}: {has} to judge by"),
                "give at least two, thousands for figures that mean something",
            ));
        }
        if let Some(at) = values.iter().position(|v| !v.is_finite()) {
            let problem = format!(
                "{what}: feature {} of item {} is {}",
                at % width,
                at / width,
                values[at]
            );
            return Err(Error::usage(
                problem,
                "look for damaged items, or a model whose training diverged",
            ));
        }
        Ok(Features { values, width })
    }

    /// Rows.
    pub fn count(&self) -> usize {
        self.values.len() / self.width
    }

    /// Features a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// All numbers, row after row.
    pub fn values(&self) -> &'a [f32] {
        self.values
    }

    /// One row.
    pub fn row(&self, i: usize) -> &'a [f32] {
        &self.values[i * self.width..(i + 1) * self.width]
    }

    /// Refuses another set of rows that are not as wide.
    ///
    /// # Errors
    /// [`Error::Usage`] with both widths.
    pub fn fits(&self, other: &Features) -> Result<()> {
        same_width(self.width, other.width)
    }
}

/// Refuses features of different widths.
pub(super) fn same_width(a: usize, b: usize) -> Result<()> {
    if a == b {
        return Ok(());
    }
    Err(Error::usage(
        format!("{a} features an item on one side, {b} on the other"),
        "use the same extractor for both",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(values: &[f32], width: usize) -> String {
        let line = Features::new(values, width, "the samples")
            .unwrap_err()
            .to_string();
        assert!(!line.contains('\n'));
        line
    }

    #[test]
    fn bad_rows_are_refused_in_one_line() {
        assert!(refusal(&[], 3).contains("no item"));
        assert!(refusal(&[1.0; 3], 3).contains("only one item"));
        assert!(refusal(&[1.0; 7], 3).contains("7 numbers are not rows of 3"));
        assert!(refusal(&[1.0; 7], 0).contains("not rows of 0"));
        assert!(refusal(&[0.0, 1.0, 2.0, 3.0, f32::NAN, 5.0], 3).contains("feature 1 of item 1 is NaN"));
        let (a, b) = (
            Features::new(&[0.0; 6], 3, "a").unwrap(),
            Features::new(&[0.0; 6], 2, "b").unwrap(),
        );
        assert!(
            a.fits(&b)
                .unwrap_err()
                .to_string()
                .contains("3 features an item on one side, 2 on the other")
        );
    }

    #[test]
    fn a_mean_has_its_standard_error() {
        let f = Figure::mean(&[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(f.value, 2.5);
        assert!((f.error.unwrap() - (5f64 / 3.0 / 4.0).sqrt()).abs() < 1e-15);
        assert_eq!(Figure::mean(&[7.0]), Figure::of(7.0));
    }
}
