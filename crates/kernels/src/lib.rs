//! Channels-last CPU kernels for training generative models, and the same operations for Burn's other
//! backends.
//!
//! [`ops`] has the operations on Burn's tensors. The other modules work on slices of f32: [`conv`]
//! computes convolutions, [`dense`] products of a few rows, [`matrix`] of many, [`lstm`] steps of a recurrence, [`nade`] a whole
//! model, [`noise`] random numbers, [`pool`] spreads work over threads, [`memory`] recycles buffers, [`isa`]
//! tells which instruction set is in use.
//!
//! | environment variable | effect |
//! |---|---|
//! | `MENAGERIE_ISA=avx2`, `portable` | use a lower instruction set than the machine has |
//! | `MENAGERIE_CONV=direct` | no Winograd convolutions |
//! | `MENAGERIE_THREADS=N` | threads, unless [`set_threads`] says otherwise |
//! | `MENAGERIE_CACHE_MB=N` | megabytes kept for reuse (256, or as many as bring it to the most in use) |
mod block;
pub mod conv;
pub mod dense;
pub mod isa;
pub mod lstm;
pub mod matrix;
pub mod memory;
pub mod nade;
pub mod noise;
pub mod ops;
pub mod pool;
pub mod reference;
mod rows;
mod scratch;
pub mod symmetric;

pub use isa::isa_name;
pub use ops::*;
pub use pool::{set_threads, threads};
