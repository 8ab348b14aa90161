//! Several generators and several discriminators, none of which is the best one: their weights are draws from what is left possible when the
//! data have been seen (Saatchi & Wilson 2017, arXiv:1705.09558, Bayesian GAN; the prior and its place in the game also in Tran, Ranganath,
//! Blei 2017, arXiv:1702.08896).
//!
//! p(theta_g | z, theta_d) ~ prod_i D(G(z_i; theta_g); theta_d) p(theta_g)                                       (equation 1)
//! p(theta_d | z, X, theta_g) ~ prod_i D(x_i) prod_i (1 - D(G(z_i))) p(theta_d)                                  (equation 2)
//!
//! Each network is a chain of its own that goes by stochastic gradient Hamiltonian Monte Carlo (algorithm 1), discriminators by the samples of
//! all generators, generators by the mean of what all discriminators say. After `ensemble.from` steps the discriminators' weights are kept
//! now and then, and the class of an item is told by the mean of the probabilities of all that are kept (equation 6).
use super::super::config::Config;
use super::super::ensemble::{self, CRITICS, Ensemble, GENERATORS, check_members, one_of};
use super::super::game::monitor::Observation;
use super::super::game::semi_supervised::SemiSupervised;
use super::super::game::stage::needs_labels;
use super::super::game::{
    Critic, CriticConfig, Draws, Game, Moment, Play, Round, Sees, Shown, Stage, Tells, check_weights, critic,
};
use super::super::networks::{CriticNetwork, GeneratorNetwork, Heads, Told};
use super::duel::latents;
use crate::{NetworkInfo, Part, Port, Purpose};
use burn::module::Module;
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo};
use menagerie_nn::{Init, Learner, Tensors, named, number};
use serde::{Deserialize, Serialize};

/// `[ensemble]`
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Posterior {
    /// generators (paper: 10)
    pub generators: usize,
    /// discriminators (paper: 1)
    pub discriminators: usize,
    /// weight of the cross-entropy of items with labels
    pub labelled: f64,
    /// steps before weights are kept: a chain comes from its start first
    pub from: u64,
    /// steps between two that are kept
    pub every: u64,
    /// weights that are kept of each discriminator; the oldest make room
    pub kept: usize,
}

impl Default for Posterior {
    fn default() -> Self {
        Posterior {
            generators: 2,
            discriminators: 2,
            labelled: 1.0,
            from: 1000,
            every: 200,
            kept: 10,
        }
    }
}

/// The most weights that are kept of a chain.
const MOST_KEPT: usize = 64;

impl Posterior {
    /// Refuses numbers out of range.
    ///
    /// # Errors
    /// [`Error::Recipe`].
    pub fn check(&self) -> Result<()> {
        check_members("ensemble.generators", self.generators, 1)?;
        check_members("ensemble.discriminators", self.discriminators, 1)?;
        check_weights([("ensemble.labelled", self.labelled)])?;
        let refused = |key: &str, problem: String, fix: String| Err(Error::recipe(key, problem, fix));
        match (self.every, self.kept) {
            (0, _) => refused(
                "ensemble.every",
                "0 steps are no distance".into(),
                "give 1 or more".into(),
            ),
            (_, kept) if !(1..=MOST_KEPT).contains(&kept) => refused(
                "ensemble.kept",
                format!("{kept} cannot be kept"),
                format!("give 1 to {MOST_KEPT}"),
            ),
            _ => Ok(()),
        }
    }

    /// Whether weights are kept after so many steps.
    fn keeps(&self, steps: u64) -> bool {
        steps > self.from && (steps - self.from).is_multiple_of(self.every)
    }
}

/// See the module.
pub struct Sampled {
    stage: Stage,
    settings: Posterior,
    config: Config,
    generators: Vec<Learner<GeneratorNetwork>>,
    critics: Vec<Critic>,
    /// weights that were kept of each critic, without autodiff, the oldest first
    kept: Vec<Vec<CriticNetwork>>,
}

