//! The autoencoder: an item through a bottleneck and back.
//!
//! Rumelhart, Hinton, Williams (1986), Learning Internal Representations by Error Propagation; Hinton, Salakhutdinov
//! (2006), Reducing the Dimensionality of Data with Neural Networks.
//!
//! Without hidden layers and with squared error, its best code spans the subspace of the largest principal components
//! (Baldi & Hornik 1989). It has no prior over codes, so it cannot sample.
use super::denoising_autoencoder::Corruption;
use super::networks::{Architecture, Decoder, Encoder, Layers, Nonlinearity, PairNetwork};
use crate::function::{items, rows};
use crate::{
    Capability, Encode, Entry, Features, Function, Holds, Model, NetworkInfo, Part, Port, Purpose,
    Reconstruct, Reconstruction, Registered, Samples, StepReport, as_image_shape, of_shape,
};
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_kernels::{RowLoss, row_loss};
use menagerie_nn::{Activation, Init, Learner, OptimizerConfig, Tensors, activation};
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`
    pub model: Sizes,
    /// `[loss]`
    pub loss: Loss,
    /// `[optimizer]`
    pub optimizer: OptimizerConfig,
}

/// `[model]`: the networks' sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// `mlp` (fully connected) or `conv` (convolutions halve the image first)
    pub network: Architecture,
    /// numbers of a code
    pub latent: usize,
    /// units of the encoder's fully connected hidden layers, the item's side first, reversed in the decoder; `[]` for a
    /// linear autoencoder
    pub hidden: Vec<usize>,
    /// `conv`: channels at half the image's size; they double with every halving, up to eight times as many
    pub width: usize,
    /// after every hidden layer: `relu`, `leaky-relu`, `tanh` or `silu`
    pub activation: Nonlinearity,
    /// `conv`: batch norm after every convolution but the one next to the image
    pub batch_norm: bool,
    /// decay of the weights' moving average; 0 for none
    pub average: f64,
}

/// `[loss]`
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Loss {
    /// `squared`: its mean over the numbers of an item, where images span 2 (points are scaled into [-1, 1]);
    /// `cross-entropy`: grey as the probability of white, in nats an item
    pub error: Measure,
}

/// How far what came back is from the item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// the mean of (output - item)^2
    Squared,
    /// - sum x log p + (1 - x) log (1 - p)
    CrossEntropy,
}

impl Default for Sizes {
    fn default() -> Self {
        let (network, activation) = (Architecture::Mlp, Nonlinearity::Relu);
        Sizes {
            network,
            latent: 32,
            hidden: vec![400, 200],
            width: 32,
            activation,
            batch_norm: false,
            average: 0.0,
        }
    }
}

impl Default for Loss {
    fn default() -> Self {
        Loss {
            error: Measure::Squared,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let optimizer = OptimizerConfig::adam(1e-3);
        Config {
            model: Sizes::default(),
            loss: Loss::default(),
            optimizer,
        }
    }
}

/// An encoder and a decoder that give back what they are shown, or what it was before it was corrupted.
pub struct Autoencoder {
    name: &'static str,
    pub(super) learner: Learner<PairNetwork>,
    measure: Measure,
    corruption: Option<Corruption>,
    pub(super) info: DataInfo,
    /// points are divided by this on their way in
    scale: f32,
}

impl Config {
    /// A fresh model for data of that description, under a registered name.
    ///
    /// # Errors
    /// For settings that do not fit each other or the data.
    pub fn build(
        &self,
        name: &'static str,
        corruption: Option<Corruption>,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Autoencoder> {
        let m = &self.model;
        if m.latent == 0 {
            return Err(Error::recipe("model.latent", "0 is too small", "give 1 or more"));
        }
        let image = info.kind == Kind::Image;
        if !image && (info.kind != Kind::Points || self.loss.error == Measure::CrossEntropy) {
            let problem = format!("{} have no such error", info.kind.plural());
            return Err(Error::recipe(
                "loss.error",
                problem,
                "give images, or points with error = \"squared\"",
            ));
        }
        let (item, hidden) = (as_image_shape(info), m.hidden.clone());
        let layers = Layers {
            network: m.network,
            width: m.width,
            hidden,
            activation: m.activation,
            batch_norm: m.batch_norm,
        };
        layers.check(item)?;
        let init = Init::new(key, device);
        let encoder = Encoder::new(&layers, item, m.latent, &init.at("encoder"));
        let decoder = Decoder::new(&layers, m.latent, item, &init.at("decoder"));
        let learner = Learner::new(
            "autoencoder",
            PairNetwork { encoder, decoder },
            self.optimizer,
            m.average,
            device,
        )?;
        let scale = if image {
            1.0
        } else {
            info.range.0.abs().max(info.range.1.abs()).max(f32::MIN_POSITIVE)
        };
        Ok(Autoencoder {
            name,
            learner,
            measure: self.loss.error,
            corruption,
            info: info.clone(),
            scale,
        })
    }
}

impl Autoencoder {
    /// Values of a batch as the networks take them.
    fn items(&self, values: &[f32], device: &Device) -> Tensor<4> {
        let values: Vec<f32> = match self.measure {
            Measure::Squared => values.iter().map(|v| v / self.scale).collect(),
            Measure::CrossEntropy => values.iter().map(|v| (v + 1.0) * 0.5).collect(),
        };
        let [h, w, c] = as_image_shape(&self.info);
        let rows = values.len() / (h * w * c).max(1);
        Tensor::from_data(TensorData::new(values, [rows, h, w, c]), device)
    }

    /// Numbers in the data's own terms.
    fn samples(&self, values: Vec<f32>) -> Samples {
        let mut values = values;
        match self.info.kind {
            Kind::Points => values.iter_mut().for_each(|v| *v *= self.scale),
            _ => values.iter_mut().for_each(|v| *v = v.clamp(-1.0, 1.0)),
        }
        let count = values.len() / self.info.numbers().max(1);
        Samples {
            kind: self.info.kind,
            shape: [&[count], &self.info.shape[..]].concat(),
            values,
        }
    }

    fn corrupted(&self, batch: &Batch, key: Key) -> Option<Vec<f32>> {
        self.corruption
            .map(|c| c.of(batch, self.scale, key.stream("corruption")))
    }
}

impl Model for Autoencoder {
    fn networks(&self) -> Vec<NetworkInfo> {
        vec![self.learner.info(|pair| pair.pass_one(1))]
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        let batch = &batches[0];
        of_shape(batch, &self.info.shape, self.name)?;
        let (device, rows, numbers) = (self.learner.device(), batch.shape[0], self.info.numbers());
        let x = self.items(&batch.values, device);
        let shown = self
            .corrupted(batch, key)
            .map_or_else(|| x.clone(), |v| self.items(&v, device));
        let pair = self.learner.network();
        let back = pair
            .decoder
            .forward(pair.encoder.forward(shown))
            .reshape([rows, numbers]);
        let x = x.reshape([rows, numbers]);
        let loss = match self.measure {
            Measure::Squared => row_loss(back, x, RowLoss::Square).mean() / numbers as f64,
            Measure::CrossEntropy => row_loss(back, x, RowLoss::Bernoulli).mean(),
        };
        let seen = self.learner.descend(loss, watch)?;
        let name = if self.measure == Measure::Squared {
            "loss/squared-error"
        } else {
            "loss/cross-entropy"
        };
        let mut scalars = vec![(name, seen.loss)];
        scalars.extend(seen.gradient.map(|g| ("gradient/autoencoder", g)));
        Ok(StepReport {
            scalars,
            troubles: vec![],
        })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        self.learner.save()
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.learner.load(read, purpose)
    }

    fn functions(&self) -> Vec<Function<'_>> {
        let (cross, info) = (self.measure == Measure::CrossEntropy, &self.info);
        let latent = || {
            let numbers = self.learner.network().decoder.inputs();
            Port::of("latent", &[numbers], Holds::Numbers, "the code of an item")
        };
        let pair = |x: &Tensor<2>| self.learner.for_use_on(&x.device());
        let encode = Function::new(
            "encode",
            "the code of an item",
            vec![Port::item(info)],
            vec![latent()],
            move |x| {
                let item = items(&x[0], info);
                let item = if cross {
                    (item + 1.0) * 0.5
                } else {
                    item / self.scale
                };
                vec![pair(&x[0]).encoder.forward(item)]
            },
        );
        let decode = Function::new(
            "decode",
            "what a code stands for",
            vec![latent()],
            vec![Port::item(info)],
            move |x| {
                let back = pair(&x[0]).decoder.forward(x[0].clone());
                let back = if cross {
                    activation(back, Activation::Sigmoid) * 2.0 - 1.0
                } else {
                    back
                };
                vec![rows(match info.kind {
                    Kind::Points => back * self.scale,
                    _ => back.clamp(-1.0, 1.0),
                })]
            },
        );
        vec![encode, decode]
    }

    fn as_encode(&self) -> Option<&dyn Encode> {
        Some(self)
    }
    fn as_reconstruct(&self) -> Option<&dyn Reconstruct> {
        Some(self)
    }
    fn as_features(&self) -> Option<&dyn Features> {
        Some(self)
    }
}

impl Autoencoder {
    /// The code of items, not corrupted, `[batch, latent]`.
    ///
    /// # Errors
    /// [`Error::Usage`] for items of another shape.
    pub(super) fn code(&self, batch: &Batch) -> Result<Tensor<2>> {
        of_shape(batch, &self.info.shape, self.name)?;
        let items = self.items(&batch.values, &self.learner.plain_device());
        Ok(self.learner.for_use().encoder.forward(items))
    }

    /// The mean squared error of what comes back, in the data's own terms.
    ///
    /// # Errors
    /// [`Error::Usage`] for items of another shape.
    pub(super) fn error(&self, batch: &Batch) -> Result<f64> {
        let back = self.reconstruct(batch, Key::new(0))?.output.values;
        let squares = back
            .iter()
            .zip(&batch.values)
            .map(|(a, b)| f64::from(a - b).powi(2));
        Ok(squares.sum::<f64>() / back.len().max(1) as f64)
    }
}

impl Encode for Autoencoder {
    fn encode(&self, batch: &Batch) -> Result<Tensor<2>> {
        self.code(batch)
    }
}

impl Reconstruct for Autoencoder {
    fn reconstruct(&self, batch: &Batch, key: Key) -> Result<Reconstruction> {
        of_shape(batch, &self.info.shape, self.name)?;
        let corrupted = self.corrupted(batch, key);
        let x = self.items(
            corrupted.as_ref().unwrap_or(&batch.values),
            &self.learner.plain_device(),
        );
        let pair = self.learner.for_use();
        let back = pair.decoder.forward(pair.encoder.forward(x));
        let back = if self.measure == Measure::CrossEntropy {
            activation(back, Activation::Sigmoid) * 2.0 - 1.0
        } else {
            back
        };
        let output = self.samples(menagerie_nn::numbers(back));
        let shown = corrupted.map(|v| self.samples(v.into_iter().map(|v| v / self.scale).collect()));
        Ok(Reconstruction { shown, output })
    }
}

impl Features for Autoencoder {
    /// The code.
    fn features(&self, batch: &Batch) -> Result<Vec<f32>> {
        Ok(menagerie_nn::numbers(self.encode(batch)?))
    }

    fn width(&self) -> usize {
        self.learner.network().decoder.inputs()
    }
}

impl Registered for Config {
    type Config = Config;
    fn defaults() -> Config {
        Config::default()
    }
    fn build(config: Config, info: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.build("autoencoder", None, info, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "autoencoder",
    family: super::FAMILY,
    capabilities: &[Capability::Encode, Capability::Reconstruct, Capability::Features],
    paper: "Hinton & Salakhutdinov 2006, Reducing the Dimensionality of Data with Neural Networks, Science 313",
    recipe: "autoencoder",
    data: &["digits", "ring8"],
    tiny: &[
        ("model.hidden", "[16]"),
        ("model.latent", "2"),
        ("model.average", "0.9"),
    ],
    ..Entry::of::<Config>()
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Capability;

    const D: usize = 6;
    const N: usize = 512;

    /// Points with variances 4, 2 along two oblique directions of six, and 0.01 in all.
    fn points() -> Batch {
        let mut rng = Key::new(4).rng();
        let axes = [[0.6, 0.0, 0.8, 0.0, 0.0, 0.0], [0.0, 0.5, 0.0, 0.5, 0.5, -0.5]];
        let mut values = Vec::new();
        for _ in 0..N {
            let (a, b) = (2.0 * rng.normal(), 1.4 * rng.normal());
            values.extend((0..D).map(|j| (a * axes[0][j] + b * axes[1][j] + 0.1 * rng.normal()) as f32));
        }
        let (labels, captions, attributes) = (None, None, vec![]);
        Batch {
            kind: Kind::Points,
            shape: vec![N, D],
            values,
            labels,
            attributes,
            captions,
            indices: (0..N as u32).collect(),
        }
    }

    fn dot(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| a * b).sum()
    }

    /// Gram and Schmidt.
    fn orthonormal(mut rows: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
        for i in 0..rows.len() {
            for j in 0..i {
                let along = dot(&rows[i], &rows[j]);
                let other = rows[j].clone();
                rows[i].iter_mut().zip(other).for_each(|(a, b)| *a -= along * b);
            }
            let norm = dot(&rows[i], &rows[i]).sqrt();
            rows[i].iter_mut().for_each(|v| *v /= norm);
        }
        rows
    }

    /// The two largest principal components, by subspace iteration in f64.
    fn principal(batch: &Batch) -> Vec<Vec<f64>> {
        let mean: Vec<f64> = (0..D)
            .map(|j| batch.values.chunks(D).map(|v| v[j] as f64).sum::<f64>() / N as f64)
            .collect();
        let rows: Vec<Vec<f64>> = batch
            .values
            .chunks(D)
            .map(|v| v.iter().zip(&mean).map(|(v, m)| *v as f64 - m).collect())
            .collect();
        let covariance: Vec<Vec<f64>> = (0..D)
            .map(|i| (0..D).map(|j| rows.iter().map(|r| r[i] * r[j]).sum()).collect())
            .collect();
        let mut basis = vec![
            vec![1.0, 0.3, 0.0, 0.0, 0.1, 0.0],
            vec![0.0, 0.2, 1.0, 0.7, 0.0, 0.4],
        ];
        for _ in 0..200 {
            basis = orthonormal(
                basis
                    .iter()
                    .map(|b| covariance.iter().map(|row| dot(row, b)).collect())
                    .collect(),
            );
        }
        basis
    }

    /// Baldi & Hornik 1989: the decoder's columns span the same plane, every principal angle below a degree.
    #[test]
    fn a_linear_autoencoder_spans_the_principal_components() {
        let batch = points();
        let info = DataInfo {
            source: "test".into(),
            kind: Kind::Points,
            shape: vec![D],
            count: N,
            range: (-6.0, 6.0),
            ..DataInfo::default()
        };
        let mut config = Config {
            model: Sizes {
                latent: 2,
                hidden: vec![],
                ..Default::default()
            },
            ..Default::default()
        };
        config.optimizer.learning_rate = 1e-2;
        config.optimizer.learning_rate_decay = 0.998;
        let mut model = config
            .build(
                "autoencoder",
                None,
                &info,
                &Device::flex().autodiff(),
                Key::new(0),
            )
            .unwrap();
        for step in 0..2500 {
            model
                .step(std::slice::from_ref(&batch), Key::new(step), false)
                .unwrap();
        }
        let weights = Tensors::of(&model.learner.for_use().decoder);
        let (shape, values) = &weights.arrays["out.weight"];
        assert_eq!(shape, &[2, D]);
        let learned = orthonormal(
            values
                .chunks(D)
                .map(|r| r.iter().map(|&v| v as f64).collect())
                .collect(),
        );
        let pca = principal(&batch);
        // Cosines of the principal angles are the singular values of the 2x2 matrix of inner products.
        let m = [
            [dot(&learned[0], &pca[0]), dot(&learned[0], &pca[1])],
            [dot(&learned[1], &pca[0]), dot(&learned[1], &pca[1])],
        ];
        let (trace, det) = (
            m.iter().flatten().map(|v| v * v).sum::<f64>(),
            m[0][0] * m[1][1] - m[0][1] * m[1][0],
        );
        let smallest = ((trace - (trace * trace - 4.0 * det * det).max(0.0).sqrt()) / 2.0).sqrt();
        let angle = smallest.min(1.0).acos().to_degrees();
        assert!(angle < 1.0, "the largest principal angle is {angle} degrees");
        assert!(
            !Capability::Sample.of(&model) && !Capability::LatentSpace.of(&model),
            "there is no prior to sample from"
        );
    }
}
