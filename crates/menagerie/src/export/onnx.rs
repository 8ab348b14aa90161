//! A graph as an ONNX file of opset 21.
use super::graph::{Array, Binary, Cut, Data, Dim, Graph, Id, Kind, Node, Op, Reduction, Unary, Windows};
use super::proto::{
    AttributeProto, DimensionProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto,
    StringStringEntryProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto, ValueInfoProto,
};
use crate::error::{Error, Result};
use crate::models::Port;
use prost::Message;
use std::collections::{BTreeMap, HashSet};

/// The format's own version, and that of its operations.
const IR_VERSION: i64 = 10;
const OPSET: i64 = 21;

/// What a file of protocol buffers can hold.
const MOST: usize = i32::MAX as usize;

/// The file's contents. `about` becomes the model's metadata, beside names and meanings of inputs and outputs.
///
/// # Errors
/// [`Error::Usage`] for a model of two gigabytes or more.
pub fn onnx(graph: &Graph, about: &BTreeMap<String, String>) -> Result<Vec<u8>> {
    let model = ModelProto {
        ir_version: IR_VERSION,
        producer_name: "menagerie".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        doc_string: graph.about.clone(),
        graph: Some(Writer::new(graph).written()),
        opset_import: vec![OperatorSetIdProto {
            domain: String::new(),
            version: OPSET,
        }],
        metadata_props: metadata(graph, about),
    };
    match model.encoded_len() {
        size if size > MOST => Err(Error::usage(
            format!("`{}` has {size} bytes, and an ONNX file holds {MOST}", graph.name),
            "use --format pytorch or safetensors",
        )),
        _ => Ok(model.encode_to_vec()),
    }
}

fn metadata(graph: &Graph, about: &BTreeMap<String, String>) -> Vec<StringStringEntryProto> {
    let entry = |key: String, value: String| StringStringEntryProto { key, value };
    let ports = graph.inputs.iter().chain(&graph.outputs).flat_map(|(_, port)| {
        let of = |what: &str| format!("{what}.{}", port.name);
        [
            entry(of("meaning"), port.meaning.clone()),
            entry(of("holds"), port.holds.name().into()),
        ]
    });
    about
        .iter()
        .map(|(k, v)| entry(k.clone(), v.clone()))
        .chain(ports)
        .collect()
}

struct Writer<'a> {
    graph: &'a Graph,
    names: Vec<String>,
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
    /// the batch's size is there, by this name, as `[1]`
    batch: Option<String>,
}

impl<'a> Writer<'a> {
    fn new(graph: &'a Graph) -> Self {
        let mut w = Writer {
            graph,
            names: names(graph),
            nodes: Vec::new(),
            initializers: Vec::new(),
            batch: None,
        };
        for id in graph.used_constants() {
            let array = graph.array(id).expect("a constant has a shape");
            w.initializers.push(tensor(&w.names[id], &array));
        }
        w
    }

    fn written(mut self) -> GraphProto {
        for node in &self.graph.nodes {
            self.node(node);
        }
        let value = |(name, (id, port)): (String, &(Id, Port))| ValueInfoProto {
            name,
            r#type: Some(type_of(self.graph, *id)),
            doc_string: port.meaning.clone(),
        };
        let given = |(id, port): &(Id, Port)| (self.names[*id].clone(), (*id, port.clone()));
        let inputs: Vec<_> = self.graph.inputs.iter().map(given).collect();
        let input = inputs
            .iter()
            .map(|(name, end)| value((name.clone(), end)))
            .collect();
        let mut output = Vec::new();
        let mut last = Vec::new();
        for (id, port) in &self.graph.outputs {
            // An output may be an input, a constant or another output: here it has a name of its own.
            if self.names[*id] != port.name {
                last.push(plain("Identity", &[&self.names[*id]], port.name));
            }
            output.push(value((port.name.to_string(), &(*id, port.clone()))));
        }
        self.nodes.extend(last);
        GraphProto {
            node: self.nodes,
            name: self.graph.name.clone(),
            initializer: self.initializers,
            doc_string: self.graph.about.clone(),
            input,
            output,
        }
    }

    fn push(&mut self, kind: &str, inputs: &[&str], output: &str, attribute: Vec<AttributeProto>) {
        self.nodes.push(NodeProto {
            input: inputs.iter().map(|s| s.to_string()).collect(),
            output: vec![output.into()],
            name: format!("{kind}/{output}"),
            op_type: kind.into(),
            attribute,
        });
    }

