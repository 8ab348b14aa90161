//! A recipe of a model that translates: the networks, how the losses are weighed, the critic's axes.
use super::Optimizers;
use super::game::augment::Augment;
use super::game::objective::Rule;
use super::game::penalty::Penalties;
use super::game::{Critic, CriticConfig, check_weights};
use super::networks::{CriticNetwork, TranslatorNetwork, TranslatorSizes, patch};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{DataInfo, Kind};
use menagerie_nn::{Init, Learner, NormOver};
use serde::{Deserialize, Serialize};

/// Everything of a recipe that is the model's own; `T` is `[translation]`, `M` is `[model]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Translation<T, M = TranslatorSizes> {
    /// `[model]`: which network translates
    pub model: M,
    /// `[critic]`: the discriminator of patches
    pub critic: patch::Sizes,
    /// `[translation]`: what the networks learn beside the game
    pub translation: T,
    /// `[objective]`: what the two players of a game minimize
    pub objective: Rule,
    /// `[penalty]`: what keeps discriminators in bounds
    #[serde(default)]
    pub penalty: Penalties,
    /// `[augment]`: what everything that the critic sees goes through
    #[serde(default)]
    pub augment: Augment,
    /// `[optimizer]`
    #[serde(default)]
    pub optimizer: Optimizers,
}

/// How far two images are from each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Distance {
    /// the mean of absolute differences: medians, which are sharper than means
    #[default]
    L1,
    /// the mean of squared differences
    L2,
}

impl Distance {
    /// Between images of the same shape, the mean over all numbers, shape `[1]`.
    pub fn of(self, a: Tensor<4>, b: Tensor<4>) -> Tensor<1> {
        let off = a - b;
        match self {
            Distance::L1 => off.abs().mean(),
            Distance::L2 => (off.clone() * off).mean(),
        }
    }
}

