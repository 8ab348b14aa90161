//! A generator from one side to the other whose patches must stay recognizable, and a critic of the other side: one way, without a
//! way back (Park et al. 2020, arXiv:2007.15651, CUT). What the generator's first half sees at a place of the translation must be
//! nearer to what it sees at that place of the image than to what it sees at its other places:
//!
//! game L_GAN(G, D)  +  nce L_PatchNCE(G, H, X)  +  nce identity L_PatchNCE(G, H, Y)                  (equation 5)
//!
//! L_PatchNCE = E sum over levels l, places s of  cross-entropy of (v v+ / t, v v-_1 / t, ..)          (equations 3 and 4)
//!
//! with v of the translation, v+ of the same place of the image and v- of other places, all brought to length one by a small head H
//! for each level.
use super::super::game::contrast::unit;
use super::super::game::{Critic, Game, Moment, Play, Round, Shown, Stage, Translates, Wanted, critic};
use super::super::networks::TranslatorNetwork;
use super::super::networks::translator::Drawn;
use super::super::translation::{Settings, Translation, needs_sides};
use super::paired::{GENERATOR, diversity, from_to};
use crate::{Direction, NetworkInfo, Part, Purpose};
use burn::module::Module;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo};
use menagerie_nn::{Activation, Init, Learner, Linear, Tensors, Weights, number};
use serde::{Deserialize, Serialize};

/// `[translation]` of a play by patches.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContrastiveSettings {
    /// `a2b` or `b2a`
    pub direction: Direction,
    /// weight of the game
    pub game: f64,
    /// weight of the patches (lambda_X; paper: 1, and 10 for its faster variant)
    pub nce: f64,
    /// the same of images that are of the other side already, as a share of `nce` (paper: 1; 0 for none)
    pub identity: f64,
    /// places of an image that are compared at each level (paper: 256)
    pub patches: usize,
    /// numbers that the heads describe a place by (paper: 256)
    pub features: usize,
    /// what similarities are divided by (paper: 0.07)
    pub temperature: f64,
}

impl Default for ContrastiveSettings {
    fn default() -> Self {
        ContrastiveSettings {
            direction: Direction::AToB,
            // The paper's squares lack the half that the least-squares objective has.
            game: 2.0,
            nce: 1.0,
            identity: 1.0,
            patches: 256,
            features: 256,
            temperature: 0.07,
        }
    }
}

impl Settings for ContrastiveSettings {
    fn weights(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("translation.game", self.game),
            ("translation.nce", self.nce),
            ("translation.identity", self.identity),
            ("translation.temperature", self.temperature),
        ]
    }
    fn counts(&self) -> Vec<(&'static str, usize)> {
        vec![
            ("translation.patches", self.patches),
            ("translation.features", self.features),
        ]
    }
}

/// Two layers for each level: what is seen at a place, as a few numbers of length one.
#[derive(Module, Debug)]
pub struct Heads {
    first: Vec<Linear>,
    second: Vec<Linear>,
}

impl Heads {
    fn new(channels: &[usize], features: usize, init: &Init) -> Self {
        let layer = |name: &str, i: usize, from: usize| {
            let of = Linear::of([from, features]).weights(Weights::He(1.0));
            of.init(&init.at(name).nth(i))
        };
        let channels = || channels.iter().enumerate();
        Heads {
            first: channels().map(|(i, &c)| layer("first", i, c)).collect(),
            second: channels().map(|(i, _)| layer("second", i, features)).collect(),
        }
    }

    /// What is seen at these places of each image, `[batch, height, width, channel]` -> `[batch, places, features]`.
    fn forward(&self, level: usize, seen: Tensor<4>, places: Tensor<1, Int>) -> Tensor<3> {
        let [n, h, w, c] = seen.dims();
        let picked = seen.reshape([n, h * w, c]).select(1, places.clone());
        let p = places.dims()[0];
        let x = picked.reshape([n * p, c]);
        let x = self.first[level].forward(x, Activation::Relu);
        let x = unit(self.second[level].forward(x, Activation::Identity));
        let features = x.dims()[1];
        x.reshape([n, p, features])
    }
}

