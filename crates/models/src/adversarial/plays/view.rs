//! From what is seen of a shape from one side to the whole (Yang, Wen, Wang, Clark, Markham, Trigoni 2017, 3D-RecGAN, arXiv:1708.07969,
//! section 3.2). With x the voxels that are seen, y the whole shape and y' = G(x):
//!
//! L_ae = -alpha y log y' - (1 - alpha)(1 - y) log(1 - y')                                               (equation 1)
//! max_D  E D(y, x) - E D(y', x) - penalty,    min_G  shape L_ae - game E D(y', x)                      (equations 2 to 4)
//!
//! A shape's solid voxels are few, so that missing one must weigh more than adding one. The critic is shown both, side by side.
use super::super::game::objective::Rule;
use super::super::game::penalty::Penalties;
use super::super::game::play::Restores;
use super::super::game::{
    Critic, CriticConfig, Game, Moment, Play, Round, Shown, Stage, check_weights, critic,
};
use super::super::networks::translator::Drawn;
use super::super::networks::{CriticNetwork, Heads, Sizes, TranslatorNetwork, TranslatorSizes, voxel};
use super::super::{Optimizers, game};
use super::paired::{GENERATOR, diversity};
use crate::{NetworkInfo, Part, Purpose};
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo};
use menagerie_nn::{Init, Learner, Tensors, number, numbers};
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is the model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewConfig {
    /// `[model]`: the network from what is seen to the whole
    pub model: TranslatorSizes,
    /// `[critic]`
    #[serde(default)]
    pub critic: ViewCritic,
    /// `[view]`: what is seen, and what is learned
    #[serde(default)]
    pub view: ViewSettings,
    /// `[objective]`: what the two players minimize
    pub objective: Rule,
    /// `[penalty]`: what keeps the critic in bounds
    #[serde(default)]
    pub penalty: Penalties,
    /// `[optimizer]`
    #[serde(default)]
    pub optimizer: Optimizers,
}

/// `[critic]`: convolutions over depth, height and width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ViewCritic {
    /// channels at half a shape's size; they double with every halving, up to eight times as many
    pub width: usize,
}

impl Default for ViewCritic {
    fn default() -> Self {
        ViewCritic { width: 32 }
    }
}

impl ViewCritic {
    /// Refuses a width of 0, and an objective that needs more than a score.
    ///
    /// # Errors
    /// [`Error::Recipe`].
    pub(in super::super) fn suits(self, objective: Rule) -> Result<()> {
        if self.width == 0 {
            return Err(Error::recipe("critic.width", "0 is too small", "give 1 or more"));
        }
        if objective.wants_autoencoder() || objective == Rule::Classes || objective.outputs() != 1 {
            let problem = format!(
                "the critic gives one score, and `{}` needs more",
                objective.name()
            );
            return Err(Error::recipe(
                "objective.rule",
                problem,
                "set objective.rule=wasserstein",
            ));
        }
        Ok(())
    }

    fn sizes(self) -> Sizes {
        Sizes::Voxel(voxel::Sizes {
            width: self.width,
            batch_norm: false,
            ..voxel::Sizes::default()
        })
    }

    /// A fresh critic of what `info` describes: shapes, with what belongs to them as channels beside them.
    ///
    /// # Errors
    /// For data that are no shapes.
    pub(in super::super) fn critic(
        self,
        (objective, penalties): (Rule, &Penalties),
        optimizer: Optimizers,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Critic> {
        let heads = Heads {
            biased: objective.wants_bias(),
            ..Heads::default()
        };
        let config = CriticConfig {
            objective,
            penalties: penalties.clone(),
            augment: game::augment::Augment::default(),
            condition: None,
            numbers: 0,
            codes: None,
            semi: None,
            optimizer: optimizer.discriminator,
            average: 0.0,
            smoothing: 0.0,
        };
        let init = Init::new(key.stream(critic::DISCRIMINATOR), device);
        let network = CriticNetwork::new(&self.sizes(), info, heads, &init);
        Critic::of(critic::DISCRIMINATOR, config, network, device)
    }
}

/// `[view]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ViewSettings {
    /// sides from which a shape may be seen, of the front, the back, the left and the right: the first so many; which one is drawn
    pub sides: usize,
    /// alpha: weight of a solid voxel that is missed, 1 less it that of an empty one that is filled
    pub solid: f64,
    /// weight of the distance to the whole shape
    pub shape: f64,
    /// weight of the game; 0 for none
    pub game: f64,
}

impl Default for ViewSettings {
    /// The authors' code: 0.85, 0.95 and 0.05.
    fn default() -> Self {
        ViewSettings {
            sides: SIDES,
            solid: 0.85,
            shape: 0.95,
            game: 0.05,
        }
    }
}

/// Sides from which a shape is seen.
const SIDES: usize = 4;

/// See the module.
pub struct View {
    stage: Stage,
    settings: ViewSettings,
    generator: Learner<TranslatorNetwork>,
    /// none where there is no game
    critic: Option<Critic>,
}

