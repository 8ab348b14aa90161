//! Algorithm 1 of Goodfellow et al. 2014: k updates of the discriminator, then one of the generator.
use super::monitor::{Monitor, Observation, spread};
use super::objective::{Named, Objective};
use crate::{
    Exported, LatentSpace, Model, NetworkInfo, Part, Port, Purpose, Sample, SampleRequest, Samples,
    StepReport, unconditional, untempered,
};
use burn::module::Module;
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_kernels::noise;
use menagerie_nn::{Average, Optimizer, OptimizerConfig, Tensors};
use serde::{Deserialize, Serialize};

/// A network from latents to items.
pub trait Generator: Module + 'static {
    /// Dimensions of a latent.
    fn latent(&self) -> usize;
    /// Latents `[batch, latent]` -> items `[batch, height, width, channel]`.
    fn forward(&self, z: Tensor<2>) -> Tensor<4>;
    /// Floats kept for the backward pass, an item.
    fn activations(&self) -> usize;
}

/// A network from items to the logit of "this is data".
pub trait Discriminator: Module + 'static {
    /// Items `[batch, height, width, channel]` -> logits `[batch, 1]`.
    fn forward(&self, x: Tensor<4>) -> Tensor<2>;
    /// Floats kept for the backward pass, an item.
    fn activations(&self) -> usize;
}

/// `[game]`: how the two play.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GameConfig {
    /// `non-saturating` or `minimax`
    pub objective: Named,
    /// updates of the discriminator for each of the generator (k)
    pub discriminator_steps: usize,
    /// draw new latents for the generator's update, as Algorithm 1 has it; otherwise it learns from the samples that
    /// the discriminator's last update has just seen, which saves a pass through the generator
    pub fresh_latents: bool,
    /// instance noise: Gaussian noise of this standard deviation on everything that the discriminator sees (images span
    /// 2, points are scaled into [-1, 1]). Where data and samples hardly overlap, the noise makes them overlap, so that the
    /// discriminator's gradient leads to every mode (Sonderby et al. 2017, arXiv:1610.04490, section 3; Arjovsky & Bottou
    /// 2017, arXiv:1701.04862, section 3). 0 for none
    pub noise: f64,
    /// the noise falls linearly and is gone after so many updates
    pub noise_steps: u64,
}

impl Default for GameConfig {
    fn default() -> Self {
        GameConfig {
            objective: Named::NonSaturating,
            discriminator_steps: 1,
            fresh_latents: false,
            noise: 0.0,
            noise_steps: 1000,
        }
    }
}

/// `[optimizer.generator]` and `[optimizer.discriminator]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Optimizers {
    /// the generator's
    pub generator: OptimizerConfig,
    /// the discriminator's
    pub discriminator: OptimizerConfig,
}

impl Default for Optimizers {
    /// Radford et al. 2015: Adam with a learning rate of 2e-4 and beta1 of 0.5.
    fn default() -> Self {
        let adam = OptimizerConfig::adam(2e-4).betas(0.5, 0.999);
        Optimizers {
            generator: adam,
            discriminator: adam,
        }
    }
}

/// Two networks that play.
pub struct Game<G: Generator, D: Discriminator> {
    name: &'static str,
    // Options because an update takes a network and gives it back; both are always there between updates.
    generator: Option<G>,
    discriminator: Option<D>,
    average: Option<Average<G>>,
    objective: Box<dyn Objective>,
    config: GameConfig,
    optimizer_g: Optimizer,
    optimizer_d: Optimizer,
    monitor: Monitor,
    kind: Kind,
    shape: Vec<usize>,
    /// items are divided by this on their way in and multiplied on their way out
    scale: f32,
    updates: u64,
    device: Device,
}

