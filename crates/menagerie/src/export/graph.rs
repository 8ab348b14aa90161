//! A computation as a graph: what is between a model and a file that another program runs.
use crate::models::Port;
use std::sync::Arc;

/// A value, by its place in [`Graph::values`].
pub type Id = usize;

/// Length of an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dim {
    /// always this
    Is(usize),
    /// so many times the batch
    Batch(usize),
}

impl Dim {
    /// Its length in a batch of that size.
    pub fn of(self, batch: usize) -> usize {
        match self {
            Dim::Is(n) => n,
            Dim::Batch(times) => times * batch,
        }
    }
}

/// What numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 32-bit floats
    Float,
    /// 64-bit integers
    Int,
    /// truth values
    Bool,
    /// 8-bit integers without sign
    Byte,
}

impl Kind {
    /// Its name in an exported folder.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Float => "float32",
            Kind::Int => "int64",
            Kind::Bool => "bool",
            Kind::Byte => "uint8",
        }
    }
}

/// Numbers, row by row.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// see [`Kind::Float`]
    Float(Vec<f32>),
    /// see [`Kind::Int`]
    Int(Vec<i64>),
    /// see [`Kind::Bool`]
    Bool(Vec<bool>),
}

impl Data {
    /// What its numbers are.
    pub fn kind(&self) -> Kind {
        match self {
            Data::Float(_) => Kind::Float,
            Data::Int(_) => Kind::Int,
            Data::Bool(_) => Kind::Bool,
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Data::Float(v) => v.len(),
            Data::Int(v) => v.len(),
            Data::Bool(v) => v.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Those at some places.
    pub fn at(&self, places: &[usize]) -> Data {
        match self {
            Data::Float(v) => Data::Float(places.iter().map(|&i| v[i]).collect()),
            Data::Int(v) => Data::Int(places.iter().map(|&i| v[i]).collect()),
            Data::Bool(v) => Data::Bool(places.iter().map(|&i| v[i]).collect()),
        }
    }

    /// As they lie in files: little-endian.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Data::Float(v) => v.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Data::Int(v) => v.iter().flat_map(|v| v.to_le_bytes()).collect(),
            Data::Bool(v) => v.iter().map(|v| u8::from(*v)).collect(),
        }
    }

    /// As numbers.
    pub fn numbers(&self) -> Vec<f64> {
        match self {
            Data::Float(v) => v.iter().map(|v| *v as f64).collect(),
            Data::Int(v) => v.iter().map(|v| *v as f64).collect(),
            Data::Bool(v) => v.iter().map(|v| f64::from(*v)).collect(),
        }
    }
}

/// Numbers with a shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// its axes
    pub shape: Vec<usize>,
    /// row by row
    pub data: Data,
}

/// Something that is known of, or in, a run of the graph.
#[derive(Clone, Debug)]
pub struct Value {
    /// of a constant: its name in files, if it has one
    pub name: Option<String>,
    /// its axes
    pub shape: Vec<Dim>,
    /// what its numbers are
    pub kind: Kind,
    /// of a constant: its numbers
    pub data: Option<Arc<Data>>,
}

impl Value {
    /// The shape, where it does not depend on the batch.
    pub fn fixed(&self) -> Option<Vec<usize>> {
        let one = |d: &Dim| match d {
            Dim::Is(n) => Some(*n),
            Dim::Batch(_) => None,
        };
        self.shape.iter().map(one).collect()
    }
}

/// A function of one number.
#[allow(missing_docs)] // each is the function of its name
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unary {
    Neg,
    Abs,
    Exp,
    Log,
    /// ln(1 + x)
    Log1p,
    Sqrt,
    Recip,
    Sin,
    Cos,
    Tanh,
    Atan,
    Erf,
    Sigmoid,
    Relu,
    /// x Phi(x)
    Gelu,
    Floor,
    Ceil,
    /// to the nearest, of two the even one
    Round,
    Sign,
    Not,
}

/// A function of two numbers; shapes are broadcast as NumPy does.
#[allow(missing_docs)] // each is the function of its name
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Pow,
    Max,
    Min,
    Equal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    And,
    Or,
}

impl Binary {
    /// Whether it tells instead of counting.
    pub fn tells(self) -> bool {
        use Binary::*;
        matches!(self, Equal | Less | LessEqual | Greater | GreaterEqual | And | Or)
    }
}

/// What is left of an axis or more, as ones.
#[allow(missing_docs)] // each is the reduction of its name
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    Sum,
    Mean,
    Max,
    Min,
    Prod,
}

/// Windows over an image `[batch, channel, height, width]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// steps from window to window
    pub stride: [usize; 2],
    /// what is added before and after each axis
    pub padding: [(usize, usize); 2],
    /// steps from tap to tap
    pub dilation: [usize; 2],
    /// of channels that see each other
    pub groups: usize,
    /// of a transposed convolution: rows and columns beyond
    pub beyond: [usize; 2],
}

