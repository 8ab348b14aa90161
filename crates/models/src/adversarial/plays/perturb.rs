//! A network that changes images, between a classifier and a critic. As an attacker (Xiao et al. 2018, arXiv:1801.02610, AdvGAN) it
//! adds what misleads the classifier, and the critic says that images must still look like images; as a defender (Shen et al. 2017,
//! arXiv:1707.05474, first called AE-GAN, later APE-GAN) it is given images that were attacked and takes the attack away.
use super::super::Optimizers;
use super::super::game::monitor::Observation;
use super::super::game::objective::Rule;
use super::super::game::penalty::Penalties;
use super::super::game::stage::needs_labels;
use super::super::game::{
    Attacks, Critic, Defends, Game, Moment, Play, Round, Shown, Stage, Tells, check_weights, critic,
};
use super::super::networks::{TranslatorNetwork, TranslatorSizes, patch};
use super::super::translation::{self, Distance, Translation};
use super::paired::{GENERATOR, diversity};
use super::target::{Target, TargetSettings};
use crate::attack::{Method, fgsm, within};
use crate::{NetworkInfo, Part, Purpose};
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_nn::{Learner, Tensors, number};
use serde::{Deserialize, Serialize};

/// `[attack]`: how far images may be changed, and how the losses are weighed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// the largest change of a pixel, of pixels in [0, 1] (papers: 0.3 on MNIST)
    pub epsilon: f64,
    /// weight of the game with the critic
    pub game: f64,
    /// attacker: weight of the classifier's being misled
    pub mislead: f64,
    /// attacker: weight of a change whose root mean square is beyond `quiet`
    pub hinge: f64,
    /// attacker: a share of epsilon
    pub quiet: f64,
    /// defender: weight of the squared distance to the image as it was
    pub distance: f64,
}

impl Settings {
    /// An attacker's, epsilon as in the paper; the weights are ours.
    pub fn of_attacker() -> Self {
        Settings {
            epsilon: 0.3,
            game: 1.0,
            mislead: 10.0,
            hinge: 1.0,
            quiet: 0.8,
            distance: 0.0,
        }
    }

    /// A defender's (Shen et al. 2017, equation 7).
    pub fn of_defender() -> Self {
        Settings {
            epsilon: 0.3,
            game: 0.3,
            mislead: 0.0,
            hinge: 0.0,
            quiet: 0.0,
            distance: 0.7,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings::of_attacker()
    }
}

impl translation::Settings for Settings {
    fn weights(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("attack.game", self.game),
            ("attack.mislead", self.mislead),
            ("attack.hinge", self.hinge),
            ("attack.quiet", self.quiet),
            ("attack.distance", self.distance),
        ]
    }
}

/// Which of the two it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// misleads
    Attacker,
    /// takes away what misleads
    Defender,
}

/// Everything of a recipe that is the model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttackConfig {
    /// `[model]`: which network changes images
    pub model: TranslatorSizes,
    /// `[critic]`: the discriminator of patches
    pub critic: patch::Sizes,
    /// `[attack]`: how far, and how the losses are weighed
    pub attack: Settings,
    /// `[target]`: the classifier that is attacked
    #[serde(default)]
    pub target: TargetSettings,
    /// `[objective]`: what the two players of the game minimize
    pub objective: Rule,
    /// `[penalty]`: what keeps the discriminator in bounds
    #[serde(default)]
    pub penalty: Penalties,
    /// `[optimizer]`
    #[serde(default)]
    pub optimizer: Optimizers,
}

/// See the module.
pub struct Perturbing {
    stage: Stage,
    role: Role,
    settings: Settings,
    generator: Learner<TranslatorNetwork>,
    critic: Critic,
    target: Target,
}

impl AttackConfig {
    fn translation(&self) -> Translation<Settings> {
        Translation {
            model: self.model.clone(),
            critic: self.critic,
            translation: self.attack,
            objective: self.objective,
            penalty: self.penalty.clone(),
            augment: Default::default(),
            optimizer: self.optimizer,
        }
    }

    /// Refuses what is out of range, and what clashes.
    ///
    /// # Errors
    /// [`Error::Recipe`].
    pub fn check(&self) -> Result<()> {
        self.translation().check()?;
        check_weights([("target.model.average", self.target.model.average)])?;
        check_epsilon(self.attack.epsilon)
    }

