//! A network that reads numbers off sequences: how active a piece of DNA is, how strongly a protein binds it.
//!
//! Alipanahi, Delong, Weirauch, Frey (2015), Predicting the sequence specificities of DNA- and RNA-binding proteins by deep learning,
//! Nature Biotechnology 33 (DeepBind): convolutions that look for motifs, the strongest answer of each over all places, and fully
//! connected layers. Here two convolutions follow each other, so that motifs can be put together of parts.
//!
//! It descends the squared error of the numbers in their own units, so that these should be about as large as 1.
use crate::{
    Capability, Entry, Features, Function, Holds, Model, NetworkInfo, Part, Port, Purpose, ReadAttributes,
    Registered, StepReport, as_image_shape, function, of_shape,
};
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_nn::{Activation, Conv2d, Init, Learner, Linear, OptimizerConfig, Tensors, Weights, numbers};
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`
    pub model: Sizes,
    /// `[optimizer]`
    pub optimizer: OptimizerConfig,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            model: Sizes::default(),
            optimizer: OptimizerConfig::adam(1e-3),
        }
    }
}

/// `[model]`: the network's sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// channels of each layer
    pub width: usize,
    /// places that a motif spans; an odd number
    pub kernel: usize,
    /// decay of the weights' moving average; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            width: 32,
            kernel: 9,
            average: 0.995,
        }
    }
}

/// Places that the second convolution spans.
const SECOND: usize = 3;
/// Glorot's gain before a ReLU.
const GAIN: f64 = std::f64::consts::SQRT_2;

impl Sizes {
    /// A fresh network that reads so many numbers off sequences of that description.
    ///
    /// # Errors
    /// [`Error::Data`] for what is no sequence; [`Error::Recipe`] for sizes that cannot be.
    pub(crate) fn network(&self, info: &DataInfo, outputs: usize, init: &Init) -> Result<ReaderNetwork> {
        if info.kind != Kind::Sequence {
            return Err(Error::data(
                &info.source,
                format!(
                    "numbers are read off sequences, but these are {}",
                    info.kind.plural()
                ),
                "choose a source of sequences, such as dna",
            ));
        }
        if self.width == 0 || self.kernel.is_multiple_of(2) {
            let problem = format!(
                "a width of {} and a kernel of {} are no sizes",
                self.width, self.kernel
            );
            return Err(Error::recipe(
                "model",
                problem,
                "give a width of 1 or more, and an odd kernel",
            ));
        }
        let [_, _, symbols] = as_image_shape(info);
        let conv = |channels: [usize; 2], kernel: usize, name: &str| {
            let of = Conv2d::of(channels).row().kernel(kernel).padding(kernel / 2);
            of.weights(Weights::Glorot(GAIN)).bias().init(&init.at(name))
        };
        let w = self.width;
        Ok(ReaderNetwork {
            motifs: conv([symbols, w], self.kernel, "motifs"),
            parts: conv([w, w], SECOND, "parts"),
            hidden: Linear::of([w, w]).init(&init.at("hidden")),
            out: Linear::of([w, outputs]).init(&init.at("out")),
        })
    }
}

/// Motifs, what is made of several, the strongest of each, numbers.
#[derive(Module, Debug)]
pub(crate) struct ReaderNetwork {
    motifs: Conv2d,
    parts: Conv2d,
    hidden: Linear,
    out: Linear,
}

impl ReaderNetwork {
    /// Sequences `[batch, 1, length, symbols]` -> `[batch, width]`.
    fn features(&self, x: Tensor<4>) -> Tensor<2> {
        let x = self.motifs.forward(x, Activation::Relu);
        let x = self.parts.forward(x, Activation::Relu);
        let [batch, _, _, width] = x.dims();
        let strongest = x.max_dim(2).reshape([batch, width]);
        // What is strongest is positive everywhere: a unit that is cut off there would never come back.
        self.hidden.forward(strongest, Activation::LeakyRelu(0.2))
    }

    /// Sequences `[batch, 1, length, symbols]` -> numbers `[batch, outputs]`.
    pub(crate) fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        self.out.forward(self.features(x), Activation::Identity)
    }
}

/// The mean squared error of what is read and the numbers of a batch.
///
/// # Errors
/// [`Error::Training`] where an item has no numbers.
pub(crate) fn squared_error(read: Tensor<2>, attributes: &[f32], step: u64) -> Result<Tensor<1>> {
    let shape = read.dims();
    if attributes.len() != shape[0] * shape[1] {
        return Err(Error::Training {
            step,
            problem: "an item lacks the numbers that are to be read".into(),
            fix: "write them into every header: `>name activity=0.7`".into(),
        });
    }
    let truth = Tensor::<2>::from_data(TensorData::new(attributes.to_vec(), shape), &read.device());
    Ok((read - truth).powi_scalar(2).mean())
}

/// The reader in training.
pub struct SequenceReader {
    learner: Learner<ReaderNetwork>,
    shape: [usize; 3],
    item: Vec<usize>,
    names: Vec<String>,
}

impl SequenceReader {
    fn input(&self, batch: &Batch, device: &Device) -> Result<Tensor<4>> {
        of_shape(batch, &self.item, "sequence-reader")?;
        let [h, w, c] = self.shape;
        let data = TensorData::new(batch.values.clone(), [batch.shape[0], h, w, c]);
        Ok(Tensor::from_data(data, device))
    }
}

impl Model for SequenceReader {
    fn networks(&self) -> Vec<NetworkInfo> {
        let [h, w, c] = self.shape;
        let blank = Tensor::zeros([1, h, w, c], &self.learner.plain_device());
        vec![self.learner.info(|network| network.forward(blank))]
    }

    fn step(&mut self, batches: &[Batch], _: Key, watch: bool) -> Result<StepReport> {
        let x = self.input(&batches[0], self.learner.device())?;
        let read = self.learner.network().forward(x);
        let loss = squared_error(read, &batches[0].attributes, self.learner.updates() + 1)?;
        let descent = self.learner.descend(loss, watch)?;
        let mut report = StepReport::default();
        report.scalars.push(("loss/numbers", descent.loss));
        let gradient = descent.gradient.map(|g| ("gradient/reader", g));
        report.scalars.extend(gradient);
        Ok(report)
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        self.learner.save()
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.learner.load(read, purpose)
    }

    fn functions(&self) -> Vec<Function<'_>> {
        let meaning = "a sequence: of every place a one for its letter among zeros";
        let item = Port::of("item", &self.item, Holds::Numbers, meaning);
        let out = Port::of(
            "attributes",
            &[self.names.len()],
            Holds::Numbers,
            self.names.join(", "),
        );
        let about = "the numbers of a sequence";
        vec![Function::new("read", about, vec![item], vec![out], move |x| {
            let network = self.learner.for_use_on(&x[0].device());
            vec![network.forward(function::images(&x[0], self.shape))]
        })]
    }

    fn as_read_attributes(&self) -> Option<&dyn ReadAttributes> {
        Some(self)
    }
    fn as_features(&self) -> Option<&dyn Features> {
        Some(self)
    }
}

impl ReadAttributes for SequenceReader {
    fn attributes(&self, batch: &Batch) -> Result<Vec<f32>> {
        let x = self.input(batch, &self.learner.plain_device())?;
        Ok(numbers(self.learner.for_use().forward(x)))
    }
    fn names(&self) -> &[String] {
        &self.names
    }
}

impl Features for SequenceReader {
    fn features(&self, batch: &Batch) -> Result<Vec<f32>> {
        let x = self.input(batch, &self.learner.plain_device())?;
        Ok(numbers(self.learner.for_use().features(x)))
    }
    fn width(&self) -> usize {
        self.learner.network().hidden.weight.dims()[1]
    }
}

impl Registered for Config {
    type Config = Config;
    fn defaults() -> Config {
        Config::default()
    }
    fn build(config: Config, info: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        if info.kind == Kind::Sequence && info.attributes.is_empty() {
            let fix = "write one into every header: `>name activity=0.7`, or take `dna`";
            return Err(Error::data(
                &info.source,
                "has no numbers that could be read",
                fix,
            ));
        }
        let network = config
            .model
            .network(info, info.attributes.len(), &Init::new(key, device))?;
        let learner = Learner::new("reader", network, config.optimizer, config.model.average, device)?;
        Ok(Box::new(SequenceReader {
            learner,
            shape: as_image_shape(info),
            item: info.shape.clone(),
            names: info.attributes.clone(),
        }))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "sequence-reader",
    family: super::FAMILY,
    capabilities: &[Capability::ReadAttributes, Capability::Features],
    paper: "Alipanahi et al. 2015, Predicting the sequence specificities of DNA- and RNA-binding proteins by deep learning, Nat. Biotechnol. 33",
    recipe: "sequence-reader",
    data: &["dna"],
    tiny: &[
        ("model.width", "4"),
        ("model.average", "0.9"),
        ("data.limit", "60"),
    ],
    ..Entry::of::<Config>()
};
