//! Weights as a folder of their own, and back: what `menagerie sample` needs of a run.
use super::folder::{Files, description, port};
use super::{Format, Layout};
use crate::data::DataInfo;
use crate::error::{Error, Result};
use crate::files;
use crate::limits::affordable;
use crate::models::{Model, Port, Purpose};
use crate::nn::Tensors;
use crate::random::Key;
use crate::recipe::Recipe;
use crate::run::{Checkpoint, State};
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

/// Parts of a checkpoint that a model reads in order to draw, or, where it cannot, to answer.
pub(super) struct Shipped {
    parts: Vec<(String, Tensors)>,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

/// `model.json`, as far as it is read again.
#[derive(Deserialize)]
struct Description {
    #[serde(default)]
    format: String,
    version: String,
    step: u64,
    data: DataInfo,
    #[serde(default)]
    layout: String,
    #[serde(default)]
    fingerprint: String,
    #[serde(default)]
    parts: Vec<Part>,
    #[serde(default)]
    checksum: u32,
}

/// A part of a checkpoint in `model.safetensors`.
#[derive(Serialize, Deserialize)]
struct Part {
    /// what the model calls it
    name: String,
    /// what stands before the names of its arrays
    prefix: String,
    /// what is written beside them
    notes: BTreeMap<String, String>,
}

const CHANNELS_LAST: &str = "channels last; linear [in, out]; convolution [kh, kw, in, out]; transposed convolution [kh, kw, out, in]";
const PYTORCH: &str = "PyTorch; linear [out, in]; convolution [out, in, kh, kw]; transposed convolution [in, out, kh, kw]; activations are reshaped to [height, width, channel] after a linear layer";

impl Shipped {
    /// What a fresh model reads of a checkpoint.
    pub(super) fn of(recipe: &Recipe, checkpoint: &Checkpoint, device: &Device) -> Result<Shipped> {
        let mut model = recipe.build(&checkpoint.state.data, device, Key::new(0))?;
        let parts = RefCell::new(Vec::new());
        let read = |name: &str| {
            let tensors = checkpoint.part(name)?;
            parts.borrow_mut().push((name.to_string(), tensors.clone()));
            Ok(tensors)
        };
        let purpose = match model.as_sample() {
            Some(_) => Purpose::Sample,
            None => Purpose::Use,
        };
        model.load(&read, purpose)?;
        let functions = model.functions();
        let (inputs, outputs) = functions
            .first()
            .map_or((vec![], vec![]), |f| (f.inputs.clone(), f.outputs.clone()));
        drop(functions);
        Ok(Shipped {
            parts: parts.into_inner(),
            inputs,
            outputs,
        })
    }

