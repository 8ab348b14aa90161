//! The game of two with classes, whose generator comes to draw what a classifier of another mind takes for something else (Tsai 2018,
//! arXiv:1806.10496): the discriminator goes on to say that samples look like data and are of their class, and the target is to miss the class.
//!
//! L_G = L_S + L_C + mislead E max(0, Z_y - max_(j != y) Z_j),  Z the target's logits of G(z, y)
//!
//! Nothing is added to an image that is there: every sample is an adversarial example of its own.
use super::super::config::Config;
use super::super::game::stage::needs_labels;
use super::super::game::{
    Attacks, Draws, Game, Moment, Play, Round, Sees, Shown, Stage, Tells, check_weights,
};
use super::duel::Duel;
use super::perturb::{ahead, check_epsilon};
use super::target::{Target, TargetSettings};
use crate::attack::Method;
use crate::{NetworkInfo, Part, Purpose};
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_nn::{Tensors, number};
use serde::{Deserialize, Serialize};
use std::cell::Cell;

/// `[attack]`
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Customising {
    /// weight of the classifier's being misled
    pub mislead: f64,
    /// steps before that: the generator learns to draw first
    pub from: u64,
    /// the largest change of a pixel by the attacks beside which it is seen, of pixels in [0, 1]
    pub epsilon: f64,
}

impl Default for Customising {
    fn default() -> Self {
        Customising {
            mislead: 1.0,
            from: 1000,
            epsilon: 0.3,
        }
    }
}

impl Customising {
    /// Refuses what is out of range.
    ///
    /// # Errors
    /// [`Error::Recipe`].
    pub fn check(&self) -> Result<()> {
        check_weights([("attack.mislead", self.mislead)])?;
        check_epsilon(self.epsilon)
    }
}

/// See the module.
pub struct Customised {
    duel: Duel,
    target: Target,
    settings: Customising,
}

impl Config {
    /// Fresh networks for images with classes of that description, the game between them, and the target.
    ///
    /// # Errors
    /// For settings that clash, and data that are no images with classes.
    pub fn customised(
        &self,
        settings: Customising,
        target: &TargetSettings,
        model: &'static str,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<Customised>> {
        settings.check()?;
        if info.kind != Kind::Image {
            let problem = format!("{model} draws images, and these are {}", info.kind.plural());
            return Err(Error::data(&info.source, problem, "choose a source of images"));
        }
        needs_labels(model, info)?;
        info.every_label(model)?;
        let target = Target::new(target, info, device, key)?;
        let duel = self.duel(model, info, device, key)?;
        Ok(duel.map(|duel| Customised {
            duel,
            target,
            settings,
        }))
    }
}

impl Play for Customised {
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
        all.push(self.target.info(x));
        all
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        let now = Moment {
            updates: self.updates(),
            key,
            watch,
        };
        let of_target = match batches.last() {
            Some(batch) => {
                let labels = self.duel.stage().labels_of(batch)?;
                self.target.learn(self.duel.stage().items(batch), labels, now)?
            }
            None => None,
        };
        let (logits, weight) = (self.target.logits(), self.settings.mislead);
        let lead = Cell::new(f64::NAN);
        let mislead = |made: &Shown| {
            let right = made
                .classes
                .clone()
                .unwrap_or_else(|| Tensor::zeros([1, 1], &made.items.device()));
            let ahead = ahead(logits(made.items.clone()), right);
            if watch {
                lead.set(number(ahead.clone().detach()));
            }
            ahead * weight
        };
        let begun = now.updates >= self.settings.from && weight > 0.0;
        let beside = begun.then_some(&mislead as &dyn Fn(&Shown) -> Tensor<1>);
        let mut round = self.duel.played(batches, key, watch, beside)?;
        round.scalars.extend(of_target.map(|l| ("loss/target", l)));
        if lead.get().is_finite() {
            round.scalars.push(("loss/mislead", lead.get()));
        }
        Ok(round)
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.duel.save();
        parts.extend(self.target.save());
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.duel.load(read, purpose)?;
        match purpose {
            Purpose::Sample => Ok(()),
            _ => self.target.load(read, purpose),
        }
    }

    fn take_target(&mut self, read: &dyn Fn(&str) -> Result<Tensors>) -> Result<()> {
        self.target.take(read)
    }
    fn scores_items(&self) -> bool {
        self.duel.scores_items()
    }
    fn scores(&self, items: Tensor<4>, classes: Option<&[u32]>) -> Option<Vec<f32>> {
        self.duel.scores(items, classes)
    }
    fn draws(&self) -> Option<&dyn Draws> {
        Some(&self.duel)
    }
    fn sees(&self) -> Option<&dyn Sees> {
        Some(&self.duel)
    }
    fn tells(&self) -> Option<&dyn Tells> {
        Some(self)
    }
    fn attacks(&self) -> Option<&dyn Attacks> {
        Some(self)
    }
}

