//! A game of two, and after it an encoder that learns to invert the generator, which stays as it is: the generator's samples go
//! through encoder and generator and must come back (Luo et al. 2017, arXiv:1703.10094, AEGAN):
//!
//! min_E  image E_z |G(E(G(z))) - G(z)|^2  +  latent E_z |E(G(z)) - z|^2
//!
//! The paper has the first term, which asks for no latent in particular where several give one image; the second one is beside it, and a third of data x
//! in the place of samples, which is iGAN's: E_x |G(E(x)) - x|^2.
use super::super::config::Config;
use super::super::game::{Draws, Game, Inverts, Play, Round, Sees, Stage, TwoPlayer, check_weights};
use super::duel::{Duel, latents};
use super::joint::EncoderNetwork;
use crate::{NetworkInfo, Part, Port, Purpose};
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo};
use menagerie_nn::{Init, Learner, Tensors, number, on_tape};
use serde::{Deserialize, Serialize};

/// `[inverse]`: how the encoder learns.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InverseSettings {
    /// updates of the game before
    pub from: u64,
    /// weight of the squared error of samples that come back, where images span 2, the mean over their numbers
    pub image: f64,
    /// weight of the squared error of their latents, the mean over their numbers (paper: 0)
    pub latent: f64,
    /// weight of the squared error of data that come back (Zhu et al. 2016, arXiv:1609.03552, equation 4)
    pub data: f64,
}

impl Default for InverseSettings {
    fn default() -> Self {
        InverseSettings {
            from: 4000,
            image: 1.0,
            latent: 0.0,
            data: 0.0,
        }
    }
}

impl InverseSettings {
    /// Refuses weights that are none, and none at all.
    ///
    /// # Errors
    /// [`Error::Recipe`].
    pub fn check(&self) -> Result<()> {
        check_weights([
            ("inverse.image", self.image),
            ("inverse.latent", self.latent),
            ("inverse.data", self.data),
        ])?;
        match self.image + self.latent + self.data > 0.0 {
            true => Ok(()),
            false => Err(Error::recipe(
                "inverse.image",
                "inverse.latent and inverse.data are 0, too, and the encoder learns nothing",
                "give one of them a weight",
            )),
        }
    }
}

/// See the module.
pub struct Inverse {
    duel: Duel,
    settings: InverseSettings,
    config: Config,
    encoder: Learner<EncoderNetwork>,
}

impl Config {
    /// Fresh networks: the game of two, and an encoder with the discriminator's layers.
    ///
    /// # Errors
    /// Those of [`Config::duel`]; for classes and codes, of which the encoder says nothing.
    pub fn inverse(
        &self,
        model: &'static str,
        settings: InverseSettings,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<Inverse>> {
        settings.check()?;
        for (key, on) in [
            ("condition", self.condition.is_some()),
            ("codes", self.codes.is_some()),
            ("game.bits", self.game.bits.is_some()),
            ("game.balance", self.game.balance.is_some()),
            ("game.freeze", self.game.freeze.is_some()),
        ] {
            if on {
                let problem = format!("{model} inverts a generator of latents alone");
                return Err(Error::recipe(key, problem, "leave it out"));
            }
        }
        let duel = self.duel_play(model, info, device, key)?;
        let at = Init::new(key.stream("encoder"), device);
        let encoder = EncoderNetwork::new(&self.model, info, (0, self.model.latent()), false, &at);
        let (optimizer, average) = (self.optimizer.generator, self.model.average());
        Ok(Game::new(Inverse {
            duel,
            settings,
            config: self.clone(),
            encoder: Learner::new("encoder", encoder, optimizer, average, device)?,
        }))
    }
}

/// The mean of squared differences.
fn square<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<1> {
    let off = a - b;
    (off.clone() * off).mean()
}

impl Play for Inverse {
    fn stage(&self) -> &Stage {
        self.duel.stage()
    }

    fn updates(&self) -> u64 {
        self.duel.updates() + self.encoder.updates()
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        let [h, w, c] = self.stage().image_shape();
        let x = Tensor::zeros([1, h, w, c], &self.stage().plain());
        let mut all = self.duel.networks();
        all.push(self.encoder.info(|e| e.forward(x)));
        all
    }

