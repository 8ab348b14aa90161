//! VQ-VAE: an autoencoder whose latents are codes of a codebook, and a PixelCNN as the prior over them.
//!
//! van den Oord, Vinyals, Kavukcuoglu (2017), Neural Discrete Representation Learning, arXiv:1711.00937.
//!
//! ```text
//! L = - log p(x | z_q(x)) + || sg[z_e(x)] - e ||^2 + beta || z_e(x) - sg[e] ||^2                    (equation 3)
//! log p(x) >= log p(x | z_q(x)) + log p(codes of x)                                                (section 3.2)
//! ```
//!
//! The first `prior.after` steps descend L, in nats an item, with p(codes) uniform. Then encoder, codes and decoder stay as
//! they are, and all further steps fit p(codes), a gated PixelCNN over the grid of codes (section 3.3). The second line holds
//! because q(codes | x) has all its mass on one grid of codes, so the bound needs no draws.
use super::codebook::{
    CodebookConfig, Learn, MovingAverage, counts, first_vectors, perplexity, straight_through,
};
use super::likelihood::{Grey, Likelihood, Observation};
use super::vae::value;
use super::vq_networks::{Network, Sizes};
use crate::autoregressive::Autoregressive;
use crate::autoregressive::discrete::Discrete;
use crate::autoregressive::gated_pixel_cnn::{self, Settings};
use crate::{
    Capability, Encode, Entry, EvidenceBound, Exported, Features, LogLikelihood, Model, NetworkInfo, Part,
    Port, Purpose, Reconstruct, Reconstruction, Registered, Sample, SampleRequest, Samples, StepReport,
    of_shape,
};
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_nn::levels::{self, Binarization};
use menagerie_nn::{Learner, OptimizerConfig, Tensors};
use serde::{Deserialize, Serialize};

const NAME: &str = "vq_vae";

/// Everything of a recipe that is this model's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`
    pub model: Networks,
    /// `[codebook]`
    pub codebook: CodebookConfig,
    /// `[prior]`
    pub prior: Prior,
    /// `[optimizer]`
    pub optimizer: Optimizers,
}

/// `[model]`: encoder, decoder, and what is observed of an item.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Networks {
    /// channels
    pub width: usize,
    /// channels within a residual block
    pub inner: usize,
    /// residual blocks on each side
    pub blocks: usize,
    /// times that height and width are halved: an item of 32x32 has, with 2, 8x8 codes
    pub halvings: usize,
    /// numbers of a code's vector
    pub latent: usize,
    /// p(x | z): `bernoulli`, `gaussian` or `discretized-logistic`
    pub observation: Observation,
    /// `bernoulli`: `dynamic`, `threshold`, or `none` for grey as the probability of white
    pub binarization: Grey,
    /// `gaussian`: its standard deviation, where images span 2; 0 to learn it
    pub deviation: f64,
}

/// `[prior]`: the PixelCNN over codes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Prior {
    /// steps that train the autoencoder; all later ones train the prior
    pub after: u64,
    /// features of each stack
    pub width: usize,
    /// layers after the first
    pub depth: usize,
    /// features of the layer before the logits
    pub head: usize,
    /// numbers that a code is shown as
    pub embedding: usize,
    /// tell the prior the item's class, so that `sample --label` can ask for one
    pub conditional: bool,
    /// decay of the moving average of its weights; 0 for none
    pub average: f64,
}

/// `[optimizer.autoencoder]` and `[optimizer.prior]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Optimizers {
    /// of encoder and decoder, and of codes that learn by gradient
    pub autoencoder: OptimizerConfig,
    /// of the PixelCNN
    pub prior: OptimizerConfig,
}

impl Default for Networks {
    fn default() -> Self {
        let (observation, binarization, deviation) = (Observation::Gaussian, Grey::Probability, 0.2);
        Networks {
            width: 128,
            inner: 32,
            blocks: 2,
            halvings: 2,
            latent: 64,
            observation,
            binarization,
            deviation,
        }
    }
}

