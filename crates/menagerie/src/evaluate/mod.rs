//! Judging what models make: metrics, one a file, as functions of plain numbers; what they are given is gathered by
//! `judge` from a model or a file of samples.
pub mod attributes;
pub mod bicubic;
mod by_capability;
mod by_classes;
mod by_features;
mod by_images;
mod by_latents;
pub mod cas;
pub mod extractor;
pub mod features;
pub mod fid;
pub mod frequency;
pub mod gather;
pub mod inception;
pub mod inception_score;
pub mod judge;
pub mod kid;
pub mod markov;
pub mod moments;
mod neighbours;
pub mod path_length;
pub mod points;
pub mod prdc;
pub mod ssim;
pub mod stacked;
pub mod subject;
pub mod swd;
mod symmetric;
pub mod transport;
pub mod video;

pub use by_images::{Neighbours, neighbours};
pub use features::{Direction, Features, Figure};
