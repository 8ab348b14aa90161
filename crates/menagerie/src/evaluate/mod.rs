//! Metrics, one a file.
pub mod features;
pub mod fid;
pub mod inception_score;
pub mod kid;
pub mod moments;
mod neighbours;
pub mod points;
pub mod prdc;
mod symmetric;

pub use features::{Direction, Features, Figure};
