//! What a model does, as functions of tensors alone: what other programs can have of it.
//!
//! A function reads no number of its inputs on its way and draws nothing, so that it can be recorded as a graph; what a model
//! draws is an input. It runs on the device of its inputs.
use crate::as_image_shape;
use burn::tensor::Tensor;
use menagerie_data::error::{Error, Result};
use menagerie_data::{DataInfo, Kind};

/// An input or output of an exported network.
#[derive(Clone, Debug, PartialEq)]
pub struct Port {
    /// its name
    pub name: &'static str,
    /// its axes; the batch's is 0
    pub shape: Vec<usize>,
    /// what its numbers stand for
    pub meaning: String,
    /// the same for programs
    pub holds: Holds,
}

/// What the numbers of a port are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// anything else, see the port's meaning
    Numbers,
    /// draws from the standard normal distribution
    Normal,
    /// the same within two standard deviations
    Truncated,
    /// draws from the uniform distribution over [-1, 1)
    Symmetric,
    /// the same over [0, 1)
    Unit,
    /// draws from the sphere whose radius is the root of the dimensions
    Sphere,
    /// draws from the standard logistic distribution
    Logistic,
    /// a one among zeros
    OneHot,
    /// an image in [-1, 1], channels last
    Image,
    /// an image of levels: what lies in [k, k + 1) is level k of 256
    Levels,
    /// numbers in [-1, 1] that can take so many values, the same distance apart
    Steps(usize),
    /// whole numbers below that
    Whole(usize),
}

impl Holds {
    /// Its name in an exported folder.
    pub fn name(self) -> &'static str {
        match self {
            Holds::Numbers => "numbers",
            Holds::Normal => "normal",
            Holds::Truncated => "truncated-normal",
            Holds::Symmetric => "uniform -1 to 1",
            Holds::Unit => "uniform 0 to 1",
            Holds::Sphere => "sphere",
            Holds::Logistic => "logistic",
            Holds::OneHot => "one-hot",
            Holds::Image => "image -1 to 1",
            Holds::Levels => "image 0 to 256",
            Holds::Steps(_) => "steps -1 to 1",
            Holds::Whole(_) => "whole",
        }
    }
}

impl Port {
    /// A port of items of that shape.
    pub fn of(name: &'static str, item: &[usize], holds: Holds, meaning: impl Into<String>) -> Port {
        Port {
            name,
            shape: [&[0], item].concat(),
            meaning: meaning.into(),
            holds,
        }
    }

    /// Items of a data set in its own terms.
    pub(crate) fn item(info: &DataInfo) -> Port {
        let (holds, meaning) = match info.kind {
            Kind::Image => (Holds::Image, "an image, channels last, in [-1, 1]"),
            Kind::Points => (Holds::Numbers, "a point in the data's own units"),
            _ => (Holds::Numbers, "an item in the data's own units"),
        };
        Port::of("item", &info.shape, holds, meaning)
    }

    /// Numbers of an item.
    pub fn numbers(&self) -> usize {
        self.shape[1..].iter().product()
    }
}

/// Rows of numbers of every input to those of every output.
type Run<'a> = Box<dyn Fn(&[Tensor<2>]) -> Vec<Tensor<2>> + 'a>;

/// A function of a model.
pub struct Function<'a> {
    /// what it does: `sample`, `encode`, ...
    pub name: &'static str,
    /// a line about it
    pub about: &'static str,
    /// what it takes
    pub inputs: Vec<Port>,
    /// what it gives
    pub outputs: Vec<Port>,
    run: Run<'a>,
}

impl<'a> Function<'a> {
    /// `run` takes rows `[batch, numbers]` of every input and gives those of every output.
    pub fn new(
        name: &'static str,
        about: &'static str,
        inputs: Vec<Port>,
        outputs: Vec<Port>,
        run: impl Fn(&[Tensor<2>]) -> Vec<Tensor<2>> + 'a,
    ) -> Self {
        Function {
            name,
            about,
            inputs,
            outputs,
            run: Box::new(run),
        }
    }

    /// [`Function::call`] for inputs that are known to fit.
    pub(crate) fn run(&self, inputs: &[Tensor<2>]) -> Vec<Tensor<2>> {
        (self.run)(inputs)
    }

    /// Rows `[batch, numbers]` of every input, as [`Function::inputs`] lists them, to those of every output; on the device of
    /// the inputs, which has no autodiff.
    ///
    /// # Errors
    /// [`Error::Usage`] for other inputs than it takes.
    pub fn call(&self, inputs: &[Tensor<2>]) -> Result<Vec<Tensor<2>>> {
        let want: Vec<usize> = self.inputs.iter().map(Port::numbers).collect();
        let given: Vec<[usize; 2]> = inputs.iter().map(|t| t.dims()).collect();
        let fits = given.iter().map(|d| d[1]).eq(want.iter().copied())
            && given.windows(2).all(|pair| pair[0][0] == pair[1][0]);
        match fits {
            true => Ok((self.run)(inputs)),
            false => Err(Error::usage(
                format!("`{}` takes rows of {want:?} numbers, not {given:?}", self.name),
                "give it one tensor an input, all with as many rows",
            )),
        }
    }
}

/// Rows of numbers as images.
pub(crate) fn images(rows: &Tensor<2>, [h, w, c]: [usize; 3]) -> Tensor<4> {
    let [batch, _] = rows.dims();
    rows.clone().reshape([batch, h, w, c])
}

/// Anything as rows of numbers.
pub(crate) fn rows<const D: usize>(x: Tensor<D>) -> Tensor<2> {
    let shape = x.dims();
    x.reshape([shape[0], shape[1..].iter().product()])
}

/// An item's axes as networks see it, of a description of the data.
pub(crate) fn items(x: &Tensor<2>, info: &DataInfo) -> Tensor<4> {
    images(x, as_image_shape(info))
}
