//! In-painting from the context, by a game in which the discriminator is a classifier, too (Denton, Gross, Fergus 2016,
//! Semi-Supervised Learning with Context-Conditional Generative Adversarial Networks, arXiv:1611.06430). With m a mask, 1 where an
//! image is known, G is given m * x and m; what it says counts where m is 0:
//!
//! x_I = (1 - m) * G(m * x, m) + m * x                                                                 (equation 3)
//! max_D  E log D(x) + E log(1 - D(x_I)) + lambda E log D_c(y | x_L),   max_G  E log D(x_I)            (equations 4 and 5)
//!
//! D and D_c are two heads of one network. It must tell what belongs into a place, and what that takes helps it to tell classes.
use super::super::Optimizers;
use super::super::game::augment::Augment;
use super::super::game::monitor::Observation;
use super::super::game::objective::Rule;
use super::super::game::penalty::Penalties;
use super::super::game::play::{Completes, Tells};
use super::super::game::semi_supervised::SemiSupervised;
use super::super::game::stage::needs_labels;
use super::super::game::{
    Critic, CriticConfig, Game, Moment, Play, Round, Shown, Stage, check_weights, critic,
};
use super::super::networks::translator::Drawn;
use super::super::networks::{CriticNetwork, Heads, Sizes, TranslatorNetwork, TranslatorSizes, dcgan, voxel};
use super::super::translation::Distance;
use super::paired::{GENERATOR, diversity};
use crate::{NetworkInfo, Part, Purpose};
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_nn::{Init, Learner, Tensors, number};
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is the model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContextConfig {
    /// `[model]`: which network fills in
    pub model: TranslatorSizes,
    /// `[critic]`: the discriminator
    #[serde(default)]
    pub critic: CriticSizes,
    /// `[context]`: what is hidden, and what is learned of it beside the game
    #[serde(default)]
    pub context: ContextSettings,
    /// `[semi_supervised]`: few items have labels, and the discriminator learns to tell them by a head of its own
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub semi_supervised: Option<SemiSupervised>,
    /// `[objective]`: what the two players minimize
    pub objective: Rule,
    /// `[penalty]`: what keeps the discriminator in bounds
    #[serde(default)]
    pub penalty: Penalties,
    /// `[augment]`: what everything that the discriminator sees goes through
    #[serde(default)]
    pub augment: Augment,
    /// `[optimizer]`
    #[serde(default)]
    pub optimizer: Optimizers,
}

/// `[critic]`: strided convolutions over the whole image, as DCGAN has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CriticSizes {
    /// channels at half the image's size; they double with every halving, up to eight times as many
    pub width: usize,
    /// `batch`, `layer` or `none`
    pub norm: dcgan::Norm,
    /// spectral normalization of its weights, in place of norms
    pub spectral_norm: bool,
}

impl Default for CriticSizes {
    fn default() -> Self {
        CriticSizes {
            width: 64,
            norm: dcgan::Norm::Batch,
            spectral_norm: false,
        }
    }
}

/// `[context]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContextSettings {
    /// height and width of the hole, as a share of the image's; its place is drawn for each image
    pub hole: f64,
    /// weight of the game; 0 for the distance alone
    pub game: f64,
    /// weight of the distance to the true image within the hole; 0 for the game alone (the paper's)
    pub l1: f64,
}

impl Default for ContextSettings {
    fn default() -> Self {
        ContextSettings {
            hole: 0.5,
            game: 1.0,
            l1: 0.0,
        }
    }
}

/// See the module.
pub struct Context {
    stage: Stage,
    settings: ContextSettings,
    semi: Option<SemiSupervised>,
    generator: Learner<TranslatorNetwork>,
    critic: Critic,
}