impl ViewConfig {
    /// Refuses what is out of range, and what clashes.
    ///
    /// # Errors
    /// [`Error::Recipe`].
    pub fn check(&self) -> Result<()> {
        self.model.check()?;
        self.objective.check()?;
        self.penalty.check()?;
        let v = &self.view;
        check_weights([("view.shape", v.shape), ("view.game", v.game)])?;
        if !matches!(self.model, TranslatorSizes::Volume(_)) {
            let problem = "shapes are made whole by convolutions over depth, height and width";
            return Err(Error::recipe("model.architecture", problem, "set it to volume"));
        }
        if !(1..=SIDES).contains(&v.sides) {
            let problem = format!("a shape is not seen from {} sides", v.sides);
            return Err(Error::recipe("view.sides", problem, "give 1, the front, to 4"));
        }
        if !(v.solid > 0.0 && v.solid < 1.0) {
            let problem = format!("{} is no share of a voxel's weight", v.solid);
            return Err(Error::recipe(
                "view.solid",
                problem,
                "give more than 0 and less than 1",
            ));
        }
        self.critic.suits(self.objective)
    }

    /// Fresh networks for shapes of that description.
    ///
    /// # Errors
    /// For settings that clash, and data that are no shapes.
    pub fn view(
        &self,
        model: &'static str,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<View>> {
        self.check()?;
        self.critic.sizes().check(model, info)?;
        let stage = Stage::new(model, info, device);
        let init = |name: &str| Init::new(key.stream(name), device);
        let network = self.model.network(stage.image_shape(), 0, &init(GENERATOR));
        let rules = (self.objective, &self.penalty);
        let critic = || {
            self.critic
                .critic(rules, self.optimizer, &both(info), device, key)
        };
        let (rate, average) = (self.optimizer.generator, self.model.average());
        Ok(Game::new(View {
            critic: if self.view.game > 0.0 {
                Some(critic()?)
            } else {
                None
            },
            generator: Learner::new(GENERATOR, network, rate, average, device)?,
            settings: self.view,
            stage,
        }))
    }
}

/// What is seen of shapes and the shapes, as channels beside each other.
fn both(info: &DataInfo) -> DataInfo {
    let mut info = info.clone();
    if let Some(channels) = info.shape.last_mut() {
        *channels *= 2;
    }
    info
}

/// What is seen of a cube of voxels, `[depth, height, width]`, from a side (0 the front, 1 the back, 2 the left, 3 the right): of each ray
/// the first voxel that is solid. 1 where a voxel is seen, else -1.
fn seen(shape: &[f32], n: usize, side: usize) -> Vec<f32> {
    let mut out = vec![-1.0; shape.len()];
    for (row, across) in (0..n).flat_map(|r| (0..n).map(move |a| (r, a))) {
        let at = |along: usize| {
            let along = if side.is_multiple_of(2) {
                along
            } else {
                n - 1 - along
            };
            match side < 2 {
                true => (along * n + row) * n + across,
                false => (across * n + row) * n + along,
            }
        };
        if let Some(first) = (0..n).map(at).find(|i| shape[*i] > 0.0) {
            out[first] = 1.0;
        }
    }
    out
}

impl View {
    /// What is seen of each shape from a side that its key draws, on the shapes' device.
    fn views(&self, shapes: &Tensor<4>, keys: &[Key]) -> Tensor<4> {
        let [rows, n, _] = self.stage.image_shape();
        let values = numbers(shapes.clone());
        let one = |(shape, key): (&[f32], &Key)| {
            seen(shape, n, key.stream("side").rng().below(self.settings.sides))
        };
        let views: Vec<f32> = values.chunks_exact(rows * n).zip(keys).flat_map(one).collect();
        Tensor::from_data(TensorData::new(views, shapes.dims()), &shapes.device())
    }

    fn item_keys(count: usize, key: Key) -> Vec<Key> {
        (0..count as u64).map(|i| key.step(i)).collect()
    }
}

/// Equation 1, the mean over voxels: of what a network says in [-1, 1], and the truth.
pub(in super::super) fn distance(said: Tensor<4>, truth: &Tensor<4>, solid: f64) -> Tensor<1> {
    const LEAST: f64 = 1e-6;
    let likely = |t: Tensor<4>| (t * 0.5 + 0.5).clamp(LEAST, 1.0).log();
    let filled = truth.clone() * 0.5 + 0.5;
    let empty = -filled.clone() + 1.0;
    let all = likely(said.clone()) * filled * solid + likely(-said) * empty * (1.0 - solid);
    -all.mean()
}

