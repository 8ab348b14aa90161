//! What models are made of: layers (a constructor with its sizes and first weights, and `forward`; channels last),
//! optimizers, moving averages, and networks as named arrays.
pub mod activations;
mod average;
mod batch_norm;
mod conv;
mod dual;
pub mod flow;
pub mod init;
mod learner;
pub mod levels;
mod linear;
mod lstm;
mod masked_conv;
mod network;
mod optimizer;
pub mod pyramid;
pub mod settings;
mod spectral;
mod tensors;
mod torch_file;

pub use average::Average;
pub use batch_norm::{BatchNorm, BatchNormOf};
pub use conv::{Conv2d, ConvOf, ConvTranspose2d};
pub use dual::Dual;
pub use init::{Init, Weights};
pub use learner::{Descent, Learner};
pub use linear::{Linear, LinearOf};
pub use lstm::{LstmCell, LstmState};
pub use masked_conv::{Mask, MaskedConv2d, MaskedConvOf, MaskedMatrix, group_channels};
pub use menagerie_kernels::{Activation, activation};
pub use network::{NetworkInfo, Part, Purpose, trainable, with_gradients};
pub use optimizer::{Optimizer, OptimizerConfig, Rule};
pub use spectral::SpectralNorm;
pub use tensors::Tensors;
pub use torch_file::read_torch;
