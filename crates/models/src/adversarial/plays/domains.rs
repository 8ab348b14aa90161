//! One generator between any number of domains, a critic of patches, and a reader that says which domains an image is of (Choi et
//! al. 2018, arXiv:1711.09020, StarGAN). With c the domains asked for and c' those that x is of:
//!
//! L_D = -L_adv + lambda_cls L_cls^r                    L_cls^r = E -log D_cls(c' | x)                (equations 2, 5)
//! L_G =  L_adv + lambda_cls L_cls^f + lambda_rec L_rec     L_cls^f = E -log D_cls(c | G(x, c))       (equations 3, 6)
//!                                                      L_rec = E ||x - G(G(x, c), c')||_1            (equation 4)
//!
//! What is made begins as next to the image itself, of which a critic learns nothing; one that is told c' of x and c of G(x, c) does
//! from the start (`translation.conditional`; Reed et al. 2016, arXiv:1605.05396, for texts). D_cls is a network of its own here, where the paper reads domains off the critic's last layer: the critic is one of patches.
use super::super::game::{Critic, Game, Moment, Play, Round, Shown, Stage, Translates, Wanted, critic};
use super::super::networks::TranslatorNetwork;
use super::super::networks::summary::Summary;
use super::super::networks::translator::{Drawn, beside};
use super::super::translation::{Distance, Settings, Translation};
use super::paired::{GENERATOR, diversity};
use super::told::{self, Told};
use crate::{NetworkInfo, Part, Purpose};
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo};
use menagerie_nn::{Init, Learner, OptimizerConfig, Tensors, number};
use serde::{Deserialize, Serialize};

/// `[translation]` of a play between domains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DomainSettings {
    /// what images show or do not: names of attributes (an amount is shown from the middle of its range on), of portraits also
    /// `woman`, `man` and `smiling`; none for the classes of the data, of which an image has one
    pub domains: Vec<String>,
    /// weight of the game
    pub game: f64,
    /// weight of being read as of the domains asked for (lambda_cls; paper: 1)
    pub classes: f64,
    /// weight of the way back (lambda_rec; paper: 10)
    pub cycle: f64,
    /// whether the critic is told which domains an image is of, or was to be of, and sees whether it is (the paper's is not told)
    pub conditional: bool,
    /// updates of the critic and of the reader for each of the generator (paper: 5)
    pub discriminator_steps: usize,
}

impl Default for DomainSettings {
    fn default() -> Self {
        DomainSettings {
            domains: vec![],
            game: 1.0,
            classes: 1.0,
            cycle: 10.0,
            conditional: false,
            discriminator_steps: 5,
        }
    }
}

impl Settings for DomainSettings {
    fn weights(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("translation.game", self.game),
            ("translation.classes", self.classes),
            ("translation.cycle", self.cycle),
        ]
    }
    fn counts(&self) -> Vec<(&'static str, usize)> {
        vec![("translation.discriminator_steps", self.discriminator_steps)]
    }
}

/// See the module.
pub struct Domains {
    stage: Stage,
    settings: DomainSettings,
    told: Told,
    generator: Learner<TranslatorNetwork>,
    critic: Critic,
    reader: Learner<Summary>,
}

const READER: &str = "reader";

impl Translation<DomainSettings> {
    /// Fresh networks for images of that description.
    ///
    /// # Errors
    /// For settings that clash, and data that do not say which domains their images are of.
    pub fn between_domains(
        &self,
        model: &'static str,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<Domains>> {
        self.check()?;
        let told = Told::new(model, info, &self.translation.domains, "translation.domains")?;
        let shape = self.image(info)?;
        let n = told.names.len();
        let [h, w, c] = shape;
        let seen = [h, w, if self.translation.conditional { c + n } else { c }];
        let reader = Summary::new(
            self.critic.width,
            shape,
            n,
            &Init::new(key.stream(READER), device),
        );
        // It learns as fast as the critic, of which it is a part in the paper.
        let optimizer: OptimizerConfig = self.optimizer.discriminator;
        Ok(Game::new(Domains {
            stage: Stage::new(model, info, device),
            settings: self.translation.clone(),
            told,
            generator: self.translator(GENERATOR, (shape, n), device, key)?,
            critic: self.of_patches(critic::DISCRIMINATOR, seen, device, key)?,
            reader: Learner::new(READER, reader, optimizer, self.model.average(), device)?,
        }))
    }
}

