//! Two generators, from each side to the other, and a critic for each side (Zhu et al. 2017, arXiv:1703.10593, CycleGAN; Kim et
//! al. 2017, DiscoGAN; Yi et al. 2017, DualGAN). Nothing says which image belongs to which; what is translated there and back
//! must be what it was. With G from A to B and F back:
//!
//! game (L_GAN(G, D_B) + L_GAN(F, D_A)) + cycle (E d(F(G(a)), a) + E d(G(F(b)), b))               (equations 1 to 3)
//!   + cycle identity (E d(G(b), b) + E d(F(a), a))                                               (section 5.2)
use super::super::game::monitor::Observation;
use super::super::game::parts::Parts;
use super::super::game::{Critic, Game, Moment, Play, Round, Shown, Stage, Translates, Wanted, critic};
use super::super::networks::TranslatorNetwork;
use super::super::networks::translator::Drawn;
use super::super::translation::{Distance, Settings, Translation, needs_sides};
use super::paired::{diversity, sides};
use super::pool::Pool;
use crate::{Direction, Model, NetworkInfo, Part, Purpose, Registered};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_nn::{Learner, Tensors, number};
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

/// `[translation]` of a play there and back.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CycleSettings {
    /// weight of the games
    pub game: f64,
    /// weight of the way there and back (lambda of equation 3; paper: 10)
    pub cycle: f64,
    /// weight, as a share of `cycle`, of leaving alone what is already of the side asked for; 0 for none (paper: 0.5 where
    /// colours must stay)
    pub identity: f64,
    /// `l1` or `l2`: how far images are from each other
    pub distance: Distance,
    /// earlier translations of which critics are shown one in two instead of the newest (Shrivastava et al. 2017); 0 for the
    /// newest alone
    pub pool: usize,
    /// updates of the critics for each of the generators
    pub discriminator_steps: usize,
}

impl Default for CycleSettings {
    fn default() -> Self {
        CycleSettings {
            // The paper's squares lack the half that the least-squares objective has.
            game: 2.0,
            cycle: 10.0,
            identity: 0.5,
            distance: Distance::L1,
            pool: 50,
            discriminator_steps: 1,
        }
    }
}

impl Settings for CycleSettings {
    fn weights(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("translation.game", self.game),
            ("translation.cycle", self.cycle),
            ("translation.identity", self.identity),
        ]
    }
    fn counts(&self) -> Vec<(&'static str, usize)> {
        vec![("translation.discriminator_steps", self.discriminator_steps)]
    }
}

/// A model that is this play with settings of its own.
pub trait CycleVariant: 'static {
    /// Its name in the registry.
    const NAME: &'static str;
    /// Its settings.
    fn config() -> Translation<CycleSettings>;
}

/// What a [`CycleVariant`] registers.
pub struct ThereAndBack<V>(PhantomData<V>);

impl<V: CycleVariant> Registered for ThereAndBack<V> {
    type Config = Translation<CycleSettings>;
    fn defaults() -> Self::Config {
        V::config()
    }
    fn check(config: &Self::Config) -> Result<()> {
        config.check()
    }
    fn build(config: Self::Config, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.there_and_back(V::NAME, data, device, key)?))
    }
}

/// Names in checkpoints, by direction: the generator, the critic of the side that it translates to, and that critic's pool.
const GENERATORS: [&str; 2] = ["generator_a2b", "generator_b2a"];
const CRITICS: [&str; 2] = ["discriminator_b", "discriminator_a"];
const POOLS: [&str; 2] = ["pool_b", "pool_a"];

/// See the module. Arrays are by direction: `a2b`, `b2a`.
pub struct Cycle {
    stage: Stage,
    settings: CycleSettings,
    generators: [Learner<TranslatorNetwork>; 2],
    critics: [Critic; 2],
    pools: [Pool; 2],
}

