//! A game at every level of a Laplacian pyramid (Denton et al. 2015, arXiv:1506.05751, LAPGAN). The coarsest image is drawn from
//! a latent; each further level draws what is to be added to the image so far, enlarged:
//!
//! I~_k = u(I~_(k+1)) + G_k(z_k, u(I~_(k+1)))                                                      (equation 4)
//!
//! Levels learn side by side, none of another's mistakes: each is given the data's own image of the level below it. With I_k
//! the data at level k, d the mean of 2 x 2 pixels and u bilinear enlargement, D_k tells h_k = I_k - u(I_(k+1)) from
//! G_k(z_k, u(I_(k+1))), knowing u(I_(k+1)); as it is shown that image and the sum, no number of it is lost.
use super::super::config::Config;
use super::super::game::monitor::{self, Observation};
use super::super::game::{Critic, Draws, Game, Moment, Play, Round, Shown, Stage, critic};
use super::super::networks::{CriticNetwork, GeneratorNetwork, Heads, Sizes, Told, dcgan};
use super::duel::latents;
use crate::{Holds, NetworkInfo, Part, Port, Purpose};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo, Kind};
use menagerie_kernels::{avg_pool2d, resize_bilinear};
use menagerie_nn::{Activation, BatchNorm, Conv2d, Init, Learner, Tensors, Weights, number, numbers};
use serde::{Deserialize, Serialize};

/// `[pyramid]`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PyramidSettings {
    /// levels above the coarsest image, each of which doubles the size
    pub levels: usize,
    /// channels of their generators, and of their discriminators at half the level's size
    pub width: usize,
    /// convolutions of their generators
    pub layers: usize,
}

impl Default for PyramidSettings {
    fn default() -> Self {
        PyramidSettings {
            levels: 2,
            width: 32,
            layers: 3,
        }
    }
}

/// Names in checkpoints and of losses, from the coarsest level on.
const GENERATORS: [&str; 6] = [
    "generator",
    "generator_1",
    "generator_2",
    "generator_3",
    "generator_4",
    "generator_5",
];
const CRITICS: [&str; 6] = [
    "discriminator",
    "discriminator_1",
    "discriminator_2",
    "discriminator_3",
    "discriminator_4",
    "discriminator_5",
];
const LOSSES: [[&str; 2]; 6] = [
    ["loss/generator", "loss/discriminator"],
    ["loss/generator-1", "loss/discriminator-1"],
    ["loss/generator-2", "loss/discriminator-2"],
    ["loss/generator-3", "loss/discriminator-3"],
    ["loss/generator-4", "loss/discriminator-4"],
    ["loss/generator-5", "loss/discriminator-5"],
];

/// Half the size: the mean of 2 x 2 pixels.
fn smaller(x: Tensor<4>) -> Tensor<4> {
    avg_pool2d(x, [2, 2], [2, 2], [0, 0])
}

/// Twice the size.
fn larger(x: Tensor<4>) -> Tensor<4> {
    let [_, h, w, _] = x.dims();
    resize_bilinear(x, [2 * h, 2 * w], false)
}

/// Convolutions of a level, at most.
const MOST_LAYERS: usize = 64;

/// From an enlarged image and a plane of noise to what is to be added to the image.
#[derive(Module, Debug)]
pub struct Refiner {
    convs: Vec<Conv2d>,
    norms: Vec<BatchNorm>,
}

impl Refiner {
    fn new(s: &PyramidSettings, colours: usize, init: &Init) -> Self {
        let n = s.layers;
        let at = |i: usize| match i {
            0 => colours + 1,
            i if i == n => colours,
            _ => s.width,
        };
        let conv = |i: usize| {
            Conv2d::of([at(i), at(i + 1)])
                .kernel(3)
                .padding(1)
                .weights(Weights::Normal(0.02))
                .bias_if(i + 1 == n)
                .init(&init.at("conv").nth(i))
        };
        Refiner {
            convs: (0..n).map(conv).collect(),
            norms: (1..n)
                .map(|i| BatchNorm::of(s.width).init(&init.at("norm").nth(i)))
                .collect(),
        }
    }

    /// `[batch, height, width, channel]`, noise `[batch, height * width]` -> the image of this level.
    pub fn forward(&self, image: Tensor<4>, noise: Tensor<2>) -> Tensor<4> {
        let [n, h, w, _] = image.dims();
        let x = Tensor::cat(vec![image.clone(), noise.reshape([n, h, w, 1])], 3);
        let added = self.convs.iter().enumerate().fold(x, |x, (i, conv)| {
            let x = conv.forward(x, Activation::Identity);
            match self.norms.get(i) {
                Some(norm) => norm.forward(x, Activation::Relu),
                None => x,
            }
        });
        image + added
    }
}

