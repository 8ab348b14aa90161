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
            values
                .iter_mut()
                .for_each(|v| *v = (*v * count as f32).floor().min(count as f32 - 1.0));
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
    let off = got
        .iter()
        .zip(want)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert!(
        off <= 1e-5 * scale,
        "{what}: off by {off} where numbers reach {scale}"
    );
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
                let Data::Float(got) = got.data else {
                    panic!("floats")
                };
                agree(
                    &format!("{} {} of {batch}", function.name, port.name),
                    &got,
                    &want,
                );
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
                all.map(|(i, (port, v))| written(folder, &file(kind, i), port, v, batch))
                    .collect()
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

/// What `function` gives for these rows, on the CPU.
fn called(function: &Function<'_>, rows: &[Vec<f32>], batch: usize) -> Vec<f32> {
    wanted(function, rows, batch).swap_remove(0)
}

/// Rows of a latent, port by port.
fn split(latents: &[f32], ports: &[Port], batch: usize) -> Vec<Vec<f32>> {
    let all: usize = ports.iter().map(Port::numbers).sum();
    let mut at = 0;
    let part = |port: &Port| {
        let (from, n) = (at, port.numbers());
        at += n;
        let rows = latents.chunks_exact(all);
        rows.flat_map(|row| row[from..from + n].iter().copied()).collect()
    };
    assert_eq!(latents.len(), all * batch);
    ports.iter().map(part).collect()
}

/// Items of the data as a port takes them.
fn as_taken(port: &Port, values: &[f32]) -> Vec<f32> {
    match port.holds {
        // The middle of a level.
        Holds::Levels => values.iter().map(|v| ((v + 1.0) * 127.5).round() + 0.5).collect(),
        Holds::Steps(n) => {
            let top = (n - 1) as f32;
            values
                .iter()
                .map(|v| ((v + 1.0) * 0.5 * top).round() * 2.0 / top - 1.0)
                .collect()
        }
        _ => values.to_vec(),
    }
}

/// Functions give what the model answers to the same question.
pub(crate) fn functions_are_the_answers(subject: &Subject) {
    let model = subject.model();
    let batch = subject.batch(&[4, 0, 7]);
    for f in model.functions() {
        // Of two sides a function of one image is asked for the first.
        let one_side = batch.kind.has_sides() && 6 * f.inputs[0].numbers() == batch.values.len();
        let given = if one_side {
            batch.side(0).values
        } else {
            batch.values.clone()
        };
        let items = || vec![as_taken(&f.inputs[0], &given)];
        let (got, want) = match f.name {
            "sample" => {
                let Some(space) = model.as_latent_space() else {
                    continue;
                };
                let z = space.prior(3, Key::new(4));
                let got = called(&f, &split(&menagerie::nn::numbers(z.clone()), &f.inputs, 3), 3);
                let level = |v: f32| v.floor().clamp(0.0, 255.0) * 2.0 / 255.0 - 1.0;
                let got = match f.outputs[0].holds {
                    Holds::Levels => got.into_iter().map(level).collect(),
                    _ => got,
                };
                (got, space.decode(z).unwrap().values)
            }
            "encode" => {
                let encoder = model.as_encode().unwrap();
                let want = menagerie::nn::numbers(encoder.encode(&batch).unwrap());
                (called(&f, &items(), 3), want)
            }
            "classify" => {
                let want = model.as_classify().unwrap().log_probabilities(&batch).unwrap();
                (called(&f, &items(), 3), want)
            }
            "group" => {
                let want = model
                    .as_cluster()
                    .unwrap()
                    .group_log_probabilities(&batch)
                    .unwrap();
                (called(&f, &items(), 3), want)
            }
            "read" => {
                let want = model.as_read_attributes().unwrap().attributes(&batch).unwrap();
                (called(&f, &items(), 3), want)
            }
            "features" => {
                let want = model.as_features().unwrap().features(&batch).unwrap();
                (called(&f, &items(), 3), want)
            }
            "translate_a2b" | "translate_b2a" if f.inputs.len() == 1 => {
                let direction = f.name["translate_".len()..].parse().unwrap();
                let t = model.as_translate().unwrap();
                let given = subject
                    .batch(&[1, 5, 2])
                    .side(menagerie::models::Direction::from(direction));
                let want = t
                    .translate(&given, &menagerie::models::Wish::side(direction), Key::new(1))
                    .unwrap()
                    .values;
                (called(&f, &[given.values], 3), want)
            }
            "conditionals" if f.inputs.len() == 1 => {
                let Some(factors) = model.as_factors() else {
                    continue;
                };
                let given = items().swap_remove(0);
                let top = (factors.grid().discrete.levels - 1) as f32;
                let levels = given
                    .iter()
                    .map(|v| ((v + 1.0) * 0.5 * top).round() as u32)
                    .collect();
                let items = menagerie::models::autoregressive::Items {
                    count: 3,
                    levels,
                    labels: vec![],
                };
                (called(&f, &[given], 3), factors.logits(&items, 0))
            }
            _ => continue,
        };
        // A level or a choice that rounding moves is as far off as it can be; hardly any may be.
        let scale = want.iter().fold(1.0f32, |m, v| m.max(v.abs()));
        assert_eq!(got.len(), want.len(), "{}", f.name);
        let off = got
            .iter()
            .zip(&want)
            .filter(|(a, b)| (**a - **b).abs() > 1e-4 * scale)
            .count();
        assert!(
            off * 200 <= want.len(),
            "{}: {off} of {} differ",
            f.name,
            want.len()
        );
    }
}

