//! A network that reads the attributes of a painted portrait back from the picture: a judge of what generated faces
//! show, and of what a latent dimension changes.
//!
//! The residual network is that of He, Zhang, Ren, Sun (2015), Deep Residual Learning for Image Recognition,
//! arXiv:1512.03385; one linear layer gives a number for an amount, a cosine and a sine for a hue, a logit each for the
//! members of a choice.
use super::classifier::{best, cross_entropy, images};
use super::trunk::{Trunk, TrunkConfig, TrunkKind};
use crate::{
    Capability, Entry, Features, Function, Holds, Model, NetworkInfo, Part, Port, Purpose, ReadAttributes,
    Registered, StepReport, as_image_shape, function, of_shape,
};
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::portraits::{Attributes, Meaning};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_nn::{Activation, Init, Learner, Linear, OptimizerConfig, Tensors, numbers};
use serde::{Deserialize, Serialize};
use std::ops::Range;

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
        let optimizer = OptimizerConfig::adam(2e-3).weight_decay(1e-3);
        Config {
            model: Sizes::default(),
            optimizer,
        }
    }
}

/// `[model]`: the network's sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// channels of the first layer; there are four times as many features
    pub width: usize,
    /// residual blocks a stage
    pub blocks: usize,
    /// decay of the weights' moving average; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            width: 16,
            blocks: 1,
            average: 0.998,
        }
    }
}

/// Features that keep where things are, and what is read from them.
#[derive(Module, Debug)]
pub struct ReaderNetwork {
    trunk: Trunk,
    heads: Linear,
}

impl ReaderNetwork {
    fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        self.heads.forward(self.trunk.forward(x), Activation::Identity)
    }
}

/// The reader in training.
pub struct AttributeReader {
    learner: Learner<ReaderNetwork>,
    shape: Vec<usize>,
    names: Vec<String>,
    heads: Vec<Head>,
}

/// One attribute, and the outputs it is read from.
#[derive(Clone, Debug)]
struct Head {
    meaning: Meaning,
    outputs: Range<usize>,
}

impl Head {
    /// The attribute of the network's outputs `[batch, outputs]` in its own units, `[batch, 1]`: as
    /// [`AttributeReader::read`], of tensors.
    fn read(&self, y: &Tensor<2>) -> Tensor<2> {
        let part = |at: usize, n: usize| y.clone().narrow(1, self.outputs.start + at, n);
        match self.meaning {
            Meaning::Amount { low, high } => (part(0, 1).clamp(-1.0, 1.0) + 1.0) * ((high - low) / 2.0) + low,
            Meaning::Hue => {
                // The angle of (x, y): of a half plane an arctangent, on the left half a turn more, and 0 to 360 degrees.
                let (x, y) = (part(0, 1), part(1, 1));
                let half = (y.clone() / x.clone()).atan() * (180.0 / std::f32::consts::PI);
                let degrees = half + x.lower_elem(0.0).float() * 180.0;
                degrees.clone() + degrees.lower_elem(0.0).float() * 360.0
            }
            Meaning::Choice(n) => part(0, n).argmax(1).float(),
        }
    }
}

fn heads() -> Vec<Head> {
    let mut at = 0;
    let head = |i| {
        let meaning = Meaning::of(i);
        let width = match meaning {
            Meaning::Amount { .. } => 1,
            Meaning::Hue => 2,
            Meaning::Choice(n) => n,
        };
        at += width;
        Head {
            meaning,
            outputs: at - width..at,
        }
    };
    (0..Attributes::NAMES.len()).map(head).collect()
}

impl Config {
    /// A fresh network for portraits.
    ///
    /// # Errors
    /// For data without a portrait's attributes.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<AttributeReader> {
        let m = &self.model;
        if info.kind != Kind::Image || info.attributes != Attributes::NAMES {
            let fix = "train it on `portraits`, or on a folder of painted faces with all their attributes";
            return Err(Error::data(
                &info.source,
                "does not have the attributes of painted portraits",
                fix,
            ));
        }
        let heads = heads();
        let sizes = TrunkConfig {
            kind: TrunkKind::Resnet,
            width: m.width,
            blocks: m.blocks,
            positions: true,
        };
        let init = Init::new(key, device);
        let trunk = Trunk::new(sizes, as_image_shape(info), &init.at("trunk"))?;
        let outputs = heads.last().map_or(0, |h| h.outputs.end);
        let heads_layer = Linear::of([trunk.features(), outputs]).init(&init.at("heads"));
        let learner = Learner::new(
            "reader",
            ReaderNetwork {
                trunk,
                heads: heads_layer,
            },
            self.optimizer,
            m.average,
            device,
        )?;
        Ok(AttributeReader {
            learner,
            shape: info.shape.clone(),
            names: info.attributes.clone(),
            heads,
        })
    }
}

