//! A game of two that are told what images show, and then an encoder that inverts the generator, so that an image of the data can be
//! given another thing to show (Perarnau et al. 2016, arXiv:1611.06355, IcGAN). With y what x shows, y' what others of its batch do:
//!
//! min_G max_D  E log D(x, y) + E log (1 - D(G(z, y'), y'))                                               (section 3.1)
//! min_Ez  E |z - Ez(G(z, y'))|^2                     after the game, whose generator stands still          (equation 3)
//! min_Ey  E -log Ey(y | x)                           of the data                     (equation 4, which has squares)
//!
//! x is edited as G(Ez(x), y*), y* being what Ey reads with what is asked for in its place. The latent that Ez finds may be made
//! better by a search, which keeps pixels or who is seen (Antipov et al. 2017, arXiv:1702.01983, section 2.2):
//!
//! z* = argmin_z |F(x) - F(G(z, Ey(x)))|^2,   F the image itself, or a network that tells faces apart
use super::super::config::Config;
use super::super::editing::{EditSettings, Keeps};
use super::super::game::condition::Condition;
use super::super::game::{
    Critic, Draws, Game, Inverts, Moment, Play, Round, Sees, Shown, Stage, Translates, Wanted, critic,
};
use super::super::networks::translator::Drawn;
use super::super::networks::{GeneratorNetwork, Heads, Sizes, Told as ToldSizes};
use super::descent::descend;
use super::duel::{latents, port_of};
use super::identity::Identity;
use super::joint::EncoderNetwork;
use super::pool::Pool;
use super::told::{self, Told};
use crate::{Decoder, Holds, NetworkInfo, Part, Port, Purpose};
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo};
use menagerie_nn::{Init, Learner, Tensors, number, on_tape};

/// Rows of what images of the data show, of which samples are given one.
const ROWS: usize = 256;

/// See the module.
pub struct Edited {
    stage: Stage,
    config: Config,
    settings: EditSettings,
    told: Told,
    latent: usize,
    generator: Learner<GeneratorNetwork>,
    critic: Critic,
    encoder: Learner<EncoderNetwork>,
    reader: Learner<EncoderNetwork>,
    identity: Option<Identity>,
    rows: Pool,
}

impl Config {
    /// Fresh networks for images that say what they show.
    ///
    /// # Errors
    /// For settings that clash, and data that do not say it.
    pub fn edited(
        &self,
        model: &'static str,
        settings: EditSettings,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<Edited>> {
        self.check()?;
        self.plain_scores(model)?;
        settings.check()?;
        self.model.check(model, info)?;
        for (key, on) in [
            ("game.balance", self.game.balance.is_some()),
            ("game.freeze", self.game.freeze.is_some()),
            ("game.bits", self.game.bits.is_some()),
            ("game.low_density", self.game.low_density.is_some()),
            ("game.unrolled", self.game.unrolled.is_some()),
            ("game.standing", self.game.standing > 0),
            ("game.feature_matching", self.game.feature_matching),
            ("penalty.path_length", self.penalty.path_length.is_some()),
            ("model.phase", matches!(self.model, Sizes::Progan(_))),
            (
                "penalty.latent_consistency",
                self.penalty.latent_consistency.is_some(),
            ),
        ] {
            if on {
                let problem =
                    format!("{model} edits images of a plain generator, and this has no meaning there");
                return Err(Error::recipe(key, problem, "leave it out"));
            }
        }
        let told = Told::new(model, info, &settings.domains, "edit.domains")?;
        let (n, latent) = (told.names.len(), self.model.latent());
        let at = |name: &str| Init::new(key.stream(name), device);
        let joined = ToldSizes { joined: n, norms: 0 };
        let generator = self.model.generator(info, joined, &at("generator"));
        let encoder = EncoderNetwork::new(&self.model, info, (0, latent), false, &at("encoder"));
        let reader = EncoderNetwork::new(&self.model, info, (0, n), false, &at("reader"));
        let mut axes = self.critic(info);
        (axes.condition, axes.numbers) = (Some(Condition::default()), n);
        let (optimizer, average) = (self.optimizer.generator, self.model.average());
        let key_of_critic = key.stream(critic::DISCRIMINATOR);
        Ok(Game::new(Edited {
            stage: Stage::new(model, info, device),
            config: self.clone(),
            latent,
            generator: Learner::new("generator", generator, optimizer, average, device)?,
            critic: Critic::new(axes, &self.model, info, Heads::default(), key_of_critic, device)?,
            encoder: Learner::new("encoder", encoder, optimizer, average, device)?,
            reader: Learner::new("reader", reader, optimizer, average, device)?,
            identity: match settings.search {
                Keeps::Identity => Some(Identity::new(self, info, device, &at("identity"))?),
                _ => None,
            },
            rows: Pool::new("shown", ROWS, [1, 1, n]),
            told,
            settings,
        }))
    }
}

impl Edited {
    fn drawn_latents(&self, count: usize, key: Key, device: &Device) -> Tensor<2> {
        latents(
            self.config.game.prior,
            count,
            self.latent,
            key.stream("latents"),
            device,
        )
    }

