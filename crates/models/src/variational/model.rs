//! What the models of the family share: an encoder and a decoder, however trained, and all that they can be asked.
use super::likelihood::{Grey, Likelihood, Observation};
use super::networks::{Architecture, Decoder, Encoder, Layers, Nonlinearity, PairNetwork, Recognition};
use crate::function::{items, rows};
use crate::{
    Encode, EvidenceBound, Features, Function, Holds, LatentSpace, Model, NetworkInfo, Part, Port, Purpose,
    Reconstruct, Reconstruction, Sample, SampleRequest, Samples, StepReport, of_shape, unconditional,
    untempered,
};
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, interrupt};
use menagerie_kernels::noise;
use menagerie_nn::init::plain;
use menagerie_nn::{Init, Tensors, activations, named};
use serde::{Deserialize, Serialize};
use std::sync::OnceLock;

/// `[model]`: the networks' sizes, and what is observed of an item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// `mlp` (fully connected) or `conv` (convolutions halve the image first)
    pub network: Architecture,
    /// dimensions of a latent
    pub latent: usize,
    /// units of the encoder's fully connected hidden layers, the item's side first; the decoder's are the reverse
    pub hidden: Vec<usize>,
    /// `conv`: channels at half the image's size; they double with every halving, up to eight times as many
    pub width: usize,
    /// after every hidden layer: `relu`, `leaky-relu`, `tanh` or `silu`
    pub activation: Nonlinearity,
    /// `conv`: batch norm after every convolution but the one next to the image
    pub batch_norm: bool,
    /// p(x | z): `bernoulli`, `gaussian` or `discretized-logistic`
    pub observation: Observation,
    /// `bernoulli`: `dynamic`, `threshold`, or `none` for grey as the probability of white
    pub binarization: Grey,
    /// `gaussian`: its standard deviation, where images span 2 and points are scaled into [-1, 1]; 0 to learn it
    pub deviation: f64,
    /// decay of the weights' moving average; 0 for none
    pub average: f64,
}

impl Default for Sizes {
    /// Kingma & Welling 2014, section 5, with ReLU and a wider latent.
    fn default() -> Self {
        Sizes {
            network: Architecture::Mlp,
            latent: 20,
            hidden: vec![500],
            width: 32,
            activation: Nonlinearity::Relu,
            batch_norm: false,
            observation: Observation::Bernoulli,
            binarization: Grey::Dynamic,
            deviation: 1.0,
            average: 0.0,
        }
    }
}

impl Sizes {
    /// The layers of its networks.
    pub fn layers(&self) -> Layers {
        let Sizes {
            network,
            width,
            activation,
            batch_norm,
            ..
        } = *self;
        Layers {
            network,
            width,
            hidden: self.hidden.clone(),
            activation,
            batch_norm,
        }
    }

    /// Fresh networks for data of that description, and what they observe.
    ///
    /// # Errors
    /// [`Error::Recipe`] for sizes of zero, and data that cannot be observed like that.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<(PairNetwork, Likelihood)> {
        if self.latent == 0 {
            return Err(Error::recipe("model.latent", "0 is too small", "give 1 or more"));
        }
        let likelihood = Likelihood::new(self.observation, self.binarization, self.deviation, info)?;
        let (layers, item) = (self.layers(), likelihood.item());
        layers.check(item)?;
        let init = Init::new(key, device);
        let encoder = Encoder::new(&layers, item, 2 * self.latent, &init.at("encoder"));
        let outputs = likelihood.outputs();
        let decoder = Decoder::new(&layers, self.latent, outputs, &init.at("decoder"));
        Ok((PairNetwork { encoder, decoder }, likelihood))
    }
}

/// How an encoder and a decoder come to their weights.
pub trait Training: Send {
    /// What tells latents of items.
    type Encoder: Recognition;
    /// Both as they are to be used: without autodiff.
    fn pair(&self) -> PairNetwork<Self::Encoder>;
    /// The device it trains on.
    fn device(&self) -> &Device;
    /// See [`Model::networks`].
    fn networks(&self) -> Vec<NetworkInfo>;
    /// See [`Model::step`]; `observed` are the batch's items as the likelihood has them.
    fn step(
        &mut self,
        likelihood: &Likelihood,
        observed: Tensor<4>,
        key: Key,
        watch: bool,
    ) -> Result<StepReport>;
    /// See [`Model::save`].
    fn save(&self) -> Vec<(String, Part<'_>)>;
    /// See [`Model::load`].
    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()>;
}

/// A variational autoencoder: p(z) standard normal, q(z | x) a Gaussian with diagonal covariance, or what an encoder draws.
pub struct Variational<T: Training> {
    name: &'static str,
    training: T,
    likelihood: Likelihood,
    latent: usize,
    /// see [`Variational::rows`]
    rows: OnceLock<usize>,
}

impl<T: Training> Variational<T> {
    /// From its parts, by its registered name.
    pub fn new(name: &'static str, training: T, likelihood: Likelihood) -> Self {
        let latent = training.pair().decoder.inputs();
        Variational {
            name,
            training,
            likelihood,
            latent,
            rows: OnceLock::new(),
        }
    }

