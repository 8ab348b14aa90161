//! Layers that models share: a constructor with its sizes and first weights, and `forward`. Channels last.
mod batch_norm;
mod conv;
pub mod flow;
pub mod init;
mod linear;
mod lstm;
mod masked_conv;
pub mod pyramid;

pub use batch_norm::BatchNorm;
pub use conv::{Conv2d, ConvTranspose2d};
pub use linear::Linear;
pub use lstm::{LstmCell, LstmState};
pub use masked_conv::{Mask, MaskedConv2d, MaskedMatrix, group_channels};
pub use menagerie_kernels::{Activation, activation};
