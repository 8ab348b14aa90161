//! A face that is turned aside becomes the same face from the front, with the coefficients of a model of faces in the loop (Yin, Yu, Sohn,
//! Liu, Chandraker 2017, arXiv:1704.06244, FF-GAN). R finds coefficients p of a given face x, G draws a face of x and R(x), D tells it
//! from true ones y from the front, and C tells who is seen, by features h:
//!
//! L_R   = ||R(x) - p||^2                                                                             (equation 1)
//! L_rec = ||G(x, R(x)) - y||_1                                                                       (equation 2)
//! L_tv  = the mean step between neighbouring pixels of G(x, R(x))                                    (equation 3)
//! L_sym = ||G(x, R(x)) - mirrored G(x, R(x))||_2                                                     (equation 8)
//! L_id  = ||h(G(x, R(x))) - h(y)||^2                                                                 (equation 9)
//!
//! and the game of D. The paper's coefficients are those of a morphable model (identity, expression, texture, pose), found before by a
//! fit; here they are the numbers that a face was drawn from. What is symmetric is masked there by what can be seen; a face that is lit from
//! one side is not symmetric, and the weight is small.
use super::super::game::condition::cross_entropy;
use super::super::game::parts::Parts;
use super::super::game::{Critic, Game, Moment, Play, Round, Shown, Stage, Translates, Wanted, critic};
use super::super::networks::translator::Drawn;
use super::super::networks::{CriticNetwork, Heads, Sizes, TranslatorNetwork, dcgan};
use super::super::translation::{Distance, Settings, Translation, needs_pairs};
use super::joint::EncoderNetwork;
use super::paired::{GENERATOR, diversity, sides};
use super::stated::Stated;
use super::transferred::variation;
use crate::{Direction, NetworkInfo, Part, Purpose, one_side};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo};
use menagerie_nn::{Init, Learner, Tensors, number};
use serde::{Deserialize, Serialize};

/// `[translation]` of a play that brings faces to the front: what is found of them, and weights of the losses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FrontalSettings {
    /// attributes of the data that are the coefficients
    pub coefficients: Vec<String>,
    /// weight of finding them
    pub fit: f64,
    /// weight of the game
    pub game: f64,
    /// weight of the distance to the true image
    pub l1: f64,
    /// weight of steps between neighbouring pixels
    pub variation: f64,
    /// weight of the distance to the mirrored image
    pub symmetry: f64,
    /// weight of the distance of features of who is seen
    pub identity: f64,
}

impl Default for FrontalSettings {
    fn default() -> Self {
        let coefficients = [
            "turned",
            "tilt",
            "presentation",
            "face_width",
            "jaw",
            "ear_size",
            "eye_size",
            "eye_distance",
            "nose_size",
            "mouth_width",
            "lips",
            "smile",
            "brow_thickness",
            "brow_angle",
            "brow_height",
            "skin",
            "hair_lightness",
            "hair_length",
        ];
        FrontalSettings {
            coefficients: coefficients.map(String::from).to_vec(),
            fit: 10.0,
            game: 1.0,
            l1: 50.0,
            variation: 0.1,
            symmetry: 1.0,
            identity: 1.0,
        }
    }
}

impl Settings for FrontalSettings {
    fn weights(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("translation.fit", self.fit),
            ("translation.game", self.game),
            ("translation.l1", self.l1),
            ("translation.variation", self.variation),
            ("translation.symmetry", self.symmetry),
            ("translation.identity", self.identity),
        ]
    }

    fn check(&self) -> Result<()> {
        match self.game + self.l1 > 0.0 {
            true => Ok(()),
            false => Err(Error::recipe(
                "translation.l1",
                "translation.game is 0, too, and nothing says what a face from the front is",
                "give one of them a weight",
            )),
        }
    }
}

const RECONSTRUCTION: &str = "reconstruction";
const RECOGNITION: &str = "recognition";

/// See the module.
pub struct Frontal {
    stage: Stage,
    settings: FrontalSettings,
    stated: Stated,
    reconstruction: Learner<EncoderNetwork>,
    generator: Learner<TranslatorNetwork>,
    critic: Critic,
    /// none where who is seen weighs nothing
    recognition: Option<Learner<CriticNetwork>>,
}

