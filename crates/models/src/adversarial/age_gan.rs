//! Age-cGAN: a face at another age, of the same person.
//!
//! Antipov, Baccouche, Dugelay (2017), Face Aging with Conditional Generative Adversarial Networks, arXiv:1702.01983.
//!
//! The play is `plays/edited.rs` with a search that keeps who is seen. The paper has six groups of age as classes, which data with
//! classes give (`edit.domains = []`); painted faces show lines of age or not. Who is seen is told by a network that learns beside to
//! tell images apart, where the paper has one of faces that others had trained.
use super::Variant;
use super::dcgan::Dcgan;
use super::editing::{EDITS, EditSettings, Editing, Edits, Keeps, OfEdits, TINY};
use crate::Entry;

/// See the module.
pub struct AgeGan;

impl OfEdits for AgeGan {
    const NAME: &'static str = "age_gan";
    fn config() -> Editing {
        let edit = EditSettings {
            search: Keeps::Identity,
            ..EditSettings::default()
        };
        Editing::of(Dcgan::config(), edit)
    }
}

/// In the registry.
pub(crate) const ENTRY: Entry = Entry {
    name: AgeGan::NAME,
    family: super::FAMILY,
    capabilities: EDITS,
    paper: "Antipov et al. 2017, Face Aging with Conditional Generative Adversarial Networks, arXiv:1702.01983",
    recipe: AgeGan::NAME,
    data: &["portraits", "digits"],
    tiny: TINY,
    ..Entry::of::<Edits<AgeGan>>()
};
