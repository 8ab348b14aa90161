//! Where a game is played: what items are, and how they come and go.
use crate::function::{images, rows};
use crate::{Holds, Port, Samples, as_image_shape};
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_kernels::noise;
use menagerie_nn::numbers;

/// What a model of the family knows of its data.
#[derive(Clone, Debug)]
pub struct Stage {
    /// the model's name, for messages
    pub model: &'static str,
    /// what the items are
    pub kind: Kind,
    /// an item's axes in the data's own terms
    pub shape: Vec<usize>,
    /// items are divided by this on their way in and multiplied on their way out
    pub scale: f32,
    /// names of the classes
    pub labels: Vec<String>,
    /// share of the data that each class has; empty where unknown
    pub shares: Vec<f64>,
    /// where everything lies
    pub device: Device,
}

impl Stage {
    /// For data of that description.
    pub fn new(model: &'static str, info: &DataInfo, device: &Device) -> Self {
        // Points have the extent of their data; bringing them into [-1, 1] makes one learning rate serve all.
        let scale = match info.kind {
            Kind::Points => info.range.0.abs().max(info.range.1.abs()).max(f32::MIN_POSITIVE),
            _ => 1.0,
        };
        Stage {
            model,
            kind: info.kind,
            shape: info.shape.clone(),
            scale,
            labels: info.labels.clone(),
            shares: info.shares.clone(),
            device: device.clone(),
        }
    }

    /// Axes of an item as the networks see it: `[height, width, channel]`, sequences and notes as one row, the frames of videos and the slices of shapes
    /// below each other, points as one pixel.
    pub fn image_shape(&self) -> [usize; 3] {
        match self.shape[..] {
            [h, w, c] => [h, w, c],
            [length, numbers] if matches!(self.kind, Kind::Sequence | Kind::Notes) => [1, length, numbers],
            [t, h, w, c] if matches!(self.kind, Kind::Video | Kind::Voxels) => [t * h, w, c],

            _ => [1, 1, self.shape.iter().product()],
        }
    }

    /// Numbers of an item.
    pub fn numbers(&self) -> usize {
        self.shape.iter().product()
    }

    /// The items of a batch, `[batch, height, width, channel]`.
    pub fn items(&self, batch: &Batch) -> Tensor<4> {
        let [h, w, c] = self.image_shape();
        let data = TensorData::new(batch.values.clone(), [batch.shape[0], h, w, c]);
        let x = Tensor::from_data(data, &self.device);
        if self.scale == 1.0 { x } else { x / self.scale }
    }

    /// The device without autodiff, on which a trained model answers.
    pub fn plain(&self) -> Device {
        let d = self.device.clone();
        if d.is_autodiff() { d.without_autodiff() } else { d }
    }

    /// Items made by a network, in the data's own terms; what a network without bounds makes of an image is cut to its range.
    pub fn samples(&self, count: usize, mut values: Vec<f32>) -> Samples {
        if self.kind.is_bounded() {
            values.iter_mut().for_each(|v| *v = v.clamp(-1.0, 1.0));
        }

        Samples {
            kind: self.kind,
            shape: [&[count], &self.shape[..]].concat(),
            values,
        }
    }

    /// Items as another program has them.
    pub fn port(&self) -> Port {
        let (holds, meaning) = match self.kind {
            Kind::Image => (Holds::Image, "an image, channels last, in [-1, 1]"),
            Kind::Pair | Kind::Unpaired => (
                Holds::Numbers,
                "an image of each side, the channels of one behind those of the other, in [-1, 1]",
            ),
            Kind::Video => (
                Holds::Numbers,
                "a video: frame after frame, channels last, in [-1, 1]",
            ),
            Kind::Voxels => (
                Holds::Numbers,
                "a shape: 1 where a voxel is solid and -1 where it is empty, channels last",
            ),
            Kind::Sequence => (
                Holds::Numbers,
                "a sequence: of every place the probability of each letter of the alphabet",
            ),
            Kind::Notes => (
                Holds::Numbers,
                "a piece of music: of every note its length in beats, its pitch, how loud it is, and the beats since the one before",
            ),
            _ => (Holds::Numbers, "an item in the data's own units"),
        };
        Port::of("item", &self.shape, holds, meaning)
    }

