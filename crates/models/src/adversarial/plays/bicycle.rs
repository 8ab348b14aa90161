//! A generator that is given an image and a style, an encoder that finds the style of an image, and a critic for either way round
//! (Zhu et al. 2017, arXiv:1711.11586, BicycleGAN): where one image has many right answers, the style says which. With x the given
//! image, y the other, E its encoder, z a style:
//!
//! min_{G,E} max_{D,D'}  game (L_GAN(G(x, E(y)), D) + L_GAN(G(x, z), D'))  +  l1 ||y - G(x, E(y))||_1      (cVAE-GAN, equation 6)
//!   +  latent ||z - E(G(x, z))||_1  +  kl KL(E(y) || N(0, 1))                          (cLR-GAN, equations 7 and 8)
//!
//! G alone learns from the distance of styles, as the paper has it: otherwise it would agree with E on hiding them in the image.
use super::super::game::parts::Parts;
use super::super::game::{
    Critic, Game, Moment, Play, Round, Shown, Stage, Styled, Translates, critic, normal_by,
};
use super::super::networks::TranslatorNetwork;
use super::super::networks::summary::Summary;
use super::super::translation::{Distance, Settings, Translation, needs_pairs};
use super::paired::{GENERATOR, diversity, from_to};
use crate::variational::elbo::Gaussian;
use crate::{Direction, NetworkInfo, Part, Purpose};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo};
use menagerie_nn::{Init, Learner, Tensors, number};
use serde::{Deserialize, Serialize};

/// `[translation]` of a play with styles over pairs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BicycleSettings {
    /// `a2b`, from the left image to the right one, or `b2a`
    pub direction: Direction,
    /// numbers of a style (paper: 8)
    pub style: usize,
    /// channels of the encoder's first layer; they double with every halving, up to eight times as many (paper: 64)
    pub width: usize,
    /// weight of the games
    pub game: f64,
    /// weight of the distance to the true image (lambda; paper: 10)
    pub l1: f64,
    /// weight of the distance of a style to what is found of it (lambda_latent; paper: 0.5); 0 for a cVAE-GAN
    pub latent: f64,
    /// weight of the divergence of styles from the standard normal distribution (lambda_KL; paper: 0.01)
    pub kl: f64,
}

impl Default for BicycleSettings {
    fn default() -> Self {
        BicycleSettings {
            direction: Direction::AToB,
            style: 8,
            width: 64,
            // The paper's squares lack the half that the least-squares objective has.
            game: 2.0,
            l1: 10.0,
            latent: 0.5,
            kl: 0.01,
        }
    }
}

impl Settings for BicycleSettings {
    fn weights(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("translation.game", self.game),
            ("translation.l1", self.l1),
            ("translation.latent", self.latent),
            ("translation.kl", self.kl),
        ]
    }
    fn counts(&self) -> Vec<(&'static str, usize)> {
        vec![
            ("translation.style", self.style),
            ("translation.width", self.width),
        ]
    }
}

/// See the module.
pub struct Bicycle {
    stage: Stage,
    settings: BicycleSettings,
    generator: Learner<TranslatorNetwork>,
    encoder: Learner<Summary>,
    /// of images in the style of their true one, and of images in styles that were drawn
    critics: [Critic; 2],
}

const ENCODER: &str = "encoder";
const CRITICS: [&str; 2] = ["discriminator_encoded", "discriminator_drawn"];

impl Translation<BicycleSettings> {
    /// Fresh networks for pairs of that description.
    ///
    /// # Errors
    /// For settings that clash, and data that are no pairs.
    pub fn in_styles(
        &self,
        model: &'static str,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<Bicycle>> {
        self.check()?;
        self.hears()?;
        needs_pairs(model, info)?;
        let (shape, t) = (self.image(info)?, self.translation);
        // A mean and the logarithm of a variance for each number.
        let encoder = Summary::new(
            t.width,
            shape,
            2 * t.style,
            &Init::new(key.stream(ENCODER), device),
        );
        let critic = |name| self.of_patches(name, shape, device, key);
        Ok(Game::new(Bicycle {
            stage: Stage::new(model, info, device),
            settings: t,
            generator: self.translator(GENERATOR, (shape, t.style), device, key)?,
            encoder: self.learner(ENCODER, encoder, device)?,
            critics: [critic(CRITICS[0])?, critic(CRITICS[1])?],
        }))
    }
}

