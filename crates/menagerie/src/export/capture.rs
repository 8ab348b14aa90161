//! From a function of a model to a graph: what Burn's capture backend records when the function runs.
//!
//! It is recorded in batches of two and of three. What is the same in both is of the model; an axis that is k times two in one
//! and k times three in the other is k times the batch.
use super::graph::{Array, Binary, Cut, Data, Dim, Graph, Id, Kind, Node, Op, Reduction, Unary, Windows};
use super::simplify::simplify;
use crate::error::{Error, Result};
use crate::models::Function;
use crate::nn::named;
use burn::backend::Capture;
use burn::tensor::{CapturedGraph, DType, Device, Slice, Tensor, TensorData};
use burn_ir::{
    ActivationOperationIr as Act, BaseOperationIr as Base, BinaryOpIr, BoolOperationIr as BoolOp,
    FloatOperationIr as FloatOp, IntOperationIr as IntOp, ModuleOperationIr as Module,
    NumericOperationIr as Numeric, OperationIr, ScalarIr, ScalarOpIr, TensorIr, UnaryOpIr,
};
use std::collections::HashMap;

const BATCHES: [usize; 2] = [2, 3];

/// A function as a graph, simplified.
///
/// # Errors
/// [`Error::Usage`] when it does something that cannot be written down, or that depends on the batch.
pub fn capture(function: &Function<'_>) -> Result<Graph> {
    let [two, three] = BATCHES.map(|batch| recorded(function, batch));
    let mut graph = united(two?, &three?)?;
    simplify(&mut graph);
    Ok(graph)
}

fn cannot(function: &str, problem: impl std::fmt::Display) -> Error {
    Error::usage(
        format!("`{function}` cannot be exported as a graph: {problem}"),
        "use --format safetensors",
    )
}

/// What is recorded of a function in a batch of that size.
fn recorded(function: &Function<'_>, batch: usize) -> Result<Graph> {
    let device = Device::capture();
    let mut names = Vec::new();
    let mut ends: [Vec<u64>; 2] = [vec![], vec![]];
    let captured = device.capture_scope(|scope| {
        let blank = |numbers| Tensor::<2>::zeros([batch, numbers], &Device::flex()).to_device(&device);
        let inputs: Vec<Tensor<2>> = function.inputs.iter().map(|p| blank(p.numbers())).collect();
        let (outputs, found) = named::recorded(|| function.call(&inputs).expect("inputs of its own shapes"));
        names = found;
        let [given, made] = [&inputs, &outputs].map(|all| all.iter().map(id).collect::<Vec<_>>());
        ends = [
            given.iter().map(|i| i.value()).collect(),
            made.iter().map(|i| i.value()).collect(),
        ];
        scope.complete(given, made)
    });
    let captured = captured.map_err(|e| cannot(function.name, e))?;
    let mut builder = Builder::new(function, batch);
    builder.constants(&captured, &ends[0], names)?;
    for operation in &captured.graph.operations {
        builder.operation(operation)?;
    }
    builder.finished(function, batch, &ends)
}

fn id(t: &Tensor<2>) -> burn::tensor::TensorId {
    let t = t.clone().try_into_primitive::<Capture>();
    t.expect("it is on the device that records").id()
}

struct Builder {
    graph: Graph,
    ids: HashMap<u64, Id>,
}

impl Builder {
    fn new(function: &Function<'_>, batch: usize) -> Self {
        let mut graph = Graph {
            name: function.name.into(),
            about: function.about.into(),
            inputs: vec![],
            outputs: vec![],
            values: vec![],
            nodes: vec![],
        };
        for port in &function.inputs {
            let shape = port.shape.iter().enumerate();
            let shape = shape
                .map(|(i, n)| Dim::Is(if i == 0 { batch } else { *n }))
                .collect();
            let id = graph.add(shape, Kind::Float);
            graph.inputs.push((id, port.clone()));
        }
        Builder {
            graph,
            ids: HashMap::new(),
        }
    }

