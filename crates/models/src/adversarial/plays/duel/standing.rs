//! The generator that draws: with the statistics of its batch norms taken anew for the weights that draw, where that is asked for.
use super::super::super::game::Draws;
use super::super::super::networks::GeneratorNetwork;
use super::Duel;
use menagerie_data::random::Key;
use menagerie_nn::standing;
use std::sync::{Mutex, PoisonError};

/// What was found for the weights after so many updates.
pub(super) type Stood = Mutex<Option<(u64, GeneratorNetwork)>>;

/// Items of a batch by which statistics are taken.
const BATCH: usize = 64;

impl Duel {
    /// The generator to use. Where statistics stand, they are those of latents that are the same for all weights, so that a sample
    /// is a function of its own latent alone, and the same after a checkpoint is read.
    pub(super) fn standing(&self) -> GeneratorNetwork {
        if self.game.standing == 0 {
            return self.generator.for_use();
        }
        let updates = self.generator.updates();
        let mut stood = self.stood.lock().unwrap_or_else(PoisonError::into_inner);
        match &*stood {
            Some((at, network)) if *at == updates => network.clone(),
            _ => {
                let network = self.stand();
                *stood = Some((updates, network.clone()));
                network
            }
        }
    }

    fn stand(&self) -> GeneratorNetwork {
        let of = |n: usize| Key::new(0).stream("standing statistics").step(n as u64);
        standing(&self.generator.for_use(), self.game.standing, |network, n| {
            let latents = Draws::prior(self, BATCH, of(n));
            let classes = self.hears().then(|| {
                let drawn = self.stage.draw_labels(BATCH, of(n).stream("classes"));
                self.stage.one_hot(&drawn, &latents.device())
            });
            let (z, told) = self.heard(latents, classes);
            network.forward(z, told.as_ref())
        })
    }
}