impl Translation<CycleSettings> {
    /// Fresh networks for images of two sides.
    ///
    /// # Errors
    /// For settings that clash, and data without two sides.
    pub fn there_and_back(
        &self,
        model: &'static str,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<Cycle>> {
        self.check()?;
        needs_sides(model, info)?;
        if self.translation.game == 0.0 {
            let problem = "without a game nothing says what the other side looks like";
            return Err(Error::recipe("translation.game", problem, "give it a weight"));
        }
        let shape = self.image(info)?;
        let generator = |name| self.translator(name, (shape, 0), device, key);
        let critic = |name| self.of_patches(name, shape, device, key);
        let pool = |name| Pool::new(name, self.translation.pool, shape);
        Ok(Game::new(Cycle {
            stage: Stage::new(model, info, device),
            settings: self.translation,
            generators: [generator(GENERATORS[0])?, generator(GENERATORS[1])?],
            critics: [critic(CRITICS[0])?, critic(CRITICS[1])?],
            pools: POOLS.map(pool),
        }))
    }
}

/// Batches of the two sides that a step takes: of pairs a batch a side, so that what belongs together never comes together.
pub(super) fn batches_a_turn(kind: Kind) -> usize {
    1 + usize::from(kind == Kind::Pair)
}

/// The images of side a and of side b.
pub(super) fn two_sides(stage: &Stage, batches: &[Batch]) -> [Tensor<4>; 2] {
    let of = |batch: Option<&Batch>, side: usize| match batch {
        Some(b) => sides(stage.items(b))[side].clone(),
        None => Tensor::zeros([0, 1, 1, 1], &stage.device),
    };
    [of(batches.first(), 0), of(batches.last(), 1)]
}

/// A key for each of some images.
pub(super) fn of_items(images: &Tensor<4>, key: Key) -> Vec<Key> {
    (0..images.dims()[0] as u64).map(|i| key.step(i)).collect()
}

/// What a critic and a direction showed in a step.
struct Half {
    made: Tensor<4>,
    truth: Tensor<4>,
    seen: critic::Seen,
}

impl Cycle {
    fn turned(&self, x: &Tensor<4>, direction: Direction, key: Key) -> Tensor<4> {
        self.generators[direction.from()]
            .network()
            .forward(x.clone(), Some(&of_items(x, key)))
    }

    /// Critics learn from what the generators make; gives what each saw. Only where the generators learn next, too, is there a
    /// way back from what they made to their weights.
    fn learn(&mut self, images: &[Tensor<4>; 2], last: bool, now: Moment) -> Result<[Half; 2]> {
        let half = |direction: Direction| {
            let key = now.key.stream(GENERATORS[direction.from()]);
            let (x, there) = (&images[direction.from()], key.stream("there"));
            let made = match last {
                true => self.turned(x, direction, there),
                false => {
                    let network = self.generators[direction.from()].network().clone().no_grad();
                    network.forward(x.clone(), Some(&of_items(x, there)))
                }
            };
            (key, made)
        };
        let made = Direction::ALL.map(half);
        let mut halves = Vec::with_capacity(2);
        for (d, (key, made)) in Direction::ALL.into_iter().zip(made) {
            let truth = images[d.to()].clone();
            let earlier = self.pools[d.from()].exchanged(&made, key.stream("pool"));
            let now = Moment { key, ..now };
            let shown = Shown::plain(truth.clone());
            let seen = self.critics[d.from()].learn(shown, Shown::plain(earlier), None, now)?;
            halves.push(Half { made, truth, seen });
        }
        match <[Half; 2]>::try_from(halves) {
            Ok(halves) => Ok(halves),
            Err(_) => unreachable!("there are two directions"),
        }
    }

