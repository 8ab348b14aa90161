//! An encoder, a generator, a discriminator and a classifier, all told or telling classes; who makes items matches features that
//! the others see in them instead of descending the game (Bao et al. 2017, arXiv:1703.10155, CVAE-GAN). With f_D and f_C the
//! features of discriminator and classifier, x' the reconstruction of x, and x_p a sample of a drawn class:
//!
//! L_KL = KL(q(z | x, c) || N(0, 1))                                                                (equation 6)
//! L_G  = 1/2 (||x - x'||^2 + ||f_D(x) - f_D(x')||^2 + ||f_C(x) - f_C(x')||^2)                      (equation 7)
//! L_GD = 1/2 ||E f_D(x) - E f_D(x_p)||^2                                                           (equation 3)
//! L_GC = 1/2 sum_c ||E_c f_C(x) - E_c f_C(x_p)||^2                                                 (equation 5)
//!
//! The encoder descends l1 L_KL + l2 L_G, the generator l2 L_G + l3 L_GD + l4 L_GC, the discriminator the game's loss on data
//! against reconstructions and samples, the classifier its cross-entropy (Algorithm 1). A class has few items in a batch, so that
//! the means by class are moving averages.
use super::super::config::Config;
use super::super::game::condition::{Condition, cross_entropy};
use super::super::game::monitor::Observation;
use super::super::game::stage::needs_labels;
use super::super::game::{
    Critic, Draws, Game, Moment, Play, Round, Shown, Stage, Tells, check_weights, critic,
};
use super::super::networks::{CriticNetwork, GeneratorNetwork, Heads};
use super::duel::{latents, port_of};
use super::joint::EncoderNetwork;
use crate::{NetworkInfo, Part, Port, Purpose};
use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, DataInfo};
use menagerie_kernels::noise;
use menagerie_nn::{Init, Learner, Tensors, collective, number, numbers};
use serde::{Deserialize, Serialize};

/// `[matching]`: weights of the losses.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MatchingSettings {
    /// of the divergence from the prior (lambda 1; paper: 3)
    pub kl: f64,
    /// of reconstructions: pixels, and features of discriminator and classifier (lambda 2; paper: 1)
    pub reconstruction: f64,
    /// of the mean features of the discriminator (lambda 3; paper: 0.001)
    pub features: f64,
    /// of the mean features of the classifier, class by class (lambda 4; paper: 0.001)
    pub class_features: f64,
    /// decay of the moving averages of these
    pub decay: f64,
}

impl Default for MatchingSettings {
    fn default() -> Self {
        MatchingSettings {
            kl: 3.0,
            reconstruction: 1.0,
            features: 1e-3,
            class_features: 1e-3,
            decay: 0.9,
        }
    }
}

impl MatchingSettings {
    /// Refuses what is no weight and no decay.
    ///
    /// # Errors
    /// [`Error::Recipe`].
    pub fn check(&self) -> Result<()> {
        check_weights([
            ("matching.kl", self.kl),
            ("matching.reconstruction", self.reconstruction),
            ("matching.features", self.features),
            ("matching.class_features", self.class_features),
        ])?;
        match (0.0..1.0).contains(&self.decay) {
            true => Ok(()),
            false => Err(Error::recipe(
                "matching.decay",
                format!("{} is not a decay", self.decay),
                "give 0 for none, or a number such as 0.9",
            )),
        }
    }
}

/// Moving averages of features by class, `[classes, features]`; of a class that was never seen there is none.
#[derive(Clone, Debug, Default)]
struct Centres {
    means: Vec<f32>,
    seen: Vec<bool>,
}

impl Centres {
    /// Takes in the features `[batch, features]` of items of these classes `[batch, classes]`; gives how many items of each class
    /// a leaf has on the average.
    fn follow(&mut self, features: &Tensor<2>, classes: &Tensor<2>, decay: f32) -> Vec<f32> {
        let [_, k] = classes.dims();
        let width = features.dims()[1];
        let sums = classes.clone().transpose().matmul(features.clone());
        let sums = collective::mean(numbers(sums));
        let counts = collective::mean(numbers(classes.clone().sum_dim(0)));
        self.means.resize(k * width, 0.0);
        self.seen.resize(k, false);
        for (c, &count) in counts.iter().enumerate().filter(|(_, n)| **n > 0.0) {
            let keep = if self.seen[c] { decay } else { 0.0 };
            let means = self.means[c * width..][..width].iter_mut();
            for (m, sum) in means.zip(&sums[c * width..]) {
                *m = keep * *m + (1.0 - keep) * sum / count;
            }
            self.seen[c] = true;
        }
        counts
    }
}

