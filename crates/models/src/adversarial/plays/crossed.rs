//! One encoder takes images of either side apart into what is left alone and a gene, what the second side has and the first has not;
//! one decoder puts them together, with the gene of another image or with none (Zhou et al. 2017, arXiv:1705.04932, GeneGAN). With
//! (A, u) = E(Au) of the second side, (B, e) = E(B0) of the first:
//!
//! game (L_GAN(G(A, 0), D_0) + L_GAN(G(B, u), D_u))  +  image (||Au - G(A, u)||_1 + ||B0 - G(B, 0)||_1)
//!   +  nulling ||e||_1  +  parallelogram ||Au + B0 - G(A, 0) - G(B, u)||_1                                   (section 3.2)
use super::super::game::parts::Parts;
use super::super::game::{Critic, Game, Moment, Play, Round, Shown, Stage, Styled, Translates, critic};
use super::super::networks::coded::{SideNetwork, Sizes, margins};
use super::super::translation::{Distance, Settings, Translation, needs_sides};
use super::cycle::{batches_a_turn, two_sides};
use super::paired::{GENERATOR, diversity};
use super::pool::Pool;
use crate::{Direction, Holds, NetworkInfo, Part, Port, Purpose};
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo};
use menagerie_nn::{Init, Learner, Tensors, number, pad};
use serde::{Deserialize, Serialize};

/// `[translation]` of a play by genes: weights of its losses, and what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CrossedSettings {
    /// weight of the games
    pub game: f64,
    /// weight of giving an image back
    pub image: f64,
    /// weight of the size of what is found in images that have no gene
    pub nulling: f64,
    /// weight of what the two that were made add to beside the two that were given
    pub parallelogram: f64,
    /// genes of training images that are kept, of which one is drawn where no reference gives its own
    pub genes: usize,
}

impl Default for CrossedSettings {
    fn default() -> Self {
        CrossedSettings {
            game: 0.5,
            image: 10.0,
            nulling: 1.0,
            parallelogram: 0.1,
            genes: 64,
        }
    }
}

impl Settings for CrossedSettings {
    fn weights(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("translation.game", self.game),
            ("translation.image", self.image),
            ("translation.nulling", self.nulling),
            ("translation.parallelogram", self.parallelogram),
        ]
    }
    fn counts(&self) -> Vec<(&'static str, usize)> {
        vec![("translation.genes", self.genes)]
    }
}

/// See the module.
pub struct Crossed {
    stage: Stage,
    settings: CrossedSettings,
    gene: usize,
    generator: Learner<SideNetwork>,
    /// of images without a gene, and with one
    critics: [Critic; 2],
    genes: Pool,
}

const CRITICS: [&str; 2] = ["discriminator_a", "discriminator_b"];

impl Translation<CrossedSettings, Sizes> {
    /// Refuses networks without a gene.
    ///
    /// # Errors
    /// [`Error::Recipe`] with the key.
    pub fn check_gene(&self) -> Result<()> {
        match (self.model.style, self.model.shared) {
            (0, _) => Err(Error::recipe(
                "model.style",
                "without numbers for a gene there is nothing to exchange",
                "give 1 or more",
            )),
            (_, 1..) => Err(Error::recipe(
                "model.shared",
                "one network serves both sides, and shares all of its blocks",
                "set model.shared = 0 and give more model.blocks",
            )),
            _ => Ok(()),
        }
    }

    /// Fresh networks for images of two sides.
    ///
    /// # Errors
    /// For settings that clash, and data without two sides.
    pub fn crossed(
        &self,
        model: &'static str,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<Crossed>> {
        self.check()?;
        self.check_gene()?;
        needs_sides(model, info)?;
        let shape = self.image(info)?;
        let network = SideNetwork::new(&self.model, shape, &Init::new(key.stream(GENERATOR), device));
        let critic = |name| self.of_patches(name, shape, device, key);
        Ok(Game::new(Crossed {
            stage: Stage::new(model, info, device),
            settings: self.translation,
            gene: self.model.style,
            generator: self.learner(GENERATOR, network, device)?,
            critics: [critic(CRITICS[0])?, critic(CRITICS[1])?],
            genes: Pool::new("genes", self.translation.genes, [1, 1, self.model.style]),
        }))
    }
}

impl Crossed {
    /// What is left alone of images, and their genes.
    fn apart(&self, x: Tensor<4>) -> (Tensor<4>, Tensor<2>) {
        let network = self.generator.network();
        let n = x.dims()[0];
        let gene = network.style(x.clone());
        let gene = gene.unwrap_or_else(|| Tensor::zeros([n, self.gene], &x.device()));
        (network.content(x), gene)
    }

    fn together(&self, content: &Tensor<4>, gene: &Tensor<2>) -> Tensor<4> {
        self.generator.network().image(content.clone(), Some(gene))
    }
}