impl Ensemble<Posterior> {
    /// The axes of the game of any two of them.
    fn semi_supervised(&self) -> Config {
        Config {
            semi_supervised: Some(SemiSupervised {
                weight: self.ensemble.labelled,
                entropy: 0.0,
            }),
            ..self.axes()
        }
    }

    /// Refuses what is out of range, and what clashes.
    ///
    /// # Errors
    /// [`Error::Recipe`].
    pub fn check_posterior(&self, model: &str) -> Result<()> {
        self.ensemble.check()?;
        self.check_axes(model)?;
        self.semi_supervised().check()
    }

    /// Fresh networks.
    ///
    /// # Errors
    /// For settings that clash, and data that the networks cannot take.
    pub fn sampled(
        &self,
        model: &'static str,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<Sampled>> {
        self.check_posterior(model)?;
        let config = self.semi_supervised();
        config.model.check(model, info)?;
        needs_labels(model, info)?;
        let (o, average) = (config.optimizer, config.model.average());
        let generator = |name: &'static str| {
            let key = key.stream(name);
            let network = config
                .model
                .generator(info, Told::default(), &Init::new(key, device));
            Ok(Learner::new(name, network, o.generator, average, device)?.salted(key))
        };
        let critic = |name: &'static str| {
            let key = key.stream(name);
            // What is kept is averaged; a moving average would be an average of it.
            let c = CriticConfig {
                average: 0.0,
                ..config.critic(info)
            };
            let critic = Critic::new(c, &config.model, info, Heads::default(), key, device)?;
            Ok(critic.called(name).salted(key))
        };
        let s = self.ensemble;
        Ok(Game::new(Sampled {
            stage: Stage::new(model, info, device),
            settings: s,
            generators: GENERATORS[..s.generators]
                .iter()
                .map(|name| generator(name))
                .collect::<Result<_>>()?,
            critics: CRITICS[..s.discriminators]
                .iter()
                .map(|name| critic(name))
                .collect::<Result<_>>()?,
            kept: vec![vec![]; s.discriminators],
            config,
        }))
    }
}

/// What weights that were kept are called in checkpoints.
fn name_of(critic: usize, place: usize) -> String {
    format!("{}_kept_{}", CRITICS[critic], place + 1)
}

impl Sampled {
    /// An equal part of so many samples from each generator.
    fn made(&self, count: usize, key: Key) -> Tensor<4> {
        let members = self.generators.len();
        let part = |(i, g): (usize, &Learner<GeneratorNetwork>)| {
            let n = (count + members - 1 - i) / members;
            let z = self.latents(n, key.step(i as u64));
            (n > 0).then(|| g.network().clone().no_grad().forward(z, None))
        };
        Tensor::cat(self.generators.iter().enumerate().filter_map(part).collect(), 0)
    }

    fn latents(&self, count: usize, key: Key) -> Tensor<2> {
        let (prior, latent) = (self.config.game.prior, self.config.model.latent());
        latents(prior, count, latent, key, &self.stage.device)
    }

    /// One update of every generator, by the mean of what the discriminators say; the losses' mean, the mean of the gradients' norms, and
    /// samples of the first.
    fn move_generators(&mut self, data: &Tensor<4>, now: Moment) -> Result<(f64, f64, Tensor<4>)> {
        let (count, mut losses, mut gradients) = (data.dims()[0], vec![], vec![]);
        let mut samples = None;
        for i in 0..self.generators.len() {
            let key = now.key.step(i as u64);
            let z = self.latents(count, key.stream("latents"));
            let made = self.generators[i].network().forward(z, None);
            samples.get_or_insert_with(|| made.clone().detach());
            let said = self.critics.iter().map(|c| {
                let shown = |x: &Tensor<4>| c.shown(Shown::plain(x.clone()), now.updates, key);
                c.persuade(&shown(&made), Some(&shown(data)), None)
            });
            let Some(sum) = said.reduce(|a, b| a + b) else {
                break;
            };
            let loss = sum / self.critics.len() as f64;
            let value = number(loss.clone());
            critic::finite("the generator's loss", value, now)?;
            losses.push(value);
            gradients.extend(self.generators[i].update(&mut [loss.backward()], now.watch));
        }
        let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len().max(1) as f64;
        let samples = samples.unwrap_or_else(|| data.clone());
        Ok((mean(&losses), mean(&gradients), samples))
    }

