//! Judging while training: at which steps, by what, and which checkpoint is the best so far.
//!
//! All draws come from a key of their own and the same one each time, as those of `menagerie evaluate` do, so the weights
//! are the same with and without it, and a figure is the one that the command gives for that checkpoint.
use super::State;
use super::evaluator::{Compared, Evaluator, Settings};
use super::history::{self, Evaluated};
use crate::data::DataInfo;
use crate::error::Result;
use crate::judge::Verdict;
use crate::judge::subject::Subject;
use crate::models::Model;
use crate::processes;
use crate::recipe::Recipe;
use burn::tensor::Device;

/// The judge of a training.
pub(super) struct Judging {
    evaluator: Evaluator,
    every: u64,
    best_by: Option<String>,
}

impl Judging {
    /// As the recipe says, and what is to be said of the data; None where it asks for none.
    ///
    /// # Errors
    /// As [`Evaluator::new`], and for a metric that cannot choose the best.
    pub(super) fn of(
        recipe: &Recipe,
        model: &dyn Model,
        info: &DataInfo,
        device: &Device,
    ) -> Result<(Option<Judging>, Vec<String>)> {
        let config = recipe.evaluate()?;
        if config.every == 0 {
            return Ok((None, vec![]));
        }
        let (mut data, mut said) = Compared::open(&Compared::of_run(recipe.data()?), None, info)?;
        said.extend(data.beside(&recipe.data()?));
        let settings = Settings {
            metrics: config.metrics,
            count: config.n,
            extractor: Some(config.extractor),
            ..Settings::default()
        };
        let subject = Subject::Model {
            model,
            name: recipe.model_name(),
            info,
        };
        // Extractors learn nothing: they are not recorded for a backward pass.
        let plain = if device.is_autodiff() {
            device.clone().without_autodiff()
        } else {
            device.clone()
        };
        let evaluator = Evaluator::new(settings, subject, Some(data), &plain, &mut |_, _, _| {})?
            .beside(recipe, info, &plain)?;
        said.extend(evaluator.notes().iter().cloned());
        let best_by = history::chooser(&config.best, evaluator.names())?;
        Ok((
            Some(Judging {
                evaluator,
                every: config.every,
                best_by,
            }),
            said,
        ))
    }

    /// Whether the model is judged after that step.
    pub(super) fn is_due(&self, step: u64, last: bool) -> bool {
        step > 0 && (last || step.is_multiple_of(self.every))
    }

    /// Whether that was done before.
    pub(super) fn is_done(&self, step: u64, all: &[Evaluated]) -> bool {
        all.iter().any(|e| e.step == step && e.best_by == self.best_by)
    }

    /// The figures of the model as it is; the processes of a training work them out together.
    ///
    /// # Errors
    /// Those of the metrics.
    pub(super) fn verdicts(&self, model: &dyn Model, name: &str, info: &DataInfo) -> Result<Vec<Verdict>> {
        let subject = Subject::Model { model, name, info };
        processes::together(|| self.evaluator.judge(subject, &mut |_, _, _| {}))
    }

    /// Judges the model as it is.
    ///
    /// # Errors
    /// As [`Judging::verdicts`].
    pub(super) fn judge(
        &self,
        model: &dyn Model,
        name: &str,
        state: &State,
    ) -> Result<(Evaluated, Vec<Verdict>)> {
        let verdicts = self.verdicts(model, name, &state.data)?;
        let judged = Evaluated::new(
            state.step,
            state.images,
            state.seconds,
            self.best_by.clone(),
            &verdicts,
        );
        Ok((judged, verdicts))
    }
}
