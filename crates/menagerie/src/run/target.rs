//! The run whose network a model plays against or goes by: a classifier, or a reader whose numbers are raised.
use super::{Checkpoint, Run};
use crate::data::DataInfo;
use crate::error::{Error, Result};
use crate::models::{Model, one_side};
use crate::recipe::Recipe;
use std::path::Path;

/// What a model plays against: the run of a classifier that is attacked, or of a reader whose numbers are raised.
fn kind(recipe: &Recipe) -> &'static str {
    match recipe.model_name() {
        "dna_gan" => "sequence-reader",
        _ => "classifier",
    }
}

/// A target, ready to be taken.
pub(super) struct Target {
    run: Run,
    checkpoint: Checkpoint,
}

impl Target {
    /// That of a recipe, where it names one.
    ///
    /// # Errors
    /// When the run is none, is of another model, or has no whole checkpoint.
    pub(super) fn of(recipe: &Recipe) -> Result<Option<Target>> {
        let Some(path) = recipe.target() else {
            return Ok(None);
        };
        let run = Run::open(Path::new(path))?;
        let (checkpoint, _) = run.checkpoint_of(super::At::Newest)?;
        Ok(Some(Target { run, checkpoint }))
    }

    /// Names of the classes that it tells, in its numbering.
    pub(super) fn labels(&self) -> &[String] {
        &self.checkpoint.state.data.labels
    }

    /// Gives the model its network.
    ///
    /// # Errors
    /// Where it takes images of another shape, or tells other classes.
    pub(super) fn give(&self, model: &mut dyn Model, info: &DataInfo) -> Result<()> {
        let own = &self.checkpoint.state.data;
        let size = |i: &DataInfo| i.shape.iter().map(usize::to_string).collect::<Vec<_>>().join("x");
        let info = &one_side(info);
        if own.kind != info.kind || own.shape != info.shape {
            let problem = format!(
                "the target takes {} of {}, and the data are {} of {}",
                own.kind.plural(),
                size(own),
                info.kind.plural(),
                size(info)
            );
            let fix = "give data of that shape with --size and --channels, or another target";
            return Err(Error::run(self.run.path(), problem, fix));
        }
        if own.alphabet != info.alphabet {
            let problem = format!(
                "the target reads the letters {:?}, and the data have {:?}",
                own.alphabet, info.alphabet
            );
            return Err(Error::run(
                self.run.path(),
                problem,
                "name its letters with data.alphabet",
            ));
        }
        if own.labels != info.labels {
            let problem = format!(
                "the target tells {} classes, and the data have {} of other names",
                own.labels.len(),
                info.labels.len()
            );
            return Err(Error::run(
                self.run.path(),
                problem,
                "give data of the target's classes",
            ));
        }
        model.take_target(&|name| self.checkpoint.part(name))
    }
}

/// The recipe with the sizes of its target's network, where it names one.
///
/// # Errors
/// When the run cannot be read or is of another model.
pub(super) fn sized(mut recipe: Recipe) -> Result<Recipe> {
    let Some(path) = recipe.target().map(String::from) else {
        return Ok(recipe);
    };
    let run = Run::open(Path::new(&path))?;
    let (theirs, kind) = (run.recipe()?, kind(&recipe));
    if theirs.model_name() != kind {
        let problem = format!(
            "it is a run of `{}`, and a target of `{}` is one of `{kind}`",
            theirs.model_name(),
            recipe.model_name()
        );
        return Err(Error::run(
            run.path(),
            problem,
            format!("give a run of `menagerie train {kind}`"),
        ));
    }
    recipe.take_target_model(&theirs)?;
    if kind == "sequence-reader" {
        let (checkpoint, _) = run.checkpoint_of(super::At::Newest)?;
        recipe = recipe.with(
            "target.goals",
            &serde_json::json!(checkpoint.state.data.attributes).to_string(),
        )?;
    }
    Ok(recipe)
}
