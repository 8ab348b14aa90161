//! How long a training will take, by a few of its steps.
use super::begin::{Plan, Prepared, prepare_new};
use super::feed::Feed;
use super::target;
use crate::error::Result;
use crate::random::Key;
use crate::recipe::Recipe;
use burn::tensor::Device;
use std::time::{Duration, Instant};

/// Steps after the first one, which is slower than those to come; the median counts.
const STEPS: u64 = 5;
/// No further step is begun after so long.
const LONG: Duration = Duration::from_secs(5);

impl Plan {
    /// Seconds that a step takes on this machine as it is now: a few are done, and nothing is written.
    ///
    /// # Errors
    /// Those of the data and the model.
    pub fn seconds_per_step(recipe: &Recipe, device: &Device) -> Result<f64> {
        let Prepared {
            dataset, mut model, ..
        } = prepare_new(&target::sized(recipe.clone())?, device)?;
        let key = Key::new(recipe.train()?.seed);
        let train = recipe.train()?;
        let mut feed = Feed::new(&train, &dataset, &*model, 0..train.batch, 0, 0)?;
        let begun = Instant::now();
        let mut times = Vec::new();
        for step in 1..=1 + STEPS {
            let began = Instant::now();
            let batches = feed.next()?;
            model.step(&batches, key.stream("train").step(step), false)?;
            times.push(began.elapsed().as_secs_f64());
            if begun.elapsed() > LONG {
                break;
            }
        }
        times.sort_by(f64::total_cmp);
        Ok(times[times.len() / 2])
    }
}