/// Targets and weights of the squared errors, a number an output, and the labels of each choice.
struct Targets {
    values: Vec<f32>,
    weights: Vec<f32>,
    labels: Vec<Vec<u32>>,
}

impl AttributeReader {
    fn targets(&self, attributes: &[f32], batch: usize) -> Targets {
        let outputs = self.heads.last().map_or(0, |h| h.outputs.end);
        let mut t = Targets {
            values: vec![0.0; batch * outputs],
            weights: vec![0.0; batch * outputs],
            labels: vec![vec![]; self.heads.len()],
        };
        for (row, numbers) in attributes.chunks_exact(self.heads.len()).enumerate() {
            let face = Attributes::from_slice(numbers);
            for (i, (head, &x)) in self.heads.iter().zip(numbers).enumerate() {
                let at = row * outputs + head.outputs.start;
                // What does not show cannot be read and teaches nothing.
                let weight = f32::from(face.shows(i)) / batch as f32;
                match head.meaning {
                    Meaning::Amount { low, high } => {
                        t.values[at] = 2.0 * (x - low) / (high - low) - 1.0;
                        // A number uniform in [-1, 1] has the variance 1/3: every attribute begins at a loss of about 1.
                        t.weights[at] = 3.0 * weight;
                    }
                    Meaning::Hue => {
                        (t.values[at + 1], t.values[at]) = x.to_radians().sin_cos();
                        t.weights[at..at + 2].fill(weight);
                    }
                    Meaning::Choice(n) => t.labels[i].push((x.max(0.0).round() as u32).min(n as u32 - 1)),
                }
            }
        }
        t
    }

    /// The mean over attributes of: squared error over the variance of a uniform number, for amounts; squared distance on
    /// the circle, for hues; cross-entropy over the entropy of an even choice, for choices.
    fn loss(&self, y: Tensor<2>, targets: &Targets) -> Tensor<1> {
        let shape = y.dims();
        let on = |v: &Vec<f32>| Tensor::<2>::from_data(TensorData::new(v.clone(), shape), &y.device());
        let difference = y.clone() - on(&targets.values);
        let squares = (difference.clone() * difference * on(&targets.weights)).sum();
        let choices = self
            .heads
            .iter()
            .zip(&targets.labels)
            .filter_map(|(head, labels)| match head.meaning {
                Meaning::Choice(n) => {
                    let logits = y.clone().narrow(1, head.outputs.start, n);
                    Some(cross_entropy(logits, labels) / (n as f64).ln())
                }
                _ => None,
            });
        choices.fold(squares, |sum, c| sum + c) / self.heads.len() as f64
    }

    /// Outputs as attributes in their own units.
    fn read(&self, outputs: &[f32]) -> Vec<f32> {
        let width = self.heads.last().map_or(1, |h| h.outputs.end);
        let one = |(row, head): (&[f32], &Head)| {
            let y = &row[head.outputs.clone()];
            match head.meaning {
                Meaning::Amount { low, high } => low + (y[0].clamp(-1.0, 1.0) + 1.0) / 2.0 * (high - low),
                Meaning::Hue => y[1].atan2(y[0]).to_degrees().rem_euclid(360.0),
                Meaning::Choice(n) => best(y, n).next().unwrap_or(0) as f32,
            }
        };
        outputs
            .chunks_exact(width)
            .flat_map(|row| self.heads.iter().map(move |h| one((row, h))))
            .collect()
    }

    fn input(&self, batch: &Batch) -> Result<Tensor<4>> {
        of_shape(batch, &self.shape, "attribute-reader")?;
        Ok(images(
            batch.values.clone(),
            &batch.shape,
            &self.learner.plain_device(),
        ))
    }
}

impl Model for AttributeReader {
    fn networks(&self) -> Vec<NetworkInfo> {
        let blank = images(
            vec![0.0; self.shape.iter().product()],
            &[&[1], &self.shape[..]].concat(),
            &self.learner.plain_device(),
        );
        vec![self.learner.info(|network| network.forward(blank))]
    }

