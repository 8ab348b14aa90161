//! Channels-last CPU kernels for training generative models, and the same operations for Burn's other
//! backends.
pub mod isa;
pub mod noise;
pub mod ops;
pub mod pool;
mod rows;

pub use isa::isa_name;
pub use ops::*;
pub use pool::{set_threads, threads};
