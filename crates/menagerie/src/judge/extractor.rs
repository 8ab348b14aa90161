//! Feature extractors: what turns images into the vectors that metrics compare.
//!
//! A figure depends on its extractor, so each has a name and a hash of its weights, and every result carries both.
use super::pretrained::Pretrained;
use crate::data::{Batch, Kind};
use crate::error::{Error, Result};
use crate::explore::Reader;
use crate::metrics::video::grouped;
use crate::models::Model;
use crate::nn::{Activation, Conv2d, Init, Weights};
use crate::random::Key;
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_kernels::avg_pool2d;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// How images are brought to the extractor's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resize {
    /// as they are
    None,
    /// bilinear without antialiasing, as pytorch-fid does (`align_corners=False`)
    Bilinear,
    /// bicubic with antialiasing in the manner of PIL, in single precision, as clean-fid does (Parmar et al. 2022)
    Clean,
}

impl Resize {
    /// Its name in definitions and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Resize::None => "none",
            Resize::Bilinear => "bilinear",
            Resize::Clean => "clean",
        }
    }

    /// By its name.
    ///
    /// # Errors
    /// [`Error::Usage`] with the names there are.
    pub fn named(text: &str) -> Result<Resize> {
        let all = [Resize::None, Resize::Bilinear, Resize::Clean];
        let found = all.into_iter().find(|r| r.name() == text);
        found.ok_or_else(|| {
            Error::usage(
                format!("there is no resize `{text}`"),
                crate::error::nearest(text, all.map(Resize::name)),
            )
        })
    }
}

enum Network {
    Pixels,
    Random(Vec<Conv2d>),
    Model(Box<dyn Model>),
    /// shown images that are shrunk so many times
    Learned(Box<dyn Model>, usize),
    Pretrained(Box<dyn Pretrained>),
}

/// Groups of classes that are told apart instead of the classes: the group of each class, and the groups' names.
struct Groups {
    of: Vec<usize>,
    names: Vec<String>,
}

/// What turns images into features.
pub struct Extractor {
    name: String,
    hash: String,
    resize: Resize,
    network: Network,
    groups: Option<Groups>,
    device: Device,
}

/// Features of some images, row by row.
#[derive(Clone, Debug, Default)]
pub struct Extracted {
    /// `[images, width]`
    pub features: Vec<f32>,
    /// features of an image
    pub width: usize,
    /// logarithms of class probabilities `[images, classes]`, where the extractor classifies
    pub log_probabilities: Vec<f32>,
    /// classes that it tells apart; 0 where it does not classify
    pub classes: usize,
}

/// Channels of the layers of `random:SEED`, each a 4x4 convolution of stride 2.
const RANDOM: [usize; 3] = [32, 64, 128];

