//! A recipe of a model that edits images by the latents that its generator has for them.
use super::Optimizers;
use super::config::{Config, GameConfig};
use super::game::augment::Augment;
use super::game::check_weights;
use super::game::objective::Rule;
use super::game::penalty::Penalties;
use super::networks::Sizes;
use crate::{Capability, Model, Registered};
use burn::tensor::Device;
use menagerie_data::DataInfo;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

/// What a search among latents keeps of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keeps {
    /// there is no search: the encoder's latent is taken
    #[default]
    Nothing,
    /// its pixels
    Pixels,
    /// who is seen, by a network that learns beside to tell images apart
    Identity,
}

/// `[edit]`: what images show, and how their latents are found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EditSettings {
    /// what images show or do not: names of attributes (an amount is shown from the middle of its range on), of portraits also
    /// `woman`, `man` and `smiling`; none for the classes of the data, of which an image has one
    pub domains: Vec<String>,
    /// updates of the game before the encoder learns
    pub from: u64,
    /// what a search for a better latent keeps: `nothing` for no search, `pixels` or `identity`
    pub search: Keeps,
    /// updates of a latent in a search
    pub search_steps: usize,
    /// Adam's learning rate for these
    pub search_rate: f64,
}

impl Default for EditSettings {
    fn default() -> Self {
        EditSettings {
            domains: vec![],
            from: 4000,
            search: Keeps::Nothing,
            search_steps: 50,
            search_rate: 0.05,
        }
    }
}

/// Updates of a search, at most.
const MOST_STEPS: usize = 10_000;

impl EditSettings {
    /// Refuses a search that is none.
    ///
    /// # Errors
    /// [`Error::Recipe`] with the key.
    pub fn check(&self) -> Result<()> {
        check_weights([("edit.search_rate", self.search_rate)])?;
        if self.search_steps == 0 || self.search_steps > MOST_STEPS {
            return Err(Error::recipe(
                "edit.search_steps",
                format!("{} updates are no search", self.search_steps),
                format!("give 1 to {MOST_STEPS}, or set edit.search = \"nothing\""),
            ));
        }
        Ok(())
    }
}

/// Everything of a recipe that is the model's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Editing {
    /// `[model]`: the networks; encoders have the discriminator's layers
    pub model: Sizes,
    /// `[edit]`: what images show, and how their latents are found
    pub edit: EditSettings,
    /// `[game]`: how the two play
    #[serde(default)]
    pub game: GameConfig,
    /// `[objective]`: what they minimize
    pub objective: Rule,
    /// `[penalty]`: what keeps the discriminator in bounds
    #[serde(default)]
    pub penalty: Penalties,
    /// `[augment]`: what everything that the discriminator sees goes through
    #[serde(default)]
    pub augment: Augment,
    /// `[optimizer]`
    #[serde(default)]
    pub optimizer: Optimizers,
}

impl Editing {
    /// These axes, with what is edited.
    pub(super) fn of(axes: Config, edit: EditSettings) -> Self {
        Editing {
            model: axes.model,
            edit,
            game: axes.game,
            objective: axes.objective,
            penalty: axes.penalty,
            augment: axes.augment,
            optimizer: axes.optimizer,
        }
    }

    fn axes(&self) -> Config {
        Config {
            game: self.game,
            objective: self.objective,
            penalty: self.penalty.clone(),
            augment: self.augment.clone(),
            optimizer: self.optimizer,
            ..Config::of(self.model.clone())
        }
    }
}

/// A model that is settings of this play.
pub trait OfEdits: 'static {
    /// Its name in the registry.
    const NAME: &'static str;
    /// Its settings.
    fn config() -> Editing;
}

/// What an [`OfEdits`] registers.
pub struct Edits<V>(PhantomData<V>);

impl<V: OfEdits> Registered for Edits<V> {
    type Config = Editing;
    fn defaults() -> Editing {
        V::config()
    }
    fn check(config: &Editing) -> Result<()> {
        config.edit.check()?;
        config.axes().check()
    }
    fn build(config: Editing, data: &DataInfo, device: &Device, key: Key) -> Result<Box<dyn Model>> {
        let axes = config.axes();
        Ok(Box::new(axes.edited(V::NAME, config.edit, data, device, key)?))
    }
}

/// What such a model can do.
pub(super) const EDITS: &[Capability] = &[
    Capability::Sample,
    Capability::LatentSpace,
    Capability::Encode,
    Capability::Reconstruct,
    Capability::Features,
    Capability::Translate,
];

/// Settings that make a test of a second.
pub(super) const TINY: &[(&str, &str)] = &[
    ("model.width", "4"),
    ("model.latent", "8"),
    ("model.average", "0.9"),
    ("data.size", "16"),
    ("data.limit", "40"),
    ("edit.from", "2"),
    ("edit.search_steps", "3"),
];
