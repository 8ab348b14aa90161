//! A generator that is given one image of a pair, and a critic that sees whether the other belongs to it (Isola et al. 2017,
//! arXiv:1611.07004, pix2pix). With x the given image, y the other, and dropout for the noise z:
//!
//! min_G max_D  game (E log D(x, y) + E log(1 - D(x, G(x, z))))  +  l1 E ||y - G(x, z)||_1          (equations 1 to 4)
//!
//! Other terms and other answers are settings: squared errors, what a network sees of both images, and what becomes of the
//! network's answer ([`Output`]).
use super::super::game::monitor::{self, Observation};
use super::super::game::{Critic, Game, Moment, Play, Round, Sees, Shown, Stage, Translates, Wanted, critic};
use super::super::networks::TranslatorNetwork;
use super::super::networks::translator::Drawn;
use super::super::translation::{Distance, Settings, Translation, needs_pairs};
use super::output::Output;
use super::perceptual::{Perceiver, Untrained, between};
use crate::{Direction, NetworkInfo, Part, Purpose};
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo};
use menagerie_nn::{Learner, Tensors, number, numbers};
use serde::{Deserialize, Serialize};

/// `[translation]` of a play over pairs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PairedSettings {
    /// `a2b`, from the left image to the right one, or `b2a`
    pub direction: Direction,
    /// weight of the game; 0 for none: the l1 loss alone
    pub game: f64,
    /// weight of the distance to the true image; 0 for the game alone (paper: 100)
    pub l1: f64,
    /// weight of the squared distance to the true image
    pub l2: f64,
    /// weight of the perceptual loss: how differently a network sees the two
    pub perceptual: f64,
    /// that network: `random` or `critic`
    pub perceiver: Perceiver,
    /// what becomes of the network's answer
    pub output: Output,
    /// whether the critic sees the given image, too; otherwise it only says whether an image looks real
    pub conditional: bool,
}

impl Default for PairedSettings {
    fn default() -> Self {
        PairedSettings {
            direction: Direction::AToB,
            game: 1.0,
            l1: 100.0,
            l2: 0.0,
            perceptual: 0.0,
            perceiver: Perceiver::default(),
            output: Output::default(),
            conditional: true,
        }
    }
}

impl Settings for PairedSettings {
    fn weights(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("translation.game", self.game),
            ("translation.l1", self.l1),
            ("translation.l2", self.l2),
            ("translation.perceptual", self.perceptual),
        ]
    }

    fn check(&self) -> Result<()> {
        self.output.check()?;
        if self.weights().iter().all(|(_, w)| *w == 0.0) {
            let problem = "translation.game is 0, too, and nothing is left to learn";
            return Err(Error::recipe(
                "translation.l1",
                problem,
                "give one of them a weight",
            ));
        }
        if self.perceptual > 0.0 && self.perceiver == Perceiver::Critic && self.game == 0.0 {
            return Err(Error::recipe(
                "translation.perceiver",
                "translation.game is 0, and without a game there is no critic to look",
                "set translation.perceiver=random, or give translation.game a weight",
            ));
        }
        Ok(())
    }
}

/// The name of a play's only translator in checkpoints.
pub(super) const GENERATOR: &str = "generator";

/// See the module.
pub struct Paired {
    stage: Stage,
    settings: PairedSettings,
    generator: Learner<TranslatorNetwork>,
    /// none where there is no game
    critic: Option<Critic>,
    /// the network of the perceptual loss, where it is not the critic
    untrained: Option<Untrained>,
}

