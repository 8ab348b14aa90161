//! 3D-PhysNet: how a shape gives way to a force.
//!
//! Wang, Rosa, Yang, Wang, Trigoni, Markham (2018), 3D-PhysNet: Learning the Intuitive Physics of Non-Rigid Object Deformations,
//! arXiv:1805.00328.
//!
//! A conditional variational autoencoder that plays with a critic. With x the shape at rest, c the force and the material, y what becomes of
//! x, z ~ q(z | x, c) and y' = G(x, z, c):
//!
//! max_D  E D(y, x, c) - E D(y', x, c) - penalty
//! min    shape L_ae(y', y) + divergence KL(q(z | x, c) || N(0, 1)) / voxels - game E D(y', x, c)
//!
//! L_ae is 3D-RecGAN's, in which solid voxels weigh more (`plays/view.rs`). The paper puts a network before it that makes a whole shape of
//! one depth view: that is `rec_gan3d`, and this one is given whole shapes. Its decoder is joined to the levels of its encoder, and
//! the condition comes as planes beside the shape: the way of each voxel to where the force acts, the force as a vector, the material.
mod network;

use super::Optimizers;
use super::Variant;
use super::game::objective::Rule;
use super::game::penalty::Penalties;
use super::game::{Critic, Moment, Shown, check_weights, critic};
use super::plays::view::{ViewCritic, distance};
use super::wgan_gp::WganGp;
use crate::function::{images, rows};
use crate::{
    Capability, Entry, Function, Holds, Model, NetworkInfo, Part, Port, Predict, Purpose, Registered,
    Samples, StepReport, of_shape,
};
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind, Press};
use menagerie_kernels::noise;
use menagerie_nn::{Init, Learner, Tensors, activations, number, numbers};
pub use network::Sizes;
use network::{PLANES, PhysNet, planes};
use serde::{Deserialize, Serialize};

const NAME: &str = "phys_net";
/// The network's name in checkpoints.
const GENERATOR: &str = "generator";

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`
    pub model: Sizes,
    /// `[critic]`
    pub critic: ViewCritic,
    /// `[deformation]`: what is told, and what is learned
    pub deformation: Deformation,
    /// `[objective]`: what the two players minimize
    pub objective: Rule,
    /// `[penalty]`: what keeps the critic in bounds
    pub penalty: Penalties,
    /// `[optimizer]`
    pub optimizer: Optimizers,
}

/// `[deformation]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Deformation {
    /// whether the force and the material are told; otherwise the networks see the shape at rest alone
    pub told: bool,
    /// weight of a solid voxel that is missed, 1 less it that of an empty one that is filled
    pub solid: f64,
    /// weight of the distance to the shape as it truly is
    pub shape: f64,
    /// weight of the codes' divergence from the prior, a voxel
    pub divergence: f64,
    /// weight of the game; 0 for none
    pub game: f64,
}

impl Default for Deformation {
    fn default() -> Self {
        Deformation {
            told: true,
            solid: 0.5,
            shape: 1.0,
            divergence: 1.0,
            game: 0.001,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        let game = WganGp::config();
        Config {
            model: Sizes::default(),
            critic: ViewCritic::default(),
            deformation: Deformation::default(),
            objective: game.objective,
            penalty: game.penalty,
            optimizer: game.optimizer,
        }
    }
}

/// The model.
pub struct Deformer {
    settings: Deformation,
    info: DataInfo,
    network: Learner<PhysNet>,
    /// none where there is no game
    critic: Option<Critic>,
}

impl Config {
    fn check(&self) -> Result<()> {
        self.objective.check()?;
        self.penalty.check()?;
        self.critic.suits(self.objective)?;
        let (m, d) = (&self.model, &self.deformation);
        check_weights([
            ("deformation.shape", d.shape),
            ("deformation.divergence", d.divergence),
            ("deformation.game", d.game),
        ])?;
        if !(d.solid > 0.0 && d.solid < 1.0) {
            let problem = format!("{} is no share of a voxel's weight", d.solid);
            let fix = "give more than 0 and less than 1";
            return Err(Error::recipe("deformation.solid", problem, fix));
        }
        let sizes = [("model.width", m.width), ("model.latent", m.latent)];
        match sizes.into_iter().find(|(_, n)| !(1..=65536).contains(n)) {
            None => Ok(()),
            Some((key, n)) => {
                let problem = format!("{n} is out of range");
                Err(Error::recipe(key, problem, "give 1 to 65536"))
            }
        }
    }