    /// Updates of both of the two, then of what reads images of the data.
    fn play(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        let updates = self.generator.updates();
        let mut last = None;
        for (i, batch) in batches.iter().enumerate() {
            let of = key.step(i as u64);
            let (x, y) = (self.stage.items(batch), self.told.of(&self.stage, batch)?);
            let (n, k) = (batch.shape[0], self.told.names.len());
            self.rows
                .exchanged(&y.clone().reshape([n, 1, 1, k]), of.stream("shown"));
            let asked = told::shuffled(&y, of.stream("order"));
            let z = self.drawn_latents(n, of, &self.stage.device);
            let samples = Shown {
                classes: Some(asked.clone()),
                ..Shown::plain(self.generator.network().forward(z, Some(&asked)))
            };
            let data = Shown {
                classes: Some(y),
                ..Shown::plain(x)
            };
            let now = Moment {
                updates,
                key: of,
                watch: watch && i + 1 == batches.len(),
            };
            let seen = self.critic.learn(data.clone(), samples.clone(), None, now)?;
            last = Some((seen, data, samples, now));
        }
        let Some((seen, data, samples, now)) = last else {
            return Ok(Round::default());
        };
        let diversity = watch.then(|| self.stage.diversity(&samples.items.clone().inner(), &batches[0]));
        let noise = |of: &str| key.stream(of);
        let samples = self
            .critic
            .shown(samples, updates, noise("noise for the generator"));
        let loss = self.critic.persuade(&samples, Some(&data), None);
        let value = number(loss.clone());
        critic::finite("the generator's loss", value, now)?;
        let gradient = self
            .generator
            .update(&mut [loss.backward()], watch)
            .unwrap_or(f64::NAN);
        let mut scalars = vec![("loss/discriminator", seen.loss), ("loss/generator", value)];
        scalars.extend(self.read(&data, key)?);
        Ok(Round::of(scalars, &self.critic, seen, gradient, diversity))
    }

    /// Updates of what reads images of the data.
    fn read(&mut self, data: &Shown, key: Key) -> Result<Vec<(&'static str, f64)>> {
        let mut scalars = Vec::new();
        if let Some(y) = &data.classes {
            let (logits, _) = self.reader.network().forward(data.items.clone());
            let loss = self.told.misread(logits, y);
            scalars.push(("loss/reader", self.reader.descend(loss, false)?.loss));
        }
        if let Some(identity) = &mut self.identity {
            scalars.push(("loss/identity", identity.learn(&data.items, key.stream("views"))?));
        }
        Ok(scalars)
    }

