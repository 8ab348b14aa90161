//! Metrics, one a file.
pub mod markov;
pub mod points;
