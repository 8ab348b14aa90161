//! Latents under mixtures of classes.
use super::{Draws, Game, Play};
use crate::{ClassMixtures, Samples, Styles};
use burn::tensor::Tensor;
use menagerie_data::error::{Error, Result};
use menagerie_data::random::Key;

impl<P: Play> ClassMixtures for Game<P> {
    fn latent(&self) -> usize {
        self.play.draws().map_or(0, Draws::latent)
    }

    fn classes(&self) -> &[String] {
        &self.play.stage().labels
    }

    fn prior(&self, count: usize, key: Key) -> [Tensor<2>; 2] {
        let stage = self.play.stage();
        let drawn = stage.draw_labels(count, key.stream("classes"));
        let latents = match self.play.draws() {
            Some(d) => d.prior(count, key),
            None => Tensor::zeros([count, 0], &stage.plain()),
        };
        let shares = stage.one_hot(&drawn, &latents.device());
        [latents, shares]
    }

    fn decode_truncated(&self, latents: Tensor<2>, shares: Tensor<2>, psi: f64) -> Result<Samples> {
        let (stage, given) = (self.play.stage(), shares.dims());
        let wanted = [latents.dims()[0], stage.labels.len()];
        if given != wanted {
            return Err(Error::usage(
                format!(
                    "shares of classes of {} are {} x {} here, not {} x {}",
                    stage.model, wanted[0], wanted[1], given[0], given[1]
                ),
                "give every latent a share of each class",
            ));
        }
        self.drawn(latents, Some(shares), psi)
    }

    fn as_styles(&self) -> Option<&dyn Styles> {
        self.play.draws()?.styles()
    }

    fn first_weights(&self) -> Option<Tensor<2>> {
        self.play.draws()?.first_weights()
    }
}
