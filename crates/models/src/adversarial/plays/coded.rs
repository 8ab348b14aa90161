//! Each side takes its images apart into a content, which sides have in common, and a style of its own; a translation is the content
//! of one side put together by the other, and a critic for each side says whether it looks like one of its images (Huang et al. 2018,
//! arXiv:1804.04732, MUNIT; without styles and with contents that are drawn, Liu et al. 2017, arXiv:1703.00848, UNIT). With
//! (c, s) = E_A(a), s' a style of B that is drawn, and b' = G_B(c, s'), for A and in the same way for B:
//!
//! game L_GAN(b', D_B)  +  image ||G_A(c, s) - a||_1                                          (MUNIT, equations 1 and 4)
//!   +  content ||E_B^c(b') - c||_1  +  style ||E_B^s(b') - s'||_1                             (equations 2 and 3)
//!   +  cycle ||G_A(E_B^c(b'), s) - a||_1                                  (MUNIT, section 5.1; UNIT, equations 3 and 5)
//!   +  kl (KL(q(c | a) || N(0, 1)) + KL(q(c | b') || N(0, 1)))             (UNIT, equations 3 and 5; q has variance one)
use super::super::game::parts::Parts;
use super::super::game::{
    Critic, Game, Moment, Play, Round, Shown, Stage, Styled, Translates, Wanted, critic, normal_by,
};
use super::super::networks::coded::{SharedNetwork, SideNetwork, Sizes, margins};
use super::super::networks::translator::Drawn;
use super::super::translation::{Distance, Settings, Translation, needs_sides};
use super::cycle::{batches_a_turn, of_items, two_sides};
use super::paired::diversity;
use crate::{Direction, NetworkInfo, Part, Purpose};
use burn::tensor::{Device, Tensor};
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo};
use menagerie_kernels::noise;
use menagerie_nn::{Init, Learner, Tensors, number, pad};
use serde::{Deserialize, Serialize};

/// `[translation]` of a play by contents and styles: weights of its losses.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CodedSettings {
    /// of the games
    pub game: f64,
    /// of giving an image back (MUNIT: 10; UNIT: 100)
    pub image: f64,
    /// of finding the content again in the translation (MUNIT: 1)
    pub content: f64,
    /// of finding the style again in the translation (MUNIT: 1)
    pub style: f64,
    /// of the way there and back (UNIT: 100)
    pub cycle: f64,
    /// of the divergence of contents from the standard normal distribution, the mean over their numbers (UNIT: 0.1); from 0 on
    /// contents are drawn around what is found
    pub kl: f64,
}

impl Default for CodedSettings {
    fn default() -> Self {
        CodedSettings {
            // The paper's squares lack the half that the least-squares objective has.
            game: 2.0,
            image: 10.0,
            content: 1.0,
            style: 1.0,
            cycle: 0.0,
            kl: 0.0,
        }
    }
}

impl Settings for CodedSettings {
    fn weights(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("translation.game", self.game),
            ("translation.image", self.image),
            ("translation.content", self.content),
            ("translation.style", self.style),
            ("translation.cycle", self.cycle),
            ("translation.kl", self.kl),
        ]
    }
}

const SIDES: [&str; 2] = ["side_a", "side_b"];
const CRITICS: [&str; 2] = ["discriminator_a", "discriminator_b"];
const SHARED: &str = "shared";

/// See the module. Arrays are by side.
pub struct Coded {
    stage: Stage,
    settings: CodedSettings,
    style: usize,
    sides: [Learner<SideNetwork>; 2],
    shared: Option<Learner<SharedNetwork>>,
    critics: [Critic; 2],
}

/// A recipe of such a play.
pub type CodedConfig = Translation<CodedSettings, Sizes>;

impl CodedConfig {
    /// Fresh networks for images of two sides.
    ///
    /// # Errors
    /// For settings that clash, and data without two sides.
    pub fn by_codes(
        &self,
        model: &'static str,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<Coded>> {
        self.check()?;
        needs_sides(model, info)?;
        let shape = self.image(info)?;
        let init = |name: &str| Init::new(key.stream(name), device);
        let side = |name| self.learner(name, SideNetwork::new(&self.model, shape, &init(name)), device);
        let critic = |name| self.of_patches(name, shape, device, key);
        let shared = || self.learner(SHARED, SharedNetwork::new(&self.model, &init(SHARED)), device);
        Ok(Game::new(Coded {
            stage: Stage::new(model, info, device),
            settings: self.translation,
            style: self.model.style,
            sides: [side(SIDES[0])?, side(SIDES[1])?],
            shared: match self.model.shared {
                0 => None,
                _ => Some(shared()?),
            },
            critics: [critic(CRITICS[0])?, critic(CRITICS[1])?],
        }))
    }
}