impl ContextConfig {
    /// Refuses what is out of range, and what clashes.
    ///
    /// # Errors
    /// [`Error::Recipe`].
    pub fn check(&self) -> Result<()> {
        self.model.check()?;
        self.objective.check()?;
        self.penalty.check()?;
        self.augment.check()?;
        self.semi_supervised.map_or(Ok(()), |s| s.check())?;
        check_weights([
            ("context.game", self.context.game),
            ("context.l1", self.context.l1),
        ])?;
        if self.critic.width == 0 {
            return Err(Error::recipe("critic.width", "0 is too small", "give 1 or more"));
        }
        let hole = self.context.hole;
        if !(hole > 0.0 && hole < 1.0) {
            let problem = format!("{hole} is no share of a side that could be hidden");
            return Err(Error::recipe(
                "context.hole",
                problem,
                "give more than 0 and less than 1, such as 0.5",
            ));
        }
        if self.objective.wants_autoencoder()
            || self.objective == Rule::Classes
            || self.objective.outputs() != 1
        {
            let problem = format!(
                "the discriminator gives one score, and `{}` needs more",
                self.objective.name()
            );
            return Err(Error::recipe(
                "objective.rule",
                problem,
                "set objective.rule=non-saturating",
            ));
        }
        if let Some(key) = self.augment.follows_scores()
            && !self.objective.is_logit()
        {
            let problem = format!(
                "it follows the signs of scores, which mean nothing to `{}`",
                self.objective.name()
            );
            return Err(Error::recipe(
                key,
                problem,
                "leave it out, or set objective.rule=non-saturating",
            ));
        }
        let p = &self.penalty;
        let batch_norm = self.critic.norm == dcgan::Norm::Batch && !self.critic.spectral_norm;
        let clashes = [
            (
                "penalty.latent_consistency",
                p.latent_consistency.is_some(),
                "it is of generators of latents",
            ),
            (
                "penalty.gradient",
                batch_norm && p.gradient.is_some(),
                "critic.norm=batch mixes items",
            ),
            (
                "penalty.r1",
                batch_norm && p.r1.is_some(),
                "critic.norm=batch mixes items",
            ),
            (
                "penalty.r2",
                batch_norm && p.r2.is_some(),
                "critic.norm=batch mixes items",
            ),
        ];
        match clashes.into_iter().find(|(_, on, _)| *on) {
            Some((key, _, why)) => {
                let fix = "leave it out, or of a gradient's set critic.norm=layer";
                Err(Error::recipe(key, why, fix))
            }
            None => Ok(()),
        }
    }

    /// Fresh networks for images of that description.
    ///
    /// # Errors
    /// For settings that clash, and data that it cannot take.
    pub fn context(
        &self,
        model: &'static str,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<Context>> {
        self.check()?;
        let of_voxels = matches!(self.model, TranslatorSizes::Volume(_));
        let (kind, fix) = match of_voxels {
            true => (Kind::Voxels, "choose `shapes`, or set model.architecture=unet"),
            false => (Kind::Image, "choose a source of images"),
        };
        if info.kind != kind {
            let (own, these) = (kind.plural(), info.kind.plural());
            let problem = format!("{model} fills in {own}, and these are {these}");
            return Err(Error::data(&info.source, problem, fix));
        }

        if self.semi_supervised.is_some() {
            needs_labels(model, info).map_err(|_| {
                Error::data(
                    &info.source,
                    format!("{model} learns to tell classes beside, and these images have none"),
                    "choose a source with classes (sub-folders, or a column `label`), or set semi_supervised=false",
                )
            })?;
        }
        let sizes = self.sizes_of_the_critic(of_voxels)?;
        sizes.check(model, info)?;
        let stage = Stage::new(model, info, device);
        let [h, w, c] = stage.image_shape();
        let heads = Heads {
            biased: self.objective.wants_bias(),
            classes: self.semi_supervised.map_or(0, |_| info.labels.len()),
            ..Heads::default()
        };
        let of_critic = Init::new(key.stream(critic::DISCRIMINATOR), device);
        let network = CriticNetwork::new(&sizes, info, heads, &of_critic);
        // The mask is told beside the image.
        let generator = self
            .model
            .network([h, w, c], 1, &Init::new(key.stream(GENERATOR), device));
        Ok(Game::new(Context {
            stage,
            settings: self.context,
            semi: self.semi_supervised,
            critic: Critic::of(critic::DISCRIMINATOR, self.critic(), network, device)?,
            generator: Learner::new(
                GENERATOR,
                generator,
                self.optimizer.generator,
                self.model.average(),
                device,
            )?,
        }))
    }

