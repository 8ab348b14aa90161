//! Graphs as Python for PyTorch: a line an operation, and the weights beside it, by name, the way PyTorch has them.
use super::graph::{Binary, Cut, Data, Dim, Graph, Id, Kind, Node, Op, Reduction, Unary, Windows};
use crate::models::Port;
use crate::nn::Tensors;
use std::collections::HashMap;
use std::fmt::Write;

/// `model.py` and the weights that it loads from `model.safetensors`, of functions of one model; `about` are lines about the
/// model.
pub fn pytorch(graphs: &[Graph], about: &[String]) -> (String, Tensors) {
    let mut weights = Weights::default();
    let methods: Vec<String> = graphs
        .iter()
        .map(|g| Method::new(g, &mut weights).written())
        .collect();
    let mut buffers = String::new();
    for (name, literal) in &weights.whole {
        let _ = writeln!(
            buffers,
            "        self.register_buffer({name:?}, torch.tensor({literal}), persistent=False)"
        );
    }
    let about = about.join("\n");
    let first = graphs.first().map(call).unwrap_or_default();
    let text = format!(
        r#""""{about}

    from model import load
    model = load()
{first}
The first axis of every tensor is the batch, of any size. Written by menagerie {version}.
"""
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file


class Model(torch.nn.Module):
    """Weights by their names in model.safetensors, and the model's functions as methods."""

    def __init__(self, weights):
        super().__init__()
        for name, value in weights.items():
            *path, leaf = name.split(".")
            module = self
            for part in path:
                if part not in module._modules:
                    module.add_module(part, torch.nn.Module())
                module = module._modules[part]
            module.register_parameter(leaf, torch.nn.Parameter(value))
{buffers}        self.eval()

{methods}

def load(path=None):
    """The model with the weights beside this file, or those of another."""
    return Model(load_file(str(path or Path(__file__).with_name("model.safetensors"))))
"#,
        version = env!("CARGO_PKG_VERSION"),
        methods = methods.join("\n"),
    );
    (text, weights.tensors)
}

/// How a function is called, as lines of a docstring.
fn call(graph: &Graph) -> String {
    let names = |ends: &[(Id, Port)]| ends.iter().map(|(_, p)| p.name).collect::<Vec<_>>().join(", ");
    let mut text = String::new();
    for (_, port) in &graph.inputs {
        let _ = writeln!(
            text,
            "    {} = ...  # {}: {}",
            port.name,
            axes(port),
            port.meaning
        );
    }
    let (outputs, inputs) = (names(&graph.outputs), names(&graph.inputs));
    let _ = writeln!(text, "    {outputs} = model.{}({inputs})", graph.name);
    text
}

fn axes(port: &Port) -> String {
    let axes = port.shape.iter().enumerate();
    let axes: Vec<String> = axes
        .map(|(i, n)| if i == 0 { "n".into() } else { n.to_string() })
        .collect();
    format!("[{}]", axes.join(", "))
}

/// Constants of all functions: one entry for what is the same.
#[derive(Default)]
struct Weights {
    tensors: Tensors,
    /// by name: a Python literal of whole numbers
    whole: Vec<(String, String)>,
}

impl Weights {
    fn floats(&mut self, wish: &str, shape: Vec<usize>, values: Vec<f32>) -> String {
        let array = (shape, values);
        let mut name = wish.to_string();
        for n in 2.. {
            match self.tensors.arrays.get(&name) {
                Some(there) if *there != array => name = format!("{wish}_{n}"),
                _ => break,
            }
        }
        self.tensors.arrays.insert(name.clone(), array);
        name
    }

    fn whole(&mut self, literal: String) -> String {
        if let Some((name, _)) = self.whole.iter().find(|(_, l)| *l == literal) {
            return name.clone();
        }
        let name = format!("whole_{}", self.whole.len() + 1);
        self.whole.push((name.clone(), literal));
        name
    }
}

