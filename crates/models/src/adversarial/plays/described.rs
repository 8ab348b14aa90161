//! A generator that is given a description, and a critic that sees whether an image fits its own (Reed et al. 2016,
//! arXiv:1605.05396). With s_r = D(x, h), s_w = D(x, h'), s_f = D(G(z, h), h), h of the right text and h' of a wrong one:
//!
//! L_D = log s_r + (log(1 - s_w) + log(1 - s_f)) / 2                                                 (algorithm 1, GAN-CLS)
//! L_G = log s_f  +  E log D(G(z, b h_1 + (1 - b) h_2), b h_1 + (1 - b) h_2), b = 1/2                  (equation 5, GAN-INT)
//!
//! The encoder of texts has learned before, together with one of images (Reed et al. 2016, arXiv:1605.05395): an image lies nearer
//! to its own text than to those of others, and a text to its own image. Both sides of that loss are cross-entropies over a batch
//! here, where the paper has hinges.
use super::super::Optimizers;
use super::super::config::Config as Family;
use super::super::game::augment::Augment;
use super::super::game::condition::{Condition, IntoDiscriminator, IntoGenerator, cross_entropy};
use super::super::game::contrast::unit;
use super::super::game::objective::{Losses, Rule};
use super::super::game::penalty::Penalties;
use super::super::game::{
    Critic, CriticConfig, Game, Illustrates, Moment, Play, Round, Shown, Stage, check_weights, critic,
};
use super::super::networks::summary::Summary;
use super::super::networks::text::{TextNetwork, numbered};
use super::super::networks::{GeneratorNetwork, Heads, Sizes, Told};
use super::paired::GENERATOR;
use crate::{Holds, NetworkInfo, Part, Port, Purpose, as_image_shape};
use burn::tensor::{Device, Int, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_kernels::noise;
use menagerie_nn::{Init, Learner, OptimizerConfig, Tensors, number, numbers};
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is the model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DescribedConfig {
    /// `[model]`: which networks, and their sizes
    pub model: Sizes,
    /// `[text]`: the encoders, and what the game makes of texts
    #[serde(default)]
    pub text: TextSettings,
    /// `[objective]`: what the two players minimize
    pub objective: Rule,
    /// `[penalty]`: what keeps the discriminator in bounds
    #[serde(default)]
    pub penalty: Penalties,
    /// `[augment]`: what everything that the discriminator sees goes through
    #[serde(default)]
    pub augment: Augment,
    /// `[optimizer]`
    #[serde(default)]
    pub optimizer: Optimizers,
}

/// `[text]`
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TextSettings {
    /// numbers that stand for a word
    pub words: usize,
    /// numbers that stand for a text (paper: 1,024, brought down to 128)
    pub features: usize,
    /// first updates, in which the encoders learn alone; then they stay as they are
    pub steps: u64,
    /// step size of the encoders
    pub learning_rate: f64,
    /// what cosines of images and texts are divided by
    pub temperature: f64,
    /// how the discriminator hears a text: `projection`, of its features (Miyato & Koyama 2018), or `concatenate`, as planes
    pub discriminator: IntoDiscriminator,
    /// whether images with texts of others count as wrong, too (GAN-CLS); without, the game is a conditional GAN
    pub wrong: bool,
    /// weight of texts between two others (GAN-INT); 0 for none
    pub interpolate: f64,
}

impl Default for TextSettings {
    fn default() -> Self {
        TextSettings {
            words: 64,
            features: 64,
            steps: 1000,
            learning_rate: 1e-3,
            temperature: 0.1,
            discriminator: IntoDiscriminator::Projection,
            wrong: true,
            interpolate: 1.0,
        }
    }
}

const TEXT: &str = "text";
const IMAGE: &str = "image";

/// See the module.
pub struct Described {
    stage: Stage,
    settings: TextSettings,
    words: Vec<String>,
    latent: usize,
    text: Learner<TextNetwork>,
    image: Learner<Summary>,
    generator: Learner<GeneratorNetwork>,
    critic: Critic,
}

impl DescribedConfig {
    /// Refuses what is out of range, and what clashes.
    ///
    /// # Errors
    /// [`Error::Recipe`].
    pub fn check(&self) -> Result<()> {
        self.family().check()?;
        let t = &self.text;
        check_weights([
            ("text.interpolate", t.interpolate),
            ("text.learning_rate", t.learning_rate),
        ])?;
        let counts = [("text.words", t.words), ("text.features", t.features)];
        if let Some((key, _)) = counts.into_iter().find(|(_, n)| *n == 0) {
            return Err(Error::recipe(key, "0 is too small", "give 1 or more"));
        }
        if !(t.temperature.is_finite() && t.temperature > 0.0) {
            let problem = format!("{} divides nothing", t.temperature);
            return Err(Error::recipe("text.temperature", problem, "give more than 0"));
        }
        if t.wrong && matches!(self.objective.objective().losses(), Losses::Together(_)) {
            let problem = format!(
                "`{}` compares data and samples one by one, and with wrong texts there are twice as many samples",
                self.objective.name()
            );
            return Err(Error::recipe(
                "objective.rule",
                problem,
                "set it to non-saturating, or text.wrong = false",
            ));
        }
        match t.discriminator {
            IntoDiscriminator::Projection | IntoDiscriminator::Concatenate => Ok(()),
            _ => Err(Error::recipe(
                "text.discriminator",
                "it is of classes, and a text is none",
                "set it to projection or concatenate",
            )),
        }
    }

    fn condition(&self) -> Condition {
        Condition {
            generator: IntoGenerator::Concatenate,
            discriminator: self.text.discriminator,
            ..Condition::default()
        }
    }

    /// As a game of two with classes, whose rules of what clashes hold here, too.
    fn family(&self) -> Family {
        Family {
            objective: self.objective,
            penalty: self.penalty.clone(),
            augment: self.augment.clone(),
            condition: Some(self.condition()),
            optimizer: self.optimizer,
            ..Family::of(self.model.clone())
        }
    }

    /// Fresh networks for images with captions.
    ///
    /// # Errors
    /// For settings that clash, and images that are not all described.
    pub fn described(
        &self,
        model: &'static str,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<Described>> {
        self.check()?;
        self.model.check(model, info)?;
        if info.kind != Kind::Image {
            let problem = format!("{model} draws images, and these are {}", info.kind.plural());
            return Err(Error::data(&info.source, problem, "choose images with captions"));
        }
        info.every_caption(model)?;
        let t = self.text;
        let init = |name: &str| Init::new(key.stream(name), device);
        let told = Told {
            joined: t.features,
            norms: 0,
        };
        let generator = self.model.generator(info, told, &init(GENERATOR));
        let config = CriticConfig {
            numbers: t.features,
            ..self.family().critic(info)
        };
        let critic = Critic::new(
            config,
            &self.model,
            info,
            Heads::default(),
            key.stream(critic::DISCRIMINATOR),
            device,
        )?;
        let shape = as_image_shape(info);
        let text = TextNetwork::new(info.captions.words.len(), t.words, t.features, &init(TEXT));
        let image = Summary::new(t.words.div_ceil(2), shape, t.features, &init(IMAGE));
        let encoders = OptimizerConfig::adam(t.learning_rate);
        let average = self.model.average();
        Ok(Game::new(Described {
            stage: Stage::new(model, info, device),
            settings: t,
            words: info.captions.words.clone(),
            latent: self.model.latent(),
            text: Learner::new(TEXT, text, encoders, 0.0, device)?,
            image: Learner::new(IMAGE, image, encoders, 0.0, device)?,
            generator: Learner::new(GENERATOR, generator, self.optimizer.generator, average, device)?,
            critic,
        }))
    }
}

/// What networks hear of a text: numbers of about one each, whatever their count.
fn heard(text: Tensor<2>) -> Tensor<2> {
    let scale = (text.dims()[1] as f64).sqrt();
    unit(text) * scale
}

/// Both sides of the loss: the cross-entropy of each image's own text among those of the batch, and of each text's own image.
pub(super) fn symmetric(images: Tensor<2>, texts: Tensor<2>, temperature: f64) -> Tensor<1> {
    let n = images.dims()[0];
    let logits = unit(images).matmul(unit(texts).transpose()) / temperature;
    let own = Tensor::<2>::eye(n, &logits.device());
    (cross_entropy(logits.clone(), own.clone()) + cross_entropy(logits.transpose(), own)) / 2.0
}

impl Described {
    fn captions<'a>(&self, batch: &'a Batch) -> Result<&'a [String]> {
        batch.captions.as_deref().ok_or_else(|| {
            let problem = format!(
                "some images have no caption, and {} learns from captions",
                self.stage.model
            );
            Error::data("the training data", problem, "describe all of them")
        })
    }

    fn drawn(&self, keys: &[Key], device: &Device) -> Tensor<2> {
        let one = |k: &Key| noise::normal::<2>(k.words(), [1, self.latent], device);
        Tensor::cat(keys.iter().map(one).collect(), 0)
    }

    /// The encoders come closer to each other on what belongs together.
    fn encode(&mut self, items: Tensor<4>, words: Tensor<2, Int>, watch: bool) -> Result<Round> {
        let images = self.image.network().forward(items);
        let texts = self.text.network().forward(words);
        let n = images.dims()[0];
        let mut scalars = Vec::new();
        if watch {
            let close = numbers(unit(images.clone()).matmul(unit(texts.clone()).transpose()));
            let right = |(i, row): (usize, &[f32])| row.iter().all(|v| *v <= row[i]);
            let found = close.chunks_exact(n).enumerate().filter(|r| right(*r)).count();
            scalars.push(("text/found", found as f64 / n as f64));
        }
        let loss = symmetric(images, texts, self.settings.temperature);
        let value = number(loss.clone());
        let now = Moment {
            updates: self.updates(),
            key: Key::new(0),
            watch,
        };
        critic::finite("the encoders' loss", value, now)?;
        scalars.push(("loss/text", value));
        let mut gradients = [loss.backward()];
        self.image.update(&mut gradients, false);
        self.text.update(&mut gradients, false);
        Ok(Round {
            scalars,
            observation: None,
        })
    }

    /// A turn of the game, with texts as they are read.
    fn play(&mut self, items: Tensor<4>, words: Tensor<2, Int>, key: Key, watch: bool) -> Result<Round> {
        let updates = self.updates();
        let now = Moment { updates, key, watch };
        let device = self.stage.device.clone();
        let s = self.settings;
        let text = heard(self.text.network().forward(words)).detach();
        let n = items.dims()[0];
        let keys = |name: &str| -> Vec<Key> {
            let key = key.stream(name);
            (0..n as u64).map(|i| key.step(i)).collect()
        };
        let said = |items: Tensor<4>, text: Tensor<2>| Shown {
            classes: Some(text),
            ..Shown::plain(items)
        };
        // Texts of others: those of the items before.
        let others = Tensor::cat(
            vec![text.clone().narrow(0, n - 1, 1), text.clone().narrow(0, 0, n - 1)],
            0,
        );
        let z = self.drawn(&keys("latents"), &device);
        let made = self.generator.network().forward(z, Some(&text));
        let (data, samples) = (
            said(items.clone(), text.clone()),
            said(made.clone(), text.clone()),
        );
        let wrong = match s.wrong {
            true => said(
                Tensor::cat(vec![made.clone(), items.clone()], 0),
                Tensor::cat(vec![text.clone(), others.clone()], 0),
            ),
            false => samples.clone(),
        };
        let seen = self.critic.learn(data.clone(), wrong, None, now)?;
        let noise = key.stream("noise for the generator");
        let shown = self.critic.shown(samples, updates, noise);
        let persuaded = self.critic.persuade(&shown, Some(&data), None);
        let mut scalars = vec![
            ("loss/discriminator", seen.loss),
            ("loss/generator", number(persuaded.clone())),
        ];
        let mut loss = persuaded;
        if s.interpolate > 0.0 {
            let between = heard(text + others);
            let z = self.drawn(&keys("latents between"), &device);
            let made = self.generator.network().forward(z, Some(&between));
            let shown = self
                .critic
                .shown(said(made, between), updates, noise.stream("between"));
            let persuaded = self.critic.persuade(&shown, Some(&data), None);
            scalars.push(("loss/generator-between", number(persuaded.clone())));
            loss = loss + persuaded * s.interpolate;
        }
        critic::finite("the generator's loss", number(loss.clone()), now)?;
        let gradient = self
            .generator
            .update(&mut [loss.backward()], watch)
            .unwrap_or(f64::NAN);
        let spread = watch.then(|| super::paired::diversity(made, items));
        Ok(Round::of(scalars, &self.critic, seen, gradient, spread))
    }
}

