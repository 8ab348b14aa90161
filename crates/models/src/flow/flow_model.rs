//! What all flows share: the change of variables, its maximum likelihood, and the way back.
//!
//! With z = f(x), x of the data's own units: log p(x) = log p(z) + ln |det df/dx| (Dinh et al. 2014, equation 3). For
//! images x is the 8-bit image plus noise below one level, so the density is over [0, 256)^D and its mean a lower bound
//! of the mean log-probability of the levels (Theis et al. 2016, section 3.1); for points it is the density itself.
use super::dequantize::{NoiseFlow, levels_of, normal, tensor, uniform};
use crate::function::{images, rows};
use crate::{
    Encode, Function, Holds, LatentSpace, LogLikelihood, Model, NetworkInfo, Part, Port, Purpose,
    Reconstruct, Reconstruction, Sample, SampleRequest, Samples, StepReport, as_image_shape, of_shape,
    unconditional,
};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind, interrupt};
use menagerie_kernels::{Activation, activation, noise};
use menagerie_nn::flow::{Flow, Multiscale};
use menagerie_nn::levels;
use menagerie_nn::{Learner, OptimizerConfig, Tensors, collective};
use serde::{Deserialize, Serialize};

/// The density of every latent number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prior {
    /// standard normal
    Gaussian,
    /// standard logistic: -ln p(z) = ln(1 + e^z) + ln(1 + e^-z) (Dinh et al. 2014, section 3.4)
    Logistic,
}

impl Prior {
    /// ln p(z) of rows `[batch, latent]`.
    fn log_density(self, z: Tensor<2>) -> Tensor<1> {
        let [batch, latent] = z.dims();
        match self {
            Prior::Gaussian => {
                (z.square() * -0.5).sum_dim(1).reshape([batch])
                    - 0.5 * std::f64::consts::TAU.ln() * latent as f64
            }
            Prior::Logistic => {
                let sum = activation(z.clone(), Activation::Softplus) + activation(-z, Activation::Softplus);
                -sum.sum_dim(1).reshape([batch])
            }
        }
    }

    fn draw(self, shape: [usize; 2], key: Key, device: &Device) -> Tensor<2> {
        match self {
            Prior::Gaussian => noise::normal(key.words(), shape, device),
            Prior::Logistic => {
                // Numbers are multiples of 2^-24; half of that more keeps both logarithms finite.
                let u = noise::uniform(key.words(), shape, device) + 3e-8;
                u.clone().log() - (-u + 1.0).clamp_min(3e-8).log()
            }
        }
    }
}

/// What is trained: the flow, and the noise that it dequantizes with.
#[derive(Module, Debug)]
pub struct FlowNetwork {
    /// data to latents
    pub flow: Multiscale,
    /// `None`: uniform noise
    pub noise: Option<NoiseFlow>,
}

/// A flow with its learner.
pub struct FlowModel {
    name: &'static str,
    learner: Learner<FlowNetwork>,
    prior: Prior,
    kind: Kind,
    shape: Vec<usize>,
    image: [usize; 3],
}

/// Numbers worked on at a time when answering: 32 images of 28x28.
const CHUNK: usize = 32 * 784;

impl FlowModel {
    /// A fresh flow for data of that description; `average` is the decay of the moving average of its weights, 0 for none.
    ///
    /// # Errors
    /// [`Error::Recipe`] when `average` is no decay.
    pub fn new(
        name: &'static str,
        info: &DataInfo,
        network: FlowNetwork,
        prior: Prior,
        optimizer: OptimizerConfig,
        average: f64,
        device: &Device,
    ) -> Result<Self> {
        Ok(FlowModel {
            name,
            learner: Learner::new("flow", network, optimizer, average, device)?,
            prior,
            kind: info.kind,
            shape: info.shape.clone(),
            image: as_image_shape(info),
        })
    }

    fn numbers(&self) -> usize {
        self.image.iter().product()
    }

    /// Latents and items, as another program has them.
    fn ports(&self) -> [Port; 2] {
        let (holds, meaning) = match self.kind {
            Kind::Points => (Holds::Numbers, "a point in the data's own units"),
            _ => (
                Holds::Levels,
                "an image, channels last, its levels from 0 to 256 before rounding down",
            ),
        };
        let (prior, latent) = match self.prior {
            Prior::Gaussian => (Holds::Normal, "standard normal"),
            Prior::Logistic => (Holds::Logistic, "standard logistic"),
        };
        [
            Port::of("latent", &[self.numbers()], prior, latent),
            Port::of("item", &self.shape, holds, meaning),
        ]
    }

    /// Items worked on at a time when answering.
    fn chunk(&self) -> usize {
        (CHUNK / self.numbers()).clamp(1, 1024)
    }

