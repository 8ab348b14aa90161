//! GANs one after the other, each of which must be ranked above the one before it (Juefei-Xu et al. 2017, arXiv:1704.04865,
//! GoGAN). The first discriminator holds data a margin above samples; that of a later stage i + 1 keeps an order of three:
//!
//! E max(0, D(G_(i+1)(z)) + e - D(x))  +  ranking E max(0, D(G_i(z)) + 2 e - D(x)),    the generator ascends E D(G_(i+1)(z))
use super::super::config::Config;
use super::super::ensemble::{CRITICS, Ensemble, GENERATORS, check_members};
use super::super::game::monitor::Observation;
use super::super::game::objective::Rule;
use super::super::game::{
    Critic, Draws, Game, Moment, Play, Round, Sees, Shown, Stage, check_weights, critic,
};
use super::super::networks::{GeneratorNetwork, Heads, Told};
use super::super::{Losses, Objective, Together};
use super::duel::{latents, port_of};
use crate::{NetworkInfo, Part, Port, Purpose};
use burn::module::Module;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo};
use menagerie_nn::{Init, Learner, Tensors, number};
use serde::{Deserialize, Serialize};

/// `[ensemble]`
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ranking {
    /// stages, each a GAN
    pub stages: usize,
    /// steps of each; the last one learns on
    pub steps: u64,
    /// how far apart scores are held (epsilon)
    pub margin: f64,
    /// weight of the order of stages in the discriminator's loss; 0 for stages that do not know of each other
    pub ranking: f64,
}

impl Default for Ranking {
    fn default() -> Self {
        Ranking {
            stages: 3,
            steps: 2000,
            margin: 1.0,
            ranking: 1.0,
        }
    }
}

impl Ranking {
    /// Refuses numbers out of range.
    ///
    /// # Errors
    /// [`Error::Recipe`].
    pub fn check(&self) -> Result<()> {
        check_members("ensemble.stages", self.stages, 2)?;
        check_weights([("ensemble.ranking", self.ranking)])?;
        if self.steps == 0 {
            return Err(Error::recipe(
                "ensemble.steps",
                "0 is too small",
                "give 1 or more",
            ));
        }
        match self.margin.is_finite() && self.margin > 0.0 {
            true => Ok(()),
            false => Err(Error::recipe(
                "ensemble.margin",
                format!("{} holds nothing apart", self.margin),
                "give a number above 0",
            )),
        }
    }
}

/// The margins of a stage. Where there is one before it, the second half of data and samples are those of the ranking.
struct Margins {
    margin: f64,
    /// weight of the order of stages; none of the first stage
    ranking: Option<f64>,
}

impl Objective for Margins {
    fn losses(&self) -> Losses<'_> {
        Losses::Together(self)
    }
}

impl Together for Margins {
    fn discriminator(&self, data: Tensor<2>, samples: Tensor<2>) -> Tensor<1> {
        let over = samples - data;
        let Some(ranking) = self.ranking else {
            return relu(over + self.margin).mean();
        };
        let n = over.dims()[0] / 2;
        let held = relu(over.clone().narrow(0, 0, n) + self.margin).mean();
        held + relu(over.narrow(0, n, n) + 2.0 * self.margin).mean() * ranking
    }

    fn generator(&self, _: Tensor<2>, samples: Tensor<2>) -> Tensor<1> {
        -samples.mean()
    }
}

/// A GAN of the gang.
struct Member {
    generator: Learner<GeneratorNetwork>,
    critic: Critic,
}

/// See the module.
pub struct Ranked {
    stage: Stage,
    config: Config,
    settings: Ranking,
    members: Vec<Member>,
    steps: u64,
}

