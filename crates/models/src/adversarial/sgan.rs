//! Semi-supervised GAN: the discriminator is the classifier.
//!
//! Odena (2016), Semi-Supervised Learning with Generative Adversarial Networks, arXiv:1606.01583.
//!
//! K classes and, by their logits, one of samples: D(x) = Z / (Z + 1), Z = sum_k exp l_k(x). Items with labels add their
//! cross-entropy; all others only say that they are data. `train.labels = 100` keeps that many labels;
//! `evaluate --metrics test-errors` counts mistakes.
use super::config::Config;
use super::dcgan::Dcgan;
use super::game::semi_supervised::SemiSupervised;
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct Sgan;

impl Variant for Sgan {
    const NAME: &'static str = "sgan";
    fn config() -> Config {
        Config {
            semi_supervised: Some(SemiSupervised::default()),
            ..Dcgan::config()
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: Sgan::NAME,
    family: super::FAMILY,
    capabilities: super::SEMI_SUPERVISED,
    paper: "Odena 2016, Semi-Supervised Learning with Generative Adversarial Networks, arXiv:1606.01583",
    recipe: Sgan::NAME,
    data: &["digits"],
    tiny: super::TINY_DCGAN,
    ..Entry::of::<OfTwo<Sgan>>()
};
