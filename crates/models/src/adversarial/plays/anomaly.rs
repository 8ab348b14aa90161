//! The game of two on usual items, and how unusual another one is to it: by the usual item that is closest to it, which a search
//! among latents finds (Schlegl et al. 2017, arXiv:1703.05921, AnoGAN), or an encoder (Schlegl et al. 2019, f-AnoGAN).
use super::super::config::Config;
use super::super::game::{
    Detects, Draws, Game, Inverts, Moment, Play, Round, Sees, Stage, TwoPlayer, critic,
};
use super::super::networks::CriticNetwork;
use super::descent::descend;
use super::duel::{Duel, latents};
use super::joint::EncoderNetwork;
use crate::{Decoder, NetworkInfo, Part, Purpose};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo};
use menagerie_nn::{Init, Learner, Tensors, number, numbers, on_tape};
use serde::{Deserialize, Serialize};

/// `[anomaly]`: how the closest usual item is found, and how far it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// updates of an item's latent (paper: 500)
    pub search: usize,
    /// Adam's learning rate for these
    pub rate: f64,
    /// weight of the critic's features in the score, beside 1 minus it of the item itself (lambda; paper: 0.1)
    pub features: f64,
    /// an encoder learns beside the game and takes the place of the search (f-AnoGAN)
    pub encoder: bool,
    /// weight of the critic's features in the encoder's loss and score, beside 1 of the item itself (kappa; paper: 1)
    pub kappa: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            search: 500,
            rate: 0.02,
            features: 0.1,
            encoder: false,
            kappa: 1.0,
        }
    }
}

impl Settings {
    /// Refuses what is out of range.
    ///
    /// # Errors
    /// [`Error::Recipe`] with the key.
    pub fn check(&self) -> Result<()> {
        let refuse =
            |key: &str, v: f64, fix: &str| Err(Error::recipe(key, format!("{v} is out of range"), fix));
        if self.search > 100_000 {
            return refuse(
                "anomaly.search",
                self.search as f64,
                "give 100000 at most; the paper has 500",
            );
        }
        if !(self.rate.is_finite() && self.rate > 0.0) {
            return refuse("anomaly.rate", self.rate, "give a learning rate, such as 0.02");
        }
        if !(0.0..=1.0).contains(&self.features) {
            return refuse(
                "anomaly.features",
                self.features,
                "give a share, such as the paper's 0.1",
            );
        }
        if !(self.kappa.is_finite() && self.kappa >= 0.0) {
            return refuse(
                "anomaly.kappa",
                self.kappa,
                "give a weight, such as the paper's 1",
            );
        }
        Ok(())
    }
}

/// See the module.
pub struct Detector {
    duel: Duel,
    settings: Settings,
    encoder: Option<Learner<EncoderNetwork>>,
}

impl Config {
    /// Fresh networks for data of that description, and the game of two on what is usual.
    ///
    /// # Errors
    /// For settings that clash and data that the networks cannot take.
    pub fn detector(
        &self,
        settings: Settings,
        model: &'static str,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<Detector>> {
        settings.check()?;
        self.model.check(model, info)?;
        if self.game.bits.is_some() {
            let problem = "no gradient comes back to a latent through samples that are black or white";
            return Err(Error::recipe("game.bits", problem, "leave it out"));
        }
        let encoder = || {
            let at = Init::new(key.stream("encoder"), device);
            let network = EncoderNetwork::new(&self.model, info, (0, self.model.latent()), false, &at);
            let (optimizer, average) = (self.optimizer.generator, self.model.average());
            Learner::new("encoder", network, optimizer, average, device)
        };
        let encoder = if settings.encoder { Some(encoder()?) } else { None };
        let duel = self.duel(model, info, device, key)?;
        Ok(duel.map(|duel| Detector {
            duel,
            settings,
            encoder,
        }))
    }
}

/// The two networks held fixed, on a tape.
struct Fixed {
    decode: Decoder<2>,
    critic: CriticNetwork,
}

impl Fixed {
    /// What the critic's last layer sees of items, `[batch, features]`.
    fn features(&self, x: &Tensor<4>) -> Tensor<2> {
        let last = self.critic.layers(x.clone()).pop();
        last.unwrap_or_else(|| x.clone()).flatten(1, 3)
    }
}

impl Detector {
    fn fixed(&self) -> Fixed {
        Fixed {
            decode: self.duel.differentiable().expect("refused when it was built"),
            critic: on_tape(self.duel.critic().network().valid()),
        }
    }

