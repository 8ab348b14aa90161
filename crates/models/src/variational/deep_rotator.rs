//! The deep rotator: a picture of a thing turned, step by step, by a recurrent autoencoder that is told which way.
//!
//! Yang, Reed, Yang, Lee (2015), Weakly-supervised Disentangling with Recurrent Transformations for 3D View Synthesis,
//! arXiv:1601.00706.
//!
//! An encoder reads of the first frame who is seen, units that stay, and in which pose, units that an action a turns (section 3):
//!
//! (identity, p_0) = E(x_0),   p_t = p_{t-1} + A_a p_{t-1},   x_t ~ D(identity, p_t),   loss = sum_t |x_t - D(identity, p_t)|^2
//!
//! No frame comes with its pose; what belongs to whom is found because identity is the same at all steps while the pose must carry all
//! that changes. Training goes from short sequences to long ones (section 3.3): 1 step, then 2, 4, ... The paper's decoder draws a mask of
//! chairs, too, of which pictures of faces have none.
use super::networks::{Architecture, Decoder, Encoder, Layers, Nonlinearity};
use crate::function::{images, rows};
use crate::{
    Capability, Entry, Function, Holds, Model, NetworkInfo, Part, Port, Predict, Purpose, Registered,
    Samples, StepReport, of_shape,
};
use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_nn::{Init, Learner, OptimizerConfig, Tensors, Weights, activations, numbers};
use serde::{Deserialize, Serialize};

const NAME: &str = "deep_rotator";

/// Everything of a recipe that is this model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `[model]`
    pub model: Sizes,
    /// `[rotation]`
    pub rotation: Rotation,
    /// `[optimizer]`
    pub optimizer: OptimizerConfig,
}

/// `[model]`: the networks' sizes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    /// channels at half a frame's size; they double with every halving, up to eight times as many
    pub width: usize,
    /// units of the fully connected layers around the code
    pub units: usize,
    /// numbers that say who is seen (paper: 512)
    pub identity: usize,
    /// numbers that say in which pose (paper: 128)
    pub pose: usize,
    /// decay of the weights' moving average; 0 for none
    pub average: f64,
}

/// `[rotation]`: what is told, and how training goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rotation {
    /// whether the pose is told which way to turn; otherwise every item's turns the same way
    pub told: bool,
    /// updates after which twice as many steps are looked ahead, from one on; 0 for all steps from the beginning
    pub curriculum: u64,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            model: Sizes::default(),
            rotation: Rotation::default(),
            optimizer: OptimizerConfig::adam(1e-3),
        }
    }
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            width: 16,
            units: 256,
            identity: 128,
            pose: 32,
            average: 0.99,
        }
    }
}

impl Default for Rotation {
    fn default() -> Self {
        Rotation {
            told: true,
            curriculum: 400,
        }
    }
}

/// Encoder, actions, decoder.
#[derive(Module, Debug)]
pub struct Rotator {
    encoder: Encoder,
    /// what an action adds to a pose, `[action, pose, pose]`
    actions: Param<Tensor<3>>,
    decoder: Decoder,
    identity: usize,
}

impl Rotator {
    /// Frames `[batch, height, width, channel]` -> who is seen `[batch, identity]`, and in which pose `[batch, pose]`.
    fn read(&self, frames: Tensor<4>) -> [Tensor<2>; 2] {
        let code = self.encoder.forward(frames);
        let numbers = code.dims()[1];
        [
            code.clone().narrow(1, 0, self.identity),
            code.narrow(1, self.identity, numbers - self.identity),
        ]
    }

    /// Poses one step of their actions later; actions `[batch, action]` are shares of each.
    fn turned(&self, pose: Tensor<2>, action: &Tensor<2>) -> Tensor<2> {
        let [count, inner, _] = self.actions.dims();
        let [batch, _] = pose.dims();
        // Every action's change of every pose, of which each item takes its own.
        let all = self.actions.val().swap_dims(0, 1).reshape([inner, count * inner]);
        let changes = pose.clone().matmul(all).reshape([batch, count, inner]);
        let own = changes * action.clone().reshape([batch, count, 1]);
        pose + own.sum_dim(1).reshape([batch, inner])
    }

    /// Codes of so many steps after a first frame, step by step: `[steps * batch, identity + pose]`.
    fn codes(&self, frames: Tensor<4>, action: &Tensor<2>, steps: usize) -> Tensor<2> {
        let [identity, mut pose] = self.read(frames);
        let mut codes = Vec::with_capacity(steps);
        for _ in 0..steps {
            pose = self.turned(pose, action);
            codes.push(Tensor::cat(vec![identity.clone(), pose.clone()], 1));
        }
        Tensor::cat(codes, 0)
    }
}