impl<G: Generator, D: Discriminator> Game<G, D> {
    /// Sets up a game between two fresh networks. `average` is the decay of the generator's moving average, 0 for none.
    pub fn new(
        name: &'static str,
        info: &DataInfo,
        networks: (G, D),
        game: GameConfig,
        optimizers: Optimizers,
        average: f64,
        device: &Device,
    ) -> Result<Self> {
        if game.discriminator_steps == 0 {
            return Err(Error::recipe(
                "game.discriminator_steps",
                "0 is too small",
                "give 1 or more",
            ));
        }
        if !(game.noise.is_finite() && game.noise >= 0.0) {
            return Err(Error::recipe(
                "game.noise",
                format!("{} is not a standard deviation", game.noise),
                "give 0 for none, or say 0.3",
            ));
        }
        if !(0.0..1.0).contains(&average) {
            return Err(Error::recipe(
                "model.average",
                format!("{average} is not a decay"),
                "give 0 for none, or say 0.999",
            ));
        }
        let (generator, discriminator) = networks;
        // Points have the extent of their data; bringing them into [-1, 1] makes one learning rate serve all.
        let scale = match info.kind {
            Kind::Points => info.range.0.abs().max(info.range.1.abs()).max(f32::MIN_POSITIVE),
            _ => 1.0,
        };
        Ok(Game {
            name,
            average: (average > 0.0).then(|| Average::new(&generator, average)),
            generator: Some(generator),
            discriminator: Some(discriminator),
            objective: Box::new(game.objective),
            config: game,
            optimizer_g: Optimizer::new(optimizers.generator),
            optimizer_d: Optimizer::new(optimizers.discriminator),
            monitor: Monitor::default(),
            kind: info.kind,
            shape: info.shape.clone(),
            scale,
            updates: 0,
            device: device.clone(),
        })
    }

    /// Plays for another objective than the configured one: any type that implements [`Objective`].
    pub fn with_objective(mut self, objective: impl Objective + 'static) -> Self {
        self.objective = Box::new(objective);
        self
    }

    fn generator(&self) -> &G {
        self.generator.as_ref().expect("present between updates")
    }
    fn discriminator(&self) -> &D {
        self.discriminator.as_ref().expect("present between updates")
    }

    fn latents(&self, count: usize, key: Key, device: &Device) -> Tensor<2> {
        noise::normal(key.words(), [count, self.generator().latent()], device)
    }

    fn items(&self, batch: &Batch) -> Tensor<4> {
        let n = batch.shape[0];
        let [h, w, c] = image_shape(&self.shape);
        let x = Tensor::from_data(TensorData::new(batch.values.clone(), [n, h, w, c]), &self.device);
        if self.scale == 1.0 { x } else { x / self.scale }
    }

    /// What the discriminator is shown of some items: themselves, or themselves in noise.
    fn shown(&self, x: Tensor<4>, key: Key) -> Tensor<4> {
        let left = 1.0 - self.updates as f64 / self.config.noise_steps.max(1) as f64;
        match self.config.noise * left {
            std if std > 0.0 => x.clone() + noise::normal(key.words(), x.dims(), &x.device()) * std,
            _ => x,
        }
    }

    /// One update of the discriminator: it ascends log D(x) + log(1 - D(G(z))).
    /// Data and samples pass one after the other, so that the first pass's activations are free before the second.
    fn update_discriminator(&mut self, real: Tensor<4>, fake: Tensor<4>, watch: bool) -> Seen {
        let d = self.discriminator.take().expect("present between updates");
        let pass = |x: Tensor<4>, real: bool| -> (Gradients, f64, f64) {
            let logits = d.forward(x);
            let mean = if watch {
                mean_sigmoid(logits.clone())
            } else {
                f64::NAN
            };
            let loss = if real {
                self.objective.real(logits)
            } else {
                self.objective.fake(logits)
            };
            let value = scalar(&loss);
            (loss.backward(), value, mean)
        };
        let (on_real, loss_real, d_real) = pass(real, true);
        let (on_fake, loss_fake, d_fake) = pass(fake, false);
        let (d, gradient) = self.optimizer_d.step(d, &mut [on_real, on_fake], watch);
        self.discriminator = Some(d);
        Seen {
            loss: loss_real + loss_fake,
            d_real,
            d_fake,
            gradient: gradient.unwrap_or(f64::NAN),
        }
    }

    /// One update of the generator through a frozen discriminator; gives its loss and the norm of its gradient.
    fn update_generator(&mut self, fake: Tensor<4>, watch: bool) -> (f64, f64) {
        let logits = self.discriminator().clone().no_grad().forward(fake);
        let loss = self.objective.generator(logits);
        let value = scalar(&loss);
        let gradients = loss.backward();
        let g = self.generator.take().expect("present between updates");
        let (g, norm) = self.optimizer_g.step(g, &mut [gradients], watch);
        if let Some(a) = &mut self.average {
            a.update(&g, self.updates);
        }
        self.generator = Some(g);
        (value, norm.unwrap_or(f64::NAN))
    }