/// As the target has it.
impl Tells for Customised {
    fn class_scores(&self, items: Tensor<4>) -> Tensor<2> {
        self.target.answer(items)
    }
}

/// Of given images by the target's gradient alone: what the generator does, it does without any.
impl Attacks for Customised {
    fn epsilon(&self) -> f64 {
        self.settings.epsilon
    }
    fn methods(&self) -> &[Method] {
        &[Method::Fgsm, Method::Pgd]
    }
    fn attacked(&self, items: Tensor<4>, labels: Option<&[u32]>, method: Method, keys: &[Key]) -> Tensor<4> {
        self.target
            .attacked(items, labels, (method, self.settings.epsilon), keys)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::adaptive_gan::AdaptiveGan;
    use super::super::super::networks::{Sizes, dcgan};
    use super::super::perturb::tests::{accuracy, batch, info};
    use super::*;
    use crate::{Model, Registered, SampleRequest};
    use menagerie_nn::numbers;

    fn model(settings: Customising) -> Box<dyn Model> {
        let mut config = AdaptiveGan::defaults();
        config.model = Sizes::Dcgan(dcgan::Sizes {
            width: 8,
            latent: 8,
            ..Default::default()
        });
        config.target.model.width = 4;
        config.target.model.average = 0.9;
        config.optimizer.generator.learning_rate = 2e-3;
        config.attack = settings;
        let device = Device::flex().autodiff();
        AdaptiveGan::build(config, &info(), &device, Key::new(1)).unwrap()
    }

    fn trained(settings: Customising, steps: u64) -> Box<dyn Model> {
        let mut model = model(settings);
        for step in 0..steps {
            let key = Key::new(2).step(step);
            model.step(&[batch(16, key)], key, false).unwrap();
        }
        model
    }

    /// How often the target tells the class that samples were drawn from.
    fn told(model: &dyn Model) -> f64 {
        let of_class = |label: u32| {
            let request = SampleRequest {
                label: Some(label),
                ..SampleRequest::new(64, Key::new(4))
            };
            let drawn = model.as_sample().unwrap().sample(&request).unwrap();
            let like = batch(64, Key::new(9));
            let of = Batch {
                values: drawn.values,
                labels: Some(vec![label; 64]),
                ..like
            };
            accuracy(model, &of)
        };
        (of_class(0) + of_class(1)) / 2.0
    }

    /// The target tells data right, and of the samples of a generator that has hardly begun as many as chance; of one that misleads, hardly any.
    #[test]
    fn the_generator_comes_to_mislead() {
        let draws = Customising {
            mislead: 0.0,
            ..Customising::default()
        };
        let misleads = Customising {
            mislead: 10.0,
            from: 60,
            ..Customising::default()
        };
        let (plain, misled) = (trained(draws, 160), trained(misleads, 160));
        let fresh = batch(64, Key::new(9));
        assert!(accuracy(&*misled, &fresh) > 0.9);
        let (before, after) = (told(&*plain), told(&*misled));
        assert!(before > 0.4 && after < 0.15, "{before} {after}");
    }

    /// Until it begins the game is AC-GAN's, whatever the weight.
    #[test]
    fn it_begins_when_it_is_to() {
        let of = |mislead, steps| {
            let s = Customising {
                mislead,
                from: 2,
                ..Customising::default()
            };
            let model = trained(s, steps);
            let request = SampleRequest::new(4, Key::new(4));
            model.as_sample().unwrap().sample(&request).unwrap().values
        };
        assert_eq!(of(0.0, 2), of(10.0, 2));
        assert_ne!(of(0.0, 3), of(10.0, 3));
    }

    /// The lead of the right class, by hand.
    #[test]
    fn the_lead_is_over_the_best_other() {
        let device = Device::flex();
        let logits = Tensor::from_floats([[2.0, 0.5, -1.0], [0.0, 3.0, 1.0], [1.0, 1.5, 4.0]], &device);
        let right = Tensor::from_floats([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 1.0]], &device);
        let found = numbers(ahead(logits, right))[0];
        assert!((found - (1.5 + 0.0 + 2.5) / 3.0).abs() < 1e-5, "{found}");
    }
}