/// SHA-256 as hexadecimal digits.
pub fn sha256(parts: impl IntoIterator<Item = impl AsRef<[u8]>>) -> String {
    let mut hash = Sha256::new();
    parts.into_iter().for_each(|p| hash.update(p));
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

impl Extractor {
    /// The pixels themselves, in [0, 1].
    pub fn pixels() -> Extractor {
        Extractor {
            name: "pixels".into(),
            hash: sha256(["pixels"]),
            resize: Resize::None,
            network: Network::Pixels,
            groups: None,
            device: Device::flex(),
        }
    }

    /// A network that was never trained, the same for the same seed: three strided convolutions with leaky ReLU, and
    /// the means over all positions of each layer. A baseline: what a trained extractor adds can be seen against it.
    pub fn random(seed: u64, device: &Device) -> Extractor {
        Extractor {
            name: format!("random:{seed}"),
            hash: sha256([format!(
                "random convolutions 4x4 stride 2 {RANDOM:?} leaky 0.2 seed {seed}"
            )]),
            resize: Resize::None,
            network: Network::Random(Vec::new()),
            groups: None,
            device: device.clone(),
        }
        .seeded(seed)
    }

    fn seeded(mut self, seed: u64) -> Self {
        // Grey images are shown three times, so the weights do not depend on the data.
        let mut inputs = 3;
        let init = Init::new(Key::new(seed).stream("random extractor"), &self.device);
        let layers = RANDOM.iter().enumerate().map(|(i, &outputs)| {
            let of = Conv2d::of([inputs, outputs]).kernel(4).stride(2).padding(1);
            let layer = of.weights(Weights::He(1.0)).init(&init.nth(i));
            inputs = outputs;
            layer
        });
        self.network = Network::Random(layers.collect());
        self
    }

    /// A trained model with features, such as a classifier; `hash` is that of its weights.
    ///
    /// # Errors
    /// [`Error::Usage`] when the model has no features.
    pub fn of_model(name: String, hash: String, model: Box<dyn Model>, device: &Device) -> Result<Extractor> {
        if model.as_features().is_none() {
            let fix = "train one: `menagerie train classifier --data SOURCE`";
            return Err(Error::usage(
                format!("`{name}` is not a model that gives features"),
                fix,
            ));
        }
        Ok(Extractor {
            name,
            hash,
            resize: Resize::None,
            network: Network::Model(model),
            groups: None,
            device: device.clone(),
        })
    }

    /// A network that learned from the data without labels; it is shown images [`shrunk`] so many times.
    pub fn of_learned(hash: String, model: Box<dyn Model>, times: usize, device: &Device) -> Extractor {
        Extractor {
            name: "learned".into(),
            hash,
            resize: Resize::None,
            network: Network::Learned(model, times),
            groups: None,
            device: device.clone(),
        }
    }

    /// A network that others have trained, shown images of its own size.
    pub fn of_pretrained(
        name: String,
        hash: String,
        network: Box<dyn Pretrained>,
        resize: Resize,
        device: &Device,
    ) -> Extractor {
        Extractor {
            name,
            hash,
            resize,
            network: Network::Pretrained(network),
            groups: None,
            device: device.clone(),
        }
    }

    /// The same, but telling apart groups of its classes: class i belongs to the group `of[i]` of `names`.
    ///
    /// # Errors
    /// [`Error::Usage`] when it does not classify, or `of` does not give each of its classes one of the names.
    pub fn grouped(mut self, of: &[usize], names: &[&str]) -> Result<Extractor> {
        let classes = self.classes().len();
        let fits = of.len() == classes && of.iter().all(|&g| g < names.len());
        if classes == 0 || !fits || (0..names.len()).any(|g| !of.contains(&g)) {
            return Err(Error::usage(
                format!(
                    "the {classes} classes of `{}` do not fall into {} groups by {of:?}",
                    self.name,
                    names.len()
                ),
                "give the group of each class",
            ));
        }
        self.groups = Some(Groups {
            of: of.to_vec(),
            names: names.iter().map(|n| n.to_string()).collect(),
        });
        Ok(self)
    }

    /// Its name, without the place of its file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What a figure made with it has to say about it.
    pub fn definition(&self) -> Map<String, Value> {
        let fields = [
            ("extractor", self.name.as_str()),
            ("extractor_sha256", &self.hash),
            ("resize", self.resize.name()),
        ];
        let groups = self
            .groups
            .iter()
            .map(|g| ("groups".to_string(), g.of.clone().into()));
        fields
            .into_iter()
            .map(|(k, v)| (k.to_string(), v.into()))
            .chain(groups)
            .collect()
    }

    /// Classes that it tells apart; none where it does not classify.
    pub fn classes(&self) -> &[String] {
        match (&self.groups, &self.network) {
            (Some(groups), _) => &groups.names,
            (None, Network::Model(m)) => m.as_classify().map_or(&[], |c| c.classes()),
            _ => &[],
        }
    }

    /// What reads attributes or tells classes, where it is a model that does.
    pub fn reader(&self) -> Option<Reader<'_>> {
        match &self.network {
            Network::Model(m) => Reader::of(&**m, &self.name).ok(),
            _ => None,
        }
    }

    /// Whether it gives class probabilities.
    pub fn classifies(&self) -> bool {
        matches!(self.network, Network::Pretrained(_)) || !self.classes().is_empty()
    }

    /// Features of images in [-1, 1], which are rounded to 8 bits first: a file and the program that made it give the
    /// same figure.
    ///
    /// # Errors
    /// [`Error::Usage`] for what are not images, or images of a shape it does not take; [`Error::Data`] for pixels that
    /// are not finite.
    pub fn extract(&self, batch: &Batch) -> Result<Extracted> {
        let mut rounded = batch.clone();
        // A number that is none stays as it is, so that it is found.
        rounded
            .values
            .iter_mut()
            .filter(|v| v.is_finite())
            .for_each(|v| *v = crate::picture::byte(*v) as f32 / 127.5 - 1.0);
        self.extract_unrounded(&rounded)
    }

    /// Features of images as they are, for metrics of differences smaller than a step of 8 bits.
    ///
    /// # Errors
    /// As [`Extractor::extract`].
    pub fn extract_unrounded(&self, batch: &Batch) -> Result<Extracted> {
        if let Some(at) = batch.values.iter().position(|v| !v.is_finite()) {
            let n: usize = batch.shape[1..].iter().product();
            let problem = format!(
                "item {} has pixels that are not finite ({})",
                batch.indices[at / n],
                batch.values[at]
            );
            return Err(Error::data("the images", problem, "leave such images out"));
        }
        if batch.kind != Kind::Image {
            return Err(Error::usage(
                format!(
                    "`{}` takes images, but these are {}",
                    self.name,
                    batch.kind.plural()
                ),
                "choose other metrics",
            ));
        }
        match &self.network {
            Network::Pixels => {
                let features = batch.values.iter().map(|v| (v + 1.0) / 2.0).collect();
                Ok(Extracted {
                    features,
                    width: batch.shape[1..].iter().product(),
                    ..Extracted::default()
                })
            }
            Network::Random(layers) => self.random_features(layers, batch),
            Network::Learned(model, times) => match model.as_features() {
                Some(f) => Ok(Extracted {
                    features: f.features(&shrunk(batch, *times))?,
                    width: f.width(),
                    ..Extracted::default()
                }),
                None => Ok(Extracted::default()),
            },
            Network::Model(model) => {
                let Some(f) = model.as_features() else {
                    return Ok(Extracted::default());
                };
                let mut out = Extracted {
                    features: f.features(batch)?,
                    width: f.width(),
                    ..Extracted::default()
                };
                if let Some(c) = model.as_classify() {
                    (out.log_probabilities, out.classes) = (c.log_probabilities(batch)?, c.classes().len());
                }
                if let Some(groups) = &self.groups {
                    let each: Vec<f64> = out
                        .log_probabilities
                        .iter()
                        .map(|&l| f64::from(l).exp())
                        .collect();
                    let sums = grouped(&each, &groups.of);
                    out.log_probabilities = sums.iter().map(|p| p.ln() as f32).collect();
                    out.classes = groups.names.len();
                }
                Ok(out)
            }
            Network::Pretrained(network) => network.extract(&self.colours(batch)?, self.resize),
        }
    }

    /// Features of every layer, where it is a model; otherwise those that it gives.
    ///
    /// # Errors
    /// As [`Extractor::extract`].
    pub fn layers(&self, batch: &Batch) -> Result<Vec<(String, Vec<f32>)>> {
        match &self.network {
            Network::Model(model) => model.as_features().map_or(Ok(vec![]), |f| f.layers(batch)),
            _ => Ok(vec![("features".into(), self.extract(batch)?.features)]),
        }
    }

    fn random_features(&self, layers: &[Conv2d], batch: &Batch) -> Result<Extracted> {
        if batch.shape.len() < 4 || batch.shape[1].min(batch.shape[2]) < 8 {
            return Err(Error::usage(
                "`random` takes images of 8x8 pixels at least",
                "use the extractor `pixels`, or enlarge with --size",
            ));
        }
        let mut x = self.colours(batch)?;
        let mut rows: Vec<Tensor<2>> = Vec::new();
        for layer in layers {
            x = layer.forward(x, Activation::LeakyRelu(0.2));
            let [_, h, w, _] = x.dims();
            rows.push(avg_pool2d(x.clone(), [h, w], [1, 1], [0, 0]).flatten(1, 3));
        }
        let features = Tensor::cat(rows, 1)
            .into_data()
            .try_into_vec::<f32>()
            .expect("networks are f32");
        Ok(Extracted {
            features,
            width: RANDOM.iter().sum(),
            ..Extracted::default()
        })
    }

    /// Images of three channels: grey is repeated, alpha and more are left out.
    fn colours(&self, batch: &Batch) -> Result<Tensor<4>> {
        let [h, w, c] = [batch.shape[1], batch.shape[2], batch.shape[3]];
        let pick = |k: usize| if c < 3 { 0 } else { k };
        let values: Vec<f32> = match c {
            3 => batch.values.clone(),
            _ => batch
                .values
                .chunks_exact(c)
                .flat_map(|p| [p[pick(0)], p[pick(1)], p[pick(2)]])
                .collect(),
        };
        Ok(Tensor::from_data(
            TensorData::new(values, [batch.shape[0], h, w, 3]),
            &self.device,
        ))
    }

    /// Features of an image `[height, width, channel]`.
    ///
    /// # Errors
    /// As [`Extractor::takes`].
    pub fn width(&self, shape: &[usize]) -> Result<usize> {
        self.takes(shape)?;
        Ok(match &self.network {
            Network::Pixels => shape.iter().product(),
            Network::Random(_) => RANDOM.iter().sum(),
            Network::Model(m) | Network::Learned(m, _) => m.as_features().map_or(0, |f| f.width()),
            Network::Pretrained(n) => n.width(),
        })
    }

    /// Whether images of that description can be given to it.
    ///
    /// # Errors
    /// [`Error::Usage`] that says how to prepare them.
    pub fn takes(&self, shape: &[usize]) -> Result<()> {
        let probe = Batch {
            kind: Kind::Image,
            shape: [&[1], shape].concat(),
            values: vec![0.0; shape.iter().product()],
            labels: None,
            attributes: vec![],
            captions: None,
            indices: vec![0],
        };
        match &self.network {
            // A forward pass of these is costly, and they take every size.
            Network::Pretrained(_) | Network::Pixels => Ok(()),
            _ => self.extract(&probe).map(drop),
        }
    }
}