/// What is found of images of a side.
struct Codes {
    content: Tensor<4>,
    style: Option<Tensor<2>>,
}

impl Coded {
    fn codes(&self, side: usize, x: Tensor<4>) -> Codes {
        let network = self.sides[side].network();
        let content = network.content(x.clone());
        Codes {
            content: match &self.shared {
                Some(shared) => shared.network().content(content),
                None => content,
            },
            style: network.style(x),
        }
    }

    fn image(&self, side: usize, content: Tensor<4>, style: Option<&Tensor<2>>) -> Tensor<4> {
        let content = match &self.shared {
            Some(shared) => shared.network().given(content),
            None => content,
        };
        self.sides[side].network().image(content, style)
    }

    /// Contents drawn around these, where they have a distribution.
    fn around(&self, content: &Tensor<4>, key: Key) -> Tensor<4> {
        if self.settings.kl == 0.0 {
            return content.clone();
        }
        let [_, h, w, c] = content.dims();
        let one = |key: &Key| noise::normal::<4>(key.words(), [1, h, w, c], &content.device());
        let drawn = of_items(content, key).iter().map(one).collect();
        content.clone() + Tensor::cat(drawn, 0)
    }

    /// Losses of one direction, beside the game's; `codes` are those of the given images, `made` is what became of them.
    fn back(
        &self,
        direction: Direction,
        (given, codes): (&Tensor<4>, &Codes),
        (made, style): (&Tensor<4>, Option<&Tensor<2>>),
        key: Key,
        parts: &mut Parts,
    ) {
        const NAMES: [[&str; 5]; 2] = [
            [
                "loss/content-a",
                "loss/style-b",
                "loss/cycle-a",
                "loss/kl-a",
                "loss/kl-a2b",
            ],
            [
                "loss/content-b",
                "loss/style-a",
                "loss/cycle-b",
                "loss/kl-b",
                "loss/kl-b2a",
            ],
        ];
        let (s, [content, of_style, cycle, kl, kl_of_made]) = (&self.settings, NAMES[direction.from()]);
        if s.kl > 0.0 {
            parts.add(kl, s.kl, divergence(&codes.content));
        }
        if s.content + s.style + s.cycle == 0.0 {
            return;
        }
        let found = self.codes(direction.to(), made.clone());
        if s.content > 0.0 {
            let off = Distance::L1.of(found.content.clone(), codes.content.clone());
            parts.add(content, s.content, off);
        }
        if let (Some(found), Some(style), true) = (found.style, style, s.style > 0.0) {
            parts.add(of_style, s.style, (found - style.clone()).abs().mean());
        }
        if s.cycle > 0.0 {
            let content = self.around(&found.content, key.stream("content of the translation"));
            let back = self.image(direction.from(), content, codes.style.as_ref());
            parts.add(cycle, s.cycle, Distance::L1.of(back, given.clone()));
            if s.kl > 0.0 {
                parts.add(kl_of_made, s.kl, divergence(&found.content));
            }
        }
    }

    /// Images of one side by the other, without autodiff.
    fn turned(&self, images: Tensor<4>, style: Option<&Tensor<2>>, direction: Direction) -> Tensor<4> {
        let (device, margins) = (images.device(), margins(&images));
        let [from, to] = [direction.from(), direction.to()].map(|i| self.sides[i].for_use_on(&device));
        let content = from.content(pad::reflect(images, margins));
        let content = match &self.shared {
            Some(shared) => {
                let shared = shared.for_use_on(&device);
                shared.given(shared.content(content))
            }
            None => content,
        };
        pad::cut(to.image(content, style), margins)
    }
}

/// KL(N(content, 1) || N(0, 1)), the mean over all numbers.
fn divergence(content: &Tensor<4>) -> Tensor<1> {
    (content.clone() * content.clone()).mean() / 2.0
}