impl Translation<PairedSettings> {
    /// Fresh networks for pairs of that description.
    ///
    /// # Errors
    /// For settings that clash, and data that are no pairs.
    pub fn paired(
        &self,
        model: &'static str,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<Paired>> {
        self.check()?;
        needs_pairs(model, info)?;
        let t = self.translation;
        let [h, w, c] = self.image(info)?;
        t.output.fits(model, info, [h, w, c])?;
        let (said, seen) = (t.output.said(c), t.output.seen(c, t.conditional));
        let perceives = t.perceptual > 0.0 && t.perceiver == Perceiver::Random;
        let critic = || self.of_patches(critic::DISCRIMINATOR, [h, w, seen], device, key);
        Ok(Game::new(Paired {
            stage: Stage::new(model, info, device),
            settings: t,
            critic: if t.game > 0.0 { Some(critic()?) } else { None },
            untrained: perceives.then(|| Untrained::new(said, device)),
            // What is given and not made comes as what is told beside the image.
            generator: self.translator(GENERATOR, ([h, w, said], c - said), device, key)?,
        }))
    }
}

/// The images of the two sides, of items that hold both.
pub(super) fn sides(items: Tensor<4>) -> [Tensor<4>; 2] {
    let c = items.dims()[3] / 2;
    [0, c].map(|from| items.clone().narrow(3, from, c))
}

/// The images that are given and those that they should become.
pub(super) fn from_to(items: Tensor<4>, direction: Direction) -> [Tensor<4>; 2] {
    let mut images = sides(items);
    if direction == Direction::BToA {
        images.reverse();
    }
    images
}

impl Paired {
    /// What the critic is shown of given images and others.
    fn shown(&self, given: &Tensor<4>, other: Tensor<4>, truth: &Tensor<4>) -> Shown {
        let s = &self.settings;
        Shown::plain(s.output.shown(given, other, truth, s.conditional))
    }

    /// Channels that the critic sees.
    fn seen(&self) -> usize {
        let [.., c] = self.image_shape();
        self.settings.output.seen(c, self.settings.conditional)
    }

    /// The losses beside the game, by name, with their weights: of what was made of what was given, against the truth.
    fn beside_the_game(
        &self,
        [given, made, truth]: [&Tensor<4>; 3],
        [samples, data]: [&Shown; 2],
    ) -> Vec<(&'static str, f64, Tensor<1>)> {
        let s = self.settings;
        let (a, b) = (s.output.decided(made.clone()), s.output.decided(truth.clone()));
        let mut all = Vec::new();
        // L1 is looked at, and so the mean of what is learned, even where it weighs nothing.
        all.push(("loss/l1", s.l1, Distance::L1.of(a.clone(), b.clone())));
        if s.l2 > 0.0 {
            all.push(("loss/l2", s.l2, Distance::L2.of(a.clone(), b.clone())));
        }
        all.extend(s.output.loss(made, given, truth));
        if let Some(share) = s.output.share(given) {
            all.iter_mut()
                .for_each(|(.., loss)| *loss = loss.clone() / share.clone());
        }
        if s.perceptual > 0.0 {
            let loss = match (&self.untrained, &self.critic) {
                (Some(v), _) => v.distance(a, b),
                (None, Some(critic)) => {
                    let sees = |shown: &Shown| critic.layers(shown.items.clone());
                    between(sees(samples), sees(data))
                }
                (None, None) => return all,
            };
            all.push(("loss/perceptual", s.perceptual, loss));
        }
        all
    }

    fn image_shape(&self) -> [usize; 3] {
        let [h, w, c] = self.stage.image_shape();
        [h, w, c / 2]
    }
}