    /// A batch in the flow's units with noise drawn for each item, and ln q of the noise where it is not uniform.
    fn dequantized(
        &self,
        network: &FlowNetwork,
        batch: &Batch,
        key: Key,
        device: &Device,
    ) -> (Tensor<4>, Option<Tensor<1>>) {
        if self.kind == Kind::Points {
            return (tensor(batch.values.clone(), self.image, device), None);
        }
        let mut x = levels_of(batch);
        match &network.noise {
            None => {
                x.iter_mut().zip(uniform(batch, key)).for_each(|(x, u)| *x += u);
                (tensor(x, self.image, device), None)
            }
            Some(flow) => {
                let x = tensor(x, self.image, device);
                let (u, density) = flow.draw(x.clone(), tensor(normal(batch, key), self.image, device));
                (x + u, Some(density))
            }
        }
    }

    /// ln p of every item, `[batch]`.
    fn log_density(&self, network: &FlowNetwork, batch: &Batch, key: Key, device: &Device) -> Tensor<1> {
        let (x, noise) = self.dequantized(network, batch, key, device);
        let rows = x.dims()[0];
        let (z, log_det) = network.flow.forward(x);
        let log_p = self.prior.log_density(z.reshape([rows, self.numbers()])) + log_det;
        match noise {
            Some(noise) => log_p - noise,
            None => log_p,
        }
    }

    /// Sets the layers whose start depends on data by the first batch, of its first leaf.
    fn start(&mut self, batch: &Batch, key: Key) -> Result<()> {
        let mut plain = self.learner.network().valid();
        let (x, _) = self.dequantized(&plain, batch, key, &self.learner.plain_device());
        plain.flow.start(x);
        let mut started = Tensors::of(&plain);
        for (_, values) in started.arrays.values_mut() {
            *values = collective::first(std::mem::take(values));
        }
        let network = started.into_network(self.learner.network().clone())?;
        self.learner.set_network(network);
        Ok(())
    }

    /// Rows `from..` of a batch, at most a chunk.
    fn part(&self, batch: &Batch, from: usize) -> Batch {
        let to = (from + self.chunk()).min(batch.indices.len());
        let n: usize = batch.shape[1..].iter().product();
        Batch {
            shape: [&[to - from], &batch.shape[1..]].concat(),
            values: batch.values[from * n..to * n].to_vec(),
            labels: None,
            attributes: vec![],
            captions: None,
            indices: batch.indices[from..to].to_vec(),
            kind: batch.kind,
        }
    }

    /// Latents through the inverse: items in the flow's units, row by row.
    pub(super) fn items(&self, latents: Tensor<2>) -> Result<Vec<f32>> {
        let [count, latent] = latents.dims();
        if latent != self.numbers() {
            let problem = format!(
                "a latent of {} has {} numbers, not {latent}",
                self.name,
                self.numbers()
            );
            return Err(Error::usage(problem, "check the file of latents"));
        }
        let (network, chunk) = (self.learner.for_use(), self.chunk());
        let mut values = Vec::with_capacity(count * latent);
        for from in (0..count).step_by(chunk) {
            interrupt::check()?;
            let n = chunk.min(count - from);
            let mut z = latents.clone().slice([from..from + n, 0..latent]);
            if n < chunk {
                // Kernels choose their path by the size of a batch: with one size, an item's numbers are the same bits
                // however many others are asked for.
                z = Tensor::cat(
                    vec![z.clone(), Tensor::zeros([chunk - n, latent], &z.device())],
                    0,
                );
            }
            let x = network.flow.inverse(z.reshape([chunk, 1, 1, latent])).0;
            values.extend_from_slice(&menagerie_nn::numbers(x)[..n * latent]);
        }
        Ok(values)
    }

    /// Numbers in the flow's units as the data have them: the level that the noise was within, or the point.
    fn shown(&self, v: f32) -> f32 {
        match self.kind {
            Kind::Points => v,
            // NaN and what lies beyond the range land in it.
            _ => levels::value(v.floor().clamp(0.0, 255.0) as u32, 256),
        }
    }
}

