//! One generator and several discriminators, from small to large; how much the generator listens to each is decided by a bandit
//! (Doan et al. 2018, arXiv:1808.00020, acGAN). The generator descends sum_i pi_i L_i, L_i being its loss by discriminator i. After
//! its update each discriminator says how far its loss has fallen, the progress r_i by which the mixture moves (Hedge with full
//! information, whose past fades):
//!
//! Q_i <- (1 - d) Q_i + d r_i / max_j |r_j|,    pi_i = exp(Q_i / t) / sum_j exp(Q_j / t)
use super::super::config::Config;
use super::super::ensemble::{CRITICS, Ensemble, check_members};
use super::super::game::monitor::Observation;
use super::super::game::{Critic, Draws, Game, Moment, Play, Round, Sees, Shown, Stage, critic};
use super::super::networks::{GeneratorNetwork, Heads, Sizes, Told};
use super::duel::{latents, port_of};
use crate::{NetworkInfo, Part, Port, Purpose};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo};
use menagerie_nn::{Init, Learner, Tensors, collective, number};
use serde::{Deserialize, Serialize};

/// `[ensemble]`
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Curriculum {
    /// discriminators; the last has the width of the recipe, each one before it half of the next one's
    pub teachers: usize,
    /// share of a step in the average of progress (d)
    pub follow: f64,
    /// the higher, the more even the mixture (t)
    pub temperature: f64,
    /// whether progress decides; otherwise all teach alike
    pub bandit: bool,
}

impl Default for Curriculum {
    fn default() -> Self {
        Curriculum {
            teachers: 3,
            follow: 0.02,
            temperature: 0.25,
            bandit: true,
        }
    }
}

impl Curriculum {
    /// Refuses numbers out of range.
    ///
    /// # Errors
    /// [`Error::Recipe`].
    pub fn check(&self) -> Result<()> {
        check_members("ensemble.teachers", self.teachers, 2)?;
        let positive = |v: f64| v.is_finite() && v > 0.0;
        let numbers = [
            (
                "ensemble.follow",
                self.follow,
                positive(self.follow) && self.follow <= 1.0,
            ),
            (
                "ensemble.temperature",
                self.temperature,
                positive(self.temperature),
            ),
        ];
        match numbers.into_iter().find(|n| !n.2) {
            Some((key, v, _)) => Err(Error::recipe(
                key,
                format!("{v} is out of range"),
                "give a number above 0, such as 0.02",
            )),
            None => Ok(()),
        }
    }
}

/// What each teacher has brought so far.
#[derive(Clone, Debug, PartialEq)]
struct Bandit {
    progress: Vec<f64>,
    settings: Curriculum,
}

impl Bandit {
    fn new(settings: Curriculum) -> Self {
        Bandit {
            progress: vec![0.0; settings.teachers],
            settings,
        }
    }

    /// How much each is listened to; sums to one.
    fn mixture(&self) -> Vec<f64> {
        let most = self.progress.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weight = |q: &f64| ((q - most) / self.settings.temperature).exp();
        let weights: Vec<f64> = self.progress.iter().map(weight).collect();
        let sum: f64 = weights.iter().sum();
        weights.iter().map(|w| w / sum).collect()
    }

    /// Takes in how far each teacher's loss has fallen.
    fn follow(&mut self, fallen: &[f64]) {
        let most = fallen.iter().fold(0.0, |m: f64, r| m.max(r.abs()));
        if !self.settings.bandit || most <= 0.0 || !fallen.iter().all(|r| r.is_finite()) {
            return;
        }
        let d = self.settings.follow;
        for (q, r) in self.progress.iter_mut().zip(fallen) {
            *q = (1.0 - d) * *q + d * r / most;
        }
    }
}

/// Names of mixture shares and losses in metrics.
const SHARES: [&str; 8] = [
    "teacher/1",
    "teacher/2",
    "teacher/3",
    "teacher/4",
    "teacher/5",
    "teacher/6",
    "teacher/7",
    "teacher/8",
];
const LOSSES: [&str; 8] = [
    "loss/discriminator-1",
    "loss/discriminator-2",
    "loss/discriminator-3",
    "loss/discriminator-4",
    "loss/discriminator-5",
    "loss/discriminator-6",
    "loss/discriminator-7",
    "loss/discriminator-8",
];

/// See the module.
pub struct Teachers {
    stage: Stage,
    config: Config,
    generator: Learner<GeneratorNetwork>,
    critics: Vec<Critic>,
    bandit: Bandit,
}