impl Play for Coded {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn updates(&self) -> u64 {
        self.sides[0].updates()
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        let device = self.stage.plain();
        let [h, w, c] = self.stage.image_shape();
        let shape = [h, w, c / 2];
        let x: Tensor<4> = Tensor::zeros([1, h, w, c / 2], &device);
        let x = pad::reflect(x.clone(), margins(&x));
        let pass = |n: &SideNetwork| n.image(n.content(x.clone()), n.style(x.clone()).as_ref());
        let mut networks: Vec<NetworkInfo> = self.sides.iter().map(|s| s.info(pass)).collect();
        let content = self.sides[0].for_use().content(x.clone());
        networks.extend(
            self.shared
                .iter()
                .map(|s| s.info(|s| s.given(s.content(content.clone())))),
        );
        networks.extend(self.critics.iter().map(|d| d.info(shape, 0, &device)));
        networks
    }

    fn batches_per_step(&self) -> usize {
        batches_a_turn(self.stage.kind)
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        let (s, device) = (self.settings, self.stage.device.clone());
        let updates = self.updates();
        let now = Moment { updates, key, watch };
        let images = two_sides(&self.stage, batches);
        let padded = images.clone().map(|x| pad::reflect(x.clone(), margins(&x)));
        let codes = [0, 1].map(|side| self.codes(side, padded[side].clone()));
        let mut parts = Parts::default();
        let cut = |x: Tensor<4>, side: usize| pad::cut(x, margins(&images[side]));
        let contents = [0, 1].map(|side| self.around(&codes[side].content, key.stream(SIDES[side])));
        for (side, name) in ["loss/image-a", "loss/image-b"].into_iter().enumerate() {
            let again = self.image(side, contents[side].clone(), codes[side].style.as_ref());
            let off = Distance::L1.of(cut(again, side), images[side].clone());
            parts.add(name, s.image, off);
        }
        let mut shown = Vec::with_capacity(2);
        const GAMES: [[&str; 2]; 2] = [
            ["loss/generator-a2b", "loss/discriminator-b"],
            ["loss/generator-b2a", "loss/discriminator-a"],
        ];
        for d in Direction::ALL {
            let (key, [game, name]) = (key.stream(CRITICS[d.to()]), GAMES[d.from()]);
            let styles = of_items(&images[d.from()], key.stream("style"));
            let style = (self.style > 0).then(|| normal_by(&styles, self.style, &device));
            let made = self.image(d.to(), contents[d.from()].clone(), style.as_ref());
            let data = Shown::plain(images[d.to()].clone());
            let samples = Shown::plain(cut(made.clone(), d.from()));
            let critic = &mut self.critics[d.to()];
            let seen = critic.learn(data.clone(), samples.clone(), None, Moment { key, ..now })?;
            let samples = critic.shown(samples, updates, key.stream("noise for the generator"));
            parts.add(game, s.game, critic.persuade(&samples, Some(&data), None));
            parts.scalars.push((name, seen.loss));
            let given = (&padded[d.from()], &codes[d.from()]);
            self.back(d, given, (&made, style.as_ref()), key, &mut parts);
            shown.push((seen, made));
        }
        let loss = parts.loss(&device);
        critic::finite("the sides' loss", number(loss.clone()), now)?;
        // One backward pass serves all; each takes its own weights' gradients out of it.
        let mut gradients = [loss.backward()];
        let [a, b] = &mut self.sides;
        a.update(&mut gradients, false);
        let gradient = b.update(&mut gradients, watch).unwrap_or(f64::NAN);
        if let Some(shared) = &mut self.shared {
            shared.update(&mut gradients, false);
        }
        let (seen, made) = shown.swap_remove(0);
        let spread = watch.then(|| diversity(cut(made, 0), images[1].clone()));
        Ok(Round::of(parts.scalars, &self.critics[1], seen, gradient, spread))
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts: Vec<(String, Part)> = self.sides.iter().flat_map(Learner::save).collect();
        parts.extend(self.shared.iter().flat_map(Learner::save));
        parts.extend(self.critics.iter().flat_map(Critic::save));
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.sides.iter_mut().try_for_each(|s| s.load(read, purpose))?;
        self.shared.iter_mut().try_for_each(|s| s.load(read, purpose))?;
        self.critics.iter_mut().try_for_each(|d| d.load(read, purpose))
    }

    fn translates(&self) -> Option<&dyn Translates> {
        Some(self)
    }
}

impl Translates for Coded {
    fn directions(&self) -> &[Direction] {
        &Direction::ALL
    }
    fn styled(&self) -> Option<&dyn Styled> {
        (self.style > 0).then_some(self)
    }
    fn turn(&self, images: Tensor<4>, wanted: &Wanted, drawn: Drawn<'_>) -> Tensor<4> {
        match self.styled() {
            Some(styled) => styled.turn(images, wanted, drawn),
            // The most likely content: the middle of what is found.
            None => self.turned(images, None, wanted.direction),
        }
    }
}