    /// Keeps the discriminators as they are, where it is time to.
    fn keep(&mut self) {
        if !self.settings.keeps(self.updates()) {
            return;
        }
        for (kept, critic) in self.kept.iter_mut().zip(&self.critics) {
            if kept.len() == self.settings.kept {
                kept.remove(0);
            }
            // Running statistics are shared between clones: these must stay as they are.
            let network = critic.network().valid();
            kept.extend(Tensors::of(&network).into_network(network));
        }
    }
}

impl Play for Sampled {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn updates(&self) -> u64 {
        self.generators[0].updates()
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        let device = self.stage.plain();
        let z = || Tensor::zeros([1, self.config.model.latent()], &device);
        let shape = self.stage.image_shape();
        let generators = self.generators.iter().map(|l| l.info(|g| g.forward(z(), None)));
        let critics = self.critics.iter().map(|c| c.info(shape, 0, &device));
        generators.chain(critics).collect()
    }

    fn batches_per_step(&self) -> usize {
        2
    }

    fn labelled_batches(&self) -> usize {
        1
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        let [batch, of_labelled, ..] = batches else {
            return Ok(Round::default());
        };
        let updates = self.updates();
        let data = self.stage.items(batch);
        let classes = self
            .stage
            .one_hot(self.stage.labels_of(of_labelled)?, &self.stage.device);
        let labelled = Shown {
            classes: Some(classes),
            ..Shown::plain(self.stage.items(of_labelled))
        };
        let mut first = None;
        for i in 0..self.critics.len() {
            let key = key.stream("discriminators").step(i as u64);
            let made = self.made(batch.shape[0], key.stream("latents"));
            let now = Moment { updates, key, watch };
            let shown = (Shown::plain(data.clone()), Shown::plain(made));
            let seen = self.critics[i].learn(shown.0, shown.1, Some(&labelled), now)?;
            first.get_or_insert(seen);
        }
        let now = Moment {
            updates,
            key: key.stream("generators"),
            watch,
        };
        let (loss, gradient, samples) = self.move_generators(&data, now)?;
        self.keep();
        let Some(seen) = first else {
            return Ok(Round::default());
        };
        let mut scalars = vec![("loss/discriminator", seen.loss), ("loss/generator", loss)];
        let observation = watch.then(|| {
            let diversity = self.stage.diversity(&samples.inner(), batch);
            let o = Observation::new(self.critics[0].objective(), &seen, gradient, diversity);
            scalars.extend(o.scalars());
            scalars.extend(seen.scalars.iter().copied());
            scalars.push(("ensemble/kept", self.kept[0].len() as f64));
            o
        });
        Ok(Round { scalars, observation })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts: Vec<(String, Part)> = self.generators.iter().flat_map(Learner::save).collect();
        parts.extend(self.critics.iter().flat_map(Critic::save));
        let kept = self.kept[0].len().to_string();
        parts.push((
            "ensemble".into(),
            Box::new(move || Tensors::of_note("kept", kept)),
        ));
        for (i, kept) in self.kept.iter().enumerate() {
            for (place, network) in kept.iter().enumerate() {
                parts.push((name_of(i, place), Box::new(|| Tensors::of(network))));
            }
        }
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.generators
            .iter_mut()
            .try_for_each(|g| g.load(read, purpose))?;
        if purpose == Purpose::Sample {
            return Ok(());
        }
        self.critics.iter_mut().try_for_each(|c| c.load(read, purpose))?;
        let notes = read("ensemble")?.notes;
        let kept = notes.get("kept").and_then(|n| n.parse().ok()).unwrap_or(0usize);
        for (i, critic) in self.critics.iter().enumerate() {
            let one = |place| read(&name_of(i, place))?.into_network(critic.network().valid());
            self.kept[i] = (0..kept.min(self.settings.kept))
                .map(one)
                .collect::<Result<_>>()?;
        }
        Ok(())
    }