impl Translation<FrontalSettings> {
    /// Fresh networks for pairs of a face and the same from the front.
    ///
    /// # Errors
    /// For settings that clash, and data that are no pairs or do not state what is asked of them.
    pub fn frontal(
        &self,
        model: &'static str,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<Frontal>> {
        self.check()?;
        self.hears()?;
        needs_pairs(model, info)?;
        let t = &self.translation;
        let stated = Stated::new(model, info, &t.coefficients, "translation.coefficients")?;
        let shape = self.image(info)?;
        let at = |name: &str| Init::new(key.stream(name), device);
        let side = one_side(info);
        let sizes = self.of_faces();
        let numbers = stated.numbers();
        let found = EncoderNetwork::new(&sizes, &side, (0, numbers), false, &at(RECONSTRUCTION));
        let recognition = match t.identity > 0.0 {
            true => Some(self.recognition(model, info, device, &at(RECOGNITION))?),
            false => None,
        };
        Ok(Game::new(Frontal {
            stage: Stage::new(model, info, device),
            settings: t.clone(),
            reconstruction: self.learner(RECONSTRUCTION, found, device)?,
            generator: self.translator(GENERATOR, (shape, stated.numbers()), device, key)?,
            critic: self.of_patches(critic::DISCRIMINATOR, shape, device, key)?,
            recognition,
            stated,
        }))
    }

    /// What looks at a whole face: as wide as the critic, each item by itself.
    fn of_faces(&self) -> Sizes {
        Sizes::Dcgan(dcgan::Sizes {
            width: self.critic.width,
            norm: dcgan::Norm::Layer,
            ..dcgan::Sizes::default()
        })
    }

    /// A classifier of who is seen, which learns beside.
    fn recognition(
        &self,
        model: &'static str,
        info: &DataInfo,
        device: &Device,
        at: &Init,
    ) -> Result<Learner<CriticNetwork>> {
        if info.labels.len() < 2 {
            let problem = format!("{model} keeps who is seen, and {} does not say it", info.source);
            let fix = "set translation.identity=0, or give portraits:frontal";
            return Err(Error::data(&info.source, problem, fix));
        }
        info.every_label(model)?;
        let sizes = self.of_faces();
        let tells = Heads {
            classes: info.labels.len(),
            score_of_classes: true,
            ..Heads::default()
        };
        let network = CriticNetwork::new(&sizes, &one_side(info), tells, at);
        Learner::new(RECOGNITION, network, self.optimizer.discriminator, 0.0, device)
    }
}

/// The mean squared distance to the mirrored image.
fn asymmetry(x: &Tensor<4>) -> Tensor<1> {
    Distance::L2.of(x.clone(), x.clone().flip([2]))
}

impl Frontal {
    /// Coefficients that are found in images, `[batch, numbers]`, and the face from the front.
    fn made(&self, images: &Tensor<4>) -> (Tensor<2>, Tensor<4>) {
        let found = self.reconstruction.network().forward(images.clone()).0;
        let made = self
            .generator
            .network()
            .forward_told(images.clone(), found.clone(), None);
        (found, made)
    }

    /// Who is seen is learned from both images of the pairs; gives the loss.
    fn recognize(&mut self, batch: &Batch, images: [&Tensor<4>; 2]) -> Result<Option<f64>> {
        let Some(recognition) = &mut self.recognition else {
            return Ok(None);
        };
        let who = self
            .stage
            .one_hot(self.stage.labels_of(batch)?, &self.stage.device);
        let both = Tensor::cat(images.map(Tensor::clone).to_vec(), 0);
        let said = recognition.network().judge(both.into(), None, None).classes;
        let twice = Tensor::cat(vec![who.clone(), who], 0);
        let loss = said.map(|logits| cross_entropy(logits, twice));
        loss.map(|loss| Ok(recognition.descend(loss, false)?.loss))
            .transpose()
    }