    /// Inputs as rows, and everything that was put on the device.
    fn constants(
        &mut self,
        captured: &CapturedGraph,
        inputs: &[u64],
        names: Vec<(String, u64)>,
    ) -> Result<()> {
        for (i, given) in inputs.iter().enumerate() {
            let shape = self.graph.values[self.graph.inputs[i].0].shape.clone();
            let numbers = shape[1..].iter().map(|d| d.of(0)).product();
            let rows = self.graph.add(vec![shape[0], Dim::Is(numbers)], Kind::Float);
            self.graph.nodes.push(Node {
                op: Op::Reshape,
                inputs: vec![self.graph.inputs[i].0],
                output: rows,
            });
            self.ids.insert(*given, rows);
        }
        let names: HashMap<u64, String> = names.into_iter().map(|(name, id)| (id, name)).collect();
        for (id, data) in &captured.values {
            if inputs.contains(&id.value()) {
                continue;
            }
            let array = array(data).ok_or_else(|| self.cannot(format!("it holds {:?}", data.dtype())))?;
            let constant = self.graph.constant(array, names.get(&id.value()).cloned());
            self.ids.insert(id.value(), constant);
        }
        Ok(())
    }

    fn finished(mut self, function: &Function<'_>, batch: usize, ends: &[Vec<u64>; 2]) -> Result<Graph> {
        for (port, id) in function.outputs.iter().zip(&ends[1]) {
            let rows = self.ids[id];
            let shape = port.shape.iter().enumerate();
            let shape: Vec<Dim> = shape
                .map(|(i, n)| Dim::Is(if i == 0 { batch } else { *n }))
                .collect();
            let out = self.push(Op::Reshape, vec![rows], shape, Kind::Float);
            self.graph.outputs.push((out, port.clone()));
        }
        Ok(self.graph)
    }

    fn cannot(&self, problem: impl std::fmt::Display) -> Error {
        cannot(&self.graph.name, problem)
    }

    fn of(&self, t: &TensorIr) -> Result<Id> {
        self.ids
            .get(&t.id.value())
            .copied()
            .ok_or_else(|| self.cannot("it reads a tensor that was not recorded"))
    }

    fn push(&mut self, op: Op, inputs: Vec<Id>, shape: Vec<Dim>, kind: Kind) -> Id {
        let output = self.graph.add(shape, kind);
        self.graph.nodes.push(Node { op, inputs, output });
        output
    }

    fn node(&mut self, op: Op, inputs: &[&TensorIr], out: &TensorIr) -> Result<()> {
        let inputs = inputs.iter().map(|t| self.of(t)).collect::<Result<Vec<_>>>()?;
        self.onto(op, inputs, out)
    }

    fn onto(&mut self, op: Op, inputs: Vec<Id>, out: &TensorIr) -> Result<()> {
        let kind = kind(out.dtype).ok_or_else(|| self.cannot(format!("it makes {:?}", out.dtype)))?;
        let id = self.push(op, inputs, dims(out), kind);
        self.ids.insert(out.id.value(), id);
        Ok(())
    }

    fn unary(&mut self, f: Unary, x: &UnaryOpIr) -> Result<()> {
        self.node(Op::Unary(f), &[&x.input], &x.out)
    }

    fn binary(&mut self, f: Binary, x: &BinaryOpIr) -> Result<()> {
        self.node(Op::Binary(f), &[&x.lhs, &x.rhs], &x.out)
    }

    fn with_scalar(&mut self, f: Binary, x: &ScalarOpIr) -> Result<()> {
        let by = self.scalar(x.rhs, &x.lhs);
        let inputs = vec![self.of(&x.lhs)?, by];
        self.onto(Op::Binary(f), inputs, &x.out)
    }

    fn scalar(&mut self, value: ScalarIr, like: &TensorIr) -> Id {
        let data = match like.dtype.is_float() {
            true => Data::Float(vec![value.elem()]),
            false => Data::Int(vec![value.elem()]),
        };
        self.graph.scalar(data)
    }

    /// Something of all numbers: of every axis, and then of the shape that Burn gives it.
    fn of_all(&mut self, how: Reduction, input: &TensorIr, out: &TensorIr) -> Result<()> {
        let (x, rank) = (self.of(input)?, input.shape.to_vec().len());
        let kind = self.graph.values[x].kind;
        let all = self.push(
            Op::Reduce(how, (0..rank).collect()),
            vec![x],
            vec![Dim::Is(1); rank],
            kind,
        );
        self.onto(Op::Reshape, vec![all], out)
    }

    fn filled(&mut self, out: &TensorIr, value: f64) -> Result<()> {
        let kind = kind(out.dtype).ok_or_else(|| self.cannot(format!("it makes {:?}", out.dtype)))?;
        let data = match kind {
            Kind::Float => Data::Float(vec![value as f32]),
            Kind::Bool => Data::Bool(vec![value != 0.0]),
            _ => Data::Int(vec![value as i64]),
        };
        let value = self.graph.scalar(data);
        self.onto(Op::Expand, vec![value], out)
    }

