//! A generator that is given a layout, what the scene is to be like, and noise; and a critic that is told both (Karacan, Akata, Erdem,
//! Erdem 2016, arXiv:1612.00215, AL-CGAN). With s the layout, a the attributes of the true image y, each an amount, and noise z:
//!
//! min_G max_D  E log D(y, s, a) + E log(1 - D(G(z, s, a), s, a))                                         (equation 2)
//!
//! Attributes and noise reach the networks as planes beside the layout's channels, an angle (a hue) as its cosine and sine. A distance
//! to the true image (`translation.l1`) is no part of the paper's game, and makes a training of minutes possible.
use super::super::game::parts::Parts;
use super::super::game::{Critic, Game, Moment, Play, Round, Shown, Stage, Translates, Wanted, critic};
use super::super::networks::TranslatorNetwork;
use super::super::networks::translator::pathways::within;
use super::super::networks::translator::{Drawn, beside};
use super::super::translation::{Distance, Settings, Translation, needs_pairs};
use super::paired::{GENERATOR, diversity, from_to};
use super::pool::Pool;
use super::stated::Stated;
use crate::{Direction, NetworkInfo, Part, Purpose};
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo};
use menagerie_kernels::noise;
use menagerie_nn::{Learner, Tensors, number};
use serde::{Deserialize, Serialize};

/// `[translation]` of a play of layouts and attributes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SceneSettings {
    /// `a2b`, the left image of a pair being the layout, or `b2a`
    pub direction: Direction,
    /// what the networks are told of the image: names of attributes of the data
    pub attributes: Vec<String>,
    /// numbers of the noise (paper: 100)
    pub noise: usize,
    /// weight of the game
    pub game: f64,
    /// weight of the distance to the true image (paper: none)
    pub l1: f64,
    /// whether the critic sees, beside the whole image, it alone where the layout is light: of a box, what is to be in it (Reed et al. 2016,
    /// arXiv:1610.02454, GAWWN)
    pub within: bool,
    /// attributes of so many training images that are kept: where not all are asked for, the others are those of one of these
    pub kept: usize,
}

impl Default for SceneSettings {
    fn default() -> Self {
        let attributes = [
            "skin",
            "hair_hue",
            "hair_chroma",
            "hair_lightness",
            "clothing_hue",
            "clothing_chroma",
            "clothing_lightness",
            "background_hue",
            "background_chroma",
            "background_lightness",
        ];
        SceneSettings {
            direction: Direction::AToB,
            attributes: attributes.map(String::from).to_vec(),
            noise: 16,
            game: 1.0,
            l1: 0.0,
            within: false,
            kept: 64,
        }
    }
}

impl Settings for SceneSettings {
    fn weights(&self) -> Vec<(&'static str, f64)> {
        vec![("translation.game", self.game), ("translation.l1", self.l1)]
    }

    fn counts(&self) -> Vec<(&'static str, usize)> {
        vec![("translation.kept", self.kept)]
    }

    fn check(&self) -> Result<()> {
        match self.game + self.l1 > 0.0 {
            true => Ok(()),
            false => Err(Error::recipe(
                "translation.game",
                "translation.l1 is 0, too, and nothing is left to learn",
                "give one of them a weight",
            )),
        }
    }
}

impl SceneSettings {
    /// Images that the critic is shown of a pair.
    fn images_seen(&self) -> usize {
        2 + usize::from(self.within)
    }
}

/// See the module.
pub struct Scene {
    stage: Stage,
    settings: SceneSettings,
    stated: Stated,
    generator: Learner<TranslatorNetwork>,
    critic: Critic,
    kept: Pool,
}

