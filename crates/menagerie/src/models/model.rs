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
    /// Has a tractable likelihood.
    fn as_log_likelihood(&self) -> Option<&dyn LogLikelihood> {
        None
    }
    /// Has a lower bound of its likelihood.
    fn as_evidence_bound(&self) -> Option<&dyn EvidenceBound> {
        None
    }
    /// Finds the latent of an item.
    fn as_encode(&self) -> Option<&dyn Encode> {
        None
    }
    /// Gives back an item it was shown.
    fn as_reconstruct(&self) -> Option<&dyn Reconstruct> {
        None
    }
    /// Fills in what is missing of an item.
    fn as_complete(&self) -> Option<&dyn Complete> {
        None
    }
    /// Goes on from an item, or from the first frames of a video.
    fn as_predict(&self) -> Option<&dyn Predict> {
        None
    }
    /// Tells the class of an item.
    fn as_classify(&self) -> Option<&dyn Classify> {
        None
    }
    /// Is a product of conditionals of discrete numbers, which can be looked at one by one.
    fn as_factors(&self) -> Option<&dyn super::autoregressive::Factors> {
        None
    }
    /// Reads off an item the attributes it was made from.
    fn as_read_attributes(&self) -> Option<&dyn ReadAttributes> {
        None
    }
    /// Turns an item into features for another use.
    fn as_features(&self) -> Option<&dyn Features> {
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
    /// the likelihood of an item, exactly
    LogLikelihood,
    /// a lower bound of the likelihood
    EvidenceBound,
    /// the latent of an item
    Encode,
    /// an item, given back through what the model keeps of it
    Reconstruct,
    /// the missing part of an item
    Complete,
    /// what follows, or what belongs to a condition
    Predict,
    /// the class of an item
    Classify,
    /// the attributes an item was made from
    ReadAttributes,
    /// features of an item
    Features,
}

impl Capability {
    /// Every capability.
    pub const ALL: &[Capability] = &[
        Capability::Sample,
        Capability::LatentSpace,
        Capability::LogLikelihood,
        Capability::EvidenceBound,
        Capability::Encode,
        Capability::Reconstruct,
        Capability::Complete,
        Capability::Predict,
        Capability::Classify,
        Capability::ReadAttributes,
        Capability::Features,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Capability::Sample => "sample",
            Capability::LatentSpace => "latent-space",
            Capability::LogLikelihood => "log-likelihood",
            Capability::EvidenceBound => "evidence-bound",
            Capability::Encode => "encode",
            Capability::Reconstruct => "reconstruct",
            Capability::Complete => "complete",
            Capability::Predict => "predict",
            Capability::Classify => "classify",
            Capability::ReadAttributes => "read-attributes",
            Capability::Features => "features",
        }
    }

    /// Whether the model has it.
    pub fn of(self, model: &dyn Model) -> bool {
        match self {
            Capability::Sample => model.as_sample().is_some(),
            Capability::LatentSpace => model.as_latent_space().is_some(),
            Capability::LogLikelihood => model.as_log_likelihood().is_some(),
            Capability::EvidenceBound => model.as_evidence_bound().is_some(),
            Capability::Encode => model.as_encode().is_some(),
            Capability::Reconstruct => model.as_reconstruct().is_some(),
            Capability::Complete => model.as_complete().is_some(),
            Capability::Predict => model.as_predict().is_some(),
            Capability::Classify => model.as_classify().is_some(),
            Capability::ReadAttributes => model.as_read_attributes().is_some(),
            Capability::Features => model.as_features().is_some(),
        }
    }

    /// "gan has no likelihood; models that do: ...", for a command that needs it.
    pub fn missing(self, model: &str) -> Error {
        let able: Vec<&str> = super::registry().iter().filter(|e| e.capabilities.contains(&self)).map(|e| e.name).collect();
        let fix = if able.is_empty() { "no model does yet".to_string() } else { format!("models that can: {}", able.join(", ")) };
        Error::usage(format!("`{model}` cannot do this: it has not the capability `{}`", self.name()), fix)
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
    /// steps of a sequence, from models that can go on beyond what they were trained on; as trained where `None`
    pub length: Option<usize>,
    /// logits are divided by this, or a flow's latents multiplied: below 1 for more typical, less varied samples; 1 is the
    /// distribution as trained
    pub temperature: f64,
}