    fn operation(&mut self, operation: &OperationIr) -> Result<()> {
        match operation {
            OperationIr::BaseFloat(b) | OperationIr::BaseInt(b) | OperationIr::BaseBool(b) => self.base(b),
            OperationIr::NumericFloat(_, n) | OperationIr::NumericInt(_, n) => self.numeric(n),
            OperationIr::Float(_, f) => self.float(f),
            OperationIr::Activation(a) => self.activation(a),
            OperationIr::Module(m) => self.module(m),
            OperationIr::Int(IntOp::IntoFloat(x))
            | OperationIr::Bool(BoolOp::IntoFloat(x) | BoolOp::IntoInt(x)) => {
                self.node(Op::Cast, &[&x.input], &x.out)
            }
            OperationIr::Bool(BoolOp::Not(x)) => self.unary(Unary::Not, x),
            OperationIr::Bool(BoolOp::And(x)) => self.binary(Binary::And, x),
            OperationIr::Bool(BoolOp::Or(x)) => self.binary(Binary::Or, x),
            // Their values are there already; what is dropped is no longer needed by it.
            OperationIr::Init(_) | OperationIr::Drop(_) => Ok(()),
            other => Err(self.unknown(other)),
        }
    }

    fn unknown(&self, operation: &impl std::fmt::Debug) -> Error {
        let text = format!("{operation:?}");
        let name = text.split(['(', '{', ' ']).next().unwrap_or_default();
        self.cannot(format!("nothing is known to write for {name}"))
    }

    fn base(&mut self, b: &Base) -> Result<()> {
        match b {
            Base::Reshape(x) => self.node(Op::Reshape, &[&x.input], &x.out),
            Base::SwapDims(x) => {
                let mut order: Vec<usize> = (0..x.input.shape.to_vec().len()).collect();
                order.swap(x.dim1, x.dim2);
                self.node(Op::Permute(order), &[&x.input], &x.out)
            }
            Base::Permute(x) => self.node(Op::Permute(x.axes.clone()), &[&x.input], &x.out),
            Base::Flip(x) => self.node(Op::Flip(x.axes.clone()), &[&x.input], &x.out),
            Base::Expand(x) => self.node(Op::Expand, &[&x.input], &x.out),
            Base::Slice(x) => {
                let cuts = cuts(&x.tensor, &x.ranges);
                let cuts = cuts.ok_or_else(|| self.cannot("it takes a part of an axis backwards"))?;
                self.node(Op::Slice(cuts), &[&x.tensor], &x.out)
            }
            Base::Select(x) => self.node(Op::Gather(x.dim), &[&x.tensor, &x.indices], &x.out),
            Base::Gather(x) => self.node(Op::GatherElements(x.dim), &[&x.tensor, &x.indices], &x.out),
            Base::MaskWhere(x) => self.node(Op::Where, &[&x.mask, &x.value, &x.tensor], &x.out),
            Base::MaskFill(x) => {
                let value = self.scalar(x.value, &x.tensor);
                let inputs = vec![self.of(&x.mask)?, value, self.of(&x.tensor)?];
                self.onto(Op::Where, inputs, &x.out)
            }
            Base::RepeatDim(x) => match x.tensor.shape.to_vec()[x.dim] {
                1 => self.node(Op::Expand, &[&x.tensor], &x.out),
                _ => self.node(Op::Concat(x.dim), &vec![&x.tensor; x.times], &x.out),
            },
            Base::Cat(x) => self.node(Op::Concat(x.dim), &x.tensors.iter().collect::<Vec<_>>(), &x.out),
            Base::Cast(x) => self.node(Op::Cast, &[&x.input], &x.out),
            Base::Zeros(x) | Base::Empty(x) => self.filled(&x.out, 0.0),
            Base::Ones(x) => self.filled(&x.out, 1.0),
            Base::Equal(x) => self.binary(Binary::Equal, x),
            Base::EqualElem(x) => self.with_scalar(Binary::Equal, x),
            other => Err(self.unknown(other)),
        }
    }