impl Domains {
    /// What the critic is shown of images and the domains that they are said to be of.
    fn shown(&self, images: &Tensor<4>, domains: &Tensor<2>) -> Shown {
        Shown::plain(match self.settings.conditional {
            true => beside(images.clone(), domains.clone()),
            false => images.clone(),
        })
    }
}

/// Everything of a turn that the generator learns from.
struct Turn {
    given: Tensor<4>,
    present: Tensor<2>,
    asked: Tensor<2>,
    made: Tensor<4>,
    seen: critic::Seen,
    misread: f64,
}

impl Domains {
    /// The critic and the reader learn; the generator's translations are on its tape only where it learns next.
    fn learn(&mut self, batch: &Batch, last: bool, now: Moment) -> Result<Turn> {
        let given = self.stage.items(batch);
        let present = self.told.of(&self.stage, batch)?;
        // Domains that others of the batch are of: so that what is asked for is as likely together as it is in the data.
        let asked = told::shuffled(&present, now.key.stream("order"));
        let network = self.generator.network();
        let made = match last {
            true => network.forward_told(given.clone(), asked.clone(), None),
            false => network
                .clone()
                .no_grad()
                .forward_told(given.clone(), asked.clone(), None),
        };
        let (data, samples) = (self.shown(&given, &present), self.shown(&made, &asked));
        let seen = self.critic.learn(data, samples, None, now)?;
        let read = self.reader.network().forward(given.clone());
        let misread = self
            .reader
            .descend(self.told.misread(read, &present), false)?
            .loss;
        Ok(Turn {
            given,
            present,
            asked,
            made,
            seen,
            misread,
        })
    }

    /// What the generator learns from: the loss, and its parts by name.
    fn loss(&self, turn: &Turn, now: Moment) -> (Tensor<1>, Vec<(&'static str, f64)>) {
        let s = &self.settings;
        let shown = self.critic.shown(
            self.shown(&turn.made, &turn.asked),
            now.updates,
            now.key.stream("noise for the generator"),
        );
        let data = self.shown(&turn.given, &turn.present);
        let persuaded = self.critic.persuade(&shown, Some(&data), None);
        let reader = self.reader.network().clone().no_grad();
        let read = self.told.misread(reader.forward(turn.made.clone()), &turn.asked);
        let mut scalars = vec![
            ("loss/discriminator", turn.seen.loss),
            ("loss/reader", turn.misread),
            ("loss/generator", number(persuaded.clone())),
            ("loss/domains", number(read.clone())),
        ];
        let mut loss = persuaded * s.game + read * s.classes;
        if s.cycle > 0.0 {
            let back = self
                .generator
                .network()
                .forward_told(turn.made.clone(), turn.present.clone(), None);
            let off = Distance::L1.of(back, turn.given.clone());
            scalars.push(("loss/cycle", number(off.clone())));
            loss = loss + off * s.cycle;
        }
        (loss, scalars)
    }
}

impl Play for Domains {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn updates(&self) -> u64 {
        self.generator.updates()
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        let device = self.stage.plain();
        let [h, w, c] = self.stage.image_shape();
        let x: Tensor<4> = Tensor::zeros([1, h, w, c], &device);
        let told = Tensor::zeros([1, self.told.names.len()], &device);
        vec![
            self.generator.info(|g| g.forward_told(x.clone(), told, None)),
            self.critic.info(
                [
                    h,
                    w,
                    if self.settings.conditional {
                        c + self.told.names.len()
                    } else {
                        c
                    },
                ],
                0,
                &device,
            ),
            self.reader.info(|r| r.forward(x.clone())),
        ]
    }

