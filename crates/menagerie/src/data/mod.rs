//! Where samples come from, and how they become batches. Nothing here knows of networks.
mod dataset;
pub mod portraits;

pub use dataset::{DataInfo, Dataset, Density, Item, Kind, Values};