    fn step(&mut self, batches: &[Batch], _: Key, watch: bool) -> Result<StepReport> {
        let batch = &batches[0];
        let n = batch.shape[0];
        if batch.attributes.len() != n * self.heads.len() {
            return Err(Error::Training {
                step: self.learner.updates() + 1,
                problem: "an item has no attributes".into(),
                fix: "every item needs all attributes of a portrait".into(),
            });
        }
        let targets = self.targets(&batch.attributes, n);
        let network = self.learner.network();
        let x = images(batch.values.clone(), &batch.shape, self.learner.device());
        let y = network.forward(x);
        let mut report = StepReport::default();
        if watch {
            let read = self.read(&numbers(y.clone()));
            let choices: Vec<usize> = (0..self.heads.len())
                .filter(|&i| matches!(self.heads[i].meaning, Meaning::Choice(_)))
                .collect();
            let right = read
                .chunks_exact(self.heads.len())
                .zip(batch.attributes.chunks_exact(self.heads.len()));
            let right: usize = right
                .map(|(a, b)| choices.iter().filter(|&&i| a[i] == b[i]).count())
                .sum();
            report
                .scalars
                .push(("accuracy/choices", right as f64 / (n * choices.len()) as f64));
        }
        let descent = self.learner.descend(self.loss(y, &targets), watch)?;
        report.scalars.insert(0, ("loss/attributes", descent.loss));
        report
            .scalars
            .extend(descent.gradient.map(|g| ("gradient/reader", g)));
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
        let image = Port::of(
            "item",
            &shape,
            Holds::Image,
            "an image, channels last, in [-1, 1]",
        );
        let meaning = format!(
            "in their own units, choices as whole numbers: {}",
            self.names.join(", ")
        );
        let attributes = Port::of("attributes", &[self.names.len()], Holds::Numbers, meaning);
        let about = "the attributes of a portrait";
        vec![Function::new(
            "read",
            about,
            vec![image],
            vec![attributes],
            move |x| {
                let network = self.learner.for_use_on(&x[0].device());
                let y = network.forward(function::images(&x[0], shape));
                vec![Tensor::cat(self.heads.iter().map(|h| h.read(&y)).collect(), 1)]
            },
        )]
    }

    fn as_read_attributes(&self) -> Option<&dyn ReadAttributes> {
        Some(self)
    }
    fn as_features(&self) -> Option<&dyn Features> {
        Some(self)
    }
}

impl ReadAttributes for AttributeReader {
    fn attributes(&self, batch: &Batch) -> Result<Vec<f32>> {
        let x = self.input(batch)?;
        Ok(self.read(&numbers(self.learner.for_use().forward(x))))
    }
    fn names(&self) -> &[String] {
        &self.names
    }
}

impl Features for AttributeReader {
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
    name: "attribute-reader",
    family: super::FAMILY,
    capabilities: &[Capability::ReadAttributes, Capability::Features],
    paper: "He et al. 2015, Deep Residual Learning for Image Recognition, arXiv:1512.03385",
    recipe: "attribute-reader",
    data: &["portraits"],
    tiny: &[("model.width", "4"), ("data.size", "8"), ("data.limit", "64")],
    ..Entry::of::<Config>()
};

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie_data::{Dataset, portraits::Portraits};

    fn reader() -> AttributeReader {
        let info = Portraits::new([8, 8], 0, 10).unwrap().info().clone();
        Config {
            model: Sizes {
                width: 2,
                ..Sizes::default()
            },
            ..Config::default()
        }
        .build(&info, &Device::flex(), Key::new(0))
        .unwrap()
    }

    /// Outputs that say exactly what a face is made of are read as that face, at no loss but that of the choices.
    #[test]
    fn outputs_and_attributes_are_the_same_thing() {
        let r = reader();
        let faces = Portraits::new([8, 8], 7, 20).unwrap();
        let attributes: Vec<f32> = (0..20).flat_map(|i| faces.attributes(i).to_vec()).collect();
        let t = r.targets(&attributes, 20);
        let width = r.heads.last().unwrap().outputs.end;
        let mut y = t.values.clone();
        for (i, head) in r.heads.iter().enumerate() {
            for (row, &label) in t.labels[i].iter().enumerate() {
                y[row * width + head.outputs.start + label as usize] = 50.0;
            }
        }
        for (k, (a, b)) in r.read(&y).iter().zip(&attributes).enumerate() {
            let (low, high) = Attributes::RANGES[k % Attributes::RANGES.len()];
            assert!(
                (a - b).abs() < 1e-3 * (high - low) || (a - b).abs() > 359.9,
                "{}: {a} {b}",
                Attributes::NAMES[k % Attributes::NAMES.len()]
            );
        }
        let y = Tensor::from_data(TensorData::new(y, [20, width]), &Device::flex());
        assert!(numbers(r.loss(y.clone(), &t))[0].abs() < 1e-6);
        assert!(numbers(r.loss(y * 0.0, &t))[0] > 0.5);
    }

    #[test]
    fn data_without_attributes_are_refused() {
        let info = DataInfo {
            attributes: vec!["yaw".into()],
            ..Portraits::new([8, 8], 0, 10).unwrap().info().clone()
        };
        assert!(
            Config::default()
                .build(&info, &Device::flex(), Key::new(0))
                .is_err()
        );
    }
}