    fn batches_per_step(&self) -> usize {
        self.settings.discriminator_steps
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        let updates = self.updates();
        let mut last = None;
        for (i, batch) in batches.iter().enumerate() {
            let is_last = i + 1 == batches.len();
            let now = Moment {
                updates,
                key: key.step(i as u64),
                watch: watch && is_last,
            };
            last = Some((self.learn(batch, is_last, now)?, now));
        }
        let Some((turn, now)) = last else {
            return Ok(Round::default());
        };
        let (loss, scalars) = self.loss(&turn, now);
        critic::finite("the generator's loss", number(loss.clone()), now)?;
        let gradient = self
            .generator
            .update(&mut [loss.backward()], watch)
            .unwrap_or(f64::NAN);
        let spread = watch.then(|| diversity(turn.made, turn.given));
        Ok(Round::of(scalars, &self.critic, turn.seen, gradient, spread))
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.generator.save();
        parts.extend(self.critic.save());
        parts.extend(self.reader.save());
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.generator.load(read, purpose)?;
        self.critic.load(read, purpose)?;
        self.reader.load(read, purpose)
    }

    fn translates(&self) -> Option<&dyn Translates> {
        Some(self)
    }
}

impl Translates for Domains {
    fn domains(&self) -> &[String] {
        &self.told.names
    }

    fn turn(&self, images: Tensor<4>, wanted: &Wanted, _: Drawn<'_>) -> Tensor<4> {
        let n = images.dims()[0];
        let width = self.told.names.len();
        let read = || self.reader.for_use().forward(images.clone());
        let told = self.told.wanted(read, n, wanted);
        let told = Tensor::from_data(TensorData::new(told, [n, width]), &images.device());
        self.turn_told(images, told)
    }

    fn turn_told(&self, images: Tensor<4>, told: Tensor<2>) -> Tensor<4> {
        self.generator
            .for_use_on(&images.device())
            .forward_told(images, told, None)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::game::objective::{LeastSquares, Rule};
    use super::super::super::networks::TranslatorSizes;
    use super::super::super::networks::translator::resnet;
    use super::super::super::star_gan::StarGan;
    use super::*;
    use crate::{Model, Registered, Wish};
    use menagerie_data::Kind;
    use menagerie_nn::NormOver;

    /// Images that are light or dark on their left half, and on their right half.
    fn batch(count: usize, key: Key) -> Batch {
        let mut rng = key.rng();
        let (mut values, mut attributes) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let sides = [0, 1].map(|_| if rng.chance(0.5) { 1.0f32 } else { -1.0 });
            attributes.extend(sides);
            let wave = rng.between(0.0, 6.0);
            for i in 0..256 {
                let stripes = 0.2 * (0.9 * (i / 16) as f64 + wave).sin();
                values.push(0.6 * sides[usize::from(i % 16 >= 8)] + stripes as f32);
            }
        }
        Batch {
            kind: Kind::Image,
            shape: vec![count, 16, 16, 1],
            values,
            labels: None,
            attributes,
            captions: None,
            indices: (0..count as u32).collect(),
        }
    }

    fn info() -> DataInfo {
        DataInfo {
            source: "test".into(),
            kind: Kind::Image,
            shape: vec![16, 16, 1],
            count: 100,
            range: (0.0, 255.0),
            attributes: vec!["left".into(), "right".into()],
            ..DataInfo::default()
        }
    }

    fn config() -> Translation<DomainSettings> {
        let mut config = StarGan::defaults();
        config.model = TranslatorSizes::Resnet(resnet::Sizes {
            width: 4,
            blocks: 1,
            residual: true,
            norm: NormOver::Layer,
            ..Default::default()
        });
        config.critic.width = 4;
        config.translation.domains = vec!["left".into(), "right".into()];
        config.translation.discriminator_steps = 1;
        config.optimizer.generator.learning_rate = 3e-3;
        config.optimizer.discriminator.learning_rate = 3e-3;
        config
    }