/// The files are whole: they parse, everything that is read is there before, numbers fill their shapes, and the ends are those that
/// the functions have.
pub(crate) fn files_are_whole(subject: &Subject) {
    use menagerie::export::proto::{ModelProto, ValueInfoProto};
    use prost::Message;
    let model = subject.model();
    for graph in graphs(&**model, subject.entry.name, true).unwrap() {
        let file = ModelProto::decode(&onnx(&graph, &BTreeMap::new()).unwrap()[..]).unwrap();
        assert_eq!(file.opset_import[0].version, 21);
        let g = file.graph.unwrap();
        let mut known: std::collections::HashSet<&str> = std::collections::HashSet::new();
        for t in &g.initializer {
            let size = [(1, 4), (7, 8), (9, 1)]
                .iter()
                .find(|(kind, _)| *kind == t.data_type)
                .unwrap()
                .1;
            assert_eq!(
                t.raw_data.len() as i64,
                size * t.dims.iter().product::<i64>(),
                "{}",
                t.name
            );
            assert!(known.insert(&t.name), "{} is there twice", t.name);
        }
        for input in &g.input {
            assert!(known.insert(&input.name), "{} is there twice", input.name);
        }
        for node in &g.node {
            assert!(
                node.input.iter().all(|i| known.contains(&i[..])),
                "{node:?} reads what is not there"
            );
            assert!(
                node.output.iter().all(|o| known.insert(o)),
                "{node:?} makes what is there"
            );
        }
        assert!(g.output.iter().all(|o| known.contains(&o.name[..])));
        let axes = |v: &ValueInfoProto| {
            let shape = v.r#type.clone().unwrap().tensor_type.unwrap().shape.unwrap();
            shape
                .dim
                .iter()
                .map(|d| d.dim_value.unwrap_or(0) as usize)
                .collect::<Vec<_>>()
        };
        let ends = g.input.iter().chain(&g.output).map(|v| (v.name.clone(), axes(v)));
        let ports = graph.inputs.iter().chain(&graph.outputs);
        assert!(ends.eq(ports.map(|(_, p)| (p.name.to_string(), p.shape.clone()))));
    }
}

/// What cannot be written down is refused in a line that says why.
pub(crate) fn what_cannot_be_written_is_refused() {
    type Run = fn(&[Tensor<2>]) -> Vec<Tensor<2>>;
    let cases: [(&str, usize, Run); 4] = [
        ("items of a batch see each other", 1, |x| {
            vec![x[0].clone().matmul(x[0].clone().transpose()).sum_dim(1)]
        }),
        ("depends on the size of the batch", 3, |x| {
            vec![x[0].clone() / x[0].dims()[0] as f64]
        }),
        ("something else in a batch of two", 3, |x| match x[0].dims()[0] {
            2 => vec![x[0].clone() + 1.0],
            _ => vec![x[0].clone().exp() + 1.0],
        }),
        ("nothing is known to write for Cosh", 3, |x| {
            vec![x[0].clone().cosh()]
        }),
    ];
    for (why, outputs, run) in cases {
        let ports = [3, outputs].map(|n| vec![Port::of("x", &[n], Holds::Numbers, "numbers")]);
        let [inputs, outputs] = ports;
        let function = Function::new("f", "a function", inputs, outputs, run);
        let e = capture(&function).unwrap_err();
        let text = e.to_string();
        assert!(
            text.contains(why) && text.contains("`f`") && !text.contains('\n'),
            "{text}"
        );
        assert!(
            matches!(e, menagerie::Error::Usage { .. }),
            "wrong usage: status 2"
        );
    }
}