impl Translation<SceneSettings> {
    /// Fresh networks for pairs whose right images state their attributes.
    ///
    /// # Errors
    /// For settings that clash, and data that are no pairs or do not state them.
    pub fn of_scenes(
        &self,
        model: &'static str,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<Scene>> {
        self.check()?;
        self.hears()?;
        needs_pairs(model, info)?;
        let t = &self.translation;
        let stated = Stated::new(model, info, &t.attributes, "translation.attributes")?;
        let shape = self.image(info)?;
        let [h, w, c] = shape;
        let seen = [h, w, t.images_seen() * c + stated.numbers()];
        let told = stated.numbers() + t.noise;
        Ok(Game::new(Scene {
            stage: Stage::new(model, info, device),
            settings: t.clone(),
            generator: self.translator(GENERATOR, (shape, told), device, key)?,
            critic: self.of_patches(critic::DISCRIMINATOR, seen, device, key)?,
            kept: Pool::new("attributes", t.kept, [1, 1, stated.names.len()]),
            stated,
        }))
    }
}

impl Scene {
    /// What the generator is told beside a layout: attributes as they are heard, `[batch, numbers]`, and noise by each item's key; none
    /// where there are no keys.
    fn told(&self, heard: Tensor<2>, keys: Option<&[Key]>) -> Tensor<2> {
        let (n, device) = (heard.dims()[0], heard.device());
        let numbers = self.settings.noise;
        if numbers == 0 {
            return heard;
        }
        let one = |key: &Key| noise::normal::<2>(key.stream("noise").words(), [1, numbers], &device);
        let drawn = match keys {
            Some(keys) => Tensor::cat(keys.iter().map(one).collect(), 0),
            None => Tensor::zeros([n, numbers], &device),
        };
        Tensor::cat(vec![heard, drawn], 1)
    }

    /// What the critic is shown: an image, its layout and its attributes.
    fn shown(&self, image: &Tensor<4>, layout: &Tensor<4>, heard: &Tensor<2>) -> Shown {
        let mut seen = vec![layout.clone(), image.clone()];
        if self.settings.within {
            seen.push(image.clone() * within(layout));
        }
        Shown::plain(beside(Tensor::cat(seen, 3), heard.clone()))
    }

    /// Attributes of an image that was kept, by an item's key; the middle of each where none is.
    fn drawn(&self, key: Option<&Key>) -> Vec<f32> {
        let kept = self.kept.kept();
        match key.filter(|_| !kept.is_empty()) {
            Some(key) => kept[key.stream("attributes").rng().below(kept.len())].clone(),
            None => vec![0.5; self.stated.names.len()],
        }
    }

    /// Layouts whose scenes have these amounts of attributes, `[batch, names]`.
    fn image(&self, layouts: Tensor<4>, amounts: Tensor<2>, keys: Option<&[Key]>) -> Tensor<4> {
        let told = self.told(self.stated.heard(amounts), keys);
        let network = self.generator.for_use_on(&layouts.device());
        // What the U-Net drops is dropped by the same keys.
        let drawn = keys.map_or(Drawn::Nothing, Drawn::By);
        network.forward_with(beside(layouts, told), drawn)
    }

    fn side_shape(&self) -> [usize; 3] {
        let [h, w, both] = self.stage.image_shape();
        [h, w, both / 2]
    }
}

