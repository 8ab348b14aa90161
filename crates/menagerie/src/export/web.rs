//! A page that draws in the browser: the sampler as `model.onnx`, and `index.html`, which runs it by onnxruntime-web.
use super::folder::{Files, port};
use super::{Graph, onnx};
use crate::error::{Error, Result};
use crate::files;
use crate::models::Holds;
use crate::run::Checkpoint;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;

const PAGE: &str = include_str!("page.html");

/// Files of onnxruntime-web that the page loads.
const RUNTIME: [&str; 3] = [
    "ort.wasm.min.js",
    "ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm",
];

/// The folder's files; `runtime` is a folder of onnxruntime-web's npm package.
pub(super) fn files(
    graphs: &[Graph],
    name: &str,
    about: &BTreeMap<String, String>,
    checkpoint: &Checkpoint,
    runtime: Option<&Path>,
) -> Result<Files> {
    let pictures = |holds| matches!(holds, Holds::Image | Holds::Levels);
    let shows = |g: &&Graph| {
        g.name == "sample"
            && g.outputs
                .iter()
                .all(|(_, p)| pictures(p.holds) && p.shape.len() == 4)
    };
    let Some(graph) = graphs.iter().find(shows) else {
        let problem = format!("{name} has no function that draws images, which is what the page shows");
        return Err(Error::usage(problem, "use --format onnx"));
    };
    if let Some((_, p)) = graph.inputs.iter().find(|(_, p)| p.holds == Holds::Numbers) {
        let problem = format!("nothing is known of how `{}` is drawn for {name}", p.name);
        return Err(Error::usage(problem, "use --format onnx"));
    }
    let data = &checkpoint.state.data;
    let description = json!({
        "name": name,
        "about": format!("Drawn in this browser, by a model that was trained for {} steps on {}.", checkpoint.state.step, data.source),
        "inputs": graph.inputs.iter().map(|(_, p)| port(p)).collect::<Vec<_>>(),
        "output": port(&graph.outputs[0].1),
        "classes": data.labels,
    });
    // Names come from data: none may end the script.
    let description = description.to_string().replace('<', "\\u003c");
    let mut files: Files = vec![
        ("model.onnx".into(), onnx(graph, about)?),
        (
            "index.html".into(),
            PAGE.replace("/*MODEL*/", &description).into_bytes(),
        ),
    ];
    for name in runtime.into_iter().flat_map(|_| RUNTIME) {
        files.push((name.to_string(), copied(runtime.unwrap_or(Path::new("")), name)?));
    }
    Ok(files)
}

/// A file of the package, whose built files are in `dist`.
fn copied(package: &Path, name: &str) -> Result<Vec<u8>> {
    let places = [package.join("dist").join(name), package.join(name)];
    match places.iter().find(|p| p.is_file()) {
        Some(place) => files::read(place),
        None => Err(Error::data(
            package.display().to_string(),
            format!("holds no {name}, so it is no package of onnxruntime-web"),
            "unpack it first: `npm pack onnxruntime-web && tar xf onnxruntime-web-*.tgz`, and give the folder `package`",
        )),
    }
}
