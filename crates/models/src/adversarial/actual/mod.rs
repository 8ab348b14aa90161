//! ACtuAL: a recurrent network that writes letters, which learns by an actor-critic method what a discriminator thinks of them.
//!
//! Goyal, Ke, Lamb, Hjelm, Pal, Pineau, Bengio (2017), ACtuAL: Actor-Critic Under Adversarial Learning, arXiv:1711.04755.
//!
//! No gradient goes through letters that are drawn. So the generator is an actor, each letter an action, and what the discriminator D says
//! is its reward; a critic V, which learns by temporal differences what reward is still to come, says how much better a letter was than
//! was to be expected:
//!
//! L_G = -w E_G sum_t A_t log p(x_t | x_<t)  -  E_data sum_t log p(x_t | x_<t)
//! A_t = sum_k (gamma lambda)^k delta_{t + k},   delta_t = r_t + gamma V(x_<t+1) - V(x_<t)
//!
//! D reads what has been written so far and says at every letter whether that is the beginning of data. Its logit l_t estimates
//! ln p_data(x_<=t) / p_G(x_<=t), and the reward of a letter is what it adds: r_t = l_t - l_{t-1}. All rewards of a sequence add up to
//! the logit of the whole; with gamma = 1 the first term of the loss is the gradient of KL(G || data), as the second is that of
//! KL(data || G), teacher forcing.
//!
//! The generator learns by teacher forcing alone first; the two others then begin with its cells, which have learned to read.
mod config;
#[cfg(test)]
mod tests;

pub use config::{Config, Optimizers, Settings, Sizes};

use super::acting::advantages;
use super::letters::{Plan, Reader, Text, Wish};
use crate::{
    Capability, Entry, Function, Holds, LogLikelihood, Model, NetworkInfo, Part, Port, Purpose, Sample,
    SampleRequest, Samples, StepReport, of_shape, unconditional,
};
use burn::module::Module;
use burn::tensor::activation::log_sigmoid;
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind, likeliest};
use menagerie_nn::{Init, Learner, Tensors, number, numbers};

/// The cast.
pub struct Actual {
    settings: Settings,
    plan: Plan,
    generator: Learner<Reader>,
    discriminator: Learner<Reader>,
    critic: Learner<Reader>,
}

/// What the game gave of samples.
struct Told {
    samples: Text,
    advantages: Vec<f32>,
    /// mean sum of the rewards of a sequence
    reward: f64,
    losses: [f64; 2],
}

impl Config {
    /// Fresh networks for data of that description.
    ///
    /// # Errors
    /// [`Error::Data`] for what are no sequences.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<Actual> {
        let (Kind::Sequence, &[length, letters]) = (info.kind, &info.shape[..]) else {
            let problem = format!("actual writes sequences, but these are {}", info.kind.plural());
            let fix = "choose a source of sequences: brackets, molecules, or a file such as x.txt";
            return Err(Error::data(&info.source, problem, fix));
        };
        let reader = |name: &'static str, outputs: usize, optimizer, average: f64| {
            let init = Init::new(key.stream(name), device);
            let network = Reader::new([letters, self.model.width, outputs], &init);
            Learner::new(name, network, optimizer, average, device)
        };
        let o = self.optimizer;
        Ok(Actual {
            generator: reader("generator", letters, o.generator, self.model.average)?,
            discriminator: reader("discriminator", 1, o.discriminator, 0.0)?,
            critic: reader("critic", 1, o.critic, 0.0)?,
            settings: self.game,
            plan: Plan {
                length,
                letters,
                end: info.end_symbol(),
            },
        })
    }
}

impl Actual {
    fn text(&self, symbols: &[u8], device: &Device) -> Text {
        self.plan.text(symbols, 0, device)
    }

    fn symbols(&self, batch: &Batch) -> Result<Vec<u8>> {
        of_shape(batch, &[self.plan.length, self.plan.letters], "actual")?;
        Ok(likeliest(&batch.values, self.plan.letters))
    }

    /// ln p(x_t | x_<t) of the letters that were chosen, 0 elsewhere: `[batch, length, 1]`.
    fn likelihoods(&self, network: &Reader, text: &Text) -> Tensor<3> {
        network.likelihoods(&self.plan, text, None)
    }