    /// Fresh networks for images with classes of that description.
    ///
    /// # Errors
    /// For settings that clash, and data that are no images with classes.
    pub fn perturbing(
        &self,
        (model, role): (&'static str, Role),
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<Perturbing>> {
        self.check()?;
        if info.kind != Kind::Image {
            let problem = format!("{model} changes images, and these are {}", info.kind.plural());
            return Err(Error::data(&info.source, problem, "choose a source of images"));
        }
        needs_labels(model, info)?;
        info.every_label(model)?;
        let t = self.translation();
        let shape = t.image(info)?;
        Ok(Game::new(Perturbing {
            stage: Stage::new(model, info, device),
            role,
            settings: self.attack,
            generator: t.translator(GENERATOR, (shape, 0), device, key)?,
            critic: t.of_patches(critic::DISCRIMINATOR, shape, device, key)?,
            target: Target::new(&self.target, info, device, key)?,
        }))
    }
}

/// Refuses what is no bound of a pixel's change.
///
/// # Errors
/// [`Error::Recipe`].
pub(super) fn check_epsilon(epsilon: f64) -> Result<()> {
    match epsilon > 0.0 && epsilon <= 1.0 {
        true => Ok(()),
        false => Err(Error::recipe(
            "attack.epsilon",
            format!("{epsilon} is no bound of a pixel in [0, 1]"),
            "give a number such as 0.3, or 8/255 = 0.031",
        )),
    }
}

/// By how much the right class is ahead of the best other one, 0 where it is not: mean over a batch, `[1]` (Carlini & Wagner 2016,
/// arXiv:1608.04644, f_6 with kappa 0).
pub(super) fn ahead(logits: Tensor<2>, right: Tensor<2>) -> Tensor<1> {
    let of_right = (logits.clone() * right.clone()).sum_dim(1);
    let of_others = (logits - right * 1e6).max_dim(1);
    (of_right - of_others).clamp_min(0.0).mean()
}

impl Perturbing {
    /// What becomes of images.
    fn changed(&self, network: &TranslatorNetwork, x: &Tensor<4>) -> Tensor<4> {
        let made = network.forward(x.clone(), None);
        match self.role {
            Role::Attacker => within(
                x,
                x.clone() + made * (2.0 * self.settings.epsilon),
                self.settings.epsilon,
            ),
            Role::Defender => made.clamp(-1.0, 1.0),
        }
    }

    /// The network's losses beside the game, by name.
    fn losses(&self, x: &Tensor<4>, made: &Tensor<4>, labels: &[u32]) -> Vec<(&'static str, Tensor<1>, f64)> {
        let s = &self.settings;
        match self.role {
            Role::Attacker => {
                let right = self.stage.one_hot(labels, &self.stage.device);
                let change = ((made.clone() - x.clone()) / 2.0)
                    .flatten::<2>(1, 3)
                    .powi_scalar(2);
                let beyond = (change.mean_dim(1) + 1e-12).sqrt() - s.quiet * s.epsilon;
                let misled = ahead(self.target.logits()(made.clone()), right);
                vec![
                    ("loss/mislead", misled, s.mislead),
                    ("loss/hinge", beyond.clamp_min(0.0).mean(), s.hinge),
                ]
            }
            Role::Defender => vec![(
                "loss/distance",
                Distance::L2.of(made.clone(), x.clone()),
                s.distance,
            )],
        }
    }
}

impl Play for Perturbing {
    fn stage(&self) -> &Stage {
        &self.stage
    }
    fn updates(&self) -> u64 {
        self.generator.updates()
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        let (device, [h, w, c]) = (self.stage.plain(), self.stage.image_shape());
        let x = Tensor::zeros([1, h, w, c], &device);
        vec![
            self.generator.info(|g| g.forward(x.clone(), None)),
            self.critic.info([h, w, c], 0, &device),
            self.target.info(x.clone()),
        ]
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        let updates = self.generator.updates();
        let Some(batch) = batches.first() else {
            return Ok(Round::default());
        };
        let now = Moment { updates, key, watch };
        let labels = self.stage.labels_of(batch)?;
        let x = self.stage.items(batch);
        let of_target = self.target.learn(x.clone(), labels, now)?;
        let given = match self.role {
            Role::Attacker => x.clone(),
            Role::Defender => {
                let plain = x.clone().inner();
                Tensor::from_inner(fgsm(&self.target.logits(), &plain, labels, self.settings.epsilon))
            }
        };
        let made = self.changed(self.generator.network(), &given);
        let (data, samples) = (Shown::plain(x.clone()), Shown::plain(made.clone()));
        let seen = self.critic.learn(data.clone(), samples.clone(), None, now)?;
        let samples = self
            .critic
            .shown(samples, updates, key.stream("noise for the generator"));
        let persuaded = self.critic.persuade(&samples, Some(&data), None);
        let mut scalars = vec![
            ("loss/discriminator", seen.loss),
            ("loss/generator", number(persuaded.clone())),
        ];
        scalars.extend(of_target.map(|l| ("loss/target", l)));
        let mut loss = persuaded * self.settings.game;
        for (name, term, weight) in self.losses(&x, &made, labels) {
            scalars.push((name, number(term.clone())));
            loss = loss + term * weight;
        }
        critic::finite("the generator's loss", number(loss.clone()), now)?;
        let gradient = self
            .generator
            .update(&mut [loss.backward()], watch)
            .unwrap_or(f64::NAN);
        let observation = watch.then(|| {
            let found = self.target.classes(made.clone().inner());
            let wrong = found.iter().zip(labels).filter(|(a, b)| a != b).count();
            scalars.push(("target/errors", wrong as f64 / labels.len().max(1) as f64));
            let o = Observation::new(self.critic.objective(), &seen, gradient, diversity(made, x));
            scalars.extend(o.scalars());
            scalars.extend(seen.scalars);
            o
        });
        Ok(Round { scalars, observation })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.generator.save();
        parts.extend(self.critic.save());
        parts.extend(self.target.save());
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.generator.load(read, purpose)?;
        self.critic.load(read, purpose)?;
        self.target.load(read, purpose)
    }

    fn take_target(&mut self, read: &dyn Fn(&str) -> Result<Tensors>) -> Result<()> {
        self.target.take(read)
    }
    fn tells(&self) -> Option<&dyn Tells> {
        Some(self)
    }
    fn attacks(&self) -> Option<&dyn Attacks> {
        Some(self)
    }
    fn defends(&self) -> Option<&dyn Defends> {
        (self.role == Role::Defender).then_some(self as &dyn Defends)
    }
}

/// As the target has it.
impl Tells for Perturbing {
    fn class_scores(&self, items: Tensor<4>) -> Tensor<2> {
        self.target.answer(items)
    }
}

impl Attacks for Perturbing {
    fn epsilon(&self) -> f64 {
        self.settings.epsilon
    }
    fn methods(&self) -> &[Method] {
        match self.role {
            Role::Attacker => &[Method::Learned, Method::Fgsm, Method::Pgd],
            Role::Defender => &[Method::Fgsm, Method::Pgd],
        }
    }

    fn attacked(&self, items: Tensor<4>, labels: Option<&[u32]>, method: Method, keys: &[Key]) -> Tensor<4> {
        match method {
            // It asks for no class, and so reads no number on its way.
            Method::Learned => self.changed(&self.generator.for_use_on(&items.device()), &items),
            _ => self
                .target
                .attacked(items, labels, (method, self.settings.epsilon), keys),
        }
    }
}

impl Defends for Perturbing {
    fn defended(&self, items: Tensor<4>) -> Tensor<4> {
        self.changed(&self.generator.for_use_on(&items.device()), &items)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::super::networks::translator::resnet;
    use super::super::super::{adv_gan::AdvGan, ae_gan::AeGan};
    use super::*;
    use crate::{Model, Registered};

    /// Stripes along the one axis or the other, of any phase, and which of the two.
    pub(in super::super) fn batch(count: usize, key: Key) -> Batch {
        let mut rng = key.rng();
        let (mut values, mut labels) = (vec![], vec![]);
        for _ in 0..count {
            let (class, phase) = (rng.below(2), rng.between(0.0, 6.0));
            labels.push(class as u32);
            for i in 0..64 {
                let along = [i % 8, i / 8][class] as f64;
                values.push((0.5 * (1.1 * along + phase).sin()) as f32);
            }
        }
        Batch {
            kind: Kind::Image,
            shape: vec![count, 8, 8, 1],
            values,
            labels: Some(labels),
            attributes: vec![],
            captions: None,
            indices: (0..count as u32).collect(),
        }
    }

    pub(in super::super) fn info() -> DataInfo {
        DataInfo {
            source: "test".into(),
            kind: Kind::Image,
            shape: vec![8, 8, 1],
            count: 100,
            range: (0.0, 255.0),
            labels: vec!["across".into(), "along".into()],
            shares: vec![0.5, 0.5],
            ..DataInfo::default()
        }
    }

    fn small(mut c: AttackConfig) -> AttackConfig {
        c.model = TranslatorSizes::Resnet(resnet::Sizes {
            width: 8,
            blocks: 1,
            norm: menagerie_nn::NormOver::Layer,
            ..Default::default()
        });
        (c.critic.width, c.target.model.width) = (4, 4);
        c.target.model.average = 0.9;
        c.optimizer.generator.learning_rate = 2e-3;
        c
    }

    fn trained<R: Registered<Config = AttackConfig>>(steps: u64) -> Box<dyn Model> {
        let device = Device::flex().autodiff();
        let mut model = R::build(small(R::defaults()), &info(), &device, Key::new(1)).unwrap();
        for step in 0..steps {
            let key = Key::new(2).step(step);
            model.step(&[batch(16, key)], key, false).unwrap();
        }
        model
    }

    pub(in super::super) fn accuracy(model: &dyn Model, b: &Batch) -> f64 {
        let logs = model.as_classify().unwrap().log_probabilities(b).unwrap();
        let labels = b.labels.as_ref().unwrap();
        let right = logs
            .chunks(2)
            .zip(labels)
            .filter(|(l, y)| l[**y as usize] > l[1 - **y as usize]);
        right.count() as f64 / labels.len() as f64
    }

    fn as_batch(made: crate::Samples, like: &Batch) -> Batch {
        Batch {
            values: made.values,
            ..like.clone()
        }
    }

    /// A generator learns to mislead the classifier on images that it has not seen, within the bound.
    #[test]
    fn an_attacker_misleads_within_its_bound() {
        let model = trained::<AdvGan>(120);
        let fresh = batch(64, Key::new(9));
        assert!(accuracy(&*model, &fresh) > 0.95, "{}", accuracy(&*model, &fresh));
        let a = model.as_attack().unwrap();
        for &method in a.methods() {
            let made = a.attack(&fresh, method, Key::new(3)).unwrap();
            let far = made
                .values
                .iter()
                .zip(&fresh.values)
                .map(|(a, b)| (a - b).abs() as f64 / 2.0);
            let far = far.fold(0.0, f64::max);
            assert!(far <= a.epsilon() + 1e-7 && far > 0.0, "{method:?} {far}");
            let left = accuracy(&*model, &as_batch(made, &fresh));
            assert!(left < 0.6, "{method:?}: {left}");
        }
    }

    /// A defender gives the classifier back most of what an attack has taken.
    #[test]
    fn a_defender_takes_attacks_away() {
        let model = trained::<AeGan>(150);
        let fresh = batch(64, Key::new(9));
        let (a, d) = (model.as_attack().unwrap(), model.as_defend().unwrap());
        let attacked = as_batch(a.attack(&fresh, Method::Fgsm, Key::new(3)).unwrap(), &fresh);
        let cleaned = as_batch(d.defend(&attacked).unwrap(), &fresh);
        let (before, after) = (accuracy(&*model, &attacked), accuracy(&*model, &cleaned));
        assert!(before < 0.6 && after > 0.9, "{before} {after}");
    }

    /// The network of a classifier is taken and kept as it is.
    #[test]
    fn a_given_target_does_not_learn() {
        let mut config = small(AdvGan::defaults());
        let device = Device::flex().autodiff();
        let classifier = crate::discriminative::classifier::Config {
            model: config.target.model.clone(),
            ..Default::default()
        };
        let mut given = classifier.build(&info(), &device, Key::new(7)).unwrap();
        for step in 0..60 {
            let key = Key::new(5).step(step);
            given.step(&[batch(16, key)], key, false).unwrap();
        }
        config.target.run = "runs/a".into();
        let mut model = AdvGan::build(config, &info(), &device, Key::new(1)).unwrap();
        let parts: std::collections::BTreeMap<String, Tensors> =
            given.save().into_iter().map(|(n, p)| (n, p())).collect();
        model.take_target(&|name| Ok(parts[name].clone())).unwrap();
        let fresh = batch(32, Key::new(9));
        let of = |m: &dyn Model| m.as_classify().unwrap().log_probabilities(&fresh).unwrap();
        let want = of(&given);
        assert_eq!(of(&*model), want);
        for step in 0..3 {
            let key = Key::new(2).step(step);
            model.step(&[batch(16, key)], key, true).unwrap();
        }
        assert_eq!(of(&*model), want);
    }

    #[test]
    fn bounds_that_are_none_are_refused() {
        let e = crate::registry::refusal("adv_gan", "attack", "epsilon", 0.0.into());
        assert!(e.contains("attack.epsilon") && e.contains("[0, 1]"), "{e}");
        let points = DataInfo {
            kind: Kind::Points,
            shape: vec![2],
            ..info()
        };
        let device = Device::flex().autodiff();
        let e = AdvGan::build(AdvGan::defaults(), &points, &device, Key::new(1))
            .err()
            .unwrap();
        assert!(e.to_string().contains("changes images"), "{e}");
    }
}