/// The model.
pub struct DeepRotator {
    learner: Learner<Rotator>,
    rotation: Rotation,
    info: DataInfo,
}

impl Config {
    fn check(&self) -> Result<()> {
        let m = &self.model;
        let sizes = [
            ("model.width", m.width),
            ("model.units", m.units),
            ("model.identity", m.identity),
            ("model.pose", m.pose),
        ];
        match sizes.into_iter().find(|(_, n)| !(1..=65536).contains(n)) {
            None => Ok(()),
            Some((key, n)) => {
                let problem = format!("{n} is out of range");
                Err(Error::recipe(key, problem, "give 1 to 65536"))
            }
        }
    }

    /// A fresh model for videos of that description.
    ///
    /// # Errors
    /// [`Error::Data`] for what are no videos, or do not say what is done in them.
    pub fn build(&self, info: &DataInfo, device: &Device, key: Key) -> Result<DeepRotator> {
        self.check()?;
        if info.kind != Kind::Video || info.labels.is_empty() || info.shape[0] < 2 {
            let problem = format!(
                "{NAME} takes videos of two frames or more whose label says which way they turn, and these {} are none",
                info.kind.plural()
            );
            return Err(Error::data(&info.source, problem, "take portraits:turning"));
        }
        let m = &self.model;
        let frame = [info.shape[1], info.shape[2], info.shape[3]];
        let layers = Layers {
            network: Architecture::Conv,
            width: m.width,
            hidden: vec![m.units],
            activation: Nonlinearity::LeakyRelu,
            batch_norm: false,
        };
        layers.check(frame)?;
        let (init, numbers) = (Init::new(key, device), m.identity + m.pose);
        let shape = [info.labels.len(), m.pose, m.pose];
        let network = Rotator {
            encoder: Encoder::new(&layers, frame, numbers, &init.at("encoder")),
            // A fresh model leaves things as they are.
            actions: Weights::Normal(0.01).draw(shape, [m.pose, m.pose], &init.at("actions")),
            decoder: Decoder::new(&layers, numbers, frame, &init.at("decoder")),
            identity: m.identity,
        };
        Ok(DeepRotator {
            learner: Learner::new("rotator", network, self.optimizer, m.average, device)?,
            rotation: self.rotation,
            info: info.clone(),
        })
    }
}

impl DeepRotator {
    fn frame(&self) -> [usize; 3] {
        [self.info.shape[1], self.info.shape[2], self.info.shape[3]]
    }

    /// Steps that are looked ahead after so many updates.
    fn steps(&self, updates: u64) -> usize {
        let most = self.info.shape[0] - 1;
        match updates.checked_div(self.rotation.curriculum) {
            None => most,
            Some(doubled) => most.min(1 << doubled.min(16)),
        }
    }

    /// One frame of each item of a batch of videos.
    fn frames_at(&self, batch: &Batch, at: usize, device: &Device) -> Tensor<4> {
        let ([h, w, c], items) = (self.frame(), batch.shape[0]);
        let numbers = h * w * c;
        let all = batch.values.chunks_exact(batch.shape[1] * numbers);
        let one: Vec<f32> = all
            .flat_map(|v| &v[at * numbers..(at + 1) * numbers])
            .copied()
            .collect();
        Tensor::from_data(TensorData::new(one, [items, h, w, c]), device)
    }

    /// The action of each item, `[items, action]`.
    fn actions(&self, batch: &Batch, device: &Device) -> Result<Tensor<2>> {
        let (items, count) = (batch.shape[0], self.info.labels.len());
        if !self.rotation.told {
            return Ok(Tensor::full([items, count], 1.0 / count as f32, device));
        }
        let labels = batch.labels.as_deref().unwrap_or_default();
        let named = labels.iter().all(|l| (*l as usize) < count);
        if labels.len() != items || !named {
            let problem = "an item does not say which way it turns";
            let fix = format!("its label must be one of {}", self.info.labels.join(", "));
            return Err(Error::data("the videos", problem, fix));
        }
        let mut rows = vec![0.0; items * count];
        for (row, label) in rows.chunks_exact_mut(count).zip(labels) {
            row[*label as usize] = 1.0;
        }
        Ok(Tensor::from_data(TensorData::new(rows, [items, count]), device))
    }
}