    /// What is asked for makes a difference, and a norm that would make the generator deaf to it is refused. (That it makes the
    /// right one takes a longer training than a test may.)
    #[test]
    fn what_is_asked_for_is_heard() {
        let device = Device::flex().autodiff();
        let mut deaf = config();
        if let TranslatorSizes::Resnet(s) = &mut deaf.model {
            s.norm = NormOver::Instance;
        }
        let e = <StarGan as Registered>::check(&deaf).unwrap_err().to_string();
        assert!(e.contains("model.norm") && e.contains("layer"), "{e}");
        let mut game = config()
            .between_domains("star_gan", &info(), &device, Key::new(1))
            .unwrap();
        for step in 0..20 {
            let key = Key::new(2).step(step);
            game.step(&[batch(8, key)], key, false).unwrap();
        }
        let fresh = batch(8, Key::new(9));
        let made = [0.0, 1.0].map(|amount| {
            let to = [("left".to_string(), amount)];
            let wish = Wish {
                to: &to,
                ..Wish::default()
            };
            let t = game.as_translate().unwrap();
            t.translate(&fresh, &wish, Key::new(1)).unwrap().values
        });
        let differ = |(a, b): (&[f32], &[f32])| a.iter().zip(b).any(|(a, b)| (a - b).abs() > 1e-4);
        let pairs = made[0].chunks(256).zip(made[1].chunks(256));
        assert!(pairs.into_iter().all(differ), "in every image");
        let t = game.as_translate().unwrap();
        let of = |name: &str| {
            let to = [(name.to_string(), 1.0)];
            let wish = Wish {
                to: &to,
                ..Wish::default()
            };
            t.translate(&fresh, &wish, Key::new(1)).unwrap_err().to_string()
        };
        assert!(of("rihgt").contains("`rihgt`") && of("rihgt").contains("right"));
        let e = t
            .translate(&fresh, &Wish::default(), Key::new(1))
            .unwrap_err()
            .to_string();
        assert!(e.contains("left, right"), "{e}");
    }

    /// A critic that is told tells images of their own domains from the same images said to be of others.
    #[test]
    fn a_critic_that_is_told_sees_whether_it_is_so() {
        let mut config = config();
        config.translation.conditional = true;
        config.objective = Rule::LeastSquares(LeastSquares::default());
        config.penalty = Default::default();
        let device = Device::flex().autodiff();
        let game = config
            .between_domains("star_gan", &info(), &device, Key::new(1))
            .unwrap();
        game.map(|mut play| {
            let said = |play: &Domains, key, right: bool| {
                let batch = batch(8, key);
                let images = play.stage.items(&batch);
                let domains = play.told.of(&play.stage, &batch).unwrap();
                let domains = if right { domains } else { -domains + 1.0 };
                play.shown(&images, &domains)
            };
            let now = |i| Moment {
                updates: i,
                key: Key::new(i),
                watch: false,
            };
            for i in 0..80 {
                let key = Key::new(3).step(i);
                let (data, samples) = (said(&play, key, true), said(&play, key, false));
                play.critic.learn(data, samples, None, now(i)).unwrap();
            }
            let mean = |v: Vec<f32>| v.iter().sum::<f32>() / v.len() as f32;
            let score = |right| mean(play.critic.scores(&said(&play, Key::new(9), right)));
            assert!(
                score(true) > score(false) + 0.1,
                "{} {}",
                score(true),
                score(false)
            );
            play
        });
    }

    #[test]
    fn what_says_nothing_of_domains_is_refused() {
        let build = |config: Translation<DomainSettings>, info: DataInfo| {
            let device = Device::flex().autodiff();
            let built = config.between_domains("star_gan", &info, &device, Key::new(1));
            built.err().map(|e| e.to_string()).unwrap_or_default()
        };
        let mut wrong = config();
        wrong.translation.domains = vec!["lfet".into()];
        let e = build(wrong, info());
        assert!(
            e.contains("translation.domains") && e.contains("lfet") && e.contains("left"),
            "{e}"
        );
        let mut none = config();
        none.translation.domains.clear();
        let e = build(none, info());
        assert!(e.contains("classes"), "{e}");
        let sides = DataInfo {
            kind: Kind::Unpaired,
            shape: vec![16, 16, 2],
            ..info()
        };
        let e = build(config(), sides);
        assert!(e.contains("cycle_gan"), "{e}");
    }
}
