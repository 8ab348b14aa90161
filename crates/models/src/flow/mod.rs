//! Normalizing flows: exact likelihoods through invertible networks. The layers are in [`menagerie_nn::flow`].
mod dequantize;
mod flow_model;
pub mod glow;
pub mod nice;
pub mod real_nvp;
#[cfg(test)]
mod tests;

pub(crate) use dequantize::item_noise;
pub use dequantize::{Dequantization, NoiseFlow};
pub use flow_model::{FlowModel, FlowNetwork, Prior};

use crate::Entry;

/// The family's name in the taxonomy.
pub(crate) const FAMILY: &str = "flow";
/// Its models.
pub(crate) const ENTRIES: &[&Entry] = &[&nice::ENTRY, &real_nvp::ENTRY, &glow::ENTRY];