    /// Everything that reconstruction and generator learn from, but the game.
    fn beside_the_game(
        &self,
        parts: &mut Parts,
        (found, made): (&Tensor<2>, &Tensor<4>),
        truth: (&Tensor<2>, &Tensor<4>),
    ) {
        let s = &self.settings;
        let off = found.clone() - truth.0.clone();
        parts.add("loss/fit", s.fit, (off.clone() * off).mean());
        parts.add("loss/l1", s.l1, Distance::L1.of(made.clone(), truth.1.clone()));
        parts.add("loss/variation", s.variation, variation(made.clone()));
        parts.add("loss/symmetry", s.symmetry, asymmetry(made));
        if let Some(recognition) = &self.recognition {
            let sees = recognition.network().clone().no_grad();
            let features = |x: &Tensor<4>| sees.judge(x.clone().into(), None, None).features.value;
            let off = features(made) - features(truth.1).detach();
            parts.add("loss/identity", s.identity, (off.clone() * off).mean());
        }
    }
}

impl Play for Frontal {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn updates(&self) -> u64 {
        self.generator.updates()
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        let device = self.stage.plain();
        let [h, w, both] = self.stage.image_shape();
        let shape = [h, w, both / 2];
        let x: Tensor<4> = Tensor::zeros([1, h, w, both / 2], &device);
        let found = Tensor::zeros([1, self.stated.numbers()], &device);
        let mut networks = vec![
            self.reconstruction.info(|r| r.forward(x.clone())),
            self.generator.info(|g| g.forward_told(x.clone(), found, None)),
            self.critic.info(shape, 0, &device),
        ];
        networks.extend(
            self.recognition
                .iter()
                .map(|c| c.info(|c| c.judge(x.clone().into(), None, None))),
        );
        networks
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        let Some(batch) = batches.first() else {
            return Ok(Round::default());
        };
        let updates = self.updates();
        let now = Moment { updates, key, watch };
        let [given, truth] = sides(self.stage.items(batch));
        let stated = self.stated.heard(self.stated.of(&self.stage, batch)?);
        let (found, made) = self.made(&given);
        let mut parts = Parts::default();
        let told = self.recognize(batch, [&given, &truth])?;
        parts.scalars.extend(told.map(|loss| ("loss/recognition", loss)));
        let (data, samples) = (Shown::plain(truth.clone()), Shown::plain(made.clone()));
        let seen = self.critic.learn(data.clone(), samples.clone(), None, now)?;
        let samples = self
            .critic
            .shown(samples, updates, key.stream("noise for the generator"));
        parts.scalars.push(("loss/discriminator", seen.loss));
        parts.add(
            "loss/generator",
            self.settings.game,
            self.critic.persuade(&samples, Some(&data), None),
        );
        self.beside_the_game(&mut parts, (&found, &made), (&stated, &truth));
        let loss = parts.loss(&self.stage.device);
        critic::finite("the generator's loss", number(loss.clone()), now)?;
        // One backward pass serves both: R learns from what G makes of its coefficients, too.
        let mut gradients = [loss.backward()];
        self.reconstruction.update(&mut gradients, false);
        let gradient = self.generator.update(&mut gradients, watch).unwrap_or(f64::NAN);
        let spread = watch.then(|| diversity(made, truth));
        Ok(Round::of(parts.scalars, &self.critic, seen, gradient, spread))
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.reconstruction.save();
        parts.extend(self.generator.save());
        parts.extend(self.critic.save());
        parts.extend(self.recognition.iter().flat_map(Learner::save));
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.reconstruction.load(read, purpose)?;
        self.generator.load(read, purpose)?;
        self.critic.load(read, purpose)?;
        self.recognition
            .as_mut()
            .map_or(Ok(()), |c| c.load(read, purpose))
    }

    fn translates(&self) -> Option<&dyn Translates> {
        Some(self)
    }
}

impl Translates for Frontal {
    fn directions(&self) -> &[Direction] {
        &[Direction::AToB]
    }

    fn size(&self) -> Option<[usize; 2]> {
        let [h, w, _] = self.stage.image_shape();
        Some([h, w])
    }

