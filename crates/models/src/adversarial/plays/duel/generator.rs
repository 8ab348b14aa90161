//! What the generator makes, and the loss by which it learns.
use super::super::super::config::Prior;
use super::super::super::game::condition::IntoGenerator;
use super::super::super::game::critic::finite;
use super::super::super::game::{Moment, Shown};
use super::super::super::networks::GeneratorNetwork;
use super::Duel;
use crate::{Holds, Port};
use burn::module::Module;
use burn::tensor::{Device, Gradients, Tensor, TensorData};
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use menagerie_kernels::noise;

/// A number by its name in `metrics.jsonl`.
type Watched = (&'static str, f64);

/// Latents from a prior, row i a function of the key and i.
pub fn latents(prior: Prior, count: usize, latent: usize, key: Key, device: &Device) -> Tensor<2> {
    match prior {
        Prior::Normal => noise::normal(key.words(), [count, latent], device),
        Prior::Uniform => noise::uniform::<2>(key.words(), [count, latent], device) * 2.0 - 1.0,
        Prior::Sphere => {
            let z: Tensor<2> = noise::normal(key.words(), [count, latent], device);
            let norm = (z.clone() * z.clone()).sum_dim(1).sqrt() + 1e-12;
            z / norm * (latent as f64).sqrt()
        }
        Prior::Truncated => {
            let values = (0..count).flat_map(|i| {
                let mut rng = key.step(i as u64).rng();
                let mut within = move || loop {
                    let z = rng.normal();
                    if z.abs() <= 2.0 {
                        return z as f32;
                    }
                };
                (0..latent).map(move |_| within()).collect::<Vec<_>>()
            });
            Tensor::from_data(
                TensorData::new(values.collect::<Vec<f32>>(), [count, latent]),
                device,
            )
        }
    }
}

/// Latents from a prior, as another program gives them.
pub fn port_of(prior: Prior, latent: usize) -> Port {
    let (holds, meaning) = match prior {
        Prior::Normal => (Holds::Normal, "standard normal".to_string()),
        Prior::Uniform => (Holds::Symmetric, "uniform in [-1, 1)".to_string()),
        Prior::Truncated => (Holds::Truncated, "standard normal within ±2".to_string()),
        Prior::Sphere => {
            let radius = (latent as f64).sqrt();
            (Holds::Sphere, format!("on the sphere of radius {radius:.3}"))
        }
    };
    Port::of("latent", &[latent], holds, meaning)
}

impl Duel {
    /// The path lengths of as many images as the penalty takes of a batch, where it is their turn: gradients, and numbers to be
    /// watched.
    pub(super) fn path_lengths(
        &mut self,
        count: usize,
        now: Moment,
    ) -> Result<Option<(Gradients, [Watched; 2])>> {
        let updates = self.generator.updates();
        let due = self.path_length.filter(|p| updates.is_multiple_of(p.every));
        let Some((penalty, network)) = due.zip(self.generator.network().styled()) else {
            return Ok(None);
        };
        let key = now.key.stream("path lengths");
        let (count, device) = ((count / penalty.shrink).max(1), &self.stage.device);
        let z = latents(self.game.prior, count, self.latent, key.stream("latents"), device);
        let classes = self.drawn_classes(count, key);
        let codes = self
            .codes
            .as_ref()
            .map(|c| c.draw(count, key.stream("codes"), device));
        let told = Self::told(classes.as_ref().filter(|_| self.hears()), codes.as_ref());
        let lengths = penalty.lengths(network, z, told.as_ref(), self.usual_path, key);
        finite("penalty.path_length", lengths.value, now)?;
        self.usual_path = lengths.average;
        let watched = [
            ("penalty/path_length", lengths.value),
            ("path/length", lengths.mean),
        ];
        Ok(Some((lengths.gradients, watched)))
    }

    /// The classes of samples, as often as the data have them.
    fn drawn_classes(&self, count: usize, key: Key) -> Option<Tensor<2>> {
        self.condition.map(|_| {
            let drawn = self.stage.draw_labels(count, key.stream("classes"));
            self.stage.one_hot(&drawn, &self.stage.device)
        })
    }

    /// Whether the generator hears classes.
    pub(super) fn hears(&self) -> bool {
        self.condition
            .is_some_and(|c| c.generator != IntoGenerator::Nothing)
    }

    /// Latents proper, and what the generator is told beside them, of latents with codes behind them.
    pub(super) fn heard(
        &self,
        latents: Tensor<2>,
        classes: Option<Tensor<2>>,
    ) -> (Tensor<2>, Option<Tensor<2>>) {
        let codes = self
            .codes
            .as_ref()
            .map(|c| latents.clone().narrow(1, self.latent, c.numbers()));
        let told = Self::told(classes.as_ref(), codes.as_ref());
        (latents.narrow(1, 0, self.latent), told)
    }

    /// What the generator is told: classes, then codes.
    pub(super) fn told(classes: Option<&Tensor<2>>, codes: Option<&Tensor<2>>) -> Option<Tensor<2>> {
        match (classes, codes) {
            (Some(a), Some(b)) => Some(Tensor::cat(vec![a.clone(), b.clone()], 1)),
            (a, b) => a.or(b).cloned(),
        }
    }

    /// Draws samples with this generator, on its tape if it has one.
    pub(super) fn make(&self, generator: &GeneratorNetwork, count: usize, latents: &str, key: Key) -> Shown {
        let device = &self.stage.device;
        let z = self::latents(self.game.prior, count, self.latent, key.stream(latents), device);
        let classes = self.drawn_classes(count, key);
        let codes = self
            .codes
            .as_ref()
            .map(|c| c.draw(count, key.stream("codes"), device));
        let told = Self::told(classes.as_ref().filter(|_| self.hears()), codes.as_ref());
        let z = if self.game.latent_step > 0.0 {
            self.moved(z, told.as_ref(), classes.as_ref())
        } else {
            z
        };
        let near = self.latent_consistency.map(|c| {
            let e: Tensor<2> = noise::normal(key.stream("nearby").words(), z.dims(), device);
            generator.forward(z.clone() + e * c.std, told.as_ref())
        });
        let items = generator.in_training(z, told.as_ref(), key.stream("inside the generator"));
        Shown {
            classes,
            codes,
            near,
            ..Shown::plain(items)
        }
    }

    /// LOGAN's natural step (Wu et al. 2019, equation 12): z + alpha g / (beta + ||g||^2), g the gradient of what the
    /// generator's loss loses. The step counts as constant: the term of second order is left out.
    fn moved(&self, z: Tensor<2>, told: Option<&Tensor<2>>, classes: Option<&Tensor<2>>) -> Tensor<2> {
        const BETA: f64 = 5.0;
        let at = z.clone().detach().require_grad();
        let items = self
            .generator
            .network()
            .clone()
            .no_grad()
            .forward(at.clone(), told);
        let loss = -self.critic.persuade(
            &Shown {
                classes: classes.cloned(),
                ..Shown::plain(items)
            },
            None,
            None,
        );
        let gradients = (loss * z.dims()[0] as f64).backward();
        let Some(g) = at.grad(&gradients) else { return z };
        let square = (g.clone() * g.clone()).sum_dim(1) + BETA;
        z + Tensor::from_inner(g / square * self.game.latent_step)
    }

    /// The samples, by scores, that the generator learns from (Sinha et al. 2020).
    fn best(&self, updates: u64) -> Option<impl Fn(&[f32]) -> Vec<usize>> {
        let part = (updates as f64 / self.game.top_k_steps.max(1) as f64).min(1.0);
        let share = 1.0 - part * (1.0 - self.game.top_k);
        (share < 1.0).then_some(move |scores: &[f32]| {
            let mut order: Vec<usize> = (0..scores.len()).collect();
            order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]));
            order.truncate(((scores.len() as f64 * share).ceil() as usize).max(1));
            order
        })
    }

    /// The generator's loss by the critic as it stands, or, where the game is unrolled, as it will stand.
    pub(super) fn loss_ahead(&mut self, made: Shown, data: Shown, now: Moment) -> Result<Tensor<1>> {
        let ahead = self.game.unrolled.filter(|u| !u.through);
        let before = match ahead {
            Some(u) => Some(self.critic.go_ahead(u.steps, &data, &made, now)?),
            None => None,
        };
        let loss = self.generator_loss(made, data, now);
        if let Some(before) = before {
            self.critic.go_back(before);
        }
        loss
    }

    /// The generator's loss on samples that it has made, with data beside them for what compares.
    fn generator_loss(&self, made: Shown, data: Shown, now: Moment) -> Result<Tensor<1>> {
        let Moment { updates, key, .. } = now;
        if let Some(bits) = self.bits {
            return Ok(bits.loss(&self.critic, &made, key.stream("bits")));
        }
        let near = self.latent_consistency.zip(made.near.clone());
        let near = near.map(|(c, near)| c.loss(made.items.clone(), near));
        let generator = self.generator.network();
        let count = made.items.dims()[0];
        let drawn = |name: &str| {
            let key = key.stream(name);
            latents(self.game.prior, count, self.latent, key, &self.stage.device)
        };
        let told = self.alignment.zip(generator.coupled());
        let told = told.map(|(a, g)| g.apart(drawn("latents of the alignment")) * a.weight);
        let covered = self.foreground.and_then(|f| {
            let covered = generator.covered(drawn("latents of the foreground"))?;
            Some(covered * f.weight)
        });

        let unlikely = self.density.as_ref().map(|d| d.loss(made.items.clone()));
        let samples = self
            .critic
            .shown(made, updates, key.stream("noise for the generator"));
        let data = self
            .critic
            .shown(data, updates, key.stream("noise on data for the generator"));
        let loss = match self.game.feature_matching {
            // || E f(x) - E f(G(z)) ||^2
            true => {
                let mean = |shown: &Shown| self.critic.opinion(shown).features.value.mean_dim(0);
                let off = mean(&samples) - mean(&data).detach();
                (off.clone() * off).sum()
            }
            false => {
                let keep = self.best(updates);
                let keep = keep.as_ref().map(|k| k as &dyn Fn(&[f32]) -> Vec<usize>);
                match self.game.unrolled.filter(|u| u.through) {
                    Some(u) => self.critic.persuade_through(u.steps, &data, &samples, keep)?,
                    None => self.critic.persuade(&samples, Some(&data), keep),
                }
            }
        };
        let apart =
            (self.game.pulling_away > 0.0).then(|| self.pulling_away(&samples) * self.game.pulling_away);
        let beside = [near, told, covered, unlikely, apart].into_iter().flatten();
        Ok(beside.fold(loss, |a, b| a + b))
    }

    /// The mean squared cosine of the codes of different samples (Zhao et al. 2016, equation 4), or, of a discriminator that
    /// gives nothing back, of their features (Dai et al. 2017, section 5.2).
    fn pulling_away(&self, samples: &Shown) -> Tensor<1> {
        let network = self.critic.network().clone().no_grad();
        let code = match network.code(samples.items.clone()) {
            Some(code) => code,
            None => self.critic.opinion(samples).features.value,
        };
        let n = code.dims()[0] as f64;
        let norm = ((code.clone() * code.clone()).sum_dim(1) + 1e-12).sqrt();
        let unit = code / norm;
        let cosines = unit.clone().matmul(unit.transpose());
        ((cosines.clone() * cosines).sum() - n) * (1.0 / (n * (n - 1.0)).max(1.0))
    }
}
