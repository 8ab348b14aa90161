//! SPIRAL: an agent that draws with strokes, and a critic that rewards what looks like data.
//!
//! Ganin, Kulkarni, Babuschkin, Eslami, Vinyals (2018), Synthesizing Programs for Images using Reinforced Adversarial Learning,
//! arXiv:1804.01118.
//!
//! A policy sees a canvas and says the next stroke, choice after choice: where it ends, over which place it is drawn, with which brush, and
//! whether the pen only moves. No gradient goes through a brush, so it learns by policy gradient, with the score of a Wasserstein critic
//! of the last canvas for a reward:
//!
//! L_G = -E sum_t A_t log p(a_t | s_t),   L_D = E D(C) - E D(x) + penalty                            (equations 2 to 4)
//!
//! The score of the last canvas is the sum of what each stroke adds to that of the blank one, r_t = D(C_t) - D(C_{t-1}), so that a stroke
//! hears of what it did at once. Some drawings are free, others have a target, which policy and critic see beside the canvas: their data
//! are pairs of twice the same image (section 3.1), and the squared distance, which the paper compares with, is a part of their
//! reward. The policy is improved on the same drawings a few times (PPO, Schulman et al. 2017, arXiv:1707.06347); the paper's has a memory,
//! this one sees the canvas and the pen anew before each stroke.
mod canvas;
mod critic;
mod drawing;
mod learning;
mod policy;
mod settings;
#[cfg(test)]
mod tests;

pub use settings::{Config, Settings, Sizes};

use super::rows::Layers;
use crate::{
    Capability, Entry, Function, Holds, LatentSpace, Model, NetworkInfo, Part, Port, Purpose, Reconstruct,
    Reconstruction, Registered, Sample, SampleRequest, Samples, StepReport, of_shape, unconditional,
    untempered,
};
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use canvas::Easel;
use critic::Critic;
use drawing::{Drawn, Session, Task, image};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_kernels::noise;
use menagerie_nn::{Init, Learner, Tensors, numbers};
use policy::{PARTS, Policy};

/// The cast.
pub struct Spiral {
    settings: Settings,
    session: Session,
    policy: Learner<Policy>,
    value: Learner<Layers>,
    critic: Learner<Critic>,
}

impl Config {
    /// Fresh networks for images of one channel.
    ///
    /// # Errors
    /// For data of another kind.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<Spiral> {
        let (Kind::Image, &[height, width, 1]) = (info.kind, &info.shape[..]) else {
            let problem = "spiral draws with ink of one colour, and these are no images of one channel";
            let fix = "choose digits or fashion, or set data.channels=1";
            return Err(Error::data(&info.source, problem, fix));
        };
        let (m, s) = (self.model, self.strokes);
        let easel = Easel {
            height,
            width,
            grid: s.grid,
        };
        let session = Session {
            easel,
            strokes: s.count,
            noise: m.noise,
        };
        let init = |name: &str| Init::new(key.stream(name), device);
        let sizes = [session.seen(), m.width, m.width, 1];
        let policy = Policy::new([session.seen(), easel.places(), m.width], &init("policy"));
        let value = Layers::new(&sizes, &init("value"));
        let critic = Critic::new(2 * easel.pixels(), m.width, &init("critic"));
        let o = self.optimizer;
        Ok(Spiral {
            settings: s,
            session,
            policy: Learner::new("policy", policy, o.generator, m.average, device)?,
            value: Learner::new("value", value, o.generator, 0.0, device)?,
            critic: Learner::new("critic", critic, o.discriminator, 0.0, device)?,
        })
    }
}

impl Spiral {
    fn pixels(&self) -> usize {
        self.session.easel.pixels()
    }

    fn shape(&self) -> [usize; 3] {
        [self.session.easel.height, self.session.easel.width, 1]
    }

    fn images(&self, values: Vec<f32>) -> Samples {
        let [h, w, c] = self.shape();
        Samples {
            kind: Kind::Image,
            shape: vec![values.len() / self.pixels(), h, w, c],
            values,
        }
    }

    /// Drawings by latents, of numbers in (-1, 1): the noise of each, and what its choices are drawn by.
    fn drawn(&self, policy: &Policy, latents: &[f32], targets: &[f32], device: &Device) -> Drawn {
        let (mut noise, mut drawn) = (vec![], vec![]);
        for row in latents.chunks_exact(self.latent()) {
            noise.extend_from_slice(&row[..self.session.noise]);
            // A number outside is as one at the edge.
            let share = |v: &f32| f64::from(*v + 1.0).clamp(0.0, 2.0 - 1e-6) / 2.0;
            drawn.extend(row[self.session.noise..].iter().map(share));
        }
        let task = Task {
            targets,
            noise: &noise,
            drawn: Some(&drawn),
            count: latents.len() / self.latent(),
        };
        self.session.draw(policy, &task, device)
    }
}

