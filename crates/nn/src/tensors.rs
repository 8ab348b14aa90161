//! Named arrays: what a network or an optimizer is on its way to and from a file.
use super::init::plain;
use super::numbers;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use safetensors::tensor::{Dtype, SafeTensors, View};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::Path as FilePath;

/// Arrays by name, and a few words beside them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensors {
    /// name -> (shape, row-major numbers)
    pub arrays: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    /// free text, such as an optimizer's step count
    pub notes: BTreeMap<String, String>,
}

impl Tensors {
    /// Every parameter and buffer of a network, named by its path (`blocks.0.conv.weight`).
    pub fn of<M: Module>(network: &M) -> Tensors {
        struct Collect(Path, Tensors);
        impl ModuleVisitor for Collect {
            fn visit_float<const D: usize>(&mut self, p: &Param<Tensor<D>>) {
                self.1.insert(self.0.name(), p.val());
            }
            fn enter_module(&mut self, name: &str, kind: &str) {
                self.0.enter(name, kind);
            }
            fn exit_module(&mut self, _: &str, kind: &str) {
                self.0.exit(kind);
            }
        }
        let mut c = Collect(Path::default(), Tensors::default());
        network.visit(&mut c);
        c.1
    }

    /// No arrays, but a note of that name: what a checkpoint keeps beside networks.
    pub fn of_note(name: &str, text: String) -> Tensors {
        let mut t = Tensors::default();
        t.notes.insert(name.into(), text);
        t
    }

    /// The same arrays by other names.
    pub fn renamed(mut self, name: impl Fn(&str) -> String) -> Tensors {
        self.arrays = self
            .arrays
            .into_iter()
            .map(|(old, array)| (name(&old), array))
            .collect();
        self
    }

    /// Adds a tensor (f32, any rank).
    pub fn insert<const D: usize>(&mut self, name: String, t: Tensor<D>) {
        let shape = t.dims().to_vec();
        self.arrays.insert(name, (shape, numbers(t)));
    }

    /// A tensor by name, checked for its shape.
    ///
    /// # Errors
    /// [`Error::Data`] when there is no such tensor, or it has another shape.
    pub fn get<const D: usize>(&self, name: &str, shape: [usize; D], device: &Device) -> Result<Tensor<D>> {
        let (found, values) = self
            .arrays
            .get(name)
            .ok_or_else(|| wrong(name, "is missing".into()))?;
        if found != &shape {
            return Err(wrong(
                name,
                format!("has the shape {found:?} where the recipe says {shape:?}"),
            ));
        }
        Ok(Tensor::from_data(TensorData::new(values.clone(), shape), device))
    }

    /// Puts the arrays into a network of the same structure; parameters stay trainable, buffers stay buffers.
    ///
    /// # Errors
    /// When an array is missing, left over, or of another shape.
    pub fn into_network<M: Module>(self, network: M) -> Result<M> {
        struct Put {
            path: Path,
            from: Tensors,
            used: usize,
            error: Option<Error>,
        }
        impl ModuleMapper for Put {
            fn map_float<const D: usize>(&mut self, p: Param<Tensor<D>>) -> Param<Tensor<D>> {
                let name = self.path.name();
                let old = p.val();
                match self.from.get::<D>(&name, old.dims(), &plain(&old.device())) {
                    Ok(new) => {
                        self.used += 1;
                        let (tracked, on) = (old.is_require_grad(), old.is_autodiff());
                        p.map(|_| {
                            let t = if on { Tensor::from_inner(new) } else { new };
                            if tracked { t.require_grad() } else { t }
                        })
                    }
                    Err(e) => {
                        self.error.get_or_insert(e);
                        p
                    }
                }
            }
            fn enter_module(&mut self, name: &str, kind: &str) {
                self.path.enter(name, kind);
            }
            fn exit_module(&mut self, _: &str, kind: &str) {
                self.path.exit(kind);
            }
        }
        let count = self.arrays.len();
        let mut put = Put {
            path: Path::default(),
            from: self,
            used: 0,
            error: None,
        };
        let network = network.map(&mut put);
        match put.error {
            Some(e) => Err(e),
            None if put.used != count => Err(wrong(
                "the file",
                format!("holds {count} arrays, the network {}", put.used),
            )),
            None => Ok(network),
        }
    }