    fn batches_per_step(&self) -> usize {
        self.duel.batches_per_step()
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        if self.duel.updates() < self.settings.from {
            return self.duel.step(batches, key, watch);
        }
        let count = batches.first().map_or(0, |b| b.shape[0]);
        let generator = on_tape(self.duel.for_use());
        let (prior, latent) = (self.config.game.prior, self.config.model.latent());
        let z = latents(prior, count, latent, key.stream("latents"), &self.stage().device);
        let x = generator.forward(z.clone(), None).detach();
        let (found, _) = self.encoder.network().forward(x.clone());
        let s = &self.settings;
        let mut scalars = Vec::new();
        let mut add = |name, weight: f64, part: &dyn Fn() -> Tensor<1>| {
            (weight > 0.0).then(|| {
                let part = part();
                scalars.push((name, number(part.clone())));
                part * weight
            })
        };
        let images = add("loss/image", s.image, &|| {
            square(generator.forward(found.clone(), None), x.clone())
        });
        let codes = add("loss/latent", s.latent, &|| square(found.clone(), z.clone()));
        let data = add("loss/data", s.data, &|| {
            let x = self.stage().items(&batches[0]);
            let (found, _) = self.encoder.network().forward(x.clone());
            square(generator.forward(found, None), x)
        });
        let loss = [images, codes, data].into_iter().flatten().reduce(|a, b| a + b);
        if let Some(loss) = loss {
            let gradient = self.encoder.descend(loss, watch)?.gradient;
            scalars.extend(gradient.map(|g| ("gradient/encoder", g)));
        }
        Ok(Round {
            scalars,
            observation: None,
        })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.duel.save();
        parts.extend(self.encoder.save());
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.duel.load(read, purpose)?;
        match purpose {
            Purpose::Sample => Ok(()),
            _ => self.encoder.load(read, purpose),
        }
    }

    fn scores_items(&self) -> bool {
        self.duel.scores_items()
    }
    fn scores(&self, items: Tensor<4>, classes: Option<&[u32]>) -> Option<Vec<f32>> {
        self.duel.scores(items, classes)
    }
    fn two_player(&mut self) -> Option<&mut dyn TwoPlayer> {
        self.duel.two_player()
    }
    fn draws(&self) -> Option<&dyn Draws> {
        Some(self)
    }
    fn inverts(&self) -> Option<&dyn Inverts> {
        Some(self)
    }
    fn sees(&self) -> Option<&dyn Sees> {
        self.duel.sees()
    }
}

impl Draws for Inverse {
    fn latent(&self) -> usize {
        Draws::latent(&self.duel)
    }
    fn prior(&self, count: usize, key: Key) -> Tensor<2> {
        Draws::prior(&self.duel, count, key)
    }
    fn inputs(&self) -> Vec<Port> {
        self.duel.inputs()
    }
    fn draw(&self, latents: Tensor<2>, classes: Option<Tensor<2>>) -> Tensor<4> {
        self.duel.draw(latents, classes)
    }
    fn draw_truncated(&self, latents: Tensor<2>, classes: Option<Tensor<2>>, psi: f64) -> Tensor<4> {
        self.duel.draw_truncated(latents, classes, psi)
    }
    fn first_weights(&self) -> Option<Tensor<2>> {
        self.duel.first_weights()
    }
    fn differentiable(&self) -> Option<crate::Decoder<2>> {
        self.duel.differentiable()
    }
    fn styles(&self) -> Option<&dyn crate::Styles> {
        self.duel.styles()
    }
}

impl Inverts for Inverse {
    fn invert(&self, items: Tensor<4>) -> Tensor<2> {
        self.encoder.for_use_on(&items.device()).forward(items).0
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::networks::{Sizes, mlp};
    use super::*;
    use crate::Model;
    use menagerie_data::Kind;

    /// The generator stands still while the encoder learns, and latents of its samples come nearer to giving them back.
    #[test]
    fn the_encoder_comes_to_invert_a_generator_that_stands_still() {
        let mut config = Config::of(Sizes::Mlp(mlp::Sizes {
            latent: 2,
            width: 24,
            depth: 2,
            ..Default::default()
        }));
        config.optimizer.generator.learning_rate = 3e-3;
        let info = DataInfo {
            source: "test".into(),
            kind: Kind::Points,
            shape: vec![2],
            count: 100,
            range: (-1.0, 1.0),
            ..DataInfo::default()
        };
        let settings = InverseSettings {
            from: 3,
            ..InverseSettings::default()
        };
        let device = Device::flex().autodiff();
        let mut game = config
            .inverse("aegan", settings, &info, &device, Key::new(1))
            .unwrap();
        let mut rng = Key::new(2).rng();
        let batch = Batch {
            kind: Kind::Points,
            shape: vec![32, 2],
            values: (0..64).map(|_| rng.between(-1.0, 1.0) as f32).collect(),
            labels: None,
            attributes: vec![],
            captions: None,
            indices: (0..32).collect(),
        };
        let generator = |g: &Game<Inverse>| Tensors::of(g.play().duel.generator());
        let (mut before, mut losses) = (generator(&game), vec![]);
        for step in 0..300 {
            let report = game
                .step(std::slice::from_ref(&batch), Key::new(3).step(step), false)
                .unwrap();
            let now = generator(&game);
            assert_eq!(now != before, step < 3, "step {step}");
            before = now;
            losses.extend(report.get("loss/image"));
        }
        assert_eq!(losses.len(), 297);
        assert!(losses[290] < losses[0] / 3.0, "{} {}", losses[0], losses[290]);
        let nothing = InverseSettings {
            image: 0.0,
            ..settings
        };
        let refused = config
            .inverse("aegan", nothing, &info, &device, Key::new(1))
            .err()
            .expect("is refused");
        assert!(refused.to_string().contains("inverse.image"), "{refused}");
    }
}
