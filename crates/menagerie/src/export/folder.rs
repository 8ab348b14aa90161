//! A trained model as a folder for other programs.
//!
//! | format | files |
//! |---|---|
//! | `safetensors` | `model.safetensors`: the weights that draw, which this program samples from |
//! | `onnx` | `NAME.onnx` for each function of the model |
//! | `pytorch` | `model.py`, a method for each function, and its weights in `model.safetensors` |
//! | `web` | `model.onnx`, which draws, and `index.html`, a page that draws by it |
//!
//! Beside them, always: `model.json`, which describes inputs and outputs, and `recipe.toml`.
use super::shipped::Shipped;
use super::{Graph, capture, ends, onnx, pytorch, simplify, web};
use crate::error::{Error, Result};
use crate::files::write_folder;
use crate::models::{Model, Port};
use crate::recipe::Recipe;
use crate::run::{At, Checkpoint, Run};
use burn::tensor::Device;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// weights
    Safetensors,
    /// graphs as ONNX
    Onnx,
    /// graphs as Python
    PyTorch,
    /// a page
    Web,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 4] = [Format::Safetensors, Format::Onnx, Format::PyTorch, Format::Web];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::Safetensors => "safetensors",
            Format::Onnx => "onnx",
            Format::PyTorch => "pytorch",
            Format::Web => "web",
        }
    }
}

impl std::str::FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Format, String> {
        let names: Vec<&str> = Format::ALL.map(Format::name).to_vec();
        let found = Format::ALL.into_iter().find(|f| f.name() == text);
        found.ok_or_else(|| format!("give one of {}", names.join(", ")))
    }
}

/// Order of the axes of weights (`safetensors`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// ours: linear `[in, out]`, convolutions `[kernel height, kernel width, in, out]` (transposed ones `[.., out, in]`)
    #[default]
    ChannelsLast,
    /// PyTorch's: linear `[out, in]`, convolutions `[out, in, kernel height, kernel width]` (transposed ones `[in, out, ..]`)
    PyTorch,
}

/// How a model is exported.
#[derive(Clone, Debug)]
pub struct Options {
    /// what is written
    pub format: Format,
    /// `safetensors`: the order of axes
    pub layout: Layout,
    /// `onnx`, `pytorch`: images of 8 bits instead of numbers in [-1, 1]
    pub bytes: bool,
    /// `web`: a folder of onnxruntime-web's npm package, whose files are copied
    pub onnxruntime: Option<PathBuf>,
}

impl Options {
    /// A format, and otherwise the defaults.
    pub fn new(format: Format) -> Self {
        Options {
            format,
            layout: Layout::default(),
            bytes: false,
            onnxruntime: None,
        }
    }

    /// Refuses what a format does not heed.
    fn check(&self) -> Result<()> {
        let for_others = [
            (
                "--layout",
                self.layout == Layout::PyTorch,
                &[Format::Safetensors][..],
            ),
            ("--uint8", self.bytes, &[Format::Onnx, Format::PyTorch]),
            ("--onnxruntime", self.onnxruntime.is_some(), &[Format::Web]),
        ];
        match for_others
            .iter()
            .find(|(_, given, of)| *given && !of.contains(&self.format))
        {
            Some((flag, _, of)) => {
                let names: Vec<&str> = of.iter().map(|f| f.name()).collect();
                Err(Error::usage(
                    format!("{flag} says nothing about --format {}", self.format.name()),
                    format!("leave it out, or use --format {}", names.join(" or ")),
                ))
            }
            None => Ok(()),
        }
    }
}

/// Writes a run's model into a folder; gives the files' paths.
///
/// # Errors
/// When the run has no checkpoint, the model cannot be written like that, or the folder cannot be written.
pub fn export(run: &Run, at: At, out: &Path, options: &Options, device: &Device) -> Result<Vec<PathBuf>> {
    options.check()?;
    if out.join("checkpoints").exists() {
        return Err(Error::run(
            out,
            "is a run, whose recipe would be overwritten",
            "choose another --out",
        ));
    }
    let recipe = run.recipe()?;
    let mut files = match options.format {
        Format::Safetensors => {
            let (checkpoint, _) = run.checkpoint_of(at)?;
            Shipped::of(&recipe, &checkpoint, device)?.files(&recipe, &checkpoint, options.layout)?
        }
        _ => {
            let (model, checkpoint, _) = run.model(at, device)?;
            files(&*model, &recipe, &checkpoint, options)?
        }
    };
    files.push(("recipe.toml".into(), recipe.to_toml().into_bytes()));
    write_folder(out, files.len(), |i| {
        Ok((files[i].0.clone(), std::mem::take(&mut files[i].1)))
    })
}