    fn views(&self) -> impl Iterator<Item = (&String, Array<'_>)> {
        self.arrays
            .iter()
            .map(|(name, (shape, values))| (name, Array { shape, values }))
    }

    fn information(&self) -> Option<HashMap<String, String>> {
        (!self.notes.is_empty()).then(|| self.notes.clone().into_iter().collect())
    }

    /// As a safetensors file.
    ///
    /// # Errors
    /// When a shape does not fit its numbers.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        safetensors::serialize(self.views(), self.information())
            .map_err(|e| wrong("the network", e.to_string()))
    }

    /// Writes what [`Self::to_bytes`] gives, array by array.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: &FilePath) -> Result<()> {
        // The library puts a file that only its owner may read in the place of this one, which has the usual permissions.
        let permissions = File::create(path)
            .and_then(|f| f.metadata())
            .map_err(Error::io("write", path))?
            .permissions();
        safetensors::serialize_to_file(self.views(), self.information(), path).map_err(|e| match e {
            safetensors::SafeTensorError::IoError(e) => Error::io("write", path)(e),
            e => wrong("the network", e.to_string()),
        })?;
        std::fs::set_permissions(path, permissions).map_err(Error::io("write", path))
    }

    /// From a safetensors file's contents.
    ///
    /// # Errors
    /// When it is no such file, or has numbers that are not `f32`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Tensors> {
        let bad =
            |e: safetensors::SafeTensorError| wrong("the file", format!("is not valid safetensors: {e}"));
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(bad)?;
        let mut out = Tensors {
            notes: header
                .metadata()
                .clone()
                .unwrap_or_default()
                .into_iter()
                .collect(),
            ..Default::default()
        };
        for (name, view) in SafeTensors::deserialize(bytes).map_err(bad)?.iter() {
            if view.dtype() != Dtype::F32 {
                return Err(wrong(
                    name,
                    format!("holds {:?} where f32 is expected", view.dtype()),
                ));
            }
            let values = view
                .data()
                .as_chunks::<4>()
                .0
                .iter()
                .map(|b| f32::from_le_bytes(*b))
                .collect();
            out.arrays
                .insert(name.to_string(), (view.shape().to_vec(), values));
        }
        Ok(out)
    }
}

/// An array as safetensors takes it: its bytes are made when they are written.
struct Array<'a> {
    shape: &'a [usize],
    values: &'a [f32],
}
impl View for Array<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }
    fn shape(&self) -> &[usize] {
        self.shape
    }
    fn data(&self) -> Cow<'_, [u8]> {
        let mut bytes = Vec::with_capacity(self.data_len());
        self.values
            .iter()
            .for_each(|v| bytes.extend_from_slice(&v.to_le_bytes()));
        bytes.into()
    }
    fn data_len(&self) -> usize {
        4 * self.values.len()
    }
}

fn wrong(name: &str, problem: String) -> Error {
    Error::Data {
        place: format!("tensor {name}"),
        problem,
        fix: "the checkpoint belongs to another recipe or is damaged".into(),
    }
}

/// The place in a module tree, as dotted names.
#[derive(Default)]
pub(crate) struct Path(Vec<String>);
impl Path {
    /// One level down. A choice of networks (`enum ...Network`) is no level: a weight's name does not say which of them it
    /// belongs to, so that a network keeps its names when it becomes one choice of several.
    pub(crate) fn enter(&mut self, name: &str, kind: &str) {
        if !Self::is_choice(kind) {
            self.0.push(name.to_string());
        }
    }
    /// One level up.
    pub(crate) fn exit(&mut self, kind: &str) {
        if !Self::is_choice(kind) {
            self.0.pop();
        }
    }
    fn is_choice(kind: &str) -> bool {
        kind.starts_with("Enum:") && kind.ends_with("Network")
    }
    /// `a.b.c`
    pub(crate) fn name(&self) -> String {
        self.0.join(".")
    }
}
