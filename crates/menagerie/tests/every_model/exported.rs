//! Functions of models as graphs: recorded, simplified and run by another program's rules they give what the model gives, in
//! any batch; and what the model's functions give is what it answers when it is asked.
use crate::subject::Subject;
use menagerie::export::{Array, Data, capture, evaluate, graphs, onnx, pytorch};
use menagerie::kernels::noise;
use menagerie::models::{Function, Holds, Port};
use menagerie::{Device, Key, Tensor};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// Rows of a port for a batch, as it says that they are.
pub(crate) fn drawn(port: &Port, batch: usize, key: Key) -> Vec<f32> {
    let n = port.numbers();
    let mut values = vec![0f32; batch * n];
    let uniform = |values: &mut [f32]| noise::fill_uniform(key.words(), values);
    match port.holds {
        Holds::Numbers | Holds::Normal | Holds::Logistic => noise::fill_normal(key.words(), &mut values),
        Holds::Truncated | Holds::Symmetric | Holds::Image => {
            uniform(&mut values);
            values.iter_mut().for_each(|v| *v = *v * 2.0 - 1.0);
        }
        Holds::Unit => uniform(&mut values),
        Holds::Levels => {
            uniform(&mut values);
            values.iter_mut().for_each(|v| *v *= 256.0);
        }
        Holds::Sphere => {
            noise::fill_normal(key.words(), &mut values);
            for row in values.chunks_exact_mut(n) {
                let length = row.iter().map(|v| v * v).sum::<f32>().sqrt() / (n as f32).sqrt();
                row.iter_mut().for_each(|v| *v /= length);
            }
        }
        Holds::OneHot => {
            for (i, row) in values.chunks_exact_mut(n).enumerate() {
                row[(3 * i + 1) % n] = 1.0;
            }
        }
        Holds::Steps(count) => {
            uniform(&mut values);
            let top = (count - 1) as f32;
            let step = |v: f32| (v * count as f32).floor().min(top);
            values.iter_mut().for_each(|v| *v = step(*v) * 2.0 / top - 1.0);
        }
        Holds::Whole(count) => {
            uniform(&mut values);
            values.iter_mut().for_each(|v| *v = (*v * count as f32).floor().min(count as f32 - 1.0));
        }
    }
    values
}

/// Inputs of a function, for a batch.
pub(crate) fn inputs(function: &Function<'_>, batch: usize) -> Vec<Vec<f32>> {
    let key = |i: usize| Key::new(7).step(batch as u64).step(i as u64);
    let ports = function.inputs.iter().enumerate();
    ports.map(|(i, port)| drawn(port, batch, key(i))).collect()
}

/// What the model itself makes of them.
pub(crate) fn wanted(function: &Function<'_>, inputs: &[Vec<f32>], batch: usize) -> Vec<Vec<f32>> {
    let device = Device::flex();
    let tensor = |values: &Vec<f32>| {
        Tensor::<1>::from_floats(&values[..], &device).reshape([batch, values.len() / batch])
    };
    let rows: Vec<Tensor<2>> = inputs.iter().map(tensor).collect();
    let made = function.call(&rows).unwrap();
    made.into_iter().map(menagerie::nn::numbers).collect()
}

/// Within 1e-5 of each other, where the largest number counts as one.
pub(crate) fn agree(what: &str, got: &[f32], want: &[f32]) {
    let scale = want.iter().fold(1.0f32, |m, v| m.max(v.abs()));
    assert_eq!(got.len(), want.len(), "{what}");
    let off = got.iter().zip(want).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(off <= 1e-5 * scale, "{what}: off by {off} where numbers reach {scale}");
}

pub(crate) fn functions_are_graphs(subject: &Subject) {
    let model = subject.model();
    let functions = model.functions();
    assert!(!functions.is_empty(), "there is something to export");
    for function in functions {
        let graph = capture(&function).unwrap_or_else(|e| panic!("{e}"));
        for batch in [1, 4] {
            let given = inputs(&function, batch);
            let want = wanted(&function, &given, batch);
            let array = |(values, port): (&Vec<f32>, &Port)| Array {
                shape: [&[batch], &port.shape[1..]].concat(),
                data: Data::Float(values.clone()),
            };
            let arrays: Vec<Array> = given.iter().zip(&function.inputs).map(array).collect();
            let got = evaluate(&graph, &arrays).unwrap();
            for ((port, got), want) in function.outputs.iter().zip(got).zip(want) {
                assert_eq!(got.shape, [&[batch], &port.shape[1..]].concat());
                let Data::Float(got) = got.data else { panic!("floats") };
                agree(&format!("{} {} of {batch}", function.name, port.name), &got, &want);
            }
        }
    }
}

