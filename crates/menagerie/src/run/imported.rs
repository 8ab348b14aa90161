//! A run that begins with weights of another program.
use super::begin::{BEGUN_FROM, prepare};
use super::trainer::Trainer;
use crate::error::{Error, Result};
use crate::import::{self, Imported};
use crate::models::Purpose;
use crate::nn::Tensors;
use crate::recipe::{Note, Recipe};
use burn::tensor::Device;
use std::collections::BTreeMap;
use std::path::Path;

impl Trainer {
    /// A new run at `path` that begins with weights of another program.
    ///
    /// # Errors
    /// As [`Trainer::create`]; [`Error::Data`] when the weights do not fit the recipe's networks, naming those that do not.
    pub fn create_imported(recipe: Recipe, path: &Path, found: Imported, device: &Device) -> Result<Self> {
        let (recipe, said) = recipe.fitted()?;
        let mut prepared = prepare(&recipe, recipe.data()?.open()?, &[], device)?;
        prepared.warnings.extend(said);
        let info = prepared.dataset.info();
        if found.classes > 0 && found.classes != info.labels.len() {
            let (told, here) = (found.classes, info.labels.len());
            return Err(Error::data(
                &found.origin,
                format!("is told {told} classes, and {} has {here}", info.source),
                "give --data SOURCE with the classes that the networks were trained on, in their order",
            ));
        }
        let fresh = prepared.model.save();
        let fresh: BTreeMap<String, Tensors> = fresh.into_iter().map(|(name, t)| (name, t())).collect();
        let read = |name: &str| {
            let own = fresh.get(name).cloned().unwrap_or_default();
            match found.parts.get(name.trim_end_matches("_average")) {
                Some(theirs) => filled(own, theirs, &found.origin),
                None => Ok(own),
            }
        };
        prepared.model.load(&read, Purpose::Train)?;
        let origin = Note {
            step: 0,
            what: format!("{BEGUN_FROM} {}", found.origin),
        };
        Self::begin_with(recipe, path, prepared, origin, device)
    }
}

/// A part with the arrays that were imported in the place of its own.
fn filled(mut own: Tensors, theirs: &Tensors, origin: &str) -> Result<Tensors> {
    let fits = |(name, (shape, _)): &(&String, &(Vec<usize>, Vec<f32>))| {
        own.arrays.get(*name).is_some_and(|(s, _)| s == shape)
    };
    let strange: Vec<&str> = theirs
        .arrays
        .iter()
        .filter(|a| !fits(a))
        .map(|(n, _)| n.as_str())
        .collect();
    let missing = own.arrays.keys().filter(|n| !theirs.arrays.contains_key(*n));
    let missing: Vec<&str> = missing.map(String::as_str).collect();
    for (names, problem) in [
        (
            strange,
            "holds arrays that the recipe's network has not, or has in another shape",
        ),
        (missing, "lacks arrays of the recipe's network"),
    ] {
        if !names.is_empty() {
            return Err(Error::data(
                origin,
                format!("{problem}: {}", import::some(names.into_iter())),
                "leave the keys of [model], --size and --channels as the weights have them",
            ));
        }
    }
    own.arrays.clone_from(&theirs.arrays);
    Ok(own)
}
