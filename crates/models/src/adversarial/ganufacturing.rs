//! Personalized GANufacturing: a crown for a ground tooth, that is like its neighbours and meets what stands against it.
//!
//! Hwang, Azernikov, Efros, Yu (2018), Learning Beyond Human Expertise with Generative Models for Dental Restorations,
//! arXiv:1804.00064.
//!
//! L = l1 |y - G(x)| + game L_GAN + weight L_fit
//!
//! The play is pix2pix's over heights of jaws; L_fit compares how distances to the opposing jaw are spread ([`Fit`]). The paper learns from
//! scans of a dental laboratory, of which there are no public ones; its second stage, which goes beyond the technician's own crowns, is the
//! histogram of the ideal ones, which drawn jaws have by construction.
use super::networks::TranslatorSizes;
use super::networks::translator::unet;
use super::pix2pix::Pix2pix;
use super::plays::output::{Fit, Output};
use super::plays::paired::PairedSettings;
use super::translation::Translation;
use super::{OfPairs, Pairs, TRANSLATES};
use crate::Entry;

/// See the module.
pub struct Ganufacturing;

impl OfPairs for Ganufacturing {
    const NAME: &'static str = "ganufacturing";
    fn config() -> Translation<PairedSettings> {
        Translation {
            model: TranslatorSizes::Unet(unet::Sizes {
                dropout: 0.0,
                ..unet::Sizes::default()
            }),
            translation: PairedSettings {
                l1: 10.0,
                game: 0.1,
                output: Output::Fit(Fit::default()),
                ..PairedSettings::default()
            },
            ..Pix2pix::config()
        }
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: Ganufacturing::NAME,
    family: super::FAMILY,
    capabilities: TRANSLATES,
    paper: "Hwang et al. 2018, Learning Beyond Human Expertise with Generative Models for Dental Restorations, arXiv:1804.00064",
    recipe: Ganufacturing::NAME,
    data: &["jaws"],
    tiny: super::TINY_TRANSLATOR,
    ..Entry::of::<Pairs<Ganufacturing>>()
};