impl Model for FlowModel {
    fn networks(&self) -> Vec<NetworkInfo> {
        let [h, w, c] = self.image;
        let x = Tensor::zeros([1, h, w, c], &self.learner.plain_device());
        vec![self.learner.info(|network| {
            let noise = network.noise.as_ref().map(|n| n.draw(x.clone(), x.clone()));
            (noise, network.flow.forward(x))
        })]
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        let [batch] = batches else {
            return Err(Error::usage(
                format!(
                    "a flow takes one batch per step, but {} were given",
                    batches.len()
                ),
                "give one",
            ));
        };
        of_shape(batch, &self.shape, self.name)?;
        let key = key.stream("noise");
        if self.learner.updates() == 0 {
            self.start(batch, key)?;
        }
        let log_p = self.log_density(self.learner.network(), batch, key, self.learner.device());
        // A number's share is what is descended, so that learning rates and clipping do not depend on the size of images.
        let numbers = self.numbers() as f64;
        let descent = self.learner.descend(-log_p.mean() / numbers, watch)?;
        let mut scalars = vec![("loss/nll", descent.loss * numbers)];
        if self.kind != Kind::Points {
            scalars.push(("bits_per_dim", descent.loss / std::f64::consts::LN_2));
        }
        scalars.extend(descent.gradient.map(|g| ("gradient/flow", g)));
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
        let network = |x: &Tensor<2>| self.learner.for_use_on(&x.device());
        let [latent, item] = self.ports();
        let density = Port::of(
            "log_density",
            &[1],
            Holds::Numbers,
            "ln p of the item in nats, a density over its units",
        );
        let sample = Function::new(
            "sample",
            "latents to items",
            vec![latent.clone()],
            vec![item.clone()],
            move |x| {
                let z = images(&x[0], [1, 1, self.numbers()]);
                vec![rows(network(&x[0]).flow.inverse(z).0)]
            },
        );
        let encode = Function::new(
            "encode",
            "items to latents, and their density",
            vec![item],
            vec![latent, density],
            move |x| {
                let (z, log_det) = network(&x[0]).flow.forward(images(&x[0], self.image));
                let z = rows(z);
                let density = self.prior.log_density(z.clone()) + log_det;
                vec![z, density.unsqueeze_dim(1)]
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
    fn as_log_likelihood(&self) -> Option<&dyn LogLikelihood> {
        Some(self)
    }
    fn as_encode(&self) -> Option<&dyn Encode> {
        Some(self)
    }
    fn as_reconstruct(&self) -> Option<&dyn Reconstruct> {
        Some(self)
    }
}

impl Sample for FlowModel {
    fn sample(&self, request: &SampleRequest) -> Result<Samples> {
        unconditional(request, self.name)?;
        self.decode(self.prior(request.count, request.key) * (request.truncation * request.temperature))
    }
}

impl LatentSpace for FlowModel {
    fn latent(&self) -> usize {
        self.numbers()
    }

    fn prior(&self, count: usize, key: Key) -> Tensor<2> {
        self.prior.draw(
            [count, self.numbers()],
            key.stream("latents"),
            &self.learner.plain_device(),
        )
    }

    fn decode(&self, latents: Tensor<2>) -> Result<Samples> {
        let count = latents.dims()[0];
        let values = self.items(latents)?.into_iter().map(|v| self.shown(v)).collect();
        Ok(Samples {
            kind: self.kind,
            shape: [&[count], &self.shape[..]].concat(),
            values,
        })
    }
}

impl LogLikelihood for FlowModel {
    fn log_likelihood(&self, batch: &Batch, key: Key) -> Result<Vec<f64>> {
        of_shape(batch, &self.shape, self.name)?;
        let (network, device) = (self.learner.for_use(), self.learner.plain_device());
        let mut out = Vec::with_capacity(batch.indices.len());
        for from in (0..batch.indices.len()).step_by(self.chunk()) {
            interrupt::check()?;
            let log_p = self.log_density(&network, &self.part(batch, from), key, &device);
            out.extend(menagerie_nn::numbers(log_p).into_iter().map(f64::from));
        }
        Ok(out)
    }

    fn dimensions(&self) -> usize {
        self.numbers()
    }
}

impl Encode for FlowModel {
    /// Images are encoded from the middle of their levels, so that the code is a function of the image alone.
    fn encode(&self, batch: &Batch) -> Result<Tensor<2>> {
        of_shape(batch, &self.shape, self.name)?;
        let (network, device) = (self.learner.for_use(), self.learner.plain_device());
        let mut rows = Vec::new();
        for from in (0..batch.indices.len()).step_by(self.chunk()) {
            interrupt::check()?;
            let part = self.part(batch, from);
            let x = match self.kind {
                Kind::Points => part.values,
                _ => levels_of(&part).into_iter().map(|v| v + 0.5).collect(),
            };
            let z = network.flow.forward(tensor(x, self.image, &device)).0;
            rows.push(z.reshape([part.indices.len(), self.numbers()]));
        }
        Ok(match rows.len() {
            0 => Tensor::zeros([0, self.numbers()], &device),
            _ => Tensor::cat(rows, 0),
        })
    }
}

impl Reconstruct for FlowModel {
    fn reconstruct(&self, batch: &Batch, _: Key) -> Result<Reconstruction> {
        Ok(Reconstruction {
            shown: None,
            output: self.decode(self.encode(batch)?)?,
        })
    }
}