impl Play for Bicycle {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn updates(&self) -> u64 {
        self.generator.updates()
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        let device = self.stage.plain();
        let [h, w, c] = self.stage.image_shape();
        let x: Tensor<4> = Tensor::zeros([1, h, w, c / 2], &device);
        let style = Tensor::zeros([1, self.settings.style], &device);
        let mut networks = vec![
            self.generator.info(|g| g.forward_told(x.clone(), style, None)),
            self.encoder.info(|e| e.forward(x)),
        ];
        networks.extend(self.critics.iter().map(|d| d.info([h, w, c / 2], 0, &device)));
        networks
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        let Some(batch) = batches.first() else {
            return Ok(Round::default());
        };
        let (s, n, device) = (self.settings, batch.shape[0], self.stage.device.clone());
        let now = Moment {
            updates: self.updates(),
            key,
            watch,
        };
        let [given, truth] = from_to(self.stage.items(batch), s.direction);
        let keys = |name: &str| -> Vec<Key> {
            let key = key.stream(name);
            (0..n as u64).map(|i| key.step(i)).collect()
        };
        let style = Gaussian::of(self.encoder.network().forward(truth.clone()));
        let [encoded, drawn] = ["encoded", "drawn"].map(|name| normal_by(&keys(name), s.style, &device));
        let encoded = style.draw(encoded);
        // One pass serves both ways round.
        let both = self.generator.network().forward_told(
            Tensor::cat(vec![given.clone(), given], 0),
            Tensor::cat(vec![encoded, drawn.clone()], 0),
            Some(&[keys("noise"), keys("noise of the drawn")].concat()),
        );
        let made = [0, n].map(|from| both.clone().narrow(0, from, n));

        let mut parts = Parts::default();
        let data = Shown::plain(truth.clone());
        let mut seen = Vec::with_capacity(2);
        const GAMES: [&str; 2] = ["loss/generator-encoded", "loss/generator"];
        for (i, critic) in self.critics.iter_mut().enumerate() {
            let samples = Shown::plain(made[i].clone());
            let key = key.stream(CRITICS[i]);
            seen.push(critic.learn(data.clone(), samples.clone(), None, Moment { key, ..now })?);
            let shown = critic.shown(samples, now.updates, key.stream("noise for the generator"));
            parts.add(GAMES[i], s.game, critic.persuade(&shown, Some(&data), None));
        }
        let [rebuilt, made] = made;
        parts.add("loss/l1", s.l1, Distance::L1.of(rebuilt, truth.clone()));
        parts.add("loss/kl", s.kl, style.mean_divergence());
        if s.latent > 0.0 {
            let encoder = self.encoder.network().clone().no_grad();
            let found = Gaussian::of(encoder.forward(made.clone())).mean;
            parts.add("loss/latent", s.latent, (found - drawn).abs().mean());
        }
        let loss = parts.loss(&device);
        critic::finite("the loss of generator and encoder", number(loss.clone()), now)?;
        let mut gradients = [loss.backward()];
        let gradient = self.generator.update(&mut gradients, watch).unwrap_or(f64::NAN);
        self.encoder.update(&mut gradients, false);
        let spread = watch.then(|| diversity(made, truth));
        let of_drawn = seen.pop().unwrap_or_default();
        let mut scalars = parts.scalars;
        scalars.extend(seen.iter().map(|s| ("loss/discriminator-encoded", s.loss)));
        scalars.push(("loss/discriminator", of_drawn.loss));
        Ok(Round::of(scalars, &self.critics[1], of_drawn, gradient, spread))
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.generator.save();
        parts.extend(self.encoder.save());
        parts.extend(self.critics.iter().flat_map(Critic::save));
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.generator.load(read, purpose)?;
        self.encoder.load(read, purpose)?;
        self.critics.iter_mut().try_for_each(|d| d.load(read, purpose))
    }

    fn translates(&self) -> Option<&dyn Translates> {
        Some(self)
    }
}

impl Translates for Bicycle {
    fn directions(&self) -> &[Direction] {
        std::slice::from_ref(&self.settings.direction)
    }
    fn styled(&self) -> Option<&dyn Styled> {
        Some(self)
    }
}

impl Styled for Bicycle {
    fn numbers(&self) -> usize {
        self.settings.style
    }

    fn style_of(&self, images: Tensor<4>, _: Direction) -> Tensor<2> {
        Gaussian::of(self.encoder.for_use_on(&images.device()).forward(images)).mean
    }

