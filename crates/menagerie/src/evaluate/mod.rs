//! Metrics, one a file.
pub mod points;
