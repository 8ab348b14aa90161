//! Adaptive augmentation (Karras et al. 2020, arXiv:2006.06676): the probability of the augmentations follows how much the
//! discriminator overfits, r_t = E sign(score of data), which is 0 where it does not and 1 where it knows its data by heart.
use super::Diff;
use menagerie_data::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// `[augment.adaptive]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Adaptive {
    /// the r_t that is aimed at
    pub target: f64,
    /// items of data over which the probability may rise from 0 to 1 (paper: 500,000)
    pub items: u64,
    /// brightness, saturation, contrast
    pub colour: bool,
    /// shifts by up to an eighth
    pub translation: bool,
    /// a square of half the side becomes grey
    pub cutout: bool,
    /// left and right exchanged
    pub flip: bool,
}

impl Default for Adaptive {
    fn default() -> Self {
        Adaptive {
            target: 0.6,
            items: 100_000,
            colour: true,
            translation: true,
            cutout: true,
            flip: false,
        }
    }
}

/// The probability so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct AdaptiveState {
    /// of each augmentation, in [0, 1]
    pub probability: f64,
}

impl Adaptive {
    pub(super) fn check(&self) -> Result<()> {
        check("augment.adaptive", self.target, self.items)
    }

    pub(super) fn changes(&self) -> Diff {
        Diff {
            colour: self.colour,
            translation: self.translation,
            cutout: self.cutout,
            flip: self.flip,
        }
    }

    /// The probability after an update that gave these scores to data.
    pub fn follow(&self, state: AdaptiveState, scores: &[f32]) -> AdaptiveState {
        AdaptiveState {
            probability: follow(state.probability, scores, self.target, self.items),
        }
    }
}

/// Refuses a target that no mean of signs can have, and a step without end.
pub(super) fn check(key: &str, target: f64, items: u64) -> Result<()> {
    match (0.0..1.0).contains(&target) && items > 0 {
        true => Ok(()),
        false => {
            let problem = format!("a target of {target} over {items} items cannot be met");
            Err(Error::recipe(
                key,
                problem,
                "give a target of 0 to 1, and some items",
            ))
        }
    }
}

/// A probability that rises while the mean sign of scores of data lies above the target, and falls below.
pub(super) fn follow(probability: f64, scores: &[f32], target: f64, items: u64) -> f64 {
    let sign: f64 = scores
        .iter()
        .map(|s| if *s > 0.0 { 1.0 } else { -1.0 })
        .sum::<f64>();
    let r = sign / scores.len().max(1) as f64;
    let step = scores.len() as f64 / items as f64;
    let step = if r > target { step } else { -step };
    (probability + step).clamp(0.0, 1.0)
}