    fn sizes_of_the_critic(&self, of_voxels: bool) -> Result<Sizes> {
        let CriticSizes {
            width,
            norm,
            spectral_norm,
        } = self.critic;
        if !of_voxels {
            return Ok(Sizes::Dcgan(dcgan::Sizes {
                width,
                norm,
                spectral_norm,
                ..dcgan::Sizes::default()
            }));
        }
        if spectral_norm || norm == dcgan::Norm::Layer {
            let problem = "a discriminator of shapes has batch norm or none, and no spectral norm";
            return Err(Error::recipe(
                "critic.norm",
                problem,
                "set critic.norm=batch or none",
            ));
        }
        Ok(Sizes::Voxel(voxel::Sizes {
            width,
            batch_norm: norm == dcgan::Norm::Batch,
            ..voxel::Sizes::default()
        }))
    }

    fn critic(&self) -> CriticConfig {
        CriticConfig {
            objective: self.objective,
            penalties: self.penalty.clone(),
            augment: self.augment.clone(),
            condition: None,
            numbers: 0,
            codes: None,
            semi: self.semi_supervised,
            optimizer: self.optimizer.discriminator,
            average: if self.semi_supervised.is_some() {
                self.model.average()
            } else {
                0.0
            },
            smoothing: 0.0,
        }
    }
}

impl Context {
    /// Which pixels of each image are known, `[batch, height, width, 1]`: all but a hole, whose place is drawn; of a shape, whose slices lie
    /// below each other, a hole as deep as it is high.
    fn holes(&self, count: usize, key: Key) -> Tensor<4> {
        let [rows, w, _] = self.stage.image_shape();
        let h = if self.stage.kind == Kind::Voxels { w } else { rows };
        let side = |n: usize| ((n as f64 * self.settings.hole).round() as usize).clamp(1, n);
        let mut mask = Vec::with_capacity(count * rows * w);
        for i in 0..count {
            let mut rng = key.step(i as u64).rng();
            let mut drawn = |n: usize| {
                let from = rng.below(n - side(n) + 1);
                from..from + side(n)
            };
            let (across, along, through) = (drawn(h), drawn(w), drawn(rows / h));
            let hidden = |row: usize, x: usize| {
                across.contains(&(row % h)) && along.contains(&x) && through.contains(&(row / h))
            };
            mask.extend((0..rows * w).map(|i| f32::from(!hidden(i / w, i % w))));
        }
        Tensor::from_data(TensorData::new(mask, [count, rows, w, 1]), &self.stage.device)
    }
}

/// What a network makes of images of which a mask says what is known: that stays, and nothing else of them is seen.
fn filled(network: &TranslatorNetwork, x: Tensor<4>, known: Tensor<4>, drawn: Drawn<'_>) -> Tensor<4> {
    let context = x * known.clone();
    let said = network.forward_with(
        Tensor::cat(vec![context.clone(), known.clone() * 2.0 - 1.0], 3),
        drawn,
    );
    context + said * (known.neg() + 1.0)
}

impl Play for Context {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn updates(&self) -> u64 {
        self.generator.updates()
    }

    fn batches_per_step(&self) -> usize {
        1 + self.labelled_batches()
    }