    /// Whole numbers as a constant; gives its name.
    fn ints(&mut self, name: String, values: &[i64]) -> String {
        let array = Array {
            shape: vec![values.len()],
            data: Data::Int(values.to_vec()),
        };
        self.initializers.push(tensor(&name, &array));
        name
    }

    fn node(&mut self, node: &Node) {
        let out = self.names[node.output].clone();
        let names: Vec<String> = node.inputs.iter().map(|&i| self.names[i].clone()).collect();
        let x: Vec<&str> = names.iter().map(String::as_str).collect();
        let shape = self.graph.values[node.output].shape.clone();
        let along = |axis: &usize| vec![int("axis", *axis as i64)];
        match &node.op {
            Op::Unary(Unary::Log1p) => {
                let (one, sum) = (format!("{out}.one"), format!("{out}.sum"));
                let array = Array {
                    shape: vec![],
                    data: Data::Float(vec![1.0]),
                };
                self.initializers.push(tensor(&one, &array));
                self.push("Add", &[x[0], &one], &sum, vec![]);
                self.push("Log", &[&sum], &out, vec![]);
            }
            Op::Unary(f) => self.push(unary(*f), &x, &out, vec![]),
            Op::LeakyRelu(slope) => self.push("LeakyRelu", &x, &out, vec![float("alpha", *slope)]),
            Op::Binary(f) => self.push(binary(*f), &x, &out, vec![]),
            Op::Where => self.push("Where", &x, &out, vec![]),
            Op::Matmul => self.push("MatMul", &x, &out, vec![]),
            Op::Linear => self.push("Gemm", &x, &out, vec![int("transB", 1)]),
            Op::Conv(w) => self.push("Conv", &x, &out, windows(w)),
            Op::ConvTranspose(w) => {
                let mut attributes = windows(w);
                attributes.push(ints("output_padding", w.beyond));
                self.push("ConvTranspose", &x, &out, attributes);
            }
            Op::MaxPool(size, w) => self.push("MaxPool", &x, &out, pool(*size, w)),
            Op::MeanPool(size, w) => {
                let attributes = pool(*size, w).into_iter().filter(|a| a.name != "dilations");
                self.push("AveragePool", &x, &out, attributes.collect());
            }
            Op::Reshape => {
                let target: Vec<i64> = shape.iter().map(known).collect();
                let target = self.ints(format!("{out}.shape"), &target);
                self.push("Reshape", &[x[0], &target], &out, vec![]);
            }
            Op::Expand => {
                let target = self.shape(&out, &shape);
                self.push("Expand", &[x[0], &target], &out, vec![]);
            }
            Op::Permute(order) => {
                let order = ints("perm", order.iter().copied());
                self.push("Transpose", &x, &out, vec![order]);
            }
            Op::Slice(cuts) => self.slice(x[0], &out, cuts),
            Op::Flip(axes) => {
                let all = |v: i64| vec![v; axes.len()];
                let axes: Vec<i64> = axes.iter().map(|&a| a as i64).collect();
                self.slice_by(x[0], &out, &all(-1), &all(i64::MIN), &axes, &all(-1));
            }
            Op::Concat(axis) => self.push("Concat", &x, &out, along(axis)),
            Op::Gather(axis) => self.push("Gather", &x, &out, along(axis)),
            Op::GatherElements(axis) => self.push("GatherElements", &x, &out, along(axis)),
            Op::Reduce(how, axes) => {
                let axes: Vec<i64> = axes.iter().map(|&a| a as i64).collect();
                let axes = self.ints(format!("{out}.axes"), &axes);
                self.push(reduction(*how), &[x[0], &axes], &out, vec![int("keepdims", 1)]);
            }
            Op::ArgMax(axis) | Op::ArgMin(axis) => {
                let kind = if matches!(node.op, Op::ArgMax(_)) {
                    "ArgMax"
                } else {
                    "ArgMin"
                };
                let attributes = vec![int("axis", *axis as i64), int("keepdims", 1)];
                self.push(kind, &x, &out, attributes);
            }
            Op::Softmax(axis) => self.push("Softmax", &x, &out, along(axis)),
            Op::LogSoftmax(axis) => self.push("LogSoftmax", &x, &out, along(axis)),
            Op::Cast => {
                let to = element(self.graph.values[node.output].kind);
                self.push("Cast", &x, &out, vec![int("to", to as i64)]);
            }
        }
    }

