//! What models are made of: layers (a constructor with its sizes and first weights, and `forward`; channels last),
//! optimizers, moving averages, and networks as named arrays.
pub mod activations;
mod ahead;
mod attention;
mod average;
mod batch_norm;
pub mod collective;
mod conv;

mod dual;
mod finite;
pub mod flow;
pub mod init;
mod item_norm;

mod learner;
pub mod levels;
mod linear;
mod local;
mod lstm;
mod masked_conv;
mod minibatch_deviation;
mod modulated_conv;
mod modulation;
pub mod named;
mod network;
mod on_tape;
mod optimizer;
pub mod pad;
mod pixel_norm;
pub mod pyramid;
mod read;
pub mod settings;
mod spectral;
mod tensors;
mod torch_file;
mod virtual_norm;

pub use activations::activation;
pub use ahead::Ahead;
pub use attention::SelfAttention;
pub use average::Average;
pub use batch_norm::{BatchNorm, BatchNormOf, standing};
pub use conv::{Conv2d, ConvOf, ConvTranspose2d};
pub use dual::Dual;
pub use finite::{first_not_finite, is_finite};
pub use init::{Init, Weights};
pub use item_norm::{ItemNorm, NormOver};

pub use learner::{Descent, Kept, Learner};
pub use linear::{Linear, LinearOf};
pub use local::Local2d;
pub use lstm::{Lstm, LstmCell, LstmState};
pub use masked_conv::{Mask, MaskedConv2d, MaskedConvOf, MaskedMatrix};
pub use menagerie_kernels::Activation;
pub use minibatch_deviation::minibatch_deviation;
pub use modulated_conv::ModulatedConv2d;
pub use modulation::Modulation;
pub use network::{NetworkInfo, Part, Purpose, trainable, with_gradients};
pub use on_tape::on_tape;
pub use optimizer::{Optimizer, OptimizerConfig, Rule, gradient_norm};
pub use pixel_norm::pixel_norm;
pub use read::{number, numbers};
pub use spectral::SpectralNorm;
pub use tensors::Tensors;
pub use torch_file::read_torch;
pub use virtual_norm::{Reference, VirtualNorm};
