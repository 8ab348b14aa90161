//! A play that turns images into images, as a model that can be asked.
use super::super::networks::translator::Drawn;
use super::{Game, Play};
use crate::{Direction, Samples, Translate};
use burn::tensor::{Tensor, TensorData};
use menagerie_data::error::{Error, Result};
use menagerie_data::limits::affordable;
use menagerie_data::random::Key;
use menagerie_data::{Batch, Kind};
use menagerie_nn::numbers;

/// Pixels that pass through the network at a time: bounds memory whatever the number and size of images.
const PIXELS: usize = 1 << 18;
/// Floats that a pixel takes on its way, at most: those of the first layer's channels, in and out.
const FLOATS: usize = 1 << 8;

impl<P: Play> Translate for Game<P> {
    fn directions(&self) -> &[Direction] {
        self.play.translates().map_or(&[], |t| t.directions())
    }

    fn channels(&self) -> usize {
        self.play.stage().shape.last().map_or(0, |c| c / 2)
    }

    fn translate(&self, images: &Batch, direction: Direction, key: Key) -> Result<Samples> {
        let model = self.play.stage().model;
        let Some(play) = self
            .play
            .translates()
            .filter(|t| t.directions().contains(&direction))
        else {
            let known: Vec<&str> = self.directions().iter().map(|d| d.name()).collect();
            return Err(Error::usage(
                format!("this {model} was not trained to translate {}", direction.name()),
                format!("it knows {}", known.join(", ")),
            ));
        };
        let (&[n, h, w, c], Kind::Image) = (&images.shape[..], images.kind) else {
            let problem = format!(
                "{model} translates images, and these are {}",
                images.kind.plural()
            );
            return Err(Error::usage(problem, "give images of one side"));
        };
        if c != self.channels() || h == 0 || w == 0 {
            return Err(Error::usage(
                format!(
                    "{model} was trained on images of {} channels, but these are {h}x{w}x{c}",
                    self.channels()
                ),
                format!("bring them to that by --channels {}", self.channels()),
            ));
        }
        affordable(
            &format!("an image of {h}x{w} pixels on its way"),
            &[h, w, FLOATS],
            "make it smaller with --size",
        )?;
        let at_once = (PIXELS / (h * w)).clamp(1, n.max(1));
        let mut values = Vec::with_capacity(images.values.len());
        let items = images.values.chunks(at_once * h * w * c);
        for (items, indices) in items.zip(images.indices.chunks(at_once)) {
            let data = TensorData::new(items.to_vec(), [indices.len(), h, w, c]);
            let x: Tensor<4> = Tensor::from_data(data, &self.play.stage().plain());
            let keys: Vec<Key> = indices.iter().map(|&i| key.step(i as u64)).collect();
            values.extend(numbers(play.turn(x, direction, Drawn::By(&keys))));
        }
        Ok(Samples {
            kind: Kind::Image,
            shape: images.shape.clone(),
            values,
        })
    }
}