const ENCODER: &str = "encoder";
const CLASSIFIER: &str = "classifier";
/// The averages in checkpoints.
const CENTRES: &str = "centres";

/// See the module.
pub struct Matching {
    stage: Stage,
    config: Config,
    settings: MatchingSettings,
    latent: usize,
    encoder: Learner<EncoderNetwork>,
    generator: Learner<GeneratorNetwork>,
    critic: Critic,
    classifier: Learner<CriticNetwork>,
    of_data: Centres,
    of_samples: Centres,
}

impl Config {
    /// Fresh networks for items with classes.
    ///
    /// # Errors
    /// For settings that clash, and data without classes.
    pub fn matching(
        &self,
        model: &'static str,
        settings: MatchingSettings,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Game<Matching>> {
        self.matching_play(model, settings, info, device, key)
            .map(Game::new)
    }

    fn matching_play(
        &self,
        model: &'static str,
        settings: MatchingSettings,
        info: &DataInfo,
        device: &Device,
        key: Key,
    ) -> Result<Matching> {
        self.check()?;
        self.plain_scores(model)?;
        settings.check()?;
        self.model.check(model, info)?;
        needs_labels(model, info)?;
        let (classes, latent) = (info.labels.len(), self.model.latent());
        let (optimizer, average) = (self.optimizer.generator, self.model.average());
        let at = |name: &str| Init::new(key.stream(name), device);
        let encoder = EncoderNetwork::new(&self.model, info, (classes, latent), true, &at(ENCODER));
        let told = Condition::default().told(classes);
        let generator = self.model.generator(info, told, &at("generator"));
        let tells = Heads {
            classes,
            score_of_classes: true,
            ..Heads::default()
        };
        let classifier = CriticNetwork::new(&self.model, info, tells, &at(CLASSIFIER));
        let key = key.stream(critic::DISCRIMINATOR);
        Ok(Matching {
            stage: Stage::new(model, info, device),
            config: self.clone(),
            settings,
            latent,
            encoder: Learner::new(ENCODER, encoder, optimizer, average, device)?,
            generator: Learner::new("generator", generator, optimizer, average, device)?,
            critic: Critic::new(
                self.critic(info),
                &self.model,
                info,
                Heads::default(),
                key,
                device,
            )?,
            classifier: Learner::new(CLASSIFIER, classifier, self.optimizer.discriminator, 0.0, device)?,
            of_data: Centres::default(),
            of_samples: Centres::default(),
        })
    }
}

/// Half the squared distance of rows, the mean over the batch.
fn half_square<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<1> {
    let rows = a.dims()[0] as f64;
    let off = a - b;
    (off.clone() * off).sum() * (0.5 / rows)
}

/// Classes as planes behind an item's channels.
fn with_planes(x: Tensor<4>, classes: &Tensor<2>) -> Tensor<4> {
    let ([n, h, w, _], k) = (x.dims(), classes.dims()[1]);
    let planes = classes.clone().reshape([n, 1, 1, k]).expand([n, h, w, k]);
    Tensor::cat(vec![x, planes], 3)
}

/// What is made of a batch: reconstructions, samples and the samples' classes.
struct Made {
    back: Tensor<4>,
    samples: Tensor<4>,
    classes: Tensor<2>,
    kl: Tensor<1>,
}

impl Matching {
    fn make(&self, x: &Tensor<4>, y: &Tensor<2>, key: Key) -> Made {
        let (count, device) = (x.dims()[0], &self.stage.device);
        let (mean, deviation) = self.encoder.network().forward(with_planes(x.clone(), y));
        let deviation = deviation.unwrap_or_else(|| mean.ones_like());
        let e: Tensor<2> = noise::normal(key.stream("posterior").words(), mean.dims(), device);
        let terms = mean.clone() * mean.clone() + deviation.clone() * deviation.clone()
            - deviation.clone().log() * 2.0
            - 1.0;
        let z = latents(
            self.config.game.prior,
            count,
            self.latent,
            key.stream("latents"),
            device,
        );
        let drawn = self.stage.draw_labels(count, key.stream("classes"));
        let classes = self.stage.one_hot(&drawn, device);
        let generator = self.generator.network();
        Made {
            back: generator.forward(mean + deviation * e, Some(y)),
            samples: generator.forward(z, Some(&classes)),
            classes,
            kl: terms.sum() * (0.5 / count as f64),
        }
    }