/// A part of an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// the first
    pub from: usize,
    /// behind the last; `None` for all that follow
    pub to: Option<usize>,
    /// every so many
    pub step: usize,
}

impl Cut {
    /// The whole axis.
    pub const ALL: Cut = Cut {
        from: 0,
        to: None,
        step: 1,
    };
}

/// What a node does.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// number by number
    Unary(Unary),
    /// x, or x times this where it is below 0
    LeakyRelu(f32),
    /// number by number of two
    Binary(Binary),
    /// condition, where it holds, where not
    Where,
    /// products of matrices, broadcast over the axes before
    Matmul,
    /// x `[rows, in]`, weight `[out, in]` and perhaps bias `[out]`
    Linear,
    /// x, weight `[out, in / groups, height, width]` and perhaps bias `[out]`
    Conv(Windows),
    /// x, weight `[in, out / groups, height, width]` and perhaps bias `[out]`
    ConvTranspose(Windows),
    /// the largest of windows of that size
    MaxPool([usize; 2], Windows),
    /// the mean of windows of that size, without padding
    MeanPool([usize; 2], Windows),
    /// the same numbers in the output's shape
    Reshape,
    /// repeated to the output's shape
    Expand,
    /// axis i is axis `order[i]` of the input
    Permute(Vec<usize>),
    /// a part of each axis
    Slice(Vec<Cut>),
    /// these axes backwards
    Flip(Vec<usize>),
    /// one after the other along an axis
    Concat(usize),
    /// along an axis, those at the indices `[n]`
    Gather(usize),
    /// along an axis, of each line that at its index
    GatherElements(usize),
    /// these axes become 1
    Reduce(Reduction, Vec<usize>),
    /// the place of the largest along an axis, which becomes 1
    ArgMax(usize),
    /// the place of the smallest
    ArgMin(usize),
    /// along an axis
    Softmax(usize),
    /// its logarithm
    LogSoftmax(usize),
    /// to the output's kind
    Cast,
}

/// One operation.
#[derive(Clone, Debug)]
pub struct Node {
    /// what it does
    pub op: Op,
    /// to what
    pub inputs: Vec<Id>,
    /// what it gives
    pub output: Id,
}

/// A function of a model as a graph; nodes stand behind those that they need.
#[derive(Clone, Debug)]
pub struct Graph {
    /// the function's name
    pub name: String,
    /// a line about it
    pub about: String,
    /// what it takes
    pub inputs: Vec<(Id, Port)>,
    /// what it gives
    pub outputs: Vec<(Id, Port)>,
    /// everything there is
    pub values: Vec<Value>,
    /// what is done
    pub nodes: Vec<Node>,
}

impl Graph {
    /// A new value.
    pub(super) fn add(&mut self, shape: Vec<Dim>, kind: Kind) -> Id {
        self.values.push(Value {
            name: None,
            shape,
            kind,
            data: None,
        });
        self.values.len() - 1
    }

    /// A new constant.
    pub(super) fn constant(&mut self, array: Array, name: Option<String>) -> Id {
        self.values.push(Value {
            name,
            shape: array.shape.iter().map(|&n| Dim::Is(n)).collect(),
            kind: array.data.kind(),
            data: Some(Arc::new(array.data)),
        });
        self.values.len() - 1
    }

    /// A constant without axes.
    pub(super) fn scalar(&mut self, data: Data) -> Id {
        self.constant(Array { shape: vec![], data }, None)
    }

    /// Whether it is a constant.
    pub(super) fn is_constant(&self, id: Id) -> bool {
        self.values[id].data.is_some()
    }

    /// A constant's numbers and shape.
    pub(super) fn array(&self, id: Id) -> Option<Array> {
        let value = &self.values[id];
        Some(Array {
            shape: value.fixed()?,
            data: (**value.data.as_ref()?).clone(),
        })
    }

    /// A constant of one float.
    pub(super) fn number(&self, id: Id) -> Option<f32> {
        match self.values[id].data.as_deref()? {
            Data::Float(v) if v.len() == 1 => Some(v[0]),
            _ => None,
        }
    }

    /// The constants that nodes and outputs need, by their place among all values.
    pub(super) fn used_constants(&self) -> Vec<Id> {
        let mut used = vec![false; self.values.len()];
        let outputs = self.outputs.iter().map(|(id, _)| *id);
        let all = self.nodes.iter().flat_map(|n| n.inputs.iter().copied());
        all.chain(outputs).for_each(|id| used[id] = true);
        (0..used.len())
            .filter(|&id| used[id] && self.is_constant(id))
            .collect()
    }
}
