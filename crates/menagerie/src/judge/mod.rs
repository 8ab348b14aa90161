//! Judging what models make. Metrics are functions of plain numbers ([`crate::metrics`]); what they are given is gathered
//! here, from a model or a file of samples, by an extractor of features.
mod asked;
mod beside;
mod bicubic;
mod boxes;
mod by_acting;
mod by_anomaly;

mod by_attack;
mod by_capability;
mod by_classes;
mod by_completion;
mod by_deformation;
mod by_features;
mod by_frames;
mod by_grammar;
mod by_identity;
mod by_images;
mod by_inference;
mod by_latents;
mod by_message;
mod by_notes;
mod by_places;
mod by_representation;
mod by_rows;
mod by_rule;
mod by_sentences;
mod by_sequence;
mod by_shape;

mod by_table;
mod by_text;
mod by_translation;
pub mod cas;
pub mod extractor;
mod flips;
pub mod gather;
mod metric;
mod needs;
pub mod pretrained;
pub mod subject;

pub(crate) use asked::{amounts, as_stated};
pub use by_acting::acted;
pub use by_completion::around_the_middle;

pub use by_images::{Neighbours, neighbours};
pub use metric::{Judge, METRICS, Metric, Reference, Tell, Verdict, gather, label, metric};
pub use needs::Needs;
