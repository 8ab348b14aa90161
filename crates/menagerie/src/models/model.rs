//! What every model is to the rest of the house, and what it may be able to do.
use crate::data::{Batch, DataInfo, Kind};
use crate::error::{Error, Result};
use crate::random::Key;
use crate::train::Tensors;
use burn::tensor::Tensor;

/// What one training step has to say.
#[derive(Clone, Debug, Default)]
pub struct StepReport {
    /// named numbers for metrics.jsonl (`loss/generator`); complete only when they were asked for
    pub scalars: Vec<(&'static str, f64)>,
    /// troubles seen, each with a line of advice
    pub troubles: Vec<Trouble>,
}

impl StepReport {
    /// The scalar of that name.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.scalars.iter().find(|(n, _)| *n == name).map(|(_, v)| *v)
    }
}

/// A known difficulty of training, recognized while it happens.
#[derive(Clone, Debug, PartialEq)]
pub struct Trouble {
    /// its name, such as `mode-collapse`
    pub name: &'static str,
    /// what was seen and what to try, in one line
    pub advice: String,
}

/// A file of a checkpoint, made when it is written: only one is in memory at a time.
pub type Part<'a> = Box<dyn FnOnce() -> Tensors + 'a>;

/// One network of a model, as `--dry-run` shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkInfo {
    /// `generator`, `discriminator`, `encoder`, ...
    pub name: &'static str,
    /// trainable numbers
    pub parameters: usize,
    /// floats kept for the backward pass, an item of the batch
    pub activations: usize,
}

/// A generative model that can be trained. It reads no files, prints nothing and knows no command line.
pub trait Model: Send {
    /// Its networks.
    fn networks(&self) -> Vec<NetworkInfo>;

    /// Batches that one step takes (a GAN with k discriminator updates takes k).
    fn batches_per_step(&self) -> usize {
        1
    }

    /// One training step. `key` is the step's own; `watch` asks for the scalars and diagnoses of a log step.
    ///
    /// # Errors
    /// [`Error::Training`] when a loss is no longer finite.
    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport>;

    /// Everything that the next step or a sample depends on, as named files; each is copied out when it is asked for.
    fn save(&self) -> Vec<(String, Part<'_>)>;

    /// Takes up what `save` gave. With `Purpose::Use`, only what samples and answers need is read.
    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()>;

    /// The sampler's weights and what goes in and out of it, for other programs.
    fn exported(&self) -> Option<Exported> {
        None
    }

    /// Draws new items.
    fn as_sample(&self) -> Option<&dyn Sample> {
        None
    }
    /// Has a latent space: a prior and a decoder.
    fn as_latent_space(&self) -> Option<&dyn LatentSpace> {
        None
    }
}

/// A sampler on its way into another program.
pub struct Exported {
    /// which network it is, such as `generator`
    pub network: &'static str,
    /// its parameters and buffers
    pub weights: Tensors,
    /// what it takes
    pub inputs: Vec<Port>,
    /// what it gives
    pub outputs: Vec<Port>,
}

/// An input or output of an exported network.
pub struct Port {
    /// its name
    pub name: &'static str,
    /// its axes; the batch's is 0
    pub shape: Vec<usize>,
    /// what its numbers stand for
    pub meaning: String,
}

/// What a checkpoint is loaded for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// to go on training: networks, optimizers, averages
    Train,
    /// to sample or answer: the networks alone
    Use,
}

/// What a model can do; commands ask for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capability {
    /// draw new items
    Sample,
    /// a prior over latents and a decoder
    LatentSpace,
}

impl Capability {
    /// Every capability.
    pub const ALL: &[Capability] = &[Capability::Sample, Capability::LatentSpace];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Capability::Sample => "sample",
            Capability::LatentSpace => "latent-space",
        }
    }

    /// Whether the model has it.
    pub fn of(self, model: &dyn Model) -> bool {
        match self {
            Capability::Sample => model.as_sample().is_some(),
            Capability::LatentSpace => model.as_latent_space().is_some(),
        }
    }
}

/// What to draw.
#[derive(Clone, Copy, Debug)]
pub struct SampleRequest {
    /// how many
    pub count: usize,
    /// sample i is a function of the key and i
    pub key: Key,
    /// the class to draw from, for conditional models
    pub label: Option<u32>,
    /// scales the latents towards their mean; 1 is the prior as trained
    pub truncation: f64,
}

impl SampleRequest {
    /// `count` samples of the whole distribution.
    pub fn new(count: usize, key: Key) -> Self {
        SampleRequest { count, key, label: None, truncation: 1.0 }
    }
}

/// Items that a model made, in the data's own terms.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// images in [-1, 1], or points
    pub kind: Kind,
    /// `[count, ...item shape]`
    pub shape: Vec<usize>,
    /// row-major
    pub values: Vec<f32>,
}

/// Draws new items.
pub trait Sample {
    /// Draws `request.count` items; the same for the same key, and a prefix of a longer draw.
    ///
    /// # Errors
    /// [`Error::Usage`] when the request names a class and the model has none.
    fn sample(&self, request: &SampleRequest) -> Result<Samples>;
}

/// A latent space with a prior.
pub trait LatentSpace {
    /// Dimensions of a latent.
    fn latent(&self) -> usize;
    /// Draws from the prior, `[count, latent]`; row i is a function of the key and i.
    fn prior(&self, count: usize, key: Key) -> Tensor<2>;
    /// Latents `[count, latent]` -> items `[count, ...]` in the data's own terms.
    fn decode(&self, latents: Tensor<2>) -> Result<Samples>;
}

/// Refuses the parts of a request that an unconditional model cannot serve.
pub fn unconditional(request: &SampleRequest, model: &str) -> Result<()> {
    match request.label {
        Some(_) => Err(Error::usage(format!("{model} was trained without classes, so it cannot draw from one"), "leave --label out")),
        None => Ok(()),
    }
}

/// The axes of an image, with points as one-pixel images: `[height, width, channel]`.
pub fn as_image_shape(info: &DataInfo) -> [usize; 3] {
    match info.shape[..] {
        [h, w, c] => [h, w, c],
        _ => [1, 1, info.shape.iter().product()],
    }
}