impl Play for Scene {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn updates(&self) -> u64 {
        self.generator.updates()
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        let device = self.stage.plain();
        let [h, w, c] = self.side_shape();
        let told = self.stated.numbers() + self.settings.noise;
        let x: Tensor<4> = Tensor::zeros([1, h, w, c + told], &device);
        let seen = [h, w, self.settings.images_seen() * c + self.stated.numbers()];
        vec![
            self.generator.info(|g| g.forward(x, None)),
            self.critic.info(seen, 0, &device),
        ]
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        let Some(batch) = batches.first() else {
            return Ok(Round::default());
        };
        let updates = self.updates();
        let now = Moment { updates, key, watch };
        let [layout, truth] = from_to(self.stage.items(batch), self.settings.direction);
        let amounts = self.stated.of(&self.stage, batch)?;
        let [n, names] = amounts.dims();
        let rows = amounts.clone().reshape([n, 1, 1, names]);
        self.kept.exchanged(&rows, key.stream("kept"));
        let heard = self.stated.heard(amounts);
        let keys: Vec<Key> = (0..n as u64).map(|i| key.stream("items").step(i)).collect();
        let told = self.told(heard.clone(), Some(&keys));
        let made = self
            .generator
            .network()
            .forward_told(layout.clone(), told, Some(&keys));
        let samples = self.shown(&made, &layout, &heard);
        let data = self.shown(&truth, &layout, &heard);
        let seen = self.critic.learn(data.clone(), samples.clone(), None, now)?;
        let samples = self
            .critic
            .shown(samples, updates, key.stream("noise for the generator"));
        let mut parts = Parts::default();
        parts.scalars.push(("loss/discriminator", seen.loss));
        parts.add(
            "loss/generator",
            self.settings.game,
            self.critic.persuade(&samples, Some(&data), None),
        );
        // L1 is looked at even where it weighs nothing.
        let off = Distance::L1.of(made.clone(), truth.clone());
        parts.add("loss/l1", self.settings.l1, off);
        let loss = parts.loss(&self.stage.device);
        critic::finite("the generator's loss", number(loss.clone()), now)?;
        let gradient = self
            .generator
            .update(&mut [loss.backward()], watch)
            .unwrap_or(f64::NAN);
        let spread = watch.then(|| diversity(made, truth));
        Ok(Round::of(parts.scalars, &self.critic, seen, gradient, spread))
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.generator.save();
        parts.extend(self.critic.save());
        parts.extend(self.kept.save());
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.generator.load(read, purpose)?;
        self.critic.load(read, purpose)?;
        self.kept.load(read)
    }

    fn translates(&self) -> Option<&dyn Translates> {
        Some(self)
    }
}

impl Translates for Scene {
    fn directions(&self) -> &[Direction] {
        std::slice::from_ref(&self.settings.direction)
    }

    fn domains(&self) -> &[String] {
        &self.stated.names
    }

    fn draws(&self) -> bool {
        true
    }

    fn turn(&self, images: Tensor<4>, wanted: &Wanted, drawn: Drawn<'_>) -> Tensor<4> {
        let keys = match drawn {
            Drawn::By(keys) => Some(keys),
            _ => None,
        };
        let n = images.dims()[0];
        let mut amounts = Vec::with_capacity(n * self.stated.names.len());
        for i in 0..n {
            let mut row = self.drawn(keys.map(|k| &k[i]));
            wanted
                .domains
                .iter()
                .for_each(|&(name, amount)| row[name] = amount);
            amounts.extend(row);
        }
        let data = TensorData::new(amounts, [n, self.stated.names.len()]);
        let amounts = Tensor::from_data(data, &images.device());
        self.image(images, amounts, keys)
    }

    fn turn_told(&self, images: Tensor<4>, told: Tensor<2>) -> Tensor<4> {
        self.image(images, told, None)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::al_cgan::AlCgan;
    use super::super::super::networks::TranslatorSizes;
    use super::super::super::networks::translator::unet;
    use super::*;
    use crate::{Model, Registered, Wish};
    use menagerie_data::Kind;
    use menagerie_nn::NormOver;

    /// Layouts are a square somewhere; in the image it has the brightness that the attribute states, on black.
    fn batch(count: usize, key: Key) -> Batch {
        let mut rng = key.rng();
        let (mut values, mut attributes) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let light = rng.uniform() as f32;
            attributes.extend([rng.uniform() as f32, light]);
            let [top, left] = [0, 1].map(|_| rng.below(9));
            for i in 0..256 {
                let within = (top..top + 8).contains(&(i / 16)) && (left..left + 8).contains(&(i % 16));
                let layout = if within { 1.0 } else { -1.0 };
                values.extend([layout, if within { 1.6 * light - 0.8 } else { -1.0 }]);
            }
        }
        Batch {
            kind: Kind::Pair,
            shape: vec![count, 16, 16, 2],
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
            kind: Kind::Pair,
            shape: vec![16, 16, 2],
            count: 100,
            range: (0.0, 255.0),
            attributes: vec!["other".into(), "bright".into()],
            ..DataInfo::default()
        }
    }

