//! A generator and a discriminator, and an encoder that is a layer on top of what the discriminator sees (Brock, Lim, Ritchie, Weston
//! 2016, arXiv:1609.07093, IAN). With f the discriminator's features, q(z | x) = N(mean(f(x)), deviation(f(x))), x' = G(z) for z from
//! q(z | x), x_p = G(z_p) for z_p from the prior, and a discriminator of three classes, 1: samples, 2: reconstructions, 3: data:
//!
//! L_D  = -E log D_1(x_p) - E log D_2(x') - E log D_3(x)
//! L_GE = game (-E log D_3(x_p) - E log D_3(x'))  +  image E |x - x'|  +  features E |f(x) - f(x')|^2  +  kl KL(q(z | x) || N(0, 1))
//!
//! The encoder's layer learns by L_GE; what it stands on is the discriminator's, which learns by L_D alone.
use super::super::Optimizers;
use super::super::config::Prior;
use super::super::game::parts::Parts;
use super::super::game::penalty::Orthogonal;
use super::super::game::{Draws, Game, Inverts, Moment, Play, Round, Sees, Stage, check_weights, critic};
use super::super::networks::{GeneratorNetwork, Sizes, Told};
use super::duel::{latents, port_of};
use super::ternary::Ternary;
use crate::{Decoder, NetworkInfo, Part, Port, Purpose};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_kernels::noise;
use menagerie_nn::{Activation, Init, Learner, Linear, Tensors, number, on_tape};
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is the model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntrospectiveConfig {
    /// `[model]`: generator and discriminator
    pub model: Sizes,
    /// `[introspection]`: weights of the losses
    #[serde(default)]
    pub introspection: Introspection,
    /// `[optimizer]`: the encoder's layer learns as fast as the generator
    #[serde(default)]
    pub optimizer: Optimizers,
}

/// `[introspection]`: weights of the losses.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Introspection {
    /// of the game
    pub game: f64,
    /// of the distance of reconstructions, the mean over an image's numbers (the authors' code: 3)
    pub image: f64,
    /// of the squared distance of the discriminator's features, the mean over them
    pub features: f64,
    /// of the divergence from the prior, the mean over a latent's numbers
    pub kl: f64,
    /// of the angles between the columns of the generator's weights (section 3.3; here without the columns' lengths, as BigGAN has it)
    pub orthogonal: f64,
}

impl Default for Introspection {
    fn default() -> Self {
        Introspection {
            game: 1.0,
            image: 3.0,
            features: 1.0,
            kl: 1.0,
            orthogonal: 1e-4,
        }
    }
}

/// The encoder's layer: mean and logarithm of the deviation of latents, read off the discriminator's features.
#[derive(Module, Debug)]
pub struct Introspector {
    mean: Linear,
    deviation: Linear,
}

impl Introspector {
    fn new(features: usize, latent: usize, at: &Init) -> Self {
        let layer = |name: &str| Linear::of([features, latent]).init(&at.at(name));
        Introspector {
            mean: layer("mean"),
            deviation: layer("deviation"),
        }
    }

    fn mean(&self, features: Tensor<2>) -> Tensor<2> {
        self.mean.forward(features, Activation::Identity)
    }

    /// Mean and logarithm of the deviation.
    fn both(&self, features: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        let log = self.deviation.forward(features.clone(), Activation::Identity);
        (self.mean(features), log.clamp(-6.0, 2.0))
    }
}

const GENERATOR: &str = "generator";
const ENCODER: &str = "encoder";

/// See the module.
pub struct Introspective {
    stage: Stage,
    settings: Introspection,
    latent: usize,
    generator: Learner<GeneratorNetwork>,
    encoder: Learner<Introspector>,
    discriminator: Ternary,
    features: usize,
}

impl IntrospectiveConfig {
    /// Refuses weights that are none.
    ///
    /// # Errors
    /// [`Error::Recipe`].
    pub fn check(&self) -> Result<()> {
        let s = &self.introspection;
        check_weights([
            ("introspection.game", s.game),
            ("introspection.image", s.image),
            ("introspection.features", s.features),
            ("introspection.kl", s.kl),
            ("introspection.orthogonal", s.orthogonal),
            ("model.average", self.model.average()),
        ])
    }