    /// The name of a shape that may depend on the batch.
    fn shape(&mut self, out: &str, shape: &[Dim]) -> String {
        let name = format!("{out}.shape");
        if shape.iter().all(|d| matches!(d, Dim::Is(_))) {
            let fixed: Vec<i64> = shape.iter().map(|d| d.of(0) as i64).collect();
            return self.ints(name, &fixed);
        }
        let mut parts = Vec::new();
        for (i, dim) in shape.iter().enumerate() {
            parts.push(match dim {
                Dim::Is(n) => self.ints(format!("{name}.{i}"), &[*n as i64]),
                Dim::Batch(1) => self.batch(),
                Dim::Batch(times) => {
                    let (batch, product) = (self.batch(), format!("{name}.{i}"));
                    let times = self.ints(format!("{name}.{i}.times"), &[*times as i64]);
                    self.push("Mul", &[&batch, &times], &product, vec![]);
                    product
                }
            });
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        self.push("Concat", &parts, &name, vec![int("axis", 0)]);
        name
    }

    /// The name of the batch's size, `[1]`.
    fn batch(&mut self) -> String {
        if let Some(name) = &self.batch {
            return name.clone();
        }
        let input = self.names[self.graph.inputs[0].0].clone();
        let first = vec![int("start", 0), int("end", 1)];
        self.push("Shape", &[&input], "batch", first);
        self.batch = Some("batch".into());
        "batch".into()
    }

    fn slice(&mut self, x: &str, out: &str, cuts: &[Cut]) {
        let cut: Vec<(usize, &Cut)> = cuts.iter().enumerate().filter(|(_, c)| **c != Cut::ALL).collect();
        let all = |f: &dyn Fn(&(usize, &Cut)) -> i64| cut.iter().map(f).collect::<Vec<i64>>();
        let starts = all(&|(_, c)| c.from as i64);
        let ends = all(&|(_, c)| c.to.map_or(i64::MAX, |to| to as i64));
        let (axes, steps) = (all(&|(axis, _)| *axis as i64), all(&|(_, c)| c.step as i64));
        self.slice_by(x, out, &starts, &ends, &axes, &steps);
    }

    fn slice_by(&mut self, x: &str, out: &str, starts: &[i64], ends: &[i64], axes: &[i64], steps: &[i64]) {
        let parts = [
            ("starts", starts),
            ("ends", ends),
            ("axes", axes),
            ("steps", steps),
        ];
        let names = parts.map(|(what, values)| self.ints(format!("{out}.{what}"), values));
        let [starts, ends, axes, steps] = &names;
        self.push("Slice", &[x, starts, ends, axes, steps], out, vec![]);
    }
}

/// A name for every value: an input's, an output's or a constant's own, else what it is made by and a number.
fn names(graph: &Graph) -> Vec<String> {
    let mut names = vec![String::new(); graph.values.len()];
    let mut taken: HashSet<String> = graph.outputs.iter().map(|(_, p)| p.name.to_string()).collect();
    taken.insert("batch".into());
    let mut free = |wish: String| {
        let numbered = (2..).map(|n| format!("{wish}_{n}"));
        let all = std::iter::once(wish.clone()).chain(numbered);
        let name = all.into_iter().find(|n| !taken.contains(n));
        let name = name.expect("numbers do not end");
        taken.insert(name.clone());
        name
    };
    graph
        .inputs
        .iter()
        .for_each(|(id, port)| names[*id] = free(port.name.into()));
    for id in graph.used_constants() {
        names[id] = free(graph.values[id].name.clone().unwrap_or_else(|| "constant".into()));
    }
    for node in &graph.nodes {
        // A layer is called by its weights.
        let weights = node.inputs.get(1).and_then(|&w| graph.values[w].name.clone());
        let layer = matches!(node.op, Op::Linear | Op::Conv(_) | Op::ConvTranspose(_));
        let wish = match weights.filter(|_| layer) {
            Some(weights) => weights.trim_end_matches(".weight").to_string(),
            None => {
                let op = format!("{:?}", node.op).to_lowercase();
                let inner = op.trim_start_matches("unary(").trim_start_matches("binary(");
                inner.split(['(', ')', ' ']).next().unwrap_or("value").to_string()
            }
        };
        names[node.output] = free(wish);
    }
    // The last word is the outputs': what makes one has its name.
    let mut made: HashSet<Id> = graph.nodes.iter().map(|n| n.output).collect();
    for (id, port) in &graph.outputs {
        if made.remove(id) {
            names[*id] = port.name.into();
        }
    }
    names
}

fn tensor(name: &str, array: &Array) -> TensorProto {
    TensorProto {
        dims: array.shape.iter().map(|&n| n as i64).collect(),
        data_type: element(array.data.kind()),
        name: name.into(),
        raw_data: array.data.bytes(),
    }
}

fn type_of(graph: &Graph, id: Id) -> TypeProto {
    let dim = |d: &Dim| match d {
        Dim::Is(n) => DimensionProto {
            dim_value: Some(*n as i64),
            dim_param: None,
        },
        Dim::Batch(_) => DimensionProto {
            dim_value: None,
            dim_param: Some("N".into()),
        },
    };
    TypeProto {
        tensor_type: Some(TensorTypeProto {
            elem_type: element(graph.values[id].kind),
            shape: Some(TensorShapeProto {
                dim: graph.values[id].shape.iter().map(dim).collect(),
            }),
        }),
    }
}

/// The format's number of a kind.
fn element(kind: Kind) -> i32 {
    match kind {
        Kind::Float => 1,
        Kind::Byte => 2,
        Kind::Int => 7,
        Kind::Bool => 9,
    }
}

/// An axis of a shape that one axis may be left out of.
fn known(dim: &Dim) -> i64 {
    match dim {
        Dim::Is(n) => *n as i64,
        Dim::Batch(_) => -1,
    }
}

fn plain(kind: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        input: inputs.iter().map(|s| s.to_string()).collect(),
        output: vec![output.into()],
        name: format!("{kind}/{output}"),
        op_type: kind.into(),
        attribute: vec![],
    }
}