struct Method<'a> {
    graph: &'a Graph,
    /// a value as an expression
    names: HashMap<Id, String>,
    lines: Vec<String>,
}

impl<'a> Method<'a> {
    fn new(graph: &'a Graph, weights: &mut Weights) -> Self {
        let mut names: HashMap<Id, String> = HashMap::new();
        for (id, port) in &graph.inputs {
            names.insert(*id, port.name.into());
        }
        for id in graph.used_constants() {
            names.insert(id, constant(graph, id, weights));
        }
        let mut method = Method {
            graph,
            names,
            lines: Vec::new(),
        };
        for (i, node) in graph.nodes.iter().enumerate() {
            let expression = method.expression(node);
            let name = format!("x{}", i + 1);
            method.lines.push(format!("{name} = {expression}"));
            method.names.insert(node.output, name);
        }
        method
    }

    fn written(&self) -> String {
        let inputs: Vec<&str> = self.graph.inputs.iter().map(|(_, p)| p.name).collect();
        let outputs: Vec<&str> = self
            .graph
            .outputs
            .iter()
            .map(|(id, _)| &self.names[id][..])
            .collect();
        let mut text = format!("    def {}(self, {}):\n", self.graph.name, inputs.join(", "));
        let line = |text: &mut String, (_, p): &(Id, Port)| {
            let _ = writeln!(text, "            {} {}: {}", p.name, axes(p), p.meaning);
        };
        let mut about = self.graph.about.clone();
        about[..1].make_ascii_uppercase();
        let _ = writeln!(text, "        \"\"\"{about}.\n\n        Takes");
        self.graph.inputs.iter().for_each(|end| line(&mut text, end));
        let _ = writeln!(text, "        and gives");
        self.graph.outputs.iter().for_each(|end| line(&mut text, end));
        let _ = writeln!(text, "        \"\"\"");
        if self.lines.iter().any(|l| l.contains("w(")) {
            let _ = writeln!(text, "        w = self.get_parameter");
        }
        let _ = writeln!(text, "        n = {}.shape[0]", inputs[0]);
        for line in &self.lines {
            let _ = writeln!(text, "        {line}");
        }
        let _ = writeln!(text, "        return {}", outputs.join(", "));
        text
    }

    /// An axis, or several, of a shape.
    fn shape(&self, id: Id) -> String {
        let dim = |d: &Dim| match d {
            Dim::Is(n) => n.to_string(),
            Dim::Batch(1) => "n".into(),
            Dim::Batch(times) => format!("{times} * n"),
        };
        let all: Vec<String> = self.graph.values[id].shape.iter().map(dim).collect();
        match &all[..] {
            [one] => format!("({one},)"),
            several => format!("({})", several.join(", ")),
        }
    }