    fn scores_items(&self) -> bool {
        true
    }

    /// By the first discriminator.
    fn scores(&self, items: Tensor<4>, _: Option<&[u32]>) -> Option<Vec<f32>> {
        Some(self.critics[0].scores(&Shown::plain(items)))
    }

    fn draws(&self) -> Option<&dyn Draws> {
        Some(self)
    }
    fn sees(&self) -> Option<&dyn Sees> {
        Some(self)
    }
    fn tells(&self) -> Option<&dyn Tells> {
        Some(self)
    }
}

/// A latent is that of a generator, and a number in [0, 1) that says which.
impl Draws for Sampled {
    fn latent(&self) -> usize {
        self.config.model.latent() + 1
    }
    fn prior(&self, count: usize, key: Key) -> Tensor<2> {
        let (prior, latent) = (self.config.game.prior, self.config.model.latent());
        ensemble::latents_of_members(prior, latent, count, key, &self.stage.plain())
    }
    fn inputs(&self) -> Vec<Port> {
        ensemble::ports_of_members(self.config.game.prior, self.config.model.latent())
    }
    fn draw(&self, latents: Tensor<2>, _: Option<Tensor<2>>) -> Tensor<4> {
        let (z, at) = ensemble::parts_of(&latents);
        let device = latents.device();
        let made = self
            .generators
            .iter()
            .map(|g| g.for_use_on(&device).forward(z.clone(), None));
        let members = self.generators.len();
        one_of(made.collect(), &vec![1.0 / members as f64; members], &at)
    }
    fn draw_truncated(&self, latents: Tensor<2>, _: Option<Tensor<2>>, psi: f64) -> Tensor<4> {
        let (z, at) = ensemble::parts_of(&latents);
        self.draw(Tensor::cat(vec![z * psi, at], 1), None)
    }
    /// What each generator makes of the latents.
    fn stages(&self, latents: Tensor<2>) -> Vec<Tensor<4>> {
        let (z, _) = ensemble::parts_of(&latents);
        let members = self.generators.iter();
        members.map(|g| g.for_use().forward(z.clone(), None)).collect()
    }
}

/// ln of the mean of class probabilities over all weights that are kept; by the discriminators as they are where none are kept yet.
impl Tells for Sampled {
    fn class_scores(&self, items: Tensor<4>) -> Tensor<2> {
        let kept = self.kept.iter().enumerate().flat_map(|(i, kept)| {
            let of_chain = kept.iter().enumerate();
            of_chain.map(move |(place, network)| (name_of(i, place), network.clone()))
        });
        let mut said: Vec<Tensor<2>> = kept
            .filter_map(|(name, network)| {
                let network = named::on_device(network, &name, &items.device());
                network.judge(items.clone().into(), None, None).classes
            })
            .collect();
        if said.is_empty() {
            said.extend(
                self.critics
                    .iter()
                    .filter_map(|c| c.answer(items.clone()).classes),
            );
        }
        let members = said.len() as f64;
        let sum = said.into_iter().map(|l| softmax(l, 1)).reduce(|a, b| a + b);
        let none = || Tensor::ones([items.dims()[0], self.stage.labels.len()], &items.device());
        (sum.unwrap_or_else(none) / members.max(1.0) + 1e-30).log()
    }
}

/// By the first discriminator.
impl Sees for Sampled {
    fn layers(&self, items: Tensor<4>) -> Vec<Tensor<4>> {
        self.critics[0].network().valid().layers(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_kept_now_and_then() {
        let s = Posterior {
            from: 10,
            every: 5,
            ..Posterior::default()
        };
        let kept: Vec<u64> = (0..31).filter(|n| s.keeps(*n)).collect();
        assert_eq!(kept, [15, 20, 25, 30]);
    }
}