impl Play for Crossed {
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
        let x = pad::reflect(x.clone(), margins(&x));
        let pass = |n: &SideNetwork| n.image(n.content(x.clone()), n.style(x.clone()).as_ref());
        let mut networks = vec![self.generator.info(pass)];
        networks.extend(self.critics.iter().map(|d| d.info([h, w, c / 2], 0, &device)));
        networks
    }

    fn batches_per_step(&self) -> usize {
        batches_a_turn(self.stage.kind)
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        let (s, device) = (self.settings, self.stage.device.clone());
        let updates = self.updates();
        let now = Moment { updates, key, watch };
        let [without, with] = two_sides(&self.stage, batches);
        let (n, m) = (without.dims()[0], margins(&without));
        let ((b, e), (a, u)) = (
            self.apart(pad::reflect(without.clone(), m)),
            self.apart(pad::reflect(with.clone(), m)),
        );
        self.genes
            .exchanged(&u.clone().reshape([n, 1, 1, self.gene]), key.stream("genes"));
        let none = Tensor::zeros([n, self.gene], &device);
        let made = |content: &Tensor<4>, gene: &Tensor<2>| pad::cut(self.together(content, gene), m);
        let crossed = [made(&a, &none), made(&b, &u)];
        let mut parts = Parts::default();
        parts.add(
            "loss/image-a",
            s.image,
            Distance::L1.of(made(&b, &none), without.clone()),
        );
        parts.add(
            "loss/image-b",
            s.image,
            Distance::L1.of(made(&a, &u), with.clone()),
        );
        parts.add("loss/nulling", s.nulling, e.abs().mean());
        let sums = [
            without.clone() + with.clone(),
            crossed[0].clone() + crossed[1].clone(),
        ];
        let [given, found] = sums;
        parts.add(
            "loss/parallelogram",
            s.parallelogram,
            Distance::L1.of(given, found),
        );
        const GAMES: [[&str; 2]; 2] = [
            ["loss/generator-b2a", "loss/discriminator-a"],
            ["loss/generator-a2b", "loss/discriminator-b"],
        ];
        let truths = [without, with];
        let mut last = None;
        for (i, critic) in self.critics.iter_mut().enumerate() {
            let (key, [game, name]) = (key.stream(CRITICS[i]), GAMES[i]);
            let data = Shown::plain(truths[i].clone());
            let samples = Shown::plain(crossed[i].clone());
            let seen = critic.learn(data.clone(), samples.clone(), None, Moment { key, ..now })?;
            let samples = critic.shown(samples, updates, key.stream("noise for the generator"));
            parts.add(game, s.game, critic.persuade(&samples, Some(&data), None));
            parts.scalars.push((name, seen.loss));
            last = Some(seen);
        }
        let loss = parts.loss(&device);
        critic::finite("the generator's loss", number(loss.clone()), now)?;
        let gradient = self
            .generator
            .update(&mut [loss.backward()], watch)
            .unwrap_or(f64::NAN);
        let ([_, made], [_, with]) = (crossed, truths);
        let spread = watch.then(|| diversity(made, with));
        let seen = last.unwrap_or_default();
        Ok(Round::of(parts.scalars, &self.critics[1], seen, gradient, spread))
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.generator.save();
        parts.extend(self.critics.iter().flat_map(Critic::save));
        parts.extend(self.genes.save());
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.generator.load(read, purpose)?;
        self.critics.iter_mut().try_for_each(|d| d.load(read, purpose))?;
        self.genes.load(read)
    }

    fn translates(&self) -> Option<&dyn Translates> {
        Some(self)
    }
}

impl Translates for Crossed {
    fn directions(&self) -> &[Direction] {
        &Direction::ALL
    }
    fn styled(&self) -> Option<&dyn Styled> {
        Some(self)
    }
}

/// A gene is a style of the second side; the first has none.
impl Styled for Crossed {
    fn numbers(&self) -> usize {
        self.gene
    }

    fn style_of(&self, images: Tensor<4>, _: Direction) -> Tensor<2> {
        let n = images.dims()[0];
        let nothing = || Tensor::zeros([n, self.gene], &self.stage.plain());
        let network = self.generator.for_use_on(&images.device());
        let m = margins(&images);
        network.style(pad::reflect(images, m)).unwrap_or_else(nothing)
    }

    fn turn_in(&self, images: Tensor<4>, genes: Tensor<2>, direction: Direction) -> Tensor<4> {
        let network = self.generator.for_use_on(&images.device());
        let genes = match direction {
            Direction::AToB => genes,
            Direction::BToA => genes * 0.0,
        };
        let m = margins(&images);
        let content = network.content(pad::reflect(images, m));
        pad::cut(network.image(content, Some(&genes)), m)
    }