impl Default for Prior {
    fn default() -> Self {
        Prior {
            after: 2000,
            width: 64,
            depth: 8,
            head: 128,
            embedding: 32,
            conditional: false,
            average: 0.0,
        }
    }
}

impl Default for Optimizers {
    fn default() -> Self {
        let adam = OptimizerConfig::adam(3e-4);
        Optimizers {
            autoencoder: adam,
            prior: OptimizerConfig::adam(1e-3),
        }
    }
}

/// Both stages.
pub struct VqVae {
    autoencoder: Learner<Network>,
    /// present where codes learn by it
    average: Option<MovingAverage>,
    prior: Autoregressive<gated_pixel_cnn::Network>,
    likelihood: Likelihood,
    codebook: CodebookConfig,
    after: u64,
}

/// Floats that answering may keep at a time, in the networks' layers.
const FLOATS: usize = 1 << 24;

impl Config {
    fn check(&self) -> Result<()> {
        self.codebook.check()?;
        let m = &self.model;
        if [
            m.width,
            m.inner,
            m.latent,
            m.halvings,
            self.prior.width,
            self.prior.head,
        ]
        .contains(&0)
            || m.halvings > 8
            || m.blocks > 100
        {
            let problem = "sizes must be 1 or more, halvings at most 8, blocks at most 100";
            return Err(Error::recipe(
                "model",
                problem,
                "see the defaults: `menagerie train vq_vae --dry-run`",
            ));
        }
        Ok(())
    }

    /// Fresh networks for images of that description.
    ///
    /// # Errors
    /// For settings that do not fit each other or the data.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<VqVae> {
        self.check()?;
        let (m, p) = (&self.model, &self.prior);
        if info.kind != Kind::Image {
            let problem = format!("{NAME} draws images, these are {}", info.kind.plural());
            return Err(Error::data(&info.source, problem, "choose a source of images"));
        }
        let likelihood = Likelihood::new(m.observation, m.binarization, m.deviation, info)?;
        let (item, outputs) = (likelihood.item(), likelihood.outputs()[2]);
        if item[0].min(item[1]) >> m.halvings == 0 {
            let problem = format!(
                "images of {}x{} cannot be halved {} times",
                item[0], item[1], m.halvings
            );
            return Err(Error::recipe(
                "model.halvings",
                problem,
                "lower it, or enlarge images with --size",
            ));
        }
        let sizes = Sizes {
            width: m.width,
            inner: m.inner,
            blocks: m.blocks,
            halvings: m.halvings,
            latent: m.latent,
        };
        let network = Network::new(
            &sizes,
            item,
            outputs,
            self.codebook.size,
            key.stream("autoencoder"),
            device,
        );
        let [rows, columns] = network.grid();
        let average = (self.codebook.learn == Learn::MovingAverage)
            .then(|| MovingAverage::new(&vec![0.0; self.codebook.size * m.latent], 1.0, &self.codebook));
        // The prior is a model of images whose pixels are codes.
        let grid = DataInfo {
            shape: vec![rows, columns, 1],
            range: (0.0, self.codebook.size as f32 - 1.0),
            ..info.clone()
        };
        let Prior {
            width,
            depth,
            head,
            embedding,
            conditional,
            average: of_prior,
            ..
        } = *p;
        let settings = Settings {
            width,
            depth,
            head,
            conditional,
            embedding,
            average: of_prior,
            ..Settings::default()
        };
        let pixel_cnn = gated_pixel_cnn::Config {
            model: settings,
            optimizer: self.optimizer.prior,
        };
        let discrete = Discrete {
            levels: self.codebook.size,
            binarization: Binarization::Threshold,
        };
        Ok(VqVae {
            autoencoder: Learner::new("autoencoder", network, self.optimizer.autoencoder, 0.0, device)?,
            average,
            prior: pixel_cnn.named(NAME, &grid, discrete, device, key.stream("prior"))?,
            likelihood,
            codebook: self.codebook,
            after: p.after,
        })
    }
}

