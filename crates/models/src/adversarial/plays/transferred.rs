//! Images of one side drawn again as such of the other, by what a classifier sees of them (Taigman et al. 2016, arXiv:1611.02200,
//! DTN). With f the classifier's last layer, which stays as it is, g a generator of such features, G = g o f, and a discriminator of
//! three classes, 1: G of the first side, 2: G of the second, 3: the second side itself:
//!
//! L_D = -E_s log D_1(G(x)) - E_t log D_2(G(x)) - E_t log D_3(x)                                            (equation 3)
//! L_G = L_GANG + alpha L_CONST + beta L_TID + gamma L_TV                                                   (equation 2)
//! L_GANG = -E_s log D_3(G(x)) - E_t log D_3(G(x))                                                          (equation 4)
//! L_CONST = E_s |f(x) - f(G(x))|^2,  L_TID = E_t |x - G(x)|^2                                              (equations 5 and 6)
use super::super::game::parts::Parts;
use super::super::game::{Game, Moment, Play, Round, Stage, Translates, Wanted, check_weights, critic};
use super::super::networks::translator::Drawn;
use super::super::networks::{GeneratorNetwork, Told, dcgan};
use super::super::translation::needs_sides;
use super::super::{Optimizers, networks::Sizes};
use super::cycle::two_sides;
use super::paired::diversity;
use super::target::{Target, TargetSettings};
use super::ternary::Ternary;
use crate::{Direction, NetworkInfo, Part, Purpose, one_side};
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_nn::{Init, Learner, Tensors, number};
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is the model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransferConfig {
    /// `[model]`: generator and discriminator; a latent is what the classifier sees, whatever `latent` says
    pub model: dcgan::Sizes,
    /// `[transfer]`: weights of the losses
    #[serde(default)]
    pub transfer: TransferSettings,
    /// `[target]`: the classifier whose features are kept
    #[serde(default)]
    pub target: TargetSettings,
    /// `[optimizer]`
    #[serde(default)]
    pub optimizer: Optimizers,
}

/// `[transfer]`: weights of the losses.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TransferSettings {
    /// updates of a classifier that learns on the first side's classes, before the game
    pub from: u64,
    /// of the game
    pub game: f64,
    /// of what the classifier sees, the mean over its features (alpha; paper: 15 for digits)
    pub constancy: f64,
    /// of images of the second side, which are to stay as they are, the mean over their numbers (beta; paper: 15 for digits)
    pub identity: f64,
    /// of the differences of neighbouring pixels (gamma; paper: 0 for digits, 0.05 for faces)
    pub variation: f64,
}

impl Default for TransferSettings {
    fn default() -> Self {
        TransferSettings {
            from: 1000,
            game: 1.0,
            constancy: 15.0,
            identity: 15.0,
            variation: 0.0,
        }
    }
}

const GENERATOR: &str = "generator";

/// See the module.
pub struct Transferred {
    stage: Stage,
    settings: TransferSettings,
    target: Target,
    classified: u64,
    generator: Learner<GeneratorNetwork>,
    discriminator: Ternary,
}

impl TransferConfig {
    /// Refuses weights that are none.
    ///
    /// # Errors
    /// [`Error::Recipe`].
    pub fn check(&self) -> Result<()> {
        let s = &self.transfer;
        check_weights([
            ("transfer.game", s.game),
            ("transfer.constancy", s.constancy),
            ("transfer.identity", s.identity),
            ("transfer.variation", s.variation),
            ("target.model.average", self.target.model.average),
        ])
    }

    /// Fresh networks for images of two sides, of which the first has classes.
    ///
    /// # Errors
    /// For settings that are out of range, and other data.
    pub fn transferred(
        &self,
        model: &'static str,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<Transferred>> {
        self.check()?;
        needs_sides(model, info)?;
        if info.labels.len() < 2 {
            let problem = format!("{model} keeps what a classifier sees, and the first side has no classes");
            let fix = "give two sources as A::B, labelled images first: digits::edges:digits";
            return Err(Error::data(&info.source, problem, fix));
        }
        info.every_label(model)?;
        let side = one_side(info);
        let target = Target::new(&self.target, &side, device, key)?;
        let sizes = Sizes::Dcgan(self.model.clone()).with_latent(target.width());
        sizes.check(model, &side)?;
        let at = |name: &str| Init::new(key.stream(name), device);
        let generator = sizes.generator(&side, Told::default(), &at(GENERATOR));
        let o = &self.optimizer;
        Ok(Game::new(Transferred {
            stage: Stage::new(model, info, device),
            settings: self.transfer,
            classified: 0,
            target,
            generator: Learner::new(GENERATOR, generator, o.generator, self.model.average, device)?,
            discriminator: Ternary::new(&sizes, &side, o.discriminator, device, &at(critic::DISCRIMINATOR))?,
        }))
    }
}

