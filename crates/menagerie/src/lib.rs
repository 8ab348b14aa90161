//! Menagerie: train, judge, explore and ship generative models.
pub mod data;
pub mod error;
pub mod picture;
pub mod random;

pub use error::{Error, Result};