impl Model for Spiral {
    fn networks(&self) -> Vec<NetworkInfo> {
        let zeros = |n: usize| Tensor::zeros([1, n], &self.policy.plain_device());
        let seen = self.session.seen();
        vec![
            self.policy.info(|p| p.act(zeros(seen), None)),
            self.value.info(|v| v.forward(zeros(seen))),
            self.critic.info(|d| d.forward(zeros(2 * self.pixels()))),
        ]
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        let Some(batch) = batches.first() else {
            return Ok(StepReport::default());
        };
        of_shape(batch, &self.shape(), "spiral")?;
        let count = batch.shape[0];
        let redrawn = (count as f64 * self.settings.redrawn).round() as usize;
        let targets = &batch.values[..redrawn * self.pixels()];
        let (network, plain) = (self.policy.network().valid(), self.policy.plain_device());
        let latents = numbers(self.prior(count, key.stream("latents")));
        let drawn = self.drawn(&network, &latents, targets, &plain);
        let last = image(drawn.canvases.last().map_or(&[][..], Vec::as_slice));
        let of_critic = self.criticize(&batch.values, &last, targets, key.stream("between"))?;
        let rewards = self.rewards(&drawn, targets);
        let tried = self.credited(&drawn, &rewards, redrawn);
        let ([of_policy, of_value], gradient, entropy) = self.improve(&tried, watch)?;
        let mut scalars = vec![
            ("loss/policy", of_policy),
            ("loss/value", of_value),
            ("loss/critic", of_critic),
            ("entropy", entropy),
        ];
        let sum: f64 = rewards.iter().map(|r| f64::from(*r)).sum();
        scalars.push(("reward", sum / count.max(1) as f64));
        if watch {
            scalars.extend(gradient.map(|g| ("gradient/policy", g)));
            scalars.extend(self.off(&last, targets));
        }
        Ok(StepReport {
            scalars,
            ..StepReport::default()
        })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.policy.save();
        parts.extend(self.value.save());
        parts.extend(self.critic.save());
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.policy.load(read, purpose)?;
        match purpose {
            Purpose::Train => {
                self.value.load(read, purpose)?;
                self.critic.load(read, purpose)
            }
            _ => Ok(()),
        }
    }

    fn functions(&self) -> Vec<Function<'_>> {
        let meaning = "canvas, target (zeros without), whether there is one, row and column of the pen, which stroke, noise";
        let input = Port::of("seen", &[self.session.seen()], Holds::Numbers, meaning);
        let places = self.session.easel.places();
        let output = Port::of(
            "probabilities",
            &[places],
            Holds::Numbers,
            "of each place, row by row",
        );
        let about = "where the next stroke ends";
        vec![Function::new("next", about, vec![input], vec![output], |x| {
            vec![self.policy.for_use_on(&x[0].device()).ends(x[0].clone())]
        })]
    }

    fn as_sample(&self) -> Option<&dyn Sample> {
        Some(self)
    }
    fn as_latent_space(&self) -> Option<&dyn LatentSpace> {
        Some(self)
    }
    fn as_reconstruct(&self) -> Option<&dyn Reconstruct> {
        Some(self)
    }
}

impl Sample for Spiral {
    fn sample(&self, request: &SampleRequest) -> Result<Samples> {
        unconditional(request, "spiral")?;
        untempered(request, "spiral")?;
        self.decode(self.prior(request.count, request.key) * request.truncation)
    }
}

/// What a free drawing is drawn by: its noise, and the numbers by which its choices are drawn, all even in (-1, 1).
impl LatentSpace for Spiral {
    fn latent(&self) -> usize {
        self.session.noise + self.session.strokes * PARTS
    }

    fn prior(&self, count: usize, key: Key) -> Tensor<2> {
        let latent = self.latent();
        let mut values = vec![0.0; count * latent];
        for (i, row) in values.chunks_exact_mut(latent).enumerate() {
            noise::fill_uniform(key.step(i as u64).words(), row);
            row.iter_mut().for_each(|v| *v = *v * 2.0 - 1.0);
        }
        Tensor::from_data(
            TensorData::new(values, [count, latent]),
            &self.policy.plain_device(),
        )
    }

    fn decode(&self, latents: Tensor<2>) -> Result<Samples> {
        let mut all = self.stages(latents)?;
        Ok(all.pop().unwrap_or_else(|| self.images(vec![])))
    }

    /// The canvas after each stroke.
    fn stages(&self, latents: Tensor<2>) -> Result<Vec<Samples>> {
        let (own, given) = (self.latent(), latents.dims()[1]);
        if own != given {
            let problem = format!("spiral draws by latents of {own} numbers, and these have {given}");
            return Err(Error::usage(problem, "give latents of that size"));
        }
        let (network, plain) = (self.policy.for_use(), self.policy.plain_device());
        let drawn = self.drawn(&network, &numbers(latents), &[], &plain);
        let after = drawn.canvases.iter().skip(1);
        Ok(after.map(|ink| self.images(image(ink))).collect())
    }
}

/// Redrawn by the likeliest choices.
impl Reconstruct for Spiral {
    fn reconstruct(&self, batch: &Batch, _: Key) -> Result<Reconstruction> {
        of_shape(batch, &self.shape(), "spiral")?;
        let count = batch.shape[0];
        let task = Task {
            targets: &batch.values,
            noise: &vec![0.0; count * self.session.noise],
            drawn: None,
            count,
        };
        let (network, plain) = (self.policy.for_use(), self.policy.plain_device());
        let drawn = self.session.draw(&network, &task, &plain);
        let last = image(drawn.canvases.last().map_or(&[][..], Vec::as_slice));
        Ok(Reconstruction {
            shown: None,
            output: self.images(last),
        })
    }
}

impl Registered for Config {
    type Config = Config;
    fn defaults() -> Config {
        Config::default()
    }
    fn check(config: &Config) -> Result<()> {
        config.checked()
    }
    fn build(config: Config, info: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.build(info, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "spiral",
    family: super::FAMILY,
    capabilities: &[
        Capability::Sample,
        Capability::LatentSpace,
        Capability::Reconstruct,
    ],
    paper: "Ganin et al. 2018, Synthesizing Programs for Images using Reinforced Adversarial Learning, arXiv:1804.01118",
    recipe: "spiral",
    data: &["digits"],
    tiny: &[
        ("model.width", "8"),
        ("model.noise", "2"),
        ("model.average", "0.9"),
        ("strokes.count", "3"),
        ("strokes.grid", "2"),
        ("strokes.critic_steps", "1"),
        ("strokes.epochs", "2"),
    ],
    ..Entry::of::<Config>()
};