impl VqVae {
    /// A batch of grids of codes, as images that the prior models.
    fn grids(&self, batch: &Batch, codes: &[u32]) -> Batch {
        let [rows, columns] = self.autoencoder.network().grid();
        Batch {
            kind: Kind::Image,
            shape: vec![batch.shape[0], rows, columns, 1],
            values: codes
                .iter()
                .map(|&c| levels::value(c, self.codebook.size))
                .collect(),
            labels: batch.labels.clone(),
            attributes: vec![],
            captions: None,
            indices: batch.indices.clone(),
        }
    }

    /// The items of a batch as the likelihood has them, for answers.
    fn observed(&self, batch: &Batch, key: Option<Key>) -> Result<Tensor<4>> {
        of_shape(batch, &self.likelihood.info().shape, NAME)?;
        Ok(self.likelihood.observed(
            batch,
            key.map(|k| k.stream("observe")),
            &self.autoencoder.plain_device(),
        ))
    }

    /// Calls `each` with as many places as pass the networks at a time, of `count` items.
    fn in_parts(network: &Network, count: usize, mut each: impl FnMut(std::ops::Range<usize>)) {
        let rows = (FLOATS / network.activations().max(1)).max(1);
        (0..count)
            .step_by(rows)
            .for_each(|from| each(from..count.min(from + rows)));
    }

    /// Codes of observed items, `[items, places]`.
    fn codes(network: &Network, x: &Tensor<4>) -> Vec<u32> {
        let mut codes = Vec::new();
        Self::in_parts(network, x.dims()[0], |part| {
            let z = network.encode(x.clone().narrow(0, part.start, part.len()));
            codes.extend(network.codebook.nearest(z));
        });
        codes
    }

    /// Calls `each` with what the decoder says of a part of some items by their codes, and where the part begins.
    fn decoded(network: &Network, codes: &[u32], mut each: impl FnMut(usize, Tensor<4>)) {
        let [rows, columns] = network.grid();
        let places = rows * columns;
        Self::in_parts(network, codes.len() / places, |part| {
            let of = &codes[part.start * places..part.end * places];
            each(part.start, network.decode(network.codebook.look_up(of)));
        });
    }

    fn images(&self, network: &Network, codes: &[u32]) -> Samples {
        let info = self.likelihood.info();
        let mut all = Samples {
            kind: info.kind,
            shape: vec![0],
            values: Vec::new(),
        };
        Self::decoded(network, codes, |_, said| {
            all.values.extend(self.likelihood.mean(said).values)
        });
        let count = all.values.len() / info.numbers().max(1);
        all.shape = [&[count], &info.shape[..]].concat();
        all
    }

    /// The codes' first places: vectors that the encoder gives.
    fn start(&mut self, z: &[f32], key: Key) {
        let [size, width] = self.autoencoder.network().codebook.vectors.dims();
        let vectors = first_vectors(z, width, size, key.stream("first codes"));
        if let Some(average) = &mut self.average {
            *average = MovingAverage::new(&vectors, (z.len() / width) as f32 / size as f32, &self.codebook);
        }
        self.put(vectors);
    }

    fn put(&mut self, vectors: Vec<f32>) {
        let mut network = self.autoencoder.network().clone();
        network.codebook = network.codebook.at(vectors);
        self.autoencoder.set_network(network);
    }