/// The cross-entropy of finding each place among those of its own image: `of` and `among` are `[batch, places, features]`.
fn patch_loss(of: Tensor<3>, among: Tensor<3>, temperature: f64) -> Tensor<1> {
    let [n, p, _] = of.dims();
    let logits = of.matmul(among.swap_dims(1, 2)) / temperature;
    let right = Tensor::<2>::eye(p, &logits.device()).unsqueeze::<3>();
    (log_softmax(logits, 2) * right).sum() / -((n * p) as f64)
}

/// See the module.
pub struct Contrastive {
    stage: Stage,
    settings: ContrastiveSettings,
    generator: Learner<TranslatorNetwork>,
    heads: Learner<Heads>,
    critic: Critic,
}

impl Translation<ContrastiveSettings> {
    /// Fresh networks for images of two sides.
    ///
    /// # Errors
    /// For settings that clash, and data without two sides.
    pub fn by_patches(
        &self,
        model: &'static str,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<Contrastive>> {
        self.check()?;
        needs_sides(model, info)?;
        let t = self.translation;
        for (name, value) in [
            ("translation.game", t.game),
            ("translation.temperature", t.temperature),
        ] {
            if value == 0.0 {
                return Err(Error::recipe(name, "0 leaves nothing to learn by", "give more"));
            }
        }
        let shape = self.image(info)?;
        let generator = self.translator(GENERATOR, (shape, 0), device, key)?;
        let side = generator.network().multiple();
        let nothing = Tensor::zeros([1, side, side, shape[2]], device);
        let seen = generator.network().encoded(nothing);
        let channels: Vec<usize> = seen.iter().map(|t| t.dims()[3]).collect();
        let heads = Heads::new(&channels, t.features, &Init::new(key.stream(HEADS), device));
        Ok(Game::new(Contrastive {
            stage: Stage::new(model, info, device),
            settings: t,
            generator,
            heads: self.learner(HEADS, heads, device)?,
            critic: self.of_patches(critic::DISCRIMINATOR, shape, device, key)?,
        }))
    }
}

const HEADS: &str = "heads";

impl Contrastive {
    /// How well places of images are recognized in what they were turned into.
    fn recognized(&self, given: &Tensor<4>, made: &Tensor<4>, key: Key) -> Tensor<1> {
        let s = &self.settings;
        let (network, heads) = (self.generator.network(), self.heads.network());
        let (of, among) = (network.encoded(made.clone()), network.encoded(given.clone()));
        let count = of.len() as f64;
        let one = |(level, (q, k)): (usize, (Tensor<4>, Tensor<4>))| {
            let [_, h, w, _] = q.dims();
            let mut places = key.step(level as u64).permutation(h * w);
            places.truncate(s.patches);
            let places: Vec<i32> = places.into_iter().map(|i| i as i32).collect();
            let n = places.len();
            let places = Tensor::<1, Int>::from_data(TensorData::new(places, [n]), &q.device());
            let q = heads.forward(level, q, places.clone());
            // What was there is found, and does not come to meet what was made of it.
            let k = heads.forward(level, k, places).detach();
            patch_loss(q, k, s.temperature)
        };
        let losses = of.into_iter().zip(among).enumerate().map(one);
        losses.reduce(|a, b| a + b).map_or_else(
            || Tensor::zeros([1], &self.stage.device),
            |sum: Tensor<1>| sum / count,
        )
    }
}