    /// How it is trained.
    pub fn training(&self) -> &T {
        &self.training
    }

    /// What is observed of an item.
    pub fn likelihood(&self) -> &Likelihood {
        &self.likelihood
    }

    #[cfg(test)]
    pub(super) fn training_mut(&mut self) -> &mut T {
        &mut self.training
    }

    fn plain_device(&self) -> Device {
        plain(self.training.device())
    }

    /// The items of a batch as the likelihood has them, for answers.
    fn observed(&self, batch: &Batch, key: Option<Key>) -> Result<Tensor<4>> {
        of_shape(batch, &self.likelihood.info().shape, self.name)?;
        Ok(self
            .likelihood
            .observed(batch, key.map(|k| k.stream("observe")), &self.plain_device()))
    }

    /// Rows that pass the decoder at a time.
    fn rows(&self, pair: &PairNetwork<T::Encoder>) -> usize {
        let decoder = &pair.decoder;
        let one = || activations::items_at_a_time(|| decoder.forward(decoder.blank(1)));
        *self.rows.get_or_init(one)
    }
}

impl<T: Training> Model for Variational<T> {
    fn networks(&self) -> Vec<NetworkInfo> {
        self.training.networks()
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        of_shape(&batches[0], &self.likelihood.info().shape, self.name)?;
        let observed =
            self.likelihood
                .observed(&batches[0], Some(key.stream("observe")), self.training.device());
        self.training.step(&self.likelihood, observed, key, watch)
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        self.training.save()
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.training.load(read, purpose)
    }

    fn functions(&self) -> Vec<Function<'_>> {
        let (likelihood, info) = (&self.likelihood, self.likelihood.info());
        let latent = |holds, meaning| Port::of("latent", &[self.latent], holds, meaning);
        let pair = |x: &Tensor<2>| named::on_device(self.training.pair(), "", &x.device());
        let sample = Function::new(
            "sample",
            "the mean of p(x | z)",
            vec![latent(Holds::Normal, "standard normal")],
            vec![Port::item(info)],
            move |x| {
                vec![rows(
                    likelihood.mean_of(pair(&x[0]).decoder.forward(x[0].clone())),
                )]
            },
        );
        let encode = Function::new(
            "encode",
            "the mean of q(z | x)",
            vec![likelihood.item_port()],
            vec![latent(Holds::Numbers, "a latent as `sample` takes it")],
            move |x| {
                let seen = likelihood.seen(items(&x[0], info));
                vec![pair(&x[0]).encoder.posterior(seen).mean]
            },
        );
        vec![sample, encode]
    }