impl Play for View {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn updates(&self) -> u64 {
        self.generator.updates()
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        let device = self.stage.plain();
        let [h, w, c] = self.stage.image_shape();
        let x = Tensor::zeros([1, h, w, c], &device);
        let mut networks = vec![self.generator.info(|g| g.forward(x, None))];
        networks.extend(self.critic.iter().map(|d| d.info([h, w, 2 * c], 0, &device)));
        networks
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        let Some(batch) = batches.first() else {
            return Ok(Round::default());
        };
        let updates = self.updates();
        let now = Moment { updates, key, watch };
        let truth = self.stage.items(batch);
        let keys = Self::item_keys(batch.shape[0], key.stream("noise"));
        let given = self.views(&truth, &keys);
        let made = self.generator.network().forward(given.clone(), Some(&keys));
        let shape = distance(made.clone(), &truth, self.settings.solid);
        let mut scalars = vec![("loss/shape", number(shape.clone()))];
        let mut loss = shape * self.settings.shape;
        let mut found = None;
        if let Some(critic) = &mut self.critic {
            let beside = |y: Tensor<4>| Shown::plain(Tensor::cat(vec![given.clone(), y], 3));
            let (data, samples) = (beside(truth.clone()), beside(made.clone()));
            let seen = critic.learn(data.clone(), samples.clone(), None, now)?;
            let persuaded = critic.persuade(&samples, Some(&data), None);
            scalars.extend([
                ("loss/discriminator", seen.loss),
                ("loss/generator", number(persuaded.clone())),
            ]);
            loss = loss + persuaded * self.settings.game;
            found = Some(seen);
        }
        critic::finite("the generator's loss", number(loss.clone()), now)?;
        let gradient = self.generator.update(&mut [loss.backward()], watch);
        let gradient = gradient.unwrap_or(f64::NAN);
        match (&self.critic, found) {
            (Some(critic), Some(seen)) => {
                let spread = watch.then(|| diversity(made, truth));
                Ok(Round::of(scalars, critic, seen, gradient, spread))
            }
            _ => {
                scalars.extend(watch.then_some(("gradient/generator", gradient)));
                Ok(Round {
                    scalars,
                    observation: None,
                })
            }
        }
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.generator.save();
        parts.extend(self.critic.iter().flat_map(Critic::save));
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.generator.load(read, purpose)?;
        self.critic.as_mut().map_or(Ok(()), |d| d.load(read, purpose))
    }

    fn restores(&self) -> Option<&dyn Restores> {
        Some(self)
    }
}

impl Restores for View {
    fn left(&self, items: Tensor<4>, keys: &[Key]) -> Tensor<4> {
        self.views(&items, keys)
    }

    /// Nothing is drawn: the likeliest shape is wanted.
    fn restored(&self, left: Tensor<4>) -> Tensor<4> {
        let network = self.generator.for_use_on(&left.device());
        network.forward_with(left, Drawn::Nothing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two voxels behind each other: from the front and the back one hides the other, from the sides both are seen.
    #[test]
    fn what_is_in_front_hides_what_is_behind() {
        let n = 3;
        let mut shape = vec![-1.0; n * n * n];
        let at = |depth: usize, row: usize, column: usize| (depth * n + row) * n + column;
        let [first, last] = [at(0, 1, 2), at(2, 1, 2)];
        (shape[first], shape[last]) = (1.0, 1.0);
        let of = |side: usize| -> Vec<usize> {
            let seen = seen(&shape, n, side);
            (0..seen.len()).filter(|i| seen[*i] == 1.0).collect()
        };
        assert_eq!([of(0), of(1)], [vec![first], vec![last]]);
        assert_eq!([of(2), of(3)], [vec![first, last], vec![first, last]]);
        // And beside each other: the sides see the outer ones.
        shape[at(0, 1, 0)] = 1.0;
        let of = |side: usize| seen(&shape, n, side).iter().filter(|v| **v == 1.0).count();
        assert_eq!([of(0), of(1), of(2), of(3)], [2, 2, 2, 2]);
        assert_eq!(seen(&shape, n, 2)[first], -1.0);
    }

    /// By hand: a solid voxel that is half believed, an empty one that is believed to a quarter.
    #[test]
    fn the_distance_by_hand() {
        let of = |v: [f32; 2]| Tensor::<1>::from_floats(v, &Device::flex()).reshape([1, 1, 2, 1]);
        let had = number(distance(of([0.0, -0.5]), &of([1.0, -1.0]), 0.85));
        let want = -(0.85 * 0.5f64.ln() + 0.15 * 0.75f64.ln()) / 2.0;
        assert!((had - want).abs() < 1e-6, "{had} {want}");
    }

    #[test]
    fn other_data_are_told_where_to_go() {
        let config = super::super::super::rec_gan3d::config();
        let images = menagerie_data::Source::parse("digits").open().unwrap().dataset;
        let e = config
            .view(
                "rec_gan3d",
                images.info(),
                &Device::flex().autodiff(),
                Key::new(1),
            )
            .err()
            .unwrap()
            .to_string();
        assert!(e.contains("shapes") && !e.contains('\n'), "{e}");
        let mut wrong = config.clone();
        wrong.view.sides = 5;
        assert!(wrong.check().unwrap_err().to_string().contains("view.sides"));
    }
}