    /// The loss L_GC of samples with these features and classes: its gradient is that of the equation, its value too.
    fn class_loss(
        &mut self,
        of_data: (Tensor<2>, &Tensor<2>),
        of_samples: (Tensor<2>, &Tensor<2>),
    ) -> (Tensor<1>, f64) {
        let decay = self.settings.decay as f32;
        self.of_data.follow(&of_data.0, of_data.1, decay);
        let (features, classes) = of_samples;
        let counts = self.of_samples.follow(&features.clone().detach(), classes, decay);
        let (k, width) = (counts.len(), features.dims()[1]);
        let (mut off, mut value) = (vec![0f32; k * width], 0.0);
        for c in (0..k).filter(|&c| self.of_data.seen[c] && counts[c] > 0.0) {
            let of_class = c * width..(c + 1) * width;
            let means = self.of_samples.means[of_class.clone()].iter();
            let means = means.zip(&self.of_data.means[of_class.clone()]);
            for (off, (sample, data)) in off[of_class].iter_mut().zip(means) {
                let d = sample - data;
                value += 0.5 * f64::from(d) * f64::from(d);
                *off = d / counts[c];
            }
        }
        let off = Tensor::<2>::from_data(TensorData::new(off, [k, width]), &features.device());
        ((classes.clone().matmul(off) * features).sum(), value)
    }
}

impl Play for Matching {
    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn updates(&self) -> u64 {
        self.generator.updates()
    }

    fn networks(&self) -> Vec<NetworkInfo> {
        let device = self.stage.plain();
        let [h, w, c] = self.stage.image_shape();
        let k = self.stage.labels.len();
        let (z, y) = (
            Tensor::zeros([1, self.latent], &device),
            Tensor::zeros([1, k], &device),
        );
        let x: Tensor<4> = Tensor::zeros([1, h, w, c], &device);
        vec![
            self.encoder.info(|e| e.forward(with_planes(x.clone(), &y))),
            self.generator.info(|g| g.forward(z, Some(&y))),
            self.critic.info([h, w, c], 0, &device),
            self.classifier.info(|n| n.judge(x.clone().into(), None, None)),
        ]
    }

