//! Networks that judge rather than generate: a class, or what a picture shows.
pub mod attribute_reader;
pub(crate) mod augment;
pub mod classifier;
pub(crate) mod trunk;

pub use attribute_reader::AttributeReader;
pub use augment::Augmentation;
pub use classifier::Classifier;
pub use trunk::{Trunk, TrunkConfig, TrunkKind};