impl Ensemble<Ranking> {
    /// Fresh networks of all stages.
    ///
    /// # Errors
    /// For settings that clash, and data that the networks cannot take.
    pub fn ranked(
        &self,
        model: &'static str,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<Ranked>> {
        self.ensemble.check()?;
        self.check_axes(model)?;
        let config = self.axes();
        config.model.check(model, info)?;
        if self.objective != Rule::Wasserstein {
            let problem = format!("{model} puts margins between scores that are heights, as those of a WGAN");
            return Err(Error::recipe(
                "objective.rule",
                problem,
                "set it to \"wasserstein\"",
            ));
        }
        let member = |i: usize| -> Result<Member> {
            let key = key.step(i as u64);
            let at = Init::new(key.stream("generator"), device);
            let network = config.model.generator(info, Told::default(), &at);
            let (optimizer, average) = (config.optimizer.generator, config.model.average());
            let critic_key = key.stream(critic::DISCRIMINATOR);
            let of = config.critic(info);
            let mut critic = Critic::new(of, &config.model, info, Heads::default(), critic_key, device)?;
            let later = (i > 0 && self.ensemble.ranking > 0.0).then_some(self.ensemble.ranking);
            critic.set_objective(Box::new(Margins {
                margin: self.ensemble.margin,
                ranking: later,
            }));
            Ok(Member {
                generator: Learner::new(GENERATORS[i], network, optimizer, average, device)?,
                critic: critic.called(CRITICS[i]),
            })
        };
        Ok(Game::new(Ranked {
            stage: Stage::new(model, info, device),
            members: (0..self.ensemble.stages).map(member).collect::<Result<_>>()?,
            settings: self.ensemble,
            config,
            steps: 0,
        }))
    }
}

impl Ranked {
    /// The stage that learns after so many steps.
    fn at(&self, steps: u64) -> usize {
        ((steps / self.settings.steps) as usize).min(self.members.len() - 1)
    }

    /// The newest stage that has begun to learn.
    fn newest(&self) -> usize {
        self.at(self.steps.saturating_sub(1))
    }

    fn latents(&self, count: usize, key: Key, device: &Device) -> Tensor<2> {
        let (prior, latent) = (self.config.game.prior, self.config.model.latent());
        latents(prior, count, latent, key, device)
    }
}

/// Twice the rows.
fn twice(x: &Tensor<4>) -> Tensor<4> {
    Tensor::cat(vec![x.clone(), x.clone()], 0)
}

impl Play for Ranked {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn updates(&self) -> u64 {
        self.steps
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        let device = self.stage.plain();
        let z = Tensor::zeros([1, self.config.model.latent()], &device);
        let of = |m: &Member| {
            [
                m.generator.info(|g| g.forward(z.clone(), None)),
                m.critic.info(self.stage.image_shape(), 0, &device),
            ]
        };
        self.members.iter().flat_map(of).collect()
    }

    fn batches_per_step(&self) -> usize {
        self.config.game.discriminator_steps
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        let updates = self.updates();
        let i = self.at(updates);
        let ranked = i > 0 && self.settings.ranking > 0.0;
        let mut last = None;
        for (k, batch) in batches.iter().enumerate() {
            let of = key.step(k as u64);
            let x = self.stage.items(batch);
            let z = self.latents(batch.shape[0], of.stream("latents"), &self.stage.device);
            let is_last = k + 1 == batches.len();
            let generator = self.members[i].generator.network().clone();
            let generator = if is_last { generator } else { generator.no_grad() };
            let made = generator.forward(z, None);
            drop(generator);
            let (data, samples) = match ranked {
                true => {
                    let key = of.stream("latents of the stage before");
                    let z = self.latents(batch.shape[0], key, &self.stage.plain());
                    let before = self.members[i - 1].generator.for_use().forward(z, None);
                    (
                        twice(&x),
                        Tensor::cat(vec![made.clone(), Tensor::from_inner(before)], 0),
                    )
                }
                false => (x, made.clone()),
            };
            let now = Moment {
                updates,
                key: of,
                watch: watch && is_last,
            };
            let critic = &mut self.members[i].critic;
            let seen = critic.learn(Shown::plain(data), Shown::plain(samples), None, now)?;
            last = Some((seen, made));
        }
        let Some((mut seen, made)) = last else {
            return Ok(Round::default());
        };
        let diversity = watch.then(|| self.stage.diversity(&made.clone().inner(), &batches[0]));
        let member = &mut self.members[i];
        let shown = member
            .critic
            .shown(Shown::plain(made), updates, key.stream("noise for the generator"));
        let loss = member.critic.persuade(&shown, None, None);
        let value = number(loss.clone());
        critic::finite("the generator's loss", value, Moment { updates, key, watch })?;
        let gradient = member
            .generator
            .update(&mut [loss.backward()], watch)
            .unwrap_or(f64::NAN);
        let mut scalars = vec![("loss/discriminator", seen.loss), ("loss/generator", value)];
        self.steps += 1;
        let member = &self.members[i];
        let observation = diversity.map(|diversity| {
            let mean = |v: &[f32]| v.iter().map(|s| f64::from(*s)).sum::<f64>() / v.len().max(1) as f64;
            scalars.push(("stage", (i + 1) as f64));
            // Of each leaf: its own samples, then those of the stage before.
            if ranked {
                let (n, all) = (batches[0].shape[0], std::mem::take(&mut seen.samples));
                let halves = |second: bool| {
                    all.chunks(2 * n)
                        .flat_map(move |c| c[if second { n } else { 0 }..][..n].to_vec())
                };
                seen.samples = halves(false).collect();
                let before: Vec<f32> = halves(true).collect();
                scalars.push(("stage/gap-before", mean(&seen.data) - mean(&before)));
            }
            scalars.push(("stage/gap", mean(&seen.data) - mean(&seen.samples)));
            let o = Observation::new(member.critic.objective(), &seen, gradient, diversity);
            scalars.extend(o.scalars());
            scalars.extend(seen.scalars.iter().copied());
            o
        });
        Ok(Round { scalars, observation })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts: Vec<(String, Part)> = Vec::new();
        for m in &self.members {
            parts.extend(m.generator.save());
            parts.extend(m.critic.save());
        }
        let steps = self.steps.to_string();
        parts.push((
            "ensemble".into(),
            Box::new(move || Tensors::of_note("steps", steps)),
        ));
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        let notes = read("ensemble")?.notes;
        self.steps = notes.get("steps").and_then(|s| s.parse().ok()).unwrap_or(0);
        self.members.iter_mut().try_for_each(|m| {
            m.generator.load(read, purpose)?;
            m.critic.load(read, purpose)
        })
    }