    fn check(&self, losses: [f64; 2]) -> Result<()> {
        match losses.iter().all(|l| l.is_finite()) {
            true => Ok(()),
            false => Err(Error::Training {
                step: self.updates + 1,
                problem: format!("the losses are no longer finite (discriminator {}, generator {})", losses[0], losses[1]),
                fix: "the last checkpoint is intact: go on from it with lower learning rates, or set optimizer.*.clip_norm = 1".into(),
            }),
        }
    }
}

/// What an update of the discriminator showed.
struct Seen {
    loss: f64,
    d_real: f64,
    d_fake: f64,
    gradient: f64,
}

fn image_shape(shape: &[usize]) -> [usize; 3] {
    match shape[..] {
        [h, w, c] => [h, w, c],
        _ => [1, 1, shape.iter().product()],
    }
}

fn scalar(t: &Tensor<1>) -> f64 {
    t.clone()
        .into_data()
        .as_slice::<f32>()
        .map_or(f64::NAN, |v| v[0] as f64)
}

fn mean_sigmoid(logits: Tensor<2>) -> f64 {
    let data = logits.into_data();
    let v = data.as_slice::<f32>().unwrap_or_default();
    v.iter().map(|&l| 1.0 / (1.0 + (-l as f64).exp())).sum::<f64>() / v.len() as f64
}

impl<G: Generator, D: Discriminator> Model for Game<G, D> {
    fn networks(&self) -> Vec<NetworkInfo> {
        let (g, d) = (self.generator(), self.discriminator());
        vec![
            NetworkInfo {
                name: "generator",
                parameters: menagerie_nn::trainable(g),
                activations: g.activations(),
            },
            NetworkInfo {
                name: "discriminator",
                parameters: menagerie_nn::trainable(d),
                activations: d.activations(),
            },
        ]
    }

    fn batches_per_step(&self) -> usize {
        self.config.discriminator_steps
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        let mut seen = None;
        let mut fake = None;
        for (i, batch) in batches.iter().enumerate() {
            let last = i + 1 == batches.len();
            let real = self.items(batch);
            let z = self.latents(batch.shape[0], key.step(i as u64).stream("latents"), &self.device);
            // Samples that the generator will not learn from need no tape.
            let made = if last && !self.config.fresh_latents {
                self.generator().forward(z)
            } else {
                self.generator().clone().no_grad().forward(z)
            };
            let of = key.step(i as u64);
            let (real, shown) = (
                self.shown(real, of.stream("noise on data")),
                self.shown(made.clone().detach(), of.stream("noise on samples")),
            );
            seen = Some(self.update_discriminator(real, shown, watch && last));
            fake = Some(made);
        }
        let (Some(seen), Some(made)) = (seen, fake) else {
            return Err(Error::Training {
                step: self.updates + 1,
                problem: "no batch was given".into(),
                fix: "report this as a bug".into(),
            });
        };
        let fake = match self.config.fresh_latents {
            true => {
                let z = self.latents(batches[0].shape[0], key.stream("generator latents"), &self.device);
                drop(made);
                self.generator().forward(z)
            }
            false => made,
        };
        let width = self.shape.iter().product();
        let diversity = watch.then(|| {
            let made = fake.clone().inner().into_data();
            let data = spread(&batches[0].values, width);
            self.scale as f64 * spread(made.as_slice::<f32>().unwrap_or_default(), width) / data.max(1e-12)
        });
        let shown = self.shown(fake, key.stream("noise for the generator"));
        let (loss_g, gradient_g) = self.update_generator(shown, watch);
        self.check([seen.loss, loss_g])?;
        self.updates += 1;
        let mut report = StepReport {
            scalars: vec![("loss/discriminator", seen.loss), ("loss/generator", loss_g)],
            troubles: vec![],
        };
        if let Some(diversity) = diversity {
            report.scalars.extend([
                ("d/real", seen.d_real),
                ("d/fake", seen.d_fake),
                ("gradient/discriminator", seen.gradient),
                ("gradient/generator", gradient_g),
                ("diversity", diversity),
            ]);
            let o = Observation {
                d_real: seen.d_real,
                d_fake: seen.d_fake,
                generator_gradient: gradient_g,
                diversity,
            };
            report.troubles = self.monitor.observe(o);
        }
        Ok(report)
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let generator = || {
            let mut t = Tensors::of(self.generator());
            t.notes.insert("updates".into(), self.updates.to_string());
            t
        };
        let mut parts: Vec<(String, Part)> = vec![
            ("generator".into(), Box::new(generator)),
            (
                "discriminator".into(),
                Box::new(|| Tensors::of(self.discriminator())),
            ),
            ("optimizer_generator".into(), Box::new(|| self.optimizer_g.save())),
            (
                "optimizer_discriminator".into(),
                Box::new(|| self.optimizer_d.save()),
            ),
        ];
        if let Some(a) = &self.average {
            parts.push(("generator_average".into(), Box::new(|| Tensors::of(a.network()))));
        }
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        if let Some(a) = &mut self.average {
            let network = read("generator_average")?.into_network(a.network().clone())?;
            a.set(network);
        }
        if purpose == Purpose::Train || self.average.is_none() {
            let from = read("generator")?;
            self.updates = from
                .notes
                .get("updates")
                .and_then(|s| s.parse().ok())
                .unwrap_or(0);
            self.generator = Some(from.into_network(self.generator().clone())?);
        }
        if purpose == Purpose::Train {
            self.discriminator = Some(read("discriminator")?.into_network(self.discriminator().clone())?);
            self.optimizer_g
                .load(&read("optimizer_generator")?, &self.device)?;
            self.optimizer_d
                .load(&read("optimizer_discriminator")?, &self.device)?;
        }
        Ok(())
    }