    /// What both generators learn from: the loss, and its parts by name.
    fn losses(
        &self,
        images: &[Tensor<4>; 2],
        halves: &[Half; 2],
        now: Moment,
    ) -> (Tensor<1>, Vec<(&'static str, f64)>) {
        let s = &self.settings;
        let mut parts = Parts::default();
        const PARTS: [[&str; 3]; 2] = [
            ["loss/generator-a2b", "loss/cycle-a", "loss/identity-b"],
            ["loss/generator-b2a", "loss/cycle-b", "loss/identity-a"],
        ];
        for d in Direction::ALL {
            let (half, [game, cycle, identity], i) = (&halves[d.from()], PARTS[d.from()], d.from());
            let key = now.key.stream(GENERATORS[i]);
            let shown = self.critics[i].shown(
                Shown::plain(half.made.clone()),
                now.updates,
                key.stream("noise for the generator"),
            );
            let data = Shown::plain(half.truth.clone());
            parts.add(game, s.game, self.critics[i].persuade(&shown, Some(&data), None));
            if s.cycle > 0.0 {
                let back = self.turned(&half.made, d.back(), key.stream("back"));
                parts.add(cycle, s.cycle, s.distance.of(back, images[i].clone()));
            }
            if s.cycle * s.identity > 0.0 {
                let kept = self.turned(&half.truth, d, key.stream("kept"));
                let off = s.distance.of(kept, half.truth.clone());
                parts.add(identity, s.cycle * s.identity, off);
            }
        }
        (parts.loss(&self.stage.device), parts.scalars)
    }
}

impl Play for Cycle {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn updates(&self) -> u64 {
        self.generators[0].updates()
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        let device = self.stage.plain();
        let [h, w, c] = self.stage.image_shape();
        let shape = [h, w, c / 2];
        let x = Tensor::zeros([1, h, w, c / 2], &device);
        let generators = self
            .generators
            .iter()
            .map(|g| g.info(|g| g.forward(x.clone(), None)));
        generators
            .chain(self.critics.iter().map(|d| d.info(shape, 0, &device)))
            .collect()
    }

    fn batches_per_step(&self) -> usize {
        batches_a_turn(self.stage.kind) * self.settings.discriminator_steps
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        let updates = self.updates();
        let mut last = None;
        let turns = batches.chunks(batches_a_turn(self.stage.kind));
        for (i, batches) in turns.enumerate() {
            let now = Moment {
                updates,
                key: key.step(i as u64),
                watch: watch && i + 1 == self.settings.discriminator_steps,
            };
            let images = two_sides(&self.stage, batches);
            let is_last = i + 1 == self.settings.discriminator_steps;
            let halves = self.learn(&images, is_last, now)?;
            last = Some((images, halves, now));
        }
        let Some((images, halves, now)) = last else {
            return Ok(Round::default());
        };
        let (loss, mut scalars) = self.losses(&images, &halves, now);
        critic::finite("the generators' loss", number(loss.clone()), now)?;
        // One backward pass serves both; each takes its own weights' gradients out of it.
        let mut gradients = [loss.backward()];
        let [a2b, b2a] = &mut self.generators;
        let gradient = [a2b, b2a].map(|g| g.update(&mut gradients, watch).unwrap_or(f64::NAN));
        let [ab, ba] = halves;
        scalars.extend([
            ("loss/discriminator-b", ab.seen.loss),
            ("loss/discriminator-a", ba.seen.loss),
        ]);
        let observation = watch.then(|| {
            let of = |half: Half, critic: &Critic, gradient| {
                Observation::new(
                    critic.objective(),
                    &half.seen,
                    gradient,
                    diversity(half.made, half.truth),
                )
            };
            scalars.extend(ab.seen.scalars.clone());
            let ab = of(ab, &self.critics[0], gradient[0]);
            let ba = of(ba, &self.critics[1], gradient[1]);
            scalars.extend(ab.scalars());
            let back = ba.scalars();
            const BACK: [&str; 3] = ["b2a/data", "b2a/samples", "b2a/diversity"];
            scalars.extend(BACK.iter().zip([0, 1, 4]).map(|(n, i)| (*n, back[i].1)));
            ab
        });
        Ok(Round { scalars, observation })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts: Vec<(String, Part)> = self.generators.iter().flat_map(Learner::save).collect();
        parts.extend(self.critics.iter().flat_map(Critic::save));
        parts.extend(self.pools.iter().filter_map(Pool::save));
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.generators
            .iter_mut()
            .try_for_each(|g| g.load(read, purpose))?;
        self.critics.iter_mut().try_for_each(|d| d.load(read, purpose))?;
        match purpose {
            Purpose::Train => self.pools.iter_mut().try_for_each(|p| p.load(read)),
            Purpose::Use | Purpose::Sample => Ok(()),
        }
    }

    fn translates(&self) -> Option<&dyn Translates> {
        Some(self)
    }
}

impl Translates for Cycle {
    fn directions(&self) -> &[Direction] {
        &Direction::ALL
    }

    fn draws(&self) -> bool {
        self.generators[0].network().draws()
    }