    fn step(&mut self, batches: &[Batch], key: Key, watch: bool) -> Result<Round> {
        let Some(batch) = batches.first() else {
            return Ok(Round::default());
        };
        let now = Moment {
            updates: self.updates(),
            key,
            watch,
        };
        let x = self.stage.items(batch);
        let y = self
            .stage
            .one_hot(self.stage.labels_of(batch)?, &self.stage.device);
        let made = self.make(&x, &y, key);
        // Data come twice, so that there are as many as of what was made of and without them.
        let data = Shown::plain(Tensor::cat(vec![x.clone(), x.clone()], 0));
        let both = Shown::plain(Tensor::cat(vec![made.back.clone(), made.samples.clone()], 0));
        let seen = self.critic.learn(data, both, None, now)?;
        let logits = self
            .classifier
            .network()
            .judge(x.clone().into(), None, Some(key))
            .classes;
        let told = match logits {
            Some(logits) => {
                self.classifier
                    .descend(cross_entropy(logits, y.clone()), false)?
                    .loss
            }
            None => 0.0,
        };
        let seen_by_critic =
            |items: &Tensor<4>| self.critic.opinion(&Shown::plain(items.clone())).features.value;
        let classifier = self.classifier.network().clone().no_grad();
        let seen_by_classifier =
            |items: &Tensor<4>| classifier.judge(items.clone().into(), None, None).features.value;
        let of_data = [seen_by_critic(&x).detach(), seen_by_classifier(&x).detach()];
        let back = half_square(made.back.clone(), x)
            + half_square(seen_by_critic(&made.back), of_data[0].clone())
            + half_square(seen_by_classifier(&made.back), of_data[1].clone());
        let mean = |t: Tensor<2>| t.mean_dim(0);
        let features = half_square(mean(seen_by_critic(&made.samples)), mean(of_data[0].clone()));
        let of_samples = seen_by_classifier(&made.samples);
        let diversity = watch.then(|| self.stage.diversity(&made.samples.clone().inner(), batch));
        let [_, of_data] = of_data;
        let (class_features, by_class) = self.class_loss((of_data, &y), (of_samples, &made.classes));
        let parts = [
            ("loss/kl", number(made.kl.clone())),
            ("loss/reconstruction", number(back.clone())),
            ("loss/features", number(features.clone())),
            ("loss/class-features", by_class),
            ("loss/classifier", told),
            ("loss/discriminator", seen.loss),
        ];
        for (name, value) in &parts {
            critic::finite(name, *value, now)?;
        }
        let s = &self.settings;
        let loss = made.kl * s.kl
            + back * s.reconstruction
            + features * s.features
            + class_features * s.class_features;
        // One backward pass serves both: what samples of the prior give does not depend on the encoder.
        let mut gradients = [loss.backward()];
        self.encoder.update(&mut gradients, false);
        let gradient = self.generator.update(&mut gradients, watch).unwrap_or(f64::NAN);
        let mut scalars = parts.to_vec();
        let observation = diversity.map(|diversity| {
            let o = Observation::new(self.critic.objective(), &seen, gradient, diversity);
            scalars.extend(o.scalars());
            scalars.extend(seen.scalars.iter().copied());
            o
        });
        Ok(Round { scalars, observation })
    }

    fn save(&self) -> Vec<(String, Part<'_>)> {
        let mut parts = self.encoder.save();
        parts.extend(self.generator.save());
        parts.extend(self.critic.save());
        parts.extend(self.classifier.save());
        parts.push((
            CENTRES.into(),
            Box::new(|| {
                let mut t = Tensors::default();
                for (name, c) in [("data", &self.of_data), ("samples", &self.of_samples)] {
                    let seen: Vec<f32> = c.seen.iter().map(|s| f32::from(u8::from(*s))).collect();
                    t.arrays
                        .insert(name.into(), (vec![c.means.len()], c.means.clone()));
                    t.arrays.insert(format!("{name}.seen"), (vec![seen.len()], seen));
                }
                t
            }),
        ));
        parts
    }

    fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.generator.load(read, purpose)?;
        if purpose == Purpose::Sample {
            return Ok(());
        }
        self.encoder.load(read, purpose)?;
        self.classifier.load(read, purpose)?;
        self.critic.load(read, purpose)?;
        if purpose == Purpose::Train {
            let t = read(CENTRES)?;
            let array = |name: &str| t.arrays.get(name).map(|(_, v)| v.clone()).unwrap_or_default();
            for (name, c) in [("data", &mut self.of_data), ("samples", &mut self.of_samples)] {
                c.means = array(name);
                c.seen = array(&format!("{name}.seen")).iter().map(|s| *s > 0.0).collect();
            }
        }
        Ok(())
    }

    fn scores_items(&self) -> bool {
        true
    }

    fn scores(&self, items: Tensor<4>, _: Option<&[u32]>) -> Option<Vec<f32>> {
        Some(self.critic.scores(&Shown::plain(items)))
    }

    fn draws(&self) -> Option<&dyn Draws> {
        Some(self)
    }
    fn tells(&self) -> Option<&dyn Tells> {
        Some(self)
    }
}