impl Play for Contrastive {
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
        let seen = self.generator.network().clone().no_grad();
        let heads = |heads: &Heads| {
            let one = |(i, t): (usize, Tensor<4>)| heads.forward(i, t, Tensor::<1, Int>::zeros([1], &device));
            let x: Tensor<4> = Tensor::zeros([1, h, w, c / 2], &device);
            seen.valid()
                .encoded(x)
                .into_iter()
                .enumerate()
                .map(one)
                .collect::<Vec<_>>()
        };
        vec![
            self.generator.info(|g| g.forward(x, None)),
            self.heads.info(heads),
            self.critic.info([h, w, c / 2], 0, &device),
        ]
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        let updates = self.updates();
        let Some(batch) = batches.first() else {
            return Ok(Round::default());
        };
        let now = Moment { updates, key, watch };
        let s = self.settings;
        let [given, truth] = from_to(self.stage.items(batch), s.direction);
        let keys = |name: &str| -> Vec<Key> {
            let key = key.stream(name);
            (0..batch.shape[0] as u64).map(|i| key.step(i)).collect()
        };
        let made = self
            .generator
            .network()
            .forward(given.clone(), Some(&keys("noise")));
        let (data, samples) = (Shown::plain(truth.clone()), Shown::plain(made.clone()));
        let seen = self.critic.learn(data.clone(), samples.clone(), None, now)?;
        let samples = self
            .critic
            .shown(samples, updates, key.stream("noise for the generator"));
        let persuaded = self.critic.persuade(&samples, Some(&data), None);
        let mut scalars = vec![
            ("loss/discriminator", seen.loss),
            ("loss/generator", number(persuaded.clone())),
        ];
        let mut loss = persuaded * s.game;
        if s.nce > 0.0 {
            let nce = self.recognized(&given, &made, key.stream("places"));
            scalars.push(("loss/nce", number(nce.clone())));
            loss = loss + nce * s.nce;
            if s.identity > 0.0 {
                let network = self.generator.network();
                let kept = network.forward(truth.clone(), Some(&keys("kept")));
                let nce = self.recognized(&truth, &kept, key.stream("places of the other side"));
                scalars.push(("loss/nce-identity", number(nce.clone())));
                loss = loss + nce * (s.nce * s.identity);
            }
        }
        critic::finite("the generator's loss", number(loss.clone()), now)?;
        let mut gradients = [loss.backward()];
        let gradient = self.generator.update(&mut gradients, watch).unwrap_or(f64::NAN);
        if s.nce > 0.0 {
            self.heads.update(&mut gradients, false);
        }
        let spread = watch.then(|| diversity(made, truth));
        Ok(Round::of(scalars, &self.critic, seen, gradient, spread))
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.generator.save();
        parts.extend(self.heads.save());
        parts.extend(self.critic.save());
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.generator.load(read, purpose)?;
        self.heads.load(read, purpose)?;
        self.critic.load(read, purpose)
    }

    fn translates(&self) -> Option<&dyn Translates> {
        Some(self)
    }
}

impl Translates for Contrastive {
    fn directions(&self) -> &[Direction] {
        std::slice::from_ref(&self.settings.direction)
    }

    fn draws(&self) -> bool {
        self.generator.network().draws()
    }

    fn turn(&self, images: Tensor<4>, _: &Wanted, drawn: Drawn<'_>) -> Tensor<4> {
        self.generator
            .for_use_on(&images.device())
            .forward_with(images, drawn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Places that are all alike cannot be told apart (ln of their number); each its own and no other costs next to nothing.
    #[test]
    fn the_loss_of_patches_by_hand() {
        let device = Device::flex();
        let alike = Tensor::<3>::ones([2, 4, 3], &device);
        let loss = number(patch_loss(alike.clone(), alike, 0.07));
        assert!((loss - 4f64.ln()).abs() < 1e-5, "{loss}");
        let apart = Tensor::<2>::eye(4, &device).unsqueeze::<3>();
        assert!(number(patch_loss(apart.clone(), apart.clone(), 0.07)) < 1e-5);
        // One place taken for another: 1 / 0.07 too much for each of two of four.
        let order = Tensor::<1, Int>::from_data(TensorData::new(vec![1i32, 0, 2, 3], [4]), &device);
        let swapped = apart.clone().select(1, order);
        let loss = number(patch_loss(swapped, apart, 0.07));
        assert!((loss - 0.5 / 0.07).abs() < 1e-3, "{loss}");
    }
}
