//! IcGAN: a conditional GAN with encoders that invert it, by which images of the data are given other attributes.
//!
//! Perarnau, van de Weijer, Raducanu, Alvarez (2016), Invertible Conditional GANs for Image Editing, arXiv:1611.06355.
//!
//! The play is `plays/edited.rs`, without a search: two encoders, each by itself (IND in the paper's table 2).
use super::Variant;
use super::dcgan::Dcgan;
use super::editing::{EDITS, EditSettings, Editing, Edits, OfEdits, TINY};
use crate::Entry;

/// See the module.
pub struct Icgan;

impl OfEdits for Icgan {
    const NAME: &'static str = "icgan";
    fn config() -> Editing {
        Editing::of(Dcgan::config(), EditSettings::default())
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: Icgan::NAME,
    family: super::FAMILY,
    capabilities: EDITS,
    paper: "Perarnau et al. 2016, Invertible Conditional GANs for Image Editing, arXiv:1611.06355",
    recipe: Icgan::NAME,
    data: &["portraits", "digits"],
    tiny: TINY,
    ..Entry::of::<Edits<Icgan>>()
};