fn attribute(name: &str, kind: i32) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: kind,
        ..Default::default()
    }
}

fn float(name: &str, f: f32) -> AttributeProto {
    AttributeProto {
        f,
        ..attribute(name, 1)
    }
}

fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto {
        i,
        ..attribute(name, 2)
    }
}

fn ints(name: &str, values: impl IntoIterator<Item = usize>) -> AttributeProto {
    AttributeProto {
        ints: values.into_iter().map(|v| v as i64).collect(),
        ..attribute(name, 7)
    }
}

fn windows(w: &Windows) -> Vec<AttributeProto> {
    let [(top, bottom), (left, right)] = w.padding;
    vec![
        ints("strides", w.stride),
        ints("pads", [top, left, bottom, right]),
        ints("dilations", w.dilation),
        int("group", w.groups as i64),
    ]
}

fn pool(size: [usize; 2], w: &Windows) -> Vec<AttributeProto> {
    let mut attributes = windows(w);
    attributes.pop();
    attributes.push(ints("kernel_shape", size));
    attributes
}

fn unary(f: Unary) -> &'static str {
    match f {
        Unary::Neg => "Neg",
        Unary::Abs => "Abs",
        Unary::Exp => "Exp",
        Unary::Log | Unary::Log1p => "Log",
        Unary::Sqrt => "Sqrt",
        Unary::Recip => "Reciprocal",
        Unary::Sin => "Sin",
        Unary::Cos => "Cos",
        Unary::Tanh => "Tanh",
        Unary::Atan => "Atan",
        Unary::Erf => "Erf",
        Unary::Sigmoid => "Sigmoid",
        Unary::Relu => "Relu",
        Unary::Gelu => "Gelu",
        Unary::Floor => "Floor",
        Unary::Ceil => "Ceil",
        Unary::Round => "Round",
        Unary::Sign => "Sign",
        Unary::Not => "Not",
    }
}

fn binary(f: Binary) -> &'static str {
    match f {
        Binary::Add => "Add",
        Binary::Sub => "Sub",
        Binary::Mul => "Mul",
        Binary::Div => "Div",
        Binary::Pow => "Pow",
        Binary::Max => "Max",
        Binary::Min => "Min",
        Binary::Equal => "Equal",
        Binary::Less => "Less",
        Binary::LessEqual => "LessOrEqual",
        Binary::Greater => "Greater",
        Binary::GreaterEqual => "GreaterOrEqual",
        Binary::And => "And",
        Binary::Or => "Or",
    }
}

fn reduction(how: Reduction) -> &'static str {
    match how {
        Reduction::Sum => "ReduceSum",
        Reduction::Mean => "ReduceMean",
        Reduction::Max => "ReduceMax",
        Reduction::Min => "ReduceMin",
        Reduction::Prod => "ReduceProd",
    }
}