/// How much neighbouring pixels differ: the mean over places and channels of sqrt((x_(i,j+1) - x_ij)^2 + (x_(i+1,j) - x_ij)^2)
/// (equation 7 with B = 1).
pub(super) fn variation(x: Tensor<4>) -> Tensor<1> {
    let [_, h, w, _] = x.dims();
    let part = |y: usize, x_: usize| x.clone().narrow(1, y, h - 1).narrow(2, x_, w - 1);
    let (down, right) = (part(1, 0) - part(0, 0), part(0, 1) - part(0, 0));
    (down.powi_scalar(2) + right.powi_scalar(2) + 1e-8).sqrt().mean()
}

impl Transferred {
    fn square<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<1> {
        (a - b).powi_scalar(2).mean()
    }

    /// An update of the classifier on the first side.
    fn classify(&mut self, batch: &Batch, now: Moment) -> Result<Round> {
        let [first, _] = two_sides(&self.stage, std::slice::from_ref(batch));
        let labels = self.stage.labels_of(batch)?;
        self.classified += 1;
        let loss = self.target.learn(first, labels, now)?;
        Ok(Round {
            scalars: loss.map(|l| ("loss/target", l)).into_iter().collect(),
            observation: None,
        })
    }

    /// An update of the discriminator, and of the generator.
    fn play(&mut self, batches: &[Batch], now: Moment) -> Result<Round> {
        let [first, second] = two_sides(&self.stage, batches);
        let sees = self.target.features();
        let of_first = sees(first.clone()).detach();
        let made = |x: Tensor<2>| self.generator.network().forward(x, None);
        let (from_first, from_second) = (made(of_first.clone()), made(sees(second.clone()).detach()));
        let told = self.discriminator.learn(&from_first, &from_second, &second)?;
        let tells = self.discriminator.fixed();
        let mut parts = Parts::default();
        let s = &self.settings;
        let game =
            Ternary::persuade(&tells, from_first.clone()) + Ternary::persuade(&tells, from_second.clone());
        parts.add("loss/generator", s.game, game);
        if s.constancy > 0.0 {
            let kept = Transferred::square(sees(from_first.clone()), of_first);
            parts.add("loss/constancy", s.constancy, kept);
        }
        if s.identity > 0.0 {
            let same = Transferred::square(from_second, second.clone());
            parts.add("loss/identity", s.identity, same);
        }
        if s.variation > 0.0 {
            parts.add("loss/variation", s.variation, variation(from_first.clone()));
        }
        parts.scalars.push(("loss/discriminator", told));
        let loss = parts.loss(&self.stage.device);
        critic::finite("the generator's loss", number(loss.clone()), now)?;
        let gradient = self.generator.update(&mut [loss.backward()], now.watch);
        let mut scalars = parts.scalars;
        scalars.extend(gradient.map(|g| ("gradient/generator", g)));
        if now.watch {
            scalars.push(("diversity", diversity(from_first, second)));
        }
        Ok(Round {
            scalars,
            observation: None,
        })
    }
}

impl Play for Transferred {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn updates(&self) -> u64 {
        self.classified + self.generator.updates()
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        let device = self.stage.plain();
        let [h, w, both] = self.stage.image_shape();
        let x: Tensor<4> = Tensor::zeros([1, h, w, both / 2], &device);
        let z = Tensor::zeros([1, self.target.width()], &device);
        vec![
            self.generator.info(|g| g.forward(z, None)),
            self.discriminator.info(x.clone()),
            self.target.info(x),
        ]
    }

    fn batches_per_step(&self) -> usize {
        1 + usize::from(self.stage.kind == Kind::Pair)
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        let now = Moment {
            updates: self.updates(),
            key,
            watch,
        };
        match batches.first() {
            Some(batch) if self.target.learns() && self.classified < self.settings.from => {
                self.classify(batch, now)
            }
            _ => self.play(batches, now),
        }
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.generator.save();
        parts.extend(self.discriminator.save());
        parts.extend(self.target.save());
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.generator.load(read, purpose)?;
        self.target.load(read, purpose)?;
        self.classified = self.target.updates();

        match purpose {
            Purpose::Sample => Ok(()),
            _ => self.discriminator.load(read, purpose),
        }
    }

    fn take_target(&mut self, read: &dyn Fn(&str) -> Result<Tensors>) -> Result<()> {
        self.target.take(read)
    }