/// Numbers as a file that NumPy reads, and how.
fn written(folder: &Path, name: &str, port: &Port, values: &[f32], batch: usize) -> Value {
    let mut shape = [&[batch], &port.shape[1..]].concat();
    let whole: Option<Vec<i64>> = match port.holds {
        Holds::Whole(_) => Some(values.iter().map(|v| *v as i64).collect()),
        Holds::OneHot => {
            shape.truncate(1);
            let one = |row: &[f32]| row.iter().position(|v| *v == 1.0).unwrap() as i64;
            Some(values.chunks_exact(port.numbers()).map(one).collect())
        }
        _ => None,
    };
    let bytes: Vec<u8> = match &whole {
        Some(v) => v.iter().flat_map(|v| v.to_le_bytes()).collect(),
        None => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
    };
    std::fs::write(folder.join(name), bytes).unwrap();
    let kind = if whole.is_some() { "int64" } else { "float32" };
    json!({"file": name, "shape": shape, "type": kind})
}

/// A model's files, and inputs and outputs of its functions: gives what is to be compared.
fn exported(subject: &Subject, folder: &Path) -> Vec<Value> {
    let model = subject.model();
    let all = graphs(&**model, subject.entry.name, false).unwrap_or_else(|e| panic!("{e}"));
    for graph in &all {
        let bytes = onnx(graph, &BTreeMap::new()).unwrap();
        std::fs::write(folder.join(format!("{}.onnx", graph.name)), bytes).unwrap();
    }
    let (code, weights) = pytorch(&all, &[format!("{}.", subject.entry.name)]);
    std::fs::write(folder.join("model.py"), code).unwrap();
    std::fs::write(folder.join("model.safetensors"), weights.to_bytes().unwrap()).unwrap();
    let mut cases = Vec::new();
    for (function, graph) in model.functions().iter().zip(&all) {
        for batch in [1, 5] {
            let given = inputs(function, batch);
            let want = wanted(function, &given, batch);
            let file = |kind: &str, i: usize| format!("{}-{batch}-{kind}{i}.bin", function.name);
            let ends = |kind: &str, ports: &[Port], values: &[Vec<f32>]| -> Vec<Value> {
                let all = ports.iter().zip(values).enumerate();
                all.map(|(i, (port, v))| written(folder, &file(kind, i), port, v, batch)).collect()
            };
            cases.push(json!({
                "folder": folder, "function": function.name, "batch": batch,
                "names": graph.inputs.iter().map(|(_, p)| p.name).collect::<Vec<_>>(),
                "inputs": ends("in", &function.inputs, &given),
                "outputs": ends("out", &function.outputs, &want),
            }));
        }
    }
    cases
}

/// onnxruntime and PyTorch give what the models give, of every function of every model, in batches of one and of five.
/// Where the Python (PYTHON, or python3) lacks one of them, that is skipped, and said.
pub(crate) fn other_programs_agree(subjects: &[Arc<Subject>]) {
    let python = std::env::var("PYTHON").unwrap_or("python3".into());
    let probe = Command::new(&python)
        .args(["-c", "import numpy, onnxruntime"])
        .output();
    if !probe.is_ok_and(|o| o.status.success()) {
        eprintln!("skipped: {python} has no numpy or no onnxruntime (PYTHON names another)");
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let mut cases = Vec::new();
    for (i, subject) in subjects.iter().enumerate() {
        let folder = scratch.path().join(format!("{}-{i}", subject.entry.name));
        std::fs::create_dir(&folder).unwrap();
        cases.extend(exported(subject, &folder));
    }
    let list = scratch.path().join("cases.json");
    std::fs::write(&list, json!(cases).to_string()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/every_model/exported.py");
    let run = Command::new(&python).arg(script).arg(&list).output().unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}");
    eprint!("{said}");
}
