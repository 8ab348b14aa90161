//! A play that fills in what is hidden of images, as a model that can be asked.
use super::{CHUNK, Game, Play};
use crate::adversarial::networks::translator::Drawn;
use crate::{Complete, Samples};
use burn::tensor::{Tensor, TensorData};
use menagerie_data::Batch;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;
use menagerie_nn::numbers;

impl<P: Play> Complete for Game<P> {
    fn complete(&self, batch: &Batch, known: &[bool], key: Key) -> Result<Samples> {
        let (items, stage) = (self.items(batch)?, self.play.stage());
        let Some(play) = self.play.completes() else {
            let problem = format!("{} does not fill in what is hidden", stage.model);
            return Err(Error::usage(problem, "see `menagerie list --can complete`"));
        };
        let [n, h, w, c] = items.dims();
        if known.len() != h * w {
            let problem = format!("the mask has {} positions, an image {h}x{w}", known.len());
            return Err(Error::usage(problem, "give one entry a pixel, row by row"));
        }
        let mask: Vec<f32> = known.iter().map(|k| f32::from(*k)).collect();
        let mask: Tensor<4> = Tensor::from_data(TensorData::new(mask, [1, h, w, 1]), &stage.plain());
        let mut values = Vec::with_capacity(batch.values.len());
        for from in (0..n).step_by(CHUNK) {
            let count = CHUNK.min(n - from);
            let some = items.clone().narrow(0, from, count);
            let keys: Vec<Key> = batch.indices[from..from + count]
                .iter()
                .map(|&i| key.step(i as u64))
                .collect();
            let mask = mask.clone().expand([count, h, w, 1]);
            values.extend(numbers(play.fill(some, mask, Drawn::By(&keys))));
        }
        let mut samples = stage.samples(n, values);
        // What is known is given back to the bit.
        for (i, (made, given)) in samples.values.iter_mut().zip(&batch.values).enumerate() {
            if known[i % (h * w * c) / c] {
                *made = *given;
            }
        }
        Ok(samples)
    }
}
