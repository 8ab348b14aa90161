//! A network that tells images apart, whatever is done to them: two views of one image, moved, mirrored and of other colours, are
//! closer to each other than to views of others. It stands where a work on faces takes a network that was trained on who is seen in
//! many photographs (Antipov et al. 2017, arXiv:1702.01983, section 2.2), for data that do not say who.
use super::super::config::Config;
use super::super::game::augment::{Augment, Diff};
use super::super::game::contrast::unit;

use super::described::symmetric;
use super::joint::EncoderNetwork;
use crate::{NetworkInfo, Part, Purpose};
use burn::tensor::{Device, Tensor};

use menagerie_data::DataInfo;
use menagerie_data::error::Result;
use menagerie_data::random::Key;
use menagerie_nn::{Init, Learner, Tensors, on_tape};

/// See the module.
pub(super) struct Identity {
    learner: Learner<EncoderNetwork>,
    views: Augment,
}

/// Numbers by which images are told apart.
const NUMBERS: usize = 64;
/// By which cosines are divided.
const TEMPERATURE: f64 = 0.1;

impl Identity {
    /// A fresh one with the layers of a discriminator.
    ///
    /// # Errors
    /// Those of [`Learner::new`].
    pub(super) fn new(config: &Config, info: &DataInfo, device: &Device, at: &Init) -> Result<Identity> {
        let network = EncoderNetwork::new(&config.model, info, (0, NUMBERS), false, at);
        let (optimizer, average) = (config.optimizer.generator, config.model.average());
        Ok(Identity {
            learner: Learner::new("identity", network, optimizer, average, device)?,
            views: Augment {
                diff: Some(Diff {
                    cutout: false,
                    flip: true,
                    ..Diff::default()
                }),

                ..Augment::default()
            },
        })
    }

    /// An update on images; gives the loss.
    pub(super) fn learn(&mut self, images: &Tensor<4>, key: Key) -> Result<f64> {
        let view = |of: &str| {
            let seen = self.views.apply(images.clone(), 0, 0.0, key.stream(of));
            self.learner.network().forward(seen).0
        };
        let loss = symmetric(view("one"), view("other"), TEMPERATURE);
        Ok(self.learner.descend(loss, false)?.loss)
    }

    /// Images on a tape -> who is seen, `[batch, numbers]`, rows of length one; its weights held fixed.
    pub(super) fn fixed(&self) -> impl Fn(Tensor<4>) -> Tensor<2> + use<> {
        let network = on_tape(self.learner.for_use());
        move |x| unit(network.forward(x).0)
    }

    pub(super) fn info(&self, x: Tensor<4>) -> NetworkInfo {
        self.learner.info(|n| n.forward(x))
    }

    pub(super) fn save(&self) -> Vec<(String, Part<'_>)> {
        self.learner.save()
    }

    pub(super) fn load(&mut self, read: &dyn Fn(&str) -> Result<Tensors>, purpose: Purpose) -> Result<()> {
        self.learner.load(read, purpose)
    }
}