/// One level above the coarsest.
struct Level {
    generator: Learner<Refiner>,
    critic: Critic,
    shape: [usize; 3],
}

impl Level {
    /// Numbers of its noise.
    fn noise(&self) -> usize {
        self.shape[0] * self.shape[1]
    }
}

/// See the module.
pub struct Pyramid {
    stage: Stage,
    config: Config,
    coarsest: Learner<GeneratorNetwork>,
    critic: Critic,
    shape: [usize; 3],
    levels: Vec<Level>,
}

/// What a level showed in a step.
struct Shows {
    losses: [f64; 2],
    observation: Option<Observation>,
}

impl PyramidSettings {
    /// Refuses numbers out of range, and sizes that do not halve so often.
    ///
    /// # Errors
    /// [`Error::Recipe`] or [`Error::Data`].
    fn fits(&self, model: &str, info: &DataInfo) -> Result<()> {
        if info.kind != Kind::Image {
            let problem = format!("{model} draws images, but these are {}", info.kind.plural());
            return Err(Error::data(&info.source, problem, "choose a source of images"));
        }
        let small = |v: &&(&'static str, usize)| v.1 == 0;
        let sizes = [
            ("pyramid.levels", self.levels),
            ("pyramid.width", self.width),
            ("pyramid.layers", self.layers),
        ];
        if let Some((key, _)) = sizes.iter().find(small) {
            return Err(Error::recipe(*key, "0 is too small", "give 1 or more"));
        }
        if self.layers > MOST_LAYERS {
            let problem = format!("{} convolutions a level are too many", self.layers);
            let fix = format!("give {MOST_LAYERS} at most; the paper has 3");
            return Err(Error::recipe("pyramid.layers", problem, fix));
        }
        let (h, w, most) = (info.shape[0], info.shape[1], GENERATORS.len() - 1);
        let halves = |side: usize| side.trailing_zeros() as usize >= self.levels && side >> self.levels >= 4;
        if self.levels > most || !halves(h) || !halves(w) {
            let problem = format!("{} levels halve {h}x{w} to no 4 pixels or more", self.levels);
            let fix =
                format!("give 1 to {most} levels, and a data.size that halves as often, such as 32 or 64");
            return Err(Error::recipe("pyramid.levels", problem, fix));
        }
        Ok(())
    }
}

impl Config {
    /// Fresh networks for images of that description, and a game a level; `self.model` are the networks of the coarsest.
    ///
    /// # Errors
    /// For settings that clash, and data that do not halve.
    pub fn pyramid(
        &self,
        model: &'static str,
        settings: PyramidSettings,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<Pyramid>> {
        self.check()?;
        self.plain_scores(model)?;
        settings.fits(model, info)?;
        let (h, w, c) = (info.shape[0], info.shape[1], info.shape[2]);
        let at = |level: usize, channels: usize| {
            let halved = settings.levels - level;
            DataInfo {
                shape: vec![h >> halved, w >> halved, channels],
                ..info.clone()
            }
        };
        let coarse = at(0, c);
        self.model.check(model, &coarse)?;
        let (optimizer, average) = (self.optimizer.generator, self.model.average());
        let init = |level: usize| Init::new(key.stream(GENERATORS[level]), device);
        let generator = self.model.generator(&coarse, Told::default(), &init(0));
        let critic_key = key.stream(critic::DISCRIMINATOR);
        let critic = Critic::new(
            self.critic(&coarse),
            &self.model,
            &coarse,
            Heads::default(),
            critic_key,
            device,
        )?;
        let level = |i: usize| -> Result<Level> {
            let sizes = Sizes::Dcgan(dcgan::Sizes {
                width: settings.width,
                // A gradient penalty is of single items.
                norm: match self.penalty.of_gradients() {
                    Some(_) => dcgan::Norm::Layer,
                    None => dcgan::Norm::Batch,
                },
                ..dcgan::Sizes::default()
            });
            let heads = Heads {
                biased: self.objective.wants_bias(),
                ..Heads::default()
            };
            let init_critic = Init::new(key.stream(CRITICS[i]), device);
            let network = CriticNetwork::new(&sizes, &at(i, 2 * c), heads, &init_critic);
            let of_level = at(i, c);
            let refiner = Refiner::new(&settings, c, &init(i));
            Ok(Level {
                generator: Learner::new(GENERATORS[i], refiner, optimizer, average, device)?,
                critic: Critic::of(CRITICS[i], self.critic(&of_level), network, device)?,
                shape: [of_level.shape[0], of_level.shape[1], c],
            })
        };
        Ok(Game::new(Pyramid {
            stage: Stage::new(model, info, device),
            config: self.clone(),
            coarsest: Learner::new(GENERATORS[0], generator, optimizer, average, device)?,
            critic,
            shape: [coarse.shape[0], coarse.shape[1], c],
            levels: (1..=settings.levels).map(level).collect::<Result<_>>()?,
        }))
    }
}

/// One turn of both at a level: the critic learns, then the generator, by the gradient of its own weights.
fn turn<M: Module + 'static>(
    generator: &mut Learner<M>,
    critic: &mut Critic,
    (data, samples): (Tensor<4>, Tensor<4>),
    diversity: impl FnOnce() -> f64,
    now: Moment,
) -> Result<Shows> {
    let (data, samples) = (Shown::plain(data), Shown::plain(samples));
    let seen = critic.learn(data.clone(), samples.clone(), None, now)?;
    let noise = now.key.stream("noise for the generator");
    let (samples, data) = (
        critic.shown(samples, now.updates, noise),
        critic.shown(
            data,
            now.updates,
            now.key.stream("noise on data for the generator"),
        ),
    );
    let loss = critic.persuade(&samples, Some(&data), None);
    let value = number(loss.clone());
    critic::finite("the generator's loss", value, now)?;
    let gradient = generator.update(&mut [loss.backward()], now.watch);
    let observation = now.watch.then(|| {
        Observation::new(
            critic.objective(),
            &seen,
            gradient.unwrap_or(f64::NAN),
            diversity(),
        )
    });
    Ok(Shows {
        losses: [value, seen.loss],
        observation,
    })
}

impl Pyramid {
    fn latent(&self) -> usize {
        self.config.model.latent()
    }