    fn turn(&self, images: Tensor<4>, wanted: &Wanted, drawn: Drawn<'_>) -> Tensor<4> {
        self.generators[wanted.direction.from()]
            .for_use_on(&images.device())
            .forward_with(images, drawn)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::cycle_gan::CycleGan;
    use super::super::super::networks::TranslatorSizes;
    use super::super::super::networks::translator::resnet;
    use super::*;
    use crate::Wish;

    /// Dark images of stripes on one side, light ones on the other, never the same.
    fn sides_of(count: usize, key: Key) -> Batch {
        let mut rng = key.rng();
        let mut values = Vec::new();
        for _ in 0..count {
            let (p, q) = (rng.between(0.0, 6.0), rng.between(0.0, 6.0));
            for i in 0..144 {
                let stripes = |phase: f64| 0.25 * (0.9 * (i % 12) as f64 + phase).sin();
                values.extend([(stripes(p) - 0.6) as f32, (stripes(q) + 0.6) as f32]);
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

    fn game(kind: Kind, change: impl FnOnce(&mut Translation<CycleSettings>)) -> Game<Cycle> {
        let mut config = CycleGan::config();
        config.model = TranslatorSizes::Resnet(resnet::Sizes {
            width: 4,
            blocks: 1,
            ..Default::default()
        });
        config.critic.width = 4;
        config.optimizer.generator.learning_rate = 2e-3;
        config.optimizer.discriminator.learning_rate = 2e-3;
        change(&mut config);
        let info = DataInfo {
            source: "test".into(),
            kind,
            shape: vec![12, 12, 2],
            count: 100,
            range: (0.0, 255.0),
            ..DataInfo::default()
        };
        config
            .there_and_back("cycle_gan", &info, &Device::flex().autodiff(), Key::new(1))
            .unwrap()
    }

    /// Each side comes to look like the other, its stripes stay where they are, and the way back ends where it began.
    #[test]
    fn light_becomes_dark_and_dark_light() {
        let mut game = game(Kind::Unpaired, |c| c.translation.identity = 0.0);
        for step in 0..150 {
            let key = Key::new(2).step(step);
            game.step(&[sides_of(4, key)], key, false).unwrap();
        }
        let fresh = sides_of(8, Key::new(9));
        let t = game.as_translate().unwrap();
        let mean = |v: &[f32]| v.iter().sum::<f32>() / v.len() as f32;
        for (d, want) in [(Direction::AToB, 0.6), (Direction::BToA, -0.6)] {
            let given = fresh.side(d.from());
            let there = t.translate(&given, &Wish::side(d), Key::new(1)).unwrap().values;
            assert!(
                (mean(&there) - want).abs() < 0.25,
                "{}: {}",
                d.name(),
                mean(&there)
            );
            let images = Batch {
                values: there.clone(),
                ..given.clone()
            };
            let back = t
                .translate(&images, &Wish::side(d.back()), Key::new(1))
                .unwrap()
                .values;
            let error = back
                .iter()
                .zip(&given.values)
                .map(|(a, b)| (a - b).abs())
                .sum::<f32>();
            let error = error / back.len() as f32;
            assert!(error < 0.25, "{error}");
        }
    }

    /// Pairs come apart: of each a batch for either side. Critics may learn more often than generators.
    #[test]
    fn batches_of_a_step() {
        let count =
            |kind, steps| game(kind, |c| c.translation.discriminator_steps = steps).batches_per_step();
        assert_eq!(
            [
                count(Kind::Unpaired, 1),
                count(Kind::Unpaired, 3),
                count(Kind::Pair, 1),
                count(Kind::Pair, 2)
            ],
            [1, 3, 2, 4]
        );
        let mut game = game(Kind::Unpaired, |c| {
            c.translation.discriminator_steps = 3;
            c.translation.pool = 0;
        });
        let batches: Vec<Batch> = (0..3).map(|i| sides_of(2, Key::new(i))).collect();
        let report = game.step(&batches, Key::new(1), true).unwrap();
        assert_eq!(game.play().updates(), 1);
        assert!(report.get("loss/cycle-a").is_some_and(|v| v > 0.0) && report.get("d/score-data").is_some());
    }
}