    /// One of those that are kept.
    fn drawn(&self, keys: &[Key], _: Direction, device: &Device) -> Tensor<2> {
        let kept = self.genes.kept();
        let nothing = vec![0.0; self.gene];
        let one = |key: &Key| match kept.len() {
            0 => &nothing,
            count => &kept[key.stream("gene").rng().below(count)],
        };
        let rows: Vec<f32> = keys.iter().flat_map(|k| one(k).iter().copied()).collect();
        Tensor::from_data(TensorData::new(rows, [keys.len(), self.gene]), device)
    }

    fn port(&self) -> Port {
        let meaning = "the gene of an image that has what is to be put in; it is not used on the way back";
        Port::of("style", &[self.gene], Holds::Numbers, meaning)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::gene_gan::GeneGan;
    use super::*;
    use crate::{Model, Registered, Wish};
    use menagerie_data::Kind;

    fn inside(i: usize) -> bool {
        (4..8).contains(&(i % 144 / 12)) && (4..8).contains(&(i % 12))
    }

    /// Waves around a frame, which on the second side is filled, lightly or darkly as a coin says.
    fn sides_of(count: usize, key: Key) -> Batch {
        let mut rng = key.rng();
        let mut values = Vec::new();
        for _ in 0..count {
            let (p, q) = (rng.between(0.0, 6.0), rng.between(0.0, 6.0));
            let filling = if rng.chance(0.5) { 0.9 } else { -0.9 };
            for i in 0..144 {
                let (y, x) = (i / 12, i % 12);
                let framed = (3..9).contains(&y) && (3..9).contains(&x) && !inside(i);
                let ground = |phase: f64| match framed {
                    true => 0.6,
                    false => 0.2 * (0.5 * x as f64 + phase).sin(),
                };
                let other = if inside(i) { filling } else { ground(q) };
                values.extend([ground(p) as f32, other as f32]);
            }
        }
        Batch {
            kind: Kind::Unpaired,
            shape: vec![count, 12, 12, 2],
            values,
            labels: None,
            attributes: vec![],
            captions: None,
            indices: (0..count as u32).collect(),
        }
    }

    /// The mean of the middle of images.
    fn middle(values: &[f32]) -> f32 {
        let inside = (0..values.len()).filter(|i| inside(*i));
        let all: Vec<f32> = inside.map(|i| values[i]).collect();
        all.iter().sum::<f32>() / all.len() as f32
    }

    /// What is put in is that of the reference, light or dark; what is cut out is gone.
    #[test]
    fn genes_are_exchanged() {
        let mut config = GeneGan::defaults();
        (config.model.width, config.model.blocks, config.critic.width) = (4, 1, 4);
        config.model.style = 4;
        config.optimizer.generator.learning_rate = 3e-3;
        config.optimizer.discriminator.learning_rate = 2e-3;
        let info = DataInfo {
            source: "test".into(),
            kind: Kind::Unpaired,
            shape: vec![12, 12, 2],
            count: 100,
            range: (0.0, 255.0),
            ..DataInfo::default()
        };
        let device = Device::flex().autodiff();
        // One seed in six or so heeds no reference, whatever the steps.
        let mut game = config.crossed("gene_gan", &info, &device, Key::new(2)).unwrap();
        for step in 0..250 {
            let key = Key::new(2).step(step);
            game.step(&[sides_of(6, key)], key, false).unwrap();
        }
        let fresh = sides_of(16, Key::new(9));
        let (given, others) = (fresh.side(0), fresh.side(1));
        let t = game.as_translate().unwrap();
        let like = |light: bool| {
            let own = |i: usize| &others.values[i * 144..][..144];
            let i = (0..16).find(|&i| (middle(own(i)) > 0.0) == light).unwrap();
            let reference = Batch {
                shape: vec![1, 12, 12, 1],
                values: own(i).to_vec(),
                indices: vec![0],
                ..others.clone()
            };
            let wish = Wish {
                reference: Some(&reference),
                ..Wish::side(Direction::AToB)
            };
            middle(&t.translate(&given, &wish, Key::new(1)).unwrap().values)
        };
        let (light, dark) = (like(true), like(false));
        assert!(light > dark + 0.3, "{light} {dark}");
        let back = t
            .translate(&others, &Wish::side(Direction::BToA), Key::new(1))
            .unwrap();
        let size = |v: &[f32]| v.chunks(144).map(|v| middle(v).abs()).sum::<f32>() / 16.0;
        assert!(
            size(&back.values) < 0.6 * size(&others.values),
            "{}",
            size(&back.values)
        );
        // Without a reference a gene is one of the data's: two draws differ.
        let drawn = |key| {
            let made = t
                .translate(&given, &Wish::side(Direction::AToB), Key::new(key))
                .unwrap();
            made.values
        };
        assert_ne!(drawn(1), drawn(2));
    }
}
