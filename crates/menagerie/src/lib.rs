//! Menagerie: train, judge, explore and ship generative models.
//!
//! A datum's way: [`data::Source`] -> [`data::Dataset`] -> [`data::Loader`] -> [`data::Batch`] -> [`models::Model::step`]
//! -> numbers -> [`run::Run`]. A run's way back: [`run::Run`] -> [`models::Model`] -> what it can do -> file or picture.
pub mod data;
pub mod error;
pub mod evaluate;
pub mod explore;
pub mod files;
pub mod limits;
pub mod models;
pub mod nn;
pub mod picture;
pub mod random;
pub mod recipe;
pub mod run;
pub mod train;

pub use burn::tensor::{Device, Tensor};
pub use error::{Error, Result};
pub use menagerie_kernels as kernels;
pub use random::Key;
