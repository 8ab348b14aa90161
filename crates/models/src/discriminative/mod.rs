//! Networks that judge rather than generate: a class, or what a picture shows.
pub mod attribute_reader;
mod augment;
pub mod classifier;
pub mod dann;
pub mod sequence_reader;
mod trunk;

pub use attribute_reader::AttributeReader;
pub use augment::Augmentation;
pub use classifier::Classifier;
pub use dann::Dann;
pub use sequence_reader::SequenceReader;
pub use trunk::TrunkKind;

use crate::Entry;

/// The family's name in the taxonomy.
pub(crate) const FAMILY: &str = "discriminative";
/// Its models.
pub(crate) const ENTRIES: &[&Entry] = &[
    &classifier::ENTRY,
    &dann::ENTRY,
    &attribute_reader::ENTRY,
    &sequence_reader::ENTRY,
];