    fn numeric(&mut self, n: &Numeric) -> Result<()> {
        match n {
            Numeric::Add(x) => self.binary(Binary::Add, x),
            Numeric::Sub(x) => self.binary(Binary::Sub, x),
            Numeric::Mul(x) => self.binary(Binary::Mul, x),
            Numeric::Div(x) => self.binary(Binary::Div, x),
            Numeric::Powi(x) => self.binary(Binary::Pow, x),
            Numeric::Greater(x) => self.binary(Binary::Greater, x),
            Numeric::GreaterEqual(x) => self.binary(Binary::GreaterEqual, x),
            Numeric::Lower(x) => self.binary(Binary::Less, x),
            Numeric::LowerEqual(x) => self.binary(Binary::LessEqual, x),
            Numeric::AddScalar(x) => self.with_scalar(Binary::Add, x),
            Numeric::SubScalar(x) => self.with_scalar(Binary::Sub, x),
            Numeric::MulScalar(x) => self.with_scalar(Binary::Mul, x),
            Numeric::DivScalar(x) => self.with_scalar(Binary::Div, x),
            Numeric::PowiScalar(x) => self.with_scalar(Binary::Pow, x),
            Numeric::GreaterElem(x) => self.with_scalar(Binary::Greater, x),
            Numeric::GreaterEqualElem(x) => self.with_scalar(Binary::GreaterEqual, x),
            Numeric::LowerElem(x) => self.with_scalar(Binary::Less, x),
            Numeric::LowerEqualElem(x) => self.with_scalar(Binary::LessEqual, x),
            Numeric::Abs(x) => self.unary(Unary::Abs, x),
            Numeric::Neg(x) => self.unary(Unary::Neg, x),
            Numeric::Sign(x) => self.unary(Unary::Sign, x),
            Numeric::Full(x) => self.filled(&x.out, x.value.elem()),
            Numeric::SumDim(x) => self.node(Op::Reduce(Reduction::Sum, vec![x.axis]), &[&x.input], &x.out),
            Numeric::MeanDim(x) => self.node(Op::Reduce(Reduction::Mean, vec![x.axis]), &[&x.input], &x.out),
            Numeric::MaxDim(x) => self.node(Op::Reduce(Reduction::Max, vec![x.axis]), &[&x.input], &x.out),
            Numeric::MinDim(x) => self.node(Op::Reduce(Reduction::Min, vec![x.axis]), &[&x.input], &x.out),
            Numeric::ProdDim(x) => self.node(Op::Reduce(Reduction::Prod, vec![x.axis]), &[&x.input], &x.out),
            Numeric::SumDims(x) => self.node(Op::Reduce(Reduction::Sum, x.axes.clone()), &[&x.input], &x.out),
            Numeric::Sum(x) => self.of_all(Reduction::Sum, &x.input, &x.out),
            Numeric::Mean(x) => self.of_all(Reduction::Mean, &x.input, &x.out),
            Numeric::Max(x) => self.of_all(Reduction::Max, &x.input, &x.out),
            Numeric::Min(x) => self.of_all(Reduction::Min, &x.input, &x.out),
            Numeric::ArgMax(x) => self.node(Op::ArgMax(x.axis), &[&x.input], &x.out),
            Numeric::ArgMin(x) => self.node(Op::ArgMin(x.axis), &[&x.input], &x.out),
            Numeric::Clamp(x) => {
                let (low, high) = (self.scalar(x.min, &x.tensor), self.scalar(x.max, &x.tensor));
                let (given, like) = (self.of(&x.tensor)?, dims(&x.tensor));
                let kind = self.graph.values[given].kind;
                let above = self.push(Op::Binary(Binary::Max), vec![given, low], like, kind);
                self.onto(Op::Binary(Binary::Min), vec![above, high], &x.out)
            }
            other => Err(self.unknown(other)),
        }
    }

    fn float(&mut self, f: &FloatOp) -> Result<()> {
        let (function, x) = match f {
            FloatOp::Exp(x) => (Unary::Exp, x),
            FloatOp::Log(x) => (Unary::Log, x),
            FloatOp::Log1p(x) => (Unary::Log1p, x),
            FloatOp::Erf(x) => (Unary::Erf, x),
            FloatOp::Sqrt(x) => (Unary::Sqrt, x),
            FloatOp::Cos(x) => (Unary::Cos, x),
            FloatOp::Sin(x) => (Unary::Sin, x),
            FloatOp::Tanh(x) => (Unary::Tanh, x),
            FloatOp::ArcTan(x) => (Unary::Atan, x),
            FloatOp::Round(x) => (Unary::Round, x),
            FloatOp::Floor(x) => (Unary::Floor, x),
            FloatOp::Ceil(x) => (Unary::Ceil, x),
            FloatOp::Recip(x) => (Unary::Recip, x),
            FloatOp::PowfScalar(x) => return self.with_scalar(Binary::Pow, x),
            FloatOp::Powf(x) => return self.binary(Binary::Pow, x),
            FloatOp::IntoInt(x) => return self.node(Op::Cast, &[&x.input], &x.out),
            FloatOp::Matmul(x) => return self.node(Op::Matmul, &[&x.lhs, &x.rhs], &x.out),
            other => return Err(self.unknown(other)),
        };
        self.unary(function, x)
    }

