//! Normalizing flows: exact likelihoods through invertible networks. The layers are in [`crate::nn::flow`].
mod dequantize;
mod flow_model;
pub mod glow;
pub mod nice;
pub mod real_nvp;
#[cfg(test)]
mod tests;

pub use dequantize::{Dequantization, NoiseFlow};
pub use flow_model::{FlowModel, FlowNetwork, Prior};