    fn turn(&self, images: Tensor<4>, _: &Wanted, _: Drawn<'_>) -> Tensor<4> {
        let device = images.device();
        let (found, _) = self.reconstruction.for_use_on(&device).forward(images.clone());
        self.generator
            .for_use_on(&device)
            .forward_told(images, found, None)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::ff_gan::FfGan;
    use super::super::super::networks::TranslatorSizes;
    use super::super::super::networks::translator::unet;
    use super::*;
    use crate::{Model, Registered, Wish};
    use burn::tensor::TensorData;
    use menagerie_data::Kind;
    use menagerie_nn::NormOver;

    /// Faces are a bar of one of two brightnesses that stands aside; from the front it stands in the middle.
    fn batch(count: usize, key: Key) -> Batch {
        let mut rng = key.rng();
        let (mut values, mut labels, mut attributes) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..count {
            let (who, at) = (rng.below(2), rng.below(9));
            labels.push(who as u32);
            attributes.extend([at as f32 / 8.0, who as f32]);
            let light = [-0.1, 0.9][who];
            for i in 0..256 {
                let bar = |at: usize| {
                    if (at..at + 8).contains(&(i % 16)) {
                        light
                    } else {
                        -0.9
                    }
                };
                values.extend([bar(at), bar(4)]);
            }
        }
        Batch {
            kind: Kind::Pair,
            shape: vec![count, 16, 16, 2],
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
            kind: Kind::Pair,
            shape: vec![16, 16, 2],
            count: 100,
            range: (0.0, 255.0),
            labels: vec!["dark".into(), "bright".into()],
            attributes: vec!["aside".into(), "bright".into()],
            shares: vec![0.5; 2],
            ..DataInfo::default()
        }
    }

    fn config() -> Translation<FrontalSettings> {
        let mut config = FfGan::defaults();
        config.model = TranslatorSizes::Unet(unet::Sizes {
            width: 8,
            dropout: 0.0,
            norm: NormOver::Layer,
            ..Default::default()
        });
        config.critic.width = 4;
        config.translation.coefficients = vec!["aside".into(), "bright".into()];
        config.optimizer.generator.learning_rate = 2e-3;
        config
    }

    /// By hand: of two rows of two pixels the first is off by 1 when it is mirrored, the second by nothing.
    #[test]
    fn asymmetry_by_hand() {
        let data = TensorData::new(vec![0.0f32, 1.0, 0.5, 0.5], [1, 2, 2, 1]);
        let x = Tensor::<4>::from_data(data, &Device::flex());
        assert!((number(asymmetry(&x)) - 0.5).abs() < 1e-6);
    }

    /// The bar comes to the middle, as light as it was; what stands aside is found.
    #[test]
    fn what_is_aside_comes_to_the_front() {
        let device = Device::flex().autodiff();
        let mut game = config().frontal("ff_gan", &info(), &device, Key::new(1)).unwrap();
        let mut first = 0.0;
        let mut last = 0.0;
        for step in 0..150 {
            let key = Key::new(2).step(step);
            let report = game.step(&[batch(8, key)], key, false).unwrap();
            last = report.scalars.iter().find(|(n, _)| *n == "loss/fit").unwrap().1;
            if step == 0 {
                first = last;
            }
        }
        assert!(last < 0.3 * first, "coefficients: {first} {last}");
        let fresh = batch(8, Key::new(9));
        let t = game.as_translate().unwrap();
        let made = t
            .translate(&fresh.side(0), &Wish::side(Direction::AToB), Key::new(1))
            .unwrap();
        let far = |a: &[f32], b: &[f32]| -> f32 {
            a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f32>() / a.len() as f32
        };
        let (made, given) = (
            far(&made.values, &fresh.side(1).values),
            far(&fresh.side(0).values, &fresh.side(1).values),
        );
        assert!(made < 0.15 && made < 0.4 * given, "{made} {given}");
    }

    #[test]
    fn what_is_not_stated_is_refused() {
        let build = |change: &dyn Fn(&mut Translation<FrontalSettings>, &mut DataInfo)| {
            let (mut config, mut info) = (config(), info());
            change(&mut config, &mut info);
            let built = config.frontal("ff_gan", &info, &Device::flex().autodiff(), Key::new(1));
            built.err().map(|e| e.to_string()).unwrap_or_default()
        };
        let e = build(&|c, _| c.translation.coefficients = vec!["asied".into()]);
        assert!(
            e.contains("translation.coefficients") && e.contains("aside"),
            "{e}"
        );
        let e = build(&|_, i| i.labels.clear());
        assert!(e.contains("translation.identity=0"), "{e}");
        assert_eq!(
            build(&|c, i| (i.labels.clear(), c.translation.identity = 0.0).1),
            ""
        );
    }
}