    /// One update of the encoder, the others held fixed (f-AnoGAN, equation 3, izi_f):
    /// ||x - G(E(x))||^2 / n + kappa ||f(x) - f(G(E(x)))||^2 / n_f, f the critic's last layer.
    fn update_encoder(&mut self, batch: &Batch, now: Moment) -> Result<Option<f64>> {
        let fixed = self.fixed();
        let Some(encoder) = &mut self.encoder else {
            return Ok(None);
        };
        let x = self.duel.stage().items(batch);
        let back = (fixed.decode)(encoder.network().forward(x.clone()).0);
        let of_features = (fixed.features(&x) - fixed.features(&back)).powi_scalar(2).mean();
        let loss = (x - back).powi_scalar(2).mean() + of_features * self.settings.kappa;
        let value = number(loss.clone());
        critic::finite("the encoder's loss", value, now)?;
        encoder.update(&mut [loss.backward()], false);
        Ok(Some(value))
    }

    /// How far items are from others, an item each, `[batch, 1]`. Of the search, with sums of absolute differences: (1 - lambda)
    /// |x - G(z)| + lambda |f(x) - f(G(z))| (AnoGAN, equations 3 to 6); of an encoder, the terms of its loss.
    fn apart(&self, fixed: &Fixed, x: &Tensor<4>, seen: &Tensor<2>, other: &Tensor<4>) -> Tensor<2> {
        let items = (x.clone() - other.clone()).flatten::<2>(1, 3);
        let features = seen.clone() - fixed.features(other);
        match &self.encoder {
            None => {
                let share = self.settings.features;
                items.abs().sum_dim(1) * (1.0 - share) + features.abs().sum_dim(1) * share
            }
            Some(_) => {
                items.powi_scalar(2).mean_dim(1) + features.powi_scalar(2).mean_dim(1) * self.settings.kappa
            }
        }
    }

    /// The latents whose items are closest to these, by Adam from a draw of each item's key; items on a tape.
    fn search(&self, fixed: &Fixed, x: &Tensor<4>, seen: &Tensor<2>, keys: &[Key]) -> Tensor<2> {
        let prior = self.duel.prior_of_latents();
        let (latent, plain) = (Draws::latent(&self.duel), self.duel.stage().plain());
        let start = |key: &Key| latents(prior, 1, latent, key.stream("start"), &plain);
        let z = Tensor::cat(keys.iter().map(start).collect(), 0);
        let how = (self.settings.search, self.settings.rate);
        descend(z, how, |z| self.apart(fixed, x, seen, &(fixed.decode)(z)).sum())
    }
}

impl Detects for Detector {
    fn unusual(&self, items: Tensor<4>, keys: &[Key]) -> Vec<f64> {
        let fixed = self.fixed();
        let x = Tensor::from_inner(items.clone());
        let seen = fixed.features(&x);
        let z = match &self.encoder {
            Some(encoder) => encoder.for_use().forward(items).0,
            None => self.search(&fixed, &x, &seen, keys),
        };
        let closest = (fixed.decode)(Tensor::from_inner(z));
        let apart = self.apart(&fixed, &x, &seen, &closest);
        numbers(apart).into_iter().map(f64::from).collect()
    }
}

impl Inverts for Detector {
    fn invert(&self, items: Tensor<4>) -> Tensor<2> {
        let encoder = self.encoder.as_ref().expect("asked only where there is one");
        encoder.for_use_on(&items.device()).forward(items).0
    }
}

impl Play for Detector {
    fn stage(&self) -> &Stage {
        self.duel.stage()
    }
    fn updates(&self) -> u64 {
        self.duel.updates()
    }
    fn batches_per_step(&self) -> usize {
        self.duel.batches_per_step()
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        let [h, w, c] = self.stage().image_shape();
        let x = Tensor::zeros([1, h, w, c], &self.stage().plain());
        let mut all = self.duel.networks();
        all.extend(self.encoder.iter().map(|e| e.info(|e| e.forward(x.clone()))));
        all
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        let updates = self.updates();
        let mut round = self.duel.step(batches, key, watch)?;
        if let Some(batch) = batches.last().filter(|_| self.encoder.is_some()) {
            let loss = self.update_encoder(batch, Moment { updates, key, watch })?;
            round.scalars.extend(loss.map(|l| ("loss/encoder", l)));
        }
        Ok(round)
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.duel.save();
        parts.extend(self.encoder.iter().flat_map(Learner::save));
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        if let Some(encoder) = self.encoder.as_mut().filter(|_| purpose != Purpose::Sample) {
            encoder.load(read, purpose)?;
        }
        self.duel.load(read, purpose)
    }

