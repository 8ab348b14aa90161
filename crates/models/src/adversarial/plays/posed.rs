//! An encoder that finds who is seen, a decoder that draws them in a pose that is asked for, and a discriminator that tells who it is
//! and in which pose (Tran, Yin, Liu 2017, DR-GAN). With x of person y^d in pose y^p, a pose c = y^t drawn for it, noise z, and
//! x^ = G_dec(G_enc(x), c, z):
//!
//! max_D  E log D^d_{y^d}(x) + log D^p_{y^p}(x)  +  E log D^d_{N^d+1}(x^)                                (equation 4)
//! max_G  E log D^d_{y^d}(x^) + log D^p_{y^t}(x^)                                                        (equation 5)
//!
//! where D^d knows the N^d people and, as one more, what was made. What the decoder is told of the pose need not be in G_enc(x), and
//! what stays is who it is: a representation f(x) that does not depend on the pose.
use super::super::Optimizers;
use super::super::game::condition::cross_entropy;
use super::super::game::parts::Parts;
use super::super::game::stage::{needs_labels, one_hot};
use super::super::game::{Game, Moment, Play, Round, Sees, Stage, Translates, Wanted, check_weights, critic};
use super::super::networks::translator::Drawn;
use super::super::networks::{CriticNetwork, GeneratorNetwork, Heads, Sizes, Told, dcgan};
use super::joint::EncoderNetwork;
use super::paired::{GENERATOR, diversity};
use super::stated::Stated;
use crate::{NetworkInfo, Part, Purpose};
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo};
use menagerie_kernels::noise;
use menagerie_nn::{Init, Learner, Tensors, number};
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is the model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PosedConfig {
    /// `[model]`: encoder, decoder and discriminator; `latent` is what the encoder finds (paper: 320)
    pub model: dcgan::Sizes,
    /// `[pose]`: what is told apart from who it is
    #[serde(default)]
    pub pose: PoseSettings,
    /// `[optimizer]`
    #[serde(default)]
    pub optimizer: Optimizers,
}

/// `[pose]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PoseSettings {
    /// the attribute that is the pose
    pub attribute: String,
    /// poses that are told apart: so many amounts of it, evenly from the smallest to the largest (paper: 9, or 13)
    pub poses: usize,
    /// numbers of the noise, by which all that is neither who nor pose may differ (paper: 50)
    pub noise: usize,
    /// weight of being told for the person (paper: 1)
    pub identity: f64,
    /// weight of being told in the pose (paper: 1)
    pub weight: f64,
    /// updates of encoder and decoder for each of the discriminator (paper: 1, later 4)
    pub generator_steps: usize,
}

impl Default for PoseSettings {
    fn default() -> Self {
        PoseSettings {
            attribute: "yaw".into(),
            poses: 7,
            noise: 16,
            identity: 1.0,
            weight: 1.0,
            generator_steps: 1,
        }
    }
}

const ENCODER: &str = "encoder";

/// See the module.
pub struct Posed {
    stage: Stage,
    settings: PoseSettings,
    pose: Stated,
    encoder: Learner<EncoderNetwork>,
    generator: Learner<GeneratorNetwork>,
    discriminator: Learner<CriticNetwork>,
}

impl PosedConfig {
    /// Refuses what is out of range.
    ///
    /// # Errors
    /// [`Error::Recipe`] with the key.
    pub fn check(&self) -> Result<()> {
        let p = &self.pose;
        check_weights([("pose.identity", p.identity), ("pose.weight", p.weight)])?;
        let small = [
            ("pose.poses", p.poses, 2),
            ("pose.generator_steps", p.generator_steps, 1),
        ];
        if let Some((key, n, least)) = small.into_iter().find(|(_, n, least)| n < least) {
            let problem = format!("{n} is too small");
            return Err(Error::recipe(key, problem, format!("give {least} or more")));
        }
        if !(0.0..1.0).contains(&self.model.average) {
            let problem = format!("{} is not a decay", self.model.average);
            let fix = "give 0 for none, or a number such as 0.999";
            return Err(Error::recipe("model.average", problem, fix));
        }
        Ok(())
    }