impl Play for Described {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn updates(&self) -> u64 {
        self.text.updates() + self.generator.updates()
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        let device = self.stage.plain();
        let [h, w, c] = self.stage.image_shape();
        let x: Tensor<4> = Tensor::zeros([1, h, w, c], &device);
        let (z, text) = (
            Tensor::zeros([1, self.latent], &device),
            Tensor::zeros([1, self.settings.features], &device),
        );
        let words = Tensor::<2, Int>::zeros([1, 32], &device);
        vec![
            self.generator.info(|g| g.forward(z, Some(&text))),
            self.critic.info([h, w, c], self.settings.features, &device),
            self.text.info(|t| t.forward(words)),
            self.image.info(|i| i.forward(x)),
        ]
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        let Some(batch) = batches.first() else {
            return Ok(Round::default());
        };
        let items = self.stage.items(batch);
        let words = numbered(self.captions(batch)?, &self.words, &self.stage.device);
        match self.text.updates() < self.settings.steps {
            true => self.encode(items, words, watch),
            false => self.play(items, words, key, watch),
        }
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.generator.save();
        parts.extend(self.critic.save());
        parts.extend(self.text.save());
        parts.extend(self.image.save());
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.generator.load(read, purpose)?;
        // What it says of images and texts is an answer, too.
        self.critic.load(read, purpose)?;
        self.text.load(read, purpose)?;
        self.image.load(read, purpose)
    }