    /// Fresh networks for images.
    ///
    /// # Errors
    /// For settings that are out of range, and for other data.
    pub fn introspective(
        &self,
        model: &'static str,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<Introspective>> {
        self.check()?;
        if matches!(self.model, Sizes::Coupled(_) | Sizes::Progan(_) | Sizes::Video(_)) {
            let problem = format!("{model} has one image an item, of one size");
            return Err(Error::recipe(
                "model.architecture",
                problem,
                "set model.architecture=dcgan",
            ));
        }
        if !matches!(info.kind, Kind::Image | Kind::Points) {
            let problem = format!("{model} learns from images, and these are {}", info.kind.plural());
            return Err(Error::data(&info.source, problem, "choose a source of images"));
        }
        self.model.check(model, info)?;
        let latent = self.model.latent();
        let at = |name: &str| Init::new(key.stream(name), device);
        let generator = self.model.generator(info, Told::default(), &at(GENERATOR));
        let o = &self.optimizer;
        let discriminator = Ternary::new(
            &self.model,
            info,
            o.discriminator,
            device,
            &at(critic::DISCRIMINATOR),
        )?;
        let features = self.model.trunk(info, 0, &at(critic::DISCRIMINATOR)).features();
        let encoder = Introspector::new(features, latent, &at(ENCODER));
        let average = self.model.average();
        Ok(Game::new(Introspective {
            stage: Stage::new(model, info, device),
            settings: self.introspection,
            latent,
            generator: Learner::new(GENERATOR, generator, o.generator, average, device)?,
            encoder: Learner::new(ENCODER, encoder, o.generator, average, device)?,
            discriminator,
            features,
        }))
    }
}

impl Introspective {
    /// KL(N(mean, deviation) || N(0, 1)), the mean over all numbers.
    fn divergence(mean: &Tensor<2>, log: &Tensor<2>) -> Tensor<1> {
        let terms = mean.clone().powi_scalar(2) + (log.clone() * 2.0).exp() - log.clone() * 2.0 - 1.0;
        terms.mean() * 0.5
    }

    fn drawn(&self, count: usize, key: Key, device: &Device) -> Tensor<2> {
        latents(Prior::Normal, count, self.latent, key.stream("latents"), device)
    }
}

impl Play for Introspective {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn updates(&self) -> u64 {
        self.generator.updates()
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        let device = self.stage.plain();
        let [h, w, c] = self.stage.image_shape();
        let zeros = |n: usize| Tensor::zeros([1, n], &device);
        vec![
            self.generator.info(|g| g.forward(zeros(self.latent), None)),
            self.encoder.info(|e| e.both(zeros(self.features))),
            self.discriminator.info(Tensor::zeros([1, h, w, c], &device)),
        ]
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        let Some(batch) = batches.first() else {
            return Ok(Round::default());
        };
        let updates = self.updates();
        let now = Moment { updates, key, watch };
        let (x, s) = (self.stage.items(batch), self.settings);
        let n = batch.shape[0];
        let seen = |x: &Tensor<4>, d: &super::super::networks::CriticNetwork| {
            d.judge(x.clone().into(), None, None).features.value
        };
        let d = self.discriminator.fixed();
        let (mean, log) = self.encoder.network().both(seen(&x, &d).detach());
        let e: Tensor<2> = noise::normal(key.stream("posterior").words(), mean.dims(), &x.device());
        let generator = self.generator.network();
        let back = generator.forward(mean.clone() + log.clone().exp() * e, None);
        let sample = generator.forward(self.drawn(n, key, &x.device()), None);
        let told = self.discriminator.learn(&sample, &back, &x)?;
        let d = self.discriminator.fixed();
        let mut parts = Parts::default();
        let game = Ternary::persuade(&d, sample.clone()) + Ternary::persuade(&d, back.clone());
        parts.add("loss/generator", s.game, game);
        parts.add("loss/image", s.image, (back.clone() - x.clone()).abs().mean());
        let off = seen(&back, &d) - seen(&x, &d).detach();
        parts.add("loss/features", s.features, off.powi_scalar(2).mean());
        parts.add("loss/kl", s.kl, Introspective::divergence(&mean, &log));
        parts.scalars.push(("loss/discriminator", told));
        let loss = parts.loss(&x.device());
        critic::finite("the loss of generator and encoder", number(loss.clone()), now)?;
        // One backward pass serves both; each takes its own weights' gradients out of it.
        let mut gradients = vec![loss.backward()];
        self.encoder.update(&mut gradients, false);
        let orthogonal = Orthogonal { weight: s.orthogonal };
        if s.orthogonal > 0.0 {
            gradients.extend(orthogonal.gradients(self.generator.network()).map(|(g, _)| g));
        }
        let gradient = self.generator.update(&mut gradients, watch);
        let mut scalars = parts.scalars;
        scalars.extend(gradient.map(|g| ("gradient/generator", g)));
        if watch {
            scalars.push(("diversity", self.stage.diversity(&sample.inner(), batch)));
        }
        Ok(Round {
            scalars,
            observation: None,
        })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.generator.save();
        parts.extend(self.encoder.save());
        parts.extend(self.discriminator.save());
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.generator.load(read, purpose)?;
        match purpose {
            Purpose::Sample => Ok(()),
            _ => {
                self.encoder.load(read, purpose)?;
                self.discriminator.load(read, purpose)
            }
        }
    }

