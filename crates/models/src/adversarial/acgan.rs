//! Auxiliary classifier GAN: the discriminator tells the class.
//!
//! Odena, Olah, Shlens (2016), Conditional Image Synthesis With Auxiliary Classifier GANs, arXiv:1610.09585.
//!
//! D maximizes L_S + L_C, G maximizes L_C - L_S: L_S of the source, L_C the log-likelihood of the class (equations 2 and 3)
//!
//! Samples that the classifier is sure of pay twice, so that diversity within a class falls as `condition.weight` grows;
//! `condition.discriminator = "twin-classes"` (TAC-GAN) and `"discriminative-classes"` (ADC-GAN) mend it.
use super::config::Config;
use super::dcgan::Dcgan;
use super::game::condition::{Condition, IntoDiscriminator};
use super::{OfTwo, Variant};
use crate::Entry;

/// See the module.
pub struct Acgan;

impl Variant for Acgan {
    const NAME: &'static str = "acgan";
    fn config() -> Config {
        let condition = Condition {
            discriminator: IntoDiscriminator::Classes,
            ..Condition::default()
        };
        Config {
            condition: Some(condition),
            ..Dcgan::config()
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: Acgan::NAME,
    family: super::FAMILY,
    capabilities: super::OF_TOLD_CLASSES,
    paper: "Odena et al. 2016, Conditional Image Synthesis With Auxiliary Classifier GANs, arXiv:1610.09585",
    recipe: Acgan::NAME,
    data: &["digits"],
    tiny: super::TINY_DCGAN,
    ..Entry::of::<OfTwo<Acgan>>()
};