    /// Whether there is a game yet, and whether the generator hears of it.
    fn stage(&self) -> [bool; 2] {
        let (s, done) = (&self.settings, self.generator.updates());
        let plays = s.adversarial > 0.0 && done >= s.pretrain;
        [plays, plays && done >= s.pretrain + s.warm]
    }

    /// -E_data log D - E_G log(1 - D) over all letters that were chosen.
    fn tell_apart(&mut self, data: &Text, samples: &Text) -> Result<f64> {
        let d = self.discriminator.network();
        let of = |text: &Text, sign: f64| {
            let logits = d.after(text.letters.clone()) * sign;
            (log_sigmoid(logits) * text.chosen.clone()).sum() / -text.count
        };
        let loss = of(data, 1.0) + of(samples, -1.0);
        Ok(self.discriminator.descend(loss, false)?.loss)
    }

    /// What each letter adds to the discriminator's logit, row by row; 0 behind the end.
    fn rewards(&self, samples: &Text) -> Vec<f32> {
        let limit = self.settings.limit as f32;
        let logits = self
            .discriminator
            .network()
            .valid()
            .after(samples.letters.clone().inner());
        let (logits, chosen) = (numbers(logits), numbers(samples.chosen.clone()));
        let n = self.plan.length;
        let of = |(l, c): (&[f32], &[f32])| -> Vec<f32> {
            let mut before = 0.0;
            let one = |(l, c): (&f32, &f32)| {
                let now = l.clamp(-limit, limit);
                let adds = (now - before) * c;
                before = now;
                adds
            };
            l.iter().zip(c).map(one).collect()
        };
        logits
            .chunks_exact(n)
            .zip(chosen.chunks_exact(n))
            .flat_map(of)
            .collect()
    }

    /// Samples, what discriminator and critic learn of them, and how much better each letter was than was foretold.
    fn play(&mut self, data: &Text, count: usize, key: Key) -> Result<Told> {
        let (device, plain) = (self.generator.device().clone(), self.generator.plain_device());
        let network = self.generator.network().valid();
        let symbols = network.written(&self.plan, &Wish::of(count), key.stream("written"), &plain);
        let samples = self.text(&symbols, &device);
        let mut losses = [f64::NAN; 2];
        for _ in 0..self.settings.discriminator_steps {
            losses[0] = self.tell_apart(data, &samples)?;
        }
        let (rewards, n) = (self.rewards(&samples), self.plan.length);
        let foretold =
            self.critic
                .network()
                .valid()
                .before(&self.plan, samples.letters.clone().inner(), None);
        // Nothing follows the end.
        let foretold = numbers(foretold * samples.chosen.clone().inner());
        let of = |(r, v): (&[f32], &[f32])| {
            let values = [v, &[0.0]].concat();
            advantages(r, &values, self.settings.discount, self.settings.trace)
        };
        let rows = rewards.chunks_exact(n).zip(foretold.chunks_exact(n));
        let advantages: Vec<f32> = rows.flat_map(of).collect();
        let targets = advantages.iter().zip(&foretold).map(|(a, v)| a + v).collect();
        let targets = self.plan.tensor(targets, 1, &device);
        for _ in 0..self.settings.discriminator_steps {
            let off = self
                .critic
                .network()
                .before(&self.plan, samples.letters.clone(), None)
                - targets.clone();
            let square = off.clone() * off * samples.chosen.clone();
            losses[1] = self.critic.descend(square.sum() / samples.count, false)?.loss;
        }
        Ok(Told {
            reward: rewards.iter().map(|r| f64::from(*r)).sum::<f64>() / count.max(1) as f64,
            samples,
            advantages,
            losses,
        })
    }
}