    /// Classes as another program gives them.
    pub fn class_port(&self) -> Port {
        let meaning = format!("the class as a one among zeros: {}", self.labels.join(", "));
        Port::of("class", &[self.labels.len()], Holds::OneHot, meaning)
    }

    /// Rows of numbers of items in the data's own terms as the networks see them.
    pub fn items_of(&self, rows: &Tensor<2>) -> Tensor<4> {
        let x = images(rows, self.image_shape());
        if self.scale == 1.0 { x } else { x / self.scale }
    }

    /// What a network made as rows of numbers in the data's own terms, as [`Stage::samples`] has it.
    pub fn rows_of(&self, made: Tensor<4>) -> Tensor<2> {
        let x = rows(made);
        let x = if self.scale == 1.0 { x } else { x * self.scale };
        match self.kind.is_bounded() {
            true => x.clamp(-1.0, 1.0),
            false => x,
        }
    }

    /// Standard normal latents.
    pub fn latents(&self, count: usize, latent: usize, key: Key, device: &Device) -> Tensor<2> {
        noise::normal(key.words(), [count, latent], device)
    }

    /// Classes as rows of zeros with a one.
    pub fn one_hot(&self, labels: &[u32], device: &Device) -> Tensor<2> {
        one_hot(labels, self.labels.len(), device)
    }

    /// Classes drawn as often as the data have them; the i-th is a function of the key and i.
    pub fn draw_labels(&self, count: usize, key: Key) -> Vec<u32> {
        let one = |i: usize| key.step(i as u64).rng().class(self.labels.len(), &self.shares) as u32;
        (0..count).map(one).collect()
    }

    /// The class of every item of a batch.
    ///
    /// # Errors
    /// [`Error::Data`] where an item has none.
    pub fn labels_of<'a>(&self, batch: &'a Batch) -> Result<&'a [u32]> {
        batch.labels.as_deref().ok_or_else(|| {
            let problem = format!("some items have no class, and {} learns from classes", self.model);
            Error::data(
                "the training data",
                problem,
                "choose a source with classes, or another model",
            )
        })
    }

    /// Mean distance of neighbours among samples over that among data.
    pub fn diversity(&self, made: &Tensor<4>, batch: &Batch) -> f64 {
        let width = self.numbers();
        let data = super::monitor::spread(&batch.values, width);
        self.scale as f64 * super::monitor::spread(&numbers(made.clone()), width) / data.max(1e-12)
    }
}

/// Classes as rows of zeros with a one, `[batch, classes]`.
pub fn one_hot(labels: &[u32], classes: usize, device: &Device) -> Tensor<2> {
    let mut rows = vec![0f32; labels.len() * classes];
    for (row, label) in rows.chunks_exact_mut(classes).zip(labels) {
        row[*label as usize] = 1.0;
    }
    Tensor::from_data(TensorData::new(rows, [labels.len(), classes]), device)
}

/// Refuses data without classes for a model that learns from them.
///
/// # Errors
/// [`Error::Data`].
pub fn needs_labels(model: &str, info: &DataInfo) -> Result<()> {
    match info.labels.len() {
        0 | 1 => Err(Error::data(
            &info.source,
            format!(
                "{model} learns from classes, and these {} have none",
                info.kind.plural()
            ),
            "choose a source with classes (sub-folders, or a column `label` in metadata.csv), or leave the condition out",
        )),
        _ => Ok(()),
    }
}

/// Points as one-pixel images.
pub fn image_shape(info: &DataInfo) -> [usize; 3] {
    as_image_shape(info)
}