    /// Fresh networks for images of people whose pose is known.
    ///
    /// # Errors
    /// For settings that are out of range, and data that do not say who is seen and in which pose.
    pub fn posed(
        &self,
        model: &'static str,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<Posed>> {
        self.check()?;
        let sizes = Sizes::Dcgan(self.model.clone());
        sizes.check(model, info)?;
        let pose = Stated::new(
            model,
            info,
            std::slice::from_ref(&self.pose.attribute),
            "pose.attribute",
        )?;
        needs_labels(model, info)?;
        info.every_label(model)?;
        let p = &self.pose;
        let at = |name: &str| Init::new(key.stream(name), device);
        let encoder = EncoderNetwork::new(&sizes, info, (0, self.model.latent), false, &at(ENCODER));
        let told = Told {
            joined: p.poses,
            norms: 0,
        };
        let generator = sizes
            .with_latent(self.model.latent + p.noise)
            .generator(info, told, &at(GENERATOR));
        let tells = Heads {
            classes: info.labels.len() + 1,
            twin: p.poses,
            score_of_classes: true,
            ..Heads::default()
        };
        let discriminator = CriticNetwork::new(&sizes, info, tells, &at(critic::DISCRIMINATOR));
        let (o, average) = (&self.optimizer, self.model.average);
        Ok(Game::new(Posed {
            stage: Stage::new(model, info, device),
            settings: self.pose.clone(),
            pose,
            encoder: Learner::new(ENCODER, encoder, o.generator, average, device)?,
            generator: Learner::new(GENERATOR, generator, o.generator, average, device)?,
            discriminator: Learner::new(critic::DISCRIMINATOR, discriminator, o.discriminator, 0.0, device)?,
        }))
    }
}

/// Amounts in [0, 1], `[batch, 1]`, as codes of so many poses, `[batch, poses]`: one of a pose, between two poses some of both.
fn codes(amounts: Tensor<2>, poses: usize) -> Tensor<2> {
    let steps = (poses - 1) as f64;
    let place: Vec<f32> = (0..poses).map(|p| p as f32).collect();
    let places = Tensor::<2>::from_data(TensorData::new(place, [1, poses]), &amounts.device());
    let off = (amounts.clamp(0.0, 1.0) * steps - places).abs();
    (-off + 1.0).clamp(0.0, 1.0)
}

/// The pose that each code is most of.
fn nearest(codes: Tensor<2>) -> Tensor<2> {
    let poses = codes.dims()[1];
    let device = codes.device();
    let values = menagerie_nn::numbers(codes);
    let most = |row: &[f32]| {
        let order = |a: &usize, b: &usize| row[*a].total_cmp(&row[*b]);
        (0..poses).max_by(order).unwrap_or(0) as u32
    };
    let poses_of: Vec<u32> = values.chunks_exact(poses).map(most).collect();
    one_hot(&poses_of, poses, &device)
}

/// What is said of who it is, and of the pose: minus the logarithms of the probabilities of these rows, the mean over items.
fn misread(network: &CriticNetwork, x: Tensor<4>, who: Tensor<2>, pose: Option<Tensor<2>>) -> [Tensor<1>; 2] {
    let nothing = who.clone().sum() * 0.0;
    let said = network.judge(x.into(), None, None);
    let of = |logits: Option<Tensor<2>>, truth: Option<Tensor<2>>| {
        let both = logits.zip(truth).map(|(l, t)| cross_entropy(l, t));
        both.unwrap_or_else(|| nothing.clone())
    };
    [of(said.classes, Some(who)), of(said.twin, pose)]
}

/// An image of a batch, and what it is to become.
struct Turn {
    x: Tensor<4>,
    /// who is seen, of the people and one more, that is nobody
    who: Tensor<2>,
    nobody: Tensor<2>,
    pose: Tensor<2>,
    asked: Tensor<2>,
}

impl Posed {
    fn turn_of(&self, batch: &Batch, key: Key) -> Result<Turn> {
        let (people, poses) = (self.stage.labels.len(), self.settings.poses);
        let labels = self.stage.labels_of(batch)?;
        let device = &self.stage.device;
        let n = labels.len();
        let drawn: Vec<u32> = (0..n as u64)
            .map(|i| key.stream("poses").step(i).rng().below(poses) as u32)
            .collect();
        Ok(Turn {
            x: self.stage.items(batch),
            who: one_hot(labels, people + 1, device),
            nobody: one_hot(&vec![people as u32; n], people + 1, device),
            pose: nearest(codes(self.pose.of(&self.stage, batch)?, poses)),
            asked: one_hot(&drawn, poses, device),
        })
    }