    fn expression(&self, node: &Node) -> String {
        let x: Vec<&str> = node.inputs.iter().map(|i| &self.names[i][..]).collect();
        let all = x.join(", ");
        match &node.op {
            Op::Unary(f) => unary(*f, x[0]),
            Op::LeakyRelu(slope) => format!("F.leaky_relu({}, {slope:?})", x[0]),
            Op::Binary(f) => binary(*f, x[0], x[1], self.graph.values[node.inputs[1]].kind),
            Op::Where => format!("torch.where({all})"),
            Op::Matmul => format!("torch.matmul({all})"),
            Op::Linear => format!("F.linear({all})"),
            Op::Conv(w) => conv(&x, w),
            Op::ConvTranspose(w) => {
                let [(top, _), (left, _)] = w.padding;
                let (stride, padding) = (pair(w.stride), pair([top, left]));
                let mut text = format!("F.conv_transpose2d({all}, stride={stride}, padding={padding}");
                if w.beyond != [0, 0] {
                    let _ = write!(text, ", output_padding={}", pair(w.beyond));
                }
                text + &unusual(w) + ")"
            }
            Op::MaxPool(size, w) => {
                let [(top, _), (left, _)] = w.padding;
                let (size, stride, padding) = (pair(*size), pair(w.stride), pair([top, left]));
                let dilation = pair(w.dilation);
                format!(
                    "F.max_pool2d({all}, {size}, stride={stride}, padding={padding}, dilation={dilation})"
                )
            }
            Op::MeanPool(size, w) => {
                format!("F.avg_pool2d({all}, {}, stride={})", pair(*size), pair(w.stride))
            }
            Op::Reshape => format!("{}.reshape({})", x[0], self.shape(node.output)),
            Op::Expand => format!(
                "{}.expand({})",
                self.tensor(node.inputs[0]),
                self.shape(node.output)
            ),
            Op::Permute(order) => format!("{}.permute({})", x[0], list(order)),
            Op::Slice(cuts) => format!(
                "{}[{}]",
                x[0],
                cuts.iter().map(cut).collect::<Vec<_>>().join(", ")
            ),
            Op::Flip(axes) => format!("torch.flip({}, ({},))", x[0], list(axes)),
            Op::Concat(axis) => format!("torch.cat([{all}], dim={axis})"),
            Op::Gather(axis) => format!("torch.index_select({}, {axis}, {})", x[0], x[1]),
            Op::GatherElements(axis) => format!("torch.gather({}, {axis}, {})", x[0], x[1]),
            Op::Reduce(how, axes) => reduction(*how, x[0], axes),
            Op::ArgMax(axis) => format!("torch.argmax({}, dim={axis}, keepdim=True)", x[0]),
            Op::ArgMin(axis) => format!("torch.argmin({}, dim={axis}, keepdim=True)", x[0]),
            Op::Softmax(axis) => format!("torch.softmax({}, dim={axis})", x[0]),
            Op::LogSoftmax(axis) => format!("torch.log_softmax({}, dim={axis})", x[0]),
            Op::Cast => format!("{}.to({})", x[0], dtype(self.graph.values[node.output].kind)),
        }
    }

    /// A value as a tensor, also where it is a number.
    fn tensor(&self, id: Id) -> String {
        match self.graph.is_constant(id) && self.graph.values[id].shape.is_empty() {
            true => format!(
                "torch.tensor({}, device={}.device)",
                self.names[&id],
                self.first()
            ),
            false => self.names[&id].clone(),
        }
    }

    fn first(&self) -> &str {
        &self.names[&self.graph.inputs[0].0]
    }
}

fn constant(graph: &Graph, id: Id, weights: &mut Weights) -> String {
    let array = graph.array(id).expect("a constant has a shape");
    let is_one = array.shape.is_empty();
    match array.data {
        Data::Float(v) if is_one => literal(v[0]),
        Data::Int(v) if is_one => v[0].to_string(),
        Data::Bool(v) if is_one => truth(v[0]).into(),
        Data::Float(v) => {
            let wish = graph.values[id]
                .name
                .clone()
                .unwrap_or_else(|| "fixed.constant".into());
            format!("w({:?})", weights.floats(&wish, array.shape, v))
        }
        Data::Int(v) => {
            let texts: Vec<String> = v.iter().map(i64::to_string).collect();
            format!("self.{}", weights.whole(nested(&array.shape, &texts)))
        }
        Data::Bool(v) => {
            let texts: Vec<String> = v.iter().map(|v| truth(*v).into()).collect();
            format!("self.{}", weights.whole(nested(&array.shape, &texts)))
        }
    }
}

fn truth(v: bool) -> &'static str {
    if v { "True" } else { "False" }
}

fn literal(v: f32) -> String {
    match v {
        v if v.is_nan() => "float(\"nan\")".into(),
        f32::INFINITY => "float(\"inf\")".into(),
        f32::NEG_INFINITY => "float(\"-inf\")".into(),
        v => format!("{v:?}"),
    }
}

/// Lists of lists.
fn nested(shape: &[usize], texts: &[String]) -> String {
    let Some((first, rest)) = shape.split_first() else {
        return texts.join(", ");
    };
    let size = rest.iter().product::<usize>();
    let inner: Vec<String> = (0..*first)
        .map(|i| nested(rest, &texts[i * size..(i + 1) * size]))
        .collect();
    format!("[{}]", inner.join(", "))
}