    /// A fresh model for shapes that are pressed.
    ///
    /// # Errors
    /// [`Error::Data`] for what are none; for settings that clash.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<Deformer> {
        self.check()?;
        let known = info.attributes.iter().eq(Press::NAMES.iter());
        let (&[side, _, _, 2], Kind::Voxels, true) = (&info.shape[..], info.kind, known) else {
            let problem = format!(
                "{NAME} takes shapes at rest and pressed, with the force and the material, and these {} are none",
                info.kind.plural()
            );
            let fix = format!("take {}", Press::SOURCE);
            return Err(Error::data(&info.source, problem, fix));
        };
        // The critic is shown the shape at rest, the other one, and the planes.
        let mut shown = info.clone();
        shown.shape[3] = 2 + PLANES;
        let critic = || {
            self.critic.critic(
                (self.objective, &self.penalty),
                self.optimizer,
                &shown,
                device,
                key,
            )
        };
        let network = PhysNet::new(&self.model, side, &Init::new(key.stream(GENERATOR), device));
        let (rate, average) = (self.optimizer.generator, self.model.average);
        Ok(Deformer {
            settings: self.deformation,
            network: Learner::new(GENERATOR, network, rate, average, device)?,
            critic: match self.deformation.game > 0.0 {
                true => Some(critic()?),
                false => None,
            },
            info: info.clone(),
        })
    }
}

impl Deformer {
    fn side(&self) -> usize {
        self.info.shape[0]
    }