    /// The people of images in other poses, as they are being learned.
    fn made(&self, turn: &Turn, key: Key) -> Tensor<4> {
        let (found, _) = self.encoder.network().forward(turn.x.clone());
        let n = found.dims()[0];
        let shape = [n, self.settings.noise];
        let z: Tensor<2> = noise::normal(key.stream("noise").words(), shape, &self.stage.device);
        let z = Tensor::cat(vec![found, z], 1);
        self.generator.network().forward(z, Some(&turn.asked))
    }

    /// The discriminator learns: equation 4.
    fn tell(&mut self, turn: &Turn, made: Tensor<4>) -> Result<Vec<(&'static str, f64)>> {
        let s = &self.settings;
        let network = self.discriminator.network();
        let [who, pose] = misread(network, turn.x.clone(), turn.who.clone(), Some(turn.pose.clone()));
        let [fake, _] = misread(network, made.detach(), turn.nobody.clone(), None);
        let told = vec![
            ("loss/people", number(who.clone())),
            ("loss/poses", number(pose.clone())),
            ("loss/made", number(fake.clone())),
        ];
        self.discriminator.descend(who + pose * s.weight + fake, false)?;
        Ok(told)
    }
}

impl Play for Posed {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn updates(&self) -> u64 {
        self.discriminator.updates()
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        let device = self.stage.plain();
        let [h, w, c] = self.stage.image_shape();
        let x: Tensor<4> = Tensor::zeros([1, h, w, c], &device);
        let pose = Tensor::zeros([1, self.settings.poses], &device);
        let (found, _) = self.encoder.for_use_on(&device).forward(x.clone());
        let z = self.without_noise(found);
        vec![
            self.encoder.info(|e| e.forward(x.clone())),
            self.generator.info(|g| g.forward(z, Some(&pose))),
            self.discriminator.info(|d| d.judge(x.into(), None, None)),
        ]
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        let Some(batch) = batches.first() else {
            return Ok(Round::default());
        };
        let now = Moment {
            updates: self.updates(),
            key,
            watch,
        };
        let turn = self.turn_of(batch, key)?;
        let made = self.made(&turn, key);
        let mut scalars = self.tell(&turn, made)?;
        for k in 0..self.settings.generator_steps {
            let last = k + 1 == self.settings.generator_steps;
            let made = self.made(&turn, key.step(k as u64));
            let tells = self.discriminator.network().clone().no_grad();
            let [who, pose] = misread(&tells, made.clone(), turn.who.clone(), Some(turn.asked.clone()));
            let mut parts = Parts::default();
            parts.add("loss/identity", self.settings.identity, who);
            parts.add("loss/pose", self.settings.weight, pose);
            let loss = parts.loss(&self.stage.device);
            critic::finite("the generator's loss", number(loss.clone()), now)?;
            let mut gradients = [loss.backward()];
            self.encoder.update(&mut gradients, false);
            let gradient = self.generator.update(&mut gradients, watch && last);
            if last {
                scalars.extend(parts.scalars);
                scalars.extend(gradient.map(|g| ("gradient/generator", g)));
                if watch {
                    scalars.push(("diversity", diversity(made, turn.x.clone())));
                }
            }
        }
        Ok(Round {
            scalars,
            observation: None,
        })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.encoder.save();
        parts.extend(self.generator.save());
        parts.extend(self.discriminator.save());
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.encoder.load(read, purpose)?;
        self.generator.load(read, purpose)?;
        self.discriminator.load(read, purpose)
    }

    fn translates(&self) -> Option<&dyn Translates> {
        Some(self)
    }
    fn sees(&self) -> Option<&dyn Sees> {
        Some(self)
    }
}

impl Posed {
    /// What the encoder has found `[batch, latent]`, beside noise that is none.
    fn without_noise(&self, found: Tensor<2>) -> Tensor<2> {
        let none = Tensor::zeros([found.dims()[0], self.settings.noise], &found.device());
        Tensor::cat(vec![found, none], 1)
    }
}

impl Translates for Posed {
    fn domains(&self) -> &[String] {
        &self.pose.names
    }

    fn size(&self) -> Option<[usize; 2]> {
        let [h, w, _] = self.stage.image_shape();
        Some([h, w])
    }

    fn turn(&self, images: Tensor<4>, wanted: &Wanted, _: Drawn<'_>) -> Tensor<4> {
        let n = images.dims()[0];
        // A wish names the one attribute that there is.
        let amount = wanted.domains.last().map_or(0.5, |(_, amount)| *amount);
        let told = Tensor::from_data(TensorData::new(vec![amount; n], [n, 1]), &images.device());
        self.turn_told(images, told)
    }