impl Model for DeepRotator {
    fn networks(&self) -> Vec<NetworkInfo> {
        let (device, [h, w, c]) = (self.learner.plain_device(), self.frame());
        let action = Tensor::zeros([1, self.info.labels.len()], &device);
        let blank = Tensor::zeros([1, h, w, c], &device);
        vec![
            self.learner
                .info(|n| n.decoder.forward(n.codes(blank, &action, 1))),
        ]
    }

    fn step(&mut self, batches: &[Batch], _key: Key, watch: bool) -> Result<StepReport> {
        let batch = &batches[0];
        of_shape(batch, &self.info.shape, NAME)?;
        let device = self.learner.device();
        let (steps, action) = (self.steps(self.learner.updates()), self.actions(batch, device)?);
        let network = self.learner.network();
        let codes = network.codes(self.frames_at(batch, 0, device), &action, steps);
        let truth = (1..=steps).map(|t| self.frames_at(batch, t, device));
        let off = network.decoder.forward(codes) - Tensor::cat(truth.collect(), 0);
        let seen = self.learner.descend((off.clone() * off).mean(), watch)?;
        let mut scalars = vec![("loss/squared-error", seen.loss)];
        scalars.extend(seen.gradient.map(|g| ("gradient/rotator", g)));
        if watch {
            scalars.push(("rotation/steps", steps as f64));
        }
        Ok(StepReport {
            scalars,
            ..StepReport::default()
        })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        self.learner.save()
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.learner.load(read, purpose)
    }

    fn functions(&self) -> Vec<Function<'_>> {
        let (frame, n) = (self.frame(), self.learner.network());
        let poses = n.actions.dims()[1];
        let identity = || Port::of("identity", &[n.identity], Holds::Numbers, "who is seen");
        let pose = |name| Port::of(name, &[poses], Holds::Numbers, "in which pose");
        let picture = || Port::of("frame", &frame, Holds::Image, "a frame, in [-1, 1]");
        let meaning = format!("1 for what is done, else 0: {}", self.info.labels.join(", "));
        let action = Port::of("action", &[self.info.labels.len()], Holds::Numbers, meaning);
        let network = |x: &Tensor<2>| self.learner.for_use_on(&x.device());
        let look = move |x: &[Tensor<2>]| network(&x[0]).read(images(&x[0], frame)).to_vec();
        let turn = move |x: &[Tensor<2>]| vec![network(&x[0]).turned(x[0].clone(), &x[1])];
        let decode = move |x: &[Tensor<2>]| {
            let code = Tensor::cat(vec![x[0].clone(), x[1].clone()], 1);
            vec![rows(network(&x[0]).decoder.forward(code).clamp(-1.0, 1.0))]
        };
        let to = vec![identity(), pose("pose")];
        vec![
            Function::new(
                "look",
                "who, and in which pose",
                vec![picture()],
                to.clone(),
                look,
            ),
            Function::new(
                "turn",
                "the pose one step later",
                vec![pose("pose"), action],
                vec![pose("turned")],
                turn,
            ),
            Function::new("decode", "what a code stands for", to, vec![picture()], decode),
        ]
    }

    fn as_predict(&self) -> Option<&dyn Predict> {
        Some(self)
    }
}

impl Predict for DeepRotator {
    fn context(&self) -> usize {
        1
    }
    fn draws(&self) -> bool {
        false
    }

