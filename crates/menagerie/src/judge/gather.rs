//! Features of a stream of images, gathered in one pass and in bounded memory.
use super::extractor::Extractor;
use crate::data::{Batch, DataInfo};
use crate::error::{Error, Result};
use crate::metrics::features::Features;
use crate::metrics::moments::{Moments, Statistics, WIDEST};
use serde_json::{Map, Value};

/// Feature vectors that are kept, for metrics of pairs; statistics are over all.
pub const KEPT: usize = 50_000;

/// Statistics of features, and some of the features themselves.
#[derive(Clone, Debug, Default)]
pub struct Gathered {
    /// images seen
    pub count: usize,
    /// features of an image
    pub width: usize,
    /// mean of the features
    pub mean: Vec<f64>,
    /// their covariance `[width, width]`
    pub covariance: Vec<f64>,
    /// the features of the first images, [`KEPT`] at most; none where statistics were imported
    pub features: Vec<f32>,
    /// logarithms of class probabilities of the same images, where the extractor classifies
    pub log_probabilities: Vec<f32>,
    /// classes of the extractor
    pub classes: usize,
    /// what imported statistics are of, as far as their file says
    pub made_of: Option<Map<String, Value>>,
}

impl Gathered {
    /// Mean and covariance of all.
    ///
    /// # Errors
    /// [`Error::Usage`] when they were imported and are no statistics.
    pub fn statistics(&self) -> Result<Statistics> {
        Statistics::from_parts(self.count, self.mean.clone(), self.covariance.clone())
    }

    /// The features that were kept, for a metric of pairs.
    ///
    /// # Errors
    /// [`Error::Usage`] when none were, as with imported statistics, or they are not finite.
    pub fn rows(&self, metric: &str, what: &str) -> Result<Features<'_>> {
        if self.features.is_empty() {
            let problem = format!(
                "`{metric}` compares items one by one, and {what} are given by mean and covariance alone"
            );
            return Err(Error::usage(problem, "leave --reference out"));
        }
        Features::new(&self.features, self.width, what)
    }
}

/// Gathers while batches come.
pub struct Gatherer<'a> {
    extractor: &'a Extractor,
    moments: Moments,
    out: Gathered,
}

impl<'a> Gatherer<'a> {
    /// With nothing gathered yet.
    ///
    /// # Errors
    /// [`Error::Usage`] when the extractor does not take images of that description.
    pub fn new(extractor: &'a Extractor, info: &DataInfo) -> Result<Self> {
        extractor.takes(&info.shape)?;
        Ok(Gatherer {
            extractor,
            moments: Moments::default(),
            out: Gathered::default(),
        })
    }

    /// Takes in a batch.
    ///
    /// # Errors
    /// Those of the extractor.
    pub fn add(&mut self, batch: &Batch) -> Result<()> {
        let found = self.extractor.extract(batch)?;
        if found.width > WIDEST {
            let problem = format!(
                "{} features of an image are too many for their covariance",
                found.width
            );
            return Err(Error::usage(
                problem,
                "make the images smaller with --size, or choose another --extractor",
            ));
        }
        self.moments.add(&found.features, found.width)?;
        let room = KEPT.saturating_sub(self.out.features.len() / found.width);
        let keep = room.min(batch.shape[0]);
        self.out.features.extend(&found.features[..keep * found.width]);
        if found.classes > 0 {
            self.out
                .log_probabilities
                .extend(&found.log_probabilities[..keep * found.classes]);
        }
        (self.out.width, self.out.classes) = (found.width, found.classes);
        Ok(())
    }

    /// What was gathered.
    ///
    /// # Errors
    /// [`Error::Usage`] for fewer than two images: they have no covariance.
    pub fn finish(mut self, what: &str) -> Result<Gathered> {
        self.out.count = self.moments.count();
        if self.out.count < 2 {
            let problem = format!(
                "{} of {what}: a covariance takes two at least",
                if self.out.count == 0 {
                    "no image"
                } else {
                    "one image"
                }
            );
            return Err(Error::usage(problem, "give more, thousands if you can"));
        }
        let found = self.moments.finish()?;
        (self.out.mean, self.out.covariance) = (found.mean, found.covariance);
        Ok(self.out)
    }
}