    fn as_sample(&self) -> Option<&dyn Sample> {
        Some(self)
    }
    fn as_latent_space(&self) -> Option<&dyn LatentSpace> {
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

impl<T: Training> Sample for Variational<T> {
    /// Means of p(x | z) for z from the prior.
    fn sample(&self, request: &SampleRequest) -> Result<Samples> {
        unconditional(request, self.name)?;
        untempered(request, self.name)?;
        let z = self.prior(request.count, request.key);
        self.decode(if request.truncation == 1.0 {
            z
        } else {
            z * request.truncation
        })
    }
}

impl<T: Training> LatentSpace for Variational<T> {
    fn latent(&self) -> usize {
        self.latent
    }

    fn prior(&self, count: usize, key: Key) -> Tensor<2> {
        noise::normal(
            key.stream("latents").words(),
            [count, self.latent],
            &self.plain_device(),
        )
    }

    fn decode(&self, latents: Tensor<2>) -> Result<Samples> {
        let [count, given] = latents.dims();
        if given != self.latent {
            let problem = format!(
                "a latent of {} has {} numbers, not {given}",
                self.name, self.latent
            );
            return Err(Error::usage(problem, "check the file of latents"));
        }
        let pair = self.training.pair();
        let info = self.likelihood.info();
        let mut all = Samples {
            kind: info.kind,
            shape: [&[count], &info.shape[..]].concat(),
            values: Vec::new(),
        };
        let rows = self.rows(&pair);
        for from in (0..count).step_by(rows) {
            interrupt::check()?;
            let z = latents.clone().narrow(0, from, rows.min(count - from));
            all.values
                .extend(self.likelihood.mean(pair.decoder.forward(z)).values);
        }
        Ok(all)
    }
}

impl<T: Training> Encode for Variational<T> {
    fn encode(&self, batch: &Batch) -> Result<Tensor<2>> {
        let x = self.observed(batch, None)?;
        Ok(self.training.pair().encoder.posterior(x).mean)
    }

    fn draw(&self, batch: &Batch, draws: usize, key: Key) -> Result<Option<Tensor<3>>> {
        let x = self.observed(batch, Some(key))?;
        let encoder = self.training.pair().encoder;
        let noise = posterior_noise(&batch.indices, 0..draws, encoder.noise(), key, &x.device());
        let z = encoder.draw(x, noise);
        Ok(Some(
            z.reshape([draws, batch.indices.len(), self.latent])
                .swap_dims(0, 1),
        ))
    }
}

impl<T: Training> Reconstruct for Variational<T> {
    /// The mean of p(x | z) at the mean of q(z | x).
    fn reconstruct(&self, batch: &Batch, key: Key) -> Result<Reconstruction> {
        let x = self.observed(batch, Some(key))?;
        let pair = self.training.pair();
        let z = pair.encoder.posterior(x.clone()).mean;
        let shown = self.likelihood.binarizes().then(|| self.likelihood.shown(x));
        Ok(Reconstruction {
            shown,
            output: self.decode(z)?,
        })
    }
}

impl<T: Training> Features for Variational<T> {
    /// What the encoder's last hidden layer makes of an item.
    fn features(&self, batch: &Batch) -> Result<Vec<f32>> {
        let x = self.observed(batch, None)?;
        Ok(menagerie_nn::numbers(self.training.pair().encoder.features(x)))
    }

    fn width(&self) -> usize {
        self.training.pair().encoder.feature_count()
    }
}

impl<T: Training> EvidenceBound for Variational<T> {
    fn evidence_bound(&self, batch: &Batch, samples: usize, key: Key) -> Result<Vec<f64>> {
        let x = self.observed(batch, Some(key))?;
        let pair = self.training.pair();
        let q = pair.encoder.posterior(x.clone());
        let at_once = (self.rows(&pair) / batch.indices.len().max(1)).clamp(1, samples.max(1));
        let mut sums = vec![LogSum::default(); batch.indices.len()];
        for from in (0..samples).step_by(at_once) {
            interrupt::check()?;
            let draws = from..samples.min(from + at_once);
            let noise = posterior_noise(&batch.indices, draws, self.latent, key, &x.device());
            let z = q.draw(noise.clone());
            let likelihood = self
                .likelihood
                .log_probability(pair.decoder.forward(z.clone()), x.clone());
            // With one sample, the KL term's closed form has the same mean and less spread.
            let weights = match samples {
                1 => likelihood - q.divergence().sum_dim(1).reshape([-1]),
                _ => likelihood + q.log_prior_over_posterior(z, noise),
            };
            for (i, w) in menagerie_nn::numbers(weights).into_iter().enumerate() {
                let n = sums.len();
                sums[i % n].add(w as f64);
            }
        }
        Ok(sums.into_iter().map(|s| s.log_mean()).collect())
    }

    fn dimensions(&self) -> usize {
        self.likelihood.info().numbers()
    }
}

/// Standard normal noise `[draws items, latent]`, draw by draw: the k-th for item `i` of the data set is drawn from
/// `key.step(i)` alone.
fn posterior_noise(
    items: &[u32],
    draws: std::ops::Range<usize>,
    latent: usize,
    key: Key,
    device: &Device,
) -> Tensor<2> {
    let shape = [draws.len() * items.len(), latent];
    let mut values = vec![0f32; shape[0] * latent];
    let rows = draws.flat_map(|k| items.iter().map(move |&i| (k, i)));
    for (row, (k, i)) in values.chunks_exact_mut(latent).zip(rows) {
        noise::fill_normal(key.step(i as u64).stream("posterior").step(k as u64).words(), row);
    }
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// log of a mean of exponentials, one after the other.
#[derive(Clone, Copy)]
struct LogSum {
    top: f64,
    sum: f64,
    count: f64,
}

impl Default for LogSum {
    fn default() -> Self {
        LogSum {
            top: f64::NEG_INFINITY,
            sum: 0.0,
            count: 0.0,
        }
    }
}

impl LogSum {
    fn add(&mut self, w: f64) {
        if w > self.top {
            self.sum *= (self.top - w).exp();
            self.top = w;
        }
        self.sum += (w - self.top).exp();
        self.count += 1.0;
    }

    fn log_mean(self) -> f64 {
        self.top + (self.sum / self.count).ln()
    }
}
