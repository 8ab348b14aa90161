//! Shipping a trained sampler: its weights as safetensors, and a description of what goes in and what comes out.
use super::{At, Run};
use crate::error::{Error, Result};
use crate::files::write_folder;
use crate::models::Port;
use crate::nn::Tensors;
use burn::tensor::Device;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// Order of the axes of exported weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// ours: linear `[in, out]`, convolutions `[kernel height, kernel width, in, out]` (transposed ones `[.., out, in]`)
    ChannelsLast,
    /// PyTorch's: linear `[out, in]`, convolutions `[out, in, kernel height, kernel width]` (transposed ones `[in, out, ..]`)
    PyTorch,
}

/// Writes `model.safetensors`, `model.json` and `recipe.toml` into a folder; gives the files' paths.
///
/// # Errors
/// When the run has no checkpoint, the model has nothing to export, or the folder cannot be written.
pub fn export(run: &Run, at: At, out: &Path, layout: Layout, device: &Device) -> Result<Vec<PathBuf>> {
    let recipe = run.recipe()?;
    let (model, checkpoint, _) = run.model(at, device)?;
    let exported = model.exported().ok_or_else(|| {
        Error::usage(
            format!("{} has no sampler to export", recipe.model_name()),
            "see `menagerie list --can sample`",
        )
    })?;
    let weights = if layout == Layout::PyTorch {
        to_pytorch(exported.weights)
    } else {
        exported.weights
    };
    let ports = |ports: &[Port]| {
        ports
            .iter()
            .map(|p| json!({"name": p.name, "shape": p.shape, "meaning": p.meaning}))
            .collect::<Vec<_>>()
    };
    let tensors: Map<String, Value> = weights
        .arrays
        .iter()
        .map(|(n, (shape, _))| (n.clone(), json!(shape)))
        .collect();
    let description = json!({
        "model": recipe.model_name(),
        "network": exported.network,
        "version": checkpoint.state.version,
        "step": checkpoint.state.step,
        "inputs": ports(&exported.inputs),
        "outputs": ports(&exported.outputs),
        "layout": match layout {
            Layout::ChannelsLast => "channels last; linear [in, out]; convolution [kh, kw, in, out]; transposed convolution [kh, kw, out, in]",
            Layout::PyTorch => "PyTorch; linear [out, in]; convolution [out, in, kh, kw]; transposed convolution [in, out, kh, kw]; activations are reshaped to [height, width, channel] after a linear layer",
        },
        "data": checkpoint.state.data,
        "tensors": tensors,
    });
    let mut files = [
        ("model.safetensors", weights.to_bytes()?),
        ("model.json", format!("{description:#}\n").into_bytes()),
        ("recipe.toml", recipe.to_toml().into_bytes()),
    ];
    if out.join("checkpoints").exists() {
        return Err(Error::run(
            out,
            "is a run, whose recipe would be overwritten",
            "choose another --out",
        ));
    }
    write_folder(out, files.len(), |i| {
        Ok((files[i].0.to_string(), std::mem::take(&mut files[i].1)))
    })
}

fn to_pytorch(weights: Tensors) -> Tensors {
    let arrays = weights.arrays.into_iter().map(|(name, (shape, values))| {
        let order: &[usize] = match shape.len() {
            2 => &[1, 0],
            4 => &[3, 2, 0, 1],
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
fn permuted(shape: &[usize], values: &[f32], order: &[usize]) -> (Vec<usize>, Vec<f32>) {
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
            permuted(&[2, 3], &values[..6], &[1, 0]).1,
            [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]
        );
    }
}