    fn config() -> Translation<SceneSettings> {
        let mut config = AlCgan::defaults();
        config.model = TranslatorSizes::Unet(unet::Sizes {
            width: 8,
            dropout: 0.0,
            norm: NormOver::Layer,
            ..Default::default()
        });
        config.critic.width = 4;
        config.translation.attributes = vec!["bright".into()];
        config.translation.noise = 2;
        config.translation.l1 = 20.0;
        config.optimizer.generator.learning_rate = 2e-3;
        config
    }

    /// The square stays where the layout has it, and is as light as is asked for: the rule by which the data were made.
    #[test]
    fn where_and_how_are_both_heard() {
        let device = Device::flex().autodiff();
        let mut game = config()
            .of_scenes("al_cgan", &info(), &device, Key::new(1))
            .unwrap();
        for step in 0..150 {
            let key = Key::new(2).step(step);
            game.step(&[batch(8, key)], key, false).unwrap();
        }
        let layouts = batch(6, Key::new(9)).side(0);
        let t = game.as_translate().unwrap();
        for amount in [0.1f32, 0.9] {
            let to = [("bright".to_string(), amount)];
            let wish = Wish {
                to: &to,
                ..Wish::default()
            };
            let made = t.translate(&layouts, &wish, Key::new(1)).unwrap().values;
            let pairs = || made.iter().zip(&layouts.values);
            let mean = |within: bool| {
                let of: Vec<f32> = pairs()
                    .filter(|(_, l)| (**l > 0.0) == within)
                    .map(|(v, _)| *v)
                    .collect();
                of.iter().sum::<f32>() / of.len() as f32
            };
            let (on, off) = (mean(true), mean(false));
            assert!(
                (on - (1.6 * amount - 0.8)).abs() < 0.25 && off < -0.6,
                "{amount}: {on} {off}"
            );
        }
    }

    /// What is not asked for is that of an image that was kept: by its key one of these, and of another key another.
    #[test]
    fn what_is_not_asked_for_is_drawn() {
        let device = Device::flex().autodiff();
        let mut config = config();
        config.translation.attributes = vec!["other".into(), "bright".into()];
        let mut game = config
            .of_scenes("al_cgan", &info(), &device, Key::new(1))
            .unwrap();
        game.step(&[batch(8, Key::new(3))], Key::new(3), false).unwrap();
        game.map(|play: Scene| {
            let keys: Vec<Key> = (0..20).map(|i| Key::new(5).step(i)).collect();
            let drawn: Vec<Vec<f32>> = keys.iter().map(|k| play.drawn(Some(k))).collect();
            assert!(drawn.iter().all(|row| play.kept.kept().contains(row)));
            assert!(drawn.iter().any(|row| *row != drawn[0]));
            assert_eq!(play.drawn(Some(&keys[0])), drawn[0]);
            assert_eq!(play.drawn(None), [0.5, 0.5]);
            play
        });
    }

    #[test]
    fn settings_that_leave_nothing_are_refused() {
        let build = |change: &dyn Fn(&mut Translation<SceneSettings>)| {
            let mut config = config();
            change(&mut config);
            let built = config.of_scenes("al_cgan", &info(), &Device::flex().autodiff(), Key::new(1));
            built.err().map(|e| e.to_string()).unwrap_or_default()
        };
        let e = build(&|c| c.translation.attributes = vec!["birght".into()]);
        assert!(
            e.contains("translation.attributes") && e.contains("bright"),
            "{e}"
        );
        let e = build(&|c| c.translation.attributes.clear());
        assert!(e.contains("translation.attributes"), "{e}");
        let e = build(&|c| (c.translation.game, c.translation.l1) = (0.0, 0.0));
        assert!(e.contains("translation.game"), "{e}");
    }
}