/// Images of a batch `[count, height, width, channel]` as means of squares of `times` x `times` pixels; what is left over at the
/// right and below is left out.
pub fn shrunk(batch: &Batch, times: usize) -> Batch {
    if times <= 1 {
        return batch.clone();
    }
    let [n, h, w, c] = [0, 1, 2, 3].map(|i| batch.shape[i]);
    let (rows, columns) = (h / times, w / times);
    let mut values = vec![0.0; n * rows * columns * c];
    for (i, out) in values.chunks_exact_mut(c).enumerate() {
        let (image, y, x) = (i / (rows * columns), i / columns % rows, i % columns);
        for (dy, dx) in (0..times * times).map(|k| (k / times, k % times)) {
            let at = ((image * h + y * times + dy) * w + x * times + dx) * c;
            out.iter_mut()
                .zip(&batch.values[at..at + c])
                .for_each(|(o, v)| *o += v);
        }
        out.iter_mut().for_each(|o| *o /= (times * times) as f32);
    }
    Batch {
        shape: vec![n, rows, columns, c],
        values,
        ..batch.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_shrunk_to_means() {
        let batch = Batch {
            kind: Kind::Image,
            shape: vec![2, 3, 4, 2],
            values: (0..48).map(|v| v as f32).collect(),
            labels: None,
            attributes: vec![],
            captions: None,
            indices: vec![0, 1],
        };
        let small = shrunk(&batch, 2);
        assert_eq!(small.shape, [2, 1, 2, 2]);
        // Pixels (0, 0), (0, 1), (1, 0), (1, 1) of channel 0 are 0, 2, 8 and 10.
        assert_eq!(small.values, [5.0, 6.0, 9.0, 10.0, 29.0, 30.0, 33.0, 34.0]);
        assert_eq!(shrunk(&batch, 1).values, batch.values);
    }
}