    fn illustrates(&self) -> Option<&dyn Illustrates> {
        Some(self)
    }
}

impl Illustrates for Described {
    fn words(&self) -> &[String] {
        &self.words
    }

    fn read(&self, texts: &[String]) -> Tensor<2> {
        let words = numbered(texts, &self.words, &self.stage.plain());
        heard(self.text.for_use().forward(words))
    }

    fn latents(&self, keys: &[Key]) -> Tensor<2> {
        self.drawn(keys, &self.stage.plain())
    }

    fn inputs(&self) -> Vec<Port> {
        let read = "a text as the run's encoder reads it, of length sqrt(numbers)";
        vec![
            Port::of("latent", &[self.latent], Holds::Normal, "standard normal"),
            Port::of("text", &[self.settings.features], Holds::Sphere, read),
        ]
    }

    fn draw(&self, latents: Tensor<2>, read: Tensor<2>) -> Tensor<4> {
        let generator = self.generator.for_use_on(&latents.device());
        generator.forward(latents, Some(&read))
    }

    fn fits(&self, images: Tensor<4>, read: Tensor<2>) -> Vec<f32> {
        self.critic.scores(&Shown {
            classes: Some(read),
            ..Shown::plain(images)
        })
    }

    fn closeness(&self, images: Tensor<4>, read: Tensor<2>) -> Tensor<2> {
        unit(self.image.for_use().forward(images)).matmul(unit(read).transpose())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::TensorData;

    fn rows<const N: usize>(values: [[f32; 2]; N]) -> Tensor<2> {
        Tensor::from_data(TensorData::new(values.concat(), [N, 2]), &Device::flex())
    }

    /// By hand: two images at right angles, their texts where they are, then exchanged; lengths do not matter.
    #[test]
    fn own_texts_are_nearer() {
        let images = rows([[2.0, 0.0], [0.0, 3.0]]);
        let right = number(symmetric(images.clone(), rows([[1.0, 0.0], [0.0, 9.0]]), 0.5));
        assert!((right - (1.0 + (-2f64).exp()).ln()).abs() < 1e-5, "{right}");
        let wrong = number(symmetric(images, rows([[0.0, 1.0], [1.0, 0.0]]), 0.5));
        assert!((wrong - (1.0 + 2f64.exp()).ln()).abs() < 1e-5, "{wrong}");
    }
}