fn list(values: &[usize]) -> String {
    values.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
}

fn pair([a, b]: [usize; 2]) -> String {
    if a == b {
        a.to_string()
    } else {
        format!("({a}, {b})")
    }
}

fn cut(c: &Cut) -> String {
    let from = if c.from == 0 {
        String::new()
    } else {
        c.from.to_string()
    };
    let to = c.to.map(|t| t.to_string()).unwrap_or_default();
    let step = if c.step == 1 {
        String::new()
    } else {
        format!(":{}", c.step)
    };
    format!("{from}:{to}{step}")
}

fn conv(x: &[&str], w: &Windows) -> String {
    let [(top, bottom), (left, right)] = w.padding;
    let even = top == bottom && left == right;
    let given = match even {
        true => x[0].to_string(),
        false => format!("F.pad({}, ({left}, {right}, {top}, {bottom}))", x[0]),
    };
    let padding = if even { pair([top, left]) } else { "0".into() };
    let rest: String = x[1..].iter().map(|p| format!(", {p}")).collect();
    let mut text = format!(
        "F.conv2d({given}{rest}, stride={}, padding={padding}",
        pair(w.stride)
    );
    text += &unusual(w);
    text + ")"
}

/// Arguments that most convolutions do without.
fn unusual(w: &Windows) -> String {
    let mut text = String::new();
    if w.dilation != [1, 1] {
        let _ = write!(text, ", dilation={}", pair(w.dilation));
    }
    if w.groups != 1 {
        let _ = write!(text, ", groups={}", w.groups);
    }
    text
}

fn unary(f: Unary, x: &str) -> String {
    match f {
        Unary::Neg => format!("-{x}"),
        Unary::Recip => format!("1.0 / {x}"),
        Unary::Not => format!("~{x}"),
        Unary::Relu => format!("F.relu({x})"),
        Unary::Gelu => format!("F.gelu({x})"),
        other => format!("torch.{}({x})", format!("{other:?}").to_lowercase()),
    }
}

fn binary(f: Binary, a: &str, b: &str, kind: Kind) -> String {
    let sign = match f {
        Binary::Add => "+",
        Binary::Sub => "-",
        Binary::Mul => "*",
        Binary::Div if kind == Kind::Int => "//",
        Binary::Div => "/",
        Binary::Pow => "**",
        Binary::Equal => "==",
        Binary::Less => "<",
        Binary::LessEqual => "<=",
        Binary::Greater => ">",
        Binary::GreaterEqual => ">=",
        Binary::And => "&",
        Binary::Or => "|",
        Binary::Max | Binary::Min => {
            let (of_tensors, bound) = if f == Binary::Max {
                ("maximum", "min")
            } else {
                ("minimum", "max")
            };
            return match b.parse::<f64>() {
                Ok(_) => format!("torch.clamp({a}, {bound}={b})"),
                Err(_) => format!("torch.{of_tensors}({a}, {b})"),
            };
        }
    };
    format!("{a} {sign} {b}")
}

fn reduction(how: Reduction, x: &str, axes: &[usize]) -> String {
    let name = match how {
        Reduction::Sum => "sum",
        Reduction::Mean => "mean",
        Reduction::Max => "amax",
        Reduction::Min => "amin",
        Reduction::Prod => {
            let each = |x: String, a: &usize| format!("{x}.prod(dim={a}, keepdim=True)");
            return axes.iter().fold(x.to_string(), each);
        }
    };
    format!("{x}.{name}(dim=({},), keepdim=True)", list(axes))
}

fn dtype(kind: Kind) -> &'static str {
    match kind {
        Kind::Float => "torch.float32",
        Kind::Int => "torch.int64",
        Kind::Bool => "torch.bool",
        Kind::Byte => "torch.uint8",
    }
}