    /// Turned on from the last frame that is given, as the item's label says. Nothing is drawn: there is one picture of each pose.
    fn predict(&self, batch: &Batch, frames: usize, _key: Key) -> Result<Samples> {
        let frame = self.frame();
        if batch.shape.len() != 5 || batch.shape[2..] != frame || batch.shape[1] == 0 {
            let [h, w, c] = frame;
            let problem = format!("{NAME} goes on from 1 or more frames of {h}x{w}x{c}");
            return Err(Error::usage(problem, "give videos of that size"));
        }
        if frames == 0 {
            return Err(Error::usage("0 frames were asked for", "give --frames 1 or more"));
        }
        let (device, network) = (self.learner.plain_device(), self.learner.for_use());
        let action = self.actions(batch, &device)?;
        let last = self.frames_at(batch, batch.shape[1] - 1, &device);
        let (items, codes) = (batch.shape[0], network.codes(last, &action, frames));
        let decoder = &network.decoder;
        let at_a_time = activations::items_at_a_time(|| decoder.forward(decoder.blank(1)));
        let mut drawn = Vec::new();
        for from in (0..items * frames).step_by(at_a_time) {
            let some = codes
                .clone()
                .narrow(0, from, at_a_time.min(items * frames - from));
            drawn.extend(numbers(decoder.forward(some).clamp(-1.0, 1.0)));
        }
        // Drawn step by step; wanted video by video.
        let pixels = frame.iter().product::<usize>();
        let of = |item: usize, t: usize| &drawn[(t * items + item) * pixels..][..pixels];
        let values = (0..items).flat_map(|i| (0..frames).flat_map(move |t| of(i, t)));
        Ok(Samples {
            kind: Kind::Video,
            shape: [&[items, frames], &frame[..]].concat(),
            values: values.copied().collect(),
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
    paper: "Yang et al. 2015, Weakly-supervised Disentangling with Recurrent Transformations for 3D View Synthesis, arXiv:1601.00706",
    recipe: NAME,
    data: &["portraits:turning"],
    tiny: &[
        ("model.width", "4"),
        ("model.units", "8"),
        ("model.identity", "6"),
        ("model.pose", "3"),
        ("data.size", "12"),
        ("model.average", "0.9"),
    ],
    ..Entry::of::<Config>()
};

#[cfg(test)]
mod tests {
    use super::*;
    use menagerie_data::{Loader, Source};

    fn fresh() -> (DeepRotator, Batch) {
        let source = Source {
            size: vec![12],
            limit: 12,
            ..Source::parse("portraits:turning")
        };
        let data = source.open().unwrap().dataset;
        let mut config = Config::default();
        (config.model.width, config.model.units) = (2, 8);
        (config.model.identity, config.model.pose) = (5, 3);
        config.rotation.curriculum = 10;
        let info = data.info().clone();
        let model = config
            .build(&info, &Device::flex().autodiff(), Key::new(1))
            .unwrap();
        let batch = Loader::new(data, 4, Key::new(0), 0, 1).unwrap().next().unwrap();
        (model, batch)
    }

    /// A pose is turned by its own action's matrix, once a step: against the sums in f64.
    #[test]
    fn poses_turn_by_their_actions() {
        let (model, batch) = fresh();
        let device = model.learner.plain_device();
        let network = model.learner.for_use();
        let action = model.actions(&batch, &device).unwrap();
        let frames = model.frames_at(&batch, 0, &device);
        let [identity, pose] = network.read(frames.clone());
        let codes = numbers(network.codes(frames, &action, 2));
        let matrices: Vec<f64> = numbers(network.actions.val())
            .into_iter()
            .map(f64::from)
            .collect();
        let labels = batch.labels.clone().unwrap();
        let (identity, pose) = (numbers(identity), numbers(pose));
        for item in 0..4 {
            let a = labels[item] as usize;
            let mut p: Vec<f64> = pose[item * 3..][..3].iter().map(|v| f64::from(*v)).collect();
            for step in 0..2 {
                p = (0..3)
                    .map(|j| p[j] + (0..3).map(|i| p[i] * matrices[(a * 3 + i) * 3 + j]).sum::<f64>())
                    .collect();
                let code = &codes[(step * 4 + item) * 8..][..8];
                assert_eq!(code[..5], identity[item * 5..][..5], "who is seen stays");
                for (had, want) in code[5..].iter().zip(&p) {
                    assert!((f64::from(*had) - want).abs() < 1e-5, "{had} {want}");
                }
            }
        }
    }

    #[test]
    fn sequences_grow_and_end_with_the_videos() {
        let (model, _) = fresh();
        let steps = [0, 9, 10, 19, 20, 1000].map(|u| model.steps(u));
        assert_eq!(steps, [1, 1, 2, 2, 4, 4]);
    }

    /// Two steps at once are one step and another from where it led, as codes are; longer than any video that was seen.
    #[test]
    fn a_prediction_begins_a_longer_one() {
        let (model, batch) = fresh();
        let [short, long] = [2, 7].map(|n| model.predict(&batch, n, Key::new(0)).unwrap());
        assert_eq!(long.shape, [4, 7, 12, 12, 3]);
        let pixels = 12 * 12 * 3;
        for item in 0..4 {
            let [a, b] = [(&short, 2), (&long, 7)].map(|(s, n)| &s.values[item * n * pixels..][..2 * pixels]);
            assert_eq!(a, b);
        }
    }

    #[test]
    fn other_data_are_told_where_to_go() {
        let digits = Source::parse("digits").open().unwrap().dataset;
        let e = Config::default()
            .build(digits.info(), &Device::flex().autodiff(), Key::new(1))
            .err()
            .unwrap()
            .to_string();
        assert!(e.contains("portraits:turning") && !e.contains('\n'), "{e}");
        let (model, mut batch) = fresh();
        batch.labels = None;
        let e = model.predict(&batch, 1, Key::new(0)).unwrap_err().to_string();
        assert!(e.contains("which way"), "{e}");
    }
}