    fn draws(&self) -> Option<&dyn Draws> {
        Some(self)
    }
    fn inverts(&self) -> Option<&dyn Inverts> {
        Some(self)
    }
    fn sees(&self) -> Option<&dyn Sees> {
        Some(self)
    }
}

impl Draws for Introspective {
    fn latent(&self) -> usize {
        self.latent
    }
    fn prior(&self, count: usize, key: Key) -> Tensor<2> {
        self.drawn(count, key, &self.stage.plain())
    }
    fn inputs(&self) -> Vec<Port> {
        vec![port_of(Prior::Normal, self.latent)]
    }
    fn draw(&self, latents: Tensor<2>, _: Option<Tensor<2>>) -> Tensor<4> {
        let network = self.generator.for_use_on(&latents.device());
        network.forward(latents, None)
    }
    fn first_weights(&self) -> Option<Tensor<2>> {
        self.generator.network().clone().no_grad().first_weights()
    }
    fn differentiable(&self) -> Option<Decoder<2>> {
        let network = on_tape(self.generator.for_use());
        Some(Box::new(move |z| network.forward(z, None)))
    }
}

impl Inverts for Introspective {
    fn invert(&self, items: Tensor<4>) -> Tensor<2> {
        let device = items.device();
        let seen = self
            .discriminator
            .for_use_on(&device)
            .judge(items.into(), None, None);
        self.encoder.for_use_on(&device).mean(seen.features.value)
    }
}

impl Sees for Introspective {
    fn layers(&self, items: Tensor<4>) -> Vec<Tensor<4>> {
        self.discriminator.for_use_on(&items.device()).layers(items)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::networks::dcgan;
    use super::*;
    use crate::Model;
    use menagerie_nn::numbers;

    /// Images that are light on one half, in some of four places.
    fn batch(count: usize, key: Key) -> Batch {
        let mut rng = key.rng();
        let values = (0..count).flat_map(|_| {
            let place = rng.below(4);
            (0..64).map(move |i| {
                if (i % 8 / 4) + 2 * (i / 32) == place {
                    0.8f32
                } else {
                    -0.8
                }
            })
        });
        Batch {
            kind: Kind::Image,
            shape: vec![count, 8, 8, 1],
            values: values.collect(),
            labels: None,
            attributes: vec![],
            captions: None,
            indices: (0..count as u32).collect(),
        }
    }

    fn game() -> Game<Introspective> {
        let info = DataInfo {
            source: "test".into(),
            kind: Kind::Image,
            shape: vec![8, 8, 1],
            count: 100,
            range: (0.0, 255.0),
            ..DataInfo::default()
        };
        let mut config = IntrospectiveConfig {
            model: Sizes::Dcgan(dcgan::Sizes {
                width: 8,
                latent: 8,
                average: 0.9,
                ..Default::default()
            }),
            introspection: Introspection::default(),
            optimizer: Optimizers::default(),
        };
        config.optimizer.generator.learning_rate = 2e-3;
        config.optimizer.discriminator.learning_rate = 5e-4;
        let device = Device::flex().autodiff();
        config.introspective("ian", &info, &device, Key::new(1)).unwrap()
    }

    /// What the discriminator sees of an image is enough to give it back, though the discriminator has not learned that; the encoder's
    /// loss does not reach it.
    #[test]
    fn the_discriminator_sees_enough() {
        let mut game = game();
        for step in 0..250 {
            let key = Key::new(2).step(step);
            game.step(&[batch(16, key)], key, false).unwrap();
        }
        let fresh = batch(16, Key::new(9));
        let play = game.play();
        let x = play.stage.items(&fresh).inner();
        let back = play.draw(play.invert(x.clone()), None);
        let apart = |y: Tensor<4>| number((x.clone() - y).abs().mean());
        let (error, others) = (apart(back), apart(x.clone().flip([0])));
        assert!(error < 0.5 * others, "{error}, of others {others}");
    }

    /// By hand: KL(N(1, e) || N(0, 1)) = (1 + e^2 - 2 - 1) / 2, and none from the prior itself.
    #[test]
    fn divergences_by_hand() {
        let of = |v: f32| Tensor::<2>::full([2, 3], v, &Device::flex());
        let found = numbers(Introspective::divergence(&of(1.0), &of(1.0)))[0];
        assert!((found - (1f32.exp().powi(2) - 2.0) / 2.0).abs() < 1e-5, "{found}");
        assert_eq!(numbers(Introspective::divergence(&of(0.0), &of(0.0)))[0], 0.0);
    }
}