impl Play for Paired {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn updates(&self) -> u64 {
        self.generator.updates()
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        let device = self.stage.plain();
        let [h, w, c] = self.image_shape();
        let x = Tensor::zeros([1, h, w, c], &device);
        let mut networks = vec![self.generator.info(|g| g.forward(x, None))];
        let seen = [h, w, self.seen()];
        networks.extend(self.critic.iter().map(|d| d.info(seen, 0, &device)));
        networks
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        let updates = self.generator.updates();
        let Some(batch) = batches.first() else {
            return Ok(Round::default());
        };
        let now = Moment { updates, key, watch };
        let [given, truth] = from_to(self.stage.items(batch), self.settings.direction);
        let keys: Vec<Key> = (0..batch.shape[0] as u64)
            .map(|i| key.stream("noise").step(i))
            .collect();
        let made = self.generator.network().forward(given.clone(), Some(&keys));
        let made = self.settings.output.finished(made, &given);
        let samples = self.shown(&given, made.clone(), &truth);
        let data = self.shown(&given, truth.clone(), &truth);
        let mut scalars = Vec::new();
        let mut seen = None;
        let terms = self.beside_the_game([&given, &made, &truth], [&samples, &data]);
        scalars.extend(terms.iter().map(|(name, _, loss)| (*name, number(loss.clone()))));
        let weighed = terms.into_iter().map(|(_, weight, loss)| loss * weight);
        let mut loss = weighed
            .reduce(|a, b| a + b)
            .unwrap_or_else(|| made.clone().mean() * 0.0);
        if let Some(critic) = &mut self.critic {
            let found = critic.learn(data.clone(), samples.clone(), None, now)?;
            let samples = critic.shown(samples, updates, key.stream("noise for the generator"));
            let persuaded = critic.persuade(&samples, Some(&data), None);
            scalars.extend([
                ("loss/discriminator", found.loss),
                ("loss/generator", number(persuaded.clone())),
            ]);
            loss = loss + persuaded * self.settings.game;
            seen = Some(found);
        }
        critic::finite("the generator's loss", number(loss.clone()), now)?;
        let gradient = self
            .generator
            .update(&mut [loss.backward()], watch)
            .unwrap_or(f64::NAN);
        let observation = match (&self.critic, seen, watch) {
            (Some(critic), Some(seen), true) => {
                let o = Observation::new(critic.objective(), &seen, gradient, diversity(made, truth));
                scalars.extend(o.scalars());
                scalars.extend(seen.scalars);
                Some(o)
            }
            (None, _, true) => {
                scalars.push(("gradient/generator", gradient));
                None
            }
            _ => None,
        };
        Ok(Round { scalars, observation })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.generator.save();
        parts.extend(self.critic.iter().flat_map(Critic::save));
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.generator.load(read, purpose)?;
        self.critic.as_mut().map_or(Ok(()), |d| d.load(read, purpose))
    }

    fn translates(&self) -> Option<&dyn Translates> {
        Some(self)
    }
    fn sees(&self) -> Option<&dyn Sees> {
        None
    }
}

/// Mean distance of neighbours among what was made over that among what it should be.
pub(super) fn diversity(made: Tensor<4>, truth: Tensor<4>) -> f64 {
    let width: usize = made.dims()[1..].iter().product();
    let spread = |x: Tensor<4>| monitor::spread(&numbers(x), width);
    spread(made) / spread(truth).max(1e-12)
}

impl Translates for Paired {
    fn directions(&self) -> &[Direction] {
        std::slice::from_ref(&self.settings.direction)
    }

    fn draws(&self) -> bool {
        self.generator.network().draws()
    }

