//! A split is a fact of the source, or a share that was held out; nothing is said of a part that a source has not.
use crate::error::{Error, Result};
use crate::known;
use crate::random::Key;
use crate::source::Source;
use std::path::Path;

/// The refusal of a source without a test part.
pub(super) fn no_test(place: impl AsRef<Path>) -> Error {
    Error::Split {
        place: place.as_ref().display().to_string(),
        split: "test",
        fix: "use --split train, or hold a share of it out of training with --holdout 0.1".into(),
    }
}

/// The refusal of a source that is a test part alone.
pub(super) fn no_train(place: impl AsRef<Path>) -> Error {
    Error::Split {
        place: place.as_ref().display().to_string(),
        split: "training",
        fix: "use --split test or --split all".into(),
    }
}

/// Refuses the test split of a source that has one part.
pub(super) fn undivided(place: impl AsRef<Path>, split: &str) -> Result<()> {
    match split {
        "test" => Err(no_test(place)),
        _ => Ok(()),
    }
}

/// Which of `count` training items are held out: those with the smallest of the numbers that the seed and their index
/// give. Of a drawn set they are those below the share itself, so that the choice does not depend on the count.
///
/// # Errors
/// [`Error::Recipe`] when the share leaves nothing on one side.
pub(super) fn held_out(share: f64, seed: u64, count: usize, drawn: bool) -> Result<Vec<bool>> {
    let key = Key::new(seed).stream("holdout");
    let draws: Vec<f64> = (0..count).map(|i| key.step(i as u64).rng().uniform()).collect();
    let wanted = (share * count as f64).round() as usize;
    let below = match draws.len() {
        _ if drawn => share,
        n if wanted < n => *draws.clone().select_nth_unstable_by(wanted, f64::total_cmp).1,
        _ => 1.0,
    };
    let held_out: Vec<bool> = draws.iter().map(|d| *d < below).collect();
    let held = held_out.iter().filter(|h| **h).count();
    if held == 0 || held == count {
        let problem = format!("{share} of {count} items holds out {held}");
        let fix = "choose another share, or give more items";
        return Err(Error::recipe("data.holdout", problem, fix));
    }
    Ok(held_out)
}

impl Source {
    /// Why items of the test split that `asked` names are none that were held out from a training on this source; None where
    /// they were. The same place is another set where its items are drawn from another seed.
    pub fn has_learned(&self, asked: &Source) -> Option<String> {
        let place = |s: &Source| std::fs::canonicalize(&s.source).ok();
        let same = self.source == asked.source || place(self).is_some_and(|p| Some(p) == place(asked));
        let other = known::is_drawn(&self.source) && self.seed != asked.seed;
        if asked.split != "test" || !same || other || self.array != asked.array {
            return None;
        }
        if self.split != "train" {
            return Some(format!("it learned from data.split = \"{}\"", self.split));
        }
        // Of one seed, those that a smaller share holds out are among those of a larger one.
        let within = asked.holdout <= self.holdout && asked.seed == self.seed;
        (asked.holdout > 0.0 && !within).then(|| match self.holdout {
            0.0 => "it held nothing out".to_string(),
            share => format!(
                "it held out others (data.holdout = {share}, data.seed = {})",
                self.seed
            ),
        })
    }
}