    /// One channel of the shapes of a batch, `[batch, side * side, side, 1]`: 0 at rest, 1 pressed.
    fn shapes(&self, batch: &Batch, channel: usize, device: &Device) -> Tensor<4> {
        let side = self.side();
        let values: Vec<f32> = batch.values.iter().skip(channel).step_by(2).copied().collect();
        let shape = [batch.shape[0], side * side, side, 1];
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    /// What is told of the presses of a batch, `[batch, 9]`; nothing of a network that is told nothing.
    fn told(&self, batch: &Batch, device: &Device) -> Result<Option<Tensor<2>>> {
        if !self.settings.told {
            return Ok(None);
        }
        let (presses, rest) = batch.attributes.as_chunks::<{ Press::NUMBERS }>();
        if presses.len() != batch.shape[0] || !rest.is_empty() {
            let problem = "some shapes do not say how they are pressed";
            let fix = format!("give every item {}", Press::NAMES.join(", "));
            return Err(Error::data("the shapes", problem, fix));
        }
        let told: Vec<f32> = presses.iter().flat_map(|p| Press::of(p).told()).collect();
        let data = TensorData::new(told, [presses.len(), Press::NUMBERS]);
        Ok(Some(Tensor::from_data(data, device)))
    }

    /// Of an item: at rest, and told a press of all zeros.
    fn blank(&self, items: usize) -> (Tensor<4>, Tensor<2>) {
        let (side, device) = (self.side(), self.network.plain_device());
        (
            Tensor::zeros([items, side * side, side, 1], &device),
            Tensor::zeros([items, Press::NUMBERS], &device),
        )
    }
}

impl Model for Deformer {
    fn networks(&self) -> Vec<NetworkInfo> {
        let ((rest, told), side) = (self.blank(1), self.side());
        let mut networks = vec![self.network.info(|n| n.forward(rest, Some(&told), None).shapes)];
        let shape = [side * side, side, 2 + PLANES];
        let device = self.network.plain_device();
        networks.extend(self.critic.iter().map(|d| d.info(shape, 0, &device)));
        networks
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<StepReport> {
        let (batch, s) = (&batches[0], self.settings);
        of_shape(batch, &self.info.shape, NAME)?;
        let device = self.network.device().clone();
        let now = Moment {
            updates: self.network.updates(),
            key,
            watch,
        };
        let [rest, truth] = [0, 1].map(|channel| self.shapes(batch, channel, &device));
        let told = self.told(batch, &device)?;
        let network = self.network.network();
        let noise = noise::normal(
            key.stream("posterior").words(),
            [batch.shape[0], network.latent()],
            &device,
        );
        let said = network.forward(rest.clone(), told.as_ref(), Some(noise));
        let shape = distance(said.shapes.clone(), &truth, s.solid);
        let apart = said.codes.mean_divergence();
        let mut scalars = vec![
            ("loss/shape", number(shape.clone())),
            ("loss/divergence", number(apart.clone())),
        ];
        let mut loss = shape * s.shape + apart * (s.divergence / self.side().pow(3) as f64);
        if let Some(critic) = &mut self.critic {
            let planes = planes(&rest, told.as_ref());
            let beside = |y: Tensor<4>| Shown::plain(Tensor::cat(vec![rest.clone(), y, planes.clone()], 3));
            let (data, samples) = (beside(truth), beside(said.shapes));
            let seen = critic.learn(data.clone(), samples.clone(), None, now)?;
            let persuaded = critic.persuade(&samples, Some(&data), None);
            scalars.extend([
                ("loss/discriminator", seen.loss),
                ("loss/generator", number(persuaded.clone())),
            ]);
            loss = loss + persuaded * s.game;
        }
        critic::finite("the generator's loss", number(loss.clone()), now)?;
        let gradient = self.network.update(&mut [loss.backward()], watch);
        scalars.extend(gradient.map(|g| ("gradient/generator", g)));
        Ok(StepReport {
            scalars,
            ..StepReport::default()
        })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.network.save();
        parts.extend(self.critic.iter().flat_map(Critic::save));
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.network.load(read, purpose)?;
        self.critic.as_mut().map_or(Ok(()), |d| d.load(read, purpose))
    }

    fn functions(&self) -> Vec<Function<'_>> {
        let side = self.side();
        let shape = |name, meaning| Port::of(name, &[side, side, side, 1], Holds::Numbers, meaning);
        let meaning = format!(
            "the force and the material, each in [-1, 1]: {}",
            Press::NAMES.join(", ")
        );
        let press = Port::of("press", &[Press::NUMBERS], Holds::Numbers, meaning);
        let mut inputs = vec![shape(
            "rest",
            "a shape at rest: 1 where a voxel is solid and -1 where it is empty",
        )];
        inputs.extend(self.settings.told.then_some(press));
        let deform = move |x: &[Tensor<2>]| {
            let rest = images(&x[0], [side * side, side, 1]);
            let network = self.network.for_use_on(&x[0].device());
            vec![rows(network.forward(rest, x.get(1), None).shapes)]
        };
        let output = vec![shape("pressed", "the shape as it is then, the same way")];
        vec![Function::new(
            "deform",
            "what becomes of a shape",
            inputs,
            output,
            deform,
        )]
    }

    fn as_predict(&self) -> Option<&dyn Predict> {
        Some(self)
    }
}

impl Predict for Deformer {
    fn draws(&self) -> bool {
        false
    }

    /// The shapes at rest.
    fn condition(&self, batch: &Batch) -> Result<Option<Samples>> {
        of_shape(batch, &self.info.shape, NAME)?;
        let side = self.side();
        Ok(Some(Samples {
            kind: Kind::Voxels,
            shape: vec![batch.shape[0], side, side, side, 1],
            values: batch.values.iter().step_by(2).copied().collect(),
        }))
    }