/// Names and contents of files.
pub(super) type Files = Vec<(String, Vec<u8>)>;

/// All functions of a model, which is registered by that name, as graphs; `bytes` asks for images of 8 bits.
///
/// # Errors
/// [`Error::Usage`] when it has none, or one cannot be written down.
pub fn graphs(model: &dyn Model, name: &str, bytes: bool) -> Result<Vec<Graph>> {
    let functions = model.functions();
    if functions.is_empty() {
        let problem = format!(
            "{name} does nothing that another program could run: it has no function of tensors alone"
        );
        return Err(Error::usage(problem, "use --format safetensors"));
    }
    let mut graphs = functions.iter().map(capture).collect::<Result<Vec<Graph>>>()?;
    for graph in &mut graphs {
        ends::finish(graph, bytes);
        simplify(graph);
    }
    Ok(graphs)
}

fn files(model: &dyn Model, recipe: &Recipe, checkpoint: &Checkpoint, options: &Options) -> Result<Files> {
    let name = recipe.model_name();
    let graphs = graphs(model, name, options.bytes || options.format == Format::Web)?;
    if options.bytes && !graphs.iter().any(ends::has_images) {
        return Err(Error::usage(
            format!("{name} gives no images that could have 8 bits"),
            "leave out --uint8",
        ));
    }
    let mut about = BTreeMap::new();
    about.insert("model".to_string(), name.to_string());
    about.insert("step".into(), checkpoint.state.step.to_string());
    about.insert("version".into(), checkpoint.state.version.clone());
    about.insert("data".into(), checkpoint.state.data.source.clone());
    let mut files: Files = match options.format {
        Format::PyTorch => {
            let lines = [format!(
                "{name} of step {}, trained on {}.",
                checkpoint.state.step, checkpoint.state.data.source
            )];
            let (code, weights) = pytorch::pytorch(&graphs, &lines);
            vec![
                ("model.py".into(), code.into_bytes()),
                ("model.safetensors".into(), weights.to_bytes()?),
            ]
        }
        Format::Web => web::files(&graphs, name, &about, checkpoint, options.onnxruntime.as_deref())?,
        _ => {
            let of = |g: &Graph| Ok((format!("{}.onnx", g.name), onnx(g, &about)?));
            graphs.iter().map(of).collect::<Result<_>>()?
        }
    };
    let functions: Vec<Value> = graphs.iter().map(described).collect();
    let mut description = description(name, checkpoint, options.format);
    description["functions"] = functions.into();
    files.push(("model.json".into(), format!("{description:#}\n").into_bytes()));
    Ok(files)
}

/// What `model.json` says in every format.
pub(super) fn description(name: &str, checkpoint: &Checkpoint, format: Format) -> Value {
    json!({
        "format": format.name(),
        "model": name,
        "version": checkpoint.state.version,
        "step": checkpoint.state.step,
        "data": checkpoint.state.data,
    })
}

fn described(graph: &Graph) -> Value {
    let all = |ends: &[(usize, Port)]| {
        let of = |(id, p): &(usize, Port)| {
            let mut port = port(p);
            port["type"] = graph.values[*id].kind.name().into();
            port
        };
        ends.iter().map(of).collect::<Vec<_>>()
    };
    json!({
        "name": graph.name,
        "about": graph.about,
        "inputs": all(&graph.inputs),
        "outputs": all(&graph.outputs),
    })
}

/// A port as `model.json` has it; an axis of 0 is the batch.
pub(super) fn port(p: &Port) -> Value {
    json!({"name": p.name, "shape": p.shape, "holds": p.holds.name(), "meaning": p.meaning})
}