    fn labelled_batches(&self) -> usize {
        usize::from(self.semi.is_some())
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        let device = self.stage.plain();
        let [h, w, c] = self.stage.image_shape();
        let x = Tensor::zeros([1, h, w, c + 1], &device);
        vec![
            self.generator.info(|g| g.forward(x, None)),
            self.critic.info([h, w, c], 0, &device),
        ]
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        let Some(batch) = batches.first() else {
            return Ok(Round::default());
        };
        let updates = self.generator.updates();
        let now = Moment { updates, key, watch };
        let labelled = match (self.semi, batches.get(1)) {
            (Some(_), Some(b)) => Some(Shown {
                classes: Some(self.stage.one_hot(self.stage.labels_of(b)?, &self.stage.device)),
                ..Shown::plain(self.stage.items(b))
            }),
            _ => None,
        };
        let (x, count) = (self.stage.items(batch), batch.shape[0]);
        let known = self.holes(count, key.stream("holes"));
        let keys: Vec<Key> = (0..count as u64).map(|i| key.stream("noise").step(i)).collect();
        let made = filled(
            self.generator.network(),
            x.clone(),
            known.clone(),
            Drawn::By(&keys),
        );
        let (data, samples) = (Shown::plain(x.clone()), Shown::plain(made.clone()));
        let found = self
            .critic
            .learn(data.clone(), samples.clone(), labelled.as_ref(), now)?;
        let samples = self
            .critic
            .shown(samples, updates, key.stream("noise for the generator"));
        let persuaded = self.critic.persuade(&samples, Some(&data), None);
        // Known pixels are not off, so that the mean is one over the hole.
        let share = (known.neg() + 1.0).mean();
        let off = Distance::L1.of(made.clone(), x.clone()) / share;
        let mut scalars = vec![
            ("loss/l1", number(off.clone())),
            ("loss/discriminator", found.loss),
            ("loss/generator", number(persuaded.clone())),
        ];
        let loss = persuaded * self.settings.game + off * self.settings.l1;
        critic::finite("the generator's loss", number(loss.clone()), now)?;
        let gradient = self
            .generator
            .update(&mut [loss.backward()], watch)
            .unwrap_or(f64::NAN);
        let observation = watch.then(|| {
            let o = Observation::new(self.critic.objective(), &found, gradient, diversity(made, x));
            scalars.extend(o.scalars());
            o
        });
        scalars.extend(found.scalars);
        Ok(Round { scalars, observation })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.generator.save();
        parts.extend(self.critic.save());
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.generator.load(read, purpose)?;
        // Without classes it is not asked for anything once the training is over.
        match (purpose, self.semi) {
            (Purpose::Use, None) => Ok(()),
            _ => self.critic.load(read, purpose),
        }
    }

    fn completes(&self) -> Option<&dyn Completes> {
        Some(self)
    }

    fn tells(&self) -> Option<&dyn Tells> {
        self.semi.map(|_| self as &dyn Tells)
    }
}

impl Completes for Context {
    fn fill(&self, images: Tensor<4>, known: Tensor<4>, drawn: Drawn<'_>) -> Tensor<4> {
        let network = self.generator.for_use_on(&images.device());
        filled(&network, images, known, drawn)
    }
}

