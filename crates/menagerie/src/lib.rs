//! Menagerie: train, judge, explore and ship generative models.
//!
//! A datum's way: [`data::Source`] -> [`data::Dataset`] -> [`data::Loader`] -> [`data::Batch`] -> [`models::Model::step`]
//! -> numbers -> [`run::Run`]. A run's way back: [`run::Run`] -> [`models::Model`] -> what it can do -> file or picture.
//!
//! The rooms of the house are crates, so that dependencies point one way; this one gives them all under one name.
pub mod explore;
pub mod judge;
pub mod recipe;
pub mod run;

pub use burn::tensor::{Device, Tensor};
pub use menagerie_data as data;
pub use menagerie_data::{Error, Key, Result, error, files, limits, picture, random};
pub use menagerie_kernels as kernels;
pub use menagerie_metrics as metrics;
pub use menagerie_models as models;
pub use menagerie_nn as nn;