impl Draws for Matching {
    fn latent(&self) -> usize {
        self.latent
    }
    fn prior(&self, count: usize, key: Key) -> Tensor<2> {
        let key = key.stream("latents");
        latents(
            self.config.game.prior,
            count,
            self.latent,
            key,
            &self.stage.plain(),
        )
    }
    fn by_class(&self) -> bool {
        true
    }
    fn inputs(&self) -> Vec<Port> {
        vec![
            port_of(self.config.game.prior, self.latent),
            self.stage.class_port(),
        ]
    }
    fn draw(&self, latents: Tensor<2>, classes: Option<Tensor<2>>) -> Tensor<4> {
        let network = self.generator.for_use_on(&latents.device());
        network.forward(latents, classes.as_ref())
    }
}

/// By the classifier that it learns beside.
impl Tells for Matching {
    fn class_scores(&self, items: Tensor<4>) -> Tensor<2> {
        let (count, device) = (items.dims()[0], items.device());
        let said = self
            .classifier
            .for_use_on(&device)
            .judge(items.into(), None, None);
        said.classes
            .unwrap_or_else(|| Tensor::zeros([count, self.stage.labels.len()], &device))
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::networks::{Sizes, dcgan};
    use super::*;

    fn rows(values: Vec<f32>, shape: [usize; 2]) -> Tensor<2> {
        Tensor::from_data(TensorData::new(values, shape), &Device::flex())
    }

    /// A class that is not in the batch keeps its mean; the first items of a class are its mean; later ones pull at it.
    #[test]
    fn centres_follow_their_class() {
        let mut centres = Centres::default();
        let y = rows(vec![1., 0., 0., 1., 0., 0., 0., 0., 1.], [3, 3]);
        let counts = centres.follow(&rows(vec![1., 2., 3., 4., 10., 20.], [3, 2]), &y, 0.9);
        assert_eq!(counts, [2.0, 0.0, 1.0]);
        assert_eq!(centres.means, [2., 3., 0., 0., 10., 20.]);
        assert_eq!(centres.seen, [true, false, true]);
        let y = rows(vec![0., 1., 0., 1., 0., 0.], [2, 3]);
        centres.follow(&rows(vec![7., 8., 12., 3.], [2, 2]), &y, 0.9);
        let want = [0.9 * 2. + 1.2, 3., 7., 8., 10., 20.];
        assert!(
            centres.means.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-5),
            "{:?}",
            centres.means
        );
    }

    /// Along the gradient of L_GC the samples of a class come closer to the data of that class, and of no other.
    #[test]
    fn samples_follow_the_data_of_their_class() {
        let (device, data) = (Device::flex().autodiff(), [[4.0f32, 0.0], [-2.0, 6.0]]);
        let mut made = [[0.0f32, 0.0], [1.0, 1.0]];
        let info = DataInfo {
            source: "test".into(),
            kind: menagerie_data::Kind::Image,
            shape: vec![8, 8, 1],
            count: 9,
            range: (0.0, 255.0),
            labels: vec!["a".into(), "b".into()],
            ..DataInfo::default()
        };
        let config = Config::of(Sizes::Dcgan(dcgan::Sizes {
            width: 2,
            latent: 2,
            ..Default::default()
        }));
        let settings = MatchingSettings::default();
        let mut play = config
            .matching_play("cvae_gan", settings, &info, &device, Key::new(1))
            .unwrap();
        let y = Tensor::<2>::from_data(TensorData::new(vec![1f32, 0., 0., 1.], [2, 2]), &device);
        let mut last = f64::MAX;
        for _ in 0..60 {
            let tensor =
                |v: &[[f32; 2]; 2]| Tensor::<2>::from_data(TensorData::new(v.concat(), [2, 2]), &device);
            let at = tensor(&made).require_grad();
            let (loss, value) = play.class_loss((tensor(&data), &y), (at.clone(), &y));
            let g = numbers(at.grad(&loss.backward()).unwrap());
            made.iter_mut().flatten().zip(g).for_each(|(v, g)| *v -= 0.2 * g);
            last = value;
        }
        assert!(last < 0.5, "{last}");
        assert!(
            made.iter()
                .flatten()
                .zip(data.iter().flatten())
                .all(|(a, b)| (a - b).abs() < 1.0),
            "{made:?}"
        );
    }
}