    /// An update of the encoder on samples, and of what reads images.
    fn invert_samples(&mut self, batch: &Batch, key: Key, watch: bool) -> Result<Round> {
        let y = self.told.of(&self.stage, batch)?;
        let data = Shown {
            classes: Some(y.clone()),
            ..Shown::plain(self.stage.items(batch))
        };
        let mut scalars = self.read(&data, key)?;
        let asked = told::shuffled(&y, key.stream("order"));
        let z = self.drawn_latents(batch.shape[0], key, &self.stage.device);
        let x = on_tape(self.generator.for_use()).forward(z.clone(), Some(&asked));
        let (found, _) = self.encoder.network().forward(x.detach());
        let off = found - z;
        let done = self.encoder.descend((off.clone() * off).mean(), watch)?;
        scalars.push(("loss/latent", done.loss));
        scalars.extend(done.gradient.map(|g| ("gradient/encoder", g)));
        Ok(Round {
            scalars,
            observation: None,
        })
    }

    /// Latents of images that show `y`: the encoder's, or what a search makes of them.
    fn found(&self, images: &Tensor<4>, y: &Tensor<2>) -> Tensor<2> {
        let z = self
            .encoder
            .for_use_on(&images.device())
            .forward(images.clone())
            .0;
        let generator = on_tape(self.generator.for_use());
        let (x, y) = (Tensor::from_inner(images.clone()), Tensor::from_inner(y.clone()));
        let how = (self.settings.search_steps, self.settings.search_rate);
        let apart = |a: Tensor<2>, b: Tensor<2>| (a - b).powi_scalar(2).sum();
        match (self.settings.search, &self.identity) {
            (Keeps::Identity, Some(identity)) => {
                let who = identity.fixed();
                let wanted = who(x);
                descend(z, how, |z| {
                    apart(wanted.clone(), who(generator.forward(z, Some(&y))))
                })
            }
            (Keeps::Pixels, _) => descend(z, how, |z| {
                apart(
                    x.clone().flatten(1, 3),
                    generator.forward(z, Some(&y)).flatten(1, 3),
                )
            }),
            _ => z,
        }
    }

    /// What images show, by the reader.
    fn logits(&self, images: &Tensor<4>) -> Tensor<2> {
        self.reader.for_use_on(&images.device()).forward(images.clone()).0
    }

    fn rows_of(&self, values: Vec<f32>, device: &Device) -> Tensor<2> {
        let k = self.told.names.len();
        let n = values.len() / k;
        Tensor::from_data(TensorData::new(values, [n, k]), device)
    }
}

impl Play for Edited {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn updates(&self) -> u64 {
        self.generator.updates() + self.encoder.updates()
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        let (device, n) = (self.stage.plain(), self.told.names.len());
        let [h, w, c] = self.stage.image_shape();
        let x: Tensor<4> = Tensor::zeros([1, h, w, c], &device);
        let z = Tensor::zeros([1, self.latent], &device);
        let y = Tensor::zeros([1, n], &device);
        let mut all = vec![
            self.generator.info(|g| g.forward(z, Some(&y))),
            self.critic.info([h, w, c], n, &device),
            self.encoder.info(|e| e.forward(x.clone())),
            self.reader.info(|e| e.forward(x.clone())),
        ];
        all.extend(self.identity.as_ref().map(|i| i.info(x)));
        all
    }

    fn batches_per_step(&self) -> usize {
        self.config.game.discriminator_steps
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        match batches.first() {
            Some(batch) if self.generator.updates() >= self.settings.from => {
                self.invert_samples(batch, key, watch)
            }
            _ => self.play(batches, key, watch),
        }
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.generator.save();
        parts.extend(self.critic.save());
        parts.extend(self.encoder.save());
        parts.extend(self.reader.save());
        parts.extend(self.identity.iter().flat_map(Identity::save));
        parts.extend(self.rows.save());
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.generator.load(read, purpose)?;
        self.rows.load(read)?;
        if purpose == Purpose::Sample {
            return Ok(());
        }
        self.critic.load(read, purpose)?;
        self.encoder.load(read, purpose)?;
        self.reader.load(read, purpose)?;
        self.identity.iter_mut().try_for_each(|i| i.load(read, purpose))
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
    fn translates(&self) -> Option<&dyn Translates> {
        Some(self)
    }
}

/// A latent proper, and behind it what is to be shown.
impl Draws for Edited {
    fn latent(&self) -> usize {
        self.latent + self.told.names.len()
    }