/// What a table `[translation]` says of itself.
pub trait Settings {
    /// Its weights, by their keys.
    fn weights(&self) -> Vec<(&'static str, f64)>;
    /// Numbers that must be 1 or more, by their keys.
    fn counts(&self) -> Vec<(&'static str, usize)> {
        vec![]
    }
    /// Refuses what its weights and counts do not say.
    ///
    /// # Errors
    /// [`Error::Recipe`].
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// What a table `[model]` says of itself.
pub trait Networks {
    /// Refuses sizes of zero.
    ///
    /// # Errors
    /// [`Error::Recipe`] with the key.
    fn check(&self) -> Result<()>;
    /// Decay of the moving average; 0 for none.
    fn average(&self) -> f64;
}

impl Networks for TranslatorSizes {
    fn check(&self) -> Result<()> {
        TranslatorSizes::check(self)
    }
    fn average(&self) -> f64 {
        TranslatorSizes::average(self)
    }
}

impl<T> Translation<T> {
    /// Refuses a network that is deaf to what is told beside an image: it comes as planes of one value; with reflected edges they
    /// shift a channel as a whole, and a norm of each channel takes that away again. (StarGAN's authors pad with zeros, whose
    /// edges give it away.)
    ///
    /// # Errors
    /// [`Error::Recipe`].
    pub(super) fn hears(&self) -> Result<()> {
        match &self.model {
            TranslatorSizes::Resnet(s) if s.norm == NormOver::Instance => Err(Error::recipe(
                "model.norm",
                "a norm of each channel by itself takes away what says what is wanted",
                "set model.norm = \"layer\"",
            )),
            _ => Ok(()),
        }
    }

    /// A fresh translator of images of that shape, told so many numbers beside, with its optimizer, by its name in checkpoints.
    ///
    /// # Errors
    /// Those of [`Learner::new`].
    pub(super) fn translator(
        &self,
        name: &'static str,
        (shape, told): ([usize; 3], usize),
        device: &Device,
        key: Key,
    ) -> Result<Learner<TranslatorNetwork>>
    where
        T: Settings,
    {
        let network = self
            .model
            .network(shape, told, &Init::new(key.stream(name), device));
        self.learner(name, network, device)
    }
}

impl<T: Settings, M: Networks> Translation<T, M> {
    /// Refuses what is out of range, and what clashes.
    ///
    /// # Errors
    /// [`Error::Recipe`].
    pub fn check(&self) -> Result<()> {
        self.model.check()?;
        self.critic.check()?;
        self.objective.check()?;
        self.penalty.check()?;
        self.augment.check()?;
        if let Some(key) = self.augment.follows_scores()
            && !self.objective.is_logit()
        {
            let name = self.objective.name();
            return Err(Error::recipe(
                key,
                format!("it follows the signs of scores, which mean nothing to `{name}`"),
                "leave it out, or set objective.rule=non-saturating",
            ));
        }
        check_weights(self.translation.weights())?;
        self.translation.check()?;
        if let Some((key, _)) = self.translation.counts().into_iter().find(|(_, n)| *n == 0) {
            return Err(Error::recipe(key, "0 is too small", "give 1 or more"));
        }
        if self.objective.wants_autoencoder()
            || self.objective == Rule::Classes
            || self.objective.outputs() != 1
        {
            return Err(Error::recipe(
                "objective.rule",
                format!(
                    "a discriminator of patches gives one score a patch, and `{}` needs more",
                    self.objective.name()
                ),
                "set objective.rule=least-squares or non-saturating",
            ));
        }
        let p = &self.penalty;
        let of_latents = [
            ("penalty.latent_consistency", p.latent_consistency.is_some()),
            ("penalty.orthogonal", p.orthogonal.is_some()),
            ("penalty.historical", p.historical.is_some()),
        ];
        match of_latents.into_iter().find(|(_, on)| *on) {
            Some((key, _)) => Err(Error::recipe(
                key,
                "it is of generators of latents, and these translate",
                "leave it out",
            )),
            None => Ok(()),
        }
    }

    /// A network that learns with the generator, as fast as it does.
    ///
    /// # Errors
    /// Those of [`Learner::new`].
    pub(super) fn learner<N: Module + 'static>(
        &self,
        name: &'static str,
        network: N,
        device: &Device,
    ) -> Result<Learner<N>> {
        Learner::new(
            name,
            network,
            self.optimizer.generator,
            self.model.average(),
            device,
        )
    }

    /// A fresh critic of patches of images of that shape, by its name in checkpoints.
    ///
    /// # Errors
    /// Those of [`Critic::of`].
    pub(super) fn of_patches(
        &self,
        name: &'static str,
        shape: [usize; 3],
        device: &Device,
        key: Key,
    ) -> Result<Critic> {
        let at = Init::new(key.stream(name), device);
        let network = CriticNetwork::of_patches(&self.critic, shape, self.objective.wants_bias(), &at);
        Critic::of(name, self.critic(), network, device)
    }

    /// The critic of this recipe.
    fn critic(&self) -> CriticConfig {
        CriticConfig {
            objective: self.objective,
            penalties: self.penalty.clone(),
            augment: self.augment.clone(),
            condition: None,
            numbers: 0,
            codes: None,
            semi: None,
            optimizer: self.optimizer.discriminator,
            average: 0.0,
            smoothing: 0.0,
        }
    }

    /// Height, width and channels of one image of data, of either side where they have two.
    ///
    /// # Errors
    /// [`Error::Recipe`] where patches do not fit; [`Error::Data`] for images that are too small.
    pub(super) fn image(&self, info: &DataInfo) -> Result<[usize; 3]> {
        let sides = if info.kind.has_sides() { 2 } else { 1 };
        let [h, w, c] = [info.shape[0], info.shape[1], info.shape[2] / sides];
        if h.min(w) < 8 {
            let problem = format!("images of {h}x{w} are too small for strided convolutions");
            return Err(Error::data(
                &info.source,
                problem,
                "enlarge them with --size 8 or more",
            ));
        }
        self.critic.fits([h, w])?;
        Ok([h, w, c])
    }
}

/// Refuses data that are no pairs.
///
/// # Errors
/// [`Error::Data`], which says what does learn from them.
pub(super) fn needs_pairs(model: &str, info: &DataInfo) -> Result<()> {
    let fix = match info.kind {
        Kind::Pair => return Ok(()),
        Kind::Unpaired => {
            "train cycle_gan on them, or give pairs: two folders with files of the same names as A::B"
        }
        _ => {
            "give two folders with files of the same names as A::B, left|right images with --data-format pairs, or \
             portraits:edges"
        }
    };
    let problem = format!(
        "{model} learns from pairs of images, and these are {}",
        info.kind.plural()
    );
    Err(Error::data(&info.source, problem, fix))
}

/// Refuses data that have no two sides.
///
/// # Errors
/// [`Error::Data`].
pub(super) fn needs_sides(model: &str, info: &DataInfo) -> Result<()> {
    if info.kind.has_sides() {
        return Ok(());
    }
    let problem = format!(
        "{model} learns from images of two sides, and these are {}",
        info.kind.plural()
    );
    Err(Error::data(
        &info.source,
        problem,
        "give two folders as A::B, a folder with trainA and trainB, or portraits:sides",
    ))
}
