//! Metrics, one a file.
pub mod points;
pub mod video;