    fn turn(&self, images: Tensor<4>, _: &Wanted, drawn: Drawn<'_>) -> Tensor<4> {
        let network = self.generator.for_use_on(&images.device());
        let said = network.forward_with(images.clone(), drawn);
        self.settings.output.for_use(said, &images)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::OfPairs;
    use super::super::super::networks::TranslatorSizes;
    use super::super::super::networks::translator::unet;
    use super::super::super::pix2pix::Pix2pix;
    use super::super::output::Affine;
    use super::*;
    use crate::{Model, Wish};
    use menagerie_data::Kind;

    fn pairs(count: usize, key: Key) -> Batch {
        // Smooth images, and the same ones the other way round: dark where they were light.
        let mut rng = key.rng();
        let mut values = Vec::new();
        for _ in 0..count {
            let (fx, fy, p) = (
                rng.between(0.2, 0.6),
                rng.between(0.2, 0.6),
                rng.between(0.0, 6.0),
            );
            for i in 0..256 {
                let v = (0.8 * (fx * (i % 16) as f64 + fy * (i / 16) as f64 + p).sin()) as f32;
                values.extend([v, -v]);
            }
        }
        Batch {
            kind: Kind::Pair,
            shape: vec![count, 16, 16, 2],
            values,
            labels: None,
            attributes: vec![],
            captions: None,
            indices: (0..count as u32).collect(),
        }
    }

    fn info() -> DataInfo {
        DataInfo {
            source: "test".into(),
            kind: Kind::Pair,
            shape: vec![16, 16, 2],
            count: 100,
            range: (0.0, 255.0),
            ..DataInfo::default()
        }
    }

    fn model(change: impl FnOnce(&mut PairedSettings)) -> Game<Paired> {
        let mut config = Pix2pix::config();
        config.model = TranslatorSizes::Unet(unet::Sizes {
            width: 8,
            dropout: 0.0,
            ..Default::default()
        });
        config.critic.width = 4;
        config.optimizer.generator.learning_rate = 2e-3;
        change(&mut config.translation);
        config
            .paired("pix2pix", &info(), &Device::flex().autodiff(), Key::new(1))
            .unwrap()
    }

    /// Images that it has not seen come out as their negatives, whichever side is given.
    #[test]
    fn a_rule_is_learned_from_pairs() {
        for direction in Direction::ALL {
            let mut game = model(|t| t.direction = direction);
            for step in 0..60 {
                let key = Key::new(2).step(step);
                game.step(&[pairs(8, key)], key, false).unwrap();
            }
            let fresh = pairs(8, Key::new(9));
            let given = fresh.side(direction.from());
            let t = game.as_translate().unwrap();
            let made = t.translate(&given, &Wish::side(direction), Key::new(1)).unwrap();
            let off = |a: &[f32], b: &[f32]| {
                a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f32>() / a.len() as f32
            };
            let (error, nothing) = (
                off(&made.values, &fresh.side(direction.to()).values),
                off(&given.values, &fresh.side(direction.to()).values),
            );
            assert!(error < 0.2 * nothing, "{error} {nothing}");
            assert!(
                t.translate(&given, &Wish::side(direction.back()), Key::new(1))
                    .is_err()
            );
        }
    }

    /// Without a game there is no critic; a critic that is shown what was given sees twice the channels.
    #[test]
    fn what_the_critic_sees() {
        let sizes = |change: fn(&mut PairedSettings)| -> Vec<usize> {
            model(change).networks().iter().map(|n| n.parameters).collect()
        };
        let (both, one) = (sizes(|_| {}), sizes(|t| t.conditional = false));
        // A kernel of 4 x 4 for each of 4 channels more.
        assert_eq!(both[1], one[1] + 16 * 4);
        assert_eq!(sizes(|t| t.game = 0.0).len(), 1);
    }

    /// A critic that is shown both tells right pairs from swapped ones, which look as real.
    #[test]
    fn the_critic_knows_what_belongs_together() {
        let mut found = None;
        model(|_| {}).map(|mut play| {
            found = play.critic.take();
            play
        });
        let mut critic = found.unwrap();
        let pair = |key: Key, swapped: bool| {
            let [x, y] = sides(Tensor::from_data(
                burn::tensor::TensorData::new(pairs(8, key).values, [8, 16, 16, 2]),
                &Device::flex().autodiff(),
            ));
            let y = if swapped { y.flip([0]) } else { y };
            Shown::plain(Tensor::cat(vec![x, y], 3))
        };
        let now = |i| Moment {
            updates: i,
            key: Key::new(i),
            watch: false,
        };
        for i in 0..150 {
            let key = Key::new(3).step(i);
            critic
                .learn(pair(key, false), pair(key, true), None, now(i))
                .unwrap();
        }
        let seen = critic
            .look(pair(Key::new(5), false), pair(Key::new(5), true), now(0))
            .unwrap();
        let mean = |v: &[f32]| v.iter().sum::<f32>() / v.len() as f32;
        assert!(
            mean(&seen.data) > mean(&seen.samples) + 0.5,
            "{} {}",
            mean(&seen.data),
            mean(&seen.samples)
        );
    }

    /// Each term that has a weight is reported, one that has none is not learned; without a critic nobody can look.
    #[test]
    fn terms_are_settings() {
        let names = |change: fn(&mut PairedSettings)| -> Vec<&'static str> {
            let key = Key::new(2);
            let report = model(change).step(&[pairs(4, key)], key, false).unwrap();
            report.scalars.iter().map(|(name, _)| *name).collect()
        };
        let game = ["loss/discriminator", "loss/generator"];
        assert_eq!(names(|_| {}), ["loss/l1", game[0], game[1]]);
        let seen = |perceiver: Perceiver| match perceiver {
            Perceiver::Random => names(|t| (t.l2, t.perceptual, t.game) = (1.0, 1.0, 0.0)),
            Perceiver::Critic => names(|t| (t.perceptual, t.perceiver) = (1.0, Perceiver::Critic)),
        };
        assert_eq!(seen(Perceiver::Random), ["loss/l1", "loss/l2", "loss/perceptual"]);
        assert_eq!(
            seen(Perceiver::Critic),
            ["loss/l1", "loss/perceptual", game[0], game[1]]
        );
        let refused = |change: fn(&mut PairedSettings)| {
            let mut config = Pix2pix::config();
            change(&mut config.translation);
            config.check().unwrap_err().to_string()
        };
        let e = refused(|t| (t.perceptual, t.perceiver, t.game) = (1.0, Perceiver::Critic, 0.0));
        assert!(
            e.contains("translation.perceiver") && e.contains("translation.game"),
            "{e}"
        );
        let e = refused(|t| (t.l1, t.game) = (0.0, 0.0));
        assert!(
            e.contains("translation.l1") && e.contains("translation.game"),
            "{e}"
        );
        let e = refused(|t| t.perceptual = f64::NAN);
        assert!(e.contains("translation.perceptual"), "{e}");
    }

