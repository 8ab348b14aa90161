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
mod answers;
mod codebook;
mod network;
#[cfg(test)]
mod tests;

pub use codebook::{CodebookConfig, Learn};

use super::likelihood::{Grey, Likelihood, Observation};
use super::vae::value;
use crate::autoregressive::gated_pixel_cnn::{self, GatedNetwork};
use crate::autoregressive::{Autoregressive, Discrete};
use crate::function::{items, rows};
use crate::{
    Capability, Encode, Entry, EvidenceBound, Features, Function, Holds, Model, NetworkInfo, Part, Port,
    Purpose, Reconstruct, Registered, Sample, Samples, StepReport, of_shape,
};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use codebook::{MovingAverage, counts, first_vectors, perplexity, straight_through};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_nn::levels::{self, Binarization};
use menagerie_nn::{Init, Learner, OptimizerConfig, Tensors, activations, collective};
use network::VqNetwork;
use serde::{Deserialize, Serialize};

const NAME: &str = "vq_vae";

/// Everything of a recipe that is this model's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`
    pub model: Sizes,
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
pub struct Sizes {
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

impl Default for Sizes {
    fn default() -> Self {
        let (observation, binarization, deviation) = (Observation::Gaussian, Grey::Probability, 0.2);
        Sizes {
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
    autoencoder: Learner<VqNetwork>,
    /// present where codes learn by it
    average: Option<MovingAverage>,
    prior: Autoregressive<GatedNetwork>,
    likelihood: Likelihood,
    codebook: CodebookConfig,
    after: u64,
    /// items that pass the networks at a time when answering
    rows: usize,
}

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
            let problem = format!("{NAME} draws images, but these are {}", info.kind.plural());
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
        let init = Init::new(key.stream("autoencoder"), device);
        let network = VqNetwork::new(m, item, outputs, self.codebook.size, &init);
        let rows = activations::items_at_a_time(|| network.valid().pass_one());
        let [lines, columns] = network.grid();
        let average = (self.codebook.learn == Learn::MovingAverage)
            .then(|| MovingAverage::new(&vec![0.0; self.codebook.size * m.latent], 1.0, &self.codebook));
        // The prior is a model of images whose pixels are codes.
        let grid = DataInfo {
            shape: vec![lines, columns, 1],
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
        let sizes = gated_pixel_cnn::Sizes {
            width,
            depth,
            head,
            conditional,
            embedding,
            average: of_prior,
            ..gated_pixel_cnn::Sizes::default()
        };
        let pixel_cnn = gated_pixel_cnn::Config {
            model: sizes,
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
            rows,
        })
    }
}

impl VqVae {
    /// Codes, as another program has them.
    fn codes_port(&self, shape: &[usize]) -> Port {
        let size = self.codebook.size;
        let meaning = format!("rows of codebook.vectors, 0 to {}", size - 1);
        Port::of("codes", shape, Holds::Whole(size), meaning)
    }

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
    fn in_parts(&self, count: usize, mut each: impl FnMut(std::ops::Range<usize>)) {
        (0..count)
            .step_by(self.rows)
            .for_each(|from| each(from..count.min(from + self.rows)));
    }

    /// Codes of observed items, `[items, places]`.
    fn codes(&self, network: &VqNetwork, x: &Tensor<4>) -> Vec<u32> {
        let mut codes = Vec::new();
        self.in_parts(x.dims()[0], |part| {
            let z = network.encode(x.clone().narrow(0, part.start, part.len()));
            codes.extend(network.codebook.nearest(z));
        });
        codes
    }

    /// Calls `each` with what the decoder says of a part of some items by their codes, and where the part begins.
    fn decoded(&self, network: &VqNetwork, codes: &[u32], mut each: impl FnMut(usize, Tensor<4>)) {
        let [rows, columns] = network.grid();
        let places = rows * columns;
        self.in_parts(codes.len() / places, |part| {
            let of = &codes[part.start * places..part.end * places];
            each(part.start, network.decode(network.codebook.look_up(of)));
        });
    }

    fn images(&self, network: &VqNetwork, codes: &[u32]) -> Samples {
        let info = self.likelihood.info();
        let mut all = Samples {
            kind: info.kind,
            shape: vec![0],
            values: Vec::new(),
        };
        self.decoded(network, codes, |_, said| {
            all.values.extend(self.likelihood.mean(said).values)
        });
        let count = all.values.len() / info.numbers().max(1);
        all.shape = [&[count], &info.shape[..]].concat();
        all
    }

    /// The codes' first places: vectors that the encoder gives.
    fn start(&mut self, z: &[f32], key: Key) {
        let [size, width] = self.autoencoder.network().codebook.vectors.dims();
        let z = collective::gather(z.to_vec());
        let key = collective::common_key(key.stream("first codes"));
        let vectors = first_vectors(&z, width, size, key);

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
        let codes = self.codes(&network, &x);
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
        let autoencoder = self.autoencoder.info(VqNetwork::pass_one);
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

    fn functions(&self) -> Vec<Function<'_>> {
        let (likelihood, info) = (&self.likelihood, self.likelihood.info());
        let [height, width] = self.autoencoder.network().grid();
        let codes = || self.codes_port(&[height, width]);
        let network = |x: &Tensor<2>| self.autoencoder.for_use_on(&x.device());
        let decode = Function::new(
            "decode",
            "the mean of p(x | codes)",
            vec![codes()],
            vec![Port::item(info)],
            move |x| {
                let (network, count) = (network(&x[0]), x[0].dims()[0] * height * width);
                let codes = x[0].clone().reshape([count]).round().int();
                let vectors = network.codebook.vectors.val().select(0, codes);
                vec![rows(likelihood.mean_of(network.decode(vectors)))]
            },
        );
        let encode = Function::new(
            "encode",
            "the codes of items",
            vec![likelihood.item_port()],
            vec![codes()],
            move |x| {
                let (network, count) = (network(&x[0]), x[0].dims()[0]);
                let z = network.encode(likelihood.seen(items(&x[0], info)));
                let codes = network.codebook.scores(z).argmax(1).float();
                vec![codes.reshape([count, height * width])]
            },
        );
        // The prior's own inputs are images whose pixels are codes.
        let prior = self.prior.functions().into_iter().map(move |f| {
            let inputs = std::iter::once(codes()).chain(f.inputs.iter().skip(1).cloned());
            let (inputs, outputs) = (inputs.collect(), f.outputs.clone());
            let top = (self.codebook.size - 1).max(1) as f64;
            Function::new(
                f.name,
                "what the prior says of each code, of those before it",
                inputs,
                outputs,
                move |x| {
                    let mut x = x.to_vec();
                    x[0] = x[0].clone() * (2.0 / top) - 1.0;
                    f.run(&x)
                },
            )
        });
        [decode, encode].into_iter().chain(prior).collect()
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