    /// A step down L.
    fn step_autoencoder(&mut self, batch: &Batch, key: Key, watch: bool) -> Result<StepReport> {
        let items = batch.shape[0] as f64;
        let x = self
            .likelihood
            .observed(batch, Some(key.stream("observe")), self.autoencoder.device());
        let z = self.autoencoder.network().encode(x.clone());
        let found = menagerie_nn::numbers(z.clone());
        if self.autoencoder.updates() == 0 {
            self.start(&found, key);
        }
        let network = self.autoencoder.network();
        let codes = network.codebook.nearest(z.clone());
        let e = network.codebook.look_up(&codes);
        let square = |a: Tensor<2>, b: Tensor<2>| (a - b).powi_scalar(2).sum() / items;
        let said = network.decode(straight_through(z.clone(), e.clone()));
        let reconstruction = -self.likelihood.log_probability(said, x).mean();
        let commitment = square(z.clone(), e.clone().detach());
        let mut scalars = Vec::new();
        if watch {
            let used = counts(&codes, self.codebook.size);
            scalars.extend([
                ("loss/reconstruction", value(&reconstruction)),
                ("loss/commitment", value(&commitment)),
                ("codes/perplexity", perplexity(&used)),
                ("codes/used", used.iter().filter(|&&n| n > 0).count() as f64),
            ]);
        }
        let loss = reconstruction + commitment * self.codebook.commitment;
        let loss = match self.codebook.learn {
            Learn::Gradient => loss + square(z.detach(), e),
            Learn::MovingAverage => loss,
        };
        let seen = self.autoencoder.descend(loss, watch)?;
        if let Some(vectors) = self
            .average
            .as_mut()
            .map(|a| a.update(&found, &codes, key.stream("revival")))
        {
            self.put(vectors);
        }
        scalars.insert(0, ("loss/total", seen.loss));
        scalars.extend(seen.gradient.map(|g| ("gradient/autoencoder", g)));
        Ok(StepReport {
            scalars,
            troubles: vec![],
        })
    }

    /// A step of the prior on codes that no longer change.
    fn step_prior(&mut self, batch: &Batch, key: Key, watch: bool) -> Result<StepReport> {
        let network = self.autoencoder.for_use();
        let x = self.likelihood.observed(
            batch,
            Some(key.stream("observe")),
            &self.autoencoder.plain_device(),
        );
        let codes = Self::codes(&network, &x);
        let seen = self
            .prior
            .step(&[self.grids(batch, &codes)], key.stream("prior"), watch)?;
        let mut scalars: Vec<(&'static str, f64)> = seen
            .get("loss/nats")
            .map(|v| ("loss/prior", v))
            .into_iter()
            .collect();
        if watch {
            let used = counts(&codes, self.codebook.size);
            scalars.push(("codes/perplexity", perplexity(&used)));
            scalars.push(("codes/used", used.iter().filter(|&&n| n > 0).count() as f64));
        }
        scalars.extend(seen.get("gradient").map(|g| ("gradient/prior", g)));
        Ok(StepReport {
            scalars,
            troubles: vec![],
        })
    }
}

/// Files of the prior, which calls itself a network among networks.
fn of_prior(name: &str) -> String {
    name.replace("network", "prior")
}

impl Model for VqVae {
    fn networks(&self) -> Vec<NetworkInfo> {
        let autoencoder = self.autoencoder.info(self.autoencoder.network().activations());
        let prior = self
            .prior
            .networks()
            .into_iter()
            .map(|n| NetworkInfo { name: "prior", ..n });
        std::iter::once(autoencoder).chain(prior).collect()
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        let batch = &batches[0];
        of_shape(batch, &self.likelihood.info().shape, NAME)?;
        match self.autoencoder.updates() < self.after {
            true => self.step_autoencoder(batch, key, watch),
            false => self.step_prior(batch, key, watch),
        }
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.autoencoder.save();
        if let Some(average) = &self.average {
            parts.push(("codebook".into(), Box::new(|| average.save())));
        }
        parts.extend(
            self.prior
                .save()
                .into_iter()
                .map(|(name, part)| (of_prior(&name), part)),
        );
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.autoencoder.load(read, purpose)?;
        if let (Some(average), Purpose::Train) = (&mut self.average, purpose) {
            average.load(&read("codebook")?)?;
        }
        self.prior.load(&|name| read(&of_prior(name)), purpose)
    }