    /// What a network says of a matte or a pasted image needs the channel that says where.
    #[test]
    fn masks_are_asked_for() {
        let build = |output: Output, channels: usize| {
            let mut config = Pix2pix::config();
            config.translation.output = output;
            let info = DataInfo {
                shape: vec![16, 16, channels],
                ..info()
            };
            let device = Device::flex().autodiff();
            let built = config.paired("alpha_gan", &info, &device, Key::new(1));
            built.map(|game| game.networks().iter().map(|n| n.parameters).collect::<Vec<_>>())
        };
        for output in [
            Output::Matte(Default::default()),
            Output::Blend(Default::default()),
        ] {
            let e = build(output, 6).err().unwrap().to_string();
            assert!(e.contains("fourth channel") && e.contains("these have 3"), "{e}");
            assert_eq!(build(output, 8).unwrap().len(), 2);
        }
        let e = build(Output::Affine(Affine { side: 32 }), 6)
            .err()
            .unwrap()
            .to_string();
        assert!(e.contains("translation.output.side"), "{e}");
        assert!(build(Output::Affine(Affine { side: 1 }), 6).is_err());
    }

    #[test]
    fn unpaired_data_are_told_where_to_go() {
        let unpaired = DataInfo {
            kind: Kind::Unpaired,
            ..info()
        };
        let build = |info: &DataInfo| {
            let config = Pix2pix::config();
            let built = config.paired("pix2pix", info, &Device::flex().autodiff(), Key::new(1));
            built.err().unwrap().to_string()
        };
        let e = build(&unpaired);
        assert!(
            e.contains("unpaired") && e.contains("cycle_gan") && !e.contains('\n'),
            "{e}"
        );
        let images = DataInfo {
            kind: Kind::Image,
            shape: vec![16, 16, 1],
            ..info()
        };
        let e = build(&images);
        assert!(e.contains("pairs") && e.contains("A::B"), "{e}");
    }
}