    /// The images of all levels, from the coarsest on, of latents.
    fn built(&self, latents: &Tensor<2>) -> Vec<Tensor<4>> {
        let device = latents.device();
        let coarsest = self.coarsest.for_use_on(&device);
        let mut image = coarsest.forward(latents.clone().narrow(1, 0, self.latent()), None);
        let (mut images, mut from) = (vec![image.clone()], self.latent());
        for level in &self.levels {
            let noise = latents.clone().narrow(1, from, level.noise());
            from += level.noise();
            image = level.generator.for_use_on(&device).forward(larger(image), noise);
            images.push(image.clone());
        }
        images
    }
}

impl Play for Pyramid {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn updates(&self) -> u64 {
        self.coarsest.updates()
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        let device = self.stage.plain();
        let z = Tensor::zeros([1, self.latent()], &device);
        let mut all = vec![
            self.coarsest.info(|g| g.forward(z, None)),
            self.critic.info(self.shape, 0, &device),
        ];
        for level in &self.levels {
            let [h, w, c] = level.shape;
            let (x, e) = (
                Tensor::zeros([1, h, w, c], &device),
                Tensor::zeros([1, h * w], &device),
            );
            all.push(level.generator.info(|g| g.forward(x, e)));
            all.push(level.critic.info([h, w, 2 * c], 0, &device));
        }
        all
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        let Some(batch) = batches.first() else {
            return Ok(Round::default());
        };
        let count = batch.shape[0];
        let mut data = vec![self.stage.items(batch)];
        for _ in &self.levels {
            data.push(smaller(data[data.len() - 1].clone()));
        }
        data.reverse();
        let drawn = |width: usize, key: Key| {
            let key = key.stream("latents");
            latents(self.config.game.prior, count, width, key, &self.stage.device)
        };
        let now = |level: usize| Moment {
            updates: self.coarsest.updates(),
            key: key.stream(GENERATORS[level]),
            watch,
        };
        // How different samples are from each other, beside data.
        let spread = |made: &Tensor<4>, data: &Tensor<4>| {
            let width: usize = made.dims()[1..].iter().product();
            let of = |x: &Tensor<4>| monitor::spread(&numbers(x.clone().inner()), width);
            of(made) / of(data).max(1e-12)
        };
        let at = now(0);
        let made = self
            .coarsest
            .network()
            .forward(drawn(self.latent(), at.key), None);
        let (others, of_data) = (made.clone(), data[0].clone());
        let moments: Vec<Moment> = (1..=self.levels.len()).map(now).collect();
        let noises: Vec<Tensor<2>> = self
            .levels
            .iter()
            .zip(&moments)
            .map(|(l, m)| drawn(l.noise(), m.key))
            .collect();
        let pair = (data[0].clone(), made);
        let mut shows = turn(
            &mut self.coarsest,
            &mut self.critic,
            pair,
            || spread(&others, &of_data),
            at,
        )?;
        let mut scalars: Vec<_> = LOSSES[0].into_iter().zip(shows.losses).collect();
        for (i, ((level, now), noise)) in self.levels.iter_mut().zip(moments).zip(noises).enumerate() {
            let (below, truth) = (larger(data[i].clone()), data[i + 1].clone());
            let made = level.generator.network().forward(below.clone(), noise);
            let beside = |x: Tensor<4>| Tensor::cat(vec![x, below.clone()], 3);
            let pair = (beside(truth.clone()), beside(made.clone()));
            let diversity = || spread(&made, &truth);
            shows = turn(&mut level.generator, &mut level.critic, pair, diversity, now)?;
            scalars.extend(LOSSES[i + 1].into_iter().zip(shows.losses));
        }
        // What the finest level shows.
        scalars.extend(shows.observation.iter().flat_map(Observation::scalars));
        Ok(Round {
            scalars,
            observation: shows.observation,
        })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.coarsest.save();
        parts.extend(self.critic.save());
        for level in &self.levels {
            parts.extend(level.generator.save());
            parts.extend(level.critic.save());
        }
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.coarsest.load(read, purpose)?;
        self.critic.load(read, purpose)?;
        self.levels.iter_mut().try_for_each(|level| {
            level.generator.load(read, purpose)?;
            level.critic.load(read, purpose)
        })
    }