    fn activation(&mut self, a: &Act) -> Result<()> {
        match a {
            Act::Relu(x) => self.unary(Unary::Relu, x),
            Act::Gelu(x) => self.unary(Unary::Gelu, x),
            Act::Sigmoid(x) => self.unary(Unary::Sigmoid, x),
            Act::LeakyRelu(x) => self.node(Op::LeakyRelu(x.rhs.elem()), &[&x.lhs], &x.out),
            Act::Softmax(x) => self.node(Op::Softmax(x.axis), &[&x.input], &x.out),
            Act::LogSoftmax(x) => self.node(Op::LogSoftmax(x.axis), &[&x.input], &x.out),
            other => Err(self.unknown(other)),
        }
    }

    fn module(&mut self, m: &Module) -> Result<()> {
        match m {
            Module::Conv2d(x) => {
                let o = &x.options;
                let windows = Windows {
                    stride: o.stride,
                    padding: o.padding,
                    dilation: o.dilation,
                    groups: o.groups,
                    beyond: [0, 0],
                };
                let inputs = [Some(&x.x), Some(&x.weight), x.bias.as_ref()];
                self.node(
                    Op::Conv(windows),
                    &inputs.into_iter().flatten().collect::<Vec<_>>(),
                    &x.out,
                )
            }
            Module::ConvTranspose2d(x) => {
                let o = &x.options;
                let windows = Windows {
                    stride: o.stride,
                    padding: o.padding.map(|p| (p, p)),
                    dilation: o.dilation,
                    groups: o.groups,
                    beyond: o.padding_out,
                };
                let inputs = [Some(&x.x), Some(&x.weight), x.bias.as_ref()];
                let inputs: Vec<_> = inputs.into_iter().flatten().collect();
                self.node(Op::ConvTranspose(windows), &inputs, &x.out)
            }
            Module::MaxPool2d(x) if !x.ceil_mode => {
                let windows = over(x.stride, x.padding, x.dilation);
                self.node(Op::MaxPool(x.kernel_size, windows), &[&x.x], &x.out)
            }
            Module::AvgPool2d(x) if !x.ceil_mode && x.padding == [0, 0] => {
                let windows = over(x.stride, [0, 0], [1, 1]);
                self.node(Op::MeanPool(x.kernel_size, windows), &[&x.x], &x.out)
            }
            Module::Linear(x) => {
                let (rows, weight) = (self.of(&x.x)?, self.of(&x.weight)?);
                match &x.bias {
                    None => self.onto(Op::Matmul, vec![rows, weight], &x.out),
                    Some(bias) => {
                        let bias = self.of(bias)?;
                        let product = self.push(Op::Matmul, vec![rows, weight], dims(&x.out), Kind::Float);
                        self.onto(Op::Binary(Binary::Add), vec![product, bias], &x.out)
                    }
                }
            }
            Module::Embedding(x) => {
                let (weights, indices) = (self.of(&x.weights)?, self.of(&x.indices)?);
                let n = x.indices.shape.to_vec().iter().product();
                let flat = self.push(Op::Reshape, vec![indices], vec![Dim::Is(n)], Kind::Int);
                let width = x.weights.shape.to_vec()[1];
                let rows = vec![Dim::Is(n), Dim::Is(width)];
                let rows = self.push(Op::Gather(0), vec![weights, flat], rows, Kind::Float);
                self.onto(Op::Reshape, vec![rows], &x.out)
            }
            other => Err(self.unknown(other)),
        }
    }
}

fn over(stride: [usize; 2], padding: [usize; 2], dilation: [usize; 2]) -> Windows {
    Windows {
        stride,
        padding: padding.map(|p| (p, p)),
        dilation,
        groups: 1,
        beyond: [0, 0],
    }
}

fn kind(dtype: DType) -> Option<Kind> {
    match dtype {
        DType::F32 | DType::Flex32 => Some(Kind::Float),
        d if d.is_int() || d.is_uint() => Some(Kind::Int),
        d if d.is_bool() => Some(Kind::Bool),
        _ => None,
    }
}

fn dims(t: &TensorIr) -> Vec<Dim> {
    t.shape.to_vec().into_iter().map(Dim::Is).collect()
}