/// The same networks at a part of their width: one in 2^halvings.
fn narrower(sizes: &Sizes, halvings: usize) -> Option<Sizes> {
    let mut sizes = sizes.clone();
    let half = |n: &mut usize| *n = (*n >> halvings).max(1);
    match &mut sizes {
        Sizes::Mlp(s) => {
            half(&mut s.width);
            s.discriminator.iter_mut().for_each(half);
        }
        Sizes::Dcgan(s) => half(&mut s.width),
        Sizes::Resnet(s) => half(&mut s.width),
        Sizes::R3gan(s) => half(&mut s.width),
        Sizes::Stylegan2(_)
        | Sizes::Biggan(_)
        | Sizes::Progan(_)
        | Sizes::Coupled(_)
        | Sizes::Sequence(_)
        | Sizes::Local(_)
        | Sizes::Video(_)
        | Sizes::Voxel(_)
        | Sizes::Calorimeter(_)
        | Sizes::Recurrent(_) => return None,
    }
    Some(sizes)
}

impl Ensemble<Curriculum> {
    /// Fresh networks.
    ///
    /// # Errors
    /// For settings that clash, and data that the networks cannot take.
    pub fn taught(
        &self,
        model: &'static str,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<Teachers>> {
        self.ensemble.check()?;
        self.check_axes(model)?;
        let config = self.axes();
        config.model.check(model, info)?;
        let at = Init::new(key.stream("generator"), device);
        let network = config.model.generator(info, Told::default(), &at);
        let teacher = |i: usize| -> Result<Critic> {
            let sizes = narrower(&config.model, self.ensemble.teachers - 1 - i).ok_or_else(|| {
                let problem = format!("{model} has discriminators of several widths, and these have one");
                Error::recipe("model.architecture", problem, "set it to mlp, dcgan or resnet")
            })?;
            let key = key.stream(CRITICS[i]);
            let critic = Critic::new(config.critic(info), &sizes, info, Heads::default(), key, device)?;
            Ok(critic.called(CRITICS[i]))
        };
        let (optimizer, average) = (config.optimizer.generator, config.model.average());
        Ok(Game::new(Teachers {
            stage: Stage::new(model, info, device),
            generator: Learner::new("generator", network, optimizer, average, device)?,
            critics: (0..self.ensemble.teachers).map(teacher).collect::<Result<_>>()?,
            bandit: Bandit::new(self.ensemble),
            config,
        }))
    }
}

impl Teachers {
    /// The generator's loss by each teacher.
    fn losses(&self, made: &Tensor<4>, data: &Tensor<4>, updates: u64, key: Key) -> Vec<Tensor<1>> {
        let of = |critic: &Critic| {
            let shown = |x: &Tensor<4>| critic.shown(Shown::plain(x.clone()), updates, key);
            critic.persuade(&shown(made), Some(&shown(data)), None)
        };
        self.critics.iter().map(of).collect()
    }
}

impl Play for Teachers {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn updates(&self) -> u64 {
        self.generator.updates()
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        let device = self.stage.plain();
        let z = Tensor::zeros([1, self.config.model.latent()], &device);
        let shape = self.stage.image_shape();
        let mut all = vec![self.generator.info(|g| g.forward(z, None))];
        all.extend(self.critics.iter().map(|c| c.info(shape, 0, &device)));
        all
    }

    fn batches_per_step(&self) -> usize {
        self.config.game.discriminator_steps
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        let updates = self.updates();
        let (prior, latent) = (self.config.game.prior, self.config.model.latent());
        let mut last = None;
        for (k, batch) in batches.iter().enumerate() {
            let of = key.step(k as u64);
            let x = self.stage.items(batch);
            let z = latents(
                prior,
                batch.shape[0],
                latent,
                of.stream("latents"),
                &self.stage.device,
            );
            // Samples that the generator will not learn from need no tape.
            let generator = self.generator.network().clone();
            let is_last = k + 1 == batches.len();
            let generator = if is_last { generator } else { generator.no_grad() };
            let made = generator.forward(z.clone(), None);
            drop(generator);
            let mut seen = Vec::with_capacity(self.critics.len());
            for (i, critic) in self.critics.iter_mut().enumerate() {
                let now = Moment {
                    updates,
                    key: of.step(i as u64),
                    watch: watch && is_last,
                };
                seen.push(critic.learn(Shown::plain(x.clone()), Shown::plain(made.clone()), None, now)?);
            }
            last = Some((seen, made, x, z));
        }
        let Some((seen, made, x, z)) = last else {
            return Ok(Round::default());
        };
        let diversity = watch.then(|| self.stage.diversity(&made.clone().inner(), &batches[0]));
        let key = key.stream("noise for the generator");
        let losses = self.losses(&made, &x, updates, key);
        let before: Vec<f64> = losses.iter().map(|l| number(l.clone())).collect();
        let mixture = self.bandit.mixture();
        let weighed = losses.into_iter().zip(&mixture).map(|(l, w)| l * *w);
        let Some(loss) = weighed.reduce(|a, b| a + b) else {
            return Ok(Round::default());
        };
        let value = number(loss.clone());
        critic::finite("the generator's loss", value, Moment { updates, key, watch })?;
        let gradient = self
            .generator
            .update(&mut [loss.backward()], watch)
            .unwrap_or(f64::NAN);
        // What the same latents give now.
        let made = self.generator.network().clone().no_grad().forward(z, None);
        let after = self.losses(&made, &x, updates, key);
        let fallen = before.iter().zip(after).map(|(a, b)| (a - number(b)) as f32);
        let fallen = collective::mean(fallen.collect());
        self.bandit
            .follow(&fallen.iter().map(|r| f64::from(*r)).collect::<Vec<_>>());
        let mut scalars = vec![("loss/generator", value)];
        scalars.extend(LOSSES.into_iter().zip(seen.iter().map(|s| s.loss)));
        let largest = self.critics.last().zip(seen.last());
        let observation = diversity.zip(largest).map(|(diversity, (critic, seen))| {
            scalars.extend(SHARES.into_iter().zip(mixture));
            let o = Observation::new(critic.objective(), seen, gradient, diversity);
            scalars.extend(o.scalars());
            scalars.extend(seen.scalars.iter().copied());
            o
        });
        Ok(Round { scalars, observation })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.generator.save();
        parts.extend(self.critics.iter().flat_map(Critic::save));
        let progress: Vec<String> = self.bandit.progress.iter().map(|q| format!("{q:?}")).collect();
        let progress = progress.join(" ");
        parts.push((
            "bandit".into(),
            Box::new(move || Tensors::of_note("progress", progress)),
        ));
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.generator.load(read, purpose)?;
        if purpose == Purpose::Train {
            let notes = read("bandit")?.notes;
            let text = notes.get("progress").map(String::as_str).unwrap_or_default();
            let read: Vec<f64> = text.split(' ').filter_map(|q| q.parse().ok()).collect();
            if read.len() != self.critics.len() {
                let problem = "it does not say how much each discriminator has brought";
                return Err(Error::data("bandit", problem, "take another checkpoint"));
            }
            self.bandit.progress = read;
        }
        self.critics.iter_mut().try_for_each(|c| c.load(read, purpose))
    }