    fn turn_in(&self, images: Tensor<4>, styles: Tensor<2>, _: Direction) -> Tensor<4> {
        self.generator
            .for_use_on(&images.device())
            .forward_told(images, styles, None)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::bicycle_gan::BicycleGan;
    use super::super::super::networks::TranslatorSizes;
    use super::super::super::networks::translator::unet;
    use super::*;
    use crate::{Model, Registered, Wish};
    use menagerie_data::Kind;
    use menagerie_nn::numbers;

    /// By hand: nothing to say of N(0, 1); of a mean of 2 and a variance of e in one number of each item.
    #[test]
    fn the_divergence_of_styles() {
        let of = |mean: f32, log: f32| {
            let full = |v| Tensor::<2>::full([3, 1], v, &Device::flex());
            let style = Gaussian {
                mean: full(mean),
                log_variance: full(log),
            };
            number(style.mean_divergence())
        };
        assert!(of(0.0, 0.0).abs() < 1e-6);
        let want = (4.0 + std::f64::consts::E - 1.0 - 1.0) / 2.0;
        assert!((of(2.0, 1.0) - want).abs() < 1e-5);
    }

    /// Waves, and the same half as high, as light or as dark as a coin says that the given image knows nothing of.
    fn pairs(count: usize, key: Key) -> Batch {
        let mut rng = key.rng();
        let mut values = Vec::new();
        for _ in 0..count {
            let (f, p) = (rng.between(0.2, 0.6), rng.between(0.0, 6.0));
            let light = if rng.chance(0.5) { 0.5 } else { -0.5 };
            for i in 0..256 {
                let v = 0.8 * (f * (i % 16) as f64 + p).sin();
                values.extend([v as f32, (0.5 * v + light) as f32]);
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

    /// What the given image does not tell, the style does: it is that of a reference, and differs from draw to draw.
    #[test]
    fn a_style_says_what_the_image_does_not() {
        let mut config = BicycleGan::defaults();
        config.model = TranslatorSizes::Unet(unet::Sizes {
            width: 8,
            dropout: 0.0,
            ..Default::default()
        });
        (config.critic.width, config.translation.width) = (4, 4);
        config.translation.style = 2;
        config.optimizer.generator.learning_rate = 2e-3;
        let info = DataInfo {
            source: "test".into(),
            kind: Kind::Pair,
            shape: vec![16, 16, 2],
            count: 100,
            range: (0.0, 255.0),
            ..DataInfo::default()
        };
        let device = Device::flex().autodiff();
        let mut game = config
            .in_styles("bicycle_gan", &info, &device, Key::new(1))
            .unwrap();
        for step in 0..120 {
            let key = Key::new(2).step(step);
            game.step(&[pairs(8, key)], key, false).unwrap();
        }
        let t = game.as_translate().unwrap();
        assert!(t.takes_reference() && t.draws());
        let given = pairs(8, Key::new(9)).side(0);
        let mean = |v: &[f32]| v.iter().sum::<f32>() / v.len() as f32;
        let like = |light: f32| {
            let reference = Batch {
                shape: vec![1, 16, 16, 1],
                values: vec![light; 256],
                indices: vec![0],
                ..given.clone()
            };
            let wish = Wish {
                reference: Some(&reference),
                ..Wish::side(Direction::AToB)
            };
            mean(&t.translate(&given, &wish, Key::new(1)).unwrap().values)
        };
        assert!(like(0.5) > like(-0.5) + 0.5, "{} {}", like(0.5), like(-0.5));
        let drawn = |key| {
            let made = t.translate(&given, &Wish::side(Direction::AToB), key).unwrap();
            made.values
        };
        let (a, b) = (drawn(Key::new(1)), drawn(Key::new(2)));
        let off = a.iter().zip(&b).map(|(a, b)| (a - b).abs()).sum::<f32>() / a.len() as f32;
        assert!(off > 0.05, "{off}");
        assert_eq!(drawn(Key::new(1)), a);
        // Several images are no reference.
        let wish = Wish {
            reference: Some(&given),
            ..Wish::side(Direction::AToB)
        };
        let e = t.translate(&given, &wish, Key::new(1)).unwrap_err().to_string();
        assert!(e.contains("8 images"), "{e}");
        let style = game
            .play()
            .style_of(Tensor::zeros([2, 16, 16, 1], &Device::flex()), Direction::AToB);
        assert_eq!(numbers(style).len(), 4);
    }
}