    fn draws(&self) -> Option<&dyn Draws> {
        Some(self)
    }
}

/// A latent is that of the coarsest image, then a plane of noise for each further level.
impl Draws for Pyramid {
    fn latent(&self) -> usize {
        self.latent() + self.levels.iter().map(Level::noise).sum::<usize>()
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
        let mut port = super::duel::port_of(self.config.game.prior, Draws::latent(self));
        if port.holds == Holds::Normal {
            port.meaning =
                "standard normal: the latent of the coarsest image, then noise level by level".into();
        }
        vec![port]
    }

    fn draw(&self, latents: Tensor<2>, _: Option<Tensor<2>>) -> Tensor<4> {
        let mut images = self.built(&latents);
        images.pop().expect("the coarsest image at least")
    }

    fn stages(&self, latents: Tensor<2>) -> Vec<Tensor<4>> {
        self.built(&latents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LatentSpace;

    fn info(shape: &[usize]) -> DataInfo {
        DataInfo {
            source: "test".into(),
            kind: Kind::Image,
            shape: shape.to_vec(),
            count: 100,
            range: (0.0, 255.0),
            ..DataInfo::default()
        }
    }

    fn game(shape: &[usize], levels: usize) -> Result<Game<Pyramid>> {
        of_layers(shape, levels, 2)
    }

    fn of_layers(shape: &[usize], levels: usize, layers: usize) -> Result<Game<Pyramid>> {
        let settings = PyramidSettings {
            levels,
            width: 4,
            layers,
        };

        let config = super::super::super::lapgan::Lapgan::defaults_of(8);
        config.pyramid(
            "lapgan",
            settings,
            &info(shape),
            &Device::flex().autodiff(),
            Key::new(1),
        )
    }

    /// A level draws what is added to the image below it: where its network adds nothing, the finest image is the coarsest one
    /// enlarged; and the noise of a level moves its own image and those above alone.
    #[test]
    fn levels_add_to_what_is_there() {
        let game = game(&[16, 24, 3], 2).unwrap();
        let play = game.play();
        assert_eq!((play.shape, game.latent()), ([4, 6, 3], 8 + 8 * 12 + 16 * 24));
        let z = game.prior(2, Key::new(2));
        let one = play.built(&z);
        assert_eq!(
            one.iter().map(|x| x.dims()).collect::<Vec<_>>(),
            [[2, 4, 6, 3], [2, 8, 12, 3], [2, 16, 24, 3]]
        );
        let other = z
            .clone()
            .slice_assign([0..2, 8..104], Tensor::ones([2, 96], &z.device()));
        let other = play.built(&other);
        let same = |i: usize| numbers(one[i].clone()) == numbers(other[i].clone());
        assert_eq!([same(0), same(1), same(2)], [true, false, false]);
        let (below, plane) = (larger(one[1].clone()), Tensor::zeros([2, 384], &z.device()));
        let added = play.levels[1].generator.for_use().forward(below.clone(), plane) - below;
        assert!(
            numbers(added).iter().all(|v| v.abs() < 0.5),
            "first weights are small"
        );
    }

    #[test]
    fn sizes_must_halve() {
        for (shape, levels) in [([30, 32, 1], 2), ([16, 16, 1], 3), ([32, 32, 1], 0)] {
            let e = game(&shape, levels).err().expect("is refused").to_string();
            assert!(e.contains("pyramid.levels"), "{e}");
        }
        for layers in [0, 65, 100_000_000] {
            let refused = of_layers(&[32, 32, 1], 2, layers).err().expect("is refused");
            assert!(refused.to_string().contains("pyramid.layers"), "{refused}");
        }
    }
}