    /// `model.safetensors` and `model.json`.
    pub(super) fn files(self, recipe: &Recipe, checkpoint: &Checkpoint, layout: Layout) -> Result<Files> {
        let alone = self.parts.len() == 1;
        let network = |name: &str| name.trim_end_matches("_average").to_string();
        let first = self
            .parts
            .first()
            .map(|(name, _)| network(name))
            .unwrap_or_default();
        let mut weights = Tensors::default();
        let mut parts = Vec::new();
        for (name, tensors) in self.parts {
            let prefix = if alone {
                String::new()
            } else {
                format!("{}.", network(&name))
            };
            for (array, values) in tensors.arrays {
                weights.arrays.insert(format!("{prefix}{array}"), values);
            }
            parts.push(Part {
                name,
                prefix,
                notes: tensors.notes,
            });
        }
        if layout == Layout::PyTorch {
            weights = reordered(weights, &[1, 0], &[3, 2, 0, 1]);
        }
        let shapes: Map<String, Value> = weights
            .arrays
            .iter()
            .map(|(name, (shape, _))| (name.clone(), json!(shape)))
            .collect();
        let bytes = weights.to_bytes()?;
        let mut about = description(recipe.model_name(), checkpoint, Format::Safetensors);
        about["network"] = first.into();
        about["inputs"] = self.inputs.iter().map(port).collect();
        about["outputs"] = self.outputs.iter().map(port).collect();
        about["layout"] = if layout == Layout::PyTorch {
            PYTORCH
        } else {
            CHANNELS_LAST
        }
        .into();
        about["fingerprint"] = checkpoint.state.fingerprint.clone().into();
        about["checksum"] = crc32c::crc32c(&bytes).into();
        about["parts"] = json!(parts);
        about["tensors"] = shapes.into();
        Ok(vec![
            ("model.safetensors".into(), bytes),
            ("model.json".into(), format!("{about:#}\n").into_bytes()),
        ])
    }
}

/// Whether a folder is an exported model, and not a run.
pub fn is_exported(folder: &Path) -> bool {
    folder.join("model.json").is_file() && !folder.join("checkpoints").exists()
}

/// The model of an exported folder, to draw from; what it was trained on and how far stands where a run's checkpoint has it.
///
/// # Errors
/// When the folder is damaged, or of a format that this program does not read again.
pub fn open(folder: &Path, recipe: &Recipe, device: &Device) -> Result<(Box<dyn Model>, Checkpoint)> {
    let again = "export it again: `menagerie export RUN --out DIR`";
    let place = folder.join("model.json");
    let damaged = |place: &Path, problem: String| Error::run(place, format!("damaged: {problem}"), again);
    let text = files::read_text(&place)?;
    let about: Description = serde_json::from_str(&text).map_err(|e| damaged(&place, e.to_string()))?;
    if about.format != Format::Safetensors.name() || about.parts.is_empty() {
        let format = if about.format.is_empty() {
            "an older one"
        } else {
            &about.format
        };
        return Err(Error::run(
            folder,
            format!("is an exported model of the format {format}, which this program does not sample from"),
            "export the run as --format safetensors, or sample as docs/shipping.md says",
        ));
    }
    affordable("an item of its data", &about.data.shape, again)?;
    let file = folder.join("model.safetensors");
    let bytes = files::read(&file)?;
    if crc32c::crc32c(&bytes) != about.checksum {
        return Err(damaged(&file, "its checksum is not the one in model.json".into()));
    }
    let mut weights = Tensors::from_bytes(&bytes)?;
    if about.layout == PYTORCH {
        weights = reordered(weights, &[1, 0], &[2, 3, 1, 0]);
    }
    let read = |name: &str| {
        let part = about.parts.iter().find(|p| p.name == name);
        let part = part.ok_or_else(|| damaged(&place, format!("there is no part `{name}`")))?;
        let arrays = weights.arrays.iter();
        let arrays =
            arrays.filter_map(|(n, array)| Some((n.strip_prefix(&part.prefix)?.to_string(), array.clone())));
        Ok(Tensors {
            arrays: arrays.collect(),
            notes: part.notes.clone(),
        })
    };
    let mut model = recipe.build(&about.data, device, Key::new(0))?;
    if model.as_sample().is_none() {
        let problem = format!("is an exported {}, which draws nothing", recipe.model_name());
        return Err(Error::run(folder, problem, "see `menagerie list --can sample`"));
    }
    model.load(&read, Purpose::Sample)?;
    let state = State {
        version: about.version.clone(),
        step: about.step,
        images: 0,
        seconds: 0.0,
        cursor: 0,
        data: about.data.clone(),
        fingerprint: about.fingerprint.clone(),
        recipe: recipe.to_toml(),
        files: BTreeMap::new(),
    };
    let path = folder.to_path_buf();
    Ok((model, Checkpoint { path, state }))
}

/// Arrays of two and of four axes with these in another order.
fn reordered(weights: Tensors, two: &[usize], four: &[usize]) -> Tensors {
    let arrays = weights.arrays.into_iter().map(|(name, (shape, values))| {
        let order = match shape.len() {
            2 => two,
            4 => four,
            _ => return (name, (shape, values)),
        };
        (name, permuted(&shape, &values, order))
    });
    Tensors {
        arrays: arrays.collect(),
        notes: weights.notes,
    }
}

/// The array with axis `i` of the result being axis `order[i]` of the given one.
pub(crate) fn permuted(shape: &[usize], values: &[f32], order: &[usize]) -> (Vec<usize>, Vec<f32>) {
    let new: Vec<usize> = order.iter().map(|&a| shape[a]).collect();
    let stride = |axis: usize| shape[axis + 1..].iter().product::<usize>();
    let strides: Vec<usize> = order.iter().map(|&a| stride(a)).collect();
    let at = |mut i: usize| {
        let mut offset = 0;
        for (n, s) in new.iter().zip(&strides).rev() {
            offset += i % n * s;
            i /= n;
        }
        values[offset]
    };
    let out = (0..values.len()).map(at).collect();
    (new, out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_permuted() {
        let values: Vec<f32> = (0..24).map(|v| v as f32).collect();
        let (shape, out) = permuted(&[1, 2, 3, 4], &values, &[3, 2, 0, 1]);
        assert_eq!(shape, [4, 3, 1, 2]);
        // out[d][c][a][b] = in[a][b][c][d]
        assert_eq!(out[(2 * 3 + 1) * 2 + 1], values[(3 + 1) * 4 + 2]);
        assert_eq!(
            permuted(&shape, &out, &[2, 3, 1, 0]),
            (vec![1, 2, 3, 4], values.clone())
        );
        assert_eq!(
            permuted(&[2, 3], &values[..6], &[1, 0]).1,
            [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]
        );
    }
}