impl Styled for Coded {
    fn numbers(&self) -> usize {
        self.style
    }
    fn style_of(&self, images: Tensor<4>, direction: Direction) -> Tensor<2> {
        let side = self.sides[direction.to()].for_use_on(&images.device());
        let n = images.dims()[0];
        let nothing = || Tensor::zeros([n, self.style], &self.stage.plain());
        side.style(images).unwrap_or_else(nothing)
    }
    fn turn_in(&self, images: Tensor<4>, styles: Tensor<2>, direction: Direction) -> Tensor<4> {
        self.turned(images, Some(&styles), direction)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::munit::Munit;
    use super::super::super::unit::Unit;
    use super::*;
    use crate::{Model, Registered, Wish};
    use menagerie_data::Kind;

    /// Stripes: dark on one side; on the other as light as a coin says.
    fn sides_of(count: usize, key: Key) -> Batch {
        let mut rng = key.rng();
        let mut values = Vec::new();
        for _ in 0..count {
            let (p, q) = (rng.between(0.0, 6.0), rng.between(0.0, 6.0));
            let light = if rng.chance(0.5) { 0.7 } else { 0.1 };
            for i in 0..144 {
                let stripes = |phase: f64| 0.25 * (0.9 * (i % 12) as f64 + phase).sin();
                values.extend([(stripes(p) - 0.6) as f32, (stripes(q) + light) as f32]);
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

    fn trained(mut config: CodedConfig, steps: u64) -> Game<Coded> {
        (config.model.width, config.model.blocks, config.critic.width) = (4, 1, 4);
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
        let mut game = config.by_codes("munit", &info, &device, Key::new(1)).unwrap();
        for step in 0..steps {
            let key = Key::new(2).step(step);
            game.step(&[sides_of(6, key)], key, false).unwrap();
        }
        game
    }

    fn mean(v: &[f32]) -> f32 {
        v.iter().sum::<f32>() / v.len() as f32
    }

    /// The other side looks as its reference does: as light as that, whatever image it is made of.
    #[test]
    fn a_translation_has_the_style_of_its_reference() {
        let game = trained(Munit::defaults(), 120);
        let fresh = sides_of(16, Key::new(9));
        let (given, others) = (fresh.side(0), fresh.side(1));
        let t = game.as_translate().unwrap();
        let like = |light: bool| {
            let i = (0..16)
                .find(|i| (mean(&others.values[i * 144..][..144]) > 0.4) == light)
                .unwrap();
            let reference = Batch {
                shape: vec![1, 12, 12, 1],
                values: others.values[i * 144..][..144].to_vec(),
                indices: vec![0],
                ..others.clone()
            };
            let wish = Wish {
                reference: Some(&reference),
                ..Wish::side(Direction::AToB)
            };
            mean(&t.translate(&given, &wish, Key::new(1)).unwrap().values)
        };
        let (light, dark) = (like(true), like(false));
        assert!(light > dark + 0.2, "{light} {dark}");
    }

    /// Both sides go through the blocks that they share: dark becomes light and light dark, without a style to say so, and twice
    /// the same.
    #[test]
    fn sides_share_a_latent() {
        let game = trained(Unit::defaults(), 150);
        let fresh = sides_of(8, Key::new(9));
        let t = game.as_translate().unwrap();
        assert!(!t.draws() && !t.takes_reference());
        let turned = |d: Direction, key: u64| {
            let made = t
                .translate(&fresh.side(d.from()), &Wish::side(d), Key::new(key))
                .unwrap();
            mean(&made.values)
        };
        let (there, back) = (turned(Direction::AToB, 1), turned(Direction::BToA, 1));
        assert!(there > 0.1 && back < -0.3, "{there} {back}");
        assert_eq!(turned(Direction::AToB, 2), there);
        let names: Vec<String> = game.networks().into_iter().map(|n| n.name.to_string()).collect();
        assert!(names.contains(&SHARED.to_string()), "{names:?}");
        let reference = Batch {
            shape: vec![1, 12, 12, 1],
            values: vec![0.0; 144],
            indices: vec![0],
            ..fresh.side(1)
        };
        let wish = Wish {
            reference: Some(&reference),
            ..Wish::side(Direction::AToB)
        };
        let e = t
            .translate(&fresh.side(0), &wish, Key::new(1))
            .unwrap_err()
            .to_string();
        assert!(e.contains("--reference"), "{e}");
    }
}
