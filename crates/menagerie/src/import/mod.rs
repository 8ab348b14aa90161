//! Weights that other programs have trained, as a run of this one: to draw from, to judge, to explore, to train on.
//!
//! | known by its names | becomes |
//! |---|---|
//! | the DCGAN of PyTorch's examples (`netG.pth`, and `netD.pth` if given) | `dcgan` |
//! | the generator of stylegan2-ada-pytorch, as a state dictionary | `stylegan2` |
//!
//! Classifiers and the Inception network need no run: they are extractors by their file (`imagenet:FILE`, `inception:FILE`).
mod dcgan;
mod stylegan2;

use crate::error::{Error, Result};
use crate::nn::{Tensors, read_torch};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What was found in files of weights.
#[derive(Clone, Debug)]
pub struct Imported {
    /// the registered model that has such networks
    pub model: &'static str,
    /// keys of its recipe that the arrays decide
    pub settings: Vec<(String, String)>,
    /// colours of an image
    pub channels: usize,
    /// arrays of the model's networks, by the names of their parts
    pub parts: BTreeMap<String, Tensors>,
    /// the files' names
    pub origin: String,
}

/// Reads weights from files that PyTorch or safetensors wrote, each a state dictionary of one network.
///
/// # Errors
/// Those of the files; [`Error::Data`] when they hold no network that is known, or arrays that do not belong to it, which are
/// named.
pub fn read(files: &[PathBuf]) -> Result<Imported> {
    let mut found: Option<Imported> = None;
    for file in files {
        let mut arrays = Arrays::read(file)?;
        let is = |name: &str| arrays.has(name);
        if is("mapping.fc0.weight") && is("synthesis.b4.const") {
            join(&mut found, stylegan2::generator(&mut arrays)?, file)?;
        } else if is("main.0.weight") && is("main.1.running_mean") {
            join(&mut found, dcgan::generator(&mut arrays)?, file)?;
        } else if is("main.0.weight") {
            join(&mut found, dcgan::discriminator(&mut arrays)?, file)?;
        } else {
            return Err(arrays.wrong("holds no network that is known".into()));
        }
        arrays.are_used_up()?;
    }
    let all = found.ok_or_else(|| Error::usage("no file is named", "give one or more files of weights"))?;
    match all.parts.contains_key(GENERATOR) {
        true => Ok(all),
        false => Err(Error::usage(
            format!("{} holds a discriminator alone", all.origin),
            "give the generator's file, too",
        )),
    }
}

const GENERATOR: &str = "generator";
const DISCRIMINATOR: &str = "discriminator";

/// Puts what another file holds beside what was found before.
fn join(found: &mut Option<Imported>, more: Imported, file: &Path) -> Result<()> {
    let name = file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let Some(all) = found else {
        *found = Some(Imported { origin: name, ..more });
        return Ok(());
    };
    let twice = more.parts.keys().any(|part| all.parts.contains_key(part));
    if twice || all.model != more.model || all.channels != more.channels {
        let problem = match twice {
            true => format!("holds the same network as {}", all.origin),
            false => format!("does not belong to {}", all.origin),
        };
        return Err(Error::data(file, problem, "give each network of one model once"));
    }
    all.parts.extend(more.parts);
    // The generator alone says what the recipe is.
    if all.settings.is_empty() {
        all.settings = more.settings;
    }
    all.origin = format!("{}, {name}", all.origin);
    Ok(())
}

/// Arrays of a state dictionary, taken out one by one.
struct Arrays {
    file: PathBuf,
    left: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
}

impl Arrays {
    fn read(file: &Path) -> Result<Arrays> {
        let safe = file
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("safetensors"));
        let tensors = match safe {
            true => Tensors::from_bytes(&crate::files::read(file)?)?,
            false => read_torch(file)?,
        };
        // What wraps a network puts its own name before all others.
        let bare = |name: String| {
            let name = name.strip_prefix("module.").unwrap_or(&name);
            name.strip_prefix("G_ema.").unwrap_or(name).to_string()
        };
        Ok(Arrays {
            file: file.into(),
            left: tensors.arrays.into_iter().map(|(n, a)| (bare(n), a)).collect(),
        })
    }

    fn wrong(&self, problem: String) -> Error {
        Error::data(
            &self.file,
            problem,
            "give netG.pth and netD.pth of PyTorch's DCGAN example, or the state dictionary of G_ema of stylegan2-ada-pytorch",
        )
    }

    fn has(&self, name: &str) -> bool {
        self.left.contains_key(name)
    }

    fn shape(&self, name: &str) -> Result<Vec<usize>> {
        let found = self.left.get(name).map(|(shape, _)| shape.clone());
        found.ok_or_else(|| self.wrong(format!("`{name}` is missing")))
    }

    /// An array of so many axes.
    fn take(&mut self, name: &str, axes: usize) -> Result<(Vec<usize>, Vec<f32>)> {
        let shape = self.shape(name)?;
        if shape.len() != axes || shape.contains(&0) {
            return Err(self.wrong(format!(
                "`{name}` has the shape {shape:?} where {axes} axes are expected"
            )));
        }
        Ok(self.left.remove(name).unwrap_or_default())
    }

    /// An array of one axis.
    fn vector(&mut self, name: &str) -> Result<Vec<f32>> {
        Ok(self.take(name, 1)?.1)
    }

    /// Leaves out what carries nothing.
    fn skip(&mut self, name: &str) {
        self.left.remove(name);
    }

    /// Refuses arrays that belong to no layer, naming them.
    fn are_used_up(&self) -> Result<()> {
        if self.left.is_empty() {
            return Ok(());
        }
        Err(self.wrong(format!(
            "{} of its arrays belong to no layer of that network: {}",
            self.left.len(),
            some(self.left.keys().map(String::as_str))
        )))
    }
}

/// The first of some names.
pub(crate) fn some<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const MOST: usize = 6;
    let names: Vec<String> = names.map(|n| format!("`{n}`")).collect();
    let more = if names.len() > MOST { ", ..." } else { "" };
    format!("{}{more}", names[..names.len().min(MOST)].join(", "))
}

/// Arrays of a network in the making.
#[derive(Default)]
struct Part(Tensors);

impl Part {
    fn put(&mut self, name: impl Into<String>, (shape, values): (Vec<usize>, Vec<f32>)) {
        self.0.arrays.insert(name.into(), (shape, values));
    }

    fn vector(&mut self, name: impl Into<String>, values: Vec<f32>) {
        self.put(name, (vec![values.len()], values));
    }
}

/// `[out, in, height, width]` or, transposed, `[in, out, height, width]` -> `[height, width, ..]`, the last two turned round.
fn kernel_last(array: &(Vec<usize>, Vec<f32>)) -> (Vec<usize>, Vec<f32>) {
    crate::export::permuted(&array.0, &array.1, &[2, 3, 1, 0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_listed_but_not_by_the_hundred() {
        let names: Vec<String> = (0..9).map(|i| format!("w{i}")).collect();
        let all = some(names.iter().map(String::as_str));
        assert!(
            all.starts_with("`w0`, `w1`") && all.ends_with("`w5`, ..."),
            "{all}"
        );
        assert_eq!(some(["a"].into_iter()), "`a`");
    }
}