impl SampleRequest {
    /// `count` samples of the whole distribution.
    pub fn new(count: usize, key: Key) -> Self {
        SampleRequest { count, key, label: None, truncation: 1.0, temperature: 1.0, length: None }
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

/// A tractable likelihood: autoregressive models and flows.
pub trait LogLikelihood {
    /// ln p(x) of every item of a batch, in nats: a probability for discrete data, a density for continuous ones, of the
    /// data in their own units (8-bit images: a density over [0, 256)). What is drawn on the way (dequantization,
    /// dynamic binarization) is drawn for item `i` of the data set from `key.step(i)`: an item's figure does not depend
    /// on its batch.
    ///
    /// # Errors
    /// [`Error::Usage`] when the batch has not the shape the model was built for.
    fn log_likelihood(&self, batch: &Batch, key: Key) -> Result<Vec<f64>>;
    /// Numbers of an item that are modelled: bits per dimension are nats over ln 2 and over this.
    fn dimensions(&self) -> usize;
}

/// A lower bound of the likelihood, by importance weights: variational autoencoders.
pub trait EvidenceBound {
    /// With K = `samples`: E log (1/K) sum_k p(x, z_k) / q(z_k | x) of every item, in nats (Burda et al. 2016, equation 8);
    /// K = 1 is the evidence lower bound. Units and keys as for [`LogLikelihood::log_likelihood`].
    ///
    /// # Errors
    /// [`Error::Usage`] when the batch has not the shape the model was built for.
    fn evidence_bound(&self, batch: &Batch, samples: usize, key: Key) -> Result<Vec<f64>>;
    /// Numbers of an item that are modelled.
    fn dimensions(&self) -> usize;
}

/// The way from an item to its latent: the mean of q(z | x), or a flow's inverse.
pub trait Encode {
    /// `[batch, latent]`, as [`LatentSpace::decode`] takes them.
    ///
    /// # Errors
    /// [`Error::Usage`] when the batch has not the shape the model was built for.
    fn encode(&self, batch: &Batch) -> Result<Tensor<2>>;
}

/// An item, and what came back.
#[derive(Clone, Debug)]
pub struct Reconstruction {
    /// what the model was shown, where that is not the item itself: corrupted, or binarized
    pub shown: Option<Samples>,
    /// what it gave back
    pub output: Samples,
}

/// Gives back an item through what the model keeps of it.
pub trait Reconstruct {
    /// One output an item. What is drawn on the way is drawn for item `i` from `key.step(i)`.
    ///
    /// # Errors
    /// [`Error::Usage`] when the batch has not the shape the model was built for.
    fn reconstruct(&self, batch: &Batch, key: Key) -> Result<Reconstruction>;
}

/// Fills in what is missing of an item.
pub trait Complete {
    /// Draws what is unknown given what is known. `known` has one entry a position (row by row for an image, all channels of
    /// a pixel together); known positions come back as they were, in the model's own levels.
    ///
    /// # Errors
    /// [`Error::Usage`] when the batch or the mask has not the shape the model was built for.
    fn complete(&self, batch: &Batch, known: &[bool], key: Key) -> Result<Samples>;
}

/// Goes on from a condition: later frames from earlier ones, colour from grey.
pub trait Predict {
    /// Frames of a video that are the least it goes on from; 0 where the condition is no video.
    fn context(&self) -> usize {
        0
    }
    /// What is given of the items of a batch, as it can be shown: a grey image, the left one of a pair, the first frames; `None`
    /// where it cannot, as a class.
    ///
    /// # Errors
    /// Those of [`Predict::predict`].
    fn condition(&self, _batch: &Batch) -> Result<Option<Samples>> {
        Ok(None)
    }
    /// One draw an item, given its condition; what is drawn for item `i` of the data set is drawn from `key.step(i)`. For video the first frames of the batch's items are the condition and
    /// `frames` are added, which alone are given back; other models take no `frames` (0).
    ///
    /// # Errors
    /// [`Error::Usage`] when the batch has not the shape the model was built for, or fewer frames than it needs.
    fn predict(&self, batch: &Batch, frames: usize, key: Key) -> Result<Samples>;
}

/// Tells the class of an item.
pub trait Classify {
    /// Logarithms of class probabilities, `[batch, classes]`.
    ///
    /// # Errors
    /// [`Error::Usage`] when the batch has not the shape the model was built for.
    fn log_probabilities(&self, batch: &Batch) -> Result<Vec<f32>>;
    /// Names of the classes.
    fn classes(&self) -> &[String];
}

/// Reads off an item the attributes it was made from.
pub trait ReadAttributes {
    /// `[batch, attributes]`, row by row, in the units of the data's own attributes; choices are whole numbers.
    ///
    /// # Errors
    /// [`Error::Usage`] when the batch has not the shape the model was built for.
    fn attributes(&self, batch: &Batch) -> Result<Vec<f32>>;
    /// Names of the attributes.
    fn names(&self) -> &[String];
}

/// Turns items into features for another use: a metric, a classifier.
pub trait Features {
    /// `[batch, features]`, row by row.
    ///
    /// # Errors
    /// [`Error::Usage`] when the batch has not the shape the model was built for.
    fn features(&self, batch: &Batch) -> Result<Vec<f32>>;
    /// Features of an item.
    fn width(&self) -> usize;
}

/// Refuses a batch of another shape than the model was built for.
pub fn of_shape(batch: &Batch, shape: &[usize], model: &str) -> Result<()> {
    if batch.shape.get(1..) == Some(shape) {
        return Ok(());
    }
    let text = |s: &[usize]| s.iter().map(usize::to_string).collect::<Vec<_>>().join("x");
    let problem = format!("{model} was trained on items of {}, these are {}", text(shape), text(batch.shape.get(1..).unwrap_or_default()));
    Err(Error::usage(problem, "take a model trained on items of this shape, or bring files to that one with --size and --channels"))
}

/// Refuses the parts of a request that an unconditional model cannot serve.
pub fn unconditional(request: &SampleRequest, model: &str) -> Result<()> {
    match request.label {
        Some(_) => Err(Error::usage(format!("{model} was trained without classes, so it cannot draw from one"), "leave --label out")),
        None => Ok(()),
    }
}

/// Refuses a temperature for a model that has none.
pub fn untempered(request: &SampleRequest, model: &str) -> Result<()> {
    match request.temperature {
        1.0 => Ok(()),
        t => Err(Error::usage(format!("{model} has no temperature, so {t} means nothing to it"), "leave --temperature out")),
    }
}

/// The axes of an image, with points as one-pixel images: `[height, width, channel]`.
pub fn as_image_shape(info: &DataInfo) -> [usize; 3] {
    match info.shape[..] {
        [h, w, c] => [h, w, c],
        _ => [1, 1, info.shape.iter().product()],
    }
}