    /// What a sample is to show is what one of the images of the data shows.
    fn prior(&self, count: usize, key: Key) -> Tensor<2> {
        let (device, kept) = (self.stage.plain(), self.rows.kept());
        let nothing = vec![0.0; self.told.names.len()];
        let one = |i: usize| match kept.len() {
            0 => &nothing,
            n => &kept[key.stream("shown").step(i as u64).rng().below(n)],
        };
        let rows = (0..count).flat_map(|i| one(i).iter().copied()).collect();
        let y = self.rows_of(rows, &device);
        Tensor::cat(vec![self.drawn_latents(count, key, &device), y], 1)
    }

    fn inputs(&self) -> Vec<Port> {
        let names = self.told.names.join(", ");
        let meaning = format!("how much of each an image is to show, 0 to 1: {names}");
        vec![
            port_of(self.config.game.prior, self.latent),
            Port::of("domains", &[self.told.names.len()], Holds::Unit, meaning),
        ]
    }

    fn draw(&self, latents: Tensor<2>, _: Option<Tensor<2>>) -> Tensor<4> {
        let (z, y) = split(latents, self.latent);
        self.generator.for_use_on(&z.device()).forward(z, Some(&y))
    }

    fn draw_truncated(&self, latents: Tensor<2>, _: Option<Tensor<2>>, psi: f64) -> Tensor<4> {
        let (z, y) = split(latents, self.latent);
        self.draw(Tensor::cat(vec![z * psi, y], 1), None)
    }

    fn differentiable(&self) -> Option<Decoder<2>> {
        let (network, latent) = (on_tape(self.generator.for_use()), self.latent);
        Some(Box::new(move |latents| {
            let (z, y) = split(latents, latent);
            network.forward(z, Some(&y))
        }))
    }
}

fn split(latents: Tensor<2>, latent: usize) -> (Tensor<2>, Tensor<2>) {
    let rest = latents.dims()[1] - latent;
    (
        latents.clone().narrow(1, 0, latent),
        latents.narrow(1, latent, rest),
    )
}

impl Inverts for Edited {
    fn invert(&self, items: Tensor<4>) -> Tensor<2> {
        let z = self.encoder.for_use_on(&items.device()).forward(items.clone()).0;
        Tensor::cat(vec![z, self.told.as_rows(self.logits(&items))], 1)
    }
}

/// The encoder's layers: what it has learned to see.
impl Sees for Edited {
    fn layers(&self, items: Tensor<4>) -> Vec<Tensor<4>> {
        self.encoder.for_use().layers(items)
    }
}

impl Translates for Edited {
    fn domains(&self) -> &[String] {
        &self.told.names
    }

    fn size(&self) -> Option<[usize; 2]> {
        let [h, w, _] = self.stage.image_shape();
        Some([h, w])
    }

    fn turn(&self, images: Tensor<4>, wanted: &Wanted, _: Drawn<'_>) -> Tensor<4> {
        let device = images.device();
        let logits = self.logits(&images);
        let shown = self.told.as_rows(logits.clone());
        let asked = self.told.wanted(|| logits, images.dims()[0], wanted);
        let z = self.found(&images, &shown);
        let asked = self.rows_of(asked, &device);
        self.generator.for_use_on(&device).forward(z, Some(&asked))
    }

    /// Without a search, which asks for gradients on the way.
    fn turn_told(&self, images: Tensor<4>, told: Tensor<2>) -> Tensor<4> {
        let z = self.encoder.for_use_on(&images.device()).forward(images).0;
        self.generator.for_use_on(&z.device()).forward(z, Some(&told))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::networks::dcgan;
    use super::*;
    use crate::{Model, Wish};
    use menagerie_data::Kind;

    /// Images that are light or dark on their left half, and on their right half.
    fn batch(count: usize, key: Key) -> Batch {
        let mut rng = key.rng();
        let (mut values, mut attributes) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let sides = [0, 1].map(|_| if rng.chance(0.5) { 1.0f32 } else { -1.0 });
            attributes.extend(sides);
            values.extend((0..64).map(|i| 0.7 * sides[usize::from(i % 8 >= 4)]));
        }
        Batch {
            kind: Kind::Image,
            shape: vec![count, 8, 8, 1],
            values,
            labels: None,
            attributes,
            captions: None,
            indices: (0..count as u32).collect(),
        }
    }