    fn draws(&self) -> Option<&dyn Draws> {
        Some(self)
    }
    fn sees(&self) -> Option<&dyn Sees> {
        Some(self)
    }
}

/// By the newest stage.
impl Draws for Ranked {
    fn latent(&self) -> usize {
        self.config.model.latent()
    }
    fn prior(&self, count: usize, key: Key) -> Tensor<2> {
        self.latents(count, key.stream("latents"), &self.stage.plain())
    }
    fn inputs(&self) -> Vec<Port> {
        vec![port_of(self.config.game.prior, self.config.model.latent())]
    }
    fn draw(&self, latents: Tensor<2>, _: Option<Tensor<2>>) -> Tensor<4> {
        let generator = &self.members[self.newest()].generator;
        generator.for_use_on(&latents.device()).forward(latents, None)
    }
    fn stages(&self, latents: Tensor<2>) -> Vec<Tensor<4>> {
        let members = self.members[..=self.newest()].iter();
        members
            .map(|m| m.generator.for_use().forward(latents.clone(), None))
            .collect()
    }
}

/// By the newest stage's critic.
impl Sees for Ranked {
    fn layers(&self, items: Tensor<4>) -> Vec<Tensor<4>> {
        self.members[self.newest()].critic.network().valid().layers(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie_nn::numbers;

    /// By hand: pairs within their margin cost nothing, and the stage before must lie twice as far below the data.
    #[test]
    fn margins_order_three() {
        let rows = |v: [f32; 4]| Tensor::<2>::from_floats([[v[0]], [v[1]], [v[2]], [v[3]]], &Device::flex());
        let (data, samples) = (rows([3.0, 1.0, 3.0, 1.0]), rows([1.5, 0.5, 1.5, 0.5]));
        let loss = |ranking| {
            let margins = Margins { margin: 1.0, ranking };
            numbers(margins.discriminator(data.clone(), samples.clone()))[0]
        };
        // Gaps 1.5 and 0.5, twice: margin 1 costs 0 and 0.5, margin 2 costs 0.5 and 1.5.
        assert_eq!(loss(None), 0.25);
        assert_eq!(loss(Some(0.0)), 0.25);
        assert_eq!(loss(Some(2.0)), 0.25 + 2.0);
        let margins = Margins {
            margin: 1.0,
            ranking: None,
        };
        assert_eq!(numbers(margins.generator(data, samples))[0], -1.0);
    }
}