impl Model for Actual {
    fn networks(&self) -> Vec<NetworkInfo> {
        let blank = || {
            self.plan.tensor(
                vec![0.0; self.plan.length * self.plan.letters],
                self.plan.letters,
                &self.generator.plain_device(),
            )
        };
        vec![
            self.generator.info(|g| g.before(&self.plan, blank(), None)),
            self.discriminator.info(|d| d.after(blank())),
            self.critic.info(|c| c.before(&self.plan, blank(), None)),
        ]
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        let (batch, device) = (&batches[0], self.generator.device().clone());
        let data = self.text(&self.symbols(batch)?, &device);
        let count = batch.shape[0];
        let [plays, heard] = self.stage();
        if plays && self.generator.updates() == self.settings.pretrain {
            let cells = self.generator.network();
            self.discriminator.change(|d| d.with_cells_of(cells));
            self.critic.change(|c| c.with_cells_of(cells));
        }
        let told = if plays {
            Some(self.play(&data, count, key)?)
        } else {
            None
        };
        let s = self.settings;
        let teacher = self.likelihoods(self.generator.network(), &data).sum() / -(count as f64);
        let of_teacher = number(teacher.clone());
        let mut loss = teacher * s.teacher;
        let mut scalars = vec![("loss/teacher", of_teacher)];
        if let Some(told) = &told {
            let weights = self.plan.tensor(told.advantages.clone(), 1, &device);
            let own = self.likelihoods(self.generator.network(), &told.samples);
            let policy = (own * weights).sum() / -(count as f64);
            scalars.push(("loss/policy", number(policy.clone())));
            scalars.extend([
                ("loss/discriminator", told.losses[0]),
                ("loss/critic", told.losses[1]),
            ]);
            scalars.push(("reward", told.reward));
            if heard {
                loss = loss + policy * s.adversarial;
            }
        }
        let descent = self.generator.descend(loss, watch)?;
        scalars.extend(descent.gradient.map(|g| ("gradient/generator", g)));
        Ok(StepReport {
            scalars,
            ..StepReport::default()
        })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.generator.save();
        parts.extend(self.discriminator.save());
        parts.extend(self.critic.save());
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.generator.load(read, purpose)?;
        match purpose {
            Purpose::Train => {
                self.discriminator.load(read, purpose)?;
                self.critic.load(read, purpose)
            }
            _ => Ok(()),
        }
    }

    fn functions(&self) -> Vec<Function<'_>> {
        let shape = [self.plan.length, self.plan.letters];
        let meaning = "a sequence: of every place a one for its letter among zeros";
        let item = Port::of("item", &shape, Holds::Numbers, meaning);
        let meaning = "logarithms of the probabilities of the letters at every place, given those before it";
        let out = Port::of("log_probabilities", &shape, Holds::Numbers, meaning);
        let about = "how likely each letter is at each place";
        vec![Function::new(
            "conditionals",
            about,
            vec![item],
            vec![out],
            move |x| {
                let [batch, _] = x[0].dims();
                let [length, letters] = shape;
                let items = x[0].clone().reshape([batch, length, letters]);
                let said = self
                    .generator
                    .for_use_on(&x[0].device())
                    .log_probabilities(&self.plan, items, None);
                vec![said.reshape([batch, length * letters])]
            },
        )]
    }

    fn as_sample(&self) -> Option<&dyn Sample> {
        Some(self)
    }
    fn as_log_likelihood(&self) -> Option<&dyn LogLikelihood> {
        Some(self)
    }
}

impl Sample for Actual {
    fn sample(&self, request: &SampleRequest) -> Result<Samples> {
        unconditional(request, "actual")?;
        let plain = self.generator.plain_device();
        let network = self.generator.for_use();
        let wish = Wish {
            temperature: request.temperature,
            ..Wish::of(request.count)
        };
        let symbols = network.written(&self.plan, &wish, request.key, &plain);
        Ok(Samples {
            kind: Kind::Sequence,
            shape: vec![request.count, self.plan.length, self.plan.letters],
            values: self.plan.one_hot(&symbols),
        })
    }
}

impl LogLikelihood for Actual {
    fn log_likelihood(&self, batch: &Batch, _: Key) -> Result<Vec<f64>> {
        let text = self.text(&self.symbols(batch)?, &self.generator.plain_device());
        let each = numbers(self.likelihoods(&self.generator.for_use(), &text));
        let sum = |row: &[f32]| row.iter().map(|v| f64::from(*v)).sum();
        Ok(each.chunks_exact(self.plan.length).map(sum).collect())
    }
    fn dimensions(&self) -> usize {
        self.plan.length
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: "actual",
    family: super::FAMILY,
    capabilities: &[Capability::Sample, Capability::LogLikelihood],
    paper: "Goyal et al. 2017, ACtuAL: Actor-Critic Under Adversarial Learning, arXiv:1711.04755",
    recipe: "actual",
    data: &["brackets", "molecules"],
    tiny: &[
        ("model.width", "6"),
        ("model.average", "0.9"),
        ("game.pretrain", "1"),
        ("game.warm", "1"),
        ("data.limit", "60"),
    ],
    ..Entry::of::<Config>()
};