    fn game(search: Keeps, domains: &[&str]) -> Game<Edited> {
        let mut config = Config::of(Sizes::Dcgan(dcgan::Sizes {
            width: 8,
            latent: 4,
            average: 0.9,
            ..Default::default()
        }));
        config.optimizer.generator.learning_rate = 2e-3;
        config.optimizer.discriminator.learning_rate = 2e-3;
        let info = DataInfo {
            source: "test".into(),
            kind: Kind::Image,
            shape: vec![8, 8, 1],
            count: 100,
            range: (0.0, 255.0),
            attributes: vec!["left".into(), "right".into()],
            ..DataInfo::default()
        };
        let settings = EditSettings {
            domains: domains.iter().map(|d| d.to_string()).collect(),
            from: 400,
            search,
            search_steps: 20,
            ..EditSettings::default()
        };
        let device = Device::flex().autodiff();
        config
            .edited("icgan", settings, &info, &device, Key::new(1))
            .unwrap()
    }

    /// The mean over one half of each image.
    fn half(values: &[f32], right: bool) -> Vec<f32> {
        let one = |image: &[f32]| {
            let of = (0..64).filter(|i| (i % 8 >= 4) == right);
            of.map(|i| image[i]).sum::<f32>() / 32.0
        };
        values.chunks_exact(64).map(one).collect()
    }

    fn trained(search: Keeps) -> Game<Edited> {
        let mut game = game(search, &["left"]);
        for step in 0..700 {
            let key = Key::new(2).step(step);
            game.step(&[batch(24, key)], key, false).unwrap();
        }
        game
    }

    /// Told of the left halves alone, it is the latent that must keep the right ones.
    #[test]
    fn what_is_asked_for_changes_and_the_rest_stays() {
        let (game, given) = (trained(Keeps::Nothing), batch(32, Key::new(9)));
        let t = game.as_translate().unwrap();
        let asked = |amount| {
            let to = [("left".to_string(), amount)];
            let wish = Wish {
                to: &to,
                ..Wish::default()
            };
            t.translate(&given, &wish, Key::new(3)).unwrap().values
        };
        let mean = |v: Vec<f32>| v.iter().sum::<f32>() / v.len() as f32;
        let (light, dark) = (asked(1.0), asked(0.0));
        assert!(mean(half(&light, false)) > 0.4 && mean(half(&dark, false)) < -0.4);
        let (made, truth) = (half(&light, true), half(&given.values, true));
        let kept = made.iter().zip(&truth).filter(|(a, b)| **a * **b > 0.0).count();
        assert!(kept >= 28, "{kept} of 32 right halves are as they were");
    }

    /// What a search finds is closer than what the encoder did, in what it is to keep.
    #[test]
    fn a_search_keeps_more() {
        for search in [Keeps::Pixels, Keeps::Identity] {
            let game = trained(search);
            let play = game.play();
            let x = play.stage.items(&batch(32, Key::new(9))).inner();
            let y = play.told.as_rows(play.logits(&x));
            let far = |z: Tensor<2>| {
                let back = play.generator.for_use().forward(z, Some(&y));
                let off = match &play.identity {
                    Some(identity) => {
                        let who = |x: &Tensor<4>| identity.fixed()(Tensor::from_inner(x.clone()));
                        (who(&x) - who(&back)).powi_scalar(2).mean()
                    }
                    None => (x.clone() - back).powi_scalar(2).mean(),
                };
                number(off)
            };
            let (without, with) = (
                far(play.encoder.for_use().forward(x.clone()).0),
                far(play.found(&x, &y)),
            );
            assert!(with < 0.7 * without, "{search:?}: {without} {with}");
        }
    }
}