fn array(data: &TensorData) -> Option<Array> {
    let numbers = match kind(data.dtype())? {
        Kind::Float => Data::Float(data.iter::<f32>().collect()),
        Kind::Bool => Data::Bool(data.iter::<bool>().collect()),
        _ => Data::Int(data.iter::<i64>().collect()),
    };
    Some(Array {
        shape: data.shape().to_vec(),
        data: numbers,
    })
}

fn cuts(t: &TensorIr, ranges: &[Slice]) -> Option<Vec<Cut>> {
    let shape = t.shape.to_vec();
    let one = |(axis, n): (usize, &usize)| {
        let Some(slice) = ranges.get(axis) else {
            return Some(Cut::ALL);
        };
        let step = usize::try_from(slice.step).ok()?;
        let range = slice.to_range(*n);
        Some(Cut {
            from: range.start,
            to: (range.end < *n).then_some(range.end),
            step,
        })
    };
    shape.iter().enumerate().map(one).collect()
}

/// One graph of those of both batches.
fn united(mut two: Graph, three: &Graph) -> Result<Graph> {
    let name = two.name.clone();
    let no = |problem: &str| cannot(&name, problem);
    let differs = "it does something else in a batch of two than in one of three";
    let same = |(a, b): (&Node, &Node)| a.op == b.op && a.inputs == b.inputs && a.output == b.output;
    if two.values.len() != three.values.len()
        || two.nodes.len() != three.nodes.len()
        || !two.nodes.iter().zip(&three.nodes).all(same)
    {
        return Err(no(differs));
    }
    let joint = |(a, b): (&Dim, &Dim)| {
        let ([a, b], [m, n]) = ([a.of(0), b.of(0)], BATCHES);
        match (a == b, a % m == 0 && b % n == 0 && a / m == b / n) {
            (true, _) => Some(Dim::Is(a)),
            (false, true) => Some(Dim::Batch(a / m)),
            _ => None,
        }
    };
    let mut shapes = Vec::with_capacity(two.values.len());
    for (a, b) in two.values.iter().zip(&three.values) {
        let shape = a
            .shape
            .iter()
            .zip(&b.shape)
            .map(joint)
            .collect::<Option<Vec<Dim>>>();
        let shape = shape.ok_or_else(|| no("an axis depends on the batch, but is no multiple of it"))?;
        if shape.iter().filter(|d| matches!(d, Dim::Batch(_))).count() > 1 {
            return Err(no("items of a batch see each other"));
        }
        shapes.push(shape);
    }
    let (old, fixed) = (two.values.len(), std::mem::take(&mut two.nodes));
    let mut first = Vec::new();
    for id in 0..old {
        let data = [&two.values[id].data, &three.values[id].data];
        let [Some(a), Some(b)] = data else {
            two.values[id].shape = shapes[id].clone();
            continue;
        };
        let Some(axis) = shapes[id].iter().position(|d| matches!(d, Dim::Batch(_))) else {
            if a != b {
                return Err(no("a number in it depends on the size of the batch"));
            }
            continue;
        };
        // A constant as long as the batch: one item of it, repeated, if all are alike.
        let shape: Vec<usize> = two.values[id].shape.iter().map(|d| d.of(0)).collect();
        let line = alike(a, &shape, axis).filter(|_| matches!(shapes[id][axis], Dim::Batch(_)));
        let line = line.ok_or_else(|| no("a constant in it has numbers of its own for each item"))?;
        let mut one = shape;
        one[axis] = 1;
        let constant = two.constant(
            Array {
                shape: one,
                data: line,
            },
            two.values[id].name.clone(),
        );
        two.values[id].data = None;
        two.values[id].shape = shapes[id].clone();
        first.push(Node {
            op: Op::Expand,
            inputs: vec![constant],
            output: id,
        });
    }
    two.nodes = first.into_iter().chain(fixed).collect();
    Ok(two)
}

/// The first line along an axis, if all are alike.
fn alike(data: &Data, shape: &[usize], axis: usize) -> Option<Data> {
    let inner: usize = shape[axis + 1..].iter().product();
    let outer: usize = shape[..axis].iter().product();
    let line = |i: usize| {
        let places = (0..outer).flat_map(|o| {
            let at = (o * shape[axis] + i) * inner;
            at..at + inner
        });
        data.at(&places.collect::<Vec<_>>())
    };
    let first = line(0);
    (1..shape[axis]).all(|i| line(i) == first).then_some(first)
}
