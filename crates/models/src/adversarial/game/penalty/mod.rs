//! What keeps a discriminator in bounds: one axis of the family, a file a member. A table that is present is on.
mod alignment;
mod clip;
mod consistency;
mod drift;
mod foreground;

mod gradient;
mod historical;
mod latent_consistency;
mod lecam;
mod orthogonal;
mod path_length;
mod reconstruction;

pub use alignment::Alignment;
pub use clip::Clip;
pub use consistency::Consistency;
pub use drift::Drift;
pub use foreground::Foreground;

pub use gradient::{At, Gradient, Penalized, Sided, ZeroCentred, gradient_penalty, penalized};
pub use historical::{Historical, HistoricalAverage};
pub use latent_consistency::LatentConsistency;
pub use lecam::{LeCam, LeCamState};
pub use orthogonal::Orthogonal;
pub use path_length::{Lengths, PathLength};
pub use reconstruction::Reconstruction;

use super::check_weights;
use menagerie_data::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// `[penalty]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Penalties {
    /// of the norm of the score's gradient, towards a centre
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gradient: Option<Gradient>,
    /// of the squared gradient at data
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r1: Option<ZeroCentred>,
    /// of the squared gradient at samples
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r2: Option<ZeroCentred>,
    /// of scores far from the other kind's average
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lecam: Option<LeCam>,
    /// of scores of data far from zero
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
    /// of scores that change with an augmentation
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consistency: Option<Consistency>,
    /// of scores that change, and samples that do not, with the latent
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latent_consistency: Option<LatentConsistency>,
    /// of columns of weights that lean on each other, in both networks
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orthogonal: Option<Orthogonal>,
    /// of weights far from their average so far, in both networks
    #[serde(skip_serializing_if = "Option::is_none")]
    pub historical: Option<Historical>,
    /// of images that move more or less than usual with their style
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path_length: Option<PathLength>,
    /// of a first layer that hears which domain it draws
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alignment: Option<Alignment>,
    /// of a foreground that covers a whole video
    #[serde(skip_serializing_if = "Option::is_none")]
    pub foreground: Option<Foreground>,
    /// of items that the discriminator cannot give back, for both
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reconstruction: Option<Reconstruction>,
    /// weights are cut after each update
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip: Option<Clip>,
}

impl Penalties {
    /// The key of a penalty of the derivative of single items, if there is one.
    pub fn of_gradients(&self) -> Option<&'static str> {
        let keys = [
            ("penalty.gradient", self.gradient.is_some()),
            ("penalty.r1", self.r1.is_some()),
            ("penalty.r2", self.r2.is_some()),
        ];
        keys.into_iter().find(|(_, on)| *on).map(|(key, _)| key)
    }

    /// Refuses weights that are none.
    ///
    /// # Errors
    /// [`Error::Recipe`].
    pub fn check(&self) -> Result<()> {
        let weights = [
            ("penalty.gradient.weight", self.gradient.map(|p| p.weight)),
            ("penalty.r1.weight", self.r1.map(|p| p.weight)),
            ("penalty.r2.weight", self.r2.map(|p| p.weight)),
            ("penalty.r1.last", self.r1.and_then(|p| p.last)),
            ("penalty.r2.last", self.r2.and_then(|p| p.last)),
            ("penalty.lecam.weight", self.lecam.map(|p| p.weight)),
            ("penalty.drift.weight", self.drift.map(|p| p.weight)),
            ("penalty.consistency.data", self.consistency.map(|p| p.data)),
            ("penalty.consistency.samples", self.consistency.map(|p| p.samples)),
            ("penalty.historical.weight", self.historical.map(|p| p.weight)),
            ("penalty.orthogonal.weight", self.orthogonal.map(|p| p.weight)),
            (
                "penalty.latent_consistency.discriminator",
                self.latent_consistency.map(|p| p.discriminator),
            ),
            (
                "penalty.latent_consistency.generator",
                self.latent_consistency.map(|p| p.generator),
            ),
            (
                "penalty.latent_consistency.std",
                self.latent_consistency.map(|p| p.std),
            ),
            ("penalty.path_length.weight", self.path_length.map(|p| p.weight)),
            ("penalty.path_length.decay", self.path_length.map(|p| p.decay)),
            ("penalty.alignment.weight", self.alignment.map(|p| p.weight)),
            ("penalty.foreground.weight", self.foreground.map(|p| p.weight)),
            (
                "penalty.reconstruction.weight",
                self.reconstruction.map(|p| p.weight),
            ),
            ("penalty.clip.bound", self.clip.map(|p| p.bound)),
        ];
        check_weights(weights.into_iter().filter_map(|(key, w)| Some((key, w?))))?;
        let falls = [("penalty.r1", self.r1), ("penalty.r2", self.r2)];
        if let Some((key, _)) = falls
            .into_iter()
            .find(|(_, p)| p.is_some_and(|p| p.last.is_some() != p.steps.is_some()))
        {
            let fix = format!("give both {key}.last and {key}.steps, or neither");
            return Err(Error::recipe(
                key,
                "a weight that falls needs a last weight and steps",
                fix,
            ));
        }
        let every = [
            ("penalty.gradient.every", self.gradient.map(|p| p.every)),
            ("penalty.r1.every", self.r1.map(|p| p.every)),
            ("penalty.r2.every", self.r2.map(|p| p.every)),
            ("penalty.path_length.every", self.path_length.map(|p| p.every)),
            (
                "penalty.path_length.shrink",
                self.path_length.map(|p| p.shrink as u64),
            ),
        ];
        match every.into_iter().find(|(_, every)| *every == Some(0)) {
            Some((key, _)) => Err(Error::recipe(key, "0 is too small", "give 1 or more")),
            None => Ok(()),
        }
    }
}