    fn turn_told(&self, images: Tensor<4>, told: Tensor<2>) -> Tensor<4> {
        let device = images.device();
        let (found, _) = self.encoder.for_use_on(&device).forward(images);
        let pose = codes(told, self.settings.poses);
        self.generator
            .for_use_on(&device)
            .forward(self.without_noise(found), Some(&pose))
    }
}

/// What the encoder finds of who is seen.
impl Sees for Posed {
    fn layers(&self, items: Tensor<4>) -> Vec<Tensor<4>> {
        let (found, _) = self.encoder.for_use_on(&items.device()).forward(items);
        let [n, numbers] = found.dims();
        vec![found.reshape([n, 1, 1, numbers])]
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::dr_gan::DrGan;
    use super::*;
    use crate::{Features, Model, Registered, Wish};
    use menagerie_data::Kind;
    use menagerie_nn::numbers;

    /// People are two brightnesses of a bar, one above the other; their pose is where the bar stands, left, in the middle or right.
    fn batch(count: usize, key: Key) -> Batch {
        const PEOPLE: [[f32; 2]; 4] = [[0.9, 0.1], [0.1, 0.9], [0.9, 0.9], [0.2, 0.2]];
        let mut rng = key.rng();
        let (mut values, mut labels, mut attributes) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..count {
            let (who, pose) = (rng.below(4), rng.below(3));
            labels.push(who as u32);
            attributes.push(pose as f32 / 2.0);
            let behind = rng.between(-1.0, -0.7) as f32;
            let at = 1 + 2 * pose;
            for i in 0..64 {
                let on = (at..at + 2).contains(&(i % 8));
                values.push(if on { PEOPLE[who][i / 32] } else { behind });
            }
        }
        Batch {
            kind: Kind::Image,
            shape: vec![count, 8, 8, 1],
            values,
            labels: Some(labels),
            attributes,
            captions: None,
            indices: (0..count as u32).collect(),
        }
    }

    fn info() -> DataInfo {
        DataInfo {
            source: "test".into(),
            kind: Kind::Image,
            shape: vec![8, 8, 1],
            count: 100,
            range: (0.0, 255.0),
            labels: ["a", "b", "c", "d"].map(String::from).to_vec(),
            attributes: vec!["side".into()],
            shares: vec![0.25; 4],
            ..DataInfo::default()
        }
    }

    fn config() -> PosedConfig {
        let mut config = DrGan::defaults();
        config.model = dcgan::Sizes {
            latent: 8,
            width: 16,
            norm: dcgan::Norm::Layer,
            ..dcgan::Sizes::default()
        };
        config.pose = PoseSettings {
            attribute: "side".into(),
            poses: 3,
            noise: 2,
            ..PoseSettings::default()
        };
        config.optimizer.generator.learning_rate = 2e-3;
        config.optimizer.discriminator.learning_rate = 2e-3;
        config
    }

    /// By hand: a pose has a code of its own, between two poses both have their share, and beyond the ends there is nothing new.
    #[test]
    fn codes_by_hand() {
        let amounts = Tensor::<2>::from_data(
            TensorData::new(vec![0.0f32, 0.5, 0.625, 1.0, 1.7], [5, 1]),
            &Device::flex(),
        );
        let of = codes(amounts, 5);
        let want = [
            [1.0, 0.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 1.0, 0.0, 0.0],
            [0.0, 0.0, 0.5, 0.5, 0.0],
            [0.0, 0.0, 0.0, 0.0, 1.0],
            [0.0, 0.0, 0.0, 0.0, 1.0],
        ];
        assert_eq!(numbers(of.clone()), want.concat());
        let poses = numbers(nearest(of));
        assert_eq!(poses.iter().sum::<f32>(), 5.0);
        assert_eq!([poses[0], poses[7], poses[19], poses[24]], [1.0; 4]);
    }

    /// What is misread is minus the logarithm of the softmax, in f64, of the person among people and nobody, and of the pose.
    #[test]
    fn misreading_is_minus_the_logarithm_of_the_softmax() {
        let device = Device::flex().autodiff();
        let game = config().posed("dr_gan", &info(), &device, Key::new(1)).unwrap();
        game.map(|play: Posed| {
            let turn = play.turn_of(&batch(3, Key::new(2)), Key::new(3)).unwrap();
            let network = play.discriminator.network();
            let said = network.judge(turn.x.clone().into(), None, None);
            let loss = |logits: Tensor<2>, rows: &Tensor<2>| -> f64 {
                let width = logits.dims()[1];
                let (logits, rows) = (numbers(logits), numbers(rows.clone()));
                let one = |(l, y): (&[f32], &[f32])| {
                    let sum: f64 = l.iter().map(|v| f64::from(*v).exp()).sum();
                    let own: f64 = l.iter().zip(y).map(|(l, y)| f64::from(l * y)).sum();
                    sum.ln() - own
                };
                let pairs = logits.chunks(width).zip(rows.chunks(width));
                pairs.map(one).sum::<f64>() / 3.0
            };
            let classes = said.classes.unwrap();
            assert_eq!(classes.dims(), [3, 5], "four people and nobody");
            let want = [
                loss(classes.clone(), &turn.who),
                loss(said.twin.unwrap(), &turn.pose),
                loss(classes, &turn.nobody),
            ];
            let [who, pose] = misread(network, turn.x.clone(), turn.who.clone(), Some(turn.pose.clone()));
            let [fake, nothing] = misread(network, turn.x.clone(), turn.nobody.clone(), None);
            for (got, want) in [who, pose, fake].into_iter().zip(want) {
                let got = number(got);
                assert!((got - want).abs() < 1e-5, "{got} {want}");
            }
            assert_eq!(number(nothing), 0.0);
            play
        });
    }

    /// The bar goes where it is asked to, and who it is is told from another pose better than by pixels.
    #[test]
    fn the_pose_is_as_asked_and_the_person_stays() {
        let device = Device::flex().autodiff();
        let mut game = config().posed("dr_gan", &info(), &device, Key::new(1)).unwrap();
        for step in 0..300 {
            let key = Key::new(2).step(step);
            game.step(&[batch(16, key)], key, false).unwrap();
        }
        let fresh = batch(60, Key::new(9));
        let light = |image: &[f32], at: usize| -> f32 {
            let on = |i: &usize| (at..at + 2).contains(&(i % 8));
            (0..64).filter(on).map(|i| image[i]).sum()
        };
        for (pose, amount) in [0.0f32, 0.5, 1.0].into_iter().enumerate() {
            let to = [("side".to_string(), amount)];
            let wish = Wish {
                to: &to,
                ..Wish::default()
            };
            let t = game.as_translate().unwrap();
            let made = t.translate(&fresh, &wish, Key::new(1)).unwrap().values;
            let right = |image: &&[f32]| {
                let lights = [1, 3, 5].map(|at| light(image, at));
                lights.iter().all(|l| *l <= lights[pose])
            };
            let found = made.chunks(64).filter(right).count();
            assert!(found >= 54, "{found} of 60 at {amount}");
        }
        let rows = Features::features(&game, &fresh).unwrap();
        let labels = fresh.labels.clone().unwrap();
        let found = |rows: &[f32]| -> usize {
            let width = rows.len() / 60;
            let far = |i: usize, j: usize| -> f32 {
                let pairs = rows[i * width..][..width].iter().zip(&rows[j * width..][..width]);
                pairs.map(|(a, b)| (a - b).powi(2)).sum()
            };
            let of_another_pose = |i: usize| {
                (0..60)
                    .filter(|&j| fresh.attributes[j] != fresh.attributes[i])
                    .min_by(|&a, &b| far(i, a).total_cmp(&far(i, b)))
                    .unwrap()
            };
            (0..60)
                .filter(|&i| labels[of_another_pose(i)] == labels[i])
                .count()
        };
        let (own, pixels) = (found(&rows), found(&fresh.values));
        assert!(own >= 45 && own > pixels, "{own} of 60, by pixels {pixels}");
    }

    #[test]
    fn what_says_nothing_of_people_or_poses_is_refused() {
        let build = |change: &dyn Fn(&mut PosedConfig, &mut DataInfo)| {
            let (mut config, mut info) = (config(), info());
            change(&mut config, &mut info);
            let built = config.posed("dr_gan", &info, &Device::flex().autodiff(), Key::new(1));
            built.err().map(|e| e.to_string()).unwrap_or_default()
        };
        let e = build(&|c, _| c.pose.attribute = "sied".into());
        assert!(
            e.contains("pose.attribute") && e.contains("sied") && e.contains("side"),
            "{e}"
        );
        let e = build(&|_, i| i.labels.clear());
        assert!(e.contains("classes"), "{e}");
        let e = build(&|c, _| c.pose.poses = 1);
        assert!(e.contains("pose.poses") && e.contains("2"), "{e}");
    }
}
