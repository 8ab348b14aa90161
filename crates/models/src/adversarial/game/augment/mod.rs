//! What everything that the discriminator sees goes through: one axis of the family. Data and samples alike, differentiable by
//! the item, so that the generator learns through it, and drawn from keys.
mod adaptive;
mod blur;
mod colour;
mod place;
mod pseudo;

pub use adaptive::{Adaptive, AdaptiveState};
pub use blur::Blur;
pub use place::{cutout, shift_and_flip};
pub use pseudo::Pseudo;

use burn::tensor::Tensor;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_kernels::noise;
use serde::{Deserialize, Serialize};

/// `[augment]`. A table that is present is on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augment {
    /// noise that falls to nothing
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise: Option<Noise>,
    /// blur that falls to nothing
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blur: Option<Blur>,
    /// random colours, places and holes
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diff: Option<Diff>,
    /// the same with a probability that follows how much the discriminator overfits
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adaptive: Option<Adaptive>,
    /// samples among the data, the more the discriminator overfits
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pseudo: Option<Pseudo>,
}

/// `[augment.noise]`, instance noise: where data and samples hardly overlap, the noise makes them overlap, so that the
/// discriminator's gradient leads to every mode (Sonderby et al. 2017, arXiv:1610.04490, section 3; Arjovsky & Bottou 2017,
/// arXiv:1701.04862, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Noise {
    /// standard deviation at first (images span 2, points are scaled into [-1, 1])
    pub std: f64,
    /// it falls linearly and is gone after so many updates
    pub steps: u64,
}

impl Default for Noise {
    fn default() -> Self {
        Noise {
            std: 0.1,
            steps: 1000,
        }
    }
}

/// `[augment.diff]`, DiffAugment (Zhao et al. 2020, arXiv:2006.10738): every item is changed at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Diff {
    /// brightness, saturation, contrast
    pub colour: bool,
    /// shifts by up to an eighth
    pub translation: bool,
    /// a square of half the side becomes grey
    pub cutout: bool,
    /// left and right exchanged at random; for images whose sides mean the same
    pub flip: bool,
}

impl Default for Diff {
    fn default() -> Self {
        Diff {
            colour: true,
            translation: true,
            cutout: true,
            flip: false,
        }
    }
}

impl Augment {
    /// Refuses numbers out of range.
    ///
    /// # Errors
    /// [`Error::Recipe`].
    pub fn check(&self) -> Result<()> {
        let stds = [
            ("augment.noise.std", self.noise.map(|n| n.std)),
            ("augment.blur.std", self.blur.map(|b| b.std)),
        ];
        for (key, std) in stds {
            if let Some(s) = std.filter(|s| !(s.is_finite() && *s >= 0.0)) {
                let fix = format!("leave the table out for none, or set {key}=0.3");
                return Err(Error::recipe(
                    key,
                    format!("{s} is not a standard deviation"),
                    fix,
                ));
            }
        }
        self.adaptive.map_or(Ok(()), |a| a.check())?;
        self.pseudo.map_or(Ok(()), |p| p.check())
    }

    /// The key of what follows the signs of scores, if there is one.
    pub fn follows_scores(&self) -> Option<&'static str> {
        let keys = [
            ("augment.adaptive", self.adaptive.is_some()),
            ("augment.pseudo", self.pseudo.is_some()),
        ];
        keys.into_iter().find(|(_, on)| *on).map(|(key, _)| key)
    }

    /// Whether it is of images alone.
    pub fn of_images(&self) -> Option<&'static str> {
        let keys = [
            ("augment.blur", self.blur.is_some()),
            ("augment.diff", self.diff.is_some()),
            ("augment.adaptive", self.adaptive.is_some()),
        ];
        keys.into_iter().find(|(_, on)| *on).map(|(key, _)| key)
    }

    /// Items as the discriminator sees them after so many updates; `strength` is the adaptive probability.
    pub fn apply(&self, x: Tensor<4>, updates: u64, strength: f64, key: Key) -> Tensor<4> {
        let left = |steps: u64| 1.0 - updates as f64 / steps.max(1) as f64;
        let x = match self.diff {
            Some(d) => d.apply(x, 1.0, key.stream("diff")),
            None => x,
        };
        let x = match self.adaptive {
            Some(a) if strength > 0.0 => a.changes().apply(x, strength, key.stream("adaptive")),
            _ => x,
        };
        let x = match self.blur {
            Some(b) if b.std * left(b.steps) > 0.05 => blur::blurred(x, b.std * left(b.steps)),
            _ => x,
        };
        match self.noise {
            Some(n) if n.std * left(n.steps) > 0.0 => {
                x.clone() + noise::normal(key.words(), x.dims(), &x.device()) * (n.std * left(n.steps))
            }
            _ => x,
        }
    }
}

impl Diff {
    /// Each change befalls each item with that probability.
    fn apply(&self, x: Tensor<4>, probability: f64, key: Key) -> Tensor<4> {
        let x = if self.colour {
            colour::changed(x, probability, key.stream("colour"))
        } else {
            x
        };
        let x = match self.translation || self.flip {
            true => {
                let reach = if self.translation { 0.125 } else { 0.0 };
                shift_and_flip(x, reach, self.flip, probability, key.stream("place"))
            }
            false => x,
        };
        if self.cutout {
            cutout(x, probability, key.stream("cutout"))
        } else {
            x
        }
    }
}

#[cfg(test)]
mod tests;
