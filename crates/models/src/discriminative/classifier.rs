//! A classifier, as a judge of generative models: its penultimate layer gives features, its output classes.
//!
//! LeCun, Bottou, Bengio, Haffner (1998), Gradient-Based Learning Applied to Document Recognition; He, Zhang, Ren, Sun
//! (2015), Deep Residual Learning for Image Recognition, arXiv:1512.03385.
use super::augment::Augmentation;
use super::trunk::{Trunk, TrunkConfig, TrunkKind};
use crate::{
    Capability, Classify, Entry, Features, Function, Holds, Model, NetworkInfo, Part, Port, Purpose,
    Registered, StepReport, as_image_shape, function, of_shape,
};
use burn::module::Module;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_nn::{Activation, Init, Learner, Linear, OptimizerConfig, Tensors, numbers};
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`
    pub model: Sizes,
    /// `[augment]`
    pub augment: Augmentation,
    /// `[optimizer]`
    pub optimizer: OptimizerConfig,
}

impl Default for Config {
    fn default() -> Self {
        let optimizer = OptimizerConfig::adam(2e-3).weight_decay(1e-3);
        Config {
            model: Sizes::default(),
            augment: Augmentation::default(),
            optimizer,
        }
    }
}

/// `[model]`: which network, and its sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// `lenet` or `resnet`
    pub network: TrunkKind,
    /// channels of the first layer; there are four times as many features
    pub width: usize,
    /// residual blocks a stage (`resnet`)
    pub blocks: usize,
    /// decay of the weights' moving average; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            network: TrunkKind::Resnet,
            width: 16,
            blocks: 1,
            average: 0.998,
        }
    }
}

/// The features and a logit a class.
#[derive(Module, Debug)]
pub struct ClassifierNetwork {
    trunk: Trunk,
    logits: Linear,
}

impl ClassifierNetwork {
    /// Images -> logits `[batch, classes]`.
    pub(crate) fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        self.logits_of(self.features_of(x))
    }

    /// Images -> `[batch, features]`.
    pub(crate) fn features_of(&self, x: Tensor<4>) -> Tensor<2> {
        self.trunk.forward(x)
    }

    /// `[batch, features]` -> logits `[batch, classes]`.
    pub(super) fn logits_of(&self, features: Tensor<2>) -> Tensor<2> {
        self.logits.forward(features, Activation::Identity)
    }

    /// Numbers of an image's features.
    pub(crate) fn features(&self) -> usize {
        self.trunk.features()
    }
}

/// The classifier in training.
pub struct Classifier {
    learner: Learner<ClassifierNetwork>,
    shape: Vec<usize>,
    classes: Vec<String>,
    augment: Augmentation,
}

impl Sizes {
    /// A fresh network for images with classes.
    ///
    /// # Errors
    /// For sizes that are none.
    pub(crate) fn network(&self, info: &DataInfo, init: &Init) -> Result<ClassifierNetwork> {
        let sizes = TrunkConfig {
            kind: self.network,
            width: self.width,
            blocks: self.blocks,
            positions: false,
        };
        let trunk = Trunk::new(sizes, as_image_shape(info), &init.at("trunk"))?;
        let logits = Linear::of([trunk.features(), info.labels.len()]).init(&init.at("logits"));
        Ok(ClassifierNetwork { trunk, logits })
    }
}

impl Config {
    /// A fresh network for images with classes.
    ///
    /// # Errors
    /// For data that are not images or have no classes.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<Classifier> {
        let m = &self.model;
        if info.kind != Kind::Image {
            return Err(Error::data(
                &info.source,
                format!("classifier takes images, but these are {}", info.kind.plural()),
                "choose images",
            ));
        }
        if info.labels.len() < 2 {
            let fix = "give images with labels: IDX files with their labels, or a folder whose sub-folders are the classes";
            return Err(Error::data(&info.source, "has no classes to learn", fix));
        }
        info.every_label("classifier")?;
        let learner = Learner::new(
            "classifier",
            m.network(info, &Init::new(key, device))?,
            self.optimizer,
            m.average,
            device,
        )?;
        let (shape, classes) = (info.shape.clone(), info.labels.clone());
        Ok(Classifier {
            learner,
            shape,
            classes,
            augment: self.augment,
        })
    }
}

/// Cross-entropy of classes in nats, the mean over a batch, shape `[1]`: -(1/B) sum_i ln softmax(logits_i)[label_i].
pub(crate) fn cross_entropy(logits: Tensor<2>, labels: &[u32]) -> Tensor<1> {
    let [batch, classes] = logits.dims();
    let mut chosen = vec![0.0f32; batch * classes];
    for (row, &label) in chosen.chunks_exact_mut(classes).zip(labels) {
        row[label as usize] = -1.0 / batch as f32;
    }
    let chosen = Tensor::<2>::from_data(TensorData::new(chosen, [batch, classes]), &logits.device());
    (log_softmax(logits, 1) * chosen).sum()
}

/// The largest of each row.
pub(crate) fn best(rows: &[f32], classes: usize) -> impl Iterator<Item = u32> + '_ {
    rows.chunks_exact(classes).map(move |row| {
        let first = (0..classes).fold(0, |best, i| if row[i] > row[best] { i } else { best });
        first as u32
    })
}

/// A batch's values as images on a device.
pub(super) fn images(values: Vec<f32>, shape: &[usize], device: &Device) -> Tensor<4> {
    Tensor::from_data(
        TensorData::new(values, [shape[0], shape[1], shape[2], shape[3]]),
        device,
    )
}

impl Classifier {
    fn input(&self, batch: &Batch) -> Result<Tensor<4>> {
        of_shape(batch, &self.shape, "classifier")?;
        Ok(images(
            batch.values.clone(),
            &batch.shape,
            &self.learner.plain_device(),
        ))
    }
}

impl Model for Classifier {
    fn networks(&self) -> Vec<NetworkInfo> {
        let blank = images(
            vec![0.0; self.shape.iter().product()],
            &[&[1], &self.shape[..]].concat(),
            &self.learner.plain_device(),
        );
        vec![self.learner.info(|network| network.forward(blank))]
    }

    /// It learns from labels alone.
    fn labelled_batches(&self) -> usize {
        1
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        let batch = &batches[0];
        let wrong = |problem: &str| Error::Training {
            step: self.learner.updates() + 1,
            problem: problem.into(),
            fix: "every item needs one of the data's classes".into(),
        };
        let labels = batch
            .labels
            .as_ref()
            .ok_or_else(|| wrong("an item has no label"))?;
        if labels.iter().any(|&l| l as usize >= self.classes.len()) {
            return Err(wrong("an item's label is none of the classes"));
        }
        let x = images(
            self.augment.apply(batch, key.stream("augment")),
            &batch.shape,
            self.learner.device(),
        );
        let logits = self.learner.network().forward(x);
        let mut report = StepReport::default();
        if watch {
            let found = numbers(logits.clone());
            let right = best(&found, self.classes.len())
                .zip(labels)
                .filter(|(a, b)| a == *b)
                .count();
            report
                .scalars
                .push(("accuracy/train", right as f64 / labels.len() as f64));
        }
        let descent = self.learner.descend(cross_entropy(logits, labels), watch)?;
        report.scalars.insert(0, ("loss/cross-entropy", descent.loss));
        report
            .scalars
            .extend(descent.gradient.map(|g| ("gradient/classifier", g)));
        Ok(report)
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        self.learner.save()
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.learner.load(read, purpose)
    }

    fn functions(&self) -> Vec<Function<'_>> {
        let shape = [self.shape[0], self.shape[1], self.shape[2]];
        let network = |x: &Tensor<2>| self.learner.for_use_on(&x.device());
        let image = || {
            Port::of(
                "item",
                &shape,
                Holds::Image,
                "an image, channels last, in [-1, 1]",
            )
        };
        let meaning = format!(
            "logarithms of the classes' probabilities: {}",
            self.classes.join(", ")
        );
        let classes = Port::of(
            "log_probabilities",
            &[self.classes.len()],
            Holds::Numbers,
            meaning,
        );
        let features = [self.learner.network().trunk.features()];
        let features = Port::of(
            "features",
            &features,
            Holds::Numbers,
            "what the last hidden layer sees",
        );
        let (about, before) = ("the class of an image", "features of an image");
        vec![
            Function::new("classify", about, vec![image()], vec![classes], move |x| {
                vec![log_softmax(
                    network(&x[0]).forward(function::images(&x[0], shape)),
                    1,
                )]
            }),
            Function::new("features", before, vec![image()], vec![features], move |x| {
                vec![network(&x[0]).trunk.forward(function::images(&x[0], shape))]
            }),
        ]
    }

    fn as_classify(&self) -> Option<&dyn Classify> {
        Some(self)
    }
    fn as_features(&self) -> Option<&dyn Features> {
        Some(self)
    }
}

impl Classify for Classifier {
    fn log_probabilities(&self, batch: &Batch) -> Result<Vec<f32>> {
        let x = self.input(batch)?;
        Ok(numbers(log_softmax(self.learner.for_use().forward(x), 1)))
    }
    fn classes(&self) -> &[String] {
        &self.classes
    }
}

impl Features for Classifier {
    fn features(&self, batch: &Batch) -> Result<Vec<f32>> {
        let x = self.input(batch)?;
        Ok(numbers(self.learner.for_use().trunk.forward(x)))
    }
    fn width(&self) -> usize {
        self.learner.network().trunk.features()
    }
    fn layers(&self, batch: &Batch) -> Result<Vec<(String, Vec<f32>)>> {
        let x = self.input(batch)?;
        Ok(self.learner.for_use().trunk.layers(x))
    }
}

impl Registered for Config {
    type Config = Config;
    fn defaults() -> Config {
        Config::default()
    }
    fn build(config: Config, info: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.build(info, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "classifier",
    family: super::FAMILY,
    capabilities: &[Capability::Classify, Capability::Features],
    paper: "LeCun et al. 1998, Gradient-Based Learning Applied to Document Recognition; He et al. 2015, Deep Residual Learning, arXiv:1512.03385",
    recipe: "classifier",
    data: &["digits"],
    tiny: &[("model.width", "4"), ("augment.flip", "true")],
    ..Entry::of::<Config>()
};