    fn exported(&self) -> Option<Exported> {
        let weights = match &self.average {
            Some(a) => Tensors::of(a.network()),
            None => Tensors::of(self.generator()),
        };
        let meaning = match self.kind {
            Kind::Image => "an image, channels last, in [-1, 1]".to_string(),
            _ => format!("an item, divided by {}", self.scale),
        };
        Some(Exported {
            network: "generator",
            weights,
            inputs: vec![Port {
                name: "latent",
                shape: vec![0, self.generator().latent()],
                meaning: "standard normal".into(),
            }],
            outputs: vec![Port {
                name: "item",
                shape: [&[0], &self.shape[..]].concat(),
                meaning,
            }],
        })
    }

    fn as_sample(&self) -> Option<&dyn Sample> {
        Some(self)
    }
    fn as_latent_space(&self) -> Option<&dyn LatentSpace> {
        Some(self)
    }
}

/// Latents decoded at a time: bounds memory whatever the number asked for.
const CHUNK: usize = 64;

impl<G: Generator, D: Discriminator> Sample for Game<G, D> {
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

impl<G: Generator, D: Discriminator> LatentSpace for Game<G, D> {
    fn latent(&self) -> usize {
        self.generator().latent()
    }

    fn prior(&self, count: usize, key: Key) -> Tensor<2> {
        let plain = if self.device.is_autodiff() {
            self.device.clone().without_autodiff()
        } else {
            self.device.clone()
        };
        self.latents(count, key.stream("latents"), &plain)
    }

    fn decode(&self, latents: Tensor<2>) -> Result<Samples> {
        let [count, latent] = latents.dims();
        if latent != self.latent() {
            return Err(Error::usage(
                format!(
                    "a latent of {} has {} numbers, not {latent}",
                    self.name,
                    self.latent()
                ),
                "check the file of latents",
            ));
        }
        let fresh;
        let network = match &self.average {
            Some(a) => a.network(),
            None => {
                fresh = self.generator().valid();
                &fresh
            }
        };
        let mut values = Vec::with_capacity(count * self.shape.iter().product::<usize>());
        for from in (0..count).step_by(CHUNK) {
            let n = CHUNK.min(count - from);
            let x = network.forward(latents.clone().slice([from..from + n, 0..latent])) * self.scale;
            values.extend_from_slice(x.into_data().as_slice::<f32>().unwrap_or_default());
        }
        Ok(Samples {
            kind: self.kind,
            shape: [&[count], &self.shape[..]].concat(),
            values,
        })
    }
}