impl Tells for Context {
    fn class_scores(&self, items: Tensor<4>) -> Tensor<2> {
        let count = items.dims()[0];
        let none = || Tensor::zeros([count, self.stage.labels.len()], &items.device());
        self.critic.answer(items.clone()).classes.unwrap_or_else(none)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::ccgan::Ccgan;
    use super::super::super::networks::translator::unet;
    use super::*;
    use crate::{Model, Registered};
    use menagerie_data::{Dataset, Source};
    use menagerie_nn::numbers;
    use std::sync::Arc;

    fn digits() -> Arc<dyn Dataset> {
        Source::parse("digits").open().unwrap().dataset
    }

    fn config(change: impl FnOnce(&mut ContextConfig)) -> ContextConfig {
        let mut config = Ccgan::defaults();
        config.model = TranslatorSizes::Unet(unet::Sizes {
            width: 8,
            ..Default::default()
        });
        config.critic.width = 8;
        config.optimizer.generator.learning_rate = 2e-3;
        config.optimizer.discriminator.learning_rate = 1e-3;
        change(&mut config);
        config
    }

    fn model(change: impl FnOnce(&mut ContextConfig)) -> Game<Context> {
        let device = Device::flex().autodiff();
        let game = config(change).context("ccgan", digits().info(), &device, Key::new(1));
        game.unwrap()
    }

    fn batch(from: u32) -> Batch {
        let indices: Vec<u32> = (from..from + 16).map(|i| i * 7 % 1400).collect();
        Batch::of(&*digits(), &indices).unwrap()
    }

    /// A hole has its size and lies within the image, elsewhere for each image; nothing of what is in it is seen.
    #[test]
    fn what_is_hidden_is_not_seen() {
        let game = model(|c| c.context.hole = 0.4);
        let holes = numbers(game.play().holes(16, Key::new(3)));
        let mut places = std::collections::BTreeSet::new();
        for image in holes.chunks_exact(64) {
            let hidden: Vec<usize> = (0..64).filter(|&i| image[i] == 0.0).collect();
            // Three of eight pixels each way.
            assert_eq!((hidden.len(), hidden[8] - hidden[0]), (9, 18));
            places.insert(hidden[0]);
        }
        assert!(places.len() > 4, "{places:?}");
        let (a, b) = (batch(0), batch(40));
        let known: Vec<bool> = (0..64).map(|i| i % 8 < 3).collect();
        let mixed = Batch {
            values: (0..a.values.len())
                .map(|i| if known[i % 64] { a.values[i] } else { b.values[i] })
                .collect(),
            ..a.clone()
        };
        let complete = |b: &Batch| {
            let filler = game.as_complete().unwrap();
            filler.complete(b, &known, Key::new(2)).unwrap().values
        };
        let made = complete(&a);
        assert_eq!(made, complete(&mixed));
        // What is known comes back to the bit.
        for (i, (made, given)) in made.iter().zip(&a.values).enumerate() {
            assert!(!known[i % 64] || made.to_bits() == given.to_bits());
        }
    }

    /// With the distance beside the game, holes are filled better than by the mean of what is around them; and the
    /// discriminator's other head learns classes from the labelled batch alone.
    #[test]
    fn holes_are_filled_and_classes_told() {
        let mut game = model(|c| c.context.l1 = 20.0);
        for step in 0..120 {
            let key = Key::new(5).step(step);
            let unlabelled = Batch {
                labels: None,
                ..batch(16 * step as u32)
            };
            game.step(&[unlabelled, batch(16 * step as u32 + 8)], key, false)
                .unwrap();
        }
        let fresh = batch(1301);
        let known: Vec<bool> = (0..64)
            .map(|i| !((2..6).contains(&(i / 8)) && (2..6).contains(&(i % 8))))
            .collect();
        let filler = game.as_complete().unwrap();
        let made = filler.complete(&fresh, &known, Key::new(1)).unwrap().values;
        let (mut error, mut nothing) = (0.0, 0.0);
        for (image, made) in fresh.values.chunks_exact(64).zip(made.chunks_exact(64)) {
            let around = (0..64).filter(|&i| known[i]).map(|i| image[i]).sum::<f32>() / 48.0;
            for i in (0..64).filter(|&i| !known[i]) {
                error += (image[i] - made[i]).abs();
                nothing += (image[i] - around).abs();
            }
        }
        assert!(error < 0.75 * nothing, "{error} {nothing}");
        let log = game.as_classify().unwrap().log_probabilities(&fresh).unwrap();
        let labels = fresh.labels.unwrap();
        let right = log.chunks_exact(10).zip(&labels).filter(|(row, label)| {
            let best = (0..10).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap();
            best as u32 == **label
        });
        assert!(right.count() >= 10);
    }

    #[test]
    fn clashes_name_the_key() {
        let refused = |change: fn(&mut ContextConfig)| config(change).check().unwrap_err().to_string();
        let e = refused(|c| c.context.hole = 1.0);
        assert!(e.contains("context.hole"), "{e}");
        let e = refused(|c| c.penalty.r1 = Some(Default::default()));
        assert!(e.contains("penalty.r1") && e.contains("critic.norm"), "{e}");
        let e = refused(|c| c.objective = Rule::Classes);
        assert!(e.contains("objective.rule"), "{e}");
        // Without classes to learn, images without labels do.
        let bare = DataInfo {
            labels: vec![],
            ..digits().info().clone()
        };
        let build = |change: fn(&mut ContextConfig)| {
            let device = Device::flex().autodiff();
            config(change).context("ccgan", &bare, &device, Key::new(1))
        };
        let e = build(|_| {}).err().unwrap().to_string();
        assert!(e.contains("semi_supervised=false") && !e.contains('\n'), "{e}");
        let game = build(|c| c.semi_supervised = None).unwrap();
        assert!(game.as_classify().is_none() && game.batches_per_step() == 1);
    }
}