    fn translates(&self) -> Option<&dyn Translates> {
        Some(self)
    }
}

impl Translates for Transferred {
    fn directions(&self) -> &[Direction] {
        &[Direction::AToB]
    }

    fn size(&self) -> Option<[usize; 2]> {
        let [h, w, _] = self.stage.image_shape();
        Some([h, w])
    }

    fn turn(&self, images: Tensor<4>, _: &Wanted, _: Drawn<'_>) -> Tensor<4> {
        let seen = self.target.seen(images);
        self.generator.for_use_on(&seen.device()).forward(seen, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Model, Wish};

    /// On the first side one half is light, the left or the right as the class says, under level stripes; on the second side, in an
    /// order of its own, paler and under upright ones.
    fn sides(count: usize, key: Key) -> Batch {
        let mut rng = key.rng();
        let (mut values, mut labels) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let (right, other) = (rng.chance(0.5), rng.chance(0.5));
            labels.push(u32::from(right));
            let wave = rng.between(0.0, 6.0);
            for i in 0..64 {
                let half = |right: bool| if (i % 8 >= 4) == right { 1.0f64 } else { -1.0 };
                let stripes = |at: usize| 0.2 * (0.8 * at as f64 + wave).sin();
                let first = 0.6 * half(right) + stripes(i / 8);
                let second = 0.3 + 0.4 * half(other) + stripes(i % 8);
                values.extend([first as f32, second as f32]);
            }
        }
        Batch {
            kind: Kind::Unpaired,
            shape: vec![count, 8, 8, 2],
            values,
            labels: Some(labels),
            attributes: vec![],
            captions: None,
            indices: (0..count as u32).collect(),
        }
    }

    fn info(labels: &[&str]) -> DataInfo {
        DataInfo {
            source: "test".into(),
            kind: Kind::Unpaired,
            shape: vec![8, 8, 2],
            count: 100,
            range: (0.0, 255.0),
            labels: labels.iter().map(|l| l.to_string()).collect(),
            ..DataInfo::default()
        }
    }

    fn config() -> TransferConfig {
        let mut config = TransferConfig {
            model: dcgan::Sizes {
                width: 8,
                average: 0.9,
                ..Default::default()
            },
            transfer: TransferSettings {
                from: 60,
                ..Default::default()
            },
            target: TargetSettings::default(),
            optimizer: Optimizers::default(),
        };
        config.target.model.width = 4;
        config.target.model.average = 0.9;
        config.optimizer.generator.learning_rate = 2e-3;
        config.optimizer.discriminator.learning_rate = 5e-4;
        config
    }

    /// Light halves on the left stay on the left, pale, though no pair was seen and no class of the second side.
    #[test]
    fn the_class_survives_the_move() {
        let device = Device::flex().autodiff();
        let mut game = config()
            .transferred("dtn", &info(&["left", "right"]), &device, Key::new(1))
            .unwrap();
        for step in 0..360 {
            let key = Key::new(2).step(step);
            game.step(&[sides(16, key)], key, false).unwrap();
        }
        let fresh = sides(40, Key::new(9));
        let t = game.as_translate().unwrap();
        let made = t
            .translate(&fresh.side(0), &Wish::side(Direction::AToB), Key::new(1))
            .unwrap();
        let right = |image: &[f32]| {
            let half =
                |right: bool| -> f32 { (0..64).filter(|i| (i % 8 >= 4) == right).map(|i| image[i]).sum() };
            u32::from(half(true) > half(false))
        };
        let told = made.values.chunks_exact(64).map(right);
        let kept = told.zip(fresh.labels.unwrap()).filter(|(a, b)| a == b).count();
        assert!(kept >= 34, "{kept} of 40");
        let mean = made.values.iter().sum::<f32>() / made.values.len() as f32;
        assert!((mean - 0.3).abs() < 0.15, "as pale as the second side: {mean}");
    }

    #[test]
    fn a_first_side_without_classes_is_refused() {
        let refused = config()
            .transferred("dtn", &info(&[]), &Device::flex().autodiff(), Key::new(1))
            .err()
            .expect("is refused");
        assert!(refused.to_string().contains("has no classes"), "{refused}");
    }

    /// The total variation of a single light pixel by hand: of 4 differences one is sqrt(2), two are 1, one is 0.
    #[test]
    fn variation_by_hand() {
        let x = Tensor::<1>::from_floats([1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], &Device::flex());
        let found = number(variation(x.reshape([1, 3, 3, 1])));
        assert!((found - 2f64.sqrt() / 4.0).abs() < 1e-3, "{found}");
    }
}