    /// By the mean of the codes: one press has one outcome.
    fn predict(&self, batch: &Batch, frames: usize, _key: Key) -> Result<Samples> {
        of_shape(batch, &self.info.shape, NAME)?;
        if frames > 0 {
            let problem = format!("{NAME} was not trained to predict frames");
            return Err(Error::usage(problem, "leave out --frames"));
        }
        let (device, network) = (self.network.plain_device(), self.network.for_use());
        let (rest, told) = (self.shapes(batch, 0, &device), self.told(batch, &device)?);
        let at_a_time = activations::items_at_a_time(|| {
            let (rest, told) = self.blank(1);
            network.forward(rest, Some(&told), None).shapes
        });
        let (items, side) = (batch.shape[0], self.side());
        let mut values = Vec::with_capacity(items * side.pow(3));
        for from in (0..items).step_by(at_a_time) {
            let count = at_a_time.min(items - from);
            let told = told.as_ref().map(|t| t.clone().narrow(0, from, count));
            let some = rest.clone().narrow(0, from, count);
            values.extend(numbers(network.forward(some, told.as_ref(), None).shapes));
        }
        Ok(Samples {
            kind: Kind::Voxels,
            shape: vec![items, side, side, side, 1],
            values,
        })
    }
}

impl Registered for Config {
    type Config = Config;
    fn defaults() -> Config {
        Config::default()
    }
    fn check(config: &Config) -> Result<()> {
        config.check()
    }
    fn build(config: Config, info: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        Ok(Box::new(config.build(info, device, key)?))
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: NAME,
    family: super::FAMILY,
    capabilities: &[Capability::Predict],
    paper: "Wang et al. 2018, 3D-PhysNet: Learning the Intuitive Physics of Non-Rigid Object Deformations, arXiv:1805.00328",
    recipe: NAME,
    data: &[Press::SOURCE],
    tiny: &[
        ("model.width", "4"),
        ("model.latent", "3"),
        ("model.blocks", "1"),
        ("critic.width", "4"),
        ("data.size", "8"),
        ("model.average", "0.9"),
    ],
    ..Entry::of::<Config>()
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::variational::elbo::Gaussian;
    use menagerie_data::{Loader, Source};

    fn fresh(told: bool) -> (Deformer, Batch) {
        let source = Source {
            size: vec![8],
            limit: 12,
            ..Source::parse(Press::SOURCE)
        };
        let data = source.open().unwrap().dataset;
        let mut config = Config::default();
        (config.model.width, config.model.latent) = (4, 3);
        (config.critic.width, config.deformation.told) = (4, told);
        let model = config
            .build(data.info(), &Device::flex().autodiff(), Key::new(1))
            .unwrap();
        let batch = Loader::new(data, 4, Key::new(0), 0, 1).unwrap().next().unwrap();
        (model, batch)
    }

    /// Another force, another answer, unless it is not told; the pressed shape itself is never looked at.
    #[test]
    fn answers_follow_what_is_told() {
        for told in [true, false] {
            let (model, batch) = fresh(told);
            let of = |b: &Batch| model.predict(b, 0, Key::new(0)).unwrap().values;
            let mut other = batch.clone();
            for press in other.attributes.chunks_exact_mut(Press::NUMBERS) {
                press[6] = 4.0 - press[6];
                press[0] = 1.0 - press[0];
            }
            assert_eq!(of(&other) != of(&batch), told);
            let mut blind = batch.clone();
            blind.values.iter_mut().skip(1).step_by(2).for_each(|v| *v = -*v);
            assert_eq!(of(&blind), of(&batch));
        }
    }

    /// By hand: of N(1, e) half of 1 + e - 1 - 1 a number, and none of the prior itself.
    #[test]
    fn divergences_by_hand() {
        let of = |v: f32| Tensor::<2>::full([2, 3], v, &Device::flex());
        let divergence = |v: f32| {
            let codes = Gaussian {
                mean: of(v),
                log_variance: of(v),
            };
            number(codes.mean_divergence())
        };
        let found = divergence(1.0);
        assert!((found - 1.5 * (1f64.exp() - 1.0)).abs() < 1e-5, "{found}");
        assert_eq!(divergence(0.0), 0.0);
    }

    #[test]
    fn other_data_are_told_where_to_go() {
        let shapes = Source::parse("shapes").open().unwrap().dataset;
        let e = Config::default()
            .build(shapes.info(), &Device::flex().autodiff(), Key::new(1))
            .err()
            .unwrap()
            .to_string();
        assert!(e.contains("take shapes:pressed") && !e.contains('\n'), "{e}");
        let (model, mut batch) = fresh(true);
        batch.attributes.clear();
        let e = model.predict(&batch, 0, Key::new(0)).unwrap_err().to_string();
        assert!(e.contains("how they are pressed"), "{e}");
        let mut wrong = Config::default();
        wrong.deformation.solid = 1.0;
        assert!(
            wrong
                .check()
                .unwrap_err()
                .to_string()
                .contains("deformation.solid")
        );
    }
}