    fn scores_items(&self) -> bool {
        self.duel.scores_items()
    }
    fn scores(&self, items: Tensor<4>, classes: Option<&[u32]>) -> Option<Vec<f32>> {
        self.duel.scores(items, classes)
    }
    fn two_player(&mut self) -> Option<&mut dyn TwoPlayer> {
        match self.encoder {
            Some(_) => None,
            None => self.duel.two_player(),
        }
    }
    fn draws(&self) -> Option<&dyn Draws> {
        Some(&self.duel)
    }
    fn sees(&self) -> Option<&dyn Sees> {
        Some(&self.duel)
    }
    fn inverts(&self) -> Option<&dyn Inverts> {
        self.encoder.as_ref().map(|_| self as &dyn Inverts)
    }
    fn detects(&self) -> Option<&dyn Detects> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::ano_gan::AnoGan;
    use super::super::super::networks::{Sizes, mlp};
    use super::*;
    use crate::{Model, Registered};
    use menagerie_data::Kind;

    /// Points on the left half of a circle are usual; on the right one there are none.
    fn batch(count: u32, left: bool, key: Key) -> Batch {
        let mut rng = key.rng();
        let mut values = Vec::new();
        for _ in 0..count {
            let angle = rng.between(-1.2, 1.2) + if left { std::f64::consts::PI } else { 0.0 };
            values.extend([angle.cos() as f32, angle.sin() as f32]);
        }
        Batch {
            kind: Kind::Points,
            shape: vec![count as usize, 2],
            values,
            labels: None,
            attributes: vec![],
            captions: None,
            indices: (0..count).collect(),
        }
    }

    fn info() -> DataInfo {
        DataInfo {
            source: "test".into(),
            kind: Kind::Points,
            shape: vec![2],
            count: 100,
            range: (-1.0, 1.0),
            ..DataInfo::default()
        }
    }

    fn trained(encoder: bool) -> Box<dyn Model> {
        let mut config = AnoGan::defaults();
        config.model = Sizes::Mlp(mlp::Sizes {
            width: 32,
            depth: 2,
            latent: 3,
            ..Default::default()
        });
        config.anomaly = Settings {
            search: 60,
            rate: 0.1,
            encoder,
            ..Settings::default()
        };
        config.optimizer.generator.learning_rate = 1e-3;
        config.optimizer.discriminator.learning_rate = 1e-3;
        let device = Device::flex().autodiff();
        let mut model = AnoGan::build(config, &info(), &device, Key::new(1)).unwrap();
        for step in 0..400 {
            let key = Key::new(2).step(step);
            model.step(&[batch(32, true, key)], key, false).unwrap();
        }
        model
    }

    /// What lies where nothing was has the larger scores, by the search and by the encoder; a score is the item's own.
    #[test]
    fn what_was_never_seen_is_unusual() {
        for encoder in [false, true] {
            let model = trained(encoder);
            let a = model.as_anomaly().unwrap();
            let of = |left: bool| a.anomaly(&batch(40, left, Key::new(9)), Key::new(5)).unwrap();
            let (usual, unusual) = (of(true), of(false));
            let above = |v: &f64| usual.iter().filter(|u| *u < v).count();
            let pairs: usize = unusual.iter().map(above).sum();
            assert!(pairs > 1500, "{pairs} of 1600 pairs in order, encoder: {encoder}");
            let few = a.anomaly(&batch(3, true, Key::new(9)), Key::new(5)).unwrap();
            for (one, all) in few.iter().zip(&usual) {
                assert!((one - all).abs() < 1e-3 * (1.0 + all), "{one} {all}");
            }
            assert_eq!(model.as_encode().is_some(), encoder);
        }
    }

    /// The search comes closer than where it began.
    #[test]
    fn the_search_descends() {
        let score = |search: usize| {
            let mut config = AnoGan::defaults();
            config.model = Sizes::Mlp(mlp::Sizes {
                width: 16,
                depth: 2,
                latent: 3,
                ..Default::default()
            });
            config.anomaly.search = search;
            config.anomaly.rate = 0.1;
            let device = Device::flex().autodiff();
            let model = AnoGan::build(config, &info(), &device, Key::new(1)).unwrap();
            let a = model.as_anomaly().unwrap();
            let found = a.anomaly(&batch(20, true, Key::new(3)), Key::new(4)).unwrap();
            found.iter().sum::<f64>()
        };
        let (at_first, found) = (score(0), score(100));
        assert!(found < 0.8 * at_first, "{at_first} {found}");
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        for (key, value) in [("features", 1.5), ("rate", 0.0), ("kappa", -1.0)] {
            let e = crate::registry::refusal("ano_gan", "anomaly", key, value.into());
            assert!(e.contains(&format!("anomaly.{key}")), "{e}");
        }
    }
}