    fn draws(&self) -> Option<&dyn Draws> {
        Some(self)
    }
    fn sees(&self) -> Option<&dyn Sees> {
        Some(self)
    }
}

impl Draws for Teachers {
    fn latent(&self) -> usize {
        self.config.model.latent()
    }
    fn prior(&self, count: usize, key: Key) -> Tensor<2> {
        let key = key.stream("latents");
        latents(
            self.config.game.prior,
            count,
            Draws::latent(self),
            key,
            &self.stage.plain(),
        )
    }
    fn inputs(&self) -> Vec<Port> {
        vec![port_of(self.config.game.prior, Draws::latent(self))]
    }
    fn draw(&self, latents: Tensor<2>, _: Option<Tensor<2>>) -> Tensor<4> {
        self.generator
            .for_use_on(&latents.device())
            .forward(latents, None)
    }
    fn first_weights(&self) -> Option<Tensor<2>> {
        self.generator.for_use().first_weights()
    }
}

/// By the largest discriminator.
impl Sees for Teachers {
    fn layers(&self, items: Tensor<4>) -> Vec<Tensor<4>> {
        let largest = self.critics.last().map(|c| c.network().valid());
        largest.map(|network| network.layers(items)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever brings progress is listened to, until another one does; without the bandit all are, alike.
    #[test]
    fn progress_is_listened_to() {
        let mut bandit = Bandit::new(Curriculum::default());
        assert!(bandit.mixture().iter().all(|p| (p - 1.0 / 3.0).abs() < 1e-12));
        (0..200).for_each(|_| bandit.follow(&[0.02, 0.001, -0.01]));
        let first = bandit.mixture();
        assert!(first[0] > 0.9 && first[1] > first[2], "{first:?}");
        (0..200).for_each(|_| bandit.follow(&[0.0, 0.0, 5.0]));
        let then = bandit.mixture();
        assert!(
            then[2] > 0.9 && (then.iter().sum::<f64>() - 1.0).abs() < 1e-12,
            "{then:?}"
        );
        let kept = bandit.clone();
        bandit.follow(&[0.0; 3]);
        bandit.follow(&[f64::NAN, 1.0, f64::INFINITY]);
        assert_eq!(bandit, kept);
        let mut even = Bandit::new(Curriculum {
            bandit: false,
            ..Curriculum::default()
        });
        even.follow(&[1.0, 0.0, 0.0]);
        assert_eq!(even.mixture(), [1.0 / 3.0; 3]);
    }

    #[test]
    fn teachers_halve_their_width() {
        let dcgan = Sizes::Dcgan(Default::default());
        let width = |halvings| match narrower(&dcgan, halvings) {
            Some(Sizes::Dcgan(s)) => s.width,
            _ => 0,
        };
        assert_eq!([width(0), width(1), width(2), width(10)], [64, 32, 16, 1]);
        assert!(narrower(&Sizes::Progan(Default::default()), 1).is_none());
    }
}