    fn exported(&self) -> Option<Exported> {
        let network = self.autoencoder.for_use();
        let [rows, columns] = network.grid();
        Some(Exported {
            network: "autoencoder",
            weights: Tensors::of(&network),
            inputs: vec![Port {
                name: "codes",
                shape: vec![0, rows, columns],
                meaning: format!("rows of codebook.vectors, 0 to {}", self.codebook.size - 1),
            }],
            outputs: vec![self.likelihood.port()],
        })
    }

    fn as_sample(&self) -> Option<&dyn Sample> {
        Some(self)
    }
    fn as_evidence_bound(&self) -> Option<&dyn EvidenceBound> {
        Some(self)
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

impl Sample for VqVae {
    /// Means of p(x | z) for codes from the prior, which heeds the temperature and, if it was told classes, the class.
    fn sample(&self, request: &SampleRequest) -> Result<Samples> {
        let drawn = self.prior.sample(request)?;
        let codes: Vec<u32> = drawn
            .values
            .iter()
            .map(|&v| levels::level(v, self.codebook.size))
            .collect();
        Ok(self.images(&self.autoencoder.for_use(), &codes))
    }
}

impl Encode for VqVae {
    /// The codes, `[batch, rows * columns]`, as whole numbers.
    fn encode(&self, batch: &Batch) -> Result<Tensor<2>> {
        let x = self.observed(batch, None)?;
        let codes: Vec<f32> = Self::codes(&self.autoencoder.for_use(), &x)
            .iter()
            .map(|&c| c as f32)
            .collect();
        let items = batch.shape[0];
        let places = codes.len() / items.max(1);
        Ok(Tensor::from_data(
            TensorData::new(codes, [items, places]),
            &x.device(),
        ))
    }
}

impl Reconstruct for VqVae {
    /// The mean of p(x | z) at the item's codes.
    fn reconstruct(&self, batch: &Batch, key: Key) -> Result<Reconstruction> {
        let x = self.observed(batch, Some(key))?;
        let network = self.autoencoder.for_use();
        let output = self.images(&network, &Self::codes(&network, &x));
        Ok(Reconstruction {
            shown: self.likelihood.binarizes().then(|| self.likelihood.shown(x)),
            output,
        })
    }
}

impl Features for VqVae {
    /// The vectors of the item's codes, place by place.
    fn features(&self, batch: &Batch) -> Result<Vec<f32>> {
        let x = self.observed(batch, None)?;
        let network = self.autoencoder.for_use();
        let vectors = network.codebook.look_up(&Self::codes(&network, &x));
        Ok(menagerie_nn::numbers(vectors))
    }

    fn width(&self) -> usize {
        let network = self.autoencoder.network();
        network.grid().iter().product::<usize>() * network.codebook.vectors.dims()[1]
    }
}

impl EvidenceBound for VqVae {
    /// log p(x | z_q(x)) + log p(codes); given the class, if the prior was told classes. All draws would be the same one, so
    /// their number does not matter.
    fn evidence_bound(&self, batch: &Batch, _: usize, key: Key) -> Result<Vec<f64>> {
        let x = self.observed(batch, Some(key))?;
        let network = self.autoencoder.for_use();
        let codes = Self::codes(&network, &x);
        let mut bound = self.prior.log_likelihood(&self.grids(batch, &codes), key)?;
        Self::decoded(&network, &codes, |from, said| {
            let part = x.clone().narrow(0, from, said.dims()[0]);
            let log = self.likelihood.log_probability(said, part);
            let log = menagerie_nn::numbers(log);
            bound[from..]
                .iter_mut()
                .zip(log)
                .for_each(|(b, l)| *b += l as f64);
        });
        Ok(bound)
    }

    fn dimensions(&self) -> usize {
        self.likelihood.info().numbers()
    }
}

impl Registered for Config {
    type Config = Config;
    fn defaults() -> Config {
        Config::default()
    }
    fn check(config: &Config) -> Result<()> {
        config.check()
    }
    fn build(config: Config, info: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.build(info, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "vq_vae",
    family: super::FAMILY,
    capabilities: &[
        Capability::Sample,
        Capability::EvidenceBound,
        Capability::Encode,
        Capability::Reconstruct,
        Capability::Features,
    ],
    paper: "van den Oord et al. 2017, Neural Discrete Representation Learning, arXiv:1711.00937",
    recipe: "vq_vae",
    data: &["digits", "portraits"],
    tiny: &[
        ("model.width", "6"),
        ("model.inner", "3"),
        ("model.latent", "4"),
        ("model.observation", "discretized-logistic"),
        ("codebook.size", "9"),
        ("prior.after", "1"),
        ("prior.width", "6"),
        ("prior.depth", "2"),
        ("prior.head", "6"),
        ("prior.embedding", "3"),
        ("prior.average", "0.9"),
        ("data.size", "12"),
    ],
    ..Entry::of::<Config>()
};

#[cfg(test)]
mod tests {
    use super::*;

    fn info(labels: &[&str]) -> DataInfo {
        DataInfo {
            source: "test".into(),
            kind: Kind::Image,
            shape: vec![8, 8, 1],
            count: 9,
            range: (0.0, 255.0),
            labels: labels.iter().map(|l| l.to_string()).collect(),
            attributes: vec![],
            rate: 0,
            shares: vec![],
        }
    }

    /// Images of a bright half, left or right by class, at four heights.
    fn batch() -> Batch {
        let pixel = |i: usize, y: usize, x: usize| {
            if (x < 4) == i.is_multiple_of(2) && y / 2 <= i / 2 {
                0.9
            } else {
                -0.9
            }
        };
        let values = (0..8)
            .flat_map(|i| (0..64).map(move |p| pixel(i, p / 8, p % 8)))
            .collect();
        let labels = Some((0..8).map(|i| i % 2).collect());
        Batch {
            kind: Kind::Image,
            shape: vec![8, 8, 8, 1],
            values,
            labels,
            attributes: vec![],
            captions: None,
            indices: (0..8).collect(),
        }
    }

    fn config(after: u64) -> Config {
        let mut c = Config::default();
        c.model = Networks {
            width: 16,
            inner: 8,
            blocks: 1,
            halvings: 2,
            latent: 4,
            ..c.model
        };
        c.codebook.size = 12;
        c.prior = Prior {
            after,
            width: 12,
            depth: 2,
            head: 12,
            embedding: 6,
            ..c.prior
        };
        c.optimizer.autoencoder.learning_rate = 3e-3;
        c.optimizer.prior.learning_rate = 1e-2;
        c
    }

    fn trained(config: Config, steps: u64) -> VqVae {
        let mut model = config
            .build(&info(&["left", "right"]), &Device::flex().autodiff(), Key::new(1))
            .unwrap();
        (0..steps).for_each(|s| drop(model.step(&[batch()], Key::new(2).step(s), true).unwrap()));
        model
    }

    fn error(model: &VqVae) -> f64 {
        let (batch, back) = (
            batch(),
            model.reconstruct(&batch(), Key::new(0)).unwrap().output.values,
        );
        batch
            .values
            .iter()
            .zip(&back)
            .map(|(a, b)| ((a - b) as f64).powi(2))
            .sum::<f64>()
            / back.len() as f64
    }

    /// Both ways of learning codes lead to reconstructions; then the prior learns the codes, the autoencoder stands still,
    /// and samples are like the data, of the class asked for.
    #[test]
    fn codes_then_their_prior() {
        for learn in [Learn::MovingAverage, Learn::Gradient] {
            let mut config = config(250);
            config.codebook.learn = learn;
            let model = trained(config, 250);
            assert!(
                error(&model) < 0.05,
                "{learn:?}: mean squared error {}",
                error(&model)
            );
        }
        let mut config = config(250);
        config.prior.conditional = true;
        let mut model = trained(config, 250);
        let before = Tensors::of(model.autoencoder.network());
        let bound = |m: &VqVae| {
            m.evidence_bound(&batch(), 1, Key::new(3))
                .unwrap()
                .iter()
                .sum::<f64>()
                / 8.0
        };
        let first = bound(&model);
        (250..400).for_each(|s| drop(model.step(&[batch()], Key::new(2).step(s), true).unwrap()));
        assert_eq!(
            Tensors::of(model.autoencoder.network()),
            before,
            "the codes no longer change"
        );
        assert!(
            bound(&model) > first + 2.0,
            "the prior has learned: {first} {}",
            bound(&model)
        );
        for label in [0, 1] {
            let s = model
                .sample(&SampleRequest {
                    label: Some(label),
                    ..SampleRequest::new(20, Key::new(5))
                })
                .unwrap();
            let side = |right: usize| s.values.chunks(4).skip(right).step_by(2).flatten().sum::<f32>();
            assert!(
                (side(0) > side(1)) == (label == 0),
                "class {label}: {} left, {} right",
                side(0),
                side(1)
            );
        }
        assert!(
            model
                .sample(&SampleRequest {
                    label: Some(2),
                    ..SampleRequest::new(1, Key::new(5))
                })
                .is_err()
        );
    }

    /// The bound from its two parts: the decoder's log-likelihood of the item, and the prior's of its codes one by one.
    #[test]
    fn the_bound_is_likelihood_and_prior() {
        let model = trained(config(5), 20);
        let (b, network) = (batch(), model.autoencoder.for_use());
        let bound = model.evidence_bound(&b, 1, Key::new(3)).unwrap();
        assert_eq!(model.evidence_bound(&b, 50, Key::new(3)).unwrap(), bound);
        let codes: Vec<u32> = model
            .encode(&b)
            .unwrap()
            .into_data()
            .as_slice::<f32>()
            .unwrap()
            .iter()
            .map(|&c| c as u32)
            .collect();
        // Bytes are dequantized by noise, which may move an item's codes: those of the noisy item count.
        let x = model.observed(&b, Some(Key::new(3))).unwrap();
        let noisy = VqVae::codes(&network, &x);
        assert!(codes.iter().zip(&noisy).filter(|(a, b)| a != b).count() < codes.len() / 4);
        let said = network.decode(network.codebook.look_up(&noisy));
        let mean: Vec<f32> = said.into_data().try_into_vec().unwrap();
        let x: Vec<f32> = x.into_data().try_into_vec().unwrap();
        let prior = model
            .prior
            .log_likelihood(&model.grids(&b, &noisy), Key::new(0))
            .unwrap();
        for i in 0..8 {
            // A Gaussian of deviation 0.2 where images span 2 over 256 levels: 25.6 levels.
            let density = |j: usize| {
                -0.5 * (((x[j] - mean[j]) as f64) / 0.2).powi(2) - (25.6 * std::f64::consts::TAU.sqrt()).ln()
            };
            let want = (i * 64..(i + 1) * 64).map(density).sum::<f64>() + prior[i];
            assert!((bound[i] - want).abs() < 1e-3 * want.abs(), "{} {want}", bound[i]);
        }
    }

    #[test]
    fn codes_pass_the_prior_unchanged() {
        for size in [2, 3, 512, 1 << 14] {
            assert!(
                (0..size as u32).all(|c| levels::level(levels::value(c, size), size) == c),
                "{size}"
            );
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let refused = |c: Config, info: &DataInfo| {
            c.build(info, &Device::flex(), Key::new(1))
                .err()
                .unwrap()
                .to_string()
        };
        let mut c = config(1);
        c.model.halvings = 4;
        assert!(refused(c, &info(&[])).contains("model.halvings"));
        c = config(1);
        c.prior.conditional = true;
        assert!(refused(c, &info(&[])).contains("these images have none"));
        assert!(
            refused(
                config(1),
                &DataInfo {
                    kind: Kind::Points,
                    shape: vec![2],
                    ..info(&[])
                }
            )
            .contains("draws images")
        );
    }
}
