//! A play that raises what is predicted of items, as a model that can be asked.
use super::{CHUNK, Game, Play, Raises};
use crate::{LatentSpace, Maximize, ReadAttributes, Samples};
use burn::tensor::Tensor;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_data::{Batch, Kind, likeliest};
use menagerie_nn::numbers;

impl<P: Play> Game<P> {
    fn raising(&self) -> Result<&dyn Raises> {
        self.play.raises().ok_or_else(|| {
            let problem = format!("{} raises no numbers", self.play.stage().model);
            Error::usage(problem, "see `menagerie list --can maximize`")
        })
    }
}

/// Sequences as letters: at every place a one for the likeliest among zeros. Other items as they are.
fn as_letters(mut samples: Samples) -> Samples {
    if let (Kind::Sequence, Some(&letters)) = (samples.kind, samples.shape.last()) {
        let symbols = likeliest(&samples.values, letters);
        samples.values.fill(0.0);
        for (row, symbol) in samples.values.chunks_exact_mut(letters).zip(symbols) {
            row[symbol as usize] = 1.0;
        }
    }
    samples
}

impl<P: Play> Maximize for Game<P> {
    fn goals(&self) -> &[String] {
        self.play.raises().map_or(&[], |r| r.goals())
    }

    fn maximize(&self, goal: usize, count: usize, key: Key) -> Result<[Samples; 2]> {
        let raises = self.raising()?;
        if goal >= raises.goals().len() {
            let fix = format!(
                "there are {}, counted from 0: {}",
                raises.goals().len(),
                raises.goals().join(", ")
            );
            return Err(Error::usage(
                format!("there is no number {goal} that could be raised"),
                fix,
            ));
        }
        let latents = self.prior(count, key);
        let some =
            |from: usize| raises.raised(latents.clone().narrow(0, from, CHUNK.min(count - from)), goal);
        let climbed: Vec<Tensor<2>> = (0..count).step_by(CHUNK).map(some).collect();
        let climbed = if climbed.is_empty() {
            latents.clone()
        } else {
            Tensor::cat(climbed, 0)
        };
        Ok([
            as_letters(self.decode(latents)?),
            as_letters(self.decode(climbed)?),
        ])
    }
}

impl<P: Play> ReadAttributes for Game<P> {
    fn attributes(&self, batch: &Batch) -> Result<Vec<f32>> {
        let (items, raises) = (self.items(batch)?, self.raising()?);
        let some = |from: usize| {
            let count = CHUNK.min(batch.shape[0] - from);
            numbers(raises.predicted(items.clone().narrow(0, from, count)))
        };
        Ok((0..batch.shape[0]).step_by(CHUNK).flat_map(some).collect())
    }
    fn names(&self) -> &[String] {
        self.play.raises().map_or(&[], |r| r.goals())
    }
}
